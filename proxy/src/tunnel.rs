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
        recorder,
    };
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
        recorder,
    };
    let client = (client.0, Input::new(client.1));
    let server = (server.0, Input::new(server.1));
    both(client, server, record).await
}

async fn both<C, S>(
    client: (&mut C, Input),
    server: (&mut S, Input),
    record: Record<'_>,
) -> TunnelEnd
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
    let (by, other) = match select(up, down).await {
        Either::Left((Ok(()), down)) => (Party::Client, down.await),
        Either::Right((Ok(()), up)) => (Party::Server, up.await),
        Either::Left((Err(by), _)) | Either::Right((Err(by), _)) => (by, Err(by)),
    };
    match other {
        Ok(()) => TunnelEnd { by, reset: false },
        Err(by) => TunnelEnd { by, reset: true },
    }
}

/// Is shown what passes, and from which side.
pub(crate) type Watch<'a> = &'a (dyn Fn(Side, &[u8]) + Sync);

#[derive(Clone, Copy)]
struct Record<'a> {
    flow: Option<&'a FlowRecorder>,
    watch: Option<Watch<'a>>,
    recorder: &'a Recorder,
}

/// Relays one direction until its sender closes; an error says whose connection broke.
async fn copy<R, W>(
    from: &Mutex<&mut R>,
    mut input: Input,
    to: &Mutex<&mut W>,
    side: Side,
    record: Record<'_>,
) -> Result<(), Party>
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
            if let Some(flow) = record.flow {
                flow.chunk(side, input.last(), input.bytes());
            }
            if let Some(watch) = record.watch {
                watch(side, input.bytes());
            }
            send(&mut to, input.bytes()).await.map_err(|_| receiver)?;
            input.consume(usize::MAX);
        }
        record.recorder.room().await;
        match input.fill(&mut from).await {
            Ok(0) => {
                // the other direction goes on; whether the receiver still listens does not matter to it
                let _ = to.shutdown().await;
                return Ok(());
            }
            Ok(_) => {}
            Err(_) => return Err(sender),
        }
    }
}

#[cfg(test)]
mod tests;
