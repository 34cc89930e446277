//! The page by keys alone, its focus, and what a body says about itself.

use super::shared::{drive, url};
use crate::support::{Program, Server, server::response};
use serde_json::{Value, json};

const JSON: &str = "Content-Type: application/json";

/// Two answers that say nearly the same, broken JSON, texts in their charsets, and a body that does not come to its end.
fn origin() -> Server {
    Server::answering(None, |request| {
        let line = request.start_line();
        let path = line.split(' ').nth(1).unwrap_or_default();
        match path {
            "/first.json" => response(
                "200 OK",
                &[JSON],
                r#"{"same":true,"list":[1,2,3],"name":"first"}"#,
            ),
            "/second.json" => response(
                "200 OK",
                &[JSON],
                r#"{"name":"second","list":[1,2,3,4],"same":"same"}"#,
            ),
            "/early.json" => response("200 OK", &[JSON], "{\"a\":1,\n\"b\":[1,2,"),
            "/comma.json" => response("200 OK", &[JSON], "[1,2,]"),
            "/utf16" => {
                let text = "Gr\u{fc}\u{df}e aus K\u{f6}ln".encode_utf16();
                let body: Vec<u8> = text.flat_map(u16::to_le_bytes).collect();
                response(
                    "200 OK",
                    &["Content-Type: text/plain; charset=utf-16le"],
                    body,
                )
            }
            "/sjis" => response(
                "200 OK",
                &["Content-Type: text/plain; charset=shift_jis"],
                b"\x82\xb1\x82\xf1\x82\xc9\x82\xbf\x82\xcd",
            ),
            // most of it is missing: with the connection's end, or without one
            "/cut" => b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\nContent-Length: 1000\r\n\r\npart".to_vec(),
            "/open" => b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 1000\r\n\r\npart".to_vec(),
            _ => response("404 Not Found", &[], ""),
        }
    })
}

fn started(paths: &[&str]) -> (Server, Program) {
    let origin = origin();
    let program = Program::start();
    for path in paths {
        program.curl().arg(url(&origin, path)).run();
    }
    program.api.wait_for("", paths.len());
    (origin, program)
}

#[test]
fn keys_work_wherever_the_focus_is_and_screens_give_it_back() {
    let (origin, program) = started(&["/first.json", "/second.json"]);
    let seen = drive(&program, &origin, "keys", &["head", "screens", "typed"]);
    let head = &seen["head"];
    assert_eq!(
        head["on"], "sort-host",
        "the click leaves the focus on the head"
    );
    assert_eq!(head["clear"], 1, "one command clears, and it asks");
    let told = head["told"].as_array().unwrap();
    for key in [
        "compare.next",
        "tree.fold",
        "timeline.draw",
        "body.line.fold",
        "messages.move",
        "body.find",
        "detail.tab.body",
    ] {
        assert!(
            told.contains(&json!(key)),
            "{key} is not on the sheet: {told:?}"
        );
    }
    assert_eq!(seen["screens"]["replay"], json!(["/second.json"]));
    assert_eq!(seen["screens"]["settings"], json!(["/second.json"]));
    assert_eq!(
        seen["screens"]["count"],
        json!(["5 differences", "1 of 5", "2 of 5", "1 of 5"])
    );
    assert_ne!(
        seen["typed"]["at"], "dialog-close",
        "a dialog begins where one chooses"
    );
    assert_eq!(seen["troubles"], json!([]));
}

#[test]
fn a_flow_is_walked_through_by_keys() {
    let (origin, program) = started(&["/first.json", "/second.json"]);
    let seen = drive(
        &program,
        &origin,
        "keys",
        &["detail", "walk", "names", "medium"],
    );
    let detail = &seen["detail"];
    assert_eq!(detail["opened"], "flow-list", "opening stays in the list");
    assert_eq!(detail["inside"], "detail", "changing the part, too");
    assert_eq!(detail["search"], json!(["", true, false, "detail"]));
    assert_eq!(detail["still"], 1, "out of the flow is not yet closing it");
    assert_eq!(seen["walk"], json!({"view": "true", "word": "same"}));
    assert_eq!(seen["names"], json!({"offered": 0, "saved": ["the first"]}));
    let expected =
        json!({"below": true, "inside": true, "keys": false, "related": "nowhere", "tabs": 0});
    assert_eq!(seen["medium"], expected);
    // the flow that is not there was asked for on purpose
    let troubles = seen["troubles"].as_array().unwrap();
    let expected = |trouble: &Value| trouble.as_str().unwrap().ends_with("/flows/999999");
    assert!(troubles.iter().all(expected), "{troubles:?}");
}

#[test]
fn a_body_says_what_is_wrong_with_it() {
    let (origin, program) = started(&[
        "/first.json",
        "/early.json",
        "/comma.json",
        "/utf16",
        "/sjis",
        "/cut",
    ]);
    let seen = drive(&program, &origin, "keys", &["bodies"]);
    let bodies = &seen["bodies"];
    says(
        &bodies["/early.json"],
        &["line 2, column 10", "it ends before"],
    );
    says(
        &bodies["/comma.json"],
        &["line 1, column 6", "a comma before"],
    );
    assert_eq!(bodies["/utf16"], "Gr\u{fc}\u{df}e aus K\u{f6}ln");
    assert_eq!(bodies["/sjis"], "\u{3053}\u{3093}\u{306b}\u{3061}\u{306f}");
    says(&bodies["/cut"], &["Cut: 4 B of 1.0 kB came"]);
    says(&bodies["/open"], &["Still coming: 4 B of 1.0 kB so far"]);
    assert_eq!(bodies["whole"], 0, "nothing is said of a whole body");
    assert_eq!(seen["troubles"], json!([]));
}

fn says(text: &Value, words: &[&str]) {
    let text = text.as_str().unwrap();
    for word in words {
        assert!(text.contains(word), "{word} is not in {text}");
    }
}
