//! The pieces of a WebSocket or a raw stream, both directions in the order of time.

use crate::{
    api::{
        extract::{Path, Query},
        model::{Piece, side_schema},
        problem::Problem,
        waiting::{Body, DataKind},
    },
    server::App,
};
use axum::{Json, extract::State};
use overhear_store::{
    FlowId, Side,
    rule::{ChangedMessage, Done},
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(messages))
        .routes(routes!(changed))
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

impl MessagesQuery {
    fn limit(&self) -> Result<u32, Problem> {
        let limit = self.limit.unwrap_or(100);
        match (1..=MOST_PIECES).contains(&limit) {
            true => Ok(limit),
            false => Err(Problem::bad(format!(
                "limit is a number from 1 to {MOST_PIECES}, not {limit}"
            ))),
        }
    }
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
    let limit = query.limit()?;
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

/// What became of a message of a WebSocket that rules touched.
#[derive(Serialize, ToSchema)]
struct ChangedItem {
    /// Which direction.
    #[schema(schema_with = side_schema)]
    side: Side,
    /// Where its first frame begins, in bytes from the beginning of its side, as they came.
    offset: u64,
    /// Bytes from there to the end of its last frame, as they came; control frames between its frames are among them. 0 when
    /// it was decided about before its end had come.
    length: u64,
    /// What is in it.
    kind: DataKind,
    /// It was not sent at all.
    dropped: bool,
    /// What was sent instead, without compression; null when it went on as it came.
    sent: Option<Body>,
    /// What rules did, in order.
    rules_did: Vec<Done>,
}

impl From<ChangedMessage> for ChangedItem {
    fn from(message: ChangedMessage) -> Self {
        Self {
            side: message.side,
            offset: message.offset,
            length: message.length,
            kind: DataKind::of(message.text),
            dropped: message.dropped,
            sent: message.sent.as_deref().map(Body::of),
            rules_did: message.done,
        }
    }
}

/// Some of the messages that rules touched.
#[derive(Serialize, ToSchema)]
struct ChangedMessages {
    items: Vec<ChangedItem>,
    /// The `skip` of what follows; null when nothing does (yet).
    next: Option<u64>,
}

/// The messages of a WebSocket that rules touched, in the order in which they were decided about. Those that were only tagged,
/// highlighted or commented on are not among them.
#[utoipa::path(
    get, path = "/flows/{id}/messages/changed", tag = "bodies", operation_id = "getChangedMessages",
    params(("id" = i64, Path, description = "The flow's number"), MessagesQuery),
    responses(
        (status = 200, description = "Messages", body = ChangedMessages),
        (status = 400, description = "A parameter is wrong", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "There is no such flow", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn changed(
    State(app): State<Arc<App>>,
    Path(id): Path<i64>,
    Query(query): Query<MessagesQuery>,
) -> Result<Json<ChangedMessages>, Problem> {
    let limit = query.limit()?;
    let flow = FlowId(id);
    if app.store.flow(flow).await?.is_none() {
        return Err(Problem::no_flow(id));
    }
    let (mut items, mut bytes, mut skip) = (Vec::new(), 0, query.skip);
    // one at a time: each may be as large as a message that is held
    while items.len() < limit as usize && bytes <= MOST_BYTES {
        let Some(message) = app.store.changed_messages(flow, skip, 1).await?.pop() else {
            return Ok(Json(ChangedMessages { items, next: None }));
        };
        bytes += message.sent.as_ref().map_or(0, Vec::len);
        skip += 1;
        items.push(message.into());
    }
    Ok(Json(ChangedMessages {
        items,
        next: Some(skip),
    }))
}
