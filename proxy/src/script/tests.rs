//! What scripts can do and cannot, each in a real runtime.

use super::{
    describe::{CLASSES, CONSOLE, Class, Kind, OVERHEAR},
    runtime::{Clock, Plan, prelude, runtime},
    *,
};
use rquickjs::{Function, Object};
use std::{cell::Cell, rc::Rc};

fn limits(milliseconds: u64) -> Limits {
    Limits {
        time: Duration::from_millis(milliseconds),
        memory: 32 << 20,
    }
}

/// Long enough for a busy machine.
fn patient() -> Limits {
    limits(60_000)
}

async fn script(source: &str, limits: Limits) -> (Worker, Arc<Console>) {
    let console = Arc::new(Console::default());
    let worker = Worker::start("a.js", source.to_owned(), limits, console.clone()).await;
    (worker.unwrap_or_else(|error| panic!("{error}")), console)
}

async fn wrong(source: &str, limits: Limits) -> ScriptError {
    let console = Arc::new(Console::default());
    let worker = Worker::start("a.js", source.to_owned(), limits, console).await;
    worker
        .err()
        .unwrap_or_else(|| panic!("it is loaded: {source}"))
}

fn flow() -> FlowInput {
    FlowInput {
        id: overhear_store::FlowId(7),
        client: "10.0.0.1".to_owned(),
        app: "curl".to_owned(),
        tags: vec!["old".to_owned()],
        comment: String::new(),
        highlight: String::new(),
        request: Asked {
            method: "GET".to_owned(),
            url: "http://a.test/came".to_owned(),
            headers: pairs(&[("Host", "a.test")]),
        },
    }
}

fn pairs(headers: &[(&str, &str)]) -> Vec<(String, String)> {
    let headers = headers.iter();
    headers
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

fn request(body: &str) -> Input {
    Input {
        start: Start::Request {
            method: "GET".to_owned(),
            scheme: "http",
            host: "a.test".to_owned(),
            port: 80,
            path: "/x?y=1".to_owned(),
            version: "HTTP/1.1".to_owned(),
        },
        headers: pairs(&[("Host", "a.test"), ("x-A", "1"), ("X-a", "2")]),
        body: Some(body.as_bytes().to_vec()),
        why: String::new(),
        flow: flow(),
    }
}

fn response(body: &str) -> Input {
    Input {
        start: Start::Response {
            status: 200,
            reason: "OK".to_owned(),
        },
        headers: pairs(&[("Content-Type", "application/json")]),
        ..request(body)
    }
}

async fn answer(source: &str, input: Input) -> Output {
    let (worker, _) = script(source, patient()).await;
    worker
        .call(input)
        .await
        .unwrap_or_else(|error| panic!("{error}"))
}

fn text(edits: &Edits) -> &str {
    match &edits.body {
        Some(Sent::Text(text)) => text,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_request_is_changed() {
    let source = r#"
        export function onRequest(request, flow) {
            request.method = "PUT";
            request.host = "b.test"; request.port = 8080; request.path = "/z"; request.query += "&q=2";
            request.headers.set("X-A", 3);
            request.headers.add("new", "ü");
            if (!request.headers.remove("HOST") || request.headers.remove("none")) throw new Error("remove");
            request.headers.set("Host", "kept.test");
            request.body.text += "!";
            flow.tags.add("t"); flow.tags.add("old"); flow.comment = "c"; flow.highlight = "red";
            if (flow.id !== 7 || flow.client !== "10.0.0.1" || flow.app !== "curl") throw new Error("flow");
            if (flow.request.url !== "http://a.test/came" || flow.request.headers.get("host") !== "a.test") throw new Error("asked");
            if (request.httpVersion !== "HTTP/1.1" || request.headers.getAll("x-a").length !== 1) throw new Error("seen");
        }"#;
    let made = answer(source, request("a")).await;
    assert!(made.verdict.is_none());
    let edits = &made.edits;
    assert_eq!(edits.method.as_deref(), Some("PUT"));
    assert_eq!(edits.url.as_deref(), Some("http://b.test:8080/z?y=1&q=2"));
    assert_eq!(
        edits.headers,
        Some(pairs(&[("X-A", "3"), ("new", "ü"), ("Host", "kept.test")]))
    );
    assert_eq!(text(edits), "a!");
    assert_eq!(
        (made.tags, made.comment),
        (vec!["t".to_owned()], Some("c".to_owned()))
    );
    assert_eq!(made.highlight.as_deref(), Some("red"));
}

#[tokio::test]
async fn what_is_not_changed_is_not_told() {
    let source = r#"
        export function onRequest(request) { request.body.text; request.body.json; request.headers.get("host"); request.url; }
        export const onResponse = async (response) => { await null; response.status = 200; response.body.json.a; };
    "#;
    for input in [request("{\"a\":1}"), response("{\"a\":1}")] {
        let edits = answer(source, input).await.edits;
        assert!(
            edits.method.is_none()
                && edits.url.is_none()
                && edits.status.is_none()
                && edits.reason.is_none()
                && edits.headers.is_none()
                && edits.body.is_none(),
            "{edits:?}"
        );
    }
}

#[tokio::test]
async fn a_host_follows_the_url() {
    let source = r#"export function onRequest(request) {
        request.url = "https://[::1]:8443/q"; request.headers.add("a", "b");
    }"#;
    let edits = answer(source, request("")).await.edits;
    let headers = edits.headers.unwrap_or_default();
    assert!(
        headers.contains(&("Host".to_owned(), "[::1]:8443".to_owned())),
        "{headers:?}"
    );
    assert_eq!(edits.url.as_deref(), Some("https://[::1]:8443/q"));
    let source = r#"export function onRequest(request) { request.scheme = "https"; }"#;
    let edits = answer(source, request("")).await.edits;
    assert_eq!(edits.url.as_deref(), Some("https://a.test/x?y=1"));
}

#[tokio::test]
async fn json_and_bytes_that_were_handed_out_are_sent_as_they_became() {
    let source = r#"export function onResponse(response) {
        response.body.json.list.push(3);
        response.status = 404; response.reason = "Not here";
    }"#;
    let edits = answer(source, response(r#"{"list":[1]}"#)).await.edits;
    assert_eq!(text(&edits), r#"{"list":[1,3]}"#);
    assert_eq!(
        (edits.status, edits.reason.as_deref()),
        (Some(404), Some("Not here"))
    );
    let source = "export function onResponse(response) { response.body.bytes[0] = 0xff; }";
    let edits = answer(source, response("abc")).await.edits;
    assert!(
        matches!(&edits.body, Some(Sent::Bytes(bytes)) if *bytes == b"\xffbc"),
        "{edits:?}"
    );
    let source = r#"export function onResponse(response) {
        response.body.bytes = overhear.encode("ä"); if (response.body.text !== "ä") throw 1;
        response.body.json = { a: "\ud800" };
    }"#;
    let edits = answer(source, response("abc")).await.edits;
    assert_eq!(text(&edits), "{\"a\":\"\\ud800\"}");
}

#[tokio::test]
async fn verdicts() {
    let given = r#"export function onRequest() {
        return new overhear.Response({ a: 1 }, { status: 201, reason: "Made", headers: { A: "b" } });
    }"#;
    let Some(Verdict::Answer(edits)) = answer(given, request("")).await.verdict else {
        panic!("no answer");
    };
    assert_eq!(
        (edits.status, edits.reason.as_deref()),
        (Some(201), Some("Made"))
    );
    assert_eq!(
        edits.headers,
        Some(pairs(&[("A", "b"), ("Content-Type", "application/json")]))
    );
    assert_eq!(text(&edits), r#"{"a":1}"#);
    let dropped = "export async function onRequest() { return overhear.drop(); }";
    assert!(matches!(
        answer(dropped, request("")).await.verdict,
        Some(Verdict::Drop)
    ));
    let blocked = "export function onRequest() { return overhear.block(); }";
    assert!(matches!(
        answer(blocked, request("")).await.verdict,
        Some(Verdict::Block)
    ));
    let itself = "export function onRequest(request) { return request; }";
    assert!(answer(itself, request("")).await.verdict.is_none());
}

#[tokio::test]
async fn what_a_call_may_not_is_an_error_with_its_place() {
    for (body, told) in [
        (
            "request.missing.x;",
            "TypeError: cannot read property 'x' of undefined (line 2, column",
        ),
        ("throw 'a text';", "it threw a text"),
        ("throw { toString() { throw 1; } };", "it threw something"),
        (
            "return 5;",
            "TypeError: onRequest returned 5: return nothing, an overhear.Response",
        ),
        (
            "request.url = '/x';",
            "is no absolute URL of http or https (line 2, column",
        ),
        ("request.body.json;", "SyntaxError"),
        ("flow.tags.add('a,b');", "is no tag"),
        ("flow.highlight = 'pink';", "is no color"),
        (
            "return new overhear.Response('', { status: 101 });",
            "101 is no status",
        ),
        ("request.body.json = () => 1;", "cannot be written as JSON"),
        (
            "(function f() { f(); })();",
            "RangeError: Maximum call stack size exceeded",
        ),
        (
            "JSON.parse('['.repeat(1e6));",
            "Maximum call stack size exceeded",
        ),
        (
            "return new Promise(() => {});",
            "waits for what never happens",
        ),
        ("return import('fs');", "ReferenceError"),
        ("'x'.repeat(2 ** 31);", "Error: "),
    ] {
        let source = format!("export async function onRequest(request, flow) {{\n{body}\n}}");
        let (worker, console) = script(&source, patient()).await;
        let error = worker.call(request("text")).await.map(|_| String::new());
        let error = error.unwrap_or_else(|error| error.to_string());
        assert!(error.contains(told), "{body}: {error}");
        let lines = console.after(0);
        assert!(
            lines.iter().any(|line| line.level == Level::Error
                && line.flow == Some(overhear_store::FlowId(7))
                && line.text == format!("onRequest: {error}")),
            "{lines:?}"
        );
        // and it goes on
        assert_eq!(worker.measures().0, 1);
        assert!(worker.broken().is_none());
    }
}

#[tokio::test]
async fn a_call_that_does_not_end_is_ended_and_the_script_begins_anew() {
    for body in [
        "for (;;) {}",
        "for (;;) { try { for (;;) {} } catch { } finally { } }",
        "/^(a+)+$/.test('a'.repeat(60) + '!');",
        "const again = async () => { for (;;) await null; }; return again();",
        "(async () => { for (;;) await null; })();",
        "new Array(2 ** 32 - 1).indexOf(1);",
        "JSON.stringify({ toJSON() { for (;;) {} } });",
        "request.body.json = { toJSON() { for (;;) {} } };",
        "request.body.json.toJSON = () => { for (;;) {} };",
        "return { get then() { for (;;) {} } };",
        "throw { toString() { for (;;) {} } };",
    ] {
        let source = format!(
            "let calls = 0;\nexport function onRequest(request) {{ calls++; if (request.method === 'GET') {{ {body} }} request.method += calls; }}"
        );
        let (worker, console) = script(&source, limits(200)).await;
        let error = worker.call(request("{}")).await.map(|_| String::new());
        let error = error.unwrap_or_else(|error| error.to_string());
        assert!(error.contains("longer than 200 ms"), "{body}: {error}");
        let mut post = request("{}");
        if let Start::Request { method, .. } = &mut post.start {
            "POST".clone_into(method);
        }
        let made = worker
            .call(post)
            .await
            .unwrap_or_else(|error| panic!("{body}: {error}"));
        assert_eq!(made.edits.method.as_deref(), Some("POST1"), "{body}");
        let lines = console.after(0);
        assert!(
            lines
                .iter()
                .any(|line| line.level == Level::Warn && line.text.contains("begins anew")),
            "{lines:?}"
        );
    }
}

#[tokio::test]
async fn a_script_has_only_its_memory() {
    for body in [
        "const all = []; for (;;) all.push(new Uint8Array(1 << 20));",
        "let s = 'ab'; for (;;) s = (s + s + Math.random()).toUpperCase();",
        "globalThis.kept ??= []; for (;;) kept.push({ a: [1, 2, 3] });",
        "request.body.bytes = new Uint8Array(64 << 20);",
        "console.log('x'.repeat(40 << 20));",
    ] {
        let source = format!(
            "export function onRequest(request) {{ if (request.method === 'GET') {{ {body} }} request.method = 'went'; }}"
        );
        let (worker, _) = script(&source, patient()).await;
        let error = worker.call(request("{}")).await.map(|_| String::new());
        let error = error.unwrap_or_else(|error| error.to_string());
        assert!(
            error.contains("more than 32 MiB of memory"),
            "{body}: {error}"
        );
        let mut post = request("{}");
        if let Start::Request { method, .. } = &mut post.start {
            "POST".clone_into(method);
        }
        let made = worker
            .call(post)
            .await
            .unwrap_or_else(|error| panic!("{body}: {error}"));
        assert_eq!(made.edits.method.as_deref(), Some("went"), "{body}");
    }
}

#[tokio::test]
async fn what_cannot_be_loaded_is_told_with_its_place() {
    for (source, told) in [
        ("export function onRequest( {\n", "SyntaxError"),
        ("let a = 1;\nlet a = 2;", "SyntaxError"),
        (
            "\n\nthrow new Error('at once');",
            "Error: at once (line 3, column",
        ),
        ("for (;;) {}", "longer than 300 ms"),
        (
            "const a = []; for (;;) a.push(new Uint8Array(1 << 20));",
            "of memory",
        ),
        (
            "import fs from 'fs'; export function onRequest() {}",
            "ReferenceError",
        ),
        (
            "function onRequest() {}",
            "it exports none of onRequest, onResponse and onMessage",
        ),
        ("export const onRequest = 5;", "it is no function"),
        (
            "export const filter = 5; export function onRequest() {}",
            "it is no text",
        ),
        (
            "export const bodies = 1; export function onRequest() {}",
            "neither true nor false",
        ),
        (
            "await new Promise(() => {}); export function onRequest() {}",
            "never happens",
        ),
        ("export function onRequest() {} \0", "nul"),
    ] {
        let time = if source.starts_with("for") {
            300
        } else {
            60_000
        };
        let error = wrong(source, limits(time)).await.to_string();
        assert!(
            error.to_lowercase().contains(&told.to_lowercase()),
            "{source:?}: {error}"
        );
    }
    let error = wrong("let x = 1;\n  oops(;\n", patient()).await;
    assert_eq!(error.line, Some(2), "{error}");
    let wrong = check_script(
        Path::new("/x/a.js"),
        "export const filter = 'status:404'; export function onRequest() {}".to_owned(),
    );
    let error = wrong
        .await
        .err()
        .map(|error| error.to_string())
        .unwrap_or_default();
    assert!(error.contains("the filter that it exports"), "{error}");
    assert_eq!(
        check_script(Path::new("example.js"), EXAMPLE.to_owned()).await,
        Ok(vec!["onRequest", "onResponse"])
    );
}

#[tokio::test]
async fn a_body_that_is_not_held_says_why() {
    let source =
        "export function onRequest(request) { request.method = String(request.body.held); }";
    let mut input = request("");
    input.body = None;
    "it is larger than 8 MiB".clone_into(&mut input.why);
    let made = answer(source, input.clone()).await;
    assert_eq!(made.edits.method.as_deref(), Some("false"));
    for body in [
        "request.body.text;",
        "request.body.json = {};",
        "request.body.bytes;",
    ] {
        let source = format!("export function onRequest(request) {{ {body} }}");
        let (worker, _) = script(&source, patient()).await;
        let error = worker.call(input.clone()).await.map(|_| String::new());
        let error = error.unwrap_or_else(|error| error.to_string());
        assert!(
            error.contains("the body is not held: it is larger than 8 MiB"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn the_console_shows_values() {
    let source = r#"export function onRequest(request, flow) {
        const round = { a: [1, "x"], m: new Map([["k", new Set([1n])]]), f() {}, n: null };
        round.round = round;
        console.warn("text", round, request, flow, request.headers, new Uint8Array([1, 2]), request.body);
        console.error(new TypeError("no"));
    }"#;
    let (worker, console) = script(source, patient()).await;
    assert!(worker.call(request("b")).await.is_ok());
    let lines = console.after(0);
    let [shown, error] = lines.as_slice() else {
        panic!("{lines:?}");
    };
    assert_eq!(
        shown.text,
        "text { a: [1, \"x\"], m: Map {k: Set {1n}}, f: [function f], n: null, round: [circular] } \
         GET http://a.test/x?y=1 Flow 7 { Host: \"a.test\", x-A: \"1\", X-a: \"2\" } [1, 2] \"b\""
    );
    assert_eq!(shown.level, Level::Warn);
    assert!(
        error.text.starts_with("TypeError: no\n") && error.text.contains("a.js:5:"),
        "{}",
        error.text
    );
}

#[tokio::test]
async fn those_who_wait_too_long_go_on_without() {
    let source = "export function onRequest(request) { if (request.path === '/slow') for (;;) {} }";
    let (worker, _) = script(source, limits(100)).await;
    let worker = Arc::new(worker);
    let mut slow = request("");
    if let Start::Request { path, .. } = &mut slow.start {
        "/slow".clone_into(path);
    }
    let calls: Vec<_> = (0..200)
        .map(|_| {
            let (worker, slow) = (worker.clone(), slow.clone());
            tokio::spawn(async move { worker.call(slow).await })
        })
        .collect();
    let mut told = std::collections::BTreeSet::new();
    for call in calls {
        let answer = call.await.unwrap_or_else(|error| panic!("{error}"));
        let error = answer
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default();
        told.insert(
            error
                .split(|c: char| c.is_ascii_digit())
                .next()
                .unwrap_or_default()
                .to_owned(),
        );
    }
    assert!(
        told.iter()
            .any(|text| text.starts_with("it ran for longer")),
        "{told:?}"
    );
    assert!(
        told.iter()
            .any(|text| text.starts_with("it was not asked: ")),
        "{told:?}"
    );
    assert!(!told.contains(""), "{told:?}");
    // whoever asks then is answered
    while worker.call(request("")).await.is_err() {}
}

#[tokio::test]
async fn the_version_before_acts_on_while_the_file_is_wrong() {
    let scripts = Scripts::default();
    let (a, b) = (Path::new("/x/a,b.js"), Path::new("/x/b.js"));
    let good = || {
        Ok("export function onResponse() {} export const filter = 'status:404'; export const bodies = false".to_owned())
    };
    assert!(scripts.load(a, good()).await.is_ok());
    assert!(
        scripts
            .load(b, Err("it cannot be read: gone".to_owned()))
            .await
            .is_err()
    );
    let states = || {
        scripts
            .list()
            .into_iter()
            .map(|one| one.state)
            .collect::<Vec<_>>()
    };
    assert_eq!(states(), [ScriptState::Active, ScriptState::Failed]);
    let first = scripts.active().first().map(|active| active.worker.clone());
    assert!(scripts.load(a, Ok("oops(".to_owned())).await.is_err());
    assert_eq!(states(), [ScriptState::Stale, ScriptState::Failed]);
    let still = scripts.active().first().map(|active| active.worker.clone());
    assert!(
        first
            .zip(still)
            .is_some_and(|(first, still)| Arc::ptr_eq(&first, &still))
    );
    let info = scripts.list().into_iter().next();
    assert!(info.is_some_and(|info| {
        info.name == "a_b.js"
            && info
                .error
                .is_some_and(|error| error.text.contains("SyntaxError"))
            && info.hooks == ["onResponse"]
            && info.filter == "status:404"
            && !info.bodies
    }));
    assert!(scripts.load(a, good()).await.is_ok());
    assert!(scripts.load(b, good()).await.is_ok());
    assert_eq!(states(), [ScriptState::Active, ScriptState::Active]);
    assert_eq!(scripts.active().len(), 2);
}

/// The names and kinds of what an object has.
fn members<'js>(of: &Object<'js>, list: &Function<'js>) -> Vec<String> {
    let names: rquickjs::Result<Vec<String>> = list.call((of.clone(),));
    names.unwrap_or_else(|error| panic!("{error}"))
}

fn described(members: &[super::describe::Member]) -> Vec<String> {
    let named = members.iter().map(|member| match member.kind {
        Kind::Read(_) => format!("{} read", member.name),
        Kind::Write(_) => format!("{} write", member.name),
        Kind::Call(_) => format!("{} call", member.name),
    });
    let mut named: Vec<_> = named.collect();
    named.sort();
    named
}

#[test]
fn what_is_described_is_what_there_is() {
    let plan = Plan {
        name: "a.js".to_owned(),
        source: String::new(),
        limits: patient(),
        console: Arc::default(),
    };
    let (_runtime, context) =
        runtime(plan.limits, &Rc::<Clock>::default()).unwrap_or_else(|error| panic!("{error}"));
    context.with(|ctx| {
        let made = prelude(&ctx, &plan, &Rc::new(Cell::new(None)));
        let made = made.unwrap_or_else(|error| panic!("{error}"));
        let list: Function<'_> = ctx
            .eval(
                "(of) => Object.entries(Object.getOwnPropertyDescriptors(of))
                    .filter(([name]) => name !== 'constructor' && !(of === overhear && ['Headers', 'Response'].includes(name)))
                    .map(([name, p]) => name + (p.set ? ' write' : typeof p.value === 'function' ? ' call' : ' read')).sort()",
            )
            .unwrap_or_else(|error| panic!("{error}"));
        let classes: Object<'_> = made.get("classes").unwrap_or_else(|error| panic!("{error}"));
        let names = members(&classes, &list);
        let known: Vec<_> = CLASSES.iter().map(|class| format!("{} call", class.name)).collect();
        assert_eq!(names.len(), known.len(), "{names:?} {known:?}");
        for Class { name, members: known, .. } in CLASSES {
            let class: Object<'_> = classes.get(*name).unwrap_or_else(|error| panic!("{error}"));
            let of: Object<'_> = class.get("prototype").unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(members(&of, &list), described(known), "{name}");
            // nothing that the host alone uses is left on the class
            let statics = members(&class, &list);
            assert!(statics.iter().all(|name| ["length read", "name read", "prototype read"].contains(&name.as_str())), "{statics:?}");
        }
        for (name, known) in [("overhear", OVERHEAR), ("console", CONSOLE)] {
            let of: Object<'_> = ctx.globals().get(name).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(members(&of, &list), described(known), "{name}");
        }
    });
    let types = types();
    assert!(
        types.contains("class Response") && types.contains("interface Request"),
        "{types}"
    );
}
