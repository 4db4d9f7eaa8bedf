//! Copies of the whole database, each of one moment: how they are made, and whether they are whole.

use std::fs::{self, DirEntry};
use std::io;
use std::path::Path;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, ErrorCode, ffi};
use tempfile::NamedTempFile;

use super::error::OpenProblem;
use super::{mark, sql};
use crate::limits;

/// Why there is no copy.
#[derive(Debug)]
pub(super) enum CopyError {
    /// Of what is copied.
    From(OpenProblem),
    /// Of the place that it is copied to.
    To(String),
}

/// What SQLite says where it reads. The copy is read only after it was written, from memory as a rule.
const READING: [i32; 3] = [ffi::SQLITE_IOERR_READ, ffi::SQLITE_IOERR_SHORT_READ, ffi::SQLITE_IOERR_CORRUPTFS];

impl From<rusqlite::Error> for CopyError {
    fn from(error: rusqlite::Error) -> CopyError {
        let is_reading = error.sqlite_error().is_some_and(|error| READING.contains(&error.extended_code));
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                CopyError::From(OpenProblem::Damaged(error.to_string()))
            }
            _ if is_reading => CopyError::From(OpenProblem::Unreadable(error.to_string())),
            _ => CopyError::To(error.to_string()),
        }
    }
}

impl From<OpenProblem> for CopyError {
    fn from(problem: OpenProblem) -> CopyError {
        CopyError::From(problem)
    }
}

impl From<io::Error> for CopyError {
    fn from(error: io::Error) -> CopyError {
        CopyError::To(error.to_string())
    }
}

/// How copies are called that have no name yet.
const UNNAMED: &str = ".chat-copy-";

/// Removes those of processes that were killed: nothing has been written to them for long.
fn remove_dead(folder: &Path) {
    let is_dead = |entry: &DirEntry| {
        let changed = entry.metadata().and_then(|metadata| metadata.modified());
        let age = changed.ok().and_then(|changed| changed.elapsed().ok());
        entry.file_name().to_string_lossy().starts_with(UNNAMED)
            && age.is_some_and(|age| age > limits::DEAD_COPY)
    };
    // Best effort: they only take space.
    let Ok(entries) = fs::read_dir(folder) else { return };
    entries.flatten().filter(is_dead).for_each(|entry| drop(fs::remove_file(entry.path())));
}

/// A copy that has no name yet: a file for its owner alone, in the folder where it is to be. Dropped, it is gone.
#[derive(Debug)]
pub(super) struct Copy {
    pub file: NamedTempFile,
    /// Those that are there to be read.
    pub messages: u64,
}

impl Copy {
    /// Copies what `from` sees now, in one read transaction, and lets `change` have its way with the copy. It is then checked, and
    /// on the disk, in one file that can be read from any disk; opened as a room's, it gets a new epoch. `progress` hears of each
    /// piece how many pages are copied, and of how many.
    pub(super) fn make(
        from: &Connection,
        folder: &Path,
        change: impl FnOnce(&mut Connection) -> rusqlite::Result<()>,
        progress: impl FnMut(u64, u64),
    ) -> Result<Copy, CopyError> {
        remove_dead(folder);
        let file = tempfile::Builder::new().prefix(UNNAMED).tempfile_in(folder)?;
        let mut to = Connection::open(file.path())?;
        // Nobody else has it: so it needs no shared memory, which a network's share does not give, and no journal.
        to.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
        to.pragma_update(None, "synchronous", "OFF")?;
        copy_pages(from, &mut to, progress)?;
        to.pragma_update(None, "journal_mode", "DELETE")?;
        to.pragma_update(None, "secure_delete", true)?;
        change(&mut to)?;
        mark::make_copy(&to)?;
        check(&to)?;
        let count =
            "SELECT count(*) FROM messages WHERE deleted = 0 AND position > (SELECT cleared FROM room)";
        let messages = sql::value(&to, count, [])?.unwrap_or_default();
        to.close().map_err(|(_, error)| error)?;
        file.as_file().sync_all()?;
        Ok(Copy { file, messages })
    }
}

/// Reads each page once, which tells whether a database is whole, but for what is in its indexes.
///
/// # Errors
/// What is wrong with it.
pub(super) fn check(db: &Connection) -> Result<(), OpenProblem> {
    let found: String = db.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if found == "ok" { Ok(()) } else { Err(OpenProblem::Damaged(found)) }
}

/// The same of all but the log, which grows: what every start reads, before it writes.
pub(super) fn check_small(db: &Connection) -> Result<(), OpenProblem> {
    let select = "SELECT name FROM sqlite_schema WHERE type = 'table'
                  AND name NOT IN ('messages', 'deletions', 'gaps', 'replies', 'reaction_counts', 'reactions')";
    for table in sql::all(db, select, [], |row| row.get::<_, String>(0))? {
        let found: String = db.query_row(&format!("PRAGMA quick_check({table})"), [], |row| row.get(0))?;
        if found != "ok" {
            return Err(OpenProblem::Damaged(found));
        }
    }
    Ok(())
}

fn copy_pages(
    from: &Connection,
    to: &mut Connection,
    mut progress: impl FnMut(u64, u64),
) -> rusqlite::Result<()> {
    let moment = from.unchecked_transaction()?;
    // Only reading begins it.
    moment.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    let copier = Backup::new(&moment, to)?;
    loop {
        let step = copier.step(limits::COPY_PAGES)?;
        let pages = copier.progress();
        progress((pages.pagecount - pages.remaining) as u64, pages.pagecount as u64);
        match step {
            StepResult::Done => return Ok(()),
            StepResult::More => {}
            // A page is being written by somebody who knows nothing of a write-ahead log.
            _ => std::thread::sleep(limits::RETRY_ERASE.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_of_the_side_that_it_comes_from() {
        let error = |code| CopyError::from(rusqlite::Error::SqliteFailure(ffi::Error::new(code), None));
        for code in [ffi::SQLITE_IOERR_READ, ffi::SQLITE_IOERR_SHORT_READ, ffi::SQLITE_CORRUPT] {
            assert!(matches!(error(code), CopyError::From(_)), "{code}");
        }
        for code in [ffi::SQLITE_IOERR_WRITE, ffi::SQLITE_FULL, ffi::SQLITE_IOERR_FSYNC] {
            assert!(matches!(error(code), CopyError::To(_)), "{code}");
        }
    }
}
