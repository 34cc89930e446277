//! Rules as a file that a person can read and write: TOML, a `[[rule]]` each.

use super::{Rule, RuleError};
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;

/// A file of rules.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    rule: Vec<Rule>,
}

/// Why a file of rules cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// It cannot be read: where, and why.
    #[error("the rules cannot be read: {0}")]
    Toml(String),
    /// One of its rules cannot be used.
    #[error("rule {number} ({name:?}): {error}")]
    Rule {
        /// Which, from 1.
        number: usize,
        /// What it is called.
        name: String,
        /// Why.
        error: RuleError,
    },
}

/// Reads a file's text; its rules are checked as far as [`Rule::check`] does.
///
/// # Errors
/// [`FileError`]: nothing of it is used.
pub fn from_toml(text: &str) -> Result<Vec<Rule>, FileError> {
    let file: File = toml::from_str(text)
        .map_err(|error| FileError::Toml(error.to_string().trim().to_owned()))?;
    for (number, rule) in (1..).zip(&file.rule) {
        rule.check().map_err(|error| FileError::Rule {
            number,
            name: rule.name.clone(),
            error,
        })?;
    }
    Ok(file.rule)
}

/// Writes rules so that a person can read them: an action a line.
pub fn to_toml(rules: &[Rule]) -> String {
    let mut text = String::from(
        "# Rules of overhear, in the order in which they act.\n# Actions and filters: `overhear rule --help`.\n",
    );
    add_toml(&mut text, rules);
    text
}

/// Writes more rules behind others.
pub fn add_toml(text: &mut String, rules: &[Rule]) {
    for rule in rules {
        text.push_str("\n[[rule]]\n");
        let mut line = |key: &str, value: &str| {
            let value = toml::Value::String(value.to_owned());
            // writing into a String does not fail
            let _ = writeln!(text, "{key} = {value}");
        };
        line("name", &rule.name);
        if !rule.group.is_empty() {
            line("group", &rule.group);
        }
        if !rule.filter.is_empty() {
            line("filter", &rule.filter);
        }
        line("stage", rule.stage.name());
        if let Some(sender) = rule.sender {
            line("sender", sender.name());
        }
        if !rule.on {
            text.push_str("on = false\n");
        }
        text.push_str("actions = [\n");
        for action in &rule.actions {
            let Ok(value) = toml::Value::try_from(action) else {
                // null, which TOML does not have
                continue;
            };
            let _ = writeln!(text, "  {},", inline(&value));
        }
        text.push_str("]\n");
    }
}

/// A value on one line, `do` first.
fn inline(value: &toml::Value) -> String {
    match value {
        toml::Value::Table(table) => {
            let mut parts: Vec<_> = table.iter().collect();
            parts.sort_by_key(|(key, _)| key.as_str() != "do");
            let key = |key: &str| {
                let bare = |b: u8| b.is_ascii_alphanumeric() || b"-_".contains(&b);
                match !key.is_empty() && key.bytes().all(bare) {
                    true => key.to_owned(),
                    false => quoted(key),
                }
            };
            let parts = parts
                .iter()
                .map(|(k, v)| format!("{} = {}", key(k), inline(v)));
            format!("{{ {} }}", parts.collect::<Vec<_>>().join(", "))
        }
        toml::Value::Array(items) => {
            let items: Vec<_> = items.iter().map(inline).collect();
            format!("[{}]", items.join(", "))
        }
        // on one line, too
        toml::Value::String(text) if text.contains('\n') => quoted(text),
        value => value.to_string(),
    }
}

/// A basic string of TOML, which is written as JSON writes its own but for one character, and stays on its line.
fn quoted(text: &str) -> String {
    let quoted = serde_json::to_string(text).unwrap_or_default();
    quoted.replace('\u{7f}', "\\u007f")
}
