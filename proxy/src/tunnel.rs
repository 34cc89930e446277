//! Bytes both ways: what is not HTTP is relayed as it comes and recorded with its times.

use crate::{
    http1::{Half, Input, send},
    target::Target,
};
use bytes::BytesMut;
use futures_util::future::{Either, select};
use overhear_store::{Failure, FailureCause, FlowRecorder, Party, Recorder, Side};
use parking_lot::Mutex;
use std::pin::pin;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio_util::sync::CancellationToken;

/// How a tunnel ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TunnelEnd {
    /// Who ended it first.
    pub(crate) by: Party,
    /// By a reset (or another error of its connection) rather than by closing: the other side's connection was
    /// not shut down and should be cut by the caller.
    pub(crate) reset: bool,
}

impl TunnelEnd {
    /// What the flow fails with; `None` when the tunnel was closed in good order.
    pub(crate) fn failure(&self, target: &Target) -> Option<Failure> {
        let who = match self.by {
            Party::Client => "The client".to_owned(),
            Party::Server | Party::Proxy => target.to_string(),
        };
        self.reset.then(|| Failure {
            cause: FailureCause::Reset,
            side: self.by,
            text: format!("{who} reset the connection; the other side's was cut as well."),
        })
    }
}

/// Relays until both sides have closed, or either is reset. `client_read` and `server_read` hold what was read
/// from each side already: it is relayed and recorded first.
pub(crate) async fn relay<C, S>(
    client: &mut C,
    client_read: BytesMut,
    server: &mut S,
    server_read: BytesMut,
    flow: &FlowRecorder,
    recorder: &Recorder,
) -> TunnelEnd
where
    C: AsyncRead + AsyncWrite + Unpin + Send,
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let client = (client, Input::new(client_read));
    let server = (server, Input::new(server_read));
    relay_any(client, server, Some(flow), recorder).await
}

/// [`relay`] for what may be unrecorded, and goes on from a conversation whose reads are known.
pub(crate) async fn relay_any<C, S>(
    client: (&mut C, Input),
    server: (&mut S, Input),
    flow: Option<&FlowRecorder>,
    recorder: &Recorder,
) -> TunnelEnd
where
    C: AsyncRead + AsyncWrite + Unpin + Send,
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let record = Record {
        flow,
        watch: None,
        turn: None,
        recorder,
    };
    both(client, server, record).await.end()
}

/// [`relay`], until `turn` says that something else begins.
pub(crate) async fn relay_until<C, S>(
    client: (&mut C, BytesMut),
    server: (&mut S, BytesMut),
    flow: &FlowRecorder,
    recorder: &Recorder,
    turn: Turn<'_>,
) -> Until
where
    C: AsyncRead + AsyncWrite + Unpin + Send,
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let stop = CancellationToken::new();
    let record = Record {
        flow: Some(flow),
        watch: None,
        turn: Some((turn, &stop)),
        recorder,
    };
    let client = (client.0, Input::new(client.1));
    let server = (server.0, Input::new(server.1));
    both(client, server, record).await
}

/// Relays until both sides have closed, or either is reset; records nothing, and shows `watch` what passes.
pub(crate) async fn watch<C, S>(
    client: (&mut C, BytesMut),
    server: (&mut S, BytesMut),
    watch: Watch<'_>,
    recorder: &Recorder,
) -> TunnelEnd
where
    C: AsyncRead + AsyncWrite + Unpin + Send,
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let record = Record {
        flow: None,
        watch: Some(watch),
        turn: None,
        recorder,
    };
    let client = (client.0, Input::new(client.1));
    let server = (server.0, Input::new(server.1));
    both(client, server, record).await.end()
}

async fn both<C, S>(client: (&mut C, Input), server: (&mut S, Input), record: Record<'_>) -> Until
where
    C: AsyncRead + AsyncWrite + Unpin + Send,
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let (client, server) = (
        (Mutex::new(client.0), client.1),
        (Mutex::new(server.0), server.1),
    );
    let up = pin!(copy(&client.0, client.1, &server.0, Side::Request, record));
    let down = pin!(copy(&server.0, server.1, &client.0, Side::Response, record));
    let (by, both) = match select(up, down).await {
        Either::Left((Ok(up), down)) => (Party::Client, down.await.map(|down| (up, down))),
        Either::Right((Ok(down), up)) => (Party::Server, up.await.map(|up| (up, down))),
        Either::Left((Err(by), _)) | Either::Right((Err(by), _)) => (by, Err(by)),
    };
    match both {
        Ok((Copied::Closed, Copied::Closed)) => Until::Over(TunnelEnd { by, reset: false }),
        Ok((up, down)) => Until::Turned {
            client_read: up.unread(),
            server_read: down.unread(),
        },
        Err(by) => Until::Over(TunnelEnd { by, reset: true }),
    }
}

/// How a relay that may turn to something else ended.
pub(crate) enum Until {
    /// Both sides have closed, or either was reset.
    Over(TunnelEnd),
    /// Something else begins: with this, which was read and has not gone on.
    Turned {
        client_read: BytesMut,
        server_read: BytesMut,
    },
}

impl Until {
    /// How it ended, where it could not turn.
    pub(crate) fn end(self) -> TunnelEnd {
        match self {
            Self::Over(end) => end,
            // not where nothing is asked
            Self::Turned { .. } => TunnelEnd {
                by: Party::Proxy,
                reset: false,
            },
        }
    }
}

/// How a direction ended.
enum Copied {
    /// Its sender closed it.
    Closed,
    /// It was stopped with this unread.
    Stopped(BytesMut),
}

impl Copied {
    fn unread(self) -> BytesMut {
        match self {
            Self::Closed => BytesMut::new(),
            Self::Stopped(bytes) => bytes,
        }
    }
}

/// Is shown what a side says before it goes on. When something else begins, it says how many of the bytes still go on as
/// they are; what the other side was heard to say before that has gone on.
pub(crate) type Turn<'a> = &'a (dyn Fn(Side, &[u8]) -> Option<usize> + Sync);

/// Is shown what passes, and from which side.
pub(crate) type Watch<'a> = &'a (dyn Fn(Side, &[u8]) + Sync);

#[derive(Clone, Copy)]
struct Record<'a> {
    flow: Option<&'a FlowRecorder>,
    watch: Option<Watch<'a>>,
    turn: Option<(Turn<'a>, &'a CancellationToken)>,
    recorder: &'a Recorder,
}

/// Relays one direction until its sender closes, or something else begins; an error says whose connection broke.
async fn copy<R, W>(
    from: &Mutex<&mut R>,
    mut input: Input,
    to: &Mutex<&mut W>,
    side: Side,
    record: Record<'_>,
) -> Result<Copied, Party>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let (sender, receiver) = match side {
        Side::Request => (Party::Client, Party::Server),
        Side::Response => (Party::Server, Party::Client),
    };
    let (mut from, mut to) = (Half(from), Half(to));
    loop {
        if !input.is_empty() {
            let mut length = input.bytes().len();
            if let Some((turn, stop)) = record.turn
                && !stop.is_cancelled()
                && let Some(at) = turn(side, input.bytes())
            {
                length = at.min(length);
                // before it is said: what comes of the other side from now on may be an answer to it
                stop.cancel();
            }
            let bytes = input.bytes().get(..length).unwrap_or_default();
            if let Some(flow) = record.flow {
                flow.chunk(side, input.last(), bytes);
            }
            if let Some(watch) = record.watch {
                watch(side, bytes);
            }
            send(&mut to, bytes).await.map_err(|_| receiver)?;
            input.consume(length);
        }
        record.recorder.room().await;
        let filled = match record.turn {
            None => input.fill(&mut from).await,
            Some((_, stop)) => tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(Copied::Stopped(input.into_bytes())),
                filled = input.fill(&mut from) => filled,
            },
        };
        match filled {
            Ok(0) => {
                // the other direction goes on; whether the receiver still listens does not matter to it
                let _ = to.shutdown().await;
                return Ok(Copied::Closed);
            }
            Ok(_) => {}
            Err(_) => return Err(sender),
        }
    }
}

#[cfg(test)]
mod tests;
