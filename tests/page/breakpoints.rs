//! Promise: what waits at a breakpoint cannot be missed in the page, is edited there in every part, and goes on as edited; who
//! comes too late is told, and sees what became of it.

use super::shared::{drive_with, url};
use crate::{
    clients::{interpreter, websocket_server},
    support::{Program, Server, repository, server::response},
};
use serde_json::{Value, json};

/// Says what it was asked; some JSON, and a body that is too large to be held.
fn origin() -> Server {
    Server::answering(None, |request| {
        let line = request.start_line();
        if line.contains("/data.json") {
            let body = r#"{"greeting":"good day"}"#;
            response("200 OK", &["Content-Type: application/json"], body)
        } else if line.contains("/large") {
            response("200 OK", &["Content-Type: text/plain"], "x".repeat(9 << 20))
        } else {
            let bytes: Vec<String> = request.body.iter().map(|b| format!("{b:02x}")).collect();
            let body = format!(
                "{}|{}|{}",
                request.head_text(),
                request.text(),
                bytes.join(" ")
            );
            response("200 OK", &["Content-Type: text/plain"], body)
        }
    })
}

fn drive(steps: &[&str], paths: &[&str]) -> Value {
    let origin = origin();
    let program = Program::start();
    for path in paths {
        program.curl().arg(url(&origin, path)).ok();
    }
    program.api.wait_for("", paths.len());
    let more = json!({ "bytes": program.home().join("bytes") });
    let seen = drive_with(&program, &url(&origin, ""), "breakpoints", steps, more);
    // the browser itself tells of answers that said no, which are meant
    for trouble in seen["troubles"].as_array().unwrap() {
        let text = trouble.as_str().unwrap();
        let meant = text.contains("/api/waiting/") && text.contains("409")
            || text.contains("/api/rules/preview") && text.contains("400");
        assert!(meant, "{text}");
    }
    program.stop();
    seen
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value}"))
}

#[test]
fn a_request_is_edited_in_every_part_while_somebody_types_elsewhere() {
    let seen = drive(&["set", "form", "hex"], &["/stop"]);
    let set = &seen["set"];
    assert_eq!(set["armed"], "Break1");
    assert_eq!(set["typed"], "path:/stop", "the focus was not taken");
    assert_eq!(set["title"], "● (1) A message waits · overhear");
    assert_eq!(set["after"], "overhear");
    assert_eq!(set["began"], "JSON");
    assert!(text(&set["wrong"]).contains("Not JSON: line 1"), "{set}");
    let out = text(&set["out"]);
    assert!(out.starts_with("PUT /stop?elsewhere HTTP/1.1\r\n"), "{out}");
    assert!(out.contains("|{\"edited\": [1, 2]}|"), "{out}");
    assert!(
        out.contains("\r\nx-NEW: 2\r\n") && !out.contains("X-Old"),
        "{out}"
    );
    assert!(out.contains("Content-Length: 18\r\n"), "{out}");
    assert_eq!(set["wide"], 390);
    let broken = set["broken"].as_object().unwrap();
    assert_eq!(broken.len(), 4);
    for (look, found) in broken {
        assert_eq!(found, &json!([]), "{look}");
    }

    assert_eq!(seen["form"]["began"], json!(["name", "a b"]));
    let out = text(&seen["form"]["out"]);
    assert!(out.contains("|name=a+b&price=2+%26+3&more=|"), "{out}");

    let hex = &seen["hex"];
    assert!(text(&hex["began"]).contains("ff 00 41"), "{hex}");
    assert!(text(&hex["refused"]).contains("no text"), "{hex}");
    assert!(text(&hex["problem"]).contains("Line 1: \"z\""), "{hex}");
    assert!(text(&hex["out"]).ends_with("|68 69 ff"), "{hex}");
}

#[test]
fn a_response_is_edited_and_a_request_dropped_or_answered() {
    let steps = ["set", "response", "dropped", "answered", "written", "all"];
    let seen = drive(&steps, &["/stop", "/data.json"]);
    let response = &seen["response"];
    assert!(
        text(&response["wrong"]).contains("did you mean host:"),
        "{response}"
    );
    assert_eq!(response["out"], "{\"none\":true}|404|yes");
    assert_eq!(response["broken"]["dialog"], json!([]));
    // 52: an empty answer; 56: reset
    let code = seen["dropped"]["code"].as_i64().unwrap();
    assert!([52, 56].contains(&code), "{code}");
    assert_eq!(seen["answered"]["out"], "{\"own\": true}|503|7");
    assert_eq!(seen["answered"]["broken"], json!([]));
    let written = &seen["written"];
    assert!(
        text(&written["notes"][0]).contains("put right"),
        "{written}"
    );
    assert!(
        text(&written["notes"][1]).contains("closed after it"),
        "{written}"
    );
    let went = text(&written["went"]);
    assert!(
        went.contains("Content-Length: 3\r\n") && went.contains("|new|"),
        "{went}"
    );
    assert_eq!(written["got"], "[1,2]|200|5");
    assert_eq!(written["broken"], json!([]));
    let all = &seen["all"];
    assert_eq!(all["title"], "● (3) Messages wait · overhear");
    assert_eq!(all["walked"], json!([0, 1, 2, 1]));
    let outs = json!(["GET /stop?all-1", "GET /stop?all-2", "GET /stop?all-3"]);
    assert_eq!(all["outs"], outs);
    assert_eq!(all["broken"], json!([]));
}

#[test]
fn what_waits_outlives_the_page_and_who_is_late_is_told() {
    let steps = ["set", "reloaded", "gaveUp", "twoPages", "limited"];
    let seen = drive(&steps, &["/stop"]);
    let reloaded = &seen["reloaded"];
    assert_eq!(reloaded["method"], "PATCH");
    assert_eq!(reloaded["title"], "● (1) A message waits · overhear");
    let out = text(&reloaded["out"]);
    assert!(
        out.starts_with("PATCH /stop?reloaded ") && out.contains("|typed before|"),
        "{out}"
    );

    let gone = &seen["gaveUp"];
    assert_eq!(gone["listed"], "true");
    assert!(text(&gone["told"]).contains("1 client gave up"), "{gone}");
    assert_eq!(gone["title"], "overhear");
    assert_eq!(gone["broken"], json!([]));

    let two = &seen["twoPages"];
    assert!(
        text(&two["behind"]).contains("Somebody else has edited it"),
        "{two}"
    );
    assert!(
        text(&two["refused"]).contains("it is version 2 now"),
        "{two}"
    );
    assert_eq!(two["theirs"], "PUT");
    assert_eq!(two["words"], json!(["Save", "Cancel"]));
    assert_eq!(two["cancelled"], "PUT");
    assert!(text(&two["out"]).starts_with("PUT /stop?two "), "{two}");
    assert!(text(&two["became"]).contains("edited by a person"), "{two}");
    assert_eq!(two["broken"], json!([]));

    let limited = &seen["limited"];
    for place in ["countdown", "shown"] {
        assert!(text(&limited[place]).contains("by itself in"), "{limited}");
    }
    assert!(
        text(&limited["out"]).starts_with("GET /limit "),
        "{limited}"
    );
    assert!(
        text(&limited["became"]).contains("nobody had decided after 15 s"),
        "{limited}"
    );
}

#[test]
fn breakpoints_are_switched_and_what_is_too_large_is_told() {
    let origin = origin();
    let program = Program::start();
    let stop = |filter: &str, stage: &str| {
        let rule = json!({"name": format!("stop {filter}"), "filter": filter, "stage": stage, "actions": [{"do": "wait"}]});
        program.api.expect(201, "POST", "/api/rules", Some(&rule));
    };
    stop("path:/stop", "request");
    stop("path:/large", "response");
    let more = json!({ "bytes": program.home().join("bytes") });
    let steps = ["large", "off", "many"];
    let seen = drive_with(&program, &url(&origin, ""), "breakpoints", &steps, more);
    assert!(
        text(&seen["large"]["unseen"]).contains("larger than 8 MiB"),
        "{seen}"
    );
    assert_eq!(seen["large"]["out"], format!("yes|{}", 9 << 20));
    let off = &seen["off"];
    let listed = off["listed"].to_string();
    assert!(
        listed.contains("Requests of path:/stop") && listed.contains("Responses of path:/large"),
        "{listed}"
    );
    assert!(text(&off["out"]).starts_with("GET /stop?off "), "{off}");
    assert_eq!(off["silent"], 0);
    assert_eq!(off["keys"].as_array().unwrap().len(), 3, "{off}");
    assert_eq!(seen["many"]["broken"], json!([]));
    assert_eq!(seen["many"]["wide"], 390);
    assert_eq!(seen["troubles"], json!([]));
    program.stop();
}

#[test]
fn a_message_of_a_websocket_is_edited_or_left_out() {
    let program = Program::start();
    let (_server, port) = websocket_server(None);
    let client = repository().join("tests/clients/websocket_lines.py");
    let address = format!("ws://localhost:{port}/talk");
    let more = json!({
        "python": interpreter(),
        "client": [client, program.url(), program.ca_file(), address, "deflate"],
    });
    let seen = drive_with(&program, "", "breakpoints", &["socket", "switch"], more);
    let socket = &seen["socket"];
    assert_eq!(
        socket["heard"],
        json!(["greeted by hand", "hello by hand", "after"])
    );
    assert!(
        text(&socket["from"][0]).contains("Message from the server"),
        "{socket}"
    );
    assert!(
        text(&socket["from"][1]).contains("Message from the client"),
        "{socket}"
    );
    assert_eq!(socket["answers"], 0, "a message has no answer");
    let changes = socket["changes"].as_array().unwrap();
    assert!(
        text(&changes[0]).contains("greeted by hand") && text(&changes[0]).contains("server"),
        "{changes:?}"
    );
    assert!(
        changes.iter().any(|one| text(one).contains("left out")),
        "{changes:?}"
    );
    assert_eq!(socket["broken"], json!({"editor": [], "changes": []}));
    assert_eq!(seen["switch"]["heard"], "said by a rule");
    assert_eq!(seen["switch"]["actions"], json!(["replace-body"]));
    assert_eq!(seen["troubles"], json!([]));
    program.stop();
}
