//! What can be seen of TLS that is not opened: both hellos and, before TLS 1.3, the server's certificates.
//!
//! RFC 8446 section 4.1 and 5.1, RFC 5246 section 7.4.2, RFC 7301. Reads bytes as they pass, and holds 64 KiB of them at
//! most.

use super::protocol_name;
use overhear_store::TlsInfo;
use rustls::CipherSuite;

/// The most that is held of what a server says until its hello and certificates are whole.
const MOST: usize = 64 << 10;
/// The random of a HelloRetryRequest ends so, RFC 8446 section 4.1.3; another hello follows it.
const RETRY: [u8; 8] = [0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e];

/// What a server answers to a ClientHello.
#[derive(Debug, Default)]
pub(crate) struct ServerSeen {
    /// Bytes that are no whole record yet.
    records: Vec<u8>,
    /// Handshake messages, without their records.
    messages: Vec<u8>,
    info: TlsInfo,
    done: bool,
}

impl ServerSeen {
    /// Reads on; true once when all is known that can be.
    pub(crate) fn read(&mut self, bytes: &[u8]) -> bool {
        if self.done {
            return false;
        }
        let room = MOST.saturating_sub(self.records.len() + self.messages.len());
        let taken = bytes.get(..bytes.len().min(room)).unwrap_or_default();
        self.records.extend_from_slice(taken);
        let ended = self.take_records() || taken.len() < bytes.len();
        let known = self.take_messages();
        self.done = ended || known;
        if self.done {
            (self.records, self.messages) = (Vec::new(), Vec::new());
        }
        self.done
    }

    /// What is known.
    pub(crate) fn info(&self) -> &TlsInfo {
        &self.info
    }

    /// Moves handshake messages out of whole records; true when something else begins.
    fn take_records(&mut self) -> bool {
        let mut at = 0;
        let other = loop {
            let rest = self.records.get(at..).unwrap_or_default();
            let [kind, _, _, high, low, content @ ..] = rest else {
                break !rest.is_empty() && rest.first() != Some(&22);
            };
            if *kind != 22 {
                break true;
            }
            let length = usize::from(u16::from_be_bytes([*high, *low]));
            let Some(content) = content.get(..length) else {
                break false;
            };
            self.messages.extend_from_slice(content);
            at += 5 + length;
        };
        self.records.drain(..at.min(self.records.len()));
        other
    }

    /// Reads whole messages; true when nothing more can be seen.
    fn take_messages(&mut self) -> bool {
        let messages = std::mem::take(&mut self.messages);
        let mut rest = messages.as_slice();
        while let [kind, a, b, c, body @ ..] = rest {
            let length = u32::from_be_bytes([0, *a, *b, *c]) as usize;
            let Some(content) = body.get(..length) else {
                break;
            };
            rest = body.get(length..).unwrap_or_default();
            match kind {
                2 => {
                    if self.hello(content).is_none() {
                        return true;
                    }
                    // all that follows is encrypted
                    if self.info.version == "TLSv1.3" {
                        return true;
                    }
                }
                11 => {
                    self.info.certificates = certificates(content).into();
                    return true;
                }
                // RFC 6066 section 8, and what may stand before the certificates
                22 | 0 | 4 => {}
                _ => return true,
            }
        }
        self.messages = rest.to_vec();
        false
    }

    /// Reads a ServerHello; none when it is not well formed.
    fn hello(&mut self, content: &[u8]) -> Option<()> {
        let (version, rest) = content.split_first_chunk::<2>()?;
        let (random, rest) = rest.split_first_chunk::<32>()?;
        let (session, rest) = rest.split_first()?;
        let rest = rest.get(usize::from(*session)..)?;
        let (suite, rest) = rest.split_first_chunk::<2>()?;
        let extensions = rest.get(1..)?;
        let mut version = u16::from_be_bytes(*version);
        let mut alpn = None;
        let mut extensions = match extensions {
            [] => extensions,
            _ => extensions.get(2..)?,
        };
        while let [a, b, high, low, rest @ ..] = extensions {
            let length = usize::from(u16::from_be_bytes([*high, *low]));
            let content = rest.get(..length)?;
            extensions = rest.get(length..)?;
            match (u16::from_be_bytes([*a, *b]), content) {
                (43, [a, b]) => version = u16::from_be_bytes([*a, *b]),
                // a list of one protocol
                (16, [_, _, length, name @ ..]) if name.len() == usize::from(*length) => {
                    alpn = Some(protocol_name(name));
                }
                _ => {}
            }
        }
        if random.ends_with(&RETRY) {
            return Some(());
        }
        self.info.version = match version {
            0x0304 => "TLSv1.3".to_owned(),
            0x0303 => "TLSv1.2".to_owned(),
            0x0302 => "TLSv1.1".to_owned(),
            0x0301 => "TLSv1.0".to_owned(),
            0x0300 => "SSLv3".to_owned(),
            other => format!("{other:#06x}"),
        };
        let number = u16::from_be_bytes(*suite);
        self.info.cipher = match CipherSuite::from(number).as_str() {
            // rustls calls the suites of TLS 1.3 `TLS13_...`; IANA does not
            Some(name) => match name.strip_prefix("TLS13_") {
                Some(rest) => format!("TLS_{rest}"),
                None => name.to_owned(),
            },
            None => format!("{number:#06x}"),
        };
        self.info.alpn = alpn;
        Some(())
    }
}

/// The certificates of a Certificate message before TLS 1.3, in DER.
fn certificates(content: &[u8]) -> Vec<Vec<u8>> {
    let mut rest = content.get(3..).unwrap_or_default();
    let mut found = Vec::new();
    while let [a, b, c, body @ ..] = rest {
        let length = u32::from_be_bytes([0, *a, *b, *c]) as usize;
        let Some(der) = body.get(..length) else {
            break;
        };
        found.push(der.to_vec());
        rest = body.get(length..).unwrap_or_default();
    }
    found
}

#[cfg(test)]
mod tests;
