//! What must hold is at `overhear_ca::fuzz::certificates`.

#![cfg_attr(fuzzing, no_main)]

overhear_fuzz::target!(ca::certificates);
