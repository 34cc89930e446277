//! One program records into a database: a lock file beside it, released by the system however the program ends.

use crate::error::Error;
use std::{
    ffi::OsString,
    fs::{File, OpenOptions, TryLockError},
    io::{Read, Seek, Write},
    path::{Path, PathBuf},
    process,
};

/// The right to record; given back when dropped.
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the right to record into a database.
    pub(crate) fn take(database: &Path) -> Result<Self, Error> {
        let path = beside(database);
        let folder = |error: std::io::Error| Error::Folder {
            path: path.clone(),
            reason: error.to_string(),
        };
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        private(&mut options);
        let mut file = options.open(&path).map_err(folder)?;
        match file.try_lock() {
            Ok(()) => (),
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // only for the message
                let _ = file.read_to_string(&mut holder);
                return Err(Error::InUse {
                    path: database.to_owned(),
                    process: holder.trim().parse().ok(),
                });
            }
            Err(TryLockError::Error(error)) => return Err(folder(error)),
        }
        // only for the message of the next program: recording works without
        let _ = file
            .set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| writeln!(file, "{}", process::id()));
        Ok(Self { _file: file })
    }
}

fn beside(database: &Path) -> PathBuf {
    let mut name = OsString::from(database);
    name.push(".lock");
    name.into()
}

/// Files made with these options can be read by their owner alone.
#[cfg(unix)]
pub(crate) fn private(options: &mut OpenOptions) {
    use std::os::unix::fs::OpenOptionsExt;
    options.mode(0o600);
}

/// Files made with these options have the rights of their folder.
#[cfg(not(unix))]
pub(crate) fn private(_options: &mut OpenOptions) {}
