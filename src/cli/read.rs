//! `overhear read`.

use super::{Lines, Unused};
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
    #[arg(long, conflicts_with_all = ["streams", "console", "print"])]
    pub(crate) json: bool,
    /// With --print: only the first COUNT packets (of those that match)
    #[arg(long, value_name = "COUNT", requires = "print", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) count: Option<u64>,
    #[command(flatten)]
    pub(crate) lines: Lines,
    /// With --diagnose: TLS secrets that decrypt the connections, as SSLKEYLOGFILE has them (RFC 9850)
    #[arg(long, value_name = "FILE", requires = "diagnose", value_hint = ValueHint::FilePath)]
    pub(crate) keylog: Vec<PathBuf>,
    /// Only packets that match, in the language of pcap-filter(7): host 10.0.0.1 and not port 22
    #[arg(value_name = "EXPRESSION")]
    pub(crate) expression: Vec<String>,
    #[command(flatten)]
    pub(crate) unused: Unused,
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
    /// TCP connections: losses, windows, round trips, silence, throughput; -v: everything that is counted of each
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
    /// Print the packets, a line each, as tcpdump does; -n, -e, -v, -x, -X, -A, -q, -t... say how
    #[arg(long)]
    pub(crate) print: bool,
    /// What went wrong: the packets that prove it, what it usually means, and where to look
    #[arg(long)]
    pub(crate) diagnose: bool,
}

const EXAMPLES: &str = "\
Examples:
  overhear read trace.pcapng                   what is in it
  overhear read trace.pcap.gz --streams said   what was said, into the folder said
  overhear read trace.pcap --connections -v    all numbers of each connection, as tcptrace -l
  overhear read trace.pcap --connections --json | jq 'select(.a.retransmitted_packets > 0)'
  ssh server tcpdump -w - | overhear read - --conversations
  overhear read trace.pcapng --print -nv port 53

A file that is damaged or cut off is read as far as it goes; where and why it stops is told
at the end, with exit status 1.";
