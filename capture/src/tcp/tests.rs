//! Transcripts: segments in, events out.

use super::*;
use crate::{ip, packet::Span};

const A: [u8; 4] = [10, 0, 0, 1];
const B: [u8; 4] = [10, 0, 0, 2];
const SECOND: i64 = 1_000_000_000;

/// Follows one connection between port 1000 of A and port 80 of B, and writes down what is told.
struct Wire {
    tcp: Tcp,
    said: Vec<String>,
    packets: u64,
    time: i64,
}

struct Notes<'a>(&'a mut Vec<String>);

impl Sink for Notes<'_> {
    fn event(&mut self, connection: &Connection, event: Event<'_>) {
        let number = connection.number;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        self.0.push(match event {
            Event::Opened => format!("{number} opened"),
            Event::Data(d) => format!(
                "{number} {:?} {}:{} #{}",
                d.side,
                d.offset,
                text(d.bytes),
                d.packet
            ),
            Event::Late(d) => format!("{number} {:?} late {}:{}", d.side, d.offset, text(d.bytes)),
            Event::Gap {
                side,
                offset,
                length,
                cut,
            } => {
                format!(
                    "{number} {side:?} gap {offset}+{length}{}",
                    if cut { " cut" } else { "" }
                )
            }
            Event::Finished { side, length } => format!("{number} {side:?} finished {length}"),
            Event::Reset { by } => format!("{number} reset by {by:?}"),
            Event::Closed(ending) => format!("{number} {ending:?}"),
        });
    }
}

impl Wire {
    fn new() -> Self {
        Self {
            tcp: Tcp::new(Wanted {
                streams: true,
                account: true,
            }),
            said: Vec::new(),
            packets: 0,
            time: 0,
        }
    }

    /// A segment with flags as tcpdump writes them.
    fn send(
        &mut self,
        from: Side,
        flags: &str,
        sequence: u32,
        ack: u32,
        bytes: &[u8],
    ) -> &mut Self {
        self.send_cut(from, flags, sequence, ack, bytes, 0)
    }

    fn send_cut(
        &mut self,
        from: Side,
        flags: &str,
        sequence: u32,
        ack: u32,
        bytes: &[u8],
        cut: u16,
    ) -> &mut Self {
        let (ends, ports) = match from {
            Side::A => ((A, B), (1000_u16, 80_u16)),
            Side::B => ((B, A), (80, 1000)),
        };
        let bits = flags.chars().map(|flag| match flag {
            'F' => 1_u8,
            'S' => 2,
            'R' => 4,
            'P' => 8,
            _ => 16,
        });
        let total = 40 + bytes.len() as u16 + cut;
        let mut packet = vec![0x45, 0];
        packet.extend(total.to_be_bytes());
        packet.extend([0, 0, 0, 0, 64, 6, 0, 0]);
        packet.extend(ends.0);
        packet.extend(ends.1);
        packet.extend(ports.0.to_be_bytes());
        packet.extend(ports.1.to_be_bytes());
        packet.extend(sequence.to_be_bytes());
        packet.extend(ack.to_be_bytes());
        packet.extend([0x50, bits.sum(), 0xff, 0xff, 0, 0, 0, 0]);
        packet.extend_from_slice(bytes);
        self.packets += 1;
        let ip = ip::ipv4(&packet).unwrap();
        let place = Place {
            packet: self.packets,
            time: self.time,
            vlan: None,
            span: Span::default(),
        };
        let segment = decode(&ip).unwrap();
        self.tcp
            .segment(place, &ip, &segment, &mut Notes(&mut self.said));
        self
    }

    /// A handshake: A's data begins at `a + 1`, B's at 501.
    fn open(a: u32) -> Self {
        let mut wire = Self::new();
        wire.send(Side::A, "S", a, 0, b"");
        wire.send(Side::B, "S.", 500, a.wrapping_add(1), b"");
        wire
    }

    fn a(&mut self, sequence: u32, bytes: &[u8]) -> &mut Self {
        self.send(Side::A, "P.", sequence, 501, bytes)
    }

    fn end(mut self) -> Vec<String> {
        self.tcp.finish(&mut Notes(&mut self.said));
        assert_eq!(self.tcp.open(), 0);
        self.said
    }
}

#[test]
fn both_halves_to_their_ends() {
    let mut wire = Wire::open(100);
    wire.a(101, b"question");
    wire.send(Side::A, "F.", 109, 501, b"");
    wire.send(Side::B, "P.", 501, 110, b"answer");
    wire.send(Side::B, "F.", 507, 110, b"");
    wire.send(Side::A, ".", 110, 508, b"");
    let said = [
        "1 opened",
        "1 A 0:question #3",
        "1 A finished 8",
        "1 B 0:answer #5",
        "1 B finished 6",
        "1 Over",
    ];
    assert_eq!(wire.end(), said);
}

#[test]
fn out_of_order_twice_and_overlapping() {
    let mut wire = Wire::open(100);
    wire.a(104, b"def")
        .a(101, b"abc")
        .a(101, b"abc")
        .a(105, b"XXghi")
        .a(110, b"j");
    let said = [
        "1 opened",
        "1 A 0:abc #4",
        "1 A 3:def #3",
        "1 A 6:ghi #6",
        "1 A 9:j #7",
        "1 EndOfCapture",
    ];
    assert_eq!(wire.end(), said);
}

#[test]
fn what_waits_came_first() {
    let mut wire = Wire::open(100);
    wire.a(103, b"cd").a(107, b"gh").a(101, b"12345678XYZ");
    let said = [
        "1 opened",
        "1 A 0:12 #5",
        "1 A 2:cd #3",
        "1 A 4:56 #5",
        "1 A 6:gh #4",
        "1 A 8:XYZ #5",
        "1 EndOfCapture",
    ];
    assert_eq!(wire.end(), said);
}

#[test]
fn numbers_wrap() {
    let mut wire = Wire::open(u32::MAX - 3);
    wire.a(2, b"efg").a(u32::MAX - 2, b"xyzab");
    assert_eq!(wire.end()[1..3], ["1 A 0:xyzab #4", "1 A 5:efg #3"]);
}

#[test]
fn the_middle_of_a_connection() {
    let mut wire = Wire::new();
    wire.a(1000, b"middle").a(994, b"before").a(1006, b" end");
    let said = [
        "1 opened",
        "1 A 0:middle #1",
        "1 A late -6:before",
        "1 A 6: end #3",
        "1 EndOfCapture",
    ];
    assert_eq!(wire.end(), said);
}

#[test]
fn missing_bytes_are_a_gap_when_they_were_received() {
    let mut wire = Wire::open(100);
    wire.a(101, b"abc").a(107, b"ghi");
    // the other side has them all; they may still come
    wire.send(Side::B, ".", 501, 110, b"");
    assert_eq!(wire.said.len(), 2);
    wire.time += 3 * SECOND;
    wire.send(Side::B, ".", 501, 110, b"");
    wire.a(104, b"def").a(110, b"jkl");
    let said = [
        "1 opened",
        "1 A 0:abc #3",
        "1 A gap 3+3",
        "1 A 6:ghi #4",
        "1 A late 3:def",
        "1 A 9:jkl #8",
        "1 EndOfCapture",
    ];
    assert_eq!(wire.end(), said);
}

#[test]
fn missing_bytes_are_a_gap_at_the_end() {
    let mut wire = Wire::open(100);
    wire.a(103, b"cd");
    wire.send(Side::A, "F.", 108, 501, b"");
    let said = [
        "1 opened",
        "1 A gap 0+2",
        "1 A 2:cd #3",
        "1 A gap 4+3",
        "1 A finished 7",
        "1 EndOfCapture",
    ];
    assert_eq!(wire.end(), said);
}

#[test]
fn cut_packets_leave_gaps() {
    let mut wire = Wire::open(100);
    wire.send_cut(Side::A, "P.", 101, 501, b"abc", 4);
    wire.a(108, b"next");
    wire.send_cut(Side::A, "F.", 112, 501, b"", 2);
    let said = [
        "1 opened",
        "1 A 0:abc #3",
        "1 A gap 3+4 cut",
        "1 A 7:next #4",
        "1 A gap 11+2 cut",
        "1 A finished 13",
        "1 EndOfCapture",
    ];
    assert_eq!(wire.end(), said);
}

#[test]
fn a_reset_ends_it_and_its_reason_is_no_data() {
    let mut wire = Wire::open(100);
    wire.a(101, b"abc");
    wire.send(Side::B, "R.", 501, 104, b"go away");
    wire.send(Side::B, "R.", 501, 104, b"");
    let said = ["1 opened", "1 A 0:abc #3", "1 reset by B", "1 Over"];
    assert_eq!(wire.end(), said);
}

#[test]
fn a_port_is_used_again() {
    let mut wire = Wire::open(100);
    wire.a(101, b"old");
    // a SYN that came twice is the same connection
    wire.send(Side::A, "S", 100, 0, b"");
    wire.send(Side::A, "S", 9000, 0, b"");
    wire.send(Side::B, "S.", 700, 9001, b"");
    wire.a(9001, b"new");
    let said = [
        "1 opened",
        "1 A 0:old #3",
        "1 Replaced",
        "2 opened",
        "2 A 0:new #7",
        "2 EndOfCapture",
    ];
    assert_eq!(wire.end(), said);
}

#[test]
fn silence_ends_it() {
    let mut wire = Wire::open(100);
    wire.time = IDLE;
    wire.a(101, b"still");
    wire.time = 2 * IDLE + 1;
    wire.a(106, b"other");
    assert_eq!(wire.end()[1..4], ["1 A 0:still #3", "1 Idle", "2 opened"]);
    // half open: sooner
    let mut wire = Wire::new();
    wire.send(Side::A, "S", 1, 0, b"");
    wire.time = IDLE_TRANSITORY + 1;
    wire.send(Side::A, "S", 1, 0, b"");
    assert_eq!(wire.end()[..3], ["1 opened", "1 Idle", "2 opened"]);
}

#[test]
fn a_syn_that_comes_after_its_data() {
    let mut wire = Wire::new();
    wire.send(Side::A, "S", 100, 0, b"");
    wire.send(Side::B, "P.", 501, 101, b"early");
    wire.send(Side::B, "S.", 500, 101, b"");
    wire.send(Side::B, "P.", 506, 101, b"!");
    let said = ["1 opened", "1 B 0:early #2", "1 B 5:! #4", "1 EndOfCapture"];
    assert_eq!(wire.end(), said);
}

#[test]
fn data_of_a_syn_and_keep_alives() {
    let mut wire = Wire::new();
    wire.send(Side::A, "S", 100, 0, b"fast");
    wire.send(Side::A, ".", 104, 0, b"\0");
    let said = ["1 opened", "1 A 0:fast #1", "1 EndOfCapture"];
    assert_eq!(wire.end(), said);
}

#[test]
fn what_waits_is_bounded() {
    let mut wire = Wire::open(100);
    let bytes = vec![b'x'; 60_000];
    for number in 0..400 {
        wire.a(200 + number * 60_000, &bytes);
        assert!(wire.tcp.waiting <= 9 * 1024 * 1024, "{}", wire.tcp.waiting);
    }
    let said = wire.end();
    assert_eq!(
        said.iter()
            .filter(|line| line.contains("gap"))
            .collect::<Vec<_>>(),
        ["1 A gap 0+99"]
    );
    assert_eq!(said.len(), 403);
}

#[test]
fn however_it_is_sent_the_stream_is_the_same() {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut below = |limit: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % limit as u64).unwrap()
    };
    let stream: Vec<u8> = (0..2000_usize)
        .map(|at| b'a' + (at * 7 % 26) as u8)
        .collect();
    for _ in 0..300 {
        let mut parts: Vec<(usize, usize)> = Vec::new();
        let mut at = 0;
        while at < stream.len() {
            let to = stream.len().min(at + 1 + below(90));
            parts.push((at, to));
            // sent again, cut otherwise
            if below(4) == 0 {
                let from = below(to);
                parts.push((from, stream.len().min(from + 1 + below(200))));
            }
            at = to;
        }
        for _ in 0..parts.len() / 2 {
            let (a, b) = (below(parts.len()), below(parts.len()));
            parts.swap(a, b);
        }
        let base = below(1 << 32) as u32;
        let mut wire = Wire::open(base);
        for (from, to) in parts {
            let sequence = base.wrapping_add(1).wrapping_add(from as u32);
            wire.a(sequence, &stream[from..to]);
        }
        let mut told = Vec::new();
        for line in wire.end() {
            let data = line
                .strip_prefix("1 A ")
                .and_then(|line| line.split_once(':'));
            if let Some((offset, data)) = data {
                assert_eq!(offset.parse(), Ok(told.len()));
                told.extend_from_slice(data.split(' ').next().unwrap().as_bytes());
            }
        }
        assert_eq!(told, stream);
    }
}
