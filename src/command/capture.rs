//! `overhear capture`: packets of an interface (or a file) into a file or onto the screen, as tcpdump does it.

mod advice;
mod output;
mod signals;

use crate::{
    cli::{Capture, Precision, Way},
    exit::Usage,
    terminal::tell,
};
use anyhow::Context;
use output::{Going, Output};
use overhear_capture::{
    LinkType, Packet, Reader,
    filter::Filter,
    libpcap::{self, Connection, Direction, Interface, Statistics, Times},
    live::{self, Event, Live},
    write::Counted,
};
use std::{
    io::{self, Write},
    path::Path,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use advice::lost;
pub(super) use advice::{ended, explain, explain_beside};
pub(super) use output::{frame, printer};
pub(super) use signals::watch;

/// How often `-v` tells how far the file is.
const PROGRESS: Duration = Duration::from_secs(1);

pub(super) fn execute(options: &Capture) -> anyhow::Result<()> {
    if options.list_interfaces {
        return list_interfaces();
    }
    let expression = expression(options)?;
    if let Some(file) = &options.read {
        return read(options, file, &expression);
    }
    let live = live_options(options, expression)?;
    if options.list_data_link_types {
        return list_link_types(&live);
    }
    capture(options, &live)
}

/// Captures until something says that it is enough.
fn capture(options: &Capture, live: &live::Options) -> anyhow::Result<()> {
    let mut live_capture = Live::open(live).map_err(explain)?;
    if let Some(warning) = live_capture.warning() {
        tell(&format!("overhear: {warning}"));
    }
    let signals = signals::watch()?;
    let mut output = Output::live(options, &live_capture, live)?;
    tell(&format!(
        "overhear: listening on {}, link-type {}, snapshot length {} bytes",
        live.interface,
        kind(live_capture.kind()),
        live_capture.snaplen()
    ));
    let end = options.duration.map(|limit| Instant::now() + limit);
    let mut told = Instant::now();
    let mut captured = 0;
    let ended = loop {
        if signals.stop() || end.is_some_and(|end| Instant::now() >= end) {
            break Ok(());
        }
        if signals.report() {
            let line = counts(captured, live_capture.statistics()?).join(", ");
            tell(&format!("overhear: {line}"));
        }
        match live_capture.next_event() {
            Ok(Event::Packet(packet)) => {
                captured += 1;
                match output.packet(&packet) {
                    Ok(Going::On) if options.count.is_none_or(|count| captured < count) => {}
                    Ok(_) => break Ok(()),
                    Err(error) => break Err(error),
                }
            }
            Ok(Event::Quiet) => {
                if let Err(error) = output.flush() {
                    break Err(error);
                }
            }
            Ok(Event::End) => break Ok(()),
            // the interface went down or away: what was captured is kept
            Err(error) => break Err(anyhow::Error::new(error).context(live.interface.clone())),
        }
        if options.write.is_some() && options.lines.verbose > 0 && told.elapsed() >= PROGRESS {
            told = Instant::now();
            let _ = write!(io::stderr(), "Got {captured}\r");
        }
    };
    let statistics = live_capture.statistics();
    let counted = statistics.as_ref().ok().map(|statistics| Counted {
        at: now(),
        received: statistics.received.into(),
        dropped: statistics.dropped.into(),
    });
    let finished = output.finish(counted);
    if let Ok(statistics) = statistics {
        for line in counts(captured, statistics) {
            tell(&line);
        }
        if statistics.dropped > 0 {
            let dropped = plural(statistics.dropped.into(), "packet");
            tell(&lost(
                &dropped,
                options.buffer_size.map(u64::from),
                options.write.is_some(),
            ));
        }
    }
    ended.and(finished)
}

/// Packets of a file, as if they came from an interface.
fn read(options: &Capture, file: &Path, expression: &str) -> anyhow::Result<()> {
    let mut reader = Reader::open(file).with_context(|| format!("{}", file.display()))?;
    let mut filter = Filter::new(expression, !options.no_optimize).map_err(explain)?;
    let mut output: Option<Output> = None;
    let (mut seen, mut packets) = (0_u64, 0);
    // what is said about the interface stands before the first packet, or nowhere
    let damage = loop {
        let packet = match reader.next() {
            Ok(Some(packet)) => packet,
            Ok(None) => break None,
            Err(damage) => break Some(damage),
        };
        seen += 1;
        if !filter.matches(&packet).map_err(explain)? {
            continue;
        }
        packets += 1;
        let going = match &mut output {
            Some(output) => output.packet(&packet)?,
            none => {
                // the packet is lent by the reader, which also knows of the interface
                let data = packet.data.to_vec();
                let first = Packet {
                    number: packet.number,
                    time: packet.time,
                    link: packet.link,
                    interface: packet.interface,
                    original_length: packet.original_length,
                    offset: packet.offset,
                    data: &data,
                };
                let interface = reader.interfaces().get(first.interface as usize);
                let output = none.insert(Output::file(options, first.link, interface)?);
                output.packet(&first)?
            }
        };
        match going {
            Going::On if options.count.is_none_or(|count| packets < count) => {}
            _ => break None,
        }
    };
    if output.is_none() {
        // an expression that is wrong is wrong without packets, too; and a file that was asked for is there
        let interface = reader.interfaces().first();
        let link = interface.map_or(LinkType::ETHERNET, |interface| interface.link);
        if seen == 0 {
            filter.prepare(link).map_err(explain)?;
        }
        ended(filter)?;
        output = Some(Output::file(options, link, interface)?);
    } else {
        ended(filter)?;
    }
    if let Some(output) = output {
        output.finish(None)?;
    }
    match damage {
        None => Ok(()),
        Some(damage) => Err(damage).with_context(|| format!("{}", file.display())),
    }
}

fn live_options(options: &Capture, expression: String) -> anyhow::Result<live::Options> {
    let interface = match &options.interface {
        Some(name) if name.bytes().all(|b| b.is_ascii_digit()) && !name.is_empty() => {
            let interfaces = interfaces()?;
            let place = name.parse::<usize>().unwrap_or(0).wrapping_sub(1);
            let found = interfaces.into_iter().nth(place);
            let missing = || {
                Usage(format!(
                    "there is no interface number {name}: -D lists those there are"
                ))
            };
            found.ok_or_else(missing)?.name
        }
        Some(name) => name.clone(),
        None => {
            let first = interfaces()?.into_iter().next();
            first
                .context("there is no interface that this user may capture on")?
                .name
        }
    };
    Ok(live::Options {
        snaplen: match options.snapshot_length {
            0 => live::SNAPLEN,
            length => length.min(live::SNAPLEN),
        },
        promiscuous: !options.no_promiscuous_mode,
        monitor: options.monitor_mode,
        buffer: options.buffer_size,
        immediate: options.immediate_mode,
        times: match options.lines.time_stamp_precision {
            Precision::Nano => Times::Nano,
            Precision::Micro => Times::Micro,
        },
        link: options.linktype.clone(),
        direction: options.direction.map(|way| match way {
            Way::In => Direction::In,
            Way::Out => Direction::Out,
            Way::Inout => Direction::Both,
        }),
        expression,
        optimize: !options.no_optimize,
        ..live::Options::new(&interface)
    })
}

fn expression(options: &Capture) -> anyhow::Result<String> {
    match &options.filter_file {
        Some(file) => {
            std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))
        }
        None => Ok(options.expression.join(" ")),
    }
}

fn interfaces() -> anyhow::Result<Vec<Interface>> {
    Ok(libpcap::library()?.interfaces()?)
}

fn list_interfaces() -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    for (place, interface) in interfaces()?.iter().enumerate() {
        let description = match &interface.description {
            Some(description) => format!(" ({description})"),
            None => String::new(),
        };
        let mut states = Vec::new();
        for (is, name) in [
            (interface.up, "Up"),
            (interface.running, "Running"),
            (interface.loopback, "Loopback"),
            (interface.wireless, "Wireless"),
        ] {
            if is {
                states.push(name);
            }
        }
        if states.is_empty() {
            states.push("none");
        }
        match (interface.connection, interface.wireless) {
            (Connection::Unknown, true) => states.push("Association status unknown"),
            (Connection::Connected, true) => states.push("Associated"),
            (Connection::Disconnected, true) => states.push("Not associated"),
            (Connection::Unknown, false) => states.push("Connection status unknown"),
            (Connection::Connected, false) => states.push("Connected"),
            (Connection::Disconnected, false) => states.push("Disconnected"),
            (Connection::NotApplicable, _) => {}
        }
        writeln!(
            out,
            "{}.{}{description} [{}]",
            place + 1,
            interface.name,
            states.join(", ")
        )?;
    }
    Ok(())
}

fn list_link_types(options: &live::Options) -> anyhow::Result<()> {
    let (types, monitor) = live::link_types(options).map_err(explain)?;
    let mut out = io::stdout().lock();
    let mode = match (monitor, options.monitor) {
        (false, _) => "",
        (true, false) => " when not in monitor mode",
        (true, true) => " when in monitor mode",
    };
    writeln!(
        out,
        "Data link types for {}{mode} (use option -y to set):",
        options.interface
    )?;
    for link in types {
        writeln!(out, "  {}", kind(&link))?;
    }
    Ok(())
}

/// `EN10MB (Ethernet)`
fn kind(link: &libpcap::DataLink) -> String {
    match (&link.name, &link.description) {
        (Some(name), Some(description)) => format!("{name} ({description})"),
        (Some(name), None) => name.clone(),
        _ => format!("DLT {}", link.value),
    }
}

fn counts(captured: u64, statistics: Statistics) -> Vec<String> {
    let mut lines = vec![
        format!("{} captured", plural(captured, "packet")),
        format!(
            "{} received by filter",
            plural(statistics.received.into(), "packet")
        ),
        format!(
            "{} dropped by kernel",
            plural(statistics.dropped.into(), "packet")
        ),
    ];
    if statistics.dropped_by_interface > 0 {
        let dropped = plural(statistics.dropped_by_interface.into(), "packet");
        lines.push(format!("{dropped} dropped by interface"));
    }
    lines
}

fn plural(count: u64, thing: &str) -> String {
    match count {
        1 => format!("1 {thing}"),
        count => format!("{count} {thing}s"),
    }
}

/// Nanoseconds since the Unix epoch.
fn now() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}
