//! Promise: where a user and a password are wanted, only clients that give them reach a server, in every way there is to the proxy, and no
//! server sees them.

use crate::support::{Nginx, Program, Run, Server, program::Setup, server::response};
use serde_json::{Value, json};

const USER: &str = "ann:s:ecret";

fn curl(program: &Program) -> Run {
    Run::new("curl")
        .args(["--silent", "--show-error", "--max-time", "60"])
        .args(["--noproxy", "", "--cacert"])
        .arg(program.ca_file())
        .args(["--write-out", "%{stderr}[%{http_connect} %{http_code}]"])
        .env("CURL_HOME", program.home())
}

fn asking(origin: &Nginx) -> Program {
    Setup::new()
        .trusting(&origin.ca.pem)
        .args(["--proxy-user", USER])
        .start()
}

fn setting(program: &Program) -> Value {
    let settings = program.api.get("/api/settings");
    let items = settings["items"].as_array().unwrap();
    let found = items.iter().find(|item| item["key"] == "proxy-user");
    found.unwrap()["value"].clone()
}

#[test]
fn only_who_gives_them_reaches_a_server() {
    let origin = Nginx::start();
    let program = asking(&origin);
    let proxy = program.proxy.to_string();
    let (http, https) = (origin.http("/hello.txt"), origin.https("/hello.txt"));
    for (way, url, refused) in [
        ("--proxy", &http, "[000 407]"),
        ("--proxy", &https, "[407 000]"),
        ("--socks5-hostname", &http, "[000 000]"),
        ("--socks5-hostname", &https, "[000 000]"),
    ] {
        for wrong in ["", "ann:secret", "bob:s:ecret", "ann:"] {
            let mut run = curl(&program).args([way, &proxy, url]);
            if !wrong.is_empty() {
                run = run.args(["--proxy-user", wrong]);
            }
            let got = run.run();
            assert!(got.err.contains(refused), "{way} {wrong:?}: {}", got.err);
            assert!(!got.text().contains("hello"), "{way} {wrong:?}");
        }
        let got = curl(&program)
            .args([way, &proxy, url])
            .args(["--proxy-user", USER])
            .ok();
        assert_eq!(got.text(), "hello, world\n", "{way} {url}");
    }
    // SOCKS4 has no password
    let got = curl(&program)
        .args(["--socks4a", &proxy, &http])
        .args(["--proxy-user", USER])
        .run();
    assert_eq!(got.status.code(), Some(97), "{}", got.err);

    let flows = program.api.flows("error:forbidden");
    assert!(!flows.is_empty());
    for flow in &flows {
        let text = flow["error"]["text"].as_str().unwrap();
        assert!(text.contains("password"), "{text}");
    }
    assert_eq!(program.api.flows("status:200").len(), 4);
}

#[test]
fn a_connection_is_asked_for_each_request() {
    let origin = Nginx::start();
    let program = asking(&origin);
    let url = origin.http("/hello.txt");
    // the same connection: the second request gives nothing
    let got = curl(&program)
        .args(["--proxy", &program.proxy.to_string(), "--proxy-user", USER])
        .arg(&url)
        .arg("--next")
        .args(["--silent", "--proxy", &program.proxy.to_string()])
        .args(["--write-out", "%{stderr}[second %{http_code}]"])
        .arg(&url)
        .run();
    assert!(got.err.contains("[000 200]"), "{}", got.err);
    assert!(got.err.contains("[second 407]"), "{}", got.err);
}

#[test]
fn nobody_else_sees_the_password() {
    let echo = Server::answering(None, |request| response("200 OK", &[], request.head_text()));
    let origin = Nginx::start();
    let program = asking(&origin);
    let url = format!("http://{}/", echo.address);
    let got = curl(&program)
        .args(["--proxy", &program.proxy.to_string(), "--proxy-user", USER])
        .arg(&url)
        .ok();
    assert!(
        !got.text().to_lowercase().contains("proxy-"),
        "{}",
        got.text()
    );
    assert_eq!(setting(&program), "ann:***");

    // the proxy's own page is for all
    let got = curl(&program)
        .args(["--proxy", &program.proxy.to_string()])
        .arg("http://overhear.internal/")
        .ok();
    assert!(got.text().contains("certificate"), "{}", got.text());
}

#[test]
fn the_page_changes_them_at_once() {
    let origin = Nginx::start();
    let program = Program::trusting(&origin.ca.pem);
    let change = |to: Value, status| {
        let change = json!({"proxy-user": to});
        program
            .api
            .expect(status, "PATCH", "/api/settings", Some(&change))
    };
    let fetch = |user: &str| {
        let mut run = curl(&program).args(["--proxy", &program.proxy.to_string()]);
        if !user.is_empty() {
            run = run.args(["--proxy-user", user]);
        }
        run.arg(origin.http("/hello.txt")).run().err
    };
    assert!(fetch("").contains("[000 200]"));
    change(json!("no colon"), 400);
    change(json!("bob:***"), 400);
    change(json!("bob:new"), 200);
    assert_eq!(setting(&program), "bob:***");
    assert!(fetch("").contains("[000 407]"));
    assert!(fetch("bob:new").contains("[000 200]"));
    // left as it is shown, it stays
    change(json!("bob:***"), 200);
    assert!(fetch("bob:new").contains("[000 200]"));
    change(Value::Null, 200);
    assert!(fetch("").contains("[000 200]"));
}
