use super::*;
use crate::{
    LinkType,
    write::{Format, Header, Writer},
};
use overhear_store::{CaptureId, PacketFileId};
use std::{fs, io::Write as _, path::PathBuf};
use tempfile::TempDir;

const A: [u8; 4] = [10, 0, 0, 1];
const B: [u8; 4] = [10, 0, 0, 2];

fn ip(from: [u8; 4], to: [u8; 4], protocol: u8, id: u16, place: u16, payload: &[u8]) -> Vec<u8> {
    let [l0, l1] = u16::try_from(20 + payload.len()).unwrap().to_be_bytes();
    let ([i0, i1], [f0, f1]) = (id.to_be_bytes(), place.to_be_bytes());
    let mut bytes = vec![0x45, 0, l0, l1, i0, i1, f0, f1, 64, protocol, 0, 0];
    bytes.extend(from);
    bytes.extend(to);
    bytes.extend(payload);
    bytes
}

fn udp(from: u16, to: u16, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(8 + payload.len()).unwrap();
    let fields = [from, to, length, 0].map(u16::to_be_bytes);
    [fields.concat(), payload.to_vec()].concat()
}

fn packet(number: u64, link: LinkType, data: &[u8]) -> Packet<'_> {
    Packet {
        number,
        time: 1_700_000_000_000_000_000 + i64::try_from(number).unwrap(),
        link,
        interface: 0,
        original_length: u32::try_from(data.len()).unwrap(),
        offset: 0,
        data,
    }
}

/// What passed: a conversation, in it another one, a fragmented datagram, and an error about it.
fn passed() -> Vec<Vec<u8>> {
    let question = udp(5000, 53, b"question");
    let mut unreachable = vec![3, 3, 0, 0, 0, 0, 0, 0];
    unreachable.extend(ip(A, B, 17, 9, 0, &question));
    let large = udp(53, 5000, &[7; 24]);
    vec![
        ip(A, B, 17, 1, 0, &question),
        ip(A, B, 17, 2, 0, &udp(5001, 53, b"another's")),
        // the first fragment, one of another datagram, the last
        ip(B, A, 17, 3, 0x2000, &large[..16]),
        ip(B, A, 17, 4, 2, &large[16..]),
        ip(B, A, 17, 3, 2, &large[16..]),
        ip(B, A, 6, 5, 0, &[0; 20]),
        ip(B, A, 1, 6, 0, &unreachable),
        ip(A, B, 17, 7, 0, &question),
    ]
}

/// A file of packets, and where each begins.
fn written(folder: &TempDir, format: Format) -> (PathBuf, Vec<u64>) {
    let path = folder.path().join("kept");
    let header = Header {
        format,
        link: LinkType::RAW,
        snaplen: 1000,
        nanoseconds: true,
        interface: None,
        filter: None,
    };
    let mut writer = Writer::new(fs::File::create(&path).unwrap(), header.clone()).unwrap();
    let mut places = Vec::new();
    for (number, data) in (1..).zip(&passed()) {
        places.push(writer.written());
        writer.packet(&packet(number, LinkType::RAW, data)).unwrap();
    }
    writer.finish(None).unwrap();
    (path, places)
}

fn range(path: &Path, first: u64, last: u64, described: u64) -> PacketRange {
    PacketRange {
        file: PacketFileId(1),
        capture: CaptureId(1),
        path: Some(path.to_owned()),
        described,
        first_offset: first,
        last_offset: last,
        first_number: 1,
        packets: 4,
    }
}

fn talk() -> Talk {
    let end = |ip: [u8; 4], port: u16| (ip, port).into();
    Talk::new(protocol::UDP, end(A, 5000), end(B, 53))
}

fn picked(path: &Path, range: &PacketRange, from: Option<(u64, u64)>) -> Vec<(u64, Side, bool)> {
    let mut all = Vec::new();
    let each = |picked: &Picked<'_>| {
        all.push((picked.packet.number, picked.side, picked.continues));
        ControlFlow::Continue(())
    };
    assert!(talk().pick(path, range, from, each).unwrap().is_continue());
    all
}

/// A DNS flow does not say which of the two its packets are.
#[test]
fn questions_are_picked_whatever_carries_them() {
    let key = |protocol: u8, ports: [u16; 2]| {
        let mut payload = ports.map(u16::to_be_bytes).concat();
        payload.resize(20, 0);
        ip(A, B, protocol, 1, 0, &payload)
    };
    let dns = Talk {
        protocols: [protocol::UDP, protocol::TCP],
        ..talk()
    };
    for (mut talk, carried) in [(dns, [true, true]), (talk(), [true, false])] {
        for (protocol, ours) in [protocol::UDP, protocol::TCP].into_iter().zip(carried) {
            let mut side = |ports| {
                let data = key(protocol, ports);
                talk.side(&packet(1, LinkType::RAW, &data))
            };
            assert_eq!(side([5000, 53]), ours.then_some((Side::Request, false)));
            assert_eq!(side([5000, 54]), None);
        }
        assert_eq!(
            talk.side(&packet(1, LinkType::RAW, &key(132, [5000, 53]))),
            None
        );
    }
}

#[test]
fn only_the_packets_of_the_conversation() {
    use Side::{Request, Response};
    let folder = tempfile::tempdir().unwrap();
    for format in [Format::Pcap, Format::Pcapng] {
        let (path, places) = written(&folder, format);
        let whole = range(&path, places[0], places[7], places[0]);
        let all = [
            (1, Request, false),
            (3, Response, false),
            (5, Response, true),
            (7, Response, false),
            (8, Request, false),
        ];
        assert_eq!(picked(&path, &whole, None), all, "{format:?}");
        // the range ends before; and begins later, where a number is known
        let most = range(&path, places[0], places[4], u64::MAX);
        assert_eq!(picked(&path, &most, None), all[..3], "{format:?}");
        let resumed = picked(&path, &whole, Some((places[2], 3)));
        assert_eq!(resumed, all[1..], "{format:?}");
        // a file that is still being written
        let there = fs::metadata(&path).unwrap().len();
        let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
        file.set_len(there - 5).unwrap();
        assert_eq!(picked(&path, &whole, None), all[..4], "{format:?}");
    }
}

#[test]
fn a_second_section_is_known_in_the_middle() {
    let folder = tempfile::tempdir().unwrap();
    let (path, places) = written(&folder, Format::Pcapng);
    // the same file twice, the second time with another link type, which only its own header says
    let mut second = fs::read(&path).unwrap();
    let mut file = fs::OpenOptions::new().append(true).open(&path).unwrap();
    let before = second.len() as u64;
    // the description of the interface comes after the header of the section, which says how long it is
    let link = u32::from_ne_bytes(*second[4..].first_chunk().unwrap()) as usize;
    assert_eq!(second[link + 8], 101);
    second[link + 8] = 228;
    file.write_all(&second).unwrap();
    drop(file);

    let mut reader = Reader::open(&path).unwrap();
    while reader.next().unwrap().is_some() {}
    let described = reader.described();
    assert_eq!(described, before + places[0]);

    let in_second = range(&path, before + places[0], before + places[7], described);
    let mut links = Vec::new();
    let from = Some((before + places[2], 11));
    let outcome = talk().pick(&path, &in_second, from, |picked| {
        links.push((picked.packet.number, picked.packet.link));
        match links.len() {
            2 => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        }
    });
    assert!(outcome.unwrap().is_break());
    assert_eq!(links, [(11, LinkType::IPV4), (13, LinkType::IPV4)]);
}

#[test]
fn a_file_that_is_gone_is_said_to_be() {
    let folder = tempfile::tempdir().unwrap();
    let gone = folder.path().join("gone");
    let error = talk().pick(&gone, &range(&gone, 0, 1, 0), None, |_| {
        ControlFlow::Continue(())
    });
    assert!(
        matches!(error, Err(Error::Read(error)) if error.kind() == std::io::ErrorKind::NotFound)
    );
}
