//! Promise: TLS is read, passed through or refused by host, as a person says, while the program runs; an app that pins is
//! told to do so, passes through when that is allowed, and comes back with one click.

use crate::support::{Nginx, Program, Run, program::Setup, sha256, wire};
use serde_json::{Value, json};

fn change(program: &Program, changes: Value) {
    program
        .api
        .expect(200, "PATCH", "/api/settings", Some(&changes));
}

/// curl that trusts the origin, and not the program.
fn pinning(program: &Program, origin: &Nginx) -> Run {
    let file = program.home().join("pinned.pem");
    std::fs::write(&file, &origin.ca.pem).unwrap();
    Run::new("curl")
        .args(["--silent", "--show-error", "--max-time", "60", "--noproxy", "", "--proxy"])
        .arg(program.url())
        .arg("--cacert")
        .arg(file)
}

#[test]
fn what_passes_through_is_not_opened() {
    let origin = Nginx::start();
    origin.large_file("large.bin", 30 << 20);
    // the program does not trust the origin: who passes through decides for itself
    let program = Setup::new().args(["--tls", "localhost=pass"]).start();
    for (version, flag) in [("TLSv1.2", "1.2"), ("TLSv1.3", "1.3")] {
        let ran = pinning(&program, &origin)
            .args(["--tlsv1.2", "--tls-max", flag])
            .arg(origin.https(&format!("/hello.txt?{flag}")))
            .ok();
        assert_eq!(ran.text(), "hello, world\n");
        let flow = program.api.flow("kind:tls");
        assert_eq!(
            (&flow["state"], &flow["host"], &flow["port"]),
            (&json!("complete"), &json!("localhost"), &json!(origin.tls))
        );
        assert_eq!(flow["comment"], "passed through: the setting localhost=pass says so");
        let connection = &flow["connection"];
        assert_eq!(connection["client_tls"]["sni"], "localhost");
        assert_eq!(connection["client_tls"]["certificates"], json!([]));
        let tls = &connection["server_tls"];
        assert_eq!(tls["version"], version);
        assert_eq!(tls["alpn"], "h2");
        assert_eq!(tls["alpn_offered"], json!(["h2", "http/1.1"]));
        assert!(tls["cipher"].as_str().unwrap().starts_with("TLS_"), "{tls}");
        // before TLS 1.3 a certificate can be seen by everybody
        let names = &tls["certificates"][0]["names"];
        assert_eq!(names.is_null(), version == "TLSv1.3", "{tls}");
        assert!(flow["response"]["body_size"].as_u64().unwrap() > 500, "{flow:#}");
        program.api.expect(200, "DELETE", "/api/flows", None);
    }
    let sum = sha256(std::fs::File::open(origin.root().join("large.bin")).unwrap());
    let got = pinning(&program, &origin).arg(origin.https("/large.bin")).ok();
    assert_eq!(sha256(&got.out[..]), sum);
    let flow = program.api.flow("kind:tls");
    assert!(flow["response"]["body_size"].as_u64().unwrap() > 30 << 20);
    // what is no TLS is read as ever, on such hosts, too
    let got = program.curl().arg(origin.http("/hello.txt")).ok();
    assert_eq!(got.text(), "hello, world\n");
    program.api.wait_for("path:/hello.txt", 1);
}

#[test]
fn what_is_blocked_is_told_to_both_sides() {
    let origin = Nginx::start();
    let program = Setup::new()
        .trusting(&origin.ca.pem)
        .args(["--tls", "localhost=block"])
        .start();
    let ran = program.curl().arg(origin.https("/hello.txt")).run();
    assert_eq!(ran.status.code(), Some(35), "{ran:?}");
    assert!(ran.err.contains("access denied"), "{}", ran.err);
    let flow = program.api.flow("kind:tls");
    assert_eq!(flow["error"]["cause"], "forbidden");
    let text = flow["error"]["text"].as_str().unwrap();
    assert!(text.contains("--tls localhost=block"), "{text}");
    // asked for in the clear, TLS would be ours to speak
    let url = origin.https("/hello.txt");
    let host = format!("localhost:{}", origin.tls);
    let request = format!("GET {url} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    let answer = wire::exchange(program.proxy, request);
    assert_eq!(answer.status(), 403, "{}", answer.head_text());
    // while it runs
    change(&program, json!({"tls": ["*=pass"]}));
    let ran = program.curl().arg(origin.https("/hello.txt")).run();
    // the flag stands above what is saved
    assert_eq!(ran.status.code(), Some(35), "{ran:?}");
}

#[test]
fn settings_take_effect_at_once() {
    let origin = Nginx::start();
    let program = Program::trusting(&origin.ca.pem);
    let url = origin.https("/hello.txt");
    let get = || program.curl().arg(&url).run();
    assert_eq!(get().text(), "hello, world\n");
    change(&program, json!({"tls": ["*.other=pass", "localhost=block"]}));
    assert_eq!(get().status.code(), Some(35));
    change(&program, json!({"tls": ["localhost=intercept", "*=block"]}));
    assert_eq!(get().text(), "hello, world\n");
    change(&program, json!({"tls": ["/^local/=pass"]}));
    assert_eq!(get().status.code(), Some(60), "the origin's own certificate");
    let wrong = json!({"tls": ["localhost"]});
    let answer = program.api.expect(400, "PATCH", "/api/settings", Some(&wrong));
    assert!(answer.text().contains("HOST=pass"), "{}", answer.text());
    change(&program, json!({"tls": null}));
    assert_eq!(get().text(), "hello, world\n");
}

/// The texts of the failures so far, oldest first.
fn failures(program: &Program, count: usize) -> Vec<String> {
    let flows = program.api.wait_for("kind:tls error:tls", count);
    let text = |flow: &Value| flow["error"]["text"].as_str().unwrap().to_owned();
    flows.iter().map(text).collect()
}

#[test]
fn an_app_that_pins_passes_when_a_person_says_so() {
    let origin = Nginx::start();
    let program = Program::trusting(&origin.ca.pem);
    let url = origin.https("/hello.txt");
    for count in 1..=4 {
        assert_eq!(pinning(&program, &origin).arg(&url).run().status.code(), Some(60));
        failures(&program, count);
    }
    let said: Vec<_> = failures(&program, 4)
        .iter()
        .map(|text| text.contains("this app probably pins its certificate"))
        .collect();
    assert_eq!(said, [false, false, true, true], "never silently, and not at once");
    // nothing passes that nobody has allowed
    let settings = || program.api.get("/api/settings")["passed_hosts"].clone();
    assert_eq!(settings(), json!([]));
    let host = "/api/settings/passed-hosts/localhost";
    program.api.expect(204, "PUT", host, None);
    assert_eq!(settings(), json!([{"host": "localhost", "automatic": false}]));
    let ran = pinning(&program, &origin).arg(&url).ok();
    assert_eq!(ran.text(), "hello, world\n");
    let flow = program.api.flow("kind:tls state:complete");
    assert!(flow["comment"].as_str().unwrap().starts_with("passed through"));
    assert_eq!(flow["tags"], json!([]));
    // and back
    program.api.expect(204, "DELETE", host, None);
    assert_eq!(pinning(&program, &origin).arg(&url).run().status.code(), Some(60));
    assert!(!failures(&program, 5)[4].contains("probably pins"), "it begins anew");
    assert_eq!(program.curl().arg(&url).ok().text(), "hello, world\n");
}

#[test]
fn with_pass_pinned_it_passes_by_itself_and_is_marked() {
    let origin = Nginx::start();
    let program = Setup::new()
        .trusting(&origin.ca.pem)
        .args(["--pass-pinned"])
        .start();
    let url = origin.https("/hello.txt");
    for count in 1..=3 {
        assert_eq!(pinning(&program, &origin).arg(&url).run().status.code(), Some(60));
        failures(&program, count);
    }
    let last = failures(&program, 3).pop().unwrap();
    assert!(last.contains("localhost passes through unread from now on"), "{last}");
    assert_eq!(pinning(&program, &origin).arg(&url).ok().text(), "hello, world\n");
    let flow = program.api.flow("tag:pinned");
    assert_eq!((&flow["kind"], &flow["state"]), (&json!("tls"), &json!("complete")));
    assert!(flow["comment"].as_str().unwrap().contains("--pass-pinned"));
    let settings = program.api.get("/api/settings");
    let passed = json!([{"host": "localhost", "automatic": true}]);
    assert_eq!(settings["passed_hosts"], passed);
    // one click back; it is off for who does not want it any more
    let host = "/api/settings/passed-hosts/localhost";
    program.api.expect(204, "DELETE", host, None);
    assert_eq!(program.curl().arg(&url).ok().text(), "hello, world\n");
}

/// A client that closes without an alert when it has seen the certificate, as some apps do.
#[test]
fn who_closes_without_a_word_pins_too() {
    let origin = Nginx::start();
    let program = Program::trusting(&origin.ca.pem);
    for count in 1..=3 {
        let tunnel = wire::tunnel(program.proxy, &format!("localhost:{}", origin.tls));
        // trusts it, as apps do that look at the key only afterwards
        let tls = wire::tls(tunnel, "localhost", &program.ca_pem(), &["http/1.1"]);
        drop(tls);
        failures(&program, count);
    }
    let last = failures(&program, 3).pop().unwrap();
    assert!(last.contains("without a request"), "{last}");
    assert!(last.contains("this app probably pins its certificate"), "{last}");
}
