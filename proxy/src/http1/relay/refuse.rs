//! A client is told of a failure: a page instead of a response, and a flow with what the client had sent.

use super::{
    Relay,
    ending::{settle, unanswered},
};
use crate::{
    failure::{self, Format},
    http1::{
        End,
        exchange::Exchange,
        framing::Body,
        half::send,
        head::{HeadReader, RequestHead},
        input::Input,
        is_given_up,
        link::Server,
        record::Place,
        request::format_of,
        target::{self, Form},
    },
};
use overhear_store::{Failure, FailureCause, FlowRecorder, HeadKind, Party, Side};
use std::{future::Future, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt},
    time::timeout,
};

/// How long what is still sent is recorded after the last answer.
const LINGER: Duration = Duration::from_secs(if cfg!(test) { 20 } else { 2 });
/// A client that still sends is listened to until it is silent for this long: closing before would be a reset, which
/// takes the answer from it (RFC 9112 section 9.6).
const SILENT: Duration = Duration::from_secs(5);
/// But not longer than this, and no more than [`MOST_DRAINED`] bytes.
const DRAINING: Duration = Duration::from_secs(60);
const MOST_DRAINED: u64 = 256 << 20;
/// The most that is recorded of what cannot be read, bytes.
const MOST_BROKEN: usize = 64 << 10;

impl<C> Relay<'_, C>
where
    C: AsyncRead + AsyncWrite + Unpin + Send,
{
    /// Answers the request at the beginning of the client's bytes with a failure, records it with what there is of
    /// its body, and closes.
    pub(super) async fn refuse(
        self,
        place: Place<'_>,
        mut failure: Failure,
        status: u16,
    ) -> End<C> {
        let Self {
            client,
            mut input,
            journal,
            ..
        } = self;
        let mut client = client.into_inner();
        let first = input.first();
        let mut reader = HeadReader::default();
        let head = match reader.request_ready(input.bytes()) {
            Ok(true) => reader.request(input.bytes()).ok(),
            _ => None,
        };
        let Some(head) = head else {
            let page = failure::page_as(status, &failure, Format::default());
            lingering(tell(&mut client, &page)).await;
            hear(&mut client, &mut input).await;
            let bytes = kept(input.bytes(), &mut failure);
            let (head, rest) = bytes.split_at(head_end(bytes).unwrap_or(bytes.len()));
            let flow = journal.broken_request(head, place, first);
            flow.raw(Side::Request, input.last(), rest);
            ended(flow, status, failure);
            drain(&mut client, &mut input).await;
            return End::Closed;
        };

        let absolute = match target::form(head.method, head.target) {
            Ok(Form::Absolute(absolute)) => Some(absolute),
            _ => None,
        };
        let flow = journal.request(&head, absolute.as_ref(), place, first);
        let body = Body::of_request(&head.fields, head.version).ok();
        let page = failure::page_as(status, &failure, format_of(&head));
        let length = whole(&head);
        input.consume(length);
        let heard = match body {
            Some(mut body) => {
                let heard = lingering(async {
                    tell(&mut client, &page).await?;
                    hear_body(&mut client, &mut input, &mut body, &flow).await
                })
                .await;
                if heard == Some(Heard::Broken) {
                    hear(&mut client, &mut input).await;
                    let raw = instead(body.framing(), &input, &mut failure);
                    flow.raw(Side::Request, input.last(), &raw);
                }
                heard
            }
            // nobody can say where it ends
            None => {
                lingering(tell(&mut client, &page)).await;
                hear(&mut client, &mut input).await;
                let rest = kept(input.bytes(), &mut failure);
                flow.raw(Side::Request, input.last(), rest);
                None
            }
        };
        ended(flow, status, failure);
        if heard != Some(Heard::Whole) {
            drain(&mut client, &mut input).await;
        }
        End::Closed
    }

    /// Answers a request that rules have changed with a failure, and closes.
    pub(super) async fn cannot_send(self, exchange: Exchange, failure: Failure) -> End<C> {
        self.exchanges
            .change(|state| state.queue.push_back(exchange));
        self.answer(failure).await
    }

    /// Records the request at the beginning of the client's bytes, as far as it came, whose client gave up.
    pub(super) fn left(self, place: Place<'_>, failure: Failure) -> End<C> {
        let mut input = self.input;
        let mut reader = HeadReader::default();
        let head = match reader.request_ready(input.bytes()) {
            Ok(true) => reader.request(input.bytes()).ok(),
            _ => None,
        };
        let Some(head) = head else {
            return End::Closed;
        };
        let absolute = match target::form(head.method, head.target) {
            Ok(Form::Absolute(absolute)) => Some(absolute),
            _ => None,
        };
        let flow = self
            .journal
            .request(&head, absolute.as_ref(), place, input.first());
        let body = Body::of_request(&head.fields, head.version);
        let length = whole(&head);
        input.consume(length);
        if let Ok(mut body) = body {
            let at = input.last();
            body.take(input.bytes(), |piece| flow.chunk(Side::Request, at, piece));
        }
        flow.fail(failure);
        End::Closed
    }

    /// Answers the exchange at the front with a failure, and closes. A client that gave up is not answered.
    pub(super) async fn answer(mut self, failure: Failure) -> End<C> {
        if is_given_up(&failure) {
            let rest = unanswered(failure.side);
            self.settle(Some(failure), &rest);
            return End::Closed;
        }
        let (page, whole) = self.page(&failure);
        let rest = unanswered(failure.side);
        self.settle(Some(failure), &rest);
        let told = lingering(tell(self.client.get_mut(), &page)).await;
        if told.is_some() && !whole {
            drain(self.client.get_mut(), &mut self.input).await;
        }
        End::Closed
    }

    /// Answers the exchange at the front with a failure, records what the server sent instead of a response, and
    /// closes.
    pub(super) async fn refused<S>(mut self, mut server: Server<S>, mut failure: Failure) -> End<C>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send,
    {
        let (page, whole) = self.page(&failure);
        let told = lingering(tell(self.client.get_mut(), &page)).await;
        hear(server.io.get_mut(), &mut server.input).await;
        let (first, last) = (server.input.first(), server.input.last());
        let (head, rest) = apart(kept(server.input.bytes(), &mut failure));
        self.exchanges.responding(|exchange| {
            if let Some(flow) = &exchange.flow
                && !head.is_empty()
            {
                flow.head(HeadKind::Response, first, head);
            }
            exchange.raw(Side::Response, last, rest);
        });
        server.close(Party::Server, failure.cause == FailureCause::Reset);
        let rest = unanswered(failure.side);
        self.settle(Some(failure), &rest);
        if told.is_some() && !whole {
            drain(self.client.get_mut(), &mut self.input).await;
        }
        End::Closed
    }

    /// Breaks off the request at the front, and records what broke it. The server's side is closed already.
    pub(super) async fn client_broken(mut self, mut failure: Failure, framing: Vec<u8>) -> End<C> {
        let begun = self.exchanges.read(|state| {
            let front = state.queue.front();
            front.is_none_or(|exchange| exchange.response_begun)
        });
        if !begun {
            let (page, _) = self.page(&failure);
            lingering(tell(self.client.get_mut(), &page)).await;
        }
        hear(self.client.get_mut(), &mut self.input).await;
        failure
            .text
            .push_str(" What the client sent instead is recorded at the end of the body.");
        let raw = instead(&framing, &self.input, &mut failure);
        let last = self.input.last();
        self.exchanges
            .responding(|exchange| exchange.raw(Side::Request, last, &raw));
        self.settle(Some(failure), &unanswered(Party::Client));
        // a response that had begun is cut off
        if !begun {
            drain(self.client.get_mut(), &mut self.input).await;
        }
        End::Closed
    }

    /// Breaks off the response at the front, and records what broke it.
    pub(super) async fn broken_off<S>(
        self,
        mut server: Server<S>,
        mut failure: Failure,
        framing: Vec<u8>,
    ) -> End<C>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send,
    {
        let Self {
            client, exchanges, ..
        } = self;
        // dropped without a farewell: over TLS, no close_notify says that this is the end
        drop(client);
        hear(server.io.get_mut(), &mut server.input).await;
        failure
            .text
            .push_str(" What the server sent instead is recorded at the end of the body.");
        let last = server.input.last();
        let raw = instead(&framing, &server.input, &mut failure);
        exchanges.responding(|exchange| exchange.raw(Side::Response, last, &raw));
        server.close(Party::Server, false);
        settle(&exchanges, Some(failure), &unanswered(Party::Server));
        End::Closed
    }

    /// The page for the exchange at the front, and whether its request is whole.
    fn page(&self, failure: &Failure) -> (Vec<u8>, bool) {
        let status = failure::status(failure);
        let mut format = Format::default();
        let mut whole = true;
        self.exchanges.responding(|exchange| {
            format = exchange.format;
            whole = exchange.request_done;
            if let Some(flow) = &exchange.flow {
                flow.edit(|flow| flow.status = Some(status));
            }
        });
        (failure::page_as(status, failure, format), whole)
    }

    /// Closes the client's connection while the client still sends.
    pub(super) async fn linger(mut self) -> End<C> {
        let client = self.client.get_mut();
        let closed = lingering(async { client.shutdown().await.ok() }).await;
        if closed.is_some() {
            drain(self.client.get_mut(), &mut self.input).await;
        }
        End::Closed
    }
}

/// How much of a body came.
#[derive(Debug, PartialEq, Eq)]
enum Heard {
    Whole,
    Broken,
}

fn whole(head: &RequestHead<'_>) -> usize {
    head.skipped + head.bytes.len()
}

fn ended(flow: FlowRecorder, status: u16, failure: Failure) {
    flow.edit(|flow| flow.status = Some(status));
    flow.fail(failure);
}

/// Does something for a bounded time; none when it did not come to its end.
async fn lingering<T>(act: impl Future<Output = Option<T>>) -> Option<T> {
    timeout(LINGER, act).await.ok().flatten()
}

/// Sends a page, after which nothing else is sent; none when the client does not take it.
async fn tell<W: AsyncWrite + Unpin>(client: &mut W, page: &[u8]) -> Option<()> {
    send(client, page).await.ok()?;
    client.shutdown().await.ok()
}

/// Reads what still comes of a message that is refused, until the other side closes or it is enough.
async fn hear<R: AsyncRead + Unpin>(from: &mut R, input: &mut Input) {
    lingering(async {
        while input.bytes().len() <= MOST_BROKEN {
            more(from, input).await?;
        }
        Some(())
    })
    .await;
}

/// What is recorded of `bytes`; the failure says when that is not all.
fn kept<'b>(bytes: &'b [u8], failure: &mut Failure) -> &'b [u8] {
    match bytes.get(..MOST_BROKEN) {
        Some(kept) if bytes.len() > MOST_BROKEN => {
            let text = format!(
                " Of what came, only the first {} KiB are recorded.",
                MOST_BROKEN >> 10
            );
            failure.text.push_str(&text);
            kept
        }
        _ => bytes,
    }
}

/// What is recorded of what came instead of content: `framing` was taken of it already.
fn instead(framing: &[u8], input: &Input, failure: &mut Failure) -> Vec<u8> {
    [framing, kept(input.bytes(), failure)].concat()
}

/// What a server sent as a head, if it is anything like one, and what follows.
fn apart(bytes: &[u8]) -> (&[u8], &[u8]) {
    let start = bytes.trim_ascii_start();
    match start.starts_with(b"HTTP/") {
        true => bytes.split_at(head_end(bytes).unwrap_or(bytes.len())),
        false => (&[], bytes),
    }
}

/// Records the rest of a body; none when it breaks off.
async fn hear_body<R: AsyncRead + Unpin>(
    client: &mut R,
    input: &mut Input,
    body: &mut Body,
    flow: &FlowRecorder,
) -> Option<Heard> {
    loop {
        let at = input.last();
        let taken = body.take(input.bytes(), |content| {
            flow.chunk(Side::Request, at, content);
        });
        input.consume(taken.wire);
        if taken.done {
            return Some(Heard::Whole);
        }
        if taken.problem.is_some() {
            return Some(Heard::Broken);
        }
        more(client, input).await?;
    }
}

/// Reads until the other side closes or has nothing to say, and forgets it.
async fn drain<R: AsyncRead + Unpin>(client: &mut R, input: &mut Input) {
    let reading = async {
        let mut drained = 0;
        while drained < MOST_DRAINED {
            input.consume(usize::MAX);
            match timeout(SILENT, more(client, input)).await {
                Ok(Some(())) => drained += input.bytes().len() as u64,
                _ => return,
            }
        }
    };
    // what still comes then is cut off
    let _ = timeout(DRAINING, reading).await;
}

async fn more<R: AsyncRead + Unpin>(client: &mut R, input: &mut Input) -> Option<()> {
    matches!(input.fill(client).await, Ok(1..)).then_some(())
}

/// Where something like a head ends: after an empty line, however its lines end.
fn head_end(bytes: &[u8]) -> Option<usize> {
    let mut line = 0;
    let mut begun = false;
    for at in memchr::memchr_iter(b'\n', bytes) {
        let empty = matches!(bytes.get(line..at), Some(b"" | b"\r"));
        if empty && begun {
            return Some(at + 1);
        }
        begun |= !empty;
        line = at + 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_much_the_beginning_is_kept_and_the_failure_says_so() {
        let mut failure = crate::words::failed(FailureCause::Protocol, Party::Server, "Refused.");
        let whole = vec![b'x'; MOST_BROKEN];
        assert_eq!(kept(&whole, &mut failure), whole);
        assert_eq!(failure.text, "Refused.");
        let more = vec![b'x'; MOST_BROKEN + 1];
        assert_eq!(kept(&more, &mut failure), whole);
        assert_eq!(
            failure.text,
            "Refused. Of what came, only the first 64 KiB are recorded."
        );
    }

    #[test]
    fn what_a_server_sent_comes_apart() {
        let split = |bytes: &'static str| apart(bytes.as_bytes());
        assert_eq!(
            split("HTTP/1.1 200 OK\nA: b\n\nrest"),
            (&b"HTTP/1.1 200 OK\nA: b\n\n"[..], &b"rest"[..])
        );
        assert_eq!(split("HTTP/1.1 2"), (&b"HTTP/1.1 2"[..], &b""[..]));
        assert_eq!(split("SSH-2\r\n"), (&b""[..], &b"SSH-2\r\n"[..]));
    }
}
