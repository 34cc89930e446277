//! What must hold is at `overhear_capture::fuzz::file`.

#![cfg_attr(fuzzing, no_main)]

overhear_fuzz::target!(capture::file);
