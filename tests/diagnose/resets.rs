//! Resets, answers that get lost and large segments that do: each with what it is, who did it, and its proof. The peers are
//! real systems, or, where no system does it on purpose, segments that are made by hand beside one.

use super::faults::{Faults, numbers, script};
use crate::support::{certs::TestCa, program::overhear, until};
use serde_json::{Value, json};
use std::path::Path;

/// Finds exactly this, with the packets that tshark's filter finds.
fn assert_found(found: &[Value], file: &Path, cause: &str, text: &str, proof: &str) {
    let [one] = found else {
        panic!("one finding was expected: {found:#?}");
    };
    assert_eq!(
        (&one["cause"], one["text"].as_str()),
        (&json!(cause), Some(text))
    );
    let mut expected = numbers(file, proof);
    assert_eq!(one["count"], expected.len(), "{one:#?}");
    expected.truncate(10);
    assert!(!expected.is_empty());
    assert_eq!(one["packets"], json!(expected), "{one:#?}");
    assert!(
        one["means"]
            .as_str()
            .is_some_and(|means| means.contains("ook ") || means.contains("Usually harmless")),
        "{one:#?}"
    );
}

const RST: &str = "tcp.flags.reset == 1";

#[test]
fn a_reset_is_told_by_what_came_before_it() {
    let Some(faults) = Faults::new() else { return };
    for (what, cause, text, proof) in [
        // RFC 9293 section 3.10.7.3: a RST that does not acknowledge the SYN is no answer to it
        (
            "ignored_reset",
            "reset",
            "192.0.2.3:9101 (the server) reset the connection in the middle.",
            "tcp.flags.reset == 1 && tcp.seq_raw == 501",
        ),
        (
            "filtered",
            "reset",
            "192.0.2.3:9102 (the server) reset the connection right after the ClientHello for blocked.test. Its TTL is 57, that of \
             all before it from there 64: something on the way may have sent it.",
            "tcp.payload[0:2] == 16:03 || tcp.flags.reset == 1",
        ),
        (
            "hello_reset",
            "reset",
            "192.0.2.2:9001 (the server) reset the connection right after the ClientHello for no-tls.test.",
            "tcp.payload[0:2] == 16:03 || tcp.flags.reset == 1",
        ),
        (
            "stale",
            "reset",
            "192.0.2.3:9103 answered the SYN as a part of another, older connection, which 192.0.2.1:50003 then reset.",
            "tcp.port == 9103 && tcp.flags.syn == 0",
        ),
        (
            "gave_up",
            "no_answer",
            "192.0.2.1:50004 gave up with a RST before 192.0.2.3:9104 had answered.",
            "tcp.port == 9104",
        ),
        (
            "looked",
            "reset",
            "192.0.2.1:50005 (the client) reset the connection as soon as it stood: nothing was said.",
            RST,
        ),
        (
            "whole",
            "reset",
            "192.0.2.1:50006 (the client) reset the connection when every message had been said to its end.",
            RST,
        ),
    ] {
        let file = faults.meet(what);
        assert_found(&faults.diagnose(&file), &file, cause, text, proof);
        let flows = faults.flows(&file);
        let expected = if what == "whole" {
            "complete"
        } else {
            "failed"
        };
        let states: Vec<_> = flows.iter().map(|flow| &flow["state"]).collect();
        // who is reset before it is answered asks again, which is a connection of its own
        let count = if what == "stale" { 2 } else { 1 };
        assert_eq!(states, vec![expected; count], "{what}: {flows:#?}");
        // a connection that stood was not refused
        let error = flows[0]["error"]["cause"].as_str().unwrap_or_default();
        assert_ne!(error, "refused", "{what}");
    }
}

/// What OpenSSL says last, and then a RST without FIN: as browsers end their connections. Without a key log TLS 1.3 shows only how long
/// that is.
#[test]
fn a_reset_after_tls_was_ended_in_order_is_no_fault() {
    let Some(faults) = Faults::new() else { return };
    TestCa::new().identity().write(faults.home.path(), "server");
    let path = |end: &str| faults.home.path().join(format!("server.{end}"));
    let server = faults.island.run(1, "python3").arg(script()).arg("tls");
    let server = server.arg(path("pem")).arg(path("key")).start();
    until("the server", || {
        server.out_so_far().contains("ready").then_some(())
    });
    for what in ["closes_12", "closes_13"] {
        let file = faults.meet(what);
        let last = numbers(&file, RST);
        assert_eq!(last.len(), 1, "{what}: {last:?}");
        assert_eq!(
            numbers(&file, "tcp.flags.fin == 1"),
            [] as [u64; 0],
            "{what}"
        );
        let none: [Value; 0] = [];
        assert_eq!(faults.diagnose(&file), none, "{what}");
        let keys = faults.keys();
        let read = overhear(faults.home.path()).arg("read").arg(&file);
        let read = read.args(["--diagnose", "--json", "--keylog"]).arg(&keys);
        assert_eq!(read.ok().json_lines(), none, "{what}, decrypted");
        let flows = faults.flows(&file);
        let told: Vec<_> = flows
            .iter()
            .map(|flow| (&flow["kind"], &flow["state"]))
            .collect();
        assert_eq!(told, [(&json!("tls"), &json!("complete"))], "{flows:#?}");
    }
    // without it, and after messages as short as it is
    let client = " (the client) reset the connection in the middle.";
    for what in ["breaks_12", "breaks_13", "short_words"] {
        let file = faults.meet(what);
        let found = faults.diagnose(&file);
        let text = found.first().and_then(|one| one["text"].as_str());
        let text = text.unwrap_or_default().to_owned();
        assert!(text.ends_with(client), "{what}: {found:#?}");
        assert_found(&found, &file, "reset", &text, RST);
        assert_eq!(faults.flows(&file)[0]["state"], "failed", "{what}");
    }
    // where it is a refusal: one that can be read, and one that cannot
    let file = faults.meet("refuses");
    let found = faults.diagnose(&file);
    let causes: Vec<_> = found.iter().map(|one| &one["cause"]).collect();
    assert_eq!(causes, ["tls_alert", "reset"], "{found:#?}");
    let file = faults.meet("wants_certificate");
    let text = "192.0.2.2:9202 (the server) reset the connection in the middle.";
    let sent = "tcp.flags.reset == 1 && ip.src == 192.0.2.2";
    assert_found(&faults.diagnose(&file), &file, "reset", text, sent);
}

/// A filter that drops what has a name, and says nothing.
#[test]
fn a_client_hello_that_is_swallowed_is_told() {
    let Some(faults) = Faults::new() else { return };
    let file = faults.meet("swallowed");
    let sent = "tcp.payload[0:2] == 16:03";
    let count = numbers(&file, sent).len();
    assert!(count > 2, "{count}");
    let text = format!(
        "192.0.2.3:9105 answered nothing to the ClientHello for dropped.test: {} segments were sent again in vain.",
        count - 1
    );
    assert_found(&faults.diagnose(&file), &file, "no_answer", &text, sent);
}

/// A capture that began beside a running connection.
#[test]
fn who_reset_is_known_without_the_syn() {
    let Some(faults) = Faults::new() else { return };
    let file = faults.meet_backwards("reset");
    let found = faults.diagnose_some(&file, &["tcp[tcpflags]", "&", "tcp-syn", "=", "0"]);
    let text = "192.0.2.1:9001 (the server) reset the connection in the middle.";
    assert_found(&found, &file, "reset", text, RST);
    let about = found[0]["about"].as_str().unwrap();
    assert!(
        about.starts_with("192.0.2.2:") && about.ends_with(" > 192.0.2.1:9001"),
        "{about}"
    );
    // of two ports that clients have nothing is known
    let file = faults.meet_backwards("reset_between_peers");
    let found = faults.diagnose_some(&file, &["tcp[tcpflags]", "&", "tcp-syn", "=", "0"]);
    let text = "192.0.2.1:50001 (client or server: the capture does not show who opened the connection) reset the connection in the \
                middle.";
    assert_found(&found, &file, "reset", text, RST);
    assert_eq!(found[0]["about"], "192.0.2.1:50001 <-> 192.0.2.2:50009");
    // and with the SYN all
    let found = faults.diagnose(&file);
    let text = "192.0.2.1:50001 (the server) reset the connection in the middle.";
    assert_found(&found, &file, "reset", text, RST);
}

#[test]
fn an_answer_that_never_gets_back_is_told() {
    let Some(faults) = Faults::new() else { return };
    let file = faults.meet("lost_answer");
    let found = faults.diagnose(&file);
    let count = numbers(&file, "tcp.flags.syn == 1 && tcp.flags.ack == 1").len();
    assert!(count > 1);
    let text = format!(
        "192.0.2.2:9000 answered the SYN {count} times, and 192.0.2.4:50007 never acknowledged that."
    );
    assert_found(&found, &file, "answer_lost", &text, "tcp.port == 50007");
    let flows = faults.flows(&file);
    let tcp = flows.iter().find(|flow| flow["kind"] == "tcp").unwrap();
    let (state, cause) = (&tcp["state"], &tcp["error"]["cause"]);
    assert_eq!(
        (state, cause),
        (&json!("failed"), &json!("timeout")),
        "{tcp:#?}"
    );
}

/// The second host takes 600 bytes, says nothing of it, and asks for segments of 1460.
#[test]
fn large_segments_that_vanish_are_told() {
    let Some(faults) = Faults::new() else { return };
    for words in [
        ["link", "set", "eth0", "mtu", "600"].as_slice(),
        &[
            "route",
            "replace",
            "192.0.2.0/24",
            "dev",
            "eth0",
            "src",
            "192.0.2.2",
            "advmss",
            "1460",
        ],
    ] {
        faults.island.run(1, "ip").args(words).ok();
    }
    let file = faults.meet("large");
    let found = faults.diagnose(&file);
    let sent = "tcp.len == 1400 && ip.src == 192.0.2.1";
    let count = numbers(&file, sent).len();
    assert!(count >= 3, "{count}");
    let [one] = found.as_slice() else {
        panic!("{found:#?}");
    };
    let text = one["text"].as_str().unwrap();
    let expected = format!(
        " was sent {count} times and never arrived, while smaller packets did; no ICMP error said why."
    );
    assert!(
        text.starts_with("A segment of 1400 bytes from 192.0.2.1:") && text.ends_with(&expected),
        "{text}"
    );
    assert_found(&found, &file, "black_hole", text, sent);
    assert!(one["means"].as_str().unwrap().contains("MTU"));
}
