//! Bodies of every framing, kept connections, pipelining, early answers.

use super::lab::{Ended, Step, client, fixed, request, response, server, to_client, to_server};
use overhear_store::{FailureCause, HeadKind, Party, State};

const GET: &str = "GET /x?y HTTP/1.1\r\nHost: origin.example\r\nX-a:  b \r\nx-A: c\r\n\r\n";

fn script<const N: usize>(steps: [Vec<Step>; N]) -> Vec<Step> {
    steps.into_iter().flatten().collect()
}

#[test]
fn a_plain_exchange_is_forwarded_and_recorded_as_it_came() {
    let answer = "HTTP/1.1 200 Fine\r\ncontent-LENGTH: 5\r\nContent-Type: text/plain\r\nSet-Cookie: a\r\nset-cookie: b\r\n\r\nhello";
    let (ended, told) = fixed(script([
        request(GET).to_vec(),
        response(answer).to_vec(),
        vec![Step::ClientCloses, Step::ClientEnd, Step::ServerEnd],
    ]));
    assert_eq!(ended, Ended::Closed);
    let [flow] = told.as_slice() else {
        panic!("{told:?}");
    };
    assert_eq!(flow.state, State::Complete);
    assert_eq!(
        (flow.method.as_str(), flow.url.as_str()),
        ("GET", "http://origin.example/x?y")
    );
    assert_eq!(flow.head(HeadKind::Request), Some(GET));
    assert_eq!(flow.head(HeadKind::RequestSent), None);
    assert_eq!(flow.head(HeadKind::Response), answer.strip_suffix("hello"));
    assert_eq!(
        (flow.request.as_str(), flow.response.as_str()),
        ("", "hello")
    );
    assert_eq!((flow.status, &flow.error), (Some(200), &None));
}

#[test]
fn connections_are_kept_in_both_directions() {
    let post = "POST /p HTTP/1.1\r\nHost: origin.example\r\nContent-Length: 6\r\n\r\nupload";
    let created = "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n";
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n00d\r\n, and so on..\r\n0\r\nDigest: z\r\n\r\n";
    let (_, told) = fixed(script([
        request(post).to_vec(),
        response(created).to_vec(),
        request(GET).to_vec(),
        response(chunked).to_vec(),
        request(post).to_vec(),
        response(created).to_vec(),
        vec![Step::ServerCloses, Step::ClientEnd],
    ]));
    let [first, second, third] = told.as_slice() else {
        panic!("{told:?}");
    };
    assert_eq!(
        (first.request.as_str(), first.response.as_str()),
        ("upload", "")
    );
    assert_eq!(second.response, "abc, and so on..");
    assert_eq!(
        second.head(HeadKind::ResponseTrailers),
        Some("Digest: z\r\n\r\n")
    );
    assert_eq!(third, first);
    assert!(told.iter().all(|flow| flow.state == State::Complete));
}

#[test]
fn chunked_uploads_keep_their_chunks_and_trailers() {
    let upload = "PUT /u HTTP/1.1\r\nHost: o\r\nTransfer-Encoding: chunked\r\nTrailer: Sum\r\n\r\n5\r\nfirst\r\n006;why\r\nsecond\r\n0\r\nSum: 1\r\n\r\n";
    let (_, told) = fixed(script([
        request(upload).to_vec(),
        response("HTTP/1.1 204 No Content\r\n\r\n").to_vec(),
        request(GET).to_vec(),
        response("HTTP/1.1 304 Not Modified\r\nContent-Length: 100\r\n\r\n").to_vec(),
        vec![Step::ClientCloses, Step::ClientEnd],
    ]));
    assert_eq!(told[0].request, "firstsecond");
    assert_eq!(
        told[0].head(HeadKind::RequestTrailers),
        Some("Sum: 1\r\n\r\n")
    );
    assert_eq!((told[1].status, told[1].response.as_str()), (Some(304), ""));
}

#[test]
fn requests_sent_ahead_are_answered_in_order() {
    let head = "HEAD /1 HTTP/1.1\r\nHost: o\r\n\r\n";
    let post = "POST /2 HTTP/1.1\r\nHost: o\r\nContent-Length: 2\r\n\r\nab";
    let all = [head, post, GET].concat();
    let answers = "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n\
                   HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\ncd\
                   HTTP/1.1 404 No\r\nContent-Length: 1\r\n\r\ne";
    let (_, told) = fixed(script([
        vec![
            client(&all),
            to_server(&all),
            server(answers),
            to_client(answers),
        ],
        vec![Step::ClientCloses, Step::ClientEnd],
    ]));
    let statuses: Vec<_> = told.iter().map(|flow| flow.status).collect();
    assert_eq!(statuses, [Some(200), Some(200), Some(404)]);
    let bodies: Vec<_> = told.iter().map(|flow| flow.response.as_str()).collect();
    assert_eq!(bodies, ["", "cd", "e"]);
}

#[test]
fn no_more_than_some_requests_are_sent_ahead() {
    let get = |n: usize| format!("GET /{n} HTTP/1.1\r\nHost: o\r\n\r\n");
    let ok = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    let last = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    let all: String = (0..12).map(get).collect();
    let first: String = (0..8).map(get).collect();
    let (ended, told) = fixed([
        client(all),
        to_server(first),
        Step::Settle,
        server(ok),
        to_client(ok),
        to_server(get(8)),
        Step::Settle,
        server(last),
        to_client(last),
        Step::ClientEnd,
        Step::ServerEnd,
        Step::ClientCloses,
    ]);
    assert_eq!((ended, told.len()), (Ended::Closed, 9));
}

#[test]
fn a_body_without_length_ends_with_the_connection() {
    for head in [
        "HTTP/1.0 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
    ] {
        let answer = format!("{head}all of this\r\nuntil the end");
        let (ended, told) = fixed(script([
            request(GET).to_vec(),
            vec![
                server(&answer),
                Step::ServerCloses,
                to_client(&answer),
                Step::ClientEnd,
            ],
        ]));
        assert_eq!(ended, Ended::Closed);
        assert_eq!(told[0].response, "all of this\r\nuntil the end");
        assert_eq!(told[0].state, State::Complete);
    }
}

#[test]
fn connection_close_closes_both_sides() {
    let asks = "GET / HTTP/1.1\r\nHost: o\r\nConnection: close\r\n\r\n";
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    let says = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";
    let old = "GET / HTTP/1.0\r\n\r\n";
    for (asks, answer) in [(asks, answer), (GET, says), (old, answer), (old, says)] {
        let (ended, told) = fixed(script([
            request(asks).to_vec(),
            response(answer).to_vec(),
            vec![Step::ClientEnd, Step::ServerEnd],
        ]));
        assert_eq!(
            (ended, told.len(), told[0].state),
            (Ended::Closed, 1, State::Complete)
        );
    }
    let kept = "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
    let keeps = "HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 2\r\n\r\nok";
    let (_, told) = fixed(script([
        request(kept).to_vec(),
        response(keeps).to_vec(),
        request(kept).to_vec(),
        response(keeps).to_vec(),
        vec![Step::ClientCloses, Step::ClientEnd],
    ]));
    assert_eq!(told.len(), 2);
}

#[test]
fn interim_responses_pass_and_are_recorded() {
    let head = "POST / HTTP/1.1\r\nHost: o\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n";
    let goes_on = "HTTP/1.1 100 Continue\r\n\r\n";
    let hints = "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n";
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    let (_, told) = fixed(script([
        request(head).to_vec(),
        response(goes_on).to_vec(),
        request("body").to_vec(),
        response(hints).to_vec(),
        response(answer).to_vec(),
        vec![Step::ClientCloses, Step::ClientEnd],
    ]));
    let interims: Vec<_> = told[0]
        .heads
        .iter()
        .filter(|h| h.0 == HeadKind::Interim)
        .collect();
    assert_eq!(interims.len(), 2);
    assert_eq!(interims[0].1, goes_on);
    assert_eq!(interims[1].1, hints);
    assert_eq!(
        (told[0].status, told[0].request.as_str()),
        (Some(200), "body")
    );
}

#[test]
fn an_early_answer_does_not_wait_for_the_request() {
    let head = "POST / HTTP/1.1\r\nHost: o\r\nContent-Length: 10\r\n\r\n";
    let answer = "HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno";
    // the connection goes on when the rest of the request has come
    let (_, told) = fixed(script([
        request(head).to_vec(),
        request("01234").to_vec(),
        response(answer).to_vec(),
        request("56789").to_vec(),
        request(GET).to_vec(),
        response("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").to_vec(),
        vec![Step::ClientCloses, Step::ClientEnd],
    ]));
    assert_eq!(
        (told[0].status, told[0].request.as_str()),
        (Some(413), "0123456789")
    );
    assert_eq!(
        (told[1].status, told[1].state),
        (Some(200), State::Complete)
    );

    // or the client goes away without sending it
    let (_, told) = fixed(script([
        request(head).to_vec(),
        response(answer).to_vec(),
        vec![Step::ClientCloses, Step::ClientEnd],
    ]));
    assert_eq!(
        (told[0].status, told[0].state),
        (Some(413), State::Complete)
    );
}

#[test]
fn a_server_that_answers_early_and_closes_is_heard() {
    let head = "POST / HTTP/1.1\r\nHost: o\r\nContent-Length: 1000000\r\n\r\n";
    let answer = "HTTP/1.1 401 No\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno";
    let (ended, told) = fixed(script([
        request(head).to_vec(),
        vec![
            server(answer),
            Step::ServerGone,
            to_client(answer),
            Step::ClientEnd,
        ],
        vec![client("some of the body"), Step::ClientCloses],
    ]));
    assert_eq!(ended, Ended::Closed);
    assert_eq!(
        (told[0].status, told[0].state),
        (Some(401), State::Complete)
    );
}

#[test]
fn a_client_that_has_sent_all_still_gets_its_answer() {
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
    let (ended, told) = fixed(script([
        vec![client(GET), Step::ClientCloses, to_server(GET)],
        response(answer).to_vec(),
        vec![Step::ClientEnd, Step::ServerEnd],
    ]));
    assert_eq!((ended, told[0].state), (Ended::Closed, State::Complete));
}

#[test]
fn a_request_that_breaks_off_is_a_failure() {
    let head = "POST / HTTP/1.1\r\nHost: o\r\nContent-Length: 10\r\n\r\n0123";
    let (ended, told) = fixed(script([
        request(head).to_vec(),
        vec![Step::ClientCloses, Step::ServerEnd, Step::ClientEnd],
    ]));
    assert_eq!(ended, Ended::Closed);
    assert_eq!(told[0].cause(), Some((FailureCause::Closed, Party::Client)));
    assert_eq!(told[0].request, "0123");
}
