//! Many flows read at once are those that are read one by one.

use crate::support::*;
use futures_util::TryStreamExt;
use overhear_store::{ConnectionId, FlowId, HeadKind, Side, TlsInfo};

#[tokio::test]
async fn flows_with_heads_and_small_bodies() {
    let fixture = Fixture::new().await;
    let recorder = fixture.recorder();
    for (number, size) in [(1, 0), (2, 10), (3, 5_000), (4, 10)] {
        let flow = exchange(&recorder, "example.com", &format!("/{number}"), 200);
        flow.chunk(Side::Request, at(2), &vec![b'q'; size / 2]);
        flow.chunk(Side::Response, at(25), &vec![b'r'; size / 2]);
        flow.chunk(Side::Response, at(29), b"end");
        flow.head(HeadKind::Interim, at(3), b"HTTP/1.1 100 Continue\r\n\r\n");
        flow.head(HeadKind::ResponseTrailers, at(30), b"x: y\r\n\r\n");
        flow.complete();
    }
    fixture.store.flush().await.unwrap();

    let asked = [4, 99, 3, 1, 3].map(FlowId);
    let whole = fixture.store.whole_flows(&asked, 100).await.unwrap();
    let ids: Vec<_> = whole.iter().map(|w| w.flow.id.0).collect();
    assert_eq!(ids, [1, 3, 4]);
    let small: Vec<_> = whole.iter().map(|w| w.bodies.is_some()).collect();
    assert_eq!(small, [true, false, true]);
    for one in whole {
        let id = one.flow.id;
        assert_eq!(Some(one.flow), fixture.store.flow(id).await.unwrap());
        assert_eq!(one.heads, fixture.store.heads(id).await.unwrap());
        let mut expected = Vec::new();
        for side in [Side::Request, Side::Response] {
            let chunks = fixture.store.chunks(id, side, 0);
            let chunks: Vec<_> = chunks.try_collect().await.unwrap();
            expected.extend(chunks.into_iter().map(|chunk| (side, chunk)));
        }
        assert!(one.bodies.is_none_or(|bodies| bodies == expected));
    }
    let none = fixture.store.whole_flows(&[], 100).await.unwrap();
    assert!(none.is_empty());
}

#[tokio::test]
async fn connections_without_their_certificates() {
    let fixture = Fixture::new().await;
    let recorder = fixture.recorder();
    for _ in 0..3 {
        let connection = connection(&recorder);
        connection.edit(|c| {
            c.server_tls = Some(TlsInfo {
                version: "TLSv1.3".to_owned(),
                certificates: vec![vec![1, 2, 3]].into(),
                ..TlsInfo::default()
            });
        });
    }
    fixture.store.flush().await.unwrap();
    let asked = [3, 99, 1].map(ConnectionId);
    let found = fixture.store.connections(&asked).await.unwrap();
    let ids: Vec<_> = found.iter().map(|c| c.id.0).collect();
    assert_eq!(ids, [1, 3]);
    for mut one in found {
        let whole = fixture.store.connection(one.id).await.unwrap().unwrap();
        let (found, kept) = (one.server_tls.as_mut(), whole.server_tls.as_ref());
        assert!(found.as_ref().unwrap().certificates.is_empty());
        found.unwrap().certificates = kept.unwrap().certificates.clone();
        assert_eq!(one, whole);
    }
}
