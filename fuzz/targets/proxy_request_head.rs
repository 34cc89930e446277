//! What must hold is at `overhear_proxy::fuzz::request_head`.

#![cfg_attr(fuzzing, no_main)]

overhear_fuzz::target!(proxy::request_head);
