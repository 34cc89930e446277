//! `settings`: what the running proxy was told.

use super::{extract::Path, problem::Problem};
use crate::server::App;
use axum::{Json, extract::State, http::StatusCode};
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(settings))
        .routes(routes!(accept, verify))
}

/// What the proxy was told.
#[derive(Serialize, ToSchema)]
struct Settings {
    /// Hosts whose certificate is not verified.
    accepted_certificates: Vec<String>,
}

/// What the proxy was told.
#[utoipa::path(
    get, path = "/settings", tag = "program", operation_id = "getSettings",
    responses((status = 200, description = "The settings", body = Settings))
)]
async fn settings(State(app): State<Arc<App>>) -> Json<Settings> {
    let mut accepted_certificates = app.proxy.accepted_certificates();
    accepted_certificates.sort();
    Json(Settings {
        accepted_certificates,
    })
}

/// Accepts any certificate from a host, from now on.
#[utoipa::path(
    put, path = "/settings/accepted-certificates/{host}", tag = "program", operation_id = "acceptCertificate",
    params(("host" = String, Path, description = "DNS name or IP address, without port", example = "self-signed.example")),
    responses(
        (status = 204, description = "Accepted"),
        (status = 400, description = "That is no host", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn accept(
    State(app): State<Arc<App>>,
    Path(host): Path<String>,
) -> Result<StatusCode, Problem> {
    app.proxy.accept_certificate(&checked(&host)?, true);
    Ok(StatusCode::NO_CONTENT)
}

/// Verifies the certificates of a host again.
#[utoipa::path(
    delete, path = "/settings/accepted-certificates/{host}", tag = "program", operation_id = "verifyCertificate",
    params(("host" = String, Path, description = "DNS name or IP address, without port")),
    responses(
        (status = 204, description = "Verified again"),
        (status = 400, description = "That is no host", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn verify(
    State(app): State<Arc<App>>,
    Path(host): Path<String>,
) -> Result<StatusCode, Problem> {
    app.proxy.accept_certificate(&checked(&host)?, false);
    Ok(StatusCode::NO_CONTENT)
}

/// A host as flows name it: lower case, an IPv6 address without brackets.
fn checked(host: &str) -> Result<String, Problem> {
    let bare = host
        .strip_prefix('[')
        .and_then(|h| h.strip_suffix(']'))
        .unwrap_or(host);
    match url::Host::parse(host).or_else(|_| url::Host::parse(&format!("[{bare}]"))) {
        Ok(url::Host::Domain(name)) => Ok(name),
        Ok(url::Host::Ipv4(ip)) => Ok(ip.to_string()),
        Ok(url::Host::Ipv6(ip)) => Ok(ip.to_string()),
        Err(_) => Err(Problem::bad(format!(
            "{host:?} is not a host name or an IP address"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_a_host() {
        for (given, host) in [
            ("Example.COM", "example.com"),
            ("bücher.example", "xn--bcher-kva.example"),
            ("192.0.2.1", "192.0.2.1"),
            ("[2001:DB8::1]", "2001:db8::1"),
            ("2001:db8::1", "2001:db8::1"),
        ] {
            assert_eq!(checked(given).expect("a host"), host);
        }
        for wrong in ["", "a b", "a/b", "example.com:443", "[::1", "<script>"] {
            assert!(checked(wrong).is_err(), "{wrong}");
        }
    }
}
