//! `overhear read`.

use clap::{Args, ValueHint};
use std::path::PathBuf;

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Read {
    /// pcap or pcapng, plain or in gzip; - is standard input
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) what: What,
    /// Print one JSON object a line
    #[arg(long, conflicts_with_all = ["streams", "console"])]
    pub(crate) json: bool,
}

/// What is to be seen; a summary when nothing is said.
#[derive(Debug, Clone, Default, Args)]
#[group(multiple = false)]
pub(crate) struct What {
    /// Write what each side of each TCP connection said into a file of this folder, named as tcpflow does
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) streams: Option<PathBuf>,
    /// Print what each TCP packet carries, behind the name of its stream, as `tcpflow -c` does
    #[arg(short = 'c', long)]
    pub(crate) console: bool,
    /// TCP connections: losses, windows, round trips, throughput
    #[arg(long)]
    pub(crate) connections: bool,
    /// Who spoke with whom, most bytes first
    #[arg(long)]
    pub(crate) conversations: bool,
    /// Addresses, and what they sent and received
    #[arg(long)]
    pub(crate) endpoints: bool,
    /// Protocols, each inside the one that carries it
    #[arg(long)]
    pub(crate) hierarchy: bool,
}

const EXAMPLES: &str = "\
Examples:
  overhear read trace.pcapng                   what is in it
  overhear read trace.pcap.gz --streams said   what was said, into the folder said
  overhear read trace.pcap --connections --json | jq 'select(.a.retransmitted_packets > 0)'
  ssh server tcpdump -w - | overhear read - --conversations

A file that is damaged or cut off is read as far as it goes; where and why it stops is told
at the end, with exit status 1.";
