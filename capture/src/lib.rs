//! Packets: where they come from, what they carry, and what went wrong on the way.
//!
//! `file` reads capture files, `link` and `ip` take a packet apart, `tcp` puts streams together and counts.
//! Nothing here but `file` touches the disk, and nothing has a clock: time is what the packets say.

pub mod file;
pub mod ip;
pub mod link;
pub mod packet;

pub use file::{Damage, Error, Reader};
pub use packet::{LinkType, Packet};
