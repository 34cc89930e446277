//! Promise: what is inside of other protocols is named and shown in words: DNS over HTTPS, MQTT over TLS.

use crate::support::{Program, Server, certs::TestCa, server::response, wire};
use serde_json::json;
use std::io::{Read as _, Write as _};

/// `example.com A`, and an answer to it.
pub const QUESTION: &[u8] = b"\0\0\x01\0\0\x01\0\0\0\0\0\0\x07example\x03com\0\0\x01\0\x01";
pub const ANSWER: &[u8] = b"\0\0\x81\x80\0\x01\0\x01\0\0\0\0\x07example\x03com\0\0\x01\0\x01\
    \xc0\x0c\0\x01\0\x01\0\0\x01\x2c\0\x04\x5d\xb8\xd8\x22";

pub fn resolver() -> Server {
    Server::answering(None, |_| {
        response("200 OK", &["Content-Type: application/dns-message"], ANSWER)
    })
}

#[test]
fn dns_over_https_is_read() {
    let origin = resolver();
    let program = Program::start();
    let question = program.home().join("question");
    std::fs::write(&question, QUESTION).unwrap();
    let url = format!("http://localhost:{}/dns-query", origin.port());
    program
        .curl()
        .args([
            "-H",
            "Content-Type: application/dns-message",
            "--data-binary",
        ])
        .arg(format!("@{}", question.display()))
        .arg(&url)
        .ok();
    let query = "?dns=AAABAAABAAAAAAAAB2V4YW1wbGUDY29tAAABAAE";
    program.curl().arg(format!("{url}{query}")).ok();
    for flow in program.api.wait_for("type:dns-message", 2) {
        let dns = program.api.get(&format!("/api/flows/{}/dns", flow["id"]));
        assert_eq!(dns["request"]["line"], "QUERY example.com A", "{dns}");
        assert_eq!(dns["response"]["line"], "NOERROR");
        let fields = dns["response"]["fields"].as_array().unwrap();
        assert!(
            fields.contains(&json!(["answer", "example.com 300 A 93.184.216.34"])),
            "{dns}"
        );
    }
    program
        .curl()
        .arg(format!("http://localhost:{}/other", origin.port()))
        .ok();
    let flow = program.api.flow("path:/other");
    let dns = program.api.get(&format!("/api/flows/{}/dns", flow["id"]));
    assert_eq!(dns["request"], json!(null));
    program.api.expect(404, "GET", "/api/flows/9999/dns", None);
}

#[test]
fn mqtt_over_tls_is_named() {
    let ca = TestCa::new();
    // CONNACK, then to the end
    let origin = Server::new(Some(ca.identity().server(&["mqtt"])), |mut stream| {
        let mut connect = [0; 18];
        stream.read_exact(&mut connect).unwrap();
        stream.write_all(b"\x20\x02\0\0").unwrap();
        stream.flush().unwrap();
        wire::read_rest(&mut *stream);
        stream.finish();
    });
    let program = Program::trusting(&ca.pem);
    let tunnel = wire::tunnel(program.proxy, &format!("localhost:{}", origin.port()));
    let mut client = wire::tls(tunnel, "localhost", &program.ca_pem(), &["mqtt"]);
    client
        .write_all(b"\x10\x10\0\x04MQTT\x04\x02\0\x3c\0\x04abcd")
        .unwrap();
    let mut answer = [0; 4];
    client.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"\x20\x02\0\0");
    client.write_all(b"\xe0\0").unwrap();
    client.conn.send_close_notify();
    client.flush().unwrap();
    wire::read_rest(&mut client);
    drop(client);
    let flow = program.api.flow("kind:tcp");
    assert_eq!(
        (&flow["method"], &flow["state"]),
        (&json!("MQTT"), &json!("complete"))
    );
    assert_eq!(program.api.flows("method:mqtt").len(), 1);
    assert_eq!(flow["tls"]["alpn"], "mqtt");
    let said = program.api.messages(&flow);
    assert_eq!(said[0].1, b"\x10\x10\0\x04MQTT\x04\x02\0\x3c\0\x04abcd");
}
