//! What was counted of a direction, in the form in which programs read it.

use super::{Account, Direction, Spread};
use crate::tcp::Side;
use serde::Serialize;

/// What one side of a connection did and how it was answered: sizes in bytes, `_s` in seconds, `_ms` in milliseconds.
///
/// [`Direction`] says what each member means.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[expect(missing_docs, reason = "they are those of `Direction`")]
pub struct Report {
    pub packets: u64,
    pub resets: u64,
    pub acks: u64,
    pub pure_acks: u64,
    pub sack_packets: u64,
    pub dsack_packets: u64,
    pub most_sack_blocks: u64,
    pub unique_bytes: u64,
    pub data_packets: u64,
    pub data_bytes: u64,
    pub retransmitted_packets: u64,
    pub retransmitted_bytes: u64,
    pub zero_window_probe_packets: u64,
    pub zero_window_probe_bytes: u64,
    pub out_of_order_packets: u64,
    pub pushed_packets: u64,
    pub syn_packets: u64,
    pub fin_packets: u64,
    pub window_scale: Option<u8>,
    pub timestamps: bool,
    pub sack_permitted: bool,
    pub urgent_packets: u64,
    pub urgent_bytes: u64,
    pub mss: Option<u16>,
    pub segment: Sizes,
    pub window: Windows,
    pub outstanding: Outstanding,
    pub initial_window_bytes: u64,
    pub initial_window_packets: u64,
    pub stream_length: Option<u64>,
    pub missed_bytes: Option<u64>,
    pub truncated_bytes: u64,
    pub truncated_packets: u64,
    pub transmission_time_s: f64,
    pub idle_max_ms: f64,
    /// Bytes a second.
    pub throughput: Option<f64>,
    pub rtt_ms: Times,
    pub rtt_handshake_ms: Option<f64>,
    pub rtt_full_ms: Times,
    pub acks_after_loss: u64,
    pub rtt_ambiguous_ms: Times,
    pub cumulatively_acknowledged: u64,
    pub duplicate_acks: u64,
    pub triple_duplicate_acks: u64,
    pub most_retransmissions: u32,
    pub retransmission_time_ms: Times,
}

/// Segments with data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Sizes {
    pub max: u64,
    pub min: u64,
    pub mean: Option<u64>,
}

/// Windows as advertised, scaled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Windows {
    pub max: u64,
    pub min: u64,
    pub mean: Option<u64>,
    /// How often it was zero.
    pub zero: u64,
}

/// What was on its way at once.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Outstanding {
    pub max: u64,
    pub min: u64,
    pub mean: Option<u64>,
    pub mean_over_time: Option<f64>,
}

/// How times are spread: milliseconds, null without samples.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Times {
    pub samples: u64,
    pub min: Option<f64>,
    pub max: Option<f64>,
    pub mean: Option<f64>,
    pub stdev: Option<f64>,
}

impl Account {
    /// What was counted of a side.
    pub fn report(&self, side: Side) -> Report {
        let counted = match side {
            Side::A => &self.a,
            Side::B => &self.b,
        };
        counted.report(self.throughput(side))
    }
}

impl Direction {
    fn report(&self, throughput: Option<f64>) -> Report {
        Report {
            packets: self.packets,
            resets: self.resets,
            acks: self.acks,
            pure_acks: self.pure_acks,
            sack_packets: self.sack_packets,
            dsack_packets: self.dsack_packets,
            most_sack_blocks: self.most_sack_blocks,
            unique_bytes: self.unique_bytes,
            data_packets: self.data_packets,
            data_bytes: self.data_bytes,
            retransmitted_packets: self.retransmitted_packets,
            retransmitted_bytes: self.retransmitted_bytes,
            zero_window_probe_packets: self.zero_window_probe_packets,
            zero_window_probe_bytes: self.zero_window_probe_bytes,
            out_of_order_packets: self.out_of_order_packets,
            pushed_packets: self.pushed_packets,
            syn_packets: self.syn_packets,
            fin_packets: self.fin_packets,
            window_scale: self.window_scale,
            timestamps: self.timestamps,
            sack_permitted: self.sack_permitted,
            urgent_packets: self.urgent_packets,
            urgent_bytes: self.urgent_bytes,
            mss: self.mss,
            segment: Sizes {
                max: self.largest_segment,
                min: self.smallest_segment,
                mean: self.mean_segment(),
            },
            window: Windows {
                max: self.window_max,
                min: self.window_min,
                mean: self.mean_window(),
                zero: self.zero_windows,
            },
            outstanding: Outstanding {
                max: self.outstanding_max,
                min: self.outstanding_min,
                mean: self.mean_outstanding(),
                mean_over_time: self.weighted_outstanding(),
            },
            initial_window_bytes: self.initial_window_bytes,
            initial_window_packets: self.initial_window_packets,
            stream_length: self.stream_length(),
            missed_bytes: self.missed_bytes(),
            truncated_bytes: self.truncated_bytes,
            truncated_packets: self.truncated_packets,
            transmission_time_s: self.transmission_time() as f64 / 1e9,
            idle_max_ms: self.idle_max as f64 / 1e6,
            throughput,
            rtt_ms: self.rtt.report(),
            rtt_handshake_ms: self.handshake_rtt.map(|time| time as f64 / 1e6),
            rtt_full_ms: self.rtt_full.report(),
            acks_after_loss: self.acks_after_loss,
            rtt_ambiguous_ms: self.rtt_last.report(),
            cumulatively_acknowledged: self.cumulatively_acknowledged,
            duplicate_acks: self.duplicate_acks,
            triple_duplicate_acks: self.triple_duplicate_acks,
            most_retransmissions: self.most_retransmissions,
            retransmission_time_ms: self.retransmission_time.report(),
        }
    }
}

impl Spread {
    fn report(&self) -> Times {
        let some = self.samples > 0;
        Times {
            samples: self.samples,
            min: some.then_some(self.min as f64 / 1e6),
            max: some.then_some(self.max as f64 / 1e6),
            mean: self.mean().map(|mean| mean / 1e6),
            stdev: self.deviation().map(|deviation| deviation / 1e6),
        }
    }
}
