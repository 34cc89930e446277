//! Scripts: JavaScript files that are asked about each request and each response, for what rules cannot say.
//!
//! Each script has a QuickJS runtime on a thread of its own ([`worker`]), with a limit of time a call and a limit of memory, no
//! network, no files and no timers; whoever has a question sends it there and waits, never longer than [`worker`] says. What
//! goes wrong is an error of the flow that it went wrong for, which goes on as if there were no script. A version of
//! the file that cannot be used leaves the one before at work. Without a script no thread is there.

mod bytes;
mod console;
mod describe;
mod exchange;
mod runtime;
mod worker;

pub(crate) use console::Console;
pub use console::{ConsoleLine, Level};
pub use describe::types;
pub(crate) use exchange::{Asked, Edits, FlowInput, Hook, Input, Output, Sent, Start, Verdict};
pub(crate) use worker::Worker;

use overhear_store::{
    Timestamp,
    filter::{Filter, Matcher},
    rule::Stage,
};
use parking_lot::Mutex;
use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tokio::sync::watch;

/// A script to begin with.
pub const EXAMPLE: &str = include_str!("script/example.js");

/// What scripts may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How long a call may run.
    pub time: Duration,
    /// How much memory each script may have: bytes.
    pub memory: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            time: Duration::from_secs(1),
            memory: 128 << 20,
        }
    }
}

/// What is wrong with a script, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}{}", place(*.line, *.column))]
pub struct ScriptError {
    /// What is wrong.
    pub text: String,
    /// The line of the file, counted from 1; none when it is not known.
    pub line: Option<u32>,
    /// The column, counted from 1.
    pub column: Option<u32>,
}

fn place(line: Option<u32>, column: Option<u32>) -> String {
    match (line, column) {
        (Some(line), Some(column)) => format!(" (line {line}, column {column})"),
        (Some(line), None) => format!(" (line {line})"),
        _ => String::new(),
    }
}

impl From<String> for ScriptError {
    fn from(text: String) -> Self {
        Self {
            text,
            line: None,
            column: None,
        }
    }
}

/// Whether a script acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScriptState {
    /// The file as it is acts.
    Active,
    /// The file as it is cannot be used; the version before acts.
    Stale,
    /// It cannot be used, and nothing acts.
    Failed,
}

/// A script, as it is shown.
#[derive(Debug, Clone)]
pub struct ScriptInfo {
    /// The file.
    pub file: PathBuf,
    /// What it is called: the name of the file.
    pub name: String,
    /// Whether it acts.
    pub state: ScriptState,
    /// What is wrong with it.
    pub error: Option<ScriptError>,
    /// The names of the functions that are called.
    pub hooks: Vec<&'static str>,
    /// Which flows it is asked about; empty for all.
    pub filter: String,
    /// It is given bodies.
    pub bodies: bool,
    /// When the version that acts was read.
    pub read: Option<Timestamp>,
    /// How often it was called, since then.
    pub calls: u64,
    /// How many of these calls failed.
    pub failures: u64,
    /// How long they took together.
    pub time: Duration,
}

/// All scripts, in the order in which they act.
#[derive(Debug, Default)]
pub(crate) struct Scripts {
    entries: Mutex<Vec<Entry>>,
    limits: Mutex<Limits>,
    pub(crate) console: Arc<Console>,
}

#[derive(Debug)]
struct Entry {
    file: PathBuf,
    name: String,
    active: Option<Active>,
    error: Option<ScriptError>,
}

/// A script at work.
#[derive(Debug, Clone)]
pub(crate) struct Active {
    pub(crate) worker: Arc<Worker>,
    pub(crate) matcher: Matcher,
    filter: String,
    read: Timestamp,
}

impl Scripts {
    pub(crate) fn set_limits(&self, limits: Limits) {
        *self.limits.lock() = limits;
    }

    /// Reads a script, for the first time or again: `source` is its text, or why there is none.
    pub(crate) async fn load(
        &self,
        file: &Path,
        source: Result<String, String>,
    ) -> Result<(), ScriptError> {
        let name = name_of(file);
        let limits = *self.limits.lock();
        let made = match source {
            Ok(source) => start(&name, source, limits, &self.console).await,
            Err(why) => Err(why.into()),
        };
        let told = match &made {
            Ok(_) => Ok(()),
            Err(error) => {
                let text = format!("the script cannot be used: {error}");
                self.console.add(&name, Level::Error, &text, None);
                Err(error.clone())
            }
        };
        {
            let mut entries = self.entries.lock();
            let known = entries.iter_mut().find(|entry| entry.file == file);
            match (known, made) {
                (Some(entry), Ok(active)) => {
                    entry.active = Some(active);
                    entry.error = None;
                }
                (Some(entry), Err(error)) => entry.error = Some(error),
                (None, made) => {
                    let (active, error) = match made {
                        Ok(active) => (Some(active), None),
                        Err(error) => (None, Some(error)),
                    };
                    entries.push(Entry {
                        file: file.to_owned(),
                        name,
                        active,
                        error,
                    });
                }
            }
        }
        self.console.tell();
        told
    }

    /// Those that act, in order.
    pub(crate) fn active(&self) -> Vec<Active> {
        let entries = self.entries.lock();
        let active = entries.iter().filter_map(|entry| entry.active.clone());
        active.collect()
    }

    /// All of them, as they are shown.
    pub(crate) fn list(&self) -> Vec<ScriptInfo> {
        let entries = self.entries.lock();
        entries.iter().map(Entry::info).collect()
    }

    /// Changes whenever there is something new about them.
    pub(crate) fn changed(&self) -> watch::Receiver<u64> {
        self.console.changed()
    }
}

impl Entry {
    fn info(&self) -> ScriptInfo {
        let mut info = ScriptInfo {
            file: self.file.clone(),
            name: self.name.clone(),
            state: ScriptState::Failed,
            error: self.error.clone(),
            hooks: Vec::new(),
            filter: String::new(),
            bodies: true,
            read: None,
            calls: 0,
            failures: 0,
            time: Duration::ZERO,
        };
        let Some(active) = &self.active else {
            return info;
        };
        let worker = &active.worker;
        info.state = match (worker.broken(), &self.error) {
            (Some(broken), error) => {
                info.error = error.clone().or(Some(broken));
                ScriptState::Failed
            }
            (None, Some(_)) => ScriptState::Stale,
            (None, None) => ScriptState::Active,
        };
        info.hooks = worker.loaded.hooks().collect();
        info.filter.clone_from(&active.filter);
        info.bodies = worker.loaded.bodies;
        info.read = Some(active.read);
        (info.calls, info.failures, info.time) = worker.measures();
        info
    }
}

/// Looks whether a script could be used, without letting it act.
///
/// # Errors
/// What is wrong with it, and where.
pub async fn check_script(file: &Path, source: String) -> Result<Vec<&'static str>, ScriptError> {
    let console = Arc::new(Console::default());
    let active = start(&name_of(file), source, Limits::default(), &console).await?;
    Ok(active.worker.loaded.hooks().collect())
}

async fn start(
    name: &str,
    source: String,
    limits: Limits,
    console: &Arc<Console>,
) -> Result<Active, ScriptError> {
    let worker = Worker::start(name, source, limits, console.clone()).await?;
    let text = worker.loaded.filter.clone().unwrap_or_default();
    let wrong = |why: String| ScriptError::from(format!("the filter that it exports: {why}"));
    let filter = Filter::parse(&text).map_err(|error| wrong(error.to_string()))?;
    let stages = [
        (Hook::Request, Stage::Request),
        (Hook::Response, Stage::Response),
        (Hook::Message, Stage::Message),
    ];
    for (hook, stage) in stages {
        if worker.loaded.has(hook)
            && let Some(why) = filter.unknown_at(stage)
        {
            return Err(wrong(why));
        }
    }
    Ok(Active {
        worker: Arc::new(worker),
        matcher: filter.matcher(),
        filter: text,
        read: Timestamp::now(),
    })
}

/// What a script is called: the list of flows shows it, with commas between several.
fn name_of(file: &Path) -> String {
    let name = file.file_name().unwrap_or(file.as_os_str());
    let name = name.to_string_lossy();
    name.replace(|c: char| c == ',' || c.is_control(), "_")
}

#[cfg(test)]
mod tests;
