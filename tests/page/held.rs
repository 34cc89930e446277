//! Promise: who goes from flow to flow and comes back finds every part of it as it was left: how far it was scrolled, what was
//! opened, how it was looked at.

use super::shared::{drive, url};
use crate::support::{Program, Server, server::response};
use serde_json::json;

#[test]
fn every_part_of_a_flow_is_as_it_was_left() {
    let origin = Server::answering(None, |request| {
        let line = request.start_line();
        match line.split(' ').nth(1).unwrap_or_default() {
            "/form" => {
                let fields: Vec<_> = (0..200).map(|n| format!("field{n}=value+{n}")).collect();
                let kind = "Content-Type: application/x-www-form-urlencoded";
                response("200 OK", &[kind], fields.join("&"))
            }
            "/image" => {
                let body = r##"<svg xmlns="http://www.w3.org/2000/svg" width="200" height="4000"><rect width="200" height="4000" fill="#888"/></svg>"##;
                response("200 OK", &["Content-Type: image/svg+xml"], body)
            }
            "/parts" => {
                let mut body = String::new();
                for n in 0..12 {
                    let lines: Vec<_> = (0..100).map(|m| format!("part {n} line {m}")).collect();
                    body.push_str(&format!(
                        "--cut\r\nContent-Disposition: form-data; name=\"part{n}\"\r\n\r\n{}\r\n",
                        lines.join("\n")
                    ));
                }
                body.push_str("--cut--\r\n");
                let kind = "Content-Type: multipart/form-data; boundary=cut";
                response("200 OK", &[kind], body)
            }
            "/head" => {
                let mut fields: Vec<_> = (0..600)
                    .map(|n| format!("X-Field-{n}: value {n}"))
                    .collect();
                fields[3] = format!("X-Long: {}", "long ".repeat(4000));
                let fields: Vec<_> = fields.iter().map(String::as_str).collect();
                response("200 OK", &fields, "")
            }
            _ => response("200 OK", &["Content-Type: text/plain"], "short"),
        }
    });
    let program = Program::start();
    for path in ["/form", "/image", "/parts", "/head", "/short"] {
        program.curl().arg(url(&origin, path)).ok();
    }
    program.api.wait_for("state:complete", 5);
    let seen = drive(&program, &origin, "held", &["parts"]);
    let parts = &seen["parts"];
    for name in ["form", "image", "multipart", "head", "inner"] {
        let [left, found] = [0, 1].map(|at| parts[name][at].as_i64().unwrap());
        assert!(left > 500, "{name} was scrolled: {parts}");
        assert_eq!(left, found, "{name}: {parts}");
    }
    assert_eq!(parts["shut"], json!(["false", "false"]), "{parts}");
    assert_eq!(parts["opened"], json!(["true", "true"]), "{parts}");
    assert_eq!(parts["hex"], 1, "{parts}");
    assert_eq!(
        parts["fields"],
        json!(true),
        "what was asked for stays: {parts}"
    );
    assert_eq!(parts["others"], 0, "another flow begins at its beginning");
    assert_eq!(seen["troubles"], json!([]));
}
