//! Promise: `overhear capture` and `overhear read --print` do what tcpdump does: the same packets, the same lines, the same
//! files, the same numbers at the end; and say what to do where they cannot.

use crate::support::{
    Run, command::Running, folder, island::Island, not_run, program::binary, program::overhear,
    repository, system, until,
};
use std::{
    fs,
    path::{Path, PathBuf},
};

const FIRST: &[u8] = b"the-first-packet";
const LAST: &[u8] = b"the-last-packet";

/// The program on a host of an island.
fn capture(island: &Island, host: usize) -> Run {
    island.run(host, binary()).arg("capture")
}

fn traffic(island: &Island, host: usize, what: &str) -> Run {
    let script = repository().join("tests/clients/traffic.py");
    island.run(host, "python3").arg(script).arg(what)
}

/// The servers on the second host, once they serve.
fn servers(island: &Island) -> Running {
    let servers = traffic(island, 1, "serve").start();
    until("the servers", || {
        servers.out_so_far().contains("ready").then_some(())
    });
    servers
}

/// Waits until a capture has begun.
fn listening(running: &Running) {
    until("the capture to begin", || {
        running.said_so_far().contains("listening on").then_some(())
    });
}

fn contains(data: &[u8], text: &[u8]) -> bool {
    data.windows(text.len()).any(|window| window == text)
}

/// Waits until a file holds the last packet.
fn complete(file: &Path) {
    until(&format!("the last packet in {}", file.display()), || {
        let data = fs::read(file).unwrap_or_default();
        contains(&data, LAST).then_some(())
    });
}

/// The packets of a pcap file of this machine: what was captured, and the length on the wire.
fn packets(file: &[u8]) -> Vec<(Vec<u8>, u32)> {
    let word = |at: usize| u32::from_ne_bytes(file[at..at + 4].try_into().unwrap());
    assert_eq!(word(0), 0xa1b2_c3d4, "this is no pcap with microseconds");
    let mut packets = Vec::new();
    let mut at = 24;
    while at < file.len() {
        let length = word(at + 8) as usize;
        packets.push((file[at + 16..at + 16 + length].to_vec(), word(at + 12)));
        at += 16 + length;
    }
    packets
}

/// Those from the first packet of the traffic to the last: captures do not begin and end at the same moment.
fn between(file: &[u8]) -> Vec<(Vec<u8>, u32)> {
    let packets = packets(file);
    let place = |text| {
        packets
            .iter()
            .position(|(data, _)| contains(data, text))
            .unwrap()
    };
    packets[place(FIRST)..=place(LAST)].to_vec()
}

fn tcpdump(file: &Path, flags: &[&str]) -> String {
    let run = Run::new("tcpdump")
        .args(["-Z", "root", "-r"])
        .arg(file)
        .args(flags);
    run.ok().text()
}

/// Whether this machine has the tcpdump whose lines are compared: other versions print some packets otherwise.
pub fn comparable() -> bool {
    let version = Run::new("tcpdump").arg("--version").run();
    let version = version.text() + &version.err;
    let same = cfg!(target_os = "linux") && version.contains("tcpdump version 4.99.3");
    if !same {
        not_run("the lines and files are compared with those of tcpdump 4.99.3 on Linux");
    }
    same
}

#[test]
fn the_packets_are_those_of_tcpdump() {
    let Some(island) = Island::new() else { return };
    let _servers = servers(&island);
    let folder = folder();
    let file = |name: &str| folder.path().join(name);
    let own = |name: &str| {
        capture(&island, 0)
            .args(["-i", "eth0", "-U", "-w"])
            .arg(file(name))
            .start()
    };
    let mut captures = vec![own("own.pcap"), own("own.pcapng")];
    let tcpdump = island
        .run(0, "tcpdump")
        .args(["-Z", "root", "-i", "eth0", "-U", "-w"]);
    captures.push(tcpdump.arg(file("tcpdump.pcap")).start());
    let mut piped = capture(&island, 0)
        .args(["-i", "eth0", "-w", "-", "udp port 9"])
        .start();
    for running in captures.iter().chain([&piped]) {
        listening(running);
    }
    traffic(&island, 0, "talk").ok();
    for name in ["own.pcap", "own.pcapng", "tcpdump.pcap"] {
        complete(&file(name));
    }
    until("the last packet in the pipe", || {
        piped.out_so_far().contains("the-last-packet").then_some(())
    });
    system::interrupt(piped.child());
    let piped = packets(&piped.wait().ok().out);
    assert_eq!(piped.len(), 2, "two packets go to port 9");
    for mut running in captures {
        system::interrupt(running.child());
        let ended = running.wait().ok();
        for word in [
            "captured",
            "received by filter",
            "0 packets dropped by kernel",
        ] {
            assert!(ended.err.contains(word), "{word}: {}", ended.err);
        }
        assert!(!ended.err.contains("-B"), "nothing was lost: {}", ended.err);
    }
    let expected = between(&fs::read(file("tcpdump.pcap")).unwrap());
    assert!(expected.len() > 50, "{} packets", expected.len());
    assert_eq!(between(&fs::read(file("own.pcap")).unwrap()), expected);
    // the newer format, read by ourselves and by others
    let converted = file("converted.pcap");
    let read = overhear(folder.path())
        .arg("capture")
        .arg("-r")
        .arg(file("own.pcapng"));
    read.arg("-w").arg(&converted).ok();
    let converted = fs::read(converted).unwrap();
    assert_eq!(between(&converted), expected);
    let tshark = Run::new("tshark")
        .args(["-n", "-r"])
        .arg(file("own.pcapng"));
    let fields = tshark
        .args([
            "-T",
            "fields",
            "-e",
            "frame.len",
            "-e",
            "frame.interface_name",
        ])
        .ok()
        .text();
    let lengths: Vec<String> = packets(&converted)
        .iter()
        .map(|(_, l)| format!("{l}\teth0"))
        .collect();
    assert_eq!(fields.lines().collect::<Vec<_>>(), lengths);
}

#[test]
fn the_lines_are_those_of_tcpdump() {
    if !comparable() {
        return;
    }
    let Some(island) = Island::new() else { return };
    let _servers = servers(&island);
    let folder = folder();
    let live = folder.path().join("live.pcap");
    let mut running = capture(&island, 0)
        .args(["-i", "any", "-U", "-w"])
        .arg(&live)
        .start();
    let printing = capture(&island, 0)
        .args(["-i", "eth0", "-nt", "udp port 9"])
        .start();
    listening(&running);
    listening(&printing);
    traffic(&island, 0, "talk").ok();
    complete(&live);
    system::interrupt(running.child());
    running.wait().ok();
    // live, line by line, into a pipe
    until("two lines", || {
        (printing.out_so_far().lines().count() == 2).then_some(())
    });
    let lines = printing.out_so_far();
    assert!(
        lines.lines().all(|line| line.starts_with("IP 192.0.2.1.")
            && line.contains(" > 192.0.2.2.9: UDP, length 1")),
        "{lines}"
    );
    drop(printing);
    let script = repository().join("tests/clients/packets.py");
    Run::new("python3").arg(script).arg(folder.path()).ok();
    let files = [
        "live", "network", "cut", "ethernet", "cooked", "cooked2", "loopback",
    ];
    let all = [
        &["-n"][..],
        &["-nt"],
        &["-ntt"],
        &["-nttt"],
        &["-ntttt"],
        &["-nttttt"],
        &["-ne"],
        &["-nv"],
        &["-nvv"],
        &["-nvvv"],
        &["-nvK"],
        &["-nS"],
        &["-nq"],
        &["-neq"],
        &["-nevvv"],
        &["-nx"],
        &["-nxx"],
        &["-nX"],
        &["-nXX"],
        &["-nA"],
        &["-nAA"],
        &["-n", "--time-stamp-precision=nano"],
        &["-n#"],
        &["-n", "-c", "3"],
    ];
    for name in files {
        let file = folder.path().join(name).with_extension("pcap");
        for flags in all {
            let same = compare_lines(&file, flags);
            let read = overhear(folder.path())
                .arg("capture")
                .arg("-r")
                .arg(&file)
                .args(flags);
            assert_eq!(read.ok().text(), same, "{name} {flags:?}");
        }
    }
}

/// Asserts that the lines of `overhear read --print` are those of tcpdump, and gives them.
pub fn compare_lines(file: &Path, flags: &[&str]) -> String {
    let expected = tcpdump(file, flags);
    let read = overhear(file.parent().unwrap())
        .arg("read")
        .arg(file)
        .arg("--print")
        // -c is the console of tcpflow there
        .args(flags.iter().map(|f| if *f == "-c" { "--count" } else { f }));
    let lines = read.ok().text();
    let name = file.file_name().unwrap().display();
    for (line, (ours, theirs)) in lines.lines().zip(expected.lines()).enumerate() {
        assert_eq!(ours, theirs, "{name} {flags:?}, line {}", line + 1);
    }
    assert_eq!(
        lines.lines().count(),
        expected.lines().count(),
        "{name} {flags:?}"
    );
    lines
}

#[test]
fn what_cannot_be_written_is_named() {
    if !Path::new("/dev/full").exists() {
        return not_run("there is no /dev/full");
    }
    let folder = folder();
    let script = repository().join("tests/clients/packets.py");
    Run::new("python3").arg(script).arg(folder.path()).ok();
    let file = folder.path().join("network.pcap");
    for command in [
        &["capture", "-r"][..],
        &["capture", "-w", "-", "-r"],
        &["read", "--print"],
        &["read"],
    ] {
        let program = Run::new("sh").args(["-c", "exec \"$@\" > /dev/full", "sh"]);
        let program = program.arg(binary()).args(command).arg(&file);
        let failed = program.run().exits(1);
        assert!(
            failed
                .err
                .contains("cannot write to standard output: No space"),
            "{}",
            failed.err
        );
    }
    let written = overhear(folder.path()).args(["capture", "-w", "/dev/full", "-r"]);
    let failed = written.arg(&file).run().exits(1);
    assert!(
        failed.err.contains("cannot write /dev/full: No space"),
        "{}",
        failed.err
    );
}

#[test]
fn expressions_choose_what_they_choose_for_tcpdump() {
    if !comparable() {
        return;
    }
    let folder = folder();
    let script = repository().join("tests/clients/packets.py");
    Run::new("python3").arg(script).arg(folder.path()).ok();
    for name in ["network", "ethernet", "cooked"] {
        let file = folder.path().join(name).with_extension("pcap");
        for expression in [
            "udp port 53",
            "icmp or icmp6",
            "tcp[tcpflags] & (tcp-syn|tcp-fin) != 0",
            "ip[8] < 10",
            "greater 60 and not arp",
            "src host 10.0.0.1 and dst port 80",
            "ip6 proto 58",
        ] {
            let expected = tcpdump(&file, &["-nt", expression]);
            let read = overhear(folder.path()).arg("read").arg(&file);
            // in one word or in several
            let words = expression.split(' ');
            assert_eq!(
                read.args(["--print", "-nt"]).args(words).ok().text(),
                expected,
                "{name}: {expression}"
            );
            // the same packets, whatever is to be seen of them
            let read = overhear(folder.path()).arg("read").arg(&file);
            let summary = read.args(["--json", expression]).ok().json();
            let packets = expected
                .lines()
                .filter(|line| !line.starts_with('\t'))
                .count();
            assert_eq!(summary["packets"], packets, "{name}: {expression}");
        }
        let read = overhear(folder.path())
            .arg("read")
            .arg(&file)
            .args(["--print", "port port"]);
        let wrong = read.run().exits(2);
        assert!(
            wrong.err.contains("port port") && wrong.err.contains("cannot be read"),
            "{}",
            wrong.err
        );
    }
}

#[test]
fn files_rotate_as_those_of_tcpdump() {
    if !comparable() {
        return;
    }
    let folder = folder();
    let script = repository().join("tests/clients/packets.py");
    Run::new("python3").arg(script).arg(folder.path()).ok();
    // the second says that it kept at most 65535 bytes of each packet
    let (large, cut) = ("large.pcap", "cut.pcap");
    for (name, flags) in [
        (large, &["-C", "1"][..]),
        (large, &["-C", "1", "-W", "2"]),
        (large, &["-C", "1", "-W", "11"]),
        (large, &[]),
        (cut, &[]),
    ] {
        let file = folder.path().join(name);
        let files = |program: Run, name: &str| {
            let into = folder.path().join(name);
            fs::create_dir(&into).unwrap();
            program
                .arg("-r")
                .arg(&file)
                .arg("-w")
                .arg(into.join("x"))
                .args(flags)
                .ok();
            let mut files: Vec<(PathBuf, Vec<u8>)> = fs::read_dir(&into)
                .unwrap()
                .map(|entry| entry.unwrap().path())
                .map(|path| (path.file_name().unwrap().into(), fs::read(&path).unwrap()))
                .collect();
            files.sort();
            fs::remove_dir_all(&into).unwrap();
            files
        };
        let expected = files(Run::new("tcpdump").args(["-Z", "root"]), "theirs");
        let ours = files(overhear(folder.path()).arg("capture"), "ours");
        let names = |files: &[(PathBuf, Vec<u8>)]| -> Vec<(String, usize)> {
            files
                .iter()
                .map(|(name, data)| (name.display().to_string(), data.len()))
                .collect()
        };
        assert_eq!(names(&ours), names(&expected), "{name} {flags:?}");
        assert!(
            ours == expected,
            "{name} {flags:?}: the files have the same names but other bytes"
        );
    }
}

#[test]
fn a_capture_ends_at_its_limits() {
    let Some(island) = Island::new() else { return };
    let folder = folder();
    let _ticking = traffic(&island, 0, "tick").start();
    let on = |args: &[&str]| capture(&island, 0).args(["-i", "eth0", "-n"]).args(args);
    let file = folder.path().join("some.pcap");
    let name = file.to_str().unwrap();
    assert_eq!(on(&["-c", "3", "udp"]).ok().text().lines().count(), 3);
    on(&["-w", name, "-c", "4", "udp"]).ok();
    assert_eq!(packets(&fs::read(&file).unwrap()).len(), 4);
    let ended = on(&["-w", name, "--for", "500ms"]).ok();
    assert!(ended.err.contains("captured"), "{}", ended.err);
    on(&["-w", name, "--max-size", "2kB", "udp"]).ok();
    let size = fs::metadata(&file).unwrap().len();
    assert!((2000..2100).contains(&size), "{size} bytes");
    // a snapshot length, shorter than the packets
    on(&["-w", name, "-s", "20", "-c", "2", "udp"]).ok();
    for (data, original) in packets(&fs::read(&file).unwrap()) {
        assert_eq!((data.len(), original), (20, 46));
    }
    // by time: two files, named by the clock
    let pattern = folder.path().join("at-%s.pcap");
    on(&["-w", pattern.to_str().unwrap(), "-G", "1", "-W", "2", "udp"]).ok();
    let entries = fs::read_dir(folder.path())
        .unwrap()
        .map(|e| e.unwrap().file_name());
    let stamped = |name: &std::ffi::OsString| {
        let name = name.to_str().unwrap();
        let stamp = name
            .strip_prefix("at-")
            .and_then(|name| name.strip_suffix(".pcap"));
        stamp.is_some_and(|stamp| stamp.parse::<u64>().is_ok())
    };
    assert_eq!(entries.filter(stamped).count(), 2);
    // one way only
    let text = on(&["-t", "-c", "2", "-Q", "out", "udp"]).ok().text();
    assert!(
        text.lines().all(|line| line.contains("192.0.2.1.")),
        "{text}"
    );
    // an interface by its number, and the lists
    let list = island
        .run(0, "tcpdump")
        .args(["-Z", "root", "-D"])
        .ok()
        .text();
    assert_eq!(capture(&island, 0).arg("-D").ok().text(), list);
    let number = list.lines().find(|line| line.contains(".eth0 ")).unwrap();
    let number = number.split('.').next().unwrap();
    let one = capture(&island, 0)
        .args(["-i", number, "-c", "1", "-nt", "udp"])
        .ok()
        .text();
    assert!(one.contains("192.0.2.2.9: UDP, length 4"), "{one}");
    let types = on(&["-L"]).ok().text();
    assert!(types.contains("  EN10MB (Ethernet)"), "{types}");
}

#[test]
fn a_signal_asks_how_far_it_is() {
    let Some(island) = Island::new() else { return };
    let mut running = capture(&island, 0).args(["-i", "lo", "-n"]).start();
    listening(&running);
    for _ in 0..2 {
        let before = running.said_so_far().matches("received by filter").count();
        system::ask(running.child());
        until("an answer", || {
            (running.said_so_far().matches("received by filter").count() > before).then_some(())
        });
        assert!(!running.ended());
    }
    system::terminate(running.child());
    let ended = running.wait().ok();
    assert_eq!(
        ended.err.matches("received by filter").count(),
        3,
        "{}",
        ended.err
    );
    assert!(
        ended.err.contains("\n0 packets dropped by kernel"),
        "{}",
        ended.err
    );
}

#[test]
fn what_cannot_be_captured_is_told_with_what_to_do() {
    let folder = folder();
    let own = || overhear(folder.path()).arg("capture");
    let missing = own()
        .env("OVERHEAR_LIBPCAP", "/nowhere/libpcap.so")
        .args(["-i", "lo"])
        .run()
        .exits(1);
    for word in ["libpcap is not installed", "/nowhere/libpcap.so", "install"] {
        assert!(missing.err.contains(word), "{word}: {}", missing.err);
    }
    // what needs no libpcap works without
    let script = repository().join("tests/clients/packets.py");
    Run::new("python3").arg(script).arg(folder.path()).ok();
    let file = folder.path().join("network.pcap");
    let read = || {
        overhear(folder.path())
            .arg("read")
            .arg(&file)
            .args(["--print", "-nt"])
    };
    let with = read().ok().text();
    let without = read()
        .env("OVERHEAR_LIBPCAP", "/nowhere/libpcap.so")
        .ok()
        .text();
    assert_eq!(with, without);

    let nowhere = own().args(["-i", "nowhere0"]).run().exits(1);
    assert!(nowhere.err.contains("nowhere0"), "{}", nowhere.err);
    let both = own()
        .arg("-r")
        .arg(&file)
        .args(["-w", "-", "--print"])
        .run()
        .exits(2);
    assert!(both.err.contains("standard output"), "{}", both.err);
    for wrong in [
        &["-c", "0"][..],
        &["-G", "5"],
        &["--for", "never"],
        &["-Q", "up"],
    ] {
        own().args(wrong).run().exits(2);
    }

    let Some(island) = Island::new() else { return };
    let wrong = capture(&island, 0)
        .args(["-i", "lo", "port", "port"])
        .run()
        .exits(2);
    assert!(
        wrong.err.contains("syntax error") && wrong.err.contains("port port"),
        "{}",
        wrong.err
    );
    let file = folder.path().join("not/there.pcap");
    let unwritable = capture(&island, 0)
        .args(["-i", "lo", "-w"])
        .arg(&file)
        .run()
        .exits(1);
    assert!(
        unwritable.err.contains("not/there.pcap"),
        "{}",
        unwritable.err
    );
    // root without the two rights that capturing needs
    let drop = "--bounding-set=-net_raw,-net_admin";
    let weak = island
        .run(0, "setpriv")
        .arg(drop)
        .arg(binary())
        .args(["capture", "-i", "lo"])
        .run();
    if weak.err.contains("bounding") {
        not_run(&format!("no rights can be taken away here: {}", weak.err));
        return;
    }
    let weak = weak.exits(1);
    for word in [
        "not allowed to capture on lo",
        "sudo setcap cap_net_raw,cap_net_admin+eip",
        "overhear",
    ] {
        assert!(weak.err.contains(word), "{word}: {}", weak.err);
    }
}
