//! Promise: whatever a client can do to reach a server through us, it gets through and is recorded: SOCKS, TLS to the proxy,
//! a port in a server's place, and a script that names the proxy.

use crate::support::{
    Nginx, Program, Run, Server,
    program::Setup,
    server::{closed_port, free_port, response},
    until, wire,
    wire::Stream,
};
use serde_json::Value;
use std::io::{Read, Write};

/// curl with nothing said about proxies, trusting the program's root.
fn curl(program: &Program) -> Run {
    Run::new("curl")
        .args(["--silent", "--show-error", "--max-time", "60"])
        .args(["--noproxy", "", "--cacert"])
        .arg(program.ca_file())
        .env("CURL_HOME", program.home())
}

/// Where the program listens for something else than a proxy's clients.
fn port(program: &Program, mode: &str) -> String {
    let status = program.api.get("/api/status");
    let listeners = status["listeners"].as_array().unwrap();
    let found = listeners.iter().find(|one| one["mode"] == mode);
    found.unwrap()["address"].as_str().unwrap().to_owned()
}

#[test]
fn socks_as_curl_speaks_it() {
    let origin = Nginx::start();
    let program = Program::trusting(&origin.ca.pem);
    for (flag, version) in [
        ("--socks5-hostname", "SOCKS5"),
        ("--socks5", "SOCKS5"),
        ("--socks4a", "SOCKS4a"),
        ("--socks4", "SOCKS4"),
    ] {
        for (scheme, url) in [
            ("http", origin.http("/hello.txt")),
            ("https", origin.https("/hello.txt")),
        ] {
            let query = format!("{scheme}{flag}-end");
            let got = curl(&program)
                .args([flag, &program.proxy.to_string(), "--ipv4"])
                .arg(format!("{url}?{query}"))
                .ok();
            assert_eq!(got.text(), "hello, world\n", "{query}");
            let flow = program.api.flow(&format!("url:*{query}"));
            assert_eq!(flow["scheme"], scheme, "{flow:#}");
            assert_eq!(
                flow["host"], "localhost",
                "by its name, also when the address was asked for"
            );
            assert_eq!(flow["status"], 200);
            assert_eq!(flow["connection"]["through"], version, "{flow:#}");
        }
    }
    // a password where none is asked for
    let got = curl(&program)
        .args(["--socks5-hostname", &program.proxy.to_string()])
        .args(["--proxy-user", "me:secret"])
        .arg(origin.http("/hello.txt?password"))
        .ok();
    assert_eq!(got.text(), "hello, world\n");
}

#[test]
fn socks_says_why_a_server_is_not_reached() {
    let program = Program::start();
    let nowhere = closed_port();
    for (url, code, cause) in [
        (format!("http://{nowhere}/refused"), "(5)", "refused"),
        ("http://nobody.invalid/unknown".to_owned(), "(4)", "dns"),
        (format!("http://{}/self", program.proxy), "(2)", "loop"),
    ] {
        let got = curl(&program)
            .args(["--socks5-hostname", &program.proxy.to_string(), &url])
            .run();
        assert_eq!(got.status.code(), Some(97), "{}", got.err);
        assert!(got.err.contains(code), "{url}: {}", got.err);
        let flow = program.api.flow(&format!("error:{cause}"));
        assert_eq!(
            (flow["kind"].as_str(), flow["state"].as_str()),
            (Some("tcp"), Some("failed"))
        );
        assert_eq!(flow["connection"]["through"], "SOCKS5", "{flow:#}");
    }
    let got = curl(&program)
        .args(["--socks4a", &program.proxy.to_string()])
        .arg(format!("http://{nowhere}/"))
        .run();
    assert_eq!(got.status.code(), Some(97), "{}", got.err);
}

#[test]
fn socks_that_asks_for_something_else_or_is_broken() {
    let program = Program::start();
    // what is sent, what is answered, and what the flow says
    let cases: [(&[u8], &[u8], &str); 6] = [
        (
            b"\x05\x01\0\x05\x03\0\x01\0\0\0\0\0\0",
            b"\x05\0\x05\x07\0\x01\0\0\0\0\0\0",
            "UDP",
        ),
        (
            b"\x05\x01\0\x05\x02\0\x01\x7f\0\0\x01\0\x50",
            b"\x05\0\x05\x07\0\x01\0\0\0\0\0\0",
            "BIND",
        ),
        (
            b"\x05\x01\0\x05\x01\0\x09",
            b"\x05\0\x05\x08\0\x01\0\0\0\0\0\0",
            "unknown kind 9",
        ),
        (b"\x05\x01\x01", b"\x05\xff", "GSSAPI"),
        (
            b"\x04\x02\0\x50\x7f\0\0\x01\0",
            b"\0\x5b\0\0\0\0\0\0",
            "SOCKS4 and asks for BIND",
        ),
        (
            b"\x05\x01\0\x05\x01\0\x03\xff",
            b"\x05\0",
            "in the middle of its SOCKS5 request",
        ),
    ];
    for (sent, answer, said) in cases {
        let mut client = wire::dial(program.proxy);
        client.write_all(sent).unwrap();
        client.finish();
        assert_eq!(wire::read_rest(&mut client), answer, "{said}");
        let flow = until(said, || {
            let flows = program.api.flows("kind:tcp");
            let tells = |flow: &Value| {
                flow["error"]["text"]
                    .as_str()
                    .unwrap_or_default()
                    .contains(said)
            };
            flows.into_iter().find(tells)
        });
        assert_eq!(flow["state"], "failed");
    }
}

#[test]
fn bytes_through_socks_and_a_server_that_speaks_first() {
    let origin = Server::new(None, |mut stream| {
        stream.write_all(b"220 mail.example\r\n").unwrap();
        let all = wire::read_rest(&mut *stream);
        stream.write_all(&all).unwrap();
        stream.finish();
    });
    let program = Program::start();
    let mut client = wire::dial(program.proxy);
    let mut request = b"\x05\x01\0\x05\x01\0\x01\x7f\0\0\x01".to_vec();
    request.extend_from_slice(&origin.port().to_be_bytes());
    client.write_all(&request).unwrap();
    let mut answer = [0; 12];
    client.read_exact(&mut answer).unwrap();
    assert_eq!(answer[..8], *b"\x05\0\x05\0\0\x01\x7f\0");
    client.write_all(b"QUIT\r\n").unwrap();
    client.finish();
    assert_eq!(
        wire::read_rest(&mut client),
        b"220 mail.example\r\nQUIT\r\n"
    );
    let flow = program.api.flow("kind:tcp");
    assert_eq!(flow["state"], "complete");
    assert_eq!(flow["connection"]["through"], "SOCKS5");
    assert_eq!(
        program.api.sent(&flow, "request"),
        b"QUIT\r\n",
        "SOCKS itself is no part of it"
    );
}

#[test]
fn a_proxy_that_is_reached_by_socks() {
    let origin = Nginx::start();
    let first = Program::start();
    let second = Program::trusting(&origin.ca.pem);
    for (number, url) in [origin.http("/hello.txt"), origin.https("/hello.txt")]
        .iter()
        .enumerate()
    {
        let got = curl(&second)
            .args(["--preproxy", &format!("socks5h://{}", first.proxy)])
            .args(["--proxy", &second.url()])
            .arg(format!("{url}?both{number}"))
            .ok();
        assert_eq!(got.text(), "hello, world\n", "{url}");
        let flow = second.api.flow(&format!("url:*both{number}"));
        assert_eq!(flow["status"], 200);
    }
    // the first sees what is said to the second
    let asked = first.api.flow("method:GET path:*both0");
    assert_eq!(asked["port"], second.proxy.port());
    assert_eq!(asked["connection"]["through"], "SOCKS5");
    assert_eq!(first.api.flow("method:CONNECT")["status"], 200);
}

#[test]
fn a_proxy_that_is_reached_over_tls() {
    let origin = Nginx::start();
    let program = Program::trusting(&origin.ca.pem);
    for host in ["localhost", "127.0.0.1"] {
        for (scheme, url) in [
            ("http", origin.http("/hello.txt")),
            ("https", origin.https("/hello.txt")),
        ] {
            let query = format!("{scheme}-by-{host}");
            let got = curl(&program)
                .arg("--proxy")
                .arg(format!("https://{host}:{}", program.proxy.port()))
                .arg("--proxy-cacert")
                .arg(program.ca_file())
                .arg(format!("{url}?{query}"))
                .ok();
            assert_eq!(got.text(), "hello, world\n", "{query}");
            let flow = program.api.flow(&format!("url:*{query}"));
            assert_eq!(
                (flow["scheme"].as_str(), flow["status"].as_u64()),
                (Some(scheme), Some(200))
            );
        }
    }
}

#[test]
fn several_ports_at_once() {
    let origin = Nginx::start();
    let program = Setup::new()
        .args(["--listen", "[::1]:0", "--listen", "127.0.0.1:0"])
        .start();
    let status = program.api.get("/api/status");
    let proxies = status["proxy"].as_array().unwrap();
    assert_eq!(proxies.len(), 3, "{status:#}");
    for (at, proxy) in proxies.iter().enumerate() {
        let proxy = proxy.as_str().unwrap();
        for (way, flag) in [("http", "--proxy"), ("socks", "--socks5-hostname")] {
            let got = curl(&program)
                .args([flag, proxy])
                .arg(origin.http(&format!("/hello.txt?{way}{at}")))
                .ok();
            assert_eq!(got.text(), "hello, world\n", "{proxy}");
            let flow = program.api.flow(&format!("url:*{way}{at}"));
            assert_eq!(flow["connection"]["local"], proxy);
        }
    }
}

#[test]
fn in_the_place_of_a_server() {
    let origin = Nginx::start();
    let server = format!(
        "https://localhost:{}",
        origin
            .https("")
            .rsplit(':')
            .next()
            .unwrap()
            .trim_end_matches('/')
    );
    let program = Setup::new()
        .trusting(&origin.ca.pem)
        .args(["--mode", &format!("reverse:{server}@127.0.0.1:0")])
        .start();
    let at = port(&program, "reverse");
    assert!(
        program.said().contains(&format!("reverse:{server}@{at}")),
        "{}",
        program.said()
    );
    let number = at.rsplit(':').next().unwrap();
    for (url, version) in [
        (format!("http://{at}"), "--http1.1"),
        (format!("https://localhost:{number}"), "--http1.1"),
        (format!("https://localhost:{number}"), "--http2"),
        (format!("https://{at}"), "--http2"),
        (format!("http://{at}"), "--http2-prior-knowledge"),
    ] {
        let query = format!("{}{version}", url.replace([':', '/'], "-"));
        let got = curl(&program)
            .arg(version)
            .arg(format!("{url}/hello.txt?{query}"))
            .ok();
        assert_eq!(got.text(), "hello, world\n", "{query}");
        let flow = program.api.flow(&format!("path:*{query}"));
        assert_eq!(
            flow["url"],
            format!("{server}/hello.txt?{query}"),
            "{flow:#}"
        );
        assert_eq!(flow["status"], 200);
        assert_eq!(flow["connection"]["through"], "reverse mode");
    }
}

#[test]
fn a_server_gets_its_own_name_and_the_rest_as_it_came() {
    let origin = Server::answering(None, |_| response("200 OK", &[], "fine"));
    let server = format!("http://localhost:{}", origin.port());
    let program = Setup::new()
        .args(["--mode", &format!("reverse:{server}@127.0.0.1:0")])
        .start();
    let at = port(&program, "reverse").parse().unwrap();
    let answer = wire::exchange(
        at,
        "GET /a HTTP/1.1\r\nhost:  my.name:9 \r\nX-Odd:  kept\r\nConnection: close\r\n\r\n",
    );
    assert_eq!(answer.text(), "fine");
    let requests = origin.requests();
    let [request] = requests.as_slice() else {
        panic!("{requests:?}");
    };
    let came = format!(
        "GET /a HTTP/1.1\r\nhost:  localhost:{} \r\nX-Odd:  kept\r\nConnection: close\r\n\r\n",
        origin.port()
    );
    assert_eq!(request.head_text(), came);
    let flow = program.api.flow("path:/a");
    assert_eq!(flow["url"], format!("{server}/a"));
    assert!(
        program.api.head(&flow, "request").contains("my.name:9"),
        "what came is kept"
    );
    // a rule sees and changes it as elsewhere
    program
        .command("rule")
        .args([
            "add",
            "Mark",
            "-D",
            "set-header, name = \"X-Rule\", value = \"yes\"",
        ])
        .ok();
    let answer = wire::exchange(
        at,
        "GET /b HTTP/1.1\r\nHost: my.name:9\r\nConnection: close\r\n\r\n",
    );
    assert_eq!(answer.text(), "fine");
    let requests = origin.requests();
    let request = requests.last().unwrap();
    assert_eq!(request.field("x-rule").as_deref(), Some("yes"));
    assert_eq!(
        request.field("host").unwrap(),
        format!("localhost:{}", origin.port())
    );
}

#[test]
fn in_the_place_of_a_server_what_is_wrong_is_said() {
    let (own, nobody) = (free_port(), closed_port());
    let program = Setup::new()
        .args(["--mode", &format!("reverse:http://{own}@{own}")])
        .args(["--mode", &format!("reverse:https://{nobody}@127.0.0.1:0")])
        .start();
    let looped = curl(&program)
        .arg("--include")
        .arg(format!("http://{own}/round"))
        .ok()
        .text();
    assert!(looped.starts_with("HTTP/1.1 508 "), "{looped}");
    let flow = program.api.flow("path:/round");
    assert_eq!(
        (flow["status"].as_u64(), flow["error"]["cause"].as_str()),
        (Some(508), Some("loop"))
    );

    let listeners = program.api.get("/api/status")["listeners"].clone();
    let at = listeners.as_array().unwrap().last().unwrap()["address"]
        .as_str()
        .unwrap()
        .to_owned();
    for scheme in ["http", "https"] {
        let got = curl(&program)
            .arg("--include")
            .arg(format!("{scheme}://{at}/{scheme}"))
            .ok()
            .text();
        assert!(got.contains(" 502") && got.contains("refused"), "{got}");
        let flow = program.api.flow(&format!("path:/{scheme}"));
        assert_eq!(flow["error"]["cause"], "refused", "{flow:#}");
    }
    let origin = Server::answering(None, |_| response("200 OK", &[], "fine"));
    let program = Setup::new()
        .args([
            "--mode",
            &format!("reverse:http://{}@127.0.0.1:0", origin.address),
        ])
        .start();
    let mut client = wire::dial(port(&program, "reverse").parse().unwrap());
    client.write_all(b"\x00\x01garbage\r\n\r\n").unwrap();
    let answer = String::from_utf8(wire::read_rest(&mut client)).unwrap();
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert_eq!(program.api.flow("status:400")["state"], "failed");
    assert!(origin.requests().is_empty());
}

#[test]
fn bytes_in_the_place_of_a_server() {
    let ca = crate::support::certs::TestCa::new();
    let echo = |tls| {
        Server::new(tls, |mut stream: Box<dyn Stream>| {
            let mut four = [0; 4];
            stream.read_exact(&mut four).unwrap();
            stream.write_all(&[b"hello ", &four[..]].concat()).unwrap();
            stream.finish();
        })
    };
    let plain = echo(None);
    let secure = echo(Some(ca.identity().server(&[])));
    for (server, spoken) in [(&plain, "tcp"), (&secure, "tls")] {
        let program = Setup::new()
            .trusting(&ca.pem)
            .args([
                "--mode",
                &format!("reverse:{spoken}://localhost:{}@127.0.0.1:0", server.port()),
            ])
            .start();
        let at = port(&program, "reverse").parse().unwrap();
        for over_tls in [false, true] {
            let client = wire::dial(at);
            let mut client: Box<dyn Stream> = match over_tls {
                false => Box::new(client),
                true => Box::new(wire::tls(client, "any.name", &program.ca_pem(), &[])),
            };
            client.write_all(b"\x01abc").unwrap();
            client.flush().unwrap();
            assert_eq!(
                wire::read_rest(&mut *client),
                b"hello \x01abc",
                "{spoken} {over_tls}"
            );
        }
        let flows = program.api.wait_for("kind:tcp state:complete", 2);
        for flow in flows {
            assert_eq!(program.api.sent(&flow, "response"), b"hello \x01abc");
            assert_eq!(flow["port"], server.port());
        }
    }
}

#[test]
fn a_script_that_names_the_proxy() {
    let program = Program::start();
    let expected = format!("return \"PROXY {}\";", program.proxy);
    let plain = curl(&program)
        .arg("--include")
        .arg(format!("{}/proxy.pac", program.url()))
        .ok()
        .text();
    assert!(plain.contains(&expected), "{plain}");
    assert!(
        plain
            .to_lowercase()
            .contains("content-type: application/x-ns-proxy-autoconfig"),
        "{plain}"
    );
    let through = program
        .curl()
        .arg("http://overhear.internal/proxy.pac")
        .ok()
        .text();
    assert!(through.contains(&expected), "{through}");
    assert!(
        program.api.flows("kind:http").is_empty(),
        "visits are no flows"
    );
}
