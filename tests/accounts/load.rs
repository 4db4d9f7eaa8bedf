//! Logins cost a lot of time. Nobody but who logs in may notice, nor learn anything from it.

use super::{Browser, behind_a_proxy, email_of, password_of};
use crate::support::TestServer;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Between the two answers lies a password's hash, some 20 ms, or nothing. So a difference shows as a factor of ten and
/// more, while noise on a busy machine moves a median of pairs measured in turns by far less than the factor two allowed.
#[test]
fn an_unknown_address_takes_as_long_as_a_wrong_password() {
    const PAIRS: usize = 21;
    let server = TestServer::with(behind_a_proxy);
    drop(Browser::signed_up(&server, "Ana"));
    let time = |email: &str, number: usize| {
        // Each from an address of its own, so that none has to wait.
        let mut browser = Browser::new(server.addr()).from(&format!("203.0.113.{number}"));
        let start = Instant::now();
        assert_eq!(browser.log_in(email, "a wrong password").status, 401);
        start.elapsed()
    };
    let mut times: [Vec<Duration>; 2] = Default::default();
    for number in 0..PAIRS {
        times[0].push(time(&email_of("Ana"), number));
        times[1].push(time("nobody@school.example", 100 + number));
    }
    let [known, unknown] = times.map(|times| median(times).as_secs_f64());
    assert!((0.5..2.0).contains(&(known / unknown)), "known {known} s, unknown {unknown} s");
}

#[test]
fn fifty_people_log_in_at_once_and_chat_and_page_go_on() {
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
    // Who had to wait for the logins would have waited for most of them, the time of many hashes, each time.
    let (message, page) = (median(messages), median(pages));
    let bound = Duration::from_millis(100);
    assert!(message < bound && page < bound, "half of the messages took {message:?}, of the pages {page:?}");
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
