//! Deleting flows, and bringing them back.

use crate::{
    api::{
        extract::{Json, Path, Query},
        problem::Problem,
        selection::{self, Sessions},
    },
    server::App,
};
use axum::{Json as Answer, extract::State, http::StatusCode};
use overhear_store::{
    FlowId,
    read::{Discarded, Undone, Which},
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(undelete))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct DeleteQuery {
    /// Flows that match this filter.
    filter: Option<String>,
    /// Flows with these numbers, with commas between them.
    #[param(example = "1,2,3")]
    ids: Option<String>,
    /// Only flows of a session: its number, `current`, or `all`.
    #[serde(default)]
    #[param(value_type = Option<String>, example = "current")]
    session: Sessions,
}

/// What was deleted.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(in crate::api) struct Deleted {
    /// How many flows.
    deleted: u64,
    /// What brings them back, for ten minutes at least while the program runs; null when nothing can.
    undo: Option<String>,
}

impl From<Discarded> for Deleted {
    fn from(discarded: Discarded) -> Self {
        Self {
            deleted: discarded.count,
            undo: discarded.undo,
        }
    }
}

/// Deletes the flows that match a filter, or those that are named, or, with neither, all of them (or all of a
/// session).
#[utoipa::path(
    delete, path = "/flows", tag = "flows", operation_id = "deleteFlows", params(DeleteQuery),
    responses(
        (status = 200, description = "Deleted", body = Deleted),
        (status = 400, description = "The filter or a number is wrong, or both were given", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "There is no such session", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn many(
    State(app): State<Arc<App>>,
    Query(query): Query<DeleteQuery>,
) -> Result<Answer<Deleted>, Problem> {
    if query.filter.is_some() && query.ids.is_some() {
        return Err(Problem::bad("Give a filter or ids, not both."));
    }
    let which = Which {
        filter: selection::filter(query.filter.as_deref())?,
        ids: query.ids.as_deref().map(selection::ids).transpose()?,
        session: query.session.resolve(&app).await?,
    };
    let discarded = app.store.discard(&which).await?;
    Ok(Answer(discarded.into()))
}

/// Deletes one flow.
#[utoipa::path(
    delete, path = "/flows/{id}", tag = "flows", operation_id = "deleteFlow",
    params(("id" = i64, Path, description = "The flow's number")),
    responses(
        (status = 200, description = "Deleted", body = Deleted),
        (status = 404, description = "There is no such flow", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn one(
    State(app): State<Arc<App>>,
    Path(id): Path<i64>,
) -> Result<Answer<Deleted>, Problem> {
    let which = Which {
        ids: Some(vec![FlowId(id)]),
        ..Which::default()
    };
    let discarded = app.store.discard(&which).await?;
    match discarded.count {
        0 => Err(Problem::no_flow(id)),
        _ => Ok(Answer(discarded.into())),
    }
}

/// Which deletion is undone.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Undelete {
    /// The `undo` of a deletion's answer.
    undo: String,
}

/// What is back.
#[derive(Serialize, ToSchema)]
struct Restored {
    /// How many flows.
    restored: u64,
}

/// Brings back what a deletion took, and tells it by the event `reload`.
#[utoipa::path(
    post, path = "/flows/undelete", tag = "flows", operation_id = "undeleteFlows", request_body = Undelete,
    responses(
        (status = 200, description = "They are back", body = Restored),
        (status = 400, description = "The body is no JSON", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "There was no such deletion", body = Problem, content_type = "application/problem+json"),
        (status = 410, description = "It can no longer be undone, or has been", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "The body is not application/json", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "The body is another JSON", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn undelete(
    State(app): State<Arc<App>>,
    Json(body): Json<Undelete>,
) -> Result<Answer<Restored>, Problem> {
    match app.store.undelete(&body.undo).await? {
        Undone::Restored(restored) => Ok(Answer(Restored { restored })),
        Undone::TooLate => Err(Problem::new(
            StatusCode::GONE,
            "gone",
            "Gone",
            "What was deleted can no longer be brought back, or has been: it is kept for ten minutes, \
            until the program ends, or until the disk is full.",
        )),
        Undone::Unknown => Err(Problem::not_found("There was no such deletion.")),
    }
}
