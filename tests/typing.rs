//! Others see who is typing: a few names and a number, no more often than is of use, no longer than it is true.

use crate::support::{Ended, TestServer};
use serde_json::json;
use std::time::{Duration, Instant};

/// Names in one event.
const TYPING_NAMES: usize = 3;
/// One `typing` in this time counts.
const TYPING_EVERY: Duration = Duration::from_secs(3);

#[test]
fn others_see_who_is_typing() {
    let server = TestServer::start();
    let (mut ana, mut ben) = (server.join("Ana"), server.join("Ben"));
    ana.send(json!({"event": "typing"}));
    let typing = ben.expect_event("typing");
    assert_eq!(typing["usernames"], json!(["Ana"]));
    assert_eq!(typing["others"], 0);
}

#[test]
fn many_are_a_few_names_and_a_number() {
    let server = TestServer::start();
    let mut watcher = server.connect();
    let mut crowd: Vec<_> = (0..TYPING_NAMES + 2).map(|n| server.join(&format!("Guest {n}"))).collect();
    crowd.iter_mut().for_each(|client| client.send(json!({"event": "typing"})));
    let typing = watcher.expect("all of them", |event| event["event"] == "typing" && event["others"] == 2);
    assert_eq!(typing["usernames"].as_array().map(Vec::len), Some(TYPING_NAMES));
}

#[test]
fn typing_counts_once_in_three_seconds() {
    let server = TestServer::start();
    let (mut ana, mut ben) = (server.join("Ana"), server.join("Ben"));
    let begin = Instant::now();
    let mut heard = 0;
    while begin.elapsed() < Duration::from_secs(2) {
        ana.send(json!({"event": "typing"}));
        match ben.next_within(Duration::from_millis(20)) {
            Ok(event) => heard += u64::from(event["event"] == "typing"),
            Err(Ended::Silent) => (),
            Err(ended) => panic!("{ended:?}"),
        }
    }
    let allowed = 1 + begin.elapsed().as_secs() / 3;
    assert!((1..=allowed).contains(&heard), "{heard} times in {:?}", begin.elapsed());
}

#[test]
fn typing_is_over_after_a_while() {
    let server = TestServer::start();
    let mut watcher = server.connect();
    let (mut ana, mut ben) = (server.join("Ana"), server.join("Ben"));
    ana.send(json!({"event": "typing"}));
    watcher.expect("Ana", |event| event["usernames"] == json!(["Ana"]));
    let until = Instant::now() + crate::support::DEADLINE;
    loop {
        assert!(Instant::now() < until, "Ana is shown as typing for ever");
        ben.send(json!({"event": "typing"}));
        match watcher.next_within(TYPING_EVERY) {
            Ok(event) if event["usernames"] == json!(["Ben"]) => return,
            Ok(_) | Err(Ended::Silent) => (),
            Err(ended) => panic!("{ended:?}"),
        }
    }
}
