//! Bringing flows in: HTTP Archive 1.2 (<http://www.softwareishard.com/blog/har-12-spec/>), as browsers, Charles,
//! Fiddler and this program write it; and packet captures (pcap, pcapng, either in gzip), told apart by the first bytes.
//!
//! One entry at a time: what is in memory is bounded, bodies only by the disk. All or nothing: a file that is
//! not JSON to its end, or no HAR, leaves nothing behind. An entry that makes no flow is left out and told. A capture
//! that is damaged is read as far as it goes, and the note says where it stops.

mod entry;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod json;
mod packets;
mod record;

pub use json::Error as Wrong;

use json::{Kind, Reader};
use overhear_store::{CaptureId, Recorder, SessionId, Store, read::Capture};
use record::{Failed, Lost};
use serde::{Deserialize, Serialize};
use std::io::{Cursor, Read};
use tokio::runtime::Handle;
use utoipa::ToSchema;

/// Of more entries that were left out only the number is told.
const MOST_TOLD: usize = 100;

/// What became of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Imported {
    /// The session that the flows are in; none when there are no flows: of a capture in which nothing makes one, the
    /// packets are kept.
    pub session: Option<i64>,
    /// The capture whose packets are kept, of `captures/kept`.
    pub capture: Option<i64>,
    /// How many flows.
    pub flows: u64,
    /// Entries that make no flow; at most 100 of them.
    pub skipped: Vec<Skipped>,
    /// What else is to be known, for a person.
    pub note: Option<String>,
}

/// An entry that makes no flow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Skipped {
    /// Which one in the file, from 0.
    pub entry: u64,
    /// Why.
    pub reason: String,
}

/// Why nothing was imported.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file is not JSON, or cannot be read.
    #[error(transparent)]
    File(#[from] Wrong),
    /// It is JSON, but no HAR.
    #[error(
        "this is JSON but not an HTTP Archive (HAR): there is no list of entries in its \"log\""
    )]
    NoHar,
    /// It is a capture that cannot be read at all.
    #[error(transparent)]
    Capture(#[from] overhear_capture::Error),
    /// It is a capture without a packet.
    #[error("the capture has no packets{damage}")]
    NoPackets {
        /// Why it was not read to its end, or nothing.
        damage: String,
    },
    /// A capture is to be decrypted with secrets that are not its own.
    #[error(
        "the key log has no secrets of a TLS connection in this capture: it may be another program's, or of another time"
    )]
    NoSecrets,
    /// Every entry was left out.
    #[error("none of the {entries} entries makes a flow; the first: {reason}")]
    Nothing {
        /// How many there are.
        entries: u64,
        /// Why the first was left out.
        reason: String,
    },
    /// What was put aside cannot be read again.
    #[error("what was put aside while reading is lost: {0}")]
    Aside(#[source] std::io::Error),
    /// The disk is full, for example.
    #[error("{0}")]
    Trouble(String),
    /// The store does not take it.
    #[error(transparent)]
    Store(#[from] overhear_store::Error),
}

/// Imports a file into a session of its own. `file` is read on a thread that may wait. Of a capture, TLS is decrypted
/// whose secrets are in `keys` (the texts of key logs, RFC 9850) or in the file itself.
///
/// # Errors
/// See [`Error`]; then nothing of the file stays.
pub async fn import<R>(
    store: &Store,
    name: &str,
    file: R,
    keys: Vec<Vec<u8>>,
) -> Result<Imported, Error>
where
    R: Read + Send + 'static,
{
    let shown = name.to_owned();
    let read = move |into: &packets::Into<'_>, room: &mut dyn FnMut(), trouble: &Trouble<'_>| {
        let mut first = Vec::new();
        let mut file = file;
        file.by_ref()
            .take(4)
            .read_to_end(&mut first)
            .map_err(Wrong::Read)?;
        let is_capture = packets::is_capture(&first);
        let file = Cursor::new(first).chain(file);
        if !is_capture {
            return Ok((read(file, into.recorder, room, trouble)?, None));
        }
        let (taken, kept) = packets::read(file, &shown, into, room, trouble)?;
        Ok((taken, Some(kept)))
    };
    into_session(store, name, keys, read).await
}

/// Reads what is kept of a capture once more, with the secrets in `keys`, into a session of its own. Its flows lead to the
/// same files of packets.
///
/// # Errors
/// See [`Error`]; then nothing comes of it.
pub async fn decrypt(
    store: &Store,
    capture: &Capture,
    keys: Vec<Vec<u8>>,
) -> Result<Imported, Error> {
    let files = store.files_of(capture.id).await?;
    let shown = capture.name.clone();
    let read = move |into: &packets::Into<'_>, room: &mut dyn FnMut(), trouble: &Trouble<'_>| {
        let taken = packets::again(&files, &shown, into, room, trouble)?;
        Ok((taken, None))
    };
    let name = session_name(&format!("{}, decrypted", capture.name));
    into_session(store, &name, keys, read).await
}

/// Why nothing can be written just now.
type Trouble<'a> = dyn Fn() -> Option<String> + 'a;

/// Has something read into a session of its own, on a thread that may wait.
async fn into_session(
    store: &Store,
    name: &str,
    keys: Vec<Vec<u8>>,
    read: impl FnOnce(
        &packets::Into<'_>,
        &mut dyn FnMut(),
        &Trouble<'_>,
    ) -> Result<(Taken, Option<packets::Kept>), Error>
    + Send
    + 'static,
) -> Result<Imported, Error> {
    let session = store.begin_import(name).await?;
    let read = {
        let (store, runtime) = (store.clone(), Handle::current());
        tokio::task::spawn_blocking(move || {
            let recorder = store.recorder().into_session(session);
            let _bulk = recorder.in_bulk();
            let trouble = || store.trouble().map(|text| text.to_string());
            let mut room = || runtime.block_on(recorder.room());
            let into = packets::Into {
                recorder: &recorder,
                session,
                store: &store,
                runtime: &runtime,
                keys: &keys,
            };
            read(&into, &mut room, &trouble)
        })
        .await
        .unwrap_or_else(|error| Err(Error::Trouble(format!("the import broke off: {error}"))))
    };
    match read {
        Ok((taken, kept)) => {
            let (session, capture) = match kept {
                Some(kept) if taken.flows == 0 => {
                    let (capture, packets) = (kept.id(), kept.packets());
                    store.detach_capture(capture).await?;
                    kept.end(store).await?;
                    store.end_import(session).await?;
                    store.discard_session(session).await?;
                    return Ok(taken.only_packets(capture, packets));
                }
                kept => {
                    store.end_import(session).await?;
                    let capture = kept.as_ref().map(packets::Kept::id);
                    if let Some(kept) = kept {
                        kept.end(store).await?;
                    }
                    (session, capture)
                }
            };
            Ok(taken.told(Some(session), capture))
        }
        Err(error) => {
            let store = store.clone();
            let undone = tokio::spawn(async move {
                store.end_import(session).await?;
                store.discard_session(session).await
            });
            // with a full disk it happens once there is room
            if !matches!(error, Error::Trouble(_)) {
                match undone.await {
                    Ok(Ok(_)) => {}
                    Ok(Err(failed)) => tracing::warn!("part of an import may be left: {failed}"),
                    Err(failed) => tracing::warn!("part of an import may be left: {failed}"),
                }
            }
            Err(error)
        }
    }
}

/// What was read.
#[derive(Debug, Default)]
struct Taken {
    entries: u64,
    flows: u64,
    skipped: Vec<Skipped>,
    lost: Lost,
    /// Why a capture was not read to its end.
    damage: Option<String>,
    /// A key log was given that opens nothing of a capture.
    opens_nothing: bool,
}

/// Reads a file to its end and records what is in it. `room` waits until there is room for more bytes, `trouble`
/// says why nothing can be written just now.
fn read(
    file: impl Read,
    recorder: &Recorder,
    room: &mut dyn FnMut(),
    trouble: &Trouble<'_>,
) -> Result<Taken, Error> {
    let mut reader = Reader::new(file);
    let mut taken = Taken::default();
    let mut stopped = None;
    let mut is_har = false;
    reader.mark()?;
    if reader.kind()? != Kind::Object {
        reader.skip()?;
        return Err(Error::NoHar);
    }
    let read = reader.object(|reader, name| {
        if name != "log" || reader.kind()? != Kind::Object {
            return reader.skip();
        }
        reader.object(|reader, name| {
            if name != "entries" || reader.kind()? != Kind::Array {
                return reader.skip();
            }
            is_har = true;
            reader.array(|reader| {
                let entry = entry::read(reader)?;
                let recorded = match entry {
                    Some(entry) => record::record(entry, recorder, room, &mut taken.lost),
                    None => Err(Failed::Entry("it is not an object".to_owned())),
                };
                match recorded {
                    Ok(()) => taken.flows += 1,
                    Err(Failed::Entry(reason)) => taken.skip(reason),
                    Err(Failed::Read(error)) => stopped = Some(Error::Aside(error)),
                }
                taken.entries += 1;
                room();
                if stopped.is_none() {
                    stopped = trouble().map(Error::Trouble);
                }
                match stopped {
                    // unwinds; what is told is the other error
                    Some(_) => Err(reader.wrong("the import stops")),
                    None => Ok(()),
                }
            })
        })
    });
    if let Some(stopped) = stopped {
        return Err(stopped);
    }
    read?;
    reader.end()?;
    match (is_har, taken.skipped.first()) {
        (false, _) => Err(Error::NoHar),
        (true, Some(first)) if taken.flows == 0 => Err(Error::Nothing {
            entries: taken.entries,
            reason: first.reason.clone(),
        }),
        (true, _) => Ok(taken),
    }
}

impl Taken {
    fn skip(&mut self, reason: String) {
        if self.skipped.len() < MOST_TOLD {
            self.skipped.push(Skipped {
                entry: self.entries,
                reason,
            });
        }
    }

    /// What is told of a capture in which nothing makes a flow.
    fn only_packets(self, capture: CaptureId, packets: u64) -> Imported {
        let packets = match packets {
            1 => "the one packet".to_owned(),
            count => format!("the {count} packets"),
        };
        let mut told = self.told(None, Some(capture));
        let only = format!(
            "Nothing in it makes a flow (TCP, UDP, ICMP errors do): {packets} can be looked at one by one."
        );
        told.note = Some(match told.note {
            Some(note) => format!("{only} {note}"),
            None => only,
        });
        told
    }

    fn told(self, session: Option<SessionId>, capture: Option<CaptureId>) -> Imported {
        let mut notes: Vec<String> = self.damage.into_iter().collect();
        let mut note = |count: u64, one: &str, more: &str| match count {
            0 => {}
            1 => notes.push(one.to_owned()),
            count => notes.push(format!("{count} {more}")),
        };
        let lost = self.lost;
        note(
            lost.bodies,
            "One body is not in the file, which says its size only.",
            "bodies are not in the file, which says their sizes only.",
        );
        note(
            lost.fields,
            "One header field is left out: its name is not valid.",
            "header fields are left out: their names are not valid.",
        );
        note(
            lost.times,
            "One entry has no time that can be read and got that of the import.",
            "entries have no time that can be read and got that of the import.",
        );
        note(
            u64::from(self.opens_nothing),
            "The key log has no secrets of a TLS connection in this capture.",
            "",
        );
        let left_out = self.entries - self.flows;
        if left_out > self.skipped.len() as u64 {
            notes.push(format!("{left_out} entries are left out in all."));
        }
        Imported {
            session: session.map(|id| id.0),
            capture: capture.map(|id| id.0),
            flows: self.flows,
            skipped: self.skipped,
            note: (!notes.is_empty()).then(|| notes.join(" ")),
        }
    }
}

/// A file's name as a session is called: without folders and controls, of a length that fits into a list.
pub fn session_name(file: &str) -> String {
    let name = file.rsplit(['/', '\\']).next().unwrap_or_default();
    let name: String = name.chars().filter(|c| !c.is_control()).take(200).collect();
    match name.trim() {
        "" => "Imported".to_owned(),
        name => name.to_owned(),
    }
}

#[cfg(test)]
mod tests;
