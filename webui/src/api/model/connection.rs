//! A connection: addresses, times and TLS on both sides.

use super::{Certificate, schema, time::optional, time::rfc3339};
use overhear_store::{Party, TlsInfo};
use serde::Serialize;
use utoipa::ToSchema;

/// One client's transport connection with its upstream twin.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Connection {
    /// Its number.
    pub id: i64,
    /// The client's address and port.
    pub client: String,
    /// The program on this computer that made it, when it is known.
    pub app: Option<App>,
    /// The proxy's address and port on the client's side.
    pub local: String,
    /// How the client asked for the target, where that is neither an HTTP request nor CONNECT.
    #[schema(example = "SOCKS5")]
    pub through: Option<String>,
    /// The target's host as the client named it.
    pub host: String,
    /// The target's port.
    pub port: u16,
    /// The server's address and port, once connected.
    pub server: Option<String>,
    /// The proxy's address and port on the server's side.
    pub upstream_local: Option<String>,
    /// The proxy that it goes through, without credentials; `server` is that proxy's address then.
    #[schema(example = "socks5://proxy.example:1080")]
    pub via: Option<String>,
    /// The place that the host stands for instead of what the resolver says (`--map-host`).
    #[schema(example = "127.0.0.1:3000")]
    pub mapped: Option<String>,
    /// When things happened.
    pub times: ConnectionTimes,
    /// Who ended it first.
    #[schema(schema_with = schema::optional_party)]
    pub closed_by: Option<Party>,
    /// It ended by RST rather than FIN.
    pub reset: bool,
    /// TLS with the client. Its certificates are the ones that the proxy made.
    pub client_tls: Option<Tls>,
    /// TLS with the server.
    pub server_tls: Option<Tls>,
}

/// A program on the computer that overhear runs on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct App {
    /// What it is called: the name of its file, as a rule.
    #[schema(example = "curl")]
    pub name: String,
    /// The number of its process.
    pub pid: u32,
}

/// When things happened on a connection: RFC 3339 with nanoseconds, null for what did not happen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ConnectionTimes {
    /// The client's connection was accepted.
    #[schema(format = DateTime)]
    pub accepted: String,
    /// Name resolution began.
    #[schema(format = DateTime)]
    pub dns_start: Option<String>,
    /// Name resolution ended.
    #[schema(format = DateTime)]
    pub dns_done: Option<String>,
    /// Connecting to the server began.
    #[schema(format = DateTime)]
    pub connect_start: Option<String>,
    /// The server's connection stood.
    #[schema(format = DateTime)]
    pub connected: Option<String>,
    /// TLS with the server was done.
    #[schema(format = DateTime)]
    pub server_tls_done: Option<String>,
    /// TLS with the client was done.
    #[schema(format = DateTime)]
    pub client_tls_done: Option<String>,
    /// The connection ended.
    #[schema(format = DateTime)]
    pub closed: Option<String>,
}

/// TLS on one side of a connection, RFC 8446.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Tls {
    /// `TLSv1.2` or `TLSv1.3`; empty when the handshake did not get there.
    pub version: String,
    /// IANA name of the cipher suite; empty when the handshake did not get there.
    pub cipher: String,
    /// The server name that was asked for.
    pub sni: Option<String>,
    /// The application protocols that were offered, in order.
    pub alpn_offered: Vec<String>,
    /// The application protocol that was chosen.
    pub alpn: Option<String>,
    /// JA3 of the ClientHello, where packets were read.
    pub ja3: Option<String>,
    /// JA4 of the ClientHello, where packets were read.
    pub ja4: Option<String>,
    /// What became of the server's question for a client certificate; null when it did not ask.
    pub client_auth: Option<String>,
    /// The certificates that the client showed of itself, leaf first, where it was asked (`--ask-client-cert`).
    pub client_certificates: Vec<Certificate>,
    /// The certificate chain, leaf first.
    pub certificates: Vec<Certificate>,
}

impl From<&overhear_store::Connection> for Connection {
    fn from(connection: &overhear_store::Connection) -> Self {
        Self {
            id: connection.id.0,
            client: connection.client.to_string(),
            app: connection.app.as_ref().map(|app| App {
                name: app.name.clone(),
                pid: app.pid,
            }),
            local: connection.local.to_string(),
            through: connection.through.clone(),
            host: connection.host.clone(),
            port: connection.port,
            server: connection.server.map(|a| a.to_string()),
            upstream_local: connection.upstream_local.map(|a| a.to_string()),
            via: connection.via.clone(),
            mapped: connection.mapped.clone(),
            times: ConnectionTimes {
                accepted: rfc3339(connection.accepted),
                dns_start: optional(connection.dns_start),
                dns_done: optional(connection.dns_done),
                connect_start: optional(connection.connect_start),
                connected: optional(connection.connected),
                server_tls_done: optional(connection.server_tls_done),
                client_tls_done: optional(connection.client_tls_done),
                closed: optional(connection.closed),
            },
            closed_by: connection.closed_by,
            reset: connection.reset,
            client_tls: connection.client_tls.as_ref().map(Tls::from),
            server_tls: connection.server_tls.as_ref().map(Tls::from),
        }
    }
}

impl From<&TlsInfo> for Tls {
    fn from(tls: &TlsInfo) -> Self {
        Self {
            version: tls.version.clone(),
            cipher: tls.cipher.clone(),
            sni: tls.sni.clone(),
            alpn_offered: tls.alpn_offered.clone(),
            alpn: tls.alpn.clone(),
            ja3: tls.ja3.clone(),
            ja4: tls.ja4.clone(),
            client_auth: tls.client_auth.clone(),
            client_certificates: chain(&tls.client_certificates),
            certificates: chain(&tls.certificates),
        }
    }
}

fn chain(certificates: &[Vec<u8>]) -> Vec<Certificate> {
    certificates
        .iter()
        .map(|der| Certificate::from_der(der))
        .collect()
}
