//! Searching what a body says: its bytes as they passed; where it has content codings (RFC 9110 section 8.4.1), what it
//! decodes to; of a WebSocket, its messages.
//!
//! Pieces are pushed in as they are read, and through all of that at once. What cannot be decoded is searched as far as it can
//! be; an unknown coding is not decoded at all.

use super::{frames::Messages, search::BodySearch};
use flate2::write::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use regex::bytes::Regex;
use std::{
    cell::RefCell,
    io::{self, Write},
    rc::Rc,
};

/// How much of what a body decodes to is searched, in bytes: a small body can decode to a practically endless one.
const LIMIT: u64 = 64 * 1024 * 1024;

/// How many codings may be stacked. Each is a decoder with its window in memory.
const MOST_CODINGS: usize = 8;

/// The largest window of zstd as a content coding, RFC 9659 section 3: 8 MiB, as a power of two.
const ZSTD_WINDOW: u32 = 23;

/// What the bytes of a body are.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Form<'c> {
    /// A body with these content codings, as `Content-Encoding` names them.
    Coded(&'c str),
    /// Frames of a WebSocket, RFC 6455 section 5.2.
    Frames,
}

/// The search of one body.
pub(crate) struct Content<'p> {
    passed: BodySearch<'p>,
    said: Option<Said<'p>>,
}

/// What the body says beyond its bytes: what is pushed into `into` comes out in `sink`.
struct Said<'p> {
    into: Box<dyn Write + 'p>,
    sink: Rc<RefCell<Sink<'p>>>,
}

impl<'p> Content<'p> {
    pub(crate) fn new(pattern: &'p Regex, form: Form<'_>) -> Self {
        let sink = Rc::new(RefCell::new(Sink {
            search: BodySearch::new(pattern),
            left: LIMIT,
            found: false,
        }));
        let end = Tap(sink.clone());
        let into = match form {
            Form::Coded(codings) => decoders(codings, end),
            Form::Frames => Some(Box::new(Messages::new(end)) as Box<dyn Write>),
        };
        Self {
            passed: BodySearch::new(pattern),
            said: into.map(|into| Said { into, sink }),
        }
    }

    /// Adds a piece; true when the pattern was found in what came so far.
    pub(crate) fn add(&mut self, piece: &[u8]) -> bool {
        if self.passed.add(piece) {
            return true;
        }
        let Some(said) = &mut self.said else {
            return false;
        };
        match said.into.write_all(piece) {
            Ok(()) => said.sink.borrow().found,
            // found, or enough was searched, or no more of it can be read
            Err(_) => self.said.take().is_some_and(Said::end),
        }
    }

    /// The body is at its end.
    pub(crate) fn finish(&mut self) -> bool {
        self.passed.finish() || self.said.take().is_some_and(Said::end)
    }
}

impl Said<'_> {
    fn end(self) -> bool {
        let Self { into, sink } = self;
        // decoders give what they still hold when they go
        drop(into);
        let mut sink = sink.borrow_mut();
        sink.found || sink.search.finish()
    }
}

struct Sink<'p> {
    search: BodySearch<'p>,
    left: u64,
    found: bool,
}

/// Where decoders write to.
#[derive(Clone)]
pub(super) struct Tap<'p>(Rc<RefCell<Sink<'p>>>);

impl Tap<'_> {
    /// Nothing more is taken: it was found, or enough was looked at.
    pub(super) fn is_done(&self) -> bool {
        let sink = self.0.borrow();
        sink.found || sink.left == 0
    }
}

impl Write for Tap<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut sink = self.0.borrow_mut();
        if sink.found || sink.left == 0 {
            return Err(io::Error::other("enough was searched"));
        }
        let most = usize::try_from(sink.left).unwrap_or(usize::MAX);
        let taken = bytes.get(..most).unwrap_or(bytes);
        sink.left -= taken.len() as u64;
        sink.found = sink.search.add(taken);
        Ok(taken.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What removes the codings of a `Content-Encoding` value, the last one first; none where there are none, too many, or an
/// unknown one.
fn decoders<'p>(content_encoding: &str, end: Tap<'p>) -> Option<Box<dyn Write + 'p>> {
    let names = content_encoding.split(',').map(str::trim);
    let codings: Vec<_> = names
        .map(str::to_ascii_lowercase)
        .filter(|name| !name.is_empty() && name != "identity")
        .collect();
    if codings.is_empty() || codings.len() > MOST_CODINGS {
        return None;
    }
    let end: Box<dyn Write + 'p> = Box::new(end);
    codings
        .iter()
        .try_fold(end, |to, coding| decoder(coding, to))
}

fn decoder<'p>(coding: &str, to: Box<dyn Write + 'p>) -> Option<Box<dyn Write + 'p>> {
    Some(match coding {
        "gzip" | "x-gzip" => Box::new(MultiGzDecoder::new(to)),
        "deflate" => Box::new(Deflate::Unknown(Some(to))),
        "br" => Box::new(brotli_decompressor::DecompressorWriter::new(to, 16 * 1024)),
        "zstd" => {
            let mut decoder = zstd::stream::write::Decoder::new(to).ok()?;
            decoder.window_log_max(ZSTD_WINDOW).ok()?;
            Box::new(decoder.auto_flush())
        }
        _ => return None,
    })
}

/// `deflate` is zlib (RFC 9110 section 8.4.1.2), but for servers that leave its wrapper out; the first byte tells.
enum Deflate<W: Write> {
    Unknown(Option<W>),
    Zlib(ZlibDecoder<W>),
    Bare(DeflateDecoder<W>),
}

impl<W: Write> Write for Deflate<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let (Self::Unknown(to), Some(first)) = (&mut *self, bytes.first()) {
            let to = to.take().ok_or(io::ErrorKind::BrokenPipe)?;
            // RFC 1950 section 2.2: the method is 8 and the window at most 32 KiB; deflate's blocks hardly ever begin so
            *self = match first & 0x0f == 8 && first >> 4 <= 7 {
                true => Self::Zlib(ZlibDecoder::new(to)),
                false => Self::Bare(DeflateDecoder::new(to)),
            };
        }
        match self {
            Self::Unknown(_) => Ok(0),
            Self::Zlib(decoder) => decoder.write(bytes),
            Self::Bare(decoder) => decoder.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Unknown(_) => Ok(()),
            Self::Zlib(decoder) => decoder.flush(),
            Self::Bare(decoder) => decoder.flush(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::search::compile;
    use flate2::{
        Compression,
        write::{DeflateEncoder, GzEncoder, ZlibEncoder},
    };

    fn found(pattern: &str, form: Form<'_>, body: &[u8], size: usize) -> bool {
        let pattern = compile(pattern).unwrap_or_else(|e| panic!("{e}"));
        let mut content = Content::new(&pattern, form);
        body.chunks(size).any(|piece| content.add(piece)) || content.finish()
    }

    fn text() -> Vec<u8> {
        let words = (0..60_000).flat_map(|n| format!("word {n}, ").into_bytes());
        words.chain(*b"and the needle").collect()
    }

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        let written = encoder.write_all(text).and_then(|()| encoder.finish());
        written.unwrap_or_default()
    }

    fn zstd(text: &[u8]) -> Vec<u8> {
        zstd::stream::encode_all(text, 1).unwrap_or_default()
    }

    #[test]
    fn every_coding_is_removed_whatever_the_pieces() {
        let text = text();
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
        let mut bare = DeflateEncoder::new(Vec::new(), Compression::fast());
        assert!(zlib.write_all(&text).is_ok() && bare.write_all(&text).is_ok());
        let two_members = [gzip(&text[..1000]), gzip(&text[1000..])].concat();
        // "and the needle", by `brotli`
        let brotli = b"\x8f\x06\x80and the needle\x03".to_vec();
        let cases = [
            ("gzip", gzip(&text)),
            ("X-GZIP, identity", two_members),
            ("deflate", zlib.finish().unwrap_or_default()),
            ("deflate", bare.finish().unwrap_or_default()),
            ("zstd", zstd(&text)),
            ("gzip, zstd", zstd(&gzip(&text))),
            ("br", brotli),
        ];
        for (coding, body) in cases {
            for size in [1, 7, 1000, body.len()] {
                let form = Form::Coded(coding);
                assert!(found("the needle$", form, &body, size), "{coding} {size}");
                assert!(!found("the thread", form, &body, size), "{coding} {size}");
                // not with another name, nor without one
                assert!(
                    !found("the needle$", Form::Coded("compress"), &body, size) || coding == "br"
                );
            }
        }
    }

    #[test]
    fn bytes_as_they_passed_are_searched_too() {
        assert!(found(
            r"(?-u:^\x1f\x8b)",
            Form::Coded("gzip"),
            &gzip(b"x"),
            100
        ));
        assert!(found("plain", Form::Coded("gzip"), b"plain after all", 4));
        assert!(found("plain", Form::Coded(""), b"plain", 2));
    }

    #[test]
    fn what_is_cut_or_broken_is_searched_as_far_as_it_goes() {
        let mut body = gzip(&text());
        body.truncate(body.len() / 2);
        assert!(found("word 100,", Form::Coded("gzip"), &body, 1000));
        assert!(!found("the needle", Form::Coded("gzip"), &body, 1000));
        body.extend([0xff; 2000]);
        assert!(found("word 100,", Form::Coded("gzip"), &body, 1000));
        for coding in ["gzip", "deflate", "br", "zstd"] {
            for seed in 0..500_u32 {
                let noise: Vec<u8> = (0..80_u32)
                    .map(|n| {
                        (seed
                            .wrapping_mul(2_654_435_761)
                            .wrapping_add(n * n * 40_503)
                            >> 13) as u8
                    })
                    .collect();
                assert!(!found("the needle", Form::Coded(coding), &noise, 9));
            }
        }
    }

    #[test]
    fn what_decodes_without_an_end_is_searched_to_the_limit() {
        let length = usize::try_from(LIMIT).unwrap_or(0);
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        for _ in 0..length / 65_536 {
            assert!(encoder.write_all(&[b'x'; 65_536]).is_ok());
        }
        assert!(encoder.write_all(b"beyond").is_ok());
        let body = encoder.finish().unwrap_or_default();
        assert!(!found("beyond", Form::Coded("gzip"), &body, 10_000));
        assert!(found("xxxx$", Form::Coded("gzip"), &body, 10_000));
    }
}
