//! Expressions, compiled.

use super::{
    Library,
    raw::{OwnHeader, RawHeader, RawProgram},
};

/// A compiled expression.
pub struct Program {
    pub(super) functions: &'static Library,
    pub(super) raw: RawProgram,
}

// SAFETY: the instructions are only read once they are compiled.
unsafe impl Send for Program {}

impl Program {
    /// Whether a packet matches: `data` of it was captured, `original` bytes were on the wire.
    pub fn matches(&self, data: &[u8], original: u32) -> bool {
        let header = OwnHeader {
            header: RawHeader {
                time: libc::timeval {
                    tv_sec: 0,
                    tv_usec: 0,
                },
                captured: u32::try_from(data.len()).unwrap_or(u32::MAX),
                original,
            },
            room: [0; 256],
        };
        // SAFETY: program, header and bytes are live, and the header says how many bytes there are.
        let matched = unsafe {
            (self.functions.offline_filter)(
                &raw const self.raw,
                (&raw const header).cast::<RawHeader>(),
                data.as_ptr(),
            )
        };
        matched != 0
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // SAFETY: live until here, and never used again.
        unsafe { (self.functions.freecode)(&raw mut self.raw) };
    }
}
