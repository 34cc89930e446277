//! Sessions, deleting with undo, the recording switch, and a database of the first version.

use crate::support::*;
use futures_util::FutureExt as _;
use overhear_store::{
    Change, Color, FlowId, SessionId, Side, Store,
    filter::Filter,
    read::{FlowQuery, Notes, Source, Undone, Valued, Which},
};
use sqlx::{AssertSqlSafe, Connection as _, SqliteConnection};

fn one(store: &Store, path: &str) -> FlowId {
    let flow = exchange(&store.recorder(), "a.example", path, 200);
    flow.chunk(Side::Response, at(21), b"a body");
    let id = flow.id();
    flow.complete();
    id
}

async fn ids(store: &Store, session: Option<SessionId>) -> Vec<i64> {
    let query = FlowQuery {
        session,
        ..FlowQuery::default()
    };
    let page = store.flows(&query).await.unwrap();
    let count = store.count_in(session, None).await.unwrap();
    assert_eq!(count, page.flows.len() as u64);
    page.flows.iter().map(|flow| flow.id.0).collect()
}

fn which(ids: &[FlowId]) -> Which {
    Which {
        ids: Some(ids.to_vec()),
        ..Which::default()
    }
}

async fn sql(store: &Store, text: &str) -> i64 {
    let url = format!("sqlite://{}", store.path().display());
    let mut connection = SqliteConnection::connect(&url).await.unwrap();
    let query = sqlx::query_scalar(AssertSqlSafe(text.to_owned()));
    let number = query.fetch_one(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    number
}

/// What the sessions say, against what there is.
async fn counts_are_true(store: &Store) {
    let wrong = "SELECT count(*) FROM sessions s WHERE \
        flows <> (SELECT count(*) FROM flows WHERE session = s.id) OR \
        bytes <> (SELECT coalesce(sum(request_body_size + response_body_size), 0) FROM flows WHERE session = s.id) \
        OR EXISTS (SELECT 1 FROM flows WHERE session = s.id AND (id < first OR id > last))";
    assert_eq!(sql(store, wrong).await, 0);
}

#[tokio::test]
async fn flows_belong_to_the_session_in_which_they_began() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    let first = one(store, "/1");
    let running = store.recorder().flow(start("a.example", "/running"));
    let mut changes = store.changes();
    let begun = store.begin_session(Some("before")).await.unwrap();
    assert_eq!(
        (begun.id, begun.flows, begun.current),
        (SessionId(2), 0, true)
    );
    let later = one(store, "/2");
    running.chunk(Side::Request, at(5), b"it goes on");
    let running_id = running.id();
    running.complete();
    store.flush().await.unwrap();
    let old = Some(SessionId(1));
    assert_eq!(ids(store, old).await, [first.0, running_id.0]);
    assert_eq!(ids(store, Some(begun.id)).await, [later.0]);
    assert_eq!(ids(store, None).await.len(), 3);
    assert_eq!(ids(store, Some(SessionId(7))).await, [0_i64; 0]);
    counts_are_true(store).await;
    while !matches!(changes.next().await.unwrap(), Change::Sessions) {}
    let sessions = store.sessions().await.unwrap();
    assert_eq!(sessions[1].name, "before");
    assert_eq!((sessions[1].flows, sessions[1].bytes), (2, 16));
    assert!(sessions[1].ended.is_some() && sessions[0].ended.is_none());

    // the filter language knows sessions too
    let filter = Filter::parse("session:1 is:failed").unwrap();
    assert_eq!(store.count(Some(&filter)).await.unwrap(), 0);
    let filter = Filter::parse("path:/2").unwrap().within(SessionId(1));
    assert_eq!(store.count(Some(&filter)).await.unwrap(), 0);

    // an import goes into one of its own, and is recorded also while recording is switched off
    store.set_recording(false);
    let import = store.begin_import("a file.har").await.unwrap();
    exchange(
        &store.recorder().into_session(import),
        "b.example",
        "/",
        200,
    )
    .complete();
    let imported = store.end_import(import).await.unwrap().unwrap();
    assert_eq!((imported.source, imported.flows), (Source::Imported, 1));
    let filter = Filter::parse("is:imported").unwrap();
    assert_eq!(store.count(Some(&filter)).await.unwrap(), 1);
    assert_eq!(store.current_session().await.unwrap(), begun.id);
    counts_are_true(store).await;

    // and the same one goes on after a restart
    store.close().await.unwrap();
    let again = open(fixture.path(), false).await;
    assert!(again.is_recording());
    let id = one(&again, "/3");
    again.flush().await.unwrap();
    assert_eq!(ids(&again, Some(begun.id)).await, [later.0, id.0]);
    counts_are_true(&again).await;
    again.close().await.unwrap();
}

#[tokio::test]
async fn a_deletion_is_undone_whole() {
    let fixture = Fixture::new().await;
    let (store, recorder) = (&fixture.store, fixture.recorder());
    let flow_ids: Vec<FlowId> = (0..2500).map(|n| one(store, &format!("/{n}"))).collect();
    let connection = connection(&recorder);
    let with = exchange(&recorder, "b.example", "/with", 200);
    with.edit(|flow| flow.connection = connection.id());
    let with_id = with.id();
    with.complete();
    let connection_id = connection.id();
    drop(connection);
    let notes = Notes {
        tags: Some("kept"),
        color: Some(Some(Color::Blue)),
        starred: Some(true),
        ..Notes::default()
    };
    store.flush().await.unwrap();
    assert!(store.annotate(flow_ids[7], notes).await.unwrap());
    let before = store.flow(flow_ids[7]).await.unwrap().unwrap();
    let session = store.sessions().await.unwrap();

    let some = store.discard(&which(&flow_ids[..10])).await.unwrap();
    let rest = store.discard(&Which::default()).await.unwrap();
    assert_eq!((some.count, rest.count), (10, 2491));
    assert_eq!(ids(store, None).await, [0_i64; 0]);
    counts_are_true(store).await;
    // what comes meanwhile stays
    let new = one(store, "/new");
    store.flush().await.unwrap();
    let mut changes = store.changes();
    for (discarded, count) in [(&rest, 2491), (&some, 10)] {
        let undo = discarded.undo.as_deref().unwrap();
        let undone = store.undelete(undo).await.unwrap();
        assert_eq!(undone, Undone::Restored(count));
        assert_eq!(store.undelete(undo).await.unwrap(), Undone::TooLate);
    }
    // of many, the first are seen before the last are there
    let mut told = Vec::new();
    while let Some(change) = changes.next().now_or_never().flatten() {
        told.push(change);
    }
    let again: Vec<bool> = told
        .iter()
        .map(|change| matches!(change, Change::Restored))
        .collect();
    assert_eq!(again, [true, true, false, true, false], "{told:?}");
    assert_eq!(store.undelete("12").await.unwrap(), Undone::TooLate);
    assert_eq!(store.undelete("all").await.unwrap(), Undone::Unknown);
    assert_eq!(store.count(None).await.unwrap(), 2502);
    counts_are_true(store).await;
    let after = store.flow(flow_ids[7]).await.unwrap().unwrap();
    assert_eq!(after, before);
    assert_eq!(after.color, Some(Color::Blue));
    for id in [flow_ids[0], flow_ids[2499], new] {
        assert_eq!(body(store, id, Side::Response, 0).await, b"a body");
        assert_eq!(store.heads(id).await.unwrap().len(), 2);
    }
    assert!(store.connection(connection_id).await.unwrap().is_some());
    assert!(store.flow(with_id).await.unwrap().is_some());
    assert_eq!(
        store.sessions().await.unwrap()[0].started,
        session[0].started
    );
    store.close().await.unwrap();
}

#[tokio::test]
async fn what_runs_comes_back_by_itself_and_its_session_with_it() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    let running = store.recorder().flow(start("a.example", "/running"));
    let done = one(store, "/done");
    store.begin_session(None).await.unwrap();
    store.flush().await.unwrap();
    let old = SessionId(1);
    let discarded = store.discard_session(old).await.unwrap().unwrap();
    assert_eq!(discarded.count, 2);
    assert!(store.session(old).await.unwrap().is_none());
    // the one that is recorded into is not deleted, and what is not there neither
    for id in [2, 77] {
        let none = store.discard_session(SessionId(id)).await.unwrap();
        assert_eq!(none, None);
    }
    running.chunk(Side::Response, at(9), b"after");
    let id = running.id();
    running.complete();
    store.flush().await.unwrap();
    assert_eq!(ids(store, Some(old)).await, [id.0]);
    assert!(store.session(old).await.unwrap().is_some());
    counts_are_true(store).await;
    let undone = store.undelete(&discarded.undo.unwrap()).await.unwrap();
    assert_eq!(undone, Undone::Restored(1));
    assert_eq!(ids(store, Some(old)).await, [id.0, done.0]);
    counts_are_true(store).await;
    store.close().await.unwrap();
}

#[tokio::test]
async fn a_restart_lets_go_of_what_was_deleted() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    let gone: Vec<FlowId> = (0..20).map(|n| one(store, &format!("/{n}"))).collect();
    let kept = one(store, "/kept");
    store.begin_session(None).await.unwrap();
    let discarded = store.discard(&which(&gone)).await.unwrap();
    assert_eq!(discarded.count, 20);
    store.close().await.unwrap();

    let again = open(fixture.path(), false).await;
    // a number is not given twice, also not that of a deleted flow
    let new = one(&again, "/new");
    assert!(new > kept);
    again.flush().await.unwrap();
    let undone = again.undelete(&discarded.undo.unwrap()).await.unwrap();
    assert_eq!(undone, Undone::TooLate);
    for id in gone {
        while !again.heads(id).await.unwrap().is_empty()
            || !body(&again, id, Side::Response, 0).await.is_empty()
        {
            tokio::task::yield_now().await;
        }
    }
    assert_eq!(sql(&again, "SELECT count(*) FROM trash").await, 0);
    assert_eq!(ids(&again, None).await, [kept.0, new.0]);
    assert_eq!(body(&again, kept, Side::Response, 0).await, b"a body");
    counts_are_true(&again).await;
    again.close().await.unwrap();
}

#[tokio::test]
async fn recording_can_be_switched_off() {
    let fixture = Fixture::new().await;
    let (store, recorder) = (&fixture.store, fixture.recorder());
    // the one that the flows here say they run on
    let _first = connection(&recorder);
    let running = recorder.flow(start("a.example", "/running"));
    let mut changes = store.changes();
    store.set_recording(false);
    let hidden = connection(&recorder);
    let secret = one(store, "/secret");
    running.chunk(Side::Response, at(9), b"to its end");
    let running_id = running.id();
    running.complete();
    exchange(&recorder.always(), "a.example", "/replay", 200).complete();
    store.flush().await.unwrap();
    assert!(!store.is_recording());
    assert_eq!(recorder.queued_bytes(), 0);
    assert!(store.flow(secret).await.unwrap().is_none());
    assert!(store.heads(secret).await.unwrap().is_empty());
    assert_eq!(store.count(None).await.unwrap(), 2);
    assert_eq!(
        body(store, running_id, Side::Response, 0).await,
        b"to its end"
    );
    // a connection becomes known with its first flow that is recorded
    assert!(store.connection(hidden.id()).await.unwrap().is_none());
    while !matches!(changes.next().await.unwrap(), Change::Recording(false)) {}
    store.set_recording(true);
    let flow = exchange(&recorder, "a.example", "/again", 200);
    flow.complete();
    let mut start = start("a.example", "/on the old connection");
    start.connection = hidden.id();
    let flow = recorder.flow(start);
    flow.complete();
    store.flush().await.unwrap();
    assert_eq!(store.count(None).await.unwrap(), 4);
    assert!(store.connection(hidden.id()).await.unwrap().is_some());
    let id = hidden.id();
    drop(hidden);
    store.flush().await.unwrap();
    let closed = store.connection(id).await.unwrap().unwrap();
    assert!(closed.closed.is_some());
    store.close().await.unwrap();
}

#[tokio::test]
async fn values_begin_as_they_are_asked_for() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    for (host, path) in [
        ("A.example", "/Shop?1"),
        ("b.example", "/shop?2"),
        ("a.example", "/"),
    ] {
        let flow = exchange(&store.recorder(), host, path, 200);
        flow.edit(|flow| flow.tags = "Slow,seen".to_owned());
        flow.complete();
    }
    store.flush().await.unwrap();
    let values = async |field, prefix: &str| {
        let found = store.values(field, prefix, &Which::default(), 10).await;
        let found = found
            .unwrap()
            .into_iter()
            .map(|value| (value.value, value.count));
        found.collect::<Vec<_>>()
    };
    let some = |value: &str, count| (value.to_owned(), count);
    assert_eq!(values(Valued::Host, "A").await, [some("a.example", 2)]);
    assert_eq!(values(Valued::Host, "é").await, []);
    let shops = [some("/Shop", 1), some("/shop", 1)];
    assert_eq!(values(Valued::Path, "/SH").await, shops);
    assert_eq!(values(Valued::Path, "").await.len(), 3);
    assert_eq!(values(Valued::Tag, "SE").await, [some("seen", 3)]);
    assert_eq!(values(Valued::Type, "text").await, [some("text/plain", 3)]);
    assert_eq!(values(Valued::Status, "2").await, [some("200", 3)]);
    assert_eq!(values(Valued::Error, "").await, []);
    store.close().await.unwrap();
}

/// The schema that the first version made, and a database of it as it left one.
#[tokio::test]
async fn a_database_of_the_first_version_keeps_everything() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flows.db");
    let first = sqlx::migrate!();
    let only = sqlx::migrate::Migrator {
        migrations: first
            .migrations
            .iter()
            .take(1)
            .cloned()
            .collect::<Vec<_>>()
            .into(),
        ..first
    };
    let options = sqlx::sqlite::SqliteConnectOptions::new()
        .filename(&path)
        .create_if_missing(true);
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    only.run(&mut connection).await.unwrap();
    for (id, state, replay) in [(1, 1, "NULL"), (2, 1, "1"), (4, 0, "NULL")] {
        let row = format!(
            "INSERT INTO flows VALUES ({id}, 1, 0, {state}, 200, 443, {T0}, {T0}, {T0}, {T0}, NULL, NULL, \
            11, 40, 0, 11, 30, 6, {replay}, NULL, NULL, 'GET', 'https', 'a.example', '', '', 'text/plain', '', \
            '192.168.1.20:50123', '93.184.216.34:443', '/{id}', NULL, 'red,new', 'look')"
        );
        sqlx::query(AssertSqlSafe(row))
            .execute(&mut connection)
            .await
            .unwrap();
        let chunk = format!(
            "INSERT INTO chunks (id, at, \"offset\", data) VALUES ({}, {T0}, 0, CAST('a body' AS BLOB))",
            ((id << 1) | 1) << 24
        );
        sqlx::query(AssertSqlSafe(chunk))
            .execute(&mut connection)
            .await
            .unwrap();
    }
    connection.close().await.unwrap();

    // brought up to date also by a program that only reads
    let reader = open(path.clone(), true).await;
    assert_eq!(ids(&reader, Some(SessionId(1))).await, [1, 2, 4]);
    reader.close().await.unwrap();
    let store = open(path, false).await;
    let sessions = store.sessions().await.unwrap();
    assert_eq!(
        (sessions[0].flows, sessions[0].bytes, sessions[0].current),
        (3, 18, true)
    );
    assert_eq!(sessions[0].started.0, T0);
    let flow = store.flow(FlowId(2)).await.unwrap().unwrap();
    assert_eq!(
        (flow.session, flow.color, flow.starred),
        (SessionId(1), None, false)
    );
    assert_eq!(
        (flow.tags.as_str(), flow.comment.as_str(), flow.replay_of),
        ("red,new", "look", Some(FlowId(1)))
    );
    assert_eq!(body(&store, FlowId(4), Side::Response, 0).await, b"a body");
    let new = one(&store, "/new");
    assert_eq!(new, FlowId(5));
    store.flush().await.unwrap();
    assert_eq!(store.count(None).await.unwrap(), 4);
    counts_are_true(&store).await;
    store.close().await.unwrap();
}
