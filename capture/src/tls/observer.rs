//! What both directions of a TLS connection say before they are encrypted, and what they say then, where a key log has
//! their secrets.

use super::{
    ContentType, Record, Records,
    alert::Alert,
    cursor::Cursor,
    decrypt::{Decrypt, Opened},
    ending::Ending,
    hello::{ClientHello, ServerHello, extensions, protocols, text},
    keylog::KeyLog,
    suite_name, version_name,
};
use crate::http::Position;
use overhear_store::{Side, Timestamp, TlsInfo};

/// A handshake message that is longer is not read: the longest certificate chains are a tenth of it.
const LONGEST_MESSAGE: usize = 256 << 10;
/// More certificates than this are not kept.
const MOST_CERTIFICATES: usize = 32;
/// More alerts than this are not kept.
const MOST_ALERTS: usize = 16;

const CLIENT_HELLO: u8 = 1;
const SERVER_HELLO: u8 = 2;
const ENCRYPTED_EXTENSIONS: u8 = 8;
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
    /// The application protocol that the server chose in TLS 1.3, which encrypts it.
    pub protocol: Option<Vec<u8>>,
    /// Alerts in the order they came, at most 16.
    pub alerts: Vec<SeenAlert>,
    /// When the handshake was over: both sides had sent something that is encrypted.
    pub done: Option<Timestamp>,
    /// Packets with the ClientHello's and the ServerHello's end.
    pub hellos: [Option<u64>; 2],
    /// Bytes of application data of each side, encrypted as they came.
    pub data: [u64; 2],
}

/// What was said under encryption.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// Who said it.
    pub side: Side,
    /// When, and in which packet its record ended.
    pub at: Position,
    /// Application data; empty when it is the end (`close_notify`).
    pub bytes: Vec<u8>,
}

/// Listens to both directions.
#[derive(Debug, Default)]
pub struct Observer {
    seen: Observed,
    sides: [Direction; 2],
    /// The server asked for another ClientHello, as in TLS 1.3 only; a change_cipher_spec may follow and means nothing.
    retried: bool,
    decrypt: Decrypt,
    said: Vec<Said>,
}

#[derive(Debug, Default)]
struct Direction {
    records: Records,
    /// The beginning of a handshake message.
    message: Vec<u8>,
    /// The same of what was encrypted.
    inner: Vec<u8>,
    /// Nothing more can be read: what follows is encrypted, or was too long.
    silent: bool,
    /// change_cipher_spec was sent.
    changed: bool,
    /// Something encrypted was sent.
    encrypted: bool,
    ending: Ending,
}

impl Observer {
    /// Listens with the secrets of a key log.
    pub fn new(keys: KeyLog) -> Self {
        Self {
            decrypt: Decrypt::new(keys),
            ..Self::default()
        }
    }

    /// What was said under encryption since this was asked.
    pub fn take_said(&mut self) -> Vec<Said> {
        std::mem::take(&mut self.said)
    }

    /// Whether more of it may be decrypted.
    pub fn decrypts(&self) -> bool {
        self.decrypt.is_on()
    }

    /// Whether records wait for keys that may still be added to the key log.
    pub fn awaits_keys(&self) -> bool {
        self.decrypt.awaits_keys()
    }

    /// Looks for the keys again; at `now`, which may be so late that they will not come any more.
    pub fn look(&mut self, now: Timestamp) {
        self.decrypt.look(now);
        self.waited();
    }

    /// What of the decryption a person should know, in whole sentences.
    pub fn note(&self) -> Option<&str> {
        self.decrypt.note()
    }

    /// Whether data that was said first cannot be decrypted, and only what followed was.
    pub fn is_partial(&self) -> bool {
        self.decrypt.early_left_out
    }

    /// Takes more bytes of one side, which end at `at`.
    pub fn push(&mut self, side: Side, at: Position, bytes: &[u8]) {
        let mut records = std::mem::take(&mut self.sides[side as usize].records);
        records.push(bytes, |record| self.record(side, at, record));
        self.sides[side as usize].records = records;
    }

    /// So many bytes of one side are missing.
    pub fn gap(&mut self, side: Side, missing: u64) {
        let what = match missing {
            1 => "one byte is".to_owned(),
            missing => format!("{missing} bytes are"),
        };
        self.decrypt.stop(format!("{what} not in the capture."));
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

    /// Whether a side has said that it has said everything (close_notify, RFC 8446 section 6.1), and nothing after that: which may be
    /// encrypted, and is then an alert with which the direction ends.
    pub fn has_closed(&self, side: Side) -> bool {
        let direction = &self.sides[side as usize];
        let is_open = self.seen.done.is_none();
        if is_open || direction.records.is_broken() || direction.records.is_cut() {
            return false;
        }
        let last = self.seen.alerts.iter().rfind(|seen| seen.side == side);
        match last.and_then(|seen| seen.alert) {
            Some(alert) => alert.description == Alert::CLOSE_NOTIFY,
            None => !self.decrypt.reads() && direction.ending.is_alert(),
        }
    }

    /// What a record looks like.
    fn form(&mut self, side: Side, record: &Record<'_>) {
        let answers = self.sides[1 - side as usize].encrypted;
        let server = self.seen.server_hello.as_ref();
        let ending = &mut self.sides[side as usize].ending;
        match (record.content, server) {
            (ContentType::Alert, _) => ending.alert(),
            (ContentType::ApplicationData, Some(hello)) if hello.is_13() => {
                let tag = tag_length(hello.suite);
                ending.hidden(record.fragment.len(), tag, answers);
            }
            _ => ending.other(),
        }
    }

    fn record(&mut self, side: Side, at: Position, record: Record<'_>) {
        self.form(side, &record);
        self.clear(side, at, record);
        if !self.decrypt.is_on() {
            return;
        }
        if let Opened::Content(content, bytes) = self.decrypt.record(side, at, &record) {
            self.content(side, at, content, bytes);
        }
        // what it said may have given the others their keys
        self.waited();
    }

    /// Opens what has waited, in the order in which it came.
    fn waited(&mut self) {
        while let Some((side, at, opened)) = self.decrypt.waited() {
            if let Opened::Content(content, bytes) = opened {
                self.content(side, at, content, bytes);
            }
        }
    }

    /// What a record carried under encryption.
    fn content(&mut self, side: Side, at: Position, content: ContentType, bytes: Vec<u8>) {
        let said = Said { side, at, bytes };
        match content {
            ContentType::ApplicationData if !said.bytes.is_empty() => self.said.push(said),
            ContentType::Handshake => {
                self.sides[side as usize]
                    .inner
                    .extend_from_slice(&said.bytes);
                self.inner_messages(side, at.at);
            }
            ContentType::Alert => {
                let alert = Alert::read(&said.bytes);
                if self.seen.alerts.len() < MOST_ALERTS {
                    self.seen.alerts.push(SeenAlert {
                        side,
                        at: at.at,
                        packet: at.packet,
                        alert,
                    });
                }
                if alert.is_some_and(|alert| alert.description == Alert::CLOSE_NOTIFY) {
                    let bytes = Vec::new();
                    self.said.push(Said { bytes, ..said });
                }
            }
            _ => {}
        }
    }

    /// The handshake messages that were encrypted.
    fn inner_messages(&mut self, side: Side, time: Timestamp) {
        loop {
            let direction = &mut self.sides[side as usize];
            let mut at = Cursor(&direction.inner);
            let (Some(kind), Some(length)) = (at.u8(), at.u24()) else {
                return;
            };
            if length > LONGEST_MESSAGE {
                direction.inner = Vec::new();
                self.decrypt
                    .stop("a handshake message is too long.".to_owned());
                return;
            }
            let Some(body) = at.take(length) else {
                return;
            };
            match kind {
                ENCRYPTED_EXTENSIONS if side == Side::Response => {
                    let found = extensions(Cursor(body)).unwrap_or_default();
                    self.decrypt
                        .extensions(found.iter().any(|e| e.number == 42));
                    self.seen.protocol = protocols(&found).into_iter().next();
                }
                CERTIFICATE if side == Side::Response && self.seen.certificates.is_empty() => {
                    self.seen.certificates = match self.seen.is_13() {
                        true => certificates_13(body),
                        false => certificates(body),
                    };
                }
                // TLS 1.2 may shake hands again
                CLIENT_HELLO if side == Side::Request => {
                    if let Some(hello) = ClientHello::read(body) {
                        self.decrypt.client_hello(&hello);
                    }
                }
                SERVER_HELLO if side == Side::Response => {
                    if let Some(hello) = ServerHello::read(body) {
                        self.decrypt.server_hello(&hello, time);
                    }
                }
                _ => {}
            }
            direction.inner.drain(..4 + length);
            self.decrypt.message(side, kind);
        }
    }

    /// What a record says to everybody.
    fn clear(&mut self, side: Side, at: Position, record: Record<'_>) {
        let opens = self.decrypt.is_on();
        let direction = &mut self.sides[side as usize];
        match record.content {
            ContentType::ChangeCipherSpec => {
                direction.changed = true;
                return;
            }
            ContentType::Handshake if direction.changed && !self.retried && !self.seen.is_13() => {
                direction.silent = true;
                direction.encrypted = true;
            }
            ContentType::Handshake if !direction.silent => {
                direction.message.extend_from_slice(record.fragment);
                self.messages(side, at);
                return;
            }
            ContentType::Handshake | ContentType::Heartbeat => return,
            // told when it is opened
            ContentType::Alert if direction.changed && opens && record.fragment.len() != 2 => {
                return;
            }
            ContentType::Alert => {
                let readable = !direction.changed || record.fragment.len() == 2;
                let alert = Alert::read(record.fragment).filter(|_| readable);
                if self.seen.alerts.len() < MOST_ALERTS {
                    self.seen.alerts.push(SeenAlert {
                        side,
                        at: at.at,
                        packet: at.packet,
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
            self.seen.done.get_or_insert(at.at);
        }
    }

    fn messages(&mut self, side: Side, at: Position) {
        let Position {
            at: time, packet, ..
        } = at;
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
                CLIENT_HELLO if side == Side::Request => {
                    let hello = ClientHello::read(body);
                    if let Some(hello) = &hello {
                        self.decrypt.client_hello(hello);
                    }
                    if self.seen.client_hello.is_none() {
                        self.seen.client_hello = hello;
                        self.seen.hellos[0] = Some(packet);
                    }
                }
                SERVER_HELLO if side == Side::Response => {
                    let hello = ServerHello::read(body);
                    self.retried |= hello.as_ref().is_some_and(ServerHello::is_retry);
                    if let Some(hello) = hello.filter(|hello| !hello.is_retry())
                        && self.seen.server_hello.is_none()
                    {
                        self.decrypt.server_hello(&hello, time);
                        self.seen.server_hello = Some(hello);
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
        hello.is_some_and(ServerHello::is_13)
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
            alpn: server
                .and_then(ServerHello::protocol)
                .or_else(|| self.protocol.clone())
                .map(|protocol| text(&protocol)),
            certificates: self.certificates.as_slice().into(),
            ..TlsInfo::default()
        }
    }
}

/// The bytes that a cipher of TLS 1.3 adds, RFC 8446 section 5.2: eight with TLS_AES_128_CCM_8_SHA256.
fn tag_length(suite: u16) -> usize {
    if suite == 0x1305 { 8 } else { 16 }
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

/// The chain of a Certificate message of TLS 1.3, RFC 8446 section 4.4.2.
fn certificates_13(body: &[u8]) -> Vec<Vec<u8>> {
    let mut at = Cursor(body);
    at.vector8();
    let mut list = Cursor(at.vector24().unwrap_or_default());
    let mut chain = Vec::new();
    while chain.len() < MOST_CERTIFICATES
        && let Some(der) = list.vector24()
    {
        chain.push(der.to_vec());
        list.vector16();
    }
    chain
}

#[cfg(test)]
mod tests;
