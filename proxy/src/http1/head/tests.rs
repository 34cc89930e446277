use super::*;
use crate::http1::line;

/// Reads a request head that comes in two parts, cut at every place, and then byte by byte: all must agree.
fn request(bytes: &[u8]) -> Result<Option<(String, Vec<u8>, Version)>, Problem> {
    let read = |cuts: &[usize]| {
        let mut reader = HeadReader::default();
        for cut in cuts.iter().copied().chain([bytes.len()]) {
            if reader.request_ready(&bytes[..cut])? {
                return reader.request(bytes).map(|head| {
                    assert_eq!(bytes[head.skipped..][..head.bytes.len()], *head.bytes);
                    Some((head.method.to_owned(), head.target.to_vec(), head.version))
                });
            }
        }
        HeadReader::cut_request(bytes).map_or(Ok(None), Err)
    };
    let whole = read(&[]);
    for cut in 0..bytes.len() {
        assert_eq!(read(&[cut]), whole, "cut at {cut}");
    }
    assert_eq!(read(&(0..bytes.len()).collect::<Vec<_>>()), whole);
    whole
}

fn response(bytes: &[u8]) -> Result<Option<(u16, Version)>, Problem> {
    let read = |cuts: &[usize]| {
        let mut reader = HeadReader::default();
        for cut in cuts.iter().copied().chain([bytes.len()]) {
            if reader.response_ready(&bytes[..cut])? {
                let head = reader.response(bytes)?;
                return Ok(Some((head.status, head.version)));
            }
        }
        HeadReader::cut_response(bytes).map_or(Ok(None), Err)
    };
    let whole = read(&[]);
    for cut in 0..bytes.len() {
        assert_eq!(read(&[cut]), whole, "cut at {cut}");
    }
    assert_eq!(read(&(0..bytes.len()).collect::<Vec<_>>()), whole);
    whole
}

fn fields(bytes: &[u8]) -> Fields<'_> {
    let lines = bytes.split(|b| *b == b'\n').count();
    Fields::parse(bytes, lines).expect("fields that can be read")
}

#[test]
fn takes_a_request_head_and_leaves_the_rest() {
    let bytes = b"GET /a?b HTTP/1.1\r\nHost: a\r\n\r\nmore";
    let head = request(bytes).unwrap().unwrap();
    assert_eq!(head, ("GET".to_owned(), b"/a?b".to_vec(), Version::Http11));
    assert_eq!(request(b"GET / HTTP/1.1\r\nHost: a\r\n"), Ok(None));
    assert_eq!(request(b""), Ok(None));
    assert_eq!(request(b"\r\n\r"), Ok(None));
}

#[test]
fn a_connect_needs_no_host() {
    let head = request(b"CONNECT a:443 HTTP/1.1\r\n\r\n").unwrap().unwrap();
    assert_eq!(head.1, b"a:443");
}

#[test]
fn is_lenient_where_nothing_is_at_stake() {
    for bytes in [
        &b"\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"[..],
        b"GET / HTTP/1.0\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost:\r\n\r\n",
        b"GET /caf\xe9 HTTP/1.1\r\nHost: a\r\nX: \xff\xfe\r\n\r\n",
        b"GET /{\"a\":[|]} HTTP/1.1\r\nHost: a:80\r\n\r\n",
        b"M-SEARCH * HTTP/1.1\r\nHost:[::1]:1\r\nX:\t y \t \r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a_b.example\r\nEmpty:\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: bücher.example\r\n\r\n".as_bytes(),
    ] {
        assert!(request(bytes).unwrap().is_some(), "{}", quote(bytes));
    }
    for bytes in [
        &b"HTTP/1.1 200\r\n\r\n"[..],
        b"HTTP/1.1 200 \r\n\r\n",
        b"HTTP/1.0 999 \xe9\r\nX: y\r\n\r\n",
        b"\r\nHTTP/1.1 200 OK\r\n\r\n",
    ] {
        assert!(response(bytes).unwrap().is_some(), "{}", quote(bytes));
    }
}

#[test]
fn refuses_requests_and_says_why() {
    use Problem as P;
    let cases: [(&[u8], Problem); 38] = [
        (b"GET / HTTP/1.1\nHost: a\r\n\r\n", P::BareLf { line: 1 }),
        (b"GET / HTTP/1.1\r\nHost: a\n\r\n", P::BareLf { line: 2 }),
        (b"GET / HTTP/1.1\r\nHost: a\r\n\n", P::BareLf { line: 3 }),
        (
            b"\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
            P::BareLf { line: 1 },
        ),
        (
            b"GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n",
            P::BareCr { line: 2 },
        ),
        (
            b"GET / HTTP/1.1\rX\r\nHost: a\r\n\r\n",
            P::BareCr { line: 1 },
        ),
        (b"\rGET / HTTP/1.1\r\n\r\n", P::BareCr { line: 1 }),
        (
            b"GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n",
            P::Folded { line: 3 },
        ),
        (
            b"GET / HTTP/1.1\r\n\tHost: a\r\n\r\n",
            P::Folded { line: 2 },
        ),
        (
            b"GET / HTTP/1.1\r\nHost : a\r\n\r\n",
            P::SpaceInName { line: 2 },
        ),
        (b"GET / HTTP/1.1\r\n: a\r\n\r\n", P::EmptyName { line: 2 }),
        (b"GET / HTTP/1.1\r\nHost\r\n\r\n", P::NoColon { line: 2 }),
        (
            b"GET / HTTP/1.1\r\nH\0st: a\r\n\r\n",
            P::NameByte { line: 2, byte: 0 },
        ),
        (
            b"GET / HTTP/1.1\r\n\xc3\xa9: a\r\n\r\n",
            P::NameByte {
                line: 2,
                byte: 0xc3,
            },
        ),
        (
            b"GET / HTTP/1.1\r\nHost: \0\r\n\r\n",
            P::ValueByte { line: 2, byte: 0 },
        ),
        (
            b"GET / HTTP/1.1\r\nHost: a\x7f\r\n\r\n",
            P::ValueByte {
                line: 2,
                byte: 0x7f,
            },
        ),
        (b"GET /\r\n\r\n", P::RequestLine),
        (b"GET\r\n\r\n", P::RequestLine),
        (b"GET  / HTTP/1.1\r\n\r\n", P::RequestLine),
        (b" GET / HTTP/1.1\r\n\r\n", P::RequestLine),
        (b"G\x01T / HTTP/1.1\r\n\r\n", P::MethodByte { byte: 1 }),
        (b"GET /\0 HTTP/1.1\r\n\r\n", P::TargetByte { byte: 0 }),
        (b"GET\t/ HTTP/1.1\r\n\r\n", P::MethodByte { byte: 9 }),
        (b"GET / x HTTP/1.1\r\n\r\n", P::RequestVersion),
        (b"GET / HTTP/1.2\r\n\r\n", P::RequestVersion),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", P::RequestVersion),
        (b"GET / http/1.1\r\n\r\n", P::RequestVersion),
        (b"GET / HTTP/1.1 \r\n\r\n", P::RequestVersion),
        (b"\x16\x03\x01\x02\0", P::LooksLikeTls),
        (b"GET / HTTP/1.1\r\n\r\n", P::NoHost),
        (
            b"GET / HTTP/1.1\r\nHost: a\r\nhOST: a\r\n\r\n",
            P::ManyHosts,
        ),
        (
            b"GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n",
            P::ManyHosts,
        ),
        (b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", bad_host("a b")),
        (b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", bad_host("a/b")),
        (b"GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", bad_host("u@a")),
        (b"GET / HTTP/1.1\r\nHost: a:b\r\n\r\n", bad_host("a:b")),
        (b"GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", bad_host("[::1")),
        (&b"\r\n".repeat(17), P::EmptyLines { most: 16 }),
    ];
    for (bytes, problem) in cases {
        assert_eq!(request(bytes), Err(problem), "{}", quote(bytes));
    }
}

fn bad_host(value: &str) -> Problem {
    let value = value.to_owned();
    Problem::BadHost { value }
}

#[test]
fn refuses_responses_and_says_why() {
    use Problem as P;
    let cases: [(&[u8], Problem); 14] = [
        (b"SSH-2.0-OpenSSH\r\n", P::NotHttp),
        (b"<html>\r\n\r\n", P::NotHttp),
        (b"\x15\x03\x01\0\x02\x02", P::LooksLikeTls),
        (b"ICY 200 OK\r\n\r\n", P::NotHttp),
        (b"HTTP/2 200\r\n\r\n", P::ResponseVersion),
        (b"HTTP/1.2 200\r\n\r\n", P::ResponseVersion),
        (b"HTTP/1.1\r\n\r\n", P::StatusCode),
        (b"HTTP/1.1  200 OK\r\n\r\n", P::StatusCode),
        (b"HTTP/1.1 20 OK\r\n\r\n", P::StatusCode),
        (b"HTTP/1.1 2000 OK\r\n\r\n", P::StatusCode),
        (b"HTTP/1.1 099 OK\r\n\r\n", P::StatusCode),
        (b"HTTP/1.1 200 O\0K\r\n\r\n", P::ReasonByte { byte: 0 }),
        (b"HTTP/1.1 200 OK\n\r\n", P::BareLf { line: 1 }),
        (
            b"HTTP/1.1 200 OK\r\nX : y\r\n\r\n",
            P::SpaceInName { line: 2 },
        ),
    ];
    for (bytes, problem) in cases {
        assert_eq!(response(bytes), Err(problem), "{}", quote(bytes));
    }
}

#[test]
fn reads_lengths_and_codings() {
    let length = |value: &str| fields(format!("content-LENGTH: {value}\r\n\r\n").as_bytes()).length;
    assert_eq!(length("5"), Some(Ok(5)));
    assert_eq!(length("5, 5"), Some(Ok(5)));
    assert_eq!(length("0018446744073709551615"), Some(Ok(u64::MAX)));
    let differ = |first, second| Some(Err(Problem::Lengths { first, second }));
    assert_eq!(length("5, 6"), differ(5, 6));
    assert_eq!(length("5\r\nContent-Length: 6"), differ(5, 6));
    for bad in [
        "",
        "+5",
        "-5",
        "5 5",
        "0x5",
        "5,",
        "18446744073709551616",
        "5\r\nContent-Length: a",
    ] {
        assert!(
            matches!(length(bad), Some(Err(Problem::BadLength { .. }))),
            "{bad}"
        );
    }

    let coding =
        |value: &str| fields(format!("Transfer-Encoding: {value}\r\n\r\n").as_bytes()).coding;
    for chunked in [
        "chunked",
        "Chunked",
        "gzip, chunked",
        ", chunked ,",
        "gzip\r\nTransfer-Encoding: chunked",
        "a;b=c , chunked",
    ] {
        assert_eq!(coding(chunked), Some(Ok(Coding::Chunked)), "{chunked}");
    }
    for other in ["gzip", "identity", "a;b"] {
        assert_eq!(coding(other), Some(Ok(Coding::Other)), "{other}");
    }
    for twice in [
        "chunked, chunked",
        "chunked, gzip",
        "chunked\r\nTransfer-Encoding: identity",
    ] {
        assert_eq!(coding(twice), Some(Err(Problem::ChunkedNotLast)), "{twice}");
    }
    for bad in [
        "",
        ",",
        "chunked;a",
        "chun ked",
        "\"chunked\"",
        "\u{a0}chunked",
        ";",
    ] {
        assert!(
            matches!(coding(bad), Some(Err(Problem::BadCoding { .. }))),
            "{bad}"
        );
    }
}

#[test]
fn reads_connection_options() {
    let head = b"CONNECTION: Keep-Alive, Upgrade\r\nupgrade: websocket\r\nConnection:close\r\nAccept: text/html,*/*\r\n\r\n";
    let fields = fields(head);
    assert!(fields.keep_alive && fields.close && fields.connection_upgrade && fields.html);
    assert_eq!(fields.upgrade, Some(&b"websocket"[..]));
}

#[test]
fn ten_thousand_fields_and_a_field_of_a_mebibyte_are_read() {
    let mut bytes = b"GET / HTTP/1.1\r\nHost: a\r\n".to_vec();
    for number in 0..10_000 {
        bytes.extend_from_slice(format!("X-{number}: {number}\r\n").as_bytes());
    }
    bytes.extend_from_slice(b"X: ");
    bytes.resize(bytes.len() + (1 << 20), b'x');
    bytes.extend_from_slice(b"\r\nContent-Length: 7\r\n\r\n");
    let mut reader = HeadReader::default();
    for piece in 0..bytes.len() / 1000 {
        assert_eq!(reader.request_ready(&bytes[..piece * 1000]), Ok(false));
    }
    assert_eq!(reader.request_ready(&bytes), Ok(true));
    assert_eq!(reader.request(&bytes).unwrap().fields.length, Some(Ok(7)));
}

#[test]
fn limits_heads() {
    let mut many = b"GET / HTTP/1.1\r\nHost: a\r\n".to_vec();
    many.extend_from_slice(&b"a:b\r\n".repeat(MOST_FIELDS - 1));
    let mut reader = HeadReader::default();
    let mut ended = many.clone();
    ended.extend_from_slice(b"\r\n");
    assert_eq!(reader.request_ready(&ended), Ok(true));
    many.extend_from_slice(b"a:b\r\n\r\n");
    let most = MOST_FIELDS;
    assert_eq!(
        HeadReader::default().request_ready(&many),
        Err(Problem::TooManyFields { most })
    );

    let mut large = b"GET / HTTP/1.1\r\nHost: a\r\nX: ".to_vec();
    large.resize(MOST_HEAD - 4, b'x');
    large.extend_from_slice(b"\r\n\r\n");
    assert_eq!(HeadReader::default().request_ready(&large), Ok(true));
    large.insert(100, b'x');
    let most = MOST_HEAD;
    let problem = Problem::HeadTooLarge { most };
    assert_eq!(problem.status(), 431);
    assert_eq!(
        HeadReader::default().request_ready(&large),
        Err(problem.clone())
    );
    // an endless line is refused without its end
    large.truncate(MOST_HEAD + 1);
    assert_eq!(HeadReader::default().request_ready(&large), Err(problem));
}

#[test]
fn names_the_first_problem_of_many() {
    let bytes = b"GET / HTTP/1.1\r\nA b: c\r\nX: y\nZ\0: z\r\n\r\n";
    assert_eq!(request(bytes), Err(Problem::SpaceInName { line: 2 }));
    assert_eq!(
        line::request_problem(&bytes[..20]),
        Some(Problem::SpaceInName { line: 2 })
    );
}
