use super::*;
use crate::http::notes::Notes;
use overhear_store::Timestamp;
use std::mem::take;

/// What both sides say, in the order of the packets.
#[derive(Default)]
struct Talk(Vec<(Side, Vec<u8>)>);

const END: u8 = 1;
const WHOLE: u8 = 4;
const PADDED: u8 = 8;
const PRIORITY: u8 = 0x20;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = length[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// A field block of literals that go into the table.
fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0x40);
        for part in [name, value] {
            block.push(u8::try_from(part.len()).unwrap());
            block.extend(part.bytes());
        }
    }
    block
}

fn get(path: &str) -> Vec<u8> {
    let authority = (":authority", "a.test");
    block(&[
        (":method", "GET"),
        (":scheme", "http"),
        authority,
        (":path", path),
    ])
}

const OK: [u8; 1] = [0x88];

impl Talk {
    /// After both have said hello.
    fn begun() -> Self {
        let mut talk = Self::default();
        talk.client(
            [
                frame::PREFACE.as_slice(),
                &frame(4, 0, 0, &[0, 3, 0, 0, 0, 100]),
            ]
            .concat(),
        );
        talk.server(frame(4, 0, 0, &[]));
        talk.server(frame(4, 1, 0, &[]));
        talk
    }

    fn client(&mut self, bytes: Vec<u8>) {
        self.0.push((Side::Request, bytes));
    }

    fn server(&mut self, bytes: Vec<u8>) {
        self.0.push((Side::Response, bytes));
    }

    /// What is heard, in pieces of that length.
    fn heard(&self, mut http: Http2, piece: usize) -> String {
        let mut notes = Notes::default();
        for (number, (side, bytes)) in (1..).zip(&self.0) {
            let at = Position {
                at: Timestamp(number),
                packet: number.cast_unsigned(),
                ..Position::default()
            };
            match bytes.is_empty() {
                true => http.gap(*side, at, 5, &mut notes),
                false => bytes
                    .chunks(piece)
                    .for_each(|piece| http.push(*side, at, piece, &mut notes)),
            }
        }
        http.finish(Position::default(), "The end.", &mut notes);
        notes.text()
    }

    fn text(&self) -> String {
        let whole = self.heard(Http2::default(), usize::MAX);
        for piece in [1, 2, 7, 10] {
            assert_eq!(self.heard(Http2::default(), piece), whole);
        }
        whole
    }
}

#[test]
fn streams_with_padding_continuations_trailers_and_interim_responses() {
    let mut talk = Talk::begun();
    let request = get("/a");
    let (first, second) = request.split_at(20);
    // padding of two, a priority, and the rest in a continuation
    let padded = [&[2, 0, 0, 0, 0, 9], first, &[0, 0]].concat();
    talk.client(frame(1, PADDED | PRIORITY, 1, &padded));
    talk.client(frame(9, WHOLE, 1, second));
    talk.client(frame(1, WHOLE | END, 3, &get("/b")));
    talk.client(frame(0, PADDED, 1, b"\x03bodyxyz"));
    talk.client(frame(0, END, 1, b""));
    talk.server(frame(
        1,
        WHOLE,
        3,
        &block(&[(":status", "103"), ("link", "x")]),
    ));
    talk.server(frame(1, WHOLE, 3, &OK));
    talk.server(frame(1, WHOLE, 1, &block(&[(":status", "404")])));
    talk.server(frame(0, 0, 3, b"he"));
    talk.server(frame(0, END, 1, b"no"));
    talk.server(frame(6, 0, 0, b"12345678"));
    talk.server(frame(99, 0, 3, b"unknown"));
    talk.server(frame(0, PADDED, 3, b"\x02llo--"));
    talk.server(frame(1, WHOLE | END, 3, &block(&[("checksum", "7")])));
    talk.server(frame(7, 0, 0, &[0, 0, 0, 3, 0, 0, 0, 0]));
    assert_eq!(
        talk.text(),
        "1> GET /a \"body\" end\n1< 404 \"no\" end\n3> GET /b \"\" end\n\
         3< (103) 200 \"hello\" trailers \"checksum: 7\\r\\n\\r\\n\" end\n"
    );
}

#[test]
fn a_head_is_its_fields_in_their_order() {
    let mut fields = Decoder::default();
    let read = Fields::read(
        &mut fields,
        &block(&[(":status", "200"), ("b", "1"), ("a", "2"), ("b", "3")]),
    );
    let read = read.unwrap();
    assert_eq!(read.bytes, b":status: 200\r\nb: 1\r\na: 2\r\nb: 3\r\n\r\n");
    // from the table: the last of them twice
    let again = Fields::read(&mut fields, &[0xbe, 0xbe]).unwrap();
    assert_eq!(again.bytes, b"b: 3\r\nb: 3\r\n\r\n");
    let odd = Fields::read(&mut fields, &block(&[("a", "b\r\nc: d")])).unwrap();
    assert_eq!(odd.bytes, b"a: b  c: d\r\n\r\n");
    assert!(odd.wrong.is_some());
    // a field of 120 bytes, asked for more often than a head may have
    let bomb = [block(&[("long", &"x".repeat(120))]), vec![0xbe; 10_000]].concat();
    let bomb = Fields::read(&mut fields, &bomb).unwrap();
    assert!(bomb.bytes.len() <= 257 << 10 && bomb.wrong.is_some());
}

#[test]
fn what_ends_a_stream_is_told() {
    let mut talk = Talk::begun();
    for stream in [1, 3, 5, 7, 9] {
        talk.client(frame(1, WHOLE, stream, &get("/")));
    }
    talk.client(frame(3, 0, 1, &[0, 0, 0, 8]));
    talk.server(frame(3, 0, 3, &[0, 0, 0, 7]));
    // an answer that does not need the rest of the request
    talk.server(frame(1, WHOLE | END, 5, &OK));
    talk.server(frame(3, 0, 5, &[0, 0, 0, 0]));
    // on its way when the stream was reset
    talk.client(frame(0, END, 3, b"late"));
    talk.server(frame(7, 0, 0, b"\0\0\0\x07\0\0\0\x0bslow down"));
    assert_eq!(
        talk.text(),
        "1> GET / \"\" end\n1< \"\" BROKEN The client reset the stream: CANCEL (8). end\n\
         3> GET / \"\" end\n3< \"\" BROKEN The server reset the stream: REFUSED_STREAM (7). end\n\
         5> GET / \"\" end\n5< 200 \"\" end\n\
         7> GET / \"\" BROKEN The server said GOAWAY: ENHANCE_YOUR_CALM (11), \"slow down\". The end.\n\
         7< \"\" BROKEN The server said GOAWAY: ENHANCE_YOUR_CALM (11), \"slow down\". The end.\n\
         9> GET / \"\" end\n9< \"\" BROKEN The server said GOAWAY: ENHANCE_YOUR_CALM (11), \"slow down\". \
         It was not processed. end\n"
    );
}

#[test]
fn what_a_server_promises_is_an_exchange() {
    let mut talk = Talk::begun();
    talk.client(frame(1, WHOLE | END, 1, &get("/")));
    talk.server(frame(
        5,
        WHOLE,
        1,
        &[&[0, 0, 0, 2], get("/style").as_slice()].concat(),
    ));
    talk.server(frame(1, WHOLE | END, 1, &OK));
    talk.server(frame(1, WHOLE, 2, &OK));
    talk.server(frame(0, END, 2, b"css"));
    // a number is used once
    talk.server(frame(
        5,
        WHOLE,
        1,
        &[&[0, 0, 0, 2], get("/again").as_slice()].concat(),
    ));
    assert_eq!(
        talk.text(),
        "1> GET / \"\" end\n1< 200 \"\" end\n2> GET /style \"\" end\n2< 200 \"css\" end\n"
    );
}

#[test]
fn a_response_that_is_seen_first_waits() {
    let mut talk = Talk::begun();
    talk.server([frame(1, WHOLE, 1, &OK), frame(0, END, 1, b"yes")].concat());
    talk.server(frame(1, WHOLE | END, 3, &OK));
    talk.client(frame(1, WHOLE | END, 1, &get("/a")));
    talk.client(frame(1, WHOLE | END, 3, &get("/b")));
    assert_eq!(
        talk.text(),
        "1> GET /a \"\" end\n1< 200 \"yes\" end\n3> GET /b \"\" end\n3< 200 \"\" end\n"
    );
    // until the end, if need be
    for _ in 0..2 {
        talk.0.pop();
    }
    assert_eq!(
        talk.text(),
        "1> \"\" BROKEN The end.\n1< 200 \"yes\" end\n3> \"\" BROKEN The end.\n3< 200 \"\" end\n"
    );
}

#[test]
fn after_an_upgrade_stream_1_goes_on() {
    let mut talk = Talk::begun();
    talk.server(frame(1, WHOLE, 1, &OK));
    talk.server(frame(0, END, 1, b"hi"));
    talk.client(frame(1, WHOLE | END, 3, &get("/b")));
    talk.server(frame(1, WHOLE | END, 3, &OK));
    assert_eq!(
        talk.heard(Http2::upgraded(), 3),
        "1< 200 \"hi\" end\n3> GET /b \"\" end\n3< 200 \"\" end\n"
    );
}

#[test]
fn a_websocket_is_a_stream_too() {
    let mut talk = Talk::begun();
    let opening = [
        (":method", "CONNECT"),
        (":protocol", "websocket"),
        (":path", "/chat"),
        (":authority", "a.test"),
    ];
    talk.client(frame(1, WHOLE, 1, &block(&opening)));
    talk.server(frame(1, WHOLE, 1, &OK));
    talk.client(frame(0, END, 1, b"frames"));
    talk.server(frame(0, END, 1, b"more"));
    assert_eq!(
        talk.text(),
        "1> CONNECT /chat \"frames\" end\n1< 200 WebSocket \"more\" end\n"
    );
}

#[test]
fn missing_bytes_cost_what_they_must() {
    let mut talk = Talk::begun();
    talk.client(frame(1, WHOLE | END, 1, &get("/a")));
    talk.client(frame(1, WHOLE | END, 3, &get("/b")));
    talk.server(frame(1, WHOLE, 1, &OK));
    let mut body = frame(0, END, 1, b"0123456789");
    let rest = body.split_off(13);
    talk.server(body);
    // five bytes of the body
    talk.server(Vec::new());
    talk.server(rest[5..].to_vec());
    talk.server(frame(1, WHOLE, 3, &OK));
    let before = take(&mut talk.0);
    talk.0.clone_from(&before);
    talk.server(frame(0, END, 3, b"b"));
    assert_eq!(
        talk.text(),
        "1> GET /a \"\" end\n1< 200 \"01239\" BROKEN 5 bytes of it are not in the capture. end\n\
         3> GET /b \"\" end\n3< 200 \"b\" end\n"
    );
    // where a frame begins
    talk.0 = before;
    talk.server(Vec::new());
    talk.server(b"who knows".to_vec());
    let why = "5 bytes of it are not in the capture. What follows cannot be told apart.";
    assert_eq!(
        talk.text(),
        format!(
            "1> GET /a \"\" end\n1< 200 \"01239\" BROKEN 5 bytes of it are not in the capture. end\n\
             3> GET /b \"\" end\n3< 200 \"\" BROKEN {why}\ntunnel< \"who knows\"\nunreadable: {why}\n"
        )
    );
}

#[test]
fn what_no_peer_may_send_ends_the_reading() {
    for (wrong, why) in [
        (frame(1, WHOLE, 0, &get("/")), "names none"),
        (frame(4, 0, 1, &[]), "names a stream"),
        (frame(4, 0, 0, &[1]), "its kind cannot have"),
        (frame(3, 0, 1, &[1]), "its kind cannot have"),
        (frame(0, PADDED, 1, &[9, 1]), "padding is longer"),
        (frame(1, PADDED | WHOLE, 1, &[9, 1]), "padding is longer"),
        (frame(9, WHOLE, 1, &[]), "that did not begin"),
        (
            [frame(1, 0, 3, &[]), frame(6, 0, 0, &[0; 8])].concat(),
            "is interrupted",
        ),
        (frame(1, WHOLE, 3, &[0xff; 6]), "a number in a field block"),
        (
            frame(1, WHOLE, 3, &[0; 0])
                .into_iter()
                .chain(frame(9, 0, 3, &[]))
                .collect(),
            "did not begin",
        ),
    ] {
        let mut talk = Talk::begun();
        talk.client(frame(1, WHOLE | END, 1, &get("/")));
        talk.client(wrong);
        let text = talk.text();
        let told = "unreadable: It is not well formed: ";
        assert!(text.contains(told) && text.contains(why), "{why}: {text}");
        assert!(
            text.contains("1< \"\" BROKEN It is not well formed"),
            "{text}"
        );
    }
    // of streams that are over, or never were: nothing
    let mut talk = Talk::begun();
    talk.client(frame(1, WHOLE | END, 3, &get("/")));
    talk.server(frame(1, WHOLE | END, 3, &OK));
    for stream in [1, 2, 3] {
        talk.client(frame(0, END, stream, b"data"));
        talk.client(frame(1, WHOLE | END, stream, &get("/late")));
        talk.server(frame(0, END, stream, b"data"));
        talk.server(frame(1, WHOLE | END, stream, &OK));
        talk.server(frame(3, 0, stream, &[0; 4]));
    }
    assert_eq!(talk.text(), "3> GET / \"\" end\n3< 200 \"\" end\n");
}

#[test]
fn pieces_from_the_middle_are_recognized() {
    let piece = [frame(0, END, 5, b"data"), frame(8, 0, 0, &[0, 0, 0, 9])].concat();
    assert!(is_frames(&piece));
    assert!(is_frames(&piece[..24]) && is_frames(&piece[..13]));
    assert!(!is_frames(&piece[1..]) && !is_frames(&piece[..12]) && !is_frames(b""));
    assert!(!is_frames(b"GET / HTTP/1.1\r\n\r\n"));
    assert!(begins_like_settings(&frame(4, 0, 0, &[0; 12])));
    assert!(!begins_like_settings(&frame(4, 1, 0, &[])));
}
