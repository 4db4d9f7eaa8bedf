//! What the tests stand on: a server of their own for each, clients that speak the protocol and remember what they
//! were told, the real binary as a process that can be killed.
//!
//! Nothing here sleeps. Whatever has to happen is waited for with a deadline that only a failure reaches, so a
//! busy machine makes the tests slower and never wrong.

#[cfg(unix)]
mod browser;
#[cfg(unix)]
mod chromium;
mod client;
#[cfg(unix)]
mod devtools;
#[cfg(unix)]
mod engine;
#[cfg(unix)]
mod firefox;
#[cfg(unix)]
mod footprint;
mod http;
mod knock;
mod long_log;
#[cfg(unix)]
mod notes;
#[cfg(unix)]
mod npm;
#[cfg(unix)]
mod old_chromium;
#[cfg(unix)]
mod page;
mod places;
mod process;
#[cfg(target_os = "linux")]
mod proxies;
mod random;
mod server;
#[cfg(unix)]
mod tab;
mod view;
#[cfg(unix)]
mod webkit;
#[cfg(unix)]
mod wire;

use std::net::SocketAddr;
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

#[cfg(unix)]
pub use browser::{Browser, Finger, Scheme, Size, clipboard, on_ci};
pub use client::{Ended, TestClient};
#[cfg(unix)]
pub use engine::{Engine, run_in};
#[cfg(unix)]
pub use footprint::Footprint;
pub use http::{Response, get, http, try_http};
pub use knock::Knock;
pub use long_log::{Texts, long_log};
#[cfg(unix)]
pub use npm::from_npm;
#[cfg(unix)]
pub use page::Page;
pub use places::crowd;
#[cfg(target_os = "linux")]
pub use process::Output;
#[cfg(unix)]
pub use process::Signal;
pub use process::{Process, free_port, program};
#[cfg(target_os = "linux")]
pub use proxies::{configuration, installed, start_nginx, wait_until_open};
pub use random::Random;
pub use server::TestServer;
pub use view::View;

/// How long anything may take before the test fails: far beyond what a loaded machine needs.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// The name of the log in the room at `addr`.
pub fn epoch(addr: SocketAddr) -> String {
    TestClient::connect(addr).epoch()
}

/// Arms a fault point of the room that this command opens: a message with the trigger in it sets it off.
pub fn armed<'a>(command: &'a mut Command, point: &str) -> &'a mut Command {
    command.env("CHAT_APP_FAULT", point)
}

/// A key as a browser makes it, the same for the same name.
pub fn key(name: &str) -> String {
    format!("{:-<24}", name.replace(' ', "-"))
}

/// Whatever another test's panic has left is still worth reading.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
