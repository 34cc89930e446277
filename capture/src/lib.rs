//! Packets: where they come from, what they carry, and what went wrong on the way.
//!
//! `file` reads capture files, `link` and `ip` take a packet apart, `tcp` puts streams together and counts,
//! `overview` counts everything; `walk` leads through a file, `streams` writes what was said into files. Nothing but
//! `file` and `streams` touches the disk, and nothing has a clock: time is what the packets say.
//! `live` captures on an interface, through `libpcap`; `write` makes capture files; `print` makes lines of packets.

pub mod file;
pub mod filter;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
pub mod ip;
pub mod libpcap;
pub mod link;
pub mod live;
pub mod overview;
pub mod packet;
pub mod print;
pub mod streams;
pub mod tcp;
pub mod walk;
pub mod write;

pub use file::{Damage, Error, Reader};
pub use packet::{LinkType, Packet};
