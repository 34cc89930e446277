//! A read buffer below TLS: rustls asks for 4 KiB at a time, a system call each.
//!
//! The buffer starts small, because most connections carry little, and doubles while reads fill it. It
//! also gives back what was read to find out what the client speaks.

use super::Stream;
use bytes::{Buf, BytesMut};
use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};

const START: usize = 8 * 1024;
const MAX: usize = 128 * 1024;

/// A stream with a read buffer.
#[derive(Debug)]
pub(crate) struct ReadAhead {
    inner: Stream,
    /// Read before this buffer came; given out first.
    before: BytesMut,
    buffer: Box<[u8]>,
    /// The bytes in `buffer` that were not given out yet.
    filled: std::ops::Range<usize>,
}

impl ReadAhead {
    /// A buffer over `inner`; `before` was read from it already.
    pub(crate) fn new(inner: Stream, before: BytesMut) -> Self {
        Self {
            inner,
            before,
            buffer: Box::default(),
            filled: 0..0,
        }
    }

    /// What is below.
    pub(super) fn inner(&self) -> &Stream {
        &self.inner
    }

    /// Reads on, behind what was not given out yet; 0 at the end.
    pub(crate) async fn more(&mut self) -> io::Result<usize> {
        let held = self.buffer.get(self.filled.clone()).unwrap_or_default();
        self.before.extend_from_slice(held);
        self.filled = 0..0;
        self.inner.read_buf(&mut self.before).await
    }

    /// How many bytes were read and not given out yet.
    pub(crate) fn held(&self) -> usize {
        self.before.len() + self.filled.len()
    }

    fn fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let full = self.filled.end == self.buffer.len();
        if full && self.buffer.len() < MAX {
            let size = (self.buffer.len() * 2).clamp(START, MAX);
            self.buffer = vec![0; size].into_boxed_slice();
        }
        self.filled = 0..0;
        let mut buf = ReadBuf::new(&mut self.buffer);
        ready!(Pin::new(&mut self.inner).poll_read(cx, &mut buf))?;
        self.filled = 0..buf.filled().len();
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for ReadAhead {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !this.before.is_empty() {
            let n = this.before.len().min(buf.remaining());
            buf.put_slice(&this.before[..n]);
            this.before.advance(n);
            if this.before.is_empty() {
                this.before = BytesMut::new();
            }
            return Poll::Ready(Ok(()));
        }
        if this.filled.is_empty() {
            if buf.remaining() >= this.buffer.len().max(START) {
                return Pin::new(&mut this.inner).poll_read(cx, buf);
            }
            ready!(this.fill(cx))?;
        }
        let held = this.buffer.get(this.filled.clone()).unwrap_or_default();
        let n = held.len().min(buf.remaining());
        buf.put_slice(&held[..n]);
        this.filled.start += n;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for ReadAhead {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().inner).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().inner).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[tokio::test]
    async fn gives_all_bytes_in_order_and_grows() {
        let (mut far, near) = tokio::io::duplex(1 << 20);
        let sent: Vec<u8> = (0..700_000_u32).map(|n| (n % 251) as u8).collect();
        let mut ahead = ReadAhead::new(Stream::Memory(near), BytesMut::from(&sent[..1000]));
        far.write_all(&sent[1000..]).await.expect("room");
        drop(far);
        let mut got = Vec::new();
        let mut piece = [0; 4096];
        loop {
            let n = ahead.read(&mut piece).await.expect("bytes");
            if n == 0 {
                break;
            }
            got.extend_from_slice(&piece[..n]);
        }
        assert!(got == sent);
        assert_eq!(ahead.buffer.len(), MAX);
    }

    #[tokio::test]
    async fn stays_small_for_little() {
        let (mut far, near) = tokio::io::duplex(1 << 20);
        let mut ahead = ReadAhead::new(Stream::Memory(near), BytesMut::new());
        let mut piece = [0; 10];
        for _ in 0..100 {
            far.write_all(b"0123456789").await.expect("room");
            ahead.read_exact(&mut piece).await.expect("bytes");
        }
        assert_eq!(&piece, b"0123456789");
        assert_eq!(ahead.buffer.len(), START);
    }
}
