//! The description of the API, made from the code: what it says of itself, and what all operations share.

use super::problem::Problem;
use crate::server::App;
use axum::{
    Extension,
    http::header,
    response::{IntoResponse as _, Response},
};
use std::sync::Arc;
use utoipa::{
    OpenApi, ToSchema as _,
    openapi::{
        self, ContentBuilder, Ref, RefOr, ResponseBuilder,
        path::{Operation, PathItem},
        security::{
            ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
        },
    },
};
use utoipa_axum::{router::OpenApiRouter, routes};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "overhear",
        description = "What the intercepting proxy recorded, and what it can do. The page uses nothing else.\n\n\
            Open with the token that the program prints: as `Authorization: Bearer TOKEN`, or as the cookie that the printed link sets. \
            Errors are problem details (RFC 9457). Times are RFC 3339 in UTC with nanoseconds, sizes are bytes, durations are milliseconds.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0"),
    ),
    servers((url = "/api")),
    components(schemas(Problem)),
    tags(
        (name = "flows", description = "What was recorded"),
        (name = "bodies", description = "Heads, bodies and messages of a flow"),
        (name = "packets", description = "Packets behind the flows of captures"),
        (name = "filter", description = "What can be written in a filter"),
        (name = "sessions", description = "Recordings: what is saved, named and exported"),
        (name = "replay", description = "Sending requests"),
        (name = "rules", description = "What is changed on its way"),
        (name = "scripts", description = "JavaScript that changes what passes"),
        (name = "export", description = "Taking flows away"),
        (name = "import", description = "Bringing flows in"),
        (name = "program", description = "What the program is doing, and what it was told"),
        (name = "certificate", description = "The root certificate for devices"),
        (name = "events", description = "What changes, as it happens"),
    )
)]
struct Description;

/// An empty router that says what the API is.
pub(super) fn base() -> OpenApiRouter<Arc<App>> {
    let mut description = Description::openapi();
    description.info.version = env!("CARGO_PKG_VERSION").to_owned();
    OpenApiRouter::with_openapi(description).routes(routes!(document))
}

/// Adds what every operation shares: how to open the door, and the answers of the door.
pub(super) fn finish(mut description: openapi::OpenApi) -> openapi::OpenApi {
    let components = description.components.get_or_insert_default();
    components.add_security_scheme(
        "token",
        SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build()),
    );
    components.add_security_scheme(
        "cookie",
        SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new("overhear"))),
    );
    let scopes: [&str; 0] = [];
    description.security = Some(vec![
        SecurityRequirement::new("token", scopes),
        SecurityRequirement::new("cookie", scopes),
    ]);
    for item in description.paths.paths.values_mut() {
        for operation in operations(item) {
            for (status, words) in [
                ("401", "The token is missing or wrong."),
                (
                    "403",
                    "The request comes from another web site, or under a name that is not ours.",
                ),
                (
                    "500",
                    "Something failed that is not the client's doing; the program's log says what.",
                ),
            ] {
                let responses = &mut operation.responses.responses;
                responses
                    .entry(status.to_owned())
                    .or_insert_with(|| problem(words));
            }
        }
    }
    description
}

/// The operations of a path.
fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [
        &mut item.get,
        &mut item.put,
        &mut item.post,
        &mut item.delete,
        &mut item.patch,
    ]
    .into_iter()
    .filter_map(Option::as_mut)
}

fn problem(words: &str) -> RefOr<openapi::Response> {
    let schema = Ref::from_schema_name(Problem::name());
    let content = ContentBuilder::new().schema(Some(schema)).build();
    let response = ResponseBuilder::new().description(words);
    response
        .content("application/problem+json", content)
        .build()
        .into()
}

/// The finished description as JSON.
#[derive(Clone)]
pub(super) struct Document(Arc<str>);

impl Document {
    pub(super) fn new(description: &openapi::OpenApi) -> Self {
        let text = description.to_pretty_json().unwrap_or_else(|error| {
            tracing::error!("the description of the API could not be written: {error}");
            String::new()
        });
        Self(text.into())
    }
}

/// The description of this API.
#[utoipa::path(
    get, path = "/openapi.json", tag = "program", operation_id = "openapi",
    responses((status = 200, description = "OpenAPI 3.1", body = serde_json::Value))
)]
pub(super) async fn document(Extension(document): Extension<Document>) -> Response {
    (
        [(header::CONTENT_TYPE, "application/json")],
        document.0.to_string(),
    )
        .into_response()
}
