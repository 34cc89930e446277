//! Promise: a request is edited and sent again, and goes out exactly as edited.

use crate::support::{
    Nginx, Program, Server,
    api::json,
    http,
    server::response,
    wire::{self, Stream},
};
use serde_json::{Value, json};
use std::io::Write;

#[test]
fn edited_and_sent_again() {
    let origin = Server::answering(None, |request| {
        response(
            "200 OK",
            &[],
            format!("{}|{}", request.start_line(), request.text()),
        )
    });
    let program = Program::start();
    let url = format!("http://localhost:{}/first", origin.port());
    program.curl().args(["--data-binary", "before", &url]).ok();
    let first = program.api.flow("path:/first");
    let edited = json!({
        "flow": first["id"],
        "method": "PUT",
        "url": format!("http://localhost:{}/second?x=1", origin.port()),
        "headers": [["x-ODD", "1"], ["Host", "other.example"], ["X-Odd", "2"], ["Content-Length", "5"]],
        "body": {"text": "after"},
    });
    let again = replay(&program, &edited);
    assert_eq!(again["replay_of"], first["id"]);
    assert_eq!(again["status"], 200);
    assert_eq!(
        program.api.body(&again, "response"),
        b"PUT /second?x=1 HTTP/1.1|after"
    );
    let sent = &origin.requests()[1];
    assert_eq!(
        sent.head_text(),
        "PUT /second?x=1 HTTP/1.1\r\nx-ODD: 1\r\nHost: other.example\r\nX-Odd: 2\r\nContent-Length: 5\r\n\r\n"
    );
    assert_eq!(program.api.body(&again, "request"), b"after");
}

#[test]
fn with_the_recorded_body_and_what_is_missing_added() {
    let origin = Server::answering(None, |_| response("200 OK", &[], "ok"));
    let program = Program::start();
    let url = format!("http://localhost:{}/body", origin.port());
    let body: Vec<u8> = (0..100_000_u32).flat_map(u32::to_le_bytes).collect();
    let file = program.home().join("body");
    std::fs::write(&file, &body).unwrap();
    program
        .curl()
        .args(["--data-binary", &format!("@{}", file.display()), &url])
        .ok();
    let first = program.api.flow("path:/body");
    let request = json!({
        "flow": first["id"], "method": "POST", "url": url, "headers": [],
        "body": {"flow": first["id"]},
    });
    let again = replay(&program, &request);
    assert_eq!(again["state"], "complete");
    let sent = &origin.requests()[1];
    assert_eq!(sent.body, body);
    assert_eq!(
        sent.field("host").unwrap(),
        format!("localhost:{}", origin.port())
    );
    assert_eq!(
        sent.field("content-length").unwrap(),
        body.len().to_string()
    );
}

#[test]
fn over_tls_in_either_version() {
    let origin = Nginx::start();
    let program = Program::trusting(&origin.ca.pem);
    for version in ["HTTP/1.1", "HTTP/2"] {
        let request = json!({
            "method": "GET", "url": origin.https("/data.json"), "headers": [["accept", "*/*"]],
            "version": version,
        });
        let flow = replay(&program, &request);
        assert_eq!(flow["status"], 200, "{flow:#}");
        assert_eq!(flow["response"]["version"], version);
        assert_eq!(
            program.api.body(&flow, "response"),
            origin.file("data.json")
        );
    }
}

#[test]
fn failures_are_in_the_flow_and_nonsense_is_refused() {
    let program = Program::start();
    let request = json!({"method": "GET", "url": "http://127.0.0.1:1/nobody", "headers": []});
    let flow = replay(&program, &request);
    assert_eq!(flow["state"], "failed");
    assert_eq!(flow["error"]["cause"], "refused");
    for wrong in [
        json!({"method": "GET", "url": "not a url", "headers": []}),
        json!({"method": "GE T", "url": "http://localhost/", "headers": []}),
        json!({"method": "GET", "url": "http://localhost/", "headers": [["a\r\nb", "c"]]}),
        json!({"method": "GET", "url": "http://localhost/", "headers": [["a", "b\r\nEvil: 1"]]}),
        json!({"method": "GET", "url": "ftp://localhost/", "headers": []}),
        json!({"url": 7}),
    ] {
        let answer = program.api.send("POST", "/api/replay", Some(&wrong));
        assert!(
            matches!(answer.status(), 400 | 422),
            "{wrong}: {} {}",
            answer.head_text(),
            answer.text()
        );
        assert!(json(&answer)["detail"].is_string(), "{}", answer.text());
    }
    // Its own page and API stay out of reach this way, too.
    let own = format!("http://{}/api/status", program.api.address);
    let request = json!({
        "method": "GET", "url": own,
        "headers": [["Authorization", format!("Bearer {}", program.api.token)]],
    });
    let answer = program.api.send("POST", "/api/replay", Some(&request));
    if answer.status() == 202 {
        let flow = replayed(&program, &answer);
        assert_eq!(flow["error"]["cause"], "forbidden", "{flow:#}");
    }
}

#[test]
fn from_the_command_line() {
    let origin = Server::answering(None, |_| response("200 OK", &[], "ok"));
    let program = Program::start();
    let url = format!("http://localhost:{}/line", origin.port());
    program
        .curl()
        .args(["-H", "X-Keep: 1", "--data-binary", "old", &url])
        .ok();
    let id = program.api.flow("path:/line")["id"].to_string();
    let file = program.home().join("new");
    std::fs::write(&file, "new body").unwrap();
    program
        .command("replay")
        .args([
            &id,
            "--method",
            "PUT",
            "--header",
            "X-New: 2",
            "--url",
            &format!("{url}/new"),
        ])
        .args(["--body", &format!("@{}", file.display())])
        .ok();
    let requests = origin.requests();
    let sent = requests.last().unwrap();
    assert_eq!(sent.start_line(), "PUT /line/new HTTP/1.1");
    assert_eq!(sent.text(), "new body");
    assert_eq!(sent.field("x-new").unwrap(), "2");
    assert_eq!(sent.field("x-keep").unwrap(), "1");
    assert_eq!(sent.field("content-length").unwrap(), "8");
    let flow = program.api.flow("path:/line/new");
    assert_eq!(flow["replay_of"].to_string(), id);
}

/// A request that two programs could read differently is refused, but recorded; sent again it has one meaning.
#[test]
fn a_request_with_both_lengths_is_sent_with_one() {
    let origin = Server::answering(None, |_| response("200 OK", &[], "ok"));
    let program = Program::start();
    let host = format!("localhost:{}", origin.port());
    let content = "5\r\nhello\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n";
    let fields = [
        ("Host", host.clone()),
        ("Content-Length", content.len().to_string()),
        ("Transfer-Encoding", "chunked".to_owned()),
    ];
    let lines: String = fields
        .iter()
        .map(|(n, v)| format!("{n}: {v}\r\n"))
        .collect();
    let url = format!("http://{host}/both");
    let sent = format!("POST {url} HTTP/1.1\r\n{lines}\r\n{content}");
    let mut client = wire::dial(program.proxy);
    client.write_all(sent.as_bytes()).unwrap();
    client.finish();
    let answer = String::from_utf8_lossy(&wire::read_rest(&mut client)).into_owned();
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    let first = program.api.flow("path:/both");
    assert_eq!(program.api.body(&first, "request"), content.as_bytes());
    assert!(origin.requests().is_empty());

    // as the page does, with the fields as they were recorded; and from the command line
    let again = json!({
        "flow": first["id"], "method": "POST", "url": url, "headers": fields, "body": {"flow": first["id"]},
    });
    let again = replay(&program, &again);
    assert_eq!(
        (&again["state"], &again["status"]),
        (&json!("complete"), &json!(200)),
        "{again:#}"
    );
    program.command("replay").arg(first["id"].to_string()).ok();
    let requests = origin.requests();
    let lines: Vec<_> = requests.iter().map(http::Message::start_line).collect();
    assert_eq!(lines, ["POST /both HTTP/1.1"; 2], "nothing was smuggled");
    let framing = |n: usize| {
        let field = |name| requests[n].field(name);
        (field("content-length"), field("transfer-encoding"))
    };
    assert_eq!(framing(0), (None, Some("chunked".to_owned())));
    assert_eq!(framing(1), (Some(content.len().to_string()), None));
    for request in &requests {
        assert_eq!(request.text(), content);
    }

    let senseless = json!({
        "method": "POST", "url": url, "headers": [["Transfer-Encoding", "gzip"]], "body": {"text": "x"},
    });
    let answer = program.api.send("POST", "/api/replay", Some(&senseless));
    assert_eq!(answer.status(), 400, "{}", answer.text());
    let detail = json(&answer)["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains("Transfer-Encoding \"gzip\""), "{detail}");
}

fn replay(program: &Program, request: &Value) -> Value {
    replayed(
        program,
        &program
            .api
            .expect(202, "POST", "/api/replay", Some(request)),
    )
}

fn replayed(program: &Program, answer: &http::Message) -> Value {
    let id = json(answer)["flow"].as_i64().unwrap();
    crate::support::until("the replayed flow to end", || {
        let flow = program.api.detail(id);
        (flow["state"] != "running").then_some(flow)
    })
}
