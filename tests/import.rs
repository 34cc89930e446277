//! Promise: what was exported as HAR, here or elsewhere, comes back: through the command line, with the program running
//! and without.

use crate::support::{Nginx, Program, program::overhear};
use serde_json::{Value, json};

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
