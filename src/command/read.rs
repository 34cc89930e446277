//! `overhear read`: what is in a capture file.

use crate::{cli::Read, terminal};
use anyhow::Context;
use overhear_capture::Reader;
use std::io::{self, Write};

pub(super) fn execute(options: &Read) -> anyhow::Result<()> {
    let mut reader =
        Reader::open(&options.file).with_context(|| format!("{}", options.file.display()))?;
    let (mut packets, mut bytes) = (0_u64, 0_u64);
    let damage = loop {
        match reader.next() {
            Ok(Some(packet)) => {
                packets += 1;
                bytes += u64::from(packet.original_length);
            }
            Ok(None) => break None,
            Err(damage) => break Some(damage),
        }
    };
    writeln!(io::stdout(), "{packets} packets, {}", terminal::size(bytes))?;
    match damage {
        None => Ok(()),
        Some(damage) => Err(damage).with_context(|| format!("{}", options.file.display())),
    }
}
