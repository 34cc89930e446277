//! `rules`: what is changed on its way; `changes`: what became of flows that rules have changed.

use crate::{
    flow::{FlowId, Side, Timestamp},
    recorder::live::ChangeKind,
    rule::{ChangedMessage, Done, Rule, RuleId, Sender, Stage, StoredRule},
    sqlite::Value,
    table,
};
use sqlx::{Row, sqlite::SqliteRow};

/// What [`rule`] reads.
pub(crate) const COLUMNS: &str = r#"id, name, "group", "on", filter, stage, actions, sender"#;

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

/// A message's number within its flow has so many bits in the key of `changed_messages`.
const MESSAGE_BITS: u32 = 24;

/// Writes what became of a message.
pub(crate) const INSERT_MESSAGE: &str = "INSERT INTO changed_messages (id, side, begins, length, flags, sent, done, sent_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)";

/// What [`message`] reads. The first and the last key to bind, how many, and how many are left out.
pub(crate) const MESSAGES: &str = "SELECT side, begins, length, flags, sent, done, sent_at FROM changed_messages \
    WHERE id BETWEEN ? AND ? ORDER BY id LIMIT ? OFFSET ?";

/// [`MESSAGES`], those that were sent by hand alone.
pub(crate) const BY_HAND: &str = "SELECT side, begins, length, flags, sent, done, sent_at FROM changed_messages \
    WHERE id BETWEEN ? AND ? AND flags & 4 != 0 ORDER BY id LIMIT ? OFFSET ?";

/// The first and the last key of the changed messages of a range of flows.
pub(crate) fn messages(first: FlowId, last: FlowId) -> (i64, i64) {
    (
        first.0 << MESSAGE_BITS,
        last.0 << MESSAGE_BITS | ((1 << MESSAGE_BITS) - 1),
    )
}

/// A message that is not yet written; `done` is JSON.
#[derive(Debug)]
pub(crate) struct PendingMessage {
    pub(crate) number: u32,
    pub(crate) message: ChangedMessage,
    pub(crate) done: String,
}

impl PendingMessage {
    /// None when there are too many for the key.
    pub(crate) fn new(number: u32, message: ChangedMessage) -> Option<Self> {
        let done = Done::to_json(&message.done);
        (number < 1 << MESSAGE_BITS).then_some(Self {
            number,
            message,
            done,
        })
    }

    /// Bytes that it takes until it is written.
    pub(crate) fn cost(&self) -> u64 {
        (self.done.len() + self.message.sent.as_ref().map_or(0, Vec::len)) as u64
    }

    /// The values of [`INSERT_MESSAGE`].
    pub(crate) fn values(&self, flow: FlowId) -> [Value<'_>; 8] {
        let message = &self.message;
        let (text, dropped) = (i64::from(message.text), i64::from(message.dropped));
        let by_hand = i64::from(message.by_hand.is_some());
        [
            Value::Int(messages(flow, flow).0 | i64::from(self.number)),
            Value::Int(message.side as i64),
            Value::Int(table::int(message.offset)),
            Value::Int(table::int(message.length)),
            Value::Int(text | dropped << 1 | by_hand << 2),
            message.sent.as_deref().map_or(Value::Null, Value::Blob),
            Value::Text(&self.done),
            message.by_hand.map(|at| at.0).into(),
        ]
    }
}

/// Reads a row of [`MESSAGES`].
pub(crate) fn message(row: &SqliteRow) -> Result<ChangedMessage, sqlx::Error> {
    let flags: i64 = row.try_get(3)?;
    let done: String = row.try_get(5)?;
    Ok(ChangedMessage {
        side: match row.try_get::<i64, _>(0)? {
            0 => Side::Request,
            _ => Side::Response,
        },
        offset: table::count(row.try_get(1)?),
        length: table::count(row.try_get(2)?),
        text: flags & 1 != 0,
        dropped: flags & 2 != 0,
        sent: row.try_get(4)?,
        done: serde_json::from_str(&done).unwrap_or_default(),
        by_hand: row.try_get::<Option<i64>, _>(6)?.map(Timestamp),
    })
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
                1 => Stage::Response,
                _ => Stage::Message,
            },
            sender: match row.try_get::<i64, _>(7)? {
                1 => Some(Sender::Client),
                2 => Some(Sender::Server),
                _ => None,
            },
            actions,
        },
    }))
}
