//! Failures over HTTP/2: pages for the client, and what an error of `h2` means in words.

use crate::{
    failure::{self, Format},
    target::Target,
    words::failed,
};
use bytes::Bytes;
use h2::{Reason, server::SendResponse};
use http::{HeaderValue, Method, Request, Response, header};
use memchr::memmem;
use overhear_store::{Failure, FailureCause, Party};

/// How the client wants to hear of a failure of `request`.
pub(super) fn format_of<B>(request: &Request<B>) -> Format {
    let accepts = |value: &HeaderValue| memmem::find(value.as_bytes(), b"text/html").is_some();
    Format {
        html: request
            .headers()
            .get_all(header::ACCEPT)
            .iter()
            .any(accepts),
        head: request.method() == Method::HEAD,
    }
}

/// The page of a failure as a response of HTTP/2.
pub(super) fn page(failure: &Failure, format: Format) -> Response<Bytes> {
    let whole = failure::page_as(failure::status(failure), failure, format);
    let split = memmem::find(&whole, b"\r\n\r\n").unwrap_or(whole.len());
    let (page_head, body) = whole.split_at_checked(split).unwrap_or((&whole, &[]));
    let body = body.get(4..).unwrap_or_default();
    let mut response = Response::new(Bytes::copy_from_slice(body));
    if let Ok(status) = http::StatusCode::from_u16(failure::status(failure)) {
        *response.status_mut() = status;
    }
    let parsed = overhear_store::head::parse(page_head, true);
    for (name, value) in parsed.fields {
        let connection = ["connection", "transfer-encoding", "keep-alive"];
        if connection.iter().any(|c| name.eq_ignore_ascii_case(c)) {
            continue;
        }
        let name = header::HeaderName::try_from(name);
        let value = header::HeaderValue::try_from(value);
        if let (Ok(name), Ok(value)) = (name, value) {
            response.headers_mut().append(name, value);
        }
    }
    response
}

/// Sends a page whole; false when a response has begun already or the client has gone.
pub(super) fn send_page(respond: &mut SendResponse<Bytes>, page: Response<Bytes>) -> bool {
    let (parts, body) = page.into_parts();
    let ends = body.is_empty();
    match respond.send_response(Response::from_parts(parts, ()), ends) {
        Ok(mut to_client) => ends || to_client.send_data(body, true).is_ok(),
        Err(_) => false,
    }
}

/// An exchange that broke off, in words.
pub(super) fn note_failure(side: Party, error: &h2::Error, target: &Target) -> Failure {
    let who = match side {
        Party::Client => "the client".to_owned(),
        Party::Server => target.to_string(),
        Party::Proxy => "the proxy".to_owned(),
    };
    let text = match (error.reason(), side) {
        _ if is_tls(error) => format!("{who} ended TLS: {error}{}", certificate_hint(error)),
        _ if error.is_io() => {
            format!("{who} closed the connection before the exchange was complete ({error})")
        }
        (Some(Reason::CANCEL), Party::Client) => "the client cancelled the request".to_owned(),
        (Some(reason), _) if error.is_library() => {
            format!("{who} broke the rules of HTTP/2: {}", describe(reason))
        }
        (Some(reason), _) if error.is_go_away() => {
            format!("{who} closed the HTTP/2 connection: {}", describe(reason))
        }
        (Some(reason), _) => format!("{who} reset the stream: {}", describe(reason)),
        (None, _) => format!("{who} broke off the exchange: {error}"),
    };
    failed(cause(error), side, text)
}

/// Whether TLS below ended the connection: of that `h2` keeps the kind and the words.
fn is_tls(error: &h2::Error) -> bool {
    error
        .get_io()
        .is_some_and(|io| io.kind() == std::io::ErrorKind::InvalidData)
}

fn certificate_hint(error: &h2::Error) -> &'static str {
    match error.to_string().contains("CertificateRequired") {
        true => ": it wants a client certificate",
        false => "",
    }
}

/// `REFUSED_STREAM (0x7)` and what it means.
fn describe(reason: Reason) -> String {
    let number = u32::from(reason);
    format!("{reason:?} (0x{number:x}), {}", reason.description())
}

/// What sort of failure an error of HTTP/2 is.
pub(super) fn cause(error: &h2::Error) -> FailureCause {
    if let Some(io) = error.get_io() {
        return match io.kind() {
            std::io::ErrorKind::InvalidData => FailureCause::Tls,
            std::io::ErrorKind::ConnectionReset | std::io::ErrorKind::BrokenPipe => {
                FailureCause::Reset
            }
            _ => FailureCause::Closed,
        };
    }
    match error.reason() {
        _ if error.is_library() => FailureCause::Protocol,
        Some(
            Reason::PROTOCOL_ERROR
            | Reason::FRAME_SIZE_ERROR
            | Reason::FLOW_CONTROL_ERROR
            | Reason::COMPRESSION_ERROR,
        ) => FailureCause::Protocol,
        Some(Reason::NO_ERROR) => FailureCause::Closed,
        _ => FailureCause::Reset,
    }
}
