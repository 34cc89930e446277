//! Pages of the list.
//!
//! The flows are read in slices of their numbers, each a statement of its own: a filter that has to
//! look at everything never keeps a reading transaction open for long (the log could not be
//! emptied meanwhile), stops when nobody waits for the answer, and finds the newest first.

use super::{
    FlowPage, FlowQuery, Sort, Which,
    cursor::{Key, Place},
    skip::Skipped,
};
use crate::{
    error::Error,
    filter::{Argument, Filter},
    flow::{Flow, FlowId, SessionId},
    store::Store,
    table::flows,
};
use sqlx::{AssertSqlSafe, Row, Sqlite, query::Query, sqlite::SqliteArguments, sqlite::SqliteRow};
use std::time::{Duration, Instant};

/// A page has this many flows when the query does not say.
const USUAL: u32 = 200;

/// A page has at most this many flows.
const MOST: u32 = 10_000;

/// Flows in the first slice; then as many as take [`SLICE_TIME`].
const FIRST_SLICE: i64 = 4096;

/// How long a slice should take.
const SLICE_TIME: Duration = Duration::from_millis(20);

impl Store {
    /// A page of the list.
    ///
    /// # Errors
    /// [`Error::Cursor`], [`Error::Database`].
    pub async fn flows(&self, query: &FlowQuery) -> Result<FlowPage, Error> {
        let limit = match query.limit {
            0 => USUAL,
            limit => limit.min(MOST),
        } as usize;
        let Sorted { sort, descending } = Sorted::of(query);
        let after = query.cursor.as_deref();
        let after = after.map(|c| Place::from_cursor(c, sort, descending));
        let mut after = after.transpose()?;
        let condition = Condition::of(query);
        if query.skip > 0 {
            let backwards = descending && sort == Sort::Id;
            let mut slices = self.slices_of(query.session, backwards).await?;
            if sort == Sort::Id
                && let Some(after) = &after
            {
                slices.begin_after(after.id);
            }
            match self
                .skipped(query, &condition, after.as_ref(), slices)
                .await?
            {
                Skipped::To(place) => after = Some(place),
                Skipped::All => {
                    return Ok(FlowPage {
                        flows: Vec::new(),
                        next: None,
                    });
                }
            }
        }

        // one more than asked for tells whether there is another page
        let wanted = limit + 1;
        let mut found: Vec<(Place, Flow)> = Vec::new();
        let backwards = descending && sort == Sort::Id;
        let mut slices = self.slices_of(query.session, backwards).await?;
        if sort == Sort::Id
            && let Some(after) = &after
        {
            slices.begin_after(after.id);
        }
        while let Some(slice) = slices.next() {
            let begun = Instant::now();
            let rows = self.slice(&condition, sort, descending, slice, after.as_ref(), wanted);
            for row in rows.await? {
                found.push((place(&row, sort)?, flows::flow(&row)?));
            }
            if sort == Sort::Id {
                if found.len() >= wanted {
                    break;
                }
            } else {
                found.sort_by(|a, b| a.0.order(&b.0, descending));
                found.truncate(wanted);
            }
            slices.took(begun.elapsed());
        }
        let more = found.len() > limit;
        found.truncate(limit);
        let last = found.last().filter(|_| more);
        let next = last.map(|(place, _)| place.to_cursor(sort, descending));
        let flows = found.into_iter().map(|(_, flow)| flow).collect();
        Ok(FlowPage { flows, next })
    }

    /// How many flows match, of all (`None`) or of a filter.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn count(&self, filter: Option<&Filter>) -> Result<u64, Error> {
        self.count_in(None, filter).await
    }

    /// How many flows match, of all or of a session. Without a filter, the answer is known.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn count_in(
        &self,
        session: Option<SessionId>,
        filter: Option<&Filter>,
    ) -> Result<u64, Error> {
        if filter.is_none_or(Filter::is_empty) {
            let sql = "SELECT coalesce(sum(flows), 0) FROM sessions WHERE ?1 IS NULL OR id = ?1";
            let query = sqlx::query_scalar(sql).bind(session.map(|id| id.0));
            let count: i64 = query.fetch_one(self.readers()).await?;
            return Ok(u64::try_from(count).unwrap_or(0));
        }
        let condition = Condition::which(&Which {
            filter: filter.cloned(),
            session,
            ids: None,
        });
        let sql = format!(
            "SELECT count(*) FROM flows WHERE id BETWEEN ? AND ? AND {}",
            condition.sql
        );
        let mut slices = self.slices_of(session, false).await?;
        let mut count = 0;
        while let Some((low, high)) = slices.next() {
            let begun = Instant::now();
            let query = sqlx::query(AssertSqlSafe(sql.clone())).bind(low).bind(high);
            let row = condition.bind(query).fetch_one(self.readers()).await?;
            count += u64::try_from(row.try_get::<i64, _>(0)?).unwrap_or(0);
            slices.took(begun.elapsed());
        }
        Ok(count)
    }

    async fn slice(
        &self,
        condition: &Condition,
        sort: Sort,
        descending: bool,
        (low, high): (i64, i64),
        after: Option<&Place>,
        wanted: usize,
    ) -> Result<Vec<SqliteRow>, Error> {
        let key = key_sql(sort);
        let (direction, beyond) = if descending {
            ("DESC", "<")
        } else {
            ("ASC", ">")
        };
        let cursor = match after {
            Some(_) if sort != Sort::Id => format!("AND ({key}, id) {beyond} (?, ?)"),
            _ => String::new(),
        };
        let order = match sort {
            Sort::Id => format!("id {direction}"),
            _ => format!("{key} {direction}, id {direction}"),
        };
        let sql = format!(
            "SELECT {}, {key} FROM flows WHERE id BETWEEN ? AND ? {cursor} AND {} ORDER BY {order} LIMIT ?",
            flows::COLUMNS,
            condition.sql
        );
        let mut query = sqlx::query(AssertSqlSafe(sql)).bind(low).bind(high);
        if let Some(place) = after.filter(|_| sort != Sort::Id) {
            query = match &place.key {
                Key::Int(int) => query.bind(*int),
                Key::Text(text) => query.bind(text.clone()),
            };
            query = query.bind(place.id);
        }
        let query = condition.bind(query).bind(wanted as i64);
        Ok(query.fetch_all(self.readers()).await?)
    }

    /// The numbers of a session's flows in slices, and of others between them.
    pub(super) async fn slices_of(
        &self,
        session: Option<SessionId>,
        descending: bool,
    ) -> Result<Slices, Error> {
        let mut slices = self.slices(descending).await?;
        if let Some(session) = session {
            let query = sqlx::query_as("SELECT first, last FROM sessions WHERE id = ?");
            let ends: Option<(i64, i64)> =
                query.bind(session.0).fetch_optional(self.readers()).await?;
            let (first, last) = ends.unwrap_or((1, 0));
            slices.low = slices.low.max(first);
            slices.high = slices.high.min(last);
        }
        Ok(slices)
    }

    /// All numbers of flows in slices.
    pub(super) async fn slices(&self, descending: bool) -> Result<Slices, Error> {
        // two seeks; one SELECT with both would be a scan
        let ends = "SELECT coalesce((SELECT min(id) FROM flows), 1), coalesce((SELECT max(id) FROM flows), 0)";
        let query = sqlx::query_as(ends);
        let (low, high) = query.fetch_one(self.readers()).await?;
        Ok(Slices {
            low,
            high,
            descending,
            size: FIRST_SLICE,
        })
    }
}

/// The order of a query.
struct Sorted {
    sort: Sort,
    descending: bool,
}

impl Sorted {
    fn of(query: &FlowQuery) -> Self {
        Self {
            sort: query.sort,
            descending: query.descending,
        }
    }
}

/// What is still to be looked at.
pub(super) struct Slices {
    low: i64,
    high: i64,
    descending: bool,
    size: i64,
}

impl Slices {
    /// The first and the last number that are left.
    pub(super) fn ends(&self) -> (i64, i64) {
        (self.low, self.high)
    }

    /// The next slice: its first and its last number.
    pub(super) fn next(&mut self) -> Option<(i64, i64)> {
        if self.low > self.high {
            return None;
        }
        if self.descending {
            let low = self.low.max(self.high - self.size + 1);
            let slice = (low, self.high);
            self.high = low - 1;
            Some(slice)
        } else {
            let high = self.high.min(self.low + self.size - 1);
            let slice = (self.low, high);
            self.low = high + 1;
            Some(slice)
        }
    }

    /// Only what comes after this number.
    pub(super) fn begin_after(&mut self, id: i64) {
        if self.descending {
            self.high = self.high.min(id.saturating_sub(1));
        } else {
            self.low = self.low.max(id.saturating_add(1));
        }
    }

    /// Only what comes before this number; for slices that ascend.
    pub(super) fn end_before(&mut self, id: i64) {
        self.high = self.high.min(id.saturating_sub(1));
    }

    /// Makes the next slice not larger than this.
    pub(super) fn at_most(&mut self, size: i64) {
        self.size = self.size.min(size);
    }

    /// Makes the next slice larger or smaller.
    pub(super) fn took(&mut self, time: Duration) {
        if time < SLICE_TIME / 2 {
            self.size = (self.size * 2).min(1 << 20);
        } else if time > SLICE_TIME * 2 {
            self.size = (self.size / 2).max(64);
        }
    }
}

/// Which flows: SQL with its arguments.
pub(super) struct Condition {
    pub(super) sql: String,
    arguments: Vec<Argument>,
}

impl Condition {
    pub(super) fn of(query: &FlowQuery) -> Self {
        Self::new(query.filter.as_ref(), query.ids.as_deref(), query.session)
    }

    pub(super) fn which(which: &Which) -> Self {
        Self::new(which.filter.as_ref(), which.ids.as_deref(), which.session)
    }

    fn new(filter: Option<&Filter>, ids: Option<&[FlowId]>, session: Option<SessionId>) -> Self {
        let mut condition = Self::filter(filter);
        if let Some(session) = session {
            // a number needs no quoting; it stands first, because it is quickly looked at
            condition.sql = format!("session = {} AND {}", session.0, condition.sql);
        }
        if let Some(ids) = ids {
            // numbers need no quoting, and a list of any length is one argument
            let list: Vec<i64> = ids.iter().map(|id| id.0).collect();
            let list = serde_json::to_string(&list).unwrap_or_default();
            condition.sql = format!(
                "{} AND id IN (SELECT value FROM json_each(?))",
                condition.sql
            );
            condition.arguments.push(Argument::Text(list));
        }
        condition
    }

    fn filter(filter: Option<&Filter>) -> Self {
        match filter {
            Some(filter) => {
                let (sql, arguments) = filter.to_sql();
                Self {
                    sql: format!("({sql})"),
                    arguments,
                }
            }
            None => Self {
                sql: "1".to_owned(),
                arguments: Vec::new(),
            },
        }
    }

    /// Binds the arguments.
    pub(super) fn bind<'q>(
        &self,
        mut query: Query<'q, Sqlite, SqliteArguments>,
    ) -> Query<'q, Sqlite, SqliteArguments> {
        for argument in &self.arguments {
            query = match argument {
                Argument::Int(int) => query.bind(*int),
                Argument::Text(text) => query.bind(text.clone()),
            };
        }
        query
    }
}

/// What a list is sorted by. The host's key is cut, so that cursors stay short.
pub(super) fn key_sql(sort: Sort) -> &'static str {
    match sort {
        Sort::Id => "id",
        Sort::Duration => "coalesce(ended - started, -1)",
        Sort::Size => "response_body_size",
        Sort::Status => "coalesce(status, -1)",
        Sort::Host => "host || substr(path, 1, 200)",
        Sort::Method => "method",
        Sort::Path => "substr(path, 1, 200)",
        Sort::Type => {
            "lower(substr(rtrim(substr(response_type, 1, instr(response_type || ';', ';') - 1)), 1, 200))"
        }
        Sort::Client => "client",
        Sort::Upload => "request_body_size",
        Sort::Kind => "kind",
    }
}

/// A row's place: its key follows the columns of the flow.
fn place(row: &SqliteRow, sort: Sort) -> Result<Place, sqlx::Error> {
    place_at(row, sort, flows::VALUES)
}

/// The place of a row whose number comes first and whose key is in this column.
pub(super) fn place_at(row: &SqliteRow, sort: Sort, column: usize) -> Result<Place, sqlx::Error> {
    let key = match sort {
        sort if sort.by_text() => Key::Text(row.try_get(column)?),
        _ => Key::Int(row.try_get(column)?),
    };
    let id = row.try_get(0)?;
    Ok(Place { key, id })
}
