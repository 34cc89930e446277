//! The secrets of TLS on both sides, in the file that a person asked for (NSS key log format, RFC 9850): whoever has it can
//! decrypt captured packets, so it is its owner's alone.

use crate::error::Error;
use parking_lot::Mutex;
use rustls::KeyLog;
use std::{
    fmt::Write as _,
    fs::{File, OpenOptions},
    io::Write as _,
    path::Path,
};

/// A file of secrets, written to its end.
#[derive(Debug)]
pub(crate) struct KeyFile(Mutex<File>);

impl KeyFile {
    /// Opens the file, or makes it; on Unix with the mode 0600.
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let mut options = OpenOptions::new();
        options.create(true).append(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let opened = options.open(path).and_then(|file| {
            // one that was there may have been open to others
            #[cfg(unix)]
            if file.metadata()?.is_file() {
                use std::{fs::Permissions, os::unix::fs::PermissionsExt as _};
                file.set_permissions(Permissions::from_mode(0o600))?;
            }
            Ok(file)
        });
        opened.map(|file| Self(Mutex::new(file))).map_err(|error| {
            Error::Option(format!(
                "the key log {} cannot be written: {error}",
                path.display()
            ))
        })
    }
}

impl KeyLog for KeyFile {
    fn log(&self, label: &str, client_random: &[u8], secret: &[u8]) {
        let mut line = format!("{label} ");
        for byte in client_random {
            let _ = write!(line, "{byte:02x}");
        }
        line.push(' ');
        for byte in secret {
            let _ = write!(line, "{byte:02x}");
        }
        line.push('\n');
        // at once and whole: who captures reads it while the connection goes on
        if let Err(error) = self.0.lock().write_all(line.as_bytes()) {
            tracing::warn!(%error, "the key log cannot be written");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_behind_those_that_were_there() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("keys.log");
        std::fs::write(&path, "# mine\n").expect("written");
        let keys = KeyFile::open(&path).expect("opened");
        keys.log("CLIENT_RANDOM", &[1, 0xab], &[0xff, 0]);
        let text = std::fs::read_to_string(&path).expect("read");
        assert_eq!(text, "# mine\nCLIENT_RANDOM 01ab ff00\n");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = std::fs::metadata(&path)
                .expect("a file")
                .permissions()
                .mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        let said = KeyFile::open(folder.path())
            .expect_err("a folder")
            .to_string();
        assert!(said.contains("cannot be written"), "{said}");
    }
}
