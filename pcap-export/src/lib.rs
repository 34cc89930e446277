//! Flows in, packets out: pcap and pcapng synthesis.
//!
//! Every connection becomes a TCP conversation, decrypted, between the real addresses at the real times:
//! `plan` orders the connections, `conversation` makes turns of a connection's flows, `segment` makes TCP of
//! turns, `packet` adds IP and checksums, `pcap` and `pcapng` are the files.

mod addresses;
mod comment;
mod conversation;
mod export;
mod frames;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod packet;
mod pcap;
mod pcapng;
mod plan;
mod segment;
mod source;

use bytes::Bytes;
use export::Export;
use overhear_store::{Error, FlowId, Store, filter::Filter};

/// A piece of the file is given out when it has this many bytes.
const PIECE: usize = 256 * 1024;

/// Which file format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Classic libpcap, nanosecond times.
    Pcap,
    /// pcapng, with comments and names.
    Pcapng,
}

/// What to export and how.
#[derive(Debug, Clone)]
pub struct ExportOptions {
    /// The file format.
    pub format: Format,
    /// Only these flows; none takes all that match `filter`.
    pub ids: Option<Vec<FlowId>>,
    /// Only flows that match.
    pub filter: Option<Filter>,
    /// Keep TLS ports as they were (443) instead of writing them as 80 for readers that dissect by port.
    pub keep_tls_port: bool,
}

/// What was written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// Flows in the file.
    pub flows: u64,
    /// TCP conversations in the file.
    pub connections: u64,
    /// Packets in the file.
    pub packets: u64,
    /// Selected flows that have no packets: they failed before there was an address to connect to.
    pub without_packets: u64,
}

/// A capture file that is made as it is read, in constant memory.
pub struct Exporter {
    export: Export<Store>,
    out: Vec<u8>,
}

impl Exporter {
    /// Reads which flows are selected; their content is read by [`next`](Self::next).
    ///
    /// # Errors
    /// The store could not be read.
    pub async fn new(store: &Store, options: &ExportOptions) -> Result<Self, Error> {
        let mut out = Vec::with_capacity(2 * PIECE);
        let export = Export::new(store.clone(), options, &mut out).await?;
        Ok(Self { export, out })
    }

    /// The next piece of the file, usually a quarter of a MiB; none at the end.
    ///
    /// # Errors
    /// The store could not be read.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        while self.out.len() < PIECE && self.export.step(&mut self.out).await? {}
        if self.out.is_empty() {
            return Ok(None);
        }
        let piece = std::mem::replace(&mut self.out, Vec::with_capacity(2 * PIECE));
        Ok(Some(piece.into()))
    }

    /// What was written so far; after the last piece, all of it.
    pub fn summary(&self) -> Summary {
        self.export.summary()
    }
}
