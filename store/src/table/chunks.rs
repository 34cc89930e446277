//! `chunks`: the pieces of the bodies. The key says all: flow, side and place, so that a body is one range.

use crate::{
    flow::{FlowId, Side, Timestamp},
    read::Chunk,
    recorder::live::PendingChunk,
    sqlite::Value,
    table,
};
use bytes::Bytes;
use sqlx::{Row, sqlite::SqliteRow};

/// Writes a piece.
pub(crate) const INSERT: &str =
    r#"INSERT INTO chunks (id, at, "offset", data, missing) VALUES (?, ?, ?, ?, ?)"#;

/// What [`chunk`] reads.
pub(crate) const COLUMNS: &str = r#"id, at, "offset", data, missing"#;

const SEQ_BITS: u32 = 24;

/// The first and the last key of one side's body.
pub(crate) fn body(flow: FlowId, side: Side) -> (i64, i64) {
    let first = (flow.0 << 1 | side as i64) << SEQ_BITS;
    (first, first | ((1 << SEQ_BITS) - 1))
}

/// The first and the last key of the bodies of a range of flows.
pub(crate) fn bodies(first: FlowId, last: FlowId) -> (i64, i64) {
    (body(first, Side::Request).0, body(last, Side::Response).1)
}

/// Reads the bodies of many flows, in order. A list of numbers to bind. `CROSS` keeps the list outside.
pub(crate) fn of_flows() -> String {
    let bits = SEQ_BITS + 1;
    format!(
        "SELECT {COLUMNS} FROM (SELECT value FROM json_each(?)) CROSS JOIN chunks \
         ON id BETWEEN value << {bits} AND value << {bits} | {} ORDER BY id",
        (1 << bits) - 1
    )
}

/// The flow that a key belongs to.
pub(crate) fn flow_of(id: i64) -> i64 {
    id >> (SEQ_BITS + 1)
}

/// The values of [`INSERT`].
pub(crate) fn values(flow: FlowId, chunk: &PendingChunk) -> [Value<'_>; 5] {
    let id = body(flow, chunk.side).0 | i64::from(chunk.seq);
    [
        Value::Int(id),
        Value::Int(chunk.at.0),
        Value::Int(table::int(chunk.offset)),
        Value::Blob(&chunk.data),
        Value::Int(table::int(chunk.missing)),
    ]
}

/// Reads a row.
pub(crate) fn chunk(row: &SqliteRow) -> Result<(Side, Chunk), sqlx::Error> {
    let id: i64 = row.try_get(0)?;
    let side = if id >> SEQ_BITS & 1 == 0 {
        Side::Request
    } else {
        Side::Response
    };
    let data: Vec<u8> = row.try_get(3)?;
    let chunk = Chunk {
        seq: (id & ((1 << SEQ_BITS) - 1)) as u32,
        at: Timestamp(row.try_get(1)?),
        offset: table::count(row.try_get(2)?),
        missing: table::count(row.try_get(4)?),
        data: Bytes::from(data),
    };
    Ok((side, chunk))
}
