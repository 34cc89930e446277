//! Writing capture files: the two formats, and rotation.

mod pcap;
mod pcapng;
pub mod rotate;

use crate::packet::{LinkType, Packet};
use std::{
    io::{self, BufWriter, Write},
    path::Path,
};

/// Large enough that writing does not hold up capturing.
const BUFFER: usize = 256 * 1024;

/// A kind of capture file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// The older one, which everything reads.
    Pcap,
    /// The newer one, with names, comments and statistics.
    Pcapng,
}

impl Format {
    /// By the ending of a file's name; pcap unless it says otherwise.
    pub fn of_path(path: &Path) -> Self {
        let ending = path
            .extension()
            .and_then(|e| e.to_str())
            .unwrap_or_default();
        if ["pcapng", "ntar"]
            .iter()
            .any(|e| ending.eq_ignore_ascii_case(e))
        {
            Self::Pcapng
        } else {
            Self::Pcap
        }
    }
}

/// What stands at the beginning of a file.
#[derive(Debug, Clone)]
pub struct Header {
    /// The kind of file.
    pub format: Format,
    /// How packets begin.
    pub link: LinkType,
    /// At most so many bytes of a packet are kept.
    pub snaplen: u32,
    /// Times in nanoseconds instead of microseconds.
    pub nanoseconds: bool,
    /// The interface, where there was one (pcapng only).
    pub interface: Option<String>,
    /// The filter expression (pcapng only).
    pub filter: Option<String>,
}

/// What was counted, for the end of a pcapng file.
#[derive(Debug, Clone, Copy, Default)]
pub struct Counted {
    /// When it was counted: nanoseconds since the Unix epoch.
    pub at: i64,
    /// Packets that passed the filter.
    pub received: u64,
    /// Packets that the system dropped.
    pub dropped: u64,
}

/// Writes packets into one file, a pipe or memory.
pub struct Writer<W: Write> {
    out: BufWriter<W>,
    header: Header,
    written: u64,
    packet: Vec<u8>,
    /// The number of the last interface.
    interfaces: u32,
}

impl<W: Write> Writer<W> {
    /// Begins with the header.
    pub fn new(out: W, header: Header) -> io::Result<Self> {
        let mut begin = Vec::new();
        match header.format {
            Format::Pcap => pcap::header(&mut begin, &header),
            Format::Pcapng => pcapng::header(&mut begin, &header),
        }
        let mut out = BufWriter::with_capacity(BUFFER, out);
        out.write_all(&begin)?;
        Ok(Self {
            out,
            header,
            written: begin.len() as u64,
            packet: Vec::new(),
            interfaces: 0,
        })
    }

    /// One more packet.
    pub fn packet(&mut self, packet: &Packet<'_>) -> io::Result<()> {
        self.packet.clear();
        match self.header.format {
            Format::Pcap => pcap::record(&mut self.packet, packet, self.header.nanoseconds),
            Format::Pcapng => pcapng::packet(&mut self.packet, packet, self.header.nanoseconds),
        }
        self.put()
    }

    fn put(&mut self) -> io::Result<()> {
        self.out.write_all(&self.packet)?;
        self.written += self.packet.len() as u64;
        // a packet can be larger than what is worth keeping
        if self.packet.capacity() > 2 * BUFFER {
            self.packet = Vec::new();
        }
        Ok(())
    }

    /// One more packet, of an interface that [`interface`](Self::interface) gave a number (0: the first).
    ///
    /// # Errors
    /// What writing fails with.
    pub fn packet_on(&mut self, interface: u32, packet: &Packet<'_>) -> io::Result<()> {
        if self.header.format == Format::Pcap {
            return self.packet(packet);
        }
        self.packet.clear();
        pcapng::packet_on(&mut self.packet, interface, packet, self.header.nanoseconds);
        self.put()
    }

    /// Describes one more interface of a pcapng file; its number.
    ///
    /// # Errors
    /// What writing fails with.
    pub fn interface(&mut self, header: &Header) -> io::Result<u32> {
        self.interfaces += 1;
        self.packet.clear();
        pcapng::interface(&mut self.packet, header);
        self.put()?;
        Ok(self.interfaces)
    }

    /// What was counted of the first interface so far (pcapng only).
    ///
    /// # Errors
    /// What writing fails with.
    pub fn statistics(&mut self, counted: &Counted) -> io::Result<()> {
        if self.header.format == Format::Pcap {
            return Ok(());
        }
        self.packet.clear();
        pcapng::statistics(&mut self.packet, counted, self.header.nanoseconds);
        self.put()
    }

    /// How many bytes the file has so far.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// Hands over what is kept back.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// Ends the file.
    pub fn finish(mut self, counted: Option<Counted>) -> io::Result<()> {
        if let (Format::Pcapng, Some(counted)) = (self.header.format, counted) {
            let mut end = Vec::new();
            pcapng::statistics(&mut end, &counted, self.header.nanoseconds);
            self.out.write_all(&end)?;
        }
        self.out.flush()
    }
}

/// Bytes to the next multiple of four.
fn padding(length: usize) -> usize {
    length.wrapping_neg() % 4
}

#[cfg(test)]
mod tests;
