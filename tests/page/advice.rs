//! Promise: a flow that failed says what happened, to what, and what can be done.

use super::shared::{drive_with, url};
use crate::support::{
    Nginx, Program, Run, Server, certs::TestCa, http, server::closed_port, server::response,
};
use serde_json::{Map, Value, json};
use std::io::Write as _;

#[test]
fn each_failure_says_what_to_do() {
    let nginx = Nginx::start();
    let program = Program::trusting(&nginx.ca.pem);
    let strange = Server::answering(Some(TestCa::self_signed().server(&[])), |_| {
        response("200 OK", &[], "")
    });
    let plain = Server::new(None, |mut stream| {
        let Ok(Some(request)) = http::read_request(&mut *stream) else {
            return;
        };
        if request.start_line().contains("/protocol") {
            let _ = stream.write_all(b"SSH-2.0-OpenSSH_9.6\r\n");
        }
        stream.finish();
    });
    let closed = closed_port();
    let own = format!("http://localhost:{}/loop", program.proxy.port());
    // by cause: where curl goes, what finds the flow, what it is to say
    let cases: [(&str, String, &str, &[&str]); 8] = [
        (
            "dns",
            "http://no-such-host.invalid/".to_owned(),
            "error:dns",
            &["no-such-host.invalid", "VPN or its DNS server"],
        ),
        (
            "refused",
            format!("http://localhost:{}/", closed.port()),
            "error:refused",
            &["Is the server started"],
        ),
        (
            "protocol",
            url(&plain, "/protocol"),
            "error:protocol",
            &["The bytes are kept"],
        ),
        (
            "closed",
            url(&plain, "/closed"),
            "error:closed",
            &["look into its log"],
        ),
        (
            "certificate",
            format!("https://localhost:{}/", strange.port()),
            "error:certificate",
            &["accept its certificate", "Settings, under Servers"],
        ),
        (
            "plain",
            nginx.http("/").replace("http:", "https:"),
            "error:tls",
            &["Use http:// instead of https://"],
        ),
        (
            "loop",
            own,
            "error:loop",
            &["proxy's address where a server's"],
        ),
        (
            "distrust",
            nginx.https("/hello.txt"),
            "error:tls",
            &["under Connect are the lines"],
        ),
    ];
    let mut flows = Map::new();
    let mut last = 0;
    for (name, target, filter, _) in &cases {
        // the last one is not told of the certificate
        let curl = match *name {
            "distrust" => {
                Run::new("curl").args(["--silent", "--noproxy", "", "--proxy", &program.url()])
            }
            _ => program.curl(),
        };
        curl.arg(target).run();
        let found = program.api.flow(&format!("{filter} id:>{last}"));
        last = found["id"].as_i64().unwrap();
        flows.insert((*name).to_owned(), found["id"].clone());
    }
    let more = json!({ "flows": flows });
    let seen = drive_with(&program, &url(&plain, ""), "advice", &["failed"], more);
    let failed = &seen["failed"];
    for (name, _, _, words) in &cases {
        let one = &failed[name];
        let all = format!("{} {}", one["text"], one["steps"]);
        for word in *words {
            assert!(all.contains(word), "{name} does not say {word}: {one:#}");
        }
        assert!(
            !one["steps"].as_array().unwrap().is_empty(),
            "{name}: {one}"
        );
        assert!(one["text"].as_str().unwrap().len() > 20, "{name}: {one}");
        assert!(
            one["story"].as_str().unwrap().contains("failed"),
            "{name}: {one}"
        );
        assert_eq!(one["tone"], true, "{name}: {one}");
        assert_ne!(one["status"], Value::Null, "{name}");
    }
    assert_eq!(failed["broken"], json!({"desktop": [], "phone": []}));
    assert_eq!(failed["wide"], 390, "nothing sticks out on a phone");
    assert_eq!(seen["troubles"], json!([]));
}
