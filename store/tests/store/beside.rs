//! A second program beside the first: reading, deleting, annotating; and what is refused.

use crate::support::*;
use overhear_store::{Error, FlowId, Side, State, Store, StoreOptions, read::Notes};
use sqlx::{Connection as _, SqliteConnection};
use std::path::{Path, PathBuf};

fn tags(tags: &str) -> Notes<'_> {
    Notes {
        tags: Some(tags),
        ..Notes::default()
    }
}

#[tokio::test]
async fn a_reader_sees_what_another_program_records() {
    let fixture = Fixture::new().await;
    let recorder = fixture.recorder();
    exchange(&recorder, "a.example", "/1", 200).complete();
    fixture.store.flush().await.unwrap();
    let reader = open(fixture.path(), true).await;
    assert_eq!(reader.count(None).await.unwrap(), 1);
    let flow = exchange(&recorder, "a.example", "/2", 200);
    flow.chunk(Side::Response, at(22), b"text");
    let running = recorder.flow(start("a.example", "/3"));
    let id = flow.id();
    flow.complete();
    fixture.store.flush().await.unwrap();
    assert_eq!(reader.count(None).await.unwrap(), 3);
    assert_eq!(body(&reader, id, Side::Response, 0).await, b"text");
    assert!(reader.changes().next().await.is_none());

    // its recorder takes nothing
    reader.recorder().room().await;
    exchange(&reader.recorder(), "a.example", "/4", 200).complete();

    // deleting and annotating work
    assert!(reader.annotate(FlowId(1), tags("seen")).await.unwrap());
    let first = fixture.store.flow(FlowId(1)).await.unwrap().unwrap();
    assert_eq!(first.tags, "seen");
    assert_eq!(reader.delete(&[id, running.id()]).await.unwrap(), 2);
    assert!(fixture.store.flow(id).await.unwrap().is_none());
    assert!(body(&fixture.store, id, Side::Response, 0).await.is_empty());
    // a running flow comes back
    running.complete();
    fixture.store.flush().await.unwrap();
    assert_eq!(reader.count(None).await.unwrap(), 2);
    assert_eq!(reader.delete_matching(None).await.unwrap(), 2);
    assert_eq!(fixture.store.count(None).await.unwrap(), 0);
    reader.close().await.unwrap();
    exchange(&recorder, "a.example", "/5", 200).complete();
    fixture.store.close().await.unwrap();

    // and when nobody records
    let reader = open(fixture.path(), true).await;
    assert_eq!(reader.count(None).await.unwrap(), 1);
    assert_eq!(reader.delete_matching(None).await.unwrap(), 1);
    reader.close().await.unwrap();
}

#[tokio::test]
async fn a_second_recorder_is_refused() {
    let fixture = Fixture::new().await;
    let options = || StoreOptions {
        path: fixture.path(),
        read_only: false,
    };
    let Err(error) = Store::open(options()).await else {
        panic!("two may record");
    };
    let own = std::process::id();
    assert!(
        matches!(&error, Error::InUse { process: Some(id), .. } if *id == own),
        "{error}"
    );
    assert!(error.to_string().contains("another overhear"), "{error}");
    fixture.store.close().await.unwrap();
    // after an ordinary end, and after one without `close`, it is free
    let again = Store::open(options()).await.unwrap();
    let flow = exchange(&again.recorder(), "a.example", "/", 200);
    flow.complete();
    drop(again);
    let again = loop {
        match Store::open(options()).await {
            Ok(store) => break store,
            // the writer of the dropped store is still at its last batch
            Err(Error::InUse { .. }) => tokio::task::yield_now().await,
            Err(error) => panic!("{error}"),
        }
    };
    assert_eq!(again.count(None).await.unwrap(), 1);
    again.close().await.unwrap();
}

#[tokio::test]
async fn a_newer_database_is_refused_and_left_as_it_is() {
    let fixture = Fixture::new().await;
    fixture.store.close().await.unwrap();
    let url = format!("sqlite://{}", fixture.path().display());
    let mut connection = SqliteConnection::connect(&url).await.unwrap();
    sqlx::query("INSERT INTO _sqlx_migrations VALUES (77, 'later', 0, 1, x'00', 0)")
        .execute(&mut connection)
        .await
        .unwrap();
    // as a newer program leaves it that is killed: what is new is in the log
    let killed = tempfile::tempdir().unwrap();
    let log = |path: &Path| PathBuf::from(format!("{}-wal", path.display()));
    let copy = killed.path().join("flows.db");
    std::fs::copy(fixture.path(), &copy).unwrap();
    std::fs::copy(log(&fixture.path()), log(&copy)).unwrap();
    connection.close().await.unwrap();
    // a log that is empty is as good as none
    let log = |path: &Path| std::fs::read(log(path)).unwrap_or_default();
    let bytes = |path: &Path| (std::fs::read(path).unwrap(), log(path));
    for path in [fixture.path(), copy] {
        let before = bytes(&path);
        for read_only in [false, true] {
            let path = path.clone();
            let Err(error) = Store::open(StoreOptions { path, read_only }).await else {
                panic!("it was opened");
            };
            let Error::Newer { found, known, .. } = error else {
                panic!("{error}");
            };
            assert!(found == 77 && known < found);
        }
        assert!(bytes(&path) == before, "{}", path.display());
    }
}

#[tokio::test]
async fn folders_and_files_that_cannot_be_used() {
    let folder = tempfile::tempdir().unwrap();
    let open = |name: &str, read_only| {
        let path = folder.path().join(name);
        Store::open(StoreOptions { path, read_only })
    };
    let Err(missing) = open("no/flows.db", false).await else {
        panic!("a folder came to be");
    };
    assert!(
        missing.to_string().contains("cannot use the data folder"),
        "{missing}"
    );
    let Err(nothing) = open("flows.db", true).await else {
        panic!("nothing was opened");
    };
    assert!(
        nothing.to_string().contains("nothing was recorded"),
        "{nothing}"
    );
    std::fs::write(
        folder.path().join("text.db"),
        "just a text, long enough\n".repeat(99),
    )
    .unwrap();
    for read_only in [false, true] {
        let Err(other) = open("text.db", read_only).await else {
            panic!("a text was opened");
        };
        assert!(other.to_string().contains("not a database"), "{other}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn the_files_are_for_their_owner() {
    use std::os::unix::fs::PermissionsExt;
    let fixture = Fixture::new().await;
    exchange(&fixture.recorder(), "a.example", "/", 200).complete();
    fixture.store.flush().await.unwrap();
    for entry in std::fs::read_dir(fixture.folder.path()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{:?}", entry.path());
    }
    fixture.store.close().await.unwrap();
}

#[tokio::test]
async fn closing_interrupts_what_runs() {
    let fixture = Fixture::new().await;
    let running = fixture.recorder().flow(start("a.example", "/"));
    running.chunk(Side::Response, at(7), b"a piece");
    let id = running.id();
    fixture.store.close().await.unwrap();
    // what comes later is not recorded, and harms nobody
    running.chunk(Side::Response, at(8), b"another");
    running.complete();
    assert!(matches!(fixture.store.flush().await, Err(Error::Closed)));
    fixture.store.close().await.unwrap();
    let reader = open(fixture.path(), true).await;
    let flow = reader.flow(id).await.unwrap().unwrap();
    assert_eq!(flow.state, State::Interrupted);
    assert_eq!(flow.times.ended, Some(at(7)));
    let error = flow.error.unwrap();
    assert!(error.text.contains("was stopped"), "{}", error.text);
    assert_eq!(body(&reader, id, Side::Response, 0).await, b"a piece");
    assert!(!fixture.folder.path().join("flows.db-wal").exists() || reader.size_on_disk() > 0);
}
