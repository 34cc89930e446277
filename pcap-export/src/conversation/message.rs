//! What one side of a flow put on the wire between the proxy and the server, and how its body was framed.
//!
//! The wire is the server's: a request counts as it went on, a response as it came, and what the proxy
//! answered itself is no part of it. Bytes that broke a request's framing are the exception: they did not go on, but
//! without them nobody sees why the connection ended.

use crate::frames::is_http2;
use overhear_store::{
    Connection, Flow, HeadKind, Kind, Side, State, Timestamp, head,
    read::{RecordedHead, WholeFlow},
};
use std::collections::VecDeque;

/// One side of a flow, without the bytes of its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message {
    /// Interim heads and the head; none for what is not HTTP.
    pub(crate) heads: VecDeque<RecordedHead>,
    /// The recorded pieces go into chunks (HTTP/1).
    pub(crate) chunked: bool,
    /// Bytes of the body that were recorded when this was read.
    pub(crate) body: u64,
    /// Where in the body begins what came instead of chunks: it is written as it came.
    pub(crate) raw: Option<u64>,
    /// The message came to its end, as far as can be told.
    pub(crate) ended: bool,
    /// When the last byte passed.
    pub(crate) last: Timestamp,
    /// Trailer fields.
    pub(crate) trailers: Option<RecordedHead>,
    /// The connection changed its protocol with the response (101): the body is what followed.
    pub(crate) upgraded: bool,
    /// The last of `heads` is a final one.
    pub(crate) answered: bool,
}

impl Message {
    /// What a side of a flow put on the wire; none when nothing of it got there.
    pub(crate) fn of(connection: &Connection, recorded: &WholeFlow, side: Side) -> Option<Self> {
        let WholeFlow { flow, heads, .. } = recorded;
        let wire = Wire::of(heads);
        if !reached(connection, flow) {
            return None;
        }
        let (message, last, trailers) = match side {
            Side::Request => (
                &flow.request,
                flow.times.request_last,
                HeadKind::RequestTrailers,
            ),
            Side::Response => (
                &flow.response,
                flow.times.response_last,
                HeadKind::ResponseTrailers,
            ),
        };
        let trailers = find(heads, trailers).cloned();
        let own: VecDeque<RecordedHead> = match side {
            Side::Request => wire.request.into_iter().cloned().collect(),
            Side::Response => {
                let interim = heads.iter().filter(|h| h.kind == HeadKind::Interim);
                interim.chain(wire.response).cloned().collect()
            }
        };
        let begun = own.back().map(|h| h.at).or(flow.times.response_first);
        Some(Self {
            chunked: wire.chunked(flow, side),
            body: message.body_size,
            raw: message.raw,
            ended: message.raw.is_none() && (trailers.is_some() || wire.ended(flow, side)),
            last: last.or(begun).unwrap_or(flow.times.started),
            trailers,
            upgraded: wire.upgraded(flow),
            answered: side == Side::Request || wire.response.is_some(),
            heads: own,
        })
    }
}

/// The heads that were on the server's side.
struct Wire<'a> {
    request: Option<&'a RecordedHead>,
    response: Option<&'a RecordedHead>,
}

impl<'a> Wire<'a> {
    fn of(heads: &'a [RecordedHead]) -> Self {
        Self {
            request: find(heads, HeadKind::RequestSent).or(find(heads, HeadKind::Request)),
            response: find(heads, HeadKind::Response),
        }
    }

    fn head(&self, side: Side) -> Option<&'a RecordedHead> {
        match side {
            Side::Request => self.request,
            Side::Response => self.response,
        }
    }

    /// The status code of an HTTP/1 response.
    fn status(&self) -> Option<u16> {
        let head = self.response.filter(|h| !is_http2(&h.bytes))?;
        let mut words = head.bytes.split(|b| *b == b' ');
        std::str::from_utf8(words.nth(1)?.get(..3)?)
            .ok()?
            .parse()
            .ok()
    }

    /// Whether the connection went on with another protocol: 101, or the 2xx to a CONNECT.
    fn upgraded(&self, flow: &Flow) -> bool {
        match self.status() {
            Some(101) => true,
            Some(200..=299) => flow.method == "CONNECT",
            _ => false,
        }
    }

    /// RFC 9112 section 6.3: whether the body is framed by the chunked coding.
    fn chunked(&self, flow: &Flow, side: Side) -> bool {
        let Some(head) = self.head(side).filter(|h| !is_http2(&h.bytes)) else {
            return false;
        };
        let bodiless = side == Side::Response
            && (flow.method == "HEAD" || matches!(self.status(), Some(100..=199 | 204 | 304)));
        if bodiless || self.upgraded(flow) {
            return false;
        }
        let parsed = head::parse(&head.bytes, true);
        let codings = parsed
            .fields
            .iter()
            .filter(|(name, _)| name.eq_ignore_ascii_case("transfer-encoding"));
        let last = codings.flat_map(|(_, value)| value.split(',')).last();
        last.is_some_and(|coding| coding.trim().eq_ignore_ascii_case("chunked"))
    }

    /// Whether a message came to its end. Of a flow that is complete both did; of another one it has to be
    /// told from what was recorded.
    fn ended(&self, flow: &Flow, side: Side) -> bool {
        if flow.state == State::Complete {
            return true;
        }
        let Some(head) = self.head(side) else {
            return false;
        };
        let parsed = head::parse(&head.bytes, !is_http2(&head.bytes));
        let length = parsed.field("content-length").map(str::parse::<u64>);
        match side {
            Side::Response => length == Some(Ok(flow.response.body_size)),
            Side::Request => match length {
                Some(length) => length == Ok(flow.request.body_size),
                None if flow.request.body_size == 0 && without_body(&flow.method) => true,
                // a server usually answers when it has everything
                None => {
                    let last = flow.times.request_last;
                    self.response
                        .is_some_and(|r| last.is_none_or(|last| last <= r.at))
                }
            },
        }
    }
}

fn find(heads: &[RecordedHead], kind: HeadKind) -> Option<&RecordedHead> {
    heads.iter().find(|h| h.kind == kind)
}

/// Methods that usually have no body (a body that was recorded is written all the same).
fn without_body(method: &str) -> bool {
    matches!(method, "GET" | "HEAD" | "DELETE" | "OPTIONS" | "TRACE")
}

/// Whether anything of a flow got onto the server's connection. An exchange that the proxy answered itself, also
/// one on a connection that others used, was recorded without a server.
fn reached(connection: &Connection, flow: &Flow) -> bool {
    let tls_done = connection.server_tls.is_none() || connection.server_tls_done.is_some();
    match flow.kind {
        _ if connection.connected.is_none() => false,
        Kind::Tcp | Kind::Tls => true,
        // no part of a TCP connection
        Kind::Udp | Kind::Dns | Kind::Icmp => false,
        Kind::Http | Kind::WebSocket => tls_done && flow.server.is_some(),
    }
}
