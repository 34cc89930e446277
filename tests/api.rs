//! Promise: one documented API, for this machine's user alone.

use crate::support::{Nginx, Program, Server, api::json, server::response, wire};
use serde_json::{Value, json};
use std::{collections::BTreeSet, io::Write};

#[test]
fn nobody_without_the_token() {
    let program = Program::start();
    let token = &program.api.token;
    let bearer = format!("Authorization: Bearer {token}");
    let cookie = format!("Cookie: other=1; overhear={token}");
    for fields in [vec![bearer.as_str()], vec![cookie.as_str()]] {
        assert_eq!(
            program.api.raw("GET", "/api/status", &fields, b"").status(),
            200
        );
    }
    let near = format!("Authorization: Bearer {}x", &token[..token.len() - 1]);
    for fields in [
        vec![],
        vec!["Authorization: Bearer "],
        vec!["Authorization: Bearer wrong"],
        vec![near.as_str()],
        vec!["Cookie: overhear=wrong"],
    ] {
        for path in [
            "/api/status",
            "/api/flows",
            "/api/openapi.json",
            "/api/events",
            "/api/ca.pem",
        ] {
            let answer = program.api.raw("GET", path, &fields, b"");
            assert_eq!(
                answer.status(),
                401,
                "{path} {fields:?}: {}",
                answer.head_text()
            );
            assert!(
                answer
                    .field("content-type")
                    .unwrap()
                    .starts_with("application/problem+json")
            );
        }
    }
    // The link sets the cookie and takes the token out of the address.
    let link = program
        .api
        .raw("GET", &format!("/?token={token}"), &[], b"");
    assert!((302..=303).contains(&link.status()), "{}", link.head_text());
    assert_eq!(link.field("location").unwrap(), "/");
    let cookie = link.field("set-cookie").unwrap();
    let pair = cookie.split(';').next().unwrap();
    assert!(pair.starts_with("overhear"), "{cookie}");
    let cookie_field = format!("Cookie: {pair}");
    assert_eq!(
        program
            .api
            .raw("GET", "/api/status", &[&cookie_field], b"")
            .status(),
        200
    );
    assert!(
        cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"),
        "{cookie}"
    );
    assert!(
        program
            .api
            .raw("GET", "/?token=wrong", &[], b"")
            .field("set-cookie")
            .is_none()
    );
}

#[test]
fn only_under_its_own_name_and_from_its_own_page() {
    let program = Program::start();
    let port = program.api.address.port();
    let bearer = format!("Authorization: Bearer {}", program.api.token);
    let get = |host: &str| {
        let host = format!("Host: {host}");
        program
            .api
            .raw("GET", "/api/status", &[&bearer, &host], b"")
            .status()
    };
    for host in ["localhost", "127.0.0.1", "[::1]"] {
        assert_eq!(get(&format!("{host}:{port}")), 200, "{host}");
    }
    for host in [
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.nip.io",
        "",
    ] {
        assert!(
            get(&format!("{host}:{port}")) >= 400,
            "{host}: DNS rebinding"
        );
    }
    let delete = |origin: &str| {
        let origin = format!("Origin: {origin}");
        program
            .api
            .raw("DELETE", "/api/flows", &[&bearer, &origin], b"")
            .status()
    };
    assert_eq!(delete(&format!("http://127.0.0.1:{port}")), 200);
    for origin in [
        "http://evil.example",
        "null",
        "http://127.0.0.1:1",
        "https://127.0.0.1",
    ] {
        assert_eq!(delete(origin), 403, "{origin}");
    }
}

#[test]
fn the_page_is_served_with_a_strict_policy() {
    let program = Program::start();
    let cookie = format!("Cookie: overhear={}", program.api.token);
    let page = program.api.raw("GET", "/", &[&cookie], b"");
    assert_eq!(page.status(), 200, "{}", page.head_text());
    let policy = page.field("content-security-policy").unwrap();
    assert!(
        policy.contains("default-src 'self'") || policy.contains("default-src 'none'"),
        "{policy}"
    );
    assert!(!policy.contains("script-src 'unsafe-inline'"), "{policy}");
    assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
    assert_eq!(page.field("x-content-type-options").unwrap(), "nosniff");
    assert_eq!(page.field("referrer-policy").unwrap(), "no-referrer");
}

#[test]
fn recorded_bodies_cannot_act_in_the_page() {
    let origin = Server::answering(None, |_| {
        response(
            "200 OK",
            &["Content-Type: text/html"],
            "<script>alert(1)</script>",
        )
    });
    let program = Program::start();
    program
        .curl()
        .arg(format!("http://localhost:{}/evil", origin.port()))
        .ok();
    let flow = program.api.flow("path:/evil");
    let path = format!("/api/flows/{}/response/body", flow["id"]);
    let answer = program.api.send("GET", &path, None);
    assert_eq!(answer.text(), "<script>alert(1)</script>");
    assert_eq!(
        answer.field("content-type").unwrap(),
        "application/octet-stream"
    );
    assert_eq!(answer.field("x-overhear-type").unwrap(), "text/html");
    assert!(
        answer
            .field("content-security-policy")
            .unwrap()
            .contains("sandbox")
    );
    assert_eq!(answer.field("x-content-type-options").unwrap(), "nosniff");
    assert!(
        answer
            .field("content-disposition")
            .unwrap()
            .starts_with("attachment")
    );
}

#[test]
fn the_document_describes_every_resource() {
    let program = Program::start();
    let document = program.api.get("/api/openapi.json");
    assert!(
        document["openapi"].as_str().unwrap().starts_with("3."),
        "{document}"
    );
    let paths: BTreeSet<_> = document["paths"]
        .as_object()
        .unwrap()
        .keys()
        .cloned()
        .collect();
    assert_eq!(document["servers"][0]["url"], "/api");
    for path in [
        "/flows",
        "/flows/count",
        "/flows/{id}",
        "/flows/{id}/messages",
        "/replay",
        "/export",
        "/status",
        "/devices",
        "/settings",
        "/events",
    ] {
        assert!(paths.contains(path), "{path} is not among {paths:#?}");
    }
}

#[test]
fn pages_of_the_list() {
    let origin = Server::answering(None, |_| response("200 OK", &[], "x"));
    let program = Program::start();
    let urls: Vec<_> = (0..25)
        .map(|n| format!("http://localhost:{}/page/{n}", origin.port()))
        .collect();
    program.curl().args(urls).ok();
    program.api.wait_for("", 25);
    for (order, expected) in [
        ("desc", (0..25).rev().collect::<Vec<_>>()),
        ("asc", (0..25).collect()),
    ] {
        let mut seen = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = program
                .api
                .get(&format!("/api/flows?limit=10&order={order}{cursor}"));
            for flow in page["items"].as_array().unwrap() {
                let path = flow["path"].as_str().unwrap();
                seen.push(path.trim_start_matches("/page/").parse::<i32>().unwrap());
                assert!(
                    flow["request"]["headers"].is_null(),
                    "rows are without headers"
                );
            }
            let Some(next) = page["next"].as_str() else {
                break;
            };
            cursor = format!("&cursor={}", crate::support::api::encode(next));
        }
        assert_eq!(seen, expected, "{order}");
    }
    assert_eq!(program.api.get("/api/flows/count")["count"], 25);
    let wrong = program.api.send("GET", "/api/flows?cursor=nonsense", None);
    assert_eq!(wrong.status(), 400, "{}", wrong.text());
    for sort in ["duration", "size", "status", "host", "method"] {
        let page = program.api.get(&format!("/api/flows?sort={sort}&limit=10"));
        assert_eq!(page["items"].as_array().unwrap().len(), 10, "{sort}");
    }
    assert_eq!(
        program
            .api
            .send("GET", "/api/flows?sort=colour", None)
            .status(),
        400
    );
}

#[test]
fn deleting_and_annotating() {
    let origin = Nginx::start();
    let program = Program::start();
    for path in ["/hello.txt", "/data.json", "/style.css", "/script.js"] {
        program.curl().arg(origin.http(path)).ok();
    }
    let flows = program.api.wait_for("", 4);
    let path = format!("/api/flows/{}", flows[0]["id"]);
    let note = json!({"tags": ["one", "two"], "comment": "a note"});
    program.api.expect(200, "PATCH", &path, Some(&note));
    let noted = program.api.get(&path);
    assert_eq!(noted["tags"], note["tags"]);
    assert_eq!(noted["comment"], "a note");
    assert!((200..300).contains(&program.api.send("DELETE", &path, None).status()));
    let gone = program.api.send("GET", &path, None);
    assert_eq!(gone.status(), 404);
    assert_eq!(json(&gone)["status"], 404);
    let deleted = program
        .api
        .send("DELETE", "/api/flows?filter=path:/data.json", None);
    assert_eq!(json(&deleted)["deleted"], 1);
    let ids = format!("/api/flows?ids={}", flows[2]["id"]);
    assert_eq!(json(&program.api.send("DELETE", &ids, None))["deleted"], 1);
    let left: Vec<_> = program
        .api
        .flows("")
        .iter()
        .map(|f| f["path"].clone())
        .collect();
    assert_eq!(left, ["/script.js"]);
    program.api.send("DELETE", "/api/flows", None);
    assert_eq!(program.api.flows("").len(), 0);
    assert_eq!(
        program.api.send("GET", "/api/flows/abc", None).status() / 100,
        4
    );
    assert_eq!(program.api.send("GET", "/api/nothing", None).status(), 404);
}

#[test]
fn a_change_is_told_as_it_happens() {
    let origin = Server::answering(None, |_| response("200 OK", &[], "x"));
    let program = Program::start();
    let mut events = program.api.events("?filter=path:/live");
    let host = format!("localhost:{}", origin.port());
    let mut client = wire::dial(program.proxy);
    for n in 0..10 {
        for path in ["live", "other"] {
            write!(
                client,
                "GET http://{host}/{path}/{n} HTTP/1.1\r\nHost: {host}\r\n\r\n"
            )
            .unwrap();
            crate::support::http::read_response(&mut client).unwrap();
        }
        let path = json!(format!("/live/{n}"));
        events.find(|name, data| {
            let items = data["items"].as_array().filter(|_| name == "flows")?;
            assert!(
                !items
                    .iter()
                    .any(|f| f["path"].as_str().unwrap().contains("other")),
                "{data}"
            );
            items
                .iter()
                .any(|f| f["path"] == path && f["state"] == "complete")
                .then_some(())
        });
    }

    program
        .api
        .send("DELETE", "/api/flows?filter=path:/live/3", None);
    events.find(|name, data| {
        let deleted = data["deleted"].as_array().filter(|_| name == "flows")?;
        (!deleted.is_empty()).then_some(())
    });
    program.api.send("DELETE", "/api/flows", None);
    events.find(|name, _| (name == "cleared" || name == "reload").then_some(()));
}

#[test]
fn the_status_tells_what_a_person_asks() {
    let program = Program::start();
    let status = program.api.get("/api/status");
    assert_eq!(status["recording"], true);
    assert_eq!(status["trouble"], Value::Null);
    assert_eq!(status["data"], program.data().to_str().unwrap());
    assert!(
        status["ca"]["name"].as_str().unwrap().contains("overhear"),
        "{status}"
    );
    for name in [
        "version",
        "flows",
        "disk_bytes",
        "queued_bytes",
        "connections",
        "lan",
        "web",
    ] {
        assert!(!status[name].is_null(), "{name}: {status}");
    }
}

#[test]
fn the_root_in_every_form() {
    let program = Program::start();
    let file = |name: &str| {
        let path = program.home().join(name);
        std::fs::write(&path, program.api.bytes(&format!("/api/{name}"))).unwrap();
        path
    };
    let fingerprint = |args: &[&str], name: &str| {
        let ran = crate::support::Run::new("openssl")
            .args(args)
            .arg(file(name))
            .ok();
        ran.text()
    };
    let print = ["x509", "-noout", "-fingerprint", "-sha256", "-in"];
    let pem = fingerprint(&print, "ca.pem");
    let der = [
        "x509",
        "-inform",
        "DER",
        "-noout",
        "-fingerprint",
        "-sha256",
        "-in",
    ];
    assert_eq!(fingerprint(&der, "ca.crt"), pem);
    let p12 = fingerprint(
        &["pkcs12", "-passin", "pass:overhear", "-nokeys", "-in"],
        "ca.p12",
    );
    assert!(p12.contains("BEGIN CERTIFICATE"), "{p12}");
    let profile = String::from_utf8(program.api.bytes("/api/ca.mobileconfig")).unwrap();
    assert!(profile.contains("com.apple.security.root"), "{profile}");
    for name in ["ca.pem", "ca.crt", "ca.p12", "ca.mobileconfig"] {
        let bytes = program.api.bytes(&format!("/api/{name}"));
        let text = String::from_utf8_lossy(&bytes);
        assert!(
            !text.contains("PRIVATE KEY"),
            "{name} must not hold the key"
        );
    }
    let qr = program.api.send(
        "GET",
        "/api/qr.svg?text=http%3A%2F%2Foverhear.internal",
        None,
    );
    assert!(qr.text().contains("<svg") && qr.field("content-type").unwrap().contains("svg"));
}
