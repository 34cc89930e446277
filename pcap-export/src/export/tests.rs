//! Whole files from flows in memory, read back with other programs' code.

use super::*;
use crate::source::memory::{Entry, Memory, connection, flow, ms};
use etherparse::{NetSlice, SlicedPacket, TransportSlice};
use overhear_store::{FailureCause, FlowId, HeadKind, Party, Side, TlsInfo};
use pcap_file::pcapng::{
    Block, PcapNgReader,
    blocks::{enhanced_packet::EnhancedPacketOption, opt_common::CommonOption},
};
use std::collections::HashMap;

const PCAPNG: ExportOptions = ExportOptions {
    format: Format::Pcapng,
    ids: None,
    filter: None,
    keep_tls_port: false,
};

/// A packet, as it was read back.
#[derive(Debug, Clone)]
struct Read {
    at: i64,
    source: u16,
    destination: u16,
    seq: u32,
    length: u32,
    comment: String,
}

async fn file(source: Memory, options: &ExportOptions) -> (Vec<u8>, Summary) {
    let mut out = Vec::new();
    let mut export = Export::new(source, options, &mut out).await.unwrap();
    while export.step(&mut out).await.unwrap() {}
    (out, export.summary())
}

fn read(file: &[u8]) -> Vec<Read> {
    let mut reader = PcapNgReader::new(file).unwrap();
    let mut packets = Vec::new();
    while let Some(block) = reader.next_block() {
        let Block::EnhancedPacket(packet) = block.unwrap().0 else {
            continue;
        };
        let sliced = SlicedPacket::from_ip(&packet.data).unwrap();
        let Some(TransportSlice::Tcp(tcp)) = sliced.transport else {
            panic!("no TCP");
        };
        assert!(matches!(sliced.net, Some(NetSlice::Ipv4(_))));
        let comment = packet.options.iter().find_map(|o| match o {
            EnhancedPacketOption::Common(CommonOption::Comment(text)) => Some(text.to_string()),
            _ => None,
        });
        let control = u32::from(tcp.syn()) + u32::from(tcp.fin());
        packets.push(Read {
            at: packet.timestamp.as_millis() as i64,
            source: tcp.source_port(),
            destination: tcp.destination_port(),
            seq: tcp.sequence_number(),
            length: tcp.payload().len() as u32 + control,
            comment: comment.unwrap_or_default(),
        });
    }
    packets
}

fn exchange(id: i64, on: i64, at: i64) -> Entry {
    flow(id, on, Kind::Http)
        .request(at, "GET / HTTP/1.1\r\n\r\n")
        .response(at + 5, "HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n")
        .body(Side::Response, at + 6, &[7; 2000])
}

/// Every direction's segments follow each other without a gap and without an overlap.
fn assert_no_gaps(packets: &[Read]) {
    let mut next: HashMap<(u16, u16), u32> = HashMap::new();
    for packet in packets {
        let direction = (packet.source, packet.destination);
        let expected = *next.entry(direction).or_insert(packet.seq);
        assert_eq!(packet.seq, expected, "{packet:?}");
        next.insert(direction, packet.seq.wrapping_add(packet.length));
    }
}

#[tokio::test]
async fn packets_of_all_connections_in_the_order_of_time() {
    let connections = (1..=20).map(|id| {
        let mut connection = connection(id);
        connection.client.set_port(50_000 + id as u16);
        // the later a number, the earlier it begins
        connection.connect_start = Some(ms(40 - 2 * id));
        connection.connected = Some(ms(41 - 2 * id));
        connection.closed = Some(ms(200 + id));
        connection
    });
    let flows = (1..=60).map(|id| exchange(id, 1 + (id * 7) % 20, 10 + id * 3));
    let source = Memory::new(connections.collect(), flows.collect());
    let (file, summary) = file(source, &PCAPNG).await;
    let packets = read(&file);
    let expected = Summary {
        flows: 60,
        connections: 20,
        // handshake 3, end 3; request 2, head 2, body 2 segments and an ACK
        packets: 20 * 6 + 60 * 7,
        without_packets: 0,
    };
    assert_eq!(summary, expected);
    assert_eq!(packets.len() as u64, summary.packets);
    assert!(packets.is_sorted_by_key(|p| p.at));
    assert_eq!((packets[0].at, packets[0].source), (0, 50_020));
    assert_no_gaps(&packets);
}

#[tokio::test]
async fn a_selection_leaves_no_gaps() {
    let flows = (1..=9).map(|id| exchange(id, 1, id * 10)).collect();
    let source = Memory::new(vec![connection(1)], flows);
    let options = ExportOptions {
        ids: Some([7, 2, 3, 7, 99].map(FlowId).to_vec()),
        ..PCAPNG
    };
    let (bytes, summary) = file(source.clone(), &options).await;
    let packets = read(&bytes);
    assert_eq!((summary.flows, summary.packets), (3, 6 + 3 * 7));
    assert_no_gaps(&packets);
    let (again, _) = file(source, &options).await;
    assert_eq!(bytes, again, "an export is the same every time");
}

#[tokio::test]
async fn one_port_used_twice_is_two_conversations() {
    let mut tls = connection(2);
    tls.server = Some("203.0.113.1:443".parse().unwrap());
    tls.server_tls = Some(TlsInfo::default());
    tls.server_tls_done = Some(ms(3));
    "example.org".clone_into(&mut tls.host);
    let flows = vec![exchange(1, 1, 10), exchange(2, 2, 12)];
    let source = Memory::new(vec![connection(1), tls], flows);
    let (mapped, summary) = file(source.clone(), &PCAPNG).await;
    let packets = read(&mapped);
    assert_eq!(summary.connections, 2);
    assert_no_gaps(&packets);
    assert_eq!((packets[1].source, packets[1].destination), (65_535, 80));
    assert!(packets[1].comment.contains("written as 65535"));
    assert!(packets[1].comment.contains("port 80 instead of 443"));

    let keep = ExportOptions {
        keep_tls_port: true,
        ..PCAPNG
    };
    let packets = read(&file(source, &keep).await.0);
    assert_eq!((packets[1].source, packets[1].destination), (50_000, 443));
}

#[tokio::test]
async fn a_port_is_changed_only_for_what_was_decrypted() {
    let ports = async |change: fn(&mut Connection), kind| {
        let mut recorded = connection(1);
        recorded.server = Some("203.0.113.1:993".parse().unwrap());
        change(&mut recorded);
        let mut stream = flow(1, 1, kind);
        stream.recorded.flow.times.started = ms(4);
        let source = Memory::new(vec![recorded], vec![stream]);
        read(&file(source, &PCAPNG).await.0)[0].destination
    };
    let tls = |c: &mut Connection| {
        c.server_tls = Some(TlsInfo::default());
        c.server_tls_done = Some(ms(3));
    };
    assert_eq!(ports(tls, Kind::Http).await, 80);
    assert_eq!(ports(tls, Kind::Tcp).await, 143);
    assert_eq!(ports(tls, Kind::Tls).await, 993);
    assert_eq!(ports(|_| {}, Kind::Http).await, 993);
    // the port of STARTTLS is the one without TLS, and what was said before it keeps its time
    let turned = |c: &mut Connection| {
        c.server_tls = Some(TlsInfo::default());
        c.server_tls_done = Some(ms(60_000));
    };
    assert_eq!(ports(turned, Kind::Tcp).await, 993);
    let mut recorded = connection(1);
    turned(&mut recorded);
    let stream = flow(1, 1, Kind::Tcp).body(Side::Response, 20, b"220 mail.test");
    let source = Memory::new(vec![recorded], vec![stream]);
    let packets = read(&file(source, &PCAPNG).await.0);
    assert!(packets.iter().all(|packet| packet.at < 60_000));
    let failed = |c: &mut Connection| c.server_tls = Some(TlsInfo::default());
    assert_eq!(ports(failed, Kind::Http).await, 993);
}

/// Whatever was recorded, a file comes out, and its packets follow each other.
#[tokio::test]
async fn any_recording_becomes_a_file() {
    let mut state = 1u64;
    let mut random = move |below: usize| {
        // xorshift64
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below as u64) as usize
    };
    let words = [
        "GET / HTTP/1.1",
        ":method: GET",
        "HTTP/1.1 200 OK",
        ":status: 200",
        "HTTP/1.1 101 ",
        "Transfer-Encoding: chunked",
        "Content-Length: 5",
        "\u{e9}: \u{0}",
        ":",
        "",
        " ",
        "x",
    ];
    let kinds = [Kind::Http, Kind::WebSocket, Kind::Tcp, Kind::Tls];
    for round in 0..500 {
        let mut flows = Vec::new();
        for id in 0..random(6) {
            let mut entry = flow(id as i64 + 1, 1, kinds[random(4)]);
            for _ in 0..random(5) {
                let text: Vec<&str> = (0..random(5)).map(|_| words[random(words.len())]).collect();
                let kind = [
                    HeadKind::Request,
                    HeadKind::Response,
                    HeadKind::RequestSent,
                    HeadKind::RequestTrailers,
                    HeadKind::ResponseTrailers,
                    HeadKind::Interim,
                ][random(6)];
                entry = entry.head(kind, random(100) as i64 - 20, &text.join("\r\n"));
            }
            for _ in 0..random(4) {
                let side = [Side::Request, Side::Response][random(2)];
                let (at, bytes) = (random(100) as i64 - 20, vec![7; random(30_000)]);
                entry = match random(4) {
                    0 => entry.raw(side, at, &bytes),
                    _ => entry.body(side, at, &bytes),
                };
            }
            let causes = [
                FailureCause::Reset,
                FailureCause::Protocol,
                FailureCause::Refused,
            ];
            let sides = [Party::Client, Party::Server, Party::Proxy];
            flows.push(match random(4) {
                0 => entry.running(),
                1 => entry.failed(
                    random(100) as i64,
                    causes[random(3)],
                    sides[random(3)],
                    "why",
                ),
                2 => entry.without_server(),
                _ => entry,
            });
        }
        let mut recorded = connection(1);
        recorded.reset = random(3) == 0;
        recorded.closed = [None, Some(ms(50)), Some(ms(1000))][random(3)];
        recorded.connected = [None, Some(ms(2)), Some(ms(60))][random(3)];
        let (file, summary) = file(Memory::new(vec![recorded], flows), &PCAPNG).await;
        let packets = read(&file);
        assert_eq!(packets.len() as u64, summary.packets, "round {round}");
        assert!(packets.is_sorted_by_key(|p| p.at), "round {round}");
        if packets.len() > 2 {
            assert_no_gaps(&packets);
        }
    }
}

#[tokio::test]
async fn flows_that_never_had_an_address() {
    let mut unknown = connection(2);
    unknown.server = None;
    unknown.connected = None;
    let failed = exchange(2, 2, 12).failed(13, FailureCause::Dns, Party::Server, "no such host");
    // a flow whose connection is gone
    let orphan = exchange(3, 99, 12);
    let flows = vec![exchange(1, 1, 10), failed, orphan];
    let source = Memory::new(vec![connection(1), unknown], flows);
    let (file, summary) = file(source, &PCAPNG).await;
    assert_eq!((summary.flows, summary.without_packets), (1, 2));
    let reader = PcapNgReader::new(&file[..]).unwrap();
    let header = format!("{:?}", reader.section());
    assert!(
        header.contains("2 of 3 selected flows have no packets"),
        "{header}"
    );
}

#[tokio::test]
async fn an_empty_selection_is_an_empty_file() {
    for format in [Format::Pcap, Format::Pcapng] {
        let options = ExportOptions { format, ..PCAPNG };
        let (file, summary) = file(Memory::default(), &options).await;
        assert_eq!(summary, Summary::default());
        assert!(file.len() >= 24);
    }
}
