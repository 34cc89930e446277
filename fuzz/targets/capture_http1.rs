//! What must hold is at `overhear_capture::fuzz::http1`.

#![cfg_attr(fuzzing, no_main)]

overhear_fuzz::target!(capture::http1);
