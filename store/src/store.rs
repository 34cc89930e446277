//! The database file: opening, closing, and the handles into it.

mod bin;
mod checkpoints;
mod lock;
mod open;
mod work;

pub(crate) use {
    lock::{Lock, private},
    open::reading,
};

use crate::{
    changes::{Change, Changed, Changes},
    error::Error,
    recorder::{
        Recorder,
        queue::{Command, Queue},
    },
};
use bin::Bin;
use checkpoints::Checkpoints;
pub(crate) use checkpoints::Log;
use sqlx::SqlitePool;
use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};
use tokio::sync::oneshot;

/// How to open a store.
#[derive(Debug, Clone)]
pub struct StoreOptions {
    /// The database file; its folder must exist.
    pub path: PathBuf,
    /// Open for reading beside a running recorder (or none): starts no writer, changes nothing.
    /// Deleting and annotating still work, through a short transaction of their own.
    pub read_only: bool,
}

/// The recorded flows; cheap to clone. When the last clone is dropped without [`close`](Store::close), the
/// writer closes by itself, as soon as it can.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    path: PathBuf,
    read_only: bool,
    readers: SqlitePool,
    queue: Arc<Queue>,
    changes: Changed,
    checkpoints: Option<Checkpoints>,
    bin: Bin,
}

impl Store {
    /// Opens (and makes, and migrates) the database. With a writer, flows left running by a program that was
    /// killed become [`crate::State::Interrupted`].
    ///
    /// Must be called within a Tokio runtime, which must go on for as long as the store is open.
    ///
    /// # Errors
    /// [`Error::Folder`], [`Error::InUse`], [`Error::Newer`], [`Error::DiskFull`], [`Error::Database`].
    pub async fn open(options: StoreOptions) -> Result<Self, Error> {
        let inner = Arc::new(open::open(options).await?);
        if !inner.read_only {
            inner.bin.watch(&inner);
        }
        Ok(Self { inner })
    }

    /// The door for the engine. Only a store with a writer records; a read-only store's recorder drops everything.
    pub fn recorder(&self) -> Recorder {
        Recorder::new(self.inner.queue.clone())
    }

    /// Tells of every change from now on.
    pub fn changes(&self) -> Changes {
        self.inner.changes.subscribe()
    }

    /// Why nothing can be written just now, for a person; `None` when all is well.
    pub fn trouble(&self) -> Option<Arc<str>> {
        self.inner.queue.trouble()
    }

    /// Switches recording on or off. What is going on is recorded to its end; while it is off, what begins passes
    /// unrecorded, except through [`Recorder::always`]. A new run records.
    pub fn set_recording(&self, on: bool) {
        if self.inner.queue.switch_off(!on) {
            self.inner.changes.tell(Change::Recording(on));
        }
    }

    /// Whether recording is switched on; it may be in [`trouble`](Self::trouble) nevertheless.
    pub fn is_recording(&self) -> bool {
        !self.inner.queue.is_switched_off()
    }

    /// Flows that began in a second: the mean of the last five.
    pub fn flows_per_second(&self) -> f64 {
        self.inner.queue.rate.per_second(Instant::now())
    }

    /// The database file.
    pub fn path(&self) -> &Path {
        &self.inner.path
    }

    /// Bytes of the database, its log and the packets on disk.
    pub fn size_on_disk(&self) -> u64 {
        let database = std::fs::metadata(&self.inner.path).map_or(0, |m| m.len());
        database + checkpoints::log_size(&self.inner.path) + self.packets_on_disk()
    }

    /// Returns when everything that was recorded before the call is written and can be read.
    ///
    /// # Errors
    /// [`Error::Closed`]. While the disk is full, it waits for room.
    pub async fn flush(&self) -> Result<(), Error> {
        self.ask(Command::Flush).await
    }

    /// Returns when everything that was recorded before the call can be read. While nothing can be written (see
    /// [`trouble`](Self::trouble)), and without a writer, it returns at once.
    ///
    /// # Errors
    /// [`Error::Closed`].
    pub async fn settle(&self) -> Result<(), Error> {
        if self.inner.read_only {
            return Ok(());
        }
        let mut changes = self.changes();
        let troubled = async {
            while self.trouble().is_none() {
                if changes.next().await.is_none() {
                    // it is closed, as the writer says
                    std::future::pending::<()>().await;
                }
            }
        };
        tokio::select! {
            biased;
            () = troubled => Ok(()),
            written = self.flush() => written,
        }
    }

    /// Writes everything that was recorded, marks running flows interrupted, checkpoints, closes.
    ///
    /// # Errors
    /// [`Error::DiskFull`]: the last batch could not be written.
    pub async fn close(&self) -> Result<(), Error> {
        let result = if self.inner.read_only {
            Ok(())
        } else {
            self.inner.bin.stop();
            if let Some(checkpoints) = &self.inner.checkpoints {
                checkpoints.stop();
                checkpoints.stopped().await;
            }
            // readers would keep the log from being emptied
            self.inner.readers.close().await;
            match self.ask(Command::Close).await {
                Ok(result) => result,
                // closed already
                Err(_) => Ok(()),
            }
        };
        self.inner.readers.close().await;
        self.inner.changes.close();
        result
    }

    pub(crate) fn readers(&self) -> &SqlitePool {
        &self.inner.readers
    }

    pub(crate) fn queue(&self) -> &Queue {
        &self.inner.queue
    }

    pub(crate) fn bin(&self) -> &Bin {
        &self.inner.bin
    }

    pub(crate) fn is_read_only(&self) -> bool {
        self.inner.read_only
    }

    /// Asks the writer and waits for its answer.
    pub(crate) async fn ask<T>(
        &self,
        command: impl FnOnce(oneshot::Sender<T>) -> Command,
    ) -> Result<T, Error> {
        let (done, answer) = oneshot::channel();
        self.inner.queue.ask(command(done));
        answer.await.map_err(|_| Error::Closed)
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.bin.stop();
        if let Some(checkpoints) = &self.checkpoints {
            checkpoints.stop();
        }
        if !self.read_only {
            // nobody waits for the answer
            self.queue.ask(Command::Close(oneshot::channel().0));
        }
    }
}
