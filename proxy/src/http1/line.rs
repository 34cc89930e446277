//! The lines of a head, byte by byte: which bytes may stand where, and what is wrong with the first that may not.
//!
//! Heads are parsed by httparse; this file finds the words for what it refuses, and what it lets pass although RFC
//! 9112 does not (bare line feeds). Trailer fields are checked here as they come.

use crate::http1::problem::Problem;

/// Empty lines that may stand before a message, RFC 9112 section 2.2.
pub(crate) const MOST_EMPTY_LINES: usize = 16;

/// The first thing that is wrong with the beginning of a request's head; `None` when nothing is, so far.
pub(crate) fn request_problem(bytes: &[u8]) -> Option<Problem> {
    head_problem(bytes, request_line)
}

/// The first thing that is wrong with the beginning of a response's head; `None` when nothing is, so far.
pub(crate) fn response_problem(bytes: &[u8]) -> Option<Problem> {
    head_problem(bytes, status_line)
}

/// Where in a field line the next byte stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Field {
    /// At the beginning of a line: a field, or the empty line.
    #[default]
    Start,
    /// In the name.
    Name,
    /// After the colon.
    Value,
    /// After a CR that ends the empty line.
    EmptyCr,
    /// After a CR in the name.
    NameCr,
    /// After a CR in the value.
    ValueCr,
    /// The empty line has ended the fields.
    End,
}

impl Field {
    /// The state after `byte`, in line `line` of the head.
    pub(crate) fn step(self, byte: u8, line: usize) -> Result<Self, Problem> {
        match (self, byte) {
            (Self::EmptyCr, b'\n') => Ok(Self::End),
            (Self::ValueCr, b'\n') => Ok(Self::Start),
            (Self::NameCr, b'\n') => Err(Problem::NoColon { line }),
            (Self::EmptyCr | Self::NameCr | Self::ValueCr, _) => Err(Problem::BareCr { line }),
            (_, b'\n') => Err(Problem::BareLf { line }),
            (Self::Start, b'\r') => Ok(Self::EmptyCr),
            (Self::Name, b'\r') => Ok(Self::NameCr),
            (Self::Value, b'\r') => Ok(Self::ValueCr),
            (Self::Start, b' ' | b'\t') => Err(Problem::Folded { line }),
            (Self::Start, b':') => Err(Problem::EmptyName { line }),
            (Self::Name, b':') => Ok(Self::Value),
            (Self::Name, b' ' | b'\t') => Err(Problem::SpaceInName { line }),
            (Self::Start | Self::Name, _) if is_token(byte) => Ok(Self::Name),
            (Self::Start | Self::Name, _) => Err(Problem::NameByte { line, byte }),
            (Self::Value, _) if is_text(byte) => Ok(Self::Value),
            (Self::Value, _) => Err(Problem::ValueByte { line, byte }),
            (Self::End, _) => Ok(Self::End),
        }
    }
}

/// `tchar`, RFC 9110 section 5.6.2.
pub(crate) fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// A byte of a field value or reason phrase: HTAB, SP, VCHAR, obs-text (RFC 9110 section 5.5).
pub(crate) fn is_text(byte: u8) -> bool {
    byte == b'\t' || (byte >= b' ' && byte != 0x7f)
}

/// A byte of a request target. RFC 3986 allows fewer; what real clients send as it is passes.
pub(crate) fn is_target(byte: u8) -> bool {
    byte > b' ' && byte != 0x7f
}

/// Checks a start line from its beginning: the length of the line when it is whole, `None` when it goes on.
type StartLine = fn(&[u8]) -> Result<Option<usize>, Problem>;

fn head_problem(bytes: &[u8], start_line: StartLine) -> Option<Problem> {
    let mut rest = bytes;
    let mut empty = 0;
    while let Some(after) = rest.strip_prefix(b"\r\n") {
        rest = after;
        empty += 1;
        if empty > MOST_EMPTY_LINES {
            let most = MOST_EMPTY_LINES;
            return Some(Problem::EmptyLines { most });
        }
    }
    match rest {
        [] | [b'\r'] => return None,
        [b'\r', ..] => return Some(Problem::BareCr { line: 1 }),
        [b'\n', ..] => return Some(Problem::BareLf { line: 1 }),
        _ => {}
    }
    let start = match start_line(rest) {
        Ok(Some(length)) => length,
        Ok(None) => return None,
        Err(problem) => return Some(problem),
    };
    let mut line = 2;
    let mut state = Field::Start;
    for byte in rest.iter().skip(start) {
        match state.step(*byte, line) {
            Ok(Field::End) => return None,
            Ok(next) => state = next,
            Err(problem) => return Some(problem),
        }
        line += usize::from(*byte == b'\n');
    }
    None
}

fn request_line(bytes: &[u8]) -> Result<Option<usize>, Problem> {
    let mut at = 0;
    match run(bytes, &mut at, is_token) {
        None => return Ok(None),
        Some(b' ') if at > 0 => at += 1,
        Some(0x16) if at == 0 => return Err(Problem::LooksLikeTls),
        Some(b'\r' | b'\n' | b' ') => return line_break(bytes, at, Problem::RequestLine),
        Some(byte) => return Err(Problem::MethodByte { byte }),
    }
    let target = at;
    match run(bytes, &mut at, is_target) {
        None => return Ok(None),
        Some(b' ') if at > target => at += 1,
        Some(b'\r' | b'\n' | b' ') => return line_break(bytes, at, Problem::RequestLine),
        Some(byte) => return Err(Problem::TargetByte { byte }),
    }
    if !expect(bytes, &mut at, b"HTTP/1.", Problem::RequestVersion)? {
        return Ok(None);
    }
    match bytes.get(at) {
        None => return Ok(None),
        Some(b'0' | b'1') => at += 1,
        Some(_) => return Err(Problem::RequestVersion),
    }
    line_end(bytes, at, Problem::RequestVersion)
}

fn status_line(bytes: &[u8]) -> Result<Option<usize>, Problem> {
    let mut at = 0;
    if matches!(bytes.first(), Some(0x15 | 0x16)) {
        return Err(Problem::LooksLikeTls);
    }
    if !expect(bytes, &mut at, b"HTTP/", Problem::NotHttp)?
        || !expect(bytes, &mut at, b"1.", Problem::ResponseVersion)?
    {
        return Ok(None);
    }
    for (class, problem) in [
        (is_minor as fn(&u8) -> bool, Problem::ResponseVersion),
        (is_space, Problem::StatusCode),
    ] {
        match bytes.get(at) {
            None => return Ok(None),
            Some(byte) if class(byte) => at += 1,
            Some(_) => return Err(problem),
        }
    }
    for digit in 0..3 {
        match bytes.get(at) {
            None => return Ok(None),
            Some(b'0') if digit == 0 => return Err(Problem::StatusCode),
            Some(byte) if byte.is_ascii_digit() => at += 1,
            Some(_) => return Err(Problem::StatusCode),
        }
    }
    match bytes.get(at) {
        None => return Ok(None),
        Some(b' ') => at += 1,
        Some(_) => return line_end(bytes, at, Problem::StatusCode),
    }
    match run(bytes, &mut at, is_text) {
        None => Ok(None),
        Some(b'\r' | b'\n') => line_end(bytes, at, Problem::BareCr { line: 1 }),
        Some(byte) => Err(Problem::ReasonByte { byte }),
    }
}

fn is_minor(byte: &u8) -> bool {
    matches!(byte, b'0' | b'1')
}

fn is_space(byte: &u8) -> bool {
    *byte == b' '
}

/// Moves `at` over the bytes of a class and gives the byte that ends them.
fn run(bytes: &[u8], at: &mut usize, class: fn(u8) -> bool) -> Option<u8> {
    while let Some(byte) = bytes.get(*at) {
        if !class(*byte) {
            return Some(*byte);
        }
        *at += 1;
    }
    None
}

/// Moves `at` over `text`; false when the bytes end before it does.
fn expect(bytes: &[u8], at: &mut usize, text: &[u8], or: Problem) -> Result<bool, Problem> {
    for expected in text {
        match bytes.get(*at) {
            None => return Ok(false),
            Some(byte) if byte == expected => *at += 1,
            Some(_) => return Err(or),
        }
    }
    Ok(true)
}

/// The start line must end at `at`: `or` says what else stands there.
fn line_end(bytes: &[u8], at: usize, or: Problem) -> Result<Option<usize>, Problem> {
    match (bytes.get(at), bytes.get(at + 1)) {
        (Some(b'\r'), Some(b'\n')) => Ok(Some(at + 2)),
        (Some(b'\r'), Some(_)) => Err(Problem::BareCr { line: 1 }),
        (Some(b'\n'), _) => Err(Problem::BareLf { line: 1 }),
        (None | Some(b'\r'), _) => Ok(None),
        (Some(_), _) => Err(or),
    }
}

/// The start line ends at `at`, too early (or has an empty part there): the problem, once it is known.
fn line_break(bytes: &[u8], at: usize, problem: Problem) -> Result<Option<usize>, Problem> {
    match line_end(bytes, at, problem.clone())? {
        Some(_) => Err(problem),
        None => Ok(None),
    }
}
