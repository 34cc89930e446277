use super::*;
use crate::Reader;
use std::io::Cursor;

fn header(format: Format, nanoseconds: bool) -> Header {
    Header {
        format,
        link: LinkType::ETHERNET,
        snaplen: 65_535,
        nanoseconds,
        interface: Some("eth0".to_owned()),
        filter: Some("tcp port 25".to_owned()),
    }
}

fn packets(data: &[Vec<u8>]) -> Vec<Packet<'_>> {
    let packet = |(data, place): (_, i64)| {
        let data: &Vec<u8> = data;
        Packet {
            number: place as u64 + 1,
            time: 1_700_000_000_123_456_789 + place,
            link: LinkType::ETHERNET,
            interface: 0,
            original_length: data.len() as u32 + 7,
            offset: 0,
            data,
        }
    };
    data.iter().zip(0..).map(packet).collect()
}

#[test]
fn what_is_written_is_read_again() {
    let data: Vec<Vec<u8>> = (0..40).map(|n| vec![n as u8; n]).collect();
    for format in [Format::Pcap, Format::Pcapng] {
        for nanoseconds in [false, true] {
            let mut file = Vec::new();
            let mut writer = Writer::new(&mut file, header(format, nanoseconds)).unwrap();
            for packet in packets(&data) {
                writer.packet(&packet).unwrap();
            }
            let counted = Counted {
                at: 1_700_000_001_000_000_000,
                received: 40,
                dropped: 2,
            };
            let written = writer.written();
            writer.finish(Some(counted)).unwrap();
            // the block of statistics comes last
            let statistics = if format == Format::Pcapng { 52 } else { 0 };
            assert_eq!(file.len() as u64, written + statistics, "{format:?}");
            let mut reader = Reader::new(Cursor::new(file)).unwrap();
            for expected in packets(&data) {
                let packet = reader.next().unwrap().unwrap();
                assert_eq!(packet.data, expected.data);
                assert_eq!(packet.original_length, expected.original_length);
                assert_eq!(packet.link, expected.link);
                let unit = if nanoseconds { 1 } else { 1000 };
                assert_eq!(packet.time, expected.time / unit * unit);
            }
            assert!(reader.next().unwrap().is_none());
            let interface = &reader.interfaces()[0];
            if format == Format::Pcapng {
                assert_eq!(interface.name.as_deref(), Some("eth0"));
                assert_eq!((interface.received, interface.dropped), (Some(40), Some(2)));
            }
        }
    }
}

#[test]
fn the_name_says_the_format() {
    let format = |name: &str| Format::of_path(Path::new(name));
    assert_eq!(format("a.pcap"), Format::Pcap);
    assert_eq!(format("a.PcapNG"), Format::Pcapng);
    assert_eq!(format("a.cap"), Format::Pcap);
    assert_eq!(format("-"), Format::Pcap);
    assert_eq!(format("pcapng"), Format::Pcap);
}
