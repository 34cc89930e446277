//! Connections that were opened while recording was switched off: none is written unless a flow on it is.

use super::live::LiveConnection;
use crate::flow::ConnectionId;
use parking_lot::Mutex;
use std::{
    collections::HashMap,
    sync::{
        Arc, Weak,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
};

/// The connections, by number.
#[derive(Default)]
pub(crate) struct Hidden {
    connections: Mutex<HashMap<ConnectionId, Weak<LiveConnection>>>,
    /// How many there are: as a rule none, and then nobody takes the lock.
    count: AtomicUsize,
}

impl Hidden {
    pub(crate) fn add(&self, connection: &Arc<LiveConnection>) {
        let mut connections = self.connections.lock();
        connections.insert(connection.id, Arc::downgrade(connection));
        self.count.store(connections.len(), SeqCst);
    }

    /// Takes a connection away, to be listed.
    pub(crate) fn take(&self, id: ConnectionId) -> Option<Arc<LiveConnection>> {
        if self.count.load(SeqCst) == 0 {
            return None;
        }
        let mut connections = self.connections.lock();
        let found = connections.remove(&id);
        self.count.store(connections.len(), SeqCst);
        found?.upgrade()
    }
}
