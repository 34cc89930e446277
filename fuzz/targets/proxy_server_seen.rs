//! What must hold is at `overhear_proxy::fuzz::server_seen`.

#![cfg_attr(fuzzing, no_main)]

overhear_fuzz::target!(proxy::server_seen);
