//! The phases of an exchange in milliseconds, from what was measured on flow and connection.
//!
//! Dialling counts to the first exported exchange of a connection, as browsers do it; on a reused
//! connection `dns`, `connect` and `ssl` are -1. The phases add up to the whole time.

use crate::api::model::rfc3339;
use overhear_store::{Connection, ConnectionId, Flow, Timestamp};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// One exchange's phases; -1 is "does not apply".
#[derive(Debug, PartialEq)]
pub(super) struct Timings {
    /// When the first phase began: RFC 3339, milliseconds.
    pub(super) started: String,
    /// The sum of all phases.
    pub(super) total: f64,
    blocked: f64,
    dns: f64,
    connect: f64,
    ssl: f64,
    send: f64,
    wait: f64,
    receive: f64,
}

impl Timings {
    /// `dialled` is the connection, when it was made for this flow.
    pub(super) fn of(flow: &Flow, dialled: Option<&Connection>) -> Self {
        let times = &flow.times;
        let dial_began = dialled.and_then(|c| c.dns_start.or(c.connect_start));
        let dial_ended = dialled.and_then(|c| c.server_tls_done.or(c.connected));
        let began = dial_began.map_or(times.started, |dial| dial.min(times.started));

        let request_first = times.request_first.unwrap_or(times.started);
        let request_last = times
            .request_last
            .unwrap_or(request_first)
            .max(request_first);
        // a request that came before the server was reached waits from then on
        let ready = dial_ended.map_or(request_last, |dial| dial.max(request_last));
        let ended = times.response_last.or(times.ended);

        let dns = dialled.and_then(|c| span(c.dns_start, c.dns_done));
        let connect = dialled.and_then(|c| span(c.connect_start, dial_ended));
        let ssl = dialled.and_then(|c| span(c.connected, c.server_tls_done));
        let send = request_last.ms_since(request_first);
        let wait = times
            .response_first
            .or(ended)
            .map_or(0.0, |first| first.ms_since(ready));
        let receive = span(times.response_first, ended).unwrap_or(0.0);

        let known = dns.unwrap_or(0.0) + connect.unwrap_or(0.0) + send + wait + receive;
        let whole = ended.map_or(known, |end| end.ms_since(began)).max(known);
        let blocked = round(whole - known);
        let or_none = |phase: Option<f64>| phase.map_or(-1.0, round);
        let mut timings = Self {
            started: milliseconds(began),
            total: 0.0,
            blocked,
            dns: or_none(dns),
            connect: or_none(connect),
            ssl: or_none(ssl),
            send: round(send),
            wait: round(wait),
            receive: round(receive),
        };
        let phases = [
            timings.blocked,
            timings.dns,
            timings.connect,
            timings.send,
            timings.wait,
            timings.receive,
        ];
        timings.total = round(phases.into_iter().filter(|phase| *phase > 0.0).sum());
        timings
    }

    pub(super) fn json(&self) -> Value {
        json!({
            "blocked": self.blocked, "dns": self.dns, "connect": self.connect, "ssl": self.ssl,
            "send": self.send, "wait": self.wait, "receive": self.receive,
        })
    }
}

/// The connections that were seen, so that dialling counts once.
#[derive(Debug, Default)]
pub(super) struct Dialled(BTreeSet<i64>);

impl Dialled {
    /// Whether this is the connection's first flow. The oldest are forgotten beyond some ten thousand.
    pub(super) fn first(&mut self, id: ConnectionId) -> bool {
        const MOST: usize = 50_000;
        if self.0.len() > MOST {
            self.0.pop_first();
        }
        self.0.insert(id.0)
    }
}

fn span(from: Option<Timestamp>, to: Option<Timestamp>) -> Option<f64> {
    Some(to?.ms_since(from?))
}

/// To a microsecond.
fn round(ms: f64) -> f64 {
    (ms * 1000.0).round() / 1000.0
}

fn milliseconds(at: Timestamp) -> String {
    let text = rfc3339(at);
    // 2026-11-21T01:02:03.123|456789Z
    match text.get(..23) {
        Some(start) => format!("{start}Z"),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    const MS: i64 = 1_000_000;

    fn at(ms: i64) -> Option<Timestamp> {
        Some(Timestamp(ms * MS))
    }

    #[test]
    fn phases_add_up_inside_a_tunnel() {
        let mut flow = testing::flow();
        flow.times.started = Timestamp(60 * MS);
        flow.times.request_first = at(60);
        flow.times.request_last = at(62);
        flow.times.response_first = at(80);
        flow.times.response_last = at(100);
        flow.times.ended = at(101);
        let mut connection = testing::connection();
        connection.dns_start = at(10);
        connection.dns_done = at(15);
        connection.connect_start = at(15);
        connection.connected = at(25);
        connection.server_tls_done = at(40);
        let timings = Timings::of(&flow, Some(&connection));
        let expected = json!({
            "blocked": 20.0, "dns": 5.0, "connect": 25.0, "ssl": 15.0,
            "send": 2.0, "wait": 18.0, "receive": 20.0,
        });
        assert_eq!(timings.json(), expected);
        assert_eq!(timings.total, 90.0);
        assert_eq!(timings.started, "1970-01-01T00:00:00.010Z");

        let reused = Timings::of(&flow, None);
        assert_eq!((reused.dns, reused.connect, reused.ssl), (-1.0, -1.0, -1.0));
        assert_eq!((reused.total, reused.blocked), (40.0, 0.0));
    }

    #[test]
    fn a_dial_after_the_request_is_not_waiting() {
        let mut flow = testing::flow();
        flow.times.started = Timestamp(0);
        flow.times.request_first = at(0);
        flow.times.request_last = at(1);
        flow.times.response_first = at(50);
        flow.times.response_last = at(60);
        let mut connection = testing::connection();
        connection.connect_start = at(1);
        connection.connected = at(31);
        let timings = Timings::of(&flow, Some(&connection));
        assert_eq!(
            (timings.connect, timings.wait, timings.ssl),
            (30.0, 19.0, -1.0)
        );
        assert_eq!(timings.total, 60.0);
    }

    #[test]
    fn nothing_is_negative_whatever_the_clock_did() {
        let mut flow = testing::flow();
        flow.times.started = Timestamp(100 * MS);
        flow.times.request_first = at(90);
        flow.times.request_last = at(70);
        flow.times.response_first = at(60);
        flow.times.response_last = at(50);
        let timings = Timings::of(&flow, None);
        for phase in [
            timings.send,
            timings.wait,
            timings.receive,
            timings.blocked,
            timings.total,
        ] {
            assert!(phase >= 0.0, "{timings:?}");
        }
    }
}
