//! `sessions`: what each recording is called, and how much it holds.
//!
//! The counts change in the transaction that changes `flows`, so that they are always true.

use crate::{
    flow::{FlowId, SessionId, Timestamp},
    read::{Session, Source},
    sqlite::{Database, Failed, Statement, Value},
    table,
};
use sqlx::{Row, sqlite::SqliteRow};

/// What [`session`] reads.
pub(crate) const COLUMNS: &str = "id, name, source, started, ended, flows, bytes";

/// The session that is recorded into.
pub(crate) const CURRENT: &str = "SELECT id FROM sessions WHERE source = 0 AND ended IS NULL AND batch IS NULL \
    ORDER BY id DESC LIMIT 1";

/// A session with flows (?2) and bytes (?3) more, whose numbers are from ?4 to ?5. One that was deleted and gets a
/// flow is there again.
const GROW: &str = "UPDATE sessions SET flows = flows + ?2, bytes = bytes + ?3, first = min(first, ?4), \
    last = max(last, ?5), batch = iif(?2 > 0, NULL, batch) WHERE id = ?1";

/// A session that is no more, of which flows come back.
const AGAIN: &str = "INSERT INTO sessions VALUES (?1, '', 0, ?6, ?6, ?2, ?3, ?4, ?5, NULL)";

const SHRINK: &str =
    "UPDATE sessions SET flows = max(flows - ?2, 0), bytes = max(bytes - ?3, 0) WHERE id = ?1";

/// How much flows are, session by session: few, so a list is enough.
#[derive(Debug, Default)]
pub(crate) struct Sums(Vec<Sum>);

#[derive(Debug)]
struct Sum {
    session: SessionId,
    flows: i64,
    bytes: i64,
    first: i64,
    last: i64,
}

impl Sums {
    /// Adds a flow.
    pub(crate) fn add(&mut self, session: SessionId, flow: FlowId, bytes: i64) {
        let sum = self.of(session);
        sum.flows += 1;
        sum.first = sum.first.min(flow.0);
        sum.last = sum.last.max(flow.0);
        sum.bytes += bytes;
    }

    /// Adds bytes of a flow that is counted already.
    pub(crate) fn add_bytes(&mut self, session: SessionId, bytes: i64) {
        if bytes != 0 {
            self.of(session).bytes += bytes;
        }
    }

    /// Adds many flows of which the numbers do not matter: they go.
    pub(crate) fn add_gone(&mut self, session: SessionId, flows: i64, bytes: i64) {
        let sum = self.of(session);
        sum.flows += flows;
        sum.bytes += bytes;
    }

    fn of(&mut self, session: SessionId) -> &mut Sum {
        let at = self.0.iter().position(|sum| sum.session == session);
        let at = at.unwrap_or_else(|| {
            self.0.push(Sum {
                session,
                flows: 0,
                bytes: 0,
                first: i64::MAX,
                last: 0,
            });
            self.0.len() - 1
        });
        &mut self.0[at]
    }

    /// How many flows.
    pub(crate) fn flows(&self) -> u64 {
        self.0.iter().map(|sum| table::count(sum.flows)).sum()
    }

    /// Counts the flows as new, within a transaction of the caller's.
    pub(crate) fn grow(&self, growing: &mut Growing<'_>) -> Result<(), Failed> {
        for sum in &self.0 {
            let [a, b, c, d, e] = [sum.session.0, sum.flows, sum.bytes, sum.first, sum.last];
            let values = [a, b, c, d, e].map(Value::Int);
            if growing.grow.run(&values)? == 0 {
                let now = Timestamp::now().0;
                growing.again.run(&[a, b, c, d, e, now].map(Value::Int))?;
            }
        }
        Ok(())
    }

    /// Counts the flows as gone, within a transaction of the caller's.
    pub(crate) fn shrink(&self, database: &Database<'_>) -> Result<(), Failed> {
        for sum in &self.0 {
            let values = [sum.session.0, sum.flows, sum.bytes].map(Value::Int);
            database.run(SHRINK, &values)?;
        }
        Ok(())
    }
}

/// What counts new flows, prepared once.
pub(crate) struct Growing<'d> {
    grow: Statement<'d>,
    again: Statement<'d>,
}

impl<'d> Growing<'d> {
    pub(crate) fn prepare(database: &'d Database<'_>) -> Result<Self, Failed> {
        Ok(Self {
            grow: database.prepare(GROW)?,
            again: database.prepare(AGAIN)?,
        })
    }
}

/// Ends the session that is recorded into and begins another one, within a transaction of the caller's.
pub(crate) fn begin(
    database: &Database<'_>,
    ends: SessionId,
    name: Option<&str>,
) -> Result<SessionId, Failed> {
    let now = Value::Int(Timestamp::now().0);
    database.run(
        "UPDATE sessions SET ended = ?2, name = coalesce(?3, name) WHERE id = ?1",
        &[Value::Int(ends.0), now, name.into()],
    )?;
    insert(database, "", Source::Recorded)
}

/// Adds a session that has just begun.
pub(crate) fn insert(
    database: &Database<'_>,
    name: &str,
    source: Source,
) -> Result<SessionId, Failed> {
    let mut id = 0;
    database
        .prepare(
            "INSERT INTO sessions (name, source, started, flows, bytes, first, last) \
            VALUES (?, ?, ?, 0, 0, 9223372036854775807, 0) RETURNING id",
        )?
        .rows(
            &[
                Value::Text(name),
                Value::Int(source as i64),
                Value::Int(Timestamp::now().0),
            ],
            |row| id = row.int(0),
        )?;
    Ok(SessionId(id))
}

/// Reads a row of [`COLUMNS`].
pub(crate) fn session(row: &SqliteRow) -> Result<Session, sqlx::Error> {
    let source = match row.try_get::<i64, _>(2)? {
        1 => Source::Imported,
        _ => Source::Recorded,
    };
    let ended: Option<i64> = row.try_get(4)?;
    Ok(Session {
        id: SessionId(row.try_get(0)?),
        name: row.try_get(1)?,
        source,
        started: Timestamp(row.try_get(3)?),
        ended: ended.map(Timestamp),
        flows: table::count(row.try_get(5)?),
        bytes: table::count(row.try_get(6)?),
        current: ended.is_none() && source == Source::Recorded,
    })
}
