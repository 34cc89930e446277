//! A page that begins in the middle of the list, and where a flow stands in it.

use crate::support::{Fixture, exchange};
use overhear_store::{
    Flow, Store,
    filter::Filter,
    read::{FlowQuery, Sort},
};

async fn page(store: &Store, query: FlowQuery) -> (Vec<Flow>, Option<String>) {
    let page = store.flows(&query).await.unwrap();
    (page.flows, page.next)
}

#[tokio::test]
async fn skipping_is_reading_on() {
    let fixture = Fixture::new().await;
    let recorder = fixture.recorder();
    for n in 0..60 {
        let host = format!("{}.test", ["a", "b", "c"][n % 3]);
        exchange(&recorder, &host, &format!("/{n}"), 200 + (n % 7) as u16).complete();
    }
    fixture.store.close().await.unwrap();
    let store = crate::support::open(fixture.path(), true).await;

    for sort in [Sort::Id, Sort::Status, Sort::Host, Sort::Method, Sort::Size] {
        for descending in [false, true] {
            for filter in ["", "host:b.test"] {
                let all = FlowQuery {
                    filter: Some(Filter::parse(filter).unwrap()),
                    sort,
                    descending,
                    limit: 1000,
                    ..FlowQuery::default()
                };
                let (whole, _) = page(&store, all.clone()).await;
                for (at, flow) in whole.iter().enumerate() {
                    let position = store.position(&all, flow.id).await.unwrap();
                    assert_eq!(
                        position,
                        Some(at as u64),
                        "{sort:?} {descending} {filter:?}"
                    );
                }
                let others = FlowQuery {
                    filter: Some(Filter::parse("host:c.test").unwrap()),
                    ..all.clone()
                };
                let own = whole.iter().find(|flow| flow.host != "c.test").unwrap();
                assert_eq!(store.position(&others, own.id).await.unwrap(), None);
                for skip in [1, 7, whole.len() - 1, whole.len(), whole.len() + 5] {
                    let skipping = FlowQuery {
                        skip: skip as u64,
                        limit: 4,
                        ..all.clone()
                    };
                    let (flows, next) = page(&store, skipping).await;
                    let rest = whole.get(skip..).unwrap_or_default();
                    let expected = rest.get(..4).unwrap_or(rest);
                    assert_eq!(flows, expected, "{sort:?} {descending} {filter:?} {skip}");
                    assert_eq!(next.is_some(), rest.len() > 4);
                }
                // after a cursor, and the page after that
                let first = FlowQuery {
                    limit: 5,
                    ..all.clone()
                };
                let (_, cursor) = page(&store, first).await;
                let second = FlowQuery {
                    cursor,
                    skip: 3,
                    limit: 4,
                    ..all.clone()
                };
                let (flows, _) = page(&store, second).await;
                assert_eq!(Some(flows.as_slice()), whole.get(8..12));
            }
        }
    }
}
