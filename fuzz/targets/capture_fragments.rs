//! What must hold is at `overhear_capture::fuzz::fragments`.

#![cfg_attr(fuzzing, no_main)]

overhear_fuzz::target!(capture::fragments);
