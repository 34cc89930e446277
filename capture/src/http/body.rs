//! Where a body of HTTP/1 ends, RFC 9112 section 6.3, and which of its bytes are content.

use super::head::Framing;

/// The longest line of a chunk's size with its extensions.
const LONGEST_LINE: usize = 16 << 10;
/// The longest trailer section.
const LONGEST_TRAILERS: usize = 256 << 10;

/// A body that is being read.
#[derive(Debug)]
pub(super) enum Body {
    /// So many bytes are left.
    Length(u64),
    /// Chunks.
    Chunked(Chunked),
    /// All until the connection is closed.
    UntilClose,
}

/// What was asked, as far as the response's framing depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    Head,
    Connect,
    Other,
}

/// How much of the bytes was taken.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// All of them, and there is more to come.
    All,
    /// So many; the message is whole.
    Done(usize),
    /// So many; then it is not well formed.
    Wrong(usize, &'static str),
}

impl Body {
    pub(super) fn of_request(framing: &Framing) -> Result<Self, &'static str> {
        match (framing.coding, framing.length) {
            (Some(true), _) => Ok(Self::Chunked(Chunked::default())),
            (Some(false), _) => {
                Err("its Transfer-Encoding does not end with chunked: where it ends is not known")
            }
            (None, Some(Ok(length))) => Ok(Self::Length(length)),
            (None, Some(Err(()))) => Err("its Content-Length is not one number"),
            (None, None) => Ok(Self::Length(0)),
        }
    }

    pub(super) fn of_response(
        framing: &Framing,
        status: u16,
        asked: Asked,
    ) -> Result<Self, &'static str> {
        let none = matches!(status, 100..=199 | 204 | 304)
            || asked == Asked::Head
            || (asked == Asked::Connect && (200..300).contains(&status));
        if none {
            return Ok(Self::Length(0));
        }
        match (framing.coding, framing.length) {
            (Some(true), _) => Ok(Self::Chunked(Chunked::default())),
            (Some(false), _) => Ok(Self::UntilClose),
            (None, Some(Ok(length))) => Ok(Self::Length(length)),
            (None, Some(Err(()))) => Err("its Content-Length is not one number"),
            (None, None) => Ok(Self::UntilClose),
        }
    }

    /// Takes what belongs to the body from the beginning of `bytes`, and gives out the content in it.
    pub(super) fn take(&mut self, bytes: &[u8], mut content: impl FnMut(&[u8])) -> Taken {
        match self {
            Self::Length(left) => {
                let length = usize::try_from(*left).map_or(bytes.len(), |l| l.min(bytes.len()));
                if length > 0 {
                    content(bytes.get(..length).unwrap_or_default());
                }
                *left -= length as u64;
                match *left {
                    0 => Taken::Done(length),
                    _ => Taken::All,
                }
            }
            Self::Chunked(chunked) => chunked.take(bytes, content),
            Self::UntilClose => {
                if !bytes.is_empty() {
                    content(bytes);
                }
                Taken::All
            }
        }
    }

    /// Bytes are missing from the capture: whether the body can be read on after them.
    pub(super) fn skip(&mut self, missing: u64) -> bool {
        match self {
            Self::Length(left) if *left >= missing => {
                *left -= missing;
                true
            }
            Self::UntilClose => true,
            Self::Chunked(Chunked {
                state: State::Data(left),
                ..
            }) if *left > missing => {
                *left -= missing;
                true
            }
            Self::Length(_) | Self::Chunked(_) => false,
        }
    }

    /// The trailer section, with its empty line; empty when there was none.
    pub(super) fn trailers(&self) -> &[u8] {
        match self {
            Self::Chunked(chunked) if chunked.line.len() > 2 => &chunked.line,
            _ => &[],
        }
    }
}

/// The chunked transfer coding, RFC 9112 section 7.1.
#[derive(Debug, Default)]
pub(super) struct Chunked {
    state: State,
    /// The size's line, or the trailer section.
    line: Vec<u8>,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Size,
    /// So many bytes of the chunk are left.
    Data(u64),
    /// The line break after them.
    DataEnd,
    Trailers,
}

impl Chunked {
    fn take(&mut self, bytes: &[u8], mut content: impl FnMut(&[u8])) -> Taken {
        let mut taken = 0;
        while let Some(rest) = bytes.get(taken..).filter(|rest| !rest.is_empty()) {
            match &mut self.state {
                State::Data(left) => {
                    let length = usize::try_from(*left).map_or(rest.len(), |l| l.min(rest.len()));
                    content(rest.get(..length).unwrap_or_default());
                    taken += length;
                    *left -= length as u64;
                    if *left == 0 {
                        self.state = State::DataEnd;
                    }
                }
                State::DataEnd => match rest {
                    [b'\r', ..] if self.line.is_empty() => {
                        self.line.push(b'\r');
                        taken += 1;
                    }
                    [b'\n', ..] => {
                        self.line.clear();
                        self.state = State::Size;
                        taken += 1;
                    }
                    _ => return Taken::Wrong(taken, "a chunk is longer than its size says"),
                },
                State::Size => {
                    let before = self.line.len();
                    let line = rest
                        .iter()
                        .position(|b| *b == b'\n')
                        .map_or(rest.len(), |at| at + 1);
                    self.line
                        .extend_from_slice(rest.get(..line).unwrap_or_default());
                    if self.line.len() > LONGEST_LINE {
                        content(self.line.get(..before).unwrap_or_default());
                        return Taken::Wrong(taken, "the line with a chunk's size does not end");
                    }
                    if self.line.ends_with(b"\n") {
                        let Some(size) = size(&self.line) else {
                            content(self.line.get(..before).unwrap_or_default());
                            return Taken::Wrong(
                                taken,
                                "a chunk's size is not a hexadecimal number",
                            );
                        };
                        self.line.clear();
                        self.state = match size {
                            0 => State::Trailers,
                            size => State::Data(size),
                        };
                    }
                    taken += line;
                }
                State::Trailers => {
                    let line = rest
                        .iter()
                        .position(|b| *b == b'\n')
                        .map_or(rest.len(), |at| at + 1);
                    self.line
                        .extend_from_slice(rest.get(..line).unwrap_or_default());
                    taken += line;
                    if self.line.len() > LONGEST_TRAILERS {
                        return Taken::Wrong(taken, "its trailer section does not end");
                    }
                    let over = matches!(self.line.as_slice(), b"\n" | b"\r\n")
                        || self.line.ends_with(b"\n\n")
                        || self.line.ends_with(b"\n\r\n");
                    if over {
                        return Taken::Done(taken);
                    }
                }
            }
        }
        Taken::All
    }
}

fn size(line: &[u8]) -> Option<u64> {
    let digits = line.split(|b| *b == b';').next()?.trim_ascii();
    let digits = std::str::from_utf8(digits).ok()?;
    let hex = digits.bytes().all(|b| b.is_ascii_hexdigit());
    (hex && !digits.is_empty()).then(|| u64::from_str_radix(digits, 16).ok())?
}
