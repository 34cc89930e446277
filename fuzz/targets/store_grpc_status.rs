//! What must hold is at `overhear_store::fuzz::grpc_status`.

#![cfg_attr(fuzzing, no_main)]

overhear_fuzz::target!(store::grpc_status);
