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
    /// The connection broke behind the bytes: told when they are passed on.
    broken: Option<io::Error>,
    /// TLS ended without a close_notify.
    cut_off: bool,
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
            broken: None,
            cut_off: false,
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

    /// Whether the end was one of TLS without a close_notify: nobody can tell whether more was to come.
    pub(crate) fn is_cut_off(&self) -> bool {
        self.cut_off
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
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                self.cut_off = true;
                Ok(0)
            }
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

    /// TLS gives out a record of 16 KiB at a time: all that came is taken together, to be written together.
    fn poll_large<R: AsyncRead>(
        &mut self,
        cx: &mut Context<'_>,
        mut io: Pin<&mut R>,
    ) -> Poll<io::Result<usize>> {
        if let Some(error) = self.broken.take() {
            return Poll::Ready(Err(error));
        }
        self.bytes.reserve(LARGE);
        let mut room = (&mut self.bytes).limit(LARGE);
        let mut length = 0;
        while room.has_remaining_mut() {
            match poll_read_buf(io.as_mut(), cx, &mut room) {
                Poll::Pending if length == 0 => return Poll::Pending,
                Poll::Ready(Err(error)) if length == 0 => return Poll::Ready(Err(error)),
                Poll::Ready(Err(error)) => {
                    self.broken = Some(error);
                    break;
                }
                // an end is told again
                Poll::Pending | Poll::Ready(Ok(0)) => break,
                Poll::Ready(Ok(more)) => length += more,
            }
        }
        self.streams = length > SMALL / 4 || self.broken.is_some();
        Poll::Ready(Ok(length))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::VecDeque;

    /// Gives out a piece a read, then waits for ever.
    struct Pieces(VecDeque<io::Result<Vec<u8>>>);

    impl AsyncRead for Pieces {
        fn poll_read(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            buf: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            match self.get_mut().0.pop_front() {
                Some(piece) => Poll::Ready(piece.map(|piece| buf.put_slice(&piece))),
                None => Poll::Pending,
            }
        }
    }

    fn pieces(sizes: &[usize]) -> impl Iterator<Item = io::Result<Vec<u8>>> {
        sizes.iter().map(|size| Ok(vec![*size as u8; *size]))
    }

    /// Reads, and passes on what was read.
    async fn taken(input: &mut Input, io: &mut Pieces) -> io::Result<usize> {
        let length = input.fill(io).await?;
        assert_eq!(input.bytes().len(), length);
        input.consume(length);
        Ok(length)
    }

    #[tokio::test]
    async fn a_stream_is_taken_together() {
        let mut io = Pieces(pieces(&[SMALL, SMALL, SMALL, SMALL, SMALL, 5000, 700]).collect());
        let mut input = Input::new(BytesMut::new());
        assert_eq!(taken(&mut input, &mut io).await.unwrap(), SMALL, "not yet");
        assert_eq!(taken(&mut input, &mut io).await.unwrap(), LARGE);
        assert_eq!(taken(&mut input, &mut io).await.unwrap(), 5700);
        // what comes slowly is not waited for
        io.0.extend(pieces(&[1]));
        assert_eq!(taken(&mut input, &mut io).await.unwrap(), 1);
        io.0.extend(pieces(&[2, 3]));
        assert_eq!(taken(&mut input, &mut io).await.unwrap(), 2);
        assert_eq!(taken(&mut input, &mut io).await.unwrap(), 3);
    }

    #[tokio::test]
    async fn what_came_before_a_failure_is_passed_on() {
        for kind in [io::ErrorKind::ConnectionReset, io::ErrorKind::UnexpectedEof] {
            let mut io = Pieces(pieces(&[SMALL, 100]).collect());
            io.0.push_back(Err(kind.into()));
            let mut input = Input::new(BytesMut::new());
            assert_eq!(taken(&mut input, &mut io).await.unwrap(), SMALL);
            assert_eq!(taken(&mut input, &mut io).await.unwrap(), 100);
            match taken(&mut input, &mut io).await {
                // TLS without a close_notify
                Ok(length) => assert_eq!((length, kind), (0, io::ErrorKind::UnexpectedEof)),
                Err(error) => assert_eq!(error.kind(), kind),
            }
        }
    }

    #[tokio::test]
    async fn an_end_comes_after_what_came_before_it() {
        let mut io = Pieces(pieces(&[SMALL, 100, 0, 0]).collect());
        let mut input = Input::new(BytesMut::new());
        assert_eq!(taken(&mut input, &mut io).await.unwrap(), SMALL);
        assert_eq!(taken(&mut input, &mut io).await.unwrap(), 100);
        assert_eq!(taken(&mut input, &mut io).await.unwrap(), 0);
    }
}
