//! Failures as sentences: what is put together from parts begins with a capital and ends with a period,
//! and has no error numbers in it.

use overhear_store::{Failure, FailureCause, Party};

/// A failure in words.
pub(crate) fn failed(cause: FailureCause, side: Party, text: impl Into<String>) -> Failure {
    Failure {
        cause,
        side,
        text: sentence(without_number(text.into())),
    }
}

/// The standard library adds ` (os error 113)` to what the system says.
fn without_number(text: String) -> String {
    let number = text.split_once(" (os error ");
    let parts = number.and_then(|(before, rest)| Some((before, rest.split_once(')')?.1)));
    match parts {
        Some((before, after)) => format!("{before}{after}"),
        None => text,
    }
}

/// A first word that is a name or an address keeps its case.
fn sentence(mut text: String) -> String {
    let first = text.split(' ').next().unwrap_or_default();
    if first.bytes().all(|b| b.is_ascii_lowercase() || b == b'\'')
        && let Some(letter) = text.get_mut(..1)
    {
        letter.make_ascii_uppercase();
    }
    if !text.ends_with(['.', '?', '!']) {
        text.push('.');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_the_system() {
        let error = std::io::Error::from_raw_os_error(1);
        assert!(error.to_string().contains("(os error 1)"), "{error}");
        let failure = failed(
            FailureCause::Other,
            Party::Server,
            format!("no ({error}): try"),
        );
        assert!(!failure.text.contains("os error"), "{}", failure.text);
        assert!(failure.text.ends_with("): try."), "{}", failure.text);
    }

    #[test]
    fn sentences() {
        for (given, made) in [
            ("the server is down", "The server is down."),
            ("example.com:443 refused", "example.com:443 refused."),
            ("[::1]:80 refused", "[::1]:80 refused."),
            ("is it?", "Is it?"),
            ("", "."),
            ("überall", "überall."),
        ] {
            assert_eq!(sentence(given.to_owned()), made);
        }
    }
}
