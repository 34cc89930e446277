//! What the program was told, for the page to show and change.
//!
//! Only the program reads the command line and the configuration file; here is what it and the API
//! agree upon. A secret is never among the values.

use serde::Serialize;
use serde_json::{Map, Value};
use std::path::PathBuf;
use utoipa::ToSchema;

/// Where settings are read and changed.
pub trait Desk: Send + Sync + 'static {
    /// All settings as they are now.
    fn read(&self) -> Settings;

    /// Saves these settings (null takes one out of the file), and applies what can be applied at once:
    /// all of them, or none.
    ///
    /// # Errors
    /// A value cannot be used, or the file cannot be written.
    fn change(&self, changes: &Map<String, Value>) -> Result<(), Refused>;
}

/// A host as flows name it (lower case, an IPv6 address without brackets); none when the text is no host.
pub fn host(text: &str) -> Option<String> {
    crate::api::host_name(text)
}

/// All settings.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Where they are saved; none, where there is no home folder.
    pub config_file: Option<PathBuf>,
    /// Each, in the order of the help.
    pub items: Vec<Setting>,
}

/// One setting.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Setting {
    /// Its name in the configuration file.
    #[schema(example = "insecure-upstream")]
    pub key: &'static str,
    /// Its name for a person.
    pub title: &'static str,
    /// What it does, as the command line's help says it.
    pub help: String,
    /// Its flag on the command line.
    #[schema(example = "--insecure-upstream")]
    pub flag: String,
    /// What sort of value it has.
    pub kind: Kind,
    /// What holds now: text, a list of texts, or a boolean; null for a secret.
    pub value: Value,
    /// What holds when nobody says anything; null where it depends on the machine, and for a secret.
    pub default: Value,
    /// What the configuration file says; null when it says nothing, and for a secret.
    pub saved: Value,
    /// Who said what holds now.
    pub source: Source,
    /// A change takes effect at once; otherwise at the next start.
    pub live: bool,
    /// The file says something, but a flag or an environment variable stands above it.
    pub overridden: bool,
    /// What is saved takes effect at the next start.
    pub pending: bool,
}

/// What sort of value a setting has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// One text.
    Text,
    /// Texts.
    List,
    /// Yes or no.
    Bool,
    /// A path on the machine that overhear runs on.
    File,
    /// A text that is never shown.
    Secret,
}

/// Who said what holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// The command line.
    Flag,
    /// An environment variable.
    Environment,
    /// The configuration file.
    File,
    /// Nobody.
    Default,
    /// A person in the page, for this run only.
    Page,
}

/// Why settings were not changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Whose value is wrong; none when it is about the file.
    pub key: Option<String>,
    /// Why, and what to do.
    pub reason: String,
}
