//! A message may answer another: which one, everybody is told, however they come by it; and what is answered must be there.

use crate::hosts::{guest, host, moderate, moderate_with};
use crate::support::{TestClient, TestServer};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

fn reply(client: &mut TestClient, text: &str, id: &str, reply_to: u64) {
    let event =
        json!({"event": "send_message", "message": text, "client_message_id": id, "reply_to": reply_to});
    client.send(event);
}

fn by_ids(client: &mut TestClient, ids: &[u64]) -> Value {
    client.send(json!({"event": "request_history", "ids": ids}));
    client.expect_event("history")
}

fn texts(messages: &Value) -> Vec<&str> {
    messages.as_array().expect("messages").iter().filter_map(|it| it["message"].as_str()).collect()
}

#[test]
fn whoever_sees_a_reply_sees_what_it_answers() {
    let mut server = TestServer::start();
    let (mut ana, mut ben) = (guest(&server, "Ana"), guest(&server, "Ben"));
    let epoch = ana.epoch();
    ana.say_and_wait("Is it warm?");
    reply(&mut ben, "Quite", "1", 1);
    for client in [&mut ana, &mut ben] {
        assert_eq!(client.expect_text("Quite")["reply_to"], 1);
    }
    assert_eq!(ana.received("receive_message")[0].get("reply_to"), None, "the others answer nothing");
    reply(&mut ben, "Quite", "1", 1);
    assert_eq!(ben.expect_message("Quite")["reply_to"], 1, "a retry is answered with it");
    for restarted in [false, true] {
        if restarted {
            server.stop();
            server.start_again();
        }
        let mut late = server.connect();
        assert_eq!(late.expect_text("Quite")["reply_to"], 1, "restarted: {restarted}");
        let mut back = TestClient::resume(server.addr(), 1, &epoch);
        assert_eq!(back.expect_message("Quite")["reply_to"], 1, "restarted: {restarted}");
        late.send(json!({"event": "request_history", "before": 9}));
        let history = late.expect_event("history");
        late.send(json!({"event": "search", "query": "quite"}));
        let results = late.expect_event("results");
        for read in [&history["messages"][1], &results["messages"][0]] {
            assert_eq!((&read["message"], &read["reply_to"]), (&json!("Quite"), &json!(1)));
        }
        assert_eq!((&history["position"], &results["position"]), (&json!(2), &json!(2)));
    }
}

#[test]
fn what_is_answered_must_be_there() {
    let server = TestServer::start();
    let (mut host, mut ana) = (host(&server, "Ms Keller"), guest(&server, "Ana"));
    for text in ["one", "two", "three"] {
        ana.say_with_id(text, text);
        ana.expect_message(text);
    }
    ana.send(json!({"event": "delete_message", "message_id": 2}));
    ana.expect_event("message_deleted");
    for (place, nothing) in [2, 4, 5, 0, u64::MAX].into_iter().enumerate() {
        reply(&mut ana, "to nobody", &place.to_string(), nothing);
        let error = ana.expect_error("not_found");
        assert_eq!(
            (&error["client_message_id"], &error["reason"]),
            (&json!(place.to_string()), &json!("message_not_found"))
        );
    }
    reply(&mut ana, "three!", "kept", 3);
    ana.expect_text("three!");
    ana.send(json!({"event": "delete_message", "message_id": 3}));
    ana.expect_event("message_deleted");
    // It was stored when that was there still: so the retry is one.
    reply(&mut ana, "three!", "kept", 3);
    let receipt = ana.expect_message("three!");
    assert_eq!((&receipt["reply_to"], &receipt["id"]), (&json!(3), &json!(5)));
    moderate(&mut host, "clear");
    ana.expect("the log is cleared", |event| event["event"] == "welcome" && event["reset"] == true);
    reply(&mut ana, "to what is gone", "gone", 1);
    ana.expect_error("not_found");
    ana.say_and_wait("the connection lives on");
}

#[test]
fn a_reply_that_is_refused_starts_no_pause() {
    let server = TestServer::start();
    let (mut host, mut ana) = (host(&server, "Ms Keller"), guest(&server, "Ana"));
    moderate_with(&mut host, "slow_mode", json!({"seconds": 600}));
    ana.expect("slow mode", |event| event["slow_mode_seconds"] == 600);
    reply(&mut ana, "to nobody", "1", 7);
    ana.expect_error("not_found");
    ana.say_and_wait("this one counts");
    ana.say("and this comes too soon");
    ana.expect_error("slow_mode");
}

#[test]
fn messages_are_had_by_their_ids() {
    let server = TestServer::start();
    let mut ana = guest(&server, "Ana");
    for number in 1..=60 {
        ana.say_with_id(&number.to_string(), &number.to_string());
    }
    ana.expect_text("60");
    ana.send(json!({"event": "delete_message", "message_id": 7}));
    ana.expect_event("message_deleted");
    let history = by_ids(&mut ana, &[9, 1, 7, 61, 1_000, 3, 3, 0]);
    assert_eq!(texts(&history["messages"]), ["1", "3", "9"], "those that are there, in the log's order");
    assert_eq!((&history["more"], &history["position"]), (&json!(false), &json!(61)));
    let fifty: Vec<u64> = (10..60).collect();
    assert_eq!(texts(&by_ids(&mut ana, &fifty)["messages"]).len(), 50);
    ana.send(json!({"event": "request_history", "ids": (10..61).collect::<Vec<u64>>()}));
    ana.expect_error("bad_request");
    ana.send(json!({"event": "request_history", "ids": [1], "before": 9}));
    ana.expect_error("bad_request");
    assert_eq!(texts(&by_ids(&mut ana, &[])["messages"]), [""; 0]);
}

#[test]
fn of_long_messages_some_come_and_it_is_told_that_there_are_more() {
    let server = TestServer::start();
    let mut ana = guest(&server, "Ana");
    let long = "x".repeat(4_000);
    for _ in 0..30 {
        ana.say_and_wait(&"\u{1f9ca}".repeat(4_000));
    }
    ana.say_and_wait(&long);
    let all: Vec<u64> = (1..=31).collect();
    let history = by_ids(&mut ana, &all);
    let came = texts(&history["messages"]).len();
    assert!((10..30).contains(&came), "{came}");
    assert_eq!(history["more"], true);
    assert_eq!(by_ids(&mut ana, &[31])["more"], false);
}

#[test]
fn asking_by_ids_costs_a_message() {
    let server = TestServer::with(|config| config.rate_limit = 5);
    let mut ana = guest(&server, "Ana");
    ana.say_and_wait("hi");
    let begin = Instant::now();
    (0..18).for_each(|_| ana.send(json!({"event": "request_history", "ids": [1]})));
    (0..18).for_each(|_| drop(ana.expect_event("history")));
    // Ten at once at most, the other eight at five a second; a little less, since a clock's tick may fall between.
    assert!(begin.elapsed() > Duration::from_millis(1400), "{:?}", begin.elapsed());
}
