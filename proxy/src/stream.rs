//! The bytes of one side of a connection: TCP, TLS over it, or a pipe to the site of our own.
//!
//! One type for all of them, so that the relays exist once in the program. TLS may run in TLS (a client
//! that speaks TLS to the proxy itself, and then to a server through it).

mod ahead;

pub(crate) use ahead::ReadAhead;

use socket2::{SockRef, TcpKeepalive};
use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf},
    net::TcpStream,
    time::timeout,
};

/// One side of a connection.
#[derive(Debug)]
pub(crate) enum Stream {
    /// TCP as it is.
    Tcp(TcpStream),
    /// TLS that a client began.
    Accepted(Box<tokio_rustls::server::TlsStream<ReadAhead>>),
    /// TLS that we began.
    Dialled(Box<tokio_rustls::client::TlsStream<ReadAhead>>),
    /// A pipe within this program.
    Memory(DuplexStream),
}

/// A connection on which nothing is said for so long is probed, so often: a peer that is gone without a word (a phone
/// that left the network) ends it within minutes.
const QUIET: Duration = Duration::from_secs(60);
const PROBE: Duration = Duration::from_secs(15);

/// Lets the system find out whether the other side of a silent connection is still there.
pub(crate) fn keep_alive(tcp: &TcpStream) {
    let probes = TcpKeepalive::new().with_time(QUIET).with_interval(PROBE);
    // without them, a peer that is gone is noticed when something is sent
    let _ = SockRef::from(tcp).set_tcp_keepalive(&probes);
}

/// How long a client may take to read an answer before its connection is closed for good.
const LINGER: Duration = Duration::from_secs(2);

impl Stream {
    /// Closes in order: what was written arrives, also when the other side is still sending.
    pub(crate) async fn close(mut self) {
        let drain = async {
            self.shutdown().await?;
            // closing with unread bytes would reset the connection, and the answer with it
            let mut piece = [0; 1024];
            while self.read(&mut piece).await? > 0 {}
            io::Result::Ok(())
        };
        // the other side has its answer or will not get it
        let _ = timeout(LINGER, drain).await;
    }

    /// Breaks the connection off, so that it does not look like an end: a reset, without TLS's close_notify.
    pub(crate) fn cut(self) {
        if let Some(tcp) = self.tcp() {
            // without it the connection is closed in order, which is the next best
            let _ = tcp.set_zero_linger();
        }
    }

    /// Ends the connection without saying that this is the end: over TLS without a close_notify; as only a reset is
    /// doubtful without TLS, by a reset there.
    pub(crate) fn truncate(self) {
        if let Self::Tcp(_) = self {
            self.cut();
        }
    }

    /// The protocol that TLS agreed on, if there is TLS and it did.
    pub(crate) fn alpn(&self) -> Option<Vec<u8>> {
        let protocol = match self {
            Self::Accepted(tls) => tls.get_ref().1.alpn_protocol(),
            Self::Dialled(tls) => tls.get_ref().1.alpn_protocol(),
            Self::Tcp(_) | Self::Memory(_) => None,
        };
        protocol.map(<[u8]>::to_vec)
    }

    /// The socket below; none where there is none.
    pub(crate) fn tcp(&self) -> Option<&TcpStream> {
        match self {
            Self::Tcp(tcp) => Some(tcp),
            Self::Accepted(tls) => tls.get_ref().0.inner().tcp(),
            Self::Dialled(tls) => tls.get_ref().0.inner().tcp(),
            Self::Memory(_) => None,
        }
    }
}

/// Does the same for whichever it is.
macro_rules! each {
    ($self:expr, $io:ident => $do:expr) => {
        match $self.get_mut() {
            Stream::Tcp($io) => $do,
            Stream::Accepted($io) => $do,
            Stream::Dialled($io) => $do,
            Stream::Memory($io) => $do,
        }
    };
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        each!(self, io => Pin::new(io).poll_read(cx, buf))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        each!(self, io => Pin::new(io).poll_write(cx, buf))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        each!(self, io => Pin::new(io).poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Tcp(io) => io.is_write_vectored(),
            Self::Accepted(io) => io.is_write_vectored(),
            Self::Dialled(io) => io.is_write_vectored(),
            Self::Memory(io) => io.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self, io => Pin::new(io).poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self, io => Pin::new(io).poll_shutdown(cx))
    }
}
