//! The REST API: one file a resource, errors from one place, and its OpenAPI description.
//!
//! Paths below are relative to `/api`.

mod ca;
mod captures;
mod devices;
mod events;
mod export;
mod extract;
mod filter;
mod flows;
mod import;
mod kept;
pub mod model;
mod offline;
mod openapi;
pub(crate) mod problem;
mod protobuf;
mod qr;
mod recording;
mod replay;
mod rules;
mod scripts;
mod selection;
mod sessions;
mod settings;
mod status;
mod waiting;
mod whole;

use crate::server::App;
use axum::{
    Extension, Router,
    extract::Request,
    http::{HeaderValue, StatusCode, header},
    middleware::{self, Next},
    response::Response,
};
#[cfg(any(test, fuzzing))]
pub use flows::fuzz_range;
use problem::Problem;
pub(crate) use replay::Runs;
pub(crate) use settings::host_name;
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;

/// Every resource, to be nested under `/api`.
pub(crate) fn router() -> Router<Arc<App>> {
    let (router, description) = resources().split_for_parts();
    let document = openapi::Document::new(&openapi::finish(description));
    router
        .method_not_allowed_fallback(async || {
            let detail = "This resource does not answer to that method; /api/openapi.json lists what it answers to.";
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method", "Method not allowed", detail)
        })
        .fallback(nothing)
        .layer(Extension(document))
        .layer(middleware::from_fn(uncached))
}

fn resources() -> OpenApiRouter<Arc<App>> {
    openapi::base()
        .merge(flows::routes())
        .merge(filter::routes())
        .merge(sessions::routes())
        .merge(replay::routes())
        .merge(written_and_acting())
        .merge(waiting::routes())
        .merge(export::routes())
        .merge(import::routes())
        .merge(status::routes())
        .merge(recording::routes())
        .merge(captures::routes())
        .merge(kept::routes())
        .merge(devices::routes())
        .merge(settings::routes())
        .merge(protobuf::routes())
        .merge(ca::routes())
        .merge(qr::routes())
        .merge(events::routes())
}

/// What is written first and acts then.
fn written_and_acting() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .merge(rules::routes())
        .merge(scripts::routes())
        .merge(offline::routes())
        .layer(middleware::from_fn(whole::to_its_end))
}

/// The answer for what is no resource.
pub(crate) async fn nothing() -> Problem {
    Problem::not_found("There is no such resource; /api/openapi.json lists all.")
}

/// What was recorded is not left in a browser's cache.
async fn uncached(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    headers
        .entry(header::CONTENT_SECURITY_POLICY)
        .or_insert(HeaderValue::from_static(
            "default-src 'none'; frame-ancestors 'none'; sandbox",
        ));
    response
}

#[cfg(test)]
mod tests;
