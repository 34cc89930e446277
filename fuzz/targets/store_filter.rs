//! What must hold is at `overhear_store::fuzz::filter`.

#![cfg_attr(fuzzing, no_main)]

overhear_fuzz::target!(store::filter);
