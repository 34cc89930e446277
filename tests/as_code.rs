//! Promise: a request that is taken away as code does again what was recorded, whatever is in it, and
//! nothing in it becomes code.

use crate::{
    clients::interpreter,
    support::{
        Program, Run, Server,
        http::{self, Message},
        server::response,
        wire,
    },
};
use std::io::Write as _;

/// What would run, break out or vanish if it were not escaped.
const HOSTILE: &str =
    "\"); process.exit(9); ('\\\" \\n ${1+1} `id` %s {0} <!-- --> </script> # // \"\"\" ''' \\";

struct Case {
    method: &'static str,
    path: String,
    fields: Vec<u8>,
    body: Vec<u8>,
}

fn cases() -> Vec<Case> {
    let every: Vec<u8> = (0..=255).collect();
    let lines =
        "\"\"\"\u{2028}\u{202e}\u{feff}\u{0}\r\n\t\\u0041 \\x41 \\N{BULLET} é€😀\u{7f}\u{85}";
    let case = |method, path: &str, fields: &[u8], body: &[u8]| Case {
        method,
        path: path.to_owned(),
        fields: fields.to_vec(),
        body: body.to_vec(),
    };
    let hostile = format!("X-Odd: {HOSTILE}\r\nX-Empty:\r\n");
    vec![
        case("GET", "/0?a=\"'b'\\&c=$HOME`id`&d={e}[f]", b"", b""),
        case("POST", "/1", hostile.as_bytes(), HOSTILE.as_bytes()),
        // without a Content-Type
        case("PUT", "/2", b"", lines.as_bytes()),
        case("PATCH", "/3", b"Content-Type: text/x\r\n", lines.as_bytes()),
        case(
            "POST",
            "/4",
            b"Content-Type: image/png\r\nContent-Encoding: gzip\r\n",
            &every,
        ),
        // bytes that are not UTF-8, and some that are
        case(
            "OPTIONS",
            "/5",
            b"X-Latin: \xe9\xff\x80\r\nX-Utf: \xc3\xa9\xe2\x82\xac\r\ntoString: 1\r\n",
            b"",
        ),
        case(
            "DELETE",
            "/6",
            b"Cookie: a=1\r\nx-Two: 1\r\nCookie: b=\"2\"\r\nX-two: 2\r\n",
            b"x",
        ),
        case(
            "HEAD",
            "/7",
            b"User-Agent: me\r\nAccept-Encoding: br\r\nAccept: a/b\r\n",
            b"",
        ),
        case(
            "POST",
            "/8",
            b"Content-Type: text/plain\r\n",
            "é\"\\\n".repeat(60_000).as_bytes(),
        ),
    ]
}

/// Sends the cases through the proxy; gives what arrived.
fn recorded(program: &Program, origin: &Server) -> Vec<Message> {
    for case in cases() {
        let port = origin.port();
        let (method, path, length) = (case.method, &case.path, case.body.len());
        let mut head = format!(
            "{method} http://localhost:{port}{path} HTTP/1.1\r\nHost: localhost:{port}\r\n"
        )
        .into_bytes();
        head.extend_from_slice(&case.fields);
        let end = format!("Content-Length: {length}\r\nConnection: close\r\n\r\n");
        head.extend_from_slice(end.as_bytes());
        let mut client = wire::dial(program.proxy);
        client.write_all(&head).unwrap();
        client.write_all(&case.body).unwrap();
        wire::read_rest(&mut client);
    }
    program.api.wait_for("state:complete", cases().len());
    origin.requests()
}

/// The fields of a head, names in lower case, values as bytes; repeated ones joined.
fn fields(message: &Message) -> Vec<(String, Vec<u8>)> {
    let head: String = message.head.iter().map(|b| char::from(*b)).collect();
    let mut fields: Vec<(String, String)> = Vec::new();
    for (name, value) in http::fields(head.as_bytes()) {
        let name = name.to_lowercase();
        match fields.iter_mut().find(|(n, _)| *n == name) {
            Some((_, before)) if name == "cookie" => *before += &format!("; {value}"),
            Some((_, before)) => *before += &format!(", {value}"),
            None => fields.push((name, value)),
        }
    }
    let bytes = |text: String| {
        text.chars()
            .map(|c| u8::try_from(u32::from(c)).unwrap())
            .collect()
    };
    fields.into_iter().map(|(n, v)| (n, bytes(v))).collect()
}

fn same(first: &[Message], again: &[Message], code: &str) {
    assert_eq!(first.len(), again.len(), "{code}");
    for (first, again) in first.iter().zip(again) {
        let method = |m: &Message| m.start_line().split(' ').next().unwrap().to_owned();
        assert_eq!(method(first), method(again));
        assert!(first.body == again.body, "{}", first.start_line());
    }
}

#[test]
fn fetch_in_node() {
    let origin = Server::answering(None, |_| response("200 OK", &["Connection: close"], ""));
    let program = Program::start();
    let first = recorded(&program, &origin);
    let code = program
        .command("export")
        .args(["--format", "fetch"])
        .ok()
        .text();
    let file = program.home().join("again.mjs");
    std::fs::write(&file, &code).unwrap();
    Run::new("node").arg(&file).ok();
    let again = &origin.requests()[first.len()..];
    same(&first, again, &code);
    for (first, again) in first.iter().zip(again) {
        let sent = fields(again);
        for field in fields(first) {
            // those are fetch's own
            if !["connection", "content-length"].contains(&field.0.as_str()) {
                assert!(sent.contains(&field), "{field:?} is not in {sent:?}");
            }
        }
        let path = |m: &Message| m.start_line().split(' ').nth(1).unwrap().to_owned();
        // as a URL is written: RFC 3986 knows no quotation marks
        let expected = path(first).replace('"', "%22").replace('\'', "%27");
        assert_eq!(path(again), expected);
    }
}

#[test]
fn python_with_requests() {
    let origin = Server::answering(None, |_| response("200 OK", &["Connection: close"], ""));
    let program = Program::start();
    let first = recorded(&program, &origin);
    let code = program
        .command("export")
        .args(["--format", "python"])
        .ok()
        .text();
    let file = program.home().join("again.py");
    std::fs::write(&file, &code).unwrap();
    Run::new(interpreter()).arg(&file).ok();
    let again = &origin.requests()[first.len()..];
    same(&first, again, &code);
    for (first, again) in first.iter().zip(again) {
        // requests adds none of its own, but the length
        let sorted = |m: &Message| {
            let mut fields = fields(m);
            fields.retain(|(name, _)| name != "content-length");
            fields.sort();
            fields
        };
        assert_eq!(sorted(first), sorted(again), "{code}");
    }
}

#[test]
fn what_fetch_cannot_send_is_said() {
    let origin = Server::answering(None, |_| response("200 OK", &[], ""));
    let program = Program::start();
    let url = format!("http://localhost:{}/said", origin.port());
    program.curl().args(["-X", "TRACE", &url]).ok();
    program
        .curl()
        .args(["-X", "GET", "-d", "abc", "-H", "TE: trailers", &url])
        .ok();
    program.api.wait_for("path:/said", 2);
    let ran = program.command("export").args(["--format", "fetch"]).ok();
    let code = ran.text();
    assert!(
        code.starts_with("// Left out: fetch does not send \"TRACE\""),
        "{code}"
    );
    assert!(
        code.contains("// The body of 3 bytes is left out"),
        "{code}"
    );
    assert!(
        code.contains("// fetch does not let these be set: TE\n"),
        "{code}"
    );
    assert!(
        ran.err
            .contains("wrote 1 flow; left out 1 flow that is no request"),
        "{}",
        ran.err
    );
}
