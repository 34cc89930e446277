//! The proxy in a form that browsers and systems fetch by themselves: proxy auto-configuration, a JavaScript function that
//! is asked about each URL.

use axum::{
    Extension,
    http::header,
    response::{IntoResponse as _, Response},
};
use overhear_proxy::Visit;
use std::net::SocketAddr;

/// The file, with the proxy at the address under which the visitor has reached it. There is no way around the proxy in it:
/// what passes unseen because the proxy is gone would be worse than what does not pass.
pub(super) async fn file(Extension(visit): Extension<Visit>) -> Response {
    let proxy = SocketAddr::new(visit.local.ip().to_canonical(), visit.local.port());
    let text = format!(
        "// proxy auto-configuration of overhear\nfunction FindProxyForURL(url, host) {{\n  return \"PROXY {proxy}\";\n}}\n"
    );
    let kind = [(header::CONTENT_TYPE, "application/x-ns-proxy-autoconfig")];
    (kind, text).into_response()
}
