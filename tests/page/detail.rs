//! The detail of a flow: what happened, heads explained and taken apart, events as they come, both sides of TLS.

use super::shared::{drive, drive_with, url};
use crate::clients;
use crate::support::{Program, Server, certs::TestCa, http, server::response, wire};
use serde_json::{Value, json};
use std::{
    io::Write as _,
    sync::{Arc, Condvar, Mutex},
};

/// `{"alg":"HS256","typ":"JWT"}`, `{"sub":"1234567890","name":"John Doe","iat":1516239022,"exp":1516242622}`.
const TOKEN: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lIiwiaWF0IjoxNTE2MjM5MDIyLCJleHAiOjE1MTYyNDI2MjJ9.SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c";

/// `good day ` a hundred times, gzip.
const PACKED: [u8; 38] = [
    0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0x4b, 0xcf, 0xcf, 0x4f, 0x51, 0x48,
    0x49, 0xac, 0x54, 0x48, 0x1f, 0x65, 0x8c, 0x32, 0x46, 0x19, 0x03, 0xc1, 0x00, 0x00, 0x2d, 0xfa,
    0xe3, 0xdb, 0x84, 0x03, 0x00, 0x00,
];

fn text<'a>(seen: &'a Value, name: &str) -> &'a str {
    seen[name]
        .as_str()
        .unwrap_or_else(|| panic!("no {name} in {seen}"))
}

fn says(seen: &Value, name: &str, words: &[&str]) {
    let all = text(seen, name);
    for word in words {
        assert!(all.contains(word), "{name} does not say {word}: {all}");
    }
}

#[test]
fn a_flow_is_explained() {
    let origin = Server::answering(None, |request| {
        if request.start_line().contains("/old") {
            return response("302 Found", &["Location: /explained?from=old"], "");
        }
        let fields = [
            "Content-Type: text/plain",
            "Content-Encoding: gzip",
            "Cache-Control: max-age=600, private",
            "ETag: \"one\"",
            "Access-Control-Allow-Origin: *",
            "Set-Cookie: sid=abc; SameSite=None; Max-Age=3600",
            "Set-Cookie: theme=dark; SameSite=Lax; Path=/",
        ];
        response("200 OK", &fields, PACKED)
    });
    let program = Program::start();
    program
        .curl()
        .args(["--location", "--user", "Aladdin:open sesame"])
        .args(["--cookie", "a=1; b=zwei", "-H", "Origin: http://page.test"])
        .args(["-H", &format!("X-Token: {TOKEN}")])
        .arg(url(&origin, "/old"))
        .ok();
    program.api.wait_for("", 2);
    let seen = drive(&program, &origin, "detail", &["explained", "jump"]);
    let all = &seen["explained"];

    says(all, "story", &["answered 200 OK", "of text"]);
    let phases = all["phases"].as_array().unwrap();
    assert!(phases.contains(&json!("wait")), "{phases:?}");
    assert!(phases.contains(&json!("transfer")), "{phases:?}");
    says(all, "sizes", &["38 B", "gzip", "900 B", "sent as 4.2 %"]);
    says(
        all,
        "reuse",
        &["was reused", "opened it", "number 2 of 2 flows"],
    );
    says(all, "redirected", &["follows the redirect of"]);
    says(all, "query", &["from", "old"]);
    says(all, "cookies", &["a", "1", "b", "zwei"]);
    says(
        all,
        "credentials",
        &["Aladdin", "open sesame", "plain http"],
    );
    says(
        all,
        "token",
        &["John Doe", "not verified", "had expired", "HS256"],
    );
    says(
        all,
        "set",
        &[
            "sid",
            "abc",
            "in 1 hour",
            "SameSite=None without Secure",
            "theme",
        ],
    );
    says(
        all,
        "caching",
        &["Only the browser", "10 minutes", "RFC 9111"],
    );
    says(
        all,
        "cors",
        &["keeps the answer", "does not count for a request with"],
    );
    says(all, "tip", &["ETag", "RFC 9110"]);
    assert_eq!(
        all["link"],
        "https://www.rfc-editor.org/rfc/rfc9110#section-8.8.3"
    );
    says(all, "status", &["200 OK", "It worked"]);
    assert_eq!(all["filtered"], r#"header:"ETag: \"one\"""#);
    assert_eq!(all["matching"], 1);

    let jump = &seen["jump"];
    let id = |path: &str| program.api.flow(path)["id"].clone();
    let (old, next) = (id("path:/old"), id("path:\"/explained?from=old\""));
    assert_eq!([&jump["old"], &jump["next"]], [&old, &next]);
    assert_eq!(jump["selected"], "true", "the list goes along");
    assert_eq!(jump["back"], old);
    assert_eq!(seen["troubles"], json!([]));
}

#[test]
fn heads_that_hardly_differ_are_one_and_stay_exact() {
    let origin = Server::answering(None, |_| response("200 OK", &[], "odd"));
    let program = Program::start();
    let host = format!("localhost:{}", origin.port());
    let came = format!(
        "GET http://{host}/odd?x=1 HTTP/1.1\r\nHost:   {host}\r\nproxy-connection: close\r\nX-Odd:no blank \r\nX-odd: again\r\nConnection: close\r\n\r\n"
    );
    assert_eq!(wire::exchange(program.proxy, &came).status(), 200);
    program.api.wait_for("", 1);
    let seen = drive(&program, &origin, "detail", &["heads"]);
    let heads = &seen["heads"];

    let fields = |of: &str| {
        let all = heads[of]["fields"].as_array().unwrap().iter();
        all.map(|field| field[0].as_str().unwrap())
            .collect::<Vec<_>>()
    };
    let went = ["Host", "X-Odd", "X-odd", "Connection"];
    let line = format!("GET http://{host}/odd?x=1 HTTP/1.1");
    assert_eq!(heads["both"]["line"], line, "once");
    assert_eq!(heads["both"]["gone"], json!([format!("http://{host}")]));
    let all = ["Host", "proxy-connection", "X-Odd", "X-odd", "Connection"];
    assert_eq!(fields("both"), all);
    let marked = heads["both"]["fields"].as_array().unwrap().iter();
    let marked: Vec<_> = marked.filter(|field| !field[2].is_null()).collect();
    assert_eq!(
        json!(marked),
        json!([["proxy-connection", "close", "came"]])
    );
    // each by itself
    assert_eq!(
        (&heads["came"]["line"], fields("came")),
        (&json!(line), all.to_vec())
    );
    assert_eq!(
        (&heads["sent"]["line"], fields("sent")),
        (&json!("GET /odd?x=1 HTTP/1.1"), went.to_vec())
    );
    // and both byte for byte, whichever way they are taken
    let sent = origin.requests()[0].head_text();
    assert_ne!(sent, came);
    assert_eq!(heads["copied"], json!({"came": came, "sent": sent}));
    assert_eq!(heads["came"]["copied"], came);
    assert_eq!(heads["sent"]["copied"], sent);
    assert_eq!(heads["stays"], "true");
    assert_eq!(heads["wide"], 390, "nothing sticks out on a phone");
    assert_eq!(heads["broken"], json!([]));
    assert_eq!(seen["troubles"], json!([]));
}

#[test]
fn a_huge_head_is_shown_in_parts() {
    let mut head = String::from("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n");
    for number in 0..10_000 {
        head.push_str(&format!("X-Field-{number}: value {number}\r\n"));
    }
    head.push_str("X-Names: \u{645}\u{631}\u{62d}\u{628}\u{627} \u{4f60}\u{597d}\r\n");
    head.push_str(&format!("X-Large: {}\r\n\r\n", "large ".repeat(175_000)));
    let origin = Server::answering(None, move |_| head.clone().into_bytes());
    let program = Program::start();
    let host = format!("localhost:{}", origin.port());
    let request = format!("GET http://{host}/huge HTTP/1.1\r\nHost: {host}\r\n\r\n");
    assert_eq!(wire::exchange(program.proxy, request).status(), 200);
    program.api.wait_for("", 1);
    let seen = drive(&program, &origin, "detail", &["huge"]);
    let huge = &seen["huge"];
    assert_eq!(huge["first"], 400, "{huge}");
    says(huge, "rest", &["400 of 10,003 fields"]);
    assert_eq!(huge["then"], 2400, "{huge}");
    assert_eq!(huge["all"], 10_003, "{huge}");
    assert!(huge["cut"].as_i64().unwrap() < 10_000, "{huge}");
    // 175,000 times six letters, without the last blank
    assert_eq!(huge["whole"], 1_049_999, "{huge}");
    assert_eq!(huge["end"], "large large", "{huge}");
    says(huge, "names", &["X-Field-9000", "value 9000"]);
    assert_eq!(seen["troubles"], json!([]));
}

#[test]
fn events_are_shown_as_they_come() {
    let go = Arc::new((Mutex::new(false), Condvar::new()));
    let signal = go.clone();
    let origin = Server::new(None, move |mut stream| {
        let Ok(Some(request)) = http::read_request(&mut *stream) else {
            return;
        };
        if request.start_line().contains("/go") {
            *signal.0.lock().unwrap() = true;
            signal.1.notify_all();
            let _ = stream.write_all(&response("200 OK", &["Connection: close"], "gone"));
        } else {
            let _ = stream.write_all(
                b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n: hello\n\nid: 7\nevent: news\ndata: {\"first\":1}\n\n",
            );
            let _ = stream.flush();
            let waited = signal.1.wait_while(signal.0.lock().unwrap(), |went| !*went);
            drop(waited);
            let _ = stream.write_all(b"data: second\ndata: line\n\n");
        }
        let _ = stream.flush();
        stream.finish();
    });
    let program = Program::start();
    let client = program.curl().arg(url(&origin, "/stream")).start();
    program
        .api
        .flow_when("path:/stream", |flow| flow["status"] == 200);
    let seen = drive(&program, &origin, "detail", &["events"]);
    let events = &seen["events"];
    assert_eq!(events["before"], json!(["comment", "news"]), "{events}");
    assert_eq!(
        events["after"],
        json!(["comment", "news", "message"]),
        "{events}"
    );
    says(events, "facts", &["news", "7"]);
    says(events, "whole", &["first"]);
    client.wait().ok();
    assert_eq!(seen["troubles"], json!([]));
}

#[test]
fn messages_of_a_websocket_are_taken_apart() {
    let program = Program::start();
    let (_server, port) = clients::websocket_server(None);
    let url = format!("ws://localhost:{port}/socket");
    clients::websocket_conversation(&program, &url, "deflate");
    program.api.flow("path:/socket");
    let origin = Server::answering(None, |_| response("200 OK", &[], ""));
    let seen = drive(&program, &origin, "detail", &["messages"]);
    let messages = &seen["messages"];
    let all: Vec<[String; 3]> = serde_json::from_value(messages["all"].clone()).unwrap();
    let all: Vec<_> = all
        .iter()
        .map(|m| m.each_ref().map(String::as_str))
        .collect();
    let long = &"long ".repeat(50)[..40];
    let bytes = "00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0";
    assert_eq!(
        all[..7],
        [
            ["response", "text", "welcome None"],
            ["request", "text", "hello \u{2713}"],
            ["response", "text", "hello \u{2713}"],
            ["request", "binary", bytes],
            ["response", "binary", bytes],
            ["request", "text", long],
            ["response", "text", long],
        ]
    );
    let mut rest: Vec<_> = all[7..]
        .iter()
        .map(|[side, kind, _]| [*side, *kind])
        .collect();
    rest.sort_unstable();
    assert_eq!(
        rest,
        [
            ["request", "close"],
            ["request", "ping"],
            ["response", "close"],
            ["response", "pong"]
        ]
    );
    let size = text(messages, "size");
    assert!(
        size.contains("250,000") && size.contains("compressed"),
        "{size}"
    );
    assert_eq!(messages["wide"], 390, "nothing sticks out on a phone");
    assert_eq!(
        messages["broken"],
        json!({"desktop": [], "phone": []}),
        "{messages:#}"
    );
    assert_eq!(seen["troubles"], json!([]));
}

#[test]
fn messages_come_back_out_of_a_har_file() {
    let program = Program::start();
    let (_server, port) = clients::websocket_server(None);
    let url = format!("ws://localhost:{port}/socket");
    clients::websocket_conversation(&program, &url, "plain");
    program.api.flow("path:/socket");
    let origin = Server::answering(None, |_| response("200 OK", &[], ""));
    let file = program.home().join("socket.har");
    let more = json!({ "file": file });
    let seen = drive_with(
        &program,
        &super::shared::url(&origin, ""),
        "detail",
        &["imported"],
        more,
    );
    let imported = &seen["imported"];
    says(imported, "result", &["1 flow imported"]);
    let before = imported["before"].as_array().unwrap();
    assert!(before.len() > 7, "{before:?}");
    assert_eq!(imported["before"], imported["after"]);
    assert_eq!(seen["troubles"], json!([]));
}

#[test]
fn both_sides_of_tls_are_opened_up() {
    let ca = TestCa::new();
    let origin = Server::answering(Some(ca.identity().server(&["http/1.1"])), |_| {
        response("200 OK", &[], "secret")
    });
    let program = Program::trusting(&ca.pem);
    program
        .curl()
        .arg(format!("https://localhost:{}/tls", origin.port()))
        .ok();
    program.api.wait_for("path:/tls", 1);
    let seen = drive(&program, &origin, "detail", &["tls"]);
    let tls = &seen["tls"];
    let words = [
        "believes to talk to localhost",
        "It talks to overhear",
        "Origin test CA",
        "TLSv1.3",
    ];
    says(tls, "picture", &words);
    says(
        tls,
        "server",
        &["Origin test server", "ECDSA P-256", "2099"],
    );
    says(tls, "client", &["overhear", "localhost", "ECDSA P-256"]);
    assert_eq!(seen["troubles"], json!([]));
}

#[test]
fn every_step_of_a_connection_is_a_bar() {
    let ca = TestCa::new();
    let origin = Server::answering(Some(ca.identity().server(&["http/1.1"])), |_| {
        response("200 OK", &[], vec![b'x'; 300_000])
    });
    let program = Program::trusting(&ca.pem);
    program
        .curl()
        .args(["--data-binary", "asked", "--output", "/dev/null"])
        .arg(format!("https://localhost:{}/steps", origin.port()))
        .ok();
    let flow = program.api.flow("path:/steps");
    let seen = drive(&program, &origin, "detail", &["steps"]);
    let steps = &seen["steps"];
    assert_eq!(
        steps["phases"],
        json!([
            "DNS",
            "Connect",
            "Server TLS",
            "Client TLS",
            "Send",
            "Wait",
            "Transfer"
        ])
    );
    // each bar is as long as its time was, and stands where it began: beside the axis, what the API says
    let times = &flow["connection"]["times"];
    let of = |times: &Value, name: &str| nanoseconds(times[name].as_str().unwrap());
    let spans = [
        (times, "dns_start", "dns_done"),
        (times, "connect_start", "connected"),
        (times, "connected", "server_tls_done"),
        (times, "server_tls_done", "client_tls_done"),
        (&flow["times"], "request_first", "request_last"),
        (&flow["times"], "request_last", "response_first"),
        (&flow["times"], "response_first", "response_last"),
    ];
    let bars: Vec<[f64; 2]> = serde_json::from_value(steps["bars"].clone()).unwrap();
    let total = bars
        .iter()
        .map(|[start, width]| start + width)
        .fold(0.0, f64::max);
    assert!(
        (99.0..=101.0).contains(&total),
        "the longest axis is full: {bars:?}"
    );
    let longest = [&spans[..4], &spans[4..]]
        .map(|part| of(part.last().unwrap().0, part.last().unwrap().2) - of(part[0].0, part[0].1))
        .into_iter()
        .max()
        .unwrap();
    for ((times, from, to), [_, width]) in spans.into_iter().zip(bars) {
        let share = (of(times, to) - of(times, from)) as f64 / longest as f64 * 100.0;
        assert!(
            (share - width).abs() < 1.0,
            "{from}: {share} % is drawn as {width} %"
        );
    }
    assert_eq!(steps["broken"], json!([]));
    assert_eq!(seen["troubles"], json!([]));
}

/// Nanoseconds of the day of a time in UTC.
fn nanoseconds(rfc3339: &str) -> i64 {
    let time = rfc3339.split('T').nth(1).unwrap().trim_end_matches('Z');
    let (seconds, fraction) = time.split_once('.').unwrap_or((time, ""));
    let seconds = seconds
        .split(':')
        .fold(0, |sum, part| sum * 60 + part.parse::<i64>().unwrap());
    seconds * 1_000_000_000 + format!("{fraction:0<9}").parse::<i64>().unwrap()
}
