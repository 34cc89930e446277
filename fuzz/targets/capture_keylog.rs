//! What must hold is at `overhear_capture::fuzz::keylog`.

#![cfg_attr(fuzzing, no_main)]

overhear_fuzz::target!(capture::keylog);
