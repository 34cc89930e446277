//! Promise: what the system's rules lead to transparent mode, as it prints them, goes to the server that was dialled, and is recorded with
//! both addresses: by REDIRECT and by TPROXY, over IPv4 and IPv6.

use crate::support::{
    Run,
    command::Running,
    folder,
    island::Island,
    not_run,
    program::{binary, overhear},
    repository, system, until,
};
use serde_json::Value;
use tempfile::TempDir;

/// A gateway that leads a client's connections to the program, which runs on it.
struct Gateway {
    island: Island,
    home: TempDir,
    run: Running,
    /// What the program printed at its start.
    said: String,
    _servers: Vec<Running>,
}

impl Gateway {
    /// Host 0 is the gateway, host 1 the client; the servers, HTTP and HTTPS, have addresses behind the gateway.
    fn start() -> Option<Self> {
        let island = Island::new()?;
        let tools = Run::new("sh").args(["-c", "command -v iptables ip6tables"]);
        if tools.run().out.is_empty() {
            not_run("there is no iptables");
            return None;
        }
        let home = folder();
        let sh = |host, command: &str| island.run(host, "sh").args(["-c", command]);
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
            let at = format!("{}:443", bracketed(address));
            servers.push(serve(&format!(
                "openssl s_server -quiet -WWW -accept {at} -cert cert.pem -key key.pem"
            )));
        }
        let mut run = island
            .run(0, binary())
            .env("HOME", home.path())
            .args(["run", "--no-open", "--listen", "127.0.0.1:8080"])
            .args(["--insecure-upstream", "--mode", "transparent"])
            .args(["--allow", "192.0.2.0/24", "--allow", "fd00::/64"])
            .arg("--data")
            .arg(home.path().join("data"))
            .start();
        let said = until("the program to print its rules", || {
            let said = run.said_so_far();
            assert!(!run.ended(), "{said}");
            said.contains("To take it away").then_some(said)
        });
        Some(Self {
            island,
            home,
            run,
            said,
            _servers: servers,
        })
    }

    fn sh(&self, host: usize, command: &str) -> Run {
        self.island.run(host, "sh").args(["-c", command])
    }

    /// The printed lines that begin so.
    fn lines(&self, begin: &str) -> Vec<String> {
        let lines = self.said.lines().map(str::trim);
        let found = lines.filter(|line| line.starts_with(begin));
        found.map(str::to_owned).collect()
    }

    /// Does what a line says; false, and told, when this machine cannot.
    fn does(&self, line: &str) -> bool {
        let ran = self.sh(0, line).run();
        if !ran.status.success() {
            not_run(&format!("{line}: {}", ran.err));
        }
        ran.status.success()
    }

    fn flows(&self) -> Vec<Value> {
        let list = overhear(self.home.path())
            .args(["flows", "--json", "--data"])
            .arg(self.home.path().join("data"));
        list.ok().json_lines()
    }

    /// The client asks each server over IPv4 and IPv6; what it asks is recorded with the addresses that it used.
    fn is_led(&self) {
        let root = self.home.path().join("data/ca/cert.pem");
        for (address, from) in [("198.51.100.7", "192.0.2.2:"), ("fd01::7", "[fd00::2]:")] {
            for (scheme, port) in [("http", 80), ("https", 443)] {
                let query = address.replace(':', ".");
                let url = match scheme {
                    "http" => format!("http://shop.test/hello.txt?{query}"),
                    _ => "https://shop.test/hello.txt".to_owned(),
                };
                let got = until("the server", || {
                    let got = self
                        .island
                        .run(1, "curl")
                        .args(["--silent", "--show-error", "--max-time", "30", "--http1.1"])
                        .arg("--resolve")
                        .arg(format!("shop.test:{port}:{}", bracketed(address)))
                        .arg("--cacert")
                        .arg(&root)
                        .arg(&url)
                        .run();
                    got.text().contains("hello, world\n").then_some(got)
                });
                assert!(got.status.success(), "{}", got.err);
                let place = format!("{}:{port}", bracketed(address));
                let flow = until(&url, || {
                    self.flows().into_iter().find(|flow| {
                        flow["url"] == url && flow["server"] == place && flow["status"] == 200
                    })
                });
                let client = flow["client"].as_str().unwrap();
                assert!(client.starts_with(from), "{flow:#}");
            }
        }
    }

    fn stop(mut self) {
        system::terminate(self.run.child());
        self.run.wait().ok();
    }
}

/// As it stands in a URL.
fn bracketed(address: &str) -> String {
    match address.contains(':') {
        true => format!("[{address}]"),
        false => address.to_owned(),
    }
}

#[test]
fn what_the_system_leads_here() {
    let Some(gateway) = Gateway::start() else {
        return;
    };
    let rules = |chain: &str| {
        let four = gateway.lines(&format!("iptables -t nat -A {chain} "));
        [
            four,
            gateway.lines(&format!("ip6tables -t nat -A {chain} ")),
        ]
        .concat()
    };
    assert_eq!(rules("PREROUTING").len(), 2, "{}", gateway.said);
    if !rules("PREROUTING").iter().all(|rule| gateway.does(rule)) {
        return;
    }
    gateway.is_led();
    let flow = |url: &str| {
        until(url, || {
            gateway.flows().into_iter().find(|flow| flow["url"] == url)
        })
    };
    // neither HTTP nor TLS
    let bytes = "import socket; s = socket.create_connection(('198.51.100.7', 80)); s.sendall(b'\\0\\1bytes\\r\\n\\r\\n'); print(s.recv(9))";
    let python = gateway.island.run(1, "python3");
    let got = python.args(["-c", bytes]).ok().text();
    // what the server there makes of a request that is none: a page without a head
    assert!(got.contains("<!DOCTYPE"), "{got}");
    assert_eq!(flow("tcp://198.51.100.7:80")["kind"], "tcp");

    // slowly, or not at all
    let script = repository().join("tests/clients/slow_beginners.py");
    let root = gateway.home.path().join("data/ca/cert.pem");
    let python = gateway.island.run(1, "python3").arg(script);
    let got = python.arg("198.51.100.7").arg(root).ok().text();
    assert_eq!(got.matches("hello, world").count(), 2, "{got}");
    flow("http://shop.test/hello.txt?slow");

    // programs on the gateway itself: with the rule as it is printed for all but the user of overhear
    let own = &rules("OUTPUT")[0];
    let ask = "curl --silent --include --max-time 30 http://198.51.100.7/hello.txt?own";
    let at_large = own.replace(" -m owner ! --uid-owner 0", "");
    assert_ne!(&at_large, own, "{own}");
    gateway.sh(0, &at_large).ok();
    let looped = gateway.sh(0, ask).ok().text();
    assert!(looped.starts_with("HTTP/1.1 508 "), "{looped}");
    assert!(looped.contains("led back"), "{looped}");
    gateway.sh(0, &at_large.replace(" -A ", " -D ")).ok();
    gateway.sh(0, own).ok();
    let other = format!("setpriv --reuid=65534 --clear-groups {ask}");
    let got = gateway.sh(0, &other).ok().text();
    assert!(
        got.contains("200 OK") && got.contains("hello, world"),
        "{got}"
    );
    flow("http://198.51.100.7/hello.txt?own");
    gateway.stop();
}

/// The same without a translated address: the socket that takes a connection has the server's address for its own.
#[test]
fn what_tproxy_leads_here() {
    let Some(gateway) = Gateway::start() else {
        return;
    };
    let rules = ["iptables -t mangle ", "ip6tables -t mangle "].map(|tool| gateway.lines(tool));
    let routes = ["ip rule ", "ip route ", "ip -6 rule ", "ip -6 route "];
    let routes = routes.map(|begin| gateway.lines(begin));
    let lines = [routes.concat(), rules.concat()].concat();
    assert_eq!(lines.len(), 6, "{}", gateway.said);
    if !lines.iter().all(|line| gateway.does(line)) {
        return;
    }
    gateway.is_led();
    // who asked: the rules saw what was recorded, and nothing else led it
    for tool in ["iptables", "ip6tables"] {
        let counts = gateway.sh(0, &format!("{tool} -t mangle -vnxL PREROUTING"));
        let counts = counts.ok().text();
        let rule = counts.lines().find(|line| line.contains("TPROXY")).unwrap();
        let packets = rule.split_whitespace().next().unwrap();
        assert!(packets.parse::<u64>().unwrap() > 4, "{counts}");
        let translated = gateway.sh(0, &format!("{tool} -t nat -S")).ok().text();
        assert!(!translated.contains("REDIRECT"), "{translated}");
    }
    // and they are taken away as it says
    for line in lines {
        let away = line.replace(" -A ", " -D ").replace(" add ", " del ");
        gateway.sh(0, &away).ok();
    }
    let left = gateway.sh(0, "ip rule; ip -6 rule; iptables-save -t mangle");
    let left = left.ok().text();
    assert!(!left.contains("fwmark") && !left.contains("-j"), "{left}");
    gateway.stop();
}
