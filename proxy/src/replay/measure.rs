//! What many sends of a request have in common: how they ended, and how their times are distributed.

use overhear_store::{FailureCause, FlowId};
use std::collections::BTreeMap;

/// Bars of the histogram in a decade of times.
const BARS: i32 = 10;
/// Shorter times are in the first bar: milliseconds.
const LEAST: f64 = 0.01;
/// Bars there are at most: from a hundredth of a millisecond to more than ten days.
const MOST_BARS: i32 = 110;

/// One send that is over.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// Which round it belongs to, from 0.
    pub round: u32,
    /// Which of the run's requests, from 0.
    pub request: u32,
    /// The flow it began with.
    pub flow: FlowId,
    /// The flow it ended with: another one when redirections were followed.
    pub last: FlowId,
    /// Redirections that were followed.
    pub redirects: u32,
    /// The status of the last flow.
    pub status: Option<u16>,
    /// Why the last flow failed, and in words.
    pub failure: Option<(FailureCause, String)>,
    /// Why a redirection was not followed further.
    pub unfollowed: Option<String>,
    /// Milliseconds; of all its flows together, each from the first byte of its request on.
    pub ms: f64,
}

/// Sends that ended alike.
#[derive(Debug, Clone, PartialEq)]
pub struct Kinds {
    /// The status; none where there was no response.
    pub status: Option<u16>,
    /// Why they failed; none where they did not.
    pub cause: Option<FailureCause>,
    /// How many.
    pub count: usize,
    /// The median of their times: milliseconds.
    pub median_ms: f64,
}

/// A bar of the histogram: times in `from_ms..to_ms`.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "limits of times and a number")]
pub struct Span {
    pub from_ms: f64,
    pub to_ms: f64,
    pub count: usize,
}

/// How sends ended, and the times of those that did not fail: milliseconds.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Distribution {
    /// How they ended, by status, then by failure.
    pub kinds: Vec<Kinds>,
    /// How many did not fail.
    pub answered: usize,
    /// The shortest time.
    pub min_ms: f64,
    /// Percentiles by the nearest rank: the least time that this part of the sends does not exceed.
    pub median_ms: f64,
    /// The 95th percentile.
    pub p95_ms: f64,
    /// The 99th percentile.
    pub p99_ms: f64,
    /// The longest time.
    pub max_ms: f64,
    /// The arithmetic mean.
    pub mean_ms: f64,
    /// Ten bars a decade, from that of the shortest time to that of the longest; the limits never change.
    pub histogram: Vec<Span>,
}

impl Distribution {
    /// Of these sends.
    pub fn of(all: &[Measured]) -> Self {
        type Key = (Option<u16>, Option<i64>);
        let mut kinds: BTreeMap<Key, (Option<FailureCause>, Vec<f64>)> = BTreeMap::new();
        for one in all {
            let cause = one.failure.as_ref().map(|(cause, _)| *cause);
            // a failed one may have the status of the proxy's own answer
            let status = one.status.filter(|_| cause.is_none());
            let key = (status, cause.map(|cause| cause as i64));
            let entry = kinds.entry(key).or_insert((cause, Vec::new()));
            entry.1.push(one.ms);
        }
        let kinds = kinds.into_iter().map(|((status, _), (cause, times))| {
            let times = sorted(times);
            Kinds {
                status,
                cause,
                count: times.len(),
                median_ms: percentile(&times, 50),
            }
        });
        // those with a status first
        let (answers, failures): (Vec<_>, Vec<_>) = kinds.partition(|kind| kind.cause.is_none());
        let times = all.iter().filter(|one| one.failure.is_none());
        let times = sorted(times.map(|one| one.ms).collect());
        Self {
            kinds: [answers, failures].concat(),
            answered: times.len(),
            min_ms: percentile(&times, 0),
            median_ms: percentile(&times, 50),
            p95_ms: percentile(&times, 95),
            p99_ms: percentile(&times, 99),
            max_ms: percentile(&times, 100),
            mean_ms: match times.len() {
                0 => 0.0,
                count => times.iter().sum::<f64>() / count as f64,
            },
            histogram: histogram(&times),
        }
    }
}

fn sorted(mut times: Vec<f64>) -> Vec<f64> {
    times.sort_by(f64::total_cmp);
    times
}

/// Of sorted times; 0 when there are none.
fn percentile(times: &[f64], part: usize) -> f64 {
    let rank = (times.len() * part).div_ceil(100).max(1) - 1;
    times.get(rank).copied().unwrap_or(0.0)
}

/// Where a bar begins: milliseconds.
fn bound(bar: i32) -> f64 {
    match bar {
        0 => 0.0,
        bar => LEAST * 10_f64.powf(f64::from(bar) / f64::from(BARS)),
    }
}

fn bar(ms: f64) -> i32 {
    let guess = ((ms.max(LEAST) / LEAST).log10() * f64::from(BARS)) as i32;
    // a logarithm is not exact where bars meet
    let guess = guess.clamp(0, MOST_BARS);
    match (ms < bound(guess), ms >= bound(guess + 1)) {
        (true, _) => guess - 1,
        (_, true) => (guess + 1).min(MOST_BARS),
        _ => guess,
    }
}

fn histogram(times: &[f64]) -> Vec<Span> {
    let (Some(first), Some(last)) = (times.first(), times.last()) else {
        return Vec::new();
    };
    let first = bar(*first);
    let spans = (first..=bar(*last)).map(|bar| Span {
        from_ms: bound(bar),
        to_ms: bound(bar + 1),
        count: 0,
    });
    let mut spans: Vec<Span> = spans.collect();
    for time in times {
        let at = usize::try_from(bar(*time) - first).unwrap_or(0);
        if let Some(span) = spans.get_mut(at) {
            span.count += 1;
        }
    }
    spans
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(status: Option<u16>, cause: Option<FailureCause>, ms: f64) -> Measured {
        Measured {
            round: 0,
            request: 0,
            flow: FlowId(1),
            last: FlowId(1),
            redirects: 0,
            status,
            failure: cause.map(|cause| (cause, "why".to_owned())),
            unfollowed: None,
            ms,
        }
    }

    #[test]
    fn percentiles_are_times_that_were_measured() {
        let all: Vec<_> = (1..=200)
            .rev()
            .map(|ms| one(Some(200), None, f64::from(ms)))
            .collect();
        let found = Distribution::of(&all);
        assert_eq!((found.min_ms, found.max_ms), (1.0, 200.0));
        assert_eq!((found.median_ms, found.mean_ms), (100.0, 100.5));
        assert_eq!((found.p95_ms, found.p99_ms), (190.0, 198.0));
        let single = Distribution::of(&[one(Some(200), None, 7.0)]);
        for part in [
            single.min_ms,
            single.median_ms,
            single.p99_ms,
            single.max_ms,
        ] {
            assert_eq!(part, 7.0);
        }
        assert_eq!(Distribution::of(&[]), Distribution::default());
    }

    #[test]
    fn failures_are_counted_and_not_timed() {
        let refused = Some(FailureCause::Refused);
        let all = [
            one(Some(502), refused, 1.0),
            one(Some(500), None, 30.0),
            one(Some(200), None, 10.0),
            one(None, refused, 3.0),
            one(Some(200), None, 20.0),
            one(None, Some(FailureCause::Timeout), 9000.0),
        ];
        let found = Distribution::of(&all);
        let kinds: Vec<_> = found
            .kinds
            .iter()
            .map(|kind| (kind.status, kind.cause, kind.count, kind.median_ms))
            .collect();
        assert_eq!(
            kinds,
            [
                (Some(200), None, 2, 10.0),
                (Some(500), None, 1, 30.0),
                (None, refused, 2, 1.0),
                (None, Some(FailureCause::Timeout), 1, 9000.0),
            ]
        );
        assert_eq!((found.answered, found.max_ms), (3, 30.0));
    }

    #[test]
    fn every_time_is_in_the_bar_that_holds_it() {
        let mut times = vec![
            0.0, 0.005, 0.01, 0.1, 1.0, 9.999, 10.0, 12.589, 12.59, 1e4, 1e7,
        ];
        times.extend((0..MOST_BARS).map(bound));
        let times = sorted(times);
        for time in &times {
            let bar = bar(*time);
            assert!(
                bound(bar) <= *time && *time < bound(bar + 1),
                "{time}: {bar}"
            );
        }
        let spans = histogram(&times);
        let counted: usize = spans.iter().map(|span| span.count).sum();
        assert_eq!(counted, times.len());
        for pair in spans.windows(2) {
            assert_eq!(pair[0].to_ms, pair[1].from_ms);
        }
        // ten bars a decade: one ends at 5.01
        assert_eq!(histogram(&[4.0, 4.9]).len(), 1);
        assert_eq!(histogram(&[4.9, 5.1]).len(), 2);
        assert_eq!(histogram(&[1.0, 10.0]).len(), 11);
        assert_eq!(histogram(&[f64::MAX]).len(), 1);
    }
}
