//! A packet capture as flows. Its packets are kept in a file of ours, so that each flow can show them.

use super::{Error, Taken, Trouble};
use overhear_capture::{Packet, Reader, flows::Flows, tls::KeyLog};
use overhear_store::{
    CaptureId, PacketFileId, Recorder, SessionId, Store, Timestamp,
    read::{CaptureSource, Counted, PacketFile, WholeFile},
};
use std::{
    fs::File,
    io::{self, BufWriter, Read, Write},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::runtime::Handle;

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

/// What reading works with.
pub(super) struct Into<'a> {
    pub(super) recorder: &'a Recorder,
    pub(super) session: SessionId,
    pub(super) store: &'a Store,
    pub(super) runtime: &'a Handle,
    /// What was given beside the file to open TLS with.
    pub(super) keys: &'a [Vec<u8>],
}

/// A capture that was read, and is not ended yet.
#[derive(Debug)]
pub(super) struct Kept {
    capture: CaptureId,
    counted: Counted,
}

impl Kept {
    /// Its number.
    pub(super) fn id(&self) -> CaptureId {
        self.capture
    }

    /// It is nothing but its packets.
    pub(super) fn packets(&self) -> u64 {
        self.counted.packets
    }

    /// Its flows are written.
    pub(super) async fn end(self, store: &Store) -> Result<(), overhear_store::Error> {
        store.end_capture(self.capture, self.counted, None).await
    }
}

/// Reads a capture as far as it goes and records what is in it.
pub(super) fn read(
    file: impl Read + Send + 'static,
    name: &str,
    into: &Into<'_>,
    room: &mut dyn FnMut(),
    trouble: &Trouble<'_>,
) -> Result<(Taken, Kept), Error> {
    let (store, runtime) = (into.store, into.runtime);
    let capture = store.begin_capture(CaptureSource::File, name, Some(into.session));
    let capture = runtime.block_on(capture)?;
    let read = keep(file, name, into, capture, room, trouble);
    if read.is_err()
        && let Err(error) = runtime.block_on(store.drop_capture(capture))
    {
        tracing::warn!("the packets of an import that failed may be left: {error}");
    }
    let (taken, counted) = read?;
    Ok((taken, Kept { capture, counted }))
}

fn keep(
    file: impl Read + Send + 'static,
    name: &str,
    into: &Into<'_>,
    capture: CaptureId,
    room: &mut dyn FnMut(),
    trouble: &Trouble<'_>,
) -> Result<(Taken, Counted), Error> {
    let copy = Arc::new(Mutex::new(Copy::default()));
    let piece = {
        let (copy, store, runtime) = (copy.clone(), into.store.clone(), into.runtime.clone());
        move |bytes: &[u8]| locked(&copy).piece(bytes, &store, &runtime, capture)
    };
    let opened = Reader::copying(file, piece);
    // what could not be written is told, not that reading ended there
    let failed = |copy: &Mutex<Copy>| locked(copy).failed.take().map_or(Ok(()), Err);
    failed(&copy)?;
    let mut reader = opened?;
    let keys = reader.keys();
    for given in into.keys {
        keys.add(given);
    }
    let mut flows = Flows::new(Some(into.recorder.clone()), name).with_keys(keys.clone());
    if let Some(id) = locked(&copy).id() {
        flows.kept_in(Some(id));
    }
    let (mut counted, mut whole) = (Counted::default(), WholeFile::default());
    let damage = loop {
        match reader.next() {
            Ok(Some(packet)) => {
                let at = Timestamp(packet.time);
                whole.first = Some(whole.first.map_or(at, |first| first.min(at)));
                whole.last = whole.last.max(Some(at));
                counted.bytes += packet.data.len() as u64;
                flows.packet(&packet);
            }
            Ok(None) => break None,
            Err(damage) => break Some(damage),
        }
        counted.packets += 1;
        room();
        if let Some(text) = trouble() {
            return Err(Error::Trouble(text));
        }
    };
    flows.finish();
    room();
    failed(&copy)?;
    let begun = flows.flows();
    if begun == 0 && counted.packets == 0 {
        let damage = damage.map_or_else(String::new, |damage| format!(": {damage}"));
        return Err(Error::NoPackets { damage });
    }
    whole.described = reader.described();
    if let Some((id, bytes)) = locked(&copy).finish().map_err(Error::Aside)? {
        whole.bytes = bytes;
        into.runtime
            .block_on(into.store.end_packet_file(id, whole))?;
    }
    let given = into.keys.iter().any(|given| !given.is_empty());
    let taken = Taken {
        entries: begun,
        flows: begun,
        damage: damage.map(|damage| format!("The capture was not read to its end: {damage}.")),
        opens_nothing: given && keys.used() == 0,
        ..Taken::default()
    };
    Ok((taken, counted))
}

/// Reads the files of a capture that is kept once more.
pub(super) fn again(
    files: &[PacketFile],
    name: &str,
    into: &Into<'_>,
    room: &mut dyn FnMut(),
    trouble: &Trouble<'_>,
) -> Result<Taken, Error> {
    let mut readers = files.iter().map(|file| {
        let opened = File::open(&file.path).map_err(overhear_capture::Error::Read)?;
        Ok::<_, Error>((file.id, Reader::new(opened)?))
    });
    // secrets in a file are in the first, which was imported
    let first = readers.next().transpose()?;
    let keys = match &first {
        Some((_, reader)) => reader.keys(),
        None => KeyLog::default(),
    };
    for given in into.keys {
        keys.add(given);
    }
    let mut flows = Flows::new(Some(into.recorder.clone()), name).with_keys(keys.clone());
    let (mut before, mut damage) = (0, None);
    for opened in first.map(Ok).into_iter().chain(readers) {
        let (id, mut reader) = opened?;
        flows.kept_in(Some(id));
        let mut last = 0;
        loop {
            match reader.next() {
                Ok(Some(packet)) => {
                    last = packet.number;
                    flows.packet(&Packet {
                        number: before + last,
                        ..packet
                    });
                }
                Ok(None) => break,
                Err(found) => {
                    damage.get_or_insert(found);
                    break;
                }
            }
            room();
            if let Some(text) = trouble() {
                return Err(Error::Trouble(text));
            }
        }
        before += last;
    }
    flows.finish();
    room();
    if keys.used() == 0 {
        return Err(Error::NoSecrets);
    }
    let begun = flows.flows();
    Ok(Taken {
        entries: begun,
        flows: begun,
        damage: damage.map(|damage| format!("The capture was not read to its end: {damage}.")),
        ..Taken::default()
    })
}

/// The file that the packets are kept in: as the capture came, but for gzip, in which nothing could be found again.
#[derive(Default)]
struct Copy {
    out: Option<(PacketFile, BufWriter<File>)>,
    bytes: u64,
    failed: Option<Error>,
}

fn locked(copy: &Mutex<Copy>) -> MutexGuard<'_, Copy> {
    copy.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Copy {
    fn piece(
        &mut self,
        bytes: &[u8],
        store: &Store,
        runtime: &Handle,
        capture: CaptureId,
    ) -> io::Result<()> {
        let written = self.write(bytes, store, runtime, capture);
        written.map_err(|error| {
            let text = io::Error::other(error.to_string());
            self.failed = Some(error);
            text
        })
    }

    fn write(
        &mut self,
        bytes: &[u8],
        store: &Store,
        runtime: &Handle,
        capture: CaptureId,
    ) -> Result<(), Error> {
        let Some(first) = bytes.first() else {
            return Ok(());
        };
        if self.out.is_none() {
            let ending = if *first == 0x0a { "pcapng" } else { "pcap" };
            let made = runtime.block_on(store.add_packet_file(capture, ending, None));
            let (file, out) = made?;
            self.out = Some((file, BufWriter::new(out)));
        }
        if let Some((_, out)) = &mut self.out {
            out.write_all(bytes).map_err(Error::Aside)?;
            self.bytes += bytes.len() as u64;
        }
        Ok(())
    }

    fn id(&self) -> Option<PacketFileId> {
        self.out.as_ref().map(|(file, _)| file.id)
    }

    fn finish(&mut self) -> io::Result<Option<(PacketFileId, u64)>> {
        let Some((file, mut out)) = self.out.take() else {
            return Ok(None);
        };
        out.flush()?;
        Ok(Some((file.id, self.bytes)))
    }
}
