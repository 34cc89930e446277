//! Promise: bodies stream. A gigabyte passes in both directions in little memory, and is kept whole.

use crate::support::{Nginx, Program, Server, http, sha256, until, wire};
use std::{
    io::Write,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

const GIB: u64 = 1 << 30;
/// What the program may use at most, in MiB (unoptimized; the released one is measured elsewhere).
const MEMORY: u64 = 160;

#[test]
fn a_gigabyte_down() {
    let origin = Nginx::start();
    let mut program = Program::trusting(&origin.ca.pem);
    let hash = origin.large_file("large.bin", GIB);
    let url = origin.https("/large.bin");
    let limit = Duration::from_secs(300);
    let got = program
        .curl()
        .args(["--max-time", "280", "--http1.1", &url])
        .limit(limit)
        .hashed();
    assert_eq!(got, (hash.clone(), GIB), "the client got other bytes");
    let flow = program.api.flow("path:/large.bin");
    assert_eq!(flow["response"]["body_size"], GIB);
    bounded_memory(&mut program);
    let id = flow["id"].to_string();
    let kept = program
        .command("show")
        .args([&id, "--response", "--body"])
        .limit(limit)
        .hashed();
    assert_eq!(kept, (hash, GIB), "other bytes were recorded");
}

#[test]
fn a_gigabyte_up() {
    let origin = Nginx::start();
    let mut program = Program::trusting(&origin.ca.pem);
    let hash = origin.large_file("upload.bin", GIB);
    let url = origin.https("/upload");
    let limit = Duration::from_secs(300);
    let got = program
        .curl()
        .args(["--max-time", "280", "--http1.1", "--upload-file"])
        .arg(origin.root().join("upload.bin"))
        .arg(&url)
        .limit(limit)
        .ok();
    assert_eq!(
        got.text(),
        format!("{hash} {GIB}"),
        "the server got other bytes"
    );
    let flow = program.api.flow("path:/upload");
    assert_eq!(flow["request"]["body_size"], GIB);
    bounded_memory(&mut program);
    let id = flow["id"].to_string();
    let kept = program
        .command("show")
        .args([&id, "--request", "--body"])
        .limit(limit)
        .hashed();
    assert_eq!(kept, (hash, GIB), "other bytes were recorded");
}

#[test]
fn a_large_body_over_http_2() {
    let origin = Nginx::start();
    let mut program = Program::trusting(&origin.ca.pem);
    let size = 200 << 20;
    let hash = origin.large_file("large.bin", size);
    let url = origin.https("/large.bin");
    let got = program.curl().args(["--http2", &url]).hashed();
    assert_eq!(got, (hash.clone(), size));
    let url = origin.https("/upload");
    let file = origin.root().join("large.bin");
    let sent = program
        .curl()
        .args(["--http2", &url, "--upload-file"])
        .arg(file)
        .ok();
    assert_eq!(sent.text(), format!("{hash} {size}"));
    for (path, side) in [("/large.bin", "response"), ("/upload", "request")] {
        let flow = program.api.flow(&format!("path:{path}"));
        assert_eq!(flow["request"]["version"], "HTTP/2");
        let kept = program.api.body(&flow, side);
        assert_eq!(sha256(kept.as_slice()), (hash.clone(), size));
    }
    bounded_memory(&mut program);
}

#[test]
fn part_of_a_recorded_body() {
    let (origin, program) = (Nginx::start(), Program::start());
    origin.large_file("large.bin", 20 << 20);
    program.curl().arg(origin.http("/large.bin")).hashed();
    let flow = program.api.flow("path:/large.bin");
    let token = format!("Authorization: Bearer {}", program.api.token);
    let path = format!("/api/flows/{}/response/body", flow["id"]);
    let range = "Range: bytes=7340039-7340053";
    let part = program.api.raw("GET", &path, &[&token, range], b"");
    assert_eq!(part.status(), 206);
    assert_eq!(
        part.field("content-range").unwrap(),
        "bytes 7340039-7340053/20971520"
    );
    assert_eq!(part.text(), "mark 7 of large");
}

#[test]
fn a_client_that_does_not_read_stops_the_server() {
    let sent = Arc::new(AtomicU64::new(0));
    let counter = sent.clone();
    let origin = Server::new(None, move |mut stream| {
        http::read_head(&mut *stream).unwrap();
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {GIB}\r\n\r\n");
        let mut going = stream.write_all(head.as_bytes()).is_ok();
        while going {
            going = stream.write_all(&[b'x'; 65536]).is_ok();
            counter.fetch_add(65536, Ordering::SeqCst);
        }
    });
    let mut program = Program::start();
    let host = format!("localhost:{}", origin.port());
    let mut client = wire::dial(program.proxy);
    write!(
        client,
        "GET http://{host}/stalled HTTP/1.1\r\nHost: {host}\r\n\r\n"
    )
    .unwrap();
    http::read_response_head(&mut client).unwrap();
    // The server stands still when its count has not moved for a second.
    let mut last = (0, Instant::now());
    let stood_at = until("the server to be stopped", || {
        let now = sent.load(Ordering::SeqCst);
        if now != last.0 {
            last = (now, Instant::now());
        }
        (last.1.elapsed() > Duration::from_secs(1)).then_some(now)
    });
    assert!(
        stood_at < 64 << 20,
        "{stood_at} bytes went into a client that read nothing"
    );
    bounded_memory(&mut program);
    drop(client);
    assert_eq!(program.api.flow("path:/stalled")["state"], "failed");
}

fn bounded_memory(program: &mut Program) {
    if let Some(peak) = program.peak_memory_mib() {
        assert!(peak < MEMORY, "the program used {peak} MiB");
    }
}
