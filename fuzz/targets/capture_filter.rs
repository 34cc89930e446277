//! What must hold is at `overhear_capture::fuzz::filter`.

#![cfg_attr(fuzzing, no_main)]

overhear_fuzz::target!(capture::filter);
