//! How much of the machine a thread asks for.

/// Lets every other thread of the machine go before this one. A thread has a priority of its own on Linux and Windows; on a Mac
/// the system's fair share has to do.
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

#[cfg(windows)]
fn lower() -> std::io::Result<()> {
    use thread_priority::{ThreadPriority, WinAPIThreadPriority, set_current_thread_priority};
    let lower = ThreadPriority::Os(WinAPIThreadPriority::BelowNormal.into());
    set_current_thread_priority(lower).map_err(|error| std::io::Error::other(format!("{error:?}")))
}

#[cfg(not(any(target_os = "linux", windows)))]
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
