//! A plain proxy request becomes one for the server: origin form, and without what is for the proxy alone.

use crate::http1::{head::RequestHead, target::Absolute};

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

#[cfg(test)]
mod reverse_tests {
    use super::*;

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
