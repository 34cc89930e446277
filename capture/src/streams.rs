//! Streams as files, in the way of tcpflow: one file a direction, `SOURCE.PORT-DESTINATION.PORT`, its bytes at their
//! places, what is missing as zeros.
//!
//! Nothing that exists is overwritten: `c1`, `c2`... is put behind a name that is taken. A file has the time of its
//! connection's first packet.

use crate::tcp::{Connection, Data, Event, Side, Sink};
use foldhash::{HashMap, HashMapExt};
use std::{
    collections::VecDeque,
    fs::{File, FileTimes, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

/// A gap that is longer begins another file, as in tcpflow.
const LONGEST_GAP: u64 = 16 * 1024 * 1024;
/// Bytes of one file that are written at once.
const PIECE: usize = 128 * 1024;
/// Bytes that wait to be written, of all files.
const MOST_WAITING: usize = 64 * 1024 * 1024;
/// Files that are open at once.
const MOST_OPEN: usize = 128;

/// Writes streams into a folder.
#[derive(Debug)]
pub struct Streams {
    folder: PathBuf,
    flows: HashMap<(u64, bool), Flow>,
    open: VecDeque<(u64, bool)>,
    waiting: usize,
    files: u64,
    bytes: u64,
    error: Option<(PathBuf, io::Error)>,
}

/// What is written of one direction.
#[derive(Debug, Default)]
struct Flow {
    path: Option<PathBuf>,
    file: Option<File>,
    /// The offset of the stream at which the file begins.
    base: i64,
    /// Bytes that are not written yet, and their place in the stream.
    waiting: Vec<u8>,
    at: i64,
}

/// A file of a stream could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {}: {error}", path.display())]
pub struct WriteError {
    /// Which file.
    pub path: PathBuf,
    /// Why.
    #[source]
    pub error: io::Error,
}

impl Streams {
    /// Writes into a folder, which is made if there is none.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn new(folder: &Path) -> Result<Self, WriteError> {
        std::fs::create_dir_all(folder).map_err(|error| WriteError {
            path: folder.to_owned(),
            error,
        })?;
        Ok(Self {
            folder: folder.to_owned(),
            flows: HashMap::new(),
            open: VecDeque::new(),
            waiting: 0,
            files: 0,
            bytes: 0,
            error: None,
        })
    }

    /// Whether writing failed: there is no use in going on.
    pub fn failed(&self) -> bool {
        self.error.is_some()
    }

    /// Files, and bytes in order, that were written.
    ///
    /// # Errors
    /// A file could not be written.
    pub fn finish(mut self) -> Result<(u64, u64), WriteError> {
        let flows: Vec<_> = self.flows.keys().copied().collect();
        for key in flows {
            self.guarded(key, Flow::flush);
        }
        match self.error {
            Some((path, error)) => Err(WriteError { path, error }),
            None => Ok((self.files, self.bytes)),
        }
    }

    fn data(&mut self, connection: &Connection, data: Data<'_>) {
        let key = (connection.number, data.side == Side::A);
        if self.flows.entry(key).or_default().path.is_none() {
            let name = name(connection, data.side);
            let made = loop {
                match create(&self.folder, &name) {
                    Err(error) if too_many_open(&error) && self.close_oldest(key) => {}
                    made => break made,
                }
            };
            match made {
                Ok((path, file)) => {
                    let flow = self.flows.entry(key).or_default();
                    flow.base = data.offset;
                    // what is missing before the first bytes is zeros, too, unless it is too much
                    if (1..=LONGEST_GAP.cast_signed()).contains(&data.offset) && flow.at == 0 {
                        flow.base = 0;
                    }
                    flow.path = Some(path);
                    flow.file = Some(file);
                    flow.at = data.offset;
                    self.files += 1;
                    self.open.push_back(key);
                }
                Err(error) => {
                    self.error = Some((self.folder.join(name), error));
                    return;
                }
            }
        }
        self.bytes += data.bytes.len() as u64;
        let full = self.flows.get(&key).is_some_and(|flow| {
            let end = flow.at + flow.waiting.len() as i64;
            end != data.offset || flow.waiting.len() + data.bytes.len() > PIECE
        });
        if full {
            self.guarded(key, Flow::flush);
        }
        if let Some(flow) = self.flows.get_mut(&key) {
            if flow.waiting.is_empty() {
                flow.at = data.offset;
            }
            flow.waiting.extend_from_slice(data.bytes);
            self.waiting += data.bytes.len();
        }
        if self.waiting > MOST_WAITING {
            let flows: Vec<_> = self.flows.keys().copied().collect();
            for key in flows {
                self.guarded(key, Flow::flush);
            }
        }
        while self.open.len() > MOST_OPEN {
            let Some(oldest) = self.open.pop_front() else {
                break;
            };
            if oldest != key {
                self.guarded(oldest, Flow::flush);
                if let Some(flow) = self.flows.get_mut(&oldest) {
                    flow.file = None;
                    flow.waiting = Vec::new();
                }
            } else {
                self.open.push_back(oldest);
            }
        }
    }

    fn late(&mut self, connection: &Connection, data: Data<'_>) {
        let key = (connection.number, data.side == Side::A);
        let known = self.flows.get(&key).is_some_and(|flow| flow.path.is_some());
        if !known {
            return;
        }
        self.open_again(key);
        self.guarded(key, |flow, written| {
            flow.flush(written)?;
            flow.reopen()?;
            if data.offset < flow.base {
                let more = flow.base.abs_diff(data.offset);
                if more > LONGEST_GAP {
                    return Ok(());
                }
                if let Some(file) = &mut flow.file {
                    shift(file, more)?;
                }
                flow.base = data.offset;
            }
            flow.write(data.offset, data.bytes)
        });
    }

    /// Opens a flow's file if it was closed meanwhile; whoever needs it finds out why that failed.
    fn open_again(&mut self, key: (u64, bool)) {
        while let Some(flow) = self.flows.get_mut(&key) {
            if flow.file.is_some() || flow.path.is_none() {
                return;
            }
            match flow.reopen() {
                Ok(()) => return self.open.push_back(key),
                Err(error) if too_many_open(&error) && self.close_oldest(key) => {}
                Err(_) => return,
            }
        }
    }

    /// Closes the file of another flow, the one that was opened first; false when there is none.
    fn close_oldest(&mut self, key: (u64, bool)) -> bool {
        while let Some(at) = self.open.iter().position(|open| *open != key) {
            let Some(oldest) = self.open.remove(at) else {
                return false;
            };
            let Some(flow) = self.flows.get_mut(&oldest) else {
                continue;
            };
            if flow.file.is_none() {
                continue;
            }
            let mut written = 0;
            if let Err(error) = flow.flush(&mut written) {
                let path = flow.path.clone().unwrap_or_default();
                self.error.get_or_insert((path, error));
            }
            self.waiting = self.waiting.saturating_sub(written);
            flow.file = None;
            flow.waiting = Vec::new();
            return true;
        }
        false
    }

    /// Does something to a flow that may fail, and remembers how much less waits.
    fn guarded(
        &mut self,
        key: (u64, bool),
        work: impl FnOnce(&mut Flow, &mut usize) -> io::Result<()>,
    ) {
        let Some(flow) = self.flows.get_mut(&key) else {
            return;
        };
        if !flow.waiting.is_empty() {
            self.open_again(key);
        }
        let Some(flow) = self.flows.get_mut(&key) else {
            return;
        };
        let mut written = 0;
        let done = work(flow, &mut written);
        self.waiting = self.waiting.saturating_sub(written);
        if let Err(error) = done {
            let path = flow.path.clone().unwrap_or_else(|| self.folder.clone());
            self.error.get_or_insert((path, error));
        }
    }
}

impl Sink for Streams {
    fn event(&mut self, connection: &Connection, event: Event<'_>) {
        if self.failed() {
            return;
        }
        match event {
            Event::Data(data) => self.data(connection, data),
            Event::Late(data) => self.late(connection, data),
            Event::Gap { side, length, .. } if length > LONGEST_GAP => {
                let key = (connection.number, side == Side::A);
                self.guarded(key, |flow, written| {
                    flow.flush(written)?;
                    *flow = Flow {
                        at: -1,
                        ..Flow::default()
                    };
                    Ok(())
                });
            }
            Event::Closed(_) => {
                for first in [true, false] {
                    let key = (connection.number, first);
                    self.open_again(key);
                    self.guarded(key, |flow, written| {
                        flow.flush(written)?;
                        flow.reopen()
                    });
                    if let Some(flow) = self.flows.remove(&key) {
                        self.open.retain(|open| *open != key);
                        flow.set_time(connection.first_time);
                    }
                }
            }
            _ => {}
        }
    }
}

impl Flow {
    fn flush(&mut self, written: &mut usize) -> io::Result<()> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        self.reopen()?;
        let mut waiting = std::mem::take(&mut self.waiting);
        *written += waiting.len();
        self.write(self.at, &waiting)?;
        self.at += waiting.len() as i64;
        waiting.clear();
        self.waiting = waiting;
        Ok(())
    }

    fn reopen(&mut self) -> io::Result<()> {
        if self.file.is_none()
            && let Some(path) = &self.path
        {
            self.file = Some(OpenOptions::new().read(true).write(true).open(path)?);
        }
        Ok(())
    }

    fn set_time(&self, time: i64) {
        let time = Duration::from_nanos(u64::try_from(time).unwrap_or(0));
        let time = FileTimes::new().set_modified(SystemTime::UNIX_EPOCH + time);
        if let Some(file) = &self.file {
            // not every file system can
            let _ = file.set_times(time);
        }
    }

    fn write(&mut self, offset: i64, bytes: &[u8]) -> io::Result<()> {
        let Some(file) = &mut self.file else {
            return Ok(());
        };
        let Ok(place) = u64::try_from(offset - self.base) else {
            return Ok(());
        };
        file.seek(SeekFrom::Start(place))?;
        file.write_all(bytes)
    }
}

/// This process, or the system, has as many files open as it may.
fn too_many_open(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE))
}

/// The name that tcpflow would give; a VLAN identifier behind two hyphens.
pub fn name(connection: &Connection, side: Side) -> String {
    let (from, to) = (connection.end(side), connection.end(side.other()));
    let mut name = format!("{}-{}", end(from), end(to));
    if let Some(vlan) = connection.vlan {
        name.push_str(&format!("--{vlan}"));
    }
    name
}

/// The name of a stream of which only the ends are known.
pub fn name_of(from: SocketAddr, to: SocketAddr, vlan: Option<u16>) -> String {
    match vlan {
        Some(vlan) => format!("{}-{}--{vlan}", end(from), end(to)),
        None => format!("{}-{}", end(from), end(to)),
    }
}

fn end(address: SocketAddr) -> String {
    let port = address.port();
    match address.ip() {
        IpAddr::V4(ip) => {
            let [a, b, c, d] = ip.octets();
            format!("{a:03}.{b:03}.{c:03}.{d:03}.{port:05}")
        }
        IpAddr::V6(ip) => format!("{ip}.{port:05}"),
    }
}

fn create(folder: &Path, name: &str) -> io::Result<(PathBuf, File)> {
    let mut count = 0_u64;
    loop {
        let path = match count {
            0 => folder.join(name),
            count => folder.join(format!("{name}c{count}")),
        };
        let opened = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .open(&path);
        match opened {
            Ok(file) => return Ok((path, file)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => count += 1,
            Err(error) => return Err(error),
        }
    }
}

/// Makes room at the beginning of a file.
fn shift(file: &mut File, by: u64) -> io::Result<()> {
    let mut left = file.metadata()?.len();
    let mut buffer = vec![0; PIECE];
    while left > 0 {
        let length = left.min(PIECE as u64);
        left -= length;
        let piece = buffer
            .get_mut(..usize::try_from(length).unwrap_or(0))
            .unwrap_or_default();
        file.seek(SeekFrom::Start(left))?;
        file.read_exact(piece)?;
        file.seek(SeekFrom::Start(left + by))?;
        file.write_all(piece)?;
    }
    // what is between is zeros until it is written
    let zeros = usize::try_from(by).unwrap_or(0);
    file.seek(SeekFrom::Start(0))?;
    io::copy(&mut io::repeat(0).take(zeros as u64), file)?;
    Ok(())
}
