//! Promise: what is in a capture file is told as tcpdump, tshark, tcpflow and tcptrace tell it.

use crate::clients::interpreter;
use crate::support::{
    Run,
    command::Running,
    not_run,
    program::{binary, overhear},
    repository, system, until,
};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};
use tempfile::TempDir;

#[test]
fn connections_over_a_bad_line() {
    let Some(capture) = Capture::of_a_bad_line() else {
        return;
    };
    let file = capture.file();

    // Packets: as many as tcpdump counts.
    let packets = Run::new("tcpdump")
        .arg("-nr")
        .arg(&file)
        .ok()
        .text()
        .lines()
        .count();
    let summary = read(&file, &["--json"]).ok().json();
    assert_eq!(summary["packets"], packets);
    assert_eq!(summary["damage"], Value::Null);

    // Streams: what was sent and received, and the files that tcpflow writes.
    let (ours, theirs) = (capture.folder("ours"), capture.folder("theirs"));
    read(&file, &["--streams"]).arg(&ours).ok();
    tcpflow(&file).arg("-o").arg(&theirs).ok();
    assert_eq!(streams(&ours), streams(&theirs));
    let mut connections = 0;
    for (name, bytes) in streams(&capture.folder("talk")) {
        let (direction, port) = name.split_once('-').unwrap();
        let name = match direction {
            "sent" => format!("010.099.000.001.{port:0>5}-010.099.000.002.09000"),
            _ => format!("010.099.000.002.09000-010.099.000.001.{port:0>5}"),
        };
        assert_eq!(fs::read(ours.join(&name)).unwrap(), bytes, "{name}");
        connections += 1;
    }
    assert_eq!(connections, 2 * CONNECTIONS);
    assert_eq!(
        read(&file, &["-c"]).ok().out,
        tcpflow(&file).arg("-c").ok().out
    );

    // And what tshark puts together.
    let followed = Run::new("tshark")
        .args(["-q", "-z", "follow,tcp,raw,0", "-r"])
        .arg(&file)
        .ok();
    let told = read(&file, &["--connections", "--json"]).ok().json_lines();
    assert_eq!(told.len(), CONNECTIONS);
    let first = &told[0];
    let bytes = |side: &str| first[side]["unique_bytes"].as_u64().unwrap();
    let hex: usize = followed
        .text()
        .lines()
        .map(|line| line.trim())
        .filter(|line| !line.is_empty() && line.bytes().all(|byte| byte.is_ascii_hexdigit()))
        .map(|line| line.len() / 2)
        .sum();
    assert_eq!(hex as u64, bytes("a") + bytes("b"));

    // Counts: those of tcptrace. The line was bad enough for them to mean something.
    compare_with_tcptrace(&file, &told);
    let sum = |name: &str| {
        let both = told.iter().flat_map(|one| [&one["a"], &one["b"]]);
        both.map(|side| side[name].as_u64().unwrap()).sum::<u64>()
    };
    assert!(sum("retransmitted_packets") > 0 && sum("out_of_order_packets") > 0);
    assert!(sum("duplicate_acks") > 0 && sum("sack_packets") > 0);

    // Diagnosis: that it is bad, proven by segments that tshark, too, takes for sent again.
    let found = read(&file, &["--diagnose", "--json"]).ok().json_lines();
    let losses: Vec<_> = found
        .iter()
        .filter(|finding| finding["cause"] == "loss")
        .collect();
    assert!(!losses.is_empty(), "{found:#?}");
    let again = "tcp.analysis.retransmission || tcp.analysis.out_of_order";
    let seen = Run::new("tshark").args(["-Y", again, "-T", "fields", "-e", "frame.number", "-r"]);
    let seen = seen.arg(&file).ok().text();
    let seen: Vec<u64> = seen.lines().map(|line| line.parse().unwrap()).collect();
    for loss in losses {
        let packets = loss["packets"].as_array().unwrap();
        let known = packets
            .iter()
            .filter(|packet| seen.contains(&packet.as_u64().unwrap()));
        assert!(known.count() * 10 >= packets.len() * 8, "{loss}");
    }
}

#[test]
fn every_sort_of_header() {
    let folder = tempfile::tempdir().unwrap();
    let python = interpreter();
    let script = repository().join("tests/clients/odd_packets.py");
    let files = Run::new(python).arg(script).arg(folder.path()).ok().text();
    let mut names = 0;
    for name in files.lines() {
        names += 1;
        let file = folder.path().join(name);
        let packets = Run::new("tshark")
            .args(["-T", "fields", "-e", "tcp.payload", "-r"])
            .arg(&file);
        let seen = packets.ok().text();
        let summary = read(&file, &["--json"]).ok().json();
        assert_eq!(summary["packets"], seen.lines().count(), "{name}");
        // Both sides of the conversation, whatever stood before them.
        let said = folder.path().join(format!("{name}.said"));
        read(&file, &["--streams"]).arg(&said).ok();
        let (up, down) = (
            "what is the time?\n".repeat(50),
            "half past nine\n".repeat(60),
        );
        let streams = streams(&said);
        let lengths: Vec<_> = streams.values().map(Vec::len).collect();
        assert_eq!(
            lengths,
            [up.len(), down.len()],
            "{name}: {:?}",
            streams.keys()
        );
        let both: Vec<_> = streams.into_values().collect();
        assert!(
            both[0] == up.as_bytes() && both[1] == down.as_bytes(),
            "{name}"
        );
    }
    assert_eq!(names, 21);
    let tags = folder.path().join("qinq.pcap.said");
    assert!(
        tags.join("010.000.000.001.01234-010.000.000.002.04321--7")
            .exists()
    );
    // The hierarchy has them in their order.
    let hierarchy = read(&folder.path().join("qinq.pcap"), &["--hierarchy", "--json"])
        .ok()
        .json();
    let mut path = Vec::new();
    let mut level = &hierarchy;
    while let Some(node) = level.get(0) {
        assert_eq!(
            node["packets"].as_u64(),
            Some(if path.len() < 5 { 9 } else { 3 })
        );
        path.push(node["protocol"].as_str().unwrap());
        level = &node["inside"];
    }
    assert_eq!(path, ["eth", "vlan", "vlan", "ip", "tcp"]);
}

#[test]
fn a_file_is_read_as_far_as_it_goes() {
    let folder = tempfile::tempdir().unwrap();
    let python = interpreter();
    let script = repository().join("tests/clients/odd_packets.py");
    Run::new(python).arg(script).arg(folder.path()).ok();
    let whole = fs::read(folder.path().join("ethernet.pcap")).unwrap();

    // In gzip, and from standard input: the same.
    let expected = read(
        &folder.path().join("ethernet.pcap"),
        &["--conversations", "--json"],
    )
    .ok()
    .text();
    let mut gzip = Run::new("gzip").arg("-c").input(whole.clone()).ok().out;
    let packed = folder.path().join("packed");
    fs::write(&packed, &gzip).unwrap();
    assert_eq!(
        read(&packed, &["--conversations", "--json"]).ok().text(),
        expected
    );
    let piped = read(Path::new("-"), &["--conversations", "--json"])
        .input(whole.clone())
        .ok();
    assert_eq!(piped.text(), expected);
    let one: Value = serde_json::from_str(&expected).unwrap();
    assert_eq!(
        (&one["protocol"], &one["a_port"]),
        (&"tcp".into(), &1234.into())
    );
    assert_eq!(
        (&one["a_to_b"]["packets"], &one["b_to_a"]["packets"]),
        (&6.into(), &3.into())
    );

    // Cut: everything before, then where and why, and a status that says so.
    let cut = folder.path().join("cut.pcap");
    fs::write(&cut, &whole[..whole.len() - 30]).unwrap();
    let ran = read(&cut, &["--json"]).run().exits(1);
    let summary = ran.json();
    assert_eq!(summary["packets"], 8);
    let at = whole.len() - 70;
    assert_eq!(summary["damage"]["offset"], at);
    let said = format!(
        "stopped at byte {at}, after packet 8: the file ends within a packet: 40 of 70 bytes are there"
    );
    assert!(ran.err.contains(&said), "{}", ran.err);
    gzip.truncate(gzip.len() - 12);
    fs::write(&packed, &gzip).unwrap();
    let ran = read(&packed, &[]).run().exits(1);
    assert!(
        ran.err.contains("inside the gzip") && ran.err.contains("ends early"),
        "{}",
        ran.err
    );

    // No capture at all.
    fs::write(&cut, "just some text").unwrap();
    let ran = read(&cut, &[]).run().exits(1);
    assert!(ran.err.contains("neither pcap nor pcapng"), "{}", ran.err);
    let ran = read(&folder.path().join("missing"), &[]).run().exits(1);
    assert!(
        ran.err
            .contains("missing: cannot read the capture: No such file"),
        "{}",
        ran.err
    );
}

#[test]
fn streams_need_few_open_files() {
    let folder = tempfile::tempdir().unwrap();
    // 300 connections that speak in turn: raw IP, microseconds
    let mut capture = Vec::new();
    for word in [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 65535, 101] {
        capture.extend(word.to_le_bytes());
    }
    for (turn, said) in [b"first ", b"second"].iter().enumerate() {
        for port in 1000..1300_u16 {
            let mut packet = vec![
                0x45, 0, 0, 46, 0, 0, 0, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2,
            ];
            packet.extend(port.to_be_bytes());
            packet.extend(80_u16.to_be_bytes());
            packet.extend((1 + 6 * turn as u32).to_be_bytes());
            packet.extend([0, 0, 0, 1, 0x50, 0x18, 0x20, 0, 0, 0, 0, 0]);
            packet.extend(*said);
            for word in [turn as u32, u32::from(port), 46, 46] {
                capture.extend(word.to_le_bytes());
            }
            capture.extend(packet);
        }
    }
    let file = folder.path().join("many.pcap");
    fs::write(&file, capture).unwrap();
    let said = folder.path().join("said");
    let few = Run::new("sh").args(["-c", "ulimit -n 24; exec \"$@\"", "sh"]);
    few.arg(binary())
        .arg("read")
        .arg(&file)
        .arg("--streams")
        .arg(&said)
        .ok();
    let streams = streams(&said);
    assert_eq!(streams.len(), 300);
    assert!(streams.values().all(|bytes| bytes == b"first second"));
}

#[test]
fn nothing_is_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let python = interpreter();
    let script = repository().join("tests/clients/odd_packets.py");
    Run::new(python).arg(script).arg(folder.path()).ok();
    let (file, said) = (
        folder.path().join("ethernet.pcap"),
        folder.path().join("said"),
    );
    for count in 1..=3 {
        read(&file, &["--streams"]).arg(&said).ok();
        assert_eq!(streams(&said).len(), 2 * count);
    }
    let name = said.join("010.000.000.001.01234-010.000.000.002.04321");
    let mut again = name.clone().into_os_string();
    again.push("c2");
    assert_eq!(
        fs::read(&name).unwrap(),
        fs::read(PathBuf::from(again)).unwrap()
    );
    // The time of the file is that of the conversation.
    let time = fs::metadata(&name).unwrap().modified().unwrap();
    let time = time.duration_since(std::time::UNIX_EPOCH).unwrap();
    assert_eq!(time.as_secs(), 1_700_000_000);
}

/// How many connections the bad line carries.
const CONNECTIONS: usize = 8;

/// What `overhear read` says of a file.
pub fn read(file: &Path, options: &[&str]) -> Run {
    overhear(file.parent().unwrap())
        .arg("read")
        .arg(file)
        .args(options)
}

/// tcpflow without its report.
fn tcpflow(file: &Path) -> Run {
    Run::new("tcpflow")
        .args(["-X", "/dev/null", "-r"])
        .arg(file)
}

/// The files of a folder.
fn streams(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let named = entries.map(|entry| {
        let name = entry.file_name().into_string().unwrap();
        (name, fs::read(entry.path()).unwrap())
    });
    named.collect()
}

/// Every connection, both sides: the numbers must be the same.
fn compare_with_tcptrace(file: &Path, told: &[Value]) {
    let trace = Run::new("tcptrace")
        .args(["-n", "-l", "-r", "-W", "--csv"])
        .arg(file)
        .ok()
        .text();
    let mut lines = trace
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    let columns: Vec<_> = lines.next().unwrap().split(',').map(str::trim).collect();
    let last = last_times(file);
    let end = last.values().copied().fold(0.0, f64::max);
    let mut compared = 0;
    for (line, told_of) in lines.zip(told) {
        let values: Vec<_> = line.split(',').map(str::trim).collect();
        let theirs = |name: &str, side: &str| {
            let column = format!("{name}_{side}");
            let at = columns.iter().position(|known| *known == column);
            values[at.unwrap_or_else(|| panic!("{column}: {columns:?}"))]
        };
        for (side, way) in [("a", "a2b"), ("b", "b2a")] {
            let ours = |path: &str| {
                let found = path
                    .split('.')
                    .fold(&told_of[side], |value, name| &value[name]);
                found.as_f64()
            };
            // For tcptrace both sides of a connection that nobody ended are silent until the capture ends, too.
            let (me, other) = match side {
                "a" => (end_of(&told_of["a"]), end_of(&told_of["b"])),
                _ => (end_of(&told_of["b"]), end_of(&told_of["a"])),
            };
            let ended = ["a2b", "b2a"].map(|way| {
                let reset = theirs("resets_sent", way) != "0";
                (reset, !theirs("SYN/FIN_pkts_sent", way).ends_with("/0"))
            });
            let open = !ended.iter().any(|(reset, _)| *reset) && !ended.iter().all(|(_, fin)| *fin);
            let until_the_end = match open {
                true => (end - last[&(me, other)]) * 1e3,
                false => 0.0,
            };
            let silence = ours("idle_max_ms").unwrap().max(until_the_end);
            let theirs_silence: f64 = theirs("idletime_max", way).parse().unwrap();
            assert!(
                (theirs_silence - silence).abs() <= 0.2,
                "silence of {way}: tcptrace {theirs_silence}, here {silence}: {line}"
            );
            for (name, path, tolerance) in [
                ("total_packets", "packets", 0.0),
                ("ack_pkts_sent", "acks", 0.0),
                ("pure_acks_sent", "pure_acks", 0.0),
                ("sack_pkts_sent", "sack_packets", 0.0),
                ("dsack_pkts_sent", "dsack_packets", 0.0),
                ("max_sack_blks/ack", "most_sack_blocks", 0.0),
                ("unique_bytes_sent", "unique_bytes", 0.0),
                ("actual_data_pkts", "data_packets", 0.0),
                ("actual_data_bytes", "data_bytes", 0.0),
                ("rexmt_data_pkts", "retransmitted_packets", 0.0),
                ("rexmt_data_bytes", "retransmitted_bytes", 0.0),
                ("outoforder_pkts", "out_of_order_packets", 0.0),
                ("pushed_data_pkts", "pushed_packets", 0.0),
                ("mss_requested", "mss", 0.0),
                ("max_segm_size", "segment.max", 0.0),
                ("min_segm_size", "segment.min", 0.0),
                ("max_win_adv", "window.max", 0.0),
                ("min_win_adv", "window.min", 0.0),
                ("avg_win_adv", "window.mean", 0.0),
                ("zero_win_adv", "window.zero", 0.0),
                ("initial_window_bytes", "initial_window_bytes", 0.0),
                ("initial_window_pkts", "initial_window_packets", 0.0),
                ("ttl_stream_length", "stream_length", 0.0),
                ("missed_data", "missed_bytes", 0.0),
                ("throughput", "throughput", 1.0),
                ("RTT_samples", "rtt_ms.samples", 1.0),
                ("RTT_min", "rtt_ms.min", 0.1),
                ("RTT_avg", "rtt_ms.mean", 0.1),
                ("RTT_max", "rtt_ms.max", 0.1),
            ] {
                // Of a side that sent a RST, tcptrace tells another length and another mean.
                let odd = ["avg_win_adv", "ttl_stream_length", "missed_data"].contains(&name);
                if odd && ours("resets") != Some(0.0) {
                    continue;
                }
                let theirs: f64 = theirs(name, way).parse().unwrap_or(-1.0);
                let ours = ours(path).unwrap_or(0.0);
                let same = (theirs - ours).abs() <= tolerance || (theirs <= 0.0 && ours <= 0.0);
                assert!(
                    same,
                    "{name} of {way}: tcptrace {theirs}, here {ours}: {line}"
                );
                compared += 1;
            }
        }
    }
    assert!(compared >= CONNECTIONS * 2 * 27, "{compared}");
}

/// An end of a connection as it is told.
fn end_of(side: &Value) -> String {
    format!("{}:{}", side["address"].as_str().unwrap(), side["port"])
}

/// When each end of each connection, the first of the two, sent its last packet, as tshark sees it: seconds; and when the capture ends.
fn last_times(file: &Path) -> BTreeMap<(String, String), f64> {
    let fields = [
        "ip.src",
        "tcp.srcport",
        "ip.dst",
        "tcp.dstport",
        "frame.time_epoch",
    ];
    let fields = fields.iter().flat_map(|field| ["-e", field]);
    let packets = Run::new("tshark").args(["-n", "-T", "fields"]).args(fields);
    let mut last = BTreeMap::new();
    for line in packets.arg("-r").arg(file).ok().text().lines() {
        let [source, port, target, target_port, time] =
            line.split('\t').collect::<Vec<_>>()[..].try_into().unwrap();
        let ends = (
            format!("{source}:{port}"),
            format!("{target}:{target_port}"),
        );
        last.insert(ends, time.parse().unwrap());
    }
    last
}

/// Traffic between two network namespaces, recorded by tcpdump.
struct Capture {
    folder: TempDir,
}

impl Capture {
    /// Connections over a line that loses, doubles and reorders packets; says why when this machine cannot.
    fn of_a_bad_line() -> Option<Self> {
        if !cfg!(target_os = "linux") || !system::is_root() || !Path::new("/dev/net/tun").exists() {
            not_run("a line between network namespaces needs Linux, root and /dev/net/tun");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let capture = Self { folder };
        let (a, b) = (Namespace::new("n200")?, Namespace::new("n201")?);
        let clients = repository().join("tests/clients");
        let line = Run::new("python3")
            .arg(clients.join("lossy.py"))
            .args([&a.0, &b.0, "5"])
            .start();
        await_word("the line", "ready", &line);
        let file = capture.file();
        let dump = b.run("tcpdump").args([
            "-i",
            "tun0",
            "-s",
            "2000",
            "-B",
            "32768",
            "-U",
            "--immediate-mode",
            "-Z",
            "root",
            "-w",
        ]);
        let mut dump = dump.arg(&file).start();
        await_word("tcpdump", "listening on", &dump);
        let talk = clients.join("talk.py");
        let count = CONNECTIONS.to_string();
        let server = b.run("python3").arg(&talk).args(["server", &count]).start();
        await_word("the server", "ready", &server);
        let said = capture.folder("talk");
        fs::create_dir(&said).unwrap();
        a.run("python3")
            .arg(&talk)
            .args(["client", &count])
            .arg(&said)
            .ok();
        server.wait().ok();
        // What comes last says that everything before it was written.
        let mark = "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\
            .sendto(b'the end of the capture', ('10.99.0.1', 9))";
        until("the last packet in the capture", || {
            b.run("python3").args(["-c", mark]).ok();
            let bytes = fs::read(&file).unwrap_or_default();
            let found = bytes
                .windows(22)
                .any(|part| part == b"the end of the capture");
            found.then_some(())
        });
        system::interrupt(dump.child());
        dump.wait().ok();
        drop(line);
        Some(capture)
    }

    fn file(&self) -> PathBuf {
        self.folder("line.pcap")
    }

    fn folder(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

fn await_word(who: &str, word: &str, running: &Running) {
    until(&format!("{who} to say {word}"), || {
        running.said_so_far().contains(word).then_some(())
    });
}

/// A network namespace without anything; gone when dropped.
struct Namespace(String);

impl Namespace {
    fn new(number: &str) -> Option<Self> {
        let name = format!("oh{}{number}", std::process::id());
        let made = Run::new("ip").args(["netns", "add", &name]).run();
        if !made.status.success() {
            not_run(&format!("no network namespace: {}", made.err));
            return None;
        }
        Some(Self(name))
    }

    fn run(&self, program: &str) -> Run {
        Run::new("ip").args(["netns", "exec", &self.0, program])
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        Run::new("ip").args(["netns", "delete", &self.0]).run();
    }
}
