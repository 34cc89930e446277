//! How a client and a server that were joined end: what is left unanswered, and how each connection is closed.

use super::Relay;
use crate::{
    http1::{
        End,
        changed::blocked,
        exchange::{Exchange, Exchanges},
        link::{Server, Turn},
        response::is_reset,
    },
    intercept::{Message, Watch},
    tunnel,
    websocket::{self, Stop},
    words::failed,
};
use overhear_store::{Failure, FailureCause, Party, rule::How};
use std::io;
use tokio::io::{AsyncRead, AsyncWrite};

impl<C> Relay<'_, C>
where
    C: AsyncRead + AsyncWrite + Unpin + Send,
{
    /// Ends what is joined, for good.
    pub(super) async fn end<S>(self, mut server: Server<S>, turn: Turn) -> End<C>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send,
    {
        match turn {
            Turn::Request | Turn::Stopped | Turn::Idle => {
                server.close(Party::Proxy, false);
                self.bye()
            }
            Turn::ClientClosed => {
                server.close(Party::Client, false);
                self.settle(None, &unanswered(Party::Client));
                self.bye()
            }
            Turn::ClientCut(failure) => {
                server.close(Party::Client, false);
                self.settle(Some(failure), &unanswered(Party::Client));
                End::Closed
            }
            Turn::ClientBroken(failure, framing) => {
                server.close(Party::Client, false);
                self.client_broken(failure, framing).await
            }
            Turn::ClientReset(error) => {
                server.close(Party::Client, true);
                let failure = client_broke(&error);
                self.settle(Some(failure.clone()), &failure);
                End::Closed
            }
            Turn::ServerIdle | Turn::Resend | Turn::Finished => {
                server.close(Party::Server, false);
                let whole = self
                    .exchanges
                    .read(|state| state.queue.iter().all(|exchange| exchange.request_done));
                self.settle(None, &unanswered(Party::Server));
                match whole {
                    true => self.bye(),
                    false => self.linger().await,
                }
            }
            Turn::Answer(failure) => {
                server.close(Party::Server, failure.cause == FailureCause::Reset);
                self.answer(failure).await
            }
            Turn::Refused(failure) => self.refused(server, failure).await,
            Turn::Broken(failure, framing) => self.broken_off(server, failure, framing).await,
            Turn::Mirror(failure) => {
                let reset = failure.cause == FailureCause::Reset;
                server.close(Party::Server, reset);
                self.settle(Some(failure), &unanswered(Party::Server));
                match reset {
                    true => End::Cut {
                        client: self.client.into_inner(),
                    },
                    false => self.bye(),
                }
            }
            Turn::Cut(failure) => {
                let reset = failure.cause == FailureCause::Reset;
                server.close(Party::Server, reset);
                self.settle(Some(failure), &unanswered(Party::Server));
                match reset {
                    true => End::Cut {
                        client: self.client.into_inner(),
                    },
                    // dropped without a farewell: over TLS, no close_notify says that this is the end
                    false => End::Closed,
                }
            }
            Turn::Truncated(failure) => {
                server.close(Party::Server, false);
                self.settle(Some(failure), &unanswered(Party::Server));
                End::Truncated {
                    client: self.client.into_inner(),
                }
            }
            Turn::Blocked { reset, failure } => {
                server.close(Party::Proxy, false);
                self.settle(Some(failure.clone()), &failure);
                match reset {
                    true => End::Cut {
                        client: self.client.into_inner(),
                    },
                    // dropped without a farewell: over TLS, no close_notify says that this is the end
                    false => End::Closed,
                }
            }
            Turn::Tunnel => self.tunnel(server).await,
        }
    }

    async fn tunnel<S>(self, server: Server<S>) -> End<C>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send,
    {
        let exchange = self.exchanges.change(|state| state.queue.pop_front());
        let Some(exchange) = exchange else {
            return self.bye();
        };
        if exchange.opening.is_some() && exchange.flow.is_some() {
            return self.websocket(server, exchange).await;
        }
        let flow = exchange.flow;
        let mut client = self.client.into_inner();
        let mut io = server.io.into_inner();
        let end = tunnel::relay_any(
            (&mut client, self.input),
            (&mut io, server.input),
            flow.as_ref(),
            self.journal.recorder,
        )
        .await;
        server.connection.edit(|connection| {
            connection.closed_by = Some(end.by);
            connection.reset = end.reset;
        });
        if let Some(flow) = flow {
            match end.failure(&server.target) {
                Some(failure) => flow.fail(failure),
                None => flow.complete(),
            }
        }
        match (end.reset, end.by) {
            (true, Party::Server) => End::Cut { client },
            _ => End::Closed,
        }
    }

    async fn websocket<S>(self, mut server: Server<S>, exchange: Exchange) -> End<C>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send,
    {
        let (Some(flow), Some(opening)) = (exchange.flow, exchange.opening) else {
            return self.bye();
        };
        let mut client = self.client.into_inner();
        let answer = Message::response(&opening.response, 101);
        let extensions = answer.all("sec-websocket-extensions");
        let asked = Message::request(&opening.request, "GET", &server.target);
        let log = exchange.seen.map(|seen| seen.log).unwrap_or_default();
        let host = server.target.host.clone();
        let heads = [opening.request, opening.response];
        let watch = Watch::new(self.rules, &flow, host, heads, &asked, log);
        let stop = websocket::relay(
            (&mut client, self.input),
            (server.io.get_mut(), server.input),
            &watch,
            &extensions,
            self.journal.recorder,
        )
        .await;
        drop(watch);
        let (by, reset, failure) = match stop {
            Stop::Tunnel { end, farewell } => {
                let failure = end.failure(&server.target);
                (end.by, end.reset, failure.filter(|_| !farewell))
            }
            Stop::Rule(how, rule) => (Party::Proxy, how == How::Reset, Some(blocked(&rule))),
        };
        server.connection.edit(|connection| {
            connection.closed_by = Some(by);
            connection.reset = reset;
        });
        match failure {
            Some(failure) => flow.fail(failure),
            None => flow.complete(),
        }
        match (reset, by) {
            (true, Party::Server | Party::Proxy) => End::Cut { client },
            _ => End::Closed,
        }
    }

    /// Ends the exchanges that are left: the one at the front with `first`, the others with `rest`. One that was
    /// answered before its request was whole is complete.
    pub(super) fn settle(&self, first: Option<Failure>, rest: &Failure) {
        settle(&self.exchanges, first, rest);
    }
}

/// See [`Relay::settle`].
pub(super) fn settle(exchanges: &Exchanges, mut first: Option<Failure>, rest: &Failure) {
    for exchange in exchanges.change(|state| std::mem::take(&mut state.queue)) {
        match exchange {
            Exchange {
                response_done: true,
                ..
            } => exchange.complete(),
            _ => exchange.fail(first.take().unwrap_or_else(|| rest.clone())),
        }
    }
}

/// What the exchanges that were sent ahead of their turn end with.
pub(super) fn unanswered(side: Party) -> Failure {
    let text = match side {
        Party::Client => "The client's connection ended before this request was answered.",
        _ => {
            "The connection ended before the server had answered this request, which was sent ahead of earlier answers."
        }
    };
    failed(FailureCause::Closed, side, text)
}

fn client_broke(error: &io::Error) -> Failure {
    let (cause, text) = match error.kind() {
        io::ErrorKind::BrokenPipe => (
            FailureCause::Closed,
            "The client closed its connection before the exchange was complete.".to_owned(),
        ),
        _ if is_reset(error) => (
            FailureCause::Reset,
            "The client reset its connection before the exchange was complete.".to_owned(),
        ),
        _ => (
            FailureCause::Reset,
            format!("The client's connection broke before the exchange was complete ({error})."),
        ),
    };
    failed(cause, Party::Client, text)
}
