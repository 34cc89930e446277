//! The root certificate as files. Never its key.

use super::{flows::attachment, problem::Problem};
use crate::server::App;
use axum::{
    extract::State,
    http::header,
    response::{IntoResponse as _, Response},
};
use std::sync::Arc;
use utoipa_axum::{router::OpenApiRouter, routes};

/// Opens the PKCS#12 file: a container needs one, the certificate in it is no secret.
pub(crate) const P12_PASSWORD: &str = "overhear";

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(pem))
        .routes(routes!(der))
        .routes(routes!(p12))
        .routes(routes!(mobileconfig))
}

/// The root certificate in PEM.
#[utoipa::path(
    get, path = "/ca.pem", tag = "certificate", operation_id = "getCaPem",
    responses((status = 200, description = "PEM", body = String, content_type = "application/x-pem-file"))
)]
async fn pem(State(app): State<Arc<App>>) -> Response {
    file(
        "application/x-pem-file",
        "overhear.pem",
        app.authority.pem(),
    )
}

/// The root certificate in DER.
#[utoipa::path(
    get, path = "/ca.crt", tag = "certificate", operation_id = "getCaDer",
    responses((status = 200, description = "DER", body = String, content_type = "application/x-x509-ca-cert"))
)]
async fn der(State(app): State<Arc<App>>) -> Response {
    file(
        "application/x-x509-ca-cert",
        "overhear.crt",
        app.authority.certificate_der().to_vec(),
    )
}

/// The root certificate alone in PKCS#12; the password is `overhear`.
#[utoipa::path(
    get, path = "/ca.p12", tag = "certificate", operation_id = "getCaPkcs12",
    responses((status = 200, description = "PKCS#12", body = String, content_type = "application/x-pkcs12"))
)]
async fn p12(State(app): State<Arc<App>>) -> Result<Response, Problem> {
    let bytes = app
        .authority
        .pkcs12(P12_PASSWORD, false)
        .map_err(|error| Problem::internal("The PKCS#12 file could not be made", &error))?;
    Ok(file("application/x-pkcs12", "overhear.p12", bytes))
}

/// Apple's configuration profile that installs the root certificate.
#[utoipa::path(
    get, path = "/ca.mobileconfig", tag = "certificate", operation_id = "getCaProfile",
    responses((status = 200, description = "A profile", body = String, content_type = "application/x-apple-aspen-config"))
)]
async fn mobileconfig(State(app): State<Arc<App>>) -> Response {
    file(
        "application/x-apple-aspen-config",
        "overhear.mobileconfig",
        app.authority.mobileconfig(),
    )
}

fn file(kind: &'static str, name: &str, bytes: impl Into<axum::body::Bytes>) -> Response {
    let headers = [
        (header::CONTENT_TYPE, kind.to_owned()),
        (header::CONTENT_DISPOSITION, attachment(name)),
    ];
    (headers, bytes.into()).into_response()
}
