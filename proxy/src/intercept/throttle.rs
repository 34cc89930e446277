//! How slow a connection is made: bytes pass when their turn has come, which is counted for all of a host together.

use overhear_store::{
    Side,
    rule::{Link, RuleError},
};
use parking_lot::Mutex;
use std::{collections::HashMap, sync::Arc, time::Duration};
use tokio::time::{Instant, sleep, sleep_until};

/// Named connections: kilobits a second down and up, and milliseconds of latency.
const PROFILES: &[(&str, u64, u64, u64)] = &[
    ("gprs", 50, 20, 500),
    ("edge", 240, 200, 300),
    ("3g", 1_600, 768, 150),
    ("slow-4g", 4_000, 3_000, 85),
    ("lte", 12_000, 12_000, 35),
    ("dsl", 16_000, 2_400, 25),
    ("wifi", 40_000, 20_000, 5),
];

/// Hosts whose turns are remembered, for each rule.
const MOST_HOSTS: usize = 1024;

/// What a timer may be late. Also the most that a lane which was idle may send ahead.
const LATE: Duration = Duration::from_millis(250);

/// What is sent at once: so much of a second.
const PIECE: u64 = 20;

/// A rule's limits.
#[derive(Debug)]
pub(crate) struct Limits {
    /// Bytes a second; 0 is without a limit.
    down: u64,
    up: u64,
    latency: Duration,
    hosts: Mutex<HashMap<String, Arc<Throttle>>>,
}

/// The limits of one host.
#[derive(Debug)]
pub(crate) struct Throttle {
    sides: [Lane; 2],
    latency: Duration,
}

#[derive(Debug)]
struct Lane {
    /// Bytes a second; 0 is without a limit.
    rate: u64,
    /// When the next byte may pass.
    next: Mutex<Option<Instant>>,
}

impl Limits {
    pub(crate) fn new(link: &Link) -> Result<Self, RuleError> {
        let (mut down, mut up, mut latency) = (0, 0, 0);
        if let Some(name) = &link.profile {
            let mut profiles = PROFILES.iter();
            let Some(profile) = profiles.find(|(known, ..)| known.eq_ignore_ascii_case(name))
            else {
                let names: Vec<_> = PROFILES.iter().map(|(name, ..)| *name).collect();
                return Err(RuleError::Text(format!(
                    "there is no profile {name:?}: there are {}",
                    names.join(", ")
                )));
            };
            (_, down, up, latency) = *profile;
        }
        down = link.down_kbps.unwrap_or(down);
        up = link.up_kbps.unwrap_or(up);
        latency = link.latency_ms.unwrap_or(latency);
        if latency > 60_000 {
            return Err(RuleError::Text(format!(
                "a latency of {latency} ms is more than a minute, which is the most"
            )));
        }
        if (down, up, latency) == (0, 0, 0) {
            return Err(RuleError::Text(
                "throttle slows nothing: give it a profile, down_kbps, up_kbps or latency_ms"
                    .to_owned(),
            ));
        }
        let bytes = |kbps: u64| kbps.saturating_mul(1000) / 8;
        Ok(Self {
            down: bytes(down),
            up: bytes(up),
            latency: Duration::from_millis(latency),
            hosts: Mutex::default(),
        })
    }

    /// The limits of a host.
    pub(crate) fn of(&self, host: &str) -> Arc<Throttle> {
        let mut hosts = self.hosts.lock();
        if let Some(known) = hosts.get(host) {
            return known.clone();
        }
        if hosts.len() >= MOST_HOSTS {
            // those that nobody uses just now begin anew
            hosts.retain(|_, throttle| Arc::strong_count(throttle) > 1);
        }
        let lane = |rate| Lane {
            rate,
            next: Mutex::default(),
        };
        let made = Arc::new(Throttle {
            sides: [lane(self.up), lane(self.down)],
            latency: self.latency,
        });
        if hosts.len() < MOST_HOSTS {
            hosts.insert(host.to_owned(), made.clone());
        }
        made
    }
}

impl Throttle {
    /// Waits as long as a request takes to get there.
    pub(crate) async fn latency(&self) {
        sleep(self.latency).await;
    }

    /// The most that may be sent at once.
    pub(crate) fn piece(&self, side: Side) -> usize {
        match self.lane(side).rate {
            0 => usize::MAX,
            rate => usize::try_from(rate / PIECE).unwrap_or(usize::MAX).max(1),
        }
    }

    /// Waits until so many bytes have passed.
    pub(crate) async fn pass(&self, side: Side, bytes: usize) {
        let lane = self.lane(side);
        if lane.rate == 0 || bytes == 0 {
            return;
        }
        let takes = Duration::from_secs_f64(bytes as f64 / lane.rate as f64);
        let until = {
            let mut next = lane.next.lock();
            let now = Instant::now();
            // timers are late, and a busy machine makes them later: what was lost so is made up for
            let begins = next.filter(|next| *next + LATE > now).unwrap_or(now);
            let until = begins + takes;
            *next = Some(until);
            until
        };
        sleep_until(until).await;
    }

    fn lane(&self, side: Side) -> &Lane {
        match side {
            Side::Request => &self.sides[0],
            Side::Response => &self.sides[1],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(link: Link) -> Result<Limits, RuleError> {
        Limits::new(&link)
    }

    #[tokio::test(start_paused = true)]
    async fn what_passes_takes_its_time_for_all_of_a_host_together() {
        let link = Link {
            down_kbps: Some(8),
            ..Link::default()
        };
        let limits = limits(link).unwrap_or_else(|error| panic!("{error}"));
        let (one, two) = (limits.of("a.test"), limits.of("a.test"));
        let begun = Instant::now();
        let both = async {
            for _ in 0..5 {
                tokio::join!(one.pass(Side::Response, 500), two.pass(Side::Response, 500));
            }
        };
        both.await;
        // 5000 bytes at 1000 bytes a second
        let took = begun.elapsed().as_secs_f64();
        assert!((4.99..5.05).contains(&took), "{took}");
        // the other way, and another host, are not slowed
        one.pass(Side::Request, 1 << 30).await;
        limits.of("b.test").pass(Side::Response, 100).await;
        assert!(begun.elapsed().as_secs_f64() < took + 0.2);
    }

    #[tokio::test(start_paused = true)]
    async fn what_timers_are_late_is_made_up_for() {
        let link = Link {
            down_kbps: Some(800),
            ..Link::default()
        };
        let lane = limits(link)
            .unwrap_or_else(|error| panic!("{error}"))
            .of("a.test");
        let begun = Instant::now();
        for _ in 0..100 {
            lane.pass(Side::Response, 5000).await;
            // the machine is busy
            tokio::time::advance(Duration::from_millis(20)).await;
        }
        // 500,000 bytes at 100,000 a second
        let took = begun.elapsed().as_secs_f64();
        assert!((4.9..5.1).contains(&took), "{took}");
        // but nothing is saved up for long
        tokio::time::advance(Duration::from_secs(60)).await;
        let begun = Instant::now();
        lane.pass(Side::Response, 100_000).await;
        assert!(begun.elapsed().as_secs_f64() > 0.9);
    }

    #[test]
    fn profiles_are_named() {
        let profile = |name: &str| Link {
            profile: Some(name.to_owned()),
            ..Link::default()
        };
        assert!(limits(profile("3G")).is_ok_and(|limits| limits.down == 200_000));
        let error = limits(profile("5g")).err().map(|error| error.to_string());
        assert!(error.is_some_and(|text| text.contains("3g, slow-4g, lte")));
        assert!(limits(Link::default()).is_err());
    }
}
