//! How a gRPC call ended: its status, which stands in trailer fields, in the head of an answer without messages, or, with
//! gRPC-Web, in a frame at the end of the body.
//!
//! <https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md>, PROTOCOL-WEB.md beside it.

use crate::head;
use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use memchr::memmem;

/// The status of a call, and what the server says about it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GrpcStatus {
    /// 0 is a call that went well; see [`status_name`].
    pub code: u32,
    /// `grpc-message`, without its percent-encoding; at most 1,024 characters of it, and empty when there is none.
    pub message: String,
}

/// The names of the status codes, by their numbers: `google.rpc.Code`.
pub const STATUS_NAMES: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

/// The name of a status code; none for a number that has no meaning.
pub fn status_name(code: u32) -> Option<&'static str> {
    STATUS_NAMES.get(usize::try_from(code).ok()?).copied()
}

/// Characters of a message that are kept in a row; the whole is in the trailers.
const MOST_MESSAGE: usize = 1024;
/// Trailers of gRPC-Web that are longer are not read.
const MOST_TRAILERS: usize = 64 * 1024;

impl GrpcStatus {
    /// Reads it from a recorded head or from trailer fields; none where there is none.
    pub(crate) fn read(fields: &[u8]) -> Option<Self> {
        // nearly every head has none, and is not taken apart
        memmem::find(fields, b"rpc-").or_else(|| memmem::find(fields, b"RPC-"))?;
        let parsed = head::parse(fields, false);
        let code = parsed.field("grpc-status")?.parse().ok()?;
        let message = parsed.field("grpc-message").unwrap_or_default();
        let message = percent_encoding::percent_decode_str(message).decode_utf8_lossy();
        let message = message.chars().take(MOST_MESSAGE).collect();
        Some(Self { code, message })
    }
}

/// Base64 whose last bits and padding nobody minds.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Follows the frames of a gRPC-Web answer to the one with its trailers. It keeps no message.
#[derive(Debug, Default)]
pub(crate) struct WebFrames {
    /// The body is in base64, in pieces that may each have their own padding.
    text: bool,
    quad: Vec<u8>,
    prefix: Vec<u8>,
    /// Bytes of the frame that are still to come.
    left: usize,
    /// The frame's bytes, when these are trailers.
    trailers: Option<Vec<u8>>,
    /// It is no gRPC-Web, or its trailers are too long.
    lost: bool,
}

impl WebFrames {
    /// For an answer of this media type; none when it is not gRPC-Web, or compressed as a whole.
    pub(crate) fn of(content_type: &str, content_encoding: &str) -> Option<Self> {
        let kind = content_type.split(';').next().unwrap_or_default().trim();
        let kind = kind.get(..20).map(str::to_ascii_lowercase)?;
        let coded = !matches!(content_encoding.trim(), "" | "identity");
        let rest = content_type.trim().get(20..).unwrap_or_default();
        (kind == "application/grpc-web" && !coded).then(|| Self {
            text: rest.to_ascii_lowercase().starts_with("-text"),
            ..Self::default()
        })
    }

    /// The next bytes of the body; the status, when its trailers are whole.
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Option<GrpcStatus> {
        if self.lost {
            return None;
        }
        if !self.text {
            return self.frames(bytes);
        }
        let mut decoded = Vec::with_capacity(bytes.len() / 4 * 3 + 3);
        let mut whole = 0;
        let mut wrong = false;
        for byte in bytes.iter().filter(|byte| !byte.is_ascii_whitespace()) {
            self.quad.push(*byte);
            if self.quad.len() < 4 {
                continue;
            }
            wrong = BASE64.decode_vec(&self.quad, &mut decoded).is_err();
            if wrong {
                break;
            }
            whole = decoded.len();
            self.quad.clear();
        }
        // what came before the group that is wrong counts
        decoded.truncate(whole);
        let found = self.frames(&decoded);
        self.lost |= wrong;
        found
    }

    fn frames(&mut self, mut bytes: &[u8]) -> Option<GrpcStatus> {
        let mut found = None;
        while !bytes.is_empty() && !self.lost {
            if self.left == 0 {
                let take = bytes.len().min(5 - self.prefix.len());
                let (prefix, rest) = bytes.split_at(take);
                self.prefix.extend_from_slice(prefix);
                bytes = rest;
                let Ok([flags, length @ ..]) = <[u8; 5]>::try_from(self.prefix.as_slice()) else {
                    break;
                };
                self.prefix.clear();
                self.left = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
                self.trailers = (flags == 0x80).then(Vec::new);
                self.lost = flags == 0x80 && self.left > MOST_TRAILERS;
            } else {
                let (here, rest) = bytes.split_at(bytes.len().min(self.left));
                self.left -= here.len();
                bytes = rest;
                if let Some(trailers) = &mut self.trailers {
                    trailers.extend_from_slice(here);
                    if self.left == 0 {
                        found = GrpcStatus::read(trailers).or(found);
                        self.trailers = None;
                    }
                }
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::engine::general_purpose::STANDARD;

    fn status(code: u32, message: &str) -> Option<GrpcStatus> {
        let message = message.to_owned();
        Some(GrpcStatus { code, message })
    }

    fn frame(flags: u8, data: &[u8]) -> Vec<u8> {
        let length = u32::try_from(data.len()).unwrap().to_be_bytes();
        [&[flags][..], &length, data].concat()
    }

    #[test]
    fn trailers_are_read() {
        let read = |text: &str| GrpcStatus::read(text.as_bytes());
        assert_eq!(read("grpc-status: 0\r\n\r\n"), status(0, ""));
        let words = "grpc-message: caf%C3%A9 is%20closed\r\nGrpc-Status: 14\r\n\r\n";
        assert_eq!(read(words), status(14, "caf\u{e9} is closed"));
        assert_eq!(read("grpc-status:99\r\n"), status(99, ""));
        for none in [
            "",
            "grpc-status: x\r\n",
            "grpc-status: -1\r\n",
            "grpc-message: a\r\n",
            "x: 1\r\n\r\n",
        ] {
            assert_eq!(read(none), None, "{none}");
        }
        let long = format!("grpc-status: 2\r\ngrpc-message: {}\r\n", "é".repeat(5000));
        assert_eq!(read(&long).unwrap().message, "é".repeat(1024));
        assert_eq!(
            (status_name(14), status_name(17)),
            (Some("UNAVAILABLE"), None)
        );
    }

    #[test]
    fn the_last_frame_of_grpc_web_has_them() {
        let body = [
            frame(0, b"\x08\x01grpc-status: 3\r\n"),
            frame(0, b""),
            frame(1, &[7; 3000]),
            frame(0x80, b"grpc-status:5\r\ngrpc-message:no such thing\r\n"),
        ]
        .concat();
        // message by message, each with a padding of its own
        let text: String = [
            STANDARD.encode(&body[..27]),
            STANDARD.encode(&body[27..100]),
            STANDARD.encode(&body[100..]),
        ]
        .concat();
        for (kind, bytes) in [
            ("application/grpc-web+proto", body.as_slice()),
            ("Application/gRPC-Web-Text+proto; x=y", text.as_bytes()),
        ] {
            for size in [1, 2, 3, 5, 7, 4096] {
                let mut frames = WebFrames::of(kind, "").unwrap();
                let found: Vec<_> = bytes.chunks(size).filter_map(|b| frames.feed(b)).collect();
                assert_eq!(
                    found,
                    [status(5, "no such thing").unwrap()],
                    "{kind} {size}"
                );
            }
        }
    }

    #[test]
    fn what_came_before_wrong_base64_counts_however_it_is_cut() {
        let text = STANDARD.encode(frame(0x80, b"grpc-status: 5\r\n")) + "A?AA";
        for size in [1, 4, 4096] {
            let mut frames = WebFrames::of("application/grpc-web-text", "").unwrap();
            let pieces = text.as_bytes().chunks(size);
            let found: Vec<_> = pieces.filter_map(|piece| frames.feed(piece)).collect();
            assert_eq!(found, [status(5, "").unwrap()], "{size}");
            assert_eq!(frames.feed(text.as_bytes()), None);
        }
    }

    #[test]
    fn what_is_none_says_nothing() {
        assert!(WebFrames::of("application/grpc-web", "gzip").is_none());
        assert!(WebFrames::of("application/grpc", "").is_none());
        assert!(WebFrames::of("text/html", "").is_none());
        for kind in ["application/grpc-web", "application/grpc-web-text"] {
            let mut frames = WebFrames::of(kind, "identity").unwrap();
            assert_eq!(frames.feed(b"<html>nothing</html>"), None);
            assert_eq!(frames.feed(&frame(0x80, b"grpc-status: 1\r\n")), None);
        }
        let mut frames = WebFrames::of("application/grpc-web", "").unwrap();
        assert_eq!(frames.feed(&frame(0x80, &[b'a'; 100_000])), None);
        assert!(frames.lost && frames.trailers.is_none_or(|t| t.is_empty()));
    }
}
