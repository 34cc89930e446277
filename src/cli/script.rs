//! `overhear script`, and what `overhear run` takes for scripts.

use clap::{Args, Subcommand, ValueHint};
use std::{fmt, path::PathBuf, str::FromStr, time::Duration};

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Script {
    #[command(subcommand)]
    pub(crate) command: ScriptCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ScriptCommand {
    /// Print what scripts are given, as TypeScript: overhear.d.ts
    Types,
    /// Print a script to begin with
    Example,
    /// Load scripts and say what is wrong with them, and where
    Check {
        /// The scripts
        #[arg(required = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
        files: Vec<PathBuf>,
    },
}

/// A length of time, as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Span {
    /// How long.
    pub(crate) time: Duration,
    text: String,
}

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |text: &str| text.trim().parse::<u64>().ok();
        let milliseconds = match (text.strip_suffix("ms"), text.strip_suffix('s')) {
            (Some(milliseconds), _) => number(milliseconds),
            (None, Some(seconds)) => number(seconds).and_then(|seconds| seconds.checked_mul(1000)),
            (None, None) => None,
        };
        match milliseconds {
            Some(milliseconds @ 1..=60_000) => Ok(Self {
                time: Duration::from_millis(milliseconds),
                text: text.to_owned(),
            }),
            _ => Err("write for example 500ms or 2s; 60s are the most".to_owned()),
        }
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

const EXAMPLES: &str = "\
Examples:
  overhear script example > fix.js; overhear script types > overhear.d.ts
  overhear script check fix.js
  overhear run --script fix.js

A script is an ES module that exports onRequest, onResponse or onMessage. It is read again when it
is saved. Scripts act behind all rules, in the order in which they are named. Where one fails, the
message goes on unchanged, and its flow says so.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_as_they_are_written() {
        for (text, milliseconds) in [("500ms", 500), ("2s", 2000), ("60s", 60_000), ("1 ms", 1)] {
            let span: Span = text.parse().unwrap();
            assert_eq!(span.time, Duration::from_millis(milliseconds));
            assert_eq!(span.to_string(), text);
        }
        for text in [
            "",
            "s",
            "0ms",
            "61s",
            "5",
            "1.5s",
            "99999999999999999999s",
            "-1s",
        ] {
            assert!(text.parse::<Span>().is_err(), "{text}");
        }
    }
}
