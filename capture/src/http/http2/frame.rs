//! Frames of HTTP/2, RFC 9113 section 4.1, of one direction, and the field blocks that lie in them.

use std::mem;

/// What a client begins with, RFC 9113 section 3.4.
pub(super) const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

const HEADER: usize = 9;
/// A field block that is longer, with its continuations, is not read.
const LONGEST_BLOCK: usize = 256 << 10;
/// Of GOAWAY's debug data so much is kept.
const LONGEST_DEBUG: usize = 200;
/// An identifier and a value.
const SETTING: usize = 6;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const PRIORITY: u8 = 2;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PUSH_PROMISE: u8 = 5;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;

const END_STREAM: u8 = 1;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;
const PADDED: u8 = 8;
const PRIORITIZED: u8 = 0x20;

/// What was read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Frame<'a> {
    /// A piece of a DATA frame's content; the last one of a message ends it.
    Data {
        stream: u32,
        bytes: &'a [u8],
        ends: bool,
    },
    /// HEADERS with all of its continuations.
    Fields {
        stream: u32,
        block: Vec<u8>,
        ends: bool,
    },
    /// PUSH_PROMISE with all of its continuations.
    Promise {
        promised: u32,
        block: Vec<u8>,
    },
    Reset {
        stream: u32,
        code: u32,
    },
    GoAway {
        last: u32,
        code: u32,
        debug: Vec<u8>,
    },
}

/// Reads one direction, however its bytes are cut. Keeps less than one field block.
#[derive(Debug, Default)]
pub(super) struct Frames {
    state: State,
    /// The beginning of a header, or of a payload that is wanted whole.
    kept: Vec<u8>,
    block: Option<Block>,
}

#[derive(Debug, Default)]
enum State {
    /// The client's preface is still to come.
    Preface,
    #[default]
    Header,
    /// A DATA frame whose length of padding is to come.
    Padding(Header),
    /// So many bytes of content and of padding are left.
    Data {
        stream: u32,
        content: usize,
        padding: usize,
        ends: bool,
    },
    /// A payload that is wanted whole.
    Payload(Header),
    /// So many bytes are of no interest.
    Skip(usize),
}

/// What was skipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Skipped {
    /// The stream whose content it was.
    pub(super) stream: Option<u32>,
    /// That message's end was among it.
    pub(super) ends: bool,
}

/// A field block that goes on.
#[derive(Debug)]
struct Block {
    stream: u32,
    promised: Option<u32>,
    bytes: Vec<u8>,
    ends: bool,
}

/// The nine bytes before a payload.
#[derive(Debug, Clone, Copy)]
struct Header {
    length: usize,
    kind: u8,
    flags: u8,
    stream: u32,
}

impl Header {
    fn read(bytes: &[u8; HEADER]) -> Self {
        let [a, b, c, kind, flags, w, x, y, z] = *bytes;
        Self {
            length: u32::from_be_bytes([0, a, b, c]) as usize,
            kind,
            flags,
            stream: u32::from_be_bytes([w, x, y, z]) & 0x7fff_ffff,
        }
    }

    fn has(self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// What a frame of that kind cannot be.
    fn check(self) -> Result<(), &'static str> {
        match (self.kind, self.length, self.stream) {
            (DATA | HEADERS | PRIORITY | RST_STREAM | PUSH_PROMISE | CONTINUATION, _, 0) => {
                Err("a frame that belongs to a stream names none")
            }
            (SETTINGS | PING | GOAWAY, _, 1..) => {
                Err("a frame that belongs to the connection names a stream")
            }
            (RST_STREAM | WINDOW_UPDATE, length, _) if length != 4 => Err(LENGTH),
            (PRIORITY, length, _) if length != 5 => Err(LENGTH),
            (PING, length, _) if length != 8 => Err(LENGTH),
            (SETTINGS, length, _) if length % SETTING != 0 => Err(LENGTH),
            (GOAWAY, length, _) if length < 8 => Err(LENGTH),
            (HEADERS | PUSH_PROMISE | CONTINUATION, length, _) if length > LONGEST_BLOCK => {
                Err(TOO_LONG)
            }
            _ => Ok(()),
        }
    }
}

const LENGTH: &str = "a frame has a length that its kind cannot have";
const TOO_LONG: &str = "a field block is longer than 256 KiB";
const PADDING: &str = "a frame's padding is longer than the frame";

impl Frames {
    /// A client's direction, which begins with the preface.
    pub(super) fn client() -> Self {
        Self {
            state: State::Preface,
            ..Self::default()
        }
    }

    /// Bytes are missing: none when it cannot be read on, because a frame's beginning or a field block may be among
    /// them.
    pub(super) fn skip(&mut self, missing: u64) -> Option<Skipped> {
        let missing = usize::try_from(missing).ok()?;
        match self.state {
            State::Data {
                stream,
                content,
                padding,
                ends,
            } => {
                let content = content.checked_sub(missing)?;
                self.state = State::Data {
                    stream,
                    content,
                    padding,
                    ends,
                };
                if content == 0 {
                    self.data(stream, &[], ends);
                }
                Some(Skipped {
                    stream: Some(stream),
                    ends: content == 0 && ends,
                })
            }
            State::Skip(left) => {
                self.state = match left.checked_sub(missing)? {
                    0 => State::Header,
                    left => State::Skip(left),
                };
                Some(Skipped {
                    stream: None,
                    ends: false,
                })
            }
            _ => None,
        }
    }

    /// Takes bytes from the beginning of `bytes` until something was read.
    pub(super) fn next<'a>(
        &mut self,
        bytes: &mut &'a [u8],
    ) -> Result<Option<Frame<'a>>, &'static str> {
        loop {
            match self.state {
                State::Preface => {
                    let Some(preface) = self.whole(bytes, PREFACE.len()) else {
                        return Ok(None);
                    };
                    if preface != PREFACE {
                        return Err("the client did not begin with the preface");
                    }
                    self.state = State::Header;
                }
                State::Header => {
                    let Some(header) = self.whole(bytes, HEADER) else {
                        return Ok(None);
                    };
                    let header = header.first_chunk().map(Header::read).ok_or(LENGTH)?;
                    header.check()?;
                    self.begin(header)?;
                }
                State::Padding(header) => {
                    let Some(length) = self.whole(bytes, 1) else {
                        return Ok(None);
                    };
                    let padding = usize::from(length.first().copied().unwrap_or_default());
                    let content = (header.length - 1).checked_sub(padding).ok_or(PADDING)?;
                    self.state = State::Data {
                        stream: header.stream,
                        content,
                        padding,
                        ends: header.has(END_STREAM),
                    };
                    if content == 0 {
                        return Ok(Some(self.data(header.stream, &[], header.has(END_STREAM))));
                    }
                }
                State::Data {
                    stream,
                    content,
                    padding,
                    ends,
                } => {
                    let (taken, rest) = bytes.split_at(content.min(bytes.len()));
                    if taken.is_empty() {
                        return Ok(None);
                    }
                    *bytes = rest;
                    let left = content - taken.len();
                    self.state = State::Data {
                        stream,
                        content: left,
                        padding,
                        ends,
                    };
                    let is_last = left == 0 && ends;
                    return Ok(Some(match left {
                        0 => self.data(stream, taken, is_last),
                        _ => Frame::Data {
                            stream,
                            bytes: taken,
                            ends: false,
                        },
                    }));
                }
                State::Payload(header) => {
                    let Some(payload) = self.whole(bytes, header.length) else {
                        return Ok(None);
                    };
                    self.state = State::Header;
                    if let Some(frame) = self.payload(header, payload)? {
                        return Ok(Some(frame));
                    }
                }
                State::Skip(left) => {
                    let (taken, rest) = bytes.split_at(left.min(bytes.len()));
                    *bytes = rest;
                    let left = left - taken.len();
                    if left > 0 {
                        self.state = State::Skip(left);
                        return Ok(None);
                    }
                    self.state = State::Header;
                }
            }
        }
    }

    /// The content of a DATA frame is at its end; what is left of it is padding.
    fn data<'a>(&mut self, stream: u32, bytes: &'a [u8], ends: bool) -> Frame<'a> {
        let padding = match self.state {
            State::Data { padding, .. } => padding,
            _ => 0,
        };
        self.state = match padding {
            0 => State::Header,
            padding => State::Skip(padding),
        };
        Frame::Data {
            stream,
            bytes,
            ends,
        }
    }

    /// What a frame's header asks for.
    fn begin(&mut self, header: Header) -> Result<(), &'static str> {
        if let Some(block) = &self.block
            && (header.kind, header.stream) != (CONTINUATION, block.stream)
        {
            return Err("a field block is interrupted by another frame");
        }
        self.state = match header.kind {
            DATA if header.has(PADDED) => {
                if header.length == 0 {
                    return Err(PADDING);
                }
                State::Padding(header)
            }
            DATA if header.length == 0 => State::Payload(header),
            DATA => State::Data {
                stream: header.stream,
                content: header.length,
                padding: 0,
                ends: header.has(END_STREAM),
            },
            HEADERS | PUSH_PROMISE | RST_STREAM => State::Payload(header),
            CONTINUATION if self.block.is_some() => State::Payload(header),
            CONTINUATION => return Err("a field block goes on that did not begin"),
            GOAWAY if header.length <= LONGEST_BLOCK => State::Payload(header),
            _ if header.length == 0 => State::Header,
            // unknown kinds are ignored, section 4.1; what SETTINGS allow does not change what was sent
            _ => State::Skip(header.length),
        };
        Ok(())
    }

    /// A payload that is whole.
    fn payload<'a>(
        &mut self,
        header: Header,
        payload: Vec<u8>,
    ) -> Result<Option<Frame<'a>>, &'static str> {
        let stream = header.stream;
        let ends = header.has(END_STREAM);
        match header.kind {
            DATA => Ok(Some(Frame::Data {
                stream,
                bytes: &[],
                ends,
            })),
            RST_STREAM => Ok(Some(Frame::Reset {
                stream,
                code: word(&payload, 0).ok_or(LENGTH)?,
            })),
            GOAWAY => Ok(Some(Frame::GoAway {
                last: word(&payload, 0).ok_or(LENGTH)? & 0x7fff_ffff,
                code: word(&payload, 4).ok_or(LENGTH)?,
                debug: payload.into_iter().skip(8).take(LONGEST_DEBUG).collect(),
            })),
            CONTINUATION => {
                let Some(mut block) = self.block.take() else {
                    return Ok(None);
                };
                if block.bytes.len() + payload.len() > LONGEST_BLOCK {
                    return Err(TOO_LONG);
                }
                block.bytes.extend_from_slice(&payload);
                Ok(self.block(block, header.has(END_HEADERS)))
            }
            _ => {
                let mut rest = payload.as_slice();
                if header.has(PADDED) {
                    let (padding, after) = rest.split_first().ok_or(PADDING)?;
                    let length = after.len().checked_sub(usize::from(*padding));
                    rest = length.and_then(|l| after.get(..l)).ok_or(PADDING)?;
                }
                let mut promised = None;
                if header.kind == PUSH_PROMISE {
                    promised = Some(word(rest, 0).ok_or(LENGTH)? & 0x7fff_ffff);
                    rest = rest.get(4..).unwrap_or_default();
                } else if header.has(PRIORITIZED) {
                    rest = rest.get(5..).ok_or(LENGTH)?;
                }
                let block = Block {
                    stream,
                    promised,
                    bytes: rest.to_vec(),
                    ends: ends && promised.is_none(),
                };
                Ok(self.block(block, header.has(END_HEADERS)))
            }
        }
    }

    fn block<'a>(&mut self, block: Block, is_whole: bool) -> Option<Frame<'a>> {
        if !is_whole {
            self.block = Some(block);
            return None;
        }
        let Block {
            stream,
            promised,
            bytes,
            ends,
        } = block;
        Some(match promised {
            Some(promised) => Frame::Promise {
                promised,
                block: bytes,
            },
            None => Frame::Fields {
                stream,
                block: bytes,
                ends,
            },
        })
    }

    /// So many bytes at once, as soon as they are there.
    fn whole(&mut self, bytes: &mut &[u8], length: usize) -> Option<Vec<u8>> {
        let missing = length.saturating_sub(self.kept.len());
        let (taken, rest) = bytes.split_at(missing.min(bytes.len()));
        *bytes = rest;
        self.kept.extend_from_slice(taken);
        (self.kept.len() >= length).then(|| mem::take(&mut self.kept))
    }
}

/// Whether these may be the first bytes of an HTTP/2 client. `None`: more are needed.
pub fn begins_like_preface(bytes: &[u8]) -> Option<bool> {
    let common = bytes.len().min(PREFACE.len());
    match bytes.get(..common) == PREFACE.get(..common) {
        true if common == PREFACE.len() => Some(true),
        true => None,
        false => Some(false),
    }
}

/// Whether these may be the first bytes of an HTTP/2 server, which begins with SETTINGS.
pub fn begins_like_settings(bytes: &[u8]) -> bool {
    let Some(header) = bytes.first_chunk::<HEADER>().map(Header::read) else {
        return false;
    };
    let known = header.kind == SETTINGS && header.flags == 0 && header.stream == 0;
    known && header.length % SETTING == 0 && header.length <= 32 * SETTING
}

/// Whether these bytes are frames of HTTP/2, as a piece from the middle of a connection often is: one that fills it, or more
/// of them whose last may go on.
pub fn is_frames(mut bytes: &[u8]) -> bool {
    let mut count = 0;
    while let Some((header, rest)) = bytes.split_first_chunk::<HEADER>() {
        let header = Header::read(header);
        let flags = match header.kind {
            DATA => END_STREAM | PADDED,
            HEADERS => END_STREAM | END_HEADERS | PADDED | PRIORITIZED,
            SETTINGS | PING => ACK,
            PUSH_PROMISE => END_HEADERS | PADDED,
            CONTINUATION => END_HEADERS,
            PRIORITY | RST_STREAM | GOAWAY | WINDOW_UPDATE => 0,
            _ => return false,
        };
        if header.check().is_err() || header.flags & !flags != 0 {
            return false;
        }
        count += 1;
        let Some(rest) = rest.get(header.length..) else {
            return count > 1;
        };
        bytes = rest;
    }
    count > usize::from(!bytes.is_empty())
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..)?.first_chunk()?;
    Some(u32::from_be_bytes(*bytes))
}
