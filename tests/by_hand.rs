//! Promise: a person says something in a WebSocket that others have opened, to either side; what these two say stays as they said it.

use crate::{
    clients::websocket_server,
    messages::{changed, client, heard, say},
    support::{Program, api::json, until},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

/// Writes a message, and waits until it is on its way.
fn write(program: &Program, flow: &Value, message: &Value) {
    let path = format!("/api/flows/{}/messages", flow["id"]);
    let answer = program.api.expect(200, "POST", &path, Some(message));
    assert_eq!(json(&answer), json!({"sent": true}));
}

/// The one WebSocket that is open there, as soon as it is recorded.
fn open(program: &Program, filter: &str) -> Value {
    until("the WebSocket to be open", || {
        let mut flows = program.api.flows(filter);
        flows.pop().filter(|flow| flow["kind"] == "websocket")
    })
}

/// Text that compresses well, and refers to what was said before.
fn refrain(number: usize) -> String {
    format!("verse {number}: {}", "and the same again ".repeat(20))
}

#[test]
fn either_side_hears_what_was_written_by_hand() {
    let program = Program::start();
    let (_server, port) = websocket_server(None);
    for compression in ["plain", "deflate"] {
        // without and with rules that hold all messages
        for held in [false, true] {
            let path = format!("/{compression}/{held}");
            if held {
                let rule = json!({
                    "name": "r", "filter": format!("path:{path}"), "stage": "message",
                    "actions": [{"do": "replace-body", "find": "verse", "with": "chapter"}],
                });
                program.api.expect(201, "POST", "/api/rules", Some(&rule));
            }
            let passed = |number| match held {
                true => refrain(number).replace("verse", "chapter"),
                false => refrain(number),
            };
            let mut talker = client(
                &program,
                &format!("ws://localhost:{port}{path}"),
                compression,
            );
            say(&mut talker, &[json!(refrain(1))]);
            heard(&talker, 2);
            let flow = open(&program, &format!("path:{path}"));
            // the server echoes what it hears
            write(
                &program,
                &flow,
                &json!({"to": "server", "text": "verse by hand ✓"}),
            );
            let echo = match held {
                true => "chapter by hand ✓",
                false => "verse by hand ✓",
            };
            assert_eq!(heard(&talker, 3)[2], echo);
            say(&mut talker, &[json!(refrain(2))]);
            heard(&talker, 4);
            let binary = STANDARD.encode((0..=255).collect::<Vec<u8>>());
            write(&program, &flow, &json!({"to": "client", "base64": binary}));
            write(
                &program,
                &flow,
                &json!({"to": "client", "text": "verse for you"}),
            );
            let large = "long ".repeat(400_000);
            write(&program, &flow, &json!({"to": "client", "text": large}));
            say(
                &mut talker,
                &[json!({"ping": true}), json!(refrain(2)), json!(refrain(3))],
            );
            let mut came = heard(&talker, 10);
            came.retain(|line| *line != "pong");
            let expected = [
                json!("welcome None"),
                json!(passed(1)),
                json!(echo),
                json!(passed(2)),
                json!({"base64": binary}),
                json!("verse for you"),
                json!(large),
                json!(passed(2)),
                json!(passed(3)),
            ];
            assert!(came == expected, "{path}: {came:.300?}");

            // what was recorded of both is what a client and a server say to each other alone
            say(&mut talker, &[Value::Null]);
            let out = talker.wait().ok();
            assert!(out.text().contains("{\"close\": 1000}"), "{}", out.text());
            let flow = program
                .api
                .flow_when(&format!("path:{path}"), |flow| flow["state"] == "complete");
            assert_eq!(flow["modified"], true, "{flow:#}");
            let all = changed(&program, &flow);
            let by_hand: Vec<_> = all.iter().filter(|one| one["by_hand"] == true).collect();
            let path = format!("/api/flows/{}/messages/changed?by_hand=true", flow["id"]);
            let alone = program.api.get(&path);
            assert!(
                alone["items"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .eq(by_hand.iter().copied())
            );
            let told: Vec<_> = by_hand
                .iter()
                .map(|one| (one["side"].as_str().unwrap(), &one["kind"], &one["sent"]))
                .collect();
            let expected = [
                (
                    "request",
                    &json!("text"),
                    &json!({"text": "verse by hand ✓"}),
                ),
                ("response", &json!("binary"), &json!({"base64": binary})),
                (
                    "response",
                    &json!("text"),
                    &json!({"text": "verse for you"}),
                ),
                ("response", &json!("text"), &json!({"text": large})),
            ];
            assert!(told == expected, "{told:.400?}");
            // it stands at a border of what came, and its time between theirs
            let request = program.api.sent(&flow, "request");
            let at = usize::try_from(by_hand[0]["offset"].as_u64().unwrap()).unwrap();
            assert!(at > 0 && request[at] & 0x8f == 0x81, "a text begins there");
            let pieces = program
                .api
                .get(&format!("/api/flows/{}/messages?limit=500", flow["id"]));
            let pieces = pieces["items"].as_array().unwrap();
            let before = pieces.iter().filter(|piece| {
                piece["side"] == "request" && piece["at"].as_str() < by_hand[0]["at"].as_str()
            });
            let before: u64 = before.map(|piece| piece["size"].as_u64().unwrap()).sum();
            assert_eq!(before, at as u64, "{pieces:.400?}");
        }
    }
}

#[test]
fn what_was_written_is_shown_and_exported_in_its_place() {
    let program = Program::start();
    let (_server, port) = websocket_server(None);
    let mut talker = client(&program, &format!("ws://localhost:{port}/shown"), "plain");
    heard(&talker, 1);
    let flow = open(&program, "path:/shown");
    write(
        &program,
        &flow,
        &json!({"to": "client", "text": "one by hand"}),
    );
    heard(&talker, 2);
    say(&mut talker, &[json!("two")]);
    heard(&talker, 3);
    write(
        &program,
        &flow,
        &json!({"to": "server", "text": "three by hand"}),
    );
    heard(&talker, 4);
    say(&mut talker, &[Value::Null]);
    talker.wait().ok();
    let flow = program
        .api
        .flow_when("path:/shown", |flow| flow["state"] == "complete");
    let har = program
        .command("export")
        .args(["--format", "har", "path:/shown"])
        .ok()
        .json();
    let messages = har["log"]["entries"][0]["_webSocketMessages"]
        .as_array()
        .unwrap();
    let told: Vec<_> = messages
        .iter()
        .filter(|message| message["opcode"] == 1)
        .map(|message| {
            let by_hand = message["_byHand"].as_bool().unwrap_or_default();
            let text = |name| message[name].as_str().unwrap();
            (text("type"), text("data"), by_hand)
        })
        .collect();
    let expected = [
        ("receive", "welcome None", false),
        ("receive", "one by hand", true),
        ("send", "two", false),
        ("receive", "two", false),
        ("send", "three by hand", true),
        ("receive", "three by hand", false),
    ];
    assert_eq!(told, expected);
    let shown = program.command("show").arg(flow["id"].to_string()).ok();
    let shown = shown.text();
    let place = |text: &str| {
        shown
            .find(text)
            .unwrap_or_else(|| panic!("no {text} in {shown}"))
    };
    assert!(place("welcome None") < place("one by hand"), "{shown}");
    assert!(
        place("one by hand") < place("\ntwo") && place("\ntwo") < place("three by hand"),
        "{shown}"
    );
    assert_eq!(shown.matches("sent by hand").count(), 2, "{shown}");
}

#[test]
fn what_cannot_be_sent_is_said() {
    let program = Program::start();
    let (_server, port) = websocket_server(None);
    let mut talker = client(
        &program,
        &format!("ws://localhost:{port}/refused"),
        "deflate",
    );
    heard(&talker, 1);
    let flow = open(&program, "path:/refused");
    let refused = |status, flow: &Value, message: Value| {
        let path = format!("/api/flows/{flow}/messages");
        let answer = program.api.expect(status, "POST", &path, Some(&message));
        json(&answer)["detail"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    let id = &flow["id"];
    for wrong in [
        json!({"to": "server"}),
        json!({"to": "server", "text": "a", "base64": "YQ=="}),
        json!({"to": "server", "base64": "?"}),
    ] {
        assert!(refused(400, id, wrong).contains("base64"));
    }
    refused(422, id, json!({"to": "nobody", "text": "a"}));
    let large = "x".repeat((8 << 20) + 1);
    assert!(refused(413, id, json!({"to": "server", "text": large})).contains("8388608 at most"));
    assert!(refused(404, &json!(999), json!({"to": "server", "text": "a"})).contains("999"));
    say(&mut talker, &[Value::Null]);
    talker.wait().ok();
    let why = until("the WebSocket to be over", || {
        let flow = program
            .api
            .flow_when("path:/refused", |flow| flow["state"] == "complete");
        Some(refused(
            409,
            &flow["id"],
            json!({"to": "client", "text": "late"}),
        ))
    });
    assert!(why.contains("no WebSocket that is open"), "{why}");
}
