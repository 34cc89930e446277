//! A capture that goes on.

use super::*;

/// Connections of nobody else.
struct Nobody;

impl Others for Nobody {
    fn has(&self, _: SocketAddr, _: SocketAddr, _: Timestamp, _: bool) -> bool {
        false
    }
}

/// Those to a server.
struct Own;

impl Others for Own {
    fn has(&self, a: SocketAddr, b: SocketAddr, _: Timestamp, _: bool) -> bool {
        [a, b].contains(&(SERVER, 80).into())
    }
}

fn live(others: Arc<dyn Others>) -> Flows {
    let mut flows = Flows::new(None, "made.pcap");
    flows.work.others = Some(others);
    flows
}

#[test]
fn who_is_not_answered_is_told_before_the_connection_is_forgotten() {
    let mut made = Made::default();
    for _ in 0..3 {
        made.sent = [0, 0];
        made.tcp(true, SYN, b"");
    }
    let mut flows = live(Arc::new(Nobody));
    for (number, (time, data)) in (1..).zip(&made.packets) {
        flows.packet(&packet(number, *time, data));
    }
    let first = made.packets[0].0;
    flows.tick(first + 3_900_000_000);
    assert_eq!(flows.flows(), 0);
    flows.tick(first + 4_000_000_000);
    flows.tick(first + 5_000_000_000);
    assert_eq!(flows.flows(), 1);
    // answered at last: what is said is told on its own
    made.tcp(false, SYN | ACK, b"");
    made.tcp(true, ACK, b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
    for (number, (time, data)) in (1..).zip(&made.packets).skip(3) {
        flows.packet(&packet(number, time + 6_000_000_000, data));
    }
    flows.finish();
    assert_eq!(flows.flows(), 2);

    // who is answered is not told
    let mut flows = live(Arc::new(Nobody));
    for (number, (time, data)) in (1..).zip(&Made::opened().packets) {
        flows.packet(&packet(number, *time, data));
    }
    flows.tick(first + 10_000_000_000);
    assert_eq!(flows.flows(), 0);
}

#[test]
fn an_error_about_a_connection_of_others_is_none_of_ours() {
    let mut made = Made::opened();
    let quoted = made.packets[0].1[..28].to_vec();
    let error = [vec![3, 13, 0, 0, 0, 0, 0, 0], quoted].concat();
    made.packets.clear();
    made.add(datagram([10, 0, 0, 9], CLIENT, 1, &error));
    for (others, expected) in [
        (Arc::new(Own) as Arc<dyn Others>, (0, 0)),
        (Arc::new(Nobody), (1, 1)),
    ] {
        let mut flows = live(others);
        flows.packet(&packet(1, made.packets[0].0, &made.packets[0].1));
        flows.finish();
        assert_eq!((flows.flows(), flows.findings().0.len()), expected);
    }
}
