//! What a flow, its connection and its messages are.
//!
//! A [`Connection`] is one client's transport connection with its upstream twin. A [`Flow`] is one
//! thing worth a row in the list: an HTTP exchange, a WebSocket, a raw stream, a failed handshake.

use crate::grpc::GrpcStatus;
use serde::{Deserialize, Serialize};
use std::{
    fmt,
    net::SocketAddr,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

/// Identifies a flow; counts up from 1 within one database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FlowId(pub i64);

/// Identifies a connection; counts up from 1 within one database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ConnectionId(pub i64);

/// Identifies a session; counts up from 1 within one database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SessionId(pub i64);

/// Identifies a capture; counts up from 1 within one database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CaptureId(pub i64);

/// Identifies a file of packets; counts up from 1 within one database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PacketFileId(pub i64);

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for FlowId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A moment: nanoseconds since the Unix epoch, UTC.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// The moment of the call.
    pub fn now() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        Self(since.map_or(0, |d| i64::try_from(d.as_nanos()).unwrap_or(i64::MAX)))
    }

    /// Milliseconds from `earlier` to this moment, never negative.
    pub fn ms_since(self, earlier: Self) -> f64 {
        self.0.saturating_sub(earlier.0).max(0) as f64 / 1e6
    }
}

/// A direction within a flow: what the client sent, or what the server sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// Client to server.
    Request = 0,
    /// Server to client.
    Response = 1,
}

/// One of the two parties of a connection, as the proxy sees them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Party {
    /// The program, browser or device that uses the proxy.
    Client,
    /// The origin server.
    Server,
    /// The proxy itself (a refusal, a loop, a shutdown).
    Proxy,
}

/// What sort of conversation a flow is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// An HTTP request with its response(s), RFC 9110. A CONNECT that failed is one too.
    Http = 0,
    /// An HTTP exchange that became a WebSocket, RFC 6455 (the opening's heads are the flow's heads,
    /// the bytes after it its chunks).
    WebSocket = 1,
    /// Bytes that are neither TLS nor HTTP, relayed as they came.
    Tcp = 2,
    /// A TLS handshake that did not end in a conversation (or was passed through).
    Tls = 3,
    /// Datagrams between two addresses and ports, as a capture had them.
    Udp = 4,
    /// A question to a name server with its answer, RFC 1035, as a capture had them. The host is the name that is asked
    /// for; the heads are the messages in words, the bodies their bytes.
    Dns = 5,
    /// An ICMP error, RFC 792 and RFC 4443, as a capture had it.
    Icmp = 6,
}

/// How far a flow has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Still going on.
    Running = 0,
    /// Ended as its protocol says.
    Complete = 1,
    /// Ended by an error; [`Flow::error`] has it.
    Failed = 2,
    /// The program stopped (or was killed) while the flow was running.
    Interrupted = 3,
}

/// A color that a person puts on a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "colors")]
pub enum Color {
    Red = 1,
    Orange = 2,
    Yellow = 3,
    Green = 4,
    Blue = 5,
    Purple = 6,
    Grey = 7,
}

/// An HTTP version on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Version {
    /// HTTP/1.0
    #[serde(rename = "HTTP/1.0")]
    Http10 = 10,
    /// HTTP/1.1, RFC 9112
    #[serde(rename = "HTTP/1.1")]
    Http11 = 11,
    /// HTTP/2, RFC 9113
    #[serde(rename = "HTTP/2")]
    Http2 = 20,
}

/// Which head of a flow a block of bytes is.
///
/// HTTP/1 heads are the bytes of the wire, start line to empty line. HTTP/2 heads are one
/// `name: value\r\n` line a field, pseudo-header fields (`:method: GET`) first, then an empty line;
/// a repeated field's values stand together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum HeadKind {
    /// The request as the client sent it.
    Request = 0,
    /// The final response as the server sent it.
    Response = 1,
    /// The request as it went on, when that differs (absolute form to origin form, for example).
    RequestSent = 2,
    /// The response as it went on, when that differs.
    ResponseSent = 3,
    /// Trailer fields of the request, without the empty line's predecessor: `name: value\r\n`... `\r\n`.
    RequestTrailers = 4,
    /// Trailer fields of the response.
    ResponseTrailers = 5,
    /// An interim (1xx) response; there may be several, in order.
    Interim = 6,
}

/// A failure in words, and in a form that filters understand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What sort of failure.
    pub cause: FailureCause,
    /// Whose side it happened on: with the client, with the server, or our own refusal.
    pub side: Party,
    /// One or two sentences for a person: what happened, to what, what to do.
    pub text: String,
}

/// The sorts of failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FailureCause {
    /// The name could not be resolved.
    Dns = 1,
    /// The server refused the connection (RST to SYN).
    Refused = 2,
    /// No route, network or host down.
    Unreachable = 3,
    /// Nothing answered in time.
    Timeout = 4,
    /// A TLS alert or a TLS protocol error; [`Failure::side`] says whose.
    Tls = 5,
    /// The server's certificate was not accepted.
    Certificate = 6,
    /// HTTP (or another protocol) was broken.
    Protocol = 7,
    /// The proxy would have reached itself.
    Loop = 8,
    /// The connection was reset.
    Reset = 9,
    /// The connection was closed in the middle of a message.
    Closed = 10,
    /// The proxy refused: not admitted, or its own page.
    Forbidden = 11,
    /// Something else; the text says what.
    Other = 12,
}

/// One flow, without its heads and bodies.
#[derive(Debug, Clone, PartialEq)]
pub struct Flow {
    /// Its number.
    pub id: FlowId,
    /// The connection it ran on.
    pub connection: ConnectionId,
    /// What sort of conversation.
    pub kind: Kind,
    /// How far it has come.
    pub state: State,
    /// The request method; empty when there is none.
    pub method: String,
    /// `http`, `https`, `ws`, `wss`, `tcp`, `tls`, `udp`, `dns` or `icmp`.
    pub scheme: String,
    /// Host without port and without brackets, as the client named it.
    pub host: String,
    /// Port of the target.
    pub port: u16,
    /// Path with query, as sent; empty for what has none; `*` for `OPTIONS *`.
    pub path: String,
    /// Status code of the final response (or of the proxy's own answer when it failed).
    pub status: Option<u16>,
    /// The failure, when there was one.
    pub error: Option<Failure>,
    /// The request's measures.
    pub request: MessageInfo,
    /// The response's measures.
    pub response: MessageInfo,
    /// When things happened.
    pub times: Times,
    /// The client's address (also on the connection; repeated here for the list and the filter).
    pub client: SocketAddr,
    /// The server's address, once known.
    pub server: Option<SocketAddr>,
    /// The flow that this one replays.
    pub replay_of: Option<FlowId>,
    /// Its request is another than that of the flow it replays, or rules have changed what passed.
    pub modified: bool,
    /// The names of the rules that touched it, with commas between them; empty when none did.
    pub rules: String,
    /// The name of the program on this computer that made the connection (repeated here for the list and the filter); empty
    /// when it is not known.
    pub app: String,
    /// How the gRPC call ended that it is, once that is known.
    pub grpc: Option<GrpcStatus>,
    /// Free words put on the flow by a person or a rule, comma-separated; empty when none.
    pub tags: String,
    /// A person's comment; empty when none.
    pub comment: String,
    /// The session that it belongs to.
    pub session: SessionId,
    /// The color that a person put on it.
    pub color: Option<Color>,
    /// A person put a star on it.
    pub starred: bool,
}

impl Flow {
    /// The URL as a person would write it: default ports left out, IPv6 in brackets; a question to a
    /// name server as RFC 4501 writes it (`dns:a.test?type=A`). Where no host was named, what was
    /// asked for, as it was sent.
    pub fn url(&self) -> String {
        if self.host.is_empty() {
            return self.path.clone();
        }
        if self.scheme == "dns" {
            // RFC 4501; the path holds the answer
            return match self.method.as_str() {
                "" => format!("dns:{}", self.host),
                kind => format!("dns:{}?type={kind}", self.host),
            };
        }
        let host = if self.host.contains(':') {
            format!("[{}]", self.host)
        } else {
            self.host.clone()
        };
        let usual = matches!(
            (self.scheme.as_str(), self.port),
            ("http" | "ws", 80) | ("https" | "wss", 443)
        );
        let path = if self.path == "*" { "" } else { &self.path };
        if usual {
            format!("{}://{host}{path}", self.scheme)
        } else {
            format!("{}://{host}:{}{path}", self.scheme, self.port)
        }
    }

    /// Milliseconds from the flow's beginning to its end, or to the last thing known.
    pub fn duration_ms(&self) -> Option<f64> {
        self.times.ended.map(|end| end.ms_since(self.times.started))
    }
}

#[cfg(any(test, fuzzing))]
impl Flow {
    /// One of which nothing is known yet.
    pub(crate) fn sample() -> Self {
        Self {
            id: FlowId(1),
            connection: ConnectionId(1),
            kind: Kind::Http,
            state: State::Running,
            method: String::new(),
            scheme: String::new(),
            host: String::new(),
            port: 0,
            path: String::new(),
            status: None,
            error: None,
            request: MessageInfo::default(),
            response: MessageInfo::default(),
            times: Times::default(),
            client: ([127, 0, 0, 1], 1).into(),
            server: None,
            replay_of: None,
            modified: false,
            rules: String::new(),
            app: String::new(),
            grpc: None,
            tags: String::new(),
            comment: String::new(),
            session: SessionId(1),
            color: None,
            starred: false,
        }
    }
}

/// The measures of one message, without its bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MessageInfo {
    /// HTTP version, when it is HTTP.
    pub version: Option<Version>,
    /// `Content-Type` as sent, empty when there was none.
    pub content_type: String,
    /// `Content-Encoding` as sent, empty when there was none.
    pub content_encoding: String,
    /// Bytes of the head on the wire (HTTP/2: of its recorded form).
    pub head_size: u64,
    /// Bytes of the body so far: transfer coding removed, content coding kept.
    pub body_size: u64,
    /// Where in the body begins what came instead of the transfer coding that was announced: bytes as they came, none
    /// of them content. None in a message that is well formed.
    pub raw: Option<u64>,
}

/// When things happened in a flow. The moments of the connection are on [`Connection`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Times {
    /// The flow began: its first byte was seen (for a failed connection: it was accepted).
    pub started: Timestamp,
    /// The first byte of the request.
    pub request_first: Option<Timestamp>,
    /// The last byte of the request.
    pub request_last: Option<Timestamp>,
    /// The first byte of the response.
    pub response_first: Option<Timestamp>,
    /// The last byte of the response.
    pub response_last: Option<Timestamp>,
    /// The flow ended.
    pub ended: Option<Timestamp>,
}

/// A program on this computer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct App {
    /// What it is called: the name of its file, as a rule.
    pub name: String,
    /// The number of its process.
    pub pid: u32,
}

/// One client's transport connection with its upstream twin.
#[derive(Debug, Clone, PartialEq)]
pub struct Connection {
    /// Its number.
    pub id: ConnectionId,
    /// The client's address and port.
    pub client: SocketAddr,
    /// Our own address and port on the client's side.
    pub local: SocketAddr,
    /// The program on this computer that made it, when it is known.
    pub app: Option<App>,
    /// How the client asked for the target, where that is neither an HTTP request nor CONNECT: `SOCKS5`, `SOCKS4a`...
    pub through: Option<String>,
    /// The target's host as named by the client.
    pub host: String,
    /// The target's port.
    pub port: u16,
    /// The server's address and port: the one that is connected, or the first that was tried.
    pub server: Option<SocketAddr>,
    /// Our own address and port on the server's side.
    pub upstream_local: Option<SocketAddr>,
    /// The proxy that it goes through, as `socks5://proxy.test:1080`, without credentials: [`server`](Self::server) is
    /// that proxy's address then.
    pub via: Option<String>,
    /// The place that the target's host stands for instead of what the resolver says, as `127.0.0.1:3000`.
    pub mapped: Option<String>,
    /// TLS with the client, if any (filled as far as a failed handshake came).
    pub client_tls: Option<TlsInfo>,
    /// TLS with the server, if any.
    pub server_tls: Option<TlsInfo>,
    /// The client's connection was accepted.
    pub accepted: Timestamp,
    /// Name resolution began.
    pub dns_start: Option<Timestamp>,
    /// Name resolution ended.
    pub dns_done: Option<Timestamp>,
    /// Connecting to the server began.
    pub connect_start: Option<Timestamp>,
    /// The server's connection stood.
    pub connected: Option<Timestamp>,
    /// TLS with the server was done.
    pub server_tls_done: Option<Timestamp>,
    /// TLS with the client was done.
    pub client_tls_done: Option<Timestamp>,
    /// The connection ended.
    pub closed: Option<Timestamp>,
    /// Who ended it first.
    pub closed_by: Option<Party>,
    /// It ended by RST rather than FIN.
    pub reset: bool,
}

impl Connection {
    /// A connection of which only the client's side is known; `id` is set by the recorder.
    pub fn accepted(client: SocketAddr, local: SocketAddr) -> Self {
        Self {
            id: ConnectionId(0),
            client,
            local,
            app: None,
            through: None,
            host: String::new(),
            port: 0,
            server: None,
            upstream_local: None,
            via: None,
            mapped: None,
            client_tls: None,
            server_tls: None,
            accepted: Timestamp::now(),
            dns_start: None,
            dns_done: None,
            connect_start: None,
            connected: None,
            server_tls_done: None,
            client_tls_done: None,
            closed: None,
            closed_by: None,
            reset: false,
        }
    }
}

/// TLS on one side of a connection, RFC 8446.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TlsInfo {
    /// `TLSv1.2`, `TLSv1.3`; empty when the handshake did not get there.
    pub version: String,
    /// IANA name of the cipher suite; empty when the handshake did not get there.
    pub cipher: String,
    /// The server name that was asked for.
    pub sni: Option<String>,
    /// The protocols that were offered, in order.
    pub alpn_offered: Vec<String>,
    /// The protocol that was chosen.
    pub alpn: Option<String>,
    /// JA3 of the ClientHello (an MD5 in hexadecimal), where packets were read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ja3: Option<String>,
    /// JA4 of the ClientHello, where packets were read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ja4: Option<String>,
    /// What became of the server's question for a client certificate, in words; none when it did not ask.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_auth: Option<String>,
    /// The client's own certificate chain in DER, leaf first, where it was asked for (`--ask-client-cert`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub client_certificates: Vec<Vec<u8>>,
    /// The certificate chain in DER, leaf first: the server's own, or the leaf we made for the client.
    #[serde(skip)]
    pub certificates: Arc<[Vec<u8>]>,
}
