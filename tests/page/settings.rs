//! Promise: everything that has a flag has a row in the settings, which says what it does, refuses what makes no sense, saves what
//! does, and takes it back.

use super::shared::drive_with;
use crate::support::{Program, Server, certs::TestCa, server::response};
use serde_json::{Value, json};

#[test]
fn every_setting_is_shown_refused_changed_and_taken_back() {
    let origin = Server::answering(None, |_| response("200 OK", &[], ""));
    let program = Program::start();
    let ca = program.ca_file().display().to_string();
    let data = program.home().join("elsewhere").display().to_string();
    let script = program.home().join("fix.js").display().to_string();
    let proto = program.home().join("shop.pb");
    // a set of one file with nothing but its name
    std::fs::write(&proto, b"\x0a\x09\x0a\x07a.proto").unwrap();
    let proto = proto.display().to_string();
    let rules = program.home().join("rules.toml").display().to_string();
    let keys = program.home().join("keys.log").display().to_string();
    let me = program.home().join("me.pem");
    let identity = TestCa::new().identity();
    std::fs::write(&me, identity.pem + &identity.key_pem).unwrap();
    let me = me.display().to_string();
    // by key: what is refused, what is taken, and what the file then says
    let lists = |text: &str| json!(text.split('\n').collect::<Vec<_>>());
    let rows: Vec<(&str, Value, Value, Value)> = vec![
        (
            "listen",
            json!("nonsense"),
            json!("127.0.0.1:9\n[::1]:9"),
            lists("127.0.0.1:9\n[::1]:9"),
        ),
        (
            "allow",
            json!("nonsense"),
            json!("192.168.7.0/24"),
            lists("192.168.7.0/24"),
        ),
        (
            "capture",
            json!(":udp"),
            json!("lo:udp port 53"),
            lists("lo:udp port 53"),
        ),
        (
            "capture-limit",
            json!("much"),
            json!("64MiB"),
            json!("64MiB"),
        ),
        (
            "mode",
            json!("reverse:https://a.test"),
            json!("reverse:https://a.test:443@127.0.0.1:9000"),
            lists("reverse:https://a.test:443@127.0.0.1:9000"),
        ),
        (
            "capture-keylog",
            json!("not/whole"),
            json!("/somewhere/keys.log"),
            lists("/somewhere/keys.log"),
        ),
        ("proto", json!("not/whole"), json!(proto), lists(&proto)),
        (
            "insecure-upstream",
            json!("two words"),
            json!("example.test\nother.test"),
            lists("example.test\nother.test"),
        ),
        (
            "upstream-ca",
            json!("/nowhere/root.pem"),
            json!(ca),
            lists(&ca),
        ),
        (
            "web",
            json!("nonsense"),
            json!("127.0.0.1:9999"),
            json!("127.0.0.1:9999"),
        ),
        // a secret is not shown again
        (
            "token",
            json!("not a link's"),
            json!("some-other-secret"),
            Value::Null,
        ),
        ("no-open", Value::Null, json!(false), json!(false)),
        ("qr", Value::Null, json!(true), json!(true)),
        ("rules", json!("not/whole"), json!(rules), json!(rules)),
        ("script", json!("not/whole"), json!(script), lists(&script)),
        ("script-time", json!("much"), json!("500ms"), json!("500ms")),
        (
            "script-memory",
            json!("much"),
            json!("64MiB"),
            json!("64MiB"),
        ),
        ("data", json!("not/whole"), json!(data), json!(data)),
        // the password is not shown again
        (
            "proxy-user",
            json!("nonsense"),
            json!("ann:secret"),
            json!("ann:***"),
        ),
        (
            "upstream",
            json!("nonsense://proxy"),
            json!("*.corp=direct\nhttp://proxy.test:3128"),
            lists("*.corp=direct\nhttp://proxy.test:3128"),
        ),
        (
            "map-host",
            json!("nonsense"),
            json!("a.test=127.0.0.1:3000"),
            lists("a.test=127.0.0.1:3000"),
        ),
        (
            "client-cert",
            json!("/nowhere/root.pem"),
            json!(me),
            lists(&me),
        ),
        ("tls-min", json!("nonsense"), json!("1.3"), json!("1.3")),
        ("key-log", json!("not/whole"), json!(keys), json!(keys)),
        ("ask-client-cert", Value::Null, json!(true), json!(true)),
        (
            "tls",
            json!("nonsense"),
            json!("*.bank.test=pass\nads.test=block"),
            lists("*.bank.test=pass\nads.test=block"),
        ),
        ("pass-pinned", Value::Null, json!(true), json!(true)),
        (
            "bind",
            json!("nonsense"),
            json!("127.0.0.1"),
            json!("127.0.0.1"),
        ),
    ];
    let values: serde_json::Map<String, Value> = rows
        .iter()
        .map(|(key, wrong, right, _)| ((*key).to_owned(), json!([wrong, right])))
        .collect();
    let before = program.api.get("/api/settings");
    let seen = drive_with(
        &program,
        "",
        "settings",
        &["every"],
        json!({ "values": values }),
    );
    drop(origin);
    let every = &seen["every"];
    let mut keys: Vec<String> = serde_json::from_value(every["keys"].clone()).unwrap();
    let all = before["items"].as_array().unwrap();
    assert_eq!(keys.len(), all.len(), "every setting has a row: {keys:?}");
    keys.sort_unstable();
    let mut known: Vec<_> = rows.iter().map(|(key, ..)| (*key).to_owned()).collect();
    known.sort_unstable();
    assert_eq!(keys, known);
    for item in all {
        let key = item["key"].as_str().unwrap();
        let shown = &every["shown"][key];
        assert_eq!(shown["named"], item["title"], "{key}");
        let helped = shown["helped"].as_str().unwrap();
        assert!(helped.len() > 20, "{key}: {helped}");
        // for somebody who has only the page: no word of the command line
        assert!(
            !helped.contains("--") && !helped.contains("may be repeated"),
            "{key}: {helped}"
        );
        let text = shown["text"].as_str().unwrap();
        let source = match item["source"].as_str().unwrap() {
            "flag" => format!("from the command line ({})", item["flag"].as_str().unwrap()),
            _ => "the default".to_owned(),
        };
        assert!(text.contains(&source), "{key}: {text}");
    }
    for (key, wrong, right, saved) in &rows {
        if !wrong.is_null() {
            let said = every["refused"][key].as_str().unwrap();
            let words = [
                "nonsense",
                "reverse:https",
                ":udp",
                "much",
                "two words",
                "/nowhere/root.pem",
                "not/whole",
                "letters, digits",
            ];
            assert!(
                words.iter().any(|word| said.contains(word)),
                "{key}: {said}"
            );
        }
        assert_eq!(&every["saved"][key], saved, "{key} := {right}");
        assert_eq!(every["after"][key], Value::Null, "{key} is taken back");
        let changed = every["changed"][key].as_str().unwrap();
        let item = all.iter().find(|item| item["key"] == *key).unwrap();
        let expected = match (item["source"].as_str(), item["live"].as_bool()) {
            (Some("flag"), _) => "the command line stands above the file in this run",
            (_, Some(false)) => "start overhear again for it",
            _ => "Saved.",
        };
        assert!(changed.contains(expected), "{key}: {changed}");
    }
    let file = every["file"].as_str().unwrap();
    assert!(file.contains(r#"token = "some-other-secret""#), "{file}");
    assert!(!every["empty"].as_str().unwrap().contains('='), "{every}");
    assert_eq!(every["wide"], 390, "nothing sticks out on a phone");
    assert_eq!(every["broken"], json!([]));
    // the browser tells of each answer that refused something
    for trouble in seen["troubles"].as_array().unwrap() {
        assert!(
            trouble.as_str().unwrap().contains("/api/settings"),
            "{trouble}"
        );
    }
}
