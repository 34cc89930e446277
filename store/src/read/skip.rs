//! Leaving out the first flows of a list: the place after which a page begins, found by counting.

use super::{
    FlowQuery, Sort,
    cursor::Place,
    list::{Condition, Slices, key_sql, place_at},
};
use crate::{error::Error, store::Store};
use sqlx::{AssertSqlSafe, Row};
use std::time::Instant;

/// Where the flows that are left out end.
pub(super) enum Skipped {
    /// After this one.
    To(Place),
    /// There are no more than that.
    All,
}

impl Store {
    /// Leaves out `query.skip` flows, at least one, after the place (its cursor's) where the list begins. By
    /// number it counts whole slices; otherwise the keys of what is left out, and nothing else, are held.
    pub(super) async fn skipped(
        &self,
        query: &FlowQuery,
        condition: &Condition,
        after: Option<&Place>,
        mut slices: Slices,
    ) -> Result<Skipped, Error> {
        match query.sort {
            Sort::Id => self.skipped_by_id(query, condition, &mut slices).await,
            _ => {
                self.skipped_by_key(query, condition, after, &mut slices)
                    .await
            }
        }
    }

    async fn skipped_by_id(
        &self,
        query: &FlowQuery,
        condition: &Condition,
        slices: &mut Slices,
    ) -> Result<Skipped, Error> {
        let count = format!(
            "SELECT count(*) FROM flows WHERE id BETWEEN ? AND ? AND {}",
            condition.sql
        );
        let direction = if query.descending { "DESC" } else { "ASC" };
        let last = format!(
            "SELECT id, id FROM flows WHERE id BETWEEN ? AND ? AND {} ORDER BY id {direction} LIMIT 1 OFFSET ?",
            condition.sql
        );
        let mut left = i64::try_from(query.skip).unwrap_or(i64::MAX);
        while let Some((low, high)) = slices.next() {
            let begun = Instant::now();
            let counted = sqlx::query(AssertSqlSafe(count.clone()));
            let counted = condition.bind(counted.bind(low).bind(high));
            let here: i64 = counted.fetch_one(self.readers()).await?.try_get(0)?;
            if here >= left {
                let row = sqlx::query(AssertSqlSafe(last.clone()))
                    .bind(low)
                    .bind(high);
                let row = condition.bind(row).bind(left - 1);
                // none only when it was deleted between the two statements: the next slice then ends it
                if let Some(row) = row.fetch_optional(self.readers()).await? {
                    return Ok(Skipped::To(place_at(&row, query.sort, 1)?));
                }
            }
            left = left.saturating_sub(here).max(1);
            slices.took(begun.elapsed());
        }
        Ok(Skipped::All)
    }

    async fn skipped_by_key(
        &self,
        query: &FlowQuery,
        condition: &Condition,
        after: Option<&Place>,
        slices: &mut Slices,
    ) -> Result<Skipped, Error> {
        let sql = format!(
            "SELECT id, {} FROM flows WHERE id BETWEEN ? AND ? AND {}",
            key_sql(query.sort),
            condition.sql
        );
        let skip = usize::try_from(query.skip).unwrap_or(usize::MAX);
        let mut places: Vec<Place> = Vec::new();
        while let Some((low, high)) = slices.next() {
            let begun = Instant::now();
            let rows = sqlx::query(AssertSqlSafe(sql.clone())).bind(low).bind(high);
            for row in condition.bind(rows).fetch_all(self.readers()).await? {
                let place = place_at(&row, query.sort, 1)?;
                if after.is_none_or(|after| after.order(&place, query.descending).is_lt()) {
                    places.push(place);
                }
            }
            places.sort_by(|a, b| a.order(b, query.descending));
            places.truncate(skip);
            slices.took(begun.elapsed());
        }
        Ok(match places.len() == skip {
            true => places.pop().map_or(Skipped::All, Skipped::To),
            false => Skipped::All,
        })
    }
}
