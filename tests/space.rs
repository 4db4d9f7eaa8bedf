//! The history has a bound: hosts hear of it in time, at the bound nothing more is taken and everything else goes on, and clearing
//! gives the disk its place back.

use crate::accounts::Browser;
use crate::reactions::react;
use crate::support::{DEADLINE, Process, TestClient, TestServer, key};
use serde_json::json;
use std::fs;
use std::path::Path;
use std::time::Instant;

/// As long in the file as a message can be.
fn long(number: u32) -> String {
    format!("{number:<4000}").replace(' ', "🙂")
}

/// Says long messages until one is refused; gives back how many were not, and the refusal.
fn fill(client: &mut TestClient) -> (u32, serde_json::Value) {
    for number in 0..1_000 {
        let id = format!("fill-{number}");
        client.say_with_id(&long(number), &id);
        let answer = client.expect("an answer", |event| event["client_message_id"] == id.as_str());
        if answer["event"] == "error" {
            return (number, answer);
        }
    }
    panic!("16 MB fit into one");
}

fn size(database: &Path) -> u64 {
    fs::metadata(database).expect("the file").len()
}

/// Waits until the database is as small.
fn wait_until_smaller(database: &Path, bytes: u64, mut meanwhile: impl FnMut()) {
    let until = Instant::now() + DEADLINE;
    while size(database) > bytes {
        assert!(Instant::now() < until, "it stays at {} bytes", size(database));
        meanwhile();
    }
}

#[test]
fn a_full_history_refuses_messages_until_it_is_cleared() {
    let server = TestServer::with(|config| config.history_megabytes = 1);
    let mut host = Browser::host(server.addr(), &server.host_key()).connect();
    host.join_with_keys("Ms Keller", &key("Ms Keller"), &key("Ms Keller"));
    let (mut ana, mut ben) = (server.join("Ana"), server.join("Ben"));
    assert_eq!(
        host.received("moderation").last().expect("one")["history_percent"],
        json!(null),
        "nothing to tell"
    );

    ben.say_and_wait("Done?");
    react(&mut ben, 1, "👍", true);
    ben.expect_event("reacted");
    let (taken, refusal) = fill(&mut ana);
    assert!((30..100).contains(&taken), "{taken} messages of 16 KB are a megabyte");
    assert_eq!((&refusal["code"], &refusal["reason"]), (&json!("not_saved"), &json!("history_full")));
    assert!(refusal["message"].as_str().is_some_and(|said| said.contains("full")), "{refusal}");
    host.expect("all of it", |event| event["history_percent"] == 100);
    let percents =
        host.received("moderation").into_iter().filter_map(|event| event["history_percent"].as_u64());
    assert!((80..90).contains(&percents.min().expect("one")), "in time");

    // Hosts neither; a retry is answered, and everything else goes on.
    host.say_with_id("me too", "host-1");
    host.expect_error("not_saved");
    react(&mut host, 1, "👍", true);
    let refusal = host.expect_error("not_saved");
    assert_eq!((&refusal["message_id"], &refusal["reason"]), (&json!(1), &json!("history_full")));
    react(&mut ben, 1, "👍", false); // which takes no place
    assert_eq!(ben.expect_event("reacted")["on"], false);
    ana.say_with_id(&long(3), "fill-3");
    assert_eq!(ana.expect_text(&long(3))["client_message_id"], "fill-3");
    ben.send(json!({"event": "request_history", "before": taken, "limit": 5}));
    assert!(!ben.expect_event("history")["messages"].as_array().expect("messages").is_empty());
    ben.expect_pong();
    host.send(json!({"event": "delete_message", "message_id": 1}));
    ben.expect_event("message_deleted");

    host.send(json!({"event": "moderate", "action": "clear"}));
    ana.expect_event("welcome");
    let until = Instant::now() + DEADLINE;
    loop {
        ana.say_with_id("again", "again");
        if ana.expect("an answer", |event| event["client_message_id"] == "again")["event"]
            == "receive_message"
        {
            break;
        }
        assert!(Instant::now() < until, "it stays full");
    }
    host.expect("nothing more to tell", |event| {
        event["event"] == "moderation" && event.get("history_percent").is_none()
    });
}

#[test]
fn a_cleared_history_gives_its_place_back_while_the_room_goes_on() {
    let server = TestServer::start();
    let mut host = Browser::host(server.addr(), &server.host_key()).connect();
    host.join_with_keys("Ms Keller", &key("Ms Keller"), &key("Ms Keller"));
    let mut ana = server.join("Ana");
    for number in 0..3_000 {
        ana.say(&format!("{number:<4000}"));
    }
    ana.expect("the last", |event| event["id"] == 3_000);
    wait_until_larger(server.database(), 12_000_000);
    host.send(json!({"event": "moderate", "action": "clear"}));
    ana.expect_event("welcome");
    wait_until_smaller(server.database(), 1_000_000, || drop(ana.say_and_wait("going on")));
    let mut late = server.connect();
    assert_eq!(late.expect_event("welcome")["more"], true);
    late.expect_message("going on");
}

/// Rows go and pages move beside those of the messages that live: no copy of these stays behind.
#[test]
fn what_is_deleted_after_a_clearing_is_nowhere_in_the_file() {
    let server = TestServer::start();
    let mut host = Browser::host(server.addr(), &server.host_key()).connect();
    host.join_with_keys("Ms Keller", &key("Ms Keller"), &key("Ms Keller"));
    let mut ana = server.join("Ana");
    for number in 0..6_000 {
        ana.say(&format!("old {number} {}", "x".repeat(number % 700)));
    }
    ana.expect("the last", |event| event["id"] == 6_000);
    wait_until_larger(server.database(), 2_500_000);
    host.send(json!({"event": "moderate", "action": "clear"}));
    ana.expect_event("welcome");
    let mut living = Vec::new();
    wait_until_smaller(server.database(), 1_500_000, || {
        living.push(ana.say_and_wait(&format!("a living secret {}", living.len()))["id"].clone());
    });
    assert!(server.has_on_disk("a living secret"), "the test would see it");
    for message_id in living {
        host.send(json!({"event": "delete_message", "message_id": message_id}));
        host.expect_event("message_deleted");
    }
    let until = Instant::now() + DEADLINE;
    while server.has_on_disk("a living secret") {
        assert!(Instant::now() < until, "a copy of it stays in the files");
        host.expect_pong();
    }
}

/// Waits until the log is in the file.
fn wait_until_larger(database: &Path, bytes: u64) {
    let until = Instant::now() + DEADLINE;
    while size(database) < bytes {
        assert!(Instant::now() < until, "it stays at {} bytes", size(database));
        std::thread::yield_now();
    }
}

#[test]
fn an_old_database_is_brought_to_it_once_and_says_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let database = folder.path().join("chat.db");
    let start = || Process::start(&database, &["--log-level", "info"]);
    let mut process = start();
    let mut ana = TestClient::connect(process.addr());
    let epoch = ana.epoch();
    ana.join("Ana");
    ana.say_and_wait("kept");
    process.signal(crate::support::Signal::TERM);
    process.wait();
    assert!(!process.stderr.whole().contains("once more"), "a new one is born so");
    let old = rusqlite::Connection::open(&database).expect("the database");
    old.execute_batch("PRAGMA journal_mode = DELETE; PRAGMA auto_vacuum = NONE; VACUUM")
        .expect("as it was before");
    drop(old);
    for is_first in [true, false] {
        let mut process = start();
        let mut late = TestClient::connect(process.addr());
        assert_eq!(late.expect_event("welcome")["epoch"], epoch.as_str());
        late.expect_message("kept");
        process.kill();
        assert_eq!(
            process.stderr.whole().contains("written once more"),
            is_first,
            "{}",
            process.stderr.text()
        );
    }
}
