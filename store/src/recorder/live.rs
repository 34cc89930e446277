//! What is not yet written of a live flow or connection.
//!
//! Recording threads add to it, the writer takes it away. Bodies are cut into pieces here: what
//! passes within a millisecond is one piece, so that times are true to a millisecond and a fast
//! body is stored in few rows.

use super::pool::{CHUNK, Pool};
use crate::flow::{
    Connection, ConnectionId, Flow, FlowId, HeadKind, PacketFileId, Side, Timestamp,
};
use crate::{grpc::WebFrames, rule::ChangedMessage, table::rules::PendingMessage};
use parking_lot::Mutex;
use std::mem;

/// Pieces of a body that begin within this many nanoseconds are put together.
const TOGETHER: i64 = 1_000_000;

/// Pieces of a body are numbered with 24 bits.
const LAST_SEQ: u32 = (1 << 24) - 1;

/// Interim responses of a flow are numbered with 8 bits.
const LAST_INTERIM: u32 = 255;

/// Bytes of interim responses that are kept of a flow: they are read at once.
const MOST_INTERIM: usize = 4 * 1024 * 1024;

/// Said of a flow of which bytes were counted and not kept: nothing could be written.
pub(crate) const DISK_FULL: &str = "The recording is incomplete: the disk was full.";

/// Said of a flow of which bytes were counted and not kept: there is no number for them.
const TOO_MANY: &str = "The recording is incomplete: the flow has too many pieces.";

/// What a flow costs in memory before it has any bytes.
pub(crate) const ROW_COST: u64 = 512;

/// A flow that is going on, or has ended and is not yet written.
pub(crate) struct LiveFlow {
    pub(crate) id: FlowId,
    pub(crate) state: Mutex<FlowState>,
}

/// What is known of a flow, and what of it is not yet written.
pub(crate) struct FlowState {
    pub(crate) flow: Flow,
    pub(crate) unwritten: Unwritten,
    /// It is on the list of what changed.
    pub(crate) listed: bool,
    /// It was written once: what follows are updates.
    pub(crate) written: bool,
    /// Tags or comment were changed by the recording side.
    pub(crate) noted: bool,
    /// It began while recording was switched off: nothing of it is kept.
    pub(crate) unrecorded: bool,
    /// Bytes of both bodies that the row had when it was written last.
    pub(crate) counted: u64,
    /// Why something was counted and not kept.
    pub(crate) incomplete: Option<&'static str>,
    next_interim: u32,
    interim_bytes: usize,
    next_message: u32,
    /// The frames of an answer of gRPC-Web.
    pub(crate) web: Option<Box<WebFrames>>,
    sides: [SideState; 2],
    /// Where its last packets lie.
    packets: Option<PendingPackets>,
}

/// Heads and pieces of bodies that are not yet written.
#[derive(Default)]
pub(crate) struct Unwritten {
    pub(crate) heads: Vec<PendingHead>,
    pub(crate) head_bytes: Vec<u8>,
    pub(crate) chunks: Vec<PendingChunk>,
    pub(crate) packets: Vec<PendingPackets>,
    /// What rules made of it.
    pub(crate) changes: Vec<(ChangeKind, Vec<u8>)>,
    /// What rules made of messages of a WebSocket.
    pub(crate) messages: Vec<PendingMessage>,
    /// What [`super::queue::Queue::add_bytes`] was told.
    pub(crate) cost: u64,
}

/// What rules made of a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ChangeKind {
    /// The request's body that was sent.
    RequestBody = 0,
    /// The response's body that was sent.
    ResponseBody = 1,
    /// Which rules did what.
    Done = 2,
}

/// A head that is not yet written.
pub(crate) struct PendingHead {
    pub(crate) kind: HeadKind,
    /// Which of several interim responses.
    pub(crate) count: u32,
    pub(crate) at: Timestamp,
    /// Where it ends in `head_bytes`; it begins where the one before ends.
    pub(crate) end: usize,
}

/// A piece of a body that is not yet written.
pub(crate) struct PendingChunk {
    pub(crate) side: Side,
    pub(crate) seq: u32,
    pub(crate) at: Timestamp,
    pub(crate) offset: u64,
    /// What passed before it and was not recorded: bytes.
    pub(crate) missing: u64,
    pub(crate) data: Vec<u8>,
}

/// Packets of a flow in one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PendingPackets {
    pub(crate) file: PacketFileId,
    /// Where the first and the last begin.
    pub(crate) first: u64,
    pub(crate) last: u64,
    /// The first one's place in the capture.
    pub(crate) number: u64,
    /// How many there are that are not written yet.
    pub(crate) count: u64,
}

#[derive(Default)]
struct SideState {
    next_seq: u32,
    /// The unwritten piece that may grow: its place in `chunks`.
    open: Option<usize>,
    /// Bytes of the last piece: the next one may become as long, so it begins with a buffer for that.
    last: usize,
    /// What passed after the last piece and was not recorded: bytes, and when that was known.
    missing: Option<(u64, Timestamp)>,
}

impl FlowState {
    pub(crate) fn new(flow: Flow) -> Self {
        Self {
            flow,
            unwritten: Unwritten {
                cost: ROW_COST,
                ..Unwritten::default()
            },
            listed: false,
            written: false,
            noted: false,
            unrecorded: false,
            counted: 0,
            incomplete: None,
            next_interim: 0,
            interim_bytes: 0,
            next_message: 0,
            web: None,
            sides: Default::default(),
            packets: None,
        }
    }

    /// Adds a head; returns what it costs.
    pub(crate) fn add_head(&mut self, kind: HeadKind, at: Timestamp, bytes: &[u8]) -> u64 {
        let mut count = 0;
        if kind == HeadKind::Interim {
            self.interim_bytes = self.interim_bytes.saturating_add(bytes.len());
            if self.next_interim > LAST_INTERIM || self.interim_bytes > MOST_INTERIM {
                self.incomplete = Some(TOO_MANY);
                return 0;
            }
            count = self.next_interim;
            self.next_interim += 1;
        }
        let unwritten = &mut self.unwritten;
        if unwritten.head_bytes.capacity() == 0 {
            // a request's and a response's head: one allocation for most flows
            unwritten.head_bytes.reserve(bytes.len().max(1024));
            unwritten.heads.reserve(2);
        }
        unwritten.head_bytes.extend_from_slice(bytes);
        unwritten.heads.push(PendingHead {
            kind,
            count,
            at,
            end: unwritten.head_bytes.len(),
        });
        let cost = bytes.len() as u64;
        unwritten.cost += cost;
        cost
    }

    /// Adds what became of a message, or one by hand; returns what it costs.
    pub(crate) fn add_message(&mut self, message: ChangedMessage) -> u64 {
        let Some(message) = PendingMessage::new(self.next_message, message) else {
            self.incomplete = Some(TOO_MANY);
            return 0;
        };
        self.next_message += 1;
        if message.message.by_hand.is_some() {
            self.flow.modified = true;
            self.close_chunk(Side::Request);
            self.close_chunk(Side::Response);
        }
        let cost = message.cost();
        self.unwritten.messages.push(message);
        self.unwritten.cost += cost;
        cost
    }

    /// Adds a piece of a body that begins at `offset`; returns what it costs.
    pub(crate) fn add_chunk(
        &mut self,
        side: Side,
        at: Timestamp,
        offset: u64,
        bytes: &[u8],
        pool: &Pool,
    ) -> u64 {
        let mut cost = 0;
        let mut offset = offset;
        let mut rest = bytes;
        while !rest.is_empty() {
            let (taken, more) = self.fill_open(side, at, rest, pool);
            if taken == 0 && !self.open_chunk(side, at, offset, rest.len(), pool, &mut cost) {
                self.incomplete = Some(TOO_MANY);
                break;
            }
            cost += more;
            offset += taken as u64;
            rest = rest.get(taken..).unwrap_or_default();
        }
        self.unwritten.cost += cost;
        cost
    }

    /// Adds a packet. It costs next to nothing: of each file only the first and the last are kept.
    pub(crate) fn add_packet(&mut self, file: PacketFileId, offset: u64, number: u64) {
        let fresh = PendingPackets {
            file,
            first: offset,
            last: offset,
            number,
            count: 1,
        };
        match &mut self.packets {
            Some(there) if there.file == file => {
                if offset > there.last {
                    there.last = offset;
                    there.count += 1;
                } else if offset < there.first {
                    (there.first, there.number) = (offset, number);
                    there.count += 1;
                }
            }
            there => {
                let before = there.replace(fresh);
                self.unwritten
                    .packets
                    .extend(before.filter(|b| b.count > 0));
            }
        }
    }

    /// A packet of a flow that is written already, when it says something new of where its packets lie.
    pub(crate) fn late_packet(
        &mut self,
        file: PacketFileId,
        offset: u64,
        number: u64,
    ) -> Option<PendingPackets> {
        if self.unrecorded {
            return None;
        }
        self.add_packet(file, offset, number);
        let packets = self.packets.as_mut().filter(|packets| packets.count > 0)?;
        let late = packets.clone();
        packets.count = 0;
        Some(late)
    }

    /// Bytes of a side passed that cannot be recorded.
    pub(crate) fn add_gap(&mut self, side: Side, at: Timestamp, missing: u64) {
        let state = &mut self.sides[side as usize];
        state.open = None;
        let before = state.missing.map_or(0, |(missing, _)| missing);
        state.missing = Some((before.saturating_add(missing), at));
    }

    /// No more bytes come: what is missing at the end stands before a piece that has none.
    pub(crate) fn end_gaps(&mut self) {
        for side in [Side::Request, Side::Response] {
            let message = match side {
                Side::Request => &self.flow.request,
                Side::Response => &self.flow.response,
            };
            let offset = message.body_size;
            let state = &mut self.sides[side as usize];
            if let Some((missing, at)) = state.missing.take()
                && state.next_seq <= LAST_SEQ
            {
                state.open = None;
                self.unwritten.chunks.push(PendingChunk {
                    side,
                    seq: state.next_seq,
                    at,
                    offset,
                    missing,
                    data: Vec::new(),
                });
                state.next_seq += 1;
            }
        }
    }

    /// What the side says next begins a piece of its own.
    pub(crate) fn close_chunk(&mut self, side: Side) {
        self.sides[side as usize].open = None;
    }

    /// Puts bytes into the side's open piece: how many, and what that costs.
    fn fill_open(&mut self, side: Side, at: Timestamp, bytes: &[u8], pool: &Pool) -> (usize, u64) {
        let state = &mut self.sides[side as usize];
        let Some(chunk) = state.open.and_then(|at| self.unwritten.chunks.get_mut(at)) else {
            return (0, 0);
        };
        let room = CHUNK.saturating_sub(chunk.data.len());
        let together = at.0.saturating_sub(chunk.at.0) < TOGETHER || state.next_seq > LAST_SEQ;
        if room == 0 || !(together || chunk.data.is_empty()) {
            state.open = None;
            return (0, 0);
        }
        let take = bytes.len().min(room);
        let mut cost = 0;
        let length = chunk.data.len() + take;
        if length > chunk.data.capacity() {
            // what is asked for counts as waiting to be written: much more than there is would stop the traffic early
            let mut larger = pool.take(length.max(2 * chunk.data.capacity()));
            larger.extend_from_slice(&chunk.data);
            cost = larger.capacity().saturating_sub(chunk.data.capacity()) as u64;
            chunk.data = larger;
        }
        chunk
            .data
            .extend_from_slice(bytes.get(..take).unwrap_or_default());
        state.last = length;
        (take, cost)
    }

    /// Begins a piece. False when the flow has as many as can be numbered.
    fn open_chunk(
        &mut self,
        side: Side,
        at: Timestamp,
        offset: u64,
        length: usize,
        pool: &Pool,
        cost: &mut u64,
    ) -> bool {
        // whose turn it was stays visible: what the other side says next is a piece of its own
        for other in &mut self.sides {
            other.open = None;
        }
        let state = &mut self.sides[side as usize];
        if state.next_seq > LAST_SEQ {
            return false;
        }
        let data = pool.take(length.max(mem::take(&mut state.last)));
        *cost += data.capacity() as u64;
        state.open = Some(self.unwritten.chunks.len());
        self.unwritten.chunks.push(PendingChunk {
            side,
            seq: state.next_seq,
            at,
            offset,
            missing: state.missing.take().map_or(0, |(missing, _)| missing),
            data,
        });
        state.next_seq += 1;
        true
    }

    /// Takes what is to be written; the rest of the bodies begins new pieces.
    pub(crate) fn take(&mut self) -> Unwritten {
        for side in &mut self.sides {
            side.open = None;
        }
        self.listed = false;
        if let Some(packets) = self.packets.as_mut().filter(|p| p.count > 0) {
            self.unwritten.packets.push(packets.clone());
            packets.count = 0;
        }
        mem::take(&mut self.unwritten)
    }
}

/// A connection that is open, or has ended and is not yet written.
pub(crate) struct LiveConnection {
    pub(crate) id: ConnectionId,
    pub(crate) state: Mutex<ConnectionState>,
}

/// What is known of a connection.
pub(crate) struct ConnectionState {
    pub(crate) connection: Connection,
    /// It is on the list of what changed, or waits unlisted for its first flow that is recorded.
    pub(crate) listed: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state() -> FlowState {
        FlowState::new(Flow::unknown(FlowId(1), ([127, 0, 0, 1], 1).into()))
    }

    /// Seq, microsecond, offset and size of the pieces.
    fn pieces(chunks: &[PendingChunk]) -> Vec<(u32, i64, u64, usize)> {
        let piece = |c: &PendingChunk| (c.seq, c.at.0 / 1000, c.offset, c.data.len());
        chunks.iter().map(piece).collect()
    }

    fn add(state: &mut FlowState, pool: &Pool, us: i64, size: usize) {
        let offset = state.flow.response.body_size;
        state.flow.response.body_size += size as u64;
        let bytes = vec![us as u8; size];
        let cost = state.unwritten.cost;
        let added = state.add_chunk(Side::Response, Timestamp(us * 1000), offset, &bytes, pool);
        assert_eq!(state.unwritten.cost, cost + added);
    }

    #[test]
    fn pieces_of_a_millisecond_are_one() {
        let (mut state, pool) = (state(), Pool::default());
        for us in [0, 10, 999, 1000, 1500, 2100, 9000] {
            add(&mut state, &pool, us, 10);
        }
        let expected = [
            (0, 0, 0, 30),
            (1, 1000, 30, 20),
            (2, 2100, 50, 10),
            (3, 9000, 60, 10),
        ];
        assert_eq!(pieces(&state.unwritten.chunks), expected);
        // what was taken away is not added to
        state.take();
        add(&mut state, &pool, 9001, 5);
        assert_eq!(pieces(&state.unwritten.chunks), [(4, 9001, 70, 5)]);
    }

    #[test]
    fn large_pieces_are_cut_and_both_sides_are_apart() {
        let (mut state, pool) = (state(), Pool::default());
        add(&mut state, &pool, 0, CHUNK - 1);
        let other = state.add_chunk(Side::Request, Timestamp(0), 0, b"other", &pool);
        assert_eq!(other, 5);
        add(&mut state, &pool, 1, 2 * CHUNK + 3);
        // the other side's turn ends a piece
        let expected = [
            (0, 0, 0, CHUNK - 1),
            (0, 0, 0, 5),
            (1, 1, CHUNK as u64 - 1, CHUNK),
            (2, 1, 2 * CHUNK as u64 - 1, CHUNK),
            (3, 1, 3 * CHUNK as u64 - 1, 3),
        ];
        assert_eq!(pieces(&state.unwritten.chunks), expected);
        let bytes = |seq: usize| &state.unwritten.chunks[seq].data;
        assert!(bytes(0).iter().all(|b| *b == 0));
        assert!(bytes(2).iter().chain(bytes(4)).all(|b| *b == 1));
    }

    #[test]
    fn small_pieces_do_not_count_as_large_ones() {
        let (mut state, pool) = (state(), Pool::default());
        // trains of six segments, as they stand in a capture
        for train in 0..50 {
            for us in 0..6 {
                add(&mut state, &pool, train * 5000 + us, 1448);
            }
        }
        assert_eq!(state.unwritten.chunks.len(), 50);
        let (cost, bytes) = (state.unwritten.cost - ROW_COST, 50 * 6 * 1448);
        assert!(cost < 2 * bytes, "{cost} for {bytes}");
    }

    #[test]
    fn pieces_end_with_the_last_number() {
        let (mut state, pool) = (state(), Pool::default());
        state.sides[1].next_seq = LAST_SEQ;
        add(&mut state, &pool, 0, 10);
        // no number is left for a new piece: time no longer cuts
        add(&mut state, &pool, 5000, 10);
        assert_eq!(pieces(&state.unwritten.chunks), [(LAST_SEQ, 0, 0, 20)]);
        assert_eq!(state.incomplete, None);
        state.take();
        add(&mut state, &pool, 9000, 10);
        assert!(state.unwritten.chunks.is_empty() && state.incomplete.is_some());
    }

    #[test]
    fn interim_responses_are_counted_and_limited() {
        let mut state = state();
        for n in 0..300 {
            state.add_head(HeadKind::Interim, Timestamp(n), b"x");
        }
        assert_eq!(state.unwritten.heads.len(), 256);
        assert_eq!(state.incomplete, Some(TOO_MANY));
    }

    #[test]
    fn interim_responses_are_limited_in_size() {
        let (mut state, large) = (state(), vec![b'x'; MOST_INTERIM / 2]);
        for n in 0..2 {
            state.add_head(HeadKind::Interim, Timestamp(n), &large);
        }
        assert_eq!(state.incomplete, None);
        state.add_head(HeadKind::Interim, Timestamp(3), b"x");
        state.add_head(HeadKind::Response, Timestamp(4), b"last");
        assert_eq!(state.unwritten.heads.len(), 3, "two, and the final one");
        assert_eq!(state.incomplete, Some(TOO_MANY));
    }
}
