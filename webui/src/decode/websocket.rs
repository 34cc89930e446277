//! The messages of a WebSocket: frames are read out of the recorded bytes (RFC 6455 section 5.2), put together to messages,
//! and inflated where that was agreed (RFC 7692).

mod faults;

use faults::Faults;
use flate2::{Decompress, FlushDecompress, Status};
use overhear_store::Side;

/// The largest message that is given; it has to be in memory.
const MOST: usize = 16 << 20;

/// What ends each compressed message and is not sent, RFC 7692 section 7.2.1.
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];

/// A message, or a control frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// What it is, RFC 6455 section 11.8: 1 a text, 2 binary, 8 close, 9 ping, 10 pong.
    pub opcode: u8,
    /// Its payload, unmasked and inflated.
    pub data: Vec<u8>,
    /// How it breaks the protocol; empty where it does not.
    pub wrong: String,
}

impl Message {
    /// Whether it is a text.
    pub fn is_text(&self) -> bool {
        self.opcode == 1
    }

    /// What it is, in a word; none of a text, which shows itself.
    pub fn name(&self) -> &'static str {
        match self.opcode {
            1 => "",
            2 => "binary",
            8 => "close",
            9 => "ping",
            10 => "pong",
            _ => "unknown",
        }
    }
}

/// Both directions of a WebSocket: pieces in, messages out.
pub struct Messages {
    client: Direction,
    server: Direction,
}

impl Messages {
    /// Of a connection for which the server agreed on these extensions (the value of its `Sec-WebSocket-Extensions`).
    pub fn new(extensions: &str) -> Self {
        let agreed = Agreed::read(extensions);
        Self {
            client: Direction::new(
                Side::Request,
                agreed.as_ref().map(|agreed| agreed.client_keeps),
            ),
            server: Direction::new(
                Side::Response,
                agreed.as_ref().map(|agreed| agreed.server_keeps),
            ),
        }
    }

    /// The messages that a piece completes.
    ///
    /// # Errors
    /// In words for a person: what follows cannot be told apart.
    pub fn take(&mut self, side: Side, piece: &[u8]) -> Result<Vec<Message>, String> {
        let direction = match side {
            Side::Request => &mut self.client,
            Side::Response => &mut self.server,
        };
        direction.waiting.extend_from_slice(piece);
        let mut found = Vec::new();
        while let Some((opcode, data)) = direction.next()? {
            direction.faults.message(opcode, &data);
            let wrong = direction.faults.take();
            found.push(Message {
                opcode,
                data,
                wrong,
            });
        }
        Ok(found)
    }

    /// Whether bytes are left that are no whole message.
    pub fn cut(&self) -> bool {
        [&self.client, &self.server]
            .iter()
            .any(|side| !side.waiting.is_empty() || side.opcode.is_some())
    }
}

/// permessage-deflate, RFC 7692 section 7.1: whether each side's compressor goes on from message to message.
#[derive(Debug, PartialEq, Eq)]
struct Agreed {
    client_keeps: bool,
    server_keeps: bool,
}

impl Agreed {
    fn read(extensions: &str) -> Option<Self> {
        let mut offered = extensions.split(',');
        offered.find_map(|extension| {
            let mut parts = extension.split(';').map(str::trim);
            let name = parts.next()?;
            name.eq_ignore_ascii_case("permessage-deflate").then(|| {
                let parts: Vec<_> = parts.collect();
                let keeps = |name| !parts.iter().any(|part| part.eq_ignore_ascii_case(name));
                Self {
                    client_keeps: keeps("client_no_context_takeover"),
                    server_keeps: keeps("server_no_context_takeover"),
                }
            })
        })
    }
}

/// What one side sends.
struct Direction {
    waiting: Vec<u8>,
    /// The message that is not at its end: its opcode and whether it is compressed.
    opcode: Option<(u8, bool)>,
    message: Vec<u8>,
    inflate: Option<Decompress>,
    /// The inflater goes on with the next message.
    keeps: bool,
    faults: Faults,
}

impl Direction {
    fn new(side: Side, deflate: Option<bool>) -> Self {
        Self {
            faults: Faults::new(side, deflate.is_some()),
            waiting: Vec::new(),
            opcode: None,
            message: Vec::new(),
            inflate: deflate.map(|_| Decompress::new(false)),
            keeps: deflate.unwrap_or(false),
        }
    }

    /// The next message that is there whole, or a control frame: opcode and payload.
    fn next(&mut self) -> Result<Option<(u8, Vec<u8>)>, String> {
        while let Some(frame) = frame(&self.waiting)? {
            self.faults.frame(&frame);
            let rest = self.waiting.split_off(frame.end);
            let mut payload = std::mem::replace(&mut self.waiting, rest);
            payload.drain(..frame.begin);
            if let Some(mask) = frame.mask {
                for (byte, mask) in payload.iter_mut().zip(mask.iter().cycle()) {
                    *byte ^= mask;
                }
            }
            if frame.opcode >= 8 {
                return Ok(Some((frame.opcode, payload)));
            }
            let (opcode, compressed) = match (frame.opcode, self.opcode) {
                (0, Some(begun)) => begun,
                (opcode, _) => {
                    self.message.clear();
                    (opcode, frame.compressed)
                }
            };
            self.message.append(&mut payload);
            if self.message.len() > MOST {
                return Err(too_large(self.message.len() as u64));
            }
            if !frame.last {
                self.opcode = Some((opcode, compressed));
                continue;
            }
            self.opcode = None;
            let message = std::mem::take(&mut self.message);
            let data = match compressed {
                true => self.inflated(message)?,
                false => message,
            };
            return Ok(Some((opcode, data)));
        }
        Ok(None)
    }

    fn inflated(&mut self, mut message: Vec<u8>) -> Result<Vec<u8>, String> {
        // compression that was not agreed is a fault, and what is said as it came
        let Some(inflate) = self.inflate.as_mut() else {
            return Ok(message);
        };
        let wrong = || "it is compressed in a way that is not valid".to_owned();
        message.extend_from_slice(&TAIL);
        let mut out = Vec::with_capacity(message.len() * 4);
        let before = inflate.total_in();
        loop {
            let done = usize::try_from(inflate.total_in() - before).unwrap_or(usize::MAX);
            let left = message.get(done..).unwrap_or_default();
            let (at, had) = (inflate.total_in(), out.len());
            let status = inflate
                .decompress_vec(left, &mut out, FlushDecompress::Sync)
                .map_err(|_| wrong())?;
            if out.len() > MOST {
                return Err(too_large(out.len() as u64));
            }
            let stands = inflate.total_in() == at && out.len() == had;
            let room = out.capacity() > out.len();
            if status == Status::StreamEnd || (room && (left.is_empty() || stands)) {
                break;
            }
            if !room {
                out.reserve(out.len().max(1024));
            }
        }
        if !self.keeps {
            inflate.reset(false);
        }
        Ok(out)
    }
}

fn too_large(size: u64) -> String {
    format!(
        "it has {size} bytes or more, and at most {} MiB of one are read",
        MOST >> 20
    )
}

/// Where a frame lies in the bytes.
struct Frame {
    last: bool,
    compressed: bool,
    /// RSV2 or RSV3 is set.
    reserved: bool,
    opcode: u8,
    mask: Option<[u8; 4]>,
    /// Bytes of the extended length.
    wide: usize,
    /// Its payload is `begin..end`.
    begin: usize,
    end: usize,
}

/// The frame at the beginning, once it is there whole.
fn frame(bytes: &[u8]) -> Result<Option<Frame>, String> {
    let (&[first, second], rest) = match bytes.split_first_chunk::<2>() {
        Some(found) => found,
        None => return Ok(None),
    };
    let (length, wide) = match second & 0x7f {
        126 => match rest.first_chunk::<2>() {
            Some(length) => (u64::from(u16::from_be_bytes(*length)), 2),
            None => return Ok(None),
        },
        127 => match rest.first_chunk::<8>() {
            Some(length) => (u64::from_be_bytes(*length), 8),
            None => return Ok(None),
        },
        length => (u64::from(length), 0),
    };
    let length = match usize::try_from(length) {
        Ok(length) if length <= MOST => length,
        _ => return Err(too_large(length)),
    };
    let masked = second & 0x80 != 0;
    let mask = match masked {
        true => match rest.get(wide..).and_then(|rest| rest.first_chunk::<4>()) {
            Some(mask) => Some(*mask),
            None => return Ok(None),
        },
        false => None,
    };
    let begin = 2 + wide + if masked { 4 } else { 0 };
    let end = begin + length;
    Ok((bytes.len() >= end).then_some(Frame {
        last: first & 0x80 != 0,
        compressed: first & 0x40 != 0,
        reserved: first & 0x30 != 0,
        opcode: first & 0x0f,
        mask,
        wide,
        begin,
        end,
    }))
}

/// What must hold for any bytes, in pieces of both directions: a side, a length, bytes. Run by the fuzz target of the same name, and
/// by a test that mutates messages.
#[cfg(any(test, fuzzing))]
pub fn fuzz(data: &[u8]) {
    let Some((first, mut rest)) = data.split_first() else {
        return;
    };
    let mut messages = Messages::new(match first & 1 {
        0 => "permessage-deflate",
        _ => "",
    });
    while let Some(([what, length], after)) = rest.split_first_chunk() {
        let (piece, after) = after.split_at(usize::from(*length).min(after.len()));
        rest = after;
        let side = if what & 1 == 0 {
            Side::Request
        } else {
            Side::Response
        };
        match messages.take(side, piece) {
            Ok(found) => {
                for message in found {
                    assert!(message.data.len() <= MOST && message.opcode < 16);
                }
            }
            Err(why) => {
                assert!(!why.is_empty());
                return;
            }
        }
    }
    let _ = messages.cut();
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compress, Compression, FlushCompress};

    /// (opcode, data) of what comes out of bytes, given in pieces of a size.
    fn read(
        extensions: &str,
        side: Side,
        bytes: &[u8],
        size: usize,
    ) -> Result<Vec<(u8, String)>, String> {
        let mut messages = Messages::new(extensions);
        let mut found = Vec::new();
        for piece in bytes.chunks(size) {
            for message in messages.take(side, piece)? {
                let data = String::from_utf8_lossy(&message.data).into_owned();
                found.push((message.opcode, data));
            }
        }
        assert!(!messages.cut());
        Ok(found)
    }

    fn owned(list: &[(u8, &str)]) -> Vec<(u8, String)> {
        let own = |(opcode, data): &(u8, &str)| (*opcode, (*data).to_owned());
        list.iter().map(own).collect()
    }

    #[test]
    fn mutated_messages_are_told_apart_or_refused() {
        // compressed, in two fragments, masked, a ping between them, and a close
        let pieces: [(u8, &[u8]); 5] = [
            (1, &[0xc1, 0x07, 0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00]),
            (0, &[0x01, 0x83, 1, 2, 3, 4, 0x49, 0x67, 0x6f]),
            (0, &[0x89, 0x80, 0, 0, 0, 0]),
            (0, &[0x80, 0x82, 0, 0, 0, 0, b'l', b'o']),
            (1, &[0x88, 0x02, 0x03, 0xe8]),
        ];
        let mut compressed = vec![0];
        for (side, piece) in pieces {
            compressed.extend([side, u8::try_from(piece.len()).unwrap()]);
            compressed.extend(piece);
        }
        let mut plain = compressed.clone();
        plain[0] = 1;
        overhear_fuzz_rounds::rounds("webui_websocket", fuzz, &[compressed, plain]);
    }

    #[test]
    fn the_examples_of_rfc_6455() {
        // section 5.7: a masked text; a fragmented one with a ping in between; a binary of 256 bytes
        let masked = b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";
        let fragments = b"\x01\x03Hel\x89\x05Hello\x80\x02lo";
        let mut binary = b"\x82\x7e\x01\x00".to_vec();
        binary.extend(std::iter::repeat_n(0, 256));
        for size in [1, 2, 3, 1000] {
            let hello = owned(&[(1, "Hello")]);
            assert_eq!(read("", Side::Request, masked, size), Ok(hello));
            let both = owned(&[(9, "Hello"), (1, "Hello")]);
            assert_eq!(read("", Side::Response, fragments, size), Ok(both));
            let zeros = "\0".repeat(256);
            let one = owned(&[(2, &zeros)]);
            assert_eq!(read("", Side::Response, &binary, size), Ok(one));
        }
    }

    #[test]
    fn the_examples_of_rfc_7692() {
        // section 7.2.3: twice the same with a shared window, without one, and in fragments
        let shared = b"\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00\xc1\x05\xf2\x00\x11\x00\x00";
        let own = b"\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00";
        let parts = b"\x41\x03\xf2\x48\xcd\x80\x04\xc9\xc9\x07\x00\x81\x02hi";
        let twice = owned(&[(1, "Hello"), (1, "Hello")]);
        let deflate = "permessage-deflate; server_max_window_bits=12";
        let fresh = "x, Permessage-Deflate; SERVER_no_context_takeover";
        for size in [1, 4, 100] {
            assert_eq!(
                read(deflate, Side::Response, shared, size),
                Ok(twice.clone())
            );
            assert_eq!(read(fresh, Side::Response, own, size), Ok(twice.clone()));
            let hi = owned(&[(1, "Hello"), (1, "hi")]);
            assert_eq!(read(deflate, Side::Response, parts, size), Ok(hi));
        }
        // what was not agreed is shown as it came
        let bytes = String::from_utf8_lossy(&shared[2..9]).into_owned();
        let as_it_came = read("", Side::Response, &shared[..9], 100);
        assert_eq!(as_it_came, Ok(vec![(1, bytes)]));
        let invalid = b"\xc1\x02\xff\xff";
        assert!(read(deflate, Side::Response, invalid, 100).is_err());
    }

    #[test]
    fn many_large_messages_share_a_window() {
        let mut compress = Compress::new(Compression::default(), false);
        let texts: Vec<String> = (0..20)
            .map(|n| {
                (0..30_000 + n)
                    .map(|m| char::from(b'a' + (m * n % 23) as u8))
                    .collect()
            })
            .collect();
        let mut bytes = Vec::new();
        for text in &texts {
            let mut packed = Vec::with_capacity(text.len() + 1000);
            let packing = compress.compress_vec(text.as_bytes(), &mut packed, FlushCompress::Sync);
            assert!(packing.is_ok());
            packed.truncate(packed.len() - TAIL.len());
            bytes.extend_from_slice(&[0xc1, 126]);
            bytes.extend_from_slice(&(packed.len() as u16).to_be_bytes());
            bytes.extend_from_slice(&packed);
        }
        let found = read("permessage-deflate", Side::Response, &bytes, 1460).expect("messages");
        let found: Vec<_> = found.into_iter().map(|(_, text)| text).collect();
        assert!(found == texts);
    }

    #[test]
    fn what_cannot_be_written_is_told() {
        let huge = b"\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xff";
        let told = read("", Side::Response, huge, 100).expect_err("too large");
        assert!(told.contains("at most 16 MiB"), "{told}");
        // 17 MiB of zeros
        let mut compress = Compress::new(Compression::default(), false);
        let mut packed = Vec::with_capacity(1 << 20);
        let packing = compress.compress_vec(&vec![0; 17 << 20], &mut packed, FlushCompress::Sync);
        assert!(packing.is_ok());
        let mut bytes = vec![0xc2, 126];
        bytes.extend_from_slice(&(packed.len() as u16).to_be_bytes());
        bytes.extend_from_slice(&packed);
        let told = read("permessage-deflate", Side::Response, &bytes, 1000);
        assert!(told.expect_err("too large").contains("at most 16 MiB"));
        let mut half = Messages::new("");
        assert_eq!(half.take(Side::Request, b"\x81\x05Hel"), Ok(vec![]));
        assert!(half.cut());
        for seed in 0..2_000_u32 {
            let noise: Vec<u8> = (0..40_u32)
                .map(|n| {
                    (seed
                        .wrapping_mul(2_654_435_761)
                        .wrapping_add(n * n * 40_503)
                        >> 13) as u8
                })
                .collect();
            let _ = Messages::new("permessage-deflate").take(Side::Response, &noise);
        }
    }
}
