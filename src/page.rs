//! tiny_http, on a private socket behind the listener: workers that answer, and their supervision.
//!
//! tiny_http is never shown to a network (it has neither deadlines nor limits). The listener reads and checks every
//! request, then passes one that it wrote itself through [`Pages::connect`], and copies the answer back.
//!
//! ```text
//!  connection's thread ── connect() ──► socket in a folder of our own ──► tiny_http ──► worker ──► Site::answer
//!                                                                            ▲             │
//!                                             supervisor: another one, when │             ▼ a bounded queue
//!                                             this one has ended            │          password worker ──► Site::answer
//! ```
//!
//! What hashes a password, or waits for the database's one writer, is passed on to as many threads as may hash at once.
//! So fifty logins wait for each other, and nothing else waits for them. A transcript goes on in a thread of its own
//! ([`crate::transcript`]).
//!
//! What ends a tiny_http server: any error of `accept` (no descriptors left is one), a panic of its accept thread, or of
//! a worker. The first is told by `recv()`, the second shows when a connection is refused, the third is caught. Each
//! marks the server as ended, and the supervisor puts another in its place; what has reached the old one is still
//! answered by its workers.

use std::convert::Infallible;
use std::io::{self, Cursor, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use bytes::Bytes;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use data_encoding::HEXLOWER;
use tiny_http::{Header, Request, Response, Server, StatusCode};

use crate::answer::{Answer, Ask};
use crate::api::Api;
use crate::fault;
use crate::limits::{
    BODY_BYTES, PAGE_REPLACED, PAGE_RESTART, PAGE_STOP, PAGE_WORKERS, PASSWORD_NICENESS, PASSWORD_QUEUE,
    PASSWORD_WORKERS,
};
use crate::password_queue::PasswordQueue;
use crate::private_socket::{Endpoint, Folder};
use crate::site::Site;
use crate::transcript::Transcripts;

pub use crate::private_socket::Upstream;
pub use crate::site::PageContext;

/// The header in which the listener proves that a request came through it; see [`Pages::secret`].
pub const SECRET_HEADER: &str = "X-Relay-Secret";
/// The header in which the listener says who asks: an IP address.
pub const PEER_HEADER: &str = "X-Peer-Address";
/// The header that the listener adds where a proxy or a tunnel has passed the request on, trusted or not.
pub const FORWARDED_HEADER: &str = "X-Peer-Forwarded";

/// The page's server, running.
#[derive(Debug)]
pub struct Pages {
    shared: Arc<Shared>,
    supervisor: Mutex<Option<JoinHandle<()>>>,
    /// Disconnected when the last password worker has ended.
    passwords_gone: Receiver<Infallible>,
}

impl Pages {
    /// Starts the server and its supervisor.
    ///
    /// # Errors
    /// No folder for the private socket could be made, or no thread.
    pub fn start(context: PageContext) -> io::Result<Pages> {
        Pages::serve(Site::new(context))
    }

    fn serve(site: Site) -> io::Result<Pages> {
        let mut secret = [0; 32];
        getrandom::fill(&mut secret).map_err(io::Error::other)?;
        let (wake, woken) = bounded(1);
        let shared = Arc::new(Shared {
            transcripts: Transcripts::new(site.readers()),
            passwords: PasswordQueue::new(PASSWORD_QUEUE),
            site,
            secret: HEXLOWER.encode(&secret),
            current: Mutex::new(None),
            changed: Condvar::new(),
            stopping: AtomicBool::new(false),
            wake,
        });
        let folder = Folder::new()?;
        let started = start_password_workers(&shared)
            .and_then(|gone| Ok((gone, start_supervisor(&shared, folder, woken)?)));
        let (passwords_gone, supervisor) = started.inspect_err(|_| {
            shared.passwords.close();
            *shared.current() = None; // or it and its workers would hold each other
        })?;
        Ok(Pages { shared, supervisor: Mutex::new(Some(supervisor)), passwords_gone })
    }

    /// A connection to the server, which answers it once it has accepted it, whatever becomes of it meanwhile. It is
    /// meant for one request with `Connection: close` and [`SECRET_HEADER`].
    ///
    /// If the server has just ended, this waits for the next one, at most [`PAGE_REPLACED`].
    ///
    /// # Errors
    /// The system's, or that there is no server: stopped, or not replaced in time.
    pub fn connect(&self) -> io::Result<Connection> {
        let deadline = Instant::now() + PAGE_REPLACED;
        loop {
            let stopped = || io::Error::new(io::ErrorKind::NotConnected, "the page's server is stopped");
            let door = self.shared.current().clone().ok_or_else(stopped)?;
            let refused = match door.0.endpoint.connect() {
                // Nobody listens there any more. Other errors are ours (no descriptors), not the server's.
                Err(error)
                    if matches!(error.kind(), io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound) =>
                {
                    error
                }
                result => return result.map(|stream| Connection { stream, _door: door }),
            };
            self.shared.report(&door.0);
            if !self.shared.wait_until_replaced(&door, deadline) {
                return Err(refused);
            }
        }
    }

    /// What [`SECRET_HEADER`] has to say: 64 hexadecimal digits, made at start and never sent to a client.
    pub fn secret(&self) -> &str {
        &self.shared.secret
    }

    /// Stops answering, joins the threads and removes the socket. Takes [`PAGE_STOP`] at most: a worker that is
    /// busy longer is left behind. Does nothing the second time.
    pub fn stop(&self) {
        self.shared.stopping.store(true, Ordering::Release);
        let _ = self.shared.wake.try_send(());
        let supervisor = self.supervisor.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(supervisor) = supervisor else { return };
        if supervisor.join().is_err() {
            log::error!("the supervisor of the page's server panicked");
        }
        self.shared.passwords.close();
        // One hash takes far less.
        if let Err(RecvTimeoutError::Timeout) = self.passwords_gone.recv_timeout(PAGE_STOP) {
            log::warn!("a password is still being hashed; left behind");
        }
        self.shared.transcripts.stop();
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        self.stop();
    }
}

/// What workers, supervisor and connections share.
#[derive(Debug)]
struct Shared {
    site: Site,
    transcripts: Transcripts,
    /// Requests that wait for a password worker, with their bodies.
    passwords: PasswordQueue<(Request, Vec<u8>)>,
    secret: String,
    /// The way to the server that takes connections; `None` once stopped.
    current: Mutex<Option<Arc<Door>>>,
    /// Told whenever `current` changes.
    changed: Condvar,
    stopping: AtomicBool,
    /// Wakes the supervisor. One slot is enough: it looks at the flags, not at what woke it.
    wake: Sender<()>,
}

impl Shared {
    /// Nothing panics while it holds this, and a pointer is whole in any case.
    fn current(&self) -> MutexGuard<'_, Option<Arc<Door>>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until `door` no longer leads to the current server; false if it still does at the deadline.
    fn wait_until_replaced(&self, door: &Arc<Door>, deadline: Instant) -> bool {
        let remaining = deadline.saturating_duration_since(Instant::now());
        let same = |current: &mut Option<Arc<Door>>| current.as_ref().is_some_and(|c| Arc::ptr_eq(c, door));
        let waited = self.changed.wait_timeout_while(self.current(), remaining, same);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }

    /// Marks a server as ended. The supervisor replaces it if it is still the current one.
    fn report(&self, inner: &Inner) {
        inner.ended.store(true, Ordering::Release);
        let _ = self.wake.try_send(());
    }
}

/// One tiny_http server.
struct Inner {
    server: Server,
    endpoint: Endpoint,
    ended: AtomicBool,
    /// Let go when `server` has been, so that whoever waits for it may remove the folder: a server wakes its accept
    /// thread through its socket.
    _alive: Sender<Infallible>,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inner")
            .field("endpoint", &self.endpoint)
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}

/// The way to a server. Whoever has it may still have a request there, so the workers end with the last one who has.
///
/// tiny_http reads a request on a thread of its own, and queues it even when nobody takes from the queue any more: there
/// it would lie for ever, and hold that thread and its connection.
#[derive(Debug)]
struct Door(Arc<Inner>);

impl Drop for Door {
    fn drop(&mut self) {
        for _ in 0..PAGE_WORKERS {
            self.0.server.unblock(); // one ends for each, behind all that has been queued
        }
    }
}

/// A connection to the page's server.
#[derive(Debug)]
pub struct Connection {
    /// To write the request to, and to read the answer from.
    pub stream: Upstream,
    /// Holds the workers that will answer.
    _door: Arc<Door>,
}

/// Starts a server with its workers, which hold `alive` until the last of them has ended.
fn open(
    shared: &Arc<Shared>,
    folder: &Folder,
    generation: u64,
    alive: &Sender<Infallible>,
) -> io::Result<Arc<Door>> {
    let (server, endpoint) = folder.open(generation)?;
    let (ended, alive) = (AtomicBool::new(false), alive.clone());
    let door = Arc::new(Door(Arc::new(Inner { server, endpoint, ended, _alive: alive })));
    for number in 0..PAGE_WORKERS {
        let (shared, inner) = (shared.clone(), door.0.clone());
        thread::Builder::new().name(format!("page-{number}")).spawn(move || {
            // An error is the end of the accept loop, or of the last who had the door.
            while let Ok(request) = inner.server.recv() {
                let taken = catch_unwind(AssertUnwindSafe(|| {
                    fault::hit("page", request.url());
                    take(&shared, request);
                }));
                if taken.is_err() {
                    shared.report(&inner); // and goes on: others' requests may be here already
                }
            }
            shared.report(&inner);
        })?;
    }
    Ok(door)
}

/// Starts the first server, and the thread that replaces it when it ends.
fn start_supervisor(shared: &Arc<Shared>, folder: Folder, woken: Receiver<()>) -> io::Result<JoinHandle<()>> {
    let (alive, gone) = bounded(0);
    *shared.current() = Some(open(shared, &folder, 0, &alive)?);
    let shared = shared.clone();
    let run = move || {
        supervise(&shared, &woken, &folder, &alive);
        drop(alive);
        if let Err(RecvTimeoutError::Timeout) = gone.recv_timeout(PAGE_STOP) {
            log::warn!("a request to the page is still being answered; left behind");
        }
    };
    thread::Builder::new().name("pages".to_owned()).spawn(run)
}

/// Replaces the server whenever it has ended, until the room stops.
fn supervise(shared: &Arc<Shared>, woken: &Receiver<()>, folder: &Folder, alive: &Sender<Infallible>) {
    let stopping = || shared.stopping.load(Ordering::Acquire);
    let ended = || shared.current().as_ref().is_none_or(|door| door.0.ended.load(Ordering::Acquire));
    let mut pause = PAGE_RESTART.0;
    let mut since = Instant::now();
    for generation in 1.. {
        while !stopping() && !ended() {
            let _ = woken.recv();
        }
        if since.elapsed() > PAGE_RESTART.1 {
            pause = PAGE_RESTART.0;
        } else if generation > 1 {
            wait(woken, pause, stopping);
            pause = (pause * 2).min(PAGE_RESTART.1);
        }
        if stopping() {
            break;
        }
        // tiny_http panics where it gets no thread for its accept loop. This thread has to outlive that.
        let opened = catch_unwind(AssertUnwindSafe(|| open(shared, folder, generation, alive)));
        match opened.unwrap_or_else(|_| Err(io::Error::other("it panicked, for want of a thread"))) {
            Ok(next) => {
                log::error!("the page's HTTP server ended; another one took its place");
                let last = shared.current().replace(next);
                shared.changed.notify_all();
                drop(last); // what was accepted there is still answered there
            }
            Err(error) => {
                log::error!("the page's HTTP server ended, and another one cannot be started yet: {error}");
            }
        }
        since = Instant::now();
    }
    *shared.current() = None;
    shared.changed.notify_all();
}

/// Waits for `pause`, or until the room stops.
fn wait(woken: &Receiver<()>, pause: Duration, stopping: impl Fn() -> bool) {
    let deadline = Instant::now() + pause;
    while !stopping() && woken.recv_deadline(deadline).is_ok() {}
}

/// Starts the threads that hash passwords, as many as may at once. They end when their queue is closed.
fn start_password_workers(shared: &Arc<Shared>) -> io::Result<Receiver<Infallible>> {
    let (alive, gone) = bounded(0);
    let cores = thread::available_parallelism().map_or(1, std::num::NonZero::get);
    for number in 0..PASSWORD_WORKERS.min(cores) {
        let (shared, held) = (shared.clone(), alive.clone());
        thread::Builder::new().name(format!("password-{number}")).spawn(move || {
            let _held: Sender<Infallible> = held;
            step_back();
            // What still waits when the server stops is dropped, which tiny_http answers with 500.
            while let Some((request, body)) = shared.passwords.pop() {
                serve(&shared, request, &body);
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

/// Reads a request's body, then answers it, or passes it on to the password workers.
fn take(shared: &Shared, mut request: Request) {
    let mut body = Vec::new();
    // The listener has read it whole, and lets no more through.
    if let Err(error) = request.as_reader().take(BODY_BYTES as u64).read_to_end(&mut body) {
        log::debug!("a body could not be read: {error}");
        return respond(shared, request, Answer::text(400, "The request's body could not be read."));
    }
    if !Api::takes_long(request.method().as_str(), path(&request)) {
        return serve(shared, request, &body);
    }
    let party = shared.site.party_of(&ask_of(&request, &body));
    if let Some((without_place, _)) = shared.passwords.push(party, (request, body)) {
        let full = Answer::api_error(503, "busy", "Too many people log in just now. Try again.");
        respond(shared, without_place, full.with("Retry-After", "2"));
    }
}

/// Answers one request. A handler's panic is an answer too: 500.
///
/// A slow reader does not hold the worker: what is written here goes into a socket whose buffer takes all of a page
/// ([`crate::limits::PAGE_BYTES`]), whether or not the connection's thread has begun to read it.
fn serve(shared: &Shared, request: Request, body: &[u8]) {
    let answer =
        catch_unwind(AssertUnwindSafe(|| answer(shared, &ask_of(&request, body)))).unwrap_or_else(|_| {
            log::error!("a handler panicked: {} {}", request.method(), path(&request));
            Answer::text(500, "Something broke here; the server's log says more.")
        });
    respond(shared, request, answer);
}

fn respond(shared: &Shared, request: Request, mut answer: Answer) {
    if let Some(format) = answer.transcript {
        if let Some(permit) = shared.transcripts.permit() {
            let own = answer.headers.iter().map(|(name, value)| (*name, value.as_str()));
            let headers: Vec<_> = shared.site.common_headers().chain(own).collect();
            return shared.transcripts.start(permit, request, format, &headers);
        }
        let full = Answer::api_error(503, "busy", "Too many transcripts are made just now. Try again.");
        answer = full.with("Retry-After", "2");
    }
    let response = response(&shared.site, answer);
    if let Err(error) = request.respond(response) {
        log::debug!("an answer could not be sent: {error}");
    }
}

fn ask_of<'a>(request: &'a Request, body: &'a [u8]) -> Ask<'a> {
    let mut ask = Ask {
        method: request.method().as_str(),
        target: request.url(),
        headers: request.headers(),
        body,
        peer: None,
        is_forwarded: false,
    };
    ask.is_forwarded = ask.header(FORWARDED_HEADER).is_some();
    ask.peer = ask.header(PEER_HEADER).and_then(|address| address.parse().ok());
    ask
}

fn answer(shared: &Shared, ask: &Ask) -> Answer {
    if !ask.header(SECRET_HEADER).is_some_and(|secret| same_secret(secret, &shared.secret)) {
        return Answer::text(403, "This server is private; use the room's own address.");
    }
    let answer = shared.site.answer(ask);
    log::debug!("{} {} for {:?}: {}", ask.method, ask.path(), ask.peer, answer.status);
    answer
}

/// What may be logged of a request's target: a query can hold a token.
fn path(request: &Request) -> &str {
    request.url().split('?').next().unwrap_or_default()
}

/// Equality in a time that tells nothing of where two secrets differ.
fn same_secret(given: &str, known: &str) -> bool {
    let difference =
        given.bytes().zip(known.bytes()).fold(0, |all, (a, b)| std::hint::black_box(all | (a ^ b)));
    given.len() == known.len() && difference == 0
}

fn response(site: &Site, answer: Answer) -> Response<Cursor<Bytes>> {
    let own = answer.headers.iter().map(|(name, value)| (*name, value.as_str()));
    let headers = site
        .common_headers()
        .filter(|(name, _)| !answer.headers.iter().any(|(own, _)| own == name))
        .chain(own)
        .map(|(name, value)| Header::from_bytes(name, value).expect("answers have ASCII headers"))
        .collect();
    let length = answer.body.len();
    Response::new(StatusCode(answer.status), headers, Cursor::new(answer.body), Some(length), None)
        // Its length is known, so it is told, and no peer has to undo chunks.
        .with_chunked_threshold(usize::MAX)
}

#[cfg(all(test, unix))]
mod tests {
    use std::io::Write;
    use std::os::unix::fs::PermissionsExt;

    use crate::limits::PAGE_BYTES;

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

    fn current(pages: &Pages) -> Arc<Inner> {
        pages.shared.current().as_ref().expect("running").0.clone()
    }

    fn end_accept_loop(pages: &Pages) {
        let inner = current(pages);
        rustix::net::shutdown(&inner.endpoint.listener, rustix::net::Shutdown::Both).expect("shut down");
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
        let before = current(&pages);
        for _ in 0..=PAGE_WORKERS {
            assert!(ask(&pages, "GET /panic").starts_with("HTTP/1.1 500 "));
        }
        assert!(ask(&pages, "GET /healthz").ends_with("\r\n\r\nok\n"));
        assert!(Arc::ptr_eq(&before, &current(&pages)), "nothing had to be replaced");
    }

    #[test]
    fn readers_that_do_not_read_hold_no_worker() {
        let page = "x".repeat(PAGE_BYTES);
        let site = Site::with_page(PageContext::alone(), &page);
        let pages = Pages::serve(site).expect("starts");
        let stalled: Vec<Connection> =
            (0..2 * PAGE_WORKERS).map(|_| send(&pages, "GET /", pages.secret())).collect();
        assert!(ask(&pages, "GET /healthz").ends_with("ok\n"));
        for connection in stalled {
            assert!(answer_of(connection).ends_with(&page), "and they can still have it all");
        }
    }

    #[test]
    fn an_accept_loop_that_ends_is_replaced() {
        let pages = start();
        for _ in 0..2 {
            let old = current(&pages);
            end_accept_loop(&pages);
            assert!(ask(&pages, "GET /healthz").ends_with("ok\n"));
            assert!(!Arc::ptr_eq(&old, &current(&pages)));
        }
    }

    #[test]
    fn a_request_that_comes_after_its_server_was_replaced_is_answered() {
        let pages = start();
        let late = pages.connect().expect("connects");
        // Its turn to be accepted came before this one's, which has been answered.
        assert!(ask(&pages, "GET /healthz").ends_with("ok\n"));
        end_accept_loop(&pages);
        assert!(ask(&pages, "GET /healthz").ends_with("ok\n"), "by another server");
        let old = late._door.clone();
        assert!(!Arc::ptr_eq(&old.0, &current(&pages)));
        drop(old);
        write_request(&late, "GET /healthz", pages.secret());
        assert!(answer_of(late).ends_with("ok\n"));
    }

    #[test]
    fn no_server_outlives_its_folder() {
        for _ in 0..100 {
            let pages = start();
            let inner = Arc::downgrade(&current(&pages));
            let before = Instant::now();
            pages.stop();
            let in_time = before.elapsed() < PAGE_STOP; // else it may have been left behind
            assert!(!in_time || inner.strong_count() == 0, "its accept thread could no longer be woken");
        }
    }

    #[test]
    fn a_server_that_nobody_can_reach_is_replaced() {
        let pages = start();
        std::fs::remove_file(&current(&pages).endpoint.path).expect("removed");
        assert!(ask(&pages, "GET /healthz").ends_with("ok\n"));
    }

    #[test]
    fn a_lost_worker_is_replaced_with_its_server() {
        let pages = start();
        let old = pages.shared.current().clone().expect("running");
        old.0.server.unblock();
        assert!(pages.shared.wait_until_replaced(&old, Instant::now() + DEADLINE));
        assert!(ask(&pages, "GET /healthz").ends_with("ok\n"));
    }

    #[test]
    fn stopping_removes_the_socket_and_refuses_connections() {
        let pages = start();
        let path = current(&pages).endpoint.path.clone();
        let folder = path.parent().expect("a folder").to_owned();
        let mode = std::fs::metadata(&folder).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o700, "only we can enter");
        pages.stop();
        pages.stop();
        assert!(!folder.exists());
        assert_eq!(pages.connect().expect_err("stopped").kind(), io::ErrorKind::NotConnected);
    }
}
