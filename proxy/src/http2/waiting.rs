//! How much of the heads of requests waits for the server: `h2` holds each until the server takes bytes and has a
//! stream free, also when the client has cancelled it meanwhile. A server that does neither would let its client fill
//! the memory.

use http::Request;
use parking_lot::Mutex;
use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

/// The most that the heads that wait on a connection may have together, but for one: bytes.
pub(super) const MOST: usize = 16 << 20;

/// The heads that were given to `h2` and not yet written.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    /// The highest stream whose head was written.
    opened: Arc<AtomicU32>,
    heads: Mutex<Heads>,
}

#[derive(Debug, Default)]
struct Heads {
    /// Stream and size, in the order in which streams are opened.
    queue: VecDeque<(u32, usize)>,
    size: usize,
}

impl Waiting {
    /// `opened` is told the highest stream whose head was written.
    pub(super) fn new(opened: Arc<AtomicU32>) -> Self {
        Self {
            opened,
            heads: Mutex::default(),
        }
    }

    /// Whether a head of `size` bytes may wait too. One alone may have any size.
    pub(super) fn has_room(&self, size: usize) -> bool {
        let opened = self.opened.load(Ordering::Relaxed);
        let mut heads = self.heads.lock();
        while let Some((_, size)) = heads.queue.pop_front_if(|(stream, _)| *stream <= opened) {
            heads.size -= size;
        }
        heads.queue.is_empty() || heads.size.saturating_add(size) <= MOST
    }

    /// The head of a stream waits.
    pub(super) fn add(&self, stream: u32, size: usize) {
        let mut heads = self.heads.lock();
        heads.queue.push_back((stream, size));
        heads.size = heads.size.saturating_add(size);
    }
}

/// What a stream costs beside its head: bytes.
const STREAM: usize = 1 << 10;

/// What a request that waits costs: its fields as RFC 9113 section 6.5.2 counts them, its target, and its stream, bytes.
pub(super) fn size(request: &Request<()>) -> usize {
    let uri = request.uri();
    let authority = uri.authority().map_or(0, |a| a.as_str().len());
    let path = uri.path_and_query().map_or(0, |p| p.as_str().len());
    let fields = request.headers().iter();
    let fields = fields.map(|(name, value)| name.as_str().len() + value.len() + 32);
    STREAM + authority + path + fields.sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_room_again_for_what_was_written() {
        let opened = Arc::default();
        let waiting = Waiting::new(Arc::clone(&opened));
        // one alone may be of any size
        assert!(waiting.has_room(2 * MOST));
        for stream in [1, 3] {
            assert!(waiting.has_room(MOST / 2));
            waiting.add(stream, MOST / 2);
        }
        assert!(!waiting.has_room(1));
        opened.store(1, Ordering::Relaxed);
        assert!(waiting.has_room(MOST / 2) && !waiting.has_room(MOST / 2 + 1));
        waiting.add(5, MOST / 2);
        assert!(!waiting.has_room(1));
        opened.store(5, Ordering::Relaxed);
        assert!(waiting.has_room(2 * MOST));
    }

    #[test]
    fn requests_are_counted_with_what_they_cost() {
        let request = |uri| Request::get(uri).header("ab", "cde").header("ab", "");
        let fields = 2 + 3 + 32 + 2 + 32;
        let named = request("https://a.test/x?y").body(()).expect("a request");
        assert_eq!(size(&named), STREAM + 6 + 4 + fields);
        let bare = Request::get("/").body(()).expect("a request");
        assert_eq!(size(&bare), STREAM + 1);
    }
}
