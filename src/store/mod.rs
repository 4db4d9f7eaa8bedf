//! The room's source of truth: one SQLite file, and the only SQL of the room's log.
//!
//! The log is a sequence of changes, each with the next position: a message, a deletion, new reactions. The hub alone
//! writes it, a turn at a time, each turn one transaction that is on the disk before [`Store::append`] returns. All
//! others read, through a few shared connections ([`Readers`]), in bounded pages.
//!
//! | file | owns |
//! |---|---|
//! | `file.rs` | the file before SQLite opens it: whose it is |
//! | `owner.rs` | whose it is, and who may put another in its place |
//! | `lock.rs` | the file beside it: one server at a time, and what it knows of its database |
//! | `mark.rs` | which file it is, and whether the log beside it is its own |
//! | `schema.rs`, `refold.rs` | the tables (`schema_1.sql` and on), migrations, settings of a connection; names as they are compared now |
//! | `error.rs`, `sql.rs` | why it says no: opening, writing, reading; statements, each prepared once |
//! | `append.rs` | writing a turn |
//! | `clear.rs`, `space.rs` | clearing the log, and giving its place back to the disk; how much that is |
//! | `kept.rs`, `speakers.rs`, `identifier.rs` | what is kept of the room beside the log; whose each message is; what they are known by |
//! | `positions.rs`, `reactions.rs` | where the log ends, and where it holds no message; how many reactions, and whose |
//! | `read.rs` | reading pages forwards and backwards |
//! | `find.rs`, `recent.rs` | looking through the log; what somebody has said lately |
//! | `readers.rs` | the shared connections they are read on |
//! | `export/` | the log as a file |
//! | `copy.rs`, `backup.rs`, `restore.rs` | copies of the whole database, checked; one out of the room, and one in its place |
//! | `checkpoint.rs` | the write-ahead log: copied, bounded, cleared of deleted text |

mod append;
pub(crate) mod backup;
mod checkpoint;
mod clear;
mod copier;
mod copy;
mod error;
pub(crate) mod export;
mod file;
mod find;
mod identifier;
mod kept;
mod lock;
mod mark;
mod owner;
mod positions;
mod reactions;
mod read;
mod readers;
mod recent;
mod refold;
pub(crate) mod restore;
mod schema;
mod space;
mod speakers;
pub(crate) mod sql;
#[cfg(test)]
mod tests;

use std::hash::RandomState;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use crate::limits;
use crate::protocol::Position;
use crate::sys::random::random;
use append::TabIds;
use checkpoint::Checkpointer;
use file::{Found, Strays};
use lock::{LockFile, Mark, Note};
use mark::{Marks, Origin};

pub(crate) use append::Outcome;
pub use append::{Change, NewMessage};
pub(crate) use error::{AppendError, OpenError, OpenProblem, ReadError};
pub(crate) use find::{FoundMessages, FoundPage};
pub(crate) use kept::KeptRoom;
pub(crate) use positions::head as head_of;
pub(crate) use reactions::{Reacted, Reaction, who};
pub(crate) use read::{LogEntry, LogPage, Reader};
pub(crate) use readers::{Lent, Readers};
pub(crate) use recent::Recent;
pub(crate) use space::Space;
pub(crate) use speakers::Author;
pub use speakers::Speaker;

/// The path that means a database in memory: gone with the store, and never durable.
const IN_MEMORY: &str = ":memory:";

/// The database, with the one connection that writes the room's log. Dropping it leaves one whole file, without a
/// write-ahead log, and gives the file free for the next server.
#[derive(Debug)]
pub struct Store {
    db: Connection,
    epoch: String,
    head: Position,
    /// When the newest message was taken that was there when it was opened.
    newest_at_ms: i64,
    /// Everything up to here was cleared.
    cleared: Position,
    tabs: TabIds,
    readers: Readers,
    source: Source,
    /// None for a database in memory, which has no write-ahead log.
    checkpointer: Option<Checkpointer>,
    /// A log of a room that was killed, which is to stay as it is until [`Store::begin`].
    left_over: bool,
    /// Held until everything above is closed.
    _lock: Option<LockFile>,
}

impl Store {
    /// Opens the room's database at `path`, making it (for its owner alone) if there is none. Until [`Store::begin`], the log that a
    /// killed room has left stays as it is. The time it takes does not grow with the log, except of a copy, which is checked. `:memory:` is a database in memory.
    ///
    /// # Errors
    /// See [`OpenError`]. The file is then as it was, and nothing new lies beside it.
    pub fn open(path: &Path) -> Result<Store, OpenError> {
        if path == Path::new(IN_MEMORY) {
            return Store::in_memory().map_err(|problem| problem.at(path));
        }
        let given = path;
        let path = file::resolve(given).map_err(|problem| problem.at(given))?;
        let opened = owner::check(given, &path).and_then(|()| Store::open_file(&path));
        opened.map_err(|problem| problem.at(&path))
    }

    fn open_file(path: &Path) -> Result<Store, OpenProblem> {
        let lock = LockFile::take(path)?;
        match Store::open_locked(path, &lock) {
            Ok(mut store) => {
                store._lock = Some(lock);
                Ok(store)
            }
            Err(problem) => {
                lock.undo();
                Err(problem)
            }
        }
    }

    fn open_locked(path: &Path, lock: &LockFile) -> Result<Store, OpenProblem> {
        let found = file::look(path)?;
        let origin = mark::origin(path, found, lock)?;
        let made = found == Found::Nothing && file::make(path)?;
        let strays = Strays::of(path);
        let opened = Store::first_connection(path, origin, lock);
        if opened.is_err() {
            strays.remove();
            if made {
                // Best effort: an empty database is taken for none at the next start.
                let _ = std::fs::remove_file(path);
            }
        }
        opened
    }

    fn first_connection(path: &Path, mut origin: Origin, lock: &LockFile) -> Result<Store, OpenProblem> {
        let source = Source::File(path.to_owned());
        let mut db = source.connect()?;
        // A crash can have left a write-ahead log. Until we know that it is ours to write, closing must not copy it.
        let left_over = source.has_log();
        db.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, left_over)?;
        let is_blank = admit(&db)?;
        origin.check_through(&db)?;
        // A first start that was cut short while it made the tables.
        origin.is_copy &= !is_blank;
        if left_over {
            check_left_over(&db)?;
        }
        if origin.is_copy {
            log::warn!(
                "{} is a copy, or another program has handled its log: it is checked, and whoever has seen more than it holds is told so",
                path.display()
            );
            copy::check(&db)?;
        }
        let mut marks = Marks::begin(path, lock, &origin)?;
        schema::set_up_writing(&db)?;
        if is_blank {
            // Before there is a log: a file without tables, whose log is missing, is then none of ours.
            clear::let_go_of_space(&db)?;
            schema::migrate(&mut db, &new_epoch()?, marks.first().map(Mark::bytes).as_deref())?;
            clear::give_back(&db, u64::from(u32::MAX))?;
        }
        start_log(&db)?;
        if origin.is_copy {
            // The first thing in its log: from there on it is the room's own.
            sql::run(&db, "UPDATE room SET epoch = ?1", [new_epoch()?])?;
        }
        schema::migrate(&mut db, &new_epoch()?, None)?;
        if !clear::gives_space_back(&db)? {
            marks.log_may_go(true)?;
            clear::rebuild(&db, path);
        }
        let mut store = Store::over(db, source)?;
        store.left_over = left_over;
        let copier = store.source.connect()?;
        store.checkpointer = Some(Checkpointer::start(copier, &mut store.db, marks, left_over)?);
        owner::make_private(path);
        Ok(store)
    }

    /// The store over its first connection, on which the tables are.
    fn over(db: Connection, source: Source) -> Result<Store, OpenProblem> {
        let store = Store {
            epoch: db.query_row("SELECT epoch FROM room", [], |row| row.get(0))?,
            head: positions::head(&db)?,
            newest_at_ms: positions::newest_at_ms(&db)?,
            cleared: clear::cleared(&db)?,
            tabs: TabIds::with_hasher(limits::TABS_CACHED, RandomState::new()),
            readers: Readers::open(&source)?,
            db,
            source,
            checkpointer: None,
            left_over: false,
            _lock: None,
        };
        store.db.busy_timeout(limits::STORE_BUSY)?;
        Ok(store)
    }

    /// To be called once all has been read that the room needs: from here on the log is marked, copied, and erased. Dropped before,
    /// the store leaves the log of a room that was killed: if that turns out to be of no use with this file, it may be with another.
    pub fn begin(&mut self) {
        self.left_over = false;
        // It only sets a flag, and closing then leaves an empty log.
        let _ = self.db.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false);
        if let Some(checkpointer) = &mut self.checkpointer {
            checkpointer.begin();
        }
    }

    fn in_memory() -> Result<Store, OpenProblem> {
        let source = Source::Memory(new_epoch()?);
        let mut db = source.connect()?;
        schema::set_up_writing(&db)?;
        schema::migrate(&mut db, &new_epoch()?, None)?;
        Store::over(db, source)
    }

    /// The name of this log: positions of another one mean nothing here.
    pub fn epoch(&self) -> &str {
        &self.epoch
    }

    /// The newest position; 0 while nothing was ever said.
    pub fn head(&self) -> Position {
        self.head
    }

    /// When the newest message was taken that was there when the store was opened, in ms since 1970; 0 without one.
    pub fn newest_at_ms(&self) -> i64 {
        self.newest_at_ms
    }

    /// A further connection, for rows that are not of the log. It syncs each commit; checkpoints are the store's own.
    pub fn connect(&self) -> Result<Connection, OpenError> {
        let set_up = || {
            let mut db = self.source.connect()?;
            schema::set_up_writing(&db)?;
            db.pragma_update(None, "wal_autocheckpoint", 0)?;
            if let Some(checkpointer) = &self.checkpointer {
                checkpointer.count_commits_of(&mut db)?;
            }
            Ok(db)
        };
        set_up().map_err(|error: rusqlite::Error| OpenProblem::from(error).at(self.source.path()))
    }

    /// The connections that read the log, for all clients to share.
    pub fn readers(&self) -> Readers {
        self.readers.clone()
    }

    /// To be called between two turns. Returns at once, unless the write-ahead log has passed
    /// [`limits::WAL_BYTES`]: then it waits, at most [`limits::SETTLE`], until all of it is in the database, so that
    /// the next turn starts it over. Returns how long it waited.
    pub fn settle(&mut self) -> Duration {
        self.checkpointer.as_mut().map_or(Duration::ZERO, Checkpointer::settle)
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        if let Some(checkpointer) = self.checkpointer.take() {
            checkpointer.end(&self.db);
        }
        // The last connection that is closed would copy the log, and some outlive the store. None is the last while this one stays open:
        // the program ends, since its room did not open.
        if self.left_over
            && let Ok(nothing) = Connection::open_in_memory()
        {
            std::mem::forget(std::mem::replace(&mut self.db, nothing));
        }
    }
}

/// A connection to the database of a room that may be open meanwhile, for rows that are not of the log. It never makes a
/// database.
pub(crate) fn connect_beside(path: &Path) -> Result<Connection, OpenError> {
    read::beside(path, |db| {
        if db.is_readonly("main")? {
            return Err(OpenProblem::ReadOnly(
                "the file, its folder or the disk is write-protected".to_owned(),
            ));
        }
        schema::set_up_writing(&db)?;
        Ok(db)
    })
}

/// Whether a server has this database open.
pub(crate) fn is_open(path: &Path) -> bool {
    file::resolve(path).is_ok_and(|path| matches!(Note::left_beside(&path), Ok(None)))
}

/// Where connections lead.
#[derive(Debug)]
enum Source {
    /// A file.
    File(PathBuf),
    /// A database in memory, by a name that only this store knows: it lives as long as one connection to it.
    Memory(String),
}

impl Source {
    fn path(&self) -> &Path {
        match self {
            Source::File(path) => path,
            Source::Memory(_) => Path::new(IN_MEMORY),
        }
    }

    /// A connection that may write. It waits [`limits::STORE_BUSY_ASIDE`] for others' locks.
    fn connect(&self) -> rusqlite::Result<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let db = match self {
            Source::File(file) => Connection::open_with_flags(file, flags)?,
            Source::Memory(name) => Connection::open_with_flags(
                format!("file:/{name}?vfs=memdb"),
                flags | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_URI,
            )?,
        };
        db.busy_timeout(limits::STORE_BUSY_ASIDE)?;
        Ok(db)
    }

    /// See [`file::has_log`].
    fn has_log(&self) -> bool {
        matches!(self, Source::File(path) if file::has_log(path))
    }
}

/// Whether the database may be opened for writing: it must be ours, or blank. Returns whether it is blank. The file's header
/// alone does not tell: a crash can have left what counts in the write-ahead log.
fn admit(db: &Connection) -> Result<bool, OpenProblem> {
    if db.is_readonly("main")? {
        return Err(OpenProblem::ReadOnly("the file is write-protected".to_owned()));
    }
    match schema::marks(db)? {
        (schema::APPLICATION_ID, version) if version > schema::VERSION => Err(OpenProblem::Newer(version)),
        (schema::APPLICATION_ID, _) => Ok(false),
        (0, _) if schema::is_blank(db)? => Ok(true),
        _ => Err(OpenProblem::NotOurs),
    }
}

/// Whether the log that a crash has left is one with its file, as far as that is soon found out.
fn check_left_over(db: &Connection) -> Result<(), OpenProblem> {
    copy::check_small(db)?;
    // A log that others start over can go on after its last mark: an earlier file lacks what came between.
    let is_current = schema::marks(db)?.1 == schema::VERSION;
    match is_current && positions::has_hole(db, limits::CHECKED_AFTER_CRASH)? {
        true => Err(OpenProblem::ForeignLog),
        false => Ok(()),
    }
}

/// Once the file is known to be ours: the write-ahead log, which lets readers and the writer go on beside each other, and
/// makes a commit one sequential write.
fn start_log(db: &Connection) -> Result<(), OpenProblem> {
    let mode: String = db.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
    if mode != "wal" {
        return Err(OpenProblem::Share(format!("the journal stays at {mode}"), None));
    }
    // Checkpoints are the checkpoint thread's; what a flood has grown is given back to the disk.
    db.pragma_update(None, "wal_autocheckpoint", 0)?;
    Ok(db.pragma_update(None, "journal_size_limit", limits::WAL_BYTES as i64)?)
}

/// 128 random bits in hexadecimal.
fn new_epoch() -> io::Result<String> {
    let bytes = random().map_err(|error| io::Error::other(format!("no random numbers: {error}")))?;
    Ok(format!("{:032x}", u128::from_be_bytes(bytes)))
}

/// A position that a client names. One that no log can reach stands for "after all".
fn to_sql(position: Position) -> i64 {
    i64::try_from(position).unwrap_or(i64::MAX)
}
