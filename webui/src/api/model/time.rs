//! Moments as text: RFC 3339, UTC, nanoseconds.

use overhear_store::Timestamp;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

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

/// Reads a moment as RFC 3339.
pub(crate) fn moment(text: &str) -> Option<Timestamp> {
    let moment = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    let nanoseconds = i64::try_from(moment.unix_timestamp_nanos()).ok()?;
    Some(Timestamp(nanoseconds))
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
    fn what_is_written_can_be_read() {
        for at in [0, 1_795_222_923_123_456_789, i64::MIN, i64::MAX] {
            assert_eq!(moment(&rfc3339(Timestamp(at))), Some(Timestamp(at)));
        }
        let one = Some(Timestamp(1_795_222_923_500_000_000));
        assert_eq!(moment("2026-11-21T02:02:03.5+01:00"), one);
        for wrong in ["", "now", "2026-11-21", "9999-01-01T00:00:00Z"] {
            assert_eq!(moment(wrong), None);
        }
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
