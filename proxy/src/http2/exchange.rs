//! One exchange on a stream: the request one way, interim responses, the response and resets the other.

use super::{
    failure::{format_of, note_failure, page, send_page},
    head::{request_head, response_head},
    pump::Pump,
    source::Source,
    touched::message_of_response,
    waiting::{self, Waiting},
    websocket,
};
use crate::{
    failure::Format,
    http1::{DialFailed, Upstream},
    intercept::{self, Rules, Seen, on_response},
    stream::Stream,
    target::{Scheme, Target},
    upstream::Via,
    words::failed,
};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use h2::{
    Reason, RecvStream, SendStream,
    client::{ResponseFuture, SendRequest},
    ext::Protocol,
    server::SendResponse,
};
use http::{HeaderMap, Request, Response, Uri, header, uri};
use overhear_store::{
    ConnectionRecorder, Failure, FailureCause, Flow, FlowRecorder, FlowStart, HeadKind, Kind,
    Party, Recorder, Side, Timestamp, Version,
};
use std::{
    future::poll_fn,
    net::SocketAddr,
    pin::{Pin, pin},
    task::Poll,
};

/// What the exchanges of a connection share.
pub(super) struct Exchange<'a> {
    pub(super) recorder: &'a Recorder,
    pub(super) target: &'a Target,
    pub(super) connection: &'a ConnectionRecorder,
    pub(super) client: SocketAddr,
    pub(super) server: Option<SocketAddr>,
    /// The heads that the server has not taken.
    pub(super) waiting: Waiting,
    /// What is changed on its way.
    pub(super) rules: &'a Rules,
    /// Reaches other servers; none where nothing leads to another.
    pub(super) dial: Option<&'a dyn Elsewhere>,
    /// Requests are for the target, whatever they name.
    pub(super) reverse: bool,
}

/// Reaches other servers than the one that a connection was made to.
pub(crate) trait Elsewhere: Send + Sync {
    /// Dials, TLS included, which agrees on one of `alpn`; `via`: another way there.
    fn reach<'d>(
        &'d self,
        target: &'d Target,
        via: Option<&'d Via>,
        alpn: &'d [&'d [u8]],
    ) -> BoxFuture<'d, Result<Upstream<Stream>, DialFailed>>;
}

/// An exchange that broke off: on whose side, and why.
pub(super) struct Broken {
    pub(super) side: Party,
    pub(super) error: h2::Error,
    /// What the flow fails with, when the error does not say it.
    pub(super) failure: Option<Failure>,
}

/// A request's body on its way.
pub(super) enum Upload {
    /// As it comes.
    Stream(RecvStream),
    /// What was held of it, and the rest as it comes.
    Begun(Bytes, RecvStream),
    /// All of it.
    Whole(Bytes),
}

impl Broken {
    /// The server goes away and has not read the request, so that the client may send it again: `h2` ends with the
    /// server's GOAWAY only streams above the last that it names (RFC 9113 section 6.8).
    fn is_unread(&self) -> bool {
        self.side == Party::Server && self.error.is_go_away() && self.error.is_remote()
    }
}

impl Exchange<'_> {
    /// Carries one exchange to its end.
    pub(super) async fn run(
        &self,
        request: Request<RecvStream>,
        mut respond: SendResponse<Bytes>,
        sender: SendRequest<Bytes>,
    ) {
        // a head may be large: while the answer is waited for, it is kept no longer than it is needed
        let format = format_of(&request);
        let set = self.rules.current().filter(|_| self.server.is_some());
        if let Some(set) = &set {
            let plan = self.plan(&request, set);
            if !plan.is_empty() {
                let touched = self.touched(request, respond, Ok(sender), set.clone(), plan);
                return Box::pin(touched).await;
            }
        }
        let flow = self.begin(self.recorder, &request);
        let seen = set.filter(|set| set.touches_responses(self.host(&request)));
        let mut seen = seen.map(|set| self.seen(&request, set));
        let (parts, body) = request.into_parts();
        let mut request = Request::from_parts(parts, ());
        self.name_server(&mut request, &flow);
        let upload = Upload::Stream(body);
        let sent = self.send(&flow, request, upload, sender, &mut respond, seen.as_mut());
        let outcome = sent.await;
        self.finish(flow, outcome, format, respond);
    }

    /// Carries one exchange to its end whose server cannot be reached: rules answer, or the failure is told.
    pub(super) async fn unreached(
        &self,
        request: Request<RecvStream>,
        respond: SendResponse<Bytes>,
        failure: Failure,
    ) {
        if let Some(set) = self.rules.current() {
            let plan = self.plan(&request, &set);
            if !plan.is_empty() {
                let touched = self.touched(request, respond, Err(failure), set, plan);
                return Box::pin(touched).await;
            }
        }
        answer_with_failure(self, request, respond, failure);
    }

    /// Sends a request to the server, and passes both messages on to their ends.
    pub(super) async fn send(
        &self,
        flow: &FlowRecorder,
        request: Request<()>,
        upload: Upload,
        sender: SendRequest<Bytes>,
        respond: &mut SendResponse<Bytes>,
        seen: Option<&mut Seen>,
    ) -> Result<(), Broken> {
        let ends = match &upload {
            Upload::Stream(body) => body.is_end_stream(),
            Upload::Begun(..) => false,
            Upload::Whole(body) => body.is_empty(),
        };
        // what an extended CONNECT opens is no body: no rule for responses holds it
        let protocol = request.extensions().get::<Protocol>();
        let seen = seen.filter(|_| protocol.is_none_or(websocket::is_websocket));
        let opening = protocol.filter(|protocol| websocket::is_websocket(protocol));
        let opening = opening.map(|_| self.opening(&request));
        let size = waiting::size(&request);
        let sent = match sender.ready().await {
            Ok(_) if !self.waiting.has_room(size) => {
                return Err(refuse(respond, too_many_heads()));
            }
            Ok(mut sender) => sender.send_request(request, ends),
            Err(error) => Err(error),
        };
        let (response, to_server) = match sent {
            Ok(sent) => sent,
            Err(error) => return Err(refuse(respond, no_more_streams(&error))),
        };
        self.waiting.add(response.stream_id().as_u32(), size);
        if ends {
            flow.edit(|f| f.times.request_last = f.times.request_first);
        }
        match (opening, upload) {
            (Some(opening), Upload::Stream(from_client)) if !ends => {
                let streams = (from_client, to_server);
                let socket = self.websocket(flow, opening, streams, response, respond, seen);
                Box::pin(socket).await
            }
            (_, upload) => {
                self.both(flow, upload, to_server, ends, response, respond, seen)
                    .await
            }
        }
    }

    /// Ends the flow as its exchange ended.
    pub(super) fn finish(
        &self,
        flow: FlowRecorder,
        outcome: Result<(), Broken>,
        format: Format,
        mut respond: SendResponse<Bytes>,
    ) {
        match outcome {
            Ok(()) => flow.complete(),
            Err(Broken {
                failure: Some(failure),
                ..
            }) => flow.fail(failure),
            Err(Broken {
                side: Party::Server,
                error,
                ..
            }) if error.is_io() => {
                // answered only when no response has begun
                let failure = note_failure(Party::Server, &error, self.target);
                let page = page(&failure, format);
                let status = page.status();
                if send_page(&mut respond, page) {
                    flow.edit(|f| f.status = Some(status.as_u16()));
                }
                flow.fail(failure);
            }
            Err(broken) if broken.is_unread() => flow.fail(no_more_streams(&broken.error)),
            Err(Broken { side, error, .. }) => flow.fail(note_failure(side, &error, self.target)),
        }
    }

    /// Both directions at once, until both are done or either breaks off.
    #[expect(clippy::too_many_arguments, reason = "both sides of an exchange")]
    async fn both(
        &self,
        flow: &FlowRecorder,
        upload: Upload,
        mut to_server: SendStream<Bytes>,
        sent: bool,
        response: ResponseFuture,
        respond: &mut SendResponse<Bytes>,
        seen: Option<&mut Seen>,
    ) -> Result<(), Broken> {
        let mut sent = sent;
        let throttle = seen.as_ref().and_then(|seen| seen.throttle.clone());
        let outcome = {
            let mut up = pin!(async {
                let pump = Pump {
                    recorder: self.recorder,
                    flow,
                    side: Side::Request,
                    throttle: throttle.clone(),
                };
                match upload {
                    Upload::Stream(body) => pump.run(body, &mut to_server).await,
                    Upload::Begun(begun, body) => {
                        pump.send(&mut to_server, begun, false).await?;
                        pump.run(body, &mut to_server).await
                    }
                    Upload::Whole(body) => {
                        pump.send(&mut to_server, body, true).await?;
                        pump.ended();
                        Ok(())
                    }
                }
            });
            let mut down = pin!(self.answer(flow, response, respond, seen));
            let mut answered = None;
            loop {
                tokio::select! {
                    result = &mut up, if !sent => {
                        sent = true;
                        match result {
                            Ok(()) => {}
                            // the response tells what the server has to say. After an answer given early the rest
                            // of the request is not wanted: `h2` says so (NO_ERROR) behind the whole answer, while
                            // a reset of ours would overtake what of it is not yet written
                            Err(broken) if broken.side == Party::Server => {}
                            Err(broken) => break Err(broken),
                        }
                    }
                    result = &mut down, if answered.is_none() => match result {
                        Ok(to_client) => answered = Some(to_client),
                        Err(broken) => break Err(broken),
                    },
                    else => break Ok(()),
                }
            }
        };
        if let Err(Broken {
            side: Party::Client | Party::Proxy,
            error,
            ..
        }) = &outcome
        {
            to_server.send_reset(error.reason().unwrap_or(Reason::CANCEL));
        }
        outcome
    }

    /// The server's side: interim responses, the response, its body. Gives what the client is sent on, ended.
    async fn answer(
        &self,
        flow: &FlowRecorder,
        response: ResponseFuture,
        respond: &mut SendResponse<Bytes>,
        seen: Option<&mut Seen>,
    ) -> Result<Option<SendStream<Bytes>>, Broken> {
        let (response, head) = self.final_head(flow, response, respond).await?;
        self.pass_on(flow, response, &head, respond, seen).await
    }

    /// Interim responses, which are passed on, and the final one, which is recorded; with its head.
    pub(super) async fn final_head(
        &self,
        flow: &FlowRecorder,
        mut response: ResponseFuture,
        respond: &mut SendResponse<Bytes>,
    ) -> Result<(Response<RecvStream>, Vec<u8>), Broken> {
        let response = loop {
            match next_response(&mut response, respond).await {
                Ok(Next::Interim(interim)) => {
                    self.recorder.room().await;
                    flow.head(
                        HeadKind::Interim,
                        Timestamp::now(),
                        &response_head(&interim),
                    );
                    respond
                        .send_informational(interim)
                        .map_err(on(Party::Client))?;
                }
                Ok(Next::Final(response)) => break response,
                Err(broken) => {
                    if broken.side == Party::Server && !broken.error.is_io() {
                        written().await;
                        respond.send_reset(match broken.is_unread() {
                            true => Reason::REFUSED_STREAM,
                            false => reason(&broken.error),
                        });
                    }
                    return Err(broken);
                }
            }
        };
        let now = Timestamp::now();
        let head = response_head(&response);
        flow.head(HeadKind::Response, now, &head);
        flow.edit(|f| {
            f.status = Some(response.status().as_u16());
            f.response.version = Some(Version::Http2);
            note_content(response.headers(), &mut f.response);
            if response.body().is_end_stream() {
                f.times.response_last = Some(now);
            }
        });
        Ok((response, head))
    }

    /// Passes a final response on, as rules want it.
    pub(super) async fn pass_on(
        &self,
        flow: &FlowRecorder,
        response: Response<RecvStream>,
        head: &[u8],
        respond: &mut SendResponse<Bytes>,
        seen: Option<&mut Seen>,
    ) -> Result<Option<SendStream<Bytes>>, Broken> {
        let (parts, body) = response.into_parts();
        let ends = body.is_end_stream();
        let mut throttle = None;
        if let Some(seen) = seen {
            let plan = on_response(seen, flow, head);
            if !plan.is_empty() {
                let message = message_of_response(&parts);
                let from = Source::Http2(body);
                let delivered = self.deliver(flow, message, from, plan, seen, respond);
                return Box::pin(delivered).await;
            }
            throttle.clone_from(&seen.throttle);
        }
        let mut to_client = respond
            .send_response(Response::from_parts(parts, ()), ends)
            .map_err(on(Party::Client))?;
        if !ends {
            let pump = Pump {
                recorder: self.recorder,
                flow,
                side: Side::Response,
                throttle,
            };
            if let Err(broken) = pump.run(body, &mut to_client).await {
                if broken.side == Party::Server {
                    written().await;
                    to_client.send_reset(reason(&broken.error));
                }
                return Err(broken);
            }
        }
        Ok(Some(to_client))
    }

    /// Begins the flow of a request.
    pub(super) fn begin(&self, recorder: &Recorder, request: &Request<RecvStream>) -> FlowRecorder {
        let start = self.start(request);
        let started = start.started;
        let flow = recorder.flow(start);
        flow.head(HeadKind::Request, started, &request_head(request));
        flow.edit(|f: &mut Flow| {
            f.request.version = Some(Version::Http2);
            note_content(request.headers(), &mut f.request);
        });
        flow
    }

    /// The host that a request names.
    pub(super) fn host<'r>(&'r self, request: &'r Request<RecvStream>) -> &'r str {
        if self.reverse {
            return &self.target.host;
        }
        let host = request.uri().host().unwrap_or(&self.target.host);
        host.trim_start_matches('[').trim_end_matches(']')
    }

    /// What is known when the flow of a request begins.
    pub(super) fn start(&self, request: &Request<RecvStream>) -> FlowStart {
        let started = Timestamp::now();
        let uri = request.uri();
        let host = self.host(request);
        let port = match uri.authority() {
            Some(authority) if !self.reverse => authority
                .port_u16()
                .unwrap_or_else(|| self.target.scheme.default_port()),
            _ => self.target.port,
        };
        FlowStart {
            connection: self.connection.id(),
            kind: Kind::Http,
            method: request.method().to_string(),
            scheme: self.target.scheme.as_str(),
            host: host.to_owned(),
            port,
            path: uri
                .path_and_query()
                .map(ToString::to_string)
                .unwrap_or_default(),
            client: self.client,
            server: self.server,
            started,
            replay_of: None,
        }
    }

    /// Sees to it that a request names its server when it goes on; what is another head than the one that came is recorded.
    fn name_server(&self, request: &mut Request<()>, flow: &FlowRecorder) {
        if self.reverse && self.to_itself(request) {
            let now = Timestamp::now();
            flow.head(HeadKind::RequestSent, now, &request_head(request));
        } else if request.uri().authority().is_none() {
            self.name_authority(request);
        }
    }

    /// Gives a request the server's own name; false when it had that already.
    pub(super) fn to_itself(&self, request: &mut Request<()>) -> bool {
        let authority = intercept::authority(self.target);
        let named = request.uri().authority().map(uri::Authority::as_str);
        if named == Some(authority.as_str()) {
            return false;
        }
        request.headers_mut().remove(header::HOST);
        self.set_authority(request, authority.parse().ok());
        true
    }

    /// A request without `:authority` names its server in `Host`, or not at all; `h2` wants one to send.
    pub(super) fn name_authority(&self, request: &mut Request<()>) {
        let host = request.headers().get(header::HOST);
        let named = host.and_then(|h| uri::Authority::try_from(h.as_bytes()).ok());
        let authority = named.or_else(|| self.target.to_string().parse().ok());
        self.set_authority(request, authority);
    }

    fn set_authority(&self, request: &mut Request<()>, authority: Option<uri::Authority>) {
        let mut parts = request.uri().clone().into_parts();
        parts.authority = authority;
        parts.scheme = Some(match self.target.scheme {
            Scheme::Http => uri::Scheme::HTTP,
            Scheme::Https => uri::Scheme::HTTPS,
        });
        if let Ok(uri) = Uri::from_parts(parts) {
            *request.uri_mut() = uri;
        }
    }
}

/// Answers a request with the page of a failure.
fn answer_with_failure(
    exchange: &Exchange<'_>,
    request: Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
    failure: Failure,
) {
    let flow = exchange.begin(exchange.recorder, &request);
    let page = page(&failure, format_of(&request));
    flow.edit(|f| f.status = Some(page.status().as_u16()));
    send_page(&mut respond, page);
    flow.fail(failure);
}

enum Next {
    Interim(Response<()>),
    Final(Response<RecvStream>),
}

/// What the server says next, unless the client cancels first.
async fn next_response(
    response: &mut ResponseFuture,
    respond: &mut SendResponse<Bytes>,
) -> Result<Next, Broken> {
    poll_fn(|cx| {
        if let Poll::Ready(cancelled) = respond.poll_reset(cx) {
            return Poll::Ready(Err(Broken {
                side: Party::Client,
                error: cancelled.map_or_else(|error| error, h2::Error::from),
                failure: None,
            }));
        }
        match response.poll_informational(cx) {
            Poll::Ready(Some(interim)) => {
                return Poll::Ready(interim.map(Next::Interim).map_err(on(Party::Server)));
            }
            Poll::Ready(None) | Poll::Pending => {}
        }
        Pin::new(&mut *response)
            .poll(cx)
            .map(|r| r.map(Next::Final).map_err(on(Party::Server)))
    })
    .await
}

/// The request never left: the client may send it again (RFC 9113 section 8.7).
fn refuse(respond: &mut SendResponse<Bytes>, failure: Failure) -> Broken {
    respond.send_reset(Reason::REFUSED_STREAM);
    Broken {
        side: Party::Proxy,
        error: Reason::REFUSED_STREAM.into(),
        failure: Some(failure),
    }
}

fn no_more_streams(error: &h2::Error) -> Failure {
    let text = format!(
        "the server takes no more requests on this connection ({error}): the client was told to send this one again on a new connection"
    );
    failed(FailureCause::Closed, Party::Server, text)
}

fn too_many_heads() -> Failure {
    let text = format!(
        "the server has not taken earlier requests on this connection whose heads have {} MiB together, so this one was not sent: the client was told that it may send it again (REFUSED_STREAM, RFC 9113 section 8.7)",
        waiting::MOST >> 20
    );
    failed(FailureCause::Other, Party::Proxy, text)
}

pub(super) fn note_content(fields: &HeaderMap, info: &mut overhear_store::MessageInfo) {
    let text = |name| {
        let value = fields.get(name).map(|v| v.as_bytes());
        value
            .map(|v| String::from_utf8_lossy(v).into_owned())
            .unwrap_or_default()
    };
    info.content_type = text(header::CONTENT_TYPE);
    info.content_encoding = text(header::CONTENT_ENCODING);
}

/// Of which side an error is.
pub(super) fn on(side: Party) -> impl Fn(h2::Error) -> Broken {
    move |error| Broken {
        side,
        error,
        failure: None,
    }
}

/// The code to reset the other side's stream with.
pub(super) fn reason(error: &h2::Error) -> Reason {
    error.reason().unwrap_or(Reason::INTERNAL_ERROR)
}

/// Lets the connection write what has room, so that a reset does not overtake what came before it: `h2` drops what
/// still waits.
pub(super) async fn written() {
    tokio::task::yield_now().await;
}
