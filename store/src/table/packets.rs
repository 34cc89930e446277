//! `captures`, `packet_files` and `flow_packets`: which packets are kept, and where those of a flow lie.

use crate::{
    flow::{CaptureId, FlowId, PacketFileId, SessionId, Timestamp},
    read::{Capture, CaptureSource},
    recorder::live::PendingPackets,
    sqlite::Value,
    table,
};
use sqlx::{Row, sqlite::SqliteRow};

/// A file's number has so many bits in the key of `flow_packets`.
const FILE_BITS: u32 = 24;

/// Adds packets of a flow in a file.
pub(crate) const ADD: &str = "INSERT INTO flow_packets VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (id) DO UPDATE SET \
    number = min(number, excluded.number), first = min(first, excluded.first), last = max(last, excluded.last), \
    packets = packets + excluded.packets";

/// The same for a flow that has ended, unless it (`?6`) was deleted for good.
pub(crate) const ADD_LATE: &str = "INSERT INTO flow_packets SELECT ?1, ?2, ?3, ?4, ?5 \
    WHERE EXISTS (SELECT 1 FROM flows WHERE id = ?6) OR EXISTS (SELECT 1 FROM trash WHERE id = ?6) \
    ON CONFLICT (id) DO UPDATE SET number = min(number, excluded.number), first = min(first, excluded.first), \
    last = max(last, excluded.last), packets = packets + excluded.packets";

/// Where the packets of a flow lie, in the order of the files. The first and the last key to bind.
pub(crate) const OF_FLOW: &str = "SELECT f.id, f.file, f.described, f.removed, p.first, p.last, p.number, p.packets, \
    f.capture FROM flow_packets p JOIN packet_files f ON f.id = p.id & 16777215 WHERE p.id BETWEEN ? AND ? ORDER BY p.id";

/// What [`capture`] reads, newest first.
pub(crate) const CAPTURES: &str = "SELECT id, source, name, session, started, ended, packets, bytes, dropped, error, \
    (SELECT coalesce(sum(bytes), 0) FROM packet_files WHERE capture = captures.id AND removed = 0) \
    FROM captures ORDER BY id DESC";

/// The files that nothing leads to any more: of captures that have ended, and no flow has packets in them. What was
/// imported without a session is nothing but its packets, and stays until its files are removed.
pub(crate) const UNUSED: &str = "SELECT f.id, f.file FROM packet_files f JOIN captures c ON c.id = f.capture \
    WHERE c.ended IS NOT NULL AND NOT (c.source = 1 AND c.session IS NULL AND f.removed = 0) AND f.id NOT IN (SELECT DISTINCT id & 16777215 FROM flow_packets)";

/// The first and the last key of the packets of a range of flows.
pub(crate) fn of(first: FlowId, last: FlowId) -> (i64, i64) {
    (
        first.0 << FILE_BITS,
        last.0 << FILE_BITS | ((1 << FILE_BITS) - 1),
    )
}

/// The values of [`ADD`]; `None` when there are too many files for the key.
pub(crate) fn values(flow: FlowId, packets: &PendingPackets) -> Option<[Value<'static>; 5]> {
    let file = packets.file.0;
    let fits = (1..1 << FILE_BITS).contains(&file);
    fits.then(|| {
        [
            Value::Int(of(flow, flow).0 | file),
            Value::Int(table::int(packets.first)),
            Value::Int(table::int(packets.last)),
            Value::Int(table::int(packets.number)),
            Value::Int(table::int(packets.count)),
        ]
    })
}

/// Reads a row of [`CAPTURES`].
pub(crate) fn capture(row: &SqliteRow) -> Result<Capture, sqlx::Error> {
    Ok(Capture {
        id: CaptureId(row.try_get(0)?),
        source: match row.try_get::<i64, _>(1)? {
            1 => CaptureSource::File,
            _ => CaptureSource::Live,
        },
        name: row.try_get(2)?,
        session: row.try_get::<Option<i64>, _>(3)?.map(SessionId),
        started: Timestamp(row.try_get(4)?),
        ended: row.try_get::<Option<i64>, _>(5)?.map(Timestamp),
        packets: table::count(row.try_get(6)?),
        bytes: table::count(row.try_get(7)?),
        dropped: table::count(row.try_get(8)?),
        error: row.try_get(9)?,
        kept: table::count(row.try_get(10)?),
    })
}

/// The number of a file as it stands in a row.
pub(crate) fn file(row: &SqliteRow) -> Result<PacketFileId, sqlx::Error> {
    Ok(PacketFileId(row.try_get(0)?))
}
