//! Promise: HTTP/2 without TLS gets through, and it is said what is seen of it: with prior knowledge every exchange, after an
//! upgrade the bytes of both sides.

use crate::support::{
    Program, Server,
    api::headers,
    command::{Run, Running},
    server::{free_port, response},
    until, wire,
};
use serde_json::json;
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

#[test]
fn after_an_upgrade_bytes_pass_as_they_are() {
    let (_server, _origin, port) = nghttpx();
    let program = Program::start();
    // as a request to the proxy, and in a tunnel
    for more in [&[][..], &["--proxytunnel"]] {
        let said = program
            .curl()
            .args(more)
            .args(["--http2", "--write-out", " %{http_version}"])
            .arg(format!("http://localhost:{port}/risen"))
            .ok();
        assert_eq!(said.text(), "answer to GET /risen HTTP/1.1 2");
    }
    let flows = program.api.wait_for("status:101", 2);
    for flow in &flows {
        let flow = program.api.detail(flow["id"].as_i64().unwrap());
        assert_eq!(flow["kind"], "http");
        // a side that closes before it has read all resets the connection, which is told
        let cause = &flow["error"]["cause"];
        assert!(cause.is_null() || cause == "reset", "{flow:#}");
        let answer = headers(&flow["response"]);
        let upgrade = |(name, value): &(String, String)| {
            name.eq_ignore_ascii_case("upgrade") && value == "h2c"
        };
        assert!(answer.iter().any(upgrade), "{answer:?}");
        // both sides' own words: the preface, and a first frame of SETTINGS (RFC 9113 section 3.4)
        let asked = program.api.body(&flow, "request");
        let answered = program.api.body(&flow, "response");
        assert!(asked.starts_with(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"));
        assert_eq!(answered[3], 4, "{answered:?}");
        let words = b"answer to GET /risen";
        assert!(answered.windows(words.len()).any(|bytes| bytes == words));
    }
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
