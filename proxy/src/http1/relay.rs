//! A client's connection from its first request to its end: which server it is joined with, and how it ends.

mod ending;
mod refuse;
mod touched;

use crate::{
    admit::ProxyUser,
    failure,
    http1::{
        Dial, DialFailed, End, Route, Session, Upstream,
        exchange::{Exchange, Exchanges},
        framing::Body,
        half::{Half, send},
        head::{HeadReader, RequestHead},
        input::Input,
        link::{Link, Server, Turn},
        prepared::Prepared,
        problem::Problem,
        record::{Journal, Place},
        request::{self, Awaited},
        target::{self, Form},
    },
    intercept::{Rules, authority},
    target::{Scheme, Target},
    upstream::Via,
    words::failed,
};
use bytes::BytesMut;
use futures_util::FutureExt as _;
use overhear_store::{ConnectionRecorder, Failure, FailureCause, Party};
use parking_lot::Mutex;
use std::{
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Waker},
};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;
use touched::Step;

pub(crate) use touched::respond;

/// A client's connection.
pub(crate) struct Relay<'a, C> {
    client: Mutex<C>,
    input: Input,
    journal: Journal<'a>,
    exchanges: Exchanges,
    stop: CancellationToken,
    rules: &'a Rules,
    ends: Option<(SocketAddr, SocketAddr)>,
    /// What requests have in `Host` when they go on.
    host: Option<String>,
    /// Whom requests that name a server have to be from.
    user: Option<Arc<ProxyUser>>,
}

/// What became of a request that went another way.
enum Once<S> {
    /// It was answered.
    Done,
    /// The client and that server ended.
    Ended(Box<Server<S>>, Turn),
    /// That server cannot be reached.
    Failed(Box<Exchange>, Failure),
}

/// What the client wants next, where every request names its server.
enum Next {
    Dial(Target),
    Visit,
    Connect(Target),
    /// It is refused, with this status.
    Refuse(Failure, u16),
    Closed,
    Stopped,
}

impl<'a, C> Relay<'a, C>
where
    C: AsyncRead + AsyncWrite + Unpin + Send,
{
    pub(crate) fn new(client: C, read: BytesMut, mut session: Session<'a>) -> Self {
        Self {
            client: Mutex::new(client),
            input: Input::new(read),
            journal: Journal::new(&mut session),
            exchanges: Exchanges::default(),
            stop: session.stop,
            rules: session.rules,
            ends: session.ends,
            host: None,
            user: session.user,
        }
    }

    /// Relays until the end.
    pub(crate) async fn run<D: Dial>(mut self, route: Route<D::Io>, dial: &D) -> End<C> {
        match route {
            Route::Fixed(upstream) => self.fixed(upstream, dial).await,
            Route::Reverse(upstream) => {
                self.host = Some(authority(&upstream.target));
                self.fixed(upstream, dial).await
            }
            Route::Broken(target, failed) => self.broken(&target, failed, false, dial).await,
            Route::Named => self.named(dial).await,
        }
    }

    async fn fixed<D: Dial>(mut self, upstream: Upstream<D::Io>, dial: &D) -> End<C> {
        let mut server = Server::from(upstream);
        let mut prepared = None;
        loop {
            match self.join(&mut server, false, prepared.take(), false).await {
                Turn::Request => {}
                turn => return self.end(server, turn).await,
            }
            match self.next(false).await {
                Next::Visit => {}
                Next::Refuse(failure, status) => {
                    server.close(Party::Proxy, false);
                    return self.refuse(server.place(), failure, status).await;
                }
                _ => {
                    server.close(Party::Proxy, false);
                    return self.bye();
                }
            }
            // nothing but a rule leads here
            match self.touched(server.place(), false).await {
                Step::Pass | Step::Answered => {}
                Step::Forward(ready)
                    if ready.target == server.target
                        && ready.via.is_none()
                        && !ready.alone
                        && !server.is_gone() =>
                {
                    prepared = Some(*ready);
                }
                Step::Forward(ready) => match self.once(*ready, dial).await {
                    Once::Done => {}
                    Once::Ended(other, turn) => {
                        server.close(Party::Proxy, false);
                        return self.end(*other, turn).await;
                    }
                    Once::Failed(exchange, failure) => {
                        server.close(Party::Proxy, false);
                        return self.cannot_send(*exchange, failure).await;
                    }
                },
                step => {
                    server.close(Party::Proxy, false);
                    return self.stop_at(step);
                }
            }
        }
    }

    /// Sends one request to another server, or another way.
    async fn once<D: Dial>(&mut self, ready: Prepared, dial: &D) -> Once<D::Io> {
        let dialled = self.dial(dial, &ready.target, ready.via.as_deref());
        match dialled.await {
            Ok(upstream) => {
                let mut other = Server::from(upstream);
                ready.exchange.moved(&other.connection, other.address);
                match self.join(&mut other, false, Some(ready), true).await {
                    Turn::Request => other.close(Party::Proxy, false),
                    Turn::ServerIdle => other.close(Party::Server, false),
                    turn => return Once::Ended(Box::new(other), turn),
                }
                Once::Done
            }
            Err(failed) => {
                ready.exchange.moved(&failed.connection, None);
                Once::Failed(Box::new(ready.exchange), failed.failure)
            }
        }
    }

    /// Ends the connection as a rule says.
    fn stop_at(self, step: Step) -> End<C> {
        match step {
            Step::Reset => End::Cut {
                client: self.client.into_inner(),
            },
            Step::Dropped => End::Closed,
            _ => self.bye(),
        }
    }

    /// The server cannot be reached: what no rule leads elsewhere or answers is answered with the failure's page.
    async fn broken<D: Dial>(
        mut self,
        target: &Target,
        failed: DialFailed,
        named: bool,
        dial: &D,
    ) -> End<C> {
        let is_given_up = failed.is_given_up();
        let DialFailed {
            failure,
            connection,
        } = failed;
        let place = Place {
            target,
            connection: &connection,
            server: None,
        };
        if is_given_up {
            return self.left(place, failure);
        }
        loop {
            match self.next(false).await {
                Next::Refuse(failure, status) => return self.refuse(place, failure, status).await,
                Next::Closed | Next::Stopped => return self.bye(),
                Next::Dial(_) | Next::Visit | Next::Connect(_) => {}
            }
            // where requests name their server, the rules were asked before it was dialled
            let step = match !named && self.is_touched(target) {
                true => self.touched(place, false).await,
                false => Step::Pass,
            };
            match step {
                Step::Pass => {
                    let status = failure::status(&failure);
                    return self.refuse(place, failure, status).await;
                }
                Step::Answered => {}
                Step::Forward(ready) if ready.target == *target && ready.via.is_none() => {
                    return self.cannot_send(ready.exchange, failure).await;
                }
                Step::Forward(ready) => match self.once(*ready, dial).await {
                    Once::Done => {}
                    Once::Ended(other, turn) => return self.end(*other, turn).await,
                    Once::Failed(exchange, failure) => {
                        return self.cannot_send(*exchange, failure).await;
                    }
                },
                step => return self.stop_at(step),
            }
        }
    }

    async fn named<D: Dial>(mut self, dial: &D) -> End<C> {
        loop {
            let target = match self.next(true).await {
                Next::Dial(target) => target,
                Next::Visit => {
                    return End::Visit {
                        client: self.client.into_inner(),
                        read: self.input.into_bytes(),
                    };
                }
                Next::Connect(target) => return self.connect(target),
                Next::Refuse(failure, status) => {
                    let accepted = self.journal.accepted.clone();
                    let connection = self.journal.recorder.connection(accepted);
                    let nowhere = Target {
                        scheme: Scheme::Http,
                        host: String::new(),
                        port: 80,
                    };
                    let place = Place {
                        target: &nowhere,
                        connection: &connection,
                        server: None,
                    };
                    return self.refuse(place, failure, status).await;
                }
                Next::Closed | Next::Stopped => return self.bye(),
            };
            let mut target = target;
            let mut prepared: Option<Prepared> = None;
            let mut once = false;
            if self.is_touched(&target) {
                // nobody sees it before a flow runs on it
                let hidden = self.journal.recorder.never();
                let connection = hidden.connection(self.journal.accepted.clone());
                let place = Place {
                    target: &target,
                    connection: &connection,
                    server: None,
                };
                match self.touched(place, true).await {
                    Step::Pass => {}
                    Step::Answered => continue,
                    Step::Forward(ready) => {
                        once = ready.target != target || ready.via.is_some() || ready.alone;
                        target = ready.target.clone();
                        prepared = Some(*ready);
                    }
                    step => return self.stop_at(step),
                }
            }
            let via = prepared.as_ref().and_then(|ready| ready.via.clone());
            let mut server = match self.dial(dial, &target, via.as_deref()).await {
                Ok(upstream) => Server::from(upstream),
                Err(failed) => {
                    if let Some(ready) = prepared {
                        ready.exchange.moved(&failed.connection, None);
                        return self.cannot_send(ready.exchange, failed.failure).await;
                    }
                    return self.broken(&target, failed, true, dial).await;
                }
            };
            if let Some(ready) = &prepared {
                ready.exchange.moved(&server.connection, server.address);
            }
            loop {
                match self.join(&mut server, true, prepared.take(), once).await {
                    Turn::Request => {
                        server.close(Party::Proxy, false);
                        break;
                    }
                    Turn::ServerIdle => {
                        server.close(Party::Server, false);
                        break;
                    }
                    Turn::Resend => {
                        server.close(Party::Server, false);
                        match self.dial(dial, &target, None).await {
                            Ok(upstream) => server = Server::from(upstream),
                            Err(failed) => {
                                self.moved(&failed.connection, None);
                                return self.answer(failed.failure).await;
                            }
                        }
                        self.moved(&server.connection, server.address);
                        let resend = self
                            .exchanges
                            .change(|state| std::mem::take(&mut state.resend));
                        // if this fails, reading the answer will say so
                        let _ = send(server.io.get_mut(), &resend).await;
                    }
                    turn => return self.end(server, turn).await,
                }
            }
        }
    }

    /// Dials a server, as long as the client waits for that; what it sends meanwhile is kept.
    async fn dial<D: Dial>(
        &mut self,
        dial: &D,
        target: &Target,
        via: Option<&Via>,
    ) -> Result<Upstream<D::Io>, DialFailed> {
        let Self {
            client,
            input,
            ends,
            ..
        } = self;
        let mut client = Half(client);
        let gone = touched::gone(&mut client, input, *ends);
        dial.dial(target, via, gone).await
    }

    /// Joins the client with a server.
    async fn join<S>(
        &mut self,
        server: &mut Server<S>,
        named: bool,
        only: Option<Prepared>,
        once: bool,
    ) -> Turn
    where
        S: AsyncRead + AsyncWrite + Unpin + Send,
    {
        self.exchanges.change(|state| state.served = 0);
        let link = Link {
            client: &self.client,
            server: &server.io,
            place: Place {
                target: &server.target,
                connection: &server.connection,
                server: server.address,
            },
            journal: &self.journal,
            exchanges: &self.exchanges,
            stop: &self.stop,
            forward: server.forward.as_deref(),
            named,
            rules: self.rules,
            ends: self.ends,
            host: self.host.as_deref(),
            user: self.user.as_deref(),
            only: Mutex::new(only),
            once,
        };
        link.run(&mut self.input, &mut server.input).await
    }

    /// What the client's bytes begin with. Where all requests go to one server (`named` is false), everything but
    /// a refusal is [`Next::Visit`].
    async fn next(&mut self, named: bool) -> Next {
        let mut reader = HeadReader::default();
        let mut client = Half(&self.client);
        let awaited = tokio::select! {
            biased;
            () = self.stop.cancelled() => return Next::Stopped,
            awaited = request::read_head(&mut client, &mut self.input, &mut reader, async {}) => awaited,
        };
        let problem = match awaited {
            Awaited::Closed | Awaited::Reset(_) | Awaited::Idle => return Next::Closed,
            Awaited::Cut => {
                let text = "The client closed its connection in the middle of a request's head.";
                let failure = failed(FailureCause::Closed, Party::Client, text);
                return Next::Refuse(failure, 400);
            }
            Awaited::Bad(problem) => problem,
            Awaited::Head => {
                match examine(&reader, self.input.bytes(), named, self.user.as_deref()) {
                    Ok(next) => return next,
                    Err(problem) => problem,
                }
            }
        };
        Next::Refuse(problem.of_request(), problem.status())
    }

    fn connect(mut self, target: Target) -> End<C> {
        let mut reader = HeadReader::default();
        let mut head = Vec::new();
        let mut length = 0;
        if let Ok(true) = reader.request_ready(self.input.bytes())
            && let Ok(request) = reader.request(self.input.bytes())
        {
            head.extend_from_slice(request.bytes);
            length = request.skipped + head.len();
        }
        self.input.consume(length);
        End::Connect {
            client: self.client.into_inner(),
            read: self.input.into_bytes(),
            target,
            head,
        }
    }

    /// The exchange at the front goes on over another connection.
    fn moved(&self, connection: &ConnectionRecorder, server: Option<SocketAddr>) {
        self.exchanges.responding(|exchange| {
            exchange.moved(connection, server);
        });
    }

    /// Closes the client's connection in good order.
    fn bye(mut self) -> End<C> {
        farewell(self.client.get_mut());
        End::Closed
    }
}

impl<S: AsyncRead + Unpin> Server<S> {
    /// Whether it has closed meanwhile.
    fn is_gone(&mut self) -> bool {
        let read = self.input.fill(self.io.get_mut()).now_or_never();
        matches!(read, Some(Ok(0) | Err(_)))
    }
}

impl<S: AsyncWrite + Unpin> Server<S> {
    fn from(upstream: Upstream<S>) -> Self {
        Self {
            io: Mutex::new(upstream.io),
            input: Input::new(upstream.read),
            target: upstream.target,
            connection: upstream.connection,
            address: upstream.server,
            forward: upstream.forward,
        }
    }

    fn place(&self) -> Place<'_> {
        Place {
            target: &self.target,
            connection: &self.connection,
            server: self.address,
        }
    }

    /// Closes it in good order, and says who closed first.
    fn close(&mut self, by: Party, reset: bool) {
        self.connection.edit(|connection| {
            connection.closed_by = Some(by);
            connection.reset = reset;
        });
        if !reset {
            farewell(self.io.get_mut());
        }
    }
}

fn examine(
    reader: &HeadReader,
    bytes: &[u8],
    named: bool,
    user: Option<&ProxyUser>,
) -> Result<Next, Problem> {
    let head = reader.request(bytes)?;
    let body = Body::of_request(&head.fields, head.version)?;
    if !named {
        return Ok(Next::Visit);
    }
    let form = target::form(head.method, head.target)?;
    if let Some(failure) = unknown(&head, &form, user) {
        return Ok(Next::Refuse(failure, 407));
    }
    match form {
        Form::Origin | Form::Asterisk => Ok(Next::Visit),
        Form::Absolute(absolute) => Ok(Next::Dial(absolute.target)),
        Form::Authority(target) if body.is_done() => Ok(Next::Connect(target)),
        Form::Authority(_) => Err(Problem::ConnectBody),
    }
}

/// Why a request that names a server is not from the user who may ask for that.
fn unknown(head: &RequestHead<'_>, form: &Form<'_>, user: Option<&ProxyUser>) -> Option<Failure> {
    let target = match form {
        Form::Absolute(absolute) => &absolute.target,
        Form::Authority(target) => target,
        Form::Origin | Form::Asterisk => return None,
    };
    if request::is_known(head, target, user) {
        return None;
    }
    let why = match head.fields.proxy_authorization {
        Some(_) => "gave another user or password than this proxy asks for",
        None => "gave no user and no password, and this proxy asks for them",
    };
    let text = format!(
        "The client {why} (Basic, RFC 7617): they belong into its proxy settings. The setting is --proxy-user."
    );
    Some(failed(FailureCause::Forbidden, Party::Client, text))
}

/// Closes without waiting: everything was flushed before.
fn farewell<W: AsyncWrite + Unpin>(io: &mut W) {
    let mut context = Context::from_waker(Waker::noop());
    let _ = Pin::new(io).poll_shutdown(&mut context);
}

#[cfg(test)]
mod tests;
