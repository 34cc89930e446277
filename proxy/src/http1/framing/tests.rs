use super::*;
use crate::http1::head::HeadReader;

fn request(fields: &str) -> Result<Body, Problem> {
    let head = format!("POST / {fields}\r\n\r\n");
    let mut reader = HeadReader::default();
    assert_eq!(reader.request_ready(head.as_bytes()), Ok(true));
    let head = reader.request(head.as_bytes())?;
    Body::of_request(&head.fields, head.version)
}

fn response(head: &str, asked: Asked) -> Result<Body, Problem> {
    let head = format!("{head}\r\n\r\n");
    let mut reader = HeadReader::default();
    assert_eq!(reader.response_ready(head.as_bytes()), Ok(true));
    let head = reader.response(head.as_bytes())?;
    Body::of_response(&head.fields, head.version, head.status, asked)
}

#[test]
fn requests_say_where_they_end() {
    let none = request("HTTP/1.1\r\nHost: a").unwrap();
    assert!(none.is_done());
    let length = request("HTTP/1.1\r\nHost: a\r\nContent-Length: 3").unwrap();
    assert!(matches!(length, Body::Length(3)));
    let chunked = request("HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked").unwrap();
    assert!(matches!(chunked, Body::Chunked(_)));
}

#[test]
fn smuggling_shapes_are_refused() {
    let te = "Transfer-Encoding: chunked";
    let cases = [
        (
            format!("HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n{te}"),
            Problem::BothLengths,
        ),
        (
            format!("HTTP/1.1\r\n{te}\r\nHost: a\r\nContent-Length: 0"),
            Problem::BothLengths,
        ),
        (format!("HTTP/1.0\r\n{te}"), Problem::TransferOn10),
        (
            "HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip".to_owned(),
            Problem::NoLength,
        ),
        (
            "HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity".to_owned(),
            Problem::NoLength,
        ),
        (
            format!("HTTP/1.1\r\nHost: a\r\n{te}, gzip"),
            Problem::ChunkedNotLast,
        ),
        (
            format!("HTTP/1.1\r\nHost: a\r\n{te}\r\n{te}"),
            Problem::ChunkedNotLast,
        ),
        (
            "HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4".to_owned(),
            Problem::Lengths {
                first: 3,
                second: 4,
            },
        ),
    ];
    for (fields, problem) in cases {
        assert_eq!(request(&fields).err(), Some(problem.clone()), "{fields}");
        let response = response(
            &fields
                .replace("HTTP/1.1", "HTTP/1.1 200")
                .replace("HTTP/1.0", "HTTP/1.0 200"),
            Asked::Other,
        );
        match problem {
            // such a response ends where its connection does
            Problem::NoLength => assert!(matches!(response, Ok(Body::UntilClose))),
            problem => assert_eq!(response.err(), Some(problem), "{fields}"),
        }
    }
}

#[test]
fn responses_say_where_they_end() {
    let none = [
        ("HTTP/1.1 204 X\r\nTransfer-Encoding: chunked", Asked::Other),
        ("HTTP/1.1 304 X\r\nContent-Length: 5", Asked::Other),
        ("HTTP/1.1 100 Continue", Asked::Other),
        ("HTTP/1.1 101 X\r\nContent-Length: 5", Asked::Other),
        ("HTTP/1.1 200 OK\r\nContent-Length: 5", Asked::Head),
        ("HTTP/1.1 200 OK", Asked::Head),
        ("HTTP/1.1 200 OK\r\nContent-Length: 5", Asked::Connect),
    ];
    for (head, asked) in none {
        assert!(response(head, asked).unwrap().is_done(), "{head}");
    }
    let refused = response("HTTP/1.1 407 No\r\nContent-Length: 5", Asked::Connect);
    assert!(matches!(refused, Ok(Body::Length(5))));
    let until_close = response("HTTP/1.0 200 OK", Asked::Other);
    assert!(matches!(until_close, Ok(Body::UntilClose)));
}

#[test]
fn takes_no_more_than_belongs_to_it() {
    let mut content = Vec::new();
    let mut body = Body::Length(5);
    let taken = body.take(b"abc", |piece| content.extend_from_slice(piece));
    assert_eq!(taken, Taken::more(3));
    let taken = body.take(b"defg", |piece| content.extend_from_slice(piece));
    assert_eq!(taken, Taken::done(2));
    assert_eq!(content, b"abcde");
    assert_eq!(
        Body::Length(0).take(b"x", |_| panic!("no content")),
        Taken::done(0)
    );
    assert_eq!(Body::UntilClose.take(b"x", |_| {}), Taken::more(1));
}
