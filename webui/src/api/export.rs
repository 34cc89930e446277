//! `export`: a selection as a file, written while it is read.

use super::{
    extract::{Json, Query},
    flows::attachment,
    problem::Problem,
    selection::{self, Sessions},
};
use crate::{
    export::{self, Format, Selection},
    server::App,
};
use axum::{
    body::Body,
    extract::State,
    http::header,
    response::{IntoResponse as _, Response},
};
use futures_util::{StreamExt as _, stream};
use overhear_store::{FlowId, Timestamp};
use serde::Deserialize;
use std::{io, sync::Arc};
use tokio::io::duplex;
use tokio_util::io::ReaderStream;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(by_query, by_body))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ExportQuery {
    /// The file format.
    format: Format,
    /// Only flows that match this filter.
    filter: Option<String>,
    /// Only flows with these numbers, with commas between them.
    #[param(example = "1,2,3")]
    ids: Option<String>,
    /// Only flows of a session: its number, `current`, or `all`.
    #[serde(default)]
    #[param(value_type = Option<String>, example = "current")]
    session: Sessions,
    /// In packet captures: keep TLS ports as they were (443) instead of writing them as 80.
    #[serde(default)]
    keep_tls_port: bool,
}

/// What to export.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Export {
    /// The file format.
    format: Format,
    /// Only flows that match this filter.
    filter: Option<String>,
    /// Only flows with these numbers.
    ids: Option<Vec<i64>>,
    /// Only flows of a session: its number, `current`, or `all`.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "current")]
    session: Sessions,
    /// In packet captures: keep TLS ports as they were (443) instead of writing them as 80.
    #[serde(default)]
    keep_tls_port: bool,
}

/// A selection as a file, for a link.
#[utoipa::path(
    get, path = "/export", tag = "export", operation_id = "exportByQuery", params(ExportQuery),
    responses(
        (status = 200, description = "The file. If it cannot be written to its end, the connection is closed before it.", body = String, content_type = "application/octet-stream"),
        (status = 404, description = "There is no such session", body = Problem, content_type = "application/problem+json"),
        (status = 400, description = "The format, the filter or a number is wrong", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn by_query(
    State(app): State<Arc<App>>,
    Query(query): Query<ExportQuery>,
) -> Result<Response, Problem> {
    let selection = Selection {
        filter: selection::filter(query.filter.as_deref())?,
        ids: query.ids.as_deref().map(selection::ids).transpose()?,
        session: query.session.resolve(&app).await?,
        keep_tls_port: query.keep_tls_port,
    };
    answer(&app, query.format, selection).await
}

/// A selection as a file, for long lists of numbers.
#[utoipa::path(
    post, path = "/export", tag = "export", operation_id = "export", request_body = Export,
    responses(
        (status = 200, description = "The file. If it cannot be written to its end, the connection is closed before it.", body = String, content_type = "application/octet-stream"),
        (status = 404, description = "There is no such session", body = Problem, content_type = "application/problem+json"),
        (status = 400, description = "The filter or a number is wrong", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "The body is larger than 2 MiB", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "The body is not application/json", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "The body is another JSON", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn by_body(
    State(app): State<Arc<App>>,
    Json(body): Json<Export>,
) -> Result<Response, Problem> {
    let ids = body.ids.map(|ids| ids.into_iter().map(FlowId).collect());
    let selection = Selection {
        filter: selection::filter(body.filter.as_deref())?,
        ids: ids.map(selection::checked).transpose()?,
        session: body.session.resolve(&app).await?,
        keep_tls_port: body.keep_tls_port,
    };
    answer(&app, body.format, selection).await
}

async fn answer(app: &App, format: Format, selection: Selection) -> Result<Response, Problem> {
    let (out, read) = duplex(256 << 10);
    let store = app.store.clone();
    let work = tokio::spawn(async move { export::export(&store, &selection, format, out).await });
    let mut pieces = ReaderStream::with_capacity(read, 64 << 10);

    // an export that fails before its first byte is a problem, later it breaks the connection off
    let first = pieces.next().await;
    let end = async move {
        match work.await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(Problem::from(error)),
            Err(error) => Err(Problem::internal("The export failed", &error)),
        }
    };
    let body = match first {
        None => {
            end.await?;
            Body::empty()
        }
        Some(first) => {
            let end = stream::once(end).filter_map(async |ended| {
                ended
                    .err()
                    .map(|_| Err(io::Error::other("the export failed")))
            });
            Body::from_stream(stream::iter([first]).chain(pieces).chain(end))
        }
    };
    let name = format!(
        "overhear-{}.{}",
        stamp(Timestamp::now()),
        format.extension()
    );
    let headers = [
        (header::CONTENT_TYPE, format.media_type().to_owned()),
        (header::CONTENT_DISPOSITION, attachment(&name)),
    ];
    Ok((headers, body).into_response())
}

/// A moment as part of a file's name: `20261121-010203`.
fn stamp(at: Timestamp) -> String {
    let text = super::model::rfc3339(at);
    let mut digits = text.chars().filter(char::is_ascii_digit);
    let date: String = digits.by_ref().take(8).collect();
    let time: String = digits.take(6).collect();
    format!("{date}-{time}")
}
