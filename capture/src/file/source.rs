//! The bytes of a file through one buffer.

use super::damage::Reason;
use std::io::{self, Read};

/// How much is read at once. The buffer is longer only while one record is.
const BUFFER: usize = 512 * 1024;

pub(super) struct Source {
    input: Box<dyn Read + Send>,
    pub(super) gzip: bool,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// Bytes of the file before `start`.
    before: u64,
}

impl Source {
    pub(super) fn new(input: Box<dyn Read + Send>, gzip: bool) -> Self {
        Self {
            input,
            gzip,
            buffer: vec![0; BUFFER],
            start: 0,
            end: 0,
            before: 0,
        }
    }

    /// An input that begins at this place of a plain file.
    pub(super) fn at(input: Box<dyn Read + Send>, offset: u64) -> Self {
        Self {
            before: offset,
            ..Self::new(input, false)
        }
    }

    /// Where in the file [`bytes`](Self::bytes) begins.
    pub(super) fn offset(&self) -> u64 {
        self.before
    }

    /// What was read and not taken.
    pub(super) fn bytes(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    /// Reads until `length` bytes are there; whether they are.
    #[inline]
    pub(super) fn fill(&mut self, length: usize) -> Result<bool, Reason> {
        if self.end - self.start >= length {
            return Ok(true);
        }
        self.read(length)
    }

    fn read(&mut self, length: usize) -> Result<bool, Reason> {
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
            if length <= BUFFER && self.end <= BUFFER && self.buffer.len() > BUFFER {
                self.buffer.truncate(BUFFER);
                self.buffer.shrink_to_fit();
            }
        }
        while self.end < length {
            if self.end == self.buffer.len() {
                // only as far as there are bytes: a length may lie
                self.buffer.resize(self.buffer.len() * 2, 0);
            }
            let free = self.buffer.get_mut(self.end..).unwrap_or_default();
            match self.input.read(free) {
                Ok(0) => return Ok(false),
                Ok(read) => self.end += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Reason::of(&error, self.gzip)),
            }
        }
        Ok(true)
    }

    /// Fills, or says that the file ends within `what`.
    #[inline]
    pub(super) fn need(&mut self, length: usize, what: &'static str) -> Result<(), Reason> {
        if self.fill(length)? {
            return Ok(());
        }
        Err(Reason::Cut {
            what,
            there: (self.end - self.start) as u64,
            length: length as u64,
        })
    }

    /// Goes on behind bytes that are there.
    #[inline]
    pub(super) fn take(&mut self, length: usize) {
        let length = length.min(self.end - self.start);
        self.start += length;
        self.before += length as u64;
    }

    /// Goes on behind bytes that may not have been read yet; how many there were.
    pub(super) fn skip(&mut self, length: u64) -> Result<u64, Reason> {
        let mut left = length;
        while left > 0 {
            if self.start == self.end && !self.fill(1)? {
                break;
            }
            let some = usize::try_from(left).unwrap_or(usize::MAX);
            let some = some.min(self.end - self.start);
            self.take(some);
            left -= some as u64;
        }
        Ok(length - left)
    }

    /// Takes a packet's bytes, which are there, and what follows them.
    #[inline]
    pub(super) fn record(&mut self, length: usize, rest: usize) -> &[u8] {
        let start = self.start;
        self.take(length + rest);
        self.buffer.get(start..start + length).unwrap_or_default()
    }
}
