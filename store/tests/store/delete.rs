//! Deleting and annotating, beside the recording and without one.

use crate::support::*;
use overhear_store::{
    Change, Changes, Color, FlowId, HeadKind, Side, State, Store,
    filter::Filter,
    read::{FlowQuery, Notes},
};
use std::time::Duration;

/// Waits until the database (without its log) has shrunk to a size.
async fn shrunk(store: &Store, size: u64) {
    for _ in 0..600 {
        if std::fs::metadata(store.path()).unwrap().len() <= size {
            return;
        }
        // space is given back step by step, and nobody is told
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("{} bytes are left, not {size}", store.size_on_disk());
}

async fn change(changes: &mut Changes) -> Change {
    let next = tokio::time::timeout(Duration::from_secs(60), changes.next());
    next.await.unwrap().unwrap()
}

#[tokio::test]
async fn a_deleted_flow_is_gone_with_all_that_belongs_to_it() {
    let fixture = Fixture::new().await;
    let (store, recorder) = (&fixture.store, fixture.recorder());
    let connection = connection(&recorder);
    let kept = exchange(&recorder, "kept.example", "/", 200);
    kept.chunk(Side::Response, at(21), b"kept");
    let kept_id = kept.id();
    kept.complete();
    let flow = exchange(&recorder, "gone.example", "/", 200);
    flow.edit(|f| f.connection = connection.id());
    flow.chunk(Side::Response, at(21), b"gone");
    let id = flow.id();
    flow.complete();
    let connection_id = connection.id();
    drop(connection);
    store.flush().await.unwrap();

    let mut changes = store.changes();
    assert_eq!(store.delete(&[id, FlowId(999)]).await.unwrap(), 1);
    let Change::Deleted(ids) = change(&mut changes).await else {
        panic!("the deletion was not told");
    };
    assert_eq!(&ids[..], [id]);
    assert!(store.flow(id).await.unwrap().is_none());
    assert_eq!(store.count(None).await.unwrap(), 1);
    // its connection has another flow: both have number 1
    assert!(store.connection(connection_id).await.unwrap().is_some());
    assert_eq!(body(store, kept_id, Side::Response, 0).await, b"kept");
    assert_eq!(store.delete(&[kept_id]).await.unwrap(), 1);
    assert!(store.connection(connection_id).await.unwrap().is_none());
    store.close().await.unwrap();

    // the space of heads and bodies is given back after a restart too
    let again = open(fixture.path(), false).await;
    for id in [id, kept_id] {
        while !again.heads(id).await.unwrap().is_empty()
            || !body(&again, id, Side::Response, 0).await.is_empty()
        {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    // and a new flow does not get an old number while that goes on
    let flow = exchange(&again.recorder(), "new.example", "/", 200);
    assert!(flow.id().0 >= 1);
    let id = flow.id();
    flow.complete();
    again.flush().await.unwrap();
    assert_eq!(again.heads(id).await.unwrap().len(), 2);
    again.close().await.unwrap();
}

#[tokio::test]
async fn numbers_that_wait_to_be_reclaimed_are_not_given_again() {
    let fixture = Fixture::new().await;
    for n in 0..300 {
        let flow = exchange(&fixture.recorder(), "a.example", &format!("/{n}"), 200);
        flow.chunk(Side::Response, at(22), &[b'x'; 5000]);
        flow.complete();
    }
    fixture.store.delete_matching(None).await.unwrap();
    fixture.store.close().await.unwrap();
    let again = open(fixture.path(), false).await;
    let flow = exchange(&again.recorder(), "b.example", "/", 200);
    flow.chunk(Side::Response, at(22), b"new");
    let id = flow.id();
    flow.complete();
    // the space may have been given back before the restart
    again.flush().await.unwrap();
    shrunk(&again, 400_000).await;
    assert_eq!(body(&again, id, Side::Response, 0).await, b"new");
    assert_eq!(again.heads(id).await.unwrap().len(), 2);
    again.close().await.unwrap();
}

#[tokio::test]
async fn deleting_beside_the_recording() {
    let fixture = Fixture::new().await;
    let (store, recorder) = (&fixture.store, fixture.recorder());
    for n in 0..2_000 {
        let flow = exchange(&recorder, "old.example", &format!("/{n}"), 200);
        flow.chunk(Side::Response, at(22), &[b'x'; 10_000]);
        flow.complete();
    }
    let large = recorder.flow(start("old.example", "/large"));
    for _ in 0..320 {
        recorder.room().await;
        large.chunk(Side::Response, at(22), &[b'x'; 128 * 1024]);
    }
    large.complete();
    let running = recorder.flow(start("old.example", "/running"));
    running.head(HeadKind::Request, at(1), b"GET /old HTTP/1.1\r\n\r\n");
    running.chunk(Side::Response, at(2), b"before ");
    store.flush().await.unwrap();
    assert!(store.size_on_disk() > 60_000_000);

    let recording = tokio::spawn(async move {
        for n in 0..2_000 {
            let flow = exchange(&recorder, "new.example", &format!("/{n}"), 200);
            flow.chunk(Side::Response, at(22), &[b'y'; 1_000]);
            flow.complete();
            tokio::task::yield_now().await;
        }
    });
    let filter = Filter::parse("host:old.example").unwrap();
    let deleted = store.delete_matching(Some(&filter)).await.unwrap();
    assert_eq!(deleted, 2_002);
    recording.await.unwrap();
    store.flush().await.unwrap();
    assert_eq!(store.count(Some(&filter)).await.unwrap(), 0);
    assert_eq!(store.count(None).await.unwrap(), 2_000);

    // a running flow comes back when it goes on, with what comes then
    let id = running.id();
    assert!(store.flow(id).await.unwrap().is_none());
    running.chunk(Side::Response, at(9), b"after");
    running.complete();
    store.flush().await.unwrap();
    let flow = store.flow(id).await.unwrap().unwrap();
    assert_eq!((flow.state, flow.response.body_size), (State::Complete, 12));
    shrunk(store, 12_000_000).await;
    assert_eq!(body(store, id, Side::Response, 0).await, b"after");
    assert_eq!(store.heads(id).await.unwrap().len(), 0);

    let page = store
        .flows(&FlowQuery {
            limit: 10_000,
            ..FlowQuery::default()
        })
        .await;
    for flow in page.unwrap().flows.iter().filter(|f| f.id != id) {
        assert_eq!(body(store, flow.id, Side::Response, 0).await.len(), 1_000);
        assert_eq!(store.heads(flow.id).await.unwrap().len(), 2);
    }
    store.close().await.unwrap();
}

#[tokio::test]
async fn clearing_leaves_what_goes_on() {
    let fixture = Fixture::new().await;
    let (store, recorder) = (&fixture.store, fixture.recorder());
    let open_connection = connection(&recorder);
    for n in 0..500 {
        drop(connection(&recorder));
        exchange(&recorder, "a.example", &format!("/{n}"), 200).complete();
    }
    let running = recorder.flow(start("a.example", "/running"));
    running.chunk(Side::Request, at(1), b"before");
    store.flush().await.unwrap();
    let mut changes = store.changes();
    assert_eq!(store.delete_matching(None).await.unwrap(), 501);
    assert!(matches!(change(&mut changes).await, Change::Cleared));
    assert_eq!(store.count(None).await.unwrap(), 0);
    assert!(
        store
            .connection(open_connection.id())
            .await
            .unwrap()
            .is_some()
    );
    running.chunk(Side::Request, at(5), b" after");
    store.flush().await.unwrap();
    assert_eq!(store.count(None).await.unwrap(), 1);
    shrunk(store, 500_000).await;
    assert_eq!(body(store, running.id(), Side::Request, 0).await, b" after");
    store.close().await.unwrap();
}

#[tokio::test]
async fn notes_stay_while_the_flow_goes_on() {
    let fixture = Fixture::new().await;
    let (store, recorder) = (&fixture.store, fixture.recorder());
    let flow = recorder.flow(start("a.example", "/"));
    let id = flow.id();
    let tags = Notes {
        tags: Some("red,new"),
        ..Notes::default()
    };
    let others = Notes {
        comment: Some("look"),
        color: Some(Some(Color::Green)),
        starred: Some(true),
        ..Notes::default()
    };
    assert!(store.annotate(id, tags).await.unwrap());
    assert!(store.annotate(id, others).await.unwrap());
    assert!(!store.annotate(FlowId(99), tags).await.unwrap());
    flow.edit(|f| f.status = Some(200));
    store.flush().await.unwrap();
    let marks = store.flow(id).await.unwrap().unwrap();
    assert_eq!((marks.color, marks.starred), (Some(Color::Green), true));
    let notes = |flow: overhear_store::Flow| (flow.tags, flow.comment, flow.status);
    let read = store.flow(id).await.unwrap().map(notes).unwrap();
    assert_eq!(read, ("red,new".to_owned(), "look".to_owned(), Some(200)));
    flow.edit(|f| f.tags = "by a rule".to_owned());
    flow.complete();
    store.flush().await.unwrap();
    let read = store.flow(id).await.unwrap().map(notes).unwrap();
    assert_eq!(read.0, "by a rule");
    store.close().await.unwrap();
}
