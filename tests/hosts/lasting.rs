//! What hosts have decided survives a restart, and so do the hosts.

use super::{about, expect_done, guest, host_browser, moderate, moderate_with};
use crate::support::{TestServer, free_port, key};
use rusqlite::Connection;
use serde_json::json;

#[test]
fn everything_holds_after_a_restart() {
    let mut server = TestServer::with(|config| {
        (config.title, config.port) = (Some("Room 12".to_owned()), free_port());
    });
    let browser = host_browser(&server);
    let mut host = browser.connect();
    host.join("Ms Keller");
    let (_ana, _ben) = (guest(&server, "Ana"), guest(&server, "Ben"));
    moderate_with(&mut host, "mute", about("Ana"));
    moderate_with(&mut host, "remove", about("Ben"));
    moderate_with(&mut host, "slow_mode", json!({"seconds": 30}));
    moderate_with(&mut host, "set_title", json!({"title": "Physics"}));
    moderate(&mut host, "close_door");
    moderate(&mut host, "fix_names");
    moderate(&mut host, "lock");
    let before = expect_done(&mut host, "lock");
    server.stop();
    server.start_again();
    let mut host = browser.connect();
    assert_eq!(host.expect_event("welcome")["session"]["role"], "host");
    assert_eq!(
        host.expect_event("room"),
        json!({"event": "room", "title": "Physics", "locked": true, "door_closed": true, "slow_mode_seconds": 30,
               "names_fixed": true,               "members_only": false})
    );
    assert_eq!(host.expect_event("moderation"), before);
    let mut ana = server.connect();
    ana.send(
        json!({"event": "join", "username": "I am muted", "guest_key": key("Ana"), "tab_key": key("Ana")}),
    );
    ana.expect("a refusal", |it| {
        ["muted", "locked", "door_closed"].contains(&it["code"].as_str().unwrap_or_default())
    });
    assert_eq!(ana.join_with_keys("Ana", &key("Ana"), &key("Ana"))["muted"], true);
    let mut ben = server.connect();
    ben.send(json!({"event": "join", "username": "Ben", "guest_key": key("Ben"), "tab_key": key("Ben")}));
    ben.expect_close(4403);
    moderate(&mut host, "unlock");
    moderate_with(&mut host, "unmute", about("Ana"));
    ana.expect("unmuted", |event| event["event"] == "joined" && event["muted"] == false);
    server.stop();
    server.start_again();
    let mut ana = server.connect();
    assert_eq!(ana.join_with_keys("Ana", &key("Ana"), &key("Ana"))["muted"], false);
    assert_eq!(ana.received("room")[0]["locked"], false);
}

#[test]
fn what_is_decided_while_the_disk_takes_nothing_is_stored_once_it_does() {
    let mut server = TestServer::staying();
    let browser = host_browser(&server);
    let mut first = browser.connect();
    first.join("Ms Keller");
    let (mut ana, _ben, _cleo) = (guest(&server, "Ana"), guest(&server, "Ben"), guest(&server, "Cleo"));
    moderate_with(&mut first, "mute", about("Ana"));
    moderate_with(&mut first, "remove", about("Ben"));
    moderate(&mut first, "lock");
    expect_done(&mut first, "lock");
    let mut second = host_browser(&server).connect();
    let locked = Connection::open(server.database()).expect("the database");
    locked.execute_batch("BEGIN IMMEDIATE").expect("the lock");
    assert_eq!(second.join_with_keys("Mr Brown", &key("Mr Brown"), &key("Mr Brown"))["role"], "host");
    moderate(&mut first, "unlock");
    moderate_with(&mut first, "unmute", about("Ana"));
    moderate_with(&mut first, "allow", about("Ben"));
    moderate_with(&mut first, "mute", about("Cleo"));
    // Stored in one turn with all that, or refused with it.
    first.say_with_id("lost", "lost");
    first.expect_error("not_saved");
    drop(locked);
    ana.say_and_wait("the disk works again");
    let before = first.received("moderation").last().cloned().expect("told");
    server.stop();
    server.start_again();
    let mut host = browser.connect();
    assert_eq!(host.expect_event("room")["locked"], false);
    let after = host.expect_event("moderation");
    assert_eq!((&after["muted"], &after["removed"]), (&json!(["Cleo"]), &json!([])));
    assert_eq!(after["actions"], before["actions"], "what was done is on record");
    let mut student = server.connect();
    student.send(json!({"event": "join", "username": "Mr Brown", "guest_key": key("student")}));
    student.expect_error("name_taken");
}
