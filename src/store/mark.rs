//! Which file this is. A room that is killed leaves a write-ahead log, and SQLite takes any log of the right name for the
//! file's own: with another file in the database's place, a backup say, the two would be mixed.
//!
//! So the file has a mark, `room.mark`, which counts up: every few seconds in which something was committed, and before the room
//! lets the log start over. The note beside the file ([`Note`]) says which mark was the last, and in which log that was. A log
//! starts over only when all of it is in the file, whoever copied it (Litestream does): beside another log than the noted one, the
//! file has that mark. A file of before has a lower one, and another room's file another id.
//!
//! | in the file | log | so it is |
//! |---|---|---|
//! | a mark that it must have beside this log | there | the room's own: nothing to check |
//! | the last mark | none, and none is noted | the room's own |
//! | whatever it is | missing, and one is noted | robbed of its log: a copy |
//! | another | none | a copy |
//! | another, or no file at all | there | a mixture, if it were opened: refused |
//!
//! A copy is checked, and gets a new epoch: clients may have seen more than it holds. Files of earlier versions have no mark, nor
//! have their notes: they are the room's own.

use std::io;
use std::path::{Path, PathBuf};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode};

use super::error::OpenProblem;
use super::file::{self, Found, Salts};
use super::lock::{LockFile, Mark, Note, Notebook};
use super::sql;
use crate::sys::random::random;

/// What a start has found.
#[derive(Debug)]
pub(super) struct Origin {
    in_file: Mark,
    /// Not the file that the room has written to last, or not all of it.
    pub is_copy: bool,
    /// There was none.
    is_new: bool,
    log: Option<Salts>,
}

/// What a file and a log are to each other, and to the room whose note lies there.
#[derive(Debug, PartialEq, Eq)]
enum Relation {
    Own,
    Copy,
    Foreign,
}

fn relation(note: &Note, in_file: Mark, log: Option<Salts>) -> Relation {
    let count = match in_file {
        mark if mark.id == note.id => Some(mark.count),
        mark if mark == note.before => Some(0),
        _ => None,
    };
    let least = if log == Some(note.salts) { note.least } else { note.marked };
    let is_known = count.is_some_and(|count| count >= least);
    match log {
        Some(_) if is_known => Relation::Own,
        Some(_) => Relation::Foreign,
        None if is_known && !note.has_log => Relation::Own,
        None => Relation::Copy,
    }
}

/// Finds out whether the file and the log beside it belong together, and to this place. Writes nothing.
pub(super) fn origin(database: &Path, found: Found, lock: &LockFile) -> Result<Origin, OpenProblem> {
    let log = file::log_salts(database)?;
    if found == Found::Nothing {
        return match log {
            Some(_) => Err(OpenProblem::ForeignLog),
            None => Ok(Origin { in_file: Mark::default(), is_copy: false, is_new: true, log }),
        };
    }
    let in_file = in_file(database)?;
    match relation(&lock.notebook()?.read()?, in_file, log) {
        Relation::Foreign => Err(OpenProblem::ForeignLog),
        relation => {
            let is_new = found != Found::Ours;
            Ok(Origin { in_file, is_copy: relation == Relation::Copy && !is_new, is_new, log })
        }
    }
}

/// The same question, of somebody who opens the database beside a room, or without one.
pub(super) fn check_beside(database: &Path) -> Result<(), OpenProblem> {
    let Some(log) = file::log_salts(database)? else { return Ok(()) };
    match Note::left_beside(database)? {
        Some(note) if relation(&note, in_file(database)?, Some(log)) == Relation::Foreign => {
            Err(OpenProblem::ForeignLog)
        }
        _ => Ok(()),
    }
}

/// The mark in the file, whatever lies beside it.
pub(super) fn in_file(database: &Path) -> Result<Mark, OpenProblem> {
    let db = file::connect_alone(database)?;
    // A checkpoint that was cut short leaves a header that promises more pages than have been copied.
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_WRITABLE_SCHEMA, true)?;
    match read(&db) {
        // No such table, or no such column.
        Err(rusqlite::Error::SqlInputError { .. }) => Ok(Mark::default()),
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::Unknown) => Ok(Mark::default()),
        mark => Ok(mark?),
    }
}

fn read(db: &Connection) -> rusqlite::Result<Mark> {
    let mark: Option<Option<Vec<u8>>> = sql::value(db, "SELECT mark FROM room", [])?;
    Ok(Mark::from_bytes(&mark.flatten().unwrap_or_default()))
}

/// The marks of a room that is open.
#[derive(Debug)]
pub(super) struct Marks {
    database: PathBuf,
    notebook: Notebook,
    note: Note,
}

impl Marks {
    /// To be called before anything is written to the file. Of the room's own file all is noted already. A copy counts as one until
    /// its log has something in it, which begins with its new epoch.
    pub(super) fn begin(database: &Path, lock: &LockFile, origin: &Origin) -> io::Result<Marks> {
        let mut notebook = lock.notebook()?;
        let note = notebook.read()?;
        let mut marks = Marks { database: database.to_owned(), notebook, note };
        if origin.is_copy || origin.is_new || note.id == [0; 16] {
            let has_log = origin.is_copy || origin.log.is_some();
            let (before, id) = (origin.in_file, random()?);
            marks.note(Note { before, id, has_log, ..Note::default() })?;
        }
        Ok(marks)
    }

    /// The last mark that was committed is surely in the file, since another log has begun.
    pub(super) fn log_has_started_over(&self) -> bool {
        // A log that can't be read is told about when it is written to.
        !matches!(file::log_salts(&self.database), Ok(Some(salts)) if salts == self.note.salts)
    }

    /// Whether the log's being missing would be noticed.
    pub(super) fn has_log(&self) -> bool {
        self.note.has_log
    }

    /// Commits the next mark.
    pub(super) fn write(&self, db: &Connection) -> rusqlite::Result<Mark> {
        let before = read(db)?;
        let known = if before.id == self.note.id { before.count } else { 0 };
        let mark = Mark { id: self.note.id, count: known.max(self.note.marked) + 1 };
        set(db, mark)?;
        Ok(mark)
    }

    /// Notes a mark that was committed.
    pub(super) fn written(&mut self, mark: Mark) -> io::Result<()> {
        let log = file::log_salts(&self.database)?;
        let salts = log.unwrap_or_default();
        let least = if log == Some(self.note.salts) { self.note.least } else { self.note.marked };
        self.note(Note { least, marked: mark.count, salts, has_log: log.is_some(), ..self.note })
    }

    /// The log is about to be emptied: from here on it may be missing. Or it is not after all.
    pub(super) fn log_may_go(&mut self, may_go: bool) -> io::Result<()> {
        self.note(Note { has_log: !may_go, ..self.note })
    }

    fn note(&mut self, note: Note) -> io::Result<()> {
        self.notebook.write(&note)?;
        self.note = note;
        Ok(())
    }
}

fn set(db: &Connection, mark: Mark) -> rusqlite::Result<()> {
    sql::run(db, "UPDATE room SET mark = ?1", [mark.bytes()]).map(drop)
}

/// Makes a database a copy, wherever it is opened: no note has its mark.
pub(super) fn make_copy(db: &Connection) -> Result<(), OpenProblem> {
    Ok(set(db, Mark { id: random()?, count: 0 })?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_told_by_its_mark_and_by_the_log_beside_it() {
        let mark = |id: u8, count| Mark { id: [id; 16], count };
        let (this, next) = (Some([3; 8]), Some([4; 8]));
        let open =
            Note { before: mark(1, 70), id: [2; 16], least: 5, marked: 9, salts: [3; 8], has_log: true };
        let (closed, young) = (Note { has_log: false, ..open }, Note { least: 0, ..open });
        let none = Note::default();
        for (note, in_file, log, found) in [
            (open, mark(2, 5), this, Relation::Own),
            (open, mark(2, 8), this, Relation::Own),
            (open, mark(2, 4), this, Relation::Foreign),
            (open, mark(2, 9), next, Relation::Own),
            (open, mark(2, 8), next, Relation::Foreign),
            (open, mark(2, 9), None, Relation::Copy),
            (closed, mark(2, 9), None, Relation::Own),
            (closed, mark(2, 8), None, Relation::Copy),
            (closed, mark(2, 9), next, Relation::Own),
            (closed, mark(2, 8), next, Relation::Foreign),
            // Before its first mark is in it.
            (young, mark(1, 70), this, Relation::Own),
            (young, mark(1, 71), this, Relation::Foreign),
            (young, mark(1, 70), next, Relation::Foreign),
            (open, mark(1, 70), this, Relation::Foreign),
            (open, mark(7, 9), this, Relation::Foreign),
            (closed, mark(7, 9), None, Relation::Copy),
            // Of an earlier version, or beside no note.
            (none, Mark::default(), None, Relation::Own),
            (none, Mark::default(), this, Relation::Own),
            (none, mark(2, 9), None, Relation::Copy),
            (none, mark(2, 9), this, Relation::Foreign),
            (closed, Mark::default(), None, Relation::Copy),
        ] {
            assert_eq!(relation(&note, in_file, log), found, "{note:?} {in_file:?} {log:?}");
        }
    }
}
