//! Promise: the page switches to answers from the recording, says so as long as no request reaches a server, and shows of each
//! flow which recorded one answered it, and why that one.

use super::shared::{drive_with, url};
use crate::support::{Program, Server, server::response};
use serde_json::json;
use std::sync::atomic::{AtomicU32, Ordering};

#[test]
fn the_recording_answers_and_the_page_says_so() {
    let counter = AtomicU32::new(0);
    let origin = Server::answering(None, move |_| {
        let number = counter.fetch_add(1, Ordering::SeqCst);
        response("200 OK", &["Content-Type: text/plain"], number.to_string())
    });
    let program = Program::start();
    for path in ["/data?t=0", "/data?t=0", "/unlike"] {
        program.curl().arg(url(&origin, path)).ok();
    }
    program.api.wait_for("", 3);
    let steps = ["begin", "shown", "changed", "ended", "again"];
    let seen = drive_with(&program, &url(&origin, ""), "offline", &steps, json!({}));

    let begin = &seen["begin"];
    assert_eq!(
        (&begin["before"], &begin["status"]),
        (&json!("online"), &json!("offline"))
    );
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    assert!(
        text(&begin["wrong"]).contains("did you mean host:"),
        "{begin}"
    );
    assert_eq!(begin["refused"], true, "what is wrong is not switched on");
    let told = text(&begin["told"]);
    assert!(
        told.contains("what passes does not reach the servers") && told.contains("path:/data"),
        "{told}"
    );
    assert_eq!(begin["got"], json!(["0|200", "1|200", "1|200"]));
    assert!(text(&begin["missing"]).ends_with("|404"), "{begin}");
    assert_eq!(
        (&begin["pocket"], &begin["wide"]),
        (&json!(true), &json!(390))
    );
    assert_eq!(begin["broken"], json!({"dialog": [], "banner": []}));

    let flows = program.api.wait_for("path:t=0", 2);
    let second = flows.iter().filter_map(|flow| flow["id"].as_i64()).max();
    let shown = &seen["shown"];
    let answered = text(&shown["answered"]);
    assert!(
        answered.contains(&format!("that of flow {}", second.unwrap())),
        "{answered}"
    );
    let did = text(&shown["did"]);
    assert!(
        did.contains("number 2 of 2 with the same method and URL whatever t"),
        "{did}"
    );
    assert!(
        text(&shown["story"]).starts_with("The recording, not "),
        "{shown}"
    );
    assert!(
        text(&shown["led"]).contains("localhost answered 200"),
        "{shown}"
    );
    assert_eq!(shown["broken"], json!([]));

    let changed = &seen["changed"];
    assert_eq!(changed["kept"], json!(["path:/data", "t", true]));
    assert_eq!(changed["got"], json!(["0|200", "3|200"]));
    let ended = &seen["ended"];
    assert_eq!(
        (&ended["status"], &ended["got"]),
        (&json!("online"), &json!("4|200"))
    );
    let again = &seen["again"];
    assert!(
        text(&again["told"]).contains("no recorded answer"),
        "{again}"
    );
    assert!(text(&again["got"]).ends_with("|404"), "{again}");
    assert_eq!(
        origin.requests().len(),
        5,
        "nothing else reached the server"
    );
    // the browser itself tells of the answer that said no to the wrong filter
    let troubles = seen["troubles"].as_array().unwrap();
    assert!(
        troubles.iter().all(|one| text(one).contains("hots%3Ax")),
        "{troubles:?}"
    );
    program.stop();
}
