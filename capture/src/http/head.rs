//! Heads of HTTP/1, RFC 9112: where they end, and what of them decides over what follows.

use overhear_store::Version;

/// A head that is longer is not believed to be one.
pub(super) const LONGEST_HEAD: usize = 256 << 10;
/// So many fields are looked at.
const MOST_FIELDS: usize = 2048;

/// A head as it was sent, and what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head<'a> {
    /// Its bytes: HTTP/1 as on the wire, HTTP/2 as [`overhear_store::HeadKind`] says.
    pub bytes: &'a [u8],
    /// What its start line (or its pseudo-header fields) says.
    pub start: Start,
    /// The version, where it is one that is known.
    pub version: Option<Version>,
    /// `Host` or `:authority`.
    pub authority: String,
    /// `:scheme`, in HTTP/2.
    pub scheme: String,
    /// `Content-Type`.
    pub content_type: String,
    /// `Content-Encoding`.
    pub content_encoding: String,
}

/// What a start line says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Start {
    /// Method and target.
    Request(String, String),
    /// Status code.
    Response(u16),
}

/// What decides over the message's framing.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Framing {
    /// The values of `Content-Length`, taken apart at commas.
    pub(super) length: Option<Result<u64, ()>>,
    /// There is a `Transfer-Encoding`; whether `chunked` is its last.
    pub(super) coding: Option<bool>,
    /// `Upgrade`, in lower case.
    pub(super) upgrade: String,
}

/// The methods that may begin a connection: the registered ones that are met, WebDAV and UPnP among them.
const METHODS: [&str; 32] = [
    "GET",
    "POST",
    "HEAD",
    "PUT",
    "DELETE",
    "OPTIONS",
    "CONNECT",
    "PATCH",
    "TRACE",
    "PROPFIND",
    "PROPPATCH",
    "MKCOL",
    "COPY",
    "MOVE",
    "LOCK",
    "UNLOCK",
    "REPORT",
    "SEARCH",
    "NOTIFY",
    "SUBSCRIBE",
    "UNSUBSCRIBE",
    "M-SEARCH",
    "MERGE",
    "CHECKOUT",
    "MKACTIVITY",
    "PURGE",
    "BIND",
    "ACL",
    "QUERY",
    "LINK",
    "UNLINK",
    "VERSION-CONTROL",
];

/// Whether these may be the first bytes of a request, as far as they go: a method, a target and HTTP/1 at the line's end.
/// Any method will do (RFC 9110 section 9.1) where the line is whole. `None`: more bytes are needed, which is said of
/// known methods only, as other protocols begin with words, too.
pub fn begins_like_request(bytes: &[u8]) -> Option<bool> {
    let looked_at = bytes.get(..LONGEST_HEAD).unwrap_or(bytes);
    if let Some(end) = looked_at.iter().position(|b| *b == b'\n') {
        let line = looked_at.get(..end).unwrap_or_default().trim_ascii_end();
        let method = line.split(|b| *b == b' ').next().unwrap_or_default();
        let version = line.rsplit(|b| *b == b' ').next().unwrap_or_default();
        let has_target = method.len() + version.len() + 1 < line.len();
        return Some(is_method(method) && has_target && version.starts_with(b"HTTP/1."));
    }
    let known = METHODS.iter().map(|m| m.as_bytes()).any(|method| {
        let common = method.len().min(bytes.len());
        let after = bytes.get(method.len()).is_none_or(|b| *b == b' ');
        bytes.get(..common) == method.get(..common) && after
    });
    let is_text = |b: &u8| *b >= b' ' || matches!(*b, b'\r' | b'\t');
    match known && bytes.len() <= LONGEST_HEAD && bytes.iter().all(is_text) {
        true => None,
        false => Some(false),
    }
}

/// Whether it is a token, RFC 9110 section 5.6.2, of a length that is met.
fn is_method(word: &[u8]) -> bool {
    let is_token = |b: &u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(b);
    (1..=64).contains(&word.len()) && word.iter().all(is_token)
}

/// Whether these may be the first bytes of a response.
pub fn begins_like_response(bytes: &[u8]) -> Option<bool> {
    let start = b"HTTP/1.";
    let common = start.len().min(bytes.len());
    if bytes.get(..common) != start.get(..common) {
        return Some(false);
    }
    match bytes.get(start.len()..) {
        Some([minor, b' ', a, b, c, ..]) if minor.is_ascii_digit() => {
            Some([a, b, c].iter().all(|digit| digit.is_ascii_digit()))
        }
        Some([minor, b' ', ..]) if minor.is_ascii_digit() => None,
        Some([_, _, ..]) => Some(false),
        _ => None,
    }
}

/// The length of the head at the beginning of `bytes`, with its empty line; `from` was looked at before.
pub(super) fn end(bytes: &[u8], from: usize) -> Option<usize> {
    let start = from.saturating_sub(3);
    let mut at = start;
    while let Some(found) = bytes.get(at..)?.iter().position(|b| *b == b'\n') {
        at += found + 1;
        match bytes.get(at..) {
            Some([b'\n', ..]) => return Some(at + 1),
            Some([b'\r', b'\n', ..]) => return Some(at + 2),
            _ => {}
        }
    }
    None
}

/// Reads a request's head that is whole.
pub(super) fn request(bytes: &[u8]) -> Result<(Head<'_>, Framing), httparse::Error> {
    let mut fields = vec![httparse::EMPTY_HEADER; count(bytes)];
    let mut parsed = httparse::Request::new(&mut fields);
    let mut config = httparse::ParserConfig::default();
    config
        .allow_multiple_spaces_in_request_line_delimiters(true)
        .ignore_invalid_headers_in_requests(true);
    config.parse_request(&mut parsed, bytes)?;
    let method = parsed.method.unwrap_or_default().to_owned();
    let target = parsed.path.unwrap_or_default().to_owned();
    let version = version(parsed.version);
    Ok(read(
        bytes,
        Start::Request(method, target),
        version,
        parsed.headers,
    ))
}

/// Reads a response's head that is whole.
pub(super) fn response(bytes: &[u8]) -> Result<(Head<'_>, Framing), httparse::Error> {
    let mut fields = vec![httparse::EMPTY_HEADER; count(bytes)];
    let mut parsed = httparse::Response::new(&mut fields);
    let mut config = httparse::ParserConfig::default();
    config
        .allow_spaces_after_header_name_in_responses(true)
        .allow_obsolete_multiline_headers_in_responses(true)
        .allow_multiple_spaces_in_response_status_delimiters(true)
        .ignore_invalid_headers_in_responses(true);
    config.parse_response(&mut parsed, bytes)?;
    let start = Start::Response(parsed.code.unwrap_or_default());
    let version = version(parsed.version);
    Ok(read(bytes, start, version, parsed.headers))
}

/// A head that could not be read: its first words, whatever they are.
pub(super) fn unread(bytes: &[u8]) -> Head<'_> {
    let line = bytes.split(|b| *b == b'\n').next().unwrap_or_default();
    let mut words = line.trim_ascii().split(|b| *b == b' ');
    let mut word = |most: usize| {
        let word = words.next().unwrap_or_default();
        text(word.get(..most).unwrap_or(word))
    };
    plain(bytes, Start::Request(word(32), word(2048)), None)
}

/// A head without any fields that matter.
pub(super) fn plain(bytes: &[u8], start: Start, version: Option<Version>) -> Head<'_> {
    Head {
        bytes,
        start,
        version,
        authority: String::new(),
        scheme: String::new(),
        content_type: String::new(),
        content_encoding: String::new(),
    }
}

/// Bytes as text: UTF-8, or else ISO-8859-1, as the store reads heads.
pub(super) fn text(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().map(|b| char::from(*b)).collect(),
    }
}

fn count(bytes: &[u8]) -> usize {
    let lines = bytes.iter().filter(|b| **b == b'\n').count();
    lines.min(MOST_FIELDS)
}

fn version(minor: Option<u8>) -> Option<Version> {
    match minor {
        Some(0) => Some(Version::Http10),
        Some(1) => Some(Version::Http11),
        _ => None,
    }
}

fn read<'a>(
    bytes: &'a [u8],
    start: Start,
    version: Option<Version>,
    fields: &[httparse::Header<'_>],
) -> (Head<'a>, Framing) {
    let mut head = plain(bytes, start, version);
    let mut framing = Framing::default();
    for field in fields {
        let is = |name: &str| field.name.eq_ignore_ascii_case(name);
        let value = field.value.trim_ascii();
        if is("content-length") {
            for part in value.split(|b| *b == b',') {
                let part = number(part.trim_ascii());
                framing.length = match framing.length {
                    Some(before) if before != part => Some(Err(())),
                    _ => Some(part),
                };
            }
        } else if is("transfer-encoding") {
            let last = value.rsplit(|b| *b == b',').next().unwrap_or_default();
            framing.coding = Some(last.trim_ascii().eq_ignore_ascii_case(b"chunked"));
        } else if is("upgrade") {
            framing.upgrade = text(value).to_ascii_lowercase();
        } else if is("host") {
            head.authority = text(value);
        } else if is("content-type") {
            head.content_type = text(value);
        } else if is("content-encoding") {
            head.content_encoding = text(value);
        }
    }
    (head, framing)
}

/// Digits, and nothing else.
fn number(digits: &[u8]) -> Result<u64, ()> {
    let digits = std::str::from_utf8(digits).map_err(drop)?;
    match digits.bytes().all(|b| b.is_ascii_digit()) {
        true => digits.parse().map_err(drop),
        false => Err(()),
    }
}
