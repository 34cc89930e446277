//! Reading capture files: pcap and pcapng, either in gzip, told apart by their first bytes.
//!
//! Formats: <https://www.ietf.org/archive/id/draft-ietf-opsawg-pcap-06.html>,
//! <https://www.ietf.org/archive/id/draft-ietf-opsawg-pcapng-03.html>. A file is read as far as it goes; what
//! stops it is told with its place. Memory is one buffer, that grows only with bytes which are really there.

mod copy;
mod damage;
mod pcap;
mod pcapng;
mod source;

#[cfg(test)]
pub(crate) mod tests;

pub use damage::{Damage, Reason};

use crate::packet::{LinkType, Packet};
use crate::tls::KeyLog;
use copy::Copied;
use source::Source;
use std::{
    fs::File,
    io::{self, Cursor, Read, Seek as _, SeekFrom},
    path::Path,
};

/// The longest packet that is believed: what libpcap allows (`MAXIMUM_SNAPLEN`; D-Bus and USB have longer messages).
const LONGEST_PACKET: u32 = 256 * 1024 * 1024;

/// Reads a capture, packet by packet.
pub struct Reader {
    source: Source,
    format: Format,
    about: About,
    packets: u64,
    over: bool,
}

/// Why a file cannot be read at all.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// It could not be opened, or its first bytes not be read.
    #[error("cannot read the capture: {0}")]
    Read(#[from] io::Error),
    /// It has no bytes.
    #[error("the file is empty: a capture begins with a header, even when it has no packets")]
    Empty,
    /// It is something else.
    #[error("this is neither pcap nor pcapng (nor gzip of them): it begins with {}", hex(.0))]
    NotACapture(Vec<u8>),
    /// It is pcap of a kind that nothing here reads.
    #[error("this is pcap of version {0}.{1}; versions 2.0 to 2.4 can be read")]
    Version(u16, u16),
    /// Its header is broken.
    #[error("the file's header cannot be read: {0}")]
    Header(#[from] Damage),
}

/// What kind of file it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    /// The block format (pcapng), not the older one.
    pub pcapng: bool,
    /// Compressed with gzip.
    pub gzip: bool,
    /// Numbers are in network byte order (pcapng: in the first section).
    pub big_endian: bool,
    /// Times have nanoseconds (pcap; in pcapng each interface says its own).
    pub nanoseconds: bool,
    /// Records have the longer header of Linux's old "modified" libpcap.
    pub modified: bool,
}

/// An interface that packets were captured on; a pcap file has one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    /// How its packets begin.
    pub link: LinkType,
    /// Most bytes of a packet that were kept; 0 is no limit.
    pub snap_length: u32,
    /// Units of time in a second.
    pub resolution: u64,
    /// Seconds that are added to its times.
    pub offset: i64,
    /// What it was called (pcapng).
    pub name: Option<String>,
    /// What it was said to be (pcapng).
    pub description: Option<String>,
    /// Packets that it received, when the file says (pcapng).
    pub received: Option<u64>,
    /// Packets that it dropped, when the file says (pcapng).
    pub dropped: Option<u64>,
}

/// A decryption secrets block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Secrets {
    /// What they are: 0x544c534b is a TLS key log (`SSLKEYLOGFILE`).
    pub kind: u32,
    /// The secrets themselves.
    pub data: Vec<u8>,
}

/// What the file says beside its packets; grows while it is read.
#[derive(Debug, Default)]
struct About {
    interfaces: Vec<Interface>,
    secrets: Vec<Secrets>,
    keys: KeyLog,
    names: Vec<(Vec<u8>, String)>,
    application: Option<String>,
    kept: usize,
}

enum Format {
    Pcap(pcap::Pcap),
    Pcapng(pcapng::Pcapng),
}

/// What comes next.
enum Step {
    Packet(Record),
    /// An interface was counted.
    Statistics,
}

/// What comes next out of a capture that goes on.
#[derive(Debug)]
pub enum Next<'a> {
    /// A packet.
    Packet(Packet<'a>),
    /// What the system counted of an interface: see [`Reader::interfaces`].
    Statistics,
}

/// A packet's place in the buffer and what stood before it.
struct Record {
    time: i64,
    interface: u32,
    captured: usize,
    original: u32,
    /// Bytes of the record after the packet.
    rest: usize,
}

impl Reader {
    /// Opens a file; `-` is standard input.
    ///
    /// # Errors
    /// It cannot be opened, or it is no capture.
    pub fn open(path: &Path) -> Result<Self, Error> {
        if path.as_os_str() == "-" {
            return Self::new(io::stdin());
        }
        Self::new(File::open(path)?)
    }

    /// Reads from anything.
    ///
    /// # Errors
    /// It cannot be read, or it is no capture.
    pub fn new(input: impl Read + Send + 'static) -> Result<Self, Error> {
        Self::begin(input, None)
    }

    /// Reads from anything, and gives `copy` each piece of the file as it is read, of what is inside the gzip: the
    /// offsets of the packets are places in that. What `copy` cannot take ends the reading.
    ///
    /// # Errors
    /// It cannot be read, or it is no capture.
    pub fn copying(
        input: impl Read + Send + 'static,
        copy: impl FnMut(&[u8]) -> io::Result<()> + Send + 'static,
    ) -> Result<Self, Error> {
        Self::begin(input, Some(Box::new(copy)))
    }

    /// Opens a plain file in its middle: where the record or block of a packet begins that has this `number`. Behind
    /// `described` there is no header of a section and no description of an interface; what is before both is read.
    ///
    /// # Errors
    /// It cannot be opened, it is no capture or one in gzip, or it ends before `offset`.
    pub fn open_at(path: &Path, described: u64, offset: u64, number: u64) -> Result<Self, Error> {
        let mut reader = Self::new(File::open(path)?)?;
        if reader.source.gzip {
            return Err(Error::NotACapture(vec![0x1f, 0x8b]));
        }
        let enough = described.min(offset);
        while reader.source.offset() < enough {
            if reader.next()?.is_none() {
                let ends = io::Error::from(io::ErrorKind::UnexpectedEof);
                return Err(Error::Read(ends));
            }
        }
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start(offset))?;
        reader.source = Source::at(Box::new(file), offset);
        reader.packets = number.saturating_sub(1);
        Ok(reader)
    }

    /// Behind this place there was no header of a section and no description of an interface so far.
    pub fn described(&self) -> u64 {
        match &self.format {
            Format::Pcap(_) => pcap::HEADER as u64,
            Format::Pcapng(pcapng) => pcapng.described(),
        }
    }

    fn begin(
        mut input: impl Read + Send + 'static,
        copy: Option<copy::Copy>,
    ) -> Result<Self, Error> {
        let mut first = [0; 4];
        let length = read_all(&mut input, &mut first)?;
        let first = first.get(..length).unwrap_or_default().to_vec();
        let gzip = first.starts_with(&[0x1f, 0x8b]);
        let input: Box<dyn Read + Send> = Box::new(Cursor::new(first).chain(input));
        let input = match gzip {
            true => Box::new(flate2::read::MultiGzDecoder::new(input)),
            false => input,
        };
        let input = match copy {
            Some(copy) => Box::new(Copied::new(input, copy)),
            None => input,
        };
        let mut source = Source::new(input, gzip);
        let mut about = About::default();
        let format = Format::read(&mut source, &mut about)?;
        Ok(Self {
            source,
            format,
            about,
            packets: 0,
            over: false,
        })
    }

    /// The next packet; none at the end, and after damage.
    ///
    /// # Errors
    /// The file cannot be read further: where, and why.
    #[expect(
        clippy::should_implement_trait,
        reason = "an iterator cannot lend what it reads"
    )]
    pub fn next(&mut self) -> Result<Option<Packet<'_>>, Damage> {
        Ok(self.next_described()?.map(|(packet, _)| packet))
    }

    /// The next packet, with what the file says of its interface.
    ///
    /// # Errors
    /// The file cannot be read further: where, and why.
    pub fn next_described(&mut self) -> Result<Option<(Packet<'_>, Option<&Interface>)>, Damage> {
        loop {
            match self.step()? {
                Some((Step::Packet(record), offset)) => {
                    return Ok(Some(self.lend(&record, offset)));
                }
                Some((Step::Statistics, _)) => {}
                None => return Ok(None),
            }
        }
    }

    /// The next packet, or that an interface was counted.
    ///
    /// # Errors
    /// The file cannot be read further: where, and why.
    pub fn next_or_statistics(&mut self) -> Result<Option<Next<'_>>, Damage> {
        Ok(match self.step()? {
            Some((Step::Packet(record), offset)) => {
                Some(Next::Packet(self.lend(&record, offset).0))
            }
            Some((Step::Statistics, _)) => Some(Next::Statistics),
            None => None,
        })
    }

    /// Nothing is left of what was read so far: what comes next may have to be waited for.
    pub fn is_waiting(&self) -> bool {
        self.source.bytes().is_empty()
    }

    /// What comes next, and where it begins.
    fn step(&mut self) -> Result<Option<(Step, u64)>, Damage> {
        if self.over {
            return Ok(None);
        }
        let began = self.source.offset();
        let read = match &mut self.format {
            Format::Pcap(pcap) => pcap
                .next(&mut self.source)
                .map(|record| record.map(Step::Packet)),
            Format::Pcapng(pcapng) => pcapng.next(&mut self.source, &mut self.about),
        };
        let step = match read {
            Ok(Some(step)) => step,
            Ok(None) => {
                self.over = true;
                return Ok(None);
            }
            Err(reason) => {
                self.over = true;
                // blocks without packets may lie between
                let offset = match &self.format {
                    Format::Pcap(_) => began,
                    Format::Pcapng(pcapng) => pcapng.block_offset(),
                };
                return Err(Damage {
                    offset,
                    packets: self.packets,
                    gzip: self.source.gzip,
                    reason,
                });
            }
        };
        let offset = match &self.format {
            Format::Pcap(_) => began,
            Format::Pcapng(pcapng) => pcapng.block_offset(),
        };
        Ok(Some((step, offset)))
    }

    fn lend(&mut self, record: &Record, offset: u64) -> (Packet<'_>, Option<&Interface>) {
        self.packets += 1;
        let interface = usize::try_from(record.interface).unwrap_or(usize::MAX);
        let interface = self.about.interfaces.get(interface);
        let link = interface.map_or(LinkType::NULL, |interface| interface.link);
        let packet = Packet {
            number: self.packets,
            time: record.time,
            link,
            interface: record.interface,
            original_length: record.original,
            offset,
            data: self.source.record(record.captured, record.rest),
        };
        (packet, interface)
    }

    /// What kind of file it is.
    pub fn kind(&self) -> Kind {
        let plain = Kind {
            pcapng: false,
            gzip: self.source.gzip,
            big_endian: false,
            nanoseconds: false,
            modified: false,
        };
        match &self.format {
            Format::Pcap(pcap) => Kind {
                big_endian: pcap.big_endian,
                nanoseconds: pcap.nanoseconds,
                modified: pcap.modified,
                ..plain
            },
            Format::Pcapng(pcapng) => Kind {
                pcapng: true,
                big_endian: pcapng.began_big_endian,
                ..plain
            },
        }
    }

    /// The interfaces so far, of all sections one after the other.
    pub fn interfaces(&self) -> &[Interface] {
        &self.about.interfaces
    }

    /// The key log of TLS in the secrets: it grows as they are read.
    pub fn keys(&self) -> KeyLog {
        self.about.keys.clone()
    }

    /// The secrets so far (at most 64 MiB of them).
    pub fn secrets(&self) -> &[Secrets] {
        &self.about.secrets
    }

    /// Names of addresses (4 or 16 bytes) that the file knows so far.
    pub fn names(&self) -> &[(Vec<u8>, String)] {
        &self.about.names
    }

    /// The program that wrote the file, when it says so.
    pub fn application(&self) -> Option<&str> {
        self.about.application.as_deref()
    }

    /// Bytes read so far (of what is inside the gzip).
    pub fn offset(&self) -> u64 {
        self.source.offset()
    }
}

impl Format {
    fn read(source: &mut Source, about: &mut About) -> Result<Self, Error> {
        let gzip = source.gzip;
        let damage = |reason: Reason| Damage {
            offset: 0,
            packets: 0,
            gzip,
            reason,
        };
        match source.fill(4) {
            Ok(true) => {}
            Ok(false) if source.bytes().is_empty() => return Err(Error::Empty),
            Ok(false) => return Err(Error::NotACapture(source.bytes().to_vec())),
            Err(reason) => return Err(damage(reason).into()),
        }
        let magic = source.bytes().first_chunk().copied().unwrap_or_default();
        if magic == pcapng::MAGIC {
            let pcapng = pcapng::Pcapng::read(source, about);
            return pcapng
                .map(Self::Pcapng)
                .map_err(|reason| damage(reason).into());
        }
        pcap::Pcap::read(magic, source, about).map(Self::Pcap)
    }
}

/// Reads until the buffer is full or the input ends.
fn read_all(input: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut length = 0;
    while let Some(free) = buffer.get_mut(length..).filter(|free| !free.is_empty()) {
        match input.read(free) {
            Ok(0) => break,
            Ok(read) => length += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(length)
}

fn hex(bytes: &[u8]) -> String {
    let digits: Vec<_> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    digits.join(" ")
}
