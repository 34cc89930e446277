//! `status`: what the program is doing, and where it is reached.

use super::{model::seconds, problem::Problem};
use crate::{captures::Capture, disk, lan, server::App};
use axum::{Json, extract::State};
use overhear_proxy::{Listen, Mode};
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(status))
}

/// What the program is doing.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(super) struct Status {
    /// The program's version.
    version: String,
    /// Whether what passes is recorded; when not, it is `paused`, or `trouble` says why.
    recording: bool,
    /// Recording is switched off.
    paused: bool,
    /// What keeps it from recording, for a person.
    trouble: Option<String>,
    /// Flows in the database.
    flows: u64,
    /// Flows that began in a second: the mean of the last five.
    flows_per_second: f64,
    /// The session that is recorded into.
    session: CurrentSession,
    /// Bytes of the database on disk.
    disk_bytes: u64,
    /// Bytes recorded and not yet on disk.
    queued_bytes: u64,
    /// How many of those are kept before the traffic is slowed down.
    queue_bytes_limit: u64,
    /// Free bytes on the disk that holds the database; null where the system does not say.
    disk_free: Option<u64>,
    /// Seconds since the program started.
    uptime_s: u64,
    /// Other devices that have connected in this run.
    devices: u64,
    /// Open client connections.
    connections: u64,
    /// Packets that are captured beside the proxy.
    captures: Vec<Capture>,
    /// Where the proxy listens.
    #[schema(example = json!(["0.0.0.0:8080"]))]
    proxy: Vec<String>,
    /// Every port of the proxy, and what it is for.
    listeners: Vec<Listener>,
    /// Where other devices reach the proxy, the likeliest first.
    #[schema(example = json!(["192.168.1.5:8080"]))]
    lan: Vec<String>,
    /// Where the page is.
    #[schema(example = "http://127.0.0.1:8081")]
    web: String,
    /// The folder that holds what is recorded.
    data: String,
    ca: Root,
}

/// A port of the proxy.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
struct Listener {
    /// Where it listens.
    #[schema(example = "127.0.0.1:9000")]
    address: String,
    /// `proxy` (HTTP, CONNECT, SOCKS, TLS to the proxy itself), `reverse` or `transparent`.
    #[schema(example = "reverse")]
    mode: &'static str,
    /// The server in whose place it listens.
    #[schema(example = "https://example.org:443")]
    server: Option<String>,
}

impl From<&Listen> for Listener {
    fn from(listen: &Listen) -> Self {
        let (mode, server) = match &listen.mode {
            Mode::Mixed => ("proxy", None),
            Mode::Reverse(server) => ("reverse", Some(server.to_string())),
            Mode::Transparent => ("transparent", None),
        };
        Self {
            address: listen.address.to_string(),
            mode,
            server,
        }
    }
}

/// The session that is recorded into.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
struct CurrentSession {
    /// Its number.
    id: i64,
    /// What a person calls it; may be empty.
    name: String,
    /// How many flows it has.
    flows: u64,
}

/// The root certificate.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
struct Root {
    /// Its common name.
    name: String,
    /// SHA-256 of the DER: lower-case hexadecimal without separators.
    fingerprint: String,
    /// Last second of validity: RFC 3339.
    #[schema(format = DateTime)]
    not_after: String,
    /// The file with it in PEM, on the machine that overhear runs on.
    path: String,
}

impl Status {
    pub(super) async fn read(app: &App) -> Result<Self, Problem> {
        let proxy = app.proxy.status();
        let trouble = app.trouble.borrow().as_ref().map(|text| text.to_string());
        let root = app.authority.info();
        let paused = !app.store.is_recording();
        let current = app.store.current_session().await?;
        let session = app.store.session(current).await?;
        Ok(Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            recording: trouble.is_none() && !paused,
            paused,
            trouble,
            flows: app.store.count(None).await?,
            flows_per_second: app.store.flows_per_second(),
            session: CurrentSession {
                id: current.0,
                flows: session.as_ref().map_or(0, |session| session.flows),
                name: session.map(|session| session.name).unwrap_or_default(),
            },
            disk_bytes: app.store.size_on_disk(),
            queued_bytes: app.store.recorder().queued_bytes(),
            queue_bytes_limit: app.store.recorder().room_limit(),
            disk_free: disk::free(&app.data),
            uptime_s: app.started.elapsed().as_secs(),
            devices: app.proxy.devices().len() as u64,
            connections: proxy.connections,
            captures: app.captures.list(),
            lan: lan::addresses(&proxy.listening)
                .iter()
                .map(ToString::to_string)
                .collect(),
            listeners: proxy.listeners.iter().map(Listener::from).collect(),
            proxy: proxy.listening.iter().map(ToString::to_string).collect(),
            web: format!("http://{}", app.address),
            data: app.data.display().to_string(),
            ca: Root {
                name: root.name.clone(),
                fingerprint: root.fingerprint.clone(),
                not_after: seconds(root.not_after),
                path: app.certificate.display().to_string(),
            },
        })
    }
}

/// What the program is doing.
#[utoipa::path(
    get, path = "/status", tag = "program", operation_id = "getStatus",
    responses((status = 200, description = "The state of things", body = Status))
)]
async fn status(State(app): State<Arc<App>>) -> Result<Json<Status>, Problem> {
    Ok(Json(Status::read(&app).await?))
}
