//! What the tests of the page share: an origin, some traffic, and the way to a browser script.

use crate::support::{Program, Server, browser, server::response};
use serde_json::{Value, json};

/// Runs, wherever it is taken for a part of a page, and is told apart from a text by what it does.
pub const HOSTILE: &str =
    "<script>globalThis.owned=1;alert(1)</script><img src=/owned onerror=globalThis.owned=2>";

/// Answers with JSON, with hostile text, or with what it was asked.
pub fn origin() -> Server {
    Server::answering(None, |request| {
        let line = request.start_line();
        let hostile = format!("X-Hostile: {HOSTILE}");
        if line.contains("/data.json") {
            let body = r#"{"greeting":"good day","numbers":[1,2,3]}"#;
            response("200 OK", &["Content-Type: application/json"], body)
        } else if line.contains("/hostile") {
            response("200 OK", &["Content-Type: text/html", &hostile], HOSTILE)
        } else {
            let status = if line.starts_with("PUT") {
                "201 Created"
            } else {
                "200 OK"
            };
            let body = format!("{line}\n{}\n", request.text());
            response(status, &["Content-Type: text/plain"], body)
        }
    })
}

/// Two requests by curl, recorded to their end.
pub fn traffic(program: &Program, origin: &Server) {
    let json = "Content-Type: application/json";
    program
        .curl()
        .args(["-H", "x-ODD: 1", "-H", json, "-H", "X-Odd: 2"])
        .args([
            "--data-binary",
            r#"{"asked":true}"#,
            &url(origin, "/data.json"),
        ])
        .ok();
    let text = "Content-Type: text/plain";
    program
        .curl()
        .args(["-H", "X-Keep: 1", "-H", text, "--data-binary", "before"])
        .arg(url(origin, "/edit"))
        .ok();
    program.api.wait_for("", 2);
}

/// Takes a browser through steps of `tests/browser/SCRIPT.mjs` (see `shared.mjs` beside it); what each saw.
pub fn drive(program: &Program, origin: &Server, script: &str, steps: &[&str]) -> Value {
    let more = json!({ "file": program.home().join("taken.pcapng") });
    drive_with(program, &url(origin, ""), script, steps, more)
}

/// [`drive`] with an origin wherever it is, and more to know for the script.
pub fn drive_with(
    program: &Program,
    origin: &str,
    script: &str,
    steps: &[&str],
    more: Value,
) -> Value {
    let link = format!(
        "http://{}/?token={}",
        program.api.address, program.api.token
    );
    let proxy = format!("http://127.0.0.1:{}", program.proxy.port());
    let curl = [
        "--silent",
        "--max-time",
        "60",
        "--noproxy",
        "",
        "--proxy",
        &proxy,
    ];
    let mut input = json!({
        "untrusted": true,
        "link": link,
        "steps": steps,
        "origin": origin,
        "curl": curl,
    });
    let fields = input.as_object_mut().unwrap();
    fields.extend(more.as_object().unwrap().clone());
    browser::drive(program, script, &input)
}

/// An address at the origin, as clients write it.
pub fn url(origin: &Server, path: &str) -> String {
    format!("http://localhost:{}{path}", origin.port())
}
