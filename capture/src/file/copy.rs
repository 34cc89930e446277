//! What is read is copied: so that an imported file is kept as it came in.

use std::io::{self, Read};

/// Takes each piece as it was read.
pub(super) type Copy = Box<dyn FnMut(&[u8]) -> io::Result<()> + Send>;

/// An input that is copied while it is read.
pub(super) struct Copied {
    input: Box<dyn Read + Send>,
    copy: Copy,
}

impl Copied {
    pub(super) fn new(input: Box<dyn Read + Send>, copy: Copy) -> Self {
        Self { input, copy }
    }
}

impl Read for Copied {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.input.read(buffer)?;
        (self.copy)(buffer.get(..length).unwrap_or_default())?;
        Ok(length)
    }
}
