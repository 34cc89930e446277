#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| overhear_proxy::upstream_fuzz::socks_answers(data));
