//! What must hold is at `overhear_proxy::fuzz::socks_answers`.

#![cfg_attr(fuzzing, no_main)]

overhear_fuzz::target!(proxy::socks_answers);
