//! Promise: a capture is shown by numbers, who spoke with whom and in which protocols, and they are tshark's; and each of them
//! leads to its packets.

use crate::{
    clients::interpreter,
    diagnose::Faults,
    support::{Program, Run, folder, program::overhear, repository},
};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

/// A statistic of tshark, by lines of words; figures below 10,000 are written out.
fn tshark(file: &Path, what: &str) -> Vec<Vec<String>> {
    let run = Run::new("tshark")
        .args(["-n", "-q", "-z", what, "-r"])
        .arg(file);
    let text = run.ok().text();
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect();
    text.lines().map(words).collect()
}

fn number(text: &str) -> u64 {
    text.parse()
        .unwrap_or_else(|_| panic!("{text} is no number"))
}

fn sum(a: &Value, b: &Value, of: &str) -> u64 {
    a[of].as_u64().unwrap() + b[of].as_u64().unwrap()
}

/// The path of each protocol with its packets and bytes, from lines of depth and name.
fn tree(lines: impl Iterator<Item = (usize, String, u64, u64)>) -> BTreeMap<String, (u64, u64)> {
    let mut path: Vec<String> = Vec::new();
    let mut all = BTreeMap::new();
    for (depth, name, packets, bytes) in lines {
        path.truncate(depth);
        path.push(name);
        all.insert(path.join("/"), (packets, bytes));
    }
    all
}

/// What each row is chosen by takes as many packets as were counted in it: all of these.
fn each_row_finds_its_packets(program: &Program, base: &str, overview: &Value) -> BTreeSet<String> {
    let packets = |expression: &str| {
        let mut found = 0;
        let mut cursor = String::new();
        loop {
            let query = expression.replace('[', "%5B").replace(']', "%5D");
            let query = format!("limit=1000&expression={}{cursor}", query.replace(' ', "+"));
            let page = program.api.get(&format!("{base}/packets?{query}"));
            found += page["items"].as_array().unwrap().len() as u64;
            match page["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return found,
            }
        }
    };
    let mut rows = Vec::new();
    let all = |table: &str| overview[table].as_array().unwrap().clone();
    for one in all("conversations") {
        let count = sum(&one["a_to_b"], &one["b_to_a"], "packets");
        rows.push((one["expression"].clone(), count));
    }
    for one in all("endpoints") {
        let count = sum(&one["sent"], &one["received"], "packets");
        rows.push((one["expression"].clone(), count));
    }
    for one in all("protocols") {
        rows.push((one["expression"].clone(), one["packets"].as_u64().unwrap()));
    }
    let mut wrong = Vec::new();
    let mut chosen = BTreeSet::new();
    for (expression, count) in rows {
        let expression = expression.as_str().unwrap().to_owned();
        let found = packets(&expression);
        if found != count {
            wrong.push(format!("{expression}: {found} of {count}"));
        }
        chosen.insert(expression);
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    chosen
}

/// One conversation in VLANs, in PPPoE, behind labels and extension headers, in fragments and as it is, all in one capture.
#[test]
fn rows_find_their_packets_whatever_these_come_in() {
    let folder = folder();
    let script = repository().join("tests/clients/carried.py");
    let run = Run::new(interpreter()).arg(script).arg(folder.path());
    let names = run.ok().text();
    let names: Vec<_> = names.lines().collect();
    assert_eq!(names.len(), 5, "{names:?}");
    let program = Program::start();
    let mut seen = BTreeMap::new();
    for name in names {
        let file = folder.path().join(name);
        let run = program.command("import").arg("--json").arg(&file);
        let capture = run.ok().json()["capture"].clone();
        let base = format!("/api/captures/kept/{capture}");
        let overview = program.api.get(&format!("{base}/overview"));
        let chosen = each_row_finds_its_packets(&program, &base, &overview);
        seen.insert(name.to_owned(), (base, overview, chosen));
    }
    let (base, overview, chosen) = &seen["all.pcap"];
    let talk = "conversation tcp 10.0.0.1:1234 10.0.0.2:4321";
    for row in [
        talk,
        "conversation udp [fd00::1]:1234 [fd00::2]:4321",
        // later fragments have no ports
        "conversation udp 10.0.0.1 10.0.0.2",
        "conversation arp 02:00:00:00:00:01 02:00:00:00:00:02",
        "endpoint 10.0.0.1",
        "protocol eth/mpls/ip/tcp",
        "protocol eth/pppoe/ppp/ip/tcp",
        "protocol eth/vlan/vlan/ip/tcp",
    ] {
        assert!(chosen.contains(row), "{row}: {chosen:#?}");
    }
    let conversations = overview["conversations"].as_array().unwrap();
    let one = conversations.iter().find(|one| one["expression"] == talk);
    let all = sum(&one.unwrap()["a_to_b"], &one.unwrap()["b_to_a"], "packets");
    // a row and an expression, as the page joins them; and by the command
    let both = format!("(vlan 7) and ({talk})");
    let few = format!("{base}/packets?expression={}", both.replace(' ', "+"));
    let few = program.api.get(&few)["items"].as_array().unwrap().len();
    assert!(few > 0 && (few as u64) < all, "{few} of {all}");
    let read = |expression: &str| {
        let run = overhear(folder.path()).arg("read");
        let run = run.arg(folder.path().join("all.pcap"));
        run.args(["--json", expression]).run()
    };
    assert_eq!(read(&both).exits(0).json()["packets"], few);
    assert_eq!(read(talk).exits(0).json()["packets"], all);
    let wrong = read("conversation tcp 10.0.0.1:1234").exits(2);
    assert!(
        wrong.err.contains("conversation PROTOCOL END END"),
        "{}",
        wrong.err
    );
    // where nothing stands between, libpcap's own expression does it
    let (_, _, chosen) = &seen["plain.pcap"];
    let own: Vec<_> = chosen
        .iter()
        .filter(|one| one.contains("10.0.0.1"))
        .collect();
    let expected = [
        "icmp and host 10.0.0.1 and host 10.0.0.2",
        "ip host 10.0.0.1",
        "tcp and host 10.0.0.1 and port 1234 and host 10.0.0.2 and port 4321",
    ];
    assert_eq!(own, expected, "{chosen:#?}");
    assert!(chosen.contains("ip and tcp"), "{chosen:#?}");
}

#[test]
fn a_capture_by_numbers_is_that_of_tshark() {
    let Some(faults) = Faults::new() else { return };
    let file = faults.meet("healthy");
    let program = Program::start();
    let run = program.command("import").arg("--json").arg(&file);
    let capture = run.ok().json()["capture"].clone();
    let base = format!("/api/captures/kept/{capture}");
    let overview = program.api.get(&format!("{base}/overview"));

    // conversations: both ends, packets and bytes both ways
    let mut expected = BTreeMap::new();
    for protocol in ["tcp", "udp"] {
        for line in tshark(&file, &format!("conv,{protocol}")) {
            // A <-> B, frames and bytes back, there, in all
            if let [a, arrow, b, back, back_bytes, _, there, there_bytes, _, ..] = line.as_slice()
                && arrow == "<->"
            {
                let counts = [there, there_bytes, back, back_bytes].map(|text| number(text));
                expected.insert((protocol, a.clone(), b.clone()), counts);
            }
        }
    }
    let mut found = BTreeMap::new();
    let conversations = overview["conversations"].as_array().unwrap();
    for one in conversations.iter().filter(|one| !one["a_port"].is_null()) {
        let end =
            |address: &str, port: &str| format!("{}:{}", one[address].as_str().unwrap(), one[port]);
        let protocol = match one["protocol"].as_str() {
            Some("tcp") => "tcp",
            _ => "udp",
        };
        let way = |way: &str, what: &str| one[way][what].as_u64().unwrap();
        let counts = [
            way("a_to_b", "packets"),
            way("a_to_b", "bytes"),
            way("b_to_a", "packets"),
            way("b_to_a", "bytes"),
        ];
        found.insert((protocol, end("a", "a_port"), end("b", "b_port")), counts);
    }
    assert!(found.len() >= 3, "{found:#?}");
    assert_eq!(found, expected);
    assert_eq!(overview["conversation_count"], conversations.len());

    // endpoints
    let mut expected = BTreeMap::new();
    for line in tshark(&file, "endpoints,ip") {
        if let [address, _, _, sent, sent_bytes, received, received_bytes] = line.as_slice()
            && address.starts_with(|c: char| c.is_ascii_digit())
        {
            let counts = [sent, sent_bytes, received, received_bytes].map(|text| number(text));
            expected.insert(address.clone(), counts);
        }
    }
    let endpoints = overview["endpoints"].as_array().unwrap();
    let four = endpoints
        .iter()
        .filter(|one| one["address"].as_str().unwrap().contains('.'));
    let found: BTreeMap<_, _> = four
        .map(|one| {
            let count = |way: &str, what: &str| one[way][what].as_u64().unwrap();
            let counts = [
                count("sent", "packets"),
                count("sent", "bytes"),
                count("received", "packets"),
                count("received", "bytes"),
            ];
            (one["address"].as_str().unwrap().to_owned(), counts)
        })
        .collect();
    assert_eq!(found, expected);

    // protocols, as far as the transport
    let run = Run::new("tshark")
        .args(["-n", "-q", "-z", "io,phs", "-r"])
        .arg(&file);
    let text = run.ok().text();
    let expected = tree(text.lines().filter_map(|line| {
        let depth = (line.len() - line.trim_start().len()) / 2;
        let (name, counts) = line.trim().split_once(' ')?;
        let (frames, bytes) = counts
            .trim()
            .strip_prefix("frames:")?
            .split_once(" bytes:")?;
        Some((depth, name.to_owned(), number(frames), number(bytes)))
    }));
    let protocols = overview["protocols"].as_array().unwrap();
    let found = tree(protocols.iter().map(|one| {
        let count = |what: &str| one[what].as_u64().unwrap();
        let depth = usize::try_from(count("depth")).unwrap();
        let name = one["protocol"].as_str().unwrap().to_owned();
        (depth, name, count("packets"), count("bytes"))
    }));
    for path in [
        "eth",
        "eth/ip",
        "eth/ip/tcp",
        "eth/ip/udp",
        "eth/ip/udp/dns",
    ] {
        assert!(found.contains_key(path), "{path}: {found:#?}");
        assert_eq!(found.get(path), expected.get(path), "{path}");
    }

    let chosen = each_row_finds_its_packets(&program, &base, &overview);
    // those of plain packets are understood by other programs, too
    assert!(chosen.contains("ip host 192.0.2.2"), "{chosen:#?}");
    // and of those alone the numbers are told
    let some = program
        .api
        .get(&format!("{base}/overview?expression=udp&limit=1"));
    let udp = found.get("eth/ip/udp").map_or(0, |(packets, _)| *packets);
    assert_eq!(some["all"]["packets"], udp);
    assert_eq!(some["conversations"].as_array().unwrap().len(), 1);
    assert!(some["conversation_count"].as_u64().unwrap() >= 1);
}
