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
//! | the last mark, exactly | none, and none is noted | the room's own |
//! | whatever it is | missing, and one is noted | robbed of its log: a copy |
//! | another | none | a copy |
//! | what it had before it was this room's, and no mark is noted | there | a copy still: its start was cut short |
//! | some mark, beside no note | there, with this mark or a later one | a copy: the note was removed |
//! | a mark that it may have | there, started over by somebody else | a copy: it may be an earlier one |
//! | another, or no file at all | there | a mixture, if it were opened: refused |
//!
//! Read through the log, the mark is the noted one or the next, and the messages go as far as they are noted to; else the log is an
//! earlier one, or another file's. A copy is checked, and gets a new epoch: clients may have seen more than it holds. Files of
//! earlier versions have no mark, nor have their notes: they are the room's own.
//!
//! A mark proves what came before it. Where somebody else starts the log over, one follows at the room's next commit: an earlier file
//! that lacks what was said between two marks is then told by the holes in it.

use std::io;
use std::path::{Path, PathBuf};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode};

use super::error::OpenProblem;
use super::file::{self, Found, Salts};
use super::lock::{LockFile, Mark, Note, Notebook};
use super::positions::head_of_any;
use super::sql;
use crate::protocol::Position;
use crate::sys::random::random;

/// What a start has found.
#[derive(Debug)]
pub(super) struct Origin {
    note: Note,
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
    if note.id == [0; 16] {
        return if in_file == Mark::default() { Relation::Own } else { Relation::Copy };
    }
    let is_as_before = in_file == note.before;
    let count = if in_file.id == note.id { Some(in_file.count) } else { is_as_before.then_some(0) };
    let least = if log == Some(note.salts) { note.least } else { note.marked };
    match log {
        Some(_) if count.is_none_or(|count| count < least) => Relation::Foreign,
        Some(_) if is_as_before && note.marked == 0 && in_file != Mark::default() => Relation::Copy,
        None if count != Some(note.marked) || note.has_log => Relation::Copy,
        _ => Relation::Own,
    }
}

fn relation_of(database: &Path, note: &Note, in_file: Mark, log: Option<Salts>) -> io::Result<Relation> {
    match relation(note, in_file, log) {
        // Copies that programs make have never had a log.
        _ if log.is_some() && !file::is_for_a_log(database)? => Ok(Relation::Foreign),
        relation => Ok(relation),
    }
}

/// Somebody else has copied the noted log, unmarked, and started it over: what the file has to hold beside this one is not known.
fn is_others_log(note: &Note, log: Option<Salts>) -> bool {
    let starts = |salts: &Salts| salts.first_chunk().map_or(0, |first| u32::from_be_bytes(*first));
    let since = |log: Salts| starts(&log).wrapping_sub(starts(&note.salts));
    note.has_log && log.is_some_and(|log| log != note.salts && (note.is_uncopied || since(log) > 1))
}

/// Whether a mark that is read through the log can be there.
fn fits(note: &Note, in_file: Mark, through: Mark) -> bool {
    let known = if note.id == [0; 16] { in_file } else { note.before };
    through.id == note.id && [note.marked, next(note)].contains(&through.count)
        || note.marked == 0 && through.id == known.id && through.count >= known.count
}

/// Whether what a connection sees through the log can be the noted file with it.
fn is_one(db: &Connection, note: &Note, in_file: Mark) -> rusqlite::Result<bool> {
    Ok(fits(note, in_file, through(db)?) && (note.head == 0 || head_of_any(db)? >= note.head))
}

fn next(note: &Note) -> u64 {
    if note.next == 0 { note.marked.saturating_add(1) } else { note.next }
}

/// Finds out whether the file and the log beside it belong together, and to this place, as far as that can be said without opening
/// them: then comes [`Origin::check_through`]. Writes nothing.
pub(super) fn origin(database: &Path, found: Found, lock: &LockFile) -> Result<Origin, OpenProblem> {
    let (log, note) = (file::log_salts(database)?, lock.notebook()?.read()?);
    if found == Found::Nothing {
        return match log {
            Some(_) => Err(OpenProblem::ForeignLog),
            None => Ok(Origin { note, in_file: Mark::default(), is_copy: false, is_new: true, log }),
        };
    }
    let in_file = in_file(database)?;
    match relation_of(database, &note, in_file, log)? {
        Relation::Foreign => Err(OpenProblem::ForeignLog),
        relation => {
            let is_new = found != Found::Ours;
            let is_copy = (relation == Relation::Copy || is_others_log(&note, log)) && !is_new;
            Ok(Origin { note, in_file, is_copy, is_new, log })
        }
    }
}

impl Origin {
    /// The rest of the question, on a connection that sees the log.
    pub(super) fn check_through(&self, db: &Connection) -> Result<(), OpenProblem> {
        match self.log.is_none() || is_one(db, &self.note, self.in_file)? {
            true => Ok(()),
            false => Err(OpenProblem::ForeignLog),
        }
    }
}

/// The same question, of somebody who opens the database beside a room, or without one: what is to be asked of their connection.
pub(super) fn check_beside(
    database: &Path,
) -> Result<impl FnOnce(&Connection) -> Result<(), OpenProblem>, OpenProblem> {
    let log = file::log_salts(database)?;
    let note = if log.is_some() { Note::left_beside(database)? } else { None };
    let in_file = if note.is_some() { in_file(database)? } else { Mark::default() };
    if let Some(note) = &note
        && relation_of(database, note, in_file, log)? == Relation::Foreign
    {
        return Err(OpenProblem::ForeignLog);
    }
    Ok(move |db: &Connection| match note {
        // Unless a room has started meanwhile.
        Some(note) if !is_one(db, &note, in_file)? && Note::left_beside(database)? == Some(note) => {
            Err(OpenProblem::ForeignLog)
        }
        _ => Ok(()),
    })
}

/// The mark in the file, whatever lies beside it.
pub(super) fn in_file(database: &Path) -> Result<Mark, OpenProblem> {
    let db = file::connect_alone(database)?;
    // A checkpoint that was cut short leaves a header that promises more pages than have been copied.
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_WRITABLE_SCHEMA, true)?;
    match through(&db) {
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::Unknown) => Ok(Mark::default()),
        mark => Ok(mark?),
    }
}

/// The mark as a connection sees it: none without the table, or its column.
fn through(db: &Connection) -> rusqlite::Result<Mark> {
    match read(db) {
        Err(rusqlite::Error::SqlInputError { .. }) => Ok(Mark::default()),
        mark => mark,
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
    inode: Option<(u64, u64)>,
    notebook: Notebook,
    note: Note,
}

impl Marks {
    /// To be called before anything is written to the file. Of the room's own file all is noted already. A copy counts as one until
    /// its log has something in it, which begins with its new epoch.
    pub(super) fn begin(database: &Path, lock: &LockFile, origin: &Origin) -> io::Result<Marks> {
        let mut notebook = lock.notebook()?;
        let note = notebook.read()?;
        let mut marks = Marks { database: database.to_owned(), inode: file::inode(database), notebook, note };
        if origin.is_copy || origin.is_new || note.id == [0; 16] {
            let has_log = origin.is_copy || origin.log.is_some();
            // A new file has its first mark as soon as it has tables.
            let marked = u64::from(origin.is_new && origin.log.is_none());
            let (before, id, next) = (origin.in_file, random()?, after(marked)?);
            marks.note(Note { before, id, least: marked, marked, has_log, next, ..Note::default() })?;
        }
        Ok(marks)
    }

    /// The mark that a new file's tables begin with.
    pub(super) fn first(&self) -> Option<Mark> {
        (self.note.marked > 0).then_some(Mark { id: self.note.id, count: self.note.marked })
    }

    /// Files of before, which have no mark of the room's, could lie beside this log: another has to begin.
    pub(super) fn need_another_log(&self) -> bool {
        self.note.least == 0
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

    /// Whether the file that is open still has its name.
    pub(super) fn is_in_place(&self) -> bool {
        file::inode(&self.database) == self.inode
    }

    /// Commits the next mark: the same once more, if it could not be noted.
    pub(super) fn write(&self, db: &Connection) -> rusqlite::Result<Mark> {
        let before = read(db)?;
        let known = if before.id == self.note.id { before.count } else { 0 };
        let mark = Mark { id: self.note.id, count: known.max(next(&self.note)) };
        set(db, mark)?;
        Ok(mark)
    }

    /// Notes a mark that was committed, and that the log of messages went as far as `head`.
    pub(super) fn written(&mut self, mark: Mark, head: Position) -> io::Result<()> {
        let log = file::log_salts(&self.database)?;
        let salts = log.unwrap_or_default();
        let least = if log == Some(self.note.salts) { self.note.least } else { self.note.marked };
        let next = after(mark.count)?;
        let (marked, has_log, is_uncopied) = (mark.count, log.is_some(), true);
        self.note(Note { least, marked, salts, has_log, next, head, is_uncopied, ..self.note })
    }

    /// Notes that all of the log is in the file, by the room's own doing.
    pub(super) fn copied(&mut self) -> io::Result<()> {
        if self.note.is_uncopied { self.note(Note { is_uncopied: false, ..self.note }) } else { Ok(()) }
    }

    /// Notes a log that somebody else has begun, to which nothing was committed here.
    pub(super) fn log_moved_on(&mut self) -> io::Result<()> {
        let salts = file::log_salts(&self.database)?.unwrap_or_default();
        self.note(Note { least: self.note.marked, salts, ..self.note })
    }

    /// Whether the log has started over, and not since the room copied it.
    pub(super) fn is_others_log(&self) -> bool {
        self.note.is_uncopied && self.log_has_started_over()
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

fn after(marked: u64) -> io::Result<u64> {
    Ok(marked.saturating_add(1 + u64::from(u32::from_be_bytes(random()?))))
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
        let open = Note {
            before: mark(1, 70),
            id: [2; 16],
            least: 5,
            marked: 9,
            salts: [3; 8],
            has_log: true,
            next: 40,
            ..Note::default()
        };
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
            (closed, mark(2, 10), None, Relation::Copy),
            (closed, mark(2, 40), None, Relation::Copy),
            (closed, mark(2, 9), next, Relation::Own),
            (closed, mark(2, 8), next, Relation::Foreign),
            // Before its first mark is in it.
            (young, mark(1, 70), this, Relation::Own),
            (Note { marked: 0, ..young }, mark(1, 70), this, Relation::Copy),
            (Note { marked: 0, ..young }, mark(1, 70), next, Relation::Copy),
            (young, mark(1, 71), this, Relation::Foreign),
            (young, mark(1, 70), next, Relation::Foreign),
            (open, mark(1, 70), this, Relation::Foreign),
            (open, mark(7, 9), this, Relation::Foreign),
            (closed, mark(7, 9), None, Relation::Copy),
            // Of an earlier version, or beside no note.
            (none, Mark::default(), None, Relation::Own),
            (none, Mark::default(), this, Relation::Own),
            (none, mark(2, 9), None, Relation::Copy),
            // The note was removed.
            (none, mark(2, 9), this, Relation::Copy),
            (closed, Mark::default(), None, Relation::Copy),
        ] {
            assert_eq!(relation(&note, in_file, log), found, "{note:?} {in_file:?} {log:?}");
        }
    }
    #[test]
    fn what_is_read_through_the_log_is_the_noted_mark_or_the_next() {
        let mark = |id: u8, count| Mark { id: [id; 16], count };
        let noted = Note { before: mark(1, 70), id: [2; 16], marked: 9, next: 40, ..Note::default() };
        let unmarked = Note { marked: 0, ..noted };
        for (note, in_file, through, expected) in [
            (noted, mark(2, 5), mark(2, 9), true),
            (noted, mark(2, 5), mark(2, 40), true),
            (noted, mark(2, 9), mark(2, 5), false),
            (noted, mark(2, 9), mark(2, 10), false),
            (noted, mark(2, 9), mark(2, 41), false),
            (noted, mark(2, 9), mark(1, 70), false),
            (Note { next: 0, ..noted }, mark(2, 5), mark(2, 10), true),
            (unmarked, mark(1, 70), mark(1, 70), true),
            (unmarked, mark(1, 70), mark(1, 71), true),
            (unmarked, mark(1, 70), mark(2, 40), true),
            (unmarked, mark(1, 70), mark(1, 69), false),
            (Note::default(), Mark::default(), Mark::default(), true),
            (Note::default(), mark(1, 5), mark(1, 7), true),
            (Note::default(), mark(1, 5), mark(1, 4), false),
            (Note::default(), mark(1, 5), mark(3, 7), false),
        ] {
            assert_eq!(fits(&note, in_file, through), expected, "{note:?} {in_file:?} {through:?}");
        }
    }
}
