//! `sessions`: one recording each, from start to clear, or what was imported from a file.

mod compare;

use super::{
    extract::{Json, Path},
    flows::Deleted,
    model::rfc3339,
    problem::Problem,
};
use crate::server::App;
use axum::{Json as Answer, extract::State, http::StatusCode};
use overhear_store::{
    SessionId,
    read::{self, Source},
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

/// The longest name, in bytes.
const MOST_TEXT: usize = 1000;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(list, begin))
        .routes(routes!(rename, delete))
        .merge(compare::routes())
}

/// A session.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(super) struct Session {
    /// Its number.
    id: i64,
    /// What a person calls it; may be empty.
    name: String,
    /// When it began: RFC 3339.
    #[schema(format = DateTime)]
    started_at: String,
    /// When it ended; null while it is recorded into or imported.
    #[schema(format = DateTime)]
    ended_at: Option<String>,
    /// Where its flows come from.
    #[schema(schema_with = super::model::source_schema)]
    source: Source,
    /// How many flows it has.
    flows: u64,
    /// Bytes of their bodies.
    bytes: u64,
    /// It is the one that is recorded into.
    current: bool,
}

impl From<read::Session> for Session {
    fn from(session: read::Session) -> Self {
        Self {
            id: session.id.0,
            name: session.name,
            started_at: rfc3339(session.started),
            ended_at: session.ended.map(rfc3339),
            source: session.source,
            flows: session.flows,
            bytes: session.bytes,
            current: session.current,
        }
    }
}

/// All sessions.
#[derive(Serialize, ToSchema)]
struct SessionList {
    items: Vec<Session>,
}

/// All sessions, newest first.
#[utoipa::path(
    get, path = "/sessions", tag = "sessions", operation_id = "listSessions",
    responses((status = 200, description = "The sessions", body = SessionList))
)]
async fn list(State(app): State<Arc<App>>) -> Result<Answer<SessionList>, Problem> {
    let sessions = app.store.sessions().await?;
    Ok(Answer(SessionList {
        items: sessions.into_iter().map(Session::from).collect(),
    }))
}

/// How a session ends.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Begin {
    /// A name for the session that ends.
    name: Option<String>,
}

/// Ends the session that is recorded into, keeps it, and begins a new one. What is going on stays where it began.
#[utoipa::path(
    post, path = "/sessions", tag = "sessions", operation_id = "beginSession", request_body = Begin,
    responses(
        (status = 201, description = "The new session", body = Session),
        (status = 400, description = "The name is too long, or the body is no JSON", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "The body is not application/json", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "The body is another JSON", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn begin(
    State(app): State<Arc<App>>,
    Json(body): Json<Begin>,
) -> Result<(StatusCode, Answer<Session>), Problem> {
    let name = body.name.as_deref().map(checked).transpose()?;
    let session = app.store.begin_session(name).await?;
    Ok((StatusCode::CREATED, Answer(session.into())))
}

/// Another name.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Rename {
    /// The name; empty takes it off.
    name: String,
}

/// Names a session.
#[utoipa::path(
    patch, path = "/sessions/{id}", tag = "sessions", operation_id = "renameSession", request_body = Rename,
    params(("id" = i64, Path, description = "The session's number")),
    responses(
        (status = 200, description = "The session as it is now", body = Session),
        (status = 400, description = "The name is too long, or the body is no JSON", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "There is no such session", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "The body is not application/json", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "The body is another JSON", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn rename(
    State(app): State<Arc<App>>,
    Path(id): Path<i64>,
    Json(body): Json<Rename>,
) -> Result<Answer<Session>, Problem> {
    let name = checked(&body.name)?;
    let session = app.store.name_session(SessionId(id), name).await?;
    let session = session.ok_or_else(|| Problem::no_session(id))?;
    Ok(Answer(session.into()))
}

/// Deletes a session with its flows.
#[utoipa::path(
    delete, path = "/sessions/{id}", tag = "sessions", operation_id = "deleteSession",
    params(("id" = i64, Path, description = "The session's number")),
    responses(
        (status = 200, description = "Deleted", body = Deleted),
        (status = 404, description = "There is no such session", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "It is recorded into or imported just now", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn delete(
    State(app): State<Arc<App>>,
    Path(id): Path<i64>,
) -> Result<Answer<Deleted>, Problem> {
    if let Some(discarded) = app.store.discard_session(SessionId(id)).await? {
        return Ok(Answer(discarded.into()));
    }
    match app.store.session(SessionId(id)).await? {
        None => Err(Problem::no_session(id)),
        Some(_) => Err(Problem::new(
            StatusCode::CONFLICT,
            "session",
            "The session is in use",
            "This session is recorded into or imported just now. Delete its flows, or begin a new session first.",
        )),
    }
}

fn checked(name: &str) -> Result<&str, Problem> {
    let name = name.trim();
    if name.len() > MOST_TEXT || name.chars().any(char::is_control) {
        return Err(Problem::bad(format!(
            "a name is one line of at most {MOST_TEXT} bytes"
        )));
    }
    Ok(name)
}
