//! Promise: however slowly a client begins, in whichever mode it is listened to, it gets through; and one that says nothing, or
//! leaves, is in nobody's way.

use crate::support::{Nginx, Program, Run, Server, program::Setup, wire, wire::Stream as _};
use std::{
    io::{Read as _, Write as _},
    net::SocketAddr,
};

/// Leads to `target` and passes on one byte at a time of what the client says.
fn trickle(target: SocketAddr) -> Server {
    Server::trickling(move || wire::dial(target))
}

/// Where the program listens, in the order of its flags: the proxy's port first.
fn ports(program: &Program) -> Vec<SocketAddr> {
    let status = program.api.get("/api/status");
    let listeners = status["listeners"].as_array().unwrap();
    let address = |one: &serde_json::Value| one["address"].as_str().unwrap().parse().unwrap();
    listeners.iter().map(address).collect()
}

fn start(origin: &Nginx) -> Program {
    let https = origin.https("");
    let https = https
        .trim_end_matches('/')
        .replace("127.0.0.1", "localhost");
    let http = origin.http("");
    let raw = http.trim_end_matches('/').replace("http://", "");
    Setup::new()
        .trusting(&origin.ca.pem)
        .args(["--mode", &format!("reverse:{https}@127.0.0.1:0")])
        .args(["--mode", &format!("reverse:tcp://{raw}@127.0.0.1:0")])
        .start()
}

fn curl(program: &Program) -> Run {
    Run::new("curl")
        .args(["--silent", "--show-error", "--max-time", "60"])
        .args(["--noproxy", "", "--http1.1", "--cacert"])
        .arg(program.ca_file())
        .arg("--proxy-cacert")
        .arg(program.ca_file())
        .env("CURL_HOME", program.home())
}

#[test]
fn byte_by_byte_in_every_mode() {
    let origin = Nginx::start();
    let program = start(&origin);
    let slow: Vec<Server> = ports(&program).into_iter().map(trickle).collect();
    let [mixed, reverse, raw] = slow.as_slice() else {
        panic!("three ports");
    };
    let proxies = [
        ("--proxy", format!("http://127.0.0.1:{}", mixed.port())),
        ("--proxy", format!("https://localhost:{}", mixed.port())),
        ("--socks4a", mixed.address.to_string()),
        ("--socks5-hostname", mixed.address.to_string()),
    ];
    for (number, (flag, proxy)) in proxies.iter().enumerate() {
        for url in [origin.http("/hello.txt"), origin.https("/hello.txt")] {
            let got = curl(&program)
                .args([flag, proxy.as_str()])
                .arg(format!("{url}?slow{number}"))
                .ok();
            assert_eq!(got.text(), "hello, world\n", "{flag} {proxy} {url}");
        }
        let flows = program
            .api
            .wait_for(&format!("url:*slow{number} state:complete"), 2);
        assert_eq!(flows.len(), 2);
    }
    for (number, url) in [
        format!("http://127.0.0.1:{}", reverse.port()),
        format!("https://localhost:{}", reverse.port()),
        format!("http://127.0.0.1:{}", raw.port()),
    ]
    .into_iter()
    .enumerate()
    {
        let path = format!("/hello.txt?direct{number}");
        let got = curl(&program).arg(format!("{url}{path}")).ok();
        assert_eq!(got.text(), "hello, world\n", "{url}");
        if number < 2 {
            program.api.wait_for(&format!("url:*direct{number}"), 1);
        }
    }
    // what is told to be raw is not looked into
    let flow = program.api.wait_for("kind:tcp state:complete", 1).remove(0);
    assert!(
        program
            .api
            .sent(&flow, "request")
            .starts_with(b"GET /hello.txt?direct2 ")
    );
}

#[test]
fn who_says_nothing_is_in_nobodys_way() {
    let origin = Nginx::start();
    let program = start(&origin);
    let listening = ports(&program);
    let mut silent = Vec::new();
    for at in &listening {
        for _ in 0..20 {
            // gone at once
            drop(wire::dial(*at));
            // finished, and waiting
            let mut finished = wire::dial(*at);
            finished.finish();
            silent.push(finished);
            // there, and silent
            silent.push(wire::dial(*at));
            // one byte of what could become a TLS hello, a SOCKS greeting, or a request
            for begun in [b"\x16", b"\x05", b"G"] {
                let mut one = wire::dial(*at);
                one.write_all(begun).unwrap();
                silent.push(one);
            }
        }
    }
    let got = curl(&program)
        .args(["--proxy", &program.url()])
        .arg(origin.https("/hello.txt?between"))
        .ok();
    assert_eq!(got.text(), "hello, world\n");
    for at in listening.get(1..).unwrap() {
        let got = curl(&program)
            .arg(format!("http://{at}/hello.txt?between"))
            .ok();
        assert_eq!(got.text(), "hello, world\n", "{at}");
    }
    program.api.wait_for("url:*between state:complete", 2);
    // those that are still there hold nothing up when it ends
    let said = program.stop();
    assert!(!said.contains("panicked"), "{said}");
    for stream in &mut silent {
        let mut rest = Vec::new();
        // closed, in whichever way
        stream.read_to_end(&mut rest).ok();
    }
}
