//! What a page must not do, as far as its engine tells.

use super::lock;
use std::sync::Mutex;

/// What one page did of that, and from where it may ask for things.
#[derive(Default)]
pub(super) struct Notes {
    complaints: Mutex<Vec<String>>,
    origins: Mutex<Vec<String>>,
}

impl Notes {
    pub(super) fn complain(&self, complaint: impl Into<String>) {
        lock(&self.complaints).push(complaint.into());
    }

    /// Allows the origin of `url` to be asked for things.
    pub(super) fn allow(&self, url: &str) {
        let origin: Vec<&str> = url.splitn(4, '/').take(3).collect();
        lock(&self.origins).push(origin.join("/"));
    }

    /// A request to somewhere else is something to complain of.
    pub(super) fn request(&self, url: &str) {
        let own = lock(&self.origins).iter().any(|origin| {
            let socket = origin.replacen("http", "ws", 1);
            [origin, &socket]
                .iter()
                .any(|own| url.strip_prefix(own.as_str()).is_some_and(|rest| rest.starts_with('/')))
        });
        let inside =
            ["data:", "blob:", "about:", "chrome-error:"].iter().any(|scheme| url.starts_with(scheme));
        if !own && !inside {
            self.complain(format!("a request elsewhere: {url}"));
        }
    }

    /// All complaints, which then no longer fail the test.
    pub(super) fn take(&self) -> Vec<String> {
        std::mem::take(&mut lock(&self.complaints))
    }
}
