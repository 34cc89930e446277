//! Upgrades and CONNECT inside a tunnel: after the switch, bytes as they come.

use super::lab::{Ended, Step, client, fixed, request, response, server, to_client, to_server};
use overhear_store::{HeadKind, Kind, State};

const OPENING: &str = "GET /chat HTTP/1.1\r\nHost: o\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\nSec-WebSocket-Protocol: b, a\r\nSec-WebSocket-Key: x\r\n\r\n";
const SWITCH: &str = "HTTP/1.1 101 Switching\r\nupgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Protocol: a\r\n\r\n";

#[test]
fn a_websocket_is_relayed_byte_for_byte() {
    let (ended, told) = fixed(
        [
            request(OPENING).to_vec(),
            // the first bytes may come with the head
            vec![
                server([SWITCH, "\u{1}first"].concat()),
                to_client([SWITCH, "\u{1}first"].concat()),
            ],
            request("HTTP/1.1 \r\n\r\n\0").to_vec(),
            response("GET / HTTP/1.1\n\n").to_vec(),
            vec![Step::ServerCloses, Step::ClientEnd],
            request("goodbye").to_vec(),
            vec![Step::ClientCloses, Step::ServerEnd],
        ]
        .concat(),
    );
    assert_eq!(ended, Ended::Closed);
    let [flow] = told.as_slice() else {
        panic!("{told:?}");
    };
    assert_eq!(
        (flow.kind, flow.state, flow.status),
        (Kind::WebSocket, State::Complete, Some(101))
    );
    assert_eq!(flow.url, "ws://origin.example/chat");
    assert_eq!(flow.head(HeadKind::Request), Some(OPENING));
    assert_eq!(flow.head(HeadKind::Response), Some(SWITCH));
    assert_eq!(flow.request, "HTTP/1.1 \r\n\r\n\0goodbye");
    assert_eq!(flow.response, "\u{1}firstGET / HTTP/1.1\n\n");
}

#[test]
fn a_refused_upgrade_goes_on_as_http() {
    let refusal = "HTTP/1.1 426 No\r\nContent-Length: 2\r\n\r\nno";
    let ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    let next = "GET / HTTP/1.1\r\nHost: o\r\n\r\n";
    let (_, told) = fixed(
        [
            request(OPENING).to_vec(),
            response(refusal).to_vec(),
            request(next).to_vec(),
            response(ok).to_vec(),
            vec![Step::ClientCloses, Step::ClientEnd],
        ]
        .concat(),
    );
    assert_eq!((told[0].kind, told[0].status), (Kind::Http, Some(426)));
    assert_eq!(
        (told[1].status, told[1].state),
        (Some(200), State::Complete)
    );
}

#[test]
fn what_follows_an_upgrade_waits_for_the_answer() {
    let refusal = "HTTP/1.1 200 No\r\nContent-Length: 2\r\n\r\nno";
    let next = "GET /2 HTTP/1.1\r\nHost: o\r\n\r\n";
    let (_, told) = fixed(
        [
            vec![client([OPENING, next].concat()), to_server(OPENING)],
            response(refusal).to_vec(),
            vec![to_server(next)],
            response(refusal).to_vec(),
            vec![Step::ClientCloses, Step::ClientEnd],
        ]
        .concat(),
    );
    assert_eq!(told.len(), 2);

    let (_, told) = fixed(
        [
            vec![
                client([OPENING, "early frames"].concat()),
                to_server(OPENING),
            ],
            response(SWITCH).to_vec(),
            vec![
                to_server("early frames"),
                Step::ClientCloses,
                Step::ServerEnd,
            ],
            vec![Step::ServerCloses, Step::ClientEnd],
        ]
        .concat(),
    );
    assert_eq!(told[0].request, "early frames");
}

#[test]
fn other_protocols_are_relayed_too() {
    let opening = "POST /talk HTTP/1.1\r\nHost: o\r\nConnection: Upgrade\r\nUpgrade: talk/2\r\nContent-Length: 2\r\n\r\nhi";
    let switch =
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: talk/2\r\n\r\n";
    let (_, told) = fixed(
        [
            request(opening).to_vec(),
            response(switch).to_vec(),
            request("HELLO\r\n").to_vec(),
            response("\0\0\0\x04").to_vec(),
            vec![
                Step::ClientCloses,
                Step::ServerEnd,
                Step::ServerGone,
                Step::ClientEnd,
            ],
        ]
        .concat(),
    );
    assert_eq!((told[0].kind, told[0].state), (Kind::Http, State::Complete));
    assert_eq!(told[0].request, "hiHELLO\r\n");
}

#[test]
fn connect_inside_a_tunnel_becomes_a_tunnel_when_accepted() {
    let connect = "CONNECT inner.example:443 HTTP/1.1\r\nHost: inner.example\r\n\r\n";
    let accepted = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
    let (_, told) = fixed(
        [
            request(connect).to_vec(),
            response(accepted).to_vec(),
            request("\x16\x03\x01").to_vec(),
            response("\x16\x03\x03").to_vec(),
            vec![
                Step::ClientCloses,
                Step::ServerEnd,
                Step::ServerCloses,
                Step::ClientEnd,
            ],
        ]
        .concat(),
    );
    assert_eq!(
        (told[0].method.as_str(), told[0].state),
        ("CONNECT", State::Complete)
    );
    assert_eq!(told[0].request, "\x16\x03\x01");

    // also one whose connection would not be kept
    let old = "CONNECT inner.example:443 HTTP/1.0\r\n\r\n";
    let (_, told) = fixed(
        [
            request(old).to_vec(),
            response("HTTP/1.0 200 OK\r\n\r\n").to_vec(),
            request("up").to_vec(),
            response("down").to_vec(),
            vec![
                Step::ServerCloses,
                Step::ClientEnd,
                Step::ClientCloses,
                Step::ServerEnd,
            ],
        ]
        .concat(),
    );
    assert_eq!(
        (told[0].request.as_str(), told[0].response.as_str()),
        ("up", "down")
    );

    let refused = "HTTP/1.1 407 No\r\nContent-Length: 2\r\n\r\nno";
    let (_, told) = fixed(
        [
            request(connect).to_vec(),
            response(refused).to_vec(),
            request(connect).to_vec(),
            response(refused).to_vec(),
            vec![Step::ClientCloses, Step::ClientEnd],
        ]
        .concat(),
    );
    assert_eq!((told.len(), told[1].status), (2, Some(407)));
}
