//! The room outlives its process: messages, names and the log's identity are on disk.

use crate::support::{TestServer, View, key};
use serde_json::json;

#[test]
fn a_restart_is_no_event_for_who_comes_back() {
    let mut server = TestServer::start();
    let mut view = View::default();
    let mut client = view.connect(server.addr());
    client.join("Ana");
    (1..=30).for_each(|n| client.say(&n.to_string()));
    view.follow_to(&mut client, 20).expect("messages");
    server.stop();
    server.start_again();
    let mut client = view.connect(server.addr());
    view.follow_replay(&mut client).expect("a replay");
    assert_eq!(client.received("welcome")[0]["reset"], false, "it is the same log");
    client.join("Ana");
    let head = view.position();
    client.say("on and on");
    view.follow_to(&mut client, head + 1).expect("a message");
    assert!(view.position() > 20, "positions go on");
    let mut fresh = View::default();
    fresh.follow_replay(&mut fresh.connect(server.addr())).expect("a replay");
    assert_eq!(fresh.messages(), view.messages());
}

#[test]
fn another_database_is_another_log() {
    let (one, two) = (TestServer::start(), TestServer::start());
    one.join("Ana").say_and_wait("in one");
    let mut view = View::default();
    view.follow_replay(&mut view.connect(one.addr())).expect("a replay");
    assert_eq!(view.texts(), ["in one"]);
    let mut client = view.connect(two.addr());
    view.follow_replay(&mut client).expect("a replay");
    assert_eq!(client.received("welcome")[0]["reset"], true);
    assert!(view.texts().is_empty());
}

#[test]
fn a_name_waits_for_its_key_over_a_restart() {
    let mut server = TestServer::start();
    let mut ana = server.connect();
    ana.join_with_keys("Ana", &key("ana"), &key("tab"));
    ana.say_and_wait("hi");
    server.stop();
    server.start_again();
    let mut other = server.connect();
    other.send(json!({"event": "join", "username": "ana"}));
    other.expect_error("name_taken");
    let mut ana = server.connect();
    assert_eq!(ana.join_with_keys("Ana", &key("ana"), &key("new-tab"))["username"], "Ana");
}

#[test]
fn keys_are_stored_as_hashes_only() {
    let mut server = TestServer::start();
    let mut ana = server.connect();
    ana.join_with_keys("Ana", &key("guest-secret"), &key("tab-secret"));
    ana.say_with_id("hi", "id-1");
    ana.expect_message("hi");
    server.stop();
    for secret in ["guest-secret", "tab-secret"] {
        assert!(!server.has_on_disk(secret), "{secret} is on disk");
    }
}

#[test]
fn a_stopped_server_leaves_one_whole_file() {
    let mut server = TestServer::start();
    server.join("Ana").say_and_wait("hi");
    server.stop();
    let log = server.database().with_extension("db-wal");
    let left = std::fs::metadata(log).map_or(0, |log| log.len());
    assert_eq!(left, 0, "who copies the file has everything");
}

#[cfg(unix)]
#[test]
fn the_history_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let server = TestServer::start();
    server.join("Ana").say_and_wait("hi");
    for file in std::fs::read_dir(server.folder()).expect("the folder") {
        let file = file.expect("a file");
        let mode = file.metadata().expect("its mode").permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{:?} is {mode:o}", file.file_name());
    }
}
