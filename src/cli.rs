//! What can be typed: every flag and subcommand, with help and examples.

mod read;

pub(crate) use read::Read;

mod capture;
mod intercept;
mod listening;
mod rule;
mod script;
mod sessions;
mod ways;

pub(crate) use capture::{Capture, Lines, Packets, Precision, Size, Unused, Way};

pub(crate) use intercept::{Edit as InterceptEdit, Intercept, InterceptCommand};
pub(crate) use listening::Listening;
pub(crate) use rule::{Rule, RuleCommand, RuleSender, RuleStage};
pub(crate) use script::{Script, ScriptCommand, Span};
pub(crate) use sessions::{CompareSessions, ComparedQuery, Sessions, SessionsCommand};
pub(crate) use ways::{Tls, Ways};

use crate::captures::Where;

use clap::{
    ArgMatches, Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum, ValueHint,
    builder::FalseyValueParser, error::ErrorKind, parser::ValueSource,
};
use clap_complete::Shell;
use overhear_proxy::Cidr;
use std::{collections::BTreeSet, net::SocketAddr, path::PathBuf, str::FromStr};

/// An intercepting HTTP/HTTPS debugging proxy: record, inspect, replay and export what a phone, a browser or a
/// program says
#[derive(Debug, Parser)]
#[command(name = "overhear", version, max_term_width = 100, after_help = EXAMPLES)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(flatten)]
    pub(crate) run: Run,
}

/// What every subcommand takes.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Global {
    /// Folder for recorded flows, the root certificate and its key
    #[arg(long, value_name = "DIR", global = true, env = "OVERHEAR_DATA", hide_env_values = true, value_hint = ValueHint::DirPath)]
    pub(crate) data: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Start the proxy and the page (what `overhear` alone does)
    Run(Box<Run>),
    /// List recorded flows
    Flows(Flows),
    /// Show one flow, whole
    Show(Show),
    /// Send flows' requests again, changed or as they were, once or many times
    Replay(Replay),
    /// Recordings: which there are, and two of them compared
    Sessions(Sessions),
    /// Take flows away in another format
    Export(Export),
    /// Bring flows in from HTTP Archives (HAR)
    Import(Import),
    /// Look into a capture file
    Read(Read),
    /// Record packets of an interface, or print them, as tcpdump does
    Capture(Box<Capture>),
    /// Capture for the program that calls this
    #[command(hide = true)]
    Packets(Packets),
    /// What is changed on its way: list, add and remove rules
    Rule(Rule),
    /// JavaScript that changes what passes: what it is given, and whether it can be used
    Script(Script),
    /// What waits at breakpoints: edit it, let it go, answer or drop it
    Intercept(Intercept),
    /// The root certificate: where it is, other forms of it, another one
    Ca(Ca),
    /// Print a completion script for a shell
    #[command(after_help = COMPLETIONS_EXAMPLES)]
    Completions {
        /// Which shell
        shell: Shell,
    },
}

/// Start the proxy and the page.
#[derive(Debug, Clone, Default, Args)]
#[command(after_help = RUN_EXAMPLES)]
pub(crate) struct Run {
    /// Where the proxy listens; may be repeated [default: port 8080 on all interfaces]
    #[arg(
        long,
        value_name = "ADDR:PORT",
        env = "OVERHEAR_LISTEN",
        hide_env_values = true,
        value_delimiter = ','
    )]
    pub(crate) listen: Vec<SocketAddr>,
    #[command(flatten)]
    pub(crate) listening: Listening,
    /// Where the page listens [default: 127.0.0.1:8081]
    #[arg(
        long,
        value_name = "ADDR:PORT",
        env = "OVERHEAR_WEB",
        hide_env_values = true
    )]
    pub(crate) web: Option<SocketAddr>,
    /// Devices that may use the proxy without being asked about, for example 192.168.0.0/16; may be repeated
    #[arg(
        long,
        value_name = "CIDR",
        env = "OVERHEAR_ALLOW",
        hide_env_values = true,
        value_delimiter = ','
    )]
    pub(crate) allow: Vec<Cidr>,
    #[command(flatten)]
    pub(crate) upstream: Upstream,
    #[command(flatten)]
    pub(crate) tls: Tls,
    /// Record packets of an interface, too, but those that the proxy records; of all ports but 80 and 443, or those that
    /// match an expression of pcap-filter(7); may be repeated
    #[arg(
        long,
        value_name = "IFACE[:EXPRESSION]",
        env = "OVERHEAR_CAPTURE",
        hide_env_values = true
    )]
    pub(crate) capture: Vec<Where>,
    /// Most that is kept of captured packets, the newest [default: 1GiB]
    #[arg(
        long,
        value_name = "SIZE",
        env = "OVERHEAR_CAPTURE_LIMIT",
        hide_env_values = true
    )]
    pub(crate) capture_limit: Option<Size>,
    /// File of rules (TOML), which act behind those of the page; it is read again when it changes
    #[arg(
        long,
        value_name = "FILE",
        env = "OVERHEAR_RULES",
        hide_env_values = true,
        value_hint = ValueHint::FilePath
    )]
    pub(crate) rules: Option<PathBuf>,
    /// Script (JavaScript) that changes what passes, behind all rules; it is read again when it changes; may be repeated, they act in
    /// this order
    #[arg(
        long,
        value_name = "FILE",
        env = "OVERHEAR_SCRIPT",
        hide_env_values = true,
        value_delimiter = ',',
        value_hint = ValueHint::FilePath
    )]
    pub(crate) script: Vec<PathBuf>,
    /// Most that a script may run for each message [default: 1s]
    #[arg(
        long,
        value_name = "TIME",
        env = "OVERHEAR_SCRIPT_TIME",
        hide_env_values = true
    )]
    pub(crate) script_time: Option<Span>,
    /// Most memory that each script may have [default: 128MiB]
    #[arg(
        long,
        value_name = "SIZE",
        env = "OVERHEAR_SCRIPT_MEMORY",
        hide_env_values = true
    )]
    pub(crate) script_memory: Option<Size>,
    /// Answer what no rule answers out of the recording: these flows ('session:3'), or all with ''
    #[arg(long, value_name = "FILTER")]
    pub(crate) replay_from: Option<String>,
    /// TLS secrets that decrypt captured connections: the file that SSLKEYLOGFILE names (RFC 9850) for a browser or curl,
    /// which grows while they run; may be repeated
    #[arg(
        long,
        value_name = "FILE",
        env = "OVERHEAR_CAPTURE_KEYLOG",
        hide_env_values = true,
        value_delimiter = ',',
        value_hint = ValueHint::FilePath
    )]
    pub(crate) capture_keylog: Vec<PathBuf>,
    /// Schemas of Protocol Buffers that gRPC messages are shown with: a file of protoc --descriptor_set_out with
    /// --include_imports; may be repeated
    #[arg(
        long,
        value_name = "FILE",
        env = "OVERHEAR_PROTO",
        hide_env_values = true,
        value_delimiter = ',',
        value_hint = ValueHint::FilePath
    )]
    pub(crate) proto: Vec<PathBuf>,
    /// Secret that opens the page [default: made once for the data folder]
    #[arg(
        long,
        value_name = "TOKEN",
        env = "OVERHEAR_TOKEN",
        hide_env_values = true
    )]
    pub(crate) token: Option<String>,
    /// Do not open the page in a browser
    #[arg(long, env = "OVERHEAR_NO_OPEN", hide_env_values = true, value_parser = FalseyValueParser::new())]
    pub(crate) no_open: bool,
    /// Print the QR code for a phone even when the output is not a terminal
    #[arg(long, env = "OVERHEAR_QR", hide_env_values = true, value_parser = FalseyValueParser::new())]
    pub(crate) qr: bool,
    /// Who said what, by flag.
    #[arg(skip)]
    pub(crate) said: Said,
}

/// What was said on the command line and by environment variables: names of flags.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) typed: BTreeSet<String>,
    pub(crate) variables: BTreeSet<String>,
}

impl Said {
    fn of(matches: &ArgMatches) -> Self {
        let run = matches.subcommand_matches("run").unwrap_or(matches);
        let mut said = Self::default();
        for arg in settings().get_arguments() {
            let id = arg.get_id().as_str();
            let flag = arg.get_long().unwrap_or_default().to_owned();
            // the data folder may stand before and after the subcommand
            for source in
                [matches, run].map(|m| m.try_contains_id(id).ok().and_then(|_| m.value_source(id)))
            {
                match source {
                    Some(ValueSource::CommandLine) => drop(said.typed.insert(flag.clone())),
                    Some(ValueSource::EnvVariable) => drop(said.variables.insert(flag.clone())),
                    _ => {}
                }
            }
        }
        said
    }
}

/// Every flag that is a setting of the program that runs: those of `run`, and the data folder.
pub(crate) fn settings() -> clap::Command {
    Global::augment_args(Run::augment_args(clap::Command::new("run"))).disable_help_flag(true)
}

/// How servers are trusted.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Upstream {
    /// Accept any certificate from HOST, or from every server; may be repeated
    #[arg(long, value_name = "HOST", env = "OVERHEAR_INSECURE_UPSTREAM", hide_env_values = true, num_args = 0..=1, require_equals = true, default_missing_value = "*", value_delimiter = ',')]
    pub(crate) insecure_upstream: Vec<String>,
    /// Trust servers whose certificates these authorities signed, too (PEM); may be repeated
    #[arg(long, value_name = "FILE", env = "OVERHEAR_UPSTREAM_CA", hide_env_values = true, value_delimiter = ',', value_hint = ValueHint::FilePath)]
    pub(crate) upstream_ca: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) ways: Ways,
}

#[derive(Debug, Args)]
#[command(after_help = FLOWS_EXAMPLES)]
pub(crate) struct Flows {
    /// Only flows that match
    pub(crate) filter: Option<String>,
    /// One JSON object a line, with the field names of the API
    #[arg(long)]
    pub(crate) json: bool,
    /// Only the last N
    #[arg(short = 'n', long = "last", value_name = "N")]
    pub(crate) last: Option<u64>,
    /// Only flows of a session: its number, its name, or current
    #[arg(long, value_name = "NAME|N|current")]
    pub(crate) session: Option<SessionName>,
    /// Go on with each new flow as it ends, until Ctrl-C
    #[arg(short, long)]
    pub(crate) follow: bool,
}

/// A session, as it is named on the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SessionName {
    /// The one that is recorded into.
    Current,
    /// The one with this number.
    Number(i64),
    /// The one that a person named so.
    Named(String),
}

impl FromStr for SessionName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.trim() {
            "" => Err("a session is named by its number, its name, or current".to_owned()),
            "current" => Ok(Self::Current),
            name => Ok(match name.parse() {
                Ok(number) => Self::Number(number),
                Err(_) => Self::Named(name.to_owned()),
            }),
        }
    }
}

#[derive(Debug, Args)]
#[command(after_help = SHOW_EXAMPLES)]
pub(crate) struct Show {
    /// The flow's number, as `overhear flows` prints it
    pub(crate) id: i64,
    /// One JSON object, as the API's
    #[arg(long, conflicts_with_all = ["raw", "body"])]
    pub(crate) json: bool,
    /// The bytes as they were recorded, and nothing else
    #[arg(long, conflicts_with = "body")]
    pub(crate) raw: bool,
    /// Only what the client sent
    #[arg(long)]
    pub(crate) request: bool,
    /// Only what the server sent
    #[arg(long, conflicts_with = "request")]
    pub(crate) response: bool,
    /// Only the body (of the response, unless --request), byte for byte
    #[arg(long)]
    pub(crate) body: bool,
    /// With --body: remove the content coding (gzip, deflate, br, zstd)
    #[arg(long, requires = "body")]
    pub(crate) decoded: bool,
}

#[derive(Debug, Args)]
#[command(after_help = REPLAY_EXAMPLES)]
pub(crate) struct Replay {
    /// The flows whose requests are sent again, one after another
    #[arg(value_name = "ID", required = true)]
    pub(crate) ids: Vec<i64>,
    /// Another method
    #[arg(short = 'X', long, value_name = "METHOD")]
    pub(crate) method: Option<String>,
    /// Another URL
    #[arg(long, value_name = "URL", value_hint = ValueHint::Url)]
    pub(crate) url: Option<String>,
    /// Set a header field ('Name: value') or remove it ('Name:'); may be repeated
    #[arg(short = 'H', long = "header", value_name = "FIELD")]
    pub(crate) headers: Vec<String>,
    /// Another body: text, @FILE, or @- for standard input
    #[arg(short = 'd', long, value_name = "TEXT|@FILE")]
    pub(crate) body: Option<String>,
    /// The HTTP version; a server that does not speak it is a failure [default: as recorded, HTTP/2 if the server likes]
    #[arg(long, value_name = "VERSION", value_enum)]
    pub(crate) http: Option<HttpVersion>,
    /// Go where the response redirects, 20 times at most; each hop is a flow
    #[arg(short = 'L', long)]
    pub(crate) follow_redirects: bool,
    /// Send all of it N times, and print how that went: 10,000 sends at most
    #[arg(short = 'n', long, value_name = "N", default_value_t = 1)]
    pub(crate) times: u32,
    /// Of those N times, so many beside each other: 64 at most
    #[arg(short = 'c', long, value_name = "C", default_value_t = 1)]
    pub(crate) concurrency: u32,
    /// In a WebSocket: send the messages that its client sent, in order
    #[arg(long)]
    pub(crate) messages: bool,
    /// Keep a WebSocket open for so many seconds after the last message [default: 5]
    #[arg(long, value_name = "SECONDS")]
    pub(crate) listen: Option<f64>,
    /// Print the new flow, or how many of them went, as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) upstream: Upstream,
}

/// An HTTP version that can be chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum HttpVersion {
    /// HTTP/1.1
    #[value(name = "1.1")]
    Http11,
    /// HTTP/2: over TLS by ALPN, without TLS by prior knowledge
    #[value(name = "2")]
    Http2,
}

#[derive(Debug, Args)]
#[command(after_help = EXPORT_EXAMPLES)]
pub(crate) struct Export {
    /// Only flows that match
    pub(crate) filter: Option<String>,
    /// The format
    #[arg(short, long, value_enum)]
    pub(crate) format: ExportFormat,
    /// Where to write [default: standard output]
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) output: Option<PathBuf>,
    /// Only flows of a session: its number, its name, or current
    #[arg(long, value_name = "NAME|N|current")]
    pub(crate) session: Option<SessionName>,
    /// Only these flows
    #[arg(long = "id", value_name = "ID", value_delimiter = ',')]
    pub(crate) ids: Vec<i64>,
    /// In captures: keep the ports of TLS connections, which are written as 80 so that Wireshark shows HTTP
    #[arg(long)]
    pub(crate) keep_tls_port: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportFormat {
    /// Capture for Wireshark, with comments and names
    Pcapng,
    /// Capture in the older format
    Pcap,
    /// HTTP Archive 1.2
    Har,
    /// One curl command a flow
    Curl,
    /// One call of fetch a flow, as a JavaScript module
    Fetch,
    /// One call of Python's requests a flow
    Python,
    /// Heads and bodies, one after the other
    Raw,
    /// One JSON object a line, with bodies
    Jsonl,
}

#[derive(Debug, Args)]
#[command(after_help = IMPORT_EXAMPLES)]
pub(crate) struct Import {
    /// HAR 1.2, as browsers, Charles, Fiddler and `overhear export` write it, or a packet capture
    #[arg(value_name = "FILE", required = true, value_hint = ValueHint::FilePath)]
    pub(crate) files: Vec<PathBuf>,
    /// TLS secrets that decrypt a capture's connections: what a browser or curl writes into the file that
    /// SSLKEYLOGFILE names (RFC 9850). A pcapng file may hold them itself
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) keylog: Vec<PathBuf>,
    /// Print what became of each file as one JSON object a line
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = CA_EXAMPLES)]
pub(crate) struct Ca {
    #[command(subcommand)]
    pub(crate) command: CaCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CaCommand {
    /// Print the path of the root certificate (PEM); make it if there is none
    #[command(after_help = CA_PATH_EXAMPLES)]
    Path,
    /// Write the root certificate in the form that a device takes
    #[command(after_help = CA_EXPORT_EXAMPLES)]
    Export {
        /// The form
        #[arg(short, long, value_enum, default_value = "pem")]
        format: CaFormat,
        /// Where to write [default: standard output]
        #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        output: Option<PathBuf>,
        /// What PKCS#12 is sealed with [default: overhear]
        #[arg(long, value_name = "PASSWORD")]
        password: Option<String>,
        /// Put the private key into the PKCS#12, too (with a --password of its own)
        #[arg(long, requires = "password")]
        with_key: bool,
    },
    /// Use a root that exists elsewhere, for example mitmproxy's
    #[command(after_help = CA_IMPORT_EXAMPLES)]
    Import {
        /// Certificate in PEM (with its key, or with --key), DER or PKCS#12
        #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
        certificate: PathBuf,
        /// Its private key, when that is in a file of its own
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        key: Option<PathBuf>,
        /// What the PKCS#12 file is sealed with
        #[arg(long, value_name = "PASSWORD")]
        password: Option<String>,
    },
    /// Make a new root; the old one is kept beside it
    #[command(after_help = CA_ROTATE_EXAMPLES)]
    Rotate,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum CaFormat {
    /// Text, for most programs
    Pem,
    /// Binary, for Android and Windows
    Der,
    /// PKCS#12, for Java and keychains
    P12,
    /// Apple configuration profile, for iOS and macOS
    Mobileconfig,
}

const EXAMPLES: &str = "\
Examples:
  overhear                                     start, on port 8080 and with the page on port 8081
  overhear flows 'host:example.com status:>=400'
  overhear show 12
  overhear export -f pcapng -o phone.pcapng 'client:192.168.1.20'

The configuration file is config.toml in the platform's configuration folder; its keys are
the names of the flags above. A flag wins over an environment variable, which wins over the
file.";

const RUN_EXAMPLES: &str = "\
Examples:
  overhear run --listen 127.0.0.1:8080         for programs on this machine only
  overhear run --mode reverse:https://api.example.com@127.0.0.1:9000
  overhear run --allow 192.168.0.0/16          every device in the home network may use it
  overhear run --insecure-upstream=dev.local   accept the self-signed certificate of one server
  overhear run --upstream http://proxy.corp:3128 --upstream '*.corp=direct'
  overhear run --tls '*.bank.example=pass' --tls ads.example=block
  overhear run --map-host api.example.com=127.0.0.1:3000
  overhear run --data ./recording --no-open";

const FLOWS_EXAMPLES: &str = "\
Examples:
  overhear flows
  overhear flows -n 20 'host:*.example.com (status:>=500 or error:*)'
  overhear flows --json 'method:POST' | jq .url
  overhear flows --follow -n 0";

const SHOW_EXAMPLES: &str = "\
Examples:
  overhear show 12
  overhear show 12 --response --body --decoded | jq .
  overhear show 12 --request --raw > request.bin";

const REPLAY_EXAMPLES: &str = "\
Examples:
  overhear replay 12
  overhear replay 12 --method PUT --header 'Content-Type: application/json' --body '{\"a\": 1}'
  overhear replay 12 --url https://staging.example.com/v2/items --body @item.json
  overhear replay 12 --times 500 --concurrency 20       how long it takes, and how it ends
  overhear replay 12 15 18 --follow-redirects           three requests, one after another
  overhear replay 31 --messages --listen 2              a WebSocket, with what its client said

The request goes through the running proxy of the data folder, or is sent directly when
none runs; either way it is recorded.";

const EXPORT_EXAMPLES: &str = "\
Examples:
  overhear export -f pcapng -o all.pcapng
  overhear export -f har -o shop.har 'host:shop.example.com'
  overhear export -f har -o login.har --session 'A login'
  overhear export -f curl --id 12,15";

const IMPORT_EXAMPLES: &str = "\
Examples:
  overhear import shop.har
  overhear import ~/Downloads/*.har
  overhear import --keylog keys.log trace.pcapng

Each file becomes a session of its own. A HAR that cannot be read to its end leaves nothing
behind; single entries that make no flow are left out and told.";

const CA_EXAMPLES: &str = "\
Examples:
  curl --cacert \"$(overhear ca path)\" --proxy http://localhost:8080 https://example.com/
  overhear ca export -f mobileconfig -o overhear.mobileconfig
  overhear ca import ~/.mitmproxy/mitmproxy-ca.pem";

const CA_PATH_EXAMPLES: &str = "\
Examples:
  overhear ca path
  curl --cacert \"$(overhear ca path)\" --proxy http://localhost:8080 https://example.com/
  export NODE_EXTRA_CA_CERTS=\"$(overhear ca path)\"";

const CA_EXPORT_EXAMPLES: &str = "\
Examples:
  overhear ca export -f mobileconfig -o overhear.mobileconfig    for an iPhone, an iPad or a Mac
  overhear ca export -f der -o overhear.cer                      for Android and Windows
  overhear ca export -f p12 -o overhear.p12                      for Java's keytool
  overhear ca export -f p12 --with-key --password 'my secret' -o with-key.p12
  overhear ca export | openssl x509 -noout -text";

const CA_IMPORT_EXAMPLES: &str = "\
Examples:
  overhear ca import ~/.mitmproxy/mitmproxy-ca.pem
  overhear ca import root.crt --key root.key
  overhear ca import charles.p12 --password 'its password'

The root that was used before is kept beside it. A running proxy takes the new one at its
next start.";

const CA_ROTATE_EXAMPLES: &str = "\
Examples:
  overhear ca rotate
  overhear ca rotate && overhear ca export -f mobileconfig -o overhear.mobileconfig

Devices that trusted the old root must be given the new one. A running proxy takes it at its
next start.";

const COMPLETIONS_EXAMPLES: &str = "\
Examples:
  overhear completions bash > ~/.local/share/bash-completion/completions/overhear
  overhear completions zsh > \"${fpath[1]}/_overhear\"
  overhear completions fish > ~/.config/fish/completions/overhear.fish";

/// Reads the command line; ends the program with status 2 and the reason when it cannot be read.
pub(crate) fn parse() -> Cli {
    parse_from(std::env::args_os()).unwrap_or_else(|error| error.exit())
}

fn parse_from<T>(arguments: impl IntoIterator<Item = T>) -> Result<Cli, clap::Error>
where
    T: Into<std::ffi::OsString> + Clone,
{
    let mut command = Cli::command();
    let matches = command.try_get_matches_from_mut(arguments)?;
    // flags of `run` may stand alone, but not before another subcommand, where they would do nothing
    if let Some(name) = matches.subcommand_name() {
        let run = Run::augment_args(clap::Command::new("run"));
        let typed = |id: &str| matches.value_source(id) == Some(ValueSource::CommandLine);
        if let Some(flag) = run.get_arguments().find(|a| typed(a.get_id().as_str())) {
            let flag = flag.get_long().unwrap_or_default();
            let advice = match name {
                "run" => format!("write it after the subcommand: overhear run --{flag}"),
                _ => format!("it belongs to `overhear run`, not to `overhear {name}`"),
            };
            let text = format!("--{flag} cannot stand before a subcommand; {advice}");
            return Err(command.error(ErrorKind::ArgumentConflict, text));
        }
    }
    let mut cli = Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut command))?;
    let said = Said::of(&matches);
    match &mut cli.command {
        Some(Command::Run(run)) => run.said = said,
        _ => cli.run.said = said,
    }
    Ok(cli)
}

#[cfg(test)]
mod tests;
