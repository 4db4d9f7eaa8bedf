//! Who was away gets what was missed: all of it, once, in order; and is told when that cannot be.

use crate::support::{Random, TestClient, TestServer, View, crowd, epoch, key};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, Ordering};

/// Says `first..=last` as one person and waits until all is said.
fn say_numbers(server: &TestServer, first: usize, last: usize) {
    let mut speaker = server.join("Speaker");
    (first..=last).for_each(|n| speaker.say(&n.to_string()));
    (first..=last).for_each(|n| drop(speaker.expect_text(&n.to_string())));
    speaker.leave();
}

fn numbers(first: usize, last: usize) -> Vec<String> {
    (first..=last).map(|n| n.to_string()).collect()
}

#[test]
fn a_connection_begins_in_order() {
    let server = TestServer::start();
    say_numbers(&server, 1, 3);
    let mut client = server.connect();
    client.expect_event("presence");
    let kinds: Vec<&str> = client.story_so_far().iter().filter_map(|event| event["event"].as_str()).collect();
    assert_eq!(
        kinds,
        ["welcome", "receive_message", "receive_message", "receive_message", "room", "presence"]
    );
}

#[test]
fn the_welcome_says_what_a_client_needs() {
    let server = TestServer::with(|config| config.title = Some("Class 7b".to_owned()));
    say_numbers(&server, 1, 3);
    let mut client = server.connect();
    let welcome = client.expect_event("welcome");
    assert!(welcome["epoch"].as_str().is_some_and(|epoch| epoch.len() >= 8), "{welcome}");
    assert_eq!(welcome["position"], 3);
    assert_eq!(welcome["more"], false);
    assert_eq!(welcome["session"], Value::Null);
    assert_eq!(welcome["limits"], json!({"message_characters": 4000, "username_characters": 32}));
    let room = client.expect_event("room");
    let fields =
        ["title", "locked", "door_closed", "slow_mode_seconds", "members_only"].map(|name| &room[name]);
    assert_eq!(fields, [&json!("Class 7b"), &json!(false), &json!(false), &json!(0), &json!(false)]);
}

#[test]
fn a_fresh_load_is_the_newest_fifty() {
    let server = TestServer::start();
    say_numbers(&server, 1, 60);
    let mut view = View::default();
    let mut client = view.connect(server.addr());
    view.follow_replay(&mut client).expect("a replay");
    assert_eq!(view.texts(), numbers(11, 60));
    assert_eq!(client.received("welcome")[0]["more"], true);
}

#[test]
fn what_was_missed_comes_and_nothing_else() {
    let server = TestServer::start();
    say_numbers(&server, 1, 30);
    let mut view = View::default();
    view.follow_replay(&mut view.connect(server.addr())).expect("a replay");
    say_numbers(&server, 31, 200);
    let mut client = view.connect(server.addr());
    view.follow_replay(&mut client).expect("a replay");
    assert_eq!(client.received("welcome")[0]["reset"], false);
    assert_eq!(client.received("receive_message").len(), 170, "also more than a fresh load has");
    assert_eq!(view.texts(), numbers(1, 200));

    let mut client = view.connect(server.addr());
    view.follow_replay(&mut client).expect("a replay");
    assert!(client.received("receive_message").is_empty(), "nothing was missed");
    assert_eq!(client.received("welcome")[0]["position"], 200);
}

#[test]
fn a_foreign_epoch_is_a_reset() {
    let server = TestServer::start();
    say_numbers(&server, 1, 60);
    let mut client = TestClient::resume(server.addr(), 20, "00000000000000000000000000000000");
    let mut view = View::default();
    view.follow_replay(&mut client).expect("a replay");
    assert_eq!(client.received("welcome")[0]["reset"], true);
    assert_eq!(view.texts(), numbers(11, 60));
}

#[test]
fn a_position_that_was_never_reached_is_a_reset() {
    let server = TestServer::start();
    say_numbers(&server, 1, 5);
    let epoch = epoch(server.addr());
    for after in [6, 1_000_000, u64::from(u32::MAX) + 1] {
        let mut client = TestClient::resume(server.addr(), after, &epoch);
        let mut view = View::default();
        view.follow_replay(&mut client).expect("a replay");
        assert_eq!(client.received("welcome")[0]["reset"], true, "{after}");
        assert_eq!(view.texts(), numbers(1, 5));
    }
}

#[test]
fn nothing_is_lost_or_doubled_while_messages_flow() {
    let _alone = crowd();
    const MESSAGES: u64 = 3_000;
    let server = TestServer::start();
    let over = AtomicBool::new(false);
    let views: Vec<View> = std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut speaker = server.join("Speaker");
            for n in 1..=MESSAGES {
                speaker.say(&n.to_string());
                if n % 20 == 0 {
                    speaker.expect_text(&n.to_string());
                }
            }
            over.store(true, Ordering::Release);
        });
        let followers: Vec<_> = (0..4)
            .map(|seed| {
                let (server, over) = (&server, &over);
                scope.spawn(move || {
                    let mut random = Random::new(seed);
                    let mut view = View::default();
                    while view.position() < MESSAGES || !over.load(Ordering::Acquire) {
                        let mut client = view.connect(server.addr());
                        // Cut anywhere: in the replay, between replay and live, in the middle of the live stream.
                        let until = (view.position() + random.within(0..150)).min(MESSAGES);
                        view.follow_to(&mut client, until).expect("the connection holds");
                    }
                    view
                })
            })
            .collect();
        followers.into_iter().map(|thread| thread.join().expect("a follower ends")).collect()
    });
    for view in views {
        let texts = view.texts();
        let first = MESSAGES + 1 - texts.len() as u64;
        assert_eq!(texts, numbers(first as usize, MESSAGES as usize));
        assert_eq!(view.position(), MESSAGES);
    }
}

/// From what the server sends at once, through what it keeps in memory, to what it has to read again: the client
/// must not be able to tell which it was.
#[test]
fn any_amount_that_was_missed_comes_whole() {
    let _alone = crowd();
    const SPEAKERS: usize = 12;
    const EACH: usize = 110;
    let server = TestServer::start();
    let mut view = View::default();
    view.follow_replay(&mut view.connect(server.addr())).expect("a replay");
    // 12 × 110 × 3.9 KB = 5.1 MB: more than the frames kept in memory. Twelve, since each may send only so many bytes.
    std::thread::scope(|scope| {
        for n in 0..SPEAKERS {
            let mut speaker = server.connect();
            scope.spawn(move || {
                speaker.join_with_keys(&format!("Speaker {n}"), &key(&n.to_string()), &key("tab"));
                (0..EACH).for_each(|i| speaker.say(&format!("{n}:{i}:{}", "x".repeat(3900))));
                let mut own = 0;
                while own < EACH {
                    own += usize::from(
                        speaker.expect_event("receive_message")["username"] == format!("Speaker {n}"),
                    );
                }
            });
        }
    });
    let total = (SPEAKERS * EACH) as u64;
    let mut whole = View::default();
    let mut client = TestClient::resume(server.addr(), 0, &epoch(server.addr()));
    whole.follow_replay(&mut client).expect("a replay");
    assert_eq!(whole.messages().len(), SPEAKERS * EACH);
    for missing in [1, 10, 16, 17, 18, 100, 1_000, 1_100, total] {
        let mut client = TestClient::resume(server.addr(), total - missing, &epoch(server.addr()));
        client.expect_event("room");
        let came: Vec<u64> =
            client.received("receive_message").iter().filter_map(|event| event["id"].as_u64()).collect();
        assert_eq!(came, (total - missing + 1..=total).collect::<Vec<u64>>(), "{missing} missing");
        client.join("Visitor");
        client.leave();
    }
    view.follow_replay(&mut view.connect(server.addr())).expect("a replay");
    assert!(view.messages() == whole.messages(), "who was there before sees what a newcomer sees");
}
