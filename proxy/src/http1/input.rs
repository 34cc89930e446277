//! What was read from a connection and not yet passed on, with the moments it came.

use bytes::{Buf, BufMut, BytesMut};
use overhear_store::Timestamp;
use std::{
    future::poll_fn,
    io,
    mem::MaybeUninit,
    pin::Pin,
    task::{Context, Poll, ready},
};
use tokio::io::{AsyncRead, ReadBuf};
use tokio_util::io::poll_read_buf;

/// The buffer for a body that streams.
const LARGE: usize = 64 << 10;
/// What is read at once otherwise. It is read onto the stack, so that a connection that waits holds no buffer.
const SMALL: usize = 16 << 10;

/// A read buffer.
#[derive(Debug)]
pub(crate) struct Input {
    bytes: BytesMut,
    /// When the first of the bytes came.
    first: Timestamp,
    /// When the last of the bytes came.
    last: Timestamp,
    /// The latest reads were large: read into the buffer itself.
    streams: bool,
    /// What it begins with took too long to come.
    given_up: bool,
}

impl Input {
    /// Begins with what was read already.
    pub(crate) fn new(bytes: BytesMut) -> Self {
        let now = Timestamp::now();
        Self {
            bytes,
            first: now,
            last: now,
            streams: false,
            given_up: false,
        }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// What it begins with is not waited for any longer.
    pub(crate) fn give_up(&mut self) {
        self.given_up = true;
    }

    pub(crate) fn is_given_up(&self) -> bool {
        self.given_up
    }

    /// When the first of the bytes came.
    pub(crate) fn first(&self) -> Timestamp {
        self.first
    }

    /// When the last of the bytes came.
    pub(crate) fn last(&self) -> Timestamp {
        self.last
    }

    /// Drops what was passed on. What is left came with the last read.
    pub(crate) fn consume(&mut self, length: usize) {
        self.bytes.advance(length.min(self.bytes.len()));
        self.first = self.last;
    }

    pub(crate) fn into_bytes(self) -> BytesMut {
        self.bytes
    }

    /// Reads more; 0 when the other side has closed. TLS without a close_notify counts as closed. Nothing is lost
    /// when the future is dropped.
    pub(crate) async fn fill<R: AsyncRead + Unpin>(&mut self, io: &mut R) -> io::Result<usize> {
        match poll_fn(|cx| self.poll_fill(cx, Pin::new(&mut *io))).await {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(0),
            result => result,
        }
    }

    fn poll_fill<R: AsyncRead>(
        &mut self,
        cx: &mut Context<'_>,
        io: Pin<&mut R>,
    ) -> Poll<io::Result<usize>> {
        let length = if self.streams {
            ready!(self.poll_large(cx, io))?
        } else {
            ready!(self.poll_small(cx, io))?
        };
        self.last = Timestamp::now();
        if self.bytes.len() == length {
            self.first = self.last;
        }
        Poll::Ready(Ok(length))
    }

    fn poll_small<R: AsyncRead>(
        &mut self,
        cx: &mut Context<'_>,
        io: Pin<&mut R>,
    ) -> Poll<io::Result<usize>> {
        if self.bytes.is_empty() && self.bytes.capacity() > SMALL {
            self.bytes = BytesMut::new();
        }
        let mut room = [MaybeUninit::uninit(); SMALL];
        let mut read = ReadBuf::uninit(&mut room);
        ready!(io.poll_read(cx, &mut read))?;
        self.bytes.extend_from_slice(read.filled());
        self.streams = read.filled().len() > SMALL / 2;
        Poll::Ready(Ok(read.filled().len()))
    }

    fn poll_large<R: AsyncRead>(
        &mut self,
        cx: &mut Context<'_>,
        io: Pin<&mut R>,
    ) -> Poll<io::Result<usize>> {
        self.bytes.reserve(LARGE);
        let mut room = (&mut self.bytes).limit(LARGE);
        let length = ready!(poll_read_buf(io, cx, &mut room))?;
        self.streams = length > SMALL / 4;
        Poll::Ready(Ok(length))
    }
}
