//! An HTTP/2 connection: the streams of its flows, interleaved by time (RFC 9113).
//!
//! The recording knows fields and bodies; the frames are made here. Streams have the numbers 1, 3, 5... in the
//! order in which they began. Settings give both sides the largest windows, and WINDOW_UPDATE frames follow
//! large bodies, so that flow control is kept.

use super::{
    Notes,
    lane::{Lane, Part, Piece, Protocol, WINDOW_STEP},
    message::Message,
};
use crate::{
    frames::{self, Code},
    segment::other,
    source::{self, Flows, Source},
};
use overhear_store::{
    Connection, Error, FailureCause, Flow, Party, Side, State, Timestamp, read::WholeFlow,
};
use std::collections::VecDeque;

/// The pieces of a connection in time.
pub(crate) struct Multiplex {
    flows: Flows,
    /// The next flow and its request, read ahead to know when it begins.
    upcoming: Option<(WholeFlow, Message)>,
    streams: Vec<Stream>,
    /// The number of the next stream.
    next_id: u32,
    /// Pieces that come before all others.
    queued: VecDeque<Piece>,
    /// Bytes of DATA from each side since the last WINDOW_UPDATE of the connection.
    unacknowledged: [u64; 2],
}

/// A stream that is not at its end.
struct Stream {
    /// Request and response; none at the end, or when there is nothing.
    lanes: [Option<Lane>; 2],
    /// The next piece of each.
    next: [Option<Piece>; 2],
    /// How it fails, after all pieces.
    reset: Option<Piece>,
}

impl Multiplex {
    /// The flows in the order in which they began; `opened` is when the connection was ready for use.
    pub(crate) fn new(flows: Flows, opened: Timestamp) -> Self {
        let [mut client, mut server, mut ack] = [Vec::new(), Vec::new(), Vec::new()];
        frames::client_opening(&mut client);
        frames::server_opening(&mut server);
        frames::settings_ack(&mut server);
        frames::settings_ack(&mut ack);
        let queued = [
            control(opened, Side::Request, client),
            control(opened, Side::Response, server),
            control(opened, Side::Request, ack),
        ];
        Self {
            flows,
            upcoming: None,
            streams: Vec::new(),
            next_id: 1,
            queued: queued.into(),
            unacknowledged: [0; 2],
        }
    }

    /// The next piece; none when all flows were written as far as they were recorded.
    pub(crate) async fn next<S: Source>(
        &mut self,
        source: &S,
        connection: &Connection,
        notes: &mut Notes,
    ) -> Result<Option<Piece>, Error> {
        if let Some(piece) = self.queued.pop_front() {
            return Ok(Some(piece));
        }
        self.read_ahead(source, connection, notes).await?;
        for stream in &mut self.streams {
            stream.fill().await?;
        }
        self.streams.retain(|s| s.earliest().is_some());
        let earliest = self.streams.iter().enumerate();
        let earliest = earliest
            .filter_map(|(index, s)| s.earliest().map(|at| (at, index)))
            .min();
        match (self.begins(), earliest) {
            (Some(at), earliest) if earliest.is_none_or(|(other, _)| at <= other) => {
                self.open(source, connection, notes).await
            }
            (_, Some((_, index))) => Ok(self.take(index)),
            (_, None) => Ok(None),
        }
    }

    /// The frames that announce the end of the connection.
    pub(crate) fn goodbye(&self, by: Side) -> Vec<u8> {
        let last = match by {
            Side::Request => 0,
            Side::Response => self.next_id.saturating_sub(2),
        };
        let mut out = Vec::new();
        frames::goaway(&mut out, last);
        out
    }

    /// When the next stream begins.
    fn begins(&self) -> Option<Timestamp> {
        let (_, request) = self.upcoming.as_ref()?;
        request.heads.front().map(|h| h.at)
    }

    async fn read_ahead<S: Source>(
        &mut self,
        source: &S,
        connection: &Connection,
        notes: &mut Notes,
    ) -> Result<(), Error> {
        while self.upcoming.is_none()
            && let Some(recorded) = self.flows.next(source).await?
        {
            // without a head there is nothing that could open a stream
            match Message::of(connection, &recorded, Side::Request) {
                Some(request) if !request.heads.is_empty() => {
                    self.upcoming = Some((recorded, request));
                }
                _ => notes.add(&recorded.flow),
            }
        }
        Ok(())
    }

    /// Opens the stream of the flow that was read ahead: its first piece is the request's head.
    async fn open<S: Source>(
        &mut self,
        source: &S,
        connection: &Connection,
        notes: &mut Notes,
    ) -> Result<Option<Piece>, Error> {
        let Some((recorded, request)) = self.upcoming.take() else {
            return Ok(None);
        };
        let protocol = Protocol::Http2(self.next_id);
        let response = Message::of(connection, &recorded, Side::Response);
        let mut request = Lane::new(Side::Request, protocol, request, || {
            source::body(source, &recorded, Side::Request)
        });
        let response = response.map(|m| {
            Lane::new(Side::Response, protocol, m, || {
                source::body(source, &recorded, Side::Response)
            })
        });
        let ended = request.ends() && response.as_ref().is_some_and(Lane::ends);
        let reset = (!ended)
            .then(|| reset(connection, &recorded.flow, self.next_id))
            .flatten();
        if reset.is_none() {
            notes.add(&recorded.flow);
        }
        self.next_id += 2;
        let mut first = request.next().await?;
        if let Some(piece) = &mut first {
            piece.comment = super::remark(&recorded.flow);
        }
        self.streams.push(Stream {
            lanes: [Some(request), response],
            next: [None, None],
            reset,
        });
        Ok(first)
    }

    /// Takes the next piece of a stream, and makes room for more when much has passed.
    fn take(&mut self, index: usize) -> Option<Piece> {
        let stream = self.streams.get_mut(index)?;
        let (piece, room) = stream.take()?;
        self.queued.extend(room);
        let passed = &mut self.unacknowledged[piece.from as usize];
        *passed += piece.content as u64;
        if *passed >= u64::from(WINDOW_STEP) {
            *passed -= u64::from(WINDOW_STEP);
            let mut bytes = Vec::new();
            frames::window_update(&mut bytes, 0, WINDOW_STEP);
            let room = control(piece.at, other(piece.from), bytes);
            self.queued.push_back(room);
        }
        Some(piece)
    }
}

impl Stream {
    /// Reads the next piece of each direction.
    async fn fill(&mut self) -> Result<(), Error> {
        for (lane, next) in self.lanes.iter_mut().zip(&mut self.next) {
            if next.is_none()
                && let Some(reading) = lane
            {
                *next = reading.next().await?;
                if next.is_none() {
                    *lane = None;
                }
            }
        }
        Ok(())
    }

    fn earliest(&self) -> Option<Timestamp> {
        let pieces = self.next.iter().flatten();
        let earliest = pieces.map(|p| p.at).min();
        earliest.or(self.reset.as_ref().map(|r| r.at))
    }

    /// The earlier of the two next pieces (the request's when both are as early), or the reset; with it the
    /// WINDOW_UPDATE that the stream's receiver owes.
    fn take(&mut self) -> Option<(Piece, Option<Piece>)> {
        let side = match &self.next {
            [None, None] => return self.reset.take().map(|r| (r, None)),
            [Some(_), None] => Side::Request,
            [None, Some(_)] => Side::Response,
            [Some(request), Some(response)] if response.at < request.at => Side::Response,
            _ => Side::Request,
        };
        let piece = self.next[side as usize].take()?;
        let lane = self.lanes[side as usize].as_mut();
        let room = lane.and_then(|l| l.make_room(&piece));
        Some((piece, room))
    }
}

/// The RST_STREAM of a flow that failed; none when it failed because its connection did.
fn reset(connection: &Connection, flow: &Flow, stream: u32) -> Option<Piece> {
    let failure = flow
        .error
        .as_ref()
        .filter(|_| flow.state == State::Failed)?;
    let with_connection = matches!(failure.cause, FailureCause::Reset | FailureCause::Closed)
        && (connection.reset
            || connection
                .closed
                .is_some_and(|c| flow.times.ended >= Some(c)));
    if with_connection {
        return None;
    }
    let from = match failure.side {
        Party::Server => Side::Response,
        Party::Client | Party::Proxy => Side::Request,
    };
    let code = match (failure.cause, from) {
        (FailureCause::Protocol, _) => Code::Protocol,
        (_, Side::Request) => Code::Cancel,
        (_, Side::Response) => Code::Internal,
    };
    let mut bytes = Vec::new();
    frames::rst_stream(&mut bytes, stream, code);
    let at = flow.times.ended.unwrap_or(flow.times.started);
    let mut reset = control(at, from, bytes);
    reset.comment = Some(format!("Flow {}: {}", flow.id, failure.text));
    Some(reset)
}

/// Frames that carry nothing of a message.
fn control(at: Timestamp, from: Side, bytes: Vec<u8>) -> Piece {
    Piece {
        at,
        from,
        part: Part::Body,
        bytes: bytes.into(),
        content: 0,
        comment: None,
    }
}
