//! The checkpoint thread's side: marks, copies and empties the write-ahead log when it is asked to, or finds that it is time.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use rusqlite::{Connection, ErrorCode, MAIN_DB, wal::CheckpointMode};

use super::mark::Marks;
use super::positions::head;
use crate::limits;

#[derive(Debug)]
pub(super) enum Request {
    /// The room is open: what comes after this may write. Dropped when the first mark is noted.
    Begin(Sender<()>),
    /// The log has grown, or has text to erase.
    Copy,
    /// The log has started over.
    Mark,
    /// Copy all of it while nobody writes, and say whether that was possible.
    CatchUp(Sender<bool>),
}

/// What the writer and the thread tell each other without a request.
#[derive(Debug, Default)]
pub(super) struct Shared {
    /// Bytes in the log as of the writer's last commit.
    pub log_bytes: AtomicUsize,
    /// Commits of the room's own, but for the thread's.
    pub commits: AtomicU64,
    /// There is deleted text to erase from the log.
    pub erase: AtomicBool,
    /// Another file is in the database's place, or none.
    pub is_lost: AtomicBool,
}

pub(super) struct Copier {
    db: Connection,
    marks: Marks,
    shared: Arc<Shared>,
    /// The room's own commits before the last mark, and what other connections had written, as `data_version` counts it.
    marked: Option<(u64, i64)>,
    /// What other connections had written when it was last looked.
    seen: i64,
    /// The same when all of it was copied.
    copied: i64,
    /// How often it was looked since then, and there was something.
    looks: u32,
    failing: bool,
}

impl Copier {
    pub(super) fn new(db: Connection, marks: Marks, shared: Arc<Shared>) -> Copier {
        let (marked, seen, copied, looks) = (None, 0, 0, 0);
        Copier { db, marks, shared, marked, seen, copied, looks, failing: false }
    }

    /// Does nothing before the room is open, and gives the marks back when the writer has gone.
    pub(super) fn run(mut self, requests: &Receiver<Request>) -> Marks {
        let Ok(Request::Begin(begun)) = requests.recv() else { return self.marks };
        self.mark();
        drop(begun);
        let (mut retry, longest) = limits::RETRY_ERASE;
        // Those who start the room write first.
        let mut look_at = Instant::now() + limits::QUIET;
        let mut erase_at = look_at;
        loop {
            let erases = self.shared.erase.load(Ordering::Acquire);
            match requests.recv_deadline(if erases { erase_at.min(look_at) } else { look_at }) {
                Ok(Request::CatchUp(answer)) => {
                    let caught_up = self.catch_up(Instant::now() + limits::SETTLE);
                    // Nobody to hear it: the writer's deadline has passed.
                    let _ = answer.try_send(caught_up);
                }
                Ok(Request::Copy) => self.copy(),
                Ok(Request::Mark) => self.mark_others_log(),
                Ok(Request::Begin(_)) | Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return self.marks,
            }
            if Instant::now() >= look_at {
                self.look();
                look_at = Instant::now() + limits::QUIET;
            }
            if self.shared.erase.load(Ordering::Acquire) && Instant::now() >= erase_at {
                // One deletion is erased at once, a hundred in a row not one by one: it takes the write lock.
                let (wait, next) = if self.erase() {
                    (longest, limits::RETRY_ERASE.0)
                } else {
                    (retry, (retry * 2).min(longest))
                };
                erase_at = Instant::now() + wait;
                retry = next;
            }
        }
    }

    /// Copies what others have written when they pause, and every few seconds if they do not.
    fn look(&mut self) {
        let is_lost = !self.marks.is_in_place();
        if is_lost && !self.shared.is_lost.swap(is_lost, Ordering::AcqRel) {
            log::error!(
                "the database was moved or removed, or another file is in its place: what is said now would be lost, and is refused. \
                 Put the file back, or stop the room and start it again with the file that is there"
            );
        }
        self.shared.is_lost.store(is_lost, Ordering::Release);
        if !self.marks.has_log() {
            self.mark();
        }
        self.mark_others_log();
        // A disk that fails is told about when it is written to.
        let Ok(version) = self.version() else { return };
        if version == self.copied {
            self.looks = 0;
            return;
        }
        self.looks += 1;
        let is_quiet = version == std::mem::replace(&mut self.seen, version);
        if (is_quiet || self.looks >= limits::BUSY_LOOKS) && self.copy_all() {
            self.copied = version;
        }
    }

    fn version(&self) -> rusqlite::Result<i64> {
        self.db.pragma_query_value(None, "data_version", |row| row.get(0))
    }

    /// Copies all of it with the next mark, unless somebody writes meanwhile or reads an old part of it. Returns whether it did.
    fn copy_all(&mut self) -> bool {
        (!self.has_more_than_its_mark() || self.mark()) && self.copy_beside()
    }

    /// Copies what can be copied. If that is all, the log starts over: so it must have a mark.
    fn copy(&mut self) {
        if !self.marks.log_has_started_over() || self.mark() {
            self.copy_beside();
        }
    }

    /// Copies what can be copied beside a writer. Returns whether that was all.
    fn copy_beside(&mut self) -> bool {
        let copied = self.db.wal_checkpoint_v2(Some(MAIN_DB), CheckpointMode::PASSIVE);
        let all = matches!(copied, Ok((log, copied)) if log == copied);
        self.report(copied.err());
        if all {
            self.note(Marks::copied);
        }
        all
    }

    /// Somebody else has copied the log and started it over: what came after its mark is promised by another.
    fn mark_others_log(&mut self) {
        if self.marks.is_others_log() {
            match self.has_more_than_its_mark() {
                true => drop(self.mark()),
                false => self.note(Marks::log_moved_on),
            }
        }
    }

    /// Whether something was committed since the last mark. A program that starts the log over by itself writes a row of its own
    /// then (Litestream): were that marked, the two would go on for ever.
    fn has_more_than_its_mark(&self) -> bool {
        let Some((commits, version)) = self.marked else { return true };
        commits != self.shared.commits.load(Ordering::Acquire)
            || self.version() != Ok(version) && !self.marks.log_has_started_over()
    }

    /// Commits the next mark, in the moment between two turns, if there is one; returns whether there was. A full disk takes no mark,
    /// and the log has to be copied there all the same.
    fn mark(&mut self) -> bool {
        let before = (self.shared.commits.load(Ordering::Acquire), self.version().unwrap_or_default());
        let _ = self.db.busy_timeout(limits::STORE_BUSY); // it only sets a number
        let written = self.marks.write(&self.db);
        let _ = self.db.busy_timeout(Duration::ZERO);
        match written {
            Ok(mark) => {
                self.marked = Some(before);
                let head = head(&self.db).unwrap_or_default();
                self.note(|marks| marks.written(mark, head));
                true
            }
            Err(error) => !is_busy(&error),
        }
    }

    fn note(&mut self, note: impl FnOnce(&mut Marks) -> io::Result<()>) {
        if let Err(error) = note(&mut self.marks) {
            // The next start takes the file for a copy, at worst.
            log::warn!("what the room knows of its database could not be noted: {error}");
        }
    }

    fn catch_up(&mut self, deadline: Instant) -> bool {
        while !self.copy_all() {
            if self.failing || Instant::now() >= deadline {
                return false;
            }
            // A reader is on its page still.
            thread::sleep(limits::RETRY_ERASE.0);
        }
        true
    }

    /// Empties the log if nobody is using it, and begins another. Returns whether it did.
    fn erase(&mut self) -> bool {
        // Cleared first: a deletion that is committed while the log is being emptied asks again.
        self.shared.erase.store(false, Ordering::Release);
        // Most of it beside the writer, the rest under its lock.
        let erased = self.copy_all() && {
            self.note(|marks| marks.log_may_go(true));
            let emptied = self.db.wal_checkpoint_v2(Some(MAIN_DB), CheckpointMode::TRUNCATE);
            let erased = emptied.is_ok();
            self.report(emptied.err());
            match erased {
                true => drop(self.mark()),
                false => self.note(|marks| marks.log_may_go(false)),
            }
            erased
        };
        if !erased {
            self.shared.erase.store(true, Ordering::Release);
        }
        erased
    }

    /// One line when the disk begins to fail and one when it works again, however often it is tried.
    fn report(&mut self, error: Option<rusqlite::Error>) {
        let error = error.filter(|error| !is_busy(error));
        match (&error, self.failing) {
            (Some(error), false) => log::error!("the database's write-ahead log can't be copied: {error}"),
            (None, true) => log::info!("the database's write-ahead log is copied again"),
            _ => {}
        }
        self.failing = error.is_some();
    }
}

fn is_busy(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy)
}
