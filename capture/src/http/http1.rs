//! The messages of an HTTP/1 connection, RFC 9112, out of the bytes of its two directions.
//!
//! Responses are paired with requests in order. A response that is seen before its request (the request's packets were
//! captured out of order) waits for it; one whose request is not in the capture is an exchange by itself. After missing
//! bytes a direction goes on where the length of a body says it can, or else at the next piece that begins like a head.

use super::{
    ExchangeId, Position, Sink, Upgrade,
    body::{Asked, Body, Taken},
    head::{self, Framing, LONGEST_HEAD, Start, begins_like_request, begins_like_response},
    not_captured,
};
use overhear_store::Side;
use std::{collections::VecDeque, mem};

/// So many requests may wait for their responses.
const MOST_WAITING: usize = 4096;
/// So many bytes may wait for what the other direction says.
const MOST_HELD: usize = 256 << 10;

/// A connection.
#[derive(Debug, Default)]
pub struct Http1 {
    requests: Direction,
    responses: Direction,
    waiting: VecDeque<Waiting>,
    next: ExchangeId,
    /// What the connection has become.
    upgraded: Option<(ExchangeId, Upgrade)>,
}

/// A request without its final response.
#[derive(Debug)]
struct Waiting {
    id: ExchangeId,
    asked: Asked,
    /// It asked for another protocol.
    upgrade: bool,
}

#[derive(Debug, Default)]
struct Direction {
    state: State,
    /// Bytes of a head that is not whole, or that wait.
    kept: Vec<u8>,
    /// Where the kept bytes began.
    first: Position,
    last: Position,
    closed: bool,
}

impl Direction {
    fn keep(&mut self, first: Position, bytes: &[u8]) {
        self.first = first;
        self.kept = bytes.to_vec();
    }
}

#[derive(Debug, Default)]
enum State {
    /// Before or in a head.
    #[default]
    Head,
    /// In a body.
    Body(ExchangeId, Body),
    /// Not well formed: the rest belongs to this exchange as it is.
    Rest(ExchangeId),
    /// Bytes were missing: until a piece begins like a head.
    Lost,
    /// Waits for what the server says to a request for another protocol.
    Hold,
}

impl Http1 {
    /// A connection whose beginning is not in the capture: each direction begins at the first piece that begins like a
    /// head.
    pub fn midway() -> Self {
        let mut connection = Self::default();
        connection.requests.state = State::Lost;
        connection.responses.state = State::Lost;
        connection
    }

    /// Takes more bytes of one side.
    pub fn push(&mut self, side: Side, at: Position, bytes: &[u8], sink: &mut impl Sink) {
        if bytes.is_empty() {
            return;
        }
        if self.upgraded.is_some() {
            self.pass(side, at, bytes, sink);
            return;
        }
        let direction = self.side(side);
        direction.last = at;
        if matches!(direction.state, State::Lost) {
            let found = match side {
                Side::Request => begins_like_request(bytes),
                Side::Response => begins_like_response(bytes),
            };
            if found == Some(false) {
                return;
            }
            direction.state = State::Head;
        }
        self.read(side, at, bytes, sink);
        // what one direction said may be what the other waited for
        self.go_on(sink);
    }

    /// So many bytes of one side are not in the capture.
    pub fn gap(&mut self, side: Side, at: Position, missing: u64, sink: &mut impl Sink) {
        if let Some((id, upgrade)) = self.upgraded {
            if matches!(upgrade, Upgrade::WebSocket | Upgrade::Other) {
                sink.broken(id, side, at, &not_captured(missing));
            }
            return;
        }
        self.flush(side, sink);
        let direction = self.side(side);
        direction.last = at;
        match &mut direction.state {
            State::Body(id, body) => {
                let id = *id;
                let goes_on = body.skip(missing);
                let done = matches!(body, Body::Length(0));
                if goes_on {
                    sink.broken(id, side, at, &not_captured(missing));
                    if done {
                        direction.state = State::Head;
                        self.ended(id, side, at, sink);
                    }
                    return;
                }
                let why = format!(
                    "{} The rest of the message cannot be told from what follows.",
                    not_captured(missing)
                );
                sink.broken(id, side, at, &why);
            }
            State::Rest(id) => {
                sink.broken(*id, side, at, &not_captured(missing));
                return;
            }
            State::Head | State::Lost | State::Hold => {}
        }
        let direction = self.side(side);
        direction.state = State::Lost;
        direction.kept = Vec::new();
        if side == Side::Response {
            // which of them was answered in what is missing is not known
            for waiting in mem::take(&mut self.waiting) {
                sink.broken(
                    waiting.id,
                    side,
                    at,
                    "Its response is not in the capture: packets are missing.",
                );
            }
        }
    }

    /// One side has closed in good order.
    pub fn close(&mut self, side: Side, at: Position, sink: &mut impl Sink) {
        self.side(side).closed = true;
        if self.upgraded.is_some() {
            return;
        }
        self.flush(side, sink);
        self.stop(
            side,
            at,
            true,
            "The connection was closed in the middle of it.",
            sink,
        );
        self.go_on(sink);
    }

    /// Nothing more comes: `why` says so where a message is not whole. `reset` tells the bytes apart from the
    /// capture's end.
    pub fn finish(&mut self, at: Position, why: &str, sink: &mut impl Sink) {
        if self.upgraded.is_none() {
            for side in [Side::Request, Side::Response] {
                self.flush(side, sink);
                self.stop(side, at, false, why, sink);
            }
        }
        for waiting in mem::take(&mut self.waiting) {
            let closed = self.responses.closed;
            let why = match closed {
                true => "The server closed the connection without a response.",
                false => why,
            };
            sink.broken(waiting.id, Side::Response, at, why);
        }
        if let Some((id, Upgrade::WebSocket | Upgrade::Other)) = self.upgraded.take() {
            sink.end(id, Side::Request, at);
            sink.end(id, Side::Response, at);
        }
    }

    fn side(&mut self, side: Side) -> &mut Direction {
        match side {
            Side::Request => &mut self.requests,
            Side::Response => &mut self.responses,
        }
    }

    /// A direction's last message is at its end, whether it is whole or not.
    fn stop(&mut self, side: Side, at: Position, closed: bool, why: &str, sink: &mut impl Sink) {
        let direction = self.side(side);
        let kept = mem::take(&mut direction.kept);
        let first = direction.first;
        match mem::replace(&mut direction.state, State::Lost) {
            State::Body(id, Body::UntilClose) if closed => self.ended(id, side, at, sink),
            State::Body(id, Body::Length(left)) => {
                sink.broken(
                    id,
                    side,
                    at,
                    &format!("{why} {left} bytes of its body are missing."),
                );
            }
            State::Body(id, _) => sink.broken(id, side, at, why),
            State::Head if !kept.trim_ascii().is_empty() => {
                let id = match side {
                    Side::Request => self.new_id(),
                    Side::Response => self.paired(),
                };
                match side {
                    Side::Request => sink.request(id, first, &head::unread(&kept)),
                    Side::Response => sink.body(id, side, first, &kept),
                }
                sink.broken(id, side, at, &format!("{why} Its head is not whole."));
            }
            State::Head | State::Rest(_) | State::Lost | State::Hold => {}
        }
        // a direction that is closed says nothing more, one that is not begins anew
        if !closed {
            self.side(side).state = State::Head;
        }
    }

    /// Reads what a side kept because it waited for the other, without waiting any more.
    fn flush(&mut self, side: Side, sink: &mut impl Sink) {
        let direction = self.side(side);
        let (first, waits) = match side {
            Side::Request => (direction.first, matches!(direction.state, State::Hold)),
            Side::Response => (direction.first, matches!(direction.state, State::Head)),
        };
        if !waits {
            return;
        }
        direction.state = State::Head;
        let kept = mem::take(&mut direction.kept);
        if side == Side::Response && self.waiting.is_empty() && !kept.is_empty() {
            // its request is not in the capture
            let id = self.new_id();
            self.waiting.push_back(Waiting {
                id,
                asked: Asked::Other,
                upgrade: false,
            });
        }
        self.read(side, first, &kept, sink);
    }

    /// Lets each side read on what it kept until the other had spoken.
    fn go_on(&mut self, sink: &mut impl Sink) {
        if self.upgraded.is_some() {
            for side in [Side::Request, Side::Response] {
                let direction = self.side(side);
                let (first, kept) = (direction.first, mem::take(&mut direction.kept));
                if !kept.is_empty() {
                    self.pass(side, first, &kept, sink);
                }
            }
            return;
        }
        let held = matches!(self.requests.state, State::Hold);
        let answered = !self.waiting.iter().any(|waiting| waiting.upgrade);
        if held && (answered || self.requests.kept.len() > MOST_HELD) {
            self.waiting
                .iter_mut()
                .for_each(|waiting| waiting.upgrade = false);
            self.flush(Side::Request, sink);
        }
        let ready = !self.waiting.is_empty() || self.responses.kept.len() > MOST_HELD;
        if ready && matches!(self.responses.state, State::Head) && !self.responses.kept.is_empty() {
            let (first, kept) = (self.responses.first, mem::take(&mut self.responses.kept));
            if self.waiting.is_empty() {
                let id = self.new_id();
                self.waiting.push_back(Waiting {
                    id,
                    asked: Asked::Other,
                    upgrade: false,
                });
            }
            self.read(Side::Response, first, &kept, sink);
            if self.upgraded.is_some() {
                self.go_on(sink);
            }
        }
    }

    /// Hands on bytes of what the connection became.
    fn pass(&mut self, side: Side, at: Position, bytes: &[u8], sink: &mut impl Sink) {
        match self.upgraded {
            Some((id, Upgrade::WebSocket | Upgrade::Other)) => sink.body(id, side, at, bytes),
            _ => sink.tunnel(side, at, bytes),
        }
    }

    fn read(&mut self, side: Side, at: Position, bytes: &[u8], sink: &mut impl Sink) {
        let direction = self.side(side);
        let mut searched = 0;
        let (mut first, mut joined) = (at, Vec::new());
        if matches!(direction.state, State::Head | State::Hold) && !direction.kept.is_empty() {
            first = direction.first;
            searched = direction.kept.len();
            joined = mem::take(&mut direction.kept);
            joined.extend_from_slice(bytes);
        }
        let mut bytes = match joined.as_slice() {
            [] => bytes,
            joined => joined,
        };
        while !bytes.is_empty() {
            if self.upgraded.is_some() {
                self.pass(side, at, bytes, sink);
                return;
            }
            let waits = side == Side::Response && self.waiting.is_empty();
            let direction = self.side(side);
            match &mut direction.state {
                State::Head => {
                    if searched == 0 {
                        // empty lines before a message, RFC 9112 section 2.2
                        let blank = |byte: &&u8| matches!(byte, b'\r' | b'\n');
                        let skip = bytes.iter().take_while(blank).count();
                        bytes = bytes.get(skip..).unwrap_or_default();
                    }
                    let end = match waits {
                        // until its request is seen
                        true => None,
                        false => head::end(bytes, searched),
                    };
                    match end {
                        Some(end) => {
                            let (head, rest) = bytes.split_at(end);
                            match side {
                                Side::Request => self.request(first, head, sink),
                                Side::Response => self.response(first, head, sink),
                            }
                            bytes = rest;
                        }
                        None if waits || bytes.len() <= LONGEST_HEAD => {
                            direction.keep(first, bytes);
                            return;
                        }
                        None => {
                            self.unreadable(side, first, bytes, "Its head does not end.", sink);
                            return;
                        }
                    }
                    (first, searched) = (at, 0);
                }
                State::Body(id, body) => {
                    let id = *id;
                    match body.take(bytes, |content| sink.body(id, side, at, content)) {
                        Taken::All => return,
                        Taken::Done(taken) => {
                            let trailers = body.trailers();
                            if !trailers.is_empty() {
                                sink.trailers(id, side, at, trailers);
                            }
                            direction.state = State::Head;
                            self.ended(id, side, at, sink);
                            bytes = bytes.get(taken..).unwrap_or_default();
                        }
                        Taken::Wrong(taken, why) => {
                            direction.state = State::Rest(id);
                            sink.broken(id, side, at, &format!("It is not well formed: {why}."));
                            bytes = bytes.get(taken..).unwrap_or_default();
                        }
                    }
                }
                State::Rest(id) => {
                    sink.body(*id, side, at, bytes);
                    return;
                }
                State::Hold => {
                    direction.keep(first, bytes);
                    return;
                }
                State::Lost => return,
            }
        }
    }

    /// A request's head came.
    fn request(&mut self, at: Position, bytes: &[u8], sink: &mut impl Sink) {
        let (head, framing) = match head::request(bytes) {
            Ok(read) => read,
            Err(error) => {
                let why = format!("It is not well formed: {error}.");
                return self.unreadable(Side::Request, at, bytes, &why, sink);
            }
        };
        let asked = match &head.start {
            Start::Request(method, _) if method == "HEAD" => Asked::Head,
            Start::Request(method, _) if method == "CONNECT" => Asked::Connect,
            _ => Asked::Other,
        };
        let id = self.new_id();
        let upgrade = asked == Asked::Connect || !framing.upgrade.is_empty();
        sink.request(id, at, &head);
        if self.waiting.len() < MOST_WAITING {
            self.waiting.push_back(Waiting { id, asked, upgrade });
        }
        match Body::of_request(&framing) {
            Ok(Body::Length(0)) => {
                self.requests.state = match upgrade {
                    true => State::Hold,
                    false => State::Head,
                };
                sink.end(id, Side::Request, at);
            }
            Ok(body) => self.requests.state = State::Body(id, body),
            Err(why) => {
                self.requests.state = State::Rest(id);
                sink.broken(
                    id,
                    Side::Request,
                    at,
                    &format!("It is not well formed: {why}."),
                );
            }
        }
    }

    /// A response's head came.
    fn response(&mut self, at: Position, bytes: &[u8], sink: &mut impl Sink) {
        let (head, framing) = match head::response(bytes) {
            Ok(read) => read,
            Err(error) => {
                let why = format!("It is not well formed: {error}.");
                return self.unreadable(Side::Response, at, bytes, &why, sink);
            }
        };
        let Start::Response(status) = head.start else {
            return;
        };
        let (id, asked) = match self.waiting.front() {
            Some(waiting) => (waiting.id, waiting.asked),
            None => (self.new_id(), Asked::Other),
        };
        if (100..200).contains(&status) && status != 101 {
            sink.interim(id, at, &head);
            return;
        }
        self.waiting.pop_front();
        match status == 101 && framing.upgrade == "h2c" {
            // the final response comes in HTTP/2
            true => sink.interim(id, at, &head),
            false => sink.response(id, at, &head),
        }
        let connected = asked == Asked::Connect && (200..300).contains(&status);
        if status == 101 || connected {
            self.upgrade(id, at, &framing, connected, sink);
            return;
        }
        match Body::of_response(&framing, status, asked) {
            Ok(Body::Length(0)) => self.ended(id, Side::Response, at, sink),
            Ok(body) => self.responses.state = State::Body(id, body),
            Err(why) => {
                self.responses.state = State::Rest(id);
                sink.broken(
                    id,
                    Side::Response,
                    at,
                    &format!("It is not well formed: {why}."),
                );
            }
        }
    }

    fn upgrade(
        &mut self,
        id: ExchangeId,
        at: Position,
        framing: &Framing,
        connected: bool,
        sink: &mut impl Sink,
    ) {
        let upgrade = match framing.upgrade.as_str() {
            _ if connected => Upgrade::Tunnel,
            "websocket" => Upgrade::WebSocket,
            "h2c" => Upgrade::Http2,
            _ => Upgrade::Other,
        };
        self.upgraded = Some((id, upgrade));
        sink.upgraded(id, at, upgrade);
        if upgrade == Upgrade::Tunnel {
            sink.end(id, Side::Response, at);
        }
    }

    /// What should be a head cannot be read: what follows belongs to it as it is.
    fn unreadable(
        &mut self,
        side: Side,
        at: Position,
        bytes: &[u8],
        why: &str,
        sink: &mut impl Sink,
    ) {
        let id = match side {
            Side::Request => self.new_id(),
            Side::Response => self.paired(),
        };
        self.side(side).state = State::Rest(id);
        match side {
            Side::Request => {
                sink.request(id, at, &head::unread(bytes));
                if self.waiting.len() < MOST_WAITING {
                    self.waiting.push_back(Waiting {
                        id,
                        asked: Asked::Other,
                        upgrade: false,
                    });
                }
            }
            Side::Response => sink.body(id, side, at, bytes),
        }
        sink.broken(id, side, at, why);
    }

    /// A message is whole.
    fn ended(&mut self, id: ExchangeId, side: Side, at: Position, sink: &mut impl Sink) {
        sink.end(id, side, at);
        let holds = side == Side::Request && self.waiting.iter().any(|w| w.id == id && w.upgrade);
        if holds {
            self.requests.state = State::Hold;
        }
    }

    /// The exchange that the next response belongs to.
    fn paired(&mut self) -> ExchangeId {
        match self.waiting.pop_front() {
            Some(waiting) => waiting.id,
            None => self.new_id(),
        }
    }

    fn new_id(&mut self) -> ExchangeId {
        self.next += 1;
        self.next
    }
}

#[cfg(test)]
mod tests;
