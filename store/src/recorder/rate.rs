//! How many flows begin in a second.

use parking_lot::Mutex;
use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// The time that is looked at.
const WINDOW: Duration = Duration::from_secs(5);

/// What came within this time is kept as one number.
const STEP: Duration = Duration::from_millis(100);

/// Counts what came lately. Told by the writer, batch by batch.
#[derive(Default)]
pub(crate) struct Rate(Mutex<VecDeque<(Instant, u64)>>);

impl Rate {
    pub(crate) fn add(&self, now: Instant, count: u64) {
        if count == 0 {
            return;
        }
        let mut steps = self.0.lock();
        forget(&mut steps, now);
        match steps.back_mut() {
            Some((begun, sum)) if now.saturating_duration_since(*begun) < STEP => *sum += count,
            _ => steps.push_back((now, count)),
        }
    }

    /// The mean of the last seconds.
    pub(crate) fn per_second(&self, now: Instant) -> f64 {
        let mut steps = self.0.lock();
        forget(&mut steps, now);
        let sum: u64 = steps.iter().map(|(_, count)| count).sum();
        sum as f64 / WINDOW.as_secs_f64()
    }
}

fn forget(steps: &mut VecDeque<(Instant, u64)>, now: Instant) {
    while steps
        .front()
        .is_some_and(|(begun, _)| now.saturating_duration_since(*begun) >= WINDOW)
    {
        steps.pop_front();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_of_five_seconds() {
        let (rate, begun) = (Rate::default(), Instant::now());
        let at = |ms| begun + Duration::from_millis(ms);
        assert_eq!(rate.per_second(at(0)), 0.0);
        for ms in 0..1000 {
            rate.add(at(ms), 1);
        }
        assert_eq!(rate.0.lock().len(), 10);
        assert_eq!(rate.per_second(at(1000)), 200.0);
        assert_eq!(rate.per_second(at(5499)), 100.0);
        rate.add(at(5900), 5);
        assert_eq!(rate.per_second(at(6000)), 1.0);
        assert_eq!(rate.per_second(at(20_000)), 0.0);
    }
}
