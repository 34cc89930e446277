//! Pages: every flow once, in order, while others come and go.

use crate::support::*;
use overhear_store::{
    Error, Flow, FlowId, Kind, Recorder, Side,
    filter::Filter,
    read::{FlowQuery, Sort},
};

const SORTS: [Sort; 11] = [
    Sort::Id,
    Sort::Duration,
    Sort::Size,
    Sort::Status,
    Sort::Host,
    Sort::Method,
    Sort::Path,
    Sort::Type,
    Sort::Client,
    Sort::Upload,
    Sort::Kind,
];

/// Flows with few different keys, so that many are equal.
fn record(recorder: &Recorder, count: u64) {
    for n in 0..count {
        let mix = n.wrapping_mul(2_654_435_761) >> 7;
        let host = format!("{}.example.com", ["a", "b", "c"][(mix % 3) as usize]);
        let path = format!("/{}", mix % 5);
        let flow = exchange(recorder, &host, &path, 200 + (mix % 4) as u16);
        flow.chunk(Side::Request, at(2), &vec![b'u'; (mix % 4) as usize]);
        flow.chunk(Side::Response, at(25), &vec![b'x'; (mix % 6) as usize]);
        flow.edit(|f| {
            f.method = ["GET", "POST", ""][(mix % 3) as usize].to_owned();
            f.times.ended = Some(at((mix % 7) as i64 * 10));
            f.response.content_type = ["text/html", "text/css", ""][(mix % 3) as usize].to_owned();
            f.kind = [Kind::Http, Kind::WebSocket][(mix % 2) as usize];
            f.client.set_port(40_000 + (mix % 4) as u16);
            if mix % 11 == 0 {
                f.status = None;
            }
        });
        flow.complete();
    }
}

fn key(flow: &Flow, sort: Sort) -> (i64, String) {
    let text = String::new();
    match sort {
        Sort::Id => (0, text),
        Sort::Duration => (flow.duration_ms().map_or(-1, |ms| ms as i64), text),
        Sort::Size => (flow.response.body_size as i64, text),
        Sort::Status => (flow.status.map_or(-1, i64::from), text),
        Sort::Host => (0, format!("{}{}", flow.host, flow.path)),
        Sort::Method => (0, flow.method.clone()),
        Sort::Path => (0, flow.path.clone()),
        Sort::Type => (0, flow.response.content_type.clone()),
        Sort::Client => (0, flow.client.to_string()),
        Sort::Upload => (flow.request.body_size as i64, text),
        Sort::Kind => (flow.kind as i64, text),
    }
}

#[tokio::test]
async fn pages_hold_every_flow_once_in_order_while_flows_come() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    for sort in SORTS {
        for descending in [false, true] {
            record(&fixture.recorder(), 150);
            store.flush().await.unwrap();
            let before = store.count(None).await.unwrap() as i64;
            let mut query = FlowQuery {
                sort,
                descending,
                limit: 37,
                ..FlowQuery::default()
            };
            let mut seen = Vec::new();
            loop {
                let page = store.flows(&query).await.unwrap();
                assert!(page.flows.len() <= 37);
                seen.extend(page.flows.iter().map(|f| (key(f, sort), f.id.0)));
                // others come in the middle of it
                record(&fixture.recorder(), 3);
                store.flush().await.unwrap();
                match page.next {
                    Some(next) => query.cursor = Some(next),
                    None => break,
                }
            }
            let mut sorted = seen.clone();
            sorted.sort();
            if descending {
                sorted.reverse();
            }
            assert_eq!(seen, sorted, "{sort:?} {descending}");
            sorted.dedup();
            assert_eq!(seen.len(), sorted.len(), "{sort:?} {descending}");
            let mut old: Vec<i64> = seen
                .iter()
                .map(|s| s.1)
                .filter(|id| *id <= before)
                .collect();
            old.sort_unstable();
            assert_eq!(
                old,
                (1..=before).collect::<Vec<_>>(),
                "{sort:?} {descending}"
            );
        }
    }
}

#[tokio::test]
async fn pages_go_on_after_their_last_flow_was_deleted() {
    let fixture = Fixture::new().await;
    record(&fixture.recorder(), 60);
    let store = &fixture.store;
    store.flush().await.unwrap();
    for sort in SORTS {
        let mut query = FlowQuery {
            sort,
            limit: 5,
            ..FlowQuery::default()
        };
        let whole = store
            .flows(&FlowQuery {
                limit: 0,
                ..query.clone()
            })
            .await
            .unwrap();
        let first = store.flows(&query).await.unwrap();
        let last = first.flows.last().map(|f| f.id).unwrap();
        assert_eq!(store.delete(&[last]).await.unwrap(), 1);
        query.cursor = first.next;
        let second = store.flows(&query).await.unwrap();
        let expected: Vec<FlowId> = whole.flows[5..10].iter().map(|f| f.id).collect();
        let found: Vec<FlowId> = second.flows.iter().map(|f| f.id).collect();
        assert_eq!(found, expected, "{sort:?}");
    }
}

#[tokio::test]
async fn foreign_cursors_are_refused() {
    let fixture = Fixture::new().await;
    record(&fixture.recorder(), 10);
    fixture.store.flush().await.unwrap();
    let mut query = FlowQuery {
        sort: Sort::Host,
        limit: 2,
        ..FlowQuery::default()
    };
    let cursor = fixture.store.flows(&query).await.unwrap().next.unwrap();
    query.sort = Sort::Size;
    let long = "h.".repeat(1000);
    for cursor in [
        cursor.as_str(),
        "",
        "x",
        "s..",
        "s.1",
        "s.1.2.3",
        "s.é.1",
        &long,
    ] {
        query.cursor = Some(cursor.to_owned());
        let result = fixture.store.flows(&query).await;
        assert!(matches!(result, Err(Error::Cursor)), "{cursor}");
    }
    query.sort = Sort::Host;
    for cursor in ["h.zz.1", "h.ff.1", "h.é.1", "H.61.1"] {
        query.cursor = Some(cursor.to_owned());
        let result = fixture.store.flows(&query).await;
        assert!(matches!(result, Err(Error::Cursor)), "{cursor}");
    }
}

#[tokio::test]
async fn sparse_numbers_and_many_slices() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    record(&fixture.recorder(), 10_000);
    store.flush().await.unwrap();
    let most: Vec<FlowId> = (2..9_990).map(FlowId).collect();
    assert_eq!(store.delete(&most).await.unwrap(), 9_988);
    let filter = Filter::parse("example.com -host:nowhere").unwrap();
    assert_eq!(store.count(Some(&filter)).await.unwrap(), 12);
    for descending in [false, true] {
        let query = FlowQuery {
            filter: Some(filter.clone()),
            descending,
            limit: 10,
            ..FlowQuery::default()
        };
        let page = store.flows(&query).await.unwrap();
        let ids: Vec<i64> = page.flows.iter().map(|f| f.id.0).collect();
        let mut expected: Vec<i64> = [1].into_iter().chain(9_990..=10_000).collect();
        if descending {
            expected.reverse();
        }
        assert_eq!(ids, expected[..10]);
    }
}
