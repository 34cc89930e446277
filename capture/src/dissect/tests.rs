//! Packets taken apart, and that what is shown lies where it is said to lie.

use super::*;

fn names(layers: &[Layer]) -> Vec<&str> {
    layers.iter().map(|layer| layer.name).collect()
}

/// The field of that name: its value and its bytes.
fn field<'l>(layers: &'l [Layer], layer: &str, name: &str) -> (&'l str, Range<usize>) {
    let layer = layers.iter().find(|found| found.name == layer).unwrap();
    let field = layer
        .fields
        .iter()
        .find(|field| field.name == name)
        .unwrap();
    (&field.value, field.range.clone())
}

fn part<'l>(layers: &'l [Layer], layer: &str, field: &str, name: &str) -> &'l str {
    let layer = layers.iter().find(|found| found.name == layer).unwrap();
    let field = layer
        .fields
        .iter()
        .find(|found| found.name == field)
        .unwrap();
    &field
        .fields
        .iter()
        .find(|part| part.name == name)
        .unwrap()
        .value
}

fn checked(mut packet: Vec<u8>, header: usize) -> Vec<u8> {
    let sum = crate::print::checksum::sum(&[&packet[header..header + 20]]);
    packet[header + 10..header + 12].copy_from_slice(&sum.to_be_bytes());
    packet
}

/// A SYN behind Ethernet and a VLAN tag, with the options that everybody sends and right checksums.
fn syn() -> Vec<u8> {
    let mut packet = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x81, 0, 0x60, 7, 8, 0];
    packet.extend([
        0x45, 0, 0, 60, 0, 1, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2,
    ]);
    packet.extend([
        0xc0, 0, 0, 80, 0, 0, 0, 9, 0, 0, 0, 0, 0xa0, 2, 0xfa, 0xf0, 0, 0, 0, 0,
    ]);
    packet.extend([
        2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7,
    ]);
    let mut packet = checked(packet, 18);
    let addresses = crate::print::checksum::Addresses::Four([10, 0, 0, 1], [10, 0, 0, 2]);
    let sum = addresses.sum(6, &packet[38..]);
    packet[54..56].copy_from_slice(&sum.to_be_bytes());
    packet
}

#[test]
fn every_layer_has_its_fields_and_their_bytes() {
    let packet = syn();
    let layers = dissect(LinkType::ETHERNET, &packet);
    assert_eq!(names(&layers), ["Ethernet", "VLAN", "IPv4", "TCP"]);
    assert!(
        layers.iter().all(|layer| layer.problem.is_none()),
        "{layers:?}"
    );
    let ranges: Vec<_> = layers.iter().map(|layer| layer.range.clone()).collect();
    assert_eq!(ranges, [0..14, 14..18, 18..38, 38..78]);
    assert_eq!(layers[1].summary, "VLAN 7");
    assert_eq!(
        part(&layers, "VLAN", "Tag control information", "Priority"),
        "3"
    );
    assert_eq!(
        field(&layers, "Ethernet", "Source"),
        ("02:00:00:00:00:02", 6..12)
    );
    assert_eq!(
        field(&layers, "IPv4", "Source address"),
        ("10.0.0.1", 30..34)
    );
    assert_eq!(field(&layers, "IPv4", "Total length"), ("60 bytes", 20..22));
    assert_eq!(
        part(
            &layers,
            "IPv4",
            "Flags and fragment offset",
            "Don't fragment"
        ),
        "set"
    );
    assert!(
        field(&layers, "IPv4", "Header checksum")
            .0
            .ends_with("(right)")
    );
    assert_eq!(
        layers[3].summary,
        "49152 to 80 [SYN] seq 9, window 64240, 0 bytes"
    );
    assert!(field(&layers, "TCP", "Checksum").0.ends_with("(right)"));
    assert_eq!(
        part(&layers, "TCP", "Options", "Maximum segment size"),
        "1460 bytes"
    );
    assert_eq!(part(&layers, "TCP", "Options", "Window scale"), "7 bits");
    assert_eq!(
        part(&layers, "TCP", "Options", "Timestamps"),
        "value 1, echo 0"
    );
}

#[test]
fn a_wrong_checksum_is_told_with_the_right_one() {
    let mut packet = syn();
    let right = u16::from_be_bytes([packet[54], packet[55]]);
    packet[54] ^= 0xff;
    packet[28] ^= 1;
    let layers = dissect(LinkType::ETHERNET, &packet);
    let (told, _) = field(&layers, "TCP", "Checksum");
    assert!(told.contains(&format!("should be 0x{right:04x}")), "{told}");
    assert!(
        field(&layers, "IPv4", "Header checksum")
            .0
            .contains("wrong")
    );
    // what was cut off cannot be checked
    let layers = dissect(LinkType::ETHERNET, &packet[..70]);
    let (told, _) = field(&layers, "TCP", "Checksum");
    assert!(told.contains("bytes are missing"), "{told}");
    assert!(layers[3].problem.is_some());
}

#[test]
fn extension_headers_are_passed() {
    let mut packet = vec![0x60, 1, 2, 3, 0, 26, 0, 64];
    packet.extend([0xfe; 16]);
    packet.extend([0xfd; 16]);
    packet.extend([44, 0, 1, 4, 0, 0, 0, 0]);
    packet.extend([17, 0, 0, 0, 0, 0, 0, 9]);
    packet.extend([0, 53, 0, 99, 0, 10, 0, 0, 7, 7]);
    let layers = dissect(LinkType::RAW, &packet);
    assert_eq!(
        names(&layers),
        [
            "IPv6",
            "IPv6 hop-by-hop options",
            "IPv6 fragment",
            "UDP",
            "Data"
        ]
    );
    assert_eq!(
        part(
            &layers,
            "IPv6",
            "Version, traffic class and flow label",
            "Flow label"
        ),
        "0x10203"
    );
    assert_eq!(
        field(&layers, "IPv6 fragment", "Identification"),
        ("0x00000009", 52..56)
    );
    assert_eq!(layers[3].summary, "53 to 99, 2 bytes");
    assert_eq!(layers[4].range, 64..66);
    // a later fragment has no header
    packet[50..52].copy_from_slice(&8u16.to_be_bytes());
    assert_eq!(
        names(&dissect(LinkType::RAW, &packet)).last(),
        Some(&"Fragment")
    );
}

fn udp(ports: [u16; 2], content: &[u8]) -> Vec<u8> {
    let length = 8 + content.len() as u16;
    let mut packet = vec![
        0x45, 0, 0, 0, 0, 1, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2,
    ];
    packet[2..4].copy_from_slice(&(length + 20).to_be_bytes());
    for port in ports {
        packet.extend(port.to_be_bytes());
    }
    packet.extend(length.to_be_bytes());
    packet.extend([0, 0]);
    packet.extend_from_slice(content);
    packet
}

#[test]
fn dns_in_words() {
    let mut message = vec![0x12, 0x34, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0];
    message.extend(b"\x01a\x07example\x00\x00\x01\x00\x01");
    message.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 1]);
    let packet = udp([53, 4000], &message);
    let layers = dissect(LinkType::RAW, &packet);
    assert_eq!(names(&layers), ["IPv4", "UDP", "DNS"]);
    assert_eq!(layers[2].summary, "A a.example: 192.0.2.1");
    assert_eq!(field(&layers, "DNS", "Question").0, "a.example A");
    assert_eq!(
        field(&layers, "DNS", "Answer").0,
        "a.example A 60 s: 192.0.2.1"
    );
    assert_eq!(field(&layers, "UDP", "Checksum").0, "0x0000 (none)");
    assert_eq!(part(&layers, "DNS", "Flags", "Recursion available"), "set");
}

fn tcp(content: &[u8]) -> Vec<u8> {
    let mut packet = vec![
        0x45, 0, 0, 0, 0, 1, 0, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2,
    ];
    packet.extend([
        0xc0, 0, 0, 80, 0, 0, 0, 9, 0, 0, 0, 1, 0x50, 0x18, 1, 0, 0, 0, 0, 0,
    ]);
    packet.extend_from_slice(content);
    let length = packet.len() as u16;
    packet[2..4].copy_from_slice(&length.to_be_bytes());
    packet
}

#[test]
fn a_head_of_http_line_by_line() {
    let layers = dissect(
        LinkType::RAW,
        &tcp(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nX: \x1b[31m\r\n\r\nhello"),
    );
    assert_eq!(names(&layers), ["IPv4", "TCP", "HTTP", "Content"]);
    assert_eq!(layers[2].summary, "HTTP/1.1 200 OK");
    assert_eq!(
        field(&layers, "HTTP", "Content-Type"),
        ("text/plain", 57..83)
    );
    // nothing that a terminal would obey
    assert_eq!(field(&layers, "HTTP", "X").0, "\\u{1b}[31m");
    assert_eq!(layers[3].summary, "5 bytes");
    let layers = dissect(LinkType::RAW, &tcp(b"220 mail.example ESMTP\r\n"));
    assert_eq!(names(&layers), ["IPv4", "TCP", "Text"]);
    let layers = dissect(LinkType::RAW, &tcp(b"\x00\x01\x02"));
    assert_eq!(names(&layers), ["IPv4", "TCP", "Data"]);
}

#[test]
fn records_of_tls_and_what_is_missing_of_them() {
    let layers = dissect(
        LinkType::RAW,
        &tcp(b"\x15\x03\x03\x00\x02\x02\x30\x17\x03\x03\x01\x00abc"),
    );
    assert_eq!(names(&layers), ["IPv4", "TCP", "TLS", "TLS"]);
    assert_eq!(layers[2].summary, "Alert: unknown_ca");
    assert!(!part(&layers, "TLS", "Alert", "Meaning").is_empty());
    assert_eq!(
        layers[3].summary,
        "Application data, 256 bytes (253 bytes of it in later packets)"
    );
    assert_eq!(layers[3].range, 47..55);
}

#[test]
fn what_an_icmp_error_quotes_is_taken_apart_too() {
    let mut packet = vec![
        0x45, 0, 0, 0, 0, 1, 0, 0, 64, 1, 0, 0, 10, 0, 0, 9, 10, 0, 0, 1,
    ];
    packet.extend([3, 4, 0, 0, 0, 0, 5, 0x78]);
    packet.extend(tcp(b""));
    let length = packet.len() as u16;
    packet[2..4].copy_from_slice(&length.to_be_bytes());
    let layers = dissect(LinkType::RAW, &packet);
    assert_eq!(names(&layers), ["IPv4", "ICMP", "IPv4", "TCP"]);
    assert_eq!(
        layers[1].summary,
        "Destination unreachable: fragmentation needed, MTU 1400"
    );
}

#[test]
fn radio_and_frame() {
    // flags (a check sequence follows), rate, channel, signal
    let mut packet = vec![0, 0, 15, 0, 0x2e, 0, 0, 0, 0x10, 12, 0x6c, 9, 0, 0, 0xd8];
    packet.extend([8, 0x0a, 0, 0]);
    packet.extend([1; 6]);
    packet.extend([2; 6]);
    packet.extend([3; 6]);
    packet.extend([0x50, 0]);
    packet.extend([0xaa, 0xaa, 3, 0, 0, 0, 8, 0]);
    packet.extend(tcp(b""));
    packet.extend([9; 4]);
    let layers = dissect(LinkType::RADIOTAP, &packet);
    assert_eq!(
        names(&layers),
        [
            "Radiotap",
            "IEEE 802.11",
            "LLC",
            "IPv4",
            "TCP",
            "Frame check sequence"
        ]
    );
    assert_eq!(layers[0].summary, "6.0 Mb/s, 2412 MHz, -40 dBm");
    assert_eq!(layers[1].summary, "Data, sent again");
    assert_eq!(
        part(&layers, "IEEE 802.11", "Frame control", "Retry"),
        "set"
    );
    assert_eq!(
        part(
            &layers,
            "IEEE 802.11",
            "Sequence control",
            "Sequence number"
        ),
        "5"
    );
}

#[test]
fn tunnels_in_tunnels_end() {
    let mut packet = Vec::new();
    for _ in 0..100 {
        let mut outer = vec![
            0x45, 0, 0, 0, 0, 0, 0, 0, 64, 4, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2,
        ];
        outer.extend(&packet);
        let length = outer.len() as u16;
        outer[2..4].copy_from_slice(&length.to_be_bytes());
        packet = outer;
    }
    assert_eq!(dissect(LinkType::RAW, &packet).len(), MOST_LAYERS);
    let tags: Vec<u8> = [0x81, 0, 0, 1].repeat(100);
    let mut frame = vec![0; 12];
    frame.extend(tags);
    assert!(dissect(LinkType::ETHERNET, &frame).len() <= MOST_LAYERS);
}
