//! How much of the machine a thread asks for.

/// Lets every other thread of the machine go before this one.
pub(crate) fn step_back() {
    if let Err(error) = lower() {
        log::debug!("a thread keeps the same priority as everything else: {error}");
    }
}

#[cfg(target_os = "linux")]
fn lower() -> std::io::Result<()> {
    let thread = rustix::thread::gettid();
    Ok(rustix::process::setpriority_process(Some(thread), crate::limits::PASSWORD_NICENESS)?)
}

#[cfg(any(windows, target_os = "macos"))]
fn lower() -> std::io::Result<()> {
    use thread_priority::{ThreadPriority, set_current_thread_priority};
    #[cfg(windows)]
    let lower = ThreadPriority::Os(thread_priority::WinAPIThreadPriority::BelowNormal.into());
    #[cfg(target_os = "macos")]
    let lower = ThreadPriority::Min; // of those that are no real-time thread's
    set_current_thread_priority(lower).map_err(|error| std::io::Error::other(format!("{error:?}")))
}

#[cfg(not(any(target_os = "linux", target_os = "macos", windows)))]
fn lower() -> std::io::Result<()> {
    Ok(())
}

#[cfg(all(test, windows))]
mod tests {
    use super::*;

    #[test]
    fn a_thread_steps_back() {
        use thread_priority::{ThreadPriority, WinAPIThreadPriority, get_current_thread_priority};
        std::thread::spawn(|| {
            lower().expect("a thread may lower its own");
            let now = get_current_thread_priority().expect("a priority");
            assert_eq!(now, ThreadPriority::Os(WinAPIThreadPriority::BelowNormal.into()));
        })
        .join()
        .expect("no panic");
    }
}
