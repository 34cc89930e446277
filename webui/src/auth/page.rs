//! The pages for a person who may not (yet) come in.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{Html, IntoResponse as _, Response},
};

/// The page is one file: whoever may not come in gets no others.
const CSP: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// A refusal in words. With `again` the browser may have a cookie that it did not send because the way
/// here began on another site: the page asks again by itself, once.
pub(super) fn refusal(status: StatusCode, title: &str, again: bool) -> Response {
    let refresh = match again {
        true => "<meta http-equiv=\"refresh\" content=\"0; url=/\">\n",
        false => "",
    };
    let text = match status {
        StatusCode::UNAUTHORIZED => {
            "<p>Open the link that overhear printed in the terminal when it started. It ends with <code>?token=…</code>; \
             after that, this browser remembers it.</p>\n\
             <p>Each run may print a new link: an old one does not open a new run.</p>"
        }
        _ => {
            "<p>Open the page under the address that overhear printed in the terminal when it started, for example \
             <code>http://localhost:8081</code>.</p>"
        }
    };
    let page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n{refresh}\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>overhear: {title}</title>\n\
         <style>body {{ font: 1.0625rem/1.55 system-ui, sans-serif; max-width: 36rem; margin: 12vh auto; padding: 0 1.25rem }}\
         code {{ font-size: .95em }}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n{text}\n</main>\n</body>\n</html>\n"
    );
    let mut response = (status, Html(page)).into_response();
    response.headers_mut().insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(CSP),
    );
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
