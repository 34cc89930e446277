//! The one place that turns an error into an answer: RFC 9457 problem details.
//!
//! A client gets words that help it; what a database, a file or a library said goes to the log.

use crate::{decode, export};
use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use overhear_store::filter::FilterError;
use serde::Serialize;
use std::borrow::Cow;
use utoipa::ToSchema;

/// A problem, RFC 9457.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Problem {
    /// What sort of problem, for programs.
    #[serde(rename = "type")]
    #[schema(example = "urn:overhear:problem:filter")]
    kind: String,
    /// The sort of problem in words.
    title: Cow<'static, str>,
    /// The HTTP status.
    status: u16,
    /// What happened, to what, and what to do.
    detail: Cow<'static, str>,
    /// Where a filter is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    filter: Option<Box<WrongFilter>>,
    /// Which action of a rule is wrong, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    action: Option<usize>,
}

/// The place in a filter that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct WrongFilter {
    /// Characters from the beginning.
    offset: usize,
    /// How many characters are wrong; at least 1.
    length: usize,
    /// What was found and what was expected.
    message: String,
}

impl Problem {
    /// A problem of its own sort: `kind` is the end of `urn:overhear:problem:`.
    pub(crate) fn new(
        status: StatusCode,
        kind: &str,
        title: &'static str,
        detail: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            kind: format!("urn:overhear:problem:{kind}"),
            title: title.into(),
            status: status.as_u16(),
            detail: detail.into(),
            filter: None,
            action: None,
        }
    }

    /// The same, of one action of a rule, from 0.
    pub(crate) fn of_action(self, action: Option<usize>) -> Self {
        Self { action, ..self }
    }

    /// Something in the request is not right.
    pub(crate) fn bad(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "request",
            "The request cannot be used",
            detail,
        )
    }

    /// There is no such thing (any more).
    pub(crate) fn not_found(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", "Not found", detail)
    }

    /// There is no such flow (any more).
    pub(crate) fn no_flow(id: i64) -> Self {
        Self::not_found(format!("There is no flow {id}. It may have been deleted."))
    }

    /// There is no such session (any more).
    pub(crate) fn no_session(id: i64) -> Self {
        Self::not_found(format!(
            "There is no session {id}. It may have been deleted."
        ))
    }

    /// Something failed that is not the client's doing; the log says what.
    pub(crate) fn internal(what: &'static str, error: &dyn std::fmt::Display) -> Self {
        tracing::error!("{what}: {error}");
        let detail = format!("{what}. The log of the program says why.");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "Internal error",
            detail,
        )
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(self)).into_response();
        let media_type = HeaderValue::from_static("application/problem+json");
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, media_type);
        response
    }
}

impl From<FilterError> for Problem {
    fn from(error: FilterError) -> Self {
        let detail = error.to_string();
        let title = "The filter cannot be read";
        let mut problem = Self::new(StatusCode::BAD_REQUEST, "filter", title, detail);
        problem.filter = Some(Box::new(WrongFilter {
            offset: error.offset,
            length: error.length,
            message: error.message,
        }));
        problem
    }
}

impl From<overhear_store::Error> for Problem {
    fn from(error: overhear_store::Error) -> Self {
        use overhear_store::Error;
        match error {
            Error::Filter(error) => error.into(),
            Error::Cursor => Self::bad(error.to_string()),
            Error::DiskFull { .. } => {
                tracing::error!("{error}");
                let detail = "The disk that holds the recorded flows is full: make room on it.";
                Self::new(
                    StatusCode::INSUFFICIENT_STORAGE,
                    "disk-full",
                    "The disk is full",
                    detail,
                )
            }
            Error::Closed => {
                let detail = "The program is stopping.";
                Self::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "stopping",
                    "Stopping",
                    detail,
                )
            }
            error => Self::internal("The recorded flows could not be read or written", &error),
        }
    }
}

impl From<decode::Error> for Problem {
    fn from(error: decode::Error) -> Self {
        match error {
            decode::Error::Store(error) => error.into(),
            error => {
                let title = "The body cannot be decoded";
                let detail = error.to_string();
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "coding", title, detail)
            }
        }
    }
}

impl From<export::Error> for Problem {
    fn from(error: export::Error) -> Self {
        match error {
            export::Error::Store(error) => error.into(),
            error => Self::internal("The export failed", &error),
        }
    }
}
