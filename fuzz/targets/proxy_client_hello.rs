//! What must hold is at `overhear_proxy::fuzz::client_hello`.

#![cfg_attr(fuzzing, no_main)]

overhear_fuzz::target!(proxy::client_hello);
