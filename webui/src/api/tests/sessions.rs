//! `sessions`, and what is asked of one; the tree, the timeline and the values of a filter.

use crate::testing::{Exchange, Site};
use overhear_store::{Connection, FlowStart, Kind, Timestamp};
use serde_json::{Value, json};

async fn record(site: &Site, host: &str, path: &str, status: u16) -> i64 {
    let exchange = Exchange {
        host,
        path,
        status,
        response_body: b"12345",
        ..Exchange::default()
    };
    site.record(exchange).await.0
}

/// A flow of another scheme and port.
async fn record_at(site: &Site, scheme: &'static str, host: &str, port: u16) {
    let client = "192.168.1.7:50000".parse().expect("an address");
    let recorder = site.store.recorder();
    let connection = recorder.connection(Connection::accepted(client, client));
    let start = FlowStart {
        connection: connection.id(),
        kind: Kind::Http,
        method: "GET".to_owned(),
        scheme,
        host: host.to_owned(),
        port,
        path: "/".to_owned(),
        client,
        server: None,
        started: Timestamp::now(),
        replay_of: None,
    };
    recorder.flow(start).complete();
    drop(connection);
    site.store.flush().await.expect("a flush");
}

async fn ids(site: &Site, session: &str) -> Vec<i64> {
    let path = format!("/api/flows?order=asc&session={session}");
    let page = site.get(&path).await.json();
    let items = page["items"].as_array().expect("a list").clone();
    items
        .iter()
        .filter_map(|flow| flow["id"].as_i64())
        .collect()
}

#[tokio::test]
async fn sessions_are_begun_named_and_deleted() {
    let site = Site::new().await;
    let first = record(&site, "a.test", "/", 200).await;
    let list = site.get("/api/sessions").await.json();
    let only = &list["items"][0];
    assert_eq!(
        [
            &only["id"],
            &only["name"],
            &only["source"],
            &only["flows"],
            &only["bytes"]
        ],
        [
            &json!(1),
            &json!(""),
            &json!("recorded"),
            &json!(1),
            &json!(5)
        ]
    );
    assert_eq!(
        (&only["current"], &only["ended_at"]),
        (&json!(true), &json!(null))
    );
    // the one that is recorded into stays
    site.ask("DELETE", "/api/sessions/1", None)
        .await
        .problem(409);

    let begun = site
        .ask(
            "POST",
            "/api/sessions",
            Some(json!({"name": " Login <b> "})),
        )
        .await;
    assert_eq!(begun.status, 201);
    let begun = begun.json();
    assert_eq!((&begun["id"], &begun["flows"]), (&json!(2), &json!(0)));
    let second = record(&site, "b.test", "/", 200).await;
    assert_eq!(ids(&site, "current").await, [second]);
    assert_eq!(ids(&site, "1").await, [first]);
    assert_eq!(ids(&site, "all").await, [first, second]);
    let count = site.get("/api/flows/count?session=1").await.json();
    assert_eq!(count, json!({"count": 1}));
    let status = site.get("/api/status").await.json();
    assert_eq!(status["session"], json!({"id": 2, "name": "", "flows": 1}));
    assert_eq!(
        (&status["flows"], &status["paused"]),
        (&json!(2), &json!(false))
    );
    let row = site.get("/api/flows?session=1").await.json()["items"][0].clone();
    assert_eq!(
        (&row["session"], &row["color"], &row["starred"]),
        (&json!(1), &json!(null), &json!(false))
    );

    let named = site
        .ask("PATCH", "/api/sessions/2", Some(json!({"name": "now"})))
        .await
        .json();
    assert_eq!(named["name"], "now");
    let list = site.get("/api/sessions").await.json();
    let names = [&list["items"][0]["name"], &list["items"][1]["name"]];
    assert_eq!(names, [&json!("now"), &json!("Login <b>")]);

    // only what is of the session is exported, marked and deleted
    let export = json!({"format": "curl", "session": 1});
    let text = site.ask("POST", "/api/export", Some(export)).await.text();
    assert!(
        text.contains("a.test") && !text.contains("b.test"),
        "{text}"
    );
    let capture = json!({"format": "pcapng", "session": "current"});
    let capture = site.ask("POST", "/api/export", Some(capture)).await.text();
    assert!(!capture.contains("a.test") && capture.contains("b.test"));
    let marks = json!({"filter": "", "session": "current", "starred": true});
    let marked = site.ask("PATCH", "/api/flows", Some(marks)).await.json();
    assert_eq!(marked, json!({"changed": 1}));
    let deleted = site.ask("DELETE", "/api/flows?session=current", None).await;
    assert_eq!(deleted.json()["deleted"], 1);
    assert_eq!(ids(&site, "all").await, [first]);

    let deleted = site.ask("DELETE", "/api/sessions/1", None).await.json();
    assert_eq!(deleted["deleted"], 1);
    assert_eq!(ids(&site, "all").await, [0_i64; 0]);
    site.get("/api/flows?session=1").await.problem(404);
    site.ask("DELETE", "/api/sessions/1", None)
        .await
        .problem(404);
    site.ask("PATCH", "/api/sessions/1", Some(json!({"name": "x"})))
        .await
        .problem(404);
    let undo = json!({"undo": deleted["undo"]});
    let restored = site.ask("POST", "/api/flows/undelete", Some(undo)).await;
    assert_eq!(restored.json(), json!({"restored": 1}));
    assert_eq!(ids(&site, "1").await, [first]);
    let list = site.get("/api/sessions").await.json();
    assert_eq!(list["items"][1]["name"], "Login <b>");
    assert_eq!(list["items"][1]["flows"], 1);

    for wrong in ["two\nlines", &"x".repeat(1001)] {
        let body = Some(json!({"name": wrong}));
        site.ask("POST", "/api/sessions", body.clone())
            .await
            .problem(400);
        site.ask("PATCH", "/api/sessions/2", body)
            .await
            .problem(400);
    }
    site.ask("POST", "/api/sessions", Some(json!({"title": "x"})))
        .await
        .problem(422);
}

#[tokio::test]
async fn recording_is_switched_off_and_on() {
    let site = Site::new().await;
    record(&site, "a.test", "/", 200).await;
    let switch = async |on: bool| {
        let answer = site.ask("PUT", "/api/recording", Some(json!({"on": on})));
        assert_eq!(answer.await.json(), json!({"on": on}));
    };
    switch(false).await;
    record(&site, "secret.test", "/", 200).await;
    let status = site.get("/api/status").await.json();
    let state = [&status["recording"], &status["paused"], &status["flows"]];
    assert_eq!(state, [&json!(false), &json!(true), &json!(1)]);
    switch(true).await;
    record(&site, "c.test", "/", 200).await;
    let status = site.get("/api/status").await.json();
    let state = [&status["recording"], &status["paused"], &status["flows"]];
    assert_eq!(state, [&json!(true), &json!(false), &json!(2)]);
    assert!(status["flows_per_second"].as_f64().is_some());
    site.ask("PUT", "/api/recording", Some(json!({"on": "no"})))
        .await
        .problem(422);
}

#[tokio::test]
async fn the_tree_opens_level_by_level() {
    let site = Site::new().await;
    for (host, path, status) in [
        ("a.test", "/", 200),
        ("a.test", "/api/users?id=1", 200),
        ("a.test", "/api/users?id=2", 404),
        ("a.test", "/api/users/7", 500),
        ("a.test", "/api", 200),
        ("A.test", "/Api/x", 200),
        ("a.test", "/Api/users/9", 200),
        ("b.test", "/", 200),
    ] {
        record(&site, host, path, status).await;
    }
    let level = async |query: &str| site.get(&format!("/api/flows/tree?{query}")).await.json();
    let brief = |level: &Value| -> Vec<(String, u64, u64)> {
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        let number = |value: &Value| value.as_u64().expect("a number");
        let nodes = level["items"].as_array().expect("a list");
        let brief = nodes.iter().map(|node| {
            (
                text(&node["name"]),
                number(&node["count"]),
                number(&node["errors"]),
            )
        });
        brief.collect()
    };
    let node = |name: &str, count: u64, errors: u64| (name.to_owned(), count, errors);

    let devices = level("devices=true").await;
    assert_eq!(brief(&devices), [node("192.168.1.7", 8, 2)]);
    assert_eq!(devices["items"][0]["bytes"], 40);
    let hosts = level("client=192.168.1.7").await;
    assert_eq!(brief(&hosts), [node("a.test", 7, 2), node("b.test", 1, 0)]);
    assert_eq!(
        hosts["items"][0]["filter"],
        "client:192.168.1.7 host:=a.test"
    );
    let paths = level("host=a.test").await;
    let expected = [
        node("api/", 3, 2),
        node("Api/", 2, 0),
        node("/", 1, 0),
        node("api", 1, 0),
    ];
    assert_eq!(brief(&paths), expected);
    assert_eq!(paths["items"][0]["key"], "/api/");
    let below = level("host=a.test&path=/api/").await;
    assert_eq!(brief(&below), [node("users", 2, 1), node("users/", 1, 1)]);
    assert_eq!(
        below["items"][1]["filter"], r"host:=a.test path:/^\/api\/users\//",
        "not what is below /Api/"
    );
    assert_eq!(
        brief(&level("filter=status%3A200&host=b.test").await),
        [node("/", 1, 0)]
    );
    assert_eq!(brief(&level("client=10.0.0.1").await), []);

    // a port is usual for its scheme alone
    for (url, port) in [
        ("http", 80),
        ("http", 443),
        ("https", 443),
        ("https", 80),
        ("http", 8080),
    ] {
        record_at(&site, url, "c.test", port).await;
    }
    let ports = level("filter=host%3Ac.test").await;
    assert_eq!(
        brief(&ports),
        [
            node("c.test", 2, 0),
            node("c.test:443", 1, 0),
            node("c.test:80", 1, 0),
            node("c.test:8080", 1, 0)
        ]
    );
    let usual = level("host=c.test").await;
    assert_eq!(brief(&usual), [node("/", 2, 0)]);

    // every node's filter finds its flows
    for level in [&hosts, &paths, &below, &ports, &usual] {
        for node in level["items"].as_array().expect("a list") {
            let filter = node["filter"].as_str().expect("a filter");
            let filter: String = url::form_urlencoded::byte_serialize(filter.as_bytes()).collect();
            let path = format!("/api/flows/count?filter={filter}");
            let count = site.get(&path).await.json();
            assert_eq!(count["count"], node["count"], "{node}");
        }
    }
}

#[tokio::test]
async fn values_and_times_are_counted() {
    let site = Site::new().await;
    for (host, path, status) in [
        ("a.test", "/x?1", 200),
        ("A.test", "/x?2", 404),
        ("b.test", "/y", 200),
    ] {
        record(&site, host, path, status).await;
    }
    let values = async |query: &str| {
        let path = format!("/api/filter/values?{query}");
        site.get(&path).await.json()["items"].clone()
    };
    let both = json!([{"value": "a.test", "count": 2}, {"value": "b.test", "count": 1}]);
    assert_eq!(values("field=host").await, both);
    assert_eq!(values("field=host&prefix=B").await, json!([both[1]]));
    assert_eq!(values("field=host&limit=1").await, json!([both[0]]));
    assert_eq!(
        values("field=status&filter=host%3Aa.test&session=current")
            .await
            .as_array()
            .map(Vec::len),
        Some(2)
    );
    assert_eq!(
        values("field=path").await[0],
        json!({"value": "/x", "count": 2})
    );
    assert_eq!(
        values("field=client").await,
        json!([{"value": "192.168.1.7", "count": 3}])
    );
    assert_eq!(
        values("field=version").await,
        json!([{"value": "1.1", "count": 3}])
    );
    assert_eq!(values("field=tag").await, json!([]));

    let fields = site.get("/api/filter/fields").await.json();
    let fields = fields["items"].as_array().expect("a list").clone();
    let field = |name: &str| {
        fields
            .iter()
            .find(|field| field["name"] == name)
            .expect("a field")
    };
    assert_eq!(field("host")["completes"], true);
    assert_eq!(field("color")["values"][0], "red");
    assert_eq!(field("body")["values"], Value::Null);

    let line = site.get("/api/flows/timeline").await.json();
    let items = line["items"].as_array().expect("a list");
    // all began at the same moment
    assert_eq!(items, &[json!({"count": 3, "errors": 1})]);
    assert_eq!(line["from"], "2026-11-21T01:02:03.025000000Z");
    assert_eq!(
        (&line["to"], &line["bucket_ms"]),
        (&json!("2026-11-21T01:02:03.026000000Z"), &json!(1))
    );
    let line = site
        .get("/api/flows/timeline?from=2026-11-21T01:02:00Z&to=2026-11-21T01:02:10Z&buckets=10")
        .await
        .json();
    let items = line["items"].as_array().expect("a list");
    assert_eq!(line["bucket_ms"], 2000);
    let counts: Vec<_> = items
        .iter()
        .map(|bucket| bucket["count"].as_u64())
        .collect();
    assert_eq!(counts, [0, 3, 0, 0, 0, 0].map(Some));
    let none = site
        .get("/api/flows/timeline?filter=host%3Anone")
        .await
        .json();
    assert_eq!(
        none,
        json!({"from": null, "to": null, "bucket_ms": 0, "items": []})
    );
}
