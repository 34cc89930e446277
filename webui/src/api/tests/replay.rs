//! `replay`, against a server on loopback that answers with what it got.

use crate::testing::{Exchange, Site};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::json;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    sync::Semaphore,
    task::yield_now,
};

/// A server that answers every connection's first request with that request.
async fn echo() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut got = Vec::new();
                loop {
                    let size = client.read_buf(&mut got).await.unwrap_or(0);
                    let text = String::from_utf8_lossy(&got).to_lowercase();
                    let end = text.find("\r\n\r\n");
                    let length = text
                        .split_once("content-length: ")
                        .and_then(|(_, rest)| rest.split("\r\n").next()?.parse::<usize>().ok())
                        .unwrap_or(0);
                    if size == 0 || end.is_some_and(|end| got.len() >= end + 4 + length) {
                        break;
                    }
                }
                let head = format!(
                    "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                    got.len()
                );
                let _ = client.write_all(&[head.as_bytes(), &got].concat()).await;
            });
        }
    });
    format!("http://{address}")
}

#[tokio::test]
async fn a_built_request_is_sent_and_recorded() {
    let site = Site::new().await;
    let url = format!("{}/path?q", echo().await);
    let original = site
        .record(Exchange {
            method: "PUT",
            body: b"recorded \xff body",
            ..Exchange::default()
        })
        .await;
    for (body, sent) in [
        (json!({"text": "héllo"}), "héllo".as_bytes()),
        (json!({"base64": STANDARD.encode(b"\x00\xff")}), b"\x00\xff"),
        (json!({"flow": original}), b"recorded \xff body"),
        (json!(null), b""),
    ] {
        let request = json!({
            "flow": original, "method": "POST", "url": url, "body": body,
            "headers": [["X-One", "1"], ["x-one", "2"]],
        });
        let answer = site.ask("POST", "/api/replay", Some(request)).await;
        assert_eq!(answer.status, 202, "{}", answer.text());
        let id = answer.json()["flow"].as_i64().expect("a number");
        let flow = site.ended(id).await;
        assert_eq!(flow["status"], 200, "{flow}");
        assert_eq!(flow["replay_of"], original.0);
        let got = site.get(&format!("/api/flows/{id}/response/body")).await;
        let text = got.text();
        assert!(text.starts_with("POST /path?q HTTP/1.1\r\n"), "{text}");
        assert!(text.contains("X-One: 1\r\nx-one: 2\r\n"), "{text}");
        assert!(got.body.ends_with(sent), "{text}");
    }
}

#[tokio::test]
async fn what_cannot_be_sent_is_said() {
    let site = Site::new().await;
    let request = |method: &str, url: &str| json!({"method": method, "url": url});
    for (method, url) in [
        ("GET", "nonsense"),
        ("GET", "ftp://example.test/"),
        ("G T", "http://example.test/"),
        ("", "http://example.test/"),
    ] {
        let problem = site
            .ask("POST", "/api/replay", Some(request(method, url)))
            .await
            .problem(400);
        assert_eq!(
            problem["type"], "urn:overhear:problem:replay",
            "{method} {url}"
        );
    }
    let with = |member: &str, value: serde_json::Value| {
        let mut request = request("GET", "http://127.0.0.1:9/");
        request[member] = value;
        request
    };
    site.ask(
        "POST",
        "/api/replay",
        Some(with("headers", json!([["a\r\nb", "c"]]))),
    )
    .await
    .problem(400);
    site.ask(
        "POST",
        "/api/replay",
        Some(with("body", json!({"base64": "***"}))),
    )
    .await
    .problem(400);
    site.ask(
        "POST",
        "/api/replay",
        Some(with("body", json!({"flow": 99}))),
    )
    .await
    .problem(404);
    site.ask("POST", "/api/replay", Some(with("flow", json!(99))))
        .await
        .problem(404);
    for body in [json!({"text": "a", "base64": "b"}), json!({})] {
        site.ask("POST", "/api/replay", Some(with("body", body)))
            .await
            .problem(400);
    }
    for (member, value) in [
        ("body", json!({"file": "/etc/passwd"})),
        ("version", json!("HTTP/3")),
        ("headers", json!([["only a name"]])),
        ("what", json!(1)),
    ] {
        site.ask("POST", "/api/replay", Some(with(member, value)))
            .await
            .problem(422);
    }
    site.ask("POST", "/api/replay", None).await.problem(415);
}

#[tokio::test]
async fn a_failure_on_the_way_is_in_the_flow() {
    let site = Site::new().await;
    let free = TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port")
        .local_addr()
        .expect("an address");
    let request = json!({"method": "GET", "url": format!("http://{free}/")});
    let answer = site.ask("POST", "/api/replay", Some(request)).await;
    let id = answer.json()["flow"].as_i64().expect("a number");
    let flow = site.ended(id).await;
    assert_eq!(flow["error"]["cause"], "refused", "{flow}");
}

#[tokio::test]
async fn the_flows_of_a_run_that_is_over_can_be_read() {
    let site = Site::new().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/", listener.local_addr().expect("an address"));
    // answers when it is let go: the writer has the flow by then, as one that goes on
    let go = Arc::new(Semaphore::new(0));
    let held = go.clone();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let _ = client.read_buf(&mut Vec::with_capacity(4096)).await;
            held.acquire().await.expect("a permit").forget();
            let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";
            let _ = client.write_all(answer).await;
        }
    });
    for round in 1..=5 {
        let plan = json!({"requests": [{"method": "GET", "url": url}]});
        let begun = site.ask("POST", "/api/replay/runs", Some(plan)).await;
        let path = format!("/api/replay/runs/{}", begun.json()["id"]);
        let limit = Instant::now() + Duration::from_secs(60);
        let written = async || {
            let flows = site.get("/api/flows").await.json();
            flows["items"].as_array().map_or(0, Vec::len)
        };
        while written().await < round {
            assert!(Instant::now() < limit, "no flow {round}");
            yield_now().await;
        }
        go.add_permits(1);
        while site.get(&path).await.json()["state"] == "running" {
            assert!(Instant::now() < limit, "run {round} goes on");
            // an answer that waits for nothing leaves no turn to what is asked about
            yield_now().await;
        }
        let results = site.get(&format!("{path}/results")).await.json();
        let flow = &results["items"][0]["flow"];
        let flow = site.get(&format!("/api/flows/{flow}")).await.json();
        assert_eq!(
            (&flow["state"], &flow["status"]),
            (&json!("complete"), &json!(200)),
            "{flow}"
        );
    }
}
