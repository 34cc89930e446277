//! What goes on of messages, so that the receiver's decompressor reads it.
//!
//! With context takeover a compressed message may refer to those before it (RFC 7692 section 7.1.1). As long as
//! everything goes on as it came, the receiver has seen what the sender means. After one message that went on as another, or
//! not at all, it has not: from then on the direction is *apart*, and every compressed message is compressed again, each so
//! that it refers to nothing before it, which is right for every receiver; where that cannot be said in the window that was
//! agreed, it goes on uncompressed, as section 6 allows for any message.

use super::{
    assemble::{About, Piece, Whole},
    deflate::{Agreed, Inflate, TAIL, Window, deflated},
    frame::{self, BINARY, CONTINUATION, Header, TEXT},
};
use crate::intercept::{Content, MOST_BODY};
use overhear_store::Side;

/// How much compressed payload is taken at once where it is sent uncompressed: bytes.
const STEP: usize = 16 << 10;

/// One direction.
pub(super) struct Coding {
    side: Side,
    window: Option<Window>,
    inflate: Option<Inflate>,
    /// Why what is compressed cannot be read.
    unreadable: Option<String>,
    apart: bool,
    /// What becomes of the message that passes in pieces.
    pieces: Option<Pieces>,
}

/// What becomes of a message that passes in pieces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pieces {
    AsTheyCome,
    /// Nothing goes on.
    Dropped,
    /// Uncompressed; whether its first frame was sent.
    Plain(bool),
}

/// A message as it is read.
pub(super) struct Read {
    pub(super) content: Content,
    /// Where it is too large to be held and cannot go on as it came: what comes behind that which was read.
    rest: Option<(Vec<u8>, Vec<u8>)>,
}

/// What is sent.
pub(super) struct Sent {
    pub(super) bytes: Vec<u8>,
    /// What is to be passed on next.
    pub(super) then: Option<Piece>,
}

impl Coding {
    /// `late`: compressed messages have passed unread.
    pub(super) fn new(side: Side, agreed: &Agreed, late: bool) -> Self {
        let window = agreed.window(side);
        let keeps = window.is_some_and(|window| window.keeps);
        let unreadable = (late && keeps).then(|| {
            "the WebSocket was opened before there was a rule for its messages, and their compression goes on from one to \
             the next: open it again"
                .to_owned()
        });
        Self {
            side,
            window,
            inflate: window.map(|_| Inflate::new()),
            unreadable,
            apart: false,
            pieces: None,
        }
    }

    /// Whether nothing of a message has gone on whose end has not.
    pub(super) fn is_between(&self) -> bool {
        self.pieces.is_none()
    }

    /// Whether a message that is compressed can be left out or changed: those after it may refer to it.
    pub(super) fn is_bound(&self, about: About) -> Option<&str> {
        let keeps = self.window.is_some_and(|window| window.keeps);
        self.unreadable
            .as_deref()
            .filter(|_| about.compressed && keeps)
    }

    /// Reads a message.
    pub(super) fn read(&mut self, whole: &mut Whole) -> Read {
        let seen = |content| Read {
            content,
            rest: None,
        };
        if !whole.about.compressed {
            return seen(Content::Held(std::mem::take(&mut whole.payload)));
        }
        let (Some(inflate), None) = (&mut self.inflate, &self.unreadable) else {
            let why = self.unreadable.clone();
            let why = why.unwrap_or_else(|| "it is compressed, which was not agreed".to_owned());
            return seen(Content::Unseen(why));
        };
        let mut content = Vec::new();
        let (mut over, mut done, apart) = (false, 0, self.apart);
        whole.payload.extend_from_slice(&TAIL);
        for step in whole.payload.chunks(STEP) {
            done += step.len();
            let fed = inflate.feed(step, |piece| {
                if !over || apart {
                    content.extend_from_slice(piece);
                }
                over |= content.len() > MOST_BODY;
            });
            if fed.is_err() {
                let why = "it is not valid deflate (RFC 7692)".to_owned();
                self.unreadable = Some(why.clone());
                return seen(Content::Unseen(why));
            }
            if over && apart {
                break;
            }
        }
        if !over {
            self.ends();
            return seen(Content::Held(content));
        }
        let rest = match apart {
            true => {
                let rest = whole.payload.split_off(done.min(whole.payload.len()));
                Some((content, rest))
            }
            false => {
                self.ends();
                None
            }
        };
        Read {
            content: Content::Unseen(format!(
                "it is larger than {} MiB when it is decompressed",
                MOST_BODY >> 20
            )),
            rest,
        }
    }

    /// A message goes on as it came.
    pub(super) fn as_it_came(&mut self, whole: Whole, content: Content, read: Rest) -> Sent {
        let about = whole.about;
        let alone = |bytes| Sent { bytes, then: None };
        if !(about.compressed && self.apart) {
            return alone(whole.wire);
        }
        match (content, read.0) {
            (Content::Held(content), _) => alone(self.framed(about, &content)),
            (Content::Unseen(_), Some((content, rest))) => {
                self.pieces = Some(Pieces::Plain(true));
                Sent {
                    bytes: self.frame(opcode(about), false, false, &content),
                    then: Some(Piece {
                        about,
                        first: false,
                        last: true,
                        tailed: true,
                        wire: Vec::new(),
                        payload: rest,
                    }),
                }
            }
            // the receiver cannot read it, as it could not have without us
            (Content::Unseen(_), None) => alone(whole.wire),
        }
    }

    /// Another message goes on in its place.
    pub(super) fn instead(&mut self, about: About, payload: &[u8]) -> Vec<u8> {
        self.parts(about);
        self.framed(about, payload)
    }

    /// A message does not go on.
    pub(super) fn dropped(&mut self, about: About, read: Rest) {
        self.parts(about);
        if let Some((_, rest)) = read.0 {
            self.skip(&rest);
            self.ends();
        }
    }

    /// What becomes of the message of which this is the first piece.
    pub(super) fn decide(&mut self, about: About, drop: bool) {
        self.pieces = Some(match drop {
            true => {
                self.parts(about);
                Pieces::Dropped
            }
            false if self.apart && about.compressed => Pieces::Plain(false),
            false => Pieces::AsTheyCome,
        });
    }

    /// Passes a piece on.
    pub(super) fn piece(&mut self, mut piece: Piece) -> Sent {
        let pieces = self.pieces.unwrap_or(Pieces::AsTheyCome);
        let about = piece.about;
        if piece.last && about.compressed && !std::mem::replace(&mut piece.tailed, true) {
            piece.payload.extend_from_slice(&TAIL);
        }
        let mut sent = Sent {
            bytes: Vec::new(),
            then: None,
        };
        match pieces {
            Pieces::AsTheyCome | Pieces::Dropped => {
                if about.compressed {
                    self.skip(&piece.payload);
                }
                if pieces == Pieces::AsTheyCome {
                    sent.bytes = std::mem::take(&mut piece.wire);
                }
            }
            Pieces::Plain(begun) => {
                let mut rest = piece.payload.split_off(piece.payload.len().min(STEP));
                let mut content = Vec::new();
                if let Some(inflate) = &mut self.inflate
                    && inflate
                        .feed(&piece.payload, |bytes| content.extend_from_slice(bytes))
                        .is_err()
                {
                    self.unreadable = Some("it is not valid deflate (RFC 7692)".to_owned());
                    rest.clear();
                }
                let last = piece.last && rest.is_empty();
                if last || !content.is_empty() {
                    let opcode = match begun {
                        true => CONTINUATION,
                        false => opcode(about),
                    };
                    sent.bytes = self.frame(opcode, last, false, &content);
                    self.pieces = Some(Pieces::Plain(true));
                }
                if !rest.is_empty() {
                    sent.then = Some(Piece {
                        first: false,
                        wire: Vec::new(),
                        payload: rest,
                        ..piece
                    });
                    return sent;
                }
            }
        }
        if piece.last {
            self.ends();
            self.pieces = None;
        }
        sent
    }

    /// Reads what is not kept, because what comes later may refer to it.
    fn skip(&mut self, payload: &[u8]) {
        if let (Some(inflate), None) = (&mut self.inflate, &self.unreadable)
            && inflate.feed(payload, |_| ()).is_err()
        {
            self.unreadable = Some("one before it is not valid deflate (RFC 7692)".to_owned());
        }
    }

    /// A message was read to its end.
    fn ends(&mut self) {
        if let (Some(inflate), Some(Window { keeps: false, .. })) = (&mut self.inflate, self.window)
        {
            inflate.forget();
        }
    }

    /// The receiver will not have seen this message.
    fn parts(&mut self, about: About) {
        let keeps = self.window.is_some_and(|window| window.keeps);
        self.apart |= about.compressed && keeps;
    }

    /// A whole message in one frame, compressed where the one that came was.
    fn framed(&self, about: About, payload: &[u8]) -> Vec<u8> {
        let window = self.window.filter(|_| about.compressed);
        let small = window.and_then(|window| deflated(payload, window));
        match small.filter(|small| small.len() < payload.len()) {
            Some(small) => self.frame(opcode(about), true, true, &small),
            None => self.frame(opcode(about), true, false, payload),
        }
    }

    fn frame(&self, opcode: u8, last: bool, compressed: bool, payload: &[u8]) -> Vec<u8> {
        // a client masks what it sends, with a key that nobody can guess (RFC 6455 section 5.3)
        let mask = match self.side {
            Side::Request => Some(rand::random()),
            Side::Response => None,
        };
        let header = Header {
            last,
            compressed,
            opcode,
            mask,
            payload: 0,
            size: 0,
        };
        frame::write(header, payload)
    }
}

/// See [`Read`]: what was read beyond what is held, and what was not read.
pub(super) struct Rest(Option<(Vec<u8>, Vec<u8>)>);

impl Read {
    pub(super) fn into_parts(self) -> (Content, Rest) {
        (self.content, Rest(self.rest))
    }
}

fn opcode(about: About) -> u8 {
    match about.text {
        true => TEXT,
        false => BINARY,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::websocket::{
        assemble::{Assembler, Unit},
        frame,
    };
    use flate2::{Compress, Compression, FlushCompress};
    use std::collections::VecDeque;

    /// A sender whose messages refer to those before them.
    struct Sender(Compress);

    impl Sender {
        fn frame(&mut self, message: &[u8]) -> Vec<u8> {
            let mut out = Vec::with_capacity(message.len() + message.len() / 100 + 1024);
            let done = self.0.compress_vec(message, &mut out, FlushCompress::Sync);
            done.unwrap_or_else(|error| panic!("{error}"));
            out.truncate(out.len() - TAIL.len());
            let header = Header {
                last: true,
                compressed: true,
                opcode: TEXT,
                mask: None,
                payload: 0,
                size: 0,
            };
            frame::write(header, &out)
        }
    }

    /// What a receiver reads out of frames that came.
    fn received(inflate: &mut Inflate, wire: &[u8]) -> Vec<Vec<u8>> {
        let (mut units, mut messages) = (VecDeque::new(), Vec::new());
        Assembler::at(0).feed(wire, true, &mut units, &mut Vec::new());
        for unit in units {
            let (compressed, payload) = match unit {
                Unit::Whole(whole) => (whole.about.compressed, whole.payload),
                Unit::Piece(piece) => {
                    // large ones are not compressed here
                    if piece.first {
                        messages.push(Vec::new());
                    }
                    if let Some(message) = messages.last_mut() {
                        message.extend(piece.payload);
                    }
                    continue;
                }
                Unit::Raw(_) => panic!("no message"),
            };
            let mut message = Vec::new();
            match compressed {
                false => message = payload,
                true => {
                    for bytes in [&payload[..], &TAIL] {
                        let fed = inflate.feed(bytes, |piece| message.extend_from_slice(piece));
                        assert!(fed.is_ok(), "it cannot be read");
                    }
                }
            }
            messages.push(message);
        }
        messages
    }

    /// What becomes of a message in a test.
    enum Fate {
        AsItCame,
        Changed(&'static [u8]),
        Dropped,
    }

    fn pass(coding: &mut Coding, frame: &[u8], fate: Fate) -> Vec<u8> {
        let mut units = VecDeque::new();
        Assembler::at(0).feed(frame, true, &mut units, &mut Vec::new());
        let mut wire = Vec::new();
        while let Some(unit) = units.pop_front() {
            let sent = match unit {
                Unit::Whole(mut whole) => {
                    let about = whole.about;
                    let (content, rest) = coding.read(&mut whole).into_parts();
                    match fate {
                        Fate::AsItCame => coding.as_it_came(whole, content, rest),
                        Fate::Changed(to) => Sent {
                            bytes: coding.instead(about, to),
                            then: None,
                        },
                        Fate::Dropped => {
                            coding.dropped(about, rest);
                            continue;
                        }
                    }
                }
                Unit::Piece(piece) => {
                    if piece.first {
                        coding.decide(piece.about, matches!(fate, Fate::Dropped));
                    }
                    coding.piece(piece)
                }
                Unit::Raw(_) => panic!("no message"),
            };
            wire.extend(sent.bytes);
            if let Some(piece) = sent.then {
                units.push_front(Unit::Piece(piece));
            }
        }
        wire
    }

    #[test]
    fn a_receiver_reads_everything_behind_what_was_changed_or_left_out() {
        let mut noise = vec![0_u8; MOST_BODY + 100_000];
        let mut seed = 1_u64;
        for byte in &mut noise {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            *byte = (seed >> 56) as u8;
        }
        let text = b"the same words again and again, the same words".repeat(20);
        let zeros = vec![0; MOST_BODY + 5000];
        let agreed = Agreed::read("permessage-deflate");
        let mut coding = Coding::new(Side::Response, &agreed, false);
        let mut sender = Sender(Compress::new(Compression::default(), false));
        let mut inflate = Inflate::new();
        let mut go = |message: &[u8], fate| {
            let frame = sender.frame(message);
            let wire = pass(&mut coding, &frame, fate);
            (frame == wire, received(&mut inflate, &wire))
        };
        // as long as all goes on as it came, it is the same bytes
        for message in [&text, &text, &zeros, &noise] {
            assert!(go(message, Fate::AsItCame).0);
        }
        assert_eq!(go(&text, Fate::Changed(b"other")).1, [b"other"]);
        for _ in 0..2 {
            let (same, read) = go(&text, Fate::AsItCame);
            assert!(!same && read == [text.clone()]);
            assert!(go(&text, Fate::Dropped).1.is_empty());
            assert!(go(&zeros, Fate::Dropped).1.is_empty());
            assert!(go(&noise, Fate::Dropped).1.is_empty());
            assert!(go(&zeros, Fate::AsItCame).1 == [zeros.clone()]);
            assert!(go(&noise, Fate::AsItCame).1 == [noise.clone()]);
        }
    }

    #[test]
    fn messages_that_stand_for_themselves_stay_as_they_came() {
        let agreed = Agreed::read("permessage-deflate; server_no_context_takeover");
        let mut coding = Coding::new(Side::Response, &agreed, false);
        let mut inflate = Inflate::new();
        for (fate, same) in [
            (Fate::AsItCame, true),
            (Fate::Changed(b"x"), false),
            (Fate::AsItCame, true),
            (Fate::Dropped, false),
            (Fate::AsItCame, true),
        ] {
            let frame = Sender(Compress::new(Compression::default(), false)).frame(b"hello hello");
            let wire = pass(&mut coding, &frame, fate);
            assert_eq!(wire == frame, same);
            received(&mut inflate, &wire);
        }
    }
}
