//! Promise: what goes wrong on a network is found in its packets, with those that prove it; and nothing is found where
//! nothing is wrong. The faults are real: two hosts, servers that misbehave, routes that lead nowhere.

use crate::support::{
    Run, command::Running, folder, island::Island, program::binary, program::overhear, repository,
    system, until,
};
use serde_json::{Value, json};
use std::{
    fs,
    path::{Path, PathBuf},
};

const LAST: &[u8] = b"the-last-packet";

/// A network with its servers.
struct Faults {
    island: Island,
    home: tempfile::TempDir,
    _servers: Running,
}

fn script() -> PathBuf {
    repository().join("tests/clients/faults.py")
}

impl Faults {
    fn new() -> Option<Self> {
        let island = Island::new()?;
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
        // the second host leads on: to nowhere, and through a narrow link
        let forward = "echo 1 > /proc/sys/net/ipv4/ip_forward";
        island.run(1, "sh").args(["-c", forward]).ok();
        ip(1, &["route", "add", "unreachable", "203.0.113.0/24"]);
        ip(
            1,
            &[
                "link", "add", "narrow", "mtu", "600", "type", "veth", "peer", "name", "other",
            ],
        );
        for end in ["narrow", "other"] {
            ip(1, &["link", "set", end, "up"]);
        }
        ip(1, &["route", "add", "198.51.100.0/24", "dev", "narrow"]);
        for away in ["203.0.113.0/24", "198.51.100.0/24"] {
            ip(0, &["route", "add", away, "via", "192.0.2.2"]);
        }
        let servers = island.run(1, "python3").arg(script()).arg("serve").start();
        until("the servers", || {
            servers.out_so_far().contains("ready").then_some(())
        });
        Some(Self {
            island,
            home: folder(),
            _servers: servers,
        })
    }

    /// Meets a fault while the first host's packets are captured: the file.
    fn meet(&self, what: &str) -> PathBuf {
        let file = self.home.path().join(format!("{what}.pcapng"));
        let capture = self.island.run(0, binary()).arg("capture");
        let mut capture = capture.args(["-i", "eth0", "-U", "-w"]).arg(&file).start();
        until("the capture to begin", || {
            capture.said_so_far().contains("listening on").then_some(())
        });
        let client = self.island.run(0, "python3").arg(script());
        client.args(["meet", what]).ok();
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

    fn diagnose(&self, file: &Path) -> Vec<Value> {
        let run = overhear(self.home.path()).arg("read").arg(file);
        run.args(["--diagnose", "--json"]).ok().json_lines()
    }
}

/// The numbers of the packets that tshark's filter finds.
fn numbers(file: &Path, filter: &str) -> Vec<u64> {
    let run = Run::new("tshark").args(["-Y", filter, "-T", "fields", "-e", "frame.number", "-r"]);
    let text = run.arg(file).ok().text();
    text.lines().map(|line| line.parse().unwrap()).collect()
}

#[test]
fn each_fault_is_found_with_its_proof() {
    let Some(faults) = Faults::new() else { return };
    let mut wrong = Vec::new();
    let syn = "tcp.flags.syn == 1 && tcp.flags.ack == 0";
    for (what, cause, text, proof) in [
        (
            "no_answer",
            "no_answer",
            "192.0.2.3:80 did not answer ",
            syn,
        ),
        (
            "refused",
            "refused",
            "192.0.2.2:9 answered the SYN with a RST.",
            "tcp.flags.reset == 1",
        ),
        (
            "reset",
            "reset",
            "192.0.2.2:9001 (the server) reset the connection in the middle.",
            "tcp.flags.reset == 1",
        ),
        ("unreachable", "unreachable", "", "icmp.type == 3"),
        (
            "packet_too_big",
            "packet_too_big",
            "600",
            "icmp.type == 3 && icmp.code == 4",
        ),
        (
            "unknown",
            "dns",
            "192.0.2.2:53 answered NXDOMAIN for unknown.test.",
            "dns",
        ),
        (
            "broken",
            "dns",
            "192.0.2.2:53 answered SERVFAIL for broken.test.",
            "dns",
        ),
        (
            "silent",
            "dns_no_answer",
            "192.0.2.2:53 did not answer the question for silent.test.",
            "dns",
        ),
        // the last: the sender goes on asking whether there is room
        (
            "zero_window",
            "zero_window",
            "192.0.2.2:9002 said that it has no room for more (window 0).",
            "tcp.window_size_value == 0 && tcp.flags.reset == 0",
        ),
    ] {
        let file = faults.meet(what);
        let mut found = faults.diagnose(&file);
        // what waits for a full receiver is sent again, too
        found.retain(|finding| what != "zero_window" || finding["cause"] != "loss");
        let causes: Vec<_> = found.iter().map(|finding| &finding["cause"]).collect();
        let mut expected = numbers(&file, proof);
        expected.truncate(10);
        let first = found.first().unwrap_or(&Value::Null);
        let said = first["text"].as_str().unwrap_or_default();
        if causes != [cause] || !said.contains(text) || first["packets"] != json!(expected) {
            wrong.push(format!("{what}: {found:#?}, {expected:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn nothing_is_found_where_nothing_is_wrong() {
    let Some(faults) = Faults::new() else { return };
    let file = faults.meet("healthy");
    assert_eq!(faults.diagnose(&file), [] as [Value; 0]);
}

#[test]
fn dns_over_tcp_becomes_flows() {
    let Some(faults) = Faults::new() else { return };
    let file = faults.meet("dns_over_tcp");
    let found = faults.diagnose(&file);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!(
        (&found[0]["cause"], &found[0]["about"]),
        (&json!("dns"), &json!("unknown.test"))
    );
    let data = faults.home.path().join("data");
    let run = |words: &[&str]| {
        let run = overhear(faults.home.path()).args(words);
        run.arg("--data").arg(&data)
    };
    run(&["import"]).arg(&file).ok();
    let flows = run(&["export", "--format", "jsonl", "kind:dns"])
        .ok()
        .json_lines();
    let told: Vec<_> = flows
        .iter()
        .map(|flow| {
            (
                flow["url"].as_str().unwrap(),
                flow["path"].as_str().unwrap(),
                flow["state"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("dns:fine.test?type=A", "192.0.2.9", "complete"),
            ("dns:unknown.test?type=A", "", "failed"),
        ]
    );
    // a filter knows the same address
    let one = run(&["flows", "--json", "url:\"dns:fine.test?type\""])
        .ok()
        .json_lines();
    assert_eq!(one.len(), 1);
}
