#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| overhear_capture::fuzz::filter(data));
