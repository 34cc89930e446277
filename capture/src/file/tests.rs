//! Files made byte by byte.

use super::*;
use std::io::Write;

fn word(big: bool, number: u32) -> [u8; 4] {
    if big {
        number.to_be_bytes()
    } else {
        number.to_le_bytes()
    }
}

/// A pcap of whole packets: seconds, fraction, bytes.
pub(crate) fn pcap(magic: u32, big: bool, link: u32, packets: &[(u32, u32, &[u8])]) -> Vec<u8> {
    let mut file = word(big, magic).to_vec();
    let version = if big { [0, 2, 0, 4] } else { [2, 0, 4, 0] };
    file.extend(version);
    file.extend([0; 8]);
    file.extend(word(big, 65_535));
    file.extend(word(big, link));
    for (seconds, fraction, bytes) in packets {
        let length = bytes.len() as u32;
        for number in [*seconds, *fraction, length, length] {
            file.extend(word(big, number));
        }
        if magic == 0xa1b2_cd34 {
            file.extend([7; 8]);
        }
        file.extend_from_slice(bytes);
    }
    file
}

/// A block with its two lengths.
pub(crate) fn block(big: bool, kind: u32, body: &[u8]) -> Vec<u8> {
    assert_eq!(body.len() % 4, 0);
    let length = word(big, body.len() as u32 + 12);
    [&word(big, kind), &length, body, &length].concat()
}

/// A section header without options.
pub(crate) fn section(big: bool) -> Vec<u8> {
    let version = if big { [0, 1, 0, 0] } else { [1, 0, 0, 0] };
    block(
        big,
        0x0a0d_0d0a,
        &[&word(big, 0x1a2b_3c4d), &version[..], &[0xff; 8]].concat(),
    )
}

fn interface(big: bool, link: u16, options: &[u8]) -> Vec<u8> {
    let link = if big {
        link.to_be_bytes()
    } else {
        link.to_le_bytes()
    };
    block(
        big,
        1,
        &[&link[..], &[0, 0], &word(big, 0), options].concat(),
    )
}

fn enhanced(big: bool, interface: u32, time: u64, bytes: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    let length = bytes.len() as u32;
    for number in [
        interface,
        (time >> 32) as u32,
        time as u32,
        length,
        length + 10,
    ] {
        body.extend(word(big, number));
    }
    body.extend_from_slice(bytes);
    body.resize(body.len().next_multiple_of(4), 0);
    block(big, 6, &body)
}

type Read = (Vec<(i64, u32, u32, Vec<u8>)>, Option<Damage>);

fn read(file: Vec<u8>) -> (Read, Reader) {
    let mut reader = Reader::new(Cursor::new(file)).unwrap();
    let mut packets = Vec::new();
    let damage = loop {
        match reader.next() {
            Ok(Some(packet)) => {
                assert_eq!(packet.number, packets.len() as u64 + 1);
                let length = packet.original_length;
                packets.push((packet.time, packet.link.0, length, packet.data.to_vec()));
            }
            Ok(None) => break None,
            Err(damage) => break Some(damage),
        }
    };
    ((packets, damage), reader)
}

#[test]
fn pcap_in_all_its_kinds() {
    let packets: [(u32, u32, &[u8]); 2] = [(1, 2, b"abc"), (4_000_000_000, 999_999, b"")];
    for (magic, unit) in [(0xa1b2_c3d4, 1000), (0xa1b2_3c4d, 1), (0xa1b2_cd34, 1000)] {
        for big in [false, true] {
            let ((read, damage), reader) = read(pcap(magic, big, 113, &packets));
            assert_eq!(damage, None);
            let first = (1_000_000_000 + 2 * unit, 113, 3, b"abc".to_vec());
            let second = (
                4_000_000_000_000_000_000 + 999_999 * unit,
                113,
                0,
                Vec::new(),
            );
            assert_eq!(read, [first, second], "{magic:x} {big}");
            let kind = reader.kind();
            assert_eq!((kind.pcapng, kind.big_endian), (false, big));
            assert_eq!(
                (kind.nanoseconds, kind.modified),
                (unit == 1, magic == 0xa1b2_cd34)
            );
            assert_eq!(reader.interfaces()[0].snap_length, 65_535);
        }
    }
}

#[test]
fn the_link_type_does_not_have_the_check_sequence() {
    let ((packets, _), _) = read(pcap(0xa1b2_c3d4, false, 0x5400_0001, &[(0, 0, b"x")]));
    assert_eq!(packets[0].1, 1);
}

#[test]
fn lengths_of_old_files_stand_the_other_way_round() {
    let mut file = pcap(0xa1b2_c3d4, false, 1, &[(0, 0, b"abc")]);
    file[6] = 2;
    // original, captured
    file[32..40].copy_from_slice(&[60, 0, 0, 0, 3, 0, 0, 0]);
    let ((packets, damage), _) = read(file);
    assert_eq!((packets[0].2, damage), (60, None));
}

#[test]
fn pcapng_with_sections_interfaces_and_units() {
    for big in [false, true] {
        let mut file = section(big);
        // nanoseconds, and a name
        let unit = if big { [0, 9, 0, 1] } else { [9, 0, 1, 0] };
        let name = if big { [0, 2, 0, 4] } else { [2, 0, 4, 0] };
        file.extend(interface(
            big,
            1,
            &[&unit[..], &[9, 0, 0, 0], &name, b"eth0"].concat(),
        ));
        // halves of a second to the power of 20, and an offset of a day
        let offset = if big { [0, 14, 0, 8] } else { [14, 0, 8, 0] };
        let day = if big {
            86_400_u64.to_be_bytes()
        } else {
            86_400_u64.to_le_bytes()
        };
        let options = [&unit[..], &[0x80 | 20, 0, 0, 0], &offset, &day, &[0; 4]].concat();
        file.extend(interface(big, 101, &options));
        file.extend(block(big, 0xbad, b"some"));
        file.extend(enhanced(big, 0, 5_000_000_007, b"nano!"));
        file.extend(enhanced(big, 1, 3 << 19, b"half"));
        // another section in the other order, microseconds
        file.extend(section(!big));
        file.extend(interface(!big, 113, &[]));
        file.extend(enhanced(!big, 0, 7, b"micro"));
        let ((packets, damage), reader) = read(file);
        assert_eq!(damage, None);
        assert_eq!(packets[0], (5_000_000_007, 1, 15, b"nano!".to_vec()));
        assert_eq!(packets[1], (86_401_500_000_000, 101, 14, b"half".to_vec()));
        assert_eq!(packets[2], (7000, 113, 15, b"micro".to_vec()));
        assert_eq!(reader.interfaces()[0].name.as_deref(), Some("eth0"));
        assert_eq!(reader.interfaces().len(), 3);
        assert_eq!(reader.kind().big_endian, big);
    }
}

#[test]
fn pcapng_with_simple_and_obsolete_packets_secrets_and_names() {
    let mut file = section(false);
    // snap length 4
    file.extend(block(false, 1, &[1, 0, 0, 0, 4, 0, 0, 0]));
    file.extend(block(false, 3, &[9, 0, 0, 0, b'a', b'b', b'c', b'd']));
    let mut body = vec![0, 0, 9, 9, 0, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 8, 0, 0, 0];
    body.extend(*b"xyz\0");
    file.extend(block(false, 2, &body));
    file.extend(block(false, 10, b"KSLT\x05\0\0\0CLIEN\0\0\0"));
    let name = [&[1, 0, 9, 0, 10, 0, 0, 1][..], b"host\0\0\0\0"].concat();
    file.extend(block(false, 4, &name));
    let statistics = [&[0; 12][..], &[5, 0, 8, 0, 42, 0, 0, 0, 0, 0, 0, 0]].concat();
    file.extend(block(false, 5, &statistics));
    let ((packets, damage), reader) = read(file);
    assert_eq!(damage, None);
    assert_eq!(
        packets,
        [(0, 1, 9, b"abcd".to_vec()), (2000, 1, 8, b"xyz".to_vec())]
    );
    assert_eq!(
        reader.secrets(),
        [Secrets {
            kind: 0x544c_534b,
            data: b"CLIEN".to_vec()
        }]
    );
    assert_eq!(reader.names(), [(vec![10, 0, 0, 1], "host".to_owned())]);
    assert_eq!(reader.interfaces()[0].dropped, Some(42));
}

#[test]
fn both_in_gzip() {
    for plain in [pcap(0xa1b2_c3d4, false, 1, &[(1, 2, b"abc")]), {
        let mut file = section(true);
        file.extend(interface(true, 1, &[]));
        file.extend(enhanced(true, 0, 1, b"abc"));
        file
    }] {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(&plain).unwrap();
        let whole = gzip.finish().unwrap();
        let ((packets, damage), reader) = read(whole.clone());
        assert_eq!((packets[0].3.as_slice(), damage), (&b"abc"[..], None));
        assert!(reader.kind().gzip);
        // its check sum and a little more are missing
        let cut = whole[..whole.len() - 9].to_vec();
        let damage = match Reader::new(Cursor::new(cut)) {
            Ok(mut reader) => loop {
                match reader.next() {
                    Ok(Some(_)) => {}
                    Ok(None) => panic!("the end of the gzip data is missing"),
                    Err(damage) => break damage,
                }
            },
            Err(error) => panic!("{error}"),
        };
        assert!(matches!(damage.reason, Reason::Gzip(_)), "{damage}");
        assert!(damage.to_string().contains("inside the gzip"), "{damage}");
    }
}

#[test]
fn a_file_that_is_cut_is_read_as_far_as_it_goes() {
    let whole = pcap(0xa1b2_c3d4, false, 1, &[(1, 0, b"abc"), (2, 0, b"defgh")]);
    let second = 24 + 16 + 3;
    for length in 24..whole.len() {
        let ((packets, damage), _) = read(whole[..length].to_vec());
        match length {
            24 => assert_eq!((packets.len(), damage), (0, None)),
            _ if length == second => assert_eq!((packets.len(), damage), (1, None)),
            _ => {
                let damage = damage.unwrap();
                let after = u64::from(length > second);
                assert_eq!(damage.packets, after, "{length}");
                assert_eq!(damage.offset, if after == 0 { 24 } else { second as u64 });
                assert!(matches!(damage.reason, Reason::Cut { .. }), "{damage}");
            }
        }
    }
    let ((_, damage), _) = read(whole[..whole.len() - 2].to_vec());
    let said = "stopped at byte 43, after packet 1: the file ends within a packet: 19 of 21 bytes are there";
    assert_eq!(damage.unwrap().to_string(), said);
}

#[test]
fn lengths_that_lie_are_damage() {
    let mut file = pcap(0xa1b2_c3d4, false, 1, &[(1, 0, b"abc")]);
    file[32..36].copy_from_slice(&u32::MAX.to_le_bytes());
    let ((_, damage), _) = read(file.clone());
    assert_eq!(damage.unwrap().reason, Reason::PacketLength(u32::MAX));
    // a length that might be is only believed when the bytes are there
    file[32..36].copy_from_slice(&200_000_000_u32.to_le_bytes());
    let ((_, damage), _) = read(file);
    assert!(matches!(
        damage.unwrap().reason,
        Reason::Cut { there: 19, .. }
    ));

    let begin = [section(false), interface(false, 1, &[])].concat();
    let at = begin.len() as u64;
    type Expected = fn(&Reason) -> bool;
    let cases: [(Vec<u8>, Expected); 6] = [
        (vec![6, 0, 0, 0, 8, 0, 0, 0], |r| {
            matches!(r, Reason::BlockLength { kind: 6, length: 8 })
        }),
        (vec![6, 0, 0, 0, 33, 0, 0, 0], |r| {
            matches!(r, Reason::BlockLength { .. })
        }),
        (vec![9, 9, 0, 0, 12, 0, 0, 0, 16, 0, 0, 0], |r| {
            matches!(
                r,
                Reason::BlockEnd {
                    length: 12,
                    end: 16,
                    ..
                }
            )
        }),
        (enhanced(false, 1, 0, b""), |r| {
            matches!(
                r,
                Reason::Interface {
                    interface: 1,
                    known: 1
                }
            )
        }),
        (
            block(
                false,
                6,
                &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0],
            ),
            |r| matches!(r, Reason::Block { kind: 6, .. }),
        ),
        (interface(false, 1, &[9, 0, 1, 0, 30, 0, 0, 0]), |r| {
            matches!(r, Reason::Block { kind: 1, .. })
        }),
    ];
    for (block, expected) in cases {
        let ((_, damage), mut reader) = read([begin.clone(), block].concat());
        let damage = damage.unwrap();
        assert!(expected(&damage.reason), "{damage}");
        assert_eq!(damage.offset, at);
        assert!(matches!(reader.next(), Ok(None)));
    }
}

#[test]
fn what_is_no_capture_is_said_to_be_none() {
    let error = |bytes: &[u8]| Reader::new(Cursor::new(bytes.to_vec())).err().unwrap();
    assert!(matches!(error(b""), Error::Empty));
    assert!(matches!(error(b"\xd4\xc3"), Error::NotACapture(_)));
    let said = error(b"HTTP/1.1").to_string();
    assert!(said.contains("48 54 54 50"), "{said}");
    let mut newer = pcap(0xa1b2_c3d4, false, 1, &[]);
    newer[4] = 3;
    assert!(matches!(error(&newer), Error::Version(3, 4)));
    assert!(matches!(error(&newer[..20]), Error::Header(_)));
}
