//! What both directions of a TLS connection say before they are encrypted.

use super::{
    ContentType, Record, Records,
    alert::Alert,
    cursor::Cursor,
    hello::{ClientHello, ServerHello, text},
    suite_name, version_name,
};
use overhear_store::{Side, Timestamp, TlsInfo};

/// A handshake message that is longer is not read: the longest certificate chains are a tenth of it.
const LONGEST_MESSAGE: usize = 256 << 10;
/// More certificates than this are not kept.
const MOST_CERTIFICATES: usize = 32;
/// More alerts than this are not kept.
const MOST_ALERTS: usize = 16;

const CLIENT_HELLO: u8 = 1;
const SERVER_HELLO: u8 = 2;
const CERTIFICATE: u8 = 11;

/// An alert that was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeenAlert {
    /// Who sent it.
    pub side: Side,
    /// When.
    pub at: Timestamp,
    /// The packet that ended it.
    pub packet: u64,
    /// What it says; none when it is encrypted.
    pub alert: Option<Alert>,
}

/// What was seen so far.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Observed {
    /// The first ClientHello.
    pub client_hello: Option<ClientHello>,
    /// The server's final ServerHello (not a HelloRetryRequest).
    pub server_hello: Option<ServerHello>,
    /// The server's certificate chain in DER, leaf first; TLS 1.3 encrypts it.
    pub certificates: Vec<Vec<u8>>,
    /// Alerts in the order they came, at most 16.
    pub alerts: Vec<SeenAlert>,
    /// When the handshake was over: both sides had sent something that is encrypted.
    pub done: Option<Timestamp>,
    /// Packets with the ClientHello's and the ServerHello's end.
    pub hellos: [Option<u64>; 2],
    /// Bytes of application data of each side, encrypted as they came.
    pub data: [u64; 2],
}

/// Listens to both directions.
#[derive(Debug, Default)]
pub struct Observer {
    seen: Observed,
    sides: [Direction; 2],
}

#[derive(Debug, Default)]
struct Direction {
    records: Records,
    /// The beginning of a handshake message.
    message: Vec<u8>,
    /// Nothing more can be read: what follows is encrypted, or was too long.
    silent: bool,
    /// change_cipher_spec was sent.
    changed: bool,
    /// Something encrypted was sent.
    encrypted: bool,
}

impl Observer {
    /// Takes more bytes of one side, which end in packet `packet`.
    pub fn push(&mut self, side: Side, at: Timestamp, packet: u64, bytes: &[u8]) {
        let mut records = std::mem::take(&mut self.sides[side as usize].records);
        records.push(bytes, |record| self.record(side, at, packet, record));
        self.sides[side as usize].records = records;
    }

    /// Bytes of one side are missing.
    pub fn gap(&mut self, side: Side) {
        let direction = &mut self.sides[side as usize];
        direction.records.gap();
        direction.message = Vec::new();
        direction.silent = true;
    }

    /// What was seen so far.
    pub fn seen(&self) -> &Observed {
        &self.seen
    }

    /// Whether a side cannot be read further (it had gaps, or is no TLS).
    pub fn is_broken(&self, side: Side) -> bool {
        self.sides[side as usize].records.is_broken()
    }

    fn record(&mut self, side: Side, at: Timestamp, packet: u64, record: Record<'_>) {
        let direction = &mut self.sides[side as usize];
        match record.content {
            ContentType::ChangeCipherSpec => {
                direction.changed = true;
                return;
            }
            ContentType::Handshake if direction.changed && !self.seen.is_13() => {
                direction.silent = true;
                direction.encrypted = true;
            }
            ContentType::Handshake if !direction.silent => {
                direction.message.extend_from_slice(record.fragment);
                self.messages(side, packet);
                return;
            }
            ContentType::Handshake | ContentType::Heartbeat => return,
            ContentType::Alert => {
                let readable = !direction.changed || record.fragment.len() == 2;
                let alert = Alert::read(record.fragment).filter(|_| readable);
                if self.seen.alerts.len() < MOST_ALERTS {
                    self.seen.alerts.push(SeenAlert {
                        side,
                        at,
                        packet,
                        alert,
                    });
                }
                return;
            }
            ContentType::ApplicationData => {
                direction.encrypted = true;
                self.seen.data[side as usize] += record.fragment.len() as u64;
            }
        }
        if self.sides.iter().all(|side| side.encrypted) {
            self.seen.done.get_or_insert(at);
        }
    }

    fn messages(&mut self, side: Side, packet: u64) {
        loop {
            let direction = &mut self.sides[side as usize];
            let mut at = Cursor(&direction.message);
            let (Some(kind), Some(length)) = (at.u8(), at.u24()) else {
                return;
            };
            if length > LONGEST_MESSAGE {
                direction.message = Vec::new();
                direction.silent = true;
                return;
            }
            let Some(body) = at.take(length) else {
                return;
            };
            match kind {
                CLIENT_HELLO if side == Side::Request && self.seen.client_hello.is_none() => {
                    self.seen.client_hello = ClientHello::read(body);
                    self.seen.hellos[0] = Some(packet);
                }
                SERVER_HELLO if side == Side::Response => {
                    let hello = ServerHello::read(body).filter(|hello| !hello.is_retry());
                    if hello.is_some() && self.seen.server_hello.is_none() {
                        self.seen.server_hello = hello;
                        self.seen.hellos[1] = Some(packet);
                    }
                }
                CERTIFICATE if side == Side::Response && self.seen.certificates.is_empty() => {
                    self.seen.certificates = certificates(body);
                }
                _ => {}
            }
            direction.message.drain(..4 + length);
        }
    }
}

impl Observed {
    /// Whether TLS 1.3 is spoken.
    pub fn is_13(&self) -> bool {
        let hello = self.server_hello.as_ref();
        hello.is_some_and(|hello| hello.version() == 0x0304)
    }

    /// What the store keeps of a connection's TLS.
    pub fn info(&self) -> TlsInfo {
        let client = self.client_hello.as_ref();
        let server = self.server_hello.as_ref();
        let protocols = client.map(ClientHello::protocols).unwrap_or_default();
        TlsInfo {
            version: server
                .map(|hello| match version_name(hello.version()) {
                    Some(name) => name.to_owned(),
                    None => format!("0x{:04x}", hello.version()),
                })
                .unwrap_or_default(),
            cipher: server.map(|s| suite_name(s.suite)).unwrap_or_default(),
            sni: client.and_then(ClientHello::server_name),
            alpn_offered: protocols.iter().map(|name| text(name)).collect(),
            alpn: server.and_then(ServerHello::protocol).map(|p| text(&p)),
            certificates: self.certificates.as_slice().into(),
            ..TlsInfo::default()
        }
    }
}

/// The chain of a Certificate message, RFC 5246 section 7.4.2.
fn certificates(body: &[u8]) -> Vec<Vec<u8>> {
    let mut list = Cursor(Cursor(body).vector24().unwrap_or_default());
    let mut chain = Vec::new();
    while chain.len() < MOST_CERTIFICATES
        && let Some(der) = list.vector24()
    {
        chain.push(der.to_vec());
    }
    chain
}

#[cfg(test)]
mod tests;
