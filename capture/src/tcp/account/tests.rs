//! Counting short connections by hand.

use super::*;
use crate::tcp::segment::Flags;

const MS: i64 = 1_000_000;

fn segment<'a>(
    flags: u8,
    sequence: u32,
    ack: u32,
    bytes: &'a [u8],
    options: &'a [u8],
) -> Segment<'a> {
    Segment {
        source_port: 0,
        destination_port: 0,
        sequence,
        acknowledgement: ack,
        flags: Flags(flags),
        window: 1000,
        urgent: 0,
        options,
        payload: bytes,
        length: bytes.len(),
    }
}

const SYN: u8 = 2;
const ACK: u8 = 16;
const FIN: u8 = 17;
const SCALED: [u8; 8] = [2, 4, 5, 180, 3, 3, 4, 0];

/// A handshake: A's data begins at 101, B's at 501.
fn open() -> Account {
    let mut account = Account::default();
    account.segment(Side::A, 0, &segment(SYN, 100, 0, b"", &SCALED));
    account.segment(
        Side::B,
        10 * MS,
        &segment(SYN | ACK, 500, 101, b"", &SCALED),
    );
    account.segment(Side::A, 11 * MS, &segment(ACK, 101, 501, b"", &[]));
    account
}

#[test]
fn a_handshake_measures_both_ways() {
    let account = open();
    assert_eq!(account.a.handshake_rtt, Some(10 * MS));
    assert_eq!(account.b.handshake_rtt, Some(MS));
    assert_eq!(
        (account.a.counts.mss, account.a.counts.window_scale),
        (Some(1460), Some(4))
    );
    assert_eq!(
        (
            account.a.counts.packets,
            account.a.counts.acks,
            account.a.counts.pure_acks
        ),
        (2, 1, 1)
    );
    // the window of a SYN is not scaled, and is forgotten when windows are
    assert_eq!(
        (account.a.window_max, account.a.window_min),
        (16_000, 16_000)
    );
    assert_eq!(account.b.window_max, 1000);
}

#[test]
fn what_is_sent_again_and_what_is_late() {
    let mut account = open();
    let data = |at: i64, sequence, bytes| (at * MS, segment(ACK, sequence, 501, bytes, &[]));
    for (time, segment) in [
        data(20, 101, b"0123456789"),
        // 10 bytes are lost on the way, and come after these
        data(21, 121, b"0123456789"),
        data(22, 111, b"0123456789"),
        data(40, 121, b"0123456789AB"),
    ] {
        account.segment(Side::A, time, &segment);
    }
    let a = &account.a;
    assert_eq!(
        (
            a.counts.data_packets,
            a.counts.data_bytes,
            a.counts.unique_bytes
        ),
        (4, 42, 32)
    );
    assert_eq!(
        (a.counts.retransmitted_packets, a.counts.retransmitted_bytes),
        (1, 10)
    );
    assert_eq!(
        (a.counts.out_of_order_packets, a.counts.most_retransmissions),
        (1, 1)
    );
    assert_eq!(
        (a.retransmission_time.samples, a.retransmission_time.min),
        (1, 19 * MS)
    );
    assert_eq!(
        (a.largest_segment, a.smallest_segment, a.mean_segment()),
        (12, 10, Some(10))
    );
}

#[test]
fn round_trips_only_from_what_was_sent_once() {
    let mut account = open();
    let ack = |number| segment(ACK, 501, number, b"", &[]);
    account.segment(Side::A, 20 * MS, &segment(ACK, 101, 501, b"abc", &[]));
    account.segment(Side::B, 27 * MS, &ack(104));
    // sent twice: nobody knows which was acknowledged
    account.segment(Side::A, 30 * MS, &segment(ACK, 104, 501, b"def", &[]));
    account.segment(Side::A, 50 * MS, &segment(ACK, 104, 501, b"def", &[]));
    account.segment(Side::B, 56 * MS, &ack(107));
    // behind something that was sent later
    account.segment(Side::A, 60 * MS, &segment(ACK, 110, 501, b"jkl", &[]));
    account.segment(Side::A, 80 * MS, &segment(ACK, 107, 501, b"ghi", &[]));
    account.segment(Side::B, 85 * MS, &ack(113));
    let a = &account.a;
    assert_eq!((a.rtt.samples, a.rtt.min, a.rtt.max), (2, 7 * MS, 10 * MS));
    assert_eq!(a.rtt.mean(), Some(8.5e6));
    assert_eq!((a.rtt_last.samples, a.rtt_last.min), (1, 6 * MS));
    assert_eq!(
        (a.counts.acks_after_loss, a.counts.cumulatively_acknowledged),
        (1, 1)
    );
}

#[test]
fn three_duplicates_and_selective_acknowledgements() {
    let mut account = open();
    account.segment(Side::A, 20 * MS, &segment(ACK, 101, 501, b"abc", &[]));
    account.segment(Side::A, 20 * MS, &segment(ACK, 107, 501, b"ghi", &[]));
    account.segment(Side::B, 30 * MS, &segment(ACK, 501, 104, b"", &[]));
    let sack = [1, 1, 5, 10, 0, 0, 0, 107, 0, 0, 0, 110];
    for _ in 0..3 {
        account.segment(Side::B, 31 * MS, &segment(ACK, 501, 104, b"", &sack));
    }
    assert_eq!(
        (
            account.a.counts.duplicate_acks,
            account.a.counts.triple_duplicate_acks
        ),
        (3, 1)
    );
    let b = &account.b;
    assert_eq!(
        (
            b.counts.sack_packets,
            b.counts.most_sack_blocks,
            b.counts.dsack_packets
        ),
        (3, 1, 0)
    );
    // a block that was acknowledged before reports a duplicate
    let dsack = [1, 1, 5, 10, 0, 0, 0, 101, 0, 0, 0, 104];
    account.segment(Side::B, 32 * MS, &segment(ACK, 501, 104, b"", &dsack));
    assert_eq!(account.b.counts.dsack_packets, 1);
}

#[test]
fn probes_of_a_closed_window_are_not_losses() {
    let mut account = open();
    account.segment(Side::A, 20 * MS, &segment(ACK, 101, 501, b"abc", &[]));
    let closed = Segment {
        window: 0,
        ..segment(ACK, 501, 104, b"", &[])
    };
    account.segment(Side::B, 21 * MS, &closed);
    account.segment(Side::A, 500 * MS, &segment(ACK, 103, 501, b"c", &[]));
    assert_eq!(account.b.zero_windows, 1);
    let a = &account.a;
    assert_eq!(
        (
            a.counts.zero_window_probe_packets,
            a.counts.zero_window_probe_bytes
        ),
        (1, 1)
    );
    assert_eq!((a.counts.retransmitted_packets, a.idle_max), (0, 480 * MS));
}

#[test]
fn the_length_of_a_stream_and_what_of_it_is_missing() {
    let mut account = open();
    account.segment(Side::A, 20 * MS, &segment(ACK, 101, 501, b"abc", &[]));
    account.segment(Side::A, 1000 * MS, &segment(FIN, 114, 501, b"", &[]));
    let a = &account.a;
    assert_eq!((a.stream_length(), a.missed_bytes()), (Some(13), Some(10)));
    assert_eq!(account.duration(), 1000 * MS);
    assert_eq!(account.throughput(Side::A), Some(3.0));
    assert_eq!(
        (
            a.counts.initial_window_bytes,
            a.counts.initial_window_packets
        ),
        (3, 1)
    );
    assert_eq!(account.b.stream_length(), None);
}

#[test]
fn numbers_wrap() {
    let mut account = Account::default();
    account.segment(Side::A, 0, &segment(SYN, u32::MAX - 1, 0, b"", &[]));
    account.segment(Side::A, 1, &segment(ACK, u32::MAX, 1, b"abc", &[]));
    account.segment(Side::A, 2, &segment(ACK, 2, 1, b"def", &[]));
    account.segment(Side::B, 3, &segment(ACK, 1, 5, b"", &[]));
    account.segment(Side::A, 4, &segment(FIN, 5, 1, b"", &[]));
    let a = &account.a;
    assert_eq!(
        (
            a.counts.unique_bytes,
            a.counts.retransmitted_packets,
            a.counts.out_of_order_packets
        ),
        (6, 0, 0)
    );
    assert_eq!(
        (a.stream_length(), a.missed_bytes(), a.rtt.samples),
        (Some(6), Some(0), 1)
    );
}
