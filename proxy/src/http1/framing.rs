//! Where a body ends, RFC 9112 section 6.3, and which of its bytes are content.

use crate::http1::{
    chunked::Chunked,
    head::{Coding, Fields},
    problem::Problem,
};
use overhear_store::Version;

/// A body that is being taken from the wire.
#[derive(Debug)]
pub(crate) enum Body {
    /// So many bytes are left.
    Length(u64),
    /// Chunks. Boxed: most bodies are not.
    Chunked(Box<Chunked>),
    /// All until the connection is closed.
    UntilClose,
}

/// What was asked, as far as the response's framing depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    /// HEAD: the response has no body whatever it says.
    Head,
    /// CONNECT: a 2xx response has no body, but a tunnel after it.
    Connect,
    /// Anything else.
    Other,
}

/// What was taken from some bytes of the wire.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Taken {
    /// How many bytes from the beginning belong to the message and are well formed.
    pub(crate) wire: usize,
    /// The message is whole.
    pub(crate) done: bool,
    /// What is wrong with the byte after them.
    pub(crate) problem: Option<Problem>,
}

impl Body {
    /// No body at all.
    pub(crate) const NONE: Self = Self::Length(0);

    /// The body of a request.
    pub(crate) fn of_request(fields: &Fields<'_>, version: Version) -> Result<Self, Problem> {
        match (&fields.coding, &fields.length) {
            (None, None) => Ok(Self::NONE),
            (None, Some(length)) => length.clone().map(Self::Length),
            (Some(coding), length) => match checked(coding, length.is_some(), version)? {
                Coding::Chunked => Ok(Self::Chunked(Box::default())),
                Coding::Other => Err(Problem::NoLength),
            },
        }
    }

    /// The body of a response.
    pub(crate) fn of_response(
        fields: &Fields<'_>,
        version: Version,
        status: u16,
        asked: Asked,
    ) -> Result<Self, Problem> {
        if has_no_body(status, asked) {
            return Ok(Self::NONE);
        }
        match (&fields.coding, &fields.length) {
            (None, None) => Ok(Self::UntilClose),
            (None, Some(length)) => length.clone().map(Self::Length),
            (Some(coding), length) => match checked(coding, length.is_some(), version)? {
                Coding::Chunked => Ok(Self::Chunked(Box::default())),
                Coding::Other => Ok(Self::UntilClose),
            },
        }
    }

    /// Takes what belongs to this body from the beginning of `bytes`, and gives out the content in it: transfer
    /// coding removed, content coding kept.
    pub(crate) fn take(&mut self, bytes: &[u8], mut content: impl FnMut(&[u8])) -> Taken {
        match self {
            Self::Length(left) => {
                let wire = usize::try_from(*left).map_or(bytes.len(), |l| l.min(bytes.len()));
                if wire > 0 {
                    content(bytes.get(..wire).unwrap_or_default());
                }
                *left -= wire as u64;
                match *left {
                    0 => Taken::done(wire),
                    _ => Taken::more(wire),
                }
            }
            Self::Chunked(chunked) => chunked.take(bytes, content),
            Self::UntilClose => {
                if !bytes.is_empty() {
                    content(bytes);
                }
                Taken::more(bytes.len())
            }
        }
    }

    /// Whether the message is whole without any byte more.
    pub(crate) fn is_done(&self) -> bool {
        match self {
            Self::Length(left) => *left == 0,
            Self::Chunked(chunked) => chunked.is_done(),
            Self::UntilClose => false,
        }
    }

    /// The trailer fields that came, see [`Chunked::trailers`].
    pub(crate) fn trailers(&self) -> &[u8] {
        match self {
            Self::Chunked(chunked) => chunked.trailers(),
            Self::Length(_) | Self::UntilClose => &[],
        }
    }

    /// What was taken since the last byte of content. It belongs to what breaks the body.
    pub(crate) fn framing(&self) -> &[u8] {
        match self {
            Self::Chunked(chunked) => chunked.framing(),
            Self::Length(_) | Self::UntilClose => &[],
        }
    }
}

impl Taken {
    pub(crate) fn more(wire: usize) -> Self {
        Self {
            wire,
            done: false,
            problem: None,
        }
    }

    pub(crate) fn done(wire: usize) -> Self {
        Self {
            wire,
            done: true,
            problem: None,
        }
    }

    pub(crate) fn broken(wire: usize, problem: Problem) -> Self {
        Self {
            wire,
            done: false,
            problem: Some(problem),
        }
    }
}

/// Responses without a body, RFC 9110 section 6.4.1.
fn has_no_body(status: u16, asked: Asked) -> bool {
    matches!(status, 100..=199 | 204 | 304)
        || asked == Asked::Head
        || (asked == Asked::Connect && (200..300).contains(&status))
}

fn checked(
    coding: &Result<Coding, Problem>,
    length_too: bool,
    version: Version,
) -> Result<Coding, Problem> {
    if length_too {
        return Err(Problem::BothLengths);
    }
    if version == Version::Http10 {
        return Err(Problem::TransferOn10);
    }
    coding.clone()
}

#[cfg(test)]
mod tests;
