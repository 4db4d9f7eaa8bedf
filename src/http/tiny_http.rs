//! The HTTP server of page and API: one tiny_http at a time, and another in its place once it has ended.
//!
//! Any error of `accept` ends one (no descriptors left is one), and so does a panic of its accept thread or of a worker. Its
//! workers or a refused connection notice, and mark it as ended; the next connection opens another. Requests that have
//! reached the old one are still answered by its workers.

use std::convert::Infallible;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Instant;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use tiny_http::{Request, Server};

use crate::http::private_socket::{Endpoint, Folder, Upstream};
use crate::limits::{PAGE_REPLACED, PAGE_RESTART, PAGE_STOP, PAGE_WORKERS};
use crate::sys::failpoint;

/// What a worker does with each request.
type Take = Arc<dyn Fn(Request) + Send + Sync>;

pub(super) struct TinyHttp {
    take: Take,
    /// None once stopped.
    current: Mutex<Option<Current>>,
    /// Disconnected when the last of all servers has ended.
    gone: Receiver<Infallible>,
}

struct Current {
    door: Arc<Door>,
    /// When it was opened, or opening another failed.
    opened: Instant,
    generation: u64,
    alive: Sender<Infallible>,
    folder: Folder,
}

impl TinyHttp {
    /// Starts the first server. Its workers hand each request to `take`.
    ///
    /// # Errors
    /// No folder for the private socket could be made, or no thread.
    pub(super) fn start(take: impl Fn(Request) + Send + Sync + 'static) -> io::Result<TinyHttp> {
        let take: Take = Arc::new(take);
        let (alive, gone) = bounded(0);
        let folder = Folder::new()?;
        let door = open(&folder, 0, &take, &alive)?;
        let current = Current { door, opened: Instant::now(), generation: 0, alive, folder };
        Ok(TinyHttp { take, current: Mutex::new(Some(current)), gone })
    }

    /// See [`super::Pages::connect`].
    pub(super) fn connect(&self) -> io::Result<Connection> {
        let deadline = Instant::now() + PAGE_REPLACED;
        loop {
            let door = self.door()?;
            let refused = match door.0.endpoint.connect() {
                // Nobody listens there any more. Other errors are ours (no descriptors), not the server's.
                Err(error)
                    if matches!(error.kind(), io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound) =>
                {
                    error
                }
                result => return result.map(|stream| Connection { stream, _door: door }),
            };
            if door.0.ended.swap(true, Ordering::AcqRel) {
                // Another could not be opened, or ended at once.
                if Instant::now() >= deadline {
                    return Err(refused);
                }
                thread::sleep(PAGE_RESTART);
            }
        }
    }

    /// The way to the server; opens another first if it has ended.
    fn door(&self) -> io::Result<Arc<Door>> {
        let mut current = self.lock();
        let stopped = || io::Error::new(io::ErrorKind::NotConnected, "the page's server is stopped");
        let current = current.as_mut().ok_or_else(stopped)?;
        if current.door.0.ended.load(Ordering::Acquire) && current.opened.elapsed() >= PAGE_RESTART {
            current.generation += 1;
            // tiny_http panics where it gets no thread for its accept loop.
            let opened = catch_unwind(AssertUnwindSafe(|| {
                open(&current.folder, current.generation, &self.take, &current.alive)
            }));
            match opened.unwrap_or_else(|_| Err(io::Error::other("it panicked, for want of a thread"))) {
                Ok(next) => {
                    log::error!("the page's HTTP server ended; another one took its place");
                    current.door = next; // the last one still answers what it has accepted
                }
                Err(error) => {
                    log::error!(
                        "the page's HTTP server ended, and another one cannot be started yet: {error}"
                    );
                }
            }
            current.opened = Instant::now();
        }
        Ok(current.door.clone())
    }

    /// Takes no more connections, waits for the workers and removes the socket. A worker that is busy for longer than
    /// [`PAGE_STOP`] is not waited for. False the second time.
    pub(super) fn stop(&self) -> bool {
        // The folder goes last: a server wakes its accept thread through the socket in it.
        let Some(Current { door, alive, folder: _folder, .. }) = self.lock().take() else { return false };
        drop((door, alive));
        if let Err(RecvTimeoutError::Timeout) = self.gone.recv_timeout(PAGE_STOP) {
            log::warn!("a request to the page is still being answered; left behind");
        }
        true
    }

    /// How many servers have been opened after the first.
    #[cfg(all(test, unix))]
    pub(super) fn generation(&self) -> u64 {
        self.lock().as_ref().expect("running").generation
    }

    /// A pointer is whole whatever panicked.
    fn lock(&self) -> MutexGuard<'_, Option<Current>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for TinyHttp {
    fn drop(&mut self) {
        self.stop();
    }
}

/// One tiny_http server.
struct Inner {
    server: Server,
    endpoint: Endpoint,
    ended: AtomicBool,
    /// Dropped after `server`, which uses its folder to the end.
    _alive: Sender<Infallible>,
}

/// The way to a server, held by each connection to it; with the last of them, the workers end.
///
/// tiny_http queues a request even when nobody takes from the queue any more: it would lie there for ever, and hold a thread
/// and its connection.
struct Door(Arc<Inner>);

impl Drop for Door {
    fn drop(&mut self) {
        for _ in 0..PAGE_WORKERS {
            self.0.server.unblock(); // one ends for each, after all that has been queued
        }
    }
}

/// A connection to the page's server.
pub(crate) struct Connection {
    pub stream: Upstream,
    /// Holds the workers that will answer.
    _door: Arc<Door>,
}

/// Starts a server with its workers, which hold `alive` until the last of them has ended.
fn open(folder: &Folder, generation: u64, take: &Take, alive: &Sender<Infallible>) -> io::Result<Arc<Door>> {
    let (server, endpoint) = folder.open(generation)?;
    let (ended, alive) = (AtomicBool::new(false), alive.clone());
    let door = Arc::new(Door(Arc::new(Inner { server, endpoint, ended, _alive: alive })));
    for number in 0..PAGE_WORKERS {
        let (take, inner) = (take.clone(), door.0.clone());
        thread::Builder::new().name(format!("page-{number}")).spawn(move || work(&inner, &take))?;
    }
    Ok(door)
}

fn work(inner: &Inner, take: &Take) {
    // An error means that the accept loop has ended, or that the door is gone.
    while let Ok(request) = inner.server.recv() {
        let taken = catch_unwind(AssertUnwindSafe(|| {
            failpoint::hit("page", request.url());
            take(request);
        }));
        if taken.is_err() {
            inner.ended.store(true, Ordering::Release); // and goes on: others' requests may be here already
        }
    }
    inner.ended.store(true, Ordering::Release);
}

#[cfg(all(test, unix))]
mod tests {
    use std::io::{Read, Write};
    use std::os::unix::fs::PermissionsExt;
    use std::time::Duration;

    use tiny_http::Response;

    use super::*;

    /// Longer than anything here takes on a busy machine; reached only by a failure.
    const DEADLINE: Duration = Duration::from_secs(10);

    fn start() -> TinyHttp {
        let answer = |request: Request| drop(request.respond(Response::from_string("ok")));
        TinyHttp::start(answer).expect("starts")
    }

    /// Asks on a connection, and gives back the answer.
    fn answer_on(connection: Connection) -> String {
        connection.stream.set_read_timeout(Some(DEADLINE)).expect("a deadline");
        (&connection.stream).write_all(b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n").expect("sends");
        let mut answer = String::new();
        (&connection.stream).read_to_string(&mut answer).expect("an answer, then the end");
        answer
    }

    fn is_answered(server: &TinyHttp) -> bool {
        answer_on(server.connect().expect("connects")).ends_with("ok")
    }

    /// The server that takes connections.
    fn current(server: &TinyHttp) -> Arc<Inner> {
        server.lock().as_ref().expect("running").door.0.clone()
    }

    fn end_accept_loop(server: &TinyHttp) {
        let listener = &current(server).endpoint.listener;
        rustix::net::shutdown(listener, rustix::net::Shutdown::Both).expect("shut down");
    }

    #[test]
    fn an_accept_loop_that_ends_is_replaced() {
        let (server, begin) = (start(), Instant::now());
        for generation in 1..4 {
            end_accept_loop(&server);
            assert!(is_answered(&server));
            assert_eq!(server.generation(), generation);
        }
        assert!(
            begin.elapsed() >= 2 * PAGE_RESTART,
            "each leaves idle threads, so they do not come too often"
        );
    }

    #[test]
    fn a_request_that_comes_after_its_server_was_replaced_is_answered() {
        let server = start();
        let late = server.connect().expect("connects");
        // Its turn to be accepted came before this one's, which has been answered.
        assert!(is_answered(&server));
        end_accept_loop(&server);
        assert!(is_answered(&server), "by another server");
        assert!(!Arc::ptr_eq(&late._door.0, &current(&server)));
        assert!(answer_on(late).ends_with("ok"));
    }

    #[test]
    fn no_server_outlives_its_folder() {
        for _ in 0..100 {
            let server = start();
            let inner = Arc::downgrade(&current(&server));
            let before = Instant::now();
            server.stop();
            let in_time = before.elapsed() < PAGE_STOP; // else it may have been left behind
            assert!(!in_time || inner.strong_count() == 0, "its accept thread could no longer be woken");
        }
    }

    #[test]
    fn a_server_that_nobody_can_reach_is_replaced() {
        let server = start();
        std::fs::remove_file(&current(&server).endpoint.path).expect("removed");
        assert!(is_answered(&server));
    }

    #[test]
    fn a_lost_worker_is_replaced_with_its_server() {
        let server = start();
        current(&server).server.unblock();
        let until = Instant::now() + DEADLINE;
        while server.generation() == 0 {
            assert!(Instant::now() < until, "nobody noticed");
            assert!(is_answered(&server), "by the workers that are left, too");
        }
    }

    #[test]
    fn stopping_removes_the_socket_and_refuses_connections() {
        let server = start();
        let path = current(&server).endpoint.path.clone();
        let folder = path.parent().expect("a folder").to_owned();
        let mode = std::fs::metadata(&folder).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o700, "only we can enter");
        server.stop();
        server.stop();
        assert!(!folder.exists());
        assert_eq!(server.connect().map(drop).expect_err("stopped").kind(), io::ErrorKind::NotConnected);
    }
}
