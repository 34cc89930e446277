//! Packets that a capture has more than once: seen on several interfaces (`-i any` on a bridge), in front of a router
//! and behind it, by a port that mirrors both directions, or sent again by a radio.
//!
//! A program that sends the same again makes another datagram of it: another identification (IPv4), another timestamp
//! (TCP), or a moment later. What is the same in all of that, and comes so soon, is the same packet.

use crate::{
    ip::{Ip, protocol},
    link::Layers,
    packet::Packet,
};
use foldhash::fast::RandomState;
use std::hash::{BuildHasher as _, Hash as _, Hasher as _};

/// A copy comes so soon, when something shows that it is one: nanoseconds. TCP sends nothing again after so short a time
/// (RFC 6298 section 2.4 has 1 s, Linux 200 ms), but for a hole, and then with another identification or timestamp.
const SOON: i64 = 100_000_000;
/// And so soon, when nothing does.
const AT_ONCE: i64 = 1_000_000;
/// So many packets are remembered: sets of four.
const SETS: usize = 8192;
const WAYS: usize = 4;
/// So much of a segment is compared: its header, and the beginning of what it carries.
const COMPARED: usize = 128;

/// Remembers the packets that were seen last.
#[derive(Default)]
pub(super) struct Copies {
    sets: Vec<[Seen; WAYS]>,
    hasher: RandomState,
}

#[derive(Clone, Copy, Default)]
struct Seen {
    /// Of all that copies have in common.
    hash: u64,
    /// Of where it was seen.
    place: u64,
    time: i64,
}

impl Copies {
    /// Whether this packet was seen before. It is the same one, though its time to live, its link-layer header and its
    /// checksum (which a network card may fill in later) may differ.
    pub(super) fn is_copy(
        &mut self,
        packet: &Packet<'_>,
        layers: &Layers<'_>,
        ip: &Ip<'_>,
    ) -> bool {
        if self.sets.is_empty() {
            self.sets = vec![Default::default(); SETS];
        }
        let seen = Seen {
            hash: self.content(ip),
            place: self.place(packet, layers, ip),
            time: packet.time,
        };
        let Some(set) = self.sets.get_mut(seen.hash as usize % SETS) else {
            return false;
        };
        let again = layers.wlan.is_some_and(|wlan| wlan.retry);
        let tcp = ip.protocol == protocol::TCP;
        let Some(old) = set.iter_mut().find(|old| old.hash == seen.hash) else {
            if let Some(oldest) = set.iter_mut().min_by_key(|old| old.time) {
                *oldest = seen;
            }
            return false;
        };
        let limit = match (old.place != seen.place || again, ip.id != 0) {
            (true, _) => SOON,
            (false, true) if tcp => SOON,
            (false, true) => AT_ONCE,
            (false, false) if tcp => AT_ONCE,
            // nothing tells it from one that was sent twice
            (false, false) => 0,
        };
        let is_copy = seen.time.abs_diff(old.time) < limit.unsigned_abs();
        if !is_copy {
            *old = seen;
        }
        is_copy
    }

    fn content(&self, ip: &Ip<'_>) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        (ip.source, ip.destination, ip.protocol, ip.id).hash(&mut hasher);
        let offset = ip.fragment.map_or(0, |fragment| fragment.offset);
        (offset, ip.payload_length).hash(&mut hasher);
        let (most, checksum) = match ip.protocol {
            _ if offset > 0 => (usize::MAX, 0..0),
            protocol::TCP => (COMPARED, 16..18),
            protocol::UDP => (usize::MAX, 6..8),
            _ => (usize::MAX, 0..0),
        };
        let bytes = ip.payload.get(..most).unwrap_or(ip.payload);
        match bytes.get(..checksum.start).zip(bytes.get(checksum.end..)) {
            Some(parts) => parts.hash(&mut hasher),
            None => bytes.hash(&mut hasher),
        }
        hasher.finish()
    }

    fn place(&self, packet: &Packet<'_>, layers: &Layers<'_>, ip: &Ip<'_>) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        (packet.interface, layers.interface, ip.ttl).hash(&mut hasher);
        (layers.source, layers.destination).hash(&mut hasher);
        for vlan in layers.vlans.as_slice() {
            vlan.tci.hash(&mut hasher);
        }
        if let Some(process) = &layers.process {
            process.interface.hash(&mut hasher);
        }
        hasher.finish()
    }
}

#[cfg(test)]
mod tests;
