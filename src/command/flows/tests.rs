use super::*;
use overhear_store::{FlowRecorder, FlowStart, HeadKind, Kind, StoreOptions, Timestamp};

async fn store() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flows.db");
    let store = Store::open(StoreOptions {
        path,
        read_only: false,
    })
    .await
    .unwrap();
    (folder, store)
}

fn begin(store: &Store, path: &str) -> FlowRecorder {
    let client = "127.0.0.1:5000".parse().unwrap();
    let connection = store
        .recorder()
        .connection(Connection::accepted(client, client));
    let flow = store.recorder().flow(FlowStart {
        connection: connection.id(),
        kind: Kind::Http,
        method: "GET".to_owned(),
        scheme: "http",
        host: "example.com".to_owned(),
        port: 80,
        path: path.to_owned(),
        client,
        server: None,
        started: Timestamp::now(),
        replay_of: None,
    });
    flow.head(
        HeadKind::Request,
        Timestamp::now(),
        b"GET / HTTP/1.1\r\nA: b\r\n\r\n",
    );
    flow
}

fn printer(store: &Store, json: bool) -> Printer<Vec<u8>> {
    let style = Style {
        terminal: false,
        colours: false,
        width: None,
    };
    Printer::new(Vec::new(), style, store.clone(), json)
}

/// The paths that were printed, in order.
fn paths(printer: &mut Printer<Vec<u8>>) -> Vec<String> {
    let text = String::from_utf8(std::mem::take(&mut printer.out)).unwrap();
    let path = |line: &str| match serde_json::from_str::<serde_json::Value>(line) {
        Ok(flow) => Some(flow["path"].as_str().unwrap().to_owned()),
        Err(_) => Some(line.split_once("http://example.com")?.1.to_owned()),
    };
    text.lines().filter_map(path).collect()
}

fn options(last: Option<u64>, json: bool, follow: bool) -> Flows {
    Flows {
        filter: None,
        json,
        last,
        session: None,
        follow,
    }
}

#[tokio::test]
async fn the_last_ones_are_printed_oldest_first() {
    let (_folder, store) = store().await;
    for n in 0..1200 {
        begin(&store, &format!("/{n}")).complete();
    }
    store.flush().await.unwrap();
    for json in [false, true] {
        for (last, expected) in [(Some(2), 2), (Some(0), 0), (Some(700), 700), (None, 1200)] {
            let mut printer = printer(&store, json);
            let mut follower = Follower {
                last: FlowId(0),
                waiting: BTreeMap::new(),
            };
            let options = options(last, json, false);
            list(&store, None, &options, &mut printer, &mut follower)
                .await
                .unwrap();
            let printed = paths(&mut printer);
            let all: Vec<_> = (1200 - expected..1200).map(|n| format!("/{n}")).collect();
            assert_eq!(printed, all);
        }
    }
    let filter = Filter::parse("path:/7").unwrap();
    let ids = last(&store, Some(&filter), 1).await.unwrap();
    assert_eq!(ids.len(), 1);
    store.close().await.unwrap();
}

#[tokio::test]
async fn nothing_found_is_nothing_written() {
    let (_folder, store) = store().await;
    let mut printer = printer(&store, false);
    let mut follower = Follower {
        last: FlowId(0),
        waiting: BTreeMap::new(),
    };
    let options = options(None, false, false);
    list(&store, None, &options, &mut printer, &mut follower)
        .await
        .unwrap();
    assert!(printer.out.is_empty());
    store.close().await.unwrap();
}

#[tokio::test]
async fn followed_flows_are_printed_once_when_they_end_and_match() {
    let (_folder, store) = store().await;
    let running = begin(&store, "/before");
    store.flush().await.unwrap();
    let mut printer = printer(&store, true);
    let last = newest(&store).await.unwrap();
    let mut follower = Follower {
        last,
        waiting: BTreeMap::new(),
    };
    let options = options(None, true, true);
    list(&store, None, &options, &mut printer, &mut follower)
        .await
        .unwrap();
    assert!(printer.out.is_empty(), "it is still running");

    let filter = Filter::parse("not path:/hidden").unwrap();
    let first = begin(&store, "/first");
    begin(&store, "/hidden").complete();
    begin(&store, "/second").complete();
    let look = async |follower: &mut Follower, printer: &mut Printer<Vec<u8>>| {
        store.flush().await.unwrap();
        follower.find_new(&store).await.unwrap();
        follower
            .print_ready(&store, Some(&filter), printer)
            .await
            .unwrap();
        paths(printer)
    };
    assert_eq!(look(&mut follower, &mut printer).await, ["/second"]);
    first.complete();
    running.complete();
    assert_eq!(
        look(&mut follower, &mut printer).await,
        ["/before", "/first"]
    );
    assert!(look(&mut follower, &mut printer).await.is_empty());
    assert!(follower.waiting.is_empty());

    // deleted while it was waited for
    let id = {
        let flow = begin(&store, "/deleted");
        store.flush().await.unwrap();
        follower.find_new(&store).await.unwrap();
        let id = flow.id();
        flow.complete();
        id
    };
    store.flush().await.unwrap();
    store.delete(&[id]).await.unwrap();
    assert!(look(&mut follower, &mut printer).await.is_empty());
    assert!(follower.waiting.is_empty());
    store.close().await.unwrap();
}
