//! Decoded bodies in parts. A decoder that has given a part waits here for the request that goes on where it stopped:
//! the next part then costs what it holds, and not all that stands before it. Few wait, and not for long; where none does,
//! the body is decoded from its beginning and what stands before the part is passed over.

use super::{Decoded, Error, body};
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use overhear_store::{Flow, FlowId, Side, State, Store};
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Decoders that wait at most: each has a window of up to some megabytes.
const MOST: usize = 2;

/// How long one waits; looked at when the next comes or goes.
const PATIENCE: Duration = Duration::from_secs(120);

/// Decoders that have given a part.
#[derive(Default)]
pub(crate) struct Paused(Mutex<Vec<Waiting>>);

/// A body as it was recorded so far: a longer one is another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Recorded {
    flow: FlowId,
    side: Side,
    size: u64,
    state: State,
}

struct Waiting {
    of: Recorded,
    /// Bytes that it has given.
    at: u64,
    rest: Decoded,
    since: Instant,
}

impl Paused {
    /// At most `length` bytes of a decoded body, from the byte `from` on; nothing when the body ends before.
    ///
    /// # Errors
    /// As [`body`].
    pub(crate) async fn part(
        self: Arc<Self>,
        store: &Store,
        flow: &Flow,
        side: Side,
        from: u64,
        length: u64,
    ) -> Result<Decoded, Error> {
        if length == 0 {
            return Ok(stream::empty().boxed());
        }
        let message = match side {
            Side::Request => &flow.request,
            Side::Response => &flow.response,
        };
        let of = Recorded {
            flow: flow.id,
            side,
            size: message.body_size,
            state: flow.state,
        };
        let (at, rest) = match self.take(of, from) {
            Some(waiting) => (waiting.at, waiting.rest),
            None => (0, body(store, flow, side).await?),
        };
        let part = Part {
            paused: self,
            of,
            at,
            from,
            end: from.saturating_add(length),
            rest: Some(rest),
        };
        Ok(stream::unfold(part, Part::next).boxed())
    }

    /// The decoder that has come the closest to a byte, and not beyond it.
    fn take(&self, of: Recorded, from: u64) -> Option<Waiting> {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.retain(|one| one.since.elapsed() < PATIENCE);
        let fitting = waiting.iter().enumerate();
        let fitting = fitting.filter(|(_, one)| one.of == of && one.at <= from);
        let (place, _) = fitting.max_by_key(|(_, one)| one.at)?;
        Some(waiting.remove(place))
    }

    fn put(&self, of: Recorded, at: u64, rest: Decoded) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.retain(|one| one.since.elapsed() < PATIENCE);
        if waiting.len() >= MOST {
            // the one that has waited the longest
            waiting.remove(0);
        }
        waiting.push(Waiting {
            of,
            at,
            rest,
            since: Instant::now(),
        });
    }
}

/// A part that is being given.
struct Part {
    paused: Arc<Paused>,
    of: Recorded,
    /// Bytes that were decoded.
    at: u64,
    from: u64,
    end: u64,
    /// None once the part is whole.
    rest: Option<Decoded>,
}

impl Part {
    async fn next(mut self) -> Option<(Result<Bytes, Error>, Self)> {
        loop {
            let mut rest = self.rest.take()?;
            let bytes = match rest.next().await? {
                Ok(bytes) => bytes,
                Err(error) => return Some((Err(error), self)),
            };
            let within = |at: u64| {
                let at = usize::try_from(at.saturating_sub(self.at)).unwrap_or(usize::MAX);
                at.min(bytes.len())
            };
            let (begin, stop) = (within(self.from), within(self.end));
            let (piece, over) = (bytes.slice(begin..stop), bytes.slice(stop..));
            self.at += bytes.len() as u64;
            if self.at < self.end {
                self.rest = Some(rest);
            } else {
                let rest = stream::iter([Ok(over)]).chain(rest);
                // before the last piece is given: who has it may ask for the next part
                self.paused.put(self.of, self.end, rest.boxed());
            }
            if !piece.is_empty() {
                return Some((Ok(piece), self));
            }
        }
    }
}

#[cfg(test)]
impl Paused {
    /// Where the waiting decoders stand, the oldest first.
    pub(crate) fn places(&self) -> Vec<u64> {
        let waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.iter().map(|one| one.at).collect()
    }
}
