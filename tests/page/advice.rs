//! Promise: a flow that failed says what happened, to what, and what can be done.

use super::shared::{drive_with, url};
use crate::support::{
    Nginx, Program, Run, Server, certs::TestCa, http, phone::Phone, program::Setup,
    server::closed_port, server::response, until,
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
        let line = request.start_line();
        if line.contains("/reset") {
            return stream.reset();
        }
        if line.contains("/protocol") {
            let _ = stream.write_all(b"SSH-2.0-OpenSSH_9.6\r\n");
        }
        stream.finish();
    });
    let closed = closed_port();
    let own = format!("http://localhost:{}/loop", program.proxy.port());
    let rule = json!({
        "name": "No trackers", "filter": "path:/blocked", "stage": "request",
        "actions": [{"do": "block", "how": "close"}],
    });
    program.api.expect(201, "POST", "/api/rules", Some(&rule));
    // by cause: where curl goes, what finds the flow, what it is to say
    let cases: [(&str, String, &str, &[&str]); 11] = [
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
            "reset",
            url(&plain, "/reset"),
            "error:reset",
            &["the server reset the connection", "look into its log"],
        ),
        (
            "rule",
            url(&plain, "/blocked"),
            "error:forbidden",
            &[
                "The rule \"No trackers\"",
                "switch that rule off under Rules",
            ],
        ),
        (
            "own page",
            format!("http://{}/", program.api.address),
            "error:forbidden",
            &["overhear's own page", "Leave this address out"],
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
    advised(&program, &url(&plain, ""), flows, &cases);
}

/// What only happens in a network: nobody answers, nobody is there, a device that is refused.
#[test]
fn each_failure_of_a_network_says_what_to_do() {
    let Some(phone) = Phone::plug_in() else {
        return;
    };
    let program = Setup::new().listen("0.0.0.0:0").start();
    let plain = Server::answering(None, |_| response("200 OK", &[], ""));
    let hole = phone.black_hole();
    let [a, b, c, _] = phone.address.octets();
    let nobody = format!("{a}.{b}.{c}.99");
    let asked = program.curl().arg(format!("http://{hole}/hole")).start();
    program.curl().arg(format!("http://{nobody}/nobody")).run();
    let refused = json!({"decision": "refuse"});
    let device = format!("/api/devices/{}", phone.address);
    let proxy = format!("http://{}:{}", phone.host, program.proxy.port());
    let visit = || {
        let curl = phone
            .run("curl")
            .args(["--silent", "--noproxy", "", "--max-time", "60"]);
        curl.args(["--proxy", &proxy]).arg(url(&plain, "/refused"))
    };
    let waiting = visit().start();
    let own = phone.address.to_string();
    until("the device to be asked about", || {
        let devices = program.api.get("/api/devices");
        let mut listed = devices["items"].as_array()?.iter();
        listed.any(|device| device["address"] == own).then_some(())
    });
    program.api.send("PUT", &device, Some(&refused));
    waiting.wait();
    visit().run();
    asked.wait();
    let cases: [(&str, String, &str, &[&str]); 3] = [
        (
            "timeout",
            String::new(),
            "error:timeout",
            &[
                "did not answer within",
                "firewall may be dropping",
                "without the proxy",
            ],
        ),
        (
            "unreachable",
            String::new(),
            "error:unreachable",
            &["cannot be reached", "connected to the network (or VPN)"],
        ),
        (
            "device",
            String::new(),
            "error:\"was refused\"",
            &["was refused", "Allow the device under Devices"],
        ),
    ];
    let mut flows = Map::new();
    for (name, _, filter, _) in &cases {
        let found = program.api.wait_for(filter, 1);
        flows.insert((*name).to_owned(), found[found.len() - 1]["id"].clone());
    }
    advised(&program, &url(&plain, ""), flows, &cases);
}

/// What the page says of each flow.
fn advised(
    program: &Program,
    origin: &str,
    flows: Map<String, Value>,
    cases: &[(&str, String, &str, &[&str])],
) {
    let more = json!({ "flows": flows });
    let seen = drive_with(program, origin, "advice", &["failed"], more);
    let failed = &seen["failed"];
    for (name, _, _, words) in cases {
        let one = &failed[name];
        let all = format!("{} {} {}", one["story"], one["text"], one["steps"]);
        let all = all.replace("\\\"", "\"");
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
        let (phases, broke) = waterfall(name);
        assert_eq!(one["broke"], json!(broke), "{name}: {one}");
        for phase in phases {
            let drawn = one["phases"].as_array().unwrap();
            assert!(drawn.contains(&json!(phase)), "{name}, {phase}: {one}");
        }
    }
    assert_eq!(failed["broken"], json!({"desktop": [], "phone": []}));
    assert_eq!(failed["wide"], 390, "nothing sticks out on a phone");
    assert_eq!(seen["troubles"], json!([]));
}

/// The phases that a failure leaves in the waterfall, and the one that it is marked at; none where overhear refused.
fn waterfall(case: &str) -> (&'static [&'static str], &'static [&'static str]) {
    match case {
        "dns" => (&["DNS"], &["DNS"]),
        "refused" | "timeout" | "unreachable" => (&["DNS", "Connect"], &["Connect"]),
        "certificate" | "plain" => (&["DNS", "Connect", "Server TLS"], &["Server TLS"]),
        "distrust" => (
            &["DNS", "Connect", "Server TLS", "Client TLS"],
            &["Client TLS"],
        ),
        "closed" | "reset" => (&["DNS", "Connect", "Send", "Wait"], &["Wait"]),
        // something came, that was no response
        "protocol" => (
            &["DNS", "Connect", "Send", "Wait", "Transfer"],
            &["Transfer"],
        ),
        _ => (&[], &[]),
    }
}
