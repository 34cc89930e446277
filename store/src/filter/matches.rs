//! A filter decided in memory, on a flow on its way: the same grammar and the same meaning as in SQL.
//!
//! Everything is made ready once ([`Matcher::new`]); to decide allocates next to nothing. As in SQL, what is not there does
//! not match, and so its negation does. What a flow on its way cannot tell ([`Filter::unknown_at`]) is for the
//! caller to refuse beforehand: it does not match.

use super::{
    Filter,
    parse::Node,
    pattern,
    search::{self, Network},
    test::{Column, NumberColumn, Presence, Test},
};
use crate::{
    flow::{Flow, Version},
    rule::{self, Stage},
};
use regex::bytes::Regex;
use std::{borrow::Cow, net::SocketAddr, ops::RangeInclusive};

/// A filter that is ready to be decided in memory.
#[derive(Debug, Clone)]
pub struct Matcher {
    root: Option<Ready>,
}

/// A flow on its way: what is known of it, and the heads that have come.
#[derive(Debug, Clone, Copy)]
pub struct Passing<'p> {
    /// What would be in its row.
    pub flow: &'p Flow,
    /// The heads that have come, interim responses included.
    pub heads: &'p [&'p [u8]],
    /// What `body:` looks at, where it is known: a message of a WebSocket, unmasked and without compression.
    pub body: Option<&'p [u8]>,
}

#[derive(Debug, Clone)]
enum Ready {
    And(Vec<Ready>),
    Or(Vec<Ready>),
    Not(Box<Ready>),
    Text(&'static [Column], Regex),
    Heads(Regex),
    Body(Regex),
    Number(NumberColumn, RangeInclusive<i64>),
    Age(RangeInclusive<i64>),
    Is(&'static [NumberColumn], i64),
    Network(Column, Network),
    Present(Presence),
    /// What is not known of a flow on its way.
    Unknown,
}

impl Filter {
    /// The filter, ready to be decided in memory.
    pub fn matcher(&self) -> Matcher {
        Matcher {
            root: self.root.as_ref().map(ready),
        }
    }

    /// Why the filter cannot be decided when a message passes: a term asks for what is not known then.
    pub fn unknown_at(&self, stage: Stage) -> Option<String> {
        self.root.as_ref().and_then(|root| unknown(root, stage))
    }
}

impl Matcher {
    /// Whether nothing on this host can match, whatever else is known of it.
    pub fn rules_out(&self, host: &str) -> bool {
        self.root
            .as_ref()
            .is_some_and(|root| on_host(root, host) == Some(false))
    }

    /// A text without which the filter does not match, and the pattern that looks for it: the one that few flows have. What a
    /// person wrote as a regular expression is none: many of those together can take long.
    pub(super) fn needed(&self) -> Option<(Needed, &str)> {
        needed(self.root.as_ref()?)
    }

    /// Whether the filter matches.
    pub fn matches(&self, passing: Passing<'_>) -> bool {
        // what is not known does not match
        self.root
            .as_ref()
            .is_none_or(|root| decide(root, passing).unwrap_or(false))
    }

    /// Whether the filter may match: what is not known might be anything.
    pub fn may_match(&self, passing: Passing<'_>) -> bool {
        self.root
            .as_ref()
            .is_none_or(|root| decide(root, passing).unwrap_or(true))
    }
}

fn ready(node: &Node) -> Ready {
    match node {
        Node::And(nodes) => Ready::And(cheap_first(nodes.iter().map(ready))),
        Node::Or(nodes) => Ready::Or(cheap_first(nodes.iter().map(ready))),
        Node::Not(node) => Ready::Not(Box::new(ready(node))),
        Node::Test(test) => ready_test(test),
    }
}

fn ready_test(test: &Test) -> Ready {
    // patterns and networks were tried when the filter was read
    let compiled = |pattern: &str, make: &dyn Fn(Regex) -> Ready| {
        search::compile(pattern).map_or(Ready::Unknown, make)
    };
    match test {
        Test::Text(columns, pattern) => compiled(pattern, &|regex| Ready::Text(columns, regex)),
        Test::Heads(pattern) => compiled(pattern, &Ready::Heads),
        Test::Body(pattern) => compiled(pattern, &Ready::Body),
        Test::Number(column, range) => Ready::Number(*column, range.clone()),
        Test::Age(range) => Ready::Age(range.clone()),
        Test::Is(columns, value) => Ready::Is(columns, *value),
        Test::Network(column, network) => network
            .parse()
            .map_or(Ready::Unknown, |network| Ready::Network(*column, network)),
        Test::Present(presence) => Ready::Present(*presence),
        Test::Any(tests) => Ready::Or(cheap_first(tests.iter().map(ready_test))),
        Test::All(tests) => Ready::And(cheap_first(tests.iter().map(ready_test))),
    }
}

/// What is cheap to decide stands first, as in SQL.
fn cheap_first(parts: impl Iterator<Item = Ready>) -> Vec<Ready> {
    let mut parts: Vec<_> = parts.collect();
    parts.sort_by_key(cost);
    parts
}

fn cost(ready: &Ready) -> u32 {
    match ready {
        Ready::And(parts) | Ready::Or(parts) => parts.iter().map(cost).max().unwrap_or(0),
        Ready::Not(part) => cost(part),
        Ready::Number(..) | Ready::Age(_) | Ready::Is(..) | Ready::Present(_) | Ready::Unknown => 0,
        Ready::Text(columns, _) if columns.contains(&Column::Url) => 2,
        Ready::Text(..) | Ready::Network(..) => 1,
        Ready::Heads(_) => 10,
        Ready::Body(_) => 20,
    }
}

/// A column in which a filter needs something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Needed(Column);

impl Needed {
    /// What a flow has there; none where nothing is known.
    pub(super) fn text(self, flow: &Flow) -> Option<Cow<'_, str>> {
        text(self.0, flow)
    }
}

fn needed(ready: &Ready) -> Option<(Needed, &str)> {
    match ready {
        Ready::And(parts) => {
            let parts = parts.iter().filter_map(needed);
            parts.max_by_key(|(Needed(column), _)| match column {
                Column::Path => 2,
                Column::Method | Column::Scheme => 0,
                _ => 1,
            })
        }
        Ready::Text([column], regex) if !pattern::is_regex(regex.as_str()) => {
            Some((Needed(*column), regex.as_str()))
        }
        _ => None,
    }
}

/// True, false, or none where SQL has NULL.
fn decide(ready: &Ready, passing: Passing<'_>) -> Option<bool> {
    let flow = passing.flow;
    match ready {
        Ready::And(parts) => {
            let mut all = Some(true);
            for part in parts {
                match decide(part, passing) {
                    Some(false) => return Some(false),
                    None => all = None,
                    Some(true) => {}
                }
            }
            all
        }
        Ready::Or(parts) => any(parts.iter().map(|part| decide(part, passing))),
        Ready::Not(part) => Some(!decide(part, passing).unwrap_or(false)),
        Ready::Text(columns, regex) => any(columns
            .iter()
            .map(|column| Some(regex.is_match(text(*column, flow)?.as_bytes())))),
        Ready::Heads(regex) => Some(passing.heads.iter().any(|head| regex.is_match(head))),
        Ready::Body(regex) => Some(regex.is_match(passing.body?)),
        Ready::Number(column, range) => Some(range.contains(&number(*column, flow)?)),
        Ready::Age(range) => Some(range.contains(&(rule::now() - flow.times.started.0))),
        Ready::Is(columns, value) => Some(
            columns
                .iter()
                .any(|column| number(*column, flow) == Some(*value)),
        ),
        Ready::Network(column, network) => {
            let address = match column {
                Column::Server => flow.server?,
                _ => flow.client,
            };
            Some(network.contains(&address.to_string()))
        }
        Ready::Present(presence) => Some(present(*presence, flow)),
        Ready::Unknown => None,
    }
}

/// What can be said when only the host is known: true, false, or none.
fn on_host(ready: &Ready, host: &str) -> Option<bool> {
    match ready {
        Ready::And(parts) => {
            let mut all = Some(true);
            for part in parts {
                match on_host(part, host) {
                    Some(false) => return Some(false),
                    None => all = None,
                    Some(true) => {}
                }
            }
            all
        }
        Ready::Or(parts) => any(parts.iter().map(|part| on_host(part, host))),
        Ready::Not(part) => on_host(part, host).map(|known| !known),
        Ready::Text([Column::Host], regex) => Some(regex.is_match(host.as_bytes())),
        _ => None,
    }
}

fn any(parts: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let mut any = Some(false);
    for part in parts {
        match part {
            Some(true) => return Some(true),
            None => any = None,
            Some(false) => {}
        }
    }
    any
}

fn text(column: Column, flow: &Flow) -> Option<Cow<'_, str>> {
    let address = |address: SocketAddr| Cow::Owned(address.to_string());
    Some(match column {
        Column::Url => Cow::Owned(flow.url()),
        Column::Host => Cow::Borrowed(flow.host.as_str()),
        Column::Path => Cow::Borrowed(flow.path.as_str()),
        Column::Method => Cow::Borrowed(flow.method.as_str()),
        Column::Scheme => Cow::Borrowed(flow.scheme.as_str()),
        Column::RequestType => Cow::Borrowed(flow.request.content_type.as_str()),
        Column::ResponseType => Cow::Borrowed(flow.response.content_type.as_str()),
        Column::Client => address(flow.client),
        Column::Server => address(flow.server?),
        Column::ErrorText => Cow::Borrowed(flow.error.as_ref()?.text.as_str()),
        Column::Tags => Cow::Borrowed(flow.tags.as_str()),
        Column::Comment => Cow::Borrowed(flow.comment.as_str()),
        Column::App => Cow::Borrowed(flow.app.as_str()),
        Column::Rules => Cow::Borrowed(flow.rules.as_str()),
    })
}

fn number(column: NumberColumn, flow: &Flow) -> Option<i64> {
    let version = |version: Option<Version>| version.map(|version| version as i64);
    Some(match column {
        NumberColumn::Id => flow.id.0,
        NumberColumn::Connection => flow.connection.0,
        NumberColumn::Kind => flow.kind as i64,
        NumberColumn::State => flow.state as i64,
        NumberColumn::Status => flow.status?.into(),
        NumberColumn::Grpc => flow.grpc.as_ref()?.code.into(),
        NumberColumn::Port => flow.port.into(),
        NumberColumn::Duration => flow.times.ended?.0 - flow.times.started.0,
        NumberColumn::RequestSize => crate::table::int(flow.request.body_size),
        NumberColumn::ResponseSize => crate::table::int(flow.response.body_size),
        NumberColumn::RequestVersion => version(flow.request.version)?,
        NumberColumn::ResponseVersion => version(flow.response.version)?,
        NumberColumn::ErrorCause => flow.error.as_ref()?.cause as i64,
        NumberColumn::ReplayOf => flow.replay_of?.0,
        NumberColumn::Started => flow.times.started.0,
        NumberColumn::Session => flow.session.0,
        NumberColumn::Color => flow.color.map_or(0, |color| color as i64),
        NumberColumn::Starred => flow.starred.into(),
        NumberColumn::Modified => flow.modified.into(),
    })
}

fn present(presence: Presence, flow: &Flow) -> bool {
    match presence {
        Presence::Status => flow.status.is_some(),
        Presence::Grpc => flow.grpc.is_some(),
        Presence::Error => flow.error.is_some(),
        Presence::Tags => !flow.tags.is_empty(),
        Presence::Comment => !flow.comment.is_empty(),
        Presence::App => !flow.app.is_empty(),
        Presence::Replay => flow.replay_of.is_some(),
        Presence::Color => flow.color.is_some(),
        // what passes is recorded, and not read from a file
        Presence::Imported => false,
        Presence::Server => flow.server.is_some(),
        Presence::Type => {
            !(flow.response.content_type.is_empty() && flow.request.content_type.is_empty())
        }
        Presence::Rules => !flow.rules.is_empty(),
    }
}

fn unknown(node: &Node, stage: Stage) -> Option<String> {
    match node {
        Node::And(nodes) | Node::Or(nodes) => nodes.iter().find_map(|node| unknown(node, stage)),
        Node::Not(node) => unknown(node, stage),
        Node::Test(test) => unknown_test(test, stage),
    }
}

fn unknown_test(test: &Test, stage: Stage) -> Option<String> {
    use NumberColumn as N;
    let number = |column: NumberColumn| match column {
        N::Status if stage == Stage::Request => Some("status"),
        N::Duration => Some("duration"),
        // it comes behind the body
        N::Grpc => Some("grpc"),
        N::RequestSize => Some("upload"),
        N::ResponseSize => Some("size"),
        N::ErrorCause => Some("error"),
        N::State => Some("state"),
        N::Id => Some("id"),
        N::Connection => Some("connection"),
        _ => None,
    };
    let field = match test {
        Test::Body(_) if stage != Stage::Message => Some("body"),
        Test::Number(column, _) => number(*column),
        Test::Is(columns, _) => columns.iter().find_map(|column| number(*column)),
        Test::Text(columns, _) => columns.iter().find_map(|column| match column {
            Column::ErrorText => Some("error"),
            Column::Rules => Some("rule"),
            _ => None,
        }),
        Test::Present(Presence::Status) if stage == Stage::Request => Some("status"),
        Test::Present(Presence::Error) => Some("error"),
        Test::Present(Presence::Grpc) => Some("grpc"),
        Test::Present(Presence::Rules) => Some("rule"),
        Test::Any(tests) | Test::All(tests) => {
            return tests.iter().find_map(|test| unknown_test(test, stage));
        }
        _ => None,
    }?;
    Some(match (field, stage) {
        ("status", _) => {
            "status: is not known yet when a request passes: choose the stage response".to_owned()
        }
        ("body" | "size" | "upload", _) => format!(
            "{field}: cannot be decided by a rule: a rule decides when the head has come, and the body comes after it"
        ),
        _ => format!(
            "{field}: cannot be decided by a rule: it is not known before the exchange has passed"
        ),
    })
}
