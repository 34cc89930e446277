//! ClientHello and ServerHello, RFC 8446 sections 4.1.2 and 4.1.3.

use super::{
    cursor::{Cursor, numbers},
    is_grease,
};

/// The random of a ServerHello that is a HelloRetryRequest: SHA-256 of that name.
const RETRY: [u8; 32] = [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
    0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];

/// An extension: its number and its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extension {
    /// The number in the IANA registry of TLS ExtensionType values.
    pub number: u16,
    /// What it holds.
    pub data: Vec<u8>,
}

/// What a client offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientHello {
    /// `legacy_version`: 0x0303 from TLS 1.2 on.
    pub legacy_version: u16,
    /// 32 bytes; a key log names secrets by them.
    pub random: [u8; 32],
    /// Cipher suites in order, GREASE among them.
    pub suites: Vec<u16>,
    /// Extensions in order, GREASE among them.
    pub extensions: Vec<Extension>,
}

/// What a server chose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerHello {
    /// `legacy_version`: 0x0303 from TLS 1.2 on.
    pub legacy_version: u16,
    /// 32 bytes.
    pub random: [u8; 32],
    /// The cipher suite.
    pub suite: u16,
    /// Extensions in order.
    pub extensions: Vec<Extension>,
}

impl ClientHello {
    /// Reads the body of a handshake message of type 1.
    pub fn read(body: &[u8]) -> Option<Self> {
        let mut at = Cursor(body);
        let legacy_version = at.u16()?;
        let random = *at.take(32)?.first_chunk()?;
        at.vector8()?;
        let suites = numbers(at.vector16()?);
        at.vector8()?;
        Some(Self {
            legacy_version,
            random,
            suites,
            extensions: extensions(at)?,
        })
    }

    /// The host that is asked for, RFC 6066 section 3.
    pub fn server_name(&self) -> Option<String> {
        let mut list = Cursor(Cursor(find(&self.extensions, 0)?).vector16()?);
        loop {
            let kind = list.u8()?;
            let name = list.vector16()?;
            if kind == 0 {
                return Some(text(name));
            }
        }
    }

    /// The versions that are offered: of `supported_versions` where there is one, without GREASE.
    pub fn versions(&self) -> Vec<u16> {
        let offered = find(&self.extensions, 43).and_then(|data| Cursor(data).vector8());
        match offered {
            Some(offered) => real(numbers(offered)),
            None => vec![self.legacy_version],
        }
    }

    /// The application protocols that are offered, in order, GREASE among them.
    pub fn protocols(&self) -> Vec<Vec<u8>> {
        protocols(&self.extensions)
    }

    /// The groups that are offered (`supported_groups`), GREASE among them.
    pub fn groups(&self) -> Vec<u16> {
        let list = find(&self.extensions, 10).and_then(|data| Cursor(data).vector16());
        list.map(numbers).unwrap_or_default()
    }

    /// The point formats that are offered, RFC 8422 section 5.1.2.
    pub fn point_formats(&self) -> &[u8] {
        let list = find(&self.extensions, 11).and_then(|data| Cursor(data).vector8());
        list.unwrap_or_default()
    }

    /// The signature algorithms that are offered, in order.
    pub fn signatures(&self) -> Vec<u16> {
        let list = find(&self.extensions, 13).and_then(|data| Cursor(data).vector16());
        list.map(numbers).unwrap_or_default()
    }
}

impl ServerHello {
    /// Reads the body of a handshake message of type 2.
    pub fn read(body: &[u8]) -> Option<Self> {
        let mut at = Cursor(body);
        let legacy_version = at.u16()?;
        let random = *at.take(32)?.first_chunk()?;
        at.vector8()?;
        let suite = at.u16()?;
        at.u8()?;
        Some(Self {
            legacy_version,
            random,
            suite,
            extensions: extensions(at)?,
        })
    }

    /// The version that is spoken.
    pub fn version(&self) -> u16 {
        let chosen = find(&self.extensions, 43).and_then(|data| Cursor(data).u16());
        chosen.unwrap_or(self.legacy_version)
    }

    /// Whether it speaks TLS 1.3.
    pub fn is_13(&self) -> bool {
        self.version() == 0x0304
    }

    /// Whether it asks for another ClientHello, RFC 8446 section 4.1.4.
    pub fn is_retry(&self) -> bool {
        self.random == RETRY
    }

    /// The application protocol that was chosen, where it is said in the clear (TLS 1.2 and below).
    pub fn protocol(&self) -> Option<Vec<u8>> {
        protocols(&self.extensions).into_iter().next()
    }

    /// Whether records after the handshake are authenticated before they are encrypted, RFC 7366.
    pub fn has(&self, extension: u16) -> bool {
        find(&self.extensions, extension).is_some()
    }
}

/// The protocols of an ALPN extension's bytes.
pub(super) fn protocol_list(data: &[u8]) -> Vec<Vec<u8>> {
    let mut list = Cursor(Cursor(data).vector16().unwrap_or_default());
    let mut found = Vec::new();
    while let Some(name) = list.vector8() {
        found.push(name.to_vec());
    }
    found
}

/// The application protocols of some extensions.
pub(super) fn protocols(extensions: &[Extension]) -> Vec<Vec<u8>> {
    find(extensions, 16).map(protocol_list).unwrap_or_default()
}

/// Without GREASE.
pub(super) fn real(mut numbers: Vec<u16>) -> Vec<u16> {
    numbers.retain(|number| !is_grease(*number));
    numbers
}

/// A name as text: what a name cannot have is shown as U+FFFD.
pub(super) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn find(extensions: &[Extension], number: u16) -> Option<&[u8]> {
    let found = extensions.iter().find(|e| e.number == number)?;
    Some(&found.data)
}

/// What stands at the end of a hello: nothing at all in the oldest ones.
pub(super) fn extensions(mut at: Cursor<'_>) -> Option<Vec<Extension>> {
    let mut found = Vec::new();
    if at.0.is_empty() {
        return Some(found);
    }
    let mut list = Cursor(at.vector16()?);
    while !list.0.is_empty() {
        let number = list.u16()?;
        let data = list.vector16()?.to_vec();
        found.push(Extension { number, data });
    }
    Some(found)
}
