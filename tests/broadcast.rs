//! A message reaches everybody, its sender included, as it was written, and everybody sees one order.

use crate::support::TestServer;
use serde_json::{Value, json};
use std::time::{SystemTime, UNIX_EPOCH};

fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is past 1970");
    u64::try_from(now.as_millis()).expect("milliseconds fit")
}

#[test]
fn a_message_reaches_everybody_and_its_sender() {
    let server = TestServer::start();
    let (mut ana, mut ben, mut onlooker) = (server.join("Ana"), server.join("Ben"), server.connect());
    let before = now_ms();
    ana.say_with_id("hi", "first-1");
    for client in [&mut ana, &mut ben, &mut onlooker] {
        let message = client.expect_message("hi");
        assert_eq!(message["username"], "Ana");
        assert_eq!(message["role"], "guest");
        assert_eq!(message["id"], 1, "the first position of a new room");
        let at = message["at"].as_u64().expect("a message has its time");
        assert!((before..=now_ms()).contains(&at), "{at} is milliseconds since 1970, now");
    }
    assert_eq!(ana.received("receive_message")[0]["client_message_id"], "first-1");
}

#[test]
fn one_frame_is_a_whole_client() {
    let server = TestServer::start();
    let mut onlooker = server.connect();
    for text in ["hi", "me again"] {
        let mut client = server.connect();
        client.send(json!({"event": "send_message", "username": "Ana", "message": text}));
        assert_eq!(client.expect_event("joined")["username"], "Ana");
        assert_eq!(client.expect_message(text)["username"], "Ana");
        client.leave();
        assert_eq!(onlooker.expect_message(text)["username"], "Ana");
    }
}

#[test]
fn another_username_in_a_message_renames_first() {
    let server = TestServer::start();
    let mut client = server.join("Ana");
    client.send(json!({"event": "send_message", "username": "Ana", "message": "as I am"}));
    client.send(json!({"event": "send_message", "username": "Berta", "message": "as I am now"}));
    client.say("and still");
    let last = client.expect_text("and still");
    assert_eq!(last["username"], "Berta");
    let names: Vec<_> =
        client.received("receive_message").iter().map(|message| &message["username"]).collect();
    assert_eq!(names, ["Ana", "Berta", "Berta"]);
    let joined: Vec<_> = client.received("joined").iter().map(|joined| &joined["username"]).collect();
    assert_eq!(joined, ["Ana", "Berta"]);
}

#[test]
fn a_message_comes_as_it_was_written() {
    let server = TestServer::start();
    let (mut ana, mut ben) = (server.join("Ana"), server.join("Ben"));
    let longest = "😀".repeat(4000);
    let texts = [
        "two\nlines\tand a tab",
        "</script><img src=x onerror=alert(1)> & \"quotes\" \\ 'single'",
        "Grüße, 你好, שלום, e\u{301}, 👩‍👩‍👧",
        "\u{2028}\u{2029}\u{feff}x",
        longest.as_str(),
    ];
    for text in texts {
        ana.say(text);
        ben.expect_message(text);
    }
}

#[test]
fn the_longest_message_may_be_escaped_in_every_character() {
    let server = TestServer::start();
    let mut ana = server.join("Ana");
    let frame = format!(r#"{{"event":"send_message","message":"{}"}}"#, r"\ud83d\ude00".repeat(4000));
    ana.send_frame(tungstenite::Message::text(frame)).expect("a frame can be sent");
    ana.expect_message(&"😀".repeat(4000));
}

#[test]
fn unknown_fields_are_ignored() {
    let server = TestServer::start();
    let mut ana = server.connect();
    ana.send(json!({"event": "join", "username": "Ana", "mood": {"is": ["fine"]}}));
    ana.expect_event("joined");
    ana.send(json!({"event": "send_message", "message": "hi", "priority": 3, "event_id": null}));
    ana.expect_message("hi");
}

#[test]
fn everybody_sees_one_order_under_concurrent_senders() {
    const SENDERS: usize = 8;
    const EACH: usize = 50;
    let server = TestServer::start();
    let senders: Vec<_> = (0..SENDERS).map(|n| (n, server.join(&format!("Sender {n}")))).collect();
    let logs: Vec<Vec<Value>> = std::thread::scope(|scope| {
        let threads: Vec<_> = senders
            .into_iter()
            .map(|(n, mut client)| {
                scope.spawn(move || {
                    (0..EACH).for_each(|i| client.say(&format!("{n}:{i}")));
                    (0..SENDERS * EACH).map(|_| client.expect_event("receive_message")).collect()
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("a sender ends")).collect()
    });
    let first = &logs[0];
    for (at, message) in first.iter().enumerate() {
        assert_eq!(message["id"], at + 1, "positions have no gap");
    }
    for log in &logs {
        assert!(log == first, "two clients saw different logs");
    }
    for n in 0..SENDERS {
        let said: Vec<_> =
            first.iter().filter(|message| message["username"] == format!("Sender {n}")).collect();
        let in_order = said.iter().enumerate().all(|(i, message)| message["message"] == format!("{n}:{i}"));
        assert!(in_order && said.len() == EACH, "sender {n} is heard in the order it spoke");
    }
}
