//! What is not well is said where a person looks: a disk that is nearly full or full, a queue that grows, a phone that does
//! not trust the certificate yet.

use super::shared::{drive_with, origin, url};
use crate::support::{
    Nginx, Program, Run, Server, disk::SmallDisk, phone::Phone, program::Setup, server::response,
};
use serde_json::json;

#[test]
fn a_disk_without_room_is_warned_of() {
    let Some(disk) = SmallDisk::mount("48m") else {
        return;
    };
    let origin = Nginx::start();
    origin.large_file("large.bin", 8 << 20);
    let program = Setup::new().data(&disk.path().join("data")).start();
    program.curl().arg(origin.http("/hello.txt")).ok();
    program.api.flow("path:/hello.txt");
    let ballast = disk.path().join("ballast");
    let more =
        json!({"large": origin.http("/large.bin"), "ballast": ballast, "ballastSize": 42 << 20});
    let seen = drive_with(&program, &origin.http(""), "state", &["disk"], more);
    let disk = &seen["disk"];
    let warning = disk["warning"].as_str().unwrap();
    assert!(
        warning.contains("nearly full") && warning.contains("free"),
        "{warning}"
    );
    let trouble = disk["trouble"].as_str().unwrap();
    assert!(trouble.contains("full"), "{trouble}");
    assert_eq!(disk["wide"], 390, "nothing sticks out on a phone");
    assert_eq!(disk["passed"], 8 << 20, "the traffic passes");
    assert_eq!(disk["broken"], json!([]));
    assert_eq!(disk["again"], 0, "put aside is put aside");
    assert_eq!(seen["troubles"], json!([]));
}

/// Holds the database as a backup program does, until its input ends.
const HOLDER: &str = "import sqlite3, sys\n\
    db = sqlite3.connect(sys.argv[1], isolation_level=None)\n\
    db.execute('pragma busy_timeout=60000')\n\
    db.execute('begin immediate')\n\
    print('held', flush=True)\n\
    sys.stdin.read()\n\
    db.execute('rollback')\n";

#[test]
fn a_queue_that_grows_is_warned_of() {
    let origin = Server::answering(None, |_| response("200 OK", &[], vec![b'x'; 12 << 20]));
    let program = Program::start();
    let holder = [HOLDER.to_owned(), database(&program)];
    let more = json!({ "python": "python3", "holder": holder });
    let seen = drive_with(&program, &url(&origin, ""), "state", &["queue"], more);
    let queue = &seen["queue"];
    let warning = queue["warning"].as_str().unwrap();
    assert!(warning.contains("wait to be written"), "{warning}");
    assert_eq!(queue["passed"], 12 << 20);
    assert_eq!(queue["broken"], json!([]));
    assert_eq!(seen["troubles"], json!([]));
    let flow = program.api.flow("path:/long");
    assert_eq!(flow["response"]["body_size"], 12 << 20, "nothing was lost");
}

/// The file of a program's recordings.
fn database(program: &Program) -> String {
    let files = std::fs::read_dir(program.data()).unwrap();
    let mut files = files.map(|entry| entry.unwrap().path());
    let is = |path: &std::path::PathBuf| {
        std::fs::read(path).is_ok_and(|bytes| bytes.starts_with(b"SQLite format 3\0"))
    };
    files.find(is).unwrap().to_str().unwrap().to_owned()
}

#[test]
fn a_phone_that_does_not_trust_yet_is_named() {
    let Some(phone) = Phone::plug_in() else {
        return;
    };
    let nginx = Nginx::start();
    let program = Setup::new()
        .listen("0.0.0.0:0")
        .args(["--allow", &format!("{}/32", phone.address)])
        .trusting(&nginx.ca.pem)
        .start();
    let origin = origin();
    let curl = |args: &[&str]| -> Run {
        let proxy = format!("http://{}:{}", phone.host, program.proxy.port());
        let agent = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1";
        phone
            .run("curl")
            .args([
                "--silent",
                "--max-time",
                "60",
                "--noproxy",
                "",
                "--proxy",
                &proxy,
                "--user-agent",
                agent,
            ])
            .args(args)
    };
    // it looks at the page for phones, and opens a site: what it was shown is not what it knows
    curl(&["http://overhear.internal/"]).ok();
    let refused = curl(&[&nginx.https("/hello.txt")]).run();
    assert_eq!(refused.status.code(), Some(60), "{}", refused.err);
    program.api.wait_for("kind:tls", 1);
    // the page is empty as for somebody who has just cleared it
    program.api.expect(200, "DELETE", "/api/flows", None);
    let refusing = [
        "ip",
        "netns",
        "exec",
        phone.name(),
        "curl",
        "--silent",
        "--max-time",
        "60",
        "--noproxy",
        "",
        "--proxy",
        &format!("http://{}:{}", phone.host, program.proxy.port()),
        &nginx.https("/hello.txt"),
    ];
    let root = program.ca_file().display().to_string();
    let trusting = [&refusing[..], &["--cacert", &root]].concat();
    let more = json!({
        "address": phone.address.to_string(),
        "again": trusting,
        "refusing": refusing,
    });
    let seen = drive_with(&program, &url(&origin, ""), "state", &["phone"], more);
    let seen_phone = &seen["phone"];
    let before = seen_phone["before"].as_str().unwrap();
    assert!(
        before.contains("iPhone") && before.contains("does not trust the certificate yet"),
        "{before}"
    );
    assert!(
        before.contains("http://overhear.internal"),
        "what to do: {before}"
    );
    let after = seen_phone["after"].as_str().unwrap();
    assert!(after.contains("trusts the certificate"), "{after}");
    let removed = seen_phone["removed"].as_str().unwrap();
    assert!(
        removed.contains("refuses the certificate that it trusted before"),
        "{removed}"
    );
    let listed = seen_phone["listed"].as_str().unwrap();
    assert!(listed.contains("not trusted; it was until"), "{listed}");
    assert_eq!(seen_phone["broken"], json!({"desktop": [], "phone": []}));
    assert_eq!(seen_phone["wide"], 390);
    assert_eq!(seen["troubles"], json!([]));
}

#[test]
fn the_figures_at_the_bottom_are_those_of_the_program() {
    let Some(phone) = Phone::plug_in() else {
        return;
    };
    let program = Setup::new()
        .listen("0.0.0.0:0")
        .args(["--allow", &format!("{}/32", phone.address)])
        .start();
    let nginx = Nginx::start();
    let proxy = format!("http://{}:{}", phone.host, program.proxy.port());
    let way = ["--silent", "--noproxy", "", "--proxy", &proxy];
    for path in ["/hello.txt?1", "/hello.txt?2"] {
        phone.run("curl").args(way).arg(nginx.http(path)).ok();
    }
    program.api.wait_for("", 2);
    let origin = origin();
    let seen = drive_with(
        &program,
        &url(&origin, ""),
        "state",
        &["figures"],
        json!({}),
    );
    let quiet = &seen["figures"]["quiet"];
    let port = program.proxy.port();
    assert_eq!(quiet["listens"], format!("proxy 0.0.0.0:{port}"));
    assert!(
        quiet["lan"].as_str().unwrap().contains(&format!(":{port}")),
        "{quiet}"
    );
    assert_eq!(
        [&quiet["rate"], &quiet["queued"]],
        ["0 flows/s", "0 B queued"]
    );
    assert_eq!(
        [&quiet["devices"], &quiet["flows"]],
        ["1 device", "2 flows"]
    );
    let busy = seen["figures"]["busy"].as_str().unwrap();
    assert!(
        busy.ends_with(" flows/s") && !busy.starts_with('0'),
        "{busy}"
    );
    assert_eq!(seen["troubles"], json!([]));
}
