//! Heads and bodies as bytes. What a server sent is never a document of ours: types that a browser
//! would run are served as unknown bytes, into a sandbox, to be saved.

use super::range::{Wanted, wanted};
use crate::{
    api::{
        extract::{Path, Query},
        problem::Problem,
    },
    body, decode,
    server::App,
};
use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use overhear_store::{Flow, FlowId, HeadKind, MessageInfo, Side, State as FlowState};
use serde::Deserialize;
use std::sync::Arc;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(request_body))
        .routes(routes!(response_body))
        .routes(routes!(request_head))
        .routes(routes!(response_head))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct BodyQuery {
    /// Remove the content codings (gzip, deflate, br, zstd). A body that is broken ends where it is:
    /// the connection is then closed. At most 4 GiB.
    #[serde(default)]
    decoded: bool,
    /// Of a decoded body: begin with this byte. What stands before it is decoded and not sent, unless the part that ends
    /// there was asked for just before.
    from: Option<u64>,
    /// Of a decoded body: at most so many bytes. Fewer come when the body ends before.
    #[param(minimum = 1)]
    length: Option<u64>,
    /// The body that a rule sent instead of the one that came, without content coding; where that went on as it came, that.
    #[serde(default)]
    sent: bool,
    /// Have it saved as a file, images too.
    #[serde(default)]
    download: bool,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct HeadQuery {
    /// The head as it went on; where that is as it came, that.
    #[serde(default)]
    sent: bool,
}

/// The request's body: as it was sent, without transfer coding.
#[utoipa::path(
    get, path = "/flows/{id}/request/body", tag = "bodies", operation_id = "getRequestBody",
    params(("id" = i64, Path, description = "The flow's number"), BodyQuery,
        ("Range" = Option<String>, Header, description = "One range of bytes; of the undecoded body only (`from` and `length` are for the decoded one)")),
    responses(
        (status = 200, description = "The body. `X-Overhear-Type` is the recorded content type.", body = String, content_type = "application/octet-stream"),
        (status = 206, description = "A part of the body", body = String, content_type = "application/octet-stream"),
        (status = 404, description = "There is no such flow", body = Problem, content_type = "application/problem+json"),
        (status = 416, description = "The range is outside of the body", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "Not even the first byte can be decoded", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn request_body(
    state: State<Arc<App>>,
    id: Path<i64>,
    query: Query<BodyQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    answer(state, id, Side::Request, query, headers).await
}

/// The response's body: as it was sent, without transfer coding.
#[utoipa::path(
    get, path = "/flows/{id}/response/body", tag = "bodies", operation_id = "getResponseBody",
    params(("id" = i64, Path, description = "The flow's number"), BodyQuery,
        ("Range" = Option<String>, Header, description = "One range of bytes; of the undecoded body only (`from` and `length` are for the decoded one)")),
    responses(
        (status = 200, description = "The body. `X-Overhear-Type` is the recorded content type.", body = String, content_type = "application/octet-stream"),
        (status = 206, description = "A part of the body", body = String, content_type = "application/octet-stream"),
        (status = 404, description = "There is no such flow", body = Problem, content_type = "application/problem+json"),
        (status = 416, description = "The range is outside of the body", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "Not even the first byte can be decoded", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn response_body(
    state: State<Arc<App>>,
    id: Path<i64>,
    query: Query<BodyQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    answer(state, id, Side::Response, query, headers).await
}

/// The request's head, byte for byte (HTTP/2: one field a line).
#[utoipa::path(
    get, path = "/flows/{id}/request/head", tag = "bodies", operation_id = "getRequestHead",
    params(("id" = i64, Path, description = "The flow's number"), HeadQuery),
    responses(
        (status = 200, description = "The head", body = String, content_type = "text/plain"),
        (status = 404, description = "There is no such flow, or no head", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn request_head(
    state: State<Arc<App>>,
    id: Path<i64>,
    query: Query<HeadQuery>,
) -> Result<Response, Problem> {
    head(state, id, Side::Request, query).await
}

/// The final response's head, byte for byte (HTTP/2: one field a line).
#[utoipa::path(
    get, path = "/flows/{id}/response/head", tag = "bodies", operation_id = "getResponseHead",
    params(("id" = i64, Path, description = "The flow's number"), HeadQuery),
    responses(
        (status = 200, description = "The head", body = String, content_type = "text/plain"),
        (status = 404, description = "There is no such flow, or no head (yet)", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn response_head(
    state: State<Arc<App>>,
    id: Path<i64>,
    query: Query<HeadQuery>,
) -> Result<Response, Problem> {
    head(state, id, Side::Response, query).await
}

async fn head(
    State(app): State<Arc<App>>,
    Path(id): Path<i64>,
    side: Side,
    Query(query): Query<HeadQuery>,
) -> Result<Response, Problem> {
    let (came, sent, side) = match side {
        Side::Request => (HeadKind::Request, HeadKind::RequestSent, "request"),
        Side::Response => (HeadKind::Response, HeadKind::ResponseSent, "response"),
    };
    let mut heads = app.store.heads(FlowId(id)).await?;
    let mut take = |kind| {
        let at = heads.iter().position(|head| head.kind == kind)?;
        Some(heads.swap_remove(at))
    };
    let found = query.sent.then(|| take(sent)).flatten();
    let Some(head) = found.or_else(|| take(came)) else {
        return Err(match app.store.flow(FlowId(id)).await? {
            Some(_) => Problem::not_found(format!("Flow {id} has no {side} head.")),
            None => Problem::no_flow(id),
        });
    };
    Ok(([(header::CONTENT_TYPE, "text/plain")], head.bytes).into_response())
}

async fn answer(
    State(app): State<Arc<App>>,
    Path(id): Path<i64>,
    side: Side,
    Query(query): Query<BodyQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let flow = app
        .store
        .flow(FlowId(id))
        .await?
        .ok_or_else(|| Problem::no_flow(id))?;
    let message = match side {
        Side::Request => &flow.request,
        Side::Response => &flow.response,
    };
    if query.sent
        && let Some(body) = app.store.sent_body(flow.id, side).await?
    {
        let mut response = Response::new(Body::from(body));
        let mut sent = message.clone();
        sent.content_encoding.clear();
        describe(response.headers_mut(), &flow, &sent, query.download);
        return Ok(response);
    }
    let size = message.body_size;
    let in_parts = query.from.is_some() || query.length.is_some();
    let mut response = if query.decoded && in_parts {
        let (from, length) = (query.from.unwrap_or(0), query.length.unwrap_or(u64::MAX));
        let paused = app.paused.clone();
        let part = paused.part(&app.store, &flow, side, from, length).await?;
        Response::new(Body::from_stream(part))
    } else if query.decoded {
        Response::new(Body::from_stream(
            decode::body(&app.store, &flow, side).await?,
        ))
    } else if in_parts {
        return Err(Problem::bad(
            "from and length are for a decoded body (decoded=true); a Range asks for a part of the body as it was sent.",
        ));
    } else {
        let part = |from: u64, to: u64| {
            Body::from_stream(body::part(&app.store, flow.id, side, from, to - from))
        };
        match wanted(&headers, size) {
            Wanted::Everything => {
                let mut response = Response::new(part(0, size));
                // the size of a running flow is already another
                if flow.state != FlowState::Running {
                    response
                        .headers_mut()
                        .insert(header::CONTENT_LENGTH, size.into());
                }
                response
                    .headers_mut()
                    .insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
                response
            }
            Wanted::Part(from, to) => {
                let mut response = Response::new(part(from, to));
                *response.status_mut() = StatusCode::PARTIAL_CONTENT;
                let headers = response.headers_mut();
                headers.insert(header::CONTENT_LENGTH, (to - from).into());
                set(
                    headers,
                    header::CONTENT_RANGE,
                    &format!("bytes {from}-{}/{size}", to - 1),
                );
                response
            }
            Wanted::Nothing => return Ok(outside(size)),
        }
    };
    describe(response.headers_mut(), &flow, message, query.download);
    Ok(response)
}

/// The headers that keep a recorded body from doing anything.
fn describe(headers: &mut HeaderMap, flow: &Flow, message: &MessageInfo, download: bool) {
    let kind = message.content_type.as_str();
    let safe = safe(kind);
    set(
        headers,
        header::CONTENT_TYPE,
        safe.unwrap_or("application/octet-stream"),
    );
    if !kind.is_empty() {
        set(headers, HeaderName::from_static("x-overhear-type"), kind);
    }
    if !message.content_encoding.is_empty() {
        set(
            headers,
            HeaderName::from_static("x-overhear-encoding"),
            &message.content_encoding,
        );
    }
    set(
        headers,
        header::CONTENT_SECURITY_POLICY,
        "sandbox; default-src 'none'; frame-ancestors 'none'",
    );
    let inline = !download && safe.is_some_and(|kind| kind.starts_with("image/"));
    let disposition = match inline {
        true => "inline".to_owned(),
        false => attachment(&file_name(flow)),
    };
    set(headers, header::CONTENT_DISPOSITION, &disposition);
}

/// The recorded content type, when a browser only shows such a thing.
fn safe(kind: &str) -> Option<&str> {
    let essence = kind
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    let (top, sub) = essence.split_once('/')?;
    match (top, sub) {
        ("image" | "audio" | "video" | "font", sub) if !sub.is_empty() => Some(kind),
        ("text", "plain") | ("application", "json") => Some(kind),
        _ => None,
    }
}

/// A name for the file: the last part of the path, or the host.
fn file_name(flow: &Flow) -> String {
    let path = flow.path.split(['?', '#']).next().unwrap_or_default();
    let last = path
        .rsplit('/')
        .find(|part| !part.is_empty())
        .unwrap_or(&flow.host);
    let last = percent_encoding::percent_decode_str(last).decode_utf8_lossy();
    let name: String = last
        .chars()
        .map(|c| {
            if c.is_control() || r#"/\:*?"<>|"#.contains(c) {
                '_'
            } else {
                c
            }
        })
        .take(120)
        .collect();
    match name.trim_matches('.') {
        "" => format!("flow-{}", flow.id),
        name => name.to_owned(),
    }
}

/// `Content-Disposition`, RFC 6266: a plain name, and the real one where they differ.
pub(crate) fn attachment(name: &str) -> String {
    let plain: String = name
        .chars()
        .map(|c| {
            if c.is_ascii_graphic() && !r#""\%"#.contains(c) || c == ' ' {
                c
            } else {
                '_'
            }
        })
        .collect();
    if plain == name {
        return format!("attachment; filename=\"{plain}\"");
    }
    let encoded = percent_encoding::utf8_percent_encode(name, percent_encoding::NON_ALPHANUMERIC);
    format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}")
}

fn outside(size: u64) -> Response {
    let detail = format!("The body has {size} bytes; the range is outside of them.");
    let title = "The range cannot be had";
    let mut response =
        Problem::new(StatusCode::RANGE_NOT_SATISFIABLE, "range", title, detail).into_response();
    set(
        response.headers_mut(),
        header::CONTENT_RANGE,
        &format!("bytes */{size}"),
    );
    response
}

/// Sets a header; a value that cannot be one (recorded control characters) is left out.
fn set(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_bytes(value.as_bytes()) {
        headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn only_what_is_shown_keeps_its_type() {
        for kind in [
            "image/png",
            "IMAGE/svg+xml",
            "text/plain; charset=x",
            "application/json",
            "video/mp4",
        ] {
            assert_eq!(safe(kind), Some(kind));
        }
        for kind in [
            "text/html",
            "application/xhtml+xml",
            "text/xml",
            "",
            "image",
            "image/",
            "text/javascript",
            "application/pdf",
        ] {
            assert_eq!(safe(kind), None, "{kind}");
        }
    }

    #[test]
    fn a_file_name_is_only_a_name() {
        let mut flow = testing::flow();
        for (path, name) in [
            ("/a/b.png?x=/y", "b.png"),
            ("/a/", "a"),
            ("/..", "flow-7"),
            ("/..%2f..%2Fetc%00", "_.._etc_"),
            ("/caf%C3%A9%22.txt", "café_.txt"),
            ("", "2001_db8__1"),
        ] {
            flow.path = path.into();
            assert_eq!(file_name(&flow), name, "{path}");
        }
        assert_eq!(attachment("a b.txt"), "attachment; filename=\"a b.txt\"");
        assert_eq!(
            attachment("é\r\n"),
            "attachment; filename=\"___\"; filename*=UTF-8''%C3%A9%0D%0A"
        );
    }
}
