//! Finding and replacing, in text or by a regular expression.

use overhear_store::rule::RuleError;
use regex::bytes::{Regex, RegexBuilder};

/// The most that a replacement may make: bytes.
const MOST: usize = 64 << 20;
/// A regular expression takes at most this much memory: bytes.
const LARGEST: usize = 1 << 20;

/// What is looked for.
#[derive(Debug)]
pub(crate) enum Find {
    Text(String),
    Regex(Regex),
}

impl Find {
    pub(crate) fn new(find: &str, regex: bool) -> Result<Self, RuleError> {
        if find.is_empty() {
            return Err(RuleError::Text(
                "find is empty: say what is to be replaced".to_owned(),
            ));
        }
        if !regex {
            return Ok(Self::Text(find.to_owned()));
        }
        let built = RegexBuilder::new(find).size_limit(LARGEST).build();
        built.map(Self::Regex).map_err(|error| {
            let text = error.to_string();
            let last = text.lines().last().unwrap_or_default();
            let reason = last.trim_start_matches("error: ");
            RuleError::Text(format!(
                "the regular expression {find:?} cannot be read: {reason}"
            ))
        })
    }

    /// Everything that is found, replaced, and how often; none when nothing is.
    pub(crate) fn replace(
        &self,
        text: &[u8],
        with: &str,
    ) -> Result<Option<(Vec<u8>, usize)>, String> {
        let mut out = Vec::new();
        let mut count = 0;
        let mut done = 0;
        let mut put = |out: &mut Vec<u8>, start: usize, end: usize| {
            out.extend_from_slice(text.get(done..start).unwrap_or_default());
            done = end;
            count += 1;
        };
        let too_much = || format!("the replacement makes more than {} MiB", MOST >> 20);
        match self {
            Self::Text(find) => {
                for at in memchr::memmem::find_iter(text, find) {
                    put(&mut out, at, at + find.len());
                    out.extend_from_slice(with.as_bytes());
                    if out.len() > MOST {
                        return Err(too_much());
                    }
                }
            }
            Self::Regex(regex) => {
                for captures in regex.captures_iter(text) {
                    let Some(whole) = captures.get(0) else {
                        continue;
                    };
                    put(&mut out, whole.start(), whole.end());
                    captures.expand(with.as_bytes(), &mut out);
                    if out.len() > MOST {
                        return Err(too_much());
                    }
                }
            }
        }
        if count == 0 {
            return Ok(None);
        }
        out.extend_from_slice(text.get(done..).unwrap_or_default());
        Ok(Some((out, count)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replaced(find: &str, regex: bool, text: &str, with: &str) -> Option<(String, usize)> {
        let find = Find::new(find, regex).unwrap_or_else(|error| panic!("{error}"));
        let made = find.replace(text.as_bytes(), with);
        let made = made.unwrap_or_else(|error| panic!("{error}"));
        made.map(|(bytes, count)| (String::from_utf8_lossy(&bytes).into_owned(), count))
    }

    #[test]
    fn text_and_groups() {
        assert_eq!(
            replaced("a", false, "banana", "$1"),
            Some(("b$1n$1n$1".into(), 3))
        );
        assert_eq!(
            replaced("(a)(n)", true, "banana", "$2$1"),
            Some(("bnanaa".into(), 2))
        );
        assert_eq!(replaced("x", false, "banana", ""), None);
        assert!(Find::new("(", true).is_err() && Find::new("", false).is_err());
    }

    #[test]
    fn what_would_grow_without_end_is_refused() {
        let find = Find::new("a", false).unwrap_or_else(|error| panic!("{error}"));
        let text = vec![b'a'; 1 << 17];
        assert!(find.replace(&text, &"x".repeat(1 << 10)).is_err());
    }
}
