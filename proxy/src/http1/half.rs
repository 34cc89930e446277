//! One connection used from the two directions of a relay, in one task.

use crate::intercept::throttle::Throttle;
use overhear_store::Side;
use parking_lot::Mutex;
use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A handle for one direction. Both directions run in one task, so the lock is never waited for and one waker
/// serves both.
#[derive(Debug)]
pub(crate) struct Half<'a, T>(pub(crate) &'a Mutex<T>);

impl<T: AsyncRead + Unpin> AsyncRead for Half<'_, T> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0.lock()).poll_read(cx, buf)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Half<'_, T> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.0.lock()).poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0.lock()).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0.lock()).poll_shutdown(cx)
    }
}

/// Writes all of `bytes` and pushes it out.
pub(crate) async fn send<W: AsyncWrite + Unpin>(io: &mut W, bytes: &[u8]) -> io::Result<()> {
    use tokio::io::AsyncWriteExt;
    io.write_all(bytes).await?;
    io.flush().await
}

/// [`send`], no faster than a throttle lets it.
pub(crate) async fn send_slowly<W: AsyncWrite + Unpin>(
    io: &mut W,
    bytes: &[u8],
    side: Side,
    throttle: Option<&Throttle>,
) -> io::Result<()> {
    let Some(throttle) = throttle else {
        return send(io, bytes).await;
    };
    for piece in bytes.chunks(throttle.piece(side)) {
        throttle.pass(side, piece.len()).await;
        send(io, piece).await?;
    }
    Ok(())
}
