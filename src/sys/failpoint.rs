//! Fault points: places where a development build breaks on demand, so that a test can show what survives it.
//!
//! `CHAT_APP_FAULT` names the point, and a message (for `page`, a request's target) with [`TRIGGER`] in it sets it off. A
//! release build has none of this.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicI64, Ordering};

/// A message with this in it breaks the armed point.
pub const TRIGGER: &str = "fault!";

static CLOCK_IS_BEHIND_SECONDS: AtomicI64 = AtomicI64::new(0);

/// Breaks here if this point is armed and `text` has the trigger in it: `after_commit` and `between_writes` kill the
/// process as a power cut would, `clock` sets [`clock_is_behind_ms`] to the number of seconds after the trigger, all others panic.
#[inline]
pub(crate) fn hit(point: &str, text: impl AsRef<[u8]>) {
    static ARMED: OnceLock<Option<String>> = OnceLock::new();
    if !cfg!(debug_assertions)
        || ARMED.get_or_init(|| std::env::var("CHAT_APP_FAULT").ok()).as_deref() != Some(point)
    {
        return;
    }
    let text = text.as_ref();
    if let Some(at) = text.windows(TRIGGER.len()).position(|window| window == TRIGGER.as_bytes()) {
        match point {
            "after_commit" | "between_writes" => std::process::abort(),
            "clock" => {
                let digits =
                    text[at + TRIGGER.len()..].iter().map_while(|byte| char::from(*byte).to_digit(10));
                let seconds = digits.fold(0, |number, digit| number * 10 + i64::from(digit));
                CLOCK_IS_BEHIND_SECONDS.store(seconds, Ordering::Relaxed);
            }
            _ => panic!("fault point '{point}'"),
        }
    }
}

/// How far the machine's clock has jumped back.
pub(crate) fn clock_is_behind_ms() -> i64 {
    if cfg!(debug_assertions) { CLOCK_IS_BEHIND_SECONDS.load(Ordering::Relaxed) * 1000 } else { 0 }
}
