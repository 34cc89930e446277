//! How much room the disk has left.

use std::path::Path;

/// Bytes that this program may still write on the disk of a folder; none when the system does not say.
#[cfg(unix)]
pub(crate) fn free(folder: &Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(folder).ok()?;
    disk.f_bavail.checked_mul(disk.f_frsize)
}

/// Not asked here.
#[cfg(not(unix))]
pub(crate) fn free(_folder: &Path) -> Option<u64> {
    None
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_disk_has_room_and_nothing_has_none() {
        assert!(free(&std::env::temp_dir()).is_some());
        assert_eq!(free(Path::new("/there/is/no/such/folder")), None);
    }
}
