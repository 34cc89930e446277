//! Promise: the command line says what it does, does what it says, and fits into pipes.

use crate::support::{
    Nginx, Program, Run, Server,
    program::{binary, overhear},
    server::response,
    until,
};
use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
};

#[test]
fn flows_lists_what_was_recorded() {
    let origin = Nginx::start();
    let folder = tempfile::tempdir().unwrap();
    let program = crate::support::program::Setup::new()
        .data(folder.path())
        .start();
    for path in ["/hello.txt", "/data.json", "/missing"] {
        program.curl().arg(origin.http(path)).ok();
    }
    program.api.wait_for("", 3);
    // With the program running, and without: the same.
    let with = program.command("flows").arg("--json").ok();
    program.stop();
    let run = |args: &[&str]| {
        overhear(folder.path())
            .args(args)
            .arg("--data")
            .arg(folder.path())
    };
    let without = run(&["flows", "--json"]).ok();
    assert_eq!(with.text(), without.text());
    let flows = without.json_lines();
    assert_eq!(flows.len(), 3);
    for name in [
        "id",
        "kind",
        "method",
        "url",
        "status",
        "started_at",
        "client",
        "request",
    ] {
        assert!(!flows[0][name].is_null(), "{name}: {:#}", flows[0]);
    }
    let some = run(&["flows", "status:404", "--json"]).ok().json_lines();
    assert_eq!(some.len(), 1);
    assert_eq!(
        run(&["flows", "--json", "-n", "2"]).ok().json_lines().len(),
        2
    );
    let table = run(&["flows"]).ok().text();
    for word in ["GET", "/hello.txt", "/data.json", "404"] {
        assert!(table.contains(word), "{word}: {table}");
    }
    assert_eq!(run(&["flows", "host:nobody", "--json"]).ok().text(), "");
}

#[test]
fn flows_follow() {
    let origin = Server::answering(None, |_| response("200 OK", &[], "x"));
    let program = Program::start();
    let following = program
        .command("flows")
        .args(["--follow", "--json"])
        .start();
    for n in 0..3 {
        let url = format!("http://localhost:{}/follow/{n}", origin.port());
        program.curl().arg(url).ok();
        let path = format!("/follow/{n}");
        until("the flow to be listed", || {
            following.out_so_far().contains(&path).then_some(())
        });
    }
}

#[test]
fn show_one_flow() {
    let origin = Nginx::start();
    let program = Program::trusting(&origin.ca.pem);
    program
        .curl()
        .arg("--compressed")
        .arg(origin.http("/gzip/data.json"))
        .ok();
    program
        .curl()
        .args(["--data-binary", "sent body", &origin.http("/upload")])
        .ok();
    let get = program.api.flow("path:/gzip/data.json");
    let post = program.api.flow("path:/upload");
    let show = |id: &serde_json::Value, args: &[&str]| {
        program.command("show").arg(id.to_string()).args(args).ok()
    };
    let text = show(&get["id"], &[]).text();
    for word in ["GET", "/gzip/data.json", "200", "User-Agent", "good day"] {
        assert!(text.contains(word), "{word}: {text}");
    }
    let json = show(&get["id"], &["--json"]).json();
    assert_eq!(json["url"], get["url"]);
    assert_eq!(json["request"]["headers"], get["request"]["headers"]);
    let body = show(&post["id"], &["--request", "--body"]);
    assert_eq!(body.text(), "sent body");
    let raw = show(&post["id"], &["--request", "--raw"]).text();
    assert!(
        raw.starts_with("POST ") && raw.ends_with("\r\n\r\nsent body"),
        "{raw:?}"
    );
    let none = program.command("show").arg("999999").run().exits(1);
    assert!(none.err.contains("999999"), "{}", none.err);
    assert_eq!(none.text(), "");
}

#[test]
fn exit_statuses() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data");
    let run = |args: &[&str]| overhear(home.path()).args(args).run();
    for wrong in [
        &["flows", "--nonsense"][..],
        &["nonsense"],
        &["show"],
        &["show", "x"],
        &["export", "--format", "exe"],
        &["run", "--listen", "nowhere"],
        &["run", "--allow", "300.0.0.0/8"],
        &["ca", "nonsense"],
    ] {
        let ran = run(wrong).exits(2);
        assert_eq!(
            ran.text(),
            "",
            "{wrong:?}: usage errors go to standard error"
        );
        assert!(!ran.err.is_empty());
    }
    // Looking at a folder that is not there is an error, and does not make it.
    let data = data.to_str().unwrap();
    let ran = run(&["flows", "--data", data]).exits(1);
    assert!(ran.err.contains(data), "{}", ran.err);
    assert!(!std::path::Path::new(data).exists());
}

#[test]
fn a_closed_pipe_is_no_error() {
    let origin = Server::answering(None, |_| response("200 OK", &[], "x".repeat(10_000)));
    let program = Program::start();
    let urls: Vec<_> = (0..300)
        .map(|n| format!("http://localhost:{}/pipe/{n}", origin.port()))
        .collect();
    program.curl().args(urls).ok();
    program.api.wait_for("path:/pipe/2", 1);
    let mut child = Command::new(binary())
        .args(["export", "--format", "raw", "--data"])
        .arg(program.data())
        .env("HOME", program.home())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    out.read_line(&mut String::new()).unwrap();
    drop(out);
    let output = child.wait_with_output().unwrap();
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(
        !err.contains("panicked") && !err.to_lowercase().contains("pipe"),
        "{err}"
    );
    assert!(
        matches!(output.status.code(), Some(0) | None),
        "{:?}",
        output.status
    );
}

#[test]
fn the_root_certificate() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data");
    let ca = |args: &[&str]| {
        overhear(home.path())
            .arg("ca")
            .args(args)
            .arg("--data")
            .arg(&data)
    };
    let path = ca(&["path"]).ok().text();
    let pem = std::fs::read_to_string(path.trim()).unwrap();
    assert!(pem.contains("BEGIN CERTIFICATE") && !pem.contains("PRIVATE KEY"));
    assert_eq!(ca(&["export", "--format", "pem"]).ok().text(), pem);
    let text = Run::new("openssl")
        .args(["x509", "-noout", "-text"])
        .input(pem.as_bytes())
        .ok()
        .text();
    for word in ["CA:TRUE", "Certificate Sign", "prime256v1"] {
        assert!(text.contains(word), "{word}: {text}");
    }
    assert_eq!(ca(&["export", "--format", "der"]).ok().out[0], 0x30);
    let profile = ca(&["export", "--format", "mobileconfig"]).ok().text();
    assert!(profile.contains("com.apple.security.root"));

    ca(&["rotate"]).ok();
    let rotated = ca(&["export", "--format", "pem"]).ok().text();
    assert_ne!(rotated, pem);

    // A root made elsewhere, as mitmproxy keeps it: key and certificate in one file.
    let foreign = home.path().join("foreign.pem");
    Run::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-days",
            "100",
            "-subj",
            "/CN=mitmproxy/O=mitmproxy",
        ])
        .args([
            "-addext",
            "basicConstraints=critical,CA:TRUE",
            "-addext",
            "keyUsage=critical,keyCertSign,cRLSign",
        ])
        .arg("-keyout")
        .arg(&foreign)
        .arg("-out")
        .arg(home.path().join("certificate.pem"))
        .ok();
    let certificate = std::fs::read_to_string(home.path().join("certificate.pem")).unwrap();
    let key = std::fs::read_to_string(&foreign).unwrap();
    std::fs::write(&foreign, format!("{key}{certificate}")).unwrap();
    ca(&["import", foreign.to_str().unwrap()]).ok();
    let imported = ca(&["export", "--format", "pem"]).ok().text();
    let body = |pem: &str| {
        pem.lines()
            .filter(|l| !l.starts_with('-'))
            .collect::<String>()
    };
    assert_eq!(body(&imported), body(&certificate));

    // And it signs what clients accept.
    let origin = Nginx::start();
    let program = crate::support::program::Setup::new()
        .data(&data)
        .trusting(&origin.ca.pem)
        .start();
    assert_eq!(
        program.curl().arg(origin.https("/hello.txt")).ok().text(),
        "hello, world\n"
    );
}

#[test]
fn completions_for_the_usual_shells() {
    let home = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish"] {
        let script = overhear(home.path())
            .args(["completions", shell])
            .ok()
            .text();
        assert!(
            script.contains("overhear") && script.contains("export"),
            "{shell}"
        );
        if shell == "bash" {
            Run::new("bash").arg("-n").input(script).ok();
        }
    }
}

#[test]
fn version_and_unwanted_words() {
    let home = tempfile::tempdir().unwrap();
    let version = overhear(home.path()).arg("--version").ok().text();
    assert_eq!(
        version.trim(),
        format!("overhear {}", env!("CARGO_PKG_VERSION"))
    );
}

#[test]
fn what_the_start_prints() {
    let home = tempfile::tempdir().unwrap();
    let (run, data) = crate::support::program::Setup::new().command(home.path());
    let running = run.start();
    until("the link", || {
        running.said_so_far().contains("/?token=").then_some(())
    });
    let said = running.said_so_far();
    assert!(
        said.contains(&*data.to_string_lossy()),
        "the data folder: {said}"
    );
    assert!(said.contains("127.0.0.1:"), "the address: {said}");
}
