//! What scripts do, say and get wrong is in the page, as it happens.

use super::shared::{HOSTILE, drive, drive_with, url};
use crate::support::{Program, Server, folder, program::Setup, server::response};
use serde_json::{Value, json};

const SOURCE: &str = r#"
export function onRequest(request, flow) {
  if (request.path === "/bad") request.missing.x;
  request.headers.set("X-Script", "1");
  console.warn("asked for", request.path, decodeURIComponent(request.query));
}
"#;

#[test]
fn scripts_are_shown_with_what_they_said_and_got_wrong() {
    let origin = Server::answering(None, |_| response("200 OK", &[], "ok"));
    let folder = folder();
    let file = folder.path().join("fix.js");
    std::fs::write(&file, SOURCE).unwrap();
    let program = Setup::new()
        .args(["--script".into(), file.clone().into_os_string()])
        .start();
    let hostile: String = HOSTILE.bytes().map(|b| format!("%{b:02x}")).collect();
    for path in ["/bad".to_owned(), format!("/good?{hostile}")] {
        program.curl().arg(url(&origin, &path)).ok();
    }
    program.api.wait_for("", 2);
    let seen = drive_with(
        &program,
        "",
        "scripts",
        &["said", "saved"],
        json!({
            "script": file,
            "wrong": "export function onRequest(request) {\n  oops(;\n}\n",
            "right": "export const filter = 'host:a.test';\nexport function onResponse() {}\n",
        }),
    );
    let said = &seen["said"];
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let script = text(&said["script"]);
    for part in [
        "fix.js",
        "acts",
        "onRequest",
        "for every flow",
        "2 calls",
        "1 failed",
    ] {
        assert!(script.contains(part), "{part}: {script}");
    }
    let lines = said["lines"].as_array().unwrap();
    assert_eq!(lines.len(), 2, "{lines:?}");
    let error = text(&lines[0]);
    assert!(
        error.contains("error") && error.contains("fix.js") && error.contains("(line 3, column"),
        "{error}"
    );
    let warned = text(&lines[1]);
    assert!(
        warned.contains("warn") && warned.contains(HOSTILE),
        "{warned}"
    );
    assert!(text(&said["types"]).contains("declare namespace overhear"));
    assert!(text(&said["example"]).contains("@type {overhear.OnRequest}"));
    let did = text(&said["did"][0]);
    assert_eq!(did, "Script fix.js acted on the request: headers X-Script");
    let failed = &said["failed"];
    assert!(
        text(&failed[0]).starts_with("The script fix.js failed on the request: "),
        "{failed}"
    );
    assert!(text(&failed[1]).starts_with("fix.js failed: "), "{failed}");
    assert!(
        text(&said["mark"]).contains("modified by the script"),
        "{}",
        said["mark"]
    );
    for broken in ["broken", "brokenNarrow"] {
        assert_eq!(said[broken], json!([]), "{broken}");
    }
    assert_eq!(said["wide"], 390, "nothing sticks out on a phone");
    let stale = text(&seen["saved"]["stale"]);
    assert!(
        stale.contains("the version before acts")
            && stale.contains("SyntaxError")
            && stale.contains("(line 2, column"),
        "{stale}"
    );
    let after = text(&seen["saved"]["after"]);
    assert!(
        after.contains("onResponse")
            && after.contains("host:a.test")
            && after.contains("not called yet"),
        "{after}"
    );
    assert_eq!(seen["troubles"], json!([]));
    assert!(seen["owned"].is_null());
    program.stop();
}

#[test]
fn without_scripts_the_page_says_how_one_is_written() {
    let origin = Server::answering(None, |_| response("200 OK", &[], "ok"));
    let program = Program::start();
    let seen = drive(&program, &origin, "scripts", &["none"]);
    let text = seen["none"]["text"].as_str().unwrap();
    assert!(text.contains("overhear run --script FILE"), "{text}");
    assert_eq!(seen["none"]["broken"], json!([]));
    assert_eq!(seen["troubles"], json!([]));
}
