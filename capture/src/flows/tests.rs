mod faults;
mod http2;
mod live;

use super::*;
use crate::{diagnose::Cause, packet::LinkType};

const FIN: u8 = 1;
const SYN: u8 = 2;
const RST: u8 = 4;
const ACK: u8 = 16;
const CLIENT: [u8; 4] = [10, 0, 0, 1];
const SERVER: [u8; 4] = [10, 0, 0, 2];

/// A capture that is made packet by packet: IP without a link layer.
#[derive(Default)]
struct Made {
    packets: Vec<(i64, Vec<u8>)>,
    /// What each side has sent and the other acknowledges.
    sent: [u32; 2],
    /// How much later the next packet comes.
    pause: i64,
    /// The server's port; 0 is 80.
    port: u16,
}

fn datagram(from: [u8; 4], to: [u8; 4], protocol: u8, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(20 + payload.len()).unwrap().to_be_bytes();
    let mut bytes = vec![
        0x45, 0, length[0], length[1], 0, 0, 0, 0, 64, protocol, 0, 0,
    ];
    bytes.extend(from);
    bytes.extend(to);
    bytes.extend(payload);
    bytes
}

impl Made {
    fn add(&mut self, bytes: Vec<u8>) {
        let time = self
            .packets
            .last()
            .map_or(1_000_000_000, |(time, _)| time + 1_000_000);
        let time = time + std::mem::take(&mut self.pause);
        self.packets.push((time, bytes));
    }

    /// A segment; `client` says whose.
    fn tcp(&mut self, client: bool, flags: u8, payload: &[u8]) {
        let (mine, other) = match client {
            true => (0, 1),
            false => (1, 0),
        };
        let server = if self.port == 0 { 80 } else { self.port };
        let (port, peer) = if client {
            (40_000_u16, server)
        } else {
            (server, 40_000)
        };
        let mut segment = [port.to_be_bytes(), peer.to_be_bytes()].concat();
        segment.extend(self.sent[mine].to_be_bytes());
        segment.extend(self.sent[other].to_be_bytes());
        segment.extend([0x50, flags, 0x10, 0, 0, 0, 0, 0]);
        segment.extend(payload);
        let step = u32::try_from(payload.len()).unwrap() + u32::from(flags & (SYN | FIN) != 0);
        self.sent[mine] = self.sent[mine].wrapping_add(step);
        let (from, to) = if client {
            (CLIENT, SERVER)
        } else {
            (SERVER, CLIENT)
        };
        self.add(datagram(from, to, 6, &segment));
    }

    /// The next packet comes so much later: nanoseconds.
    fn pause(&mut self, pause: i64) {
        self.pause = pause;
    }

    fn opened() -> Self {
        Self::opened_on(80)
    }

    fn opened_on(port: u16) -> Self {
        let mut made = Self {
            port,
            ..Self::default()
        };
        made.tcp(true, SYN, b"");
        made.tcp(false, SYN | ACK, b"");
        made.tcp(true, ACK, b"");
        made
    }

    fn closed(mut self) -> Self {
        self.tcp(true, FIN | ACK, b"");
        self.tcp(false, FIN | ACK, b"");
        self.tcp(true, ACK, b"");
        self
    }

    fn udp(&mut self, client: bool, payload: &[u8]) {
        let (port, peer) = if client {
            (5000_u16, 53_u16)
        } else {
            (53, 5000)
        };
        let length = u16::try_from(8 + payload.len()).unwrap().to_be_bytes();
        let head = [port.to_be_bytes(), peer.to_be_bytes(), length, [0, 0]].concat();
        let (from, to) = if client {
            (CLIENT, SERVER)
        } else {
            (SERVER, CLIENT)
        };
        self.add(datagram(from, to, 17, &[head, payload.to_vec()].concat()));
    }

    /// Flows, and causes with their packets.
    fn read(&self) -> (u64, Vec<(Cause, Vec<u64>)>) {
        let mut flows = Flows::new(None, "made.pcap");
        for (number, (time, data)) in (1..).zip(&self.packets) {
            flows.packet(&packet(number, *time, data));
        }
        flows.finish();
        let begun = flows.flows();
        let findings = flows.findings().0;
        (
            begun,
            findings.into_iter().map(|f| (f.cause, f.packets)).collect(),
        )
    }
}

fn packet(number: u64, time: i64, data: &[u8]) -> Packet<'_> {
    Packet {
        number,
        time,
        link: LinkType::RAW,
        interface: 0,
        original_length: u32::try_from(data.len()).unwrap(),
        // every record of a pcap file of these
        offset: 24 + (number - 1) * 1000,
        data,
    }
}

const QUESTION: &[u8] = b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x01a\x04test\0\0\x01\0\x01";

#[test]
fn each_exchange_is_a_flow_and_a_healthy_connection_has_no_findings() {
    let mut made = Made::opened();
    for _ in 0..2 {
        made.tcp(true, ACK, b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
        made.tcp(
            false,
            ACK,
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
        );
    }
    assert_eq!(made.closed().read(), (2, vec![]));
}

#[test]
fn a_stream_that_is_nothing_known_is_one_flow() {
    let mut made = Made::opened();
    made.tcp(false, ACK, b"220 mail.test\r\n");
    made.tcp(true, ACK, b"EHLO a\r\n");
    assert_eq!(made.closed().read(), (1, vec![]));
}

#[test]
fn a_refused_connection_is_a_flow_with_its_proof() {
    let mut made = Made::default();
    made.tcp(true, SYN, b"");
    made.tcp(false, RST | ACK, b"");
    assert_eq!(made.read(), (1, vec![(Cause::Refused, vec![2])]));
}

#[test]
fn an_alert_after_the_client_hello_is_found() {
    let mut hello = vec![22, 3, 1, 0, 47, 1, 0, 0, 43, 3, 3];
    hello.extend([0; 32]);
    hello.extend([0, 0, 4, 0x13, 1, 0x13, 2, 1, 0]);
    let mut made = Made::opened();
    made.tcp(true, ACK, &hello);
    made.tcp(false, ACK, &[21, 3, 3, 0, 2, 2, 70]);
    assert_eq!(
        made.closed().read(),
        (1, vec![(Cause::TlsAlert, vec![4, 5])])
    );
}

/// A hello of TLS 1.2.
fn hello(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u8::try_from(34 + body.len()).unwrap();
    let mut hello = vec![22, 3, 3, 0, length + 4, kind, 0, 0, length, 3, 3];
    hello.extend([0; 32]);
    hello.extend(body);
    hello
}

const CLIENT_HELLO: &[u8] = &[0, 0, 2, 0xc0, 0x2f, 1, 0];
const SERVER_HELLO: &[u8] = &[0, 0xc0, 0x2f, 0];
/// change_cipher_spec, and a handshake message that is encrypted.
const FINISHED: &[u8] = &[20, 3, 3, 0, 1, 1, 22, 3, 3, 0, 4, 9, 9, 9, 9];
const WARNING: &[u8] = &[21, 3, 3, 0, 2, 1, 112];

#[test]
fn a_warning_after_which_the_handshake_goes_on_is_no_failure() {
    let mut made = Made::opened();
    made.tcp(true, ACK, &hello(1, CLIENT_HELLO));
    made.tcp(false, ACK, &[WARNING, &hello(2, SERVER_HELLO)].concat());
    made.tcp(true, ACK, FINISHED);
    made.tcp(false, ACK, FINISHED);
    assert_eq!(made.closed().read(), (1, vec![]));
    // the hello and the alert are in one packet; then nothing follows
    let mut given_up = Made::opened();
    given_up.tcp(true, ACK, &hello(1, CLIENT_HELLO));
    given_up.tcp(false, ACK, &[WARNING, &hello(2, SERVER_HELLO)].concat());
    let given_up = given_up.closed().read();
    assert_eq!(given_up, (1, vec![(Cause::TlsAlert, vec![4, 5])]));
    // a fatal alert after the warning is why
    let mut fatal = Made::opened();
    fatal.tcp(true, ACK, &hello(1, CLIENT_HELLO));
    fatal.tcp(false, ACK, WARNING);
    fatal.tcp(true, ACK, &[21, 3, 3, 0, 2, 2, 112]);
    let fatal = fatal.closed().read();
    assert_eq!(fatal, (1, vec![(Cause::TlsAlert, vec![4, 6])]));
}

#[test]
fn tls_that_begins_in_the_middle_is_a_flow_of_its_own() {
    let mut hello = vec![22, 3, 1, 0, 47, 1, 0, 0, 43, 3, 3];
    hello.extend([0; 32]);
    hello.extend([0, 0, 4, 0x13, 1, 0x13, 2, 1, 0]);
    let mut made = Made::opened_on(587);
    made.tcp(false, ACK, b"220 mail.test ESMTP\r\n");
    made.tcp(true, ACK, b"STARTTLS\r\n");
    made.tcp(false, ACK, b"220 go ahead\r\n");
    made.tcp(true, ACK, &hello);
    made.tcp(false, ACK, &[21, 3, 3, 0, 2, 2, 48]);
    assert_eq!(
        made.closed().read(),
        (2, vec![(Cause::TlsAlert, vec![7, 8])])
    );
    // what only looks like a record is none, nor what the server says
    for (client, said) in [
        (true, &hello[..9]),
        (true, &[22, 3, 1, 0, 47, 2, 0, 0, 43, 3, 3]),
        (false, &hello),
    ] {
        let mut made = Made::opened_on(587);
        made.tcp(true, ACK, b"EHLO a\r\n");
        made.tcp(client, ACK, said);
        assert_eq!(made.closed().read().0, 1);
    }
}

#[test]
fn a_server_may_ask_another_from_its_own_port() {
    let mut answer = QUESTION.to_vec();
    (answer[2], answer[3]) = (0x81, 0x80);
    let mut made = Made::default();
    made.udp(true, QUESTION);
    made.udp(false, &answer);
    for (_, data) in &mut made.packets {
        data[20..24].copy_from_slice(&[0, 53, 0, 53]);
    }
    assert_eq!(made.read(), (1, vec![]));
}

#[test]
fn more_questions_than_can_wait_are_flows() {
    let mut made = Made::default();
    made.udp(true, QUESTION);
    let (time, first) = made.packets.remove(0);
    let mut flows = Flows::new(None, "made.pcap");
    for n in 0..70_000_u32 {
        let mut data = first.clone();
        let [_, a, b, c] = n.to_be_bytes();
        // port and number
        data[20] = a + 1;
        (data[28], data[29]) = (b, c);
        flows.packet(&packet(u64::from(n) + 1, time, &data));
    }
    flows.finish();
    assert_eq!(flows.flows(), 70_000);
}

#[test]
fn names_that_do_not_exist_and_servers_that_do_not_answer() {
    let mut made = Made::default();
    made.udp(true, QUESTION);
    let mut answer = QUESTION.to_vec();
    (answer[2], answer[3]) = (0x81, 0x80);
    made.udp(false, &answer);
    assert_eq!(made.read(), (1, vec![]));
    answer[3] = 0x83;
    made.udp(true, QUESTION);
    made.udp(false, &answer);
    assert_eq!(made.read(), (2, vec![(Cause::Dns, vec![3, 4])]));
    let mut silent = Made::default();
    silent.udp(true, QUESTION);
    silent.udp(true, QUESTION);
    assert_eq!(silent.read(), (1, vec![(Cause::DnsNoAnswer, vec![1, 2])]));
}

/// An ICMP error about the last packet, from a router.
fn error_about(made: &Made, kind: u8, code: u8, rest: [u8; 4]) -> Vec<u8> {
    let quoted = made.packets.last().unwrap().1[..28].to_vec();
    let error = [vec![kind, code, 0, 0], rest.to_vec(), quoted].concat();
    datagram([10, 0, 0, 9], CLIENT, 1, &error)
}

/// Behind its length.
fn framed(message: &[u8]) -> Vec<u8> {
    let length = u16::try_from(message.len()).unwrap().to_be_bytes();
    [&length, message].concat()
}

#[test]
fn dns_over_tcp_is_a_flow_a_question() {
    let (mut other, mut answer) = (QUESTION.to_vec(), QUESTION.to_vec());
    (answer[2], answer[3]) = (0x81, 0x80);
    let mut made = Made::opened_on(53);
    other[1] = 0x35;
    let both = [framed(QUESTION), framed(&other)].concat();
    // cut anywhere
    for piece in both.chunks(7) {
        made.tcp(true, ACK, piece);
    }
    let first = answer.clone();
    (answer[1], answer[3]) = (0x35, 0x83);
    // in another order, and the second is of no such name
    made.tcp(false, ACK, &[framed(&answer), framed(&first)].concat());
    let (flows, found) = made.closed().read();
    assert_eq!(flows, 2);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].0, Cause::Dns);

    // closed without an answer
    let mut silent = Made::opened_on(53);
    silent.tcp(true, ACK, &framed(QUESTION));
    assert_eq!(
        silent.closed().read(),
        (1, vec![(Cause::DnsNoAnswer, vec![4])])
    );
}

#[test]
fn an_answer_that_is_captured_before_its_question_is_its_answer() {
    let mut answer = QUESTION.to_vec();
    (answer[2], answer[3]) = (0x81, 0x80);
    let mut made = Made::default();
    made.udp(false, &answer);
    made.udp(true, QUESTION);
    assert_eq!(made.read(), (1, vec![]));
    // a name in capital letters is the same; another name is not
    for (letter, flows) in [(b'A', 1), (b'b', 2)] {
        let mut question = QUESTION.to_vec();
        question[13] = letter;
        let mut made = Made::default();
        made.udp(false, &answer);
        made.udp(true, &question);
        assert_eq!(made.read().0, flows);
        let mut made = Made::opened_on(53);
        made.tcp(false, ACK, &framed(&answer));
        made.tcp(true, ACK, &framed(&question));
        assert_eq!(made.closed().read().0, flows);
    }
    // too long before
    let mut made = Made::default();
    made.udp(false, &answer);
    made.pause(2_000_000_000);
    made.udp(true, QUESTION);
    assert_eq!(made.read().0, 2);
    let mut made = Made::opened_on(53);
    made.tcp(false, ACK, &framed(&answer));
    made.pause(2_000_000_000);
    made.tcp(true, ACK, &framed(QUESTION));
    assert_eq!(made.closed().read().0, 2);
}

#[test]
fn what_is_no_dns_on_its_port_is_raw() {
    for said in [
        b"\0\x20SSH-2.0-OpenSSH_9.2 and then some".as_slice(),
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\0\x04abcd",
    ] {
        let mut made = Made::opened_on(53);
        made.tcp(true, ACK, said);
        made.tcp(false, ACK, b"SSH-2.0-dropbear\r\n");
        assert_eq!(made.closed().read(), (1, vec![]), "{said:?}");
    }
    // that it is not shows later
    let mut made = Made::opened_on(53);
    made.tcp(true, ACK, &framed(QUESTION));
    made.tcp(true, ACK, &framed(b"nothing that could be a message"));
    let mut answer = QUESTION.to_vec();
    (answer[2], answer[3]) = (0x81, 0x80);
    made.tcp(false, ACK, &framed(&answer));
    assert_eq!(made.closed().read().0, 2);
}

#[test]
fn changed_packets_do_no_harm() {
    let mut made = Made::opened();
    made.tcp(true, ACK, b"POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\nUpgrade: websocket\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
    made.tcp(
        false,
        ACK,
        b"HTTP/1.1 100 Go on\r\n\r\nHTTP/1.1 101 Yes\r\nUpgrade: websocket\r\n\r\n\x81\x02hi",
    );
    made.tcp(true, ACK, b"\x81\x82\0\0\0\0hi");
    made.udp(true, QUESTION);
    made.udp(false, b"\x12\x34\x81\x80\0\x01\0\x01\0\0\0\0\x01a\x04test\0\0\x01\0\x01\xc0\x0c\0\x05\0\x01\0\0\0\x3c\0\x04\x01b\xc0\x0e");
    let mut hello = vec![22, 3, 1, 0, 47, 1, 0, 0, 43, 3, 3];
    hello.extend([0; 32]);
    hello.extend([0, 0, 4, 0x13, 1, 0x13, 2, 1, 0]);
    made.sent = [1000, 1000];
    made.tcp(true, SYN, b"");
    made.tcp(true, ACK, &hello);
    made.tcp(false, ACK, &[21, 3, 3, 0, 2, 2, 70]);
    let made = made.closed();
    // xorshift, always the same
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 16) as usize % below
    };
    let count = made.packets.len();
    // 100,000 changed packets
    for _ in 0..100_000 / count {
        let mut flows = Flows::new(None, "made.pcap");
        for (number, (time, data)) in (1..).zip(&made.packets) {
            let mut data = data.clone();
            for _ in 0..random(4) {
                let at = random(data.len());
                match random(4) {
                    0 => data.truncate(at.max(1)),
                    1 => data[at] = random(256) as u8,
                    2 => data[at] ^= 1 << random(8),
                    _ => data.insert(at, random(256) as u8),
                }
            }
            flows.packet(&packet(number, *time, &data));
        }
        flows.finish();
        assert!(flows.flows() < 100);
    }
}
