//! Deleting: flows leave the list at once, and the space of their heads and bodies is given back
//! afterwards, in small steps beside the recording.
//!
//! `reclaim` holds what is still to go, as ranges of chunk keys, so that it goes on after a
//! restart. A flow that is running may go on after it was deleted and come back; of it only what
//! there was goes.

use crate::{
    flow::{FlowId, SessionId, Side},
    sqlite::{Database, Failed, Value},
    table::{chunks, heads, packets, rules, sessions::Sums},
};
use std::time::{Duration, Instant};

/// Rows in the first step; then as many as take [`STEP_TIME`].
const FIRST_STEP: i64 = 128;

/// Pieces of a running flow that are deleted with it, and not afterwards.
const AT_ONCE: i64 = 64;

/// How long a step should take: recording waits meanwhile.
const STEP_TIME: Duration = Duration::from_millis(8);

/// Pages given back to the file system in a step.
const VACUUM: &str = "PRAGMA incremental_vacuum(64)";

/// What was deleted.
#[derive(Debug, Default)]
pub(crate) struct Deleted {
    /// The flows that there were.
    pub(crate) flows: Vec<FlowId>,
    /// The connections they ran on.
    pub(crate) connections: Vec<i64>,
}

/// Deletes flows, within a transaction of the caller's.
pub(crate) fn delete(database: &Database<'_>, ids: &[FlowId]) -> Result<Deleted, Failed> {
    let mut delete = database.prepare(
        "DELETE FROM flows WHERE id = ? \
        RETURNING state, connection, session, request_body_size + response_body_size",
    )?;
    let mut deleted = Deleted::default();
    let mut sums = Sums::default();
    let mut ranges = Ranges::default();
    for id in ids {
        let mut found = None;
        delete.rows(&[Value::Int(id.0)], |row| {
            found = Some((row.int(0), row.int(1), row.int(2), row.int(3)));
        })?;
        let Some((state, connection, session, bytes)) = found else {
            continue;
        };
        sums.add_gone(SessionId(session), 1, bytes);
        deleted.flows.push(*id);
        deleted.connections.push(connection);
        if state == 0 {
            delete_running(database, *id)?;
        } else {
            ranges.add(chunks::bodies(*id, *id));
        }
    }
    ranges.write(database)?;
    sums.shrink(database)?;
    Ok(deleted)
}

/// Deletes every flow, within a transaction of the caller's. Connections stay when they are open and their
/// number is at least `open_from`.
pub(crate) fn clear(database: &Database<'_>, open_from: i64) -> Result<u64, Failed> {
    let (mut count, mut last) = (0, 0);
    database
        .prepare(
            "SELECT (SELECT count(*) FROM flows), max(coalesce((SELECT max(id) FROM flows), 0), \
            coalesce((SELECT max(id) FROM trash), 0))",
        )?
        .rows(&[], |row| (count, last) = (row.int(0), row.int(1)))?;
    let mut running = Vec::new();
    database
        .prepare("SELECT id FROM flows WHERE state = 0 ORDER BY id")?
        .rows(&[], |row| running.push(FlowId(row.int(0))))?;
    let mut ranges = Ranges::default();
    let mut next = 1;
    for id in running {
        delete_running(database, id)?;
        if next < id.0 {
            ranges.add(chunks::bodies(FlowId(next), FlowId(id.0 - 1)));
        }
        next = id.0 + 1;
    }
    if next <= last {
        ranges.add(chunks::bodies(FlowId(next), FlowId(last)));
    }
    ranges.write(database)?;
    // without a condition, SQLite drops the pages and looks at no row
    database.run("DELETE FROM flows", &[])?;
    database.run("DELETE FROM trash", &[])?;
    database.run("DELETE FROM sessions WHERE batch IS NOT NULL", &[])?;
    database.run("UPDATE sessions SET flows = 0, bytes = 0", &[])?;
    database.run(
        "DELETE FROM connections WHERE closed IS NOT NULL OR id < ?",
        &[Value::Int(open_from)],
    )?;
    delete_unused_certificates(database)?;
    Ok(u64::try_from(count).unwrap_or(0))
}

/// Deletes connections that have no flow any more, and are closed.
pub(crate) fn delete_connections(database: &Database<'_>, ids: &[i64]) -> Result<(), Failed> {
    let mut delete =
        database.prepare("DELETE FROM connections WHERE id = ? AND closed IS NOT NULL")?;
    for id in ids {
        delete.run(&[Value::Int(*id)])?;
    }
    Ok(())
}

fn delete_unused_certificates(database: &Database<'_>) -> Result<(), Failed> {
    let sql = "DELETE FROM certificates WHERE NOT EXISTS (SELECT 1 FROM connections)";
    database.run(sql, &[])?;
    Ok(())
}

/// What there is of a running flow: it may go on and add more.
pub(crate) fn delete_running(database: &Database<'_>, id: FlowId) -> Result<(), Failed> {
    let (first, last) = heads::heads(id, id);
    let range = [Value::Int(first), Value::Int(last)];
    database.run("DELETE FROM heads WHERE id BETWEEN ? AND ?", &range)?;
    let (first, last) = heads::interims(id, id);
    let range = [Value::Int(first), Value::Int(last)];
    database.run("DELETE FROM interims WHERE id BETWEEN ? AND ?", &range)?;
    let (first, last) = packets::of(id, id);
    let range = [Value::Int(first), Value::Int(last)];
    database.run("DELETE FROM flow_packets WHERE id BETWEEN ? AND ?", &range)?;
    let (first, last) = rules::changes(id, id);
    let range = [Value::Int(first), Value::Int(last)];
    database.run("DELETE FROM changes WHERE id BETWEEN ? AND ?", &range)?;
    let (first, last) = rules::messages(id, id);
    let range = [Value::Int(first), Value::Int(last)];
    database.run(
        "DELETE FROM changed_messages WHERE id BETWEEN ? AND ?",
        &range,
    )?;
    let mut newest =
        database.prepare("SELECT coalesce(max(id), 0) FROM chunks WHERE id BETWEEN ? AND ?")?;
    for side in [Side::Request, Side::Response] {
        let (first, last) = chunks::body(id, side);
        let mut newest_id = 0;
        newest.rows(&[Value::Int(first), Value::Int(last)], |row| {
            newest_id = row.int(0);
        })?;
        // a short body goes at once, so that it is not seen again when the flow comes back
        let range = (first, newest_id);
        if newest_id > 0 && delete_rows(database, "chunks", range, AT_ONCE)? == AT_ONCE as u64 {
            write_range(database, range)?;
        }
    }
    Ok(())
}

/// Deletes rows of a range of keys, at most `limit`; returns how many.
fn delete_rows(
    database: &Database<'_>,
    table: &str,
    (first, last): (i64, i64),
    limit: i64,
) -> Result<u64, Failed> {
    let sql = format!(
        "DELETE FROM {table} WHERE id IN \
        (SELECT id FROM {table} WHERE id BETWEEN ? AND ? ORDER BY id LIMIT ?)"
    );
    let values = [Value::Int(first), Value::Int(last), Value::Int(limit)];
    database.run(&sql, &values)
}

/// Ranges of keys, neighbours put together.
#[derive(Default)]
pub(crate) struct Ranges(Vec<(i64, i64)>);

impl Ranges {
    pub(crate) fn add(&mut self, (first, last): (i64, i64)) {
        match self.0.last_mut() {
            Some(range) if range.1 + 1 == first => range.1 = last,
            _ => self.0.push((first, last)),
        }
    }

    pub(crate) fn write(self, database: &Database<'_>) -> Result<(), Failed> {
        for range in self.0 {
            write_range(database, range)?;
        }
        Ok(())
    }
}

fn write_range(database: &Database<'_>, (first, last): (i64, i64)) -> Result<(), Failed> {
    let sql = "INSERT INTO reclaim VALUES (?, ?) \
        ON CONFLICT (first) DO UPDATE SET last = max(last, excluded.last)";
    database.run(sql, &[Value::Int(first), Value::Int(last)])?;
    Ok(())
}

/// Gives space back, step by step.
#[derive(Debug)]
pub(crate) struct Reclaimer {
    rows: i64,
}

impl Default for Reclaimer {
    fn default() -> Self {
        Self { rows: FIRST_STEP }
    }
}

impl Reclaimer {
    /// One step, in short transactions of its own. False when there is nothing left to do.
    pub(crate) fn step(&mut self, database: &Database<'_>) -> Result<bool, Failed> {
        let begun = Instant::now();
        let mut range = None;
        database
            .prepare("SELECT first, last FROM reclaim ORDER BY first LIMIT 1")?
            .rows(&[], |row| range = Some((row.int(0), row.int(1))))?;
        let Some((first, last)) = range else {
            return vacuum(database);
        };
        if !self.delete_some(database, first, last)? {
            let values = [Value::Int(first), Value::Int(last)];
            // not when the range has grown meanwhile
            database.run("DELETE FROM reclaim WHERE first = ? AND last = ?", &values)?;
        }
        let took = begun.elapsed();
        if took > STEP_TIME * 2 {
            self.rows = (self.rows / 2).max(8);
        } else if took < STEP_TIME / 2 {
            self.rows = (self.rows * 2).min(8192);
        }
        Ok(true)
    }

    /// Deletes some rows of a range; false when there were none.
    fn delete_some(&self, database: &Database<'_>, first: i64, last: i64) -> Result<bool, Failed> {
        let chunks = ("chunks", (first, last));
        let mut tables = vec![chunks];
        // the flows of which the range holds all: their heads go too
        let whole = (
            FlowId(chunks::flow_of(first + (1 << 25) - 1)),
            FlowId(chunks::flow_of(last + 1) - 1),
        );
        if whole.0 <= whole.1 {
            tables.push(("heads", heads::heads(whole.0, whole.1)));
            tables.push(("interims", heads::interims(whole.0, whole.1)));
            tables.push(("flow_packets", packets::of(whole.0, whole.1)));
            tables.push(("changes", rules::changes(whole.0, whole.1)));
            tables.push(("changed_messages", rules::messages(whole.0, whole.1)));
        }
        for (table, range) in tables {
            if delete_rows(database, table, range, self.rows)? > 0 {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Shortens the file a little; false when it has no unused page.
fn vacuum(database: &Database<'_>) -> Result<bool, Failed> {
    let mut unused = 0;
    database
        .prepare("PRAGMA freelist_count")?
        .rows(&[], |row| unused = row.int(0))?;
    if unused == 0 {
        return Ok(false);
    }
    // every row of the answer is a page that was given back
    database.prepare(VACUUM)?.rows(&[], |_| ())?;
    Ok(true)
}
