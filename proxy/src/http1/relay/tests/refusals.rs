//! What is refused: messages that are not HTTP/1, and shapes that two programs could read differently.

use super::lab::{
    Ended, Step, client, fixed, named, request, response, server, to_client, to_server,
};
use overhear_store::{FailureCause, HeadKind, Party, State};

const GET: &str = "GET / HTTP/1.1\r\nHost: o\r\n\r\n";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

#[test]
fn a_bad_request_gets_a_page_a_flow_and_never_reaches_the_server() {
    let cases: [(&str, &'static [&'static str]); 9] = [
        (
            "POST / HTTP/1.1\r\nHost: o\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n",
            &[
                "HTTP/1.1 400 Bad Request\r\n",
                "both Content-Length and Transfer-Encoding",
                "RFC 9112 section 6.3",
            ],
        ),
        (
            "POST / HTTP/1.1\r\nHost: o\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
            &["HTTP/1.1 400 ", "different lengths, 3 and 4"],
        ),
        (
            "POST / HTTP/1.1\r\nHost: o\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
            &["HTTP/1.1 400 ", "chunked more than once or not last"],
        ),
        (
            "POST / HTTP/1.1\r\nHost: o\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
            &["HTTP/1.1 400 ", "line 3", "before the colon"],
        ),
        (
            "GET / HTTP/1.1\r\nHost: o\r\nX: a\r\n b\r\n\r\n",
            &["HTTP/1.1 400 ", "line 4", "RFC 9112 section 5.2"],
        ),
        (
            "GET / HTTP/1.1\nHost: o\n\n",
            &["HTTP/1.1 400 ", "bare line feed"],
        ),
        (
            "GET / HTTP/1.1\r\nHost: o\r\nX: a\rb\r\n\r\n",
            &["HTTP/1.1 400 ", "carriage return"],
        ),
        (
            "GET / HTTP/1.1\r\nX: y\r\n\r\n",
            &["HTTP/1.1 400 ", "no Host"],
        ),
        (
            "GET / HTTP/3.0\r\nHost: o\r\n\r\n",
            &["HTTP/1.1 400 ", "HTTP/1.0 or HTTP/1.1"],
        ),
    ];
    for (bytes, page) in cases {
        let (ended, told) = fixed([
            client(bytes),
            Step::ToClientWith(page),
            Step::ServerEnd,
            Step::ClientCloses,
        ]);
        assert_eq!(ended, Ended::Closed, "{bytes}");
        let [flow] = told.as_slice() else {
            panic!("{told:?}");
        };
        assert_eq!(
            flow.cause(),
            Some((FailureCause::Protocol, Party::Client)),
            "{bytes}"
        );
        assert_eq!((flow.status, flow.state), (Some(400), State::Failed));
        assert_eq!(
            flow.url.split("://").nth(1).unwrap().split('/').next(),
            Some("origin.example")
        );
    }
}

#[test]
fn a_refused_proxy_request_is_whole_in_its_flow() {
    let fields = "Host: a.test:81\r\n";
    let body = "3\r\nabc\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n";
    for bad in [
        "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
        "Content-Length: 4\r\nContent-Length: 5\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
        "Transfer-Encoding : chunked\r\n",
        "X: a\r\n b\r\n",
        "Host: b.test\r\n",
    ] {
        let head = format!("POST http://a.test:81/x?y HTTP/1.1\r\n{fields}{bad}\r\n");
        let (_, told) = named([
            client([&head, body].concat()),
            Step::ToClientWith(&["HTTP/1.1 400 "]),
            Step::ClientCloses,
        ]);
        let [flow] = told.as_slice() else {
            panic!("{told:?}");
        };
        assert_eq!(flow.url, "http://a.test:81/x?y", "{bad}");
        assert_eq!(flow.head(HeadKind::Request), Some(head.as_str()), "{bad}");
        assert_eq!(flow.request, body, "{bad}");
    }
    // a tunnel has no content, but what was sent is there all the same
    let head = "CONNECT a.test:443 HTTP/1.1\r\nHost: a.test\r\nContent-Length: 3\r\n\r\n";
    let (_, told) = named([
        client([head, "abc"].concat()),
        Step::ToClientWith(&["HTTP/1.1 400 "]),
        Step::ClientCloses,
    ]);
    assert_eq!(
        (told[0].url.as_str(), told[0].request.as_str()),
        ("tcp://a.test:443", "abc")
    );
}

#[test]
fn earlier_answers_are_given_before_a_refusal() {
    let bad = "GET / HTTP/1.1\r\nHost: o\r\nbad name: x\r\n\r\n";
    let (_, told) = fixed([
        client([GET, bad].concat()),
        to_server(GET),
        server(OK),
        to_client(OK),
        Step::ToClientWith(&["HTTP/1.1 400 "]),
        Step::ClientCloses,
    ]);
    assert_eq!(
        (told[0].state, told[1].state),
        (State::Complete, State::Failed)
    );
}

#[test]
fn a_proxy_request_that_names_nobody_is_refused() {
    for target in ["ftp://a/", "example.com", "http://", "http://a:99999/"] {
        let (_, told) = named([
            client(format!("GET {target} HTTP/1.1\r\nHost: o\r\n\r\n")),
            Step::ToClientWith(&["HTTP/1.1 400 ", "target"]),
            Step::ClientCloses,
        ]);
        assert_eq!(
            told[0].cause(),
            Some((FailureCause::Protocol, Party::Client)),
            "{target}"
        );
        assert_eq!(told[0].method, "GET");
    }
    for connect in [
        "CONNECT example.com HTTP/1.1\r\nHost: o\r\n\r\n",
        "CONNECT u@example.com:443 HTTP/1.1\r\nHost: o\r\n\r\n",
        "CONNECT a:443 HTTP/1.1\r\nHost: o\r\nContent-Length: 3\r\n\r\nabc",
    ] {
        let (_, told) = named([
            client(connect),
            Step::ToClientWith(&["HTTP/1.1 400 "]),
            Step::ClientCloses,
        ]);
        assert_eq!((told.len(), told[0].method.as_str()), (1, "CONNECT"));
        assert_eq!(told[0].status, Some(400));
    }
}

#[test]
fn a_head_that_breaks_off_is_a_flow() {
    let (_, told) = fixed([
        client("GET / HTTP/1.1\r\nHost"),
        Step::ClientCloses,
        Step::ToClientWith(&["HTTP/1.1 400 ", "in the middle"]),
        Step::ServerEnd,
    ]);
    assert_eq!(told[0].cause(), Some((FailureCause::Closed, Party::Client)));
    assert_eq!(
        told[0].head(HeadKind::Request),
        Some("GET / HTTP/1.1\r\nHost")
    );
    // nothing at all is none
    let (ended, told) = fixed([client("\r\n"), Step::ClientCloses, Step::ClientEnd]);
    assert_eq!((ended, told.len()), (Ended::Closed, 0));
}

#[test]
fn a_broken_chunk_in_a_request_is_refused_where_it_breaks() {
    let head = "POST / HTTP/1.1\r\nHost: o\r\nTransfer-Encoding: chunked\r\n\r\n";
    // what is well formed, what is not, and what of both came after the content
    for (good, bad, raw) in [
        ("3\r\nabc\r\n", "zz\r\n", "\r\nzz\r\n"),
        ("3\r\nabc\r\n5;x=y", "\x01\r\nmore", "\r\n5;x=y\x01\r\nmore"),
        ("3\r\nabc", "def\r\n0\r\n\r\n", "def\r\n0\r\n\r\n"),
        (
            "3\r\nabc\r\n0\r\nA: b\r\nC",
            " d\r\n",
            "\r\n0\r\nA: b\r\nC d\r\n",
        ),
    ] {
        let (_, told) = fixed([
            client([head, good, bad].concat()),
            to_server([head, good].concat()),
            Step::ToClientWith(&["HTTP/1.1 400 "]),
            Step::ServerEnd,
            Step::ClientCloses,
        ]);
        let [flow] = told.as_slice() else {
            panic!("{told:?}");
        };
        assert_eq!(flow.cause(), Some((FailureCause::Protocol, Party::Client)));
        assert_eq!(
            (flow.request.clone(), flow.status),
            (["abc", raw].concat(), Some(400))
        );
        assert_eq!(flow.raw, [Some(3), None], "{bad}");
        let text = &flow.error.as_ref().unwrap().2;
        assert!(text.contains("at the end of the body"), "{text}");
    }
}

#[test]
fn a_broken_chunk_cuts_a_response_that_has_begun() {
    let head = "POST / HTTP/1.1\r\nHost: o\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n";
    let begun = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf";
    let (ended, told) = fixed(
        [
            request(head).to_vec(),
            response(begun).to_vec(),
            vec![client("zz\r\n"), Step::ServerEnd, Step::ClientCloses],
            vec![Step::ClientEnd],
        ]
        .concat(),
    );
    assert_eq!((ended, told[0].status), (Ended::Closed, Some(200)));
    assert_eq!(
        (told[0].request.as_str(), told[0].response.as_str()),
        ("abc\r\nzz\r\n", "half")
    );
    assert_eq!(
        told[0].cause(),
        Some((FailureCause::Protocol, Party::Client))
    );
}

#[test]
fn a_broken_chunk_of_a_request_that_is_refused_is_recorded_too() {
    let head = "POST http://a.test/ HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n";
    let (_, told) = named([
        client([head, "3\r\nabc\r\nzz\r\n"].concat()),
        Step::Dials("!a.test:80"),
        Step::ToClientWith(&["HTTP/1.1 502 "]),
        Step::ClientCloses,
    ]);
    assert_eq!(
        told[0].cause(),
        Some((FailureCause::Refused, Party::Server))
    );
    assert_eq!(
        (told[0].request.as_str(), told[0].raw),
        ("abc\r\nzz\r\n", [Some(3), None])
    );
}

#[test]
fn a_bad_response_head_is_a_page() {
    let cases: [(&str, &'static [&'static str]); 6] = [
        (
            "SSH-2.0-x\r\n",
            &["HTTP/1.1 502 Bad Gateway\r\n", "does not begin with HTTP/"],
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
            &["HTTP/1.1 502 ", "both Content-Length and Transfer-Encoding"],
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
            &["HTTP/1.1 502 ", "Content-Length"],
        ),
        (
            "HTTP/1.1 200 OK\nA: b\n\n",
            &["HTTP/1.1 502 ", "bare line feed"],
        ),
        (
            "HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n",
            &["HTTP/1.1 502 ", "101"],
        ),
        (
            "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            &["HTTP/1.1 502 ", "HTTP/1.0"],
        ),
    ];
    for (bytes, page) in cases {
        let (ended, told) = fixed(
            [
                request(GET).to_vec(),
                vec![
                    server(bytes),
                    Step::ServerCloses,
                    Step::ToClientWith(page),
                    Step::ServerEnd,
                ],
            ]
            .concat(),
        );
        assert_eq!(ended, Ended::Closed, "{bytes}");
        assert_eq!(
            told[0].cause(),
            Some((FailureCause::Protocol, Party::Server)),
            "{bytes}"
        );
        assert_eq!(told[0].status, Some(502), "{bytes}");
        // what the server sent is there: that is what somebody wants to see
        let head = told[0].head(HeadKind::Response);
        assert_eq!(head.is_some(), bytes.starts_with("HTTP/"), "{bytes}");
        let recorded = [head.unwrap_or_default(), &told[0].response].concat();
        assert_eq!(recorded, bytes);
        let raw = (!told[0].response.is_empty()).then_some(0);
        assert_eq!(told[0].raw, [None, raw]);
    }
}

#[test]
fn a_broken_chunk_in_a_response_cuts_it() {
    let good = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc";
    let (ended, told) = fixed(
        [
            request(GET).to_vec(),
            vec![
                server([good, "def"].concat()),
                Step::ServerCloses,
                to_client(good),
                Step::ClientEnd,
                Step::ServerEnd,
            ],
        ]
        .concat(),
    );
    assert_eq!(ended, Ended::Closed);
    assert_eq!(
        told[0].cause(),
        Some((FailureCause::Protocol, Party::Server))
    );
    assert_eq!(
        (told[0].response.as_str(), told[0].status),
        ("abcdef", Some(200))
    );
    assert_eq!(told[0].raw, [None, Some(3)]);
    let text = &told[0].error.as_ref().unwrap().2;
    assert!(text.contains("at the end of the body"), "{text}");
}

#[test]
fn a_page_for_a_person_is_html_and_escaped() {
    let (_, told) = named([
        client("GET ftp://<b>/ HTTP/1.1\r\nHost: o\r\nAccept: text/html,*/*\r\n\r\n"),
        Step::ToClientWith(&["text/html", "ftp://&lt;b&gt;/", "</html>"]),
        Step::ClientCloses,
    ]);
    assert!(told[0].error.as_ref().unwrap().2.contains("<b>"));
}

#[test]
fn an_unasked_answer_waits_for_its_request_as_it_would_without_a_proxy() {
    let timeout = "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    let (ended, told) = fixed(
        [
            request(GET).to_vec(),
            response(OK).to_vec(),
            vec![server(timeout), Step::ServerGone, Step::ClientEnd],
        ]
        .concat(),
    );
    assert_eq!((ended, told.len()), (Ended::Closed, 1));
    let (_, told) = fixed(
        [
            vec![server(OK)],
            request(GET).to_vec(),
            vec![to_client(OK), Step::ClientCloses, Step::ClientEnd],
        ]
        .concat(),
    );
    assert_eq!((told.len(), told[0].status), (1, Some(200)));
}
