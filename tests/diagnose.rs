//! Promise: what goes wrong on a network is found in its packets, with those that prove it; and nothing is found where
//! nothing is wrong. The faults are real: two hosts, servers that misbehave, routes that lead nowhere.

mod faults;
mod resets;

use crate::{
    clients::interpreter,
    support::{
        Run, certs::TestCa, folder, not_run, program::Setup, program::overhear, repository, system,
        until,
    },
};
pub use faults::Faults;
use faults::{imported, numbers};
use serde_json::{Value, json};

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
            "closed_port",
            "unreachable",
            "Nobody listens on 192.0.2.2:9.",
            "icmp.type == 3",
        ),
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
            "192.0.2.2:9002 said that it has no room for more (window 0): ",
            "tcp.window_size_value == 0 && tcp.flags.reset == 0",
        ),
    ] {
        let file = faults.meet(what);
        let found = faults.diagnose(&file);
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

/// A host with a bridge, as those that run containers: what comes in at the cable comes in at the bridge, too.
#[test]
fn packets_that_are_captured_twice_are_no_fault() {
    let Some(faults) = Faults::new() else { return };
    let ip = |words: &[&str]| faults.island.run(1, "ip").args(words).run();
    let made = ip(&["link", "add", "bridge", "type", "bridge"]);
    if !made.status.success() {
        return not_run(&format!("no bridge: {}", made.err));
    }
    for words in [
        ["address", "del", "192.0.2.2/24", "dev", "eth0"].as_slice(),
        &["link", "set", "bridge", "up"],
        &["link", "set", "eth0", "master", "bridge"],
        &["address", "add", "192.0.2.2/24", "dev", "bridge"],
    ] {
        ip(words).ok();
    }
    let file = faults.meet_seen("seen_twice", 1, "any");
    let syns = numbers(&file, "tcp.flags.syn == 1 && tcp.flags.ack == 0");
    assert_eq!(syns.len(), 2, "each packet is in the capture twice");
    // the name that does not exist, once; nothing of the connection
    let found = faults.diagnose(&file);
    let causes: Vec<_> = found.iter().map(|finding| &finding["cause"]).collect();
    assert_eq!(causes, ["dns"], "{found:#?}");
    let flows = faults.flows(&file);
    let told: Vec<_> = flows
        .iter()
        .map(|flow| {
            (
                flow["kind"].as_str().unwrap(),
                &flow["state"],
                &flow["tags"],
            )
        })
        .collect();
    let (complete, failed) = (json!("complete"), json!("failed"));
    let mut expected = vec![
        ("tcp", &complete, &Value::Null),
        ("dns", &failed, &Value::Null),
    ];
    let none = json!([]);
    expected.iter_mut().for_each(|flow| flow.2 = &none);
    let mut told = told;
    told.sort_by_key(|flow| flow.0 == "dns");
    assert_eq!(told, expected);
}

/// A router says that packets are too large, and smaller ones are sent.
#[test]
fn path_mtu_discovery_that_works_is_no_fault() {
    let Some(faults) = Faults::new() else { return };
    let file = faults.meet("narrow_link");
    assert!(!numbers(&file, "icmp.type == 3 && icmp.code == 4").is_empty());
    assert_eq!(faults.diagnose(&file), [] as [Value; 0]);
    let flows = faults.flows(&file);
    let failed: Vec<_> = flows
        .iter()
        .filter(|flow| flow["state"] != "complete")
        .collect();
    assert!(failed.is_empty(), "{failed:#?}");
    let tcp = flows.iter().find(|flow| flow["kind"] == "tcp").unwrap();
    assert_eq!(tcp["tags"], json!([]));
}

/// A server that does not know the name warns of it (RFC 6066 section 3), and the handshake goes on.
#[test]
fn a_tls_warning_is_no_fault() {
    let Some(faults) = Faults::new() else { return };
    let identity = TestCa::new().identity();
    identity.write(faults.home.path(), "server");
    let path = |end: &str| faults.home.path().join(format!("server.{end}"));
    let server = faults.island.run(1, "openssl");
    let server = server.args([
        "s_server",
        "-accept",
        "4433",
        "-www",
        "-servername",
        "known.test",
    ]);
    let server = server
        .arg("-cert")
        .arg(path("pem"))
        .arg("-key")
        .arg(path("key"));
    let server = server
        .arg("-cert2")
        .arg(path("pem"))
        .arg("-key2")
        .arg(path("key"));
    let server = server.start();
    until("the server", || {
        server.out_so_far().contains("ACCEPT").then_some(())
    });
    let file = faults.meet("warned");
    let warnings = numbers(&file, "tls.alert_message.desc == 112");
    assert_eq!(warnings.len(), 1);
    assert_eq!(faults.diagnose(&file), [] as [Value; 0]);
    let flows = faults.flows(&file);
    let tls = flows.iter().find(|flow| flow["kind"] == "tls").unwrap();
    assert_eq!(tls["state"], "complete");
    let comment = tls["comment"].as_str().unwrap();
    assert!(
        comment.ends_with(
            "The server sent a warning: unrecognized_name (112). The handshake went on."
        ),
        "{comment}"
    );
}

#[test]
fn radios_that_send_again_are_told_each_for_itself() {
    let home = folder();
    let file = home.path().join("radios.pcap");
    let script = repository().join("tests/clients/radios.py");
    Run::new(interpreter()).arg(script).arg(&file).ok();
    let run = overhear(home.path()).arg("read").arg(&file);
    let found = run.args(["--diagnose", "--json"]).ok().json_lines();
    let told: Vec<_> = found
        .iter()
        .map(|finding| (&finding["cause"], finding["about"].as_str().unwrap()))
        .collect();
    let bad = "02:00:00:00:00:03 > 02:00:00:00:00:99";
    assert_eq!(told, [(&json!("wifi_retries"), bad)], "{found:#?}");
    let mut again = numbers(&file, "wlan.fc.retry == 1 && wlan.ta == 02:00:00:00:00:03");
    assert_eq!(found[0]["count"], again.len());
    again.truncate(10);
    assert_eq!(found[0]["packets"], json!(again));
    // its connection and its datagrams, and nobody else's, have the mark
    let marked = imported(home.path(), &file);
    let marked = marked
        .iter()
        .filter(|flow| flow["tags"] == json!(["wifi-retries"]));
    let mut marked: Vec<_> = marked
        .map(|flow| flow["client"].as_str().unwrap())
        .collect();
    marked.sort_unstable();
    assert_eq!(marked, ["10.0.0.3:4321", "10.0.0.3:5678"]);
}

/// An interface that hears radios, as one in monitor mode does.
#[test]
fn a_bad_radio_is_told_while_a_capture_goes_on() {
    if !cfg!(target_os = "linux") || !system::is_root() {
        return not_run("an interface of one's own needs Linux and root");
    }
    let air = format!("ohair{}", std::process::id());
    let script = repository().join("tests/clients/radios.py");
    let radios = Run::new(interpreter()).arg(script);
    let mut radios = radios.args(["--air", &air]).input_open().start();
    until("the interface", || {
        radios.out_so_far().contains("ready").then_some(())
    });
    let program = Setup::new().args(["--capture", &air]).start();
    until("the capture to run", || {
        let captures = program.api.get("/api/captures");
        captures.to_string().contains("\"running\"").then_some(())
    });
    radios.say("go on\n");
    // its connection is open, and has the mark already; nobody else's has
    let marked = program.api.flow_when("kind:tcp tag:wifi-retries", |_| true);
    assert_eq!(
        (&marked["client"], &marked["state"]),
        (&json!("10.0.0.3:4321"), &json!("running"))
    );
    until("the terminal to say it", || {
        let told = format!("Wi-Fi on {air}: ");
        let from = "data frames from 02:00:00:00:00:03 to 02:00:00:00:00:99 were sent again.";
        let said = program.said();
        let said = said.lines().filter(|line| line.contains(&told));
        let said: Vec<_> = said.collect();
        let right = said.iter().all(|line| line.contains(from));
        assert!(right, "{said:?}");
        (!said.is_empty()).then_some(())
    });
    assert_eq!(program.api.flows("tag:wifi-retries kind:tcp").len(), 1);
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
