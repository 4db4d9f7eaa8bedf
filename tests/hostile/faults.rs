//! What the machine does not give, for a while: descriptors, threads, somebody who reads the log. When it does again,
//! everything works again by itself.

use super::{Room, ask_to_log_in, exchange, status_of};
use crate::support::{
    DEADLINE, Ended, Footprint, Knock, Process, TestClient, armed, crowd, program, try_http,
};
#[cfg(debug_assertions)]
use chat_app::inside::TRIGGER;
use chat_app::limits;
#[cfg(debug_assertions)]
use std::io::Read;
use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Changes one of a running process' limits, as its own user: not even root may change another's everywhere.
fn limit(process: &Process, what: &str, value: u64) {
    let owner = std::fs::metadata(format!("/proc/{}", process.id())).expect("it runs");
    let mut command = Command::new("prlimit");
    command.args(["--pid", &process.id().to_string(), &format!("--{what}={value}:")]);
    if owner.uid() != rustix::process::geteuid().as_raw() {
        command.uid(owner.uid()).gid(owner.gid());
    }
    assert!(command.status().expect("util-linux is there").success(), "{what} = {value}");
}

/// The page, the API and the WebSocket, until each works.
fn expect_all_works(addr: SocketAddr) {
    let until = Instant::now() + DEADLINE;
    let works = |target: &str| {
        let answer =
            try_http(addr, format!("GET {target} HTTP/1.1\r\nHost: {addr}\r\nConnection: close\r\n\r\n"));
        answer.is_ok_and(|answer| answer.status == 200)
    };
    let enters = || match Knock::at(addr, "/ws").and_then(Knock::enter) {
        Ok(Ok(mut client)) => client.next().is_ok_and(|event| event["event"] == "welcome"),
        _ => false,
    };
    while !(works("/") && works("/api/session") && enters()) {
        assert!(Instant::now() < until, "it does not recover");
    }
}

/// Asks for the page on many connections at the same moment.
fn ask_at_once(addr: SocketAddr, count: usize) -> Vec<TcpStream> {
    let mut streams: Vec<TcpStream> = (0..count).filter_map(|_| TcpStream::connect(addr).ok()).collect();
    for stream in &mut streams {
        let _ = write!(stream, "GET / HTTP/1.1\r\nHost: {addr}\r\n\r\n");
    }
    streams
}

#[test]
fn descriptors_run_out_and_come_back() {
    let room = Room::open().that_may_panic();
    room.calm();
    let page_met_it = || room.process.stderr.text().contains("another one took its place");
    let begin = Instant::now();
    room.endure("no descriptors left, time and again", |_| {
        // Whether the listener or the page's server takes the last one is chance: until both have been without. A thread
        // that waits in `accept` has a descriptor set aside that is in no list, so one to spare can be none at all: then
        // nobody is let in before there are more again.
        let until = Instant::now() + 6 * DEADLINE;
        for (round, spare) in [1, 12, 9, 15, 6, 18].into_iter().cycle().enumerate() {
            if round > 1 && (page_met_it() || Instant::now() > until) {
                break;
            }
            let held = Footprint::of(&room.process).descriptors;
            limit(&room.process, "nofile", held + spare);
            let crowd: Vec<_> = (0..100).filter_map(|_| TcpStream::connect(room.addr).ok()).collect();
            room.witness.listen_for(Duration::from_millis(300));
            drop(crowd);
            // A connection that was let in now finds no descriptor for its way to the page; nor does the page's server.
            let asking = ask_at_once(room.addr, 40);
            room.witness.listen_for(Duration::from_millis(300));
            limit(&room.process, "nofile", 1024);
            for mut stream in asking {
                let _ = super::read_to_end(&mut stream); // whatever comes, it has an end
            }
            expect_all_works(room.addr);
        }
    });
    let log = room.process.stderr.text();
    assert!(log.contains("could not be accepted"), "{log}");
    // A line when it begins and one when it has ended, not two for each that is let in between.
    let lines = log.matches("accepted again").count();
    assert!(limits::ACCEPT_SETTLED * lines as u32 <= begin.elapsed(), "{log}");
    assert!(page_met_it(), "the page's server did not meet it: {log}");
}

/// The room as a user of its own, since root has as many threads as it likes. None where that cannot be.
fn as_somebody(fault: Option<&str>) -> Option<Room> {
    let folder = tempfile::tempdir().expect("a folder for the database");
    let program = folder.path().join("chat-app");
    std::fs::copy(env!("CARGO_BIN_EXE_chat-app"), &program).expect("a program can be copied");
    let mut command = Command::new(program);
    command.args(["--bind", "127.0.0.1", "--port", "0", "--quiet", "--max-clients-per-address", "10000"]);
    command.arg("--database").arg(folder.path().join("chat.db"));
    if let Some(point) = fault {
        armed(&mut command, point);
    }
    if rustix::process::geteuid().is_root() {
        // Nobody else's threads count among this one's.
        let nobody = 3_000_000_000 + std::process::id();
        command.uid(nobody).gid(nobody).env("TMPDIR", folder.path());
        std::os::unix::fs::chown(folder.path(), Some(nobody), Some(nobody))
            .expect("a folder can be given away");
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755))
            .expect("our own folder");
        let mut tried = Command::new("true");
        if tried.uid(nobody).status().is_err() {
            println!("skipped: this machine has no other users");
            return None;
        }
    }
    Some(Room::spawn(&mut command, folder).with_logins().that_may_panic())
}

#[test]
fn threads_run_out_and_come_back() {
    let Some(room) = as_somebody(None) else { return };
    room.endure("no threads left", |addr| {
        // These have theirs already. The page's own server needs one for each that waits for its answer, too: it has
        // them for the first half, and is asked for more when there are no more.
        let early: Vec<TcpStream> =
            (0..40).map(|_| TcpStream::connect(addr).expect("a connection")).collect();
        // They are accepted in their order.
        assert_eq!(exchange(addr, b"hello\r\n\r\n").status(), Some(400), "whoever comes later has a thread");
        for (n, stream) in early.iter().enumerate() {
            if n == early.len() / 2 {
                limit(&room.process, "nproc", 1);
            }
            ask_to_log_in(stream, addr, &format!("early-{n}"));
        }
        for stream in early {
            let status = status_of(stream);
            assert!(matches!(&*status, "401" | "429" | "500" | "502"), "{status}");
        }
        for _ in 0..20 {
            assert_eq!(
                exchange(addr, format!("GET / HTTP/1.1\r\nHost: {addr}\r\n\r\n").as_bytes()).status(),
                None
            );
        }
        room.witness.listen_for(Duration::from_millis(300));
        limit(&room.process, "nproc", 10_000);
        expect_all_works(addr);
    });
    let log = room.process.stderr.text();
    assert!(log.contains("no thread for a connection"), "{log}");
}

/// tiny_http takes its threads for granted, and panics where it gets none: a request that replaces it has to survive that,
/// and whatever of it has begun.
#[cfg(debug_assertions)]
#[test]
fn a_page_server_that_gets_no_threads_is_replaced_once_there_are_some() {
    let Some(room) = as_somebody(Some("page")) else { return };
    let times = |what: &str| room.process.stderr.text().matches(what).count();
    let (failed, replaced) = ("another one cannot be started yet", "another one took its place");
    let panicked = "cannot be started yet: it panicked, for want of a thread";
    room.endure("no threads for another server of the page", |addr| {
        expect_all_works(addr);
        // It needs nine of them; whoever asks for it has the one of `last`. Which is the first that it lacks is chance.
        for spare in [0, 1, 2, 3, 4, 6, 8].into_iter().cycle().take(10 * 7) {
            if spare == 0 && times(panicked) > 0 {
                break;
            }
            let before = times(failed) + times(replaced);
            let mut last = TcpStream::connect(addr).expect("a connection");
            let head = format!("POST /{} HTTP/1.1\r\nHost: {addr}\r\nContent-Length: 2\r\n", TRIGGER);
            write!(last, "{head}Expect: 100-continue\r\n\r\n").expect("bytes can be written");
            last.read_exact(&mut [0; 25]).expect("it has a thread that says so");
            limit(&room.process, "nproc", Footprint::of(&room.process).threads + spare);
            last.write_all(b"{}").expect("bytes can be written");
            // With few it is tried again and again; with more (also with those that have ended since they were counted), it
            // may get far enough to be taken for one.
            let until = Instant::now() + DEADLINE;
            while times(failed) + times(replaced) == before {
                assert!(Instant::now() < until, "{spare} threads: it ended, and nobody tries to replace it");
                let end = exchange(addr, format!("GET / HTTP/1.1\r\nHost: {addr}\r\n\r\n").as_bytes());
                assert!(matches!(end.status(), None | Some(200 | 500 | 502)), "{}", end.bytes.escape_ascii());
                room.witness.listen_for(Duration::from_millis(20));
            }
            limit(&room.process, "nproc", 10_000);
            expect_all_works(addr);
        }
    });
    assert!(times(panicked) > 0, "{}", room.process.stderr.text());
    println!("failed {} times, replaced {} times", times(failed), times(replaced));
}

#[cfg(debug_assertions)]
#[test]
fn threads_of_the_pages_server_panic_and_are_replaced() {
    let room = Room::with_fault("page").that_may_panic();
    room.endure("ten panics in the page's server", |addr| {
        for n in 0..10 {
            let end = exchange(addr, format!("GET /{} HTTP/1.1\r\nHost: {addr}\r\n\r\n", TRIGGER).as_bytes());
            assert!(matches!(end.status(), Some(500 | 502)), "panic {n}: {}", end.bytes.escape_ascii());
            room.witness.listen_for(limits::PAGE_RESTART);
            expect_all_works(addr);
        }
        // What it leaves behind is idle for five seconds.
        room.witness.listen_for(Duration::from_secs(5));
    });
    let log = room.process.stderr.text();
    assert!(log.matches("another one took its place").count() >= 5, "{log}");
}

/// What becomes of what is logged.
enum Stderr {
    /// There is none.
    None,
    /// Nobody is there any more.
    Closed,
    /// Somebody is there, and does not read.
    Unread,
}

#[test]
fn nobody_has_to_read_the_log() {
    let _alone = crowd();
    for (case, stderr) in [
        ("no stderr", Stderr::None),
        ("a closed stderr", Stderr::Closed),
        ("an unread stderr", Stderr::Unread),
    ] {
        let folder = tempfile::tempdir().expect("a folder for the database");
        let mut command = match stderr {
            Stderr::None => {
                let mut shell = Command::new("sh");
                shell.args(["-c", "exec \"$0\" \"$@\" 2>&-", env!("CARGO_BIN_EXE_chat-app")]);
                shell
            }
            _ => program(),
        };
        command.args(["--bind", "127.0.0.1", "--port", "0", "--quiet", "--database"]);
        command.arg(folder.path().join("chat.db")).env("RUST_LOG", "trace").stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the binary can be run");
        let pipe = child.stderr.take();
        let kept = if matches!(stderr, Stderr::Unread) { pipe } else { None };
        let process = Process::adopt(child);
        let addr = process.addr();
        let mut room = Room::around(process, folder);
        room.endure(case, |_| {
            // More lines than a pipe and the queue take.
            for n in 0..6_000 {
                drop(TcpStream::connect(addr).unwrap_or_else(|error| panic!("{case}, {n}: {error}")));
            }
            expect_all_works(addr);
        });
        room.witness.leave();
        room.process.signal(crate::support::Signal::TERM);
        assert_eq!(room.process.wait().code(), Some(0), "{case}");
        drop(kept);
    }
}

/// A thread that cannot be had ends the process: so nobody is let in beyond what the machine holds.
#[test]
fn a_machine_that_holds_fewer_than_were_asked_for_says_so_and_lets_in_no_more() {
    let folder = tempfile::tempdir().expect("a folder for the database");
    let small = |arguments: &[&str]| {
        let mut command = Command::new("prlimit");
        command.args([
            "--nofile=120:120",
            env!("CARGO_BIN_EXE_chat-app"),
            "--bind",
            "127.0.0.1",
            "--port",
            "0",
        ]);
        command.arg("--quiet").arg("--database").arg(folder.path().join("chat.db")).args(arguments);
        Process::spawn(&mut command)
    };
    let room = small(&["--max-clients", "5000", "--max-clients-per-address", "5000"]);
    let addr = room.addr();
    let clients: Vec<TestClient> = (0..60).map(|_| TestClient::connect(addr)).collect();
    let full = Knock::at(addr, "/ws").and_then(Knock::enter).expect("an answer");
    assert!(matches!(full.map(|mut client| client.expect_end()), Ok(Ended::Closed(1013))), "it is full");
    assert_eq!(
        exchange(addr, format!("GET / HTTP/1.1\r\nHost: {addr}\r\n\r\n").as_bytes()).status(),
        Some(503)
    );
    drop(clients);
    expect_all_works(addr);
    let line = "limit on open files allows 60 connections; to raise it: ulimit -n";
    assert!(room.stderr.text().contains(line), "{}", room.stderr.text());
    drop(room);

    // Who asks for less, or for nothing on a machine that has enough, hears nothing of it.
    let room = small(&["--max-clients", "50"]);
    TestClient::connect(room.addr()).leave();
    assert!(!room.stderr.text().contains("limit on"), "{}", room.stderr.text());
    let room = Process::start(&folder.path().join("another.db"), &[]);
    TestClient::connect(room.addr()).leave();
    assert!(!room.stderr.text().contains("limit on"), "{}", room.stderr.text());
}
