//! Curves of short connections, by hand.

use super::*;

const MS: i64 = 1_000_000;

fn segment<'a>(flags: u8, sequence: u32, ack: u32, bytes: &'a [u8]) -> Segment<'a> {
    Segment {
        source_port: 0,
        destination_port: 0,
        sequence,
        acknowledgement: ack,
        flags: Flags(flags),
        window: 1000,
        urgent: 0,
        options: &[],
        payload: bytes,
        length: bytes.len(),
    }
}

fn values(curve: &Curve) -> Vec<(u64, i64)> {
    let points = curve.points().iter();
    points.map(|point| (point.packet, point.value)).collect()
}

#[test]
fn numbers_count_from_the_syn() {
    let mut graph = Graph::default();
    let (syn, ack) = (2, 16);
    let bytes = [0; 100];
    let lines = [
        // the numbers of the client wrap
        (Side::A, 0, segment(syn, u32::MAX - 50, 0, b"")),
        (Side::B, 10, segment(syn | ack, 7000, u32::MAX - 49, b"")),
        (Side::A, 11, segment(ack, u32::MAX - 49, 7001, b"")),
        (Side::A, 12, segment(ack, u32::MAX - 49, 7001, &bytes)),
        // 100 bytes are missing, and come late
        (Side::A, 13, segment(ack, 150, 7001, &bytes)),
        (Side::A, 14, segment(ack, 50, 7001, &bytes)),
        (Side::B, 20, segment(ack, 7001, 250, b"")),
        // and once more what was there
        (Side::A, 30, segment(ack, 50, 7001, &bytes)),
        (Side::B, 31, segment(ack, 7001, 250, &bytes)),
    ];
    for (packet, (side, at, segment)) in (1..).zip(&lines) {
        graph.segment(*side, packet, 5_000_000_000_000 + at * MS, segment);
    }
    assert_eq!(values(&graph.a.sent), [(1, 0), (4, 1), (5, 201)]);
    assert_eq!(values(&graph.a.late), [(6, 101)]);
    assert_eq!(values(&graph.a.again), [(8, 101)]);
    assert_eq!(values(&graph.a.acknowledged), [(2, 1), (7, 301), (9, 301)]);
    assert_eq!(
        values(&graph.a.window),
        [(2, 1001), (7, 1301), (9, 1301)],
        "nobody asked for scaled windows"
    );
    assert_eq!(values(&graph.b.sent), [(2, 0), (9, 1)]);
    let first = graph.a.sent.points()[1];
    assert_eq!((first.time, first.length), (12 * MS, 100));
    // that of packet 7 would count how long it waited for what was missing
    assert_eq!(values(&graph.a.round_trips), [(2, 10 * MS)]);
    assert_eq!(values(&graph.b.round_trips), [(3, MS)]);
    let throughput = &graph.a.throughput;
    assert_eq!(throughput.width, 100_000);
    assert_eq!(throughput.bytes.iter().sum::<u64>(), 400);
    assert_eq!(throughput.bytes[130], 100);
    assert_eq!(graph.account.a.counts.retransmitted_packets, 1);
}

#[test]
fn an_end_that_was_under_way_counts_from_what_is_seen_first() {
    let mut graph = Graph::default();
    graph.segment(Side::B, 1, 0, &segment(16, 900, 5000, b"abc"));
    graph.segment(Side::A, 2, MS, &segment(16, 5000, 903, b"d"));
    assert_eq!(values(&graph.b.sent), [(1, 0)]);
    assert_eq!(values(&graph.b.acknowledged), [(2, 3)]);
    assert_eq!(values(&graph.a.sent), [(2, 0)]);
    assert_eq!(values(&graph.a.acknowledged), [(1, 0)]);
}

/// However long it is, it stays small, and what stands out in it stays.
#[test]
fn what_is_long_is_thinned() {
    let mut curve = Curve::default();
    let mut intervals = Intervals::default();
    let total = 200_000;
    for packet in 0..total {
        let value = match packet {
            77_777 => -5,
            123_456 => 1_000_000,
            _ => (packet % 1000) as i64,
        };
        // the clock goes back now and then
        let time = packet as i64 * 10_000 - (packet % 7) as i64 * 50_000;
        curve.push(Point {
            time: time.max(0),
            value,
            length: 0,
            packet,
        });
        intervals.add(time.max(0), 3);
    }
    assert_eq!(curve.count(), total);
    assert!(curve.points().len() <= MOST_POINTS);
    assert!(curve.points().len() > MOST_POINTS / 8);
    let packets: Vec<_> = curve.points().iter().map(|point| point.packet).collect();
    assert!(packets.contains(&77_777) && packets.contains(&123_456));
    assert!(intervals.bytes.len() <= MOST_INTERVALS);
    assert!(intervals.bytes.len() > MOST_INTERVALS / 4);
    assert_eq!(intervals.bytes.iter().sum::<u64>(), total * 3);
    intervals.add(i64::MAX, 1);
    assert!(intervals.bytes.len() <= MOST_INTERVALS);
}
