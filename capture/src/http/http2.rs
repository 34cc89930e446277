//! The exchanges of an HTTP/2 connection, RFC 9113, out of the bytes of its two directions.
//!
//! A stream is an exchange. Field blocks of a direction depend on all before them: when one is missing or cannot be read,
//! nothing behind it can, and [`Sink::unreadable`] says so. Bytes that are missing inside DATA cost only that body.
//! A response that is seen before its request (the packets were captured out of order) waits for it.

mod fields;
mod frame;
mod hpack;
mod huffman;

pub use frame::{begins_like_preface, begins_like_settings, is_frames};
#[cfg(any(test, fuzzing))]
pub use hpack::check as check_field_blocks;

use super::{ExchangeId, Position, Sink, Upgrade, not_captured};
use fields::Fields;
use frame::{Frame, Frames};
use hpack::Decoder;
use overhear_store::Side;
use std::{collections::BTreeMap, mem};

/// So many streams are followed at once; beyond that, the oldest is given up.
const MOST_STREAMS: usize = 4096;
/// So many bytes may wait for what the other direction says.
const MOST_HELD: usize = 256 << 10;

/// A connection.
#[derive(Debug)]
pub struct Http2 {
    sides: [Direction; 2],
    streams: BTreeMap<u32, Stream>,
    /// The highest stream that a client has begun.
    highest: u32,
    /// The highest that a server has promised.
    promised: u32,
    /// It cannot be read any further.
    unreadable: bool,
    /// Why it goes away, when that is no ordinary end.
    goes_away: Option<String>,
    held: Held,
}

#[derive(Debug, Default)]
struct Direction {
    frames: Frames,
    fields: Decoder,
}

/// A response's head whose request was not seen yet, and what came behind it.
#[derive(Debug, Default)]
struct Held {
    head: Option<(u32, Position, Vec<u8>, bool)>,
    behind: Vec<(Position, Vec<u8>)>,
    size: usize,
}

#[derive(Debug, Default)]
struct Stream {
    /// The message's head was seen (of the response: the final one).
    heads: [bool; 2],
    ended: [bool; 2],
    websocket: bool,
}

impl Default for Http2 {
    /// A connection of which nothing was read yet, not even the client's preface.
    fn default() -> Self {
        let mut connection = Self {
            sides: Default::default(),
            streams: BTreeMap::new(),
            highest: 0,
            promised: 0,
            unreadable: false,
            goes_away: None,
            held: Held::default(),
        };
        connection.side(Side::Request).frames = Frames::client();
        connection
    }
}

impl Http2 {
    /// The exchange that goes on as stream 1 after an upgrade.
    pub const UPGRADED: ExchangeId = 1;

    /// A connection that was HTTP/1 before, RFC 7540 section 3.2: the request of stream 1 is whole, the preface is still
    /// to come.
    pub fn upgraded() -> Self {
        let mut connection = Self::default();
        let first = Stream {
            heads: [true, false],
            ended: [true, false],
            websocket: false,
        };
        connection.streams.insert(1, first);
        connection.highest = 1;
        connection
    }

    /// Takes more bytes of one side.
    pub fn push(&mut self, side: Side, at: Position, bytes: &[u8], sink: &mut impl Sink) {
        if bytes.is_empty() {
            return;
        }
        if self.unreadable {
            sink.tunnel(side, at, bytes);
            return;
        }
        if side == Side::Response && self.held.head.is_some() {
            self.held.behind.push((at, bytes.to_vec()));
            self.held.size += bytes.len();
            if self.held.size > MOST_HELD {
                self.go_on(sink, true);
            }
            return;
        }
        self.read(side, at, bytes, sink);
        if side == Side::Request {
            self.go_on(sink, false);
        }
    }

    /// So many bytes of one side are not in the capture.
    pub fn gap(&mut self, side: Side, at: Position, missing: u64, sink: &mut impl Sink) {
        self.go_on(sink, true);
        if self.unreadable {
            return;
        }
        let Some(skipped) = self.side(side).frames.skip(missing) else {
            let why = format!(
                "{} What follows cannot be told apart.",
                not_captured(missing)
            );
            return self.lose(side, at, &why, sink);
        };
        if let Some(stream) = skipped.stream
            && self.streams.contains_key(&stream)
        {
            sink.broken(stream.into(), side, at, &not_captured(missing));
            if skipped.ends {
                self.end(stream, side, at, sink);
            }
        }
    }

    /// Nothing more comes: `why` says so where a message is not whole.
    pub fn finish(&mut self, at: Position, why: &str, sink: &mut impl Sink) {
        self.go_on(sink, true);
        let why = match &self.goes_away {
            Some(said) => format!("{said} {why}"),
            None => why.to_owned(),
        };
        for (id, stream) in mem::take(&mut self.streams) {
            for side in [Side::Response, Side::Request] {
                if !stream.ended[side as usize] {
                    sink.broken(id.into(), side, at, &why);
                }
            }
        }
    }

    fn side(&mut self, side: Side) -> &mut Direction {
        &mut self.sides[side as usize]
    }

    fn read(&mut self, side: Side, at: Position, mut bytes: &[u8], sink: &mut impl Sink) {
        while !self.unreadable {
            let frame = match self.side(side).frames.next(&mut bytes) {
                Ok(Some(frame)) => frame,
                Ok(None) => return,
                Err(wrong) => {
                    let why = format!("It is not well formed: {wrong}.");
                    self.lose(side, at, &why, sink);
                    break;
                }
            };
            match frame {
                Frame::Data {
                    stream,
                    bytes,
                    ends,
                } => self.data(stream, side, at, bytes, ends, sink),
                Frame::Fields {
                    stream,
                    block,
                    ends,
                } => {
                    // a stream of the client's whose beginning was not seen
                    if side == Side::Response && stream % 2 == 1 && stream > self.highest {
                        self.held.head = Some((stream, at, block, ends));
                        self.held.behind.push((at, bytes.to_vec()));
                        self.held.size = bytes.len();
                        return;
                    }
                    self.fields(stream, side, at, &block, ends, sink);
                }
                Frame::Promise { promised, block } => {
                    self.promise(promised, side, at, &block, sink);
                }
                Frame::Reset { stream, code } => self.reset(stream, side, at, code, sink),
                Frame::GoAway { last, code, debug } => {
                    self.goes_away(side, at, last, code, &debug, sink);
                }
            }
        }
        if !bytes.is_empty() {
            sink.tunnel(side, at, bytes);
        }
    }

    /// Reads on in the responses when the request is there that they wait for; `now` does not wait any more.
    fn go_on(&mut self, sink: &mut impl Sink, now: bool) {
        while let Some((stream, ..)) = self.held.head
            && (now || stream <= self.highest)
        {
            let held = mem::take(&mut self.held);
            if let Some((stream, at, block, ends)) = held.head {
                if stream > self.highest {
                    // its request is not in the capture
                    self.begin(stream);
                }
                self.fields(stream, Side::Response, at, &block, ends, sink);
            }
            for (at, bytes) in held.behind {
                self.push(Side::Response, at, &bytes, sink);
            }
        }
    }

    /// One direction cannot be read any further, and so the connection.
    fn lose(&mut self, side: Side, at: Position, why: &str, sink: &mut impl Sink) {
        self.unreadable = true;
        for (id, stream) in mem::take(&mut self.streams) {
            let side = match stream.ended[side as usize] {
                false => side,
                true => opposite(side),
            };
            sink.broken(id.into(), side, at, why);
        }
        sink.unreadable(at, why);
        for direction in &mut self.sides {
            *direction = Direction::default();
        }
        for (at, bytes) in mem::take(&mut self.held).behind {
            if !bytes.is_empty() {
                sink.tunnel(Side::Response, at, &bytes);
            }
        }
    }

    fn decode(
        &mut self,
        side: Side,
        at: Position,
        block: &[u8],
        sink: &mut impl Sink,
    ) -> Option<Fields> {
        match Fields::read(&mut self.side(side).fields, block) {
            Ok(fields) => Some(fields),
            Err(wrong) => {
                let why = format!("It is not well formed: {wrong}.");
                self.lose(side, at, &why, sink);
                None
            }
        }
    }

    fn fields(
        &mut self,
        id: u32,
        side: Side,
        at: Position,
        block: &[u8],
        ends: bool,
        sink: &mut impl Sink,
    ) {
        // also of a stream that is over: the table depends on it
        let Some(fields) = self.decode(side, at, block, sink) else {
            return;
        };
        if side == Side::Request && id % 2 == 1 && id > self.highest {
            self.begin(id);
        }
        let Some(stream) = self.streams.get_mut(&id) else {
            return;
        };
        if stream.ended[side as usize] {
            return;
        }
        let exchange = ExchangeId::from(id);
        if mem::replace(&mut stream.heads[side as usize], true) {
            sink.trailers(exchange, side, at, &fields.bytes);
        } else if side == Side::Request {
            stream.websocket = fields.is_websocket();
            sink.request(exchange, at, &fields.request());
        } else {
            let status = fields.status.unwrap_or_default();
            let head = fields.response(status);
            if (100..200).contains(&status) && !ends {
                stream.heads[side as usize] = false;
                sink.interim(exchange, at, &head);
            } else {
                sink.response(exchange, at, &head);
                if stream.websocket && (200..300).contains(&status) {
                    sink.upgraded(exchange, at, Upgrade::WebSocket);
                }
            }
        }
        if let Some(wrong) = fields.wrong {
            sink.broken(exchange, side, at, wrong);
        }
        if ends {
            self.end(id, side, at, sink);
        }
    }

    fn begin(&mut self, id: u32) {
        if id % 2 == 1 {
            self.highest = self.highest.max(id);
        }
        if self.streams.len() >= MOST_STREAMS {
            self.streams.pop_first();
        }
        self.streams.insert(id, Stream::default());
    }

    fn data(
        &mut self,
        id: u32,
        side: Side,
        at: Position,
        bytes: &[u8],
        ends: bool,
        sink: &mut impl Sink,
    ) {
        let is_open = |stream: &Stream| stream.heads[side as usize] && !stream.ended[side as usize];
        if !self.streams.get(&id).is_some_and(is_open) {
            // of a stream that was reset while it was on its way
            return;
        }
        if !bytes.is_empty() {
            sink.body(id.into(), side, at, bytes);
        }
        if ends {
            self.end(id, side, at, sink);
        }
    }

    /// A message is whole.
    fn end(&mut self, id: u32, side: Side, at: Position, sink: &mut impl Sink) {
        let Some(stream) = self.streams.get_mut(&id) else {
            return;
        };
        if !mem::replace(&mut stream.ended[side as usize], true) {
            if stream.ended == [true; 2] {
                self.streams.remove(&id);
            }
            sink.end(id.into(), side, at);
        }
    }

    /// A server sends what was not asked for: the request stands in its promise, section 8.4.
    fn promise(&mut self, id: u32, side: Side, at: Position, block: &[u8], sink: &mut impl Sink) {
        let Some(fields) = self.decode(side, at, block, sink) else {
            return;
        };
        // a number is used once, section 5.1.1
        if side == Side::Request || id % 2 == 1 || id <= self.promised {
            return;
        }
        self.promised = id;
        self.begin(id);
        if let Some(stream) = self.streams.get_mut(&id) {
            stream.heads[Side::Request as usize] = true;
        }
        sink.request(id.into(), at, &fields.request());
        self.end(id, Side::Request, at, sink);
    }

    fn reset(&mut self, id: u32, side: Side, at: Position, code: u32, sink: &mut impl Sink) {
        let Some(stream) = self.streams.remove(&id) else {
            return;
        };
        let exchange = ExchangeId::from(id);
        let [_, answered] = stream.ended;
        // a server that has answered may do without the rest of the request, section 8.1
        if !(side == Side::Response && answered && code == 0) {
            let about = match answered {
                true => Side::Request,
                false => Side::Response,
            };
            let who = who(side);
            let why = format!("{who} reset the stream: {}.", code_name(code));
            sink.broken(exchange, about, at, &why);
        }
        for side in [Side::Request, Side::Response] {
            if !stream.ended[side as usize] {
                sink.end(exchange, side, at);
            }
        }
    }

    fn goes_away(
        &mut self,
        side: Side,
        at: Position,
        last: u32,
        code: u32,
        debug: &[u8],
        sink: &mut impl Sink,
    ) {
        let debug = match debug {
            [] => String::new(),
            text => format!(", {:?}", String::from_utf8_lossy(text)),
        };
        let said = format!("{} said GOAWAY: {}{debug}.", who(side), code_name(code));
        if code != 0 {
            self.goes_away = Some(said.clone());
        }
        // what the other side began behind that was not looked at, section 6.8
        let parity = match side {
            Side::Request => 0,
            Side::Response => 1,
        };
        let left: Vec<_> = match last.checked_add(1) {
            Some(next) => self.streams.range(next..).map(|(id, _)| *id).collect(),
            None => Vec::new(),
        };
        for id in left.into_iter().filter(|id| id % 2 == parity) {
            if let Some(stream) = self.streams.remove(&id) {
                let why = format!("{said} It was not processed.");
                sink.broken(id.into(), Side::Response, at, &why);
                for side in [Side::Request, Side::Response] {
                    if !stream.ended[side as usize] {
                        sink.end(id.into(), side, at);
                    }
                }
            }
        }
    }
}

fn opposite(side: Side) -> Side {
    match side {
        Side::Request => Side::Response,
        Side::Response => Side::Request,
    }
}

fn who(side: Side) -> &'static str {
    match side {
        Side::Request => "The client",
        Side::Response => "The server",
    }
}

/// The name of an error code with its number, RFC 9113 section 7.
fn code_name(code: u32) -> String {
    let name = match code {
        0 => "NO_ERROR",
        1 => "PROTOCOL_ERROR",
        2 => "INTERNAL_ERROR",
        3 => "FLOW_CONTROL_ERROR",
        4 => "SETTINGS_TIMEOUT",
        5 => "STREAM_CLOSED",
        6 => "FRAME_SIZE_ERROR",
        7 => "REFUSED_STREAM",
        8 => "CANCEL",
        9 => "COMPRESSION_ERROR",
        10 => "CONNECT_ERROR",
        11 => "ENHANCE_YOUR_CALM",
        12 => "INADEQUATE_SECURITY",
        13 => "HTTP_1_1_REQUIRED",
        _ => return format!("error code {code}"),
    };
    format!("{name} ({code})")
}

#[cfg(test)]
mod tests;
