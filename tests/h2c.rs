//! Promise: of HTTP/2 without TLS every exchange is seen: with prior knowledge as it is, and where a client offers to go over to it, in the
//! HTTP/1.1 that it speaks until then.

use crate::support::{
    Program, Server,
    api::headers,
    command::{Run, Running},
    server::{free_port, response},
    until, wire,
};
use serde_json::{Value, json};
use std::{net::TcpStream, path::Path};

/// nghttpx without TLS, which takes both ways into HTTP/2, before a server that answers with its own words.
fn nghttpx() -> (Running, Server, u16) {
    let origin = Server::answering(None, |request| {
        let words = format!("answer to {}", request.start_line());
        response("200 OK", &["Content-Type: text/plain"], words)
    });
    let port = free_port().port();
    // Debian has it where only root looks
    let debian = Path::new("/usr/sbin/nghttpx");
    let program = if debian.exists() {
        debian
    } else {
        Path::new("nghttpx")
    };
    let server = Run::new(program)
        .args(["--conf=/dev/null", "--workers=1"])
        .arg(format!("--frontend=127.0.0.1,{port};no-tls"))
        .arg(format!("--backend=127.0.0.1,{}", origin.port()))
        .start();
    until("nghttpx to listen", || {
        TcpStream::connect(("127.0.0.1", port)).ok()
    });
    (server, origin, port)
}

#[test]
fn with_prior_knowledge_every_exchange_is_seen() {
    let (_server, _origin, port) = nghttpx();
    let program = Program::start();
    let said = program
        .curl()
        .args(["--proxytunnel", "--http2-prior-knowledge"])
        .args(["--write-out", " %{http_version}"])
        .arg(format!("http://localhost:{port}/known"))
        .ok();
    assert_eq!(said.text(), "answer to GET /known HTTP/1.1 2");
    let flow = program.api.flow("path:/known");
    assert_eq!(
        (&flow["request"]["version"], &flow["response"]["version"]),
        (&json!("HTTP/2"), &json!("HTTP/2"))
    );
    assert_eq!(
        (&flow["scheme"], &flow["status"], &flow["state"]),
        (&json!("http"), &json!(200), &json!("complete"))
    );
    let body = program.api.body(&flow, "response");
    assert_eq!(body, b"answer to GET /known HTTP/1.1");
}

/// The fields of a head that belong to an offer of HTTP/2.
fn offered(message: &Value) -> Vec<String> {
    let fields = headers(message).into_iter();
    let names = fields.map(|(name, _)| name.to_ascii_lowercase());
    names
        .filter(|name| ["upgrade", "connection", "http2-settings"].contains(&name.as_str()))
        .collect()
}

#[test]
fn an_offer_to_go_over_is_left_out_and_every_exchange_is_seen() {
    let (_server, _origin, port) = nghttpx();
    let program = Program::start();
    let rule = json!({"name": "r", "filter": "path:*touched*", "stage": "request", "actions": [{"do": "set-header", "name": "X-Rule", "value": "1"}]});
    program.api.expect(201, "POST", "/api/rules", Some(&rule));
    // as requests to the proxy, and in a tunnel
    for (way, more) in [("plain", None), ("tunnel", Some("--proxytunnel"))] {
        let said = program
            .curl()
            .args(more)
            .args(["--http2", "--write-out", " %{http_version};"])
            .args(
                ["/one", "/two", "/touched"]
                    .map(|path| format!("http://localhost:{port}/{way}{path}")),
            )
            .ok();
        let expected = ["one", "two", "touched"]
            .map(|path| format!("answer to GET /{way}/{path} HTTP/1.1 1.1;"));
        assert_eq!(said.text(), expected.concat());
    }
    for flow in program.api.wait_for("host:localhost", 6) {
        let flow = program.api.detail(flow["id"].as_i64().unwrap());
        assert_eq!(
            (&flow["status"], &flow["state"], &flow["tags"]),
            (&json!(200), &json!("complete"), &json!(["no-h2c"])),
            "{flow:#}"
        );
        // both are there: what the client offered, and what went on without that
        let request = &flow["request"];
        assert_eq!(offered(request).len(), 3, "{flow:#}");
        assert!(offered(&request["sent"]).is_empty(), "{flow:#}");
        let touched = flow["path"].as_str().unwrap().contains("touched");
        let sent = headers(&request["sent"]);
        assert_eq!(sent.iter().any(|(name, _)| name == "X-Rule"), touched);
    }
}

/// What a person built goes as it was built, and what is said behind the switch is recorded as it came.
#[test]
fn a_person_may_make_the_offer() {
    let (_server, _origin, port) = nghttpx();
    let program = Program::start();
    let request = json!({
        "method": "GET",
        "url": format!("http://localhost:{port}/built"),
        "headers": [["Connection", "Upgrade, HTTP2-Settings"], ["Upgrade", "h2c"], ["HTTP2-Settings", "AAMAAABkAAQAAP__"]],
    });
    program
        .api
        .expect(202, "POST", "/api/replay", Some(&request));
    let flow = program
        .api
        .flow_when("path:/built", |flow| flow["status"] == 101);
    assert_eq!(flow["tags"], json!([]), "{flow:#}");
    // a first frame of SETTINGS (RFC 9113 section 3.4)
    let answered = until("the server's first frame", || {
        let answered = program.api.sent(&flow, "response");
        (answered.len() > 3).then_some(answered)
    });
    assert_eq!(answered[3], 4, "{answered:?}");
}

#[test]
fn an_upgrade_that_is_not_taken_stays_http_1() {
    let origin = Server::answering(None, |_| response("200 OK", &[], "over HTTP/1"));
    let program = Program::start();
    let request = format!(
        "GET http://localhost:{0}/a HTTP/1.1\r\nHost: localhost:{0}\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n",
        origin.port()
    );
    assert_eq!(
        wire::exchange(program.proxy, &request).text(),
        "over HTTP/1"
    );
    let flow = program.api.flow("path:/a");
    assert_eq!(
        (&flow["status"], &flow["request"]["version"]),
        (&json!(200), &json!("HTTP/1.1"))
    );
}
