//! Large bodies and many connections.

use crate::{
    reader::{clean_objects, count},
    recording::{PCAPNG, Recording, noise},
};
use overhear_store::{Party, Side};

/// As much as the recorder may hold back: room is asked for after so many bytes.
const PIECE: usize = 256 * 1024;

#[tokio::test]
async fn a_body_of_100_mb() {
    let recording = Recording::new().await;
    let link = recording.connect("198.51.100.7:50000", "203.0.113.1:80");
    let body = noise(100_000_000, 1);
    let flow = recording.get(&link, "/large", 20);
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n";
    flow.response(21, 200, head);
    for (at, piece) in (22..).step_by(2).zip(body.chunks(PIECE)) {
        recording.room().await;
        flow.chunk(Side::Response, at, piece);
    }
    flow.complete();
    link.close(Party::Client, 5_000);
    let exported = recording.export(&PCAPNG).await;
    let segments = body.len().div_ceil(1460) as u64;
    assert!(exported.summary.packets > segments);
    let found = clean_objects(&exported.path, exported.summary.packets);
    assert_eq!(found.len(), 1);
    assert!(found[0].1 == body);
}

#[tokio::test]
async fn many_connections_at_once() {
    let recording = Recording::new().await;
    let mut open = Vec::new();
    for i in 0..300 {
        let link = recording.connect(&format!("198.51.100.7:{}", 40_000 + i), "203.0.113.1:80");
        let flow = recording.get(&link, &format!("/{i}"), 20 + i % 50);
        open.push((link, flow));
    }
    for piece in 0..5 {
        for (i, (_, flow)) in (0..).zip(&open) {
            if piece == 0 {
                let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
                flow.response(80 + i % 50, 200, head);
            }
            let bytes = noise(2_000, (piece * 1_000 + i) as u64);
            flow.chunk(Side::Response, 140 + piece * 100 + i % 90, &bytes);
        }
    }
    for (i, (link, flow)) in (0..).zip(open) {
        flow.complete();
        link.close(Party::Client, 700 + i);
    }
    let exported = recording.export(&PCAPNG).await;
    assert_eq!(exported.summary.connections, 300);
    assert_eq!(count(&exported.path, "http.response"), 300);
    let found = clean_objects(&exported.path, exported.summary.packets);
    assert_eq!(found.len(), 300);
    for (name, bytes) in found {
        let i: i64 = name.parse().unwrap();
        let pieces = (0..5).flat_map(|piece| noise(2_000, (piece * 1_000 + i) as u64));
        assert!(pieces.eq(bytes.iter().copied()), "{name} is another body");
    }
}
