//! A message that is sent again is not said again, whatever the sender has missed in between.

use crate::support::{TestClient, TestServer, key};
use serde_json::json;

fn join(server: &TestServer, name: &str, tab: &str) -> TestClient {
    let mut client = server.connect();
    client.join_with_keys(name, &key(name), &key(tab));
    client
}

#[test]
fn a_retry_is_answered_to_its_sender_alone() {
    let server = TestServer::start();
    let (mut ana, mut ben) = (join(&server, "Ana", "tab"), server.join("Ben"));
    ana.say_with_id("hi", "a-1");
    let first = ana.expect_message("hi");
    ana.say_with_id("hi", "a-1");
    let again = ana.expect_message("hi");
    assert_eq!(again, first, "the stored message itself");
    ana.say_with_id("done", "a-2");
    assert_eq!(ana.expect_message("done")["id"], 2, "a retry takes no position");
    ben.expect_message("hi");
    ben.expect_message("done");
}

#[test]
fn an_id_with_another_text_is_a_mistake() {
    let server = TestServer::start();
    let (mut ana, mut ben) = (join(&server, "Ana", "tab"), server.join("Ben"));
    ana.say_with_id("hi", "a-1");
    ana.say_with_id("ho", "a-1");
    assert_eq!(ana.expect_error("bad_request")["client_message_id"], "a-1");
    ana.say("done");
    ben.expect_message("hi");
    ben.expect_message("done");
}

#[test]
fn a_retry_in_the_same_breath_is_a_retry() {
    let server = TestServer::start();
    let (mut ana, mut ben) = (join(&server, "Ana", "tab"), server.join("Ben"));
    for n in 0..50 {
        let (text, id) = (format!("text {n}"), format!("id {n}"));
        (0..3).for_each(|_| ana.say_with_id(&text, &id));
    }
    ana.say("done");
    (0..50).for_each(|n| drop(ben.expect_message(&format!("text {n}"))));
    ben.expect_message("done");
    (0..3 * 50 + 1).for_each(|_| drop(ana.expect_event("receive_message")));
    ana.expect_pong();
    assert_eq!(ana.received("receive_message").len(), 3 * 50 + 1, "each copy has its receipt");
}

#[test]
fn two_tabs_have_ids_of_their_own() {
    let server = TestServer::start();
    let (mut one, mut two) = (join(&server, "Ana", "tab-1"), join(&server, "Ana", "tab-2"));
    one.say_with_id("from one", "1");
    one.expect_message("from one");
    two.say_with_id("from two", "1");
    one.expect_message("from two");
    two.say_with_id("from two", "1");
    two.expect_message("from one");
    two.expect_message("from two");
    assert_eq!(two.expect_message("from two")["id"], 2);
}

#[test]
fn a_retry_on_a_new_connection_of_the_tab_is_a_retry() {
    let server = TestServer::start();
    let mut ben = server.join("Ben");
    let mut ana = join(&server, "Ana", "tab");
    ana.say_with_id("hi", "a-1");
    ben.expect_message("hi");
    // Cut before its receipt was read: the sender cannot know.
    drop(ana);
    let mut ana = join(&server, "Ana", "tab");
    ana.say_with_id("hi", "a-1");
    ana.expect("the replay's or the retry's", |event| event["message"] == "hi" && event["id"] == 1);
    ana.say("done");
    ben.expect_message("done");
}

#[test]
fn a_retry_under_another_name_is_a_retry() {
    let server = TestServer::start();
    let mut ana = join(&server, "Ana", "tab");
    ana.say_with_id("hi", "a-1");
    ana.expect_message("hi");
    ana.join_with_keys("Berta", &key("Ana"), &key("tab"));
    ana.say_with_id("hi", "a-1");
    let again = ana.expect_message("hi");
    assert_eq!((&again["id"], &again["username"]), (&json!(1), &json!("Ana")));
}

#[test]
fn a_retry_after_a_restart_is_a_retry() {
    let mut server = TestServer::start();
    let mut ana = join(&server, "Ana", "tab");
    ana.say_with_id("hi", "a-1");
    let first = ana.expect_message("hi");
    drop(ana);
    server.stop();
    server.start_again();
    let mut ben = server.join("Ben");
    let mut ana = join(&server, "Ana", "tab");
    ana.say_with_id("hi", "a-1");
    assert_eq!(ana.expect_message("hi"), first);
    ana.say("done");
    ben.expect_message("done");
}

#[test]
fn without_a_tab_key_ids_are_the_connections() {
    let server = TestServer::start();
    let mut ben = server.join("Ben");
    for n in 0..2 {
        let mut client = server.join("Ana");
        client.say_with_id("hi", "1");
        client.say_with_id("hi", "1");
        client.say(&format!("done {n}"));
        ben.expect_message("hi");
        ben.expect_message(&format!("done {n}"));
        client.leave();
    }
}

#[test]
fn without_an_id_the_same_text_is_said_twice() {
    let server = TestServer::start();
    let mut ana = join(&server, "Ana", "tab");
    ana.say("hi");
    ana.say("hi");
    assert_eq!(ana.expect_message("hi")["id"], 1);
    assert_eq!(ana.expect_message("hi")["id"], 2);
}

#[test]
fn two_connections_of_one_tab_say_a_thing_once() {
    const MESSAGES: usize = 100;
    let server = TestServer::start();
    let mut ben = server.join("Ben");
    std::thread::scope(|scope| {
        for _ in 0..2 {
            let mut half = join(&server, "Ana", "tab");
            scope.spawn(move || {
                for n in 0..MESSAGES {
                    let text = n.to_string();
                    half.say_with_id(&text, &text);
                    half.expect_text(&text);
                }
            });
        }
    });
    server.join("Last").say_and_wait("done");
    ben.expect_text("done");
    let mut heard: Vec<&str> =
        ben.received("receive_message").iter().filter_map(|event| event["message"].as_str()).collect();
    assert_eq!(heard.pop(), Some("done"));
    assert_eq!(heard, (0..MESSAGES).map(|n| n.to_string()).collect::<Vec<_>>());
}
