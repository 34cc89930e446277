//! Field lists of HTTP/2 as they are recorded: a line a field, pseudo-header fields first, then an empty line.

use h2::ext::Protocol;
use http::{HeaderMap, Request, Response};

/// `:method`, `:protocol` (RFC 8441 section 4), `:scheme`, `:authority`, `:path`, then the fields.
pub(crate) fn request_head<B>(request: &Request<B>) -> Vec<u8> {
    let uri = request.uri();
    let mut head = Head(Vec::with_capacity(512));
    head.field(b":method", request.method().as_str().as_bytes());
    if let Some(protocol) = request.extensions().get::<Protocol>() {
        head.field(b":protocol", protocol.as_str().as_bytes());
    }
    if let Some(scheme) = uri.scheme_str() {
        head.field(b":scheme", scheme.as_bytes());
    }
    if let Some(authority) = uri.authority() {
        head.field(b":authority", authority.as_str().as_bytes());
    }
    if let Some(path) = uri.path_and_query() {
        head.field(b":path", path.as_str().as_bytes());
    }
    head.fields(request.headers())
}

/// `:status`, then the fields.
pub(crate) fn response_head<B>(response: &Response<B>) -> Vec<u8> {
    let mut head = Head(Vec::with_capacity(512));
    head.field(b":status", response.status().as_str().as_bytes());
    head.fields(response.headers())
}

/// The fields alone.
pub(crate) fn trailers(fields: &HeaderMap) -> Vec<u8> {
    Head(Vec::new()).fields(fields)
}

struct Head(Vec<u8>);

impl Head {
    fn field(&mut self, name: &[u8], value: &[u8]) {
        for part in [name, b": ", value, b"\r\n"] {
            self.0.extend_from_slice(part);
        }
    }

    fn fields(mut self, fields: &HeaderMap) -> Vec<u8> {
        for (name, value) in fields {
            self.field(name.as_str().as_bytes(), value.as_bytes());
        }
        self.0.extend_from_slice(b"\r\n");
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request() {
        let request = Request::builder()
            .method("POST")
            .uri("https://a.test:8443/x?y=1")
            .header("cookie", "a=1")
            .header("accept", "*/*")
            .header("cookie", "b=2")
            .body(())
            .expect("a request");
        let head = String::from_utf8(request_head(&request)).expect("text");
        let expected = ":method: POST\r\n:scheme: https\r\n:authority: a.test:8443\r\n:path: /x?y=1\r\n\
                        cookie: a=1\r\ncookie: b=2\r\naccept: */*\r\n\r\n";
        assert_eq!(head, expected);
    }

    #[test]
    fn a_response_and_trailers() {
        let response = Response::builder()
            .status(204)
            .header("x", "y")
            .body(())
            .expect("a response");
        assert_eq!(response_head(&response), b":status: 204\r\nx: y\r\n\r\n");
        assert_eq!(trailers(response.headers()), b"x: y\r\n\r\n");
    }
}
