//! Promise: what can be said with a flag can be seen and changed while the program runs; the file stays the
//! person's own, and secrets stay inside.

use crate::support::{Nginx, Program, server::free_port};
use serde_json::{Value, json};
use std::path::PathBuf;

fn item<'a>(settings: &'a Value, key: &str) -> &'a Value {
    let mut items = settings["items"].as_array().unwrap().iter();
    items.find(|item| item["key"] == key).unwrap()
}

fn change(program: &Program, changes: Value) -> Value {
    let answer = program
        .api
        .expect(200, "PATCH", "/api/settings", Some(&changes));
    serde_json::from_slice(&answer.body).unwrap()
}

/// The file, with a comment of a person in it.
fn file(program: &Program) -> PathBuf {
    let settings = program.api.get("/api/settings");
    let file = PathBuf::from(settings["config_file"].as_str().unwrap());
    assert!(file.starts_with(program.home()));
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(&file, "# by hand\nno-open = false # always\n").unwrap();
    file
}

#[test]
fn settings_say_who_said_what() {
    let program = Program::start();
    let answer = program.api.expect(200, "GET", "/api/settings", None);
    assert!(
        !answer.text().contains(&program.api.token),
        "{}",
        answer.text()
    );
    let settings = program.api.get("/api/settings");
    let said = |key: &str| {
        (
            item(&settings, key)["source"].clone(),
            item(&settings, key)["value"].clone(),
        )
    };
    assert_eq!(said("listen"), (json!("flag"), json!(["127.0.0.1:0"])));
    assert_eq!(said("no-open"), (json!("flag"), json!(true)));
    assert_eq!(
        said("data"),
        (json!("flag"), json!(program.data().display().to_string()))
    );
    assert_eq!(said("allow"), (json!("default"), json!([])));
    assert_eq!(said("token"), (json!("default"), json!(null)));
    assert_eq!(item(&settings, "web")["default"], "127.0.0.1:8081");
    let help = program.command("run").arg("--help").ok().text();
    for item in settings["items"].as_array().unwrap() {
        let flag = item["flag"].as_str().unwrap();
        assert!(help.contains(flag), "{flag}");
        let begin = item["help"].as_str().unwrap().split_whitespace().take(4);
        let begin = begin.collect::<Vec<_>>().join(" ");
        assert!(help.contains(&begin), "{begin}");
    }
}

#[test]
fn what_can_be_applied_is() {
    let origin = Nginx::start();
    let program = Program::start();
    let file = file(&program);
    let url = origin.https("/hello.txt");
    let get = || program.curl().arg(&url).ok().text();
    assert!(get() != "hello, world\n", "not verified");
    let after = change(
        &program,
        json!({"insecure-upstream": ["localhost"], "qr": true, "token": "a-new-secret"}),
    );
    assert_eq!(get(), "hello, world\n");
    assert_eq!(
        item(&after, "insecure-upstream")["value"],
        json!(["localhost"])
    );
    assert_eq!(item(&after, "insecure-upstream")["source"], "file");
    assert_eq!(item(&after, "qr")["pending"], true);
    assert_eq!(item(&after, "qr")["value"], false, "at the next start");
    assert_eq!(item(&after, "token")["pending"], true);
    assert!(!after.to_string().contains("a-new-secret"));
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(
        text.starts_with("# by hand\nno-open = false # always\n"),
        "{text}"
    );
    assert!(
        text.contains("insecure-upstream = [\"localhost\"]"),
        "{text}"
    );

    // the authority instead
    let ca = program.home().join("origin.pem");
    std::fs::write(&ca, &origin.ca.pem).unwrap();
    change(&program, json!({"insecure-upstream": null}));
    assert!(get() != "hello, world\n", "verified again");
    change(&program, json!({"upstream-ca": [ca.display().to_string()]}));
    assert_eq!(get(), "hello, world\n");

    // one host for this run only
    program.api.expect(
        204,
        "PUT",
        "/api/settings/accepted-certificates/a.test",
        None,
    );
    let settings = program.api.get("/api/settings");
    assert_eq!(item(&settings, "insecure-upstream")["source"], "page");
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(
        !text.contains("a.test") && text.starts_with("# by hand\n"),
        "{text}"
    );
    // what is saved is what the next start reads
    program.command("flows").ok();
}

#[test]
fn a_flag_stands_above_what_is_saved() {
    let program = Program::start();
    file(&program);
    let web = free_port().to_string();
    let after = change(&program, json!({"web": web, "no-open": false}));
    let item = item(&after, "web");
    assert_eq!(
        (&item["source"], &item["overridden"]),
        (&json!("flag"), &json!(true))
    );
    assert_eq!(
        (&item["saved"], &item["pending"]),
        (&json!(web), &json!(false))
    );
    assert_ne!(item["value"], item["saved"]);
}

#[test]
fn wrong_settings_change_nothing() {
    let program = Program::start();
    let file = file(&program);
    let before = std::fs::read(&file).unwrap();
    let missing = program.home().join("missing.pem").display().to_string();
    for (changes, key, reason) in [
        (
            json!({"allow": ["10.0.0.0/8"], "web": "nowhere"}),
            "web: ",
            "invalid value 'nowhere' for '--web",
        ),
        (
            json!({"allow": ["10.0.0.0/8"], "nothing": 1}),
            "nothing: ",
            "there is no such setting",
        ),
        (
            json!({"upstream-ca": [missing]}),
            "upstream-ca: ",
            "missing.pem cannot be used",
        ),
        (json!({"token": "a b"}), "token: ", "letters, digits"),
        (json!({"no-open": 1}), "no-open: ", "true or false"),
    ] {
        let answer = program
            .api
            .expect(400, "PATCH", "/api/settings", Some(&changes));
        let detail = serde_json::from_slice::<Value>(&answer.body).unwrap()["detail"].clone();
        let detail = detail.as_str().unwrap();
        assert!(
            detail.starts_with(key) && detail.contains(reason),
            "{detail}"
        );
    }
    assert_eq!(std::fs::read(&file).unwrap(), before);
    let settings = program.api.get("/api/settings");
    assert_eq!(item(&settings, "allow")["value"], json!([]));
    // a file that cannot be read is not overwritten
    std::fs::write(&file, "web = \n").unwrap();
    let changes = json!({"qr": true});
    let answer = program
        .api
        .expect(400, "PATCH", "/api/settings", Some(&changes));
    assert!(answer.text().contains("config.toml"), "{}", answer.text());
    assert_eq!(std::fs::read(&file).unwrap(), b"web = \n");
}
