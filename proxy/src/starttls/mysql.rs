//! MySQL and MariaDB: the server greets (`HandshakeV10`), and a client that wants TLS sends an `SSLRequest`, behind which its
//! TLS begins: the server is not heard about it.

use super::{Agreed, Reader, Step};
use overhear_store::Side;

/// A packet's header: its length without it in three bytes, and its number.
const HEADER: usize = 4;
/// The longest greeting that is read, bytes without the header; servers send about a hundred.
const LONGEST_GREETING: usize = 1024;
/// The capability `CLIENT_SSL`.
const SSL: u16 = 0x0800;
/// An `SSLRequest` without its header, bytes: the capabilities, the longest packet, the character set, and a filler.
const SSL_REQUEST: u8 = 32;

#[derive(Default)]
pub(super) struct MySql {
    /// What has come of the packet that is read: the server's first, then the client's.
    begun: Vec<u8>,
    /// The server has greeted.
    greeted: bool,
    /// It is able to speak TLS.
    able: bool,
}

impl MySql {
    fn server(&mut self, bytes: &[u8]) -> Step {
        if bytes.is_empty() {
            return Step::On;
        }
        // it says nothing more before the client has
        if self.greeted {
            return Step::Out;
        }
        let room = (HEADER + LONGEST_GREETING).saturating_sub(self.begun.len());
        let taken = bytes.len().min(room);
        let had = self.begun.len();
        self.begun
            .extend_from_slice(bytes.get(..taken).unwrap_or_default());
        let length = match self.begun.as_slice() {
            [_, _, high, ..] if *high != 0 => return Step::Out,
            [_, _, _, number, ..] if *number != 0 => return Step::Out,
            [_, _, _, _, version, ..] if *version != 10 => return Step::Out,
            [low, middle, _, ..] => usize::from(u16::from_le_bytes([*low, *middle])),
            _ => return Step::On,
        };
        if !(20..=LONGEST_GREETING).contains(&length) {
            return Step::Out;
        }
        let Some(greeting) = self.begun.get(HEADER..HEADER + length) else {
            return Step::On;
        };
        let Some(capabilities) = capabilities(greeting) else {
            return Step::Out;
        };
        self.greeted = true;
        self.able = capabilities & SSL != 0;
        self.begun.clear();
        match self.able && had + bytes.len() == HEADER + length {
            true => Step::On,
            false => Step::Out,
        }
    }

    fn client(&mut self, bytes: &[u8]) -> Step {
        if !self.greeted {
            return match bytes.is_empty() {
                true => Step::On,
                false => Step::Out,
            };
        }
        let missing = (HEADER + usize::from(SSL_REQUEST)).saturating_sub(self.begun.len());
        let taken = missing.min(bytes.len());
        self.begun
            .extend_from_slice(bytes.get(..taken).unwrap_or_default());
        let header = [SSL_REQUEST, 0, 0, 1];
        let shared = self.begun.len().min(HEADER);
        if self.begun.get(..shared) != header.get(..shared) {
            // a login in the clear
            return Step::Out;
        }
        if taken < missing {
            return Step::On;
        }
        match self.begun.as_slice() {
            [_, _, _, _, low, high, ..] if u16::from_le_bytes([*low, *high]) & SSL != 0 => {
                Step::Agreed(Agreed {
                    name: "MySQL",
                    by: Side::Request,
                    at: taken,
                    behind: 0,
                })
            }
            _ => Step::Out,
        }
    }
}

/// The lower capabilities in a greeting: behind the version's number and text, the connection's number, and eight bytes of
/// the challenge with a zero.
fn capabilities(greeting: &[u8]) -> Option<u16> {
    let text = greeting.get(1..)?;
    let end = text.iter().position(|byte| *byte == 0)?;
    let (version, rest) = text.split_at_checked(end)?;
    let [0, low, high] = rest.get(13..16)? else {
        return None;
    };
    let readable = |byte: &u8| byte.is_ascii_graphic() || *byte == b' ';
    (!version.is_empty() && version.iter().all(readable))
        .then_some(u16::from_le_bytes([*low, *high]))
}

impl Reader for MySql {
    fn read(&mut self, side: Side, bytes: &[u8]) -> Step {
        match side {
            Side::Request => self.client(bytes),
            Side::Response => self.server(bytes),
        }
    }

    fn name(&self) -> Option<&'static str> {
        self.greeted.then_some("MySQL")
    }

    #[cfg(any(test, fuzzing))]
    fn held(&self) -> usize {
        self.begun.len()
    }
}
