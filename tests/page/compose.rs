//! Promise: in the page, a request is composed, pasted from curl, sent many times and in order, through redirections and as the opening of a
//! WebSocket; and two sessions are compared.

use super::shared::{drive_with, url};
use crate::{
    clients::{websocket_conversation, websocket_server},
    support::{Program, Server, server::response},
};
use serde_json::{Value, json};
use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

/// Echoes; `/moved` leads to `/end`, `/hang` answers twenty times and then never, `/change` makes `/status` another one.
fn origin() -> Server {
    let changed = Arc::new(AtomicBool::new(false));
    let answered = AtomicUsize::new(0);
    Server::answering(None, move |request| {
        let line = request.start_line();
        if line.contains("/moved") {
            return response("302 Found", &["Location: /end"], "");
        }
        if line.contains("/hang") && answered.fetch_add(1, Ordering::SeqCst) >= 20 {
            loop {
                std::thread::park();
            }
        }
        if line.contains("/change") {
            changed.store(true, Ordering::SeqCst);
        }
        let status = match changed.load(Ordering::SeqCst) && line.contains("/status") {
            true => "503 Service Unavailable",
            false => "200 OK",
        };
        let body = format!("{line}\n{}\n", String::from_utf8_lossy(&request.body));
        response(status, &["Content-Type: text/plain"], body)
    })
}

/// Nothing of WCAG AA was broken, and nothing stuck out on a phone.
fn well(part: &Value) {
    for (look, found) in part["broken"].as_object().unwrap() {
        assert_eq!(found, &json!([]), "{look}: {found:#}");
    }
    assert_eq!(part["wide"], 390, "nothing sticks out on a phone");
}

fn drive(program: &Program, origin: &Server, steps: &[&str]) -> Value {
    let more = json!({ "change": url(origin, "/change") });
    let seen = drive_with(program, &url(origin, ""), "compose", steps, more);
    assert_eq!(seen["troubles"], json!([]));
    seen
}

#[test]
fn out_of_nothing_and_where_it_is_redirected() {
    let (origin, program) = (origin(), Program::start());
    let seen = drive(&program, &origin, &["compose"]);
    let compose = &seen["compose"];
    let flows = program.api.wait_for("", 2);
    let note = format!("1 redirection followed, from #{}.", flows[0]["id"]);
    assert_eq!(compose["note"], note);
    let answer = compose["answer"].as_str().unwrap();
    assert!(answer.contains("GET /end HTTP/1.1"), "{answer}");
    assert_eq!(
        (&flows[0]["status"], &flows[1]["status"]),
        (&json!(302), &json!(200))
    );
    well(compose);
    well(&compose["empty"]);
}

#[test]
fn out_of_a_curl_command() {
    let (origin, program) = (origin(), Program::start());
    program
        .curl()
        .args([
            "-H",
            "X-Odd: it's \"odd\" $HOME",
            "-H",
            "Content-Type: application/json",
        ])
        .args(["--data-binary", "{\"it's\":\"\\n ü\"}\nsecond line"])
        .arg(url(&origin, "/text"))
        .ok();
    let file = program.home().join("bytes");
    let bytes: Vec<u8> = (0..=255).collect();
    std::fs::write(&file, &bytes).unwrap();
    program
        .curl()
        .args([
            "-X",
            "PUT",
            "--data-binary",
            &format!("@{}", file.display()),
        ])
        .arg(url(&origin, "/bytes"))
        .ok();
    program.api.wait_for("", 2);
    let seen = drive(&program, &origin, &["pasted"]);
    let requests = origin.requests();
    let of = |path: &str| -> Vec<_> {
        let line = |request: &&crate::support::http::Message| request.start_line().contains(path);
        requests.iter().filter(line).collect()
    };
    for (path, body) in [
        ("/text", "{\"it's\":\"\\n ü\"}\nsecond line".as_bytes()),
        ("/bytes", &bytes),
    ] {
        let both = of(path);
        assert_eq!(both.len(), 2, "{path}");
        assert_eq!(both[1].body, body, "{path}");
        // the same fields in the same order; Host and the length are where the sender puts them
        let fields = |request: &crate::support::http::Message| -> Vec<(String, String)> {
            let mut fields = request.fields();
            fields.retain(|(name, _)| {
                !["host", "content-length"].contains(&&*name.to_ascii_lowercase())
            });
            fields
        };
        assert_eq!(
            fields(both[0]),
            fields(both[1]),
            "{path}: {}",
            seen["pasted"]["lines"]
        );
        assert_eq!(both[0].start_line(), both[1].start_line());
        assert_eq!(both[0].field("host"), both[1].field("host"));
    }
    let pasted = &seen["pasted"];
    assert_eq!(
        pasted["wrong"],
        "This is no curl command: it does not begin with curl."
    );
    let notes = pasted["notes"].as_str().unwrap();
    assert!(notes.contains("Not taken over: --frob."), "{notes}");
    assert!(notes.contains("what curl prints: -s."), "{notes}");
    assert_eq!(pasted["follow"], true);
    let form = of("/form");
    let text = form[0].text();
    assert!(text.contains("name=\"a\"\r\n\r\nb c\r\n"), "{text}");
    assert_eq!(form[0].field("x-mine").as_deref(), Some("1"));
    assert_eq!(pasted["broken"], json!([]));
    assert_eq!(pasted["wide"], json!([390, 390]));
}

#[test]
fn many_times_with_their_distribution() {
    let (origin, program) = (origin(), Program::start());
    program.curl().arg(url(&origin, "/text")).ok();
    let first = program.api.flow("path:/text");
    let seen = drive(&program, &origin, &["many"]);
    let many = &seen["many"];
    assert!(
        many["live"].as_str().unwrap().starts_with("200 OK"),
        "{many}"
    );
    let table: Vec<&str> = many["table"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row.as_str().unwrap())
        .collect();
    assert_eq!(table.len(), 1);
    let cells: Vec<_> = table[0].split('\t').collect();
    assert_eq!(cells[..2], ["200 OK", "100"]);
    for name in ["Min", "Median", "95 %", "99 %", "Max"] {
        assert!(many["times"].as_str().unwrap().contains(name), "{many}");
    }
    let counted: u32 = many["bars"]
        .as_array()
        .unwrap()
        .iter()
        .map(|bar| bar.as_str().unwrap().parse::<u32>().unwrap_or(0))
        .sum();
    assert_eq!(counted, 100);
    assert_eq!(many["wrong"], "It can be sent 1 to 10,000 times.");
    assert_eq!(many["filter"], format!("#/?filter=replay:{}", first["id"]));
    program.api.wait_for("path:/fast", 100);
    well(many);
}

#[test]
fn a_websocket_is_opened_again() {
    let (_server, port) = websocket_server(None);
    let (origin, program) = (origin(), Program::start());
    websocket_conversation(&program, &format!("ws://localhost:{port}/talk"), "deflate");
    program
        .api
        .flow_when("path:/talk", |flow| flow["state"] == "complete");
    let seen = drive(&program, &origin, &["talk"]);
    let talk = &seen["talk"];
    let flow = program.api.detail(talk["id"].as_i64().unwrap());
    assert_eq!(
        (&flow["kind"], &flow["state"]),
        (&json!("websocket"), &json!("complete"))
    );
    assert!(
        flow["response"]["body_size"].as_u64() > Some(256),
        "{flow:#}"
    );
    well(talk);
}

#[test]
fn several_in_order() {
    let (origin, program) = (origin(), Program::start());
    for path in ["/one", "/two", "/three"] {
        program.curl().arg(url(&origin, path)).ok();
    }
    program.api.wait_for("", 3);
    let seen = drive(&program, &origin, &["order"]);
    let all = ["/one", "/two", "/three"];
    assert_eq!(
        seen["order"]["results"],
        json!(all.map(|path| url(&origin, path)))
    );
    let lines: Vec<_> = origin.requests()[3..]
        .iter()
        .map(|r| r.start_line())
        .collect();
    assert_eq!(lines, all.map(|path| format!("GET {path} HTTP/1.1")));
    well(&seen["order"]);
}

#[test]
fn two_sessions_are_compared_in_the_page() {
    let (origin, program) = (origin(), Program::start());
    for path in ["/status", "/item/1", "/old"] {
        program.curl().arg(url(&origin, path)).ok();
    }
    program.api.wait_for("", 3);
    let seen = drive(&program, &origin, &["changes"]);
    let changes = &seen["changes"];
    assert_eq!(
        changes["all"],
        json!([
            ["/status", "status"],
            ["/change", "new"],
            ["/fresh", "new"],
            ["/old", "gone"]
        ])
    );
    assert_eq!(changes["same"], json!([["/item/{n}", "same"]]));
    assert_eq!(changes["filtered"], json!([["/status", "status"]]));
    let lines = changes["lines"].as_str().unwrap();
    assert!(lines.contains("200 OK") && lines.contains("503"), "{lines}");
    well(changes);
}
