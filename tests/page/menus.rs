//! Promise: what stands in a body or a message is a click away from the flows that say the same, however they were coded.

use super::shared::{drive, url};
use crate::clients;
use crate::support::{Program, Run, Server, server::response};
use serde_json::json;

/// What a server sends with `Content-Encoding: gzip`.
fn gzip(text: &str) -> Vec<u8> {
    Run::new("gzip").arg("-c").input(text).ok().out
}

#[test]
fn values_of_bodies_and_messages_are_filtered_by() {
    let coded = gzip(r#"{"token":"abc-1","n":42,"list":["first","second"]}"#);
    let origin = Server::answering(None, move |request| {
        let line = request.start_line();
        let json = "Content-Type: application/json";
        match line.split(' ').nth(1).unwrap_or_default() {
            "/coded" => response("200 OK", &[json, "Content-Encoding: gzip"], &coded),
            "/pretty" => {
                let body = "{\n  \"token\" : \"abc-1\",\n  \"n\": 421\n}";
                response("200 OK", &[json], body)
            }
            "/other" => response("200 OK", &[json], r#"{"token":"abc-12","n":4}"#),
            "/script" => {
                let body = "function a(b){return b===1}";
                response("200 OK", &["Content-Type: text/javascript"], body)
            }
            "/text" => {
                let body = "alpha (beta) or gamma\nabc-1\n";
                response("200 OK", &["Content-Type: text/plain"], body)
            }
            _ => response("204 No Content", &[], ""),
        }
    });
    let program = Program::start();
    for path in ["/coded", "/pretty", "/other", "/script", "/text"] {
        program.curl().arg(url(&origin, path)).ok();
    }
    for form in ["name=J%C3%B6rg+Mann&n=1", "name=Anna&n=1"] {
        let address = url(&origin, &format!("/form?{}", form.len()));
        program.curl().args(["--data", form]).arg(address).ok();
    }
    let (_server, port) = clients::websocket_server(None);
    let socket = format!("ws://localhost:{port}/socket");
    clients::websocket_conversation(&program, &socket, "deflate");
    program.api.wait_for("state:complete", 8);

    let seen = drive(&program, &origin, "menus", &["values", "selected"]);
    let values = &seen["values"];
    let found = |name: &str| &values[name]["rows"];
    // with its name, in whatever space and coding
    assert_eq!(found("pair"), &json!(["/coded", "/pretty"]), "{values:#}");
    assert_eq!(found("number"), &json!(["/coded"]), "{values:#}");
    assert_eq!(found("element"), &json!(["/coded"]));
    assert_eq!(
        found("hidden"),
        &json!([
            "/other", "/script", "/text", "/form?23", "/form?13", "/socket"
        ])
    );
    assert_eq!(found("line"), &json!(["/text"]));
    // as it was sent it has no space
    assert_eq!(found("formatted"), &json!(["/script"]));
    assert_eq!(found("field"), &json!(["/form?23"]));
    // masked and compressed on its way
    assert_eq!(found("message"), &json!(["/socket"]));
    assert_eq!(found("within"), &json!(["/socket"]));
    assert_eq!(values["copied"], "first");
    assert_eq!(values["broken"], json!([]));
    let selected = &seen["selected"];
    let word = selected["word"].as_str().unwrap();
    assert!(!word.trim().is_empty(), "as macOS does: {selected}");
    assert_eq!(selected["left"], "", "{selected}");
    assert_eq!(selected["chosen"].as_str().unwrap().trim(), word.trim());
    assert_eq!(selected["menus"], 0, "the browser's own: {selected}");
    assert_eq!(seen["troubles"], json!([]));
}
