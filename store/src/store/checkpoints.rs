//! Copies the log into the database beside the writer, so that the writer need not.
//!
//! Under load only as far as nobody has to wait (PASSIVE): anything more starves the writer. When
//! nothing has been written for a while, the log is emptied, so that its space is given back.

use crate::sqlite::Database;
use parking_lot::Mutex;
use sqlx::{Connection as _, SqliteConnection};
use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    thread,
    time::Duration,
};
use tokio::{
    sync::{Notify, oneshot},
    time,
};

/// How often the log is copied under load.
const OFTEN: Duration = Duration::from_millis(250);

/// How long nothing must have been written before the log is emptied.
const QUIET: Duration = Duration::from_secs(1);

/// A smaller log stays.
const SMALL: u64 = 1024 * 1024;

/// When so many bytes were written, they are copied at once: the rest of a log that is full is copied by
/// the writer, and meanwhile nothing is written.
const MUCH: u64 = 8 * 1024 * 1024;

/// What the writer tells the thread.
#[derive(Default)]
pub(crate) struct Log {
    bytes: AtomicU64,
    written: Notify,
}

impl Log {
    /// Something was committed, about as large as this.
    pub(crate) fn wrote(&self, bytes: u64) {
        self.bytes.fetch_add(bytes.max(1), Relaxed);
        self.written.notify_one();
    }

    /// Returns when more has been committed than this since it was copied last.
    async fn has(&self, bytes: u64) {
        while self.bytes.load(Relaxed) <= bytes {
            self.written.notified().await;
        }
    }
}

/// The thread. It does nothing while nothing is written.
pub(super) struct Checkpoints {
    stop: Arc<Notify>,
    ended: Mutex<Option<oneshot::Receiver<()>>>,
}

impl Checkpoints {
    pub(super) async fn start(path: &Path, log: Arc<Log>) -> Result<Self, sqlx::Error> {
        // emptying waits this long for readers, and the writer meanwhile
        let options = super::reading(path).busy_timeout(Duration::from_millis(100));
        let connection = SqliteConnection::connect_with(&options).await?;
        let stop = Arc::new(Notify::new());
        let (ends, ended) = oneshot::channel();
        let thread = Thread {
            path: path.to_owned(),
            connection,
            log,
            stop: stop.clone(),
            _ends: ends,
        };
        thread::Builder::new()
            .name("overhear-log".to_owned())
            .spawn(move || thread.run())
            .map_err(sqlx::Error::Io)?;
        Ok(Self {
            stop,
            ended: Mutex::new(Some(ended)),
        })
    }

    /// Asks the thread to end.
    pub(super) fn stop(&self) {
        self.stop.notify_one();
    }

    /// Waits until the thread has let go of the database.
    pub(super) async fn stopped(&self) {
        let ended = self.ended.lock().take();
        if let Some(ended) = ended {
            // nothing is sent: it ends when the thread does
            let _ = ended.await;
        }
    }
}

struct Thread {
    path: PathBuf,
    connection: SqliteConnection,
    log: Arc<Log>,
    stop: Arc<Notify>,
    /// Dropped at the end.
    _ends: oneshot::Sender<()>,
}

impl Thread {
    fn run(self) {
        let Self {
            path,
            mut connection,
            log,
            stop,
            _ends,
        } = self;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build();
        let runtime = match runtime {
            Ok(runtime) => runtime,
            Err(error) => {
                tracing::error!("the log is not copied beside the writer: {error}");
                return;
            }
        };
        runtime.block_on(async {
            match connection.lock_handle().await {
                Ok(locked) => {
                    let database = Database::new(locked);
                    tokio::select! {
                        biased;
                        () = stop.notified() => (),
                        () = run(&path, &database, &log) => (),
                    }
                }
                Err(error) => tracing::error!("the log is not copied beside the writer: {error}"),
            }
            if let Err(error) = connection.close().await {
                tracing::debug!("closing the checkpoints' connection failed: {error}");
            }
        });
    }
}

async fn run(path: &Path, database: &Database<'_>, log: &Log) {
    loop {
        log.has(0).await;
        loop {
            let bytes = log.bytes.swap(0, Relaxed);
            checkpoint(database, "PRAGMA wal_checkpoint(PASSIVE)");
            // whoever copies the end of the log would have to wait for it, and mostly that is the writer
            if bytes > MUCH
                && let Err(failed) = database.sync()
            {
                tracing::debug!("the database cannot be synchronized: {failed}");
            }
            // lets it be stopped
            tokio::task::yield_now().await;
            if time::timeout(OFTEN, log.has(MUCH)).await.is_ok()
                || time::timeout(QUIET, log.has(0)).await.is_ok()
            {
                continue;
            }
            if log_size(path) <= SMALL {
                break;
            }
            checkpoint(database, "PRAGMA wal_checkpoint(TRUNCATE)");
        }
    }
}

/// Copies as far as it can.
fn checkpoint(database: &Database<'_>, sql: &str) {
    if let Err(failed) = database.run(sql, &[]) {
        // the writer has a backstop of its own, and says what is wrong
        tracing::debug!("a checkpoint failed: {failed}");
    }
}

/// Bytes of the log.
pub(super) fn log_size(database: &Path) -> u64 {
    let mut name = OsString::from(database);
    name.push("-wal");
    std::fs::metadata(name).map_or(0, |m| m.len())
}
