//! What must hold is at `overhear_store::fuzz::body_search`.

#![cfg_attr(fuzzing, no_main)]

overhear_fuzz::target!(store::body_search);
