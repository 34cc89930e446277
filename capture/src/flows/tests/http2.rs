//! HTTP/2 in the clear.

use super::*;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
const SETTINGS: &[u8] = b"\0\0\0\x04\0\0\0\0\0";
/// GET / and 200, each with the end of its stream.
const GET: &[u8] = b"\0\0\x06\x01\x05\0\0\0\x01\x82\x86\x84\x41\x01a";
const OK: &[u8] = b"\0\0\x01\x01\x05\0\0\0\x01\x88";

#[test]
fn streams_of_http2_are_flows() {
    // the server may speak first
    for turn in [false, true] {
        let mut made = Made::opened();
        for client in [turn, !turn] {
            made.tcp(client, ACK, if client { PREFACE } else { SETTINGS });
        }
        made.tcp(true, ACK, GET);
        made.tcp(
            true,
            ACK,
            &[&GET[..8], &[3, 0x82, 0x86, 0x84, 0x41, 1, b'b']].concat(),
        );
        made.tcp(false, ACK, OK);
        made.tcp(false, ACK, &[&OK[..8], &[3, 0x88]].concat());
        assert_eq!(made.closed().read(), (2, vec![]));
    }
}

#[test]
fn an_upgrade_to_http2_goes_on_as_its_first_stream() {
    let mut made = Made::opened();
    made.tcp(
        true,
        ACK,
        b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n",
    );
    made.tcp(
        false,
        ACK,
        b"HTTP/1.1 101 Yes\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
    );
    made.tcp(false, ACK, SETTINGS);
    made.tcp(true, ACK, PREFACE);
    made.tcp(false, ACK, OK);
    made.tcp(
        true,
        ACK,
        &[&GET[..8], &[3, 0x82, 0x86, 0x84, 0x41, 1, b'b']].concat(),
    );
    made.tcp(false, ACK, &[&OK[..8], &[3, 0x88]].concat());
    assert_eq!(made.closed().read(), (2, vec![]));
}
