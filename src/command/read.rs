//! `overhear read`: what is in a capture file.

mod connections;
mod diagnose;
mod print;
mod said;
mod summary;
mod talk;

use crate::{
    cli::{Lines, Read},
    exit::Usage,
    terminal,
};
use anyhow::Context;
use overhear_capture::{
    Damage, Packet, Reader,
    filter::Filter,
    ip::Ip,
    link::Layers,
    overview::{Overview, Wanted},
    packet::Span,
    tcp::{self, Place},
    walk::walk,
};
use std::{
    io::{self, BufWriter, Write},
    ops::ControlFlow,
};
use summary::local;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

pub(super) fn execute(options: &Read) -> anyhow::Result<()> {
    if options.what.print {
        return print::execute(options);
    }
    let long = options.what.connections && !options.json;
    let lines = Lines {
        verbose: if long { 0 } else { options.lines.verbose },
        ..options.lines.clone()
    };
    if lines != Lines::default() {
        let text = "-n, -e, -v and the like say how packets are printed: they need --print (and -v goes with --connections)";
        return Err(Usage(text.to_owned()).into());
    }
    let name = options.file.display().to_string();
    let mut input = Input {
        reader: Reader::open(&options.file).with_context(|| name.clone())?,
        filter: Filter::new(&options.expression.join(" "), true)
            .map_err(super::capture::explain)?,
    };
    let mut out = BufWriter::with_capacity(1 << 16, io::stdout().lock());
    let what = &options.what;
    let damage = if let Some(folder) = &what.streams {
        said::into_files(&mut input, folder)?
    } else if what.console {
        said::to_console(&mut input, &mut out)?
    } else if what.connections {
        let form = match (options.json, options.lines.verbose) {
            (true, _) => connections::Form::Json,
            (false, 0) => connections::Form::Table,
            (false, _) => connections::Form::Blocks,
        };
        connections::print(&mut input, &mut out, form)?
    } else if what.diagnose {
        diagnose::print(&mut input, &mut out, &name, options.json, &options.keylog)?
    } else {
        let wanted = Wanted {
            talk: what.conversations || what.endpoints || !what.hierarchy,
            hierarchy: what.hierarchy,
        };
        let mut overview = Overview::new(wanted);
        let damage = input.walk(|packet, layers, ip| {
            overview.packet(packet, layers, ip);
            ControlFlow::Continue(())
        })?;
        if what.conversations {
            talk::conversations(&mut out, &overview, options.json)?;
        } else if what.endpoints {
            talk::endpoints(&mut out, &overview, options.json)?;
        } else if what.hierarchy {
            talk::hierarchy(&mut out, &overview, options.json)?;
        } else {
            summary::print(
                &mut out,
                &name,
                &input.reader,
                &overview,
                damage.as_ref(),
                options.json,
            )?;
        }
        damage
    };
    out.flush().context(terminal::STANDARD_OUTPUT)?;
    match damage {
        None => Ok(()),
        Some(damage) => Err(damage).with_context(|| name),
    }
}

/// A capture, and which of its packets count.
struct Input {
    reader: Reader,
    filter: Filter,
}

impl Input {
    /// Walks through the packets that match the expression; `each` says whether it goes on.
    fn walk(
        &mut self,
        each: impl FnMut(&Packet<'_>, &Layers<'_>, Option<&Ip<'_>>) -> ControlFlow<()>,
    ) -> anyhow::Result<Option<Damage>> {
        let filter = &mut self.filter;
        let mut wrong = None;
        let matches = |packet: &Packet<'_>| match filter.matches(packet) {
            Ok(matches) => matches,
            Err(error) => {
                wrong.get_or_insert(error);
                false
            }
        };
        let damage = walk(&mut self.reader, matches, each);
        if let Some(error) = wrong {
            return Err(super::capture::explain(error));
        }
        // before anything is told of what matched
        let filter = std::mem::replace(&mut self.filter, Filter::new("", true)?);
        super::capture::ended(filter)?;
        Ok(damage)
    }
}

/// Walks through the TCP segments of a capture; `each` says whether it goes on.
fn segments(
    input: &mut Input,
    mut each: impl FnMut(Place, &Ip<'_>, &tcp::Segment<'_>) -> anyhow::Result<()>,
) -> anyhow::Result<Option<Damage>> {
    let mut failed = Ok(());
    let damage = input.walk(|packet, layers, ip| {
        let Some((ip, segment)) = ip.and_then(|ip| Some((ip, tcp::decode(ip)?))) else {
            return ControlFlow::Continue(());
        };
        match each(place(packet, layers), ip, &segment) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                failed = Err(error);
                ControlFlow::Break(())
            }
        }
    });
    failed?;
    damage
}

fn place(packet: &Packet<'_>, layers: &Layers<'_>) -> Place {
    Place {
        packet: packet.number,
        time: packet.time,
        vlan: layers.vlans.as_slice().first().map(|vlan| vlan.id()),
        span: Span::default(),
    }
}

/// A moment as the API writes it: RFC 3339, UTC.
fn moment(nanoseconds: i64) -> String {
    let time = OffsetDateTime::from_unix_timestamp_nanos(i128::from(nanoseconds));
    let time = time.ok().and_then(|time| time.format(&Rfc3339).ok());
    time.unwrap_or_else(|| format!("{nanoseconds} ns"))
}

/// Seconds between two moments.
fn seconds(nanoseconds: i64) -> f64 {
    nanoseconds as f64 / 1e9
}

/// A length of time for a person.
fn duration(nanoseconds: i64) -> String {
    terminal::duration(nanoseconds as f64 / 1e6)
}
