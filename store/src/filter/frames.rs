//! The messages of one direction of a WebSocket out of its bytes, RFC 6455 section 5.2, one a line: unmasked, and inflated where
//! they are compressed (RFC 7692). Frames are never held: what comes of one goes on. What control frames carry is left out.

use super::content::Tap;
use flate2::write::DeflateDecoder;
use std::io::{self, Write};

/// What ends each compressed message and is not sent, RFC 7692 section 7.2.1.
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];

/// So much is unmasked at a time, in bytes.
const PIECE: usize = 4096;

pub(super) struct Messages<'p> {
    to: Tap<'p>,
    /// Goes on from message to message. A compressor that begins anew with each only refers to less.
    inflate: DeflateDecoder<Tap<'p>>,
    /// The beginning of a frame's head that is not there whole.
    head: Vec<u8>,
    frame: Option<Frame>,
    /// The message that runs is compressed.
    compressed: bool,
    /// It cannot be inflated any further.
    broken: bool,
}

/// The frame of which payload comes.
#[derive(Debug, Clone, Copy)]
struct Frame {
    last: bool,
    control: bool,
    mask: [u8; 4],
    length: u64,
    /// Payload that came.
    came: u64,
}

impl<'p> Messages<'p> {
    pub(super) fn new(to: Tap<'p>) -> Self {
        Self {
            inflate: DeflateDecoder::new(to.clone()),
            to,
            head: Vec::new(),
            frame: None,
            compressed: false,
            broken: false,
        }
    }

    /// Takes a byte of a head; the frame when that is whole.
    fn begin(&mut self, byte: u8) -> Option<Frame> {
        self.head.push(byte);
        let (&[first, second], rest) = self.head.split_first_chunk::<2>()?;
        let (length, rest) = match second & 0x7f {
            126 => {
                let (length, rest) = rest.split_first_chunk()?;
                (u64::from(u16::from_be_bytes(*length)), rest)
            }
            127 => {
                let (length, rest) = rest.split_first_chunk()?;
                (u64::from_be_bytes(*length), rest)
            }
            length => (u64::from(length), rest),
        };
        let mask = match second & 0x80 {
            0 => [0; 4],
            _ => *rest.first_chunk()?,
        };
        self.head.clear();
        let opcode = first & 0x0f;
        if matches!(opcode, 1..8) {
            self.compressed = first & 0x40 != 0;
        }
        Some(Frame {
            last: first & 0x80 != 0,
            control: opcode >= 8,
            mask,
            length,
            came: 0,
        })
    }

    fn payload(&mut self, frame: Frame, bytes: &[u8]) -> io::Result<()> {
        if frame.control {
            return Ok(());
        }
        // the position in the mask is that in the frame, section 5.3
        let turn = usize::try_from(frame.came % 4).unwrap_or(0);
        let mask = frame.mask.iter().cycle().skip(turn);
        let plain: Vec<u8> = bytes
            .iter()
            .zip(mask)
            .map(|(byte, mask)| byte ^ mask)
            .collect();
        self.say(&plain)
    }

    fn say(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self.compressed {
            true => self.inflated(bytes),
            false => self.to.write_all(bytes),
        }
    }

    /// The message is at its end: what comes next is on a line of its own.
    fn end(&mut self) -> io::Result<()> {
        if self.compressed {
            self.inflated(&TAIL)?;
            if !self.broken {
                self.inflate.flush()?;
            }
        }
        self.broken = false;
        self.to.write_all(b"\n")
    }

    /// The rest of a message that is not valid is left out. An error is that of the search, which has enough.
    fn inflated(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        let mut anew = false;
        while !bytes.is_empty() && !self.broken {
            match self.inflate.write(bytes) {
                Ok(taken) if taken > 0 => {
                    bytes = bytes.get(taken..).unwrap_or_default();
                    anew = false;
                }
                Err(error) if self.to.is_done() => return Err(error),
                // a compressor may end its stream with a message, RFC 7692 section 7.2.3.5
                ended => {
                    self.broken = ended.is_err() || anew;
                    anew = true;
                    self.inflate = DeflateDecoder::new(self.to.clone());
                }
            }
        }
        Ok(())
    }
}

impl Write for Messages<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some(&first) = bytes.first() else {
            return Ok(0);
        };
        let Some(mut frame) = self.frame else {
            if let Some(frame) = self.begin(first) {
                self.frame = (frame.length > 0).then_some(frame);
                if frame.length == 0 && frame.last && !frame.control {
                    self.end()?;
                }
            }
            return Ok(1);
        };
        let left = usize::try_from(frame.length - frame.came).unwrap_or(usize::MAX);
        let piece = bytes.get(..left.min(PIECE)).unwrap_or(bytes);
        self.payload(frame, piece)?;
        frame.came += piece.len() as u64;
        let whole = frame.came == frame.length;
        self.frame = (!whole).then_some(frame);
        if whole && frame.last && !frame.control {
            self.end()?;
        }
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{
        content::{Content, Form},
        search::compile,
    };

    fn found(pattern: &str, bytes: &[u8]) -> bool {
        let pattern = compile(pattern).unwrap_or_else(|e| panic!("{e}"));
        let each = [1, 2, 3, 1000].map(|size| {
            let mut content = Content::new(&pattern, Form::Frames);
            bytes.chunks(size).any(|piece| content.add(piece)) || content.finish()
        });
        assert!(each == [each[0]; 4], "{pattern}: {each:?}");
        each[0]
    }

    #[test]
    fn the_examples_of_rfc_6455() {
        // section 5.7: a masked text; a fragmented one with a ping in between; a binary of 256 bytes
        assert!(found(
            "(?m)^Hello$",
            b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"
        ));
        assert!(found(
            "(?m)^Hello$",
            b"\x01\x03Hel\x89\x04ping\x80\x02lo\x81\x00"
        ));
        assert!(!found("Helping", b"\x01\x03Hel\x89\x04ping\x80\x02lo"));
        let binary = [
            b"\x82\xfe\x01\x00abcd".to_vec(),
            [b"bcde".as_slice(); 64].concat(),
        ]
        .concat();
        assert!(found("(?-u:\\A(\x03\x01\x07\x01){64}\n\\z)", &binary));
    }

    #[test]
    fn the_examples_of_rfc_7692() {
        // section 7.2.3: twice the same with a shared window, without one, in fragments, with a last block
        let shared = b"\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00\xc1\x05\xf2\x00\x11\x00\x00";
        let own = b"\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00";
        let parts = b"\x41\x03\xf2\x48\xcd\x80\x04\xc9\xc9\x07\x00\xc1\x05\xf2\x00\x11\x00\x00";
        let last =
            b"\xc1\x08\xf3\x48\xcd\xc9\xc9\x07\x00\x00\xc1\x08\xf3\x48\xcd\xc9\xc9\x07\x00\x00";
        for bytes in [shared.as_slice(), own, parts, last] {
            assert!(found("\\AHello\nHello\n\\z", bytes), "{bytes:?}");
        }
    }

    #[test]
    fn any_bytes_are_borne() {
        // a message that is not valid does not hide the next one
        assert!(found("(?m)^after$", b"\xc1\x03\xff\xff\xff\x81\x05after"));
        assert!(!found("x", b"\x82\x7f\xff\xff\xff\xff\xff\xff\xff\xff"));
        for seed in 0..2_000_u32 {
            let noise: Vec<u8> = (0..40_u32)
                .map(|n| {
                    (seed
                        .wrapping_mul(2_654_435_761)
                        .wrapping_add(n * n * 40_503)
                        >> 13) as u8
                })
                .collect();
            assert!(!found("not in there", &noise));
        }
    }
}
