//! Flows that begin through a door, looked at by who opened it: while they are recorded, and when they are over and written.

use super::{FlowRecorder, live::LiveFlow, queue::Queue};
use crate::flow::{Flow, State};
use parking_lot::Mutex;
use std::sync::Arc;

/// What begins through a door that [`Recorder::seen_by`](super::Recorder::seen_by) opens; cheap to clone. It keeps the rows
/// of these flows in memory.
#[derive(Clone, Default)]
pub struct Seen(Arc<Mutex<Vec<Row>>>);

struct Row {
    queue: Arc<Queue>,
    live: Arc<LiveFlow>,
}

impl Seen {
    pub(super) fn add(&self, queue: &Arc<Queue>, live: &Arc<LiveFlow>) {
        self.0.lock().push(Row {
            queue: queue.clone(),
            live: live.clone(),
        });
    }

    /// The flows as they are now, in the order in which they began.
    pub fn flows(&self) -> Vec<Flow> {
        let rows = self.0.lock();
        rows.iter().map(|row| row.get()).collect()
    }

    /// The flow that began last.
    pub fn last(&self) -> Option<Flow> {
        self.0.lock().last().map(Row::get)
    }

    /// Changes the row of the flow that began last, if that flow is over: what
    /// [`FlowRecorder::edit`] can change.
    pub fn edit_last(&self, change: impl FnOnce(&mut Flow)) {
        let rows = self.0.lock();
        if let Some(row) = rows.last().filter(|row| row.get().state != State::Running) {
            // it is over: dropping this ends nothing
            let recorder = FlowRecorder {
                queue: row.queue.clone(),
                live: row.live.clone(),
            };
            recorder.edit(change);
        }
    }
}

impl Row {
    fn get(&self) -> Flow {
        self.live.state.lock().flow.clone()
    }
}
