//! What an answer of a script makes of a message.

use super::*;
use crate::target::{Scheme, Target};

fn target() -> Target {
    Target {
        scheme: Scheme::Http,
        host: "a.test".to_owned(),
        port: 80,
    }
}

fn request() -> Message {
    let head = b"POST /x HTTP/1.1\r\nHost: a.test\r\nX-L: \xe4\r\nContent-Length: 3\r\nConnection: close\r\n\r\n";
    let mut message = Message::request(head, "POST", &target());
    message.body = Content::Held(b"abc".to_vec());
    message
}

fn pairs(headers: &[(&str, &str)]) -> Option<Vec<(String, String)>> {
    let headers = headers.iter();
    Some(
        headers
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
    )
}

fn output(edits: Edits) -> Output {
    Output {
        edits,
        ..Output::default()
    }
}

#[test]
fn edits_are_carried_out_and_said() {
    let mut message = request();
    let edits = Edits {
        method: Some("PUT".to_owned()),
        url: Some("https://b.test:8443/y?z".to_owned()),
        headers: pairs(&[
            ("Host", "b.test:8443"),
            ("X-L", "\u{e4}"),
            ("Content-Length", "99"),
            ("New", "n"),
        ]),
        body: Some(Sent::Text("four".to_owned())),
        ..Edits::default()
    };
    let made = apply(&mut message, output(edits), "a.js").unwrap();
    assert!(made.changed && made.verdict.is_none());
    assert_eq!(
        made.done,
        [
            "POST became PUT",
            "https://b.test:8443/y?z",
            "headers Host Content-Length Connection New",
            "body, 4 bytes now"
        ]
    );
    message.fit();
    // what a value was written with stays, and what frames the body is put right
    assert_eq!(
        message.to_http1(1),
        b"PUT /y?z HTTP/1.1\r\nHost: b.test:8443\r\nX-L: \xe4\r\nContent-Length: 4\r\nNew: n\r\n\r\n"
    );
}

#[test]
fn what_stays_is_no_change() {
    let mut message = request();
    let edits = Edits {
        body: Some(Sent::Bytes(b"abc".to_vec())),
        ..Edits::default()
    };
    let made = apply(&mut message, output(edits), "a.js").unwrap();
    assert!(!made.changed && made.done.is_empty());
    assert!(!message.head_changed && !message.body_changed);
}

#[test]
fn what_cannot_be_leaves_all_as_it_was() {
    for (edits, told) in [
        (
            Edits {
                headers: pairs(&[("a b", "c")]),
                ..Edits::default()
            },
            "cannot be a header's name",
        ),
        (
            Edits {
                headers: pairs(&[("A", "b\r\nC: d")]),
                ..Edits::default()
            },
            "control character",
        ),
        (
            Edits {
                headers: pairs(&[("A", &"x".repeat(MOST_HEAD))]),
                ..Edits::default()
            },
            "larger than 256 KiB",
        ),
        (
            Edits {
                method: Some("A B".to_owned()),
                ..Edits::default()
            },
            "cannot be a method",
        ),
        (
            Edits {
                url: Some("ftp://a".to_owned()),
                ..Edits::default()
            },
            "no absolute URL",
        ),
    ] {
        let mut message = request();
        let before = message.to_http1(1);
        let edits = Edits {
            body: Some(Sent::Text("other".to_owned())),
            ..edits
        };
        let error = apply(&mut message, output(edits), "a.js").unwrap_err();
        assert!(error.contains(told), "{error}");
        assert_eq!(message.to_http1(1), before);
        assert!(matches!(&message.body, Content::Held(body) if body == b"abc"));
    }
}

#[test]
fn a_text_keeps_its_coding() {
    let latin = Content::Held(b"\xe4".to_vec());
    let text = |text: &str| Sent::Text(text.to_owned());
    assert_eq!(bytes(text("ü"), &latin), b"\xfc");
    assert_eq!(bytes(text("€"), &latin), "€".as_bytes());
    assert_eq!(
        bytes(text("ü"), &Content::Held(b"a".to_vec())),
        "ü".as_bytes()
    );
}

#[test]
fn answers_and_marks() {
    let mut message = request();
    let answer = Edits {
        status: Some(404),
        reason: Some("Nowhere".to_owned()),
        headers: pairs(&[("A", "b")]),
        body: Some(Sent::Text("x".to_owned())),
        ..Edits::default()
    };
    let output = Output {
        verdict: Some(script::Verdict::Answer(answer)),
        tags: vec!["t".to_owned()],
        highlight: Some("red".to_owned()),
        ..Output::default()
    };
    let made = apply(&mut message, output, "a.js").unwrap();
    let Some(Verdict::Answer(mut answer)) = made.verdict else {
        panic!("no answer");
    };
    answer.fit();
    assert_eq!(
        answer.to_http1(1),
        b"HTTP/1.1 404 Nowhere\r\nA: b\r\nContent-Length: 1\r\n\r\n"
    );
    assert_eq!(made.done, ["tag t", "highlight red", "answered with 404"]);
    assert_eq!(made.marks.len(), 2);
}

#[test]
fn streams_of_events_and_large_bodies_are_not_held() {
    let head = |field: &str| {
        Message::response(
            format!("HTTP/1.1 200 OK\r\n{field}\r\n\r\n").as_bytes(),
            200,
        )
    };
    assert!(passes_unheld(&head("Content-Type: Text/Event-Stream; charset=utf-8")).is_some());
    assert!(passes_unheld(&head("Content-Length: 8388609")).is_some());
    assert!(passes_unheld(&head("Content-Length: 8388608")).is_none());
    assert!(passes_unheld(&head("Content-Type: text/html")).is_none());
}
