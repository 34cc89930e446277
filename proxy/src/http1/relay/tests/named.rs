//! Plain proxy requests: absolute form in, origin form out, several servers on one client connection.

use super::lab::{Ended, Step, client, named, request, response, server, to_client, to_server};
use overhear_store::{FailureCause, HeadKind, Party, State};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// A plain GET as the client sends it, and as the server gets it.
fn get(host: &str, path: &str) -> (String, String) {
    let rest = "HTTP/1.1\r\nHost: as.sent\r\nX-Y: z\r\n";
    (
        format!("GET http://{host}{path} {rest}Proxy-Connection: keep-alive\r\n\r\n"),
        format!("GET {path} {rest}\r\n"),
    )
}

#[test]
fn absolute_form_becomes_origin_form_and_nothing_else_changes() {
    let sent = "POST HTTP://user:pw@A.example:8080?q=1 HTTP/1.1\r\nhost: other.example\r\nPROXY-authorization: Basic eDp5\r\nproxy-connection: Keep-Alive\r\nProxy-Connected: stays\r\nX:  1\r\nx: 2\r\nContent-Length: 4\r\n\r\nbody";
    let goes = "POST /?q=1 HTTP/1.1\r\nhost: other.example\r\nProxy-Connected: stays\r\nX:  1\r\nx: 2\r\nContent-Length: 4\r\n\r\nbody";
    let (ended, told) = named(
        [client(sent), Step::Dials("A.example:8080"), to_server(goes)]
            .into_iter()
            .chain(response(OK))
            .chain([Step::ClientCloses, Step::ClientEnd, Step::ServerEnd]),
    );
    assert_eq!(ended, Ended::Closed);
    let [flow] = told.as_slice() else {
        panic!("{told:?}");
    };
    assert_eq!(flow.head(HeadKind::Request), sent.strip_suffix("body"));
    assert_eq!(flow.head(HeadKind::RequestSent), goes.strip_suffix("body"));
    assert_eq!(flow.url, "http://A.example:8080/?q=1");
    assert_eq!(
        (flow.request.as_str(), flow.response.as_str()),
        ("body", "ok")
    );
    assert_eq!(flow.state, State::Complete);
}

#[test]
fn one_connection_reaches_several_servers_in_turn() {
    let ((a1, a1_sent), (b, b_sent), (a2, a2_sent)) =
        (get("a", "/1"), get("b", "/2"), get("a", "/3"));
    let steps = [
        vec![client(&a1), Step::Dials("a:80"), to_server(&a1_sent)],
        response(OK).to_vec(),
        vec![client(&b), Step::Dials("b:80"), to_server(&b_sent)],
        response(OK).to_vec(),
        vec![client(&b), to_server(&b_sent)],
        response(OK).to_vec(),
        vec![client(&a2), Step::Dials("a:80"), to_server(&a2_sent)],
        response(OK).to_vec(),
        vec![Step::ClientCloses, Step::ClientEnd],
    ];
    let (_, told) = named(steps.concat());
    let urls: Vec<_> = told.iter().map(|flow| flow.url.as_str()).collect();
    assert_eq!(
        urls,
        ["http://a/1", "http://b/2", "http://b/2", "http://a/3"]
    );
    assert!(told.iter().all(|flow| flow.state == State::Complete));
}

#[test]
fn a_request_for_another_server_waits_for_the_answers_before_it() {
    let ((a, a_sent), (b, b_sent)) = (get("a", "/1"), get("b", "/2"));
    let steps = [
        vec![
            client([a, b].concat()),
            Step::Dials("a:80"),
            to_server(&a_sent),
        ],
        response(OK).to_vec(),
        vec![Step::ServerEnd, Step::Dials("b:80"), to_server(&b_sent)],
        response(OK).to_vec(),
        vec![Step::ClientCloses, Step::ClientEnd],
    ];
    let (_, told) = named(steps.concat());
    assert_eq!(told.len(), 2);
    assert!(told.iter().all(|flow| flow.state == State::Complete));
}

#[test]
fn a_server_that_closed_while_idle_is_dialled_again() {
    let (a, a_sent) = get("a", "/1");
    let steps = [
        vec![client(&a), Step::Dials("a:80"), to_server(&a_sent)],
        response(OK).to_vec(),
        vec![
            Step::ServerGone,
            client(&a),
            Step::Dials("a:80"),
            to_server(&a_sent),
        ],
        response(OK).to_vec(),
        vec![Step::ClientCloses, Step::ClientEnd],
    ];
    let (_, told) = named(steps.concat());
    assert_eq!(told.len(), 2);
    assert!(told.iter().all(|flow| flow.state == State::Complete));
}

#[test]
fn a_kept_connection_that_dies_under_a_get_is_dialled_once_more() {
    let (a, a_sent) = get("a", "/1");
    let steps = [
        vec![client(&a), Step::Dials("a:80"), to_server(&a_sent)],
        response(OK).to_vec(),
        vec![client(&a), to_server(&a_sent), Step::ServerGone],
        vec![Step::Dials("a:80"), to_server(&a_sent)],
        response(OK).to_vec(),
        vec![Step::ClientCloses, Step::ClientEnd],
    ];
    let (_, told) = named(steps.concat());
    assert_eq!(told.len(), 2);
    assert!(told.iter().all(|flow| flow.state == State::Complete));

    // a second time it is a failure, and so is a request that must not be repeated
    let steps = [
        vec![client(&a), Step::Dials("a:80"), to_server(&a_sent)],
        response(OK).to_vec(),
        vec![client(&a), to_server(&a_sent), Step::ServerGone],
        vec![Step::Dials("a:80"), to_server(&a_sent), Step::ServerGone],
        vec![
            Step::ToClientWith(&["HTTP/1.1 502 ", "a:80 closed"]),
            Step::ClientEnd,
        ],
    ];
    let (_, told) = named(steps.concat());
    assert_eq!(told[1].cause(), Some((FailureCause::Closed, Party::Server)));
    assert_eq!(told[1].status, Some(502));

    let post = "POST http://a/ HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx";
    let post_sent = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx";
    let steps = [
        vec![client(&a), Step::Dials("a:80"), to_server(&a_sent)],
        response(OK).to_vec(),
        vec![
            client(post),
            to_server(post_sent),
            Step::ServerGone,
            Step::ClientEnd,
        ],
    ];
    let (_, told) = named(steps.concat());
    assert_eq!(told[1].cause(), Some((FailureCause::Closed, Party::Server)));
    assert_eq!((told[1].status, told[1].request.as_str()), (None, "x"));
}

#[test]
fn a_dial_that_fails_is_a_page_and_a_flow_with_the_whole_request() {
    let post = "POST http://a/x HTTP/1.1\r\nHost: a\r\nAccept: text/html\r\nContent-Length: 6\r\n\r\nupload";
    let (ended, told) = named([
        client(post),
        Step::Dials("!a:80"),
        Step::ToClientWith(&[
            "HTTP/1.1 502 Bad Gateway\r\n",
            "Content-Type: text/html",
            "Connection: close\r\n",
            "a:80 refused the connection.",
        ]),
        Step::ClientEnd,
    ]);
    assert_eq!(ended, Ended::Closed);
    let [flow] = told.as_slice() else {
        panic!("{told:?}");
    };
    assert_eq!((flow.status, flow.state), (Some(502), State::Failed));
    assert_eq!(flow.cause(), Some((FailureCause::Refused, Party::Server)));
    assert_eq!(flow.url, "http://a/x");
    assert_eq!(flow.request, "upload");
    assert_eq!(flow.head(HeadKind::Response), None);

    let head = "HEAD http://a/x HTTP/1.1\r\nHost: a\r\n\r\n";
    let (_, told) = named([
        client(head),
        Step::Dials("!a:80"),
        Step::ToClientWith(&["HTTP/1.1 502 Bad Gateway\r\n", "text/plain"]),
        Step::ClientEnd,
    ]);
    assert_eq!(told[0].status, Some(502));
}

#[test]
fn connect_hands_the_client_over() {
    let head = "CONNECT [::1]:8443 HTTP/1.1\r\nHost: x\r\nProxy-Authorization: y\r\n\r\n";
    let (ended, told) = named([client([head, "\x16\x03\x01"].concat())]);
    let expected = (
        "[::1]:8443".to_owned(),
        head.into(),
        b"\x16\x03\x01".to_vec(),
    );
    assert_eq!(ended, Ended::Connect(expected.0, expected.1, expected.2));
    assert_eq!(told, []);

    // also after other requests
    let (a, a_sent) = get("a", "/1");
    let (ended, told) = named([
        client([&a, head].concat()),
        Step::Dials("a:80"),
        to_server(&a_sent),
        server(OK),
        to_client(OK),
        Step::ServerEnd,
    ]);
    assert!(matches!(ended, Ended::Connect(..)));
    assert_eq!(told.len(), 1);
}

#[test]
fn origin_form_is_a_visit() {
    for visit in [
        "GET /cert HTTP/1.1\r\nHost: 10.0.0.1:8080\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
    ] {
        let (ended, told) = named([client([visit, "more"].concat())]);
        assert_eq!(
            (ended, told.len()),
            (Ended::Visit([visit, "more"].concat().into()), 0)
        );
    }
    let (a, a_sent) = get("a", "/1");
    let visit = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    let (ended, _) = named([
        client([&a, visit].concat()),
        Step::Dials("a:80"),
        to_server(&a_sent),
        server(OK),
        to_client(OK),
    ]);
    assert_eq!(ended, Ended::Visit(visit.into()));
}

#[test]
fn what_this_program_answers_itself_is_not_recorded() {
    let (ours, ours_sent) = get("overhear.internal", "/");
    let (a, a_sent) = get("a", "/1");
    let steps = [
        vec![
            client(&ours),
            Step::Dials("overhear.internal:80"),
            to_server(&ours_sent),
        ],
        response(OK).to_vec(),
        vec![client(&ours), to_server(&ours_sent)],
        response(OK).to_vec(),
        vec![client(&a), Step::Dials("a:80"), to_server(&a_sent)],
        response(OK).to_vec(),
        vec![Step::ClientCloses, Step::ClientEnd],
    ];
    let (_, told) = named(steps.concat());
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].url, "http://a/1");
}

#[test]
fn a_stop_lets_the_running_exchange_end() {
    let (a, a_sent) = get("a", "/1");
    let steps = [
        vec![
            client(&a),
            Step::Dials("a:80"),
            to_server(&a_sent),
            Step::Stop,
        ],
        vec![client(&a)],
        response(OK).to_vec(),
        vec![Step::ClientEnd, Step::ServerEnd],
    ];
    let (ended, told) = named(steps.concat());
    assert_eq!(
        (ended, told.len(), told[0].state),
        (Ended::Closed, 1, State::Complete)
    );
    let (ended, told) = named([Step::Stop, Step::ClientEnd]);
    assert_eq!((ended, told.len()), (Ended::Closed, 0));
}

#[test]
fn upgrades_work_without_a_tunnel() {
    let sent =
        "GET http://a/ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
    let goes = "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
    let switch =
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
    let steps = [
        vec![client(sent), Step::Dials("a:80"), to_server(goes)],
        response(switch).to_vec(),
        request("GET http://not.http/ HTTP/1.1\r\n\r\n").to_vec(),
        response("\x01\x02\x03").to_vec(),
        vec![
            Step::ClientCloses,
            Step::ServerEnd,
            Step::ServerCloses,
            Step::ClientEnd,
        ],
    ];
    let (_, told) = named(steps.concat());
    assert_eq!(told[0].url, "ws://a/ws");
    assert_eq!(told[0].response, "\x01\x02\x03");
}
