//! Large segments that never arrive while small ones do: a link with a smaller MTU, of which nobody tells the sender.

use super::is_after;
use crate::diagnose::Proof;

/// Smaller ones fit through nearly every link: IPv6 has 1280 bytes at the least (RFC 8200 section 5).
const LARGE: usize = 1000;
/// Sent so often, it was not by chance that it did not arrive.
const TIMES: u64 = 3;

/// What one side sent, by its sizes.
#[derive(Debug, Default)]
pub(super) struct Sizes {
    /// The largest segment that arrived: bytes.
    arrived: usize,
    /// The first one on its way that is larger than that.
    stuck: Option<Stuck>,
    /// Where the first small segment with data ends, and whether it arrived.
    small: Option<u32>,
    small_arrives: bool,
    /// An ICMP error told the sender.
    is_told: bool,
}

/// A large segment that was not acknowledged, or only in pieces.
#[derive(Debug)]
pub(super) struct Stuck {
    from: u32,
    /// How long it was: bytes, without headers. The least of its sendings: a capture may have several segments as one.
    pub(super) length: usize,
    /// Its sendings.
    pub(super) packets: Proof,
    /// Smaller pieces of it arrived.
    pub(super) overcome: bool,
    /// It is sent in smaller pieces now.
    is_cut: bool,
    /// The other side was heard of since it was sent first.
    is_heard: bool,
}

impl Sizes {
    /// It sent a segment of `length` bytes.
    pub(super) fn sent(&mut self, from: u32, length: usize, packet: u64) {
        if (2..LARGE).contains(&length) {
            let end = from.wrapping_add(u32::try_from(length).unwrap_or_default());
            self.small.get_or_insert(end);
        }
        match &mut self.stuck {
            None if length >= LARGE && length > self.arrived => {
                self.stuck = Some(Stuck {
                    from,
                    length,
                    packets: Proof::of([packet]),
                    overcome: false,
                    is_cut: false,
                    is_heard: false,
                });
            }
            Some(stuck) if stuck.from == from && !stuck.overcome && length > 1 => {
                if length < LARGE || length * 4 < stuck.length * 3 {
                    stuck.is_cut = true;
                } else if !stuck.is_cut {
                    stuck.length = stuck.length.min(length);
                    stuck.packets.add(packet);
                }
            }
            _ => {}
        }
    }

    /// The other side acknowledged what stands before a number.
    pub(super) fn heard(&mut self, acknowledgement: u32) {
        self.small_arrives |= self
            .small
            .is_some_and(|end| !is_after(end, acknowledgement));
        let Some(stuck) = &mut self.stuck else {
            return;
        };
        stuck.is_heard = true;
        if stuck.overcome || !is_after(acknowledgement, stuck.from) {
            return;
        }
        if stuck.is_cut && stuck.packets.count() >= TIMES {
            stuck.overcome = true;
            return;
        }
        if !stuck.is_cut {
            let all = acknowledgement.wrapping_sub(stuck.from) as usize;
            self.arrived = self.arrived.max(stuck.length.min(all));
        }
        self.stuck = None;
    }

    /// The sender heard of it by ICMP: that is told.
    pub(super) fn told(&mut self) {
        self.is_told = true;
    }

    /// What did not arrive, while the way is open for small packets: one with data did arrive, or the other side is heard of.
    pub(super) fn stuck(&self) -> Option<&Stuck> {
        let stuck = self.stuck.as_ref().filter(|stuck| {
            let is_open = stuck.is_heard || self.small_arrives;
            stuck.packets.count() >= TIMES && is_open
        });
        stuck.filter(|_| !self.is_told)
    }
}
