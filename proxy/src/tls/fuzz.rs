//! What must hold for any bytes at all that a server answers to a ClientHello. Run by the fuzz target in `proxy/fuzz`,
//! and by a test that mutates handshakes.

use super::seen::ServerSeen;

/// A handshake that is watched: what is read of it is the same however it is cut.
pub fn server_seen(bytes: &[u8]) {
    let read = |size: usize| {
        let mut seen = ServerSeen::default();
        let mut told = 0;
        for piece in bytes.chunks(size) {
            told += usize::from(seen.read(piece));
        }
        assert!(told <= 1, "it is told once");
        seen.info().clone()
    };
    let whole = read(bytes.len().max(1));
    for size in [1, 3, 100] {
        assert_eq!(read(size), whole, "{bytes:?}");
    }
}
