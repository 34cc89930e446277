use super::*;
use crate::http::notes::Notes;
use overhear_store::Timestamp;

#[derive(Clone, Copy)]
enum Step<'a> {
    /// The client said.
    C(&'a str),
    /// The server said.
    S(&'a str),
    /// Missing bytes of the client or the server.
    GapC(u64),
    GapS(u64),
    /// Closed in good order.
    EndC,
    EndS,
}
use Step::{C, EndC, EndS, GapC, GapS, S};

fn at() -> Position {
    Position {
        at: Timestamp(1),
        packet: 1,
        span: crate::packet::Span::default(),
    }
}

fn feed(http: &mut Http1, step: Step<'_>, piece: usize, notes: &mut Notes) {
    let (side, text) = match step {
        C(text) => (Side::Request, text),
        S(text) => (Side::Response, text),
        GapC(missing) => return http.gap(Side::Request, at(), missing, notes),
        GapS(missing) => return http.gap(Side::Response, at(), missing, notes),
        EndC => return http.close(Side::Request, at(), notes),
        EndS => return http.close(Side::Response, at(), notes),
    };
    for piece in text.as_bytes().chunks(piece) {
        http.push(side, at(), piece, notes);
    }
}

fn run(mut http: Http1, steps: &[Step<'_>], piece: usize) -> String {
    let mut notes = Notes::default();
    for step in steps {
        feed(&mut http, *step, piece, &mut notes);
    }
    http.finish(at(), "The capture ends before it does.", &mut notes);
    notes.text()
}

/// What is found, the same however the pieces are cut.
#[track_caller]
fn finds(steps: &[Step<'_>], expected: &str) {
    for piece in [usize::MAX, 1, 2, 3, 7, 16] {
        let found = run(Http1::default(), steps, piece);
        assert_eq!(found.trim(), expected.trim(), "in pieces of {piece}");
    }
}

#[test]
fn requests_are_paired_with_responses_in_order() {
    finds(
        &[
            C("GET /a HTTP/1.1\r\nHost: h\r\n\r\nPOST /b HTTP/1.1\r\nContent-Length: 3\r\n\r\nxyz"),
            C("HEAD /c HTTP/1.1\r\n\r\n"),
            S("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhiHTTP/1.1 204 No\r\n\r\n"),
            S("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n"),
        ],
        r#"1> GET /a "" end
1< 200 "hi" end
2> POST /b "xyz" end
2< 204 "" end
3> HEAD /c "" end
3< 200 "" end"#,
    );
}

#[test]
fn chunks_are_taken_out_of_their_coding() {
    finds(
        &[
            C("GET / HTTP/1.1\r\n\r\n"),
            S(
                "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
            ),
            S("3;x=\"y\"\r\nabc\r\n0A\r\n0123456789\r\n0\r\nSum: 1\r\n\r\n"),
        ],
        r#"1> GET / "" end
1< (100) 200 "abc0123456789" trailers "Sum: 1\r\n\r\n" end"#,
    );
}

#[test]
fn a_body_without_length_ends_with_the_connection() {
    let steps = [
        C("GET / HTTP/1.0\r\n\r\n"),
        S("HTTP/1.0 200 OK\r\n\r\nall"),
        EndS,
    ];
    finds(&steps, "1> GET / \"\" end\n1< 200 \"all\" end");
    finds(
        &steps[..2],
        "1> GET / \"\" end\n1< 200 \"all\" BROKEN The capture ends before it does.",
    );
}

#[test]
fn what_is_cut_says_so() {
    finds(
        &[C("POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nab"), EndC],
        "1> POST / \"ab\" BROKEN The connection was closed in the middle of it. 7 bytes of its body are missing.\n\
         1< \"\" BROKEN The capture ends before it does.",
    );
    finds(
        &[C("GET / HT"), EndC],
        "1> GET / \"\" BROKEN The connection was closed in the middle of it. Its head is not whole.",
    );
    finds(
        &[C("GET / HTTP/1.1\r\n\r\n"), EndS],
        "1> GET / \"\" end\n1< \"\" BROKEN The server closed the connection without a response.",
    );
}

#[test]
fn missing_bytes_are_said_and_never_made_up() {
    let (request, head) = (
        C("GET / HTTP/1.1\r\n\r\n"),
        "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nab",
    );
    finds(
        &[
            request,
            S(head),
            GapS(2),
            S("efHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
            EndS,
        ],
        "1> GET / \"\" end\n1< 200 \"abef\" BROKEN 2 bytes of it are not in the capture. end\n\
         2< 200 \"\" end",
    );
    finds(
        &[
            request,
            S(head),
            GapS(4),
            request,
            S("HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"),
        ],
        "1> GET / \"\" end\n1< 200 \"ab\" BROKEN 4 bytes of it are not in the capture. end\n\
         2> GET / \"\" end\n2< 404 \"\" end",
    );
}

#[test]
fn after_a_gap_it_begins_anew_where_a_head_begins() {
    let notes = run(
        Http1::default(),
        &[
            C("GET /1 HTTP/1.1\r\n\r\n"),
            GapS(300),
            S("tail of a body"),
            C("GET /2 HTTP/1.1\r\n\r\n"),
            S("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx"),
            GapC(10),
            C("GET /3 HTTP/1.1\r\n\r\n"),
            S("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\ny"),
        ],
        usize::MAX,
    );
    assert_eq!(
        notes,
        "1> GET /1 \"\" end\n1< \"\" BROKEN Its response is not in the capture: packets are missing.\n\
         2> GET /2 \"\" end\n2< 200 \"x\" end\n3> GET /3 \"\" end\n3< 200 \"y\" end\n"
    );
    let midway = run(
        Http1::midway(),
        &[
            S("rest of it"),
            S("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx"),
            EndS,
        ],
        usize::MAX,
    );
    assert_eq!(midway, "1< 200 \"x\" end\n");
}

#[test]
fn a_response_that_is_seen_first_waits_for_its_request() {
    finds(
        &[
            S("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"),
            C("HEAD / HTTP/1.1\r\n\r\n"),
        ],
        "1> HEAD / \"\" end\n1< 200 \"\" end",
    );
}

#[test]
fn a_websocket_begins_where_its_opening_ends() {
    let opening = "GET /ws HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";
    let answer = "HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\n\r\n";
    finds(
        &[C(opening), S(answer), S("frames"), C("more"), EndC, EndS],
        "1> GET /ws \"more\" end end\n1< 101 WebSocket \"frames\" end",
    );
    // the client's frames were captured before the answer
    finds(
        &[C(opening), C("early"), S(answer), S("frames")],
        "1> GET /ws \"early\" end end\n1< 101 WebSocket \"frames\" end",
    );
    // who is refused goes on with HTTP
    finds(
        &[
            C(opening),
            C("GET /2 HTTP/1.1\r\n\r\n"),
            S(
                "HTTP/1.1 400 No\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
            ),
        ],
        "1> GET /ws \"\" end\n1< 400 \"\" end\n2> GET /2 \"\" end\n2< 200 \"\" end",
    );
}

#[test]
fn a_tunnel_begins_after_the_answer_to_connect() {
    finds(
        &[
            C("CONNECT a:443 HTTP/1.1\r\n\r\n"),
            S("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n"),
            C("hello"),
            S("world"),
        ],
        "1> CONNECT a:443 \"\" end\n1< 200 Tunnel \"\" end\ntunnel> \"hello\"\ntunnel< \"world\"",
    );
}

#[test]
fn what_is_not_well_formed_is_kept_as_it_came() {
    finds(
        &[
            C("GET / HTTP/1.1\r\n\r\n"),
            S("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc"),
        ],
        "1> GET / \"\" end\n1< 200 \"zz\\r\\nabc\" BROKEN It is not well formed: a chunk's size is not a hexadecimal number.",
    );
    finds(
        &[
            C("GET / HTTP/1.1\r\n\r\n"),
            S("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"),
        ],
        "1> GET / \"\" end\n1< 200 \"ab\" BROKEN It is not well formed: its Content-Length is not one number.",
    );
}

#[test]
fn thousands_of_requests_in_one_piece_do_not_fill_the_stack() {
    let many = "GET / HTTP/1.1\r\n\r\n".repeat(50_000);
    let text = run(Http1::default(), &[C(&many)], usize::MAX);
    assert!(text.contains("50000> GET /"));
}

#[test]
fn a_request_begins_with_any_method() {
    for (bytes, expected) in [
        ("CCM_POST / HTTP/1.1\r\n", Some(true)),
        ("GET /a HTTP/1.0\n", Some(true)),
        ("GET /a HT", None),
        ("GE", None),
        ("CCM_POST / HTTP/1.1", Some(false)),
        ("hello from beside", Some(false)),
        ("EHLO a\r\n", Some(false)),
        ("NOTE x y\n", Some(false)),
        ("GET HTTP/1.1\r\n", Some(false)),
        ("{\"a\": 1} x HTTP/1.1\r\n", Some(false)),
        ("GET\0/a", Some(false)),
    ] {
        let found = begins_like_request(bytes.as_bytes());
        assert_eq!(found, expected, "{bytes:?}");
    }
}
