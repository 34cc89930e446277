//! Each setting: its names, its help, and the check of its values, which is the command line's.

use crate::{
    cli, command,
    config::{self, File},
};
use overhear_webui::settings::{Kind, host};
use serde_json::{Value, json};
use std::path::Path;

/// A setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Row {
    /// The flag's name without its dashes, and the key in the file.
    pub(super) key: &'static str,
    pub(super) title: &'static str,
    pub(super) kind: Kind,
    /// A change can be applied at once.
    pub(super) live: bool,
}

/// Every setting, in the order in which people look for them.
pub(super) const ROWS: [Row; 28] = [
    row("listen", "The proxy listens on", Kind::List, false),
    row(
        "mode",
        "Other ports, and what they are for",
        Kind::List,
        false,
    ),
    row(
        "allow",
        "Devices admitted without a question",
        Kind::List,
        true,
    ),
    row(
        "proxy-user",
        "User and password that clients have to give",
        Kind::Text,
        true,
    ),
    row(
        "insecure-upstream",
        "Servers whose certificates are not verified",
        Kind::List,
        true,
    ),
    row(
        "upstream-ca",
        "More authorities that servers are trusted by",
        Kind::List,
        true,
    ),
    row(
        "upstream",
        "Proxies that servers are reached through",
        Kind::List,
        true,
    ),
    row(
        "map-host",
        "Hosts that are somewhere else",
        Kind::List,
        true,
    ),
    row(
        "client-cert",
        "Certificates for servers that ask who we are",
        Kind::List,
        true,
    ),
    row("tls-min", "Oldest TLS with servers", Kind::Text, true),
    row("key-log", "TLS secrets are written to", Kind::File, false),
    row(
        "ask-client-cert",
        "Ask clients for their certificates",
        Kind::Bool,
        false,
    ),
    row("tls", "TLS by host", Kind::List, true),
    row(
        "pass-pinned",
        "Hosts whose apps pin pass through",
        Kind::Bool,
        true,
    ),
    row("bind", "Connections are made from", Kind::Text, true),
    row(
        "capture",
        "Interfaces that packets are captured on",
        Kind::List,
        false,
    ),
    row(
        "capture-limit",
        "Most that is kept of captured packets",
        Kind::Text,
        false,
    ),
    row("rules", "File of rules", Kind::File, false),
    row("script", "Scripts", Kind::List, false),
    row(
        "script-time",
        "Most that a script may run for each message",
        Kind::Text,
        false,
    ),
    row(
        "script-memory",
        "Most memory of a script",
        Kind::Text,
        false,
    ),
    row(
        "capture-keylog",
        "Key logs that decrypt captured TLS",
        Kind::List,
        false,
    ),
    row("proto", "Schemas of gRPC messages", Kind::List, true),
    row("web", "The page listens on", Kind::Text, false),
    row("token", "Secret that opens the page", Kind::Secret, false),
    row(
        "no-open",
        "Do not open the page at the start",
        Kind::Bool,
        false,
    ),
    row("qr", "QR code without a terminal, too", Kind::Bool, false),
    row("data", "Data folder", Kind::File, false),
];

const fn row(key: &'static str, title: &'static str, kind: Kind, live: bool) -> Row {
    Row {
        key,
        title,
        kind,
        live,
    }
}

impl Row {
    /// What it does, in the words of `overhear run --help`.
    pub(super) fn help(&self) -> String {
        let command = cli::settings();
        let mut arguments = command.get_arguments();
        let argument = arguments.find(|argument| argument.get_long() == Some(self.key));
        let help = argument.and_then(|argument| argument.get_help());
        help.map(ToString::to_string).unwrap_or_default()
    }

    /// What holds when nobody says anything.
    pub(super) fn default(&self) -> Value {
        match self.key {
            "listen" => command::usual_listen()
                .iter()
                .map(ToString::to_string)
                .collect(),
            "web" => json!(config::WEB.to_string()),
            "tls-min" => json!("1.2"),
            "capture-limit" => json!("1GiB"),
            "script-time" => json!("1s"),
            "script-memory" => json!("128MiB"),
            "data" => File::default()
                .data(&cli::Global::default())
                .map_or(Value::Null, |data| json!(data.display().to_string())),
            _ => match self.kind {
                Kind::List => json!([]),
                Kind::Bool => json!(false),
                Kind::Text | Kind::File | Kind::Secret => Value::Null,
            },
        }
    }

    /// A value that can be saved: null, a boolean, a text, or a list of texts.
    pub(super) fn checked(&self, value: &Value) -> Result<Value, String> {
        let texts = match (self.kind, value) {
            (_, Value::Null) => return Ok(Value::Null),
            (Kind::Bool, Value::Bool(_)) => return Ok(value.clone()),
            (Kind::Bool, _) => return Err("write true or false".to_owned()),
            (Kind::List, Value::Array(items)) => {
                let text = |item: &Value| item.as_str().map(|text| text.trim().to_owned());
                let texts: Option<Vec<_>> = items.iter().map(text).collect();
                texts.ok_or("write a list of texts")?
            }
            (Kind::List, Value::String(text)) => {
                text.split(',').map(|text| text.trim().to_owned()).collect()
            }
            (Kind::List, _) => return Err("write a list of texts".to_owned()),
            (Kind::Text | Kind::File | Kind::Secret, Value::String(text)) => {
                vec![text.trim().to_owned()]
            }
            (Kind::Text | Kind::File | Kind::Secret, _) => return Err("write a text".to_owned()),
        };
        if texts.is_empty() {
            return Ok(Value::Null);
        }
        let texts: Vec<_> = texts
            .into_iter()
            .map(|text| self.text(text))
            .collect::<Result<_, _>>()?;
        self.as_if_typed(&texts)?;
        match self.kind {
            Kind::List => Ok(json!(texts)),
            _ => Ok(texts.into_iter().next().map_or(Value::Null, Value::String)),
        }
    }

    /// One text, as far as the command line leaves it to others to look.
    fn text(&self, text: String) -> Result<String, String> {
        if text.is_empty() {
            return Err("a text is empty".to_owned());
        }
        // what the command line takes for two values
        if self.kind == Kind::List && text.contains(',') {
            return Err(format!("{text:?} holds a comma"));
        }
        match self.key {
            "insecure-upstream" if text != "*" => {
                host(&text).ok_or_else(|| format!("{text:?} is not a host name or an IP address"))
            }
            "data" | "upstream-ca" | "key-log" | "rules" | "script" | "capture-keylog"
            | "proto"
                if !Path::new(&text).is_absolute() =>
            {
                Err(format!(
                    "{text:?} is not a whole path: write it from the root of the file system on"
                ))
            }
            _ => Ok(text),
        }
    }

    /// Whether the command line takes these values.
    fn as_if_typed(&self, texts: &[String]) -> Result<(), String> {
        // without the variables of this run, which were read once
        let command = cli::settings()
            .mut_args(|argument| argument.env(None))
            .no_binary_name(true);
        let arguments = texts.iter().map(|text| format!("--{}={text}", self.key));
        let matches = command.try_get_matches_from(arguments);
        matches.map(drop).map_err(|error| {
            let text = error.to_string();
            let first = text.lines().next().unwrap_or_default();
            first.strip_prefix("error: ").unwrap_or(first).to_owned()
        })
    }
}
