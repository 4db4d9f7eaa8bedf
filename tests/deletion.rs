//! What is deleted is gone for everybody, whether they were here, come back, or come for the first time.

use crate::support::{Random, TestClient, TestServer, View, key};
use serde_json::{Value, json};

fn join(server: &TestServer, name: &str) -> TestClient {
    let mut client = server.connect();
    client.join_with_keys(name, &key(name), &key(name));
    client
}

fn delete(client: &mut TestClient, message_id: u64) {
    client.send(json!({"event": "delete_message", "message_id": message_id}));
}

fn whole_log(server: &TestServer) -> View {
    let mut view = View::default();
    let mut client = view.connect(server.addr());
    view.follow_replay(&mut client).expect("a replay");
    view.scroll_back(&mut client, 7).expect("history");
    view
}

#[test]
fn a_deleted_message_is_gone_for_everybody() {
    let server = TestServer::start();
    let (mut ana, mut ben) = (join(&server, "Ana"), server.join("Ben"));
    for text in ["one", "two", "three"] {
        ana.say_with_id(text, text);
        ana.expect_message(text);
    }
    delete(&mut ana, 2);
    for client in [&mut ana, &mut ben] {
        assert_eq!(
            client.expect_event("message_deleted"),
            json!({"event": "message_deleted", "id": 4, "message_id": 2})
        );
    }
    assert_eq!(whole_log(&server).texts(), ["one", "three"]);
    ana.send(json!({"event": "request_history", "before": 4}));
    let history = ana.expect_event("history").to_string();
    assert!(history.contains("three") && !history.contains("two"), "{history}");
}

#[test]
fn who_comes_later_is_not_even_sent_what_is_deleted() {
    let server = TestServer::start();
    let mut ana = join(&server, "Ana");
    let epoch = ana.epoch();
    ana.say_with_id("a secret slip of the tongue", "1");
    ana.say_with_id("what stays", "2");
    ana.expect_text("what stays");
    delete(&mut ana, 1);
    ana.expect_event("message_deleted");
    for mut late in [server.connect(), TestClient::resume(server.addr(), 0, &epoch)] {
        late.expect_event("presence");
        let sent = Value::from(late.received_so_far().to_vec()).to_string();
        assert!(sent.contains("what stays") && !sent.contains("secret"), "{sent}");
    }
}

#[test]
fn only_ones_own_messages_can_be_deleted() {
    let server = TestServer::start();
    let (mut ana, mut ben) = (join(&server, "Ana"), join(&server, "Ben"));
    ana.say_with_id("mine", "1");
    ben.expect_message("mine");
    delete(&mut ben, 1);
    ben.expect_error("not_host");
    let mut nobody = server.connect();
    delete(&mut nobody, 1);
    nobody.expect_event("error");
    for missing in [2, 1_000_000] {
        delete(&mut ana, missing);
        ana.expect_error("not_found");
    }
    assert_eq!(whole_log(&server).texts(), ["mine"]);
}

#[test]
fn a_message_is_deleted_once() {
    let server = TestServer::start();
    let mut ana = join(&server, "Ana");
    ana.say_with_id("mine", "1");
    ana.expect_message("mine");
    delete(&mut ana, 1);
    ana.expect_event("message_deleted");
    delete(&mut ana, 1);
    ana.expect_error("not_found");
    // A deletion has a position, and is no message.
    delete(&mut ana, 2);
    ana.expect_error("not_found");
}

#[test]
fn a_retry_of_a_deleted_message_does_not_bring_it_back() {
    let server = TestServer::start();
    let (mut ana, mut ben) = (join(&server, "Ana"), server.join("Ben"));
    ana.say_with_id("mine", "1");
    ana.expect_message("mine");
    delete(&mut ana, 1);
    ana.expect_event("message_deleted");
    ana.say_with_id("mine", "1");
    let receipt = ana.expect_message("");
    assert_eq!((&receipt["id"], &receipt["deleted"]), (&json!(1), &json!(true)));
    ana.say("done");
    ben.expect_message("mine");
    ben.expect_message("done");
    assert_eq!(whole_log(&server).texts(), ["done"]);
}

#[test]
fn what_is_deleted_is_not_on_the_disk() {
    let mut server = TestServer::start();
    let mut ana = join(&server, "Ana");
    ana.say_with_id("a secret slip of the tongue", "1");
    ana.expect_event("receive_message");
    delete(&mut ana, 1);
    ana.expect_event("message_deleted");
    server.stop();
    assert!(!server.has_on_disk("a secret"), "it can still be read there");
}

/// A random log of messages and deletions; whoever saw any part of it, from wherever, ends with the same view.
#[test]
fn resuming_anywhere_equals_a_fresh_load() {
    for seed in 0..3 {
        let mut server = TestServer::start();
        let mut onlooker = server.connect();
        let mut ana = join(&server, "Ana");
        let mut random = Random::new(seed);
        let mut own: Vec<u64> = Vec::new();
        for n in 0..80u64 {
            if !own.is_empty() && random.within(0..3) == 0 {
                let at = random.within(0..own.len() as u64) as usize;
                delete(&mut ana, own.swap_remove(at));
                ana.expect_event("message_deleted");
            } else {
                ana.say_with_id(&format!("message {n}"), &format!("{n:04}"));
                own.extend(ana.expect_event("receive_message")["id"].as_u64());
            }
        }
        let head = 80;
        let mut live = View::default();
        live.follow_to(&mut onlooker, head).expect("all of it");
        // What the onlooker received is what anybody could have received up to any place in it.
        let story: Vec<Value> = onlooker.received_so_far().to_vec();
        for restarted in [false, true] {
            if restarted {
                server.stop();
                server.start_again();
            }
            let fresh = whole_log(&server);
            assert_eq!(fresh.messages(), live.messages(), "seed {seed}");
            for cut in 0..=head {
                let mut view = View::default();
                for event in &story {
                    if view.position() < cut || event["event"] == "welcome" {
                        view.apply(event);
                    }
                }
                view.follow_replay(&mut view.connect(server.addr())).expect("a replay");
                assert_eq!(
                    view.messages(),
                    fresh.messages(),
                    "seed {seed}, cut at {cut}, restarted: {restarted}"
                );
                assert_eq!(view.position(), head);
            }
        }
    }
}
