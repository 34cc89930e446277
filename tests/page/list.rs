//! Promise: the list is arranged as a person likes it, everything in it is found by looking, typing or clicking, and hands
//! without a mouse and eyes without a screen can do the same.

use super::shared::{self, drive_with, origin, traffic, url};
use crate::apps::{patient_origin, python};
use crate::support::{
    Program, Server, not_run,
    phone::Phone,
    program::Setup,
    server::{closed_port, response},
    wire,
};
use serde_json::{Value, json};
use std::{
    io::{Read as _, Write as _},
    sync::{Arc, Mutex, OnceLock, mpsc},
};

const ALL: [&str; 6] = ["/data.json", "/edit", "/n/1", "/n/2", "/n/3", "/n/4"];

#[test]
fn columns_and_rows_are_arranged_chosen_and_marked() {
    let (origin, program) = some();
    let steps = [
        "columns", "sorted", "chosen", "menu", "keyboard", "below", "related",
    ];
    let seen = drive(&program, &origin, &steps);

    let kept = "id method status host path size duration time upload client";
    assert_eq!(words(&seen["columns"]["kept"]), kept);
    assert_eq!(seen["columns"]["stays"], true, "a width survives a reload");
    assert_eq!(seen["columns"]["fits"], true, "a double click fits");

    // without what a later step sent again
    let by_size = |order| {
        paths(
            &program,
            &format!("filter=-replay:&sort=size&order={order}"),
        )
    };
    assert_eq!(texts(&seen["sorted"]["falling"]), by_size("desc"));
    assert_eq!(texts(&seen["sorted"]["rising"]), by_size("asc"));
    assert_eq!(texts(&seen["sorted"]["path"]), ALL);

    assert_eq!(seen["chosen"]["some"], json!(["/n/1", "/n/3", "/n/4"]));
    assert_eq!(seen["chosen"]["all"], 6);

    let menu = &seen["menu"];
    assert_eq!(menu["only"], json!(["/edit"]));
    assert_eq!(menu["filter"], r#"path:"/edit""#);
    assert_eq!(
        menu["rest"],
        json!(["/data.json", "/n/1", "/n/2", "/n/3", "/n/4"])
    );
    assert_eq!(menu["named"], true, "{menu:#}");
    let marked = program.api.flow("path:/edit -replay:");
    assert_eq!(marked["starred"], true, "{marked:#}");
    assert_eq!(marked["color"], "green", "{marked:#}");

    assert_eq!(seen["keyboard"]["inner"], "menu-color-red");
    assert_eq!(seen["keyboard"]["back"], "flow-list");
    assert_eq!(seen["below"], json!({"beside": true, "below": true}));
    let again = program.api.flow("replay:");
    assert_eq!(again["id"], seen["related"]["again"]);
    assert_eq!(again["replay_of"], seen["related"]["id"]);
    assert_eq!(seen["troubles"], json!([]));
}

#[test]
fn flows_are_found_by_completion_saved_filters_tree_and_timeline() {
    let (origin, program) = some();
    let steps = ["completion", "saved", "history", "tree", "timeline"];
    let seen = drive(&program, &origin, &steps);

    assert_eq!(seen["completion"]["narrowed"], json!(["/data.json"]));
    assert_eq!(seen["completion"]["text"], r#"path:"/data.json""#);
    assert_eq!(seen["saved"]["narrowed"], json!(["/edit"]));
    assert_eq!(seen["saved"]["json"], json!(["/data.json"]));
    assert_eq!(seen["history"]["before"], json!(["/edit"]));
    assert_eq!(seen["history"]["text"], "");

    let label = seen["tree"]["label"].as_str().unwrap();
    assert!(
        label.contains("localhost") && label.contains("6 flows"),
        "{label}"
    );
    assert_eq!(
        seen["tree"]["below"],
        json!(["/n/1", "/n/2", "/n/3", "/n/4"])
    );
    assert_eq!(seen["tree"]["both"].as_array().unwrap().len(), 5);

    let keys = seen["timeline"]["keys"].as_str().unwrap();
    assert!(
        keys.starts_with("started:") && keys.contains(".."),
        "{keys}"
    );
    assert_eq!(seen["timeline"]["first"], "/data.json");
    assert_eq!(seen["timeline"]["last"], "/n/4");
    assert_eq!(seen["troubles"], json!([]));
}

#[test]
fn everything_has_a_name_and_a_key_and_colours_as_chosen() {
    let (origin, program) = some();
    let seen = drive(&program, &origin, &["palette", "theme"]);
    assert!(seen["palette"]["keys"].as_i64().unwrap() > 20, "{seen:#}");
    let filter = seen["palette"]["filter"].as_str().unwrap();
    assert!(filter.contains('/'), "{filter}");
    let theme = &seen["theme"];
    assert_ne!(theme["light"], theme["dark"]);
    assert_eq!(theme["chosen"], theme["light"], "light by choice");
    assert_eq!(theme["stays"], theme["light"], "also after a reload");
    assert_eq!(seen["troubles"], json!([]));
}

#[test]
fn a_session_shows_its_own_flows() {
    let (origin, program) = some();
    let seen = drive(&program, &origin, &["sessions"]);
    let sessions = &seen["sessions"];
    assert_eq!(sessions["current"], json!(["/second"]));
    assert_eq!(texts(&sessions["first"]), ALL);
    assert_eq!(sessions["both"], json!(["/second", "/third"]));
    assert_eq!(seen["troubles"], json!([]));
}

#[test]
fn many_rows_are_walked_through_and_new_ones_do_not_move_them() {
    let (origin, program) = some();
    let seen = drive(&program, &origin, &["many"]);
    let many = &seen["many"];
    assert_eq!(many["end"], "/many/150");
    assert_eq!(many["start"], "/data.json");
    assert_eq!(many["still"], "/data.json", "the view stays");
    let drawn = many["drawn"].as_i64().unwrap();
    assert!(drawn < 100, "{drawn} rows exist of which few are in view");
    let scrolled = &many["scrolled"];
    assert!(scrolled["frames"].as_i64().unwrap() > 5, "{scrolled}");
    assert_eq!(scrolled["undone"], 0, "{scrolled}");
    assert_eq!(seen["troubles"], json!([]));
}

#[test]
fn the_list_and_what_opens_from_it_pass_wcag_aa() {
    let (origin, program) = some();
    let seen = drive(&program, &origin, &["accessible"]);
    let broken = seen["accessible"].as_object().unwrap();
    assert_eq!(broken.len(), 7, "{broken:#?}");
    for (place, found) in broken {
        assert_eq!(found, &json!([]), "{place}: {found:#}");
    }
    assert_eq!(seen["troubles"], json!([]));
}

#[test]
fn a_clock_that_jumps_is_shown_in_words() {
    let (origin, program) = some();
    let seen = drive(&program, &origin, &["clock"]);
    let clock = &seen["clock"];
    let axis = clock["axis"].to_string();
    assert!(axis.contains("1999-") && axis.contains("2037-"), "{axis}");
    let pauses = texts(&clock["pauses"]);
    assert_eq!(pauses.len(), 2, "back in time is no pause: {pauses:?}");
    assert!(pauses[0].contains("3,653 d"), "{pauses:?}");
    assert_eq!(clock["nonsense"], json!([]));
    assert_eq!(seen["troubles"], json!([]));
}

#[test]
fn the_tree_begins_with_the_devices_when_there_are_several() {
    let Some(phone) = Phone::plug_in() else {
        return;
    };
    let origin = Server::answering(None, |request| {
        let line = request.start_line();
        let status = match line.contains("/missing") {
            true => "404 Not Found",
            false => "200 OK",
        };
        response(status, &["Content-Type: text/plain"], line)
    });
    let program = Setup::new()
        .listen("0.0.0.0:0")
        .args(["--allow", &format!("{}/32", phone.address)])
        .start();
    let proxy = format!("http://{}:{}", phone.host, program.proxy.port());
    let way = [
        "--silent",
        "--max-time",
        "60",
        "--noproxy",
        "",
        "--proxy",
        &proxy,
    ];
    traffic(&program, &origin);
    for path in ["/from/phone", "/missing"] {
        phone.run("curl").args(way).arg(url(&origin, path)).ok();
    }
    program.api.wait_for("", 4);
    let again = ["ip", "netns", "exec", phone.name(), "curl"];
    let last = url(&origin, "/from/pocket");
    let again: Vec<&str> = [&again[..], &way, &[&last]].concat();
    let address = phone.address.to_string();
    let more = json!({ "address": address, "phone": again });
    let seen = drive_with(&program, &url(&origin, ""), "list", &["devices"], more);
    let devices = &seen["devices"];
    let first: Vec<[String; 2]> = serde_json::from_value(devices["first"].clone()).unwrap();
    let phones = ["1".to_owned(), format!("{address}, 2 flows")];
    assert!(first.contains(&phones), "{first:?}");
    // this computer: curl, and what was over before it was found, which may be all of it
    for [level, text] in &first {
        let known = [
            "curl",
            "Unknown program (127.0.0.1)",
            "127.0.0.1",
            &*address,
        ];
        let name = text.split(',').next().unwrap();
        assert!(level == "1" && known.contains(&name), "{first:?}");
    }
    assert_eq!(devices["own"], json!(["/from/phone", "/missing"]));
    assert_eq!(devices["filter"], format!("client:{address}"));
    let below = devices["below"].as_str().unwrap();
    assert!(
        below.contains("localhost") && below.contains("2 flows, 1 error"),
        "{below}"
    );
    assert_eq!(devices["path"], json!(["/from/phone"]));
    let now = devices["phone"].as_str().unwrap();
    assert!(now.contains("3 flows, 1 error"), "{now}");
    assert_eq!(seen["troubles"], json!([]));
}

#[test]
fn the_programs_of_this_computer_are_told_apart() {
    if !cfg!(any(target_os = "linux", target_os = "macos")) {
        return not_run("this system is not asked which programs make connections");
    }
    let api = Arc::new(OnceLock::new());
    let origin = patient_origin(&api);
    let program = Program::start();
    api.set(program.api.clone()).unwrap();
    for path in ["/curl/1", "/curl/2"] {
        program.curl().arg(url(&origin, path)).ok();
    }
    python(&program, &url(&origin, "/python")).ok();
    let flow = program.api.flow("path:/python");
    let python = flow["app"].as_str().unwrap();
    let seen = drive(&program, &origin, &["apps"]);
    let apps = &seen["apps"];
    let nodes = ["curl, 2 flows".to_owned(), format!("{python}, 1 flow")];
    assert_eq!(apps["first"], json!(nodes));
    assert_eq!(apps["curl"], json!(["/curl/1", "/curl/2"]));
    assert_eq!(apps["filter"], "app:=curl");
    let below = apps["below"].as_str().unwrap();
    assert!(below.starts_with("app:=curl host:=localhost"), "{below}");
    assert_eq!(apps["column"], json!(["curl", "curl", python]));
    assert_eq!(apps["rest"], json!(["/curl/1", "/curl/2"]));
    let fact = apps["fact"].as_str().unwrap();
    assert!(fact.starts_with("curl (process "), "{fact}");
    assert_eq!(apps["broken"], json!([]));
    assert_eq!(seen["troubles"], json!([]));
}

#[test]
fn signs_say_what_became_of_a_row() {
    let (hold, held) = mpsc::channel::<()>();
    let held = Mutex::new(held);
    let origin = Server::answering(None, move |request| {
        let line = request.start_line();
        if line.contains("/never") {
            // until the test lets go
            let _ = held.lock().unwrap().recv();
        }
        response("200 OK", &["Content-Type: text/plain"], line)
    });
    let echo = Server::new(None, |mut stream| {
        let mut bytes = [0; 5];
        stream.read_exact(&mut bytes).unwrap();
        stream.write_all(&bytes).unwrap();
        stream.finish();
    });
    let program = Program::start();
    traffic(&program, &origin);
    let mut tunnel = wire::tunnel(program.proxy, &format!("localhost:{}", echo.port()));
    tunnel.write_all(b"\x00\x01\x02\x03\x04").unwrap();
    let mut bytes = [0; 5];
    tunnel.read_exact(&mut bytes).unwrap();
    drop(tunnel);
    let closed = closed_port();
    program
        .curl()
        .arg(format!("http://localhost:{}/refused", closed.port()))
        .ok();
    let waiting = program.curl().arg(url(&origin, "/never")).start();
    program.api.wait_for("kind:tcp or path:/refused", 2);
    program.api.flow_when("path:/never", |_| true);
    let seen = drive(&program, &origin, &["states"]);
    drop(hold);
    waiting.wait().ok();
    let states = &seen["states"];
    let id = &states["original"];
    let again = json!(["replay", format!("sent again from #{id}")]);
    let words = format!("modified: its request is another than that of #{id}");
    assert_eq!(states["first"], json!([]));
    assert_eq!(states["same"], json!([again]));
    assert_eq!(states["changed"], json!([again, ["modified", words]]));
    let passed = "raw: bytes that are not HTTP, as they came";
    assert_eq!(states["raw"], json!([["passed", passed]]));
    assert_eq!(states["running"], "waiting \u{2026}");
    assert_eq!(states["refused"], "refused");
    assert_eq!(states["broken"], json!([]));
    assert_eq!(seen["troubles"], json!([]));
}

#[test]
fn on_a_phone_the_tree_and_the_timeline_are_called_and_live() {
    let (origin, program) = some();
    let seen = drive(&program, &origin, &["pocket"]);
    let pocket = &seen["pocket"];
    assert_eq!(pocket["wide"], json!({"timeline": 390, "tree": 390}));
    assert_eq!([&pocket["before"], &pocket["after"]], [6, 7]);
    assert_eq!(pocket["first"], "/data.json");
    assert_eq!(pocket["chosen"], json!(["/pocket/1", "/pocket/2"]));
    assert_eq!(pocket["broken"], json!([]));
    assert_eq!(seen["troubles"], json!([]));
}

/// Six flows, of which the last four are below one path.
fn some() -> (Server, Program) {
    let origin = origin();
    let program = Program::start();
    traffic(&program, &origin);
    for n in 1..=4 {
        let address = url(&origin, &format!("/n/{n}"));
        program.curl().arg(address).ok();
        program.api.wait_for("", 2 + n);
    }
    (origin, program)
}

fn drive(program: &Program, origin: &Server, steps: &[&str]) -> Value {
    shared::drive(program, origin, "list", steps)
}

fn paths(program: &Program, query: &str) -> Vec<String> {
    let page = program.api.get(&format!("/api/flows?{query}"));
    let rows = page["items"].as_array().unwrap();
    rows.iter()
        .map(|row| row["path"].as_str().unwrap().to_owned())
        .collect()
}

fn texts(list: &Value) -> Vec<String> {
    serde_json::from_value(list.clone()).unwrap()
}

fn words(list: &Value) -> String {
    texts(list).join(" ")
}
