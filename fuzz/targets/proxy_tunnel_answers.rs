//! What must hold is at `overhear_proxy::fuzz::tunnel_answers`.

#![cfg_attr(fuzzing, no_main)]

overhear_fuzz::target!(proxy::tunnel_answers);
