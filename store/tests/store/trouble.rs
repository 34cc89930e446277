//! Full disks and killed programs.

use crate::support::*;
use overhear_store::{
    Change, Changes, Error, FlowId, FlowRecorder, HeadKind, Recorder, Side, State, Store,
    StoreOptions, Timestamp, read::FlowQuery,
};
use sqlx::Connection as _;
use std::{
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

const PATIENCE: Duration = Duration::from_secs(30);

async fn trouble(changes: &mut Changes) -> Option<String> {
    let wait = async {
        loop {
            if let Change::Trouble(text) = changes.next().await.unwrap() {
                return text.map(|t| t.to_string());
            }
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.unwrap()
}

/// A file system of a few MiB.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    /// `None` when this user may not mount, or the system has no tmpfs.
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mut mount = Command::new("mount");
        mount
            .args(["-t", "tmpfs", "-o", "size=6m", "tmpfs"])
            .arg(folder.path());
        let mounted = mount.stderr(Stdio::null()).status();
        mounted.is_ok_and(|s| s.success()).then(|| Self(folder))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // lazily: a database may still be open in it when a test fails
        let unmounted = Command::new("umount").arg("-l").arg(self.0.path()).status();
        if !unmounted.is_ok_and(|s| s.success()) {
            eprintln!("{} is still mounted", self.0.path().display());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_stops_nothing_and_loses_nothing_that_fits_into_memory() {
    let Some(disk) = SmallDisk::mount() else {
        eprintln!("skipped: small file systems cannot be mounted here");
        return;
    };
    let filler = disk.0.path().join("filler");
    std::fs::write(&filler, vec![0; 4 * 1024 * 1024]).unwrap();
    let store = open(disk.0.path().join("flows.db"), false).await;
    let recorder = store.recorder();
    let mut changes = store.changes();
    let mut ids = Vec::new();
    // what fits into the queue, and not onto the disk
    for n in 0..5 {
        let flow = exchange(&recorder, "a.example", &format!("/{n}"), 200);
        recorder.room().await;
        flow.chunk(Side::Response, at(25), &vec![n; 1024 * 1024]);
        ids.push(flow.id());
        flow.complete();
    }
    let text = trouble(&mut changes).await.unwrap();
    assert!(text.contains("is full"), "{text}");
    let folder = disk.0.path().display().to_string();
    assert!(
        !text.contains(&folder),
        "a path is not for the page: {text}"
    );
    assert_eq!(store.trouble().as_deref(), Some(text.as_str()));
    // who waits for what is written does not wait for room
    let settled = tokio::time::timeout(PATIENCE, store.settle());
    settled.await.unwrap().unwrap();
    // reading goes on, and traffic goes on beyond what memory holds
    assert!(store.count(None).await.unwrap() <= 5);
    let large = exchange(&recorder, "a.example", "/large", 200);
    let large_id = large.id();
    for _ in 0..40 {
        let room = tokio::time::timeout(PATIENCE, recorder.room());
        room.await.unwrap();
        large.chunk(Side::Response, at(25), &[b'x'; 1024 * 1024]);
    }
    large.complete();
    assert!(recorder.queued_bytes() < 12 * 1024 * 1024);

    std::fs::remove_file(&filler).unwrap();
    // 6 MiB may do for the first batch, and are too little for what follows
    let larger = Command::new("mount")
        .args(["-o", "remount,size=64m"])
        .arg(disk.0.path())
        .status();
    assert!(larger.unwrap().success());
    while trouble(&mut changes).await.is_some() || store.trouble().is_some() {}
    store.flush().await.unwrap();
    for (n, id) in (0..).zip(ids) {
        let flow = store.flow(id).await.unwrap().unwrap();
        assert_eq!((flow.state, flow.error), (State::Complete, None));
        let bytes = body(&store, id, Side::Response, 0).await;
        assert_eq!(bytes.len(), 1024 * 1024);
        assert!(bytes.iter().all(|b| *b == n));
    }
    let flow = store.flow(large_id).await.unwrap().unwrap();
    assert_eq!(flow.state, State::Complete);
    assert_eq!(flow.response.body_size, 40 * 1024 * 1024);
    let error = flow.error.unwrap();
    assert!(
        error.text.contains("incomplete: the disk was full"),
        "{}",
        error.text
    );
    let kept = body(&store, large_id, Side::Response, 0).await.len();
    assert!(kept < 10 * 1024 * 1024, "{kept}");
    // and it goes on as before
    let flow = exchange(&recorder, "a.example", "/after", 200);
    let id = flow.id();
    flow.complete();
    assert_eq!(store.flow(id).await.unwrap().unwrap().error, None);
    store.close().await.unwrap();
    drop(store);
}

#[tokio::test]
async fn closing_on_a_full_disk_says_so() {
    let Some(disk) = SmallDisk::mount() else {
        eprintln!("skipped: small file systems cannot be mounted here");
        return;
    };
    let store = open(disk.0.path().join("flows.db"), false).await;
    let flow = exchange(&store.recorder(), "a.example", "/", 200);
    flow.chunk(Side::Response, at(25), &vec![1; 7 * 1024 * 1024]);
    flow.complete();
    let result = tokio::time::timeout(PATIENCE, store.close()).await.unwrap();
    assert!(matches!(result, Err(Error::DiskFull { .. })), "{result:?}");
}

/// What the killed program does: records until it is killed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "runs in a program of its own, for the test below"]
async fn recording_child() {
    let Some(path) = std::env::var_os("OVERHEAR_TEST_RECORD_INTO") else {
        return;
    };
    let store = open(path.into(), false).await;
    let recorder = store.recorder();
    let long = exchange(&recorder, "long.example", "/", 200);
    let _connection = connection(&recorder);
    for n in 0_u64.. {
        recorder.room().await;
        let flow = exchange(&recorder, "short.example", &format!("/{n}"), 200);
        flow.chunk(Side::Response, at(25), &n.to_le_bytes().repeat(500));
        flow.complete();
        long.chunk(Side::Response, Timestamp::now(), &n.to_le_bytes());
        if n % 100 == 0 {
            tokio::task::yield_now().await;
        }
    }
}

struct Recording(Child);

impl Recording {
    fn start(path: &Path) -> Self {
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["trouble::recording_child", "--exact", "--ignored"])
            .env("OVERHEAR_TEST_RECORD_INTO", path)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        Self(child.unwrap())
    }

    fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

async fn wait_for_flows(path: &Path, count: u64) -> Store {
    let wait = async {
        loop {
            let options = StoreOptions {
                path: path.to_owned(),
                read_only: true,
            };
            if let Ok(store) = Store::open(options).await {
                while store.count(None).await.is_ok_and(|n| n < count) {
                    tokio::task::yield_now().await;
                }
                return store;
            }
            // the other program has not made it yet
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.unwrap()
}

#[tokio::test]
async fn a_killed_program_leaves_a_database_that_opens() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flows.db");
    let mut known = 0;
    for round in 1..=3 {
        let child = Recording::start(&path);
        let reader = wait_for_flows(&path, known + 2_000).await;
        let seen = reader.count(None).await.unwrap();
        let Err(error) = Store::open(StoreOptions {
            path: path.clone(),
            read_only: false,
        })
        .await
        else {
            panic!("two programs may record");
        };
        assert!(matches!(error, Error::InUse { .. }), "{error}");
        child.kill();
        // the log of the killed program can be read without a recorder; then by the next one
        if round == 2 {
            reader.close().await.unwrap();
        }
        let again = open(path.clone(), true).await;
        assert!(again.count(None).await.unwrap() >= seen);
        again.close().await.unwrap();

        let store = open(path.clone(), false).await;
        let count = store.count(None).await.unwrap();
        assert!(count >= seen);
        known = count;
        let interrupted = "state:interrupted".parse().unwrap();
        let running = "state:running".parse().unwrap();
        assert_eq!(store.count(Some(&running)).await.unwrap(), 0);
        let query = FlowQuery {
            filter: Some(interrupted),
            descending: true,
            limit: 100,
            ..FlowQuery::default()
        };
        let page = store.flows(&query).await.unwrap();
        let long = page
            .flows
            .iter()
            .find(|f| f.host == "long.example")
            .unwrap();
        let error = long.error.as_ref().unwrap();
        assert!(error.text.contains("was killed"), "{}", error.text);
        // bodies are as long as the rows say
        let bytes = body(&store, long.id, Side::Response, 0).await;
        assert_eq!(bytes.len() as u64, long.response.body_size);
        for (n, number) in (0_u64..).zip(bytes.chunks(8)) {
            assert_eq!(number, n.to_le_bytes());
        }
        for id in (count - 50..=count).map(|id| FlowId(id as i64)) {
            let flow = store.flow(id).await.unwrap().unwrap();
            let bytes = body(&store, id, Side::Response, 0).await;
            assert_eq!(bytes.len() as u64, flow.response.body_size);
        }
        store.close().await.unwrap();
    }
}

/// The writer cannot write until what this returns commits.
async fn somebody_else_writes(fixture: &Fixture) -> sqlx::SqliteConnection {
    let url = format!("sqlite://{}", fixture.path().display());
    let mut other = sqlx::SqliteConnection::connect(&url).await.unwrap();
    sqlx::query("BEGIN IMMEDIATE")
        .execute(&mut other)
        .await
        .unwrap();
    other
}

/// Records into a flow until there is no room; how many bytes that were.
async fn fill(recorder: &Recorder, flow: &FlowRecorder) -> u64 {
    let mut sent = 0_u64;
    loop {
        let room = recorder.room();
        if tokio::time::timeout(Duration::from_millis(300), room)
            .await
            .is_err()
        {
            return sent;
        }
        let piece: Vec<u8> = (0..100_000_u64).map(|n| ((sent + n) % 251) as u8).collect();
        flow.chunk(Side::Response, Timestamp::now(), &piece);
        sent += 100_000;
        assert!(sent < 200_000_000, "there is always room");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn room_waits_for_the_writer_and_nothing_is_lost() {
    let fixture = Fixture::new().await;
    let recorder = fixture.recorder();
    let flow = recorder.flow(start("a.example", "/"));
    let id = flow.id();
    let mut other = somebody_else_writes(&fixture).await;
    let sent = fill(&recorder, &flow).await;
    assert!(recorder.queued_bytes() >= 8 * 1024 * 1024);
    assert!(recorder.queued_bytes() < 10 * 1024 * 1024);
    sqlx::query("COMMIT").execute(&mut other).await.unwrap();
    tokio::time::timeout(PATIENCE, recorder.room())
        .await
        .unwrap();
    flow.complete();
    fixture.store.flush().await.unwrap();
    assert_eq!(recorder.queued_bytes(), 0);
    let bytes = body(&fixture.store, id, Side::Response, 0).await;
    assert_eq!(bytes.len() as u64, sent);
    assert!((0_u64..).zip(&bytes).all(|(n, b)| *b == (n % 251) as u8));
    // and from the middle
    for from in [1, 131_071, 131_072, sent / 2, sent - 1] {
        let chunks = fixture.store.chunks(id, Side::Response, from);
        let chunks: Vec<_> = futures_util::TryStreamExt::try_collect(chunks)
            .await
            .unwrap();
        assert!(chunks[0].offset <= from);
        assert!(chunks[0].offset + chunks[0].data.len() as u64 > from);
        let skip = (from - chunks[0].offset) as usize;
        let rest: Vec<u8> = chunks.iter().flat_map(|c| c.data.to_vec()).collect();
        assert!(rest[skip..] == bytes[from as usize..]);
    }
    assert!(
        body(&fixture.store, id, Side::Response, sent)
            .await
            .is_empty()
    );
    fixture.store.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_read_in_has_more_room_until_it_is_read() {
    let fixture = Fixture::new().await;
    let recorder = fixture.recorder();
    let ordinary = recorder.room_limit();
    let flow = recorder.flow(start("a.example", "/"));
    let id = flow.id();
    let mut other = somebody_else_writes(&fixture).await;
    let (first, second) = (recorder.in_bulk(), recorder.in_bulk());
    assert!(recorder.room_limit() >= 8 * ordinary);
    let sent = fill(&recorder, &flow).await;
    assert!(recorder.queued_bytes() >= recorder.room_limit());
    drop(first);
    assert!(recorder.room_limit() >= 8 * ordinary, "the other goes on");
    drop(second);
    assert_eq!(recorder.room_limit(), ordinary);
    sqlx::query("COMMIT").execute(&mut other).await.unwrap();
    tokio::time::timeout(PATIENCE, recorder.room())
        .await
        .unwrap();
    assert!(recorder.queued_bytes() < ordinary);
    flow.complete();
    fixture.store.flush().await.unwrap();
    let bytes = body(&fixture.store, id, Side::Response, 0).await;
    assert_eq!(bytes.len() as u64, sent);
    assert!((0_u64..).zip(&bytes).all(|(n, b)| *b == (n % 251) as u8));
    fixture.store.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_threads_at_once() {
    let fixture = Fixture::new().await;
    let shared = std::sync::Arc::new(fixture.recorder().flow(start("shared.example", "/")));
    let mut changes = fixture.store.changes();
    let mut tasks = Vec::new();
    for t in 0..8_u8 {
        let recorder = fixture.recorder();
        let shared = shared.clone();
        tasks.push(tokio::spawn(async move {
            for n in 0..500_u64 {
                let flow = exchange(&recorder, "a.example", &format!("/{t}/{n}"), 200);
                flow.chunk(Side::Request, at(2), &[t; 100]);
                let side = if t % 2 == 0 {
                    Side::Request
                } else {
                    Side::Response
                };
                shared.chunk(side, Timestamp::now(), &[t; 10]);
                shared.edit(|f| f.port = f.port.wrapping_add(1));
                if n % 50 == 0 {
                    tokio::task::yield_now().await;
                    shared.head(HeadKind::Interim, at(3), b"HTTP/1.1 103 Early\r\n\r\n");
                }
                flow.complete();
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    let id = shared.id();
    drop(shared);
    fixture.store.flush().await.unwrap();
    assert_eq!(fixture.store.count(None).await.unwrap(), 4_001);
    let flow = fixture.store.flow(id).await.unwrap().unwrap();
    assert_eq!(flow.port, 443 + 4_000);
    assert_eq!(flow.request.body_size, 20_000);
    for side in [Side::Request, Side::Response] {
        let bytes = body(&fixture.store, id, side, 0).await;
        assert_eq!(bytes.len(), 20_000);
        for t in (0..8).filter(|t| t % 2 == side as u8) {
            assert_eq!(bytes.iter().filter(|b| **b == t).count(), 5_000);
        }
    }
    assert_eq!(fixture.store.heads(id).await.unwrap().len(), 80);
    // every flow was told of
    let mut told = std::collections::BTreeSet::new();
    while told.len() < 4_001 {
        match tokio::time::timeout(PATIENCE, changes.next())
            .await
            .unwrap()
            .unwrap()
        {
            Change::Flows(ids) => told.extend(ids.iter().map(|id| id.0)),
            Change::Lagged => break,
            _ => (),
        }
    }
    fixture.store.close().await.unwrap();
}
