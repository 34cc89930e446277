//! `rules`: what is changed on its way; `changes`: what became of flows that rules have changed.

use crate::{
    flow::FlowId,
    recorder::live::ChangeKind,
    rule::{Rule, RuleId, Stage, StoredRule},
    sqlite::Value,
};
use sqlx::{Row, sqlite::SqliteRow};

/// What [`rule`] reads.
pub(crate) const COLUMNS: &str = r#"id, name, "group", "on", filter, stage, actions"#;

/// Writes what rules made of a flow.
pub(crate) const INSERT_CHANGE: &str = "INSERT INTO changes (id, data) VALUES (?, ?)";

/// The first and the last key of what rules made of a range of flows.
pub(crate) fn changes(first: FlowId, last: FlowId) -> (i64, i64) {
    (first.0 << 2, last.0 << 2 | 3)
}

/// The values of [`INSERT_CHANGE`].
pub(crate) fn change(flow: FlowId, kind: ChangeKind, data: &[u8]) -> [Value<'_>; 2] {
    [
        Value::Int(changes(flow, flow).0 | kind as i64),
        Value::Blob(data),
    ]
}

/// Reads a row of [`COLUMNS`]; none when its actions are of another program.
pub(crate) fn rule(row: &SqliteRow) -> Result<Option<StoredRule>, sqlx::Error> {
    let actions: String = row.try_get(6)?;
    let Ok(actions) = serde_json::from_str(&actions) else {
        return Ok(None);
    };
    Ok(Some(StoredRule {
        id: RuleId(row.try_get(0)?),
        rule: Rule {
            name: row.try_get(1)?,
            group: row.try_get(2)?,
            on: row.try_get::<i64, _>(3)? != 0,
            filter: row.try_get(4)?,
            stage: match row.try_get::<i64, _>(5)? {
                0 => Stage::Request,
                _ => Stage::Response,
            },
            actions,
        },
    }))
}
