//! TCP connections with what was counted of them: a table, a block each with everything, or JSON with everything.

mod block;

use super::{Input, moment, seconds, segments};
use crate::terminal::{duration, size};
use overhear_capture::{
    Damage,
    tcp::{Account, Connection, Direction, Ending, Event, Side, Sink, Tcp, Wanted},
};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    io::{self, Write},
};

/// Connections that are over and wait for one that began before them.
const MOST_WAITING: usize = 10_000;

/// How connections are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Two lines each.
    Table,
    /// A block each, with everything.
    Blocks,
    /// A JSON object each, with everything.
    Json,
}

pub(super) fn print(
    input: &mut Input,
    out: &mut impl Write,
    form: Form,
) -> anyhow::Result<Option<Damage>> {
    let mut lines = Lines {
        out,
        form,
        next: 1,
        waiting: BTreeMap::new(),
        counted: None,
        written: Ok(()),
    };
    if form == Form::Table {
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
    form: Form,
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
        let text = match self.form {
            Form::Json => as_json(connection, &account, ending).to_string(),
            Form::Blocks => block::text(connection, &account, name_of(connection, ending)),
            Form::Table => as_rows(connection, &account),
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
        let titles = [
            "PACKETS",
            "DATA",
            "AGAIN",
            "AGAIN DATA",
            "DISORDER",
            "MSS",
            "SACK",
            "WINDOW",
            "WINDOW 0",
            "RTT MIN",
            "RTT MEAN",
            "RTT MAX",
            "IDLE",
            "THROUGHPUT",
        ];
        let titles = columns(titles.map(str::to_owned));
        writeln!(self.out, "{:>6}    {:<44} {titles}", "NUMBER", "FROM > TO")
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

/// What stands behind the ends of a connection, under its titles.
fn columns(values: [String; 14]) -> String {
    const WIDTHS: [usize; 14] = [8, 10, 6, 10, 8, 6, 5, 10, 8, 9, 9, 9, 9, 12];
    let cells = values.iter().zip(WIDTHS);
    let cells: Vec<_> = cells
        .map(|(value, width)| format!("{value:>width$}"))
        .collect();
    cells.join(" ")
}

fn as_rows(connection: &Connection, account: &Account) -> String {
    let row = |side, direction: &Direction| {
        let ends = format!(
            "{} > {}",
            connection.end(side),
            connection.end(side.other())
        );
        let ms = |ns: Option<f64>| ns.map_or_else(|| "-".to_owned(), |ns| duration(ns / 1e6));
        let rtt = &direction.rtt;
        let sampled = |time: i64| (rtt.samples > 0).then_some(time as f64);
        let throughput = account.throughput(side).unwrap_or(0.0);
        let values = columns([
            direction.counts.packets.to_string(),
            size(direction.counts.unique_bytes),
            direction.counts.retransmitted_packets.to_string(),
            size(direction.counts.retransmitted_bytes),
            direction.counts.out_of_order_packets.to_string(),
            direction
                .counts
                .mss
                .map_or_else(|| "-".to_owned(), |mss| mss.to_string()),
            // how often it was used, where it was agreed on
            match direction.counts.sack_permitted || direction.counts.sack_packets > 0 {
                true => direction.counts.sack_packets.to_string(),
                false => "no".to_owned(),
            },
            size(direction.window_max),
            direction.zero_windows.to_string(),
            ms(sampled(rtt.min)),
            ms(rtt.mean()),
            ms(sampled(rtt.max)),
            duration(direction.idle_max as f64 / 1e6),
            format!("{}/s", size(throughput as u64)),
        ]);
        format!("{ends:<44} {values}")
    };
    format!(
        "{:>6} a  {}\n       b  {}",
        connection.number,
        row(Side::A, &account.a),
        row(Side::B, &account.b)
    )
}

fn name_of(connection: &Connection, ending: Ending) -> &'static str {
    match ending {
        Ending::Over if connection.reset_by.is_some() => "reset",
        Ending::Over => "finished",
        Ending::Replaced => "replaced",
        Ending::Idle => "idle",
        Ending::Crowded => "crowded",
        _ => "end of capture",
    }
}

fn as_json(connection: &Connection, account: &Account, ending: Ending) -> Value {
    let side = |side| match side {
        Side::A => "a",
        Side::B => "b",
    };
    json!({
        "number": connection.number,
        "opened_by": connection.opened_by.map(side),
        "reset_by": connection.reset_by.map(side),
        "ending": name_of(connection, ending),
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

/// What was counted of a side, behind its end of the connection.
fn direction(connection: &Connection, account: &Account, side: Side) -> Value {
    let end = connection.end(side);
    let mut said = json!({ "address": end.ip().to_string(), "port": end.port() });
    let counted = serde_json::to_value(account.report(side));
    if let (Value::Object(said), Ok(Value::Object(counted))) = (&mut said, counted) {
        said.extend(counted);
    }
    said
}
