//! Files as programs write them, and files that nobody should have written.

use super::{Error, Imported, import, session_name};
use crate::{
    export::{Format, Selection, export},
    testing::{Exchange, Site},
};
use overhear_store::{Flow, HeadKind, Kind, Side, State, read::FlowQuery};
use serde_json::{Value, json};
use std::io::{Cursor, Read};

async fn take(site: &Site, har: impl Into<Vec<u8>>) -> Result<Imported, Error> {
    import(&site.store, "file.har", Cursor::new(har.into()), Vec::new()).await
}

async fn taken(har: Value) -> (Site, Imported, Vec<Flow>) {
    let site = Site::new().await;
    let imported = take(&site, har.to_string()).await.expect("it is taken");
    let flows = flows(&site).await;
    (site, imported, flows)
}

async fn flows(site: &Site) -> Vec<Flow> {
    let query = FlowQuery {
        limit: 500,
        ..FlowQuery::default()
    };
    site.store.flows(&query).await.expect("flows").flows
}

fn har(entries: Value) -> Value {
    json!({"log": {"version": "1.2", "creator": {"name": "x", "version": "1"}, "pages": [], "entries": entries}})
}

fn entry() -> Value {
    json!({
        "startedDateTime": "2026-11-21T01:02:03.004+01:00",
        "time": 100,
        "request": {
            "method": "GET", "url": "https://a.test:8443/x?y=z", "httpVersion": "HTTP/1.1",
            "cookies": [], "headers": [{"name": "Host", "value": "a.test:8443"}, {"name": "X-b", "value": "1"}],
            "queryString": [], "headersSize": -1, "bodySize": 0,
        },
        "response": {
            "status": 200, "statusText": "Fine", "httpVersion": "HTTP/1.1", "cookies": [],
            "headers": [{"name": "Content-Type", "value": "text/plain"}], "redirectURL": "",
            "content": {"size": 2, "mimeType": "text/plain", "text": "é"}, "headersSize": -1, "bodySize": 2,
        },
        "cache": {},
        "timings": {"blocked": 1, "dns": 2, "connect": 5, "ssl": 3, "send": 4, "wait": 10, "receive": 20},
        "serverIPAddress": "[2001:db8::1]",
    })
}

async fn head(site: &Site, flow: &Flow, kind: HeadKind) -> String {
    let heads = site.store.heads(flow.id).await.expect("heads");
    let head = heads.iter().find(|head| head.kind == kind);
    head.map(|head| String::from_utf8_lossy(&head.bytes).into_owned())
        .unwrap_or_default()
}

async fn body(site: &Site, flow: &Flow, side: &str) -> Vec<u8> {
    site.get(&format!("/api/flows/{}/{side}/body", flow.id))
        .await
        .body
}

#[tokio::test]
async fn an_entry_becomes_a_flow() {
    let (site, imported, flows) = taken(har(json!([entry()]))).await;
    assert_eq!(
        (imported.flows, imported.skipped.len(), imported.note),
        (1, 0, None)
    );
    let flow = flows.first().expect("a flow");
    assert_eq!(flow.url(), "https://a.test:8443/x?y=z");
    assert_eq!((flow.status, flow.state), (Some(200), State::Complete));
    assert_eq!(
        flow.server.map(|s| s.to_string()).as_deref(),
        Some("[2001:db8::1]:8443")
    );
    assert_eq!(
        head(&site, flow, HeadKind::Request).await,
        "GET /x?y=z HTTP/1.1\r\nHost: a.test:8443\r\nX-b: 1\r\n\r\n"
    );
    assert_eq!(
        head(&site, flow, HeadKind::Response).await,
        "HTTP/1.1 200 Fine\r\nContent-Type: text/plain\r\n\r\n"
    );
    assert_eq!(body(&site, flow, "response").await, "é".as_bytes());
    let ms = |ms: i64| 1_795_219_323_004_000_000 + ms * 1_000_000;
    let times = flow.times;
    assert_eq!(times.request_first.map(|t| t.0), Some(ms(8)));
    assert_eq!(times.request_last.map(|t| t.0), Some(ms(12)));
    assert_eq!(times.response_first.map(|t| t.0), Some(ms(22)));
    assert_eq!(times.response_last.map(|t| t.0), Some(ms(42)));
    let connection = site
        .store
        .connection(flow.connection)
        .await
        .expect("no error");
    let connection = connection.expect("a connection");
    assert_eq!(connection.dns_start.map(|t| t.0), Some(ms(1)));
    assert_eq!(connection.connected.map(|t| t.0), Some(ms(5)));
    assert_eq!(connection.server_tls_done.map(|t| t.0), Some(ms(8)));
}

#[tokio::test]
async fn what_browsers_and_others_write() {
    let mut chrome = entry();
    chrome["request"]["httpVersion"] = json!("http/2.0");
    chrome["request"]["headers"] = json!([
        {"name": "accept", "value": "*/*"}, {"name": ":method", "value": "POST"},
        {"name": ":path", "value": "/h2"}, {"name": "cookie", "value": "a=1\nb=2"},
    ]);
    chrome["request"]["method"] = json!("POST");
    chrome["request"]["postData"] = json!({"mimeType": "application/x-www-form-urlencoded", "params": [{"name": "a b", "value": "1&2"}]});
    chrome["response"]["httpVersion"] = json!("h2");
    chrome["response"]["content"] =
        json!({"mimeType": "image/png", "encoding": "base64", "size": 3, "text": "iVBO\n"});
    let mut firefox = entry();
    firefox["startedDateTime"] = json!("2026-11-21T01:02:03.004+0100");
    firefox["request"]["postData"] = Value::Null;
    firefox["timings"] =
        json!({"blocked": -1, "dns": -1, "connect": -1, "send": -5, "wait": 1e300, "receive": "7"});
    firefox["response"]["content"] = json!({"mimeType": "text/html", "size": 5000});
    let mut charles = entry();
    charles["startedDateTime"] = json!("2026-11-21T01:02:03.004");
    charles["request"]["httpVersion"] = json!("HTTP/1.0");
    charles["timings"] = Value::Null;
    charles["response"] = json!({"status": "404", "headers": {"a": "b"}, "bodySize": -1});
    let blocked = json!({
        "startedDateTime": "yesterday",
        "request": {"method": "GET", "url": "http://b.test"},
        "response": {"status": 0, "_error": "net::ERR_BLOCKED_BY_CLIENT"},
    });
    let (site, imported, flows) = taken(har(json!([chrome, firefox, charles, blocked]))).await;
    assert_eq!(imported.flows, 4, "{imported:?}");
    let note = imported.note.expect("a note");
    assert!(note.contains("One body is not in the file"), "{note}");
    assert!(note.contains("One entry has no time"), "{note}");
    let [chrome, firefox, charles, blocked] = flows.as_slice() else {
        panic!("{} flows", flows.len());
    };
    assert_eq!(
        head(&site, chrome, HeadKind::Request).await,
        ":scheme: https\r\n:authority: a.test:8443\r\n:method: POST\r\n:path: /h2\r\naccept: */*\r\ncookie: a=1\r\ncookie: b=2\r\n\r\n"
    );
    assert!(
        head(&site, chrome, HeadKind::Response)
            .await
            .starts_with(":status: 200\r\n")
    );
    assert_eq!(body(&site, chrome, "request").await, b"a+b=1%262");
    assert_eq!(body(&site, chrome, "response").await, b"\x89PN");
    assert_eq!(firefox.times.started.0, 1_795_219_323_004_000_000);
    assert_eq!(firefox.response.body_size, 0);
    assert_eq!(charles.times.started.0, 1_795_222_923_004_000_000);
    assert_eq!((charles.status, charles.response.body_size), (Some(404), 0));
    assert!(
        head(&site, charles, HeadKind::Request)
            .await
            .contains("HTTP/1.0\r\n")
    );
    assert_eq!((blocked.state, blocked.status), (State::Failed, None));
    let text = blocked.error.as_ref().map(|error| error.text.as_str());
    assert_eq!(text, Some("net::ERR_BLOCKED_BY_CLIENT"));
    assert_eq!(blocked.path, "/");
}

#[tokio::test]
async fn messages_of_a_websocket_are_frames() {
    let mut socket = entry();
    socket["_resourceType"] = json!("websocket");
    socket["request"]["url"] = json!("wss://a.test/socket");
    socket["response"]["status"] = json!(101);
    let long = "x".repeat(70_000);
    socket["_webSocketMessages"] = json!([
        {"type": "send", "time": 1_795_219_324.5, "opcode": 1, "data": "hé"},
        {"type": "receive", "time": 1_795_219_325.5, "opcode": 2, "data": "AAEC"},
        {"type": "receive", "time": 1_795_219_326.5, "opcode": 1, "data": long},
        {"type": "send", "time": 1_795_219_327.5, "opcode": 1, "data": "hé", "_byHand": true},
        {"type": "receive", "time": 1_795_219_328.5, "opcode": 2, "data": "AAEC", "_byHand": true},
    ]);
    let (site, imported, flows) = taken(har(json!([socket]))).await;
    assert_eq!(imported.flows, 1);
    let flow = flows.first().expect("a flow");
    assert_eq!(
        (flow.kind, flow.url().as_str()),
        (Kind::WebSocket, "wss://a.test/socket")
    );
    let pieces = site.store.messages(flow.id, 0, 10).await.expect("pieces");
    let bytes = |side| -> Vec<u8> {
        let pieces = pieces.iter().filter(|(of, _)| *of == side);
        pieces.flat_map(|(_, piece)| piece.data.to_vec()).collect()
    };
    assert_eq!(bytes(Side::Request), b"\x81\x83\0\0\0\0h\xc3\xa9");
    let mut expected = b"\x82\x03\0\x01\x02\x81\x7f".to_vec();
    expected.extend_from_slice(&70_000_u64.to_be_bytes());
    expected.extend_from_slice(long.as_bytes());
    let found = bytes(Side::Response);
    assert_eq!(found.get(..20), expected.get(..20));
    assert_eq!(found.len(), expected.len());
    assert!(found == expected);
    let by_hand = site.store.messages_by_hand(flow.id, 0, 10).await;
    let by_hand = by_hand.expect("messages");
    let said = by_hand.iter().map(|one| one.sent.as_deref());
    assert!(said.eq([Some("hé".as_bytes()), Some(&[0, 1, 2])]));
    let first = pieces.first().expect("a piece");
    assert_eq!(first.1.at.0, 1_795_219_324_500_000_000);

    // and out again as they came
    let out = site.get("/api/export?format=har&session=all").await.json();
    assert_eq!(
        out["log"]["entries"][0]["_webSocketMessages"],
        socket["_webSocketMessages"]
    );
}

#[tokio::test]
async fn entries_that_make_no_flow_are_told() {
    let mut entries = vec![
        entry(),
        json!(7),
        json!({}),
        json!({"request": {"url": "http://a.test/"}}),
    ];
    for url in [
        "data:text/plain,x",
        "chrome-extension://abc/x",
        "not a URL",
        "http://",
    ] {
        let mut other = entry();
        other["request"]["url"] = json!(url);
        entries.push(other);
    }
    let mut wrong = entry();
    wrong["response"]["content"] = json!({"encoding": "base64", "text": "A!"});
    entries.push(wrong);
    let mut split = entry();
    split["request"]["method"] = json!("GET / HTTP/1.1\r\nX: y");
    entries.push(split);
    let (_, imported, flows) = taken(har(json!(entries))).await;
    assert_eq!((imported.flows, flows.len()), (1, 1));
    let told: Vec<_> = imported
        .skipped
        .iter()
        .map(|s| (s.entry, s.reason.as_str()))
        .collect();
    let reasons = [
        "it is not an object",
        "it has no request",
        "its request has no method",
        "its URL \"data:text/plain,x\" is not one of HTTP",
        "its URL \"chrome-extension://abc/x\" is not one of HTTP",
        "its URL \"not a URL\" is not one of HTTP",
        "its URL \"http://\" is not one of HTTP",
        "a body is not valid base64",
        "its request's method is not valid",
    ];
    assert_eq!(told.len(), reasons.len(), "{told:?}");
    for ((at, said), (number, reason)) in told.into_iter().zip((1..).zip(reasons)) {
        assert!(at == number && said.starts_with(reason), "{at} {said}");
    }
}

#[tokio::test]
async fn nothing_stays_of_what_is_no_har() {
    let site = Site::new().await;
    site.record(Exchange::default()).await;
    let whole = har(json!([entry(), entry()])).to_string();
    let cut = whole.get(..whole.len() - 3).expect("ASCII");
    for (text, reason) in [
        (
            "",
            "line 1, column 1: the file ends where a value is expected",
        ),
        (
            "<html>",
            "line 1, column 1: '<' stands where a value is expected",
        ),
        (cut, "the file ends"),
        (
            &format!("{whole}x"),
            "'x' stands where the end of the file is expected",
        ),
        ("[]", "not an HTTP Archive"),
        ("{\"log\": 1}", "not an HTTP Archive"),
        ("{\"log\": {\"entries\": {}}}", "not an HTTP Archive"),
        (
            "{\"log\": {\"entries\": [{}, 1]}}",
            "none of the 2 entries makes a flow; the first: it has no request",
        ),
    ] {
        let said = take(&site, text).await.expect_err(text).to_string();
        assert!(said.contains(reason), "{text:.60}: {said}");
    }
    assert!(take(&site, har(json!([])).to_string()).await.is_ok());
}

#[tokio::test]
async fn what_is_exported_comes_back() {
    let site = Site::new().await;
    let every: Vec<u8> = (0..=255).cycle().take(300_000).collect();
    site.record(Exchange {
        method: "POST",
        host: "a.test",
        path: "/p%20q/../x?a=1&b=%22",
        fields: "X-Twice: 1\r\ncookie: a\r\nX-Twice: 2\r\nContent-Type: text/plain\r\n",
        body: "\"\\\u{2028}é😀\r\n\u{0}".as_bytes(),
        response_fields: "Content-Type: image/png\r\nSet-Cookie: a\r\nset-cookie: b\r\n",
        response_body: &every,
        ..Exchange::default()
    })
    .await;
    site.record(Exchange {
        method: "PUT",
        body: &every,
        status: 204,
        ..Exchange::default()
    })
    .await;
    let file = async |site: &Site| {
        let mut out = Vec::new();
        export(&site.store, &Selection::default(), Format::Har, &mut out)
            .await
            .expect("an export");
        out
    };
    let first = file(&site).await;
    let again = Site::new().await;
    let imported = take(&again, first.clone()).await.expect("it is taken");
    assert_eq!(
        (imported.flows, imported.skipped.len(), imported.note),
        (2, 0, None)
    );
    let entries = |bytes: &[u8]| {
        let har: Value = serde_json::from_slice(bytes).expect("JSON");
        let mut entries = har["log"]["entries"].clone();
        for entry in entries.as_array_mut().expect("entries") {
            // in the new one each has a connection of its own, so each says what dialling took
            for own in ["_id", "connection", "timings", "time", "startedDateTime"] {
                entry[own] = Value::Null;
            }
        }
        entries
    };
    assert_eq!(entries(&first), entries(&file(&again).await));
    let (before, after) = (flows(&site).await, flows(&again).await);
    for (before, after) in before.iter().zip(&after) {
        assert_eq!(before.url(), after.url());
        let span = |flow: &Flow| {
            let times = flow.times;
            [
                times.request_last,
                times.response_first,
                times.response_last,
            ]
            .map(|at| at.map(|at| at.0 - times.started.0))
        };
        assert_eq!(span(before), span(after));
    }
}

/// A body larger than any buffer, from a file that is never whole anywhere.
struct Large {
    before: Cursor<Vec<u8>>,
    left: u64,
    after: Cursor<Vec<u8>>,
}

impl Read for Large {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.before.read(buffer)?;
        if read > 0 {
            return Ok(read);
        }
        let fill = usize::try_from(self.left)
            .unwrap_or(usize::MAX)
            .min(buffer.len());
        if fill == 0 {
            return self.after.read(buffer);
        }
        buffer.iter_mut().take(fill).for_each(|byte| *byte = b'A');
        self.left -= fill as u64;
        Ok(fill)
    }
}

#[tokio::test]
async fn a_large_body_passes_through() {
    const SIZE: u64 = 24 << 20;
    let site = Site::new().await;
    let before = r#"{"log":{"entries":[{"request":{"method":"GET","url":"http://a.test/"},"response":{"content":{"text":""#;
    let after = r#"","encoding":"base64"},"status":200}}]}}"#;
    let file = Large {
        before: Cursor::new(before.into()),
        left: SIZE,
        after: Cursor::new(after.into()),
    };
    let imported = import(&site.store, "large", file, Vec::new())
        .await
        .expect("it is taken");
    assert_eq!(imported.flows, 1);
    let flows = flows(&site).await;
    assert_eq!(
        flows.first().map(|flow| flow.response.body_size),
        Some(SIZE / 4 * 3)
    );
}

/// The same run of mutations each time: no input makes it panic, and what is not taken leaves nothing.
#[tokio::test]
async fn mutations_do_not_break_it() {
    let mut seed = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = move |below: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        usize::try_from(seed % below.max(1) as u64).unwrap_or(0)
    };
    let mut socket = entry();
    socket["_webSocketMessages"] =
        json!([{"type": "send", "time": 1.0, "opcode": 2, "data": "AAEC"}]);
    socket["_tags"] = json!("a,b");
    let base = har(json!([entry(), socket])).to_string().into_bytes();
    let words: [&[u8]; 16] = [
        b"null",
        b"-1",
        b"1e999",
        b"\"",
        b"\\u",
        b"\\ud800",
        b"{",
        b"}",
        b"[",
        b"]",
        b",",
        b":",
        b"\xff",
        b"\"base64\"",
        b"18446744073709551616",
        b"\\u0000",
    ];
    let site = Site::new().await;
    for _ in 0..400 {
        let mut bytes = base.clone();
        for _ in 0..=random(4) {
            let at = random(bytes.len());
            match random(4) {
                0 => {
                    let byte = u8::try_from(random(256)).unwrap_or(0);
                    bytes.splice(at..=at, [byte]);
                }
                1 => {
                    let end = (at + random(40)).min(bytes.len());
                    bytes.drain(at..end);
                }
                2 => {
                    let word = words.get(random(words.len())).copied().unwrap_or_default();
                    bytes.splice(at..at, word.iter().copied());
                }
                _ => {
                    let end = (at + random(200)).min(bytes.len());
                    let piece = bytes.get(at..end).unwrap_or_default().to_vec();
                    let to = random(bytes.len());
                    bytes.splice(to..to, piece);
                }
            }
        }
        let before = site.store.count(None).await.expect("a count");
        let text = String::from_utf8_lossy(&bytes).into_owned();
        match take(&site, bytes).await {
            Ok(imported) => {
                let after = site.store.count(None).await.expect("a count");
                assert_eq!(after, before + imported.flows, "{text}");
            }
            Err(Error::File(_) | Error::NoHar | Error::Nothing { .. }) => {}
            Err(other) => panic!("{other}: {text}"),
        }
    }
}

#[test]
fn a_session_is_called_as_the_file() {
    for (file, name) in [
        ("C:\\x\\shop.har", "shop.har"),
        ("/tmp/../a b.har", "a b.har"),
        ("", "Imported"),
        ("a/", "Imported"),
        ("\u{1}x", "x"),
    ] {
        assert_eq!(session_name(file), name);
    }
}
