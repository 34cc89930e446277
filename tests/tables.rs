//! Promise: what is counted of a connection is shown to a person, too, as a table and as a block with everything.

use crate::{
    clients::interpreter,
    read::read,
    support::{Run, repository},
};

#[test]
fn connections_are_a_table_or_blocks() {
    let folder = tempfile::tempdir().unwrap();
    let python = interpreter();
    let script = repository().join("tests/clients/odd_packets.py");
    Run::new(python).arg(script).arg(folder.path()).ok();
    let file = folder.path().join("ethernet.pcap");
    let table = read(&file, &["--connections"]).ok().text();
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines.len(), 3, "{table}");
    // titles stand over the ends of their values, which end with a unit or not
    let value = |line: &str, title: &str| {
        let padded = format!("{} ", lines[0]);
        let end = padded.find(&format!(" {title} ")).unwrap() + 1 + title.len();
        let cells: Vec<&str> = line[..end].split("  ").collect();
        cells.last().unwrap().trim().to_owned()
    };
    let both = |title: &str| [value(lines[1], title), value(lines[2], title)];
    assert!(lines[1].contains("1 a  10.0.0.1:1234 > 10.0.0.2:4321"));
    assert!(lines[2].contains("  b  10.0.0.2:4321 > 10.0.0.1:1234"));
    for (title, expected) in [
        ("PACKETS", ["6", "3"]),
        ("DATA", ["900 B", "900 B"]),
        ("AGAIN", ["0", "0"]),
        ("AGAIN DATA", ["0 B", "0 B"]),
        ("DISORDER", ["1", "0"]),
        ("MSS", ["-", "-"]),
        ("SACK", ["no", "no"]),
        ("WINDOW", ["8.0 KiB", "8.0 KiB"]),
        ("WINDOW 0", ["0", "0"]),
        ("RTT MIN", ["1.0 ms", "1.0 ms"]),
        ("RTT MEAN", ["1.0 ms", "1.0 ms"]),
        ("RTT MAX", ["1.0 ms", "1.0 ms"]),
        ("IDLE", ["2.0 ms", "4.0 ms"]),
        ("THROUGHPUT", ["109.9 KiB/s", "109.9 KiB/s"]),
    ] {
        assert_eq!(both(title), expected, "{title}:\n{table}");
    }

    // everything, as tcptrace -l has it: each number of the JSON is there
    let blocks = read(&file, &["--connections", "-v"]).ok().text();
    assert!(
        blocks.starts_with("Connection 1: a 10.0.0.1:1234, b 10.0.0.2:4321\n"),
        "{blocks}"
    );
    let line = |name: &str| {
        let found = blocks
            .lines()
            .find_map(|line| line.trim().strip_prefix(name));
        let found = found.unwrap_or_else(|| panic!("{name}: {blocks}"));
        found
            .split("  ")
            .map(str::trim)
            .filter(|cell| !cell.is_empty())
            .collect::<Vec<_>>()
            .join("|")
    };
    for (name, expected) in [
        ("ended", "finished"),
        ("opened by", "a"),
        ("with SYN, FIN, RST", "1, 1, 0|1, 1, 0"),
        ("with data ", "2, 2 with PSH|1, 1 with PSH"),
        ("unique data", "900 B|900 B"),
        ("retransmitted data", "0 B|0 B"),
        ("out of order", "1|0"),
        (
            "RTT ",
            "1.000/1.000/1.000 ms of 2|1.000/1.000/1.000 ms of 3",
        ),
        (
            "segments",
            "min 400, mean 450, max 500 B|min 900, mean 900, max 900 B",
        ),
        (
            "window ",
            "min 8192, mean 8192, max 8192 B|min 8192, mean 8192, max 8192 B",
        ),
        ("window of zero", "0|0"),
        ("SACK permitted", "no|no"),
        ("longest silence", "2.0 ms|4.0 ms"),
        ("throughput", "109.9 KiB/s|109.9 KiB/s"),
    ] {
        assert_eq!(line(name), expected, "{name}:\n{blocks}");
    }
    // how lines of packets look is still no question for other views
    let wrong = read(&file, &["--connections", "-e"]).run().exits(2);
    assert!(wrong.err.contains("need --print"), "{}", wrong.err);
}
