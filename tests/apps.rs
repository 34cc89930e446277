//! Promise: what the programs on this computer do is told apart: each flow says whose it is, as soon as that is known.

use crate::support::{Api, Program, Run, Server, not_run, server::response, until};
use serde_json::{Value, json};
use std::sync::{Arc, OnceLock};

/// An origin that answers a request when the program has told whose it is: a client that is gone at once is not always
/// found. What is asked for does not wait for it.
pub fn patient_origin(api: &Arc<OnceLock<Api>>) -> Server {
    let api = api.clone();
    Server::answering(None, move |request| {
        let line = request.start_line();
        let path = line.split(' ').nth(1).unwrap().to_owned();
        let api = api.get().unwrap();
        until(&format!("the app of {path}"), || {
            let all = api.flows("app:");
            all.iter().any(|flow| flow["path"] == *path).then_some(())
        });
        response("200 OK", &["Content-Type: text/plain"], line)
    })
}

/// Python's own client, through the proxy.
pub fn python(program: &Program, url: &str) -> Run {
    const GET: &str = "import sys, urllib.request\n\
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({'http': sys.argv[1]}))\n\
        print(opener.open(sys.argv[2], timeout=60).read().decode())\n";
    Run::new("python3")
        .args(["-c", GET, &program.url(), url])
        .env("no_proxy", "")
}

#[test]
fn a_flow_says_which_program_it_is_of() {
    if !cfg!(any(target_os = "linux", target_os = "macos")) {
        return not_run("this system is not asked which programs make connections");
    }
    let api = Arc::new(OnceLock::new());
    let origin = patient_origin(&api);
    let program = Program::start();
    api.set(program.api.clone()).unwrap();
    let url = |path: &str| format!("http://localhost:{}{path}", origin.port());
    let mut events = program.api.events("");
    let mut curl = program.curl().arg(url("/curl")).start();
    let pid = curl.child().id();
    // the row is in the list first, and then it has its name
    let named = events.find(|name, data| {
        let items = data["items"].as_array().filter(|_| name == "flows")?;
        let found = items.iter().find(|flow| !flow["app"].is_null())?;
        Some(found.clone())
    });
    assert_eq!(named["app"], "curl", "{named:#}");
    assert_eq!(named["state"], "running");
    curl.wait().ok();
    python(&program, &url("/python")).ok();

    let flow = program.api.flow("app:curl");
    assert_eq!(flow["path"], "/curl");
    assert_eq!(
        flow["connection"]["app"],
        json!({"name": "curl", "pid": pid})
    );
    let flow = program.api.flow("app:python");
    assert_eq!(flow["path"], "/python");
    let python = flow["app"].as_str().unwrap();
    if cfg!(target_os = "linux") {
        assert_eq!(python, "python3");
    }
    assert_eq!(program.api.flows("app:").len(), 2);
    assert_eq!(program.api.flows("-app:").len(), 0);
    let values = program.api.get("/api/filter/values?field=app");
    let values: Vec<_> = values["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["value"].clone())
        .collect();
    assert_eq!(values.len(), 2, "{values:?}");
    assert!(values.contains(&json!("curl")) && values.contains(&json!(python)));
    let tree = program.api.get("/api/flows/tree?devices=true");
    let keys: Vec<&Value> = tree["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|node| &node["key"])
        .collect();
    assert_eq!(keys.len(), 2, "{tree:#}");
    assert!(keys.contains(&&json!("app:curl")), "{tree:#}");
    let below = program.api.get("/api/flows/tree?client=app:curl");
    assert_eq!(below["items"][0]["count"], 1, "{below:#}");

    let shown = program
        .command("flows")
        .args(["--json", "app:curl"])
        .ok()
        .text();
    assert!(shown.contains(r#""app":"curl""#), "{shown}");
}

#[test]
fn a_replay_that_was_edited_says_so() {
    let origin = Server::answering(None, |request| {
        response("200 OK", &[], request.start_line())
    });
    let program = Program::start();
    let url = format!("http://localhost:{}/first", origin.port());
    program
        .curl()
        .args(["-H", "X-One: 1", "--data-binary", "body", &url])
        .ok();
    let first = program.api.flow("path:/first");
    let headers = &first["request"]["headers"];
    assert_eq!(first["modified"], false);
    let mut more = headers.as_array().unwrap().clone();
    more.push(json!(["X-Two", "2"]));
    let id = &first["id"];
    let same = json!({"flow": id});
    for (what, method, url, headers, body, modified) in [
        ("as it was", "POST", &url, headers, same.clone(), false),
        (
            "the same bytes",
            "POST",
            &url,
            headers,
            json!({"text": "body"}),
            false,
        ),
        (
            "a body",
            "POST",
            &url,
            headers,
            json!({"text": "Body"}),
            true,
        ),
        ("no body", "POST", &url, headers, json!(null), true),
        ("a method", "PUT", &url, headers, same.clone(), true),
        (
            "a path",
            "POST",
            &format!("{url}?x"),
            headers,
            same.clone(),
            true,
        ),
        ("a field", "POST", &url, &json!(more), same, true),
    ] {
        let ask =
            json!({"flow": id, "method": method, "url": url, "headers": headers, "body": body});
        let answer = program.api.expect(202, "POST", "/api/replay", Some(&ask));
        let answer: Value = serde_json::from_slice(&answer.body).unwrap();
        let sent = program.api.flow(&format!("id:{}", answer["flow"]));
        assert_eq!(sent["replay_of"], *id);
        assert_eq!(sent["modified"], modified, "{what}");
    }
    assert_eq!(program.api.flows("is:modified").len(), 5);
    assert_eq!(program.api.flows("replay:").len(), 7);
}
