//! Packets that are kept: captures, the files they lie in, and which of them belong to a flow.
//!
//! The files are in the folder `packets` beside the database. A file's row is there before the file and stays behind
//! when it is removed for want of room, so that a flow can say that its packets are gone. A file of a capture that has
//! ended goes when no flow leads to it any more.

use crate::{
    error::Error,
    flow::{CaptureId, FlowId, PacketFileId, SessionId, Timestamp},
    recorder::queue::Done,
    sqlite::Value,
    store::{Store, private},
    table::{self, packets},
};
use serde::{Deserialize, Serialize};
use sqlx::Row;
use std::{
    fs::{self, File, OpenOptions},
    io,
    path::{Path, PathBuf},
};

/// One capture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capture {
    /// Its number.
    pub id: CaptureId,
    /// Where its packets come from.
    pub source: CaptureSource,
    /// `INTERFACE:EXPRESSION` (or only the interface), or the name of the file.
    pub name: String,
    /// The session of an import.
    pub session: Option<SessionId>,
    /// When it began.
    pub started: Timestamp,
    /// When it ended; `None` while it goes on.
    pub ended: Option<Timestamp>,
    /// Packets that came.
    pub packets: u64,
    /// Bytes of them that were captured.
    pub bytes: u64,
    /// Packets that the system dropped.
    pub dropped: u64,
    /// Why it ended before it was told to.
    pub error: Option<String>,
    /// Bytes of its files that are there.
    pub kept: u64,
}

/// Where the packets of a capture come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CaptureSource {
    /// An interface, while the program ran.
    Live = 0,
    /// A file that was imported.
    File = 1,
}

/// What was counted of a capture.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counted {
    /// Packets that came.
    pub packets: u64,
    /// Bytes of them that were captured.
    pub bytes: u64,
    /// Packets that the system dropped.
    pub dropped: u64,
}

/// A file of packets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PacketFile {
    /// Its number.
    pub id: PacketFileId,
    /// Where it is.
    pub path: PathBuf,
    /// Behind this place of it there is no header of a section and no description of an interface; very large while that
    /// is not known.
    pub described: u64,
}

/// What is known of a file when it is whole.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Whole {
    /// When its first packet passed.
    pub first: Option<Timestamp>,
    /// When its last packet passed.
    pub last: Option<Timestamp>,
    /// Its size.
    pub bytes: u64,
    /// Behind this place there is no header of a section and no description of an interface.
    pub described: u64,
}

/// Where packets of a flow lie in a file. Packets of others may lie between.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PacketRange {
    /// The file's number.
    pub file: PacketFileId,
    /// The capture that it belongs to.
    pub capture: CaptureId,
    /// The file; `None`: it was removed because there was no room for it any more.
    pub path: Option<PathBuf>,
    /// Behind this place of the file there is no header of a section and no description of an interface.
    pub described: u64,
    /// Where the record (pcap) or block (pcapng) of the first packet begins.
    pub first_offset: u64,
    /// Where that of the last one begins.
    pub last_offset: u64,
    /// The first packet's place in the capture, from 1.
    pub first_number: u64,
    /// How many packets carried something of the flow; acknowledgements and what was sent again are not counted.
    pub packets: u64,
}

impl Store {
    /// The folder that the files of packets are in; it may not exist yet.
    pub fn packets_folder(&self) -> PathBuf {
        self.path().with_file_name("packets")
    }

    /// Bytes of the files of packets on disk.
    pub fn packets_on_disk(&self) -> u64 {
        let Ok(files) = fs::read_dir(self.packets_folder()) else {
            return 0;
        };
        let sizes = files.filter_map(|file| Some(file.ok()?.metadata().ok()?.len()));
        sizes.sum()
    }

    /// Where the packets of a flow lie, in the order in which they came.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn packets_of(&self, flow: FlowId) -> Result<Vec<PacketRange>, Error> {
        let (first, last) = packets::of(flow, flow);
        let query = sqlx::query(packets::OF_FLOW).bind(first).bind(last);
        let rows = query.fetch_all(self.readers()).await?;
        let folder = self.packets_folder();
        let range = |row: &sqlx::sqlite::SqliteRow| {
            let name: String = row.try_get(1)?;
            let removed = row.try_get::<i64, _>(3)? != 0;
            let count = |at: usize| Ok::<_, sqlx::Error>(table::count(row.try_get(at)?));
            Ok(PacketRange {
                file: packets::file(row)?,
                path: (!removed).then(|| folder.join(name)),
                described: count(2)?,
                first_offset: count(4)?,
                last_offset: count(5)?,
                first_number: count(6)?,
                packets: count(7)?,
                capture: CaptureId(row.try_get(8)?),
            })
        };
        rows.iter().map(range).collect()
    }

    /// All captures, newest first.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn captures(&self) -> Result<Vec<Capture>, Error> {
        let rows = sqlx::query(packets::CAPTURES)
            .fetch_all(self.readers())
            .await?;
        rows.iter().map(|row| Ok(packets::capture(row)?)).collect()
    }

    /// The files of a capture that are there, in the order in which they were written.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn files_of(&self, capture: CaptureId) -> Result<Vec<PacketFile>, Error> {
        let sql = "SELECT id, file, described FROM packet_files WHERE capture = ? AND removed = 0 ORDER BY id";
        let query = sqlx::query(sql).bind(capture.0);
        let rows = query.fetch_all(self.readers()).await?;
        let folder = self.packets_folder();
        let file = |row: &sqlx::sqlite::SqliteRow| {
            let name: String = row.try_get(1)?;
            Ok(PacketFile {
                id: packets::file(row)?,
                path: folder.join(name),
                described: table::count(row.try_get(2)?),
            })
        };
        rows.iter().map(file).collect()
    }

    /// Begins a capture; `session` is that of an import.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::DiskFull`], [`Error::Closed`].
    pub async fn begin_capture(
        &self,
        source: CaptureSource,
        name: &str,
        session: Option<SessionId>,
    ) -> Result<CaptureId, Error> {
        let name = name.to_owned();
        let work = self.transact(move |database| {
            let sql = "INSERT INTO captures (source, name, session, started, packets, bytes, dropped) \
                VALUES (?, ?, ?, ?, 0, 0, 0) RETURNING id";
            let values = [
                Value::Int(source as i64),
                Value::Text(&name),
                session.map(|id| id.0).into(),
                Value::Int(Timestamp::now().0),
            ];
            let mut id = 0;
            database.prepare(sql)?.rows(&values, |row| id = row.int(0))?;
            Ok((CaptureId(id), Done::default()))
        });
        work.await
    }

    /// Tells what was counted of a capture so far.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::DiskFull`], [`Error::Closed`].
    pub async fn count_capture(&self, id: CaptureId, counted: Counted) -> Result<(), Error> {
        let work = self.transact(move |database| {
            let [a, b, c] = [counted.packets, counted.bytes, counted.dropped]
                .map(|count| Value::Int(table::int(count)));
            let sql = "UPDATE captures SET packets = ?2, bytes = ?3, dropped = ?4 WHERE id = ?1";
            database.run(sql, &[Value::Int(id.0), a, b, c])?;
            Ok(((), Done::default()))
        });
        work.await
    }

    /// Ends a capture, once what was recorded of it is written. `error` is why, when nobody told it to end.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::DiskFull`], [`Error::Closed`].
    pub async fn end_capture(
        &self,
        id: CaptureId,
        counted: Counted,
        error: Option<String>,
    ) -> Result<(), Error> {
        self.settle().await?;
        self.count_capture(id, counted).await?;
        let work = self.transact(move |database| {
            let sql = "UPDATE captures SET ended = ?2, error = ?3 WHERE id = ?1";
            let now = Value::Int(Timestamp::now().0);
            database.run(sql, &[Value::Int(id.0), now, error.as_deref().into()])?;
            Ok(((), Done::default()))
        });
        work.await
    }

    /// A capture of which nothing came but its packets: it belongs to no session, and is kept until it is removed.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::DiskFull`], [`Error::Closed`].
    pub async fn detach_capture(&self, id: CaptureId) -> Result<(), Error> {
        let work = self.transact(move |database| {
            let sql = "UPDATE captures SET session = NULL WHERE id = ?";
            database.run(sql, &[Value::Int(id.0)])?;
            Ok(((), Done::default()))
        });
        work.await
    }

    /// Forgets a capture and removes its files: nothing came of it.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::DiskFull`], [`Error::Closed`].
    pub async fn drop_capture(&self, id: CaptureId) -> Result<(), Error> {
        let work = self.transact(move |database| {
            let mut files = Vec::new();
            database
                .prepare("DELETE FROM packet_files WHERE capture = ? RETURNING file")?
                .rows(&[Value::Int(id.0)], |row| files.push(row.text(0)))?;
            database.run("DELETE FROM captures WHERE id = ?", &[Value::Int(id.0)])?;
            Ok((files, Done::default()))
        });
        self.remove(&work.await?);
        Ok(())
    }

    /// Makes a file for packets of a capture, `NUMBER.ENDING`, which its owner alone can read. `described` is how long
    /// its header will be, when that is known already.
    ///
    /// # Errors
    /// [`Error::Folder`]: the file cannot be made; [`Error::Database`], [`Error::DiskFull`], [`Error::Closed`].
    pub async fn add_packet_file(
        &self,
        capture: CaptureId,
        ending: &'static str,
        described: Option<u64>,
    ) -> Result<(PacketFile, File), Error> {
        let folder = self.packets_folder();
        create_private(&folder).map_err(|error| unusable(&folder, &error))?;
        let described = described.unwrap_or(i64::MAX.unsigned_abs());
        let behind = table::int(described);
        let work = self.transact(move |database| {
            let sql = "INSERT INTO packet_files (capture, file, bytes, described, removed) \
                VALUES (?, '', 0, ?, 0) RETURNING id";
            let mut id = 0;
            database
                .prepare(sql)?
                .rows(&[Value::Int(capture.0), Value::Int(behind)], |row| {
                    id = row.int(0);
                })?;
            let name = format!("{id}.{ending}");
            let values = [Value::Int(id), Value::Text(&name)];
            database.run("UPDATE packet_files SET file = ?2 WHERE id = ?1", &values)?;
            Ok(((PacketFileId(id), name), Done::default()))
        });
        let (id, name) = work.await?;
        let path = folder.join(name);
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        private(&mut options);
        let file = options
            .open(&path)
            .map_err(|error| unusable(&path, &error))?;
        let file_of = PacketFile {
            id,
            path,
            described,
        };
        Ok((file_of, file))
    }

    /// Tells what is known of a file that is whole.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::DiskFull`], [`Error::Closed`].
    pub async fn end_packet_file(&self, id: PacketFileId, whole: Whole) -> Result<(), Error> {
        let work = self.transact(move |database| {
            let moment = |at: Option<Timestamp>| Value::from(at.map(|at| at.0));
            let values = [
                Value::Int(id.0),
                moment(whole.first),
                moment(whole.last),
                Value::Int(table::int(whole.bytes)),
                Value::Int(table::int(whole.described)),
            ];
            let sql = "UPDATE packet_files SET first = ?2, last = ?3, bytes = ?4, described = ?5 WHERE id = ?1";
            database.run(sql, &values)?;
            Ok(((), Done::default()))
        });
        work.await
    }

    /// Removes a file for want of room: its row stays, and flows say that their packets are gone.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::DiskFull`], [`Error::Closed`].
    pub async fn remove_packet_file(&self, id: PacketFileId) -> Result<(), Error> {
        let work = self.transact(move |database| {
            let mut files = Vec::new();
            let sql = "UPDATE packet_files SET removed = 1 WHERE id = ? RETURNING file";
            database
                .prepare(sql)?
                .rows(&[Value::Int(id.0)], |row| files.push(row.text(0)))?;
            Ok((files, Done::default()))
        });
        self.remove(&work.await?);
        Ok(())
    }

    /// The files of live captures that are there, the oldest first, with their sizes.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn live_packet_files(&self) -> Result<Vec<(PacketFileId, u64)>, Error> {
        let sql = "SELECT f.id, f.file FROM packet_files f JOIN captures c ON c.id = f.capture \
            WHERE c.source = 0 AND f.removed = 0 ORDER BY f.id";
        let rows = sqlx::query(sql).fetch_all(self.readers()).await?;
        let folder = self.packets_folder();
        let file = |row: &sqlx::sqlite::SqliteRow| {
            let name: String = row.try_get(1)?;
            let size = fs::metadata(folder.join(name)).map_or(0, |file| file.len());
            Ok((packets::file(row)?, size))
        };
        rows.iter().map(file).collect()
    }

    /// Removes the files that nothing leads to any more, and captures without files.
    pub(crate) async fn sweep_packets(&self) -> Result<(), Error> {
        let unused = sqlx::query(packets::UNUSED)
            .fetch_all(self.readers())
            .await?;
        let ids: Vec<i64> = unused
            .iter()
            .map(|row| row.try_get(0))
            .collect::<Result<_, _>>()?;
        if ids.is_empty() {
            return Ok(());
        }
        let work = self.transact(move |database| {
            let mut files = Vec::new();
            let mut delete = database.prepare(
                // a flow that was running when it was deleted may have come back meanwhile
                "DELETE FROM packet_files WHERE id = ?1 AND NOT EXISTS \
                (SELECT 1 FROM flow_packets WHERE id & 16777215 = ?1) RETURNING file",
            )?;
            for id in &ids {
                delete.rows(&[Value::Int(*id)], |row| files.push(row.text(0)))?;
            }
            let sql = "DELETE FROM captures WHERE ended IS NOT NULL \
                AND id NOT IN (SELECT capture FROM packet_files)";
            database.run(sql, &[])?;
            let done = Done {
                freed: !files.is_empty(),
                ..Done::default()
            };
            Ok((files, done))
        });
        self.remove(&work.await?);
        Ok(())
    }

    fn remove(&self, files: &[String]) {
        let folder = self.packets_folder();
        for name in files.iter().filter(|name| !name.is_empty()) {
            match fs::remove_file(folder.join(name)) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => tracing::warn!("cannot remove the packets in {name}: {error}"),
            }
        }
    }
}

/// Makes a folder that its owner alone can look into.
fn create_private(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(0o700);
    }
    builder.create(folder)
}

fn unusable(path: &Path, error: &io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Error::DiskFull {
            path: path.to_owned(),
        },
        _ => Error::Folder {
            path: path.to_owned(),
            reason: error.to_string(),
        },
    }
}
