//! What goes on while it is looked at, and calls of gRPC: messages one by one, how fast an answer comes, DNS in words.

use super::shared::{drive, drive_with, url};
use crate::support::{Program, Server, folder, http, program::Setup, repository, server::response};
use crate::{clients::interpreter, grpc, named};
use serde_json::{Value, json};
use std::{
    io::Write as _,
    sync::{Arc, Condvar, Mutex},
};

fn says(seen: &Value, name: &str, words: &[&str]) {
    let all = seen[name]
        .as_str()
        .unwrap_or_else(|| panic!("no {name} in {seen:#}"));
    for word in words {
        assert!(all.contains(word), "{name} does not say {word}: {all}");
    }
}

/// Drives a step over a call that is under way; `go` lets it go on.
fn watched(program: &Program, port: u16, steps: &[&str]) -> Value {
    grpc::calling(program, port, &["Buy", "Refuse"]).ok();
    let client = grpc::calling(program, port, &["Watch"]).start();
    program.api.flow_when("path:Watch", |flow| {
        flow["response"]["body_size"].as_u64() > Some(0)
    });
    let script = repository().join("tests/clients/grpc_shop.py");
    let proxy = format!("http://127.0.0.1:{}", program.proxy.port());
    let more = json!({"go": [interpreter(), script, "call", proxy, port.to_string(), "Go"]});
    let seen = drive_with(program, "", "streams", steps, more);
    client.wait().ok();
    assert_eq!(seen["troubles"], json!([]));
    seen
}

#[test]
fn messages_of_grpc_by_their_numbers() {
    let (_server, port) = grpc::served();
    let seen = watched(&Program::start(), port, &["calls"]);
    let calls = &seen["calls"];
    assert_eq!(calls["statuses"]["Buy"], "200 OK", "{calls:#}");
    assert_eq!(calls["statuses"]["Refuse"], "UNAVAILABLE", "{calls:#}");
    says(
        calls,
        "hint",
        &["UNAVAILABLE (gRPC status 14): sold out: 100 % of the Earl Gr\u{e9}y"],
    );
    says(calls, "failure", &["sold out", "cannot be reached"]);
    says(
        calls,
        "story",
        &[
            "answered 200 OK over HTTP/2",
            "and the gRPC call failed: UNAVAILABLE.",
        ],
    );
    assert_eq!(
        calls["before"],
        json!([
            ["request", "message", "{1:\"tea\",2:2,3:"],
            ["response", "message", "{1:\"packed\",2:{"]
        ])
    );
    let kinds: Vec<_> = calls["after"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one[2])
        .collect();
    assert_eq!(
        kinds[2..],
        [&json!("{1:\"sent\"}"), &json!("{1:\"delivered\"}")]
    );
    says(calls, "facts", &["flag 1", "length", "gzip"]);
    says(calls, "whole", &["1", "tea"]);
    assert_eq!(calls["wide"], 390, "nothing sticks out on a phone");
    assert_eq!(calls["broken"], json!([]), "{calls:#}");
}

#[test]
fn messages_of_grpc_by_their_names() {
    let (_server, port) = grpc::served();
    let home = folder();
    let file = grpc::descriptors(home.path());
    let program = Setup::new().args(["--proto"]).args([&file]).start();
    let seen = watched(&program, port, &["calls"]);
    let calls = &seen["calls"];
    assert_eq!(calls["before"][0][1], "Order", "{calls:#}");
    assert_eq!(calls["before"][1][1], "Event", "{calls:#}");
    says(calls, "facts", &["shop.v1.Order", "flag 1"]);
    says(calls, "whole", &["item_name", "tea", "prices", "2.49"]);
}

#[test]
fn descriptors_that_lack_an_import_say_so() {
    let (_server, port) = grpc::served();
    let home = folder();
    let file = grpc::descriptors(home.path());
    // the file that it imports stands first: a field, its length in one byte or two, its bytes
    let set = std::fs::read(&file).unwrap();
    let length = usize::from(set[1] & 0x7f) | usize::from(set[2]) << 7;
    std::fs::write(&file, &set[3 + length..]).unwrap();
    let program = Setup::new().args(["--proto"]).args([&file]).start();
    grpc::calling(&program, port, &["Buy"]).ok();
    let seen = drive_with(&program, "", "streams", &["unusable"], json!({}));
    says(
        &seen,
        "unusable",
        &["google/protobuf/timestamp.proto", "--include_imports"],
    );
    assert_eq!(seen["troubles"], json!([]));
}

#[test]
fn a_long_download_says_how_far_it_is() {
    let go = Arc::new((Mutex::new(0), Condvar::new()));
    let signal = go.clone();
    let origin = Server::new(None, move |mut stream| {
        let Ok(Some(request)) = http::read_request(&mut *stream) else {
            return;
        };
        if request.start_line().contains("/go") {
            *signal.0.lock().unwrap() += 1;
            signal.1.notify_all();
            let _ = stream.write_all(&response("200 OK", &["Connection: close"], "gone"));
        } else {
            let mut chunk = b"186a0\r\n".to_vec();
            chunk.extend([b'x'; 100_000]);
            chunk.extend(b"\r\n");
            let _ = stream.write_all(
                b"HTTP/1.1 200 OK\r\nContent-Type: application/zip\r\nTransfer-Encoding: chunked\r\n\r\n",
            );
            for number in 0..3 {
                let _ = stream.write_all(&chunk);
                let _ = stream.flush();
                let held = signal
                    .1
                    .wait_while(signal.0.lock().unwrap(), |went| *went <= number);
                drop(held);
            }
            let _ = stream.write_all(b"0\r\n\r\n");
        }
        let _ = stream.flush();
        stream.finish();
    });
    let program = Program::start();
    let client = program
        .curl()
        .args(["--output", "/dev/null"])
        .arg(url(&origin, "/long.zip"))
        .start();
    program.api.flow_when("path:/long.zip", |flow| {
        flow["response"]["body_size"] == 100_000
    });
    let seen = drive(&program, &origin, "streams", &["download"]);
    let download = &seen["download"];
    assert_eq!(
        download["sizes"],
        json!(["100 kB", "200 kB", "300 kB"]),
        "{download:#}"
    );
    says(download, "rate", &["B/s"]);
    says(
        download,
        "story",
        &["is still sending: 200 kB so far, ", "B/s"],
    );
    says(
        download,
        "arrival",
        &["Still coming: 200 kB so far, ", "B/s"],
    );
    says(download, "over", &["with 300 kB"]);
    client.wait().ok();
    assert_eq!(seen["troubles"], json!([]));
}

#[test]
fn dns_over_https_in_words() {
    let origin = named::resolver();
    let program = Program::start();
    let query = "/dns-query?dns=AAABAAABAAAAAAAAB2V4YW1wbGUDY29tAAABAAE";
    program.curl().arg(url(&origin, query)).ok();
    let seen = drive(&program, &origin, "streams", &["dns"]);
    let dns = &seen["dns"];
    assert_eq!(dns["type"], "dns");
    says(
        dns,
        "text",
        &[
            "Question: QUERY example.com A",
            "Answer: NOERROR",
            "93.184.216.34",
        ],
    );
    assert_eq!(dns["broken"], json!([]));
    assert_eq!(seen["troubles"], json!([]));
}
