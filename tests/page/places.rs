//! Promise: what is pressed, chosen and gone to in the list is what is shown, while flows come, go, are sorted and filtered;
//! nothing that cannot be seen is deleted or marked.

use super::shared::{self, origin, traffic};
use crate::support::Program;
use serde_json::{Value, json};

/// All in one program: the first step brings a thousand flows.
#[test]
fn the_list_stands_where_a_person_is() {
    let origin = origin();
    let program = Program::start();
    traffic(&program, &origin);
    let steps = [
        "pressed", "sorted", "around", "linked", "followed", "unseen", "onward",
    ];
    let seen: Value = shared::drive(&program, &origin, "places", &steps);

    let pressed = &seen["pressed"];
    assert_eq!(pressed["hits"], json!(vec![true; 8]), "{pressed}");
    assert_eq!(pressed["grown"], true, "flows came while it was pressed");
    assert_eq!(seen["sorted"], "/many/99");
    let around = &seen["around"];
    assert_eq!(around["near"], true, "neighbours: {around}");
    assert_eq!(around["chosen"], true, "{around}");
    assert_eq!(around["starred"], json!(["/many/301"]));
    assert_eq!(seen["linked"], json!([401]));
    assert_eq!(seen["followed"], 900);
    assert_eq!(seen["unseen"], true);
    assert_eq!(seen["onward"], json!({"next": [452], "back": [451]}));
    assert_eq!(seen["troubles"], json!([]));
}

#[test]
fn fingers_narrow_screens_and_empty_lists_are_served() {
    let origin = origin();
    let program = Program::start();
    traffic(&program, &origin);
    for n in 0..20 {
        let address = shared::url(&origin, &format!("/n/{n}"));
        program.curl().arg(address).ok();
    }
    program.api.wait_for("", 22);
    let steps = ["touched", "narrow", "nothing", "widths"];
    let seen = shared::drive(&program, &origin, "places", &steps);

    assert_eq!(seen["touched"], json!({"opened": 0, "left": []}));
    let narrow = &seen["narrow"];
    assert_eq!((&narrow["outside"], &narrow["low"]), (&json!(0), &json!(0)));
    let items = narrow["items"].to_string();
    for name in [
        "export",
        "delete",
        "clear",
        "rules",
        "breakpoints",
        "settings",
    ] {
        assert!(
            items.contains(&format!("\"menu-{name}\"")),
            "{name}: {items}"
        );
    }
    let nothing = &seen["nothing"];
    let all = nothing["all"].as_str().unwrap();
    assert!(all.contains("It hides 22 flows."), "{all}");
    assert_eq!(nothing["axis"], 1);
    let wrong = nothing["wrong"].as_str().unwrap();
    assert!(wrong.starts_with("The filter has a mistake."), "{wrong}");
    let widths = &seen["widths"];
    assert_eq!(
        [&widths["cut"], &widths["arrow"]],
        [&json!(0), &json!(true)]
    );
    let whole = json!({"address": true, "status": true, "tabs": true});
    assert_eq!(widths["head"], whole);
    assert_eq!(seen["troubles"], json!([]));
}
