//! What scripts say: their `console`, and what goes wrong with them. The newest lines, as many as have room.

use overhear_store::{FlowId, Timestamp};
use parking_lot::Mutex;
use std::collections::VecDeque;
use tokio::sync::watch;

/// The most lines that are kept.
const MOST_LINES: usize = 1000;
/// The most of a line that is kept: bytes.
const MOST_BYTES: usize = 4096;

/// How much a line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "as the console's methods are named")]
pub enum Level {
    Debug,
    Log,
    Info,
    Warn,
    Error,
}

impl Level {
    /// Its name, as the console's method.
    pub fn name(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Log => "log",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }

    pub(super) fn named(name: &str) -> Self {
        let all = [Self::Debug, Self::Info, Self::Warn, Self::Error];
        let known = all.into_iter().find(|level| level.name() == name);
        known.unwrap_or(Self::Log)
    }
}

/// A line of the console.
#[derive(Debug, Clone)]
pub struct ConsoleLine {
    /// Counts up from 1 in each run.
    pub id: u64,
    /// When it was said.
    pub at: Timestamp,
    /// The script's name.
    pub script: String,
    /// How much it matters.
    pub level: Level,
    /// What was said; at most 4 KiB.
    pub text: String,
    /// The flow that it was said about.
    pub flow: Option<FlowId>,
}

/// What scripts have said.
#[derive(Debug)]
pub(crate) struct Console {
    lines: Mutex<Lines>,
    changed: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Lines {
    last: u64,
    kept: VecDeque<ConsoleLine>,
}

impl Default for Console {
    fn default() -> Self {
        Self {
            lines: Mutex::default(),
            changed: watch::Sender::new(0),
        }
    }
}

impl Console {
    pub(super) fn add(&self, script: &str, level: Level, text: &str, flow: Option<FlowId>) {
        let end = text.floor_char_boundary(MOST_BYTES);
        let mut shown = text.get(..end).unwrap_or_default().to_owned();
        if end < text.len() {
            shown.push('…');
        }
        {
            let mut lines = self.lines.lock();
            lines.last += 1;
            let id = lines.last;
            if lines.kept.len() >= MOST_LINES {
                lines.kept.pop_front();
            }
            lines.kept.push_back(ConsoleLine {
                id,
                at: Timestamp::now(),
                script: script.to_owned(),
                level,
                text: shown,
                flow,
            });
        }
        self.tell();
    }

    /// The lines behind one, oldest first.
    pub(crate) fn after(&self, id: u64) -> Vec<ConsoleLine> {
        let lines = self.lines.lock();
        let new = lines.kept.iter().filter(|line| line.id > id);
        new.cloned().collect()
    }

    pub(crate) fn clear(&self) {
        self.lines.lock().kept.clear();
        self.tell();
    }

    pub(super) fn tell(&self) {
        self.changed.send_modify(|count| *count += 1);
    }

    /// Changes whenever there is something new about scripts.
    pub(crate) fn changed(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_lines_are_kept_and_long_ones_are_cut() {
        let console = Console::default();
        for number in 0..=MOST_LINES {
            console.add("a.js", Level::Log, &number.to_string(), None);
        }
        let lines = console.after(0);
        assert_eq!(lines.len(), MOST_LINES);
        assert_eq!(lines.first().map(|line| line.text.as_str()), Some("1"));
        let last = lines.last().map_or(0, |line| line.id);
        console.add("a.js", Level::named("warn"), &"ä".repeat(MOST_BYTES), None);
        let new = console.after(last);
        assert_eq!(new.len(), 1);
        assert!(new.iter().all(|line| line.level == Level::Warn
            && line.text.len() == MOST_BYTES + '…'.len_utf8()
            && line.text.ends_with("ä…")));
        console.clear();
        assert!(console.after(0).is_empty());
    }
}
