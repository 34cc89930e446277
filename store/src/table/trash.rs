//! `trash`: flows that were deleted a moment ago. Their rows move there and back; heads and bodies stay where they
//! are until the row goes for good.

use super::{
    flows,
    reclaim::{self, Deleted, Ranges},
    sessions::{Growing, Sums},
};
use crate::{
    flow::{FlowId, SessionId},
    sqlite::{Database, Failed, Value},
};
use std::collections::HashSet;

/// Moves flows into the trash, within a transaction of the caller's. What is running goes for good, so far as it
/// has come: it may go on.
pub(crate) fn discard(
    database: &Database<'_>,
    ids: &[FlowId],
    batch: i64,
) -> Result<Deleted, Failed> {
    let columns = flows::COLUMNS;
    // what has the number is gone already in all but name
    let sql = format!(
        "INSERT OR REPLACE INTO trash ({columns}, batch) \
        SELECT {columns}, ?2 FROM flows WHERE id = ?1 AND state <> 0"
    );
    let mut keep = database.prepare(&sql)?;
    let mut delete = database.prepare(
        "DELETE FROM flows WHERE id = ? \
        RETURNING state, connection, session, request_body_size + response_body_size",
    )?;
    let mut deleted = Deleted::default();
    let mut sums = Sums::default();
    for id in ids {
        keep.run(&[Value::Int(id.0), Value::Int(batch)])?;
        let mut running = false;
        delete.rows(&[Value::Int(id.0)], |row| {
            running = row.int(0) == 0;
            deleted.flows.push(*id);
            deleted.connections.push(row.int(1));
            sums.add_gone(SessionId(row.int(2)), 1, row.int(3));
        })?;
        if running {
            reclaim::delete_running(database, *id)?;
        }
    }
    sums.shrink(database)?;
    Ok(deleted)
}

/// Moves all flows of a range of numbers (and of one session) into the trash, like [`discard`]: cheaper than one by
/// one. Returns their numbers.
pub(crate) fn discard_range(
    database: &Database<'_>,
    (low, high): (i64, i64),
    session: Option<SessionId>,
    batch: i64,
) -> Result<Vec<FlowId>, Failed> {
    let columns = flows::COLUMNS;
    let session = session.map(|id| id.0);
    let values = [Value::Int(low), Value::Int(high), session.into()];
    let these = "id BETWEEN ?1 AND ?2 AND (?3 IS NULL OR session = ?3)";
    let sql = format!(
        "INSERT OR REPLACE INTO trash ({columns}, batch) \
        SELECT {columns}, ?4 FROM flows WHERE {these} AND +state <> 0"
    );
    let [a, b, c] = values;
    database.run(&sql, &[a, b, c, Value::Int(batch)])?;
    let sql = format!(
        "DELETE FROM flows WHERE {these} \
        RETURNING id, state, session, request_body_size + response_body_size"
    );
    let (mut gone, mut running, mut sums) = (Vec::new(), Vec::new(), Sums::default());
    database.prepare(&sql)?.rows(&values, |row| {
        let id = FlowId(row.int(0));
        gone.push(id);
        if row.int(1) == 0 {
            running.push(id);
        }
        sums.add_gone(SessionId(row.int(2)), 1, row.int(3));
    })?;
    for id in running {
        reclaim::delete_running(database, id)?;
    }
    sums.shrink(database)?;
    Ok(gone)
}

/// Moves some flows of a batch back, within a transaction of the caller's. `None` when there are no more, and the
/// session that went with it is back too.
pub(crate) fn restore(
    database: &Database<'_>,
    batch: i64,
    most: i64,
) -> Result<Option<u64>, Failed> {
    let mut last = 0;
    let sql = "SELECT coalesce(max(id), 0) FROM \
        (SELECT id FROM trash WHERE batch = ? ORDER BY id LIMIT ?)";
    let values = [Value::Int(batch), Value::Int(most)];
    database
        .prepare(sql)?
        .rows(&values, |row| last = row.int(0))?;
    if last == 0 {
        let sql = "UPDATE sessions SET batch = NULL WHERE batch = ?";
        database.run(sql, &[Value::Int(batch)])?;
        return Ok(None);
    }
    let columns = flows::COLUMNS;
    let sql = format!(
        "INSERT OR IGNORE INTO flows ({columns}) \
        SELECT {columns} FROM trash WHERE batch = ? AND id <= ? \
        RETURNING id, session, request_body_size + response_body_size"
    );
    let values = [Value::Int(batch), Value::Int(last)];
    let mut sums = Sums::default();
    database.prepare(&sql)?.rows(&values, |row| {
        sums.add(SessionId(row.int(1)), FlowId(row.int(0)), row.int(2));
    })?;
    database.run("DELETE FROM trash WHERE batch = ? AND id <= ?", &values)?;
    sums.grow(&mut Growing::prepare(database)?)?;
    Ok(Some(sums.flows()))
}

/// Lets some flows of all batches up to one go for good, within a transaction of the caller's; their space is given
/// back afterwards. Returns their connections; `None` when there are no more flows, and then their sessions are
/// gone too.
pub(crate) fn purge(
    database: &Database<'_>,
    up_to: i64,
    most: i64,
) -> Result<Option<HashSet<i64>>, Failed> {
    let mut found = Vec::new();
    database
        .prepare("SELECT id, connection FROM trash WHERE batch <= ? ORDER BY id LIMIT ?")?
        .rows(&[Value::Int(up_to), Value::Int(most)], |row| {
            found.push((FlowId(row.int(0)), row.int(1)));
        })?;
    if found.is_empty() {
        // one that some flows may still come back to stays until they are gone
        let sql = "DELETE FROM sessions WHERE batch <= ? AND id NOT IN (SELECT session FROM trash)";
        database.run(sql, &[Value::Int(up_to)])?;
        return Ok(None);
    }
    let mut delete = database.prepare("DELETE FROM trash WHERE id = ?")?;
    let mut ranges = Ranges::default();
    for (id, _) in &found {
        delete.run(&[Value::Int(id.0)])?;
        ranges.add(super::chunks::bodies(*id, *id));
    }
    ranges.write(database)?;
    Ok(Some(
        found
            .into_iter()
            .map(|(_, connection)| connection)
            .collect(),
    ))
}
