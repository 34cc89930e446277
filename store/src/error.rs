//! What can go wrong in the store, in words for the person who runs it.

use std::path::PathBuf;

/// Everything that can go wrong between a caller and the recorded flows.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The data folder or the database cannot be read or written.
    #[error("cannot use the data folder {}: {reason}", path.display())]
    Folder {
        /// The folder or file that was tried.
        path: PathBuf,
        /// What the system said, and what to do about it.
        reason: String,
    },
    /// The database was written by a newer overhear.
    #[error(
        "the database {} was written by a newer overhear (schema {found}, this one knows {known}): start the newer program, or choose another folder with --data", path.display()
    )]
    Newer {
        /// The database file.
        path: PathBuf,
        /// The schema version in the file.
        found: i64,
        /// The newest schema version this program knows.
        known: i64,
    },
    /// Another program records into the database.
    #[error(
        "another overhear{} is recording into {}: stop it first, or choose another folder with --data",
        process.map(|id| format!(" (process {id})")).unwrap_or_default(),
        path.display()
    )]
    InUse {
        /// The database file.
        path: PathBuf,
        /// The other program's process number, when it is known.
        process: Option<u32>,
    },
    /// A filter that cannot be read.
    #[error(transparent)]
    Filter(#[from] crate::filter::FilterError),
    /// A page cursor that this store did not make.
    #[error("the page cursor is not one that this program made: start again without it")]
    Cursor,
    /// The disk is full.
    #[error("the disk that holds {} is full: recording has stopped until there is room", path.display())]
    DiskFull {
        /// The database file.
        path: PathBuf,
    },
    /// SQLite failed in a way that is not the caller's doing.
    #[error("the database failed: {0}")]
    Database(#[from] sqlx::Error),
    /// The store has been closed.
    #[error("the store is closed")]
    Closed,
}
