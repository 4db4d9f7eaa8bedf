//! The time of day.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::limits;
use crate::sys::failpoint;

/// Milliseconds since 1970 by this machine's clock, which may jump either way: for what has to survive a restart. How long
/// something took is measured by [`std::time::Instant`], and the log's times come from a [`LogClock`].
pub(crate) fn wall_clock_ms() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_millis() as i64;
    now - failpoint::clock_is_behind_ms()
}

/// The times of a log: the machine's, but for small steps back, at which they hold still. So a clock that is corrected a
/// little now and then turns nothing around; one that was set back by more is believed, since it was wrong before.
#[derive(Debug)]
pub(crate) struct LogClock {
    last_ms: i64,
}

impl LogClock {
    /// For a log whose newest entry has this time.
    pub(crate) fn after(last_ms: i64) -> LogClock {
        LogClock { last_ms }
    }

    /// Milliseconds since 1970.
    pub(crate) fn now_ms(&mut self) -> i64 {
        self.read(wall_clock_ms())
    }

    fn read(&mut self, wall_ms: i64) -> i64 {
        let back_ms = self.last_ms.saturating_sub(wall_ms);
        if back_ms <= 0 {
            self.last_ms = wall_ms;
        } else if back_ms > limits::CLOCK_HOLD.as_millis() as i64 {
            log::warn!(
                "this computer's clock was set back by {} seconds: what is said from now on has earlier times than what was said before",
                back_ms / 1000
            );
            self.last_ms = wall_ms;
        }
        self.last_ms
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_steps_back_hold_the_time_and_large_ones_are_taken() {
        const MINUTE_MS: i64 = 60_000;
        let start = 1_795_420_931_789;
        let mut clock = LogClock::after(start);
        for (wall_ms, expected) in [
            (start - 1, start),
            (start + 5, start + 5),
            (start - 30_000, start + 5),
            (start + 5 - MINUTE_MS, start + 5),
            (start + 4 - MINUTE_MS, start + 4 - MINUTE_MS),
            (start + 3 - MINUTE_MS, start + 4 - MINUTE_MS),
            (start + 7_200_000, start + 7_200_000),
            (0, 0),
            (1, 1),
            (start, start),
        ] {
            assert_eq!(clock.read(wall_ms), expected, "{}", wall_ms - start);
        }
        assert_eq!(LogClock::after(i64::MAX).read(start), start, "a time of no calendar");
    }
}
