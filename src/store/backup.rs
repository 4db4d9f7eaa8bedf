//! A backup: the whole room as of one moment, in one file, while the room goes on.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::copy::{Copy, CopyError};
use super::error::{OpenError, OpenProblem};
use super::file;
use super::read::Reader;

/// A backup that was made.
#[derive(Debug)]
pub struct BackedUp {
    /// Those that are there to be read.
    pub messages: u64,
    pub bytes: u64,
    /// What the write-ahead log has grown by meanwhile: it is not taken back before the backup is made.
    pub log_bytes: u64,
}

/// Why there is no backup. Nothing was written, or nothing of it is left.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error("{}: a file of this name is there, and was left as it is. Choose another name", .0.display())]
    Exists(PathBuf),
    #[error("{}: there is no such folder. Make it, or choose another name", .0.display())]
    NoFolder(PathBuf),
    #[error("{}: the backup can't be written: {why}", .path.display())]
    Write { path: PathBuf, why: String },
}

/// Copies the database of a room, open or not, to a new file at `target`. `progress` hears how many pages are copied, and of
/// how many.
///
/// # Errors
/// See [`BackupError`].
pub fn back_up(
    database: &Path,
    target: &Path,
    progress: impl FnMut(u64, u64),
) -> Result<BackedUp, BackupError> {
    let unwritten = |why: String| BackupError::Write { path: target.to_owned(), why };
    if target.symlink_metadata().is_ok() {
        return Err(BackupError::Exists(target.to_owned()));
    }
    let reader = Reader::open(database)?;
    let target = file::resolve(target).map_err(|problem| match problem {
        OpenProblem::NoFolder => BackupError::NoFolder(target.to_owned()),
        problem => unwritten(problem.to_string()),
    })?;
    let folder = target.parent().ok_or_else(|| unwritten("not a file name".to_owned()))?;
    let log_bytes = || fs::metadata(file::beside(database, "-wal")).map_or(0, |log| log.len());
    let before = log_bytes();
    let copy = Copy::make(&reader.db, folder, |_| Ok(()), progress).map_err(|error| match error {
        CopyError::From(problem) => problem.at(database).into(),
        CopyError::To(error) => unwritten(error),
    })?;
    let log_bytes = log_bytes().saturating_sub(before);
    let named = copy.file.persist_noclobber(&target).map_err(|error| match error.error.kind() {
        ErrorKind::AlreadyExists => BackupError::Exists(target.clone()),
        _ => unwritten(error.error.to_string()),
    })?;
    let size = || -> io::Result<u64> {
        file::sync_folder_of(&target)?;
        Ok(named.metadata()?.len())
    };
    let bytes = size().map_err(|error| unwritten(error.to_string()))?;
    Ok(BackedUp { messages: copy.messages, bytes, log_bytes })
}
