//! Promise: what is neither TLS nor HTTP passes byte for byte and is recorded, whoever speaks first.

use crate::support::{Program, Server, certs::TestCa, wire, wire::Stream};
use std::io::{BufRead, BufReader, Read, Write};

#[test]
fn a_server_that_speaks_first() {
    let origin = Server::new(None, |mut stream| {
        stream.write_all(b"220 mail.example ESMTP\r\n").unwrap();
        let mut stream = BufReader::new(stream);
        let mut line = String::new();
        stream.read_line(&mut line).unwrap();
        assert_eq!(line, "EHLO me\r\n");
        stream.get_mut().write_all(b"250 hello\r\n").unwrap();
        line.clear();
        stream.read_line(&mut line).unwrap();
        assert_eq!(line, "QUIT\r\n");
        stream.get_mut().write_all(b"221 bye\r\n").unwrap();
        stream.get_mut().finish();
    });
    let program = Program::start();
    let authority = format!("localhost:{}", origin.port());
    let mut client = BufReader::new(wire::tunnel(program.proxy, &authority));
    let mut said = String::new();
    client.read_line(&mut said).unwrap();
    client.get_mut().write_all(b"EHLO me\r\n").unwrap();
    client.read_line(&mut said).unwrap();
    client.get_mut().write_all(b"QUIT\r\n").unwrap();
    client.read_to_string(&mut said).unwrap();
    drop(client);
    assert_eq!(said, "220 mail.example ESMTP\r\n250 hello\r\n221 bye\r\n");

    let flow = program.api.flow("kind:tcp");
    assert_eq!(flow["state"], "complete");
    assert_eq!(flow["port"], origin.port());
    let said: Vec<_> = program
        .api
        .messages(&flow)
        .into_iter()
        .map(|(side, bytes)| (side, String::from_utf8(bytes).unwrap()))
        .collect();
    let expected = [
        ("response", "220 mail.example ESMTP\r\n"),
        ("request", "EHLO me\r\n"),
        ("response", "250 hello\r\n"),
        ("request", "QUIT\r\n"),
        ("response", "221 bye\r\n"),
    ];
    assert_eq!(
        said,
        expected.map(|(side, text)| (side.to_owned(), text.to_owned()))
    );
}

#[test]
fn unknown_bytes_both_ways() {
    let origin = echo(None);
    let program = Program::start();
    let bytes: Vec<u8> = (0..=255).rev().cycle().take(200_000).collect();
    let tunnel = wire::tunnel(program.proxy, &format!("localhost:{}", origin.port()));
    assert_eq!(through(Box::new(tunnel), &bytes), bytes);
    let flow = program.api.flow("kind:tcp");
    assert_eq!(flow["state"], "complete");
    assert_eq!(program.api.sent(&flow, "request"), bytes);
    assert_eq!(program.api.sent(&flow, "response"), bytes);
    assert_eq!(program.api.body(&flow, "request"), bytes);
}

#[test]
fn unknown_bytes_inside_tls_are_recorded_decrypted() {
    let ca = TestCa::new();
    let origin = echo(Some(ca.identity().server(&[])));
    let program = Program::trusting(&ca.pem);
    let bytes = b"\x00\x01MQTT or something like it\xff".repeat(1000);
    let tunnel = wire::tunnel(program.proxy, &format!("localhost:{}", origin.port()));
    let client = wire::tls(tunnel, "localhost", &program.ca_pem(), &[]);
    assert_eq!(through(Box::new(client), &bytes), bytes);
    let flow = program.api.flow("kind:tcp");
    assert_eq!(program.api.sent(&flow, "request"), bytes);
    assert_eq!(program.api.sent(&flow, "response"), bytes);
    assert!(
        flow["connection"]["server_tls"]["version"].is_string(),
        "{flow:#}"
    );
}

#[test]
fn one_side_may_finish_before_the_other() {
    // The server answers only when the client has ended its side: the end must travel alone.
    let origin = Server::new(None, |mut stream| {
        let all = wire::read_rest(&mut *stream);
        stream
            .write_all(format!("{} bytes", all.len()).as_bytes())
            .unwrap();
        stream.finish();
    });
    let program = Program::start();
    let mut client = wire::tunnel(program.proxy, &format!("localhost:{}", origin.port()));
    client.write_all(b"\x01\x02\x03").unwrap();
    client.finish();
    assert_eq!(wire::read_rest(&mut client), b"3 bytes");
    assert_eq!(program.api.flow("kind:tcp")["state"], "complete");
}

#[test]
fn a_hello_that_arrives_byte_by_byte_is_still_tls() {
    let ca = TestCa::new();
    let origin = Server::answering(Some(ca.identity().server(&["http/1.1"])), |_| {
        crate::support::server::response("200 OK", &["Connection: close"], "slowly")
    });
    let program = Program::trusting(&ca.pem);
    // A relay in between that passes on one byte at a time.
    let (proxy, authority) = (program.proxy, format!("localhost:{}", origin.port()));
    let trickle = Server::trickling(move || wire::tunnel(proxy, &authority));
    let stream = wire::dial(trickle.address);
    let mut client = wire::tls(stream, "localhost", &program.ca_pem(), &["http/1.1"]);
    client
        .write_all(b"GET /slowly HTTP/1.1\r\nHost: x\r\n\r\n")
        .unwrap();
    assert_eq!(
        crate::support::http::read_response(&mut client)
            .unwrap()
            .text(),
        "slowly"
    );
    assert_eq!(program.api.flow("path:/slowly")["scheme"], "https");
}

#[test]
fn http_in_a_tunnel_without_tls() {
    let origin = Server::answering(None, |_| {
        crate::support::server::response("200 OK", &[], "tunnelled")
    });
    let program = Program::start();
    let mut client = wire::tunnel(program.proxy, &format!("localhost:{}", origin.port()));
    client
        .write_all(b"GET /tunnelled HTTP/1.1\r\nHost: x\r\n\r\n")
        .unwrap();
    assert_eq!(
        crate::support::http::read_response(&mut client)
            .unwrap()
            .text(),
        "tunnelled"
    );
    let flow = program.api.flow("path:/tunnelled");
    assert_eq!(
        (flow["kind"].as_str(), flow["scheme"].as_str()),
        (Some("http"), Some("http"))
    );
}

fn echo(tls: Option<std::sync::Arc<rustls::ServerConfig>>) -> Server {
    Server::new(tls, |mut stream| {
        let mut buffer = [0; 4096];
        while let Ok(n @ 1..) = stream.read(&mut buffer) {
            if stream
                .write_all(&buffer[..n])
                .and_then(|()| stream.flush())
                .is_err()
            {
                return;
            }
        }
        stream.finish();
    })
}

/// Sends in pieces, reads each back, then ends.
fn through(mut client: Box<dyn Stream>, bytes: &[u8]) -> Vec<u8> {
    let mut back = Vec::new();
    for piece in bytes.chunks(10_000) {
        client.write_all(piece).unwrap();
        client.flush().unwrap();
        let start = back.len();
        back.resize(start + piece.len(), 0);
        client.read_exact(&mut back[start..]).unwrap();
    }
    client.finish();
    assert_eq!(
        wire::read_rest(&mut *client),
        b"",
        "nothing more than was sent"
    );
    back
}
