//! Promise: each action of a rule does what it says, over every version, and what is sent arrives so.

use crate::support::{
    Nginx, Program, Server,
    api::{headers, json},
    server::response,
};
use serde_json::{Value, json};

fn add(program: &Program, filter: &str, stage: &str, actions: Value) -> i64 {
    let rule = json!({"name": "r", "filter": filter, "stage": stage, "actions": actions});
    let answer = program.api.expect(201, "POST", "/api/rules", Some(&rule));
    json(&answer)["id"].as_i64().unwrap()
}

/// Plain HTTP, HTTPS with HTTP/1.1, HTTPS with HTTP/2.
fn ways(origin: &Nginx, path: &str) -> [(&'static str, String, &'static str); 3] {
    [
        ("plain", origin.http(path), "--http1.1"),
        ("tls", origin.https(path), "--http1.1"),
        ("h2", origin.https(path), "--http2"),
    ]
}

/// A server that says what it was sent.
fn echo() -> Server {
    Server::answering(None, |request| {
        let said = format!("{}|{}", request.head_text(), request.text());
        response("200 OK", &["Content-Type: text/plain"], said)
    })
}

fn values<'v>(fields: &'v [(String, String)], name: &str) -> Vec<&'v str> {
    let fields = fields.iter();
    let named = fields.filter(|(known, _)| known.eq_ignore_ascii_case(name));
    named.map(|(_, value)| value.as_str()).collect()
}

#[test]
fn flows_are_marked_and_held_back() {
    let origin = Nginx::start();
    let program = Program::trusting(&origin.ca.pem);
    add(
        &program,
        "path:/hello.txt",
        "request",
        json!([
            {"do": "delay", "ms": 30},
            {"do": "highlight", "color": "purple"},
            {"do": "comment", "text": "said by a rule"},
            {"do": "tag", "tags": ["one", "two"]},
        ]),
    );
    add(
        &program,
        "path:/hello.txt status:200",
        "response",
        json!([{"do": "delay", "ms": 30}, {"do": "tag", "tags": ["two", "three"]}, {"do": "highlight", "color": "green"}]),
    );
    for (name, url, version) in ways(&origin, "/hello.txt") {
        let url = format!("{url}?{name}");
        assert_eq!(
            program.curl().args([version, &url]).ok().text(),
            "hello, world\n"
        );
        let flow = program.api.flow(&format!("path:/hello.txt?{name}"));
        assert_eq!(flow["color"], "green", "the last one wins");
        assert_eq!(flow["comment"], "said by a rule");
        assert_eq!(flow["tags"], json!(["one", "two", "three"]));
        let delays: Vec<_> = flow["rules_did"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|done| done["action"] == "delay")
            .map(|done| {
                (
                    done["stage"].as_str().unwrap(),
                    done["text"].as_str().unwrap(),
                )
            })
            .collect();
        assert_eq!(delays, [("request", "30 ms"), ("response", "30 ms")]);
        // both delays lie within the flow's time
        assert!(flow["duration_ms"].as_f64().unwrap() >= 60.0, "{flow:#}");
        assert_eq!(
            flow["modified"], false,
            "marks and delays change nothing of what passes"
        );
    }
}

#[test]
fn urls_are_set_in_part_or_whole() {
    let (origin, echo) = (Nginx::start(), echo());
    let program = Program::trusting(&origin.ca.pem);
    let here = json!([{"do": "set-url", "path": "/data.json", "query": "by=rule"}]);
    add(&program, "path:/part", "request", here);
    let there = json!([{"do": "set-url", "scheme": "http", "host": "127.0.0.1", "port": echo.port(), "path": "/whole"}]);
    add(&program, "path:/whole", "request", there);
    let kept = format!("http://127.0.0.1:{}/kept", echo.port());
    for (path, keep) in [("/keep", true), ("/name", false)] {
        let action = json!([{"do": "map-remote", "to": kept, "keep_host": keep}]);
        add(&program, &format!("path:{path}"), "request", action);
    }
    for (name, url, version) in ways(&origin, "/") {
        let get = |path: &str| {
            let url = format!("{}{path}", url.trim_end_matches('/'));
            program.curl().args([version, &url]).ok().text()
        };
        assert_eq!(
            get(&format!("/part?{name}")).as_bytes(),
            origin.file("data.json")
        );
        let flow = program.api.flow(&format!("path:/part?{name}"));
        let done = flow["rules_did"][0]["text"].as_str().unwrap();
        assert!(done.ends_with("/data.json?by=rule"), "{done}");
        // the query stays where none is given
        let said = get(&format!("/whole?{name}"));
        assert!(
            said.starts_with(&format!("GET /whole?{name} HTTP/1.1\r\n")),
            "{said}"
        );
        let said = get("/name").to_lowercase();
        assert!(
            said.contains(&format!("host: 127.0.0.1:{}\r\n", echo.port())),
            "{said}"
        );
        let said = get("/keep").to_lowercase();
        let host = url.split('/').nth(2).unwrap();
        assert!(
            said.contains(&format!("host: {host}\r\n")),
            "{name}: {said}"
        );
    }
}

#[test]
fn bodies_are_set_from_text_bytes_and_files() {
    let (origin, echo) = (Nginx::start(), echo());
    let program = Program::trusting(&origin.ca.pem);
    let file = program.home().join("body.json");
    std::fs::write(&file, "{\"from\": \"a file\"}").unwrap();
    add(
        &program,
        "path:/text",
        "request",
        json!([{"do": "set-body", "body": {"text": "ünï"}}]),
    );
    add(
        &program,
        "path:/bytes",
        "request",
        json!([{"do": "set-body", "body": {"base64": "AAEC/w=="}}]),
    );
    add(
        &program,
        "path:/hello.txt",
        "response",
        json!([{"do": "set-body", "body": {"file": file}}]),
    );
    add(
        &program,
        "path:/gzip/data.json",
        "response",
        json!([{"do": "set-body", "body": {"text": ""}}]),
    );
    let url = |path: &str| format!("http://localhost:{}{path}", echo.port());
    let said = program
        .curl()
        .args(["-d", "old", &url("/text")])
        .ok()
        .text();
    assert!(
        said.contains("Content-Length: 5\r\n") && said.ends_with("|ünï"),
        "{said}"
    );
    program
        .curl()
        .args(["-T", file.to_str().unwrap(), &url("/bytes")])
        .ok();
    assert_eq!(echo.requests().last().unwrap().body, [0, 1, 2, 255]);
    for (name, _, version) in ways(&origin, "/") {
        let of = |path: &str| {
            let all = ways(&origin, path);
            let found = all.into_iter().find(|(known, ..)| *known == name);
            found.map(|(_, url, _)| url).unwrap()
        };
        let format = ["-w", "|%{http_code}|%{size_download}"];
        let said = program
            .curl()
            .args([version])
            .args(format)
            .arg(of("/hello.txt"))
            .ok()
            .text();
        assert_eq!(said, "{\"from\": \"a file\"}|200|18", "{name}");
        let said = program
            .curl()
            .args([version, "--compressed"])
            .args(format)
            .arg(of("/gzip/data.json"))
            .ok()
            .text();
        assert_eq!(said, "|200|0", "{name}");
    }
    // read anew each time; one that is gone is told, and the message goes on as it came
    std::fs::write(&file, "another").unwrap();
    let url = origin.http("/hello.txt");
    assert_eq!(program.curl().arg(&url).ok().text(), "another");
    std::fs::remove_file(&file).unwrap();
    assert_eq!(
        program.curl().arg(format!("{url}?gone")).ok().text(),
        "hello, world\n"
    );
    let flow = program.api.flow("path:*?gone");
    assert_eq!(flow["rules_did"][0]["failed"], true, "{flow:#}");
    // what is no JSON is not changed as if it were
    add(
        &program,
        "path:/style.css",
        "response",
        json!([{"do": "set-json", "path": "/a", "value": 1}]),
    );
    assert_eq!(
        program.curl().arg(origin.http("/style.css")).ok().out,
        origin.file("style.css")
    );
    let did = program.api.flow("path:/style.css")["rules_did"][0].clone();
    assert!(
        did["failed"] == true && did["text"].as_str().unwrap().contains("JSON"),
        "{did}"
    );
}

#[test]
fn caches_cookies_and_statuses() {
    let (origin, echo) = (Nginx::start(), echo());
    let program = Program::trusting(&origin.ca.pem);
    for stage in ["request", "response"] {
        add(
            &program,
            "path:/hello.txt",
            stage,
            json!([{"do": "no-caching"}]),
        );
    }
    add(
        &program,
        "path:/data.json",
        "response",
        json!([{"do": "set-status", "status": 503}, {"do": "set-cookie", "name": "a", "value": "1", "attributes": "Path=/; HttpOnly"}, {"do": "set-cookie", "name": "b", "value": "2"}]),
    );
    add(
        &program,
        "path:/strip",
        "request",
        json!([{"do": "strip-cookies", "name": "b"}, {"do": "set-cookie", "name": "c", "value": "new"}]),
    );
    add(
        &program,
        "path:/none",
        "request",
        json!([{"do": "strip-cookies"}]),
    );
    for (name, url, version) in ways(&origin, "/hello.txt") {
        // nginx would say 304
        let modified = [
            "-H",
            "If-Modified-Since: Wed, 21 Oct 2065 07:28:00 GMT",
            "-H",
            "If-None-Match: *",
        ];
        let said = program
            .curl()
            .args([version, "-i"])
            .args(modified)
            .arg(format!("{url}?{name}"))
            .ok()
            .text();
        let lower = said.to_lowercase();
        assert!(said.ends_with("hello, world\n"), "{name}: {said}");
        assert!(lower.contains("cache-control: no-store\r\n"), "{said}");
        assert!(
            !lower.contains("etag") && !lower.contains("last-modified"),
            "{said}"
        );
        let flow = program.api.flow(&format!("path:/hello.txt?{name}"));
        let sent = headers(&flow["request"]["sent"]);
        assert_eq!(values(&sent, "cache-control"), ["no-cache"]);
        assert!(values(&sent, "if-none-match").is_empty());

        let said = program
            .curl()
            .args([version, "-i", &url.replace("hello.txt", "data.json")])
            .ok()
            .text();
        assert!(said.contains(" 503"), "{said}");
        let lower = said.to_lowercase();
        assert!(
            lower.contains("set-cookie: a=1; path=/; httponly\r\n")
                && lower.contains("set-cookie: b=2\r\n"),
            "{said}"
        );
    }
    let url = |path: &str| format!("http://localhost:{}{path}", echo.port());
    let said = program
        .curl()
        .args(["-H", "Cookie: a=1; b=2; bb=3", &url("/strip")])
        .ok()
        .text();
    assert!(said.contains("Cookie: a=1; bb=3; c=new\r\n"), "{said}");
    let said = program
        .curl()
        .args(["-H", "Cookie: a=1; b=2", &url("/none")])
        .ok()
        .text();
    assert!(!said.contains("Cookie"), "{said}");
}

#[test]
fn pages_of_other_origins_get_leave() {
    let origin = Nginx::start();
    let program = Program::trusting(&origin.ca.pem);
    add(&program, "", "response", json!([{"do": "allow-cors"}]));
    for (name, url, version) in ways(&origin, "/data.json") {
        let said = program
            .curl()
            .args([version, "-i", "-H", "Origin: http://page.test", &url])
            .ok()
            .text();
        let lower = said.to_lowercase();
        assert!(
            lower.contains("access-control-allow-origin: http://page.test\r\n"),
            "{name}: {said}"
        );
        assert!(
            lower.contains("access-control-allow-credentials: true\r\n"),
            "{said}"
        );
        assert!(lower.contains("vary: origin\r\n"), "{said}");
        // nginx answers OPTIONS with 405
        let preflight = program
            .curl()
            .args([
                version,
                "-i",
                "-X",
                "OPTIONS",
                "-H",
                "Origin: http://page.test",
            ])
            .args([
                "-H",
                "Access-Control-Request-Method: PUT",
                "-H",
                "Access-Control-Request-Headers: x-a, x-b",
            ])
            .arg(&url)
            .ok()
            .text();
        let lower = preflight.to_lowercase();
        assert!(
            preflight.starts_with("HTTP/") && preflight.contains(" 200"),
            "{preflight}"
        );
        assert!(
            lower.contains("access-control-allow-methods: put\r\n"),
            "{preflight}"
        );
        assert!(
            lower.contains("access-control-allow-headers: x-a, x-b\r\n"),
            "{preflight}"
        );
        let plain = program
            .curl()
            .args([version, "-i", &url])
            .ok()
            .text()
            .to_lowercase();
        assert!(
            plain.contains("access-control-allow-origin: *\r\n"),
            "{plain}"
        );
    }
}

#[test]
fn a_folder_answers_in_ranges() {
    let origin = Nginx::start();
    let program = Program::trusting(&origin.ca.pem);
    let folder = program.home().join("site");
    std::fs::create_dir_all(folder.join("deep")).unwrap();
    std::fs::write(folder.join("deep/digits.bin"), "0123456789").unwrap();
    std::fs::write(program.home().join("outside"), "secret").unwrap();
    add(
        &program,
        "path:/site",
        "request",
        json!([{"do": "map-local", "path": folder, "from": "/site"}]),
    );
    for (name, url, version) in ways(&origin, "/site/deep/digits.bin") {
        let get = |range: &str| {
            program
                .curl()
                .args([
                    version,
                    "-r",
                    range,
                    "-w",
                    "|%{http_code}|%header{content-range}",
                    &url,
                ])
                .ok()
                .text()
        };
        assert_eq!(get("2-4"), "234|206|bytes 2-4/10", "{name}");
        assert_eq!(get("7-"), "789|206|bytes 7-9/10");
        assert_eq!(get("-2"), "89|206|bytes 8-9/10");
        assert!(get("20-").ends_with("|416|bytes */10"), "{}", get("20-"));
        // nothing outside the folder
        let outside = url.replace("deep/digits.bin", "%2e%2e/outside");
        let said = program
            .curl()
            .args([version, "--path-as-is", "-w", "|%{http_code}", &outside])
            .ok()
            .text();
        assert!(!said.contains("secret") && said.ends_with("|404"), "{said}");
    }
}
