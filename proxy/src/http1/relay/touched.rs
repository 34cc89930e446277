//! A request that rules touch: read as far as they look at it, changed, and made ready to be sent, or answered here.
//!
//! Every exchange before it is done, and no server is listened to meanwhile: what takes time here slows nobody else.

use super::Relay;
use crate::{
    http1::{
        changed::blocked,
        exchange::{Exchange, Opening, persists},
        framing::{Asked as Framed, Body},
        half::{Half, send},
        head::HeadReader,
        input::Input,
        offer::Offer,
        plain,
        prepared::Prepared,
        record::{self, Place},
        request::{MOST_AHEAD, format_of, gave_up, left},
        response::minor,
        send_slowly,
        target::{self, Form},
    },
    intercept::{
        self, Asked, At, Content, Log, MOST_BODY, Message, Seen, Set, Start, Verdict, finished,
        hides, needs_body, row_for, throttle::Throttle, type_of,
    },
    target::Target,
};
use overhear_store::{
    Failure, FlowRecorder, HeadKind, Side, Timestamp, Version, filter::Passing, rule::How,
};
use std::{future::pending, net::SocketAddr, sync::Arc};
use tokio::io::{AsyncRead, AsyncWrite};

/// What became of a request.
pub(super) enum Step {
    /// No rule touches it: it is where it was.
    Pass,
    /// It was answered, and the next may follow.
    Answered,
    /// It was answered, and nothing follows; or the client is gone.
    Close,
    /// The connection is closed without an answer.
    Dropped,
    /// The connection is reset.
    Reset,
    /// It is to be sent.
    Forward(Box<Prepared>),
}

/// What is done with an answer of our own.
struct Reply {
    flow: FlowRecorder,
    seen: Seen,
    asked: Asked,
    /// What is still to be read of the request.
    body: Body,
    /// Nothing follows.
    last: bool,
    /// The client waits for leave to send its body.
    expects: bool,
}

impl<C> Relay<'_, C>
where
    C: AsyncRead + AsyncWrite + Unpin + Send,
{
    /// Whether there are rules that might touch a request to this server.
    pub(super) fn is_touched(&self, target: &Target) -> bool {
        let set = self.rules.current();
        set.is_some_and(|set| set.touches_requests(&target.host))
            && !crate::engine::is_site(&target.host, target.port)
    }

    /// Applies rules to the request at the beginning of the client's bytes, which is whole.
    pub(super) async fn touched(&mut self, place: Place<'_>, named: bool) -> Step {
        let Some(set) = self.rules.current() else {
            return Step::Pass;
        };
        let mut reader = HeadReader::default();
        let head = match reader.request_ready(self.input.bytes()) {
            Ok(true) => reader.request(self.input.bytes()),
            _ => return Step::Pass,
        };
        let Ok(head) = head else {
            return Step::Pass;
        };
        let absolute = match target::form(head.method, head.target) {
            Ok(Form::Absolute(absolute)) if named => Some(absolute),
            _ => None,
        };
        let Ok(mut body) = Body::of_request(&head.fields, head.version) else {
            return Step::Pass;
        };
        let first = self.input.first();
        let start = self.journal.start(&head, absolute.as_ref(), place, first);
        let row = self.journal.preview(start.clone(), &head);
        let plan = set.on_request(Passing {
            flow: &row,
            heads: &[head.bytes],
            body: None,
        });
        if plan.is_empty() {
            return Step::Pass;
        }
        let flow = self.journal.touched(hides(&plan), start, &head, first);
        let came = head.bytes.to_vec();
        let mut original = match &absolute {
            Some(absolute) => plain::forwarded(&head, absolute),
            None => {
                let host = self.host.as_deref();
                let named = host.and_then(|host| plain::with_host(&came, host));
                named.unwrap_or_else(|| came.clone())
            }
        };
        let framed = match head.method {
            "CONNECT" => Framed::Connect,
            _ => Framed::Other,
        };
        let offer = Offer::of(&head, framed, &original, self.journal.built);
        let (upgrade, declined) = (offer.upgrade, offer.without_h2c.is_some());
        if let Some(without) = offer.without_h2c {
            original = without;
            flow.edit(record::declined);
        }
        let mut message = Message::request(&original, head.method, place.target);
        let asked = Asked::of(&message);
        let format = format_of(&head);
        let version = head.version;
        let last = !persists(version, head.fields.close, head.fields.keep_alive);
        let length = head.skipped + head.bytes.len();
        self.input.consume(length);

        let expect = message.first("expect").unwrap_or_default();
        let mut expects = expect.eq_ignore_ascii_case(b"100-continue") && !body.is_done();
        let mut wire = Vec::new();
        if body.is_done() {
            message.body = Content::Held(Vec::new());
        } else if needs_body(&plan, &message) {
            if std::mem::take(&mut expects) {
                message.remove("expect");
                if self.go_on().await.is_none() {
                    flow.fail(gave_up());
                    return Step::Close;
                }
            }
            let mut content = Vec::new();
            match self.hold(&mut body, &flow, &mut wire, &mut content).await {
                Ok(true) => {
                    let coding = message.first("content-encoding").unwrap_or_default();
                    message.body = match intercept::decoded(coding, content).await {
                        Ok(content) => Content::Held(content),
                        Err(why) => Content::Unseen(why),
                    };
                }
                Ok(false) => {
                    message.body =
                        Content::Unseen(format!("it is larger than {} MiB", MOST_BODY >> 20));
                }
                Err(failure) => {
                    flow.fail(failure);
                    return Step::Close;
                }
            }
        }

        let mut log = Log::default();
        let mut throttle = None;
        let row = row_for(&plan, &flow);
        let at = At {
            room: &set.room,
            flow: flow.id(),
            row: row.as_ref(),
            head: &came,
        };
        let verdict = {
            let Self {
                client,
                input,
                ends,
                ..
            } = self;
            let mut client = Half(client);
            tokio::select! {
                biased;
                verdict = intercept::run(&plan, &mut message, &asked, &mut log, &mut throttle, at) => Some(verdict),
                () = gone(&mut client, input, *ends) => None,
            }
        };
        log.record(&flow);
        let seen = Seen {
            set,
            head: came,
            asked: Some(asked.clone()),
            log,
            throttle,
        };
        match verdict {
            None => {
                flow.fail(gave_up());
                Step::Close
            }
            Some(Verdict::Block(how, rule)) => {
                flow.fail(blocked(&rule));
                match how {
                    How::Reset => Step::Reset,
                    How::Close | How::Forbidden => Step::Dropped,
                }
            }
            Some(Verdict::Answer(answer)) => {
                let reply = Reply {
                    flow,
                    seen,
                    asked,
                    body,
                    last,
                    expects,
                };
                self.reply(reply, answer).await
            }
            Some(Verdict::Go) => {
                let Start::Request { method, target, .. } = &message.start else {
                    return Step::Close;
                };
                let asked = match method.as_str() {
                    "HEAD" => Framed::Head,
                    _ => framed,
                };
                let changed = message.head_changed || message.body_changed;
                let mut bytes = match changed {
                    true => message.to_http1(minor(version)),
                    false => original,
                };
                if changed || declined || absolute_form(&seen.head, &bytes) {
                    flow.head(HeadKind::RequestSent, Timestamp::now(), &bytes);
                }
                match &message.body {
                    Content::Held(content) if message.body_changed => {
                        flow.sent_body(Side::Request, content);
                        bytes.extend_from_slice(content);
                    }
                    _ => bytes.extend_from_slice(&wire),
                }
                let exchange = Exchange {
                    flow: Some(flow),
                    opening: Opening::of(upgrade, &seen.head),
                    seen: Some(Box::new(seen)),
                    asked,
                    upgrade,
                    format,
                    last,
                    repeatable: false,
                    request_done: false,
                    response_begun: false,
                    response_done: false,
                };
                Step::Forward(Box::new(Prepared {
                    target: target.clone(),
                    via: message.via.clone(),
                    alone: message.as_written,
                    exchange,
                    head: bytes,
                    body: match body.is_done() {
                        true => Body::NONE,
                        false => body,
                    },
                }))
            }
        }
    }

    /// Gives the client leave to send its body.
    async fn go_on(&mut self) -> Option<()> {
        send(self.client.get_mut(), b"HTTP/1.1 100 Continue\r\n\r\n")
            .await
            .ok()
    }

    /// Reads a body to its end; false when it is too large to be held.
    async fn hold(
        &mut self,
        body: &mut Body,
        flow: &FlowRecorder,
        wire: &mut Vec<u8>,
        content: &mut Vec<u8>,
    ) -> Result<bool, Failure> {
        loop {
            let at = self.input.last();
            let taken = body.take(self.input.bytes(), |piece| {
                flow.chunk(Side::Request, at, piece);
                content.extend_from_slice(piece);
            });
            wire.extend_from_slice(self.input.bytes().get(..taken.wire).unwrap_or_default());
            self.input.consume(taken.wire);
            if taken.done {
                let trailers = body.trailers();
                if !trailers.is_empty() {
                    flow.head(HeadKind::RequestTrailers, at, trailers);
                }
                return Ok(true);
            }
            if let Some(problem) = taken.problem {
                return Err(problem.of_request());
            }
            if wire.len() > MOST_BODY {
                return Ok(false);
            }
            self.more().await?;
        }
    }

    async fn more(&mut self) -> Result<(), Failure> {
        self.journal.recorder.room().await;
        match self.input.fill(&mut Half(&self.client)).await {
            Ok(1..) => Ok(()),
            _ => Err(gave_up()),
        }
    }

    /// Answers in the server's place: the rest of the request is read, rules for responses are applied.
    async fn reply(&mut self, reply: Reply, answer: Message) -> Step {
        let Reply {
            flow,
            mut seen,
            asked,
            mut body,
            last,
            expects,
        } = reply;
        if expects && self.go_on().await.is_none() {
            flow.fail(gave_up());
            return Step::Close;
        }
        while !body.is_done() {
            let at = self.input.last();
            let taken = body.take(self.input.bytes(), |piece| {
                flow.chunk(Side::Request, at, piece)
            });
            self.input.consume(taken.wire);
            let read = match (taken.done, taken.problem) {
                (true, _) => break,
                (false, Some(problem)) => Err(problem.of_request()),
                (false, None) => self.more().await,
            };
            if let Err(failure) = read {
                flow.fail(failure);
                return Step::Close;
            }
        }
        flow.edit(|flow| flow.times.request_last = Some(Timestamp::now()));
        let answer = match respond(&seen.set.clone(), &flow, answer, &asked, &mut seen).await {
            Ok(answer) => answer,
            Err((how, rule)) => {
                flow.fail(blocked(&rule));
                return match how {
                    How::Reset => Step::Reset,
                    How::Close | How::Forbidden => Step::Dropped,
                };
            }
        };
        let mut answer = finished(answer);
        let written = answer.as_written;
        if last && !written {
            answer.set("Connection", b"close");
        }
        let mut bytes = answer.to_http1(1);
        let now = Timestamp::now();
        flow.head(HeadKind::Response, now, &bytes);
        let (content_type, content_encoding) = type_of(&answer);
        flow.edit(|flow| {
            flow.status = Some(answer.status());
            flow.response.version = Some(Version::Http11);
            flow.response.content_type = content_type;
            flow.response.content_encoding = content_encoding;
            flow.times.response_last = Some(now);
        });
        if let Content::Held(content) = &answer.body
            && asked.method != "HEAD"
            && !matches!(answer.status(), 204 | 304)
        {
            flow.chunk(Side::Response, now, content);
            bytes.extend_from_slice(content);
        }
        let throttle: Option<Arc<Throttle>> = seen.throttle.clone();
        let client = self.client.get_mut();
        match send_slowly(client, &bytes, Side::Response, throttle.as_deref()).await {
            Ok(()) => flow.complete(),
            Err(_) => {
                flow.fail(gave_up());
                return Step::Close;
            }
        }
        match last || written {
            true => Step::Close,
            false => Step::Answered,
        }
    }
}

/// Applies the rules for responses to an answer of our own.
pub(crate) async fn respond(
    set: &Set,
    flow: &FlowRecorder,
    answer: Message,
    asked: &Asked,
    seen: &mut Seen,
) -> Result<Message, (How, String)> {
    let mut answer = answer;
    let mut row = flow.get();
    row.status = Some(answer.status());
    (row.response.content_type, row.response.content_encoding) = type_of(&answer);
    let head = answer.to_http1(1);
    let plan = set.on_response(Passing {
        flow: &row,
        heads: &[&seen.head, &head],
        body: None,
    });
    if plan.is_empty() {
        return Ok(answer);
    }
    let row = row_for(&plan, flow);
    let came = seen.head.clone();
    let at = At {
        room: &set.room,
        flow: flow.id(),
        row: row.as_ref(),
        head: &came,
    };
    let verdict = intercept::run(
        &plan,
        &mut answer,
        asked,
        &mut seen.log,
        &mut seen.throttle,
        at,
    )
    .await;
    seen.log.record(flow);
    match verdict {
        Verdict::Go => Ok(answer),
        Verdict::Answer(other) => Ok(other),
        Verdict::Block(how, rule) => Err((how, rule)),
    }
}

/// Whether what goes on is another head than the one that came.
fn absolute_form(came: &[u8], goes: &[u8]) -> bool {
    !goes.starts_with(came)
}

/// Ends when the client is gone; what it sends meanwhile is read, as far as there is room for it.
pub(super) async fn gone<R: AsyncRead + Unpin>(
    client: &mut R,
    input: &mut Input,
    ends: Option<(SocketAddr, SocketAddr)>,
) {
    while input.bytes().len() < MOST_AHEAD {
        match input.fill(client).await {
            Ok(0) => return left(ends).await,
            Ok(_) => {}
            Err(_) => return,
        }
    }
    pending().await
}
