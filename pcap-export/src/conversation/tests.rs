//! Transcripts: recorded flows in, turns out.

use super::*;
use crate::{
    frames,
    source::memory::{Entry, Memory, connection, flow, ms},
};
use overhear_store::{Kind, TlsInfo};

/// The turns of a connection with all its flows, a line each: milliseconds, who, what.
async fn turns(connection: Connection, flows: Vec<Entry>) -> Vec<String> {
    raw_turns(connection, flows)
        .await
        .iter()
        .map(line)
        .collect()
}

async fn raw_turns(connection: Connection, flows: Vec<Entry>) -> Vec<Turn> {
    let ids: Vec<_> = flows.iter().map(|f| f.recorded.flow.id).collect();
    let first = flows[0].recorded.clone();
    let source = Memory::new(vec![connection.clone()], flows);
    let comment = "first".to_owned();
    let mut conversation =
        Conversation::new(source, connection, Flows::new(None, ids), &first, comment);
    let mut turns = Vec::new();
    while let Some(turn) = conversation.next().await.unwrap() {
        turns.push(turn);
    }
    turns
}

fn line(turn: &Turn) -> String {
    let what = match &turn.step {
        Step::Syn => "> SYN".to_owned(),
        Step::Accept => "< SYN ACK".to_owned(),
        Step::Refuse => "< refused".to_owned(),
        Step::Close(side) => format!("{} close", who(*side)),
        Step::Reset(side) => format!("{} reset", who(*side)),
        Step::Data(side, bytes) => format!("{} {}", who(*side), text(bytes)),
    };
    let comment = turn
        .comment
        .as_ref()
        .map_or(String::new(), |c| format!(" # {c}"));
    format!("{} {what}{comment}", turn.at.0 / 1_000_000)
}

fn who(side: Side) -> &'static str {
    match side {
        Side::Request => ">",
        Side::Response => "<",
    }
}

/// Bytes, or the names of HTTP/2 frames.
fn text(bytes: &[u8]) -> String {
    let (opening, rest) = match bytes.strip_prefix(frames::PREFACE) {
        Some(rest) => ("PREFACE ", rest),
        None => ("", bytes),
    };
    match frame_names(rest) {
        Some(names) => format!("{opening}{}", names.join(" ")),
        None => bytes.escape_ascii().to_string(),
    }
}

/// Each frame as type, flags (hexadecimal), stream, and length of its payload.
fn frame_names(mut bytes: &[u8]) -> Option<Vec<String>> {
    let mut names = Vec::new();
    while !bytes.is_empty() {
        let (header, rest) = bytes.split_at_checked(9)?;
        let length = u32::from_be_bytes([0, header[0], header[1], header[2]]) as usize;
        let stream = u32::from_be_bytes([header[5], header[6], header[7], header[8]]);
        let name = match header[3] {
            0 => "DATA",
            1 => "HEADERS",
            3 => "RST_STREAM",
            4 => "SETTINGS",
            7 => "GOAWAY",
            8 => "WINDOW_UPDATE",
            9 => "CONTINUATION",
            _ => return None,
        };
        let (_, after) = rest.split_at_checked(length)?;
        names.push(format!("{name}/{:x}/{stream}/{length}", header[4]));
        bytes = after;
    }
    Some(names)
}

#[tokio::test]
async fn http1_with_every_framing() {
    let flows = vec![
        flow(1, 1, Kind::Http)
            .request(3, "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n")
            .body(Side::Request, 4, b"abc")
            .body(Side::Request, 5, b"defgh")
            .head(HeadKind::RequestTrailers, 6, "X: y\r\n\r\n")
            .head(HeadKind::Interim, 4, "HTTP/1.1 100 Continue\r\n\r\n")
            .response(
                7,
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, Chunked\r\n\r\n",
            )
            .body(Side::Response, 8, b"0123456789")
            .body(Side::Response, 9, b"x"),
        flow(2, 1, Kind::Http)
            .request(10, "HEAD / HTTP/1.1\r\n\r\n")
            .response(11, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
        flow(3, 1, Kind::Http)
            .request(12, "GET / HTTP/1.1\r\n\r\n")
            .response(
                13,
                "HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n",
            ),
        flow(4, 1, Kind::Http)
            .request(14, "GET http://h/ HTTP/1.1\r\n\r\n")
            .head(
                HeadKind::RequestSent,
                14,
                "GET / HTTP/1.1\r\nHost: h\r\n\r\n",
            )
            .response(15, "HTTP/1.1 200 OK\r\n\r\n")
            .body(Side::Response, 16, b"until close"),
    ];
    let mut recorded = connection(1);
    recorded.closed_by = Some(Party::Server);
    let expected = [
        "0 > SYN # first",
        "2 < SYN ACK",
        r"3 > POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
        r"4 > 3\r\nabc\r\n",
        r"4 < HTTP/1.1 100 Continue\r\n\r\n",
        r"5 > 5\r\ndefgh\r\n",
        r"6 > 0\r\nX: y\r\n\r\n",
        r"7 < HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, Chunked\r\n\r\n",
        r"8 < a\r\n0123456789\r\n",
        r"9 < 1\r\nx\r\n0\r\n\r\n",
        r"10 > HEAD / HTTP/1.1\r\n\r\n",
        r"11 < HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        r"12 > GET / HTTP/1.1\r\n\r\n",
        r"13 < HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n",
        r"14 > GET / HTTP/1.1\r\nHost: h\r\n\r\n",
        r"15 < HTTP/1.1 200 OK\r\n\r\n",
        "16 < until close",
        "1000 < close",
    ];
    assert_eq!(turns(recorded, flows).await, expected);
}

#[tokio::test]
async fn pipelined_requests_and_times_before_the_connection_stood() {
    let flows = vec![
        // the head was read before the server was dialled
        flow(1, 1, Kind::Http)
            .request(-5, "GET /1 HTTP/1.1\r\n\r\n")
            .response(20, "HTTP/1.1 204 \r\n\r\n"),
        flow(2, 1, Kind::Http)
            .request(-4, "GET /2 HTTP/1.1\r\n\r\n")
            .response(21, "HTTP/1.1 204 \r\n\r\n"),
        // a clock that went back: the response still follows its request
        flow(3, 1, Kind::Http)
            .request(40, "GET /3 HTTP/1.1\r\n\r\n")
            .response(30, "HTTP/1.1 204 \r\n\r\n"),
    ];
    let mut recorded = connection(1);
    recorded.server_tls = Some(TlsInfo::default());
    recorded.server_tls_done = Some(ms(7));
    let expected = [
        r"7 > GET /1 HTTP/1.1\r\n\r\n",
        r"7 > GET /2 HTTP/1.1\r\n\r\n",
        r"20 < HTTP/1.1 204 \r\n\r\n",
        r"21 < HTTP/1.1 204 \r\n\r\n",
        r"40 > GET /3 HTTP/1.1\r\n\r\n",
        r"40 < HTTP/1.1 204 \r\n\r\n",
    ];
    assert_eq!(turns(recorded, flows).await[2..8], expected);
}

#[tokio::test]
async fn a_websocket_is_raw_after_its_opening() {
    let mut opening = flow(1, 1, Kind::WebSocket)
        .request(3, "GET /ws HTTP/1.1\r\nUpgrade: websocket\r\n\r\n")
        // recorded at the same moment as the agreement: it still follows it
        .body(Side::Request, 4, b"\x81\x80mask")
        .response(
            4,
            "HTTP/1.1 101 Switching Protocols\r\nTransfer-Encoding: chunked\r\n\r\n",
        )
        .body(Side::Response, 4, b"\x81\x01x")
        .body(Side::Request, 6, b"\x88\x80mask");
    "look at this".clone_into(&mut opening.recorded.flow.comment);
    let expected = [
        r"3 > GET /ws HTTP/1.1\r\nUpgrade: websocket\r\n\r\n # look at this",
        r"4 < HTTP/1.1 101 Switching Protocols\r\nTransfer-Encoding: chunked\r\n\r\n",
        r"4 > \x81\x80mask",
        r"4 < \x81\x01x",
        r"6 > \x88\x80mask",
    ];
    assert_eq!(turns(connection(1), vec![opening]).await[2..7], expected);
}

#[tokio::test]
async fn a_tunnel_within_a_connection_is_raw_after_its_opening() {
    let tunnel = flow(1, 1, Kind::Http)
        .request(3, "CONNECT h:1 HTTP/1.1\r\n\r\n")
        .response(4, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        .body(Side::Request, 4, b"hello")
        .body(Side::Response, 5, b"answer");
    let expected = [
        r"3 > CONNECT h:1 HTTP/1.1\r\n\r\n",
        r"4 < HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        "4 > hello",
        "5 < answer",
    ];
    assert_eq!(turns(connection(1), vec![tunnel]).await[2..6], expected);
}

#[tokio::test]
async fn a_raw_stream_in_which_the_server_speaks_first() {
    let stream = flow(1, 1, Kind::Tcp)
        .body(Side::Response, 3, b"220 ready")
        .body(Side::Request, 5, b"QUIT")
        .body(Side::Response, 6, b"221 bye")
        .running();
    let mut recorded = connection(1);
    recorded.closed = None;
    let expected = [
        "0 > SYN # first",
        "2 < SYN ACK",
        "3 < 220 ready",
        "5 > QUIT",
        "6 < 221 bye",
    ];
    assert_eq!(turns(recorded, vec![stream]).await, expected);
}

#[tokio::test]
async fn truncated_messages_stay_truncated() {
    let cut = flow(1, 1, Kind::Http)
        .request(3, "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n")
        .body(Side::Request, 4, b"abc")
        .response(5, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        .body(Side::Response, 6, b"de")
        .failed(7, FailureCause::Reset, Party::Server, "the server reset it");
    let mut recorded = connection(1);
    recorded.closed = Some(ms(7));
    recorded.closed_by = Some(Party::Server);
    recorded.reset = true;
    let expected = [
        r"3 > POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
        // the server answered after the last piece: that was all of the request
        r"4 > 3\r\nabc\r\n0\r\n\r\n",
        r"5 < HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        r"6 < 2\r\nde\r\n",
        "7 < reset # Flow 1: the server reset it",
    ];
    assert_eq!(turns(recorded, vec![cut]).await[2..], expected);

    let uploading = flow(1, 1, Kind::Http)
        .request(3, "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n")
        .body(Side::Request, 4, b"abc")
        .failed(7, FailureCause::Closed, Party::Client, "gone");
    assert_eq!(
        turns(connection(1), vec![uploading]).await[3],
        r"4 > 3\r\nabc\r\n"
    );
}

#[tokio::test]
async fn what_breaks_the_chunks_is_written_as_it_came() {
    let why = (FailureCause::Protocol, "why");
    let flows = vec![
        // both lengths: refused, and nobody can say what is content
        flow(1, 1, Kind::Http)
            .request(3, "GET / HTTP/1.1\r\n\r\n")
            .response(
                4,
                "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
            )
            .raw(Side::Response, 5, b"3\r\nabc\r\n0\r\n\r\n")
            .failed(6, why.0, Party::Server, why.1),
        // chunks, and then none
        flow(2, 1, Kind::Http)
            .request(7, "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n")
            .body(Side::Request, 8, b"abc")
            .body(Side::Request, 9, b"de")
            .raw(Side::Request, 10, b"\r\nzz\r\n")
            .response(11, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            .body(Side::Response, 12, b"abc")
            .raw(Side::Response, 13, b"def")
            .failed(14, why.0, Party::Client, why.1),
    ];
    let expected = [
        "0 > SYN # first",
        "2 < SYN ACK",
        r"3 > GET / HTTP/1.1\r\n\r\n",
        r"4 < HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
        r"5 < 3\r\nabc\r\n0\r\n\r\n",
        r"7 > POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
        r"8 > 3\r\nabc\r\n",
        r"9 > 2\r\nde",
        r"10 > \r\nzz\r\n",
        r"11 < HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        r"12 < 3\r\nabc",
        "13 < def",
        "1000 > close # Flow 1: why\nFlow 2: why",
    ];
    assert_eq!(turns(connection(1), flows).await, expected);
}

#[tokio::test]
async fn connections_that_never_stood() {
    let get = |cause| {
        flow(1, 1, Kind::Http)
            .request(-3, "GET http://h/ HTTP/1.1\r\n\r\n")
            .failed(9, cause, Party::Server, "why")
    };
    let mut recorded = connection(1);
    recorded.connected = None;
    let refused = turns(recorded.clone(), vec![get(FailureCause::Refused)]).await;
    assert_eq!(refused, ["0 > SYN # first\nwhy", "9 < refused"]);
    let silent = turns(recorded, vec![get(FailureCause::Timeout)]).await;
    assert_eq!(silent, ["0 > SYN # first\nwhy"]);
}

#[tokio::test]
async fn what_the_proxy_answered_itself_is_not_on_the_wire() {
    // the server's TLS failed: the request never went on
    let mut recorded = connection(1);
    recorded.server_tls = Some(TlsInfo::default());
    recorded.closed_by = Some(Party::Proxy);
    let unsent = flow(1, 1, Kind::Http)
        .request(3, "GET / HTTP/1.1\r\n\r\n")
        .head(
            HeadKind::ResponseSent,
            5,
            "HTTP/1.1 502 Bad Gateway\r\n\r\n",
        )
        .failed(5, FailureCause::Certificate, Party::Server, "expired");
    let expected = [
        "0 > SYN # first",
        "2 < SYN ACK",
        "1000 > close # Flow 1: expired",
    ];
    assert_eq!(turns(recorded, vec![unsent]).await, expected);

    // refused between two exchanges that went on
    let get = |id, at| {
        flow(id, 1, Kind::Http)
            .request(at, "GET / HTTP/1.1\r\n\r\n")
            .response(at + 1, "HTTP/1.1 204 \r\n\r\n")
    };
    let smuggling = flow(2, 1, Kind::Http)
        .request(
            5,
            "POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        )
        .failed(6, FailureCause::Protocol, Party::Client, "two lengths")
        .without_server();
    let flows = vec![get(1, 3), smuggling, get(3, 7)];
    let expected = [
        r"3 > GET / HTTP/1.1\r\n\r\n",
        r"4 < HTTP/1.1 204 \r\n\r\n",
        r"7 > GET / HTTP/1.1\r\n\r\n",
        r"8 < HTTP/1.1 204 \r\n\r\n",
        "1000 > close # Flow 2: two lengths",
    ];
    assert_eq!(turns(connection(1), flows).await[2..], expected);
}

#[tokio::test]
async fn http2_streams_interleaved() {
    let flows = vec![
        flow(5, 1, Kind::Http)
            .request(3, ":method: POST\r\n:path: /1\r\n\r\n")
            .body(Side::Request, 6, b"abc")
            .response(10, ":status: 200\r\n\r\n")
            .body(Side::Response, 11, &[0; 20_000])
            .body(Side::Response, 15, b"z")
            .head(HeadKind::ResponseTrailers, 16, "grpc-status: 0\r\n\r\n"),
        flow(6, 1, Kind::Http)
            .request(4, ":method: GET\r\n:path: /2\r\n\r\n")
            .head(HeadKind::Interim, 5, ":status: 103\r\n\r\n")
            .response(12, ":status: 204\r\n\r\n"),
        flow(7, 1, Kind::Http)
            .request(13, ":method: GET\r\n:path: /3\r\n\r\n")
            .response(14, ":status: 200\r\n\r\n")
            .body(Side::Response, 17, b"cut")
            .failed(18, FailureCause::Reset, Party::Server, "stream reset"),
        // never answered by the server
        flow(8, 1, Kind::Http)
            .request(14, ":method: GET\r\n:path: /4\r\n\r\n")
            .failed(20, FailureCause::Timeout, Party::Server, "slow"),
    ];
    let expected = [
        "0 > SYN # first",
        "2 < SYN ACK",
        "2 > PREFACE SETTINGS/0/0/12 WINDOW_UPDATE/0/0/4",
        "2 < SETTINGS/0/0/12 WINDOW_UPDATE/0/0/4 SETTINGS/1/0/0",
        "2 > SETTINGS/1/0/0",
        "3 > HEADERS/4/1/24",
        "4 > HEADERS/5/3/23",
        "5 < HEADERS/4/3/13",
        "6 > DATA/1/1/3",
        "10 < HEADERS/4/1/13",
        "11 < DATA/0/1/16384 DATA/0/1/3616",
        "12 < HEADERS/5/3/13",
        "13 > HEADERS/5/5/23",
        "14 > HEADERS/5/7/23",
        "14 < HEADERS/4/5/13",
        "15 < DATA/0/1/1",
        "16 < HEADERS/5/1/15",
        "17 < DATA/0/5/3",
        "18 < RST_STREAM/0/5/4 # Flow 7: stream reset",
        "20 < RST_STREAM/0/7/4 # Flow 8: slow",
        "1000 > GOAWAY/0/0/8",
        "1000 > close",
    ];
    assert_eq!(turns(connection(1), flows).await, expected);
}

#[tokio::test]
async fn http2_that_ends_with_its_connection() {
    let cut = flow(1, 1, Kind::Http)
        .request(3, ":method: GET\r\n:path: /\r\n\r\n")
        .response(4, ":status: 200\r\n\r\n")
        .body(Side::Response, 5, b"cut")
        .failed(9, FailureCause::Reset, Party::Server, "connection reset");
    let mut recorded = connection(1);
    recorded.closed = Some(ms(9));
    recorded.closed_by = Some(Party::Server);
    recorded.reset = true;
    let expected = ["5 < DATA/0/1/3", "9 < reset # Flow 1: connection reset"];
    assert_eq!(turns(recorded, vec![cut]).await[7..], expected);
}

#[tokio::test]
async fn http2_windows_are_kept_open() {
    let mut download = flow(1, 1, Kind::Http)
        .request(3, ":method: GET\r\n:path: /\r\n\r\n")
        .response(4, ":status: 200\r\n\r\n");
    for at in 0..52 {
        download = download.body(Side::Response, 5 + at, &[]);
    }
    let piece = Bytes::from(vec![0; 1 << 20]);
    download.fill(Side::Response, &piece);
    let turns = raw_turns(connection(1), vec![download]).await;
    let updates: Vec<_> = turns
        .iter()
        .skip(5)
        .filter_map(|t| match &t.step {
            Step::Data(Side::Request, bytes) if bytes.len() == 13 => Some(bytes[5..].to_vec()),
            _ => None,
        })
        .collect();
    let step = [1, 0, 0, 0];
    let [stream, all] = [
        [&[0, 0, 0, 1], &step[..]].concat(),
        [&[0; 4], &step[..]].concat(),
    ];
    let expected = [&stream, &all, &stream, &all, &stream, &all];
    assert_eq!(updates.iter().collect::<Vec<_>>(), expected);
}
