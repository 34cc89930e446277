//! What a replay needs to know of the response that passes: whether it switches protocols, where it redirects, and its cookies.

use memchr::memmem;
use overhear_store::head;

/// A head that is longer redirects nowhere: bytes.
const MOST: usize = 1 << 20;

/// What is known of a response.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Answer {
    /// Its `Location`.
    pub(super) location: Option<String>,
    /// Its `Set-Cookie` fields.
    pub(super) cookies: Vec<String>,
}

/// A response as it comes over HTTP/1.
#[derive(Default)]
pub(super) struct Reading {
    /// The head as far as it has come.
    head: Vec<u8>,
    known: Option<Answer>,
}

impl Reading {
    /// Takes the next bytes; when they end the head of a 101, gives those that follow it.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Option<Vec<u8>> {
        if self.known.is_some() {
            return None;
        }
        self.head.extend_from_slice(bytes);
        while let Some(end) = end(&self.head) {
            let rest = self.head.split_off(end);
            let read = head::parse(&self.head, true);
            let status = read.start_line.split(' ').nth(1).unwrap_or_default();
            match status {
                "101" => {
                    self.known = Some(Answer::default());
                    self.head.clear();
                    return Some(rest);
                }
                // RFC 9110 section 15.2: the final response follows
                interim if interim.len() == 3 && interim.starts_with('1') => self.head = rest,
                _ => {
                    let location = read.field("location").map(str::to_owned);
                    let cookies = read.fields.iter();
                    let cookies =
                        cookies.filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie"));
                    let cookies = cookies.map(|(_, value)| value.clone()).collect();
                    self.known = Some(Answer { location, cookies });
                    self.head = Vec::new();
                    return None;
                }
            }
        }
        if self.head.len() > MOST {
            self.known = Some(Answer::default());
            self.head = Vec::new();
        }
        None
    }

    pub(super) fn answer(self) -> Answer {
        self.known.unwrap_or_default()
    }
}

/// Where a head ends: behind its empty line.
fn end(bytes: &[u8]) -> Option<usize> {
    let long = memmem::find(bytes, b"\n\r\n").map(|at| at + 3);
    let short = memmem::find(bytes, b"\n\n").map(|at| at + 2);
    match (long, short) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (one, other) => one.or(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is known of a response that comes in pieces of this size, and what followed a 101.
    fn read(bytes: &[u8], size: usize) -> (Answer, Option<Vec<u8>>) {
        let mut reading = Reading::default();
        let mut rest = None;
        for piece in bytes.chunks(size) {
            match &mut rest {
                None => rest = reading.feed(piece),
                Some(rest) => rest.extend_from_slice(piece),
            }
        }
        (reading.answer(), rest)
    }

    #[test]
    fn where_it_redirects_behind_interim_responses() {
        let bytes = b"HTTP/1.1 103 Early Hints\r\nLocation: /no\r\n\r\nHTTP/1.1 302 Found\r\nset-cookie: a=1\r\nLOCATION:  /to \r\nSet-Cookie: b=2; Path=/\r\n\r\nLocation: /body";
        for size in [1, 7, 1000] {
            let (answer, rest) = read(bytes, size);
            assert_eq!(answer.location.as_deref(), Some("/to"));
            assert_eq!(answer.cookies, ["a=1", "b=2; Path=/"]);
            assert_eq!(rest, None);
        }
        let (bare, _) = read(b"HTTP/1.0 301 x\nLocation: b\n\n", 3);
        assert_eq!(bare.location.as_deref(), Some("b"));
        assert_eq!(
            read(b"HTTP/1.1 302 Found\r\nLoc", 1000).0,
            Answer::default()
        );
    }

    #[test]
    fn what_follows_a_switch() {
        let bytes = b"HTTP/1.1 101 Switching Protocols\r\nA: b\r\n\r\n\x81\x00";
        for size in [1, 5, 1000] {
            assert_eq!(read(bytes, size).1.as_deref(), Some(&b"\x81\x00"[..]));
        }
    }

    #[test]
    fn a_head_without_end_is_not_kept() {
        let mut reading = Reading::default();
        reading.feed(b"HTTP/1.1 302 Found\r\n");
        for _ in 0..2000 {
            reading.feed(&[b'x'; 1000]);
            assert!(reading.head.len() <= MOST + 1000);
        }
    }
}
