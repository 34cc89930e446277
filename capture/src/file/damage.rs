//! Where and why reading stops, in words.

use std::{fmt, io};

/// A file cannot be read further.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// The byte at which the record (pcap) or block (pcapng) begins that cannot be read; in gzip, of what is inside.
    pub offset: u64,
    /// How many packets were read before it.
    pub packets: u64,
    /// Whether the file is compressed.
    pub gzip: bool,
    /// What is wrong with it.
    pub reason: Reason,
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// The file ends within something.
    #[error("the file ends within {what}: {there} of {length} bytes are there")]
    Cut {
        /// Within what.
        what: &'static str,
        /// Bytes that there are.
        there: u64,
        /// Bytes that there should be.
        length: u64,
    },
    /// A packet is longer than any can be.
    #[error("a packet claims to be {0} bytes long, which is more than any capture has")]
    PacketLength(u32),
    /// A block is shorter than its own fields, not a multiple of 4, or far too long.
    #[error("a block of type {kind:#x} claims to be {length} bytes long, which cannot be")]
    BlockLength {
        /// The block's type.
        kind: u32,
        /// Its length.
        length: u32,
    },
    /// A block says two lengths.
    #[error(
        "a block of type {kind:#x} is {length} bytes long at its beginning and {end} at its end"
    )]
    BlockEnd {
        /// The block's type.
        kind: u32,
        /// The length before it.
        length: u32,
        /// The length after it.
        end: u32,
    },
    /// The content of a block contradicts itself.
    #[error("a block of type {kind:#x} contradicts itself: {problem}")]
    Block {
        /// The block's type.
        kind: u32,
        /// How.
        problem: &'static str,
    },
    /// A packet of an interface that was not described.
    #[error("a packet is of interface {interface}, but the section describes {known}")]
    Interface {
        /// The number in the packet.
        interface: u32,
        /// How many there are.
        known: u32,
    },
    /// A section that does not say its byte order.
    #[error("a section begins with {0:#010x} instead of its byte order")]
    ByteOrder(u32),
    /// It describes more interfaces than can be.
    #[error("the file describes more than {0} interfaces")]
    Interfaces(usize),
    /// The compressed data is damaged or ends early.
    #[error("the gzip data is damaged: {0}")]
    Gzip(String),
    /// The system could not read the file.
    #[error("it cannot be read: {0}")]
    Read(String),
}

impl Reason {
    pub(super) fn of(error: &io::Error, gzip: bool) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof if gzip => Self::Gzip("it ends early".to_owned()),
            io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData if gzip => {
                Self::Gzip(error.to_string())
            }
            _ => Self::Read(error.to_string()),
        }
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = if self.gzip { " (inside the gzip)" } else { "" };
        let packet = match self.packets {
            0 => "before the first packet".to_owned(),
            packets => format!("after packet {packets}"),
        };
        let Self { offset, reason, .. } = self;
        write!(f, "stopped at byte {offset}{place}, {packet}: {reason}")
    }
}

impl std::error::Error for Damage {}
