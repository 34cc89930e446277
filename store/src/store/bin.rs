//! What was deleted and can be brought back: for how long, and until when.
//!
//! A deletion is a batch, named by its time. This run's batches are remembered here; what an earlier run has left
//! in the trash goes at the start.

use super::{Inner, Store};
use crate::{error::Error, flow::Timestamp};
use parking_lot::Mutex;
use std::{
    collections::VecDeque,
    sync::{Arc, Weak},
    time::Duration,
};
use tokio::{task::JoinHandle, time, time::Instant};

/// How long a deletion can be undone.
const KEPT: Duration = Duration::from_secs(10 * 60);

/// The batches that can be brought back.
pub(crate) struct Bin {
    kept: Mutex<Kept>,
    /// Held while flows move out of the trash, to either side.
    pub(crate) moving: tokio::sync::Mutex<()>,
    task: Mutex<Option<JoinHandle<()>>>,
}

struct Kept {
    /// The newest batch there ever was.
    last: i64,
    /// By time.
    batches: VecDeque<(i64, Instant)>,
}

impl Bin {
    /// `last` is the newest batch of earlier runs.
    pub(super) fn new(last: i64) -> Self {
        Self {
            kept: Mutex::new(Kept {
                last,
                batches: VecDeque::new(),
            }),
            moving: tokio::sync::Mutex::default(),
            task: Mutex::default(),
        }
    }

    /// A batch for a deletion that begins.
    pub(crate) fn begin(&self) -> i64 {
        let mut kept = self.kept.lock();
        kept.last = Timestamp::now().0.max(kept.last + 1);
        let batch = kept.last;
        kept.batches.push_back((batch, Instant::now() + KEPT));
        batch
    }

    /// A batch that nothing came of, or that is brought back.
    pub(crate) fn forget(&self, batch: i64) {
        self.kept.lock().batches.retain(|(kept, _)| *kept != batch);
    }

    /// Whether a batch can be brought back; `None` when there never was such a batch.
    pub(crate) fn has(&self, batch: i64) -> Option<bool> {
        let kept = self.kept.lock();
        (batch <= kept.last && batch > 0)
            .then(|| kept.batches.iter().any(|(known, _)| *known == batch))
    }

    /// Forgets what has been kept long enough (or all of it); gives the newest batch before what is kept.
    fn expire(&self, now: Option<Instant>) -> i64 {
        let mut kept = self.kept.lock();
        let over = |until: Instant| now.is_none_or(|now| until <= now);
        while kept.batches.front().is_some_and(|(_, until)| over(*until)) {
            kept.batches.pop_front();
        }
        kept.batches
            .front()
            .map_or(kept.last, |(batch, _)| batch - 1)
    }

    fn next(&self) -> Option<Instant> {
        self.kept.lock().batches.front().map(|(_, until)| *until)
    }

    /// Begins to watch.
    pub(super) fn watch(&self, inner: &Arc<Inner>) {
        let task = tokio::spawn(run(Arc::downgrade(inner), inner.queue.clone()));
        *self.task.lock() = Some(task);
    }

    /// No longer watches. A step that has begun is done or not: it is a transaction.
    pub(super) fn stop(&self) {
        if let Some(task) = self.task.lock().take() {
            task.abort();
        }
    }
}

/// Empties the trash at the start, when something has been in it for long enough, and when the disk is full.
async fn run(inner: Weak<Inner>, queue: Arc<crate::recorder::queue::Queue>) {
    let (mut all, mut swept) = (false, true);
    loop {
        let Some(inner) = inner.upgrade() else {
            return;
        };
        let store = Store { inner };
        let bin = &store.inner.bin;
        let up_to = bin.expire((!all).then(Instant::now));
        if let Err(error) = store.purge(up_to).await {
            if matches!(error, Error::Closed) {
                return;
            }
            // tried again with the next
            tracing::debug!("what was deleted could not be let go: {error}");
        }
        if !swept && let Err(error) = store.sweep_packets().await {
            if matches!(error, Error::Closed) {
                return;
            }
            // tried again after the next deletion
            tracing::debug!("packets that no flow leads to could not be removed: {error}");
        }
        let next = store.inner.bin.next();
        // only this may keep the store from being dropped, and only for as long as there is something to do
        drop(store);
        let timer = async {
            match next {
                Some(next) => time::sleep_until(next).await,
                None => time::sleep(KEPT).await,
            }
        };
        (all, swept) = tokio::select! {
            () = timer => (false, true),
            () = queue.short.notified() => (true, true),
            () = queue.reclaimed.notified() => (false, false),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_are_new_and_kept_for_a_while() {
        let later = Timestamp::now().0 + 1_000_000_000_000;
        // also when the clock was set back since the last run
        let bin = Bin::new(later);
        let (first, second) = (bin.begin(), bin.begin());
        assert!(first > later && second > first);
        assert_eq!((bin.has(first), bin.has(second)), (Some(true), Some(true)));
        assert_eq!(bin.has(later), Some(false));
        assert_eq!(
            (bin.has(second + 1), bin.has(0), bin.has(-1)),
            (None, None, None)
        );

        let now = Instant::now();
        assert_eq!(bin.expire(Some(now)), first - 1);
        bin.forget(first);
        assert_eq!(bin.expire(Some(now)), second - 1);
        assert_eq!(bin.expire(Some(now + KEPT * 2)), second);
        assert_eq!(
            (bin.has(first), bin.has(second)),
            (Some(false), Some(false))
        );
        let third = bin.begin();
        assert_eq!(bin.expire(None), third);
        assert_eq!(bin.next(), None);
    }
}
