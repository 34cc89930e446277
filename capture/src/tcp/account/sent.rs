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
                at += 1;
                from = until;
                continue;
            }
            other.again += 1;
            if first {
                if !other.acknowledged {
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
        let mut latest = i64::MIN;
        let mut covered = 0;
        for range in &mut self.ranges {
            if to <= range.from {
                break;
            }
            covered += 1;
            if range.acknowledged || to != range.to {
                done.cumulatively += u64::from(!range.acknowledged);
                range.acknowledged = true;
                latest = latest.max(range.time);
                continue;
            }
            range.acknowledged = true;
            let took = time.saturating_sub(range.time);
            match (latest > range.time, range.again) {
                (true, _) => done.after_loss = true,
                (false, 0) => {
                    done.time = Some(took);
                    done.length = range.to.abs_diff(range.from);
                }
                (false, _) => done.ambiguous = Some(took),
            }
        }
        // what is acknowledged and without holes is one range
        while covered > 1
            && let [first, second] = self.first_two()
            && first.acknowledged
            && second.acknowledged
            && first.to == second.from
        {
            let (from, time) = (first.from, first.time);
            self.ranges.pop_front();
            if let Some(second) = self.ranges.front_mut() {
                second.from = from;
                second.time = second.time.max(time);
                second.again = 0;
            }
            covered -= 1;
        }
        done
    }

    fn first_two(&self) -> &[Range] {
        let (front, back) = self.ranges.as_slices();
        match (front, back) {
            ([_, _, ..], _) => front.get(..2).unwrap_or_default(),
            ([], back) => back.get(..2).unwrap_or_default(),
            _ => &[],
        }
    }
}
