//! What must hold is at `overhear_ca::fuzz::host_name`.

#![cfg_attr(fuzzing, no_main)]

overhear_fuzz::target!(ca::host_name);
