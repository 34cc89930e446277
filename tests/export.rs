//! Promise: what is exported opens in the tools that people have, and holds what was recorded.

use crate::support::{
    Nginx, Program, Run, Server,
    certs::TestCa,
    server::response,
    sha256,
    wire::{self, Stream},
};
use serde_json::Value;
use std::{
    io::{Read, Write},
    path::{Path, PathBuf},
};

/// Real traffic of all kinds: HTTP/1.1 and HTTP/2, gzip, uploads, raw bytes, a WebSocket, keep-alive.
fn traffic(origin: &Nginx) -> Program {
    let program = Program::trusting(&origin.ca.pem);
    origin.large_file("large.bin", 3 << 20);
    let names = [
        "/index.html",
        "/style.css",
        "/script.js",
        "/picture.png",
        "/large.bin",
    ];
    let plain = names.map(|name| origin.http(name));
    program
        .curl()
        .args(plain.iter().flat_map(|url| ["-o", "/dev/null", url]))
        .ok();
    let secure = ["/data.json", "/lines.txt"].map(|name| origin.https(name));
    for version in ["--http1.1", "--http2"] {
        program
            .curl()
            .arg(version)
            .args(secure.iter().flat_map(|url| ["-o", "/dev/null", url]))
            .ok();
        let upload = origin.https(&format!("/upload?{version}"));
        program
            .curl()
            .args([version, "--data-binary", &upload_body(), &upload])
            .ok();
    }
    program
        .curl()
        .args(["--compressed", &origin.http("/gzip/lines.txt")])
        .ok();
    program.curl().args(["-I", &origin.http("/hello.txt")]).ok();
    raw(&program);
    let (_server, port) = crate::clients::websocket_server(None);
    crate::clients::websocket_conversation(
        &program,
        &format!("ws://localhost:{port}/socket"),
        "plain",
    );
    program.api.wait_for("", 15);
    program
}

/// What is uploaded.
fn upload_body() -> String {
    "body ".repeat(20_000)
}

fn raw(program: &Program) {
    let origin = Server::new(None, |mut stream| {
        stream.write_all(b"220 ready\r\n").unwrap();
        let mut buffer = [0; 6];
        stream.read_exact(&mut buffer).unwrap();
        stream.finish();
    });
    let mut client = wire::tunnel(program.proxy, &format!("localhost:{}", origin.port()));
    client.read_exact(&mut [0; 11]).unwrap();
    client.write_all(b"QUIT\r\n").unwrap();
    wire::read_rest(&mut client);
}

#[test]
fn captures_that_wireshark_reads_without_a_warning() {
    let origin = Nginx::start();
    let program = traffic(&origin);
    for format in ["pcapng", "pcap"] {
        let file = program.home().join(format!("all.{format}"));
        program
            .command("export")
            .args(["--format", format, "-o"])
            .arg(&file)
            .ok();
        let warnings = tshark(&file).args(["-q", "-z", "expert,warn"]).ok().text();
        assert!(
            !warnings.contains("Warns") && !warnings.contains("Errors"),
            "{format}: {warnings}"
        );
        let malformed = tshark(&file)
            .args(["-Y", "_ws.malformed or tcp.analysis.flags"])
            .ok()
            .text();
        assert_eq!(malformed, "", "{format}");
        let checksums = tshark(&file)
            .args([
                "-o",
                "tcp.check_checksum:TRUE",
                "-o",
                "ip.check_checksum:TRUE",
            ])
            .args(["-Y", "tcp.checksum.status == 0 or ip.checksum.status == 0"])
            .ok();
        assert_eq!(checksums.text(), "", "{format}: wrong checksums");

        let objects = objects(&file, &program.home().join(format!("objects-{format}")));
        for name in [
            "index.html",
            "style.css",
            "script.js",
            "picture.png",
            "large.bin",
            "data.json",
            "lines.txt",
        ] {
            let expected = sha256(origin.file(name).as_slice());
            assert!(
                objects.contains(&expected),
                "{format}: {name} is not among the objects"
            );
        }
        assert!(
            objects.contains(&sha256(upload_body().as_bytes())),
            "{format}: the upload is not among the objects"
        );
        // tshark exports no objects of HTTP/2: the frames are put together here
        for (path, side, expected) in [
            ("/data.json", 1, origin.file("data.json")),
            ("/lines.txt", 1, origin.file("lines.txt")),
            ("/upload?--http2", 0, upload_body().into_bytes()),
        ] {
            let body = &http2_bodies(&file, path)[side];
            assert!(
                *body == expected,
                "{format}: of {path} over HTTP/2, {} bytes instead of {}",
                body.len(),
                expected.len()
            );
        }
        let requests = fields(&file, "http.request", "http.request.uri");
        assert!(
            requests.iter().any(|uri| uri.contains("/data.json")),
            "{requests:?}"
        );
        let http2 = fields(&file, "http2.headers.path", "http2.headers.path");
        assert!(
            http2.iter().any(|path| path.contains("/data.json")),
            "{http2:?}"
        );
        let websocket = fields(&file, "websocket.payload", "websocket.opcode");
        assert!(
            websocket.len() >= 7,
            "WebSocket frames are dissected: {websocket:?}"
        );
        assert!(!fields(&file, "tcp contains \"220 ready\"", "frame.number").is_empty());

        let read = Run::new("tcpdump").args(["-nn", "-r"]).arg(&file).ok();
        let packets = fields(&file, "frame", "frame.number").len();
        assert_eq!(
            read.text().lines().filter(|l| l.contains(" IP")).count(),
            packets
        );
    }
}

#[test]
fn a_capture_has_the_true_addresses_and_times() {
    let origin = Nginx::start();
    let program = Program::trusting(&origin.ca.pem);
    program.curl().arg(origin.https("/hello.txt")).ok();
    let flow = program.api.flow("path:/hello.txt");
    let file = program.home().join("one.pcapng");
    program
        .command("export")
        .args(["--format", "pcapng", "-o"])
        .arg(&file)
        .ok();
    let fields = |filter: &str, name: &str| fields(&file, filter, name);

    let (client, port) = flow["client"].as_str().unwrap().rsplit_once(':').unwrap();
    assert_eq!(
        fields("tcp.flags.syn == 1 and tcp.flags.ack == 0", "ip.src"),
        [client]
    );
    assert_eq!(
        fields("tcp.flags.syn == 1 and tcp.flags.ack == 0", "tcp.srcport"),
        [port]
    );
    assert_eq!(
        fields("tcp.flags.syn == 1 and tcp.flags.ack == 1", "ip.src"),
        ["127.0.0.1"]
    );
    assert!(
        !fields("tcp.flags.fin == 1", "frame.number").is_empty(),
        "it ends"
    );
    let lengths = fields("tcp.len > 0", "tcp.len");
    assert!(
        lengths.iter().all(|n| n.parse::<u32>().unwrap() <= 1460),
        "{lengths:?}"
    );

    // The first packet is not before the connection, the last not after the export.
    let times = fields("frame", "frame.time_epoch");
    let accepted = &flow["connection"]["times"]["accepted"];
    let times: Vec<f64> = times.iter().map(|t| t.parse().unwrap()).collect();
    assert!(times.is_sorted(), "{times:?}");
    let date = Run::new("python3")
        .args(["-c", "import sys,datetime as d;s=sys.argv[1];print(d.datetime.fromisoformat(s[:26]+'+00:00').timestamp())"])
        .arg(accepted.as_str().unwrap())
        .ok();
    let accepted: f64 = date.text().trim().parse().unwrap();
    assert!((times[0] - accepted).abs() < 2.0, "{} {accepted}", times[0]);
}

#[test]
fn tls_on_443_is_written_as_80_or_kept() {
    let origin = Nginx::start();
    let program = Program::trusting(&origin.ca.pem);
    program.curl().arg(origin.https("/hello.txt")).ok();
    program.api.flow("path:/hello.txt");
    let file = program.home().join("tls.pcapng");
    program
        .command("export")
        .args(["--format", "pcapng", "-o"])
        .arg(&file)
        .ok();
    let comments = fields(&file, "frame.comment", "frame.comment").join("\n");
    assert!(
        comments.contains(&format!("127.0.0.1:{}", origin.tls)),
        "{comments}"
    );
}

#[test]
fn only_what_was_selected() {
    let origin = Nginx::start();
    let program = Program::start();
    for path in ["/hello.txt", "/data.json", "/style.css"] {
        program.curl().arg(origin.http(path)).ok();
    }
    let flows = program.api.wait_for("", 3);
    let file = program.home().join("filtered.pcapng");
    program
        .command("export")
        .args(["path:/data.json", "--format", "pcapng", "-o"])
        .arg(&file)
        .ok();
    assert_eq!(
        fields(&file, "http.request", "http.request.uri"),
        ["/data.json"]
    );
    let ids = format!("{},{}", flows[0]["id"], flows[2]["id"]);
    let bytes = program
        .api
        .bytes(&format!("/api/export?format=pcapng&ids={ids}"));
    std::fs::write(&file, bytes).unwrap();
    assert_eq!(
        fields(&file, "http.request", "http.request.uri"),
        ["/hello.txt", "/style.css"]
    );
}

#[test]
fn har_as_browsers_read_it() {
    let origin = Nginx::start();
    let program = traffic(&origin);
    let har = program
        .command("export")
        .args(["--format", "har"])
        .ok()
        .json();
    let log = &har["log"];
    assert_eq!(log["version"], "1.2");
    assert_eq!(log["creator"]["name"], "overhear");
    let entries = log["entries"].as_array().unwrap();
    assert!(entries.len() >= 14, "{}", entries.len());
    for entry in entries {
        required(
            entry,
            &[
                "startedDateTime",
                "time",
                "request",
                "response",
                "cache",
                "timings",
            ],
        );
        let request = &entry["request"];
        let fields = [
            "method",
            "url",
            "httpVersion",
            "cookies",
            "headers",
            "queryString",
        ];
        required(request, &fields);
        required(request, &["headersSize", "bodySize"]);
        let response = &entry["response"];
        required(
            response,
            &["status", "statusText", "httpVersion", "cookies", "headers"],
        );
        required(
            response,
            &["content", "redirectURL", "headersSize", "bodySize"],
        );
        required(&response["content"], &["size", "mimeType"]);
        required(&entry["timings"], &["send", "wait", "receive"]);
    }
    let find = |path: &str| {
        let found = entries
            .iter()
            .find(|e| e["request"]["url"].as_str().unwrap().ends_with(path));
        found.unwrap_or_else(|| panic!("{path} is missing"))
    };
    let lines = String::from_utf8(origin.file("lines.txt")).unwrap();
    assert_eq!(
        find("/gzip/lines.txt")["response"]["content"]["text"],
        lines,
        "decoded text"
    );
    let picture = &find("/picture.png")["response"]["content"];
    assert_eq!(picture["encoding"], "base64");
}

#[test]
fn a_curl_command_that_does_it_again() {
    let origin = Server::answering(None, |_| response("200 OK", &[], "ok"));
    let program = Program::start();
    let url = format!("http://localhost:{}/again?a='b'&c=$HOME", origin.port());
    let body = "it's \"quoted\"\n\\and $(more) `of` it\u{fc}!";
    program
        .curl()
        .args([
            "-X",
            "PATCH",
            "-H",
            "X-Odd: a 'b' \"c\" $d",
            "-H",
            "Content-Type: text/plain",
        ])
        .args(["--data-binary", body, &url])
        .ok();
    program.api.flow("path:/again");
    let command = program
        .command("export")
        .args(["path:/again", "--format", "curl"])
        .ok()
        .text();
    assert!(command.contains("curl"), "{command}");
    Run::new("sh")
        .args(["-c", &command])
        .dir(program.home())
        .ok();
    let requests = origin.requests();
    let [first, second] = requests.as_slice() else {
        panic!("{} requests: {command}", requests.len())
    };
    assert_eq!(first.start_line(), second.start_line());
    assert_eq!(first.text(), second.text());
    let own =
        |name: &str| !["host", "accept", "user-agent"].contains(&name.to_lowercase().as_str());
    let fields = |m: &crate::support::http::Message| {
        let mut fields = m.fields();
        fields.retain(|(name, _)| own(name));
        fields.sort();
        fields
    };
    assert_eq!(fields(first), fields(second), "{command}");
}

#[test]
fn a_curl_command_with_a_binary_body() {
    let origin = Server::answering(None, |_| response("200 OK", &[], "ok"));
    let program = Program::start();
    let body: Vec<u8> = (0..=255).collect();
    let file = program.home().join("binary");
    std::fs::write(&file, &body).unwrap();
    let data = format!("@{}", file.display());
    let url = format!("http://localhost:{}/binary", origin.port());
    program.curl().args(["--data-binary", &data, &url]).ok();
    program.api.flow("path:/binary");
    let command = program
        .command("export")
        .args(["path:/binary", "--format", "curl"])
        .ok()
        .text();
    Run::new("sh")
        .args(["-c", &command])
        .dir(program.home())
        .ok();
    assert_eq!(origin.requests()[1].body, body, "{command}");
}

#[test]
fn json_lines_and_raw() {
    let origin = Nginx::start();
    let program = Program::start();
    for path in ["/hello.txt", "/data.json"] {
        program.curl().arg(origin.http(path)).ok();
    }
    program.api.wait_for("", 2);
    let lines = program
        .command("export")
        .args(["--format", "jsonl"])
        .ok()
        .json_lines();
    assert_eq!(lines.len(), 2);
    assert!(lines[0]["request"]["headers"].is_array(), "{:#}", lines[0]);
    let raw = program
        .command("export")
        .args(["path:/hello.txt", "--format", "raw"])
        .ok()
        .text();
    assert!(raw.contains("HTTP/1.1 200 OK\r\n"), "{raw:?}");
    assert!(raw.contains("\r\n\r\nhello, world\n"), "{raw:?}");
}

#[test]
fn a_reset_is_a_reset_in_the_capture() {
    let ca = TestCa::new();
    let origin = Server::new(Some(ca.identity().server(&["http/1.1"])), |mut stream| {
        let mut byte = [0];
        let _ = stream.read(&mut byte);
        stream.reset();
    });
    let program = Program::trusting(&ca.pem);
    let url = format!("https://localhost:{}/reset", origin.port());
    program.curl().arg(url).run();
    program.api.flow("path:/reset");
    let file = program.home().join("reset.pcapng");
    program
        .command("export")
        .args(["--format", "pcapng", "-o"])
        .arg(&file)
        .ok();
    assert!(!fields(&file, "tcp.flags.reset == 1", "frame.number").is_empty());
}

#[test]
fn what_broke_is_in_the_capture_as_it_came() {
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n";
    let answers = [
        // both lengths: refused as a whole
        format!("{chunked}Content-Length: 3\r\n\r\n3\r\nabc\r\n0\r\n\r\n"),
        // chunks, and then none
        format!("{chunked}\r\n3\r\nabc\r\n5;x\x01y\r\nhello\r\n0\r\n\r\n"),
        format!("{chunked}\r\n3\r\nabcdef\r\n0\r\n\r\n"),
    ];
    for answer in answers {
        let served = answer.clone();
        let origin = Server::new(None, move |mut stream| {
            crate::support::http::read_head(&mut *stream).unwrap();
            stream.write_all(served.as_bytes()).unwrap();
            stream.finish();
            wire::read_rest(&mut *stream);
        });
        let program = Program::start();
        let url = format!("http://localhost:{}/broken", origin.port());
        program.curl().arg(url).run();
        assert_eq!(program.api.flow("path:/broken")["state"], "failed");
        let [_, from_server] = conversation(&program);
        assert_eq!(
            from_server,
            answer.as_bytes(),
            "{}",
            from_server.escape_ascii()
        );
    }

    let origin = Server::new(None, |mut stream| {
        wire::read_rest(&mut *stream);
    });
    let program = Program::start();
    let (host, fields) = (
        format!("localhost:{}", origin.port()),
        "Transfer-Encoding: chunked\r\n\r\n",
    );
    let sent = "3\r\nabc\r\n5g\r\nhello\r\n0\r\n\r\n";
    let mut client = wire::dial(program.proxy);
    let head = format!("POST http://{host}/upload HTTP/1.1\r\nHost: {host}\r\n{fields}");
    client.write_all([&head, sent].concat().as_bytes()).unwrap();
    client.finish();
    wire::read_rest(&mut client);
    assert_eq!(program.api.flow("path:/upload")["state"], "failed");
    let [from_client, _] = conversation(&program);
    let head = format!("POST /upload HTTP/1.1\r\nHost: {host}\r\n{fields}");
    assert_eq!(from_client, [&head, sent].concat().as_bytes());
}

/// What both sides sent on the only connection of everything that was recorded, as tshark puts it together.
fn conversation(program: &Program) -> [Vec<u8>; 2] {
    let file = program.home().join("conversation.pcapng");
    program
        .command("export")
        .args(["--format", "pcapng", "-o"])
        .arg(&file)
        .ok();
    let mut sides = [Vec::new(), Vec::new()];
    for (side, bytes) in followed(&file, "tcp,raw,0") {
        sides[side].extend(bytes);
    }
    sides
}

/// The content of the DATA frames of both sides (RFC 9113 section 6.1), of the HTTP/2 request for a path.
pub fn http2_bodies(file: &Path, path: &str) -> [Vec<u8>; 2] {
    let filter = format!("http2.headers.path == \"{path}\"");
    let number = |name| match &fields(file, &filter, name)[..] {
        [number] => number.clone(),
        other => panic!("{name} of {path}: {other:?}"),
    };
    let stream = format!(
        "http2,raw,{},{}",
        number("tcp.stream"),
        number("http2.streamid")
    );
    let mut bodies = [Vec::new(), Vec::new()];
    // field sections without a header, and whole frames
    for (side, frame) in followed(file, &stream) {
        let data = frame.get(..9).is_some_and(|header| {
            let length = u32::from_be_bytes([0, header[0], header[1], header[2]]);
            header[3] == 0 && frame.len() == 9 + length as usize
        });
        if data {
            assert_eq!(frame[4] & 8, 0, "frames are not padded");
            bodies[side].extend_from_slice(&frame[9..]);
        }
    }
    bodies
}

/// What tshark follows of a conversation: pieces, and from which side (1 is the server).
fn followed(file: &Path, what: &str) -> Vec<(usize, Vec<u8>)> {
    let text = tshark(file)
        .args(["-q", "-z", &format!("follow,{what}")])
        .ok();
    let lines = text.text();
    let pieces = lines.lines().filter(|line| {
        let digits = line.trim_start();
        !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_hexdigit())
    });
    let piece = |line: &str| {
        (
            usize::from(line.starts_with('\t')),
            unhex(line.trim_start()),
        )
    };
    pieces.map(piece).collect()
}

/// The bytes that pairs of hexadecimal digits stand for.
fn unhex(digits: &str) -> Vec<u8> {
    let pairs = digits.as_bytes().chunks(2);
    pairs
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

pub fn tshark(file: &Path) -> Run {
    // A profile of its own: the person's settings may hide what a fresh Wireshark shows.
    let folder = file.with_extension("wireshark");
    Run::new("tshark")
        .env("WIRESHARK_CONFIG_DIR", folder)
        .arg("-r")
        .arg(file)
}

/// The values of a field in the packets that match.
pub fn fields(file: &Path, filter: &str, name: &str) -> Vec<String> {
    let text = tshark(file)
        .args(["-Y", filter, "-T", "fields", "-e", name])
        .ok()
        .text();
    text.lines()
        .flat_map(|line| line.split(','))
        .map(str::to_owned)
        .collect()
}

/// The SHA-256 and length of every HTTP object that tshark finds.
fn objects(file: &Path, into: &PathBuf) -> Vec<(String, u64)> {
    tshark(file)
        .args(["-q", "--export-objects"])
        .arg(format!("http,{}", into.display()))
        .ok();
    let files = std::fs::read_dir(into).unwrap();
    files
        .map(|f| sha256(std::fs::File::open(f.unwrap().path()).unwrap()))
        .collect()
}

fn required(object: &Value, names: &[&str]) {
    for name in names {
        assert!(!object[name].is_null(), "{name} is missing in {object:#}");
    }
}
