//! The pieces of a WebSocket or a raw stream, both directions in the order of time.

use crate::{
    api::{
        extract::{Path, Query},
        model::Piece,
        problem::Problem,
    },
    server::App,
};
use axum::{Json, extract::State};
use overhear_store::FlowId;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(messages))
}

/// The most pieces of one answer.
const MOST_PIECES: u32 = 500;

/// An answer ends after the piece that makes it larger than this, in bytes.
const MOST_BYTES: usize = 4 << 20;

/// Read from the store at once.
const STEP: u32 = 32;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct MessagesQuery {
    /// Leave out this many pieces: `next` of the answer before.
    #[serde(default)]
    skip: u64,
    /// How many pieces at most; 100 when absent. There may be fewer although more follow: `next` says so.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
}

/// Some pieces of a stream.
#[derive(Serialize, ToSchema)]
struct Pieces {
    items: Vec<Piece>,
    /// The `skip` of what follows; null when nothing does (yet).
    next: Option<u64>,
}

/// What passed, in the order of time.
#[utoipa::path(
    get, path = "/flows/{id}/messages", tag = "bodies", operation_id = "getMessages",
    params(("id" = i64, Path, description = "The flow's number"), MessagesQuery),
    responses(
        (status = 200, description = "Pieces", body = Pieces),
        (status = 400, description = "A parameter is wrong", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "There is no such flow", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn messages(
    State(app): State<Arc<App>>,
    Path(id): Path<i64>,
    Query(query): Query<MessagesQuery>,
) -> Result<Json<Pieces>, Problem> {
    let limit = query.limit.unwrap_or(100);
    if !(1..=MOST_PIECES).contains(&limit) {
        return Err(Problem::bad(format!(
            "limit is a number from 1 to {MOST_PIECES}, not {limit}"
        )));
    }
    let flow = FlowId(id);
    if app.store.flow(flow).await?.is_none() {
        return Err(Problem::no_flow(id));
    }
    let (mut items, mut bytes, mut skip) = (Vec::new(), 0, query.skip);
    loop {
        let left = limit - u32::try_from(items.len()).unwrap_or(limit);
        if left == 0 || bytes > MOST_BYTES {
            return Ok(Json(Pieces {
                items,
                next: Some(skip),
            }));
        }
        let step = left.min(STEP);
        let pieces = app.store.messages(flow, skip, step).await?;
        let over = pieces.len() < step as usize;
        for piece in pieces {
            bytes += piece.1.data.len();
            skip += 1;
            items.push(Piece::from(piece));
            if bytes > MOST_BYTES {
                break;
            }
        }
        if over && bytes <= MOST_BYTES {
            return Ok(Json(Pieces { items, next: None }));
        }
    }
}
