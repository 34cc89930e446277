//! Clients that keep refusing our certificate for a host, and the hosts that pass through unread for it.

use crate::upstream::same_host;
use arc_swap::ArcSwap;
use parking_lot::Mutex;
use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

/// So many refusals of one client for one host within this time are no accident.
pub(crate) const OFTEN: usize = 3;
pub(crate) const WITHIN: Duration = Duration::from_secs(300);
/// So many clients and hosts are watched; those that refused longest ago are forgotten.
const MOST: usize = 1024;
/// So many hosts pass through at most by themselves.
const MOST_PASSING: usize = 1024;

/// A host that passes through unread, for this run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passing {
    /// As clients ask for it.
    pub host: String,
    /// Nobody chose it: a client kept refusing our certificate, and a person has allowed that.
    pub automatic: bool,
}

/// What clients refused, and what passes through.
#[derive(Debug, Default)]
pub(crate) struct Pins {
    refusals: Mutex<HashMap<(IpAddr, String), Vec<Instant>>>,
    passing: ArcSwap<Vec<Passing>>,
    /// What keeps being refused passes through from then on.
    automatic: AtomicBool,
}

/// What is to be said of a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Refusals {
    /// How many there were lately, this one included.
    pub(crate) count: usize,
    /// The host passes through from now on.
    pub(crate) passes: bool,
}

impl Pins {
    /// A client refused our certificate for a host.
    pub(crate) fn refused(&self, client: IpAddr, host: &str, now: Instant) -> Refusals {
        let lately = |at: &Instant| now.saturating_duration_since(*at) < WITHIN;
        let mut all = self.refusals.lock();
        if all.len() >= MOST {
            all.retain(|_, times| times.last().is_some_and(lately));
        }
        if all.len() >= MOST {
            let oldest = all.iter().min_by_key(|(_, times)| times.last().copied());
            if let Some(key) = oldest.map(|(key, _)| key.clone()) {
                all.remove(&key);
            }
        }
        let times = all.entry((client, host.to_ascii_lowercase())).or_default();
        times.retain(lately);
        // more than enough says no more
        if times.len() >= 4 * OFTEN {
            times.remove(0);
        }
        times.push(now);
        let count = times.len();
        drop(all);
        let passes = count >= OFTEN && self.automatic.load(Ordering::Relaxed);
        if passes && self.passing.load().len() < MOST_PASSING {
            self.put(host, true);
        }
        Refusals { count, passes }
    }

    /// Whether what keeps being refused passes through from then on.
    pub(crate) fn set_automatic(&self, automatic: bool) {
        self.automatic.store(automatic, Ordering::Relaxed);
    }

    /// Lets a host pass through, or reads it again; what was refused before is forgotten then.
    pub(crate) fn pass(&self, host: &str, pass: bool) {
        if pass {
            return self.put(host, false);
        }
        self.passing.rcu(|hosts| {
            let others = hosts.iter().filter(|known| !same_host(&known.host, host));
            others.cloned().collect::<Vec<_>>()
        });
        let mut all = self.refusals.lock();
        all.retain(|(_, refused), _| !same_host(refused, host));
    }

    /// The hosts that pass through.
    pub(crate) fn passing(&self) -> Arc<Vec<Passing>> {
        self.passing.load_full()
    }

    /// Whether a host passes through, and by itself.
    pub(crate) fn is_passing(&self, host: &str) -> Option<bool> {
        let passing = self.passing.load();
        let known = passing.iter().find(|known| same_host(&known.host, host));
        known.map(|known| known.automatic)
    }

    fn put(&self, host: &str, automatic: bool) {
        self.passing.rcu(|hosts| {
            let others = hosts.iter().filter(|known| !same_host(&known.host, host));
            let host = Passing {
                host: host.to_ascii_lowercase(),
                automatic,
            };
            others.cloned().chain([host]).collect::<Vec<_>>()
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLIENT: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    #[test]
    fn the_third_refusal_says_something() {
        let pins = Pins::default();
        let now = Instant::now();
        let counts = |host: &str, at| pins.refused(CLIENT, host, at).count;
        assert_eq!([counts("a.test", now), counts("A.test", now)], [1, 2]);
        assert_eq!(counts("b.test", now), 1);
        let other = IpAddr::from([10, 0, 0, 1]);
        assert_eq!(pins.refused(other, "a.test", now).count, 1);
        assert_eq!(counts("a.test", now), 3);
        assert_eq!(pins.is_passing("a.test"), None, "nobody has allowed that");
        assert_eq!(
            counts("a.test", now + WITHIN),
            1,
            "those before are forgotten"
        );
    }

    #[test]
    fn what_is_allowed_passes_by_itself_and_back() {
        let pins = Pins::default();
        let now = Instant::now();
        pins.set_automatic(true);
        for expected in [false, false, true] {
            assert_eq!(pins.refused(CLIENT, "a.test", now).passes, expected);
        }
        assert_eq!(pins.is_passing("A.test."), Some(true));
        pins.pass("a.test", false);
        assert!(pins.passing().is_empty());
        let again = pins.refused(CLIENT, "a.test", now);
        assert_eq!((again.count, again.passes), (1, false), "it begins anew");
        pins.pass("b.test", true);
        assert_eq!(pins.is_passing("b.test"), Some(false));
    }

    #[test]
    fn memory_is_bounded() {
        let pins = Pins::default();
        let now = Instant::now();
        for n in 0..2 * MOST {
            let at = now + Duration::from_millis(n as u64);
            pins.refused(CLIENT, &format!("{n}.test"), at);
            pins.refused(CLIENT, "kept.test", at);
        }
        let all = pins.refusals.lock();
        assert!(all.len() <= MOST);
        assert!(all.values().all(|times| times.len() <= 4 * OFTEN));
    }
}
