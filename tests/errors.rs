//! A client's mistake is answered with its code and a sentence, and costs nothing else: the connection lives on.

use crate::support::{TestClient, TestServer};
use serde_json::json;

/// Scalar values of a message.
const MESSAGE_CHARACTERS: usize = 4000;

fn expect_alive(client: &mut TestClient, text: &str) {
    client.say(text);
    client.expect_message(text);
}

#[test]
fn a_message_has_a_length() {
    let server = TestServer::start();
    let mut ana = server.join("Ana");
    ana.say_with_id(&"x".repeat(MESSAGE_CHARACTERS + 1), "long-1");
    assert_eq!(ana.expect_error("too_long")["client_message_id"], "long-1");
    for (n, text) in ["", "   ", "\n\t \u{a0}\u{2003}"].iter().enumerate() {
        ana.say_with_id(text, &n.to_string());
        assert_eq!(ana.expect_error("empty")["client_message_id"], n.to_string());
    }
    expect_alive(&mut ana, "x");
}

#[test]
fn who_speaks_needs_a_name() {
    let server = TestServer::start();
    let mut client = server.connect();
    client.say_with_id("hi", "a");
    assert_eq!(client.expect_error("name_required")["client_message_id"], "a");
    client.join("Ana");
    expect_alive(&mut client, "hi");
}

#[test]
fn a_bad_name_in_a_message_is_refused_with_it() {
    let server = TestServer::start();
    let mut client = server.connect();
    client.send(
        json!({"event": "send_message", "username": "\u{7}", "message": "hi", "client_message_id": "a"}),
    );
    assert_eq!(client.expect_error("bad_username")["client_message_id"], "a");
}

#[test]
fn only_a_host_moderates() {
    let server = TestServer::start();
    let mut ana = server.join("Ana");
    let _ben = server.join("Ben");
    for request in [
        json!({"event": "moderate", "action": "lock"}),
        json!({"event": "moderate", "action": "mute", "username": "Ben"}),
        json!({"event": "moderate", "action": "slow_mode", "seconds": 10}),
        json!({"event": "moderate", "action": "set_title", "title": "Mine"}),
    ] {
        ana.send(request);
        ana.expect_error("not_host");
    }
    expect_alive(&mut ana, "hi");
}

#[test]
fn an_error_is_its_makers_alone() {
    let server = TestServer::start();
    let (mut ana, mut ben) = (server.join("Ana"), server.join("Ben"));
    ana.say("");
    ana.expect_error("empty");
    ana.say("hi");
    ben.expect_message("hi");
    assert!(ben.received("error").is_empty());
}
