#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| overhear_proxy::socks_fuzz::requests(data));
