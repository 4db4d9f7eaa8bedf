//! A client that reads slowly costs the others nothing. It stays, or starts afresh where it is too far behind; who takes
//! nothing at all is cut off.

use crate::support::{TestClient, TestServer, View, crowd};
use chat_app::limits;
use serde_json::json;
use std::time::Instant;

/// Someone in the room for whom everything that is not read waits at the server.
fn hardly_reading(server: &TestServer, name: &str) -> TestClient {
    let mut client = server.connect();
    client.hold_little();
    client.join(name);
    // Everybody has been told: from here on, whom a newcomer is not told of has left.
    client.expect("its own coming", |event| event["joined"].to_string().contains(name));
    client
}

/// Has `speakers` say `each` messages of about 4 KB, while all of them read what all of them say. Several speakers,
/// since each may send only so many bytes at once.
fn talk(server: &TestServer, speakers: usize, each: usize) {
    let clients: Vec<TestClient> = (0..speakers).map(|n| server.join(&format!("Speaker {n}"))).collect();
    std::thread::scope(|scope| {
        for (n, mut client) in clients.into_iter().enumerate() {
            scope.spawn(move || {
                (0..each).for_each(|i| client.say(&format!("{n}:{i}:{}", "x".repeat(3900))));
                (0..speakers * each).for_each(|_| drop(client.expect_event("receive_message")));
            });
        }
    });
}

/// Waits until a newcomer no longer finds `name` in the room, or sees it leave.
fn expect_gone(server: &TestServer, name: &str) {
    server.connect().expect(&format!("that {name} is gone"), |event| match event["users"].as_array() {
        Some(users) => users.iter().all(|user| user["username"] != name),
        None => event["left"].as_array().is_some_and(|left| left.iter().any(|gone| gone == name)),
    });
}

#[test]
fn a_reader_that_stalls_in_a_busy_room_stays_and_misses_nothing() {
    const SPEAKERS: usize = 6;
    const EACH: usize = 110;
    let server = TestServer::start();
    let mut slow = hardly_reading(&server, "Slow");
    // 2.6 MB: far beyond what the kernels hold. Everybody else gets all of it while nobody reads there.
    talk(&server, SPEAKERS, EACH);
    let total = (SPEAKERS * EACH) as u64;
    let mut view = View::default();
    view.follow_to(&mut slow, total).expect("it is behind, and still there");
    assert_eq!(view.messages().len() as u64, total);
    slow.say("I read all of it");
    slow.expect_text("I read all of it");
}

/// More messages of [`say_large`] than the window holds.
const MORE_THAN_THE_WINDOW: u64 = (limits::WINDOW_BYTES / 16_000 + 300) as u64;

/// Says so many messages of 16 KB, while `slow` takes just enough to be no dead socket.
///
/// # Returns
/// Whether it started afresh already, as it does on a machine that needs half a minute for this.
fn say_large(speaker: &mut TestClient, total: u64, slow: &mut TestClient, view: &mut View) -> bool {
    let mut afresh = false;
    const AT_ONCE: u64 = 12;
    let mut taken = Instant::now();
    for said in (0..total).step_by(AT_ONCE as usize) {
        // Several at once, so that all of it is said long before the first of it is too old.
        let count = AT_ONCE.min(total - said);
        (0..count).for_each(|_| speaker.say(&"🦀".repeat(4_000)));
        (0..count).for_each(|_| drop(speaker.expect_event("receive_message")));
        // On a busy machine too it has to take something well within the time after which it counts as dead.
        if taken.elapsed() > limits::STALL / 5 {
            taken = Instant::now();
            for _ in 0..5 {
                let event = slow.follow().expect("it reads, if little");
                afresh |= event["event"] == "welcome";
                view.apply(&event);
            }
        }
    }
    afresh
}

#[test]
fn who_is_too_far_behind_starts_afresh_on_the_same_connection() {
    let _alone = crowd();
    let server = TestServer::with(|config| config.rate_limit = 0);
    let mut slow = hardly_reading(&server, "Slow");
    let mut view = View::default();
    let total = MORE_THAN_THE_WINDOW;
    let early = say_large(&mut server.join("Speaker"), total, &mut slow, &mut view);

    // What was under way comes whole and in order; then a welcome, from where on the log goes on.
    if !early {
        let welcome = loop {
            let event = slow.follow().expect("it was not cut off");
            view.apply(&event);
            if event["event"] == "welcome" {
                break event;
            }
        };
        assert_eq!((&welcome["reset"], &welcome["more"]), (&json!(true), &json!(true)), "{welcome}");
        view.follow_replay(&mut slow).expect("the newest messages, and the room");
        assert_eq!(Some(view.position()), welcome["position"].as_u64());
    }
    view.follow_to(&mut slow, total).expect("and what comes after");
    view.scroll_back(&mut slow, 200).expect("the history has what was missed");
    assert_eq!(view.messages().len() as u64, total);

    // It is who it was.
    slow.say("I am back");
    slow.expect_text("I am back");
}

#[test]
fn a_receipt_that_was_missed_is_given_again() {
    let _alone = crowd();
    let server = TestServer::with(|config| config.rate_limit = 0);
    let mut slow = hardly_reading(&server, "Slow");
    let mut speaker = server.join("Speaker");
    // Its own message is among those that it misses.
    let mut view = View::default();
    assert!(!say_large(&mut speaker, 100, &mut slow, &mut view), "these are said in seconds");
    slow.say_with_id("was it stored?", "the id");
    speaker.expect_text("was it stored?");
    if !say_large(&mut speaker, MORE_THAN_THE_WINDOW, &mut slow, &mut view) {
        while slow.follow().expect("it was not cut off")["event"] != "welcome" {}
    }
    slow.say_with_id("was it stored?", "the id");
    let receipt = slow.expect("the receipt", |event| event["client_message_id"] == "the id");
    assert_eq!(receipt["id"], 101, "the stored one: {receipt}");
    let head = server.connect().expect_event("welcome")["position"].as_u64();
    assert_eq!(head, Some(101 + MORE_THAN_THE_WINDOW), "and once");
}

#[test]
fn a_reader_that_takes_nothing_for_long_is_cut_off_with_little_to_read() {
    let server = TestServer::start();
    let slow = hardly_reading(&server, "Slow");
    // More than the kernels hold for it, far less than the window.
    const { assert!(800 * 1024 < limits::WINDOW_BYTES) };
    talk(&server, 2, 100);
    expect_gone(&server, "Slow");
    drop(slow);
}

#[test]
fn many_stalled_readers_cost_the_others_nothing() {
    let server = TestServer::start();
    let stalled: Vec<TestClient> = (0..20).map(|n| hardly_reading(&server, &format!("Slow {n}"))).collect();
    let (mut ana, mut ben) = (server.join("Ana"), server.join("Ben"));
    // Each of these waits for every stalled client before the next is said.
    for n in 0..150 {
        let text = format!("{n}:{}", "x".repeat(3000));
        ana.say(&text);
        ben.expect_message(&text);
        ana.expect_message(&text);
    }
    ana.expect_pong();
    drop(stalled);
}
