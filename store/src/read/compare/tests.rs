use super::*;
use crate::{
    Connection, FlowStart, Recorder, StoreOptions, Timestamp,
    flow::{Failure, FailureCause, Party},
};

/// Records a flow that took so many milliseconds; status 0 is a failure.
fn record(recorder: &Recorder, method: &str, path: &str, status: u16, ms: i64) -> FlowId {
    let address = "127.0.0.1:1".parse().unwrap();
    let connection = recorder.connection(Connection::accepted(address, address));
    let flow = recorder.flow(FlowStart {
        connection: connection.id(),
        kind: Kind::Http,
        method: method.to_owned(),
        scheme: "https",
        host: "A.test".to_owned(),
        port: 443,
        path: path.to_owned(),
        client: address,
        server: None,
        started: Timestamp(0),
        replay_of: None,
    });
    let id = flow.id();
    flow.edit(|flow| {
        flow.times.ended = Some(Timestamp(ms * 1_000_000));
        flow.status = (status > 0).then_some(status);
    });
    match status {
        0 => flow.fail(Failure {
            cause: FailureCause::Refused,
            side: Party::Server,
            text: "Nobody.".to_owned(),
        }),
        _ => flow.complete(),
    }
    id
}

async fn store() -> (Store, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flows.db");
    let read_only = false;
    let store = Store::open(StoreOptions { path, read_only }).await.unwrap();
    (store, folder)
}

fn of(session: SessionId) -> Set {
    Set {
        session: Some(session),
        filter: None,
    }
}

#[tokio::test]
async fn what_became_of_each() {
    let (store, _folder) = store().await;
    let before = store.current_session().await.unwrap();
    let recorder = store.recorder();
    let old: Vec<FlowId> = [
        ("GET", "/same", 200, 10),
        ("GET", "/item/1", 200, 20),
        ("GET", "/item/2", 200, 40),
        ("GET", "/item/3", 200, 30),
        ("GET", "/broken", 200, 5),
        ("GET", "/gone", 200, 5),
        ("POST", "/same", 201, 5),
        ("GET", "/little", 200, 1),
        ("GET", "/long", 200, 1000),
    ]
    .map(|(method, path, status, ms)| record(&recorder, method, path, status, ms))
    .into();
    store.flush().await.unwrap();
    let after = store.begin_session(None).await.unwrap().id;
    let new: Vec<FlowId> = [
        ("GET", "/same", 200, 11),
        ("GET", "/item/7", 200, 140),
        ("GET", "/item/8", 200, 150),
        ("GET", "/broken", 200, 5),
        ("GET", "/broken", 500, 5),
        ("GET", "/broken", 0, 5),
        ("GET", "/new", 404, 5),
        ("POST", "/same", 201, 500),
        // ten times as long, and not 100 ms more; 200 ms more, and not half as long again
        ("GET", "/little", 200, 10),
        ("GET", "/long", 200, 1200),
    ]
    .map(|(method, path, status, ms)| record(&recorder, method, path, status, ms))
    .into();
    store.flush().await.unwrap();
    let usual = CompareOptions::default();
    let found = store
        .compare(&of(before), &of(after), &usual)
        .await
        .unwrap();
    let rows: Vec<_> = found
        .rows
        .iter()
        .map(|row| (&*row.method, &*row.path, &*row.became))
        .collect();
    use Became::{Gone, New, Same, Slower, Status};
    assert_eq!(
        rows,
        [
            ("GET", "/broken", &[Status][..]),
            ("POST", "/same", &[Slower]),
            ("GET", "/item/{n}", &[Slower]),
            ("GET", "/new", &[New]),
            ("GET", "/gone", &[Gone]),
            ("GET", "/little", &[Same]),
            ("GET", "/long", &[Same]),
            ("GET", "/same", &[Same]),
        ]
    );
    assert_eq!((found.flows_a, found.flows_b, found.left_out), (9, 10, 0));
    assert!(found.rows.iter().all(|row| row.host == "a.test"));
    let item = &found.rows[2];
    let (a, b) = (item.a.as_ref().unwrap(), item.b.as_ref().unwrap());
    assert_eq!((a.count, a.median_ms, a.example), (3, Some(30.0), old[3]));
    assert_eq!((b.count, b.median_ms, b.example), (2, Some(140.0), new[1]));
    let broken = &found.rows[0];
    let (a, b) = (broken.a.as_ref().unwrap(), broken.b.as_ref().unwrap());
    assert_eq!(a.statuses, [(Some(200), 1)]);
    assert_eq!(b.statuses, [(None, 1), (Some(200), 1), (Some(500), 1)]);
    assert_eq!(b.example, new[5], "what the other does not have");
    assert_eq!(found.rows[3].a, None);
    assert_eq!(found.rows[4].b, None);

    // the other measures
    let strict = CompareOptions {
        slower_ms: 5.0,
        slower_ratio: 1.2,
        ..usual.clone()
    };
    let found = store
        .compare(&of(before), &of(after), &strict)
        .await
        .unwrap();
    let slower = found.rows.iter().filter(|row| row.became == [Slower]);
    assert_eq!(slower.count(), 4);

    // against itself, all is the same; and two filters in one session are two sets
    let found = store.compare(&of(after), &of(after), &usual).await.unwrap();
    assert!(found.rows.iter().all(|row| row.became == [Same]));
    let only = |filter: &str| Set {
        session: Some(after),
        filter: Some(Filter::parse(filter).unwrap()),
    };
    let found = store
        .compare(&only("path:/item"), &only("path:/new"), &usual)
        .await
        .unwrap();
    let rows: Vec<_> = found
        .rows
        .iter()
        .map(|row| (&*row.path, &*row.became))
        .collect();
    assert_eq!(rows, [("/new", &[New][..]), ("/item/{n}", &[Gone])]);
}

#[test]
fn what_is_kept_is_bounded_and_even() {
    let mut tally = Tally::default();
    for n in 0..100_000_i64 {
        tally.add(&One {
            id: FlowId(n),
            status: Some(200),
            ms: n as f64,
        });
        assert!(tally.times.len() <= MOST_TIMES);
    }
    let (median, id) = tally.median().unwrap();
    assert!((48_000.0..52_000.0).contains(&median), "{median}");
    assert_eq!(id.0 as f64, median);
    // at the same distance from each other
    let gaps: std::collections::BTreeSet<i64> = tally
        .times
        .windows(2)
        .map(|pair| pair[1].1 - pair[0].1)
        .collect();
    assert_eq!(gaps.len(), 1, "{gaps:?}");

    let mut table = Table::default();
    for n in 0..MOST_ROWS + 7 {
        let key = Key {
            host: String::new(),
            path: n.to_string(),
            method: String::new(),
        };
        let one = One {
            id: FlowId(1),
            status: None,
            ms: 0.0,
        };
        table.add(n % 2, key, &one);
    }
    assert_eq!((table.rows.len(), table.left_out), (MOST_ROWS, 7));
}
