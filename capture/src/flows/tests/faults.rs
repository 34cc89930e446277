//! What goes wrong on the way, and what only looks so.

use super::*;

#[test]
fn a_black_hole_is_told_with_its_connection() {
    let mut made = Made::opened();
    made.tcp(true, ACK, b"GET / HTTP/1.1\r\n\r\n");
    let quoted = made.packets.last().unwrap().1[..28].to_vec();
    let error = [vec![3, 4, 0, 0, 0, 0, 0x05, 0x14], quoted].concat();
    made.add(datagram([10, 0, 0, 9], CLIENT, 1, &error));
    let (flows, found) = made.read();
    assert_eq!((flows, found), (2, vec![(Cause::PacketTooBig, vec![5])]));
}

#[test]
fn path_mtu_discovery_that_works_is_no_fault() {
    let mut made = Made::opened();
    made.tcp(true, ACK, b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
    let error = error_about(&made, 3, 4, [0, 0, 5, 0x14]);
    made.add(error);
    // in two smaller ones
    made.sent[0] = 1;
    made.tcp(true, ACK, b"GET / HTTP/1.1\r\n");
    made.tcp(true, ACK, b"Host: a.test\r\n\r\n");
    made.tcp(false, ACK, b"HTTP/1.1 204 None\r\n\r\n");
    let (flows, found) = made.closed().read();
    let causes: Vec<_> = found.iter().map(|(cause, _)| *cause).collect();
    assert_eq!((flows, causes), (2, vec![]));
}

#[test]
fn a_soft_error_does_not_end_a_connection() {
    let mut made = Made::opened();
    made.tcp(true, ACK, b"GET / HTTP/1.1\r\n\r\n");
    let error = error_about(&made, 3, 1, [0; 4]);
    made.add(error.clone());
    made.add(error);
    let mut flows = Flows::new(None, "made.pcap");
    made.tcp(false, ACK, b"HTTP/1.1 204 None\r\n\r\n");
    for (number, (time, data)) in (1..).zip(&made.packets) {
        flows.packet(&packet(number, *time, data));
    }
    flows.finish();
    let [found] = <[Finding; 1]>::try_from(flows.findings().0).unwrap();
    assert_eq!(
        (found.cause, found.packets),
        (Cause::Unreachable, vec![5, 6])
    );
    assert!(
        found.text.ends_with(" The connection went on."),
        "{}",
        found.text
    );
}

/// A capture of a host with a bridge: each packet is seen as it comes in and as it goes out.
#[test]
fn packets_that_are_captured_twice_are_no_loss() {
    let mut made = Made::opened();
    made.tcp(true, ACK, b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
    made.tcp(
        false,
        ACK,
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
    );
    let mut made = made.closed();
    let mut answer = QUESTION.to_vec();
    (answer[2], answer[3]) = (0x81, 0x83);
    made.udp(true, QUESTION);
    made.udp(false, &answer);
    let mut flows = Flows::new(None, "made.pcap");
    let mut number = 0;
    for (time, data) in &made.packets {
        for (later, interface, kind) in [(0, 2, 0), (30_000, 3, 4)] {
            number += 1;
            let mut cooked = vec![8, 0, 0, 0, 0, 0, 0, interface, 0, 1, kind, 6];
            cooked.extend([2, 0, 0, 0, 0, 1, 0, 0]);
            cooked.extend(data);
            flows.packet(&Packet {
                link: LinkType::LINUX_SLL2,
                ..packet(number, time + later, &cooked)
            });
        }
    }
    flows.finish();
    assert_eq!(flows.flows(), 2);
    let found = flows.findings().0;
    let found: Vec<_> = found
        .iter()
        .map(|f| (f.cause, f.packets.as_slice()))
        .collect();
    // the name that does not exist, once
    assert_eq!(found, [(Cause::Dns, [17, 19].as_slice())]);
}

/// One of the frames of a station, which was sent again or not.
fn frame(retry: bool, sequence: u8, data: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x08, if retry { 0x09 } else { 0x01 }, 0, 0];
    frame.extend([
        2, 0, 0, 0, 0, 9, 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 5, sequence, 0,
    ]);
    frame.extend([0xaa, 0xaa, 3, 0, 0, 0, 8, 0]);
    frame.extend(data);
    frame
}

#[test]
fn frames_that_are_sent_again_are_told_while_a_capture_goes_on() {
    let mut made = Made::opened();
    for _ in 0..60 {
        made.tcp(true, ACK, b"a line\r\n");
    }
    let mut flows = Flows::new(None, "made.pcap");
    for (number, (time, data)) in (1..).zip(&made.packets) {
        let data = frame(number % 4 == 0, 0, data);
        flows.packet(&Packet {
            link: LinkType::IEEE802_11,
            ..packet(number, *time, &data)
        });
    }
    let [found] = <[Finding; 1]>::try_from(flows.bad_links()).unwrap();
    assert_eq!(found.about, "02:00:00:00:00:01 > 02:00:00:00:00:09");
    assert_eq!((found.cause, found.count), (Cause::WifiRetries, 15));
    let track = flows.work.tracks.values().next().unwrap();
    assert!(track.marks().eq(["wifi-retries"]));
    flows.finish();
    assert_eq!(flows.findings().0, []);
}

#[test]
fn an_error_about_a_connection_that_was_not_captured_is_found() {
    let mut made = Made::opened();
    let quoted = made.packets[0].1[..28].to_vec();
    made.packets.clear();
    let error = [vec![3, 13, 0, 0, 0, 0, 0, 0], quoted].concat();
    made.add(datagram([10, 0, 0, 9], CLIENT, 1, &error));
    assert_eq!(made.read(), (1, vec![(Cause::Unreachable, vec![1])]));
}

/// A capture that begins in the middle of a connection: who reset it is said where the ports or the words show it.
#[test]
fn who_reset_is_known_by_ports_and_words() {
    let told = |port: u16, request: &[u8]| {
        let mut made = Made {
            port,
            sent: [1000, 2000],
            ..Made::default()
        };
        made.tcp(true, ACK, request);
        made.tcp(false, ACK, b"what a server says");
        made.tcp(false, RST, b"");
        let mut flows = Flows::new(None, "made.pcap");
        for (number, (time, data)) in (1..).zip(&made.packets) {
            flows.packet(&packet(number, *time, data));
        }
        flows.finish();
        let [found] = <[Finding; 1]>::try_from(flows.findings().0).unwrap();
        (found.about, found.text)
    };
    // a port of services and one that clients get
    let (about, text) = told(443, b"anything");
    assert_eq!(about, "10.0.0.1:40000 > 10.0.0.2:443");
    assert!(
        text.starts_with("10.0.0.2:443 (the server) reset"),
        "{text}"
    );
    // two of the same sort
    let (about, text) = told(50_000, b"anything");
    assert_eq!(about, "10.0.0.1:40000 <-> 10.0.0.2:50000");
    assert!(
        text.starts_with("10.0.0.2:50000 (client or server: "),
        "{text}"
    );
    // but what is said shows it
    let (about, text) = told(50_000, b"EHLO here\r\n");
    assert_eq!(about, "10.0.0.1:40000 > 10.0.0.2:50000");
    assert!(
        text.starts_with("10.0.0.2:50000 (the server) reset"),
        "{text}"
    );
    let (about, _) = told(50_000, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(about, "10.0.0.1:40000 > 10.0.0.2:50000");
}

/// A reset when every message was said is told, and fails nothing.
#[test]
fn a_reset_after_all_was_said_fails_nothing() {
    let mut made = Made::opened();
    made.tcp(true, ACK, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    made.tcp(
        false,
        ACK,
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
    );
    made.tcp(true, RST, b"");
    let findings = |made: &Made| {
        let mut flows = Flows::new(None, "made.pcap");
        for (number, (time, data)) in (1..).zip(&made.packets) {
            flows.packet(&packet(number, *time, data));
        }
        flows.finish();
        flows.findings().0
    };
    let [found] = <[Finding; 1]>::try_from(findings(&made)).unwrap();
    assert!(
        found.overcome && found.means.starts_with("Usually harmless"),
        "{found:?}"
    );
    // in the middle of an answer it is none of that
    let mut made = Made::opened();
    made.tcp(true, ACK, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    made.tcp(
        false,
        ACK,
        b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nhi",
    );
    made.tcp(true, RST, b"");
    let [found] = <[Finding; 1]>::try_from(findings(&made)).unwrap();
    assert!(
        !found.overcome && found.text.ends_with("in the middle."),
        "{found:?}"
    );
}
