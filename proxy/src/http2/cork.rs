//! Many frames, one write: `h2` flushes after every DATA frame, and a flush below TLS is a system call.
//!
//! While it is corked, what is written is kept and flushes are put off, until whoever drives the connection
//! has nothing else to do and lets it out ([`Cork::poll_let_out`]), or there is much of it.

use super::opened::Opened;
use crate::stream::ReadAhead;
use parking_lot::Mutex;
use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::{Arc, atomic::AtomicU32},
    task::{Context, Poll, ready},
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What is kept at most before it is written anyway: bytes.
const LIMIT: usize = 64 * 1024;

/// A stream that is written in large pieces. Its clones are the same stream.
#[derive(Clone)]
pub(super) struct Cork(Arc<Mutex<Corked>>);

struct Corked {
    io: ReadAhead,
    /// Written to us and not to `io`, from `sent` on.
    kept: Vec<u8>,
    sent: usize,
    corked: bool,
    /// What may still be read until [`Cork::refill`], but for the last read: bytes. None is without a limit.
    portion: Option<usize>,
    /// Letting out failed: told at the next write.
    failed: Option<io::ErrorKind>,
    /// What was written to a server is looked into.
    opened: Option<Opened>,
}

impl Cork {
    /// Passes everything on at once, until it is corked.
    pub(super) fn new(io: ReadAhead) -> Self {
        Self(Arc::new(Mutex::new(Corked {
            io,
            kept: Vec::new(),
            sent: 0,
            corked: false,
            portion: None,
            failed: None,
            opened: None,
        })))
    }

    /// The same for a server, before anything is written; `opened` is told the highest stream that is opened.
    pub(super) fn to_server(io: ReadAhead, opened: Arc<AtomicU32>) -> Self {
        let cork = Self::new(io);
        cork.0.lock().opened = Some(Opened::new(opened));
        cork
    }

    /// Puts flushes off from now on, or no longer.
    pub(super) fn cork(&self, corked: bool) {
        self.0.lock().corked = corked;
    }

    /// Lets so many bytes be read until [`refill`](Self::refill), if nothing was said about it yet.
    pub(super) fn limit(&self, portion: usize) {
        self.0.lock().portion.get_or_insert(portion);
    }

    /// Lets so many bytes be read until the next call. True when the reader came to the end of what it was let
    /// before: nothing wakes it then.
    pub(super) fn refill(&self, portion: usize) -> bool {
        self.0.lock().portion.replace(portion) == Some(0)
    }

    /// Writes what was kept, as far as it goes without waiting; wakes the task when it can go on.
    pub(super) fn poll_let_out(&self, cx: &mut Context<'_>) {
        let mut inner = self.0.lock();
        if let Poll::Ready(Err(error)) = inner.poll_let_out(cx)
            && inner.failed.is_none()
        {
            inner.failed = Some(error.kind());
            // the connection hears of it from its next flush
            cx.waker().wake_by_ref();
        }
    }
}

impl Corked {
    fn poll_let_out(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_drain(cx))?;
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(rest @ [_, ..]) = self.kept.get(self.sent..) {
            match ready!(Pin::new(&mut self.io).poll_write(cx, rest))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                n => self.sent += n,
            }
        }
        self.kept.clear();
        self.sent = 0;
        Poll::Ready(Ok(()))
    }

    /// So much of this was taken to be written.
    fn taken(&mut self, bufs: &[IoSlice<'_>], length: usize) {
        let Some(opened) = &mut self.opened else {
            return;
        };
        let mut left = length;
        for buf in bufs {
            let taken = left.min(buf.len());
            opened.see(buf.get(..taken).unwrap_or_default());
            left -= taken;
        }
    }

    /// Makes room for more, or says why there is none.
    fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Some(kind) = self.failed {
            return Poll::Ready(Err(kind.into()));
        }
        match self.corked && self.kept.len() < LIMIT {
            true => Poll::Ready(Ok(())),
            false => self.poll_drain(cx),
        }
    }
}

impl AsyncRead for Cork {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut inner = self.0.lock();
        let Some(portion) = inner.portion else {
            return Pin::new(&mut inner.io).poll_read(cx, buf);
        };
        if portion == 0 {
            return Poll::Pending;
        }
        let before = buf.filled().len();
        let read = Pin::new(&mut inner.io).poll_read(cx, buf);
        inner.portion = Some(portion.saturating_sub(buf.filled().len() - before));
        read
    }
}

impl AsyncWrite for Cork {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(buf)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut inner = self.0.lock();
        ready!(inner.poll_room(cx))?;
        let length = if inner.corked {
            for buf in bufs {
                inner.kept.extend_from_slice(buf);
            }
            bufs.iter().map(|buf| buf.len()).sum()
        } else {
            ready!(Pin::new(&mut inner.io).poll_write_vectored(cx, bufs))?
        };
        inner.taken(bufs, length);
        Poll::Ready(Ok(length))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut inner = self.0.lock();
        ready!(inner.poll_room(cx))?;
        match inner.corked {
            true => Poll::Ready(Ok(())),
            false => Pin::new(&mut inner.io).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut inner = self.0.lock();
        ready!(inner.poll_let_out(cx))?;
        Pin::new(&mut inner.io).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::Stream;
    use bytes::BytesMut;
    use std::future::poll_fn;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

    fn corked(room: usize) -> (DuplexStream, Cork) {
        let (far, near) = tokio::io::duplex(room);
        let cork = Cork::new(ReadAhead::new(Stream::Memory(near), BytesMut::new()));
        cork.cork(true);
        (far, cork)
    }

    async fn let_out(cork: &Cork) {
        poll_fn(|cx| {
            cork.poll_let_out(cx);
            match cork.0.lock().kept.is_empty() {
                true => Poll::Ready(()),
                false => Poll::Pending,
            }
        })
        .await;
    }

    #[tokio::test]
    async fn keeps_until_it_is_let_out() {
        let (mut far, mut cork) = corked(1 << 20);
        for piece in ["one ", "two ", "three"] {
            cork.write_all(piece.as_bytes()).await.unwrap();
            cork.flush().await.unwrap();
        }
        let mut got = [0; 32];
        tokio::select! {
            biased;
            n = far.read(&mut got) => panic!("{n:?} bytes came"),
            () = std::future::ready(()) => {}
        }
        let_out(&cork).await;
        assert_eq!(far.read(&mut got).await.unwrap(), 13, "in one piece");
        assert_eq!(&got[..13], b"one two three");
    }

    #[tokio::test]
    async fn writes_much_anyway_and_in_order() {
        let (mut far, mut cork) = corked(10_000);
        let sent: Vec<u8> = (0..500_000_u32).map(|n| (n % 251) as u8).collect();
        let write = async {
            for piece in sent.chunks(8201) {
                cork.write_all(piece).await.unwrap();
                cork.flush().await.unwrap();
            }
            assert!(cork.0.lock().kept.capacity() < 4 * LIMIT);
            cork.shutdown().await.unwrap();
        };
        let read = async {
            let mut got = Vec::new();
            far.read_to_end(&mut got).await.unwrap();
            got
        };
        let ((), got) = tokio::join!(write, read);
        assert!(got == sent);
    }

    #[tokio::test]
    async fn a_failure_is_told_at_the_next_write() {
        let (far, mut cork) = corked(10);
        cork.write_all(b"kept").await.unwrap();
        drop(far);
        poll_fn(|cx| {
            cork.poll_let_out(cx);
            Poll::Ready(())
        })
        .await;
        assert_eq!(
            cork.flush().await.unwrap_err().kind(),
            io::ErrorKind::BrokenPipe
        );
        assert!(cork.write_all(b"more").await.is_err());
    }

    #[tokio::test]
    async fn passes_on_when_it_is_not_corked() {
        let (mut far, mut cork) = corked(100);
        cork.write_all(b"kept ").await.unwrap();
        cork.cork(false);
        cork.write_all(b"and passed").await.unwrap();
        cork.flush().await.unwrap();
        let mut got = [0; 15];
        far.read_exact(&mut got).await.unwrap();
        assert_eq!(&got, b"kept and passed");
    }
}
