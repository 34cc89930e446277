//! Protocols of lines, in which the server speaks first: the client asks for TLS in a line, and the server answers in one.

use super::{Agreed, Reader, Step};
use overhear_store::Side;
use std::mem;

/// A line that is longer (bytes, with its end) is none of a protocol that still wants TLS: SMTP's have 512 (RFC 5321 section
/// 4.5.3.1.4), POP3's 255 (RFC 2449 section 4), and IMAP's should have no more than 8192 (RFC 7162 section 4).
pub(super) const LONGEST: usize = 8192;

/// What a line means.
pub(super) enum Said {
    On,
    /// It is another protocol, or will not turn to TLS.
    Out,
    /// The client asks for TLS.
    Asked,
    /// The server does not want it.
    Refused,
    /// The server does.
    Agreed,
}

/// A protocol of lines.
pub(super) trait Dialogue: Default + Send {
    /// A server's first bytes.
    const GREETING: &'static [u8];
    /// A line of the client, without its end. None comes behind one that asked until the server has answered.
    fn client(&mut self, line: &[u8]) -> Said;
    /// A line of the server, without its end.
    fn server(&mut self, line: &[u8]) -> Said;
    /// The protocol's name, once it is known to be it.
    fn name(&self) -> Option<&'static str>;
}

/// Reads lines of both sides.
#[derive(Default)]
pub(super) struct Text<D> {
    dialogue: D,
    client: Lines,
    server: Lines,
    /// The server has said a whole line.
    greeted: bool,
    /// The client has asked, and has sent so many bytes since.
    behind: Option<u64>,
}

impl<D: Dialogue> Text<D> {
    fn client(&mut self, mut bytes: &[u8]) -> Step {
        if !self.greeted {
            return Step::Out;
        }
        loop {
            if let Some(behind) = &mut self.behind {
                // whatever it says: the server's answer decides what it is
                *behind += bytes.len() as u64;
                return Step::On;
            }
            let line = match self.client.next(&mut bytes) {
                Ok(Some(line)) => line,
                Ok(None) => return Step::On,
                Err(TooLong) => return Step::Out,
            };
            match self.dialogue.client(&line) {
                Said::On => {}
                Said::Asked => self.behind = Some(0),
                Said::Out | Said::Refused | Said::Agreed => return Step::Out,
            }
        }
    }

    fn server(&mut self, bytes: &[u8]) -> Step {
        let mut rest = bytes;
        loop {
            let line = match self.server.next(&mut rest) {
                Ok(Some(line)) => line,
                Ok(None) => break,
                Err(TooLong) => return Step::Out,
            };
            self.greeted = true;
            match (self.dialogue.server(&line), self.behind) {
                (Said::On, _) => {}
                (Said::Agreed, Some(behind)) => {
                    return Step::Agreed(Agreed {
                        name: self.dialogue.name().unwrap_or_default(),
                        by: Side::Response,
                        at: bytes.len() - rest.len(),
                        behind,
                    });
                }
                (Said::Refused, Some(0)) => self.behind = None,
                // what came behind the request was not read
                _ => return Step::Out,
            }
        }
        let begun = &self.server.begun;
        let may_be = begun.starts_with(D::GREETING) || D::GREETING.starts_with(begun);
        match self.greeted || may_be {
            true => Step::On,
            false => Step::Out,
        }
    }
}

impl<D: Dialogue> Reader for Text<D> {
    fn read(&mut self, side: Side, bytes: &[u8]) -> Step {
        match side {
            Side::Request => self.client(bytes),
            Side::Response => self.server(bytes),
        }
    }

    fn name(&self) -> Option<&'static str> {
        self.dialogue.name()
    }

    #[cfg(any(test, fuzzing))]
    fn held(&self) -> usize {
        self.client.begun.len() + self.server.begun.len()
    }
}

/// Lines of one side, as they come in pieces.
#[derive(Default)]
struct Lines {
    /// The beginning of one that is not whole.
    begun: Vec<u8>,
}

struct TooLong;

impl Lines {
    /// Takes the next line out of `bytes`, and its end (CRLF, or LF alone) away; none where it goes on in what is still to come.
    fn next(&mut self, bytes: &mut &[u8]) -> Result<Option<Vec<u8>>, TooLong> {
        let end = bytes.iter().position(|byte| *byte == b'\n');
        let (piece, rest) = bytes.split_at(end.map_or(bytes.len(), |end| end + 1));
        if self.begun.len() + piece.len() > LONGEST {
            return Err(TooLong);
        }
        self.begun.extend_from_slice(piece);
        *bytes = rest;
        if end.is_none() {
            return Ok(None);
        }
        let mut line = mem::take(&mut self.begun);
        line.pop();
        if line.ends_with(b"\r") {
            line.pop();
        }
        Ok(Some(line))
    }
}

/// The first word of a line, and what follows the space behind it.
pub(super) fn word(line: &[u8]) -> (&[u8], &[u8]) {
    let end = line.iter().position(|byte| *byte == b' ');
    let (word, rest) = line.split_at(end.unwrap_or(line.len()));
    (word, rest.get(1..).unwrap_or_default())
}
