//! What one side of a connection sent, and how it answered the other.

use super::{is_after, sizes::Sizes};
use crate::{diagnose::Proof, tcp::Segment};

/// A hole that is filled so soon was a matter of order, not of loss: nanoseconds.
const REORDERED: i64 = 3_000_000;
/// Holes that are remembered.
const HOLES: usize = 64;
/// Segments that were sent again, of which the other side may still say that they were not lost.
const LATELY: usize = 16;
/// A window that was closed for so long is noticed: nanoseconds.
const CLOSED: i64 = 100_000_000;
/// Short moments are, too, when they are such a part of the whole time together.
const CLOSED_PART: i64 = 20;

#[derive(Debug, Default)]
pub(super) struct Direction {
    /// The number after the last byte.
    pub(super) next: Option<u32>,
    /// Missing numbers with the moment they were skipped.
    holes: Vec<(u32, u32, i64)>,
    pub(super) segments: u64,
    pub(super) again: Proof,
    /// What was sent again last: where it begins and ends, and its packet.
    lately: Vec<(u32, u32, u64)>,
    /// What stands before it is sent again for a reason that is known.
    excused: Option<u32>,
    /// What it acknowledged last.
    pub(super) heard: Option<u32>,
    acknowledged: Option<(u32, u16)>,
    pub(super) duplicates: u64,
    window: Window,
    pub(super) sizes: Sizes,
    /// A ClientHello that the other side said nothing to: its first packet, and where it begins.
    pub(super) hello: Option<(u64, u32)>,
    /// The time to live of its packets, as long as it is the same.
    ttl: Ttl,
}

/// The time to live of a side's packets.
#[derive(Debug, Default, Clone, Copy)]
enum Ttl {
    #[default]
    Unknown,
    Always(u8),
    Varies,
}

/// When a side had no room. Times are nanoseconds.
#[derive(Debug, Default)]
struct Window {
    /// It has none since then.
    since: Option<i64>,
    times: u64,
    total: i64,
    longest: i64,
    packets: Proof,
}

impl Direction {
    pub(super) fn is_lossy(&self) -> bool {
        let again = self.again.count();
        again > 0 && again * 100 >= self.segments
    }

    /// Whether it has no room now.
    pub(super) fn is_closed(&self) -> bool {
        self.window.since.is_some()
    }

    /// A packet of it came, with this time to live.
    pub(super) fn travels(&mut self, ttl: u8) {
        self.ttl = match self.ttl {
            Ttl::Unknown => Ttl::Always(ttl),
            Ttl::Always(usual) if usual == ttl => self.ttl,
            _ => Ttl::Varies,
        };
    }

    /// The time to live of all of its packets.
    pub(super) fn usual_ttl(&self) -> Option<u8> {
        match self.ttl {
            Ttl::Always(ttl) => Some(ttl),
            Ttl::Unknown | Ttl::Varies => None,
        }
    }

    /// What it sent so far was not lost, though it is sent again.
    pub(super) fn excuse(&mut self) {
        self.excused = self.next.or(self.excused);
    }

    /// What the other side says of what was sent again: that it had no room for it, or had it already (RFC 2883). It was
    /// not lost then.
    pub(super) fn told(&mut self, segment: &Segment<'_>) {
        self.sizes.heard(segment.acknowledgement);
        if self.lately.is_empty() {
            return;
        }
        let heard = segment.acknowledgement;
        let no_room = segment.window == 0;
        let options = segment.options();
        let block = options.sack.first().filter(|_| options.sack_blocks > 0);
        let twice = block.filter(|(_, end)| !is_after(*end, heard));
        let again = &mut self.again;
        self.lately.retain(|(from, to, packet)| {
            let had = twice.is_some_and(|(a, b)| !is_after(*a, *from) && !is_after(*to, *b));
            let innocent = had || (no_room && is_after(*to, heard));
            if innocent {
                again.take_back(*packet);
            }
            !innocent
        });
    }

    /// For how long it had no room, when that was long enough to be noticed in a connection that `lasted` so long and was
    /// heard of `last`; and the packets that say so.
    pub(super) fn full(&self, last: i64, lasted: i64) -> Option<(String, &Proof)> {
        let window = &self.window;
        let open = window.since.map_or(0, |since| last.saturating_sub(since));
        let total = window.total.saturating_add(open);
        let longest = window.longest.max(open);
        let often = total >= CLOSED && total.saturating_mul(CLOSED_PART) >= lasted;
        if longest < CLOSED && !often {
            return None;
        }
        let times = match window.times {
            1 => format!("for {}", duration(total)),
            times => format!(
                "{times} times, for {} in all and {} at the longest",
                duration(total),
                duration(longest)
            ),
        };
        Some((times, &window.packets))
    }

    /// What the segment says of the other direction, whose last byte stands before `next`.
    pub(super) fn answer(
        &mut self,
        time: i64,
        packet: u64,
        segment: &Segment<'_>,
        next: Option<u32>,
    ) {
        let window = &mut self.window;
        if segment.window == 0 && !segment.flags.fin() {
            if window.since.is_none() {
                window.since = Some(time);
                window.times += 1;
            }
            window.packets.add(packet);
        } else if segment.window > 0
            && let Some(since) = window.since.take()
        {
            let closed = time.saturating_sub(since);
            window.total = window.total.saturating_add(closed);
            window.longest = window.longest.max(closed);
        }
        let now = (segment.acknowledgement, segment.window);
        let bare = segment.length == 0 && !segment.flags.fin() && segment.window != 0;
        let owed = next.is_some_and(|next| next != segment.acknowledgement);
        if bare && owed && self.acknowledged == Some(now) {
            self.duplicates += 1;
        }
        self.acknowledged = Some(now);
    }

    pub(super) fn sent(&mut self, time: i64, packet: u64, segment: &Segment<'_>) {
        let length = u32::try_from(segment.length).unwrap_or_default();
        let flags = u32::from(segment.flags.syn()) + u32::from(segment.flags.fin());
        let from = segment.sequence;
        let to = from.wrapping_add(length).wrapping_add(flags);
        self.segments += u64::from(length > 0);
        if length > 0 {
            self.sizes.sent(from, segment.length, packet);
        }
        let Some(next) = self.next else {
            self.next = Some(to);
            return;
        };
        if !is_after(next, from) {
            if is_after(from, next) && length > 0 && self.holes.len() < HOLES {
                self.holes.push((next, from, time));
            }
            self.next = Some(to);
            return;
        }
        // one byte before what is next asks whether the other side is there, RFC 9293 section 3.8.4
        let keep_alive = length <= 1 && from.wrapping_add(1) == next;
        if length == 0 || keep_alive {
            return;
        }
        let mut holes = self.holes.iter();
        let hole = holes.position(|(a, b, _)| !is_after(*a, from) && is_after(*b, from));
        let reordered = hole.is_some_and(|at| {
            let (a, b, since) = self.holes.swap_remove(at);
            let left = [(a, from), (to, b)];
            let left = left.into_iter().filter(|(a, b)| is_after(*b, *a));
            self.holes.extend(left.map(|(a, b)| (a, b, since)));
            time.saturating_sub(since) <= REORDERED
        });
        let excused = self.excused.is_some_and(|end| is_after(end, from));
        if !reordered && !excused {
            self.again.add(packet);
            if self.lately.len() >= LATELY {
                self.lately.remove(0);
            }
            self.lately.push((from, to, packet));
        }
        if is_after(to, next) {
            self.next = Some(to);
        }
    }
}

/// A time for people: nanoseconds.
fn duration(time: i64) -> String {
    match time / 1_000_000 {
        ms @ ..1000 => format!("{ms} ms"),
        ms => format!("{}.{} s", ms / 1000, ms % 1000 / 100),
    }
}
