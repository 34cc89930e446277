//! Promise: what was exported as HAR, here or elsewhere, comes back: through the command line, with the program running
//! and without.

use crate::support::{Nginx, Program, Run, folder, program::overhear, repository, tap::Tap};
use serde_json::{Value, json};
use std::path::Path;

/// What a capture becomes, without a program running: the flows, in their order.
fn imported(home: &Path, file: &Path, options: &[&str]) -> Vec<Value> {
    let data = home.join("data");
    let run = |words: &[&str]| overhear(home).args(words).arg("--data").arg(&data);
    let ran = run(&["import", "--json"]).args(options).arg(file).ok();
    let session = format!("session:{}", ran.json()["session"]);
    let lines = run(&["export", "--format", "jsonl", &session]);
    lines.ok().json_lines()
}

/// The bytes of a body of an export.
fn bytes(body: &Value) -> Vec<u8> {
    use base64::Engine as _;
    match (&body["text"], &body["base64"]) {
        (Value::String(text), _) => text.clone().into_bytes(),
        (_, Value::String(text)) => base64::prelude::BASE64_STANDARD.decode(text).unwrap(),
        _ => Vec::new(),
    }
}

/// What of the flows must be the same.
fn told(flows: &[Value]) -> Vec<Value> {
    let head = |message: &Value| json!([message["version"], message["headers"]]);
    let one = |flow: &Value| {
        json!([
            flow["method"],
            flow["url"],
            flow["status"],
            flow["state"],
            head(&flow["request"]),
            head(&flow["response"]),
            flow["request_body"],
        ])
    };
    flows.iter().map(one).collect()
}

/// Real requests, written as packets and read again.
#[test]
fn a_capture_becomes_flows() {
    let origin = Nginx::start();
    let program = Program::trusting(&origin.ca.pem);
    let urls = [origin.http("/hello.txt"), origin.http("/picture.png")];
    program
        .curl()
        .arg("--proxytunnel")
        .args(urls.iter().flat_map(|url| ["-o", "/dev/null", url]))
        .ok();
    program
        .curl()
        .args([
            "--proxytunnel",
            "-H",
            "Transfer-Encoding: chunked",
            "--data-binary",
            "a\u{e9}\n",
        ])
        .arg(origin.http("/upload?x=1"))
        .ok();
    program.api.wait_for("state:complete", 3);
    let lines = |filter: &str| {
        let run = program
            .command("export")
            .args(["--format", "jsonl", filter]);
        run.ok().json_lines()
    };
    let before = lines("kind:http");
    let formats = ["pcap", "pcapng"];
    let file = |format: &str| program.home().join(format!("all.{format}"));
    for format in formats {
        program
            .command("export")
            .args(["--format", format, "-o"])
            .arg(file(format))
            .ok();
    }
    for format in formats {
        let file = file(format);
        let ran = program.command("import").args(["--json"]).arg(&file).ok();
        let imported: Value = serde_json::from_str(&ran.text()).unwrap();
        assert_eq!(imported["flows"], 3, "{imported}");
        let after = lines(&format!("session:{}", imported["session"]));
        assert_eq!(told(&after), told(&before));
        for (after, before) in after.iter().zip(&before) {
            assert_eq!(after["client"], before["client"]);
            let comment = after["comment"].as_str().unwrap();
            assert!(comment.starts_with("packets "), "{comment}");
            assert!(comment.ends_with(&format!(" of all.{format}")), "{comment}");
        }
        // one that is cut off is read as far as it goes, and says where it stops
        let whole = std::fs::read(&file).unwrap();
        let cut = program.home().join("cut.pcap");
        std::fs::write(&cut, &whole[..whole.len() - 9]).unwrap();
        let said = program.command("import").arg(&cut).ok();
        assert!(said.err.contains("not read to its end"), "{}", said.err);
    }
}

#[test]
fn an_export_comes_back() {
    let origin = Nginx::start();
    let program = Program::trusting(&origin.ca.pem);
    let plain = [origin.http("/hello.txt"), origin.http("/picture.png")];
    let secure = origin.https("/upload?x='y'");
    program
        .curl()
        .args(plain.iter().flat_map(|url| ["-o", "/dev/null", url]))
        .ok();
    program
        .curl()
        .args(["--data-binary", "a\u{e9}\n", &secure])
        .ok();
    program.api.wait_for("state:complete", 3);
    let file = program.home().join("all.har");
    program
        .command("export")
        .args(["--format", "har", "-o"])
        .arg(&file)
        .ok();
    let lines = |program: &Program, filter: &str| {
        let run = program
            .command("export")
            .args(["--format", "jsonl", filter]);
        run.ok().json_lines()
    };
    let before = lines(&program, "kind:http");

    // through the running program
    let ran = program.command("import").args(["--json"]).arg(&file).ok();
    let imported: Value = serde_json::from_str(&ran.text()).unwrap();
    assert_eq!(imported["flows"], 3, "{imported}");
    let session = format!("session:{}", imported["session"]);
    let after = lines(&program, &session);
    assert_eq!(told(&after), told(&before));
    let sessions = program.api.get("/api/sessions");
    let sessions = sessions["items"].as_array().unwrap();
    let ours = sessions
        .iter()
        .find(|s| s["id"] == imported["session"])
        .unwrap();
    assert_eq!(
        (&ours["source"], &ours["name"]),
        (&json!("imported"), &json!("all.har"))
    );
    assert_eq!(ours["current"], false);
    let body = |flows: &[Value]| program.api.decoded(&flows[1], "response");
    assert!(body(&after) == body(&before));

    // by itself
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data");
    let run = |args: &[&str]| overhear(home.path()).args(args).arg("--data").arg(&data);
    let name = file.display().to_string();
    let said = run(&["import", &name]).ok();
    assert!(said.err.contains("imported 3 flows from"), "{}", said.err);
    let alone = run(&["export", "--format", "jsonl"]).ok().json_lines();
    assert_eq!(told(&alone), told(&before));

    // one that is cut off leaves nothing, here and there
    let whole = std::fs::read(&file).unwrap();
    let cut = program.home().join("cut.har");
    std::fs::write(&cut, &whole[..whole.len() / 2]).unwrap();
    let count = program.api.get("/api/flows/count");
    let said = program.command("import").arg(&cut).run().exits(1);
    assert!(said.err.contains("cut.har: line "), "{}", said.err);
    assert_eq!(program.api.get("/api/flows/count"), count);
    let name = cut.display().to_string();
    let said = run(&["import", &name]).run().exits(1);
    assert!(said.err.contains("cut.har: line "), "{}", said.err);
    assert_eq!(run(&["flows", "--json"]).ok().json_lines().len(), 3);
}

/// Real HTTP/2 in the clear: streams that run at once, with large bodies and trailers.
#[test]
fn http2_in_the_clear_becomes_flows() {
    let origin = Nginx::start();
    let home = folder();
    let file = home.path().join("h2c.pcapng");
    let Some(tap) = Tap::on(origin.h2c, &file) else {
        return;
    };
    let url = |path: &str| format!("http://localhost:{}{path}", origin.h2c);
    let sent: Vec<u8> = (0..400_000_u32).map(|n| (n % 251) as u8).collect();
    let curl = || {
        let run = Run::new("curl").args(["-sS", "--ipv4", "--http2-prior-knowledge"]);
        run.dir(home.path())
    };
    let paths = [
        "/lines.txt",
        "/picture.png",
        "/gzip/data.json",
        "/empty",
        "/trailers",
    ];
    let script = repository().join("tests/clients/http2.mjs");
    let node = Run::new("node").arg(script).arg(url(""));
    node.args(paths).ok();
    curl()
        .args(["--data-binary", "@-"])
        .arg(url("/upload?x=y://z"))
        .input(sent.clone())
        .ok();
    curl().arg("-I").arg(url("/hello.txt")).ok();
    tap.end();

    let flows = imported(home.path(), &file, &[]);
    let flows: Vec<_> = flows.iter().filter(|flow| flow["kind"] == "http").collect();
    let told = |flow: &&Value| format!("{} {} {}", flow["method"], flow["url"], flow["status"]);
    assert_eq!(
        flows.len(),
        7,
        "{:?}",
        flows.iter().map(told).collect::<Vec<_>>()
    );
    let find = |path: &str| {
        let url = json!(url(path));
        *flows.iter().find(|flow| flow["url"] == url).unwrap()
    };
    for flow in &flows {
        assert_eq!(flow["state"], "complete", "{flow}");
        assert_eq!(
            (&flow["request"]["version"], &flow["response"]["version"]),
            (&json!("HTTP/2"), &json!("HTTP/2"))
        );
    }
    for path in ["/lines.txt", "/picture.png"] {
        let flow = find(path);
        assert!(
            bytes(&flow["response_body"]) == origin.file(&path[1..]),
            "{path}"
        );
        let head = flow["request"]["headers"].as_array().unwrap();
        let pseudo = head
            .iter()
            .filter(|field| field[0].as_str().unwrap().starts_with(':'));
        assert_eq!(pseudo.count(), 4, "{head:?}");
    }
    assert_eq!(find("/empty")["status"], 204);
    assert!(
        find("/trailers")["response"]["trailers"]
            .to_string()
            .contains("abc123")
    );
    let upload = find("/upload?x=y://z");
    assert_eq!(
        (&upload["method"], &upload["host"]),
        (&json!("POST"), &json!("localhost"))
    );
    assert!(bytes(&upload["request_body"]) == sent);
    assert_eq!(find("/hello.txt")["response_body"], Value::Null);

    // as many as tshark sees
    let decode = format!("tcp.port=={},http2", origin.h2c);
    let seen = Run::new("tshark")
        .args([
            "-d",
            &decode,
            "-Y",
            "http2.headers.method",
            "-T",
            "fields",
            "-e",
            "http2.headers.path",
            "-r",
        ])
        .arg(&file)
        .ok();
    let mut seen: Vec<_> = seen
        .text()
        .split(['\n', ','])
        .filter(|path| !path.is_empty())
        .map(str::to_owned)
        .collect();
    let mut ours: Vec<_> = flows
        .iter()
        .map(|flow| flow["path"].as_str().unwrap().to_owned())
        .collect();
    seen.sort();
    ours.sort();
    assert_eq!(seen, ours);

    // without its beginning nothing is made up, and it says why
    let cut = home.path().join("cut.pcapng");
    let packets = Run::new("tshark")
        .args(["-Y", "tcp.stream == 0 && tcp.flags.syn == 1", "-r"])
        .arg(&file)
        .ok();
    let first = packets.text().lines().count();
    assert_eq!(first, 2);
    Run::new("editcap").arg(&file).arg(&cut).args(["1-6"]).ok();
    let flows = imported(home.path(), &cut, &[]);
    let said = flows
        .iter()
        .filter(|flow| flow["comment"].to_string().contains("its beginning"));
    assert!(said.count() >= 1, "{flows:?}");
}
