//! One flow, one connection.

use super::RecordedHead;
use crate::{
    error::Error,
    flow::{Connection, ConnectionId, Flow, FlowId},
    store::Store,
    table::{connections, flows, heads},
};
use sqlx::AssertSqlSafe;

impl Store {
    /// One flow. Of a flow that has just begun, this waits until it is written.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn flow(&self, id: FlowId) -> Result<Option<Flow>, Error> {
        let found = self.written_flow(id).await?;
        if found.is_some() || !self.queue().has_begun(id) || self.trouble().is_some() {
            return Ok(found);
        }
        match self.settle().await {
            Ok(()) => self.written_flow(id).await,
            // nothing is on its way
            Err(_) => Ok(None),
        }
    }

    async fn written_flow(&self, id: FlowId) -> Result<Option<Flow>, Error> {
        let sql = format!("SELECT {} FROM flows WHERE id = ?", flows::COLUMNS);
        let query = sqlx::query(AssertSqlSafe(sql)).bind(id.0);
        let row = query.fetch_optional(self.readers()).await?;
        Ok(row.as_ref().map(flows::flow).transpose()?)
    }

    /// One connection, with both certificate chains.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn connection(&self, id: ConnectionId) -> Result<Option<Connection>, Error> {
        let mut reader = self.readers().acquire().await?;
        Ok(connections::read(&mut reader, id).await?)
    }

    /// A flow's heads in the order of their kinds; interim responses in the order they came.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn heads(&self, id: FlowId) -> Result<Vec<RecordedHead>, Error> {
        let (first, last) = heads::heads(id, id);
        let (first_interim, last_interim) = heads::interims(id, id);
        let query = sqlx::query(heads::OF_FLOW)
            .bind(first)
            .bind(last)
            .bind(first_interim)
            .bind(last_interim);
        let rows = query.fetch_all(self.readers()).await?;
        rows.iter().map(|row| Ok(heads::head(row)?)).collect()
    }
}
