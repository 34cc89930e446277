//! Promise: frames that break RFC 6455 are relayed as they came, recorded, and marked where they are looked at; and a WebSocket of
//! thousands of messages is read to its end.

use super::shared::drive_with;
use crate::support::{Program, Server, http, program::overhear, wire};
use serde_json::json;
use std::io::{Read as _, Write as _};

/// What the client sends: a text that it masks, one that it does not, bits that nobody agreed on, an opcode that nobody has, and
/// the beginning of a frame.
const SENT: &[u8] =
    b"\x81\x85\0\0\0\0plain\x81\x04bare\xd1\x84\0\0\0\0bits\x83\x83\0\0\0\0odd\x81\x85\0\0\0\0cu";

/// Messages that the server sends before the wrong ones.
const MANY: usize = 5_000;

/// What the server sends at the end: a text that is none, a control frame in pieces, a close with a code that is not sent.
const WRONG: &[u8] = b"\x81\x02\xff\xfe\x09\x01p\x88\x02\x03\xee";

#[test]
fn what_breaks_the_protocol_passes_and_is_marked() {
    let mut answer = Vec::new();
    for number in 1..=MANY {
        let text = format!("message {number:05}");
        answer.extend_from_slice(&[0x81, text.len() as u8]);
        answer.extend_from_slice(text.as_bytes());
    }
    answer.extend_from_slice(WRONG);
    let said = answer.clone();
    let server = Server::new(None, move |mut stream| {
        let Ok(Some(_)) = http::read_head(&mut *stream) else {
            return;
        };
        stream
            .write_all(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n")
            .unwrap();
        let mut came = [0; SENT.len()];
        stream.read_exact(&mut came).unwrap();
        assert_eq!(came, SENT, "the server gets what the client sent");
        stream.write_all(&said).unwrap();
        stream.finish();
    });
    let program = Program::start();
    let mut client = wire::dial(program.proxy);
    let port = server.port();
    write!(
        client,
        "GET http://localhost:{port}/frames HTTP/1.1\r\nHost: localhost:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    .unwrap();
    assert_eq!(http::read_response_head(&mut client).unwrap().status(), 101);
    client.write_all(SENT).unwrap();
    assert_eq!(wire::read_rest(&mut client), answer);
    drop(client);
    let flow = program
        .api
        .flow_when("path:/frames", |flow| flow["state"] != "running");
    assert_eq!(program.api.sent(&flow, "request"), SENT);
    assert_eq!(program.api.sent(&flow, "response"), answer);

    let shown = overhear(program.home())
        .args(["show", &flow["id"].to_string(), "--data"])
        .arg(program.data())
        .ok()
        .text();
    for fault in [
        "a client masks every frame",
        "it sets reserved bits",
        "opcode 3 is reserved",
        "a text is UTF-8, and these bytes are not",
        "a control frame is not fragmented",
        "the code 1006 is not to be sent",
        "(The last message did not end.)",
    ] {
        assert!(shown.contains(fault), "{fault}: {shown}");
    }

    let seen = drive_with(&program, "", "frames", &["marked", "many"], json!({}));
    let marked = seen["marked"]["marked"].as_array().unwrap();
    assert_eq!(
        seen["marked"]["plain"], false,
        "what is right has no mark: {seen:#}"
    );
    let faults = [
        "a client masks every frame",
        "it sets reserved bits",
        "opcode 3 is reserved",
    ];
    assert_eq!(marked.len(), faults.len(), "{seen:#}");
    for (mark, fault) in marked.iter().zip(faults) {
        assert!(mark.as_str().unwrap().contains(fault), "{mark}");
    }
    assert!(
        seen["marked"]["said"]
            .as_str()
            .unwrap()
            .contains("RFC 6455"),
        "{seen:#}"
    );
    assert_eq!(seen["marked"]["wide"], 390);
    let broken = &seen["marked"]["broken"];
    assert_eq!(broken, &json!([]), "{broken:#}");
    let many = &seen["many"];
    assert_eq!(many["last"], json!(format!("message {MANY:05}")));
    assert!(many["rows"].as_u64().unwrap() < 200, "{many}");
    assert_eq!(many["wrong"].as_array().unwrap().len(), 3, "{many}");
    assert_eq!(
        many["rest"],
        "What the client sent ends with 8 bytes of a frame that is not whole."
    );
    assert_eq!(seen["troubles"], json!([]));
}
