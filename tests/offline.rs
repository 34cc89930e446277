//! Promise: what was recorded answers in the servers' place, in the order in which it was recorded, and the flow says what answered.

use crate::support::{Nginx, Program, Server, api::json, folder, program::Setup, server::response};
use serde_json::{Value, json};
use std::{
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
};

fn offline(program: &Program, body: &Value) -> Value {
    json(&program.api.expect(200, "PUT", "/api/offline", Some(body)))
}

fn get(program: &Program, args: &[&str]) -> String {
    program
        .curl()
        .args(["-w", "|%{http_code}"])
        .args(args)
        .ok()
        .text()
}

#[test]
fn recorded_answers_are_given_in_their_order() {
    let counter = AtomicU32::new(0);
    let origin = Server::answering(None, move |request| {
        let number = counter.fetch_add(1, Ordering::SeqCst);
        let body = format!("{number}:{}", request.text());
        response("200 OK", &["X-Number: 1", "Set-Cookie: a=b"], body)
    });
    let data = folder();
    let program = Setup::new().data(data.path()).start();
    let port = origin.port();
    let url = |path: &str| format!("http://localhost:{port}{path}");
    assert_eq!(get(&program, &[&url("/a?t=1&x=2")]), "0:|200");
    assert_eq!(get(&program, &[&url("/a?t=1&x=2")]), "1:|200");
    assert_eq!(get(&program, &["-d", "one", &url("/post")]), "2:one|200");
    assert_eq!(get(&program, &["-d", "two", &url("/post")]), "3:two|200");
    assert_eq!(get(&program, &["-H", "X-Who: me", &url("/who")]), "4:|200");
    assert_eq!(get(&program, &["-H", "X-Who: you", &url("/who")]), "5:|200");
    let recorded = program.api.wait_for("host:localhost", 6);
    assert_eq!(program.api.get("/api/offline")["on"], false);
    let now = offline(&program, &json!({"on": true}));
    assert_eq!((&now["on"], &now["flows"]), (&json!(true), &json!(6)));
    drop(origin);

    // in their order, the last again and again
    for expected in ["0:|200", "1:|200", "1:|200"] {
        assert_eq!(get(&program, &[&url("/a?t=1&x=2")]), expected);
    }
    let head = program.curl().args(["-i", &url("/a?t=1&x=2")]).ok().text();
    assert!(
        head.contains("X-Number: 1\r\n") && head.contains("Set-Cookie: a=b\r\n"),
        "{head}"
    );
    let flow = &program.api.wait_for("path:/a rule:offline", 4)[0];
    let flow = program.api.get(&format!("/api/flows/{}", flow["id"]));
    let first = recorded
        .iter()
        .map(|flow| flow["id"].as_i64().unwrap())
        .min()
        .unwrap();
    assert_eq!(flow["related"]["answered_with"], first, "{flow:#}");
    assert_eq!(flow["rules_did"][0]["flow"], first);
    let said = flow["rules_did"][0]["text"].as_str().unwrap();
    assert!(
        said.starts_with("answered with the response of flow ")
            && said.contains("of 2 with the same method and URL"),
        "{said}"
    );
    assert!(flow["server"].is_null(), "nobody was asked");
    // nothing like it
    let told = get(&program, &[&url("/a?t=2&x=2")]);
    assert!(
        told.contains("nothing like it was recorded") && told.ends_with("|404"),
        "{told}"
    );
    let told = get(&program, &["-X", "DELETE", &url("/a?t=1&x=2")]);
    assert!(told.ends_with("|404"), "{told}");

    // what may differ, and what must not
    offline(
        &program,
        &json!({"on": true, "filter": "id:..6", "ignore_query": ["t"], "same_body": true, "same_headers": ["x-who"]}),
    );
    assert_eq!(get(&program, &[&url("/a?t=999&x=2")]), "0:|200");
    assert!(get(&program, &[&url("/a?t=999&x=3")]).ends_with("|404"));
    assert_eq!(get(&program, &["-d", "two", &url("/post")]), "3:two|200");
    assert_eq!(get(&program, &["-d", "one", &url("/post")]), "2:one|200");
    assert!(get(&program, &["-d", "three", &url("/post")]).ends_with("|404"));
    assert_eq!(get(&program, &["-H", "x-WHO: you", &url("/who")]), "5:|200");
    for wrong in [
        json!({"on": true, "filter": "hots:x"}),
        json!({"on": true, "same_headers": ["a b"]}),
    ] {
        program.api.expect(400, "PUT", "/api/offline", Some(&wrong));
    }
    // pass: servers are asked for what was not recorded, and this one is gone
    offline(
        &program,
        &json!({"on": true, "filter": "id:..6", "missing": "pass"}),
    );
    assert!(get(&program, &[&url("/new")]).ends_with("|502"));
    offline(&program, &json!({"on": false}));
    assert!(get(&program, &[&url("/a?t=1&x=2")]).ends_with("|502"));
    program.stop();

    let program = Setup::new()
        .data(data.path())
        .args(["--replay-from", "id:..6"])
        .start();
    assert_eq!(get(&program, &[&url("/a?t=1&x=2")]), "0:|200");
    assert_eq!(program.api.get("/api/offline")["filter"], "id:..6");
}

#[test]
fn recorded_answers_stand_in_for_servers_of_every_version() {
    let origin = Nginx::start();
    let program = Program::trusting(&origin.ca.pem);
    let urls = [
        (origin.http("/gzip/data.json"), "--http1.1"),
        (origin.https("/gzip/data.json?1"), "--http1.1"),
        (origin.https("/gzip/data.json?2"), "--http2"),
    ];
    for (url, version) in &urls {
        program.curl().args([*version, "--compressed", url]).ok();
    }
    program.api.wait_for("path:/gzip", 3);
    let rule = json!({"name": "again", "actions": [{"do": "answer-recorded", "filter": "path:/gzip", "missing": "pass"}]});
    program.api.expect(201, "POST", "/api/rules", Some(&rule));
    let file = origin.file("data.json");
    drop(origin);
    // also where a tunnel leads to nobody any more
    for (url, version) in &urls {
        let ran = program.curl().args([*version, "--compressed", url]).ok();
        assert_eq!(ran.out, file, "{version} {url}");
    }
    let flows = program.api.wait_for("path:/gzip rule:again", 3);
    assert!(
        flows
            .iter()
            .all(|flow| flow["state"] == "complete" && flow["status"] == 200)
    );
}

#[test]
fn compressed_uploads_are_compared_by_what_they_say() {
    let origin = Server::answering(None, |request| {
        let coding = request.head_text().to_ascii_lowercase();
        let coding = coding.contains("content-encoding: gzip");
        response("200 OK", &[], format!("{coding}:{}", request.body.len()))
    });
    let program = Program::start();
    let url = format!("http://localhost:{}/upload", origin.port());
    let file = |name: &str, text: &str, level: &str| {
        let path = program.home().join(name);
        std::fs::write(&path, text).unwrap();
        let gzip = Command::new("gzip").args(["-n", level]).arg(&path).status();
        assert!(gzip.unwrap().success());
        let path = path.with_extension("gz");
        let size = path.metadata().unwrap().len();
        (format!("@{}", path.display()), size)
    };
    let text = "the same text again and again, ".repeat(2000);
    let other = text.replace("same", "other");
    let (one, one_size) = file("one", &text, "-1");
    let (two, two_size) = file("two", &other, "-1");
    let send = |body: &str, coding: Option<&str>| {
        let field = coding.map(|coding| format!("Content-Encoding: {coding}"));
        let mut args = vec!["--data-binary", body, &url];
        if let Some(field) = &field {
            args.extend(["-H", field]);
        }
        get(&program, &args)
    };
    assert_eq!(send(&one, Some("gzip")), format!("true:{one_size}|200"));
    assert_eq!(send(&two, Some("gzip")), format!("true:{two_size}|200"));
    // what is no gzip although it says so is like nothing, and in nobody's way
    assert_eq!(send("broken", Some("gzip")), "true:6|200");
    program.api.wait_for("path:/upload", 3);
    offline(&program, &json!({"on": true, "same_body": true}));
    drop(origin);
    // compressed in another way, and not at all
    let (again, size) = file("again", &text, "-9");
    assert_ne!(one_size, size);
    assert_eq!(send(&again, Some("gzip")), format!("true:{one_size}|200"));
    let plain = program.home().join("plain");
    std::fs::write(&plain, &other).unwrap();
    let plain = format!("@{}", plain.display());
    assert_eq!(send(&plain, None), format!("true:{two_size}|200"));
    assert!(send("neither", None).ends_with("|404"));
}
