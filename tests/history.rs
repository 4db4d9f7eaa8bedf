//! Older messages come page by page, backwards, without a gap and without an end to how far one may go.

use crate::support::{TestClient, TestServer, View};
use serde_json::{Value, json};

/// Messages of one answer.
const HISTORY_MESSAGES: u64 = 200;
/// Bytes of one answer.
const HISTORY_BYTES: usize = 256 * 1024;
/// Messages of an answer to a request without a limit.
const HISTORY_DEFAULT: u64 = 50;

fn server_with(messages: usize, text: impl Fn(usize) -> String) -> TestServer {
    let server = TestServer::start();
    let mut speaker = server.join("Speaker");
    (1..=messages).for_each(|n| speaker.say(&text(n)));
    speaker.expect("the last", |event| event["id"] == messages);
    server
}

fn page(client: &mut TestClient, request: Value) -> Value {
    client.send(request);
    client.expect_event("history")
}

fn ids(history: &Value) -> Vec<u64> {
    let messages = history["messages"].as_array().expect("a history has messages");
    messages.iter().filter_map(|message| message["id"].as_u64()).collect()
}

#[test]
fn history_pages_backwards_to_the_first_message() {
    let server = server_with(450, |n| n.to_string());
    let mut client = server.connect();
    let default = page(&mut client, json!({"event": "request_history", "before": 401}));
    assert_eq!(ids(&default), (351..=400).collect::<Vec<_>>(), "oldest first, {} of them", HISTORY_DEFAULT);
    assert_eq!(default["more"], true);
    let full = page(&mut client, json!({"event": "request_history", "before": 401, "limit": 200}));
    assert_eq!(ids(&full), (201..=400).collect::<Vec<_>>());
    assert_eq!(full["more"], true);
    let exact = page(&mut client, json!({"event": "request_history", "before": 201, "limit": 200}));
    assert_eq!(ids(&exact), (1..=200).collect::<Vec<_>>());
    assert_eq!(exact["more"], false, "nothing is older than the first");
    let none = page(&mut client, json!({"event": "request_history", "before": 1, "limit": 200}));
    assert_eq!(none, json!({"event": "history", "messages": [], "more": false, "position": 450}));
    let beyond = page(&mut client, json!({"event": "request_history", "before": 1_000_000, "limit": 2}));
    assert_eq!(ids(&beyond), [449, 450]);
}

#[test]
fn a_view_scrolled_back_is_the_whole_log() {
    let server = server_with(230, |n| n.to_string());
    let mut view = View::default();
    let mut client = view.connect(server.addr());
    view.follow_replay(&mut client).expect("a replay");
    view.scroll_back(&mut client, 33).expect("history");
    assert_eq!(view.texts(), (1..=230).map(|n| n.to_string()).collect::<Vec<_>>());
}

#[test]
fn history_is_what_was_received() {
    let server = TestServer::start();
    let mut ana = server.join("Ana");
    ana.say("hi \"there\"\n😀");
    let live = ana.expect_event("receive_message");
    let history = page(&mut ana, json!({"event": "request_history", "before": 2}));
    let message = &history["messages"][0];
    assert!(message["event"].is_null(), "a message in a history is no event of its own");
    for field in ["id", "at", "username", "role", "message"] {
        assert_eq!(message[field], live[field], "{field}");
    }
}

#[test]
fn one_answer_is_bounded() {
    let server = server_with(110, |n| format!("{n}:{}", "x".repeat(3990)));
    let mut client = server.connect();
    let mut before = 111;
    let mut pages = 0;
    while before > 1 {
        let history = page(&mut client, json!({"event": "request_history", "before": before, "limit": 200}));
        let bytes = history.to_string().len();
        assert!(bytes <= HISTORY_BYTES, "{bytes} bytes in one history");
        let ids = ids(&history);
        assert_eq!(ids, (ids[0]..before).collect::<Vec<_>>(), "the newest of what is older");
        assert_eq!(history["more"], ids[0] > 1);
        before = ids[0];
        pages += 1;
    }
    assert_eq!(pages, 2, "440 KB are two pages");
    for limit in [0, HISTORY_MESSAGES + 1, u64::MAX] {
        client.send(json!({"event": "request_history", "before": 111, "limit": limit}));
        client.expect_error("bad_request");
    }
}

#[test]
fn many_requests_are_answered_one_after_the_other() {
    let server = server_with(200, |n| n.to_string());
    let mut client = server.connect();
    for before in 2..=100 {
        client.send(json!({"event": "request_history", "before": before, "limit": 1}));
    }
    for before in 2..=100 {
        assert_eq!(ids(&client.expect_event("history")), [before - 1]);
    }
}
