//! The pieces of a WebSocket or a raw stream, both directions in the order of time.

use crate::{
    api::{
        extract::{Json as Given, Path, Query},
        model::{Piece, rfc3339, side_schema},
        problem::Problem,
        waiting::{Body, DataKind},
    },
    server::App,
};
use axum::{
    Json,
    extract::{DefaultBodyLimit, State},
    http::StatusCode,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use overhear_proxy::ByHandError;
use overhear_store::{
    FlowId, Kind, Side,
    rule::{ChangedMessage, Done},
};
use serde::{Deserialize, Serialize};
use std::{sync::Arc, time::Duration};
use tokio::time::timeout;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(messages, send))
        .routes(routes!(changed))
        .layer(DefaultBodyLimit::max(MOST_WRITTEN))
}

/// The most pieces of one answer.
const MOST_PIECES: u32 = 500;

/// An answer ends after the piece that makes it larger than this, in bytes.
const MOST_BYTES: usize = 4 << 20;

/// Read from the store at once.
const STEP: u32 = 32;

/// The largest message that is written, with the rest of the JSON around it: bytes.
const MOST_WRITTEN: usize = 32 << 20;

/// How long an answer waits for a message to go out.
const PATIENCE: Duration = Duration::from_secs(2);

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

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ChangedQuery {
    /// Leave out this many messages: `next` of the answer before.
    #[serde(default)]
    skip: u64,
    /// How many messages at most; 100 when absent. There may be fewer although more follow: `next` says so.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
    /// Only those that were sent by hand.
    #[serde(default)]
    by_hand: bool,
}

/// How many there may be in an answer.
fn limit(asked: Option<u32>) -> Result<u32, Problem> {
    let limit = asked.unwrap_or(100);
    match (1..=MOST_PIECES).contains(&limit) {
        true => Ok(limit),
        false => Err(Problem::bad(format!(
            "limit is a number from 1 to {MOST_PIECES}, not {limit}"
        ))),
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
    let limit = limit(query.limit)?;
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

/// What became of a message of a WebSocket that rules touched, or one that was sent by hand.
#[derive(Serialize, ToSchema)]
struct ChangedItem {
    /// Which direction.
    #[schema(schema_with = side_schema)]
    side: Side,
    /// Where its first frame begins, in bytes from the beginning of its side, as they came; of one by hand, how many bytes of its
    /// side had gone on before it.
    offset: u64,
    /// Bytes from there to the end of its last frame, as they came; control frames between its frames are among them. 0 when
    /// it was decided about before its end had come, and of one by hand, which is not among what came.
    length: u64,
    /// What is in it.
    kind: DataKind,
    /// It was not sent at all.
    dropped: bool,
    /// What was sent instead, or by hand, without compression; null when it went on as it came.
    sent: Option<Body>,
    /// It was sent by hand, to the server when its side is `request`: no endpoint has written it, and no rule was asked.
    by_hand: bool,
    /// When it was sent by hand: RFC 3339 with nanoseconds; null of those that rules touched.
    #[schema(format = DateTime)]
    at: Option<String>,
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
            by_hand: message.by_hand.is_some(),
            at: message.by_hand.map(rfc3339),
            rules_did: message.done,
        }
    }
}

/// Some of the messages that rules touched, or that were sent by hand.
#[derive(Serialize, ToSchema)]
struct ChangedMessages {
    items: Vec<ChangedItem>,
    /// The `skip` of what follows; null when nothing does (yet).
    next: Option<u64>,
}

/// The messages of a WebSocket that rules touched, and those that were sent by hand, in the order in which they were decided about
/// or sent. Those that were only tagged, highlighted or commented on are not among them.
#[utoipa::path(
    get, path = "/flows/{id}/messages/changed", tag = "bodies", operation_id = "getChangedMessages",
    params(("id" = i64, Path, description = "The flow's number"), ChangedQuery),
    responses(
        (status = 200, description = "Messages", body = ChangedMessages),
        (status = 400, description = "A parameter is wrong", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "There is no such flow", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn changed(
    State(app): State<Arc<App>>,
    Path(id): Path<i64>,
    Query(query): Query<ChangedQuery>,
) -> Result<Json<ChangedMessages>, Problem> {
    let limit = limit(query.limit)?;
    let flow = FlowId(id);
    if app.store.flow(flow).await?.is_none() {
        return Err(Problem::no_flow(id));
    }
    let (mut items, mut bytes, mut skip) = (Vec::new(), 0, query.skip);
    // one at a time: each may be as large as a message that is held
    while items.len() < limit as usize && bytes <= MOST_BYTES {
        let mut read = match query.by_hand {
            true => app.store.messages_by_hand(flow, skip, 1).await?,
            false => app.store.changed_messages(flow, skip, 1).await?,
        };
        let Some(message) = read.pop() else {
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

/// Whom a message is for.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Receiver {
    Server,
    Client,
}

/// A message to send into a WebSocket: exactly one of `text` and `base64`, 8 MiB at most.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Written {
    /// Whom it is for.
    to: Receiver,
    /// A text message, RFC 6455 section 5.6.
    text: Option<String>,
    /// A binary message, in base64 (RFC 4648 section 4).
    base64: Option<String>,
}

/// What became of a message that was written.
#[derive(Serialize, ToSchema)]
struct Spoken {
    /// It is on its way; otherwise it goes out as soon as the message in its direction that is under way has ended.
    sent: bool,
}

/// Sends a message into a WebSocket that is open. It goes out between two messages of its direction, in one frame and
/// uncompressed; rules and scripts are not asked about it. What the endpoints say is recorded as they said it, and
/// this beside it: `/flows/{id}/messages/changed`.
#[utoipa::path(
    post, path = "/flows/{id}/messages", tag = "bodies", operation_id = "sendMessage", request_body = Written,
    params(("id" = i64, Path, description = "The flow's number")),
    responses(
        (status = 200, description = "It is on its way", body = Spoken),
        (status = 202, description = "It waits for the end of a message", body = Spoken),
        (status = 400, description = "There is no text and no base64, or both, or the base64 is none, or the body is no JSON", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "There is no such flow", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "The flow is no WebSocket that is open; one side has sent its close frame; or an extension was agreed on that cannot be read", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "The message is larger than 8 MiB", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "The body is not application/json", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "The body is another JSON", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Too many messages wait already", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn send(
    State(app): State<Arc<App>>,
    Path(id): Path<i64>,
    Given(written): Given<Written>,
) -> Result<(StatusCode, Json<Spoken>), Problem> {
    let Some(flow) = app.store.flow(FlowId(id)).await? else {
        return Err(Problem::no_flow(id));
    };
    if flow.kind != Kind::WebSocket {
        let detail =
            format!("Flow {id} is no WebSocket: a message can be sent into one that is open.");
        return Err(Problem::new(
            StatusCode::CONFLICT,
            "no-websocket",
            "No WebSocket",
            detail,
        ));
    }
    let side = match written.to {
        Receiver::Server => Side::Request,
        Receiver::Client => Side::Response,
    };
    let (text, data) = written.data()?;
    let mut delivery = app.proxy.send_by_hand(flow.id, side, text, data)?;
    let sent = timeout(PATIENCE, delivery.sent()).await;
    let (status, sent) = match sent {
        Ok(sent) => {
            sent?;
            (StatusCode::OK, true)
        }
        Err(_) => (StatusCode::ACCEPTED, false),
    };
    Ok((status, Json(Spoken { sent })))
}

impl Written {
    /// Whether it is text, and its bytes.
    fn data(self) -> Result<(bool, Bytes), Problem> {
        match (self.text, self.base64) {
            (Some(text), None) => Ok((true, text.into())),
            (None, Some(text)) => {
                let decoded = STANDARD.decode(text.trim());
                let decoded = decoded
                    .map_err(|error| Problem::bad(format!("base64 is not base64: {error}")))?;
                Ok((false, decoded.into()))
            }
            _ => Err(Problem::bad(
                "A message has exactly one of text and base64.",
            )),
        }
    }
}

impl From<ByHandError> for Problem {
    fn from(error: ByHandError) -> Self {
        let (status, kind, title) = match error {
            ByHandError::TooLarge(_) => (
                StatusCode::PAYLOAD_TOO_LARGE,
                "too-large",
                "The message is too large",
            ),
            ByHandError::Full => (
                StatusCode::SERVICE_UNAVAILABLE,
                "full",
                "Too many messages wait",
            ),
            ByHandError::NotText => return Self::bad(error.to_string()),
            _ => (
                StatusCode::CONFLICT,
                "not-open",
                "The message cannot be sent",
            ),
        };
        Self::new(status, kind, title, error.to_string())
    }
}
