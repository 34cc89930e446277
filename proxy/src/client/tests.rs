//! Devices that may, may not, or wait: connections whose address is made up, because all of a test's come
//! from loopback.

use crate::{
    admit::Decision,
    engine::Engine,
    options::{LocalSite, Options, Visit},
    proxy::Proxy,
};
use overhear_ca::Authority;
use overhear_store::{
    FailureCause, Flow, HeadKind, Kind, Party, Store, StoreOptions, read::FlowQuery,
};
use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream},
    net::{TcpListener, TcpStream},
    time::timeout,
};

const PATIENCE: Duration = Duration::from_secs(60);
const PHONE: &str = "192.168.7.7";

struct Setting {
    engine: Arc<Engine>,
    store: Store,
    listener: TcpListener,
    _folder: TempDir,
}

struct Site;

impl LocalSite for Site {
    fn serve(&self, mut io: DuplexStream, _visit: Visit) {
        tokio::spawn(async move {
            let mut some = [0; 512];
            let _ = io.read(&mut some).await.unwrap();
            io.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\nsite")
                .await
                .unwrap();
        });
    }
}

impl Setting {
    /// A device that nobody answers for is given up after `patience`.
    async fn new(patience: Duration) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("flows.db");
        let store = Store::open(StoreOptions {
            path,
            read_only: false,
        })
        .await
        .unwrap();
        let authority = Authority::load_or_create(&folder.path().join("ca")).unwrap();
        let options = Options {
            listen: vec![SocketAddr::from(([127, 0, 0, 1], 0))],
            modes: Vec::new(),
            user: None,
            authority: Arc::new(authority),
            recorder: store.recorder(),
            site: Some(Arc::new(Site)),
            reserved: Vec::new(),
            allow: vec!["192.168.9.0/24".parse().unwrap()],
            devices: vec![("192.168.8.8".parse().unwrap(), Decision::Refuse)],
            insecure_all: false,
            insecure_hosts: Vec::new(),
            upstream_ca: Vec::new(),
            ways: crate::WayOptions::default(),
            tls: crate::TlsOptions::default(),
        };
        let mut engine = Proxy::bind(options).await.unwrap().into_engine();
        engine.admission.set_patience(patience);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self {
            engine: Arc::new(engine),
            store,
            listener,
            _folder: folder,
        }
    }

    /// A connection that looks as if it came from `ip`.
    async fn from(&self, ip: &str) -> TcpStream {
        let address = self.listener.local_addr().unwrap();
        let client = TcpStream::connect(address).await.unwrap();
        let (tcp, from) = self.listener.accept().await.unwrap();
        let peer = SocketAddr::new(ip.parse().unwrap(), from.port());
        let local = SocketAddr::from(([192, 168, 7, 1], 8080));
        tokio::spawn(serve(self.engine.clone(), tcp, peer, local));
        client
    }

    async fn ask(&self, ip: &str, request: &str) -> String {
        let mut client = self.from(ip).await;
        client.write_all(request.as_bytes()).await.unwrap();
        read(&mut client).await
    }

    /// TLS of a client that trusts our root, or not.
    fn connector(&self, root: bool) -> tokio_rustls::TlsConnector {
        let mut roots = rustls::RootCertStore::empty();
        if root {
            let der = self.engine.authority.certificate_der().to_vec();
            roots.add(der.into()).unwrap();
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        tokio_rustls::TlsConnector::from(Arc::new(config))
    }

    async fn flows(&self) -> Vec<Flow> {
        self.store.flush().await.unwrap();
        self.store.flows(&FlowQuery::default()).await.unwrap().flows
    }
}

async fn serve(engine: Arc<Engine>, tcp: TcpStream, peer: SocketAddr, local: SocketAddr) {
    super::serve(engine, tcp, peer, local, &crate::listen::Mode::Mixed).await;
}

async fn read(client: &mut TcpStream) -> String {
    let mut all = Vec::new();
    timeout(PATIENCE, client.read_to_end(&mut all))
        .await
        .unwrap()
        .unwrap();
    String::from_utf8(all).unwrap()
}

/// A server that answers one word to each connection.
async fn origin() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut tcp, _)) = listener.accept().await {
            let mut some = [0; 512];
            let _ = tcp.read(&mut some).await;
            tcp.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\nfine")
                .await
                .unwrap();
        }
    });
    address
}

fn get(url: &str) -> String {
    format!("GET {url} HTTP/1.1\r\nHost: x\r\nUser-Agent: Phone/1\r\nConnection: close\r\n\r\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_waits_for_the_answer() {
    let setting = Setting::new(PATIENCE).await;
    let origin = origin().await;
    let mut changed = setting.engine.admission.changed();
    let mut phone = setting.from(PHONE).await;
    phone
        .write_all(get(&format!("http://{origin}/")).as_bytes())
        .await
        .unwrap();
    let phone_ip: IpAddr = PHONE.parse().unwrap();
    // asked about, and known by its name, before anything is answered
    timeout(
        PATIENCE,
        changed.wait_for(|_| {
            let devices = setting.engine.admission.devices();
            devices
                .iter()
                .any(|d| d.address == phone_ip && d.user_agent.as_deref() == Some("Phone/1"))
        }),
    )
    .await
    .unwrap()
    .unwrap();
    assert_eq!(setting.engine.admission.devices()[0].decision, None);
    setting.engine.admission.decide(phone_ip, Decision::Allow);
    assert!(read(&mut phone).await.ends_with("fine"));
    assert!(
        setting
            .ask(PHONE, &get(&format!("http://{origin}/")))
            .await
            .ends_with("fine")
    );
    let devices = setting.engine.admission.devices();
    assert_eq!((devices.len(), devices[0].connections), (1, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_that_is_refused() {
    let setting = Setting::new(PATIENCE).await;
    let mut phone = setting.from(PHONE).await;
    phone
        .write_all(b"CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n\r\n")
        .await
        .unwrap();
    setting
        .engine
        .admission
        .decide(PHONE.parse().unwrap(), Decision::Refuse);
    let answer = read(&mut phone).await;
    assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
    assert!(answer.contains("was refused"), "{answer}");
    // also the page, and however often it tries
    for _ in 0..5 {
        let answer = setting.ask(PHONE, &get("/")).await;
        assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
    }
    let flows = setting.flows().await;
    let [flow] = flows.as_slice() else {
        panic!("one flow, not {flows:?}");
    };
    assert_eq!(
        (
            flow.kind,
            flow.method.as_str(),
            flow.host.as_str(),
            flow.port
        ),
        (Kind::Http, "CONNECT", "a.test", 443)
    );
    assert_eq!(flow.status, Some(403));
    let failure = flow.error.clone().unwrap();
    assert_eq!(
        (failure.cause, failure.side),
        (FailureCause::Forbidden, Party::Proxy)
    );
    let heads = setting.store.heads(flow.id).await.unwrap();
    assert_eq!(heads[0].kind, HeadKind::Request);
    assert!(heads[0].bytes.starts_with(b"CONNECT a.test:443"));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_answers() {
    let setting = Setting::new(Duration::from_millis(20)).await;
    for _ in 0..3 {
        let answer = setting.ask(PHONE, &get("http://a.test/")).await;
        assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
        assert!(answer.contains("--allow 192.168.7.7"), "{answer}");
    }
    assert_eq!(setting.flows().await.len(), 1, "not one for every attempt");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_can_be_set_up_before_it_is_allowed() {
    let setting = Setting::new(Duration::from_millis(20)).await;
    assert!(setting.ask(PHONE, &get("/")).await.ends_with("site"));
    assert!(
        setting
            .ask(PHONE, &get("http://overhear.internal/"))
            .await
            .ends_with("site")
    );
    let through = "CONNECT overhear.internal:80 HTTP/1.1\r\nHost: overhear.internal\r\n\r\nGET / HTTP/1.1\r\n\r\n";
    assert!(setting.ask(PHONE, through).await.ends_with("site"));
    assert!(setting.flows().await.is_empty());
    assert_eq!(setting.engine.admission.devices()[0].trusts, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_ahead() {
    let setting = Setting::new(Duration::from_millis(20)).await;
    let url = format!("http://{}/", origin().await);
    assert!(
        setting
            .ask("192.168.9.1", &get(&url))
            .await
            .ends_with("fine"),
        "--allow"
    );
    assert!(
        setting
            .ask("192.168.8.8", &get(&url))
            .await
            .starts_with("HTTP/1.1 403 "),
        "remembered"
    );
    let answer = setting.ask("203.0.113.5", &get("/")).await;
    assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
    assert!(answer.contains("public address"), "{answer}");
    let devices = setting.engine.admission.devices();
    assert!(
        devices
            .iter()
            .all(|d| d.address.to_string() != "203.0.113.5"),
        "{devices:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn trust_is_learned_from_tls() {
    let setting = Setting::new(Duration::from_millis(20)).await;
    let connect = |root| setting.connector(root);
    let trusts = || setting.engine.admission.devices()[0].trusts;
    let mut changed = setting.engine.admission.changed();
    for (root, expected) in [
        (false, Some(false)),
        (true, Some(true)),
        (false, Some(false)),
        (true, Some(true)),
    ] {
        let mut phone = setting.from(PHONE).await;
        phone
            .write_all(b"CONNECT overhear.internal:443 HTTP/1.1\r\nHost: overhear.internal\r\n\r\n")
            .await
            .unwrap();
        let mut answer = [0; 39];
        phone.read_exact(&mut answer).await.unwrap();
        let name = "overhear.internal".try_into().unwrap();
        let done = timeout(PATIENCE, connect(root).connect(name, phone))
            .await
            .unwrap();
        assert_eq!(done.is_ok(), root);
        timeout(PATIENCE, changed.wait_for(|_| trusts() == expected))
            .await
            .unwrap()
            .unwrap();
    }
    assert!(setting.flows().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_admitted_gets_no_certificate_and_one_row() {
    let setting = Setting::new(Duration::from_millis(20)).await;
    let tls = async |ip, name: &'static str| {
        let connecting = setting
            .connector(true)
            .connect(name.try_into().unwrap(), setting.from(ip).await);
        timeout(PATIENCE, connecting).await.unwrap()
    };
    for (rows, ip) in (1..).zip([PHONE, "192.168.8.8", "203.0.113.5"]) {
        for _ in 0..3 {
            assert!(tls(ip, "bank.test").await.is_err(), "{ip}");
            for garbage in [&b"\x05\x01\0"[..], b"\x16\x03\x01\0\x02\0\0"] {
                let mut client = setting.from(ip).await;
                client.write_all(garbage).await.unwrap();
                client.shutdown().await.unwrap();
                let mut rest = Vec::new();
                // an end, a reset, or an alert
                let _ = timeout(PATIENCE, client.read_to_end(&mut rest))
                    .await
                    .unwrap();
            }
        }
        // the page on which a person is to allow it speaks TLS before
        assert_eq!(tls(ip, "overhear.internal").await.is_ok(), ip == PHONE);
        assert_eq!(setting.flows().await.len(), rows, "{ip}");
    }
    let device = PHONE.parse().unwrap();
    setting.engine.admission.decide(device, Decision::Allow);
    assert!(tls(PHONE, "bank.test").await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_is_refused_later_loses_what_it_has_open() {
    let setting = Setting::new(PATIENCE).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut phone = setting.from("192.168.9.1").await;
    let connect = format!("CONNECT {address} HTTP/1.1\r\nHost: x\r\n\r\n");
    phone.write_all(connect.as_bytes()).await.unwrap();
    let (mut server, _) = timeout(PATIENCE, listener.accept()).await.unwrap().unwrap();
    let mut answer = [0; 39];
    phone.read_exact(&mut answer).await.unwrap();
    let device = "192.168.9.1".parse().unwrap();
    setting.engine.admission.decide(device, Decision::Refuse);
    for end in [&mut phone, &mut server] {
        let mut rest = Vec::new();
        // an end or a reset
        let _ = timeout(PATIENCE, end.read_to_end(&mut rest)).await.unwrap();
        assert!(rest.is_empty(), "{rest:?}");
    }
}

/// A client on this computer that is at the other end of a pipe.
fn piped(setting: &Setting) -> super::Client {
    let at = |port| SocketAddr::from(([127, 0, 0, 1], port));
    super::Client {
        engine: setting.engine.clone(),
        accepted: overhear_store::Connection::accepted(at(50_000), at(8080)),
        verdict: crate::admit::Verdict::Allowed,
        admitted: Arc::new(true.into()),
    }
}

#[tokio::test]
async fn socks_that_does_not_go_on_has_an_end() {
    let setting = Setting::new(PATIENCE).await;
    let stops: [&[u8]; 4] = [
        b"\x05",
        b"\x05\x01\0\x05\x01\0\x03\xffa",
        b"\x05\x01\x02\x01\x02me\x06sec",
        b"\x04\x01\0\x50\x7f\0\0\x01me",
    ];
    for sent in stops {
        let (mut near, far) = tokio::io::duplex(1024);
        near.write_all(sent).await.unwrap();
        tokio::time::pause();
        let client = piped(&setting);
        client.first_bytes(crate::stream::Stream::Memory(far)).await;
        tokio::time::resume();
    }
    let flows = setting.flows().await;
    assert_eq!(flows.len(), stops.len());
    for flow in flows {
        let failure = flow.error.expect("a failure");
        assert_eq!(
            (failure.cause, failure.side),
            (FailureCause::Timeout, Party::Client)
        );
        assert!(failure.text.contains("within 10 seconds"), "{failure:?}");
    }
}

#[tokio::test]
async fn silence_in_the_place_of_a_server_has_an_end_and_is_no_flow() {
    let setting = Setting::new(PATIENCE).await;
    let server = "http://127.0.0.1:9".parse().expect("a server");
    let (near, far) = tokio::io::duplex(1024);
    tokio::time::pause();
    let client = piped(&setting);
    client
        .reverse(crate::stream::Stream::Memory(far), &server)
        .await;
    tokio::time::resume();
    drop(near);
    assert!(setting.flows().await.is_empty());
}
