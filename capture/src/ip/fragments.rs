//! Datagrams put together from their fragments, in bounded memory.
//!
//! Where fragments overlap, what came first stays in IPv4; in IPv6 the datagram is given up, as its receiver must
//! (RFC 5722). What is not whole after 60 seconds of the packets' own time (RFC 8200, 4.5) is given up, too.

use super::Ip;
use crate::packet::{Span, Spot};
use foldhash::{HashMap, HashMapExt};
use std::{collections::VecDeque, net::IpAddr};

/// How long a datagram may take: nanoseconds.
const PATIENCE: i64 = 60_000_000_000;
/// What is held of all datagrams that are not whole.
const MOST_BYTES: usize = 16 * 1024 * 1024;
/// What a datagram costs beside its bytes, about.
const OVERHEAD: usize = 256;

/// Datagrams that are not whole yet.
#[derive(Debug)]
pub struct Fragments {
    datagrams: HashMap<Key, Datagram>,
    /// In the order in which they began, with a number that tells an old entry from a new one.
    order: VecDeque<(Key, u64)>,
    bytes: usize,
    begun: u64,
    /// Datagrams that were given up.
    lost: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    source: IpAddr,
    destination: IpAddr,
    id: u32,
    protocol: u8,
}

#[derive(Debug)]
struct Datagram {
    number: u64,
    began: i64,
    bytes: Vec<u8>,
    /// What is there: from, to; in order, apart from each other.
    there: Vec<(usize, usize)>,
    length: Option<usize>,
    packets: Vec<u64>,
    first: Spot,
    protocol: u8,
    ttl: u8,
    traffic_class: u8,
    header_length: usize,
}

/// A datagram whose fragments are all there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whole {
    /// What it carries.
    pub bytes: Vec<u8>,
    /// The numbers of the packets that its fragments came in, as they came.
    pub packets: Vec<u64>,
    /// Where the first of them and the last one lie.
    pub span: Span,
    ttl: u8,
    traffic_class: u8,
    header_length: usize,
    source: IpAddr,
    destination: IpAddr,
    id: u32,
    protocol: u8,
}

impl Whole {
    /// The datagram as if it had come in one packet.
    pub fn ip(&self) -> Ip<'_> {
        Ip {
            source: self.source,
            destination: self.destination,
            protocol: self.protocol,
            ttl: self.ttl,
            traffic_class: self.traffic_class,
            id: self.id,
            dont_fragment: false,
            fragment: None,
            header_length: self.header_length,
            payload: &self.bytes,
            payload_length: self.bytes.len(),
        }
    }
}

impl Default for Fragments {
    fn default() -> Self {
        Self {
            datagrams: HashMap::new(),
            order: VecDeque::new(),
            bytes: 0,
            begun: 0,
            lost: 0,
        }
    }
}

impl Fragments {
    /// Takes a fragment (anything else is ignored), which lies at `spot`, and gives the datagram that it completes.
    pub fn add(&mut self, ip: &Ip<'_>, packet: u64, spot: Spot, time: i64) -> Option<Whole> {
        self.expire(time);
        let place = ip.fragment?;
        let from = place.offset as usize;
        let to = from + ip.payload.len();
        // a fragment that the capture cut cannot be used; all but the last are of units of 8 bytes
        let odd = place.more && (!ip.payload_length.is_multiple_of(8) || ip.payload_length == 0);
        if ip.payload.len() < ip.payload_length || odd || to > 65_535 {
            return None;
        }
        let key = Key {
            source: ip.source,
            destination: ip.destination,
            id: ip.id,
            // in IPv6 each fragment may name another; that of the first holds
            protocol: if ip.source.is_ipv4() { ip.protocol } else { 0 },
        };
        let begun = &mut self.begun;
        let datagram = self.datagrams.entry(key).or_insert_with(|| {
            *begun += 1;
            self.order.push_back((key, *begun));
            self.bytes += OVERHEAD;
            Datagram {
                number: *begun,
                began: time,
                bytes: Vec::new(),
                there: Vec::new(),
                length: None,
                packets: Vec::new(),
                first: spot,
                protocol: ip.protocol,
                ttl: ip.ttl,
                traffic_class: ip.traffic_class,
                header_length: ip.header_length,
            }
        });
        let before = datagram.cost();
        let sound = datagram.take(ip, from, to, place.more, packet);
        self.bytes = self.bytes + datagram.cost() - before;
        let whole = sound && datagram.is_whole();
        if whole || !sound {
            let datagram = self.remove(&key)?;
            if !sound {
                self.lost += 1;
                return None;
            }
            return Some(Whole {
                bytes: datagram.bytes,
                packets: datagram.packets,
                span: Span {
                    first: datagram.first,
                    last: spot,
                },
                ttl: datagram.ttl,
                traffic_class: datagram.traffic_class,
                header_length: datagram.header_length,
                source: ip.source,
                destination: ip.destination,
                id: ip.id,
                protocol: datagram.protocol,
            });
        }
        while self.bytes > MOST_BYTES && self.give_up_oldest() {}
        None
    }

    /// Datagrams that were given up, and those that are not whole now.
    pub fn lost(&self) -> u64 {
        self.lost + self.datagrams.len() as u64
    }

    fn expire(&mut self, now: i64) {
        while let Some((key, number)) = self.order.front() {
            let datagram = self.datagrams.get(key).filter(|d| d.number == *number);
            if datagram.is_some_and(|d| now.saturating_sub(d.began) < PATIENCE) {
                return;
            }
            if !self.give_up_oldest() {
                return;
            }
        }
    }

    fn give_up_oldest(&mut self) -> bool {
        let Some((key, number)) = self.order.pop_front() else {
            return false;
        };
        if self.datagrams.get(&key).is_some_and(|d| d.number == number) {
            self.remove(&key);
            self.lost += 1;
        }
        true
    }

    fn remove(&mut self, key: &Key) -> Option<Datagram> {
        let datagram = self.datagrams.remove(key)?;
        self.bytes = self.bytes.saturating_sub(datagram.cost() + OVERHEAD);
        Some(datagram)
    }
}

impl Datagram {
    fn cost(&self) -> usize {
        self.bytes.len() + self.there.len() * 16 + self.packets.len() * 8
    }

    /// Whether the datagram is still one.
    fn take(&mut self, ip: &Ip<'_>, from: usize, to: usize, more: bool, packet: u64) -> bool {
        if !more {
            if self.length.is_some_and(|length| length != to) {
                return ip.source.is_ipv4();
            }
            self.length = Some(to);
        }
        if self
            .length
            .is_some_and(|length| to > length || self.bytes.len() > length)
        {
            return false;
        }
        self.packets.push(packet);
        if from == 0 {
            (self.protocol, self.ttl) = (ip.protocol, ip.ttl);
            self.traffic_class = ip.traffic_class;
            self.header_length = ip.header_length;
        }
        if self.bytes.len() < to {
            self.bytes.resize(to, 0);
        }
        // a duplicate is no overlap
        if self.there.iter().any(|(a, b)| *a <= from && to <= *b) {
            return true;
        }
        let overlaps = self.there.iter().any(|(a, b)| *a < to && from < *b);
        if overlaps && ip.source.is_ipv6() {
            return false;
        }
        let mut at = from;
        for (a, b) in self
            .there
            .iter()
            .copied()
            .filter(|(a, b)| *a < to && from < *b)
        {
            copy(&mut self.bytes, ip.payload, from, at, a);
            at = at.max(b);
        }
        copy(&mut self.bytes, ip.payload, from, at, to);
        let first = self.there.partition_point(|(_, b)| *b < from);
        let last = self.there.partition_point(|(a, _)| *a <= to);
        let joined = self.there.get(first..last).unwrap_or_default();
        let from = joined.first().map_or(from, |(a, _)| from.min(*a));
        let to = joined.last().map_or(to, |(_, b)| to.max(*b));
        self.there.splice(first..last, [(from, to)]);
        true
    }

    fn is_whole(&self) -> bool {
        matches!((self.there.as_slice(), self.length), ([(0, to)], Some(length)) if *to == length)
    }
}

/// Copies what belongs to `at..to` out of a fragment that begins at `from`.
fn copy(bytes: &mut [u8], fragment: &[u8], from: usize, at: usize, to: usize) {
    if at >= to {
        return;
    }
    if let (Some(target), Some(piece)) = (bytes.get_mut(at..to), fragment.get(at - from..to - from))
    {
        target.copy_from_slice(piece);
    }
}
