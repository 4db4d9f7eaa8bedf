//! Which file this is. A room that is killed leaves a write-ahead log, and SQLite takes any log of the right name for the
//! file's own: with another file in the database's place, a backup say, the two would be mixed.
//!
//! So the file has a mark, `room.mark`, and the note beside it ([`Note`]) says which: the one in the file, or the one that
//! follows. Whenever all of the log is about to be copied into the file, the next mark is written first and copied with it; then
//! it is the file's, and another follows. From there on the log starts over, and a copy of the file from before has a mark
//! that the note does not know any more: neither the log nor the room's epoch are its own.
//!
//! | in the file | log | so it is |
//! |---|---|---|
//! | a mark of the note's | as the note says | the room's own file: nothing to check |
//! | a mark of the note's | missing, and the note knows of one | a copy, or robbed of its log |
//! | another mark | none | a copy |
//! | another mark, or no file at all | there | a mixture, if it were opened: refused |
//!
//! A copy is checked, and gets a new epoch: clients may have seen more than it holds. Files of earlier versions have no mark
//! ([`NO_MARK`]), nor have their notes: they are the room's own.

use std::io;
use std::path::Path;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode};

use super::error::OpenProblem;
use super::file::{self, Found};
use super::lock::{LockFile, Mark, NO_MARK, Note, Notebook};
use super::sql;
use crate::sys::random::random;

/// What a start has found.
#[derive(Debug)]
pub(super) struct Origin {
    in_file: Mark,
    /// Not the file that the room has written to last, or not all of it.
    pub is_copy: bool,
    has_log: bool,
}

/// Finds out whether the file and the log beside it belong together, and to this place. Writes nothing.
pub(super) fn origin(database: &Path, found: Found, lock: &LockFile) -> Result<Origin, OpenProblem> {
    let has_log = file::has_log(database);
    if found == Found::Nothing {
        return match has_log {
            true => Err(OpenProblem::ForeignLog),
            false => Ok(Origin { in_file: NO_MARK, is_copy: false, has_log }),
        };
    }
    let (in_file, note) = (in_file(database)?, lock.notebook()?.read()?);
    let is_known = note.marks.contains(&in_file);
    if has_log && !is_known {
        return Err(OpenProblem::ForeignLog);
    }
    let is_robbed = note.has_log && !has_log;
    Ok(Origin { in_file, is_copy: found == Found::Ours && (!is_known || is_robbed), has_log })
}

/// The same question, of somebody who opens the database beside a room, or without one.
pub(super) fn check_beside(database: &Path) -> Result<(), OpenProblem> {
    if !file::has_log(database) {
        return Ok(());
    }
    match Note::left_beside(database)? {
        Some(note) if !note.marks.contains(&in_file(database)?) => Err(OpenProblem::ForeignLog),
        _ => Ok(()),
    }
}

/// The mark in the file, whatever lies beside it.
pub(super) fn in_file(database: &Path) -> Result<Mark, OpenProblem> {
    let db = file::connect_alone(database)?;
    // A checkpoint that was cut short leaves a header that promises more pages than have been copied.
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_WRITABLE_SCHEMA, true)?;
    match db.query_row("SELECT mark FROM room", [], |row| row.get::<_, Option<Mark>>(0)) {
        Ok(mark) => Ok(mark.unwrap_or(NO_MARK)),
        Err(rusqlite::Error::QueryReturnedNoRows) => Ok(NO_MARK),
        // No such table, or no such column.
        Err(rusqlite::Error::SqlInputError { .. }) => Ok(NO_MARK),
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::Unknown) => Ok(NO_MARK),
        Err(error) => Err(error.into()),
    }
}

/// The marks of a room that is open.
#[derive(Debug)]
pub(super) struct Marks {
    notebook: Notebook,
    note: Note,
}

impl Marks {
    /// To be called before anything is written to the file. Of the room's own file all is noted already, as a rule. A copy counts as
    /// one until its log has something in it, which begins with its new epoch.
    pub(super) fn begin(lock: &LockFile, origin: &Origin) -> io::Result<Marks> {
        let mut notebook = lock.notebook()?;
        let note = notebook.read()?;
        let mut marks = Marks { notebook, note };
        if origin.is_copy {
            marks.note(Note { marks: [origin.in_file, random()?], has_log: true })?;
        } else if note.marks[0] != origin.in_file || note.marks[1] == NO_MARK {
            marks.note(Note { marks: [origin.in_file, random()?], has_log: origin.has_log })?;
        }
        Ok(marks)
    }

    /// Writes the next mark, to be copied into the file with all that the log has.
    pub(super) fn write(&self, db: &Connection) -> rusqlite::Result<()> {
        set(db, self.note.marks[1])
    }

    /// It has been copied: the file has it. `has_log` says whether the log is still there.
    pub(super) fn copied(&mut self, has_log: bool) -> io::Result<()> {
        self.note(Note { marks: [self.note.marks[1], random()?], has_log })
    }

    /// The log is about to be emptied: from here on it may be missing.
    pub(super) fn log_may_go(&mut self) -> io::Result<()> {
        self.note(Note { has_log: false, ..self.note })
    }

    fn note(&mut self, note: Note) -> io::Result<()> {
        self.notebook.write(&note)?;
        self.note = note;
        Ok(())
    }
}

/// Writes a mark, unless it is there.
fn set(db: &Connection, mark: Mark) -> rusqlite::Result<()> {
    sql::run(db, "UPDATE room SET mark = ?1 WHERE mark IS NOT ?1", [mark]).map(drop)
}

/// Makes a database a copy, wherever it is opened: no note has its mark.
pub(super) fn make_copy(db: &Connection) -> Result<(), OpenProblem> {
    Ok(set(db, random()?)?)
}
