//! `heads` and `interims`: the heads as they were sent.

use crate::{
    flow::{FlowId, HeadKind, Timestamp},
    read::RecordedHead,
    recorder::live::PendingHead,
    sqlite::Value,
};
use sqlx::{Row, sqlite::SqliteRow};

/// Writes a head.
pub(crate) const INSERT: &str = "INSERT INTO heads (id, at, head) VALUES (?, ?, ?)";

/// Writes an interim response.
pub(crate) const INSERT_INTERIM: &str = "INSERT INTO interims (id, at, head) VALUES (?, ?, ?)";

/// Every head of a flow, in order. Two ranges to bind: of heads, and of interim responses.
pub(crate) const OF_FLOW: &str = "SELECT id & 7, at, head, id FROM heads WHERE id BETWEEN ? AND ? \
    UNION ALL SELECT 6, at, head, id FROM interims WHERE id BETWEEN ? AND ? ORDER BY 1, 4";

/// The same of many flows, flow by flow, with the flow's number. A list of numbers to bind. `CROSS` keeps the list
/// outside: SQLite would rather read every head and the list again for each.
pub(crate) const OF_FLOWS: &str = "WITH wanted AS (SELECT value FROM json_each(?)) \
    SELECT id & 7, at, head, id, id >> 3 AS flow FROM wanted CROSS JOIN heads \
        ON id BETWEEN value << 3 AND value << 3 | 7 \
    UNION ALL SELECT 6, at, head, id, id >> 8 AS flow FROM wanted CROSS JOIN interims \
        ON id BETWEEN value << 8 AND value << 8 | 255 \
    ORDER BY 5, 1, 4";

/// The first and the last key of the heads of a range of flows.
pub(crate) fn heads(first: FlowId, last: FlowId) -> (i64, i64) {
    (first.0 << 3, last.0 << 3 | 7)
}

/// The first and the last key of the interim responses of a range of flows.
pub(crate) fn interims(first: FlowId, last: FlowId) -> (i64, i64) {
    (first.0 << 8, last.0 << 8 | 255)
}

/// The values of [`INSERT`] or [`INSERT_INTERIM`].
pub(crate) fn values<'v>(flow: FlowId, head: &PendingHead, bytes: &'v [u8]) -> [Value<'v>; 3] {
    let id = match head.kind {
        HeadKind::Interim => interims(flow, flow).0 | i64::from(head.count),
        kind => heads(flow, flow).0 | kind as i64,
    };
    [Value::Int(id), Value::Int(head.at.0), Value::Blob(bytes)]
}

/// Reads a row of [`OF_FLOW`].
pub(crate) fn head(row: &SqliteRow) -> Result<RecordedHead, sqlx::Error> {
    let kind = match row.try_get::<i64, _>(0)? {
        0 => HeadKind::Request,
        1 => HeadKind::Response,
        2 => HeadKind::RequestSent,
        3 => HeadKind::ResponseSent,
        4 => HeadKind::RequestTrailers,
        5 => HeadKind::ResponseTrailers,
        _ => HeadKind::Interim,
    };
    let bytes: Vec<u8> = row.try_get(2)?;
    Ok(RecordedHead {
        kind,
        at: Timestamp(row.try_get(1)?),
        bytes: bytes.into(),
    })
}
