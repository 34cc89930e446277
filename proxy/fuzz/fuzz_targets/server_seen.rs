#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| overhear_proxy::tls_fuzz::server_seen(data));
