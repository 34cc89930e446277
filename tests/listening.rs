//! Promise: whatever a client can do to reach a server through us, it gets through and is recorded: SOCKS, TLS to the proxy,
//! a port in a server's place, connections that the system leads here, and a script that names the proxy.

use crate::support::{
    Nginx, Program, Run, Server, folder,
    island::Island,
    not_run,
    program::Setup,
    program::binary,
    program::overhear,
    server::{closed_port, free_port, response},
    system, until, wire,
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

/// A gateway that leads a client's connections to the program, which runs on it.
#[test]
fn what_the_system_leads_here() {
    let Some(island) = Island::new() else { return };
    if Run::new("sh")
        .args(["-c", "command -v iptables ip6tables"])
        .run()
        .out
        .is_empty()
    {
        return not_run("there is no iptables");
    }
    let home = folder();
    let sh = |host, command: &str| island.run(host, "sh").args(["-c", command]);
    // the server's addresses are behind the gateway
    sh(
        0,
        "ip address add 198.51.100.7/32 dev lo && ip address add fd01::7/128 dev lo nodad",
    )
    .ok();
    sh(
        1,
        "ip route add 198.51.100.7 via 192.0.2.1 && ip route add fd01::7 via fd00::1",
    )
    .ok();
    std::fs::write(home.path().join("hello.txt"), "hello, world\n").unwrap();
    let key = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=shop.test -keyout key.pem -out cert.pem";
    Run::new("sh").args(["-c", key]).dir(home.path()).ok();
    let serve = |command: &str| sh(0, &format!("exec {command}")).dir(home.path()).start();
    let mut servers = Vec::new();
    for address in ["198.51.100.7", "fd01::7"] {
        servers.push(serve(&format!(
            "python3 -m http.server 80 --bind {address}"
        )));
        let at = if address.contains(':') {
            format!("[{address}]:443")
        } else {
            format!("{address}:443")
        };
        servers.push(serve(&format!(
            "openssl s_server -quiet -WWW -accept {at} -cert cert.pem -key key.pem"
        )));
    }
    let data = home.path().join("data");
    let mut run = island
        .run(0, binary())
        .env("HOME", home.path())
        .args([
            "run",
            "--no-open",
            "--listen",
            "127.0.0.1:8080",
            "--insecure-upstream",
        ])
        .args([
            "--mode",
            "transparent",
            "--allow",
            "192.0.2.0/24",
            "--allow",
            "fd00::/64",
        ])
        .arg("--data")
        .arg(&data)
        .start();
    let said = until("the program to print its rules", || {
        let said = run.said_so_far();
        assert!(!run.ended(), "{said}");
        said.contains("To take it away").then_some(said)
    });
    let rules = |chain: &str| -> Vec<String> {
        let lines = said.lines().map(str::trim);
        lines
            .filter(|line| line.contains(&format!("tables -t nat -A {chain} ")))
            .map(str::to_owned)
            .collect()
    };
    assert_eq!(rules("PREROUTING").len(), 2, "{said}");
    for rule in rules("PREROUTING") {
        let ran = sh(0, &rule).run();
        if !ran.status.success() {
            return not_run(&format!("{rule}: {}", ran.err));
        }
    }
    let flow = |url: &str| {
        until(url, || {
            let list = overhear(home.path())
                .args(["flows", "--json", "--data"])
                .arg(&data);
            let flows = list.ok().json_lines();
            flows.into_iter().find(|flow| flow["url"] == url)
        })
    };
    let root = data.join("ca/cert.pem");
    for address in ["198.51.100.7", "fd01::7"] {
        let bracketed = if address.contains(':') {
            format!("[{address}]")
        } else {
            address.to_owned()
        };
        for (scheme, port) in [("http", 80), ("https", 443)] {
            let url = format!(
                "{scheme}://shop.test/hello.txt?{}",
                address.replace(':', ".")
            );
            let url = if scheme == "https" {
                "https://shop.test/hello.txt".to_owned()
            } else {
                url
            };
            let got = until("the server", || {
                let got = island
                    .run(1, "curl")
                    .args(["--silent", "--show-error", "--max-time", "30", "--http1.1"])
                    .arg("--resolve")
                    .arg(format!("shop.test:{port}:{bracketed}"))
                    .arg("--cacert")
                    .arg(&root)
                    .arg(&url)
                    .run();
                got.text().contains("hello, world\n").then_some(got)
            });
            assert!(got.status.success(), "{}", got.err);
            let list = || {
                overhear(home.path())
                    .args(["flows", "--json", "--data"])
                    .arg(&data)
                    .ok()
                    .json_lines()
            };
            let flow = until(&url, || {
                let place = format!("{bracketed}:{port}");
                list().into_iter().find(|flow| {
                    flow["url"] == url && flow["server"] == place && flow["status"] == 200
                })
            });
            let client = if address.contains(':') {
                "[fd00::2]:"
            } else {
                "192.0.2.2:"
            };
            assert!(
                flow["client"].as_str().unwrap().starts_with(client),
                "{flow:#}"
            );
        }
    }
    // neither HTTP nor TLS
    let bytes = "import socket; s = socket.create_connection(('198.51.100.7', 80)); s.sendall(b'\\0\\1bytes\\r\\n\\r\\n'); print(s.recv(9))";
    let got = island.run(1, "python3").args(["-c", bytes]).ok().text();
    // what the server there makes of a request that is none: a page without a head
    assert!(got.contains("<!DOCTYPE"), "{got}");
    assert_eq!(flow("tcp://198.51.100.7:80")["kind"], "tcp");

    // programs on the gateway itself: with the rule as it is printed for all but the user of overhear
    let own = &rules("OUTPUT")[0];
    let ask = "curl --silent --include --max-time 30 http://198.51.100.7/hello.txt?own";
    let at_large = own.replace(" -m owner ! --uid-owner 0", "");
    assert_ne!(&at_large, own, "{own}");
    sh(0, &at_large).ok();
    let looped = sh(0, ask).ok().text();
    assert!(looped.starts_with("HTTP/1.1 508 "), "{looped}");
    assert!(looped.contains("led back"), "{looped}");
    sh(0, &at_large.replace(" -A ", " -D ")).ok();
    sh(0, own).ok();
    let other = format!("setpriv --reuid=65534 --clear-groups {ask}");
    let got = sh(0, &other).ok().text();
    assert!(
        got.contains("200 OK") && got.contains("hello, world"),
        "{got}"
    );
    flow("http://198.51.100.7/hello.txt?own");
    system::terminate(run.child());
    run.wait().ok();
}
