//! Log lines on stderr, which can neither end the room nor hold it up.
//!
//! `simple_logger` writes with `eprintln!`: that panics once the terminal is closed, and blocks while nobody reads the
//! pipe or a terminal is held with Ctrl-S. In the hub's thread either would be the end of the room. So lines are handed
//! to a thread of their own; the few that it cannot take in time are counted and dropped.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::panic::{self, AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use jiff::Timestamp;
use log::{Level, LevelFilter, Log, Metadata, Record};
use simple_logger::SimpleLogger;

use crate::limits;

/// The name of the thread that writes.
const THREAD: &str = "log";

/// What the logging thread is handed.
enum Entry {
    Line {
        level: Level,
        target: String,
        text: String,
    },
    /// Answered when all lines before it are written.
    Flush(Sender<()>),
}

/// What the logging thread and those who hand it lines know of each other.
#[derive(Default)]
struct Progress {
    /// Lines that did not fit the queue and have not been counted aloud.
    dropped: AtomicU64,
    /// The thread is in the middle of a line: still so after a while means that nobody reads.
    is_writing: AtomicBool,
}

struct Lines {
    /// Decides which lines there are; the thread has one of its own to write them.
    filter: SimpleLogger,
    entries: Sender<Entry>,
    progress: Arc<Progress>,
}

impl Log for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.filter.enabled(metadata)
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        let (level, target) = (record.level(), record.target().to_owned());
        let line = Entry::Line { level, target, text: record.args().to_string() };
        if self.entries.try_send(line).is_err() {
            self.progress.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn flush(&self) {
        let until = Instant::now() + limits::LOG_FLUSH;
        let (done, written) = bounded(1);
        let _ = self.entries.send_timeout(Entry::Flush(done), limits::LOG_STALL); // full: nobody reads
        // On a busy machine the thread waits for a core, which it gets; a line that nobody takes is not waited for.
        while written.recv_timeout(limits::LOG_STALL) == Err(RecvTimeoutError::Timeout)
            && !self.progress.is_writing.load(Ordering::Relaxed)
            && Instant::now() < until
        {}
    }
}

/// Starts logging: at the level of the flag, else of `RUST_LOG`, else `info`. Call `log::logger().flush()` before the
/// process ends.
///
/// The libraries are kept to warnings whatever the level: at `trace` they would print what people write.
///
/// # Errors
/// When the system gives no thread.
pub fn start(flag: Option<LevelFilter>) -> std::io::Result<()> {
    let level = flag.or_else(|| std::env::var("RUST_LOG").ok()?.parse().ok()).unwrap_or(LevelFilter::Info);
    let quiet = level.min(LevelFilter::Warn);
    let has_times = !is_journal();
    let logger = || {
        SimpleLogger::new()
            .with_level(level)
            .with_module_level("tungstenite", quiet)
            .with_module_level("tiny_http", quiet)
    };
    let (entries, received) = bounded(limits::LOG_LINES);
    let (writer, progress) = (logger(), Arc::new(Progress::default()));
    let lines = Lines { filter: logger(), entries, progress: progress.clone() };
    thread::Builder::new()
        .name(THREAD.into())
        .spawn(move || write(&writer, has_times, &received, &progress))?;
    if log::set_boxed_logger(Box::new(lines)).is_ok() {
        log::set_max_level(level);
    }
    panic::set_hook(Box::new(log_panic));
    Ok(())
}

/// Whether stderr is systemd's journal, which has a time for each line.
fn is_journal() -> bool {
    #[cfg(unix)]
    return std::env::var("JOURNAL_STREAM").is_ok_and(|journal| {
        rustix::fs::fstat(std::io::stderr())
            .is_ok_and(|stderr| journal == format!("{}:{}", stderr.st_dev, stderr.st_ino))
    });
    #[cfg(not(unix))]
    false
}

/// A panic goes the way of all lines. The thread itself could stand in the writing for ever, and the hub's panic would
/// leave a room that looks open.
fn log_panic(panic: &PanicHookInfo<'_>) {
    let thread = thread::current();
    let name = thread.name().unwrap_or("without a name");
    let backtrace = Backtrace::capture();
    match backtrace.status() {
        _ if name == THREAD => {} // stderr is closed: nobody is there to be told
        BacktraceStatus::Captured => log::error!("thread '{name}' {panic}\n{backtrace}"),
        _ => log::error!("thread '{name}' {panic}"),
    }
}

/// Writes line after line. A line that panics went to a closed stderr; so will all others, and they are let go. The times are ours:
/// the logger's own may be local, for which a static binary carries another calendar and the C library's time zones.
fn write(logger: &SimpleLogger, has_times: bool, entries: &Receiver<Entry>, progress: &Progress) {
    let print = |level: Level, target: &str, text: &str| {
        let line = || {
            if has_times {
                eprint!("{} ", Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S%.3fZ"));
            }
            logger.log(&Record::builder().level(level).target(target).args(format_args!("{text}")).build());
        };
        progress.is_writing.store(true, Ordering::Relaxed);
        let _ = catch_unwind(AssertUnwindSafe(line));
        progress.is_writing.store(false, Ordering::Relaxed);
    };
    for entry in entries {
        match entry {
            Entry::Line { level, target, text } => print(level, &target, &text),
            Entry::Flush(done) => drop(done.send(())),
        }
        let lost = progress.dropped.swap(0, Ordering::Relaxed);
        if lost > 0 {
            print(Level::Warn, module_path!(), &format!("{lost} log lines were dropped: stderr is not read"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines whose thread is the test.
    fn lines() -> (Lines, Receiver<Entry>) {
        let (entries, received) = bounded(limits::LOG_LINES);
        (Lines { filter: SimpleLogger::new(), entries, progress: Arc::default() }, received)
    }

    #[test]
    fn a_thread_that_gets_no_core_for_long_still_writes_the_last_line() {
        let (lines, received) = lines();
        thread::scope(|scope| {
            let flush = scope.spawn(|| lines.flush());
            let last = received.recv().expect("a flush");
            let (_busy, core) = bounded::<()>(0);
            let _ = core.recv_timeout(2 * limits::LOG_STALL);
            assert!(!flush.is_finished(), "the last line is not written yet");
            let Entry::Flush(done) = last else { panic!("nothing else was logged") };
            done.send(()).expect("it is waited for");
        });
    }

    #[test]
    fn a_line_that_nobody_reads_does_not_hold_up_the_end() {
        let (lines, _received) = lines();
        lines.progress.is_writing.store(true, Ordering::Relaxed);
        let begin = Instant::now();
        lines.flush();
        assert!(begin.elapsed() < limits::LOG_FLUSH, "{:?}", begin.elapsed());
    }
}
