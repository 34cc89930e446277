//! WebSockets over HTTP/2 (RFC 8441): an extended CONNECT opens a stream, and what passes on it is what would pass behind a 101.

use super::{
    duplex::Duplex,
    elsewhere::{for_http1, read_head, read_response},
    exchange::{Broken, Exchange, on, written},
    head::{request_head, response_head},
    source::broken_off,
    touched::{code, response_of},
};
use crate::{
    http1::{self, Input, becomes_websocket, blocked, send},
    intercept::{self, Message, Seen, Start, Watch},
    stream::Stream,
    target::Target,
    tunnel::TunnelEnd,
    websocket::{self, Stop},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::{Bytes, BytesMut};
use h2::{
    Reason, RecvStream, SendStream, client::ResponseFuture, ext::Protocol, server::SendResponse,
};
use http::{
    Request, Response, StatusCode,
    header::{SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS},
};
use overhear_store::{FlowRecorder, HeadKind, Party, Timestamp, Version};
use std::future::poll_fn;

/// What a reset of TCP would be, RFC 8441 section 5.
const CUT: Reason = Reason::CANCEL;

/// What rules for messages look at of the request that opens a WebSocket.
pub(super) struct Opening {
    head: Vec<u8>,
    asked: Message,
}

/// Whether that protocol is this one, RFC 8441 section 5.
pub(super) fn is_websocket(protocol: &Protocol) -> bool {
    protocol.as_str() == "websocket"
}

impl Exchange<'_> {
    /// What is kept of a request that opens a WebSocket.
    pub(super) fn opening(&self, request: &Request<()>) -> Opening {
        Opening {
            head: request_head(request),
            asked: self.message_of(request),
        }
    }

    /// Waits for what the server says to an opening, and relays the WebSocket to its end. As over HTTP/1.1, no rule for
    /// responses touches one that was opened.
    pub(super) async fn websocket(
        &self,
        flow: &FlowRecorder,
        opening: Opening,
        (from_client, mut to_server): (RecvStream, SendStream<Bytes>),
        response: ResponseFuture,
        respond: &mut SendResponse<Bytes>,
        seen: Option<&mut Seen>,
    ) -> Result<(), Broken> {
        let answered = self.final_head(flow, response, respond).await;
        let (response, head) = answered.inspect_err(|broken| {
            if broken.side != Party::Server {
                to_server.send_reset(broken.error.reason().unwrap_or(Reason::CANCEL));
            }
        })?;
        if !response.status().is_success() || response.body().is_end_stream() {
            // nothing is opened: the client's side of the stream is of no use any more
            let passed = self.pass_on(flow, response, &head, respond, seen).await;
            to_server.send_reset(Reason::CANCEL);
            return passed.map(drop);
        }
        let (parts, from_server) = response.into_parts();
        let extensions = parts.headers.get_all(SEC_WEBSOCKET_EXTENSIONS).iter();
        let extensions: Vec<_> = extensions
            .map(|value| String::from_utf8_lossy(value.as_bytes()))
            .collect();
        let extensions = extensions.join(",");
        let to_client = respond
            .send_response(Response::from_parts(parts, ()), false)
            .map_err(on(Party::Client))?;
        flow.edit(becomes_websocket);
        let log = seen.map_or_else(Default::default, |seen| std::mem::take(&mut seen.log));
        let host = flow.get().host;
        let heads = [opening.head, head];
        let watch = Watch::new(self.rules, flow, host, heads, &opening.asked, log);
        let (mut client, mut server) =
            Duplex::pair((from_client, to_client), (from_server, to_server));
        let stop = websocket::relay(
            (&mut client, Input::new(BytesMut::new())),
            (&mut server, Input::new(BytesMut::new())),
            &watch,
            &extensions,
            self.recorder,
        )
        .await;
        let broke = |end: TunnelEnd| {
            let error = match end.by {
                Party::Client => client.broke(),
                Party::Server | Party::Proxy => server.broke(),
            };
            on(end.by)(error.unwrap_or_else(|| CUT.into()))
        };
        let Some((reset, outcome)) = ended(stop, broke) else {
            return Ok(());
        };
        // a close frame that came just before is not to be overtaken
        written().await;
        client.reset(reset);
        server.reset(reset);
        outcome
    }

    /// Opens a WebSocket at another server over HTTP/1.1 (RFC 6455 section 4.1), and relays it to its end.
    #[expect(clippy::too_many_arguments, reason = "a whole exchange")]
    pub(super) async fn websocket_over_http1(
        &self,
        flow: &FlowRecorder,
        mut message: Message,
        to: &Target,
        from_client: RecvStream,
        seen: &mut Seen,
        respond: &mut SendResponse<Bytes>,
        mut io: Stream,
    ) -> Result<(), Broken> {
        let head = opening_of(&mut message, self.target);
        flow.head(HeadKind::RequestSent, Timestamp::now(), &head);
        let mut input = Input::new(BytesMut::new());
        let switched = tokio::select! {
            biased;
            switched = switch(&head, &mut io, &mut input, to) => switched?,
            cancelled = poll_fn(|cx| respond.poll_reset(cx)) => {
                let error = cancelled.map_or_else(|error| error, h2::Error::from);
                return Err(on(Party::Client)(error));
            }
        };
        let Some(head) = switched else {
            let (answer, source, head) = read_response(io, input, to, false).await?;
            let passed = self.translated(flow, (answer, head), source, seen, respond);
            return passed.await.map(drop);
        };
        let mut answer = Message::response(&head, 101);
        let extensions = answer.all(SEC_WEBSOCKET_EXTENSIONS.as_str());
        answer.remove(SEC_WEBSOCKET_ACCEPT.as_str());
        let mut response = response_of(&answer);
        *response.status_mut() = StatusCode::OK;
        let now = Timestamp::now();
        flow.head(HeadKind::Response, now, &head);
        flow.head(HeadKind::ResponseSent, now, &response_head(&response));
        flow.edit(|flow| {
            flow.status = Some(answer.status());
            flow.response.version = Some(Version::Http11);
            becomes_websocket(flow);
        });
        let to_client = respond
            .send_response(response, false)
            .map_err(on(Party::Client))?;
        let host = flow.get().host;
        let heads = [seen.head.clone(), head];
        let log = std::mem::take(&mut seen.log);
        let watch = Watch::new(self.rules, flow, host, heads, &message, log);
        let mut client = Duplex::new(from_client, to_client);
        let stop = websocket::relay(
            (&mut client, Input::new(BytesMut::new())),
            (&mut io, input),
            &watch,
            &extensions,
            self.recorder,
        )
        .await;
        let broke = |end: TunnelEnd| match end.by {
            Party::Client => on(Party::Client)(client.broke().unwrap_or_else(|| CUT.into())),
            Party::Server | Party::Proxy => Broken {
                side: Party::Server,
                error: CUT.into(),
                failure: end.failure(to),
            },
        };
        let Some((reset, outcome)) = ended(stop, broke) else {
            return Ok(());
        };
        written().await;
        client.reset(reset);
        outcome
    }
}

/// How a stream is reset whose WebSocket has ended, and what becomes of the flow; none where both sides ended it in order.
fn ended(
    stop: Stop,
    broke: impl FnOnce(TunnelEnd) -> Broken,
) -> Option<(Reason, Result<(), Broken>)> {
    Some(match stop {
        Stop::Tunnel { end, .. } if !end.reset => return None,
        Stop::Tunnel { end, farewell } => {
            let broken = broke(end);
            let reset = broken.error.reason().unwrap_or(CUT);
            (reset, if farewell { Ok(()) } else { Err(broken) })
        }
        Stop::Rule(how, rule) => {
            let reset = code(how);
            let broken = Broken {
                side: Party::Proxy,
                error: reset.into(),
                failure: Some(blocked(&rule)),
            };
            (reset, Err(broken))
        }
    })
}

/// Makes an extended CONNECT the opening of a WebSocket over HTTP/1.1; `named` is the server if no `Host` says it.
fn opening_of(message: &mut Message, named: &Target) -> Vec<u8> {
    if message.first("host").is_none() {
        message.add("Host", intercept::authority(named).as_bytes());
    }
    for_http1(message);
    if let Start::Request { method, .. } = &mut message.start {
        "GET".clone_into(method);
    }
    message.add("Connection", b"Upgrade");
    message.add("Upgrade", b"websocket");
    let key = STANDARD.encode(rand::random::<[u8; 16]>());
    message.set("Sec-WebSocket-Key", key.as_bytes());
    message.to_http1(1)
}

/// Sends an opening, and reads what the server says to it: the head of a 101. None where it says something else, which is left in
/// `input`.
async fn switch(
    opening: &[u8],
    io: &mut Stream,
    input: &mut Input,
    to: &Target,
) -> Result<Option<Vec<u8>>, Broken> {
    let gone = |error| {
        broken_off(format!(
            "{to} closed the connection before a WebSocket was opened ({error})."
        ))
    };
    send(io, opening).await.map_err(gone)?;
    loop {
        let reader = read_head(io, input, to).await?;
        let wrong = |problem: http1::Problem| broken_off(problem.of_response(&to.to_string()).text);
        let head = reader.response(input.bytes()).map_err(wrong)?;
        let (status, length) = (head.status, head.skipped + head.bytes.len());
        let bytes = head.bytes.to_vec();
        if !(100..200).contains(&status) {
            return Ok(None);
        }
        input.consume(length);
        if status == 101 {
            return Ok(Some(bytes));
        }
    }
}
