//! The file beside the database, `chat.db.lock`: one server at a time, and what the room notes of its database.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;

use super::error::OpenProblem;
use super::file::{Salts, beside, private, sync_folder_of};
use crate::protocol::Position;

/// Which file it is, and how far: `count` grows with what the room commits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Mark {
    /// Random bits that tell this file from every other. Zeros stand for a file that has no mark.
    pub id: [u8; 16],
    pub count: u64,
}

impl Mark {
    pub(super) fn bytes(self) -> Vec<u8> {
        [&self.id[..], &self.count.to_be_bytes()].concat()
    }

    /// An id alone has no count yet. What else it may be is no mark.
    pub(super) fn from_bytes(bytes: &[u8]) -> Mark {
        let parse = || {
            let (id, count) = bytes.split_at_checked(16)?;
            let count = if count.is_empty() { 0 } else { u64::from_be_bytes(count.try_into().ok()?) };
            Some(Mark { id: id.try_into().ok()?, count })
        };
        parse().unwrap_or_default()
    }
}

/// What a room knows of its database. Nothing is known of a file of earlier versions, or at the first start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Note {
    /// The file's mark before it was this room's: it may have it until it has one with `id`.
    pub before: Mark,
    /// What all marks of the room's own file begin with.
    pub id: [u8; 16],
    /// A mark that was in the file when the log of `salts` began.
    pub least: u64,
    /// The newest mark that was committed, to that log at the latest.
    pub marked: u64,
    /// The log as of then.
    pub salts: Salts,
    /// A write-ahead log with something in it lies beside the file, unless somebody has taken it away.
    pub has_log: bool,
    /// The mark that comes after `marked`, by a step that nobody can guess: two copies that both go on have other ones. 0 in notes of
    /// earlier versions.
    pub next: u64,
    /// How far the log of messages went when `marked` was committed.
    pub head: Position,
    /// The room has not copied all of that log: once it has started over, it was somebody else who did.
    pub is_uncopied: bool,
}

impl Note {
    /// Always as long, so that it is overwritten in one piece.
    fn text(&self) -> String {
        let Note { least, marked, next, head, .. } = self;
        let [before, id, salts] =
            [&self.before.bytes()[..], &self.id, &self.salts].map(|bytes| HEXLOWER.encode(bytes));
        let has_log = if self.has_log { "log" } else { "---" };
        let copied = if self.is_uncopied { "uncopied" } else { "--------" };
        format!(
            "{before} {id} {least:016x} {marked:016x} {salts} {has_log} {next:016x} {head:016x} {copied}\n"
        )
    }

    /// Nothing is noted in what earlier versions leave, an empty file.
    fn parse(text: &str) -> Note {
        let mut words = text.split_whitespace();
        let mut next = || words.next().unwrap_or_default();
        let bytes = |word: &str| HEXLOWER.decode(word.as_bytes()).unwrap_or_default();
        let number = |word: &str| u64::from_str_radix(word, 16).unwrap_or_default();
        Note {
            before: Mark::from_bytes(&bytes(next())),
            id: bytes(next()).try_into().unwrap_or_default(),
            least: number(next()),
            marked: number(next()),
            salts: bytes(next()).try_into().unwrap_or_default(),
            has_log: next() == "log",
            next: number(next()),
            head: number(next()),
            is_uncopied: next() == "uncopied",
        }
    }

    fn read(file: &mut File) -> io::Result<Note> {
        let mut text = Vec::new();
        file.seek(SeekFrom::Start(0))?;
        file.take(512).read_to_end(&mut text)?;
        Ok(Note::parse(&String::from_utf8_lossy(&text)))
    }

    /// Lays the note beside a file that is the noted one's under another name.
    pub(super) fn lay_beside(&self, database: &Path) -> io::Result<()> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        private(&mut options);
        let mut file = options.open(beside(database, ".lock"))?;
        file.write_all(self.text().as_bytes())?;
        file.sync_data()
    }

    /// The note that lies beside a database, if no server holds it: that one keeps it right by itself.
    pub(super) fn left_beside(database: &Path) -> io::Result<Option<Note>> {
        let mut file = match File::open(beside(database, ".lock")) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Some(Note::default())),
            Err(error) => return Err(error),
        };
        match file.try_lock_shared() {
            Ok(()) => Note::read(&mut file).map(Some),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

/// The lock: on a file of our own, since opening and closing the database file itself would drop SQLite's locks on it. The
/// system gives it back when the process ends, however it ends. The file stays: removing it would let two servers lock two
/// files of one name.
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
        options.read(true).write(true).create(true).truncate(false);
        private(&mut options);
        let file = options.open(&path)?;
        let locked = file.try_lock();
        let lock = LockFile { file, path, made };
        match locked {
            Ok(()) => {
                if made {
                    // A note that is gone after a power cut would make a stranger of the room's own file. Not all disks take it.
                    let _ = sync_folder_of(&lock.path);
                }
                Ok(lock)
            }
            Err(TryLockError::WouldBlock) => Err(OpenProblem::InUse),
            Err(TryLockError::Error(error)) => {
                lock.undo();
                Err(OpenProblem::Share(error.to_string(), None))
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

    /// The place of the note, for as long as the lock is held.
    pub(super) fn notebook(&self) -> io::Result<Notebook> {
        self.file.try_clone().map(Notebook)
    }
}

/// Where the holder of the lock notes what it knows.
#[derive(Debug)]
pub(super) struct Notebook(File);

impl Notebook {
    pub(super) fn read(&mut self) -> io::Result<Note> {
        Note::read(&mut self.0)
    }

    /// On the disk when this returns.
    pub(super) fn write(&mut self, note: &Note) -> io::Result<()> {
        self.0.seek(SeekFrom::Start(0))?;
        self.0.write_all(note.text().as_bytes())?;
        self.0.sync_data()
    }
}

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

    #[test]
    fn a_note_is_read_as_it_was_written_and_whatever_else_is_no_note() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("chat.db");
        let mut notebook = LockFile::take(&path).expect("nobody has it").notebook().expect("a notebook");
        assert_eq!(notebook.read().expect("reads"), Note::default());
        for note in [
            Note { id: [0xff; 16], marked: u64::MAX, salts: [9; 8], has_log: true, ..Note::default() },
            Note {
                before: Mark { id: [7; 16], count: 1 },
                id: [8; 16],
                least: 2,
                next: 77,
                head: 78,
                is_uncopied: true,
                ..Note::default()
            },
        ] {
            notebook.write(&note).expect("writes");
            assert_eq!(notebook.read().expect("reads"), note);
        }
        for text in ["", "x", "-1 +2 log?", "\u{0}\u{0}", "log", "a b g h i j"] {
            assert_eq!(Note::parse(text), Note::default(), "{text}");
        }
    }

    #[test]
    fn a_note_is_for_others_only_while_nobody_holds_the_lock() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("chat.db");
        assert_eq!(Note::left_beside(&path).expect("reads"), Some(Note::default()));
        let lock = LockFile::take(&path).expect("nobody has it");
        let note = Note { id: [1; 16], marked: 2, has_log: true, ..Note::default() };
        lock.notebook().and_then(|mut notebook| notebook.write(&note)).expect("writes");
        assert_eq!(Note::left_beside(&path).expect("reads"), None);
        drop(lock);
        assert_eq!(Note::left_beside(&path).expect("reads"), Some(note));
    }
}
