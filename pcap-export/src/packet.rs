//! A TCP segment as an IP packet: headers and checksums.
//!
//! There is no link layer: the file says `LINKTYPE_RAW` (101), where a packet begins with its IP header,
//! so no hardware address has to be made up and both families fit into one interface.

use crate::{addresses::Addresses, segment::Segment};
use etherparse::{IpNumber, Ipv4Header, Ipv6Header, TcpHeader};
use overhear_store::Side;
use std::net::{Ipv4Addr, Ipv6Addr};

/// The hop limit of every packet.
const TTL: u8 = 64;

/// Appends the packet of a segment: IP header, TCP header, payload, with valid checksums.
///
/// IPv4 packets do not allow fragmentation, and so have no identification (RFC 6864 section 4.1).
pub(crate) fn write(out: &mut Vec<u8>, addresses: &Addresses, segment: &Segment<'_>) {
    let (source_port, destination_port) = match segment.from {
        Side::Request => (addresses.client_port, addresses.server_port),
        Side::Response => (addresses.server_port, addresses.client_port),
    };
    let mut tcp = TcpHeader::new(source_port, destination_port, segment.seq, segment.window);
    tcp.acknowledgment_number = segment.ack.unwrap_or(0);
    tcp.ack = segment.ack.is_some();
    tcp.syn = segment.flags.syn;
    tcp.fin = segment.flags.fin;
    tcp.rst = segment.flags.rst;
    tcp.psh = segment.flags.psh;
    // at most the 12 bytes of a SYN: they always fit
    let _ = tcp.set_options_raw(segment.options);
    match addresses.hosts {
        crate::addresses::Hosts::V4 { client, server } => {
            let (from, to) = oriented(segment.from, client, server);
            write_v4(out, from, to, tcp, segment.payload);
        }
        crate::addresses::Hosts::V6 { client, server } => {
            let (from, to) = oriented(segment.from, client, server);
            write_v6(out, from, to, tcp, segment.payload);
        }
    }
}

fn oriented<T>(from: Side, client: T, server: T) -> (T, T) {
    match from {
        Side::Request => (client, server),
        Side::Response => (server, client),
    }
}

fn write_v4(out: &mut Vec<u8>, from: Ipv4Addr, to: Ipv4Addr, mut tcp: TcpHeader, payload: &[u8]) {
    let length = tcp.header_len() + payload.len();
    let mut ip = Ipv4Header {
        total_len: u16::try_from(Ipv4Header::MIN_LEN + length).unwrap_or(u16::MAX),
        dont_fragment: true,
        time_to_live: TTL,
        protocol: IpNumber::TCP,
        source: from.octets(),
        destination: to.octets(),
        ..Ipv4Header::default()
    };
    ip.header_checksum = ip.calc_header_checksum();
    // fails only for payloads beyond 64 KiB, which no segment has
    tcp.checksum = tcp.calc_checksum_ipv4(&ip, payload).unwrap_or(0);
    out.extend_from_slice(&ip.to_bytes());
    out.extend_from_slice(&tcp.to_bytes());
    out.extend_from_slice(payload);
}

fn write_v6(out: &mut Vec<u8>, from: Ipv6Addr, to: Ipv6Addr, mut tcp: TcpHeader, payload: &[u8]) {
    let length = tcp.header_len() + payload.len();
    let ip = Ipv6Header {
        payload_length: u16::try_from(length).unwrap_or(u16::MAX),
        next_header: IpNumber::TCP,
        hop_limit: TTL,
        source: from.octets(),
        destination: to.octets(),
        ..Ipv6Header::default()
    };
    tcp.checksum = tcp.calc_checksum_ipv6(&ip, payload).unwrap_or(0);
    out.extend_from_slice(&ip.to_bytes());
    out.extend_from_slice(&tcp.to_bytes());
    out.extend_from_slice(payload);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::segment::Flags;

    const DATA: Segment<'static> = Segment {
        from: Side::Request,
        seq: 0x0102_0304,
        ack: Some(0x0506_0708),
        flags: Flags {
            psh: true,
            ..Flags::NONE
        },
        window: 65_535,
        options: &[],
        payload: b"GET",
    };

    fn built(client: &str, server: &str, segment: &Segment<'_>) -> Vec<u8> {
        let addresses = Addresses::new(client.parse().unwrap(), server.parse().unwrap());
        let mut out = Vec::new();
        write(&mut out, &addresses.unwrap(), segment);
        out
    }

    #[test]
    fn an_ipv4_packet_byte_by_byte() {
        // both checksums were computed by another program
        let expected = [
            0x45, 0x00, 0x00, 0x2b, 0x00, 0x00, 0x40, 0x00, 0x40, 0x06, 0x3c, 0xc9, 0xc0, 0x00,
            0x02, 0x01, 0xcb, 0x00, 0x71, 0x02, // 192.0.2.1 to 203.0.113.2
            0xc3, 0x50, 0x00, 0x50, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x50, 0x18,
            0xff, 0xff, 0x42, 0xcb, 0x00, 0x00, b'G', b'E', b'T',
        ];
        let packet = built("192.0.2.1:50000", "203.0.113.2:80", &DATA);
        assert_eq!(packet, expected);
    }

    #[test]
    fn checksums_add_up_to_all_ones() {
        for (client, server, v4) in [
            ("192.0.2.1:50000", "203.0.113.2:80", true),
            ("[2001:db8::1]:50000", "[2001:db8::2]:80", false),
        ] {
            for from in [Side::Request, Side::Response] {
                let packet = built(client, server, &Segment { from, ..DATA });
                let header = if v4 { 20 } else { 40 };
                if v4 {
                    assert_eq!(sum(&packet[..20]), 0xffff);
                }
                let addresses = if v4 { &packet[12..20] } else { &packet[8..40] };
                let length = u16::try_from(packet.len() - header).unwrap();
                let pseudo = [addresses, &[0, 6], &length.to_be_bytes()].concat();
                assert_eq!(sum(&[&pseudo, &packet[header..]].concat()), 0xffff);
            }
        }
    }

    /// The ones' complement sum of RFC 1071, written independently of what is tested.
    fn sum(bytes: &[u8]) -> u32 {
        let words = bytes
            .chunks(2)
            .map(|w| u32::from(w[0]) << 8 | w.get(1).map_or(0, |b| u32::from(*b)));
        let sum: u32 = words.sum();
        (sum & 0xffff) + (sum >> 16)
    }
}
