//! First bytes to protocol: what a client speaks, told from what it sent so far.
//!
//! Pure functions over bytes, asked again after every read. In a tunnel anything may come, so HTTP/1 is
//! only what cannot well be anything else: Redis, IRC and SMTP also begin with a word and a space. On the
//! proxy's own port only HTTP, TLS and SOCKS are served, so there the first byte is enough.

/// What a client in a tunnel speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// A TLS ClientHello, RFC 8446 section 4.1.2.
    Tls,
    /// An HTTP/1 request line, RFC 9112 section 3.
    Http1,
    /// The HTTP/2 connection preface, RFC 9113 section 3.4.
    Http2,
    /// None of them.
    Other,
}

/// What a client on the proxy's own port speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mixed {
    /// TLS to the proxy itself.
    Tls,
    /// HTTP, perhaps broken.
    Http,
    /// SOCKS, version 4 or 5.
    Socks,
    /// Something that is not served here; its name for a person.
    Other(&'static str),
}

/// The HTTP/2 connection preface.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// A request line that is longer than this without being recognised is none.
const LINE_MAX: usize = 64 * 1024;
/// A word that is longer is no method, whether a space follows it or has not come yet.
const LONGEST_METHOD: usize = 64;
/// Methods that, followed by a space and a request target, leave no doubt.
const METHODS: [&[u8]; 20] = [
    b"GET",
    b"HEAD",
    b"POST",
    b"PUT",
    b"DELETE",
    b"OPTIONS",
    b"PATCH",
    b"TRACE",
    b"CONNECT",
    b"PROPFIND",
    b"PROPPATCH",
    b"MKCOL",
    b"COPY",
    b"MOVE",
    b"LOCK",
    b"UNLOCK",
    b"REPORT",
    b"SEARCH",
    b"PURGE",
    b"QUERY",
];

/// Tells what a client in a tunnel speaks; none while more bytes may still decide.
pub(crate) fn tunnel(bytes: &[u8]) -> Option<Protocol> {
    let first = *bytes.first()?;
    if first == 0x16 {
        return tls(bytes);
    }
    if PREFACE.starts_with(bytes) {
        // `PRI` alone might be a method of HTTP/1; nobody has one, and the line settles it
        return (bytes.len() == PREFACE.len()).then_some(Protocol::Http2);
    }
    if bytes.starts_with(PREFACE) {
        return Some(Protocol::Http2);
    }
    http1(bytes)
}

/// Tells what a client on the proxy's own port speaks; none without a byte.
pub(crate) fn mixed(bytes: &[u8]) -> Option<Mixed> {
    let first = *bytes.first()?;
    Some(match first {
        0x16 => Mixed::Tls,
        // the version: RFC 1928 section 3
        0x04 | 0x05 => Mixed::Socks,
        0x80.. => Mixed::Other("bytes that are not text"),
        // RFC 9112 section 2.2: empty lines before a request are to be ignored
        b'\r' | b'\n' => Mixed::Http,
        _ if is_token(first) => Mixed::Http,
        _ => Mixed::Other("bytes that are no protocol it knows"),
    })
}

/// Whether a server that spoke before its client may be one of HTTP/2, which begins with SETTINGS (RFC 9113
/// section 3.4): then the client's bytes decide all the same.
pub(crate) fn may_be_settings(bytes: &[u8]) -> bool {
    // length, type, flags, stream (section 4.1); a setting has 6 bytes
    let [0, 0, length, 4, 0, 0, 0, 0, 0, ..] = bytes else {
        return b"\0\0".starts_with(bytes.get(..2).unwrap_or(bytes)) && bytes.len() < 9;
    };
    length % 6 == 0 && bytes.len() <= LINE_MAX
}

/// The name of what a client in a tunnel speaks that is passed on as bytes; none for what is not known.
pub(crate) fn application(bytes: &[u8]) -> Option<&'static str> {
    // an MQTT CONNECT packet: its type, its length in up to four bytes, then the protocol's name and level
    // (MQTT 3.1.1 and 5.0 section 3.1.2; 3.1 called itself MQIsdp)
    let (0x10, rest) = bytes.split_first().map(|(first, rest)| (*first, rest))? else {
        return None;
    };
    let length = rest.iter().take(4).position(|byte| *byte < 0x80)? + 1;
    let name = rest.get(length..)?;
    match name {
        [0, 4, b'M', b'Q', b'T', b'T', 4 | 5, ..] => Some("MQTT"),
        [0, 6, b'M', b'Q', b'I', b's', b'd', b'p', 3, ..] => Some("MQTT"),
        _ => None,
    }
}

/// A record of type handshake with a plausible version and length, holding a ClientHello.
fn tls(bytes: &[u8]) -> Option<Protocol> {
    let plausible = |index: usize, test: fn(u8) -> bool| bytes.get(index).is_none_or(|b| test(*b));
    let tls = plausible(1, |major| major == 3)
        && plausible(2, |minor| minor <= 4)
        // at most 2^14 bytes of plaintext, RFC 8446 section 5.1
        && plausible(3, |length| length <= 0x40)
        && plausible(5, |message| message == 1);
    match (tls, bytes.len()) {
        (false, _) => Some(Protocol::Other),
        (true, 0..6) => None,
        (true, _) => Some(Protocol::Tls),
    }
}

fn http1(bytes: &[u8]) -> Option<Protocol> {
    let token = bytes.iter().take_while(|b| is_token(**b)).count();
    match bytes.get(token) {
        None if token <= LONGEST_METHOD => return None,
        Some(b' ') if (1..=LONGEST_METHOD).contains(&token) => {}
        _ => return Some(Protocol::Other),
    }
    let (method, target) = bytes.split_at_checked(token)?;
    let target = target.get(1..)?;
    if METHODS.contains(&method) && is_target(target) {
        return Some(Protocol::Http1);
    }
    match target.iter().position(|b| *b == b'\n') {
        Some(end) if token + 1 + end > LINE_MAX => Some(Protocol::Other),
        Some(end) => {
            let line = target.get(..end)?;
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            let version = line.len().checked_sub(9).and_then(|at| line.get(at..));
            let http = version.is_some_and(|v| v.starts_with(b" HTTP/1."));
            Some(if http {
                Protocol::Http1
            } else {
                Protocol::Other
            })
        }
        None if bytes.len() > LINE_MAX => Some(Protocol::Other),
        None => None,
    }
}

/// A request target in origin or absolute form has begun: no key of a database begins so.
fn is_target(target: &[u8]) -> bool {
    target.starts_with(b"/")
        || target.starts_with(b"http://")
        || target.starts_with(b"https://")
        || target.starts_with(b"* HTTP/")
}

/// `tchar`, RFC 9110 section 5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds one byte more at a time: how many it took, and what was told.
    fn drip(bytes: &[u8]) -> (usize, Option<Protocol>) {
        (0..=bytes.len())
            .map(|n| (n, tunnel(&bytes[..n])))
            .find(|(_, told)| told.is_some())
            .unwrap_or((bytes.len(), None))
    }

    #[test]
    fn a_client_hello_byte_by_byte() {
        let hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";
        assert_eq!(drip(hello), (6, Some(Protocol::Tls)));
        assert_eq!(tunnel(hello), Some(Protocol::Tls));
        assert_eq!(drip(b"\x16\x02"), (2, Some(Protocol::Other)));
        assert_eq!(drip(b"\x16\x03\x07"), (3, Some(Protocol::Other)));
        assert_eq!(drip(b"\x16\x03\x01\xff"), (4, Some(Protocol::Other)));
        // a ServerHello does not come from a client
        assert_eq!(
            drip(b"\x16\x03\x03\x00\x10\x02"),
            (6, Some(Protocol::Other))
        );
        // an alert, and application data
        assert_eq!(drip(b"\x15\x03"), (1, Some(Protocol::Other)));
        assert_eq!(drip(b"\x17\x03"), (1, Some(Protocol::Other)));
    }

    #[test]
    fn requests_of_http_1() {
        assert_eq!(drip(b"GET / HTTP/1.1\r\n"), (5, Some(Protocol::Http1)));
        assert_eq!(drip(b"POST /x"), (6, Some(Protocol::Http1)));
        assert_eq!(drip(b"OPTIONS * HTTP/1.1\r\n").1, Some(Protocol::Http1));
        assert_eq!(
            drip(b"GET http://a/ HTTP/1.0\r\n"),
            (11, Some(Protocol::Http1))
        );
        assert_eq!(drip(b"BREW /pot HTTP/1.1\r\n"), (20, Some(Protocol::Http1)));
        assert_eq!(drip(b"CONNECT a:443 HTTP/1.1\r\n").1, Some(Protocol::Http1));
        assert_eq!(drip(b"get / HTTP/1.1\n"), (15, Some(Protocol::Http1)));
        let long = [&[b'M'; 65][..], b" * HTTP/1.1\r\n"].concat();
        assert_eq!(drip(&long), (65, Some(Protocol::Other)));
        assert_eq!(tunnel(&long), Some(Protocol::Other));
        assert_eq!(drip(&long[1..]), (77, Some(Protocol::Http1)));
        let line = |size: usize| {
            let target = vec![b'x'; size - "BREW  HTTP/1.1\r".len()];
            [b"BREW ", target.as_slice(), b" HTTP/1.1\r\n"].concat()
        };
        assert_eq!(tunnel(&line(LINE_MAX)), Some(Protocol::Http1));
        let long = line(LINE_MAX + 1);
        assert_eq!(tunnel(&long), Some(Protocol::Other));
        assert_eq!(tunnel(&long[..=LINE_MAX]), Some(Protocol::Other));
        assert_eq!(tunnel(b"G"), None);
        assert_eq!(tunnel(b"GET"), None);
        assert_eq!(tunnel(b"GET "), None);
    }

    #[test]
    fn the_preface_of_http_2() {
        assert_eq!(drip(PREFACE), (PREFACE.len(), Some(Protocol::Http2)));
        assert_eq!(
            tunnel(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04"),
            Some(Protocol::Http2)
        );
        assert_eq!(drip(b"PRI * HTTP/1.1\r\n").1, Some(Protocol::Http1));
        assert_eq!(drip(b"PRI x\r\n").1, Some(Protocol::Other));
    }

    #[test]
    fn a_server_of_http_2_may_speak_first() {
        let settings = b"\0\0\x06\x04\0\0\0\0\0\0\x03\0\0\0\x64";
        for n in 0..=settings.len() {
            assert!(may_be_settings(&settings[..n]), "{n}");
        }
        assert!(may_be_settings(b"\0\0\0\x04\0\0\0\0\0"), "an empty one");
        for other in [
            &b"220 mail"[..],
            b"\0\x01",
            b"\0\0\x05\x04\0\0\0\0\0",
            b"\0\0\x06\x04\x01\0\0\0\0",
            b"\0\0\x06\0\0\0\0\0\0",
        ] {
            assert!(!may_be_settings(other), "{other:?}");
        }
    }

    #[test]
    fn mqtt_is_named() {
        let named = |bytes: &[u8]| (tunnel(bytes), application(bytes));
        let mqtt = (Some(Protocol::Other), Some("MQTT"));
        assert_eq!(named(b"\x10\x10\0\x04MQTT\x04\x02\0\x3c\0\x04abcd"), mqtt);
        assert_eq!(named(b"\x10\xff\xff\x7f\0\x04MQTT\x05\x02"), mqtt);
        assert_eq!(named(b"\x10\x12\0\x06MQIsdp\x03\x02"), mqtt);
        for other in [
            &b""[..],
            b"\x10",
            b"\x10\x10\0\x04MQT",
            b"\x10\x10\0\x04MQTT\x09",
            b"\x10\xff\xff\xff\xff\0\x04MQTT\x04",
            b"\x20\x10\0\x04MQTT\x04",
            b"SSH-2.0-OpenSSH_9.6\r\n",
        ] {
            assert_eq!(application(other), None, "{other:?}");
        }
    }

    #[test]
    fn what_is_none_of_them() {
        for other in [
            &b"SSH-2.0-OpenSSH_9.6\r\n"[..],
            b"NICK me\r\nUSER me 0 * :me\r\n",
            b"EHLO host.example\r\n",
            b"GET key\r\n",
            b"PING\r\n",
            b"*1\r\n$4\r\nPING\r\n",
            b"\0\0\0\x08\x04\xd2\x16\x2f",
            b"\x10\x10\0\x04MQTT",
            b"\r\nGET / HTTP/1.1\r\n",
            b" GET / HTTP/1.1\r\n",
            b"RTSP/1.0 200 OK\r\n",
            b"DESCRIBE rtsp://a/ RTSP/1.0\r\n",
        ] {
            assert_eq!(drip(other).1, Some(Protocol::Other), "{other:?}");
        }
        let endless = vec![b'A'; 100];
        assert_eq!(drip(&endless), (65, Some(Protocol::Other)));
        let mut line = b"AA ".to_vec();
        line.resize(LINE_MAX + 1, b'x');
        assert_eq!(tunnel(&line), Some(Protocol::Other));
        assert_eq!(tunnel(b""), None);
    }

    #[test]
    fn no_prefix_of_anything_panics_and_a_decision_stays() {
        let mut state = 0x2545_f491_4f6c_dd1d_u64;
        for _ in 0..20_000 {
            let mut bytes = Vec::new();
            for _ in 0..(state % 40) {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                let likely = b"GET / HTP1.\r\n\x16\x03\x01\x00PRI*SM";
                let pick = (state >> 33) as usize;
                bytes.push(if pick.is_multiple_of(3) {
                    pick as u8
                } else {
                    likely[pick % likely.len()]
                });
            }
            state = state.wrapping_add(0x9e37_79b9);
            let mut told = None;
            for n in 0..=bytes.len() {
                let now = tunnel(&bytes[..n]);
                assert!(
                    told.is_none() || now == told,
                    "{bytes:?} changed its mind at {n}"
                );
                told = now;
                assert_eq!(mixed(&bytes[..n]).is_none(), n == 0);
            }
        }
    }

    #[test]
    fn the_proxys_own_port() {
        assert_eq!(mixed(b"\x16\x03\x01"), Some(Mixed::Tls));
        assert_eq!(mixed(b"G"), Some(Mixed::Http));
        assert_eq!(mixed(b"\r\nGET"), Some(Mixed::Http));
        assert_eq!(mixed(b"\x05\x01\x00"), Some(Mixed::Socks));
        assert_eq!(mixed(b"\x04\x01"), Some(Mixed::Socks));
        assert!(matches!(mixed(b"\0"), Some(Mixed::Other(_))));
        assert!(matches!(mixed(b"\xff"), Some(Mixed::Other(_))));
        assert_eq!(mixed(b""), None);
    }
}
