//! Moments and ages: `started:` and `age:`.

use super::{
    FilterError,
    lex::{Compare, Span},
};
use std::ops::RangeInclusive;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// What begins at a moment, before or after it, or between two: nanoseconds since the Unix epoch. A moment is as
/// long as it is written: a second, or a part of one.
pub(super) fn started(
    text: &str,
    compare: Option<Compare>,
    span: Span,
) -> Result<RangeInclusive<i64>, FilterError> {
    let moment = |text: &str| {
        moment(text).ok_or_else(|| {
            let message = format!(
                "{text} is not a moment: write one as 2026-11-21T13:05:00Z, 2026-11-21T14:05:00.5+01:00"
            );
            FilterError::new(span, message)
        })
    };
    if compare.is_none()
        && let Some((low, high)) = text.split_once("..")
    {
        let first = match low {
            "" if high.is_empty() => moment(text)?.0,
            "" => i64::MIN,
            low => moment(low)?.0,
        };
        let last = match high {
            "" => i64::MAX,
            high => moment(high)?.1,
        };
        if first > last {
            let message = format!("{text} is empty: the earlier moment stands first");
            return Err(FilterError::new(span, message));
        }
        return Ok(first..=last);
    }
    let (first, last) = moment(text)?;
    Ok(match compare {
        Some(Compare::Greater) => last.saturating_add(1)..=i64::MAX,
        Some(Compare::AtLeast) => first..=i64::MAX,
        Some(Compare::Less) => i64::MIN..=first.saturating_sub(1),
        Some(Compare::AtMost) => i64::MIN..=last,
        Some(Compare::Equal) | None => first..=last,
    })
}

/// The first and the last nanosecond of a moment.
fn moment(text: &str) -> Option<(i64, i64)> {
    let upper = text.to_ascii_uppercase();
    let moment = OffsetDateTime::parse(&upper, &Rfc3339).ok()?;
    let first = i64::try_from(moment.unix_timestamp_nanos()).ok()?;
    let digits = upper.split_once('.').map_or(0, |(_, fraction)| {
        fraction.chars().take_while(char::is_ascii_digit).count()
    });
    let length = 10_i64.pow(9 - digits.min(9) as u32);
    Some((first, first.saturating_add(length - 1)))
}

/// How long ago something began, in nanoseconds. A time alone is the longest.
pub(super) fn age(
    text: &str,
    compare: Option<Compare>,
    span: Span,
) -> Result<RangeInclusive<i64>, FilterError> {
    let time = |text: &str| {
        nanoseconds(text).ok_or_else(|| {
            let message = format!("{text} is not a time: write one as 30s, 10m, 2h, 7d");
            FilterError::new(span, message)
        })
    };
    if compare.is_none()
        && let Some((low, high)) = text.split_once("..")
    {
        let (low, high) = (time(low)?, time(high)?);
        if low > high {
            let message = format!("{text} is empty: the shorter time stands first");
            return Err(FilterError::new(span, message));
        }
        return Ok(low..=high);
    }
    let time = time(text)?;
    Ok(match compare {
        Some(Compare::Greater) => time.saturating_add(1)..=i64::MAX,
        Some(Compare::AtLeast) => time..=i64::MAX,
        Some(Compare::Less) => i64::MIN..=time.saturating_sub(1),
        Some(Compare::AtMost | Compare::Equal) | None => i64::MIN..=time,
    })
}

fn nanoseconds(text: &str) -> Option<i64> {
    let digits = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (digits, unit) = text.split_at_checked(digits)?;
    let second = 1_000_000_000_i64;
    let factor = match unit.to_ascii_lowercase().as_str() {
        "ms" => second / 1000,
        "s" => second,
        "m" | "min" => 60 * second,
        "h" => 3600 * second,
        "d" => 24 * 3600 * second,
        _ => return None,
    };
    if let Ok(whole) = digits.parse::<i64>() {
        return whole.checked_mul(factor);
    }
    let value = digits.parse::<f64>().ok()? * factor as f64;
    (value < 9e18).then_some(value.round() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPAN: Span = Span {
        offset: 0,
        length: 1,
    };
    const SECOND: i64 = 1_000_000_000;
    /// 2026-11-21T13:05:00Z
    const THEN: i64 = 1_795_266_300 * SECOND;

    #[test]
    fn moments_are_as_long_as_they_are_written() {
        let range = |text: &str, compare| started(text, compare, SPAN);
        for text in [
            "2026-11-21T13:05:00Z",
            "2026-11-21t14:05:00+01:00",
            "2026-11-21T07:05:00-06:00",
        ] {
            assert_eq!(range(text, None), Ok(THEN..=THEN + SECOND - 1), "{text}");
        }
        let half = "2026-11-21T13:05:00.5Z";
        assert_eq!(
            range(half, None),
            Ok(THEN + SECOND / 2..=THEN + 6 * SECOND / 10 - 1)
        );
        let exact = "2026-11-21T13:05:00.123456789Z";
        assert_eq!(
            range(exact, None),
            Ok(THEN + 123_456_789..=THEN + 123_456_789)
        );
        let whole = "2026-11-21T13:05:00Z";
        for (compare, expected) in [
            (Compare::Less, i64::MIN..=THEN - 1),
            (Compare::AtMost, i64::MIN..=THEN + SECOND - 1),
            (Compare::AtLeast, THEN..=i64::MAX),
            (Compare::Greater, THEN + SECOND..=i64::MAX),
        ] {
            assert_eq!(range(whole, Some(compare)), Ok(expected));
        }
        assert_eq!(
            range("2026-11-21T13:05:00.000Z..2026-11-21T13:05:00.9Z", None),
            Ok(THEN..=THEN + SECOND - 1)
        );
        assert_eq!(range("2026-11-21T13:05:00Z..", None), Ok(THEN..=i64::MAX));
        for wrong in [
            "",
            "..",
            "yesterday",
            "2026-11-21",
            "2026-13-21T13:05:00Z",
            "2026-11-21T13:05:00",
            "9999-11-21T13:05:00Z",
            "2026-11-21T13:05:01Z..2026-11-21T13:05:00Z",
        ] {
            assert!(range(wrong, None).is_err(), "{wrong}");
        }
    }

    #[test]
    fn ages() {
        let range = |text: &str, compare| age(text, compare, SPAN);
        assert_eq!(range("10m", None), Ok(i64::MIN..=600 * SECOND));
        assert_eq!(
            range("1.5s", Some(Compare::Less)),
            Ok(i64::MIN..=1_499_999_999)
        );
        assert_eq!(
            range("2h", Some(Compare::Greater)),
            Ok(7200 * SECOND + 1..=i64::MAX)
        );
        assert_eq!(range("1h..1d", None), Ok(3600 * SECOND..=86_400 * SECOND));
        for wrong in ["", "10", "m", "1w", "2m..1m", "..", "99999999999999d"] {
            assert!(range(wrong, None).is_err(), "{wrong}");
        }
    }
}
