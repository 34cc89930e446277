//! Packets: where they come from, what they carry, and what went wrong on the way.
//!
//! `file` reads capture files, `link` and `ip` take a packet apart, `tcp` puts streams together and counts,
//! `overview` counts everything; `http`, `tls`, `dns` and `icmp` read what was said, `flows` makes flows of it in the
//! store, `pick` finds a flow's packets again, `diagnose` tells what went wrong; `walk` leads through a file, `streams` writes what was said into files. Nothing but
//! `file` and `streams` touches the disk, and nothing has a clock: time is what the packets say.
//! `dissect` takes one packet apart for a person, field by field.
//! `live` captures on an interface, through `libpcap`; `write` makes capture files; `print` makes lines of packets.

pub mod diagnose;
pub mod dissect;
pub mod dns;
pub mod file;
pub mod filter;
pub mod flows;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
pub mod http;
pub mod icmp;
pub mod ip;
pub mod libpcap;
pub mod link;
pub mod live;
pub mod overview;
pub mod packet;
pub mod pick;
pub mod print;
pub mod streams;
pub mod tcp;
pub mod tls;
pub mod walk;
pub mod write;

pub use file::{Damage, Error, Reader};
pub use packet::{LinkType, Packet};
