//! What the history takes of the disk, and what it may.

use super::{Source, Store, sql};
use crate::limits;
use crate::sys::disk::disk_of;

/// Bytes of the history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Space {
    pub used: u64,
    /// As much as it may take, and the disk has.
    pub most: u64,
}

impl Space {
    /// Nothing more fits.
    pub fn is_full(&self) -> bool {
        self.used >= self.most
    }

    /// How full it is, from [`limits::HISTORY_TOLD_PERCENT`] on; none below.
    pub fn percent(&self) -> Option<u64> {
        let percent = if self.is_full() { 100 } else { self.used.saturating_mul(100) / self.most };
        Some(percent).filter(|percent| *percent >= limits::HISTORY_TOLD_PERCENT)
    }
}

impl Store {
    /// What the history takes now. It may take `bound` bytes, and leaves a rest of the disk to others.
    ///
    /// # Errors
    /// When the database can't be read.
    pub fn space(&self, bound: u64) -> rusqlite::Result<Space> {
        let [pages, free, size] =
            ["page_count", "freelist_count", "page_size"].map(|name| sql::number(&self.db, name));
        let (size, free) = (size?, free?);
        let used = pages?.saturating_sub(free) * size;
        let disk = match &self.source {
            Source::File(path) => disk_of(path),
            Source::Memory(_) => None,
        };
        let left = disk.map_or(u64::MAX, |disk| {
            let rest = limits::DISK_REST.min(disk.size / limits::SMALL_DISK_REST);
            // What was freed in the file can be written without any more of the disk.
            disk.free.saturating_sub(rest).saturating_add(if disk.free > rest { free * size } else { 0 })
        });
        Ok(Space { used, most: bound.min(used.saturating_add(left)) })
    }
}
