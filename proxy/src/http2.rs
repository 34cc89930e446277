//! HTTP/2 (RFC 9113): one connection to the server for one of the client's, an exchange a stream.
//!
//! The crate `h2` frames both sides; hyper above it would hide interim responses and when a connection is
//! going away. All streams of a connection run in its one task. What one side ends is ended
//! on the other: a reset stream is reset with the same code, and a connection that goes away says so to the
//! other side, after the streams under way are done.

mod accept;
mod cork;
mod duplex;
mod elsewhere;
mod exchange;
mod failure;
mod head;
mod opened;
mod pump;
mod single;
mod source;
#[cfg(test)]
mod tests;
mod touched;
mod waiting;
mod websocket;

pub(crate) use exchange::Elsewhere;
pub(crate) use single::Single;

use crate::{
    http1::{IDLE, Session, Upstream},
    stream::{ReadAhead, Stream},
    target::Target,
    words::failed,
};
use accept::accept;
use bytes::{Bytes, BytesMut};
use cork::Cork;
use exchange::Exchange;
use failure::cause;
use futures_util::{StreamExt, stream::FuturesUnordered, task::noop_waker_ref};
use h2::{Reason, client, server};
use overhear_store::{
    ConnectionRecorder, Failure, FailureCause, FlowStart, Kind, Party, Timestamp,
};
use std::{
    convert::Infallible,
    future::poll_fn,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use tokio::time::{Instant, Sleep, sleep, timeout};
use waiting::Waiting;

/// What may be under way to us on one stream, and on all of a connection: bytes. A slow reader holds at most
/// this much of a connection in memory.
const STREAM_WINDOW: u32 = 4 << 20;
const CONNECTION_WINDOW: u32 = 8 << 20;
/// What is buffered towards a peer per stream: bytes.
const SEND_BUFFER: usize = 512 << 10;
/// Field lists up to this size are taken: bytes, as RFC 9113 section 6.5.2 counts.
const HEAD_MAX: u32 = 1 << 20;
/// Streams that a client may have open at once.
const STREAMS: u32 = 1000;
/// For the last frames of a connection that is done.
const FAREWELL: Duration = Duration::from_secs(1);
/// For a client that has forgotten its connection to answer that it is going away: it may be using it just then.
const NOTICE: Duration = Duration::from_secs(10);

/// Relays until either connection is done. `read` holds what was read from the client already; `reverse`: the server
/// gets its own name in `:authority`, whatever the client knows it by.
pub(crate) async fn relay(
    session: Session<'_>,
    client: Stream,
    read: BytesMut,
    upstream: Upstream<Stream>,
    dial: &dyn Elsewhere,
    reverse: bool,
) {
    let Upstream {
        io,
        read: server_read,
        target,
        connection,
        server: address,
        ..
    } = upstream;
    let opened = Arc::default();
    let server_cork = Cork::to_server(ReadAhead::new(io, server_read), Arc::clone(&opened));
    let dialled = client_builder()
        .handshake::<_, Bytes>(server_cork.clone())
        .await;
    let (mut sender, server_io) = match dialled {
        Ok(dialled) => dialled,
        Err(error) => {
            let text =
                format!("the HTTP/2 connection to {target} failed at its beginning: {error}");
            let failure = failed(cause(&error), Party::Server, text);
            let broken = broken(session, client, read, &target, &connection, failure, dial);
            return Box::pin(broken).await;
        }
    };
    let client_cork = Cork::new(ReadAhead::new(client, read));
    let accepted = server_builder()
        .handshake::<_, Bytes>(client_cork.clone())
        .await;
    let mut client_io = match accepted {
        Ok(client_io) => client_io,
        Err(error) => return no_preface(&session, &target, &connection, &error),
    };
    server_cork.cork(true);
    client_cork.cork(true);
    let context = Exchange {
        recorder: session.recorder,
        target: &target,
        connection: &connection,
        client: session.accepted.client,
        server: address,
        waiting: Waiting::new(opened),
        rules: session.rules,
        dial: Some(dial),
        reverse,
    };
    let mut server_io = pin!(server_io);
    let mut stopped = pin!(session.stop.cancelled());
    let mut exchanges = FuturesUnordered::new();
    let mut idle = pin!(sleep(IDLE));
    // what a server says to take is said to the client, as soon as it is known (RFC 8441 section 3)
    let settings = sender.clone();
    let mut told = false;
    let mut tell = |client: &mut server::Connection<Cork, Bytes>| {
        let tells = !told && settings.is_extended_connect_protocol_enabled();
        // while settings of ours are unanswered it fails, and is tried again when they are
        told |= tells && client.enable_connect_protocol().is_ok();
        tells && told
    };
    let mut woken = false;
    let (mut accepting, mut connected) = (true, true);
    let (mut done, mut leaving) = (false, false);
    while accepting || !exchanges.is_empty() {
        tokio::select! {
            biased;
            accepted = accept(&mut client_io, &client_cork, session.recorder, &mut tell), if accepting => match accepted {
                Some(Ok((request, respond))) => {
                    exchanges.push(context.run(request, respond, sender.clone()));
                }
                ended => {
                    accepting = false;
                    let reset = matches!(&ended, Some(Err(error)) if error.is_io());
                    closed_by(&connection, Party::Client, reset, leaving);
                }
            },
            ended = &mut server_io, if connected => {
                connected = false;
                let reset = matches!(&ended, Err(error) if error.is_io());
                closed_by(&connection, Party::Server, reset, leaving);
            }
            Some(()) = exchanges.next(), if !exchanges.is_empty() => {
                if exchanges.is_empty() {
                    stay(idle.as_mut(), leaving);
                }
            }
            () = &mut idle, if exchanges.is_empty() => {
                if leaving {
                    // the client does not even answer that
                    break;
                }
                closed_by(&connection, Party::Proxy, false, leaving);
                done = true;
            }
            () = &mut stopped, if !leaving => done = true,
            // the settings came behind the client's turn
            () = woken_by(&settings), if !woken => woken = true,
            // nothing else is to be done now: what was written may go
            never = let_out(&client_cork, &server_cork) => match never {},
        }
        if !leaving && (done || !connected || is_going_away(&mut sender)) {
            leaving = true;
            client_io.graceful_shutdown();
            stay(idle.as_mut(), leaving);
        }
    }
    drop(exchanges);
    drop((sender, settings));
    server_cork.cork(false);
    if connected {
        // the server may be gone already
        let _ = timeout(FAREWELL, server_io).await;
    }
}

/// Nothing runs on the connection: says how long it stays from now on.
fn stay(idle: Pin<&mut Sleep>, leaving: bool) {
    let stays = if leaving { NOTICE } else { IDLE };
    idle.reset(Instant::now() + stays);
}

/// Answers every request of a client with the page of a failure: the server could not be reached.
pub(crate) async fn broken(
    session: Session<'_>,
    client: Stream,
    read: BytesMut,
    target: &Target,
    connection: &Arc<ConnectionRecorder>,
    failure: Failure,
    dial: &dyn Elsewhere,
) {
    let accepted = server_builder()
        .handshake::<_, Bytes>(ReadAhead::new(client, read))
        .await;
    let mut client_io = match accepted {
        Ok(client_io) => client_io,
        Err(error) => return no_preface(&session, target, connection, &error),
    };
    let context = Exchange {
        recorder: session.recorder,
        target,
        connection,
        client: session.accepted.client,
        server: None,
        waiting: Waiting::default(),
        rules: session.rules,
        dial: Some(dial),
        reverse: false,
    };
    let mut stopped = pin!(session.stop.cancelled());
    let mut exchanges = FuturesUnordered::new();
    let mut idle = pin!(sleep(IDLE));
    loop {
        tokio::select! {
            accepted = client_io.accept() => match accepted {
                Some(Ok((request, respond))) => {
                    exchanges.push(context.unreached(request, respond, failure.clone()));
                }
                _ => return,
            },
            Some(()) = exchanges.next(), if !exchanges.is_empty() => {
                idle.as_mut().reset(Instant::now() + IDLE);
            }
            () = &mut idle, if exchanges.is_empty() => break,
            () = &mut stopped => return,
        }
    }
    drop(exchanges);
    // the client has forgotten it, and need not answer
    client_io.abrupt_shutdown(Reason::NO_ERROR);
    let _ = timeout(FAREWELL, poll_fn(|cx| client_io.poll_closed(cx))).await;
}

/// The settings we have as a server's client.
pub(crate) fn client_builder() -> client::Builder {
    let mut builder = client::Builder::new();
    builder
        .enable_push(false)
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buffer_size(SEND_BUFFER)
        .max_header_list_size(HEAD_MAX);
    builder
}

/// The settings we have as a client's server.
fn server_builder() -> server::Builder {
    let mut builder = server::Builder::new();
    builder
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buffer_size(SEND_BUFFER)
        .max_header_list_size(HEAD_MAX)
        .max_concurrent_streams(STREAMS);
    builder
}

/// Whether the server takes extended CONNECT, as soon as it has said so. Whatever it says lets this be polled again.
async fn woken_by(server: &client::SendRequest<Bytes>) {
    poll_fn(|_| match server.is_extended_connect_protocol_enabled() {
        true => Poll::Ready(()),
        false => Poll::Pending,
    })
    .await;
}

/// Lets out what is corked, whenever it is polled.
async fn let_out(client: &Cork, server: &Cork) -> Infallible {
    poll_fn(|cx| {
        client.poll_let_out(cx);
        server.poll_let_out(cx);
        Poll::Pending
    })
    .await
}

/// Whether the server takes no more streams (GOAWAY).
fn is_going_away(sender: &mut client::SendRequest<Bytes>) -> bool {
    let mut context = Context::from_waker(noop_waker_ref());
    matches!(sender.poll_ready(&mut context), Poll::Ready(Err(_)))
}

/// Notes who ended the connection, once; after we began to leave it was not this side.
fn closed_by(connection: &ConnectionRecorder, who: Party, reset: bool, leaving: bool) {
    connection.edit(|c| {
        if c.closed_by.is_none() && !leaving {
            c.closed_by = Some(who);
            c.reset = reset;
        }
    });
}

/// The client did not begin as HTTP/2 does. One that just went away is no conversation.
fn no_preface(
    session: &Session<'_>,
    target: &Target,
    connection: &ConnectionRecorder,
    error: &h2::Error,
) {
    if error.is_io() {
        return;
    }
    let flow = session.recorder.flow(FlowStart {
        connection: connection.id(),
        kind: Kind::Tcp,
        method: String::new(),
        scheme: "tcp",
        host: target.host.clone(),
        port: target.port,
        path: String::new(),
        client: session.accepted.client,
        server: connection.get().server,
        started: Timestamp::now(),
        replay_of: session.replay_of,
    });
    flow.fail(failed(
        FailureCause::Protocol,
        Party::Client,
        format!("the client did not begin its HTTP/2 connection as RFC 9113 says: {error}"),
    ));
}
