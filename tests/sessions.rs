//! Promise: a recording is kept, named, begun afresh and cleared; what was deleted by mistake comes back; and nobody
//! loses a database.

use crate::support::{Nginx, Program, api::json, folder, program::Setup};
use serde_json::{Value, json};

fn visit(program: &Program, origin: &Nginx, path: &str) {
    let got = program.curl().arg(origin.http(path)).ok();
    assert_eq!(got.out, origin.file("hello.txt"));
}

/// The paths of a session's flows once there are as many, oldest first.
fn paths(program: &Program, session: &str, count: usize) -> Vec<String> {
    let path = format!("/api/flows?order=asc&session={session}");
    let flows = crate::support::until("the flows of a session", || {
        let list = program.api.get(&path);
        let flows = list["items"].as_array().unwrap().clone();
        let ended = flows.iter().all(|flow| flow["state"] != "running");
        (flows.len() == count && ended).then_some(flows)
    });
    let path = |flow: &Value| flow["path"].as_str().unwrap().to_owned();
    flows.iter().map(path).collect()
}

fn ask(program: &Program, status: u16, method: &str, path: &str, body: Value) -> Value {
    let body = (!body.is_null()).then_some(body);
    json(&program.api.expect(status, method, path, body.as_ref()))
}

#[test]
fn a_recording_is_saved_and_another_begun() {
    let (origin, data) = (Nginx::start(), folder());
    let program = Setup::new().data(data.path()).start();
    let mut events = program.api.events("?session=current");
    visit(&program, &origin, "/hello.txt?first");
    assert_eq!(paths(&program, "current", 1), ["/hello.txt?first"]);
    let begun = ask(
        &program,
        201,
        "POST",
        "/api/sessions",
        json!({"name": "A login"}),
    );
    assert_eq!(begun["current"], true);
    events.find(|name, _| (name == "sessions").then_some(()));
    visit(&program, &origin, "/hello.txt?second");
    assert_eq!(paths(&program, "current", 1), ["/hello.txt?second"]);
    // those who watch the current session see what is of the new one
    events.find(|name, data| {
        let items = data["items"].as_array().filter(|_| name == "flows")?;
        let mut items = items.iter().filter(|flow| flow["session"] == begun["id"]);
        items
            .find(|flow| flow["path"] == "/hello.txt?second")
            .map(|_| ())
    });

    // a restart goes on with the same one
    program.stop();
    let program = Setup::new().data(data.path()).start();
    visit(&program, &origin, "/hello.txt?third");
    let current = ["/hello.txt?second", "/hello.txt?third"];
    assert_eq!(paths(&program, "current", 2), current);
    let sessions = program.api.get("/api/sessions");
    let (newest, oldest) = (&sessions["items"][0], &sessions["items"][1]);
    assert_eq!((&newest["id"], &newest["flows"]), (&begun["id"], &json!(2)));
    assert_eq!(
        (&oldest["name"], &oldest["flows"]),
        (&json!("A login"), &json!(1))
    );
    let id = oldest["id"].to_string();
    assert_eq!(paths(&program, &id, 1), ["/hello.txt?first"]);

    // the command line knows them too
    let flows = |args: &[&str]| {
        let run = program.command("flows").arg("--json").args(args);
        let lines = run.ok().json_lines();
        lines
            .iter()
            .map(|flow| flow["path"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(flows(&["--session", "current"]), current);
    assert_eq!(flows(&["--session", &id]), ["/hello.txt?first"]);
    assert_eq!(flows(&[&format!("session:{id}")]), ["/hello.txt?first"]);
    assert_eq!(flows(&[]).len(), 3);
    let none = program
        .command("flows")
        .args(["--session", "99"])
        .run()
        .exits(1);
    assert!(none.err.contains("no session 99"), "{}", none.err);
    assert_eq!(flows(&["--session", "A login"]), ["/hello.txt?first"]);
    let export = |session: &str| {
        let run = program.command("export");
        run.args(["--format", "jsonl", "--session", session])
    };
    for name in ["A login", &id] {
        let lines = export(name).ok().json_lines();
        assert_eq!(lines.len(), 1, "{name}");
        assert_eq!(lines[0]["path"], "/hello.txt?first");
    }
    assert_eq!(export("current").ok().json_lines().len(), 2);
    let none = export("a login").run().exits(1);
    let known = none.err.contains("no session \"a login\"") && none.err.contains("\"A login\"");
    assert!(known, "{}", none.err);
    ask(
        &program,
        200,
        "PATCH",
        &format!("/api/sessions/{}", newest["id"]),
        json!({"name": "A login"}),
    );
    let both = export("A login").run().exits(1).err;
    assert!(both.contains("2 sessions are named"), "{both}");

    ask(
        &program,
        409,
        "DELETE",
        &format!("/api/sessions/{}", newest["id"]),
        Value::Null,
    );
    let deleted = ask(
        &program,
        200,
        "DELETE",
        &format!("/api/sessions/{id}"),
        Value::Null,
    );
    assert_eq!(deleted["deleted"], 1);
    assert_eq!(paths(&program, "all", 2), current);
    let undo = json!({"undo": deleted["undo"]});
    ask(&program, 200, "POST", "/api/flows/undelete", undo);
    assert_eq!(paths(&program, &id, 1), ["/hello.txt?first"]);
    program.stop();
}

#[test]
fn clearing_is_undone_and_survives_a_kill() {
    let (origin, data) = (Nginx::start(), folder());
    let program = Setup::new().data(data.path()).start();
    for n in 0..5 {
        visit(&program, &origin, &format!("/hello.txt?{n}"));
    }
    let before = paths(&program, "all", 5);
    let mut events = program.api.events("");
    let cleared = ask(
        &program,
        200,
        "DELETE",
        "/api/flows?session=current",
        Value::Null,
    );
    assert_eq!(cleared["deleted"], 5);
    assert_eq!(paths(&program, "all", 0), [""; 0]);
    let undo = json!({"undo": cleared["undo"]});
    let undone = ask(&program, 200, "POST", "/api/flows/undelete", undo.clone());
    assert_eq!(undone, json!({"restored": 5}));
    events.find(|name, _| (name == "reload").then_some(()));
    assert_eq!(paths(&program, "all", 5), before);
    let flow = program.api.flow("path:=/hello.txt?3");
    assert_eq!(
        program.api.body(&flow, "response"),
        origin.file("hello.txt")
    );
    ask(&program, 410, "POST", "/api/flows/undelete", undo);

    // deleted, and killed before it was undone: gone, and everything else is whole
    let some = ask(
        &program,
        200,
        "DELETE",
        "/api/flows?filter=path:=/hello.txt%3F0",
        Value::Null,
    );
    let some_id = json!({"undo": some["undo"]});
    program.kill();
    let program = Setup::new().data(data.path()).start();
    assert_eq!(paths(&program, "all", 4), before[1..]);
    ask(&program, 410, "POST", "/api/flows/undelete", some_id);
    for flow in program.api.wait_for("", 4) {
        assert_eq!(
            program.api.body(&flow, "response"),
            origin.file("hello.txt")
        );
        assert!(
            program
                .api
                .head(&flow, "response")
                .starts_with("HTTP/1.1 200 OK")
        );
    }
    visit(&program, &origin, "/hello.txt?after");
    assert_eq!(paths(&program, "current", 5)[4], "/hello.txt?after");
    let session = &program.api.get("/api/status")["session"];
    assert_eq!(session["flows"], 5);
    program.stop();
}

#[test]
fn traffic_passes_unrecorded_while_recording_is_off() {
    let (origin, program) = (Nginx::start(), Program::start());
    visit(&program, &origin, "/hello.txt?seen");
    let seen = program.api.flow("path:seen");
    ask(&program, 200, "PUT", "/api/recording", json!({"on": false}));
    let status = program.api.get("/api/status");
    assert_eq!(
        (&status["recording"], &status["paused"]),
        (&json!(false), &json!(true))
    );
    visit(&program, &origin, "/hello.txt?private");
    // what a person asks for is recorded nevertheless
    let again = json!({"flow": seen["id"], "method": "GET", "url": origin.http("/hello.txt?asked"), "headers": []});
    ask(&program, 202, "POST", "/api/replay", again);
    let replay = program.api.flow("path:asked");
    assert_eq!(replay["replay_of"], seen["id"]);
    assert_eq!(
        program.api.detail(seen["id"].as_i64().unwrap())["related"]["replays"],
        json!([replay["id"]])
    );
    ask(&program, 200, "PUT", "/api/recording", json!({"on": true}));
    visit(&program, &origin, "/hello.txt?on");
    let all = ["/hello.txt?seen", "/hello.txt?asked", "/hello.txt?on"];
    assert_eq!(paths(&program, "all", 3), all);
}
