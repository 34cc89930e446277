//! A flow: the row of a list, and the whole of it.

use super::{
    Connection, schema,
    time::{optional, rfc3339},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use overhear_store::{
    Color, Error, FailureCause, FlowId, GrpcStatus, HeadKind, Kind, MessageInfo, Party, Side,
    State, Store, Version, grpc, head,
    read::{Chunk, RecordedHead},
    rule::Done,
};
use serde::Serialize;
use utoipa::ToSchema;

/// One thing worth a row in the list.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Flow {
    /// Its number; counts up in the order in which flows began.
    pub id: i64,
    /// The connection it ran on.
    pub connection_id: i64,
    /// What sort of conversation.
    #[schema(schema_with = schema::kind)]
    pub kind: Kind,
    /// How far it has come.
    #[schema(schema_with = schema::state)]
    pub state: State,
    /// The request method; empty when there is none.
    #[schema(example = "GET")]
    pub method: String,
    /// The URL as a person would write it: default ports left out.
    #[schema(example = "https://example.com/")]
    pub url: String,
    /// `http`, `https`, `ws`, `wss`, `tcp`, `tls`, `udp`, `dns` or `icmp`.
    pub scheme: String,
    /// Host without port and without brackets, as the client named it.
    pub host: String,
    /// Port of the target.
    pub port: u16,
    /// Path with query, as sent.
    pub path: String,
    /// Status code of the final response.
    pub status: Option<u16>,
    /// How the gRPC call ended that it is; null for what is none, or has not ended.
    pub grpc: Option<Grpc>,
    /// Why it failed, when it did.
    pub error: Option<Failure>,
    /// When it began: RFC 3339 with nanoseconds.
    #[schema(format = DateTime)]
    pub started_at: String,
    /// Milliseconds from its beginning to its end; null while it runs.
    pub duration_ms: Option<f64>,
    /// The client's address and port.
    pub client: String,
    /// The name of the program on this computer that made the connection, when it is known.
    #[schema(example = "curl")]
    pub app: Option<String>,
    /// The server's address and port, once known.
    pub server: Option<String>,
    /// TLS with the client, in short; always null in a list.
    pub tls: Option<TlsSummary>,
    /// What the client sent.
    pub request: Message,
    /// What the server sent; null while nothing has come.
    pub response: Option<Message>,
    /// The flow that this one replays.
    pub replay_of: Option<i64>,
    /// It is a replay whose request is another than that of the flow it replays, or rules have changed what passed.
    pub modified: bool,
    /// The names of the rules that touched it.
    pub rules: Vec<String>,
    /// Words put on the flow by a person or a rule.
    pub tags: Vec<String>,
    /// A person's comment; empty when there is none.
    pub comment: String,
    /// The session that it belongs to.
    pub session: i64,
    /// The color that a person put on it.
    #[schema(schema_with = schema::optional_color)]
    pub color: Option<Color>,
    /// A person put a star on it.
    pub starred: bool,
}

/// A flow with everything but its bodies.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct FlowDetail {
    /// The row, with heads in `request` and `response`.
    #[serde(flatten)]
    pub flow: Flow,
    /// Interim (1xx) responses, in the order they came.
    pub interim: Vec<Interim>,
    /// When things happened.
    pub times: FlowTimes,
    /// The connection it ran on; null when it is not known (any more).
    pub connection: Option<Connection>,
    /// Other flows that have to do with it.
    pub related: Related,
    /// What rules did to it, in order.
    pub rules_did: Vec<Done>,
    /// It came from a capture and has packets, or had them: see `/flows/{id}/packets`.
    pub has_packets: bool,
}

/// The flows that have to do with another one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Related {
    /// Its replays, oldest first: at most 100.
    pub replays: Vec<i64>,
    /// The flow that redirected the same client here within a minute.
    pub redirect_from: Option<i64>,
    /// Where the same client went within a minute, because this flow redirected it.
    pub redirect_to: Option<i64>,
    /// The recorded flow whose response a rule answered with.
    pub answered_with: Option<i64>,
}

/// One message of an exchange. The optional members are there in a flow's detail, not in a list.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
pub struct Message {
    /// The HTTP version on the wire.
    #[schema(schema_with = schema::optional_version)]
    pub version: Option<Version>,
    /// `Content-Type` as sent; empty when there was none.
    pub content_type: String,
    /// `Content-Encoding` as sent; empty when there was none.
    pub content_encoding: String,
    /// Bytes of the head on the wire (HTTP/2: of its recorded form).
    pub head_size: u64,
    /// Bytes of the body so far: transfer coding removed, content coding kept.
    pub body_size: u64,
    /// The start line as sent; absent for HTTP/2, which has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub start_line: Option<String>,
    /// Fields in the order and case they were sent in (HTTP/2: pseudo-header fields first).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub headers: Option<Vec<(String, String)>>,
    /// Trailer fields.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub trailers: Option<Vec<(String, String)>>,
    /// The head as it went on to the other side, when that differs.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub sent: Option<SentHead>,
    /// Bytes of the body that was sent instead of the one that came, without content coding: see `sent` of
    /// `/flows/{id}/request/body`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub sent_body_size: Option<u64>,
}

/// A head as it went on to the other side.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct SentHead {
    /// The start line; empty for HTTP/2.
    pub start_line: String,
    /// Fields in order.
    pub headers: Vec<(String, String)>,
}

/// An interim (1xx) response.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Interim {
    /// The status line; empty for HTTP/2.
    pub start_line: String,
    /// Fields in order.
    pub headers: Vec<(String, String)>,
    /// When it came: RFC 3339 with nanoseconds.
    #[schema(format = DateTime)]
    pub at: String,
}

/// When things happened in a flow: RFC 3339 with nanoseconds, null for what did not happen (yet).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FlowTimes {
    /// The flow began.
    #[schema(format = DateTime)]
    pub started: String,
    /// The first byte of the request.
    #[schema(format = DateTime)]
    pub request_first: Option<String>,
    /// The last byte of the request.
    #[schema(format = DateTime)]
    pub request_last: Option<String>,
    /// The first byte of the response.
    #[schema(format = DateTime)]
    pub response_first: Option<String>,
    /// The last byte of the response.
    #[schema(format = DateTime)]
    pub response_last: Option<String>,
    /// The flow ended.
    #[schema(format = DateTime)]
    pub ended: Option<String>,
}

/// Why a flow failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Failure {
    /// What sort of failure.
    #[schema(schema_with = schema::cause)]
    pub cause: FailureCause,
    /// On whose side.
    #[schema(schema_with = schema::party)]
    pub side: Party,
    /// What happened, to what, and what to do.
    pub text: String,
}

/// How a gRPC call ended: in trailer fields, or in the last frame of gRPC-Web.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Grpc {
    /// `grpc-status`: 0 is a call that went well.
    #[schema(example = 14)]
    pub status: u32,
    /// The name of the status; null for a number that has none.
    #[schema(example = "UNAVAILABLE")]
    pub name: Option<&'static str>,
    /// `grpc-message` without its percent-encoding, at most 1,024 characters; empty when there is none.
    pub message: String,
}

/// TLS in short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct TlsSummary {
    /// `TLSv1.2` or `TLSv1.3`; empty when the handshake did not get there.
    pub version: String,
    /// IANA name of the cipher suite; empty when the handshake did not get there.
    pub cipher: String,
    /// The application protocol that was chosen.
    pub alpn: Option<String>,
    /// The server name that was asked for.
    pub sni: Option<String>,
}

/// A piece of a WebSocket or raw stream as it passed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Piece {
    /// Which direction.
    #[schema(schema_with = schema::side)]
    pub side: Side,
    /// Counts up within its side, from 0.
    pub seq: u32,
    /// When its first byte passed: RFC 3339 with nanoseconds.
    #[schema(format = DateTime)]
    pub at: String,
    /// Where it begins, in bytes from the beginning of its side.
    pub offset: u64,
    /// How many bytes it has; none where bytes are missing at the end.
    pub size: u64,
    /// So many bytes of its side passed before it and were not recorded: packets that a capture does not have. They are counted
    /// in no offset.
    pub missing: u64,
    /// The bytes, in base64 (RFC 4648 section 4).
    #[schema(content_encoding = "base64")]
    pub data: String,
}

impl Flow {
    /// The row of a list: nothing but the flow's own record.
    pub fn row(flow: &overhear_store::Flow) -> Self {
        let silent = flow.status.is_none()
            && flow.times.response_first.is_none()
            && flow.response == MessageInfo::default();
        Self {
            id: flow.id.0,
            connection_id: flow.connection.0,
            kind: flow.kind,
            state: flow.state,
            method: flow.method.clone(),
            url: flow.url(),
            scheme: flow.scheme.clone(),
            host: flow.host.clone(),
            port: flow.port,
            path: flow.path.clone(),
            status: flow.status,
            grpc: flow.grpc.as_ref().map(Grpc::from),
            error: flow.error.as_ref().map(Failure::from),
            started_at: rfc3339(flow.times.started),
            duration_ms: flow.duration_ms(),
            client: flow.client.to_string(),
            app: (!flow.app.is_empty()).then(|| flow.app.clone()),
            server: flow.server.map(|a| a.to_string()),
            tls: None,
            request: Message::from(&flow.request),
            response: (!silent).then(|| Message::from(&flow.response)),
            replay_of: flow.replay_of.map(|id| id.0),
            modified: flow.modified,
            rules: tags(&flow.rules),
            tags: tags(&flow.tags),
            comment: flow.comment.clone(),
            session: flow.session.0,
            color: flow.color,
            starred: flow.starred,
        }
    }

    /// A row with its heads.
    pub fn with_heads(flow: &overhear_store::Flow, heads: &[RecordedHead]) -> Self {
        let mut row = Self::row(flow);
        row.request.take_heads(heads, HeadKind::Request);
        if let Some(response) = &mut row.response {
            response.take_heads(heads, HeadKind::Response);
        }
        row
    }
}

impl FlowDetail {
    /// Reads a flow with all that belongs to it; `None` when there is no such flow.
    ///
    /// # Errors
    /// The store could not be read.
    pub async fn read(store: &Store, id: FlowId) -> Result<Option<Self>, Error> {
        let Some(flow) = store.flow(id).await? else {
            return Ok(None);
        };
        let heads = store.heads(id).await?;
        let connection = store.connection(flow.connection).await?;
        let related = store.related(&flow, &heads).await?;
        let mut detail = Self::new(&flow, &heads, connection.as_ref());
        detail.related = Related {
            replays: related.replays.iter().map(|id| id.0).collect(),
            redirect_from: related.redirect_from.map(|id| id.0),
            redirect_to: related.redirect_to.map(|id| id.0),
            answered_with: None,
        };
        let rewritten = store.rewritten(id).await?;
        detail.related.answered_with = rewritten.done.iter().find_map(|done| done.flow);
        detail.rules_did = rewritten.done;
        detail.flow.request.sent_body_size = rewritten.request_body;
        if let Some(response) = &mut detail.flow.response {
            response.sent_body_size = rewritten.response_body;
        }
        detail.has_packets = !store.packets_of(id).await?.is_empty();
        Ok(Some(detail))
    }

    /// Puts together what was read; what the flow is related to, and its packets, are left out.
    pub fn new(
        flow: &overhear_store::Flow,
        heads: &[RecordedHead],
        connection: Option<&overhear_store::Connection>,
    ) -> Self {
        let times = &flow.times;
        let mut row = Flow::with_heads(flow, heads);
        row.tls = connection
            .and_then(|c| c.client_tls.as_ref())
            .map(|tls| TlsSummary {
                version: tls.version.clone(),
                cipher: tls.cipher.clone(),
                alpn: tls.alpn.clone(),
                sni: tls.sni.clone(),
            });
        Self {
            flow: row,
            interim: heads
                .iter()
                .filter(|h| h.kind == HeadKind::Interim)
                .map(|h| {
                    let parsed = head::parse(&h.bytes, has_start_line(&h.bytes));
                    Interim {
                        start_line: parsed.start_line,
                        headers: parsed.fields,
                        at: rfc3339(h.at),
                    }
                })
                .collect(),
            times: FlowTimes {
                started: rfc3339(times.started),
                request_first: optional(times.request_first),
                request_last: optional(times.request_last),
                response_first: optional(times.response_first),
                response_last: optional(times.response_last),
                ended: optional(times.ended),
            },
            connection: connection.map(Connection::from),
            related: Related::default(),
            rules_did: Vec::new(),
            has_packets: false,
        }
    }
}

impl Message {
    fn take_heads(&mut self, heads: &[RecordedHead], first: HeadKind) {
        let (sent, trailers) = match first {
            HeadKind::Request => (HeadKind::RequestSent, HeadKind::RequestTrailers),
            _ => (HeadKind::ResponseSent, HeadKind::ResponseTrailers),
        };
        let find = |kind| heads.iter().find(|h| h.kind == kind).map(|h| &h.bytes);
        let mut fields = Vec::new();
        if let Some(bytes) = find(first) {
            let start_line = has_start_line(bytes);
            let parsed = head::parse(bytes, start_line);
            self.start_line = start_line.then_some(parsed.start_line);
            fields = parsed.fields;
        }
        self.headers = Some(fields);
        self.trailers = Some(
            find(trailers)
                .map(|bytes| head::parse(bytes, false).fields)
                .unwrap_or_default(),
        );
        self.sent = find(sent).map(|bytes| {
            let parsed = head::parse(bytes, has_start_line(bytes));
            SentHead {
                start_line: parsed.start_line,
                headers: parsed.fields,
            }
        });
    }
}

impl From<&MessageInfo> for Message {
    fn from(info: &MessageInfo) -> Self {
        Self {
            version: info.version,
            content_type: info.content_type.clone(),
            content_encoding: info.content_encoding.clone(),
            head_size: info.head_size,
            body_size: info.body_size,
            ..Self::default()
        }
    }
}

impl From<&overhear_store::Failure> for Failure {
    fn from(failure: &overhear_store::Failure) -> Self {
        Self {
            cause: failure.cause,
            side: failure.side,
            text: failure.text.clone(),
        }
    }
}

impl From<&GrpcStatus> for Grpc {
    fn from(status: &GrpcStatus) -> Self {
        Self {
            status: status.code,
            name: grpc::status_name(status.code),
            message: status.message.clone(),
        }
    }
}

impl From<(Side, Chunk)> for Piece {
    fn from((side, chunk): (Side, Chunk)) -> Self {
        Self {
            side,
            seq: chunk.seq,
            at: rfc3339(chunk.at),
            offset: chunk.offset,
            size: chunk.data.len() as u64,
            missing: chunk.missing,
            data: STANDARD.encode(&chunk.data),
        }
    }
}

/// Whether a recorded head begins with a start line: HTTP/2 heads begin with a pseudo-header field.
pub(crate) fn has_start_line(head: &[u8]) -> bool {
    head.first() != Some(&b':')
}

fn tags(text: &str) -> Vec<String> {
    text.split(',')
        .map(str::trim)
        .filter(|t| !t.is_empty())
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests;
