//! Promise: with a key log, what TLS carried in a capture becomes the flows that the proxy itself would have recorded;
//! what cannot be decrypted says why, and nothing is made up.

use crate::support::{
    Nginx, Program, Run, certs::TestCa, folder, program::overhear, tap::Tap, until,
};
use serde_json::{Value, json};
use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
};

/// Real requests of curl to nginx over TLS, with their packets and their secrets.
pub struct Secret {
    origin: Nginx,
    pub home: tempfile::TempDir,
    pub file: PathBuf,
    pub keys: PathBuf,
    sent: Vec<u8>,
}

const FILES: [&str; 3] = ["lines.txt", "picture.png", "data.json"];

impl Secret {
    /// One connection of curl with a GET a file and a large POST.
    pub fn record(version: &str, http: &str) -> Option<Self> {
        let origin = Nginx::start();
        let home = folder();
        let (file, keys) = (home.path().join("tls.pcapng"), home.path().join("keys.log"));
        let port = match http {
            "--http2" => origin.tls,
            _ => origin.tls_http1,
        };
        let tap = Tap::on(port, &file)?;
        let ca = home.path().join("ca.pem");
        fs::write(&ca, &origin.ca.pem).unwrap();
        let sent: Vec<u8> = (0..400_000_u32).map(|n| (n % 251) as u8).collect();
        let url = |path: &str| format!("https://localhost:{port}/{path}");
        let gets = FILES
            .iter()
            .flat_map(|name| ["-o".into(), "/dev/null".into(), url(name)]);
        Run::new("curl")
            .env("SSLKEYLOGFILE", &keys)
            .args(["-sS", "--ipv4", http, "--tls-max", version, "--cacert"])
            .arg(&ca)
            .args(gets)
            .args([
                "--next",
                "-sS",
                "--ipv4",
                http,
                "--tls-max",
                version,
                "--cacert",
            ])
            .arg(&ca)
            .args(["--data-binary", "@-", &url("upload")])
            .input(sent.clone())
            .ok();
        tap.end();
        assert!(fs::read_to_string(&keys).unwrap().contains("CLIENT_"));
        Some(Self {
            origin,
            home,
            file,
            keys,
            sent,
        })
    }

    /// What a capture becomes.
    fn imported(&self, file: &Path, keys: Option<&Path>) -> Vec<Value> {
        let data = self.home.path().join("data");
        let run = |words: &[&str]| {
            overhear(self.home.path())
                .args(words)
                .arg("--data")
                .arg(&data)
        };
        let mut import = run(&["import", "--json"]).arg(file);
        if let Some(keys) = keys {
            import = import.arg("--keylog").arg(keys);
        }
        let session = format!("session:{}", import.ok().json()["session"]);
        let lines = run(&["export", "--format", "jsonl", &session])
            .ok()
            .json_lines();
        // the last packet of the tap is one of UDP
        lines
            .into_iter()
            .filter(|flow| flow["kind"] != "udp" && flow["kind"] != "icmp")
            .collect()
    }

    /// Whether these are the requests that were made, whole.
    fn check(&self, flows: &[Value], tls: &str, http: &str) {
        assert_eq!(flows.len(), FILES.len() + 1, "{flows:#?}");
        for (flow, name) in flows.iter().zip(FILES) {
            assert_eq!(flow["path"], format!("/{name}"));
            assert!(
                bytes(&flow["response_body"]) == self.origin.file(name),
                "{name}"
            );
        }
        let upload = &flows[FILES.len()];
        assert_eq!(
            (&upload["method"], &upload["status"]),
            (&json!("POST"), &json!(200))
        );
        assert!(bytes(&upload["request_body"]) == self.sent);
        for flow in flows {
            assert_eq!(
                (&flow["kind"], &flow["state"]),
                (&json!("http"), &json!("complete")),
                "{flow}"
            );
            assert_eq!(flow["response"]["version"], http);
            let url = flow["url"].as_str().unwrap();
            assert!(url.starts_with("https://localhost:"), "{url}");
            let server = &flow["connection"]["server_tls"];
            assert_eq!(server["version"], tls);
            assert_eq!(server["sni"], "localhost");
            let protocol = if http == "HTTP/2" { "h2" } else { "http/1.1" };
            assert_eq!(server["alpn"], protocol);
        }
    }

    /// How many requests tshark finds with the same secrets.
    fn seen_by_tshark(&self) -> usize {
        let preference = format!("tls.keylog_file:{}", self.keys.display());
        let seen = Run::new("tshark")
            .args(["-o", &preference, "-T", "fields"])
            .args([
                "-e",
                "http.request.method",
                "-e",
                "http2.headers.method",
                "-r",
            ])
            .arg(&self.file)
            .ok();
        let text = seen.text();
        text.split(['\n', '\t', ','])
            .filter(|method| !method.is_empty())
            .count()
    }
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

fn decrypted(version: &str, tls: &str, option: &str, http: &str) {
    let Some(secret) = Secret::record(version, option) else {
        return;
    };
    let flows = secret.imported(&secret.file, Some(&secret.keys));
    secret.check(&flows, tls, http);
    assert_eq!(secret.seen_by_tshark(), flows.len());
    // the packets that close the connection are those of the last request
    let last = Run::new("tshark").args(["-Y", "tcp", "-T", "fields", "-e", "frame.number", "-r"]);
    let last = last.arg(&secret.file).ok().text();
    let comment = flows[FILES.len()]["comment"].as_str().unwrap();
    let expected = format!(" to {} of tls.pcapng", last.lines().last().unwrap());
    assert!(comment.ends_with(&expected), "{comment}: {expected}");

    // the same from secrets in the file itself
    let inside = secret.home.path().join("inside.pcapng");
    let inject = format!("tls,{}", secret.keys.display());
    Run::new("editcap")
        .args(["--inject-secrets", &inject])
        .arg(&secret.file)
        .arg(&inside)
        .ok();
    secret.check(&secret.imported(&inside, None), tls, http);

    // without them, and with those of another connection: one flow, which says so
    let without = secret.imported(&secret.file, None);
    assert_eq!(without.len(), 1, "{without:#?}");
    assert_eq!(
        (&without[0]["kind"], &without[0]["host"]),
        (&json!("tls"), &json!("localhost"))
    );
    let other = secret.home.path().join("other.log");
    let text = fs::read_to_string(&secret.keys).unwrap();
    let random = text
        .lines()
        .find(|line| line.starts_with("CLIENT_"))
        .unwrap();
    let random = random.split(' ').nth(1).unwrap();
    fs::write(&other, text.replace(random, &"00".repeat(32))).unwrap();
    let flows = secret.imported(&secret.file, Some(&other));
    assert_eq!(flows.len(), 1);
    let comment = flows[0]["comment"].as_str().unwrap();
    assert!(
        comment.contains("the key log has no secrets of this connection"),
        "{comment}"
    );

    // packets that are missing: what was before them is there, and what comes after is not guessed
    let cut = secret.home.path().join("cut.pcapng");
    let count = Run::new("tshark")
        .arg("-r")
        .arg(&secret.file)
        .ok()
        .text()
        .lines()
        .count();
    Run::new("editcap")
        .arg(&secret.file)
        .arg(&cut)
        .arg((count / 2).to_string())
        .ok();
    let flows = secret.imported(&cut, Some(&secret.keys));
    assert!(!flows.is_empty());
    for flow in &flows {
        if flow["kind"] == "http" && flow["state"] == "complete" {
            let path = flow["path"].as_str().unwrap();
            if let Some(name) = FILES.iter().find(|name| path.ends_with(*name)) {
                assert!(bytes(&flow["response_body"]) == secret.origin.file(name));
            }
        }
    }
}

#[test]
fn tls_13_with_http2() {
    decrypted("1.3", "TLSv1.3", "--http2", "HTTP/2");
}

#[test]
fn tls_13_with_http1() {
    decrypted("1.3", "TLSv1.3", "--http1.1", "HTTP/1.1");
}

#[test]
fn tls_12_with_http2() {
    decrypted("1.2", "TLSv1.2", "--http2", "HTTP/2");
}

#[test]
fn tls_12_with_http1() {
    decrypted("1.2", "TLSv1.2", "--http1.1", "HTTP/1.1");
}

/// Small devices have no other cipher than AES-CCM: RFC 6655, RFC 7251, RFC 8446 section B.4.
#[test]
fn aes_ccm_is_decrypted() {
    let home = folder();
    TestCa::new().identity().write(home.path(), "server");
    let path = |name: &str| home.path().join(name);
    let unused = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = unused.local_addr().unwrap().port();
    drop(unused);
    let address = format!("127.0.0.1:{port}");
    let all = [
        "-cipher",
        "ALL:@SECLEVEL=0",
        "-ciphersuites",
        "TLS_AES_128_CCM_SHA256:TLS_AES_128_CCM_8_SHA256",
    ];
    let server = Run::new("openssl").args(["s_server", "-www", "-accept", &address]);
    let server = server.arg("-cert").arg(path("server.pem"));
    let server = server.arg("-key").arg(path("server.key")).args(all).start();
    until("the server", || {
        server.out_so_far().contains("ACCEPT").then_some(())
    });
    let Some(tap) = Tap::on(port, &path("ccm.pcapng")) else {
        return;
    };
    let suites = [
        (
            "-ciphersuites",
            "TLS_AES_128_CCM_SHA256",
            "TLS_AES_128_CCM_SHA256",
        ),
        (
            "-ciphersuites",
            "TLS_AES_128_CCM_8_SHA256",
            "TLS_AES_128_CCM_8_SHA256",
        ),
        (
            "-cipher",
            "ECDHE-ECDSA-AES128-CCM",
            "TLS_ECDHE_ECDSA_WITH_AES_128_CCM",
        ),
        (
            "-cipher",
            "ECDHE-ECDSA-AES256-CCM",
            "TLS_ECDHE_ECDSA_WITH_AES_256_CCM",
        ),
        (
            "-cipher",
            "ECDHE-ECDSA-AES128-CCM8",
            "TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8",
        ),
        (
            "-cipher",
            "ECDHE-ECDSA-AES256-CCM8",
            "TLS_ECDHE_ECDSA_WITH_AES_256_CCM_8",
        ),
    ];
    for (option, name, _) in suites {
        let (version, name) = match option {
            "-cipher" => ("-tls1_2", format!("{name}:@SECLEVEL=0")),
            _ => ("-tls1_3", name.to_owned()),
        };
        let client = Run::new("openssl").args(["s_client", "-quiet", "-connect", &address]);
        let client = client.args([version, option, &name, "-keylogfile"]);
        let answer = client
            .arg(path("keys.log"))
            .input("GET /x HTTP/1.0\r\n\r\n");
        let answer = answer.run();
        assert!(
            answer.text().contains("HTTP/1.0 200"),
            "{name}: {}",
            answer.err
        );
    }
    tap.end();
    let data = path("data");
    let run = |words: &[&str]| overhear(home.path()).args(words).arg("--data").arg(&data);
    let import = run(&["import", "--json"])
        .arg("--keylog")
        .arg(path("keys.log"));
    let session = import.arg(path("ccm.pcapng")).ok().json()["session"].clone();
    let filter = format!("session:{session} kind:http");
    let flows = run(&["export", "--format", "jsonl", &filter])
        .ok()
        .json_lines();
    assert_eq!(flows.len(), suites.len(), "{flows:#?}");
    for (flow, (_, _, name)) in flows.iter().zip(suites) {
        assert_eq!(flow["connection"]["server_tls"]["cipher"], name);
        let (path, status) = (&flow["path"], &flow["status"]);
        assert_eq!((path, status), (&json!("/x"), &json!(200)), "{name}");
        let said = String::from_utf8(bytes(&flow["response_body"])).unwrap();
        assert!(said.contains("s_server"), "{name}: {said}");
    }
}

/// Through the running program, and in the words of `read --diagnose`.
#[test]
fn the_running_program_and_the_diagnosis_take_a_key_log() {
    let Some(secret) = Secret::record("1.3", "--http1.1") else {
        return;
    };
    let program = Program::trusting(&secret.origin.ca.pem);
    let import = program.command("import").args(["--json", "--keylog"]);
    let imported = import.arg(&secret.keys).arg(&secret.file).ok().json();
    let filter = format!("session:{} kind:http", imported["session"]);
    let lines = program
        .command("export")
        .args(["--format", "jsonl", &filter]);
    secret.check(&lines.ok().json_lines(), "TLSv1.3", "HTTP/1.1");
    let none = program.home().join("none.log");
    fs::write(&none, "# nothing\n").unwrap();
    let refused = program
        .command("import")
        .arg("--keylog")
        .arg(&none)
        .arg(&secret.file);
    let said = refused.run().exits(1);
    assert!(said.err.contains("no TLS secrets in"), "{}", said.err);

    // a client that does not trust
    let file = secret.home.path().join("alert.pcapng");
    let keys = secret.home.path().join("alert.log");
    let Some(tap) = Tap::on(secret.origin.tls_http1, &file) else {
        return;
    };
    let url = format!("https://localhost:{}/", secret.origin.tls_http1);
    let run = Run::new("curl").env("SSLKEYLOGFILE", &keys);
    run.args(["-sS", "--ipv4", "--tlsv1.3", &url])
        .run()
        .exits(60);
    tap.end();
    let diagnose = |keys: &[&Path]| {
        let mut run = overhear(secret.home.path()).arg("read").arg(&file);
        run = run.args(["--diagnose", "--json"]);
        for keys in keys {
            run = run.arg("--keylog").arg(keys);
        }
        let found = run.ok().json_lines();
        let mut causes = found
            .iter()
            .filter(|finding| finding["cause"] == "tls_alert");
        causes
            .next()
            .map(|finding| finding["text"].as_str().unwrap().to_owned())
    };
    let text = "The client sent a fatal alert: unknown_ca (48).";
    assert_eq!(diagnose(&[]).as_deref(), Some(text));
    assert_eq!(diagnose(&[&keys]).as_deref(), Some(text));
}
