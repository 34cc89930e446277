//! Deleting and annotating: through the writer when there is one, otherwise in short transactions here.

use super::list::Condition;
use crate::{
    error::Error,
    filter::Filter,
    flow::FlowId,
    recorder::queue::Command,
    sqlite::{Database, Failed},
    store::Store,
    table::{
        flows,
        reclaim::{self, Deleted, Reclaimer},
    },
};
use sqlx::{AssertSqlSafe, Connection as _, Row, SqliteConnection};
use std::collections::HashSet;

/// Flows deleted in one transaction.
const STEP: usize = 200;

impl Store {
    /// Deletes flows with all that belongs to them. They leave the list at once; their space is given back
    /// in small steps beside the recording. Returns how many there were.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::DiskFull`], [`Error::Closed`].
    pub async fn delete(&self, ids: &[FlowId]) -> Result<u64, Error> {
        self.flush_if_recording().await?;
        let mut connections = HashSet::new();
        let mut count = 0;
        for step in ids.chunks(STEP) {
            let deleted = self.delete_step(step.to_vec()).await?;
            count += deleted.flows.len() as u64;
            connections.extend(deleted.connections);
        }
        self.delete_unused(connections).await?;
        Ok(count)
    }

    /// Deletes every flow that matches; `None` is all of them. Running flows are deleted too and come
    /// back only if they go on.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::DiskFull`], [`Error::Closed`].
    pub async fn delete_matching(&self, filter: Option<&Filter>) -> Result<u64, Error> {
        self.flush_if_recording().await?;
        let Some(filter) = filter else {
            return self.clear().await;
        };
        let condition = Condition::filter(Some(filter));
        let sql = format!(
            "SELECT id FROM flows WHERE id BETWEEN ? AND ? AND {} ORDER BY id",
            condition.sql
        );
        let mut connections = HashSet::new();
        let mut count = 0;
        let mut slices = self.slices(false).await?;
        while let Some((low, high)) = slices.next() {
            let query = sqlx::query(AssertSqlSafe(sql.clone())).bind(low).bind(high);
            let rows = condition.bind(query).fetch_all(self.readers()).await?;
            let ids = rows.iter().map(|row| row.try_get(0).map(FlowId));
            let ids: Vec<FlowId> = ids.collect::<Result<_, _>>()?;
            for step in ids.chunks(STEP) {
                let deleted = self.delete_step(step.to_vec()).await?;
                count += deleted.flows.len() as u64;
                connections.extend(deleted.connections);
            }
        }
        self.delete_unused(connections).await?;
        Ok(count)
    }

    /// Puts tags and a comment on a flow. `None` leaves what is there. False when there is no such flow.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::DiskFull`], [`Error::Closed`].
    pub async fn annotate(
        &self,
        id: FlowId,
        tags: Option<&str>,
        comment: Option<&str>,
    ) -> Result<bool, Error> {
        if !self.is_read_only() {
            let tags = tags.map(str::to_owned);
            let comment = comment.map(str::to_owned);
            let answer = self.ask(|done| Command::Annotate {
                id,
                tags,
                comment,
                done,
            });
            return self.succeeded(answer.await?);
        }
        let mut connection = self.connect().await?;
        let query = sqlx::query(flows::ANNOTATE)
            .bind(id.0)
            .bind(tags)
            .bind(comment);
        let changed = query.execute(&mut connection).await?.rows_affected();
        connection.close().await?;
        Ok(changed > 0)
    }

    async fn flush_if_recording(&self) -> Result<(), Error> {
        // while nothing can be written, what waits stays and the rest can be deleted
        if self.is_read_only() || self.trouble().is_some() {
            return Ok(());
        }
        self.flush().await
    }

    async fn delete_step(&self, ids: Vec<FlowId>) -> Result<Deleted, Error> {
        if self.is_read_only() {
            return self.alone(move |db| reclaim::delete(db, &ids)).await;
        }
        let answer = self.ask(|done| Command::Delete(ids, done)).await?;
        self.succeeded(answer)
    }

    async fn clear(&self) -> Result<u64, Error> {
        if self.is_read_only() {
            return self.alone(|db| reclaim::clear(db, 0)).await;
        }
        let answer = self.ask(Command::Clear).await?;
        self.succeeded(answer)
    }

    /// Deletes the connections that have no flow any more.
    async fn delete_unused(&self, mut connections: HashSet<i64>) -> Result<(), Error> {
        let mut slices = self.slices(false).await?;
        while !connections.is_empty()
            && let Some((low, high)) = slices.next()
        {
            let used = "SELECT DISTINCT connection FROM flows WHERE id BETWEEN ? AND ?";
            let query = sqlx::query_scalar(used).bind(low).bind(high);
            for id in query.fetch_all(self.readers()).await? {
                connections.remove(&id);
            }
        }
        let unused: Vec<i64> = connections.into_iter().collect();
        for step in unused.chunks(STEP) {
            let ids = step.to_vec();
            if self.is_read_only() {
                let work = move |db: &Database<'_>| reclaim::delete_connections(db, &ids);
                self.alone(work).await?;
            } else {
                let answer = self.ask(|done| Command::DeleteConnections(ids, done));
                let answer = answer.await?;
                self.succeeded(answer)?;
            }
        }
        Ok(())
    }

    fn succeeded<T>(&self, result: Result<T, Failed>) -> Result<T, Error> {
        result.map_err(|failed| self.failed(failed))
    }

    fn failed(&self, failed: Failed) -> Error {
        if failed.disk_full() {
            Error::DiskFull {
                path: self.path().to_owned(),
            }
        } else {
            Error::Database(sqlx::Error::Protocol(failed.to_string()))
        }
    }

    async fn connect(&self) -> Result<SqliteConnection, Error> {
        let options = crate::store::reading(self.path());
        Ok(SqliteConnection::connect_with(&options).await?)
    }

    /// Works on the database in a transaction, without a writer of our own; then gives back the space, unless
    /// another program is recording and will do that.
    async fn alone<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Database<'_>) -> Result<T, Failed> + Send + 'static,
    ) -> Result<T, Error> {
        let mut connection = self.connect().await?;
        let runtime = tokio::runtime::Handle::current();
        let result = tokio::task::spawn_blocking(move || {
            let locked = runtime.block_on(connection.lock_handle())?;
            let database = Database::new(locked);
            let result = in_transaction(&database, work).and_then(|value| {
                let mut reclaimer = Reclaimer::default();
                while reclaimer.step(&database)? {}
                Ok(value)
            });
            drop(database);
            runtime.block_on(connection.close())?;
            Ok::<_, sqlx::Error>(result)
        });
        match result.await {
            Ok(result) => self.succeeded(result?),
            // the task panicked or the runtime ends
            Err(_) => Err(Error::Closed),
        }
    }
}

fn in_transaction<T>(
    database: &Database<'_>,
    work: impl FnOnce(&Database<'_>) -> Result<T, Failed>,
) -> Result<T, Failed> {
    database.run("BEGIN IMMEDIATE", &[])?;
    let result = work(database).and_then(|value| {
        database.run("COMMIT", &[])?;
        Ok(value)
    });
    if result.is_err() && !database.autocommit() {
        // what went wrong is told; a transaction that cannot be undone ends with the connection
        let _ = database.run("ROLLBACK", &[]);
    }
    result
}
