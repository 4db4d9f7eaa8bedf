//! The server behind the page: one tiny_http at a time, and another in its place when it has ended.
//!
//! What ends one: any error of `accept` (no descriptors left is one), a panic of its accept thread, or of a worker. The
//! first is told by `recv()`, the second shows when a connection is refused, the third is caught. Each marks the server as
//! ended, and the supervisor puts another in its place; what has reached the old one is still answered by its workers.

use std::convert::Infallible;
use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use tiny_http::{Request, Server};

use crate::http::private_socket::{Endpoint, Folder, Upstream};
use crate::limits::{PAGE_REPLACED, PAGE_RESTART, PAGE_STOP, PAGE_WORKERS};
use crate::sys::failpoint;

/// What a worker does with each request.
type Take = Box<dyn Fn(Request) + Send + Sync>;

/// The server, whichever it is just now.
#[derive(Debug)]
pub(super) struct Supervised {
    shared: Arc<Shared>,
    supervisor: Mutex<Option<JoinHandle<()>>>,
}

impl Supervised {
    /// Starts the first server, and the thread that replaces it when it ends. Workers hand each request to `take`.
    ///
    /// # Errors
    /// No folder for the private socket could be made, or no thread.
    pub(super) fn start(take: impl Fn(Request) + Send + Sync + 'static) -> io::Result<Supervised> {
        let (wake, woken) = bounded(1);
        let shared = Arc::new(Shared {
            take: Box::new(take),
            current: Mutex::new(None),
            changed: Condvar::new(),
            stopping: AtomicBool::new(false),
            wake,
        });
        let supervisor = start_supervisor(&shared, Folder::new()?, woken).inspect_err(|_| {
            *shared.current() = None; // or it and its workers would hold each other
        })?;
        Ok(Supervised { shared, supervisor: Mutex::new(Some(supervisor)) })
    }

    /// See [`super::Pages::connect`].
    pub(super) fn connect(&self) -> io::Result<Connection> {
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

    /// Takes no more connections, joins the threads and removes the socket. Takes [`PAGE_STOP`] at most: a worker that is
    /// busy longer is left behind. Does nothing the second time; whether this was the first.
    pub(super) fn stop(&self) -> bool {
        self.shared.stopping.store(true, Ordering::Release);
        let _ = self.shared.wake.try_send(());
        let supervisor = self.supervisor.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(supervisor) = supervisor else { return false };
        if supervisor.join().is_err() {
            log::error!("the supervisor of the page's server panicked");
        }
        true
    }

    /// The server that takes connections.
    #[cfg(test)]
    pub(super) fn current(&self) -> Arc<Inner> {
        self.shared.current().as_ref().expect("running").0.clone()
    }
}

impl Drop for Supervised {
    fn drop(&mut self) {
        self.stop();
    }
}

/// What workers, supervisor and connections share.
struct Shared {
    take: Take,
    /// The way to the server that takes connections; `None` once stopped.
    current: Mutex<Option<Arc<Door>>>,
    /// Told whenever `current` changes.
    changed: Condvar,
    stopping: AtomicBool,
    /// Wakes the supervisor. One slot is enough: it looks at the flags, not at what woke it.
    wake: Sender<()>,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("current", &self.current).finish_non_exhaustive()
    }
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
pub(super) struct Inner {
    server: Server,
    endpoint: Endpoint,
    ended: AtomicBool,
    /// Let go when `server` has been, so that whoever waits for it may remove the folder: a server wakes its accept
    /// thread through its socket.
    _alive: Sender<Infallible>,
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
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
pub(crate) struct Connection {
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
                    failpoint::hit("page", request.url());
                    (shared.take)(request);
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

#[cfg(all(test, unix))]
mod tests {
    use std::io::{Read, Write};
    use std::os::unix::fs::PermissionsExt;

    use tiny_http::Response;

    use super::*;

    /// Longer than anything here takes on a busy machine; reached only by a failure.
    const DEADLINE: Duration = Duration::from_secs(10);

    fn start() -> Supervised {
        let answer = |request: Request| drop(request.respond(Response::from_string("ok")));
        Supervised::start(answer).expect("starts")
    }

    /// Asks on a connection, and gives back the answer.
    fn answer_on(connection: Connection) -> String {
        connection.stream.set_read_timeout(Some(DEADLINE)).expect("a deadline");
        (&connection.stream).write_all(b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n").expect("sends");
        let mut answer = String::new();
        (&connection.stream).read_to_string(&mut answer).expect("an answer, then the end");
        answer
    }

    fn is_answered(server: &Supervised) -> bool {
        answer_on(server.connect().expect("connects")).ends_with("ok")
    }

    fn end_accept_loop(server: &Supervised) {
        let inner = server.current();
        rustix::net::shutdown(&inner.endpoint.listener, rustix::net::Shutdown::Both).expect("shut down");
    }

    #[test]
    fn an_accept_loop_that_ends_is_replaced() {
        let server = start();
        for _ in 0..2 {
            let old = server.current();
            end_accept_loop(&server);
            assert!(is_answered(&server));
            assert!(!Arc::ptr_eq(&old, &server.current()));
        }
    }

    #[test]
    fn a_request_that_comes_after_its_server_was_replaced_is_answered() {
        let server = start();
        let late = server.connect().expect("connects");
        // Its turn to be accepted came before this one's, which has been answered.
        assert!(is_answered(&server));
        end_accept_loop(&server);
        assert!(is_answered(&server), "by another server");
        let old = late._door.clone();
        assert!(!Arc::ptr_eq(&old.0, &server.current()));
        drop(old);
        assert!(answer_on(late).ends_with("ok"));
    }

    #[test]
    fn no_server_outlives_its_folder() {
        for _ in 0..100 {
            let server = start();
            let inner = Arc::downgrade(&server.current());
            let before = Instant::now();
            server.stop();
            let in_time = before.elapsed() < PAGE_STOP; // else it may have been left behind
            assert!(!in_time || inner.strong_count() == 0, "its accept thread could no longer be woken");
        }
    }

    #[test]
    fn a_server_that_nobody_can_reach_is_replaced() {
        let server = start();
        std::fs::remove_file(&server.current().endpoint.path).expect("removed");
        assert!(is_answered(&server));
    }

    #[test]
    fn a_lost_worker_is_replaced_with_its_server() {
        let server = start();
        let old = server.shared.current().clone().expect("running");
        old.0.server.unblock();
        assert!(server.shared.wait_until_replaced(&old, Instant::now() + DEADLINE));
        assert!(is_answered(&server));
    }

    #[test]
    fn stopping_removes_the_socket_and_refuses_connections() {
        let server = start();
        let path = server.current().endpoint.path.clone();
        let folder = path.parent().expect("a folder").to_owned();
        let mode = std::fs::metadata(&folder).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o700, "only we can enter");
        server.stop();
        server.stop();
        assert!(!folder.exists());
        assert_eq!(server.connect().expect_err("stopped").kind(), io::ErrorKind::NotConnected);
    }
}
