//! A store that a test fills through the recorder, and exports.

use overhear_pcap_export::{ExportOptions, Exporter, Format, Summary};
use overhear_store::{
    Connection, ConnectionRecorder, FlowRecorder, FlowStart, HeadKind, Kind, Party, Recorder, Side,
    Store, StoreOptions, Timestamp, TlsInfo,
};
use std::{io::Write, net::SocketAddr, path::PathBuf};
use tempfile::TempDir;

/// A store in a folder of its own.
pub struct Recording {
    folder: TempDir,
    store: Store,
    recorder: Recorder,
    /// Milliseconds in a test count from here.
    base: Timestamp,
}

/// A connection that is being recorded.
pub struct Link {
    recorder: ConnectionRecorder,
    client: SocketAddr,
    base: Timestamp,
}

/// A flow that is being recorded.
pub struct Exchange {
    pub recorder: FlowRecorder,
    base: Timestamp,
}

pub const PCAPNG: ExportOptions = ExportOptions {
    format: Format::Pcapng,
    ids: None,
    filter: None,
    keep_tls_port: false,
};

fn after(base: Timestamp, ms: i64) -> Timestamp {
    Timestamp(base.0 + ms * 1_000_000)
}

impl Recording {
    pub async fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let store = open(&folder, false).await;
        let recorder = store.recorder();
        let base = after(Timestamp::now(), -60_000);
        Self {
            folder,
            store,
            recorder,
            base,
        }
    }

    /// A connection from `client` to `server`, connecting at 0 to 10 ms.
    pub fn connect(&self, client: &str, server: &str) -> Link {
        let client = client.parse().unwrap();
        let server: SocketAddr = server.parse().unwrap();
        let mut connection = Connection::accepted(client, "192.0.2.254:8080".parse().unwrap());
        "origin.example".clone_into(&mut connection.host);
        connection.port = server.port();
        connection.server = Some(server);
        connection.accepted = after(self.base, 0);
        connection.connect_start = Some(after(self.base, 0));
        connection.connected = Some(after(self.base, 10));
        Link {
            recorder: self.recorder.connection(connection),
            client,
            base: self.base,
        }
    }

    /// A flow on a connection.
    pub fn flow(&self, link: &Link, kind: Kind, method: &str, path: &str, ms: i64) -> Exchange {
        let connection = link.recorder.get();
        let recorder = self.recorder.flow(FlowStart {
            connection: link.recorder.id(),
            kind,
            method: method.to_owned(),
            scheme: "http",
            host: connection.host,
            port: connection.port,
            path: path.to_owned(),
            client: link.client,
            server: connection.server,
            started: after(self.base, ms),
            replay_of: None,
        });
        let base = self.base;
        Exchange { recorder, base }
    }

    /// An exchange whose request is a head alone.
    pub fn get(&self, link: &Link, path: &str, ms: i64) -> Exchange {
        let flow = self.flow(link, Kind::Http, "GET", path, ms);
        let head = format!("GET {path} HTTP/1.1\r\nHost: origin.example\r\n\r\n");
        flow.head(HeadKind::Request, ms, &head);
        flow
    }

    /// Waits until there is room in the recorder's queue.
    pub async fn room(&self) {
        self.recorder.room().await;
    }

    /// Ends the recording and exports it; the file is in the folder that is returned with it.
    pub async fn export(self, options: &ExportOptions) -> Exported {
        self.store.close().await.unwrap();
        let store = open(&self.folder, true).await;
        let name = match options.format {
            Format::Pcap => "flows.pcap",
            Format::Pcapng => "flows.pcapng",
        };
        let path = self.folder.path().join(name);
        let mut out = std::fs::File::create(&path).unwrap();
        let mut exporter = Exporter::new(&store, options).await.unwrap();
        while let Some(piece) = exporter.next().await.unwrap() {
            out.write_all(&piece).unwrap();
        }
        let summary = exporter.summary();
        Exported {
            _folder: self.folder,
            base: self.base,
            path,
            summary,
        }
    }
}

/// A file that was exported.
pub struct Exported {
    /// Deleted with the file when this is dropped.
    _folder: TempDir,
    pub base: Timestamp,
    pub path: PathBuf,
    pub summary: Summary,
}

async fn open(folder: &TempDir, read_only: bool) -> Store {
    let path = folder.path().join("overhear.db");
    Store::open(StoreOptions { path, read_only }).await.unwrap()
}

impl Link {
    /// Says that TLS was spoken with the server, and when its handshake was done.
    pub fn tls(self, alpn: &str, ms: i64) -> Self {
        let done = after(self.base, ms);
        self.recorder.edit(|c| {
            c.server_tls = Some(TlsInfo {
                version: "TLSv1.3".to_owned(),
                cipher: "TLS_AES_128_GCM_SHA256".to_owned(),
                sni: Some(c.host.clone()),
                alpn_offered: vec![alpn.to_owned()],
                alpn: Some(alpn.to_owned()),
                certificates: Vec::new().into(),
                ..TlsInfo::default()
            });
            c.server_tls_done = Some(done);
        });
        self
    }

    pub fn edit(&self, change: impl FnOnce(&mut Connection)) {
        self.recorder.edit(change);
    }

    /// Ends the connection in order.
    pub fn close(self, by: Party, ms: i64) {
        self.end(by, ms, false);
    }

    /// Ends it with a reset.
    pub fn reset(self, by: Party, ms: i64) {
        self.end(by, ms, true);
    }

    fn end(self, by: Party, ms: i64, reset: bool) {
        let closed = after(self.base, ms);
        self.recorder.edit(|c| {
            c.closed = Some(closed);
            c.closed_by = Some(by);
            c.reset = reset;
        });
    }
}

impl Exchange {
    pub fn head(&self, kind: HeadKind, ms: i64, head: &str) {
        self.recorder
            .head(kind, after(self.base, ms), head.as_bytes());
    }

    /// The response's head, and its status.
    pub fn response(&self, ms: i64, status: u16, head: &str) {
        self.head(HeadKind::Response, ms, head);
        self.recorder.edit(|f| f.status = Some(status));
    }

    pub fn chunk(&self, side: Side, ms: i64, bytes: &[u8]) {
        self.recorder.chunk(side, after(self.base, ms), bytes);
    }

    /// A body in pieces of `size`, a piece every 2 ms.
    pub fn body(&self, side: Side, ms: i64, bytes: &[u8], size: usize) {
        for (at, piece) in (ms..).step_by(2).zip(bytes.chunks(size)) {
            self.chunk(side, at, piece);
        }
    }

    pub fn complete(self) {
        self.recorder.complete();
    }
}

/// Bytes that do not repeat, the same in every run.
pub fn noise(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        // xorshift64*
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        bytes.extend_from_slice(&state.wrapping_mul(0x2545_f491_4f6c_dd1d).to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}
