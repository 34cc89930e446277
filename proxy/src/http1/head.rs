//! Heads: where one ends, what its start line says, and the few fields that decide over framing.
//!
//! Strict where two programs could disagree on where a message ends (RFC 9112), lenient elsewhere. Nothing is
//! copied and nothing is changed: a head stays the bytes it came as.

use crate::http1::{
    line::{self, MOST_EMPTY_LINES, is_target, is_text, is_token},
    problem::{Problem, quote},
    target::is_authority,
};
use overhear_store::Version;

/// The largest head, bytes.
pub(crate) const MOST_HEAD: usize = 4 << 20;
/// The most fields in a head.
pub(crate) const MOST_FIELDS: usize = 32_768;

/// Finds a head in bytes as they arrive. One reader a head: each byte is looked at once, however they are cut.
#[derive(Debug, Default)]
pub(crate) struct HeadReader {
    /// Bytes looked at.
    seen: usize,
    /// Where the line begins that `seen` stands in.
    line: usize,
    /// Where the start line begins: after empty lines.
    start: usize,
    /// Empty lines before the start line.
    empty: usize,
    /// Lines that have ended, the start line included.
    lines: usize,
    /// The bytes at which the unfinished head is checked again.
    check: usize,
    /// Where the head ends, once that is known.
    end: usize,
}

/// A request's head.
#[derive(Debug)]
pub(crate) struct RequestHead<'b> {
    /// Its bytes from the start line to the empty line.
    pub(crate) bytes: &'b [u8],
    /// Bytes of empty lines that stand before it.
    pub(crate) skipped: usize,
    pub(crate) method: &'b str,
    pub(crate) target: &'b [u8],
    pub(crate) version: Version,
    pub(crate) fields: Fields<'b>,
}

/// A response's head.
#[derive(Debug)]
pub(crate) struct ResponseHead<'b> {
    /// Its bytes from the status line to the empty line.
    pub(crate) bytes: &'b [u8],
    /// Bytes of empty lines that stand before it.
    pub(crate) skipped: usize,
    pub(crate) version: Version,
    pub(crate) status: u16,
    pub(crate) fields: Fields<'b>,
}

/// What the fields of a head say, as far as the relay needs it.
#[derive(Debug, Default)]
pub(crate) struct Fields<'b> {
    /// The first `Host`.
    pub(crate) host: Option<&'b [u8]>,
    /// How many `Host` fields there are.
    pub(crate) hosts: usize,
    /// `Content-Length`: one number, however often it is stated.
    pub(crate) length: Option<Result<u64, Problem>>,
    /// `Transfer-Encoding`, all of its fields together.
    pub(crate) coding: Option<Result<Coding, Problem>>,
    /// `Connection: close`.
    pub(crate) close: bool,
    /// `Connection: keep-alive`.
    pub(crate) keep_alive: bool,
    /// `Connection: upgrade`.
    pub(crate) connection_upgrade: bool,
    /// The first `Upgrade`.
    pub(crate) upgrade: Option<&'b [u8]>,
    /// The first `Proxy-Authorization`.
    pub(crate) proxy_authorization: Option<&'b [u8]>,
    /// `Accept` has `text/html`.
    pub(crate) html: bool,
    /// The first `Content-Type`.
    pub(crate) content_type: Option<&'b [u8]>,
    /// The first `Content-Encoding`.
    pub(crate) content_encoding: Option<&'b [u8]>,
}

/// What a Transfer-Encoding ends with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Coding {
    /// chunked, and nowhere else.
    Chunked,
    /// Something else; chunked is nowhere.
    Other,
}

impl HeadReader {
    /// Whether `bytes` begin with a whole request head. Call it again with the same bytes and more.
    pub(crate) fn request_ready(&mut self, bytes: &[u8]) -> Result<bool, Problem> {
        self.ready(bytes, line::request_problem)
    }

    /// Whether `bytes` begin with a whole response head.
    pub(crate) fn response_ready(&mut self, bytes: &[u8]) -> Result<bool, Problem> {
        self.ready(bytes, line::response_problem)
    }

    /// The request's head, once it is ready.
    pub(crate) fn request<'b>(&self, bytes: &'b [u8]) -> Result<RequestHead<'b>, Problem> {
        let head = bytes.get(self.start..self.end).unwrap_or_default();
        let wrong = || line::request_problem(head).unwrap_or(Problem::Malformed);
        let (method, target, version, rest) = request_line(head).ok_or_else(wrong)?;
        let fields = Fields::parse(rest, self.lines).ok_or_else(wrong)?;
        fields.check_host(method, version)?;
        Ok(RequestHead {
            bytes: head,
            skipped: self.start,
            method,
            target,
            version,
            fields,
        })
    }

    /// The response's head, once it is ready.
    pub(crate) fn response<'b>(&self, bytes: &'b [u8]) -> Result<ResponseHead<'b>, Problem> {
        let head = bytes.get(self.start..self.end).unwrap_or_default();
        let wrong = || line::response_problem(head).unwrap_or(Problem::Malformed);
        let (version, status, rest) = status_line(head).ok_or_else(wrong)?;
        let fields = Fields::parse(rest, self.lines).ok_or_else(wrong)?;
        Ok(ResponseHead {
            bytes: head,
            skipped: self.start,
            version,
            status,
            fields,
        })
    }

    /// What is wrong with the beginning of a request that will not go on, apart from its being cut off.
    pub(crate) fn cut_request(bytes: &[u8]) -> Option<Problem> {
        line::request_problem(bytes)
    }

    /// What is wrong with the beginning of a response that will not go on, apart from its being cut off.
    pub(crate) fn cut_response(bytes: &[u8]) -> Option<Problem> {
        line::response_problem(bytes)
    }

    /// True when nothing but empty lines has come.
    pub(crate) fn is_blank(bytes: &[u8]) -> bool {
        bytes.iter().all(|byte| matches!(byte, b'\r' | b'\n'))
    }

    fn ready(
        &mut self,
        bytes: &[u8],
        problem: fn(&[u8]) -> Option<Problem>,
    ) -> Result<bool, Problem> {
        if self.end > 0 {
            return Ok(true);
        }
        match self.scan(bytes) {
            Scan::End(end) if end - self.start <= MOST_HEAD => {
                if self.lines - 1 > MOST_FIELDS {
                    let most = MOST_FIELDS;
                    let head = bytes.get(..end).unwrap_or_default();
                    return Err(problem(head).unwrap_or(Problem::TooManyFields { most }));
                }
                self.end = end;
                Ok(true)
            }
            Scan::NotYet if bytes.len() - self.start <= MOST_HEAD => {
                if bytes.len() < self.check {
                    return Ok(false);
                }
                self.check = bytes.len() * 2;
                problem(bytes).map_or(Ok(false), Err)
            }
            Scan::Wrong => Err(problem(bytes).unwrap_or(Problem::Malformed)),
            Scan::End(_) | Scan::NotYet => {
                let most = MOST_HEAD;
                let start = bytes.get(..self.start + MOST_HEAD);
                Err(start
                    .and_then(problem)
                    .unwrap_or(Problem::HeadTooLarge { most }))
            }
        }
    }

    fn scan(&mut self, bytes: &[u8]) -> Scan {
        let new = bytes.get(self.seen..).unwrap_or_default();
        for at in memchr::memchr_iter(b'\n', new) {
            let at = self.seen + at;
            match bytes.get(self.line..at).unwrap_or_default() {
                [_, .., b'\r'] => self.lines += 1,
                [b'\r'] if self.lines > 0 => return Scan::End(at + 1),
                [b'\r'] if self.empty < MOST_EMPTY_LINES => {
                    self.empty += 1;
                    self.start = at + 1;
                }
                _ => return Scan::Wrong,
            }
            self.line = at + 1;
        }
        self.seen = bytes.len();
        Scan::NotYet
    }
}

/// Where a head ends.
enum Scan {
    NotYet,
    /// At this byte, the empty line included.
    End(usize),
    /// A line feed does not belong where it is; what is wrong first is found byte by byte.
    Wrong,
}

impl<'b> Fields<'b> {
    /// Reads the fields, the empty line included; `lines` is at least their number.
    fn parse(bytes: &'b [u8], lines: usize) -> Option<Self> {
        let mut few = [httparse::EMPTY_HEADER; 32];
        let mut many = Vec::new();
        let room = if lines <= few.len() {
            &mut few[..]
        } else {
            many.resize(lines, httparse::EMPTY_HEADER);
            &mut many[..]
        };
        let (length, headers) = match httparse::parse_headers(bytes, room) {
            Ok(httparse::Status::Complete(parsed)) => parsed,
            Ok(httparse::Status::Partial) | Err(_) => return None,
        };
        if length != bytes.len() {
            return None;
        }
        let mut fields = Self::default();
        for header in headers {
            fields.take(header.name, header.value);
        }
        Some(fields)
    }

    fn take(&mut self, name: &str, value: &'b [u8]) {
        let is = |expected: &str| name.eq_ignore_ascii_case(expected);
        match name.len() {
            4 if is("host") => {
                self.hosts += 1;
                self.host.get_or_insert(value);
            }
            6 if is("accept") => self.html |= memchr::memmem::find(value, b"text/html").is_some(),
            7 if is("upgrade") => {
                self.upgrade.get_or_insert(value);
            }
            10 if is("connection") => self.connection(value),
            12 if is("content-type") => {
                self.content_type.get_or_insert(value);
            }
            14 if is("content-length") => self.take_length(value),
            16 if is("content-encoding") => {
                self.content_encoding.get_or_insert(value);
            }
            17 if is("transfer-encoding") => {
                let before = self.coding.take();
                self.coding = Some(coding(before, value));
            }
            19 if is("proxy-authorization") => {
                self.proxy_authorization.get_or_insert(value);
            }
            _ => {}
        }
    }

    fn connection(&mut self, value: &[u8]) {
        for option in value.split(|b| *b == b',').map(<[u8]>::trim_ascii) {
            self.close |= option.eq_ignore_ascii_case(b"close");
            self.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
            self.connection_upgrade |= option.eq_ignore_ascii_case(b"upgrade");
        }
    }

    fn take_length(&mut self, value: &[u8]) {
        for part in value.split(|b| *b == b',') {
            let second = length(part.trim_ascii(), value);
            self.length = Some(match (self.length.take(), second) {
                (Some(Err(problem)), _) | (_, Err(problem)) => Err(problem),
                (Some(Ok(first)), Ok(second)) if first != second => {
                    Err(Problem::Lengths { first, second })
                }
                (_, Ok(length)) => Ok(length),
            });
        }
    }

    fn check_host(&self, method: &str, version: Version) -> Result<(), Problem> {
        match (self.hosts, self.host) {
            // a CONNECT names its server in the request line, and many programs leave it at that
            (0, _) if version == Version::Http10 || method == "CONNECT" => Ok(()),
            (0, _) => Err(Problem::NoHost),
            (1, Some(host)) if host.is_empty() || is_authority(host) => Ok(()),
            (1, host) => Err(Problem::BadHost {
                value: quote(host.unwrap_or_default()),
            }),
            _ => Err(Problem::ManyHosts),
        }
    }
}

fn length(digits: &[u8], whole: &[u8]) -> Result<u64, Problem> {
    let mut length = (!digits.is_empty()).then_some(0_u64);
    for byte in digits {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'));
        length = length
            .and_then(|l| l.checked_mul(10))
            .and_then(|l| l.checked_add(digit?));
    }
    length.ok_or_else(|| Problem::BadLength {
        value: quote(whole),
    })
}

/// Goes on reading a list of transfer codings.
fn coding(before: Option<Result<Coding, Problem>>, value: &[u8]) -> Result<Coding, Problem> {
    let bad = || Problem::BadCoding {
        value: quote(value),
    };
    let mut found = before.transpose()?;
    for element in value.split(|b| *b == b',').map(<[u8]>::trim_ascii) {
        if element.is_empty() {
            continue;
        }
        if found == Some(Coding::Chunked) {
            return Err(Problem::ChunkedNotLast);
        }
        let name = element.split(|b| *b == b';').next().unwrap_or_default();
        let plain = name.len() == element.len();
        let name = name.trim_ascii_end();
        if name.is_empty() || !name.iter().all(|b| is_token(*b)) {
            return Err(bad());
        }
        found = Some(match name.eq_ignore_ascii_case(b"chunked") {
            true if plain => Coding::Chunked,
            true => return Err(bad()),
            false => Coding::Other,
        });
    }
    found.ok_or_else(bad)
}

/// Method, target, version, and what follows the line.
fn request_line(head: &[u8]) -> Option<(&str, &[u8], Version, &[u8])> {
    let end = memchr::memchr(b'\n', head)?;
    let line = head.get(..end)?.strip_suffix(b"\r")?;
    let space = memchr::memchr(b' ', line)?;
    let (method, rest) = (line.get(..space)?, line.get(space + 1..)?);
    let (target, version) = rest.split_at(rest.len().checked_sub(b" HTTP/1.1".len())?);
    let version = match version {
        b" HTTP/1.1" => Version::Http11,
        b" HTTP/1.0" => Version::Http10,
        _ => return None,
    };
    let good = !method.is_empty()
        && !target.is_empty()
        && method.iter().all(|b| is_token(*b))
        && target.iter().all(|b| is_target(*b));
    let method = std::str::from_utf8(method).ok()?;
    good.then_some((method, target, version, head.get(end + 1..)?))
}

/// Version, status code, and what follows the line.
fn status_line(head: &[u8]) -> Option<(Version, u16, &[u8])> {
    let end = memchr::memchr(b'\n', head)?;
    let line = head.get(..end)?.strip_suffix(b"\r")?;
    let (version, rest) = line.split_at_checked(b"HTTP/1.1 ".len())?;
    let version = match version {
        b"HTTP/1.1 " => Version::Http11,
        b"HTTP/1.0 " => Version::Http10,
        _ => return None,
    };
    let (code, reason) = rest.split_at_checked(3)?;
    let [a @ b'1'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9'] = code else {
        return None;
    };
    let digit = |d: &u8| u16::from(d - b'0');
    let reason_good = reason.is_empty() || reason.starts_with(b" ");
    let good = reason_good && reason.iter().all(|b| is_text(*b));
    let status = digit(a) * 100 + digit(b) * 10 + digit(c);
    good.then_some((version, status, head.get(end + 1..)?))
}

#[cfg(test)]
mod tests;
