//! A message that rules take apart: start line, fields in order with their case, and the body where it is held.

use crate::{
    target::{Scheme, Target},
    upstream::Via,
};
use overhear_store::Side;
use std::{fmt::Write as _, sync::Arc};

/// A request or a response.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    pub(crate) start: Start,
    /// Names as sent and values without white space around them.
    pub(crate) fields: Vec<(String, Vec<u8>)>,
    pub(crate) body: Content,
    /// Something before the body is another.
    pub(crate) head_changed: bool,
    pub(crate) body_changed: bool,
    /// What tells where the body ends and how it is coded stays as a person wrote it, right or wrong: nothing follows on
    /// its connection.
    pub(crate) as_written: bool,
    /// Another way to the server.
    pub(crate) via: Option<Arc<Via>>,
}

/// What a message begins with.
#[derive(Debug, Clone)]
pub(crate) enum Start {
    Request {
        method: String,
        /// Whom it goes to.
        target: Target,
        /// Path and query, or whatever stands in their place.
        path: String,
    },
    Response {
        status: u16,
        reason: String,
    },
    /// A message of a WebSocket: its payload is the body, and it has no fields.
    Data {
        side: Side,
        /// It is UTF-8 (RFC 6455 section 5.6); otherwise binary.
        text: bool,
    },
}

/// The body of a message, as far as rules see it.
#[derive(Debug, Clone)]
pub(crate) enum Content {
    /// It passes unseen; why.
    Unseen(String),
    /// All of it, without content coding.
    Held(Vec<u8>),
}

impl Message {
    /// A request from its head of HTTP/1; `target` is whom it goes to.
    pub(crate) fn request(head: &[u8], method: &str, target: &Target) -> Self {
        let line = head.split(|b| *b == b'\n').next().unwrap_or_default();
        let words: Vec<&[u8]> = line.trim_ascii_end().split(|b| *b == b' ').collect();
        let path = words.get(1).map(|path| text(path)).unwrap_or_default();
        Self {
            start: Start::Request {
                method: method.to_owned(),
                target: target.clone(),
                path,
            },
            fields: fields(head),
            body: Content::Unseen(String::new()),
            head_changed: false,
            body_changed: false,
            as_written: false,
            via: None,
        }
    }

    /// A response from its head of HTTP/1.
    pub(crate) fn response(head: &[u8], status: u16) -> Self {
        let line = head.split(|b| *b == b'\n').next().unwrap_or_default();
        let reason = line.trim_ascii_end().splitn(3, |b| *b == b' ').nth(2);
        let mut message = Self::answer(status);
        message.start = Start::Response {
            status,
            reason: reason.map(text).unwrap_or_default(),
        };
        message.fields = fields(head);
        message.body = Content::Unseen(String::new());
        message
    }

    /// A response that is made here; it has an empty body.
    pub(crate) fn answer(status: u16) -> Self {
        Self {
            start: Start::Response {
                status,
                reason: reason(status).to_owned(),
            },
            fields: Vec::new(),
            body: Content::Held(Vec::new()),
            head_changed: false,
            body_changed: false,
            as_written: false,
            via: None,
        }
    }

    /// A message of a WebSocket.
    pub(crate) fn data(side: Side, text: bool, body: Content) -> Self {
        Self {
            start: Start::Data { side, text },
            fields: Vec::new(),
            body,
            head_changed: false,
            body_changed: false,
            as_written: false,
            via: None,
        }
    }

    /// A response with a text in it.
    pub(crate) fn text(status: u16, text: String) -> Self {
        let mut message = Self::answer(status);
        message.add("Content-Type", b"text/plain; charset=utf-8");
        message.body = Content::Held(text.into_bytes());
        message
    }

    /// The status of a response; 0 of a request.
    pub(crate) fn status(&self) -> u16 {
        match self.start {
            Start::Response { status, .. } => status,
            Start::Request { .. } | Start::Data { .. } => 0,
        }
    }

    /// Whether it is a message of a WebSocket.
    pub(crate) fn is_data(&self) -> bool {
        matches!(self.start, Start::Data { .. })
    }

    /// The first value of a field.
    pub(crate) fn first(&self, name: &str) -> Option<&[u8]> {
        let mut fields = self.fields.iter();
        fields
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_slice())
    }

    /// All values of a field, with commas between them (RFC 9110 section 5.3).
    pub(crate) fn all(&self, name: &str) -> String {
        let fields = self.fields.iter();
        let values = fields.filter(|(n, _)| n.eq_ignore_ascii_case(name));
        let values: Vec<_> = values.map(|(_, value)| text(value)).collect();
        values.join(",")
    }

    /// Sets a field where it stands first, or behind all others.
    pub(crate) fn set(&mut self, name: &str, value: &[u8]) {
        self.head_changed = true;
        let Some(at) = self.place(name) else {
            return self.add(name, value);
        };
        if let Some(field) = self.fields.get_mut(at) {
            *field = (name.to_owned(), value.to_vec());
        }
        let mut index = 0;
        self.fields.retain(|(n, _)| {
            index += 1;
            index - 1 <= at || !n.eq_ignore_ascii_case(name)
        });
    }

    /// Adds a field behind all others.
    pub(crate) fn add(&mut self, name: &str, value: &[u8]) {
        self.head_changed = true;
        self.fields.push((name.to_owned(), value.to_vec()));
    }

    /// Takes a field away; false when there was none.
    pub(crate) fn remove(&mut self, name: &str) -> bool {
        let before = self.fields.len();
        self.fields.retain(|(n, _)| !n.eq_ignore_ascii_case(name));
        let removed = self.fields.len() < before;
        self.head_changed |= removed;
        removed
    }

    fn place(&self, name: &str) -> Option<usize> {
        self.fields
            .iter()
            .position(|(n, _)| n.eq_ignore_ascii_case(name))
    }

    /// Puts another body in the place of the one that was held.
    pub(crate) fn set_body(&mut self, body: Vec<u8>) {
        self.body = Content::Held(body);
        self.body_changed = true;
    }

    /// Whether it is a response that has no body whatever it says, RFC 9110 section 6.4.1.
    pub(crate) fn has_no_body(&self) -> bool {
        matches!(
            self.start,
            Start::Response {
                status: 204 | 304,
                ..
            }
        )
    }

    /// Puts the fields right that tell where the body ends and how it is coded, for the body that is held.
    pub(crate) fn fit(&mut self) {
        if self.has_no_body() && matches!(self.body, Content::Held(_)) {
            self.body = Content::Held(Vec::new());
        }
        let Content::Held(body) = &self.body else {
            return;
        };
        if self.is_data() || self.as_written {
            return;
        }
        let length = body.len().to_string();
        for name in [
            "Transfer-Encoding",
            "Content-Encoding",
            "Trailer",
            "Content-MD5",
        ] {
            self.remove(name);
        }
        match &self.start {
            // RFC 9110 section 8.6: a request without a body need not say so
            Start::Request { method, .. }
                if length == "0"
                    && self.place("Content-Length").is_none()
                    && matches!(
                        method.as_str(),
                        "GET" | "HEAD" | "OPTIONS" | "DELETE" | "TRACE"
                    ) => {}
            Start::Response {
                status: 204 | 304, ..
            } => {
                self.remove("Content-Length");
            }
            _ => self.set("Content-Length", length.as_bytes()),
        }
    }

    /// Puts the fields right that frame a message which a person has edited: as they were, or for another body.
    pub(crate) fn fit_framing(&mut self, original: &Self) {
        if self.as_written {
            let chunked = |message: &Self| message.first("transfer-encoding").is_some();
            // without the chunks that it came in
            self.body_changed |=
                chunked(original) && !chunked(self) && matches!(self.body, Content::Held(_));
            return;
        }
        if self.body_changed {
            return self.fit();
        }
        let frames = |name: &str| {
            is_hop(name)
                || name.eq_ignore_ascii_case("content-length")
                || name.eq_ignore_ascii_case("content-encoding")
        };
        let of = |message: &Self| {
            let fields = message.fields.iter().filter(|(name, _)| frames(name));
            fields.cloned().collect::<Vec<_>>()
        };
        let framing = of(original);
        if of(self) != framing {
            self.fields.retain(|(name, _)| !frames(name));
            self.fields.extend(framing);
        }
    }

    /// The head as HTTP/1 writes it; `minor` is that of the version.
    pub(crate) fn to_http1(&self, minor: u8) -> Vec<u8> {
        let mut line = String::new();
        // writing into a String does not fail
        let _ = match &self.start {
            Start::Request { method, path, .. } => {
                write!(line, "{method} {path} HTTP/1.{minor}\r\n")
            }
            Start::Response { status, reason } => {
                write!(line, "HTTP/1.{minor} {status} {reason}\r\n")
            }
            Start::Data { .. } => return Vec::new(),
        };
        let mut head = bytes_of(&line);
        for (name, value) in &self.fields {
            head.extend_from_slice(name.as_bytes());
            head.extend_from_slice(b": ");
            head.extend_from_slice(value);
            head.extend_from_slice(b"\r\n");
        }
        head.extend_from_slice(b"\r\n");
        head
    }

    /// Leads a request to another server.
    pub(crate) fn retarget(&mut self, to: &Target, keep_host: bool) {
        let Start::Request { target, .. } = &mut self.start else {
            return;
        };
        *target = to.clone();
        self.head_changed = true;
        if !keep_host && (self.place("host").is_some() || self.place(":authority").is_none()) {
            let host = authority(to);
            self.set("Host", host.as_bytes());
        }
    }
}

/// A server as `Host` names it: without the port that its scheme has anyway.
pub(crate) fn authority(target: &Target) -> String {
    let host = match target.host.contains(':') {
        true => format!("[{}]", target.host),
        false => target.host.clone(),
    };
    match target.port == target.scheme.default_port() {
        true => host,
        false => format!("{host}:{}", target.port),
    }
}

/// The target that a URL names, and its path with the query; none when it is no `http` or `https` URL.
pub(crate) fn target_of(url: &str) -> Option<(Target, String)> {
    let url = url::Url::parse(url).ok()?;
    let scheme = match url.scheme() {
        "http" => Scheme::Http,
        "https" => Scheme::Https,
        _ => return None,
    };
    let host = url.host_str()?.trim_matches(['[', ']']).to_owned();
    let port = url.port().unwrap_or(scheme.default_port());
    let mut path = url.path().to_owned();
    if let Some(query) = url.query() {
        path.push('?');
        path.push_str(query);
    }
    Some((Target { scheme, host, port }, path))
}

/// Whether a field belongs to one connection of HTTP/1 alone (RFC 9113 section 8.2.2).
pub(crate) fn is_hop(name: &str) -> bool {
    let names = [
        "connection",
        "keep-alive",
        "proxy-connection",
        "transfer-encoding",
        "upgrade",
    ];
    names.iter().any(|hop| name.eq_ignore_ascii_case(hop))
}

/// `Content-Type` and `Content-Encoding` of a message, as a flow records them.
pub(crate) fn type_of(message: &Message) -> (String, String) {
    let value = |name| message.first(name).map(text).unwrap_or_default();
    (value("content-type"), value("content-encoding"))
}

/// The fields of a head, without what stands in their place at its beginning.
pub(crate) fn fields_of(head: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut fields = fields(head);
    fields.retain(|(name, _)| !name.is_empty());
    fields
}

fn fields(head: &[u8]) -> Vec<(String, Vec<u8>)> {
    let lines = head.split(|b| *b == b'\n').skip(1);
    let field = |line: &[u8]| {
        let colon = memchr::memchr(b':', line)?;
        let (name, value) = (line.get(..colon)?, line.get(colon + 1..)?);
        Some((text(name), value.trim_ascii().to_vec()))
    };
    lines.filter_map(field).collect()
}

/// Bytes as text: UTF-8, or else ISO-8859-1.
pub(crate) fn text(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().map(|b| char::from(*b)).collect(),
    }
}

fn bytes_of(text: &str) -> Vec<u8> {
    text.as_bytes().to_vec()
}

/// The words that go with a status.
pub(crate) fn reason(status: u16) -> &'static str {
    let status = http::StatusCode::from_u16(status).ok();
    status.and_then(|s| s.canonical_reason()).unwrap_or("")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target() -> Target {
        Target {
            scheme: Scheme::Http,
            host: "a.test".to_owned(),
            port: 80,
        }
    }

    #[test]
    fn a_message_that_is_not_changed_is_written_as_it_came() {
        let head = b"POST /x?y HTTP/1.1\r\nHOST: a.test\r\nx-B: 1\r\nX-b: \xff\r\n\r\n";
        let message = Message::request(head, "POST", &target());
        assert_eq!(message.to_http1(1), head);
        let head = b"HTTP/1.1 404 Not  here\r\nA: b\r\n\r\n";
        assert_eq!(Message::response(head, 404).to_http1(1), head);
    }

    #[test]
    fn fields_are_set_in_their_place() {
        let head = b"GET / HTTP/1.1\r\nHost: a\r\nx: 1\r\nX: 2\r\ny: 3\r\n\r\n";
        let mut message = Message::request(head, "GET", &target());
        message.set("X", b"9");
        message.set("z", b"4");
        assert!(message.remove("Y") && !message.remove("Y"));
        assert_eq!(
            message.to_http1(1),
            b"GET / HTTP/1.1\r\nHost: a\r\nX: 9\r\nz: 4\r\n\r\n"
        );
    }

    #[test]
    fn lengths_and_codings_are_put_right() {
        let head =
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Encoding: gzip\r\n\r\n";
        let mut message = Message::response(head, 200);
        message.set_body(b"abc".to_vec());
        message.fit();
        assert_eq!(
            message.to_http1(1),
            b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n"
        );
        let mut get = Message::request(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET", &target());
        get.set_body(Vec::new());
        get.fit();
        assert_eq!(get.to_http1(1), b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    }
}
