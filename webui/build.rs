//! Builds the browser app with npm into `OUT_DIR`, so that the source tree stays as it is.
//!
//! `app/` is copied, `npm ci` runs when the lock file changed, `npm run build` makes `dist/`, and that
//! becomes `OUT_DIR/page`, which the crate embeds. Without npm a page is embedded that says how to get
//! the real one; an npm that fails is an error with the end of its log.

#![expect(
    clippy::print_stderr,
    reason = "cargo shows a build script's standard error when it fails"
)]

use std::{
    env, fs,
    io::{self, ErrorKind},
    path::{Path, PathBuf},
    process::{Command, Stdio, exit},
};

/// What is in `app/` beside the sources.
const NOT_SOURCES: [&str; 5] = [
    "node_modules",
    "dist",
    ".svelte-kit",
    "coverage",
    "test-results",
];

fn main() {
    let app = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("app");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    println!("cargo:rerun-if-changed=build.rs");
    for entry in sources(&app) {
        println!("cargo:rerun-if-changed={}", entry.display());
    }
    if let Err(error) = build(&app, &out) {
        eprintln!("{error}");
        exit(1);
    }
}

fn build(app: &Path, out: &Path) -> Result<(), String> {
    let page = out.join("page");
    // a fuzzer shows nobody a page: `fuzz/rustc` and cargo-fuzz set this
    if cfg!(fuzzing) || env::var_os("CARGO_CFG_FUZZING").is_some() {
        return placeholder(&page).map_err(|error| cannot("write", &page, &error));
    }
    let Some(version) = npm_version() else {
        println!(
            "cargo:warning=npm was not found: the browser app is not built. Install Node.js 20 or newer, then `touch webui/build.rs` and build again."
        );
        // a PATH with npm in it builds the page
        println!("cargo:rerun-if-env-changed=PATH");
        return placeholder(&page).map_err(|error| cannot("write", &page, &error));
    };
    let work = out.join("app");
    mirror(app, &work).map_err(|error| cannot("copy the browser app to", &work, &error))?;

    // dependencies are installed again only when the lock file differs from the one they came from
    let lock = fs::read(work.join("package-lock.json"))
        .map_err(|error| cannot("read", &app.join("package-lock.json"), &error))?;
    let stamp = work.join("node_modules").join(".installed-from");
    if fs::read(&stamp).ok().as_deref() != Some(&lock) {
        npm(
            &work,
            &["ci", "--include=dev", "--no-audit", "--no-fund"],
            &version,
        )?;
        fs::write(&stamp, &lock).map_err(|error| cannot("write", &stamp, &error))?;
    }
    npm(&work, &["run", "build"], &version)?;

    let dist = work.join("dist");
    if !dist.join("index.html").is_file() {
        return Err(format!(
            "`npm run build` made no index.html in {}",
            dist.display()
        ));
    }
    mirror(&dist, &page).map_err(|error| cannot("copy the built page to", &page, &error))
}

fn program() -> &'static str {
    if cfg!(windows) { "npm.cmd" } else { "npm" }
}

fn npm_version() -> Option<String> {
    let output = Command::new(program()).arg("--version").output().ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Runs npm in `folder`; its output is shown only when it fails.
fn npm(folder: &Path, arguments: &[&str], version: &str) -> Result<(), String> {
    let output = Command::new(program())
        .args(arguments)
        .current_dir(folder)
        // leaves development dependencies out
        .env_remove("NODE_ENV")
        .env("NO_UPDATE_NOTIFIER", "1")
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("cannot start npm: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let log = [output.stdout, output.stderr].concat();
    let log = String::from_utf8_lossy(&log);
    let lines: Vec<_> = log.lines().collect();
    let end = lines.iter().skip(lines.len().saturating_sub(60));
    Err(format!(
        "building the browser app failed: `npm {}` (npm {version}, in {}) ended with {}:\n{}",
        arguments.join(" "),
        folder.display(),
        output.status,
        end.copied().collect::<Vec<_>>().join("\n")
    ))
}

/// The entries of a folder that are sources.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<_> = entries
        .filter(|entry| !NOT_SOURCES.iter().any(|name| entry.file_name() == *name))
        .map(|entry| entry.path())
        .collect();
    paths.sort();
    paths
}

/// Makes `to` hold the sources of `from` and nothing else (but what npm made there).
fn mirror(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for old in sources(to) {
        if old.is_dir() {
            fs::remove_dir_all(&old)?;
        } else {
            fs::remove_file(&old)?;
        }
    }
    for source in sources(from) {
        copy(&source, &to.join(source.file_name().unwrap_or_default()))?;
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    if from.is_dir() {
        fs::create_dir_all(to)?;
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            copy(&entry.path(), &to.join(entry.file_name()))?;
        }
        return Ok(());
    }
    match fs::copy(from, to) {
        // an editor's temporary file may be gone already
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn placeholder(page: &Path) -> io::Result<()> {
    fs::create_dir_all(page)?;
    fs::write(page.join("page.css"), PLACEHOLDER_STYLE)?;
    fs::write(page.join("index.html"), PLACEHOLDER)
}

fn cannot(what: &str, path: &Path, error: &io::Error) -> String {
    format!("cannot {what} {}: {error}", path.display())
}

const PLACEHOLDER: &str = r#"<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>overhear</title>
<link rel="stylesheet" href="/page.css">
<h1>overhear was built without its page</h1>
<p>npm was not found when this program was built, so the browser app is not in it. The proxy records all the same;
the <a href="/api/openapi.json">REST API</a> and the command line (<code>overhear flows</code>) work.</p>
<p>To get the page, install <a href="https://nodejs.org/" rel="noreferrer">Node.js</a> 20 or newer, then run
<code>touch webui/build.rs</code> and build again.</p>
</html>
"#;

const PLACEHOLDER_STYLE: &str = "body { font: 1rem/1.5 system-ui, sans-serif; max-width: 40rem; margin: 10vh auto; padding: 0 1rem }\n";
