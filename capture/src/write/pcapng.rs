//! The newer format (draft-ietf-opsawg-pcapng): one section, one interface, in the byte order of this machine.

use super::{Counted, Header, padding};
use crate::packet::Packet;

const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE_DESCRIPTION: u32 = 1;
const INTERFACE_STATISTICS: u32 = 5;
const ENHANCED_PACKET: u32 = 6;

const BYTE_ORDER: u32 = 0x1a2b_3c4d;
const SHB_OS: u16 = 3;
const SHB_USERAPPL: u16 = 4;
const IF_NAME: u16 = 2;
const IF_TSRESOL: u16 = 9;
const IF_FILTER: u16 = 11;
const IF_OS: u16 = 12;
const ISB_IFRECV: u16 = 4;
const ISB_IFDROP: u16 = 5;

/// An option's length is 16 bits; what is longer is cut.
const LONGEST_OPTION: usize = 65_532;

pub(super) fn header(out: &mut Vec<u8>, header: &Header) {
    block(out, SECTION_HEADER, |out| {
        out.extend(BYTE_ORDER.to_ne_bytes());
        out.extend(1u16.to_ne_bytes());
        out.extend(0u16.to_ne_bytes());
        // the length of the section is not known ahead
        out.extend((-1i64).to_ne_bytes());
        option(out, SHB_OS, std::env::consts::OS.as_bytes());
        let application = concat!("overhear ", env!("CARGO_PKG_VERSION"));
        option(out, SHB_USERAPPL, application.as_bytes());
        option(out, 0, &[]);
    });
    interface(out, header);
}

pub(super) fn interface(out: &mut Vec<u8>, header: &Header) {
    block(out, INTERFACE_DESCRIPTION, |out| {
        // the field has 16 bits, and so have all numbers there are
        out.extend((header.link.0 as u16).to_ne_bytes());
        out.extend([0; 2]);
        out.extend(header.snaplen.to_ne_bytes());
        if let Some(name) = &header.interface {
            option(out, IF_NAME, name.as_bytes());
        }
        option(out, IF_TSRESOL, &[if header.nanoseconds { 9 } else { 6 }]);
        if let Some(filter) = header.filter.as_ref().filter(|f| !f.is_empty()) {
            // the first byte says that an expression follows
            let filter: Vec<u8> = [0].into_iter().chain(filter.bytes()).collect();
            option(out, IF_FILTER, &filter);
        }
        option(out, IF_OS, std::env::consts::OS.as_bytes());
        option(out, 0, &[]);
    });
}

pub(super) fn packet(out: &mut Vec<u8>, packet: &Packet<'_>, nanoseconds: bool) {
    packet_on(out, 0, packet, nanoseconds);
}

pub(super) fn packet_on(out: &mut Vec<u8>, interface: u32, packet: &Packet<'_>, nanoseconds: bool) {
    block(out, ENHANCED_PACKET, |out| {
        let length = packet.data.len() as u32;
        out.extend(interface.to_ne_bytes());
        time(out, packet.time, nanoseconds);
        out.extend(length.to_ne_bytes());
        out.extend(packet.original_length.to_ne_bytes());
        out.extend_from_slice(packet.data);
        out.resize(out.len() + padding(packet.data.len()), 0);
    });
}

pub(super) fn statistics(out: &mut Vec<u8>, counted: &Counted, nanoseconds: bool) {
    block(out, INTERFACE_STATISTICS, |out| {
        out.extend(0u32.to_ne_bytes());
        time(out, counted.at, nanoseconds);
        option(out, ISB_IFRECV, &counted.received.to_ne_bytes());
        option(out, ISB_IFDROP, &counted.dropped.to_ne_bytes());
        option(out, 0, &[]);
    });
}

/// Two words, the higher one first. Times before 1970 become 1970.
fn time(out: &mut Vec<u8>, time: i64, nanoseconds: bool) {
    let units = u64::try_from(time).unwrap_or(0);
    let units = if nanoseconds { units } else { units / 1000 };
    out.extend(((units >> 32) as u32).to_ne_bytes());
    out.extend((units as u32).to_ne_bytes());
}

fn option(out: &mut Vec<u8>, code: u16, value: &[u8]) {
    let value = value.get(..LONGEST_OPTION).unwrap_or(value);
    out.extend(code.to_ne_bytes());
    out.extend((value.len() as u16).to_ne_bytes());
    out.extend_from_slice(value);
    out.resize(out.len() + padding(value.len()), 0);
}

/// A block: type, length, what `body` appends, and the length again.
fn block(out: &mut Vec<u8>, kind: u32, body: impl FnOnce(&mut Vec<u8>)) {
    let begin = out.len();
    out.extend(kind.to_ne_bytes());
    out.extend([0; 4]);
    body(out);
    let length = (out.len() - begin + 4) as u32;
    for (to, from) in out.iter_mut().skip(begin + 4).zip(length.to_ne_bytes()) {
        *to = from;
    }
    out.extend(length.to_ne_bytes());
}
