//! `recording`: the switch.

use super::{extract::Json, problem::Problem};
use crate::server::App;
use axum::{Json as Answer, extract::State};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(switch))
}

/// Whether what passes is recorded.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Recording {
    on: bool,
}

/// Switches recording on or off, until the program ends: a new run records. What is going on is recorded to its end;
/// while it is off, what begins passes unrecorded, except for replays.
#[utoipa::path(
    put, path = "/recording", tag = "program", operation_id = "switchRecording", request_body = Recording,
    responses(
        (status = 200, description = "As it is now", body = Recording),
        (status = 400, description = "The body is no JSON", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "The body is not application/json", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "The body is another JSON", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn switch(State(app): State<Arc<App>>, Json(body): Json<Recording>) -> Answer<Recording> {
    app.store.set_recording(body.on);
    Answer(Recording {
        on: app.store.is_recording(),
    })
}
