//! Promise: a call of gRPC or gRPC-Web is recorded with its messages, its trailers and how it ended, whatever HTTP says.

use crate::clients::interpreter;
use crate::support::{
    Program, Server,
    command::{Run, Running},
    program::{Setup, overhear},
    repository,
    server::response,
    until,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

pub fn shop() -> Run {
    let script = repository().join("tests/clients/grpc_shop.py");
    Run::new(interpreter())
        .arg(script)
        // whoever runs the tests may have a proxy of their own
        .without("http_proxy")
        .without("no_proxy")
        .without("NO_PROXY")
}

/// The service, and its port.
pub fn served() -> (Running, u16) {
    let server = shop().arg("serve").start();
    let port = until("the gRPC server's port", || {
        server.out_so_far().trim().parse().ok()
    });
    (server, port)
}

/// A client that calls methods through the proxy.
pub fn calling(program: &Program, port: u16, methods: &[&str]) -> Run {
    let proxy = format!("http://127.0.0.1:{}", program.proxy.port());
    let port = port.to_string();
    shop().args(["call", &proxy, &port]).args(methods)
}

/// The descriptors of shop.proto, made by protoc.
pub fn descriptors(folder: &Path) -> PathBuf {
    let file = folder.join("shop.pb");
    shop().arg("descriptors").arg(&file).ok();
    file
}

fn trailers(flow: &Value) -> Vec<(String, String)> {
    serde_json::from_value(flow["response"]["trailers"].clone()).unwrap()
}

#[test]
fn calls_of_grpc_and_how_they_ended() {
    let (_server, port) = served();
    let program = Program::start();
    let said = calling(&program, port, &["Buy", "Refuse", "Go", "Watch"])
        .ok()
        .json_lines();
    assert_eq!(said[0]["got"][0]["totalCents"], "998");
    let words = "sold out: 100 % of the Earl Gr\u{e9}y";
    assert_eq!(
        said[1],
        json!({"method": "Refuse", "code": "UNAVAILABLE", "details": words, "hint": "try-tomorrow"})
    );
    assert_eq!(said[3]["got"].as_array().unwrap().len(), 3);

    let flow = program.api.flow("path:Buy");
    assert_eq!(
        (&flow["status"], &flow["request"]["version"]),
        (&json!(200), &json!("HTTP/2"))
    );
    assert_eq!(
        flow["grpc"],
        json!({"status": 0, "name": "OK", "message": ""})
    );
    let headers = crate::support::api::headers(&flow["request"]);
    assert!(headers.contains(&("grpc-encoding".into(), "gzip".into())));
    let body = program.api.body(&flow, "request");
    // compressed: a flag, a length, gzip
    assert_eq!((body[0], &body[5..7]), (1, &[0x1f, 0x8b][..]));

    let flow = program.api.flow("path:Refuse");
    assert_eq!(
        (&flow["status"], &flow["state"]),
        (&json!(200), &json!("complete"))
    );
    assert_eq!(
        flow["grpc"],
        json!({"status": 14, "name": "UNAVAILABLE", "message": words})
    );
    // a call that fails at once has no trailers: its one head has them
    let fields = [
        trailers(&flow),
        crate::support::api::headers(&flow["response"]),
    ]
    .concat();
    assert!(
        fields.contains(&("shop-hint".into(), "try-tomorrow".into())),
        "{fields:?}"
    );

    let flow = program.api.flow("path:Watch");
    assert!(
        trailers(&flow).contains(&("grpc-status".into(), "0".into())),
        "{flow:#}"
    );

    let count = |filter: &str| program.api.flows(filter).len();
    assert_eq!(
        [
            "grpc:unavailable",
            "grpc:ok",
            "grpc:>0",
            "grpc:14",
            "grpc:",
            "-grpc:"
        ]
        .map(count),
        [1, 3, 1, 1, 4, 0]
    );
    // it is counted as an error where errors are counted
    let tree = program.api.get("/api/flows/tree");
    assert_eq!(tree["items"][0]["errors"], 1, "{tree:#}");
    let timeline = program.api.get("/api/flows/timeline?buckets=1");
    // buckets begin at round times, so the calls may lie in two
    let buckets = timeline["items"].as_array().unwrap();
    let errors = buckets.iter().map(|bucket| bucket["errors"].as_u64());
    assert_eq!(errors.sum::<Option<u64>>(), Some(1), "{timeline:#}");
    let table = program.command("flows").ok().text();
    let row = table.lines().find(|line| line.contains("/Refuse")).unwrap();
    assert!(row.contains("! unavailable"), "{row}");
}

#[test]
fn grpc_web_has_its_trailers_in_the_body() {
    let frame = |flags: u8, data: &[u8]| {
        let length = u32::try_from(data.len()).unwrap().to_be_bytes();
        [&[flags][..], &length, data].concat()
    };
    let message = frame(0, b"\x08\xe6\x07\x10\x01");
    let end = frame(0x80, b"grpc-status:5\r\ngrpc-message:no%20such%20tea\r\n");
    // a body of text has each frame in a base64 of its own
    let text = STANDARD.encode(&message) + &STANDARD.encode(&end);
    let binary = [message, end].concat();
    let origin = Server::answering(None, move |request| {
        let (kind, body) = match request.start_line().contains("/text") {
            true => ("application/grpc-web-text+proto", text.clone().into_bytes()),
            false => ("application/grpc-web+proto", binary.clone()),
        };
        response("200 OK", &[&format!("Content-Type: {kind}")], body)
    });
    let program = Program::start();
    for path in ["text", "binary"] {
        program
            .curl()
            .arg(format!(
                "http://localhost:{}/{path}/shop.v1.Shop/Buy",
                origin.port()
            ))
            .ok();
        let flow = program.api.flow(&format!("path:/{path}"));
        assert_eq!(
            flow["grpc"],
            json!({"status": 5, "name": "NOT_FOUND", "message": "no such tea"}),
            "{path}"
        );
    }
    assert_eq!(program.api.flows("grpc:not_found").len(), 2);
}

#[test]
fn descriptors_are_given_to_the_page_or_refused_in_words() {
    let folder = crate::support::folder();
    let file = descriptors(folder.path());
    let program = Setup::new().args(["--proto"]).args([&file]).start();
    let set = std::fs::read(&file).unwrap();
    assert_eq!(program.api.bytes("/api/protobuf/descriptors"), set);

    // a file that became another one is told when it is asked for
    std::fs::write(&file, "syntax = \"proto3\";").unwrap();
    let problem = program
        .api
        .expect(422, "GET", "/api/protobuf/descriptors", None);
    let problem = crate::support::api::json(&problem);
    let detail = problem["detail"].as_str().unwrap();
    assert!(
        detail.contains("shop.pb is no set of descriptors") && detail.contains("--include_imports"),
        "{detail}"
    );
    // so is one that is named in the page
    let change = json!({"proto": [file]});
    let problem = program
        .api
        .expect(400, "PATCH", "/api/settings", Some(&change));
    assert!(
        problem.text().contains("is no set of descriptors"),
        "{}",
        problem.text()
    );

    // and at the start
    let home = crate::support::folder();
    let refused = overhear(home.path())
        .args(["run", "--no-open", "--proto"])
        .arg(&file)
        .run()
        .exits(2);
    assert!(
        refused.err.contains("is no set of descriptors"),
        "{}",
        refused.err
    );

    let plain = Program::start();
    assert_eq!(plain.api.bytes("/api/protobuf/descriptors"), b"");
}
