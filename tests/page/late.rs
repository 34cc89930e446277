//! Promise: what a person does while an answer is still on its way is not done to something else, and says nothing old.

use super::shared::{self, origin, traffic};
use crate::support::Program;
use serde_json::json;

#[test]
fn answers_may_come_late() {
    let origin = origin();
    let program = Program::start();
    traffic(&program, &origin);
    let seen = shared::drive(&program, &origin, "late", &["deleted", "mistaken"]);
    assert_eq!(
        seen["deleted"],
        json!({"held": true, "shown": "451", "chosen": [451], "gone": true})
    );
    let mistaken = &seen["mistaken"];
    assert!(
        mistaken["wrong"].as_str().unwrap().contains("nonsense"),
        "{mistaken}"
    );
    assert_eq!(
        mistaken["meanwhile"],
        json!({"marked": 0, "invalid": "false"})
    );
    assert_eq!(mistaken["after"], 0);
    assert_eq!(seen["troubles"], json!([]));
}
