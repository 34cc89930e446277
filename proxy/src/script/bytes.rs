//! Bytes out of a script's memory.

#![expect(
    unsafe_code,
    reason = "QuickJS lends its memory; nobody else knows how to look at a typed array"
)]

use rquickjs::TypedArray;

/// A copy of what is in an array; none when its buffer was given away (`transfer`).
pub(super) fn copied(array: &TypedArray<'_, u8>) -> Option<Vec<u8>> {
    // SAFETY: nothing of the script runs while the slice is looked at: it is copied at once
    unsafe { array.as_bytes() }.map(<[u8]>::to_vec)
}
