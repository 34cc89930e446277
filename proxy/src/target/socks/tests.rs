//! Transcripts: what a client sends, however it is cut, and what it is answered.

use super::*;

/// What is said in all, and how it ended, for every way to cut the bytes in two.
fn spoken(bytes: &[u8], check: Option<Check<'_>>) -> (Vec<u8>, Turn, Vec<u8>) {
    let mut seen = None;
    for cut in 0..=bytes.len() {
        let (first, second) = bytes.split_at(cut);
        let mut dialogue = Dialogue::new(check);
        let (mut input, mut said) = (BytesMut::from(first), Vec::new());
        let mut more = Some(second);
        let ended = loop {
            match dialogue.next(&mut input) {
                Turn::Wait => match more.take() {
                    Some(more) => input.extend_from_slice(more),
                    None => break Turn::Wait,
                },
                Turn::Say(bytes) => said.extend_from_slice(bytes),
                ended => break ended,
            }
        };
        input.extend_from_slice(more.unwrap_or_default());
        let told = (said, ended, input.to_vec());
        // of what is refused, only as much is kept as had come
        if let (_, Turn::Refuse(_), _) = told
            && cut < bytes.len()
        {
            continue;
        }
        match &seen {
            Some(seen) => assert_eq!(&told, seen, "cut at {cut}"),
            None => seen = Some(told),
        }
    }
    seen.expect("it was looked at")
}

fn asked(bytes: &[u8]) -> (Vec<u8>, Request, Vec<u8>) {
    match spoken(bytes, None) {
        (said, Turn::Asked(request), rest) => (said, request, rest),
        other => panic!("no request: {other:?}"),
    }
}

fn refused(bytes: &[u8]) -> (Vec<u8>, Refusal) {
    match spoken(bytes, None) {
        (said, Turn::Refuse(refusal), _) => (said, refusal),
        other => panic!("not refused: {other:?}"),
    }
}

#[test]
fn version_5_by_name_and_by_address() {
    let (said, request, rest) = asked(b"\x05\x01\0\x05\x01\0\x03\x0bexample.org\x01\xbbGET /");
    assert_eq!(said, [5, 0]);
    assert_eq!((request.host.as_str(), request.port), ("example.org", 443));
    assert_eq!(request.version, Version::Socks5);
    assert_eq!(request.bytes, b"\x05\x01\0\x03\x0bexample.org\x01\xbb");
    assert_eq!(rest, b"GET /", "what follows is for the server");

    let (_, request, _) = asked(b"\x05\x02\0\x02\x05\x01\0\x01\xc0\0\x02\x01\0\x50");
    assert_eq!((request.host.as_str(), request.port), ("192.0.2.1", 80));
    let mut six = b"\x05\x01\0\x05\x01\0\x04".to_vec();
    six.extend_from_slice(
        &"2001:db8::1"
            .parse::<Ipv6Addr>()
            .expect("an address")
            .octets(),
    );
    six.extend_from_slice(&[0x1f, 0x90]);
    let (_, request, _) = asked(&six);
    assert_eq!((request.host.as_str(), request.port), ("2001:db8::1", 8080));
    // a name that is an address
    let (_, request, _) = asked(b"\x05\x01\0\x05\x01\0\x03\x03::1\0\x50");
    assert_eq!(request.host, "::1");
}

#[test]
fn version_4_and_4a() {
    let (said, request, rest) = asked(b"\x04\x01\0\x50\xc0\0\x02\x01me\0more");
    assert!(said.is_empty());
    assert_eq!(
        (request.version, request.host.as_str()),
        (Version::Socks4, "192.0.2.1")
    );
    assert_eq!((request.port, rest.as_slice()), (80, &b"more"[..]));
    let (_, request, rest) = asked(b"\x04\x01\x01\xbb\0\0\0\x07\0example.org\0\x16\x03");
    assert_eq!(
        (request.version, request.host.as_str()),
        (Version::Socks4a, "example.org")
    );
    assert_eq!((request.port, rest.as_slice()), (443, &b"\x16\x03"[..]));
}

#[test]
fn passwords() {
    let check = |user: &[u8], password: &[u8]| user == b"me" && password == b"secret";
    let check: Check<'_> = &check;
    let greeting = b"\x05\x02\0\x02";
    let request = b"\x05\x01\0\x03\x01a\0\x50";
    let good = [&greeting[..], b"\x01\x02me\x06secret", request].concat();
    let (said, ended, _) = spoken(&good, Some(check));
    assert_eq!(said, [5, 2, 1, 0]);
    assert!(matches!(ended, Turn::Asked(_)), "{ended:?}");

    let bad = [&greeting[..], b"\x01\x02me\x06Secret", request].concat();
    let (said, ended, _) = spoken(&bad, Some(check));
    let Turn::Refuse(refusal) = ended else {
        panic!("{ended:?}");
    };
    assert_eq!((said, refusal.answer), (vec![5, 2], vec![1, 1]));
    assert!(
        refusal.unknown && refusal.shown.is_empty(),
        "a password is shown nowhere"
    );

    for without in [&b"\x05\x01\0"[..], b"\x04\x01\0\x50\x7f\0\0\x01me\0"] {
        let (_, ended, _) = spoken(without, Some(check));
        assert!(
            matches!(ended, Turn::Refuse(Refusal { unknown: true, .. })),
            "{ended:?}"
        );
    }
    // where nobody asks for one, any is taken of a client that insists
    let (said, ended, _) = spoken(&[b"\x05\x01\x02\x01\0\0", &request[..]].concat(), None);
    assert_eq!(said, [5, 2, 1, 0]);
    assert!(matches!(ended, Turn::Asked(_)), "{ended:?}");
}

#[test]
fn what_is_refused_and_how() {
    let five = |rest: &[u8]| [&b"\x05\x01\0"[..], rest].concat();
    for (rest, code, why) in [
        (&b"\x05\x02\0\x01\x7f\0\0\x01\0\x50"[..], 7, "BIND"),
        (b"\x05\x03\0\x01\0\0\0\0\0\0", 7, "UDP"),
        (b"\x05\x09\0\x01\x7f\0\0\x01\0\x50", 7, "unknown command 9"),
        (b"\x05\x01\0\x02", 8, "unknown kind 2"),
        (b"\x05\x01\0\x03\0\0\x50", 1, "no host"),
        (b"\x05\x01\0\x03\x03a b\0\x50", 1, "cannot have"),
        (b"\x05\x01\0\x03\x03a\xffb\0\x50", 1, "not UTF-8"),
        (b"\x05\x01\0\x01\x7f\0\0\x01\0\0", 1, "port 0"),
        (b"\x04\x01\0\x01", 1, "another version"),
    ] {
        let (said, refusal) = refused(&five(rest));
        assert_eq!(said, [5, 0]);
        assert_eq!(refusal.answer, [5, code, 0, 1, 0, 0, 0, 0, 0, 0], "{why}");
        assert!(refusal.why.contains(why), "{refusal:?}");
        assert_eq!(refusal.shown, rest, "{why}");
    }
    for (bytes, why) in [
        (&b"\x05\0"[..], "no way at all"),
        (b"\x05\x01\x01", "GSSAPI"),
        (b"\x06\x01", "none of SOCKS"),
    ] {
        let (_, refusal) = refused(bytes);
        assert_eq!(refusal.answer, [5, 0xff]);
        assert!(refusal.why.contains(why), "{refusal:?}");
    }
    for (bytes, why) in [
        (&b"\x04\x02\0\x50\x7f\0\0\x01\0"[..], "BIND"),
        (b"\x04\x07\0\x50\x7f\0\0\x01\0", "a command"),
        (b"\x04\x01\0\0\x7f\0\0\x01\0", "port 0"),
        (b"\x04\x01\0\x50\0\0\0\x01\0\0", "no host"),
    ] {
        let (_, refusal) = refused(bytes);
        assert_eq!(refusal.answer, NOT_GRANTED);
        assert!(refusal.why.contains(why), "{refusal:?}");
    }
}

#[test]
fn lengths_that_are_too_long_and_never_end() {
    let endless = [&b"\x04\x01\0\x50\x7f\0\0\x01"[..], &[b'x'; 256]].concat();
    let (_, refusal) = refused(&endless);
    assert!(refusal.why.contains("user name"), "{refusal:?}");
    let endless = [&b"\x04\x01\0\x50\0\0\0\x01\0"[..], &[b'x'; 256]].concat();
    let (_, refusal) = refused(&endless);
    assert!(refusal.why.contains("host"), "{refusal:?}");
    // announced, and not come
    for short in [
        &b"\x05"[..],
        b"\x05\x09\0",
        b"\x05\x01\0\x05\x01\0\x03\xffexample.org\x01\xbb",
        b"\x05\x01\0\x05\x01\0\x04\0\0\0\0\x01\xbb",
        b"\x04\x01\0\x50",
    ] {
        assert!(
            matches!(spoken(short, None), (_, Turn::Wait, _)),
            "{short:?}"
        );
    }
}

#[test]
fn answers_that_fit() {
    let five = |cause| Version::Socks5.failed(cause)[1];
    assert_eq!(five(FailureCause::Dns), 4);
    assert_eq!(five(FailureCause::Refused), 5);
    assert_eq!(five(FailureCause::Unreachable), 3);
    assert_eq!(five(FailureCause::Timeout), 6);
    assert_eq!(five(FailureCause::Forbidden), 2);
    assert_eq!(five(FailureCause::Loop), 2);
    assert_eq!(five(FailureCause::Reset), 1);
    assert_eq!(Version::Socks4a.failed(FailureCause::Dns), NOT_GRANTED);
    let bound: SocketAddr = "192.0.2.7:4660".parse().expect("an address");
    assert_eq!(
        Version::Socks5.granted(Some(bound)),
        [5, 0, 0, 1, 192, 0, 2, 7, 0x12, 0x34]
    );
    let bound: SocketAddr = "[::1]:4660".parse().expect("an address");
    let granted = Version::Socks5.granted(Some(bound));
    assert_eq!((granted.len(), &granted[..4]), (22, &[5, 0, 0, 4][..]));
    assert_eq!(Version::Socks4.granted(None), [0, 0x5a, 0, 0, 0, 0, 0, 0]);
}

#[test]
fn mutated_dialogues_are_understood_however_they_are_cut() {
    let seeds: [&[u8]; 5] = [
        b"\x05\x02\0\x02\x01\x02me\x06secret\x05\x01\0\x03\x0bexample.org\x01\xbbGET /",
        b"\x05\x01\0\x05\x01\0\x01\xc0\0\x02\x01\0\x50",
        b"\x05\x01\0\x05\x01\0\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x01\xbb",
        b"\x04\x01\0\x50\xc0\0\x02\x01me\0more",
        b"\x04\x01\x01\xbb\0\0\0\x07\0example.org\0\x16\x03",
    ];
    // a password or none, and where it is cut
    let seeds: Vec<_> = seeds
        .iter()
        .flat_map(|seed| {
            [0, 1].map(|secret| [&[secret, 1, 2, 3, 5, 8, 13, 21, 34], *seed].concat())
        })
        .collect();
    overhear_fuzz_rounds::rounds("proxy_socks_requests", fuzz::requests, &seeds);
}
