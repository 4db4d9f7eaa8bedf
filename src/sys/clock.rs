//! The time of day.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::sys::failpoint;

/// Milliseconds since 1970 by this machine's clock, which may jump either way. Times that must not jump are measured by
/// [`std::time::Instant`], or go through [`crate::hub::log_writer::LogWriter::now_ms`].
pub(crate) fn wall_clock_ms() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_millis() as i64;
    now - failpoint::clock_is_behind_ms()
}
