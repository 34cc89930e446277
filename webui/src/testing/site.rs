//! A whole site on a real store and a real proxy in a folder of its own, asked without a socket.

use super::{Drawer, Listed};
use crate::{
    Options,
    server::{app, router},
};
use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Request, StatusCode, header},
};
use http_body_util::BodyExt as _;
use overhear_ca::Authority;
use overhear_proxy::{Handle, Proxy};
use overhear_store::{
    Connection, FlowId, FlowStart, HeadKind, Kind, Side, Store, StoreOptions, Timestamp, TlsInfo,
    Version,
};
use serde_json::Value;
use std::{sync::Arc, time::Duration};
use tempfile::TempDir;
use tokio::{
    sync::watch,
    time::{Instant, sleep, timeout},
};
use tower::ServiceExt as _;

/// The site's token.
pub(crate) const TOKEN: &str = "a test's token; with a semicolon";

/// The site, its store, and its proxy.
pub(crate) struct Site {
    pub(crate) store: Store,
    pub(crate) proxy: Handle,
    pub(crate) authority: Arc<Authority>,
    pub(crate) router: Router,
    /// Decoders that wait.
    pub(crate) paused: Arc<crate::decode::Paused>,
    pub(crate) stop: watch::Sender<bool>,
    pub(crate) folder: TempDir,
}

/// An answer that was read whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
    /// The body broke off.
    pub(crate) broken: bool,
}

/// What to record.
pub(crate) struct Exchange<'a> {
    pub(crate) method: &'a str,
    pub(crate) host: &'a str,
    pub(crate) path: &'a str,
    /// After the request line; each with its line end.
    pub(crate) fields: &'a str,
    pub(crate) body: &'a [u8],
    pub(crate) status: u16,
    pub(crate) response_fields: &'a str,
    pub(crate) response_body: &'a [u8],
}

impl Default for Exchange<'_> {
    fn default() -> Self {
        Self {
            method: "GET",
            host: "example.test",
            path: "/",
            fields: "",
            body: b"",
            status: 200,
            response_fields: "",
            response_body: b"",
        }
    }
}

impl Site {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("flows.db");
        let store = Store::open(StoreOptions {
            path,
            read_only: false,
        })
        .await
        .expect("a store");
        let ca = folder.path().join("ca");
        let authority = Arc::new(Authority::load_or_create(&ca).expect("a root"));
        let loopback = "127.0.0.1:0".parse().expect("an address");
        let options = overhear_proxy::Options {
            listen: vec![loopback],
            authority: authority.clone(),
            recorder: store.recorder(),
            site: None,
            reserved: Vec::new(),
            allow: Vec::new(),
            devices: Vec::new(),
            insecure_all: false,
            insecure_hosts: Vec::new(),
            upstream_ca: Vec::new(),
            modes: Vec::new(),
            user: None,
            ways: overhear_proxy::WayOptions::default(),
            tls: overhear_proxy::TlsOptions::default(),
        };
        let proxy = Proxy::bind(options).await.expect("a proxy");
        let handle = proxy.handle();
        let (stop, stopped) = watch::channel(false);
        tokio::spawn(proxy.run(stopped.clone()));
        let options = Options {
            token: TOKEN.to_owned(),
            store: store.clone(),
            proxy: handle.clone(),
            authority: authority.clone(),
            certificate: ca.join("cert.pem"),
            data: folder.path().to_owned(),
            rules: crate::rules::Rulebook::open(store.clone(), handle.clone())
                .await
                .expect("rules"),
            settings: Arc::new(Drawer::default()),
            captures: Arc::new(Listed::default()),
        };
        let address = "127.0.0.1:8081".parse().expect("an address");
        let app = app(options, address, stopped);
        let paused = app.paused.clone();
        let router = router(app);
        Self {
            store,
            proxy: handle,
            authority,
            router,
            paused,
            stop,
            folder,
        }
    }

    /// Sends a request as it is; the body is left as a stream.
    pub(crate) async fn send(&self, request: Request<Body>) -> axum::response::Response {
        let Ok(response) = self.router.clone().oneshot(request).await;
        response
    }

    /// Sends a request with the token and reads the answer.
    pub(crate) async fn ask(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        let body = body.map(|body| body.to_string());
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, "localhost:8081")
            .header(header::AUTHORIZATION, format!("Bearer {TOKEN}"));
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let request = request
            .body(body.map_or_else(Body::empty, Body::from))
            .expect("a request");
        self.answer(request).await
    }

    /// Sends a request as it is and reads the answer.
    pub(crate) async fn answer(&self, request: Request<Body>) -> Answer {
        Answer::read(self.send(request).await).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, None).await
    }

    /// Records a complete exchange over TLS.
    pub(crate) async fn record(&self, exchange: Exchange<'_>) -> FlowId {
        let at = |ms: i64| Timestamp(1_795_222_923_000_000_000 + ms * 1_000_000);
        let client = "192.168.1.7:50000".parse().expect("an address");
        let server = "203.0.113.9:443".parse().expect("an address");
        let mut connection =
            Connection::accepted(client, "192.168.1.5:8080".parse().expect("an address"));
        connection.host = exchange.host.to_owned();
        connection.port = 443;
        connection.server = Some(server);
        connection.accepted = at(0);
        connection.dns_start = Some(at(1));
        connection.dns_done = Some(at(3));
        connection.connect_start = Some(at(3));
        connection.connected = Some(at(8));
        connection.server_tls_done = Some(at(18));
        connection.client_tls_done = Some(at(20));
        connection.client_tls = Some(TlsInfo {
            version: "TLSv1.3".to_owned(),
            cipher: "TLS13_AES_128_GCM_SHA256".to_owned(),
            sni: Some(exchange.host.to_owned()),
            alpn_offered: vec!["h2".to_owned(), "http/1.1".to_owned()],
            alpn: Some("http/1.1".to_owned()),
            certificates: vec![self.authority.certificate_der().to_vec()].into(),
            ..TlsInfo::default()
        });
        let recorder = self.store.recorder();
        let connection = recorder.connection(connection);
        let flow = recorder.flow(FlowStart {
            connection: connection.id(),
            kind: Kind::Http,
            method: exchange.method.to_owned(),
            scheme: "https",
            host: exchange.host.to_owned(),
            port: 443,
            path: exchange.path.to_owned(),
            client,
            server: Some(server),
            started: at(25),
            replay_of: None,
        });
        let id = flow.id();
        let (method, path, host) = (exchange.method, exchange.path, exchange.host);
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\n{}\r\n",
            exchange.fields
        );
        flow.head(HeadKind::Request, at(25), head.as_bytes());
        for piece in exchange.body.chunks(16 << 10) {
            flow.chunk(Side::Request, at(27), piece);
        }
        let status = exchange.status;
        let head = format!("HTTP/1.1 {status} Fine\r\n{}\r\n", exchange.response_fields);
        flow.head(HeadKind::Response, at(40), head.as_bytes());
        for piece in exchange.response_body.chunks(16 << 10) {
            flow.chunk(Side::Response, at(50), piece);
        }
        let field = |fields: &str, name: &str| {
            let parsed = overhear_store::head::parse(fields.as_bytes(), false);
            parsed.field(name).unwrap_or_default().to_owned()
        };
        flow.edit(|flow| {
            flow.status = Some(status);
            flow.request.version = Some(Version::Http11);
            flow.request.content_type = field(exchange.fields, "content-type");
            flow.request.content_encoding = field(exchange.fields, "content-encoding");
            flow.response.version = Some(Version::Http11);
            flow.response.content_type = field(exchange.response_fields, "content-type");
            flow.response.content_encoding = field(exchange.response_fields, "content-encoding");
            flow.times.request_last = Some(at(27));
            flow.times.response_last = Some(at(60));
        });
        flow.complete();
        drop(connection);
        self.store.flush().await.expect("a flush");
        id
    }

    /// Waits until a flow has ended.
    pub(crate) async fn ended(&self, id: i64) -> Value {
        let limit = Instant::now() + Duration::from_secs(60);
        loop {
            let flow = self.get(&format!("/api/flows/{id}")).await.json();
            if flow["state"] != "running" || Instant::now() > limit {
                return flow;
            }
            sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Answer {
    async fn read(response: axum::response::Response) -> Self {
        let (parts, mut body) = response.into_parts();
        let mut bytes = Vec::new();
        let mut broken = false;
        while let Some(frame) = timeout(Duration::from_secs(60), body.frame())
            .await
            .expect("in time")
        {
            match frame {
                Ok(frame) => bytes.extend_from_slice(&frame.into_data().unwrap_or_default()),
                Err(_) => {
                    broken = true;
                    break;
                }
            }
        }
        Self {
            status: parts.status,
            headers: parts.headers,
            body: bytes,
            broken,
        }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap_or("not ASCII"))
    }

    /// Checks that this is a problem as RFC 9457 says, and gives it.
    pub(crate) fn problem(&self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.text());
        assert_eq!(
            self.header("content-type"),
            "application/problem+json",
            "{}",
            self.text()
        );
        let problem = self.json();
        assert_eq!(problem["status"], status);
        for member in ["type", "title", "detail"] {
            assert!(
                problem[member]
                    .as_str()
                    .is_some_and(|text| !text.is_empty()),
                "{problem}"
            );
        }
        problem
    }
}
