//! One direction of one flow as pieces of the wire in time: heads, then the body as it is framed, then its end.

use super::message::Message;
use crate::{frames, segment::other, source::Chunks};
use bytes::Bytes;
use futures_util::StreamExt;
use overhear_store::{Error, Side, Timestamp, read::Chunk};

/// Bytes of the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Piece {
    /// When they passed.
    pub(crate) at: Timestamp,
    /// Who sent them.
    pub(crate) from: Side,
    /// What they are.
    pub(crate) part: Part,
    /// The bytes.
    pub(crate) bytes: Bytes,
    /// How many of them flow control counts (HTTP/2: the content of DATA frames).
    pub(crate) content: usize,
    /// What to say about them.
    pub(crate) comment: Option<String>,
}

/// What a piece is in its message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// An interim response.
    Interim,
    /// The head.
    Head,
    /// All else.
    Body,
}

/// How a message is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// HTTP/1 as it was recorded; bytes that are no HTTP.
    Plain,
    /// Frames of an HTTP/2 stream.
    Http2(u32),
}

/// One direction of one flow.
pub(crate) struct Lane {
    from: Side,
    protocol: Protocol,
    message: Message,
    /// None when the body was read to its end (or there is none).
    chunks: Option<Chunks>,
    /// What shows the end of the message was written, or there is nothing to show it with.
    closed: bool,
    /// HTTP/2: bytes of DATA since the last WINDOW_UPDATE of the stream.
    unacknowledged: u64,
}

/// How many bytes of DATA go by before the receiver makes room for as many again.
pub(crate) const WINDOW_STEP: u32 = 1 << 24;

impl Lane {
    /// `chunks` is called when there is a body.
    pub(crate) fn new(
        from: Side,
        protocol: Protocol,
        message: Message,
        chunks: impl FnOnce() -> Chunks,
    ) -> Self {
        let shown = match protocol {
            Protocol::Plain => message.chunked,
            // a stream without a head was never opened on this side
            Protocol::Http2(_) => message.answered,
        };
        Self {
            chunks: (message.body > 0).then(chunks),
            closed: !(message.ended && shown),
            from,
            protocol,
            message,
            unacknowledged: 0,
        }
    }

    /// The message's end was written, or will be.
    pub(crate) fn ends(&self) -> bool {
        self.message.ended
    }

    /// What was recorded after a switch of protocols follows the response's head.
    pub(crate) fn upgraded(&self) -> bool {
        self.message.upgraded
    }

    /// The next piece; none at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Piece>, Error> {
        if let Some(head) = self.message.heads.pop_front() {
            let last = self.message.heads.is_empty() && self.message.answered;
            return Ok(Some(self.head(head.at, &head.bytes, last)));
        }
        while let Some(chunks) = &mut self.chunks {
            match chunks.next().await.transpose()? {
                Some(chunk) if chunk.data.is_empty() => {}
                Some(chunk) => return Ok(Some(self.body(chunk))),
                None => self.chunks = None,
            }
        }
        Ok(self.end())
    }

    /// The WINDOW_UPDATE that the receiver of a piece owes after it.
    pub(crate) fn make_room(&mut self, piece: &Piece) -> Option<Piece> {
        let Protocol::Http2(stream) = self.protocol else {
            return None;
        };
        self.unacknowledged += piece.content as u64;
        if self.unacknowledged < u64::from(WINDOW_STEP) {
            return None;
        }
        self.unacknowledged -= u64::from(WINDOW_STEP);
        let mut bytes = Vec::new();
        frames::window_update(&mut bytes, stream, WINDOW_STEP);
        let mut room = self.piece(piece.at, Part::Body, bytes);
        room.from = other(self.from);
        Some(room)
    }

    fn head(&mut self, at: Timestamp, head: &Bytes, last: bool) -> Piece {
        let part = if last { Part::Head } else { Part::Interim };
        match self.protocol {
            Protocol::Plain => self.piece(at, part, head.clone()),
            Protocol::Http2(stream) => {
                let nothing_follows = self.chunks.is_none() && self.message.trailers.is_none();
                let end = last && nothing_follows && !self.closed;
                self.closed |= end;
                let mut out = Vec::with_capacity(head.len() + 64);
                frames::headers(&mut out, stream, head, end);
                self.piece(at, part, out)
            }
        }
    }

    fn body(&mut self, chunk: Chunk) -> Piece {
        let ends = chunk.offset.saturating_add(chunk.data.len() as u64);
        let last = ends >= self.message.body;
        let raw = self.message.raw;
        let is_raw = raw.is_some_and(|raw| chunk.offset >= raw);
        // trailers have a time of their own
        let end = last && self.message.trailers.is_none() && !self.closed;
        self.closed |= end;
        let mut out = Vec::new();
        match self.protocol {
            Protocol::Plain if !self.message.chunked || is_raw => {
                return self.piece(chunk.at, Part::Body, chunk.data);
            }
            Protocol::Plain => {
                out.reserve(chunk.data.len() + 32);
                frames::chunk(&mut out, &chunk.data);
                if raw == Some(ends) {
                    // what ends the chunk, if anything, is in what comes next
                    out.truncate(out.len() - b"\r\n".len());
                }
                if end {
                    frames::last_chunk(&mut out, None);
                }
            }
            Protocol::Http2(stream) => {
                out.reserve(chunk.data.len() + chunk.data.len() / 1024 + 32);
                frames::data(&mut out, stream, &chunk.data, end);
            }
        }
        let mut piece = self.piece(chunk.at, Part::Body, out);
        piece.content = chunk.data.len();
        piece
    }

    fn end(&mut self) -> Option<Piece> {
        if std::mem::replace(&mut self.closed, true) {
            return None;
        }
        let trailers = self.message.trailers.as_ref();
        let at = trailers.map_or(self.message.last, |t| t.at);
        let mut out = Vec::new();
        match (self.protocol, trailers) {
            (Protocol::Plain, trailers) => {
                frames::last_chunk(&mut out, trailers.map(|t| &t.bytes[..]));
            }
            (Protocol::Http2(stream), Some(t)) => {
                frames::headers(&mut out, stream, &t.bytes, true);
            }
            (Protocol::Http2(stream), None) => frames::data(&mut out, stream, &[], true),
        }
        Some(self.piece(at, Part::Body, out))
    }

    fn piece(&self, at: Timestamp, part: Part, bytes: impl Into<Bytes>) -> Piece {
        Piece {
            at,
            from: self.from,
            part,
            bytes: bytes.into(),
            content: 0,
            comment: None,
        }
    }
}
