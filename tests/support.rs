//! What the tests stand on: the program under test, the servers it talks to, the clients that use it.
//!
//! Everything is bounded: a condition is polled until [`PATIENCE`] is over, a process is killed (by its
//! own id) when its time is up, and whatever a test started ends with the test.

pub mod api;
pub mod browser;
pub mod certs;
pub mod command;
pub mod databases;
pub mod disk;
pub mod http;
pub mod island;
pub mod nginx;
pub mod peers;
pub mod phone;
pub mod program;
pub mod server;
pub mod system;
pub mod tap;
pub mod wire;

pub use api::Api;
pub use command::Run;
pub use nginx::Nginx;
pub use program::Program;
pub use server::Server;

use sha2::{Digest, Sha256};
use std::{
    io::Read,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// How long anything that ought to happen soon may take, on a machine that is busy with other tests.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Looks until there is something, or fails with `what` was awaited.
pub fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(
            Instant::now() < end,
            "waited {PATIENCE:?} in vain for {what}"
        );
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

/// The repository.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Where built things are: `target`, wherever cargo was told to put it.
pub fn target_dir() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR"))
        .parent()
        .unwrap()
        .to_owned()
}

/// A folder for a test's own things, on the disk of the build: some tests write gigabytes, and the
/// system's folder for temporary files may be in memory.
pub fn folder() -> TempDir {
    TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

/// Writes a file that somebody watches: it is never there half.
pub fn save(file: &Path, text: &str) {
    let whole = file.with_extension(format!("{:?}", std::thread::current().id()));
    std::fs::write(&whole, text).unwrap();
    std::fs::rename(&whole, file).unwrap();
}

/// SHA-256 in hexadecimal digits, and the number of bytes.
pub fn sha256(mut from: impl Read) -> (String, u64) {
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    let mut length = 0;
    loop {
        let n = from.read(&mut buffer).unwrap();
        if n == 0 {
            return (hex(&hash.finalize()), length);
        }
        hash.update(&buffer[..n]);
        length += n as u64;
    }
}

/// Hexadecimal digits, lower case.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// Says, where it cannot be overlooked, that a test was not run and why. In continuous integration
/// (`OVERHEAR_TESTS_ALL=1`) that is a failure: there every test has what it needs.
pub fn not_run(why: &str) {
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    assert!(
        std::env::var_os("OVERHEAR_TESTS_ALL").is_none(),
        "{test} could not run: {why}"
    );
    let line = format!("NOT RUN {test}: {why}\n");
    eprint!("{line}");
    // The test harness swallows what a passing test prints; this file is read back by tests/run.
    let path = target_dir().join("tests/not-run.txt");
    if let Ok(mut file) = std::fs::OpenOptions::new()
        .append(true)
        .create(true)
        .open(path)
    {
        let _ = std::io::Write::write_all(&mut file, line.as_bytes());
    }
}
