//! `replay`: sends a request that a person built, recorded as a flow of its own; or many, many times.

mod changed;
mod runs;

pub(crate) use runs::Runs;

use super::{extract::Json, problem::Problem};
use crate::{
    replay::{self as recorded, MOST_BODY},
    server::App,
};
use axum::{Json as Answer, extract::DefaultBodyLimit, extract::State, http::StatusCode};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use changed::{Asked, differs};
use overhear_proxy::{MOST_LISTEN, ReplayRequest, Say, Talk};
use overhear_store::{Flow, FlowId, Replayed, Version};
use serde::{Deserialize, Serialize};
use std::{sync::Arc, time::Duration};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    // base64 is a third larger; the rest is for the other members
    let limit = usize::try_from(MOST_BODY / 3 * 4).unwrap_or(usize::MAX) + (1 << 20);
    OpenApiRouter::new()
        .routes(routes!(replay))
        .merge(runs::routes())
        .layer(DefaultBodyLimit::max(limit))
}

/// A request to send. With a `flow` and neither `method` nor `url`, what is not given is as it was recorded.
#[derive(Deserialize, ToSchema)]
#[schema(as = ReplayRequest)]
#[serde(deny_unknown_fields)]
struct Request {
    /// The flow it was made from.
    flow: Option<i64>,
    /// Needed with `url`, and without `flow`.
    #[schema(example = "GET")]
    method: Option<String>,
    /// Absolute: `http`, `https`, `ws` or `wss`. Needed with `method`, and without `flow`.
    #[schema(example = "https://example.com/")]
    url: Option<String>,
    /// Fields in order; absent, there are none. `Host` and `Content-Length` are added when absent. Of `Content-Length` only the
    /// first is sent, fitted to the body, and none beside a `Transfer-Encoding`, which must end with chunked.
    headers: Option<Vec<(String, String)>>,
    /// None sends no body.
    body: Option<Content>,
    /// The HTTP version; by default the server's choice, HTTP/1.1 without TLS. A server that does not speak it is a failure that
    /// says so.
    #[schema(value_type = Option<VersionName>)]
    version: Option<Version>,
    /// Go where the response redirects (RFC 9110 section 15.4): after 301 and 302 a POST becomes a GET, after 303 all but
    /// HEAD do, without the body and the fields that describe it; 307 and 308 change nothing. `Authorization`, `Cookie` and
    /// `Proxy-Authorization` are not told to another origin; cookies that are set on the way are not sent. Each hop is a flow, with a comment that names
    /// the one before; 20 are followed at most. Why one was not is in the comment of the last.
    #[serde(default)]
    follow_redirects: bool,
    /// What is said when the request opens a WebSocket: by an `Upgrade` field, or a `ws` or `wss` URL, for which missing fields are added. The
    /// key is always a fresh one.
    websocket: Option<Conversation>,
}

/// What the client says in a WebSocket. Messages are sent without compression, as every server takes them.
#[derive(Deserialize, ToSchema)]
#[schema(as = ReplayWebSocket)]
#[serde(deny_unknown_fields)]
struct Conversation {
    /// Say what the client of the flow said, in order.
    #[serde(default)]
    recorded: bool,
    /// Recorded messages are sent with the pauses that were between them (a minute each at most), not all at once.
    #[serde(default)]
    paced: bool,
    /// Messages that are sent after the recorded ones; 10,000 at most.
    #[serde(default)]
    messages: Vec<Message>,
    /// How long the WebSocket stays open after the last message, in seconds, before it is closed with 1000; 5 when absent.
    #[schema(minimum = 0, maximum = 3600)]
    listen_s: Option<f64>,
}

/// A message: exactly one of the members.
#[derive(Deserialize, ToSchema)]
#[schema(as = ReplayMessage)]
#[serde(deny_unknown_fields)]
struct Message {
    /// A text message.
    text: Option<String>,
    /// A binary message, in base64 (RFC 4648 section 4).
    base64: Option<String>,
}

/// The most messages that one request may name.
const MOST_MESSAGES: usize = 10_000;

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
    let request = built(&app, request).await?;
    let sent = app.proxy.replay(request).await.map_err(unsendable)?;
    Ok((StatusCode::ACCEPTED, Answer(Sent { flow: sent.flow.0 })))
}

fn unsendable(error: overhear_proxy::Error) -> Problem {
    match error {
        overhear_proxy::Error::Replay(text) => Problem::new(
            StatusCode::BAD_REQUEST,
            "replay",
            "The request cannot be sent",
            text,
        ),
        error => Problem::internal("The request could not be sent", &error),
    }
}

/// What was asked for, with what was recorded.
async fn built(app: &App, request: Request) -> Result<ReplayRequest, Problem> {
    let original = match request.flow {
        Some(id) => Some(flow(app, id).await?),
        None => None,
    };
    let talk = match &request.websocket {
        Some(said) => Some(talk(app, said, original.as_ref()).await?),
        None => None,
    };
    let (method, url) = match (request.method, request.url, &original) {
        (Some(method), Some(url), _) => (method, url),
        (None, None, Some(original)) => {
            let mut again = recorded::request(&app.store, original).await?;
            let changed = request.headers.is_some() || request.body.is_some();
            if let Some(headers) = request.headers {
                again.headers = headers;
            }
            if let Some(body) = request.body {
                again.body = content(app, body).await?;
            }
            again.of = Some(Replayed {
                flow: original.id,
                modified: changed,
            });
            again.version = request.version.or(again.version);
            (again.follow, again.talk) = (request.follow_redirects, talk);
            return Ok(again);
        }
        _ => {
            return Err(Problem::bad(
                "method and url are given both, or neither and a flow whose request is sent as it was recorded.",
            ));
        }
    };
    let headers = request.headers.unwrap_or_default();
    let own_body =
        matches!(&request.body, Some(Content { flow: Some(id), .. }) if request.flow == Some(*id));
    let body = match request.body {
        None => Bytes::new(),
        Some(body) => content(app, body).await?,
    };
    let of = match original {
        Some(original) => {
            let heads = app.store.heads(original.id).await?;
            let asked = Asked {
                method: &method,
                url: &url,
                headers: &headers,
            };
            let modified = differs(&asked, &original, &heads)
                || !(own_body || same_body(app, &original, &body).await?);
            Some(Replayed {
                flow: original.id,
                modified,
            })
        }
        None => None,
    };
    Ok(ReplayRequest {
        of,
        method,
        url,
        headers,
        body,
        version: request.version,
        follow: request.follow_redirects,
        talk,
        ..ReplayRequest::default()
    })
}

async fn content(app: &App, body: Content) -> Result<Bytes, Problem> {
    let body: Bytes = match body {
        Content {
            text: Some(text),
            base64: None,
            flow: None,
        } => text.into(),
        Content {
            text: None,
            base64: Some(text),
            flow: None,
        } => unpacked("body", &text)?,
        Content {
            text: None,
            base64: None,
            flow: Some(id),
        } => recorded::body(&app.store, &flow(app, id).await?).await?,
        _ => {
            return Err(Problem::bad(
                "body has exactly one member: text, base64 or flow.",
            ));
        }
    };
    match body.len() as u64 {
        size if size > MOST_BODY => Err(recorded::Error::TooLarge(size).into()),
        _ => Ok(body),
    }
}

fn unpacked(what: &str, text: &str) -> Result<Bytes, Problem> {
    let bytes = STANDARD.decode(text.trim());
    let bytes =
        bytes.map_err(|error| Problem::bad(format!("{what}.base64 is not base64: {error}")))?;
    Ok(bytes.into())
}

async fn talk(app: &App, said: &Conversation, original: Option<&Flow>) -> Result<Talk, Problem> {
    let mut messages = match (said.recorded, original) {
        (false, _) => Vec::new(),
        (true, Some(original)) => recorded::messages(&app.store, original, said.paced).await?,
        (true, None) => {
            return Err(Problem::bad(
                "websocket.recorded needs the flow whose messages are sent.",
            ));
        }
    };
    if said.messages.len() > MOST_MESSAGES {
        return Err(Problem::bad(format!(
            "{} messages are given; at most {MOST_MESSAGES} can be.",
            said.messages.len()
        )));
    }
    for message in &said.messages {
        let (text, data) = match (&message.text, &message.base64) {
            (Some(text), None) => (true, text.clone().into()),
            (None, Some(packed)) => (false, unpacked("websocket.messages", packed)?),
            _ => {
                return Err(Problem::bad(
                    "a message has exactly one member: text or base64.",
                ));
            }
        };
        messages.push(Say {
            after: Duration::ZERO,
            text,
            data,
        });
    }
    let usual = Talk::default();
    let listen = match said.listen_s {
        None => usual.listen,
        Some(seconds) => Duration::try_from_secs_f64(seconds)
            .ok()
            .filter(|listen| *listen <= MOST_LISTEN)
            .ok_or_else(|| {
                Problem::bad(format!(
                    "websocket.listen_s is a number of seconds from 0 to {}, not {seconds}",
                    MOST_LISTEN.as_secs()
                ))
            })?,
    };
    Ok(Talk { messages, listen })
}

/// Whether a body is the recorded one, byte for byte.
async fn same_body(app: &App, original: &Flow, body: &Bytes) -> Result<bool, Problem> {
    // what was sent in a WebSocket is no body of its opening
    if original.kind == overhear_store::Kind::WebSocket {
        return Ok(body.is_empty());
    }
    if original.request.body_size != body.len() as u64 {
        return Ok(false);
    }
    Ok(body.is_empty() || recorded::body(&app.store, original).await? == *body)
}

async fn flow(app: &App, id: i64) -> Result<Flow, Problem> {
    let flow = app.store.flow(FlowId(id)).await?;
    flow.ok_or_else(|| Problem::no_flow(id))
}

impl From<recorded::Error> for Problem {
    fn from(error: recorded::Error) -> Self {
        match error {
            recorded::Error::TooLarge(_) => Self::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "body",
                "The body is too large",
                format!("{error}."),
            ),
            recorded::Error::Nothing(text) => Self::new(
                StatusCode::BAD_REQUEST,
                "replay",
                "The request cannot be sent",
                format!("{text}."),
            ),
            recorded::Error::Store(error) => error.into(),
            recorded::Error::Body(error) => error.into(),
        }
    }
}
