use super::*;

const ETHERNET: u32 = 1;
const RAW: u32 = 101;

fn printed(options: Options, link: u32, data: &[u8], original: usize) -> String {
    let mut printer = Printer::new(options, Names::none());
    let mut out = Vec::new();
    let frame = Frame {
        number: 1,
        time: 0,
        link,
        data,
        original,
    };
    printer.print(&mut out, &frame);
    String::from_utf8_lossy(&out).into_owned()
}

fn plain() -> Options {
    Options {
        numbers: true,
        stamp: Stamp::None,
        ..Options::default()
    }
}

/// An IPv4 packet with a right header checksum.
fn ip(protocol: u8, body: &[u8]) -> Vec<u8> {
    let length = (20 + body.len()) as u16;
    let mut packet = vec![0x45, 0];
    packet.extend(length.to_be_bytes());
    packet.extend([0, 7, 0x40, 0, 64, protocol, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
    let sum = checksum::sum(&[&packet]);
    packet[10..12].copy_from_slice(&sum.to_be_bytes());
    packet.extend(body);
    packet
}

fn tcp(sport: u16, dport: u16, sequence: u32, flags: u8, body: &[u8]) -> Vec<u8> {
    let mut segment = Vec::new();
    segment.extend(sport.to_be_bytes());
    segment.extend(dport.to_be_bytes());
    segment.extend(sequence.to_be_bytes());
    segment.extend(1000u32.to_be_bytes());
    segment.extend([0x50, flags, 0, 100, 0, 0, 0, 0]);
    segment.extend(body);
    ip(6, &segment)
}

#[test]
fn a_line_is_as_tcpdump_prints_it() {
    let packet = tcp(1000, 80, 5, 0x18, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    let line = printed(plain(), RAW, &packet, packet.len());
    assert_eq!(
        line,
        "IP 10.0.0.1.1000 > 10.0.0.2.80: Flags [P.], seq 5:32, ack 1000, win 100, length 27: HTTP: GET / HTTP/1.1\n"
    );
    let options = Options {
        absolute: true,
        quiet: true,
        ..plain()
    };
    let line = printed(options, RAW, &packet, packet.len());
    assert_eq!(line, "IP 10.0.0.1.1000 > 10.0.0.2.80: tcp 27\n");
}

#[test]
fn what_is_cut_says_where() {
    let packet = tcp(1000, 80, 5, 0x18, b"hello");
    let cut = printed(plain(), RAW, &packet[..30], packet.len());
    assert_eq!(cut, "IP 10.0.0.1.1000 > 10.0.0.2.80:  [|tcp]\n");
    assert_eq!(printed(plain(), ETHERNET, &[1, 2, 3], 60), " [|ether]\n");
    assert_eq!(printed(plain(), RAW, &[], 0), "truncated-ip 0\n");
}

#[test]
fn names_that_point_in_circles_end() {
    let mut dns = vec![0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    dns.extend([0xc0, 12, 0, 1, 0, 1]);
    let mut datagram = vec![0x30, 0x39, 0, 53, 0, 26, 0, 0];
    datagram.extend(dns);
    let packet = ip(17, &datagram);
    let line = printed(plain(), RAW, &packet, packet.len());
    assert_eq!(
        line,
        "IP 10.0.0.1.12345 > 10.0.0.2.53: 1+ A? <BAD PTR> [|domain]\n"
    );
}

/// Packets that lead into every protocol, to be broken by the next test.
fn samples() -> Vec<(u32, Vec<u8>)> {
    let udp = |port: u16, body: &[u8]| {
        let mut datagram = vec![0x30, 0x39];
        datagram.extend(port.to_be_bytes());
        datagram.extend((body.len() as u16 + 8).to_be_bytes());
        datagram.extend([0, 0]);
        datagram.extend(body);
        ip(17, &datagram)
    };
    let mut dns = vec![0, 1, 0x81, 0x80, 0, 1, 0, 3, 0, 0, 0, 1];
    dns.extend(b"\x01a\x03com\0\0\x01\0\x01");
    for (kind, body) in [
        (1u16, &b"\x01\x02\x03\x04"[..]),
        (33, b"\0\x01\0\x02\0\x35\xc0\x0c"),
        (
            6,
            b"\xc0\x0c\xc0\x0c\0\0\0\x01\0\0\0\x01\0\0\0\x01\0\0\0\x01\0\0\0\x01",
        ),
        (
            41,
            b"\0\x08\0\x07\0\x01\x18\0\x01\x02\x03\0\x0a\0\x08abcdefgh",
        ),
    ] {
        dns.extend([0xc0, 0x0c]);
        dns.extend(kind.to_be_bytes());
        dns.extend([0, 1, 0, 0, 0, 60]);
        dns.extend((body.len() as u16).to_be_bytes());
        dns.extend(body);
    }
    let mut options = vec![
        0x30, 0x39, 0, 80, 0, 0, 0, 1, 0, 0, 0, 2, 0xf0, 0x12, 0, 9, 0, 0, 0, 0,
    ];
    options.extend([2, 4, 5, 180, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2, 5, 10]);
    options.extend([
        0, 0, 0, 5, 0, 0, 0, 9, 34, 6, 1, 2, 3, 4, 1, 1, 3, 3, 7, 0, 0, 0,
    ]);
    let mut unreachable = vec![3, 4, 0, 0, 0, 0, 5, 0];
    unreachable.extend(udp(53, b"abcd"));
    let mut six = vec![0x60, 0, 0, 0, 0, 64, 0, 255];
    six.extend([0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    six.extend([0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    let mut advertisement = six.clone();
    advertisement.extend([58, 0, 5, 2, 0, 0, 1, 0]);
    advertisement.extend([134, 0, 0, 0, 64, 0, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0]);
    advertisement.extend([3, 4, 64, 0xc0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0]);
    advertisement.extend([
        0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 1, 2, 3, 4, 5,
    ]);
    let mut report = six.clone();
    report.extend([44, 0, 5, 2, 0, 0, 1, 0, 58, 0, 0, 1, 0, 0, 0, 9]);
    report.extend([143, 0, 0, 0, 0, 0, 0, 1, 4, 0, 0, 1]);
    report.extend([0xff; 32]);
    let mut ethernet = vec![2; 12];
    ethernet.extend([0x81, 0, 0x20, 5, 8, 0]);
    ethernet.extend(tcp(1000, 25, 1, 0x18, b"220 hi\r\nEHLO x\r\n"));
    let mut arp = vec![0xff; 12];
    arp.extend([
        8, 6, 0, 1, 8, 0, 6, 4, 0, 1, 2, 2, 2, 2, 2, 2, 10, 0, 0, 1, 0, 0, 0, 0, 0, 0, 10, 0, 0, 2,
    ]);
    let mut cooked = vec![0, 4, 0, 1, 0, 6, 1, 2, 3, 4, 5, 6, 0, 0, 8, 0];
    cooked.extend(udp(123, &[0x23; 48]));
    let mut cooked2 = vec![8, 0, 0, 0, 0, 0, 0, 2, 0, 1, 4, 6, 1, 2, 3, 4, 5, 6, 0, 0];
    cooked2.extend(udp(67, &[1, 1, 6, 0].repeat(80)));
    let mut loopback = vec![2, 0, 0, 0];
    loopback.extend(tcp(
        1000,
        53,
        1,
        0x18,
        &[&[0, dns.len() as u8][..], &dns].concat(),
    ));
    let mut radio = vec![0, 0, 40, 0, 0x2f, 0x48, 0x0c, 0];
    radio.extend([1; 32]);
    radio.extend([8, 1, 0, 0]);
    radio.extend([3; 18]);
    radio.extend([0, 0, 0xaa, 0xaa, 3, 0, 0, 0, 8, 0]);
    radio.extend(udp(5353, &dns));
    let mut beacon = vec![0x80, 0, 0, 0];
    beacon.extend([3; 20]);
    beacon.extend([0; 12]);
    beacon.extend([
        0, 4, b'h', b'o', b'm', b'e', 1, 4, 0x82, 0x84, 0x0b, 0x16, 3, 1, 6,
    ]);
    let mut ppp = vec![0xff, 3, 0, 0x21];
    ppp.extend(tcp(1000, 8080, 9, 0x14, b"why not"));
    let mut tree = vec![2; 12];
    tree.extend([0, 39, 0x42, 0x42, 3, 0, 0, 2, 2, 0x7e]);
    tree.extend([1; 31]);
    let mut offer = vec![2; 12];
    offer.extend([0x88, 0x63, 0x11, 9, 0, 0, 0, 12, 1, 1, 0, 0, 1, 3, 0, 4]);
    offer.extend(b"abcd");
    let mut session = vec![2; 12];
    session.extend([0x88, 0x64, 0x11, 0, 0, 7, 0, 10, 0xc0, 0x21]);
    session.extend([1, 1, 0, 8, 1, 4, 5, 0xd4]);
    let mut numbered = vec![2; 12];
    numbered.extend([0, 4, 0xf0, 0xf1, 1, 2]);
    let mut key = vec![8, 1, 0, 0];
    key.extend([3; 20]);
    key.extend([0xaa, 0xaa, 3, 0, 0, 0, 0x88, 0x8e, 2, 3, 0, 4, 1, 2, 3, 4]);
    let mut block = vec![0x84, 0, 44, 1];
    block.extend([3; 16]);
    let mut cisco = vec![0x0f, 0, 8, 0];
    cisco.extend(udp(9, b"hdlc"));
    let mut tap = vec![108, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0];
    tap.resize(108, 0);
    tap.extend(&arp);
    vec![
        (RAW, udp(53, &dns)),
        (RAW, udp(5353, &dns)),
        (
            RAW,
            udp(4789, &[&[8, 0, 0, 0, 0, 0, 9, 0][..], &ethernet].concat()),
        ),
        (RAW, ip(6, &options)),
        (RAW, ip(1, &unreachable)),
        (
            RAW,
            ip(
                2,
                &[
                    0x22, 0, 0, 0, 0, 0, 0, 1, 4, 0, 0, 1, 224, 0, 0, 9, 1, 2, 3, 4,
                ],
            ),
        ),
        (
            RAW,
            ip(
                47,
                &[&[0x30, 0, 8, 0, 0, 0, 0, 1, 0, 0, 0, 2][..], &udp(9, b"x")].concat(),
            ),
        ),
        (
            RAW,
            ip(
                132,
                &[0, 1, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 20, 1, 2, 3, 4],
            ),
        ),
        (RAW, ip(4, &udp(9, b"inside"))),
        (RAW, advertisement),
        (RAW, report),
        (ETHERNET, ethernet),
        (ETHERNET, arp),
        (113, cooked),
        (276, cooked2),
        (0, loopback),
        (127, radio),
        (105, beacon),
        (9, ppp.clone()),
        (50, ppp),
        (104, cisco),
        (ETHERNET, tree),
        (ETHERNET, offer),
        (ETHERNET, session),
        (ETHERNET, numbered),
        (105, key),
        (105, block),
        (258, tap),
        (
            192,
            vec![
                0, 0, 8, 0, 105, 0, 0, 0, 0xb4, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2, 3, 4,
            ],
        ),
    ]
}

/// The same numbers in each run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> usize {
        // xorshift64
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 as usize
    }
}

#[test]
fn broken_packets_do_no_harm() {
    let samples = samples();
    let all = Options {
        verbose: 3,
        link: true,
        ..plain()
    };
    let mut printers = [
        Printer::new(plain(), Names::none()),
        Printer::new(all, Names::none()),
    ];
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut out = Vec::new();
    for number in 0..20_000 {
        let (link, sample) = &samples[random.next() % samples.len()];
        let mut data = sample.clone();
        for _ in 0..random.next() % 4 {
            let place = random.next() % data.len();
            data[place] = match random.next() % 4 {
                0 => 0,
                1 => 0xff,
                2 => data[place] ^ (1 << (random.next() % 8)),
                _ => random.next() as u8,
            };
        }
        if random.next().is_multiple_of(2) {
            data.truncate(random.next() % (data.len() + 1));
        }
        let link = if random.next().is_multiple_of(16) {
            (random.next() % 300) as u32
        } else {
            *link
        };
        let original = match random.next() % 4 {
            0 => data.len() + random.next() % 2000,
            _ => data.len(),
        };
        out.clear();
        let frame = Frame {
            number,
            time: number as i64,
            link,
            data: &data,
            original,
        };
        printers[number as usize % 2].print(&mut out, &frame);
        assert!(out.ends_with(b"\n"));
        assert!(out.len() < 64 * 1024, "{} bytes of {data:x?}", out.len());
    }
}

/// The fuzz target's function on mutated samples.
#[test]
fn mutated_samples_are_printed_however_they_are_cut() {
    let seeds = samples().into_iter().filter_map(|(link, data)| {
        let link = LINKS.iter().position(|known| *known == link)?;
        Some([&[u8::try_from(link).ok()?, 0x33, 0], data.as_slice()].concat())
    });
    let seeds: Vec<_> = seeds.collect();
    assert!(seeds.len() > 10);
    overhear_fuzz_rounds::rounds("capture_print", fuzz, &seeds);
}

#[test]
fn every_sample_is_understood() {
    for (link, data) in samples() {
        let line = printed(plain(), link, &data, data.len());
        assert!(!line.contains("[|"), "{link}: {line}");
        assert!(!line.contains("0x0000"), "{link}: {line}");
    }
}
