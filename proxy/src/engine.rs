//! What all connections share.

use crate::{
    admit::{Admission, ProxyUser},
    apps::Apps,
    crowd::Crowd,
    intercept::Rules,
    listen::Listen,
    options::{LocalSite, Visit},
    tls::{Connector, Policy},
    upstream::{Ways, same_host},
};
use arc_swap::ArcSwapOption;
use overhear_ca::{Authority, Leaf};
use overhear_store::{
    ConnectionRecorder, Failure, FlowRecorder, FlowStart, Kind, Recorder, Timestamp,
};
use rustls::{KeyLog, ServerConfig};
use std::{
    net::SocketAddr,
    sync::{Arc, atomic::AtomicU64},
};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// The name of the site that the proxy shows of itself.
const SITE: &str = "overhear.internal";
/// The buffer of the pipe to the site.
const PIPE: usize = 64 * 1024;

/// What all connections share.
pub(crate) struct Engine {
    pub(crate) authority: Arc<Authority>,
    pub(crate) recorder: Recorder,
    pub(crate) site: Option<Arc<dyn LocalSite>>,
    pub(crate) admission: Admission,
    /// Whom clients have to be, beside.
    pub(crate) user: ArcSwapOption<ProxyUser>,
    pub(crate) ways: Ways,
    pub(crate) connector: Connector,
    /// Where the secrets of TLS go.
    pub(crate) key_log: Option<Arc<dyn KeyLog>>,
    /// Which TLS is opened.
    pub(crate) policy: Policy,
    pub(crate) crowd: Crowd,
    /// What is changed on its way.
    pub(crate) rules: Rules,
    /// Which programs on this computer connections are from.
    pub(crate) apps: Apps,
    /// Its ports.
    pub(crate) places: Vec<Listen>,
    /// Open client connections.
    pub(crate) open: AtomicU64,
    /// Replays under way.
    pub(crate) replays: TaskTracker,
    /// The program stops: begin nothing new.
    pub(crate) stop: CancellationToken,
    /// The program waits no longer: end what still runs.
    pub(crate) cut: CancellationToken,
}

/// A flow that is not an HTTP exchange the relays record.
pub(crate) struct Row<'a> {
    pub(crate) kind: Kind,
    pub(crate) method: &'a str,
    pub(crate) scheme: &'static str,
    pub(crate) host: &'a str,
    pub(crate) port: u16,
    pub(crate) started: Timestamp,
}

impl Engine {
    /// Begins a flow on `connection`.
    pub(crate) fn row(&self, connection: &ConnectionRecorder, row: Row<'_>) -> FlowRecorder {
        let known = connection.get();
        self.recorder.flow(FlowStart {
            connection: known.id,
            kind: row.kind,
            method: row.method.to_owned(),
            scheme: row.scheme,
            host: row.host.to_owned(),
            port: row.port,
            path: String::new(),
            client: known.client,
            server: known.server,
            started: row.started,
            replay_of: None,
        })
    }

    /// Records a TLS handshake that failed.
    pub(crate) fn failed_handshake(
        &self,
        connection: &ConnectionRecorder,
        host: &str,
        port: u16,
        failure: Failure,
    ) {
        let row = Row {
            kind: Kind::Tls,
            method: "",
            scheme: "tls",
            host,
            port,
            started: connection.get().accepted,
        };
        self.row(connection, row).fail(failure);
    }

    /// A leaf for a client, or the same with its secrets written where a person wants that.
    pub(crate) async fn leaf(
        &self,
        host: &str,
        mirror: Option<&[u8]>,
        alpn: Option<&[u8]>,
    ) -> Result<Arc<Leaf>, overhear_ca::Error> {
        let leaf = self.authority.leaf(host, mirror, alpn).await?;
        let Some(key_log) = &self.key_log else {
            return Ok(leaf);
        };
        let mut config = ServerConfig::clone(&leaf.config);
        config.key_log = Arc::clone(key_log);
        Ok(Arc::new(Leaf {
            config: Arc::new(config),
            certificates: leaf.certificates.clone(),
        }))
    }

    /// A pipe to the site that the proxy shows of itself.
    pub(crate) fn open_site(&self, visit: Visit) -> DuplexStream {
        let (near, far) = tokio::io::duplex(PIPE);
        match &self.site {
            Some(site) => site.serve(far, visit),
            None => {
                tokio::spawn(refuse(far));
            }
        }
        near
    }
}

/// Whether `host` is the site that the proxy shows of itself, on a port for HTTP.
pub(crate) fn is_site(host: &str, port: u16) -> bool {
    matches!(port, 80 | 443) && same_host(host, SITE)
}

/// An address as it is meant: an IPv4-mapped IPv6 address is the IPv4 address.
pub(crate) fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// Answers a visit when there is no site.
async fn refuse(mut io: DuplexStream) {
    const BODY: &str = "This is the port of a proxy. It shows no page of itself.\n";
    let answer = format!(
        "HTTP/1.1 404 Not Found\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{BODY}",
        BODY.len()
    );
    let mut head = Vec::new();
    let mut piece = [0; 1024];
    while !head.ends_with(b"\r\n\r\n") && head.len() < PIPE {
        match io.read(&mut piece).await {
            Ok(n @ 1..) => head.extend_from_slice(piece.get(..n).unwrap_or_default()),
            _ => return,
        }
    }
    // a visitor who has gone needs no answer
    let _ = io.write_all(answer.as_bytes()).await;
    let _ = io.shutdown().await;
}
