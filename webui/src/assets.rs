//! The browser app as files in the program: built by `build.rs`, served with the caching it allows.
//!
//! Names below `assets/` carry a hash of their content and never change; everything else is asked
//! for again. A path that is no file is the app's own: it gets `index.html`.

use axum::{
    body::Body,
    http::{HeaderMap, Response, StatusCode, Uri, header},
};
use rust_embed::{EmbeddedFile, RustEmbed};
use std::borrow::Cow;

#[derive(RustEmbed)]
#[folder = "$OUT_DIR/page"]
struct Page;

/// Answers a GET for a file of the app.
pub(crate) async fn serve(uri: Uri, headers: HeaderMap) -> Response<Body> {
    let path = uri.path().trim_start_matches('/');
    let (path, file) = match (Page::get(path), path) {
        (Some(file), _) => (path, file),
        // a file that was there in another version, not a place in the app
        (None, gone) if gone.starts_with("assets/") => return not_found(),
        (None, _) => match Page::get("index.html") {
            Some(file) => ("index.html", file),
            None => return not_found(),
        },
    };
    answer(path, file, &headers)
}

fn answer(path: &str, file: EmbeddedFile, headers: &HeaderMap) -> Response<Body> {
    let etag = format!(
        "\"{}\"",
        crate::api::model::hex(&file.metadata.sha256_hash())
    );
    let cache = match path.starts_with("assets/") {
        true => "private, max-age=31536000, immutable",
        false => "no-cache",
    };
    let known = headers.get_all(header::IF_NONE_MATCH).iter().any(|value| {
        let value = value.to_str().unwrap_or_default();
        value
            .split(',')
            .any(|tag| tag.trim().trim_start_matches("W/") == etag)
    });
    let response = Response::builder()
        .header(header::ETAG, etag)
        .header(header::CACHE_CONTROL, cache)
        .header(header::CONTENT_TYPE, media_type(path));
    let response = if known {
        response
            .status(StatusCode::NOT_MODIFIED)
            .body(Body::empty())
    } else {
        response.body(match file.data {
            Cow::Borrowed(bytes) => Body::from(bytes),
            Cow::Owned(bytes) => Body::from(bytes),
        })
    };
    response.unwrap_or_else(|_| not_found())
}

fn media_type(path: &str) -> String {
    let guess = mime_guess::from_path(path).first_or_octet_stream();
    let text = guess.type_() == "text" || guess.subtype() == "javascript";
    if text {
        format!("{guess}; charset=utf-8")
    } else {
        guess.to_string()
    }
}

fn not_found() -> Response<Body> {
    let mut response = Response::new(Body::from("There is nothing here.\n"));
    *response.status_mut() = StatusCode::NOT_FOUND;
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn get(path: &'static str, etag: Option<&str>) -> Response<Body> {
        let mut headers = HeaderMap::new();
        if let Some(etag) = etag {
            headers.insert(header::IF_NONE_MATCH, etag.parse().expect("a header value"));
        }
        serve(Uri::from_static(path), headers).await
    }

    #[tokio::test]
    async fn places_in_the_app_get_the_page() {
        for path in ["/", "/index.html", "/flows/12", "/%00", "/../../etc/passwd"] {
            let response = get(path, None).await;
            assert_eq!(response.status(), StatusCode::OK, "{path}");
            assert_eq!(
                response.headers()[header::CONTENT_TYPE],
                "text/html; charset=utf-8"
            );
            assert_eq!(response.headers()[header::CACHE_CONTROL], "no-cache");
        }
        assert_eq!(
            get("/assets/gone-123.js", None).await.status(),
            StatusCode::NOT_FOUND
        );
    }

    #[tokio::test]
    async fn a_known_file_is_not_sent_again() {
        let first = get("/", None).await;
        let etag = first.headers()[header::ETAG]
            .to_str()
            .expect("ASCII")
            .to_owned();
        let listed = format!("\"x\", W/{etag}");
        assert_eq!(
            get("/", Some(&listed)).await.status(),
            StatusCode::NOT_MODIFIED
        );
        assert_eq!(get("/", Some("\"x\"")).await.status(), StatusCode::OK);
    }
}
