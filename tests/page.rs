//! Promise: the page shows real traffic as it happens, finds, edits, exports and deletes it, and runs
//! nothing of what was recorded.

mod advice;
mod body;
mod breakpoints;
mod by_hand;
mod captures;
mod compared;
mod compose;
mod connect;
mod detail;
mod frame;
mod frames;
mod held;
mod huge;
mod kept;
mod keys;
mod late;
mod list;
mod menus;
mod names;
mod offline;
mod packets;
mod pictures;
mod places;
mod rules;
mod scripts;
mod settings;
mod shared;
mod starttls;
mod state;
mod streams;
mod tools;
mod uses;

use crate::support::{Program, Server, http::Message};
use serde_json::{Value, json};
use shared::{HOSTILE, origin, traffic, url};

#[test]
fn flows_are_followed_filtered_read_and_sent_again() {
    let origin = origin();
    let program = Program::start();
    traffic(&program, &origin);
    let seen = drive(
        &program,
        &origin,
        &["list", "live", "filter", "detail", "replay"],
    );

    let page = format!("http://{}/", program.api.address);
    let address = seen["address"].as_str().unwrap();
    assert!(address.starts_with(&page), "{address}");
    assert!(!address.contains(&program.api.token), "{address}");
    assert_eq!(seen["list"], json!(["/data.json", "/edit"]));

    let came = ["/live?0", "/live?1", "/live?2", "/live?3", "/live?4"];
    assert_eq!(seen["live"]["shown"], json!(came));
    assert_eq!(seen["live"]["loaded"], "once", "without a reload");

    assert_eq!(seen["filter"]["narrowed"], json!(["/data.json"]));
    let wrong = seen["filter"]["wrong"].as_str().unwrap();
    assert!(wrong.contains("nonsense"), "{wrong}");
    assert_eq!(seen["filter"]["after"], 0, "the error goes with the filter");

    detail_is_what_went_over_the_wire(&seen["detail"], &origin);
    replay_reached_the_origin(&seen["replay"], &program, &origin);
    assert_eq!(seen["troubles"], json!([]));
}

fn detail_is_what_went_over_the_wire(detail: &Value, origin: &Server) {
    let sent = request(origin, "POST /data.json");
    assert_eq!(detail["fields"], json!(sent.fields()));
    let names: Vec<_> = sent.fields().into_iter().map(|(name, _)| name).collect();
    let odd: Vec<_> = names
        .iter()
        .filter(|n| n.eq_ignore_ascii_case("x-odd"))
        .collect();
    assert_eq!(odd, ["x-ODD", "X-Odd"], "as curl was told to send them");
    let story = detail["story"].as_str().unwrap();
    assert!(story.contains("localhost"), "{story}");
    assert_eq!(detail["json"], "true", "JSON is shown as such");
    for (side, words) in [("response", "good day"), ("request", "asked")] {
        let body = detail[side].as_str().unwrap();
        assert!(body.contains(words), "{side}: {body}");
    }
}

fn replay_reached_the_origin(replay: &Value, program: &Program, origin: &Server) {
    let sent = request(origin, "PUT /sent-again?x=1 HTTP/1.1");
    assert_eq!(sent.field("x-keep").as_deref(), Some("changed"));
    assert!(
        sent.fields()
            .contains(&("x-ADDED".to_owned(), "by hand".to_owned())),
        "{}",
        sent.head_text()
    );
    assert_eq!(sent.text(), "after");
    assert_eq!(sent.field("content-length").as_deref(), Some("5"));
    let first = program.api.flow("path:/edit");
    let again = program.api.detail(replay["id"].as_i64().unwrap());
    assert_eq!(again["replay_of"], first["id"]);
    assert_eq!(
        replay["beside"], true,
        "the new answer stands beside the old one"
    );
    for (which, status) in [("old", "200"), ("fresh", "201")] {
        let text = replay[which].as_str().unwrap();
        assert!(text.contains(status), "{which}: {text}");
    }
    let bodies = replay["bodies"].as_str().unwrap();
    assert!(
        bodies.contains("POST /edit") && bodies.contains("PUT /sent-again"),
        "{bodies}"
    );
}

#[test]
fn flows_are_exported_and_deleted() {
    let origin = origin();
    let program = Program::start();
    traffic(&program, &origin);
    program.curl().arg(url(&origin, "/stays")).ok();
    program.api.wait_for("", 3);
    let seen = drive(&program, &origin, &["list", "filtered", "take"]);

    let name = seen["take"]["name"].as_str().unwrap();
    assert!(name.ends_with(".pcapng"), "{name}");
    let file = program.home().join("taken.pcapng");
    let har = std::fs::read(file.with_extension("pcapng.har")).unwrap();
    let har: Value = serde_json::from_slice(&har).unwrap();
    let entries = har["log"]["entries"].as_array().unwrap();
    let urls = entries.iter().map(|entry| &entry["request"]["url"]);
    let urls: Vec<_> = urls.filter_map(Value::as_str).collect();
    assert_eq!(urls, [url(&origin, "/data.json"), url(&origin, "/stays")]);
    let bytes = std::fs::read(&file).unwrap();
    assert_eq!(
        bytes[..4],
        [0x0a, 0x0d, 0x0d, 0x0a],
        "a section header block"
    );
    let mut uris = crate::export::fields(&file, "http.request", "http.request.uri");
    uris.sort();
    assert_eq!(uris, ["/data.json", "/edit"]);

    assert_eq!(seen["take"]["left"], json!(["/stays"]));
    let left = program.api.flows("");
    assert_eq!(left.len(), 1, "{left:?}");
    assert_eq!(left[0]["path"], "/stays");
    assert_eq!(seen["troubles"], json!([]));
}

#[test]
fn what_was_recorded_is_text_and_never_runs() {
    let origin = origin();
    let program = Program::start();
    let hostile = url(&origin, "/hostile?q=<svg/onload=globalThis.owned=3>");
    program
        .curl()
        .args(["--globoff", "-H", &format!("X-Hostile: {HOSTILE}")])
        .args([
            "-H",
            "Content-Type: text/html",
            "--data-binary",
            HOSTILE,
            &hostile,
        ])
        .ok();
    traffic(&program, &origin);
    program.api.wait_for("", 3);
    let seen = drive(&program, &origin, &["list", "hostile"]);
    for place in ["request", "response", "body"] {
        let text = seen["hostile"][place].as_str().unwrap();
        assert!(text.contains(HOSTILE), "{place}: {text}");
    }
    assert_eq!(seen["owned"], Value::Null, "a script ran");
    assert_eq!(seen["troubles"], json!([]));
}

#[test]
fn on_a_phone_the_list_and_the_detail_take_turns() {
    let origin = origin();
    let program = Program::start();
    traffic(&program, &origin);
    let seen = drive(&program, &origin, &["list", "live", "phone"]);
    let phone = &seen["phone"];
    assert_eq!(phone["wide"], 390, "nothing sticks out");
    assert_eq!(phone["hidden"], true, "the detail covers the list");
    assert_eq!(phone["back"], true, "and gives it back");
    assert_eq!(seen["troubles"], json!([]));
}

fn drive(program: &Program, origin: &Server, steps: &[&str]) -> Value {
    shared::drive(program, origin, "page", steps)
}

/// The one request whose start line begins so.
fn request(origin: &Server, start: &str) -> Message {
    let all = origin.requests();
    let mut fitting = all.iter().filter(|r| r.start_line().starts_with(start));
    let found = fitting
        .next()
        .unwrap_or_else(|| panic!("no {start} in {all:?}"));
    assert!(fitting.next().is_none(), "{start} came twice");
    found.clone()
}
