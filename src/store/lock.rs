//! The file beside the database, `chat.db.lock`: one server at a time, and what the room notes of its database.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;

use super::error::OpenProblem;
use super::file::{beside, private};

/// Random bits that tell a file from every other.
pub(super) type Mark = [u8; 16];

/// Stands for the mark of a file that has none.
pub(super) const NO_MARK: Mark = [0; 16];

/// What a room knows of its database before it writes to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Note {
    /// The mark in the file and the one that follows: the file has one or the other.
    pub marks: [Mark; 2],
    /// A write-ahead log with something in it lies beside the file, unless somebody has taken it away.
    pub has_log: bool,
}

impl Note {
    /// Always as long, so that it is overwritten in one piece.
    fn text(&self) -> String {
        let [mark, next] = self.marks.map(|mark| HEXLOWER.encode(&mark));
        format!("{mark} {next} {}\n", if self.has_log { "log" } else { "---" })
    }

    /// Nothing is noted in what earlier versions leave, an empty file.
    fn parse(text: &str) -> Note {
        let mut words = text.split_whitespace();
        let mut mark = || {
            let bytes = HEXLOWER.decode(words.next().unwrap_or_default().as_bytes()).unwrap_or_default();
            bytes.try_into().unwrap_or(NO_MARK)
        };
        Note { marks: [mark(), mark()], has_log: words.next() == Some("log") }
    }

    fn read(file: &mut File) -> io::Result<Note> {
        let mut text = Vec::new();
        file.seek(SeekFrom::Start(0))?;
        file.take(128).read_to_end(&mut text)?;
        Ok(Note::parse(&String::from_utf8_lossy(&text)))
    }

    /// Lays the note beside a file that is the noted one's under another name.
    pub(super) fn lay_beside(&self, database: &Path) -> io::Result<()> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        private(&mut options);
        options.open(beside(database, ".lock"))?.write_all(self.text().as_bytes())
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
            Ok(()) => Ok(lock),
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
            Note { marks: [NO_MARK, [0xff; 16]], has_log: true },
            Note { marks: [[7; 16], [8; 16]], has_log: false },
        ] {
            notebook.write(&note).expect("writes");
            assert_eq!(notebook.read().expect("reads"), note);
        }
        for text in ["", "x", "-1 +2 log?", "\u{0}\u{0}", "log"] {
            assert_eq!(Note::parse(text).marks[0], NO_MARK, "{text}");
        }
    }

    #[test]
    fn a_note_is_for_others_only_while_nobody_holds_the_lock() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("chat.db");
        assert_eq!(Note::left_beside(&path).expect("reads"), Some(Note::default()));
        let lock = LockFile::take(&path).expect("nobody has it");
        let note = Note { marks: [[1; 16], [2; 16]], has_log: true };
        lock.notebook().and_then(|mut notebook| notebook.write(&note)).expect("writes");
        assert_eq!(Note::left_beside(&path).expect("reads"), None);
        drop(lock);
        assert_eq!(Note::left_beside(&path).expect("reads"), Some(note));
    }
}
