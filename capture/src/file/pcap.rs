//! The classic format: a header, then records.

use super::{About, Error, Interface, LONGEST_PACKET, Record, damage::Reason, source::Source};
use crate::packet::LinkType;

/// The header of the file, which is why a pcap has one interface.
pub(super) struct Pcap {
    pub(super) big_endian: bool,
    pub(super) nanoseconds: bool,
    pub(super) modified: bool,
    /// Before version 2.3, and sometimes in it, the two lengths of a record stood the other way round.
    lengths: Lengths,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Lengths {
    CapturedFirst,
    OriginalFirst,
    Unsure,
}

/// Bytes of the header.
pub(super) const HEADER: usize = 24;

impl Pcap {
    pub(super) fn read(
        magic: [u8; 4],
        source: &mut Source,
        about: &mut About,
    ) -> Result<Self, Error> {
        let (big_endian, nanoseconds, modified) = match magic {
            [0xd4, 0xc3, 0xb2, 0xa1] => (false, false, false),
            [0xa1, 0xb2, 0xc3, 0xd4] => (true, false, false),
            [0x4d, 0x3c, 0xb2, 0xa1] => (false, true, false),
            [0xa1, 0xb2, 0x3c, 0x4d] => (true, true, false),
            [0x34, 0xcd, 0xb2, 0xa1] => (false, false, true),
            [0xa1, 0xb2, 0xcd, 0x34] => (true, false, true),
            other => return Err(Error::NotACapture(other.to_vec())),
        };
        let gzip = source.gzip;
        source
            .need(HEADER, "the header of the file")
            .map_err(|reason| super::Damage {
                offset: 0,
                packets: 0,
                gzip,
                reason,
            })?;
        let header: [u8; HEADER] = source.bytes().first_chunk().copied().unwrap_or([0; HEADER]);
        let [_, _, _, _, a, b, c, d, ..] = header;
        let short = |bytes| match big_endian {
            true => u16::from_be_bytes(bytes),
            false => u16::from_le_bytes(bytes),
        };
        let (major, minor) = (short([a, b]), short([c, d]));
        let lengths = match (major, minor) {
            (2, 0..=2) => Lengths::OriginalFirst,
            (2, 3) => Lengths::Unsure,
            (2, 4) => Lengths::CapturedFirst,
            // written by DG/UX's tcpdump
            (543, 0) => Lengths::OriginalFirst,
            _ => return Err(Error::Version(major, minor)),
        };
        let snap_length = number(&header, 16, big_endian);
        // the upper bits say how long the frame check sequence is
        let link = number(&header, 20, big_endian) & 0x03ff_ffff;
        source.take(HEADER);
        about.interfaces.push(Interface {
            link: LinkType(link),
            snap_length,
            resolution: if nanoseconds {
                1_000_000_000
            } else {
                1_000_000
            },
            offset: 0,
            name: None,
            description: None,
            received: None,
            dropped: None,
        });
        Ok(Self {
            big_endian,
            nanoseconds,
            modified,
            lengths,
        })
    }

    /// The next record's header; its bytes are in the source.
    #[inline]
    pub(super) fn next(&mut self, source: &mut Source) -> Result<Option<Record>, Reason> {
        let header = if self.modified { 24 } else { 16 };
        if !source.fill(header)? {
            let there = source.bytes().len() as u64;
            let what = "the header of a packet";
            let length = header as u64;
            return match there {
                0 => Ok(None),
                there => Err(Reason::Cut {
                    what,
                    there,
                    length,
                }),
            };
        }
        let bytes = source.bytes();
        let seconds = number(bytes, 0, self.big_endian);
        let fraction = number(bytes, 4, self.big_endian);
        let (mut captured, mut original) = (
            number(bytes, 8, self.big_endian),
            number(bytes, 12, self.big_endian),
        );
        let swapped = match self.lengths {
            Lengths::CapturedFirst => false,
            Lengths::OriginalFirst => true,
            Lengths::Unsure => captured > original,
        };
        if swapped {
            std::mem::swap(&mut captured, &mut original);
        }
        if captured > LONGEST_PACKET {
            return Err(Reason::PacketLength(captured));
        }
        let length = captured as usize;
        source.need(header + length, "a packet")?;
        source.take(header);
        let unit = if self.nanoseconds { 1 } else { 1000 };
        Ok(Some(Record {
            time: i64::from(seconds) * 1_000_000_000 + i64::from(fraction) * unit,
            interface: 0,
            captured: length,
            original,
            rest: 0,
        }))
    }
}

/// The 32 bits at `at`; 0 where there are none.
#[inline]
pub(super) fn number(bytes: &[u8], at: usize, big_endian: bool) -> u32 {
    let bytes = bytes.get(at..).and_then(|bytes| bytes.first_chunk());
    let bytes = bytes.copied().unwrap_or_default();
    if big_endian {
        u32::from_be_bytes(bytes)
    } else {
        u32::from_le_bytes(bytes)
    }
}
