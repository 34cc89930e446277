//! `overhear script`: what scripts are given, one to begin with, and whether one can be used.

use crate::cli::ScriptCommand;
use anyhow::Context as _;
use overhear_proxy::{SCRIPT_EXAMPLE, check_script, script_types};
use std::io::{self, Write as _};

/// Prints.
pub(super) async fn execute(command: ScriptCommand) -> anyhow::Result<()> {
    let files = match command {
        ScriptCommand::Types => return print(&script_types()),
        ScriptCommand::Example => return print(SCRIPT_EXAMPLE),
        ScriptCommand::Check { files } => files,
    };
    let mut wrong = 0;
    for file in files {
        let shown = file.display();
        let source = tokio::fs::read_to_string(&file).await;
        let source = source.with_context(|| format!("the script {shown} cannot be read"))?;
        match check_script(&file, source).await {
            Ok(hooks) => print(&format!("{shown}: {}\n", hooks.join(", ")))?,
            Err(error) => {
                wrong += 1;
                crate::terminal::tell(&format!("{shown}: {error}"));
            }
        }
    }
    match wrong {
        0 => Ok(()),
        1 => anyhow::bail!("a script cannot be used"),
        wrong => anyhow::bail!("{wrong} scripts cannot be used"),
    }
}

fn print(text: &str) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}
