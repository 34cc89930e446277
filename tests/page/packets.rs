//! Promise: a capture that is dropped on the page becomes flows whose packets can be looked at as in Wireshark: listed, taken
//! apart, drawn, followed; and what went wrong leads to the packets that prove it.

use super::shared::drive_with;
use crate::decrypt::Secret;
use crate::support::{Program, Run, folder, not_run, program::overhear, system, until};
use serde_json::{Value, json};
use std::{
    fs,
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::Path,
    thread,
};

/// What the client says, and the server.
const HELLO: &str = "{\"id\":1,\"method\":\"hello\"}\n";
const MORE: &str = "{\"id\":2}{\"id\":12345678901234567890}";
const ANSWER: &str = "{\"result\":[true,null]}\n";

/// Lines of JSON, many packets of them.
fn many() -> String {
    (0..20_000).map(|n| format!("{{\"n\":{n}}}\n")).collect()
}

/// A conversation on the loopback interface, and a connection to a port on which nobody listens: the capture, and the ports.
fn talk(folder: &Path) -> (std::path::PathBuf, u16, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let unused = TcpListener::bind("127.0.0.1:0").unwrap();
    let closed = unused.local_addr().unwrap().port();
    drop(unused);
    let file = folder.join("talk.pcapng");
    let expression = format!("tcp port {port} or tcp port {closed}");
    let mut capture = overhear(folder)
        .args(["capture", "-i", "lo", "-U", "-w"])
        .arg(&file)
        .arg(&expression)
        .start();
    until("the capture to begin", || {
        capture.said_so_far().contains("listening on").then_some(())
    });
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut asked = vec![0; HELLO.len()];
        stream.read_exact(&mut asked).unwrap();
        stream.write_all(ANSWER.as_bytes()).unwrap();
        let mut asked = vec![0; MORE.len()];
        stream.read_exact(&mut asked).unwrap();
        stream.write_all(many().as_bytes()).unwrap();
    });
    let mut client = TcpStream::connect(("127.0.0.1", port)).unwrap();
    client.write_all(HELLO.as_bytes()).unwrap();
    let mut said = vec![0; ANSWER.len()];
    client.read_exact(&mut said).unwrap();
    client.write_all(MORE.as_bytes()).unwrap();
    let mut all = String::new();
    client.read_to_string(&mut all).unwrap();
    assert_eq!(all, many());
    drop(client);
    server.join().unwrap();
    TcpStream::connect(("127.0.0.1", closed)).unwrap_err();
    let refused = format!("{closed} > ");
    until("the last packet", || {
        // a file that is being written may end in the middle of a packet
        let read = overhear(folder).args(["read", "--print", "-n"]).arg(&file);
        read.run().text().contains(&refused).then_some(())
    });
    system::interrupt(capture.child());
    capture.wait().ok();
    (file, port, closed)
}

/// Fields of packets, as tshark has them.
fn tshark(file: &Path, filter: &str, fields: &[&str]) -> Vec<Vec<String>> {
    let fields = fields.iter().flat_map(|field| ["-e", field]);
    let run = Run::new("tshark")
        .args(["-n", "-o", "tcp.relative_sequence_numbers:FALSE", "-r"])
        .arg(file)
        .args(["-Y", filter, "-T", "fields"])
        .args(fields);
    let text = run.ok().text();
    let line = |line: &str| line.split('\t').map(str::to_owned).collect();
    text.lines().map(line).collect()
}

#[test]
fn a_dropped_capture_is_looked_at_packet_by_packet() {
    if !cfg!(target_os = "linux") || !system::is_root() {
        return not_run("a capture on the loopback interface needs root and Linux");
    }
    let folder = folder();
    let (file, port, closed) = talk(folder.path());
    let program = Program::start();
    let seen = drive_with(
        &program,
        "",
        "packets",
        &["dropped", "refused"],
        json!({ "file": file, "port": port, "closed": closed }),
    );
    let dropped = &seen["dropped"];
    let result = dropped["result"].as_str().unwrap();
    assert!(result.contains("2 flows imported"), "{result}");

    // the list: as many packets as tshark has of the stream, and the first with data
    let stream = format!("tcp.port == {port}");
    let all = tshark(&file, &stream, &["frame.number", "tcp.srcport"]);
    assert_eq!(dropped["count"], all.len());
    let number = &dropped["number"];
    let one = format!("frame.number == {number}");
    let names = [
        "tcp.srcport",
        "tcp.dstport",
        "tcp.seq",
        "tcp.ack",
        "tcp.window_size_value",
        "tcp.len",
    ];
    let fields = tshark(&file, &one, &names).remove(0);
    assert_eq!(fields[5], HELLO.len().to_string(), "the first with data");
    assert_eq!(dropped["side"], "request");
    let line = dropped["line"].as_str().unwrap();
    assert!(line.starts_with("Flags [P.], seq 1:"), "{line}");
    let ours = &dropped["fields"];
    for (name, theirs) in [
        ("Source port", &fields[0]),
        ("Destination port", &fields[1]),
        ("Sequence number", &fields[2]),
        ("Acknowledgment number", &fields[3]),
        ("Window", &fields[4]),
    ] {
        let value = ours[name]
            .as_str()
            .unwrap_or_else(|| panic!("{name}: {ours}"));
        assert_eq!(value.split([' ', ',']).next().unwrap(), theirs, "{name}");
    }
    // the marked bytes are the port, and the data stands in the text beside them
    let source: u16 = fields[0].parse().unwrap();
    let [high, low] = source.to_be_bytes();
    assert_eq!(dropped["marked"], format!("{high:02x} {low:02x}"));
    let ascii = dropped["ascii"].as_str().unwrap();
    assert!(ascii.contains(HELLO.trim_end()), "{ascii}");
    let address = dropped["address"].as_str().unwrap();
    assert!(address.contains(&format!("packet={number}")), "{address}");

    // graphs and counts
    let sent = format!(
        "{stream} and tcp.srcport == {port} and (tcp.len > 0 or tcp.flags.syn == 1 or tcp.flags.fin == 1)"
    );
    let sent = tshark(&file, &sent, &["frame.number"]).len();
    let graphs = &dropped["graphs"];
    let drawn = ["sent", "again", "late"].map(|name| graphs[name].as_u64().unwrap());
    assert_eq!(drawn.iter().sum::<u64>(), sent as u64, "{graphs}");
    for name in ["acknowledged", "rate", "rtt", "table"] {
        assert!(graphs[name].as_u64().unwrap() > 0, "{name}: {graphs}");
    }
    let point = dropped["point"].as_str().unwrap();
    assert!(point.contains("packet"), "{point}");
    let told = overhear(folder.path())
        .args(["read", "--connections", "--json"])
        .arg(&file)
        .ok()
        .json_lines();
    let told = told.iter().find(|one| one["b"]["port"] == port).unwrap();
    let counts = &dropped["counts"];
    for (name, member) in [("Packets", "packets"), ("Duplicate ACKs", "duplicate_acks")] {
        let both = [&told["a"][member], &told["b"][member]].map(Value::to_string);
        assert_eq!(counts[name], json!(both), "{name}");
    }
    // the packets of the flow alone, as a file
    let own = file.with_extension("pcapng.own");
    assert_eq!(tshark(&own, "tcp", &["frame.number"]).len(), all.len());

    // what was said
    let follow = &dropped["follow"];
    let lines = |name: &str| -> Vec<String> {
        let lines = follow[name].as_array().unwrap().iter();
        lines
            .map(|line| line.as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(
        lines("text")[..4],
        [
            format!("request {}", HELLO.trim_end()),
            format!("response {}", ANSWER.trim_end()),
            format!("request {MORE}"),
            "response {\"n\":0}".to_owned(),
        ]
    );
    let json = [
        "request {",
        "request   \"id\": 1,",
        "request   \"method\": \"hello\"",
        "request }",
        "response {",
        "response   \"result\": [",
        "response     true,",
        "response     null",
        "response   ]",
        "response }",
        "request {",
        "request   \"id\": 2",
        "request }",
        "request {",
        "request   \"id\": 12345678901234567890",
        "request }",
        "response {",
        "response   \"n\": 0",
    ];
    let trimmed: Vec<_> = json.iter().map(|line| squeezed(line)).collect();
    let shown: Vec<_> = lines("json").iter().map(|line| squeezed(line)).collect();
    assert_eq!(shown[..json.len()], trimmed);
    assert_eq!(follow["found"], "1 of 1");
    let hex = &lines("hex")[0];
    assert!(hex.starts_with("request 00000000  7b 22 69 64 22"), "{hex}");
    assert_eq!(follow["sides"], json!(["request"]));
    for (look, width) in dropped["wide"].as_object().unwrap() {
        assert_eq!(width, 390, "{look}: nothing sticks out on a phone");
    }
    for (look, broken) in dropped["broken"].as_object().unwrap() {
        assert_eq!(broken, &json!([]), "{look}: {broken:#}");
    }

    // what went wrong, and its proof
    let refused = &seen["refused"];
    assert_eq!(refused["cause"], "refused", "{refused:#}");
    let rst = tshark(
        &file,
        &format!("tcp.srcport == {closed} and tcp.flags.reset == 1"),
        &["frame.number"],
    );
    assert_eq!(refused["packet"].to_string(), rst[0][0]);
    assert!(refused["line"].as_str().unwrap().starts_with("Flags [R.]"));
    assert_eq!(refused["broken"], json!([]));
    assert_eq!(seen["troubles"], json!([]));
    fs::remove_file(own).unwrap();
}

/// A key log that comes with its capture, one that comes when the capture is there already, and one of something else.
#[test]
fn a_key_log_is_dropped_beside_its_capture_or_later() {
    let Some(secret) = Secret::record("1.3", "--http1.1") else {
        return;
    };
    let text = fs::read_to_string(&secret.keys).unwrap();
    let line = text.lines().find(|line| line.starts_with("CLIENT_"));
    let random = line.unwrap().split(' ').nth(1).unwrap();
    let other = secret.home.path().join("other.log");
    fs::write(&other, text.replace(random, &"00".repeat(32))).unwrap();
    let program = Program::start();
    let seen = drive_with(
        &program,
        "",
        "keylog",
        &["together", "later"],
        json!({ "file": secret.file, "keys": secret.keys, "other": other }),
    );
    let expected = json!(["/data.json", "/lines.txt", "/picture.png", "/upload"]);
    let (together, later) = (&seen["together"], &seen["later"]);
    assert_eq!(together["used"], "A key log. Used for tls.pcapng.");
    assert_eq!(together["paths"], expected);
    let before = later["before"].as_array().unwrap();
    assert!(before.contains(&json!("TLS handshake")), "{before:?}");
    let is_path = |text: &Value| text.as_str().unwrap().starts_with('/');
    assert!(!before.iter().any(is_path), "{before:?}");
    let wrong = later["wrong"].as_str().unwrap();
    assert!(wrong.contains("no secrets of a TLS connection"), "{wrong}");
    assert_eq!(later["used"], "A key log. Used for tls.pcapng.");
    assert_eq!(later["paths"], expected);
    assert!(later["packets"].as_u64() > Some(20), "{later}");
    assert_eq!(
        (&later["wide"], &later["broken"]),
        (&json!(390), &json!([]))
    );
    // the browser tells of the answer that said so
    let troubles = seen["troubles"].as_array().unwrap();
    let of_key_log = |text: &Value| text.as_str().unwrap().ends_with("/decrypt");
    assert!(
        troubles.len() == 1 && troubles.iter().all(of_key_log),
        "{troubles:?}"
    );
    // the packets are kept once, and what was dropped first is kept, too
    let captures = program.api.get("/api/captures/kept");
    assert_eq!(captures["items"].as_array().unwrap().len(), 2, "{captures}");
    let whole = fs::metadata(&secret.file).unwrap().len();
    assert_eq!(captures["items"][0]["kept"], whole);
    program.stop();
}

/// A line without its indentation, which a row draws as a distance.
fn squeezed(line: &str) -> String {
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}
