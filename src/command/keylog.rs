//! Key logs that were named on the command line.

use anyhow::Context;
use overhear_capture::tls::KeyLog;
use std::{
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
};

/// One that is longer is not read: bytes, of all of them.
const LONGEST: u64 = 64 << 20;

/// Reads the texts of key logs.
///
/// # Errors
/// One cannot be read, has no secrets in it, or they are too long.
pub(super) fn read(files: &[PathBuf]) -> anyhow::Result<Vec<Vec<u8>>> {
    let mut room = LONGEST;
    let mut texts = Vec::new();
    for file in files {
        let text = one(file, room)?;
        room -= text.len() as u64;
        texts.push(text);
    }
    Ok(texts)
}

fn one(file: &Path, room: u64) -> anyhow::Result<Vec<u8>> {
    let name = || format!("cannot read the key log {}", file.display());
    let mut text = Vec::new();
    let opened = File::open(file).with_context(name)?;
    opened
        .take(room + 1)
        .read_to_end(&mut text)
        .with_context(name)?;
    if text.len() as u64 > room {
        anyhow::bail!(
            "the key log {} is longer than 64 MiB: leave out what is not of this capture",
            file.display()
        );
    }
    if KeyLog::default().add(&text) == 0 {
        anyhow::bail!(
            "there are no TLS secrets in {}: a key log is what a program writes into the file that the environment \
             variable SSLKEYLOGFILE names",
            file.display()
        );
    }
    Ok(text)
}
