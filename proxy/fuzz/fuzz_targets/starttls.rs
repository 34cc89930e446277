#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| overhear_proxy::starttls_fuzz::conversation(data));
