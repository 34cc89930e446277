use super::*;
use crate::{ip, link, packet::LinkType};

const TCP: u8 = 6;
const UDP: u8 = 17;
const MS: i64 = 1_000_000;

fn datagram(id: u16, ttl: u8, protocol: u8, payload: &[u8]) -> Vec<u8> {
    let [high, low] = id.to_be_bytes();
    let length = u8::try_from(20 + payload.len()).unwrap();
    let mut bytes = vec![0x45, 0, 0, length, high, low, 0, 0, ttl, protocol, 0, 0];
    bytes.extend([10, 0, 0, 1, 10, 0, 0, 2]);
    bytes.extend(payload);
    bytes
}

/// A segment with this number.
fn segment(sequence: u8) -> Vec<u8> {
    let mut bytes = vec![0; 20];
    bytes[7] = sequence;
    bytes[12] = 0x50;
    [bytes, b"said".to_vec()].concat()
}

/// Linux's cooked header, second version, of an interface and whether it is outgoing.
fn cooked(interface: u8, outgoing: bool, datagram: &[u8]) -> Vec<u8> {
    let mut bytes = vec![8, 0, 0, 0, 0, 0, 0, interface, 0, 1, 0, 6];
    bytes[10] = if outgoing { 4 } else { 0 };
    bytes.extend([2, 0, 0, 0, 0, 1, 0, 0]);
    bytes.extend(datagram);
    bytes
}

/// Which of these packets, each with its time, are copies.
fn copies(link: LinkType, packets: &[(i64, Vec<u8>)]) -> Vec<bool> {
    let mut copies = Copies::default();
    let each = (1..).zip(packets).map(|(number, (time, data))| {
        let packet = Packet {
            number,
            time: *time,
            link,
            interface: 0,
            original_length: 0,
            offset: 0,
            data,
        };
        let layers = link::decode(link, data);
        copies.is_copy(&packet, &layers, &ip::decode(&layers).unwrap())
    });
    each.collect()
}

#[test]
fn a_packet_that_is_seen_on_two_interfaces_is_one() {
    for (protocol, payload) in [
        (TCP, segment(1)),
        (UDP, b"\0\x35\0\x35\0\x0c\0\0abcd".to_vec()),
    ] {
        // without an identification, too; and with one less hop to go behind a router
        for (id, ttl) in [(7, 64), (0, 64), (7, 63), (0, 63)] {
            let first = datagram(id, 64, protocol, &payload);
            let second = datagram(id, ttl, protocol, &payload);
            let both = [
                (MS, cooked(2, false, &first)),
                (MS + 20_000, cooked(3, true, &second)),
                // and much later it is another
                (900 * MS, cooked(3, true, &second)),
            ];
            let found = copies(LinkType::LINUX_SLL2, &both);
            assert_eq!(found, [false, true, false], "{protocol} {id} {ttl}");
        }
    }
}

#[test]
fn a_checksum_that_is_filled_in_later_makes_no_difference() {
    let mut filled = segment(1);
    (filled[16], filled[17]) = (0xab, 0xcd);
    let both = [
        (0, datagram(7, 64, TCP, &segment(1))),
        (1000, datagram(7, 64, TCP, &filled)),
    ];
    assert_eq!(copies(LinkType::RAW, &both), [false, true]);
}

#[test]
fn what_is_sent_again_is_no_copy() {
    let sent = |id, sequence| datagram(id, 64, TCP, &segment(sequence));
    let packets = [
        (0, sent(7, 1)),
        // another segment; the same with another identification, and after a while
        (100, sent(8, 2)),
        (200, sent(9, 1)),
        (250 * MS, sent(7, 1)),
        // neither identification nor anything else that tells: at once only
        (300 * MS, sent(0, 3)),
        (300 * MS + 9, sent(0, 3)),
        (305 * MS, sent(0, 3)),
    ];
    let expected = [false, false, false, false, false, true, false];
    assert_eq!(copies(LinkType::RAW, &packets), expected);
    // a program may send the same datagram twice
    let said = datagram(0, 64, UDP, b"\0\x35\0\x35\0\x0c\0\0abcd");
    let twice = [(0, said.clone()), (1000, said)];
    assert_eq!(copies(LinkType::RAW, &twice), [false, false]);
}

#[test]
fn a_copy_is_known_among_many_others() {
    let mut packets = Vec::new();
    for number in 1..=2000 {
        packets.push((
            i64::from(number) * 1000,
            datagram(number, 64, TCP, &segment(1)),
        ));
    }
    let others = packets.clone();
    packets.extend(others.into_iter().map(|(time, data)| (time + 3 * MS, data)));
    let found = copies(LinkType::RAW, &packets);
    assert!(!found[..2000].contains(&true));
    // five that fall into one set drive each other out: which do is chance, and it happens to a set or two in some thousand runs
    let known = found[2000..].iter().filter(|copy| **copy).count();
    assert!(known > 1950, "{known}");
}
