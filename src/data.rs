//! The data folder: what is in it, who uses it, and what is remembered there from run to run.
//!
//! ```text
//! overhear.db     recorded flows        lock           held while a program records
//! ca/             the root              run.json       where the running program listens
//! token           opens the page        devices.toml   which devices may use the proxy
//! ```

use anyhow::Context;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use overhear_ca::Authority;
use overhear_proxy::Decision;
use overhear_store::{Store, StoreOptions};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    fs::{self, File, TryLockError},
    io::{self, Write},
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
};

/// A data folder; it may not exist yet.
#[derive(Debug, Clone)]
pub(crate) struct Data {
    path: PathBuf,
}

/// Held by the one program that records into the folder.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

/// How other programs of this person find the one that runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Running {
    /// Process id.
    pub(crate) pid: u32,
    /// Where the API is.
    pub(crate) web: SocketAddr,
    /// What opens it.
    pub(crate) token: String,
    /// Where the proxy listens.
    pub(crate) proxy: Vec<SocketAddr>,
}

impl Data {
    /// Names the folder.
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// Its path.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Makes the folder if there is none; one that is made is closed to others.
    pub(crate) fn create(&self) -> anyhow::Result<()> {
        create_private(&self.path).map_err(|error| self.unusable(&error))
    }

    /// The lock, or `None` while another program holds it.
    pub(crate) fn lock(&self) -> anyhow::Result<Option<Lock>> {
        let path = self.path.join("lock");
        let open = private_options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path);
        let file = open.map_err(|error| self.unusable(&error))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Lock { _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(self.unusable(&error)),
        }
    }

    /// Opens the recorded flows for recording.
    pub(crate) async fn record(&self) -> anyhow::Result<Store> {
        let options = StoreOptions {
            path: self.database(),
            read_only: false,
        };
        Ok(Store::open(options).await?)
    }

    /// Opens the recorded flows beside whatever records them.
    pub(crate) async fn read(&self) -> anyhow::Result<Store> {
        let path = self.database();
        if !path.try_exists().map_err(|error| self.unusable(&error))? {
            anyhow::bail!(
                "nothing has been recorded in {} yet: start the proxy with `overhear run`, or choose another \
                 folder with --data",
                self.path.display()
            );
        }
        Ok(Store::open(StoreOptions {
            path,
            read_only: true,
        })
        .await?)
    }

    /// The root certificate, made on first use.
    pub(crate) fn authority(&self) -> anyhow::Result<Authority> {
        self.create()?;
        Ok(Authority::load_or_create(&self.ca())?)
    }

    /// The folder of the root certificate.
    pub(crate) fn ca(&self) -> PathBuf {
        self.path.join("ca")
    }

    /// The secret that opens the page: made once, so that links stay valid.
    pub(crate) fn token(&self) -> anyhow::Result<String> {
        let path = self.path.join("token");
        match fs::read_to_string(&path) {
            Ok(text) if !text.trim().is_empty() => {
                close_to_others(&path).map_err(|error| self.unusable(&error))?;
                return Ok(text.trim().to_owned());
            }
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(self.unusable(&error)),
        }
        let token = URL_SAFE_NO_PAD.encode(rand::random::<[u8; 24]>());
        self.write("token", format!("{token}\n").as_bytes())?;
        Ok(token)
    }

    /// Tells others where the program is, until the answer is dropped.
    pub(crate) fn announce(&self, running: &Running) -> anyhow::Result<Announced> {
        self.write("run.json", &serde_json::to_vec(running)?)?;
        Ok(Announced {
            path: self.path.join("run.json"),
        })
    }

    /// Where the program is that holds the lock; `None` while it has not said (yet).
    pub(crate) fn running(&self) -> Option<Running> {
        let text = fs::read(self.path.join("run.json")).ok()?;
        serde_json::from_slice(&text).ok()
    }

    /// What was decided about devices.
    pub(crate) fn devices(&self) -> anyhow::Result<BTreeMap<IpAddr, Decision>> {
        let path = self.path.join("devices.toml");
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
            Err(error) => return Err(self.unusable(&error)),
        };
        let file: Devices = toml::from_str(&text)
            .with_context(|| format!("{} cannot be read: correct or delete it", path.display()))?;
        Ok(file.devices)
    }

    /// Remembers what was decided about devices.
    pub(crate) fn remember_devices(
        &self,
        devices: &BTreeMap<IpAddr, Decision>,
    ) -> anyhow::Result<()> {
        let text = toml::to_string(&Devices {
            devices: devices.clone(),
        })?;
        let head = "# Which devices may use the proxy: \"allow\" or \"refuse\". Those not named are asked about.\n";
        self.write("devices.toml", format!("{head}{text}").as_bytes())
    }

    fn database(&self) -> PathBuf {
        self.path.join("overhear.db")
    }

    /// Writes a file whole or not at all, readable by its owner only.
    fn write(&self, name: &str, bytes: &[u8]) -> anyhow::Result<()> {
        let fresh = self.path.join(format!(".{name}.new"));
        let written = (|| {
            let mut file = private_options()
                .create(true)
                .truncate(true)
                .write(true)
                .open(&fresh)?;
            file.write_all(bytes)?;
            file.sync_all()?;
            fs::rename(&fresh, self.path.join(name))
        })();
        written.map_err(|error| self.unusable(&error))
    }

    fn unusable(&self, error: &io::Error) -> anyhow::Error {
        let advice = match error.kind() {
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                ": it must belong to you and be writable, or choose another with --data"
            }
            io::ErrorKind::StorageFull => ": make room, or choose another with --data",
            io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => {
                ": it is not a folder; choose another with --data"
            }
            _ => "",
        };
        anyhow::anyhow!(
            "cannot use the data folder {} ({error}){advice}",
            self.path.display()
        )
    }
}

/// Removes `run.json` when dropped.
#[derive(Debug)]
pub(crate) struct Announced {
    path: PathBuf,
}

impl Drop for Announced {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Devices {
    #[serde(default)]
    devices: BTreeMap<IpAddr, Decision>,
}

#[cfg(unix)]
fn create_private(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
}

#[cfg(not(unix))]
fn create_private(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)
}

#[cfg(unix)]
fn private_options() -> fs::OpenOptions {
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = fs::OpenOptions::new();
    options.mode(0o600);
    options
}

#[cfg(not(unix))]
fn private_options() -> fs::OpenOptions {
    fs::OpenOptions::new()
}

#[cfg(unix)]
fn close_to_others(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    if fs::metadata(path)?.permissions().mode() & 0o077 != 0 {
        fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
        tracing::warn!(
            "{} could be read by others: its mode is 0600 now",
            path.display()
        );
    }
    Ok(())
}

#[cfg(not(unix))]
fn close_to_others(_path: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests;
