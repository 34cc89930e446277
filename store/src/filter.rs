//! The filter language: one grammar for the page, the API, the command line and the rules.
//!
//! ```text
//! filter    = or
//! or        = and { ( "or" | "|" ) and }
//! and       = not { [ "and" ] not }
//! not       = [ "not" | "-" | "!" ] not | "(" or ")" | term
//! term      = [ field ":" [ compare ] ] value
//! compare   = ">" | ">=" | "<" | "<=" | "="
//! value     = word | '"' text '"' | "/" regular expression "/" [ "i" ]
//! ```
//!
//! * Without a field, a value is searched in the URL and in all heads.
//! * Text is compared without case. In a word, `*` stands for any text and, except in URLs and paths, `?` for
//!   any one character; a word with `*` must match the whole of what it is compared with (a path: with or
//!   without its query). In quotes, and after `\`, both are themselves.
//! * `=` asks for the whole text: `host:=example.com` leaves out `www.example.com`.
//! * A regular expression is searched anywhere, with case unless it ends in `/i`; `^` and `$` are the ends of
//!   lines; a `/` in it is written `\/`. So `path:/api/` is one; write `path:"/api/"` for the text.
//! * Numbers can be compared, and have ranges: `200..299`, `1k..`, `..5s`.
//! * A word whose beginning only looks like a field is a word: `http://...`, `localhost:8080`, `12:30`, `[::1]:80`.
//!   Letters before a colon that are no field are an error, so that a mistyped field is not a search; before a
//!   port only when they are one slip away from a field (`statsu:404`).
//! * A moment (`started:`) is RFC 3339 and as long as it is written, a second or a part of one; `age:` is counted from
//!   when the filter is used.
//! * `body:` looks at the bytes as they passed and, where a body has content codings, at what it decodes to; of a WebSocket at its
//!   messages, one a line, unmasked and inflated. Of what is decoded or unmasked, the first 64 MiB of a side. The borders of
//!   pieces do not matter.
//!
//! [`FIELDS`] lists the fields, [`help`] is all of this for a person.

pub(crate) mod content;
mod field;
mod frames;
mod host;
mod lex;
mod matches;
mod moment;
mod parse;
mod pattern;
pub(crate) mod search;
mod sieve;
mod sql;
mod test;

pub use field::{FIELDS, FieldHelp, help};
pub use host::HostPattern;
pub use matches::{Matcher, Passing};
pub use sieve::Sieve;
pub(crate) use sql::Argument;

use crate::flow::SessionId;

/// A filter that was read and can be turned into SQL.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// None matches everything.
    root: Option<parse::Node>,
}

impl Filter {
    /// Reads a filter. Empty text matches everything.
    ///
    /// # Errors
    /// [`FilterError`] with the place and what was expected there.
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        let tokens = lex::lex(text)?;
        Ok(Self {
            root: parse::parse(tokens)?,
        })
    }

    /// The same filter for the flows of one session.
    #[must_use]
    pub fn within(self, session: SessionId) -> Self {
        let range = session.0..=session.0;
        let test = test::Test::Number(test::NumberColumn::Session, range);
        let mut nodes = vec![parse::Node::Test(test)];
        nodes.extend(self.root);
        Self {
            root: Some(parse::Node::And(nodes)),
        }
    }

    /// Whether the filter matches everything because it is empty.
    pub fn is_empty(&self) -> bool {
        self.root.is_none()
    }

    /// A condition on `flows`, with its arguments.
    pub(crate) fn to_sql(&self) -> (String, Vec<Argument>) {
        match &self.root {
            Some(root) => sql::condition(root),
            None => ("1".to_owned(), Vec::new()),
        }
    }
}

impl std::str::FromStr for Filter {
    type Err = FilterError;

    fn from_str(text: &str) -> Result<Self, FilterError> {
        Self::parse(text)
    }
}

/// A filter that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("filter: {message} at column {}", .offset + 1)]
pub struct FilterError {
    /// Where, in characters from the beginning.
    pub offset: usize,
    /// How many characters are wrong (at least 1, also at the end of the text).
    pub length: usize,
    /// What was found and what was expected.
    pub message: String,
}

impl FilterError {
    fn new(span: lex::Span, message: impl Into<String>) -> Self {
        Self {
            offset: span.offset,
            length: span.length.max(1),
            message: message.into(),
        }
    }
}
