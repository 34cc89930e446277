//! What a term asks: fields and values to tests on a flow.

use super::{
    FilterError,
    field::Field,
    lex::{Compare, Piece, Span, Term, Text, Value},
    moment,
    pattern::{self, Question},
    search::{self, Network},
};
use crate::flow::{Color, FailureCause, Kind, State, Version};
use crate::grpc::STATUS_NAMES;
use std::ops::RangeInclusive;

/// Something that is true or false of a flow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Test {
    /// One of the columns matches a pattern.
    Text(&'static [Column], String),
    /// One of the heads matches a pattern.
    Heads(String),
    /// One of the bodies matches a pattern.
    Body(String),
    /// A number is in a range.
    Number(NumberColumn, RangeInclusive<i64>),
    /// It began so many nanoseconds ago.
    Age(RangeInclusive<i64>),
    /// One of the columns has this value.
    Is(&'static [NumberColumn], i64),
    /// An address is in a network.
    Network(Column, String),
    /// There is something.
    Present(Presence),
    Any(Vec<Test>),
    All(Vec<Test>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Column {
    Url,
    Host,
    Path,
    Method,
    Scheme,
    RequestType,
    ResponseType,
    Client,
    Server,
    ErrorText,
    Tags,
    Comment,
    App,
    Rules,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NumberColumn {
    Id,
    Connection,
    Kind,
    State,
    Status,
    Grpc,
    Port,
    /// Nanoseconds.
    Duration,
    RequestSize,
    ResponseSize,
    RequestVersion,
    ResponseVersion,
    ErrorCause,
    ReplayOf,
    /// Nanoseconds since the Unix epoch.
    Started,
    Session,
    Color,
    Starred,
    Modified,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Presence {
    Status,
    Grpc,
    Error,
    Tags,
    Comment,
    App,
    Replay,
    Server,
    Type,
    Color,
    Imported,
    Rules,
}

/// Reads a term; `span` is all of it.
pub(super) fn test(term: &Term, span: Span) -> Result<Test, FilterError> {
    let Some(field) = term.field else {
        return free(&term.value, term.span);
    };
    let wrong = |message: String| Err(FilterError::new(term.span, message));
    let present = presence(field);
    let text = match &term.value {
        Value::Missing => {
            return match present {
                Some(present) if term.compare.is_none() => Ok(Test::Present(present)),
                _ => {
                    let name = field.name();
                    let example = field.help().example;
                    let message = format!(
                        "{name}: needs a value right after the colon, as in {example} (several: {name}:a or {name}:b)"
                    );
                    Err(FilterError::new(span, message))
                }
            };
        }
        Value::Text(text) => Some(text),
        Value::Regex { .. } => None,
    };
    if let (Some(text), Some(present), None) = (text, present, term.compare)
        && text.is_any()
    {
        return Ok(Test::Present(present));
    }
    if let Some(number) = number_column(field) {
        let Some(text) = text else {
            return wrong(format!(
                "{}: takes a number, not a regular expression",
                field.name()
            ));
        };
        let range = match field {
            Field::Started => moment::started(&text.plain(), term.compare, term.span)?,
            _ => range(field, &text.plain(), term.compare, term.span)?,
        };
        return Ok(Test::Number(number, range));
    }
    if field == Field::Age {
        let Some(text) = text else {
            return wrong("age: takes a time, not a regular expression".to_owned());
        };
        let range = moment::age(&text.plain(), term.compare, term.span)?;
        return Ok(Test::Age(range));
    }
    if matches!(field, Field::Is | Field::Color) && text.is_none() {
        return wrong(format!(
            "{}: takes a word, not a regular expression",
            field.name()
        ));
    }
    if let Some(text) = text
        && let Some(test) = named(field, text, term.span)?
    {
        return match term.compare {
            None | Some(Compare::Equal) => Ok(test),
            Some(_) => wrong(format!(
                "{}: cannot be greater or less than something",
                field.name()
            )),
        };
    }
    if !matches!(term.compare, None | Some(Compare::Equal)) {
        return wrong(format!(
            "{}: is text: > and < work with status, grpc, size, upload, duration, started, age, port, id, connection, session and replay",
            field.name()
        ));
    }
    let equal = term.compare.is_some();
    match &term.value {
        Value::Regex {
            source,
            ignore_case,
        } => {
            let pattern = checked(pattern::regex(source, *ignore_case), term.span)?;
            Ok(with_pattern(field, pattern))
        }
        Value::Text(text) => with_text(field, text, equal, term.span),
        Value::Missing => wrong("a value is missing".to_owned()),
    }
}

/// A value without a field: in the URL and in the heads.
fn free(value: &Value, span: Span) -> Result<Test, FilterError> {
    let pattern = match value {
        Value::Text(text) => pattern::contained(text, Question::Literal),
        Value::Regex {
            source,
            ignore_case,
        } => pattern::regex(source, *ignore_case),
        Value::Missing => String::new(),
    };
    let pattern = checked(pattern, span)?;
    Ok(Test::Any(vec![
        Test::Text(&[Column::Url], pattern.clone()),
        Test::Heads(pattern),
    ]))
}

/// The field's text, searched with a pattern as it is.
fn with_pattern(field: Field, pattern: String) -> Test {
    match field {
        Field::Header => Test::Heads(pattern),
        Field::Body => Test::Body(pattern),
        field => Test::Text(columns(field), pattern),
    }
}

fn with_text(field: Field, text: &Text, equal: bool, span: Span) -> Result<Test, FilterError> {
    let question = match field {
        Field::Url | Field::Path => Question::Literal,
        _ => Question::Wildcard,
    };
    let pattern = match field {
        Field::Tag | Field::Rule => pattern::listed(text),
        Field::Header => return header(text, span),
        Field::Body => pattern::contained(text, Question::Literal),
        Field::Client | Field::Server => return address(field, text, span),
        _ if equal => pattern::whole(text, question),
        Field::Host => return host(text, span),
        Field::Path => pattern::path(text),
        Field::Method | Field::Scheme => pattern::whole(text, question),
        _ => pattern::contained_or_whole(text, question),
    };
    Ok(with_pattern(field, checked(pattern, span)?))
}

/// A host, or a host with its port.
fn host(text: &Text, span: Span) -> Result<Test, FilterError> {
    let plain = text.plain();
    let host = |text: &Text| {
        let pattern = checked(pattern::host(text), span)?;
        Ok(Test::Text(&[Column::Host], pattern))
    };
    let colon = text.pieces.iter().rposition(|p| *p == Piece::Char(':'));
    let one = plain.matches(':').count() == 1 || plain.contains("]:");
    let Some(colon) = colon.filter(|_| one) else {
        return host(text);
    };
    let (name, port) = text.pieces.split_at(colon);
    let port = Text {
        pieces: port.iter().skip(1).copied().collect(),
        quoted: false,
    };
    let name = Text {
        pieces: name.to_vec(),
        quoted: text.quoted,
    };
    let port = range(Field::Port, &port.plain(), None, span)?;
    Ok(Test::All(vec![
        host(&name)?,
        Test::Number(NumberColumn::Port, port),
    ]))
}

fn header(text: &Text, span: Span) -> Result<Test, FilterError> {
    // `name=value`, or, in quotes, `name: value`
    let sign = if text.quoted { ':' } else { '=' };
    let at = text.pieces.iter().position(|p| *p == Piece::Char(sign));
    let pattern = match at {
        Some(at) if at > 0 => {
            let (name, value) = text.pieces.split_at(at);
            let mut value = value.get(1..).unwrap_or_default();
            while let [Piece::Char(' '), rest @ ..] = value {
                value = rest;
            }
            pattern::header(name, value)
        }
        _ => pattern::contained(text, Question::Wildcard),
    };
    Ok(Test::Heads(checked(pattern, span)?))
}

fn address(field: Field, text: &Text, span: Span) -> Result<Test, FilterError> {
    let column = match field {
        Field::Client => Column::Client,
        _ => Column::Server,
    };
    let plain = text.plain();
    if plain.contains('/') {
        if plain.parse::<Network>().is_err() {
            let message =
                format!("{plain} is not a network: write one as 192.168.0.0/16 or fe80::/10");
            return Err(FilterError::new(span, message));
        }
        return Ok(Test::Network(column, plain));
    }
    let pattern = checked(pattern::address(text), span)?;
    Ok(Test::Text(columns(field), pattern))
}

/// Patterns are tried before they are used.
fn checked(pattern: String, span: Span) -> Result<String, FilterError> {
    match search::compile(&pattern) {
        Ok(_) => Ok(pattern),
        Err(regex::Error::CompiledTooBig(_)) => {
            let message = "this regular expression is too large";
            Err(FilterError::new(span, message))
        }
        Err(error) => {
            let text = error.to_string();
            let last = text.lines().last().unwrap_or_default();
            let reason = last.trim_start_matches("error: ");
            let message = format!("this regular expression cannot be read: {reason}");
            Err(FilterError::new(span, message))
        }
    }
}

fn columns(field: Field) -> &'static [Column] {
    match field {
        Field::Host => &[Column::Host],
        Field::Path => &[Column::Path],
        Field::Method => &[Column::Method],
        Field::Scheme => &[Column::Scheme],
        Field::Type => &[Column::ResponseType, Column::RequestType],
        Field::Client => &[Column::Client],
        Field::Server => &[Column::Server],
        Field::Error => &[Column::ErrorText],
        Field::Tag => &[Column::Tags],
        Field::Comment => &[Column::Comment],
        Field::App => &[Column::App],
        Field::Rule => &[Column::Rules],
        _ => &[Column::Url],
    }
}

fn number_column(field: Field) -> Option<NumberColumn> {
    match field {
        Field::Status => Some(NumberColumn::Status),
        Field::Grpc => Some(NumberColumn::Grpc),
        Field::Size => Some(NumberColumn::ResponseSize),
        Field::Upload => Some(NumberColumn::RequestSize),
        Field::Duration => Some(NumberColumn::Duration),
        Field::Port => Some(NumberColumn::Port),
        Field::Id => Some(NumberColumn::Id),
        Field::Connection => Some(NumberColumn::Connection),
        Field::Replay => Some(NumberColumn::ReplayOf),
        Field::Started => Some(NumberColumn::Started),
        Field::Session => Some(NumberColumn::Session),
        _ => None,
    }
}

fn presence(field: Field) -> Option<Presence> {
    match field {
        Field::Status => Some(Presence::Status),
        Field::Grpc => Some(Presence::Grpc),
        Field::Error => Some(Presence::Error),
        Field::Tag => Some(Presence::Tags),
        Field::Comment => Some(Presence::Comment),
        Field::App => Some(Presence::App),
        Field::Replay => Some(Presence::Replay),
        Field::Server => Some(Presence::Server),
        Field::Type => Some(Presence::Type),
        Field::Color => Some(Presence::Color),
        Field::Rule => Some(Presence::Rules),
        _ => None,
    }
}

/// Values that have names. `None` when the field has other values too, and this is one.
fn named(field: Field, text: &Text, span: Span) -> Result<Option<Test>, FilterError> {
    let name = text.plain().to_ascii_lowercase();
    if field == Field::Is {
        return is(&name, span).map(Some);
    }
    let (columns, names): (&'static [NumberColumn], &[(&str, i64)]) = match field {
        Field::Kind => (&[NumberColumn::Kind], KINDS),
        Field::State => (&[NumberColumn::State], STATES),
        Field::Color => (&[NumberColumn::Color], COLORS),
        Field::Version => (
            &[NumberColumn::RequestVersion, NumberColumn::ResponseVersion],
            VERSIONS,
        ),
        Field::Error => (&[NumberColumn::ErrorCause], CAUSES),
        _ => return Ok(None),
    };
    let value = names.iter().find(|(n, _)| *n == name).map(|(_, v)| *v);
    let Some(value) = value else {
        if field == Field::Error {
            return Ok(None);
        }
        let mut known: Vec<&str> = Vec::new();
        let mut last = None;
        for (name, value) in names {
            // others with the same meaning follow the first
            if last.replace(value) != Some(value) {
                known.push(name);
            }
        }
        let message = format!(
            "{} is not a {}: there are {}",
            text.plain(),
            field.name(),
            known.join(", ")
        );
        return Err(FilterError::new(span, message));
    };
    let is = Test::Is(columns, value);
    if field == Field::Error {
        // the cause, or the word in the message
        let pattern = checked(pattern::contained(text, Question::Literal), span)?;
        return Ok(Some(Test::Any(vec![
            is,
            Test::Text(&[Column::ErrorText], pattern),
        ])));
    }
    Ok(Some(is))
}

/// What a flow is.
fn is(name: &str, span: Span) -> Result<Test, FilterError> {
    Ok(match name {
        "starred" => Test::Is(&[NumberColumn::Starred], 1),
        "modified" => Test::Is(&[NumberColumn::Modified], 1),
        "running" => Test::Is(&[NumberColumn::State], State::Running as i64),
        "failed" => Test::Is(&[NumberColumn::State], State::Failed as i64),
        "replay" => Test::Present(Presence::Replay),
        "commented" => Test::Present(Presence::Comment),
        "tagged" => Test::Present(Presence::Tags),
        "imported" => Test::Present(Presence::Imported),
        _ => {
            let known = Field::Is.help().values.unwrap_or_default().join(", ");
            let message = format!("a flow is not {name}: it can be {known}");
            return Err(FilterError::new(span, message));
        }
    })
}

const COLORS: &[(&str, i64)] = &[
    ("red", Color::Red as i64),
    ("orange", Color::Orange as i64),
    ("yellow", Color::Yellow as i64),
    ("green", Color::Green as i64),
    ("blue", Color::Blue as i64),
    ("purple", Color::Purple as i64),
    ("grey", Color::Grey as i64),
    ("gray", Color::Grey as i64),
];

const KINDS: &[(&str, i64)] = &[
    ("http", Kind::Http as i64),
    ("websocket", Kind::WebSocket as i64),
    ("ws", Kind::WebSocket as i64),
    ("tcp", Kind::Tcp as i64),
    ("tls", Kind::Tls as i64),
    ("udp", Kind::Udp as i64),
    ("dns", Kind::Dns as i64),
    ("icmp", Kind::Icmp as i64),
];

const STATES: &[(&str, i64)] = &[
    ("running", State::Running as i64),
    ("complete", State::Complete as i64),
    ("failed", State::Failed as i64),
    ("interrupted", State::Interrupted as i64),
];

const VERSIONS: &[(&str, i64)] = &[
    ("1.0", Version::Http10 as i64),
    ("http/1.0", Version::Http10 as i64),
    ("1.1", Version::Http11 as i64),
    ("http/1.1", Version::Http11 as i64),
    ("2", Version::Http2 as i64),
    ("2.0", Version::Http2 as i64),
    ("h2", Version::Http2 as i64),
    ("http/2", Version::Http2 as i64),
    ("http/2.0", Version::Http2 as i64),
];

const CAUSES: &[(&str, i64)] = &[
    ("dns", FailureCause::Dns as i64),
    ("refused", FailureCause::Refused as i64),
    ("unreachable", FailureCause::Unreachable as i64),
    ("timeout", FailureCause::Timeout as i64),
    ("tls", FailureCause::Tls as i64),
    ("certificate", FailureCause::Certificate as i64),
    ("protocol", FailureCause::Protocol as i64),
    ("loop", FailureCause::Loop as i64),
    ("reset", FailureCause::Reset as i64),
    ("closed", FailureCause::Closed as i64),
    ("forbidden", FailureCause::Forbidden as i64),
    ("other", FailureCause::Other as i64),
];

/// A number, a comparison or a range, in the column's unit.
fn range(
    field: Field,
    text: &str,
    compare: Option<Compare>,
    span: Span,
) -> Result<RangeInclusive<i64>, FilterError> {
    let wrong = |what: &str| {
        let name = field.name();
        let expected = match field {
            Field::Status => "a number such as 404, or 4xx, >=400, 200..299",
            Field::Grpc => "a code such as UNAVAILABLE, 14, >0, 1..4",
            Field::Size | Field::Upload => "a size such as 500, >10k, 1.5MiB, 1k..2k",
            Field::Duration => "a time such as >500ms, >1.5s, 1s..2s",
            _ => "a number, >=10 or 10..20",
        };
        let message = format!("{what} is not what {name}: takes: {expected} was expected");
        FilterError::new(span, message)
    };
    let number = |text: &str| number(field, text).ok_or_else(|| wrong(text));
    if let Some(compare) = compare {
        let value = number(text)?;
        return Ok(match compare {
            Compare::Greater => value.saturating_add(1)..=i64::MAX,
            Compare::AtLeast => value..=i64::MAX,
            Compare::Less => i64::MIN..=value.saturating_sub(1),
            Compare::AtMost => i64::MIN..=value,
            Compare::Equal => value..=value,
        });
    }
    if let Some((low, high)) = text.split_once("..") {
        if low.is_empty() && high.is_empty() {
            return Err(wrong(text));
        }
        let low = if low.is_empty() {
            i64::MIN
        } else {
            number(low)?
        };
        let high = if high.is_empty() {
            i64::MAX
        } else {
            number(high)?
        };
        if low > high {
            let message = format!("{text} is empty: the smaller number stands first");
            return Err(FilterError::new(span, message));
        }
        return Ok(low..=high);
    }
    if field == Field::Status
        && let Some(range) = status_class(text)
    {
        return Ok(range);
    }
    let value = number(text)?;
    Ok(value..=value)
}

/// `4xx`, `40x`, `4*`
fn status_class(text: &str) -> Option<RangeInclusive<i64>> {
    let digits = text.trim_end_matches(['x', 'X', '*', '?']);
    let star = text.ends_with('*');
    let missing = match digits.len() {
        1 | 2 if star || text.len() == 3 => 3 - digits.len() as u32,
        _ => return None,
    };
    let low = digits.parse::<i64>().ok().filter(|d| *d >= 0)? * 10_i64.pow(missing);
    Some(low..=low + 10_i64.pow(missing) - 1)
}

fn number(field: Field, text: &str) -> Option<i64> {
    let called = |name: &&str| name.eq_ignore_ascii_case(text);
    if field == Field::Grpc
        && let Some(code) = STATUS_NAMES.iter().position(called)
    {
        return i64::try_from(code).ok();
    }
    let digits = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (digits, unit) = text.split_at_checked(digits)?;
    let factor = unit_factor(field, unit.trim())?;
    if let Ok(whole) = digits.parse::<i64>() {
        return whole.checked_mul(factor);
    }
    if factor == 1 {
        return None;
    }
    let value = digits.parse::<f64>().ok()? * factor as f64;
    // larger than any size or time
    (value < 9e18).then_some(value.round() as i64)
}

fn unit_factor(field: Field, unit: &str) -> Option<i64> {
    let unit = unit.to_ascii_lowercase();
    match field {
        Field::Size | Field::Upload => Some(match unit.as_str() {
            "" | "b" => 1,
            "k" | "kb" => 1000,
            "m" | "mb" => 1_000_000,
            "g" | "gb" => 1_000_000_000,
            "kib" => 1 << 10,
            "mib" => 1 << 20,
            "gib" => 1 << 30,
            _ => return None,
        }),
        Field::Duration => Some(match unit.as_str() {
            "us" => 1000,
            "" | "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" | "min" => 60 * 1_000_000_000,
            "h" => 3600 * 1_000_000_000,
            _ => return None,
        }),
        _ => unit.is_empty().then_some(1),
    }
}
