//! `qr.svg`: a text as a QR code, for the phone that looks at the page.

use super::{extract::Query, problem::Problem};
use crate::server::App;
use axum::{
    http::header,
    response::{IntoResponse as _, Response},
};
use qrcode::{EcLevel, QrCode, render::svg};
use serde::Deserialize;
use std::sync::Arc;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(qr))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct QrQuery {
    /// What the code says; at most 2,300 bytes.
    text: String,
}

/// A QR code as an SVG image, black on white.
#[utoipa::path(
    get, path = "/qr.svg", tag = "program", operation_id = "getQrCode", params(QrQuery),
    responses(
        (status = 200, description = "The image", body = String, content_type = "image/svg+xml"),
        (status = 400, description = "The text is too long, or absent", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn qr(Query(query): Query<QrQuery>) -> Result<Response, Problem> {
    let size = query.text.len();
    let code = QrCode::with_error_correction_level(query.text, EcLevel::M).map_err(|error| {
        Problem::bad(format!(
            "A text of {size} bytes does not fit into a QR code: {error}"
        ))
    })?;
    let image = code
        .render::<svg::Color<'_>>()
        .min_dimensions(256, 256)
        .build();
    Ok(([(header::CONTENT_TYPE, "image/svg+xml")], image).into_response())
}
