//! A recorded document for a frame: drawn with its own inline styles, and able to do nothing. It has an origin of
//! its own, runs no script, sends no form, loads nothing, and only our own page may frame it. A PDF is drawn by the
//! browser's own viewer, which keeps it apart likewise.

use crate::{
    api::{
        extract::{Path, Query},
        problem::Problem,
    },
    decode,
    server::App,
};
use axum::{
    body::Body,
    extract::State,
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::Response,
};
use overhear_store::{FlowId, Side};
use serde::Deserialize;
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(preview))
}

/// One side of a flow, as a part of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum SideName {
    Request,
    Response,
}

impl From<SideName> for Side {
    fn from(name: SideName) -> Self {
        match name {
            SideName::Request => Self::Request,
            SideName::Response => Self::Response,
        }
    }
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct PreviewQuery {
    /// Leave the content codings on: for a body that is labelled with a coding it does not have.
    #[serde(default)]
    raw: bool,
    /// It is a PDF, whatever it is labelled as.
    #[serde(default)]
    pdf: bool,
}

const PDF: &str = "application/pdf";

/// Pictures and fonts only when they are in the document itself.
const POLICY: &str = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; \
    media-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'";

/// An HTML, XML, SVG or PDF body as a document for a frame: nothing in it runs or loads.
#[utoipa::path(
    get, path = "/flows/{id}/{side}/preview", tag = "bodies", operation_id = "previewBody",
    params(("id" = i64, Path, description = "The flow's number"),
        ("side" = inline(SideName), Path, description = "Whose body"), PreviewQuery),
    responses(
        (status = 200, description = "The document", body = String, content_type = "text/html"),
        (status = 404, description = "There is no such flow", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "The body is not a document", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "Not even the first byte can be decoded", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn preview(
    State(app): State<Arc<App>>,
    Path((id, side)): Path<(i64, SideName)>,
    Query(query): Query<PreviewQuery>,
) -> Result<Response, Problem> {
    let flow = app
        .store
        .flow(FlowId(id))
        .await?
        .ok_or_else(|| Problem::no_flow(id))?;
    let side = Side::from(side);
    let kind = match side {
        Side::Request => flow.request.content_type.as_str(),
        Side::Response => flow.response.content_type.as_str(),
    };
    let kind = if query.pdf { PDF } else { kind };
    let Some(kind) = document(kind) else {
        return Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "type",
            "The body is not a document",
            format!("A body of type \"{kind}\" has no preview: HTML, XML, SVG and PDF have."),
        ));
    };
    let body = match query.raw {
        true => decode::recorded(&app.store, &flow, side),
        false => decode::body(&app.store, &flow, side).await?,
    };
    let mut response = Response::new(Body::from_stream(body));
    let headers = response.headers_mut();
    // the recorded type was matched, and a header value may not hold what a recorded one can
    let kind = HeaderValue::from_str(&kind).unwrap_or(HeaderValue::from_static("text/html"));
    for (name, value) in [
        (header::CONTENT_TYPE, kind),
        (
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static(POLICY),
        ),
        (
            header::X_FRAME_OPTIONS,
            HeaderValue::from_static("SAMEORIGIN"),
        ),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (
            HeaderName::from_static("x-dns-prefetch-control"),
            HeaderValue::from_static("off"),
        ),
    ] {
        headers.insert(name, value);
    }
    Ok(response)
}

/// The type to serve a document with: its essence, with the charset where one is named. None when a browser
/// would not draw it as a document.
fn document(kind: &str) -> Option<String> {
    let mut parts = kind.split(';');
    let essence = parts.next().unwrap_or_default().trim().to_ascii_lowercase();
    let known = match essence.as_str() {
        "" => "text/html",
        "text/html"
        | "application/xhtml+xml"
        | "image/svg+xml"
        | "text/xml"
        | "application/xml"
        | PDF => &essence,
        other if other.ends_with("+xml") => "application/xml",
        _ => return None,
    };
    let charset = parts.find_map(|part| {
        let (name, value) = part.split_once('=')?;
        let value = value.trim().trim_matches('"');
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_:.".contains(c);
        (name.trim().eq_ignore_ascii_case("charset")
            && !value.is_empty()
            && value.len() < 40
            && value.chars().all(plain))
        .then(|| value.to_owned())
    });
    Some(match charset {
        Some(charset) => format!("{known}; charset={charset}"),
        None => known.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_documents_have_a_preview() {
        for (kind, served) in [
            ("text/html", Some("text/html")),
            (
                "Text/HTML; x=1; Charset=\"ISO-8859-1\"",
                Some("text/html; charset=ISO-8859-1"),
            ),
            ("text/html; charset=a b", Some("text/html")),
            ("text/html; charset=\u{e9}", Some("text/html")),
            ("image/svg+xml", Some("image/svg+xml")),
            ("application/atom+xml", Some("application/xml")),
            ("", Some("text/html")),
            ("application/pdf", Some("application/pdf")),
            ("text/plain", None),
            ("application/javascript", None),
            ("html", None),
        ] {
            assert_eq!(document(kind).as_deref(), served, "{kind}");
        }
    }
}
