//! A connection with everything that was counted of it, both directions beside each other, as `tcptrace -l` shows it.

use super::super::{local, seconds};
use crate::terminal::{duration, size};
use overhear_capture::tcp::{Account, Connection, Report, Side};
use std::fmt::Write;

/// What is counted of a direction: its name here, and its value.
type Line = (&'static str, fn(&Report) -> String);

const LINES: [Line; 39] = [
    ("packets", |r| r.counts.packets.to_string()),
    ("with ACK", |r| r.counts.acks.to_string()),
    ("with nothing but ACK", |r| r.counts.pure_acks.to_string()),
    ("with SYN, FIN, RST", |r| {
        format!(
            "{}, {}, {}",
            r.counts.syn_packets, r.counts.fin_packets, r.counts.resets
        )
    }),
    ("with data", |r| {
        format!(
            "{}, {} with PSH",
            r.counts.data_packets, r.counts.pushed_packets
        )
    }),
    ("with urgent data", |r| {
        format!(
            "{}, {}",
            r.counts.urgent_packets,
            size(r.counts.urgent_bytes)
        )
    }),
    ("data", |r| bytes(r.counts.data_bytes)),
    ("unique data", |r| bytes(r.counts.unique_bytes)),
    ("retransmitted packets", |r| {
        r.counts.retransmitted_packets.to_string()
    }),
    ("retransmitted data", |r| {
        bytes(r.counts.retransmitted_bytes)
    }),
    ("most of one segment", |r| {
        r.counts.most_retransmissions.to_string()
    }),
    ("after", |r| {
        times(
            r.retransmission_time_ms.samples,
            [
                r.retransmission_time_ms.min,
                r.retransmission_time_ms.mean,
                r.retransmission_time_ms.max,
            ],
        )
    }),
    ("out of order", |r| {
        r.counts.out_of_order_packets.to_string()
    }),
    ("stream from SYN to FIN", |r| optional(r.stream_length)),
    ("missing of it", |r| optional(r.missed_bytes)),
    ("cut by the capture", |r| {
        in_packets(r.counts.truncated_bytes, r.counts.truncated_packets)
    }),
    ("MSS", |r| match r.counts.mss {
        Some(mss) => bytes(mss.into()),
        None => "-".to_owned(),
    }),
    ("segments", |r| {
        spread(r.segment.min, r.segment.mean, r.segment.max)
    }),
    ("window", |r| {
        spread(r.window.min, r.window.mean, r.window.max)
    }),
    ("window scale", |r| match r.counts.window_scale {
        Some(scale) => format!("{scale} bits"),
        None => "-".to_owned(),
    }),
    ("window of zero", |r| r.window.zero.to_string()),
    ("probes of it", |r| {
        format!(
            "{}, {}",
            r.counts.zero_window_probe_packets,
            size(r.counts.zero_window_probe_bytes)
        )
    }),
    ("first window", |r| {
        in_packets(
            r.counts.initial_window_bytes,
            r.counts.initial_window_packets,
        )
    }),
    ("on the way", |r| {
        spread(r.outstanding.min, r.outstanding.mean, r.outstanding.max)
    }),
    ("on the way, over time", |r| {
        match r.outstanding.mean_over_time {
            Some(mean) => format!("mean {}", bytes(mean.round() as u64)),
            None => "-".to_owned(),
        }
    }),
    ("SACK permitted", |r| yes(r.counts.sack_permitted)),
    ("with SACK", |r| {
        format!(
            "{}, at most {} blocks",
            r.counts.sack_packets, r.counts.most_sack_blocks
        )
    }),
    ("with duplicate SACK", |r| {
        r.counts.dsack_packets.to_string()
    }),
    ("timestamps", |r| yes(r.counts.timestamps)),
    ("duplicate ACKs", |r| {
        format!(
            "{}, three of them {} times",
            r.counts.duplicate_acks, r.counts.triple_duplicate_acks
        )
    }),
    ("ACKed with a later one", |r| {
        r.counts.cumulatively_acknowledged.to_string()
    }),
    ("ACKed after a loss", |r| {
        r.counts.acks_after_loss.to_string()
    }),
    ("RTT", |r| {
        times(
            r.rtt_ms.samples,
            [r.rtt_ms.min, r.rtt_ms.mean, r.rtt_ms.max],
        )
    }),
    ("RTT of the handshake", |r| ms(r.rtt_handshake_ms)),
    ("RTT of full segments", |r| {
        times(
            r.rtt_full_ms.samples,
            [r.rtt_full_ms.min, r.rtt_full_ms.mean, r.rtt_full_ms.max],
        )
    }),
    ("RTT since the last copy", |r| {
        times(
            r.rtt_ambiguous_ms.samples,
            [
                r.rtt_ambiguous_ms.min,
                r.rtt_ambiguous_ms.mean,
                r.rtt_ambiguous_ms.max,
            ],
        )
    }),
    ("time of data", |r| duration(r.transmission_time_s * 1e3)),
    ("longest silence", |r| duration(r.idle_max_ms)),
    ("throughput", |r| match r.throughput {
        Some(speed) => format!("{}/s", size(speed as u64)),
        None => "-".to_owned(),
    }),
];

/// The block of a connection, with an empty line behind it.
pub(super) fn text(connection: &Connection, account: &Account, ending: &str) -> String {
    let (a, b) = (account.report(Side::A), account.report(Side::B));
    let mut text = format!(
        "Connection {}: a {}, b {}\n",
        connection.number,
        connection.end(Side::A),
        connection.end(Side::B)
    );
    let mut line = |name: &str, a: &str, b: &str| {
        let row = format!("  {name:<24} {a:<40} {b}");
        // writing into memory cannot fail
        let _ = writeln!(text, "{}", row.trim_end());
    };
    let side = |side: Option<Side>| match side {
        Some(Side::A) => "a",
        Some(Side::B) => "b",
        None => "-",
    };
    line("opened by", side(connection.opened_by), "");
    line("ended", ending, "");
    if connection.reset_by.is_some() {
        line("reset by", side(connection.reset_by), "");
    }
    if let Some(vlan) = connection.vlan {
        line("VLAN", &vlan.to_string(), "");
    }
    let first = format!(
        "{}, packet {}",
        local(connection.first_time),
        connection.first_packet
    );
    line("first", &first, "");
    let last = format!(
        "{}, {:.6} s later",
        local(connection.last_time),
        seconds(account.duration())
    );
    line("last", &last, "");
    line("packets", &connection.packets.to_string(), "");
    line("", "a > b", "b > a");
    for (name, value) in LINES {
        line(name, &value(&a), &value(&b));
    }
    text
}

fn bytes(bytes: u64) -> String {
    match bytes {
        0..1024 => format!("{bytes} B"),
        _ => format!("{bytes} B ({})", size(bytes)),
    }
}

fn in_packets(size: u64, packets: u64) -> String {
    match packets {
        1 => format!("{} in 1 packet", bytes(size)),
        _ => format!("{} in {packets} packets", bytes(size)),
    }
}

fn optional(value: Option<u64>) -> String {
    value.map_or_else(|| "-".to_owned(), bytes)
}

fn yes(is: bool) -> String {
    if is { "yes" } else { "no" }.to_owned()
}

fn ms(ms: Option<f64>) -> String {
    ms.map_or_else(|| "-".to_owned(), |ms| format!("{ms:.3} ms"))
}

fn spread(min: u64, mean: Option<u64>, max: u64) -> String {
    match mean {
        Some(mean) => format!("min {min}, mean {mean}, max {max} B"),
        None => "-".to_owned(),
    }
}

/// Least, mean and most, in milliseconds, and how many there were.
fn times(samples: u64, times: [Option<f64>; 3]) -> String {
    let [Some(min), Some(mean), Some(max)] = times else {
        return "-".to_owned();
    };
    format!("{min:.3}/{mean:.3}/{max:.3} ms of {samples}")
}
