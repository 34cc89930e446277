//! Flows over time: how many began, and how many of them failed, in equal spans.

use super::{Which, list::Condition};
use crate::{error::Error, flow::Timestamp, store::Store};
use sqlx::{AssertSqlSafe, Row};
use std::time::Instant;

/// Widths of spans that a person can read, in milliseconds; larger ones are days.
const WIDTHS: [i64; 27] = [
    1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 15_000, 30_000, 60_000,
    120_000, 300_000, 600_000, 900_000, 1_800_000, 3_600_000, 7_200_000, 14_400_000, 21_600_000,
    43_200_000, DAY,
];

const DAY: i64 = 86_400_000;

const MS: i64 = 1_000_000;

/// Which flows, and how finely.
#[derive(Debug, Clone, Default)]
pub struct TimelineQuery {
    /// Which flows.
    pub which: Which,
    /// Begins here; with the first flow when absent.
    pub from: Option<Timestamp>,
    /// Ends here; with the last flow when absent.
    pub to: Option<Timestamp>,
    /// At most this many spans (and one more at each end, so that they begin at round moments).
    pub buckets: u32,
}

/// Flows over time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timeline {
    /// Where the first span begins; `None` when there are no flows and no limits were given.
    pub from: Option<Timestamp>,
    /// Where the last span ends.
    pub to: Option<Timestamp>,
    /// How long a span is, in milliseconds.
    pub bucket_ms: u64,
    /// The spans, without gaps.
    pub buckets: Vec<Bucket>,
}

/// A span of time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Bucket {
    /// Flows that began in it.
    pub count: u64,
    /// Those of them that failed, have a status of 400 and more, or are gRPC calls that did not end with OK.
    pub errors: u64,
}

/// The spans: where they begin, how wide and how many they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Spans {
    first: i64,
    width: i64,
    count: usize,
}

impl Spans {
    /// Of at most about `wanted` spans, as wide as a person likes them, that hold two moments.
    fn over(from: i64, to: i64, wanted: u32) -> Self {
        let to = to.max(from);
        let least = to.saturating_sub(from) / i64::from(wanted.max(1)) / MS + 1;
        let width = WIDTHS.into_iter().find(|width| *width >= least);
        // whole days
        let width = width.unwrap_or_else(|| (least / DAY + 1) * DAY) * MS;
        let first = from.div_euclid(width).saturating_mul(width);
        let count = to.saturating_sub(first) / width + 1;
        Self {
            first,
            width,
            count: usize::try_from(count).unwrap_or(1),
        }
    }
}

impl Store {
    /// Flows over time.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn timeline(&self, query: &TimelineQuery) -> Result<Timeline, Error> {
        let condition = Condition::which(&query.which);
        let (from, to) = match (query.from, query.to) {
            (Some(from), Some(to)) => (Some(from.0), Some(to.0)),
            (from, to) => {
                let (first, last) = self.extent(&query.which, &condition).await?;
                (from.map(|at| at.0).or(first), to.map(|at| at.0).or(last))
            }
        };
        let (Some(from), Some(to)) = (from, to) else {
            return Ok(Timeline {
                from: None,
                to: None,
                bucket_ms: 0,
                buckets: Vec::new(),
            });
        };
        let spans = Spans::over(from, to, query.buckets);
        let mut buckets = vec![Bucket::default(); spans.count];
        let sql = format!(
            "SELECT (started - ?) / ? AS span, count(*), \
            sum(state = 2 OR coalesce(status, 0) >= 400 OR coalesce(grpc_status, 0) > 0) \
            FROM flows WHERE id BETWEEN ? AND ? AND started BETWEEN ? AND ? AND {} GROUP BY span",
            condition.sql
        );
        let mut slices = self.slices_of(query.which.session, false).await?;
        while let Some((low, high)) = slices.next() {
            let begun = Instant::now();
            let rows = sqlx::query(AssertSqlSafe(sql.clone()))
                .bind(spans.first)
                .bind(spans.width)
                .bind(low)
                .bind(high)
                .bind(from)
                .bind(to.max(from));
            for row in condition.bind(rows).fetch_all(self.readers()).await? {
                let span = usize::try_from(row.try_get::<i64, _>(0)?).unwrap_or(usize::MAX);
                if let Some(bucket) = buckets.get_mut(span) {
                    bucket.count += u64::try_from(row.try_get::<i64, _>(1)?).unwrap_or(0);
                    bucket.errors += u64::try_from(row.try_get::<i64, _>(2)?).unwrap_or(0);
                }
            }
            slices.took(begun.elapsed());
        }
        let end = (spans.count as i64).saturating_mul(spans.width);
        Ok(Timeline {
            from: Some(Timestamp(spans.first)),
            to: Some(Timestamp(spans.first.saturating_add(end))),
            bucket_ms: u64::try_from(spans.width / MS).unwrap_or(1),
            buckets,
        })
    }

    /// When the first and the last flow began.
    async fn extent(
        &self,
        which: &Which,
        condition: &Condition,
    ) -> Result<(Option<i64>, Option<i64>), Error> {
        let sql = format!(
            "SELECT min(started), max(started) FROM flows WHERE id BETWEEN ? AND ? AND {}",
            condition.sql
        );
        let (mut first, mut last): (Option<i64>, Option<i64>) = (None, None);
        let mut slices = self.slices_of(which.session, false).await?;
        while let Some((low, high)) = slices.next() {
            let begun = Instant::now();
            let query = sqlx::query(AssertSqlSafe(sql.clone())).bind(low).bind(high);
            let row = condition.bind(query).fetch_one(self.readers()).await?;
            let (low, high): (Option<i64>, Option<i64>) = (row.try_get(0)?, row.try_get(1)?);
            first = first.into_iter().chain(low).min();
            last = last.into_iter().chain(high).max();
            slices.took(begun.elapsed());
        }
        Ok((first, last))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_round_and_hold_both_ends() {
        let now = 1_795_266_300_123 * MS;
        for (length, wanted) in [
            (0, 120),
            (1, 120),
            (59_999, 120),
            (3_600_000, 60),
            (40 * DAY, 120),
            (4000 * DAY, 10),
            (7, 1),
        ] {
            let to = now + length * MS;
            let spans = Spans::over(now, to, wanted);
            assert!(spans.first <= now && spans.first % spans.width == 0);
            let end = spans.first + spans.width * spans.count as i64;
            assert!(end > to && end - spans.width <= to, "{length} {wanted}");
            assert!(
                spans.count <= wanted as usize + 2,
                "{length} {wanted} {spans:?}"
            );
        }
        assert_eq!(Spans::over(5 * MS, 5 * MS, 100).width, MS);
    }

    #[test]
    fn any_two_moments_have_spans() {
        for (from, to) in [(i64::MIN, i64::MAX), (i64::MAX, i64::MIN), (0, 0)] {
            let spans = Spans::over(from, to, 2000);
            assert!(spans.width > 0 && spans.count > 0 && spans.count < 3000);
        }
    }
}
