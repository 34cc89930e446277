//! What happened since the last event.

use overhear_store::{FlowId, changes::Change};
use std::collections::BTreeSet;

/// Changes, put together.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Pending {
    /// New or changed.
    pub(super) flows: BTreeSet<FlowId>,
    /// Gone for good.
    pub(super) deleted: BTreeSet<FlowId>,
    /// Everything was deleted, before what is in `flows`.
    pub(super) cleared: bool,
    /// Something was missed.
    pub(super) missed: bool,
    /// Devices changed.
    pub(super) devices: bool,
    /// What waits for a person changed.
    pub(super) waiting: bool,
    /// Rules changed.
    pub(super) rules: bool,
    /// Scripts changed, or said something.
    pub(super) scripts: bool,
    /// Sessions changed.
    pub(super) sessions: bool,
    /// The program's state changed.
    pub(super) status: bool,
}

impl Pending {
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    pub(super) fn add(&mut self, change: Change) {
        match change {
            Change::Flows(ids) => {
                for id in ids.iter() {
                    // a deleted flow that goes on is there again
                    self.deleted.remove(id);
                    self.flows.insert(*id);
                }
            }
            Change::Deleted(ids) => {
                for id in ids.iter() {
                    self.flows.remove(id);
                    self.deleted.insert(*id);
                }
            }
            Change::Cleared => {
                self.flows.clear();
                self.deleted.clear();
                self.cleared = true;
            }
            Change::Lagged => {
                self.missed = true;
                self.sessions = true;
            }
            Change::Restored => self.missed = true,
            Change::Sessions => {
                self.sessions = true;
                self.status = true;
            }
            Change::Recording(_) => self.status = true,
            // the server watches this one for all
            Change::Trouble(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(ids: &[i64]) -> std::sync::Arc<[FlowId]> {
        ids.iter().map(|id| FlowId(*id)).collect()
    }

    #[test]
    fn the_last_word_counts() {
        let mut pending = Pending::default();
        assert!(pending.is_empty());
        pending.add(Change::Flows(ids(&[1, 2, 3])));
        pending.add(Change::Deleted(ids(&[2, 3])));
        pending.add(Change::Flows(ids(&[3])));
        assert_eq!(pending.flows, BTreeSet::from([FlowId(1), FlowId(3)]));
        assert_eq!(pending.deleted, BTreeSet::from([FlowId(2)]));
        pending.add(Change::Cleared);
        pending.add(Change::Flows(ids(&[4])));
        assert_eq!(pending.flows, BTreeSet::from([FlowId(4)]));
        assert!(pending.cleared && pending.deleted.is_empty() && !pending.missed);
        pending.add(Change::Lagged);
        assert!(pending.missed);
        assert!(pending.sessions && !pending.status);
        pending.add(Change::Sessions);
        assert!(pending.status);
        let mut back = Pending::default();
        back.add(Change::Restored);
        assert!(back.missed && !back.sessions);
        let mut calm = Pending::default();
        calm.add(Change::Trouble(None));
        assert!(calm.is_empty());
    }
}
