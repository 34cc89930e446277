//! Buffers for pieces of bodies, used again and again: memory that one thread takes and another
//! frees is expensive, and a long body would do so for every piece.

use parking_lot::Mutex;

/// A row of a body has at most this many bytes.
pub(crate) const CHUNK: usize = 128 * 1024;

/// How many unused buffers are kept: 4 MiB.
const KEPT: usize = 32;

/// Unused buffers of [`CHUNK`] bytes capacity.
#[derive(Default)]
pub(crate) struct Pool {
    unused: Mutex<Vec<Vec<u8>>>,
}

impl Pool {
    /// An empty buffer with room for this many bytes, of which [`CHUNK`] are the most there are: one that is used again when they
    /// are more than half of that.
    pub(crate) fn take(&self, bytes: usize) -> Vec<u8> {
        if bytes <= CHUNK / 2 {
            return Vec::with_capacity(bytes);
        }
        let unused = self.unused.lock().pop();
        unused.unwrap_or_else(|| Vec::with_capacity(CHUNK))
    }

    /// Takes a buffer back, when it is one of its own.
    pub(crate) fn give(&self, mut buffer: Vec<u8>) {
        if buffer.capacity() < CHUNK {
            return;
        }
        let mut unused = self.unused.lock();
        if unused.len() < KEPT {
            buffer.clear();
            unused.push(buffer);
        }
    }

    /// Frees what is unused.
    pub(crate) fn clear(&self) {
        self.unused.lock().clear();
    }
}
