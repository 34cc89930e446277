//! `protobuf`: the schemas that a person gave, for who shows messages.

use super::problem::Problem;
use crate::{protobuf, server::App};
use axum::{
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::Value;
use std::{path::PathBuf, sync::Arc};
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(descriptors))
}

/// What the files of the setting `proto` hold as they are now: one `google.protobuf.FileDescriptorSet`, which is empty when
/// there is no file.
#[utoipa::path(
    get, path = "/protobuf/descriptors", tag = "program", operation_id = "getDescriptors",
    responses(
        (status = 200, description = "The descriptors", body = String, content_type = "application/x-protobuf"),
        (status = 422, description = "A file cannot be read, or is no set of descriptors", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn descriptors(State(app): State<Arc<App>>) -> Result<Response, Problem> {
    // reads files
    let work = tokio::task::spawn_blocking(move || {
        let settings = app.settings.read().items;
        let value = settings.into_iter().find(|setting| setting.key == "proto");
        let value = value.map(|setting| setting.value).unwrap_or_default();
        let files = value.as_array().into_iter().flatten();
        let files: Vec<PathBuf> = files.filter_map(Value::as_str).map(PathBuf::from).collect();
        protobuf::read(&files)
    });
    match work.await {
        Ok(Ok(set)) => {
            let kind = [(header::CONTENT_TYPE, "application/x-protobuf")];
            Ok((kind, set).into_response())
        }
        Ok(Err(why)) => Err(Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "descriptors",
            "The descriptors cannot be used",
            why,
        )),
        Err(error) => Err(Problem::internal(
            "The descriptors could not be read",
            &error,
        )),
    }
}
