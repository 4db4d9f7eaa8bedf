//! The file before SQLite opens it: whose it is, and that nobody else serves it. A file that is refused stays as it
//! was, and nothing is left beside it.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::error::OpenProblem;
use super::schema;

/// The path without links and relative parts, so that two ways to one file meet in one lock file, and so that SQLite
/// can't take it for a URI.
pub(super) fn resolve(path: &Path) -> Result<PathBuf, OpenProblem> {
    if let Ok(resolved) = path.canonicalize() {
        return Ok(resolved);
    }
    let name = path.file_name().ok_or_else(|| OpenProblem::Failed("not a file name".to_owned()))?;
    // `parent` of a bare name is the empty path, which can't be canonicalized.
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let folder = folder.canonicalize().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => OpenProblem::NoFolder,
        _ => error.into(),
    })?;
    Ok(folder.join(name))
}

/// The path of a file beside the database: its name and `suffix`.
pub(super) fn beside(database: &Path, suffix: &str) -> PathBuf {
    let mut path = database.as_os_str().to_owned();
    path.push(suffix);
    PathBuf::from(path)
}

/// Whether a write-ahead log with something in it lies beside the database: it is in use, or its last user crashed.
pub(super) fn has_log(database: &Path) -> bool {
    fs::metadata(beside(database, "-wal")).is_ok_and(|metadata| metadata.len() > 0)
}

/// One server at a time: a lock on a file of our own, since opening and closing the database file itself would drop
/// SQLite's locks on it. The system gives it back when the process ends, however it ends. The file stays: removing
/// it would let two servers lock two files of one name.
#[derive(Debug)]
pub(super) struct LockFile {
    file: File,
    path: PathBuf,
    made: bool,
}

impl Drop for LockFile {
    /// Closing the file is not enough: a program that is just being started from this process (sendmail) has a copy of it
    /// until it runs.
    fn drop(&mut self) {
        let _ = self.file.unlock(); // it may never have been locked
    }
}

impl LockFile {
    pub(super) fn take(database: &Path) -> Result<LockFile, OpenProblem> {
        let path = beside(database, ".lock");
        let made = !path.exists();
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false);
        private(&mut options);
        let file = options.open(&path)?;
        let locked = file.try_lock();
        let lock = LockFile { file, path, made };
        match locked {
            Ok(()) => Ok(lock),
            Err(TryLockError::WouldBlock) => Err(OpenProblem::InUse),
            Err(TryLockError::Error(error)) => {
                lock.undo();
                Err(error.into())
            }
        }
    }

    /// Gives the lock back after a refusal, and leaves no file where there was none. Somebody who opened it in
    /// between comes to the same refusal.
    pub(super) fn undo(self) {
        if self.made {
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// Nothing; or an empty file, or a first start's that was cut short before it wrote a table.
    Nothing,
    /// A database of ours, of a version we know.
    Ours,
}

/// Bytes of SQLite's header, at the start of every database.
const HEADER: usize = 100;

/// Reads whose file this is from its header, without SQLite: merely opening a database with it makes files, and may
/// write. Call it only under the [`LockFile`]: then no connection of this process can have locks on the file for
/// closing it here to drop.
pub(super) fn look(path: &Path) -> Result<Found, OpenProblem> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::Nothing),
        Err(error) => return Err(error.into()),
    };
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(OpenProblem::Failed("not a file".to_owned()));
    }
    if metadata.len() == 0 {
        return Ok(Found::Nothing);
    }
    let mut header = [0; HEADER];
    match file.read_exact(&mut header) {
        Ok(()) if header.starts_with(b"SQLite format 3\0") => {}
        Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => return Err(error.into()),
        Ok(()) | Err(_) => return Err(OpenProblem::NotADatabase),
    }
    let number = |at: usize| u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
    let (schema_changes, version, application_id) = (number(40), number(60), number(68));
    match application_id {
        schema::APPLICATION_ID if version > schema::VERSION => Err(OpenProblem::Newer(version)),
        schema::APPLICATION_ID => Ok(Found::Ours),
        0 if schema_changes == 0 => Ok(Found::Nothing),
        _ => Err(OpenProblem::NotOurs),
    }
}

/// Makes the database's file, empty and for its owner alone: SQLite would make it readable for everybody, and gives the
/// files beside it the same mode. Returns whether it was made (it may be there, and empty).
pub(super) fn make(path: &Path) -> io::Result<bool> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    private(&mut options);
    match options.open(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(unix)]
fn private(options: &mut OpenOptions) {
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
}

#[cfg(not(unix))]
fn private(_: &mut OpenOptions) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lock_is_given_back_whoever_has_a_copy_of_the_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("chat.db");
        let lock = LockFile::take(&path).expect("nobody has it");
        assert!(matches!(LockFile::take(&path), Err(OpenProblem::InUse)));
        let _copy = lock.file.try_clone().expect("a copy");
        drop(lock);
        LockFile::take(&path).expect("nobody has it any more");
    }
}
