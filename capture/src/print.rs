//! Packets as lines in tcpdump's form.
//!
//! The forms are those of tcpdump 4.99: same words, same order, same numbers, so that scripts and habits go on working. What
//! is printed of a packet is decided from its bytes alone; the printer remembers only the first sequence numbers of TCP
//! connections (for relative ones) and the times of the first and the previous packet. A packet whose captured bytes end
//! too early is printed as far as it goes and marked `[|protocol]`. Addresses are never looked up in the DNS: a program
//! that listens should not speak.

mod arp;
pub(crate) mod checksum;
mod dns;
mod hex;
mod icmp;
mod icmp6;
mod ip;
mod ip6;
mod link;
mod llc;
mod names;
mod other;
mod ppp;
mod radiotap;
mod resp;
mod tcp;
mod text;
mod time;
mod udp;
mod wifi;

pub(crate) use {link::ethertype, names::ip_protocol};

pub use hex::{ascii, hex, hex_and_ascii};
pub use names::Names;
pub use time::{Clock, Stamp};

/// No line gets longer than this by much, whatever the packet says. Bytes.
const LONGEST_LINE: usize = 256 * 1024;

/// IP in IP and the like is followed so deep.
const DEEPEST: u8 = 16;

/// What is printed of a packet.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// `-e`: the link header.
    pub link: bool,
    /// `-n`: numbers instead of names of services and protocols.
    pub numbers: bool,
    /// `-q`: less.
    pub quiet: bool,
    /// `-v`, `-vv`, `-vvv`: more.
    pub verbose: u8,
    /// `-S`: absolute sequence numbers.
    pub absolute: bool,
    /// `-K`: checksums are not verified.
    pub unchecked: bool,
    /// `-#`: the packet's number.
    pub number: bool,
    /// `-t` and its repetitions.
    pub stamp: Stamp,
    /// Times with nine digits of a second instead of six.
    pub nanoseconds: bool,
    /// `-x` (1), `-xx` (2): hexadecimal, without or with the link header.
    pub hex: u8,
    /// `-X` (1), `-XX` (2): hexadecimal and ASCII.
    pub hex_and_ascii: u8,
    /// `-A` (1), `-AA` (2): ASCII.
    pub ascii: u8,
}

/// A packet to print.
#[derive(Debug, Clone, Copy)]
pub struct Frame<'a> {
    /// Counted from 1.
    pub number: u64,
    /// Nanoseconds since the Unix epoch.
    pub time: i64,
    /// The kind of link: a `LINKTYPE_` number (www.tcpdump.org/linktypes.html).
    pub link: u32,
    /// What was captured.
    pub data: &'a [u8],
    /// How many bytes there were on the wire.
    pub original: usize,
}

/// Prints packets, one after the other.
#[derive(Debug)]
pub struct Printer {
    options: Options,
    names: Names,
    clock: Clock,
    connections: tcp::Connections,
}

impl Printer {
    /// A printer that has seen nothing yet.
    pub fn new(options: Options, names: Names) -> Self {
        let clock = Clock::new(options.stamp, options.nanoseconds);
        Self {
            options,
            names,
            clock,
            connections: tcp::Connections::default(),
        }
    }

    /// Appends the lines of a packet, with a line feed after the last.
    pub fn print(&mut self, out: &mut Vec<u8>, frame: &Frame<'_>) {
        let mut job = Job {
            out: std::mem::take(out),
            began: 0,
            depth: 0,
            protocol: "",
            options: &self.options,
            names: &self.names,
            connections: &mut self.connections,
        };
        job.began = job.out.len();
        if self.options.number {
            job.put(format_args!("{:5}  ", frame.number));
        }
        self.clock.print(&mut job.out, frame.time);
        let header = job.frame(frame);
        let data = frame.data;
        let after = data.get(header..).unwrap_or_default();
        let dump = |level: u8| if level > 1 { data } else { after };
        let options = &self.options;
        if options.hex_and_ascii > 0 {
            hex_and_ascii(&mut job.out, "\n\t", dump(options.hex_and_ascii));
        } else if options.hex > 0 {
            hex(&mut job.out, "\n\t", dump(options.hex));
        } else if options.ascii > 0 && !dump(options.ascii).is_empty() {
            ascii(&mut job.out, dump(options.ascii));
        }
        job.out.push(b'\n');
        *out = job.out;
    }
}

/// Link types that the fuzzer chooses from.
#[cfg(any(test, fuzzing))]
const LINKS: [u32; 24] = [
    0, 1, 9, 50, 101, 104, 105, 108, 113, 127, 149, 192, 258, 276, 999, 12, 14, 51, 119, 163, 166,
    204, 228, 229,
];

/// For the fuzzer: the first byte chooses the link type, the second how much is printed, the third how much of the packet
/// the capture cut; whatever the rest is must not panic and must not make a line without bounds.
#[cfg(any(test, fuzzing))]
pub fn fuzz(data: &[u8]) {
    let [link, how, cut, packet @ ..] = data else {
        return;
    };
    let options = Options {
        link: how & 1 != 0,
        numbers: how & 2 != 0,
        quiet: how & 4 != 0,
        absolute: how & 8 != 0,
        verbose: how >> 4 & 3,
        stamp: Stamp::of(how >> 6),
        ..Options::default()
    };
    let link = LINKS.get(usize::from(*link) % LINKS.len());
    let mut printer = Printer::new(options, Names::none());
    let mut out = Vec::new();
    let frame = Frame {
        number: 1,
        time: 0,
        link: link.copied().unwrap_or_default(),
        data: packet,
        original: packet.len() + usize::from(*cut),
    };
    printer.print(&mut out, &frame);
    printer.print(&mut out, &frame);
    // hexadecimal of what is not understood has five times its bytes; nothing else grows so much
    assert!(out.len() <= 2 * (LONGEST_LINE + 8 * packet.len() + 4096));
}

/// The captured bytes end before what should be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Cut;

type Printed = Result<(), Cut>;

/// One packet on its way to the line. The protocols add their methods in their own files; each gets the bytes that were
/// captured (never more than the protocol above it says there are) and the length that there was on the wire.
struct Job<'a> {
    out: Vec<u8>,
    /// Where this packet began in `out`.
    began: usize,
    depth: u8,
    /// Where we are, for the mark of a packet that is cut.
    protocol: &'static str,
    options: &'a Options,
    names: &'a Names,
    connections: &'a mut tcp::Connections,
}

impl Job<'_> {
    fn put(&mut self, text: std::fmt::Arguments<'_>) {
        use std::io::Write;
        // writing into memory cannot fail
        let _ = self.out.write_fmt(text);
    }

    fn say(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    /// A link-layer address, with its maker's name where names are wanted.
    fn mac<'m>(&self, address: &'m [u8]) -> names::NamedMac<'m> {
        names::NamedMac {
            address,
            numbers: self.options.numbers,
        }
    }

    fn cut(&mut self) {
        let protocol = self.protocol;
        self.put(format_args!(" [|{protocol}]"));
    }

    fn verbose(&self) -> bool {
        self.options.verbose > 0
    }

    /// Ends what a packet could blow up without end.
    fn bounded(&self) -> Printed {
        if self.out.len() - self.began > LONGEST_LINE {
            Err(Cut)
        } else {
            Ok(())
        }
    }

    /// Hex of what is not understood, unless the packet is dumped anyway.
    fn unknown(&mut self, data: &[u8]) {
        let options = self.options;
        let dumped = options.hex > 0 || options.hex_and_ascii > 0;
        if !dumped && !options.quiet {
            hex_and_ascii(&mut self.out, "\n\t", data);
        }
    }
}

fn u8_at(data: &[u8], at: usize) -> Result<u8, Cut> {
    data.get(at).copied().ok_or(Cut)
}

fn u16_at(data: &[u8], at: usize) -> Result<u16, Cut> {
    array_at(data, at).map(u16::from_be_bytes)
}

fn u32_at(data: &[u8], at: usize) -> Result<u32, Cut> {
    array_at(data, at).map(u32::from_be_bytes)
}

fn array_at<const N: usize>(data: &[u8], at: usize) -> Result<[u8; N], Cut> {
    let bytes = at.checked_add(N).and_then(|end| data.get(at..end));
    bytes.and_then(|bytes| bytes.try_into().ok()).ok_or(Cut)
}

fn bytes_at(data: &[u8], at: usize, length: usize) -> Result<&[u8], Cut> {
    at.checked_add(length)
        .and_then(|end| data.get(at..end))
        .ok_or(Cut)
}

/// What comes after `at`; nothing when there is nothing.
fn after(data: &[u8], at: usize) -> &[u8] {
    data.get(at..).unwrap_or_default()
}

/// At most the first `length` bytes.
fn first(data: &[u8], length: usize) -> &[u8] {
    data.get(..length).unwrap_or(data)
}

/// The names of the bits that are set, or `none`.
fn bits(value: u32, names: &[(u32, &str)], between: &str) -> String {
    let set: Vec<&str> = names
        .iter()
        .filter(|(bit, _)| value & bit != 0)
        .map(|(_, name)| *name)
        .collect();
    if set.is_empty() {
        "none".to_owned()
    } else {
        set.join(between)
    }
}

#[cfg(test)]
mod tests;
