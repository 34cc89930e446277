//! permessage-deflate, RFC 7692: what was agreed, and messages in and out of it.

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};
use overhear_store::Side;

/// What ends each compressed message and is not sent, RFC 7692 section 7.2.1.
pub(super) const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];

/// How much is decompressed at once: bytes.
const PIECE: usize = 16 << 10;

/// What was agreed for the two directions.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Agreed {
    /// No extension.
    Nothing,
    Deflate {
        client: Window,
        server: Window,
    },
    /// Something that nobody here can read.
    Unknown(String),
}

/// How one direction is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window {
    /// A message may refer to those before it (context takeover).
    pub(super) keeps: bool,
    /// The base-2 logarithm of how far back: 8 to 15.
    pub(super) bits: u8,
}

impl Agreed {
    /// Reads `Sec-WebSocket-Extensions` of the server's answer, all its values with commas between them.
    pub(super) fn read(extensions: &str) -> Self {
        let mut agreed = Self::Nothing;
        for extension in extensions.split(',') {
            let mut parts = extension.split(';').map(str::trim);
            let name = parts.next().unwrap_or_default();
            if name.is_empty() {
                continue;
            }
            if agreed != Self::Nothing || !name.eq_ignore_ascii_case("permessage-deflate") {
                return Self::Unknown(extension.trim().to_owned());
            }
            let whole = Window {
                keeps: true,
                bits: 15,
            };
            let (mut client, mut server) = (whole, whole);
            for part in parts {
                let (name, value) = part.split_once('=').unwrap_or((part, ""));
                let bits = value.trim().trim_matches('"').parse().ok();
                let bits = bits.filter(|bits| (8..=15).contains(bits));
                match (name.trim().to_ascii_lowercase().as_str(), bits) {
                    ("client_no_context_takeover", _) => client.keeps = false,
                    ("server_no_context_takeover", _) => server.keeps = false,
                    ("client_max_window_bits", Some(bits)) => client.bits = bits,
                    ("server_max_window_bits", Some(bits)) => server.bits = bits,
                    _ => return Self::Unknown(extension.trim().to_owned()),
                }
            }
            agreed = Self::Deflate { client, server };
        }
        agreed
    }

    /// How what this side sends is compressed; none when it is not.
    pub(super) fn window(&self, side: Side) -> Option<Window> {
        match (self, side) {
            (Self::Deflate { client, .. }, Side::Request) => Some(*client),
            (Self::Deflate { server, .. }, Side::Response) => Some(*server),
            _ => None,
        }
    }
}

/// Reads what one side compresses.
pub(super) struct Inflate(Decompress);

/// It is not valid.
#[derive(Debug)]
pub(super) struct Invalid;

impl Inflate {
    pub(super) fn new() -> Self {
        Self(Decompress::new(false))
    }

    /// Forgets what came before.
    pub(super) fn forget(&mut self) {
        self.0.reset(false);
    }

    /// Goes on with the next bytes of a message, [`TAIL`] behind its last; what they say goes to `out`, at most a
    /// thousand times as much.
    pub(super) fn feed(
        &mut self,
        mut bytes: &[u8],
        mut out: impl FnMut(&[u8]),
    ) -> Result<(), Invalid> {
        let mut piece = [0; PIECE];
        loop {
            let (taken, made) = (self.0.total_in(), self.0.total_out());
            let status = self
                .0
                .decompress(bytes, &mut piece, FlushDecompress::Sync)
                .map_err(|_| Invalid)?;
            // both fit: they count what was taken from and put into slices
            let taken = (self.0.total_in() - taken) as usize;
            let made = (self.0.total_out() - made) as usize;
            out(piece.get(..made).unwrap_or_default());
            bytes = bytes.get(taken..).unwrap_or_default();
            match status {
                // a block that says to be the last, RFC 7692 section 7.2.3.4
                Status::StreamEnd => self.forget(),
                _ if made == PIECE => {}
                _ if bytes.is_empty() => return Ok(()),
                _ if taken == 0 && made == 0 => return Err(Invalid),
                _ => {}
            }
        }
    }
}

/// A message compressed so that it refers to none before it; none when that cannot be said in a window of this size.
/// Every decompressor reads it, whatever it has seen before.
pub(super) fn deflated(message: &[u8], window: Window) -> Option<Vec<u8>> {
    if message.is_empty() || message.len() > 1 << window.bits {
        return None;
    }
    let mut stream = Compress::new(Compression::default(), false);
    let mut out = Vec::with_capacity(message.len() / 2 + 64);
    loop {
        let taken = usize::try_from(stream.total_in()).unwrap_or(usize::MAX);
        let rest = message.get(taken..).unwrap_or_default();
        stream
            .compress_vec(rest, &mut out, FlushCompress::Sync)
            .ok()?;
        if out.len() < out.capacity() && stream.total_in() == message.len() as u64 {
            break;
        }
        out.reserve(out.len().max(64));
    }
    out.strip_suffix(&TAIL).map(<[u8]>::to_vec)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(inflate: &mut Inflate, message: &[u8]) -> Result<Vec<u8>, Invalid> {
        let mut out = Vec::new();
        inflate.feed(message, |piece| out.extend_from_slice(piece))?;
        inflate.feed(&TAIL, |piece| out.extend_from_slice(piece))?;
        Ok(out)
    }

    #[test]
    fn the_examples_of_rfc_7692() {
        let mut inflate = Inflate::new();
        // section 7.2.3.1, and 7.2.3.2: the second message refers to the first
        let hello = b"\xf2\x48\xcd\xc9\xc9\x07\x00";
        assert_eq!(read(&mut inflate, hello).unwrap(), b"Hello");
        let again = b"\xf2\x00\x11\x00\x00";
        assert_eq!(read(&mut inflate, again).unwrap(), b"Hello");
        // 7.2.3.3: a block without compression; 7.2.3.4: one that says to be the last
        let plain = b"\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00";
        assert_eq!(read(&mut inflate, plain).unwrap(), b"Hello");
        let last = b"\xf3\x48\xcd\xc9\xc9\x07\x00\x00";
        assert_eq!(read(&mut inflate, last).unwrap(), b"Hello");
        // 7.2.3.5: two blocks in one message
        let two = b"\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00";
        assert_eq!(read(&mut inflate, two).unwrap(), b"Hello");
        assert!(read(&mut inflate, b"\xff\xff\xff").is_err());
    }

    #[test]
    fn what_is_compressed_here_is_read_after_anything() {
        let window = Window {
            keeps: true,
            bits: 15,
        };
        let mut inflate = Inflate::new();
        let text: Vec<u8> = (0..30_000_u32)
            .flat_map(|n| (n * n).to_be_bytes())
            .collect();
        for length in [1, 5, 1000, 32_768] {
            let message = &text[..length];
            let sent = deflated(message, window).unwrap();
            assert_eq!(read(&mut inflate, &sent).unwrap(), message);
        }
        assert_eq!(deflated(&text, window), None, "it would look back too far");
        assert_eq!(deflated(b"", window), None);
        let small = Window {
            keeps: true,
            bits: 8,
        };
        assert!(deflated(&text[..256], small).is_some() && deflated(&text[..257], small).is_none());
    }

    #[test]
    fn what_was_agreed() {
        let of = |keeps, bits| Window { keeps, bits };
        assert_eq!(Agreed::read(" "), Agreed::Nothing);
        assert_eq!(
            Agreed::read(
                "permessage-deflate; server_no_context_takeover; client_max_window_bits=\"10\""
            ),
            Agreed::Deflate {
                client: of(true, 10),
                server: of(false, 15)
            }
        );
        for unknown in [
            "permessage-bzip2",
            "permessage-deflate; server_max_window_bits=7",
            "permessage-deflate, x-other",
            "permessage-deflate; odd=1",
        ] {
            assert!(matches!(Agreed::read(unknown), Agreed::Unknown(_)));
        }
    }
}
