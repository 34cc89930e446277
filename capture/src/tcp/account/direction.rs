//! What is counted of one direction.

use super::{Counts, Spread, sent::Sent};
use crate::tcp::segment::{Options, Segment};

/// What one side sent, and how it was answered. Times are in nanoseconds.
#[derive(Debug, Clone, Default)]
pub struct Direction {
    /// What is told as it is counted.
    pub counts: Counts,
    /// The largest segment that it sent.
    pub largest_segment: u64,
    /// The smallest with data.
    pub smallest_segment: u64,
    /// The largest window that it advertised, scaled.
    pub window_max: u64,
    /// The smallest that is not zero.
    pub window_min: u64,
    /// How often it was zero.
    pub zero_windows: u64,
    /// The most bytes on their way at once.
    pub outstanding_max: u64,
    /// The least, above zero.
    pub outstanding_min: u64,
    /// The longest time without a packet of this side.
    pub idle_max: i64,
    /// Round trips: from a segment that was sent once to its acknowledgement.
    pub rtt: Spread,
    /// Those of segments as large as the largest so far.
    pub rtt_full: Spread,
    /// The round trip of the handshake.
    pub handshake_rtt: Option<i64>,
    /// From the last time that a segment was sent, where it was sent several times.
    pub rtt_last: Spread,
    /// How long it took until a segment was sent again.
    pub retransmission_time: Spread,

    pub(super) sent: Sent,
    pub(super) syn: Option<i64>,
    pub(super) fin: Option<i64>,
    pub(super) last_ack: Option<i64>,
    pub(super) last_window: u64,
    pub(super) data_acknowledged: bool,
    last_time: Option<i64>,
    data_times: Option<(i64, i64)>,
    windows: Windows,
    outstanding_sum: u64,
    outstanding_count: u64,
    /// The last number of bytes on their way, since when, and their product with time so far.
    outstanding_last: Option<(u64, i64)>,
    outstanding_weighted: f64,
    outstanding_time: i64,
}

/// Advertised windows added up.
#[derive(Debug, Clone, Copy, Default)]
struct Windows {
    sum: u64,
    count: u64,
    /// Windows are scaled, and what was seen before that is forgotten.
    scaled: bool,
}

impl Direction {
    /// The mean of its segments with data: bytes.
    pub fn mean_segment(&self) -> Option<u64> {
        self.counts.data_bytes.checked_div(self.counts.data_packets)
    }

    /// The mean of its windows: bytes.
    pub fn mean_window(&self) -> Option<u64> {
        self.windows.sum.checked_div(self.windows.count)
    }

    /// The mean of the bytes on their way, over packets.
    pub fn mean_outstanding(&self) -> Option<u64> {
        self.outstanding_sum.checked_div(self.outstanding_count)
    }

    /// The mean of the bytes on their way, over time.
    pub fn weighted_outstanding(&self) -> Option<f64> {
        let time = self.outstanding_time as f64;
        (time > 0.0).then(|| self.outstanding_weighted / time)
    }

    /// How long the stream is, from SYN to FIN, when both were seen: bytes.
    pub fn stream_length(&self) -> Option<u64> {
        let (syn, fin) = (self.syn?, self.fin?);
        u64::try_from(fin - syn - 1).ok()
    }

    /// What of that was never seen: bytes.
    pub fn missed_bytes(&self) -> Option<u64> {
        Some(
            self.stream_length()?
                .saturating_sub(self.counts.unique_bytes),
        )
    }

    /// From the first packet with data to the last.
    pub fn transmission_time(&self) -> i64 {
        self.data_times
            .map_or(0, |(first, last)| last.saturating_sub(first))
    }

    #[inline]
    pub(super) fn idle(&mut self, time: i64) {
        if let Some(last) = self.last_time {
            self.idle_max = self.idle_max.max(time.saturating_sub(last));
        }
        self.last_time = Some(time);
    }

    #[inline]
    pub(super) fn options(&mut self, options: &Options, syn: bool) {
        self.counts.timestamps |= options.timestamps.is_some();
        if syn {
            self.counts.mss = options.mss.or(self.counts.mss);
            self.counts.window_scale = options.window_scale.or(self.counts.window_scale);
            self.counts.sack_permitted |= options.sack_permitted;
        }
    }

    #[inline]
    pub(super) fn data(&mut self, time: i64, segment: &Segment<'_>) {
        let length = segment.length as u64;
        self.counts.data_packets += 1;
        self.counts.data_bytes += length;
        self.counts.pushed_packets += u64::from(segment.flags.psh());
        if segment.flags.urg() {
            self.counts.urgent_packets += 1;
            self.counts.urgent_bytes += u64::from(segment.urgent);
        }
        self.largest_segment = self.largest_segment.max(length);
        self.smallest_segment = match self.smallest_segment {
            0 => length,
            smallest => smallest.min(length),
        };
        let (first, _) = self.data_times.unwrap_or((time, time));
        self.data_times = Some((first, time));
        let cut = segment.length.saturating_sub(segment.payload.len()) as u64;
        if cut > 0 {
            self.counts.truncated_bytes += cut;
            self.counts.truncated_packets += 1;
        }
    }

    #[inline]
    pub(super) fn window(&mut self, window: u64, ack: bool, syn: bool, scaled: bool) {
        self.last_window = window;
        if !ack && !syn {
            // counted as a packet without a window, as in the mean of tcptrace
            self.windows.count += 1;
            return;
        }
        if scaled && window > 0 && !self.windows.scaled {
            self.windows = Windows {
                scaled: true,
                ..Windows::default()
            };
            (self.window_max, self.window_min) = (window, window);
        }
        self.window_max = self.window_max.max(window);
        if window > 0 && (self.window_min == 0 || window < self.window_min) {
            self.window_min = window;
        }
        self.windows.sum += window;
        self.windows.count += 1;
        self.zero_windows += u64::from(ack && window == 0);
    }

    #[inline]
    pub(super) fn outstanding(&mut self, bytes: u64, time: i64) {
        self.outstanding_max = self.outstanding_max.max(bytes);
        if bytes > 0 && (self.outstanding_min == 0 || bytes < self.outstanding_min) {
            self.outstanding_min = bytes;
        }
        self.outstanding_sum += bytes;
        self.outstanding_count += 1;
        if let Some((before, since)) = self.outstanding_last {
            let took = time.saturating_sub(since).max(0);
            self.outstanding_weighted += before as f64 * took as f64;
            self.outstanding_time += took;
        }
        self.outstanding_last = Some((bytes, time));
    }

    /// Selective acknowledgements, and whether the first block reports a duplicate (RFC 2883, 4).
    #[inline]
    pub(super) fn sacks(&mut self, options: &Options, acknowledgement: u32) {
        let count = usize::from(options.sack_blocks);
        let Some([first, rest @ ..]) = options.sack.get(..count) else {
            return;
        };
        self.counts.sack_packets += 1;
        self.counts.most_sack_blocks = self.counts.most_sack_blocks.max(count as u64);
        let before = |a: u32, b: u32| a.wrapping_sub(b).cast_signed() <= 0;
        let below = before(first.1, acknowledgement);
        let within = rest
            .first()
            .is_some_and(|second| before(second.0, first.0) && before(first.1, second.1));
        self.counts.dsack_packets += u64::from(below || within);
    }
}
