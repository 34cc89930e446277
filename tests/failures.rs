//! Promise: a failure gives the client a page it can read and the list a flow with the cause.

use crate::support::{
    Program, Server,
    certs::{TestCa, Wanted},
    http,
    phone::Phone,
    program::Setup,
    server::{closed_port, response},
    wire,
    wire::Stream,
};
use serde_json::Value;
use std::{
    io::{Read, Write},
    sync::{Mutex, mpsc},
    time::Duration,
};

#[test]
fn a_name_that_does_not_exist() {
    let program = Program::start();
    let page = get(&program, "http://nothing.invalid/dns");
    failed_page(&page, 502, "nothing.invalid");
    let flow = program.api.flow("path:/dns");
    failure(&flow, "dns", "server", &["nothing.invalid"]);

    // The same through CONNECT: refused before the tunnel stands.
    let (_, answer) = wire::connect(program.proxy, "nothing.invalid:443");
    assert_eq!(answer.status(), 502, "{}", answer.head_text());
    failure(
        &program
            .api
            .flow("host:nothing.invalid port:443 or method:CONNECT"),
        "dns",
        "server",
        &[],
    );
}

#[test]
fn a_port_that_nobody_has() {
    let program = Program::start();
    let port = closed_port().port();
    let page = get(&program, &format!("http://127.0.0.1:{port}/refused"));
    failed_page(&page, 502, &format!("127.0.0.1:{port}"));
    let flow = program.api.flow("path:/refused");
    failure(
        &flow,
        "refused",
        "server",
        &["127.0.0.1", &port.to_string()],
    );
    assert_eq!(flow["status"], 502);
    // Found by its cause, too.
    assert_eq!(program.api.flows("error:refused").len(), 1);
}

#[test]
fn a_server_that_never_answers_the_call() {
    let Some(phone) = Phone::plug_in() else {
        return;
    };
    let hole = phone.black_hole();
    let program = Program::start();
    let mut client = wire::dial(program.proxy);
    client
        .set_read_timeout(Some(Duration::from_secs(100)))
        .unwrap();
    write!(
        client,
        "GET http://{hole}/hole HTTP/1.1\r\nHost: {hole}\r\nAccept: text/html\r\n\r\n"
    )
    .unwrap();
    let page = http::read_response(&mut client).unwrap();
    failed_page(&page, 504, &hole.to_string());
    failure(
        &program.api.flow("path:/hole"),
        "timeout",
        "server",
        &[&hole.to_string()],
    );
}

#[test]
fn a_host_that_is_not_there() {
    let Some(phone) = Phone::plug_in() else {
        return;
    };
    let [a, b, c, _] = phone.address.octets();
    let nobody = format!("{a}.{b}.{c}.99");
    let program = Program::start();
    let page = get(&program, &format!("http://{nobody}/nobody"));
    failed_page(&page, 502, &nobody);
    failure(
        &program.api.flow("path:/nobody"),
        "unreachable",
        "server",
        &[&nobody],
    );
}

#[test]
fn certificates_that_must_not_be_trusted() {
    let ca = TestCa::new();
    let expired = Wanted {
        until: (2021, 1, 1),
        ..Wanted::default()
    };
    let wrong = Wanted {
        names: &["other.example"],
        ..Wanted::default()
    };
    let cases = [
        ("expired", ca.sign(&expired), "expired"),
        ("self-signed", TestCa::self_signed(), "self-signed"),
        (
            "unknown",
            TestCa::new().identity(),
            "not by the issuer that it names",
        ),
        (
            "namesake",
            TestCa::namesake().identity(),
            "not by the issuer that it names (CN=Origin test CA)",
        ),
        ("wrong-name", ca.sign(&wrong), "other.example"),
    ];
    let program = Program::trusting(&ca.pem);
    for (name, identity, word) in cases {
        let origin = Server::answering(Some(identity.server(&[])), |_| {
            response("200 OK", &[], "secret")
        });
        let (port, path) = (origin.port(), format!("/{name}"));
        let got = program
            .curl()
            .arg(format!("https://localhost:{port}{path}"))
            .run();
        // Whether in answer to CONNECT or inside a TLS of our own: never the server's words.
        assert!(!got.text().contains("secret"), "{name}: {}", got.text());
        assert!(
            origin.requests().is_empty(),
            "{name}: a request went to a server not trusted"
        );
        let flow = program.api.flow(&format!("url:localhost:{port}"));
        failure(&flow, "certificate", "server", &[word]);
        let chain = &flow["connection"]["server_tls"]["certificates"];
        assert!(
            chain.as_array().is_some_and(|c| !c.is_empty()),
            "{name}: its certificate is shown"
        );
    }
}

#[test]
fn a_bad_certificate_may_be_accepted_for_its_host() {
    let origin = Server::answering(Some(TestCa::self_signed().server(&[])), |_| {
        response("200 OK", &[], "come in")
    });
    let program = Program::start();
    let url = format!("https://localhost:{}/accept", origin.port());
    assert!(!program.curl().arg(&url).run().text().contains("come in"));
    let path = "/api/settings/accepted-certificates/localhost";
    assert!((200..300).contains(&program.api.send("PUT", path, None).status()));
    assert_eq!(program.curl().arg(&url).ok().text(), "come in");
    let settings = program.api.get("/api/settings");
    assert_eq!(
        settings["accepted_certificates"],
        serde_json::json!(["localhost"])
    );
    assert!((200..300).contains(&program.api.send("DELETE", path, None).status()));
    assert!(!program.curl().arg(&url).run().text().contains("come in"));
}

#[test]
fn insecure_upstream_for_one_host_or_all() {
    let origin = Server::answering(Some(TestCa::self_signed().server(&[])), |_| {
        response("200 OK", &[], "come in")
    });
    let url = format!("https://localhost:{}/insecure", origin.port());
    for (flag, accepted) in [
        ("--insecure-upstream=localhost", true),
        ("--insecure-upstream", true),
        ("--insecure-upstream=other.example", false),
    ] {
        let program = Setup::new().args([flag]).start();
        let got = program.curl().arg(&url).run();
        assert_eq!(got.text() == "come in", accepted, "{flag}: {}", got.text());
    }
}

#[test]
fn a_client_that_does_not_trust_us() {
    let ca = TestCa::new();
    let origin = Server::answering(Some(ca.identity().server(&[])), |_| Vec::new());
    let program = Program::trusting(&ca.pem);
    let tunnel = wire::tunnel(program.proxy, &format!("localhost:{}", origin.port()));
    // It trusts only the origin's authority, so it refuses our leaf with an alert.
    assert!(wire::try_tls(tunnel, "localhost", &ca.pem, &[]).is_err());
    let flow = program.api.flow("kind:tls");
    failure(&flow, "tls", "client", &["unknown_ca"]);
    assert_eq!(flow["host"], "localhost");
    assert_eq!(flow["connection"]["client_tls"]["sni"], "localhost");
}

#[test]
fn a_server_that_ends_the_handshake() {
    let ca = TestCa::new();
    // The server has no protocol in common with the client, and says so with an alert.
    let origin = Server::answering(Some(ca.identity().server(&["only-this"])), |_| Vec::new());
    let program = Program::trusting(&ca.pem);
    let url = format!("https://localhost:{}/alert", origin.port());
    let got = program.curl().args(["-w", "%{http_code}", &url]).run();
    assert!(
        !got.status.success() || got.text().ends_with("502"),
        "{}",
        got.text()
    );
    failure(
        &program
            .api
            .flow(&format!("url:localhost:{}", origin.port())),
        "tls",
        "server",
        &["localhost"],
    );

    // One that does not speak TLS at all.
    let garbage = Server::new(None, |mut stream| {
        // A server that speaks first would be another thing: raw bytes.
        let _ = std::io::Read::read(&mut stream, &mut [0; 4096]);
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        stream.finish();
    });
    program
        .curl()
        .arg(format!("https://localhost:{}/", garbage.port()))
        .run();
    failure(
        &program
            .api
            .flow(&format!("url:localhost:{}", garbage.port())),
        "tls",
        "server",
        &[],
    );
}

#[test]
fn no_loops() {
    let program = Program::start();
    for host in [
        program.proxy.to_string(),
        format!("localhost:{}", program.proxy.port()),
    ] {
        let page = wire::exchange(
            program.proxy,
            format!("GET http://{host}/loop/{host} HTTP/1.1\r\nHost: {host}\r\n\r\n"),
        );
        assert_eq!(page.status(), 508, "{}", page.head_text());
        let flow = program.api.flow(&format!("path:/loop/{host}"));
        failure(&flow, "loop", "proxy", &[]);
        let (_, answer) = wire::connect(program.proxy, &host);
        assert_eq!(answer.status(), 508, "{}", answer.head_text());
    }
    assert!(program.api.flows("").len() <= 4, "no flow begets another");
}

#[test]
fn no_loops_through_any_of_its_addresses() {
    let program = Setup::new().listen("0.0.0.0:0").start();
    let port = program.proxy.port();
    let proxy = std::net::SocketAddr::from(([127, 0, 0, 1], port));
    let mut hosts = vec![format!("127.0.0.1:{port}"), format!("0.0.0.0:{port}")];
    if cfg!(target_os = "linux") {
        hosts.push(format!("127.0.0.2:{port}"));
    }
    for host in &hosts {
        let request = format!("GET http://{host}/round HTTP/1.1\r\nHost: {host}\r\n\r\n");
        let page = wire::exchange(proxy, request);
        assert_eq!(page.status(), 508, "{host}: {}", page.head_text());
    }
    assert!(
        program.api.flows("").len() <= hosts.len(),
        "no flow begets another"
    );
}

#[test]
fn the_page_and_the_api_are_out_of_reach() {
    let program = Program::start();
    let web = program.api.address.port();
    for host in [
        "127.0.0.1",
        "localhost",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "0.0.0.0",
    ] {
        let authority = format!("{host}:{web}");
        let page = wire::exchange(
            program.proxy,
            format!(
                "GET http://{authority}/api/status HTTP/1.1\r\nHost: {authority}\r\n\
                 Authorization: Bearer {}\r\n\r\n",
                program.api.token
            ),
        );
        assert!(
            page.status() >= 400,
            "{host}: {} {}",
            page.head_text(),
            page.text()
        );
        assert!(
            !page.text().contains("disk_bytes"),
            "{host}: the API answered through the proxy"
        );
        let (_, answer) = wire::connect(program.proxy, &authority);
        assert!(
            answer.status() >= 400,
            "CONNECT {host}: {}",
            answer.head_text()
        );
    }
    for flow in program.api.wait_for("error:forbidden", 8) {
        failure(&flow, "forbidden", "proxy", &[]);
    }
}

#[test]
fn requests_that_must_not_pass() {
    let origin = Server::answering(None, |_| response("200 OK", &[], "passed"));
    let program = Program::start();
    let host = format!("localhost:{}", origin.port());
    let start = format!("POST http://{host}/smuggle HTTP/1.1\r\nHost: {host}\r\n");
    let cases = [
        (
            "both lengths",
            "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        ),
        (
            "two lengths",
            "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        ),
        ("a list of lengths", "Content-Length: 5, 6\r\n\r\nhello"),
        ("a signed length", "Content-Length: +5\r\n\r\nhello"),
        (
            "chunked is not last",
            "Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
        ),
        (
            "an unknown coding",
            "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        ),
        (
            "obsolete folding",
            "X-Fold: a\r\n b\r\nContent-Length: 0\r\n\r\n",
        ),
        ("a space before the colon", "Content-Length : 0\r\n\r\n"),
        ("a bare CR", "X-A: a\rX-B: b\r\nContent-Length: 0\r\n\r\n"),
        ("a bare LF", "X-A: a\nX-B: b\r\nContent-Length: 0\r\n\r\n"),
        ("a NUL", "X-A: a\0b\r\nContent-Length: 0\r\n\r\n"),
        (
            "a chunk size that is none",
            "Transfer-Encoding: chunked\r\n\r\n5g\r\nhello\r\n0\r\n\r\n",
        ),
        (
            "a chunk size too large",
            "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
        ),
    ];
    for (name, rest) in cases {
        let mut client = wire::dial(program.proxy);
        client
            .write_all(format!("{start}X-Case: {name}\r\n{rest}").as_bytes())
            .unwrap();
        client.finish();
        let answer = wire::read_rest(&mut client);
        let answer = String::from_utf8_lossy(&answer);
        // A broken chunk is found when the head has passed already: then the connection just ends.
        let late = name.starts_with("a chunk");
        assert!(
            answer.starts_with("HTTP/1.1 400 ") || late,
            "{name}: {answer:?}"
        );
        assert!(!answer.contains("passed"), "{name} went through");
    }
    let taken: Vec<_> = origin
        .requests()
        .iter()
        .map(http::Message::head_text)
        .collect();
    assert!(
        taken.is_empty(),
        "the origin took these for whole requests: {taken:#?}"
    );
    let flows = program.api.wait_for("error:protocol", cases.len());
    for flow in flows {
        failure(&flow, "protocol", "client", &[]);
    }
}

#[test]
fn answers_that_must_not_pass() {
    let cases = [
        (
            "both",
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        ),
        (
            "lengths",
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        ),
        ("garbage", "SSH-2.0-OpenSSH_9.2p1 Debian\r\n\r\n"),
        ("status", "HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n"),
        ("nothing", ""),
    ];
    for (name, answer) in cases {
        let origin = Server::new(None, move |mut stream| {
            http::read_head(&mut *stream).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
            stream.finish();
            wire::read_rest(&mut *stream);
        });
        let program = Program::start();
        let page = get(
            &program,
            &format!("http://localhost:{}/{name}", origin.port()),
        );
        assert_eq!(page.status(), 502, "{name}: {}", page.head_text());
        let flow = program.api.flow(&format!("path:/{name}"));
        assert_eq!(flow["state"], "failed", "{name}: {flow:#}");
        assert_eq!(flow["error"]["side"], "server", "{name}: {flow:#}");
        // what the server sent is there to be looked at
        let id = flow["id"].to_string();
        let shown = program.command("show").args([&id, "--raw", "--response"]);
        assert_eq!(shown.ok().text(), answer, "{name}");
    }
}

#[test]
fn heads_without_end() {
    let program = Program::start();
    let mut client = wire::dial(program.proxy);
    let start = "GET http://localhost:1/huge HTTP/1.1\r\nHost: localhost:1\r\n";
    let mut sent = client.write_all(start.as_bytes());
    let line = format!("X-Filler: {}\r\n", "x".repeat(1000));
    // 16 MiB: the proxy has to say no long before.
    for _ in 0..16_000 {
        if sent.is_err() {
            break;
        }
        sent = client.write_all(line.as_bytes());
    }
    let answer = wire::read_rest(&mut client);
    let answer = String::from_utf8_lossy(&answer);
    // what was still on the way was taken: no reset takes the answer from the client
    assert!(sent.is_ok(), "{sent:?}");
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer:?}");
    let flow = &program.api.wait_for("", 1)[0];
    failure(flow, "protocol", "client", &[]);
}

#[test]
fn garbage_on_the_proxy_port() {
    let program = Program::start();
    let cases: [&[u8]; 6] = [
        b"\x00\x01\x02\x03\x04\x05",
        b"\x16\x03\x01\xff\xff\x01garbage that looks like TLS",
        b"\r\n\r\n\r\n",
        b"HELLO\r\n\r\n",
        b"GET nonsense://x/ HTTP/1.1\r\nHost: x\r\n\r\n",
        b"CONNECT :99999999 HTTP/1.1\r\n\r\n",
    ];
    for bytes in cases {
        let mut client = wire::dial(program.proxy);
        client.write_all(bytes).unwrap();
        client.finish();
        let answer = wire::read_rest(&mut client);
        let text = String::from_utf8_lossy(&answer);
        assert!(!text.contains("HTTP/1.1 2"), "{bytes:?}: {text}");
    }
    still_works(&program);
}

#[test]
fn tls_garbage_inside_a_tunnel() {
    let ca = TestCa::new();
    let origin = Server::answering(Some(ca.identity().server(&[])), |_| Vec::new());
    let program = Program::trusting(&ca.pem);
    let mut client = wire::tunnel(program.proxy, &format!("localhost:{}", origin.port()));
    let mut hello = b"\x16\x03\x01\x00\x40\x01\x00\x00\x3c\x03\x03".to_vec();
    hello.extend([0xaa; 60]);
    client.write_all(&hello).unwrap();
    client.finish();
    wire::read_rest(&mut client);
    let flow = program
        .api
        .flow(&format!("url:localhost:{}", origin.port()));
    assert_eq!(flow["state"], "failed", "{flow:#}");
    still_works(&program);
}

#[test]
fn resets_from_either_side() {
    let program = Program::start();
    let (arrived, has_arrived) = mpsc::channel::<()>();
    let has_arrived = Mutex::new(has_arrived);
    let reset = Server::new(None, move |mut stream| {
        http::read_head(&mut *stream).unwrap();
        stream
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
            .unwrap();
        // A reset may overtake what was written before it.
        has_arrived
            .lock()
            .unwrap()
            .recv_timeout(crate::support::PATIENCE)
            .unwrap();
        stream.reset();
    });
    let host = format!("localhost:{}", reset.port());
    let mut client = wire::dial(program.proxy);
    write!(
        client,
        "GET http://{host}/server-resets HTTP/1.1\r\nHost: {host}\r\n\r\n"
    )
    .unwrap();
    http::read_response_head(&mut client).unwrap();
    let mut half = [0; 4];
    client.read_exact(&mut half).unwrap();
    assert_eq!(&half, b"half", "what came is passed on");
    arrived.send(()).unwrap();
    wire::read_rest(&mut client);
    let flow = program.api.flow("path:/server-resets");
    failure(&flow, "reset", "server", &[]);
    assert_eq!(program.api.body(&flow, "response"), b"half");

    let waiting = Server::new(None, |mut stream| {
        http::read_head(&mut *stream).unwrap();
        // Ends when the proxy passes the client's reset on.
        wire::read_rest(&mut *stream);
    });
    let host = format!("localhost:{}", waiting.port());
    let mut client = wire::dial(program.proxy);
    write!(
        client,
        "GET http://{host}/client-resets HTTP/1.1\r\nHost: {host}\r\n\r\n"
    )
    .unwrap();
    program
        .api
        .flow_when("path:/client-resets", |flow| flow["server"].is_string());
    Box::new(client).reset();
    let flow = program.api.flow("path:/client-resets");
    assert_eq!(flow["state"], "failed");
    assert_eq!(flow["error"]["side"], "client", "{flow:#}");
    assert!(
        matches!(flow["error"]["cause"].as_str(), Some("reset" | "closed")),
        "{flow:#}"
    );
}

#[test]
fn a_body_that_ends_too_early() {
    let origin = Server::new(None, |mut stream| {
        http::read_head(&mut *stream).unwrap();
        stream
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort")
            .unwrap();
        stream.finish();
    });
    let program = Program::start();
    let host = format!("localhost:{}", origin.port());
    let mut client = wire::dial(program.proxy);
    write!(
        client,
        "GET http://{host}/short HTTP/1.1\r\nHost: {host}\r\n\r\n"
    )
    .unwrap();
    assert!(wire::read_rest(&mut client).ends_with(b"short"));
    let flow = program.api.flow("path:/short");
    failure(&flow, "closed", "server", &[]);
    assert_eq!(program.api.body(&flow, "response"), b"short");
}

fn get(program: &Program, url: &str) -> http::Message {
    let host = url.split('/').nth(2).unwrap();
    wire::exchange(
        program.proxy,
        format!("GET {url} HTTP/1.1\r\nHost: {host}\r\nAccept: text/html\r\n\r\n"),
    )
}

/// A page for a person: a status, a type, and the name of what failed, but nothing of ours.
fn failed_page(page: &http::Message, status: u16, says: &str) {
    assert_eq!(
        page.status(),
        status,
        "{} {}",
        page.head_text(),
        page.text()
    );
    assert!(
        page.field("content-type").unwrap().starts_with("text/html"),
        "{}",
        page.head_text()
    );
    let text = page.text();
    assert!(text.contains(says), "{text}");
    for secret in ["sqlite", "/tmp", "panicked", ".rs:", "os error"] {
        assert!(!text.to_lowercase().contains(secret), "{text}");
    }
}

fn failure(flow: &Value, cause: &str, side: &str, words: &[&str]) {
    assert_eq!(flow["state"], "failed", "{flow:#}");
    assert_eq!(flow["error"]["cause"], cause, "{flow:#}");
    assert_eq!(flow["error"]["side"], side, "{flow:#}");
    let text = flow["error"]["text"].as_str().unwrap();
    for word in words {
        assert!(text.contains(word), "{text:?} does not say {word:?}");
    }
    assert!(text.ends_with('.') || text.len() > 10, "{text:?}");
}

fn still_works(program: &Program) {
    let origin = Server::answering(None, |_| response("200 OK", &[], "still here"));
    crate::support::until("an answer after garbage", || {
        let page = get(
            program,
            &format!("http://localhost:{}/after", origin.port()),
        );
        (page.text() == "still here").then_some(())
    });
    assert!(!program.said().contains("panicked"), "{}", program.said());
}
