//! Promise: `overhear run --capture` shows what does not pass through the proxy in the same list, live; nothing twice; the
//! packets stay within their limit; and the process that captures never outlives the program.

mod processes;

use crate::support::{
    Nginx, Program, Run, Server, command::Running, folder, island::Island, not_run, program::Setup,
    program::binary, program::overhear, repository, server::response, system, until,
};
use serde_json::{Value, json};
use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
};

/// A network of one's own on the loopback interface, which all tests share: a server's and a client's address.
pub struct Net {
    server: String,
    client: String,
    /// What of the interface is of this test.
    pub expression: String,
}

impl Net {
    /// One; says why when this machine cannot.
    pub fn new() -> Option<Self> {
        if !cfg!(target_os = "linux") || !system::is_root() {
            not_run("capturing needs root, and addresses of 127.0.0.0/8 Linux");
            return None;
        }
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::SeqCst) % 200;
        let net = format!("127.{}.{}", 64 + std::process::id() % 128, count);
        Some(Self {
            server: format!("{net}.2"),
            client: format!("{net}.1"),
            expression: format!("net {net}.0/24"),
        })
    }

    fn script(&self, what: &str) -> Run {
        let script = repository().join("tests/clients/alongside.py");
        Run::new("python3").arg(script).arg(what).arg(&self.server)
    }

    /// What a program of the script is, for others to start.
    pub fn command(&self, what: &str) -> [String; 5] {
        let script = repository().join("tests/clients/alongside.py");
        let script = script.display().to_string();
        let words = ["python3", &script, what, &self.server, &self.client];
        words.map(str::to_owned)
    }

    /// The servers, once they serve.
    pub fn serve(&self) -> Running {
        let servers = self.script("serve").start();
        until("the servers", || {
            servers.out_so_far().contains("ready").then_some(())
        });
        servers
    }

    /// What `--capture` takes.
    fn place(&self) -> String {
        format!("lo:{}", self.expression)
    }
}

/// Waits until packets are taken.
fn capturing(program: &Program) {
    until("the capture to begin", || {
        let captures = program.api.get("/api/captures");
        (captures["items"][0]["state"] == "running").then_some(())
    });
}

fn packets(program: &Program, flow: &Value) -> Vec<Value> {
    let path = format!("/api/flows/{}/packets", flow["id"]);
    program.api.get(&path)["items"].as_array().unwrap().clone()
}

/// The packets of a flow, once there are so many: those of a capture that goes on are in its file a moment later.
fn packets_when(program: &Program, flow: &Value, count: usize) -> Vec<Value> {
    until(&format!("{count} packets of {}", flow["id"]), || {
        let packets = packets(program, flow);
        (packets.len() >= count).then_some(packets)
    })
}

fn kept(data: &Path) -> Vec<(PathBuf, u64)> {
    let files = fs::read_dir(data.join("packets")).into_iter().flatten();
    let file = |entry: std::io::Result<fs::DirEntry>| {
        let path = entry.ok()?.path();
        let length = fs::metadata(&path).ok()?.len();
        Some((path, length))
    };
    files.filter_map(file).collect()
}

#[test]
fn what_does_not_pass_through_the_proxy_appears_live() {
    let Some(net) = Net::new() else { return };
    let _servers = net.serve();
    let program = Setup::new().args(["--capture", &net.place()]).start();
    capturing(&program);
    until("the program to say so", || {
        let said = program.said();
        said.contains("overhear: capturing on lo: (net ")
            .then_some(())
    });
    let mut talk = net.script("talk").arg(&net.client).input_open().start();
    until("the first words", || {
        talk.out_so_far().contains("said").then_some(())
    });

    // the stream is there while it goes on, with what was said so far
    let running = program.api.flow_when("kind:tcp port:6000", |flow| {
        flow["response"]["body_size"] == 17
    });
    assert_eq!(running["state"], "running");
    let dns = program.api.flow("kind:dns host:beside.example");
    assert_eq!(
        (&dns["method"], &dns["path"]),
        (&json!("A"), &json!("198.51.100.7"))
    );
    assert_eq!(dns["state"], "complete");
    assert_eq!(packets_when(&program, &dns, 2).len(), 2);
    let icmp = program.api.flow("kind:icmp port:7001");
    assert_eq!(
        (&icmp["state"], packets_when(&program, &icmp, 1).len()),
        (&json!("failed"), 1)
    );
    let udp = program.api.flow_when("kind:udp port:7000", |_| true);
    let echo = packets_when(&program, &udp, 2);
    assert_eq!(echo.len(), 2);
    assert_eq!(echo[1]["direction"], "response");

    talk.say("\n");
    until("the last words", || {
        talk.out_so_far().contains("over").then_some(())
    });
    let ended = program.api.flow("kind:tcp port:6000 state:complete");
    assert_eq!(ended["id"], running["id"]);
    let body = format!("/api/flows/{}/request/body", ended["id"]);
    assert_eq!(program.api.bytes(&body), b"hello from besideand goodbye");
    // with those that close the connection, of which each side acknowledges the other's
    let lines = until("the last packets", || {
        let stream = packets(&program, &ended);
        let lines: Vec<_> = stream
            .iter()
            .map(|p| p["summary"].as_str().unwrap().to_owned())
            .collect();
        let ends = lines.iter().filter(|line| line.contains("Flags [F.]"));
        let over = lines
            .last()
            .is_some_and(|line| line.contains("Flags [.]") && line.contains("length 0"));
        (ends.count() == 2 && over).then_some(lines)
    });
    assert!(lines[0].contains("Flags [S],"), "{lines:?}");
    assert!(lines.iter().all(|line| line.contains(".6000")), "{lines:?}");
    // others read them, too
    let file = program.home().join("stream.pcapng");
    let download = format!("/api/flows/{}/packets.pcapng", ended["id"]);
    fs::write(&file, program.api.bytes(&download)).unwrap();
    let read = Run::new("tcpdump")
        .args(["-Z", "root", "-n", "-r"])
        .arg(&file);
    assert_eq!(read.ok().text().lines().count(), lines.len());
    talk.say("\n");
    let said = program.stop();
    assert!(!said.contains("panicked"), "{said}");
}

#[test]
fn nothing_is_seen_twice() {
    let Some(net) = Net::new() else { return };
    let address = format!("{}:0", net.server);
    let origin = Server::answering_on(&address, None, |_| {
        response("200 OK", &["Connection: close"], "fine")
    });
    let url = |path: &str| format!("http://{}:{}/{path}", net.server, origin.port());
    let program = Setup::new().args(["--capture", &net.place()]).start();
    capturing(&program);
    program.curl().arg(url("proxied")).ok();
    // nobody listens: the proxy's own flow says so, and no other
    let refused = format!("http://{}:1/refused", net.server);
    program.curl().arg(&refused).ok();
    let direct = Run::new("curl").args(["--silent", "--noproxy", "*", "--interface"]);
    direct.arg(&net.client).arg(url("direct")).ok();
    let seen = program.api.flow("path:/direct");
    assert_eq!(
        seen["client"].as_str().unwrap().split(':').next(),
        Some(net.client.as_str())
    );
    // with the packets that close the connection, which come when the exchange is over
    until("both ends", || {
        let packets = packets(&program, &seen);
        let ends = packets.iter().filter(|packet| {
            let line = packet["summary"].as_str().unwrap();
            line.contains("Flags [F")
        });
        (ends.count() == 2).then_some(())
    });
    // what came before it has been read, too, once it has ended
    let captures = program.api.get("/api/captures")["items"].clone();
    let id = &captures[0]["id"];
    program
        .api
        .expect(204, "DELETE", &format!("/api/captures/{id}"), None);
    let paths = |filter: &str| -> Vec<_> {
        let flows = program.api.flows(filter);
        flows
            .iter()
            .map(|flow| flow["url"].as_str().unwrap().to_owned())
            .collect()
    };
    let mut all = paths("");
    all.sort();
    let mut expected = [url("direct"), url("proxied"), refused];
    expected.sort();
    assert_eq!(all, expected);
    let proxied = program.api.flow("path:/proxied");
    assert_eq!(packets(&program, &proxied).len(), 0);
    program.stop();
}

#[test]
fn tls_is_decrypted_while_it_goes_on() {
    let Some(_) = Net::new() else { return };
    let origin = Nginx::start();
    let home = folder();
    // the first program that writes secrets makes it
    let keys = home.path().join("keys.log");
    let ca = home.path().join("ca.pem");
    fs::write(&ca, &origin.ca.pem).unwrap();
    let place = format!(
        "lo:tcp port {} or tcp port {}",
        origin.tls, origin.tls_http1
    );
    let program = Setup::new()
        .args([
            "--capture",
            &place,
            "--capture-keylog",
            keys.to_str().unwrap(),
        ])
        .start();
    capturing(&program);
    let curl = |options: &[&str], url: &str| {
        let curl = Run::new("curl").args(["-sS", "--ipv4", "--noproxy", "*", "--cacert"]);
        curl.arg(&ca).args(options).args(["-o", "/dev/null", url])
    };
    let http1 = |path: &str| format!("https://localhost:{}/{path}", origin.tls_http1);
    curl(
        &["--tls-max", "1.3", "--http2"],
        &origin.https("/lines.txt"),
    )
    .env("SSLKEYLOGFILE", &keys)
    .ok();
    curl(&["--tls-max", "1.2", "--http1.1"], &http1("picture.png"))
        .env("SSLKEYLOGFILE", &keys)
        .ok();
    for (path, tls, http) in [
        ("lines.txt", "TLSv1.3", "HTTP/2"),
        ("picture.png", "TLSv1.2", "HTTP/1.1"),
    ] {
        let flow = program
            .api
            .flow(&format!("kind:http path:/{path} state:complete"));
        let url = flow["url"].as_str().unwrap();
        assert!(url.starts_with("https://localhost:"), "{url}");
        assert_eq!(flow["response"]["version"], http);
        let whole = program.api.get(&format!("/api/flows/{}", flow["id"]));
        assert_eq!(whole["connection"]["server_tls"]["version"], tls, "{whole}");
        let body = format!("/api/flows/{}/response/body", flow["id"]);
        assert!(program.api.bytes(&body) == origin.file(path), "{path}");
        packets_when(&program, &flow, 9);
    }

    // an exchange is there while its connection stays open
    let address = format!("localhost:{}", origin.tls_http1);
    let mut open = Run::new("openssl")
        .args([
            "s_client",
            "-quiet",
            "-4",
            "-connect",
            &address,
            "-keylogfile",
        ])
        .arg(&keys)
        .input_open()
        .start();
    open.say("GET /data.json HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let flow = program.api.flow("kind:http path:/data.json state:complete");
    let body = format!("/api/flows/{}/response/body", flow["id"]);
    assert!(program.api.bytes(&body) == origin.file("data.json"));
    assert!(!open.ended());

    // whose secrets do not come is a TLS connection, which says so
    curl(&["--http1.1"], &http1("lines.txt?untold")).ok();
    let untold = program.api.flow("kind:tls state:complete");
    let comment = untold["comment"].as_str().unwrap();
    assert!(
        comment.contains("the key log has no secrets of this connection"),
        "{comment}"
    );
    assert_eq!(untold["host"], "localhost");
    assert_eq!(program.api.flows("").len(), 4);
    // a key log that cannot be read is told, and the capture goes on
    fs::remove_file(&keys).unwrap();
    fs::create_dir(&keys).unwrap();
    let told = until("it to be told", || {
        let capture = program.api.get("/api/captures")["items"][0].clone();
        capture["error"].as_str().map(str::to_owned)
    });
    assert!(told.contains("cannot be read: it is no file"), "{told}");
    program.stop();
}

#[test]
fn who_is_not_answered_is_seen_while_it_waits() {
    let Some(net) = Net::new() else { return };
    let program = Setup::new().args(["--capture", &net.place()]).start();
    capturing(&program);
    let mut stall = net.script("stall").arg(&net.client).input_open().start();
    let port = until("a connection", || {
        let out = stall.out_so_far();
        out.ends_with('\n').then(|| out.trim().to_owned())
    });
    let flow = program.api.flow("kind:tcp port:6001 state:failed");
    assert_eq!(flow["client"], format!("{}:{port}", net.client));
    assert_eq!(flow["error"]["cause"], "timeout");
    let text = flow["error"]["text"].as_str().unwrap();
    let begin = format!("{}:6001 did not answer ", net.server);
    assert!(
        text.starts_with(&begin) && text.contains(" SYNs."),
        "{text}"
    );
    packets_when(&program, &flow, 3);
    // the client waits still; the connection that stands is another
    assert!(!stall.ended());
    assert_eq!(program.api.flows("kind:tcp port:6001").len(), 1);
    stall.say("\n");
    until("the other connection", || {
        let flows = program.api.flows("kind:tcp port:6001");
        (flows.len() == 2).then_some(())
    });
    program.stop();
}

#[test]
fn an_error_about_the_proxys_own_connection_is_no_flow() {
    let Some(island) = Island::new() else { return };
    // the second host leads to nowhere, and says so
    let ip = |host: usize, words: &[&str]| {
        island.run(host, "ip").args(words).ok();
    };
    let forward = "echo 1 > /proc/sys/net/ipv4/ip_forward";
    island.run(1, "sh").args(["-c", forward]).ok();
    ip(1, &["route", "add", "unreachable", "203.0.113.0/24"]);
    ip(0, &["route", "add", "203.0.113.0/24", "via", "192.0.2.2"]);
    let home = folder();
    let data = home.path().join("data");
    let place = "eth0:net 203.0.113.0/24 or icmp";
    let mut run = island
        .run(0, binary())
        .env("HOME", home.path())
        .args([
            "run",
            "--no-open",
            "--listen",
            "192.0.2.1:8080",
            "--capture",
            place,
            "--data",
        ])
        .arg(&data)
        .start();
    until("the capture to begin", || {
        let said = run.said_so_far();
        assert!(!run.ended(), "{said}");
        said.contains("capturing on eth0").then_some(())
    });
    let curl = |proxy: &[&str], url: &str| {
        let curl = island.run(0, "curl").args(["--silent", "--max-time", "60"]);
        curl.args(proxy).arg(url).run();
    };
    curl(
        &["--proxy", "http://192.0.2.1:8080"],
        "http://203.0.113.8:81/",
    );
    curl(&["--noproxy", "*"], "http://203.0.113.9:81/");
    let flows = || {
        let list = overhear(home.path()).args(["flows", "--json", "--data"]);
        list.arg(&data).ok().json_lines()
    };
    let told = |flow: &Value| {
        let words = [&flow["kind"], &flow["host"], &flow["error"]["cause"]];
        words
            .map(|word| word.as_str().unwrap_or_default().to_owned())
            .join(" ")
    };
    let mut seen = until("what nobody else records", || {
        let seen: Vec<_> = flows().iter().map(told).collect();
        let both = seen.iter().filter(|told| told.contains("203.0.113.9"));
        (both.count() >= 2).then_some(seen)
    });
    seen.sort();
    let expected = [
        "http 203.0.113.8 unreachable",
        "icmp 203.0.113.9 unreachable",
        "tcp 203.0.113.9 unreachable",
    ];
    assert_eq!(seen, expected);
    system::terminate(run.child());
    run.wait().ok();
}

#[test]
fn packets_stay_within_their_limit() {
    let Some(net) = Net::new() else { return };
    let _servers = net.serve();
    let limit = 16 << 20;
    let place = net.place();
    let args = ["--capture", &place, "--capture-limit", "16MiB"];
    let program = Setup::new().args(args).start();
    capturing(&program);
    let [python, words @ ..] = net.command("flood");
    let mut flood = Command::new(python);
    let mut flood = flood.args(words).stdin(Stdio::piped()).spawn().unwrap();
    // no more at once than the kernel's buffer takes, however busy this machine is
    for sent in (100..=1500).step_by(100) {
        let input = flood.stdin.as_mut().unwrap();
        input.write_all(b"100\n").unwrap();
        let capture = until("all packets", || {
            let capture = program.api.get("/api/captures")["items"][0].clone();
            let seen = capture["packets"].as_u64()? + capture["dropped"].as_u64()?;
            (seen >= 2 * sent).then_some(capture)
        });
        assert_eq!(capture["dropped"], 0);
    }
    drop(flood.stdin.take());
    assert!(flood.wait().unwrap().success());
    let flow = program.api.flow_when("kind:udp port:7000", |flow| {
        flow["request"]["body_size"] == 1500 * 8192
    });
    let files = kept(program.data());
    let together: u64 = files.iter().map(|(_, length)| length).sum();
    assert!(together <= limit && together > limit / 2, "{files:?}");
    // the flow says that its first packets are gone, and has the others in order
    let numbers = until("the last packet", || {
        let mut numbers = Vec::new();
        let mut path = format!("/api/flows/{}/packets?limit=1000", flow["id"]);
        loop {
            let page = program.api.get(&path);
            assert_eq!(page["gone"], true);
            let items = page["items"].as_array().unwrap().iter();
            numbers.extend(items.map(|item| item["number"].as_u64().unwrap()));
            let Some(next) = page["next"].as_str() else {
                break;
            };
            path = format!("/api/flows/{}/packets?limit=1000&cursor={next}", flow["id"]);
        }
        (numbers.last() == Some(&3000)).then_some(numbers)
    });
    let first = numbers[0];
    assert!(first > 1 && numbers.len() > 500, "{first}");
    assert!(numbers.iter().copied().eq(first..=3000), "{numbers:?}");
    program.stop();
}

#[test]
fn captures_are_started_and_stopped_while_the_program_runs() {
    let Some(net) = Net::new() else { return };
    let _servers = net.serve();
    let program = Program::start();
    let api = &program.api;
    assert_eq!(api.get("/api/captures")["items"], json!([]));
    let interfaces = api.get("/api/interfaces");
    let names = interfaces["items"].as_array().unwrap().iter();
    assert!(
        names
            .clone()
            .any(|one| one["name"] == "lo" && one["loopback"] == true)
    );
    let begin = |interface: &str, expression: &str| {
        let body = json!({"interface": interface, "expression": expression});
        api.send("POST", "/api/captures", Some(&body))
    };
    assert_eq!(begin("lo", &net.expression).status(), 201);
    assert_eq!(begin("lo", &net.expression).status(), 409);
    capturing(&program);
    // what cannot be captured says why, and can be put away
    for (interface, expression, why) in [
        ("nosuch0", "", "there is no interface nosuch0"),
        (
            "lo",
            "nonsense here",
            "the filter expression cannot be read",
        ),
    ] {
        let begun: Value = serde_json::from_str(&begin(interface, expression).text()).unwrap();
        let failed = until("it to fail", || {
            let items = api.get("/api/captures")["items"].clone();
            let mut items = items.as_array().unwrap().iter();
            items
                .find(|c| c["id"] == begun["id"] && c["state"] == "failed")
                .cloned()
        });
        assert!(failed["error"].as_str().unwrap().contains(why), "{failed}");
        let path = format!("/api/captures/{}", begun["id"]);
        api.expect(204, "DELETE", &path, None);
    }
    net.script("flood").args([&net.client, "3"]).ok();
    let flow = api.flow_when("kind:udp port:7000", |flow| {
        flow["response"]["body_size"].as_u64() > Some(3 * 8192)
    });
    let id = api.get("/api/captures")["items"][0]["id"].clone();
    let path = format!("/api/captures/{id}");
    api.expect(204, "DELETE", &path, None);
    api.expect(404, "DELETE", &path, None);
    assert_eq!(api.get("/api/captures")["items"], json!([]));
    // it has ended, and what it captured is there
    let flow = api.get(&format!("/api/flows/{}", flow["id"]));
    assert_eq!(flow["state"], "complete");
    assert_eq!(packets(&program, &flow).len(), 6);
    let more = program.data().join("packets");
    let whole = kept(program.data());
    assert_eq!(whole.len(), 1, "{}", more.display());
    let read = overhear(program.home())
        .arg("read")
        .arg(&whole[0].0)
        .arg("--print");
    assert_eq!(read.ok().text().lines().count(), 6);
    program.stop();
}

/// As on macOS, whose BPF has no others: a library that is the real one but for that.
#[test]
fn times_in_microseconds_are_enough() {
    let Some(net) = Net::new() else { return };
    let home = folder();
    let (source, library) = (home.path().join("micro.c"), home.path().join("micro.so"));
    let code = "int pcap_set_tstamp_precision(void *handle, int precision) { return precision == 0 ? 0 : -12; }\n";
    fs::write(&source, code).unwrap();
    let link = |real: &str| {
        let cc = Run::new("cc").args(["-shared", "-fPIC", "-Wl,--no-as-needed", "-o"]);
        let cc = cc.arg(&library).arg(&source).arg(format!("-l:{real}"));
        cc.run().status.success()
    };
    if !["libpcap.so.0.8", "libpcap.so.1"].into_iter().any(link) {
        return not_run("libpcap lies where the linker does not look");
    }
    let asked = overhear(home.path()).env("OVERHEAR_LIBPCAP", &library);
    let asked = asked.args(["capture", "-i", "lo", "--time-stamp-precision", "nano"]);
    let refused = asked.args(["-c", "1"]).run();
    assert!(
        !refused.status.success() && refused.err.contains("precision"),
        "{}",
        refused.err
    );
    let _servers = net.serve();
    let program = Setup::new().args(["--capture", &net.place()]);
    let program = program.env("OVERHEAR_LIBPCAP", &library).start();
    capturing(&program);
    net.script("flood").args([&net.client, "3"]).ok();
    let flow = program.api.flow_when("kind:udp port:7000", |flow| {
        flow["response"]["body_size"].as_u64() > Some(3 * 8192)
    });
    // the times are those of this moment, and none in between
    let packets = packets(&program, &flow);
    let status = program.api.get("/api/captures")["items"][0].clone();
    assert_eq!(status["state"], "running", "{status}");
    for packet in &packets {
        let time = packet["time"].as_str().unwrap();
        assert!(time.ends_with("000Z"), "{packet}");
    }
    program.stop();
}

#[test]
fn what_the_proxy_records_is_left_out_by_default() {
    let Some(island) = Island::new() else { return };
    let script = repository().join("tests/clients/traffic.py");
    let servers = island.run(1, "python3").arg(&script).arg("serve").start();
    until("the servers", || {
        servers.out_so_far().contains("ready").then_some(())
    });
    let home = folder();
    let data = home.path().join("data");
    let mut run = island
        .run(0, binary())
        .env("HOME", home.path())
        .args([
            "run",
            "--no-open",
            "--listen",
            "192.0.2.1:8080",
            "--capture",
            "eth0",
            "--data",
        ])
        .arg(&data)
        .start();
    until("the capture to begin", || {
        let said = run.said_so_far();
        assert!(!run.ended(), "{said}");
        let filter =
            "capturing on eth0: not (port 80 or port 443) and not (tcp port 8080 or tcp port 8081)";
        said.contains(filter).then_some(())
    });
    island.run(0, "python3").arg(&script).arg("talk").ok();
    let flows = || {
        let list = overhear(home.path())
            .args(["flows", "--json", "--data"])
            .arg(&data);
        list.ok().json_lines()
    };
    until("the last packet", || {
        let flows = flows();
        let last = flows.iter().find(|flow| flow["port"] == 9)?;
        (last["request"]["body_size"] == 31).then_some(())
    });
    system::terminate(run.child());
    run.wait().ok();
    let mut seen: Vec<_> = flows()
        .iter()
        .filter(|flow| flow["kind"] != "icmp" || flow["port"] != 0)
        .map(|flow| format!("{} {}", flow["kind"].as_str().unwrap(), flow["port"]))
        // who speaks first there is not sure, and one of the two speaks HTTP
        .map(|flow| flow.replace("http 25", "tcp 25"))
        .collect();
    seen.sort();
    let expected = [
        "dns 53",
        "dns 53",
        "dns 53",
        "dns 53",
        "dns 53",
        "icmp 7778",
        "tcp 25",
        "tcp 7777",
        "udp 7778",
        "udp 9",
    ];
    assert_eq!(seen, expected);
}
