//! `overhear rule`.

use clap::{Args, Subcommand, ValueEnum, ValueHint};
use std::path::PathBuf;

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Rule {
    #[command(subcommand)]
    pub(crate) command: RuleCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RuleCommand {
    /// List the rules in the order in which they act
    List {
        /// One JSON object a line, with the field names of the API
        #[arg(long)]
        json: bool,
    },
    /// Add a rule behind the others; prints its number
    Add {
        /// What it is called
        name: String,
        /// Which messages [default: all]
        #[arg(short, long, value_name = "FILTER", default_value = "")]
        filter: String,
        /// Where it acts
        #[arg(short, long, value_enum, default_value = "request")]
        stage: RuleStage,
        /// At the stage message, only those that this side sends [default: both]
        #[arg(long, value_enum)]
        sender: Option<RuleSender>,
        /// The rules that it is switched on and off with
        #[arg(short, long, default_value = "")]
        group: String,
        /// What it does, in order: an action's name, and after commas its values as in TOML
        #[arg(short = 'D', long = "do", value_name = "ACTION", required = true)]
        actions: Vec<String>,
        /// Leave it switched off
        #[arg(long)]
        off: bool,
    },
    /// Remove rules
    #[command(alias = "remove")]
    Rm {
        /// Numbers, as `overhear rule list` prints them
        #[arg(required = true)]
        ids: Vec<i64>,
    },
    /// Switch rules on
    On {
        /// Numbers, as `overhear rule list` prints them
        #[arg(required = true)]
        ids: Vec<i64>,
    },
    /// Switch rules off
    Off {
        /// Numbers, as `overhear rule list` prints them
        #[arg(required = true)]
        ids: Vec<i64>,
    },
    /// Write all rules as TOML
    Export {
        /// Where to write [default: standard output]
        #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        output: Option<PathBuf>,
    },
    /// Bring rules in from TOML: all of a file, or nothing
    Import {
        /// The file
        #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
        file: PathBuf,
        /// Put them in the place of all rules that there are
        #[arg(long)]
        replace: bool,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum RuleStage {
    /// On requests, before they go to the server
    Request,
    /// On responses, before they go to the client
    Response,
    /// On messages of WebSockets, before they go to the other side
    Message,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum RuleSender {
    /// What the client sends
    Client,
    /// What the server sends
    Server,
}

const EXAMPLES: &str = "\
Actions on requests:
  set-method, method = \"PUT\"
  set-url, scheme = \"https\", host = \"b.example\", port = 8443, path = \"/x\", query = \"y=1\"
  replace-url, find = \"/v1/\", with = \"/v2/\" [, regex = true]
  map-remote, to = \"https://staging.example.com\" [, from = \"/api\", keep_host = true]
  map-local, path = \"/srv/site\" [, from = \"/static\"]
  upstream, to = \"127.0.0.1:3000\"               (or \"http://proxy:3128\", \"socks5://proxy\")
  throttle, profile = \"3g\" [, down_kbps = 500, up_kbps = 100, latency_ms = 200]
  answer-recorded [, filter = \"session:3\", ignore_query = [\"t\"], missing = \"pass\"]
  do-not-record
Actions on responses:
  set-status, status = 503
  allow-cors
Actions on both:
  set-header, name = \"X-Debug\", value = \"1\"     add-header, name = \"A\", value = \"b\"
  remove-header, name = \"Cookie\"                replace-header, name = \"A\", find = \"b\", with = \"c\"
  replace-body, find = \"old\", with = \"new\"      set-body, body = { text = \"...\" }
  set-json, path = \"/items/0/price\", value = 1  no-caching
  strip-cookies [, name = \"session\"]            set-cookie, name = \"a\", value = \"b\"
  answer, status = 404, headers = [[\"A\", \"b\"]], body = { file = \"/srv/answer.json\" }
  redirect, to = \"https://b.example{path}\"      block [, how = \"close\" or \"reset\"]
  delay, ms = 2000                              tag, tags = [\"slow\"]
  comment, text = \"...\"                         highlight, color = \"red\"
  wait [, seconds = 60]                         (a breakpoint: see `overhear intercept`)
Actions on messages of WebSockets:
  replace-body, set-body, set-json, block (leaves it out), delay, tag, comment, highlight, wait

Examples:
  overhear rule add Staging -f host:api.example.com -D 'map-remote, to = \"https://staging.example.com\"'
  overhear rule add Outage -f path:/pay -s response -D 'set-status, status = 503' -D 'delay, ms = 3000'
  overhear rule add Hush -f body:secret -s message --sender client -D block
  overhear rule off 3
  overhear rule export -o rules.toml; overhear --rules rules.toml

Every filter looks at the message as it came. A body is held for up to 8 MiB; a larger one passes unchanged, and the
flow says so.";
