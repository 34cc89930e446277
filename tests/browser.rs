//! Promise: a browser browses through the proxy as it does without, with the root trusted.

use crate::support::{Nginx, Program, browser};
use serde_json::json;

#[test]
fn chromium_browses_through_the_proxy() {
    let origin = Nginx::start();
    let program = Program::trusting(&origin.ca.pem);
    let saw = browser::drive(
        &program,
        "browse",
        &json!({"proxy": program.url(), "root": program.ca_pem(), "url": origin.https("/index.html")}),
    );
    assert_eq!(saw["greeting"], "good day", "its script fetched some JSON");
    assert_eq!(saw["background"], "rgb(1, 2, 3)", "its style was applied");
    assert_eq!(saw["picture"], 1, "its picture was drawn");
    assert_eq!(saw["errors"], json!([]));
    assert_eq!(saw["secure"], true);
    assert!(
        saw["issuer"].as_str().unwrap().contains("overhear"),
        "{saw}"
    );

    for (name, content_type) in [
        ("index.html", "text/html"),
        ("style.css", "text/css"),
        ("script.js", "text/javascript"),
        ("picture.png", "image/png"),
        ("data.json", "application/json"),
    ] {
        let flow = &program.api.wait_for(&format!("path:/{name}"), 1)[0];
        assert_eq!(flow["status"], 200, "{flow:#}");
        assert_eq!(flow["request"]["version"], "HTTP/2", "{flow:#}");
        assert_eq!(flow["response"]["content_type"], content_type);
        assert_eq!(
            program.api.body(flow, "response"),
            origin.file(name),
            "{name}"
        );
    }
}

#[test]
fn chromium_refuses_without_the_root() {
    let origin = Nginx::start();
    let program = Program::trusting(&origin.ca.pem);
    let saw = browser::drive(
        &program,
        "browse",
        &json!({"proxy": program.url(), "url": origin.https("/index.html"), "untrusted": true}),
    );
    assert!(
        saw["failed"]
            .as_str()
            .unwrap()
            .contains("ERR_CERT_AUTHORITY_INVALID"),
        "{saw}"
    );
    let flow = &program.api.wait_for("kind:tls", 1)[0];
    assert_eq!(flow["error"]["side"], "client", "{flow:#}");
}

#[test]
fn the_onboarding_site_says_whether_it_is_trusted() {
    for through in [true, false] {
        let program = Program::start();
        // through the proxy, and by a plain visit to its address
        let mut settings = match through {
            true => json!({"proxy": program.url(), "url": "http://overhear.internal/"}),
            false => json!({"url": program.url()}),
        };
        settings["state"] = json!("no");
        settings["untrusted"] = json!(true);
        let saw = browser::drive(&program, "onboarding", &settings);
        assert_eq!(saw["said"], "Not trusted yet", "{settings}");

        settings["state"] = json!("yes");
        settings["untrusted"] = json!(false);
        settings["root"] = json!(program.ca_pem());
        let saw = browser::drive(&program, "onboarding", &settings);
        assert_eq!(saw["said"], "Trusted \u{2713}", "{settings}");
        assert_eq!(saw["overflow"], 0, "it fits a phone");
        assert_eq!(saw["errors"], json!([]));
    }
}
