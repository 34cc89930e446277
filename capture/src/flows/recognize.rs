//! What a TCP connection speaks, by the first bytes of both sides.

use super::dns_stream;
use crate::{
    http::{
        begins_like_preface, begins_like_request, begins_like_response, begins_like_settings,
        is_frames,
    },
    tls,
};
use overhear_store::Side;

/// So many bytes are looked at before it is none of these.
const MOST_EARLY: usize = 64 << 10;

/// What is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    Dns,
    Tls,
    Http1,
    Http2,
    /// HTTP/2 whose beginning is not in the capture.
    Http2Midway,
    Other,
}

/// Tells by what the client and the server said so far, and by the server's port; none as long as more of it may tell better, unless
/// `now` it has to be known. `whole`: it is the connection's beginning.
pub(super) fn protocol(
    [request, response]: &[Vec<u8>; 2],
    port: u16,
    whole: bool,
    now: bool,
) -> Option<Protocol> {
    let both = [request, response];
    let is_tls = both
        .iter()
        .any(|said| said.len() >= 3 && tls::begins_like(said));
    let may_be_tls = both.iter().any(|said| tls::begins_like(said));
    let http = match (request.is_empty(), response.is_empty()) {
        (false, _) => begins_like_request(request),
        (true, _) => begins_like_response(response),
    };
    let http2 = match request.is_empty() {
        false => begins_like_preface(request),
        // whose client was not heard yet
        true => (!begins_like_settings(response)).then_some(false),
    };
    let dns = match port == dns_stream::PORT {
        true if request.is_empty() => dns_stream::begins_like(Side::Response, response),
        true => dns_stream::begins_like(Side::Request, request),
        false => Some(false),
    };
    if dns == Some(true) {
        return Some(Protocol::Dns);
    }
    if is_tls {
        return Some(Protocol::Tls);
    }
    if http == Some(true) {
        return Some(Protocol::Http1);
    }
    if http2 == Some(true) {
        return Some(Protocol::Http2);
    }
    let may_be = may_be_tls || http.is_none() || http2.is_none() || dns.is_none();
    if may_be && !now && request.len() + response.len() < MOST_EARLY {
        return None;
    }
    let midway = |said: &[u8]| !whole && is_frames(said);
    let is_http2 = begins_like_settings(response) || midway(request) || midway(response);
    Some(if is_http2 {
        Protocol::Http2Midway
    } else {
        Protocol::Other
    })
}
