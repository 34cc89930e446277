//! Strings of C.

use super::ERROR_LENGTH;
use std::ffi::{CStr, c_char};

/// Where libpcap writes why something failed.
pub(super) struct ErrorText([c_char; ERROR_LENGTH + 1]);

impl ErrorText {
    pub(super) fn new() -> Self {
        Self([0; ERROR_LENGTH + 1])
    }

    pub(super) fn as_mut_ptr(&mut self) -> *mut c_char {
        self.0.as_mut_ptr()
    }

    pub(super) fn text(&self) -> String {
        // SAFETY: the last byte is beyond what libpcap may write, and zero.
        unsafe { text(self.0.as_ptr()) }
    }
}

/// A string of C; empty for a null pointer.
///
/// # Safety
/// Null, or a terminated string that lives through the call.
pub(super) unsafe fn text(pointer: *const c_char) -> String {
    // SAFETY: as promised by the caller.
    unsafe { optional_text(pointer) }.unwrap_or_default()
}

/// A string of C, if there is one.
///
/// # Safety
/// Null, or a terminated string that lives through the call.
pub(super) unsafe fn optional_text(pointer: *const c_char) -> Option<String> {
    if pointer.is_null() {
        return None;
    }
    // SAFETY: as promised by the caller.
    let text = unsafe { CStr::from_ptr(pointer) };
    Some(text.to_string_lossy().into_owned())
}
