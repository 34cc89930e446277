//! Promise: in the page a person says something in a WebSocket that is open, to either side, and sees it where it was said.

use super::shared::drive_with;
use crate::{
    clients::{interpreter, websocket_server},
    support::{Program, repository},
};
use serde_json::json;

#[test]
fn a_message_is_written_into_an_open_websocket() {
    let program = Program::start();
    let (_server, port) = websocket_server(None);
    let client = repository().join("tests/clients/websocket_lines.py");
    let address = format!("ws://localhost:{port}/talk");
    let more = json!({
        "python": interpreter(),
        "client": [client, program.url(), program.ca_file(), address, "deflate"],
    });
    let seen = drive_with(&program, "", "by_hand", &["written"], more);
    assert_eq!(seen["troubles"], json!([]));
    let seen = &seen["written"];
    assert_eq!(
        seen["heard"],
        json!([
            "welcome None",
            "to you",
            "by hand\nin two lines",
            {"base64": "AP8Q"},
            "of my own",
            {"base64": "AQI="},
        ])
    );
    assert_eq!(
        seen["list"],
        json!([
            "↓ welcome None",
            "↓ by hand to you",
            "↑ by hand by hand in two lines",
            "↓ by hand in two lines",
            "↑ by hand 00 ff 10",
            "↓ 00 ff 10",
            "↑ of my own",
            "↓ of my own",
            "↓ by hand 01 02",
        ])
    );
    assert_eq!(
        seen["titles"],
        json!(["sent by hand to the client", "sent by hand to the server"])
    );
    assert_eq!(seen["said"], "Sent to the server.");
    assert_eq!(seen["emptied"], "");
    assert_eq!(seen["focused"], "by-hand-text");
    assert!(
        seen["wrong"]
            .as_str()
            .unwrap()
            .contains("no hexadecimal digit")
    );
    assert_eq!(seen["kept"], "never sent");
    assert_eq!(
        seen["names"],
        json!(["Message to the client", "Message to the client, base64"])
    );
    assert!(seen["over"].as_str().unwrap().contains("has ended"));
    assert_eq!(seen["disabled"], json!([true, true]));
    assert!(
        seen["changes"]
            .as_str()
            .unwrap()
            .contains("By hand, to the server")
    );
    assert_eq!(seen["wide"], 390);
    for (look, found) in seen["broken"].as_object().unwrap() {
        assert_eq!(found, &json!([]), "{look}");
    }
    program.stop();
}
