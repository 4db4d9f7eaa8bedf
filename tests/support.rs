//! What the tests stand on: a server of their own for each, clients that speak the protocol and remember what they
//! were told, the real binary as a process that can be killed.
//!
//! Nothing here sleeps. Whatever has to happen is waited for with a deadline that only a failure reaches, so a
//! busy machine makes the tests slower and never wrong.

#[cfg(unix)]
mod browser;
mod client;
#[cfg(unix)]
mod devtools;
#[cfg(unix)]
mod footprint;
mod http;
mod knock;
#[cfg(unix)]
mod page;
mod process;
mod random;
mod server;
#[cfg(unix)]
mod tab;
mod view;

use std::time::Duration;

#[cfg(unix)]
pub use browser::{Browser, Scheme, Size, clipboard, on_ci};
pub use client::{Ended, TestClient};
#[cfg(unix)]
pub use footprint::Footprint;
pub use http::{Response, get, http, try_http};
pub use knock::Knock;
#[cfg(unix)]
pub use page::Page;
#[cfg(unix)]
pub use process::Signal;
pub use process::{Process, free_port};
pub use random::Random;
pub use server::TestServer;
pub use view::View;

/// How long anything may take before the test fails: far beyond what a loaded machine needs.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// A key as a browser makes it, the same for the same name.
pub fn key(name: &str) -> String {
    format!("{:-<24}", name.replace(' ', "-"))
}
