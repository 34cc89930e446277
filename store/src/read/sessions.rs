//! Sessions: which there are, and which one is recorded into.

use crate::{
    changes::Change,
    error::Error,
    flow::{SessionId, Timestamp},
    recorder::queue::Done,
    sqlite::Value,
    store::Store,
    table::sessions,
};
use serde::{Deserialize, Serialize};
use sqlx::AssertSqlSafe;

/// One recording, from start to clear, or what was imported from a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Its number.
    pub id: SessionId,
    /// What a person calls it; may be empty.
    pub name: String,
    /// Where its flows come from.
    pub source: Source,
    /// When it began.
    pub started: Timestamp,
    /// When it ended; `None` while it is recorded into or imported.
    pub ended: Option<Timestamp>,
    /// How many flows it has.
    pub flows: u64,
    /// Bytes of their bodies.
    pub bytes: u64,
    /// It is the one that is recorded into.
    pub current: bool,
}

/// Where the flows of a session come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// They passed through the proxy.
    Recorded = 0,
    /// They were read from a file.
    Imported = 1,
}

impl Store {
    /// All sessions, newest first.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn sessions(&self) -> Result<Vec<Session>, Error> {
        let sql = format!(
            "SELECT {} FROM sessions WHERE batch IS NULL ORDER BY id DESC",
            sessions::COLUMNS
        );
        let query = sqlx::query(AssertSqlSafe(sql));
        let rows = query.fetch_all(self.readers()).await?;
        rows.iter().map(|row| Ok(sessions::session(row)?)).collect()
    }

    /// One session; `None` when there is none with this number (any more).
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn session(&self, id: SessionId) -> Result<Option<Session>, Error> {
        let sql = format!(
            "SELECT {} FROM sessions WHERE id = ? AND batch IS NULL",
            sessions::COLUMNS
        );
        let query = sqlx::query(AssertSqlSafe(sql)).bind(id.0);
        let row = query.fetch_optional(self.readers()).await?;
        Ok(row.as_ref().map(sessions::session).transpose()?)
    }

    /// The session that is recorded into.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn current_session(&self) -> Result<SessionId, Error> {
        if !self.is_read_only() {
            return Ok(self.queue().session());
        }
        let id: Option<i64> = sqlx::query_scalar(sessions::CURRENT)
            .fetch_optional(self.readers())
            .await?;
        Ok(SessionId(id.unwrap_or(0)))
    }

    /// Ends the session that is recorded into, names it if a name is given, and begins a new one. What is going on
    /// stays in the one in which it began.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::DiskFull`], [`Error::Closed`].
    pub async fn begin_session(&self, name: Option<&str>) -> Result<Session, Error> {
        let name = name.map(str::to_owned);
        let id = self.transact(move |database| {
            let mut ends = 0;
            database
                .prepare(sessions::CURRENT)?
                .rows(&[], |row| ends = row.int(0))?;
            let id = sessions::begin(database, SessionId(ends), name.as_deref())?;
            let done = Done {
                changes: vec![Change::Sessions],
                session: Some(id),
                ..Done::default()
            };
            Ok((id, done))
        });
        let id = id.await?;
        self.session(id).await?.ok_or(Error::Closed)
    }

    /// Begins a session for flows that are imported: see [`crate::Recorder::into_session`] and
    /// [`end_import`](Self::end_import).
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::DiskFull`], [`Error::Closed`].
    pub async fn begin_import(&self, name: &str) -> Result<SessionId, Error> {
        let name = name.to_owned();
        let work = self.transact(move |database| {
            let id = sessions::insert(database, &name, Source::Imported)?;
            Ok((id, Done::told(Change::Sessions)))
        });
        work.await
    }

    /// Ends the session of an import. What was recorded for it before the call is written then.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::DiskFull`], [`Error::Closed`].
    pub async fn end_import(&self, id: SessionId) -> Result<Option<Session>, Error> {
        self.flush().await?;
        let work = self.transact(move |database| {
            let values = [Value::Int(id.0), Value::Int(Timestamp::now().0)];
            let sql = "UPDATE sessions SET ended = ?2 WHERE id = ?1 AND source = 1";
            database.run(sql, &values)?;
            Ok(((), Done::told(Change::Sessions)))
        });
        work.await?;
        self.session(id).await
    }

    /// Names a session; `None` when there is none with this number.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::DiskFull`], [`Error::Closed`].
    pub async fn name_session(&self, id: SessionId, name: &str) -> Result<Option<Session>, Error> {
        let name = name.to_owned();
        let work = self.transact(move |database| {
            let sql = "UPDATE sessions SET name = ?2 WHERE id = ?1 AND batch IS NULL";
            database.run(sql, &[Value::Int(id.0), Value::Text(&name)])?;
            Ok(((), Done::told(Change::Sessions)))
        });
        work.await?;
        self.session(id).await
    }
}
