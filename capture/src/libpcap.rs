//! libpcap, loaded while the program runs: the only module that calls into C.
//!
//! Nothing has to be installed to build. Without the library [`library`] says which package has it, and everything
//! that needs no live interface and no filter expression works. Every function is looked up once. What is declared here
//! follows `pcap/pcap.h` and `pcap/bpf.h` of libpcap 1.x and the manual pages named at each item; the layouts are those
//! of Linux and macOS (they differ in `struct timeval`, which is taken from the `libc` crate). Functions that came after
//! libpcap 1.0 and that we can do without are looked up as optional ones.

#![expect(
    unsafe_code,
    reason = "libpcap is a C library; this is the one module that calls it"
)]

mod error;
mod handle;
mod interface;
mod library;
mod program;
mod raw;
mod text;

pub use error::Error;
pub use handle::{DataLink, Direction, Handle, Next, Settings, Statistics, Times};
pub use interface::{Connection, Interface};
pub use library::{Library, library};
pub use program::Program;

/// Names the library to load instead of the system's own, for example Homebrew's.
pub const VARIABLE: &str = "OVERHEAR_LIBPCAP";

/// `PCAP_ERRBUF_SIZE`.
const ERROR_LENGTH: usize = 256;

/// `PCAP_NETMASK_UNKNOWN`.
const NETMASK_UNKNOWN: u32 = 0xffff_ffff;

/// No list that libpcap gives is longer; a broken one ends here.
const LONGEST_LIST: usize = 65_536;

#[cfg(test)]
mod tests;
