//! Heads, bodies and messages.

use crate::testing::{Exchange, Site, TOKEN};
use async_compression::tokio::bufread::GzipEncoder;
use axum::{body::Body, http::Request};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use overhear_store::{Connection, FlowStart, HeadKind, Kind, Side, Timestamp};
use tokio::io::AsyncReadExt as _;

async fn gzip(data: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    GzipEncoder::new(data)
        .read_to_end(&mut out)
        .await
        .expect("encoding in memory");
    out
}

fn sample() -> Vec<u8> {
    (0..100_000_u32).flat_map(u32::to_le_bytes).collect()
}

#[tokio::test]
async fn a_body_is_what_was_recorded() {
    let site = Site::new().await;
    let data = sample();
    let id = site
        .record(Exchange {
            method: "POST",
            path: "/dir/file.bin",
            fields: "Content-Type: text/html\r\n",
            body: &data,
            response_fields: "Content-Type: image/png\r\n",
            response_body: &data,
            ..Exchange::default()
        })
        .await;
    let request = site.get(&format!("/api/flows/{id}/request/body")).await;
    assert!(request.body == data);
    assert_eq!(request.header("content-type"), "application/octet-stream");
    assert_eq!(request.header("x-overhear-type"), "text/html");
    assert_eq!(
        request.header("content-disposition"),
        "attachment; filename=\"file.bin\""
    );
    assert_eq!(request.header("content-length"), data.len().to_string());
    let response = site.get(&format!("/api/flows/{id}/response/body")).await;
    assert!(response.body == data);
    assert_eq!(response.header("content-type"), "image/png");
    assert_eq!(response.header("content-disposition"), "inline");
    for answer in [&request, &response] {
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert!(
            answer
                .header("content-security-policy")
                .starts_with("sandbox")
        );
    }
    let saved = site
        .get(&format!("/api/flows/{id}/response/body?download=true"))
        .await;
    assert_eq!(
        saved.header("content-disposition"),
        "attachment; filename=\"file.bin\""
    );
    site.get(&format!("/api/flows/{id}/response/body?decoded=perhaps"))
        .await
        .problem(400);
}

#[tokio::test]
async fn a_part_of_a_body() {
    let site = Site::new().await;
    let data = sample();
    let id = site
        .record(Exchange {
            response_body: &data,
            ..Exchange::default()
        })
        .await;
    let path = format!("/api/flows/{id}/response/body");
    let range = async |range: &str| {
        let request = Request::builder()
            .uri(&path)
            .header("host", "localhost")
            .header("authorization", format!("Bearer {TOKEN}"))
            .header("range", range)
            .body(Body::empty());
        let response = site.send(request.expect("a request")).await;
        let (parts, body) = response.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX)
            .await
            .expect("a body");
        let place = parts
            .headers
            .get("content-range")
            .map(|v| v.to_str().expect("ASCII").to_owned());
        (parts.status.as_u16(), place.unwrap_or_default(), body)
    };
    for (from, to) in [
        (0, 1),
        (16_383, 16_385),
        (100, 50_000),
        (399_999, 400_000),
        (0, 400_000),
    ] {
        let (status, place, body) = range(&format!("bytes={from}-{}", to - 1)).await;
        assert_eq!(
            (status, place),
            (206, format!("bytes {from}-{}/400000", to - 1))
        );
        assert!(body == data[from..to], "{from}-{to}");
    }
    let (status, place, body) = range("bytes=-10").await;
    assert_eq!(
        (status, place.as_str()),
        (206, "bytes 399990-399999/400000")
    );
    assert!(body == data[399_990..]);
    let (status, place, _) = range("bytes=400000-").await;
    assert_eq!((status, place.as_str()), (416, "bytes */400000"));
    assert_eq!(range("bytes=0-1,5-6").await.0, 200);
}

#[tokio::test]
async fn codings_are_removed_when_asked() {
    let site = Site::new().await;
    let data = sample();
    let packed = gzip(&data).await;
    let fields = "Content-Encoding: gzip\r\nContent-Type: text/plain\r\n";
    let whole = site
        .record(Exchange {
            response_fields: fields,
            response_body: &packed,
            ..Exchange::default()
        })
        .await;
    let answer = site
        .get(&format!("/api/flows/{whole}/response/body?decoded=true"))
        .await;
    assert!(answer.body == data && !answer.broken);
    assert_eq!(answer.header("content-type"), "text/plain");
    assert_eq!(
        answer.header("content-encoding"),
        "",
        "the browser would decode it again"
    );
    let raw = site.get(&format!("/api/flows/{whole}/response/body")).await;
    assert!(raw.body == packed);

    let half = &packed[..packed.len() / 2];
    let cut = site
        .record(Exchange {
            response_fields: fields,
            response_body: half,
            ..Exchange::default()
        })
        .await;
    let answer = site
        .get(&format!("/api/flows/{cut}/response/body?decoded=true"))
        .await;
    assert!(answer.broken && !answer.body.is_empty() && data.starts_with(&answer.body));

    let odd = site
        .record(Exchange {
            response_fields: fields,
            response_body: b"not gzip",
            ..Exchange::default()
        })
        .await;
    let problem = site
        .get(&format!("/api/flows/{odd}/response/body?decoded=true"))
        .await
        .problem(422);
    assert_eq!(problem["type"], "urn:overhear:problem:coding");
    let unknown = site
        .record(Exchange {
            response_fields: "Content-Encoding: rot13\r\n",
            response_body: b"x",
            ..Exchange::default()
        })
        .await;
    let problem = site
        .get(&format!("/api/flows/{unknown}/response/body?decoded=true"))
        .await
        .problem(422);
    assert!(
        problem["detail"]
            .as_str()
            .is_some_and(|text| text.contains("rot13")),
        "{problem}"
    );
}

#[tokio::test]
async fn a_decoded_body_comes_in_parts() {
    let site = Site::new().await;
    let data = sample();
    let packed = gzip(&data).await;
    let id = site
        .record(Exchange {
            response_fields: "Content-Encoding: gzip\r\n",
            response_body: &packed,
            ..Exchange::default()
        })
        .await;
    let part = async |query: &str| {
        let path = format!("/api/flows/{id}/response/body?decoded=true{query}");
        site.get(&path).await.body
    };
    // one after the other, each where the one before has ended
    let mut at = 0;
    for length in [1, 9_999, 100_000, 65_536] {
        let bytes = part(&format!("&from={at}&length={length}")).await;
        assert!(bytes == data[at..at + length], "{length} bytes from {at}");
        at += length;
        assert_eq!(
            site.paused.places().last(),
            Some(&(at as u64)),
            "a decoder waits there"
        );
    }
    // back, over a gap, across the end, behind it
    assert!(part("&length=5").await == data[..5]);
    assert!(part("&from=300000&length=7").await == data[300_000..300_007]);
    assert!(part("&from=399990&length=100").await == data[399_990..]);
    assert!(part("&from=399990").await == data[399_990..]);
    assert!(part("&from=400000&length=100").await.is_empty());
    assert!(
        part("&from=18446744073709551615&length=18446744073709551615")
            .await
            .is_empty()
    );
    assert!(part("&length=0").await.is_empty());
    for n in 0..5 {
        part(&format!("&from={n}&length=1")).await;
    }
    assert!(site.paused.places().len() <= 2, "few wait");
    site.get(&format!("/api/flows/{id}/response/body?from=1"))
        .await
        .problem(400);
}

#[tokio::test]
async fn a_broken_body_breaks_in_the_part_where_it_is_broken() {
    let site = Site::new().await;
    let data = sample();
    let packed = gzip(&data).await;
    let id = site
        .record(Exchange {
            response_fields: "Content-Encoding: gzip\r\n",
            response_body: &packed[..packed.len() / 2],
            ..Exchange::default()
        })
        .await;
    let path = format!("/api/flows/{id}/response/body?decoded=true");
    let first = site.get(&format!("{path}&length=1000")).await;
    assert!(!first.broken && first.body == data[..1000]);
    let rest = site.get(&format!("{path}&from=1000")).await;
    assert!(rest.broken && data[1000..].starts_with(&rest.body));
}

#[tokio::test]
async fn heads_are_bytes() {
    let site = Site::new().await;
    let id = site
        .record(Exchange {
            path: "/x",
            fields: "b: 1\r\nB: 2\r\n",
            ..Exchange::default()
        })
        .await;
    let head = site.get(&format!("/api/flows/{id}/request/head")).await;
    assert_eq!(
        head.text(),
        "GET /x HTTP/1.1\r\nHost: example.test\r\nb: 1\r\nB: 2\r\n\r\n"
    );
    assert_eq!(head.header("content-type"), "text/plain");
    let head = site.get(&format!("/api/flows/{id}/response/head")).await;
    assert_eq!(head.text(), "HTTP/1.1 200 Fine\r\n\r\n");
}

#[tokio::test]
async fn heads_that_went_on_otherwise_are_bytes_too() {
    let site = Site::new().await;
    let recorder = site.store.recorder();
    let client = "192.168.1.7:50000".parse().expect("an address");
    let connection = recorder.connection(Connection::accepted(client, client));
    let flow = recorder.flow(FlowStart {
        connection: connection.id(),
        kind: Kind::Http,
        method: "GET".to_owned(),
        scheme: "http",
        host: "a.test".to_owned(),
        port: 80,
        path: "/".to_owned(),
        client,
        server: None,
        started: Timestamp(1),
        replay_of: None,
    });
    let id = flow.id();
    let came = "GET http://a.test/ HTTP/1.1\r\nHost:a.test \r\nProxy-Connection: close\r\n\r\n";
    let went = "GET / HTTP/1.1\r\nHost:a.test \r\n\r\n";
    let answer = "HTTP/1.1 204 No Content\r\n\r\n";
    flow.head(HeadKind::Request, Timestamp(2), came.as_bytes());
    flow.head(HeadKind::RequestSent, Timestamp(2), went.as_bytes());
    flow.head(HeadKind::Response, Timestamp(3), answer.as_bytes());
    flow.complete();
    site.store.flush().await.expect("a flush");
    for (head, wanted) in [
        ("request/head", came),
        ("request/head?sent=true", went),
        ("response/head", answer),
        // it went on as it came
        ("response/head?sent=true", answer),
    ] {
        let got = site.get(&format!("/api/flows/{id}/{head}")).await;
        assert_eq!(got.text(), wanted, "{head}");
    }
}

#[tokio::test]
async fn messages_come_in_the_order_of_time_and_in_portions() {
    let site = Site::new().await;
    let recorder = site.store.recorder();
    let client = "192.168.1.7:50000".parse().expect("an address");
    let connection = recorder.connection(Connection::accepted(client, client));
    let flow = recorder.flow(FlowStart {
        connection: connection.id(),
        kind: Kind::Tcp,
        method: String::new(),
        scheme: "tcp",
        host: "mail.test".to_owned(),
        port: 25,
        path: String::new(),
        client,
        server: None,
        started: Timestamp(1),
        replay_of: None,
    });
    let id = flow.id();
    let large = vec![7_u8; 60_000];
    for number in 0..200_i64 {
        let side = if number % 2 == 0 {
            Side::Response
        } else {
            Side::Request
        };
        flow.chunk(side, Timestamp(1_000_000_000 + number * 10_000_000), &large);
    }
    flow.complete();
    site.store.flush().await.expect("a flush");

    let (mut skip, mut seen, mut answers) = (0, 0_usize, 0);
    loop {
        let page = site
            .get(&format!("/api/flows/{id}/messages?skip={skip}&limit=500"))
            .await
            .json();
        let items = page["items"].as_array().expect("a list").clone();
        for item in &items {
            let side = if seen % 2 == 0 { "response" } else { "request" };
            assert_eq!(item["side"], side, "{seen}");
            assert_eq!(item["size"], 60_000);
            let data = STANDARD
                .decode(item["data"].as_str().expect("text"))
                .expect("base64");
            assert!(data == large);
            seen += 1;
        }
        answers += 1;
        match page["next"].as_u64() {
            Some(next) => skip = next,
            None => break,
        }
        assert_eq!(skip, seen as u64);
    }
    assert_eq!(seen, 200);
    assert!(answers > 2, "12 MB in {answers} answers");
    site.get(&format!("/api/flows/{id}/request/head"))
        .await
        .problem(404);
    let empty = site
        .get(&format!("/api/flows/{id}/messages?skip=200"))
        .await
        .json();
    assert_eq!(empty, serde_json::json!({"items": [], "next": null}));
}

#[tokio::test]
async fn a_running_body_ends_where_it_is() {
    let site = Site::new().await;
    let recorder = site.store.recorder();
    let client = "192.168.1.7:50000".parse().expect("an address");
    let connection = recorder.connection(Connection::accepted(client, client));
    let flow = recorder.flow(FlowStart {
        connection: connection.id(),
        kind: Kind::Http,
        method: "GET".to_owned(),
        scheme: "http",
        host: "slow.test".to_owned(),
        port: 80,
        path: "/".to_owned(),
        client,
        server: None,
        started: Timestamp(1),
        replay_of: None,
    });
    flow.head(
        HeadKind::Request,
        Timestamp(1),
        b"GET / HTTP/1.1\r\nHost: slow.test\r\n\r\n",
    );
    let packed = gzip(&sample()).await;
    flow.edit(|flow| flow.response.content_encoding = "gzip".to_owned());
    flow.chunk(Side::Response, Timestamp(2), &packed[..packed.len() / 2]);
    site.store.flush().await.expect("a flush");
    let path = format!("/api/flows/{}/response/body", flow.id());
    let raw = site.get(&path).await;
    assert_eq!(
        (raw.body.len(), raw.header("content-length")),
        (packed.len() / 2, "")
    );
    let decoded = site.get(&format!("{path}?decoded=true")).await;
    assert!(!decoded.broken && !decoded.body.is_empty() && sample().starts_with(&decoded.body));
}

#[tokio::test]
async fn a_preview_is_a_document_that_can_do_nothing() {
    let site = Site::new().await;
    let page = b"<!doctype html><script>alert(1)</script><p>shown</p>";
    let packed = gzip(page).await;
    let id = site
        .record(Exchange {
            fields: "Content-Type: application/json\r\n",
            body: b"{}",
            response_fields: "Content-Type: text/html; charset=utf-8\r\nContent-Encoding: gzip\r\n",
            response_body: &packed,
            ..Exchange::default()
        })
        .await;
    let shown = site.get(&format!("/api/flows/{id}/response/preview")).await;
    assert_eq!(shown.body, page);
    assert_eq!(shown.header("content-type"), "text/html; charset=utf-8");
    let policy = shown.header("content-security-policy");
    assert!(
        policy.starts_with("sandbox; default-src 'none';"),
        "{policy}"
    );
    assert!(policy.contains("frame-ancestors 'self'"), "{policy}");
    assert!(
        !policy.contains("script") && !policy.contains("allow"),
        "{policy}"
    );
    assert_eq!(shown.header("x-frame-options"), "SAMEORIGIN");
    assert_eq!(shown.header("x-content-type-options"), "nosniff");
    let sent = site
        .get(&format!("/api/flows/{id}/response/preview?raw=true"))
        .await;
    assert_eq!(sent.body, packed);
    // a PDF that is labelled as something else is one all the same, and as harmless
    let paper = site
        .get(&format!("/api/flows/{id}/request/preview?pdf=true"))
        .await;
    assert_eq!(
        (paper.body.as_slice(), paper.header("content-type")),
        (&b"{}"[..], "application/pdf")
    );
    assert_eq!(paper.header("content-security-policy"), policy);
    site.get(&format!("/api/flows/{id}/request/preview"))
        .await
        .problem(415);
    site.get("/api/flows/999/request/preview")
        .await
        .problem(404);
    site.get(&format!("/api/flows/{id}/both/preview"))
        .await
        .problem(400);
}

#[tokio::test]
async fn a_body_is_searched_as_sent_or_decoded() {
    let site = Site::new().await;
    let text = "needle and Needle ".repeat(20_000);
    let packed = gzip(text.as_bytes()).await;
    let id = site
        .record(Exchange {
            response_fields: "Content-Type: text/plain\r\nContent-Encoding: gzip\r\n",
            response_body: &packed,
            ..Exchange::default()
        })
        .await;
    let path = format!("/api/flows/{id}/response/search");
    let all = site
        .get(&format!("{path}?text=needle&decoded=true&limit=2&from=1"))
        .await
        .json();
    assert_eq!(
        all,
        serde_json::json!({"count": 40_000, "places": [[11, 6], [18, 6]], "searched": text.len(), "error": null})
    );
    let exact = site
        .get(&format!(
            "{path}?text=Needle&decoded=true&case=true&limit=0"
        ))
        .await
        .json();
    assert_eq!(exact["count"], 20_000);
    let sent = site.get(&format!("{path}?hex=1f8b")).await.json();
    assert_eq!(sent["places"][0], serde_json::json!([0, 2]));
    assert_eq!(sent["searched"], packed.len());
    for wrong in ["", "?text=", "?hex=1", "?text=a&limit=10001"] {
        site.get(&format!("{path}{wrong}")).await.problem(400);
    }
    site.get("/api/flows/999/response/search?text=a")
        .await
        .problem(404);
}
