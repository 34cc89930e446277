//! Server to client: reads responses, finds the exchanges they answer, and forwards them.

use crate::{
    http1::{
        changed::{self, Touched},
        exchange::{Upgrade, persists},
        framing::{Asked, Body, Taken},
        half::{Half, send},
        head::{HeadReader, ResponseHead},
        input::Input,
        link::{Link, Turn},
        problem::Problem,
        record,
        request::gave_up,
        send_slowly,
    },
    intercept::Message,
    tls,
    words::failed,
};
use overhear_store::{FailureCause, FlowRecorder, HeadKind, Party, Side, Version};
use std::io;
use tokio::io::{AsyncRead, AsyncWrite};

/// Forwards responses until something else must be decided.
pub(crate) async fn forward<C, S>(link: &Link<'_, C, S>, input: &mut Input) -> Turn
where
    C: AsyncRead + AsyncWrite + Unpin + Send,
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let mut client = Half(link.client);
    let mut server = Half(link.server);
    loop {
        let mut reader = HeadReader::default();
        if let Err(turn) = read_head(link, &mut server, input, &mut reader).await {
            return turn;
        }
        let head = match reader.response(input.bytes()) {
            Ok(head) => head,
            Err(problem) => return refuse(link, problem),
        };
        let Some(asked) = link.exchanges.read(|state| {
            let exchange = state.awaited()?;
            Some((exchange.asked, exchange.upgrade, exchange.last))
        }) else {
            continue;
        };
        let (asked, upgrade, last) = asked;
        let length = head.skipped + head.bytes.len();
        if let (407, Some(forward)) = (head.status, link.forward) {
            // this asks us: the client has nothing to do with that proxy
            return Turn::Refused(forward.wants_login(head.bytes));
        }

        if let 100 | 102..=199 = head.status {
            link.journal.recorder.room().await;
            record(link, |flow| {
                flow.head(HeadKind::Interim, input.first(), head.bytes)
            });
            link.exchanges.change(|state| state.resend.clear());
            let bytes = input.bytes().get(..length).unwrap_or_default();
            if let Err(error) = send(&mut client, bytes).await {
                return Turn::ClientReset(error);
            }
            input.consume(length);
            continue;
        }

        let switches = match (head.status, asked, upgrade) {
            (101, _, None) => return refuse(link, Problem::Unasked101),
            (101, ..) | (200..=299, Asked::Connect, _) => true,
            _ => false,
        };
        let mut body = match Body::of_response(&head.fields, head.version, head.status, asked) {
            Ok(body) => body,
            Err(problem) => return refuse(link, problem),
        };
        let mut closes = !persists(head.version, head.fields.close, head.fields.keep_alive)
            || matches!(body, Body::UntilClose);
        link.exchanges
            .responding(|exchange| exchange.response_begun = true);
        begin(link, &head, input, switches, upgrade);
        let plan = match switches {
            true => None,
            false => changed::plan(link, head.bytes),
        };

        let touched_by_rules = plan.is_some();
        let throttle = link.exchanges.read(|state| state.awaited()?.throttle());
        let throttle = throttle.as_deref();
        let mut received = 0_u64;
        let mut taken = if let Some(plan) = plan {
            let message = Message::response(head.bytes, head.status);
            let (head, minor) = (head.bytes.to_vec(), minor(head.version));
            input.consume(length);
            let touched = Touched {
                plan,
                message,
                head,
                minor,
                is_head: asked == Asked::Head,
            };
            match changed::forward(link, input, &mut body, touched).await {
                Ok((bytes, alone)) => {
                    received = bytes;
                    closes |= alone;
                    match body.is_done() {
                        true => Taken::done(0),
                        false => Taken::more(0),
                    }
                }
                Err(turn) => return turn,
            }
        } else {
            let rest = input.bytes().get(length..).unwrap_or_default();
            let taken = body.take(rest, |content| {
                received += content.len() as u64;
                chunk(link, input, content);
            });
            let wire = input.bytes().get(..length + taken.wire).unwrap_or_default();
            if let Err(error) = send_slowly(&mut client, wire, Side::Response, throttle).await {
                return Turn::ClientReset(error);
            }
            input.consume(length + taken.wire);
            taken
        };

        let mut ahead = touched_by_rules;
        if switches {
            link.exchanges
                .until(|state| {
                    state
                        .queue
                        .front()
                        .is_none_or(|exchange| exchange.request_done)
                })
                .await;
            return Turn::Tunnel;
        }
        while !taken.done {
            if let Some(problem) = taken.problem {
                let failure = problem.of_response(&link.place.target.to_string());
                return Turn::Broken(failure, body.framing().to_vec());
            }
            // a piece that a rule had held may be there already
            if input.is_empty() || !std::mem::take(&mut ahead) {
                match more(link, input, &body, received).await {
                    Ok(true) => {}
                    Ok(false) => break,
                    Err(turn) => return turn,
                }
            }
            taken = body.take(input.bytes(), |content| {
                received += content.len() as u64;
                chunk(link, input, content);
            });
            let wire = input.bytes().get(..taken.wire).unwrap_or_default();
            if let Err(error) = send_slowly(&mut client, wire, Side::Response, throttle).await {
                return Turn::ClientReset(error);
            }
            input.consume(taken.wire);
        }
        let trailers = body.trailers();
        if !trailers.is_empty() {
            record(link, |flow| {
                flow.head(HeadKind::ResponseTrailers, input.last(), trailers)
            });
        }
        link.exchanges.response_done(input.last());
        if closes {
            return Turn::Finished;
        }
        if last {
            link.exchanges.until_idle().await;
            return Turn::Finished;
        }
    }
}

/// Reads more of a body; false when it ends with the connection.
pub(crate) async fn more<C, S>(
    link: &Link<'_, C, S>,
    input: &mut Input,
    body: &Body,
    received: u64,
) -> Result<bool, Turn>
where
    S: AsyncRead + Unpin,
{
    link.journal.recorder.room().await;
    match input.fill(&mut Half(link.server)).await {
        Ok(0) if matches!(body, Body::UntilClose) && input.is_cut_off() => {
            Err(Turn::Truncated(truncated(link, received)))
        }
        Ok(0) if matches!(body, Body::UntilClose) => Ok(false),
        Ok(0) => Err(Turn::Cut(cut(link, None, received))),
        Ok(_) => Ok(true),
        Err(error) => Err(Turn::Cut(cut(link, Some(error), received))),
    }
}

/// The digit behind the point of a version.
pub(crate) fn minor(version: Version) -> u8 {
    match version {
        Version::Http10 => 0,
        Version::Http11 | Version::Http2 => 1,
    }
}

/// Reads until `input` begins with a whole head, and somebody waits for it.
async fn read_head<C, S, R: AsyncRead + Unpin>(
    link: &Link<'_, C, S>,
    server: &mut R,
    input: &mut Input,
    reader: &mut HeadReader,
) -> Result<(), Turn> {
    loop {
        let read = if input.is_empty() {
            input.fill(server).await
        } else if link.exchanges.read(|state| state.awaited().is_none()) {
            // bytes that nobody asked for: they are the answer to what comes next, if anything does
            if input.bytes().len() > MOST_UNASKED {
                return Err(Turn::Finished);
            }
            tokio::select! {
                biased;
                () = link.exchanges.until(|state| state.awaited().is_some()) => continue,
                read = input.fill(server) => read,
            }
        } else {
            match reader.response_ready(input.bytes()) {
                Ok(true) => return Ok(()),
                Ok(false) => input.fill(server).await,
                Err(problem) => return Err(refuse(link, problem)),
            }
        };
        match read {
            Ok(0) => return Err(ended(link, input, None)),
            Ok(_) => {}
            Err(error) => return Err(ended(link, input, Some(error))),
        }
    }
}

/// The most that is kept of what a server sends unasked, bytes.
const MOST_UNASKED: usize = 256 << 10;

/// Records the head of a final response.
fn begin<C, S>(
    link: &Link<'_, C, S>,
    head: &ResponseHead<'_>,
    input: &Input,
    switches: bool,
    upgrade: Option<Upgrade>,
) {
    if switches {
        link.exchanges.responding(|exchange| {
            if let Some(opening) = &mut exchange.opening {
                opening.response.extend_from_slice(head.bytes);
            }
        });
    }
    record(link, |flow| {
        record::response(flow, head, input.first());
        if switches && upgrade == Some(Upgrade::WebSocket) {
            flow.edit(record::becomes_websocket);
        }
    });
}

pub(crate) fn chunk<C, S>(link: &Link<'_, C, S>, input: &Input, content: &[u8]) {
    let at = input.last();
    link.exchanges
        .responding(|exchange| exchange.chunk(Side::Response, at, content));
}

pub(crate) fn record<C, S>(link: &Link<'_, C, S>, act: impl FnOnce(&FlowRecorder)) {
    link.exchanges.responding(|exchange| {
        if let Some(flow) = &exchange.flow {
            act(flow);
        }
    });
}

fn refuse<C, S>(link: &Link<'_, C, S>, problem: Problem) -> Turn {
    Turn::Refused(problem.of_response(&link.place.target.to_string()))
}

/// The server has closed, or its connection broke, where a response's head could begin.
fn ended<C, S>(link: &Link<'_, C, S>, input: &Input, error: Option<io::Error>) -> Turn {
    let target = link.place.target;
    let blank = HeadReader::is_blank(input.bytes());
    link.exchanges.read(|state| {
        if state.awaited().is_none() {
            return match (link.named || link.once) && state.queue.is_empty() {
                true => Turn::ServerIdle,
                false => Turn::Finished,
            };
        }
        if blank && state.left {
            return Turn::ClientCut(gave_up());
        }
        if blank && !state.resend.is_empty() && state.queue.len() == 1 {
            return Turn::Resend;
        }
        let problem = HeadReader::cut_response(input.bytes());
        if let Some(problem) = problem {
            return Turn::Refused(problem.of_response(&target.to_string()));
        }
        let alert = error.as_ref().and_then(|error| tls::ended(error, target));
        let failure = alert.unwrap_or_else(|| {
            let (cause, how) = broke(error.as_ref());
            let when = match blank {
                true => "before it sent any byte of a response",
                false => "in the middle of the response's head",
            };
            let text = format!(
                "{target} {how} {when}. Try again; if it stays so, look at the server's log."
            );
            failed(cause, Party::Server, text)
        });
        match blank {
            true if state.served > 0 => Turn::Mirror(failure),
            true => Turn::Answer(failure),
            false => Turn::Refused(failure),
        }
    })
}

/// The server has closed, or its connection broke, in the middle of a response's body.
fn cut<C, S>(
    link: &Link<'_, C, S>,
    error: Option<io::Error>,
    received: u64,
) -> overhear_store::Failure {
    let (cause, how) = broke(error.as_ref());
    let text = format!(
        "{} {how} after {received} bytes of the response's body, before its end. The client's connection was cut as well.",
        link.place.target
    );
    failed(cause, Party::Server, text)
}

/// The server ended TLS without a close_notify where only that says that the body is whole: RFC 9112 section 9.8.
fn truncated<C, S>(link: &Link<'_, C, S>, received: u64) -> overhear_store::Failure {
    let text = format!(
        "{} closed the TLS connection after {received} bytes of the response's body without saying that this is its \
         end (close_notify), so nobody can tell whether it is whole (RFC 9112 section 9.8). The client's connection \
         was ended in the same way.",
        link.place.target
    );
    failed(FailureCause::Closed, Party::Server, text)
}

fn broke(error: Option<&io::Error>) -> (FailureCause, String) {
    match error {
        None => (FailureCause::Closed, "closed the connection".to_owned()),
        Some(error) if is_reset(error) => (FailureCause::Reset, "reset the connection".to_owned()),
        Some(error) => (
            FailureCause::Reset,
            format!("broke the connection ({error})"),
        ),
    }
}

/// An error that means a RST, or writing to what is closed.
pub(crate) fn is_reset(error: &io::Error) -> bool {
    use io::ErrorKind;
    matches!(
        error.kind(),
        ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::BrokenPipe
    )
}
