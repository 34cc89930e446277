//! Frames, RFC 6455 section 5.2: what one says of itself, and how one is written.

/// Opcodes of data frames.
pub(super) const CONTINUATION: u8 = 0;
pub(super) const TEXT: u8 = 1;
pub(super) const BINARY: u8 = 2;
pub(super) const CLOSE: u8 = 8;

/// The longest header: two bytes, a length of eight, a mask of four.
pub(super) const LONGEST: usize = 14;

/// What stands before a frame's payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    /// FIN: the last frame of its message.
    pub(super) last: bool,
    /// RSV1: the message is compressed (RFC 7692 section 6).
    pub(super) compressed: bool,
    pub(super) opcode: u8,
    pub(super) mask: Option<[u8; 4]>,
    /// Bytes of the payload.
    pub(super) payload: u64,
    /// Bytes of the header itself.
    pub(super) size: usize,
}

/// What bytes begin with.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Begins {
    Frame(Header),
    /// More is needed to tell.
    More,
    /// No frame that we know.
    Unknown,
}

impl Header {
    pub(super) fn is_control(&self) -> bool {
        self.opcode >= CLOSE
    }
}

/// What bytes begin with.
pub(super) fn begins(bytes: &[u8]) -> Begins {
    let [first, second, rest @ ..] = bytes else {
        return Begins::More;
    };
    let opcode = first & 0x0f;
    let masked = second & 0x80 != 0;
    let (payload, size) = match (second & 0x7f, rest) {
        (126, [a, b, ..]) => (u64::from(u16::from_be_bytes([*a, *b])), 4),
        (127, [a, b, c, d, e, f, g, h, ..]) => {
            let length = [*a, *b, *c, *d, *e, *f, *g, *h];
            (u64::from_be_bytes(length), 10)
        }
        (126 | 127, _) => return Begins::More,
        (short, _) => (u64::from(short), 2),
    };
    let last = first & 0x80 != 0;
    let known = matches!(opcode, CONTINUATION | TEXT | BINARY) && payload >> 63 == 0
        || matches!(opcode, CLOSE..=10) && payload < 126 && last && first & 0x40 == 0;
    // RSV2 and RSV3 belong to extensions that nobody has written
    if !known || first & 0x30 != 0 {
        return Begins::Unknown;
    }
    let mask = match (masked, bytes.get(size..size + 4)) {
        (false, _) => None,
        (true, Some(&[a, b, c, d])) => Some([a, b, c, d]),
        (true, _) => return Begins::More,
    };
    Begins::Frame(Header {
        last,
        compressed: first & 0x40 != 0,
        opcode,
        mask,
        payload,
        size: size + if masked { 4 } else { 0 },
    })
}

/// Masks, or takes a mask away, RFC 6455 section 5.3; `at`: how much of the payload comes before.
pub(super) fn mask(bytes: &mut [u8], mask: [u8; 4], at: u64) {
    // the remainder is at most 3
    let skip = (at % 4) as usize;
    for (byte, mask) in bytes.iter_mut().zip(mask.iter().cycle().skip(skip)) {
        *byte ^= mask;
    }
}

/// Writes a frame.
pub(super) fn write(header: Header, payload: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(payload.len() + LONGEST);
    let flag = |set: bool, bit: u8| if set { bit } else { 0 };
    frame.push(flag(header.last, 0x80) | flag(header.compressed, 0x40) | header.opcode);
    let masked = flag(header.mask.is_some(), 0x80);
    match payload.len() {
        short @ ..=125 => frame.push(masked | short as u8),
        length => match u16::try_from(length) {
            Ok(length) => {
                frame.push(masked | 126);
                frame.extend_from_slice(&length.to_be_bytes());
            }
            Err(_) => {
                frame.push(masked | 127);
                frame.extend_from_slice(&(length as u64).to_be_bytes());
            }
        },
    }
    if let Some(key) = header.mask {
        frame.extend_from_slice(&key);
    }
    let begin = frame.len();
    frame.extend_from_slice(payload);
    if let (Some(key), Some(payload)) = (header.mask, frame.get_mut(begin..)) {
        mask(payload, key, 0);
    }
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(opcode: u8, mask: Option<[u8; 4]>) -> Header {
        Header {
            last: true,
            compressed: false,
            opcode,
            mask,
            payload: 0,
            size: 0,
        }
    }

    #[test]
    fn what_is_written_is_read() {
        for length in [0_usize, 1, 125, 126, 65_535, 65_536] {
            for key in [None, Some([1, 2, 3, 4])] {
                let payload: Vec<u8> = (0..length).map(|n| n as u8).collect();
                let bytes = write(header(BINARY, key), &payload);
                let Begins::Frame(read) = begins(&bytes) else {
                    panic!("{length} is no frame");
                };
                assert_eq!((read.payload, read.mask), (length as u64, key));
                let mut back = bytes[read.size..].to_vec();
                if let Some(key) = read.mask {
                    // in two parts
                    let (first, second) = back.split_at_mut(length / 3);
                    mask(first, key, 0);
                    mask(second, key, (length / 3) as u64);
                }
                assert_eq!(back, payload);
                for cut in 0..read.size {
                    assert_eq!(begins(&bytes[..cut]), Begins::More);
                }
            }
        }
    }

    #[test]
    fn the_examples_of_rfc_6455() {
        assert_eq!(write(header(TEXT, None), b"Hello"), b"\x81\x05Hello");
        let masked = write(header(TEXT, Some([0x37, 0xfa, 0x21, 0x3d])), b"Hello");
        assert_eq!(masked, b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58");
    }

    #[test]
    fn what_no_extension_agreed_on_is_unknown() {
        for bytes in [
            &b"\x83\x00"[..],
            b"\xa1\x00",
            b"\x91\x00",
            b"\x09\x00",
            b"\x89\x7e\x00\x7e",
            b"\xc9\x00",
            b"\x8b\x00",
            b"\x82\x7f\x80\x00\x00\x00\x00\x00\x00\x00",
        ] {
            assert_eq!(begins(bytes), Begins::Unknown, "{bytes:x?}");
        }
    }
}
