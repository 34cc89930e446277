//! HTTP/1 in every framing.

use crate::{
    reader::{assert_clean, clean_objects, count, fields, run, tshark},
    recording::{PCAPNG, Recording, noise},
};
use overhear_pcap_export::{ExportOptions, Format};
use overhear_store::{HeadKind, Kind, Party, Side};

const CLIENT: &str = "198.51.100.7:50000";

#[tokio::test]
async fn bodies_in_every_framing() {
    let recording = Recording::new().await;
    let link = recording.connect(CLIENT, "203.0.113.1:80");
    let (fixed, chunked, closed) = (noise(5_000, 1), noise(200_000, 2), noise(70_001, 3));
    let (upload, pieces) = (noise(3_000, 4), noise(30_000, 5));

    let flow = recording.get(&link, "/fixed", 20);
    let head =
        "HTTP/1.1 200 OK\r\nContent-Length: 5000\r\nContent-Type: application/octet-stream\r\n\r\n";
    flow.response(21, 200, head);
    flow.body(Side::Response, 22, &fixed, 1_000);
    flow.complete();

    let flow = recording.get(&link, "/chunked", 40);
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    flow.response(41, 200, head);
    flow.body(Side::Response, 42, &chunked, 9_999);
    flow.head(HeadKind::ResponseTrailers, 90, "Digest: abc\r\n\r\n");
    flow.complete();

    let flow = recording.flow(&link, Kind::Http, "POST", "/upload", 100);
    let head = "POST /upload HTTP/1.1\r\nHost: origin.example\r\nContent-Length: 3000\r\n\r\n";
    flow.head(HeadKind::Request, 100, head);
    flow.body(Side::Request, 101, &upload, 700);
    flow.response(120, 200, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    flow.complete();

    let flow = recording.flow(&link, Kind::Http, "PUT", "/pieces", 130);
    let head = "PUT /pieces HTTP/1.1\r\nHost: origin.example\r\nExpect: 100-continue\r\n\
                Transfer-Encoding: chunked\r\n\r\n";
    flow.head(HeadKind::Request, 130, head);
    flow.head(HeadKind::Interim, 131, "HTTP/1.1 100 Continue\r\n\r\n");
    flow.body(Side::Request, 132, &pieces, 7_000);
    flow.head(HeadKind::RequestTrailers, 150, "X-Sum: 1\r\n\r\n");
    flow.response(
        151,
        201,
        "HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n",
    );
    flow.chunk(Side::Response, 151, b"ok");
    flow.complete();

    let flow = recording.get(&link, "/closed", 160);
    flow.response(161, 200, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
    flow.body(Side::Response, 162, &closed, 10_000);
    flow.complete();
    link.close(Party::Server, 200);

    let exported = recording.export(&PCAPNG).await;
    assert_eq!(
        (exported.summary.flows, exported.summary.connections),
        (5, 1)
    );
    let expected = [
        ("chunked", &chunked[..]),
        ("closed", &closed),
        ("fixed", &fixed),
        ("pieces", &pieces),
        ("pieces(1)", b"ok"),
        ("upload", &upload),
    ];
    let found = clean_objects(&exported.path, exported.summary.packets);
    let names: Vec<_> = found.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, expected.map(|(name, _)| name));
    for ((name, bytes), (_, body)) in found.iter().zip(expected) {
        assert!(bytes == body, "{name} is another body");
    }
    let trailers = fields(
        &exported.path,
        "http.chunked_trailer_part",
        &["http.chunked_trailer_part"],
    );
    assert_eq!(trailers, [["Digest: abc\\r\\n"], ["X-Sum: 1\\r\\n"]]);
}

#[tokio::test]
async fn content_codings_stay_as_they_were() {
    let recording = Recording::new().await;
    let link = recording.connect(CLIENT, "203.0.113.1:80");
    let text: Vec<u8> = noise(60_000, 6).escape_ascii().collect();
    let folder = tempfile::tempdir().unwrap();
    let plain = folder.path().join("text");
    std::fs::write(&plain, &text).unwrap();
    run("gzip", &[plain.to_str().unwrap()]);
    let gzip = std::fs::read(folder.path().join("text.gz")).unwrap();

    for (at, path, framing) in [
        (20, "/length", format!("Content-Length: {}", gzip.len())),
        (200, "/chunks", "Transfer-Encoding: chunked".to_owned()),
    ] {
        let flow = recording.get(&link, path, at);
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Encoding: gzip\r\n{framing}\r\n\r\n"
        );
        flow.response(at + 1, 200, &head);
        flow.body(Side::Response, at + 2, &gzip, 4_321);
        flow.complete();
    }
    link.close(Party::Client, 1_000);

    let exported = recording.export(&PCAPNG).await;
    // tshark decodes: what it exports is the text
    let found = clean_objects(&exported.path, exported.summary.packets);
    let expected = ["chunks", "length"].map(|name| (name.to_owned(), text.clone()));
    assert!(found == expected);
    assert_eq!(
        count(&exported.path, "http.content_encoding == \"gzip\""),
        2
    );
}

#[tokio::test]
async fn messages_without_a_body() {
    let recording = Recording::new().await;
    let link = recording.connect(CLIENT, "203.0.113.1:80");
    let flow = recording.flow(&link, Kind::Http, "HEAD", "/head", 20);
    flow.head(
        HeadKind::Request,
        20,
        "HEAD /head HTTP/1.1\r\nHost: o\r\n\r\n",
    );
    flow.response(
        21,
        200,
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    );
    flow.complete();
    for (at, status, head) in [
        (30, 204, "HTTP/1.1 204 No Content\r\n\r\n"),
        (
            40,
            304,
            "HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n\r\n",
        ),
        (50, 200, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
    ] {
        let flow = recording.get(&link, "/none", at);
        flow.head(
            HeadKind::Interim,
            at,
            "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n",
        );
        flow.response(at + 1, status, head);
        flow.complete();
    }
    link.close(Party::Client, 100);
    let exported = recording.export(&PCAPNG).await;
    assert_clean(&exported.path, exported.summary.packets, &[]);
    let codes = fields(&exported.path, "http.response", &["http.response.code"]);
    assert_eq!(
        codes.concat(),
        ["200", "103", "204", "103", "304", "103", "200"]
    );
}

#[tokio::test]
async fn pipelined_requests_on_ipv6() {
    let recording = Recording::new().await;
    let link = recording.connect("[2001:db8::7]:50000", "[2001:db8::1]:8080");
    let flows: Vec<_> = (0..20)
        .map(|i| recording.get(&link, &format!("/{i}"), 20))
        .collect();
    for (i, flow) in (0..).zip(flows) {
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3000\r\n\r\n";
        flow.response(30 + 5 * i, 200, head);
        flow.chunk(Side::Response, 31 + 5 * i, &noise(3_000, i as u64));
        flow.complete();
    }
    link.close(Party::Client, 500);
    let exported = recording.export(&PCAPNG).await;
    assert_clean(&exported.path, exported.summary.packets, &[]);
    let requests = fields(&exported.path, "http.request", &["http.request.uri"]);
    let expected: Vec<_> = (0..20).map(|i| [format!("/{i}")]).collect();
    assert_eq!(requests, expected);
    let ends = fields(
        &exported.path,
        "http.response",
        &["ipv6.src", "tcp.srcport", "ipv6.dst", "tcp.dstport"],
    );
    assert_eq!(ends.len(), 20);
    assert!(
        ends.iter()
            .all(|e| *e == ["2001:db8::1", "8080", "2001:db8::7", "50000"])
    );
    let largest = fields(&exported.path, "tcp.len > 0", &["tcp.len"]);
    let largest = largest.iter().map(|f| f[0].parse().unwrap()).max();
    assert_eq!(largest, Some(1440));
    let bodies = fields(&exported.path, "http.response", &["http.file_data"]);
    assert_eq!(bodies.len(), 20);
}

#[tokio::test]
async fn tls_is_written_as_plain_http_with_its_true_ports_in_a_comment() {
    let record = async || {
        let recording = Recording::new().await;
        for server in ["203.0.113.1:443", "203.0.113.1:8443", "203.0.113.1:80"] {
            let mut link = recording.connect(CLIENT, server);
            if !server.ends_with(":80") {
                link = link.tls("http/1.1", 15);
            }
            let flow = recording.get(&link, "/x", 20);
            flow.response(21, 200, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n");
            flow.chunk(Side::Response, 22, b"x");
            flow.complete();
            link.close(Party::Client, 30);
        }
        recording
    };
    let exported = record().await.export(&PCAPNG).await;
    assert_clean(&exported.path, exported.summary.packets, &[]);
    assert_eq!(count(&exported.path, "http.request"), 3);
    let syns = fields(
        &exported.path,
        "tcp.flags == 2",
        &["tcp.srcport", "tcp.dstport", "frame.comment"],
    );
    // one client port, three conversations to what is now one server port
    let ports: Vec<_> = syns
        .iter()
        .map(|s| (s[0].as_str(), s[1].as_str()))
        .collect();
    assert_eq!(ports, [("50000", "80"), ("65535", "80"), ("65534", "80")]);
    for (syn, true_port, note) in [
        (
            &syns[0],
            "203.0.113.1:443",
            "written to port 80 instead of 443",
        ),
        (&syns[1], "203.0.113.1:8443", "written as 65535"),
        (&syns[2], "203.0.113.1:80", "written as 65534"),
    ] {
        let comment = &syn[2];
        assert!(
            comment.contains(true_port) && comment.contains(note),
            "{comment}"
        );
    }
    assert!(syns[0][2].contains("TLSv1.3 TLS_AES_128_GCM_SHA256 SNI origin.example ALPN http/1.1"));
    let names = tshark(&exported.path, &["-q", "-z", "hosts"]);
    assert!(names.contains("203.0.113.1\torigin.example"), "{names}");

    let keep = ExportOptions {
        keep_tls_port: true,
        ..PCAPNG
    };
    let exported = record().await.export(&keep).await;
    let syns = fields(
        &exported.path,
        "tcp.flags == 2",
        &["tcp.srcport", "tcp.dstport"],
    );
    assert_eq!(syns, [["50000", "443"], ["50000", "8443"], ["50000", "80"]]);
}

#[tokio::test]
async fn times_are_the_recorded_ones_in_both_formats() {
    for format in [Format::Pcap, Format::Pcapng] {
        let recording = Recording::new().await;
        let link = recording
            .connect(CLIENT, "203.0.113.1:80")
            .tls("http/1.1", 17);
        let flow = recording.get(&link, "/x", 20);
        flow.response(45, 200, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n");
        flow.chunk(Side::Response, 46, b"a");
        flow.chunk(Side::Response, 99, b"b");
        flow.complete();
        link.close(Party::Server, 1_234);
        let options = ExportOptions { format, ..PCAPNG };
        let exported = recording.export(&options).await;
        assert_clean(&exported.path, exported.summary.packets, &[]);
        let expected = [
            0, 10, 10, 20, 20, 45, 45, 46, 46, 99, 99, 1_234, 1_234, 1_234,
        ];
        let times = fields(&exported.path, "tcp", &["frame.time_epoch"]);
        let expected = expected.map(|ms| {
            let at = exported.base.0 + ms * 1_000_000;
            [format!("{}.{:09}", at / 1_000_000_000, at % 1_000_000_000)]
        });
        assert_eq!(times, expected);
    }
}
