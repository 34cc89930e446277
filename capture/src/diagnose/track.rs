//! One TCP connection, watched for what goes wrong.

use super::{Cause, Finding, Proof};
use crate::tcp::{Segment, Side};

/// A hole that is filled so soon was a matter of order, not of loss: nanoseconds.
const REORDERED: i64 = 3_000_000;
/// A reset after so long a silence is a timeout: nanoseconds.
const IDLE: i64 = 30_000_000_000;
/// A SYN that the capture ends so soon after may still be answered: nanoseconds.
const PATIENCE: i64 = 1_000_000_000;
/// Holes that are remembered in a direction.
const HOLES: usize = 64;

/// What was seen of a connection. `A` is who sent the first packet.
#[derive(Debug, Default)]
pub struct Track {
    sides: [Direction; 2],
    /// Who sent a SYN without ACK, and when.
    syn: Option<(Side, i64)>,
    syns: Proof,
    answered: bool,
    established: Option<i64>,
    reset: Option<Reset>,
    finished: bool,
    last: i64,
}

#[derive(Debug, Clone, Copy)]
struct Reset {
    by: Side,
    packet: u64,
    /// Nanoseconds since the packet before.
    silence: i64,
    /// To a SYN that was not answered otherwise.
    refusal: bool,
    /// After a FIN.
    after_end: bool,
}

#[derive(Debug, Default)]
struct Direction {
    /// The number after the last byte.
    next: Option<u32>,
    /// Missing numbers with the moment they were skipped.
    holes: Vec<(u32, u32, i64)>,
    segments: u64,
    again: Proof,
    acknowledged: Option<(u32, u16)>,
    duplicates: u64,
    full: Proof,
}

impl Track {
    /// Takes a segment of the connection.
    pub fn segment(&mut self, side: Side, time: i64, packet: u64, segment: &Segment<'_>) {
        let flags = segment.flags;
        let silence = match self.last {
            0 => 0,
            last => time.saturating_sub(last),
        };
        self.last = time;
        if flags.rst() {
            let asked = self.syn.is_some_and(|(by, _)| by != side);
            self.reset.get_or_insert(Reset {
                by: side,
                packet,
                silence,
                refusal: asked && !self.answered,
                after_end: self.finished,
            });
            return;
        }
        if flags.syn() && !flags.ack() {
            self.syn.get_or_insert((side, time));
            self.syns.add(packet);
        } else if flags.syn() || self.syn.is_some_and(|(by, _)| by != side) {
            self.answered = true;
            self.established.get_or_insert(time);
        }
        self.finished |= flags.fin();
        let other_next = self.side(side.other()).next;
        let direction = self.side(side);
        if flags.ack() && !flags.syn() {
            direction.answer(packet, segment, other_next);
        }
        direction.sent(time, packet, segment);
    }

    /// When the SYN was answered: nanoseconds since the epoch.
    pub fn established(&self) -> Option<i64> {
        self.established
    }

    /// Words for what is worth a tag on a flow.
    pub fn marks(&self) -> impl Iterator<Item = &'static str> {
        let lossy = self.sides.iter().any(Direction::is_lossy);
        let full = self.sides.iter().any(|side| side.full.count() > 0);
        let marks = [(lossy, "retransmissions"), (full, "zero-window")];
        marks
            .into_iter()
            .filter_map(|(has, mark)| has.then_some(mark))
    }

    /// What went wrong, of the connection between `a` and `b`; the capture goes on until `end`.
    pub fn findings(&self, a: &str, b: &str, end: i64) -> Vec<Finding> {
        let name = |side: Side| match side {
            Side::A => a,
            Side::B => b,
        };
        let (client, server) = match self.syn {
            Some((by, _)) => (name(by), name(by.other())),
            None => (a, b),
        };
        let about = format!("{client} > {server}");
        let mut found = Vec::new();
        let mut add = |cause, text, proof: &Proof| {
            found.push(Finding::new(cause, about.clone(), text, proof));
        };
        match self.reset {
            Some(reset) if reset.refusal => {
                let text = format!("{server} answered the SYN with a RST.");
                add(Cause::Refused, text, &Proof::of([reset.packet]));
            }
            Some(reset) if !reset.after_end => {
                let who = name(reset.by);
                let side = match who == client {
                    true => "the client",
                    false => "the server",
                };
                let proof = Proof::of([reset.packet]);
                if reset.silence >= IDLE {
                    let seconds = reset.silence / 1_000_000_000;
                    let text = format!(
                        "{who} ({side}) reset the connection after {seconds} s of silence."
                    );
                    add(Cause::IdleReset, text, &proof);
                } else {
                    let text = format!("{who} ({side}) reset the connection in the middle.");
                    add(Cause::Reset, text, &proof);
                }
            }
            _ => {}
        }
        if let Some((_, since)) = self.syn
            && !self.answered
            && self.reset.is_none()
            && (self.syns.count() > 1 || end.saturating_sub(since) >= PATIENCE)
        {
            let text = match self.syns.count() {
                1 => format!("{server} did not answer the SYN."),
                count => format!("{server} did not answer {count} SYNs."),
            };
            add(Cause::NoAnswer, text, &self.syns);
        }
        for (side, direction) in [Side::A, Side::B].into_iter().zip(&self.sides) {
            if direction.is_lossy() {
                let (again, all) = (direction.again.count(), direction.segments);
                let heard = match self.sides[side.other() as usize].duplicates {
                    0 => String::new(),
                    count => format!(", and {count} duplicate acknowledgements came back"),
                };
                let text = format!(
                    "{again} of {all} segments from {} were sent again{heard}.",
                    name(side)
                );
                add(Cause::Loss, text, &direction.again);
            }
            if direction.full.count() > 0 {
                let text = format!(
                    "{} said that it has no room for more (window 0).",
                    name(side)
                );
                add(Cause::ZeroWindow, text, &direction.full);
            }
        }
        found
    }

    fn side(&mut self, side: Side) -> &mut Direction {
        &mut self.sides[side as usize]
    }
}

impl Direction {
    fn is_lossy(&self) -> bool {
        let again = self.again.count();
        again > 0 && again * 100 >= self.segments
    }

    /// What the segment says of the other direction, whose last byte stands before `next`.
    fn answer(&mut self, packet: u64, segment: &Segment<'_>, next: Option<u32>) {
        if segment.window == 0 && !segment.flags.fin() {
            self.full.add(packet);
        }
        let now = (segment.acknowledgement, segment.window);
        let bare = segment.length == 0 && !segment.flags.fin() && segment.window != 0;
        let owed = next.is_some_and(|next| next != segment.acknowledgement);
        if bare && owed && self.acknowledged == Some(now) {
            self.duplicates += 1;
        }
        self.acknowledged = Some(now);
    }

    fn sent(&mut self, time: i64, packet: u64, segment: &Segment<'_>) {
        let length = u32::try_from(segment.length).unwrap_or_default();
        let flags = u32::from(segment.flags.syn()) + u32::from(segment.flags.fin());
        let from = segment.sequence;
        let to = from.wrapping_add(length).wrapping_add(flags);
        self.segments += u64::from(length > 0);
        let Some(next) = self.next else {
            self.next = Some(to);
            return;
        };
        let is_after = |a: u32, b: u32| a.wrapping_sub(b).cast_signed() > 0;
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
        if !reordered {
            self.again.add(packet);
        }
        if is_after(to, next) {
            self.next = Some(to);
        }
    }
}

#[cfg(test)]
mod tests;
