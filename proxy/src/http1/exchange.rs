//! Exchanges that are going on: the queue that both directions of a relay share.
//!
//! The request direction puts an exchange at the back when it begins to forward its head; the response direction
//! works on the front. An exchange leaves the queue when both its messages are done.

use crate::{
    failure::Format,
    http1::framing::Asked,
    intercept::{Seen, throttle::Throttle},
};
use overhear_store::{ConnectionRecorder, Failure, FlowRecorder, Side, Timestamp, Version};
use parking_lot::Mutex;
use std::{
    collections::VecDeque,
    future::poll_fn,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::Poll,
};

/// A request and its response.
pub(crate) struct Exchange {
    /// Records it; none for what this program answers itself.
    pub(crate) flow: Option<FlowRecorder>,
    /// What the response's framing depends on.
    pub(crate) asked: Asked,
    /// What it asks to switch to.
    pub(crate) upgrade: Option<Upgrade>,
    /// How the client wants to hear of a failure.
    pub(crate) format: Format,
    /// The client sends nothing after this request.
    pub(crate) last: bool,
    /// May be sent again when a connection that was used before dies: idempotent, without a body.
    pub(crate) repeatable: bool,
    /// The heads of a WebSocket's handshake as they came; none for all else.
    pub(crate) opening: Option<Box<Opening>>,
    /// What rules for responses look at; none when there are no rules.
    pub(crate) seen: Option<Box<Seen>>,
    /// The request has been forwarded.
    pub(crate) request_done: bool,
    /// The head of the final response is being forwarded.
    pub(crate) response_begun: bool,
    /// The response has been forwarded.
    pub(crate) response_done: bool,
}

/// The handshake of a WebSocket.
#[derive(Default)]
pub(crate) struct Opening {
    pub(crate) request: Vec<u8>,
    pub(crate) response: Vec<u8>,
}

/// What a request asks to switch to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Upgrade {
    /// RFC 6455.
    WebSocket,
    /// Anything else, a tunnel of CONNECT included.
    Other,
}

/// What the two directions share. Both run in one task: a change is seen because the task polls the other
/// direction again, see [`Exchanges::take_changed`].
#[derive(Default)]
pub(crate) struct Exchanges {
    state: Mutex<State>,
    changed: AtomicBool,
}

#[derive(Default)]
pub(crate) struct State {
    pub(crate) queue: VecDeque<Exchange>,
    /// Exchanges that were completed on this connection to the server.
    pub(crate) served: u64,
    /// The response at the front waits for a person.
    pub(crate) held: bool,
    /// The client has closed its sending side, waited long, and the server was told so.
    pub(crate) left: bool,
    /// The only request that waits, as it was sent, when it may have to be sent again; else empty.
    pub(crate) resend: Vec<u8>,
}

impl Opening {
    /// Of a request that asks for a WebSocket.
    pub(crate) fn of(upgrade: Option<Upgrade>, request: &[u8]) -> Option<Box<Self>> {
        let opening = || {
            Box::new(Self {
                request: request.to_vec(),
                response: Vec::new(),
            })
        };
        (upgrade == Some(Upgrade::WebSocket)).then(opening)
    }
}

impl Exchange {
    /// How slow it is made.
    pub(crate) fn throttle(&self) -> Option<Arc<Throttle>> {
        self.seen.as_ref()?.throttle.clone()
    }

    /// It goes over another connection than it was thought to.
    pub(crate) fn moved(&self, connection: &ConnectionRecorder, server: Option<SocketAddr>) {
        if let Some(flow) = &self.flow {
            flow.edit(|flow| {
                flow.connection = connection.id();
                flow.server = server;
            });
        }
    }

    /// Records a piece of content.
    pub(crate) fn chunk(&self, side: Side, at: Timestamp, bytes: &[u8]) {
        if let Some(flow) = &self.flow {
            flow.chunk(side, at, bytes);
        }
    }

    /// Records what came instead of content.
    pub(crate) fn raw(&self, side: Side, at: Timestamp, bytes: &[u8]) {
        if let Some(flow) = &self.flow {
            flow.raw(side, at, bytes);
        }
    }

    /// Ends it with an error.
    pub(crate) fn fail(self, failure: Failure) {
        if let Some(flow) = self.flow {
            flow.fail(failure);
        }
    }

    /// Ends it as the protocol says.
    pub(crate) fn complete(self) {
        if let Some(flow) = self.flow {
            flow.complete();
        }
    }
}

impl Exchanges {
    /// Looks at the state.
    pub(crate) fn read<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.state.lock())
    }

    /// Changes the state; the other direction will see it.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let changed = change(&mut self.state.lock());
        self.changed.store(true, Ordering::Relaxed);
        changed
    }

    /// Whether something has changed since the last call.
    pub(crate) fn take_changed(&self) -> bool {
        self.changed.swap(false, Ordering::Relaxed)
    }

    /// Waits until the state is as wanted.
    pub(crate) async fn until(&self, mut wanted: impl FnMut(&State) -> bool) {
        poll_fn(|_| match wanted(&self.state.lock()) {
            true => Poll::Ready(()),
            // a change polls this task again
            false => Poll::Pending,
        })
        .await;
    }

    /// Waits until every exchange is done.
    pub(crate) async fn until_idle(&self) {
        self.until(|state| state.queue.is_empty()).await;
    }

    /// Does something with the exchange whose request is being forwarded.
    pub(crate) fn requesting(&self, act: impl FnOnce(&mut Exchange)) {
        if let Some(exchange) = self.state.lock().queue.back_mut() {
            act(exchange);
        }
    }

    /// Does something with the exchange whose response is being forwarded.
    pub(crate) fn responding(&self, act: impl FnOnce(&mut Exchange)) {
        if let Some(exchange) = self.state.lock().queue.front_mut() {
            act(exchange);
        }
    }

    /// The request at the back has been forwarded.
    pub(crate) fn request_done(&self, at: Timestamp) {
        self.change(|state| {
            let Some(exchange) = state.queue.back_mut() else {
                return;
            };
            exchange.request_done = true;
            if let Some(flow) = &exchange.flow {
                flow.edit(|flow| flow.times.request_last = Some(at));
            }
            if exchange.response_done {
                state.complete_front();
            }
        });
    }

    /// The response at the front has been forwarded.
    pub(crate) fn response_done(&self, at: Timestamp) {
        self.change(|state| {
            let Some(exchange) = state.queue.front_mut() else {
                return;
            };
            exchange.response_done = true;
            if let Some(flow) = &exchange.flow {
                flow.edit(|flow| flow.times.response_last = Some(at));
            }
            if exchange.request_done {
                state.complete_front();
            }
        });
    }
}

impl State {
    /// The exchange that waits for its response, or is in it.
    pub(crate) fn awaited(&self) -> Option<&Exchange> {
        self.queue
            .front()
            .filter(|exchange| !exchange.response_done)
    }

    fn complete_front(&mut self) {
        if let Some(exchange) = self.queue.pop_front() {
            self.served += 1;
            exchange.complete();
        }
    }
}

/// Whether more messages may follow a message on its connection, RFC 9112 section 9.3.
pub(crate) fn persists(version: Version, close: bool, keep_alive: bool) -> bool {
    !close && (version == Version::Http11 || keep_alive)
}
