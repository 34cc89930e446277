//! A running proxy with a store, and what the tests say to it.

pub mod origin;
pub mod pki;

use overhear_ca::Authority;
use overhear_proxy::{Error, Handle, LocalSite, Options, Proxy, Visit};
use overhear_store::{
    Connection, Flow, FlowId, HeadKind, Side, State, Store, StoreOptions, read::FlowQuery,
};
use pki::Pki;
use rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs, pki_types::ServerName};
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tempfile::TempDir;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream},
    net::TcpStream,
    sync::watch,
    task::JoinHandle,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

/// Nothing on loopback takes this long, however busy the machine is.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// Longer than anybody here waits: what is held up by the end of the grace is a failure.
const LONG: Duration = Duration::from_secs(600);

/// A proxy that runs.
pub struct Running {
    pub address: SocketAddr,
    pub handle: Handle,
    pub store: Store,
    pub authority: Arc<Authority>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
    _folder: TempDir,
}

/// Waits, but not for ever.
pub async fn soon<F: Future>(what: &str, future: F) -> F::Output {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(output) => output,
        Err(_) => panic!("waited too long for {what}"),
    }
}

impl Running {
    /// A proxy that trusts `pki`'s origins.
    pub async fn start(pki: &Pki) -> Self {
        Self::start_with(pki, |_| ()).await
    }

    pub async fn start_with(pki: &Pki, change: impl FnOnce(&mut Options)) -> Self {
        Self::try_start(pki, change).await.expect("a proxy")
    }

    pub async fn try_start(pki: &Pki, change: impl FnOnce(&mut Options)) -> Result<Self, Error> {
        Self::try_start_with_grace(pki, LONG, change).await
    }

    /// Whose exchanges may go on for this long after the stop.
    pub async fn start_with_grace(pki: &Pki, grace: Duration) -> Self {
        let started = Self::try_start_with_grace(pki, grace, |_| ()).await;
        started.expect("a proxy")
    }

    async fn try_start_with_grace(
        pki: &Pki,
        grace: Duration,
        change: impl FnOnce(&mut Options),
    ) -> Result<Self, Error> {
        let folder = tempfile::tempdir().expect("a folder");
        let authority = Authority::load_or_create(&folder.path().join("ca")).expect("a root");
        let authority = Arc::new(authority);
        let path = folder.path().join("flows.db");
        let store = Store::open(StoreOptions {
            path,
            read_only: false,
        })
        .await
        .expect("a store");
        let roots = folder.path().join("origins.pem");
        std::fs::write(&roots, pki.root_pem()).expect("a file");
        let mut options = Options {
            listen: vec![SocketAddr::from(([127, 0, 0, 1], 0))],
            modes: Vec::new(),
            user: None,
            authority: authority.clone(),
            recorder: store.recorder(),
            site: Some(Arc::new(Site)),
            reserved: Vec::new(),
            allow: Vec::new(),
            devices: Vec::new(),
            insecure_all: false,
            insecure_hosts: Vec::new(),
            upstream_ca: vec![roots],
            ways: overhear_proxy::WayOptions::default(),
            tls: overhear_proxy::TlsOptions::default(),
        };
        change(&mut options);
        let proxy = Proxy::bind(options).await?.with_grace(grace);
        let handle = proxy.handle();
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 0));
        let address = handle
            .status()
            .listening
            .first()
            .copied()
            .unwrap_or(nowhere);
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(proxy.run(stopped));
        Ok(Self {
            address,
            handle,
            store,
            authority,
            stop,
            task,
            _folder: folder,
        })
    }

    /// A connection to the proxy.
    pub async fn dial(&self) -> TcpStream {
        TcpStream::connect(self.address)
            .await
            .expect("the proxy accepts")
    }

    /// A tunnel to `target`.
    pub async fn tunnel(&self, target: &str) -> TcpStream {
        let mut client = self.dial().await;
        let head = connect(&mut client, target).await;
        assert_eq!(head, "HTTP/1.1 200 Connection established\r\n\r\n");
        client
    }

    /// TLS in a tunnel, with a client that trusts the proxy's root.
    pub async fn tls(&self, target: &str, name: &str, alpn: &[&str]) -> TlsStream<TcpStream> {
        let client = self.tunnel(target).await;
        soon(
            "TLS",
            self.connector(alpn).connect(server_name(name), client),
        )
        .await
        .expect("TLS")
    }

    /// A TLS client that trusts the proxy's root.
    pub fn connector(&self, alpn: &[&str]) -> TlsConnector {
        let mut roots = RootCertStore::empty();
        roots
            .add(self.authority.certificate_der().to_vec().into())
            .expect("a root");
        connector(roots, alpn)
    }

    /// The first flow, in the order they began, that is finished and fits.
    pub async fn flow(&self, what: &str, fits: impl Fn(&Flow) -> bool) -> Flow {
        self.any_flow(what, |f| f.state != State::Running && fits(f))
            .await
    }

    /// As [`flow`](Self::flow), also when it is not finished.
    pub async fn any_flow(&self, what: &str, fits: impl Fn(&Flow) -> bool) -> Flow {
        let mut changes = self.store.changes();
        let found = async {
            loop {
                if let Some(flow) = self.flows().await.into_iter().find(|f| fits(f)) {
                    return flow;
                }
                changes.next().await.expect("the store is open");
            }
        };
        match tokio::time::timeout(PATIENCE, found).await {
            Ok(flow) => flow,
            Err(_) => panic!("no flow: {what}; there are {:#?}", self.flows().await),
        }
    }

    /// The only flow, finished.
    pub async fn only_flow(&self) -> Flow {
        let flow = self.flow("any", |_| true).await;
        assert_eq!(self.flows().await.len(), 1);
        flow
    }

    /// All flows so far.
    pub async fn flows(&self) -> Vec<Flow> {
        self.store.flush().await.expect("written");
        self.store
            .flows(&FlowQuery::default())
            .await
            .expect("flows")
            .flows
    }

    pub async fn connection(&self, flow: &Flow) -> Connection {
        let connection = self
            .store
            .connection(flow.connection)
            .await
            .expect("readable");
        connection.expect("a connection")
    }

    /// Waits until the connection's end is recorded.
    pub async fn closed_connection(&self, flow: &Flow) -> Connection {
        soon("the connection's end", async {
            loop {
                let connection = self.connection(flow).await;
                if connection.closed.is_some() {
                    return connection;
                }
                self.store.flush().await.expect("written");
                tokio::task::yield_now().await;
            }
        })
        .await
    }

    /// A head as text; the first of its kind.
    pub async fn head(&self, id: FlowId, kind: HeadKind) -> Option<String> {
        let heads = self.store.heads(id).await.expect("heads");
        let head = heads.into_iter().find(|h| h.kind == kind)?;
        Some(String::from_utf8_lossy(&head.bytes).into_owned())
    }

    pub async fn body(&self, id: FlowId, side: Side) -> Vec<u8> {
        use futures_util::TryStreamExt;
        let chunks: Vec<_> = self
            .store
            .chunks(id, side, 0)
            .try_collect()
            .await
            .expect("chunks");
        chunks.iter().flat_map(|c| c.data.to_vec()).collect()
    }

    /// Tells it to stop.
    pub fn stop(&self) {
        self.stop.send(true).expect("it runs");
    }

    /// Waits until it has stopped.
    pub async fn stopped(&mut self) {
        soon("the stop", &mut self.task).await.expect("no panic");
    }
}

/// A site of three words, which says how it was visited.
struct Site;

impl LocalSite for Site {
    fn serve(&self, mut io: DuplexStream, visit: Visit) {
        tokio::spawn(async move {
            let head = read_head(&mut io).await;
            let line = head.lines().next().unwrap_or_default().to_owned();
            let body = format!("{line} proxied={} secure={}", visit.proxied, visit.secure);
            let answer = format!(
                "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                body.len()
            );
            io.write_all(answer.as_bytes()).await.expect("a visitor");
            io.shutdown().await.expect("a visitor");
        });
    }
}

pub fn connector(roots: RootCertStore, alpn: &[&str]) -> TlsConnector {
    let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|p| p.as_bytes().to_vec()).collect();
    TlsConnector::from(Arc::new(config))
}

pub fn server_name(name: &str) -> ServerName<'static> {
    ServerName::try_from(name.to_owned()).expect("a name")
}

/// Sends a CONNECT; gives the answer's head.
pub async fn connect(client: &mut TcpStream, target: &str) -> String {
    let request =
        format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\nUser-Agent: test\r\n\r\n");
    client.write_all(request.as_bytes()).await.expect("sent");
    soon("the answer to CONNECT", read_head(client)).await
}

/// Sends a request and reads to the end.
pub async fn ask(client: &mut (impl AsyncRead + AsyncWrite + Unpin), request: &str) -> String {
    client.write_all(request.as_bytes()).await.expect("sent");
    client.flush().await.expect("sent");
    read_to_end(client).await
}

/// Reads a head, and nothing after it.
pub async fn read_head(io: &mut (impl AsyncRead + Unpin)) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match io.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => break,
        }
    }
    String::from_utf8(head).expect("text")
}

/// Reads until the other side closes or resets.
pub async fn read_to_end(io: &mut (impl AsyncRead + Unpin)) -> String {
    let mut all = Vec::new();
    // how it ends is not what is asked
    let _ = soon("the end", io.read_to_end(&mut all)).await;
    String::from_utf8_lossy(&all).into_owned()
}
