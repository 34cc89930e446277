//! The older format (draft-ietf-opsawg-pcap), in the byte order of this machine, as libpcap writes it.

use super::Header;
use crate::packet::Packet;

const MICROSECONDS: u32 = 0xa1b2_c3d4;
const NANOSECONDS: u32 = 0xa1b2_3c4d;

/// 24 bytes: magic, version, two unused words, snapshot length, link type.
pub(super) fn header(out: &mut Vec<u8>, header: &Header) {
    let magic = if header.nanoseconds {
        NANOSECONDS
    } else {
        MICROSECONDS
    };
    out.extend(magic.to_ne_bytes());
    out.extend(2u16.to_ne_bytes());
    out.extend(4u16.to_ne_bytes());
    out.extend([0; 8]);
    out.extend(header.snaplen.to_ne_bytes());
    out.extend(header.link.0.to_ne_bytes());
}

/// 16 bytes and the packet.
pub(super) fn record(out: &mut Vec<u8>, packet: &Packet<'_>, nanoseconds: bool) {
    let seconds = packet.time.div_euclid(1_000_000_000);
    let fraction = packet.time.rem_euclid(1_000_000_000) as u32;
    let fraction = if nanoseconds {
        fraction
    } else {
        fraction / 1000
    };
    // the format has 32 bits; readers take them as unsigned until 2106
    out.extend((seconds as u32).to_ne_bytes());
    out.extend(fraction.to_ne_bytes());
    out.extend((packet.data.len() as u32).to_ne_bytes());
    out.extend(packet.original_length.to_ne_bytes());
    out.extend_from_slice(packet.data);
}
