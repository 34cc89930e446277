//! Promise: of two recordings it is told what is new, gone, changed in status and slower.

use crate::support::{Program, Server, server::response};
use serde_json::{Value, json};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// A recording, then another of the same thing after it was changed.
#[test]
fn two_sessions_are_compared() {
    let after = Arc::new(AtomicUsize::new(0));
    let changed = after.clone();
    let origin = Server::answering(None, move |request| {
        let changed = changed.load(Ordering::SeqCst) == 1;
        let status = match (request.start_line().contains("/broken"), changed) {
            (true, true) => "500 Oops",
            _ => "200 OK",
        };
        response(status, &["Connection: close"], "ok")
    });
    let program = Program::start();
    let visit = |path: &str| {
        let url = format!("http://localhost:{}{path}", origin.port());
        program.curl().arg(url).ok();
    };
    for path in ["/items/1?page=1", "/items/2?page=2", "/broken", "/gone"] {
        visit(path);
    }
    program.api.wait_for("", 4);
    let first = program.api.get("/api/sessions")["items"][0]["id"].clone();
    program.api.expect(
        201,
        "POST",
        "/api/sessions",
        Some(&json!({"name": "before"})),
    );
    after.store(1, Ordering::SeqCst);
    for path in [
        "/items/9?page=3",
        "/broken",
        "/new/6ba7b810-9dad-11d1-80b4-00c04fd430c8",
    ] {
        visit(path);
    }
    program.api.wait_for("", 7);

    // a request that waits for a turn of the machine is not slower by this measure
    let path = format!("/api/sessions/compare?a={first}&b=current&slower_ms=60000");
    let found = program.api.get(&path);
    assert_eq!(found["a"]["name"], "before");
    assert_eq!(
        (&found["flows_a"], &found["flows_b"]),
        (&json!(4), &json!(3))
    );
    let told = |found: &Value| -> Vec<(String, String)> {
        let rows = found["items"].as_array().unwrap().iter();
        rows.map(|row| {
            (
                row["path"].as_str().unwrap().to_owned(),
                row["changes"].to_string(),
            )
        })
        .collect()
    };
    let own = |rows: &[(&str, &str)]| -> Vec<(String, String)> {
        rows.iter()
            .map(|(a, b)| ((*a).to_owned(), format!("[\"{b}\"]")))
            .collect()
    };
    let all = own(&[
        ("/broken", "status"),
        ("/new/{uuid}", "new"),
        ("/gone", "gone"),
    ]);
    assert_eq!(told(&found), all);
    assert_eq!(
        found["counts"],
        json!({"new": 1, "gone": 1, "status": 1, "slower": 0, "same": 1})
    );
    let broken = &found["items"][0];
    for (side, status) in [("a", 200), ("b", 500)] {
        assert_eq!(
            broken[side]["statuses"],
            json!([{"status": status, "count": 1}])
        );
        let flow = program.api.detail(broken[side]["flow"].as_i64().unwrap());
        assert_eq!(
            (&flow["status"], &flow["path"]),
            (&json!(status), &json!("/broken"))
        );
    }
    // page by page, one change only, and with what is the same
    let page = program.api.get(&format!("{path}&limit=2"));
    assert_eq!((told(&page).len(), &page["next"]), (2, &json!(2)));
    let rest = program.api.get(&format!("{path}&limit=2&skip=2"));
    assert_eq!(
        (told(&rest), &rest["next"]),
        (all[2..].to_vec(), &Value::Null)
    );
    assert_eq!(
        told(&program.api.get(&format!("{path}&only=gone"))),
        all[2..]
    );
    let same = program.api.get(&format!("{path}&only=same"));
    assert_eq!(told(&same), own(&[("/items/{n}?page", "same")]));
    // by how the query is taken, and by filters
    let whole = program.api.get(&format!("{path}&query=whole&only=new"));
    assert_eq!(told(&whole).len(), 2);
    let filtered = program
        .api
        .get("/api/sessions/compare?filter_a=path:/gone&filter_b=path:/new&host=ignored");
    assert_eq!(told(&filtered).len(), 2);
    // everything is slower by such a measure
    let slower = program.api.get(&format!(
        "/api/sessions/compare?a={first}&b={first}&slower_ms=0&slower_ratio=1&only=slower"
    ));
    assert_eq!(told(&slower).len(), 3);
    for wrong in [
        "a=99",
        "a=x",
        "filter_a=nonsense:",
        "only=bad",
        "slower_ratio=0.5",
        "limit=0",
        "query=some",
    ] {
        let answer = program
            .api
            .send("GET", &format!("/api/sessions/compare?{wrong}"), None);
        assert!(
            matches!(answer.status(), 400 | 404),
            "{wrong}: {}",
            answer.status()
        );
    }

    let table = program
        .command("sessions")
        .args(["compare", "before", "current", "--slower-ms", "60000"])
        .ok()
        .text();
    for part in ["status", "500", "/new/{uuid}", "gone", "the same: 1"] {
        assert!(table.contains(part), "{part}: {table}");
    }
    let lines = program
        .command("sessions")
        .args([
            "compare",
            "before",
            "current",
            "--slower-ms",
            "60000",
            "--json",
        ])
        .ok()
        .json_lines();
    assert_eq!(json!(lines), found["items"], "as the API says it");
    let list = program
        .command("sessions")
        .args(["list", "--json"])
        .ok()
        .json_lines();
    assert_eq!(json!(list), program.api.get("/api/sessions")["items"]);
    let wrong = program
        .command("sessions")
        .args(["compare", "before", "nobody"])
        .run()
        .exits(1);
    assert!(wrong.err.contains("there is no session"), "{}", wrong.err);
}
