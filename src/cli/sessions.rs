//! `overhear sessions`.

use super::SessionName;
use clap::{Args, Subcommand, ValueEnum};

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Sessions {
    #[command(subcommand)]
    pub(crate) command: SessionsCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SessionsCommand {
    /// List the sessions: their numbers, names, times and flows
    List {
        /// One JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// What is new, gone, slower or has another status in a session, against another
    #[command(after_help = COMPARE_EXAMPLES)]
    Compare(CompareSessions),
}

#[derive(Debug, Args)]
pub(crate) struct CompareSessions {
    /// The session before: its number, its name, or current
    #[arg(value_name = "A")]
    pub(crate) a: SessionName,
    /// The session after
    #[arg(value_name = "B")]
    pub(crate) b: SessionName,
    /// Only flows of A that match
    #[arg(long, value_name = "FILTER")]
    pub(crate) filter_a: Option<String>,
    /// Only flows of B that match
    #[arg(long, value_name = "FILTER")]
    pub(crate) filter_b: Option<String>,
    /// What of the query belongs to a request
    #[arg(long, value_enum, default_value = "names")]
    pub(crate) query: ComparedQuery,
    /// Requests to different hosts are the same when the rest is: for two servers of one thing
    #[arg(long)]
    pub(crate) ignore_host: bool,
    /// Slower is what takes at least so many milliseconds more, by its median...
    #[arg(long, value_name = "MS", default_value_t = 100.0)]
    pub(crate) slower_ms: f64,
    /// ...and at least so many times as long
    #[arg(long, value_name = "RATIO", default_value_t = 1.5)]
    pub(crate) slower_ratio: f64,
    /// Also what is the same
    #[arg(long)]
    pub(crate) all: bool,
    /// One JSON object a request, with the names of the API
    #[arg(long)]
    pub(crate) json: bool,
}

/// What of the query belongs to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ComparedQuery {
    /// Nothing
    Ignored,
    /// The names of its parameters
    Names,
    /// All of it
    Whole,
}

const EXAMPLES: &str = "\
Examples:
  overhear sessions list
  overhear sessions compare 'before the update' current";

const COMPARE_EXAMPLES: &str = "\
Examples:
  overhear sessions compare 1 2
  overhear sessions compare 'before the update' current --slower-ms 20 --slower-ratio 1.2
  overhear sessions compare 3 3 --filter-a host:api.test --filter-b host:staging.test --ignore-host
  overhear sessions compare 1 2 --json | jq 'select(.changes[] == \"status\")'

Requests are the same when method, host, path and the names in the query are; in the path,
numbers, UUIDs and hexadecimal numbers of 16 digits or more do not count. It ends with
status 0 also when there are differences.";
