//! `flows`: the list, and one flow.

mod annotate;
mod body;
mod delete;
mod dns;
pub(super) use body::attachment;
pub(super) use delete::Deleted;
#[cfg(any(test, fuzzing))]
pub use range::fuzz as fuzz_range;
mod find;
mod messages;
pub(in crate::api) mod packets;
mod position;
mod preview;
mod range;
mod timeline;
mod tree;

use super::{
    extract::{Path, Query},
    model::{Flow, FlowDetail},
    problem::Problem,
    selection::{self, Sessions},
};
use crate::server::App;
use axum::{Json as Answer, extract::State};
use overhear_store::{
    FlowId,
    read::{FlowQuery, Sort},
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(list, delete::many, annotate::many))
        .routes(routes!(count))
        .routes(routes!(detail, delete::one, annotate::one))
        .merge(body::routes())
        .merge(delete::routes())
        .merge(dns::routes())
        .merge(find::routes())
        .merge(messages::routes())
        .merge(packets::routes())
        .merge(position::routes())
        .merge(preview::routes())
        .merge(timeline::routes())
        .merge(tree::routes())
}

/// The most rows of one page.
const MOST_ROWS: u32 = 1000;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ListQuery {
    /// Only flows that match this filter.
    filter: Option<String>,
    /// Only flows with these numbers, with commas between them.
    #[param(example = "1,2,3")]
    ids: Option<String>,
    /// Only flows of a session: its number, `current`, or `all`.
    #[serde(default)]
    #[param(value_type = Option<String>, example = "current")]
    session: Sessions,
    /// Continue after the page whose `next` this is, with the same filter, sort and order.
    cursor: Option<String>,
    /// Leave out this many flows first (after the cursor, if one is given).
    skip: Option<u64>,
    /// How many rows; 200 when absent.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    /// What to sort by; ties by number.
    #[serde(default)]
    #[param(inline)]
    sort: SortBy,
    /// Largest or newest first when absent.
    #[serde(default)]
    #[param(inline)]
    order: Order,
}

#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum SortBy {
    #[default]
    Id,
    Duration,
    Size,
    Status,
    Host,
    Method,
    Path,
    Type,
    Client,
    Upload,
    Kind,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Order {
    Asc,
    #[default]
    Desc,
}

/// A page of the list.
#[derive(Serialize, ToSchema)]
struct FlowList {
    items: Vec<Flow>,
    /// The cursor of the next page; null when this was the last.
    next: Option<String>,
}

/// The list of flows, a page at a time.
#[utoipa::path(
    get, path = "/flows", tag = "flows", operation_id = "listFlows", params(ListQuery),
    responses(
        (status = 200, description = "A page", body = FlowList),
        (status = 400, description = "The filter, the cursor or a parameter is wrong", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "There is no such session", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn list(
    State(app): State<Arc<App>>,
    Query(query): Query<ListQuery>,
) -> Result<Answer<FlowList>, Problem> {
    let limit = query.limit.unwrap_or(200);
    if !(1..=MOST_ROWS).contains(&limit) {
        return Err(Problem::bad(format!(
            "limit is a number from 1 to {MOST_ROWS}, not {limit}"
        )));
    }
    let page = FlowQuery {
        filter: selection::filter(query.filter.as_deref())?,
        ids: query.ids.as_deref().map(selection::ids).transpose()?,
        session: query.session.resolve(&app).await?,
        sort: query.sort.into(),
        descending: query.order == Order::Desc,
        cursor: query.cursor,
        skip: query.skip.unwrap_or(0),
        limit,
    };
    let page = app.store.flows(&page).await?;
    let items = page.flows.iter().map(Flow::row).collect();
    Ok(Answer(FlowList {
        items,
        next: page.next,
    }))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct CountQuery {
    /// Only flows that match this filter.
    filter: Option<String>,
    /// Only flows of a session: its number, `current`, or `all`.
    #[serde(default)]
    #[param(value_type = Option<String>, example = "current")]
    session: Sessions,
}

/// How many flows there are.
#[derive(Serialize, ToSchema)]
struct Count {
    count: u64,
}

/// How many flows there are, or match a filter.
#[utoipa::path(
    get, path = "/flows/count", tag = "flows", operation_id = "countFlows", params(CountQuery),
    responses(
        (status = 200, description = "The number", body = Count),
        (status = 400, description = "The filter is wrong", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "There is no such session", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn count(
    State(app): State<Arc<App>>,
    Query(query): Query<CountQuery>,
) -> Result<Answer<Count>, Problem> {
    let filter = selection::filter(query.filter.as_deref())?;
    let session = query.session.resolve(&app).await?;
    Ok(Answer(Count {
        count: app.store.count_in(session, filter.as_ref()).await?,
    }))
}

/// One flow with its heads, times and connection.
#[utoipa::path(
    get, path = "/flows/{id}", tag = "flows", operation_id = "getFlow",
    params(("id" = i64, Path, description = "The flow's number")),
    responses(
        (status = 200, description = "The flow", body = FlowDetail),
        (status = 404, description = "There is no such flow", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn detail(
    State(app): State<Arc<App>>,
    Path(id): Path<i64>,
) -> Result<Answer<FlowDetail>, Problem> {
    let detail = FlowDetail::read(&app.store, FlowId(id)).await?;
    detail.map(Answer).ok_or_else(|| Problem::no_flow(id))
}

impl From<SortBy> for Sort {
    fn from(sort: SortBy) -> Self {
        match sort {
            SortBy::Id => Self::Id,
            SortBy::Duration => Self::Duration,
            SortBy::Size => Self::Size,
            SortBy::Status => Self::Status,
            SortBy::Host => Self::Host,
            SortBy::Method => Self::Method,
            SortBy::Path => Self::Path,
            SortBy::Type => Self::Type,
            SortBy::Client => Self::Client,
            SortBy::Upload => Self::Upload,
            SortBy::Kind => Self::Kind,
        }
    }
}
