//! Which streams were opened, told from the bytes that go to the server: RFC 9113 section 4.1.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

/// A frame's header: length, type, flags, stream.
const HEADER: usize = 9;
/// What a client begins with, section 3.4.
const PREFACE: usize = 24;
/// The type of a HEADERS frame, section 6.2.
const HEADERS: u8 = 1;

/// Reads frames as they are written.
#[derive(Debug)]
pub(super) struct Opened {
    /// The highest stream that was opened; streams are opened in order.
    stream: Arc<AtomicU32>,
    /// Bytes that are left of a frame's payload, or of the preface.
    skip: usize,
    header: [u8; HEADER],
    /// Bytes of the header that have come.
    have: usize,
}

impl Opened {
    /// Begins before the preface; the number of the highest stream goes to `stream`.
    pub(super) fn new(stream: Arc<AtomicU32>) -> Self {
        Self {
            stream,
            skip: PREFACE,
            header: [0; HEADER],
            have: 0,
        }
    }

    /// Takes what was written next.
    pub(super) fn see(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let skipped = self.skip.min(bytes.len());
            self.skip -= skipped;
            bytes = bytes.get(skipped..).unwrap_or_default();
            for (place, byte) in self.header.iter_mut().skip(self.have).zip(bytes) {
                *place = *byte;
                self.have += 1;
                bytes = bytes.get(1..).unwrap_or_default();
            }
            if self.have == HEADER && self.skip == 0 {
                self.have = 0;
                let [high, middle, low, kind, _, stream @ ..] = self.header;
                self.skip = u32::from_be_bytes([0, high, middle, low]) as usize;
                if kind == HEADERS {
                    // the highest bit is reserved
                    let stream = u32::from_be_bytes(stream) & 0x7fff_ffff;
                    self.stream.fetch_max(stream, Ordering::Relaxed);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, stream: u32, length: usize) -> Vec<u8> {
        let mut frame = (length as u32).to_be_bytes()[1..].to_vec();
        frame.extend([kind, 0]);
        frame.extend(stream.to_be_bytes());
        // a payload that looks like the header of a HEADERS frame of a high stream
        let payload = [0, 0, 0, 1, 0, 0, 0, 0, 99];
        frame.extend(payload.iter().cycle().take(length));
        frame
    }

    #[test]
    fn streams_are_seen_however_the_bytes_are_cut() {
        let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
        let mut expected = Vec::new();
        for (kind, stream, length) in [
            (4, 0, 12),
            (1, 1, 900),
            (9, 1, 20),
            (0, 1, 300),
            (1, 3, 0),
            (8, 0, 4),
            // trailers
            (1, 1, 30),
            (1, 0x8000_0005, 17),
        ] {
            bytes.extend(frame(kind, stream, length));
            let last = expected.last().map_or(0, |(_, last)| *last);
            let opened = if kind == 1 { stream & 0xff } else { 0 };
            expected.push((bytes.len(), last.max(opened)));
        }
        for cut in 1..70 {
            let stream = Arc::default();
            let mut opened = Opened::new(Arc::clone(&stream));
            let mut seen = 0;
            for piece in bytes.chunks(cut) {
                opened.see(piece);
                seen += piece.len();
                let now = stream.load(Ordering::Relaxed);
                let whole = expected.iter().rfind(|(end, _)| *end <= seen);
                let least = whole.map_or(0, |(_, last)| *last);
                let most = expected.iter().find(|(end, _)| *end > seen);
                assert!(now >= least && now <= most.map_or(5, |(_, last)| *last));
            }
            assert_eq!(stream.load(Ordering::Relaxed), 5, "cut at {cut}");
        }
    }
}
