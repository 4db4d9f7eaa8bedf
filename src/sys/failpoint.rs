//! Fault points: places where a development build breaks on demand, so that a test can show what survives it.
//!
//! `CHAT_APP_FAULT` names the point, and a message (for `page`, a request's target) with [`TRIGGER`] in it sets it off. A
//! release build has none of this.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

/// A message with this in it breaks the armed point.
pub const TRIGGER: &str = "fault!";

static CLOCK_IS_BEHIND: AtomicBool = AtomicBool::new(false);

/// Breaks here if this point is armed and `text` has the trigger in it: `after_commit` and `between_writes` kill the
/// process as a power cut would, `clock` sets [`clock_is_behind_ms`], all others panic.
#[inline]
pub(crate) fn hit(point: &str, text: impl AsRef<[u8]>) {
    static ARMED: OnceLock<Option<String>> = OnceLock::new();
    if !cfg!(debug_assertions)
        || ARMED.get_or_init(|| std::env::var("CHAT_APP_FAULT").ok()).as_deref() != Some(point)
    {
        return;
    }
    if text.as_ref().windows(TRIGGER.len()).any(|window| window == TRIGGER.as_bytes()) {
        match point {
            "after_commit" | "between_writes" => std::process::abort(),
            "clock" => CLOCK_IS_BEHIND.store(true, Ordering::Relaxed),
            _ => panic!("fault point '{point}'"),
        }
    }
}

/// How far the machine's clock has jumped back: two hours, once `clock` was hit.
pub(crate) fn clock_is_behind_ms() -> i64 {
    if cfg!(debug_assertions) && CLOCK_IS_BEHIND.load(Ordering::Relaxed) { 2 * 60 * 60 * 1000 } else { 0 }
}
