//! What must hold is at `overhear_proxy::fuzz::socks_requests`.

#![cfg_attr(fuzzing, no_main)]

overhear_fuzz::target!(proxy::socks_requests);
