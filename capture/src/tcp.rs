//! TCP connections out of segments: which connection a segment belongs to, when one begins and ends.
//!
//! Memory is bounded by the connections that are open, of which there are at most [`MOST_CONNECTIONS`], and by what
//! waits out of order. Time is what the packets say.

mod account;
pub mod graph;
mod segment;
mod stream;
mod table;

#[cfg(test)]
mod tests;

pub use account::{Account, Counts, Direction, Report, Spread};
pub use segment::{Flags, Options, Segment, decode};
pub use stream::{Data, Ending, Event};

use crate::{ip::Ip, packet::Span};
use std::net::SocketAddr;
use stream::{Half, Part};
use table::{Key, Phase, Table};

/// Connections that are followed at once; beyond that, the one that was silent longest is given up.
pub const MOST_CONNECTIONS: usize = 262_144;
/// What waits out of order in all connections.
const MOST_WAITING: usize = 256 * 1024 * 1024;
/// A connection that is open is forgotten after so long (RFC 5382, REQ-5): nanoseconds.
const IDLE: i64 = (2 * 60 + 4) * 60 * 1_000_000_000;
/// And one that was never quite open, or that is over.
const IDLE_TRANSITORY: i64 = 4 * 60 * 1_000_000_000;

/// One of the two ends: `A` sent the first packet that was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// Who sent the first packet.
    A,
    /// The other.
    B,
}

impl Side {
    /// The other side.
    pub fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }
}

/// What is known of a connection.
#[derive(Debug, Clone, Copy)]
pub struct Connection {
    /// Its number, from 1, in the order of their first packets.
    pub number: u64,
    /// Who sent the first packet.
    pub a: SocketAddr,
    /// The other end.
    pub b: SocketAddr,
    /// Who opened it, when a SYN was seen.
    pub opened_by: Option<Side>,
    /// The first VLAN identifier of its first packet.
    pub vlan: Option<u16>,
    /// The number of its first packet.
    pub first_packet: u64,
    /// Where its first packet lies.
    pub first_span: Span,
    /// Where its last packet lies.
    pub last_span: Span,
    /// When its first packet was captured: nanoseconds since the epoch.
    pub first_time: i64,
    /// When its last packet was captured.
    pub last_time: i64,
    /// Packets so far.
    pub packets: u64,
    /// Who reset it.
    pub reset_by: Option<Side>,
}

impl Connection {
    /// The end on a side.
    pub fn end(&self, side: Side) -> SocketAddr {
        match side {
            Side::A => self.a,
            Side::B => self.b,
        }
    }
}

/// A packet's place in the capture.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    /// Its number.
    pub packet: u64,
    /// When it was captured: nanoseconds since the epoch.
    pub time: i64,
    /// Its first VLAN identifier.
    pub vlan: Option<u16>,
    /// Where it lies in the files that are kept.
    pub span: Span,
}

/// Who is told what happens.
pub trait Sink {
    /// Something happened.
    fn event(&mut self, connection: &Connection, event: Event<'_>);

    /// A connection was counted to its end; told before [`Event::Closed`] when counting was asked for.
    fn counted(&mut self, _connection: &Connection, _account: &Account) {}
}

impl<F: FnMut(&Connection, Event<'_>)> Sink for F {
    fn event(&mut self, connection: &Connection, event: Event<'_>) {
        self(connection, event);
    }
}

/// What is done with segments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// Streams are put together: [`Event::Data`], [`Event::Gap`], [`Event::Finished`] are told.
    pub streams: bool,
    /// Packets, losses, windows, round trips are counted.
    pub account: bool,
}

/// Follows TCP connections.
#[derive(Debug)]
pub struct Tcp {
    table: Table<State>,
    wanted: Wanted,
    begun: u64,
    waiting: usize,
    /// What is over is forgotten after so long: nanoseconds.
    linger: i64,
}

#[derive(Debug)]
struct State {
    connection: Connection,
    a: Half,
    b: Half,
    account: Option<Box<Account>>,
}

impl Tcp {
    /// Follows nothing yet.
    pub fn new(wanted: Wanted) -> Self {
        Self {
            table: Table::default(),
            wanted,
            begun: 0,
            waiting: 0,
            linger: IDLE_TRANSITORY,
        }
    }

    /// Tells the end of a connection so long (nanoseconds) after it is over, for who wants to know soon: what is sent again
    /// later begins another one.
    #[must_use]
    pub fn lingering(self, linger: i64) -> Self {
        Self { linger, ..self }
    }

    /// It is at least `now`, although no segment came: tells what was silent for too long.
    pub fn tick(&mut self, now: i64, sink: &mut impl Sink) {
        self.expire(now, sink);
    }

    /// What is known of the connection between two ends that is followed now.
    pub fn connection(&mut self, a: SocketAddr, b: SocketAddr) -> Option<&Connection> {
        let (key, _) = Key::new((a.ip(), a.port()), (b.ip(), b.port()));
        let index = self.table.find(&key)?;
        self.table.get(index).map(|state| &state.connection)
    }

    /// Connections that are followed now.
    pub fn open(&self) -> usize {
        self.table.len()
    }

    /// Connections that began so far.
    pub fn begun(&self) -> u64 {
        self.begun
    }

    /// Takes a segment.
    pub fn segment(
        &mut self,
        place: Place,
        ip: &Ip<'_>,
        segment: &Segment<'_>,
        sink: &mut impl Sink,
    ) {
        self.expire(place.time, sink);
        let (key, forward) = Key::new(
            (ip.source, segment.source_port),
            (ip.destination, segment.destination_port),
        );
        let mut index = self.table.find(&key);
        if let Some(old) = index
            && segment.flags.syn()
            && let Some(state) = self.table.get(old)
            && state.is_another(forward_side(state, forward), segment)
        {
            self.close(old, Ending::Replaced, sink);
            index = None;
        }
        let index = match index {
            Some(index) => index,
            None => {
                if self.table.len() >= MOST_CONNECTIONS
                    && let Some(oldest) = self.table.oldest()
                {
                    self.close(oldest, Ending::Crowded, sink);
                }
                self.begin(key, place, ip, segment, sink)
            }
        };
        let Some(state) = self.table.get_mut(index) else {
            return;
        };
        let side = forward_side_of(&state.connection, ip, segment);
        let waiting = state.waiting();
        state.take(side, place, segment, self.wanted, sink);
        self.waiting = (self.waiting + state.waiting()).saturating_sub(waiting);
        if self.waiting > MOST_WAITING {
            let before = state.waiting();
            state.end(sink);
            self.waiting = self.waiting.saturating_sub(before);
        }
        let phase = state.phase();
        self.table.touch(index, place.time, phase);
    }

    /// The capture ends: what waits is told, and every connection is closed.
    pub fn finish(&mut self, sink: &mut impl Sink) {
        // in the order in which they began
        let mut open: Vec<_> = self
            .table
            .iter()
            .map(|(index, state)| (state.connection.number, index))
            .collect();
        open.sort_unstable();
        for (_, index) in open {
            self.close(index, Ending::EndOfCapture, sink);
        }
    }

    fn begin(
        &mut self,
        key: Key,
        place: Place,
        ip: &Ip<'_>,
        segment: &Segment<'_>,
        sink: &mut impl Sink,
    ) -> u32 {
        self.begun += 1;
        let connection = Connection {
            number: self.begun,
            a: SocketAddr::new(ip.source, segment.source_port),
            b: SocketAddr::new(ip.destination, segment.destination_port),
            opened_by: None,
            vlan: place.vlan,
            first_packet: place.packet,
            first_span: place.span,
            last_span: place.span,
            first_time: place.time,
            last_time: place.time,
            packets: 0,
            reset_by: None,
        };
        sink.event(&connection, Event::Opened);
        let state = State {
            connection,
            a: Half::default(),
            b: Half::default(),
            account: self.wanted.account.then(Box::default),
        };
        self.table.insert(key, state, place.time)
    }

    fn expire(&mut self, now: i64, sink: &mut impl Sink) {
        let limits = [self.linger, IDLE_TRANSITORY, IDLE];
        while let Some(index) = self.table.expired(now, limits) {
            let over = self.table.get(index).is_some_and(State::is_over);
            let ending = if over { Ending::Over } else { Ending::Idle };
            self.close(index, ending, sink);
        }
    }

    fn close(&mut self, index: u32, ending: Ending, sink: &mut impl Sink) {
        let Some(mut state) = self.table.remove(index) else {
            return;
        };
        self.waiting = self.waiting.saturating_sub(state.waiting());
        state.end(sink);
        let ending = if state.is_over() {
            Ending::Over
        } else {
            ending
        };
        if let Some(account) = &state.account {
            sink.counted(&state.connection, account);
        }
        sink.event(&state.connection, Event::Closed(ending));
    }
}

/// Which side sends in the key's order.
fn forward_side(state: &State, forward: bool) -> Side {
    let (_, a_first) = Key::new(
        (state.connection.a.ip(), state.connection.a.port()),
        (state.connection.b.ip(), state.connection.b.port()),
    );
    if forward == a_first { Side::A } else { Side::B }
}

#[inline]
fn forward_side_of(connection: &Connection, ip: &Ip<'_>, segment: &Segment<'_>) -> Side {
    if segment.source_port == connection.a.port() && ip.source == connection.a.ip() {
        Side::A
    } else {
        Side::B
    }
}

impl State {
    /// Whether a SYN begins another connection with the same addresses and ports.
    fn is_another(&self, side: Side, segment: &Segment<'_>) -> bool {
        let (mine, other) = match side {
            Side::A => (&self.a, &self.b),
            Side::B => (&self.b, &self.a),
        };
        if segment.flags.ack() {
            // an answer belongs to the question before it
            return self.is_over() && mine.syn && mine.differs(segment.sequence);
        }
        let over = self.connection.reset_by.is_some() || (mine.closing() && other.closing());
        over || mine.differs(segment.sequence)
    }

    fn is_over(&self) -> bool {
        self.connection.reset_by.is_some() || (self.a.closing() && self.b.closing())
    }

    fn phase(&self) -> Phase {
        let spoke = self.a.length() > 0 || self.b.length() > 0;
        match self.is_over() {
            true => Phase::Over,
            false if spoke || (self.a.syn && self.b.syn) => Phase::Open,
            false => Phase::Opening,
        }
    }

    fn waiting(&self) -> usize {
        self.a.waiting() + self.b.waiting()
    }

    #[inline]
    fn take(
        &mut self,
        side: Side,
        place: Place,
        segment: &Segment<'_>,
        wanted: Wanted,
        sink: &mut impl Sink,
    ) {
        let connection = &mut self.connection;
        connection.packets += 1;
        connection.last_time = place.time;
        connection.last_span = place.span;
        if let Some(account) = &mut self.account {
            account.segment(side, place.time, segment);
        }
        let (mine, other) = match side {
            Side::A => (&mut self.a, &mut self.b),
            Side::B => (&mut self.b, &mut self.a),
        };
        let flags = segment.flags;
        let mut sequence = segment.sequence;
        if flags.syn() {
            mine.synchronize(sequence);
            sequence = sequence.wrapping_add(1);
            let opened_by = if flags.ack() { side.other() } else { side };
            connection.opened_by = connection.opened_by.or(Some(opened_by));
        }
        if flags.rst() {
            // RFC 9293 section 3.10.7.3: who has sent a SYN takes only what acknowledges it
            let answered = mine.syn || mine.length() > 0 || other.length() > 0;
            let fits = flags.ack() && other.sent_before(segment.acknowledgement);
            if other.syn && !answered && !fits {
                return;
            }
            let first = connection.reset_by.is_none();
            connection.reset_by = connection.reset_by.or(Some(side));
            if first {
                sink.event(connection, Event::Reset { by: side });
            }
            // what a RST carries is a reason for people (RFC 9293, 3.10.7), not part of the stream
            return;
        }
        let connection = &self.connection;
        let mut tell = |event: Event<'_>| {
            if wanted.streams {
                sink.event(connection, event);
            }
        };
        if flags.ack() {
            other.acknowledge(side.other(), segment.acknowledgement, place.time, &mut tell);
        }
        // one byte before what is next asks whether the other side is there (RFC 9293, 3.8.4)
        if segment.length > 0 || flags.fin() {
            let part = Part {
                sequence,
                bytes: segment.payload,
                cut: segment.length - segment.payload.len().min(segment.length),
                time: place.time,
                packet: place.packet,
                span: place.span,
            };
            mine.take(side, part, flags.fin(), &mut tell);
        }
    }

    fn end(&mut self, sink: &mut impl Sink) {
        let connection = &self.connection;
        let mut tell = |event: Event<'_>| sink.event(connection, event);
        self.a.end(Side::A, &mut tell);
        self.b.end(Side::B, &mut tell);
    }
}
