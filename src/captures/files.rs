//! The files that packets are kept in: one after the other, all together within a limit, the oldest go first.

use super::Shared;
use overhear_capture::{
    Packet,
    write::{Header, Writer},
};
use overhear_store::{CaptureId, PacketFileId, Timestamp, read::WholeFile};
use parking_lot::Mutex;
use std::{fs::File, io};

/// The limit is shared by so many files.
const FILES: u64 = 16;

/// No file is larger than this, or smaller: bytes.
const LARGEST: u64 = 64 << 20;
const SMALLEST: u64 = 1 << 20;

/// When the files of packets could not be written, it is tried again after so long: nanoseconds of the packets' time.
const AGAIN: i64 = 10_000_000_000;

/// How much room the files of all live captures have.
pub(super) struct Limit {
    bytes: u64,
    /// Files that are being written.
    open: Mutex<Vec<PacketFileId>>,
}

impl Limit {
    pub(super) fn new(bytes: u64) -> Self {
        Self {
            bytes,
            open: Mutex::default(),
        }
    }

    fn file(&self) -> u64 {
        (self.bytes / FILES).clamp(SMALLEST, LARGEST)
    }
}

/// The files of one capture.
pub(super) struct Files<'s> {
    shared: &'s Shared,
    capture: CaptureId,
    header: Header,
    current: Option<Current>,
    /// Why nothing is kept at the moment, and when that was found: of the packet.
    trouble: Option<(String, i64)>,
}

struct Current {
    id: PacketFileId,
    writer: Writer<File>,
    whole: WholeFile,
}

impl<'s> Files<'s> {
    pub(super) fn new(shared: &'s Shared, capture: CaptureId, header: Header) -> Self {
        Self {
            shared,
            capture,
            header,
            current: None,
            trouble: None,
        }
    }

    /// Why nothing is kept at the moment.
    pub(super) fn trouble(&self) -> Option<&str> {
        self.trouble.as_ref().map(|(text, _)| text.as_str())
    }

    /// Writes a packet: into which file, and where it begins there. Without room for it, it is not kept.
    pub(super) fn packet(&mut self, packet: &Packet<'_>) -> Option<(PacketFileId, u64)> {
        let waits = |since: i64| packet.time.saturating_sub(since) < AGAIN;
        // what is not recorded is not kept either
        if !self.shared.store.is_recording() || self.trouble.as_ref().is_some_and(|t| waits(t.1)) {
            return None;
        }
        match self.write(packet) {
            Ok(place) => {
                self.trouble = None;
                Some(place)
            }
            Err(text) => {
                self.trouble = Some((format!("Packets are not kept: {text}"), packet.time));
                self.end();
                None
            }
        }
    }

    fn write(&mut self, packet: &Packet<'_>) -> Result<(PacketFileId, u64), String> {
        // a block has 32 bytes beside the packet, which is padded
        let length = packet.data.len() as u64 + 35;
        let full = |current: &Current| current.writer.written() + length > self.shared.files.file();
        if self.current.as_ref().is_some_and(full) {
            self.end();
        }
        let current = match self.current.take() {
            Some(current) => current,
            None => self.open()?,
        };
        let current = self.current.insert(current);
        let offset = current.writer.written();
        current.writer.packet(packet).map_err(words)?;
        let at = Timestamp(packet.time);
        current.whole.first.get_or_insert(at);
        current.whole.last = current.whole.last.max(Some(at));
        Ok((current.id, offset))
    }

    fn open(&self) -> Result<Current, String> {
        let (store, runtime) = (&self.shared.store, &self.shared.runtime);
        self.make_room()?;
        // how long the header is, is known once it is written
        let mut begin = Vec::new();
        let described = Writer::new(&mut begin, self.header.clone()).map_err(words)?;
        let described = described.written();
        let made = store.add_packet_file(self.capture, "pcapng", Some(described));
        let (file, out) = runtime.block_on(made).map_err(|error| error.to_string())?;
        let writer = Writer::new(out, self.header.clone()).map_err(words)?;
        self.shared.files.open.lock().push(file.id);
        Ok(Current {
            id: file.id,
            writer,
            whole: WholeFile {
                described,
                ..WholeFile::default()
            },
        })
    }

    /// Removes the oldest files until another one fits.
    fn make_room(&self) -> Result<(), String> {
        let (store, runtime) = (&self.shared.store, &self.shared.runtime);
        let limit = &self.shared.files;
        let open = limit.open.lock().clone();
        let files = runtime.block_on(store.live_packet_files());
        let files = files.map_err(|error| error.to_string())?;
        // those that are being written become as large as they may
        let mut there: u64 = (open.len() as u64 + 1) * limit.file();
        let done = files.into_iter().filter(|(id, _)| !open.contains(id));
        let done: Vec<_> = done.collect();
        there += done.iter().map(|(_, size)| size).sum::<u64>();
        for (id, size) in done {
            if there <= limit.bytes {
                break;
            }
            let removed = runtime.block_on(store.remove_packet_file(id));
            removed.map_err(|error| error.to_string())?;
            there -= size;
        }
        Ok(())
    }

    /// Hands on what was written so far, so that it can be read.
    pub(super) fn flush(&mut self) {
        if let Some(current) = &mut self.current
            && let Err(error) = current.writer.flush()
        {
            let at = current.whole.last.map_or(0, |at| at.0);
            self.trouble = Some((format!("Packets are not kept: {}", words(error)), at));
            self.end();
        }
    }

    /// Ends the file that is being written.
    pub(super) fn end(&mut self) {
        let Some(mut current) = self.current.take() else {
            return;
        };
        current.whole.bytes = current.writer.written();
        if let Err(error) = current.writer.finish(None) {
            tracing::warn!("the last packets of a file could not be written: {error}");
        }
        let (store, runtime) = (&self.shared.store, &self.shared.runtime);
        let ended = runtime.block_on(store.end_packet_file(current.id, current.whole));
        if let Err(error) = ended {
            tracing::warn!("a file of packets could not be ended: {error}");
        }
        let mut open = self.shared.files.open.lock();
        open.retain(|id| *id != current.id);
    }
}

impl Drop for Files<'_> {
    fn drop(&mut self) {
        self.end();
    }
}

fn words(error: io::Error) -> String {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "the disk is full. Free some space.".to_owned()
        }
        _ => error.to_string(),
    }
}
