//! Promise: a script changes what passes, over every version; and whatever is wrong with one, the traffic goes on and its flow
//! says what was wrong.

use crate::support::{
    Nginx, Program, Run, Server,
    api::headers,
    folder,
    program::{Setup, overhear},
    repository, save,
    server::response,
    until,
};
use crate::{
    clients::websocket_server,
    messages::{changed, client, heard, say},
};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// A folder with scripts in it.
struct Scripts(tempfile::TempDir);

impl Scripts {
    fn new() -> Self {
        Self(folder())
    }

    fn write(&self, name: &str, source: &str) -> PathBuf {
        let file = self.0.path().join(name);
        save(&file, source);
        file
    }
}

fn with(scripts: &[&Path]) -> Setup {
    let args = scripts
        .iter()
        .flat_map(|file| ["--script".into(), file.as_os_str().to_owned()]);
    Setup::new().args(args)
}

/// What is in each of the three: plain HTTP, HTTPS with HTTP/1.1, HTTPS with HTTP/2.
fn ways(origin: &Nginx, path: &str) -> [(&'static str, String, &'static str); 3] {
    [
        ("plain", origin.http(path), "--http1.1"),
        ("tls", origin.https(path), "--http1.1"),
        ("h2", origin.https(path), "--http2"),
    ]
}

/// What scripts did to a flow, in words, once there is something.
fn did(program: &Program, filter: &str) -> Vec<(String, bool)> {
    let flow = program.api.flow(filter);
    let did = flow["rules_did"].as_array().unwrap();
    let each = did.iter().filter(|done| done["action"] == "script");
    each.map(|done| {
        (
            done["text"].as_str().unwrap().to_owned(),
            done["failed"] == true,
        )
    })
    .collect()
}

#[test]
fn requests_and_responses_are_changed_over_every_version() {
    let origin = Nginx::start();
    let scripts = Scripts::new();
    let script = scripts.write(
        "fix.js",
        r#"
        let calls = 0;
        export async function onRequest(request, flow) {
            calls += 1;
            request.headers.set("X-Sent", `${flow.client} ${calls}`);
            request.headers.remove("x-gone");
            if (request.path === "/old.json") request.path = "/gzip/data.json";
            if (request.path === "/made") return new overhear.Response({ made: request.query }, { status: 201 });
            if (request.path === "/dropped") return overhear.drop();
            if (request.path === "/blocked") return overhear.block();
            flow.tags.add("seen");
        }
        export function onResponse(response, flow) {
            if (!response.headers.get("content-type")?.includes("json")) return;
            response.body.json.greeting = flow.request.headers.get("X-Greeting") ?? "none";
            response.headers.add("X-Came", String(response.status));
            flow.comment = flow.request.url;
            console.log("answered", response.body.json.nested);
        }"#,
    );
    let program = with(&[&script]).trusting(&origin.ca.pem).start();
    for (name, url, version) in ways(&origin, "/old.json") {
        let url = format!("{url}?{name}");
        let ran = program
            .curl()
            .args([
                version,
                "--compressed",
                "--include",
                "-H",
                "X-Gone: 1",
                "-H",
                "X-Greeting: hi",
                &url,
            ])
            .ok();
        let said = ran.text();
        assert!(
            said.ends_with(r#"{"greeting":"hi","numbers":[1,2,3],"nested":{"deep":true}}"#),
            "{name}: {said}"
        );
        let lower = said.to_lowercase();
        assert!(
            lower.contains("x-came: 200\r\n") && !lower.contains("content-encoding"),
            "{said}"
        );
        let flow = program.api.flow(&format!("path:/old.json?{name}"));
        assert_eq!(
            (&flow["rules"], &flow["modified"]),
            (&json!(["fix.js"]), &json!(true))
        );
        assert_eq!(
            (&flow["tags"], &flow["comment"]),
            (&json!(["seen"]), &json!(url))
        );
        // both what came and what was sent
        assert_eq!(
            program.api.decoded(&flow, "response"),
            origin.file("data.json")
        );
        let sent = &flow["request"]["sent"];
        let has = |field: &str| {
            headers(sent)
                .iter()
                .any(|(name, _)| name.eq_ignore_ascii_case(field))
        };
        assert!(has("x-sent") && !has("x-gone"), "{sent:#}");
        let body = program.api.bytes(&format!(
            "/api/flows/{}/response/body?sent=true",
            flow["id"]
        ));
        assert!(said.ends_with(&String::from_utf8(body).unwrap()));
        let texts: Vec<_> = did(&program, &format!("path:/old.json?{name}"));
        assert!(texts.iter().all(|(_, failed)| !failed), "{texts:?}");
        assert!(
            texts.first().is_some_and(
                |(text, _)| text.contains("/gzip/data.json") && text.contains("tag seen")
            ),
            "{texts:?}"
        );
        assert!(
            texts
                .get(1)
                .is_some_and(|(text, _)| text.contains("body, 58 bytes now")),
            "{texts:?}"
        );
        let lines = program.api.get("/api/scripts/console");
        let lines = lines["items"].as_array().unwrap();
        assert!(
            lines.iter().any(|line| line["flow"] == flow["id"]
                && line["text"] == "answered { deep: true }"
                && line["script"] == "fix.js"
                && line["level"] == "log"),
            "{lines:?}"
        );
    }
    for (name, url, version) in ways(&origin, "/made") {
        let url = format!("{url}?{name}");
        let got = program
            .curl()
            .args([version, "--include", &url])
            .ok()
            .text();
        assert!(
            got.to_lowercase()
                .contains("content-type: application/json"),
            "{got}"
        );
        // its own answer is a response, too
        assert!(
            got.contains("201")
                && got.ends_with(&format!(r#"{{"made":"{name}","greeting":"none"}}"#)),
            "{got}"
        );
    }
    for (_, url, version) in ways(&origin, "/dropped") {
        assert!(!program.curl().args([version, &url]).run().status.success());
    }
    for (_, url, version) in ways(&origin, "/blocked") {
        let got = program.curl().args([version, &url]).ok().text();
        assert!(
            got.starts_with("403 Forbidden: the script \"fix.js\" blocks this."),
            "{got}"
        );
    }
    let failed = program.api.wait_for("path:/dropped", 3);
    for flow in failed {
        let error = program.api.detail(flow["id"].as_i64().unwrap())["error"].to_string();
        assert!(
            error.contains("The script \\\"fix.js\\\" does not let this pass."),
            "{error}"
        );
    }
    let listed = program.api.get("/api/scripts");
    let one = &listed["items"][0];
    assert_eq!(
        (&one["name"], &one["state"], &one["hooks"], &one["failures"]),
        (
            &json!("fix.js"),
            &json!("active"),
            &json!(["onRequest", "onResponse"]),
            &json!(0)
        )
    );
    assert!(one["calls"].as_u64().unwrap() >= 18, "{one}");
    program.stop();
}

#[test]
fn rules_act_first_and_scripts_in_their_order() {
    let origin = Server::answering(None, |_| response("200 OK", &["X-Server: 1"], "ok"));
    let scripts = Scripts::new();
    let adds = |name: &str| {
        let hook = |hook: &str| {
            format!(
                "export function {hook}(m) {{ m.headers.set('X-Order', (m.headers.get('X-Order') ?? '') + ' {name}'); }}\n"
            )
        };
        scripts.write(name, &(hook("onRequest") + &hook("onResponse")))
    };
    let (first, second) = (adds("b.js"), adds("a.js"));
    let program = with(&[&first, &second]).start();
    for stage in ["request", "response"] {
        let rule = json!({"name": "r", "stage": stage, "actions": [{"do": "set-header", "name": "X-Order", "value": "rule"}]});
        program.api.expect(201, "POST", "/api/rules", Some(&rule));
    }
    let url = format!("http://localhost:{}/x", origin.port());
    let got = program.curl().args(["--include", &url]).ok().text();
    assert!(got.contains("X-Order: rule b.js a.js\r\n"), "{got}");
    let request = origin.requests().pop().unwrap();
    assert_eq!(request.field("x-order").as_deref(), Some("rule b.js a.js"));
    assert_eq!(
        program.api.flow("path:/x")["rules"],
        json!(["r", "b.js", "a.js"])
    );
}

#[test]
fn a_script_that_fails_never_stops_the_traffic() {
    let origin = Nginx::start();
    let scripts = Scripts::new();
    let script = scripts.write(
        "bad.js",
        r#"export function onRequest(request) {
            request.headers.set("X-Half", "done");
            switch (request.query) {
                case "loop": for (;;) {}
                case "memory": { const all = []; for (;;) all.push(new Uint8Array(1 << 20)); }
                case "throw": request.missing.x; break;
                case "deep": (function f() { f(); })(); break;
                case "regex": /^(a+)+$/.test("a".repeat(60) + "!"); break;
                case "never": return new Promise(() => {});
                case "number": return 5;
                case "header": request.headers.set("a b", "c"); break;
            }
        }
        export function onResponse(response, flow) {
            if (flow.request.url.endsWith("?response")) throw new Error("on the way back");
        }"#,
    );
    let program = with(&[&script])
        .args(["--script-time", "2s", "--script-memory", "16MiB"])
        .trusting(&origin.ca.pem)
        .start();
    for (query, told) in [
        ("loop", "it ran for longer than 2000 ms"),
        ("memory", "it wanted more than 16 MiB of memory"),
        (
            "throw",
            "TypeError: cannot read property 'x' of undefined (line 6, column",
        ),
        ("deep", "RangeError: Maximum call stack size exceeded"),
        ("regex", "it ran for longer than 2000 ms"),
        ("never", "it waits for what never happens"),
        ("number", "onRequest returned 5"),
        ("header", "\"a b\" cannot be a header's name"),
        ("response", "Error: on the way back (line 15, column"),
        ("good", "headers X-Half"),
    ] {
        for (name, url, version) in ways(&origin, "/hello.txt") {
            let url = format!("{url}?{query}");
            let got = program
                .curl()
                .args([version, "-H", &format!("X-Way: {name}"), &url])
                .ok()
                .out;
            assert_eq!(got, origin.file("hello.txt"), "{query} {name}");
        }
        for flow in program.api.wait_for(&format!("path:/hello.txt?{query}"), 3) {
            let flow = program.api.detail(flow["id"].as_i64().unwrap());
            let did = flow["rules_did"].as_array().unwrap();
            let last = did.last().unwrap_or_else(|| panic!("{query}: {flow:#}"));
            assert!(
                last["text"].as_str().unwrap().contains(told),
                "{query}: {last}"
            );
            let fails = !matches!(query, "good");
            assert_eq!(last["failed"] == true, fails, "{last}");
            // a call that fails changes nothing, not even what it had done before
            let half = !matches!(query, "good" | "response");
            assert_eq!(
                flow["request"]["sent"].is_null()
                    || !flow["request"]["sent"]
                        .to_string()
                        .to_lowercase()
                        .contains("x-half"),
                half,
                "{query}"
            );
            assert_eq!(flow["state"], "complete");
            if fails {
                let lines = program.api.get("/api/scripts/console");
                let lines = lines["items"].as_array().unwrap();
                assert!(
                    lines
                        .iter()
                        .any(|line| line["flow"] == flow["id"] && line["level"] == "error"),
                    "{query}: {lines:?}"
                );
            }
        }
    }
    let one = &program.api.get("/api/scripts")["items"][0];
    assert_eq!(
        (&one["state"], &one["failures"]),
        (&json!("active"), &json!(27)),
        "{one}"
    );
    program
        .api
        .expect(204, "DELETE", "/api/scripts/console", None);
    assert_eq!(program.api.get("/api/scripts/console")["items"], json!([]));
    program.stop();
}

#[test]
fn a_script_that_loops_does_not_hold_up_others() {
    let origin = Server::answering(None, |_| response("200 OK", &[], "ok"));
    let scripts = Scripts::new();
    let slow = scripts.write(
        "slow.js",
        "export const filter = 'path:/slow'; export function onRequest() { for (;;) {} }",
    );
    let program = with(&[&slow]).args(["--script-time", "60s"]).start();
    let url = |path: &str| format!("http://localhost:{}{path}", origin.port());
    let mut waits = program.curl().arg(url("/slow")).start();
    until("the script to run", || {
        // it is asked before the request goes on
        let flows = program.api.flows("path:/slow");
        (!flows.is_empty()).then_some(())
    });
    for number in 0..20 {
        let got = program.curl().arg(url(&format!("/other{number}"))).ok();
        assert_eq!(got.text(), "ok");
    }
    assert!(!waits.ended(), "{}", waits.said_so_far());
    waits.child().kill().unwrap();
    program.kill();
}

#[test]
fn a_script_is_read_again_when_it_is_saved() {
    let origin = Server::answering(None, |_| response("200 OK", &[], "ok"));
    let scripts = Scripts::new();
    let source = |value: &str| {
        format!("export function onRequest(request) {{ request.headers.set('X-V', '{value}'); }}")
    };
    let file = scripts.write("v.js", &source("first"));
    let program = with(&[&file]).start();
    let mut events = program.api.events("");
    let url = format!("http://localhost:{}/x", origin.port());
    let sent = || {
        program.curl().arg(&url).ok();
        origin.requests().last().unwrap().field("x-v")
    };
    let one = || program.api.get("/api/scripts")["items"][0].clone();
    assert_eq!(sent().as_deref(), Some("first"));
    scripts.write("v.js", &source("another"));
    until("the new version to act", || {
        (sent().as_deref() == Some("another")).then_some(())
    });
    while events.next().0 != "scripts" {}
    // a version that cannot be used is told, and the one before acts on
    scripts.write(
        "v.js",
        "export function onRequest(request) {\n  oops(;\n}\n",
    );
    let told = until("the error to be told", || {
        let one = one();
        (one["state"] == "stale").then_some(one)
    });
    assert_eq!(told["error"]["line"], 2, "{told}");
    assert!(
        told["error"]["text"]
            .as_str()
            .unwrap()
            .starts_with("SyntaxError"),
        "{told}"
    );
    assert_eq!(sent().as_deref(), Some("another"));
    until("the terminal to say so", || {
        program
            .said()
            .contains("The version before acts on.")
            .then_some(())
    });
    // so when the file vanishes, and when it is there again
    std::fs::remove_file(&file).unwrap();
    until("the file to be missed", || {
        one()["error"]["text"]
            .as_str()
            .is_some_and(|text| text.contains("cannot be read"))
            .then_some(())
    });
    assert_eq!(sent().as_deref(), Some("another"));
    scripts.write("v.js", &source("third"));
    until("the new version to act", || {
        (sent().as_deref() == Some("third")).then_some(())
    });
    assert_eq!(
        (&one()["state"], &one()["error"]),
        (&json!("active"), &Value::Null)
    );
    program.stop();
}

#[test]
fn a_script_that_is_wrong_at_the_start_is_told_and_one_that_is_missing_refused() {
    let origin = Server::answering(None, |_| response("200 OK", &[], "ok"));
    let scripts = Scripts::new();
    let file = scripts.write("v.js", "let a;\nlet a;\n");
    let program = with(&[&file]).start();
    until("the terminal to say so", || {
        let said = program.said();
        (said.contains("v.js cannot be used: SyntaxError") && said.contains("(line 2, column"))
            .then_some(())
    });
    let url = format!("http://localhost:{}/x", origin.port());
    assert_eq!(program.curl().arg(&url).ok().text(), "ok");
    assert_eq!(
        program.api.get("/api/scripts")["items"][0]["state"],
        "failed"
    );
    scripts.write(
        "v.js",
        "export function onResponse(response) { response.body.text = 'changed'; }",
    );
    until("it to act", || {
        (program.curl().arg(&url).ok().text() == "changed").then_some(())
    });
    let settings = program.api.get("/api/settings");
    let setting = |key: &str| {
        let items = settings["items"].as_array().unwrap();
        items.iter().find(|one| one["key"] == key).unwrap()["value"].clone()
    };
    assert_eq!(setting("script"), json!([file.display().to_string()]));
    assert_eq!(
        (setting("script-time"), setting("script-memory")),
        (json!("1s"), json!("128MiB"))
    );
    program.stop();

    let home = folder();
    let (run, _) = with(&[&scripts.0.path().join("none.js")]).command(home.path());
    let ran = run.run().exits(2);
    assert!(ran.err.contains("none.js cannot be read"), "{}", ran.err);
    let (run, _) = with(&[&file])
        .args(["--script-memory", "1MiB"])
        .command(home.path());
    assert!(run.run().exits(2).err.contains("too little memory"));
}

#[test]
fn a_stream_passes_as_it_comes_and_a_large_body_is_told() {
    let origin = Nginx::start();
    let large = "/large.bin";
    origin.large_file("large.bin", 9 << 20);
    let scripts = Scripts::new();
    let script = scripts.write(
        "bodies.js",
        "export function onResponse(response, flow) { response.headers.set('X-Held', String(response.body.held)); if (flow.request.url.includes('?read')) response.body.bytes; }",
    );
    let without = scripts.write(
        "heads.js",
        "export const bodies = false; export function onResponse(response) { response.headers.set('X-Bodies', String(response.body.held)); }",
    );
    let program = with(&[&script, &without]).trusting(&origin.ca.pem).start();
    for (_, url, version) in ways(&origin, large) {
        let head = program
            .curl()
            .args([version, "--head", &url])
            .ok()
            .text()
            .to_lowercase();
        assert!(head.contains("x-held: false"), "{head}");
        let file = program.home().join("got.bin");
        program
            .curl()
            .args([version, "--dump-header", "-", "--output"])
            .arg(&file)
            .arg(format!("{url}?read"))
            .ok();
        assert_eq!(std::fs::read(&file).unwrap(), origin.file("large.bin"));
    }
    let texts = program.api.wait_for(&format!("path:{large}?read"), 3);
    for flow in texts {
        let flow = program.api.detail(flow["id"].as_i64().unwrap());
        let did = flow["rules_did"].to_string();
        assert!(
            did.contains("the body is not held: it is larger than 8 MiB"),
            "{did}"
        );
    }
    for (_, url, version) in ways(&origin, "/hello.txt") {
        let got = program
            .curl()
            .args([version, "--include", &url])
            .ok()
            .text();
        let lower = got.to_lowercase();
        // the first script had it held
        assert!(
            lower.contains("x-held: true") && lower.contains("x-bodies: true"),
            "{got}"
        );
    }
    program.stop();
}

#[test]
fn messages_of_a_websocket_are_changed_and_left_out() {
    let (_server, port) = websocket_server(None);
    let scripts = Scripts::new();
    let script = scripts.write(
        "talk.js",
        r#"export const filter = "path:/talk";
        export function onMessage(message, flow) {
            if (message.kind !== "text" || message.sender !== "client") return;
            if (message.body.text === "secret") return overhear.drop();
            if (message.body.text === "wrong") message.missing.x;
            if (message.body.text === "answer") return new overhear.Response("");
            if (message.body.text.startsWith("{")) message.body.json.price = 1;
            else message.body.text += ` ${flow.request.method}`;
        }"#,
    );
    let program = with(&[&script]).start();
    for compression in ["plain", "deflate"] {
        let url = format!("ws://localhost:{port}/talk/{compression}");
        let mut client = client(&program, &url, compression);
        let said = ["hello", "secret", "wrong", "answer", "{\"price\":99}"];
        say(&mut client, &said.map(Value::from));
        let came = heard(&client, 5);
        let expected = [
            "welcome None",
            "hello GET",
            "wrong",
            "answer",
            "{\"price\":1}",
        ];
        assert_eq!(came, expected.map(Value::from), "{compression}");
        say(&mut client, &[Value::Null]);
        client.wait().ok();
        let flow = program.api.flow(&format!("path:/talk/{compression}"));
        assert_eq!(
            (&flow["modified"], &flow["rules"]),
            (&json!(true), &json!(["talk.js"]))
        );
        let changed = changed(&program, &flow);
        let of = |at: usize| changed[at]["rules_did"][0].clone();
        assert_eq!(changed[0]["sent"]["text"], "hello GET", "{changed:#?}");
        assert_eq!(changed[1]["dropped"], true);
        for (at, told) in [
            (
                2,
                "TypeError: cannot read property 'x' of undefined (line 5",
            ),
            (3, "onMessage returned"),
        ] {
            let done = of(at);
            assert!(
                done["text"].as_str().unwrap().contains(told) && done["failed"] == true,
                "{done}"
            );
        }
    }
    program.stop();
}

#[test]
fn the_types_are_those_of_the_example() {
    let folder = folder();
    let said = |args: &[&str]| overhear(folder.path()).args(args).ok().text();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("overhear.d.ts", &said(&["script", "types"]));
    write("example.js", &said(&["script", "example"]));
    assert!(
        said(&[
            "script",
            "check",
            folder.path().join("example.js").to_str().unwrap()
        ])
        .contains("onRequest, onResponse")
    );
    write(
        "wrong.js",
        "// @ts-check\n/// <reference path=\"overhear.d.ts\" />\n/** @type {overhear.OnRequest} */\nexport function onRequest(request) { request.metod = 'GET'; return 5; }\n",
    );
    let check = |file: &str| {
        Run::new("node")
            .arg(repository().join("tests/node_modules/typescript/bin/tsc"))
            .args([
                "--noEmit",
                "--strict",
                "--allowJs",
                "--checkJs",
                "--target",
                "es2023",
                "--module",
                "es2022",
            ])
            .args(["--lib", "es2023", file])
            .dir(folder.path())
            .run()
    };
    let good = check("example.js");
    assert!(good.status.success(), "{}{}", good.text(), good.err);
    let bad = check("wrong.js").text();
    assert!(bad.contains("metod") && bad.contains("TS2322"), "{bad}");
    // a script that is wrong is told with its place
    write("broken.js", "export function onRequest( {\n");
    let ran = overhear(folder.path())
        .args(["script", "check"])
        .arg(folder.path().join("broken.js"))
        .run()
        .exits(1);
    assert!(ran.err.contains("broken.js: SyntaxError"), "{}", ran.err);
}
