//! `replay`: sends a request that a person built, recorded as a flow of its own.

mod changed;

use super::{extract::Json, problem::Problem};
use crate::{decode, server::App};
use axum::{Json as Answer, extract::DefaultBodyLimit, extract::State, http::StatusCode};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::{Bytes, BytesMut};
use changed::{Asked, differs};
use futures_util::TryStreamExt as _;
use overhear_proxy::ReplayRequest;
use overhear_store::{Flow, FlowId, Replayed, Side, Version};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

/// The largest body that is sent again, in bytes: it is held in memory on its way.
const MOST_BODY: u64 = 64 << 20;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    // base64 is a third larger; the rest is for the other members
    let limit = usize::try_from(MOST_BODY / 3 * 4).unwrap_or(usize::MAX) + (1 << 20);
    OpenApiRouter::new()
        .routes(routes!(replay))
        .layer(DefaultBodyLimit::max(limit))
}

/// A request to send.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Request {
    /// The flow it was made from.
    flow: Option<i64>,
    #[schema(example = "GET")]
    method: String,
    /// Absolute, `http` or `https`.
    #[schema(example = "https://example.com/")]
    url: String,
    /// Fields in order. `Host` and `Content-Length` are added when absent. Of `Content-Length` only the first is sent,
    /// fitted to the body, and none beside a `Transfer-Encoding`, which must end with chunked.
    #[serde(default)]
    headers: Vec<(String, String)>,
    /// None sends no body.
    body: Option<Content>,
    /// The HTTP version; by default the server's choice, HTTP/1.1 without TLS.
    #[schema(value_type = Option<VersionName>)]
    version: Option<Version>,
}

/// A body: exactly one of the members.
#[derive(Deserialize, ToSchema)]
#[schema(as = ReplayContent)]
#[serde(deny_unknown_fields)]
struct Content {
    /// Text, sent as UTF-8.
    text: Option<String>,
    /// Any bytes, in base64 (RFC 4648 section 4).
    base64: Option<String>,
    /// The recorded request body of this flow.
    flow: Option<i64>,
}

/// An HTTP version.
#[derive(ToSchema)]
#[expect(
    dead_code,
    reason = "names the values of a version in the API's description"
)]
enum VersionName {
    #[schema(rename = "HTTP/1.0")]
    Http10,
    #[schema(rename = "HTTP/1.1")]
    Http11,
    #[schema(rename = "HTTP/2")]
    Http2,
}

/// The flow that was begun.
#[derive(Serialize, ToSchema)]
struct Sent {
    /// Its number. What happens to it is in the flow, failures too.
    flow: i64,
}

/// Sends a request; answers as soon as its flow is recorded.
#[utoipa::path(
    post, path = "/replay", tag = "replay", operation_id = "replay", request_body = Request,
    responses(
        (status = 202, description = "On its way", body = Sent),
        (status = 400, description = "The URL, the method, a field or the body cannot be sent", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "There is no such flow", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "The body is larger than 64 MiB", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "The body is not application/json", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "The body is another JSON", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn replay(
    State(app): State<Arc<App>>,
    Json(request): Json<Request>,
) -> Result<(StatusCode, Answer<Sent>), Problem> {
    let original = match request.flow {
        Some(id) => Some(
            app.store
                .flow(FlowId(id))
                .await?
                .ok_or_else(|| Problem::no_flow(id))?,
        ),
        None => None,
    };
    let own_body =
        matches!(&request.body, Some(Content { flow: Some(id), .. }) if request.flow == Some(*id));
    let body = match request.body {
        None => Bytes::new(),
        Some(Content {
            text: Some(text),
            base64: None,
            flow: None,
        }) => text.into(),
        Some(Content {
            text: None,
            base64: Some(text),
            flow: None,
        }) => STANDARD
            .decode(text.trim())
            .map_err(|error| Problem::bad(format!("body.base64 is not base64: {error}")))?
            .into(),
        Some(Content {
            text: None,
            base64: None,
            flow: Some(id),
        }) => recorded(&app, id).await?,
        Some(_) => {
            return Err(Problem::bad(
                "body has exactly one member: text, base64 or flow.",
            ));
        }
    };
    if body.len() as u64 > MOST_BODY {
        return Err(too_large(body.len() as u64));
    }
    let of = match original {
        Some(original) => {
            let heads = app.store.heads(original.id).await?;
            let asked = Asked {
                method: &request.method,
                url: &request.url,
                headers: &request.headers,
            };
            let modified = differs(&asked, &original, &heads)
                || !(own_body || same_body(&app, &original, &body).await?);
            Some(Replayed {
                flow: original.id,
                modified,
            })
        }
        None => None,
    };
    let request = ReplayRequest {
        of,
        method: request.method,
        url: request.url,
        headers: request.headers,
        body,
        version: request.version,
    };
    let id = app
        .proxy
        .replay(request)
        .await
        .map_err(|error| match error {
            overhear_proxy::Error::Replay(text) => Problem::new(
                StatusCode::BAD_REQUEST,
                "replay",
                "The request cannot be sent",
                text,
            ),
            error => Problem::internal("The request could not be sent", &error),
        })?;
    Ok((StatusCode::ACCEPTED, Answer(Sent { flow: id.0 })))
}

/// Whether a body is the recorded one, byte for byte.
async fn same_body(app: &App, original: &Flow, body: &Bytes) -> Result<bool, Problem> {
    if original.request.body_size != body.len() as u64 {
        return Ok(false);
    }
    Ok(body.is_empty() || recorded(app, original.id.0).await? == *body)
}

async fn recorded(app: &App, id: i64) -> Result<Bytes, Problem> {
    let flow = app
        .store
        .flow(FlowId(id))
        .await?
        .ok_or_else(|| Problem::no_flow(id))?;
    if flow.request.body_size > MOST_BODY {
        return Err(too_large(flow.request.body_size));
    }
    let body = decode::recorded(&app.store, &flow, Side::Request);
    let whole = body.try_fold(BytesMut::new(), async |mut whole, piece| {
        whole.extend_from_slice(&piece);
        Ok(whole)
    });
    Ok(whole.await?.freeze())
}

fn too_large(size: u64) -> Problem {
    let detail = format!(
        "The body has {size} bytes; at most {} MiB can be sent again.",
        MOST_BODY >> 20
    );
    Problem::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "body",
        "The body is too large",
        detail,
    )
}
