//! What was counted of a direction, in the form in which programs read it.

use super::{Account, Counts, Direction, Spread};
use crate::tcp::Side;
use serde::Serialize;

/// What one side of a connection did and how it was answered: sizes in bytes, `_s` in seconds, `_ms` in milliseconds.
///
/// [`Counts`] and [`Direction`] say what each member means.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[expect(missing_docs, reason = "they are those of `Direction`")]
pub struct Report {
    #[serde(flatten)]
    pub counts: Counts,
    pub segment: Sizes,
    pub window: Windows,
    pub outstanding: Outstanding,
    pub stream_length: Option<u64>,
    pub missed_bytes: Option<u64>,
    pub transmission_time_s: f64,
    pub idle_max_ms: f64,
    /// Bytes a second.
    pub throughput: Option<f64>,
    pub rtt_ms: Times,
    pub rtt_handshake_ms: Option<f64>,
    pub rtt_full_ms: Times,
    pub rtt_ambiguous_ms: Times,
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
            counts: self.counts.clone(),
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
            stream_length: self.stream_length(),
            missed_bytes: self.missed_bytes(),
            transmission_time_s: self.transmission_time() as f64 / 1e9,
            idle_max_ms: self.idle_max as f64 / 1e6,
            throughput,
            rtt_ms: self.rtt.report(),
            rtt_handshake_ms: self.handshake_rtt.map(|time| time as f64 / 1e6),
            rtt_full_ms: self.rtt_full.report(),
            rtt_ambiguous_ms: self.rtt_last.report(),
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
