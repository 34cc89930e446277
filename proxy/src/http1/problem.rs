//! What can be wrong with an HTTP/1 message, in words that name the rule it breaks.
//!
//! A problem depends only on the bytes up to the place where it stands, never on how they were cut into reads; but
//! for the one that is about time.

use overhear_store::{Failure, FailureCause, Party};
use std::time::Duration;

/// A message that is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Problem {
    #[error(
        "line {line} of the head ends with a bare line feed instead of CR LF (RFC 9112 section 2.2)"
    )]
    BareLf { line: usize },
    #[error(
        "line {line} of the head holds a carriage return without a line feed after it (RFC 9112 section 2.2)"
    )]
    BareCr { line: usize },
    #[error(
        "line {line} of the head begins with white space: folded lines are obsolete and read differently by different programs (RFC 9112 section 5.2)"
    )]
    Folded { line: usize },
    #[error(
        "line {line} of the head has white space in or after the field name, before the colon (RFC 9112 section 5.1)"
    )]
    SpaceInName { line: usize },
    #[error("line {line} of the head has no field name before the colon (RFC 9112 section 5)")]
    EmptyName { line: usize },
    #[error("line {line} of the head has no colon after the field name (RFC 9112 section 5)")]
    NoColon { line: usize },
    #[error(
        "line {line} of the head has the byte {byte:#04x} in a field name (RFC 9110 section 5.6.2)"
    )]
    NameByte { line: usize, byte: u8 },
    #[error(
        "line {line} of the head has the byte {byte:#04x} in a field value (RFC 9110 section 5.5)"
    )]
    ValueByte { line: usize, byte: u8 },
    #[error("more than {most} empty lines stand before the message (RFC 9112 section 2.2)")]
    EmptyLines { most: usize },
    #[error("its first line is not METHOD SP TARGET SP VERSION (RFC 9112 section 3)")]
    RequestLine,
    #[error("the byte {byte:#04x} stands in the method (RFC 9112 section 3.1)")]
    MethodByte { byte: u8 },
    #[error("the byte {byte:#04x} stands in the request target (RFC 9112 section 3.2)")]
    TargetByte { byte: u8 },
    #[error(
        "its first line does not end with HTTP/1.0 or HTTP/1.1 after the target, or there is a space in the target (RFC 9112 section 3)"
    )]
    RequestVersion,
    #[error(
        "it begins like TLS where HTTP/1 was expected: is the other side's port one for https?"
    )]
    LooksLikeTls,
    #[error("it does not begin with HTTP/ (RFC 9112 section 4)")]
    NotHttp,
    #[error("its version is neither HTTP/1.0 nor HTTP/1.1 (RFC 9112 section 2.3)")]
    ResponseVersion,
    #[error("its status code is not three digits from 100 to 999 (RFC 9112 section 4)")]
    StatusCode,
    #[error("the byte {byte:#04x} stands in the reason phrase (RFC 9112 section 4)")]
    ReasonByte { byte: u8 },
    #[error("its head is not well formed (RFC 9112 section 2.1)")]
    Malformed,
    #[error("its head is larger than {} MiB", .most >> 20)]
    HeadTooLarge { most: usize },
    #[error("its head was not there {} seconds after its first byte", .limit.as_secs())]
    SlowHead { limit: Duration },
    #[error("its head has more than {most} fields")]
    TooManyFields { most: usize },
    #[error("it has no Host field, which HTTP/1.1 requires (RFC 9112 section 3.2)")]
    NoHost,
    #[error("it has more than one Host field (RFC 9112 section 3.2)")]
    ManyHosts,
    #[error("its Host field {value:?} is not a host with an optional port (RFC 9112 section 3.2)")]
    BadHost { value: String },
    #[error("its target {target:?} {why}")]
    BadTarget { target: String, why: &'static str },
    #[error(
        "it has both Content-Length and Transfer-Encoding, so that two programs may disagree on where it ends (RFC 9112 section 6.3)"
    )]
    BothLengths,
    #[error("it states different lengths, {first} and {second} (RFC 9112 section 6.3)")]
    Lengths { first: u64, second: u64 },
    #[error("its Content-Length {value:?} is not a number of bytes (RFC 9110 section 8.6)")]
    BadLength { value: String },
    #[error(
        "it is HTTP/1.0 and has a Transfer-Encoding, which HTTP/1.0 does not know (RFC 9112 section 6.1)"
    )]
    TransferOn10,
    #[error("its Transfer-Encoding {value:?} is not a list of codings (RFC 9112 section 6.1)")]
    BadCoding { value: String },
    #[error(
        "its Transfer-Encoding names chunked more than once or not last (RFC 9112 section 6.1)"
    )]
    ChunkedNotLast,
    #[error(
        "its last transfer coding is not chunked, so that nothing says where it ends (RFC 9112 section 6.3)"
    )]
    NoLength,
    #[error(
        "a chunk size holds the byte {byte:#04x} instead of a hexadecimal digit (RFC 9112 section 7.1)"
    )]
    ChunkSize { byte: u8 },
    #[error("a chunk size is larger than this program can count (RFC 9112 section 7.1)")]
    ChunkOverflow,
    #[error("a chunk extension holds the byte {byte:#04x} (RFC 9112 section 7.1.1)")]
    ChunkExtension { byte: u8 },
    #[error("the extensions of one chunk are longer than {most} bytes")]
    ExtensionsTooLong { most: usize },
    #[error("a chunk's line does not end with CR LF (RFC 9112 section 7.1)")]
    ChunkLine,
    #[error(
        "a chunk's data are longer than its size says, or CR LF is missing after them (RFC 9112 section 7.1)"
    )]
    ChunkEnd,
    #[error("its trailer fields are longer than {} KiB", .most >> 10)]
    TrailersTooLong { most: usize },
    #[error("it is a CONNECT with content, which has no meaning (RFC 9110 section 9.3.6)")]
    ConnectBody,
    #[error(
        "it switches protocols (101) although the request did not ask for that (RFC 9110 section 15.2.2)"
    )]
    Unasked101,
}

impl Problem {
    /// The status a client is answered with when its request has this problem.
    pub(crate) fn status(&self) -> u16 {
        match self {
            Self::HeadTooLarge { .. } | Self::TooManyFields { .. } => 431,
            Self::SlowHead { .. } => 408,
            _ => 400,
        }
    }

    /// The failure of a request that was refused.
    pub(crate) fn of_request(&self) -> Failure {
        Failure {
            cause: match self {
                Self::SlowHead { .. } => FailureCause::Timeout,
                _ => FailureCause::Protocol,
            },
            side: Party::Client,
            text: format!("The client's request was refused: {self}."),
        }
    }

    /// The failure of a response that was refused; `server` is how the client named it.
    pub(crate) fn of_response(&self, server: &str) -> Failure {
        Failure {
            cause: FailureCause::Protocol,
            side: Party::Server,
            text: format!("The response of {server} was refused: {self}."),
        }
    }
}

/// Bytes for a message: text where they are text, bounded.
pub(crate) fn quote(bytes: &[u8]) -> String {
    let (head, more) = match bytes.get(..120) {
        Some(head) if bytes.len() > 120 => (head, "..."),
        _ => (bytes, ""),
    };
    format!("{}{more}", String::from_utf8_lossy(head))
}
