#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| overhear_webui::decode::websocket::fuzz(data));
