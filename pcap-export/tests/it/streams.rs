//! What follows an upgrade, and what is not HTTP at all.

use crate::{
    reader::{assert_clean, count, fields, followed},
    recording::{PCAPNG, Recording, noise},
};
use overhear_store::{HeadKind, Kind, Party, Side};

#[tokio::test]
async fn a_websocket() {
    let recording = Recording::new().await;
    let link = recording
        .connect("198.51.100.7:50000", "203.0.113.1:443")
        .tls("http/1.1", 15);
    let flow = recording.flow(&link, Kind::Http, "GET", "/chat", 20);
    let opening = "GET /chat HTTP/1.1\r\nHost: origin.example\r\nUpgrade: websocket\r\n\
        Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
        Sec-WebSocket-Version: 13\r\n\r\n";
    flow.head(HeadKind::Request, 20, opening);
    let answer = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
    flow.response(25, 101, answer);
    flow.recorder.edit(|f| f.kind = Kind::WebSocket);
    // masked "hello", its answer, a long binary message, and both Close frames
    let mask = [1, 2, 3, 4];
    let hello: Vec<u8> = b"hello"
        .iter()
        .zip(mask.iter().cycle())
        .map(|(b, m)| b ^ m)
        .collect();
    flow.chunk(
        Side::Request,
        30,
        &[&[0x81, 0x85], &mask[..], &hello].concat(),
    );
    flow.chunk(Side::Response, 35, b"\x81\x06answer");
    let long = noise(70_000, 1);
    let header = [&[0x82, 127], &70_000u64.to_be_bytes()[..]].concat();
    flow.body(Side::Response, 40, &[&header, &long[..]].concat(), 16_384);
    flow.chunk(Side::Response, 80, &[0x88, 2, 0x03, 0xe8]);
    flow.chunk(Side::Request, 85, &[0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8]);
    flow.complete();
    link.close(Party::Server, 90);

    let exported = recording.export(&PCAPNG).await;
    assert_clean(&exported.path, exported.summary.packets, &[]);
    let names = [
        "websocket.opcode",
        "websocket.payload_length",
        "websocket.payload.text",
    ];
    let messages = fields(&exported.path, "websocket", &names);
    // the largest of the three length fields is shown under a name of its own
    let opcodes: Vec<_> = messages.iter().map(|m| m[0].as_str()).collect();
    assert_eq!(opcodes, ["1", "1", "2", "8", "8"]);
    let texts: Vec<_> = messages.iter().map(|m| m[2].as_str()).collect();
    assert_eq!(texts[..2], ["hello", "answer"]);
    let sent = followed(&exported.path, 0, 1);
    assert!(sent.windows(long.len()).any(|w| w == long));
}

#[tokio::test]
async fn raw_streams_byte_for_byte() {
    let recording = Recording::new().await;
    let mail = recording.connect("198.51.100.7:50000", "203.0.113.1:2525");
    let (sent, received) = (noise(90_000, 1), noise(120_000, 2));
    let flow = recording.flow(&mail, Kind::Tcp, "", "", 20);
    flow.body(Side::Response, 20, &received, 5_000);
    flow.body(Side::Request, 21, &sent, 3_000);
    flow.complete();
    mail.close(Party::Server, 900);
    // TLS taken off: IMAP
    let imap = recording
        .connect("198.51.100.7:50001", "203.0.113.1:993")
        .tls("", 16);
    let flow = recording.flow(&imap, Kind::Tcp, "", "", 30);
    flow.chunk(Side::Response, 30, b"* OK ready\r\n");
    flow.chunk(Side::Request, 40, b"a1 LOGOUT\r\n");
    flow.chunk(Side::Response, 50, b"* BYE\r\na1 OK\r\n");
    flow.complete();
    imap.close(Party::Client, 900);
    // TLS left on: its records are written as they were
    let passed = recording.connect("198.51.100.7:50002", "203.0.113.1:443");
    let flow = recording.flow(&passed, Kind::Tls, "", "", 30);
    flow.chunk(Side::Response, 30, b"\x15\x03\x03\x00\x02\x01\x00");
    flow.complete();
    passed.close(Party::Client, 900);

    let exported = recording.export(&PCAPNG).await;
    assert_clean(&exported.path, exported.summary.packets, &[]);
    let file = &exported.path;
    assert!(followed(file, 0, 0) == sent);
    assert!(followed(file, 0, 1) == received);
    assert_eq!(count(file, "imap"), 3);
    assert_eq!(
        count(file, "tcp.port == 143"),
        count(file, "tcp.stream == 1")
    );
    assert_eq!(count(file, "tls.alert_message and tcp.port == 443"), 1);
}
