//! What one side has sent: which numbers are new, which are sent again, and how long they took to be acknowledged.

use super::Spread;
use std::collections::VecDeque;

/// Ranges that are remembered; more, and the oldest become one.
const MOST: usize = 8192;

#[derive(Debug, Clone, Default)]
pub(super) struct Sent {
    /// In order of their numbers, none overlapping.
    ranges: VecDeque<Range>,
    /// The highest number that was seen, beyond 32 bits.
    highest: Option<i64>,
    /// The highest acknowledgement.
    acknowledged: Option<i64>,
    /// So many ranges at the front are acknowledged: an acknowledgement goes on behind them.
    settled: usize,
    /// When the last of what is acknowledged was sent.
    settled_time: Option<i64>,
    duplicates: u32,
}

#[derive(Debug, Clone, Copy)]
struct Range {
    from: i64,
    to: i64,
    /// When it was sent last.
    time: i64,
    /// How often it was sent again.
    again: u32,
    acknowledged: bool,
}

/// What a segment was.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Noted {
    /// Numbers that were sent before.
    pub(super) again: u64,
    /// It is new, and was sent before what was seen already.
    pub(super) late: bool,
    /// How often the segment was sent again before it was acknowledged.
    pub(super) times: u32,
}

/// What an acknowledgement did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Acknowledged {
    /// The number it says, beyond 32 bits.
    pub(super) to: i64,
    /// The round trip that it measures.
    pub(super) time: Option<i64>,
    /// Of a segment of so many numbers.
    pub(super) length: u64,
    /// The time from the last of several times that the segment was sent: it is not known which was acknowledged.
    pub(super) ambiguous: Option<i64>,
    /// It waited for something before it that was sent later.
    pub(super) after_loss: bool,
    /// Segments that it acknowledges beside the last.
    pub(super) cumulatively: u64,
    /// It says the same as the one before it, while something is on its way.
    pub(super) duplicate: bool,
    /// It is the third of that.
    pub(super) third: bool,
}

impl Sent {
    /// A number beyond 32 bits: the nearest to the highest one seen.
    #[inline]
    pub(super) fn extend(&mut self, number: u32) -> i64 {
        let extended = self.extend_back(number);
        self.highest = Some(
            self.highest
                .map_or(extended, |highest| highest.max(extended)),
        );
        extended
    }

    /// The same without remembering it.
    #[inline]
    pub(super) fn extend_back(&self, number: u32) -> i64 {
        match self.highest {
            // room below, for what was sent before the capture began
            None => i64::from(number) + (1 << 33),
            Some(highest) => highest + i64::from(number.wrapping_sub(highest as u32).cast_signed()),
        }
    }

    /// Notes that numbers were sent; `retransmission` is told how long after the time before.
    #[inline]
    pub(super) fn note(
        &mut self,
        from: i64,
        length: u64,
        time: i64,
        retransmission: &mut Spread,
    ) -> Noted {
        let to = from.saturating_add_unsigned(length);
        let range = Range {
            from,
            to,
            time,
            again: 0,
            acknowledged: false,
        };
        if self.ranges.back().is_none_or(|last| last.to <= from) {
            self.ranges.push_back(range);
            if self.ranges.len() > MOST {
                self.forget();
            }
            return Noted::default();
        }
        self.note_again(range, retransmission)
    }

    #[cold]
    fn note_again(&mut self, range: Range, retransmission: &mut Spread) -> Noted {
        let mut noted = Noted::default();
        let Range {
            mut from, to, time, ..
        } = range;
        let mut at = self.ranges.partition_point(|other| other.to <= from);
        let mut first = true;
        while from < to {
            let Some(other) = self.ranges.get_mut(at) else {
                self.ranges.push_back(Range { from, ..range });
                break;
            };
            if from < other.from {
                noted.late |= to < other.to;
                let until = to.min(other.from);
                self.ranges.insert(
                    at,
                    Range {
                        from,
                        to: until,
                        ..range
                    },
                );
                self.settled = self.settled.min(at);
                at += 1;
                from = until;
                continue;
            }
            other.again += 1;
            if first {
                if other.acknowledged {
                    self.settled_time = self.settled_time.max(Some(time));
                } else {
                    noted.times = other.again;
                    retransmission.add(time.saturating_sub(other.time));
                }
                other.time = time;
            }
            first = false;
            let until = to.min(other.to);
            noted.again += until.abs_diff(from);
            from = until;
            at += 1;
        }
        while self.ranges.len() > MOST {
            self.forget();
        }
        noted
    }

    /// Makes one of the two oldest, as if what is between them had been there.
    fn forget(&mut self) {
        if let (Some(first), Some(second)) = (self.ranges.pop_front(), self.ranges.front_mut()) {
            second.from = first.from;
        }
        self.settled = self.settled.saturating_sub(1);
    }

    /// The other side has everything before `to`. `bare`: the acknowledgement says nothing else.
    #[inline]
    pub(super) fn acknowledge(&mut self, to: i64, time: i64, bare: bool) -> Acknowledged {
        let mut done = Acknowledged {
            to,
            ..Acknowledged::default()
        };
        let again = self.acknowledged == Some(to);
        if again {
            let on_its_way = self.ranges.back().is_some_and(|last| last.to > to);
            if bare && on_its_way {
                self.duplicates += 1;
                done.duplicate = true;
                done.third = self.duplicates == 3;
            }
            return done;
        }
        if self.acknowledged.is_some_and(|before| to < before) {
            return done;
        }
        self.acknowledged = Some(to);
        self.duplicates = 0;
        let before = self.settled;
        for range in self.ranges.iter_mut().skip(before) {
            if to <= range.from {
                break;
            }
            self.settled += 1;
            let sent = Some(range.time);
            let after_loss = self.settled_time > sent;
            self.settled_time = self.settled_time.max(sent);
            if range.acknowledged || to != range.to {
                done.cumulatively += u64::from(!range.acknowledged);
                range.acknowledged = true;
                continue;
            }
            range.acknowledged = true;
            let took = time.saturating_sub(range.time);
            match (after_loss, range.again) {
                (true, _) => done.after_loss = true,
                (false, 0) => {
                    done.time = Some(took);
                    done.length = range.to.abs_diff(range.from);
                }
                (false, _) => done.ambiguous = Some(took),
            }
        }
        self.join(before);
        done
    }

    /// Of what is acknowledged, from a range on: what has no holes is one range.
    fn join(&mut self, from: usize) {
        let mut last = from.saturating_sub(1);
        for at in last + 1..self.settled {
            let range = self.ranges.get(at).copied();
            let (Some(range), Some(before)) = (range, self.ranges.get_mut(last)) else {
                break;
            };
            if before.to == range.from {
                before.to = range.to;
                before.time = before.time.max(range.time);
                continue;
            }
            last += 1;
            if let Some(place) = self.ranges.get_mut(last) {
                *place = range;
            }
        }
        if last + 1 < self.settled {
            self.ranges.drain(last + 1..self.settled);
            self.settled = last + 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_acknowledged_is_one_range_between_holes() {
        let (mut sent, mut times) = (Sent::default(), Spread::default());
        // the second of every thousand segments was not captured
        for at in (0..5000).filter(|at| at % 1000 != 1) {
            sent.note(at * 10, 10, at, &mut times);
            let done = sent.acknowledge(at * 10 + 10, at + 1, true);
            assert_eq!(
                (done.time, done.length, done.cumulatively),
                (Some(1), 10, 0)
            );
        }
        assert_eq!((sent.ranges.len(), sent.settled), (6, 6));
        // one of them comes late, is acknowledged with what follows, and then is no longer new
        let late = sent.note(20_010, 10, 6000, &mut times);
        assert_eq!((late.late, late.again, sent.settled), (true, 0, 3));
        sent.note(50_000, 10, 6001, &mut times);
        let done = sent.acknowledge(50_010, 6003, true);
        assert_eq!(
            (done.time, done.cumulatively, done.after_loss),
            (Some(2), 1, false)
        );
        assert_eq!((sent.ranges.len(), sent.settled), (5, 5));
        assert_eq!(sent.note(20_010, 10, 6004, &mut times).again, 10);
        // what was sent before that waited for it
        sent.note(50_010, 10, 6003, &mut times);
        assert!(sent.acknowledge(50_020, 6005, true).after_loss);
        assert_eq!(times.samples, 0);
    }
}
