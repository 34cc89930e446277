//! Field lists of HTTP/2 as heads, RFC 9113 section 8.3: a line a field in their order, pseudo-header fields among
//! them.

use super::hpack::{Decoder, Wrong};
use crate::http::head::{Head, LONGEST_HEAD, Start, plain, text};
use overhear_store::Version;

/// A list that was read.
#[derive(Debug, Default)]
pub(super) struct Fields {
    /// `name: value\r\n`..., then an empty line.
    pub(super) bytes: Vec<u8>,
    method: String,
    path: Option<String>,
    scheme: String,
    authority: String,
    host: String,
    content_type: String,
    content_encoding: String,
    /// `:status`.
    pub(super) status: Option<u16>,
    /// `:protocol`, RFC 8441.
    protocol: String,
    /// Why it is not as it was sent.
    pub(super) wrong: Option<&'static str>,
}

impl Fields {
    /// Reads a block. One that cannot be read leaves the table unknown: nothing behind it can be read either.
    pub(super) fn read(decoder: &mut Decoder, block: &[u8]) -> Result<Self, Wrong> {
        let mut fields = Self::default();
        decoder.decode(block, |name, value| fields.add(name, value))?;
        fields.bytes.extend_from_slice(b"\r\n");
        Ok(fields)
    }

    fn add(&mut self, name: &[u8], value: &[u8]) {
        if self.bytes.len() + name.len() + value.len() > LONGEST_HEAD {
            self.wrong = Some("Its head is longer than 256 KiB; the rest is left out.");
            return;
        }
        match name {
            b":method" => self.method = text(value),
            b":path" => self.path = Some(text(value)),
            b":scheme" => self.scheme = text(value),
            b":authority" => self.authority = text(value),
            b":protocol" => self.protocol = text(value),
            b":status" => {
                let status = std::str::from_utf8(value).ok();
                self.status = status.and_then(|status| status.parse().ok());
            }
            b"host" => self.host = text(value),
            b"content-type" => self.content_type = text(value),
            b"content-encoding" => self.content_encoding = text(value),
            _ => {}
        }
        for (part, end) in [(name, ": ".as_bytes()), (value, b"\r\n")] {
            // section 8.2.1: these would make other fields of it
            let is_odd = |byte: &u8| matches!(byte, b'\r' | b'\n' | 0);
            if part.iter().any(is_odd) {
                self.wrong =
                    Some("It is not well formed: a field has a line break or a zero byte in it.");
            }
            let line = part
                .iter()
                .map(|byte| if is_odd(byte) { b' ' } else { *byte });
            self.bytes.extend(line);
            self.bytes.extend_from_slice(end);
        }
    }

    /// Whether it asks for a WebSocket, RFC 8441 section 5.
    pub(super) fn is_websocket(&self) -> bool {
        self.method == "CONNECT" && self.protocol == "websocket"
    }

    /// It as a request's head.
    pub(super) fn request(&self) -> Head<'_> {
        let authority = match self.authority.as_str() {
            "" => self.host.as_str(),
            authority => authority,
        };
        let target = match &self.path {
            Some(path) => path.as_str(),
            // a CONNECT has none
            None => authority,
        };
        let start = Start::Request(self.method.clone(), target.to_owned());
        Head {
            authority: authority.to_owned(),
            scheme: self.scheme.clone(),
            ..self.head(start)
        }
    }

    /// It as a response's head.
    pub(super) fn response(&self, status: u16) -> Head<'_> {
        self.head(Start::Response(status))
    }

    fn head(&self, start: Start) -> Head<'_> {
        Head {
            content_type: self.content_type.clone(),
            content_encoding: self.content_encoding.clone(),
            ..plain(&self.bytes, start, Some(Version::Http2))
        }
    }
}
