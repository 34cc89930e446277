//! Who spoke with whom, who spoke at all, and in which protocols: as tables and as JSON.

use super::{duration, moment, seconds};
use crate::terminal::size;
use overhear_capture::overview::{Address, Count, Node, Overview};
use serde_json::{Value, json};
use std::io::{self, Write};

pub(super) fn conversations(
    out: &mut impl Write,
    overview: &Overview,
    json: bool,
) -> io::Result<()> {
    if !json {
        writeln!(
            out,
            "{:<8} {:<28} {:<28} {:>20} {:>20} {:>10}",
            "PROTOCOL", "A", "B", "A TO B", "B TO A", "DURATION"
        )?;
    }
    for one in overview.conversations() {
        if json {
            let mut value = json!({
                "protocol": one.ends.protocol,
                "a": one.ends.a.0.to_string(),
                "b": one.ends.b.0.to_string(),
                "a_to_b": counted(one.a_to_b),
                "b_to_a": counted(one.b_to_a),
                "first": moment(one.first),
                "duration_s": seconds(one.last - one.first),
            });
            if let (Some(a), Some(b)) = (one.ends.a.1, one.ends.b.1) {
                value["a_port"] = a.into();
                value["b_port"] = b.into();
            }
            writeln!(out, "{value}")?;
            continue;
        }
        writeln!(
            out,
            "{:<8} {:<28} {:<28} {:>20} {:>20} {:>10}",
            one.ends.protocol,
            end(one.ends.a),
            end(one.ends.b),
            short(one.a_to_b),
            short(one.b_to_a),
            duration(one.last - one.first),
        )?;
    }
    if overview.others.packets > 0 && !json {
        writeln!(
            out,
            "and {} of conversations beyond those",
            short(overview.others)
        )?;
    }
    Ok(())
}

pub(super) fn endpoints(out: &mut impl Write, overview: &Overview, json: bool) -> io::Result<()> {
    if !json {
        writeln!(out, "{:<40} {:>20} {:>20}", "ADDRESS", "SENT", "RECEIVED")?;
    }
    for one in overview.endpoints() {
        if json {
            let value = json!({
                "address": one.address.to_string(),
                "sent": counted(one.sent),
                "received": counted(one.received),
            });
            writeln!(out, "{value}")?;
            continue;
        }
        let (sent, received) = (short(one.sent), short(one.received));
        writeln!(
            out,
            "{:<40} {sent:>20} {received:>20}",
            one.address.to_string()
        )?;
    }
    Ok(())
}

pub(super) fn hierarchy(out: &mut impl Write, overview: &Overview, json: bool) -> io::Result<()> {
    let roots = overview.hierarchy();
    if json {
        let value: Vec<_> = roots.iter().map(node).collect();
        return writeln!(out, "{}", Value::from(value));
    }
    writeln!(
        out,
        "{:<40} {:>10} {:>7} {:>12}",
        "PROTOCOL", "PACKETS", "", "BYTES"
    )?;
    let all = overview.all.packets;
    roots.iter().try_for_each(|node| branch(out, node, 0, all))
}

fn branch(out: &mut impl Write, node: &Node, depth: usize, all: u64) -> io::Result<()> {
    let name = format!("{:indent$}{}", "", node.protocol, indent = depth * 2);
    let part = 100.0 * node.count.packets as f64 / all.max(1) as f64;
    let (packets, bytes) = (node.count.packets, size(node.count.bytes));
    writeln!(out, "{name:<40} {packets:>10} {part:>6.1}% {bytes:>12}")?;
    node.inside
        .iter()
        .try_for_each(|inside| branch(out, inside, depth + 1, all))
}

fn node(node: &Node) -> Value {
    json!({
        "protocol": node.protocol,
        "packets": node.count.packets,
        "bytes": node.count.bytes,
        "inside": node.inside.iter().map(self::node).collect::<Vec<_>>(),
    })
}

fn counted(count: Count) -> Value {
    json!({ "packets": count.packets, "bytes": count.bytes })
}

fn short(count: Count) -> String {
    format!("{} / {}", count.packets, size(count.bytes))
}

fn end((address, port): (Address, Option<u16>)) -> String {
    match (address, port) {
        (Address::Ip(ip), Some(port)) => std::net::SocketAddr::new(ip, port).to_string(),
        (address, _) => address.to_string(),
    }
}
