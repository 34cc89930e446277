//! A packet capture as flows.

use super::{Error, Taken};
use overhear_capture::{Reader, flows::Flows};
use overhear_store::Recorder;
use std::io::Read;

/// Whether a file's first bytes are those of pcap (either byte order, microseconds, nanoseconds or modified), of pcapng or
/// of gzip.
pub(super) fn is_capture(first: &[u8]) -> bool {
    matches!(
        first,
        [0xa1, 0xb2, 0xc3, 0xd4]
            | [0xd4, 0xc3, 0xb2, 0xa1]
            | [0xa1, 0xb2, 0x3c, 0x4d]
            | [0x4d, 0x3c, 0xb2, 0xa1]
            | [0xa1, 0xb2, 0xcd, 0x34]
            | [0x34, 0xcd, 0xb2, 0xa1]
            | [0x0a, 0x0d, 0x0d, 0x0a]
            | [0x1f, 0x8b, ..]
    )
}

/// Reads a capture as far as it goes and records what is in it.
pub(super) fn read(
    file: impl Read + Send + 'static,
    name: &str,
    recorder: &Recorder,
    room: &mut dyn FnMut(),
    trouble: &dyn Fn() -> Option<String>,
) -> Result<Taken, Error> {
    let mut reader = Reader::new(file)?;
    let mut flows = Flows::new(Some(recorder.clone()), name);
    let mut packets = 0;
    let damage = loop {
        match reader.next() {
            Ok(Some(packet)) => flows.packet(&packet),
            Ok(None) => break None,
            Err(damage) => break Some(damage),
        }
        packets += 1;
        room();
        if let Some(text) = trouble() {
            return Err(Error::Trouble(text));
        }
    };
    flows.finish();
    room();
    let begun = flows.flows();
    if begun == 0 {
        let damage = damage.map_or_else(String::new, |damage| format!(": {damage}"));
        return Err(Error::NoFlows { packets, damage });
    }
    Ok(Taken {
        entries: begun,
        flows: begun,
        damage: damage.map(|damage| format!("The capture was not read to its end: {damage}.")),
        ..Taken::default()
    })
}
