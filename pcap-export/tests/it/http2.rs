//! HTTP/2 as frames.

use crate::{
    reader::{assert_clean, count, fields, tshark, unhex},
    recording::{Exchange, Link, PCAPNG, Recording, noise},
};
use overhear_store::{Failure, FailureCause, HeadKind, Kind, Party, Side, Version};
use std::path::Path;

fn request(recording: &Recording, link: &Link, method: &str, path: &str, ms: i64) -> Exchange {
    let flow = recording.flow(link, Kind::Http, method, path, ms);
    let head = format!(
        ":method: {method}\r\n:scheme: https\r\n:authority: origin.example\r\n:path: {path}\r\n\
         user-agent: test\r\n\r\n"
    );
    flow.head(HeadKind::Request, ms, &head);
    flow.recorder
        .edit(|f| f.request.version = Some(Version::Http2));
    flow
}

fn respond(flow: &Exchange, ms: i64, fields: &str) {
    flow.response(ms, 200, &format!(":status: 200\r\n{fields}\r\n"));
}

#[tokio::test]
async fn streams_with_bodies_and_trailers() {
    let recording = Recording::new().await;
    let link = recording
        .connect("198.51.100.7:50000", "203.0.113.1:443")
        .tls("h2", 18);
    let bodies: Vec<Vec<u8>> = (0..8)
        .map(|i| noise(10_000 + 9_000 * i, i as u64))
        .collect();
    let upload = noise(50_000, 99);
    let flows: Vec<_> = (0..8)
        .map(|i| request(&recording, &link, "GET", &format!("/{i}"), 20 + i))
        .collect();
    let posted = request(&recording, &link, "POST", "/post", 30);
    posted.body(Side::Request, 31, &upload, 20_000);
    for (i, flow) in flows.iter().enumerate() {
        respond(
            flow,
            40 + i as i64,
            "content-type: application/octet-stream\r\n",
        );
    }
    // pieces of all streams, one after another
    for piece in 0..12 {
        for (i, (flow, body)) in flows.iter().zip(&bodies).enumerate() {
            if let Some(bytes) = body.chunks(8_000).nth(piece) {
                flow.chunk(Side::Response, 60 + piece as i64 * 20 + 2 * i as i64, bytes);
            }
        }
    }
    flows[3].head(
        HeadKind::ResponseTrailers,
        400,
        "grpc-status: 0\r\ngrpc-message: fine\r\n\r\n",
    );
    for flow in flows {
        flow.complete();
    }
    posted.response(410, 204, ":status: 204\r\n\r\n");
    posted.complete();
    link.close(Party::Server, 500);

    let exported = recording.export(&PCAPNG).await;
    assert_clean(&exported.path, exported.summary.packets, &[]);
    let file = &exported.path;
    assert_eq!(count(file, "http2.magic"), 1);
    let paths = fields(
        file,
        "http2.headers.path",
        &["http2.streamid", "http2.headers.path"],
    );
    let mut expected: Vec<_> = (0..8)
        .map(|i| [(2 * i + 1).to_string(), format!("/{i}")])
        .collect();
    expected.push(["17".to_owned(), "/post".to_owned()]);
    assert_eq!(paths, expected);
    for (i, body) in bodies.iter().enumerate() {
        let bytes = stream_body(file, 2 * i + 1);
        assert!(bytes == *body, "stream {} is another body", 2 * i + 1);
    }
    assert!(stream_body(file, 17) == upload);
    let trailers = fields(
        file,
        "http2.header.name == \"grpc-status\"",
        &["http2.streamid"],
    );
    assert_eq!(trailers, [["7"]]);
    assert_eq!(count(file, "http2.goaway.last_stream_id == 17"), 1);
}

/// The content of the DATA frames of a stream.
fn stream_body(file: &Path, stream: usize) -> Vec<u8> {
    let what = format!("follow,http2,raw,0,{stream}");
    let text = tshark(file, &["-q", "-z", &what]);
    let mut frames = Vec::new();
    for line in text.lines() {
        let hex = line.trim();
        if !hex.is_empty() && hex.bytes().all(|b| b.is_ascii_hexdigit()) {
            frames.push(unhex(hex));
        }
    }
    // what is followed are field sections and whole DATA frames
    let data = frames.iter().filter(|f| {
        f.len() >= 9
            && f[3] == 0
            && u32::from_be_bytes([0, f[0], f[1], f[2]]) as usize == f.len() - 9
    });
    data.flat_map(|f| f[9..].to_vec()).collect()
}

#[tokio::test]
async fn large_heads_interim_responses_and_resets() {
    let recording = Recording::new().await;
    let link = recording
        .connect("[2001:db8::7]:50000", "[2001:db8::1]:443")
        .tls("h2", 18);
    let flow = request(&recording, &link, "GET", "/large", 20);
    flow.head(
        HeadKind::Interim,
        21,
        ":status: 103\r\nlink: </style.css>\r\n\r\n",
    );
    let cookie = "c".repeat(40_000);
    respond(&flow, 22, &format!("set-cookie: {cookie}\r\n"));
    flow.chunk(Side::Response, 23, b"body");
    flow.complete();
    let cut = request(&recording, &link, "GET", "/cut", 30);
    respond(&cut, 31, "");
    cut.chunk(Side::Response, 32, b"part");
    cut.recorder.fail(Failure {
        cause: FailureCause::Reset,
        side: Party::Server,
        text: "the server reset the stream".to_owned(),
    });
    let running = request(&recording, &link, "POST", "/running", 40);
    running.chunk(Side::Request, 41, b"and so on");
    // the store closes while this flow and the connection are running
    let exported = recording.export(&PCAPNG).await;
    running.complete();
    link.close(Party::Client, 50);
    assert_clean(&exported.path, exported.summary.packets, &[]);
    let file = &exported.path;
    assert_eq!(
        count(file, "http2.type == 9"),
        2,
        "packets with CONTINUATION"
    );
    let lengths = fields(
        file,
        "http2.header.name == \"set-cookie\"",
        &["http2.header.value.length"],
    );
    assert!(lengths[0][0].contains("40000"));
    let resets = fields(
        file,
        "http2.type == 3",
        &["http2.streamid", "frame.comment"],
    );
    assert_eq!(resets.len(), 1);
    assert_eq!(resets[0][0], "3");
    assert!(resets[0][1].contains("the server reset the stream"));
    assert_eq!(count(file, "tcp.flags.fin == 1"), 0);
}

#[tokio::test]
async fn cleartext_http2_on_any_port() {
    let recording = Recording::new().await;
    let link = recording.connect("198.51.100.7:50000", "203.0.113.1:50051");
    let flow = request(&recording, &link, "POST", "/service/call", 20);
    flow.chunk(Side::Request, 21, b"\0\0\0\0\x02ab");
    respond(&flow, 30, "content-type: application/json\r\n");
    flow.chunk(Side::Response, 31, b"{}");
    flow.complete();
    link.close(Party::Client, 50);
    let exported = recording.export(&PCAPNG).await;
    assert_clean(&exported.path, exported.summary.packets, &[]);
    let comment = fields(&exported.path, "tcp.flags == 2", &["frame.comment"]);
    let advice = "tcp.port==50051,http2";
    assert!(comment[0][0].contains(advice), "{comment:?}");
    let names = [
        "-Y",
        "http2.headers.path",
        "-T",
        "fields",
        "-e",
        "http2.headers.path",
    ];
    let decoded = tshark(&exported.path, &[&["-d", advice], &names[..]].concat());
    assert_eq!(decoded, "/service/call\n");
}
