//! Promise: in the page, flows are compared, copied, noted, deleted and brought back, saved as sessions, taken out and in,
//! edited and sent again; and the program is set up, paused, and missed when it is gone.

use super::shared::{drive_with, url};
use crate::support::{
    Nginx, Program, Server, browser, not_run,
    program::{Setup, binary},
    server::response,
};
use memchr::memmem;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, mpsc},
    thread,
};

/// Two answers that say nearly the same, and an echo.
fn origin() -> Server {
    Server::answering(None, |request| {
        let line = request.start_line();
        let json = |body: &str| response("200 OK", &["Content-Type: application/json"], body);
        if line.contains("/one.json") {
            json(r#"{"name":"first","list":[1,2,3],"same":true}"#)
        } else if line.contains("/two.json") {
            json(r#"{"same":true,"list":[0,1,2,3],"name":"second"}"#)
        } else {
            let body = format!("{line}\n{}\n", request.text());
            response("200 OK", &["Content-Type: text/plain"], body)
        }
    })
}

/// A form, and the two answers, recorded to their ends.
fn traffic(program: &Program, origin: &Server) {
    let json = "Content-Type: application/json";
    program
        .curl()
        .args(["-H", json, "-H", "X-Odd: it's", "--data-binary"])
        .args([r#"{"it's":"$HOME"}"#, &url(origin, "/note")])
        .ok();
    for path in ["/one.json", "/two.json"] {
        program.curl().arg(url(origin, path)).ok();
    }
    program.api.wait_for("", 3);
}

fn drive(program: &Program, origin: &Server, steps: &[&str], more: Value) -> Value {
    let mut all = json!({
        "file": program.home().join("out.har"),
        "wrong": program.home().join("wrong.har"),
    });
    let fields = all.as_object_mut().unwrap();
    fields.extend(more.as_object().unwrap().clone());
    drive_with(program, &url(origin, ""), "tools", steps, all)
}

fn started() -> (Server, Program) {
    let origin = origin();
    let program = Program::start();
    traffic(&program, &origin);
    (origin, program)
}

/// Nothing of WCAG AA was broken in any of so many looks.
fn well(part: &Value, looks: usize) {
    let broken = part["broken"].as_object().unwrap();
    assert_eq!(broken.len(), looks, "{broken:#?}");
    for (look, found) in broken {
        assert_eq!(found, &json!([]), "{look}: {found:#}");
    }
}

#[test]
fn two_flows_are_compared() {
    let (origin, program) = started();
    let seen = drive(&program, &origin, &["compare"], json!({}));
    let compare = &seen["compare"];
    assert_eq!(
        compare["found"],
        json!([
            ["$.name", "changed", "\"first\"", "\"second\""],
            ["$.list[0]", "added", "not there", "0"],
        ]),
        "by what they say: the order of names is nothing"
    );
    let text = compare["text"].as_str().unwrap();
    assert!(
        text.contains("/one.json") && text.contains("/two.json"),
        "{text}"
    );
    let (first, last) = (compare["first"].as_str(), compare["last"].as_str());
    let total = first.unwrap().strip_prefix("1 of ").unwrap();
    assert_eq!(last.unwrap(), format!("{total} of {total}"));
    let marked = compare["marked"].to_string();
    assert!(
        marked.contains("first") && marked.contains("second"),
        "{marked}"
    );
    assert_eq!(compare["wide"], 390, "nothing sticks out on a phone");
    well(compare, 2);
    let one = program.api.flow("path:/one.json");
    assert_eq!(compare["left"], one["id"]);
    assert_eq!(
        compare["swapped"],
        json!([
            ["$.list[0]", "removed", "0", "not there"],
            ["$.name", "changed", "\"second\"", "\"first\""],
        ])
    );
    assert_eq!(seen["troubles"], json!([]));
}

#[test]
fn a_request_is_copied_and_runs() {
    let (origin, program) = started();
    let seen = drive(&program, &origin, &["copy"], json!({}));
    let copy = &seen["copy"];
    let line = copy["line"].as_str().unwrap();
    assert!(line.starts_with("curl"), "{line}");
    let answer = copy["stdout"].as_str().unwrap();
    assert!(
        answer.contains("POST /note") && answer.contains(r#"{"it's":"$HOME"}"#),
        "{answer}"
    );
    let all = origin.requests();
    let notes: Vec<_> = all
        .iter()
        .filter(|request| request.start_line().starts_with("POST /note"))
        .collect();
    assert_eq!(notes.len(), 2, "the line was run");
    assert_eq!(notes[0].text(), notes[1].text());
    assert_eq!(notes[1].field("x-odd").as_deref(), Some("it's"));
    for (format, word) in [
        ("fetch", "fetch("),
        ("python", "requests"),
        ("raw", "POST "),
    ] {
        let text = copy["texts"][format].as_str().unwrap();
        assert!(
            text.contains(word) && text.contains("/note"),
            "{format}: {text}"
        );
    }
    assert_eq!(seen["troubles"], json!([]));
}

#[test]
fn flows_are_noted() {
    let (origin, program) = started();
    let seen = drive(&program, &origin, &["annotate"], json!({}));
    let note = program.api.flow("path:/note");
    assert_eq!(note["starred"], true);
    assert_eq!(note["color"], "purple");
    assert_eq!(note["comment"], "<b>look</b> here");
    let mut tags: Vec<String> = serde_json::from_value(note["tags"].clone()).unwrap();
    tags.sort_unstable();
    assert_eq!(tags, ["both", "checkout flow"]);
    let one = program.api.flow("path:/one.json");
    assert_eq!(one["tags"], json!(["both"]));
    assert_eq!(one["starred"], false);
    assert_eq!(seen["troubles"], json!([]));
}

#[test]
fn what_was_deleted_is_brought_back() {
    let (origin, program) = started();
    let seen = drive(&program, &origin, &["remove"], json!({}));
    assert_eq!(seen["remove"]["before"], seen["remove"]["after"]);
    let left = program.api.flows("");
    let mut paths: Vec<_> = left
        .iter()
        .map(|flow| flow["path"].as_str().unwrap())
        .collect();
    paths.sort_unstable();
    assert_eq!(paths, ["/note", "/one.json"]);
    assert_eq!(seen["troubles"], json!([]));
}

#[test]
fn a_recording_is_saved_and_opened_again() {
    let (origin, program) = started();
    let seen = drive(&program, &origin, &["sessions"], json!({}));
    let sessions = &seen["sessions"];
    well(sessions, 2);
    assert_eq!(sessions["wide"], 390, "nothing sticks out on a phone");
    assert_eq!(sessions["live"], json!(["/second"]));
    assert_eq!(
        sessions["opened"],
        json!(["/note", "/one.json", "/two.json"])
    );
    let id = sessions["id"].as_i64().unwrap();
    let address = sessions["address"].as_str().unwrap();
    assert!(address.contains(&format!("session={id}")), "{address}");
    let all = program.api.get("/api/sessions");
    let items = all["items"].as_array().unwrap();
    let old = items.iter().find(|item| item["id"] == id).unwrap();
    assert_eq!(old["name"], "renamed");
    assert_eq!(old["flows"], 3, "brought back whole");
    assert_eq!(seen["troubles"], json!([]));
}

#[test]
fn har_goes_out_and_comes_in_by_a_drop() {
    let (origin, program) = started();
    let seen = drive(&program, &origin, &["har"], json!({}));
    let har = &seen["har"];
    assert_eq!(har["imported"], har["before"]);
    let result = har["result"].as_str().unwrap();
    assert!(result.contains("3 flows imported"), "{result}");
    let refused = har["refused"].as_str().unwrap();
    assert!(refused.contains("line 1"), "{refused}");
    let bodies = program.api.flows("path:/one.json");
    assert_eq!(bodies.len(), 2, "the recorded one and the imported one");
    // the refused file is the only answer with an error status
    let troubles = seen["troubles"].as_array().unwrap();
    assert!(
        troubles.len() == 1 && troubles[0].as_str().unwrap().contains("/api/import"),
        "{troubles:?}"
    );
}

#[test]
fn a_request_is_edited_by_keyboard_and_its_versions_stay() {
    let (origin, program) = started();
    let seen = drive(&program, &origin, &["editor"], json!({}));
    well(&seen["editor"], 3);
    assert_eq!(seen["editor"]["wide"], 390, "nothing sticks out on a phone");
    let all = origin.requests();
    let sent: Vec<_> = all
        .iter()
        .filter(|request| request.start_line().starts_with("POST /note"))
        .collect();
    assert_eq!(sent.len(), 4, "recorded once, sent three times");
    let typed = "{\n  \"typed\": \"by hand\"";
    for request in &sent[1..] {
        assert!(request.text().starts_with(typed), "{}", request.text());
    }
    let asked: Vec<_> = sent
        .iter()
        .map(|request| request.field("x-requested-with"))
        .collect();
    assert_eq!(
        asked,
        [None, None, Some("XMLHttpRequest".to_owned()), None],
        "the first version came back without the field"
    );
    assert!(sent[3].start_line().contains("/note?third"));
    let whole = seen["editor"]["whole"].as_str().unwrap();
    assert!(
        whole.contains("POST http://") && whole.contains("by hand"),
        "{whole}"
    );
    assert_eq!(seen["troubles"], json!([]), "no style or script refused");
}

#[test]
fn settings_are_changed_in_the_page() {
    let (origin, program) = started();
    let seen = drive(&program, &origin, &["settings"], json!({}));
    let settings = &seen["settings"];
    let error = settings["error"].as_str().unwrap();
    assert!(error.contains("nonsense"), "{error}");
    let answer = program.api.get("/api/settings");
    let file = std::fs::read_to_string(answer["config_file"].as_str().unwrap()).unwrap();
    assert!(
        file.contains("192.168.7.0/24") && file.contains("10.1.0.0/16"),
        "{file}"
    );
    assert!(file.contains("qr = true"), "{file}");
    let status = program.api.get("/api/status");
    let fingerprint = status["ca"]["fingerprint"].as_str().unwrap();
    let shown = settings["fingerprint"].as_str().unwrap().replace(' ', "");
    assert_eq!(shown, fingerprint.replace(':', ""));
    assert_eq!(settings["wide"], 390, "nothing sticks out on a phone");
    well(settings, 2);
    let troubles = seen["troubles"].as_array().unwrap();
    assert!(
        troubles.len() == 1 && troubles[0].as_str().unwrap().contains("/api/settings"),
        "only the refused value: {troubles:?}"
    );
}

#[test]
fn the_empty_page_has_a_line_that_works() {
    let nginx = Nginx::start();
    let program = Program::trusting(&nginx.ca.pem);
    let origin = origin();
    let secure = nginx.https("/hello.txt");
    let seen = drive(&program, &origin, &["help"], json!({ "secure": secure }));
    let help = &seen["help"];
    well(help, 2);
    assert_eq!(help["wide"], 390, "nothing sticks out on a phone");
    assert_eq!(help["stdout"], "hello, world\n", "{}", help["line"]);
    assert_eq!(program.api.flow("path:/hello.txt")["status"], 200);
    let port = program.proxy.port().to_string();
    for topic in [
        "browser", "curl", "shell", "node", "python", "java", "docker",
    ] {
        let lines = help["lines"][topic].as_str().unwrap();
        assert!(lines.contains(&port), "{topic}: {lines}");
        assert!(
            lines.contains(&*program.data().to_string_lossy()),
            "{topic}: {lines}"
        );
    }
    assert_eq!(seen["troubles"], json!([]));
}

#[test]
fn the_recording_is_switched_off_and_on() {
    let (origin, program) = started();
    let seen = drive(&program, &origin, &["recording"], json!({}));
    let passed = seen["recording"]["passed"].as_str().unwrap();
    assert!(
        passed.contains("GET /unrecorded"),
        "traffic passes: {passed}"
    );
    let rows = seen["recording"]["rows"].to_string();
    assert!(
        rows.contains("/recorded-again") && !rows.contains("/unrecorded"),
        "{rows}"
    );
    assert_eq!(program.api.flows("path:/unrecorded"), Vec::<Value>::new());
    assert_eq!(seen["troubles"], json!([]));
}

#[test]
fn a_program_that_goes_away_is_missed_and_comes_back() {
    let origin = origin();
    let data = crate::support::folder();
    let first = lasting(data.path(), "127.0.0.1:0", "127.0.0.1:0");
    traffic(&first, &origin);
    let (proxy, web) = (first.proxy.to_string(), first.api.address.to_string());

    let seen = interrupted(first, url(&origin, ""), "lost", move || {
        lasting(data.path(), &proxy, &web)
    });
    let lost = &seen["lost"];
    assert_eq!(lost["before"], json!(["/note", "/one.json", "/two.json"]));
    assert_eq!(
        lost["meanwhile"], lost["before"],
        "what was shown stays in view"
    );
    assert_eq!(
        lost["after"],
        json!(["/note", "/one.json", "/two.json", "/after"])
    );
    // the browser tells of connections that could not be made, and of nothing else
    for trouble in seen["troubles"].as_array().unwrap() {
        assert!(trouble.as_str().unwrap().contains("net::ERR_"), "{trouble}");
    }
}

#[test]
fn flows_that_are_cut_off_in_the_middle_are_not_lost() {
    let origin = origin();
    let data = crate::support::folder();
    let first = lasting(data.path(), "127.0.0.1:0", "127.0.0.1:0");
    traffic(&first, &origin);
    let (proxy, web) = (first.proxy.to_string(), first.api.address.to_string());
    let seen = interrupted(first, url(&origin, ""), "flight", move || {
        lasting(data.path(), &proxy, &web)
    });
    let flight = &seen["flight"];
    let all = [
        "/note",
        "/one.json",
        "/two.json",
        "/half",
        "/waits",
        "/sends",
    ];
    let sorted = |rows: &Value| {
        let mut rows: Vec<String> = serde_json::from_value(rows.clone()).unwrap();
        rows.sort_unstable();
        rows
    };
    let mut expected = all.map(str::to_owned);
    expected.sort_unstable();
    assert_eq!(sorted(&flight["still"]["rows"]), expected);
    assert_eq!(sorted(&flight["rows"]), expected, "nothing is lost");
    let body = flight["still"]["body"].as_str().unwrap();
    assert_eq!(body.trim(), "half of it", "what was read stays");
    let half = flight["half"].as_str().unwrap();
    assert!(half.to_lowercase().contains("closed"), "{half}");
    assert_eq!(flight["half2"], 1);
    let arrival = flight["arrival"].as_str().unwrap();
    assert!(arrival.contains("10"), "{arrival}");
    let story = flight["story"].as_str().unwrap();
    assert!(story.contains("while this request was running"), "{story}");
    let clients = flight["clients"].as_array().unwrap();
    assert!(
        clients.iter().all(Value::is_i64),
        "each was told: {clients:?}"
    );
    for trouble in seen["troubles"].as_array().unwrap() {
        assert!(trouble.as_str().unwrap().contains("net::ERR_"), "{trouble}");
    }
}

#[test]
fn another_build_is_told_of_and_takes_over_what_was_being_done() {
    if !cfg!(target_os = "linux") {
        return not_run("a program that was changed is not started by this system");
    }
    let origin = origin();
    let data = crate::support::folder();
    let first = lasting(data.path(), "127.0.0.1:0", "127.0.0.1:0");
    traffic(&first, &origin);
    let (proxy, web) = (first.proxy.to_string(), first.api.address.to_string());
    let build = another_build(&first, data.path());
    let folder = data.path().to_owned();
    let seen = interrupted(first, url(&origin, ""), "rebuilt", move || {
        let setup = surviving(&folder, &proxy, &web);
        setup.binary(&build).start()
    });
    let rebuilt = &seen["rebuilt"];
    let said = rebuilt["said"].as_str().unwrap();
    assert!(said.contains("another build"), "{said}");
    assert_eq!(rebuilt["loaded"], "once", "it does not reload by itself");
    assert_ne!(rebuilt["before"], rebuilt["after"], "the new page runs");
    assert_eq!(rebuilt["broken"], json!([]));
    let kept = &rebuilt["kept"];
    assert_eq!(kept["url"], url(&origin, "/note?half-way"));
    assert_eq!(kept["outdated"], 0);
    assert_eq!(kept["filter"], "path:/note");
    assert_eq!(
        kept["rows"],
        json!(["/note", "/note?sent", "/note?half-way"]),
        "what was recorded before, and what was sent since"
    );
    for trouble in seen["troubles"].as_array().unwrap() {
        assert!(trouble.as_str().unwrap().contains("net::ERR_"), "{trouble}");
    }
}

/// The program as another build of it would be: all files of its page have other names.
fn another_build(program: &Program, folder: &Path) -> PathBuf {
    let page = program.api.bytes("/");
    let mut names = BTreeSet::new();
    let mut texts = vec![page.clone()];
    while let Some(text) = texts.pop() {
        for name in hashed_names(&String::from_utf8_lossy(&text)) {
            let path = format!("/assets/{name}");
            let token = format!("Authorization: Bearer {}", program.api.token);
            let file = program.api.raw("GET", &path, &[&token], b"");
            if file.status() == 200 && names.insert(name) {
                texts.push(file.body);
            }
        }
    }
    assert!(names.len() > 10, "{names:?}");
    let mut bytes = std::fs::read(binary()).unwrap();
    let mut changed = String::from_utf8(page.clone()).unwrap();
    for name in &names {
        // the last letter of the hash: the names stay in their order, in which they are looked for
        let (name, _) = name.rsplit_once('.').unwrap();
        let last = if name.ends_with('x') { 'y' } else { 'x' };
        let other = format!("{}{last}", &name[..name.len() - 1]);
        replace(&mut bytes, name.as_bytes(), other.as_bytes());
        changed = changed.replace(name, &other);
    }
    // by which a browser that has the page asks whether it still is the one
    let digest = |page: &[u8]| Sha256::digest(page).to_vec();
    replace(&mut bytes, &digest(&page), &digest(changed.as_bytes()));
    let file = folder.join("overhear-rebuilt");
    std::fs::write(&file, bytes).unwrap();
    std::fs::set_permissions(&file, std::fs::metadata(binary()).unwrap().permissions()).unwrap();
    file
}

/// What could be names of files with a hash in them: `NAME-HASH.js`, `NAME-HASH.css`.
fn hashed_names(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && !"._-".contains(c));
    let words = words.map(|word| word.trim_start_matches('.'));
    let is = |word: &&str| {
        let name = word.strip_suffix(".js").or(word.strip_suffix(".css"));
        name.is_some_and(|name| name.len() > 9 && name.as_bytes()[name.len() - 9] == b'-')
    };
    words.filter(is).map(str::to_owned).collect()
}

/// Every occurrence, of which there must be one, by something as long.
fn replace(bytes: &mut [u8], from: &[u8], to: &[u8]) {
    assert_eq!(from.len(), to.len());
    let found: Vec<usize> = memmem::find_iter(bytes, from).collect();
    assert!(!found.is_empty(), "the page is not in the program");
    for at in found {
        bytes[at..at + to.len()].copy_from_slice(to);
    }
}

/// Drives a step of the browser script that stops `first` and starts what `again` makes, as it likes.
fn interrupted(
    first: Program,
    origin: String,
    step: &str,
    again: impl Fn() -> Program + Send + 'static,
) -> Value {
    // the browser is driven for a program that lives on, whatever happens to the one it looks at
    let place = crate::support::folder();
    let mut input = json!({
        "untrusted": true,
        "link": format!("http://{}/?token={}", first.api.address, first.api.token),
        "steps": [step],
        "origin": origin,
        "curl": ["--silent", "--max-time", "60", "--noproxy", "", "--proxy", first.url()],
    });
    let running = Arc::new(Mutex::new(Some(first)));
    let held = running.clone();
    // what a test starts ends with the thread that started it: this one lives as long as the control
    let (ask, asked) = mpsc::channel::<mpsc::Sender<Program>>();
    let starter = thread::spawn(move || {
        for wanted in asked {
            let _ = wanted.send(again());
        }
    });
    let ask = Mutex::new(ask);
    let control = Server::answering(None, move |request| {
        let mut held = held.lock().unwrap();
        if request.start_line().contains("/stop") {
            held.take().unwrap().kill();
        } else {
            let (answer, program) = mpsc::channel();
            ask.lock().unwrap().send(answer).unwrap();
            *held = Some(program.recv().unwrap());
        }
        response("200 OK", &[], "done")
    });
    input["control"] = json!(format!("http://127.0.0.1:{}", control.port()));
    let seen = browser::drive_in(place.path(), "tools", &input);
    drop(running.lock().unwrap().take());
    drop(control);
    starter.join().unwrap();
    seen
}

/// The program with data and a token that outlive it.
fn lasting(data: &Path, proxy: &str, web: &str) -> Program {
    surviving(data, proxy, web).start()
}

fn surviving(data: &Path, proxy: &str, web: &str) -> Setup {
    let setup = Setup::new().data(data).listen(proxy).web(web);
    setup.args(["--token", "the-same-token-in-both"])
}
