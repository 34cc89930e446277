//! A connection's flows as turns in time: the handshake, who sends what when, and the end.
//!
//! Nothing here knows sequence numbers or packets. Bodies are read a piece at a time.

mod lane;
mod message;
mod multiplex;
mod sequence;

use crate::{
    frames::is_http2,
    segment::Event,
    source::{Flows, Source},
};
use bytes::Bytes;
use lane::Piece;
use multiplex::Multiplex;
use overhear_store::{
    Connection, Error, FailureCause, Flow, HeadKind, Kind, Party, Side, State, Timestamp, Version,
    read::WholeFlow,
};
use sequence::Sequence;

/// Failures that are told at the end of a connection; more would make a comment that nobody reads.
const NOTES: usize = 10;

/// Something that happens on a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Turn {
    /// When; never before the turn before it.
    pub(crate) at: Timestamp,
    /// What.
    pub(crate) step: Step,
    /// What to say about its first packet.
    pub(crate) comment: Option<String>,
}

/// What happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// The client asks for a connection.
    Syn,
    /// The server accepts it.
    Accept,
    /// The server refuses it.
    Refuse,
    /// Bytes of the application.
    Data(Side, Bytes),
    /// The connection ends in order; this side ends it first.
    Close(Side),
    /// This side resets the connection.
    Reset(Side),
}

impl Step {
    /// The step for TCP.
    pub(crate) fn event(&self) -> Event<'_> {
        match self {
            Self::Syn => Event::Syn,
            Self::Accept => Event::Accept,
            Self::Refuse => Event::Refuse,
            Self::Data(from, bytes) => Event::Data(*from, bytes),
            Self::Close(side) => Event::Close(*side),
            Self::Reset(side) => Event::Reset(*side),
        }
    }
}

/// One connection, read turn by turn.
pub(crate) struct Conversation<S> {
    source: S,
    connection: Connection,
    stage: Stage,
    content: Content,
    notes: Notes,
    /// How the first flow failed, for a connection that never stood.
    failure: Option<FailureCause>,
    /// When that flow ended.
    failed: Option<Timestamp>,
    /// What the first packet's comment says.
    comment: Option<String>,
    last: Timestamp,
}

/// What comes next.
enum Stage {
    Syn,
    Answer,
    Content,
    Goodbye,
    End,
    Done,
}

/// What is spoken.
#[expect(
    clippy::large_enum_variant,
    reason = "there is one at a time, in the box of its conversation"
)]
enum Content {
    Sequence(Sequence),
    Multiplex(Multiplex),
}

impl<S: Source> Conversation<S> {
    /// A connection with the flows that are selected, in the order in which they began. `first` is the first of
    /// them; `comment` goes to the first packet.
    pub(crate) fn new(
        source: S,
        mut connection: Connection,
        flows: Flows,
        first: &WholeFlow,
        comment: String,
    ) -> Self {
        if turned(&connection, &first.flow) {
            // it does not wait for the TLS that came later
            connection.server_tls_done = None;
        }
        let content = if speaks_http2(first) {
            Content::Multiplex(Multiplex::new(flows, ready(&connection)))
        } else {
            Content::Sequence(Sequence::new(flows))
        };
        let error = first.flow.error.as_ref();
        let stands = connection.connected.is_some();
        let comment = match error.filter(|_| !stands) {
            Some(error) => format!("{comment}\n{}", error.text),
            None => comment,
        };
        Self {
            source,
            stage: Stage::Syn,
            content,
            notes: Notes::default(),
            failure: error.map(|e| e.cause),
            failed: first.flow.times.ended,
            comment: Some(comment),
            last: begins(&connection),
            connection,
        }
    }

    /// The next turn; none at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Turn>, Error> {
        loop {
            match self.stage {
                Stage::Syn => {
                    self.stage = Stage::Answer;
                    let comment = self.comment.take();
                    return Ok(Some(self.turn(self.last, Step::Syn, comment)));
                }
                Stage::Answer => match self.connection.connected {
                    Some(at) => {
                        self.stage = Stage::Content;
                        return Ok(Some(self.turn(at, Step::Accept, None)));
                    }
                    None => {
                        self.stage = Stage::Done;
                        if matches!(
                            self.failure,
                            Some(FailureCause::Refused | FailureCause::Reset)
                        ) {
                            let at = self.failed.or(self.connection.closed);
                            let at = at.unwrap_or(self.last);
                            return Ok(Some(self.turn(at, Step::Refuse, None)));
                        }
                    }
                },
                Stage::Content => match self.piece().await? {
                    Some(piece) if piece.bytes.is_empty() => {}
                    Some(piece) => {
                        let at = piece.at.max(ready(&self.connection));
                        let step = Step::Data(piece.from, piece.bytes);
                        return Ok(Some(self.turn(at, step, piece.comment)));
                    }
                    None => self.stage = Stage::Goodbye,
                },
                Stage::Goodbye => {
                    self.stage = Stage::End;
                    if let Some((at, side)) = self.closed().filter(|_| !self.connection.reset)
                        && let Content::Multiplex(streams) = &self.content
                    {
                        let step = Step::Data(side, streams.goodbye(side).into());
                        return Ok(Some(self.turn(at, step, None)));
                    }
                }
                Stage::End => {
                    self.stage = Stage::Done;
                    if let Some((at, side)) = self.closed() {
                        let step = match self.connection.reset {
                            true => Step::Reset(side),
                            false => Step::Close(side),
                        };
                        let comment = self.notes.text();
                        return Ok(Some(self.turn(at, step, comment)));
                    }
                }
                Stage::Done => return Ok(None),
            }
        }
    }

    async fn piece(&mut self) -> Result<Option<Piece>, Error> {
        let (source, connection, notes) = (&self.source, &self.connection, &mut self.notes);
        match &mut self.content {
            Content::Sequence(flows) => flows.next(source, connection, notes).await,
            Content::Multiplex(streams) => streams.next(source, connection, notes).await,
        }
    }

    /// When the connection ended, and who ended it. A proxy that ends it does so as the server's client.
    fn closed(&self) -> Option<(Timestamp, Side)> {
        let side = match self.connection.closed_by {
            Some(Party::Server) => Side::Response,
            _ => Side::Request,
        };
        self.connection.closed.map(|at| (at, side))
    }

    fn turn(&mut self, at: Timestamp, step: Step, comment: Option<String>) -> Turn {
        self.last = self.last.max(at);
        Turn {
            at: self.last,
            step,
            comment,
        }
    }
}

/// When a connection's first packet is sent.
pub(crate) fn begins(connection: &Connection) -> Timestamp {
    let begun = connection.connect_start.or(connection.connected);
    begun.unwrap_or(connection.accepted)
}

/// When the first byte of the application can be sent: the connection stands, TLS is done.
fn ready(connection: &Connection) -> Timestamp {
    let stood = connection.connected.unwrap_or_default();
    stood.max(connection.server_tls_done.unwrap_or_default())
}

/// Whether a connection, by its first flow, began in the clear and turned to TLS (STARTTLS).
pub(crate) fn turned(connection: &Connection, first: &Flow) -> bool {
    let done = connection.server_tls_done;
    first.kind == Kind::Tcp && done.is_some_and(|done| first.times.started < done)
}

/// Whether a connection, by its first flow, is one of HTTP/2.
pub(crate) fn speaks_http2(first: &WholeFlow) -> bool {
    let head = first.heads.iter().find(|h| h.kind == HeadKind::Request);
    head.map_or(first.flow.request.version == Some(Version::Http2), |h| {
        is_http2(&h.bytes)
    })
}

/// What a person wrote on a flow, for its first packet.
fn remark(flow: &Flow) -> Option<String> {
    (!flow.comment.is_empty()).then(|| flow.comment.clone())
}

/// How flows failed, for the packet that ends their connection.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    texts: Vec<String>,
    left_out: usize,
}

impl Notes {
    fn add(&mut self, flow: &Flow) {
        let Some(error) = flow.error.as_ref().filter(|_| flow.state == State::Failed) else {
            return;
        };
        if self.texts.len() < NOTES {
            self.texts.push(format!("Flow {}: {}", flow.id, error.text));
        } else {
            self.left_out += 1;
        }
    }

    fn text(&self) -> Option<String> {
        let mut text = self.texts.join("\n");
        if self.left_out > 0 {
            text.push_str(&format!("\n{} more flows failed.", self.left_out));
        }
        (!text.is_empty()).then_some(text)
    }
}

#[cfg(test)]
mod tests;
