//! Promise: what came out of packets is a flow like any other: WebSockets with their messages, TLS with what it shows,
//! exchanges with their times, to be sent again and to be exported; and what is not in the capture is said.

use crate::{
    clients::{interpreter, websocket_conversation, websocket_server},
    decrypt::Secret,
    support::{
        Nginx, Program, Run, certs::TestCa, folder, program::overhear, repository, tap::Tap, until,
    },
};
use serde_json::{Value, json};
use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::{TcpListener, TcpStream},
    path::Path,
    thread,
};

/// What a capture becomes, without a program running: the flows of TCP, in their order.
fn imported(home: &Path, file: &Path, options: &[&Path]) -> Vec<Value> {
    let data = home.join("data");
    let run = |words: &[&str]| overhear(home).args(words).arg("--data").arg(&data);
    let mut import = run(&["import", "--json"]);
    for keys in options {
        import = import.arg("--keylog").arg(keys);
    }
    let session = format!("session:{}", import.arg(file).ok().json()["session"]);
    let lines = run(&["export", "--format", "jsonl", &session]).ok();
    let lines = lines.json_lines().into_iter();
    // the last packet of the tap is one of UDP, which nobody takes
    let is_tcp = |flow: &Value| flow["kind"] != "udp" && flow["kind"] != "icmp";
    lines.filter(is_tcp).collect()
}

/// A field of the packets that tshark's filter finds.
fn tshark(file: &Path, filter: &str, field: &str) -> Vec<String> {
    let run = Run::new("tshark").args(["-Y", filter, "-T", "fields", "-e", field, "-r"]);
    let text = run.arg(file).ok().text();
    let lines = text.lines().filter(|line| !line.is_empty());
    lines.map(str::to_owned).collect()
}

/// Without some packets, or with less of each.
fn edited(file: &Path, options: &[&str], without: &[&String]) -> std::path::PathBuf {
    let out = file.with_extension("edited.pcapng");
    let run = Run::new("editcap").args(options).arg(file).arg(&out);
    run.args(without.iter().map(|number| number.as_str())).ok();
    out
}

#[test]
fn a_websocket_has_the_messages_that_passed() {
    websocket("plain");
    websocket("deflate");
}

fn websocket(compression: &str) {
    let program = Program::start();
    let (_server, port) = websocket_server(None);
    let home = folder();
    let file = home.path().join("socket.pcapng");
    let Some(tap) = Tap::on(port, &file) else {
        return;
    };
    let url = format!("ws://localhost:{port}/socket");
    websocket_conversation(&program, &url, compression);
    tap.end();
    program.api.flow("kind:websocket");
    program.command("import").arg(&file).ok();
    let messages = |filter: &str| {
        let har = program.command("export").args(["--format", "har", filter]);
        let entries = har.ok().json()["log"]["entries"].clone();
        assert_eq!(entries.as_array().unwrap().len(), 1, "{filter}");
        let messages = entries[0]["_webSocketMessages"].as_array().unwrap().iter();
        let said = |one: &Value| json!([one["type"], one["opcode"], one["data"]]);
        messages.map(said).collect::<Vec<_>>()
    };
    let captured = messages("kind:websocket session:2");
    assert_eq!(captured, messages("kind:websocket session:1"));
    assert!(captured.len() > 7, "{}", captured.len());
    // shown to a person without mask and compression, wherever it came from
    for session in ["session:1", "session:2"] {
        let flow = program.api.flow(&format!("kind:websocket {session}"));
        let shown = program.command("show").arg(flow["id"].to_string());
        let shown = shown.ok().text();
        let texts = captured.iter().filter(|message| message[1] == 1);
        for message in texts {
            let text = message[2].as_str().unwrap();
            assert!(
                shown.contains(text),
                "{session}: {text:.40} in {shown:.2000}"
            );
        }
        for line in [
            "00000000  00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f  ................\n",
            "256 B  binary\n",
            "  ping\n",
            "  pong\n",
            "  close\n",
        ] {
            assert!(shown.contains(line), "{session}: {line} in {shown:.2000}");
        }
    }
}

#[test]
fn what_tls_shows_is_what_tshark_sees() {
    let Some(secret) = Secret::record("1.2", "--http1.1") else {
        return;
    };
    let flows = imported(secret.home.path(), &secret.file, &[]);
    let [flow] = flows.as_slice() else {
        panic!("one connection: {flows:#?}");
    };
    let told = &flow["connection"]["server_tls"];
    let hello = "tls.handshake.type == 1";
    let ja3 = tshark(&secret.file, hello, "tls.handshake.ja3");
    assert_eq!(json!(ja3), json!([told["ja3"]]));
    let offered = tshark(&secret.file, hello, "tls.handshake.extensions_alpn_str");
    assert_eq!(offered, ["http/1.1"]);
    // TCP, TLS 1.2, a name, and its only protocol: h1
    let ja4 = told["ja4"].as_str().unwrap();
    assert!(ja4.starts_with("t12d") && ja4.contains("h1_"), "{ja4}");
    let serial = tshark(
        &secret.file,
        "tls.handshake.certificate",
        "x509af.serialNumber",
    );
    let certificates = told["certificates"].as_array().unwrap().iter();
    let serials: Vec<_> = certificates
        .map(|one| {
            one["serial"]
                .as_str()
                .unwrap()
                .replace(':', "")
                .to_lowercase()
        })
        .collect();
    assert_eq!(serials.join(","), serial[0].replace(':', ""));
}

#[test]
fn a_captured_exchange_has_its_times_and_is_sent_again() {
    let origin = Nginx::start();
    let program = Program::start();
    let file = program.home().join("plain.pcapng");
    let Some(tap) = Tap::on(origin.plain, &file) else {
        return;
    };
    let curl = Run::new("curl").args(["-sS", "--ipv4", "--noproxy", "*", "-o", "/dev/null"]);
    curl.arg(origin.http("/hello.txt")).ok();
    tap.end();
    program.command("import").arg(&file).ok();
    let flow = program.api.flow("session:2 path:/hello.txt");
    let har = program.command("export");
    let har = har.args(["--format", "har", "session:2 kind:http"]).ok();
    let timings = har.json()["log"]["entries"][0]["timings"].clone();
    // until the last packet of the response
    let waited = timings["wait"].as_f64().unwrap() + timings["receive"].as_f64().unwrap();
    let seen: f64 = tshark(&file, "http.response", "http.time")[0]
        .parse()
        .unwrap();
    assert!((waited - seen * 1000.0).abs() < 0.002, "{waited}: {seen}");

    let again = json!({
        "flow": flow["id"], "method": "GET", "url": flow["url"], "headers": [],
    });
    let answer = program.api.expect(202, "POST", "/api/replay", Some(&again));
    let again: Value = serde_json::from_str(&answer.text()).unwrap();
    let again = until("the replayed flow to end", || {
        let again = program.api.detail(again["flow"].as_i64().unwrap());
        (again["state"] == "complete").then_some(again)
    });
    assert_eq!(
        (&again["replay_of"], &again["status"]),
        (&flow["id"], &json!(200))
    );
    let body = origin.file("hello.txt");
    assert!(program.api.sent(&again, "response") == body);
    let command = program.command("export");
    let command = command.args(["--format", "curl", "session:2 kind:http"]);
    let script = command.ok().text();
    let fetched = Run::new("sh").args(["-c", &script]).ok();
    assert!(fetched.text().as_bytes().ends_with(&body), "{script}");
}

/// A server that answers each line with a hundred bytes, and a client that says five.
fn five_answers(home: &Path) -> Option<(std::path::PathBuf, u16)> {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let file = home.join("raw.pcapng");
    let tap = Tap::on(port, &file)?;
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let lines = BufReader::new(stream.try_clone().unwrap()).lines();
        for line in lines {
            let byte = line.unwrap().into_bytes()[0];
            stream.write_all(&[byte; 100]).unwrap();
        }
    });
    let mut client = TcpStream::connect(("127.0.0.1", port)).unwrap();
    for n in 0..5 {
        writeln!(client, "{n}").unwrap();
        std::io::Read::read_exact(&mut client, &mut [0; 100]).unwrap();
    }
    drop(client);
    server.join().unwrap();
    tap.end();
    Some((file, port))
}

#[test]
fn what_is_not_in_the_capture_is_said() {
    let home = folder();
    let Some((file, port)) = five_answers(home.path()) else {
        return;
    };
    let whole = imported(home.path(), &file, &[]);
    assert_eq!((whole.len(), &whole[0]["state"]), (1, &json!("complete")));
    assert_eq!(whole[0]["response"]["body_size"], 500);
    let all = tshark(&file, "tcp", "frame.number");
    let every = format!("packets 1 to {} of raw.", all.len());
    let comment = whole[0]["comment"].as_str().unwrap();
    assert!(comment.starts_with(&every), "{comment}");

    // a packet that was not captured
    let answers = format!("tcp.srcport == {port} and tcp.len > 0");
    let third = &tshark(&file, &answers, "frame.number")[2];
    let holed = imported(home.path(), &edited(&file, &[], &[third]), &[]);
    let [flow] = holed.as_slice() else {
        panic!("one connection: {holed:#?}");
    };
    let text = flow["error"]["text"].as_str().unwrap();
    assert!(
        text.starts_with("100 bytes of this connection are not in the capture"),
        "{text}"
    );
    assert_eq!(flow["state"], "failed");
    assert_eq!(flow["response"]["body_size"], 400);
    // and where, in the stream that is followed
    let shown = shown_of(home.path(), flow);
    let place = |what: &str| {
        shown
            .find(what)
            .unwrap_or_else(|| panic!("{what} in {shown}"))
    };
    let mark = place("[100 bytes missing in capture file]");
    assert!(
        place(&"1".repeat(100)) < mark && mark < place(&"3".repeat(100)),
        "{shown}"
    );
    assert!(!shown.contains(&"2".repeat(100)));

    // a snap length that leaves the headers
    let cut = imported(home.path(), &edited(&file, &["-s", "66"], &[]), &[]);
    let [flow] = cut.as_slice() else {
        panic!("one connection: {cut:#?}");
    };
    let text = flow["error"]["text"].as_str().unwrap();
    assert!(
        text.starts_with("510 bytes of this connection are not in the capture"),
        "{text}"
    );
    let comment = flow["comment"].as_str().unwrap();
    assert!(comment.starts_with(&every), "{comment}");
    let shown = shown_of(home.path(), flow);
    let marks: Vec<_> = shown.lines().filter(|line| line.starts_with('[')).collect();
    assert_eq!(
        marks,
        [
            "[10 bytes missing in capture file]",
            "[500 bytes missing in capture file]"
        ],
        "{shown}"
    );
}

/// What a person is shown of a flow that was imported.
fn shown_of(home: &Path, flow: &Value) -> String {
    let show = overhear(home).arg("show").arg(flow["id"].to_string());
    show.arg("--data").arg(home.join("data")).ok().text()
}

#[test]
fn mail_that_turns_to_tls_is_both() {
    let home = folder();
    let ca = TestCa::new();
    ca.identity().write(home.path(), "server");
    let server = Run::new(interpreter())
        .arg(repository().join("tests/clients/starttls.py"))
        .args([
            home.path().join("server.pem"),
            home.path().join("server.key"),
        ])
        .start();
    let port: u16 = until("the server's port", || {
        server.out_so_far().trim().parse().ok()
    });
    let (file, keys) = (
        home.path().join("mail.pcapng"),
        home.path().join("keys.log"),
    );
    let Some(tap) = Tap::on(port, &file) else {
        return;
    };
    let address = format!("127.0.0.1:{port}");
    Run::new("openssl")
        .args([
            "s_client",
            "-starttls",
            "smtp",
            "-tls1_2",
            "-quiet",
            "-connect",
            &address,
        ])
        .args(["-servername", "mail.test", "-keylogfile"])
        .arg(&keys)
        .input("QUIT\r\n")
        .run();
    tap.end();
    let flows = imported(home.path(), &file, &[]);
    let kinds: Vec<_> = flows.iter().map(|flow| &flow["kind"]).collect();
    assert_eq!(kinds, ["tcp", "tls"], "{flows:#?}");
    let clear = flows[0]["request_body"]["text"].as_str().unwrap();
    assert!(
        clear.starts_with("EHLO ") && clear.ends_with("STARTTLS\r\n"),
        "{clear:?}"
    );
    let told = &flows[1]["connection"]["server_tls"];
    assert_eq!(
        (&told["version"], &told["sni"]),
        (&json!("TLSv1.2"), &json!("mail.test"))
    );
    assert!(!told["certificates"].as_array().unwrap().is_empty());
    // and what was said inside
    let inside = imported(home.path(), &file, &[&keys]);
    assert_eq!(inside.len(), 2, "{inside:#?}");
    let said = inside[1]["request_body"]["text"].as_str().unwrap();
    assert_eq!(said, "QUIT\r\n");
    assert_eq!(inside[1]["response_body"]["text"], "221 until then\r\n");
}

/// A capture of Apple's says whose each packet is.
#[test]
fn a_captured_packet_says_whose_it_is() {
    let mut header = [0; 108];
    header[0] = 108;
    header[4] = 1;
    // raw IP, and of which process
    header[8] = 101;
    header[12..15].copy_from_slice(b"en0");
    header[52..54].copy_from_slice(&4711_u16.to_le_bytes());
    header[56..61].copy_from_slice(b"mDNSR");
    let mut ip = vec![
        0x45, 0, 0, 32, 0, 0, 0, 0, 64, 17, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2,
    ];
    ip.extend([0x30, 0x39, 0x1b, 0x58, 0, 12, 0, 0]);
    ip.extend(b"ping");
    let data = [&header[..], &ip].concat();
    let length = u32::try_from(data.len()).unwrap();
    let numbers = |numbers: &[u32]| {
        numbers
            .iter()
            .flat_map(|n| n.to_le_bytes())
            .collect::<Vec<u8>>()
    };
    let mut pcap = numbers(&[0xa1b2_c3d4, 0x0004_0002, 0, 0, 262_144, 258]);
    pcap.extend(numbers(&[1_700_000_000, 0, length, length]));
    pcap.extend(data);
    let program = Program::start();
    let file = program.home().join("pktap.pcap");
    std::fs::write(&file, pcap).unwrap();
    program.command("import").arg(&file).ok();
    let flow = program.api.flow("session:2 app:mDNSR");
    assert_eq!(
        (&flow["kind"], &flow["port"]),
        (&json!("udp"), &json!(7000))
    );
    assert_eq!(flow["connection"]["app"]["pid"], 4711, "{flow:#}");
}
