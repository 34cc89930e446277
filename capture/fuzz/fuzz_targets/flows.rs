#![no_main]

use libfuzzer_sys::fuzz_target;
use overhear_capture::{Reader, flows::Flows};
use std::io::Cursor;

fuzz_target!(|data: &[u8]| {
    let Ok(mut reader) = Reader::new(Cursor::new(data.to_vec())) else {
        return;
    };
    let mut flows = Flows::new(None, "fuzz");
    // what gzip inflates to is not bounded by the input
    for _ in 0..10_000 {
        match reader.next() {
            Ok(Some(packet)) => flows.packet(&packet),
            _ => break,
        }
    }
    flows.finish();
});
