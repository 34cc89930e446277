//! Changing the database: through the writer when there is one, otherwise in short transactions here.

use super::Store;
use crate::{
    error::Error,
    recorder::queue::{Command, Done},
    sqlite::{Database, Failed},
    table::reclaim::Reclaimer,
};
use sqlx::{Connection as _, SqliteConnection};
use std::sync::{Arc, OnceLock};

impl Store {
    /// Works in a transaction of its own. What the work gives is had once it is committed.
    pub(crate) async fn transact<T: Send + Sync + 'static>(
        &self,
        work: impl FnOnce(&Database<'_>) -> Result<(T, Done), Failed> + Send + 'static,
    ) -> Result<T, Error> {
        if self.is_read_only() {
            return self.alone(move |db| work(db).map(|(value, _)| value)).await;
        }
        let given = Arc::new(OnceLock::new());
        let gives = given.clone();
        let work = Box::new(move |database: &Database<'_>| {
            let (value, done) = work(database)?;
            // it runs once
            let _ = gives.set(value);
            Ok(done)
        });
        let answer = self.ask(|done| Command::Work(work, done)).await?;
        self.succeeded(answer)?;
        Arc::into_inner(given)
            .and_then(OnceLock::into_inner)
            .ok_or(Error::Closed)
    }

    pub(crate) fn succeeded<T>(&self, result: Result<T, Failed>) -> Result<T, Error> {
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

    /// Works on the database in a transaction, without a writer of our own; then gives back the space, unless
    /// another program is recording and will do that.
    pub(crate) async fn alone<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Database<'_>) -> Result<T, Failed> + Send + 'static,
    ) -> Result<T, Error> {
        let options = super::reading(self.path());
        let mut connection = SqliteConnection::connect_with(&options).await?;
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
