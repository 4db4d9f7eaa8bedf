//! A backup takes the room's place: whole, checked, and never beside another room's log.
//!
//! The database always has a file that can be opened, or one that is refused: what was there gets a second name first, then the
//! copy takes its place in one step, then the log of what was there follows it.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use jiff::Zoned;
use rusqlite::Connection;

use super::copy::{self, Copy, CopyError};
use super::error::OpenError;
use super::lock::LockFile;
use super::{file, new_epoch, read, schema};

/// A backup that has taken its place.
#[derive(Debug)]
pub struct Restored {
    /// Those that are there to be read.
    pub messages: u64,
    /// The new name of what was there before.
    pub replaced: Option<PathBuf>,
}

/// Why a backup has not taken its place. What was there is as it was.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The backup, or the room's database.
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(
        "{}: this is the room's own database. Name the backup that is to take its place, and with --database the room's file",
        .0.display()
    )]
    Same(PathBuf),
    #[error("{}: the backup can't be put there: {why}", .path.display())]
    Write { path: PathBuf, why: String },
}

/// Puts a copy of the database at `backup` in the place of the one at `database`, whose room must be closed. Sessions, reset links
/// and host links in it end: since the backup they may have been ended, or voided. `progress` hears how many pages are copied, and
/// of how many.
///
/// # Errors
/// See [`RestoreError`].
pub fn restore(
    backup: &Path,
    database: &Path,
    progress: impl FnMut(u64, u64),
) -> Result<Restored, RestoreError> {
    let backup = file::resolve(backup).map_err(|problem| problem.at(backup))?;
    let database = file::resolve(database).map_err(|problem| problem.at(database))?;
    if backup == database {
        return Err(RestoreError::Same(database));
    }
    let (from, _) = read::connect_beside(&backup).map_err(|problem| problem.at(&backup))?;
    let lock = LockFile::take(&database).map_err(|problem| problem.at(&database))?;
    let restored = put_in_place(&from, &backup, &database, &lock, progress);
    if restored.is_err() {
        lock.undo();
    }
    restored
}

fn put_in_place(
    from: &Connection,
    backup: &Path,
    database: &Path,
    lock: &LockFile,
    progress: impl FnMut(u64, u64),
) -> Result<Restored, RestoreError> {
    let unwritten = |why: String| RestoreError::Write { path: database.to_owned(), why };
    let failed = |error: io::Error| unwritten(error.to_string());
    let folder = database.parent().unwrap_or(Path::new("/"));
    let epoch = new_epoch().map_err(failed)?;
    let copy = Copy::make(from, folder, |copy| end_what_leads_in(copy, &epoch), progress);
    let copy = copy.map_err(|error| match error {
        CopyError::From(problem) => problem.at(backup).into(),
        CopyError::To(why) => unwritten(why),
    })?;
    let replaced = second_name(database, lock).map_err(failed)?;
    copy.file.persist(database).map_err(|error| failed(error.error))?;
    // Without a file there can be its log.
    let name = replaced.clone().unwrap_or_else(|| free_name(database));
    for suffix in ["-wal", "-shm"] {
        match fs::rename(file::beside(database, suffix), file::beside(&name, suffix)) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
    }
    copy::sync_folder(folder).map_err(failed)?;
    Ok(Restored { messages: copy.messages, replaced })
}

fn end_what_leads_in(copy: &mut Connection, epoch: &str) -> rusqlite::Result<()> {
    schema::migrate(copy, epoch)?;
    copy.execute_batch("DELETE FROM sessions; DELETE FROM password_resets; DELETE FROM host_keys")
}

/// Gives what is there a second name, with the note that lets it be opened under it. None if nothing is there.
fn second_name(database: &Path, lock: &LockFile) -> io::Result<Option<PathBuf>> {
    if !database.exists() {
        return Ok(None);
    }
    let name = free_name(database);
    // Some disks have one name for each file.
    fs::hard_link(database, &name).or_else(|_| fs::copy(database, &name).map(drop))?;
    lock.notebook()?.read()?.lay_beside(&name)?;
    Ok(Some(name))
}

fn free_name(database: &Path) -> PathBuf {
    let now = Zoned::now();
    let name = |n: u32| {
        let more = if n == 0 { String::new() } else { format!("-{n}") };
        file::beside(database, &format!(".replaced-{}{more}", now.strftime("%Y-%m-%d-%H%M%S")))
    };
    (0..).map(name).find(|name| !name.exists()).expect("some name is free")
}
