//! The flows as a tree of devices, hosts and paths, one level at a time.

mod selects;

use super::{Which, list::Condition};
use crate::{error::Error, store::Store, table};
use sqlx::{AssertSqlSafe, Row};
use std::{
    collections::{HashMap, HashSet},
    time::Instant,
};

/// Nodes of a level that are told.
const TOLD: usize = 500;

/// Nodes of a level that are held.
const HELD: usize = 50_000;

/// Which level of the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Level {
    /// The programs on this computer, and the other devices: the clients' addresses.
    Devices,
    /// The hosts, of one device or of all.
    Hosts {
        /// The device, as [`Node::key`] names it.
        client: Option<String>,
    },
    /// What is directly below a path.
    Paths {
        /// The device, as [`Node::key`] names it.
        client: Option<String>,
        /// The host as [`Node::key`] names it.
        host: String,
        /// A path that ends in `/`.
        path: String,
    },
}

/// A level of the tree.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tree {
    /// Its nodes, those with the most flows first.
    pub nodes: Vec<Node>,
    /// How many more there are.
    pub more: u64,
}

/// A node of the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// What a person reads.
    pub name: String,
    /// What names it when its children are asked for.
    pub key: String,
    /// How many flows.
    pub count: u64,
    /// Flows that failed, have a status of 400 and more, or are gRPC calls that did not end with OK.
    pub errors: u64,
    /// Flows that are going on.
    pub running: u64,
    /// Bytes of both bodies.
    pub bytes: u64,
    /// There is something below it.
    pub children: bool,
    /// A filter for its flows, of those that the tree is made of.
    pub filter: String,
}

/// What a simple filter would find beside the flows of a level.
#[derive(Debug, Default, Clone, Copy)]
struct Others {
    /// Flows of the host with other ports.
    ports: bool,
    /// Flows whose path differs in case only.
    case: bool,
}

#[derive(Debug, Default, Clone, Copy)]
struct Sums {
    count: u64,
    errors: u64,
    running: u64,
    bytes: u64,
}

/// The program behind [`PROGRAM`]; where none is known, the client's address.
const DEVICE: &str =
    "iif(app <> '', 'app:' || app, trim(rtrim(rtrim(client, '0123456789'), ':'), '[]'))";

/// A program's key begins so; no address does.
const PROGRAM: &str = "app:";

/// The host; an IPv6 address in brackets.
const NAME: &str = "iif(instr(host, ':'), '[' || lower(host) || ']', lower(host))";

/// The host, with its port when that is not a usual one: neither 80 nor 443, or the one of the other scheme.
const HOST: &str = "iif(instr(host, ':'), '[' || lower(host) || ']', lower(host)) || \
    iif(port IN (80, 443) AND NOT (port = 80 AND scheme IN ('https', 'wss')) AND NOT (port = 443 AND scheme IN ('http', 'ws')), \
    '', ':' || port)";

/// Stands for the flows whose path differs from the one that is asked for in case only.
const OTHER_CASE: &str = "";

impl Store {
    /// A level of the tree of flows.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn tree(&self, which: &Which, level: &Level) -> Result<Tree, Error> {
        let condition = Condition::which(which);
        let (client, host, path) = match level {
            Level::Devices => (None, None, None),
            Level::Hosts { client } => (client.as_ref(), None, None),
            Level::Paths { client, host, path } => (client.as_ref(), Some(host), Some(path)),
        };
        let key = match (level, path) {
            (Level::Devices, _) => DEVICE.to_owned(),
            (_, None) => HOST.to_owned(),
            (_, Some(path)) => segment(path.chars().count(), path == "/"),
        };
        // of a host with the usual ports, flows with other ports are looked at too: whether there are any is told
        // by a node without a name
        let (mut conditions, mut texts) = (Vec::new(), Vec::new());
        // paths are case-sensitive (RFC 9110 section 4.2.3), and most of what filters do with them is not
        let deep = path.filter(|path| *path != "/");
        let key = match deep {
            Some(path) => format!(
                "iif(substr(path, 1, {}) = ?, {key}, '{OTHER_CASE}')",
                path.chars().count()
            ),
            None => key,
        };
        let key = match host {
            Some(_) => format!("iif({HOST} = ?, {key}, NULL)"),
            None => key,
        };
        if let Some(client) = client {
            conditions.push(format!("{DEVICE} = ?"));
            texts.push(client.clone());
        }
        if let Some(host) = host {
            conditions.push(format!("{NAME} = ?"));
            texts.push(selects::without_port(host).to_lowercase());
        }
        if let Some(path) = deep {
            let begins = format!("lower(substr(path, 1, {}))", path.chars().count());
            conditions.push(format!("{begins} = lower(?)"));
            texts.push(path.clone());
        }
        conditions.push(condition.sql.clone());
        let sql = format!(
            "SELECT {key} AS node, count(*), \
            sum(state = 2 OR coalesce(status, 0) >= 400 OR coalesce(grpc_status, 0) > 0), sum(state = 0), \
            sum(request_body_size + response_body_size) \
            FROM flows WHERE id BETWEEN ? AND ? AND {} GROUP BY node",
            conditions.join(" AND ")
        );
        let mut nodes: HashMap<String, Sums> = HashMap::new();
        let mut more = HashSet::new();
        let mut others = Others::default();
        let mut slices = self.slices_of(which.session, true).await?;
        while let Some((low, high)) = slices.next() {
            let begun = Instant::now();
            let mut query = sqlx::query(AssertSqlSafe(sql.clone()));
            if let Some(host) = host {
                query = query.bind(host.to_lowercase());
            }
            if let Some(path) = deep {
                query = query.bind(path.clone());
            }
            query = query.bind(low).bind(high);
            for text in &texts {
                query = query.bind(text.clone());
            }
            for row in condition.bind(query).fetch_all(self.readers()).await? {
                let Some(node) = row.try_get::<Option<String>, _>(0)? else {
                    others.ports = true;
                    continue;
                };
                if deep.is_some() && node == OTHER_CASE {
                    others.case = true;
                    continue;
                }
                if nodes.len() >= HELD && !nodes.contains_key(&node) {
                    // counted, as far as that is reasonable
                    if more.len() < HELD {
                        more.insert(node);
                    }
                    continue;
                }
                let number = |at| Ok::<_, sqlx::Error>(table::count(row.try_get(at)?));
                let sums = nodes.entry(node).or_default();
                sums.count += number(1)?;
                sums.errors += number(2)?;
                sums.running += number(3)?;
                sums.bytes += number(4)?;
            }
            slices.took(begun.elapsed());
        }
        Ok(tree(level, nodes, more.len(), others))
    }
}

/// The part of a path after a prefix of so many characters, to the next `/` and with it; its query is cut off. What
/// does not begin with `/` is below the root as it is.
fn segment(prefix: usize, root: bool) -> String {
    let path = "substr(path, 1, instr(path || '?', '?') - 1)";
    let rest = format!("substr({path}, {})", prefix + 1);
    let to_slash =
        format!("substr({rest}, 1, iif(instr({rest}, '/'), instr({rest}, '/'), length({rest})))");
    match root {
        true => format!("iif(substr(path, 1, 1) = '/', '/' || {to_slash}, {path})"),
        false => format!("'/' || {to_slash}"),
    }
}

fn tree(level: &Level, nodes: HashMap<String, Sums>, left_out: usize, others: Others) -> Tree {
    let mut nodes: Vec<(String, Sums)> = nodes.into_iter().collect();
    nodes.sort_by(|(a, x), (b, y)| y.count.cmp(&x.count).then_with(|| a.cmp(b)));
    let more = (nodes.len().saturating_sub(TOLD) + left_out) as u64;
    let names: HashSet<&str> = nodes.iter().map(|(name, _)| name.as_str()).collect();
    // names that differ in case only are told apart by a regular expression
    let mut lower: HashMap<String, u32> = HashMap::new();
    for (name, _) in &nodes {
        *lower.entry(name.to_lowercase()).or_default() += 1;
    }
    let told = nodes.iter().take(TOLD).map(|(name, sums)| {
        let alone = !others.case && lower.get(&name.to_lowercase()) == Some(&1);
        let (name, key, children, filter) = match level {
            Level::Devices => {
                let shown = name.strip_prefix(PROGRAM).unwrap_or(name);
                (shown.to_owned(), name.clone(), true, selects::device(name))
            }
            Level::Hosts { client } => {
                let other_ports = names.iter().any(|other| {
                    let port = other.strip_prefix(name.as_str());
                    port.is_some_and(|port| port.starts_with(':'))
                });
                let filter = selects::host(name, other_ports);
                let filter = selects::both(client.as_deref().map(selects::device), filter);
                (name.clone(), name.clone(), true, filter)
            }
            Level::Paths { client, host, path } => {
                let (name, key, children) = below(path, name);
                let filter = selects::path(&key, children, alone);
                let filter = selects::both(Some(selects::host(host, others.ports)), filter);
                let filter = selects::both(client.as_deref().map(selects::device), filter);
                (name, key, children, filter)
            }
        };
        Node {
            name,
            key,
            count: sums.count,
            errors: sums.errors,
            running: sums.running,
            bytes: sums.bytes,
            children,
            filter,
        }
    });
    Tree {
        nodes: told.collect(),
        more,
    }
}

/// The name and the key of what was found directly below a path, and whether there is something below it.
fn below(path: &str, found: &str) -> (String, String, bool) {
    let Some(rest) = found.strip_prefix('/') else {
        // no path, or one that does not begin with a slash
        return (found.to_owned(), found.to_owned(), false);
    };
    let key = format!("{path}{rest}");
    match rest {
        "" => ("/".to_owned(), key, false),
        // `//` is a segment without a name
        rest => (rest.to_owned(), key, rest.ends_with('/')),
    }
}
