//! What a connection's packets tell about the way: losses, windows, round trips.
//!
//! The quantities are those of `tcptrace -l`, by its definitions where they are sound: what is a retransmission and
//! what is out of order, which acknowledgements give a round trip (Karn's rule), how windows are scaled.

mod counts;
mod direction;
mod report;
mod sent;
mod spread;

#[cfg(test)]
mod tests;

pub use counts::Counts;
pub use direction::Direction;
pub use report::Report;
pub use spread::Spread;

use super::{Side, segment::Segment};
use sent::Acknowledged;

/// What was counted of a connection.
#[derive(Debug, Clone, Default)]
pub struct Account {
    /// What the side that sent the first packet did.
    pub a: Direction,
    /// What the other did.
    pub b: Direction,
    first_time: Option<i64>,
    last_time: i64,
}

impl Account {
    /// How long the connection took: nanoseconds.
    pub fn duration(&self) -> i64 {
        let first = self.first_time.unwrap_or(self.last_time);
        self.last_time.saturating_sub(first)
    }

    /// Bytes a second that a side got across, counted once: unique bytes by the connection's duration.
    pub fn throughput(&self, side: Side) -> Option<f64> {
        let direction = match side {
            Side::A => &self.a,
            Side::B => &self.b,
        };
        let seconds = self.duration() as f64 / 1e9;
        (seconds > 0.0).then(|| direction.counts.unique_bytes as f64 / seconds)
    }

    /// Counts a segment; `time` is in nanoseconds. What it was is told.
    #[inline]
    pub(super) fn segment(&mut self, side: Side, time: i64, segment: &Segment<'_>) -> Seen {
        self.first_time.get_or_insert(time);
        self.last_time = time;
        let (mine, other) = match side {
            Side::A => (&mut self.a, &mut self.b),
            Side::B => (&mut self.b, &mut self.a),
        };
        let flags = segment.flags;
        let length = segment.length as u64;

        mine.counts.packets += 1;
        mine.counts.resets += u64::from(flags.rst());
        mine.counts.syn_packets += u64::from(flags.syn());
        mine.counts.fin_packets += u64::from(flags.fin());
        mine.idle(time);
        let options = segment.options();
        mine.options(&options, flags.syn());
        // windows are shifted when both sides asked for it, but never in a SYN (RFC 7323, 2.2)
        let scaled = mine.counts.window_scale.is_some()
            && other.counts.window_scale.is_some()
            && !flags.syn();
        let window = match (flags.ack() || flags.syn(), scaled) {
            (false, _) => 0,
            (true, false) => u64::from(segment.window),
            // 14 is the most there is (RFC 7323, 2.3)
            (true, true) => {
                u64::from(segment.window) << mine.counts.window_scale.unwrap_or(0).min(14)
            }
        };
        if length > 0 {
            mine.data(time, segment);
        }

        let sequence = mine.sent.extend(segment.sequence);
        let end = sequence + length as i64;
        if flags.syn() {
            mine.syn = Some(sequence);
        }
        if flags.fin() {
            mine.fin = Some(end);
        }
        // SYN and FIN have a number each
        let numbers = length + u64::from(flags.syn()) + u64::from(flags.fin());
        let mut again = 0;
        let mut late = false;
        let mut seen = Seen {
            sequence,
            numbers,
            ..Seen::default()
        };
        if numbers > 0 {
            if other.counts.packets > 0 && other.last_window == 0 {
                mine.counts.zero_window_probe_packets += 1;
                mine.counts.zero_window_probe_bytes += length;
            } else {
                let noted = mine
                    .sent
                    .note(sequence, numbers, time, &mut mine.retransmission_time);
                (again, late) = (noted.again, noted.late);
                mine.counts.most_retransmissions =
                    mine.counts.most_retransmissions.max(noted.times);
                let mut counted = again;
                if flags.syn() && mine.counts.syn_packets > 1 {
                    counted = counted.saturating_sub(1);
                }
                if flags.fin() && mine.counts.fin_packets > 1 {
                    counted = counted.saturating_sub(1);
                }
                mine.counts.unique_bytes += length.saturating_sub(counted);
            }
            mine.counts.out_of_order_packets += u64::from(late);
            if again > 0 {
                mine.counts.retransmitted_packets += 1;
                mine.counts.retransmitted_bytes += again;
            }
        }

        if flags.ack() {
            mine.counts.acks += 1;
            let acknowledged = other.acknowledge(segment, time, mine.last_window == window);
            if !flags.rst() {
                seen.acknowledged = Some((acknowledged.to, window));
            }
            seen.round_trip = acknowledged.time;
            let synchronized = other.syn.is_some_and(|syn| acknowledged.to == syn + 1);
            if let (true, 1, Some(time)) =
                (synchronized, other.counts.syn_packets, acknowledged.time)
            {
                other.handshake_rtt = other.handshake_rtt.or(Some(time));
            }
            if !flags.rst() {
                mine.last_ack = Some(acknowledged.to);
                let bare = length == 0 && !flags.syn() && !flags.fin();
                mine.counts.pure_acks += u64::from(bare);
                mine.sacks(&options, segment.acknowledgement);
                if !other.data_acknowledged && !synchronized {
                    other.data_acknowledged = true;
                }
            }
        }
        (seen.again, seen.late) = (again > 0, late);
        if flags.rst() {
            return seen;
        }
        mine.window(window, flags.ack(), flags.syn(), scaled);
        if length > 0 && !mine.data_acknowledged && again == 0 {
            mine.counts.initial_window_bytes += length;
            mine.counts.initial_window_packets += 1;
        }
        if !flags.syn() && !late && again == 0 {
            let outstanding = match other.last_ack {
                Some(ack) => (end - ack + 1).max(0).unsigned_abs(),
                None => length,
            };
            mine.outstanding(outstanding, time);
        }
        seen
    }
}

/// What a segment was. Numbers go on beyond 32 bits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Seen {
    /// Its first number.
    pub(super) sequence: i64,
    /// How many numbers it takes: its bytes, and one each for SYN and FIN.
    pub(super) numbers: u64,
    /// Some of them were sent before.
    pub(super) again: bool,
    /// They are new, and lie before what was seen already.
    pub(super) late: bool,
    /// What it expects of the other side, and how many bytes from there on it takes.
    pub(super) acknowledged: Option<(i64, u64)>,
    /// The round trip of the segment that it acknowledges: nanoseconds.
    pub(super) round_trip: Option<i64>,
}

impl Direction {
    /// The other side acknowledges what this one sent.
    fn acknowledge(&mut self, segment: &Segment<'_>, time: i64, same_window: bool) -> Acknowledged {
        let to = self.sent.extend_back(segment.acknowledgement);
        let bare = segment.length == 0
            && same_window
            && !segment.flags.syn()
            && !segment.flags.fin()
            && !segment.flags.rst();
        let acknowledged = self.sent.acknowledge(to, time, bare);
        self.counts.cumulatively_acknowledged += acknowledged.cumulatively;
        self.counts.duplicate_acks += u64::from(acknowledged.duplicate);
        self.counts.triple_duplicate_acks += u64::from(acknowledged.third);
        self.counts.acks_after_loss += u64::from(acknowledged.after_loss);
        if let Some(time) = acknowledged.time {
            self.rtt.add(time);
            if acknowledged.length >= self.largest_segment {
                self.rtt_full.add(time);
            }
        }
        if let Some(time) = acknowledged.ambiguous {
            self.rtt_last.add(time);
        }
        acknowledged
    }
}
