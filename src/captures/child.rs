//! The process that captures: this program again, or a copy of it beside it that has the privilege.

use std::{
    io::{self, Read},
    path::PathBuf,
    process::{Child, ChildStderr, Command, Stdio},
    thread,
};

/// The copy that may capture, beside the program.
pub(crate) const COPY: &str = "overhear-packets";

/// Of what a process says, so much is kept: bytes.
const MOST_SAID: u64 = 8 << 10;

/// Starts it.
pub(super) fn start(interface: &str, filter: &str) -> io::Result<Child> {
    let mut command = Command::new(program()?);
    command
        .args(["packets", "--interface", interface, "--expression", filter])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    #[cfg(unix)]
    {
        use std::os::unix::process::CommandExt as _;
        // Ctrl-C is for the program, which then ends this one in order
        command.process_group(0);
    }
    command.spawn()
}

fn program() -> io::Result<PathBuf> {
    let own = std::env::current_exe()?;
    let copy = own.with_file_name(COPY);
    Ok(if copy.is_file() { copy } else { own })
}

/// What it says, once it has ended.
pub(super) fn said(errors: ChildStderr) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut errors = errors;
        let mut said = Vec::new();
        // what cannot be read is not told
        let _ = errors.by_ref().take(MOST_SAID).read_to_end(&mut said);
        let _ = io::copy(&mut errors, &mut io::sink());
        let said = String::from_utf8_lossy(&said);
        said.trim().trim_start_matches("overhear: ").to_owned()
    })
}
