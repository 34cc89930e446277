//! What rules did to a flow is said in the list and in its overview.

use super::shared::{drive, url};
use crate::support::{Program, Server, server::response};
use serde_json::json;

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
