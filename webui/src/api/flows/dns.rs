//! DNS over HTTPS in words, RFC 8484: the question in the request's body or in its address, the answer in the response's body.

use crate::{
    api::{extract::Path, problem::Problem},
    decode,
    server::App,
};
use axum::{Json, extract::State};
use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use futures_util::TryStreamExt as _;
use overhear_capture::dns::Message;
use overhear_store::{Flow, FlowId, Side, head};
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(dns))
}

/// The media type of a DNS message.
const TYPE: &str = "application/dns-message";
/// A message is at most so long: its length has 16 bits elsewhere.
const LONGEST: usize = 65_535;
/// RFC 8484 section 4.1: without padding, which some write all the same.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::URL_SAFE,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Both messages of DNS over HTTPS.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
struct Dns {
    /// The question; null when there is none, or what is there is no DNS message.
    request: Option<Words>,
    /// The answer, likewise.
    response: Option<Words>,
}

/// A DNS message in words.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
struct Words {
    /// What is asked, or how it was answered.
    #[schema(example = "QUERY example.com A")]
    line: String,
    /// Its parts in order: `id`, flags that are set, `question`, `answer`, `authority`, `additional`.
    fields: Vec<(String, String)>,
}

/// What a flow of DNS over HTTPS asks and is answered.
#[utoipa::path(
    get, path = "/flows/{id}/dns", tag = "flows", operation_id = "getDnsMessages",
    params(("id" = i64, Path, description = "The flow's number")),
    responses(
        (status = 200, description = "Both messages", body = Dns),
        (status = 404, description = "There is no such flow", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn dns(State(app): State<Arc<App>>, Path(id): Path<i64>) -> Result<Json<Dns>, Problem> {
    let flow = app.store.flow(FlowId(id)).await?;
    let flow = flow.ok_or_else(|| Problem::no_flow(id))?;
    let mut request = None;
    if is_message(&flow.request.content_type) {
        request = words(&body(&app, &flow, Side::Request).await?);
    } else if let Some(question) = in_path(&flow.path) {
        request = words(&question);
    }
    let mut response = None;
    if is_message(&flow.response.content_type) {
        response = words(&body(&app, &flow, Side::Response).await?);
    }
    Ok(Json(Dns { request, response }))
}

fn is_message(content_type: &str) -> bool {
    let kind = content_type.split(';').next().unwrap_or_default();
    kind.trim().eq_ignore_ascii_case(TYPE)
}

/// What there is of a body that can be decoded, without its content coding.
async fn body(app: &App, flow: &Flow, side: Side) -> Result<Vec<u8>, Problem> {
    let mut bytes = Vec::new();
    // what cannot be decoded is no message
    let Ok(mut pieces) = decode::body(&app.store, flow, side).await else {
        return Ok(bytes);
    };
    while let Ok(Some(piece)) = pieces.try_next().await {
        let room = LONGEST.saturating_sub(bytes.len());
        bytes.extend_from_slice(piece.get(..room.min(piece.len())).unwrap_or_default());
        if bytes.len() == LONGEST {
            break;
        }
    }
    Ok(bytes)
}

/// The question of a GET, RFC 8484 section 4.1.1.
fn in_path(path: &str) -> Option<Vec<u8>> {
    let (_, query) = path.split_once('?')?;
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.find(|(name, _)| *name == "dns")?;
    let value = percent_encoding::percent_decode_str(value).collect::<Vec<_>>();
    BASE64.decode(value).ok()
}

fn words(bytes: &[u8]) -> Option<Words> {
    let message = Message::read(bytes).filter(Message::is_likely)?;
    let parsed = head::parse(message.head().as_bytes(), true);
    Some(Words {
        line: parsed.start_line,
        fields: parsed.fields,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_rfc_8484() {
        // section 4.1.1: www.example.com A
        let path = "/dns-query?ct=x&dns=AAABAAABAAAAAAAAA3d3dwdleGFtcGxlA2NvbQAAAQAB";
        let question = words(&in_path(path).unwrap()).unwrap();
        assert_eq!(question.line, "QUERY www.example.com A");
        let field = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            question.fields,
            [
                field("id", "0x0000"),
                field("question", "www.example.com A")
            ]
        );
        // with the padding that it should not have, percent-encoded
        let path = "/dns-query?dns=AAABAAABAAAAAAAAB2V4YW1wbGUDY29tAAABAAE";
        assert!(in_path(path).is_some());
        assert_eq!(in_path(&format!("{path}%3D")), in_path(path));
    }

    #[test]
    fn what_is_none_says_nothing() {
        for path in ["/dns-query", "/?dns", "/?dns=*", "/?other=AAAB"] {
            assert_eq!(in_path(path), None, "{path}");
        }
        assert_eq!(words(b""), None);
        assert_eq!(words(b"<html>too short or not a message</html>"), None);
        assert!(is_message("Application/DNS-Message; x=y") && !is_message("application/dns-json"));
    }
}
