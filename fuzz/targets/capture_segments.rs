//! What must hold is at `overhear_capture::fuzz::segments`.

#![cfg_attr(fuzzing, no_main)]

overhear_fuzz::target!(capture::segments);
