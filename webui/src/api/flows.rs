//! `flows`: the list, one flow, deleting and annotating.

mod body;
pub(super) use body::attachment;
mod find;
mod messages;
mod preview;
mod range;

use super::{
    extract::{Json, Path, Query},
    model::{Flow, FlowDetail},
    problem::Problem,
    selection,
};
use crate::server::App;
use axum::{Json as Answer, extract::State, http::StatusCode};
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
        .routes(routes!(list, delete_many))
        .routes(routes!(count))
        .routes(routes!(detail, delete_one, annotate))
        .merge(body::routes())
        .merge(find::routes())
        .merge(messages::routes())
        .merge(preview::routes())
}

/// The most rows of one page.
const MOST_ROWS: u32 = 1000;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ListQuery {
    /// Only flows that match this filter.
    filter: Option<String>,
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
        ids: None,
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
    )
)]
async fn count(
    State(app): State<Arc<App>>,
    Query(query): Query<CountQuery>,
) -> Result<Answer<Count>, Problem> {
    let filter = selection::filter(query.filter.as_deref())?;
    Ok(Answer(Count {
        count: app.store.count(filter.as_ref()).await?,
    }))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct DeleteQuery {
    /// Flows that match this filter.
    filter: Option<String>,
    /// Flows with these numbers, with commas between them.
    #[param(example = "1,2,3")]
    ids: Option<String>,
}

/// What was deleted.
#[derive(Serialize, ToSchema)]
struct Deleted {
    /// How many flows.
    deleted: u64,
}

/// Deletes the flows that match a filter, or those that are named, or, with neither, all of them.
#[utoipa::path(
    delete, path = "/flows", tag = "flows", operation_id = "deleteFlows", params(DeleteQuery),
    responses(
        (status = 200, description = "Deleted", body = Deleted),
        (status = 400, description = "The filter or a number is wrong, or both were given", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn delete_many(
    State(app): State<Arc<App>>,
    Query(query): Query<DeleteQuery>,
) -> Result<Answer<Deleted>, Problem> {
    let deleted = match (query.filter, query.ids) {
        (Some(_), Some(_)) => {
            return Err(Problem::bad("Give a filter or ids, not both."));
        }
        (None, Some(ids)) => app.store.delete(&selection::ids(&ids)?).await?,
        (filter, None) => {
            let filter = selection::filter(filter.as_deref())?;
            app.store.delete_matching(filter.as_ref()).await?
        }
    };
    Ok(Answer(Deleted { deleted }))
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

/// Deletes one flow.
#[utoipa::path(
    delete, path = "/flows/{id}", tag = "flows", operation_id = "deleteFlow",
    params(("id" = i64, Path, description = "The flow's number")),
    responses(
        (status = 204, description = "Deleted"),
        (status = 404, description = "There is no such flow", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn delete_one(
    State(app): State<Arc<App>>,
    Path(id): Path<i64>,
) -> Result<StatusCode, Problem> {
    match app.store.delete(&[FlowId(id)]).await? {
        0 => Err(Problem::no_flow(id)),
        _ => Ok(StatusCode::NO_CONTENT),
    }
}

/// What a person notes on a flow; what is absent stays as it is.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Annotation {
    /// Words without commas. An empty list takes all tags off.
    tags: Option<Vec<String>>,
    /// A comment; empty takes it off.
    comment: Option<String>,
}

/// Puts tags and a comment on a flow.
#[utoipa::path(
    patch, path = "/flows/{id}", tag = "flows", operation_id = "annotateFlow",
    params(("id" = i64, Path, description = "The flow's number")),
    request_body = Annotation,
    responses(
        (status = 200, description = "The flow as it is now", body = FlowDetail),
        (status = 400, description = "A tag cannot be used, or the body is no JSON", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "There is no such flow", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "The body is not application/json", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "The body is another JSON", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn annotate(
    state: State<Arc<App>>,
    Path(id): Path<i64>,
    Json(annotation): Json<Annotation>,
) -> Result<Answer<FlowDetail>, Problem> {
    let tags = annotation.tags.map(|tags| joined(&tags)).transpose()?;
    let comment = annotation.comment.as_deref();
    if comment.is_some_and(|comment| comment.len() > MOST_TEXT) {
        return Err(Problem::bad(format!(
            "a comment has at most {MOST_TEXT} bytes"
        )));
    }
    if !state
        .store
        .annotate(FlowId(id), tags.as_deref(), comment)
        .await?
    {
        return Err(Problem::no_flow(id));
    }
    detail(state, Path(id)).await
}

/// The longest comment, and the longest list of tags, in bytes.
const MOST_TEXT: usize = 64 << 10;

/// Tags as the store has them; each once, in the order given.
fn joined(tags: &[String]) -> Result<String, Problem> {
    let mut words: Vec<&str> = Vec::new();
    for tag in tags.iter().map(|tag| tag.trim()) {
        if tag.is_empty() || tag.contains(',') || tag.chars().any(char::is_control) {
            return Err(Problem::bad(format!(
                "a tag is a word or words without commas; {tag:?} is none"
            )));
        }
        if !words.contains(&tag) {
            words.push(tag);
        }
    }
    let text = words.join(",");
    match text.len() <= MOST_TEXT {
        true => Ok(text),
        false => Err(Problem::bad(format!(
            "tags have at most {MOST_TEXT} bytes together"
        ))),
    }
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
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_words() {
        let words =
            |tags: &[&str]| joined(&tags.iter().map(|t| (*t).to_owned()).collect::<Vec<_>>());
        assert_eq!(words(&[" a b ", "c", "a b"]).expect("tags"), "a b,c");
        assert_eq!(words(&[]).expect("no tags"), "");
        for wrong in ["", "a,b", "a\nb", " "] {
            assert!(words(&[wrong]).is_err(), "{wrong:?}");
        }
    }
}
