//! Why the store says no: when it is opened, written or read.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

use super::schema;

/// Why a database could not be opened. Its `Display` names the file and says what to do.
#[derive(Debug)]
pub enum OpenError {
    /// The folder it should lie in does not exist.
    NoFolder(PathBuf),
    /// There is no such file (only where none is to be made: when exporting).
    Missing(PathBuf),
    /// The file is not an SQLite database.
    NotADatabase(PathBuf),
    /// An SQLite database, but another program's.
    NotOurs(PathBuf),
    /// Written by a newer version of this program; its schema version.
    Newer(PathBuf, u32),
    /// An SQLite database of ours that is damaged, and what SQLite says.
    Damaged(PathBuf, String),
    /// The file or its folder can't be written, and what the system says.
    ReadOnly(PathBuf, String),
    /// Another server has it open.
    InUse(PathBuf),
    /// Anything else, and what the system says.
    Failed(PathBuf, String),
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        const ELSEWHERE: &str = "Choose another file with --database";
        match self {
            OpenError::NoFolder(path) => {
                let path = path.display();
                write!(
                    f,
                    "{path}: the folder for the database is not there. Make it, or choose another with --database"
                )
            }
            OpenError::Missing(path) => {
                write!(
                    f,
                    "{}: there is no such database. Name the room's file with --database",
                    path.display()
                )
            }
            OpenError::NotADatabase(path) => {
                write!(f, "{}: this is not a database, and was left as it is. {ELSEWHERE}", path.display())
            }
            OpenError::NotOurs(path) => {
                let path = path.display();
                write!(f, "{path}: this is another program's database, and was left as it is. {ELSEWHERE}")
            }
            OpenError::Newer(path, version) => write!(
                f,
                "{}: this database was written by a newer chat-app (its schema is {version}, this one knows {}), and \
                 was left as it is. Run the newer one. Or {}",
                path.display(),
                schema::VERSION,
                ELSEWHERE.to_lowercase()
            ),
            OpenError::Damaged(path, detail) => write!(
                f,
                "{}: this database is damaged ({detail}). Put a backup in its place; or move it away, and a new one is \
                 made",
                path.display()
            ),
            OpenError::ReadOnly(path, detail) => write!(
                f,
                "{}: the database, or the folder it lies in, can't be written ({detail}). Allow it, or choose \
                 another file with --database",
                path.display()
            ),
            OpenError::InUse(path) => write!(
                f,
                "{}: another chat-app is using this database. Stop it, or {}",
                path.display(),
                ELSEWHERE.to_lowercase()
            ),
            OpenError::Failed(path, detail) => {
                write!(f, "{}: the database can't be opened ({detail})", path.display())
            }
        }
    }
}

impl std::error::Error for OpenError {}

impl OpenError {
    /// What an error of SQLite's means for opening `path`.
    pub(super) fn of_sqlite(path: &Path, error: &rusqlite::Error) -> OpenError {
        let (path, detail) = (path.to_owned(), error.to_string());
        match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) => OpenError::NotADatabase(path),
            Some(ErrorCode::DatabaseCorrupt) => OpenError::Damaged(path, detail),
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => OpenError::ReadOnly(path, detail),
            _ => OpenError::Failed(path, detail),
        }
    }

    pub(super) fn of_io(path: &Path, error: &io::Error) -> OpenError {
        match error.kind() {
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                OpenError::ReadOnly(path.to_owned(), error.to_string())
            }
            _ => OpenError::Failed(path.to_owned(), error.to_string()),
        }
    }
}

/// Why a turn was not stored. Nothing of it was, and the next one may work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AppendError {
    /// Another program holds a lock on the database.
    Busy,
    /// The disk is full, or fails; what SQLite says of it.
    Failed(String),
}

impl fmt::Display for AppendError {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            AppendError::Busy => f.write_str("another program has locked the database"),
            AppendError::Failed(detail) => write!(f, "the database could not be written: {detail}"),
        }
    }
}

impl std::error::Error for AppendError {}

impl From<rusqlite::Error> for AppendError {
    fn from(error: rusqlite::Error) -> AppendError {
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => AppendError::Busy,
            _ => AppendError::Failed(error.to_string()),
        }
    }
}

/// Why a page could not be read, as a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadError(String);

impl ReadError {
    /// All connections stayed busy for [`crate::limits::READ_DEADLINE`], or another program keeps the database locked.
    pub(super) fn busy() -> ReadError {
        ReadError("the database is busy".to_owned())
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<rusqlite::Error> for ReadError {
    fn from(error: rusqlite::Error) -> ReadError {
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => ReadError::busy(),
            _ => ReadError(format!("the database could not be read: {error}")),
        }
    }
}
