//! What must hold is at `overhear_proxy::fuzz::json_pointer`.

#![cfg_attr(fuzzing, no_main)]

overhear_fuzz::target!(proxy::json_pointer);
