//! A client and a server joined: both directions at once, in one task.

use crate::{
    admit::ProxyUser,
    http1::{
        exchange::Exchanges,
        input::Input,
        prepared::Prepared,
        record::{Journal, Place},
        request, response,
    },
    intercept::Rules,
    target::Target,
    upstream::Forward,
};
use overhear_store::{ConnectionRecorder, Failure};
use parking_lot::Mutex;
use std::{
    future::{Future, poll_fn},
    io,
    net::SocketAddr,
    pin::pin,
    sync::Arc,
    task::Poll,
};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;

/// A connection to a server that is in use.
pub(crate) struct Server<S> {
    pub(crate) io: Mutex<S>,
    pub(crate) input: Input,
    pub(crate) target: Target,
    pub(crate) connection: Arc<ConnectionRecorder>,
    pub(crate) address: Option<SocketAddr>,
    /// Another proxy, which takes requests in absolute form.
    pub(crate) forward: Option<Arc<Forward>>,
}

/// What both directions work with.
pub(crate) struct Link<'a, C, S> {
    pub(crate) client: &'a Mutex<C>,
    pub(crate) server: &'a Mutex<S>,
    pub(crate) place: Place<'a>,
    pub(crate) journal: &'a Journal<'a>,
    pub(crate) exchanges: &'a Exchanges,
    pub(crate) stop: &'a CancellationToken,
    /// The server's side ends at another proxy, which takes requests in absolute form.
    pub(crate) forward: Option<&'a Forward>,
    /// Requests name their server (a proxy's port); otherwise all go to this one.
    pub(crate) named: bool,
    pub(crate) rules: &'a Rules,
    /// Both ends of the client's TCP connection, its own first; none where there is none.
    pub(crate) ends: Option<(SocketAddr, SocketAddr)>,
    /// Whom requests that name a server have to be from.
    pub(crate) user: Option<&'a ProxyUser>,
    /// What requests have in `Host` when they go on, where that is not what the client wrote.
    pub(crate) host: Option<&'a str>,
    /// The only exchange that this server is for: the next request goes elsewhere again.
    pub(crate) only: Mutex<Option<Prepared>>,
    pub(crate) once: bool,
}

/// Why a client and a server are joined no longer.
#[derive(Debug)]
pub(crate) enum Turn {
    /// The client's bytes begin with something that this server is not for: a request for another one, or one
    /// that must be refused. Every exchange before it is done.
    Request,
    /// The client has closed, and every exchange is done.
    ClientClosed,
    /// Nothing was asked for so long that the client has forgotten the connection.
    Idle,
    /// The client has closed in the middle of a request.
    ClientCut(Failure),
    /// The request is no longer well formed where the client's bytes begin: its body's framing went on before them
    /// as far as here.
    ClientBroken(Failure, Vec<u8>),
    /// The client's connection is broken.
    ClientReset(io::Error),
    /// The server has closed while nothing was asked; requests name their server.
    ServerIdle,
    /// The server has closed before any byte of an answer, and the request may be sent again elsewhere.
    Resend,
    /// The last response on these connections is done.
    Finished,
    /// No answer will come, and nothing of one was forwarded: tell the client.
    Answer(Failure),
    /// What the server sent is no answer, and nothing of it was forwarded: tell the client.
    Refused(Failure),
    /// The server has closed (or reset) a connection that had served before: do the same to the client.
    Mirror(Failure),
    /// The response breaks off.
    Cut(Failure),
    /// The response may have ended before its end: TLS did not say so.
    Truncated(Failure),
    /// The response is no longer well formed where the server's bytes begin: its body's framing went on before them
    /// as far as here.
    Broken(Failure, Vec<u8>),
    /// The exchange at the front has become a tunnel.
    Tunnel,
    /// A rule does not let the response through: by a reset, or by closing.
    Blocked { reset: bool, failure: Failure },
    /// The program stops and no exchange is running.
    Stopped,
}

impl<C, S> Link<'_, C, S>
where
    C: AsyncRead + AsyncWrite + Unpin + Send,
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    /// Relays until something else must be decided.
    pub(crate) async fn run(&self, from_client: &mut Input, from_server: &mut Input) -> Turn {
        let mut said = !from_client.is_empty();
        let mut responses = pin!(response::forward(self, from_server));
        let mut requests = pin!(request::forward(self, from_client));
        let mut stop = pin!(self.stop.cancelled());
        let mut stopping = false;
        poll_fn(|cx| {
            // but first of all what the client has sent already: a server that closed meanwhile owes it an answer
            if std::mem::take(&mut said)
                && let Poll::Ready(turn) = requests.as_mut().poll(cx)
            {
                return Poll::Ready(turn);
            }
            loop {
                // responses first: a server that has closed is seen before another request goes to it
                if let Poll::Ready(turn) = responses.as_mut().poll(cx) {
                    return Poll::Ready(turn);
                }
                if let Poll::Ready(turn) = requests.as_mut().poll(cx) {
                    return Poll::Ready(turn);
                }
                if !self.exchanges.take_changed() {
                    break;
                }
            }
            stopping = stopping || stop.as_mut().poll(cx).is_ready();
            if stopping && self.exchanges.read(|state| state.queue.is_empty()) {
                return Poll::Ready(Turn::Stopped);
            }
            Poll::Pending
        })
        .await
    }
}
