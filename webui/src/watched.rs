//! A file that a person saves while the program runs.

use std::{
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};
use tokio::time::sleep;

/// How often the file is looked at.
const LOOK: Duration = Duration::from_millis(500);

/// A file, and how it was when it was last looked at.
pub struct Watched {
    path: PathBuf,
    last: Option<(SystemTime, u64)>,
}

impl Watched {
    /// Begins with the file as it is now: watch it before it is read, and no change is missed.
    pub async fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            last: stamp(path).await,
        }
    }

    /// Waits until the file is another one, or is there or not any more.
    pub async fn changed(&mut self) {
        loop {
            let now = stamp(&self.path).await;
            if now != self.last {
                self.last = now;
                return;
            }
            sleep(LOOK).await;
        }
    }

    /// Which file.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

async fn stamp(path: &Path) -> Option<(SystemTime, u64)> {
    let metadata = tokio::fs::metadata(path).await.ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}
