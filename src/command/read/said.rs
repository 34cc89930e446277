//! What was said over TCP: into files, or printed, as tcpflow does.

use super::{Input, segments};
use crate::terminal;
use anyhow::Context;
use overhear_capture::{
    Damage,
    streams::{Streams, name_of},
    tcp::{Tcp, Wanted},
};
use std::{
    io::{self, Write},
    net::SocketAddr,
    path::Path,
};

pub(super) fn into_files(input: &mut Input, folder: &Path) -> anyhow::Result<Option<Damage>> {
    let mut streams = Streams::new(folder)?;
    let mut tcp = Tcp::new(Wanted {
        streams: true,
        account: false,
    });
    let walked = segments(input, |place, ip, segment| {
        tcp.segment(place, ip, segment, &mut streams);
        match streams.failed() {
            // the error itself is told by finish
            true => Err(io::Error::other("a stream could not be written").into()),
            false => Ok(()),
        }
    });
    tcp.finish(&mut streams);
    let (files, bytes) = streams.finish()?;
    let damage = walked?;
    terminal::tell(&format!(
        "{files} files with {} of {} connections in {}",
        terminal::size(bytes),
        tcp.begun(),
        folder.display()
    ));
    Ok(damage)
}

/// Each packet's data as it came: also what came twice or too early. What is not text of ASCII is a full stop, which
/// also keeps it from moving the cursor.
pub(super) fn to_console(
    input: &mut Input,
    out: &mut impl Write,
) -> anyhow::Result<Option<Damage>> {
    segments(input, |place, ip, segment| {
        if segment.payload.is_empty() {
            return Ok(());
        }
        let from = SocketAddr::new(ip.source, segment.source_port);
        let to = SocketAddr::new(ip.destination, segment.destination_port);
        write!(out, "{}: ", name_of(from, to, place.vlan))?;
        let text = segment.payload.iter().map(|byte| match byte {
            b' '..=b'~' | b'\n' | b'\r' => *byte,
            _ => b'.',
        });
        out.write_all(&text.collect::<Vec<_>>())?;
        out.write_all(b"\n").context("cannot print")
    })
}
