//! Who writes too fast is slowed down, told so, and loses nothing; the others do not notice.

use crate::support::TestServer;
use serde_json::json;
use std::time::{Duration, Instant};

#[test]
fn an_eager_client_is_slowed_and_nothing_is_refused() {
    const MESSAGES: usize = 25;
    let server = TestServer::with(|config| config.rate_limit = 5);
    let (mut eager, mut ben) = (server.join("Eager"), server.join("Ben"));
    let begin = Instant::now();
    (0..MESSAGES).for_each(|n| eager.say(&n.to_string()));
    ben.say("meanwhile");
    (0..MESSAGES).for_each(|n| drop(eager.expect_text(&n.to_string())));
    let took = begin.elapsed();
    // Ten at once, the other fifteen at five a second; a little less, since a clock's tick may fall between.
    assert!(took > Duration::from_millis(2700), "{MESSAGES} messages in {took:?}");

    let said: Vec<_> =
        eager.received("receive_message").iter().map(|event| event["message"].clone()).collect();
    let own: Vec<_> = said.iter().filter(|text| *text != "meanwhile").collect();
    assert_eq!(own, (0..MESSAGES).map(|n| n.to_string()).collect::<Vec<_>>().iter().collect::<Vec<_>>());
    assert_ne!(said.last(), Some(&json!("meanwhile")), "others are not held up by an eager one");

    let errors = eager.received("error");
    assert!(errors.iter().all(|error| error["code"] == "rate_limited"), "{errors:?}");
    assert!(
        errors
            .iter()
            .all(|error| error["retry_after_ms"].as_u64().is_some_and(|ms| (1..=2000).contains(&ms)))
    );
    let allowed = took.as_secs() as usize + 1;
    assert!((1..=allowed).contains(&errors.len()), "told {} times in {took:?}", errors.len());
    ben.expect_text(&(MESSAGES - 1).to_string());
    assert!(ben.received("error").is_empty());
}

#[test]
fn history_counts_like_messages() {
    let server = TestServer::with(|config| config.rate_limit = 5);
    let mut client = server.connect();
    let begin = Instant::now();
    (0..18).for_each(|_| client.send(json!({"event": "request_history", "before": 1})));
    (0..18).for_each(|_| drop(client.expect_event("history")));
    assert!(begin.elapsed() > Duration::from_millis(1400), "{:?}", begin.elapsed());
    assert_eq!(
        client.received("error").first().map(|error| error["code"].clone()),
        Some(json!("rate_limited"))
    );
}

#[test]
fn joins_in_vain_are_slowed_and_each_is_answered() {
    const JOINS: usize = 12;
    let server = TestServer::with(|config| config.rate_limit = 5);
    let _ana = server.join("Ana");
    let mut eager = server.connect();
    let begin = Instant::now();
    (0..JOINS).for_each(|_| eager.send(json!({"event": "join", "username": "Ana"})));
    let mut refused = 0;
    while refused < JOINS {
        match eager.expect_event("error")["code"].as_str() {
            Some("name_taken") => refused += 1,
            Some("rate_limited") => assert!(refused >= 8, "told after {refused}"),
            code => panic!("{code:?}"),
        }
    }
    // Eight at once, then two a second; the first of them at once too, since one may be overdrawn.
    assert!(begin.elapsed() > Duration::from_millis(1300), "{:?}", begin.elapsed());
    assert_ne!(eager.received("error").len(), JOINS, "who is slowed is told so");
}

#[test]
fn a_calm_client_is_never_told_anything() {
    let server = TestServer::with(|config| config.rate_limit = 5);
    let mut ana = server.join("Ana");
    for n in 0..10 {
        ana.say_and_wait(&n.to_string());
    }
    assert!(ana.received("error").is_empty(), "ten at once are within the budget");
}

#[test]
fn zero_is_no_limit() {
    let server = TestServer::start();
    let mut ana = server.join("Ana");
    (0..500).for_each(|n| ana.say(&n.to_string()));
    (0..500).for_each(|n| drop(ana.expect_message(&n.to_string())));
    assert!(ana.received("error").is_empty());
}

#[test]
fn a_slowed_client_still_gets_its_pong_and_the_room() {
    let server = TestServer::with(|config| config.rate_limit = 5);
    let (mut eager, mut ben) = (server.join("Eager"), server.join("Ben"));
    (0..15).for_each(|n| eager.say(&n.to_string()));
    ben.say("hear me");
    // The ping stands behind the messages, and is answered when they have been read.
    eager.expect_pong();
    eager.expect_text("hear me");
}
