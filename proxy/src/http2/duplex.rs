//! A stream of HTTP/2 as a connection of its own, for what an extended CONNECT opens (RFC 8441 section 5): the content of DATA frames
//! both ways, END_STREAM for the end of a direction.

use bytes::Bytes;
use h2::{Reason, RecvStream, SendStream};
use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Both directions of a stream.
pub(super) struct Duplex {
    from: RecvStream,
    to: SendStream<Bytes>,
    /// What came and was not read.
    rest: Bytes,
    /// What was written and may be the last: as its sender sent it, it goes with END_STREAM and not before an empty frame with that,
    /// which some servers do not survive; or it goes before what is written next.
    held: Bytes,
    /// All that comes on this stream was read; on the other one, from which this one is written.
    ended: Arc<AtomicBool>,
    other_ended: Arc<AtomicBool>,
    /// Why the stream ended before its peer had ended it in good order.
    broke: Option<h2::Error>,
}

impl Duplex {
    pub(super) fn new(from: RecvStream, to: SendStream<Bytes>) -> Self {
        Self {
            from,
            to,
            rest: Bytes::new(),
            held: Bytes::new(),
            ended: Arc::default(),
            other_ended: Arc::default(),
            broke: None,
        }
    }

    /// The two streams of a WebSocket: each is written what is read from the other.
    pub(super) fn pair(
        client: (RecvStream, SendStream<Bytes>),
        server: (RecvStream, SendStream<Bytes>),
    ) -> (Self, Self) {
        let mut client = Self::new(client.0, client.1);
        let mut server = Self::new(server.0, server.1);
        client.other_ended = server.ended.clone();
        server.other_ended = client.ended.clone();
        (client, server)
    }

    /// Ends the stream at once, in both directions. What was written and waits for room is lost.
    pub(super) fn reset(&mut self, reason: Reason) {
        self.to.send_reset(reason);
    }

    /// Why reading or writing failed.
    pub(super) fn broke(&mut self) -> Option<h2::Error> {
        self.broke.take()
    }

    /// A stream that was reset is to whoever uses it what a connection is that was.
    fn breaks(&mut self, error: h2::Error) -> io::Error {
        self.broke = Some(error);
        io::ErrorKind::ConnectionReset.into()
    }
}

impl AsyncRead for Duplex {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        while self.rest.is_empty() {
            match ready!(self.from.poll_data(cx)) {
                Some(Ok(data)) => self.rest = data,
                Some(Err(error)) => return Poll::Ready(Err(self.breaks(error))),
                None => return Poll::Ready(Ok(())),
            }
        }
        let length = self.rest.len().min(buf.remaining());
        buf.put_slice(&self.rest.split_to(length));
        let ended = self.rest.is_empty() && self.from.is_end_stream();
        self.ended.store(ended, Ordering::Relaxed);
        // the peer may send as much again only now: what nobody reads is bounded by the window
        let released = self.from.flow_control().release_capacity(length);
        Poll::Ready(released.map_err(|error| self.breaks(error)))
    }
}

impl AsyncWrite for Duplex {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if bytes.is_empty() {
            return Poll::Ready(Ok(0));
        }
        if !self.held.is_empty() {
            let held = std::mem::take(&mut self.held);
            if let Err(error) = self.to.send_data(held, false) {
                return Poll::Ready(Err(self.breaks(error)));
            }
        }
        self.to.reserve_capacity(bytes.len());
        loop {
            let error = match ready!(self.to.poll_capacity(cx)) {
                Some(Ok(0)) => continue,
                Some(Ok(room)) => {
                    let piece = Bytes::copy_from_slice(bytes.get(..room).unwrap_or(bytes));
                    let length = piece.len();
                    if self.other_ended.load(Ordering::Relaxed) {
                        self.held = piece;
                        return Poll::Ready(Ok(length));
                    }
                    match self.to.send_data(piece, false) {
                        Ok(()) => return Poll::Ready(Ok(length)),
                        Err(error) => error,
                    }
                }
                Some(Err(error)) => error,
                None => match self.to.poll_reset(cx) {
                    Poll::Ready(Ok(reason)) => reason.into(),
                    Poll::Ready(Err(error)) => error,
                    Poll::Pending => Reason::CANCEL.into(),
                },
            };
            return Poll::Ready(Err(self.breaks(error)));
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        // the connection writes by itself what has room
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let held = std::mem::take(&mut self.held);
        let ended = self.to.send_data(held, true);
        Poll::Ready(ended.map_err(|error| self.breaks(error)))
    }
}
