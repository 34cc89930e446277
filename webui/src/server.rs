//! The web server: its port, its layers from the outside in, and its end.

use crate::{
    Options, api, assets,
    auth::{self, Guard},
    captures, settings,
};
use axum::{
    Router,
    extract::Request,
    http::{HeaderName, HeaderValue, header},
    middleware::{self, Next},
    response::Response,
    routing::{any, get},
    serve::ListenerExt as _,
};
use overhear_ca::Authority;
use overhear_proxy::Handle;
use overhear_store::{Store, changes::Change};
use std::{
    io,
    net::SocketAddr,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{net::TcpListener, sync::watch, time};

/// How long answers that are under way may take when the program stops.
const FAREWELL: Duration = Duration::from_secs(2);

/// What every handler has at hand.
pub(crate) struct App {
    pub(crate) guard: Guard,
    pub(crate) store: Store,
    pub(crate) proxy: Handle,
    pub(crate) authority: Arc<Authority>,
    /// The file with the root certificate.
    pub(crate) certificate: PathBuf,
    /// The data folder.
    pub(crate) data: PathBuf,
    /// What the program was told.
    pub(crate) settings: Arc<dyn settings::Desk>,
    /// What is changed on its way.
    pub(crate) rules: Arc<crate::rules::Rulebook>,
    /// Packets that are captured beside the proxy.
    pub(crate) captures: Arc<dyn captures::Captures>,
    /// Requests that are sent many times.
    pub(crate) runs: api::Runs,
    /// Decoders of bodies that were asked for in parts.
    pub(crate) paused: Arc<crate::decode::Paused>,
    /// When the program started.
    pub(crate) started: Instant,
    /// Where the page is.
    pub(crate) address: SocketAddr,
    /// Why nothing is recorded at the moment, for a person; none when all is well.
    pub(crate) trouble: watch::Receiver<Option<Arc<str>>>,
    /// Turns true when the program stops.
    pub(crate) stop: watch::Receiver<bool>,
}

/// A web server that has its port.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
}

impl Server {
    /// Takes the port; loopback unless the person said otherwise.
    ///
    /// # Errors
    /// The port cannot be had; the text says why and what to do.
    pub async fn bind(address: SocketAddr) -> Result<Self, io::Error> {
        let words = |error: io::Error| {
            let reason = match error.kind() {
                io::ErrorKind::AddrInUse => {
                    "another program has the port; choose another one with --web".to_owned()
                }
                io::ErrorKind::PermissionDenied => {
                    "ports below 1024 need special rights; choose a higher one with --web"
                        .to_owned()
                }
                io::ErrorKind::AddrNotAvailable => {
                    "this machine does not have the address; choose another one with --web"
                        .to_owned()
                }
                _ => error.to_string(),
            };
            io::Error::new(
                error.kind(),
                format!("cannot serve the page on {address}: {reason}"),
            )
        };
        let listener = TcpListener::bind(address).await.map_err(words)?;
        let address = listener.local_addr().map_err(words)?;
        Ok(Self { listener, address })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stop` turns true; then lets answers that are under way end, for at most two seconds.
    pub async fn run(self, options: Options, stop: watch::Receiver<bool>) {
        let router = router(app(options, self.address, stop.clone()));
        let listener = self.listener.tap_io(|socket| {
            // event streams are made of small pieces
            if let Err(error) = socket.set_nodelay(true) {
                tracing::debug!("TCP_NODELAY: {error}");
            }
        });
        let server = axum::serve(listener, router).with_graceful_shutdown(stopped(stop.clone()));
        tokio::select! {
            ended = server.into_future() => if let Err(error) = ended {
                tracing::error!("the web server ended: {error}");
            },
            () = async { stopped(stop).await; time::sleep(FAREWELL).await } => {}
        }
    }
}

/// Ends when `stop` turns true, or nobody can say so any more.
pub(crate) async fn stopped(mut stop: watch::Receiver<bool>) {
    // an error means that the sender is gone
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Puts together what handlers need, and begins to watch the store's health.
pub(crate) fn app(options: Options, address: SocketAddr, stop: watch::Receiver<bool>) -> Arc<App> {
    let (said, trouble) = watch::channel(options.store.trouble());
    let mut changes = options.store.changes();
    let store = options.store.clone();
    let until = stop.clone();
    tokio::spawn(async move {
        let watch = async {
            while let Some(change) = changes.next().await {
                if matches!(change, Change::Trouble(_) | Change::Lagged) {
                    said.send_if_modified(|told| {
                        let now = store.trouble();
                        let news = *told != now;
                        *told = now;
                        news
                    });
                }
            }
        };
        tokio::select! {
            () = watch => {}
            () = stopped(until) => {}
        }
    });
    Arc::new(App {
        guard: Guard::new(options.token, address),
        store: options.store,
        proxy: options.proxy,
        authority: options.authority,
        certificate: options.certificate,
        data: options.data,
        settings: options.settings,
        rules: options.rules,
        captures: options.captures,
        runs: api::Runs::default(),
        paused: Arc::default(),
        started: Instant::now(),
        address,
        trouble,
        stop,
    })
}

/// The whole site, without its port. From the outside in: headers that every answer has, the door,
/// then the API and the page's files.
pub(crate) fn router(app: Arc<App>) -> Router {
    Router::new()
        .nest("/api", api::router())
        .route("/api/", any(api::nothing))
        .fallback_service(get(assets::serve))
        .layer(middleware::from_fn_with_state(app.clone(), auth::guard))
        .layer(middleware::from_fn(harden))
        .with_state(app)
}

/// The app's own scripts and styles only; it sets styles through the DOM, which needs no leave. The one thing
/// that it frames is the preview of a recorded body, which has a stricter policy of its own (`api/flows/preview`).
const CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; \
    media-src 'self' blob:; font-src 'self'; connect-src 'self'; frame-src 'self'; worker-src 'self'; \
    manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// Headers for a browser that every answer has, unless it chose stricter ones.
async fn harden(request: Request, next: Next) -> Response {
    const HEADERS: [(HeaderName, &str); 7] = [
        (header::CONTENT_SECURITY_POLICY, CSP),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("permissions-policy"),
            "camera=(), geolocation=(), microphone=()",
        ),
    ];
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests;
