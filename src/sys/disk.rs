//! What is left of a disk.

use std::path::Path;

/// Bytes of a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Disk {
    /// What this user can still write.
    pub free: u64,
    pub size: u64,
}

/// The disk that a file lies on. None where the system does not tell.
#[cfg(unix)]
pub(crate) fn disk_of(file: &Path) -> Option<Disk> {
    let disk = rustix::fs::statvfs(file).ok()?;
    Some(Disk { free: disk.f_bavail * disk.f_frsize, size: disk.f_blocks * disk.f_frsize })
}

#[cfg(windows)]
pub(crate) fn disk_of(file: &Path) -> Option<Disk> {
    let (mut free, mut size) = (0, 0);
    // It wants a folder, also for a disk that is mounted in one.
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).and_then(Path::to_str);
    winsafe::GetDiskFreeSpaceEx(folder, Some(&mut free), Some(&mut size), None).ok()?;
    Some(Disk { free, size })
}
