//! An IPv4 packet behind every header that is known.

use super::*;

const IP: [u8; 20] = [
    0x45, 0, 0, 20, 0, 0, 0, 0, 64, 59, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2,
];

fn behind(link: LinkType, header: &[u8]) -> Layers<'static> {
    let packet: &'static [u8] = Box::leak([header, &IP].concat().into_boxed_slice());
    let layers = decode(link, packet);
    assert_eq!(layers.network, Network::Ipv4, "{link} {layers:?}");
    assert_eq!(layers.payload, IP, "{link}");
    layers
}

fn names(layers: &Layers<'_>) -> String {
    let names: Vec<_> = layers
        .path
        .as_slice()
        .iter()
        .map(|protocol| protocol.name())
        .collect();
    names.join(":")
}

const MACS: [u8; 12] = [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];

#[test]
fn ethernet_with_and_without_tags() {
    let layers = behind(LinkType::ETHERNET, &[&MACS[..], &[8, 0]].concat());
    assert_eq!(layers.destination.unwrap().to_string(), "02:00:00:00:00:01");
    assert_eq!(layers.source.unwrap().to_string(), "02:00:00:00:00:02");
    assert_eq!(names(&layers), "eth");

    let tags = [&MACS[..], &[0x88, 0xa8, 0xe0, 7, 0x81, 0, 0x10, 100, 8, 0]].concat();
    let layers = behind(LinkType::ETHERNET, &tags);
    let ids: Vec<_> = layers
        .vlans
        .as_slice()
        .iter()
        .map(|vlan| (vlan.tpid, vlan.id()))
        .collect();
    assert_eq!(ids, [(0x88a8, 7), (0x8100, 100)]);
    assert_eq!(names(&layers), "eth:vlan:vlan");

    let snap = [&MACS[..], &[0, 28, 0xaa, 0xaa, 3, 0, 0, 0, 8, 0]].concat();
    assert_eq!(names(&behind(LinkType::ETHERNET, &snap)), "eth:llc");
    let mpls = [&MACS[..], &[0x88, 0x47, 0, 1, 0, 64, 0, 2, 1, 64]].concat();
    assert_eq!(names(&behind(LinkType::ETHERNET, &mpls)), "eth:mpls");
    let pppoe = [&MACS[..], &[0x88, 0x64, 0x11, 0, 0, 1, 0, 22, 0, 0x21]].concat();
    assert_eq!(names(&behind(LinkType::ETHERNET, &pppoe)), "eth:pppoe:ppp");
}

#[test]
fn padding_behind_a_length_is_left_out() {
    let frame = [&MACS[..], &[0, 3, 0x42, 0x42, 3], &[0; 40]].concat();
    let layers = decode(LinkType::ETHERNET, &frame);
    assert_eq!(layers.network, Network::Llc(0x42, 0x42));
    assert_eq!(layers.payload, [0x42, 0x42, 3]);
}

#[test]
fn headers_of_a_few_bytes() {
    for (link, header) in [
        (LinkType::NULL, &[2, 0, 0, 0][..]),
        (LinkType::NULL, &[0, 0, 0, 2]),
        (LinkType::LOOP, &[0, 0, 0, 2]),
        (LinkType::RAW, &[]),
        (LinkType::DLT_RAW, &[]),
        (LinkType::DLT_RAW_OPENBSD, &[]),
        (LinkType::IPV4, &[]),
        (LinkType::PPP, &[0, 0x21]),
        (LinkType::PPP, &[0x21]),
        (LinkType::PPP, &[0xff, 3, 0, 0x21]),
        (LinkType::PPP_HDLC, &[0x0f, 0, 8, 0]),
        (LinkType::PPP_PPPD, &[1, 3, 0, 0x21]),
        (LinkType::PPP_WITH_DIR, &[0, 0xff, 3, 0, 0x21]),
        (LinkType::PPP_WITH_DIR, &[0, 0, 0x21]),
        (LinkType::PPP_ETHER, &[0x11, 0, 0, 1, 0, 22, 0, 0x21]),
        (LinkType::C_HDLC, &[0x8f, 0, 8, 0]),
        (
            LinkType::LINUX_SLL,
            &[0, 4, 0, 1, 0, 6, 2, 0, 0, 0, 0, 9, 0, 0, 8, 0],
        ),
        (
            LinkType::LINUX_SLL2,
            &[8, 0, 0, 0, 0, 0, 0, 3, 0, 1, 4, 6, 2, 0, 0, 0, 0, 9, 0, 0],
        ),
    ] {
        let layers = behind(link, header);
        let cooked = matches!(link, LinkType::LINUX_SLL | LinkType::LINUX_SLL2);
        assert_eq!(layers.source.is_some(), cooked, "{link}");
    }
    // the family of IPv6 differs by system
    for family in [10, 24, 28, 30] {
        assert_eq!(
            decode(LinkType::NULL, &[family, 0, 0, 0, 0x60]).network,
            Network::Ipv6
        );
    }
}

#[test]
fn pktap_says_whose_packet_it_is() {
    let mut header = vec![0; 108];
    header[0] = 108;
    header[4] = 1;
    header[8] = 12;
    header[12..15].copy_from_slice(b"en0");
    header[52..54].copy_from_slice(&[0x34, 2]);
    header[56..60].copy_from_slice(b"curl");
    for link in [LinkType::PKTAP, LinkType::USER2] {
        let process = behind(link, &header).process.unwrap();
        assert_eq!(
            (process.interface, process.pid, process.name),
            ("en0", 0x234, "curl")
        );
    }
    // a header in itself comes to an end
    header[8..12].copy_from_slice(&258_u32.to_le_bytes());
    let nested: Vec<u8> = header.iter().copied().cycle().take(108 * 20).collect();
    assert_eq!(decode(LinkType::PKTAP, &nested).network, Network::Cut);
}

/// A data frame to an access point, sent again; `quality` adds a field to it.
fn wireless(quality: bool) -> Vec<u8> {
    let mut frame = vec![if quality { 0x88 } else { 8 }, 9, 0, 0];
    for last in 1..=3 {
        frame.extend([2, 0, 0, 0, 0, last]);
    }
    frame.extend([0x50, 1]);
    if quality {
        frame.extend([0, 0]);
    }
    frame
}

const SNAP: [u8; 8] = [0xaa, 0xaa, 3, 0, 0, 0, 8, 0];

#[test]
fn ieee80211_and_what_radios_say() {
    let plain = [wireless(false), SNAP.to_vec()].concat();
    let layers = behind(LinkType::IEEE802_11, &plain);
    let wlan = layers.wlan.unwrap();
    assert!(wlan.retry && !wlan.protected && wlan.kind == 2);
    assert_eq!((wlan.sequence, wlan.signal), (Some(0x150), None));
    assert_eq!(wlan.network.unwrap().0[5], 1);
    assert_eq!(
        (
            layers.source.unwrap().0[5],
            layers.destination.unwrap().0[5]
        ),
        (2, 3)
    );
    assert_eq!(names(&layers), "wlan:llc");

    // timer, flags, rate, channel, signal; the frame is padded to 32 bits before its content
    let radio = [
        &[0, 0, 23, 0, 0x2f, 0, 0, 0][..],
        &[0; 8],
        &[0x20, 2, 0x6c, 9, 0, 0, 0xc4],
    ]
    .concat();
    let frame = [radio, wireless(true), vec![0, 0], SNAP.to_vec()].concat();
    let layers = behind(LinkType::RADIOTAP, &frame);
    assert_eq!(layers.wlan.unwrap().signal, Some(-60));
    assert_eq!(names(&layers), "radiotap:wlan:llc");

    let common = [&[2, 0, 20, 0][..], &[0; 18], &[0xb0, 0x80]].concat();
    let ppi = [&[0, 0, 32, 0, 105, 0, 0, 0][..], &common].concat();
    let layers = behind(LinkType::PPI, &[ppi, plain.clone()].concat());
    assert_eq!(layers.wlan.unwrap().signal, Some(-80));
    let ppi = [&[0, 0, 8, 0, 1, 0, 0, 0][..], &MACS, &[8, 0]].concat();
    assert_eq!(names(&behind(LinkType::PPI, &ppi)), "ppi:eth");

    behind(LinkType::PRISM, &[vec![0; 144], plain.clone()].concat());
    let avs = [&[0x80, 0x21, 0x10, 1, 0, 0, 0, 64][..], &[0; 56]].concat();
    behind(LinkType::AVS, &[avs, plain.clone()].concat());

    // several frames in one: the first
    let mut several = wireless(true);
    several[24] = 0x80;
    let inside = [&MACS[..], &[0, 28], &SNAP].concat();
    behind(LinkType::IEEE802_11, &[several, inside].concat());

    // encrypted, and without data
    let mut secret = plain.clone();
    secret[1] |= 0x40;
    assert_eq!(decode(LinkType::IEEE802_11, &secret).network, Network::Wlan);
    let mut null = plain;
    null[0] = 0x48;
    assert_eq!(decode(LinkType::IEEE802_11, &null).network, Network::Wlan);
}

#[test]
fn the_check_sequence_is_no_content() {
    let radio = [0, 0, 9, 0, 2, 0, 0, 0, 0x10];
    let frame = [&radio[..], &wireless(false), &SNAP, &IP, &[1, 2, 3, 4]].concat();
    assert_eq!(decode(LinkType::RADIOTAP, &frame).payload, IP);
}
