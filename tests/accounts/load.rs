//! Logins cost a lot of time. Nobody but who logs in may notice, nor learn anything from it.

use super::{Browser, behind_a_proxy, email_of, password_of};
use crate::support::{TestServer, crowd};
use serde_json::json;
use std::io::Write;
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Between the two answers lies a password's hash, or nothing: a factor of ten and more. A busy machine only ever adds to
/// a time, so the fastest of many is what the server itself takes, and two such differ by far less than the factor three
/// allowed here.
#[test]
fn an_unknown_address_takes_as_long_as_a_wrong_password() {
    let _alone = crowd();
    const PAIRS: usize = 20;
    let server = TestServer::with(behind_a_proxy);
    drop(Browser::signed_up(&server, "Ana"));
    let time = |email: &str, number: usize| {
        // Each from an address of its own, so that none has to wait.
        let mut browser = Browser::new(server.addr()).from(&format!("203.0.113.{number}"));
        let start = Instant::now();
        assert_eq!(browser.log_in(email, "a wrong password").status, 401);
        start.elapsed()
    };
    let (mut known, mut unknown) = (Duration::MAX, Duration::MAX);
    for number in 0..PAIRS {
        known = known.min(time(&email_of("Ana"), number));
        unknown = unknown.min(time("nobody@school.example", 100 + number));
    }
    assert!(known < unknown * 3 && unknown < known * 3, "known {known:?}, unknown {unknown:?}");
}

#[test]
fn fifty_people_log_in_at_once_and_chat_and_page_go_on() {
    let _alone = crowd();
    const PEOPLE: usize = 50;
    let server = TestServer::start();
    let accounts: Vec<_> = (0..5).map(|number| format!("Person {number} of five")).collect();
    for name in &accounts {
        drop(Browser::signed_up(&server, name));
    }
    let (mut sender, mut reader) = (server.join("Sender"), server.join("Reader"));
    let (addr, over) = (server.addr(), AtomicBool::new(false));
    let (statuses, messages, pages) = thread::scope(|scope| {
        let logins: Vec<_> = (0..PEOPLE)
            .map(|number| {
                let name = &accounts[number % accounts.len()];
                scope.spawn(move || Browser::new(addr).log_in(&email_of(name), &password_of(name)).status)
            })
            .collect();
        let page = scope.spawn(|| {
            let mut times = Vec::new();
            while !over.load(Ordering::Relaxed) {
                let start = Instant::now();
                assert_eq!(Browser::new(addr).get("/healthz").status, 200);
                times.push(start.elapsed());
            }
            times
        });
        let mut messages = Vec::new();
        while !logins.iter().all(|login| login.is_finished()) {
            let (start, text) = (Instant::now(), format!("message {}", messages.len()));
            sender.say(&text);
            reader.expect_message(&text);
            messages.push(start.elapsed());
        }
        over.store(true, Ordering::Relaxed);
        let statuses: Vec<u16> = logins.into_iter().map(|login| login.join().expect("no panic")).collect();
        (statuses, messages, page.join().expect("no panic"))
    });
    assert_eq!(statuses, [200; PEOPLE], "right passwords are counted against nobody");
    // Each message and each page was asked for when the one before had come: were they to wait for logins, about ten would
    // come while there are any, and not hundreds, however busy the machine is.
    let times = |times: &[Duration]| format!("{} times, the slowest {:?}", times.len(), times.iter().max());
    assert!(
        messages.len() > 50 && pages.len() > 50,
        "messages {}, pages {}",
        times(&messages),
        times(&pages)
    );
}

/// A member who sends right logins without end fills the queue for nobody else.
#[test]
fn one_member_who_logs_in_all_the_time_keeps_nobody_out() {
    let _alone = crowd();
    const FLOOD: usize = chat_app::limits::PASSWORD_QUEUE + 150;
    const OTHERS: usize = 8;
    let server = TestServer::start();
    drop(Browser::signed_up(&server, "Mallory"));
    let others: Vec<_> = (0..OTHERS).map(|number| format!("Person {number}")).collect();
    for name in &others {
        drop(Browser::signed_up(&server, name));
    }
    let flooder = Browser::new(server.addr());
    let body = json!({"email": email_of("Mallory"), "password": password_of("Mallory")}).to_string();
    let request = format!(
        "POST /api/login HTTP/1.1\r\nConnection: close\r\n{}Content-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        flooder.headers(),
        body.len()
    );
    let flood: Vec<_> = (0..FLOOD)
        .map(|_| {
            let mut stream = TcpStream::connect(server.addr()).expect("a connection");
            stream.write_all(request.as_bytes()).expect("the server takes it");
            stream
        })
        .collect();
    let addr = server.addr();
    thread::scope(|scope| {
        let log_in = |name| Browser::new(addr).log_in(&email_of(name), &password_of(name)).status;
        let logins: Vec<_> = others.iter().map(|name| scope.spawn(move || log_in(name))).collect();
        for login in logins {
            assert_eq!(login.join().expect("no panic"), 200);
        }
    });
    let is_refused = |stream: &TcpStream| {
        let mut status = *b"HTTP/1.1 ...";
        stream.set_nonblocking(true).expect("set");
        matches!(stream.peek(&mut status), Ok(12)) && status == *b"HTTP/1.1 503"
    };
    let refused = flood.iter().filter(|stream| is_refused(stream)).count();
    assert!(refused > 0, "the queue was full");
}

#[test]
fn while_another_program_locks_the_database_logouts_wait_and_the_page_does_not() {
    const LOGOUTS: usize = 6;
    let server = TestServer::start();
    let mut browsers: Vec<_> =
        (0..LOGOUTS).map(|n| Browser::signed_up(&server, &format!("Person {n}"))).collect();
    let mut stranger = Browser::new(server.addr());
    stranger.cookies = vec![(stranger.session_name(), "A".repeat(43))];
    let db = rusqlite::Connection::open(server.database()).expect("opens");
    db.busy_timeout(chat_app::limits::ACCOUNTS_BUSY).expect("set");
    db.execute_batch("BEGIN IMMEDIATE").expect("locked");
    assert_eq!(stranger.post("/api/logout", json!({})).status, 204, "a made-up cookie changes nothing");
    thread::scope(|scope| {
        let logouts: Vec<_> = browsers
            .iter_mut()
            .map(|browser| scope.spawn(|| browser.post("/api/logout", json!({})).status))
            .collect();
        let start = Instant::now();
        for _ in 0..50 {
            assert_eq!(Browser::new(server.addr()).get("/healthz").status, 200);
        }
        let page = start.elapsed();
        assert!(page < chat_app::limits::ACCOUNTS_BUSY, "{page:?}");
        db.execute_batch("ROLLBACK").expect("unlocked");
        for logout in logouts {
            let status = logout.join().expect("no panic");
            assert!([204, 503].contains(&status), "{status}");
        }
    });
}
