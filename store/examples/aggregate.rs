//! Measures what a page asks of a large recording: `cargo run --release -p overhear-store --example aggregate [FLOWS]`.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measuring program: prints its results, and ends when something fails"
)]

use overhear_store::{
    ConnectionId, FlowStart, Kind, Recorder, Store, StoreOptions, Timestamp,
    filter::Filter,
    read::{FlowQuery, Level, TimelineQuery, Undone, Valued, Which},
};
use std::time::Instant;

#[tokio::main]
async fn main() {
    let count = std::env::args().nth(1);
    let count: u64 = count.map_or(100_000, |count| count.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flows.db");
    let store = Store::open(StoreOptions {
        path,
        read_only: false,
    });
    let store = store.await.unwrap();
    let recorder = store.recorder();
    for n in 0..count {
        recorder.room().await;
        record(&recorder, n);
    }
    store.flush().await.unwrap();
    println!("{count} flows");

    let all = Which::default();
    let filter = Filter::parse("status:>=400").unwrap();
    let filtered = Which {
        filter: Some(filter.clone()),
        ..Which::default()
    };
    let begun = Instant::now();
    store.flows(&FlowQuery::default()).await.unwrap();
    said("the first page", begun);
    let begun = Instant::now();
    store.count(None).await.unwrap();
    said("the number of all", begun);
    let begun = Instant::now();
    store.count(Some(&filter)).await.unwrap();
    said("the number of errors", begun);
    for field in [Valued::Host, Valued::Status, Valued::Type, Valued::Path] {
        let begun = Instant::now();
        store.values(field, "", &all, 20).await.unwrap();
        said(&format!("values of {field:?}"), begun);
    }
    let paths = Level::Paths {
        client: None,
        host: "host7.example.com".to_owned(),
        path: "/".to_owned(),
    };
    for level in [Level::Devices, Level::Hosts { client: None }, paths] {
        let begun = Instant::now();
        store.tree(&all, &level).await.unwrap();
        said(&format!("{level:?}"), begun);
    }
    for (name, which) in [("all", &all), ("errors", &filtered)] {
        let query = TimelineQuery {
            which: which.clone(),
            buckets: 120,
            ..TimelineQuery::default()
        };
        let begun = Instant::now();
        store.timeline(&query).await.unwrap();
        said(&format!("timeline of {name}"), begun);
    }
    let begun = Instant::now();
    let discarded = store.discard(&all).await.unwrap();
    said("clearing", begun);
    let begun = Instant::now();
    let undone = store.undelete(&discarded.undo.unwrap()).await.unwrap();
    said("undoing that", begun);
    assert_eq!(undone, Undone::Restored(count));
    store.close().await.unwrap();
}

fn said(what: &str, begun: Instant) {
    println!("{:7.1} ms  {what}", begun.elapsed().as_secs_f64() * 1e3);
}

fn record(recorder: &Recorder, n: u64) {
    let flow = recorder.flow(FlowStart {
        connection: ConnectionId(1),
        kind: Kind::Http,
        method: "GET".to_owned(),
        scheme: "https",
        host: format!("host{}.example.com", n % 40),
        port: 443,
        path: format!("/api/v{}/items/{n}?query=text", n % 3),
        client: ([192, 168, 1, (n % 5) as u8], 50123).into(),
        server: Some(([93, 184, 216, 34], 443).into()),
        started: Timestamp::now(),
        replay_of: None,
    });
    flow.edit(|flow| {
        flow.status = Some([200, 200, 304, 404, 500][(n % 5) as usize]);
        flow.response.content_type = "text/html; charset=utf-8".to_owned();
    });
    flow.complete();
}
