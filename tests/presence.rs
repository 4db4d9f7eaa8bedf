//! Everybody knows who is here: the whole list at first, then changes, seldom enough for a crowd to bear.

use crate::support::{TestClient, TestServer};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Instant;

/// Above this many, only the number is told.
const PRESENCE_PERSONS: usize = 200;

/// Who is here, as one who has applied every `presence` so far sees it; None while only a number is known.
fn present(client: &TestClient) -> Option<BTreeSet<String>> {
    let name = |user: &Value| user["username"].as_str().expect("a user has a name").to_owned();
    let mut known = None;
    for event in client.received("presence") {
        if let Some(users) = event["users"].as_array() {
            known = Some(users.iter().map(name).collect());
        } else if event["joined"].is_array() || event["left"].is_array() {
            let set: &mut BTreeSet<String> = known.as_mut().expect("changes follow a whole");
            for left in event["left"].as_array().into_iter().flatten() {
                assert!(set.remove(left.as_str().expect("a name")), "{left} leaves without having been here");
            }
            for user in event["joined"].as_array().into_iter().flatten() {
                assert!(set.insert(name(user)), "{user} joins twice");
            }
        } else {
            known = None;
        }
        if let Some(set) = &known {
            assert_eq!(event["online"], set.len(), "the number is the list's: {event}");
        }
    }
    known
}

fn expect_online(client: &mut TestClient, online: usize) -> Value {
    client.expect(&format!("{online} online"), |event| {
        event["event"] == "presence" && event["online"] == online
    })
}

#[test]
fn a_newcomer_gets_the_whole_list() {
    let server = TestServer::start();
    let (mut ana, _ben) = (server.join("Ana"), server.join("Ben"));
    // A newcomer is told what everybody has been told, and the rest with everybody.
    expect_online(&mut ana, 2);
    let mut onlooker = server.connect();
    let whole = onlooker.expect_event("presence");
    assert_eq!(whole["online"], 2, "who has not joined is not counted");
    let mut users = whole["users"].as_array().expect("a whole list").clone();
    users.sort_by_key(Value::to_string);
    assert_eq!(
        json!(users),
        json!([{"role": "guest", "username": "Ana"}, {"role": "guest", "username": "Ben"}])
    );
}

#[test]
fn joins_and_leaves_are_told_as_changes() {
    let server = TestServer::start();
    let mut ana = server.join("Ana");
    expect_online(&mut ana, 1);
    let ben = server.join("Ben");
    let event = expect_online(&mut ana, 2);
    assert_eq!(event["joined"], json!([{"username": "Ben", "role": "guest"}]));
    assert!(event["users"].is_null(), "a change, not a list: {event}");
    ben.leave();
    let event = expect_online(&mut ana, 1);
    assert_eq!(event["left"], json!(["Ben"]));
    assert!(event["renamed"].is_null(), "nobody goes on under another name: {event}");
    let mut ben = server.join("Ben");
    expect_online(&mut ana, 2);
    ben.join("Benno");
    let event = ana.expect("the rename", |event| event["left"] == json!(["Ben"]));
    assert_eq!(event["renamed"], json!([{"from": "Ben", "username": "Benno"}]));
    assert_eq!(present(&ana), Some(["Ana", "Benno"].map(str::to_owned).into()));
}

#[test]
fn a_torn_connection_leaves_too() {
    let server = TestServer::start();
    let mut ana = server.join("Ana");
    let ben = server.join("Ben");
    expect_online(&mut ana, 2);
    drop(ben);
    expect_online(&mut ana, 1);
}

#[test]
fn changes_are_gathered() {
    let server = TestServer::start();
    let mut watcher = server.connect();
    watcher.expect_event("presence");
    let begin = Instant::now();
    let crowd: Vec<TestClient> = (0..20).map(|n| server.join(&format!("Guest {n}"))).collect();
    expect_online(&mut watcher, 20);
    crowd.into_iter().for_each(TestClient::leave);
    expect_online(&mut watcher, 0);
    let windows = begin.elapsed().as_millis() / 500;
    let events = watcher.received("presence").len() as u128;
    assert!(events <= windows + 3, "{events} events in {windows} half seconds");
    assert_eq!(present(&watcher), Some(BTreeSet::new()));
}

#[test]
fn a_crowd_is_a_number_until_it_is_small_enough_again() {
    let server = TestServer::start();
    let mut watcher = server.connect();
    watcher.expect_event("presence");
    let mut crowd: Vec<TestClient> =
        (0..PRESENCE_PERSONS).map(|n| server.join(&format!("Guest {n}"))).collect();
    expect_online(&mut watcher, PRESENCE_PERSONS);
    assert_eq!(present(&watcher).map(|set| set.len()), Some(PRESENCE_PERSONS));

    crowd.push(server.join("One too many"));
    let event = expect_online(&mut watcher, PRESENCE_PERSONS + 1);
    assert!(event["users"].is_null() && event["joined"].is_null(), "only the number: {event}");
    let mut latecomer = server.connect();
    let event = expect_online(&mut latecomer, PRESENCE_PERSONS + 1);
    assert!(event["users"].is_null(), "only the number for a newcomer too: {event}");

    crowd.swap_remove(0).leave();
    let event = expect_online(&mut watcher, PRESENCE_PERSONS);
    assert_eq!(event["users"].as_array().map(Vec::len), Some(PRESENCE_PERSONS), "whole once more");
    let names = present(&watcher).expect("a whole list");
    assert!(names.contains("One too many") && !names.contains("Guest 0"));
}
