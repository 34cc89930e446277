//! SQL functions that filters are made of:
//!
//! * `overhear_match(pattern, value)`: whether a text or blob matches a regular expression;
//! * `overhear_network(network, address)`: whether `ip:port` is in a network;
//! * `overhear_body(pattern, flow, kind, request_encoding, response_encoding)`: whether one of a flow's bodies matches, across
//!   its pieces.
//!
//! The first argument is a parameter, so SQLite keeps what was made of it (the compiled expression)
//! with the running statement.

use super::{Failed, failed};
use crate::{
    filter::{
        content::{Content, Form},
        search::{self, Network},
    },
    flow::{FlowId, Kind, Side},
    table::chunks,
};
use libsqlite3_sys as ffi;
use regex::bytes::Regex;
use sqlx::sqlite::LockedSqliteHandle;
use std::{
    ffi::{CStr, c_int, c_void},
    panic::{AssertUnwindSafe, catch_unwind},
    ptr, slice,
};

type Function =
    unsafe extern "C" fn(*mut ffi::sqlite3_context, c_int, *mut *mut ffi::sqlite3_value);

/// Makes the functions known to a connection.
pub(crate) fn register(locked: &mut LockedSqliteHandle<'_>) -> Result<(), Failed> {
    let raw = locked.as_raw_handle();
    let functions: [(&CStr, c_int, Function); 3] = [
        (c"overhear_match", 2, matches),
        (c"overhear_network", 2, in_network),
        (c"overhear_body", 5, body_matches),
    ];
    for (name, arguments, function) in functions {
        // SAFETY: the connection is open and locked; the function is one of ours, takes any number of
        // arguments and has no state.
        let code = unsafe {
            ffi::sqlite3_create_function_v2(
                raw.as_ptr(),
                name.as_ptr(),
                arguments,
                ffi::SQLITE_UTF8 | ffi::SQLITE_DETERMINISTIC | ffi::SQLITE_DIRECTONLY,
                ptr::null_mut(),
                Some(function),
                None,
                None,
                None,
            )
        };
        if code != ffi::SQLITE_OK {
            return Err(failed(raw, code));
        }
    }
    Ok(())
}

unsafe extern "C" fn matches(
    context: *mut ffi::sqlite3_context,
    count: c_int,
    values: *mut *mut ffi::sqlite3_value,
) {
    // SAFETY: SQLite calls with as many values as it says, alive until we return.
    let call = unsafe { Call::new(context, count, values) };
    call.answer(|call| {
        let pattern = call.kept::<Regex>(|text| search::compile(text).ok())?;
        Some(pattern.is_match(call.bytes(1)?))
    });
}

unsafe extern "C" fn in_network(
    context: *mut ffi::sqlite3_context,
    count: c_int,
    values: *mut *mut ffi::sqlite3_value,
) {
    // SAFETY: as above.
    let call = unsafe { Call::new(context, count, values) };
    call.answer(|call| {
        let network = call.kept::<Network>(|text| text.parse().ok())?;
        let address = std::str::from_utf8(call.bytes(1)?).ok()?;
        Some(network.contains(address))
    });
}

unsafe extern "C" fn body_matches(
    context: *mut ffi::sqlite3_context,
    count: c_int,
    values: *mut *mut ffi::sqlite3_value,
) {
    // SAFETY: as above.
    let call = unsafe { Call::new(context, count, values) };
    call.answer(|call| {
        let pattern = call.kept::<Regex>(|text| search::compile(text).ok())?;
        let flow = FlowId(call.int(1));
        let websocket = call.int(2) == Kind::WebSocket as i64;
        let mut pieces = Pieces::prepare(call)?;
        for (side, encoding) in [(Side::Request, 3), (Side::Response, 4)] {
            let form = match websocket {
                true => Form::Frames,
                false => Form::Coded(std::str::from_utf8(call.bytes(encoding)?).unwrap_or("")),
            };
            let mut content = Content::new(pattern, form);
            let body = chunks::body(flow, side);
            if pieces.any(body, |piece| content.add(piece)) || content.finish() {
                return Some(true);
            }
        }
        Some(false)
    });
}

/// One call of a function.
struct Call<'c> {
    context: *mut ffi::sqlite3_context,
    values: &'c [*mut ffi::sqlite3_value],
}

impl<'c> Call<'c> {
    /// # Safety
    /// What SQLite has called a function with, and before that function returns.
    unsafe fn new(
        context: *mut ffi::sqlite3_context,
        count: c_int,
        values: *mut *mut ffi::sqlite3_value,
    ) -> Self {
        let count = usize::try_from(count).unwrap_or(0);
        Self {
            context,
            // SAFETY: the caller's promise.
            values: unsafe { slice::from_raw_parts(values, count) },
        }
    }

    /// Answers with 1 or 0, or NULL when there is no answer. A panic of ours does not unwind into C.
    fn answer(&self, work: impl FnOnce(&Self) -> Option<bool>) {
        let answer = catch_unwind(AssertUnwindSafe(|| work(self))).unwrap_or(None);
        // SAFETY: the context is that of the running call.
        unsafe {
            match answer {
                Some(found) => ffi::sqlite3_result_int(self.context, found.into()),
                None => ffi::sqlite3_result_null(self.context),
            }
        }
    }

    /// A value as text or blob; `None` for NULL.
    fn bytes(&self, at: usize) -> Option<&'c [u8]> {
        let value = *self.values.get(at)?;
        // SAFETY: the value lives until the call ends; it is read as a blob before its length is asked for.
        unsafe {
            if ffi::sqlite3_value_type(value) == ffi::SQLITE_NULL {
                return None;
            }
            let bytes = ffi::sqlite3_value_blob(value);
            let length = usize::try_from(ffi::sqlite3_value_bytes(value)).unwrap_or(0);
            if bytes.is_null() || length == 0 {
                return Some(&[]);
            }
            Some(slice::from_raw_parts(bytes.cast(), length))
        }
    }

    fn int(&self, at: usize) -> i64 {
        // SAFETY: the value lives until the call ends.
        let int = |value: &*mut ffi::sqlite3_value| unsafe { ffi::sqlite3_value_int64(*value) };
        self.values.get(at).map_or(0, int)
    }

    /// What is made of the first argument, kept by SQLite for the next call.
    fn kept<T: Kept>(&self, make: impl FnOnce(&str) -> Option<T>) -> Option<&'c T> {
        // SAFETY: what a function keeps for its first argument was put there below by the same
        // function, so it is a `T`; SQLite frees it when the statement ends or the argument changes, not
        // during a call.
        unsafe {
            let kept = ffi::sqlite3_get_auxdata(self.context, 0);
            if !kept.is_null() {
                return Some(&*kept.cast::<T>());
            }
        }
        let made = make(std::str::from_utf8(self.bytes(0)?).ok()?)?;
        let made: *mut c_void = Box::into_raw(Box::new(made)).cast();
        // SAFETY: ownership goes to SQLite, which gives it to `free` once; at once when it is out of
        // memory, and then it is not there when asked for.
        unsafe {
            ffi::sqlite3_set_auxdata(self.context, 0, made, Some(free::<T>));
            let kept = ffi::sqlite3_get_auxdata(self.context, 0);
            (!kept.is_null()).then(|| &*kept.cast::<T>())
        }
    }
}

/// What may be kept between calls.
trait Kept {}

impl Kept for Regex {}
impl Kept for Network {}

unsafe extern "C" fn free<T: Kept>(kept: *mut c_void) {
    // SAFETY: made by `Box::into_raw` of a `T` in `kept`, given back once.
    drop(unsafe { Box::from_raw(kept.cast::<T>()) });
}

/// Reads the pieces of bodies, within a call.
struct Pieces(*mut ffi::sqlite3_stmt);

impl Pieces {
    fn prepare(call: &Call<'_>) -> Option<Self> {
        let sql = c"SELECT data FROM chunks WHERE id BETWEEN ? AND ? ORDER BY id";
        let mut raw = ptr::null_mut();
        // SAFETY: the connection is the one that calls us, on this thread; the text ends with a zero.
        let code = unsafe {
            let database = ffi::sqlite3_context_db_handle(call.context);
            ffi::sqlite3_prepare_v2(database, sql.as_ptr(), -1, &mut raw, ptr::null_mut())
        };
        (code == ffi::SQLITE_OK && !raw.is_null()).then_some(Self(raw))
    }

    /// Shows the pieces of a range of keys until one is right.
    fn any(&mut self, (first, last): (i64, i64), mut right: impl FnMut(&[u8]) -> bool) -> bool {
        let mut found = false;
        // SAFETY: the statement is ours; a row's blob lives until the next step.
        unsafe {
            ffi::sqlite3_bind_int64(self.0, 1, first);
            ffi::sqlite3_bind_int64(self.0, 2, last);
            while !found && ffi::sqlite3_step(self.0) == ffi::SQLITE_ROW {
                let bytes = ffi::sqlite3_column_blob(self.0, 0);
                let length = usize::try_from(ffi::sqlite3_column_bytes(self.0, 0)).unwrap_or(0);
                if !bytes.is_null() && length > 0 {
                    found = right(slice::from_raw_parts(bytes.cast(), length));
                }
            }
            ffi::sqlite3_reset(self.0);
        }
        found
    }
}

impl Drop for Pieces {
    fn drop(&mut self) {
        // SAFETY: made by `prepare`, finalized once.
        unsafe { ffi::sqlite3_finalize(self.0) };
    }
}
