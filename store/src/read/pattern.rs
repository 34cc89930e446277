//! Paths that mean the same: what differs from visit to visit is taken out.
//!
//! * A segment of digits is `{n}`, a UUID (RFC 9562) `{uuid}`, 16 or more hexadecimal digits with a decimal one among them `{hex}`; an
//!   ending after it (`.json`) stays.
//! * Of the query, the names of its parameters count, in order of the alphabet; or all of it; or nothing.
//! * Nothing is decoded, and letters keep their case: servers tell them apart.

/// What of the query belongs to a request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum QueryPart {
    /// Nothing.
    Ignored,
    /// The names of its parameters.
    #[default]
    Names,
    /// All of it, as it was sent.
    Whole,
}

/// A path with its query, without what differs.
pub fn path(path: &str, query: QueryPart) -> String {
    let (path, asked) = match path.split_once('?') {
        Some((path, asked)) => (path, Some(asked)),
        None => (path, None),
    };
    let segments: Vec<_> = path.split('/').map(segment).collect();
    let mut out = segments.join("/");
    match (query, asked) {
        (QueryPart::Ignored, _) | (_, None | Some("")) => {}
        (QueryPart::Whole, Some(asked)) => {
            out.push('?');
            out.push_str(asked);
        }
        (QueryPart::Names, Some(asked)) => {
            let names = asked.split('&').map(|part| part.split('=').next());
            let mut names: Vec<_> = names.flatten().filter(|name| !name.is_empty()).collect();
            names.sort_unstable();
            names.dedup();
            out.push('?');
            out.push_str(&names.join("&"));
        }
    }
    out
}

fn segment(segment: &str) -> String {
    let (stem, ending) = match segment.split_once('.') {
        Some((stem, ending)) if ending.bytes().all(|b| b.is_ascii_alphanumeric()) => {
            (stem, Some(ending))
        }
        _ => (segment, None),
    };
    let Some(word) = word(stem) else {
        return segment.to_owned();
    };
    match ending {
        // 1.2 is a version
        Some(ending) if ending.bytes().all(|b| b.is_ascii_digit()) => segment.to_owned(),
        Some(ending) => format!("{word}.{ending}"),
        None => word.to_owned(),
    }
}

fn word(stem: &str) -> Option<&'static str> {
    let bytes = stem.as_bytes();
    let hex = |part: &[u8]| part.iter().all(u8::is_ascii_hexdigit);
    if bytes.is_empty() {
        return None;
    }
    if bytes.iter().all(u8::is_ascii_digit) {
        return Some("{n}");
    }
    let parts: Vec<_> = bytes.split(|b| *b == b'-').collect();
    let lengths = parts.iter().map(|part| part.len());
    if lengths.eq([8, 4, 4, 4, 12]) && parts.iter().all(|part| hex(part)) {
        return Some("{uuid}");
    }
    let long = bytes.len() >= 16 && hex(bytes) && bytes.iter().any(u8::is_ascii_digit);
    long.then_some("{hex}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_is_taken_out() {
        for (from, to) in [
            ("/", "/"),
            ("", ""),
            ("*", "*"),
            ("/users/42/items/7.json", "/users/{n}/items/{n}.json"),
            ("/u/6BA7B810-9dad-11d1-80b4-00c04fd430c8/x", "/u/{uuid}/x"),
            ("/a/0123456789abcdef", "/a/{hex}"),
            ("/a/deadbeefdeadbeef", "/a/deadbeefdeadbeef"),
            ("/a/0123456789abcde", "/a/0123456789abcde"),
            ("/v2/1.2/x1/", "/v2/1.2/x1/"),
            ("/a/d41d8cd98f00b204e9800998ecf8427e.css", "/a/{hex}.css"),
            ("/%31/12x", "/%31/12x"),
        ] {
            assert_eq!(path(from, QueryPart::Names), to, "{from}");
        }
    }

    #[test]
    fn queries() {
        let asked = "/s/1?b=2&a=1&&b=3&=4&c";
        assert_eq!(path(asked, QueryPart::Names), "/s/{n}?a&b&c");
        assert_eq!(path(asked, QueryPart::Ignored), "/s/{n}");
        assert_eq!(path(asked, QueryPart::Whole), "/s/{n}?b=2&a=1&&b=3&=4&c");
        assert_eq!(path("/s?", QueryPart::Names), "/s");
    }
}
