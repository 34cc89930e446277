//! What a capture file is, and what is in it at a glance.

use super::{duration, moment, seconds};
use crate::terminal::{self, harmless, size};
use overhear_capture::{Damage, Reader, overview::Overview};
use serde_json::json;
use std::io::{self, Write};

pub(super) fn print(
    out: &mut impl Write,
    name: &str,
    reader: &Reader,
    overview: &Overview,
    damage: Option<&Damage>,
    json: bool,
) -> io::Result<()> {
    if json {
        return as_json(out, name, reader, overview, damage);
    }
    let kind = reader.kind();
    let mut what = vec![if kind.pcapng { "pcapng" } else { "pcap" }];
    let order = if kind.big_endian {
        "big-endian"
    } else {
        "little-endian"
    };
    what.push(order);
    if !kind.pcapng {
        what.push(if kind.nanoseconds {
            "nanoseconds"
        } else {
            "microseconds"
        });
    }
    if kind.modified {
        what.push("modified");
    }
    if kind.gzip {
        what.push("in gzip");
    }
    writeln!(out, "{name}")?;
    writeln!(out, "  kind           {}", what.join(", "))?;
    if let Some(application) = reader.application() {
        writeln!(out, "  written by     {}", harmless(application, false))?;
    }
    let (packets, bytes) = (overview.all.packets, size(overview.all.bytes));
    write!(out, "  packets        {packets}, {bytes}")?;
    match overview.cut {
        0 => writeln!(out)?,
        cut => writeln!(
            out,
            "; {cut} of them cut, {} were captured",
            size(overview.captured)
        )?,
    }
    if let Some((first, last)) = overview.times {
        writeln!(out, "  first          {}", local(first))?;
        writeln!(
            out,
            "  last           {}, {} later",
            local(last),
            duration(last - first)
        )?;
    }
    if overview.out_of_time > 0 {
        writeln!(
            out,
            "  out of time    {}",
            match overview.out_of_time {
                1 => "1 packet is older than the one before".to_owned(),
                count => format!("{count} packets are older than the one before"),
            }
        )?;
    }
    for (index, interface) in reader.interfaces().iter().enumerate() {
        let count = overview.interfaces.get(index).copied().unwrap_or_default();
        let named = interface
            .name
            .as_deref()
            .map(|name| harmless(name, false).into_owned());
        let named = named.map_or_else(|| index.to_string(), |name| format!("{index} {name}"));
        let link = interface
            .link
            .description()
            .map_or_else(|| interface.link.to_string(), str::to_owned);
        write!(
            out,
            "  interface      {named}: {link}, {} {}",
            count.packets,
            if count.packets == 1 {
                "packet"
            } else {
                "packets"
            }
        )?;
        if let Some(dropped) = interface.dropped {
            write!(out, ", {dropped} dropped")?;
        }
        writeln!(out)?;
    }
    writeln!(out, "  conversations  {}", overview.conversation_count())?;
    if !reader.secrets().is_empty() {
        writeln!(
            out,
            "  secrets        {} (keys for decryption)",
            reader.secrets().len()
        )?;
    }
    if let Some(damage) = damage {
        writeln!(out, "  damaged        {damage}")?;
    }
    Ok(())
}

fn as_json(
    out: &mut impl Write,
    name: &str,
    reader: &Reader,
    overview: &Overview,
    damage: Option<&Damage>,
) -> io::Result<()> {
    let kind = reader.kind();
    let interfaces: Vec<_> = reader
        .interfaces()
        .iter()
        .enumerate()
        .map(|(index, interface)| {
            let count = overview.interfaces.get(index).copied().unwrap_or_default();
            json!({
                "name": interface.name,
                "description": interface.description,
                "link_type": interface.link.0,
                "link": interface.link.to_string(),
                "snap_length": interface.snap_length,
                "packets": count.packets,
                "bytes": count.bytes,
                "received": interface.received,
                "dropped": interface.dropped,
            })
        })
        .collect();
    let value = json!({
        "file": name,
        "format": if kind.pcapng { "pcapng" } else { "pcap" },
        "gzip": kind.gzip,
        "big_endian": kind.big_endian,
        "nanoseconds": kind.nanoseconds,
        "written_by": reader.application(),
        "packets": overview.all.packets,
        "bytes": overview.all.bytes,
        "captured_bytes": overview.captured,
        "cut_packets": overview.cut,
        "out_of_time_packets": overview.out_of_time,
        "first": overview.times.map(|(first, _)| moment(first)),
        "last": overview.times.map(|(_, last)| moment(last)),
        "duration_s": overview.times.map(|(first, last)| seconds(last - first)),
        "interfaces": interfaces,
        "conversations": overview.conversation_count(),
        "secrets": reader.secrets().len(),
        "damage": damage.map(|damage| json!({
            "offset": damage.offset,
            "packets": damage.packets,
            "reason": damage.reason.to_string(),
        })),
    });
    writeln!(out, "{value}")
}

/// A moment in the time of this place, with the offset from UTC.
pub(super) fn local(nanoseconds: i64) -> String {
    let time = terminal::local(nanoseconds);
    let (hours, minutes, _) = time.offset().as_hms();
    format!(
        "{} {:02}:{:02}:{:02}.{:06} {hours:+03}:{:02}",
        time.date(),
        time.hour(),
        time.minute(),
        time.second(),
        time.microsecond(),
        minutes.abs()
    )
}
