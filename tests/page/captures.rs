//! Packets beside the proxy, switched on and off in the page.

use super::shared::drive_with;
use crate::{alongside::Net, support::Program};
use serde_json::json;

#[test]
fn captures_are_switched_on_and_off_in_the_page() {
    let Some(net) = Net::new() else { return };
    let _servers = net.serve();
    let program = Program::start();
    let more = json!({
        "place": "lo",
        "expression": net.expression,
        "talk": net.command("talk"),
    });
    let seen = drive_with(&program, "", "captures", &["capture"], more);
    let capture = &seen["capture"];
    assert_eq!(capture["before"], "no packets");
    let error = capture["error"].as_str().unwrap();
    assert!(error.contains("no such thing"), "{error}");
    let during = capture["during"].as_str().unwrap();
    assert!(
        during.starts_with("lo: ") && during.contains("packets"),
        "{during}"
    );
    assert_eq!(capture["after"], "no packets");
    assert_eq!(capture["broken"], json!({"desktop": [], "phone": []}));
    assert_eq!(capture["wide"], 390, "nothing sticks out on a phone");
    assert_eq!(seen["troubles"], json!([]));
    program.stop();
}
