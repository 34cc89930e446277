//! `export`: every format of a real store, read back.

use crate::testing::{Answer, Exchange, Site};
use async_compression::tokio::bufread::GzipEncoder;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use overhear_store::{Connection, FlowStart, HeadKind, Kind, Side, Timestamp};
use serde_json::{Value, json};
use tokio::io::AsyncReadExt as _;

async fn gzip(data: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    GzipEncoder::new(data)
        .read_to_end(&mut out)
        .await
        .expect("encoding in memory");
    out
}

const EVIL: &str = "</script>\"'\\\u{2028}é😀";

/// Three exchanges: text packed, binary, and a broken coding.
async fn recorded() -> Site {
    let site = Site::new().await;
    let text = EVIL.repeat(5000);
    let packed = gzip(text.as_bytes()).await;
    site.record(Exchange {
        method: "POST",
        host: "a.test",
        path: "/p%20q?a=1&b=%22x%22&c",
        fields: "Content-Type: application/x-www-form-urlencoded\r\nCookie: s=1; t=2\r\nX-Evil: '\"$(id)`\\\r\n",
        body: b"one=1&two=it's",
        status: 302,
        response_fields: "Content-Type: text/html\r\nContent-Encoding: gzip\r\nLocation: /next\r\nSet-Cookie: s=1; Path=/; HttpOnly\r\n",
        response_body: &packed,
    })
    .await;
    site.record(Exchange {
        method: "PUT",
        host: "b.test",
        body: &(0..=255).cycle().take(100_000).collect::<Vec<u8>>(),
        response_fields: "Content-Type: image/png\r\n",
        response_body: b"\x89PNG\r\n\x1a\n\x00",
        ..Exchange::default()
    })
    .await;
    site.record(Exchange {
        host: "c.test",
        response_fields: "Content-Encoding: gzip\r\n",
        response_body: b"not gzip at all",
        ..Exchange::default()
    })
    .await;
    site
}

async fn export(site: &Site, format: &str) -> Answer {
    let answer = site.get(&format!("/api/export?format={format}")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(!answer.broken);
    let name = answer.header("content-disposition");
    assert!(
        name.starts_with("attachment; filename=\"overhear-20"),
        "{name}"
    );
    answer
}

#[tokio::test]
async fn har_is_whole() {
    let site = recorded().await;
    let answer = export(&site, "har").await;
    let har = answer.json();
    let log = &har["log"];
    assert_eq!(
        (&log["version"], &log["pages"]),
        (&json!("1.2"), &json!([]))
    );
    let entries = log["entries"].as_array().expect("entries");
    assert_eq!(entries.len(), 3);
    for entry in entries {
        conforms(entry);
    }
    let first = &entries[0];
    assert_eq!(first["startedDateTime"], "2026-11-21T01:02:03.001Z");
    assert_eq!(first["serverIPAddress"], "203.0.113.9");
    assert_eq!(first["connection"], "1");
    let timings = json!({"blocked": 7.0, "dns": 2.0, "connect": 15.0, "ssl": 10.0, "send": 2.0, "wait": 13.0, "receive": 20.0});
    assert_eq!(first["timings"], timings);
    assert_eq!(first["time"], 59.0);
    let request = &first["request"];
    assert_eq!(request["url"], "https://a.test/p%20q?a=1&b=%22x%22&c");
    assert_eq!(
        request["queryString"],
        json!([{"name": "a", "value": "1"}, {"name": "b", "value": "\"x\""}, {"name": "c", "value": ""}])
    );
    assert_eq!(
        request["cookies"],
        json!([{"name": "s", "value": "1"}, {"name": "t", "value": "2"}])
    );
    assert_eq!(
        request["headers"][0],
        json!({"name": "Host", "value": "a.test"})
    );
    assert_eq!(request["postData"]["text"], "one=1&two=it's");
    assert_eq!(
        request["postData"]["params"],
        json!([{"name": "one", "value": "1"}, {"name": "two", "value": "it's"}])
    );
    let response = &first["response"];
    assert_eq!(
        (&response["status"], &response["statusText"]),
        (&json!(302), &json!("Fine"))
    );
    assert_eq!(response["redirectURL"], "/next");
    assert_eq!(response["cookies"][0]["httpOnly"], true);
    let text = EVIL.repeat(5000);
    assert_eq!(response["content"]["text"], text);
    assert_eq!(response["content"]["size"], text.len());
    let saved = text.len() as i64 - response["bodySize"].as_i64().expect("a size");
    assert_eq!(response["content"]["compression"], saved);

    let second = &entries[1];
    let sent: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    assert_eq!(second["request"]["postData"]["text"], STANDARD.encode(sent));
    assert_eq!(second["request"]["postData"]["_encoding"], "base64");
    let content = &second["response"]["content"];
    assert_eq!(
        (&content["encoding"], &content["mimeType"]),
        (&json!("base64"), &json!("image/png"))
    );
    assert_eq!(content["text"], STANDARD.encode(b"\x89PNG\r\n\x1a\n\x00"));

    let broken = &entries[2]["response"]["content"];
    assert_eq!(broken["text"], "not gzip at all");
    assert!(
        broken["comment"]
            .as_str()
            .is_some_and(|why| why.contains("gzip")),
        "{broken}"
    );
}

#[tokio::test]
async fn har_says_what_it_cannot_hold() {
    let site = Site::new().await;
    let at = Timestamp::now();
    let recorder = site.store.recorder();
    let address = "127.0.0.1:1".parse().expect("an address");
    let connection = recorder.connection(Connection::accepted(address, address));
    let begin = |kind| {
        recorder.flow(FlowStart {
            connection: connection.id(),
            kind,
            method: "GET".to_owned(),
            scheme: "http",
            host: "a.test".to_owned(),
            port: 80,
            path: "/".to_owned(),
            client: address,
            server: None,
            started: at,
            replay_of: None,
        })
    };
    begin(Kind::Tcp).complete();
    let socket = begin(Kind::WebSocket);
    socket.chunk(Side::Request, at, b"\x81\x82\0\0\0\0hi\x81\x85\0\0\0\0cu");
    socket.complete();
    let cut = begin(Kind::Http);
    cut.head(HeadKind::Interim, at, b"HTTP/1.1 103 Early Hints\r\n\r\n");
    cut.head(HeadKind::Response, at, b"HTTP/1.1 200 OK\r\n\r\n");
    cut.chunk(Side::Response, at, b"half");
    cut.head(HeadKind::ResponseTrailers, at, b"a: b\r\n\r\n");
    drop(cut);
    site.store.flush().await.expect("a flush");
    let har = export(&site, "har").await.json();
    let comment = |value: &Value| value["comment"].as_str().unwrap_or_default().to_owned();
    assert!(
        comment(&har["log"]).starts_with("1 of the selected flows"),
        "{har}"
    );
    let entries = &har["log"]["entries"];
    let socket = &entries[0];
    let messages = socket["_webSocketMessages"].as_array().expect("messages");
    let one = messages.first().expect("a message");
    assert_eq!((messages.len(), &one["data"]), (1, &json!("hi")));
    assert_eq!((&one["type"], &one["opcode"]), (&json!("send"), &json!(1)));
    let missing = socket["_webSocketMissing"].as_str().unwrap_or_default();
    assert!(missing.contains("did not end"), "{socket}");
    let cut = comment(&entries[1]["response"]);
    for part in ["interim", "trailer", "did not end well"] {
        assert!(cut.contains(part), "{cut}");
    }
}

/// The members that HAR 1.2 requires, with their types.
fn conforms(entry: &Value) {
    let strings = [
        "/startedDateTime",
        "/connection",
        "/request/method",
        "/request/url",
        "/request/httpVersion",
        "/response/statusText",
        "/response/httpVersion",
        "/response/redirectURL",
        "/response/content/mimeType",
    ];
    let numbers = [
        "/time",
        "/request/headersSize",
        "/request/bodySize",
        "/response/status",
        "/response/headersSize",
        "/response/bodySize",
        "/response/content/size",
        "/timings/send",
        "/timings/wait",
        "/timings/receive",
    ];
    let lists = [
        "/request/cookies",
        "/request/headers",
        "/request/queryString",
        "/response/cookies",
        "/response/headers",
    ];
    let at = |path: &str| {
        entry
            .pointer(path)
            .unwrap_or_else(|| panic!("{path} is missing: {entry}"))
    };
    strings
        .iter()
        .for_each(|path| assert!(at(path).is_string(), "{path}"));
    numbers
        .iter()
        .for_each(|path| assert!(at(path).is_number(), "{path}"));
    lists
        .iter()
        .for_each(|path| assert!(at(path).is_array(), "{path}"));
    assert!(at("/cache").is_object());
    let phases = ["blocked", "dns", "connect", "send", "wait", "receive"];
    let sum: f64 = phases
        .iter()
        .map(|phase| {
            at(&format!("/timings/{phase}"))
                .as_f64()
                .expect("a number")
                .max(0.0)
        })
        .sum();
    assert!(
        (sum - at("/time").as_f64().expect("a number")).abs() < 0.01,
        "{entry}"
    );
}

#[tokio::test]
async fn curl_commands_say_what_was_sent() {
    let site = recorded().await;
    let script = export(&site, "curl").await.text();
    // what curl would get: its arguments, and its standard input
    let folder = tempfile::tempdir().expect("a folder");
    let fake = "curl() { n=$((n+1)); for a in \"$@\"; do printf '%s\\0' \"$a\"; done > \"$OUT/args$n\"; \
                case \"$*\" in *@-*) cat > \"$OUT/stdin\";; esac; }\nn=0\n";
    let file = folder.path().join("script");
    std::fs::write(&file, format!("{fake}{script}")).expect("a file");
    let output = std::process::Command::new("sh")
        .arg(&file)
        .env("OUT", folder.path())
        .output()
        .expect("a shell");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let arguments = |number: usize| -> Vec<String> {
        let bytes = std::fs::read(folder.path().join(format!("args{number}"))).expect("arguments");
        let text = String::from_utf8(bytes).expect("UTF-8");
        text.split_terminator('\0').map(str::to_owned).collect()
    };
    let first = arguments(1);
    assert_eq!(first[0], "https://a.test/p%20q?a=1&b=%22x%22&c");
    assert!(
        first.contains(&"X-Evil: '\"$(id)`\\".to_owned()),
        "{first:?}"
    );
    assert_eq!(first.last().map(String::as_str), Some("one=1&two=it's"));
    // the second is in a pipe, that is in a shell of its own
    let sent: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    assert!(std::fs::read(folder.path().join("stdin")).expect("a body") == sent);
}

#[tokio::test]
async fn raw_is_what_passed() {
    let site = recorded().await;
    let raw = export(&site, "raw").await.body;
    let request = b"PUT / HTTP/1.1\r\nHost: b.test\r\n\r\n";
    let body: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    let response =
        b"\r\n\r\nHTTP/1.1 200 Fine\r\nContent-Type: image/png\r\n\r\n\x89PNG\r\n\x1a\n\x00";
    let expected = [&request[..], &body, response].concat();
    assert!(raw.windows(expected.len()).any(|window| window == expected));
}

#[tokio::test]
async fn jsonl_is_one_flow_a_line() {
    let site = recorded().await;
    let lines = export(&site, "jsonl").await.text();
    let flows: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!(flows.len(), 3);
    assert_eq!(flows[0]["request"]["headers"][0], json!(["Host", "a.test"]));
    assert_eq!(flows[0]["request_body"], json!({"text": "one=1&two=it's"}));
    let packed = gzip(EVIL.repeat(5000).as_bytes()).await;
    assert_eq!(
        flows[0]["response_body"],
        json!({"base64": STANDARD.encode(packed)})
    );
    assert_eq!(flows[2]["request_body"], Value::Null);
    // the same object as the API's
    let detail = site.get("/api/flows/3").await.json();
    for (name, value) in detail.as_object().expect("an object") {
        assert_eq!(&flows[2][name], value, "{name}");
    }
}

#[tokio::test]
async fn captures_begin_as_captures_do() {
    let site = recorded().await;
    let pcapng = export(&site, "pcapng").await.body;
    assert!(pcapng.starts_with(&[0x0a, 0x0d, 0x0d, 0x0a]));
    assert!(pcapng.len() > 100_000);
    let pcap = export(&site, "pcap").await.body;
    let magic = pcap.get(..4).expect("a header");
    assert!(
        [0xa1b2_3c4d_u32, 0xa1b2_c3d4]
            .iter()
            .any(|m| magic == m.to_le_bytes() || magic == m.to_be_bytes())
    );
}

#[tokio::test]
async fn a_selection_is_a_filter_or_numbers() {
    let site = recorded().await;
    let count = async |path: &str| site.get(path).await.text().lines().count();
    assert_eq!(count("/api/export?format=jsonl&ids=1,3").await, 2);
    assert_eq!(
        count("/api/export?format=jsonl&filter=host%3Ab.test").await,
        1
    );
    assert_eq!(
        count("/api/export?format=jsonl&filter=host%3Ab.test&ids=1,3").await,
        0
    );
    assert_eq!(count("/api/export?format=jsonl&ids=").await, 0);
    let body = json!({"format": "jsonl", "ids": [2], "keep_tls_port": true});
    let answer = site.ask("POST", "/api/export", Some(body)).await;
    assert_eq!(answer.text().lines().count(), 1);
    let empty = site.get("/api/export?format=har&ids=99").await.json();
    assert_eq!(empty["log"]["entries"], json!([]));
    site.get("/api/export").await.problem(400);
    site.get("/api/export?format=zip").await.problem(400);
    site.get("/api/export?format=har&ids=x").await.problem(400);
    site.ask("POST", "/api/export", Some(json!({"format": "zip"})))
        .await
        .problem(422);
}

#[tokio::test]
async fn an_export_is_not_followed_by_what_happens_meanwhile() {
    let site = Site::new().await;
    for _ in 0..600 {
        site.record(Exchange::default()).await;
    }
    let lines = export(&site, "jsonl").await.text();
    assert_eq!(lines.lines().count(), 600, "more than a page");
}
