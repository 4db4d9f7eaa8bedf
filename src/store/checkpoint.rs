//! The write-ahead log: what is in it has to be copied into the database now and then, or it grows for ever.
//!
//! A thread of its own copies, since that takes up to some hundred milliseconds. It works beside the writer
//! (`PASSIVE`) and sleeps until a commit wakes it. The log starts over with the first commit that finds all of it
//! copied; in a flood no commit ever does, and the hub has to pause for it ([`Checkpointer::settle`]).
//!
//! Deleted text lives on in the log after the database has forgotten it. So after a deletion the log is emptied
//! (`TRUNCATE`), which needs a moment without writers and readers, and is tried until there is one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use rusqlite::{Connection, ErrorCode, MAIN_DB, wal::CheckpointMode};

use super::error::OpenProblem;
use super::schema;
use crate::limits;

#[derive(Debug)]
enum Request {
    /// The log has grown, or has text to erase.
    Copy,
    /// Copy all of it while nobody writes, and say whether that was possible.
    CatchUp(Sender<bool>),
}

/// The writer's side of the thread. Dropping it ends the thread and waits for it.
#[derive(Debug)]
pub(super) struct Checkpointer {
    requests: Option<Sender<Request>>,
    thread: Option<JoinHandle<()>>,
    /// Bytes in the log as of the writer's last commit.
    log_bytes: Arc<AtomicUsize>,
    /// The thread has deleted text to erase from the log.
    erase: Arc<AtomicBool>,
    /// The thread is woken when the log is this long.
    wake_at: usize,
    /// The writer pauses when the log is this long.
    settle_at: usize,
}

impl Checkpointer {
    /// Starts the thread on its own connection, for what `writer` commits. What is `left_over` in the log from a crash
    /// may hold deleted text.
    pub(super) fn start(
        db: Connection,
        writer: &mut Connection,
        left_over: bool,
    ) -> Result<Checkpointer, OpenProblem> {
        schema::set_up_writing(&db)?;
        // It asks again by itself, and must not keep a lock that the hub waits for.
        db.busy_timeout(Duration::ZERO)?;
        let page: u32 = writer.pragma_query_value(None, "page_size", |row| row.get(0))?;
        let log_bytes = Arc::new(AtomicUsize::new(0));
        let seen = log_bytes.clone();
        writer.wal_hook(Some(move |_: &mut _, pages: std::ffi::c_int| {
            seen.store(usize::try_from(pages).unwrap_or(0) * page as usize, Ordering::Relaxed);
            Ok(())
        }))?;
        let erase = Arc::new(AtomicBool::new(left_over));
        // One place: a second wake-up would tell nothing that the first does not.
        let (requests, received) = bounded(1);
        let copier = Copier { db, erase: erase.clone(), failing: false };
        let thread = thread::Builder::new()
            .name("checkpoint".to_owned())
            .spawn(move || copier.run(&received))
            .map_err(|error| OpenProblem::Failed(format!("no thread: {error}")))?;
        Ok(Checkpointer {
            requests: Some(requests),
            thread: Some(thread),
            log_bytes,
            erase,
            wake_at: limits::CHECKPOINT_BYTES,
            settle_at: limits::WAL_BYTES,
        })
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
            if let Some(requests) = &self.requests {
                // Full means that the thread is about to look anyway.
                let _ = requests.try_send(Request::Copy);
            }
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
        let caught_up = self.requests.as_ref().is_some_and(|requests| {
            requests.send_deadline(Request::CatchUp(answer), deadline).is_ok()
                && answered.recv_deadline(deadline).unwrap_or(false)
        });
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
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        self.requests = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The thread's side.
struct Copier {
    db: Connection,
    erase: Arc<AtomicBool>,
    failing: bool,
}

impl Copier {
    fn run(mut self, requests: &Receiver<Request>) {
        let (mut retry, longest) = limits::RETRY_ERASE;
        let mut erase_at = Instant::now();
        loop {
            let request = if self.erase.load(Ordering::Acquire) {
                requests.recv_deadline(erase_at)
            } else {
                requests.recv().map_err(|_| RecvTimeoutError::Disconnected)
            };
            match request {
                Ok(Request::CatchUp(answer)) => {
                    let caught_up = self.catch_up(Instant::now() + limits::SETTLE);
                    // Nobody to hear it: the writer's deadline has passed.
                    let _ = answer.try_send(caught_up);
                }
                Ok(Request::Copy) => {
                    self.copy();
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
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

    /// Copies what can be copied. Returns whether that was all.
    fn copy(&mut self) -> bool {
        let copied = self.db.wal_checkpoint_v2(Some(MAIN_DB), CheckpointMode::PASSIVE);
        let all = matches!(copied, Ok((log, copied)) if log == copied);
        self.report(copied.err());
        all
    }

    fn catch_up(&mut self, deadline: Instant) -> bool {
        while !self.copy() {
            if self.failing || Instant::now() >= deadline {
                return false;
            }
            // A reader is on its page still.
            thread::sleep(limits::RETRY_ERASE.0);
        }
        true
    }

    /// Empties the log if nobody is using it. Returns whether it did.
    fn erase(&mut self) -> bool {
        // Cleared first: a deletion that is committed while the log is being emptied asks again.
        self.erase.store(false, Ordering::Release);
        // Most of it beside the writer, the rest under its lock.
        let erased = self.copy() && {
            let emptied = self.db.wal_checkpoint_v2(Some(MAIN_DB), CheckpointMode::TRUNCATE);
            let erased = emptied.is_ok();
            self.report(emptied.err());
            erased
        };
        if !erased {
            self.erase.store(true, Ordering::Release);
        }
        erased
    }

    /// One line when the disk begins to fail and one when it works again, however often it is tried.
    fn report(&mut self, error: Option<rusqlite::Error>) {
        let error = error.filter(|error| error.sqlite_error_code() != Some(ErrorCode::DatabaseBusy));
        match (&error, self.failing) {
            (Some(error), false) => log::error!("the database's write-ahead log can't be copied: {error}"),
            (None, true) => log::info!("the database's write-ahead log is copied again"),
            _ => {}
        }
        self.failing = error.is_some();
    }
}

/// The last checkpoint, on the writer's connection: leaves the database in one file.
pub(super) fn finish(db: &Connection) {
    let finished = db
        .busy_timeout(limits::STORE_BUSY_ASIDE)
        .and_then(|()| db.wal_checkpoint_v2(Some(MAIN_DB), CheckpointMode::TRUNCATE));
    if let Err(error) = finished {
        log::warn!("the database keeps a write-ahead log beside it, which belongs to it: {error}");
    }
}
