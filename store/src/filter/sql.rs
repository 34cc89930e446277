//! Conditions to SQL. Values are arguments, never part of the text; text is matched by functions of ours.

use super::{
    parse::Node,
    test::{Column, NumberColumn, Presence, Test},
};
use crate::flow::Timestamp;

/// A value that SQL is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Argument {
    Int(i64),
    Text(String),
}

/// A condition on a row of `flows`, and the values of its `?` in order.
pub(super) fn condition(root: &Node) -> (String, Vec<Argument>) {
    let mut sql = Sql::default();
    sql.node(root);
    (sql.text, sql.arguments)
}

#[derive(Default)]
struct Sql {
    text: String,
    arguments: Vec<Argument>,
}

impl Sql {
    fn node(&mut self, node: &Node) {
        match node {
            Node::And(nodes) => self.joined(nodes, " AND ", cost, Self::node),
            Node::Or(nodes) => self.joined(nodes, " OR ", cost, Self::node),
            Node::Not(node) => {
                // what is not known does not match, so its negation does
                self.text.push_str("NOT coalesce(");
                self.node(node);
                self.text.push_str(", 0)");
            }
            Node::Test(test) => self.test(test),
        }
    }

    fn test(&mut self, test: &Test) {
        match test {
            Test::Text(columns, pattern) => {
                let each = |sql: &mut Self, column: &Column| {
                    sql.text.push_str("overhear_match(?, ");
                    sql.text.push_str(column_sql(*column));
                    sql.text.push(')');
                    sql.arguments.push(Argument::Text(pattern.clone()));
                };
                self.joined(columns, " OR ", |_| 0, each);
            }
            Test::Heads(pattern) => {
                self.text.push_str(
                    "(EXISTS (SELECT 1 FROM heads WHERE heads.id BETWEEN flows.id << 3 \
                    AND (flows.id << 3) + 7 AND overhear_match(?, head)) \
                    OR EXISTS (SELECT 1 FROM interims WHERE interims.id BETWEEN flows.id << 8 \
                    AND (flows.id << 8) + 255 AND overhear_match(?, head)))",
                );
                let argument = Argument::Text(pattern.clone());
                self.arguments.extend([argument.clone(), argument]);
            }
            Test::Body(pattern) => {
                self.text.push_str(
                    "(request_body_size + response_body_size > 0 AND overhear_body(?, flows.id, kind, \
                    request_encoding, response_encoding))",
                );
                self.arguments.push(Argument::Text(pattern.clone()));
            }
            Test::Number(column, range) => {
                self.text.push_str(number_sql(*column));
                self.text.push_str(" BETWEEN ? AND ?");
                let ends = [*range.start(), *range.end()];
                self.arguments.extend(ends.map(Argument::Int));
            }
            Test::Age(range) => {
                self.text.push_str("(? - started) BETWEEN ? AND ?");
                let now = Timestamp::now().0;
                let values = [now, *range.start(), *range.end()];
                self.arguments.extend(values.map(Argument::Int));
            }
            Test::Is(columns, value) => {
                let each = |sql: &mut Self, column: &NumberColumn| {
                    sql.text.push_str(number_sql(*column));
                    sql.text.push_str(" IS ?");
                    sql.arguments.push(Argument::Int(*value));
                };
                self.joined(columns, " OR ", |_| 0, each);
            }
            Test::Network(column, network) => {
                self.text.push_str("overhear_network(?, ");
                self.text.push_str(column_sql(*column));
                self.text.push(')');
                self.arguments.push(Argument::Text(network.clone()));
            }
            Test::Present(presence) => self.text.push_str(presence_sql(*presence)),
            Test::Any(tests) => self.joined(tests, " OR ", test_cost, Self::test),
            Test::All(tests) => self.joined(tests, " AND ", test_cost, Self::test),
        }
    }

    /// Several conditions, the cheap ones first: SQLite looks at them in the order in which they stand.
    fn joined<T>(
        &mut self,
        parts: &[T],
        between: &str,
        cost: impl Fn(&T) -> u32,
        mut each: impl FnMut(&mut Self, &T),
    ) {
        let mut parts: Vec<&T> = parts.iter().collect();
        parts.sort_by_key(|part| cost(part));
        self.text.push('(');
        for (at, part) in parts.into_iter().enumerate() {
            if at > 0 {
                self.text.push_str(between);
            }
            each(self, part);
        }
        self.text.push(')');
    }
}

fn cost(node: &Node) -> u32 {
    match node {
        Node::And(nodes) | Node::Or(nodes) => nodes.iter().map(cost).max().unwrap_or(0),
        Node::Not(node) => cost(node),
        Node::Test(test) => test_cost(test),
    }
}

fn test_cost(test: &Test) -> u32 {
    match test {
        Test::Number(..) | Test::Age(_) | Test::Is(..) | Test::Present(_) => 0,
        Test::Text(..) | Test::Network(..) => 1,
        Test::Heads(_) => 10,
        Test::Body(_) => 100,
        Test::Any(tests) | Test::All(tests) => tests.iter().map(test_cost).max().unwrap_or(0),
    }
}

fn column_sql(column: Column) -> &'static str {
    match column {
        // as `Flow::url` writes it
        Column::Url => {
            "iif(scheme = 'dns', 'dns:' || host || iif(method = '', '', '?type=' || method), \
            scheme || '://' || iif(instr(host, ':'), '[' || host || ']', host) \
            || iif((port = 80 AND scheme IN ('http', 'ws')) OR (port = 443 AND scheme IN ('https', 'wss')), \
            '', ':' || port) || iif(path = '*', '', path))"
        }
        Column::Host => "host",
        Column::Path => "path",
        Column::Method => "method",
        Column::Scheme => "scheme",
        Column::RequestType => "request_type",
        Column::ResponseType => "response_type",
        Column::Client => "client",
        Column::Server => "server",
        Column::ErrorText => "error_text",
        Column::Tags => "tags",
        Column::Comment => "comment",
        Column::App => "app",
        Column::Rules => "rules",
    }
}

fn number_sql(column: NumberColumn) -> &'static str {
    match column {
        // the plus keeps SQLite from choosing this range over the slice of the list
        NumberColumn::Id => "+flows.id",
        NumberColumn::Connection => "connection",
        NumberColumn::Kind => "kind",
        NumberColumn::State => "+state",
        NumberColumn::Status => "status",
        NumberColumn::Grpc => "grpc_status",
        NumberColumn::Port => "port",
        NumberColumn::Duration => "(ended - started)",
        NumberColumn::RequestSize => "request_body_size",
        NumberColumn::ResponseSize => "response_body_size",
        NumberColumn::RequestVersion => "request_version",
        NumberColumn::ResponseVersion => "response_version",
        NumberColumn::ErrorCause => "error_cause",
        // a list reads the rows in the order of their numbers, not of this index
        NumberColumn::ReplayOf => "+replay_of",
        NumberColumn::Started => "started",
        NumberColumn::Session => "session",
        NumberColumn::Color => "color",
        NumberColumn::Starred => "starred",
        NumberColumn::Modified => "modified",
    }
}

fn presence_sql(presence: Presence) -> &'static str {
    match presence {
        Presence::Status => "status IS NOT NULL",
        Presence::Grpc => "grpc_status IS NOT NULL",
        Presence::Error => "error_cause IS NOT NULL",
        Presence::Tags => "tags <> ''",
        Presence::Comment => "comment <> ''",
        Presence::App => "app <> ''",
        Presence::Rules => "rules <> ''",
        Presence::Replay => "+replay_of IS NOT NULL",
        Presence::Color => "color <> 0",
        Presence::Imported => "session IN (SELECT id FROM sessions WHERE source = 1)",
        Presence::Server => "server IS NOT NULL",
        Presence::Type => "(response_type <> '' OR request_type <> '')",
    }
}
