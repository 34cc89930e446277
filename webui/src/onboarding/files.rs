//! The certificate in the forms that devices take, and the page's own files.

use super::page;
use axum::{
    Extension, Router,
    http::{StatusCode, header},
    response::{Html, IntoResponse as _, Response},
    routing::get,
};
use overhear_ca::Authority;
use std::sync::Arc;

/// Opens the PKCS#12 file: a container needs one, the certificate in it is no secret.
pub(super) const P12_PASSWORD: &str = "overhear";

type Root = Extension<Arc<Authority>>;

pub(super) fn routes() -> Router {
    Router::new()
        .route(
            "/site.css",
            get(|| own("text/css; charset=utf-8", include_str!("site.css"))),
        )
        .route(
            "/site.js",
            get(|| own("text/javascript; charset=utf-8", include_str!("site.js"))),
        )
        .route(
            "/icon.svg",
            get(|| own("image/svg+xml", include_str!("icon.svg"))),
        )
        .route("/overhear.mobileconfig", get(profile))
        .route("/overhear.crt", get(der))
        .route("/overhear.pem", get(pem))
        .route("/overhear.p12", get(p12))
}

async fn own(kind: &'static str, text: &'static str) -> Response {
    ([(header::CONTENT_TYPE, kind)], text).into_response()
}

/// Safari offers to install a profile only when it is shown, not saved.
async fn profile(Extension(root): Root) -> Response {
    (
        [(header::CONTENT_TYPE, "application/x-apple-aspen-config")],
        root.mobileconfig(),
    )
        .into_response()
}

/// Firefox offers to trust a certificate only when it is shown, not saved.
async fn der(Extension(root): Root) -> Response {
    let kind = [(header::CONTENT_TYPE, "application/x-x509-ca-cert")];
    (kind, root.certificate_der().to_vec()).into_response()
}

async fn pem(Extension(root): Root) -> Response {
    saved(
        "application/x-pem-file",
        "overhear.pem",
        root.pem().into_bytes(),
    )
}

async fn p12(Extension(root): Root) -> Response {
    match root.pkcs12(P12_PASSWORD, false) {
        Ok(bytes) => saved("application/x-pkcs12", "overhear.p12", bytes),
        Err(error) => {
            tracing::error!("the PKCS#12 file could not be made: {error}");
            (StatusCode::INTERNAL_SERVER_ERROR, Html(page::failed())).into_response()
        }
    }
}

fn saved(kind: &'static str, name: &str, bytes: Vec<u8>) -> Response {
    let headers = [
        (header::CONTENT_TYPE, kind.to_owned()),
        (
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"{name}\""),
        ),
    ];
    (headers, bytes).into_response()
}
