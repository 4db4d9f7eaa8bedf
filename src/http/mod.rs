//! Page and API over tiny_http, on a private socket behind the listener.
//!
//! tiny_http is never shown to a network (it has neither deadlines nor limits). The listener reads and checks every
//! request, then passes one that it wrote itself through [`Pages::connect`], and copies the answer back.
//!
//! ```text
//!  connection's thread ── connect() ──► socket in a folder of our own ──► tiny_http ──► worker ──► Site::answer
//!                                                                                         │
//!                                                                        a bounded queue  ▼
//!                                                                                 password worker ──► Site::answer
//! ```
//!
//! Requests that hash a password, or wait for the database's one writer, go to as many threads as may hash at once: fifty
//! logins wait for each other, and nothing else waits for them. A transcript is sent by its connection's own thread.
//!
//! | file | owns |
//! |---|---|
//! | `head.rs` | a request's head, read strictly |
//! | `refused.rs` | how the public port says no |
//! | `client_address.rs` | which address a connection counts for |
//! | `origin.rs` | which hosts and origins are the room's own |
//! | `cookies.rs` | sessions, as a browser keeps them |
//! | `relay.rs`, `private_socket.rs` | a plain request on its way to tiny_http |
//! | `tiny_http.rs` | the server and its workers, replaced when they end |
//! | `dispatch.rs` | which thread answers a request |
//! | `message.rs` | what is asked and answered |
//! | `routes.rs` | which address leads where |
//! | `api/` | signing up, logging in, passwords |
//! | `languages/` | what the page says, in each of its languages |
//! | `style.css` | the page's style; its markup and script are `index.html` |
//! | `pack.rs`, `minified.rs`, `stripped.rs` | what the build script makes of page, style and words |
//! | `page.rs` | the page, ready to be sent |
//! | `password_queue.rs` | logins that wait for a password's hash |
//! | `download.rs` | the log as a download |
//! | `invite.rs`, `qr.rs` | the address that is handed out, and its code |

pub(crate) mod api;
pub(crate) mod client_address;
pub(crate) mod cookies;
mod dispatch;
pub(crate) mod download;
pub(crate) mod head;
pub(crate) mod invite;
pub(crate) mod languages;
pub(crate) mod message;
pub(crate) mod origin;
pub(crate) mod page;
pub(crate) mod password_queue;
mod private_socket;
pub(crate) mod qr;
pub(crate) mod refused;
pub(crate) mod relay;
pub(crate) mod routes;
#[cfg(test)]
mod stripped;
mod tiny_http;

use std::io;
use std::sync::Arc;

use crate::http::password_queue::PasswordQueue;
use crate::http::routes::Site;
use crate::limits::PAGE_REQUESTS;
use crate::sys::permits::Permits;
use tiny_http::TinyHttp;

pub(crate) use tiny_http::Connection;

/// The header in which the listener proves that a request came through it; see [`Pages::secret`].
pub(crate) const SECRET_HEADER: &str = "X-Relay-Secret";
/// The header in which the listener gives the address that asks.
pub(crate) const PEER_HEADER: &str = "X-Peer-Address";
/// The header that the listener adds where a proxy or a tunnel has passed the request on, trusted or not.
pub(crate) const FORWARDED_HEADER: &str = "X-Peer-Forwarded";

/// The running server of page and API.
pub(crate) struct Pages {
    site: Arc<Site>,
    passwords: Arc<PasswordQueue<dispatch::Waiting>>,
    server: TinyHttp,
    /// One for each request that is on its way to the server.
    pub under_way: Permits,
}

impl Pages {
    /// # Errors
    /// No folder for the private socket could be made, or no thread.
    pub(crate) fn start(site: Site) -> io::Result<Pages> {
        let site = Arc::new(site);
        let aside = site.clone();
        let passwords = Arc::new(PasswordQueue::start(move |waiting| aside.serve(waiting))?);
        let (at_once, queue) = (site.clone(), passwords.clone());
        let server = TinyHttp::start(move |request| at_once.take(request, &queue))?;
        Ok(Pages { site, passwords, server, under_way: Permits::new(PAGE_REQUESTS) })
    }

    /// A connection for one request with `Connection: close` and [`SECRET_HEADER`]. A request on it is answered even if the
    /// server is replaced meanwhile. If the server has just ended, this waits for the next one, at most
    /// [`PAGE_REPLACED`](crate::limits::PAGE_REPLACED).
    ///
    /// # Errors
    /// What the system says, or that the server is stopped or was not replaced in time.
    pub(crate) fn connect(&self) -> io::Result<Connection> {
        self.server.connect()
    }

    /// The value of [`SECRET_HEADER`].
    pub(crate) fn secret(&self) -> &str {
        &self.site.secret
    }

    /// Stops answering, waits for the threads and removes the socket. Server and passwords each have
    /// [`PAGE_STOP`](crate::limits::PAGE_STOP) for it, and are left behind if they take longer. Does nothing the second time.
    pub(crate) fn stop(&self) {
        if self.server.stop() {
            self.passwords.stop();
        }
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        self.stop();
    }
}

#[cfg(all(test, unix))]
mod tests;
