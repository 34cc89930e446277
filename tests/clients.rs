//! Promise: the programs that people use work through the proxy as they do without it.

use crate::support::{
    Nginx, Program, Run, command::Running, program::Setup, repository, sha256, target_dir, until,
};
use serde_json::{Value, json};
use std::path::PathBuf;

#[test]
fn python_requests() {
    let origin = Nginx::start();
    let program = Program::trusting(&origin.ca.pem);
    for url in [origin.http(""), origin.https("")] {
        let saw = python("requests_client", &program).arg(&url).ok().json();
        assert_eq!(saw["data"]["greeting"], "good day");
        assert_eq!(saw["moved"], json!(["hello, world\n", [302]]));
        assert_eq!(saw["sent"], digest(br#"{"name": "\u00fcmlaut"}"#));
        assert_eq!(saw["chunked"], digest(b"one two"));
        assert_eq!(saw["compressed"], origin.file("lines.txt").len());

        let flows = program.api.wait_for(&format!("url:{url}"), 6);
        let statuses: Vec<_> = flows
            .iter()
            .map(|f| f["status"].as_u64().unwrap())
            .collect();
        assert_eq!(statuses, [200, 302, 200, 200, 200, 200]);
        assert_eq!(
            program.api.body(&flows[3], "request"),
            br#"{"name": "\u00fcmlaut"}"#
        );
        assert_eq!(program.api.body(&flows[4], "request"), b"one two");
    }
}

#[test]
fn internationalised_names() {
    let origin = Nginx::start();
    let program = Setup::new().args(["--insecure-upstream"]).start();
    // names below localhost are this computer
    for url in [origin.http("/hello.txt"), origin.https("/hello.txt")] {
        let url = url.replacen("localhost", "b\u{fc}cher.localhost", 1);
        let (curl, ca) = (program.curl(), program.ca_file());
        let got = curl
            .env("LC_ALL", "C.UTF-8")
            .arg("--cacert")
            .arg(ca)
            .arg(&url);
        assert_eq!(got.ok().text(), "hello, world\n", "{url}");
        let scheme = url.split(':').next().unwrap();
        let flow = program.api.flow(&format!("url:{scheme}*hello.txt"));
        assert_eq!(flow["host"], "xn--bcher-kva.localhost", "{flow:#}");
        assert_eq!(flow["status"], 200);
    }
}

#[test]
fn python_httpx_over_http_1_and_2() {
    let origin = Nginx::start();
    let program = Program::trusting(&origin.ca.pem);
    for (version, name) in [("h1", "HTTP/1.1"), ("h2", "HTTP/2")] {
        let saw = python("httpx_client", &program)
            .args([&origin.https(""), version])
            .ok()
            .json();
        assert_eq!(saw["versions"], json!([name]));
        assert_eq!(saw["good"], 20);
        assert_eq!(saw["posted"], digest(&[b'x'; 100_000]));
        let flows = program.api.wait_for("path:/data.json", 20);
        assert!(
            flows
                .iter()
                .all(|f| f["request"]["version"] == name && f["status"] == 200)
        );
        if version == "h2" {
            let first = &flows[0]["connection_id"];
            assert!(
                flows.iter().all(|f| &f["connection_id"] == first),
                "one HTTP/2 connection"
            );
        }
        program.api.expect(200, "DELETE", "/api/flows", None);
    }
}

#[test]
fn node_fetch() {
    let origin = Nginx::start();
    let program = Program::trusting(&origin.ca.pem);
    let saw = Run::new("node")
        .arg(repository().join("tests/clients/fetch.mjs"))
        .args([program.url(), origin.https(""), origin.http("")])
        .env("NODE_EXTRA_CA_CERTS", program.ca_file())
        .ok()
        .json();
    assert_eq!(saw["data"]["greeting"], "good day");
    assert_eq!(saw["upload"], digest(b"streamed body"));
    assert_eq!(saw["absolute"], "hello, world\n");
    let flows = program.api.wait_for("path:?node", 3);
    let posted = flows.iter().find(|f| f["method"] == "POST").unwrap();
    assert_eq!(program.api.body(posted, "request"), b"streamed body");
}

#[test]
fn websockets_plain_and_secure() {
    let ca = crate::support::certs::TestCa::new();
    let program = Program::trusting(&ca.pem);
    let identity = ca.identity();
    let chain = program.home().join("websocket.pem");
    std::fs::write(&chain, format!("{}{}", identity.pem, identity.key_pem)).unwrap();
    for (scheme, chain) in [("ws", None), ("wss", Some(&chain))] {
        let (_server, port) = websocket_server(chain);
        for (compression, subprotocol) in [("plain", None), ("deflate", Some("chat.v1"))] {
            let path = format!("/{scheme}/{compression}");
            let url = format!("{scheme}://localhost:{port}{path}");
            let client = python("websocket_client", &program).args([&url, compression]);
            let saw = client.args(subprotocol).ok().json();
            assert_eq!(saw["subprotocol"], json!(subprotocol));
            assert_eq!(
                saw["extensions"].is_string(),
                compression == "deflate",
                "{saw}"
            );
            assert_eq!(
                saw["welcome"],
                format!("welcome {}", subprotocol.unwrap_or("None"))
            );
            assert_eq!(saw["text"], "hello ✓");
            assert_eq!(saw["binary"], true);
            assert_eq!(saw["long"], true);
            assert_eq!(saw["close"], 1000);

            let flow = program.api.flow(&format!("path:{path}"));
            assert_eq!(flow["kind"], "websocket");
            assert_eq!(flow["state"], "complete", "{flow:#}");
            assert_eq!(flow["status"], 101);
            assert_eq!(flow["url"], url);
            let sent = program.api.sent(&flow, "request");
            assert!(sent.len() > 256, "the client's frames are recorded");
            if compression == "plain" {
                let received = program.api.sent(&flow, "response");
                let found = received.windows(9).any(|w| w == "hello ✓".as_bytes());
                assert!(found, "the server's frames are recorded as they came");
            }
        }
    }
}

/// A script in `tests/clients` with the proxy's address and root certificate as its first arguments.
fn python(name: &str, program: &Program) -> Run {
    Run::new(interpreter())
        .arg(
            repository()
                .join("tests/clients")
                .join(format!("{name}.py")),
        )
        .arg(program.url())
        .arg(program.ca_file())
}

/// Also used by the tests of captures.
pub fn websocket_server(chain: Option<&PathBuf>) -> (Running, u16) {
    let script = repository().join("tests/clients/websocket_server.py");
    let server = Run::new(interpreter()).arg(script).args(chain).start();
    let port = until("the WebSocket server's port", || {
        server.out_so_far().trim().parse().ok()
    });
    (server, port)
}

/// A WebSocket conversation through the proxy, its messages `plain` or to `deflate`.
pub fn websocket_conversation(program: &Program, url: &str, compression: &str) -> Value {
    python("websocket_client", program)
        .args([url, compression])
        .ok()
        .json()
}

pub fn interpreter() -> PathBuf {
    let python = target_dir().join("tests/venv/bin/python");
    assert!(
        python.exists(),
        "{} is missing: tests/run makes it",
        python.display()
    );
    python
}

/// What the upload sink answers.
fn digest(body: &[u8]) -> String {
    let (hash, size) = sha256(body);
    format!("{hash} {size}")
}
