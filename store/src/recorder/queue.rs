//! What the recording threads and the writer share: the list of what has changed, how many bytes
//! wait, and when the writer is woken.
//!
//! Waking a thread costs more than recording a flow. So the writer is woken only when it sleeps
//! because there was nothing to do, or when it waits for more and many bytes have come meanwhile.

use super::{
    apps::Apps,
    hidden::Hidden,
    live::{LiveConnection, LiveFlow},
    pool::Pool,
    rate::Rate,
};
use crate::{
    changes::Change,
    error::Error,
    flow::{FlowId, SessionId},
    sqlite::{Database, Failed},
    table::reclaim::Deleted,
};
use parking_lot::Mutex;
use std::{
    mem,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicI64, AtomicU8, AtomicU64, AtomicUsize, Ordering::SeqCst},
    },
    thread::{self, Thread},
    time::{Duration, Instant},
};
use tokio::sync::{Notify, oneshot};

/// [`crate::Recorder::room`] waits above this many bytes.
pub(crate) const FULL: u64 = 8 * 1024 * 1024;

/// While nothing can be written, flows are no longer taken at all above this many bytes.
pub(crate) const OVERFULL: u64 = 2 * FULL;

/// A writer that waits for more is woken at this many bytes.
const ENOUGH: u64 = 1024 * 1024;

/// What [`FULL`] is while something is read in as fast as it can be written. Hundreds of flows grow at once then: the fewer
/// bytes of each a batch has, the more often the same pages are written.
const FULL_IN_BULK: u64 = 96 * 1024 * 1024;

/// What [`ENOUGH`] is meanwhile.
const ENOUGH_IN_BULK: u64 = 32 * 1024 * 1024;

/// How often what changed is written.
const ROUND: Duration = Duration::from_millis(30);

/// What [`ROUND`] is meanwhile: it is seen that late.
const ROUND_IN_BULK: Duration = Duration::from_millis(300);

/// What the recording threads and the writer share.
pub(crate) struct Queue {
    changed: Mutex<Changed>,
    bytes: AtomicU64,
    mode: AtomicU8,
    writer: OnceLock<Thread>,
    closed: AtomicBool,
    in_trouble: AtomicBool,
    trouble: Mutex<Option<Arc<str>>>,
    room: Notify,
    next_flow: AtomicI64,
    next_connection: AtomicI64,
    session: AtomicI64,
    switched_off: AtomicBool,
    /// How many read something in.
    bulk: AtomicUsize,
    pub(crate) pool: Pool,
    /// How fast flows come.
    pub(crate) rate: Rate,
    /// Connections without a flow that is recorded.
    pub(crate) hidden: Hidden,
    /// The programs that made the connections from this computer.
    pub(crate) apps: Apps,
    /// The disk is full: what is kept for convenience may go.
    pub(crate) short: Notify,
    /// What was deleted is gone: files of packets may have become useless.
    pub(crate) reclaimed: Notify,
}

/// What changed since the writer looked last.
#[derive(Default)]
pub(crate) struct Changed {
    pub(crate) flows: Vec<Arc<LiveFlow>>,
    pub(crate) connections: Vec<Arc<LiveConnection>>,
    pub(crate) commands: Vec<Command>,
}

impl Changed {
    pub(crate) fn is_empty(&self) -> bool {
        self.flows.is_empty() && self.connections.is_empty() && self.commands.is_empty()
    }
}

/// What the writer is asked to do between two batches.
pub(crate) enum Command {
    /// Answers when all that was recorded before is written.
    Flush(oneshot::Sender<()>),
    /// Deletes flows; answers with those that there were.
    Delete(Vec<FlowId>, oneshot::Sender<Result<Deleted, Failed>>),
    /// Deletes connections that have no flow any more.
    DeleteConnections(Vec<i64>, oneshot::Sender<Result<(), Failed>>),
    /// Deletes all flows.
    Clear(oneshot::Sender<Result<u64, Failed>>),
    /// Does something in a transaction of its own; answers when that is committed.
    Work(Work, oneshot::Sender<Result<(), Failed>>),
    /// Writes what there is and ends.
    Close(oneshot::Sender<Result<(), Error>>),
}

/// What is done in a transaction.
pub(crate) type Work = Box<dyn FnOnce(&Database<'_>) -> Result<Done, Failed> + Send>;

/// What follows from a transaction, once it is committed.
#[derive(Default)]
pub(crate) struct Done {
    /// What the subscribers are told.
    pub(crate) changes: Vec<Change>,
    /// The session that is recorded into from now on.
    pub(crate) session: Option<SessionId>,
    /// There is space to give back.
    pub(crate) freed: bool,
}

impl Done {
    /// One thing is told.
    pub(crate) fn told(change: Change) -> Self {
        Self {
            changes: vec![change],
            ..Self::default()
        }
    }
}

/// The writer is at work; it looks again before it rests.
const BUSY: u8 = 0;
/// The writer waits for more, with a time limit.
const GATHERING: u8 = 1;
/// The writer sleeps until something changes.
const ASLEEP: u8 = 2;
/// The writer waits before it tries again; only a command wakes it.
const PAUSED: u8 = 3;

impl Queue {
    /// A queue whose first flow and connection get these numbers, and whose flows belong to this session.
    pub(crate) fn new(first_flow: i64, first_connection: i64, session: SessionId) -> Self {
        Self {
            changed: Mutex::default(),
            bytes: AtomicU64::new(0),
            mode: AtomicU8::new(BUSY),
            writer: OnceLock::new(),
            closed: AtomicBool::new(false),
            in_trouble: AtomicBool::new(false),
            trouble: Mutex::default(),
            room: Notify::new(),
            next_flow: AtomicI64::new(first_flow),
            next_connection: AtomicI64::new(first_connection),
            session: AtomicI64::new(session.0),
            switched_off: AtomicBool::new(false),
            bulk: AtomicUsize::new(0),
            pool: Pool::default(),
            rate: Rate::default(),
            hidden: Hidden::default(),
            apps: Apps::default(),
            short: Notify::new(),
            reclaimed: Notify::new(),
        }
    }

    pub(crate) fn next_flow(&self) -> i64 {
        self.next_flow.fetch_add(1, SeqCst)
    }

    pub(crate) fn next_connection(&self) -> i64 {
        self.next_connection.fetch_add(1, SeqCst)
    }

    /// The session that is recorded into.
    pub(crate) fn session(&self) -> SessionId {
        SessionId(self.session.load(SeqCst))
    }

    pub(crate) fn set_session(&self, session: SessionId) {
        self.session.store(session.0, SeqCst);
    }

    /// What begins is not recorded, because a person said so.
    pub(crate) fn is_switched_off(&self) -> bool {
        self.switched_off.load(SeqCst)
    }

    /// Switches recording off or on; whether that is news.
    pub(crate) fn switch_off(&self, off: bool) -> bool {
        self.switched_off.swap(off, SeqCst) != off
    }

    /// Whether a flow with this number has begun in this run or before.
    pub(crate) fn has_begun(&self, id: FlowId) -> bool {
        id.0 < self.next_flow.load(SeqCst)
    }

    pub(crate) fn add_flow(&self, flow: Arc<LiveFlow>) {
        if !self.is_closed() {
            self.changed.lock().flows.push(flow);
            self.wake_sleeping();
        }
    }

    pub(crate) fn add_connection(&self, connection: Arc<LiveConnection>) {
        if !self.is_closed() {
            self.changed.lock().connections.push(connection);
            self.wake_sleeping();
        }
    }

    /// Asks the writer; dropped (so that the asker sees a closed channel) when there is none.
    pub(crate) fn ask(&self, command: Command) {
        {
            let mut changed = self.changed.lock();
            if self.is_closed() {
                return;
            }
            changed.commands.push(command);
        }
        self.wake();
    }

    /// Something is read in as fast as it can be written.
    fn in_bulk(&self) -> bool {
        self.bulk.load(SeqCst) > 0
    }

    fn full(&self) -> u64 {
        if self.in_bulk() { FULL_IN_BULK } else { FULL }
    }

    fn enough(&self) -> u64 {
        if self.in_bulk() {
            ENOUGH_IN_BULK
        } else {
            ENOUGH
        }
    }

    /// How long the writer waits for more after it has begun a round.
    pub(crate) fn round(&self) -> Duration {
        if self.in_bulk() { ROUND_IN_BULK } else { ROUND }
    }

    /// Counts bytes that wait to be written.
    pub(crate) fn add_bytes(&self, count: u64) {
        let before = self.bytes.fetch_add(count, SeqCst);
        if before + count >= self.enough()
            && self.mode.load(SeqCst) == GATHERING
            && self.mode.swap(BUSY, SeqCst) == GATHERING
        {
            self.unpark();
        }
    }

    /// Counts bytes that were written (or given up).
    pub(crate) fn remove_bytes(&self, count: u64) {
        self.bytes.fetch_sub(count, SeqCst);
        self.room.notify_waiters();
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(SeqCst)
    }

    /// See [`crate::Recorder::room`].
    pub(crate) async fn room(&self) {
        loop {
            let notified = self.room.notified();
            if self.bytes() < self.full() || self.is_in_trouble() || self.is_closed() {
                return;
            }
            notified.await;
        }
    }

    /// Nothing is recorded any more.
    pub(crate) fn close(&self) {
        self.closed.store(true, SeqCst);
        // whoever is asking holds the lock: what was asked before is dropped with its answer
        self.changed.lock().commands.clear();
        self.room.notify_waiters();
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(SeqCst)
    }

    pub(crate) fn is_in_trouble(&self) -> bool {
        self.in_trouble.load(SeqCst)
    }

    pub(crate) fn trouble(&self) -> Option<Arc<str>> {
        self.trouble.lock().clone()
    }

    pub(crate) fn set_trouble(&self, text: Option<Arc<str>>) {
        self.in_trouble.store(text.is_some(), SeqCst);
        if text.is_some() {
            self.short.notify_one();
        }
        *self.trouble.lock() = text;
        self.room.notify_waiters();
    }

    /// Whether bytes (or, with `OVERFULL`, flows) must be given up: nothing can be written, and as many wait
    /// already; or nobody will write them.
    pub(crate) fn gives_up_above(&self, limit: u64) -> bool {
        (self.bytes() >= limit && self.is_in_trouble()) || self.is_closed()
    }

    // the writer's side

    /// Makes the calling thread the one that is woken.
    pub(crate) fn attach_writer(&self) {
        // a queue has one writer, which calls this once
        let _ = self.writer.set(thread::current());
    }

    /// What changed since the last call.
    pub(crate) fn take(&self) -> Changed {
        mem::take(&mut *self.changed.lock())
    }

    /// Only what it is asked to do.
    pub(crate) fn take_commands(&self) -> Vec<Command> {
        mem::take(&mut self.changed.lock().commands)
    }

    /// Sleeps until something changed.
    pub(crate) fn sleep(&self) {
        self.mode.store(ASLEEP, SeqCst);
        // whoever adds does so under this lock and looks at the mode after it
        if !self.changed.lock().is_empty() {
            self.mode.store(BUSY, SeqCst);
            return;
        }
        while self.mode.load(SeqCst) == ASLEEP {
            thread::park();
        }
    }

    /// Waits for more until a moment, or until there is enough or a command.
    pub(crate) fn gather(&self, until: Instant) {
        self.mode.store(GATHERING, SeqCst);
        if self.bytes() >= self.enough() || !self.changed.lock().commands.is_empty() {
            self.mode.store(BUSY, SeqCst);
            return;
        }
        self.wait(until);
    }

    /// Waits until a moment, or until there is a command.
    pub(crate) fn pause(&self, until: Instant) {
        self.mode.store(PAUSED, SeqCst);
        if !self.changed.lock().commands.is_empty() {
            self.mode.store(BUSY, SeqCst);
            return;
        }
        self.wait(until);
    }

    fn wait(&self, until: Instant) {
        while self.mode.load(SeqCst) != BUSY {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            thread::park_timeout(left);
        }
        self.mode.store(BUSY, SeqCst);
    }

    fn wake_sleeping(&self) {
        if self.mode.load(SeqCst) == ASLEEP && self.mode.swap(BUSY, SeqCst) == ASLEEP {
            self.unpark();
        }
    }

    fn wake(&self) {
        if self.mode.swap(BUSY, SeqCst) != BUSY {
            self.unpark();
        }
    }

    fn unpark(&self) {
        if let Some(writer) = self.writer.get() {
            writer.unpark();
        }
    }
}

/// While it lives, something is read in as fast as it can be written: see [`crate::Recorder::in_bulk`].
#[must_use = "it ends when it is dropped"]
pub struct Bulk(Arc<Queue>);

impl Drop for Bulk {
    fn drop(&mut self) {
        self.0.bulk.fetch_sub(1, SeqCst);
        // what has come is not waited with
        self.0.wake();
    }
}

impl crate::Recorder {
    /// How many bytes may wait to be written before [`room`](Self::room) makes the traffic wait.
    pub fn room_limit(&self) -> u64 {
        self.queue.full()
    }

    /// Much is read in, as fast as it can be written: until what this returns is dropped, 96 MiB may wait, and what changed is
    /// written in larger batches and less often.
    pub fn in_bulk(&self) -> Bulk {
        self.queue.bulk.fetch_add(1, SeqCst);
        Bulk(self.queue.clone())
    }
}
