//! What must hold is at `overhear_proxy::fuzz::response_head`.

#![cfg_attr(fuzzing, no_main)]

overhear_fuzz::target!(proxy::response_head);
