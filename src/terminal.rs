//! What is written for a person: to a terminal or not, how wide, in which colours, at which local time.

use std::{
    borrow::Cow,
    io::{self, IsTerminal, Write},
    sync::OnceLock,
};
use time::{OffsetDateTime, UtcOffset};

static OFFSET: OnceLock<UtcOffset> = OnceLock::new();

/// What could not be done when lines cannot be printed.
pub(crate) const STANDARD_OUTPUT: &str = "cannot write to standard output";

/// Learns the local time zone. It can be asked for safely only before there are threads.
pub(crate) fn remember_local_time() {
    let _ = OFFSET.set(UtcOffset::current_local_offset().unwrap_or(UtcOffset::UTC));
}

/// A moment (nanoseconds since the Unix epoch) in local time.
pub(crate) fn local(nanoseconds: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(nanoseconds))
        .unwrap_or(OffsetDateTime::UNIX_EPOCH)
        .to_offset(OFFSET.get().copied().unwrap_or(UtcOffset::UTC))
}

/// Writes a line to standard error; whether anyone reads it does not matter.
pub(crate) fn tell(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// How standard output is to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Style {
    /// A person reads it on a terminal.
    pub(crate) terminal: bool,
    /// Colours are wanted: on a terminal, unless `NO_COLOR` is set (no-color.org).
    pub(crate) colours: bool,
    /// Columns of the terminal; without one, lines are not cut.
    pub(crate) width: Option<usize>,
}

impl Style {
    /// For standard output as it is.
    pub(crate) fn of_stdout() -> Self {
        let terminal = io::stdout().is_terminal();
        let no_colour = std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|v| v == "dumb");
        let width = terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
        Self {
            terminal,
            colours: terminal && !no_colour && !dumb,
            width: if terminal {
                Some(width.unwrap_or(80))
            } else {
                None
            },
        }
    }

    /// `text` in a colour or attribute (SGR parameters of ECMA-48), where colours are wanted.
    pub(crate) fn paint<'a>(&self, sgr: &str, text: &'a str) -> Cow<'a, str> {
        if self.colours {
            Cow::Owned(format!("\x1b[{sgr}m{text}\x1b[0m"))
        } else {
            Cow::Borrowed(text)
        }
    }
}

/// Text from the network made safe for a terminal: control characters, which could move the cursor or worse,
/// become U+FFFD. Line feeds and tabs stay when `lines`.
pub(crate) fn harmless(text: &str, lines: bool) -> Cow<'_, str> {
    let keep = |c: char| lines && matches!(c, '\n' | '\t');
    // the bidirectional overrides make text look like other text
    let bad = |c: char| {
        (c.is_control() && !keep(c))
            || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if text.chars().any(bad) {
        Cow::Owned(
            text.chars()
                .map(|c| if bad(c) { '\u{fffd}' } else { c })
                .collect(),
        )
    } else {
        Cow::Borrowed(text)
    }
}

/// Bytes for a person: `987 B`, `12.3 KiB`, `4.5 GiB`.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64 / 1024.0;
    let mut units = UNITS.iter().peekable();
    while let Some(unit) = units.next() {
        if value < 1023.95 || units.peek().is_none() {
            return format!("{value:.1} {unit}");
        }
        value /= 1024.0;
    }
    format!("{bytes} B")
}

/// Milliseconds for a person: `0.8 ms`, `123 ms`, `4.56 s`, `3 m 20 s`, `5 h 01 m`, `12 d 07 h`.
pub(crate) fn duration(ms: f64) -> String {
    match ms {
        ms if ms < 9.95 => format!("{ms:.1} ms"),
        ms if ms < 999.5 => format!("{ms:.0} ms"),
        ms if ms < 99_995.0 => format!("{:.2} s", ms / 1e3),
        ms => {
            let seconds = (ms / 1e3).round() as u64;
            match (seconds / 3600, seconds / 86_400) {
                (0, _) => format!("{} m {:02} s", seconds / 60, seconds % 60),
                (hours, 0) => format!("{hours} h {:02} m", seconds / 60 % 60),
                (hours, days) => format!("{days} d {:02} h", hours % 24),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_durations_are_short() {
        let sizes = [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (12_600, "12.3 KiB"),
        ];
        for (bytes, text) in sizes {
            assert_eq!(size(bytes), text);
        }
        assert_eq!(size(1024 * 1024 - 1), "1.0 MiB");
        assert_eq!(size(u64::MAX), "16777216.0 TiB");
        let times = [
            (0.04, "0.0 ms"),
            (9.94, "9.9 ms"),
            (123.4, "123 ms"),
            (4560.0, "4.56 s"),
        ];
        for (ms, text) in times {
            assert_eq!(duration(ms), text);
        }
        assert_eq!(duration(200_000.0), "3 m 20 s");
        assert_eq!(duration(3_599_000.0), "59 m 59 s");
        assert_eq!(duration(18_061_000.0), "5 h 01 m");
        assert_eq!(duration(389_305_030_000.0), "4505 d 20 h");
    }

    #[test]
    fn control_characters_do_not_reach_a_terminal() {
        assert_eq!(
            harmless("/a\x1b[2J\u{9b}b\r\n", false),
            "/a\u{fffd}[2J\u{fffd}b\u{fffd}\u{fffd}"
        );
        assert_eq!(harmless("a\tb\nc\r", true), "a\tb\nc\u{fffd}");
        assert_eq!(harmless("a\u{202e}b", true), "a\u{fffd}b");
        assert!(matches!(harmless("plain é 日本", false), Cow::Borrowed(_)));
    }

    #[test]
    fn without_colours_text_stays_as_it_is() {
        let plain = Style {
            terminal: true,
            colours: false,
            width: Some(80),
        };
        assert_eq!(plain.paint("31", "x"), "x");
        let coloured = Style {
            colours: true,
            ..plain
        };
        assert_eq!(coloured.paint("31", "x"), "\x1b[31mx\x1b[0m");
    }
}
