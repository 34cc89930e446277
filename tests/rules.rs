//! Promise: what passes is changed as rules say, what no rule touches passes as it came, and the flow says both.

use crate::support::{
    Nginx, Program, Server,
    api::{headers, json},
    program::Setup,
    save,
    server::response,
    until,
};
use serde_json::{Value, json};

fn add(program: &Program, rule: &Value) -> i64 {
    let answer = program.api.expect(201, "POST", "/api/rules", Some(rule));
    json(&answer)["id"].as_i64().unwrap()
}

fn rule(filter: &str, stage: &str, actions: Value) -> Value {
    json!({"name": "r", "filter": filter, "stage": stage, "actions": actions})
}

/// What is in each of the three: plain HTTP, HTTPS with HTTP/1.1, HTTPS with HTTP/2.
fn ways(origin: &Nginx, path: &str) -> [(&'static str, String, &'static str); 3] {
    [
        ("plain", origin.http(path), "--http1.1"),
        ("tls", origin.https(path), "--http1.1"),
        ("h2", origin.https(path), "--http2"),
    ]
}

#[test]
fn headers_and_bodies_both_ways_over_every_version() {
    let origin = Nginx::start();
    let program = Program::trusting(&origin.ca.pem);
    add(
        &program,
        &rule(
            "path:/gzip/data.json",
            "request",
            json!([
                {"do": "set-header", "name": "X-Sent", "value": "by a rule"},
                {"do": "remove-header", "name": "X-Gone"},
                {"do": "tag", "tags": ["seen"]},
            ]),
        ),
    );
    add(
        &program,
        &rule(
            "path:/gzip/data.json status:200",
            "response",
            json!([
                {"do": "set-json", "path": "/greeting", "value": "changed"},
                {"do": "replace-body", "find": "\\[1,2,3\\]", "with": "[]", "regex": true},
                {"do": "add-header", "name": "X-Came", "value": "1"},
            ]),
        ),
    );
    for (name, url, version) in ways(&origin, "/gzip/data.json") {
        let url = format!("{url}?{name}");
        let ran = program
            .curl()
            .args([
                version,
                "--compressed",
                "--include",
                "-H",
                "X-Gone: 1",
                &url,
            ])
            .ok();
        let said = ran.text();
        assert!(
            said.ends_with(r#"{"greeting":"changed","numbers":[],"nested":{"deep":true}}"#),
            "{name}: {said}"
        );
        let lower = said.to_lowercase();
        assert!(lower.contains("x-came: 1\r\n"), "{said}");
        assert!(lower.contains("content-length: 58\r\n"), "{said}");
        assert!(!lower.contains("content-encoding"), "{said}");

        let flow = program.api.flow(&format!("path:*?{name}"));
        assert_eq!(flow["rules"], json!(["r"]));
        assert_eq!(flow["modified"], true);
        assert_eq!(flow["tags"], json!(["seen"]));
        // both what came and what was sent
        assert!(
            headers(&flow["request"])
                .iter()
                .any(|(n, _)| n.eq_ignore_ascii_case("x-gone"))
        );
        let sent = &flow["request"]["sent"];
        let has = |field: &str| {
            headers(sent)
                .iter()
                .any(|(n, _)| n.eq_ignore_ascii_case(field))
        };
        assert!(has("x-sent") && !has("x-gone"), "{sent:#}");
        assert_eq!(
            program.api.decoded(&flow, "response"),
            origin.file("data.json")
        );
        let body = program.api.bytes(&format!(
            "/api/flows/{}/response/body?sent=true",
            flow["id"]
        ));
        assert!(said.ends_with(&String::from_utf8(body).unwrap()));
        let did = flow["rules_did"].as_array().unwrap();
        let actions: Vec<_> = did
            .iter()
            .map(|done| done["action"].as_str().unwrap())
            .collect();
        assert_eq!(
            actions,
            [
                "set-header",
                "remove-header",
                "tag",
                "set-json",
                "replace-body",
                "add-header"
            ]
        );
        assert_eq!(
            program
                .api
                .flows(&format!("rule:r is:modified path:*?{name}"))
                .len(),
            1
        );
    }
    // what no rule touches passes as it came
    for (name, url, version) in ways(&origin, "/hello.txt") {
        program
            .curl()
            .args([version, &format!("{url}?{name}")])
            .ok();
        let flow = program.api.flow(&format!("path:/hello.txt?{name}"));
        assert_eq!(
            (&flow["rules"], &flow["modified"]),
            (&json!([]), &json!(false))
        );
        assert!(flow["response"]["sent"].is_null());
        assert_eq!(
            program.api.body(&flow, "response"),
            origin.file("hello.txt")
        );
    }
}

#[test]
fn requests_with_bodies_are_changed() {
    let origin = Server::answering(None, |request| {
        response(
            "200 OK",
            &[],
            format!("{}|{}", request.head_text(), request.text()),
        )
    });
    let program = Program::start();
    add(
        &program,
        &rule(
            "path:/form",
            "request",
            json!([
                {"do": "replace-body", "find": "secret", "with": "***"},
                {"do": "set-method", "method": "PUT"},
                {"do": "replace-url", "find": "/form", "with": "/put"},
            ]),
        ),
    );
    let url = format!("http://localhost:{}/form", origin.port());
    for fields in [
        &["-H", "X: 1"][..],
        &["-H", "Transfer-Encoding: chunked"],
        &["-H", "Expect: 100-continue"],
    ] {
        let said = program
            .curl()
            .args(fields)
            .args(["-d", "a secret and a secret", &url])
            .ok()
            .text();
        assert!(said.starts_with("PUT /put HTTP/1.1\r\n"), "{said}");
        assert!(
            said.contains("Content-Length: 15\r\n") && said.ends_with("|a *** and a ***"),
            "{said}"
        );
        assert!(
            !said.contains("chunked") && !said.contains("Expect"),
            "{said}"
        );
    }
    // too large to be held: it goes on unchanged, and the flow says so
    let file = program.home().join("large");
    let large = "secret".repeat(3 << 20);
    std::fs::write(&file, &large).unwrap();
    program
        .curl()
        .args([
            "-o",
            "/dev/null",
            "--data-binary",
            &format!("@{}", file.display()),
            &format!("{url}?large"),
        ])
        .ok();
    let sent = origin.requests();
    let sent = sent.last().unwrap();
    assert!(sent.text() == large, "{} bytes arrived", sent.body.len());
    let flow = program.api.flow("path:*?large");
    let did = flow["rules_did"][0].clone();
    assert_eq!(did["failed"], true);
    assert!(
        did["text"].as_str().unwrap().contains("larger than 8 MiB"),
        "{did}"
    );
}

#[test]
fn a_request_is_led_to_another_server() {
    let origin = Nginx::start();
    let other = Server::answering(None, |request| {
        response(
            "200 OK",
            &["X-Other: 1"],
            format!("{}|{}", request.head_text(), request.text()),
        )
    });
    let program = Program::trusting(&origin.ca.pem);
    add(
        &program,
        &rule(
            "path:/mapped/",
            "request",
            json!([{"do": "map-remote", "to": format!("http://127.0.0.1:{}/new", other.port()), "from": "/mapped"}]),
        ),
    );
    for (name, url, version) in ways(&origin, "/mapped/x") {
        let said = program
            .curl()
            .args([
                version,
                "-d",
                "body",
                &format!("{url}?{name}"),
                "--next",
                "-s",
                version,
                "--noproxy",
                "",
                "--proxy",
            ])
            .arg(program.url())
            .arg("--cacert")
            .arg(program.ca_file())
            .arg(url.replace("/mapped/x", "/hello.txt"))
            .ok()
            .text();
        assert!(
            said.starts_with(&format!("POST /new/x?{name} HTTP/1.1\r\n")),
            "{said}"
        );
        let lower = said.to_lowercase();
        assert!(
            lower.contains(&format!("host: 127.0.0.1:{}\r\n", other.port())),
            "{said}"
        );
        // the next one goes where it always went
        assert!(said.ends_with("|bodyhello, world\n"), "{name}: {said}");
        let flow = program.api.flow(&format!("path:/mapped/x?{name}"));
        assert_eq!(flow["server"], format!("127.0.0.1:{}", other.port()));
        assert_eq!(flow["state"], "complete");
    }
    // nobody there
    add(
        &program,
        &rule(
            "path:/nobody",
            "request",
            json!([{"do": "map-remote", "to": "http://127.0.0.1:1"}]),
        ),
    );
    // the proxy itself: refused
    add(
        &program,
        &rule(
            "path:/loop",
            "request",
            json!([{"do": "map-remote", "to": program.url()}]),
        ),
    );
    for (path, status, cause) in [("/nobody", "502", "refused"), ("/loop", "508", "loop")] {
        for (name, url, version) in ways(&origin, path) {
            let ran = program
                .curl()
                .args([
                    version,
                    "-o",
                    "/dev/null",
                    "-w",
                    "%{http_code}",
                    &format!("{url}?{name}"),
                ])
                .ok();
            assert_eq!(ran.text(), status, "{name} {path}");
            let flow = program.api.flow(&format!("path:{path}?{name}"));
            assert_eq!(flow["error"]["cause"], cause, "{flow:#}");
        }
    }
}

#[test]
fn a_request_is_answered_here() {
    let origin = Nginx::start();
    let program = Program::trusting(&origin.ca.pem);
    let folder = program.home().join("local");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("a b.json"), "{\"local\": true}").unwrap();
    std::fs::write(folder.join("index.html"), "<p>index").unwrap();
    let local = json!([{"do": "map-local", "path": folder, "from": "/local"}]);
    add(&program, &rule("path:/local/*", "request", local));
    add(
        &program,
        &rule(
            "path:/made",
            "request",
            json!([{"do": "answer", "status": 418, "headers": [["X-Made", "1"]], "body": {"text": "made"}}]),
        ),
    );
    add(
        &program,
        &rule(
            "path:/away",
            "request",
            json!([{"do": "redirect", "to": "http://b.test{path}"}]),
        ),
    );
    add(
        &program,
        &rule("path:/forbidden", "request", json!([{"do": "block"}])),
    );
    add(
        &program,
        &rule(
            "path:/closed",
            "request",
            json!([{"do": "block", "how": "close"}]),
        ),
    );
    add(
        &program,
        &rule(
            "path:/reset",
            "request",
            json!([{"do": "block", "how": "reset"}]),
        ),
    );
    add(
        &program,
        &rule(
            "path:/hello.txt",
            "response",
            json!([{"do": "block", "how": "reset"}]),
        ),
    );
    add(
        &program,
        &rule(
            "",
            "response",
            json!([{"do": "set-header", "name": "X-All", "value": "yes"}]),
        ),
    );
    for (name, _, version) in ways(&origin, "/") {
        let url = |path: &str| {
            let [plain, tls, h2] = ways(&origin, path).map(|(_, url, _)| url);
            match name {
                "plain" => plain,
                "tls" => tls,
                _ => h2,
            }
        };
        let get = |path: &str, more: &[&str]| {
            let format = "|%{http_code}|%{content_type}|%header{x-all}|%header{location}";
            program
                .curl()
                .args([version, "-w", format])
                .args(more)
                .arg(url(path))
                .ok()
                .text()
        };
        assert_eq!(
            get("/local/a%20b.json", &[]),
            "{\"local\": true}|200|application/json; charset=utf-8|yes|"
        );
        assert_eq!(
            get("/local/a%20b.json", &["-r", "2-6"]),
            "local|206|application/json; charset=utf-8|yes|"
        );
        assert_eq!(
            get("/local/", &[]),
            "<p>index|200|text/html; charset=utf-8|yes|"
        );
        assert!(get("/local/none", &[]).contains("there is no file"));
        assert_eq!(get("/made", &["-d", "unread"]), "made|418||yes|");
        assert_eq!(get("/made", &["--head", "-o", "/dev/null"]), "|418||yes|");
        assert_eq!(get("/away?x", &[]), "|302||yes|http://b.test/away?x");
        assert!(
            get("/forbidden", &[]).contains("blocks this")
                && get("/forbidden", &[]).contains("|403|")
        );
        for path in ["/closed", "/reset", "/hello.txt"] {
            let ran = program.curl().args([version, &url(path)]).start().wait();
            assert_ne!(ran.status.code(), Some(0), "{name} {path}: {}", ran.text());
        }
    }
    let blocked = program.api.wait_for("path:/reset error:forbidden", 3);
    assert!(
        blocked[0]["error"]["text"]
            .as_str()
            .unwrap()
            .contains("\"r\""),
        "{}",
        blocked[0]
    );
    assert_eq!(
        program
            .api
            .wait_for("path:/hello.txt error:forbidden", 3)
            .len(),
        3
    );
    let made = program.api.wait_for("path:/made status:418", 6);
    assert_eq!(program.api.body(&made[0], "request"), b"unread");
    assert_eq!(program.api.body(&made[0], "response"), b"made");
}

#[test]
fn rules_are_kept_ordered_switched_and_previewed() {
    let origin = Server::answering(None, |_| response("200 OK", &[], "ok"));
    let data = crate::support::folder();
    let program = Setup::new().data(data.path()).start();
    let url = format!("http://localhost:{}/x", origin.port());
    program.curl().arg(&url).ok();
    program.api.flow("path:/x");
    let set = |name: &str, value: &str| json!({"name": name, "group": "g", "filter": "path:/x", "actions": [{"do": "set-header", "name": "X-V", "value": value}]});
    let preview = program
        .api
        .expect(200, "POST", "/api/rules/preview", Some(&set("p", "0")));
    assert_eq!(json(&preview)["count"], 1);
    let one = add(&program, &set("one", "1"));
    let two = add(&program, &set("two", "2"));
    let sent = || {
        program.curl().arg(&url).ok();
        origin.requests().last().unwrap().field("x-v")
    };
    assert_eq!(sent().as_deref(), Some("2"), "the last one wins");
    program.api.expect(
        200,
        "PUT",
        "/api/rules/order",
        Some(&json!({"ids": [two, one]})),
    );
    assert_eq!(sent().as_deref(), Some("1"));
    program.api.expect(
        200,
        "PATCH",
        "/api/rules",
        Some(&json!({"group": "g", "on": false})),
    );
    assert_eq!(sent(), None);
    program.command("rule").args(["on", &two.to_string()]).ok();
    assert_eq!(sent().as_deref(), Some("2"));
    program.command("rule").args(["rm", &one.to_string()]).ok();
    program
        .api
        .expect(404, "GET", &format!("/api/rules/{one}"), None);
    let added = program
        .command("rule")
        .args([
            "add",
            "Outage",
            "-f",
            "path:/x",
            "-s",
            "response",
            "-D",
            "set-status, status = 503",
        ])
        .ok();
    assert_eq!(added.text().trim(), (two + 1).to_string());
    let said = program
        .curl()
        .args(["-w", "%{http_code}", &url])
        .ok()
        .text();
    assert_eq!(said, "ok503");
    let listed = program.command("rule").arg("list").ok().text();
    assert!(
        listed.contains("Outage  path:/x  -> set-status"),
        "{listed}"
    );
    // a rule that cannot be used is refused with the reason
    for (wrong, told) in [
        (
            json!({"name": "w", "filter": "hots:x", "actions": [{"do": "no-caching"}]}),
            "did you mean host:",
        ),
        (
            json!({"name": "w", "filter": "status:404", "actions": [{"do": "no-caching"}]}),
            "choose the stage response",
        ),
        (
            json!({"name": "w", "actions": [{"do": "replace-body", "find": "(", "with": "", "regex": true}]}),
            "regular expression",
        ),
        (
            json!({"name": "w", "actions": [{"do": "map-local", "path": "/no/such"}]}),
            "/no/such cannot be read",
        ),
    ] {
        let answer = program.api.expect(400, "POST", "/api/rules", Some(&wrong));
        let detail = json(&answer)["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains(told), "{detail}");
    }
    // out and in again, and over a restart
    let toml = String::from_utf8(program.api.bytes("/api/rules.toml")).unwrap();
    let token = format!("Authorization: Bearer {}", program.api.token);
    let answer = program.api.raw(
        "POST",
        "/api/rules/import?replace=true",
        &[&token],
        toml.as_bytes(),
    );
    assert_eq!(answer.status(), 200, "{}", answer.text());
    assert_eq!(program.api.bytes("/api/rules.toml"), toml.as_bytes());
    program.stop();
    let program = Setup::new().data(data.path()).start();
    let said = program
        .curl()
        .args(["-w", "%{http_code}", &url])
        .ok()
        .text();
    assert_eq!(said, "ok503");
}

#[test]
fn a_file_of_rules_is_read_again_when_it_changes() {
    let origin = Server::answering(None, |_| response("200 OK", &[], "ok"));
    let folder = crate::support::folder();
    let file = folder.path().join("rules.toml");
    let write = |value: &str| {
        let text = format!(
            "[[rule]]\nname = \"F\"\nactions = [\n  {{ do = \"set-header\", name = \"X-V\", value = \"{value}\" }},\n]\n"
        );
        save(&file, &text);
    };
    write("first");
    let program = Setup::new()
        .args(["--rules".into(), file.clone().into_os_string()])
        .start();
    let url = format!("http://localhost:{}/x", origin.port());
    let sent = || {
        program.curl().arg(&url).ok();
        origin.requests().last().unwrap().field("x-v")
    };
    assert_eq!(sent().as_deref(), Some("first"));
    write("another");
    until("the new rules to act", || {
        (sent().as_deref() == Some("another")).then_some(())
    });
    // a broken file is told, and the rules before act on
    save(&file, "[[rule]]\nname = 1\n");
    let told = until("the error to be told", || {
        program.api.get("/api/rules")["file_error"]
            .as_str()
            .map(str::to_owned)
    });
    assert!(told.contains("rules.toml cannot be used"), "{told}");
    assert_eq!(sent().as_deref(), Some("another"));
    let change = rule("", "request", json!([{"do": "no-caching"}]));
    let answer = program
        .api
        .expect(409, "PUT", "/api/rules/-1", Some(&change));
    assert!(
        json(&answer)["detail"]
            .as_str()
            .unwrap()
            .contains("rules.toml")
    );
}

#[test]
fn rules_of_a_file_go_out_and_are_not_doubled_when_they_come_in() {
    let folder = crate::support::folder();
    let file = folder.path().join("rules.toml");
    let filed = "[[rule]]\nname = \"filed\"\nactions = [{ do = \"set-header\", name = \"X-F\", value = \"1\" }]\n";
    std::fs::write(&file, filed).unwrap();
    let program = Setup::new()
        .args(["--rules".into(), file.clone().into_os_string()])
        .start();
    let own = rule("path:/x", "request", json!([{"do": "no-caching"}]));
    add(&program, &own);
    let names = |program: &Program| -> Vec<(String, bool)> {
        let list = program.api.get("/api/rules");
        let items = list["items"].as_array().unwrap().iter();
        items
            .map(|item| {
                let name = item["name"].as_str().unwrap().to_owned();
                (name, item["from_file"] == true)
            })
            .collect()
    };
    let import = |program: &Program, query: &str, text: &[u8]| -> Value {
        let token = format!("Authorization: Bearer {}", program.api.token);
        let path = format!("/api/rules/import{query}");
        let answer = program.api.raw("POST", &path, &[&token], text);
        assert_eq!(answer.status(), 200, "{}", answer.text());
        json(&answer)
    };
    let name = own["name"].as_str().unwrap().to_owned();
    let before = vec![(name.clone(), false), ("filed".to_owned(), true)];
    assert_eq!(names(&program), before);

    let out = program.api.bytes("/api/rules.toml");
    let text = String::from_utf8(out.clone()).unwrap();
    let of_file = format!("# Of the file {}.", file.display());
    let place = text.find(&of_file).unwrap_or_else(|| panic!("{text}"));
    assert!(text[place..].contains("filed"), "{text}");
    assert!(!text[..place].contains("filed"), "{text}");
    let mine = String::from_utf8(program.api.bytes("/api/rules.toml?own=true")).unwrap();
    assert_eq!(mine, text[..place].trim_end().to_owned() + "\n");

    assert_eq!(import(&program, "?replace=true", &out)["of_file"], 1);
    assert_eq!(names(&program), before, "nothing is doubled");
    assert_eq!(import(&program, "", filed.as_bytes())["of_file"], 1);
    assert_eq!(names(&program), before);
    // one that a person has changed is another rule
    let other = filed.replace("\"1\"", "\"2\"");
    assert_eq!(import(&program, "", other.as_bytes())["of_file"], 0);
    assert_eq!(names(&program).len(), 3);
    program.stop();

    // without the file, all of them come
    let program = Program::start();
    assert_eq!(import(&program, "", &out)["of_file"], 0);
    let all = vec![(name, false), ("filed".to_owned(), false)];
    assert_eq!(names(&program), all);
}

#[test]
fn what_is_slowed_down_or_not_recorded_arrives_whole() {
    let origin = Nginx::start();
    let program = Program::trusting(&origin.ca.pem);
    let slow = json!([{"do": "throttle", "down_kbps": 4000, "up_kbps": 4000, "latency_ms": 5}]);
    add(
        &program,
        &rule("path:/lines.txt or path:/upload", "request", slow),
    );
    add(
        &program,
        &rule(
            "path:/style.css",
            "request",
            json!([{"do": "do-not-record"}]),
        ),
    );
    for (name, url, version) in ways(&origin, "/lines.txt") {
        let got = program
            .curl()
            .args([version, &format!("{url}?{name}")])
            .ok()
            .out;
        assert!(
            got == origin.file("lines.txt"),
            "{name}: {} bytes",
            got.len()
        );
        let upload = url.replace("/lines.txt", &format!("/upload?{name}"));
        let file = origin.root().join("lines.txt");
        program
            .curl()
            .args([
                version,
                "--data-binary",
                &format!("@{}", file.display()),
                &upload,
            ])
            .ok();
        let flow = program.api.flow(&format!("path:/upload?{name}"));
        assert!(program.api.body(&flow, "request") == got);
        assert_eq!(flow["rules_did"][0]["action"], "throttle");
        // what passes as it came is not called changed
        assert_eq!(
            (&flow["modified"], &flow["request"]["sent"].is_null()),
            (&json!(false), &(name != "plain"))
        );
        let hidden = url.replace("/lines.txt", "/style.css");
        assert_eq!(
            program.curl().args([version, &hidden]).ok().out,
            origin.file("style.css")
        );
    }
    program.api.wait_for("path:/upload", 3);
    assert!(program.api.flows("path:/style.css").is_empty());
}
