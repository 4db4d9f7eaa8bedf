//! Log lines on stderr, none of which can end the room.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};

use log::{LevelFilter, Log, Metadata, Record};
use simple_logger::SimpleLogger;

/// `simple_logger` prints with `eprintln!`, which panics once the terminal is closed; in the hub's thread that would
/// end the server. Here the first such panic is the last line that was tried.
struct Unbreakable {
    inner: SimpleLogger,
    broken: AtomicBool,
}

impl Log for Unbreakable {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.inner.enabled(metadata)
    }

    fn log(&self, record: &Record<'_>) {
        if !self.broken.load(Ordering::Relaxed)
            && catch_unwind(AssertUnwindSafe(|| self.inner.log(record))).is_err()
        {
            self.broken.store(true, Ordering::Relaxed);
        }
    }

    fn flush(&self) {
        self.inner.flush();
    }
}

/// Starts logging: at the level of the flag, else of `RUST_LOG`, else `info`.
///
/// The libraries are kept to warnings whatever the level: at `trace` they would print what people write.
pub fn start(flag: Option<LevelFilter>) {
    let level = flag.or_else(|| std::env::var("RUST_LOG").ok()?.parse().ok()).unwrap_or(LevelFilter::Info);
    let quiet = level.min(LevelFilter::Warn);
    let inner = SimpleLogger::new()
        .with_level(level)
        .with_module_level("tungstenite", quiet)
        .with_module_level("tiny_http", quiet)
        .with_utc_timestamps();
    if log::set_boxed_logger(Box::new(Unbreakable { inner, broken: AtomicBool::new(false) })).is_ok() {
        log::set_max_level(level);
    }
}
