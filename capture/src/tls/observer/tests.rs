use super::*;
use crate::tls::Level;

fn record(kind: u8, fragment: &[u8]) -> Vec<u8> {
    let length = u16::try_from(fragment.len()).unwrap().to_be_bytes();
    [&[kind, 3, 3], length.as_slice(), fragment].concat()
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let [_, a, b, c] = u32::try_from(body.len()).unwrap().to_be_bytes();
    [&[kind, a, b, c], body].concat()
}

fn client_hello() -> Vec<u8> {
    let name = b"\0\0\0\x0b\0\x09\0\0\x06a.test";
    let alpn = b"\0\x10\0\x05\0\x03\x02h2";
    let mut body = vec![3, 3];
    body.extend([7; 32]);
    body.extend([0, 0, 4, 0x13, 0x01, 0xc0, 0x2f, 1, 0]);
    body.extend(
        u16::try_from(name.len() + alpn.len())
            .unwrap()
            .to_be_bytes(),
    );
    body.extend(name);
    body.extend(alpn);
    message(1, &body)
}

fn server_hello(random: [u8; 32], extensions: &[u8]) -> Vec<u8> {
    let mut body = vec![3, 3];
    body.extend(random);
    body.extend([0, 0xc0, 0x2f, 0]);
    if !extensions.is_empty() {
        body.extend(u16::try_from(extensions.len()).unwrap().to_be_bytes());
        body.extend(extensions);
    }
    message(2, &body)
}

fn at(time: i64, packet: u64) -> Position {
    Position {
        at: Timestamp(time),
        packet,
        ..Position::default()
    }
}

fn run(steps: &[(Side, Vec<u8>)], piece: usize) -> Observed {
    let mut observer = Observer::default();
    for (packet, (side, bytes)) in (1..).zip(steps) {
        for piece in bytes.chunks(piece) {
            observer.push(*side, at(packet * 10, packet as u64), piece);
        }
    }
    observer.seen().clone()
}

#[test]
fn a_handshake_of_tls_12_is_read() {
    let certificate = message(11, b"\0\0\x08\0\0\x05chain");
    let steps = [
        (Side::Request, record(22, &client_hello())),
        (
            Side::Response,
            record(22, &[server_hello([9; 32], b""), certificate].concat()),
        ),
        (
            Side::Request,
            [record(20, &[1]), record(22, b"encrypted")].concat(),
        ),
        (
            Side::Response,
            [record(20, &[1]), record(22, b"encrypted")].concat(),
        ),
        (Side::Request, record(23, b"data")),
        (Side::Request, record(21, b"encrypted alert")),
    ];
    let whole = run(&steps, usize::MAX);
    let info = whole.info();
    assert_eq!(
        (info.version.as_str(), info.sni.as_deref()),
        ("TLSv1.2", Some("a.test"))
    );
    assert_eq!(info.cipher, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256");
    assert_eq!(info.alpn_offered, ["h2"]);
    assert_eq!(whole.certificates, [b"chain"]);
    assert_eq!((whole.done, whole.data), (Some(Timestamp(40)), [4, 0]));
    assert_eq!(whole.hellos, [Some(1), Some(2)]);
    assert_eq!(whole.alerts.len(), 1);
    assert_eq!(whole.alerts[0].alert, None);
    for piece in [1, 2, 5, 13] {
        assert_eq!(run(&steps, piece), whole, "in pieces of {piece}");
    }
}

#[test]
fn the_version_of_tls_13_is_in_an_extension_and_a_retry_is_no_answer() {
    let retry = server_hello(
        [
            0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65,
            0xb8, 0x91, 0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2,
            0xc8, 0xa8, 0x33, 0x9c,
        ],
        b"\0\x2b\0\x02\x03\x04",
    );
    let hello = server_hello([9; 32], b"\0\x2b\0\x02\x03\x04");
    let seen = run(
        &[
            (Side::Request, record(22, &client_hello())),
            (
                Side::Response,
                [record(22, &retry), record(20, &[1])].concat(),
            ),
            (
                Side::Request,
                [record(20, &[1]), record(22, &client_hello())].concat(),
            ),
            (
                Side::Response,
                [record(22, &hello), record(20, &[1]), record(23, b"abc")].concat(),
            ),
            (Side::Request, record(23, b"finished")),
        ],
        usize::MAX,
    );
    assert!(seen.is_13());
    assert_eq!(seen.info().version, "TLSv1.3");
    assert_eq!(seen.hellos, [Some(1), Some(4)]);
    assert_eq!(seen.done, Some(Timestamp(50)));
}

#[test]
fn an_alert_says_who_sent_it() {
    let seen = run(
        &[
            (Side::Request, record(22, &client_hello())),
            (Side::Response, record(21, &[2, 40])),
        ],
        1,
    );
    let alert = seen.alerts[0];
    assert_eq!((alert.side, alert.packet), (Side::Response, 2));
    let alert = alert.alert.unwrap();
    assert_eq!(
        (alert.level, alert.name()),
        (Level::Fatal, "handshake_failure")
    );
}

#[test]
fn a_message_that_never_ends_is_not_kept() {
    let mut observer = Observer::default();
    let start = record(22, b"\x01\xff\xff\xff");
    observer.push(Side::Request, at(1, 1), &start);
    for _ in 0..100 {
        observer.push(Side::Request, at(1, 1), &record(22, &[0; 16_000]));
    }
    assert!(observer.sides[0].message.capacity() < 1 << 20);
    assert_eq!(observer.seen(), &Observed::default());
}

/// What both sides say of a handshake of TLS 1.3 that goes well: its hidden records have so many bytes.
fn shaken_hands() -> Vec<(Side, Vec<u8>)> {
    let hello = server_hello([9; 32], b"\0\x2b\0\x02\x03\x04");
    vec![
        (Side::Request, record(22, &client_hello())),
        (
            Side::Response,
            [record(22, &hello), record(20, &[1]), hidden(900)].concat(),
        ),
        (Side::Request, [record(20, &[1]), hidden(53)].concat()),
    ]
}

fn hidden(length: usize) -> Vec<u8> {
    record(23, &vec![0; length])
}

fn closed(steps: &[(Side, Vec<u8>)]) -> [bool; 2] {
    let mut observer = Observer::default();
    for (packet, (side, bytes)) in (1..).zip(steps) {
        observer.push(*side, at(packet, packet as u64), bytes);
    }
    [Side::Request, Side::Response].map(|side| observer.has_closed(side))
}

#[test]
fn the_end_of_tls_13_shows_by_the_length_of_its_last_record() {
    let (client, server) = (Side::Request, Side::Response);
    let closes = |more: &[(Side, usize)]| {
        let mut steps = shaken_hands();
        steps.extend(more.iter().map(|(side, length)| (*side, hidden(*length))));
        closed(&steps)
    };
    assert_eq!(closes(&[]), [false, false]);
    assert_eq!(closes(&[(client, 100), (server, 300)]), [false, false]);
    assert_eq!(
        closes(&[(client, 100), (server, 300), (client, 19)]),
        [true, false]
    );
    assert_eq!(
        closes(&[(client, 100), (server, 300), (server, 19)]),
        [false, true]
    );
    assert_eq!(closes(&[(client, 19)]), [true, false]);
    // a certificate of the client that is missing or not accepted: nothing came after the handshake
    assert_eq!(closes(&[(client, 100), (server, 19)]), [false, false]);
    // messages of two bytes, and one that something follows
    assert_eq!(closes(&[(client, 19), (client, 19)]), [false, false]);
    assert_eq!(closes(&[(client, 19), (client, 20)]), [false, false]);
    // the server's certificate is not accepted: instead of Finished
    let mut refused = shaken_hands();
    refused[2].1 = [record(20, &[1]), hidden(19)].concat();
    assert_eq!(closed(&refused), [false, false]);
    // what comes last is cut, or missing
    let mut cut = shaken_hands();
    cut.push((client, [hidden(19), vec![23, 3]].concat()));
    assert_eq!(closed(&cut), [false, false]);
    let mut observer = Observer::default();
    for (side, bytes) in shaken_hands() {
        observer.push(side, at(1, 1), &bytes);
    }
    observer.push(client, at(1, 1), &hidden(19));
    assert!(observer.has_closed(client));
    observer.gap(client, 100);
    assert!(!observer.has_closed(client));
}

#[test]
fn the_end_of_tls_12_is_an_alert() {
    let hands = [
        (Side::Request, record(22, &client_hello())),
        (Side::Response, record(22, &server_hello([9; 32], b""))),
        (
            Side::Request,
            [record(20, &[1]), record(22, &[0; 40])].concat(),
        ),
        (
            Side::Response,
            [record(20, &[1]), record(22, &[0; 40])].concat(),
        ),
    ];
    let closes = |more: &[Vec<u8>]| {
        let client = more.iter().map(|bytes| (Side::Request, bytes.clone()));
        closed(&hands.iter().cloned().chain(client).collect::<Vec<_>>())
    };
    assert_eq!(closes(&[]), [false, false]);
    // a message of two bytes is as long as the alert
    assert_eq!(closes(&[record(23, &[0; 26])]), [false, false]);
    assert_eq!(closes(&[record(21, &[0; 26])]), [true, false]);
    assert_eq!(
        closes(&[record(21, &[0; 26]), record(23, &[0; 26])]),
        [false, false]
    );
    // one that can be read and says something else, and one before the handshake is over
    let refused =
        |alert: &[u8]| closed(&[&hands[..2], &[(Side::Request, record(21, alert))]].concat());
    assert_eq!(refused(&[2, 48]), [false, false]);
    assert_eq!(refused(&[1, 0]), [false, false]);
}
