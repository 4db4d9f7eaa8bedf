//! The write-ahead log: what is in it has to be copied into the database now and then, or it grows for ever.
//!
//! A thread of its own copies, since that takes up to some hundred milliseconds. It works beside the writer
//! (`PASSIVE`), when a commit wakes it, when the room has become quiet, and every few seconds: people copy the file, and not
//! its log. The log starts over with the first commit that finds all of it copied; in a flood no commit ever does, and the hub
//! has to pause for it ([`Checkpointer::settle`]). Before all of it is copied, it gets a mark that tells the file from those of
//! before ([`super::mark`]).
//!
//! Deleted text lives on in the log after the database has forgotten it. So after a deletion the log is emptied
//! (`TRUNCATE`), which needs a moment without writers and readers, and is tried until there is one.

use std::error::Error;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use rusqlite::{Connection, ErrorCode, MAIN_DB, wal::CheckpointMode};

use super::error::OpenProblem;
use super::mark::Marks;
use super::positions::head;
use super::schema;
use crate::limits;

#[derive(Debug)]
enum Request {
    /// The room is open: what comes after this may write. Dropped when the first mark is noted.
    Begin(Sender<()>),
    /// The log has grown, or has text to erase.
    Copy,
    /// Copy all of it while nobody writes, and say whether that was possible.
    CatchUp(Sender<bool>),
}

/// The writer's side of the thread, which ends with [`Checkpointer::end`].
#[derive(Debug)]
pub(super) struct Checkpointer {
    requests: Sender<Request>,
    thread: JoinHandle<Marks>,
    has_begun: bool,
    /// Bytes in the log as of the writer's last commit.
    log_bytes: Arc<AtomicUsize>,
    /// Commits of the room's own, but for the thread's.
    commits: Arc<AtomicU64>,
    /// The thread has deleted text to erase from the log.
    erase: Arc<AtomicBool>,
    /// Another file is in the database's place, or none.
    is_lost: Arc<AtomicBool>,
    /// The thread is woken when the log is this long.
    wake_at: usize,
    /// The writer pauses when the log is this long.
    settle_at: usize,
}

impl Checkpointer {
    /// Starts the thread on its own connection, for what `writer` commits; it does nothing before [`Checkpointer::begin`]. What is
    /// `left_over` in the log from a crash may hold deleted text.
    pub(super) fn start(
        db: Connection,
        writer: &mut Connection,
        marks: Marks,
        left_over: bool,
    ) -> Result<Checkpointer, OpenProblem> {
        schema::set_up_writing(&db)?;
        // It asks again by itself, and must not keep a lock that the hub waits for.
        db.busy_timeout(Duration::ZERO)?;
        // This opens the log: now, so that a room that is open takes no descriptor more.
        schema::marks(&db)?;
        let page: u32 = writer.pragma_query_value(None, "page_size", |row| row.get(0))?;
        let (log_bytes, commits) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicU64::new(0)));
        let (seen, counted) = (log_bytes.clone(), commits.clone());
        writer.wal_hook(Some(move |_: &mut _, pages: std::ffi::c_int| {
            seen.store(usize::try_from(pages).unwrap_or(0) * page as usize, Ordering::Relaxed);
            counted.fetch_add(1, Ordering::Release);
            Ok(())
        }))?;
        let erase = Arc::new(AtomicBool::new(left_over || marks.need_another_log()));
        let is_lost = Arc::new(AtomicBool::new(false));
        // One place: a second wake-up would tell nothing that the first does not.
        let (requests, received) = bounded(1);
        let mut copier = Copier {
            db,
            marks,
            commits: commits.clone(),
            erase: erase.clone(),
            is_lost: is_lost.clone(),
            marked: None,
            seen: 0,
            copied: 0,
            looks: 0,
            failing: false,
        };
        let run = move || {
            if let Ok(Request::Begin(begun)) = received.recv() {
                copier.mark();
                drop(begun);
                return copier.run(&received);
            }
            copier.marks
        };
        let thread = thread::Builder::new()
            .name("checkpoint".to_owned())
            .spawn(run)
            .map_err(|error| OpenProblem::Failed(format!("no thread: {error}")))?;
        Ok(Checkpointer {
            requests,
            thread,
            has_begun: false,
            log_bytes,
            commits,
            erase,
            is_lost,
            wake_at: limits::CHECKPOINT_BYTES,
            settle_at: limits::WAL_BYTES,
        })
    }

    /// Lets it mark, copy and erase. When this returns, a log that is taken away is missed.
    pub(super) fn begin(&mut self) {
        let (begun, is_noted) = bounded::<()>(0);
        if self.requests.send(Request::Begin(begun)).is_ok() {
            let _ = is_noted.recv(); // nothing is ever sent: the other end is gone
        }
        self.has_begun = true;
    }

    /// Has another connection's commits counted.
    pub(super) fn count_commits_of(&self, db: &mut Connection) -> rusqlite::Result<()> {
        let commits = self.commits.clone();
        db.wal_hook(Some(move |_: &mut _, _: std::ffi::c_int| {
            commits.fetch_add(1, Ordering::Release);
            Ok(())
        }))
    }

    /// Whether what is written now would be found by nobody: the database was moved or removed.
    pub(super) fn is_lost(&self) -> bool {
        self.is_lost.load(Ordering::Acquire)
    }

    /// After each commit of the writer's: wakes the thread if there is enough to do.
    pub(super) fn committed(&mut self, deleted: bool) {
        let bytes = self.log_bytes.load(Ordering::Relaxed);
        if bytes < limits::CHECKPOINT_BYTES {
            // It has started over.
            self.wake_at = limits::CHECKPOINT_BYTES;
            self.settle_at = limits::WAL_BYTES;
        }
        if deleted {
            self.erase.store(true, Ordering::Release);
        }
        if deleted || bytes >= self.wake_at {
            self.wake_at = bytes + limits::CHECKPOINT_BYTES;
            // Full means that the thread is about to look anyway.
            let _ = self.requests.try_send(Request::Copy);
        }
    }

    /// See [`super::Store::settle`].
    pub(super) fn settle(&mut self) -> Duration {
        let bytes = self.log_bytes.load(Ordering::Relaxed);
        if bytes < self.settle_at {
            return Duration::ZERO;
        }
        let started = Instant::now();
        let deadline = started + limits::SETTLE;
        let (answer, answered) = bounded(1);
        let caught_up = self.requests.send_deadline(Request::CatchUp(answer), deadline).is_ok()
            && answered.recv_deadline(deadline).unwrap_or(false);
        if !caught_up {
            // Somebody reads from an old part of the log and keeps the rest from being copied. The room does not wait
            // for them again until there is as much once more.
            self.settle_at = bytes + limits::WAL_BYTES;
            log::warn!(
                "the database's write-ahead log has grown to {} MB: another program is reading the database, or \
                 the disk is slow",
                bytes >> 20
            );
        }
        started.elapsed()
    }

    /// Ends the thread, waits for it, and then leaves the database in one file, by a last checkpoint on the writer's connection:
    /// unless it has never begun.
    pub(super) fn end(self, writer: &Connection) {
        drop(self.requests);
        let finished = self.thread.join().map_err(|_| "its thread had panicked".to_owned());
        if !self.has_begun {
            return;
        }
        let finished = finished.and_then(|marks| finish(writer, marks).map_err(|error| error.to_string()));
        if let Err(error) = finished {
            log::warn!("the database keeps a write-ahead log beside it, which belongs to it: {error}");
        }
    }
}

/// The thread's side.
struct Copier {
    db: Connection,
    marks: Marks,
    commits: Arc<AtomicU64>,
    erase: Arc<AtomicBool>,
    is_lost: Arc<AtomicBool>,
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
    fn run(mut self, requests: &Receiver<Request>) -> Marks {
        let (mut retry, longest) = limits::RETRY_ERASE;
        // Those who start the room write first.
        let mut look_at = Instant::now() + limits::QUIET;
        let mut erase_at = look_at;
        loop {
            let erases = self.erase.load(Ordering::Acquire);
            match requests.recv_deadline(if erases { erase_at.min(look_at) } else { look_at }) {
                Ok(Request::CatchUp(answer)) => {
                    let caught_up = self.catch_up(Instant::now() + limits::SETTLE);
                    // Nobody to hear it: the writer's deadline has passed.
                    let _ = answer.try_send(caught_up);
                }
                Ok(Request::Copy) => self.copy(),
                Ok(Request::Begin(_)) => {}
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return self.marks,
            }
            if Instant::now() >= look_at {
                self.look();
                look_at = Instant::now() + limits::QUIET;
            }
            if self.erase.load(Ordering::Acquire) && Instant::now() >= erase_at {
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
        if is_lost && !self.is_lost.swap(is_lost, Ordering::AcqRel) {
            log::error!(
                "the database was moved or removed, or another file is in its place: what is said now would be lost, and is refused. \
                 Put the file back, or stop the room and start it again with the file that is there"
            );
        }
        self.is_lost.store(is_lost, Ordering::Release);
        if !self.marks.has_log() {
            self.mark();
        }
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
        all
    }

    /// Whether something was committed since the last mark. A program that starts the log over by itself writes a row of its own
    /// then (Litestream): were that marked, the two would go on for ever.
    fn has_more_than_its_mark(&self) -> bool {
        let Some((commits, version)) = self.marked else { return true };
        commits != self.commits.load(Ordering::Acquire)
            || self.version() != Ok(version) && !self.marks.log_has_started_over()
    }

    /// Commits the next mark, in the moment between two turns, if there is one; returns whether there was. A full disk takes no mark,
    /// and the log has to be copied there all the same.
    fn mark(&mut self) -> bool {
        let before = (self.commits.load(Ordering::Acquire), self.version().unwrap_or_default());
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
        self.erase.store(false, Ordering::Release);
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
            self.erase.store(true, Ordering::Release);
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

/// The last checkpoint.
fn finish(writer: &Connection, mut marks: Marks) -> Result<(), Box<dyn Error>> {
    writer.busy_timeout(limits::STORE_BUSY_ASIDE)?;
    // A full disk takes no mark, and the last one does.
    if let Ok(mark) = marks.write(writer) {
        marks.written(mark, head(writer)?)?;
    }
    marks.log_may_go(true)?;
    let emptied = writer.wal_checkpoint_v2(Some(MAIN_DB), CheckpointMode::TRUNCATE);
    if emptied.is_err() {
        marks.log_may_go(false)?;
    }
    Ok(emptied.map(drop)?)
}
