//! What must hold for any request that a person builds, and for wherever a server redirects it. Run by the fuzz targets in `fuzz/`,
//! and by the tests here on mutated ones.

use super::{
    ReplayRequest,
    build::build,
    redirect::{Next, Redirects, origin},
};
use crate::http1::{HeadReader, Problem};
use overhear_store::Version;

/// A request whose method, URL and fields stand on lines; the first byte says which version it has. What can be built is one
/// whole head, as servers read it.
pub fn replayed(data: &[u8]) {
    let (first, rest) = data.split_first().unwrap_or((&0, &[]));
    let text = String::from_utf8_lossy(rest);
    // a part may have anything in it but this
    let mut parts = text.split('\u{1}');
    let mut next = || parts.next().unwrap_or_default().to_owned();
    let (method, url, body) = (next(), next(), next());
    let mut headers = Vec::new();
    while let (Some(name), Some(value)) = (parts.next(), parts.next()) {
        headers.push((name.to_owned(), value.to_owned()));
    }
    let request = ReplayRequest {
        method,
        url,
        headers,
        body: body.into_bytes().into(),
        version: match first % 4 {
            0 => None,
            1 => Some(Version::Http10),
            2 => Some(Version::Http11),
            _ => Some(Version::Http2),
        },
        ..ReplayRequest::default()
    };
    built(&request, true);
}

/// Where a person wrote them, a `Host` and values that no server takes stay: the relay says what is wrong with them.
fn built(request: &ReplayRequest, as_written: bool) {
    match build(request) {
        Ok(built) => {
            assert!(!built.target.host.is_empty() && built.target.port > 0);
            let shown = String::from_utf8_lossy(&built.head);
            let lines = shown.strip_suffix("\r\n\r\n");
            assert!(
                lines.is_some_and(|lines| !lines.contains("\r\n\r\n")),
                "{shown}"
            );
            let mut reader = HeadReader::default();
            assert_eq!(reader.request_ready(&built.head), Ok(true), "{shown}");
            match reader.request(&built.head) {
                Ok(head) => {
                    assert_eq!((head.skipped, head.bytes.len()), (0, built.head.len()));
                    assert_eq!(head.method, request.method);
                    assert_eq!(head.fields.hosts, 1, "{shown}");
                }
                // a name that URLs may have and no `Host` may
                Err(Problem::BadHost { .. }) => {}
                Err(problem) => assert!(as_written, "{problem:?}: {shown}"),
            }
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// Redirections: where each leads, with the cookies that were set on the way, is another request that can be built, or a
/// reason. Lines of a status's last digit and a `Location`, then one of `Set-Cookie`.
pub fn redirects(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut request = ReplayRequest {
        method: "POST".to_owned(),
        url: "https://a.example/b/c?d".to_owned(),
        headers: vec![
            ("Cookie".to_owned(), "own=1".to_owned()),
            ("Authorization".to_owned(), "Basic eDp5".to_owned()),
            ("Content-Type".to_owned(), "text/plain".to_owned()),
        ],
        body: "hello".into(),
        follow: true,
        ..ReplayRequest::default()
    };
    let first = url::Url::parse(&request.url).unwrap_or_else(|error| panic!("{error}"));
    let first = origin(&first);
    let mut way = Redirects::new(&request);
    let mut lines = text.split('\n');
    while let (Some(location), Some(cookie)) = (lines.next(), lines.next()) {
        way.heard(&request, &[cookie.to_owned()]);
        let digit = location.chars().next().and_then(|c| c.to_digit(10));
        let status = 300 + digit.unwrap_or(2) as u16;
        let location = location.strip_prefix(|c: char| c.is_ascii_digit());
        match way.next(&request, Some(status), location) {
            Next::To(next) => {
                assert!(next.url.starts_with("http://") || next.url.starts_with("https://"));
                let secret = next.headers.iter().any(|(name, _)| name == "Authorization");
                let same = |url: &str| url::Url::parse(url).is_ok_and(|url| origin(&url) == first);
                assert!(!secret || same(&next.url), "{}", next.url);
                request = *next;
                built(&request, false);
            }
            Next::Refused(why) => {
                assert!(!why.is_empty());
                return;
            }
            Next::Final => return,
        }
        assert!(way.followed() <= 20);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use overhear_fuzz_rounds::rounds;

    #[test]
    fn mutated_requests_are_built_or_refused() {
        let seeds = [
            "\0POST\u{1}http://a.example:8080/b c?d\u{1}hello\u{1}Host\u{1}b.example\u{1}Content-Length\u{1}9\u{1}X-A\u{1} b ",
            "\u{1}GET\u{1}https://[2001:db8::1]/\u{1}\u{1}Transfer-Encoding\u{1}chunked\u{1}:path\u{1}/x",
            "\u{2}GET\u{1}ws://a.example/chat\u{1}\u{1}Sec-WebSocket-Key\u{1}AAAA",
            "\u{3}M-SEARCH\u{1}https://b\u{fc}cher.example/%zz\u{1}\u{1}te\u{1}trailers",
        ];
        rounds("proxy_replayed", replayed, &seeds);
    }

    #[test]
    fn mutated_redirections_lead_somewhere_or_are_refused() {
        let seeds = [
            "2/x?y#z\na=b; Path=/; HttpOnly\n7//c.example:8443/..\nown=; Max-Age=0\n3http://a.example\nc=d; Domain=example",
            "1?q\n\n8javascript:alert(1)\n",
            "8https://user:pw@a.example/b/c?d\na=1\n8/1\nb=2; Expires=Wed, 21 Oct 2015 07:28:00 GMT\n",
        ];
        rounds("proxy_redirects", redirects, &seeds);
    }
}
