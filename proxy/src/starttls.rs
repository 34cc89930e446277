//! Conversations that begin in the clear and turn to TLS, told by their bytes as they pass: nothing is held, and nothing
//! changed.
//!
//! SMTP and LMTP (RFC 3207), IMAP (RFC 9051 section 6.2.1), POP3 (RFC 2595 section 4), PostgreSQL (message flow, "SSL Session
//! Encryption") and MySQL (connection phase, `SSLRequest`). There is a reader for each; one that sees that it is something
//! else, or that nothing will turn to TLS any more, drops out. Some 40 KiB are held at most.

mod imap;
mod lines;
mod mysql;
mod pop3;
mod postgres;
mod smtp;

#[cfg(any(test, fuzzing))]
pub mod fuzz;
#[cfg(test)]
mod tests;

use lines::Text;
use overhear_store::Side;

/// So many bytes of each side are looked at: who wants TLS says so in the first exchanges.
const MOST: usize = 64 << 10;

/// Watches a conversation from its first byte.
pub(crate) struct Watch {
    readers: Vec<Box<dyn Reader>>,
    name: Option<&'static str>,
    /// How much of each side was looked at, bytes.
    seen: [usize; 2],
}

/// Both sides speak TLS from here on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Agreed {
    /// The protocol that turned to it.
    pub(crate) name: &'static str,
    /// Whose bytes have settled it. Where it is the server, it has agreed; where it is the client, the server is not asked.
    pub(crate) by: Side,
    /// So many of the bytes that were shown last belong to what settles it. What comes behind is, of a client that settles
    /// it, its TLS; of a server, what it says in the clear although the client speaks next.
    pub(crate) at: usize,
    /// Bytes that the client sent behind its request, before the answer: in the clear, whatever they are taken for.
    pub(crate) behind: u64,
}

/// What a reader makes of the bytes.
enum Step {
    On,
    /// It is another protocol, or will not turn to TLS.
    Out,
    Agreed(Agreed),
}

/// One protocol.
trait Reader: Send {
    /// Reads on. The same comes of it however the bytes of a side are cut.
    fn read(&mut self, side: Side, bytes: &[u8]) -> Step;
    /// The protocol's name, once it is known to be it.
    fn name(&self) -> Option<&'static str>;
    /// How many bytes it holds.
    #[cfg(any(test, fuzzing))]
    fn held(&self) -> usize;
}

impl Watch {
    pub(crate) fn new() -> Self {
        Self {
            readers: vec![
                Box::<Text<smtp::Smtp>>::default(),
                Box::<Text<imap::Imap>>::default(),
                Box::<Text<pop3::Pop3>>::default(),
                Box::<postgres::Postgres>::default(),
                Box::<mysql::MySql>::default(),
            ],
            name: None,
            seen: [0; 2],
        }
    }

    /// Is shown what a side says next; says when both speak TLS from then on, which ends the watch.
    pub(crate) fn saw(&mut self, side: Side, bytes: &[u8]) -> Option<Agreed> {
        if self.readers.is_empty() {
            return None;
        }
        let [request, response] = &mut self.seen;
        let seen = match side {
            Side::Request => request,
            Side::Response => response,
        };
        let looked_at = bytes.len().min(MOST.saturating_sub(*seen));
        *seen += looked_at;
        let enough = looked_at < bytes.len();
        let bytes = bytes.get(..looked_at).unwrap_or_default();
        let (mut agreed, mut name) = (None, self.name);
        self.readers.retain_mut(|reader| {
            let step = reader.read(side, bytes);
            name = name.or_else(|| reader.name());
            match step {
                Step::On => true,
                Step::Out => false,
                Step::Agreed(settled) => {
                    agreed = agreed.or(Some(settled));
                    false
                }
            }
        });
        self.name = name;
        if agreed.is_some() || enough {
            self.readers = Vec::new();
        }
        agreed
    }

    /// The name of the protocol, once it is known.
    pub(crate) fn name(&self) -> Option<&'static str> {
        self.name
    }

    /// How many bytes are held.
    #[cfg(any(test, fuzzing))]
    fn held(&self) -> usize {
        self.readers.iter().map(|reader| reader.held()).sum()
    }
}
