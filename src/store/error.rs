//! Why the store says no: when it is opened, written or read.

use std::io;
use std::path::{Path, PathBuf};

use rusqlite::{ErrorCode, ffi};

use super::schema;
use crate::sys::mounts::mount_of;

/// A database that could not be opened. Its `Display` names the file and says what to do.
#[derive(Debug, thiserror::Error)]
#[error("{}: {problem}", .path.display())]
pub struct OpenError {
    path: PathBuf,
    pub problem: OpenProblem,
}

/// What SQLite says where a file system takes no locks, or no memory that programs share.
const NOT_SHARED: [i32; 8] = [
    ffi::SQLITE_IOERR_SHMOPEN,
    ffi::SQLITE_IOERR_SHMSIZE,
    ffi::SQLITE_IOERR_SHMLOCK,
    ffi::SQLITE_IOERR_SHMMAP,
    ffi::SQLITE_IOERR_LOCK,
    ffi::SQLITE_IOERR_RDLOCK,
    ffi::SQLITE_IOERR_UNLOCK,
    ffi::SQLITE_PROTOCOL,
];

#[derive(Debug, thiserror::Error)]
pub enum OpenProblem {
    #[error("the folder for the database is not there. Make it, or choose another with --database")]
    NoFolder,
    #[error(
        "this is a link to {target}, which is not there. Is its disk connected? Or name another file with --database",
        target = .0.display()
    )]
    Dangling(PathBuf),
    #[error("the disk is full: the room can't be opened on it. Make some room on it; nothing is lost")]
    Full,
    /// Only where none is to be made.
    #[error("there is no such database. Name the room's file with --database")]
    Missing,
    /// The same of an empty file, which a start would make one of.
    #[error("this file is empty. Name the room's file with --database")]
    Empty,
    #[error(
        "{file} belongs to another user ({1}), who could read and change all that is said here. Move it away, or choose a file \
         of your own with --database",
        file = .0.display()
    )]
    #[cfg(unix)]
    Foreigners(PathBuf, String),
    #[error(
        "other users of this computer may change the folder {folder}, and put another file in the place of the room's. Choose a \
         folder of your own with --database, or take the others' right away: chmod go-w {folder}. Where that changes nothing, \
         as on a Windows disk in WSL, choose a folder in your home",
        folder = .0.display()
    )]
    #[cfg(unix)]
    Replaceable(PathBuf),
    #[error(
        "{link} is a link that another user ({1}) has made: it leads wherever they like. Name the room's file itself with \
         --database",
        link = .0.display()
    )]
    #[cfg(unix)]
    ForeignLink(PathBuf, String),
    #[error("{file} is no file. Move it away, or name another with --database", file = .0.display())]
    NotAFile(PathBuf),
    #[error("this is not a database, and was left as it is. Choose another file with --database")]
    NotADatabase,
    #[error("this is another program's database, and was left as it is. Choose another file with --database")]
    NotOurs,
    #[error(
        "this database was written by a newer chat-app (its schema is {0}, this one knows {known}), and was left as it \
         is. Run the newer one. Or choose another file with --database",
        known = schema::VERSION
    )]
    Newer(u32),
    #[error(
        "this database is damaged ({0}). chat-app restore puts a backup in its place; or move it away, and a new one is made"
    )]
    Damaged(String),
    #[error(
        "the database, or the folder it lies in, can't be written ({0}). Allow it, or choose another file with --database"
    )]
    ReadOnly(String),
    #[error(
        "this is half of a copy: it was made with a write-ahead log (its name and -wal) beside it, in which everything is, \
         and which is not here. Copy both, or let chat-app backup make the copy"
    )]
    Partial,
    #[error(
        "the newest messages of a room that was killed are in the write-ahead log beside this database (its name and -wal), and \
         the database is not the one that belongs to it: together they would be a mixture, so nothing was opened or changed. \
         chat-app restore puts a backup in place, and keeps what is here under another name. Or, to go on with the room that was \
         killed, put its own file back; to go on with this one, move it, -wal and .lock away together, and put it back alone. (If \
         you have copied the room, copy all three while it is closed)"
    )]
    ForeignLog,
    #[error(
        "the write-ahead log beside this database (its name and -wal) can't be read from a disk that can't be written. Copy both, \
         and the file whose name ends in .lock, to one that can"
    )]
    ReadOnlyLog,
    #[error(
        "the room can't be open on this disk{share}: it does not let programs share memory and locks ({0}), as most network shares \
         do not. Choose a folder on a disk of this computer with --database; chat-app backup can copy the room to the share",
        share = share(.1)
    )]
    Share(String, Option<String>),
    #[error("another chat-app is using this database. Stop it, or choose another file with --database")]
    InUse,
    #[error("another program, perhaps a database browser, has locked this database. Close it there")]
    Locked,
    #[error(
        "the database can't be read ({0}). The disk may be failing: copy the file to another one, or use a backup"
    )]
    Unreadable(String),
    #[error("the database can't be opened ({0})")]
    Failed(String),
}

impl OpenProblem {
    pub(super) fn at(self, path: &Path) -> OpenError {
        let problem = match self {
            OpenProblem::Share(why, _) => OpenProblem::Share(why, mount_of(path)),
            other => other,
        };
        OpenError { path: path.to_owned(), problem }
    }
}

/// Whether it is the file system that does not let programs share what an open database needs.
pub(super) fn is_share(error: &rusqlite::Error) -> bool {
    error.sqlite_error().is_some_and(|error| NOT_SHARED.contains(&error.extended_code))
}

fn share(name: &Option<String>) -> String {
    name.as_ref().map_or_else(String::new, |name| format!(", {name}"))
}

impl From<rusqlite::Error> for OpenProblem {
    fn from(error: rusqlite::Error) -> OpenProblem {
        if is_share(&error) {
            return OpenProblem::Share(error.to_string(), None);
        }
        match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) => OpenProblem::NotADatabase,
            Some(ErrorCode::DatabaseCorrupt) => OpenProblem::Damaged(error.to_string()),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => OpenProblem::Locked,
            Some(ErrorCode::DiskFull) => OpenProblem::Full,
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
                OpenProblem::ReadOnly(error.to_string())
            }
            _ => OpenProblem::Failed(error.to_string()),
        }
    }
}

impl From<io::Error> for OpenProblem {
    fn from(error: io::Error) -> OpenProblem {
        match error.kind() {
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                OpenProblem::ReadOnly(error.to_string())
            }
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => OpenProblem::Full,
            _ => OpenProblem::Failed(error.to_string()),
        }
    }
}

/// Why a turn was not stored. Nothing of it was, and the next one may work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    #[error("another program has locked the database")]
    Busy,
    /// The disk is full, or fails.
    #[error("the database could not be written: {0}")]
    Failed(String),
}

impl From<rusqlite::Error> for AppendError {
    fn from(error: rusqlite::Error) -> AppendError {
        match is_busy(&error) {
            true => AppendError::Busy,
            false => AppendError::Failed(error.to_string()),
        }
    }
}

/// Why a page could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ReadError(String);

impl ReadError {
    /// All connections stayed busy for [`crate::limits::READ_DEADLINE`], or another program keeps the database locked.
    pub(super) fn busy() -> ReadError {
        ReadError("the database is busy".to_owned())
    }
}

impl From<rusqlite::Error> for ReadError {
    fn from(error: rusqlite::Error) -> ReadError {
        match is_busy(&error) {
            true => ReadError::busy(),
            false => ReadError(format!("the database could not be read: {error}")),
        }
    }
}

fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}
