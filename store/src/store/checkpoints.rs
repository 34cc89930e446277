//! Copies the log into the database beside the writer, so that the writer need not.
//!
//! Under load only as far as nobody has to wait (PASSIVE): anything more starves the writer. When
//! nothing has been written for a while, the log is emptied, so that its space is given back.

use parking_lot::Mutex;
use sqlx::{Connection as _, SqliteConnection};
use std::{ffi::OsString, path::Path, sync::Arc, time::Duration};
use tokio::{sync::Notify, task::JoinHandle, time};

/// How often the log is copied under load.
const OFTEN: Duration = Duration::from_millis(250);

/// How long nothing must have been written before the log is emptied.
const QUIET: Duration = Duration::from_secs(1);

/// A smaller log stays.
const SMALL: u64 = 1024 * 1024;

/// The task. It does nothing while nothing is written.
pub(super) struct Checkpoints {
    stop: Arc<Notify>,
    task: Mutex<Option<JoinHandle<()>>>,
}

impl Checkpoints {
    pub(super) async fn start(path: &Path, committed: Arc<Notify>) -> Result<Self, sqlx::Error> {
        // emptying waits this long for readers, and the writer meanwhile
        let options = super::reading(path).busy_timeout(Duration::from_millis(100));
        let mut connection = SqliteConnection::connect_with(&options).await?;
        let stop = Arc::new(Notify::new());
        let stopped = stop.clone();
        let path = path.to_owned();
        let task = tokio::spawn(async move {
            tokio::select! {
                () = run(&path, &mut connection, &committed) => (),
                () = stopped.notified() => (),
            }
            if let Err(error) = connection.close().await {
                tracing::debug!("closing the checkpoints' connection failed: {error}");
            }
        });
        Ok(Self {
            stop,
            task: Mutex::new(Some(task)),
        })
    }

    /// Asks the task to end.
    pub(super) fn stop(&self) {
        self.stop.notify_one();
    }

    /// Waits until the task has let go of the database.
    pub(super) async fn stopped(&self) {
        let task = self.task.lock().take();
        if let Some(task) = task {
            // a task that panicked has ended too
            let _ = task.await;
        }
    }
}

async fn run(path: &Path, connection: &mut SqliteConnection, committed: &Notify) {
    loop {
        committed.notified().await;
        loop {
            checkpoint(connection, "PRAGMA wal_checkpoint(PASSIVE)").await;
            time::sleep(OFTEN).await;
            if time::timeout(QUIET, committed.notified()).await.is_ok() {
                continue;
            }
            if log_size(path) <= SMALL {
                break;
            }
            checkpoint(connection, "PRAGMA wal_checkpoint(TRUNCATE)").await;
        }
    }
}

async fn checkpoint(connection: &mut SqliteConnection, sql: &'static str) {
    if let Err(error) = sqlx::query(sql).execute(connection).await {
        // the writer has a backstop of its own, and says what is wrong
        tracing::debug!("a checkpoint failed: {error}");
    }
}

/// Bytes of the log.
pub(super) fn log_size(database: &Path) -> u64 {
    let mut name = OsString::from(database);
    name.push("-wal");
    std::fs::metadata(name).map_or(0, |m| m.len())
}
