//! Promise: messages of a WebSocket are changed, left out, or wait for a person, as rules say; all others arrive as they were sent,
//! however they are compressed.

use crate::{
    clients::{interpreter, websocket_server},
    support::{Program, Run, Server, api::json, command::Running, http, until, wire},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use std::io::{Read as _, Write as _};

/// A client that says what it is told to: see `tests/clients/websocket_lines.py`.
pub fn client(program: &Program, url: &str, compression: &str) -> Running {
    let script = crate::support::repository().join("tests/clients/websocket_lines.py");
    Run::new(interpreter())
        .arg(script)
        .arg(program.url())
        .arg(program.ca_file())
        .args([url, compression])
        .input_open()
        .start()
}

pub fn say(client: &mut Running, lines: &[Value]) {
    for line in lines {
        client.say(&format!("{line}\n"));
    }
}

/// What has come, as soon as it is so many lines.
pub fn heard(client: &Running, count: usize) -> Vec<Value> {
    until("messages to come back", || {
        let out = client.out_so_far();
        let lines = out
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok());
        let lines: Vec<Value> = lines.collect();
        (lines.len() >= count && out.ends_with('\n')).then_some(lines)
    })
}

fn add(program: &Program, sender: Option<&str>, filter: &str, actions: Value) -> i64 {
    let mut rule = json!({"name": "r", "filter": filter, "stage": "message", "actions": actions});
    if let Some(sender) = sender {
        rule["sender"] = sender.into();
    }
    let answer = program.api.expect(201, "POST", "/api/rules", Some(&rule));
    json(&answer)["id"].as_i64().unwrap()
}

pub fn waiting(program: &Program) -> Value {
    until("a message to wait", || {
        let list = program.api.get("/api/waiting");
        let items = list["items"].as_array().unwrap();
        let items: Vec<_> = items.iter().filter(|item| item["gone"] == false).collect();
        match items.as_slice() {
            // what was decided about a moment ago is listed until it goes on, and is no longer given out
            [one] => {
                let path = format!("/api/waiting/{}", one["id"]);
                let answer = program.api.send("GET", &path, None);
                (answer.status() == 200).then(|| json(&answer))
            }
            _ => None,
        }
    })
}

pub fn decide(program: &Program, status: u16, message: &Value, what: &str, body: &Value) {
    let path = format!("/api/waiting/{}/{what}", message["id"]);
    program.api.expect(status, "POST", &path, Some(body));
}

pub fn changed(program: &Program, flow: &Value) -> Vec<Value> {
    let path = format!("/api/flows/{}/messages/changed", flow["id"]);
    let answer = program.api.get(&path);
    assert!(answer["next"].is_null());
    answer["items"].as_array().unwrap().clone()
}

/// Text that compresses well, and refers to what was said before.
fn refrain(number: usize) -> String {
    format!(
        "verse {number}: {}",
        "and the same again ".repeat(20 + number)
    )
}

#[test]
fn messages_are_changed_and_left_out_however_they_are_compressed() {
    let program = Program::start();
    let (_server, port) = websocket_server(None);
    add(
        &program,
        Some("client"),
        "path:/talk body:change",
        json!([{"do": "replace-body", "find": "change (\\w+)", "with": "was $1", "regex": true}]),
    );
    add(
        &program,
        Some("client"),
        "path:/talk body:secret",
        json!([{"do": "block"}]),
    );
    add(
        &program,
        Some("server"),
        "path:/talk body:price",
        json!([{"do": "set-json", "path": "/price", "value": 1}, {"do": "tag", "tags": ["priced"]}]),
    );
    for compression in ["plain", "each", "deflate"] {
        let url = format!("ws://localhost:{port}/talk/{compression}");
        let mut client = client(&program, &url, compression);
        let price = format!("{{\"price\":99,\"about\":\"{}\"}}", refrain(3));
        let long = format!("change it {}", refrain(400));
        let binary = STANDARD.encode((0..=255).collect::<Vec<u8>>());
        say(
            &mut client,
            &[
                json!(refrain(1)),
                json!(format!("change this {}", refrain(1))),
                json!(refrain(1)),
                json!("a secret"),
                json!(["frag", "ments ch", "ange me ", refrain(2)]),
                json!({"ping": true}),
                json!(refrain(2)),
                json!(price),
                json!(price),
                json!(long),
                json!({"base64": binary}),
                json!(refrain(4)),
            ],
        );
        let cheap = price.replace("99", "1");
        let expected = [
            json!("welcome None"),
            json!(refrain(1)),
            json!(format!("was this {}", refrain(1))),
            json!(refrain(1)),
            json!(format!("fragments was me {}", refrain(2))),
            json!("pong"),
            json!(refrain(2)),
            json!(cheap),
            json!(cheap),
            json!(long.replace("change it", "was it")),
            json!({"base64": binary}),
            json!(refrain(4)),
        ];
        let mut came = heard(&client, expected.len());
        // the pong may overtake, or be overtaken
        let pong = came.iter().position(|line| *line == json!("pong")).unwrap();
        let line = came.remove(pong);
        came.insert(5, line);
        assert_eq!(came, expected, "{compression}");
        say(&mut client, &[Value::Null]);
        let out = client.wait().ok();
        assert!(out.text().contains("{\"close\": 1000}"), "{}", out.text());

        let flow = program.api.flow(&format!("path:/talk/{compression}"));
        assert_eq!(flow["state"], "complete", "{flow:#}");
        assert_eq!(
            (&flow["modified"], &flow["tags"]),
            (&json!(true), &json!(["priced"]))
        );
        let did = flow["rules_did"].as_array().unwrap();
        assert_eq!(did.len(), 4, "each action once: {did:#?}");
        assert!(did.iter().all(|done| done["stage"] == "message"));
        let changed = changed(&program, &flow);
        let sides: Vec<_> = changed
            .iter()
            .map(|item| item["side"].as_str().unwrap())
            .collect();
        let sent = |at: usize| changed[at]["sent"]["text"].as_str().unwrap().to_owned();
        assert_eq!(sides.iter().filter(|side| **side == "request").count(), 4);
        assert_eq!(sides.len(), 6, "{changed:#?}");
        assert_eq!(sent(0), format!("was this {}", refrain(1)));
        let dropped: Vec<_> = changed
            .iter()
            .filter(|item| item["dropped"] == true)
            .collect();
        assert_eq!(dropped.len(), 1);
        assert!(dropped[0]["sent"].is_null());
        // what came is recorded as it came, and a message is where it says
        let came = program.api.sent(&flow, "request");
        let offset = changed[0]["offset"].as_u64().unwrap() as usize;
        let length = changed[0]["length"].as_u64().unwrap() as usize;
        let frame = &came[offset..offset + length];
        assert_eq!(frame[0] & 0x8f, 0x81, "a text in one frame");
        if compression == "plain" {
            let text = unmasked(frame);
            assert_eq!(text, format!("change this {}", refrain(1)).as_bytes());
        }
    }
}

/// The payload of a masked frame with a length of two bytes.
fn unmasked(frame: &[u8]) -> Vec<u8> {
    let (key, payload) = (&frame[4..8], &frame[8..]);
    payload
        .iter()
        .zip(key.iter().cycle())
        .map(|(byte, key)| byte ^ key)
        .collect()
}

#[test]
fn a_message_waits_is_edited_dropped_and_its_client_gives_up() {
    let program = Program::start();
    let (_server, port) = websocket_server(None);
    let stop = add(
        &program,
        None,
        "path:/stop body:stop",
        json!([{"do": "wait"}]),
    );
    let url = format!("ws://localhost:{port}/stop");
    let mut client = client(&program, &url, "deflate");
    say(
        &mut client,
        &[
            json!(refrain(1)),
            json!("stop here"),
            json!(refrain(2)),
            json!({"ping": true}),
        ],
    );
    let message = waiting(&program);
    assert_eq!(
        (&message["stage"], &message["message"], &message["body"]),
        (
            &json!("message"),
            &json!({"sender": "client", "kind": "text"}),
            &json!({"text": "stop here"})
        )
    );
    assert_eq!(
        (&message["url"], &message["headers"]),
        (&json!(url), &json!([]))
    );
    // a ping overtakes what waits, and what comes behind it waits, too
    assert!(heard(&client, 3).contains(&json!("pong")));
    for wrong in [
        json!({"url": "http://a/"}),
        json!({"headers": []}),
        json!({"status": 200}),
        json!({"body": {"base64": "/w=="}}),
    ] {
        decide(&program, 400, &message, "continue", &wrong);
    }
    decide(&program, 400, &message, "answer", &json!({"status": 200}));
    let kept = json!({"version": 1, "body": {"text": "stop: edited"}});
    let path = format!("/api/waiting/{}", message["id"]);
    program.api.expect(200, "PUT", &path, Some(&kept));
    program.api.expect(409, "PUT", &path, Some(&kept));
    decide(&program, 204, &message, "continue", &json!({"version": 2}));
    // it comes back from the server, and waits there again: as what the server says now
    let echo = waiting(&program);
    assert_eq!(echo["message"]["sender"], "server");
    assert_eq!(echo["body"], json!({"text": "stop: edited"}));
    decide(&program, 204, &echo, "drop", &json!({}));
    assert_eq!(
        heard(&client, 4)[3],
        refrain(2),
        "the edited one was dropped on its way back"
    );

    // a client that goes while its message waits
    say(&mut client, &[json!("stop and go")]);
    let message = waiting(&program);
    drop(client);
    until("the message to be given up", || {
        let list = program.api.get("/api/waiting");
        let mut items = list["items"].as_array().unwrap().iter();
        items
            .any(|item| item["id"] == message["id"] && item["gone"] == true)
            .then_some(())
    });
    let flow = program.api.flow("path:/stop");
    let texts: Vec<_> = changed(&program, &flow)
        .iter()
        .map(|item| item["rules_did"][0]["text"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(texts, ["edited by a person", "dropped by a person"]);
    program
        .api
        .expect(204, "DELETE", &format!("/api/rules/{stop}"), None);
}

#[test]
fn a_rule_begins_in_the_middle_and_a_large_message_is_told() {
    let program = Program::start();
    let (_server, port) = websocket_server(None);
    let mut talks: Vec<_> = ["plain", "deflate"]
        .map(|compression| {
            let url = format!("ws://localhost:{port}/middle/{compression}");
            (compression, client(&program, &url, compression))
        })
        .into();
    for (_, client) in &mut talks {
        say(client, &[json!(refrain(1))]);
        heard(client, 2);
    }
    add(
        &program,
        Some("client"),
        "path:/middle (body:verse or not body:verse)",
        json!([{"do": "replace-body", "find": "verse", "with": "chapter"}]),
    );
    let all = add(
        &program,
        Some("client"),
        "path:/middle",
        json!([{"do": "replace-body", "find": "again", "with": "once more"}]),
    );
    let large = "x".repeat(9 << 20);
    for (compression, client) in &mut talks {
        say(
            client,
            &[json!(refrain(1)), json!(large), json!(refrain(2))],
        );
        let came = heard(client, 5);
        // what was compressed with reference to what nobody had read goes on as it came, and is told
        let touched = |number: usize| match *compression {
            "plain" => refrain(number)
                .replace("verse", "chapter")
                .replace("again", "once more"),
            _ => refrain(number),
        };
        assert_eq!(came[2], touched(1));
        assert_eq!(came[3].as_str().map(str::len), Some(large.len()));
        assert_eq!(came[4], touched(2));
        let flow = program
            .api
            .flows(&format!("path:/middle/{compression}"))
            .remove(0);
        let changed = until("what became of three messages", || {
            Some(changed(&program, &flow)).filter(|changed| changed.len() == 3)
        });
        let why = |at: usize| {
            let did = changed[at]["rules_did"].as_array().unwrap();
            let failed = did.iter().find(|done| done["failed"] == true);
            failed.map(|done| done["text"].as_str().unwrap().to_owned())
        };
        match *compression {
            "plain" => {
                assert_eq!(why(0), None);
                assert!(
                    why(1).unwrap().contains("larger than 8 MiB"),
                    "{changed:#?}"
                );
            }
            _ => assert!(why(0).unwrap().contains("open it again"), "{changed:#?}"),
        }
    }
    // a large one that is compressed, behind one that was changed: it arrives, too
    let url = format!("ws://localhost:{port}/middle/large");
    let mut client = client(&program, &url, "deflate");
    // one that cannot be compressed comes in pieces
    let mut seed = 7_u64;
    let noise = (0..9 << 20).map(|_| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (seed >> 56) as u8
    });
    let noise = json!({"base64": STANDARD.encode(noise.collect::<Vec<u8>>())});
    say(
        &mut client,
        &[
            json!(refrain(1)),
            json!(large),
            json!(refrain(3)),
            json!([large, large]),
            json!(refrain(4)),
            noise.clone(),
            json!({"ping": true}),
            json!(refrain(6)),
        ],
    );
    let mut came = heard(&client, 9);
    came.retain(|line| *line != json!("pong"));
    assert!(came[6] == noise, "the noise is another");
    assert_eq!(
        came[7],
        refrain(6)
            .replace("verse", "chapter")
            .replace("again", "once more")
    );
    let touched = |number: usize| {
        refrain(number)
            .replace("verse", "chapter")
            .replace("again", "once more")
    };
    assert_eq!(
        (&came[1], &came[3], &came[5]),
        (&json!(touched(1)), &json!(touched(3)), &json!(touched(4)))
    );
    assert_eq!(came[2].as_str().map(str::len), Some(9 << 20));
    assert_eq!(came[4].as_str().map(str::len), Some(18 << 20));
    // without rules everything goes on
    program
        .api
        .expect(200, "PATCH", "/api/rules", Some(&json!({"on": false})));
    say(&mut client, &[json!(refrain(5))]);
    assert_eq!(heard(&client, 10)[9], refrain(5));
    assert!(all > 0);
}

#[test]
fn a_rule_ends_a_websocket() {
    let program = Program::start();
    let (_server, port) = websocket_server(None);
    for how in ["close", "reset"] {
        add(
            &program,
            None,
            &format!("path:/{how} body:bad"),
            json!([{"do": "block", "how": how}]),
        );
        let url = format!("ws://localhost:{port}/{how}");
        let mut client = client(&program, &url, "deflate");
        say(&mut client, &[json!("good")]);
        assert_eq!(heard(&client, 2)[1], "good");
        say(&mut client, &[json!("bad"), Value::Null]);
        let out = client.wait().ok();
        assert!(!out.text().contains("bad"), "{}", out.text());
        // 1006: it ended without a close frame (RFC 6455 section 7.1.5)
        assert!(out.text().contains("{\"close\": 1006}"), "{}", out.text());
        let flow = program.api.flow(&format!("path:/{how}"));
        assert_eq!(flow["error"]["cause"], "forbidden", "{flow:#}");
    }
    // what cannot be done to messages is told when the rule is made
    for (actions, told) in [
        (
            json!([{"do": "set-header", "name": "a", "value": "b"}]),
            "request or response",
        ),
        (
            json!([{"do": "set-status", "status": 404}]),
            "stage response",
        ),
    ] {
        let rule = json!({"name": "r", "stage": "message", "actions": actions});
        let answer = json(&program.api.expect(400, "POST", "/api/rules", Some(&rule)));
        assert!(
            answer["detail"].as_str().unwrap().contains(told),
            "{answer}"
        );
    }
    let rule = json!({"name": "r", "sender": "client", "actions": [{"do": "no-caching"}]});
    program.api.expect(400, "POST", "/api/rules", Some(&rule));
}

#[test]
fn a_reset_behind_a_close_frame_of_either_side_is_no_failure() {
    // a close frame with 1001 (RFC 6455 sections 5.5.1 and 7.4.1)
    const CLOSE: [u8; 4] = [0x88, 0x02, 0x03, 0xe9];
    let server = Server::new(None, |mut stream| {
        let Ok(Some(head)) = http::read_head(&mut *stream) else {
            return;
        };
        let opened =
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
        stream.write_all(opened.as_bytes()).unwrap();
        if head.starts_with(b"GET /server ") {
            stream.write_all(&CLOSE).unwrap();
        }
        // until the other side is gone
        let _ = stream.read_to_end(&mut Vec::new());
    });
    let program = Program::start();
    for (closes, state) in [
        ("client", "complete"),
        ("server", "complete"),
        ("nobody", "failed"),
    ] {
        let mut client = Box::new(wire::dial(program.proxy));
        let request = format!(
            "GET http://localhost:{}/{closes} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
            server.port()
        );
        client.write_all(request.as_bytes()).unwrap();
        http::read_head(&mut *client).unwrap();
        let mut last = [0x81, 0x82, 0, 0, 0, 0, b'h', b'i'];
        if closes == "client" {
            last = [0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe9];
        }
        client.write_all(&last).unwrap();
        let filter = format!("path:/{closes}");
        let answered = if closes == "server" { CLOSE.len() } else { 0 };
        program.api.flow_when(&filter, |flow| {
            flow["request"]["body_size"] == 8 && flow["response"]["body_size"] == answered
        });
        wire::Stream::reset(client);
        let flow = program.api.flow(&filter);
        assert_eq!(flow["state"], state, "{flow:#}");
    }
}

#[test]
fn rules_that_cannot_read_the_messages_are_told() {
    // agrees on an extension that nobody knows, and says what it hears
    let server = Server::new(None, |mut stream| {
        let Ok(Some(_)) = http::read_head(&mut *stream) else {
            return;
        };
        let answer = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Extensions: x-odd; level=1\r\n\r\n";
        stream.write_all(answer.as_bytes()).unwrap();
        let mut frame = [0; 11];
        stream.read_exact(&mut frame).unwrap();
        stream.write_all(&frame).unwrap();
        wire::read_rest(&mut *stream);
    });
    let program = Program::start();
    let rule = |name: &str, filter: &str, sender: Option<&str>| {
        let rule = json!({
            "name": name, "filter": filter, "stage": "message", "sender": sender,
            "actions": [{"do": "replace-body", "find": "a", "with": "b"}],
        });
        program.api.expect(201, "POST", "/api/rules", Some(&rule));
    };
    rule("both", "path:/odd", None);
    rule("body", "body:hello", Some("server"));
    rule("another", "path:/even", None);
    let mut client = wire::dial(program.proxy);
    let port = server.port();
    write!(
        client,
        "GET http://localhost:{port}/odd HTTP/1.1\r\nHost: localhost:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Extensions: x-odd\r\n\r\n"
    )
    .unwrap();
    let answer = http::read_response_head(&mut client).unwrap();
    assert_eq!(answer.status(), 101);
    // text with a bit that only the extension can mean (RSV2), masked with zeros
    let frame = b"\xa1\x85\0\0\0\0hallo";
    client.write_all(frame).unwrap();
    let mut came = [0; 11];
    client.read_exact(&mut came).unwrap();
    assert_eq!(&came, frame, "it is not touched");
    let flow = program.api.flow_when("path:/odd", |flow| {
        flow["rules"]
            .as_array()
            .is_some_and(|rules| rules.len() == 2)
    });
    let did = flow["rules_did"].as_array().unwrap();
    let names: Vec<_> = did
        .iter()
        .map(|one| one["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["both", "body"], "{flow:#}");
    for one in did {
        assert_eq!(
            (&one["failed"], &one["stage"]),
            (&json!(true), &json!("message"))
        );
        let text = one["text"].as_str().unwrap();
        assert!(
            text.contains("go on as they come") && text.contains("\"x-odd; level=1\""),
            "{text}"
        );
    }
    assert_eq!(flow["modified"], false, "{flow:#}");
}
