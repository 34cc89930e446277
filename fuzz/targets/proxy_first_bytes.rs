//! What must hold is at `overhear_proxy::fuzz::first_bytes`.

#![cfg_attr(fuzzing, no_main)]

overhear_fuzz::target!(proxy::first_bytes);
