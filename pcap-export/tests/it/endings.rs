//! How connections and flows end, or do not begin.

use crate::{
    reader::{assert_clean, count, fields},
    recording::{Exchange, PCAPNG, Recording},
};
use overhear_pcap_export::ExportOptions;
use overhear_store::{Failure, FailureCause, FlowId, HeadKind, Kind, Party, Side};

const RESET: &str = "Connection reset (RST)";

fn fail(flow: Exchange, cause: FailureCause, side: Party, text: &str) {
    let text = text.to_owned();
    flow.recorder.fail(Failure { cause, side, text });
}

/// The flags of all packets of a conversation, as Wireshark writes them.
fn flags(file: &std::path::Path, stream: usize) -> Vec<String> {
    let rows = fields(file, &format!("tcp.stream == {stream}"), &["tcp.flags.str"]);
    rows.concat()
        .iter()
        .map(|f| f.chars().filter(char::is_ascii_alphabetic).collect())
        .collect()
}

#[tokio::test]
async fn a_reset_in_the_middle_of_a_body() {
    for (by, from) in [
        (Party::Server, "203.0.113.1"),
        (Party::Client, "198.51.100.7"),
    ] {
        let recording = Recording::new().await;
        let link = recording.connect("198.51.100.7:50000", "203.0.113.1:80");
        let flow = recording.get(&link, "/cut", 20);
        flow.response(
            21,
            200,
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        );
        flow.chunk(Side::Response, 22, &[b'x'; 5_000]);
        link.reset(by, 30);
        fail(
            flow,
            FailureCause::Reset,
            by,
            "it was reset after 5,000 bytes",
        );
        let exported = recording.export(&PCAPNG).await;
        assert_clean(&exported.path, exported.summary.packets, &[(RESET, 1)]);
        let reset = fields(
            &exported.path,
            "tcp.flags.reset == 1",
            &["ip.src", "frame.comment"],
        );
        assert_eq!(reset.len(), 1);
        assert_eq!(reset[0][0], from);
        assert!(reset[0][1].contains("it was reset after 5,000 bytes"));
        assert_eq!(count(&exported.path, "tcp.flags.fin == 1"), 0);
    }
}

#[tokio::test]
async fn connections_that_were_not_made() {
    let recording = Recording::new().await;
    for (port, cause) in [
        (50_000, FailureCause::Refused),
        (50_001, FailureCause::Timeout),
        (50_002, FailureCause::Unreachable),
        (50_003, FailureCause::Dns),
    ] {
        let link = recording.connect(&format!("198.51.100.7:{port}"), "203.0.113.1:80");
        link.edit(|c| {
            c.connected = None;
            if cause == FailureCause::Dns {
                c.server = None;
            }
        });
        let flow = recording.get(&link, "/", 5);
        flow.head(
            HeadKind::ResponseSent,
            30,
            "HTTP/1.1 502 Bad Gateway\r\n\r\n",
        );
        fail(flow, cause, Party::Server, &format!("why {port} failed"));
    }
    let exported = recording.export(&PCAPNG).await;
    assert_eq!(exported.summary.packets, 4);
    assert_eq!(
        (
            exported.summary.connections,
            exported.summary.without_packets
        ),
        (3, 1)
    );
    assert_clean(&exported.path, 4, &[(RESET, 1)]);
    assert_eq!(flags(&exported.path, 0), ["S", "AR"]);
    assert_eq!(flags(&exported.path, 1), ["S"]);
    assert_eq!(flags(&exported.path, 2), ["S"]);
    let comments = fields(&exported.path, "tcp.flags.syn == 1", &["frame.comment"]);
    for (comment, port) in comments.iter().zip(50_000..) {
        assert!(
            comment[0].contains(&format!("why {port} failed")),
            "{comment:?}"
        );
    }
}

#[tokio::test]
async fn a_handshake_that_failed() {
    let recording = Recording::new().await;
    let link = recording
        .connect("198.51.100.7:50000", "203.0.113.1:443")
        .tls("h2", 15);
    link.edit(|c| c.server_tls_done = None);
    let flow = recording.flow(&link, Kind::Tls, "", "", 12);
    link.close(Party::Proxy, 20);
    fail(
        flow,
        FailureCause::Certificate,
        Party::Server,
        "the certificate has expired",
    );
    let exported = recording.export(&PCAPNG).await;
    assert_clean(&exported.path, 6, &[]);
    assert_eq!(flags(&exported.path, 0), ["S", "AS", "A", "AF", "AF", "A"]);
    let fin = fields(
        &exported.path,
        "tcp.flags.fin == 1",
        &["tcp.dstport", "frame.comment"],
    );
    assert_eq!(fin[0][0], "443");
    assert!(fin[0][1].contains("the certificate has expired"));
}

#[tokio::test]
async fn selected_flows_of_a_shared_connection() {
    let recording = Recording::new().await;
    let link = recording.connect("198.51.100.7:50000", "203.0.113.1:80");
    let mut ids: Vec<FlowId> = Vec::new();
    for i in 0..10 {
        let flow = recording.get(&link, &format!("/{i}"), 20 + 10 * i);
        flow.response(
            21 + 10 * i,
            200,
            "HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n",
        );
        flow.chunk(Side::Response, 22 + 10 * i, &[b'0' + i as u8; 2_000]);
        ids.push(flow.recorder.id());
        flow.complete();
    }
    link.close(Party::Client, 500);
    let options = ExportOptions {
        ids: Some(vec![ids[8], ids[2], ids[3]]),
        ..PCAPNG
    };
    let exported = recording.export(&options).await;
    assert_eq!(
        (exported.summary.flows, exported.summary.connections),
        (3, 1)
    );
    assert_clean(&exported.path, exported.summary.packets, &[]);
    let paths = fields(&exported.path, "http.request", &["http.request.uri"]);
    assert_eq!(paths, [["/2"], ["/3"], ["/8"]]);
}

#[tokio::test]
async fn a_client_of_another_family() {
    let recording = Recording::new().await;
    let link = recording.connect("198.51.100.7:50000", "[2001:db8::1]:80");
    link.edit(|c| c.upstream_local = Some("[2001:db8::99]:40000".parse().unwrap()));
    let flow = recording.get(&link, "/", 20);
    flow.response(21, 204, "HTTP/1.1 204 No Content\r\n\r\n");
    flow.complete();
    link.close(Party::Client, 30);
    let exported = recording.export(&PCAPNG).await;
    assert_clean(&exported.path, exported.summary.packets, &[]);
    let syn = fields(
        &exported.path,
        "tcp.flags == 2",
        &["ipv6.src", "tcp.srcport", "frame.comment"],
    );
    assert_eq!(syn[0][..2], ["2001:db8::99", "40000"]);
    assert!(syn[0][2].contains("client 198.51.100.7:50000"));
}
