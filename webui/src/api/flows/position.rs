//! Where a flow stands in the list.

use super::{Order, SortBy};
use crate::{
    api::{
        extract::{Path, Query},
        problem::Problem,
        selection::{self, Sessions},
    },
    server::App,
};
use axum::{Json as Answer, extract::State};
use overhear_store::{FlowId, read::FlowQuery};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(position))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct PositionQuery {
    /// In the list of flows that match this filter.
    filter: Option<String>,
    /// In the list of a session: its number, `current`, or `all`.
    #[serde(default)]
    #[param(value_type = Option<String>, example = "current")]
    session: Sessions,
    /// What the list is sorted by; ties by number.
    #[serde(default)]
    #[param(inline)]
    sort: SortBy,
    /// Largest or newest first when absent.
    #[serde(default)]
    #[param(inline)]
    order: Order,
}

/// Where a flow stands in a list.
#[derive(Serialize, ToSchema)]
struct Position {
    /// How many flows of the list stand before it, so the `skip` of a page that begins with it; null when it is
    /// not in this list.
    position: Option<u64>,
}

/// Where a flow stands in a list, as `/flows` would give it.
#[utoipa::path(
    get, path = "/flows/{id}/position", tag = "flows", operation_id = "getFlowPosition",
    params(("id" = i64, Path, description = "The flow's number"), PositionQuery),
    responses(
        (status = 200, description = "The place, or that it has none", body = Position),
        (status = 400, description = "The filter or a parameter is wrong", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "There is no such session", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn position(
    State(app): State<Arc<App>>,
    Path(id): Path<i64>,
    Query(query): Query<PositionQuery>,
) -> Result<Answer<Position>, Problem> {
    let list = FlowQuery {
        filter: selection::filter(query.filter.as_deref())?,
        session: query.session.resolve(&app).await?,
        sort: query.sort.into(),
        descending: query.order == Order::Desc,
        ..FlowQuery::default()
    };
    let position = app.store.position(&list, FlowId(id)).await?;
    Ok(Answer(Position { position }))
}
