//! What went wrong, for a person or as JSON.

use super::Input;
use crate::command::keylog;
use overhear_capture::{Damage, diagnose::Finding, flows::Flows};
use std::{io::Write, ops::ControlFlow, path::PathBuf};

/// Reads the capture to its end and prints what went wrong in it.
pub(super) fn print(
    input: &mut Input,
    out: &mut impl Write,
    name: &str,
    json: bool,
    keylog: &[PathBuf],
) -> anyhow::Result<Option<Damage>> {
    let keys = input.reader.keys();
    for text in keylog::read(keylog)? {
        keys.add(&text);
    }
    let mut flows = Flows::new(None, name).with_keys(keys);
    let damage = input.walk(|packet, _, _| {
        flows.packet(packet);
        ControlFlow::Continue(())
    })?;
    flows.finish();
    let (findings, more) = flows.findings();
    for finding in &findings {
        match json {
            true => writeln!(out, "{}", serde_json::to_string(finding)?)?,
            false => text(out, finding)?,
        }
    }
    if !json {
        if findings.is_empty() {
            writeln!(out, "Nothing went wrong that the packets show.")?;
        }
        if more > 0 {
            writeln!(out, "{more} findings more are not listed.")?;
        }
    }
    Ok(damage)
}

fn text(out: &mut impl Write, finding: &Finding) -> std::io::Result<()> {
    let Finding {
        about,
        text,
        means,
        packets,
        count,
        ..
    } = finding;
    let numbers: Vec<_> = packets.iter().map(u64::to_string).collect();
    let more = match count.saturating_sub(packets.len() as u64) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let noun = if *count == 1 { "packet" } else { "packets" };
    writeln!(out, "{about}")?;
    writeln!(out, "  {text}")?;
    writeln!(out, "  {means}")?;
    writeln!(out, "  {noun} {}{more}", numbers.join(", "))
}
