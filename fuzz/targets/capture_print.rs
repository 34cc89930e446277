//! What must hold is at `overhear_capture::fuzz::print`.

#![cfg_attr(fuzzing, no_main)]

overhear_fuzz::target!(capture::print);
