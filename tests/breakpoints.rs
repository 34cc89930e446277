//! Promise: a message waits for a person, goes on as edited, and nothing else waits with it.

use crate::support::{Nginx, Program, Server, api::json, server::response, until};
use serde_json::{Value, json};

fn breakpoint(program: &Program, filter: &str, stage: &str, seconds: u64) {
    let rule = json!({
        "name": "stop", "filter": filter, "stage": stage, "actions": [{"do": "wait", "seconds": seconds}],
    });
    program.api.expect(201, "POST", "/api/rules", Some(&rule));
}

/// The one message that waits, as soon as it does.
fn waiting(program: &Program) -> Value {
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

fn decide(program: &Program, status: u16, message: &Value, what: &str, body: &Value) -> Value {
    let path = format!("/api/waiting/{}/{what}", message["id"]);
    let answer = program.api.expect(status, "POST", &path, Some(body));
    match answer.body.is_empty() {
        true => Value::Null,
        false => json(&answer),
    }
}

#[test]
fn a_request_is_edited_while_it_waits() {
    let origin = Nginx::start();
    let echo = Server::answering(None, |request| {
        response(
            "200 OK",
            &[],
            format!("{}|{}", request.head_text(), request.text()),
        )
    });
    let program = Program::trusting(&origin.ca.pem);
    breakpoint(&program, "path:/stop", "request", 0);
    for (name, url, version) in [
        ("plain", origin.http("/stop"), "--http1.1"),
        ("tls", origin.https("/stop"), "--http1.1"),
        ("h2", origin.https("/stop"), "--http2"),
    ] {
        let curl = program
            .curl()
            .args([
                version,
                "-d",
                "{\"a\":1}",
                "-H",
                "X-Old: 1",
                &format!("{url}?{name}"),
            ])
            .start();
        let message = waiting(&program);
        assert_eq!(
            (&message["stage"], &message["method"]),
            (&json!("request"), &json!("POST"))
        );
        assert_eq!(message["body"], json!({"text": "{\"a\":1}"}));
        // what waits slows nothing else, also not on the way to the same server
        let other = url.replace("/stop", "/hello.txt");
        assert_eq!(
            program.curl().args([version, &other]).ok().text(),
            "hello, world\n"
        );

        // an edit is kept; whoever edits what was there before is told
        let path = format!("/api/waiting/{}", message["id"]);
        let kept = json!({"version": 1, "method": "PUT", "body": {"text": "edited"}});
        let kept = json(&program.api.expect(200, "PUT", &path, Some(&kept)));
        assert_eq!(
            (&kept["version"], &kept["method"]),
            (&json!(2), &json!("PUT"))
        );
        let late = json!({"version": 1, "method": "PATCH"});
        let told = json(&program.api.expect(409, "PUT", &path, Some(&late)));
        assert!(
            told["detail"]
                .as_str()
                .unwrap()
                .contains("somebody else has edited"),
            "{told}"
        );
        for wrong in [
            json!({"method": "a b"}),
            json!({"url": "nowhere"}),
            json!({"status": 200}),
            json!({"headers": [["a b", "c"]]}),
            json!({"headers": [["a", "b\r\nc: d"]]}),
        ] {
            decide(&program, 400, &message, "continue", &wrong);
        }
        let edit = json!({
            "version": 2,
            "url": format!("http://127.0.0.1:{}/elsewhere?{name}", echo.port()),
            "headers": [["x-NEW", "2"], ["Content-Length", "99"]],
        });
        decide(&program, 204, &message, "continue", &edit);
        let said = curl.wait().ok().text();
        assert!(
            said.starts_with(&format!("PUT /elsewhere?{name} HTTP/1.1\r\n")),
            "{said}"
        );
        assert!(said.ends_with("|edited"), "{said}");
        let lower = said.to_lowercase();
        assert!(
            lower.contains("x-new: 2\r\n") && !lower.contains("x-old"),
            "{said}"
        );
        assert!(lower.contains("content-length: 6\r\n"), "{said}");
        decide(&program, 409, &message, "continue", &json!({}));
        let flow = program.api.flow(&format!("path:/stop?{name}"));
        assert_eq!(flow["rules_did"][0]["text"], "edited by a person");
        assert_eq!(program.api.body(&flow, "request"), b"{\"a\":1}");
        let sent = program
            .api
            .bytes(&format!("/api/flows/{}/request/body?sent=true", flow["id"]));
        assert_eq!(sent, b"edited");
    }
    program.api.expect(404, "GET", "/api/waiting/99", None);
}

#[test]
fn a_response_waits_is_answered_or_dropped() {
    let origin = Nginx::start();
    let program = Program::trusting(&origin.ca.pem);
    breakpoint(&program, "path:/data.json", "response", 0);
    for (url, version) in [
        (origin.http("/data.json"), "--http1.1"),
        (origin.https("/data.json"), "--http1.1"),
        (origin.https("/data.json"), "--http2"),
    ] {
        let get = || {
            program
                .curl()
                .args([version, "-w", "|%{http_code}", &url])
                .start()
        };
        let curl = get();
        let message = waiting(&program);
        assert_eq!(
            (&message["stage"], &message["status"]),
            (&json!("response"), &json!(200))
        );
        let edit = json!({"status": 404, "body": {"text": "changed"}});
        decide(&program, 204, &message, "continue", &edit);
        assert_eq!(curl.wait().ok().text(), "changed|404");

        let curl = get();
        let answer =
            json!({"status": 503, "headers": [["Retry-After", "1"]], "body": {"base64": "b3du"}});
        decide(&program, 204, &waiting(&program), "answer", &answer);
        assert_eq!(curl.wait().ok().text(), "own|503");

        let curl = get();
        decide(&program, 204, &waiting(&program), "drop", &json!({}));
        assert_ne!(curl.wait().status.code(), Some(0));

        let curl = get();
        waiting(&program);
        assert_eq!(
            json(
                &program
                    .api
                    .expect(200, "POST", "/api/waiting/continue", None)
            )["count"],
            1
        );
        let whole = String::from_utf8(origin.file("data.json")).unwrap();
        assert_eq!(curl.wait().ok().text(), whole + "|200");
    }
}

#[test]
fn a_client_that_gives_up_and_a_time_that_is_up_are_told() {
    let origin = Nginx::start();
    let program = Program::trusting(&origin.ca.pem);
    breakpoint(&program, "path:/index.html", "request", 0);
    breakpoint(&program, "path:/style.css", "response", 0);
    let mut events = program.api.events("");
    for (url, version) in [
        (origin.https("/index.html"), "--http2"),
        (origin.http("/index.html"), "--http1.1"),
        (origin.https("/style.css"), "--http2"),
        (origin.http("/style.css"), "--http1.1"),
    ] {
        let mut curl = program.curl().args([version, &url]).start();
        let message = waiting(&program);
        curl.child().kill().unwrap();
        events.find(|name, data| {
            let items = data["items"].as_array()?;
            let gone = |item: &Value| item["id"] == message["id"] && item["gone"] == true;
            (name == "waiting" && items.iter().any(gone)).then_some(())
        });
        let told = decide(&program, 409, &message, "continue", &json!({}));
        assert!(
            told["detail"].as_str().unwrap().contains("no longer waits"),
            "{told}"
        );
    }
    let gave_up = program.api.wait_for("path:/index.html state:failed", 2);
    assert_eq!(gave_up[1]["error"]["side"], "client", "{:#}", gave_up[1]);

    breakpoint(&program, "path:/hello.txt", "response", 1);
    assert_eq!(
        program.curl().arg(origin.http("/hello.txt")).ok().text(),
        "hello, world\n"
    );
    let flow = program.api.flow("path:/hello.txt");
    assert_eq!(
        flow["rules_did"][0]["text"],
        "went on: nobody had decided after 1 s"
    );
    assert_eq!(flow["modified"], false);
}

#[test]
fn of_a_body_that_is_too_large_the_head_is_edited() {
    let origin = Nginx::start();
    let sum = origin.large_file("large.bin", 20 << 20);
    let program = Program::trusting(&origin.ca.pem);
    breakpoint(&program, "path:/large.bin", "response", 0);
    for (url, version) in [
        (origin.http("/large.bin"), "--http1.1"),
        (origin.https("/large.bin"), "--http2"),
    ] {
        let file = program.home().join("got");
        let curl = program
            .curl()
            .args([version, "-w", "%header{x-edited}", "-o"])
            .arg(&file)
            .arg(&url)
            .start();
        let message = waiting(&program);
        assert!(message["body"].is_null());
        let why = message["body_unseen"].as_str().unwrap();
        assert!(why.contains("larger than 8 MiB"), "{why}");
        decide(
            &program,
            400,
            &message,
            "continue",
            &json!({"body": {"text": "x"}}),
        );
        decide(
            &program,
            204,
            &message,
            "continue",
            &json!({"headers": [["X-Edited", "yes"]]}),
        );
        assert_eq!(curl.wait().ok().text(), "yes");
        let (got, _) = crate::support::sha256(std::fs::File::open(&file).unwrap());
        assert_eq!(got, sum);
    }
}

#[test]
fn from_the_command_line() {
    let origin = Server::answering(None, |request| {
        response(
            "200 OK",
            &[],
            format!("{}|{}", request.head_text(), request.text()),
        )
    });
    let program = Program::start();
    breakpoint(&program, "path:/line", "request", 0);
    let url = format!("http://localhost:{}/line", origin.port());
    let curl = program
        .curl()
        .args(["-d", "old", "-H", "X-Old: 1", &url])
        .start();
    let message = waiting(&program);
    let intercept = |args: &[&str]| program.command("intercept").args(args);
    let listed = intercept(&["list"]).ok().text();
    assert!(
        listed.contains("request") && listed.contains(&format!("POST {url}  (stop)")),
        "{listed}"
    );
    let id = message["id"].to_string();
    assert_eq!(intercept(&["show", &id]).ok().json()["body"]["text"], "old");
    intercept(&[
        "continue", &id, "-X", "PUT", "-H", "X-Old:", "-H", "X-New: 2", "-d", "longer",
    ])
    .ok();
    let said = curl.wait().ok().text();
    assert!(
        said.starts_with("PUT /line HTTP/1.1\r\n") && said.ends_with("|longer"),
        "{said}"
    );
    assert!(
        said.contains("X-New: 2\r\n") && !said.contains("X-Old"),
        "{said}"
    );
    assert!(said.contains("Content-Length: 6\r\n"), "{said}");
    let told = intercept(&["drop", &id]).run().exits(1).err;
    assert!(told.contains("no longer waits"), "{told}");

    let curl = program.curl().args(["-w", "|%{http_code}", &url]).start();
    let id = waiting(&program)["id"].to_string();
    intercept(&["answer", &id, "-s", "503", "-d", "later"]).ok();
    assert_eq!(curl.wait().ok().text(), "later|503");

    // an answer of five bytes by its own word
    let curl = program.curl().args(["-w", "|%{http_code}", &url]).start();
    let id = waiting(&program)["id"].to_string();
    intercept(&[
        "answer",
        &id,
        "-H",
        "content-length: 5",
        "-d",
        "later than that",
        "--as-written",
    ])
    .ok();
    assert_eq!(curl.wait().ok().text(), "later|200");
    assert_eq!(intercept(&["all"]).ok().text().trim(), "0");
}

#[test]
fn a_client_that_gives_up_is_seen_at_once() {
    // a server that takes its time: until its client is gone
    let slow = |tls| {
        Server::new(tls, |mut stream| {
            let _ = crate::support::http::read_head(&mut *stream);
            crate::support::wire::read_rest(&mut *stream);
        })
    };
    let origin = Nginx::start();
    let ca = crate::support::certs::TestCa::new();
    let (plain, secure) = (slow(None), slow(Some(ca.identity().server(&["http/1.1"]))));
    let program = crate::support::program::Setup::new()
        .trusting(&format!("{}{}", origin.ca.pem, ca.pem))
        .start();
    breakpoint(&program, "path:/request", "request", 0);
    breakpoint(&program, "path:/style.css", "response", 0);
    origin.large_file("large.bin", 16 << 20);
    let clients = [
        (
            "plain",
            format!("http://localhost:{}/slow", plain.port()),
            "--http1.1",
        ),
        (
            "tls",
            format!("https://localhost:{}/slow", secure.port()),
            "--http1.1",
        ),
        ("held-1", origin.http("/request"), "--http1.1"),
        ("held-1s", origin.https("/request"), "--http1.1"),
        ("held-2", origin.https("/request"), "--http2"),
        ("answered-1", origin.http("/style.css"), "--http1.1"),
        ("answered-1s", origin.https("/style.css"), "--http1.1"),
        ("answered-2", origin.https("/style.css"), "--http2"),
        ("read-2", origin.https("/slow/large.bin"), "--http2"),
    ];
    // all at once, with enough time to come so far on a busy machine
    let clients = clients.map(|(name, url, version)| {
        let url = format!("{url}?{name}");
        let curl = program
            .curl()
            .args([version, "-o", "/dev/null", "--max-time", "10", &url]);
        (name, curl.start())
    });
    for (name, curl) in clients {
        let ran = curl.wait();
        assert_eq!(ran.status.code(), Some(28), "{name}: {ran:?}");
        let flow = &program.api.wait_for(&format!("path:*?{name} error:"), 1)[0];
        let cause = flow["error"]["cause"].as_str().unwrap();
        assert_eq!(flow["error"]["side"], "client", "{name}: {flow:#}");
        assert!(["closed", "reset"].contains(&cause), "{name}: {flow:#}");
    }
    let list = program.api.get("/api/waiting");
    let items = list["items"].as_array().unwrap();
    assert!(
        items.len() == 6 && items.iter().all(|item| item["gone"] == true),
        "{list:#}"
    );
}

#[test]
fn lengths_stay_as_they_are_written_when_told_so() {
    let origin = Server::answering(None, |request| {
        response(
            "200 OK",
            &[],
            format!("{}|{}", request.start_line(), request.text()),
        )
    });
    let nginx = Nginx::start();
    let program = Program::trusting(&nginx.ca.pem);
    breakpoint(&program, "path:/held", "request", 0);
    let url = |path: &str| format!("http://localhost:{}{path}", origin.port());
    // too short: the server takes three bytes, and nobody's next request stands behind the rest of them
    let curl = program
        .curl()
        .args([
            "-d",
            "old",
            &url("/held"),
            "--next",
            "-s",
            "--noproxy",
            "",
            "--proxy",
        ])
        .arg(program.url())
        .arg(url("/after"))
        .start();
    let message = waiting(&program);
    let edit = json!({
        "as_written": true,
        "headers": [["Host", "localhost"], ["Content-Length", "3"]],
        "body": {"text": "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"},
    });
    decide(&program, 204, &message, "continue", &edit);
    assert_eq!(
        curl.wait().ok().text(),
        "POST /held HTTP/1.1|GETGET /after HTTP/1.1|"
    );
    let flow = program.api.flow("path:/held");
    let sent = crate::support::api::headers(&flow["request"]["sent"]);
    assert!(
        sent.contains(&("Content-Length".to_owned(), "3".to_owned())),
        "{flow:#}"
    );
    let body = program
        .api
        .bytes(&format!("/api/flows/{}/request/body?sent=true", flow["id"]));
    assert!(
        body.starts_with(b"GET /smuggled"),
        "what was sent is recorded whole"
    );

    // a response: the client takes as much as it is told, and its connection is not used again
    breakpoint(&program, "path:/hello.txt", "response", 0);
    for (version, url) in [
        ("--http1.1", nginx.http("/hello.txt")),
        ("--http1.1", nginx.https("/hello.txt")),
    ] {
        let next = url.replace("hello.txt", "style.css");
        let curl = program
            .curl()
            .args([version, "-w", "|%{num_connects};", &url, &next])
            .start();
        let message = waiting(&program);
        let edit = json!({"as_written": true, "headers": [["Content-Length", "5"]]});
        decide(&program, 204, &message, "continue", &edit);
        let said = curl.wait().ok().text();
        assert!(
            said.starts_with("hello|1;body {") && said.ends_with("|1;"),
            "{said}"
        );
    }
    let rule = json!({"name": "long", "filter": "path:/data.json", "stage": "response", "actions": [
        {"do": "set-header", "name": "Content-Length", "value": "999", "as_written": true},
    ]});
    program.api.expect(201, "POST", "/api/rules", Some(&rule));
    let ran = program.curl().arg(nginx.http("/data.json")).run();
    // CURLE_PARTIAL_FILE
    assert_eq!(
        (ran.status.code(), ran.out),
        (Some(18), nginx.file("data.json"))
    );
    answers_stay_as_they_are_written(&program, &nginx);
    // without being told, they are put right
    let wrong = json!({"name": "wrong", "actions": [{"do": "set-header", "name": "Content-Length", "value": "9"}]});
    program.api.expect(400, "POST", "/api/rules", Some(&wrong));
}

/// Answers in the servers' place whose lengths and codings a person has written: at the request and at the response.
fn answers_stay_as_they_are_written(program: &Program, nginx: &Nginx) {
    breakpoint(program, "path:/style.css", "request", 0);
    let gzip = "H4sIAAAAAAAAA8tIzcnJBwCGphA2BQAAAA==";
    let coded = json!({
        "as_written": true, "status": 203,
        "headers": [["Content-Encoding", "gzip"], ["X-Own", "1"]], "body": {"base64": gzip},
    });
    let short = json!({
        "as_written": true, "status": 200,
        "headers": [["content-LENGTH", "5"]], "body": {"text": "hello and more"},
    });
    for (version, path, url) in [
        ("--http1.1", "style.css", nginx.http("/style.css")),
        ("--http1.1", "hello.txt", nginx.https("/hello.txt")),
        ("--http2", "style.css", nginx.https("/style.css")),
        ("--http2", "hello.txt", nginx.https("/hello.txt")),
    ] {
        let next = url.replace(path, "other.txt");
        let curl = program
            .curl()
            .args([
                version,
                "--compressed",
                "-w",
                "|%{http_code};%{num_connects}|",
            ])
            .args([&url, &next])
            .start();
        let message = waiting(program);
        decide(program, 204, &message, "answer", &coded);
        // without a length, the end of an answer over HTTP/1 is the end of its connection
        let connects = u32::from(version == "--http1.1");
        let said = curl.wait().ok().text();
        assert!(said.starts_with("hello|203;1|"), "{url}: {said}");
        assert!(said.ends_with(&format!(";{connects}|")), "{url}: {said}");
        if version == "--http1.1" {
            let curl = program.curl().args([version, "-i", &url]).start();
            let message = waiting(program);
            decide(program, 204, &message, "answer", &short);
            let said = curl.wait().ok().text();
            assert!(
                said.contains("content-LENGTH: 5\r\n") && said.ends_with("\r\n\r\nhello"),
                "{url}: {said}"
            );
        }
    }
    // told otherwise, the length is right and the coding is taken away
    let curl = program
        .curl()
        .args(["-i", &nginx.http("/style.css")])
        .start();
    let message = waiting(program);
    let mut told = short;
    told["as_written"] = json!(false);
    decide(program, 204, &message, "answer", &told);
    let said = curl.wait().ok().text();
    assert!(said.contains("Content-Length: 14\r\n"), "{said}");
}

#[test]
#[cfg(target_os = "linux")]
fn a_client_that_gives_up_while_its_server_is_dialled_is_seen_at_once() {
    let (listener, _first) = crate::support::system::deaf_port();
    let deaf = listener.local_addr().unwrap();
    // takes the connection, and says nothing in TLS
    let mute = Server::new(None, |mut stream| {
        crate::support::wire::read_rest(&mut *stream);
    });
    let origin = Nginx::start();
    let program = Program::trusting(&origin.ca.pem);
    let rule = json!({"name": "elsewhere", "filter": "path:/mapped", "actions": [
        {"do": "map-remote", "to": format!("http://{deaf}")},
    ]});
    program.api.expect(201, "POST", "/api/rules", Some(&rule));
    for (name, url, version, filter) in [
        (
            "plain",
            format!("http://{deaf}/"),
            "--http1.1",
            "path:*?plain",
        ),
        (
            "tunnel",
            format!("https://{deaf}/"),
            "--http1.1",
            "method:CONNECT",
        ),
        (
            "tls",
            format!("https://localhost:{}/", mute.port()),
            "--http1.1",
            "kind:tls",
        ),
        (
            "mapped",
            origin.http("/mapped"),
            "--http1.1",
            "path:*?mapped",
        ),
        (
            "mapped-1s",
            origin.https("/mapped"),
            "--http1.1",
            "path:*?mapped-1s",
        ),
        (
            "mapped-2",
            origin.https("/mapped"),
            "--http2",
            "path:*?mapped-2",
        ),
    ] {
        let url = format!("{url}?{name}");
        let ran = program
            .curl()
            .args([
                version,
                "-d",
                "sent",
                "-o",
                "/dev/null",
                "--max-time",
                "1",
                &url,
            ])
            .run();
        assert_eq!(ran.status.code(), Some(28), "{name}: {ran:?}");
        let flow = &program.api.wait_for(&format!("{filter} error:"), 1)[0];
        let flow = program.api.get(&format!("/api/flows/{}", flow["id"]));
        assert_eq!(flow["error"]["side"], "client", "{name}: {flow:#}");
        let told = flow["error"]["text"].as_str().unwrap();
        assert!(told.contains("while the connection to "), "{name}: {told}");
        assert!(
            flow["status"].is_null(),
            "{name}: nobody was answered: {flow:#}"
        );
        if name == "plain" {
            assert_eq!(flow["request"]["body_size"], 4, "{flow:#}");
        }
    }
}
