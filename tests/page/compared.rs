//! Promise: of two flows beside each other it is told how long each part took, and where bodies that are no text part.

use super::shared::{drive, url};
use crate::support::{Program, Server, server::response};
use serde_json::json;
use sha2::{Digest as _, Sha256};

/// Bytes that are no text.
fn bytes(changed: Option<usize>) -> Vec<u8> {
    let mut all: Vec<u8> = (0..100_000_u32).map(|n| (n * 7 % 251) as u8).collect();
    if let Some(at) = changed {
        all[at] ^= 0xff;
    }
    all
}

#[test]
fn timings_and_binary_bodies_are_compared() {
    let origin = Server::answering(None, |request| {
        let body = bytes(request.start_line().contains("/two").then_some(54_321));
        response("200 OK", &["Content-Type: application/octet-stream"], body)
    });
    let program = Program::start();
    for path in ["/one.bin", "/two.bin"] {
        let out = ["--output", "/dev/null"];
        program.curl().args(out).arg(url(&origin, path)).ok();
        program
            .api
            .flow_when(&format!("path:{path}"), |flow| flow["state"] == "complete");
    }
    let seen = drive(&program, &origin, "compared", &["binary"]);
    let compared = &seen["binary"];
    let hash = |bytes: Vec<u8>| -> String {
        Sha256::digest(bytes)
            .iter()
            .map(|b| format!("{b:02x}"))
            .collect()
    };
    assert_eq!(
        compared["binary"],
        json!([
            ["Size", "100,000 bytes", "100,000 bytes"],
            [
                "Type",
                "application/octet-stream",
                "application/octet-stream"
            ],
            ["SHA-256", hash(bytes(None)), hash(bytes(Some(54_321)))],
            ["First difference", "at byte 54,321"],
        ])
    );
    let rows: Vec<[String; 3]> = serde_json::from_value(compared["timings"].clone()).unwrap();
    let names: Vec<_> = rows.iter().map(|row| &*row[0]).collect();
    assert_eq!(
        names,
        ["DNS", "Connect", "Request", "Wait", "Response", "All"]
    );
    let flows = ["path:/one.bin", "path:/two.bin"].map(|path| program.api.flow(path));
    let took = flows
        .each_ref()
        .map(|flow| flow["duration_ms"].as_f64().unwrap());
    assert_eq!(rows[5][1..], took.map(words), "as the API says: {took:?}");
    // each bar is its part of the longest time
    let bars: Vec<[f64; 2]> = serde_json::from_value(compared["bars"].clone()).unwrap();
    let longest = took[0].max(took[1]);
    for (took, [all, bar]) in took.into_iter().zip(&bars[10..]) {
        let room = bars[10..].iter().map(|[_, bar]| *bar).fold(0.0, f64::max);
        assert!(
            (bar / room - took / longest).abs() < 0.02,
            "{took}: {bar} of {all}"
        );
    }
    // what is marked is a fifth and five milliseconds apart
    let apart: Vec<String> = serde_json::from_value(compared["apart"].clone()).unwrap();
    let gap = (took[0] - took[1]).abs();
    assert_eq!(
        apart.contains(&"All".to_owned()),
        gap > 5.0 && gap > longest / 5.0,
        "{took:?}"
    );
    assert_eq!(compared["broken"], json!([]));
    assert_eq!(seen["troubles"], json!([]));
}

/// Milliseconds as the page writes them.
fn words(ms: f64) -> String {
    match ms {
        ms if ms < 1.0 => format!("{ms:.2} ms"),
        ms if ms < 10.0 => format!("{ms:.1} ms"),
        ms if ms < 999.5 => format!("{ms:.0} ms"),
        ms if ms < 9995.0 => format!("{:.2} s", ms / 1000.0),
        ms => format!("{:.1} s", ms / 1000.0),
    }
}
