//! All packets of a capture, also one in which nothing makes a flow.

use super::shared::drive_with;
use crate::support::Program;
use serde_json::json;

/// Question and answer (RFC 826) of 10.0.0.1 and 10.0.0.2, and an echo request (RFC 792).
fn passed() -> Vec<Vec<u8>> {
    let (ours, theirs) = ([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]);
    let arp = |operation: u8, from: [u8; 6], to: [u8; 6], [a, b]: [u8; 2]| {
        let mut frame = [if operation == 1 { [0xff; 6] } else { to }, from].concat();
        frame.extend([8, 6, 0, 1, 8, 0, 6, 4, 0, operation]);
        frame.extend(from);
        frame.extend([10, 0, 0, a]);
        frame.extend(to);
        frame.extend([10, 0, 0, b]);
        frame
    };
    let mut ping = [theirs, ours].concat();
    ping.extend([8, 0, 0x45, 0, 0, 28, 0, 0, 0, 0, 64, 1, 0, 0]);
    ping.extend([10, 0, 0, 1, 10, 0, 0, 2, 8, 0, 0, 0, 0, 7, 0, 1]);
    vec![
        arp(1, ours, [0; 6], [1, 2]),
        arp(2, theirs, ours, [2, 1]),
        ping,
    ]
}

/// A pcap file of microseconds (draft-ietf-opsawg-pcap), Ethernet.
fn pcap(packets: &[Vec<u8>]) -> Vec<u8> {
    let mut file = 0xa1b2_c3d4_u32.to_le_bytes().to_vec();
    file.extend([2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0]);
    for (number, packet) in (0_u32..).zip(packets) {
        let length = u32::try_from(packet.len()).unwrap();
        for word in [1_795_222_923, number * 1000, length, length] {
            file.extend(word.to_le_bytes());
        }
        file.extend(packet);
    }
    file
}

#[test]
fn the_packets_of_a_capture_without_flows_are_looked_at() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("office.pcap");
    std::fs::write(&file, pcap(&passed())).unwrap();
    let program = Program::start();
    let seen = drive_with(
        &program,
        "",
        "kept",
        &["kept"],
        json!({ "file": file, "count": 3, "arps": 2 }),
    );
    let kept = &seen["kept"];
    let result = kept["result"].as_str().unwrap();
    assert!(result.starts_with("No flows."), "{result}");
    let arps = json!([
        [1, "ARP, Request who-has 10.0.0.2 tell 10.0.0.1, length 28"],
        [2, "ARP, Reply 10.0.0.2 is-at 02:00:00:00:00:02, length 28"],
    ]);
    let all = kept["all"].as_array().unwrap();
    assert_eq!((&json!(all[..2]), &kept["some"]), (&arps, &arps), "{kept}");
    assert!(all[2][1].as_str().unwrap().contains("ICMP echo request"));
    let layers = kept["layers"].as_str().unwrap();
    assert!(layers.contains("ARP"), "{layers}");
    let talks = json!([
        ["02:00:00:00:00:02", "02:00:00:00:00:01", "arp", "1", "42 B"],
        ["10.0.0.1", "10.0.0.2", "icmp", "1", "42 B"],
        ["02:00:00:00:00:01", "ff:ff:ff:ff:ff:ff", "arp", "1", "42 B"],
    ]);
    assert_eq!(
        (&kept["talks"], kept["sorted"].as_str().unwrap()),
        (&talks, "B↑")
    );
    let protocols = json!([["eth", "3"], ["arp", "2"], ["ip", "1"], ["icmp", "1"]]);
    assert_eq!(kept["protocols"], protocols);
    assert_eq!(kept["endpoints"].as_array().unwrap().len(), 5);
    let icmp = "icmp and host 10.0.0.1 and host 10.0.0.2";
    assert_eq!(kept["chosen"], json!([icmp, [3]]));
    let wrong = kept["wrong"].as_str().unwrap();
    assert!(wrong.contains("expression"), "{wrong}");
    let listed = kept["listed"].as_str().unwrap();
    assert!(
        listed.contains("office.pcap") && listed.contains("3 packets"),
        "{listed}"
    );
    assert_eq!(kept["asked"], "Delete for good");
    assert_eq!((&kept["wide"], &kept["broken"]), (&json!(390), &json!([])));
    assert_eq!(kept["narrow"], 390);
    // the browser tells of the expression that was refused, and of nothing else
    let troubles = seen["troubles"].as_array().unwrap();
    let refused = |trouble: &serde_json::Value| trouble.as_str().unwrap().contains("prot+5");
    assert!(
        troubles.len() == 1 && troubles.iter().all(refused),
        "{troubles:?}"
    );
    let left = program.api.get("/api/captures/kept");
    assert_eq!(left["items"], json!([]));
    program.stop();
}
