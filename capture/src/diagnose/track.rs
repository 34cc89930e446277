//! One TCP connection, watched for what goes wrong.

mod direction;
mod sizes;
mod told;

pub use told::Known;

use super::{Proof, wifi};
use crate::{
    tcp::{Segment, Side},
    tls,
};
use direction::Direction;

/// A reset after so long a silence is a timeout: nanoseconds.
const IDLE: i64 = 30_000_000_000;
/// A SYN that the capture ends so soon after may still be answered: nanoseconds.
const PATIENCE: i64 = 1_000_000_000;

/// What was seen of a connection. `A` is who sent the first packet.
#[derive(Debug, Default)]
pub struct Track {
    sides: [Direction; 2],
    /// Who sent a SYN without ACK, and when.
    syn: Option<(Side, i64)>,
    /// The number of that SYN.
    initial: u32,
    syns: Proof,
    /// SYNs with ACK, and whether one of them was acknowledged.
    answers: Proof,
    heard: bool,
    answered: bool,
    established: Option<i64>,
    /// An answer to the SYN that does not acknowledge it.
    stale: Option<u64>,
    reset: Option<Reset>,
    finished: bool,
    first: i64,
    last: i64,
    radio: wifi::Counts,
}

#[derive(Debug)]
struct Reset {
    by: Side,
    packets: Proof,
    /// Its time to live, and that of what came from there before, where it is another.
    ttl: Option<(u8, u8)>,
    /// Where its sender was.
    sequence: u32,
    when: When,
}

/// When a reset came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum When {
    /// As the answer to a SYN.
    Refusal,
    /// From who sent the SYN, before an answer.
    Unanswered,
    /// From who sent the SYN, after an answer that belongs to an older connection.
    Stale,
    /// From who opened the connection, before anything was said.
    Opened,
    /// After so many nanoseconds of silence.
    Idle(i64),
    /// As the first thing that came after the other side's ClientHello, which is this packet.
    Hello(u64),
    /// In the middle.
    Middle,
    /// After a FIN.
    Ended,
}

impl Track {
    /// Takes a segment of the connection, in a datagram with this time to live.
    pub fn segment(&mut self, side: Side, time: i64, packet: u64, ttl: u8, segment: &Segment<'_>) {
        let flags = segment.flags;
        let silence = match self.last {
            0 => 0,
            last => time.saturating_sub(last),
        };
        if self.first == 0 {
            self.first = time;
        }
        self.last = time;
        let answers = self.syn.is_some_and(|(by, _)| by != side);
        // RFC 9293 section 3.10.7.3: what does not acknowledge the SYN is no answer to it
        let fits = flags.ack() && !is_after(self.initial.wrapping_add(1), segment.acknowledgement);
        if flags.rst() {
            if !answers || self.answered || fits {
                self.reset(side, packet, ttl, segment.sequence, silence);
            }
            return;
        }
        self.side(side).travels(ttl);
        if flags.syn() && !flags.ack() {
            if self.syn.is_none() {
                self.syn = Some((side, time));
                self.initial = segment.sequence;
            }
            self.syns.add(packet);
        } else if answers && !self.answered && !flags.syn() && !fits {
            self.stale.get_or_insert(packet);
        } else if flags.syn() || answers || (self.syn.is_some() && flags.ack()) {
            // who sent the SYN and acknowledges now has heard an answer
            self.answered = true;
            self.established.get_or_insert(time);
        }
        if flags.syn() && flags.ack() && fits {
            self.answers.add(packet);
        }
        // who sent the SYN has heard of the answer
        self.heard |= flags.ack() && self.syn.is_some_and(|(by, _)| by == side);
        self.finished |= flags.fin();
        let other_next = self.side(side.other()).next;
        let direction = self.side(side);
        if flags.ack() {
            direction.heard = Some(segment.acknowledgement);
            if !flags.syn() {
                direction.answer(time, packet, segment, other_next);
                self.side(side.other()).told(segment);
            }
        }
        let direction = self.side(side);
        direction.sent(time, packet, segment);
        if segment.length > 0 {
            if tls::is_client_hello(segment.payload) {
                direction.hello.get_or_insert((packet, segment.sequence));
            }
            // it was answered
            self.side(side.other()).hello = None;
        }
        let direction = self.side(side);
        if direction.is_closed() {
            // what it had no room for is sent again later
            self.side(side.other()).excuse();
        }
        self.take_back(side, segment);
    }

    /// What `side` sent last was larger than a link takes: all of it is sent again in smaller pieces.
    pub fn too_big(&mut self, side: Side) {
        self.side(side).excuse();
        self.side(side).sizes.told();
    }

    /// One of its segments was carried in a frame of IEEE 802.11; whether that was sent again.
    pub fn frame(&mut self, retried: bool) {
        self.radio.add(retried);
    }

    /// When the SYN was answered: nanoseconds since the epoch.
    pub fn established(&self) -> Option<i64> {
        self.established
    }

    /// Whether what `side` sent at this sequence number was acknowledged.
    pub fn has_arrived(&self, side: Side, sequence: u32) -> bool {
        let heard = self.sides[side.other() as usize].heard;
        heard.is_some_and(|heard| is_after(heard, sequence))
    }

    /// Whether it was reset, and went on after none of that.
    pub fn is_reset(&self) -> bool {
        self.reset.is_some()
    }

    /// Whether the SYN was answered again and again, and that never acknowledged.
    fn is_unheard(&self) -> bool {
        self.syn.is_some() && !self.heard && self.reset.is_none() && self.answers.count() > 1
    }

    /// When the first SYN was sent, as long as the connection does not stand: nanoseconds since the epoch.
    pub fn opening_since(&self) -> Option<i64> {
        let waits = (!self.answered && self.reset.is_none()) || self.is_unheard();
        self.syn.filter(|_| waits).map(|(_, since)| since)
    }

    /// Words for what is worth a tag on a flow.
    pub fn marks(&self) -> impl Iterator<Item = &'static str> {
        let lossy = self.sides.iter().any(Direction::is_lossy);
        let lasted = self.last.saturating_sub(self.first);
        let is_full = |side: &Direction| side.full(self.last, lasted).is_some();
        let full = self.sides.iter().any(is_full);
        let marks = [
            (lossy, "retransmissions"),
            (full, "zero-window"),
            (self.radio.is_bad(), wifi::MARK),
        ];
        marks
            .into_iter()
            .filter_map(|(has, mark)| has.then_some(mark))
    }

    fn reset(&mut self, by: Side, packet: u64, ttl: u8, sequence: u32, silence: i64) {
        if let Some(reset) = &mut self.reset {
            if reset.by == by {
                reset.packets.add(packet);
                reset.sequence = sequence;
            }
            return;
        }
        let opened = self.syn.map(|(opened, _)| opened);
        let said = self.sides.iter().any(|side| side.segments > 0);
        let when = match opened {
            _ if self.finished => When::Ended,
            Some(opened) if opened != by && !self.answered => When::Refusal,
            Some(_) if !self.answered && self.stale.is_some() => When::Stale,
            Some(_) if !self.answered => When::Unanswered,
            _ if silence >= IDLE => When::Idle(silence),
            Some(opened) if opened == by && !said => When::Opened,
            _ => match self.sides[by.other() as usize].hello {
                Some((hello, _)) => When::Hello(hello),
                None => When::Middle,
            },
        };
        self.reset = Some(Reset {
            by,
            packets: Proof::of([packet]),
            ttl: self.sides[by as usize]
                .usual_ttl()
                .map(|usual| (ttl, usual)),
            sequence,
            when,
        });
    }

    /// A reset that the other side did not take: it acknowledges what was sent after it (RFC 5961 section 3.2 says which
    /// ones are not taken).
    fn take_back(&mut self, side: Side, segment: &Segment<'_>) {
        let ignored = self.reset.as_ref().is_some_and(|reset| match reset.when {
            When::Refusal => self.answered,
            _ => {
                let goes_on = is_after(segment.acknowledgement, reset.sequence);
                reset.by != side && segment.flags.ack() && goes_on
            }
        });
        if ignored {
            self.reset = None;
        }
    }

    fn side(&mut self, side: Side) -> &mut Direction {
        &mut self.sides[side as usize]
    }
}

/// Whether a sequence number stands behind another.
fn is_after(a: u32, b: u32) -> bool {
    a.wrapping_sub(b).cast_signed() > 0
}

#[cfg(test)]
mod tests;
