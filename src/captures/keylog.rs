//! Key logs that grow while packets are captured (`SSLKEYLOGFILE`, RFC 9850): what programs write into them is read as it
//! comes, so that their TLS is decrypted while it goes on.

use overhear_capture::tls::KeyLog;
use parking_lot::Mutex;
use std::{
    fs::{self, File, Metadata},
    io::{self, Read as _, Seek as _, SeekFrom},
    path::PathBuf,
};

/// Of what was in a file before, so much of its end is read: bytes.
const MOST_BEFORE: u64 = 64 << 20;
/// Read at once: bytes.
const PIECE: usize = 64 << 10;
/// No line is longer: bytes.
const LONGEST_LINE: usize = 1024;

/// The key logs of a run.
pub(super) struct KeyLogs {
    secrets: KeyLog,
    files: Mutex<Vec<Growing>>,
}

/// A file that grows.
struct Growing {
    path: PathBuf,
    open: Option<Open>,
    trouble: Option<String>,
}

struct Open {
    file: File,
    which: Which,
    read: u64,
    /// A line that is not whole yet.
    rest: Vec<u8>,
}

/// What a file is, whatever it is called: device and number.
type Which = Option<(u64, u64)>;

impl KeyLogs {
    /// Reads nothing yet. The files need not exist.
    pub(super) fn new(paths: &[PathBuf]) -> Self {
        let file = |path: &PathBuf| Growing {
            path: path.clone(),
            open: None,
            trouble: None,
        };
        let secrets = match paths {
            [] => KeyLog::default(),
            _ => KeyLog::growing(),
        };
        Self {
            secrets,
            files: Mutex::new(paths.iter().map(file).collect()),
        }
    }

    /// The secrets, which become more with each [`read`](Self::read).
    pub(super) fn secrets(&self) -> KeyLog {
        self.secrets.clone()
    }

    /// Reads what was written since; whether there were secrets in it.
    pub(super) fn read(&self) -> bool {
        let mut files = self.files.lock();
        let mut found = 0;
        for file in files.iter_mut() {
            let read = file.read(&mut |lines| found += self.secrets.add(lines));
            file.trouble = read.err().map(|error| {
                format!(
                    "The key log {} cannot be read: {error}",
                    file.path.display()
                )
            });
        }
        found > 0
    }

    /// Why one of them cannot be read.
    pub(super) fn trouble(&self) -> Option<String> {
        let files = self.files.lock();
        files.iter().find_map(|file| file.trouble.clone())
    }
}

impl Growing {
    fn read(&mut self, lines: &mut dyn FnMut(&[u8])) -> io::Result<()> {
        let there = match fs::metadata(&self.path) {
            Ok(there) => there,
            // the first program that writes makes it
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.open = None;
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        if !there.is_file() {
            return Err(io::Error::other("it is no file"));
        }
        let known = self.open.as_ref();
        // replaced by another, or begun anew
        let is_known =
            known.is_some_and(|open| open.which == which(&there) && open.read <= there.len());
        if !is_known {
            let first = self.open.is_none();
            self.open = Some(Open::new(File::open(&self.path)?, first)?);
        }
        match &mut self.open {
            Some(open) => open.read(lines),
            None => Ok(()),
        }
    }
}

impl Open {
    fn new(mut file: File, first: bool) -> io::Result<Self> {
        let there = file.metadata()?;
        let before = match first {
            true => there.len().saturating_sub(MOST_BEFORE),
            false => 0,
        };
        file.seek(SeekFrom::Start(before))?;
        Ok(Self {
            which: which(&there),
            file,
            read: before,
            rest: Vec::new(),
        })
    }

    fn read(&mut self, lines: &mut dyn FnMut(&[u8])) -> io::Result<()> {
        let mut piece = vec![0; PIECE];
        loop {
            let read = self.file.read(&mut piece)?;
            let Some(fresh) = piece.get(..read).filter(|fresh| !fresh.is_empty()) else {
                return Ok(());
            };
            self.read += fresh.len() as u64;
            let Some(end) = fresh.iter().rposition(|byte| *byte == b'\n') else {
                if self.rest.len() + fresh.len() <= LONGEST_LINE {
                    self.rest.extend_from_slice(fresh);
                } else {
                    // no line of a key log
                    self.rest.clear();
                }
                continue;
            };
            let (whole, rest) = fresh.split_at(end + 1);
            self.rest.extend_from_slice(whole);
            lines(&self.rest);
            self.rest.clear();
            if rest.len() <= LONGEST_LINE {
                self.rest.extend_from_slice(rest);
            }
        }
    }
}

#[cfg(unix)]
#[expect(
    clippy::unnecessary_wraps,
    reason = "elsewhere a file has no such numbers"
)]
fn which(file: &Metadata) -> Which {
    use std::os::unix::fs::MetadataExt as _;
    Some((file.dev(), file.ino()))
}

#[cfg(not(unix))]
fn which(_: &Metadata) -> Which {
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs::OpenOptions, io::Write as _, path::Path};

    fn line(n: u8) -> String {
        format!(
            "CLIENT_RANDOM {} {}\n",
            format!("{n:02x}").repeat(32),
            "ab".repeat(48)
        )
    }

    fn append(path: &Path, text: &str) {
        let mut options = OpenOptions::new();
        let mut file = options.append(true).create(true).open(path).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }

    #[test]
    fn lines_are_read_as_they_come() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.log");
        let logs = KeyLogs::new(std::slice::from_ref(&path));
        assert!(!logs.read(), "it is not there yet");
        assert_eq!(logs.trouble(), None);
        let first = line(1);
        let (begin, end) = first.split_at(20);
        append(&path, begin);
        assert!(!logs.read(), "half a line");
        append(&path, end);
        assert!(logs.read() && !logs.read());
        append(&path, &(line(2) + &line(3)));
        assert!(logs.read());
        // begun anew, shorter; then another file
        fs::write(&path, line(4)).unwrap();
        assert!(logs.read() && !logs.read());
        fs::remove_file(&path).unwrap();
        append(&path, &(line(5) + &line(6) + &line(7)));
        assert!(logs.read());
        append(&path, &"x".repeat(3 * PIECE));
        assert!(!logs.read());
        append(&path, &format!("\n{}", line(8)));
        assert!(logs.read());
    }

    #[test]
    fn what_is_no_file_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let logs = KeyLogs::new(&[folder.path().to_owned()]);
        assert!(!logs.read());
        let told = logs.trouble().unwrap();
        assert!(told.ends_with("cannot be read: it is no file"), "{told}");
    }
}
