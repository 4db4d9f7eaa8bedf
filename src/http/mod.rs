//! Page and API over tiny_http, on a private socket behind the listener.
//!
//! tiny_http is never shown to a network (it has neither deadlines nor limits). The listener reads and checks every
//! request, then passes one that it wrote itself through [`Pages::connect`], and copies the answer back. `tiny_http.rs` owns
//! the server and its workers; here is what they do with a request.
//!
//! ```text
//!  connection's thread ── connect() ──► socket in a folder of our own ──► tiny_http ──► worker ──► Site::answer
//!                                                                                         │
//!                                                                        a bounded queue  ▼
//!                                                                                 password worker ──► Site::answer
//! ```
//!
//! What hashes a password, or waits for the database's one writer, is passed on to as many threads as may hash at once.
//! So fifty logins wait for each other, and nothing else waits for them. A transcript goes on in a thread of its own
//! ([`download`]).
//!
//! | file | owns |
//! |---|---|
//! | `head.rs` | a request's head, read strictly |
//! | `refused.rs` | how the public port says no |
//! | `client_address.rs` | whose address a connection counts for |
//! | `origin.rs` | which hosts and origins are the room's own |
//! | `cookies.rs` | who is logged in, as a browser keeps it |
//! | `relay.rs`, `private_socket.rs` | a plain request on its way to tiny_http |
//! | `tiny_http.rs` | the server and its workers, replaced when they end |
//! | `message.rs` | what is asked and answered |
//! | `routes.rs` | page, API, download: which is asked for |
//! | `api/` | what accounts answer |
//! | `page.rs` | the page, ready to be sent |
//! | `password_queue.rs` | who waits for a password's hash |
//! | `download.rs` | the log as a download |
//! | `invite.rs`, `qr.rs` | the address that is handed out, and its code |

pub(crate) mod api;
pub(crate) mod client_address;
pub(crate) mod cookies;
pub(crate) mod download;
pub(crate) mod head;
pub(crate) mod invite;
pub(crate) mod message;
pub(crate) mod origin;
pub(crate) mod page;
pub(crate) mod password_queue;
mod private_socket;
pub(crate) mod qr;
pub(crate) mod refused;
pub(crate) mod relay;
pub(crate) mod routes;
mod tiny_http;

use std::convert::Infallible;
use std::io::{self, Cursor, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;

use ::tiny_http::{Header, StatusCode};
use bytes::Bytes;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use data_encoding::HEXLOWER;

use crate::accounts::token;
use crate::http::api::Api;
use crate::http::download::Transcripts;
use crate::http::message::{Request, Response};
use crate::http::password_queue::PasswordQueue;
use crate::http::routes::Site;
use crate::limits::{BODY_BYTES, PAGE_STOP, PASSWORD_NICENESS, PASSWORD_QUEUE, PASSWORD_WORKERS};
use tiny_http::TinyHttp;

pub(crate) use crate::http::routes::PageContext;
pub(crate) use tiny_http::Connection;

/// The header in which the listener proves that a request came through it; see [`Pages::secret`].
pub(crate) const SECRET_HEADER: &str = "X-Relay-Secret";
/// The header in which the listener says who asks: an IP address.
pub(crate) const PEER_HEADER: &str = "X-Peer-Address";
/// The header that the listener adds where a proxy or a tunnel has passed the request on, trusted or not.
pub(crate) const FORWARDED_HEADER: &str = "X-Peer-Forwarded";

/// The page's server, running.
pub(crate) struct Pages {
    desk: Arc<Desk>,
    server: TinyHttp,
    /// Disconnected when the last password worker has ended.
    passwords_gone: Receiver<Infallible>,
}

impl Pages {
    /// Starts the server and its supervisor.
    ///
    /// # Errors
    /// No folder for the private socket could be made, or no thread.
    pub(crate) fn start(context: PageContext) -> io::Result<Pages> {
        Pages::serve(Site::new(context))
    }

    fn serve(site: Site) -> io::Result<Pages> {
        let mut secret = [0; 32];
        getrandom::fill(&mut secret).map_err(io::Error::other)?;
        let desk = Arc::new(Desk {
            transcripts: Transcripts::new(site.readers()),
            passwords: PasswordQueue::new(PASSWORD_QUEUE),
            site,
            secret: HEXLOWER.encode(&secret),
        });
        let worker = desk.clone();
        let started = start_password_workers(&desk)
            .and_then(|gone| Ok((gone, TinyHttp::start(move |request| worker.take(request))?)));
        let (passwords_gone, server) = started.inspect_err(|_| desk.passwords.close())?;
        Ok(Pages { desk, server, passwords_gone })
    }

    /// A connection to the server, which answers it once it has accepted it, whatever becomes of it meanwhile. It is
    /// meant for one request with `Connection: close` and [`SECRET_HEADER`].
    ///
    /// If the server has just ended, this waits for the next one, at most [`PAGE_REPLACED`](crate::limits::PAGE_REPLACED).
    ///
    /// # Errors
    /// The system's, or that there is no server: stopped, or not replaced in time.
    pub(crate) fn connect(&self) -> io::Result<Connection> {
        self.server.connect()
    }

    /// What [`SECRET_HEADER`] has to say: 64 hexadecimal digits, made at start and never sent to a client.
    pub(crate) fn secret(&self) -> &str {
        &self.desk.secret
    }

    /// Stops answering, joins the threads and removes the socket. Each of server, passwords and transcripts has [`PAGE_STOP`]
    /// for it, and is left behind if it takes longer. Does nothing the second time.
    pub(crate) fn stop(&self) {
        if !self.server.stop() {
            return;
        }
        self.desk.passwords.close();
        // One hash takes far less.
        if let Err(RecvTimeoutError::Timeout) = self.passwords_gone.recv_timeout(PAGE_STOP) {
            log::warn!("a password is still being hashed; left behind");
        }
        self.desk.transcripts.stop();
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Where requests are answered, on whichever thread.
#[derive(Debug)]
struct Desk {
    site: Site,
    transcripts: Transcripts,
    /// Requests that wait for a password worker, with their bodies.
    passwords: PasswordQueue<(::tiny_http::Request, Vec<u8>)>,
    secret: String,
}

impl Desk {
    /// Reads a request's body, then answers it, or passes it on to the password workers.
    fn take(&self, mut request: ::tiny_http::Request) {
        let mut body = Vec::new();
        // The listener has read it whole, and lets no more through.
        if let Err(error) = request.as_reader().take(BODY_BYTES as u64).read_to_end(&mut body) {
            log::debug!("a body could not be read: {error}");
            return self.respond(request, Response::text(400, "The request's body could not be read."));
        }
        if !Api::takes_long(request.method().as_str(), path(&request)) {
            return self.serve(request, &body);
        }
        let party = self.site.party_of(&request_of(&request, &body));
        if let Some((without_place, _)) = self.passwords.push(party, (request, body)) {
            let full = Response::api_error(503, "busy", "Too many people log in just now. Try again.");
            self.respond(without_place, full.with("Retry-After", "2"));
        }
    }

    /// Answers one request. A handler's panic is an answer too: 500.
    ///
    /// A slow reader does not hold the worker: what is written here goes into a socket whose buffer takes all of a page
    /// ([`crate::limits::PAGE_BYTES`]), whether or not the connection's thread has begun to read it.
    fn serve(&self, request: ::tiny_http::Request, body: &[u8]) {
        let answer = catch_unwind(AssertUnwindSafe(|| self.answer(&request_of(&request, body))))
            .unwrap_or_else(|_| {
                log::error!("a handler panicked: {} {}", request.method(), path(&request));
                Response::text(500, "Something broke here; the server's log says more.")
            });
        self.respond(request, answer);
    }

    fn answer(&self, request: &Request) -> Response {
        let is_right = |secret: &str| token::same(secret.as_bytes(), self.secret.as_bytes());
        if !request.header(SECRET_HEADER).is_some_and(is_right) {
            return Response::text(403, "This server is private; use the room's own address.");
        }
        let answer = self.site.answer(request);
        log::debug!("{} {} for {:?}: {}", request.method, request.path(), request.peer, answer.status);
        answer
    }

    fn respond(&self, request: ::tiny_http::Request, mut answer: Response) {
        if let Some(format) = answer.transcript {
            if let Some(permit) = self.transcripts.permit() {
                let own = answer.headers.iter().map(|(name, value)| (*name, value.as_str()));
                let headers: Vec<_> = self.site.common_headers().chain(own).collect();
                return self.transcripts.start(permit, request, format, &headers);
            }
            let full = Response::api_error(503, "busy", "Too many transcripts are made just now. Try again.");
            answer = full.with("Retry-After", "2");
        }
        if let Err(error) = request.respond(response(&self.site, answer)) {
            log::debug!("an answer could not be sent: {error}");
        }
    }
}

fn request_of<'a>(request: &'a ::tiny_http::Request, body: &'a [u8]) -> Request<'a> {
    let mut read = Request {
        method: request.method().as_str(),
        target: request.url(),
        headers: request.headers(),
        body,
        peer: None,
        is_forwarded: false,
    };
    read.is_forwarded = read.header(FORWARDED_HEADER).is_some();
    read.peer = read.header(PEER_HEADER).and_then(|address| address.parse().ok());
    read
}

/// What may be logged of a request's target: a query can hold a token.
fn path(request: &::tiny_http::Request) -> &str {
    request.url().split('?').next().unwrap_or_default()
}

fn response(site: &Site, answer: Response) -> ::tiny_http::Response<Cursor<Bytes>> {
    let own = answer.headers.iter().map(|(name, value)| (*name, value.as_str()));
    let headers = site
        .common_headers()
        .filter(|(name, _)| !answer.headers.iter().any(|(own, _)| own == name))
        .chain(own)
        .map(|(name, value)| Header::from_bytes(name, value).expect("answers have ASCII headers"))
        .collect();
    let length = answer.body.len();
    ::tiny_http::Response::new(
        StatusCode(answer.status),
        headers,
        Cursor::new(answer.body),
        Some(length),
        None,
    )
    // Its length is known, so it is told, and no peer has to undo chunks.
    .with_chunked_threshold(usize::MAX)
}

/// Starts the threads that hash passwords, as many as may at once. They end when their queue is closed.
fn start_password_workers(desk: &Arc<Desk>) -> io::Result<Receiver<Infallible>> {
    let (alive, gone) = bounded(0);
    let cores = thread::available_parallelism().map_or(1, std::num::NonZero::get);
    for number in 0..PASSWORD_WORKERS.min(cores) {
        let (desk, held) = (desk.clone(), alive.clone());
        thread::Builder::new().name(format!("password-{number}")).spawn(move || {
            let _held: Sender<Infallible> = held;
            step_back();
            // What still waits when the server stops is dropped, which tiny_http answers with 500.
            while let Some((request, body)) = desk.passwords.pop() {
                desk.serve(request, &body);
            }
        })?;
    }
    Ok(gone)
}

/// Lets every other thread of the machine go first: on Linux priorities are a thread's own. Elsewhere the system's fair
/// share has to do.
#[cfg(target_os = "linux")]
fn step_back() {
    if let Err(error) =
        rustix::process::setpriority_process(Some(rustix::thread::gettid()), PASSWORD_NICENESS)
    {
        log::debug!("passwords are hashed at the same priority as everything else: {error}");
    }
}

#[cfg(not(target_os = "linux"))]
fn step_back() {}

#[cfg(all(test, unix))]
mod tests {
    use std::io::Write;
    use std::time::Duration;

    use crate::http::page::Page;
    use crate::limits::{PAGE_BYTES, PAGE_WORKERS};

    use super::*;

    /// Longer than anything here takes on a busy machine; reached only by a failure.
    const DEADLINE: Duration = Duration::from_secs(10);

    fn start() -> Pages {
        Pages::start(PageContext::alone()).expect("starts")
    }

    /// Sends one request the way the listener does, and leaves the answer unread.
    fn send(pages: &Pages, line: &str, secret: &str) -> Connection {
        let connection = pages.connect().expect("connects");
        write_request(&connection, line, secret);
        connection
    }

    fn write_request(connection: &Connection, line: &str, secret: &str) {
        connection.stream.set_read_timeout(Some(DEADLINE)).expect("a deadline");
        write!(
            &connection.stream,
            "{line} HTTP/1.1\r\nHost: room\r\nConnection: close\r\n{SECRET_HEADER}: {secret}\r\n\
             {PEER_HEADER}: 192.0.2.1\r\n\r\n"
        )
        .expect("sends");
    }

    fn answer_of(connection: Connection) -> String {
        let mut answer = String::new();
        (&connection.stream).read_to_string(&mut answer).expect("an answer, then the end");
        answer
    }

    fn ask(pages: &Pages, line: &str) -> String {
        answer_of(send(pages, line, pages.secret()))
    }

    #[test]
    fn every_answer_carries_the_security_headers_and_its_length() {
        let pages = start();
        for (line, status) in [
            ("GET /", "200 OK"),
            ("GET /api/invite", "200 OK"),
            ("GET /nothing", "404 Not Found"),
            ("POST /", "405 Method Not Allowed"),
            ("GET /panic", "500 Internal Server Error"),
        ] {
            let answer = ask(&pages, line);
            let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
            assert!(head.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{line}: {head}");
            for header in [
                "Content-Security-Policy: default-src 'none'; ",
                "X-Content-Type-Options: nosniff",
                "Referrer-Policy: no-referrer",
                "Cross-Origin-Resource-Policy: same-origin",
                "Server: chat-app",
                "Cache-Control: no-",
                "Date: ",
                &format!("Content-Length: {}", body.len()),
            ] {
                assert_eq!(head.matches(&format!("\r\n{header}")).count(), 1, "{line}: {header} in {head}");
            }
            assert!(!head.contains("tiny") && !head.contains("Transfer-Encoding"), "{head}");
        }
    }

    #[test]
    fn head_tells_the_length_and_sends_no_body() {
        let pages = start();
        let page = ask(&pages, "GET /");
        let length = page.split_once("\r\n\r\n").expect("a head").1.len();
        let head = ask(&pages, "HEAD /");
        assert!(
            head.ends_with("\r\n\r\n") && head.contains(&format!("Content-Length: {length}\r\n")),
            "{head}"
        );
    }

    #[test]
    fn without_the_secret_there_is_no_answer_but_403() {
        let pages = start();
        let almost =
            format!("{}{}", &pages.secret()[..63], if pages.secret().ends_with('0') { '1' } else { '0' });
        for secret in ["", "0", &almost, &pages.secret()[..63], &format!("{}0", pages.secret())] {
            let answer = answer_of(send(&pages, "GET /", secret));
            assert!(answer.starts_with("HTTP/1.1 403 "), "{secret}: {answer}");
        }
        assert_eq!(pages.secret().len(), 64);
        assert_ne!(pages.secret(), start().secret());
    }

    #[test]
    fn a_panicking_handler_costs_no_worker() {
        let pages = start();
        for _ in 0..=PAGE_WORKERS {
            assert!(ask(&pages, "GET /panic").starts_with("HTTP/1.1 500 "));
        }
        assert!(ask(&pages, "GET /healthz").ends_with("\r\n\r\nok\n"));
        assert_eq!(pages.server.generation(), 0, "nothing had to be replaced");
    }

    #[test]
    fn readers_that_do_not_read_hold_no_worker() {
        let page = "x".repeat(PAGE_BYTES - 1) + "\n";
        let site = Site::with_page(PageContext::alone(), Box::leak(Box::new(Page::new(&page))));
        let pages = Pages::serve(site).expect("starts");
        let stalled: Vec<Connection> =
            (0..2 * PAGE_WORKERS).map(|_| send(&pages, "GET /", pages.secret())).collect();
        assert!(ask(&pages, "GET /healthz").ends_with("ok\n"));
        for connection in stalled {
            assert!(answer_of(connection).ends_with(&page), "and they can still have it all");
        }
    }
}
