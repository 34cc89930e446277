//! Two hosts between which things go wrong, and what is said of them.

use crate::support::{
    Run, command::Running, folder, island::Island, program::binary, program::overhear, repository,
    system, until,
};
use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
};

const LAST: &[u8] = b"the-last-packet";

/// A network with its servers.
pub struct Faults {
    pub island: Island,
    pub home: tempfile::TempDir,
    _servers: [Running; 2],
}

pub fn script() -> PathBuf {
    repository().join("tests/clients/faults.py")
}

impl Faults {
    pub fn new() -> Option<Self> {
        let mut island = Island::new()?;
        let far = island.add()?;
        let ip = |host: usize, words: &[&str]| {
            island.run(host, "ip").args(words).ok();
        };
        // nobody is there, though its hardware address is known
        ip(
            0,
            &[
                "neigh",
                "add",
                "192.0.2.3",
                "lladdr",
                "02:00:00:00:00:99",
                "dev",
                "eth0",
            ],
        );
        // and what goes to one that is not there is seen all the same
        ip(
            1,
            &[
                "neigh",
                "add",
                "192.0.2.4",
                "lladdr",
                "02:00:00:00:00:98",
                "dev",
                "eth0",
            ],
        );
        // the second host leads on: to nowhere, and through a narrow link to a third, which does not know that it is narrow
        let forward = "echo 1 > /proc/sys/net/ipv4/ip_forward";
        island.run(1, "sh").args(["-c", forward]).ok();
        ip(1, &["route", "add", "unreachable", "203.0.113.0/24"]);
        ip(
            1,
            &[
                "link", "add", "narrow", "mtu", "600", "type", "veth", "peer", "name", "far",
            ],
        );
        ip(1, &["link", "set", "far", "netns", island.name(far)]);
        for (host, device, address) in [
            (1, "narrow", "198.51.100.1/24"),
            (far, "far", "198.51.100.7/24"),
        ] {
            ip(host, &["address", "add", address, "dev", device]);
            ip(host, &["link", "set", device, "up"]);
        }
        ip(far, &["route", "add", "default", "via", "198.51.100.1"]);
        for away in ["203.0.113.0/24", "198.51.100.0/24"] {
            ip(0, &["route", "add", away, "via", "192.0.2.2"]);
        }
        let servers = [1, far].map(|host| serve(&island, host));
        Some(Self {
            island,
            home: folder(),
            _servers: servers,
        })
    }

    /// Where the clients of TLS write their secrets.
    pub fn keys(&self) -> PathBuf {
        self.home.path().join("keys.log")
    }

    /// Meets a fault while the first host's packets are captured: the file.
    pub fn meet(&self, what: &str) -> PathBuf {
        self.meet_seen(what, 0, "eth0")
    }

    /// The same, captured on an interface of a host.
    pub fn meet_seen(&self, what: &str, host: usize, interface: &str) -> PathBuf {
        self.capture(what, (host, interface), (0, "192.0.2.2"))
    }

    /// The second host meets a fault, and the first has the servers: its address is the lower one.
    pub fn meet_backwards(&self, what: &str) -> PathBuf {
        let _servers = serve(&self.island, 0);
        self.capture(what, (0, "eth0"), (1, "192.0.2.1"))
    }

    fn capture(
        &self,
        what: &str,
        (host, interface): (usize, &str),
        (client, server): (usize, &str),
    ) -> PathBuf {
        let file = self.home.path().join(format!("{what}.pcapng"));
        let capture = self.island.run(host, binary()).arg("capture");
        let capture = capture.args(["-i", interface, "-U", "-w"]);
        let mut capture = capture.arg(&file).start();
        until("the capture to begin", || {
            capture.said_so_far().contains("listening on").then_some(())
        });
        let client = self.island.run(client, "python3").arg(script());
        let client = client.env("SSLKEYLOGFILE", self.keys());
        client.args(["meet", what, server]).ok();
        until("the last packet", || {
            let data = fs::read(&file).unwrap_or_default();
            data.windows(LAST.len())
                .any(|window| window == LAST)
                .then_some(())
        });
        system::interrupt(capture.child());
        capture.wait().ok();
        file
    }

    pub fn diagnose(&self, file: &Path) -> Vec<Value> {
        self.diagnose_some(file, &[])
    }

    /// Of the packets that an expression matches.
    pub fn diagnose_some(&self, file: &Path, expression: &[&str]) -> Vec<Value> {
        let run = overhear(self.home.path()).arg("read").arg(file);
        let run = run.args(["--diagnose", "--json"]).args(expression);
        run.ok().json_lines()
    }

    /// The flows of a capture, without the last packet's.
    pub fn flows(&self, file: &Path) -> Vec<Value> {
        imported(self.home.path(), file)
    }
}

fn serve(island: &Island, host: usize) -> Running {
    let servers = island.run(host, "python3").arg(script()).arg("serve");
    let servers = servers.start();
    until("the servers", || {
        servers.out_so_far().contains("ready").then_some(())
    });
    servers
}

pub fn imported(home: &Path, file: &Path) -> Vec<Value> {
    let data = home.join("data");
    let run = |words: &[&str]| overhear(home).args(words).arg("--data").arg(&data);
    let session = run(&["import", "--json"]).arg(file).ok().json()["session"].clone();
    let session = format!("session:{session}");
    let flows = run(&["flows", "--json", &session]).ok().json_lines();
    let is_last = |flow: &Value| flow["kind"] == "udp" && flow["port"] == 9999;
    flows.into_iter().filter(|flow| !is_last(flow)).collect()
}

/// The numbers of the packets that tshark's filter finds.
pub fn numbers(file: &Path, filter: &str) -> Vec<u64> {
    let run = Run::new("tshark").args(["-Y", filter, "-T", "fields", "-e", "frame.number", "-r"]);
    let text = run.arg(file).ok().text();
    text.lines().map(|line| line.parse().unwrap()).collect()
}
