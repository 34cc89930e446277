//! What must hold is at `overhear_store::fuzz::head`.

#![cfg_attr(fuzzing, no_main)]

overhear_fuzz::target!(store::head);
