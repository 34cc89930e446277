//! What must hold for any bytes at all that come from a client, a server or another proxy. Run by the fuzz targets in `fuzz/`,
//! and by tests that mutate real ones. Where much is to be said of a parser, its function is beside it.

pub use crate::{
    http1::fuzz::{chunked, request_head, request_target, requests, response_head, responses},
    intercept::fuzz::{changed_request, json_pointer},
    replay::fuzz::{redirects, replayed},
    starttls::fuzz::conversation as starttls,
    target::socks::fuzz::requests as socks_requests,
    tls::fuzz::{client_hello, server_seen},
    upstream::fuzz::{socks_answers, tunnel_answers},
    websocket::fuzz::{websocket, websocket_extensions},
};

use crate::sniff;

/// What a client begins with, in a tunnel and on the proxy's own port: once it is told, more bytes tell nothing else, and
/// with enough of them it is told.
pub fn first_bytes(bytes: &[u8]) {
    let prefixes = || (0..=bytes.len()).map(|end| &bytes[..end]);
    let mut tunnel = None;
    let mut mixed = None;
    let mut settings = true;
    for prefix in prefixes() {
        let told = sniff::tunnel(prefix);
        assert!(tunnel.is_none() || told == tunnel, "{prefix:?}");
        tunnel = told;
        let told = sniff::mixed(prefix);
        assert!(mixed.is_none() || told == mixed, "{prefix:?}");
        mixed = told;
        let may_be = sniff::may_be_settings(prefix);
        assert!(settings || !may_be, "{prefix:?}");
        settings = may_be;
    }
    assert_eq!(mixed.is_none(), bytes.is_empty());
    assert!(tunnel.is_some() || bytes.len() <= 64 * 1024);
    let names = prefixes().filter_map(sniff::application);
    let names: Vec<_> = names.collect();
    assert!(names.windows(2).all(|pair| pair[0] == pair[1]));
    assert_eq!(names.last().copied(), sniff::application(bytes));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mutated_beginnings_are_told_once() {
        let seeds: [&[u8]; 8] = [
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
            b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n",
            b"BREW /pot HTTP/1.0\r\n",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04",
            b"\0\0\x06\x04\0\0\0\0\0\0\x03\0\0\0\x64",
            b"\x10\xff\xff\x7f\0\x04MQTT\x05\x02",
            b"\x05\x01\0",
            b"*1\r\n$4\r\nPING\r\n",
        ];
        overhear_fuzz_rounds::rounds("proxy_first_bytes", first_bytes, &seeds);
    }
}
