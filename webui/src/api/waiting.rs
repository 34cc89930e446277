//! `waiting`: messages that wait for a person.

use super::{
    extract::{Json, Path},
    model::rfc3339,
    problem::Problem,
};
use crate::server::App;
use axum::{Json as Answer, extract::DefaultBodyLimit, extract::State, http::StatusCode};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use overhear_proxy::{Choice, Edit, WaitError, Waiting, WaitingData, WaitingMessage};
use overhear_store::{
    Side,
    rule::{Sender, Stage},
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

/// The largest body that is written instead of another one, with the rest of the JSON around it: bytes.
const MOST: usize = 32 << 20;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(show, edit))
        .routes(routes!(go))
        .routes(routes!(drop_it))
        .routes(routes!(answer))
        .routes(routes!(all_go))
        .layer(DefaultBodyLimit::max(MOST))
}

/// A message that waits.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(super) struct WaitingItem {
    /// Its number among those that wait in this run.
    id: u64,
    /// Its flow.
    flow: i64,
    /// The rule that lets it wait.
    rule: String,
    /// A request, a response, or a message of a WebSocket.
    stage: Stage,
    /// Since when: RFC 3339.
    #[schema(format = DateTime)]
    since: String,
    /// When it goes on as it is; null for never.
    #[schema(format = DateTime)]
    until: Option<String>,
    /// Grows with every edit that is kept: whoever decides says which version was looked at.
    version: u64,
    /// Its client gave up: nothing can be decided any more.
    gone: bool,
    /// The method of the request.
    method: String,
    /// The URL of the request.
    url: String,
    /// The status, of a response; of a message, that of the handshake is not told.
    status: Option<u16>,
    /// What a message of a WebSocket is; null for requests and responses.
    message: Option<WebSocketMessage>,
}

/// What a message of a WebSocket is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, ToSchema)]
struct WebSocketMessage {
    /// Who sends it.
    sender: Sender,
    /// What is in it, RFC 6455 section 5.6.
    kind: DataKind,
}

/// What is in a message of a WebSocket, RFC 6455 section 5.6.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum DataKind {
    /// UTF-8.
    Text,
    /// Any bytes.
    Binary,
}

impl DataKind {
    pub(super) fn of(text: bool) -> Self {
        match text {
            true => Self::Text,
            false => Self::Binary,
        }
    }
}

impl From<WaitingData> for WebSocketMessage {
    fn from(data: WaitingData) -> Self {
        Self {
            sender: match data.side {
                Side::Request => Sender::Client,
                Side::Response => Sender::Server,
            },
            kind: DataKind::of(data.text),
        }
    }
}

impl From<Waiting> for WaitingItem {
    fn from(waiting: Waiting) -> Self {
        Self {
            id: waiting.id,
            flow: waiting.flow.0,
            rule: waiting.rule,
            stage: waiting.stage,
            since: rfc3339(waiting.since),
            until: waiting.until.map(rfc3339),
            version: waiting.version,
            gone: waiting.gone,
            method: waiting.method,
            url: waiting.url,
            status: waiting.status,
            message: waiting.data.map(WebSocketMessage::from),
        }
    }
}

/// What waits.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(super) struct WaitingList {
    /// Oldest first.
    items: Vec<WaitingItem>,
}

impl WaitingList {
    pub(super) fn read(app: &App) -> Self {
        let items = app.proxy.waiting().into_iter().map(WaitingItem::from);
        Self {
            items: items.collect(),
        }
    }
}

/// A body: exactly one of the members.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Body {
    /// Text, as UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    /// Any bytes, in base64 (RFC 4648 section 4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    base64: Option<String>,
}

/// A message that waits, whole.
#[derive(Serialize, ToSchema)]
struct Whole {
    #[serde(flatten)]
    waiting: WaitingItem,
    /// Fields in order.
    headers: Vec<(String, String)>,
    /// The body without content coding; null when it could not be held: then the head can be edited, and the body goes
    /// on as it comes.
    body: Option<Body>,
    /// Why there is no body.
    body_unseen: Option<String>,
}

impl From<WaitingMessage> for Whole {
    fn from(message: WaitingMessage) -> Self {
        let body = message.body.map(|body| Body::of(&body));
        Self {
            waiting: message.waiting.into(),
            headers: message.headers,
            body_unseen: body.is_none().then_some(message.unseen),
            body,
        }
    }
}

/// What a person makes of a message; what is absent stays as it is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Edited {
    /// The version that was looked at; any when absent.
    version: Option<u64>,
    /// Another method.
    method: Option<String>,
    /// Another URL: absolute, `http` or `https`.
    url: Option<String>,
    /// Another status, of a response.
    status: Option<u16>,
    /// All fields, in order. What tells where the body ends is put right.
    headers: Option<Vec<(String, String)>>,
    /// Another body.
    body: Option<Body>,
    /// What tells where the body ends and how it is coded is not put right, but sent as it is written; its connection is closed
    /// after it.
    #[serde(default)]
    as_written: bool,
}

/// An answer in the server's place, or instead of its answer.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Answered {
    /// The version that was looked at; any when absent.
    version: Option<u64>,
    /// From 200 to 599.
    #[schema(example = 503)]
    status: u16,
    /// Fields in order; the length is added.
    #[serde(default)]
    headers: Vec<(String, String)>,
    /// The body; none when absent.
    body: Option<Body>,
    /// No length is added, and what tells where the body ends and how it is coded is not put right: it is sent as it is written;
    /// its connection is closed after it.
    #[serde(default)]
    as_written: bool,
}

/// Which version is meant.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Which {
    /// The version that was looked at; any when absent.
    version: Option<u64>,
}

/// How many went on.
#[derive(Serialize, ToSchema)]
struct Gone {
    count: usize,
}

/// What waits.
#[utoipa::path(
    get, path = "/waiting", tag = "rules", operation_id = "listWaiting",
    responses((status = 200, description = "What waits", body = WaitingList))
)]
async fn list(State(app): State<Arc<App>>) -> Answer<WaitingList> {
    Answer(WaitingList::read(&app))
}

/// One message, whole.
#[utoipa::path(
    get, path = "/waiting/{id}", tag = "rules", operation_id = "getWaiting",
    params(("id" = u64, Path, description = "Its number among those that wait")),
    responses(
        (status = 200, description = "The message", body = Whole),
        (status = 404, description = "Nothing with this number waits", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "It no longer waits", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn show(State(app): State<Arc<App>>, Path(id): Path<u64>) -> Result<Answer<Whole>, Problem> {
    Ok(Answer(app.proxy.waiting_message(id)?.into()))
}

/// Keeps an edit; the message waits on.
#[utoipa::path(
    put, path = "/waiting/{id}", tag = "rules", operation_id = "editWaiting", request_body = Edited,
    params(("id" = u64, Path, description = "Its number among those that wait")),
    responses(
        (status = 200, description = "The message as it is now", body = Whole),
        (status = 400, description = "The edit cannot be used, or the body is no JSON", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "Nothing with this number waits", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "Somebody else has edited it meanwhile, or it no longer waits", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "The body is not application/json", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "The body is another JSON", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn edit(
    State(app): State<Arc<App>>,
    Path(id): Path<u64>,
    Json(edited): Json<Edited>,
) -> Result<Answer<Whole>, Problem> {
    let version = match edited.version {
        Some(version) => version,
        None => app.proxy.waiting_message(id)?.waiting.version,
    };
    app.proxy.edit_waiting(id, version, &edited.edit()?)?;
    Ok(Answer(app.proxy.waiting_message(id)?.into()))
}

/// Lets a message go on, edited or as it is.
#[utoipa::path(
    post, path = "/waiting/{id}/continue", tag = "rules", operation_id = "continueWaiting", request_body = Edited,
    params(("id" = u64, Path, description = "Its number among those that wait")),
    responses(
        (status = 204, description = "It goes on"),
        (status = 400, description = "The edit cannot be used, or the body is no JSON", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "Nothing with this number waits", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "Somebody else has edited it meanwhile, or it no longer waits", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "The body is not application/json", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "The body is another JSON", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn go(
    State(app): State<Arc<App>>,
    Path(id): Path<u64>,
    Json(edited): Json<Edited>,
) -> Result<StatusCode, Problem> {
    let choice = Choice::Continue(edited.edit()?);
    app.proxy.decide_waiting(id, edited.version, &choice)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Resets the client's connection; a message of a WebSocket is left out, and the WebSocket goes on.
#[utoipa::path(
    post, path = "/waiting/{id}/drop", tag = "rules", operation_id = "dropWaiting", request_body = Which,
    params(("id" = u64, Path, description = "Its number among those that wait")),
    responses(
        (status = 204, description = "It is gone"),
        (status = 400, description = "The body is no JSON", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "Nothing with this number waits", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "Somebody else has edited it meanwhile, or it no longer waits", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "The body is not application/json", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "The body is another JSON", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn drop_it(
    State(app): State<Arc<App>>,
    Path(id): Path<u64>,
    Json(which): Json<Which>,
) -> Result<StatusCode, Problem> {
    app.proxy.decide_waiting(id, which.version, &Choice::Drop)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Answers in the server's place.
#[utoipa::path(
    post, path = "/waiting/{id}/answer", tag = "rules", operation_id = "answerWaiting", request_body = Answered,
    params(("id" = u64, Path, description = "Its number among those that wait")),
    responses(
        (status = 204, description = "It is answered"),
        (status = 400, description = "The answer cannot be used, or the body is no JSON", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "Nothing with this number waits", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "Somebody else has edited it meanwhile, or it no longer waits", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "The body is not application/json", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "The body is another JSON", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn answer(
    State(app): State<Arc<App>>,
    Path(id): Path<u64>,
    Json(answered): Json<Answered>,
) -> Result<StatusCode, Problem> {
    let body = answered.body.map(Body::bytes).transpose()?;
    let choice = Choice::Answer {
        status: answered.status,
        headers: answered.headers,
        body: body.unwrap_or_default(),
        as_written: answered.as_written,
    };
    app.proxy.decide_waiting(id, answered.version, &choice)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lets everything that waits go on as it is, and forgets what gave up.
#[utoipa::path(
    post, path = "/waiting/continue", tag = "rules", operation_id = "continueAllWaiting",
    responses((status = 200, description = "How many went on", body = Gone))
)]
async fn all_go(State(app): State<Arc<App>>) -> Answer<Gone> {
    Answer(Gone {
        count: app.proxy.let_all_go(),
    })
}

impl Edited {
    fn edit(&self) -> Result<Edit, Problem> {
        Ok(Edit {
            method: self.method.clone(),
            url: self.url.clone(),
            status: self.status,
            headers: self.headers.clone(),
            body: self.body.as_ref().map(Body::read).transpose()?,
            as_written: self.as_written,
        })
    }
}

impl Body {
    pub(super) fn of(bytes: &[u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self {
                text: Some(text.to_owned()),
                base64: None,
            },
            Err(_) => Self {
                text: None,
                base64: Some(STANDARD.encode(bytes)),
            },
        }
    }

    fn read(&self) -> Result<Bytes, Problem> {
        match self {
            Self {
                text: Some(text),
                base64: None,
            } => Ok(text.clone().into()),
            Self {
                text: None,
                base64: Some(text),
            } => STANDARD
                .decode(text.trim())
                .map(Bytes::from)
                .map_err(|error| Problem::bad(format!("body.base64 is not base64: {error}"))),
            _ => Err(Problem::bad("body has exactly one member: text or base64.")),
        }
    }

    fn bytes(self) -> Result<Bytes, Problem> {
        self.read()
    }
}

impl From<WaitError> for Problem {
    fn from(error: WaitError) -> Self {
        let detail = error.to_string();
        match error {
            WaitError::Unknown(_) => Self::not_found(detail),
            WaitError::Over(_) => {
                Self::new(StatusCode::CONFLICT, "over", "It no longer waits", detail)
            }
            WaitError::Version { .. } => Self::new(
                StatusCode::CONFLICT,
                "version",
                "Somebody else has edited it",
                detail,
            ),
            _ => Self::bad(detail),
        }
    }
}
