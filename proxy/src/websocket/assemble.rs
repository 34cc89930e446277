//! Messages out of frames: bytes in, messages out, RFC 6455 section 5.4.

use super::frame::{self, Begins, CLOSE, CONTINUATION, Header, LONGEST, TEXT};
use crate::intercept::MOST_BODY;
use std::collections::VecDeque;

/// What is to be passed on, in its turn.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unit {
    /// A message that is there whole.
    Whole(Whole),
    /// Some of one that is too large to be held.
    Piece(Piece),
    /// As it came.
    Raw(Vec<u8>),
}

/// What a message says at its beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct About {
    /// Where it begins, in bytes from the beginning of its direction.
    pub(super) offset: u64,
    pub(super) text: bool,
    pub(super) compressed: bool,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Whole {
    pub(super) about: About,
    /// Bytes from its beginning to its end, control frames between included.
    pub(super) length: u64,
    /// Its frames as they came.
    pub(super) wire: Vec<u8>,
    /// Without frames and mask; compression is still there.
    pub(super) payload: Vec<u8>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) about: About,
    pub(super) first: bool,
    pub(super) last: bool,
    /// What RFC 7692 takes away from the end of a message has been put back.
    pub(super) tailed: bool,
    pub(super) wire: Vec<u8>,
    pub(super) payload: Vec<u8>,
}

impl Unit {
    /// Bytes that it holds.
    pub(super) fn size(&self) -> usize {
        match self {
            Self::Whole(whole) => whole.wire.len(),
            Self::Piece(piece) => piece.wire.len(),
            Self::Raw(bytes) => bytes.len(),
        }
    }
}

/// One direction.
#[derive(Debug, Default)]
pub(super) struct Assembler {
    /// Bytes that were taken, from the beginning of the direction.
    position: u64,
    /// A frame's header as far as it came, or a control frame.
    head: Vec<u8>,
    /// The data frame that is going on, and how much of its payload came.
    frame: Option<(Header, u64)>,
    message: Option<Message>,
    /// It is no WebSocket (any more): all passes as it comes.
    unknown: bool,
    /// A close frame came.
    closed: bool,
}

#[derive(Debug)]
struct Message {
    about: About,
    wire: Vec<u8>,
    payload: Vec<u8>,
    /// It is given out in pieces.
    large: bool,
    begun: bool,
}

impl Assembler {
    /// Begins at a border between messages.
    pub(super) fn at(position: u64) -> Self {
        Self {
            position,
            ..Self::default()
        }
    }

    /// Takes bytes. Pings and pongs come out at once, in `control`, where they may `overtake`: not while a message
    /// is passed on in pieces, which may end within a frame; then they stand in `units`, before the message that is still
    /// held. Everything else comes in its order, in `units`.
    pub(super) fn feed(
        &mut self,
        mut bytes: &[u8],
        overtake: bool,
        units: &mut VecDeque<Unit>,
        control: &mut Vec<u8>,
    ) {
        while !bytes.is_empty() {
            if self.unknown {
                return units.push_back(Unit::Raw(bytes.to_vec()));
            }
            let taken = match self.frame {
                Some((header, came)) => self.payload(header, came, bytes, units),
                None => self.header(bytes, overtake, units, control),
            };
            self.position += taken as u64;
            bytes = bytes.get(taken..).unwrap_or_default();
            if self
                .frame
                .is_some_and(|(header, came)| came == header.payload)
            {
                self.frame_ends(units);
            }
        }
        if let Some(message) = self.message.as_mut().filter(|message| message.large) {
            units.extend(message.piece(false).map(Unit::Piece));
        }
    }

    /// Whether its sender has sent a close frame: no message follows.
    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    /// Whether what comes cannot be told apart, and passes as it comes.
    pub(super) fn is_lost(&self) -> bool {
        self.unknown && !self.closed
    }

    /// The border behind the last whole message, in bytes from the beginning of the direction; control frames behind it are
    /// before the border, too.
    pub(super) fn border(&self) -> u64 {
        match &self.message {
            Some(message) => message.about.offset,
            None => self.position - self.head.len() as u64,
        }
    }

    /// What is left at the end of the direction: a message that is not whole.
    pub(super) fn rest(&mut self) -> Vec<u8> {
        let mut rest = self.message.take().map(|message| message.wire);
        let rest = rest.get_or_insert_default();
        rest.append(&mut self.head);
        std::mem::take(rest)
    }

    /// Takes payload of a data frame.
    fn payload(
        &mut self,
        header: Header,
        came: u64,
        bytes: &[u8],
        units: &mut VecDeque<Unit>,
    ) -> usize {
        let left = usize::try_from(header.payload - came).unwrap_or(usize::MAX);
        let bytes = bytes.get(..left).unwrap_or(bytes);
        if let Some(message) = &mut self.message {
            message.wire.extend_from_slice(bytes);
            let begin = message.payload.len();
            message.payload.extend_from_slice(bytes);
            if let (Some(key), Some(new)) = (header.mask, message.payload.get_mut(begin..)) {
                frame::mask(new, key, came);
            }
            if message.wire.len() > MOST_BODY {
                message.large = true;
                units.extend(message.piece(false).map(Unit::Piece));
            }
        }
        self.frame = Some((header, came + bytes.len() as u64));
        bytes.len()
    }

    /// Takes bytes of a header, and all of a control frame.
    fn header(
        &mut self,
        bytes: &[u8],
        overtake: bool,
        units: &mut VecDeque<Unit>,
        control: &mut Vec<u8>,
    ) -> usize {
        let before = self.head.len();
        // all of a control frame that came is looked at, and of others no more than a header
        let most = LONGEST + 125 - before.min(LONGEST + 125);
        self.head
            .extend_from_slice(bytes.get(..most).unwrap_or(bytes));
        let header = match frame::begins(&self.head) {
            Begins::Frame(header) => header,
            Begins::More => return self.head.len() - before,
            Begins::Unknown => return self.give_up(before, units),
        };
        if header.is_control() {
            // at most 125, as `begins` sees to
            let size = header.size + header.payload as usize;
            if self.head.len() < size {
                return self.head.len() - before;
            }
            self.head.truncate(size);
            let frame = std::mem::take(&mut self.head);
            let large = !overtake
                || self.message.as_ref().is_some_and(|message| message.large)
                || units.iter().any(|unit| matches!(unit, Unit::Piece(_)));
            match header.opcode {
                CLOSE => {
                    // nothing follows: what is not whole never will be
                    let message = self.message.take();
                    units.extend(message.map(|message| Unit::Raw(message.wire)));
                    self.unknown = true;
                    self.closed = true;
                    units.push_back(Unit::Raw(frame));
                }
                _ if large => {
                    // of a message that passes in pieces, what came before it; one that is held whole is overtaken
                    if let Some(message) = self.message.as_mut().filter(|message| message.large) {
                        units.extend(message.piece(false).map(Unit::Piece));
                    }
                    units.push_back(Unit::Raw(frame));
                }
                _ => control.extend_from_slice(&frame),
            }
            return size - before;
        }
        let begins = self.message.is_none();
        if begins == (header.opcode == CONTINUATION) || (!begins && header.compressed) {
            return self.give_up(before, units);
        }
        self.head.truncate(header.size);
        let message = self.message.get_or_insert_with(|| Message {
            about: About {
                offset: self.position - before as u64,
                text: header.opcode == TEXT,
                compressed: header.compressed,
            },
            wire: Vec::new(),
            payload: Vec::new(),
            large: false,
            begun: false,
        });
        message.wire.append(&mut self.head);
        self.frame = Some((header, 0));
        header.size - before
    }

    fn frame_ends(&mut self, units: &mut VecDeque<Unit>) {
        let ended = self.frame.take();
        if !ended.is_some_and(|(header, _)| header.last) {
            return;
        }
        let Some(mut message) = self.message.take() else {
            return;
        };
        units.extend(match message.large {
            true => message.piece(true).map(Unit::Piece),
            false => Some(Unit::Whole(Whole {
                about: message.about,
                length: self.position - message.about.offset,
                wire: message.wire,
                payload: message.payload,
            })),
        });
    }

    /// From here on nothing is known: what was held goes on as it came. `before`: how much of the head was there
    /// before the bytes that are looked at.
    fn give_up(&mut self, before: usize, units: &mut VecDeque<Unit>) -> usize {
        self.unknown = true;
        self.head.truncate(before);
        let rest = self.rest();
        if !rest.is_empty() {
            units.push_back(Unit::Raw(rest));
        }
        0
    }
}

impl Message {
    /// Gives out what came.
    fn piece(&mut self, last: bool) -> Option<Piece> {
        if self.wire.is_empty() && !last {
            return None;
        }
        Some(Piece {
            about: self.about,
            first: !std::mem::replace(&mut self.begun, true),
            last,
            tailed: false,
            wire: std::mem::take(&mut self.wire),
            payload: std::mem::take(&mut self.payload),
        })
    }
}

/// Walks over frames without looking into them: where messages end.
#[derive(Debug, Default)]
pub(super) struct Walker {
    position: u64,
    head: Vec<u8>,
    /// Of the payload that is going on, what is still to come.
    left: u64,
    within: bool,
    /// Messages that were compressed have passed.
    pub(super) compressed: bool,
    unknown: bool,
    /// A close frame came.
    closed: bool,
}

impl Walker {
    /// Whether a message may begin here.
    pub(super) fn is_between(&self) -> bool {
        !self.unknown && self.left == 0 && !self.within && self.head.is_empty()
    }

    /// Whether its sender has sent a close frame: no message follows.
    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    /// Whether what comes cannot be told apart.
    pub(super) fn is_lost(&self) -> bool {
        self.unknown && !self.closed
    }

    /// Bytes that were walked over.
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    /// Walks on, with `stop` no farther than to the first border between messages; gives how many bytes that were.
    pub(super) fn walk(&mut self, bytes: &[u8], stop: bool) -> usize {
        let mut at = 0;
        while at < bytes.len() && !self.unknown && !(stop && self.is_between()) {
            let rest = bytes.get(at..).unwrap_or_default();
            if self.left > 0 {
                let step =
                    usize::try_from(self.left).map_or(rest.len(), |left| left.min(rest.len()));
                self.left -= step as u64;
                at += step;
                continue;
            }
            let before = self.head.len();
            let more = rest.len().min(LONGEST - before.min(LONGEST));
            self.head
                .extend_from_slice(rest.get(..more).unwrap_or_default());
            match frame::begins(&self.head) {
                Begins::More => at += more,
                Begins::Unknown => self.unknown = true,
                Begins::Frame(header) => {
                    at += header.size.saturating_sub(before);
                    self.head.clear();
                    self.left = header.payload;
                    self.closed |= header.opcode == CLOSE;
                    if !header.is_control() {
                        self.within = !header.last;
                        self.compressed |= header.compressed;
                    }
                }
            }
        }
        if self.unknown {
            at = bytes.len();
        }
        self.position += at as u64;
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(last: bool, opcode: u8, payload: &[u8]) -> Vec<u8> {
        let header = Header {
            last,
            compressed: false,
            opcode,
            mask: Some([9, 8, 7, 6]),
            payload: 0,
            size: 0,
        };
        frame::write(header, payload)
    }

    fn fed(bytes: &[u8], step: usize) -> (Vec<Unit>, Vec<u8>, Assembler) {
        let mut assembler = Assembler::at(0);
        let (mut units, mut control) = (VecDeque::new(), Vec::new());
        for piece in bytes.chunks(step) {
            assembler.feed(piece, true, &mut units, &mut control);
        }
        (units.into(), control, assembler)
    }

    #[test]
    fn messages_are_put_together_and_pings_overtake() {
        let ping = frame(true, 9, b"ping");
        let parts = [
            frame(false, 1, b"a fragmented "),
            ping.clone(),
            frame(true, 0, b"text"),
        ];
        let (fragmented, binary) = (parts.concat(), frame(true, 2, &[7; 300]));
        let close = frame(true, 8, b"\x03\xe8");
        let all = [&fragmented[..], &binary, &close, b"behind"].concat();
        for step in [1, 2, 3, 7, 100, 1000] {
            let (units, control, _) = fed(&all, step);
            assert_eq!(control, ping);
            let mut units = units.into_iter();
            let expected = Whole {
                about: About {
                    offset: 0,
                    text: true,
                    compressed: false,
                },
                length: fragmented.len() as u64,
                wire: [&parts[0][..], &parts[2]].concat(),
                payload: b"a fragmented text".to_vec(),
            };
            assert_eq!(units.next(), Some(Unit::Whole(expected)), "{step}");
            let Some(Unit::Whole(second)) = units.next() else {
                panic!("no second message");
            };
            assert_eq!(second.about.offset, fragmented.len() as u64);
            assert_eq!(
                (second.wire, second.payload),
                (binary.clone(), vec![7; 300])
            );
            let rest: Vec<u8> = units
                .flat_map(|unit| match unit {
                    Unit::Raw(bytes) => bytes,
                    other => panic!("{other:?}"),
                })
                .collect();
            assert_eq!(rest, [&close[..], b"behind"].concat());
        }
    }

    #[test]
    fn a_message_stays_whole_around_a_ping_that_may_not_overtake() {
        let ping = frame(true, 9, b"ping");
        let (first, second) = (frame(false, 1, b"in two "), frame(true, 0, b"parts"));
        let bytes = [&first[..], &ping, &second].concat();
        for step in [1, 5, 1000] {
            let mut assembler = Assembler::at(0);
            let (mut units, mut control) = (VecDeque::new(), Vec::new());
            for piece in bytes.chunks(step) {
                assembler.feed(piece, false, &mut units, &mut control);
            }
            assert!(control.is_empty());
            assert_eq!(units.pop_front(), Some(Unit::Raw(ping.clone())));
            let Some(Unit::Whole(whole)) = units.pop_front() else {
                panic!("the message is no whole one");
            };
            assert_eq!(whole.payload, b"in two parts");
            assert_eq!(whole.wire, [&first[..], &second].concat());
            assert!(units.is_empty());
        }
    }

    #[test]
    fn what_is_no_websocket_passes_as_it_comes() {
        let begun = frame(false, 1, b"begun");
        for odd in [&b"\xb1\x00odd"[..], b"\x81\x00odd", b"\x70rest"] {
            let bytes = [&begun[..], odd].concat();
            for step in [1, 4, 100] {
                let (units, control, mut assembler) = fed(&bytes, step);
                assert!(control.is_empty());
                let mut all: Vec<u8> = units
                    .into_iter()
                    .flat_map(|unit| match unit {
                        Unit::Raw(bytes) => bytes,
                        other => panic!("{other:?}"),
                    })
                    .collect();
                all.extend(assembler.rest());
                assert_eq!(all, bytes);
            }
        }
    }

    #[test]
    fn too_large_a_message_comes_in_pieces() {
        let payload = vec![3; MOST_BODY + 100_000];
        let bytes = [
            frame(false, 2, &payload[..1000]),
            frame(true, 0, &payload[1000..]),
        ]
        .concat();
        let (units, _, _) = fed(&bytes, 60_000);
        let (mut wire, mut content, count) = (Vec::new(), Vec::new(), units.len());
        assert!(count > 1);
        for (at, unit) in units.into_iter().enumerate() {
            let Unit::Piece(piece) = unit else {
                panic!("no piece");
            };
            assert_eq!((piece.first, piece.last), (at == 0, at == count - 1));
            wire.extend(piece.wire);
            content.extend(piece.payload);
        }
        assert!(wire == bytes && content == payload);
    }

    #[test]
    fn a_walker_finds_the_borders() {
        let parts = [
            frame(false, 1, b"one"),
            frame(true, 9, b""),
            frame(true, 0, &[1; 200]),
            frame(true, 2, b"two"),
        ];
        let bytes = parts.concat();
        let border = bytes.len() - parts[3].len();
        for step in [1, 3, 50, 1000] {
            let mut walker = Walker::default();
            let mut borders = Vec::new();
            for piece in bytes.chunks(step) {
                let mut rest = piece;
                while !rest.is_empty() {
                    // a step over the border where it stands
                    let over = walker.is_between().then(|| walker.walk(&rest[..1], false));
                    rest = &rest[over.unwrap_or(0)..];
                    let walked = walker.walk(rest, true);
                    rest = &rest[walked..];
                    if walker.is_between() {
                        borders.push(walker.position() as usize);
                    }
                }
            }
            assert_eq!(borders, [border, bytes.len()], "{step}");
        }
        let mut walker = Walker::default();
        assert_eq!(walker.walk(b"\xff\xffodd", false), 5);
        assert!(!walker.is_between());
    }
}
