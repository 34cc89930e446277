//! Promise: what rules did to a flow is said in the list and in its overview; rules are made, ordered, switched, taken in and out in
//! the page, and act as the page says.

use super::shared::{drive, drive_with, url};
use crate::support::{Program, Server, program::Setup, server::response};
use serde_json::{Value, json};

#[test]
fn a_flow_says_which_rules_changed_it() {
    let origin = Server::answering(None, |_| response("200 OK", &[], "plain text"));
    let program = Program::start();
    let rule = json!({
        "name": "Greets", "filter": "path:/data", "stage": "response",
        "actions": [
            {"do": "set-header", "name": "X-Greeting", "value": "hello"},
            {"do": "set-json", "path": "/a", "value": 1},
        ],
    });
    program.api.expect(201, "POST", "/api/rules", Some(&rule));
    let got = program
        .curl()
        .arg("--include")
        .arg(url(&origin, "/data"))
        .run();
    assert!(got.text().contains("X-Greeting: hello"), "{}", got.text());
    program
        .api
        .flow_when("path:/data", |flow| flow["state"] == "complete");
    let seen = drive(&program, &origin, "rules", &["changed"]);
    let changed = &seen["changed"];
    let title = changed["title"].as_str().unwrap();
    assert!(
        title.contains("modified by the rule") && title.contains("Greets"),
        "{title}"
    );
    let texts = changed["texts"].as_array().unwrap();
    assert_eq!(texts.len(), 2, "{texts:?}");
    let text = |at: usize| texts[at].as_str().unwrap();
    assert!(
        text(0).starts_with("Rule Greets acted on the response:"),
        "{texts:?}"
    );
    // what is no JSON is not changed, and that is said
    assert!(
        text(1).starts_with("The rule Greets could not act on the response:"),
        "{texts:?}"
    );
    assert_eq!(changed["broken"], json!([]));
    assert_eq!(seen["troubles"], json!([]));
    program.stop();
}

/// Plain text, some JSON, and as many fields as rules like to set.
fn origin() -> Server {
    Server::answering(None, |request| {
        match request.start_line().contains("/json") {
            true => response("200 OK", &["Content-Type: application/json"], r#"{"a":1}"#),
            false => response("200 OK", &["Content-Type: text/plain"], "plain text"),
        }
    })
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value}"))
}

/// A program that has seen `/data` once, and has these rules.
fn with_rules(rules: &[Value]) -> (Server, Program) {
    let origin = origin();
    let program = Program::start();
    program.curl().arg(url(&origin, "/data")).ok();
    program.api.wait_for("", 1);
    for rule in rules {
        program.api.expect(201, "POST", "/api/rules", Some(rule));
    }
    (origin, program)
}

fn sets(name: &str, group: &str, field: &str, value: &str) -> Value {
    json!({
        "name": name, "group": group, "filter": "path:/data", "stage": "response",
        "actions": [{"do": "set-header", "name": field, "value": value}],
    })
}

fn drive_steps(program: &Program, origin: &Server, steps: &[&str]) -> Value {
    let more = json!({ "file": program.home().join("taken.txt"), "rules": program.home().join("rules.toml") });
    let seen = drive_with(program, &url(origin, ""), "rules", steps, more);
    // the browser itself tells of answers that said no, which are meant
    for trouble in seen["troubles"].as_array().unwrap() {
        let text = trouble.as_str().unwrap();
        assert!(
            text.contains("/api/rules") && text.contains("400"),
            "{text}"
        );
    }
    seen
}

#[test]
fn what_rules_changed_stands_side_by_side() {
    let (origin, program) = with_rules(&[
        json!({"name": "Asks", "filter": "path:/json", "stage": "request", "actions": [
            {"do": "replace-url", "find": "/json", "with": "/json?more"},
            {"do": "set-header", "name": "User-Agent", "value": "ours"},
        ]}),
        json!({"name": "Answers", "filter": "path:/json", "stage": "response", "actions": [
            {"do": "set-json", "path": "/a", "value": 2},
            {"do": "add-header", "name": "X-New", "value": "1"},
        ]}),
    ]);
    program.curl().arg(url(&origin, "/json")).ok();
    program
        .api
        .flow_when("path:/json", |flow| flow["state"] == "complete");
    let seen = drive_steps(&program, &origin, &["beside"]);
    let seen = &seen["beside"];
    let came = format!("GET {} HTTP/1.1", url(&origin, "/json"));
    assert_eq!(seen["line"], json!([came, "GET /json?more HTTP/1.1"]));
    let agent = &seen["fields"]["request"][0];
    assert_eq!(
        (&agent[0], &agent[2]),
        (&json!("User-Agent"), &json!("ours"))
    );
    let response = seen["fields"]["response"].as_array().unwrap();
    assert!(
        response.contains(&json!(["X-New", "", "1"])),
        "{response:?}"
    );
    assert_eq!(seen["body"], json!([["$.a", "1", "2"]]));
    let did = seen["did"].to_string();
    assert!(did.contains("Asks: ") && did.contains("Answers: "), "{did}");
    assert_eq!(seen["rule"], "Answers");
    assert_eq!(seen["broken"], json!({"wide": [], "phone": []}));
    program.stop();
}

#[test]
fn a_rule_is_made_and_says_what_it_would_have_matched() {
    let (origin, program) = with_rules(&[]);
    let seen = drive_steps(&program, &origin, &["empty", "made", "wrong"]);
    let empty = &seen["empty"];
    assert_eq!(empty["starts"].as_array().unwrap().len(), 7, "{empty}");
    assert_eq!(empty["profile"], "3g");
    assert_eq!(empty["broken"]["empty"], json!([]));

    let made = &seen["made"];
    assert_eq!(made["before"], "");
    let filter = r#"path:"/data""#;
    assert_eq!(text(&made["completed"]).trim(), filter);
    assert!(
        text(&made["matches"]).contains("2 recorded flows would have matched"),
        "{made}"
    );
    assert_eq!(made["after"], "here");
    assert_eq!(made["body"], r#"{"a":1}"#, "another path");
    assert_eq!(made["hits"], "1");
    assert_eq!(made["value"], r#"{"b":[1]}"#);
    assert_eq!(text(&made["shown"]).trim(), filter);
    assert_eq!(made["broken"]["editor"], json!([]));
    let stored = program.api.get("/api/rules");
    assert_eq!(stored["items"][0]["group"], "shop");
    assert_eq!(
        stored["items"][0]["actions"][1],
        json!({"do": "set-json", "path": "/a", "value": {"b": [1]}})
    );

    let wrong = &seen["wrong"];
    assert_eq!(wrong["said"]["regex"][0], "find");
    assert_eq!(wrong["said"]["file"][0], "path");
    assert!(
        text(&wrong["said"]["file"][1]).contains("No such file"),
        "{wrong}"
    );
    assert_eq!(wrong["said"]["filter"][0], "sizze");
    assert_eq!(wrong["second"], 1, "at the action that is wrong");
    assert_eq!(wrong["unkept"], "0", "what is wrong is not kept");
    assert_eq!(wrong["words"], json!(["Save", "Cancel"]));
    assert_eq!(wrong["broken"], json!([]));
    assert_eq!(stored["items"].as_array().unwrap().len(), 1);
    program.stop();
}

#[test]
fn rules_begin_at_a_flow() {
    let (origin, program) = with_rules(&[]);
    let seen = drive_steps(&program, &origin, &["menus"]);
    let menus = &seen["menus"];
    let host = format!("host:localhost:{}", origin.port());
    assert_eq!(menus["block"], json!(["Block: localhost", host]));
    assert_eq!(menus["closed"], 52, "an empty answer");
    assert!(
        text(&menus["local"][1]).starts_with(&format!("{host} path:")),
        "{menus}"
    );
    assert_eq!(menus["disk"], "from the disk");
    assert_eq!(menus["tea"], "plain text|418");
    for (start, action) in [
        ("localhost", "map-remote"),
        ("throttle", "throttle"),
        ("no-caching", "no-caching"),
        ("cors", "allow-cors"),
    ] {
        assert_eq!(menus["filled"][start][1], json!(host), "{start}");
        assert_eq!(menus["filled"][start][2], json!(action));
    }
    program.stop();
}

#[test]
fn rules_act_in_the_order_in_which_they_are_put() {
    let rules = ["a", "b", "c"].map(|name| sets(name, "", "X-Order", name));
    let (origin, program) = with_rules(&rules);
    let seen = drive_steps(&program, &origin, &["ordered"]);
    assert_eq!(seen["ordered"]["seen"], json!(["c", "b", "a"]));
    assert_eq!(seen["ordered"]["focused"], "c");
    program.stop();
}

#[test]
fn rules_are_switched_deleted_doubled_and_taken_in_and_out() {
    let rules = [
        sets("one", "", "X-One", "1"),
        sets("two", "pair", "X-Two", "2"),
        sets("three", "pair", "X-Three", "3"),
    ];
    let (origin, program) = with_rules(&rules);
    let steps = ["switched", "deleted", "doubled", "texts"];
    let seen = drive_steps(&program, &origin, &steps);
    let looks = json!(["1|2|3", "|2|3", "||", "||3"]);
    assert_eq!(seen["switched"]["seen"], looks);
    assert_eq!(seen["switched"]["broken"], json!([]));
    assert_eq!(seen["deleted"]["focused"], "three");
    assert!(text(&seen["deleted"]["toast"]).contains("two"), "{seen}");
    let doubled = &seen["doubled"];
    assert_eq!(doubled["on"], false, "a copy does not act by itself");
    assert_eq!(doubled["name"], "again");
    let texts = &seen["texts"];
    assert!(
        text(&texts["shown"]).contains("group = \"pair\""),
        "{texts}"
    );
    assert!(
        text(&texts["file"]).matches("[[rule]]").count() == 3,
        "{texts}"
    );
    assert!(text(&texts["error"]).contains("fly"), "{texts}");
    assert_eq!(texts["typed"], "yes");
    assert_eq!(texts["given"], "yes");
    assert_eq!(texts["broken"], json!([]));
    program.stop();
}

#[test]
fn rules_of_a_file_are_looked_at_and_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rules.toml");
    let rule = "[[rule]]\nname = \"filed\"\nfilter = \"path:/data\"\nstage = \"response\"\nactions = [{ do = \"set-header\", name = \"X-Filed\", value = \"first\" }]\n";
    std::fs::write(&file, rule).unwrap();
    let origin = origin();
    let program = Setup::new()
        .args(["--rules".into(), file.clone().into_os_string()])
        .start();
    let own = sets("own", "", "X-Own", "1");
    program.api.expect(201, "POST", "/api/rules", Some(&own));
    let more = json!({ "rules": file });
    let seen = drive_with(&program, &url(&origin, ""), "rules", &["file"], more);
    let seen = &seen["file"];
    assert_eq!(seen["seen"], json!(["first", "second", "second"]));
    assert_eq!(seen["disabled"], true);
    assert_eq!(seen["saves"], 0);
    assert!(text(&seen["named"]).contains("rules.toml"), "{seen}");
    assert!(text(&seen["error"]).contains("fly"), "{seen}");
    assert!(!text(&seen["own"]).contains("filed"), "{seen}");
    assert_eq!(seen["broken"], json!([]));
    program.stop();
}

#[test]
fn rules_fit_a_phone() {
    let rules = [
        sets("one", "", "X-One", "1"),
        sets("two", "a pair of them", "X-Two", &"long ".repeat(30)),
        sets("three", "a pair of them", "X-Three", "3"),
    ];
    let (origin, program) = with_rules(&rules);
    let seen = drive_steps(&program, &origin, &["narrow"]);
    assert_eq!(seen["narrow"]["wide"], json!([390, 390]));
    assert_eq!(seen["narrow"]["broken"]["list"], json!([]));
    assert_eq!(seen["narrow"]["broken"]["editor"], json!([]));
    program.stop();
}

#[test]
fn the_filter_keeps_its_room_beside_the_actions() {
    let (origin, program) = with_rules(&[]);
    let seen = drive_steps(&program, &origin, &["tight"]);
    let tight = &seen["tight"];
    for (width, least) in [("1280", 250), ("1024", 250), ("720", 150)] {
        let room = tight["seen"][width].as_i64().unwrap();
        assert!(room >= least, "{width}: {room}");
    }
    let menu = tight["menu"].to_string();
    for name in ["Export", "Sessions", "Connect", "Devices", "Settings"] {
        assert!(menu.contains(name), "{menu}");
    }
    assert_eq!(tight["broken"], json!([]));
    program.stop();
}
