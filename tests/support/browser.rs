//! A headless Chromium, driven by the scripts in `tests/browser`.

use super::{Program, Run, phone::steady_network, repository, target_dir};
use serde_json::Value;
use std::{
    path::{Path, PathBuf},
    time::Duration,
};

/// Runs `tests/browser/NAME.mjs` with one JSON argument; it prints one JSON value.
///
/// The script gets a home folder of its own in which the program's root is trusted (unless the input
/// says `untrusted`).
pub fn drive(program: &Program, name: &str, input: &Value) -> Value {
    let home = program.home().join(format!("browser-{name}"));
    std::fs::create_dir_all(&home).unwrap();
    if input["untrusted"] != true {
        trust(program, &home);
    }
    drive_in(&home, name, input)
}

/// [`drive`] in a home folder of the caller's, which trusts nothing of its own.
pub fn drive_in(home: &Path, name: &str, input: &Value) -> Value {
    let script = repository()
        .join("tests/browser")
        .join(format!("{name}.mjs"));
    let _steady = steady_network();
    Run::new("node")
        .arg(script)
        .arg(input.to_string())
        .env("HOME", home)
        .env("BROWSER", executable())
        .env("SCREENSHOTS", target_dir().join("screenshots"))
        .limit(Duration::from_secs(900))
        .ok()
        .json()
}

/// Chromium, wherever this machine has it.
pub fn executable() -> PathBuf {
    let chosen = std::env::var_os("OVERHEAR_TEST_BROWSER").map(PathBuf::from);
    let usual = [
        "/usr/bin/chromium",
        "/usr/bin/chromium-browser",
        "/usr/bin/google-chrome",
        "/Applications/Chromium.app/Contents/MacOS/Chromium",
        "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    ];
    let mut places = chosen.into_iter().chain(usual.map(PathBuf::from));
    places
        .find(|path| path.exists())
        .expect("no Chromium found: tests/run installs it")
}

/// Puts the program's root into the browser's own store, as a person would. Linux only: elsewhere the
/// script accepts the root by its key.
fn trust(program: &Program, home: &Path) {
    if !cfg!(target_os = "linux") {
        return;
    }
    let store = home.join(".pki/nssdb");
    std::fs::create_dir_all(&store).unwrap();
    let store = format!("sql:{}", store.display());
    Run::new("certutil")
        .args(["-d", &store, "-N", "--empty-password"])
        .ok();
    Run::new("certutil")
        .args(["-d", &store, "-A", "-t", "C,,", "-n", "overhear", "-i"])
        .arg(program.ca_file())
        .ok();
}
