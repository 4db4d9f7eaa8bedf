//! A host pins a message: for everybody who is here, comes back or comes late, until it is another, or is gone.

use super::{expect_done, guest, host, moderate, moderate_with};
use crate::accounts::{Browser, password_of};
use crate::support::{TestClient, TestServer};
use serde_json::{Value, json};

fn pin(client: &mut TestClient, message_id: u64) {
    moderate_with(client, "pin", json!({"message_id": message_id}));
}

/// Waits until everybody is told that this is pinned, or nothing is.
fn expect_pinned(client: &mut TestClient, message_id: Option<u64>) -> Value {
    let is_it = |event: &Value| event["event"] == "room" && event["pinned"]["id"].as_u64() == message_id;
    client.expect("the pinned one", is_it)
}

/// What a newcomer is told.
fn pinned(server: &TestServer) -> Option<Value> {
    let room = server.connect().expect_event("room");
    room.get("pinned").cloned()
}

#[test]
fn what_is_pinned_is_told_to_all_and_is_what_was_said() {
    let mut server = TestServer::start();
    let (mut host, mut ana) = (host(&server, "Ms Keller"), guest(&server, "Ana"));
    ana.say_with_id("Page 12, number 3", "id-1");
    let said = ana.expect_text("Page 12, number 3");
    let reply = json!({"event": "send_message", "message": "and number 4", "reply_to": 1});
    ana.send(reply);
    ana.expect_text("and number 4");
    assert_eq!(pinned(&server), None);
    pin(&mut host, 1);
    let mut expected = said;
    expected.as_object_mut().expect("an object").remove("event");
    for client in [&mut ana, &mut host] {
        assert_eq!(expect_pinned(client, Some(1))["pinned"], expected);
    }
    let action = &expect_done(&mut host, "pin")["actions"][0];
    assert_eq!((&action["host"], &action["username"]), (&json!("Ms Keller"), &json!("Ana")));
    assert_eq!(pinned(&server), Some(expected.clone()));
    server.stop();
    server.start_again();
    assert_eq!(pinned(&server), Some(expected));
    let mut host = super::host(&server, "Mr Brown");
    let mut ana = guest(&server, "Ana");
    pin(&mut host, 2);
    assert_eq!(expect_pinned(&mut ana, Some(2))["pinned"]["reply_to"], 1, "one at a time");
    moderate(&mut host, "unpin");
    expect_pinned(&mut ana, None);
    expect_done(&mut host, "unpin");
    assert_eq!(pinned(&server), None);
}

#[test]
fn what_is_deleted_or_cleared_is_pinned_no_more() {
    let mut server = TestServer::start();
    let (mut host, mut ana) = (host(&server, "Ms Keller"), guest(&server, "Ana"));
    ana.say_with_id("one", "1");
    ana.say_with_id("two", "2");
    ana.expect_text("two");
    pin(&mut host, 1);
    expect_pinned(&mut ana, Some(1));
    ana.send(json!({"event": "delete_message", "message_id": 1}));
    ana.expect_event("message_deleted");
    for client in [&mut ana, &mut host] {
        expect_pinned(client, None);
    }
    assert_eq!(pinned(&server), None);
    pin(&mut host, 2);
    expect_pinned(&mut ana, Some(2));
    moderate(&mut host, "clear");
    ana.expect("cleared", |event| event["event"] == "welcome" && event["reset"] == true);
    assert_eq!(ana.expect_event("room").get("pinned"), None);
    assert_eq!(pinned(&server), None);
    server.stop();
    server.start_again();
    assert_eq!(pinned(&server), None);
}

#[test]
fn what_cannot_be_pinned_is_told_and_changes_nothing() {
    let server = TestServer::start();
    let (mut host, mut ana) = (host(&server, "Ms Keller"), guest(&server, "Ana"));
    ana.say_with_id("one", "1");
    ana.say_with_id("two", "2");
    ana.expect_text("two");
    ana.send(json!({"event": "delete_message", "message_id": 2}));
    ana.expect_event("message_deleted");
    pin(&mut ana, 1);
    ana.expect_error("not_host");
    moderate(&mut ana, "unpin");
    ana.expect_error("not_host");
    for nothing in [0, 2, 3, 4, u64::MAX] {
        pin(&mut host, nothing);
        host.expect_error("not_found");
    }
    moderate(&mut host, "pin");
    host.expect_error("bad_request");
    // Neither of these changes anything, nor is it recorded.
    moderate(&mut host, "unpin");
    pin(&mut host, 1);
    expect_done(&mut host, "pin");
    pin(&mut host, 1);
    moderate(&mut host, "lock");
    let actions = expect_done(&mut host, "lock")["actions"].clone();
    assert_eq!(actions.as_array().map(Vec::len), Some(2), "{actions}");
    assert_eq!(pinned(&server).map(|pinned| pinned["id"].clone()), Some(json!(1)));
}

#[test]
fn a_turn_that_pins_and_deletes_leaves_nothing_pinned() {
    let server = TestServer::start();
    let mut host = host(&server, "Ms Keller");
    for n in 1..=20 {
        let message_id = 2 * n - 1;
        host.say_and_wait("soon gone");
        pin(&mut host, message_id);
        host.send(json!({"event": "delete_message", "message_id": message_id}));
        host.expect_event("message_deleted");
        expect_pinned(&mut host, None);
    }
    assert_eq!(pinned(&server), None);
}

#[test]
fn a_deleted_accounts_message_stays_pinned_as_a_guests() {
    let server = TestServer::start();
    let mut host = host(&server, "Ms Keller");
    let mut browser = Browser::signed_up(&server, "Mia");
    let mut mia = browser.join();
    mia.say_and_wait("read this");
    pin(&mut host, 1);
    assert_eq!(expect_pinned(&mut host, Some(1))["pinned"]["role"], "member");
    assert_eq!(browser.post("/api/delete-account", json!({"password": password_of("Mia")})).status, 204);
    let is_guests = |event: &Value| event["event"] == "room" && event["pinned"]["role"] == "guest";
    host.expect("a guest's", is_guests);
}
