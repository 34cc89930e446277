//! One direction of a connection: the bytes in order, whatever order they came in.
//!
//! Bytes that came first stay when a later segment says otherwise, as in most receivers. What the receiver
//! acknowledged although it is not in the capture is a gap, and so is what is missing when too much waits behind it
//! or when the connection ends.

use super::Side;
use crate::packet::Span;
use std::collections::BTreeMap;

/// What waits for missing bytes in one direction, at most.
const MOST_WAITING: usize = 8 * 1024 * 1024;
/// After an acknowledgement of bytes that are not in the capture, they may still come: segments and nanoseconds.
/// (Captures of several queues or interfaces are not quite in order.)
const GRACE_SEGMENTS: u32 = 64;
const GRACE: i64 = 2_000_000_000;
/// A number further away than this belongs to something else.
const FURTHEST: i64 = 1 << 30;
/// Gaps that are remembered, for what comes later after all.
const GAPS: usize = 64;
/// What a piece costs beside its bytes, about.
const OVERHEAD: usize = 128;

/// What happened in a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event<'a> {
    /// Its first packet.
    Opened,
    /// Bytes in order.
    Data(Data<'a>),
    /// Bytes that belong to a gap that was told already, or before the first byte that was told (offsets below 0:
    /// the capture began in mid-stream).
    Late(Data<'a>),
    /// Bytes that are missing.
    Gap {
        /// Who sent them.
        side: Side,
        /// Where they would be.
        offset: i64,
        /// How many.
        length: u64,
        /// They were captured, but the capture cut the packet.
        cut: bool,
    },
    /// A side has sent all of its bytes, and all of them were told.
    Finished {
        /// Which.
        side: Side,
        /// How many bytes.
        length: i64,
    },
    /// The connection was reset.
    Reset {
        /// Who did.
        by: Side,
    },
    /// Nothing more will be told of it.
    Closed(Ending),
}

/// Bytes of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Data<'a> {
    /// Who sent them.
    pub side: Side,
    /// Their place in the stream; 0 is the byte after the SYN, or the first that was seen.
    pub offset: i64,
    /// When they were captured: nanoseconds since the epoch.
    pub time: i64,
    /// The number of the packet that they are from.
    pub packet: u64,
    /// Where that lies.
    pub span: Span,
    /// The bytes.
    pub bytes: &'a [u8],
}

/// Why nothing more is told of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Ending {
    /// Both sides finished, or one reset it.
    Over,
    /// Another connection uses its addresses and ports.
    Replaced,
    /// Nothing was heard of it for long.
    Idle,
    /// There are too many connections; this one was silent longest.
    Crowded,
    /// The capture ends.
    EndOfCapture,
}

/// One direction.
#[derive(Debug, Default)]
pub(super) struct Half {
    /// The number of offset 0, once it is known.
    base: Option<u32>,
    /// The base is from a SYN.
    pub(super) syn: bool,
    /// Everything before it was told.
    next: i64,
    waiting: BTreeMap<i64, Piece>,
    waiting_bytes: usize,
    /// Told gaps: from, to.
    gaps: Vec<(i64, i64)>,
    /// Where the stream ends.
    fin: Option<i64>,
    pub(super) finished: bool,
    /// What the other side has acknowledged.
    acked: i64,
    /// Since when bytes are acknowledged that are missing, and how many segments came since.
    hole: Option<(i64, u32)>,
}

/// Bytes that wait for those before them.
#[derive(Debug)]
struct Piece {
    bytes: Box<[u8]>,
    /// Bytes behind them that the capture cut off.
    cut: usize,
    time: i64,
    packet: u64,
    span: Span,
}

/// A segment's part of a stream.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part<'a> {
    pub(super) sequence: u32,
    pub(super) bytes: &'a [u8],
    /// Bytes behind them that the capture cut off.
    pub(super) cut: usize,
    pub(super) time: i64,
    pub(super) packet: u64,
    pub(super) span: Span,
}

impl Half {
    /// The first number is known.
    pub(super) fn synchronize(&mut self, sequence: u32) {
        let base = sequence.wrapping_add(1);
        if !self.syn && (self.next == 0 || self.base.is_none_or(|mine| mine == base)) {
            self.base = Some(base);
            self.syn = true;
        }
    }

    /// Whether a SYN would begin another stream than this.
    pub(super) fn differs(&self, sequence: u32) -> bool {
        let base = sequence.wrapping_add(1);
        self.base
            .is_some_and(|mine| mine != base && (self.syn || self.next > 0))
    }

    /// Whether its SYN was sent before this acknowledgement.
    pub(super) fn sent_before(&self, acknowledgement: u32) -> bool {
        self.base
            .is_some_and(|base| acknowledgement.wrapping_sub(base).cast_signed() >= 0)
    }

    /// Whether the side has closed its direction.
    pub(super) fn closing(&self) -> bool {
        self.fin.is_some()
    }

    /// Bytes told so far, gaps included.
    pub(super) fn length(&self) -> i64 {
        self.next
    }

    pub(super) fn waiting(&self) -> usize {
        self.waiting_bytes
    }

    #[inline]
    fn offset(&self, base: u32, sequence: u32) -> i64 {
        let next = base.wrapping_add(self.next as u32);
        self.next + i64::from(sequence.wrapping_sub(next).cast_signed())
    }

    /// Takes a segment's bytes, and its FIN.
    #[inline]
    pub(super) fn take(
        &mut self,
        side: Side,
        part: Part<'_>,
        fin: bool,
        tell: &mut impl FnMut(Event<'_>),
    ) {
        let base = *self.base.get_or_insert(part.sequence);
        let offset = self.offset(base, part.sequence);
        if (offset - self.next).abs() > FURTHEST {
            return;
        }
        let (mut bytes, mut cut) = (part.bytes, part.cut);
        if let Some(fin) = self.fin {
            // behind the end there is nothing
            let room = usize::try_from(fin - offset).unwrap_or(0);
            bytes = bytes.get(..room).unwrap_or(bytes);
            cut = cut.min(room - bytes.len());
        }
        let length = bytes.len() as i64 + cut as i64;
        if fin && self.fin.is_none() && offset + length >= self.next {
            self.fin = Some(offset + length);
            self.trim(offset + length);
        }
        if length > 0 {
            let data = Data {
                side,
                offset,
                time: part.time,
                packet: part.packet,
                span: part.span,
                bytes,
            };
            if offset == self.next && self.waiting.is_empty() {
                self.tell(data, cut, tell);
            } else {
                self.out_of_order(data, cut, tell);
            }
        }
        self.finish(side, tell);
    }

    /// Bytes at `next`.
    #[inline]
    fn tell(&mut self, data: Data<'_>, cut: usize, tell: &mut impl FnMut(Event<'_>)) {
        if !data.bytes.is_empty() {
            tell(Event::Data(data));
            self.next += data.bytes.len() as i64;
        }
        if cut > 0 {
            self.gap(data.side, self.next + cut as i64, true, tell);
        }
    }

    fn gap(&mut self, side: Side, to: i64, cut: bool, tell: &mut impl FnMut(Event<'_>)) {
        let offset = self.next;
        if to <= offset {
            return;
        }
        tell(Event::Gap {
            side,
            offset,
            length: to.abs_diff(offset),
            cut,
        });
        if self.gaps.len() == GAPS {
            self.gaps.remove(0);
        }
        self.gaps.push((offset, to));
        self.next = to;
    }

    #[cold]
    fn out_of_order(&mut self, data: Data<'_>, cut: usize, tell: &mut impl FnMut(Event<'_>)) {
        let end = data.offset + data.bytes.len() as i64;
        if data.offset < self.next {
            self.late(data, tell);
        }
        if end + (cut as i64) <= self.next {
            return;
        }
        let from = data.offset.max(self.next);
        let known = usize::try_from(from - data.offset).unwrap_or(0);
        let bytes = data.bytes.get(known..).unwrap_or_default();
        if from == self.next {
            let cut = usize::try_from(end + cut as i64 - self.next).unwrap_or(0) - bytes.len();
            let until = self.waiting.first_key_value().map(|(at, _)| *at);
            let data = Data {
                offset: from,
                bytes,
                ..data
            };
            match until.filter(|until| *until < end + cut as i64) {
                // what waits came first
                Some(until) => {
                    let there = usize::try_from(until - from).unwrap_or(0);
                    let first = bytes.get(..there).unwrap_or(bytes);
                    let missing = there - first.len();
                    self.tell(
                        Data {
                            bytes: first,
                            ..data
                        },
                        missing,
                        tell,
                    );
                    self.drain(data.side, tell);
                    // what this segment has behind what waited
                    let rest = usize::try_from(self.next - from).unwrap_or(usize::MAX);
                    if let Some(bytes) = bytes.get(rest..).filter(|bytes| !bytes.is_empty()) {
                        let data = Data {
                            offset: self.next,
                            bytes,
                            ..data
                        };
                        return self.out_of_order(data, cut, tell);
                    }
                }
                None => self.tell(data, cut, tell),
            }
            return self.drain(data.side, tell);
        }
        self.wait(
            Data {
                offset: from,
                bytes,
                ..data
            },
            cut,
        );
        if self.waiting_bytes > MOST_WAITING {
            self.skip(data.side, tell);
        }
    }

    /// Keeps bytes until those before them are there; what waits already stays.
    fn wait(&mut self, data: Data<'_>, cut: usize) {
        let mut at = data.offset;
        let end = data.offset + data.bytes.len() as i64;
        let before = self.waiting.range(..=at).next_back();
        if let Some((start, piece)) = before {
            at = at.max(start + piece.bytes.len() as i64);
        }
        while at < end || (cut > 0 && at == end && data.bytes.is_empty()) {
            let after = self.waiting.range(at..).next();
            let (until, resume) = match after {
                Some((start, piece)) if *start < end => (*start, start + piece.bytes.len() as i64),
                _ => (end, end),
            };
            if until > at || at == end {
                let from = usize::try_from(at - data.offset).unwrap_or(0);
                let to = usize::try_from(until - data.offset).unwrap_or(0);
                let bytes: Box<[u8]> = data.bytes.get(from..to).unwrap_or_default().into();
                self.waiting_bytes += bytes.len() + OVERHEAD;
                let piece = Piece {
                    bytes,
                    cut: if until == end { cut } else { 0 },
                    time: data.time,
                    packet: data.packet,
                    span: data.span,
                };
                if let Some(old) = self.waiting.insert(at, piece) {
                    self.waiting_bytes -= old.bytes.len() + OVERHEAD;
                }
            }
            if resume <= at {
                break;
            }
            at = resume;
        }
    }

    /// Tells what waited for nothing but what was told now.
    fn drain(&mut self, side: Side, tell: &mut impl FnMut(Event<'_>)) {
        while let Some(entry) = self.waiting.first_entry() {
            if *entry.key() > self.next {
                return;
            }
            let (offset, piece) = entry.remove_entry();
            self.waiting_bytes -= piece.bytes.len() + OVERHEAD;
            let known = usize::try_from(self.next - offset).unwrap_or(usize::MAX);
            let bytes = piece.bytes.get(known..).unwrap_or_default();
            let end = offset + piece.bytes.len() as i64 + piece.cut as i64;
            let cut = usize::try_from(end - self.next).unwrap_or(0);
            let data = Data {
                side,
                offset: self.next,
                time: piece.time,
                packet: piece.packet,
                span: piece.span,
                bytes,
            };
            let cut = cut.saturating_sub(bytes.len());
            // a cut piece may be followed by one that has what it lacks
            let until = self.waiting.first_key_value().map(|(at, _)| *at);
            let room = until.map_or(cut, |until| {
                let behind = until - self.next - bytes.len() as i64;
                usize::try_from(behind).unwrap_or(0).min(cut)
            });
            self.tell(data, room, tell);
        }
        self.hole = None;
    }

    /// Forgets what waits behind the end, now that it is known.
    fn trim(&mut self, fin: i64) {
        let behind = self.waiting.split_off(&fin);
        for piece in behind.values() {
            self.waiting_bytes -= piece.bytes.len() + OVERHEAD;
        }
        if let Some(mut last) = self.waiting.last_entry() {
            let room = usize::try_from(fin - last.key()).unwrap_or(0);
            let piece = last.get_mut();
            if piece.bytes.len() > room {
                self.waiting_bytes -= piece.bytes.len() - room;
                piece.bytes = piece.bytes.get(..room).unwrap_or_default().into();
            }
            piece.cut = piece.cut.min(room - piece.bytes.len());
        }
    }

    /// Gives up what is missing before the first bytes that wait.
    fn skip(&mut self, side: Side, tell: &mut impl FnMut(Event<'_>)) {
        if let Some((at, _)) = self.waiting.first_key_value() {
            self.gap(side, *at, false, tell);
            self.drain(side, tell);
        }
        self.hole = None;
    }

    /// Bytes before `next` are known, unless they were told to be missing.
    fn late(&mut self, data: Data<'_>, tell: &mut impl FnMut(Event<'_>)) {
        let end = (data.offset + data.bytes.len() as i64).min(self.next);
        let mut told = Vec::new();
        for (from, to) in &self.gaps {
            let (a, b) = (data.offset.max(*from), end.min(*to));
            if a < b {
                told.push((a, b));
            }
        }
        let before = end.min(0);
        if !self.syn && data.offset < before && data.offset > -FURTHEST {
            told.push((data.offset, before));
        }
        for (a, b) in told {
            let from = usize::try_from(a - data.offset).unwrap_or(0);
            let to = usize::try_from(b - data.offset).unwrap_or(0);
            let bytes = data.bytes.get(from..to).unwrap_or_default();
            tell(Event::Late(Data {
                offset: a,
                bytes,
                ..data
            }));
            self.filled(a, b);
        }
    }

    fn filled(&mut self, a: i64, b: i64) {
        let mut left = Vec::with_capacity(self.gaps.len() + 1);
        for (from, to) in self.gaps.drain(..) {
            left.extend(
                [(from, to.min(a)), (from.max(b), to)]
                    .iter()
                    .filter(|(x, y)| x < y),
            );
        }
        left.truncate(GAPS);
        self.gaps = left;
    }

    /// The other side acknowledged everything before `sequence`.
    #[inline]
    pub(super) fn acknowledge(
        &mut self,
        side: Side,
        sequence: u32,
        time: i64,
        tell: &mut impl FnMut(Event<'_>),
    ) {
        let Some(base) = self.base else {
            return;
        };
        let offset = self.offset(base, sequence);
        if offset > self.acked && offset - self.next < FURTHEST {
            self.acked = offset;
        }
        if !self.waiting.is_empty() && self.acked > self.next {
            let (since, segments) = self.hole.get_or_insert((time, 0));
            *segments += 1;
            if *segments > GRACE_SEGMENTS || time.saturating_sub(*since) > GRACE {
                self.skip(side, tell);
                self.finish(side, tell);
            }
        }
    }

    fn finish(&mut self, side: Side, tell: &mut impl FnMut(Event<'_>)) {
        if let Some(fin) = self.fin
            && !self.finished
            && self.next >= fin
        {
            self.finished = true;
            tell(Event::Finished { side, length: fin });
        }
    }

    /// Nothing more comes: what waits is told, with the gaps before it.
    pub(super) fn end(&mut self, side: Side, tell: &mut impl FnMut(Event<'_>)) {
        while !self.waiting.is_empty() {
            self.skip(side, tell);
        }
        if let Some(fin) = self.fin
            && !self.finished
        {
            self.gap(side, fin, false, tell);
            self.finish(side, tell);
        }
    }
}
