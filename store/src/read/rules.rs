//! The rules that are kept, and what rules made of a flow.

use crate::{
    error::Error,
    flow::{FlowId, Side},
    recorder::{live::ChangeKind, queue::Done},
    rule::{self, ChangedMessage, Rewritten, Rule, RuleId, StoredRule},
    sqlite::{Database, Failed, Value},
    store::Store,
    table::{self, rules},
};
use bytes::Bytes;
use sqlx::{AssertSqlSafe, Row};

impl Store {
    /// All rules, in their order.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn rules(&self) -> Result<Vec<StoredRule>, Error> {
        let sql = format!("SELECT {} FROM rules ORDER BY position, id", rules::COLUMNS);
        let rows = sqlx::query(AssertSqlSafe(sql))
            .fetch_all(self.readers())
            .await?;
        let read = rows.iter().filter_map(|row| rules::rule(row).transpose());
        Ok(read.collect::<Result<_, _>>()?)
    }

    /// Adds rules behind the others; returns their numbers.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::DiskFull`], [`Error::Closed`].
    pub async fn add_rules(&self, added: Vec<Rule>) -> Result<Vec<RuleId>, Error> {
        self.transact(move |database| {
            let mut ids = Vec::new();
            for rule in &added {
                ids.push(insert(database, rule)?);
            }
            Ok((ids, Done::default()))
        })
        .await
    }

    /// Puts these rules in the place of all that there are; returns their numbers.
    ///
    /// # Errors
    /// As [`add_rules`](Self::add_rules).
    pub async fn replace_rules(&self, all: Vec<Rule>) -> Result<Vec<RuleId>, Error> {
        self.transact(move |database| {
            database.run("DELETE FROM rules", &[])?;
            let mut ids = Vec::new();
            for rule in &all {
                ids.push(insert(database, rule)?);
            }
            Ok((ids, Done::default()))
        })
        .await
    }

    /// Changes a rule; false when there is none with this number.
    ///
    /// # Errors
    /// As [`add_rules`](Self::add_rules).
    pub async fn change_rule(&self, id: RuleId, rule: Rule) -> Result<bool, Error> {
        self.transact(move |database| {
            let actions = actions(&rule);
            let [name, group, on, filter, stage, actions, sender] = values(&rule, &actions);
            let sql = r#"UPDATE rules SET name = ?2, "group" = ?3, "on" = ?4, filter = ?5, stage = ?6, actions = ?7,
                sender = ?8 WHERE id = ?1"#;
            let values = [
                Value::Int(id.0),
                name,
                group,
                on,
                filter,
                stage,
                actions,
                sender,
            ];
            Ok((database.run(sql, &values)? > 0, Done::default()))
        })
        .await
    }

    /// Deletes a rule; false when there was none with this number.
    ///
    /// # Errors
    /// As [`add_rules`](Self::add_rules).
    pub async fn delete_rule(&self, id: RuleId) -> Result<bool, Error> {
        self.transact(move |database| {
            let gone = database.run("DELETE FROM rules WHERE id = ?", &[Value::Int(id.0)])?;
            Ok((gone > 0, Done::default()))
        })
        .await
    }

    /// Puts rules into an order; those that are not named follow in the order that they had.
    ///
    /// # Errors
    /// As [`add_rules`](Self::add_rules).
    pub async fn order_rules(&self, ids: Vec<RuleId>) -> Result<(), Error> {
        self.transact(move |database| {
            let most = Value::Int(table::int(ids.len() as u64));
            database.run("UPDATE rules SET position = position + ?", &[most])?;
            let mut place = database.prepare("UPDATE rules SET position = ?2 WHERE id = ?1")?;
            for (at, id) in (0..).zip(&ids) {
                place.run(&[Value::Int(id.0), Value::Int(at)])?;
            }
            Ok(((), Done::default()))
        })
        .await
    }

    /// What rules made of a flow.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn rewritten(&self, id: FlowId) -> Result<Rewritten, Error> {
        let (first, last) = rules::changes(id, id);
        let sql = "SELECT id & 3, length(data), iif(id & 3 = 2, data, x'') FROM changes WHERE id BETWEEN ? AND ?";
        let rows = sqlx::query(sql)
            .bind(first)
            .bind(last)
            .fetch_all(self.readers())
            .await?;
        let mut rewritten = Rewritten::default();
        for row in &rows {
            let size = Some(table::count(row.try_get(1)?));
            match row.try_get::<i64, _>(0)? {
                0 => rewritten.request_body = size,
                1 => rewritten.response_body = size,
                _ => {
                    let data: Vec<u8> = row.try_get(2)?;
                    rewritten.done =
                        serde_json::from_slice::<Vec<rule::Done>>(&data).unwrap_or_default();
                }
            }
        }
        Ok(rewritten)
    }

    /// What became of messages of a WebSocket that rules touched, and those that a person sent, in the order in which they were
    /// decided about or sent.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn changed_messages(
        &self,
        id: FlowId,
        skip: u64,
        limit: u32,
    ) -> Result<Vec<ChangedMessage>, Error> {
        self.read_messages(rules::MESSAGES, id, skip, limit).await
    }

    /// The messages that a person sent into a WebSocket, in the order in which they went out.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn messages_by_hand(
        &self,
        id: FlowId,
        skip: u64,
        limit: u32,
    ) -> Result<Vec<ChangedMessage>, Error> {
        self.read_messages(rules::BY_HAND, id, skip, limit).await
    }

    async fn read_messages(
        &self,
        sql: &'static str,
        id: FlowId,
        skip: u64,
        limit: u32,
    ) -> Result<Vec<ChangedMessage>, Error> {
        let (first, last) = rules::messages(id, id);
        let rows = sqlx::query(sql)
            .bind(first)
            .bind(last)
            .bind(limit)
            .bind(table::int(skip))
            .fetch_all(self.readers())
            .await?;
        Ok(rows.iter().map(rules::message).collect::<Result<_, _>>()?)
    }

    /// The body that was sent instead of the one that came, without content coding; none when that went on as it came.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn sent_body(&self, id: FlowId, side: Side) -> Result<Option<Bytes>, Error> {
        let kind = match side {
            Side::Request => ChangeKind::RequestBody,
            Side::Response => ChangeKind::ResponseBody,
        };
        let key = rules::changes(id, id).0 | kind as i64;
        let data: Option<Vec<u8>> = sqlx::query_scalar("SELECT data FROM changes WHERE id = ?")
            .bind(key)
            .fetch_optional(self.readers())
            .await?;
        Ok(data.map(Bytes::from))
    }
}

fn insert(database: &Database<'_>, rule: &Rule) -> Result<RuleId, Failed> {
    let actions = actions(rule);
    let mut id = 0;
    database
        .prepare(
            r#"INSERT INTO rules (position, name, "group", "on", filter, stage, actions, sender)
            SELECT coalesce(max(position), -1) + 1, ?1, ?2, ?3, ?4, ?5, ?6, ?7 FROM rules RETURNING id"#,
        )?
        .rows(&values(rule, &actions), |row| id = row.int(0))?;
    Ok(RuleId(id))
}

fn actions(rule: &Rule) -> String {
    serde_json::to_string(&rule.actions).unwrap_or_default()
}

fn values<'v>(rule: &'v Rule, actions: &'v str) -> [Value<'v>; 7] {
    [
        Value::Text(&rule.name),
        Value::Text(&rule.group),
        Value::Int(rule.on.into()),
        Value::Text(&rule.filter),
        Value::Int(rule.stage as i64),
        Value::Text(actions),
        Value::Int(rule.sender.map_or(0, |sender| sender as i64)),
    ]
}
