//! The connections to servers that this proxy makes: who captures packets beside it leaves them out, because their
//! exchanges are recorded already.
//!
//! A packet may be seen before the connection's own end is known here. So who asks waits while a server is being
//! dialled; and what was dialled in vain, of which the own end is never known, is told by its server and its time.

use overhear_store::Timestamp;
use parking_lot::{Condvar, Mutex};
use std::{
    collections::{HashMap, HashSet, VecDeque},
    net::SocketAddr,
    time::{Duration, Instant},
};

/// So many connections are remembered, and so many that did not come to be.
const MOST: usize = 65_536;
const MOST_VAIN: usize = 4096;

/// How long who asks waits for a connection that is being made.
const PATIENCE: Duration = Duration::from_millis(500);

/// The clocks of packets and programs may differ by so much: nanoseconds.
const ABOUT: i64 = 50_000_000;

/// Connections of this proxy, in bounded memory.
#[derive(Debug, Default)]
pub(crate) struct Own {
    known: Mutex<Known>,
    settled: Condvar,
}

#[derive(Debug, Default)]
struct Known {
    /// Our own end and the server.
    pairs: HashSet<(SocketAddr, SocketAddr)>,
    order: VecDeque<(SocketAddr, SocketAddr)>,
    /// How often each server is being dialled, and since when.
    dialled: HashMap<SocketAddr, (u32, Timestamp)>,
    vain: VecDeque<Vain>,
}

/// An attempt that made no connection.
#[derive(Debug, Clone, Copy)]
struct Vain {
    server: SocketAddr,
    began: Timestamp,
    ended: Timestamp,
}

/// An attempt that is under way. Dropped, it was in vain.
#[derive(Debug)]
pub(super) struct Attempt<'o> {
    own: &'o Own,
    server: SocketAddr,
    began: Timestamp,
    done: bool,
}

impl Own {
    /// A server is being dialled.
    pub(super) fn begin(&self, server: SocketAddr) -> Attempt<'_> {
        let began = Timestamp::now();
        let mut known = self.known.lock();
        known.dialled.entry(server).or_insert((0, began)).0 += 1;
        drop(known);
        Attempt {
            own: self,
            server,
            began,
            done: false,
        }
    }

    /// Whether the connection between these two (in either order), opened at a moment, is ours.
    pub(crate) fn has(&self, a: SocketAddr, b: SocketAddr, opened: Timestamp, stood: bool) -> bool {
        let limit = Instant::now() + PATIENCE;
        let mut known = self.known.lock();
        loop {
            if known.pairs.contains(&(a, b)) || known.pairs.contains(&(b, a)) {
                return true;
            }
            let dialled = [&a, &b].into_iter().find_map(|end| known.dialled.get(end));
            // what does not stand yet has no other mark than its server and its time
            let since = dialled.filter(|_| !stood).map(|(_, since)| since.0);
            if since.is_some_and(|since| opened.0 >= since - ABOUT) {
                return true;
            }
            if dialled.is_none() || self.settled.wait_until(&mut known, limit).timed_out() {
                break;
            }
        }
        let within = |vain: &Vain| {
            (vain.server == a || vain.server == b)
                && opened.0 >= vain.began.0 - ABOUT
                && opened.0 <= vain.ended.0 + ABOUT
        };
        !stood && known.vain.iter().any(within)
    }
}

impl Attempt<'_> {
    /// The connection stands, with this end of ours.
    pub(super) fn stands(mut self, local: SocketAddr) {
        self.done = true;
        let pair = (local, self.server);
        let mut known = self.own.known.lock();
        if known.pairs.insert(pair) {
            known.order.push_back(pair);
        }
        if known.order.len() > MOST
            && let Some(oldest) = known.order.pop_front()
        {
            known.pairs.remove(&oldest);
        }
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        let mut known = self.own.known.lock();
        if let Some((count, _)) = known.dialled.get_mut(&self.server) {
            *count -= 1;
            if *count == 0 {
                known.dialled.remove(&self.server);
            }
        }
        if !self.done {
            if known.vain.len() >= MOST_VAIN {
                known.vain.pop_front();
            }
            known.vain.push_back(Vain {
                server: self.server,
                began: self.began,
                ended: Timestamp::now(),
            });
        }
        drop(known);
        self.own.settled.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    fn address(text: &str) -> SocketAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn what_was_dialled_is_ours() {
        let own = Own::default();
        let (local, server) = (address("10.0.0.1:5000"), address("10.0.0.2:80"));
        let now = Timestamp::now();
        assert!(!own.has(local, server, now, true));
        own.begin(server).stands(local);
        assert!(own.has(local, server, now, true) && own.has(server, local, now, true));
        assert!(!own.has(address("10.0.0.1:5001"), server, now, true));
        // another program reaches the server while we do not
        assert!(!own.has(address("10.0.0.1:5001"), server, now, false));
        for port in 0..=u16::MAX {
            own.begin(server).stands(SocketAddr::new(local.ip(), port));
        }
        own.begin(server).stands(address("10.0.0.9:1"));
        assert_eq!(own.known.lock().pairs.len(), MOST);
        assert!(
            !own.has(local, server, now, true),
            "the oldest is forgotten"
        );
        assert!(own.has(address("10.0.0.9:1"), server, now, true));
    }

    #[test]
    fn what_was_dialled_in_vain_is_told_by_its_time() {
        let own = Own::default();
        let (local, server) = (address("10.0.0.1:5000"), address("10.0.0.2:80"));
        let attempt = own.begin(server);
        let during = Timestamp::now();
        assert!(own.has(local, server, during, false), "it is being dialled");
        drop(attempt);
        assert!(own.has(local, server, during, false));
        assert!(!own.has(local, server, during, true), "that one stood");
        let before = Timestamp(during.0 - 60_000_000_000);
        assert!(!own.has(local, server, before, false));
        assert!(!own.has(local, address("10.0.0.3:80"), during, false));
    }

    #[test]
    fn who_asks_too_early_waits() {
        let own = Own::default();
        let (local, server) = (address("10.0.0.1:5000"), address("10.0.0.2:80"));
        let attempt = own.begin(server);
        thread::scope(|scope| {
            let asked = scope.spawn(|| own.has(local, server, Timestamp::now(), true));
            attempt.stands(local);
            assert!(asked.join().expect("no panic"));
        });
    }
}
