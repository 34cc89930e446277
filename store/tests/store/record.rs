//! Events in, rows out.

use crate::support::*;
use futures_util::TryStreamExt;
use overhear_store::{
    Change, Failure, FailureCause, HeadKind, Kind, Party, Side, State, TlsInfo, Version,
    read::{FlowQuery, Which},
};
use std::sync::Arc;

#[tokio::test]
async fn where_content_ends_and_something_else_begins_is_kept() {
    let fixture = Fixture::new().await;
    let recorder = fixture.recorder();
    let flow = recorder.flow(start("example.com", "/"));
    let id = flow.id();
    flow.chunk(Side::Request, at(1), b"content");
    // a row that is written twice
    fixture.store.flush().await.unwrap();
    flow.raw(Side::Request, at(1), b"zz\r\n");
    flow.raw(Side::Request, at(1), b"more");
    flow.complete();
    let other = recorder.flow(start("example.com", "/other"));
    let other_id = other.id();
    other.raw(Side::Response, at(1), b"SSH-2.0");
    other.complete();
    fixture.store.flush().await.unwrap();
    let discarded = fixture.store.discard(&Which::default()).await.unwrap();
    let undo = discarded.undo.unwrap();
    fixture.store.undelete(&undo).await.unwrap();

    let read = fixture.store.flow(id).await.unwrap().unwrap();
    assert_eq!((read.request.raw, read.response.raw), (Some(7), None));
    assert_eq!(read.request.body_size, 15);
    let read = fixture.store.flow(other_id).await.unwrap().unwrap();
    assert_eq!((read.request.raw, read.response.raw), (None, Some(0)));
    // the same time, and yet a piece of its own: what reads pieces need not cut them
    let pieces = fixture.store.chunks(id, Side::Request, 0);
    let pieces: Vec<_> = pieces.try_collect().await.unwrap();
    let pieces: Vec<_> = pieces.iter().map(|piece| &piece.data[..]).collect();
    assert_eq!(pieces, [&b"content"[..], b"zz\r\n", b"more"]);
}

#[tokio::test]
async fn an_exchange_is_read_as_it_was_recorded() {
    let fixture = Fixture::new().await;
    let recorder = fixture.recorder();
    let connection = connection(&recorder);
    assert_eq!(connection.id().0, 1);
    let flow = recorder.flow(start("example.com", "/a?b=c"));
    let id = flow.id();
    assert_eq!(id.0, 1);
    flow.head(
        HeadKind::Request,
        at(1),
        b"GET /a?b=c HTTP/1.1\r\nHOST: example.com\r\n\r\n",
    );
    flow.chunk(Side::Request, at(2), b"what ");
    flow.chunk(Side::Request, at(2), b"was sent");
    flow.head(HeadKind::Interim, at(3), b"HTTP/1.1 100 Continue\r\n\r\n");
    flow.head(
        HeadKind::Interim,
        at(4),
        b"HTTP/1.1 103 Early Hints\r\n\r\n",
    );
    flow.head(HeadKind::Response, at(5), b"HTTP/1.1 200 OK\r\n\r\n");
    flow.head(HeadKind::ResponseTrailers, at(9), b"x: y\r\n\r\n");
    flow.chunk(Side::Response, at(6), b"one ");
    flow.chunk(Side::Response, at(8), b"two");
    flow.edit(|flow| {
        flow.status = Some(200);
        flow.request.version = Some(Version::Http11);
        flow.response.version = Some(Version::Http10);
        flow.response.content_type = "text/plain".to_owned();
        flow.response.content_encoding = "gzip".to_owned();
        flow.replay_of = Some(overhear_store::FlowId(77));
        flow.tags = "red".to_owned();
    });
    flow.complete();
    fixture.store.flush().await.unwrap();

    let read = fixture.store.flow(id).await.unwrap().unwrap();
    assert_eq!(read.state, State::Complete);
    assert_eq!(read.kind, Kind::Http);
    assert_eq!(read.url(), "https://example.com/a?b=c");
    assert_eq!(read.status, Some(200));
    assert_eq!(read.error, None);
    assert_eq!(read.client, client());
    assert_eq!(read.server, Some("93.184.216.34:443".parse().unwrap()));
    assert_eq!(read.request.version, Some(Version::Http11));
    assert_eq!(read.response.version, Some(Version::Http10));
    assert_eq!(read.request.head_size, 42);
    assert_eq!(read.request.body_size, 13);
    assert_eq!(read.response.body_size, 7);
    assert_eq!(read.response.content_type, "text/plain");
    assert_eq!(read.response.content_encoding, "gzip");
    assert_eq!(read.replay_of, Some(overhear_store::FlowId(77)));
    assert_eq!(read.tags, "red");
    assert_eq!(read.times.started, at(0));
    assert_eq!(read.times.request_first, Some(at(1)));
    assert_eq!(read.times.request_last, Some(at(2)));
    assert_eq!(read.times.response_first, Some(at(5)));
    assert_eq!(read.times.response_last, Some(at(8)));
    assert!(read.times.ended.is_some());

    let heads = fixture.store.heads(id).await.unwrap();
    let seen: Vec<_> = heads.iter().map(|h| (h.kind, h.at)).collect();
    let expected = [
        (HeadKind::Request, at(1)),
        (HeadKind::Response, at(5)),
        (HeadKind::ResponseTrailers, at(9)),
        (HeadKind::Interim, at(3)),
        (HeadKind::Interim, at(4)),
    ];
    assert_eq!(seen, expected);
    assert!(heads[0].bytes.starts_with(b"GET /a?b=c HTTP/1.1\r\nHOST: "));
    assert_eq!(&heads[4].bytes[..], b"HTTP/1.1 103 Early Hints\r\n\r\n");

    assert_eq!(
        body(&fixture.store, id, Side::Request, 0).await,
        b"what was sent"
    );
    let chunks = fixture.store.chunks(id, Side::Response, 0);
    let chunks: Vec<_> = chunks.try_collect().await.unwrap();
    // two milliseconds apart: two pieces, each with its time
    assert_eq!(chunks.len(), 2);
    assert_eq!(
        (chunks[1].seq, chunks[1].at, chunks[1].offset),
        (1, at(8), 4)
    );
    let sides: Vec<_> = fixture.store.messages(id, 0, 10).await.unwrap();
    let sides = sides.iter().map(|(side, chunk)| (*side, chunk.at));
    let mut sides: Vec<_> = sides.collect();
    // the writer may have come between the pieces of one moment
    sides.dedup();
    let expected = [
        (Side::Request, at(2)),
        (Side::Response, at(6)),
        (Side::Response, at(8)),
    ];
    assert_eq!(sides, expected);
    fixture.store.close().await.unwrap();
}

#[tokio::test]
async fn a_running_flow_is_visible_and_updated() {
    let fixture = Fixture::new().await;
    let recorder = fixture.recorder();
    let mut changes = fixture.store.changes();
    let flow = recorder.flow(start("example.com", "/"));
    let id = flow.id();
    let Some(Change::Flows(ids)) = changes.next().await else {
        panic!("no change came");
    };
    assert_eq!(&ids[..], [id]);
    let read = fixture.store.flow(id).await.unwrap().unwrap();
    assert_eq!(read.state, State::Running);
    flow.chunk(Side::Response, at(3), b"a piece");
    let Some(Change::Flows(ids)) = changes.next().await else {
        panic!("no change came");
    };
    assert_eq!(&ids[..], [id]);
    assert_eq!(
        body(&fixture.store, id, Side::Response, 0).await,
        b"a piece"
    );
    flow.fail(Failure {
        cause: FailureCause::Reset,
        side: Party::Server,
        text: "The server reset the connection.".to_owned(),
    });
    changes.next().await.unwrap();
    let read = fixture.store.flow(id).await.unwrap().unwrap();
    assert_eq!(read.state, State::Failed);
    let error = read.error.unwrap();
    assert_eq!(
        (error.cause, error.side),
        (FailureCause::Reset, Party::Server)
    );
    assert_eq!(error.text, "The server reset the connection.");
    fixture.store.close().await.unwrap();
    assert!(changes.next().await.is_none());
}

#[tokio::test]
async fn a_dropped_flow_has_failed() {
    let fixture = Fixture::new().await;
    let flow = fixture.recorder().flow(start("example.com", "/"));
    let id = flow.id();
    drop(flow);
    let read = fixture.store.flow(id).await.unwrap().unwrap();
    assert_eq!(read.state, State::Failed);
    assert_eq!(read.error.unwrap().cause, FailureCause::Closed);
}

#[tokio::test]
async fn connections_keep_their_chains_once() {
    let fixture = Fixture::new().await;
    let recorder = fixture.recorder();
    let chain: Arc<[Vec<u8>]> = Arc::from([b"leaf".to_vec(), b"root".to_vec()]);
    let tls = TlsInfo {
        version: "TLSv1.3".to_owned(),
        cipher: "TLS_AES_128_GCM_SHA256".to_owned(),
        sni: Some("example.com".to_owned()),
        alpn_offered: vec!["h2".to_owned(), "http/1.1".to_owned()],
        alpn: Some("h2".to_owned()),
        certificates: chain,
        ja3: Some("6734f37431670b3ab4292b8f60f29984".to_owned()),
        ja4: None,
        client_auth: Some("asked for, none was shown".to_owned()),
        client_certificates: vec![b"client".to_vec()],
    };
    let mut ids = Vec::new();
    for _ in 0..2 {
        let connection = connection(&recorder);
        connection.edit(|c| {
            c.server_tls = Some(tls.clone());
            c.client_tls = Some(TlsInfo::default());
            c.connected = Some(at(4));
            c.closed_by = Some(Party::Server);
            c.reset = true;
        });
        ids.push((connection.id(), connection.get()));
    }
    fixture.store.flush().await.unwrap();
    for (id, expected) in ids {
        let read = fixture.store.connection(id).await.unwrap().unwrap();
        assert!(read.closed.is_some());
        let read = overhear_store::Connection {
            closed: None,
            ..read
        };
        assert_eq!(read, expected);
    }
    fixture.store.close().await.unwrap();
}

#[tokio::test]
async fn ids_go_on_after_a_restart() {
    let fixture = Fixture::new().await;
    exchange(&fixture.recorder(), "a.example", "/", 200).complete();
    drop(connection(&fixture.recorder()));
    fixture.store.close().await.unwrap();
    let again = open(fixture.path(), false).await;
    let recorder = again.recorder();
    let flow = exchange(&recorder, "a.example", "/2", 200);
    assert_eq!(flow.id().0, 2);
    assert_eq!(connection(&recorder).id().0, 2);
    drop(flow);
    again.flush().await.unwrap();
    let page = again.flows(&FlowQuery::default()).await.unwrap();
    assert_eq!(page.flows.len(), 2);
    assert!(page.next.is_none());
    again.close().await.unwrap();
}

#[tokio::test]
async fn what_a_capture_lacks_is_marked_where_it_is_missing() {
    let fixture = Fixture::new().await;
    let recorder = fixture.recorder();
    let flow = recorder.flow(start("example.com", ""));
    let id = flow.id();
    flow.gap(Side::Request, at(0), 7);
    flow.chunk(Side::Request, at(1), b"one");
    flow.gap(Side::Request, at(2), 10);
    flow.gap(Side::Request, at(2), 20);
    // within the millisecond in which pieces are put together
    flow.chunk(Side::Request, at(2), b"two");
    flow.gap(Side::Response, at(3), 5);
    flow.gap(Side::Request, at(4), 0);
    flow.complete();
    fixture.store.flush().await.unwrap();
    let pieces = fixture.store.messages(id, 0, 10).await.unwrap();
    let told: Vec<_> = pieces
        .iter()
        .map(|(side, piece)| (*side, piece.offset, piece.missing, &piece.data[..]))
        .collect();
    assert_eq!(
        told,
        [
            (Side::Request, 0, 7, b"one".as_slice()),
            (Side::Request, 3, 30, b"two"),
            (Side::Response, 0, 5, b""),
        ]
    );
    // they are no part of the body
    let flow = fixture.store.flow(id).await.unwrap().unwrap();
    assert_eq!((flow.request.body_size, flow.response.body_size), (6, 0));
    assert_eq!(body(&fixture.store, id, Side::Request, 3).await, b"two");
    assert_eq!(body(&fixture.store, id, Side::Response, 0).await, b"");
    fixture.store.close().await.unwrap();
}
