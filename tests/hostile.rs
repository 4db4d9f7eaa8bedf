//! A curious class: thirty students with a laptop and an afternoon. The room does not notice.
//!
//! Whatever is done to a [`Room`] is done while others talk in it. Afterwards it has to have gone on reaching them, and
//! its process has to be back where it was: its threads, its descriptors, and, but for what an allocator keeps, its
//! memory; and no thread of it may have panicked. Each deed leaves a line of figures (`cargo test hostile -- --nocapture --test-threads 1`);
//! a table of cases is one deed.
//!
//! | what is done | where |
//! |---|---|
//! | requests that are none, or too much | `http`; foreign hosts and origins also in `crate::http` |
//! | handshakes | `handshake` |
//! | frames | `frames`; goodbyes in `crate::closing` |
//! | events | `protocol`; also `crate::errors`, `crate::names` |
//! | silence, and whatever else is ended by a deadline | `crate::away`; a transcript that nobody reads in `crate::transcript` |
//! | too much of everything at once | `load`; one reader that stands still in `crate::slow`, too many connections in `crate::caps` |
//! | what the machine does not give | `faults`, and in the middle of a flood `cut_short`; also `crate::disk`, `crate::crash`, `crate::torture` |
//! | what a fuzzer found worth keeping | `corpus` |

mod corpus;
#[cfg(target_os = "linux")]
mod cut_short;
#[cfg(target_os = "linux")]
mod faults;
mod frames;
mod handshake;
mod http;
mod load;
mod properties;
mod protocol;
mod witness;

#[cfg(all(target_os = "linux", debug_assertions))]
use crate::support::armed;
use crate::support::{DEADLINE, Footprint, Process, TestClient};
use chat_app::limits;
use serde_json::json;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::process::Command;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use witness::Witness;

/// What an allocator may keep of what it was given back, in KiB: it has an arena for each of a few threads.
const KEPT_BY_ALLOCATOR_KIB: u64 = 24 * 1024;

/// The real binary at its default pace, with people in it who talk all the time.
pub struct Room {
    // First, to be dropped first.
    witness: Witness,
    process: Process,
    /// Where it listens.
    pub addr: SocketAddr,
    /// How much memory it may keep afterwards, in KiB.
    kept_kib: u64,
    /// Threads of it are made to panic.
    may_panic: bool,
    _folder: TempDir,
}

impl Room {
    /// A room that takes many connections from one address, since all of a test's come from one.
    pub fn open() -> Room {
        Room::with(&["--max-clients-per-address", "10000"])
    }

    /// A room with these arguments.
    pub fn with(arguments: &[&str]) -> Room {
        let (mut command, folder) = Room::command();
        Room::spawn(command.args(arguments), folder)
    }

    /// A room with a fault point armed.
    #[cfg(all(target_os = "linux", debug_assertions))]
    fn with_fault(point: &str) -> Room {
        let (mut command, folder) = Room::command();
        Room::spawn(armed(&mut command, point), folder)
    }

    /// What opens a room over a database that is not there yet, in this folder.
    fn command() -> (Command, TempDir) {
        let folder = tempfile::tempdir().expect("a folder for the database");
        let mut command = Process::command(&folder.path().join("chat.db"));
        command.args(["--port", "0", "--rate-limit", "5"]);
        (command, folder)
    }

    /// The room that this command opens.
    fn spawn(command: &mut Command, folder: TempDir) -> Room {
        // The first backtrace that is printed keeps the whole table of symbols in memory.
        Room::around(Process::spawn(command.env("RUST_BACKTRACE", "0")), folder)
    }

    /// The room that this process has opened.
    fn around(process: Process, folder: TempDir) -> Room {
        let addr = process.addr();
        let mut first = TestClient::connect(addr);
        // Each of its connections to the database opens its files when it is first used: they take turns.
        for _ in limits::READERS {
            first.send(json!({"event": "request_history", "before": 1}));
            first.expect_event("history");
        }
        first.leave();
        Room {
            witness: Witness::enter(addr),
            process,
            addr,
            kept_kib: KEPT_BY_ALLOCATOR_KIB,
            may_panic: false,
            _folder: folder,
        }
    }

    /// A room in which people log in: each thread that hashes passwords keeps its memory for the next.
    fn with_logins(self) -> Room {
        let hashes = limits::PASSWORD_WORKERS as u64 * u64::from(limits::PASSWORD_HASH_KIB);
        Room { kept_kib: self.kept_kib + hashes, ..self }
    }

    /// A room whose page's server is made to panic, or does so for want of a thread or a descriptor.
    #[cfg(target_os = "linux")]
    fn that_may_panic(self) -> Room {
        Room { may_panic: true, ..self }
    }

    /// Does something to the room. Everybody else goes on hearing each other meanwhile and afterwards, and the process
    /// goes back to where it was.
    pub fn endure<T>(&self, case: &str, deed: impl FnOnce(SocketAddr) -> T) -> T {
        let before = Footprint::of(&self.process);
        Footprint::forget_peak(&self.process);
        self.witness.take_latencies();
        let begin = Instant::now();
        let result = deed(self.addr);
        let took = begin.elapsed();
        self.witness.expect_more(case);
        let during = self.witness.take_latencies();
        let after = self.expect_recovery(case, before);
        // One that was caught ended one connection, and may be all that anybody saw of it.
        let log = self.process.stderr.text();
        assert!(self.may_panic || !log.contains("panicked"), "{case}: {log}");
        println!(
            "| {case} | {:.2} s | {} → {} → {} MiB | {} → {} descriptors | {} → {} threads | {during} |",
            took.as_secs_f64(),
            before.memory_kib / 1024,
            after.peak_kib / 1024,
            after.memory_kib / 1024,
            before.descriptors,
            after.descriptors,
            before.threads,
            after.threads
        );
        result
    }

    /// How it is without anything being done, to compare with.
    fn calm(&self) {
        self.endure("nothing", |_| self.witness.listen_for(Duration::from_millis(500)));
    }

    fn expect_recovery(&self, case: &str, before: Footprint) -> Footprint {
        let (mut until, mut left) = (Instant::now() + DEADLINE, u64::MAX);
        loop {
            let now = Footprint::of(&self.process);
            if now.threads <= before.threads + IDLE_PAGE_THREADS
                && now.descriptors <= before.descriptors
                && now.memory_kib <= before.memory_kib + self.kept_kib
            {
                return now;
            }
            // However slowly they go on a busy machine: for ever is where nobody goes any more.
            if now.descriptors < left {
                (until, left) = (Instant::now() + DEADLINE, now.descriptors);
            }
            assert!(Instant::now() < until, "{case}: {before} before, and {now} for ever after");
            self.witness.listen_for(Duration::from_millis(20));
        }
    }
}

/// Idle threads that tiny_http's pool keeps. After a rush all of them may go at the same moment, so that it has none for a
/// while, and keeps as many again after the next.
pub const IDLE_PAGE_THREADS: u64 = 4;

/// How a connection was ended, and when.
struct End {
    /// All that came before.
    bytes: Vec<u8>,
    /// From the first byte that was sent.
    after: Duration,
}

impl End {
    /// The status of the first answer, none where there was no answer at all.
    fn status(&self) -> Option<u16> {
        let line = self.bytes.strip_prefix(b"HTTP/1.1 ")?.get(..3)?;
        std::str::from_utf8(line).ok()?.parse().ok()
    }

    /// How many answers came.
    fn answers(&self) -> usize {
        self.bytes.windows(9).filter(|window| window == b"HTTP/1.1 ").count()
    }

    /// What stands behind the first answer's head.
    fn body(&self) -> &[u8] {
        let head = self.bytes.windows(4).position(|window| window == b"\r\n\r\n");
        head.map_or(&[], |end| &self.bytes[end + 4..])
    }
}

/// Sends bytes on a connection of their own, and reads until the server ends it.
fn exchange(addr: SocketAddr, bytes: &[u8]) -> End {
    let mut stream = TcpStream::connect(addr).expect("a connection");
    let begin = Instant::now();
    std::thread::scope(|scope| {
        let mut half = stream.try_clone().expect("one socket, two ends");
        // The server may answer and hang up in the middle of it.
        scope.spawn(move || half.write_all(bytes));
        let bytes = read_to_end(&mut stream);
        let after = begin.elapsed();
        let _ = stream.shutdown(Shutdown::Both); // whatever is still being written
        End { bytes, after }
    })
}

/// Asks to log in, in vain; the answer takes a hash.
fn ask_to_log_in(mut stream: &TcpStream, addr: SocketAddr, name: &str) {
    let body = format!(r#"{{"email":"{name}@example.org","password":"not the password"}}"#);
    let head = format!("POST /api/login HTTP/1.1\r\nHost: {addr}\r\nOrigin: http://{addr}\r\n");
    let lines = format!("Content-Type: application/json\r\nContent-Length: {}\r\n\r\n", body.len());
    stream.write_all((head + &lines + &body).as_bytes()).expect("bytes can be written");
}

/// The status of the answer that ends the connection.
fn status_of(mut stream: TcpStream) -> String {
    String::from_utf8_lossy(&read_to_end(&mut stream)).get(9..12).unwrap_or_default().to_owned()
}

/// All that comes until the server ends the connection, which has to happen.
pub fn read_to_end(stream: &mut TcpStream) -> Vec<u8> {
    stream.set_read_timeout(Some(DEADLINE)).expect("a timeout can be set");
    let mut all = Vec::new();
    match stream.read_to_end(&mut all) {
        Err(error)
            if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) =>
        {
            panic!("still open, after {:?}", all.escape_ascii().to_string())
        }
        _ => all, // torn is an end, too
    }
}

/// Whoever floods the room has a machine of their own. Here all share one, so their threads stand back for the room's and
/// for those of the people in it: what they cost the room is what it does for them, not what they do.
/// Only on Linux has a thread a priority of its own.
fn stand_back() {
    #[cfg(target_os = "linux")]
    rustix::process::setpriority_process(Some(rustix::thread::gettid()), 19).expect("anybody may stand back");
}

/// Descriptors for thousands of clients in this process.
pub fn allow_descriptors(count: u64) {
    let allowed = rlimit::increase_nofile_limit(count).expect("a limit");
    assert!(allowed >= count, "this machine allows {allowed} descriptors, the test needs {count}");
}
