//! What must hold is at `overhear_capture::fuzz::datagrams`.

#![cfg_attr(fuzzing, no_main)]

overhear_fuzz::target!(capture::datagrams);
