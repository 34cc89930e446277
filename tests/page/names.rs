//! Promise: names in every script are shown as they are, and text that runs from the right, or says that it does, turns nothing
//! around but itself.

use super::shared::drive;
use crate::support::{Program, Server, server::response, wire};
use serde_json::{Value, json};

/// The end of what was recorded, wherever it is shown: what follows on the page are the page's own words.
const END: &str = "\u{298}";

/// What the body says, of which the first pair would change places if it were one text.
const BODY: &str = "{\"\u{645}\u{641}\u{62a}\u{627}\u{62d}\":\"\u{642}\u{64a}\u{645}\u{629}\",\"\u{202e}turned\u{298}\":\"\u{202e}x\u{298}\",\
    \"\u{926}\u{947}\u{935}\u{928}\u{93e}\u{917}\u{930}\u{940}\":\"\u{597d}\",\"e\u{301}\":\"\u{1f469}\u{200d}\u{1f469}\u{200d}\u{1f467}\"}";

/// Fields in Arabic, Hebrew, Chinese, Devanagari, emoji, with marks that combine, and with one that turns what follows.
fn fields() -> Vec<(&'static str, String)> {
    vec![
        (
            "X-Arabic",
            "\u{645}\u{631}\u{62d}\u{628}\u{627} 1 (2)".to_owned(),
        ),
        (
            "X-Hebrew",
            "\u{5e9}\u{5dc}\u{5d5}\u{5dd}, \u{5e2}\u{5d5}\u{5dc}\u{5dd}!".to_owned(),
        ),
        ("X-Chinese", "\u{4f60}\u{597d}".to_owned()),
        (
            "X-Devanagari",
            "\u{928}\u{92e}\u{938}\u{94d}\u{924}\u{947}".to_owned(),
        ),
        (
            "X-Emoji",
            "\u{1f642}\u{1f3f3}\u{fe0f}\u{200d}\u{1f308}".to_owned(),
        ),
        (
            "X-Combining",
            "Z\u{351}\u{36b}\u{343}a\u{328}\u{301}".to_owned(),
        ),
        ("X-Turned", format!("\u{202e}gnp.exe{END}")),
    ]
}

const PATH: &str = "/\u{645}\u{631}\u{62d}\u{628}\u{627}/\u{202e}gnp.exe\u{298}";

#[test]
fn names_in_every_script_turn_nothing_around() {
    let origin = Server::answering(None, |_| {
        response("200 OK", &["Content-Type: application/json"], BODY)
    });
    let program = Program::start();
    // a host by its IDN form (RFC 5890) in a zone that is this computer; all else as the bytes that they are
    let host = format!("xn--mgbh0fb.localhost:{}", origin.port());
    for path in [PATH, "/other"] {
        let mut request = format!("POST http://{host}{path} HTTP/1.1\r\nHost: {host}\r\n");
        for (name, value) in fields() {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str(&format!(
            "Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{BODY}",
            BODY.len()
        ));
        assert_eq!(wire::exchange(program.proxy, request).status(), 200);
    }
    let disguised = format!("xn--pypal-4ve.localhost:{}", origin.port());
    let request = format!("GET http://{disguised}/disguised HTTP/1.1\r\nHost: {disguised}\r\n\r\n");
    assert_eq!(wire::exchange(program.proxy, request).status(), 200);
    let flows = program.api.wait_for("", 3);
    assert_eq!(flows[0]["path"], PATH);
    let tags = json!([
        format!("\u{202e}tag{END}"),
        "\u{5ea}\u{5d2}",
        "\u{6807}\u{7b7e}"
    ]);
    let comment = format!("\u{5d4}\u{5e2}\u{5e8}\u{5d4} \u{202e}comment{END}");
    let note = json!({ "tags": tags, "comment": comment });
    let flow = format!("/api/flows/{}", flows[0]["id"]);
    program.api.expect(200, "PATCH", &flow, Some(&note));

    let seen = drive(&program, &origin, "names", &["shown", "session"]);
    let shown = &seen["shown"];
    let turned = shown["turned"].as_object().unwrap();
    assert_eq!(turned.len(), 11, "{turned:#?}");
    for (place, texts) in turned {
        assert_eq!(texts, &json!([]), "{place}: turned around");
    }
    assert_eq!(shown["path"], PATH);
    // in its letters, beside its port; on the wire it was something else
    let port = origin.port();
    assert_eq!(
        shown["host"],
        format!("\u{2068}\u{645}\u{62b}\u{627}\u{644}\u{2069}.localhost:{port}")
    );
    let hint = shown["hint"].as_str().unwrap();
    assert!(hint.ends_with("(xn--mgbh0fb.localhost)"), "{hint}");
    assert_eq!(shown["mixed"], "xn--pypal-4ve.localhost", "{shown}");
    assert_eq!(shown["comment"], comment);
    assert_eq!(shown["tags"], tags);
    let recorded = shown["fields"].as_array().unwrap();
    for (name, value) in fields() {
        assert!(
            recorded.contains(&json!([name, value])),
            "{name}: {recorded:?}"
        );
    }
    assert_eq!(shown["order"], true, "a name stands before its value");
    let lines: Vec<String> = serde_json::from_value(shown["lines"].clone()).unwrap();
    let body: Value = serde_json::from_str(BODY).unwrap();
    let read: Value = serde_json::from_str(&lines.concat()).unwrap();
    assert_eq!(read, body, "{lines:?}");
    assert_eq!(shown["found"], 1, "the filter finds it");
    assert_eq!(shown["wide"], 390, "nothing sticks out on a phone");
    let session = &seen["session"];
    assert_eq!(session["turned"], json!({"sessions": [], "banner": []}));
    assert_eq!(session["named"], format!("\u{202e}\u{5e9}\u{5dd}{END}"));
    assert_eq!(seen["troubles"], json!([]));
}
