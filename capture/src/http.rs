//! HTTP as it lies in the bytes of two directions: heads as they were sent, bodies without their framing.
//!
//! Who reads packets has neither a say in what was sent nor all of it: what is broken, missing or cut is told to the
//! [`Sink`], and nothing is made up for it.

mod body;
mod head;
mod http1;
mod http2;
#[cfg(test)]
mod notes;

pub use head::{Head, Start, begins_like_request, begins_like_response};
pub use http1::Http1;
#[cfg(any(test, fuzzing))]
pub use http2::check_field_blocks;
pub use http2::{Http2, begins_like_preface, begins_like_settings, is_frames};

use crate::packet::Span;
use overhear_store::{Side, Timestamp};

/// When bytes were seen, and the packet that had the last of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Position {
    /// The moment of the packet.
    pub at: Timestamp,
    /// Its number in the capture, from 1.
    pub packet: u64,
    /// Where that lies in the files that are kept.
    pub span: Span,
}

/// What an exchange is called within its connection: HTTP/1 counts from 1, HTTP/2 has stream identifiers.
pub type ExchangeId = u64;

/// Who is told what was found. A method that names an exchange for the first time begins it.
pub trait Sink {
    /// A request's head, as it was sent.
    fn request(&mut self, id: ExchangeId, at: Position, head: &Head<'_>);
    /// An interim (1xx) response's head.
    fn interim(&mut self, id: ExchangeId, at: Position, head: &Head<'_>);
    /// The final response's head.
    fn response(&mut self, id: ExchangeId, at: Position, head: &Head<'_>);
    /// Content: transfer coding removed, content coding kept. After an upgrade, the bytes of the new protocol.
    fn body(&mut self, id: ExchangeId, side: Side, at: Position, bytes: &[u8]);
    /// The trailer section: `name: value\r\n`... `\r\n`.
    fn trailers(&mut self, id: ExchangeId, side: Side, at: Position, bytes: &[u8]);
    /// A message is whole.
    fn end(&mut self, id: ExchangeId, side: Side, at: Position);
    /// The connection speaks another protocol from here on, beginning with the next bytes of both directions.
    fn upgraded(&mut self, id: ExchangeId, at: Position, upgrade: Upgrade);
    /// Bytes of a tunnel, or of HTTP/2 after an upgrade to it.
    fn tunnel(&mut self, side: Side, at: Position, bytes: &[u8]);
    /// A message is not whole, or not well formed: why. There may be more of it.
    fn broken(&mut self, id: ExchangeId, side: Side, at: Position, why: &str);
    /// From here on nothing can be told apart any more; what follows comes as [`tunnel`](Self::tunnel). `why`: a sentence.
    fn unreadable(&mut self, at: Position, why: &str);
}

/// What a connection became.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Upgrade {
    /// A WebSocket, RFC 6455: its frames are the exchange's body.
    WebSocket,
    /// HTTP/2, RFC 7540 section 3.2: the exchange goes on as its stream 1.
    Http2,
    /// A CONNECT's tunnel.
    Tunnel,
    /// Something else: its bytes are the exchange's body.
    Other,
}

fn not_captured(missing: u64) -> String {
    match missing {
        1 => "One byte of it is not in the capture.".to_owned(),
        missing => format!("{missing} bytes of it are not in the capture."),
    }
}
