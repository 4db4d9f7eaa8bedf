//! Why the store says no: when it is opened, written or read.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

use super::schema;

/// A database that could not be opened. Its `Display` names the file and says what to do.
#[derive(Debug)]
pub struct OpenError {
    path: PathBuf,
    pub problem: OpenProblem,
}

/// What is wrong with it, and what SQLite or the system says.
#[derive(Debug)]
pub enum OpenProblem {
    NoFolder,
    /// There is no such file (only where none is to be made).
    Missing,
    NotADatabase,
    /// An SQLite database, but another program's.
    NotOurs,
    /// Written by a newer version of this program, with this schema.
    Newer(u32),
    Damaged(String),
    /// The file or its folder can't be written.
    ReadOnly(String),
    /// Another server has it open.
    InUse,
    Failed(String),
}

impl OpenProblem {
    pub(super) fn at(self, path: &Path) -> OpenError {
        OpenError { path: path.to_owned(), problem: self }
    }
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let path = self.path.display();
        match &self.problem {
            OpenProblem::NoFolder => write!(
                f,
                "{path}: the folder for the database is not there. Make it, or choose another with --database"
            ),
            OpenProblem::Missing => {
                write!(f, "{path}: there is no such database. Name the room's file with --database")
            }
            OpenProblem::NotADatabase => write!(
                f,
                "{path}: this is not a database, and was left as it is. Choose another file with --database"
            ),
            OpenProblem::NotOurs => write!(
                f,
                "{path}: this is another program's database, and was left as it is. Choose another file with --database"
            ),
            OpenProblem::Newer(version) => write!(
                f,
                "{path}: this database was written by a newer chat-app (its schema is {version}, this one knows {}), and \
                 was left as it is. Run the newer one. Or choose another file with --database",
                schema::VERSION
            ),
            OpenProblem::Damaged(detail) => write!(
                f,
                "{path}: this database is damaged ({detail}). Put a backup in its place; or move it away, and a new one \
                 is made"
            ),
            OpenProblem::ReadOnly(detail) => write!(
                f,
                "{path}: the database, or the folder it lies in, can't be written ({detail}). Allow it, or choose another \
                 file with --database"
            ),
            OpenProblem::InUse => write!(
                f,
                "{path}: another chat-app is using this database. Stop it, or choose another file with --database"
            ),
            OpenProblem::Failed(detail) => write!(f, "{path}: the database can't be opened ({detail})"),
        }
    }
}

impl std::error::Error for OpenError {}

impl From<rusqlite::Error> for OpenProblem {
    fn from(error: rusqlite::Error) -> OpenProblem {
        match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) => OpenProblem::NotADatabase,
            Some(ErrorCode::DatabaseCorrupt) => OpenProblem::Damaged(error.to_string()),
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
            _ => OpenProblem::Failed(error.to_string()),
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
