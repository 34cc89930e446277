//! What must hold is at `overhear_proxy::fuzz::request_target`.

#![cfg_attr(fuzzing, no_main)]

overhear_fuzz::target!(proxy::request_target);
