//! The one that writes: a thread of its own, which collects what changed and writes it in batches.
//!
//! It decides when: at once when it slept, then every round ([`Queue::round`]) while there is work, sooner when
//! much has come, and again and again when the disk does not take it. What it has taken from the
//! queue is kept until it is committed.

mod batch;

use crate::{
    changes::{Change, Changed},
    error::Error,
    flow::{FailureCause, Party},
    recorder::queue::{Command, Queue},
    sqlite::{Database, Failed, Value},
    store::{Lock, Log},
    table::{
        flows,
        reclaim::{self, Reclaimer},
    },
};
use batch::{Batch, Statements};
use sqlx::{Connection as _, SqliteConnection};
use std::{
    mem,
    path::PathBuf,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};
use tokio::sync::oneshot;

/// How long readers and other writers are given between two steps of giving space back.
const BREATH: Duration = Duration::from_millis(4);

/// How long to wait before a batch that failed is tried again.
const AGAIN: Duration = Duration::from_millis(500);

/// How long another writing program is waited for before that is called trouble.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why a flow is interrupted that was running when the store was closed.
const STOPPED: &str = "The program was stopped while this was going on.";

/// Why a flow is interrupted that was running when the store was opened.
const KILLED: &str =
    "The program was killed, or the machine stopped, while this was going on: the end is missing.";

/// What the writer works with.
pub(crate) struct Writer {
    pub(crate) connection: SqliteConnection,
    pub(crate) queue: Arc<Queue>,
    pub(crate) changes: Changed,
    pub(crate) log: Arc<Log>,
    pub(crate) path: PathBuf,
    /// Held until this thread has ended.
    pub(crate) lock: Option<Lock>,
    /// Connections with at least this number are of this run.
    pub(crate) open_from: i64,
}

/// Marks what a killed program left running. Returns how many flows that were.
pub(crate) async fn interrupt_killed(database: &mut SqliteConnection) -> Result<u64, sqlx::Error> {
    let query = sqlx::query(flows::INTERRUPT)
        .bind(FailureCause::Other as i64)
        .bind(Party::Proxy as i64)
        .bind(KILLED);
    Ok(query.execute(database).await?.rows_affected())
}

impl Writer {
    /// Starts the thread.
    pub(crate) fn start(self) -> std::io::Result<thread::JoinHandle<()>> {
        let name = "overhear-store".to_owned();
        thread::Builder::new().name(name).spawn(move || self.run())
    }

    fn run(self) {
        let Self {
            mut connection,
            queue,
            changes,
            log,
            path,
            lock,
            open_from,
        } = self;
        // whatever happens to this thread: nobody waits for it
        let mut closing = CloseOnDrop {
            queue: queue.clone(),
            changes: changes.clone(),
            told: false,
        };
        queue.attach_writer();
        let runtime = match tokio::runtime::Builder::new_current_thread().build() {
            Ok(runtime) => runtime,
            Err(error) => {
                tracing::error!("the writer cannot start: {error}");
                return;
            }
        };
        let done = match runtime.block_on(connection.lock_handle()) {
            Ok(locked) => {
                let database = Database::new(locked);
                match Statements::prepare(&database) {
                    Ok(statements) => {
                        let mut at_work = AtWork {
                            database: &database,
                            statements,
                            queue: &queue,
                            changes,
                            log,
                            path,
                            batch: None,
                            flushing: Vec::new(),
                            failing_since: None,
                            open_from,
                            // what an earlier run has left
                            reclaiming: true,
                            reclaimer: Reclaimer::default(),
                        };
                        at_work.go_on()
                    }
                    Err(failed) => {
                        tracing::error!("the writer cannot start: {failed}");
                        None
                    }
                }
            }
            Err(error) => {
                tracing::error!("the writer cannot start: {error}");
                None
            }
        };
        closing.told = done.is_some();
        drop(closing);
        if let Err(error) = runtime.block_on(connection.close()) {
            tracing::warn!("closing the database failed: {error}");
        }
        drop(lock);
        if let Some((done, result)) = done {
            // who asked may have gone
            let _ = done.send(result);
        }
    }
}

/// Closes the queue however the thread ends, and says so when it was not told to end.
struct CloseOnDrop {
    queue: Arc<Queue>,
    changes: Changed,
    told: bool,
}

impl Drop for CloseOnDrop {
    fn drop(&mut self) {
        if !self.told {
            let text: Arc<str> = Arc::from(
                "Recording has stopped because of an error in overhear, see its log. Start it again.",
            );
            self.queue.set_trouble(Some(text.clone()));
            self.changes.tell(Change::Trouble(Some(text)));
        }
        self.queue.close();
    }
}

/// The answer to the command that ends the writer.
type Closing = (oneshot::Sender<Result<(), Error>>, Result<(), Error>);

struct AtWork<'d> {
    database: &'d Database<'d>,
    statements: Statements<'d>,
    queue: &'d Queue,
    changes: Changed,
    log: Arc<Log>,
    path: PathBuf,
    /// What was taken from the queue and is not committed.
    batch: Option<Batch>,
    /// Who waits for the batch.
    flushing: Vec<oneshot::Sender<()>>,
    failing_since: Option<Instant>,
    /// Connections with at least this number are of this run.
    open_from: i64,
    /// There is space to give back, as far as is known.
    reclaiming: bool,
    reclaimer: Reclaimer,
}

impl AtWork<'_> {
    /// Writes until it is told to close.
    fn go_on(&mut self) -> Option<Closing> {
        loop {
            let begun = Instant::now();
            let Some(commands) = self.round() else {
                if self.reclaiming {
                    self.reclaim();
                    self.queue.gather(Instant::now() + BREATH);
                    continue;
                }
                self.queue.pool.clear();
                self.queue.sleep();
                self.queue.gather(Instant::now() + self.queue.round());
                continue;
            };
            for command in commands {
                if let Command::Close(done) = command {
                    return Some((done, self.close()));
                }
                self.obey(command);
            }
            if self.batch.is_some() {
                self.queue.pause(Instant::now() + AGAIN);
            } else if self.reclaiming {
                self.reclaim();
                self.queue.gather(Instant::now() + BREATH);
            } else {
                self.queue.gather(begun + self.queue.round());
            }
        }
    }

    /// Writes what there is; returns the commands that came with it. While a batch waits for the disk, what
    /// is new waits in the queue, where it is bounded. `None` when there was nothing to do.
    fn round(&mut self) -> Option<Vec<Command>> {
        if self.batch.is_some() {
            self.write_batch();
        }
        if self.batch.is_some() {
            return Some(self.queue.take_commands());
        }
        let mut changed = self.queue.take();
        let mut commands = mem::take(&mut changed.commands);
        // what they wait for was in the queue then, and is in this batch
        commands.extend(self.flushing.drain(..).map(Command::Flush));
        if changed.is_empty() {
            return (!commands.is_empty()).then_some(commands);
        }
        let batch = Batch::collect(changed);
        self.queue.rate.add(Instant::now(), batch.new_flows());
        self.batch = Some(batch);
        self.write_batch();
        Some(commands)
    }

    fn write_batch(&mut self) {
        let Some(batch) = self.batch.take() else {
            return;
        };
        match self.in_transaction(|_, statements| batch.write(statements)) {
            Ok(()) => {
                self.well_again();
                batch.tell(&self.changes);
                self.log.wrote(batch.cost);
                self.queue.remove_bytes(batch.cost);
                batch.recycle(&self.queue.pool);
            }
            Err(failed) => {
                self.trouble(&failed);
                self.batch = Some(batch);
            }
        }
    }

    fn in_transaction<T>(
        &mut self,
        work: impl FnOnce(&Database<'_>, &mut Statements<'_>) -> Result<T, Failed>,
    ) -> Result<T, Failed> {
        self.statements.begin.run(&[])?;
        let result = work(self.database, &mut self.statements).and_then(|value| {
            self.statements.commit.run(&[])?;
            Ok(value)
        });
        if result.is_err() {
            self.statements.connections.forget_certificates();
            // some errors have rolled back already
            if !self.database.autocommit()
                && let Err(failed) = self.database.run("ROLLBACK", &[])
            {
                tracing::error!("rolling back failed: {failed}");
            }
        }
        result
    }

    fn trouble(&mut self, failed: &Failed) {
        let since = *self.failing_since.get_or_insert_with(Instant::now);
        if self.queue.is_in_trouble() || (failed.busy() && since.elapsed() < PATIENCE) {
            return;
        }
        // whoever reads the page is told what to do; where the file is and what SQLite said is for the log
        let why = if failed.disk_full() {
            "The disk that holds the recording is full. Recording waits for room, traffic goes on: what does not fit \
             into memory meanwhile is not recorded. Free some space, or delete flows."
        } else if failed.busy() {
            "Another program holds the recording's database. Writing is tried again; traffic goes on, and what does \
             not fit into memory meanwhile is not recorded. Close that program."
        } else {
            "The recording cannot be written; the log says why. Writing is tried again; traffic goes on, and what \
             does not fit into memory meanwhile is not recorded."
        };
        tracing::error!("{why} ({}: {failed})", self.path.display());
        let text: Arc<str> = why.into();
        self.queue.set_trouble(Some(text.clone()));
        self.changes.tell(Change::Trouble(Some(text)));
    }

    fn well_again(&mut self) {
        self.failing_since = None;
        if self.queue.is_in_trouble() {
            tracing::info!("the database can be written again");
            self.queue.set_trouble(None);
            self.changes.tell(Change::Trouble(None));
        }
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Flush(done) if self.batch.is_some() => self.flushing.push(done),
            Command::Flush(done) => {
                let _ = done.send(());
            }
            Command::Delete(ids, done) => {
                let result = self.in_transaction(|database, _| reclaim::delete(database, &ids));
                if let Ok(deleted) = &result
                    && !deleted.flows.is_empty()
                {
                    self.deleted(Change::Deleted(deleted.flows.clone().into()));
                }
                let _ = done.send(result);
            }
            Command::DeleteConnections(ids, done) => {
                let work = |database: &Database<'_>| reclaim::delete_connections(database, &ids);
                let _ = done.send(self.in_transaction(|database, _| work(database)));
            }
            Command::Clear(done) => {
                let open_from = self.open_from;
                let result = self.in_transaction(|database, _| reclaim::clear(database, open_from));
                if result.is_ok() {
                    self.statements.connections.forget_certificates();
                    self.deleted(Change::Cleared);
                }
                let _ = done.send(result);
            }
            Command::Work(work, done) => {
                let result = self.in_transaction(|database, _| work(database));
                let _ = done.send(result.map(|follows| {
                    if let Some(session) = follows.session {
                        self.queue.set_session(session);
                    }
                    for change in follows.changes {
                        self.changes.tell(change);
                    }
                    self.log.wrote(0);
                    self.reclaiming |= follows.freed;
                }));
            }
            // ends the loop that calls this
            Command::Close(_) => (),
        }
    }

    fn deleted(&mut self, change: Change) {
        self.changes.tell(change);
        self.log.wrote(0);
        self.reclaiming = true;
    }

    /// Gives back the space of what was deleted, a step at a time.
    fn reclaim(&mut self) {
        match self.reclaimer.step(self.database) {
            Ok(true) => {}
            Ok(false) => {
                self.reclaiming = false;
                self.queue.reclaimed.notify_one();
            }
            // tried again with the next deletion, or the next start
            Err(failed) if !failed.busy() => {
                tracing::warn!("giving back the space of deleted flows failed: {failed}");
                self.reclaiming = false;
            }
            Err(_) => (),
        }
        self.log.wrote(0);
    }

    /// The last batch; then nothing is recorded any more.
    fn close(&mut self) -> Result<(), Error> {
        self.queue.close();
        self.round();
        let values = [
            Value::Int(FailureCause::Other as i64),
            Value::Int(Party::Proxy as i64),
            Value::Text(STOPPED),
        ];
        let interrupted = self.database.run(flows::INTERRUPT, &values);
        match interrupted {
            _ if self.batch.is_some() => Err(self.lost()),
            Ok(_) => {
                // what the log holds is safe there too: a reader may keep it from being emptied
                if let Err(failed) = self.database.run("PRAGMA wal_checkpoint(TRUNCATE)", &[]) {
                    tracing::warn!("the last checkpoint failed: {failed}");
                }
                Ok(())
            }
            Err(_) => Err(self.lost()),
        }
    }

    fn lost(&self) -> Error {
        Error::DiskFull {
            path: self.path.clone(),
        }
    }
}
