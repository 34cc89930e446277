//! What must hold is at `overhear_proxy::fuzz::changed_request`.

#![cfg_attr(fuzzing, no_main)]

overhear_fuzz::target!(proxy::changed_request);
