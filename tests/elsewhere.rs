//! Promise: a request goes where a rule leads it, another way or over the version that is spoken there, and a server that is not
//! there at all can be stood in for.

use crate::support::{
    Nginx, Program, Server,
    api::json,
    peers::{Socks, http_proxy},
    server::{closed_port, response},
};
use serde_json::{Value, json};

fn add(program: &Program, filter: &str, actions: Value) {
    let rule = json!({"name": "r", "filter": filter, "actions": actions});
    program.api.expect(201, "POST", "/api/rules", Some(&rule));
}

#[test]
fn only_the_connection_is_made_elsewhere() {
    let origin = Nginx::start();
    let echo = Server::answering(None, |request| response("200 OK", &[], request.head_text()));
    let program = Program::trusting(&origin.ca.pem);
    add(
        &program,
        "host:shop.invalid",
        json!([{"do": "upstream", "to": format!("127.0.0.1:{}", echo.port())}]),
    );
    for _ in 0..2 {
        let said = program.curl().arg("http://shop.invalid/a?b").ok().text();
        assert!(
            said.starts_with("GET /a?b HTTP/1.1\r\n") && said.contains("Host: shop.invalid\r\n"),
            "{said}"
        );
    }
    let flow = &program.api.wait_for("path:/a?b", 2)[0];
    assert_eq!(flow["server"], format!("127.0.0.1:{}", echo.port()));
    assert_eq!(flow["host"], "shop.invalid");
    // TLS asks for the name that was asked for, and whoever is there answers to it
    let port = closed_port().port();
    let secure = origin.https("/hello.txt");
    let there = secure
        .split('/')
        .nth(2)
        .unwrap()
        .rsplit(':')
        .next()
        .unwrap();
    add(
        &program,
        &format!("port:{port}"),
        json!([{"do": "upstream", "to": format!("127.0.0.1:{there}")}]),
    );
    for version in ["--http1.1", "--http2"] {
        let url = format!("https://localhost:{port}/hello.txt?{}", &version[2..]);
        assert_eq!(
            program.curl().args([version, &url, &url]).ok().text(),
            "hello, world\n".repeat(2)
        );
        let filter = format!("path:*?{} status:200", &version[2..]);
        let flow = &program.api.wait_for(&filter, 2)[0];
        assert_eq!(flow["server"], format!("127.0.0.1:{there}"), "{flow:#}");
    }
    // nobody there either
    let wrong = json!([{"do": "upstream", "to": format!("127.0.0.1:{}", closed_port().port())}]);
    add(&program, "host:gone.invalid", wrong);
    let code = ["-o", "/dev/null", "-w", "%{http_code}"];
    for url in ["http://gone.invalid/", "https://gone.invalid/"] {
        assert_eq!(
            program
                .curl()
                .args(code)
                .args(["--insecure", url])
                .ok()
                .text(),
            "502"
        );
    }
    for (to, told) in [
        ("socks4://a:1", "no way to a server here"),
        ("a:b", "names no server"),
    ] {
        let rule = json!({"name": "r", "actions": [{"do": "upstream", "to": to}]});
        let answer = program.api.expect(400, "POST", "/api/rules", Some(&rule));
        assert!(json(&answer)["detail"].as_str().unwrap().contains(told));
    }
}

#[test]
fn a_proxy_leads_there() {
    let origin = Nginx::start();
    let program = Program::trusting(&origin.ca.pem);
    let proxy = http_proxy();
    let port = proxy.address.port();
    let through = json!([{"do": "upstream", "to": format!("http://u:p@127.0.0.1:{port}")}]);
    add(&program, "path:/hello.txt", through);
    let unknown = json!([{"do": "upstream", "to": format!("http://127.0.0.1:{port}")}]);
    add(&program, "path:/style.css", unknown);
    for (url, version) in [
        (origin.http("/hello.txt"), "--http1.1"),
        (origin.https("/hello.txt"), "--http1.1"),
        (origin.https("/hello.txt"), "--http2"),
    ] {
        assert_eq!(
            program.curl().args([version, &url]).ok().text(),
            "hello, world\n"
        );
        let refused = url.replace("hello.txt", "style.css");
        let said = program
            .curl()
            .args([version, "-w", "%{http_code}", &refused])
            .ok()
            .text();
        assert!(
            said.contains("write user and password into its address") && said.ends_with("502"),
            "{said}"
        );
    }
    let flow = &program.api.wait_for("path:/hello.txt", 3)[0];
    assert_eq!(flow["server"], format!("127.0.0.1:{port}"));
    let flow = program.api.get(&format!("/api/flows/{}", flow["id"]));
    assert_eq!(
        flow["rules_did"][0]["text"],
        format!("sent to the proxy http://127.0.0.1:{port}"),
        "the password is nobody else's"
    );
    assert_eq!(
        flow["connection"]["via"],
        format!("http://127.0.0.1:{port}")
    );
    let socks = Socks::start();
    let to = format!("socks5://u:p@{}", socks.server.address);
    add(
        &program,
        "path:/data.json",
        json!([{"do": "upstream", "to": to}]),
    );
    for url in [origin.http("/data.json"), origin.https("/data.json")] {
        let got = program.curl().arg(&url).ok().out;
        assert_eq!(got, origin.file("data.json"));
    }
    let names = [origin.plain, origin.tls].map(|port| format!("localhost:{port}"));
    assert_eq!(socks.asked(), names, "resolved over there");
}

#[test]
fn a_server_that_is_not_there_is_stood_in_for() {
    let origin = Nginx::start();
    let program = Program::trusting(&origin.ca.pem);
    let folder = program.home().join("local");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("x.json"), "{}").unwrap();
    let made = json!([{"do": "answer", "status": 418, "body": {"text": "made"}}]);
    add(&program, "host:api.invalid path:/made", made);
    add(
        &program,
        "host:api.invalid path:/local",
        json!([{"do": "map-local", "path": folder, "from": "/local"}]),
    );
    let away = json!([{"do": "map-remote", "to": origin.https("/hello.txt"), "from": "/away"}]);
    add(&program, "host:api.invalid path:/away", away);
    add(
        &program,
        "host:api.invalid path:/blocked",
        json!([{"do": "block"}]),
    );
    for (url, version) in [
        ("http://api.invalid", "--http1.1"),
        ("https://api.invalid", "--http1.1"),
        ("https://api.invalid", "--http2"),
    ] {
        let get = |paths: &[&str]| {
            let mut curl = program.curl().args([version, "-w", "|%{http_code};"]);
            for path in paths {
                curl = curl.arg(format!("{url}{path}"));
            }
            curl.ok().text()
        };
        // all on one connection
        assert_eq!(
            get(&["/made", "/local/x.json", "/away"]),
            "made|418;{}|200;hello, world\n|200;",
            "{url} {version}"
        );
        assert!(get(&["/blocked"]).ends_with("|403;"));
        // what no rule answers is told
        let told = get(&["/other"]);
        assert!(
            told.contains("api.invalid") && told.ends_with("|502;"),
            "{told}"
        );
        let flow = program.api.wait_for("path:/other", 1).pop().unwrap();
        assert_eq!(flow["error"]["cause"], "dns", "{flow:#}");
        program
            .api
            .expect(200, "DELETE", &format!("/api/flows/{}", flow["id"]), None);
    }
    let away = program.api.wait_for("path:/away", 3);
    assert!(
        away.iter()
            .all(|flow| flow["server"].is_string() && flow["state"] == "complete")
    );
    // without such a rule the tunnel is refused, so that a client hears a failure as one
    let ran = program.curl().arg("https://elsewhere.invalid/").run();
    assert_eq!(ran.status.code(), Some(56), "{ran:?}");
}

#[test]
fn where_a_request_is_led_http2_is_spoken_if_that_server_does() {
    let (origin, other) = (Nginx::start(), Nginx::start());
    let program = crate::support::program::Setup::new()
        .trusting(&format!("{}{}", origin.ca.pem, other.ca.pem))
        .start();
    let to = other.https("/");
    add(
        &program,
        "path:/mapped",
        json!([{"do": "map-remote", "to": to.trim_end_matches('/'), "from": "/mapped"}]),
    );
    for (version, spoken) in [("--http2", "HTTP/2"), ("--http1.1", "HTTP/1.1")] {
        let url = origin.https("/mapped/hello.txt");
        assert_eq!(
            program.curl().args([version, &url]).ok().text(),
            "hello, world\n"
        );
        let flow = program
            .api
            .wait_for("path:/mapped/hello.txt", 1)
            .pop()
            .unwrap();
        assert_eq!(
            (&flow["request"]["version"], &flow["response"]["version"]),
            (&json!(spoken), &json!(spoken)),
            "{flow:#}"
        );
        program
            .api
            .expect(200, "DELETE", &format!("/api/flows/{}", flow["id"]), None);
        let body = origin.root().join("lines.txt");
        let upload = origin.https("/mapped/upload");
        let sum = program
            .curl()
            .args([
                version,
                "--data-binary",
                &format!("@{}", body.display()),
                &upload,
            ])
            .ok()
            .text();
        let (hash, size) = crate::support::sha256(std::fs::File::open(&body).unwrap());
        assert_eq!(sum.trim(), format!("{hash} {size}"));
    }
}
