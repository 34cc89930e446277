//! Promise: TLS is read, passed through or refused by host, as a person says, while the program runs; an app that pins is
//! told to do so, passes through when that is allowed, and comes back with one click.

use crate::support::{
    Nginx, Program, Run, command::Running, folder, program::Setup, server::free_port, sha256,
    tap::Tap, until, wire,
};
use serde_json::{Value, json};
use std::{fs, net::TcpStream, path::PathBuf};

fn change(program: &Program, changes: Value) {
    program
        .api
        .expect(200, "PATCH", "/api/settings", Some(&changes));
}

/// curl that trusts the origin, and not the program.
fn pinning(program: &Program, origin: &Nginx) -> Run {
    let file = program.home().join("pinned.pem");
    std::fs::write(&file, &origin.ca.pem).unwrap();
    Run::new("curl")
        .args([
            "--silent",
            "--show-error",
            "--max-time",
            "60",
            "--noproxy",
            "",
            "--proxy",
        ])
        .arg(program.url())
        .arg("--cacert")
        .arg(file)
}

#[test]
fn what_passes_through_is_not_opened() {
    let origin = Nginx::start();
    origin.large_file("large.bin", 30 << 20);
    // the program does not trust the origin: who passes through decides for itself
    let program = Setup::new().args(["--tls", "localhost=pass"]).start();
    for (version, flag) in [("TLSv1.2", "1.2"), ("TLSv1.3", "1.3")] {
        let ran = pinning(&program, &origin)
            .args(["--tlsv1.2", "--tls-max", flag])
            .arg(origin.https(&format!("/hello.txt?{flag}")))
            .ok();
        assert_eq!(ran.text(), "hello, world\n");
        let flow = program.api.flow("kind:tls");
        assert_eq!(
            (&flow["state"], &flow["host"], &flow["port"]),
            (&json!("complete"), &json!("localhost"), &json!(origin.tls))
        );
        assert_eq!(
            flow["comment"],
            "passed through: the setting localhost=pass says so"
        );
        let connection = &flow["connection"];
        assert_eq!(connection["client_tls"]["sni"], "localhost");
        assert_eq!(connection["client_tls"]["certificates"], json!([]));
        let tls = &connection["server_tls"];
        assert_eq!(tls["version"], version);
        // in TLS 1.3 the server says it to the client alone (RFC 8446 section 4.3.1)
        let alpn = match version {
            "TLSv1.2" => json!("h2"),
            _ => Value::Null,
        };
        assert_eq!(tls["alpn"], alpn);
        assert_eq!(tls["alpn_offered"], json!(["h2", "http/1.1"]));
        assert!(tls["cipher"].as_str().unwrap().starts_with("TLS_"), "{tls}");
        // before TLS 1.3 a certificate can be seen by everybody
        let names = &tls["certificates"][0]["names"];
        assert_eq!(names.is_null(), version == "TLSv1.3", "{tls}");
        assert!(
            flow["response"]["body_size"].as_u64().unwrap() > 500,
            "{flow:#}"
        );
        program.api.expect(200, "DELETE", "/api/flows", None);
    }
    let sum = sha256(std::fs::File::open(origin.root().join("large.bin")).unwrap());
    let got = pinning(&program, &origin)
        .arg(origin.https("/large.bin"))
        .ok();
    assert_eq!(sha256(&got.out[..]), sum);
    let flow = program.api.flow("kind:tls");
    assert!(flow["response"]["body_size"].as_u64().unwrap() > 30 << 20);
    // what is no TLS is read as ever, on such hosts, too
    let got = program.curl().arg(origin.http("/hello.txt")).ok();
    assert_eq!(got.text(), "hello, world\n");
    program.api.wait_for("path:/hello.txt", 1);
}

#[test]
fn what_passes_in_the_place_of_a_server_is_the_servers_own() {
    let origin = Nginx::start();
    let server = format!("localhost:{}", origin.tls);
    let program = Setup::new()
        .args(["--tls", "localhost=pass"])
        .args(["--mode", &format!("reverse:https://{server}@127.0.0.1:0")])
        .args(["--mode", &format!("reverse:tcp://{server}@127.0.0.1:0")])
        .start();
    let root = program.home().join("origin.pem");
    std::fs::write(&root, &origin.ca.pem).unwrap();
    let status = program.api.get("/api/status");
    let listeners = status["listeners"].as_array().unwrap().clone();
    for listener in listeners.iter().filter(|one| one["mode"] == "reverse") {
        let address = listener["address"].as_str().unwrap();
        let port = address.rsplit(':').next().unwrap();
        let got = Run::new("curl")
            .args(["--silent", "--show-error", "--max-time", "60"])
            .args(["--noproxy", "*", "--cacert"])
            .arg(&root)
            .arg(format!("https://localhost:{port}/hello.txt"))
            .env("CURL_HOME", program.home())
            .ok();
        assert_eq!(got.text(), "hello, world\n", "{listener}");
    }
    let flows = program.api.wait_for("kind:tls state:complete", 2);
    for flow in flows {
        assert_eq!(flow["port"], origin.tls);
        assert_eq!(
            flow["comment"],
            "passed through: the setting localhost=pass says so"
        );
    }
    // what is plain is read as ever
    let plain = listeners
        .iter()
        .find(|one| one["mode"] == "reverse")
        .unwrap();
    let address = plain["address"].as_str().unwrap();
    let refused = Run::new("curl")
        .args([
            "--silent",
            "--include",
            "--max-time",
            "60",
            "--noproxy",
            "*",
        ])
        .arg(format!("http://{address}/hello.txt"))
        .ok();
    assert!(refused.text().contains(" 502"), "{}", refused.text());
}

#[test]
fn what_is_blocked_is_told_to_both_sides() {
    let origin = Nginx::start();
    let program = Setup::new()
        .trusting(&origin.ca.pem)
        .args(["--tls", "localhost=block"])
        .start();
    let ran = program.curl().arg(origin.https("/hello.txt")).run();
    assert_eq!(ran.status.code(), Some(35), "{ran:?}");
    assert!(ran.err.contains("access denied"), "{}", ran.err);
    let flow = program.api.flow("kind:tls");
    assert_eq!(flow["error"]["cause"], "forbidden");
    let text = flow["error"]["text"].as_str().unwrap();
    assert!(text.contains("--tls localhost=block"), "{text}");
    // asked for in the clear, TLS would be ours to speak
    let url = origin.https("/hello.txt");
    let host = format!("localhost:{}", origin.tls);
    let request = format!("GET {url} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    let answer = wire::exchange(program.proxy, request);
    assert_eq!(answer.status(), 403, "{}", answer.head_text());
    // while it runs
    change(&program, json!({"tls": ["*=pass"]}));
    let ran = program.curl().arg(origin.https("/hello.txt")).run();
    // the flag stands above what is saved
    assert_eq!(ran.status.code(), Some(35), "{ran:?}");
}

#[test]
fn settings_take_effect_at_once() {
    let origin = Nginx::start();
    let program = Program::trusting(&origin.ca.pem);
    let url = origin.https("/hello.txt");
    let get = || program.curl().arg(&url).run();
    assert_eq!(get().text(), "hello, world\n");
    change(
        &program,
        json!({"tls": ["*.other=pass", "localhost=block"]}),
    );
    assert_eq!(get().status.code(), Some(35));
    change(&program, json!({"tls": ["localhost=intercept", "*=block"]}));
    assert_eq!(get().text(), "hello, world\n");
    change(&program, json!({"tls": ["/^local/=pass"]}));
    assert_eq!(
        get().status.code(),
        Some(60),
        "the origin's own certificate"
    );
    let wrong = json!({"tls": ["localhost"]});
    let answer = program
        .api
        .expect(400, "PATCH", "/api/settings", Some(&wrong));
    assert!(answer.text().contains("HOST=pass"), "{}", answer.text());
    change(&program, json!({"tls": null}));
    assert_eq!(get().text(), "hello, world\n");
}

/// The texts of the failures so far, oldest first.
fn failures(program: &Program, count: usize) -> Vec<String> {
    let flows = program.api.wait_for("kind:tls error:tls", count);
    let text = |flow: &Value| flow["error"]["text"].as_str().unwrap().to_owned();
    flows.iter().map(text).collect()
}

#[test]
fn an_app_that_pins_passes_when_a_person_says_so() {
    let origin = Nginx::start();
    let program = Program::trusting(&origin.ca.pem);
    let url = origin.https("/hello.txt");
    for count in 1..=4 {
        assert_eq!(
            pinning(&program, &origin).arg(&url).run().status.code(),
            Some(60)
        );
        failures(&program, count);
    }
    let said: Vec<_> = failures(&program, 4)
        .iter()
        .map(|text| text.contains("this app probably pins its certificate"))
        .collect();
    assert_eq!(
        said,
        [false, false, true, true],
        "never silently, and not at once"
    );
    // nothing passes that nobody has allowed
    let settings = || program.api.get("/api/settings")["passed_hosts"].clone();
    assert_eq!(settings(), json!([]));
    let host = "/api/settings/passed-hosts/localhost";
    program.api.expect(204, "PUT", host, None);
    assert_eq!(
        settings(),
        json!([{"host": "localhost", "automatic": false}])
    );
    let ran = pinning(&program, &origin).arg(&url).ok();
    assert_eq!(ran.text(), "hello, world\n");
    let flow = program.api.flow("kind:tls state:complete");
    assert!(
        flow["comment"]
            .as_str()
            .unwrap()
            .starts_with("passed through")
    );
    assert_eq!(flow["tags"], json!([]));
    // and back
    program.api.expect(204, "DELETE", host, None);
    assert_eq!(
        pinning(&program, &origin).arg(&url).run().status.code(),
        Some(60)
    );
    assert!(
        !failures(&program, 5)[4].contains("probably pins"),
        "it begins anew"
    );
    assert_eq!(program.curl().arg(&url).ok().text(), "hello, world\n");
}

#[test]
fn with_pass_pinned_it_passes_by_itself_and_is_marked() {
    let origin = Nginx::start();
    let program = Setup::new()
        .trusting(&origin.ca.pem)
        .args(["--pass-pinned"])
        .start();
    let url = origin.https("/hello.txt");
    for count in 1..=3 {
        assert_eq!(
            pinning(&program, &origin).arg(&url).run().status.code(),
            Some(60)
        );
        failures(&program, count);
    }
    let last = failures(&program, 3).pop().unwrap();
    assert!(
        last.contains("localhost passes through unread from now on"),
        "{last}"
    );
    assert_eq!(
        pinning(&program, &origin).arg(&url).ok().text(),
        "hello, world\n"
    );
    let flow = program.api.flow("tag:pinned");
    assert_eq!(
        (&flow["kind"], &flow["state"]),
        (&json!("tls"), &json!("complete"))
    );
    assert!(flow["comment"].as_str().unwrap().contains("--pass-pinned"));
    let settings = program.api.get("/api/settings");
    let passed = json!([{"host": "localhost", "automatic": true}]);
    assert_eq!(settings["passed_hosts"], passed);
    // one click back; it is off for who does not want it any more
    let host = "/api/settings/passed-hosts/localhost";
    program.api.expect(204, "DELETE", host, None);
    assert_eq!(program.curl().arg(&url).ok().text(), "hello, world\n");
}

/// A client that closes without an alert when it has seen the certificate, as some apps do.
#[test]
fn who_closes_without_a_word_pins_too() {
    let origin = Nginx::start();
    let program = Program::trusting(&origin.ca.pem);
    for count in 1..=3 {
        let tunnel = wire::tunnel(program.proxy, &format!("localhost:{}", origin.tls));
        // trusts it, as apps do that look at the key only afterwards
        let tls = wire::tls(tunnel, "localhost", &program.ca_pem(), &["http/1.1"]);
        drop(tls);
        failures(&program, count);
    }
    let last = failures(&program, 3).pop().unwrap();
    assert!(last.contains("without a request"), "{last}");
    assert!(
        last.contains("this app probably pins its certificate"),
        "{last}"
    );
}

/// A certificate of a client, in PEM with its key and in PKCS#12 with the password `s3cret:x`.
struct Me {
    pem: PathBuf,
    p12: PathBuf,
    _dir: tempfile::TempDir,
}

impl Me {
    fn new(origin: &Nginx) -> Self {
        let dir = folder();
        let identity = origin.ca.identity();
        let (pem, p12) = (dir.path().join("me.pem"), dir.path().join("me.p12"));
        fs::write(&pem, format!("{}{}", identity.key_pem, identity.pem)).unwrap();
        Run::new("openssl")
            .args(["pkcs12", "-export", "-passout", "pass:s3cret:x", "-in"])
            .arg(&pem)
            .arg("-out")
            .arg(&p12)
            .ok();
        Self {
            pem,
            p12,
            _dir: dir,
        }
    }
}

const SUBJECT: &str = "CN=Origin test server\n";

#[test]
fn servers_that_ask_who_we_are_are_shown_a_certificate() {
    let origin = Nginx::start();
    let me = Me::new(&origin);
    let url = format!("https://localhost:{}/who", origin.mutual);
    let (pem, p12) = (me.pem.display().to_string(), me.p12.display().to_string());
    for (args, password) in [
        (vec![format!("localhost={pem}")], None),
        (
            vec![
                format!("other.test={p12}:wrong is not looked at"),
                pem.clone(),
            ],
            None,
        ),
        (vec![format!("{p12}:s3cret:x")], None),
        (vec![p12.clone()], Some("s3cret:x")),
    ] {
        if args.len() > 1 {
            // what cannot be read is told at once, whoever it is for
            let (run, _) = Setup::new()
                .args(["--client-cert", &args[0]])
                .command(me.pem.parent().unwrap());
            let ran = run.run();
            assert!(!ran.status.success());
            assert!(ran.err.contains("me.p12 cannot be used"), "{}", ran.err);
            assert!(!ran.err.contains("wrong is not"), "{}", ran.err);
            continue;
        }
        let mut setup = Setup::new().trusting(&origin.ca.pem);
        for arg in &args {
            setup = setup.args(["--client-cert", arg]);
        }
        if let Some(password) = password {
            setup = setup.env("OVERHEAR_CLIENT_CERT_PASSWORD", password);
        }
        let program = setup.start();
        for tls in ["1.2", "1.3"] {
            // the version that the client speaks with us says nothing about the server's
            let got = program.curl().args(["--tls-max", tls, &url]).ok().text();
            assert_eq!(got, SUBJECT, "{args:?}");
        }
        let flow = &program.api.wait_for("path:/who", 2)[0];
        let flow = program.api.detail(flow["id"].as_i64().unwrap());
        let asked = &flow["connection"]["server_tls"]["client_auth"];
        assert_eq!(asked, "asked for, CN=Origin test server was shown");
        // others are not asked, and shown nothing
        let got = program.curl().arg(origin.https("/hello.txt")).ok();
        assert_eq!(got.text(), "hello, world\n");
        let flow = program.api.flow("path:/hello.txt");
        assert_eq!(flow["connection"]["server_tls"]["client_auth"], Value::Null);
        let settings = program.api.get("/api/settings").to_string();
        assert!(!settings.contains("s3cret"), "{settings}");
    }
}

#[test]
fn a_client_certificate_is_set_while_it_runs() {
    let origin = Nginx::start();
    let me = Me::new(&origin);
    let program = Program::trusting(&origin.ca.pem);
    let url = format!("https://localhost:{}/who", origin.mutual);
    let get = || program.curl().arg(&url).ok().text();
    assert!(get().contains("No required SSL certificate was sent"));
    let rule = format!("localhost={}:s3cret:x", me.p12.display());
    change(&program, json!({"client-cert": [rule]}));
    assert_eq!(get(), SUBJECT);
    let shown = format!("localhost={}:***", me.p12.display());
    let settings = program.api.get("/api/settings");
    assert!(settings.to_string().contains(&shown));
    assert!(!settings.to_string().contains("s3cret"));
    change(
        &program,
        json!({"client-cert": [shown, me.pem.display().to_string()]}),
    );
    assert_eq!(get(), SUBJECT, "the password stays");
    let missing = json!({"client-cert": ["/nowhere/me.pem"]});
    let answer = program
        .api
        .expect(400, "PATCH", "/api/settings", Some(&missing));
    assert!(answer.text().contains("/nowhere/me.pem cannot be used"));
    assert_eq!(get(), SUBJECT);
    change(&program, json!({"client-cert": null}));
    assert!(get().contains("No required SSL certificate was sent"));
}

/// openssl's server with these flags, and its port.
fn s_server(origin: &Nginx, flags: &[&str]) -> (Running, u16, tempfile::TempDir) {
    let dir = folder();
    let identity = origin.ca.identity();
    identity.write(dir.path(), "server");
    fs::write(dir.path().join("ca.pem"), &origin.ca.pem).unwrap();
    let port = free_port().port();
    let running = Run::new("openssl")
        .dir(dir.path())
        .args([
            "s_server",
            "-quiet",
            "-cert",
            "server.pem",
            "-key",
            "server.key",
        ])
        .args(["-accept", &port.to_string(), "-CAfile", "ca.pem", "-www"])
        .args(flags)
        .start();
    until("openssl to listen", || {
        TcpStream::connect(("127.0.0.1", port)).ok()
    });
    (running, port, dir)
}

#[test]
fn a_server_that_asks_in_vain_is_named() {
    let origin = Nginx::start();
    let program = Program::trusting(&origin.ca.pem);
    for (flag, told) in [
        ("-tls1_2", "asked for a client certificate, was shown none"),
        ("-tls1_3", "it wants a client certificate"),
    ] {
        let verify = ["-Verify", "1", "-verify_return_error", flag];
        let (_server, port, _dir) = s_server(&origin, &verify);
        let url = format!("https://localhost:{port}/");
        let ran = program.curl().arg(&url).run();
        let flow = program.api.flow(&format!("port:{port}"));
        assert_eq!(flow["error"]["cause"], "tls", "{flow:#}");
        let text = flow["error"]["text"].as_str().unwrap();
        assert!(
            text.contains(told) && text.contains("--client-cert"),
            "{text}"
        );
        assert!(ran.text().contains(told), "{flag}: {ran:?}");
    }
}

#[test]
fn nothing_older_than_what_was_asked_for() {
    let origin = Nginx::start();
    let program = Setup::new()
        .trusting(&origin.ca.pem)
        .args(["--tls-min", "1.3"])
        .start();
    let (_server, port, _dir) = s_server(&origin, &["-tls1_2"]);
    let ran = program
        .curl()
        .arg(format!("https://localhost:{port}/"))
        .run();
    let told = "does not speak TLS 1.3, and overhear was told to take nothing older";
    assert!(ran.text().contains(told), "{ran:?}");
    let flow = program.api.flow(&format!("port:{port}"));
    assert_eq!(flow["error"]["cause"], "tls");
    assert_eq!(
        program.curl().arg(origin.https("/hello.txt")).ok().text(),
        "hello, world\n"
    );
    let flow = program.api.flow("path:/hello.txt");
    assert_eq!(flow["connection"]["server_tls"]["version"], "TLSv1.3");
}

#[test]
fn what_clients_show_when_they_are_asked_is_recorded() {
    let origin = Nginx::start();
    let me = Me::new(&origin);
    let program = Setup::new()
        .trusting(&origin.ca.pem)
        .args(["--ask-client-cert"])
        .start();
    let url = origin.https("/hello.txt");
    assert_eq!(program.curl().arg(&url).ok().text(), "hello, world\n");
    let flow = program.api.flow("path:/hello.txt");
    let tls = &flow["connection"]["client_tls"];
    assert_eq!(tls["client_certificates"], json!([]));
    program.api.expect(200, "DELETE", "/api/flows", None);
    for tls in ["1.2", "1.3"] {
        let got = program
            .curl()
            .args(["--tls-max", tls, "--cert"])
            .arg(&me.pem)
            .arg(&url);
        assert_eq!(got.ok().text(), "hello, world\n");
    }
    for flow in program.api.wait_for("path:/hello.txt", 2) {
        let flow = program.api.detail(flow["id"].as_i64().unwrap());
        let shown = &flow["connection"]["client_tls"]["client_certificates"];
        assert_eq!(shown[0]["subject"], "CN=Origin test server");
        assert_eq!(shown.as_array().unwrap().len(), 1);
    }
}

#[test]
fn with_the_key_log_tshark_reads_both_sides() {
    let origin = Nginx::start();
    let dir = folder();
    let keys = dir.path().join("keys.log");
    let program = Setup::new()
        .trusting(&origin.ca.pem)
        .args(["--key-log"])
        .args([&keys])
        .start();
    let files = [
        dir.path().join("client.pcapng"),
        dir.path().join("server.pcapng"),
    ];
    let ports = [program.proxy.port(), origin.tls_http1];
    let Some(client) = Tap::on(ports[0], &files[0]) else {
        return;
    };
    let Some(server) = Tap::on(ports[1], &files[1]) else {
        return;
    };
    for tls in ["1.2", "1.3"] {
        let url = format!("https://localhost:{}/hello.txt?{tls}", ports[1]);
        let got = program.curl().args(["--http1.1", "--tls-max", tls, &url]);
        assert_eq!(got.ok().text(), "hello, world\n");
    }
    client.end();
    server.end();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::metadata(&keys).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    for (file, port) in files.iter().zip(ports) {
        let read = Run::new("tshark")
            .args(["-r"])
            .arg(file)
            .args(["-o", &format!("tls.keylog_file:{}", keys.display())])
            .args([
                "-d",
                &format!(
                    "tcp.port=={port},{}",
                    if port == ports[1] { "tls" } else { "http" }
                ),
            ])
            .args([
                "-Y",
                "http.request.method == GET",
                "-T",
                "fields",
                "-e",
                "http.request.uri",
            ])
            .ok();
        let said = read.text();
        assert!(
            said.contains("/hello.txt?1.2") && said.contains("/hello.txt?1.3"),
            "{port}: {said}"
        );
    }
    // the variable that browsers and curl know does the same
    let other = dir.path().join("other.log");
    let program = Setup::new()
        .trusting(&origin.ca.pem)
        .env("SSLKEYLOGFILE", other.display().to_string())
        .start();
    program.curl().arg(origin.https("/hello.txt")).ok();
    let said = fs::read_to_string(&other).unwrap();
    assert_eq!(
        said.matches("CLIENT_TRAFFIC_SECRET_0 ").count(),
        2,
        "{said}"
    );
}
