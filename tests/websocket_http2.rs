//! Promise: a WebSocket over HTTP/2 (RFC 8441) passes, is recorded, changed and spoken into like one over HTTP/1.1.

use crate::{
    clients::{interpreter, websocket_server},
    compose::send,
    export::{http2_bodies, tshark},
    messages::{changed, decide, heard, say, waiting},
    support::{
        Program, Run,
        api::{headers, json},
        browser,
        certs::TestCa,
        command::Running,
        repository,
        server::closed_port,
        sha256, until,
    },
};
use serde_json::{Value, json};
use std::path::PathBuf;

/// A server whose certificate is trusted, and its port.
fn serving(
    program: &Program,
    ca: &TestCa,
    run: Run,
    script: &str,
    more: &[&str],
) -> (Running, u16) {
    let identity = ca.identity();
    let chain: PathBuf = program.home().join("server.pem");
    std::fs::write(&chain, format!("{}{}", identity.pem, identity.key_pem)).unwrap();
    let script = repository().join("tests/clients").join(script);
    let server = run.arg(script).arg(&chain).args(more).start();
    let port = until("the server's port", || {
        server.out_so_far().lines().next()?.parse().ok()
    });
    (server, port)
}

fn hypercorn(program: &Program, ca: &TestCa) -> (Running, u16) {
    let run = Run::new(interpreter());
    serving(program, ca, run, "websocket_http2_server.py", &[])
}

/// One that tells how its WebSockets end: see `tests/clients/websocket_http2_strict.py`.
fn strict(program: &Program, ca: &TestCa) -> (Running, u16) {
    let run = Run::new(interpreter());
    serving(program, ca, run, "websocket_http2_strict.py", &[])
}

/// Waits until the server says so.
fn told(server: &Running, line: &str) {
    until(line, || {
        server
            .out_so_far()
            .lines()
            .any(|said| said == line)
            .then_some(())
    });
}

/// A client that says what it is told to: see `tests/clients/websocket_http2_lines.py`.
fn client(program: &Program, port: u16, path: &str, compression: &str, protocol: &str) -> Running {
    let script = repository().join("tests/clients/websocket_http2_lines.py");
    Run::new(interpreter())
        .arg(script)
        .arg(program.url())
        .arg(program.ca_file())
        .args([
            &format!("wss://localhost:{port}{path}"),
            compression,
            protocol,
        ])
        .input_open()
        .start()
}

fn add(program: &Program, stage: &str, filter: &str, actions: Value) {
    let rule = json!({"name": "r", "filter": filter, "stage": stage, "actions": actions});
    program.api.expect(201, "POST", "/api/rules", Some(&rule));
}

#[test]
fn a_websocket_over_http2_is_one_like_others() {
    let ca = TestCa::new();
    let program = Program::trusting(&ca.pem);
    let (_server, port) = hypercorn(&program, &ca);
    let change = json!([{"do": "replace-body", "find": "verse", "with": "chapter"}]);
    for compression in ["plain", "deflate"] {
        for rules in [false, true] {
            let path = format!("/{compression}/{rules}");
            if rules {
                add(
                    &program,
                    "message",
                    &format!("path:{path} body:verse"),
                    change.clone(),
                );
            }
            let mut talker = client(&program, port, &path, compression, "websocket");
            let long = "long ".repeat(100_000);
            say(
                &mut talker,
                &[json!("verse one"), json!({"base64": "AP8Q"}), json!(long)],
            );
            let verse = if rules { "chapter one" } else { "verse one" };
            let expected = [
                json!({"status": 200}),
                json!("welcome over HTTP/2"),
                json!(verse),
                json!({"base64": "AP8Q"}),
                json!(long),
            ];
            assert!(
                heard(&talker, 5) == expected,
                "{path}: {:.300?}",
                heard(&talker, 5)
            );
            // a word by hand, either way
            let flow = program
                .api
                .flow_when(&format!("path:{path}"), |flow| flow["kind"] == "websocket");
            let to = format!("/api/flows/{}/messages", flow["id"]);
            for (receiver, text) in [("server", "to you"), ("client", "and to you")] {
                let message = json!({"to": receiver, "text": text});
                let answer = program.api.expect(200, "POST", &to, Some(&message));
                assert_eq!(json(&answer), json!({"sent": true}));
            }
            let mut two = heard(&talker, 7).split_off(5);
            two.sort_by_key(ToString::to_string);
            assert_eq!(two, ["and to you", "to you"]);
            say(&mut talker, &[json!("goodbye")]);
            let out = talker.wait().ok();
            assert!(out.text().contains("{\"close\": 1000}\n"));
            assert!(out.text().ends_with("\"ended\"\n"));

            let flow = program.api.flow(&format!("path:{path}"));
            assert_eq!(
                (&flow["state"], &flow["status"]),
                (&json!("complete"), &json!(200)),
                "{flow:#}"
            );
            assert_eq!(flow["url"], format!("wss://localhost:{port}{path}"));
            assert_eq!(flow["request"]["version"], "HTTP/2", "{flow:#}");
            let protocol = json!([":protocol", "websocket"]);
            assert!(
                flow["request"]["headers"]
                    .as_array()
                    .unwrap()
                    .contains(&protocol),
                "{flow:#}"
            );
            let opened = flow["response"]["headers"].to_string();
            assert_eq!(
                opened.contains("permessage-deflate"),
                compression == "deflate",
                "{opened}"
            );
            let all = changed(&program, &flow);
            let by_hand = all.iter().filter(|one| one["by_hand"] == true).count();
            let by_rule = all.iter().filter(|one| one["by_hand"] == false).count();
            assert_eq!((by_hand, by_rule), (2, usize::from(rules)), "{all:#?}");
            // sent again, it is opened over HTTP/1.1
            let again = json!({"flow": flow["id"], "websocket": {"recorded": true}});
            let again = send(&program, &again);
            assert_eq!(
                (&again["kind"], &again["method"], &again["status"]),
                (&json!("websocket"), &json!("GET"), &json!(101)),
                "{again:#}"
            );
            // what was said is there as it was: the first message is a masked frame
            let said = program.api.sent(&flow, "request");
            assert_eq!((said[0] & 0x8f, said[1] & 0x80), (0x81, 0x80));
        }
    }
}

/// The opcodes of the frames of one direction, RFC 6455 section 5.2.
fn opcodes(mut bytes: &[u8]) -> Vec<u8> {
    let mut found = Vec::new();
    while let [first, second, rest @ ..] = bytes {
        let (length, rest) = match second & 0x7f {
            126 => (u16::from_be_bytes([rest[0], rest[1]]).into(), &rest[2..]),
            127 => (
                u64::from_be_bytes(rest[..8].try_into().unwrap()) as usize,
                &rest[8..],
            ),
            short => (short.into(), rest),
        };
        let mask = if second & 0x80 == 0 { 0 } else { 4 };
        bytes = &rest[mask + length..];
        found.push(first & 0x0f);
    }
    found
}

#[test]
fn what_no_rule_touches_arrives_byte_for_byte() {
    let ca = TestCa::new();
    let program = Program::trusting(&ca.pem);
    let (server, port) = strict(&program, &ca);
    for compression in ["plain", "deflate"] {
        let path = format!("/{compression}");
        let mut talker = client(&program, port, &path, compression, "websocket");
        let verse = "and the same again ".repeat(10_000);
        say(
            &mut talker,
            &[
                json!("verse one"),
                json!(["frag", "ments ", verse]),
                json!({"ping": true}),
                json!({"base64": "AP8Q"}),
            ],
        );
        let came = heard(&talker, 6);
        for expected in [
            json!("verse one"),
            json!(format!("fragments {verse}")),
            json!("pong"),
            json!({"base64": "AP8Q"}),
        ] {
            assert!(came.contains(&expected), "{came:.500?}");
        }
        say(&mut talker, &[Value::Null]);
        let out = talker.wait().ok();
        let lines: Vec<Value> = out
            .text()
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let last = &lines[lines.len() - 3..];
        let flow = program.api.flow(&format!("path:{path}"));
        let [sent, received] = ["request", "response"].map(|side| program.api.sent(&flow, side));
        let hashes = [&sent, &received].map(|bytes| sha256(bytes.as_slice()).0);
        assert_eq!(
            last,
            [
                json!({"close": 1000}),
                json!({"sha256": hashes}),
                json!("ended")
            ]
        );
        assert_eq!(opcodes(&sent), [1, 1, 0, 0, 9, 2, 8]);
        let answered = opcodes(&received);
        assert_eq!((answered[0], answered.last()), (1, Some(&8)));
        assert!(
            answered.contains(&10) && answered.contains(&2),
            "{answered:?}"
        );
        assert_eq!(flow["state"], "complete", "{flow:#}");
        told(&server, "closed 1000");
        // a capture has the same
        let file = program.home().join("sockets.pcapng");
        program
            .command("export")
            .args(["--format", "pcapng", "-o"])
            .arg(&file)
            .ok();
        assert_eq!(http2_bodies(&file, &path), [sent, received]);
        let warnings = tshark(&file).args(["-q", "-z", "expert,warn"]).ok().text();
        assert!(
            !warnings.contains("Warns") && !warnings.contains("Errors"),
            "{warnings}"
        );
    }
}

#[test]
fn who_leaves_after_a_close_frame_has_said_all() {
    let ca = TestCa::new();
    let program = Program::trusting(&ca.pem);
    let (server, port) = strict(&program, &ca);
    let path = "/left";
    let mut talker = client(&program, port, path, "deflate", "websocket");
    assert_eq!(heard(&talker, 2)[1], json!(format!("welcome to {path}")));
    // as a browser whose page goes: the reset is right behind the frame, and must not overtake it
    say(&mut talker, &[json!({"leave": 1001})]);
    told(&server, "closed 1001");
    let flow = program.api.flow("path:/left");
    assert_eq!(
        (&flow["state"], &flow["error"]),
        (&json!("complete"), &Value::Null),
        "{flow:#}"
    );
    let said = program.api.sent(&flow, "request");
    assert_eq!(opcodes(&said), [8]);

    let path = "/vanished";
    let mut talker = client(&program, port, path, "plain", "websocket");
    assert_eq!(heard(&talker, 2)[1], json!(format!("welcome to {path}")));
    say(&mut talker, &[json!({"vanish": true})]);
    // CANCEL, RFC 9113 section 7
    told(&server, "reset 8");
    let flow = program.api.flow("path:/vanished");
    assert_eq!(
        (
            &flow["state"],
            &flow["error"]["cause"],
            &flow["error"]["side"]
        ),
        (&json!("failed"), &json!("reset"), &json!("client")),
        "{flow:#}"
    );
}

#[test]
fn a_message_waits_for_a_person() {
    let ca = TestCa::new();
    let program = Program::trusting(&ca.pem);
    let (_server, port) = hypercorn(&program, &ca);
    add(
        &program,
        "message",
        "path:/stop body:stop",
        json!([{"do": "wait"}]),
    );
    let mut talker = client(&program, port, "/stop", "deflate", "websocket");
    say(&mut talker, &[json!("stop here"), json!({"ping": true})]);
    let message = waiting(&program);
    assert_eq!(
        (&message["message"], &message["body"]),
        (
            &json!({"sender": "client", "kind": "text"}),
            &json!({"text": "stop here"})
        )
    );
    // a ping overtakes what waits
    assert_eq!(heard(&talker, 3)[2], "pong");
    let edited = json!({"version": 1, "body": {"text": "go on"}});
    decide(&program, 204, &message, "continue", &edited);
    assert_eq!(heard(&talker, 4)[3], "go on");
    say(&mut talker, &[json!("goodbye")]);
    talker.wait().ok();
    let flow = program.api.flow("path:/stop");
    let did = changed(&program, &flow);
    assert_eq!(did[0]["rules_did"][0]["text"], "edited by a person");
}

#[test]
fn chromium_opens_one_over_the_connection_of_its_page() {
    let ca = TestCa::new();
    let program = Program::trusting(&ca.pem);
    let (_server, port) = hypercorn(&program, &ca);
    let url = format!("https://localhost:{port}/page");
    let input = json!({"proxy": program.url(), "root": program.ca_pem(), "url": url});
    let saw = browser::drive(&program, "websocket", &input);
    assert_eq!(
        saw["heard"],
        json!(["welcome over HTTP/2", "hello ✓", "goodbye", 1000, true])
    );
    assert_eq!(saw["closed"], json!([1000, true]));
    // it resets the stream when both sides have closed: nothing is wrong with that
    let closed = program.api.flow("path:/closed");
    assert_eq!(closed["state"], "complete", "{closed:#}");
    let flow = program.api.flow("path:/chromium");
    assert_eq!(
        (&flow["kind"], &flow["state"]),
        (&json!("websocket"), &json!("complete")),
        "{flow:#}"
    );
    assert_eq!(
        (&flow["method"], &flow["status"]),
        (&json!("CONNECT"), &json!(200))
    );
    let page = program.api.flow("path:/page");
    assert_eq!(
        flow["connection"]["id"], page["connection"]["id"],
        "{flow:#}"
    );
}

/// As without a proxy: what a server does not say, the client is not told, and opens another connection over HTTP/1.1.
#[test]
fn chromium_falls_back_where_the_server_does_not_take_them() {
    let ca = TestCa::new();
    let program = Program::trusting(&ca.pem);
    let run = Run::new(interpreter());
    let script = "websocket_http2_server.py";
    let (_server, port) = serving(&program, &ca, run, script, &["silent"]);
    let url = format!("https://localhost:{port}/page");
    let input = json!({"proxy": program.url(), "root": program.ca_pem(), "url": url});
    let saw = browser::drive(&program, "websocket", &input);
    assert_eq!(
        saw["heard"],
        json!(["welcome over HTTP/1.1", "hello ✓", "goodbye", 1000, true])
    );
    let page = program.api.flow("path:/page");
    let flow = program.api.flow("path:/chromium");
    assert_eq!(
        (&page["request"]["version"], &flow["request"]["version"]),
        (&json!("HTTP/2"), &json!("HTTP/1.1"))
    );
    assert_eq!(
        (
            &flow["kind"],
            &flow["method"],
            &flow["status"],
            &flow["state"]
        ),
        (
            &json!("websocket"),
            &json!("GET"),
            &json!(101),
            &json!("complete")
        ),
        "{flow:#}"
    );
}

#[test]
fn one_that_is_refused_or_blocked_ends_as_it_is_told() {
    let ca = TestCa::new();
    let program = Program::trusting(&ca.pem);
    let (_server, port) = hypercorn(&program, &ca);
    let open = |path: &str| client(&program, port, path, "plain", "websocket");
    let refused = open("/refused");
    assert_eq!(heard(&refused, 2), [json!({"status": 403}), json!("ended")]);
    let flow = program.api.flow("path:/refused");
    assert_eq!(
        (&flow["kind"], &flow["status"]),
        (&json!("http"), &json!(403)),
        "{flow:#}"
    );
    drop(refused);
    // rules for requests act on the opening, one that looks at bodies too
    add(
        &program,
        "request",
        "path:/answered",
        json!([{"do": "answer", "status": 418}]),
    );
    let body = json!([{"do": "replace-body", "find": "a", "with": "b"}, {"do": "set-header", "name": "x-a", "value": "b"}]);
    add(&program, "request", "path:/held", body);
    let away = json!([{"do": "map-remote", "to": format!("https://{}", closed_port())}]);
    add(&program, "request", "path:/away", away);
    add(
        &program,
        "message",
        "body:bad",
        json!([{"do": "block", "how": "close"}]),
    );
    assert_eq!(heard(&open("/answered"), 1)[0], json!({"status": 418}));
    let held = open("/held");
    assert_eq!(heard(&held, 2)[1], "welcome over HTTP/2");
    drop(held);
    let away = open("/away");
    assert_eq!(heard(&away, 1)[0], json!({"status": 502}));
    let flow = program.api.flow("path:/away");
    assert_eq!(flow["error"]["cause"], "refused", "{flow:#}");
    // and one that ends it
    let mut bad = open("/bad");
    assert_eq!(heard(&bad, 2)[1], "welcome over HTTP/2");
    say(&mut bad, &[json!("bad")]);
    // CANCEL, RFC 9113 section 7
    assert_eq!(heard(&bad, 3)[2], json!({"reset": 8}));
    let flow = program.api.flow("path:/bad");
    assert_eq!(flow["error"]["cause"], "forbidden", "{flow:#}");
}

#[test]
fn a_rule_leads_one_to_another_server() {
    let ca = TestCa::new();
    let program = Program::trusting(&ca.pem);
    let (_server, port) = hypercorn(&program, &ca);
    let (_plain, plain) = websocket_server(None);
    let (_other, other) = hypercorn(&program, &ca);
    for (path, to, welcome) in [
        (
            "/plain",
            format!("http://localhost:{plain}"),
            "welcome None",
        ),
        (
            "/other",
            format!("https://localhost:{other}"),
            "welcome over HTTP/1.1",
        ),
    ] {
        let actions = json!([{"do": "map-remote", "to": to}]);
        add(&program, "request", &format!("path:{path}"), actions);
        let mut talker = client(&program, port, path, "deflate", "websocket");
        let verse = "and the same again ".repeat(1000);
        say(&mut talker, &[json!(verse), json!({"base64": "AP8Q"})]);
        let expected = [
            json!({"status": 200}),
            json!(welcome),
            json!(verse),
            json!({"base64": "AP8Q"}),
        ];
        let came = heard(&talker, 4);
        assert!(came == expected, "{came:.500?}");
        say(&mut talker, &[Value::Null]);
        assert_eq!(heard(&talker, 5)[4], json!({"close": 1000}));
        talker.wait().ok();
        let flow = program.api.flow(&format!("path:{path}"));
        assert_eq!(
            (&flow["kind"], &flow["state"], &flow["status"]),
            (&json!("websocket"), &json!("complete"), &json!(101)),
            "{flow:#}"
        );
        assert_eq!(
            (&flow["request"]["version"], &flow["response"]["version"]),
            (&json!("HTTP/2"), &json!("HTTP/1.1"))
        );
        let sent = headers(&flow["request"]["sent"]);
        assert!(sent.contains(&("Upgrade".to_owned(), "websocket".to_owned())));
        assert_eq!(
            opcodes(&program.api.sent(&flow, "request")),
            [1, 2, 8],
            "{flow:#}"
        );
    }
    // one that does not want it is heard
    let actions = json!([{"do": "map-remote", "to": format!("https://localhost:{other}")}]);
    add(&program, "request", "path:/refused", actions);
    let refused = client(&program, port, "/refused", "plain", "websocket");
    assert_eq!(heard(&refused, 2), [json!({"status": 403}), json!("ended")]);
    let flow = program.api.flow("path:/refused");
    assert_eq!(
        (&flow["kind"], &flow["status"], &flow["state"]),
        (&json!("http"), &json!(403), &json!("complete")),
        "{flow:#}"
    );
}

#[test]
fn another_protocol_passes_as_it_is() {
    let ca = TestCa::new();
    let program = Program::trusting(&ca.pem);
    let (_server, port) = serving(&program, &ca, Run::new("node"), "echo_protocol.mjs", &[]);
    let mut talker = client(&program, port, "/odd", "plain", "connect-odd");
    say(&mut talker, &[json!("loud"), json!("er")]);
    let came = until("an echo", || {
        let lines = heard(&talker, 2);
        let bytes = lines.iter().filter_map(|line| line["bytes"].as_str());
        let bytes: String = bytes.collect();
        (bytes.len() == 6).then_some(bytes)
    });
    assert_eq!(came, "LOUDER");
    say(&mut talker, &[Value::Null]);
    let out = talker.wait().ok();
    assert!(out.text().ends_with("\"ended\"\n"), "{}", out.text());
    let flow = program.api.flow("path:/odd");
    assert_eq!(
        (&flow["kind"], &flow["state"]),
        (&json!("http"), &json!("complete")),
        "{flow:#}"
    );
    assert_eq!(program.api.sent(&flow, "request"), b"louder");
    assert_eq!(program.api.sent(&flow, "response"), b"LOUDER");
}
