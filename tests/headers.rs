//! Promise: packets behind every sort of link header are printed as tcpdump prints them, and expressions ask each for what it has.

use crate::{
    capture::{comparable, compare_lines},
    clients::interpreter,
    support::{Run, folder, program::overhear, repository},
};
use std::path::Path;

#[test]
fn headers_of_every_sort_are_printed_as_tcpdump_prints_them() {
    if !comparable() {
        return;
    }
    let folder = folder();
    // one conversation behind every sort of header, and frames that carry none
    let script = repository().join("tests/clients/odd_packets.py");
    let odd = Run::new(interpreter()).arg(script).arg(folder.path()).ok();
    let script = repository().join("tests/clients/packets.py");
    Run::new("python3").arg(script).arg(folder.path()).ok();
    let odd = odd.text();
    let odd = odd.lines().filter(|name| name.ends_with(".pcap"));
    let names: Vec<&str> = odd
        .chain(["wifi.pcap", "llc.pcap", "sessions.pcap"])
        .collect();
    assert_eq!(names.len(), 23, "{names:?}");
    for name in names {
        let file = folder.path().join(name);
        for flags in [
            "-nt", "-nte", "-ntev", "-ntvvv", "-ntq", "-nteq", "-ntX", "-ntxx", "-ntA",
        ] {
            // what comes after the header of PPI: tcpdump counts the inner header twice
            if name == "ppi.pcap" && matches!(flags, "-ntX" | "-ntA") {
                let print = |name: &str| {
                    let read = overhear(folder.path())
                        .arg("read")
                        .arg(folder.path().join(name));
                    read.args(["--print", flags]).ok().text()
                };
                assert_eq!(print(name), print("ieee80211.pcap"));
                continue;
            }
            compare_lines(&file, &[flags]);
        }
    }
}

#[test]
fn an_expression_without_meaning_for_a_link_type_matches_none_of_it() {
    let folder = folder();
    let script = repository().join("tests/clients/packets.py");
    Run::new("python3").arg(script).arg(folder.path()).ok();
    // Ethernet, then raw IP, in one file
    let mixed = folder.path().join("mixed.pcapng");
    let path = |name: &str| folder.path().join(name);
    Run::new("mergecap")
        .args(["-a", "-w"])
        .arg(&mixed)
        .args([path("ethernet.pcap"), path("network.pcap")])
        .ok();
    let read = |file: &Path, args: &[&str]| {
        overhear(folder.path())
            .arg("read")
            .arg(file)
            .args(args)
            .run()
    };
    let alone = read(&path("ethernet.pcap"), &["--print", "-nt", "vlan"]).exits(0);
    assert!(alone.text().lines().count() > 0);
    assert!(alone.err.is_empty(), "{}", alone.err);
    let print = read(&mixed, &["--print", "-nt", "vlan"]).exits(0);
    assert_eq!(print.text(), alone.text());
    let capture = overhear(folder.path())
        .args(["capture", "-nt", "-r"])
        .arg(&mixed)
        .arg("vlan");
    let capture = capture.run().exits(0);
    assert_eq!(capture.text(), alone.text());
    let summary = read(&mixed, &["--json", "vlan"]).exits(0);
    assert_eq!(summary.json()["packets"], alone.text().lines().count());
    for said in [&print.err, &capture.err, &summary.err] {
        assert_eq!(said.matches("means nothing").count(), 1, "{said}");
        assert!(said.contains("link type RAW"), "{said}");
    }
    // for nothing in the file
    let wrong = read(&path("network.pcap"), &["--print", "vlan"]).exits(2);
    assert!(wrong.err.contains("VLAN"), "{}", wrong.err);
}
