//! Connections by their addresses and ports, and in the order in which they were last heard of.

use foldhash::{HashMap, HashMapExt};
use std::net::IpAddr;

/// Both ends of a connection, the same from either side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Key([u64; 5]);

impl Key {
    /// The key, and whether the first end given is the first in it.
    #[inline]
    pub(super) fn new(from: (IpAddr, u16), to: (IpAddr, u16)) -> (Self, bool) {
        let number = |ip: IpAddr| match ip {
            IpAddr::V4(ip) => u128::from(ip.to_bits()),
            IpAddr::V6(ip) => ip.to_bits(),
        };
        let v6 = u64::from(from.0.is_ipv6());
        let (a, b) = ((number(from.0), from.1), (number(to.0), to.1));
        let forward = a <= b;
        let (a, b) = if forward { (a, b) } else { (b, a) };
        let halves = |n: u128| [(n >> 64) as u64, n as u64];
        let ([a0, a1], [b0, b1]) = (halves(a.0), halves(b.0));
        let ports = v6 << 32 | u64::from(a.1) << 16 | u64::from(b.1);
        (Self([a0, a1, b0, b1, ports]), forward)
    }
}

const NONE: u32 = u32::MAX;

/// How far a connection has come, which decides how long it is remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Both sides closed it, or one reset it.
    Over = 0,
    /// It was never quite open.
    Opening = 1,
    /// Both sides spoke, and may go on.
    Open = 2,
}

/// The table. Indices are good until their connection is removed.
#[derive(Debug)]
pub(super) struct Table<T> {
    slots: Vec<Slot<T>>,
    free: Vec<u32>,
    index: HashMap<Key, u32>,
    /// The last one found: packets come in trains.
    last: Option<(Key, u32)>,
    /// By their phase: each from the one that was silent longest.
    lists: [List; 3],
}

#[derive(Debug, Clone, Copy)]
struct List {
    first: u32,
    last: u32,
}

#[derive(Debug)]
struct Slot<T> {
    item: Option<T>,
    key: Key,
    time: i64,
    phase: Phase,
    before: u32,
    after: u32,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        let list = List {
            first: NONE,
            last: NONE,
        };
        Self {
            slots: Vec::new(),
            free: Vec::new(),
            index: HashMap::new(),
            last: None,
            lists: [list; 3],
        }
    }
}

impl<T> Table<T> {
    pub(super) fn len(&self) -> usize {
        self.index.len()
    }

    #[inline]
    pub(super) fn find(&mut self, key: &Key) -> Option<u32> {
        if let Some((last, index)) = self.last
            && last == *key
        {
            return Some(index);
        }
        let index = *self.index.get(key)?;
        self.last = Some((*key, index));
        Some(index)
    }

    #[inline]
    pub(super) fn get(&self, index: u32) -> Option<&T> {
        self.slots.get(index as usize)?.item.as_ref()
    }

    #[inline]
    pub(super) fn get_mut(&mut self, index: u32) -> Option<&mut T> {
        self.slots.get_mut(index as usize)?.item.as_mut()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        let slots = (0..).zip(&self.slots);
        slots.filter_map(|(index, slot)| Some((index, slot.item.as_ref()?)))
    }

    pub(super) fn insert(&mut self, key: Key, item: T, time: i64) -> u32 {
        let slot = Slot {
            item: Some(item),
            key,
            time,
            phase: Phase::Opening,
            before: NONE,
            after: NONE,
        };
        let index = match self.free.pop() {
            Some(index) => index,
            None => u32::try_from(self.slots.len()).unwrap_or(NONE),
        };
        match self.slots.get_mut(index as usize) {
            Some(place) => *place = slot,
            None => self.slots.push(slot),
        }
        self.index.insert(key, index);
        self.last = Some((key, index));
        self.append(index, Phase::Opening);
        index
    }

    pub(super) fn remove(&mut self, index: u32) -> Option<T> {
        let slot = self.slots.get_mut(index as usize)?;
        let item = slot.item.take()?;
        let (key, phase) = (slot.key, slot.phase);
        self.unlink(index, phase);
        self.index.remove(&key);
        self.last = None;
        self.free.push(index);
        Some(item)
    }

    /// It was heard of.
    #[inline]
    pub(super) fn touch(&mut self, index: u32, time: i64, phase: Phase) {
        let Some(slot) = self.slots.get_mut(index as usize) else {
            return;
        };
        slot.time = time;
        let before = slot.phase;
        if before == phase && slot.after == NONE {
            return;
        }
        self.unlink(index, before);
        self.append(index, phase);
    }

    /// One that was silent for longer than the limit of its phase.
    #[inline]
    pub(super) fn expired(&self, now: i64, limits: [i64; 3]) -> Option<u32> {
        for (list, limit) in self.lists.iter().zip(limits) {
            if let Some(slot) = self.slots.get(list.first as usize)
                && now.saturating_sub(slot.time) > limit
            {
                return Some(list.first);
            }
        }
        None
    }

    /// The one that was silent longest, of those that are over or not open if there are any.
    pub(super) fn oldest(&self) -> Option<u32> {
        self.lists
            .iter()
            .map(|list| list.first)
            .find(|first| *first != NONE)
    }

    fn append(&mut self, index: u32, phase: Phase) {
        let list = &mut self.lists[phase as usize];
        let before = list.last;
        list.last = index;
        if before == NONE {
            list.first = index;
        } else if let Some(slot) = self.slots.get_mut(before as usize) {
            slot.after = index;
        }
        if let Some(slot) = self.slots.get_mut(index as usize) {
            (slot.before, slot.after, slot.phase) = (before, NONE, phase);
        }
    }

    fn unlink(&mut self, index: u32, phase: Phase) {
        let Some((before, after)) = self.slots.get(index as usize).map(|s| (s.before, s.after))
        else {
            return;
        };
        let list = &mut self.lists[phase as usize];
        if before == NONE {
            list.first = after;
        }
        if after == NONE {
            list.last = before;
        }
        if let Some(slot) = self.slots.get_mut(before as usize) {
            slot.after = after;
        }
        if let Some(slot) = self.slots.get_mut(after as usize) {
            slot.before = before;
        }
    }
}
