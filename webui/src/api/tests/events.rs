//! `events`, read as a browser reads them.

use crate::testing::{Exchange, Site, TOKEN};
use axum::{body::Body, http::Request};
use futures_util::StreamExt as _;
use http_body_util::BodyDataStream;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::{Instant, timeout};

struct Events {
    body: BodyDataStream<Body>,
    read: String,
}

impl Events {
    async fn open(site: &Site, query: &str, back: bool) -> Self {
        let mut request = Request::builder()
            .uri(format!("/api/events{query}"))
            .header("host", "localhost")
            .header("authorization", format!("Bearer {TOKEN}"));
        if back {
            request = request.header("last-event-id", "5");
        }
        let response = site
            .send(request.body(Body::empty()).expect("a request"))
            .await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self {
            body: BodyDataStream::new(response.into_body()),
            read: String::new(),
        }
    }

    /// The next event; `None` at the end.
    async fn next(&mut self) -> Option<(String, Value)> {
        loop {
            if let Some((event, rest)) = self.read.split_once("\n\n") {
                let field = |name: &str| {
                    let line = event.lines().find_map(|line| line.strip_prefix(name));
                    line.unwrap_or_default().trim().to_owned()
                };
                let found = (field("event:"), field("data:"));
                self.read = rest.to_owned();
                if found.0.is_empty() {
                    continue;
                }
                return Some((found.0, serde_json::from_str(&found.1).expect("JSON")));
            }
            let piece = timeout(Duration::from_secs(60), self.body.next())
                .await
                .expect("in time")?;
            self.read
                .push_str(&String::from_utf8_lossy(&piece.expect("no error")));
        }
    }

    /// The next event of a name, leaving out others.
    async fn named(&mut self, name: &str) -> Value {
        loop {
            let (found, data) = self.next().await.expect("an event");
            if found == name {
                return data;
            }
        }
    }
}

fn ids(list: &Value) -> Vec<i64> {
    let items = list.as_array().expect("a list").iter();
    items
        .map(|item| item["id"].as_i64().or(item.as_i64()).expect("a number"))
        .collect()
}

#[tokio::test]
async fn it_begins_with_the_state_of_things() {
    let site = Site::new().await;
    let mut events = Events::open(&site, "", false).await;
    let (name, status) = events.next().await.expect("an event");
    assert_eq!(
        (name.as_str(), &status["recording"]),
        ("status", &json!(true))
    );
    assert_eq!(
        events.next().await.expect("an event"),
        ("devices".to_owned(), json!({"items": []}))
    );
}

#[tokio::test]
async fn changes_are_told_and_filtered() {
    let site = Site::new().await;
    let mut all = Events::open(&site, "", false).await;
    let mut some = Events::open(&site, "?filter=host%3Aa.test", false).await;
    all.named("devices").await;
    some.named("devices").await;

    let a = site
        .record(Exchange {
            host: "a.test",
            ..Exchange::default()
        })
        .await;
    let event = all.named("flows").await;
    assert_eq!(ids(&event["items"]), [a.0]);
    assert_eq!(ids(&some.named("flows").await["items"]), [a.0]);

    let b = site
        .record(Exchange {
            host: "b.test",
            ..Exchange::default()
        })
        .await;
    assert_eq!(ids(&all.named("flows").await["items"]), [b.0]);
    let event = some.named("flows").await;
    assert_eq!(
        (ids(&event["items"]), ids(&event["gone"])),
        (vec![], vec![b.0])
    );

    site.ask(
        "PATCH",
        &format!("/api/flows/{a}"),
        Some(json!({"comment": "look"})),
    )
    .await;
    assert_eq!(all.named("flows").await["items"][0]["comment"], "look");

    site.ask("DELETE", &format!("/api/flows/{a}"), None).await;
    let event = all.named("flows").await;
    assert_eq!(ids(&event["deleted"]), [a.0]);
    site.ask("DELETE", "/api/flows", None).await;
    all.named("cleared").await;
}

#[tokio::test]
async fn many_changes_are_few_events() {
    let site = Site::new().await;
    let mut events = Events::open(&site, "", false).await;
    events.named("devices").await;
    let begin = Instant::now();
    for _ in 0..200 {
        site.record(Exchange::default()).await;
    }
    let (mut told, mut seen) = (0, std::collections::BTreeSet::new());
    while seen.len() < 200 {
        seen.extend(ids(&events.named("flows").await["items"]));
        told += 1;
    }
    let most = 2 + begin.elapsed().as_millis() / 100;
    assert!(told <= most, "{told} events in {:?}", begin.elapsed());
}

#[tokio::test]
async fn whoever_comes_back_reads_again() {
    let site = Site::new().await;
    let mut events = Events::open(&site, "", true).await;
    assert_eq!(events.named("reload").await, json!({}));
}

#[tokio::test]
async fn what_began_since_is_told_first() {
    let site = Site::new().await;
    for host in ["a.test", "b.test", "a.test"] {
        site.record(Exchange {
            host,
            ..Exchange::default()
        })
        .await;
    }
    let mut events = Events::open(&site, "?after=1", false).await;
    assert_eq!(ids(&events.named("flows").await["items"]), [2, 3]);
    let mut events = Events::open(&site, "?after=1&filter=host%3Aa.test", false).await;
    assert_eq!(ids(&events.named("flows").await["items"]), [3]);
    site.get("/api/events?after=x").await.problem(400);
}

#[tokio::test]
async fn a_decision_about_a_device_is_told() {
    let site = Site::new().await;
    let mut events = Events::open(&site, "", false).await;
    events.named("devices").await;
    site.ask(
        "PUT",
        "/api/devices/192.168.1.7",
        Some(json!({"decision": "allow"})),
    )
    .await;
    events.named("devices").await;
}

#[tokio::test]
async fn a_change_of_the_rules_is_told() {
    let site = Site::new().await;
    let mut events = Events::open(&site, "", false).await;
    events.named("devices").await;
    let rule = json!({"name": "r", "actions": [{"do": "no-caching"}]});
    let added = site.ask("POST", "/api/rules", Some(rule)).await.json();
    assert_eq!(events.named("rules").await, json!({}));
    let path = format!("/api/rules/{}", added["id"]);
    site.ask("DELETE", &path, None).await;
    assert_eq!(events.named("rules").await, json!({}));
}

#[tokio::test]
async fn it_ends_with_the_program() {
    let site = Site::new().await;
    let mut events = Events::open(&site, "", false).await;
    events.named("devices").await;
    site.stop.send(true).expect("it runs");
    while let Some((name, _)) = events.next().await {
        assert!(["status", "devices"].contains(&name.as_str()), "{name}");
    }
}
