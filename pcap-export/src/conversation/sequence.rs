//! A connection whose flows follow each other: HTTP/1, also pipelined, what it was upgraded to, and raw streams.
//!
//! Each direction is the bytes of one flow after those of another; the two directions are merged by time.

use super::{
    Notes,
    lane::{Lane, Part, Piece, Protocol},
    message::Message,
};
use crate::source::{self, Flows, Source};
use overhear_store::{Connection, Error, Side, read::WholeFlow};
use std::{collections::VecDeque, sync::Arc};

/// The pieces of a connection in time.
pub(crate) struct Sequence {
    /// Flows that neither direction has begun.
    flows: Flows,
    /// Flows that one direction has read and the other has not begun.
    read: VecDeque<Arc<WholeFlow>>,
    /// The number of the flow at the front of `read`, counted from the connection's first.
    first: usize,
    tracks: [Track; 2],
}

/// One direction.
#[derive(Default)]
struct Track {
    /// The flow that is being written, and its number is `begun - 1`.
    lane: Option<Lane>,
    /// The next piece.
    next: Option<Piece>,
    /// The number of the next flow.
    flow: usize,
    /// How many flows' heads were given out (or have none).
    heads: usize,
    /// What to say with the next piece.
    comment: Option<String>,
}

impl Sequence {
    /// The flows in the order in which they began.
    pub(crate) fn new(flows: Flows) -> Self {
        Self {
            flows,
            read: VecDeque::new(),
            first: 0,
            tracks: [Track::default(), Track::default()],
        }
    }

    /// The next piece; none when all flows were written as far as they were recorded.
    pub(crate) async fn next<S: Source>(
        &mut self,
        source: &S,
        connection: &Connection,
        notes: &mut Notes,
    ) -> Result<Option<Piece>, Error> {
        for side in [Side::Request, Side::Response] {
            self.fill(side, source, connection, notes).await?;
        }
        let [request, response] = &self.tracks;
        let side = match (&request.next, &response.next) {
            (None, None) => return Ok(None),
            (Some(_), None) => Side::Request,
            (None, Some(_)) => Side::Response,
            // a response follows its request, and what was sent after an upgrade follows the response
            (Some(_), Some(_)) if response.flow > request.heads => Side::Request,
            (Some(r), Some(_)) if request.waits_for(response, r) => Side::Response,
            (Some(r), Some(s)) if s.at < r.at => Side::Response,
            _ => Side::Request,
        };
        let track = &mut self.tracks[side as usize];
        let piece = track.next.take();
        if piece.as_ref().is_some_and(|p| p.part == Part::Head) {
            track.heads = track.flow;
        }
        Ok(piece)
    }

    /// Reads a direction's next piece, going on to the next flow where one is at its end.
    async fn fill<S: Source>(
        &mut self,
        side: Side,
        source: &S,
        connection: &Connection,
        notes: &mut Notes,
    ) -> Result<(), Error> {
        while self.tracks[side as usize].next.is_none() {
            let track = &mut self.tracks[side as usize];
            if let Some(lane) = &mut track.lane {
                match lane.next().await? {
                    Some(mut piece) => {
                        piece.comment = track.comment.take();
                        track.next = Some(piece);
                        return Ok(());
                    }
                    None => {
                        track.lane = None;
                        track.heads = track.flow;
                    }
                }
            }
            let number = track.flow;
            let Some(recorded) = self.recorded(number, source, notes).await? else {
                return Ok(());
            };
            let message = Message::of(connection, &recorded, side);
            let track = &mut self.tracks[side as usize];
            track.flow += 1;
            if side == Side::Request {
                track.comment = super::remark(&recorded.flow);
            }
            let headless = message.as_ref().is_none_or(|m| m.heads.is_empty());
            if headless {
                track.heads = track.flow;
            }
            let chunks = || source::body(source, &recorded, side);
            track.lane = message.map(|m| Lane::new(side, Protocol::Plain, m, chunks));
            self.forget();
        }
        Ok(())
    }

    /// The flow of a number, counted from the connection's first.
    async fn recorded<S: Source>(
        &mut self,
        number: usize,
        source: &S,
        notes: &mut Notes,
    ) -> Result<Option<Arc<WholeFlow>>, Error> {
        while number >= self.first + self.read.len() {
            let Some(recorded) = self.flows.next(source).await? else {
                return Ok(None);
            };
            notes.add(&recorded.flow);
            self.read.push_back(Arc::new(recorded));
        }
        Ok(self.read.get(number - self.first).cloned())
    }

    /// Drops the flows that both directions have begun.
    fn forget(&mut self) {
        let both = self.tracks.iter().map(|t| t.flow).min().unwrap_or(0);
        while self.first < both && self.read.pop_front().is_some() {
            self.first += 1;
        }
    }
}

impl Track {
    /// Whether a piece of this direction belongs to an upgraded protocol while the other direction has not
    /// yet written the response that agreed to it.
    fn waits_for(&self, other: &Track, piece: &Piece) -> bool {
        let upgraded = self.lane.as_ref().is_some_and(Lane::upgraded);
        upgraded && piece.part == Part::Body && other.heads < self.flow
    }
}
