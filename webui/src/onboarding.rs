//! The onboarding site: what `http://overhear.internal` and a plain visit to the proxy's port show.
//!
//! A page for the device that asks: how to use the proxy (when it does not yet), how to trust the
//! certificate, step by step, and a check that says by itself when it is done. There is nothing else
//! here: no API and nothing secret, because whoever reaches the proxy's port reaches this.

mod device;
mod files;
mod guide;
mod html;
mod pac;
mod page;
mod place;

use axum::{
    Extension, Router,
    extract::{Query, rejection::QueryRejection},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    middleware,
    response::{Html, IntoResponse as _, Redirect, Response},
    routing::get,
};
use device::Device;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use overhear_ca::Authority;
use overhear_proxy::{LocalSite, Visit};
use page::Page;
use place::Place;
use serde::Deserialize;
use std::{sync::Arc, time::Duration};
use tokio::io::DuplexStream;

/// How long a visitor may take to send a request's head.
const PATIENCE: Duration = Duration::from_secs(30);

/// The onboarding site: what `http://overhear.internal` and a plain visit to the proxy show a device.
pub struct Onboarding {
    router: Router,
}

impl Onboarding {
    /// The site for this root.
    pub fn new(authority: Arc<Authority>) -> Self {
        let router = Router::new()
            .route("/", get(guide))
            .route("/trusted", get(trusted))
            .route("/proxy.pac", get(pac::file))
            .merge(files::routes())
            .fallback(nothing)
            .layer(Extension(authority))
            .layer(middleware::map_response(harden));
        Self { router }
    }
}

impl LocalSite for Onboarding {
    fn serve(&self, io: DuplexStream, visit: Visit) {
        let router = self.router.clone().layer(Extension(visit));
        tokio::spawn(async move {
            let conversation = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(PATIENCE)
                .serve_connection(TokioIo::new(io), TowerToHyperService::new(router));
            if let Err(error) = conversation.await {
                tracing::debug!("a visit of {} ended: {error}", visit.client);
            }
        });
    }
}

#[derive(Deserialize)]
struct Choice {
    /// The device that a person picked instead of the one that was recognized.
    #[serde(default)]
    device: String,
}

/// The page.
async fn guide(
    Extension(authority): Extension<Arc<Authority>>,
    Extension(visit): Extension<Visit>,
    choice: Result<Query<Choice>, QueryRejection>,
    headers: HeaderMap,
) -> Response {
    let picked = choice
        .ok()
        .and_then(|Query(choice)| Device::from_name(&choice.device));
    let agent = headers
        .get(header::USER_AGENT)
        .and_then(|value| value.to_str().ok());
    let device = picked.unwrap_or_else(|| Device::from_user_agent(agent.unwrap_or_default()));
    let place = Place::of(&visit, device);
    let page = Page {
        root: authority.info(),
        place: &place,
        device,
        picked: picked.is_some(),
        proxied: visit.proxied,
        secure: visit.secure,
    };
    let mut response = Html(page.render()).into_response();
    if let Ok(policy) = place.content_security_policy().parse() {
        response
            .headers_mut()
            .insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

/// What the check asks for: whoever gets this over TLS trusts the certificate.
async fn trusted(Extension(visit): Extension<Visit>, headers: HeaderMap) -> Response {
    if !visit.secure {
        return Redirect::to(&Place::of(&visit, Device::Linux).check).into_response();
    }
    let accept = headers
        .get(header::ACCEPT)
        .and_then(|value| value.to_str().ok());
    let mut response = match accept.is_some_and(|accept| accept.contains("text/html")) {
        true => Html(page::trusted()).into_response(),
        false => "trusted\n".into_response(),
    };
    // asked for by the page that came without TLS, which is another origin
    let any = HeaderValue::from_static("*");
    response
        .headers_mut()
        .insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, any);
    response
}

async fn nothing() -> Response {
    (StatusCode::NOT_FOUND, Html(page::not_found())).into_response()
}

/// Headers that every answer has, unless it chose others. The certificate may be made anew: nothing is cached.
async fn harden(mut response: Response) -> Response {
    const HEADERS: [(HeaderName, &str); 5] = [
        (header::CONTENT_SECURITY_POLICY, place::POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
    ];
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
