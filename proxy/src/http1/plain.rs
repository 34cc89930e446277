//! A plain proxy request becomes one for the server: origin form, and without what is for the proxy alone; or one for
//! another proxy.

use crate::{
    http1::{head::RequestHead, target::Absolute},
    target::Target,
};

/// The head as it goes on. Everything but the target and the two fields for the proxy stays as it was sent.
pub(crate) fn forwarded(head: &RequestHead<'_>, absolute: &Absolute<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(head.bytes.len());
    let mut lines = head.bytes.split_inclusive(|b| *b == b'\n');
    let line = lines.next().unwrap_or_default();
    let before = head.method.len() + 1;
    let after = before + head.target.len();
    out.extend_from_slice(line.get(..before).unwrap_or_default());
    absolute.origin_form(head.method, &mut out);
    out.extend_from_slice(line.get(after..).unwrap_or_default());
    for line in lines.filter(|line| !is_for_the_proxy(line)) {
        out.extend_from_slice(line);
    }
    out
}

/// A head whose `Host` is another; none when it is that already, or has none. All else stays as it was sent.
pub(crate) fn with_host(head: &[u8], host: &str) -> Option<Vec<u8>> {
    const NAME: &[u8] = b"host:";
    let mut out = Vec::with_capacity(head.len() + host.len());
    let mut changed = false;
    for line in head.split_inclusive(|b| *b == b'\n') {
        let value = line
            .split_at_checked(NAME.len())
            .filter(|(name, _)| name.eq_ignore_ascii_case(NAME));
        match value {
            Some((name, value)) if value.trim_ascii() != host.as_bytes() => {
                let blank = value.len() - value.trim_ascii_start().len();
                let end = value.trim_ascii_end().len();
                out.extend_from_slice(name);
                out.extend_from_slice(value.get(..blank.min(end)).unwrap_or_default());
                out.extend_from_slice(host.as_bytes());
                out.extend_from_slice(value.get(end..).unwrap_or_default());
                changed = true;
            }
            _ => out.extend_from_slice(line),
        }
    }
    changed.then_some(out)
}

fn is_for_the_proxy(line: &[u8]) -> bool {
    // the names have different lengths: look at the first bytes once
    let is = |name: &[u8]| {
        line.get(name.len()) == Some(&b':')
            && line
                .get(..name.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(name))
    };
    matches!(line.first(), Some(b'p' | b'P'))
        && (is(b"proxy-connection") || is(b"proxy-authorization"))
}

/// A head (and what stands behind it) in the form that another proxy takes: absolute (RFC 9112 section 3.2.2), and
/// without what was for this one. `target` is whom it is for.
pub(crate) fn for_proxy(head: &[u8], target: &Target) -> Vec<u8> {
    let end = memchr::memmem::find(head, b"\r\n\r\n").map_or(head.len(), |at| at + 4);
    let (head, behind) = head.split_at(end);
    let mut out = Vec::with_capacity(head.len() + behind.len() + 64);
    let mut lines = head.split_inclusive(|b| *b == b'\n');
    let line = lines.next().unwrap_or_default();
    let word = memchr::memchr(b' ', line).map_or(line.len(), |at| at + 1);
    let (method, rest) = line.split_at(word);
    out.extend_from_slice(method);
    let is_absolute = rest
        .get(..7)
        .is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"http://"));
    out.extend_from_slice(b"http://");
    match (is_absolute, rest) {
        (true, rest) => out.extend_from_slice(without_user(rest)),
        (false, rest) => {
            let authority = match (target.port, target.host.contains(':')) {
                (80, true) => format!("[{}]", target.host),
                (80, false) => target.host.clone(),
                _ => target.to_string(),
            };
            out.extend_from_slice(authority.as_bytes());
            // OPTIONS * has no path in absolute form, RFC 9112 section 3.2.4
            out.extend_from_slice(rest.strip_prefix(b"*").unwrap_or(rest));
        }
    }
    for line in lines.filter(|line| !is_for_the_proxy(line)) {
        out.extend_from_slice(line);
    }
    out.extend_from_slice(behind);
    out
}

/// What follows `http://`, without a user: who stands before an at sign is not sent on, RFC 9110 section 4.2.4.
fn without_user(absolute: &[u8]) -> &[u8] {
    let rest = absolute.get(7..).unwrap_or_default();
    let ends = |b: &u8| b"/?# ".contains(b);
    let end = rest.iter().position(ends).unwrap_or(rest.len());
    let authority = rest.get(..end).unwrap_or_default();
    let at = memchr::memrchr(b'@', authority).map_or(0, |at| at + 1);
    rest.get(at..).unwrap_or_default()
}

/// Puts the credentials for a proxy behind the first line of a head.
pub(crate) fn with_credentials(mut head: Vec<u8>, authorization: Option<&str>) -> Vec<u8> {
    if let Some(authorization) = authorization
        && let Some(at) = memchr::memchr(b'\n', &head)
    {
        let field = format!("Proxy-Authorization: {authorization}\r\n");
        head.splice(at + 1..at + 1, field.into_bytes());
    }
    head
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::Scheme;

    #[test]
    fn another_proxy_gets_the_absolute_form() {
        let target = |host: &str, port| Target {
            scheme: Scheme::Http,
            host: host.to_owned(),
            port,
        };
        for (came, to, goes) in [
            (
                "GET /a?b HTTP/1.1",
                target("a.test", 80),
                "GET http://a.test/a?b HTTP/1.1",
            ),
            (
                "GET / HTTP/1.0",
                target("::1", 81),
                "GET http://[::1]:81/ HTTP/1.0",
            ),
            (
                "OPTIONS * HTTP/1.1",
                target("a.test", 80),
                "OPTIONS http://a.test HTTP/1.1",
            ),
            (
                "GET http://A.test:80/ HTTP/1.1",
                target("A.test", 80),
                "GET http://A.test:80/ HTTP/1.1",
            ),
            (
                "GET http://u:p@a.test/@ HTTP/1.1",
                target("a.test", 80),
                "GET http://a.test/@ HTTP/1.1",
            ),
            (
                "GET http://a.test?x@y HTTP/1.1",
                target("a.test", 80),
                "GET http://a.test?x@y HTTP/1.1",
            ),
        ] {
            let rest = "\r\nHost: x\r\nPROXY-Authorization: secret\r\nProxy-Connection: a\r\nX:  y\r\n\r\nProxy-Connection: b\r\n";
            let made = for_proxy(format!("{came}{rest}").as_bytes(), &to);
            let made = String::from_utf8_lossy(&made).into_owned();
            let expected = "\r\nHost: x\r\nX:  y\r\n\r\nProxy-Connection: b\r\n";
            assert_eq!(made, format!("{goes}{expected}"));
            let named = with_credentials(made.into_bytes(), Some("Basic x"));
            let named = String::from_utf8_lossy(&named).into_owned();
            assert!(named.starts_with(&format!(
                "{goes}\r\nProxy-Authorization: Basic x\r\nHost: x\r\n"
            )));
        }
    }

    #[test]
    fn another_host_and_nothing_else() {
        let with = |head: &str| {
            let made = with_host(head.as_bytes(), "b.test:81");
            made.map(|made| String::from_utf8(made).expect("text"))
        };
        let head = "GET / HTTP/1.1\r\nX: host:a\r\nhOst:  a.test \r\nHost-X: a\r\n\r\n";
        let made = "GET / HTTP/1.1\r\nX: host:a\r\nhOst:  b.test:81 \r\nHost-X: a\r\n\r\n";
        assert_eq!(with(head).as_deref(), Some(made));
        assert_eq!(with(made), None, "it is that already");
        assert_eq!(with("GET / HTTP/1.0\r\n\r\n"), None);
        assert_eq!(
            with("GET / HTTP/1.1\nHost:a\n\n").as_deref(),
            Some("GET / HTTP/1.1\nHost:b.test:81\n\n")
        );
        assert_eq!(
            with("GET / HTTP/1.1\r\nHost:\r\n\r\n").as_deref(),
            Some("GET / HTTP/1.1\r\nHost:b.test:81\r\n\r\n")
        );
    }
}
