//! Reading a recorded head: start line and fields, in wire order, case kept.
//!
//! Tolerant on purpose: what was recorded is shown, whatever it is. Bytes that are not UTF-8 are
//! read as ISO-8859-1, RFC 9110 section 5.5.

/// The parts of a recorded head.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ParsedHead {
    /// The start line without its end; empty for HTTP/2 and for trailers.
    pub start_line: String,
    /// `(name, value)` in wire order, names as sent, values trimmed of optional whitespace.
    pub fields: Vec<(String, String)>,
}

impl ParsedHead {
    /// The first value of a field, its name compared without case.
    pub fn field(&self, name: &str) -> Option<&str> {
        let mut fields = self.fields.iter();
        fields
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, v)| v.as_str())
    }
}

/// Takes a recorded head apart; `start_line` says whether its first line is one (HTTP/1 heads).
pub fn parse(head: &[u8], start_line: bool) -> ParsedHead {
    let mut lines = head
        .split(|b| *b == b'\n')
        .map(|l| l.strip_suffix(b"\r").unwrap_or(l));
    let mut parsed = ParsedHead::default();
    if start_line {
        parsed.start_line = lines.next().map(text).unwrap_or_default();
    }
    for line in lines.filter(|l| !l.is_empty()) {
        // an HTTP/2 pseudo-header field begins with a colon of its own
        let skip = usize::from(line.first() == Some(&b':'));
        let colon = line
            .iter()
            .skip(skip)
            .position(|b| *b == b':')
            .map(|at| at + skip);
        let (name, value) = match colon {
            Some(at) => line.split_at(at),
            None => (line, &b""[..]),
        };
        let value = value.strip_prefix(b":").unwrap_or(value).trim_ascii();
        parsed.fields.push((text(name), text(value)));
    }
    parsed
}

fn text(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().map(|b| char::from(*b)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_order_case_and_duplicates() {
        let head = parse(
            b"GET / HTTP/1.1\r\nHOST: a\r\nx-B:  1 \r\nX-b: 2\r\n\r\n",
            true,
        );
        assert_eq!(head.start_line, "GET / HTTP/1.1");
        let expected = [("HOST", "a"), ("x-B", "1"), ("X-b", "2")];
        assert_eq!(
            head.fields,
            expected.map(|(n, v)| (n.to_owned(), v.to_owned()))
        );
        assert_eq!(head.field("host"), Some("a"));
    }

    #[test]
    fn reads_pseudo_header_fields() {
        let head = parse(b":method: GET\r\n:path: /a:b\r\nx: y\r\n\r\n", false);
        assert_eq!(head.field(":path"), Some("/a:b"));
        assert_eq!(head.field("x"), Some("y"));
    }
}
