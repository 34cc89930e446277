//! The chunked transfer coding, RFC 9112 section 7.1, taken apart as it comes and in place.

use crate::http1::{
    framing::Taken,
    line::{Field, is_text},
    problem::Problem,
};

/// The longest extensions of one chunk, bytes.
const MOST_EXTENSIONS: usize = 16 << 10;
/// The longest trailer section, bytes.
const MOST_TRAILERS: usize = 256 << 10;

/// Where a chunked body stands.
#[derive(Debug, Default)]
pub(crate) struct Chunked {
    state: State,
    /// What came since the last byte of content.
    framing: Vec<u8>,
    /// Where in it the trailer section begins.
    trailers_at: usize,
    trailer_line: usize,
}

#[derive(Debug, Clone, Copy)]
enum State {
    /// In the digits of a size; none yet when `digits` is 0.
    Size { size: u64, digits: u8 },
    /// In what stands between the size and the end of its line.
    Extension { size: u64, length: usize },
    /// In white space after the size.
    Space { size: u64, length: usize },
    /// After the CR of a size's line.
    SizeCr { size: u64 },
    /// In the data: so many bytes are left.
    Data { left: u64 },
    /// After the data.
    DataEnd,
    /// After the CR that follows the data.
    DataCr,
    /// In the trailer section.
    Trailers(Field),
}

impl Default for State {
    fn default() -> Self {
        Self::Size { size: 0, digits: 0 }
    }
}

impl Chunked {
    /// Takes what belongs to this body from the beginning of `bytes`, and gives out the content in it.
    pub(crate) fn take(&mut self, bytes: &[u8], mut content: impl FnMut(&[u8])) -> Taken {
        let mut wire = 0;
        while let Some(byte) = bytes.get(wire) {
            if let State::Data { left } = self.state {
                let rest = bytes.get(wire..).unwrap_or_default();
                let length = usize::try_from(left).map_or(rest.len(), |l| l.min(rest.len()));
                content(rest.get(..length).unwrap_or_default());
                self.framing.clear();
                wire += length;
                self.state = match left - length as u64 {
                    0 => State::DataEnd,
                    left => State::Data { left },
                };
                continue;
            }
            match self.step(*byte) {
                Ok(state) => self.state = state,
                Err(problem) => return Taken::broken(wire, problem),
            }
            wire += 1;
            self.framing.push(*byte);
            if self.is_done() {
                return Taken::done(wire);
            }
        }
        Taken::more(wire)
    }

    /// Whether the last byte has been taken.
    pub(crate) fn is_done(&self) -> bool {
        matches!(self.state, State::Trailers(Field::End))
    }

    /// The trailer fields with the empty line after them; empty when there were none.
    pub(crate) fn trailers(&self) -> &[u8] {
        match self.state {
            State::Trailers(_) if self.trailer_section().len() > b"\r\n".len() => {
                self.trailer_section()
            }
            _ => &[],
        }
    }

    /// What was taken since the last byte of content.
    pub(crate) fn framing(&self) -> &[u8] {
        &self.framing
    }

    fn trailer_section(&self) -> &[u8] {
        self.framing.get(self.trailers_at..).unwrap_or_default()
    }

    fn step(&mut self, byte: u8) -> Result<State, Problem> {
        match self.state {
            State::Size { size, digits } => match (char::from(byte).to_digit(16), byte) {
                (Some(digit), _) => {
                    // leading zeros are digits too: nobody needs more than this
                    let size = size.checked_mul(16).filter(|_| digits < 32);
                    let size = size.ok_or(Problem::ChunkOverflow)? + u64::from(digit);
                    let digits = digits + 1;
                    Ok(State::Size { size, digits })
                }
                _ if digits == 0 => Err(Problem::ChunkSize { byte }),
                (None, b'\r') => Ok(State::SizeCr { size }),
                (None, b';') => Ok(State::Extension { size, length: 0 }),
                (None, b' ' | b'\t') => Ok(State::Space { size, length: 0 }),
                (None, b'\n') => Err(Problem::ChunkLine),
                (None, _) => Err(Problem::ChunkSize { byte }),
            },
            State::Space { length, .. } | State::Extension { length, .. }
                if length == MOST_EXTENSIONS =>
            {
                let most = MOST_EXTENSIONS;
                Err(Problem::ExtensionsTooLong { most })
            }
            State::Space { size, length } => match byte {
                b'\r' => Ok(State::SizeCr { size }),
                b';' => Ok(State::Extension { size, length }),
                b' ' | b'\t' => Ok(State::Space {
                    size,
                    length: length + 1,
                }),
                b'\n' => Err(Problem::ChunkLine),
                _ => Err(Problem::ChunkSize { byte }),
            },
            State::Extension { size, length } => match byte {
                b'\r' => Ok(State::SizeCr { size }),
                b'\n' => Err(Problem::ChunkLine),
                _ if is_text(byte) => Ok(State::Extension {
                    size,
                    length: length + 1,
                }),
                _ => Err(Problem::ChunkExtension { byte }),
            },
            State::SizeCr { size } => match (byte, size) {
                (b'\n', 0) => {
                    self.trailers_at = self.framing.len() + 1;
                    Ok(State::Trailers(Field::Start))
                }
                (b'\n', left) => Ok(State::Data { left }),
                _ => Err(Problem::ChunkLine),
            },
            State::DataEnd if byte == b'\r' => Ok(State::DataCr),
            State::DataCr if byte == b'\n' => Ok(State::default()),
            State::DataEnd | State::DataCr => Err(Problem::ChunkEnd),
            State::Trailers(field) => {
                if self.trailer_section().len() == MOST_TRAILERS {
                    let most = MOST_TRAILERS;
                    return Err(Problem::TrailersTooLong { most });
                }
                let next = field.step(byte, self.trailer_line + 1)?;
                self.trailer_line += usize::from(byte == b'\n');
                Ok(State::Trailers(next))
            }
            // taken in one piece by `take`
            State::Data { left } => Ok(State::Data { left }),
        }
    }
}

#[cfg(test)]
mod tests;
