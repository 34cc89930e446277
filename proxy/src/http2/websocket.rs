//! WebSockets over HTTP/2 (RFC 8441): an extended CONNECT opens a stream, and what passes on it is what would pass behind a 101.

use super::{
    duplex::Duplex,
    exchange::{Broken, Exchange, on, written},
    head::request_head,
    touched::code,
};
use crate::{
    http1::{Input, becomes_websocket, blocked},
    intercept::{Message, Seen, Watch},
    websocket::{self, Stop},
};
use bytes::{Bytes, BytesMut};
use h2::{
    Reason, RecvStream, SendStream, client::ResponseFuture, ext::Protocol, server::SendResponse,
};
use http::{Request, Response, header::SEC_WEBSOCKET_EXTENSIONS};
use overhear_store::{FlowRecorder, Party};

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
        let (reset, outcome) = match stop {
            Stop::Tunnel { end, .. } if !end.reset => return Ok(()),
            Stop::Tunnel { end, farewell } => {
                let error = match end.by {
                    Party::Client => client.broke(),
                    Party::Server | Party::Proxy => server.broke(),
                };
                // RFC 8441 section 5: what a reset of TCP would be
                let error = error.unwrap_or_else(|| Reason::CANCEL.into());
                let reset = error.reason().unwrap_or(Reason::CANCEL);
                let broken = on(end.by)(error);
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
        };
        // a close frame that came just before is not to be overtaken
        written().await;
        client.reset(reset);
        server.reset(reset);
        outcome
    }
}
