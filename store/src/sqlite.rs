//! SQLite's own interface, for what sqlx does not reach: prepared statements run in a row on the
//! writer's thread (2 to 3 times cheaper than through a channel), waiting until the database's file is
//! on the disk, and functions of ours called from SQL (see [`functions`]).
//!
//! A [`Database`] holds sqlx's lock on a connection for as long as it lives; what is made from it
//! borrows it and cannot leave the thread. So nobody else touches the connection meanwhile.

#![expect(
    unsafe_code,
    reason = "calls into the C library that sqlx already links"
)]

pub(crate) mod functions;

use libsqlite3_sys as ffi;
use sqlx::sqlite::LockedSqliteHandle;
use std::{
    ffi::{CStr, c_int},
    marker::PhantomData,
    ptr::{self, NonNull},
};

/// A connection that this thread has for itself.
pub(crate) struct Database<'c> {
    raw: NonNull<ffi::sqlite3>,
    _locked: LockedSqliteHandle<'c>,
}

impl<'c> Database<'c> {
    pub(crate) fn new(mut locked: LockedSqliteHandle<'c>) -> Self {
        Self {
            raw: locked.as_raw_handle(),
            _locked: locked,
        }
    }

    /// Prepares one statement, to be run many times.
    pub(crate) fn prepare(&self, sql: &str) -> Result<Statement<'_>, Failed> {
        let length = c_int::try_from(sql.len()).map_err(|_| Failed::too_big())?;
        let mut raw = ptr::null_mut();
        // SAFETY: the connection is open and ours (`_locked`); `sql` is valid for `length` bytes.
        let code = unsafe {
            ffi::sqlite3_prepare_v3(
                self.raw.as_ptr(),
                sql.as_ptr().cast(),
                length,
                ffi::SQLITE_PREPARE_PERSISTENT,
                &mut raw,
                ptr::null_mut(),
            )
        };
        match NonNull::new(raw) {
            Some(raw) if code == ffi::SQLITE_OK => {
                // SAFETY: the statement was just made.
                let parameters = unsafe { ffi::sqlite3_bind_parameter_count(raw.as_ptr()) };
                Ok(Statement {
                    raw,
                    database: self.raw,
                    parameters: usize::try_from(parameters).unwrap_or(0),
                    _borrowed: PhantomData,
                })
            }
            _ => Err(failed(self.raw, code)),
        }
    }

    /// Runs a statement once.
    pub(crate) fn run(&self, sql: &str, values: &[Value<'_>]) -> Result<u64, Failed> {
        self.prepare(sql)?.run(values)
    }

    /// Returns when what was written into the file of the database (not its log) is on the disk.
    pub(crate) fn sync(&self) -> Result<(), Failed> {
        let mut file: *mut ffi::sqlite3_file = ptr::null_mut();
        // SAFETY: the connection is open and ours; what is asked for is written into a pointer to a file
        // (<https://sqlite.org/c3ref/c_fcntl_begin_atomic_write.html>).
        let code = unsafe {
            ffi::sqlite3_file_control(
                self.raw.as_ptr(),
                c"main".as_ptr(),
                ffi::SQLITE_FCNTL_FILE_POINTER,
                (&raw mut file).cast(),
            )
        };
        if code != ffi::SQLITE_OK {
            return Err(failed(self.raw, code));
        }
        // SAFETY: the file is SQLite's own and open for as long as the connection is; its methods are there when it is
        // open.
        let code = unsafe {
            let methods = file.as_ref().and_then(|file| file.pMethods.as_ref());
            match methods.and_then(|methods| methods.xSync) {
                Some(sync) => sync(file, ffi::SQLITE_SYNC_NORMAL | ffi::SQLITE_SYNC_DATAONLY),
                None => ffi::SQLITE_OK,
            }
        };
        match code {
            ffi::SQLITE_OK => Ok(()),
            code => Err(failed(self.raw, code)),
        }
    }

    /// Whether no transaction is open.
    pub(crate) fn autocommit(&self) -> bool {
        // SAFETY: the connection is open and ours.
        unsafe { ffi::sqlite3_get_autocommit(self.raw.as_ptr()) != 0 }
    }
}

/// A value to bind. Text and blobs are not copied: they live until the statement has run.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Value<'v> {
    Null,
    Int(i64),
    Text(&'v str),
    Blob(&'v [u8]),
}

impl From<Option<i64>> for Value<'_> {
    fn from(value: Option<i64>) -> Self {
        value.map_or(Self::Null, Self::Int)
    }
}

impl<'v> From<Option<&'v str>> for Value<'v> {
    fn from(value: Option<&'v str>) -> Self {
        value.map_or(Self::Null, Self::Text)
    }
}

/// A prepared statement.
pub(crate) struct Statement<'d> {
    raw: NonNull<ffi::sqlite3_stmt>,
    database: NonNull<ffi::sqlite3>,
    parameters: usize,
    _borrowed: PhantomData<&'d ()>,
}

impl Statement<'_> {
    /// Runs the statement to its end; returns how many rows it changed.
    pub(crate) fn run(&mut self, values: &[Value<'_>]) -> Result<u64, Failed> {
        self.rows(values, |_| ())?;
        // SAFETY: the connection is open and ours.
        let changes = unsafe { ffi::sqlite3_changes64(self.database.as_ptr()) };
        Ok(u64::try_from(changes).unwrap_or(0))
    }

    /// Runs the statement to its end and shows every row.
    pub(crate) fn rows(
        &mut self,
        values: &[Value<'_>],
        mut each: impl FnMut(&Row<'_>),
    ) -> Result<(), Failed> {
        let result = self.bind(values).and_then(|()| {
            loop {
                // SAFETY: the statement is ours; what was bound lives until this function returns.
                match unsafe { ffi::sqlite3_step(self.raw.as_ptr()) } {
                    ffi::SQLITE_ROW => each(&Row {
                        raw: self.raw,
                        _borrowed: PhantomData,
                    }),
                    ffi::SQLITE_DONE => return Ok(()),
                    code => return Err(failed(self.database, code)),
                }
            }
        });
        // SAFETY: the statement is ours. What a reset returns repeats the error of the step. What was
        // bound is not looked at again: the next run binds every parameter anew.
        unsafe { ffi::sqlite3_reset(self.raw.as_ptr()) };
        result
    }

    fn bind(&mut self, values: &[Value<'_>]) -> Result<(), Failed> {
        let raw = self.raw.as_ptr();
        if values.len() != self.parameters {
            return Err(Failed {
                code: ffi::SQLITE_MISUSE,
                message: format!("{} values for {}", values.len(), self.parameters),
            });
        }
        for (at, value) in (1..).zip(values) {
            // SAFETY: the statement is ours; the bytes live for as long as `rows` steps.
            let code = unsafe {
                match *value {
                    Value::Null => ffi::sqlite3_bind_null(raw, at),
                    Value::Int(int) => ffi::sqlite3_bind_int64(raw, at, int),
                    Value::Text(text) => {
                        let length = c_int::try_from(text.len()).map_err(|_| Failed::too_big())?;
                        let bytes = text.as_ptr().cast();
                        ffi::sqlite3_bind_text(raw, at, bytes, length, ffi::SQLITE_STATIC())
                    }
                    // an empty slice's pointer may be anything but null, which SQLite would bind as NULL
                    Value::Blob(blob) => {
                        let length = c_int::try_from(blob.len()).map_err(|_| Failed::too_big())?;
                        let bytes = blob.as_ptr().cast();
                        ffi::sqlite3_bind_blob(raw, at, bytes, length, ffi::SQLITE_STATIC())
                    }
                }
            };
            if code != ffi::SQLITE_OK {
                return Err(failed(self.database, code));
            }
        }
        Ok(())
    }
}

impl Drop for Statement<'_> {
    fn drop(&mut self) {
        // SAFETY: made by `prepare`, finalized once; the connection outlives it by its lifetime.
        unsafe { ffi::sqlite3_finalize(self.raw.as_ptr()) };
    }
}

/// A row that a statement stands on.
pub(crate) struct Row<'r> {
    raw: NonNull<ffi::sqlite3_stmt>,
    _borrowed: PhantomData<&'r ()>,
}

impl Row<'_> {
    /// A column as an integer; 0 for NULL.
    pub(crate) fn int(&self, column: i32) -> i64 {
        // SAFETY: the statement stands on a row; a column out of range reads as NULL.
        unsafe { ffi::sqlite3_column_int64(self.raw.as_ptr(), column) }
    }

    /// A column as text; empty for NULL.
    pub(crate) fn text(&self, column: i32) -> String {
        // SAFETY: the statement stands on a row, and the bytes live until the next step; the length is asked for
        // after the text, as SQLite wants it.
        let bytes = unsafe {
            let text = ffi::sqlite3_column_text(self.raw.as_ptr(), column);
            let length = ffi::sqlite3_column_bytes(self.raw.as_ptr(), column);
            match usize::try_from(length) {
                Ok(length) if !text.is_null() => std::slice::from_raw_parts(text, length),
                _ => &[],
            }
        };
        String::from_utf8_lossy(bytes).into_owned()
    }
}

/// What SQLite answered when it did not do what it was told.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message} (SQLite code {code})")]
pub(crate) struct Failed {
    /// The extended result code.
    pub(crate) code: i32,
    pub(crate) message: String,
}

impl Failed {
    /// No room: the disk, or the limit on the database's size.
    pub(crate) fn disk_full(&self) -> bool {
        self.code & 0xff == ffi::SQLITE_FULL
    }

    /// Another connection is writing.
    pub(crate) fn busy(&self) -> bool {
        matches!(self.code & 0xff, ffi::SQLITE_BUSY | ffi::SQLITE_LOCKED)
    }

    /// There is such a row already.
    pub(crate) fn exists(&self) -> bool {
        self.code & 0xff == ffi::SQLITE_CONSTRAINT
    }

    /// The statement can never work with these values: trying again does not help.
    pub(crate) fn hopeless(&self) -> bool {
        matches!(
            self.code & 0xff,
            ffi::SQLITE_CONSTRAINT
                | ffi::SQLITE_MISMATCH
                | ffi::SQLITE_TOOBIG
                | ffi::SQLITE_RANGE
                | ffi::SQLITE_ERROR
                | ffi::SQLITE_MISUSE
        )
    }

    fn too_big() -> Self {
        Self {
            code: ffi::SQLITE_TOOBIG,
            message: "a value has more than 2 GiB".to_owned(),
        }
    }
}

fn failed(database: NonNull<ffi::sqlite3>, code: c_int) -> Failed {
    // SAFETY: the connection is open and ours; the message lives until the next call, and is copied at once.
    let message = unsafe { CStr::from_ptr(ffi::sqlite3_errmsg(database.as_ptr())) };
    Failed {
        code,
        message: message.to_string_lossy().into_owned(),
    }
}
