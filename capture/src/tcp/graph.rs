//! A connection as curves over time: sequence numbers, throughput, round trips, as tcptrace and Wireshark draw them.
//!
//! Memory is bounded: a curve that grows too long is thinned, keeping the least and the most of each stretch of time.

use super::{
    Account, Side,
    segment::{Flags, Segment},
};

/// A curve has at most so many points.
pub const MOST_POINTS: usize = 2000;
/// And throughput so many intervals.
const MOST_INTERVALS: usize = 512;
/// The shortest interval of throughput: nanoseconds.
const SHORTEST: i64 = 100_000;

/// Something at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Point {
    /// Since the first packet: nanoseconds.
    pub time: i64,
    /// A number of the stream, from 0 at its SYN (or at the first number that was seen); or nanoseconds of a round trip.
    pub value: i64,
    /// How many numbers the segment takes; 0 where the point is no segment.
    pub length: u64,
    /// The packet's place in the capture.
    pub packet: u64,
}

/// Points in the order of time.
#[derive(Debug, Clone, Default)]
pub struct Curve {
    points: Vec<Point>,
    count: u64,
    /// Points of the same stretch are thinned: nanoseconds; 0 while all are there.
    stretch: i64,
}

/// How many bytes passed in each of equal intervals.
#[derive(Debug, Clone)]
pub struct Intervals {
    /// How long each is: nanoseconds.
    pub width: i64,
    /// Bytes of data in each, from the first packet on.
    pub bytes: Vec<u64>,
}

/// The curves of one direction of data.
#[derive(Debug, Clone, Default)]
pub struct Curves {
    /// Segments that are new.
    pub sent: Curve,
    /// Segments with something that was sent before.
    pub again: Curve,
    /// Segments that are new, and come after others that they stand before.
    pub late: Curve,
    /// What the other side expects next.
    pub acknowledged: Curve,
    /// Up to where the other side takes data.
    pub window: Curve,
    /// Round trips, at the acknowledgements that end them.
    pub round_trips: Curve,
    /// Bytes over time, as often as they were sent.
    pub throughput: Intervals,
    /// The number that the curves count from.
    base: Option<i64>,
}

/// One connection.
#[derive(Debug, Default)]
pub struct Graph {
    /// What was counted; `A` is the client.
    pub account: Account,
    /// What the client sent.
    pub a: Curves,
    /// What the server sent.
    pub b: Curves,
    first: Option<i64>,
}

impl Graph {
    /// Takes a segment; `time` is in nanoseconds since the epoch.
    pub fn segment(&mut self, side: Side, packet: u64, time: i64, segment: &Segment<'_>) {
        let seen = self.account.segment(side, time, segment);
        let time = time.saturating_sub(*self.first.get_or_insert(time)).max(0);
        let (mine, other) = match side {
            Side::A => (&mut self.a, &mut self.b),
            Side::B => (&mut self.b, &mut self.a),
        };
        let flags: Flags = segment.flags;
        if flags.syn() || (mine.base.is_none() && !flags.rst()) {
            mine.base = Some(seen.sequence);
        }
        let base = mine.base.unwrap_or(seen.sequence);
        if seen.numbers > 0 {
            let curve = match (seen.again, seen.late) {
                (true, _) => &mut mine.again,
                (false, true) => &mut mine.late,
                (false, false) => &mut mine.sent,
            };
            curve.push(Point {
                time,
                value: seen.sequence - base,
                length: seen.numbers,
                packet,
            });
        }
        mine.throughput.add(time, segment.length as u64);
        // before the other side sent anything, what it is to send next is where it begins
        if let Some((expected, window)) = seen.acknowledged {
            let value = expected - *other.base.get_or_insert(expected);
            let point = Point {
                time,
                value,
                length: 0,
                packet,
            };
            other.acknowledged.push(point);
            other.window.push(Point {
                value: value.saturating_add_unsigned(window),
                ..point
            });
        }
        if let Some(took) = seen.round_trip {
            other.round_trips.push(Point {
                time,
                value: took,
                length: 0,
                packet,
            });
        }
    }
}

impl Curve {
    /// The points that are left.
    pub fn points(&self) -> &[Point] {
        &self.points
    }

    /// How many there were.
    pub fn count(&self) -> u64 {
        self.count
    }

    fn push(&mut self, point: Point) {
        self.count += 1;
        self.points.push(point);
        if self.points.len() <= MOST_POINTS {
            return;
        }
        let last = self.points.iter().map(|point| point.time).max();
        // the first thinning leaves a quarter of the points at most: two of each stretch
        let stretch = last.unwrap_or(0) / (MOST_POINTS as i64 / 8) + 1;
        self.stretch = stretch.max(self.stretch);
        self.thin();
    }

    /// Leaves the least and the most of each stretch.
    fn thin(&mut self) {
        let stretch = self.stretch;
        // the clock of a capture may go back
        self.points.sort_by_key(|point| point.time);
        let mut left: Vec<Point> = Vec::with_capacity(MOST_POINTS);
        for points in self
            .points
            .chunk_by(|a, b| a.time / stretch == b.time / stretch)
        {
            let least = points.iter().min_by_key(|point| point.value);
            let most = points.iter().max_by_key(|point| end(point));
            match (least, most) {
                (Some(least), Some(most)) if least != most => {
                    let in_order = (least.time, least.packet) <= (most.time, most.packet);
                    left.extend(if in_order {
                        [*least, *most]
                    } else {
                        [*most, *least]
                    });
                }
                (Some(point), _) | (_, Some(point)) => left.push(*point),
                (None, None) => {}
            }
        }
        self.points = left;
    }
}

fn end(point: &Point) -> i64 {
    point.value.saturating_add_unsigned(point.length)
}

impl Default for Intervals {
    fn default() -> Self {
        Self {
            width: SHORTEST,
            bytes: Vec::new(),
        }
    }
}

impl Intervals {
    fn add(&mut self, time: i64, bytes: u64) {
        while time / self.width >= MOST_INTERVALS as i64 {
            self.width = self.width.saturating_mul(2);
            self.bytes = self.bytes.chunks(2).map(|pair| pair.iter().sum()).collect();
        }
        let at = (time / self.width) as usize;
        if self.bytes.len() <= at {
            self.bytes.resize(at + 1, 0);
        }
        if let Some(sum) = self.bytes.get_mut(at) {
            *sum += bytes;
        }
    }
}

#[cfg(test)]
mod tests;
