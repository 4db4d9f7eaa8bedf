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
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Sender, bounded};
use rusqlite::{Connection, MAIN_DB, wal::CheckpointMode};

use super::copier::{Copier, Request, Shared};
use super::error::OpenProblem;
use super::mark::Marks;
use super::positions::head;
use super::schema;
use crate::limits;

/// The writer's side of the thread, which ends with [`Checkpointer::end`].
#[derive(Debug)]
pub(super) struct Checkpointer {
    requests: Sender<Request>,
    thread: JoinHandle<Marks>,
    has_begun: bool,
    shared: Arc<Shared>,
    /// Bytes in the log when it was looked last.
    seen_bytes: usize,
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
        let shared = Arc::new(Shared::default());
        shared.erase.store(left_over || marks.need_another_log(), Ordering::Release);
        let committed = shared.clone();
        writer.wal_hook(Some(move |_: &mut _, pages: std::ffi::c_int| {
            committed.log_bytes.store(usize::try_from(pages).unwrap_or(0) * page as usize, Ordering::Relaxed);
            committed.commits.fetch_add(1, Ordering::Release);
            Ok(())
        }))?;
        // One place: a second wake-up would tell nothing that the first does not.
        let (requests, received) = bounded(1);
        let copier = Copier::new(db, marks, shared.clone());
        let thread = thread::Builder::new()
            .name("checkpoint".to_owned())
            .spawn(move || copier.run(&received))
            .map_err(|error| OpenProblem::Failed(format!("no thread: {error}")))?;
        Ok(Checkpointer {
            requests,
            thread,
            has_begun: false,
            shared,
            seen_bytes: 0,
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
        let shared = self.shared.clone();
        db.wal_hook(Some(move |_: &mut _, _: std::ffi::c_int| {
            shared.commits.fetch_add(1, Ordering::Release);
            Ok(())
        }))
    }

    /// Whether what is written now would be found by nobody: the database was moved or removed.
    pub(super) fn is_lost(&self) -> bool {
        self.shared.is_lost.load(Ordering::Acquire)
    }

    /// After each commit of the writer's: wakes the thread if there is enough to do.
    pub(super) fn committed(&mut self, deleted: bool) {
        let bytes = self.shared.log_bytes.load(Ordering::Relaxed);
        if bytes <= std::mem::replace(&mut self.seen_bytes, bytes) {
            self.wake_at = limits::CHECKPOINT_BYTES;
            self.settle_at = limits::WAL_BYTES;
            let _ = self.requests.try_send(Request::Mark);
        }
        if deleted {
            self.shared.erase.store(true, Ordering::Release);
        }
        if deleted || bytes >= self.wake_at {
            self.wake_at = bytes + limits::CHECKPOINT_BYTES;
            // Full means that the thread is about to look anyway.
            let _ = self.requests.try_send(Request::Copy);
        }
    }

    /// See [`super::Store::settle`].
    pub(super) fn settle(&mut self) -> Duration {
        let bytes = self.shared.log_bytes.load(Ordering::Relaxed);
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
