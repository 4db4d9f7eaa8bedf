//! The room's source of truth: one SQLite file, and the only SQL of the room's log.
//!
//! The log is a sequence of changes, each with the next position: a message, a deletion, new reactions. The hub alone
//! writes it, a turn at a time, each turn one transaction that is on the disk before [`Store::append`] returns. All
//! others read, through a few shared connections ([`Readers`]), in bounded pages.
//!
//! | file | owns |
//! |---|---|
//! | `open.rs` | opening the file, or saying why not |
//! | `file.rs`, `owner.rs` | what it is before SQLite opens it; which user's it is, and who may put another in its place |
//! | `lock.rs` | the file beside it: one server at a time, and what it knows of its database |
//! | `mark.rs` | which file it is, and whether the write-ahead log beside it is its own |
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
//! | `checkpoint.rs`, `copier.rs` | the write-ahead log: copied, bounded, cleared of deleted text; the thread that does it |

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
mod open;
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
use lock::{LockFile, Note};

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

/// A new name for a log: 128 random bits in hexadecimal.
fn new_epoch() -> io::Result<String> {
    let bytes = random().map_err(|error| io::Error::other(format!("no random numbers: {error}")))?;
    Ok(format!("{:032x}", u128::from_be_bytes(bytes)))
}

/// A position that a client names. One that no log can reach stands for "after all".
fn to_sql(position: Position) -> i64 {
    i64::try_from(position).unwrap_or(i64::MAX)
}
