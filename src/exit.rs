//! How the program ends: 0 done, 1 failed, 2 wrong usage; errors in one sentence on standard error.

use overhear_store::filter::FilterError;
use std::{io, process::ExitCode};

/// The command line asks for something that cannot be: exit status 2.
#[derive(Debug)]
pub(crate) struct Usage(pub(crate) String);

impl std::fmt::Display for Usage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

/// Tells of an error, if there is one, and gives the exit status.
pub(crate) fn code(result: anyhow::Result<()>) -> ExitCode {
    let Err(error) = result else {
        return ExitCode::SUCCESS;
    };
    if is_broken_pipe(&error) {
        // whoever read our output has seen enough
        return ExitCode::SUCCESS;
    }
    crate::terminal::tell(&format!("overhear: {}", sentence(&error)));
    ExitCode::from(if error.is::<Usage>() { 2 } else { 1 })
}

/// A wrong filter, with a caret under the place.
pub(crate) fn wrong_filter(filter: &str, error: &FilterError) -> anyhow::Error {
    // a control character would move what stands after it
    let shown: String = filter
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    let before: String = shown.chars().take(error.offset).collect();
    let carets = "^".repeat(error.length.clamp(1, 200));
    let indent = " ".repeat(terminal_width(&before));
    anyhow::Error::new(Usage(format!(
        "the filter cannot be read: {}\n  {shown}\n  {indent}{carets}",
        error.message
    )))
}

fn terminal_width(text: &str) -> usize {
    unicode_width::UnicodeWidthStr::width(text)
}

/// The error and its causes, leaving out a cause that the text before it has already told.
fn sentence(error: &anyhow::Error) -> String {
    let mut text = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause
            .downcast_ref::<io::Error>()
            .is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn carets_stand_under_the_place() {
        let error = FilterError {
            offset: 9,
            length: 3,
            message: "expected a number".to_owned(),
        };
        let text = wrong_filter("status:>=abc", &error).to_string();
        let expected =
            "the filter cannot be read: expected a number\n  status:>=abc\n           ^^^";
        assert_eq!(text, expected);

        // wide characters, and the end of the text
        let error = FilterError {
            offset: 7,
            length: 1,
            message: "expected )".to_owned(),
        };
        let text = wrong_filter("(日本\tab", &error).to_string();
        assert!(text.ends_with("\n  (日本 ab\n          ^"), "{text}");
    }

    #[test]
    fn nothing_is_said_twice() {
        let cause = io::Error::other("disk on fire");
        let store = overhear_webui::export::Error::Write(cause);
        let error = anyhow::Error::new(store).context("cannot finish");
        assert_eq!(
            sentence(&error),
            "cannot finish: cannot write the export: disk on fire"
        );
    }

    #[test]
    fn a_broken_pipe_is_no_failure() {
        let error =
            anyhow::Error::new(io::Error::from(io::ErrorKind::BrokenPipe)).context("writing");
        assert_eq!(code(Err(error)), ExitCode::SUCCESS);
        assert_eq!(code(Err(Usage("no".to_owned()).into())), ExitCode::from(2));
        assert_eq!(code(Err(anyhow::anyhow!("no"))), ExitCode::from(1));
    }
}
