//! A store in a folder of its own, and flows to put into it.

use futures_util::TryStreamExt;
use overhear_store::{
    Connection, ConnectionId, ConnectionRecorder, FlowId, FlowRecorder, FlowStart, HeadKind, Kind,
    Recorder, Side, Store, StoreOptions, Timestamp,
};
use std::{net::SocketAddr, path::PathBuf};
use tempfile::TempDir;

pub struct Fixture {
    pub folder: TempDir,
    pub store: Store,
}

impl Fixture {
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path().join("flows.db"), false).await;
        Self { folder, store }
    }

    pub fn path(&self) -> PathBuf {
        self.folder.path().join("flows.db")
    }

    pub fn recorder(&self) -> Recorder {
        self.store.recorder()
    }
}

pub async fn open(path: PathBuf, read_only: bool) -> Store {
    Store::open(StoreOptions { path, read_only }).await.unwrap()
}

pub const T0: i64 = 1_700_000_000_000_000_000;

pub fn at(ms: i64) -> Timestamp {
    Timestamp(T0 + ms * 1_000_000)
}

pub fn client() -> SocketAddr {
    "192.168.1.20:50123".parse().unwrap()
}

pub fn connection(recorder: &Recorder) -> ConnectionRecorder {
    let local = "192.168.1.5:8080".parse().unwrap();
    let mut connection = Connection::accepted(client(), local);
    connection.accepted = at(0);
    recorder.connection(connection)
}

pub fn start(host: &str, path: &str) -> FlowStart {
    FlowStart {
        connection: ConnectionId(1),
        kind: Kind::Http,
        method: "GET".to_owned(),
        scheme: "https",
        host: host.to_owned(),
        port: 443,
        path: path.to_owned(),
        client: client(),
        server: Some("93.184.216.34:443".parse().unwrap()),
        started: at(0),
        replay_of: None,
    }
}

/// A small exchange, not yet ended.
pub fn exchange(recorder: &Recorder, host: &str, path: &str, status: u16) -> FlowRecorder {
    let flow = recorder.flow(start(host, path));
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nX-Side: client\r\n\r\n");
    flow.head(HeadKind::Request, at(1), request.as_bytes());
    let response = format!("HTTP/1.1 {status} Fine\r\nContent-Type: text/plain\r\n\r\n");
    flow.head(HeadKind::Response, at(20), response.as_bytes());
    flow.edit(|flow| {
        flow.status = Some(status);
        flow.response.content_type = "text/plain".to_owned();
        flow.times.ended = Some(at(30));
    });
    flow
}

pub async fn body(store: &Store, id: FlowId, side: Side, from: u64) -> Vec<u8> {
    let chunks: Vec<_> = store.chunks(id, side, from).try_collect().await.unwrap();
    chunks.into_iter().flat_map(|c| c.data.to_vec()).collect()
}
