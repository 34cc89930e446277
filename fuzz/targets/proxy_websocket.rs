//! What must hold is at `overhear_proxy::fuzz::websocket`.

#![cfg_attr(fuzzing, no_main)]

overhear_fuzz::target!(proxy::websocket);
