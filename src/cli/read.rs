//! `overhear read`.

use clap::{Args, ValueHint};
use std::path::PathBuf;

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Read {
    /// pcap or pcapng, plain or in gzip; - is standard input
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) file: PathBuf,
}

const EXAMPLES: &str = "\
Examples:
  overhear read trace.pcapng";
