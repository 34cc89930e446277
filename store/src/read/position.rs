//! Where a flow stands in a list, by counting what is before it.

use super::{
    FlowQuery, Sort,
    cursor::{Key, Place},
    list::{Condition, key_sql, place_at},
};
use crate::{error::Error, flow::FlowId, store::Store};
use sqlx::{AssertSqlSafe, Row};
use std::time::Instant;

impl Store {
    /// How many flows of a list stand before this one; `None` when the list does not have it. The
    /// query's cursor, skip and limit mean nothing here. Nothing is held but the count.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn position(&self, query: &FlowQuery, id: FlowId) -> Result<Option<u64>, Error> {
        let condition = Condition::of(query);
        let sql = format!(
            "SELECT id, {} FROM flows WHERE id = ? AND {}",
            key_sql(query.sort),
            condition.sql
        );
        let row = condition.bind(sqlx::query(AssertSqlSafe(sql)).bind(id.0));
        match row.fetch_optional(self.readers()).await? {
            Some(row) => {
                let place = place_at(&row, query.sort, 1)?;
                self.before(query, &condition, &place).await.map(Some)
            }
            None => Ok(None),
        }
    }

    async fn before(
        &self,
        query: &FlowQuery,
        condition: &Condition,
        place: &Place,
    ) -> Result<u64, Error> {
        let by_id = query.sort == Sort::Id;
        let mut slices = self.slices_of(query.session, false).await?;
        if by_id && query.descending {
            slices.begin_after(place.id);
        } else if by_id {
            slices.end_before(place.id);
        }
        let ahead = match (by_id, query.descending) {
            (true, _) => String::new(),
            (false, true) => format!("AND ({}, id) > (?, ?)", key_sql(query.sort)),
            (false, false) => format!("AND ({}, id) < (?, ?)", key_sql(query.sort)),
        };
        let sql = format!(
            "SELECT count(*) FROM flows WHERE id BETWEEN ? AND ? {ahead} AND {}",
            condition.sql
        );
        let mut count = 0;
        while let Some((low, high)) = slices.next() {
            let begun = Instant::now();
            let mut counted = sqlx::query(AssertSqlSafe(sql.clone())).bind(low).bind(high);
            if !by_id {
                counted = match &place.key {
                    Key::Int(int) => counted.bind(*int),
                    Key::Text(text) => counted.bind(text.clone()),
                };
                counted = counted.bind(place.id);
            }
            let row = condition.bind(counted).fetch_one(self.readers()).await?;
            count += u64::try_from(row.try_get::<i64, _>(0)?).unwrap_or(0);
            slices.took(begun.elapsed());
        }
        Ok(count)
    }
}
