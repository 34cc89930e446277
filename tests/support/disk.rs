//! A disk that is soon full: a tmpfs of a few megabytes.

use super::{Run, not_run, system};
use std::path::Path;

/// A small disk of its own; unmounted when dropped. Needs Linux and root.
pub struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    /// Mounts one; says why when this machine cannot.
    pub fn mount(size: &str) -> Option<Self> {
        if !cfg!(target_os = "linux") || !system::is_root() {
            not_run("a small disk (tmpfs) needs Linux and root");
            return None;
        }
        let disk = Self(tempfile::tempdir().unwrap());
        let options = format!("size={size}");
        let mount = Run::new("mount")
            .args(["-t", "tmpfs", "-o", &options, "tmpfs"])
            .arg(disk.path());
        let mounted = mount.run();
        if !mounted.status.success() {
            not_run(&format!("no tmpfs: {}", mounted.err));
            return None;
        }
        Some(disk)
    }

    /// Where it is mounted.
    pub fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // The program that uses it ends with its own handle, which is dropped before this one.
        Run::new("umount").arg("-l").arg(self.0.path()).run();
    }
}
