//! Promise: a body of a hundred megabytes is looked into as any other, what is looked for in a body is stepped through, who comes
//! back to a flow finds the place, and a film plays.

use super::shared::{drive, url};
use crate::support::{Program, Server, server::response};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

const END: &str = "the very end";

/// A hundred million bytes and some, in lines.
fn hundred() -> Vec<u8> {
    let mut all = String::with_capacity(101 << 20);
    for n in 0_u32.. {
        if all.len() >= 100_000_000 {
            break;
        }
        all.push_str(&format!(
            "line {n} of very many, each of them much like the others before and after it\n"
        ));
    }
    (all + END).into_bytes()
}

/// Five needles far from each other, one of them in capitals, in a tree whose first branch can be folded.
fn needles() -> String {
    let item = |n: u32| match n {
        150 | 300 | 450 | 600 => format!(r#"{{"name":"needle {n}"}}"#),
        750 => r#"{"name":"NEEDLE 750"}"#.to_owned(),
        _ => format!(r#"{{"name":"item {n}"}}"#),
    };
    let first: Vec<_> = (0..100).map(|n| n.to_string()).collect();
    let list: Vec<_> = (0..900).map(item).collect();
    format!(
        r#"{{"first":[[{}]],"list":[{}]}}"#,
        first.join(","),
        list.join(",")
    )
}

#[test]
fn a_body_of_a_hundred_megabytes_is_looked_into() {
    let all = hundred();
    let hash: String = Sha256::digest(&all)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let size = all.len();
    let origin = Server::answering(None, move |_| {
        response("200 OK", &["Content-Type: text/plain"], &all)
    });
    let program = Program::start();
    let out = ["--output", "/dev/null"];
    program.curl().args(out).arg(url(&origin, "/hundred")).ok();
    program.api.flow_when("path:/hundred", |flow| {
        flow["response"]["body_size"] == size && flow["state"] == "complete"
    });
    let seen = drive(&program, &origin, "huge", &["hundred"]);
    let hundred = &seen["hundred"];
    let says = |name: &str, words: &str| {
        let text = hundred[name].as_str().unwrap();
        assert!(text.contains(words), "{name}: {text}");
    };
    says("rest", "The first 262 kB of 100 MB");
    says("beyond", "1 in all");
    says("most", "The first 34 MB of 100 MB");
    says("last", END);
    assert!(hundred["lines"].as_i64().unwrap() > 300_000, "{hundred}");
    assert_eq!(hundred["found"], END);
    assert_eq!(hundred["sha256"], hash);
    let heap = hundred["heap"].as_i64().unwrap();
    assert!(heap < 64_000_000, "{heap} bytes are still held");
    assert_eq!(seen["troubles"], json!([]));
}

#[test]
fn what_is_found_is_stepped_through_and_places_are_found_again() {
    let lines = |word: &str, many: u32| -> String {
        (0..many)
            .map(|n| format!("{word} {n} {}\n", "and so on ".repeat(3)))
            .collect()
    };
    let (long, short, needles) = (lines("number", 30_000), lines("short", 1_000), needles());
    let origin = Server::answering(None, move |request| {
        let line = request.start_line();
        let (kind, body) = match () {
            () if line.contains("/long") => ("text/plain", &long),
            () if line.contains("/short") => ("text/plain", &short),
            () => ("application/json", &needles),
        };
        response("200 OK", &[&format!("Content-Type: {kind}")], body)
    });
    let program = Program::start();
    for path in ["/long", "/short", "/many.json"] {
        let out = ["--output", "/dev/null"];
        program.curl().args(out).arg(url(&origin, path)).ok();
    }
    program.api.wait_for("", 3);
    let seen = drive(&program, &origin, "huge", &["stepping", "returned", "film"]);
    let found: Vec<(String, String, bool)> =
        serde_json::from_value(seen["stepping"].clone()).unwrap();
    let texts: Vec<_> = found
        .iter()
        .map(|(count, line, _)| (count.as_str(), line.as_str()))
        .collect();
    let at = |n: u32| match n {
        750 => "\"name\": \"NEEDLE 750\"".to_owned(),
        n => format!("\"name\": \"needle {n}\""),
    };
    let expected = [
        ("1 of 5", 150),
        ("2 of 5", 300),
        ("3 of 5", 450),
        ("2 of 5", 300),
        ("1 of 5", 150),
        ("5 of 5", 750),
        ("1 of 5", 150),
        ("2 of 5", 300),
        ("1 of 4", 150),
    ];
    let expected: Vec<_> = expected
        .map(|(count, n)| (count, at(n)))
        .into_iter()
        .collect();
    let expected: Vec<_> = expected
        .iter()
        .map(|(count, line)| (*count, line.as_str()))
        .collect();
    assert_eq!(texts, expected);
    assert!(found.iter().all(|(.., in_view)| *in_view), "{found:?}");

    let returned = &seen["returned"];
    for name in ["long", "short", "folded", "hex", "sought"] {
        let place: [String; 2] = serde_json::from_value(returned[name].clone()).unwrap();
        assert!(!place[0].is_empty(), "{name}");
        assert_eq!(place[0], place[1], "{name}");
    }
    let first = |name: &str| returned[name][0].as_str().unwrap().to_owned();
    assert!(first("long").contains("number 9"), "{returned}");
    assert!(first("short").contains("short 3"), "{returned}");
    assert!(
        returned["folds"].as_i64().unwrap() > 0,
        "what was folded is: {returned}"
    );

    let film = &seen["film"];
    let facts = film["facts"].as_str().unwrap();
    assert!(facts.contains("video/webm, 64 \u{d7} 48"), "{facts}");
    assert_eq!(
        film["played"],
        json!({"red": true, "green": true, "blue": true, "error": Value::Null})
    );
    assert_eq!(seen["troubles"], json!([]));
}
