//! Opening: what is found is looked at before it is touched, and a file that is refused stays as it was.

use std::hash::RandomState;
use std::path::Path;

use rusqlite::Connection;
use rusqlite::config::DbConfig;

use super::append::TabIds;
use super::checkpoint::Checkpointer;
use super::file::{self, Found, Strays};
use super::lock::{LockFile, Mark};
use super::mark::{self, Marks, Origin};
use super::{IN_MEMORY, OpenError, OpenProblem, Readers, Source, Store};
use super::{clear, copy, new_epoch, owner, positions, schema, sql};
use crate::limits;

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

    fn in_memory() -> Result<Store, OpenProblem> {
        let source = Source::Memory(new_epoch()?);
        let mut db = source.connect()?;
        schema::set_up_writing(&db)?;
        schema::migrate(&mut db, &new_epoch()?, None)?;
        Store::over(db, source)
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
