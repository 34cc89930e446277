//! Moments as text: RFC 3339, UTC, nanoseconds.

use overhear_store::Timestamp;
use time::OffsetDateTime;

/// A moment as RFC 3339 with nine digits of a second: `2026-11-21T01:02:03.123456789Z`.
pub fn rfc3339(at: Timestamp) -> String {
    let Ok(moment) = OffsetDateTime::from_unix_timestamp_nanos(i128::from(at.0)) else {
        // 64 bits of nanoseconds reach from 1677 to 2262
        return String::new();
    };
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:09}Z",
        moment.year(),
        u8::from(moment.month()),
        moment.day(),
        moment.hour(),
        moment.minute(),
        moment.second(),
        moment.nanosecond()
    )
}

/// [`rfc3339`] of a moment that may not have come.
pub(super) fn optional(at: Option<Timestamp>) -> Option<String> {
    at.map(rfc3339)
}

/// Seconds since the epoch as RFC 3339 without a fraction: certificate validity.
pub(crate) fn seconds(at: i64) -> String {
    OffsetDateTime::from_unix_timestamp(at).map_or_else(
        |_| String::new(),
        |moment| {
            format!(
                "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z",
                moment.year(),
                u8::from(moment.month()),
                moment.day(),
                moment.hour(),
                moment.minute(),
                moment.second()
            )
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_every_digit() {
        assert_eq!(
            rfc3339(Timestamp(1_795_222_923_123_456_789)),
            "2026-11-21T01:02:03.123456789Z"
        );
        assert_eq!(rfc3339(Timestamp(0)), "1970-01-01T00:00:00.000000000Z");
        assert_eq!(seconds(1_795_222_923), "2026-11-21T01:02:03Z");
    }

    #[test]
    fn any_number_is_written() {
        assert_eq!(
            rfc3339(Timestamp(i64::MIN)),
            "1677-09-21T00:12:43.145224192Z"
        );
        assert_eq!(seconds(i64::MAX), "");
    }
}
