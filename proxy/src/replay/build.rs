//! What a person built to what goes on the wire, or what is wrong with it.

use super::ReplayRequest;
use crate::{
    error::Error,
    target::{Scheme, Target},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, Uri};
use overhear_store::Version;

/// A request in the forms it can leave in.
#[derive(Debug)]
pub(super) struct Built {
    pub(super) target: Target,
    /// Its head for HTTP/1.
    pub(super) head: Vec<u8>,
    /// Its body for HTTP/1: in a chunk when a field says so.
    pub(super) wire_body: Bytes,
    /// Its head for HTTP/2; none when it can be sent only as HTTP/1, which takes more bytes in a path and opens WebSockets.
    pub(super) http2: Option<Request<()>>,
    /// It asks for a WebSocket.
    pub(super) websocket: bool,
}

/// A URL taken apart, nothing normalized.
struct Url {
    target: Target,
    /// Host and port as written.
    authority: String,
    /// Path and query; not empty.
    path: String,
}

pub(super) fn build(request: &ReplayRequest) -> Result<Built, Error> {
    let url = read_url(&request.url)?;
    check_method(&request.method)?;
    // the pseudo-header fields of a recorded HTTP/2 request are in the method and the URL
    let opening = opening(request)?;
    let headers = opening.as_ref().unwrap_or(&request.headers);
    let fields: Vec<_> = headers
        .iter()
        .filter(|(name, _)| !name.starts_with(':'))
        .map(|(name, value)| check_field(name, value).map(|()| (name.as_str(), value.as_str())))
        .collect::<Result<_, _>>()?;
    let (head, wire_body) = http1(request, &url, &fields)?;
    let websocket = opening.is_some();
    let http2 = match http2(request, &url, &fields) {
        Ok(_) if websocket => None,
        Ok(http2) => Some(http2),
        Err(error) if request.version == Some(Version::Http2) => return Err(error),
        Err(_) => None,
    };
    Ok(Built {
        target: url.target,
        head,
        wire_body,
        http2,
        websocket,
    })
}

/// The fields of the opening of a WebSocket, RFC 6455 section 4.1, with a key that nobody has used; none of another request.
fn opening(request: &ReplayRequest) -> Result<Option<Vec<(String, String)>>, Error> {
    let scheme = request.url.split("://").next().unwrap_or_default();
    let named = ["ws", "wss"].iter().any(|s| scheme.eq_ignore_ascii_case(s));
    let upgrades = request.headers.iter().any(|(name, value)| {
        name.eq_ignore_ascii_case("upgrade") && value.trim().eq_ignore_ascii_case("websocket")
    });
    let wrong = |what: &str| {
        Err(Error::Replay(format!(
            "a WebSocket cannot be opened: {what}"
        )))
    };
    if !named && !upgrades {
        return match request.talk {
            Some(_) => wrong(
                "the URL begins neither with ws nor with wss, and no header says Upgrade: websocket",
            ),
            None => Ok(None),
        };
    }
    if request.method != "GET" {
        return wrong("its method is GET (RFC 6455 section 4.1)");
    }
    if matches!(request.version, Some(Version::Http2 | Version::Http10)) {
        return wrong("that is done over HTTP/1.1 here; choose that version, or none");
    }
    let mut fields = request.headers.clone();
    let key = STANDARD.encode(rand::random::<[u8; 16]>());
    match fields
        .iter_mut()
        .find(|(name, _)| name.eq_ignore_ascii_case("sec-websocket-key"))
    {
        Some((_, value)) => *value = key,
        None => fields.push(("Sec-WebSocket-Key".to_owned(), key)),
    }
    for (name, value) in [
        ("Connection", "Upgrade"),
        ("Upgrade", "websocket"),
        ("Sec-WebSocket-Version", "13"),
    ] {
        if !fields.iter().any(|(n, _)| n.eq_ignore_ascii_case(name)) {
            fields.push((name.to_owned(), value.to_owned()));
        }
    }
    Ok(Some(fields))
}

fn http1(
    request: &ReplayRequest,
    url: &Url,
    fields: &[(&str, &str)],
) -> Result<(Vec<u8>, Bytes), Error> {
    let has = |wanted: &str| fields.iter().any(|(n, _)| n.eq_ignore_ascii_case(wanted));
    let version = match request.version {
        Some(Version::Http10) => "HTTP/1.0",
        _ => "HTTP/1.1",
    };
    let mut head = format!("{} {} {version}\r\n", request.method, url.path);
    if !has("host") {
        head.push_str(&format!("Host: {}\r\n", url.authority));
    }
    let chunked = is_chunked(request.version, fields)?;
    let length = request.body.len();
    // whatever was recorded or written: one thing says where the body ends
    let mut said = chunked;
    for (name, value) in fields {
        match name.to_ascii_lowercase().as_str() {
            "content-length" => {
                if !std::mem::replace(&mut said, true) {
                    head.push_str(&format!("{name}: {length}\r\n"));
                }
            }
            // it belongs to HTTP/1, and HTTP/2 was asked for
            "transfer-encoding" if !chunked => {}
            _ => head.push_str(&format!("{name}: {value}\r\n")),
        }
    }
    let expects_body = matches!(request.method.as_str(), "POST" | "PUT" | "PATCH");
    if !said && (length > 0 || expects_body) {
        head.push_str(&format!("Content-Length: {length}\r\n"));
    }
    head.push_str("\r\n");
    let wire_body = match (chunked, length) {
        (false, _) => request.body.clone(),
        (true, 0) => Bytes::from_static(b"0\r\n\r\n"),
        (true, _) => {
            let mut chunk = format!("{length:x}\r\n").into_bytes();
            chunk.extend_from_slice(&request.body);
            chunk.extend_from_slice(b"\r\n0\r\n\r\n");
            chunk.into()
        }
    };
    Ok((head.into_bytes(), wire_body))
}

/// Whether the fields announce chunks, RFC 9112 sections 6.1 and 6.3.
fn is_chunked(version: Option<Version>, fields: &[(&str, &str)]) -> Result<bool, Error> {
    let named = fields
        .iter()
        .filter(|(name, _)| name.eq_ignore_ascii_case("transfer-encoding"));
    let codings: Vec<_> = named
        .flat_map(|(_, value)| value.split(','))
        .map(str::trim)
        .filter(|coding| !coding.is_empty())
        .collect();
    let wrong = |why: &str| {
        let codings = codings.join(", ");
        Err(Error::Replay(format!(
            "the request cannot be sent with the Transfer-Encoding {codings:?}: {why}"
        )))
    };
    let is_chunked = |coding: &&str| coding.eq_ignore_ascii_case("chunked");
    match (codings.as_slice(), version) {
        ([], _) | (_, Some(Version::Http2)) => Ok(false),
        (_, Some(Version::Http10)) => wrong("HTTP/1.0 has none (RFC 9112 section 6.1); remove it"),
        ([before @ .., last], _) if is_chunked(last) && !before.iter().any(is_chunked) => Ok(true),
        _ => wrong(
            "nothing would say where the body ends unless it names chunked once, as the last (RFC 9112 section 6.3); remove it, or write chunked",
        ),
    }
}

fn http2(
    request: &ReplayRequest,
    url: &Url,
    fields: &[(&str, &str)],
) -> Result<Request<()>, Error> {
    // RFC 9113 section 8.2.2: these belong to a connection of HTTP/1
    const LEFT_OUT: [&str; 6] = [
        "host",
        "connection",
        "keep-alive",
        "proxy-connection",
        "transfer-encoding",
        "upgrade",
    ];
    let host = fields.iter().find(|(n, _)| n.eq_ignore_ascii_case("host"));
    let authority = host.map_or(url.authority.as_str(), |(_, value)| value.trim());
    let wrong = |what: &dyn std::fmt::Display| {
        Error::Replay(format!("the request cannot be built: {what}"))
    };
    let uri = Uri::builder()
        .scheme(url.target.scheme.as_str())
        .authority(authority)
        .path_and_query(url.path.as_str())
        .build()
        .map_err(|e| wrong(&e))?;
    let method = Method::from_bytes(request.method.as_bytes()).map_err(|e| wrong(&e))?;
    let mut built = Request::new(());
    *built.method_mut() = method;
    *built.uri_mut() = uri;
    *built.version_mut() = http::Version::HTTP_2;
    let length = request.body.len();
    let mut said = false;
    for (name, value) in fields {
        let lower = name.to_ascii_lowercase();
        if lower == "content-length" && std::mem::replace(&mut said, true) {
            continue;
        }
        let te = lower == "te" && !value.trim().eq_ignore_ascii_case("trailers");
        if LEFT_OUT.contains(&lower.as_str()) || te {
            continue;
        }
        let value = match lower.as_str() {
            "content-length" => HeaderValue::from(length),
            _ => HeaderValue::from_bytes(value.trim().as_bytes()).map_err(|e| wrong(&e))?,
        };
        let name = HeaderName::from_bytes(lower.as_bytes()).map_err(|e| wrong(&e))?;
        built.headers_mut().append(name, value);
    }
    Ok(built)
}

fn check_method(method: &str) -> Result<(), Error> {
    if method.is_empty() || !method.bytes().all(is_token) {
        return Err(Error::Replay(format!(
            "{method:?} is not a method: it is a word such as GET or POST, without spaces"
        )));
    }
    if method == "CONNECT" {
        return Err(Error::Replay(
            "a CONNECT cannot be sent again: send the request that was made through it".to_owned(),
        ));
    }
    Ok(())
}

fn check_field(name: &str, value: &str) -> Result<(), Error> {
    if name.is_empty() || !name.bytes().all(is_token) {
        return Err(Error::Replay(format!(
            "{name:?} is not a header name: it may have letters, digits and !#$%&'*+-.^_`|~ only"
        )));
    }
    if value.bytes().any(|b| matches!(b, b'\r' | b'\n' | 0)) {
        return Err(Error::Replay(format!(
            "the value of the header {name} has a line break or a NUL in it, which cannot be sent"
        )));
    }
    Ok(())
}

fn read_url(url: &str) -> Result<Url, Error> {
    let wrong = |what: &str| Error::Replay(format!("{url:?} cannot be sent to: {what}"));
    let (scheme, rest) = url
        .split_once("://")
        .ok_or_else(|| wrong("write the whole URL, such as https://example.com/path"))?;
    let scheme = match scheme.to_ascii_lowercase().as_str() {
        "http" | "ws" => Scheme::Http,
        "https" | "wss" => Scheme::Https,
        _ => return Err(wrong("only http and https can be sent")),
    };
    let rest = rest.split('#').next().unwrap_or_default();
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(end).unwrap_or((rest, ""));
    if authority.contains('@') {
        return Err(wrong(
            "a name and password in the URL are not sent; put them into an Authorization header",
        ));
    }
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (host, after) = rest
                .split_once(']')
                .ok_or_else(|| wrong("the bracket of the IPv6 address is not closed"))?;
            (
                host,
                after.strip_prefix(':').or(after.is_empty().then_some("")),
            )
        }
        None => match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, Some("")),
        },
    };
    let port = match port {
        Some("") => scheme.default_port(),
        Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => digits
            .parse()
            .map_err(|_| wrong("the port is not a number from 1 to 65535"))?,
        _ => return Err(wrong("the port is not a number from 1 to 65535")),
    };
    if host.is_empty() || port == 0 {
        return Err(wrong("it names no server"));
    }
    let bad = |c: char| c.is_ascii_control() || c.is_ascii_whitespace();
    if rest.contains(bad) {
        return Err(wrong(
            "it has a space or a control character in it; write a space as %20",
        ));
    }
    Ok(Url {
        target: Target {
            scheme,
            host: host.to_owned(),
            port,
        },
        authority: ascii(authority),
        path: match path.starts_with('/') {
            true => percent(path),
            false => format!("/{}", percent(path)),
        },
    })
}

/// An internationalized name in ASCII, for `Host`.
fn ascii(authority: &str) -> String {
    if authority.is_ascii() {
        return authority.to_owned();
    }
    let (host, port) = authority.split_once(':').unwrap_or((authority, ""));
    let host = url::Host::parse(host).map_or_else(|_| percent(host), |h| h.to_string());
    match port {
        "" => host,
        port => format!("{host}:{port}"),
    }
}

/// What is not ASCII, as UTF-8 in percent-encoding.
fn percent(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte.is_ascii() {
            true => out.push(char::from(byte)),
            false => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// `tchar`, RFC 9110 section 5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: &str, url: &str, headers: &[(&str, &str)], body: &str) -> ReplayRequest {
        let own = |(n, v): &(&str, &str)| ((*n).to_owned(), (*v).to_owned());
        ReplayRequest {
            of: None,
            method: method.to_owned(),
            url: url.to_owned(),
            headers: headers.iter().map(own).collect(),
            body: Bytes::copy_from_slice(body.as_bytes()),
            ..ReplayRequest::default()
        }
    }

    fn wire(method: &str, url: &str, headers: &[(&str, &str)], body: &str) -> String {
        let built = build(&request(method, url, headers, body)).expect("a good request");
        String::from_utf8([&built.head[..], &built.wire_body].concat()).expect("text")
    }

    fn wrong(method: &str, url: &str, headers: &[(&str, &str)]) -> String {
        build(&request(method, url, headers, ""))
            .expect_err("a bad request")
            .to_string()
    }

    #[test]
    fn as_it_was_built() {
        let fields = [("x-B", "1"), ("HOST", "other"), ("X-b", "2 "), ("x-B", "")];
        assert_eq!(
            wire("GET", "http://a.test/x/../y?z#f", &fields, ""),
            "GET /x/../y?z HTTP/1.1\r\nx-B: 1\r\nHOST: other\r\nX-b: 2 \r\nx-B: \r\n\r\n"
        );
    }

    #[test]
    fn what_is_added() {
        assert_eq!(
            wire("GET", "https://a.test:8443", &[], ""),
            "GET / HTTP/1.1\r\nHost: a.test:8443\r\n\r\n"
        );
        assert_eq!(
            wire("POST", "http://[::1]:81?q", &[("A", "b")], "body"),
            "POST /?q HTTP/1.1\r\nHost: [::1]:81\r\nA: b\r\nContent-Length: 4\r\n\r\nbody"
        );
        assert_eq!(
            wire("PUT", "http://bücher.example/ü", &[], ""),
            "PUT /%C3%BC HTTP/1.1\r\nHost: xn--bcher-kva.example\r\nContent-Length: 0\r\n\r\n"
        );
        assert_eq!(
            wire(
                "PUT",
                "http://a.test/",
                &[(":path", "/"), ("host", "a"), ("CONTENT-length", "9")],
                "body"
            ),
            "PUT / HTTP/1.1\r\nhost: a\r\nCONTENT-length: 4\r\n\r\nbody"
        );
    }

    #[test]
    fn a_transfer_coding_is_applied() {
        let fields = [("Host", "a"), ("Transfer-Encoding", "chunked")];
        assert_eq!(
            wire("POST", "http://a.test/", &fields, "0123456789abcdefg"),
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n11\r\n0123456789abcdefg\r\n0\r\n\r\n"
        );
        assert!(wire("POST", "http://a.test/", &fields, "").ends_with("\r\n\r\n0\r\n\r\n"));
    }

    #[test]
    fn one_thing_says_where_the_body_ends() {
        // 7 is the length of the body
        for both in [
            [("Content-Length", "7"), ("Transfer-Encoding", "chunked")],
            [("transfer-encoding", "Chunked"), ("content-length", "7")],
            [("Transfer-Encoding", "chunked"), ("Content-Length", "9")],
        ] {
            let sent = wire("POST", "http://a.test/", &both, "content");
            assert!(
                sent.ends_with("\r\n\r\n7\r\ncontent\r\n0\r\n\r\n"),
                "{sent}"
            );
            assert!(
                !sent.to_ascii_lowercase().contains("content-length"),
                "{sent}"
            );
        }
        let lengths = [("Content-Length", "7"), ("X", "y"), ("content-length", "8")];
        assert_eq!(
            wire("POST", "http://a.test/", &lengths, "content"),
            "POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 7\r\nX: y\r\n\r\ncontent"
        );
        let built = build(&request("POST", "https://a.test/", &lengths, "content")).expect("good");
        let http2 = built.http2.expect("a request for HTTP/2");
        let sent: Vec<_> = http2.headers().get_all("content-length").iter().collect();
        assert_eq!(sent, ["7"]);
        // a coding before it stays: what was recorded is still in it
        let gzip = [
            ("Transfer-Encoding", "gzip"),
            ("Transfer-Encoding", "chunked"),
        ];
        assert!(
            wire("POST", "http://a.test/", &gzip, "x").ends_with("\r\n\r\n1\r\nx\r\n0\r\n\r\n")
        );
    }

    #[test]
    fn a_transfer_coding_that_says_nothing_is_refused() {
        for coding in [
            "gzip",
            "chunked, gzip",
            "chunked, chunked",
            "xchunked",
            "identity",
        ] {
            let said = wrong("POST", "http://a.test/", &[("Transfer-Encoding", coding)]);
            assert!(
                said.contains(coding) && said.contains("as the last"),
                "{said}"
            );
        }
        let mut old = request(
            "POST",
            "http://a.test/",
            &[("Transfer-Encoding", "chunked")],
            "x",
        );
        old.version = Some(Version::Http10);
        let said = build(&old).expect_err("no such thing").to_string();
        assert!(said.contains("HTTP/1.0"), "{said}");
        // HTTP/2 has a framing of its own
        old.version = Some(Version::Http2);
        let built = build(&old).expect("good");
        let head = String::from_utf8(built.head).expect("text");
        assert!(head.ends_with("\r\nContent-Length: 1\r\n\r\n"), "{head}");
    }

    #[test]
    fn for_http_2() {
        let fields = [
            ("Host", "b.test"),
            ("Connection", "close"),
            ("X-A", "1"),
            ("x-a", "2"),
            ("TE", "gzip"),
            ("Content-Length", "7"),
        ];
        let built = build(&request("POST", "https://a.test/x?y", &fields, "body")).expect("good");
        let http2 = built.http2.expect("a request for HTTP/2");
        assert_eq!(http2.uri(), "https://b.test/x?y");
        let sent: Vec<_> = http2
            .headers()
            .iter()
            .map(|(n, v)| (n.as_str(), v.to_str().expect("text")))
            .collect();
        assert_eq!(sent, [("x-a", "1"), ("x-a", "2"), ("content-length", "4")]);
        assert_eq!(built.target.host, "a.test");
    }

    #[test]
    fn the_opening_of_a_websocket() {
        let key = |text: &str| {
            let line = text.lines().find(|l| l.starts_with("Sec-WebSocket-Key: "));
            line.and_then(|l| l.split(": ").nth(1).map(str::to_owned))
                .expect("a key")
        };
        let fields = [
            ("Host", "a.test"),
            ("Upgrade", "WebSocket"),
            ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
            ("Connection", "keep-alive, Upgrade"),
        ];
        let [one, two] = [0, 1].map(|_| wire("GET", "https://a.test/x", &fields, ""));
        let (first, second) = (key(&one), key(&two));
        assert_ne!(first, second);
        assert_eq!(STANDARD.decode(&first).expect("base64").len(), 16);
        assert_eq!(
            one.replace(&first, "KEY"),
            "GET /x HTTP/1.1\r\nHost: a.test\r\nUpgrade: WebSocket\r\nSec-WebSocket-Key: KEY\r\n\
            Connection: keep-alive, Upgrade\r\nSec-WebSocket-Version: 13\r\n\r\n"
        );
        let bare = wire("GET", "ws://a.test/", &[], "");
        assert_eq!(
            bare.replace(&key(&bare), "KEY"),
            "GET / HTTP/1.1\r\nHost: a.test\r\nSec-WebSocket-Key: KEY\r\nConnection: Upgrade\r\n\
            Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\r\n"
        );
        assert!(wrong("POST", "ws://a.test/", &[]).contains("GET"));
        let mut odd = request("GET", "wss://a.test/", &[], "");
        assert!(build(&odd).expect("good").http2.is_none());
        odd.version = Some(Version::Http2);
        assert!(
            build(&odd)
                .expect_err("no")
                .to_string()
                .contains("HTTP/1.1")
        );
        let mut none = request("GET", "https://a.test/", &[], "");
        none.talk = Some(crate::replay::Talk::default());
        assert!(
            build(&none)
                .expect_err("no")
                .to_string()
                .contains("Upgrade")
        );
    }

    #[test]
    fn what_only_http_1_can_carry() {
        let mut odd = request("GET", "https://a.test/?q=<svg>", &[], "");
        let built = build(&odd).expect("good");
        assert!(built.head.starts_with(b"GET /?q=<svg> HTTP/1.1\r\n"));
        assert!(built.http2.is_none());
        odd.version = Some(Version::Http2);
        assert!(build(&odd).is_err());
    }

    #[test]
    fn what_cannot_be_sent() {
        for (url, part) in [
            ("/x", "whole URL"),
            ("ftp://a/", "only http"),
            ("http://", "no server"),
            ("http://:80/", "no server"),
            ("http://a:0/", "no server"),
            ("http://a:65536/", "65535"),
            ("http://a:x/", "65535"),
            ("http://[::1/", "bracket"),
            ("http://[::1]x/", "65535"),
            ("http://u:p@a/", "Authorization"),
            ("http://a/b c", "%20"),
            ("http://a/\r\nX: y", "%20"),
        ] {
            assert!(
                wrong("GET", url, &[]).contains(part),
                "{url}: {}",
                wrong("GET", url, &[])
            );
        }
        assert!(wrong("", "http://a/", &[]).contains("method"));
        assert!(wrong("GET /", "http://a/", &[]).contains("method"));
        assert!(wrong("CONNECT", "http://a/", &[]).contains("CONNECT"));
        assert!(wrong("GET", "http://a/", &[("a b", "c")]).contains("header name"));
        assert!(wrong("GET", "http://a/", &[("", "c")]).contains("header name"));
        assert!(wrong("GET", "http://a/", &[("a", "b\r\nc: d")]).contains("line break"));
    }
}
