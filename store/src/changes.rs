//! Who is told what changed.
//!
//! After each committed batch the writer tells every subscriber which flows it touched. A
//! subscriber that falls behind is told so ([`Change::Lagged`]) and reads its view again.

use crate::flow::FlowId;
use parking_lot::Mutex;
use std::sync::Arc;
use tokio::sync::broadcast::{self, error::RecvError};

/// How many changes a subscriber may fall behind.
const BEHIND: usize = 256;

/// What happened since the last change.
#[derive(Debug, Clone)]
pub enum Change {
    /// These flows are new or different; ascending, without duplicates.
    Flows(Arc<[FlowId]>),
    /// These flows are gone.
    Deleted(Arc<[FlowId]>),
    /// Everything is gone.
    Cleared,
    /// Many flows are there (again): read the list again.
    Restored,
    /// There are other sessions, or another one is recorded into.
    Sessions,
    /// Recording was switched on or off.
    Recording(bool),
    /// Some changes were missed: read again.
    Lagged,
    /// Recording stopped or went on because of the disk: the text is for a person, `None` when well again.
    Trouble(Option<Arc<str>>),
}

/// A subscription to changes.
pub struct Changes {
    receiver: Option<broadcast::Receiver<Change>>,
}

impl Changes {
    /// The next change; `None` when the store is closed (and, at once, when it is read-only).
    pub async fn next(&mut self) -> Option<Change> {
        match self.receiver.as_mut()?.recv().await {
            Ok(change) => Some(change),
            Err(RecvError::Lagged(_)) => Some(Change::Lagged),
            Err(RecvError::Closed) => None,
        }
    }
}

/// The telling side; cheap to clone.
#[derive(Clone)]
pub(crate) struct Changed {
    sender: Arc<Mutex<Option<broadcast::Sender<Change>>>>,
}

impl Changed {
    /// `told` is false when there is no writer that could tell.
    pub(crate) fn new(told: bool) -> Self {
        let sender = told.then(|| broadcast::Sender::new(BEHIND));
        Self {
            sender: Arc::new(Mutex::new(sender)),
        }
    }

    pub(crate) fn subscribe(&self) -> Changes {
        Changes {
            receiver: self
                .sender
                .lock()
                .as_ref()
                .map(broadcast::Sender::subscribe),
        }
    }

    pub(crate) fn has_subscribers(&self) -> bool {
        let sender = self.sender.lock();
        sender.as_ref().is_some_and(|s| s.receiver_count() > 0)
    }

    pub(crate) fn tell(&self, change: Change) {
        if let Some(sender) = &*self.sender.lock() {
            // there may be nobody
            let _ = sender.send(change);
        }
    }

    /// Ends every subscription.
    pub(crate) fn close(&self) {
        self.sender.lock().take();
    }
}
