//! Text with wildcards to regular expressions, which everything is searched with.

use super::lex::{Piece, Text};

/// How `?` is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Question {
    /// Any one character.
    Wildcard,
    /// Itself: URLs have it.
    Literal,
}

/// Text that is contained; a line is the furthest that `*` goes.
pub(super) fn contained(text: &Text, question: Question) -> String {
    wrapped(text, &source(text, question, ANY), "", "")
}

/// Text that is contained, or, with a wildcard, that is all there is.
pub(super) fn contained_or_whole(text: &Text, question: Question) -> String {
    if has_wildcard(text, question) {
        whole(text, question)
    } else {
        contained(text, question)
    }
}

/// Text that is all there is.
pub(super) fn whole(text: &Text, question: Question) -> String {
    wrapped(text, &source(text, question, ANY), "^(?:", ")$")
}

/// A path: a part of it, or with a wildcard all of it, with or without the query.
pub(super) fn path(text: &Text) -> String {
    if has_wildcard(text, Question::Literal) {
        let source = source(text, Question::Literal, ANY);
        wrapped(text, &source, "^(?:", r")(?:\?.*)?$")
    } else {
        contained(text, Question::Literal)
    }
}

/// A host or any name below it; with a wildcard, the whole host.
pub(super) fn host(text: &Text) -> String {
    if has_wildcard(text, Question::Wildcard) {
        return whole(text, Question::Wildcard);
    }
    let plain = text.plain();
    let name = plain.trim_start_matches('.').trim_matches(['[', ']']);
    let mut names = regex::escape(name);
    // what a person writes in letters is asked for in its ASCII form
    if !name.is_ascii()
        && let Ok(url::Host::Domain(ascii)) = url::Host::parse(name)
    {
        names = format!("{names}|{}", regex::escape(&ascii));
    }
    let below = if plain.starts_with('.') { "+" } else { "*" };
    wrapped(text, &names, &format!(r"^(?:[^.]*\.){below}(?:"), ")$")
}

/// One of several values with commas between them.
pub(super) fn listed(text: &Text) -> String {
    let source = source(text, Question::Wildcard, "[^,]*");
    wrapped(text, &source, r"(?:^|,)\s*(?:", r")\s*(?:,|$)")
}

/// An address with its port (`ip:port`, `[ip]:port`), of which a person wrote the address, or both.
pub(super) fn address(text: &Text) -> String {
    let plain = text.plain();
    let wild = source(text, Question::Wildcard, ANY);
    let has_port =
        plain.starts_with('[') && !plain.ends_with(']') || plain.matches(':').count() == 1;
    let source = if has_port {
        wild
    } else {
        let bare = wild.trim_start_matches(r"\[").trim_end_matches(r"\]");
        format!(r"\[?{bare}\]?:[0-9]+")
    };
    wrapped(text, &source, "^(?:", ")$")
}

/// A field of a head: its name, and what its value contains, or with a wildcard is.
pub(super) fn header(name: &[Piece], value: &[Piece]) -> String {
    let text = |pieces: &[Piece]| Text {
        pieces: pieces.to_vec(),
        quoted: false,
    };
    let (name, value) = (text(name), text(value));
    let names = source(&name, Question::Wildcard, r"[^:\r\n]*");
    let values = source(&value, Question::Wildcard, r"[^\r\n]*");
    let all = if has_wildcard(&value, Question::Wildcard) {
        format!(r"^(?:{names}):[ \t]*(?:{values})[ \t]*\r?$")
    } else {
        format!(r"^(?:{names}):[^\r\n]*(?:{values})")
    };
    let mut both = name.pieces;
    both.extend(value.pieces);
    wrapped(&text(&both), &all, "(?m:", ")")
}

/// A regular expression that a person wrote.
pub(super) fn regex(source: &str, ignore_case: bool) -> String {
    let flags = if ignore_case { "(?mi)" } else { "(?m)" };
    format!("{flags}{source}")
}

/// Whether a person wrote it as a regular expression.
pub(super) fn is_regex(pattern: &str) -> bool {
    pattern.starts_with("(?m)") || pattern.starts_with("(?mi)")
}

/// What `*` becomes.
const ANY: &str = r"[^\r\n]*";

fn has_wildcard(text: &Text, question: Question) -> bool {
    let wildcard = |piece: &Piece| match piece {
        Piece::Char(_) => false,
        Piece::Any => true,
        Piece::One => question == Question::Wildcard,
    };
    text.pieces.iter().any(wildcard)
}

fn source(text: &Text, question: Question, any: &str) -> String {
    let mut source = String::new();
    for piece in &text.pieces {
        match piece {
            Piece::Char(c) => source.push_str(&regex::escape(c.encode_utf8(&mut [0; 4]))),
            Piece::Any => source.push_str(any),
            Piece::One if question == Question::Wildcard => source.push_str(r"[^\r\n]"),
            Piece::One => source.push_str(r"\?"),
        }
    }
    source
}

/// Without case: of all letters when the text has others than ASCII's, which is slower.
fn wrapped(text: &Text, source: &str, before: &str, after: &str) -> String {
    let flags = if text.plain().is_ascii() && source.is_ascii() {
        "(?i-u)"
    } else {
        "(?i)"
    };
    format!("{flags}{before}{source}{after}")
}
