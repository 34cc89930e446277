//! Promise: servers are reached through other proxies and at other places as a person says, by host; what such a proxy does
//! wrong is told with what to do; nobody sees its password.

use crate::support::{
    Nginx, Program, Server,
    api::json,
    certs::{TestCa, Wanted},
    peers::{Socks, http_proxy},
    program::Setup,
    server::{closed_port, response},
};
use serde_json::{Value, json};
use std::io::{Read as _, Write as _};

/// Starts the program with `--upstream`s.
fn through<S: AsRef<str>>(pem: &str, rules: &[S]) -> Program {
    let rules = rules.iter().flat_map(|rule| ["--upstream", rule.as_ref()]);
    Setup::new().trusting(pem).args(rules).start()
}

fn detail(program: &Program, flow: &Value) -> Value {
    program.api.detail(flow["id"].as_i64().unwrap())
}

#[test]
fn another_overhear_leads_there() {
    let origin = Nginx::start();
    let second = Program::trusting(&origin.ca.pem);
    for scheme in ["http", "https"] {
        let proxy = format!("{scheme}://{}", second.proxy);
        let first = through(&second.ca_pem(), &[&proxy]);
        for (url, version) in [
            (origin.http("/hello.txt"), "--http1.1"),
            (origin.https("/hello.txt"), "--http1.1"),
            (origin.https("/hello.txt"), "--http2"),
        ] {
            // twice on one connection
            let got = first.curl().args([version, &url, &url]).ok().text();
            assert_eq!(got, "hello, world\n".repeat(2), "{proxy} {url}");
        }
        let flows = first.api.wait_for("path:/hello.txt status:200", 6);
        for flow in &flows {
            assert_eq!(flow["server"], second.proxy.to_string());
            assert_eq!(detail(&first, flow)["connection"]["via"], proxy);
        }
        let flows = second.api.wait_for("path:/hello.txt status:200", 6);
        // without TLS, in absolute form, as peers do
        let plain = flows.iter().find(|flow| flow["scheme"] == "http").unwrap();
        let head = second.api.head(plain, "request");
        assert!(
            head.starts_with(&format!("GET {} HTTP/1.1\r\n", origin.http("/hello.txt"))),
            "{head}"
        );
        second.api.expect(200, "DELETE", "/api/flows", None);
    }
}

#[test]
fn the_first_rule_that_fits_a_host_counts() {
    let origin = Nginx::start();
    let socks = Socks::start();
    let rules = [
        "127.0.0.1=direct".to_owned(),
        format!("localhost=socks5h://u:p@{}", socks.server.address),
        format!("http://{}", closed_port()),
    ];
    let program = through(&origin.ca.pem, &rules);
    let fetch = |url: &str| program.curl().arg(url).ok().text();
    assert_eq!(fetch(&origin.https("/hello.txt")), "hello, world\n");
    assert_eq!(fetch(&origin.http("/hello.txt")), "hello, world\n");
    let direct = origin.http("/hello.txt").replace("localhost", "127.0.0.1");
    assert_eq!(fetch(&direct), "hello, world\n");
    let names = [origin.tls, origin.plain].map(|port| format!("localhost:{port}"));
    assert_eq!(socks.asked(), names, "names are resolved over there");
    let flow = &program.api.wait_for("host:localhost", 2)[0];
    let via = format!("socks5://{}", socks.server.address);
    assert_eq!(detail(&program, flow)["connection"]["via"], via);
    let flow = &program.api.wait_for("host:127.0.0.1", 1)[0];
    assert_eq!(detail(&program, flow)["connection"]["via"], json!(null));
    assert!(fetch("http://a.invalid/").contains("upstream proxy"));
    // what is sent again goes the same way
    let id = program.api.flows("scheme:https")[0]["id"].to_string();
    program.command("replay").arg(id).ok();
    assert_eq!(socks.asked().len(), 3);
    // nor does the program's own page open from afar
    let page = program.api.address.port();
    let ran = program.curl().arg(format!("http://localhost:{page}/")).ok();
    assert!(ran.text().contains("overhear's own page"), "{}", ran.text());
}

#[test]
fn what_is_wrong_with_an_upstream_proxy_is_told() {
    let origin = Nginx::start();
    let wants = http_proxy();
    // it takes what it is told, and closes in good order
    let early = Server::new(None, |mut client| {
        let _ = client.read(&mut [0; 3]);
        client.finish();
        let _ = client.read_to_end(&mut Vec::new());
    });
    let garbage = Server::new(None, |mut client| {
        let _ = client.read(&mut [0; 3]);
        let _ = client.write_all(b"220 mail.test ESMTP\r\n");
        client.finish();
        let _ = client.read_to_end(&mut Vec::new());
    });
    // a name of 255 bytes, of which one comes
    let length = Server::new(None, |mut client| {
        let _ = client.read_exact(&mut [0; 3]);
        let _ = client.write_all(b"\x05\x00\x05\x00\x00\x03\xffa");
        client.finish();
        let _ = client.read_to_end(&mut Vec::new());
    });
    let refuses = Socks::start();
    let gone = closed_port();
    let tells = |proxy: String, cause: &str, words: &[&str]| {
        let program = through(&origin.ca.pem, &[&proxy]);
        for url in [origin.http("/hello.txt"), origin.https("/hello.txt")] {
            let ran = program.curl().args(["-D", "-", &url]).run();
            let flow = &program.api.wait_for("error:*", 1)[0];
            let error = detail(&program, flow)["error"].clone();
            let text = error["text"].as_str().unwrap();
            assert_eq!(error["cause"], cause, "{proxy}: {error}");
            for word in words {
                assert!(text.contains(word), "{proxy}: {text}");
                if url.starts_with("http:") {
                    assert!(ran.text().contains(word), "{proxy}: {}", ran.text());
                }
            }
            assert!(!text.contains("secret"), "{text}");
            assert!(ran.text().contains("502"), "{proxy}: {}", ran.text());
            program.api.expect(200, "DELETE", "/api/flows", None);
        }
    };
    let at = |scheme: &str, server: &Server| format!("{scheme}://{}", server.address);
    tells(
        at("http", &wants),
        "other",
        &["(407)", "http://user:password@127.0.0.1"],
    );
    tells(
        format!("http://me:secret@{}", wants.address),
        "other",
        &["(407)", "other credentials", "\"me\""],
    );
    tells(
        format!("http://{gone}"),
        "refused",
        &["upstream proxy", "no program listens there"],
    );
    tells(
        format!("socks5://{gone}"),
        "refused",
        &["upstream proxy", "no program listens there"],
    );
    tells(at("https", &early), "tls", &["upstream proxy"]);
    tells(
        at("socks5", &early),
        "closed",
        &["upstream proxy", "closed the connection"],
    );
    tells(
        at("socks5", &garbage),
        "protocol",
        &["begins with 50, not with 5"],
    );
    tells(at("socks5", &length), "closed", &["closed the connection"]);
    tells(
        at("socks5", &refuses.server),
        "other",
        &["socks5://user:password@127.0.0.1"],
    );
    tells(
        format!("socks5://u:secret@{}", refuses.server.address),
        "other",
        &["refused the user \"u\""],
    );
    // in the clear the garbage is an answer of nobody in particular
    let program = through(&origin.ca.pem, &[at("http", &garbage)]);
    let ran = program.curl().arg(origin.https("/hello.txt")).run();
    assert_eq!(ran.status.code(), Some(56), "{ran:?}");
    let flow = &program.api.wait_for("error:protocol", 1)[0];
    let text = detail(&program, flow)["error"]["text"].to_string();
    assert!(
        text.contains("does not answer as an HTTP proxy does"),
        "{text}"
    );
    // and what is there, but leads nowhere
    let program = through(
        &origin.ca.pem,
        &[format!("socks5://u:p@{}", refuses.server.address)],
    );
    let ran = program
        .curl()
        .arg(format!("http://localhost:{}/", gone.port()))
        .run();
    assert!(
        ran.text().contains("the server refused the connection"),
        "{ran:?}"
    );
}

#[test]
fn a_proxy_is_set_while_it_runs_and_its_password_stays_inside() {
    let origin = Nginx::start();
    let proxy = http_proxy();
    let program = Program::trusting(&origin.ca.pem);
    let place = format!("127.0.0.1:{}", proxy.port());
    let patch = |value: Value| {
        let changes = json!({"upstream": value});
        program.api.send("PATCH", "/api/settings", Some(&changes))
    };
    let rule = format!("localhost=http://u:p@{place}");
    let answer = patch(json!([rule]));
    assert_eq!(answer.status(), 200, "{}", answer.text());
    let shown = format!("localhost=http://u:***@{place}");
    let check = |answer: &str| {
        assert!(!answer.contains("u:p@"), "{answer}");
        let settings = program.api.get("/api/settings");
        let items = settings["items"].as_array().unwrap();
        let item = items.iter().find(|item| item["key"] == "upstream").unwrap();
        assert_eq!(item["value"][0], shown);
        assert_eq!(item["saved"][0], shown);
        for url in [origin.http("/hello.txt"), origin.https("/hello.txt")] {
            assert_eq!(program.curl().arg(&url).ok().text(), "hello, world\n");
        }
    };
    check(&answer.text());
    // sent back as it was shown, with another beside it
    check(&patch(json!([shown, "*.invalid=direct"])).text());
    let answer = patch(json!([format!("http://who:***@{place}")]));
    let detail = json(&answer)["detail"].to_string();
    assert!(detail.contains("is not known"), "{detail}");
    let flows = program.api.wait_for("path:/hello.txt", 4);
    for flow in flows {
        let all = program.api.detail(flow["id"].as_i64().unwrap()).to_string();
        let sent = program.api.head(&flow, "request") + &all;
        assert!(!sent.contains("dTpw") && !sent.contains("u:p@"), "{sent}");
        assert!(all.contains(&format!("http://{place}")), "{all}");
    }
    patch(json!(null));
    assert_eq!(
        program
            .curl()
            .arg(origin.http("/hello.txt?direct"))
            .ok()
            .text(),
        "hello, world\n"
    );
    let flow = &program.api.wait_for("path:*direct", 1)[0];
    assert!(!flow["server"].to_string().contains(&place));
    assert!(!program.said().contains("u:p@"));
}

#[test]
fn a_host_is_somewhere_else() {
    let ca = TestCa::new();
    let wanted = Wanted {
        names: &["api.example.test"],
        ..Wanted::default()
    };
    let tls = ca.sign(&wanted).server(&["http/1.1"]);
    let echo = |tls| Server::answering(tls, |request| response("200 OK", &[], request.head_text()));
    let (plain, secure) = (echo(None), echo(Some(tls)));
    let nowhere = format!("http://{}", closed_port());
    let program = Setup::new()
        .trusting(&ca.pem)
        .args([
            "--map-host",
            &format!("plain.example.test=127.0.0.1:{}", plain.port()),
        ])
        .args([
            "--map-host",
            &format!("*.example.test=localhost:{}", secure.port()),
        ])
        // what is mapped is there, whatever leads elsewhere
        .args(["--upstream", &nowhere])
        .start();
    let said = program
        .curl()
        .arg("http://plain.example.test/a")
        .ok()
        .text();
    assert!(said.contains("Host: plain.example.test\r\n"), "{said}");
    let said = program.curl().arg("https://api.example.test/b").ok().text();
    assert!(said.contains("Host: api.example.test\r\n"), "{said}");
    let flow = detail(&program, &program.api.wait_for("path:/b", 1)[0]);
    assert_eq!(flow["host"], "api.example.test");
    assert_eq!(flow["port"], 443);
    let connection = &flow["connection"];
    assert_eq!(connection["mapped"], format!("localhost:{}", secure.port()));
    assert_eq!(connection["server_tls"]["sni"], "api.example.test");
    assert_eq!(connection["via"], json!(null));
    // while it runs: a flag would stand above
    let program = Program::start();
    let changes = json!({"map-host": [format!("other.test=127.0.0.1:{}", plain.port())]});
    program
        .api
        .expect(200, "PATCH", "/api/settings", Some(&changes));
    let said = program.curl().arg("http://other.test/").ok().text();
    assert!(said.contains("Host: other.test\r\n"), "{said}");
    let wrong = json!({"map-host": ["other.test"]});
    program
        .api
        .expect(400, "PATCH", "/api/settings", Some(&wrong));
    // the program itself cannot be reached by another name
    let changes = json!({"map-host": [format!("page.test={}", program.api.address)]});
    program
        .api
        .expect(200, "PATCH", "/api/settings", Some(&changes));
    let said = program.curl().arg("http://page.test/").ok().text();
    assert!(said.contains("overhear's own page"), "{said}");
}

#[cfg(target_os = "linux")]
#[test]
fn connections_come_from_the_address_that_was_asked_for() {
    let origin = Nginx::start();
    let program = Setup::new()
        .trusting(&origin.ca.pem)
        .args(["--bind", "127.0.0.7"])
        .start();
    let url = origin.https("/hello.txt").replace("localhost", "127.0.0.1");
    assert_eq!(program.curl().arg(&url).ok().text(), "hello, world\n");
    let flow = detail(&program, &program.api.wait_for("path:/hello.txt", 1)[0]);
    let from = flow["connection"]["upstream_local"].as_str().unwrap();
    assert!(from.starts_with("127.0.0.7:"), "{from}");
    let changes = json!({"bind": "192.0.2.1"});
    program
        .api
        .expect(200, "PATCH", "/api/settings", Some(&changes));
    // the flag stands above what is saved
    assert_eq!(program.curl().arg(&url).ok().text(), "hello, world\n");
}
