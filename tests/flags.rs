//! Promise: each of tcpdump's flags means in a live capture what it means to tcpdump, which captures beside it.

use crate::{
    alongside::Net,
    support::{Run, command::Running, program::binary, until},
};
use std::net::UdpSocket;

/// Captures with flags, and waits until packets are taken.
fn capture(program: Run, flags: &[&str], expression: &str) -> Running {
    let running = program.args(["-i", "lo", "-c", "4"]).args(flags);
    let running = running.arg(expression).start();
    until("the capture to begin", || {
        let said = running.said_so_far();
        said.contains("listening on").then_some(())
    });
    running
}

#[test]
fn the_flags_of_a_live_capture_are_tcpdumps() {
    let Some(net) = Net::new() else { return };
    let address = net
        .expression
        .trim_start_matches("net ")
        .replace(".0/24", ".7");
    let receiver = UdpSocket::bind((address.as_str(), 0)).unwrap();
    let sender = UdpSocket::bind((address.as_str(), 0)).unwrap();
    let port = receiver.local_addr().unwrap().port();
    let expression = format!("udp port {port} and host {address}");
    for flags in [
        ["-nt"].as_slice(),
        &["-nt", "-e"],
        &["-nt", "-x"],
        &["-nt", "-xx"],
        &["-nt", "-X"],
        &["-nt", "-XX"],
        &["-nt", "-A"],
        &["-nt", "-v"],
        &["-nt", "-vvv"],
        &["-nt", "-q"],
        &["-nt", "-K", "-v"],
        &["-nt", "-s", "50"],
        &["-nt", "-B", "4096"],
        &["-nt", "-U"],
        &["-nt", "-l"],
        &["-nt", "-p"],
        &["-nt", "-O"],
        &["-nt", "-Q", "in"],
        &["-nt", "-Q", "inout"],
        &["-nt", "-y", "EN10MB"],
        &["-nt", "--immediate-mode"],
        &["-nt", "--time-stamp-precision=nano"],
        &["-nt", "--number"],
    ] {
        let ours = capture(Run::new(binary()).arg("capture"), flags, &expression);
        let theirs = capture(Run::new("tcpdump"), flags, &expression);
        for number in 0..4 {
            let text = format!("packet {number} of {}", flags.join(" "));
            sender
                .send_to(text.as_bytes(), (address.as_str(), port))
                .unwrap();
        }
        let (ours, theirs) = (ours.wait().ok().text(), theirs.wait().ok().text());
        assert!(theirs.lines().count() >= 4, "{flags:?}: {theirs}");
        assert_eq!(ours, theirs, "{flags:?}");
    }
}

/// What cannot be done is refused, and with what tcpdump says of it.
#[test]
fn what_an_interface_cannot_do_is_refused() {
    let Some(_) = Net::new() else { return };
    for (flags, expected) in [
        (["-i", "lo", "-I"].as_slice(), "support monitor mode"),
        (&["-i", "lo", "-y", "IEEE802_11"], "IEEE802_11"),
        (&["-i", "nowhere0"], "nowhere0"),
    ] {
        for program in [Run::new(binary()).arg("capture"), Run::new("tcpdump")] {
            let run = program.args(flags).args(["-c", "1"]).run();
            assert!(!run.status.success(), "{flags:?}");
            assert!(run.err.contains(expected), "{flags:?}: {}", run.err);
        }
    }
}
