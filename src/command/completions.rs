//! `overhear completions`: a script that lets a shell complete our command lines.

use crate::cli::Cli;
use clap::CommandFactory;
use clap_complete::Shell;
use std::io::{self, Write};

pub(super) fn print(shell: Shell) -> anyhow::Result<()> {
    // into memory first: clap_complete panics when writing fails, as it does into a closed pipe
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "overhear", &mut script);
    let mut out = io::stdout().lock();
    out.write_all(&script)?;
    Ok(out.flush()?)
}
