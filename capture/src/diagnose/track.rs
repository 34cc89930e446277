//! One TCP connection, watched for what goes wrong.

mod direction;

use super::{Cause, Finding, Proof, wifi};
use crate::tcp::{Segment, Side};
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
    /// In the middle.
    Middle,
    /// After a FIN.
    Ended,
}

impl Track {
    /// Takes a segment of the connection.
    pub fn segment(&mut self, side: Side, time: i64, packet: u64, segment: &Segment<'_>) {
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
                self.reset(side, packet, segment.sequence, silence);
            }
            return;
        }
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
        if direction.is_closed() {
            // what it had no room for is sent again later
            self.side(side.other()).excuse();
        }
        self.take_back(side, segment);
    }

    /// What `side` sent last was larger than a link takes: all of it is sent again in smaller pieces.
    pub fn too_big(&mut self, side: Side) {
        self.side(side).excuse();
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

    /// When the first SYN was sent, as long as nothing answers it: nanoseconds since the epoch.
    pub fn unanswered_since(&self) -> Option<i64> {
        let waits = !self.answered && self.reset.is_none();
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
        if let Some(reset) = &self.reset {
            found.extend(self.told(reset, name(reset.by), client, server));
        }
        let mut add = |cause, text, proof: &Proof| {
            found.push(Finding::new(cause, about.clone(), text, proof));
        };
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
        let lasted = self.last.saturating_sub(self.first);
        for (side, direction) in [Side::A, Side::B].into_iter().zip(&self.sides) {
            if direction.is_lossy() {
                let (again, all) = (direction.again.count(), direction.segments);
                let heard = match self.sides[side.other() as usize].duplicates {
                    0 => String::new(),
                    1 => ", and 1 duplicate acknowledgement came back".to_owned(),
                    count => format!(", and {count} duplicate acknowledgements came back"),
                };
                let text = format!(
                    "{again} of {all} segments from {} were sent again{heard}.",
                    name(side)
                );
                add(Cause::Loss, text, &direction.again);
            }
            if let Some((how, proof)) = direction.full(self.last, lasted) {
                let text = format!(
                    "{} said that it has no room for more (window 0): {how}.",
                    name(side)
                );
                add(Cause::ZeroWindow, text, proof);
            }
        }
        for finding in &mut found {
            finding.about.clone_from(&about);
        }
        found
    }

    /// What a reset says.
    fn told(&self, reset: &Reset, who: &str, client: &str, server: &str) -> Option<Finding> {
        let side = match who == client {
            true => "the client",
            false => "the server",
        };
        let proof = |others: &[u64]| Proof::of(others.iter().copied().chain(reset.packets.named()));
        let syns: Vec<_> = self.syns.named().collect();
        let (cause, text, proof, means) = match reset.when {
            When::Ended => return None,
            When::Refusal => {
                let text = format!("{server} answered the SYN with a RST.");
                (Cause::Refused, text, reset.packets.clone(), None)
            }
            When::Unanswered => {
                let text = format!("{client} gave up with a RST before {server} had answered.");
                (Cause::NoAnswer, text, proof(&syns), Some(GAVE_UP))
            }
            When::Stale => {
                let text = format!(
                    "{server} answered the SYN as a part of another, older connection, which {client} then reset."
                );
                let stale = self.stale.as_slice();
                (Cause::Reset, text, proof(stale), Some(STALE))
            }
            When::Opened => {
                let text = format!(
                    "{who} ({side}) reset the connection as soon as it stood: nothing was said."
                );
                (Cause::Reset, text, reset.packets.clone(), Some(PROBE))
            }
            When::Idle(silence) => {
                let seconds = silence / 1_000_000_000;
                let text =
                    format!("{who} ({side}) reset the connection after {seconds} s of silence.");
                (Cause::IdleReset, text, reset.packets.clone(), None)
            }
            When::Middle => {
                let text = format!("{who} ({side}) reset the connection in the middle.");
                (Cause::Reset, text, reset.packets.clone(), None)
            }
        };
        let mut finding = Finding::new(cause, String::new(), text, &proof);
        finding.means = means.unwrap_or(finding.means);
        Some(finding)
    }

    fn reset(&mut self, by: Side, packet: u64, sequence: u32, silence: i64) {
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
            _ => When::Middle,
        };
        self.reset = Some(Reset {
            by,
            packets: Proof::of([packet]),
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

const GAVE_UP: &str = "The client waits for too short a time, was ended, or only looked whether somebody answers (a port scan). Look at its \
    limit of time, and whether the SYN arrives at the server.";
const STALE: &str = "The server still has a connection of the same addresses and ports, of which the client knows nothing any more: the \
    client was started anew, or a NAT gave the port to somebody else too soon. The next SYN is answered.";
const PROBE: &str = "A port scan, or a load balancer that looks whether the server is there, does so on purpose. Else the client's program \
    ended or gave up: look into its log at that moment.";

/// Whether a sequence number stands behind another.
fn is_after(a: u32, b: u32) -> bool {
    a.wrapping_sub(b).cast_signed() > 0
}

#[cfg(test)]
mod tests;
