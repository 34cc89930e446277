//! Requests that are sent again and again, several at once.
//!
//! A round is all requests of the plan, one after another, each after the one before is over; rounds run beside each other. What
//! is kept of a send is a line, and its flows in the store.

use super::{Measured, Outcome, ReplayRequest, check, replay};
use crate::{engine::Engine, error::Error};
use futures_util::future::join_all;
use overhear_store::{FlowId, Replayed, Timestamp};
use parking_lot::Mutex;
use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Sends of one run at most: rounds times requests.
pub const MOST_SENDS: u32 = 10_000;
/// Rounds that run beside each other at most.
pub const MOST_AT_ONCE: u32 = 64;
/// Different requests of one run at most.
pub const MOST_REQUESTS: usize = 200;
/// Bytes of bodies that are on their way at once at most: the largest body times the rounds beside each other.
const MOST_BODIES: u64 = 256 << 20;

/// What is sent.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The requests of a round, in order; 1 to [`MOST_REQUESTS`]. What stops them is the run's own.
    pub requests: Vec<ReplayRequest>,
    /// How many rounds; from 1, and [`MOST_SENDS`] sends at most.
    pub times: u32,
    /// How many rounds run beside each other; 1 to [`MOST_AT_ONCE`].
    pub at_once: u32,
}

/// A run: what it does and what came of it.
pub struct Run {
    total: u32,
    started: Timestamp,
    begun: AtomicU32,
    next: AtomicU32,
    results: Mutex<Vec<Measured>>,
    ended: watch::Sender<Option<Timestamp>>,
    stop: CancellationToken,
    stopped: CancellationToken,
}

/// How far a run is.
#[derive(Debug, Clone)]
pub struct RunState {
    /// Sends there are to be.
    pub total: u32,
    /// Sends that were begun.
    pub begun: u32,
    /// Sends that are over.
    pub done: u32,
    /// When it began.
    pub started: Timestamp,
    /// When it was over.
    pub ended: Option<Timestamp>,
    /// Somebody stopped it.
    pub stopped: bool,
}

impl Run {
    /// Begins a run.
    pub(crate) fn start(engine: Arc<Engine>, mut plan: Plan) -> Result<Arc<Self>, Error> {
        let total = checked(&plan)?;
        for request in &plan.requests {
            check(request)?;
        }
        // the program's end stops it, too
        let stop = engine.stop.child_token();
        for request in &mut plan.requests {
            request.stop = stop.clone();
        }
        let run = Arc::new(Self {
            total,
            started: Timestamp::now(),
            begun: AtomicU32::new(0),
            next: AtomicU32::new(0),
            results: Mutex::default(),
            ended: watch::Sender::new(None),
            stop,
            stopped: CancellationToken::new(),
        });
        let tasks = engine.replays.clone();
        tasks.spawn(run.clone().execute(engine, plan));
        Ok(run)
    }

    /// How far it is.
    pub fn state(&self) -> RunState {
        RunState {
            total: self.total,
            begun: self.begun.load(Ordering::Relaxed),
            done: u32::try_from(self.results.lock().len()).unwrap_or(u32::MAX),
            started: self.started,
            ended: *self.ended.borrow(),
            stopped: self.stopped.is_cancelled(),
        }
    }

    /// What is over, in the order in which it was over, from a place on.
    pub fn results(&self, from: usize) -> Vec<Measured> {
        let results = self.results.lock();
        results.get(from..).map(<[_]>::to_vec).unwrap_or_default()
    }

    /// Ends it: nothing is sent any more, and what is under way is cut.
    pub fn stop(&self) {
        if self.ended.borrow().is_none() {
            self.stopped.cancel();
        }
        self.stop.cancel();
    }

    /// Waits for its end.
    pub async fn over(&self) {
        let mut ended = self.ended.subscribe();
        // the sender is in self
        let _ = ended.wait_for(Option::is_some).await;
    }

    async fn execute(self: Arc<Self>, engine: Arc<Engine>, plan: Plan) {
        // a request of nothing has no source: what is sent later was made from what was sent first
        let firsts: Vec<watch::Sender<Option<FlowId>>> = plan
            .requests
            .iter()
            .map(|_| watch::Sender::new(None))
            .collect();
        let rounds = (0..plan.at_once.min(plan.times)).map(|_| async {
            loop {
                let round = self.next.fetch_add(1, Ordering::Relaxed);
                if round >= plan.times || self.stop.is_cancelled() {
                    return;
                }
                for (at, (request, first)) in plan.requests.iter().zip(&firsts).enumerate() {
                    if self.stop.is_cancelled() {
                        return;
                    }
                    self.send(&engine, round, at, request, first).await;
                }
            }
        });
        join_all(rounds).await;
        self.ended.send_replace(Some(Timestamp::now()));
    }

    async fn send(
        &self,
        engine: &Arc<Engine>,
        round: u32,
        at: usize,
        request: &ReplayRequest,
        first: &watch::Sender<Option<FlowId>>,
    ) {
        let mut request = request.clone();
        if request.of.is_none() && round > 0 {
            let mut known = first.subscribe();
            let found = tokio::select! {
                found = known.wait_for(Option::is_some) => found.ok().and_then(|found| *found),
                () = self.stop.cancelled() => return,
            };
            request.of = found.map(|flow| Replayed {
                flow,
                modified: false,
            });
        }
        self.begun.fetch_add(1, Ordering::Relaxed);
        // it was looked at before: it cannot be sent when all is being stopped
        let Ok(sent) = replay(engine.clone(), request).await else {
            self.stop.cancel();
            return;
        };
        if round == 0 {
            first.send_replace(Some(sent.flow));
        }
        let Ok(outcome) = sent.done.await else {
            return;
        };
        let measured = measured(round, at, sent.flow, outcome);
        self.results.lock().push(measured);
    }
}

fn checked(plan: &Plan) -> Result<u32, Error> {
    let wrong = |text: String| Err(Error::Replay(text));
    let requests = plan.requests.len();
    if requests == 0 || requests > MOST_REQUESTS {
        return wrong(format!(
            "there are {requests} requests; a run has 1 to {MOST_REQUESTS}"
        ));
    }
    if plan.at_once == 0 || plan.at_once > MOST_AT_ONCE {
        return wrong(format!(
            "{} at once cannot be done; it is 1 to {MOST_AT_ONCE}",
            plan.at_once
        ));
    }
    let largest = plan
        .requests
        .iter()
        .map(|request| request.body.len() as u64);
    let largest = largest.max().unwrap_or(0);
    if largest * u64::from(plan.at_once) > MOST_BODIES {
        return wrong(format!(
            "bodies of {largest} bytes, {} at once, are more than the {} MiB that can be on their way: send fewer at once",
            plan.at_once,
            MOST_BODIES >> 20
        ));
    }
    let total = u64::from(plan.times) * requests as u64;
    match u32::try_from(total) {
        Ok(total @ 1..=MOST_SENDS) => Ok(total),
        _ => wrong(format!(
            "{} times {requests} requests are {total} sends; a run has 1 to {MOST_SENDS}",
            plan.times
        )),
    }
}

fn measured(round: u32, at: usize, flow: FlowId, outcome: Outcome) -> Measured {
    let count = outcome.flows.len();
    Measured {
        round,
        request: u32::try_from(at).unwrap_or(u32::MAX),
        flow,
        last: outcome.flows.last().copied().unwrap_or(flow),
        redirects: u32::try_from(count.saturating_sub(1)).unwrap_or(u32::MAX),
        status: outcome.status,
        failure: outcome.failure.map(|failure| (failure.cause, failure.text)),
        unfollowed: outcome.unfollowed,
        ms: outcome.ms,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(requests: usize, times: u32, at_once: u32) -> Plan {
        Plan {
            requests: vec![ReplayRequest::default(); requests],
            times,
            at_once,
        }
    }

    #[test]
    fn a_run_has_limits_and_says_them() {
        for (good, total) in [
            (plan(1, 1, 1), 1),
            (plan(200, 50, 64), 10_000),
            (plan(1, 10_000, 64), 10_000),
        ] {
            assert_eq!(checked(&good).expect("a good plan"), total);
        }
        for (bad, said) in [
            (plan(0, 1, 1), "1 to 200"),
            (plan(201, 1, 1), "1 to 200"),
            (plan(1, 0, 1), "1 to 10000"),
            (plan(1, 10_001, 1), "1 to 10000"),
            (plan(200, u32::MAX, 1), "1 to 10000"),
            (plan(1, 1, 0), "1 to 64"),
            (plan(1, 1, 65), "1 to 64"),
        ] {
            let text = checked(&bad).expect_err("too many").to_string();
            assert!(text.contains(said), "{text}");
        }
        let mut large = plan(1, 100, 64);
        large.requests[0].body = vec![0; (MOST_BODIES / 64) as usize].into();
        assert!(checked(&large).is_ok());
        large.requests[0].body = vec![0; (MOST_BODIES / 64 + 1) as usize].into();
        let text = checked(&large).expect_err("too large").to_string();
        assert!(text.contains("256 MiB"), "{text}");
    }
}
