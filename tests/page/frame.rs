//! Promise: what is chosen by keys, typed in haste, dragged and heard is what was meant; what is said in passing is in nobody's way.

use super::shared::{drive, drive_with, origin, traffic, url};
use crate::support::{
    Nginx, Program, Server,
    server::{closed_port, response},
};
use serde_json::{Value, json};

const ALL: [&str; 6] = ["/data.json", "/edit", "/n/1", "/n/2", "/n/3", "/n/4"];

fn some() -> (Server, Program) {
    let origin = origin();
    let program = Program::start();
    traffic(&program, &origin);
    for n in 1..=4 {
        let address = url(&origin, &format!("/n/{n}"));
        program.curl().arg(address).ok();
        program.api.wait_for("", 2 + n);
    }
    (origin, program)
}

#[test]
fn keys_choose_and_what_was_typed_in_haste_holds() {
    let (origin, program) = some();
    let steps = ["keys", "hasty", "elsewhere", "caret", "same"];
    let seen = drive(&program, &origin, "frame", &steps);
    let keys = &seen["keys"];
    assert_eq!(keys["down"], json!(ALL[1..5]));
    assert_eq!(keys["less"], json!(ALL[1..4]));
    assert_eq!(keys["up"], json!(ALL[..2]));
    assert_eq!(keys["stood"], json!(ALL[..1]), "the place alone moves");
    assert_eq!(keys["space"], json!([ALL[0], ALL[2]]));
    assert_eq!(keys["again"], json!(ALL[..1]));

    assert_eq!(seen["hasty"]["filter"], r#"path:"/n/""#);
    assert_eq!(seen["hasty"]["rows"], json!(ALL[2..]));

    let elsewhere = &seen["elsewhere"];
    assert!(
        elsewhere["open"].as_str().unwrap().ends_with("/n/4"),
        "{elsewhere}"
    );
    assert_eq!(elsewhere["chosen"], json!(["/n/4"]));

    let carets = seen["caret"].as_array().unwrap();
    for (caret, wrong) in carets.iter().zip(["nonsense", "many", ")"]) {
        assert_eq!(caret["wrong"], wrong, "{caret}");
        assert_eq!(caret["below"], wrong, "{caret}");
        assert!(caret["words"].as_str().unwrap().len() > 10, "{caret}");
        let off = caret["off"].as_f64().unwrap();
        assert!(off < 1.5, "the mark stands under what it means: {caret}");
        assert_eq!(caret["described"], "true", "{caret}");
    }
    assert_eq!(carets.len(), 3);

    let same = &seen["same"];
    let posts = json!(["/data.json", "/edit"]);
    assert_eq!(
        same["by-method"],
        json!({"filter": "method:POST", "rows": posts})
    );
    assert_eq!(same["by-type"]["rows"], json!(["/data.json"]));
    assert_eq!(
        same["not-method"],
        json!({"filter": "-method:POST", "rows": ALL[2..]})
    );
    let rest: Vec<_> = ALL.into_iter().filter(|path| *path != "/n/3").collect();
    assert_eq!(same["not-path"]["rows"], json!(rest));
    assert_eq!(
        same["by-client"],
        json!({"filter": "client:127.0.0.1", "rows": ALL})
    );
    let offered = same["offered"].to_string();
    for name in [
        "host", "path", "method", "status", "type", "client", "server", "protocol",
    ] {
        assert!(offered.contains(name), "{name}: {offered}");
    }
    // the browser tells of the answers to the filters that were wrong
    for trouble in seen["troubles"].as_array().unwrap() {
        assert!(trouble.as_str().unwrap().contains("filter="), "{trouble}");
    }
}

#[test]
fn the_list_is_a_grid_and_its_borders_stay() {
    let (origin, program) = some();
    let seen = drive(&program, &origin, "frame", &["roles", "borders"]);
    let heads = [
        "Number", "Status", "Method", "Host", "Path", "Type", "Size", "Duration", "Time", "Client",
    ];
    for (name, by) in [("first", "Number"), ("sorted", "Path")] {
        let facts = &seen["roles"][name];
        assert_eq!(facts["counts"], json!(["7", "10", "true"]), "{name}");
        assert_eq!(facts["rows"], json!([1, 2, 3, 4, 5, 6, 7]), "{name}");
        assert_eq!(facts["cells"], json!(vec![10; 6]), "{name}");
        let sorted = |head: &str| if head == by { "ascending" } else { "none" };
        let expected: Vec<Value> = heads
            .iter()
            .map(|head| json!([head, sorted(head)]))
            .collect();
        assert_eq!(facts["heads"], json!(expected), "{name}");
        assert_eq!(facts["active"], "true", "{name}: the row that is stood on");
    }
    let tree = &seen["roles"]["tree"];
    assert_eq!(tree["grid"], json!(["Flows"]));
    assert_eq!(tree["rows"], 7);
    assert_eq!(tree["heads"], json!(heads));
    assert!(tree["cells"].as_i64().unwrap() >= 60, "{tree}");

    let borders = &seen["borders"];
    for name in ["tree", "across", "down"] {
        let (before, put, after) = (
            &borders["before"][name],
            &borders["put"][name],
            &borders["after"][name],
        );
        assert_ne!(before, put, "{name} was moved");
        assert_eq!(put, after, "{name} stays over a reload");
    }
    let moved = |name: &str, at: usize| {
        borders["put"][name][at].as_i64().unwrap() - borders["before"][name][at].as_i64().unwrap()
    };
    assert_eq!(moved("tree", 0), 60 + 16, "by the pointer and a key");
    assert_eq!(moved("down", 1), 90);
    assert_eq!(borders["reset"], 52);
    assert_eq!(seen["troubles"], json!([]));
}

#[test]
fn what_is_said_covers_nothing() {
    let nginx = Nginx::start();
    let (origin, program) = some();
    // long words for a status: a certificate that is not trusted, a server that is not there
    program
        .curl()
        .arg("--insecure")
        .arg(nginx.https("/hello.txt"))
        .run();
    program
        .curl()
        .arg(format!("http://localhost:{}/closed", closed_port().port()))
        .ok();
    // after a while nothing happened: brought in with its times, as no test waits for that
    let flows = program.api.wait_for("", 8);
    let har = json!({"log": {"version": "1.2", "creator": {"name": "test", "version": "1"}, "entries": [entry("/early", "2026-01-02T03:04:05Z"), entry("/late", "2026-01-02T05:04:05Z")]}});
    let session = program.api.expect(200, "POST", "/api/import", Some(&har));
    let session: Value = serde_json::from_slice(&session.body).unwrap();
    assert!(flows.len() >= 8 && session["session"].is_i64(), "{session}");
    let more = json!({ "session": session["session"] });
    let seen = drive_with(&program, &url(&origin, ""), "frame", &["said"], more);
    let said = &seen["said"];
    assert_eq!(said["covers"], json!([]));
    let long = said["long"].as_array().unwrap();
    assert!(long.len() >= 8, "{long:?}");
    for one in long {
        assert_eq!(one["within"], true, "{one}");
        // what is cut is told whole
        assert!(
            one["whole"] == true
                || one["title"].as_str().unwrap().len() >= one["text"].as_str().unwrap().len(),
            "{one}"
        );
    }
    assert!(
        said["pause"]["text"].as_str().unwrap().contains('h'),
        "{said}"
    );
    assert_eq!(said["pause"]["over"], json!([]));
    assert_eq!(seen["troubles"], json!([]));
}

#[test]
fn colours_say_what_a_flow_is_and_facts_lead_to_others() {
    let origin = Server::answering(None, |request| {
        let line = request.start_line();
        let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
        let (status, kind) = match &*path {
            "/json" => ("200 OK", "application/json"),
            "/page" => ("200 OK", "text/html"),
            "/script" => ("200 OK", "text/javascript"),
            "/style" => ("200 OK", "text/css"),
            "/moved" => ("302 Found", "text/plain"),
            "/missing" => ("404 Not Found", "text/plain"),
            "/broken" => ("500 Internal Server Error", "text/plain"),
            _ => ("200 OK", "text/plain"),
        };
        let kind = format!("Content-Type: {kind}");
        response(status, &[&kind, "Connection: close"], "{}")
    });
    let program = Program::start();
    let ways = [
        "/json", "/page", "/script", "/style", "/moved", "/missing", "/broken", "/text",
    ];
    for path in ways {
        program.curl().arg(url(&origin, path)).ok();
    }
    program.api.wait_for("", ways.len());
    let seen = drive(
        &program,
        &origin,
        "frame",
        &["colours", "statuses", "facts", "weight"],
    );
    for scheme in ["light", "dark"] {
        let of = |path: &str, at: usize| seen["colours"][scheme][path][at].as_str().unwrap();
        let (types, states) = (
            ["/json", "/page", "/script", "/style", "/text"],
            ["/text", "/moved", "/missing", "/broken"],
        );
        for (paths, at) in [(&types[..], 1), (&states[..], 0)] {
            let mut all: Vec<_> = paths.iter().map(|path| of(path, at)).collect();
            all.sort_unstable();
            all.dedup();
            assert_eq!(
                all.len(),
                paths.len(),
                "{scheme}: {paths:?} look like each other"
            );
        }
        assert_eq!(
            of("/json", 0),
            of("/text", 0),
            "{scheme}: one state, one colour"
        );
    }
    assert_eq!(seen["colours"]["broken"], json!([]));
    status_codes_are_never_cut(&seen["statuses"], &ways);
    let facts = &seen["facts"];
    for (name, filter, rows) in [
        ("Client", "client:127.0.0.1", &ways[..]),
        ("Server", "server:127.0.0.1", &ways),
        ("Type", "type:application/json", &ways[..1]),
    ] {
        assert_eq!(
            facts[name],
            json!({"filter": filter, "rows": rows}),
            "{name}"
        );
    }
    assert_eq!(facts["URL"]["rows"], json!(["/json"]));
    assert_eq!(
        facts["Number"]["rows"],
        json!(["/json"]),
        "its connection alone"
    );
    let weight = &seen["weight"];
    assert!(weight["files"].as_i64().unwrap() > 2, "{weight}");
    let size = weight["size"].as_i64().unwrap();
    assert!(
        (20_000..250_000).contains(&size),
        "{size} bytes in gzip at the start"
    );
    assert_eq!(seen["troubles"], json!([]));
}

/// A code is always seen, and its words whole or not at all; a tooltip has them in any case.
fn status_codes_are_never_cut(seen: &Value, paths: &[&str]) {
    for width in ["usual", "roomy", "narrow", "fitted", "phone"] {
        for path in paths {
            let one = &seen[width][path];
            assert_eq!(one["code"], "whole", "{width} {path}: {one}");
            assert_ne!(one["words"], "part", "{width} {path}: {one}");
            assert_eq!(one["text"], one["title"], "{width} {path}");
        }
    }
    assert_eq!(seen["sticking"], json!([]));
    let clipped = |width: &str| seen["clipped"][width].as_i64().unwrap();
    assert!(clipped("narrow") > clipped("roomy"), "{seen:#}");
    let words = |width: &str, path: &str| seen[width][path]["words"].clone();
    assert_eq!(
        seen["usual"]["/broken"]["text"],
        "500 Internal Server Error"
    );
    assert_eq!(words("usual", "/missing"), "whole");
    assert_eq!(words("usual", "/broken"), "none");
    assert_eq!(words("narrow", "/missing"), "none");
    for width in ["roomy", "fitted", "phone"] {
        assert_eq!(words(width, "/broken"), "whole", "{width}: {seen:#}");
    }
}

/// An exchange of a HAR file.
fn entry(path: &str, started: &str) -> Value {
    json!({
        "startedDateTime": started, "time": 20, "cache": {}, "timings": {"send": 1, "wait": 9, "receive": 10},
        "request": {"method": "GET", "url": format!("http://example.test{path}"), "httpVersion": "HTTP/1.1", "headers": [], "queryString": [], "cookies": [], "headersSize": -1, "bodySize": 0},
        "response": {"status": 200, "statusText": "OK", "httpVersion": "HTTP/1.1", "headers": [], "cookies": [], "content": {"size": 0, "mimeType": "text/plain"}, "redirectURL": "", "headersSize": -1, "bodySize": 0},
    })
}
