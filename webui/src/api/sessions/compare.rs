//! `sessions/compare`: two recordings, or two filters, against each other.

use super::Session;
use crate::{
    api::{
        extract::Query,
        problem::Problem,
        selection::{self, Sessions},
    },
    server::App,
};
use axum::{Json as Answer, extract::State};
use overhear_store::read::{Became, CompareOptions, Compared, QueryPart, SeenIn, Set};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, sync::Arc};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

/// The most rows of one answer.
const MOST_ROWS: usize = 1000;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(compare))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct CompareQuery {
    /// The first set: a session's number, `current`, or `all`.
    #[serde(default)]
    #[param(value_type = Option<String>, example = "1")]
    a: Sessions,
    /// The second set.
    #[serde(default)]
    #[param(value_type = Option<String>, example = "current")]
    b: Sessions,
    /// Only flows of the first set that match.
    filter_a: Option<String>,
    /// Only flows of the second set that match.
    filter_b: Option<String>,
    /// What of the query belongs to a request: the `names` of its parameters (the default), the `whole`, or nothing (`ignored`).
    #[serde(default)]
    #[param(inline)]
    query: Part,
    /// `ignored`: requests to different hosts are the same when the rest is, as for two servers of one thing.
    #[serde(default)]
    #[param(inline)]
    host: Host,
    /// Slower is a request whose median time is at least so many milliseconds longer; 100 when absent.
    #[param(minimum = 0)]
    slower_ms: Option<f64>,
    /// And at least so many times as long; 1.5 when absent.
    #[param(minimum = 1)]
    slower_ratio: Option<f64>,
    /// Only requests of which this is true, with commas: `new`, `gone`, `status`, `slower`, `same`; when absent, all but `same`.
    only: Option<String>,
    /// Leave out this many rows: `next` of the answer before.
    #[serde(default)]
    skip: usize,
    /// How many rows at most; 200 when absent.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
}

#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Part {
    Ignored,
    #[default]
    Names,
    Whole,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Host {
    Ignored,
    #[default]
    Whole,
}

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = ComparedChange)]
enum Change {
    New,
    Gone,
    Status,
    Slower,
    Same,
}

/// Two sets of flows against each other.
#[derive(Serialize, ToSchema)]
#[schema(as = SessionComparison)]
struct Comparison {
    /// The first session; null where it is all of them.
    a: Option<Session>,
    /// The second.
    b: Option<Session>,
    /// Flows of each set that were looked at: HTTP and WebSockets that are over.
    flows_a: u64,
    flows_b: u64,
    /// How many requests became what; one may have another status and be slower.
    counts: Counts,
    /// Flows of requests beyond the first 50,000 different ones, which are not told of: narrow it by filters.
    left_out: u64,
    /// Those with another status first, then the slower ones, new, gone, the same.
    items: Vec<Row>,
    /// The `skip` of what follows; null when nothing does.
    next: Option<usize>,
}

#[derive(Debug, Default, Serialize, ToSchema)]
#[schema(as = SessionComparisonCounts)]
struct Counts {
    new: usize,
    gone: usize,
    status: usize,
    slower: usize,
    same: usize,
}

/// A request as both sets have it.
#[derive(Serialize, ToSchema)]
#[schema(as = ComparedRequest)]
struct Row {
    method: String,
    /// With its port where that is not the usual one; empty when hosts are ignored.
    host: String,
    /// With `{n}` for digits, `{uuid}` and `{hex}` (16 digits or more) in its segments.
    #[schema(example = "/users/{n}?page")]
    path: String,
    /// What became of it.
    changes: Vec<Change>,
    /// In the first set; null when it is new.
    a: Option<Seen>,
    /// In the second set; null when it is gone.
    b: Option<Seen>,
}

/// A request in one set.
#[derive(Serialize, ToSchema)]
#[schema(as = ComparedSide)]
struct Seen {
    /// How many flows.
    count: u64,
    statuses: Vec<StatusCount>,
    /// The median time of those that did not fail, in milliseconds: of 64 of them, evenly taken, when there are more.
    median_ms: Option<f64>,
    /// A flow that shows it: the last with a status that the other set does not have, otherwise that of the median.
    flow: i64,
}

/// How many flows had a status.
#[derive(Serialize, ToSchema)]
#[schema(as = ComparedStatus)]
struct StatusCount {
    /// Null: they failed.
    status: Option<u16>,
    count: u64,
}

impl From<Became> for Change {
    fn from(became: Became) -> Self {
        match became {
            Became::New => Self::New,
            Became::Gone => Self::Gone,
            Became::Status => Self::Status,
            Became::Slower => Self::Slower,
            Became::Same => Self::Same,
        }
    }
}

impl From<SeenIn> for Seen {
    fn from(seen: SeenIn) -> Self {
        let statuses = seen.statuses.into_iter();
        Self {
            count: seen.count,
            statuses: statuses
                .map(|(status, count)| StatusCount { status, count })
                .collect(),
            median_ms: seen.median_ms,
            flow: seen.example.0,
        }
    }
}

impl From<Compared> for Row {
    fn from(row: Compared) -> Self {
        Self {
            method: row.method,
            host: row.host,
            path: row.path,
            changes: row.became.into_iter().map(Change::from).collect(),
            a: row.a.map(Seen::from),
            b: row.b.map(Seen::from),
        }
    }
}

/// Compares two sessions, or what two filters match. Requests are the same when method, host with port, path and the names in the query
/// are: in the path, segments of digits, UUIDs and long hexadecimal numbers do not count. Failed flows have a status of their own.
#[utoipa::path(
    get, path = "/sessions/compare", tag = "sessions", operation_id = "compareSessions",
    params(CompareQuery),
    responses(
        (status = 200, description = "What is new, gone, changed in status, slower", body = Comparison),
        (status = 400, description = "A filter or a parameter is wrong", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "There is no such session", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn compare(
    State(app): State<Arc<App>>,
    Query(query): Query<CompareQuery>,
) -> Result<Answer<Comparison>, Problem> {
    let limit = query.limit.unwrap_or(200);
    if !(1..=MOST_ROWS).contains(&limit) {
        return Err(Problem::bad(format!(
            "limit is a number from 1 to {MOST_ROWS}, not {limit}"
        )));
    }
    let usual = CompareOptions::default();
    let options = CompareOptions {
        query: match query.query {
            Part::Ignored => QueryPart::Ignored,
            Part::Names => QueryPart::Names,
            Part::Whole => QueryPart::Whole,
        },
        any_host: query.host == Host::Ignored,
        slower_ms: query.slower_ms.unwrap_or(usual.slower_ms),
        slower_ratio: query.slower_ratio.unwrap_or(usual.slower_ratio),
    };
    if !(options.slower_ms >= 0.0 && options.slower_ratio >= 1.0) {
        return Err(Problem::bad(
            "slower_ms is a number from 0, and slower_ratio one from 1",
        ));
    }
    let only = only(query.only.as_deref())?;
    let a = Set {
        session: query.a.resolve(&app).await?,
        filter: selection::filter(query.filter_a.as_deref())?,
    };
    let b = Set {
        session: query.b.resolve(&app).await?,
        filter: selection::filter(query.filter_b.as_deref())?,
    };
    let found = app.store.compare(&a, &b, &options).await?;
    let mut counts = Counts::default();
    for change in found.rows.iter().flat_map(|row| &row.became) {
        match change {
            Became::New => counts.new += 1,
            Became::Gone => counts.gone += 1,
            Became::Status => counts.status += 1,
            Became::Slower => counts.slower += 1,
            Became::Same => counts.same += 1,
        }
    }
    let wanted = found.rows.into_iter().filter(|row| {
        let mut changes = row.became.iter().map(|became| Change::from(*became));
        changes.any(|change| only.contains(&change))
    });
    let mut items: Vec<Row> = wanted
        .skip(query.skip)
        .take(limit + 1)
        .map(Row::from)
        .collect();
    let next = (items.len() > limit).then_some(query.skip + limit);
    items.truncate(limit);
    Ok(Answer(Comparison {
        a: session(&app, a.session).await?,
        b: session(&app, b.session).await?,
        flows_a: found.flows_a,
        flows_b: found.flows_b,
        counts,
        left_out: found.left_out,
        items,
        next,
    }))
}

async fn session(
    app: &App,
    id: Option<overhear_store::SessionId>,
) -> Result<Option<Session>, Problem> {
    match id {
        None => Ok(None),
        Some(id) => Ok(app.store.session(id).await?.map(Session::from)),
    }
}

fn only(text: Option<&str>) -> Result<BTreeSet<Change>, Problem> {
    use Change::{Gone, New, Same, Slower, Status};
    let words = text.unwrap_or_default().split(',').map(str::trim);
    let words = words
        .filter(|word| !word.is_empty())
        .map(|word| match word {
            "new" => Ok(New),
            "gone" => Ok(Gone),
            "status" => Ok(Status),
            "slower" => Ok(Slower),
            "same" => Ok(Same),
            _ => Err(Problem::bad(format!(
                "only is new, gone, status, slower or same, with commas between them, not {word:?}"
            ))),
        });
    let wanted: BTreeSet<_> = words.collect::<Result<_, _>>()?;
    Ok(match wanted.is_empty() {
        true => [New, Gone, Status, Slower].into(),
        false => wanted,
    })
}
