//! Log lines on stderr, which can neither end the room nor hold it up.
//!
//! `simple_logger` writes with `eprintln!`: that panics once the terminal is closed, and blocks while nobody reads the
//! pipe or a terminal is held with Ctrl-S. In the hub's thread either would be the end of the room. So lines are handed
//! to a thread of their own; the few that it cannot take in time are counted and dropped.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use crossbeam_channel::{Receiver, Sender, bounded};
use log::{Level, LevelFilter, Log, Metadata, Record};
use simple_logger::SimpleLogger;

use crate::limits;

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

struct Lines {
    /// Decides which lines there are; the thread has one of its own to write them.
    filter: SimpleLogger,
    entries: Sender<Entry>,
    dropped: &'static AtomicU64,
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
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn flush(&self) {
        let deadline = Instant::now() + limits::LOG_FLUSH;
        let (done, written) = bounded(1);
        if self.entries.send_deadline(Entry::Flush(done), deadline).is_ok() {
            let _ = written.recv_deadline(deadline); // nobody reads stderr: the process ends without
        }
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
    static DROPPED: AtomicU64 = AtomicU64::new(0);
    let level = flag.or_else(|| std::env::var("RUST_LOG").ok()?.parse().ok()).unwrap_or(LevelFilter::Info);
    let quiet = level.min(LevelFilter::Warn);
    let logger = || {
        SimpleLogger::new()
            .with_level(level)
            .with_module_level("tungstenite", quiet)
            .with_module_level("tiny_http", quiet)
            .with_utc_timestamps()
    };
    let (entries, received) = bounded(limits::LOG_LINES);
    let writer = logger();
    thread::Builder::new().name("log".into()).spawn(move || write(&writer, &received, &DROPPED))?;
    if log::set_boxed_logger(Box::new(Lines { filter: logger(), entries, dropped: &DROPPED })).is_ok() {
        log::set_max_level(level);
    }
    Ok(())
}

/// Writes line after line. A line that panics went to a closed stderr; so will all others, and they are let go.
fn write(logger: &SimpleLogger, entries: &Receiver<Entry>, dropped: &AtomicU64) {
    let print = |level: Level, target: &str, text: &str| {
        let line = || {
            logger.log(&Record::builder().level(level).target(target).args(format_args!("{text}")).build());
        };
        let _ = catch_unwind(AssertUnwindSafe(line));
    };
    for entry in entries {
        match entry {
            Entry::Line { level, target, text } => print(level, &target, &text),
            Entry::Flush(done) => drop(done.send(())),
        }
        let lost = dropped.swap(0, Ordering::Relaxed);
        if lost > 0 {
            print(Level::Warn, module_path!(), &format!("{lost} log lines were dropped: stderr is not read"));
        }
    }
}
