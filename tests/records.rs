//! Promise: what is recorded, shown and passed on is what was sent, byte for byte.

use crate::support::{Nginx, Program, Server, api::headers, http, server::response, wire};
use std::io::{Read, Write};

#[test]
fn a_plain_request_with_curl() {
    let (origin, program) = (Nginx::start(), Program::start());
    let got = program.curl().arg(origin.http("/hello.txt?a=1&b=%20")).ok();
    assert_eq!(got.out, origin.file("hello.txt"));

    let flow = program.api.flow("path:/hello.txt");
    assert_eq!(flow["kind"], "http");
    assert_eq!(flow["state"], "complete");
    assert_eq!(flow["method"], "GET");
    assert_eq!(flow["url"], origin.http("/hello.txt?a=1&b=%20"));
    assert_eq!(flow["scheme"], "http");
    assert_eq!(flow["host"], "localhost");
    assert_eq!(flow["port"], origin.plain);
    assert_eq!(flow["path"], "/hello.txt?a=1&b=%20");
    assert_eq!(flow["status"], 200);
    assert_eq!(flow["error"], serde_json::Value::Null);
    assert_eq!(flow["request"]["version"], "HTTP/1.1");
    assert_eq!(flow["response"]["version"], "HTTP/1.1");
    assert_eq!(flow["response"]["content_type"], "text/plain");
    assert_eq!(flow["response"]["body_size"], 13);
    assert!(
        flow["server"]
            .as_str()
            .unwrap()
            .ends_with(&format!(":{}", origin.plain))
    );
    assert_eq!(flow["response"]["start_line"], "HTTP/1.1 200 OK");
    assert_eq!(
        program.api.body(&flow, "response"),
        origin.file("hello.txt")
    );
    assert!(
        program
            .api
            .head(&flow, "request")
            .starts_with("GET http://localhost:")
    );
}

#[test]
fn times_are_in_order_and_there() {
    let (origin, program) = (Nginx::start(), Program::start());
    program.curl().arg(origin.http("/hello.txt")).ok();
    let flow = program.api.flow("path:/hello.txt");
    let connection = &flow["connection"]["times"];
    let times = &flow["times"];
    let order = [
        &connection["accepted"],
        &times["request_first"],
        &connection["connect_start"],
        &connection["connected"],
        &times["response_first"],
        &times["response_last"],
        &times["ended"],
    ];
    let text = |time: &serde_json::Value| {
        let text = time
            .as_str()
            .unwrap_or_else(|| panic!("a time is missing: {flow:#}"))
            .to_owned();
        assert!(
            text.len() == "2026-11-21T01:02:03.123456789Z".len(),
            "{text}"
        );
        text
    };
    let order: Vec<_> = order.into_iter().map(text).collect();
    assert!(order.is_sorted(), "{order:#?}");
    assert!(flow["duration_ms"].as_f64().unwrap() > 0.0);
}

/// What a picky client sends: odd case, duplicates, order, spaces, an empty value.
const FIELDS: &str = "X-zEBRA: 1\r\nhost: ORIGIN\r\nUser-Agent: picky\r\nx-Zebra: 2\r\nAccept:*/*\r\n\
                      Empty:\r\nX-Space:   a  b  \r\nCookie: a=1\r\nCookie: b=2\r\nX-ZEBRA: 1\r\n\r\n";

/// What a picky server answers.
const ANSWER: &str = "HTTP/1.1 200 Yes Indeed\r\nSET-cookie: a=1\r\ncontent-LENGTH: 4\r\n\
                      Set-Cookie: b=2\r\nx-Last:  spaced  \r\nset-cookie: a=1\r\n\r\nbody";

#[test]
fn heads_pass_as_they_are() {
    let origin = Server::answering(None, |_| ANSWER.into());
    let program = Program::start();
    let host = format!("localhost:{}", origin.port());
    let fields = FIELDS.replace("ORIGIN", &host);
    let sent = format!("GET http://{host}/odd?q=%zz&&=[] HTTP/1.1\r\n{fields}");
    let got = wire::exchange(program.proxy, &sent);
    assert_eq!(got.head_text() + "body", ANSWER);

    let expected = format!("GET /odd?q=%zz&&=[] HTTP/1.1\r\n{fields}");
    assert_eq!(origin.requests()[0].head_text(), expected);
    let flow = program.api.flow("path:/odd");
    assert_eq!(program.api.head(&flow, "request"), sent);
    assert_eq!(program.api.head(&flow, "response") + "body", ANSWER);
    assert_eq!(
        flow["request"]["sent"]["start_line"],
        "GET /odd?q=%zz&&=[] HTTP/1.1"
    );
    let names: Vec<_> = headers(&flow["request"])
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    let odd = [
        "X-zEBRA",
        "host",
        "User-Agent",
        "x-Zebra",
        "Accept",
        "Empty",
        "X-Space",
        "Cookie",
    ];
    assert_eq!(names[..8], odd);
    assert_eq!(headers(&flow["request"])[6].1.trim(), "a  b");
    assert_eq!(flow["response"]["start_line"], "HTTP/1.1 200 Yes Indeed");
}

#[test]
fn heads_pass_as_they_are_through_tls() {
    let ca = crate::support::certs::TestCa::new();
    let origin = Server::answering(Some(ca.identity().server(&["http/1.1"])), |_| ANSWER.into());
    let program = Program::trusting(&ca.pem);
    let host = format!("localhost:{}", origin.port());
    let sent = format!(
        "GET /tls HTTP/1.1\r\n{}",
        FIELDS.replace("ORIGIN", "anything.example")
    );
    let tunnel = wire::tunnel(program.proxy, &host);
    let mut client = wire::tls(tunnel, "localhost", &program.ca_pem(), &["http/1.1"]);
    client.write_all(sent.as_bytes()).unwrap();
    let got = http::read_response(&mut client).unwrap();
    assert_eq!(got.head_text() + "body", ANSWER);
    assert_eq!(
        origin.requests()[0].head_text(),
        sent,
        "the origin got other bytes"
    );

    let flow = program.api.flow("path:/tls");
    assert_eq!(program.api.head(&flow, "request"), sent);
    assert_eq!(
        flow["request"]["sent"],
        serde_json::Value::Null,
        "nothing was changed"
    );
    assert_eq!(flow["scheme"], "https");
}

#[test]
fn what_is_meant_for_the_proxy_stays_here() {
    let origin = Server::answering(None, |_| response("200 OK", &[], "ok"));
    let program = Program::start();
    let host = format!("localhost:{}", origin.port());
    let sent = format!(
        "GET http://{host}/own HTTP/1.1\r\nHost: {host}\r\nProxy-Connection: keep-alive\r\nA: 1\r\n\
         Proxy-Authorization: Basic c2VjcmV0\r\nB: 2\r\n\r\n"
    );
    wire::exchange(program.proxy, &sent);
    let received = format!("GET /own HTTP/1.1\r\nHost: {host}\r\nA: 1\r\nB: 2\r\n\r\n");
    assert_eq!(origin.requests()[0].head_text(), received);
    let flow = program.api.flow("path:/own");
    assert_eq!(
        program.api.head(&flow, "request"),
        sent,
        "recorded as it was sent"
    );
    let passed = headers(&flow["request"]["sent"]);
    assert!(
        !passed.iter().any(|(name, _)| name.starts_with("Proxy-")),
        "{passed:?}"
    );
}

#[test]
fn chunks_and_trailers_both_ways() {
    let chunked = "6;ext=\"a\"\r\nhello \r\n005\r\nworld\r\n0\r\nX-Sum: 42\r\nX-sum: 43\r\n\r\n";
    let origin = Server::answering(None, move |_| {
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n";
        format!("{head}{chunked}").into()
    });
    let program = Program::start();
    let host = format!("localhost:{}", origin.port());
    let head = format!(
        "POST http://{host}/chunks HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\n"
    );
    let mut client = wire::dial(program.proxy);
    client
        .write_all(format!("{head}{chunked}").as_bytes())
        .unwrap();
    let got = http::read_response(&mut client).unwrap();
    assert_eq!(got.text(), "hello world");
    assert_eq!(got.trailers, b"X-Sum: 42\r\nX-sum: 43\r\n");
    let request = &origin.requests()[0];
    assert_eq!(request.text(), "hello world");
    assert_eq!(request.trailers, b"X-Sum: 42\r\nX-sum: 43\r\n");

    let flow = program.api.flow("path:/chunks");
    for side in ["request", "response"] {
        assert_eq!(program.api.body(&flow, side), b"hello world");
        assert_eq!(flow[side]["body_size"], 11);
        assert_eq!(
            flow[side]["trailers"],
            serde_json::json!([["X-Sum", "42"], ["X-sum", "43"]])
        );
    }
}

#[test]
fn interim_responses_come_through_and_are_recorded() {
    let origin = Server::answering(None, |_| {
        b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n\
          HTTP/1.1 103 Early Hints\r\nlink: </b.css>\r\n\r\n\
          HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
            .to_vec()
    });
    let program = Program::start();
    let host = format!("localhost:{}", origin.port());
    let mut client = wire::dial(program.proxy);
    write!(
        client,
        "GET http://{host}/hints HTTP/1.1\r\nHost: {host}\r\n\r\n"
    )
    .unwrap();
    let statuses: Vec<_> = (0..3)
        .map(|_| http::read_response_head(&mut client).unwrap().status())
        .collect();
    assert_eq!(statuses, [103, 103, 200]);
    let flow = program.api.flow("path:/hints");
    assert_eq!(flow["status"], 200);
    let interim = flow["interim"].as_array().unwrap();
    assert_eq!(interim.len(), 2);
    assert_eq!(interim[0]["start_line"], "HTTP/1.1 103 Early Hints");
    assert_eq!(
        interim[1]["headers"],
        serde_json::json!([["link", "</b.css>"]])
    );
}

#[test]
fn expect_waits_for_the_servers_word() {
    let (told, asked) = std::sync::mpsc::channel();
    let origin = Server::new(None, move |mut stream| {
        let head = http::read_head(&mut *stream).unwrap().unwrap();
        told.send(head).unwrap();
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").unwrap();
        let mut body = [0; 4];
        stream.read_exact(&mut body).unwrap();
        stream.write_all(&response("200 OK", &[], body)).unwrap();
        wire::read_rest(&mut *stream);
    });
    let program = Program::start();
    let host = format!("localhost:{}", origin.port());
    let mut client = wire::dial(program.proxy);
    write!(
        client,
        "PUT http://{host}/expect HTTP/1.1\r\nHost: {host}\r\nContent-Length: 4\r\n\
         Expect: 100-continue\r\n\r\n"
    )
    .unwrap();
    // The body is not sent yet: the head must reach the server, and its answer us, without it.
    asked.recv_timeout(crate::support::PATIENCE).unwrap();
    assert_eq!(http::read_response_head(&mut client).unwrap().status(), 100);
    client.write_all(b"body").unwrap();
    assert_eq!(http::read_response(&mut client).unwrap().text(), "body");
    let flow = program.api.flow("path:/expect");
    assert_eq!(flow["interim"][0]["start_line"], "HTTP/1.1 100 Continue");
    assert_eq!(program.api.body(&flow, "request"), b"body");
}

#[test]
fn expect_refused_before_the_body() {
    let origin = Server::new(None, |mut stream| {
        http::read_head(&mut *stream).unwrap();
        stream
            .write_all(&response("417 No", &["Connection: close"], ""))
            .unwrap();
        stream.finish();
        wire::read_rest(&mut *stream);
    });
    let program = Program::start();
    let host = format!("localhost:{}", origin.port());
    let mut client = wire::dial(program.proxy);
    write!(
        client,
        "PUT http://{host}/no HTTP/1.1\r\nHost: {host}\r\nContent-Length: 4\r\n\
         Expect: 100-continue\r\n\r\n"
    )
    .unwrap();
    assert_eq!(http::read_response(&mut client).unwrap().status(), 417);
    drop(client);
    assert_eq!(program.api.flow("path:/no")["status"], 417);
}

#[test]
fn answers_without_a_body() {
    let origin = Server::answering(None, |request| match request.start_line().as_str() {
        line if line.starts_with("HEAD") => {
            b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n".to_vec()
        }
        line if line.contains("/204") => b"HTTP/1.1 204 No Content\r\n\r\n".to_vec(),
        line if line.contains("/304") => {
            b"HTTP/1.1 304 Not Modified\r\nContent-Length: 50\r\nETag: \"x\"\r\n\r\n".to_vec()
        }
        _ => response("200 OK", &[], "end"),
    });
    let program = Program::start();
    let host = format!("localhost:{}", origin.port());
    let mut client = wire::dial(program.proxy);
    // All on one connection: a body that is waited for would stop the next answer.
    for (method, path, status) in [
        ("HEAD", "/head", 200),
        ("GET", "/204", 204),
        ("GET", "/304", 304),
    ] {
        write!(
            client,
            "{method} http://{host}{path} HTTP/1.1\r\nHost: {host}\r\n\r\n"
        )
        .unwrap();
        assert_eq!(
            http::read_response_head(&mut client).unwrap().status(),
            status
        );
    }
    write!(
        client,
        "GET http://{host}/end HTTP/1.1\r\nHost: {host}\r\n\r\n"
    )
    .unwrap();
    assert_eq!(http::read_response(&mut client).unwrap().text(), "end");
    let flow = program.api.flow("path:/head");
    assert_eq!(flow["response"]["body_size"], 0);
    assert_eq!(flow["state"], "complete");
    assert_eq!(program.api.flow("path:/304")["state"], "complete");
    assert_eq!(origin.requests().len(), 4);
}

#[test]
fn http_1_0_and_bodies_that_end_with_the_connection() {
    let origin = Server::new(None, |mut stream| {
        let head = http::read_head(&mut *stream).unwrap().unwrap();
        let text = String::from_utf8(head).unwrap();
        assert!(text.starts_with("GET /old HTTP/1.0\r\n"), "{text}");
        stream
            .write_all(b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nuntil ")
            .unwrap();
        stream.write_all(b"the end").unwrap();
        stream.finish();
    });
    let program = Program::start();
    let mut client = wire::dial(program.proxy);
    write!(
        client,
        "GET http://localhost:{}/old HTTP/1.0\r\n\r\n",
        origin.port()
    )
    .unwrap();
    let got = wire::read_rest(&mut client);
    assert_eq!(
        got,
        b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nuntil the end"
    );
    let flow = program.api.flow("path:/old");
    assert_eq!(flow["state"], "complete");
    assert_eq!(flow["request"]["version"], "HTTP/1.0");
    assert_eq!(flow["response"]["version"], "HTTP/1.0");
    assert_eq!(program.api.body(&flow, "response"), b"until the end");
}

#[test]
fn one_connection_stays_one_connection() {
    let origin = Server::answering(None, |_| response("200 OK", &[], "again"));
    let program = Program::start();
    let host = format!("localhost:{}", origin.port());
    let mut client = wire::dial(program.proxy);
    for n in 0..5 {
        write!(
            client,
            "GET http://{host}/keep/{n} HTTP/1.1\r\nHost: {host}\r\n\r\n"
        )
        .unwrap();
        assert_eq!(http::read_response(&mut client).unwrap().text(), "again");
    }
    let flows = program.api.wait_for("path:/keep/", 5);
    let connections: std::collections::BTreeSet<_> =
        flows.iter().map(|f| f["connection_id"].as_i64()).collect();
    assert_eq!(connections.len(), 1, "{flows:#?}");
    let upstream: std::collections::BTreeSet<_> = flows
        .iter()
        .map(|f| {
            program.api.detail(f["id"].as_i64().unwrap())["connection"]["upstream_local"]
                .to_string()
        })
        .collect();
    assert_eq!(
        upstream.len(),
        1,
        "one connection upstream too: {upstream:?}"
    );
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let origin = Server::answering(None, |request| {
        let line = request.start_line();
        response("200 OK", &[], line.split(' ').nth(1).unwrap())
    });
    let program = Program::start();
    let host = format!("localhost:{}", origin.port());
    let requests: String = (0..10)
        .map(|n| format!("GET http://{host}/pipe/{n} HTTP/1.1\r\nHost: {host}\r\n\r\n"))
        .collect();
    let mut client = wire::dial(program.proxy);
    client.write_all(requests.as_bytes()).unwrap();
    for n in 0..10 {
        assert_eq!(
            http::read_response(&mut client).unwrap().text(),
            format!("/pipe/{n}")
        );
    }
    let flows = program.api.wait_for("path:/pipe/", 10);
    let paths: Vec<_> = flows
        .iter()
        .map(|f| f["path"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(
        paths,
        (0..10).map(|n| format!("/pipe/{n}")).collect::<Vec<_>>()
    );
}

#[test]
fn connection_close_is_kept() {
    let origin = Server::answering(None, |_| {
        response("200 OK", &["Connection: close"], "last words")
    });
    let program = Program::start();
    let host = format!("localhost:{}", origin.port());
    let mut client = wire::dial(program.proxy);
    write!(
        client,
        "GET http://{host}/close HTTP/1.1\r\nHost: {host}\r\n\r\n"
    )
    .unwrap();
    let all = wire::read_rest(&mut client);
    assert_eq!(
        all,
        response("200 OK", &["Connection: close"], "last words")
    );
    assert_eq!(program.api.flow("path:/close")["state"], "complete");
}

#[test]
fn a_compressed_body_is_kept_compressed_and_shown_decoded() {
    let (origin, program) = (Nginx::start(), Program::start());
    let got = program
        .curl()
        .arg("--compressed")
        .arg(origin.http("/gzip/lines.txt"))
        .ok();
    assert_eq!(got.out, origin.file("lines.txt"));
    let flow = program.api.flow("path:/gzip/lines.txt");
    assert_eq!(flow["response"]["content_encoding"], "gzip");
    let kept = program.api.body(&flow, "response");
    assert_eq!(kept[..2], [0x1f, 0x8b], "gzip as it came");
    assert!(kept.len() < origin.file("lines.txt").len());
    assert_eq!(
        program.api.decoded(&flow, "response"),
        origin.file("lines.txt")
    );
}

#[test]
fn uploads_with_curl_over_http_1_and_2() {
    let origin = Nginx::start();
    let program = Program::trusting(&origin.ca.pem);
    let body: Vec<u8> = (0..300_000_u32).flat_map(u32::to_le_bytes).collect();
    let file = program.home().join("upload.bin");
    std::fs::write(&file, &body).unwrap();
    let (hash, size) = crate::support::sha256(body.as_slice());
    for (flag, version) in [("--http1.1", "HTTP/1.1"), ("--http2", "HTTP/2")] {
        let url = origin.https(&format!("/upload?{flag}"));
        let data = format!("@{}", file.display());
        let got = program
            .curl()
            .args([flag, "--data-binary", &data, &url])
            .ok();
        assert_eq!(got.text(), format!("{hash} {size}"));
        let flow = program.api.flow(&format!("path:{flag}"));
        assert_eq!(flow["method"], "POST");
        assert_eq!(flow["request"]["version"], version);
        assert_eq!(flow["response"]["version"], version);
        assert_eq!(flow["request"]["body_size"], size);
        assert_eq!(program.api.body(&flow, "request"), body);
    }
}

#[test]
fn http_2_with_its_fields_and_trailers() {
    let origin = Nginx::start();
    let program = Program::trusting(&origin.ca.pem);
    let url = origin.https("/trailers");
    let got = program
        .curl()
        .args(["--http2", "-H", "X-Mine: one", "-H", "x-mine: two", &url])
        .ok();
    assert_eq!(got.out, origin.file("hello.txt"));
    let flow = program.api.flow("path:/trailers");
    assert_eq!(flow["request"]["version"], "HTTP/2");
    assert_eq!(flow["request"]["start_line"], serde_json::Value::Null);
    let fields = headers(&flow["request"]);
    let value = |name: &str| {
        let values = fields
            .iter()
            .filter(|(n, _)| n == name)
            .map(|(_, v)| v.as_str());
        values.collect::<Vec<_>>()
    };
    assert_eq!(value(":method"), ["GET"]);
    assert_eq!(value(":scheme"), ["https"]);
    assert_eq!(value(":authority"), [format!("localhost:{}", origin.tls)]);
    assert_eq!(value(":path"), ["/trailers"]);
    assert_eq!(value("x-mine"), ["one", "two"]);
    assert_eq!(
        headers(&flow["response"])[0],
        (":status".to_owned(), "200".to_owned())
    );
    assert_eq!(
        flow["response"]["trailers"],
        serde_json::json!([["x-checksum", "abc123"]])
    );
    assert_eq!(flow["connection"]["client_tls"]["alpn"], "h2");
    assert_eq!(flow["connection"]["server_tls"]["alpn"], "h2");
}

#[test]
fn the_protocol_is_the_one_both_sides_speak() {
    let origin = Nginx::start();
    let program = Program::trusting(&origin.ca.pem);
    // The client offers both, the server has only HTTP/1.1: nothing is translated.
    let url = format!(
        "https://localhost:{}/hello.txt?old-server",
        origin.tls_http1
    );
    let got = program
        .curl()
        .args(["--http2", "-w", "%{http_version}", &url])
        .ok();
    assert_eq!(got.text(), "hello, world\n1.1");
    // The client has only HTTP/1.1, the server both.
    let url = origin.https("/hello.txt?old-client");
    let got = program
        .curl()
        .args(["--http1.1", "-w", "%{http_version}", &url])
        .ok();
    assert_eq!(got.text(), "hello, world\n1.1");
    for name in ["old-server", "old-client"] {
        let flow = program.api.flow(&format!("path:{name}"));
        assert_eq!(flow["response"]["version"], "HTTP/1.1");
        assert_eq!(
            flow["connection"]["server_tls"]["alpn"], "http/1.1",
            "{name}"
        );
        assert_eq!(
            flow["connection"]["client_tls"]["alpn"], "http/1.1",
            "{name}"
        );
    }
}

#[test]
fn tls_on_both_sides_is_recorded() {
    let origin = Nginx::start();
    let program = Program::trusting(&origin.ca.pem);
    program.curl().arg(origin.https("/hello.txt")).ok();
    let connection = program.api.flow("path:/hello.txt")["connection"].clone();
    for side in ["client_tls", "server_tls"] {
        let tls = &connection[side];
        assert_eq!(tls["version"], "TLSv1.3", "{side}");
        assert_eq!(tls["sni"], "localhost", "{side}");
        assert!(
            tls["cipher"].as_str().unwrap().starts_with("TLS"),
            "{side}: {tls}"
        );
        assert_eq!(
            tls["alpn_offered"],
            serde_json::json!(["h2", "http/1.1"]),
            "{side}"
        );
    }
    let theirs = &connection["server_tls"]["certificates"][0];
    assert!(
        theirs["issuer"]
            .as_str()
            .unwrap()
            .contains("Origin test CA"),
        "{theirs}"
    );
    assert!(
        theirs["pem"]
            .as_str()
            .unwrap()
            .contains("BEGIN CERTIFICATE")
    );
    let names = theirs["names"].to_string();
    assert!(
        names.contains("localhost") && names.contains("127.0.0.1"),
        "{names}"
    );
    let ours = &connection["client_tls"]["certificates"][0];
    assert_ne!(ours["sha256"], theirs["sha256"]);
    for time in ["client_tls_done", "server_tls_done", "connected"] {
        assert!(
            connection["times"][time].is_string(),
            "{time}: {connection:#}"
        );
    }
}

#[test]
fn addresses_instead_of_names() {
    let ca = crate::support::certs::TestCa::new();
    let tls = ca.identity().server(&["http/1.1"]);
    let program = Program::trusting(&ca.pem);
    for (address, authority) in [("127.0.0.1:0", "127.0.0.1"), ("[::1]:0", "[::1]")] {
        let origin = Server::on(address, Some(tls.clone()), |mut stream| {
            http::read_head(&mut *stream).unwrap();
            let _ = stream.write_all(&response("200 OK", &["Connection: close"], "found"));
            stream.finish();
        });
        let url = format!("https://{authority}:{}/address", origin.port());
        assert_eq!(program.curl().args(["-g", &url]).ok().text(), "found");
        let flow = program.api.flow(&format!("url:{authority}"));
        assert_eq!(flow["url"], url);
        assert_eq!(flow["host"], authority.trim_matches(['[', ']']));
    }
}

#[test]
fn an_answer_that_trickles_arrives_as_it_trickles() {
    let (go, wait) = std::sync::mpsc::channel::<()>();
    let wait = std::sync::Mutex::new(wait);
    let origin = Server::new(None, move |mut stream| {
        http::read_head(&mut *stream).unwrap();
        stream
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfirst")
            .unwrap();
        wait.lock()
            .unwrap()
            .recv_timeout(crate::support::PATIENCE)
            .unwrap();
        stream.write_all(b"later").unwrap();
        wire::read_rest(&mut *stream);
    });
    let program = Program::start();
    let host = format!("localhost:{}", origin.port());
    let mut client = wire::dial(program.proxy);
    write!(
        client,
        "GET http://{host}/trickle HTTP/1.1\r\nHost: {host}\r\n\r\n"
    )
    .unwrap();
    http::read_response_head(&mut client).unwrap();
    let mut five = [0; 5];
    client.read_exact(&mut five).unwrap();
    assert_eq!(&five, b"first");
    // Unfinished, and visible already, with what has come so far.
    let running = |flow: &serde_json::Value| flow["response"]["body_size"] == 5;
    let flow = program.api.flow_when("path:/trickle", running);
    assert_eq!(flow["state"], "running");
    assert_eq!(program.api.body(&flow, "response"), b"first");
    go.send(()).unwrap();
    client.read_exact(&mut five).unwrap();
    assert_eq!(&five, b"later");
    assert_eq!(
        program.api.flow("path:/trickle")["response"]["body_size"],
        10
    );
}
