//! What the program is doing, devices, settings, certificate, QR code.

use crate::testing::{Exchange, Site};
use serde_json::json;

#[tokio::test]
async fn the_status_says_where_everything_is() {
    let site = Site::new().await;
    site.record(Exchange::default()).await;
    let status = site.get("/api/status").await.json();
    assert_eq!(status["recording"], true);
    assert_eq!(status["trouble"], json!(null));
    assert_eq!(status["flows"], 1);
    assert!(status["disk_bytes"].as_u64().is_some_and(|bytes| bytes > 0));
    assert!(status["disk_free"].as_u64().is_some_and(|bytes| bytes > 0));
    assert!(
        status["queue_bytes_limit"]
            .as_u64()
            .is_some_and(|bytes| bytes > 0)
    );
    assert!(status["uptime_s"].is_u64());
    assert_eq!(status["devices"], 0);
    assert_eq!(status["web"], "http://127.0.0.1:8081");
    assert_eq!(status["data"], site.folder.path().display().to_string());
    let port = site
        .proxy
        .status()
        .listening
        .first()
        .expect("it listens")
        .port();
    assert_eq!(status["proxy"], json!([format!("127.0.0.1:{port}")]));
    assert_eq!(
        status["listeners"],
        json!([{"address": format!("127.0.0.1:{port}"), "mode": "proxy", "server": null}])
    );
    assert_eq!(status["lan"], json!([]), "it listens on loopback only");
    let root = site.authority.info();
    assert_eq!(status["ca"]["name"], root.name.as_str());
    assert_eq!(status["ca"]["fingerprint"], root.fingerprint.as_str());
    let path = status["ca"]["path"].as_str().expect("a path");
    let file = std::fs::read(path).expect("the certificate's file");
    assert!(file == site.authority.pem().into_bytes());
}

#[tokio::test]
async fn a_device_is_decided_about() {
    let site = Site::new().await;
    assert_eq!(site.get("/api/devices").await.json(), json!({"items": []}));
    let allow = || Some(json!({"decision": "allow"}));
    assert_eq!(
        site.ask("PUT", "/api/devices/192.168.1.7", allow())
            .await
            .status,
        204
    );
    assert_eq!(
        site.ask("PUT", "/api/devices/fd00::7", allow())
            .await
            .status,
        204
    );
    site.ask("PUT", "/api/devices/phone", allow())
        .await
        .problem(400);
    site.ask(
        "PUT",
        "/api/devices/192.168.1.7",
        Some(json!({"decision": "maybe"})),
    )
    .await
    .problem(422);
    site.ask("PUT", "/api/devices/192.168.1.7", Some(json!({})))
        .await
        .problem(422);
    site.ask("PUT", "/api/devices/192.168.1.7", None)
        .await
        .problem(415);
}

#[tokio::test]
async fn a_certificate_is_accepted_and_verified_again() {
    let site = Site::new().await;
    let path = "/api/settings/accepted-certificates";
    assert_eq!(
        site.get("/api/settings").await.json()["accepted_certificates"],
        json!([])
    );
    for host in [
        "Self-Signed.test",
        "192.0.2.1",
        "2001:db8::1",
        "%5B2001:db8::2%5D",
    ] {
        assert_eq!(
            site.ask("PUT", &format!("{path}/{host}"), None)
                .await
                .status,
            204,
            "{host}"
        );
    }
    let accepted = json!([
        "192.0.2.1",
        "2001:db8::1",
        "2001:db8::2",
        "self-signed.test"
    ]);
    assert_eq!(
        site.get("/api/settings").await.json()["accepted_certificates"],
        accepted
    );
    assert_eq!(
        site.ask("DELETE", &format!("{path}/self-signed.test"), None)
            .await
            .status,
        204
    );
    assert_eq!(
        site.ask("DELETE", &format!("{path}/never.test"), None)
            .await
            .status,
        204
    );
    let accepted = json!(["192.0.2.1", "2001:db8::1", "2001:db8::2"]);
    assert_eq!(
        site.get("/api/settings").await.json()["accepted_certificates"],
        accepted
    );
    for wrong in ["a%20b", "a%2Fb", "a.test:443", "%3Cscript%3E"] {
        site.ask("PUT", &format!("{path}/{wrong}"), None)
            .await
            .problem(400);
    }
}

#[tokio::test]
async fn the_certificate_and_never_its_key() {
    let site = Site::new().await;
    let root = &site.authority;
    for (path, kind, bytes) in [
        (
            "/api/ca.pem",
            "application/x-pem-file",
            root.pem().into_bytes(),
        ),
        (
            "/api/ca.crt",
            "application/x-x509-ca-cert",
            root.certificate_der().to_vec(),
        ),
        (
            "/api/ca.mobileconfig",
            "application/x-apple-aspen-config",
            root.mobileconfig(),
        ),
    ] {
        let answer = site.get(path).await;
        assert_eq!(answer.header("content-type"), kind);
        assert!(
            answer
                .header("content-disposition")
                .starts_with("attachment; filename=\"overhear.")
        );
        assert!(answer.body == bytes, "{path}");
        assert!(!answer.text().contains("PRIVATE"));
    }
    let p12 = site.get("/api/ca.p12").await;
    assert_eq!(p12.header("content-type"), "application/x-pkcs12");
    assert!(p12.body.starts_with(&[0x30]), "a DER sequence");
}

#[tokio::test]
async fn a_qr_code_is_an_image() {
    let site = Site::new().await;
    let answer = site
        .get("/api/qr.svg?text=http%3A%2F%2F192.168.1.5%3A8080%2F")
        .await;
    assert_eq!(answer.header("content-type"), "image/svg+xml");
    assert!(answer.text().contains("<svg"), "{}", answer.text());
    let evil = site
        .get("/api/qr.svg?text=%3Cscript%3Ealert(1)%3C%2Fscript%3E")
        .await;
    assert!(!evil.text().contains("script"));
    site.get("/api/qr.svg").await.problem(400);
    site.get(&format!("/api/qr.svg?text={}", "x".repeat(3000)))
        .await
        .problem(400);
}

#[tokio::test]
async fn settings_are_changed_all_or_none() {
    let site = Site::new().await;
    let before = site.get("/api/settings").await.json();
    assert_eq!(before["items"][0]["source"], "default");
    let changes = Some(json!({"allow": ["10.0.0.0/8"]}));
    let after = site.ask("PATCH", "/api/settings", changes).await.json();
    assert_eq!(after["items"][0]["value"], json!(["10.0.0.0/8"]));
    assert_eq!(after, site.get("/api/settings").await.json());
    let wrong = site.ask("PATCH", "/api/settings", Some(json!({"web": 1})));
    assert_eq!(wrong.await.problem(400)["detail"], "web: no");
    site.ask("PATCH", "/api/settings", Some(json!(["allow"])))
        .await
        .problem(422);
}
