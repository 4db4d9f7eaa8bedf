//! Fault points: places where a development build breaks on demand, so that a test can show what survives it.
//!
//! `CHAT_APP_FAULT` names the point, and a message with [`TRIGGER`] in it sets it off. A release build has none of
//! this.

/// What a message has to contain.
pub const TRIGGER: &str = "fault!";

/// Breaks here if this point is armed and `text` has the trigger in it: `after_commit` and `between_writes` kill the
/// process as a power cut would, `hub` and `client` panic.
#[cfg(debug_assertions)]
pub fn hit(point: &str, text: impl AsRef<[u8]>) {
    use std::sync::OnceLock;
    static ARMED: OnceLock<Option<String>> = OnceLock::new();
    if ARMED.get_or_init(|| std::env::var("CHAT_APP_FAULT").ok()).as_deref() != Some(point) {
        return;
    }
    if text.as_ref().windows(TRIGGER.len()).any(|window| window == TRIGGER.as_bytes()) {
        match point {
            "after_commit" | "between_writes" => std::process::abort(),
            _ => panic!("fault point '{point}'"),
        }
    }
}

/// Nothing, in a release build.
#[cfg(not(debug_assertions))]
#[inline(always)]
pub fn hit(_point: &str, _text: impl AsRef<[u8]>) {}
