//! Exchanges that rules touch: the same as over HTTP/1, on a stream.

use super::{
    elsewhere::Other,
    exchange::{Broken, Exchange, Upload, note_content, on, reason, written},
    failure::{format_of, page, send_page},
    head::{request_head, response_head, trailers},
    pump::Pump,
    source::Source,
    websocket::is_websocket,
};
use crate::{
    http1,
    intercept::{
        self, Asked, At, Content, Log, MOST_BODY, Message, Plan, Seen, Set, Start, Verdict,
        finished, hides, is_hop, needs_body, row_for, type_of,
    },
    target::{Scheme, Target},
    words::failed,
};
use bytes::Bytes;
use futures_util::future::poll_fn;
use h2::{
    Reason, RecvStream, SendStream, client::SendRequest, ext::Protocol, server::SendResponse,
};
use http::{
    HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri,
    request::Parts as RequestParts, response::Parts as ResponseParts, uri,
};
use overhear_store::{
    Failure, FailureCause, FlowRecorder, HeadKind, Party, Side, Timestamp, Version,
    filter::Passing, rule::How,
};
use std::sync::Arc;

impl Exchange<'_> {
    /// The rules that touch a request.
    pub(super) fn plan(&self, request: &Request<RecvStream>, set: &Set) -> Plan {
        if !set.touches_requests(self.host(request)) {
            return Plan::new();
        }
        let mut row = self.recorder.preview(self.start(request));
        row.request.version = Some(Version::Http2);
        note_content(request.headers(), &mut row.request);
        let head = request_head(request);
        set.on_request(Passing {
            flow: &row,
            heads: &[&head],
            body: None,
        })
    }

    /// What rules for responses look at.
    pub(super) fn seen(&self, request: &Request<RecvStream>, set: Arc<Set>) -> Seen {
        Seen {
            set,
            head: request_head(request),
            asked: Some(Asked::of(&self.message_of(request))),
            log: Log::default(),
            throttle: None,
        }
    }

    pub(super) fn message_of<B>(&self, request: &Request<B>) -> Message {
        let uri = request.uri();
        let path = uri.path_and_query().map(ToString::to_string);
        let mut message = Message::request(b"", request.method().as_str(), self.target);
        if let Start::Request { path: place, .. } = &mut message.start {
            *place = path.unwrap_or_default();
        }
        message.fields = fields(request.headers());
        message
    }

    /// Carries an exchange to its end whose request rules touch.
    pub(super) async fn touched(
        &self,
        request: Request<RecvStream>,
        mut respond: SendResponse<Bytes>,
        sender: Result<SendRequest<Bytes>, Failure>,
        set: Arc<Set>,
        plan: Plan,
    ) {
        let format = format_of(&request);
        let flow = match hides(&plan) {
            true => self.begin(&self.recorder.never(), &request),
            false => self.begin(self.recorder, &request),
        };
        let mut seen = self.seen(&request, set);
        let mut message = self.message_of(&request);
        let asked = seen.asked.clone().unwrap_or_default();
        let (parts, mut body) = request.into_parts();
        let mut held = Vec::new();
        let mut whole = body.is_end_stream();
        let extended = parts.extensions.get::<Protocol>().is_some();
        if whole {
            message.body = Content::Held(Vec::new());
        } else if extended {
            let why = "what follows an extended CONNECT is no body".to_owned();
            message.body = Content::Unseen(why);
        } else if needs_body(&plan, &message) {
            match hold(self, &flow, &mut body, &mut held).await {
                Ok(is_whole) => whole = is_whole,
                Err(broken) => return self.finish(flow, Err(broken), format, respond),
            }
            message.body = match whole {
                true => {
                    let coding = message.first("content-encoding").unwrap_or_default();
                    match intercept::decoded(coding, held.clone()).await {
                        Ok(content) => Content::Held(content),
                        Err(why) => Content::Unseen(why),
                    }
                }
                false => Content::Unseen(format!("it is larger than {} MiB", MOST_BODY >> 20)),
            };
        }
        let mut log = Log::default();
        let room = seen.set.room.clone();
        let row = row_for(&plan, &flow);
        let came = seen.head.clone();
        let at = At {
            room: &room,
            flow: flow.id(),
            row: row.as_ref(),
            head: &came,
        };
        let verdict = tokio::select! {
            biased;
            verdict = intercept::run(&plan, &mut message, &asked, &mut log, &mut seen.throttle, at) => Some(verdict),
            _ = poll_fn(|cx| respond.poll_reset(cx)) => None,
        };
        log.record(&flow);
        seen.log = log;
        let body = match whole {
            true => None,
            false => Some(body),
        };
        match verdict {
            None => flow.fail(gave_up()),
            Some(Verdict::Block(how, rule)) => {
                respond.send_reset(code(how));
                flow.fail(http1::blocked(&rule));
            }
            Some(Verdict::Answer(answer)) => {
                // what the client would say in a WebSocket has no end
                let body = body.filter(|_| !extended);
                self.reply(flow, answer, &asked, &mut seen, body, &mut respond)
                    .await;
            }
            Some(Verdict::Go) => {
                let upload = match (&message.body, body) {
                    (Content::Held(content), _) if message.body_changed => {
                        flow.sent_body(Side::Request, content);
                        Upload::Whole(Bytes::copy_from_slice(content))
                    }
                    (_, None) => Upload::Whole(held.into()),
                    (_, Some(body)) if held.is_empty() => Upload::Stream(body),
                    (_, Some(body)) => Upload::Begun(held.into(), body),
                };
                let to = match &message.start {
                    Start::Request { target, .. } => target.clone(),
                    _ => return,
                };
                let other = parts
                    .extensions
                    .get()
                    .is_some_and(|asked| !is_websocket(asked));
                if other && (to != *self.target || message.via.is_some()) {
                    let text = "A rule leads this extended CONNECT (RFC 8441) to another server, or another way: that can be done with WebSockets alone.";
                    let failure = failed(FailureCause::Protocol, Party::Proxy, text);
                    let page = page(&failure, format);
                    flow.edit(|flow| flow.status = Some(page.status().as_u16()));
                    send_page(&mut respond, page);
                    return flow.fail(failure);
                }
                if to != *self.target || message.via.is_some() {
                    let other = Other { to, parts };
                    let elsewhere =
                        self.elsewhere(flow, message, other, upload, &mut seen, respond, format);
                    return elsewhere.await;
                }
                let sender = match sender {
                    Ok(sender) => sender,
                    Err(failure) => {
                        let page = page(&failure, format);
                        flow.edit(|flow| flow.status = Some(page.status().as_u16()));
                        send_page(&mut respond, page);
                        return flow.fail(failure);
                    }
                };
                let Some(mut request) = request_of(&message, &parts, &to) else {
                    let text = "What rules made of the request cannot be sent over HTTP/2: look at the URL and the fields that they set.";
                    let failure = failed(FailureCause::Protocol, Party::Proxy, text);
                    send_page(&mut respond, page(&failure, format));
                    return flow.fail(failure);
                };
                if request.uri().authority().is_none() {
                    self.name_authority(&mut request);
                }
                let renamed = self.reverse && self.to_itself(&mut request);
                if renamed || message.head_changed || message.body_changed {
                    flow.head(
                        HeadKind::RequestSent,
                        Timestamp::now(),
                        &request_head(&request),
                    );
                }
                let seen = Some(&mut seen);
                let sent = self.send(&flow, request, upload, sender, &mut respond, seen);
                let outcome = sent.await;
                self.finish(flow, outcome, format, respond);
            }
        }
    }

    /// Answers in the server's place.
    async fn reply(
        &self,
        flow: FlowRecorder,
        answer: Message,
        asked: &Asked,
        seen: &mut Seen,
        body: Option<RecvStream>,
        respond: &mut SendResponse<Bytes>,
    ) {
        if let Some(mut body) = body {
            while let Some(data) = body.data().await {
                let Ok(data) = data else {
                    return flow.fail(gave_up());
                };
                self.recorder.room().await;
                flow.chunk(Side::Request, Timestamp::now(), &data);
                // the client has gone; the next read says so
                let _ = body.flow_control().release_capacity(data.len());
            }
        }
        flow.edit(|flow| flow.times.request_last = Some(Timestamp::now()));
        let set = seen.set.clone();
        let answer = match http1::respond(&set, &flow, answer, asked, seen).await {
            Ok(answer) => finished(answer),
            Err((how, rule)) => {
                respond.send_reset(code(how));
                return flow.fail(http1::blocked(&rule));
            }
        };
        let response = response_of(&answer);
        let now = Timestamp::now();
        flow.head(HeadKind::Response, now, &response_head(&response));
        let (content_type, content_encoding) = type_of(&answer);
        flow.edit(|flow| {
            flow.status = Some(answer.status());
            flow.response.version = Some(Version::Http2);
            flow.response.content_type = content_type;
            flow.response.content_encoding = content_encoding;
            flow.times.response_last = Some(now);
        });
        let content = match answer.body {
            Content::Held(content)
                if asked.method != "HEAD" && !matches!(response.status().as_u16(), 204 | 304) =>
            {
                content
            }
            _ => Vec::new(),
        };
        flow.chunk(Side::Response, now, &content);
        let Ok(mut to_client) = respond.send_response(response, content.is_empty()) else {
            return flow.fail(gave_up());
        };
        if !content.is_empty() {
            let pump = Pump {
                recorder: self.recorder,
                flow: &flow,
                side: Side::Response,
                throttle: seen.throttle.clone(),
            };
            if pump
                .send(&mut to_client, content.into(), true)
                .await
                .is_err()
            {
                return flow.fail(gave_up());
            }
        }
        flow.complete();
    }

    /// Sends a response that rules touch: held where they look at its body.
    pub(super) async fn deliver(
        &self,
        flow: &FlowRecorder,
        mut message: Message,
        mut from: Source,
        plan: Plan,
        seen: &mut Seen,
        respond: &mut SendResponse<Bytes>,
    ) -> Result<Option<SendStream<Bytes>>, Broken> {
        let asked = seen.asked.clone().unwrap_or_default();
        let is_head = asked.method == "HEAD";
        let mut held = Vec::new();
        if from.is_done() {
            message.body = match is_head {
                true => Content::Unseen("a response to HEAD has none".to_owned()),
                false => Content::Held(Vec::new()),
            };
        } else if needs_body(&plan, &message) && !is_head {
            let mut whole = false;
            while held.len() <= MOST_BODY {
                self.recorder.room().await;
                match from.data().await? {
                    Some(data) => {
                        flow.chunk(Side::Response, Timestamp::now(), &data);
                        held.extend_from_slice(&data);
                    }
                    None => {
                        whole = true;
                        break;
                    }
                }
            }
            message.body = match whole {
                true => {
                    let coding = message.first("content-encoding").unwrap_or_default();
                    match intercept::decoded(coding, held.clone()).await {
                        Ok(content) => Content::Held(content),
                        Err(why) => Content::Unseen(why),
                    }
                }
                false => Content::Unseen(format!("it is larger than {} MiB", MOST_BODY >> 20)),
            };
        }
        let room = seen.set.room.clone();
        let row = row_for(&plan, flow);
        let came = seen.head.clone();
        let at = At {
            room: &room,
            flow: flow.id(),
            row: row.as_ref(),
            head: &came,
        };
        let run = intercept::run(
            &plan,
            &mut message,
            &asked,
            &mut seen.log,
            &mut seen.throttle,
            at,
        );
        let verdict = tokio::select! {
            biased;
            verdict = run => verdict,
            cancelled = poll_fn(|cx| respond.poll_reset(cx)) => {
                let error = cancelled.map_or_else(|error| error, h2::Error::from);
                return Err(on(Party::Client)(error));
            }
        };
        seen.log.record(flow);
        let mut replaced = false;
        match verdict {
            Verdict::Go => {}
            Verdict::Answer(answer) => {
                message = finished(answer);
                replaced = true;
            }
            Verdict::Block(how, rule) => {
                respond.send_reset(code(how));
                return Err(Broken {
                    side: Party::Proxy,
                    error: Reason::CANCEL.into(),
                    failure: Some(http1::blocked(&rule)),
                });
            }
        }
        let body_changed = message.body_changed || replaced;
        let response = response_of(&message);
        if message.head_changed || body_changed {
            flow.head(
                HeadKind::ResponseSent,
                Timestamp::now(),
                &response_head(&response),
            );
            let (content_type, _) = type_of(&message);
            flow.edit(|flow| {
                flow.status = Some(message.status());
                flow.response.content_type = content_type;
            });
        }
        let begun: Bytes = match message.body {
            Content::Held(content) if body_changed && !is_head => {
                flow.sent_body(Side::Response, &content);
                // whatever the server still sends is not wanted, but it is recorded
                while let Some(data) = from.data().await? {
                    self.recorder.room().await;
                    flow.chunk(Side::Response, Timestamp::now(), &data);
                }
                from = Source::None;
                content.into()
            }
            _ => held.into(),
        };
        self.stream(flow, response, begun, from, seen, respond)
            .await
    }

    /// Sends a response whose body begins with `begun` and goes on as it comes.
    pub(super) async fn stream(
        &self,
        flow: &FlowRecorder,
        response: Response<()>,
        begun: Bytes,
        mut from: Source,
        seen: &Seen,
        respond: &mut SendResponse<Bytes>,
    ) -> Result<Option<SendStream<Bytes>>, Broken> {
        let ends = begun.is_empty() && from.is_done();
        let mut to_client = respond
            .send_response(response, ends)
            .map_err(on(Party::Client))?;
        let pump = Pump {
            recorder: self.recorder,
            flow,
            side: Side::Response,
            throttle: seen.throttle.clone(),
        };
        if ends {
            pump.ended();
            return Ok(Some(to_client));
        }
        if !begun.is_empty() {
            let last = from.is_done();
            pump.send(&mut to_client, begun, last).await?;
            if last {
                pump.ended();
                return Ok(Some(to_client));
            }
        }
        loop {
            self.recorder.room().await;
            match from.data().await {
                Ok(Some(data)) => {
                    flow.chunk(Side::Response, Timestamp::now(), &data);
                    pump.send(&mut to_client, data, false).await?;
                }
                Ok(None) => break,
                Err(broken) => {
                    written().await;
                    to_client.send_reset(reason(&broken.error));
                    return Err(broken);
                }
            }
        }
        let ended = match from.trailers().await? {
            Some(fields) => {
                flow.head(
                    HeadKind::ResponseTrailers,
                    Timestamp::now(),
                    &trailers(&fields),
                );
                to_client.send_trailers(fields)
            }
            None => to_client.send_data(Bytes::new(), true),
        };
        ended.map_err(on(Party::Client))?;
        pump.ended();
        Ok(Some(to_client))
    }
}

/// Reads a body until it is whole, or too large to be held: false.
async fn hold(
    exchange: &Exchange<'_>,
    flow: &FlowRecorder,
    body: &mut RecvStream,
    held: &mut Vec<u8>,
) -> Result<bool, Broken> {
    while held.len() <= MOST_BODY {
        exchange.recorder.room().await;
        let Some(data) = body.data().await else {
            if let Some(fields) = body.trailers().await.map_err(on(Party::Client))? {
                flow.head(
                    HeadKind::RequestTrailers,
                    Timestamp::now(),
                    &trailers(&fields),
                );
            }
            flow.edit(|flow| flow.times.request_last = Some(Timestamp::now()));
            return Ok(true);
        };
        let data = data.map_err(on(Party::Client))?;
        flow.chunk(Side::Request, Timestamp::now(), &data);
        held.extend_from_slice(&data);
        body.flow_control()
            .release_capacity(data.len())
            .map_err(on(Party::Client))?;
    }
    Ok(false)
}

/// A response as rules see it.
pub(super) fn message_of_response(parts: &ResponseParts) -> Message {
    let mut message = Message::response(b"", parts.status.as_u16());
    message.fields = fields(&parts.headers);
    message
}

fn fields(map: &http::HeaderMap) -> Vec<(String, Vec<u8>)> {
    let fields = map.iter();
    let fields = fields.map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()));
    fields.collect()
}

/// The request as it goes on; none when HTTP/2 cannot say it.
pub(super) fn request_of(
    message: &Message,
    parts: &RequestParts,
    to: &Target,
) -> Option<Request<()>> {
    let Start::Request { method, path, .. } = &message.start else {
        return None;
    };
    let mut request = Request::new(());
    *request.method_mut() = Method::from_bytes(method.as_bytes()).ok()?;
    if let Some(protocol) = parts.extensions.get::<Protocol>() {
        request.extensions_mut().insert(protocol.clone());
    }
    let mut uri = parts.uri.clone().into_parts();
    if uri.path_and_query.as_ref().map(uri::PathAndQuery::as_str) != Some(path.as_str()) {
        uri.path_and_query = Some(path.parse().ok()?);
    }
    let named = uri.authority.is_some();
    if let Some(host) = message.first("host").filter(|_| named) {
        uri.authority = Some(uri::Authority::try_from(host).ok()?);
    }
    if uri.scheme.is_some() {
        uri.scheme = Some(match to.scheme {
            Scheme::Http => uri::Scheme::HTTP,
            Scheme::Https => uri::Scheme::HTTPS,
        });
    }
    *request.uri_mut() = Uri::from_parts(uri).ok()?;
    for (name, value) in &message.fields {
        let is_host = named && name.eq_ignore_ascii_case("host");
        if !is_hop(name) && !is_host {
            let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
            request
                .headers_mut()
                .append(name, HeaderValue::from_bytes(value).ok()?);
        }
    }
    Some(request)
}

/// The response as it goes on; a field that HTTP/2 cannot say is left out.
pub(super) fn response_of(message: &Message) -> Response<()> {
    let mut response = Response::new(());
    if let Ok(status) = StatusCode::from_u16(message.status()) {
        *response.status_mut() = status;
    }
    for (name, value) in &message.fields {
        let name = HeaderName::from_bytes(name.as_bytes());
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(value))
            && !is_hop(name.as_str())
        {
            response.headers_mut().append(name, value);
        }
    }
    response
}

/// The code that a stream is reset with.
pub(super) fn code(how: How) -> Reason {
    match how {
        How::Reset => Reason::INTERNAL_ERROR,
        How::Close | How::Forbidden => Reason::CANCEL,
    }
}

pub(super) fn gave_up() -> Failure {
    let text = "The client gave up before the exchange was complete.";
    failed(FailureCause::Closed, Party::Client, text)
}
