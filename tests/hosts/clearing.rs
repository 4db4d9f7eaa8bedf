//! The log is cleared for a new lesson: for everybody who is here, comes back or comes late, and on the disk.

use super::{expect_done, guest, host, moderate};
use crate::support::{DEADLINE, TestClient, TestServer};
use serde_json::json;
use std::time::Instant;

#[test]
fn a_cleared_log_is_gone_for_all_and_the_next_lesson_begins() {
    let server = TestServer::start();
    let (mut host, mut ana) = (host(&server, "Ms Keller"), guest(&server, "Ana"));
    let old = ana.epoch();
    for number in 0..120 {
        ana.say_with_id(&format!("old {number}"), &number.to_string());
    }
    ana.expect_text("old 119");
    moderate(&mut host, "clear");
    for client in [&mut ana, &mut host] {
        let welcome = client.expect_event("welcome");
        assert_eq!((&welcome["reset"], &welcome["more"]), (&json!(true), &json!(false)));
        assert_ne!(welcome["epoch"], old.as_str());
        assert!(welcome["position"].as_u64() >= Some(120));
        client.expect_event("room");
        assert!(client.expect_event("presence")["users"].is_array());
    }
    assert_eq!(expect_done(&mut host, "clear")["actions"][0]["host"], "Ms Keller");
    ana.say_with_id("new", "new");
    assert_eq!(ana.expect_message("new")["id"], 121);
    // Somebody who was away comes back with what is no position any more.
    let mut back = TestClient::resume(server.addr(), 60, &old);
    assert_eq!(back.expect_event("welcome")["reset"], true);
    let mut late = server.connect();
    let welcome = late.expect_event("welcome");
    assert_eq!((&welcome["reset"], &welcome["more"]), (&json!(false), &json!(false)));
    for client in [&mut back, &mut late] {
        client.expect_message("new");
        client.expect_event("presence");
        client.send(json!({"event": "request_history", "before": 121}));
        let history = client.expect_event("history");
        assert_eq!((&history["messages"], &history["more"]), (&json!([]), &json!(false)));
        client.send(json!({"event": "search", "query": "old"}));
        let results = client.expect_event("results");
        assert_eq!((&results["messages"], &results["more"]), (&json!([]), &json!(false)));
    }
    // What was said then is known still, and told as deleted.
    ana.say_with_id("old 7", "7");
    assert_eq!(ana.expect_message("")["deleted"], true);
    host.send(json!({"event": "delete_message", "message_id": 5}));
    host.expect_error("not_found");
}

#[test]
fn the_texts_are_overwritten_in_the_file_and_its_write_ahead_log_while_the_room_goes_on() {
    let server = TestServer::start();
    let (mut host, mut ana) = (host(&server, "Ms Keller"), guest(&server, "Ana"));
    for number in 0..2_000 {
        ana.say(&format!("an old secret {number}"));
    }
    ana.expect_text("an old secret 1999");
    moderate(&mut host, "clear");
    ana.expect_event("welcome");
    let until = Instant::now() + DEADLINE;
    while server.has_on_disk("an old secret") {
        assert!(Instant::now() < until, "the old texts are still in the files");
        ana.say_and_wait("going on");
    }
}

#[test]
fn a_clearing_goes_on_after_a_restart() {
    let mut server = TestServer::start();
    let (mut host, mut ana) = (host(&server, "Ms Keller"), guest(&server, "Ana"));
    for number in 0..5_000 {
        ana.say(&format!("an old secret {number}"));
    }
    ana.expect_text("an old secret 4999");
    moderate(&mut host, "clear");
    ana.expect_event("welcome");
    server.stop();
    server.start_again();
    let mut late = server.connect();
    assert_eq!(late.expect_event("welcome")["position"], 5_000);
    late.expect_event("presence");
    assert!(late.received("receive_message").is_empty());
    let until = Instant::now() + DEADLINE;
    while server.has_on_disk("an old secret") {
        assert!(Instant::now() < until, "the old texts are still in the files");
        late.expect_pong();
    }
}

#[test]
fn a_history_that_was_under_way_brings_nothing_back() {
    let server = TestServer::start();
    let (mut host, mut ana) = (host(&server, "Ms Keller"), guest(&server, "Ana"));
    for round in 0..20 {
        for number in 0..60 {
            ana.say(&format!("old {round} {number}"));
        }
        ana.expect_text(&format!("old {round} 59"));
        ana.send(json!({"event": "request_history", "before": 1_000_000, "limit": 200}));
        moderate(&mut host, "clear");
        let mut is_cleared = false;
        for _ in 0..2 {
            let event =
                ana.expect("both", |event| event["event"] == "history" || event["event"] == "welcome");
            is_cleared |= event["event"] == "welcome";
            if is_cleared && event["event"] == "history" {
                assert_eq!(event["messages"], json!([]), "round {round}");
            }
        }
    }
}

#[test]
fn what_is_said_while_the_log_is_cleared_is_on_one_side_of_it() {
    let server = TestServer::start();
    let (mut host, mut ana) = (host(&server, "Ms Keller"), guest(&server, "Ana"));
    for number in 0..300 {
        ana.say_with_id(&number.to_string(), &number.to_string());
        if number == 150 {
            moderate(&mut host, "clear");
        }
    }
    let last = ana.expect_text("299");
    let cleared = ana.received("welcome").last().expect("a second welcome")["position"].as_u64();
    let cleared = cleared.expect("a position");
    assert_eq!(last["id"], 300);
    let story = ana.received_so_far();
    let reset = story.iter().rposition(|event| event["event"] == "welcome").expect("a welcome");
    let after: Vec<_> = story[reset..].iter().filter(|event| event["event"] == "receive_message").collect();
    assert_eq!(after.len() as u64, 300 - cleared, "those behind it come behind it, and no others");
    let mut late = server.connect();
    late.expect_event("presence");
    late.send(json!({"event": "request_history", "before": 1_000_000, "limit": 200}));
    let history = late.expect_event("history");
    let ids: Vec<_> =
        history["messages"].as_array().expect("messages").iter().map(|it| it["id"].as_u64()).collect();
    assert!(ids.iter().all(|id| *id > Some(cleared)));
}
