//! The room's source of truth: one SQLite file, and the only SQL of the room's log.
//!
//! The log is a sequence of changes, each with the next position: a message, or the deletion of one. The hub alone
//! writes it, a turn at a time, each turn one transaction that is on the disk before [`Store::append`] returns. All
//! others read, through a few shared connections ([`Readers`]), in bounded pages.
//!
//! | file | owns |
//! |---|---|
//! | `file.rs` | the file before SQLite opens it: whose it is, one server at a time |
//! | `schema.rs`, `refold.rs` | the tables (`schema_1.sql`), migrations, settings of a connection; names as they are compared now |
//! | `error.rs` | why it says no: opening, writing, reading |
//! | `sql.rs` | statements, each prepared once |
//! | `append.rs` | writing a turn |
//! | `clear.rs` | clearing the log |
//! | `kept.rs` | what is kept of the room beside the log |
//! | `read.rs` | reading pages forwards and backwards |
//! | `find.rs` | looking through the log |
//! | `readers.rs` | the shared connections they are read on |
//! | `export.rs` | the log as a file |
//! | `checkpoint.rs` | the write-ahead log: copied, bounded, cleared of deleted text |

mod append;
mod checkpoint;
mod clear;
mod error;
pub(crate) mod export;
mod file;
mod find;
mod kept;
mod read;
mod readers;
mod refold;
mod schema;
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
use file::{Found, LockFile};

pub(crate) use append::Outcome;
pub use append::{Change, NewMessage};
use error::OpenProblem;
pub(crate) use error::{AppendError, OpenError, ReadError};
pub(crate) use find::{FoundMessages, FoundPage};
pub(crate) use kept::KeptRoom;
pub(crate) use read::{LogEntry, LogPage, Reader};
pub(crate) use readers::{Lent, Readers};

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
    /// Held until everything above is closed.
    _lock: Option<LockFile>,
}

impl Store {
    /// Opens the room's database at `path`, making it (for its owner alone) if there is none, and starts its
    /// checkpoint thread. The time it takes does not grow with the log. `:memory:` is a database in memory.
    ///
    /// # Errors
    /// See [`OpenError`]. The file is then as it was, and nothing new lies beside it.
    pub fn open(path: &Path) -> Result<Store, OpenError> {
        if path == Path::new(IN_MEMORY) {
            let source = new_epoch().map(Source::Memory).map_err(OpenProblem::from);
            return source
                .and_then(|source| Store::over(source.connect()?, source))
                .map_err(|why| why.at(path));
        }
        let path = file::resolve(path).map_err(|problem| problem.at(path))?;
        Store::open_file(&path).map_err(|problem| problem.at(&path))
    }

    fn open_file(path: &Path) -> Result<Store, OpenProblem> {
        let lock = LockFile::take(path)?;
        match Store::open_locked(path) {
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

    fn open_locked(path: &Path) -> Result<Store, OpenProblem> {
        let made = match file::look(path)? {
            Found::Nothing => file::make(path)?,
            Found::Ours => false,
        };
        let opened = Store::first_connection(path);
        if made && opened.is_err() {
            // Best effort: an empty database is taken for none at the next start.
            let _ = std::fs::remove_file(path);
        }
        opened
    }

    fn first_connection(path: &Path) -> Result<Store, OpenProblem> {
        let source = Source::File(path.to_owned());
        let db = source.connect()?;
        // A crash can have left a write-ahead log. Until we know that it is ours to write, closing must not copy it.
        db.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, source.has_log())?;
        Store::over(db, source)
    }

    /// The store over its first connection.
    fn over(mut db: Connection, source: Source) -> Result<Store, OpenProblem> {
        let left_over = source.has_log();
        if db.is_readonly("main")? {
            return Err(OpenProblem::ReadOnly("the file is write-protected".to_owned()));
        }
        // The header alone does not tell: a crash can have left what counts in the write-ahead log.
        match schema::marks(&db)? {
            (schema::APPLICATION_ID, version) if version > schema::VERSION => {
                return Err(OpenProblem::Newer(version));
            }
            (schema::APPLICATION_ID, _) => {}
            (0, _) if schema::is_blank(&db)? => {}
            _ => return Err(OpenProblem::NotOurs),
        }
        source.start_writing(&db)?;
        schema::set_up_writing(&db)?;
        schema::migrate(&mut db, &new_epoch()?)?;
        let mut store = Store {
            epoch: db.query_row("SELECT epoch FROM room", [], |row| row.get(0))?,
            head: read::head(&db)?,
            newest_at_ms: read::newest_at_ms(&db)?,
            cleared: clear::cleared(&db)?,
            tabs: TabIds::with_hasher(limits::TABS_CACHED, RandomState::new()),
            readers: Readers::open(&source)?,
            db,
            source,
            checkpointer: None,
            _lock: None,
        };
        if let Source::File(_) = store.source {
            let db = store.source.connect()?;
            store.checkpointer = Some(Checkpointer::start(db, &mut store.db, left_over)?);
        }
        store.db.busy_timeout(limits::STORE_BUSY)?;
        Ok(store)
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

    /// A further connection, for rows that are not of the log. It syncs each commit. Checkpoints are the store's own, which the
    /// log's growth brings about; this one makes them only where nobody writes the log.
    pub fn connect(&self) -> Result<Connection, OpenError> {
        let set_up = || {
            let db = self.source.connect()?;
            schema::set_up_writing(&db)?;
            let page_bytes: i64 = db.pragma_query_value(None, "page_size", |row| row.get(0))?;
            db.pragma_update(None, "wal_autocheckpoint", 4 * limits::CHECKPOINT_BYTES as i64 / page_bytes)?;
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
        // Its connection must be closed before the last checkpoint, which it could hold up.
        if self.checkpointer.take().is_some() {
            checkpoint::finish(&self.db);
        }
    }
}

/// A connection to the database of a room that may be open meanwhile, for rows that are not of the log. It never makes a
/// database.
pub(crate) fn connect_beside(path: &Path) -> Result<Connection, OpenError> {
    read::beside(path, |db| {
        schema::set_up_writing(&db)?;
        Ok(db)
    })
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

    /// Once the file is known to be ours: the write-ahead log, which lets readers and the writer go on beside each
    /// other, and makes a commit one sequential write.
    fn start_writing(&self, db: &Connection) -> Result<(), OpenProblem> {
        if let Source::Memory(_) = self {
            return Ok(());
        }
        db.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
        let mode: String = db.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
        if mode != "wal" {
            let detail =
                format!("its file system does not take a write-ahead log, the journal stays at {mode}");
            return Err(OpenProblem::Failed(detail));
        }
        // Checkpoints are the checkpoint thread's; what a flood has grown is given back to the disk.
        db.pragma_update(None, "wal_autocheckpoint", 0)?;
        Ok(db.pragma_update(None, "journal_size_limit", limits::WAL_BYTES as i64)?)
    }
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
