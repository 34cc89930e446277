//! The process that captures: it ends with the program, begins again, and says what it may not.

use super::{Net, capturing, packets_when};
use crate::support::{
    Run, Server, folder, not_run, program::Setup, program::binary, server::response, system, until,
};
use std::{fs, path::Path};

/// The processes that capture for a program.
fn children(parent: u32) -> Vec<u32> {
    let all = fs::read_dir("/proc").unwrap();
    let numbers = all.filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok());
    let is_child = |number: &u32| {
        let status = fs::read_to_string(format!("/proc/{number}/status")).unwrap_or_default();
        let command = fs::read(format!("/proc/{number}/cmdline")).unwrap_or_default();
        status.contains(&format!("\nPPid:\t{parent}\n"))
            && String::from_utf8_lossy(&command).contains("\0packets\0")
    };
    numbers.filter(is_child).collect()
}

#[test]
fn the_process_that_captures_ends_with_the_program() {
    let Some(net) = Net::new() else { return };
    let data = folder();
    for kills in [true, false] {
        let setup = Setup::new().data(data.path());
        let mut program = setup.args(["--capture", &net.place()]).start();
        capturing(&program);
        let capturing = children(program.id());
        assert_eq!(capturing.len(), 1);
        match kills {
            true => program.kill(),
            false => drop(program.stop()),
        }
        until("the process that captures to end", || {
            let gone = !Path::new(&format!("/proc/{}", capturing[0])).exists();
            gone.then_some(())
        });
    }
}

/// Who ends a service asks each of its processes to end; the program ends this one, in order.
#[test]
fn the_process_that_captures_leaves_its_end_to_the_program() {
    let Some(net) = Net::new() else { return };
    let _servers = net.serve();
    let mut program = Setup::new().args(["--capture", &net.place()]).start();
    capturing(&program);
    let before = children(program.id());
    assert_eq!(before.len(), 1);
    for signal in ["-TERM", "-INT", "-HUP"] {
        Run::new("kill").args([signal, &before[0].to_string()]).ok();
    }
    net.script("flood").args([&net.client, "3"]).ok();
    let flow = program.api.flow_when("kind:udp port:7000", |flow| {
        flow["response"]["body_size"].as_u64() > Some(3 * 8192)
    });
    assert_eq!(children(program.id()), before);
    let said = program.said();
    assert!(!said.contains("broke off"), "{said}");
    assert_eq!(packets_when(&program, &flow, 6).len(), 6);
    program.stop();
    let gone = !Path::new(&format!("/proc/{}", before[0])).exists();
    assert!(gone, "it ends with the program");
}

#[test]
fn a_capture_that_breaks_off_begins_again() {
    let Some(net) = Net::new() else { return };
    let mut program = Setup::new().args(["--capture", &net.place()]).start();
    capturing(&program);
    let [first] = children(program.id())[..] else {
        panic!("one process captures");
    };
    Run::new("kill").args(["-9", &first.to_string()]).ok();
    until("it to be said", || {
        program
            .said()
            .contains("broke off, and begins again")
            .then_some(())
    });
    let again = until("another process", || {
        let capture = &program.api.get("/api/captures")["items"][0];
        let all = children(program.id());
        (capture["state"] == "running" && !all.is_empty() && !all.contains(&first)).then_some(all)
    });
    assert_eq!(again.len(), 1);
    program.stop();
}

#[test]
fn without_the_right_it_says_what_to_do_and_goes_on() {
    let Some(net) = Net::new() else { return };
    let home = folder();
    let origin = Server::answering(None, |_| response("200 OK", &[], "fine"));
    // root without the two rights that capturing needs
    let weak = home.path().join("weak");
    let program = binary().display();
    let script =
        format!("#!/bin/sh\nexec setpriv --bounding-set=-net_raw,-net_admin {program} \"$@\"\n");
    fs::write(&weak, script).unwrap();
    Run::new("chmod").arg("+x").arg(&weak).ok();
    let (run, _) = Setup::new()
        .args(["--capture", &net.place()])
        .binary(&weak)
        .command(home.path());
    let mut running = run.start();
    let said = until("the program to say it", || {
        let said = running.said_so_far();
        if said.contains("bounding") {
            return Some(said);
        }
        assert!(!running.ended(), "{said}");
        // what it says comes on two ways
        let all = ["/?token=", "setcap", "needs no right"];
        let proxy = said.lines().any(|line| line.starts_with("proxy"));
        (proxy && all.iter().all(|part| said.contains(part))).then_some(said)
    });
    if said.contains("bounding") {
        not_run(&format!("no rights can be taken away here: {said}"));
        return;
    }
    for word in [
        "cannot capture on lo: not allowed to capture on lo",
        "The proxy itself needs no right",
    ] {
        assert!(said.contains(word), "{word}: {said}");
    }
    // the right goes to a copy, never to the proxy
    let to = said.lines().filter(|line| line.contains("setcap"));
    let to: Vec<_> = to.filter_map(|line| line.split('/').next_back()).collect();
    assert_eq!(to, ["overhear-packets"], "{said}");
    let copies = said
        .lines()
        .any(|line| line.trim_start().starts_with("cp "));
    assert!(copies, "{said}");
    let line = said.lines().find(|line| line.starts_with("proxy")).unwrap();
    let proxy = line.split_whitespace().last().unwrap();
    let url = format!("http://127.0.0.1:{}/", origin.port());
    let fine = Run::new("curl").args(["--silent", "--noproxy", "", "--proxy", proxy, &url]);
    assert_eq!(fine.ok().text(), "fine");
    system::terminate(running.child());
    running.wait().ok();
}
