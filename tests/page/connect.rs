//! Promise: the lines that the page offers bring programs here as they stand; a device that waits for an answer is seen wherever
//! one looks, and gets it.

use super::shared::drive_with;
use crate::clients::interpreter;
use crate::support::{Nginx, Program, not_run, phone::Phone, program::Setup, repository};
use serde_json::json;

#[test]
fn the_lines_that_are_copied_bring_programs_here() {
    let nginx = Nginx::start();
    let program = Program::trusting(&nginx.ca.pem);
    // where a person has the program
    let folder = program.home().join("project");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("package.json"), r#"{"type":"module"}"#).unwrap();
    let modules = repository().join("tests/node_modules");
    #[cfg(unix)]
    std::os::unix::fs::symlink(modules, folder.join("node_modules")).unwrap();
    let secure = nginx.https("/hello.txt");
    let python = interpreter();
    let more = json!({ "folder": folder, "secure": secure, "python": python.parent().unwrap() });
    let seen = drive_with(&program, &nginx.http(""), "connect", &["lines"], more);

    let said = seen["lines"]["said"].as_object().unwrap();
    let mut ways = vec![
        "browser", "shell", "undici", "urllib", "requests", "httpx", "docker",
    ];
    for (name, what) in [("node", "Node 24"), ("java", "a JDK")] {
        if said.contains_key(name) {
            ways.push(name);
        } else if name == "node" {
            // the lines are for newer versions than the oldest that builds this
            eprintln!("{what} is not on this machine: its line was not run");
        } else {
            not_run(&format!("{what} is not on this machine"));
        }
    }
    for (name, text) in said {
        let many = if name == "python" { 3 } else { 1 };
        let text = text.as_str().unwrap();
        assert_eq!(text.matches("hello, world").count(), many, "{name}: {text}");
    }
    for way in ways {
        let flow = program.api.flow(&format!("path:\"/hello.txt?{way}\""));
        assert_eq!(
            [&flow["scheme"], &flow["status"]],
            [&json!("https"), &json!(200)],
            "{way}: decrypted here"
        );
    }
    let copied = &seen["lines"]["copied"]["docker"];
    let port = program.proxy.port();
    assert_eq!(copied[0], format!("overhear --listen 0.0.0.0:{port}"));
    let line = copied[1].as_str().unwrap();
    assert!(
        line.starts_with("docker run ")
            && line.contains("--add-host host.docker.internal:host-gateway"),
        "{line}"
    );
    for name in ["HTTP_PROXY", "HTTPS_PROXY"] {
        let pair = format!("-e {name}=http://host.docker.internal:{port} ");
        assert!(line.contains(&pair), "{pair}: {line}");
    }
    let file = seen["lines"]["file"].as_str().unwrap();
    assert_eq!(std::fs::read_to_string(file).unwrap(), program.ca_pem());
    assert_eq!(seen["troubles"], json!([]));
}

#[test]
fn a_device_waits_is_refused_and_is_let_in() {
    let Some(phone) = Phone::plug_in() else {
        return;
    };
    let nginx = Nginx::start();
    let program = Setup::new().listen("0.0.0.0:0").start();
    let again = [
        "ip",
        "netns",
        "exec",
        phone.name(),
        "curl",
        "--silent",
        "--include",
        "--max-time",
        "60",
        "--noproxy",
        "",
        "--proxy",
        &format!("http://{}:{}", phone.host, program.proxy.port()),
        &nginx.http("/hello.txt"),
    ];
    let address = phone.address.to_string();
    let more = json!({ "address": address, "again": again });
    let seen = drive_with(&program, &nginx.http(""), "connect", &["waits"], more);
    let waits = &seen["waits"];
    assert_eq!(waits["before"], "overhear");
    assert_eq!(waits["title"], "(1) A device waits \u{b7} overhear");
    assert_eq!(waits["status"], "1 device, 1 waits for an answer");
    let empty = waits["empty"].as_str().unwrap();
    assert!(empty.contains("wants to use the proxy"), "{empty}");
    assert_eq!(waits["everywhere"], true);
    assert_eq!(waits["broken"], json!({"desktop": [], "phone": []}));
    assert_eq!(waits["wide"], 390);
    assert_eq!(
        waits["after"],
        json!({"title": "overhear", "status": "1 device"})
    );
    let refused = waits["refused"].as_str().unwrap();
    assert!(refused.starts_with("HTTP/1.1 403"), "{refused}");
    let listed = waits["listed"].as_str().unwrap();
    assert!(listed.contains("refused"), "{listed}");
    let allowed = waits["allowed"].as_str().unwrap();
    assert!(allowed.ends_with("hello, world\n"), "{allowed}");
    assert_eq!(seen["troubles"], json!([]));
}
