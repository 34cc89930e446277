//! TCP connections with what was counted of them: a table, or JSON with everything.

use super::{Input, moment, seconds, segments};
use crate::terminal::{duration, size};
use overhear_capture::{
    Damage,
    tcp::{Account, Connection, Direction, Ending, Event, Side, Sink, Spread, Tcp, Wanted},
};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    io::{self, Write},
};

/// Connections that are over and wait for one that began before them.
const MOST_WAITING: usize = 10_000;

pub(super) fn print(
    input: &mut Input,
    out: &mut impl Write,
    json: bool,
) -> anyhow::Result<Option<Damage>> {
    let mut lines = Lines {
        out,
        json,
        next: 1,
        waiting: BTreeMap::new(),
        counted: None,
        written: Ok(()),
    };
    if !json {
        lines.header()?;
    }
    let mut tcp = Tcp::new(Wanted {
        streams: false,
        account: true,
    });
    let damage = segments(input, |place, ip, segment| {
        tcp.segment(place, ip, segment, &mut lines);
        std::mem::replace(&mut lines.written, Ok(()))?;
        Ok(())
    })?;
    tcp.finish(&mut lines);
    while lines.first()? {}
    lines.written?;
    Ok(damage)
}

/// Prints connections in the order of their first packets, as far as that needs no more than a bounded memory.
struct Lines<'a, W> {
    out: &'a mut W,
    json: bool,
    next: u64,
    waiting: BTreeMap<u64, String>,
    counted: Option<Box<Account>>,
    written: io::Result<()>,
}

impl<W: Write> Sink for Lines<'_, W> {
    fn event(&mut self, connection: &Connection, event: Event<'_>) {
        let Event::Closed(ending) = event else {
            return;
        };
        let Some(account) = self.counted.take() else {
            return;
        };
        let text = match self.json {
            true => as_json(connection, &account, ending).to_string(),
            false => as_rows(connection, &account),
        };
        self.waiting.insert(connection.number, text);
        loop {
            let ready = self.waiting.contains_key(&self.next) || self.waiting.len() > MOST_WAITING;
            match ready.then(|| self.first()) {
                None => return,
                Some(Ok(_)) => {}
                Some(Err(error)) => {
                    self.written = Err(error);
                    return;
                }
            }
        }
    }

    fn counted(&mut self, _: &Connection, account: &Account) {
        self.counted = Some(Box::new(account.clone()));
    }
}

impl<W: Write> Lines<'_, W> {
    fn header(&mut self) -> io::Result<()> {
        writeln!(
            self.out,
            "{:>6}    {:<44} {:>8} {:>10} {:>8} {:>8} {:>9} {:>9} {:>9} {:>12}",
            "NUMBER",
            "FROM > TO",
            "PACKETS",
            "DATA",
            "AGAIN",
            "DISORDER",
            "WINDOW 0",
            "RTT MIN",
            "RTT MEAN",
            "THROUGHPUT"
        )
    }

    /// Prints the first that waits; whether there was one.
    fn first(&mut self) -> io::Result<bool> {
        let Some((number, text)) = self.waiting.pop_first() else {
            return Ok(false);
        };
        self.next = self.next.max(number + 1);
        writeln!(self.out, "{text}")?;
        Ok(true)
    }
}

fn as_rows(connection: &Connection, account: &Account) -> String {
    let row = |side, direction: &Direction| {
        let ends = format!(
            "{} > {}",
            connection.end(side),
            connection.end(side.other())
        );
        let ms = |ns: Option<f64>| ns.map_or_else(|| "-".to_owned(), |ns| duration(ns / 1e6));
        let least = (direction.rtt.samples > 0).then_some(direction.rtt.min as f64);
        let throughput = account.throughput(side).unwrap_or(0.0);
        format!(
            "{:<44} {:>8} {:>10} {:>8} {:>8} {:>9} {:>9} {:>9} {:>12}",
            ends,
            direction.packets,
            size(direction.unique_bytes),
            direction.retransmitted_packets,
            direction.out_of_order_packets,
            direction.zero_windows,
            ms(least),
            ms(direction.rtt.mean()),
            format!("{}/s", size(throughput as u64)),
        )
    };
    format!(
        "{:>6} a  {}\n       b  {}",
        connection.number,
        row(Side::A, &account.a),
        row(Side::B, &account.b)
    )
}

fn as_json(connection: &Connection, account: &Account, ending: Ending) -> Value {
    let side = |side| match side {
        Side::A => "a",
        Side::B => "b",
    };
    let ending = match ending {
        Ending::Over if connection.reset_by.is_some() => "reset",
        Ending::Over => "finished",
        Ending::Replaced => "replaced",
        Ending::Idle => "idle",
        Ending::Crowded => "crowded",
        _ => "end of capture",
    };
    json!({
        "number": connection.number,
        "opened_by": connection.opened_by.map(side),
        "reset_by": connection.reset_by.map(side),
        "ending": ending,
        "vlan": connection.vlan,
        "first_packet": connection.first_packet,
        "first": moment(connection.first_time),
        "last": moment(connection.last_time),
        "duration_s": seconds(account.duration()),
        "packets": connection.packets,
        "a": direction(connection, account, Side::A),
        "b": direction(connection, account, Side::B),
    })
}

fn direction(connection: &Connection, account: &Account, side: Side) -> Value {
    let counted = match side {
        Side::A => &account.a,
        Side::B => &account.b,
    };
    let end = connection.end(side);
    let sent = json!({
        "address": end.ip().to_string(),
        "port": end.port(),
        "packets": counted.packets,
        "resets": counted.resets,
        "acks": counted.acks,
        "pure_acks": counted.pure_acks,
        "sack_packets": counted.sack_packets,
        "dsack_packets": counted.dsack_packets,
        "most_sack_blocks": counted.most_sack_blocks,
        "unique_bytes": counted.unique_bytes,
        "data_packets": counted.data_packets,
        "data_bytes": counted.data_bytes,
        "retransmitted_packets": counted.retransmitted_packets,
        "retransmitted_bytes": counted.retransmitted_bytes,
        "zero_window_probe_packets": counted.zero_window_probe_packets,
        "zero_window_probe_bytes": counted.zero_window_probe_bytes,
        "out_of_order_packets": counted.out_of_order_packets,
        "pushed_packets": counted.pushed_packets,
        "syn_packets": counted.syn_packets,
        "fin_packets": counted.fin_packets,
        "window_scale": counted.window_scale,
        "timestamps": counted.timestamps,
        "sack_permitted": counted.sack_permitted,
        "urgent_packets": counted.urgent_packets,
        "urgent_bytes": counted.urgent_bytes,
        "mss": counted.mss,
    });
    let way = json!({
        "segment": {
            "max": counted.largest_segment,
            "min": counted.smallest_segment,
            "mean": counted.mean_segment(),
        },
        "window": {
            "max": counted.window_max,
            "min": counted.window_min,
            "mean": counted.mean_window(),
            "zero": counted.zero_windows,
        },
        "outstanding": {
            "max": counted.outstanding_max,
            "min": counted.outstanding_min,
            "mean": counted.mean_outstanding(),
            "mean_over_time": counted.weighted_outstanding(),
        },
        "initial_window_bytes": counted.initial_window_bytes,
        "initial_window_packets": counted.initial_window_packets,
        "stream_length": counted.stream_length(),
        "missed_bytes": counted.missed_bytes(),
        "truncated_bytes": counted.truncated_bytes,
        "truncated_packets": counted.truncated_packets,
        "transmission_time_s": seconds(counted.transmission_time()),
        "idle_max_ms": counted.idle_max as f64 / 1e6,
        "throughput": account.throughput(side),
        "rtt_ms": spread(&counted.rtt),
        "rtt_handshake_ms": counted.handshake_rtt.map(|time| time as f64 / 1e6),
        "rtt_full_ms": spread(&counted.rtt_full),
        "acks_after_loss": counted.acks_after_loss,
        "rtt_ambiguous_ms": spread(&counted.rtt_last),
        "cumulatively_acknowledged": counted.cumulatively_acknowledged,
        "duplicate_acks": counted.duplicate_acks,
        "triple_duplicate_acks": counted.triple_duplicate_acks,
        "most_retransmissions": counted.most_retransmissions,
        "retransmission_time_ms": spread(&counted.retransmission_time),
    });
    match (sent, way) {
        (Value::Object(mut sent), Value::Object(way)) => {
            sent.extend(way);
            Value::Object(sent)
        }
        (sent, _) => sent,
    }
}

/// Milliseconds.
fn spread(spread: &Spread) -> Value {
    let some = spread.samples > 0;
    json!({
        "samples": spread.samples,
        "min": some.then_some(spread.min as f64 / 1e6),
        "max": some.then_some(spread.max as f64 / 1e6),
        "mean": spread.mean().map(|mean| mean / 1e6),
        "stdev": spread.deviation().map(|deviation| deviation / 1e6),
    })
}
