//! What is done with a recording by its buttons: bodies decoded and as sent, large ones loaded, the list sorted and cleared,
//! a certificate accepted where its failure is read, a device let in.

use super::shared::{drive_with, url};
use crate::support::{
    Nginx, Program, Server, certs::TestCa, phone::Phone, program::Setup, server::response,
};
use serde_json::{Value, json};
use std::path::Path;

/// "good day, decoded" in gzip (RFC 1952).
const PACKED: [u8; 37] = [
    0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0x4b, 0xcf, 0xcf, 0x4f, 0x51, 0x48,
    0x49, 0xac, 0xd4, 0x51, 0x48, 0x49, 0x4d, 0xce, 0x4f, 0x49, 0x4d, 0x01, 0x00, 0x48, 0x1b, 0xf7,
    0xb7, 0x11, 0x00, 0x00, 0x00,
];

/// Lines of 100 bytes: more than is loaded at once.
fn large() -> String {
    let lines = "x".repeat(99) + "\n";
    lines.repeat(20_000) + "the very end"
}

#[test]
fn bodies_are_decoded_loaded_and_taken_and_lists_sorted_and_cleared() {
    let origin = Server::answering(None, |request| {
        let line = request.start_line();
        let text = "Content-Type: text/plain";
        if line.contains("/packed") {
            response("200 OK", &[text, "Content-Encoding: gzip"], PACKED)
        } else if line.contains("/large") {
            response("200 OK", &[text], large())
        } else if line.contains("/missing") {
            response("404 Not Found", &[text], "none")
        } else {
            response("500 Internal Server Error", &[text], "broken")
        }
    });
    let program = Program::start();
    for path in ["/packed", "/broken", "/large", "/missing"] {
        let out = ["--output", "/dev/null"];
        program.curl().args(out).arg(url(&origin, path)).ok();
    }
    let flows = program.api.wait_for("", 4);
    let steps = ["coding", "large", "sorts", "clear"];
    let seen = drive_with(&program, &url(&origin, ""), "uses", &steps, json!({}));
    assert_eq!(seen["coding"]["decoded"], "good day, decoded");
    assert_eq!(seen["coding"]["sent"], json!(PACKED.to_vec()));
    let lines: Vec<u64> = serde_json::from_value(seen["large"]["lines"].clone()).unwrap();
    assert!(lines[0] < lines[1] && lines[1] < lines[2], "{lines:?}");
    assert_eq!(lines[2], 20_001);
    for (key, member) in [("status", "status"), ("duration", "duration_ms")] {
        for (direction, falls) in [("ascending", false), ("descending", true)] {
            let ids = seen["sorts"][format!("{key} {direction}")]
                .as_array()
                .unwrap();
            assert_eq!(ids.len(), 4, "{ids:?}");
            let value = |id: &Value| -> f64 {
                let flow = flows.iter().find(|flow| flow["id"] == *id).unwrap();
                flow[member].as_f64().unwrap()
            };
            let mut values: Vec<f64> = ids.iter().map(value).collect();
            if falls {
                values.reverse();
            }
            assert!(values.is_sorted(), "{key} {direction}: {values:?}");
        }
    }
    assert_eq!(
        seen["clear"],
        json!({"before": "4 flows", "cleared": "0 flows"})
    );
    assert_eq!(seen["troubles"], json!([]));
}

#[test]
fn a_certificate_is_accepted_where_its_failure_is_read() {
    let origin = Server::answering(Some(TestCa::self_signed().server(&[])), |_| {
        response("200 OK", &["Content-Type: text/plain"], "come in")
    });
    let program = Program::start();
    let at = format!("https://localhost:{}", origin.port());
    let more = json!({ "untrusting": at });
    let seen = drive_with(&program, &at, "uses", &["accept"], more);
    let accept = &seen["accept"];
    assert_eq!(accept["answer"], "come in");
    let advice = accept["advice"].as_str().unwrap();
    assert!(
        advice.contains("Settings") && !advice.contains("--upstream-ca"),
        "{advice}"
    );
    assert_eq!(seen["troubles"], json!([]));
}

#[test]
fn an_app_that_pins_passes_with_one_click_and_comes_back_with_another() {
    let origin = Nginx::start();
    let program = Program::trusting(&origin.ca.pem);
    let pinned = program.home().join("pinned.pem");
    std::fs::write(&pinned, &origin.ca.pem).unwrap();
    let hello = origin.https("/hello.txt");
    let proxy = program.url();
    let curl = |roots: &Path| {
        let words = [
            "curl",
            "--silent",
            "--max-time",
            "60",
            "--noproxy",
            "",
            "--proxy",
            &proxy,
        ];
        let roots = ["--cacert", roots.to_str().unwrap(), &hello];
        let words = words.into_iter().chain(roots).map(str::to_owned);
        words.collect::<Vec<_>>()
    };
    let more = json!({ "pinning": curl(&pinned), "trusting": curl(&program.ca_file()) });
    let seen = drive_with(&program, &origin.https(""), "uses", &["pass"], more);
    let pass = &seen["pass"];
    assert_eq!(pass["answer"], "hello, world\n");
    assert_eq!(pass["read"], "hello, world\n");
    let texts: Vec<_> = pass["texts"].as_array().unwrap().iter().collect();
    let says = |text: &&Value| {
        text.as_str()
            .unwrap()
            .contains("probably pins its certificate")
    };
    assert_eq!(texts.into_iter().filter(says).count(), 1, "{pass:#}");
    let story = pass["story"].as_str().unwrap();
    assert!(
        story.contains("sent,") && story.contains("received"),
        "{story}"
    );
    assert_eq!(seen["troubles"], json!([]));
}

#[test]
fn a_device_is_let_in_by_the_button() {
    let Some(phone) = Phone::plug_in() else {
        return;
    };
    let nginx = Nginx::start();
    let program = Setup::new().listen("0.0.0.0:0").start();
    let again = [
        "ip",
        "netns",
        "exec",
        phone.name(),
        "curl",
        "--silent",
        "--max-time",
        "60",
        "--noproxy",
        "",
        "--proxy",
        &format!("http://{}:{}", phone.host, program.proxy.port()),
        &nginx.http("/hello.txt"),
    ];
    let more = json!({ "address": phone.address.to_string(), "again": again });
    let seen = drive_with(&program, &nginx.http(""), "uses", &["device"], more);
    assert_eq!(seen["device"]["answer"], "hello, world\n");
    let code = seen["device"]["code"].as_str().unwrap();
    assert!(code.starts_with("QR code for http://"), "{code}");
    assert_eq!(seen["troubles"], json!([]));
}
