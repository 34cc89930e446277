//! What the program says of itself while it works: to standard error, quiet unless `OVERHEAR_LOG` asks for more.

use crate::exit::Usage;
use std::io::{self, IsTerminal};
use tracing_subscriber::EnvFilter;

const VARIABLE: &str = "OVERHEAR_LOG";

/// Starts logging: warnings of our own crates, errors of others, or what `OVERHEAR_LOG` says
/// (`debug`, `overhear_proxy=trace,info`...).
pub(crate) fn start() -> anyhow::Result<()> {
    let wanted = std::env::var(VARIABLE).unwrap_or_default();
    let wanted = if wanted.trim().is_empty() {
        "error,overhear=warn"
    } else {
        &wanted
    };
    let filter = EnvFilter::try_new(wanted).map_err(|error| {
        Usage(format!(
            "{VARIABLE}={wanted} cannot be read ({error}): write for example {VARIABLE}=debug"
        ))
    })?;
    let colours = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(colours)
        .init();
    Ok(())
}
