//! Two sets of flows against each other: what is new, gone, changed in status, slower.
//!
//! Flows are the same when method, host and port and path are, after what differs from visit to visit is taken out of the path
//! (see [`pattern`](super::pattern)). What is kept of them is bounded, however many there are.

use super::{
    list::Condition,
    pattern::{self, QueryPart},
};
use crate::{
    error::Error,
    filter::Filter,
    flow::{FlowId, Kind, SessionId, State},
    store::Store,
};
use sqlx::{AssertSqlSafe, Row, sqlite::SqliteRow};
use std::{
    collections::{BTreeMap, HashMap},
    time::{Duration, Instant},
};

/// Different requests that are told apart; those that come later are only counted.
const MOST_ROWS: usize = 50_000;

/// Times that are kept of a request: with more, every second, then every fourth...
const MOST_TIMES: usize = 64;

/// One of the two sets: flows of a session (or of all), of a filter (or all of them).
#[derive(Debug, Clone, Default)]
pub struct Set {
    /// Only of this session.
    pub session: Option<SessionId>,
    /// Only those that match.
    pub filter: Option<Filter>,
}

/// How two sets are compared.
#[derive(Debug, Clone)]
pub struct CompareOptions {
    /// What of the query belongs to a request.
    pub query: QueryPart,
    /// Requests to different hosts can be the same: for two servers of one thing.
    pub any_host: bool,
    /// Slower is what takes at least so many milliseconds more...
    pub slower_ms: f64,
    /// ...and at least so many times as long.
    pub slower_ratio: f64,
}

impl Default for CompareOptions {
    fn default() -> Self {
        Self {
            query: QueryPart::Names,
            any_host: false,
            slower_ms: 100.0,
            slower_ratio: 1.5,
        }
    }
}

/// What became of a request from the first set to the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Became {
    /// The second has other statuses.
    Status,
    /// Its median time is longer, by both measures of [`CompareOptions`].
    Slower,
    /// Only the second has it.
    New,
    /// Only the first has it.
    Gone,
    /// None of these.
    Same,
}

/// A request as both sets have it.
#[derive(Debug, Clone, PartialEq)]
pub struct Compared {
    /// Request method.
    pub method: String,
    /// Host, with its port where that is not the usual one; empty when hosts do not count.
    pub host: String,
    /// Path, and what counts of the query, with `{n}`, `{uuid}` and `{hex}` for what differs from visit to visit.
    pub path: String,
    /// What became of it; one, or status and slower.
    pub became: Vec<Became>,
    /// In the first set; none when that does not have it.
    pub a: Option<Seen>,
    /// In the second set.
    pub b: Option<Seen>,
}

/// A request in one set.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// How many flows.
    pub count: u64,
    /// Statuses and how many had them; none is a failure.
    pub statuses: Vec<(Option<u16>, u64)>,
    /// The median time of those that did not fail: milliseconds, of up to 64 of them, evenly taken.
    pub median_ms: Option<f64>,
    /// One of the flows, which shows what became of it: the last with a status that the other set does not have, otherwise
    /// that with the median time.
    pub example: FlowId,
}

/// Two sets against each other.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Comparison {
    /// What became of requests: those with another status first, then the slower ones, new, gone, the same; slower ones by how much, others by
    /// host and path.
    pub rows: Vec<Compared>,
    /// Flows of the first set that were looked at: HTTP and WebSockets that are over.
    pub flows_a: u64,
    /// Of the second set.
    pub flows_b: u64,
    /// Flows that belong to requests beyond the first 50,000, which are not in the rows.
    pub left_out: u64,
}

impl Store {
    /// Compares two sets of flows.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn compare(
        &self,
        a: &Set,
        b: &Set,
        options: &CompareOptions,
    ) -> Result<Comparison, Error> {
        let mut table = Table::default();
        for (side, set) in [a, b].into_iter().enumerate() {
            self.gather(set, options, |key, one| table.add(side, key, &one))
                .await?;
        }
        Ok(table.compared(options))
    }

    async fn gather(
        &self,
        set: &Set,
        options: &CompareOptions,
        mut add: impl FnMut(Key, One),
    ) -> Result<(), Error> {
        let condition = Condition::which(&super::Which {
            filter: set.filter.clone(),
            session: set.session,
            ids: None,
        });
        let sql = format!(
            "SELECT id, method, scheme, host, port, path, status, error_cause, started, ended FROM flows \
            WHERE id BETWEEN ? AND ? AND kind IN ({}, {}) AND state <> {} AND method <> 'CONNECT' AND {} ORDER BY id",
            Kind::Http as i64,
            Kind::WebSocket as i64,
            State::Running as i64,
            condition.sql
        );
        let mut slices = self.slices_of(set.session, false).await?;
        while let Some((low, high)) = slices.next() {
            let begun = Instant::now();
            let query = sqlx::query(AssertSqlSafe(sql.clone())).bind(low).bind(high);
            for row in condition.bind(query).fetch_all(self.readers()).await? {
                let (key, one) = read(&row, options)?;
                add(key, one);
            }
            slices.took(begun.elapsed());
            // the rows of a slice are in memory: not more than a few thousand
            slices.at_most(8192);
        }
        Ok(())
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Key {
    host: String,
    path: String,
    method: String,
}

/// What counts of a flow.
struct One {
    id: FlowId,
    /// None: it failed.
    status: Option<u16>,
    ms: f64,
}

fn read(row: &SqliteRow, options: &CompareOptions) -> Result<(Key, One), sqlx::Error> {
    let scheme: String = row.try_get("scheme")?;
    let port: i64 = row.try_get("port")?;
    let path: String = row.try_get("path")?;
    let mut host: String = row.try_get("host")?;
    host.make_ascii_lowercase();
    let usual = matches!(
        (scheme.as_str(), port),
        ("http" | "ws", 80) | ("https" | "wss", 443)
    );
    if options.any_host {
        host.clear();
    } else if !usual {
        host = format!("{host}:{port}");
    }
    let key = Key {
        host,
        path: pattern::path(&path, options.query),
        method: row.try_get("method")?,
    };
    let failed = row.try_get::<Option<i64>, _>("error_cause")?.is_some();
    let status: Option<i64> = row.try_get("status")?;
    let (started, ended): (i64, Option<i64>) = (row.try_get("started")?, row.try_get("ended")?);
    let took = ended.map_or(0, |ended| ended.saturating_sub(started).max(0));
    let one = One {
        id: FlowId(row.try_get("id")?),
        status: status
            .filter(|_| !failed)
            .and_then(|status| u16::try_from(status).ok()),
        ms: Duration::from_nanos(u64::try_from(took).unwrap_or(0)).as_secs_f64() * 1000.0,
    };
    Ok((key, one))
}

#[derive(Default)]
struct Table {
    rows: HashMap<Key, [Tally; 2]>,
    flows: [u64; 2],
    left_out: u64,
}

/// A request in one set, as it is gathered.
#[derive(Default)]
struct Tally {
    count: u64,
    /// How many had a status, and which was the last.
    statuses: BTreeMap<Option<u16>, (u64, i64)>,
    /// Every `1 << thinned`th time that did not fail, with its flow.
    times: Vec<(f64, i64)>,
    answered: u64,
    thinned: u32,
}

impl Table {
    fn add(&mut self, side: usize, key: Key, one: &One) {
        if let Some(flows) = self.flows.get_mut(side) {
            *flows += 1;
        }
        if self.rows.len() >= MOST_ROWS && !self.rows.contains_key(&key) {
            self.left_out += 1;
            return;
        }
        if let Some(tally) = self.rows.entry(key).or_default().get_mut(side) {
            tally.add(one);
        }
    }

    fn compared(self, options: &CompareOptions) -> Comparison {
        let [flows_a, flows_b] = self.flows;
        let mut rows: Vec<(f64, Compared)> = self
            .rows
            .into_iter()
            .map(|(key, [a, b])| row(key, &a, &b, options))
            .collect();
        rows.sort_by(|(more, x), (less, y)| {
            let by_slowness = match x.became.first() == Some(&Became::Slower) {
                true => less.total_cmp(more),
                false => std::cmp::Ordering::Equal,
            };
            let place = |row: &Compared| (row.host.clone(), row.path.clone(), row.method.clone());
            x.became
                .first()
                .cmp(&y.became.first())
                .then(by_slowness)
                .then_with(|| place(x).cmp(&place(y)))
        });
        Comparison {
            rows: rows.into_iter().map(|(_, row)| row).collect(),
            flows_a,
            flows_b,
            left_out: self.left_out,
        }
    }
}

/// A row, and how many milliseconds longer the second is.
fn row(key: Key, a: &Tally, b: &Tally, options: &CompareOptions) -> (f64, Compared) {
    let (before, after) = (a.median(), b.median());
    let mut became = Vec::new();
    let mut longer = 0.0;
    match (a.count, b.count) {
        (0, _) => became.push(Became::New),
        (_, 0) => became.push(Became::Gone),
        _ => {
            if !a.statuses.keys().eq(b.statuses.keys()) {
                became.push(Became::Status);
            }
            if let (Some((before, _)), Some((after, _))) = (before, after) {
                longer = after - before;
                if longer >= options.slower_ms && after >= before * options.slower_ratio {
                    became.push(Became::Slower);
                }
            }
            if became.is_empty() {
                became.push(Became::Same);
            }
        }
    }
    let row = Compared {
        method: key.method,
        host: key.host,
        path: key.path,
        became,
        a: a.seen(b),
        b: b.seen(a),
    };
    (longer, row)
}

impl Tally {
    fn add(&mut self, one: &One) {
        self.count += 1;
        let (count, last) = self.statuses.entry(one.status).or_default();
        (*count, *last) = (*count + 1, one.id.0);
        if one.status.is_none() {
            return;
        }
        if self.answered.is_multiple_of(1 << self.thinned) {
            if self.times.len() == MOST_TIMES {
                let mut at = 0;
                self.times.retain(|_| {
                    at += 1;
                    at % 2 == 1
                });
                self.thinned += 1;
            }
            // what was thinned out just now is not taken either
            if self.answered.is_multiple_of(1 << self.thinned) {
                self.times.push((one.ms, one.id.0));
            }
        }
        self.answered += 1;
    }

    /// The median time, by the nearest rank, and its flow.
    fn median(&self) -> Option<(f64, FlowId)> {
        let mut times = self.times.clone();
        times.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        let middle = times.len().div_ceil(2).checked_sub(1)?;
        times.get(middle).map(|(ms, id)| (*ms, FlowId(*id)))
    }

    fn seen(&self, other: &Self) -> Option<Seen> {
        let median = self.median();
        let own = self
            .statuses
            .iter()
            .find(|(status, _)| other.count > 0 && !other.statuses.contains_key(status));
        let last = self.statuses.values().map(|(_, last)| *last).max()?;
        Some(Seen {
            count: self.count,
            statuses: self
                .statuses
                .iter()
                .map(|(status, (count, _))| (*status, *count))
                .collect(),
            median_ms: median.map(|(ms, _)| ms),
            example: match (own, median) {
                (Some((_, (_, last))), _) => FlowId(*last),
                (None, Some((_, flow))) => flow,
                (None, None) => FlowId(last),
            },
        })
    }
}

#[cfg(test)]
mod tests;
