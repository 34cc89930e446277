//! The newer capture file: times in nanoseconds, comments on packets, names of hosts
//! (draft-ietf-opsawg-pcapng). Little-endian, one section, one interface.

use crate::pcap::{LINKTYPE_RAW, SNAPLEN};
use overhear_store::Timestamp;
use std::net::IpAddr;

const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE_DESCRIPTION: u32 = 1;
const NAME_RESOLUTION: u32 = 4;
const ENHANCED_PACKET: u32 = 6;

const BYTE_ORDER_MAGIC: u32 = 0x1a2b_3c4d;
const OPT_COMMENT: u16 = 1;
const SHB_USERAPPL: u16 = 4;
const IF_NAME: u16 = 2;
const IF_DESCRIPTION: u16 = 3;
const IF_TSRESOL: u16 = 9;

/// An option's length is 16 bits; a comment that is longer is cut.
const LONGEST_OPTION: usize = 65_532;

/// Appends the section header with a comment, and the description of the one interface.
pub(crate) fn header(out: &mut Vec<u8>, comment: &str) {
    block(out, SECTION_HEADER, |out| {
        out.extend_from_slice(&BYTE_ORDER_MAGIC.to_le_bytes());
        out.extend_from_slice(&1u16.to_le_bytes());
        out.extend_from_slice(&0u16.to_le_bytes());
        // the length of the section is not known ahead
        out.extend_from_slice(&(-1i64).to_le_bytes());
        option(out, OPT_COMMENT, comment.as_bytes());
        let application = concat!("overhear ", env!("CARGO_PKG_VERSION"));
        option(out, SHB_USERAPPL, application.as_bytes());
        end_of_options(out);
    });
    block(out, INTERFACE_DESCRIPTION, |out| {
        out.extend_from_slice(&LINKTYPE_RAW.to_le_bytes());
        out.extend_from_slice(&[0; 2]);
        out.extend_from_slice(&SNAPLEN.to_le_bytes());
        option(out, IF_NAME, b"overhear");
        option(out, IF_DESCRIPTION, b"conversations recorded by the proxy");
        option(out, IF_TSRESOL, &[9]);
        end_of_options(out);
    });
}

/// Appends a packet. Times before 1970 become 1970.
pub(crate) fn packet(out: &mut Vec<u8>, at: Timestamp, packet: &[u8], comment: Option<&str>) {
    let nanoseconds = u64::try_from(at.0).unwrap_or(0);
    let length = packet.len() as u32;
    block(out, ENHANCED_PACKET, |out| {
        let (high, low) = ((nanoseconds >> 32) as u32, nanoseconds as u32);
        for word in [0, high, low, length, length] {
            out.extend_from_slice(&word.to_le_bytes());
        }
        padded(out, packet);
        if let Some(comment) = comment {
            option(out, OPT_COMMENT, comment.as_bytes());
            end_of_options(out);
        }
    });
}

/// Appends the name of an address, for readers that show names.
pub(crate) fn name(out: &mut Vec<u8>, address: IpAddr, name: &str) {
    block(out, NAME_RESOLUTION, |out| {
        let (kind, octets) = match &address {
            IpAddr::V4(v4) => (1u16, v4.octets().to_vec()),
            IpAddr::V6(v6) => (2u16, v6.octets().to_vec()),
        };
        let record = [&octets, name.as_bytes(), &[0]].concat();
        option(out, kind, &record);
        // the end of the records looks like the end of options
        end_of_options(out);
    });
}

/// A block: its type, its length before and after, its content padded to 32 bits.
fn block(out: &mut Vec<u8>, kind: u32, content: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&kind.to_le_bytes());
    out.extend_from_slice(&[0; 4]);
    content(out);
    let length = (out.len() - start + 4) as u32;
    out.extend_from_slice(&length.to_le_bytes());
    if let Some(before) = out.get_mut(start + 4..start + 8) {
        before.copy_from_slice(&length.to_le_bytes());
    }
}

fn option(out: &mut Vec<u8>, code: u16, value: &[u8]) {
    let value = match value.get(..LONGEST_OPTION) {
        Some(_) => whole_characters(value, LONGEST_OPTION),
        None => value,
    };
    out.extend_from_slice(&code.to_le_bytes());
    out.extend_from_slice(&(value.len() as u16).to_le_bytes());
    padded(out, value);
}

/// At most `limit` bytes, not ending within a UTF-8 character.
fn whole_characters(text: &[u8], limit: usize) -> &[u8] {
    let mut end = limit.min(text.len());
    while end > 0 && text.get(end).is_some_and(|b| b & 0xc0 == 0x80) {
        end -= 1;
    }
    text.get(..end).unwrap_or(text)
}

fn end_of_options(out: &mut Vec<u8>) {
    out.extend_from_slice(&[0; 4]);
}

fn padded(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(bytes);
    let padding = bytes.len().next_multiple_of(4) - bytes.len();
    out.extend(std::iter::repeat_n(0, padding));
}

#[cfg(test)]
mod tests {
    use super::*;
    use pcap_file::pcapng::{
        Block, PcapNgReader,
        blocks::{
            enhanced_packet::EnhancedPacketOption, name_resolution::Record,
            opt_common::CommonOption,
        },
    };

    #[test]
    fn a_packet_byte_by_byte() {
        let mut out = Vec::new();
        packet(&mut out, Timestamp(0x1_0000_0002), b"\x45abcd", Some("hi"));
        let expected = [
            6, 0, 0, 0, 52, 0, 0, 0, // type, length
            0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 5, 0, 0, 0, 5, 0, 0,
            0, // interface, time, lengths
            0x45, b'a', b'b', b'c', b'd', 0, 0, 0, // data
            1, 0, 2, 0, b'h', b'i', 0, 0, 0, 0, 0, 0, // comment, end of options
            52, 0, 0, 0,
        ];
        assert_eq!(out, expected);
    }

    #[test]
    fn another_program_reads_it() {
        let mut out = Vec::new();
        header(&mut out, "what this is");
        let address = "192.0.2.1".parse().unwrap();
        name(&mut out, address, "example.org");
        let long = "\u{20ac}".repeat(30_000);
        let at = Timestamp(1_700_000_000_123_456_789);
        packet(&mut out, at, b"one", Some(&long));
        packet(&mut out, at, b"two", None);

        let mut reader = PcapNgReader::new(&out[..]).unwrap();
        let mut packets = Vec::new();
        let mut names = Vec::new();
        while let Some(block) = reader.next_block() {
            match block.unwrap().0 {
                Block::EnhancedPacket(p) => packets.push(p.into_owned()),
                Block::NameResolution(n) => names.extend(n.into_owned().records),
                _ => {}
            }
        }
        let read: Vec<_> = packets
            .iter()
            .map(|p| (p.timestamp.as_nanos(), &p.data[..]))
            .collect();
        let time = 1_700_000_000_123_456_789;
        assert_eq!(read, [(time, &b"one"[..]), (time, &b"two"[..])]);
        let EnhancedPacketOption::Common(CommonOption::Comment(comment)) = &packets[0].options[0]
        else {
            panic!("no comment");
        };
        assert_eq!(comment.chars().count(), 65_532 / 3);
        let [Record::Ipv4(record)] = &names[..] else {
            panic!("no name");
        };
        assert_eq!(record.names, ["example.org"]);
    }
}
