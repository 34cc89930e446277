//! What must hold is at `overhear_store::fuzz::rules_file`.

#![cfg_attr(fuzzing, no_main)]

overhear_fuzz::target!(store::rules_file);
