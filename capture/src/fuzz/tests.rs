//! The fuzz targets' functions on mutated captures: the same inputs in every run, bounded in number.

use super::*;
use crate::file::tests::{block, pcap, section};
use overhear_fuzz_rounds::rounds;

/// A frame with two tags, IPv6 with extension headers, TCP with options.
fn frame() -> Vec<u8> {
    let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];
    frame.extend([0x88, 0xa8, 0, 5, 0x81, 0, 0x20, 6, 0x86, 0xdd]);
    frame.extend([0x60, 0, 0, 0, 0, 60, 0, 64]);
    frame.extend([0xfe; 32]);
    frame.extend([60, 0, 1, 4, 0, 0, 0, 0, 6, 0, 1, 4, 0, 0, 0, 0]);
    frame.extend([
        0x1f, 0x90, 0, 80, 0, 0, 0, 1, 0, 0, 0, 2, 0xa0, 0x18, 1, 0, 0, 0, 0, 0,
    ]);
    frame.extend([
        1, 1, 5, 10, 0, 0, 0, 1, 0, 0, 0, 9, 2, 4, 5, 180, 4, 2, 3, 7,
    ]);
    frame.extend(*b"GET / HTTP/1.1\r\n");
    frame
}

/// Radiotap, a data frame of IEEE 802.11 with quality of service, SNAP, IPv4, UDP.
fn wireless() -> Vec<u8> {
    let mut frame = vec![0, 0, 15, 0, 0x2a, 0, 0, 0, 0x10, 0, 0x6c, 9, 0, 0, 0xc4];
    frame.extend([
        0x88, 9, 0, 0, 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 3, 0x10, 0, 0, 0,
    ]);
    frame.extend([0xaa, 0xaa, 3, 0, 0, 0, 8, 0]);
    frame.extend([
        0x45, 0, 0, 30, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2,
    ]);
    frame.extend([0x14, 0xe9, 0x14, 0xe9, 0, 10, 0, 0, 1, 2, 9, 9, 9, 9]);
    frame
}

fn files() -> Vec<Vec<u8>> {
    let little = pcap(0xa1b2_c3d4, false, 1, &[(1, 2, &frame()), (2, 3, b"short")]);
    let big = pcap(0xa1b2_3c4d, true, 127, &[(1, 2, &wireless())]);
    let mut ng = section(false);
    ng.extend(block(
        false,
        1,
        &[1, 0, 0, 0, 0, 0, 4, 0, 9, 0, 1, 0, 9, 0, 0, 0, 0, 0, 0, 0],
    ));
    let mut packet = vec![0; 12];
    let frame = frame();
    packet.extend((frame.len() as u32).to_le_bytes());
    packet.extend((frame.len() as u32).to_le_bytes());
    packet.extend(&frame);
    packet.resize(packet.len().next_multiple_of(4), 0);
    ng.extend(block(false, 6, &packet));
    ng.extend(block(false, 10, b"KSLT\x04\0\0\0keys"));
    ng.extend(block(
        false,
        4,
        &[1, 0, 8, 0, 10, 0, 0, 1, b'a', b'b', b'c', 0, 0, 0, 0, 0],
    ));
    ng.extend(block(false, 3, &[5, 0, 0, 0, 1, 2, 3, 4, 5, 0, 0, 0]));
    ng.extend(section(true));
    vec![little, big, ng]
}

#[test]
fn mutated_files_end_with_a_reason() {
    rounds("capture_file", file, &files());
}

#[test]
fn mutated_files_become_flows() {
    rounds("capture_flows", flows, &files());
}

#[test]
fn mutated_filters_are_taken_apart() {
    let seeds = [
        "(vlan 7) and (conversation tcp 10.0.0.1:40000 [fd00::1]:443)",
        "conversation arp 02:00:00:00:00:01 ff:ff:ff:ff:ff:ff",
        "endpoint fd00::1",
        "protocol eth/vlan/ip, malformed",
    ];
    rounds("capture_filter", filter, &seeds);
}

#[test]
fn mutated_packets_are_taken_apart() {
    let mut seeds = Vec::new();
    for link in 0..24 {
        seeds.push([&[link], frame().as_slice()].concat());
        seeds.push([&[link], wireless().as_slice()].concat());
    }
    rounds("capture_packet", packet, &seeds);
}

#[test]
fn mutated_fragments_are_put_together_or_not() {
    let mut seed = Vec::new();
    for id in [1, 5] {
        for (place, more) in [(1_u8, 0x80_u8), (0, 0x80), (2, 0)] {
            seed.extend([8, place | more, id, 0]);
            seed.extend([place; 8]);
        }
    }
    rounds("capture_fragments", fragments, &[seed]);
}

#[test]
fn mutated_segments_make_streams_without_untold_holes() {
    let mut seed = Vec::new();
    for (who, flags, sequence, ack, bytes) in [
        (0_u8, 2_u8, 0_u8, 0_u8, ""),
        (1, 0x12, 0, 1, ""),
        (0, 0x18, 1, 1, "hello"),
        (0, 0x18, 11, 1, "again"),
        (1, 0x10, 1, 6, ""),
        (0, 0x18, 6, 1, "world"),
        (1, 0x18, 1, 16, "answer of the server"),
        (0, 0x11, 16, 21, ""),
        (1, 0x11, 21, 17, ""),
    ] {
        seed.extend([who, flags, 0, sequence, 0, ack, bytes.len() as u8, 9]);
        seed.extend(bytes.bytes());
    }
    rounds("capture_segments", segments, &[seed]);
}

/// A client's and a server's bytes as records of [`http2`].
fn talk(pieces: &[(u8, &[u8])]) -> Vec<u8> {
    let mut data = vec![0];
    for (what, bytes) in pieces {
        data.push(*what);
        data.extend((bytes.len() as u16).to_be_bytes());
        data.extend_from_slice(bytes);
    }
    data
}

#[test]
fn mutated_http2_is_told_as_it_must_be() {
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    let settings = b"\0\0\0\x04\0\0\0\0\0";
    let seed = talk(&[
        (0, preface),
        (1, settings),
        // GET /, then one with a body and trailers
        (0, b"\0\0\x06\x01\x05\0\0\0\x01\x82\x86\x84\x41\x01a"),
        (0, b"\0\0\x04\x01\x04\0\0\0\x03\x83\x86\x84\xbe"),
        (0, b"\0\0\x06\0\x08\0\0\0\x03\x02abc\0\0"),
        (0, b"\0\0\x05\x01\x05\0\0\0\x03\x40\x01b\x01c"),
        (
            1,
            b"\0\0\x05\x01\0\0\0\0\x01\x48\x03103\0\0\0\x09\x04\0\0\0\x01",
        ),
        (
            1,
            b"\0\0\x01\x01\x04\0\0\0\x01\x88\0\0\x03\0\x01\0\0\0\x01yes",
        ),
        (1, b"\0\0\x08\x05\x04\0\0\0\x03\0\0\0\x02\x82\x86\x84\xbe"),
        (0x81, b""),
        (
            1,
            b"\0\0\x01\x01\x05\0\0\0\x03\x89\0\0\x01\x01\x05\0\0\0\x02\x88",
        ),
        (
            1,
            b"\0\0\x04\x03\0\0\0\0\x01\0\0\0\x08\0\0\x08\x07\0\0\0\0\0\0\0\0\x03\0\0\0\x01",
        ),
    ]);
    let mut upgraded = seed.clone();
    upgraded[0] = 1;
    rounds("capture_http2", http2, &[seed, upgraded]);
}

#[test]
fn mutated_field_blocks_keep_their_table() {
    let blocks =
        b"\0\x0d\x82\x86\x84\x41\x8c\xf1\xe3\xc2\xe5\xf2\x3a\x6b\xa0\0\x05\x20\x3f\x61\xbe\xbf\
        \0\x0a\x40\x04name\x03val\0\x04\x0f\x1f\x01x\0\x03\xbe\xbf\xc0";
    rounds("capture_hpack", hpack, &[blocks.to_vec()]);
}

#[test]
fn mutated_tls_is_opened_or_not() {
    let mut seeds = Vec::new();
    for (log, wire) in crate::tls::talks() {
        let mut seed = (log.len() as u16).to_be_bytes().to_vec();
        seed.extend(log.bytes());
        for (side, bytes) in &wire {
            seed.push(*side as u8);
            seed.extend((bytes.len() as u16).to_be_bytes());
            seed.extend_from_slice(bytes);
        }
        seeds.push(seed);
    }
    rounds("capture_tls", tls, &seeds);
}

#[test]
fn mutated_key_logs_are_read_as_far_as_they_are_any() {
    let line = |label: &str, secret: usize| {
        format!("{label} {} {}\n", "ab".repeat(32), "cd".repeat(secret))
    };
    let log = line("CLIENT_RANDOM", 48) + "# comment\n" + &line("SERVER_TRAFFIC_SECRET_0", 32);
    rounds("capture_keylog", keylog, &[log.into_bytes()]);
}

#[test]
fn mutated_http1_is_told_as_it_must_be() {
    let seed = talk(&[
        (0, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nA: b\r\n\r\n"),
        (1, b"HTTP/1.1 100 Go on\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nyes"),
        (0, b"HEAD /b HTTP/1.1\r\n\r\nGET /c HTTP/1.1\r\nUpgrade: websocket\r\n\r\n"),
        (1, b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nHTTP/1.1 101 Yes\r\nUpgrade: websocket\r\n\r\nhi"),
        (0, b"\x81\x82\0\0\0\0hi"),
        (0x81, b""),
        (0x40, b""),
        (0x41, b""),
    ]);
    let tunnel = talk(&[
        (0, b"CONNECT a:1 HTTP/1.1\r\n\r\n"),
        (1, b"HTTP/1.1 200 OK\r\n\r\nraw"),
        (0, b"bytes"),
    ]);
    rounds("capture_http1", http1, &[seed, tunnel]);
}

#[test]
fn mutated_conversations_are_something() {
    let mut hello = vec![22, 3, 1, 0, 47, 1, 0, 0, 43, 3, 3];
    hello.extend([0; 32]);
    hello.extend([0, 0, 4, 0x13, 1, 0x13, 2, 1, 0]);
    let mail: &[(u8, &[u8])] = &[
        (1, b"220 mail.test\r\n"),
        (0, b"STARTTLS\r\n"),
        (1, b"220 go\r\n"),
        (0, &hello),
        (1, &[21, 3, 3, 0, 2, 2, 70]),
        (0xc1, b""),
    ];
    let question = b"\0\x18\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x01a\x04test\0\0\x01\0\x01";
    let answer = b"\0\x18\x12\x34\x81\x83\0\x01\0\0\0\0\0\0\x01a\x04test\0\0\x01\0\x01";
    let names: &[(u8, &[u8])] = &[
        (0, question),
        (1, answer),
        (0x80, b""),
        (0, question),
        (0x40, b""),
    ];
    let socket: &[(u8, &[u8])] = &[
        (0, b"GET /c HTTP/1.1\r\nUpgrade: websocket\r\n\r\n"),
        (
            1,
            b"HTTP/1.1 101 Yes\r\nUpgrade: websocket\r\n\r\n\x81\x02hi",
        ),
        (0, b"\x81\x82\0\0\0\0hi"),
        (0x81, b""),
        (0xc0, b""),
    ];
    let seeds = [
        (0, mail),
        (1, names),
        (2, socket),
        (0x83, mail),
        (0x85, socket),
    ];
    let seeds = seeds.map(|(port, pieces)| {
        let mut seed = talk(pieces);
        seed[0] = port;
        seed
    });
    rounds("capture_conversation", conversation, &seeds);
}

#[test]
fn mutated_datagrams_can_be_said() {
    let question = b"\x12\x34\x81\x80\0\x01\0\x01\0\0\0\0\x01a\x04test\0\0\x01\0\x01\xc0\x0c\0\x05\0\x01\0\0\0\x3c\0\x04\x01b\xc0\x0e";
    let unreachable = b"\x03\x04\0\0\0\0\x05\x14\x45\0\0\x28\0\0\0\0\x40\x06\0\0\x0a\0\0\x01\x0a\0\0\x02\x9c\x40\0\x50\0\0\0\x01";
    rounds(
        "capture_datagrams",
        datagrams,
        &[question.to_vec(), unreachable.to_vec()],
    );
}
