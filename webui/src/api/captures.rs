//! `captures` and `interfaces`: packets beside the proxy.

use super::{
    extract::{Json, Path},
    problem::Problem,
};
use crate::{
    captures::{Capture, Refused},
    server::App,
};
use axum::{Json as Answer, extract::State, http::StatusCode};
use overhear_capture::libpcap;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(list, start))
        .routes(routes!(stop))
        .routes(routes!(interfaces))
}

/// What is captured.
#[derive(Serialize, ToSchema)]
struct Captures {
    items: Vec<Capture>,
}

/// What to capture.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Begin {
    /// The interface: a name of `interfaces`, or `any`.
    #[schema(example = "eth0")]
    interface: String,
    /// An expression of pcap-filter(7). Without one, the ports 80 and 443 are left out, because the proxy records them.
    #[schema(example = "port 25")]
    expression: Option<String>,
}

/// Packets that are captured beside the proxy.
#[utoipa::path(
    get, path = "/captures", tag = "packets", operation_id = "listCaptures",
    responses((status = 200, description = "The captures of this run that go on or have failed", body = Captures))
)]
async fn list(State(app): State<Arc<App>>) -> Answer<Captures> {
    Answer(Captures {
        items: app.captures.list(),
    })
}

/// Begins to capture on an interface, until it is stopped or the program ends. A process of its own does that: the proxy
/// needs no privilege. Whether it has begun is seen in the list.
#[utoipa::path(
    post, path = "/captures", tag = "packets", operation_id = "startCapture", request_body = Begin,
    responses(
        (status = 201, description = "It is being begun", body = Capture),
        (status = 400, description = "The interface or the expression cannot be one", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "The interface is being captured on already, with this expression", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "The body is not application/json", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "The body is another JSON", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn start(
    State(app): State<Arc<App>>,
    Json(body): Json<Begin>,
) -> Result<(StatusCode, Answer<Capture>), Problem> {
    let interface = body.interface.trim();
    let expression = body.expression.as_deref().map(str::trim);
    let expression = expression.filter(|text| !text.is_empty());
    if interface.is_empty() || interface.starts_with('-') {
        return Err(Problem::bad(
            "An interface has a name: GET /api/interfaces lists those there are.",
        ));
    }
    if [interface, expression.unwrap_or_default()]
        .iter()
        .any(|text| text.contains('\0'))
    {
        return Err(Problem::bad("There is a zero byte in the text."));
    }
    let started = app.captures.start(interface, expression);
    let capture = started.map_err(|Refused { reason }| {
        Problem::new(
            StatusCode::CONFLICT,
            "capture",
            "The capture cannot begin",
            reason,
        )
    })?;
    Ok((StatusCode::CREATED, Answer(capture)))
}

/// Stops a capture, or puts away one that has failed. What was captured stays.
#[utoipa::path(
    delete, path = "/captures/{id}", tag = "packets", operation_id = "stopCapture",
    params(("id" = u64, Path, description = "The capture's number")),
    responses(
        (status = 204, description = "It has ended, and what it captured is written"),
        (status = 404, description = "There is no such capture", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn stop(State(app): State<Arc<App>>, Path(id): Path<u64>) -> Result<StatusCode, Problem> {
    let captures = app.captures.clone();
    let stopped = tokio::task::spawn_blocking(move || captures.stop(id)).await;
    match stopped {
        Ok(true) => Ok(StatusCode::NO_CONTENT),
        Ok(false) => Err(Problem::not_found(format!(
            "There is no capture {id}. It may have been stopped."
        ))),
        Err(error) => Err(Problem::internal(
            "The capture could not be stopped",
            &error,
        )),
    }
}

/// What can be captured on.
#[derive(Serialize, ToSchema)]
struct Interfaces {
    items: Vec<Interface>,
}

/// An interface.
#[derive(Serialize, ToSchema)]
struct Interface {
    #[schema(example = "eth0")]
    name: String,
    /// In words, where the system has some.
    description: Option<String>,
    /// Its addresses.
    addresses: Vec<String>,
    loopback: bool,
    /// It is up and running.
    up: bool,
    wireless: bool,
}

/// The interfaces of this machine.
#[utoipa::path(
    get, path = "/interfaces", tag = "packets", operation_id = "listInterfaces",
    responses(
        (status = 200, description = "The interfaces", body = Interfaces),
        (status = 501, description = "libpcap is not there; the detail says what to install", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn interfaces() -> Result<Answer<Interfaces>, Problem> {
    let asked = || libpcap::library().and_then(libpcap::Library::interfaces);
    let found = tokio::task::spawn_blocking(asked).await;
    let found = found
        .map_err(|error| Problem::internal("The interfaces could not be listed", &error))?
        .map_err(|error| match error {
            error @ libpcap::Error::NotInstalled { .. } => Problem::new(
                StatusCode::NOT_IMPLEMENTED,
                "libpcap",
                "Packets cannot be captured",
                error.to_string(),
            ),
            error => Problem::internal("The interfaces could not be listed", &error),
        })?;
    let items = found.into_iter().map(|interface| Interface {
        name: interface.name,
        description: interface.description,
        addresses: interface
            .addresses
            .iter()
            .map(ToString::to_string)
            .collect(),
        loopback: interface.loopback,
        up: interface.up && interface.running,
        wireless: interface.wireless,
    });
    Ok(Answer(Interfaces {
        items: items.collect(),
    }))
}
