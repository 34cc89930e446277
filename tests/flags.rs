//! Promise: each of tcpdump's flags means in a live capture what it means to tcpdump, which captures beside it.

use crate::{
    alongside::Net,
    support::{Run, command::Running, folder, program::binary, system, until},
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

/// A program that is held up: the system's buffer is full, and what comes then is lost.
#[test]
fn packets_that_are_lost_are_told_with_what_to_do() {
    let Some(net) = Net::new() else { return };
    let address = net.expression.trim_start_matches("net ");
    let address = address.replace(".0/24", ".8");
    let receiver = UdpSocket::bind((address.as_str(), 0)).unwrap();
    let target = receiver.local_addr().unwrap();
    let home = folder();
    let capture = Run::new(binary()).args(["capture", "-i", "lo", "-B", "64", "-w"]);
    let capture = capture.arg(home.path().join("some.pcap"));
    let capture = capture.arg(format!("udp port {}", target.port()));
    let mut running = capture.start();
    until("the capture to begin", || {
        let said = running.said_so_far();
        said.contains("listening on").then_some(())
    });
    let id = running.child().id().to_string();
    let signal = |name: &str| Run::new("kill").args([name, &id]).ok();
    signal("-STOP");
    for _ in 0..4000 {
        receiver.send_to(&[0; 1400], target).unwrap();
    }
    signal("-CONT");
    system::interrupt(running.child());
    let said = running.wait().ok().err;
    let dropped = said.lines().find_map(|line| {
        let count = line.strip_suffix(" packets dropped by kernel")?;
        count.trim().parse::<u64>().ok()
    });
    assert!(dropped.is_some_and(|dropped| dropped > 1000), "{said}");
    assert!(
        said.contains("raise the buffer with -B KIB (it was 64 KiB)"),
        "{said}"
    );
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
