//! `overhear intercept`.

use clap::{Args, Subcommand};

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Intercept {
    #[command(subcommand)]
    pub(crate) command: InterceptCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum InterceptCommand {
    /// List what waits at breakpoints, oldest first
    List {
        /// One JSON object a line, with the field names of the API
        #[arg(long)]
        json: bool,
    },
    /// Print one message that waits, whole, as one JSON object
    Show {
        /// Its number, as `overhear intercept list` prints it
        id: u64,
    },
    /// Let a message go on, edited or as it is
    Continue {
        /// Its number, as `overhear intercept list` prints it
        id: u64,
        #[command(flatten)]
        edit: Edit,
    },
    /// Answer in the server's place, or instead of its answer
    Answer {
        /// Its number, as `overhear intercept list` prints it
        id: u64,
        /// The status
        #[arg(short, long, value_name = "CODE", default_value = "200")]
        status: u16,
        /// A header field; may be repeated
        #[arg(short = 'H', long = "header", value_name = "NAME: VALUE")]
        headers: Vec<String>,
        /// The body: text, @FILE, or @- for standard input
        #[arg(short = 'd', long, value_name = "TEXT|@FILE")]
        body: Option<String>,
        /// Leave lengths and codings as they are written, right or wrong; the connection is closed after it
        #[arg(long)]
        as_written: bool,
    },
    /// Reset the client's connection
    Drop {
        /// Its number, as `overhear intercept list` prints it
        id: u64,
    },
    /// Let everything that waits go on as it is
    All,
}

#[derive(Debug, Args)]
pub(crate) struct Edit {
    /// Another method
    #[arg(short = 'X', long, value_name = "METHOD")]
    pub(crate) method: Option<String>,
    /// Another URL
    #[arg(long, value_name = "URL")]
    pub(crate) url: Option<String>,
    /// Another status, of a response
    #[arg(short, long, value_name = "CODE")]
    pub(crate) status: Option<u16>,
    /// Set a header field ('Name: value') or remove it ('Name:'); may be repeated
    #[arg(short = 'H', long = "header", value_name = "FIELD")]
    pub(crate) headers: Vec<String>,
    /// Another body: text, @FILE, or @- for standard input
    #[arg(short = 'd', long, value_name = "TEXT|@FILE")]
    pub(crate) body: Option<String>,
    /// Leave lengths and codings as they are written, right or wrong; the connection is closed after it
    #[arg(long)]
    pub(crate) as_written: bool,
}

const EXAMPLES: &str = "\
Examples:
  overhear rule add Stop -f 'host:api.example.com method:POST' -D wait
  overhear intercept list
  overhear intercept continue 1 -X PUT -H 'X-Debug: 1' -d '{\"price\": 1}'
  overhear intercept answer 2 --status 503 -d 'try later'
  overhear intercept all";
