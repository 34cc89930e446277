//! Who may use the page and the API.
//!
//! Three questions, in this order. Is the request meant for us? Its `Host` must be a name of this
//! machine's own, or a web site could reach us under a name that it makes resolve to loopback (DNS
//! rebinding). Does it know the token? From the printed link once, then from a cookie, or as a
//! bearer token. Did our own page send it? A cookie is sent along by every page of the same site, and
//! to a browser every port of `localhost` is one site.

mod hosts;
mod page;

use crate::{api::problem::Problem, server::App};
use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
pub(crate) use hosts::Hosts;
#[cfg(any(test, fuzzing))]
pub use hosts::fuzz as fuzz_host;
use percent_encoding::NON_ALPHANUMERIC;
use std::{borrow::Cow, sync::Arc};
use subtle::ConstantTimeEq as _;

/// What is needed to answer the three questions.
pub(crate) struct Guard {
    /// The token; one that is empty opens nothing.
    token: String,
    /// The cookie's name. Cookies know no ports, so the port is in it: two programs on one machine
    /// would log each other out.
    cookie: String,
    hosts: Hosts,
}

impl Guard {
    pub(crate) fn new(token: String, address: std::net::SocketAddr) -> Self {
        let cookie = format!("overhear_{}", address.port());
        Self {
            token,
            cookie,
            hosts: Hosts::new(address),
        }
    }

    fn is_token(&self, text: &str) -> bool {
        !self.token.is_empty() && bool::from(self.token.as_bytes().ct_eq(text.as_bytes()))
    }

    /// Whether a bearer token or a cookie opens the door.
    fn knows(&self, headers: &HeaderMap) -> bool {
        let bearer = headers
            .get_all(header::AUTHORIZATION)
            .iter()
            .filter_map(|value| value.to_str().ok()?.split_once(' '))
            .any(|(scheme, token)| {
                scheme.eq_ignore_ascii_case("bearer") && self.is_token(token.trim())
            });
        let cookies = headers
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|v| v.to_str().ok());
        let mut pairs = cookies
            .flat_map(|value| value.split(';'))
            .filter_map(|p| p.split_once('='));
        bearer
            || pairs.any(|(name, value)| {
                let name = name.trim();
                (name == self.cookie || name == "overhear") && self.is_token(&decoded(value.trim()))
            })
    }

    /// Whether a request that changes something may come from where it says it comes from.
    fn own_origin(&self, headers: &HeaderMap) -> bool {
        let Some(origin) = headers.get(header::ORIGIN) else {
            // not a browser, or one that says it otherwise
            return !from_elsewhere(headers);
        };
        let host = headers
            .get(header::HOST)
            .and_then(|host| host.to_str().ok());
        let origin = origin.to_str().unwrap_or_default();
        let (_, authority) = origin.split_once("://").unwrap_or_default();
        host.is_some_and(|host| host.eq_ignore_ascii_case(authority)) && self.hosts.own(authority)
    }

    fn set_cookie(&self) -> Option<HeaderValue> {
        // a month, so that the page opens again after the browser was closed
        let month = 30 * 24 * 60 * 60;
        let name = &self.cookie;
        // a token that a person chose may have a semicolon in it
        let token = percent_encoding::utf8_percent_encode(&self.token, NON_ALPHANUMERIC);
        format!("{name}={token}; Path=/; Max-Age={month}; HttpOnly; SameSite=Strict")
            .parse()
            .ok()
    }
}

/// Asks the three questions.
pub(crate) async fn guard(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let guard = &app.guard;
    let (uri, headers) = (request.uri(), request.headers());
    if !meant_for_us(guard, uri, headers) {
        let detail = "This address does not belong to overhear. Open the page under the address that overhear printed.";
        return refuse(
            &request,
            StatusCode::FORBIDDEN,
            "host",
            "Wrong host",
            detail,
        );
    }
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    if reads
        && uri.path() == "/"
        && let Some((token, rest)) = token_of(uri)
    {
        return match guard.is_token(&token) {
            true => open(guard, &rest),
            false => unauthorized(&request),
        };
    }
    if !guard.knows(headers) {
        return unauthorized(&request);
    }
    let own = match reads {
        true => !is_api(uri) || !from_elsewhere(headers),
        false => guard.own_origin(headers),
    };
    if !own {
        let detail = "The request comes from another web site. Only overhear's own page and programs that know the token may use this.";
        return refuse(
            &request,
            StatusCode::FORBIDDEN,
            "origin",
            "Wrong origin",
            detail,
        );
    }
    next.run(request).await
}

fn meant_for_us(guard: &Guard, uri: &Uri, headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(header::HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else {
        return false;
    };
    host.to_str().is_ok_and(|host| guard.hosts.own(host))
        // a request in absolute form takes this for a proxy, unless it names us
        && uri.authority().is_none_or(|authority| guard.hosts.own(authority.as_str()))
}

/// The printed link was opened: the cookie takes over, and the token leaves the address bar.
fn open(guard: &Guard, rest: &str) -> Response {
    let location = if rest.is_empty() {
        "/".to_owned()
    } else {
        format!("/?{rest}")
    };
    let mut response = StatusCode::SEE_OTHER.into_response();
    let headers = response.headers_mut();
    if let (Some(cookie), Ok(location)) = (guard.set_cookie(), location.parse()) {
        headers.insert(header::SET_COOKIE, cookie);
        headers.insert(header::LOCATION, location);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn unauthorized(request: &Request) -> Response {
    let detail = "Open the link that overhear printed in the terminal, or send its token as \"Authorization: Bearer TOKEN\".";
    let mut response = refuse(
        request,
        StatusCode::UNAUTHORIZED,
        "token",
        "The token is missing or wrong",
        detail,
    );
    response
        .headers_mut()
        .insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    response
}

fn refuse(
    request: &Request,
    status: StatusCode,
    kind: &'static str,
    title: &'static str,
    detail: &'static str,
) -> Response {
    if is_api(request.uri()) {
        return Problem::new(status, kind, title, detail).into_response();
    }
    // a link on another site leads here without the cookie, although the browser has it
    let again = status == StatusCode::UNAUTHORIZED && from_elsewhere(request.headers());
    page::refusal(status, title, again)
}

/// Splits `token=T` off a query: the token, and what else there is.
fn token_of(uri: &Uri) -> Option<(String, String)> {
    let query = uri.query()?;
    let (tokens, rest): (Vec<_>, Vec<_>) = query
        .split('&')
        .partition(|pair| pair.starts_with("token="));
    let token = tokens.first()?.strip_prefix("token=")?;
    Some((decoded(token).into_owned(), rest.join("&")))
}

fn decoded(text: &str) -> Cow<'_, str> {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy()
}

fn is_api(uri: &Uri) -> bool {
    uri.path() == "/api" || uri.path().starts_with("/api/")
}

/// The browser says that another site's page asks, <https://www.w3.org/TR/fetch-metadata/>.
fn from_elsewhere(headers: &HeaderMap) -> bool {
    headers
        .get("sec-fetch-site")
        .is_some_and(|site| !matches!(site.as_bytes(), b"same-origin" | b"none"))
}
