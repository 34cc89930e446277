//! Many flows at once, for what reads one after another to their end: an export.
//!
//! A query through the pool wakes two threads, which costs more than reading a small flow. So a few queries
//! read many of them.

use super::{Chunk, RecordedHead};
use crate::{
    error::Error,
    flow::{Connection, ConnectionId, Flow, FlowId, Side},
    store::Store,
    table::{chunks, connections, flows, heads},
};
use sqlx::{AssertSqlSafe, Row, sqlite::SqliteRow};
use std::collections::{BTreeSet, HashMap};

/// A flow with its heads, and with its bodies when they are small.
#[derive(Debug, Clone, PartialEq)]
pub struct WholeFlow {
    /// The flow.
    pub flow: Flow,
    /// As [`Store::heads`] gives them.
    pub heads: Vec<RecordedHead>,
    /// The pieces of both bodies, each side's in order; none when they are larger than was asked for, see
    /// [`Store::chunks`].
    pub bodies: Option<Vec<(Side, Chunk)>>,
}

impl Store {
    /// Those of these flows that exist, in the order of their numbers, with their heads; with their bodies when both
    /// together have at most `small` bytes.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn whole_flows(&self, ids: &[FlowId], small: u64) -> Result<Vec<WholeFlow>, Error> {
        let rows = self.rows(many_flows(), ids.iter().map(|id| id.0)).await?;
        let found = rows
            .iter()
            .map(flows::flow)
            .collect::<Result<Vec<Flow>, _>>()?;
        let mut heads = self.many_heads(&found).await?;
        let is_small = |f: &Flow| f.request.body_size.saturating_add(f.response.body_size) <= small;
        let mut bodies = self
            .many_bodies(found.iter().filter(|f| is_small(f)))
            .await?;
        let whole = found.into_iter().map(|flow| WholeFlow {
            heads: heads.remove(&flow.id.0).unwrap_or_default(),
            bodies: is_small(&flow).then(|| bodies.remove(&flow.id.0).unwrap_or_default()),
            flow,
        });
        Ok(whole.collect())
    }

    /// Those of these connections that exist, in the order of their numbers, without their certificates.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn connections(&self, ids: &[ConnectionId]) -> Result<Vec<Connection>, Error> {
        let sql = connections::MANY.to_owned();
        let rows = self.rows(sql, ids.iter().map(|id| id.0)).await?;
        let connections = rows.iter().map(|row| Ok(connections::connection(row)?));
        connections.collect()
    }

    async fn many_heads(&self, flows: &[Flow]) -> Result<HashMap<i64, Vec<RecordedHead>>, Error> {
        let ids = flows.iter().map(|f| f.id.0);
        let mut heads: HashMap<i64, Vec<RecordedHead>> = HashMap::new();
        for row in self.rows(heads::OF_FLOWS.to_owned(), ids).await? {
            let flow = row.try_get("flow")?;
            heads.entry(flow).or_default().push(heads::head(&row)?);
        }
        Ok(heads)
    }

    async fn many_bodies(
        &self,
        flows: impl Iterator<Item = &Flow>,
    ) -> Result<HashMap<i64, Vec<(Side, Chunk)>>, Error> {
        let with_bodies = flows.filter(|f| f.request.body_size > 0 || f.response.body_size > 0);
        let ids: Vec<i64> = with_bodies.map(|f| f.id.0).collect();
        let mut bodies: HashMap<i64, Vec<(Side, Chunk)>> = HashMap::new();
        if ids.is_empty() {
            return Ok(bodies);
        }
        let rows = self.rows(chunks::of_flows(), ids.into_iter()).await?;
        for row in rows {
            let flow = chunks::flow_of(row.try_get(0)?);
            bodies.entry(flow).or_default().push(chunks::chunk(&row)?);
        }
        Ok(bodies)
    }

    /// The rows of a query with one argument, a list of numbers.
    async fn rows(
        &self,
        sql: String,
        ids: impl Iterator<Item = i64>,
    ) -> Result<Vec<SqliteRow>, Error> {
        // numbers need no quoting, and a list of any length is one argument
        let ids: BTreeSet<i64> = ids.collect();
        let list = serde_json::to_string(&ids).unwrap_or_default();
        let query = sqlx::query(AssertSqlSafe(sql)).bind(list);
        Ok(query.fetch_all(self.readers()).await?)
    }
}

fn many_flows() -> String {
    format!(
        "SELECT {} FROM (SELECT value FROM json_each(?)) CROSS JOIN flows ON id = value ORDER BY id",
        flows::COLUMNS
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::StoreOptions;

    /// The plans of SQLite change with its versions: a scan of a table is a second for a large recording.
    #[tokio::test]
    async fn nothing_is_scanned() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("flows.db");
        let options = StoreOptions {
            path,
            read_only: false,
        };
        let store = Store::open(options).await.unwrap();
        for sql in [
            many_flows(),
            heads::OF_FLOWS.to_owned(),
            chunks::of_flows(),
            connections::MANY.to_owned(),
        ] {
            let explain = format!("EXPLAIN QUERY PLAN {sql}");
            let rows = store.rows(explain, [1, 2].into_iter()).await.unwrap();
            let steps: Vec<String> = rows.iter().map(|row| row.get("detail")).collect();
            let scans = |table| {
                steps
                    .iter()
                    .any(|s| s.starts_with(&format!("SCAN {table}")))
            };
            let tables = ["flows", "heads", "interims", "chunks", "connections"];
            assert!(!tables.into_iter().any(scans), "{sql}: {steps:#?}");
            assert!(
                steps.iter().any(|s| s.starts_with("SEARCH")),
                "{sql}: {steps:#?}"
            );
        }
    }
}
