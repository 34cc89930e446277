//! Measures recording: `cargo run --release -p overhear-store --example record [FOLDER [small|large]]`.
//!
//! Small flows (two 400-byte heads and a body of 1 KiB) from one thread and from two, as fast as they can be
//! recorded and at a rate; and one body of 1 GiB. Processor time is user and system time of the whole process.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measuring program: prints its results, and ends when something fails"
)]

use overhear_store::{
    ConnectionId, FlowStart, HeadKind, Kind, Recorder, Side, Store, StoreOptions, Timestamp,
};
use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

fn main() {
    let folder = std::env::args().nth(1);
    let folder = match folder {
        Some(folder) => tempfile::tempdir_in(folder),
        None => tempfile::tempdir(),
    };
    let folder = folder.unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let what = std::env::args().nth(2).unwrap_or_default();
    if what != "large" {
        for paced in [false, true] {
            for threads in [1, 2] {
                runtime.block_on(small(folder.path(), threads, paced));
            }
        }
    }
    if what != "small" {
        for piece in [16 * 1024, 64 * 1024, 256 * 1024] {
            runtime.block_on(large(folder.path(), piece));
        }
    }
}

async fn small(folder: &Path, threads: u64, paced: bool) {
    let store = open(folder, "small.db").await;
    let flows = if paced { 20_000 } else { 200_000 } / threads;
    let _ = fs::write("/proc/self/clear_refs", "5");
    let (begun, cpu) = (Instant::now(), cpu());
    let mut tasks = Vec::new();
    for _ in 0..threads {
        let recorder = store.recorder();
        tasks.push(tokio::spawn(async move {
            for n in 0..flows {
                recorder.room().await;
                exchange(&recorder);
                if paced && n % 20 == 0 {
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    store.flush().await.unwrap();
    let cpu = self::cpu() - cpu;
    let count = (flows * threads) as f64;
    println!(
        "small flows, {threads} thread(s), {:>7.0} flows/s: {:5.2} us CPU a flow, peak {} MiB",
        count / begun.elapsed().as_secs_f64(),
        cpu.as_secs_f64() * 1e6 / count,
        peak_memory() / 1024,
    );
    assert_eq!(store.count(None).await.unwrap(), flows * threads);
    remove(store).await;
}

async fn large(folder: &Path, piece: usize) {
    const SIZE: usize = 1 << 30;
    let store = open(folder, "large.db").await;
    let bytes: Vec<u8> = (0..piece).map(|i| (i * 31) as u8).collect();
    let _ = fs::write("/proc/self/clear_refs", "5");
    let (begun, cpu) = (Instant::now(), cpu());
    let recorder = store.recorder();
    let flow = recorder.flow(start());
    for _ in 0..SIZE / piece {
        recorder.room().await;
        flow.chunk(Side::Response, Timestamp::now(), &bytes);
    }
    flow.complete();
    store.flush().await.unwrap();
    println!(
        "1 GiB in pieces of {:>3} KiB: {:4.0} MiB/s, {:.2} s CPU, peak {} MiB",
        piece / 1024,
        1024.0 / begun.elapsed().as_secs_f64(),
        (self::cpu() - cpu).as_secs_f64(),
        peak_memory() / 1024,
    );
    remove(store).await;
}

fn start() -> FlowStart {
    FlowStart {
        connection: ConnectionId(1),
        kind: Kind::Http,
        method: "GET".to_owned(),
        scheme: "https",
        host: "www.example.com".to_owned(),
        port: 443,
        path: "/some/path/that/is/usual?with=query".to_owned(),
        client: ([192, 168, 1, 20], 50123).into(),
        server: Some(([93, 184, 216, 34], 443).into()),
        started: Timestamp::now(),
        replay_of: None,
    }
}

fn exchange(recorder: &Recorder) {
    let flow = recorder.flow(start());
    let now = Timestamp::now();
    flow.head(HeadKind::Request, now, &[b'q'; 400]);
    flow.edit(|flow| flow.request.content_type = String::new());
    flow.head(HeadKind::Response, now, &[b'r'; 400]);
    flow.edit(|flow| {
        flow.status = Some(200);
        flow.response.content_type = "text/html; charset=utf-8".to_owned();
    });
    flow.chunk(Side::Response, now, &[b'b'; 1024]);
    flow.complete();
}

async fn open(folder: &Path, name: &str) -> Store {
    let path = folder.join(name);
    let read_only = false;
    Store::open(StoreOptions { path, read_only }).await.unwrap()
}

async fn remove(store: Store) {
    store.close().await.unwrap();
    fs::remove_file(store.path()).unwrap();
}

/// User and system time of this process, from /proc (other systems: 0).
fn cpu() -> Duration {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let mut fields = after_name.split_whitespace().skip(11);
    let mut ticks = || {
        fields
            .next()
            .and_then(|t| t.parse::<u64>().ok())
            .unwrap_or(0)
    };
    Duration::from_millis((ticks() + ticks()) * 10)
}

/// KiB.
fn peak_memory() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|l| l.starts_with("VmHWM:"));
    let number = line.and_then(|l| l.split_whitespace().nth(1));
    number.and_then(|n| n.parse().ok()).unwrap_or(0)
}
