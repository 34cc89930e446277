//! HTTP/1.0 and 1.1: our own relay, heads forwarded verbatim, both directions at once.

mod changed;
mod chunked;
mod exchange;
mod framing;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod half;
mod head;
mod input;
mod line;
mod link;
mod offer;
mod plain;
mod prepared;
mod problem;
mod record;
mod relay;
mod request;
mod response;
mod target;

pub(crate) use changed::blocked;
pub(crate) use framing::{Asked as Framed, Body};
pub(crate) use half::{Half, send, send_slowly};
pub(crate) use head::HeadReader;
pub(crate) use input::Input;
pub(crate) use problem::Problem;
pub(crate) use record::becomes_websocket;
pub(crate) use relay::respond;
pub(crate) use request::{IDLE, MOST_AHEAD, left};
pub(crate) use target::{authority, dialable};

use crate::{
    admit::ProxyUser,
    intercept::Rules,
    target::Target,
    upstream::{Forward, Via},
    words::failed,
};
use bytes::BytesMut;
use overhear_store::{
    Connection, ConnectionRecorder, Failure, FailureCause, FlowId, Party, Recorder, Replayed,
};
use std::{future::Future, net::SocketAddr, sync::Arc};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::oneshot,
};
use tokio_util::sync::CancellationToken;

/// A server's connection that stands, TLS done where there is TLS.
pub(crate) struct Upstream<S> {
    /// The bytes.
    pub(crate) io: S,
    /// Read from the server already.
    pub(crate) read: BytesMut,
    /// Whom it reaches.
    pub(crate) target: Target,
    /// What records the connection (the client's and this one's).
    pub(crate) connection: Arc<ConnectionRecorder>,
    /// The server's address; none for what this program answers itself, which is not recorded.
    pub(crate) server: Option<SocketAddr>,
    /// Another proxy is at the other end, which takes requests in absolute form.
    pub(crate) forward: Option<Arc<Forward>>,
}

/// Reaches servers for plain proxy requests.
pub(crate) trait Dial: Send + Sync {
    /// What a dialled connection reads from and writes to.
    type Io: AsyncRead + AsyncWrite + Unpin + Send;
    /// Dials, TLS included; `via`: another way there. It is given up when `gone` ends: the client is.
    fn dial(
        &self,
        target: &Target,
        via: Option<&Via>,
        gone: impl Future<Output = ()> + Send,
    ) -> impl Future<Output = Result<Upstream<Self::Io>, DialFailed>> + Send;
}

/// A dial that failed: the connection was recorded as far as it came.
pub(crate) struct DialFailed {
    pub(crate) failure: Failure,
    pub(crate) connection: Arc<ConnectionRecorder>,
}

impl DialFailed {
    /// A dial whose client gave up.
    pub(crate) fn given_up(target: &Target, connection: Arc<ConnectionRecorder>) -> Self {
        connection.edit(|connection| connection.closed_by = Some(Party::Client));
        Self {
            failure: given_up(target),
            connection,
        }
    }

    /// Whether the client gave up: nobody is left to be told.
    pub(crate) fn is_given_up(&self) -> bool {
        is_given_up(&self.failure)
    }
}

/// The client gave up while a server was dialled.
pub(crate) fn given_up(target: &Target) -> Failure {
    let text = format!("The client gave up while the connection to {target} was being made.");
    failed(FailureCause::Closed, Party::Client, text)
}

/// Whether a client that gave up is why there is no connection to a server.
pub(crate) fn is_given_up(failure: &Failure) -> bool {
    (failure.cause, failure.side) == (FailureCause::Closed, Party::Client)
}

/// Where the requests on a client's connection go.
pub(crate) enum Route<S> {
    /// All to one server: inside a tunnel.
    Fixed(Upstream<S>),
    /// All to one server, which gets its own name in `Host`: the client may know it by another.
    Reverse(Upstream<S>),
    /// Every request to one server that could not be reached: each is answered with the failure's page.
    Broken(Target, DialFailed),
    /// Each where its absolute form says (a proxy's port).
    Named,
}

/// What the relay needs to know of the client.
pub(crate) struct Session<'a> {
    pub(crate) recorder: &'a Recorder,
    /// What is known of the client's side: a request that is refused before any server was dialled is
    /// recorded on a connection made from this.
    pub(crate) accepted: &'a Connection,
    /// The flow that is replayed, when this is a replay.
    pub(crate) replay_of: Option<Replayed>,
    /// Is told the number of the first flow as soon as it has one (a replay answers with it).
    pub(crate) announce: Option<oneshot::Sender<FlowId>>,
    /// Cancelled when the program stops: exchanges that run go on, no further request is read, and a
    /// connection without a running exchange is closed at once.
    pub(crate) stop: CancellationToken,
    /// What is changed on its way.
    pub(crate) rules: &'a Rules,
    /// Both ends of the client's TCP connection, its own first; none where there is none.
    pub(crate) ends: Option<(SocketAddr, SocketAddr)>,
    /// Whom requests that name a server have to be from.
    pub(crate) user: Option<Arc<ProxyUser>>,
}

/// How the relay ended.
pub(crate) enum End<C> {
    /// Both connections are done with and closed.
    Closed,
    /// The server's side broke off in the middle of a message, or by a reset: nothing was shut down on the
    /// client's side. Cut it (RST where the socket allows, never a TLS close_notify), so that it does not look
    /// like an end.
    Cut { client: C },
    /// The server ended TLS without saying that this is the end: nothing was shut down on the client's side. End it
    /// so that it is as doubtful there.
    Truncated { client: C },
    /// The client asks for a tunnel: nothing of it was answered or recorded. `head` is as it was sent.
    Connect {
        client: C,
        read: BytesMut,
        target: Target,
        head: Vec<u8>,
    },
    /// The client speaks to the proxy itself (origin form on the proxy's port): `read` begins with that request.
    Visit { client: C, read: BytesMut },
}

/// Relays until either side is done. `read` holds what was read from the client already.
pub(crate) async fn relay<C, D>(
    client: C,
    read: BytesMut,
    session: Session<'_>,
    route: Route<D::Io>,
    dial: &D,
) -> End<C>
where
    C: AsyncRead + AsyncWrite + Unpin + Send,
    D: Dial,
{
    relay::Relay::new(client, read, session)
        .run(route, dial)
        .await
}
