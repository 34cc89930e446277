//! PostgreSQL: an `SSLRequest` that the server answers with one byte (protocol 3.0 and 3.2, "Message Formats"). Encryption by
//! GSSAPI may be asked for first.

use super::{Agreed, Reader, Step};
use overhear_store::Side;

const SSL: u32 = 80_877_103;
const GSSENC: u32 = 80_877_104;
const CANCEL: u32 = 80_877_102;
/// The longest startup message that a server takes, bytes (`MAX_STARTUP_PACKET_LENGTH`).
const LONGEST_STARTUP: u32 = 10_000;

#[derive(Default)]
pub(super) struct Postgres {
    /// The beginning of the client's message.
    begun: Vec<u8>,
    /// What the client has asked for, and how many bytes it has sent since.
    asked: Option<(u32, u64)>,
    known: bool,
}

impl Postgres {
    fn client(&mut self, bytes: &[u8]) -> Step {
        if let Some((_, behind)) = &mut self.asked {
            *behind += bytes.len() as u64;
            return Step::On;
        }
        let missing = 8_usize.saturating_sub(self.begun.len()).min(bytes.len());
        let (more, rest) = bytes.split_at(missing);
        self.begun.extend_from_slice(more);
        let Some(([a, b, c, d], [e, f, g, h])) = self
            .begun
            .split_first_chunk::<4>()
            .and_then(|(length, code)| Some((*length, *code.first_chunk::<4>()?)))
        else {
            return match b"\0\0".starts_with(self.begun.get(..2).unwrap_or(&self.begun)) {
                true => Step::On,
                false => Step::Out,
            };
        };
        self.begun.clear();
        let length = u32::from_be_bytes([a, b, c, d]);
        match (length, u32::from_be_bytes([e, f, g, h])) {
            (8, code @ (SSL | GSSENC)) => {
                self.known = true;
                self.asked = Some((code, rest.len() as u64));
                Step::On
            }
            // a session in the clear
            (8..=LONGEST_STARTUP, 0x0003_0000..=0x0003_ffff) | (16..=LONGEST_STARTUP, CANCEL) => {
                self.known = true;
                Step::Out
            }
            _ => Step::Out,
        }
    }

    fn server(&mut self, bytes: &[u8]) -> Step {
        let Some(answer) = bytes.first() else {
            return Step::On;
        };
        match (self.asked, answer) {
            (Some((SSL, behind)), b'S') => Step::Agreed(Agreed {
                name: "PostgreSQL",
                by: Side::Response,
                at: 1,
                behind,
            }),
            (Some((_, 0)), b'N') => {
                self.asked = None;
                // it has said what there is to say
                self.server(bytes.get(1..).unwrap_or_default())
            }
            _ => Step::Out,
        }
    }
}

impl Reader for Postgres {
    fn read(&mut self, side: Side, bytes: &[u8]) -> Step {
        match side {
            Side::Request => self.client(bytes),
            Side::Response => self.server(bytes),
        }
    }

    fn name(&self) -> Option<&'static str> {
        self.known.then_some("PostgreSQL")
    }

    #[cfg(any(test, fuzzing))]
    fn held(&self) -> usize {
        self.begun.len()
    }
}
