//! `import`: flows from a file, into a session of their own; and from a capture that is kept, with secrets that come later.

use super::{
    extract::{Path as UrlPath, Query},
    kept,
    problem::Problem,
};
use crate::{
    import::{self, Error, Imported},
    server::App,
};
use axum::{Json, body::Body, extract::State, http::StatusCode};
use futures_util::TryStreamExt as _;
use serde::Deserialize;
use std::{
    fs::File,
    io::{self, ErrorKind, Read as _, Seek as _},
    path::Path,
    sync::Arc,
};
use tokio::io::AsyncWriteExt as _;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(import))
        .routes(routes!(decrypt))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ImportQuery {
    /// The file's name: what the session is called.
    #[param(example = "shop.har")]
    name: Option<String>,
    /// So many bytes at the beginning of the body are a key log (`SSLKEYLOGFILE`, RFC 9850) that decrypts the TLS of the
    /// capture behind them; at most 64 MiB.
    #[param(example = 0)]
    key_log: Option<u64>,
}

fn too_long() -> Problem {
    Problem::bad("The key log is longer than 64 MiB: leave out what is not of this capture.")
}

/// A key log that is longer is not taken: bytes.
const LONGEST_KEY_LOG: u64 = 64 << 20;

/// Imports an HTTP Archive (HAR 1.2) or a packet capture (pcap, pcapng, either in gzip) into a session of its own. Of an
/// archive all of it, or, when it cannot be read to its end, nothing; single entries that make no flow are left out and
/// told. A damaged capture is read as far as it goes, and the note says where it stops. TLS in a capture is decrypted with
/// the key log that is given, and with the secrets in the capture itself (pcapng).
#[utoipa::path(
    post, path = "/import", tag = "import", operation_id = "import", params(ImportQuery),
    request_body(content = String, content_type = "application/json", description = "The file, of any size and under any media type"),
    responses(
        (status = 200, description = "What became of it", body = Imported),
        (status = 400, description = "The file is neither; the detail has the place", body = Problem, content_type = "application/problem+json"),
        (status = 507, description = "The disk is full", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn import(
    State(app): State<Arc<App>>,
    Query(query): Query<ImportQuery>,
    body: Body,
) -> Result<Json<Imported>, Problem> {
    let length = query.key_log.unwrap_or_default();
    if length > LONGEST_KEY_LOG {
        return Err(too_long());
    }
    let mut file = spool(&app.data, body).await?;
    let mut key_log = Vec::new();
    let taken = (&mut file).take(length).read_to_end(&mut key_log);
    if taken.map_err(aside)? as u64 != length {
        return Err(Problem::bad("The body is shorter than its key log."));
    }
    let name = import::session_name(&query.name.unwrap_or_default());
    let imported = import::import(&app.store, &name, file, vec![key_log]).await?;
    Ok(Json(imported))
}

/// Reads what is kept of a capture once more, with a key log (`SSLKEYLOGFILE`, RFC 9850; at most 64 MiB): what its TLS
/// connections carried becomes flows, with all others in a session of its own. What is there already stays.
#[utoipa::path(
    post, path = "/captures/kept/{id}/decrypt", tag = "packets", operation_id = "decryptCapture",
    params(("id" = i64, Path, description = "The capture's number, of `captures/kept`")),
    request_body(content = String, content_type = "text/plain", description = "The key log, under any media type"),
    responses(
        (status = 200, description = "What became of it", body = Imported),
        (status = 400, description = "The key log opens nothing of the capture", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "There is no such capture", body = Problem, content_type = "application/problem+json"),
        (status = 507, description = "The disk is full", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn decrypt(
    State(app): State<Arc<App>>,
    UrlPath(id): UrlPath<i64>,
    body: Body,
) -> Result<Json<Imported>, Problem> {
    let capture = kept::find(&app, id).await?;
    let mut key_log = Vec::new();
    let file = spool(&app.data, body).await?;
    let taken = file.take(LONGEST_KEY_LOG + 1).read_to_end(&mut key_log);
    if taken.map_err(aside)? as u64 > LONGEST_KEY_LOG {
        return Err(too_long());
    }
    let imported = import::decrypt(&app.store, &capture, vec![key_log]).await?;
    Ok(Json(imported))
}

/// The body in a file without a name, which is gone with the request. Nothing of it is in the store while it comes:
/// a sender who goes away in the middle leaves nothing.
async fn spool(folder: &Path, body: Body) -> Result<File, Problem> {
    let file = tempfile::tempfile_in(folder).map_err(aside)?;
    let mut file = tokio::fs::File::from_std(file);
    let mut pieces = body.into_data_stream();
    loop {
        match pieces.try_next().await {
            Ok(Some(piece)) => file.write_all(&piece).await.map_err(aside)?,
            Ok(None) => break,
            Err(error) => {
                return Err(Problem::bad(format!(
                    "The file did not come to its end: {error}"
                )));
            }
        }
    }
    file.flush().await.map_err(aside)?;
    let mut file = file.into_std().await;
    file.rewind().map_err(aside)?;
    Ok(file)
}

fn aside(error: io::Error) -> Problem {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => full(),
        _ => Problem::internal("The file could not be put aside", &error),
    }
}

fn full() -> Problem {
    Problem::new(
        StatusCode::INSUFFICIENT_STORAGE,
        "disk-full",
        "The disk is full",
        "The disk that holds the recorded flows is full: make room on it, and import the file again.",
    )
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::Store(error) => error.into(),
            Error::Trouble(text) => {
                tracing::warn!("an import stopped: {text}");
                full()
            }
            Error::Aside(error)
            | Error::File(import::Wrong::Read(error) | import::Wrong::Write(error)) => aside(error),
            error => Self::new(
                StatusCode::BAD_REQUEST,
                "import",
                "The file cannot be imported",
                error.to_string(),
            ),
        }
    }
}
