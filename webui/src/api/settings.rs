//! `settings`: what the program was told, and what it is told now.

use super::{
    extract::{Json as Body, Path},
    problem::Problem,
};
use crate::{
    server::App,
    settings::{Refused, Setting},
};
use axum::{Json, extract::State, http::StatusCode};
use serde::Serialize;
use serde_json::{Map, Value};
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(settings, change))
        .routes(routes!(accept, verify))
        .routes(routes!(pass, intercept))
}

/// What the program was told.
#[derive(Serialize, ToSchema)]
struct Answer {
    /// The file that settings are saved in; null where there is no home folder.
    config_file: Option<String>,
    /// Everything that has a flag.
    items: Vec<Setting>,
    /// Hosts whose certificate is not verified.
    accepted_certificates: Vec<String>,
    /// Hosts that pass through unread in this run, beside those that the setting `tls` names.
    passed_hosts: Vec<PassedHost>,
}

/// A host that passes through unread.
#[derive(Serialize, ToSchema)]
struct PassedHost {
    /// As clients ask for it.
    #[schema(example = "api.bank.example")]
    host: String,
    /// A client kept refusing overhear's certificate, and the setting `pass-pinned` allows that.
    automatic: bool,
}

impl Answer {
    fn read(app: &App) -> Self {
        let settings = app.settings.read();
        let mut accepted_certificates = app.proxy.accepted_certificates();
        accepted_certificates.sort();
        let passing = app.proxy.passing_through();
        let mut passed_hosts: Vec<_> = passing
            .into_iter()
            .map(|passing| PassedHost {
                host: passing.host,
                automatic: passing.automatic,
            })
            .collect();
        passed_hosts.sort_by(|one, other| one.host.cmp(&other.host));
        Self {
            config_file: settings.config_file.map(|file| file.display().to_string()),
            items: settings.items,
            accepted_certificates,
            passed_hosts,
        }
    }
}

/// What the program was told.
#[utoipa::path(
    get, path = "/settings", tag = "program", operation_id = "getSettings",
    responses((status = 200, description = "The settings", body = Answer))
)]
async fn settings(State(app): State<Arc<App>>) -> Json<Answer> {
    Json(Answer::read(&app))
}

/// Saves settings in the configuration file, and applies those that can be applied at once: all or none.
/// `null` takes a setting out of the file.
#[utoipa::path(
    patch, path = "/settings", tag = "program", operation_id = "changeSettings",
    request_body(content = HashMap<String, Value>, description = "Values by key", example = json!({"allow": ["192.168.0.0/16"], "no-open": true})),
    responses(
        (status = 200, description = "The settings as they are now", body = Answer),
        (status = 400, description = "A key or a value is wrong, or the file cannot be written", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "The body is not application/json", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "The body is another JSON", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn change(
    State(app): State<Arc<App>>,
    Body(changes): Body<Map<String, Value>>,
) -> Result<Json<Answer>, Problem> {
    // reads and writes files
    let work = tokio::task::spawn_blocking(move || {
        app.settings.change(&changes)?;
        Ok(Answer::read(&app))
    });
    match work.await {
        Ok(done) => done
            .map(Json)
            .map_err(|refused: Refused| match refused.key {
                Some(key) => Problem::bad(format!("{key}: {}", refused.reason)),
                None => Problem::bad(refused.reason),
            }),
        Err(error) => Err(Problem::internal(
            "The settings could not be changed",
            &error,
        )),
    }
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

/// Lets TLS with a host pass through unread, from now on.
#[utoipa::path(
    put, path = "/settings/passed-hosts/{host}", tag = "program", operation_id = "passHost",
    params(("host" = String, Path, description = "DNS name or IP address, without port", example = "api.bank.example")),
    responses(
        (status = 204, description = "It passes through"),
        (status = 400, description = "That is no host", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn pass(
    State(app): State<Arc<App>>,
    Path(host): Path<String>,
) -> Result<StatusCode, Problem> {
    app.proxy.pass_through(&checked(&host)?, true);
    Ok(StatusCode::NO_CONTENT)
}

/// Intercepts TLS with a host again.
#[utoipa::path(
    delete, path = "/settings/passed-hosts/{host}", tag = "program", operation_id = "interceptHost",
    params(("host" = String, Path, description = "DNS name or IP address, without port")),
    responses(
        (status = 204, description = "Intercepted again"),
        (status = 400, description = "That is no host", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn intercept(
    State(app): State<Arc<App>>,
    Path(host): Path<String>,
) -> Result<StatusCode, Problem> {
    app.proxy.pass_through(&checked(&host)?, false);
    Ok(StatusCode::NO_CONTENT)
}

/// A host as flows name it: lower case, an IPv6 address without brackets.
fn checked(host: &str) -> Result<String, Problem> {
    host_name(host)
        .ok_or_else(|| Problem::bad(format!("{host:?} is not a host name or an IP address")))
}

/// A host as flows name it; none when the text is no host.
pub(crate) fn host_name(host: &str) -> Option<String> {
    let bare = host
        .strip_prefix('[')
        .and_then(|h| h.strip_suffix(']'))
        .unwrap_or(host);
    match url::Host::parse(host).or_else(|_| url::Host::parse(&format!("[{bare}]"))) {
        Ok(url::Host::Domain(name)) => Some(name),
        Ok(url::Host::Ipv4(ip)) => Some(ip.to_string()),
        Ok(url::Host::Ipv6(ip)) => Some(ip.to_string()),
        Err(_) => None,
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
