//! The programs that read what was exported. They have to be there: `tests/run` installs them.

use std::{
    collections::BTreeMap,
    path::Path,
    process::{Command, Stdio},
};

/// Dissects with checksums verified, and with everything that Wireshark tries by itself.
const PREFERENCES: [&str; 4] = [
    "-o",
    "tcp.check_checksum:TRUE",
    "-o",
    "ip.check_checksum:TRUE",
];

/// Standard output of a program that has to succeed and to have nothing to complain about.
pub fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("{program} is needed ({error}): tests/run installs it"));
    let complaints = String::from_utf8_lossy(&output.stderr);
    // "This could be dangerous", "reading from file"
    let complaints: Vec<&str> = complaints
        .lines()
        .filter(|l| !l.starts_with("Running as user") && !l.starts_with("reading from file"))
        .collect();
    assert!(
        output.status.success() && complaints.is_empty(),
        "{program} {arguments:?}: {complaints:?}"
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// tshark over a file, in two passes as Wireshark does.
pub fn tshark(file: &Path, arguments: &[&str]) -> String {
    let file = file.to_str().unwrap();
    let all = [&PREFERENCES[..], &["-2", "-r", file], arguments].concat();
    run("tshark", &all)
}

/// The fields of all packets that pass a display filter, a row a packet.
pub fn fields(file: &Path, filter: &str, names: &[&str]) -> Vec<Vec<String>> {
    let mut arguments = vec!["-Y", filter, "-T", "fields", "-E", "separator=|"];
    for name in names {
        arguments.extend(["-e", name]);
    }
    let text = tshark(file, &arguments);
    text.lines()
        .map(|line| line.split('|').map(str::to_owned).collect())
        .collect()
}

/// How many packets pass a display filter.
pub fn count(file: &Path, filter: &str) -> usize {
    fields(file, filter, &["frame.number"]).len()
}

/// Asserts what holds for every file: nothing malformed, no warning except those given (with how often), no TCP
/// analysis flag, checksums right, times in order, the number of packets as the export said.
pub fn assert_clean(file: &Path, packets: u64, expected_warnings: &[(&str, u64)]) {
    inspect(file, packets, expected_warnings, &[]);
}

/// The same, and the objects that tshark exports, by name, sorted. The opening of an HTTP/2 connection on port 80
/// is exported as one as well; it is left out.
pub fn clean_objects(file: &Path, packets: u64) -> Vec<(String, Vec<u8>)> {
    let folder = file.with_extension("objects");
    let to = format!("http,{}", folder.display());
    inspect(file, packets, &[], &["--export-objects", &to]);
    let mut objects: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            (name, std::fs::read(entry.path()).unwrap())
        })
        .filter(|(_, bytes)| !bytes.starts_with(b"PRI * HTTP/2.0"))
        .collect();
    objects.sort();
    objects
}

/// One run of tshark does it all: reassembling a large body takes it half a minute.
fn inspect(file: &Path, packets: u64, expected_warnings: &[(&str, u64)], more: &[&str]) {
    let good = "tcp.checksum.status == \"Good\" and not ip.checksum.status == \"Bad\"";
    let wrong = "_ws.malformed or tcp.analysis.flags or not tcp";
    let statistics = format!("io,stat,0,{good},{wrong}");
    let arguments = ["-q", "-z", "expert,warn", "-z", &statistics];
    let text = tshark(file, &[&arguments, more].concat());
    let expected: BTreeMap<String, u64> = expected_warnings
        .iter()
        .map(|(text, times)| (format!("Warn: {text}"), *times))
        .collect();
    assert_eq!(complaints(&text), expected);
    let [good, wrong] = counted(&text);
    assert_eq!((good, wrong), (packets, 0), "{text}");

    let file = file.to_str().unwrap();
    let info = run("capinfos", &["-M", "-c", "-o", file]);
    let number = format!("Number of packets:   {packets}\n");
    assert!(info.contains(&number), "{info}");
    assert!(info.contains("Strict time order:   True"), "{info}");
    let lines = run("tcpdump", &["-nr", file]);
    assert_eq!(lines.lines().count() as u64, packets);
}

/// Warnings and errors of Wireshark's expert, as "Warn: text" with how often.
fn complaints(text: &str) -> BTreeMap<String, u64> {
    let mut severity = "";
    let mut found = BTreeMap::new();
    for line in text.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            ["Errors", _] => severity = "Error",
            ["Warns", _] => severity = "Warn",
            [times, _, ref rest @ ..] => {
                if let Ok(times) = times.parse::<u64>() {
                    let text = rest.get(1..).unwrap_or_default().join(" ");
                    found.insert(format!("{severity}: {text}"), times);
                }
            }
            _ => {}
        }
    }
    found
}

/// The frames that two columns of `io,stat` counted.
fn counted(text: &str) -> [u64; 2] {
    let row = text.lines().find(|l| l.contains("<>")).unwrap();
    let cells: Vec<&str> = row.split('|').map(str::trim).collect();
    // after the interval: frames and bytes of each column
    [cells[2], cells[4]].map(|frames| frames.parse().unwrap())
}

/// All bytes that one side sent in one conversation, as tshark follows it. The side is 0 for the one that
/// spoke first.
pub fn followed(file: &Path, stream: usize, side: usize) -> Vec<u8> {
    let what = format!("follow,tcp,raw,{stream}");
    let text = tshark(file, &["-q", "-z", &what]);
    let mut bytes = Vec::new();
    for line in text.lines() {
        let (from, hex) = match line.strip_prefix('\t') {
            Some(hex) => (1, hex),
            None => (0, line),
        };
        let is_data = !hex.is_empty() && hex.bytes().all(|b| b.is_ascii_hexdigit());
        if is_data && from == side {
            bytes.extend(unhex(hex));
        }
    }
    bytes
}

/// Bytes from hexadecimal digits.
pub fn unhex(digits: &str) -> Vec<u8> {
    let digits: Vec<u8> = digits.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}
