#![no_main]

use libfuzzer_sys::fuzz_target;
use overhear_webui::decode::websocket::Messages;
use overhear_store::Side;

// The bytes of both directions of a WebSocket, in pieces: a side, a length, bytes.
fuzz_target!(|data: &[u8]| {
    let mut messages = Messages::new("permessage-deflate");
    let mut rest = data;
    while let Some(([what, length], after)) = rest.split_first_chunk() {
        let (piece, after) = after.split_at(usize::from(*length).min(after.len()));
        rest = after;
        let side = if what & 1 == 0 { Side::Request } else { Side::Response };
        if messages.take(side, piece).is_err() {
            return;
        }
    }
    let _ = messages.cut();
});
