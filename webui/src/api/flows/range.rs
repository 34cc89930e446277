//! Range requests, RFC 9110 section 14: one range of bytes, or everything.

use axum::http::{HeaderMap, header};

/// What a request asks for of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// All of it: there is no range, or one that we may ignore.
    Everything,
    /// `from..to`, `from < to`, within the body.
    Part(u64, u64),
    /// Nothing of the body is in the range.
    Nothing,
}

/// Reads the `Range` of a request for a body of `size` bytes. Several ranges, other units and what
/// cannot be read are ignored, as section 14.2 allows; so is a range with a condition, since bodies
/// have no validator that it could name.
pub(super) fn wanted(headers: &HeaderMap, size: u64) -> Wanted {
    if headers.contains_key(header::IF_RANGE) {
        return Wanted::Everything;
    }
    let mut values = headers.get_all(header::RANGE).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return Wanted::Everything;
    };
    value
        .to_str()
        .ok()
        .and_then(|text| parse(text, size))
        .unwrap_or(Wanted::Everything)
}

fn parse(text: &str, size: u64) -> Option<Wanted> {
    let (unit, range) = text.split_once('=')?;
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return None;
    }
    let (first, last) = range.trim().split_once('-')?;
    let (from, to) = if first.is_empty() {
        let suffix = number(last)?;
        (size.saturating_sub(suffix), size)
    } else {
        let from = number(first)?;
        let to = if last.is_empty() {
            size
        } else {
            number(last)?.saturating_add(1)
        };
        if to <= from && !last.is_empty() {
            return None;
        }
        (from, to.min(size))
    };
    Some(if from < to {
        Wanted::Part(from, to)
    } else {
        Wanted::Nothing
    })
}

/// Digits only: no sign, no comma.
fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    // more digits than fit are a position behind every body
    digits.then(|| text.parse().unwrap_or(u64::MAX))
}

/// A `Range` of a request: a part lies within the body, however it is asked for. The first eight bytes are the body's size.
#[cfg(any(test, fuzzing))]
pub fn fuzz(data: &[u8]) {
    let Some((size, value)) = data.split_first_chunk() else {
        return;
    };
    let size = u64::from_be_bytes(*size);
    let Ok(value) = axum::http::HeaderValue::from_bytes(value) else {
        return;
    };
    let mut headers = HeaderMap::new();
    headers.insert(header::RANGE, value);
    let found = wanted(&headers, size);
    if let Wanted::Part(from, to) = found {
        assert!(from < to && to <= size);
    }
    headers.insert(header::IF_RANGE, axum::http::HeaderValue::from_static("x"));
    assert_eq!(wanted(&headers, size), Wanted::Everything);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mutated_ranges_are_within_the_body() {
        let size = 1000_u64.to_be_bytes();
        let seeds = ["bytes=0-499", "Bytes = -500", "bytes=9500-", "bytes=0-0,-1"];
        let seeds = seeds.map(|range| [&size[..], range.as_bytes()].concat());
        overhear_fuzz_rounds::rounds("webui_range", fuzz, &seeds);
    }

    fn of(range: &str, size: u64) -> Wanted {
        let mut headers = HeaderMap::new();
        headers.insert(header::RANGE, range.parse().expect("a header value"));
        wanted(&headers, size)
    }

    #[test]
    fn the_examples_of_the_rfc() {
        assert_eq!(of("bytes=0-499", 10_000), Wanted::Part(0, 500));
        assert_eq!(of("bytes=500-999", 10_000), Wanted::Part(500, 1000));
        assert_eq!(of("bytes=-500", 10_000), Wanted::Part(9500, 10_000));
        assert_eq!(of("bytes=9500-", 10_000), Wanted::Part(9500, 10_000));
        assert_eq!(of("Bytes = 0-0", 1), Wanted::Part(0, 1));
        assert_eq!(of("bytes=0-99", 10), Wanted::Part(0, 10));
        assert_eq!(of("bytes=-99", 10), Wanted::Part(0, 10));
    }

    #[test]
    fn outside_is_nothing() {
        assert_eq!(of("bytes=10-", 10), Wanted::Nothing);
        assert_eq!(of("bytes=10-20", 10), Wanted::Nothing);
        assert_eq!(of("bytes=-0", 10), Wanted::Nothing);
        assert_eq!(of("bytes=0-", 0), Wanted::Nothing);
        assert_eq!(of("bytes=99999999999999999999999-", 10), Wanted::Nothing);
    }

    #[test]
    fn what_is_not_one_range_is_ignored() {
        for odd in [
            "bytes=0-1,3-4",
            "bytes=5-4",
            "lines=1-2",
            "bytes=",
            "bytes=-",
            "bytes=+1-2",
            "x",
        ] {
            assert_eq!(of(odd, 10), Wanted::Everything, "{odd}");
        }
        let mut headers = HeaderMap::new();
        headers.insert(header::RANGE, "bytes=0-1".parse().expect("a header value"));
        headers.insert(header::IF_RANGE, "\"x\"".parse().expect("a header value"));
        assert_eq!(wanted(&headers, 10), Wanted::Everything);
    }
}
