//! Deleting for good: through the writer when there is one, otherwise in short transactions here. See
//! [`discard`](super::discard) for deleting that can be undone.

use super::{Which, list::Condition};
use crate::{
    error::Error,
    filter::Filter,
    flow::FlowId,
    recorder::queue::Command,
    sqlite::Database,
    store::Store,
    table::reclaim::{self, Deleted},
};
use sqlx::{AssertSqlSafe, Row};
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
        self.settle().await?;
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
        let which = Which {
            filter: filter.cloned(),
            ..Which::default()
        };
        self.delete_which(&which).await
    }

    /// Deletes flows for good.
    pub(super) async fn delete_which(&self, which: &Which) -> Result<u64, Error> {
        self.settle().await?;
        if which.is_all() {
            return self.clear().await;
        }
        let condition = Condition::which(which);
        let mut connections = HashSet::new();
        let mut count = 0;
        let mut slices = self.slices_of(which.session, false).await?;
        while let Some(slice) = slices.next() {
            let ids = self.ids_in(&condition, slice).await?;
            for step in ids.chunks(STEP) {
                let deleted = self.delete_step(step.to_vec()).await?;
                count += deleted.flows.len() as u64;
                connections.extend(deleted.connections);
            }
        }
        self.delete_unused(connections).await?;
        Ok(count)
    }

    /// The flows of a slice that are meant.
    pub(super) async fn ids_in(
        &self,
        condition: &Condition,
        (low, high): (i64, i64),
    ) -> Result<Vec<FlowId>, Error> {
        let sql = format!(
            "SELECT id FROM flows WHERE id BETWEEN ? AND ? AND {} ORDER BY id",
            condition.sql
        );
        let query = sqlx::query(AssertSqlSafe(sql)).bind(low).bind(high);
        let rows = condition.bind(query).fetch_all(self.readers()).await?;
        let ids = rows.iter().map(|row| row.try_get(0).map(FlowId));
        Ok(ids.collect::<Result<_, _>>()?)
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
    pub(super) async fn delete_unused(&self, mut connections: HashSet<i64>) -> Result<(), Error> {
        let waiting = "SELECT DISTINCT connection FROM trash";
        for id in sqlx::query_scalar(waiting)
            .fetch_all(self.readers())
            .await?
        {
            connections.remove(&id);
        }
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
}
