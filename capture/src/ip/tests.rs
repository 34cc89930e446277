//! Headers and fragments, byte by byte.

use super::*;
use crate::packet::Spot;

fn v6(next: u8, payload: &[u8]) -> Vec<u8> {
    let length = payload.len() as u16;
    let [high, low] = length.to_be_bytes();
    let mut packet = vec![0x6a, 0xb0, 0, 0, high, low, next, 9];
    packet.extend([0xfe; 16]);
    packet.extend([0xfd; 16]);
    packet.extend_from_slice(payload);
    packet
}

#[test]
fn padding_is_no_payload() {
    let mut packet = vec![
        0x46, 3, 0, 26, 1, 2, 0x40, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 1, 1, 1, 1,
    ];
    packet.extend([7, 8, 0, 0, 0, 0]);
    let ip = ipv4(&packet).unwrap();
    assert_eq!(
        (ip.payload, ip.payload_length, ip.header_length),
        (&[7, 8][..], 2, 24)
    );
    assert_eq!(
        (ip.protocol, ip.ttl, ip.traffic_class, ip.id),
        (17, 64, 3, 0x102)
    );
    assert!(ip.dont_fragment && ip.fragment.is_none());
    assert_eq!(ip.source.to_string(), "10.0.0.1");
    // the length is for the network card to fill in
    packet[3] = 0;
    assert_eq!(ipv4(&packet).unwrap().payload.len(), 6);
    // cut by the capture
    packet[3] = 100;
    let ip = ipv4(&packet).unwrap();
    assert_eq!((ip.payload.len(), ip.payload_length), (6, 76));
    packet[3] = 20;
    assert_eq!(ipv4(&packet).err(), Some(Problem::Malformed));
    assert_eq!(ipv4(&packet[..19]).err(), Some(Problem::Cut));
}

#[test]
fn extension_headers_are_passed() {
    let mut payload = vec![60, 0, 1, 4, 0, 0, 0, 0];
    payload.extend([51, 1, 1, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    payload.extend([44, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    // an atomic fragment
    payload.extend([17, 0, 0, 0, 0, 0, 0, 5]);
    payload.extend([1, 2, 3]);
    let packet = v6(0, &payload);
    let ip = ipv6(&packet).unwrap();
    assert_eq!(
        (ip.protocol, ip.payload, ip.fragment),
        (17, &[1, 2, 3][..], None)
    );
    assert_eq!(
        (ip.header_length, ip.ttl, ip.traffic_class),
        (40 + 48, 9, 0xab)
    );
    for length in 40..packet.len() - 3 {
        assert_eq!(
            ipv6(&packet[..length]).err(),
            Some(Problem::Cut),
            "{length}"
        );
    }
    // a header longer than the packet
    let packet = v6(0, &[17, 200, 0, 0, 0, 0, 0, 0]);
    assert_eq!(ipv6(&packet).err(), Some(Problem::Malformed));
}

/// A fragment of an IPv4 datagram: its place in units of 8 bytes.
fn v4_fragment(place: u16, more: bool, bytes: &[u8]) -> Vec<u8> {
    let [high, low] = (place | u16::from(more) << 13).to_be_bytes();
    let mut packet = vec![
        0x45,
        0,
        0,
        20 + bytes.len() as u8,
        0,
        9,
        high,
        low,
        64,
        17,
        0,
        0,
    ];
    packet.extend([10, 0, 0, 1, 10, 0, 0, 2]);
    packet.extend_from_slice(bytes);
    packet
}

fn v6_fragment(place: u16, more: bool, bytes: &[u8]) -> Vec<u8> {
    let [high, low] = (place << 3 | u16::from(more)).to_be_bytes();
    v6(44, &[&[17, 0, high, low, 0, 0, 0, 7][..], bytes].concat())
}

fn put_together(packets: &[Vec<u8>]) -> Option<Whole> {
    let mut fragments = Fragments::default();
    let mut whole = None;
    for (number, packet) in (1..).zip(packets) {
        let ip = if packet[0] >> 4 == 4 {
            ipv4(packet)
        } else {
            ipv6(packet)
        };
        assert!(whole.is_none());
        whole = fragments.add(&ip.unwrap(), number, Spot::default(), 0);
    }
    whole
}

#[test]
fn fragments_in_any_order() {
    for make in [v4_fragment, v6_fragment] {
        let parts = [
            make(0, true, b"01234567"),
            make(1, true, b"89abcdef"),
            make(2, false, b"xyz"),
        ];
        for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0], [0, 2, 1]] {
            let packets = order.map(|at| parts[at].clone());
            let whole = put_together(&packets).unwrap();
            assert_eq!(whole.bytes, b"0123456789abcdefxyz");
            assert_eq!(whole.packets, [1, 2, 3]);
            let ip = whole.ip();
            assert_eq!(
                (ip.protocol, ip.payload_length, ip.fragment),
                (17, 19, None)
            );
        }
        // one that came twice is no overlap
        let packets = [0, 0, 1, 1, 2].map(|at: usize| parts[at].clone());
        assert_eq!(put_together(&packets).unwrap().bytes.len(), 19);
        assert_eq!(put_together(&parts[..2]), None);
    }
}

#[test]
fn where_fragments_overlap() {
    let parts = |make: fn(u16, bool, &[u8]) -> Vec<u8>| {
        [
            make(0, true, b"first..."),
            make(2, false, b"last"),
            make(0, true, b"SECOND..SECOND.."),
        ]
    };
    assert_eq!(
        put_together(&parts(v4_fragment)).unwrap().bytes,
        b"first...SECOND..last"
    );
    assert_eq!(put_together(&parts(v6_fragment)), None);
}

#[test]
fn fragments_do_not_wait_for_ever() {
    let (first, last) = (
        v4_fragment(0, true, b"01234567"),
        v4_fragment(1, false, b"x"),
    );
    let mut fragments = Fragments::default();
    let second = 1_000_000_000;
    assert_eq!(
        fragments.add(&ipv4(&first).unwrap(), 1, Spot::default(), 0),
        None
    );
    assert_eq!(
        fragments.add(&ipv4(&last).unwrap(), 2, Spot::default(), 61 * second),
        None
    );
    assert_eq!(fragments.lost(), 2);
    let whole = fragments.add(&ipv4(&first).unwrap(), 3, Spot::default(), 62 * second);
    assert_eq!(whole.unwrap().packets, [2, 3]);
    assert_eq!(fragments.lost(), 1);
}
