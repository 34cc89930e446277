//! The packets behind a flow: that they are exactly its own, page by page and as a file.

use super::import::send;
use crate::testing::Site;
use axum::body::Body;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use flate2::{Compression, write::GzEncoder};
use overhear_capture::{
    LinkType, Packet, Reader,
    write::{Format, Header, Writer},
};
use overhear_store::FlowId;
use serde_json::{Value, json};
use std::{
    io::{Cursor, Write as _},
    time::Duration,
};

const SYN: u8 = 2;
const FIN: u8 = 1;
const ACK: u8 = 16;

/// A segment between port 40000 of 10.0.0.1 and port 80 of 10.0.0.2.
fn tcp(client: bool, flags: u8, sequence: u32, acknowledged: u32, payload: &[u8]) -> Vec<u8> {
    let (ends, ports) = match client {
        true => ([10, 0, 0, 1, 10, 0, 0, 2], [40_000_u16, 80]),
        false => ([10, 0, 0, 2, 10, 0, 0, 1], [80, 40_000]),
    };
    let [l0, l1] = u16::try_from(40 + payload.len()).unwrap_or(0).to_be_bytes();
    let mut bytes = vec![0x45, 0, l0, l1, 0, 0, 0, 0, 64, 6, 0, 0];
    bytes.extend(ends);
    bytes.extend(ports.map(u16::to_be_bytes).concat());
    bytes.extend(sequence.to_be_bytes());
    bytes.extend(acknowledged.to_be_bytes());
    bytes.extend([0x50, flags, 0x10, 0, 0, 0, 0, 0]);
    bytes.extend(payload);
    bytes
}

fn question() -> Vec<u8> {
    let mut bytes = vec![0x45, 0, 0, 32, 0, 0, 0, 0, 64, 17, 0, 0];
    bytes.extend([
        10, 0, 0, 1, 10, 0, 0, 2, 0x13, 0x88, 0x13, 0x89, 0, 12, 0, 0,
    ]);
    bytes.extend(b"talk");
    bytes
}

/// Two exchanges on one connection, and another conversation between them.
fn passed() -> Vec<Vec<u8>> {
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: a.test\r\n\r\n").into_bytes();
    let ok = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    let (asked, said) = (get("/1").len() as u32, ok.len() as u32);
    let (half, rest) = ok.split_at(20);
    vec![
        tcp(true, SYN, 99, 0, b""),
        tcp(false, SYN | ACK, 499, 100, b""),
        tcp(true, ACK, 100, 500, b""),
        tcp(true, ACK, 100, 500, &get("/1")),
        question(),
        tcp(false, ACK, 500, 100 + asked, ok),
        tcp(true, ACK, 100 + asked, 500 + said, b""),
        tcp(true, ACK, 100 + asked, 500 + said, &get("/2")),
        tcp(false, ACK, 500 + said, 100 + 2 * asked, half),
        question(),
        tcp(false, ACK, 520 + said, 100 + 2 * asked, rest),
        tcp(true, FIN | ACK, 100 + 2 * asked, 500 + 2 * said, b""),
        tcp(false, FIN | ACK, 500 + 2 * said, 101 + 2 * asked, b""),
    ]
}

pub(super) fn capture(format: Format) -> Vec<u8> {
    file_of(format, &passed())
}

pub(super) fn file_of(format: Format, packets: &[Vec<u8>]) -> Vec<u8> {
    let mut file = Vec::new();
    let header = Header {
        format,
        link: LinkType::RAW,
        snaplen: 65_535,
        nanoseconds: true,
        interface: Some("eth7".to_owned()),
        filter: None,
    };
    let mut writer = Writer::new(&mut file, header).expect("a header");
    for (number, data) in (1..).zip(packets) {
        let packet = Packet {
            number,
            time: 1_795_222_923_000_000_000 + number as i64 * 1_000_000,
            link: LinkType::RAW,
            interface: 0,
            original_length: data.len() as u32,
            offset: 0,
            data,
        };
        writer.packet(&packet).expect("a packet");
    }
    writer.finish(None).expect("an end");
    file
}

fn gzip(file: &[u8]) -> Vec<u8> {
    let mut out = GzEncoder::new(Vec::new(), Compression::fast());
    out.write_all(file).expect("memory");
    out.finish().expect("memory")
}

pub(super) fn numbers(page: &Value) -> Vec<u64> {
    let items = page["items"].as_array().expect("a list");
    items
        .iter()
        .filter_map(|item| item["number"].as_u64())
        .collect()
}

/// The flows by their paths; raw ones have an empty one.
async fn by_path(site: &Site, path: &str) -> i64 {
    let flows = site.get("/api/flows?session=all").await.json();
    let mut flows = flows["items"].as_array().expect("a list").iter();
    let flow = flows.find(|flow| flow["path"] == path);
    flow.and_then(|flow| flow["id"].as_i64()).expect("a flow")
}

#[tokio::test]
async fn each_flow_has_its_packets() {
    let pcapng = capture(Format::Pcapng);
    let files = [capture(Format::Pcap), gzip(&pcapng), pcapng];
    for file in files {
        let site = Site::new().await;
        let answer = send(&site, "/api/import?name=a.pcap", Body::from(file)).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let expected = [
            ("/1", vec![1, 2, 3, 4, 6]),
            // and those that close the connection
            ("/2", vec![8, 9, 11, 12, 13]),
            ("", vec![5, 10]),
        ];
        for (path, packets) in expected {
            let id = by_path(&site, path).await;
            let page = site.get(&format!("/api/flows/{id}/packets")).await.json();
            assert_eq!(numbers(&page), packets, "{path}");
            assert_eq!(
                (&page["next"], &page["gone"]),
                (&Value::Null, &Value::Bool(false))
            );
            // the same ones as a file, byte for byte
            let answer = site.get(&format!("/api/flows/{id}/packets.pcapng")).await;
            assert!(!answer.broken && answer.status == 200);
            let mut reader = Reader::new(Cursor::new(answer.body)).expect("a capture");
            for number in packets {
                let packet = reader.next().expect("no damage").expect("a packet");
                assert_eq!(packet.data, passed()[number as usize - 1]);
                assert_eq!(packet.time % 1_000_000_000, number as i64 * 1_000_000);
            }
            assert!(reader.next().expect("no damage").is_none());
        }
    }
}

#[tokio::test]
async fn page_by_page_they_are_the_same() {
    let site = Site::new().await;
    send(
        &site,
        "/api/import?name=a",
        Body::from(capture(Format::Pcapng)),
    )
    .await;
    let id = by_path(&site, "/1").await;
    let whole = site.get(&format!("/api/flows/{id}/packets")).await.json();
    let all = whole["items"].as_array().expect("a list");
    let first = &all[0];
    assert_eq!(first["direction"], "request");
    assert_eq!(first["time"], "2026-11-21T01:02:03.001000000Z");
    assert_eq!(first["interface"], "eth7");
    assert_eq!(
        (&first["captured_length"], &first["link"]),
        (&40.into(), &101.into())
    );
    let summary = all[3]["summary"].as_str().expect("a line");
    assert!(
        summary
            .starts_with("IP 10.0.0.1.40000 > 10.0.0.2.80: Flags [.], seq 1:34, ack 1, win 4096"),
        "{summary}"
    );
    assert_eq!(all[4]["direction"], "response");

    let mut paged = Vec::new();
    let mut path = format!("/api/flows/{id}/packets?limit=2");
    loop {
        let page = site.get(&path).await.json();
        let items = page["items"].as_array().expect("a list");
        assert!(items.len() <= 2);
        paged.extend(items.iter().cloned());
        let Some(next) = page["next"].as_str() else {
            break;
        };
        path = format!("/api/flows/{id}/packets?limit=2&cursor={next}");
    }
    assert_eq!(&paged, all);
    for wrong in ["limit=0", "limit=1001", "cursor=1-2", "cursor=a-b-c"] {
        let path = format!("/api/flows/{id}/packets?{wrong}");
        site.get(&path).await.problem(400);
    }
    site.get("/api/flows/99/packets").await.problem(404);
}

#[tokio::test]
async fn packets_that_are_gone_are_said_to_be() {
    let site = Site::new().await;
    send(
        &site,
        "/api/import?name=a",
        Body::from(capture(Format::Pcap)),
    )
    .await;
    let id = by_path(&site, "/2").await;
    let kept = site.store.packets_of(FlowId(id)).await.expect("ranges");
    let path = kept[0].path.clone().expect("a file");
    assert!(site.store.packets_on_disk() > 0);
    site.store
        .remove_packet_file(kept[0].file)
        .await
        .expect("removed");
    assert!(!path.exists());
    assert_eq!(site.store.packets_on_disk(), 0);
    let page = site.get(&format!("/api/flows/{id}/packets")).await.json();
    assert_eq!(
        (numbers(&page).len(), &page["gone"]),
        (0, &Value::Bool(true))
    );
    let download = format!("/api/flows/{id}/packets.pcapng");
    site.get(&download).await.problem(410);
    // a flow through the proxy has none
    let proxied = site.record(crate::testing::Exchange::default()).await.0;
    let page = site
        .get(&format!("/api/flows/{proxied}/packets"))
        .await
        .json();
    assert_eq!(
        (numbers(&page).len(), &page["gone"]),
        (0, &Value::Bool(false))
    );
    site.get(&format!("/api/flows/{proxied}/packets.pcapng"))
        .await
        .problem(404);
}

#[tokio::test]
async fn an_import_leaves_no_packets_behind() {
    let site = Site::new().await;
    let folder = site.store.packets_folder();
    let files = || std::fs::read_dir(&folder).map_or(0, Iterator::count);
    // nothing in it makes a flow
    let mut empty = capture(Format::Pcap);
    empty.truncate(24);
    send(&site, "/api/import", Body::from(empty))
        .await
        .problem(400);
    assert_eq!(files(), 0);
    assert!(site.store.captures().await.expect("captures").is_empty());

    send(
        &site,
        "/api/import?name=a",
        Body::from(capture(Format::Pcap)),
    )
    .await;
    assert_eq!(files(), 1);
    site.store.delete_matching(None).await.expect("deleted");
    for _ in 0..600 {
        if files() == 0 {
            return;
        }
        // it goes some time after the flows, and nobody is told
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("the packets are still there");
}

#[tokio::test]
async fn captures_are_begun_listed_and_stopped() {
    let site = Site::new().await;
    let begin = |interface: &str, expression: &str| {
        Some(serde_json::json!({"interface": interface, "expression": expression}))
    };
    let begun = site
        .ask("POST", "/api/captures", begin(" eth7 ", " "))
        .await;
    assert_eq!(begun.status, 201, "{}", begun.text());
    let begun = begun.json();
    assert_eq!(
        (&begun["interface"], &begun["expression"]),
        (&"eth7".into(), &Value::Null)
    );
    let again = site
        .ask("POST", "/api/captures", begin("eth7", "udp"))
        .await;
    again.problem(409);
    for (interface, expression) in [("", ""), ("-w", ""), ("a", "\0")] {
        let wrong = site.ask("POST", "/api/captures", begin(interface, expression));
        wrong.await.problem(400);
    }
    let list = site.get("/api/captures").await.json();
    assert_eq!(list["items"], serde_json::json!([begun]));
    let path = format!("/api/captures/{}", begun["id"]);
    assert_eq!(site.ask("DELETE", &path, None).await.status, 204);
    site.ask("DELETE", &path, None).await.problem(404);
    assert_eq!(
        site.get("/api/captures").await.json()["items"],
        serde_json::json!([])
    );
}

#[tokio::test]
async fn a_packet_is_taken_apart() {
    let site = Site::new().await;
    let file = Body::from(capture(Format::Pcapng));
    send(&site, "/api/import?name=a", file).await;
    let id = by_path(&site, "/1").await;
    let page = site.get(&format!("/api/flows/{id}/packets")).await.json();
    let listed = &page["items"][3];
    let (file, offset) = (&listed["file"], listed["offset"].as_u64().expect("a place"));
    let path = format!("/api/flows/{id}/packets/{file}/{offset}");
    let packet = site.get(&path).await.json();
    for same in ["file", "offset", "time", "direction", "interface", "link"] {
        assert_eq!(packet[same], listed[same], "{same}");
    }
    assert_eq!(packet["link_name"], "RAW");
    assert_eq!(packet["captured_length"], passed()[3].len());
    assert_eq!(packet["data"], STANDARD.encode(&passed()[3]));
    let layers = packet["layers"].as_array().expect("layers");
    let names: Vec<_> = layers.iter().map(|layer| &layer["name"]).collect();
    assert!(names.len() >= 3, "{names:?}");
    let tcp = layers.iter().find(|layer| layer["name"] == "TCP");
    let tcp = tcp.expect("a segment");
    assert_eq!((&tcp["begin"], &tcp["end"]), (&20.into(), &40.into()));
    let port = &tcp["fields"][1];
    assert_eq!((&port["begin"], &port["end"]), (&22.into(), &24.into()));
    assert!(
        port["value"].as_str().expect("a value").contains("80"),
        "{port}"
    );

    // another flow's, none, no flow at all
    let other = by_path(&site, "").await;
    let page = site
        .get(&format!("/api/flows/{other}/packets"))
        .await
        .json();
    let place = &page["items"][0]["offset"];
    for wrong in [
        format!("{id}/packets/{file}/{place}"),
        format!("{id}/packets/{file}/{}", offset + 4),
        format!("{id}/packets/{file}/999999"),
        format!("{id}/packets/99/{offset}"),
        format!("99/packets/{file}/{offset}"),
    ] {
        site.get(&format!("/api/flows/{wrong}")).await.problem(404);
    }
    site.get(&format!("/api/flows/{id}/packets/{file}/x"))
        .await
        .problem(400);

    let kept = site.store.packets_of(FlowId(id)).await.expect("ranges");
    let removed = site.store.remove_packet_file(kept[0].file).await;
    removed.expect("removed");
    let path = format!("/api/flows/{id}/packets/{file}/{offset}");
    site.get(&path).await.problem(410);
    let path = format!("/api/flows/{id}/analysis");
    site.get(&path).await.problem(410);
}

/// A later fragment is only known by the first of its datagram.
#[tokio::test]
async fn a_later_fragment_is_taken_apart_too() {
    let site = Site::new().await;
    let mut datagram = question();
    datagram[6] = 0x20;
    datagram.splice(24..26, [0, 16]);
    let mut rest = datagram[..20].to_vec();
    rest[6..8].copy_from_slice(&[0, 1]);
    rest.extend(b"and more");
    let mut first = datagram;
    first.truncate(28);
    first[3] = 28;
    rest[3] = 28;
    let file = file_of(Format::Pcapng, &[question(), first, rest]);
    send(&site, "/api/import?name=a", Body::from(file)).await;
    let id = by_path(&site, "").await;
    let page = site.get(&format!("/api/flows/{id}/packets")).await.json();
    assert_eq!(numbers(&page), [1, 2, 3], "{page}");
    let (file, offset) = (&page["items"][2]["file"], &page["items"][2]["offset"]);
    let path = format!("/api/flows/{id}/packets/{file}/{offset}");
    let packet = site.get(&path).await.json();
    assert_eq!(packet["direction"], "request");
    assert_eq!(packet["captured_length"], 28);
}

#[tokio::test]
async fn what_packets_tell_of_the_way() {
    let site = Site::new().await;
    let file = Body::from(capture(Format::Pcap));
    send(&site, "/api/import?name=a", file).await;
    let flow = by_path(&site, "/2").await;
    let told = site
        .get(&format!("/api/flows/{flow}/analysis"))
        .await
        .json();
    // both exchanges, not only the second
    assert_eq!(
        (&told["packets"], &told["whole"]),
        (&11.into(), &true.into())
    );
    assert_eq!(told["first"], "2026-11-21T01:02:03.001000000Z");
    assert_eq!(told["last"], "2026-11-21T01:02:03.013000000Z");
    let asked = "GET /1 HTTP/1.1\r\nHost: a.test\r\n\r\n".len() as u64;
    let request = &told["request"];
    assert_eq!(request["address"], "10.0.0.1:40000");
    assert_eq!(request["counted"]["unique_bytes"], 2 * asked);
    assert_eq!(request["counted"]["retransmitted_packets"], 0);
    let sent = request["sent"]["points"].as_array().expect("points");
    let sent: Vec<_> = sent
        .iter()
        .map(|dot| json!([dot["packet"], dot["time_s"], dot["value"], dot["end"]]))
        .collect();
    let asked = asked as f64;
    assert_eq!(
        sent,
        [
            json!([1, 0.0, 0.0, 1.0]),
            json!([4, 0.003, 1.0, 1.0 + asked]),
            json!([8, 0.007, 1.0 + asked, 1.0 + 2.0 * asked]),
            json!([12, 0.011, 1.0 + 2.0 * asked, 2.0 + 2.0 * asked]),
        ]
    );
    let rtt = &told["response"]["rtt"];
    assert_eq!(rtt["points"][0]["value"], 1.0, "milliseconds");
    let bytes = told["request"]["throughput"]["bytes"].as_array();
    let bytes = bytes.expect("intervals").iter().filter_map(Value::as_u64);
    assert_eq!(bytes.sum::<u64>() as f64, 2.0 * asked);

    let datagrams = by_path(&site, "").await;
    let path = format!("/api/flows/{datagrams}/analysis");
    site.get(&path).await.problem(404);
    let proxied = site.record(crate::testing::Exchange::default()).await.0;
    let path = format!("/api/flows/{proxied}/analysis");
    site.get(&path).await.problem(404);
    site.get("/api/flows/999/analysis").await.problem(404);
    for (id, has) in [(flow, true), (proxied, false)] {
        let detail = site.get(&format!("/api/flows/{id}")).await.json();
        assert_eq!(detail["has_packets"], has);
    }
}

#[tokio::test]
async fn what_went_wrong_is_proved_by_packets() {
    let site = Site::new().await;
    let data = b"0123456789".repeat(100);
    let mut packets = passed();
    // the client resets another connection in the middle, after its data was sent three times
    let other = |mut packet: Vec<u8>| {
        let port = if packet[15] == 1 { 21 } else { 23 };
        packet[port] = 0x41;
        packet
    };
    packets.extend([
        other(tcp(true, SYN, 99, 0, b"")),
        other(tcp(false, SYN | ACK, 499, 100, b"")),
        other(tcp(true, ACK, 100, 500, &data)),
        other(tcp(true, ACK, 100, 500, &data)),
        other(tcp(true, ACK, 100, 500, &data)),
        other(tcp(true, 4, 1100, 500, b"")),
    ]);
    let file = file_of(Format::Pcapng, &packets);
    send(&site, "/api/import?name=a", Body::from(file)).await;
    let flows = site.get("/api/flows?session=all").await.json();
    let mut flows = flows["items"].as_array().expect("a list").iter();
    let flow = flows.find(|flow| flow["client"] == "10.0.0.1:40001");
    let id = flow.expect("a flow")["id"].clone();
    let path = format!("/api/flows/{id}/findings");
    let told = site.get(&path).await.json();
    let items = told["items"].as_array().expect("a list");
    let proof: Vec<_> = items
        .iter()
        .map(|item| json!([item["cause"], item["packets"], item["count"]]))
        .collect();
    assert_eq!(
        proof,
        [json!(["loss", [17, 18], 2]), json!(["reset", [19], 1])],
        "{told}"
    );
    // of the healthy connection, nothing is said
    let healthy = by_path(&site, "/1").await;
    let path = format!("/api/flows/{healthy}/findings");
    assert_eq!(site.get(&path).await.json()["items"], json!([]));
    site.get("/api/flows/999/findings").await.problem(404);
}
