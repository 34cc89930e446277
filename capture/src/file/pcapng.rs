//! The block format: sections, each with its byte order and its interfaces, in them packets and what is said of them.

use super::{
    About, Interface, LONGEST_PACKET, Record, Secrets, Step, damage::Reason, pcap::number,
    source::Source,
};
use crate::packet::LinkType;
use crate::tls::PCAPNG_KEY_LOG;

/// The type of a section header block, which reads the same in both byte orders.
pub(super) const MAGIC: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];

const SECTION: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const OBSOLETE_PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const NAMES: u32 = 4;
const STATISTICS: u32 = 5;
const PACKET: u32 = 6;
const SECRETS: u32 = 10;

/// The longest block without packets that is read; libpcap's limit.
const LONGEST_BLOCK: u32 = 16 * 1024 * 1024;
/// What is kept of names and secrets.
const KEPT: usize = 64 * 1024 * 1024;
const MOST_INTERFACES: usize = 65_536;

pub(super) struct Pcapng {
    pub(super) began_big_endian: bool,
    big_endian: bool,
    /// The number of the section's first interface among all.
    first: usize,
    block: u64,
    /// Where the last section header or interface description ends.
    described: u64,
}

impl Pcapng {
    /// Reads the first section's header.
    pub(super) fn read(source: &mut Source, about: &mut About) -> Result<Self, Reason> {
        let mut pcapng = Self {
            began_big_endian: false,
            big_endian: false,
            first: 0,
            block: 0,
            described: 0,
        };
        pcapng.section(source, about)?;
        pcapng.began_big_endian = pcapng.big_endian;
        Ok(pcapng)
    }

    /// Where the block begins that was read last.
    pub(super) fn block_offset(&self) -> u64 {
        self.block
    }

    /// Where the last section header or interface description ends that was read.
    pub(super) fn described(&self) -> u64 {
        self.described
    }

    /// Reads blocks up to the next one with a packet, or with statistics.
    pub(super) fn next(
        &mut self,
        source: &mut Source,
        about: &mut About,
    ) -> Result<Option<Step>, Reason> {
        loop {
            self.block = source.offset();
            if !source.fill(8)? {
                return match source.bytes().len() as u64 {
                    0 => Ok(None),
                    there => Err(Reason::Cut {
                        what: "the header of a block",
                        there,
                        length: 8,
                    }),
                };
            }
            let kind = number(source.bytes(), 0, self.big_endian);
            if kind == SECTION {
                self.section(source, about)?;
                continue;
            }
            let length = number(source.bytes(), 4, self.big_endian);
            if length < 12 || !length.is_multiple_of(4) {
                return Err(Reason::BlockLength { kind, length });
            }
            match kind {
                PACKET | OBSOLETE_PACKET | SIMPLE_PACKET => {
                    let record = self.packet(source, about, kind, length)?;
                    return Ok(Some(Step::Packet(record)));
                }
                INTERFACE | NAMES | STATISTICS | SECRETS => {
                    self.whole(source, kind, length, LONGEST_BLOCK)?;
                    let size = length as usize;
                    self.describe(about, kind, source.bytes().get(..size).unwrap_or_default())?;
                    source.take(size);
                    match kind {
                        INTERFACE => self.described = source.offset(),
                        STATISTICS => return Ok(Some(Step::Statistics)),
                        _ => {}
                    }
                }
                _ => {
                    let skipped = source.skip(u64::from(length) - 4)?;
                    if skipped < u64::from(length) - 4 || !source.fill(4)? {
                        return Err(Reason::Cut {
                            what: "a block",
                            there: skipped + source.bytes().len() as u64,
                            length: u64::from(length),
                        });
                    }
                    let end = number(source.bytes(), 0, self.big_endian);
                    if end != length {
                        return Err(Reason::BlockEnd { kind, length, end });
                    }
                    source.take(4);
                }
            }
        }
    }

    /// Has a block in the source, with the same length at both ends.
    #[inline]
    fn whole(
        &self,
        source: &mut Source,
        kind: u32,
        length: u32,
        longest: u32,
    ) -> Result<(), Reason> {
        if length > longest {
            return Err(Reason::BlockLength { kind, length });
        }
        source.need(length as usize, "a block")?;
        let end = number(source.bytes(), length as usize - 4, self.big_endian);
        if end != length {
            return Err(Reason::BlockEnd { kind, length, end });
        }
        Ok(())
    }

    fn section(&mut self, source: &mut Source, about: &mut About) -> Result<(), Reason> {
        source.need(12, "the header of a section")?;
        self.big_endian = match source.bytes().get(8..12) {
            Some([0x1a, 0x2b, 0x3c, 0x4d]) => true,
            Some([0x4d, 0x3c, 0x2b, 0x1a]) => false,
            _ => return Err(Reason::ByteOrder(number(source.bytes(), 8, true))),
        };
        let length = number(source.bytes(), 4, self.big_endian);
        if length < 28 || !length.is_multiple_of(4) {
            return Err(Reason::BlockLength {
                kind: SECTION,
                length,
            });
        }
        self.whole(source, SECTION, length, LONGEST_BLOCK)?;
        self.first = about.interfaces.len();
        let size = length as usize;
        let bytes = source.bytes().get(..size).unwrap_or_default();
        let body = bytes.get(24..size - 4).unwrap_or_default();
        if let Some((_, name)) = options(body, self.big_endian).find(|(code, _)| *code == 4) {
            about.application = Some(text(name));
        }
        source.take(size);
        self.described = source.offset();
        Ok(())
    }

    fn describe(&self, about: &mut About, kind: u32, bytes: &[u8]) -> Result<(), Reason> {
        let big = self.big_endian;
        let body = bytes.get(8..bytes.len() - 4).unwrap_or_default();
        match kind {
            INTERFACE => {
                if about.interfaces.len() >= MOST_INTERFACES {
                    return Err(Reason::Interfaces(MOST_INTERFACES));
                }
                let interface = Interface::read(body, big);
                let interface = interface.map_err(|problem| Reason::Block { kind, problem })?;
                about.interfaces.push(interface);
            }
            STATISTICS => {
                let interface = number(body, 0, big) as usize;
                let interface = about
                    .interfaces
                    .get_mut(self.first.saturating_add(interface));
                let Some(interface) = interface.filter(|_| body.len() >= 12) else {
                    return Ok(());
                };
                for (code, value) in options(body.get(12..).unwrap_or_default(), big) {
                    match (code, long(value, big)) {
                        (4, Some(received)) => interface.received = Some(received),
                        (5, Some(dropped)) => interface.dropped = Some(dropped),
                        _ => {}
                    }
                }
            }
            NAMES => {
                for (code, value) in options(body, big) {
                    let length = match code {
                        1 => 4,
                        2 => 16,
                        _ => continue,
                    };
                    let Some((address, names)) = value.split_at_checked(length) else {
                        continue;
                    };
                    for name in names
                        .split(|byte| *byte == 0)
                        .filter(|name| !name.is_empty())
                    {
                        if about.keep(name.len() + 64) {
                            let name = String::from_utf8_lossy(name).into_owned();
                            about.names.push((address.to_vec(), name));
                        }
                    }
                }
            }
            _ => {
                let length = number(body, 4, big) as usize;
                let data = body.get(8..).unwrap_or_default();
                let Some(data) = data.get(..length) else {
                    let problem = "the secrets are longer than the block";
                    return Err(Reason::Block { kind, problem });
                };
                if about.keep(length + 64) {
                    let kind = number(body, 0, big);
                    let data = data.to_vec();
                    if kind == PCAPNG_KEY_LOG {
                        about.keys.add(&data);
                    }
                    about.secrets.push(Secrets { kind, data });
                }
            }
        }
        Ok(())
    }

    /// A packet's block: the fields before its bytes are taken, and it is told what follows them.
    #[inline]
    fn packet(
        &self,
        source: &mut Source,
        about: &About,
        kind: u32,
        length: u32,
    ) -> Result<Record, Reason> {
        self.whole(source, kind, length, LONGEST_PACKET)?;
        let bytes = source.bytes();
        let big = self.big_endian;
        let fields: u32 = if kind == SIMPLE_PACKET { 12 } else { 28 };
        // the length at the end is not the packet's either
        let Some(room) = length.checked_sub(fields + 4) else {
            return Err(Reason::BlockLength { kind, length });
        };
        let (interface, high, low, captured, original) = match kind {
            SIMPLE_PACKET => {
                let original = number(bytes, 8, big);
                let snap = about.interfaces.get(self.first).map(|i| i.snap_length);
                let snap = snap.filter(|snap| *snap > 0).unwrap_or(u32::MAX);
                (0, 0, 0, original.min(snap).min(room), original)
            }
            _ => {
                let interface = match kind {
                    PACKET => number(bytes, 8, big),
                    // 16 bits of interface, 16 of drops
                    _ if big => number(bytes, 8, big) >> 16,
                    _ => number(bytes, 8, big) & 0xffff,
                };
                let field = |at| number(bytes, at, big);
                (interface, field(12), field(16), field(20), field(24))
            }
        };
        if captured > room {
            let problem = "the packet is longer than the block";
            return Err(Reason::Block { kind, problem });
        }
        let number = self.first.saturating_add(interface as usize);
        let Some(described) = about.interfaces.get(number) else {
            let known = about.interfaces.len() - self.first;
            let known = u32::try_from(known).unwrap_or(u32::MAX);
            return Err(Reason::Interface { interface, known });
        };
        let time = match kind {
            SIMPLE_PACKET => 0,
            _ => described.time(u64::from(high) << 32 | u64::from(low)),
        };
        source.take(fields as usize);
        Ok(Record {
            time,
            interface: u32::try_from(number).unwrap_or(u32::MAX),
            captured: captured as usize,
            original,
            rest: (length - fields - captured) as usize,
        })
    }
}

impl Interface {
    /// Reads what an interface description block holds.
    fn read(body: &[u8], big: bool) -> Result<Self, &'static str> {
        let mut interface = Self {
            link: LinkType(match big {
                true => number(body, 0, big) >> 16,
                false => number(body, 0, big) & 0xffff,
            }),
            snap_length: number(body, 4, big),
            resolution: 1_000_000,
            offset: 0,
            name: None,
            description: None,
            received: None,
            dropped: None,
        };
        let given = body.get(8..).ok_or("it is too short for its fields")?;
        for (code, value) in options(given, big) {
            match code {
                2 => interface.name = Some(text(value)),
                3 => interface.description = Some(text(value)),
                9 => {
                    let unit = *value.first().ok_or("its unit of time is empty")?;
                    let power = u32::from(unit & 0x7f);
                    let resolution = match unit & 0x80 {
                        0 => 10_u64.checked_pow(power),
                        _ => 2_u64.checked_pow(power),
                    };
                    interface.resolution = resolution.ok_or("its unit of time is too small")?;
                }
                14 => {
                    let offset = long(value, big).ok_or("its offset of time is not 8 bytes")?;
                    interface.offset = offset.cast_signed();
                }
                _ => {}
            }
        }
        Ok(interface)
    }

    /// Nanoseconds since the Unix epoch of a time in this interface's units; the nearest that can be told.
    #[inline]
    fn time(&self, units: u64) -> i64 {
        let nanoseconds = match self.resolution {
            1_000_000_000 => i128::from(units),
            1_000_000 => i128::from(units) * 1000,
            resolution => i128::from(units) * 1_000_000_000 / i128::from(resolution.max(1)),
        };
        let nanoseconds = nanoseconds + i128::from(self.offset) * 1_000_000_000;
        let limits = i128::from(i64::MIN)..=i128::from(i64::MAX);
        i64::try_from(nanoseconds.clamp(*limits.start(), *limits.end())).unwrap_or_default()
    }
}

impl About {
    /// Whether so much more may be kept.
    fn keep(&mut self, size: usize) -> bool {
        let fits = self.kept + size <= KEPT;
        if fits {
            self.kept += size;
        }
        fits
    }
}

/// Options (and name records, which look alike): code and value, up to the end or what cannot be one.
fn options(mut bytes: &[u8], big: bool) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let short = |bytes: [u8; 2]| match big {
            true => u16::from_be_bytes(bytes),
            false => u16::from_le_bytes(bytes),
        };
        let ([a, b, c, d], rest) = bytes.split_first_chunk()?;
        let (code, length) = (short([*a, *b]), usize::from(short([*c, *d])));
        let value = rest.get(..length).filter(|_| code != 0)?;
        bytes = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((code, value))
    })
}

fn long(value: &[u8], big: bool) -> Option<u64> {
    let bytes = *value.first_chunk()?;
    Some(match big {
        true => u64::from_be_bytes(bytes),
        false => u64::from_le_bytes(bytes),
    })
}

/// Text, which may have been ended with a zero byte.
fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|byte| *byte == 0);
    let bytes = bytes.get(..end.unwrap_or(bytes.len())).unwrap_or_default();
    String::from_utf8_lossy(bytes).into_owned()
}
