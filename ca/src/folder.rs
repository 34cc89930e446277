//! Where the root lives: `cert.pem` and `key.pem` in a folder that is nobody else's.
//!
//! Files appear whole or not at all (written beside, then renamed). One process at a time: an exclusive
//! lock is held on `.lock` while a [`Folder`] is open, so two programs that start at once on a new folder
//! agree on one root.

use crate::{error::Error, import::Material, root::Root};
use pem::Pem;
use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};
use time::OffsetDateTime;

const CERTIFICATE: &str = "cert";
const KEY: &str = "key";

/// An open folder, locked.
pub(crate) struct Folder {
    path: PathBuf,
    _lock: File,
}

/// The two files, read.
pub(crate) struct Pair {
    certificate: Vec<u8>,
    key: Vec<u8>,
    path: PathBuf,
}

impl Folder {
    /// Opens (and makes) the folder, closes it to others, and waits for its lock.
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        private::create_folder(path).map_err(|e| file(path, e))?;
        if private::close(path, 0o700).map_err(|e| file(path, e))? {
            tracing::warn!(
                "{} was open to others: its mode is 0700 now",
                path.display()
            );
        }
        let lock = path.join(".lock");
        let open = private::options()
            .create(true)
            .write(true)
            .truncate(false)
            .open(&lock);
        let handle = open.map_err(|e| file(&lock, e))?;
        handle.lock().map_err(|e| file(&lock, e))?;
        Ok(Self {
            path: path.to_owned(),
            _lock: handle,
        })
    }

    /// Reads the root, if there is one. A key that others may read is closed to them.
    pub(crate) fn read(&self) -> Result<Option<Pair>, Error> {
        let (certificate, key) = (self.file(CERTIFICATE), self.file(KEY));
        let Some(bytes) = read(&certificate)? else {
            return Ok(None);
        };
        let Some(secret) = read(&key)? else {
            return Err(Error::Unusable {
                what: certificate.display().to_string(),
                reason: format!(
                    "its key {} is missing: put it back, or make a new root with `overhear ca rotate`",
                    key.display()
                ),
            });
        };
        if private::close(&key, 0o600).map_err(|e| file(&key, e))? {
            tracing::warn!(
                "{} could be read by others: its mode is 0600 now. If someone may have copied it, make a \
                 new root with `overhear ca rotate`",
                key.display()
            );
        }
        Ok(Some(Pair {
            certificate: bytes,
            key: secret,
            path: certificate,
        }))
    }

    /// Writes a root; the one that was there is kept as `cert-<date>.pem` and `key-<date>.pem`.
    pub(crate) fn replace(&self, root: &Root) -> Result<(), Error> {
        self.keep()?;
        let chain: Vec<Pem> = root
            .chain()
            .iter()
            .map(|der| Pem::new("CERTIFICATE", der.to_vec()))
            .collect();
        let key = Pem::new("PRIVATE KEY", root.key());
        // the key first: a certificate without its key is an error, a key without a certificate is not
        self.write(KEY, pem::encode(&key).as_bytes())?;
        self.write(CERTIFICATE, pem::encode_many(&chain).as_bytes())
    }

    /// Renames what is there, under one suffix that neither name has yet.
    fn keep(&self) -> Result<(), Error> {
        let (certificate, key) = (self.file(CERTIFICATE), self.file(KEY));
        if !certificate.exists() && !key.exists() {
            return Ok(());
        }
        let today = OffsetDateTime::now_utc().date();
        for count in 1.. {
            let suffix = if count == 1 {
                String::new()
            } else {
                format!("-{count}")
            };
            let old = |name: &str| self.path.join(format!("{name}-{today}{suffix}.pem"));
            if old(CERTIFICATE).exists() || old(KEY).exists() {
                continue;
            }
            for (from, to) in [(&certificate, old(CERTIFICATE)), (&key, old(KEY))] {
                match fs::rename(from, &to) {
                    Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(file(from, e)),
                    _ => {}
                }
            }
            break;
        }
        Ok(())
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        let path = self.file(name);
        let fresh = self.path.join(format!(".{name}.new"));
        let written = (|| {
            match fs::remove_file(&fresh) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
                _ => {}
            }
            let mut out = private::options()
                .create_new(true)
                .write(true)
                .open(&fresh)?;
            out.write_all(bytes)?;
            out.sync_all()?;
            fs::rename(&fresh, &path)?;
            private::sync_folder(&self.path)
        })();
        written.map_err(|e| file(&path, e))
    }

    fn file(&self, name: &str) -> PathBuf {
        self.path.join(format!("{name}.pem"))
    }
}

impl Pair {
    /// The root in them.
    pub(crate) fn root(&self) -> Result<Root, Error> {
        let what = self.path.display().to_string();
        let material = Material::read(&self.certificate, Some(&self.key), None)?;
        Root::new(material, &what)
    }
}

fn read(path: &Path) -> Result<Option<Vec<u8>>, Error> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(file(path, e)),
    }
}

fn file(path: &Path, error: io::Error) -> Error {
    let reason = match error.kind() {
        io::ErrorKind::PermissionDenied => {
            "permission denied: it must belong to you, or choose another data folder with --data"
                .to_owned()
        }
        _ => error.to_string(),
    };
    Error::File {
        path: path.to_owned(),
        reason,
    }
}

/// Unix modes.
#[cfg(unix)]
mod private {
    use super::*;
    use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};

    pub(super) fn create_folder(path: &Path) -> io::Result<()> {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
    }

    pub(super) fn options() -> OpenOptions {
        let mut options = OpenOptions::new();
        options.mode(0o600);
        options
    }

    /// Takes away what `mode` does not allow; says whether anything was.
    pub(super) fn close(path: &Path, mode: u32) -> io::Result<bool> {
        let is = fs::metadata(path)?.permissions().mode() & 0o777;
        if is & !mode == 0 {
            return Ok(false);
        }
        fs::set_permissions(path, fs::Permissions::from_mode(is & mode))?;
        Ok(true)
    }

    pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }
}

/// Elsewhere the folder's own access list decides.
#[cfg(not(unix))]
mod private {
    use super::*;

    pub(super) fn create_folder(path: &Path) -> io::Result<()> {
        fs::create_dir_all(path)
    }

    pub(super) fn options() -> OpenOptions {
        OpenOptions::new()
    }

    pub(super) fn close(_path: &Path, _mode: u32) -> io::Result<bool> {
        Ok(false)
    }

    pub(super) fn sync_folder(_path: &Path) -> io::Result<()> {
        Ok(())
    }
}
