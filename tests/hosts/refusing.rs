//! Who is no host changes nothing, and a host's mistakes are told.

use super::{about, guest, host, moderate, moderate_with};
use crate::accounts::Browser;
use crate::support::TestServer;
use serde_json::json;

#[test]
fn every_action_of_who_is_no_host_is_refused_and_changes_nothing() {
    let server = TestServer::start();
    let _ben = guest(&server, "Ben");
    let mut nobody = server.connect();
    let mut member = Browser::signed_up(&server, "Mia").join();
    let mut ana = guest(&server, "Ana");
    ana.say_and_wait("still here");
    for client in [&mut ana, &mut member, &mut nobody] {
        for (action, fields) in [
            ("lock", json!({})),
            ("unlock", json!({})),
            ("close_door", json!({})),
            ("open_door", json!({})),
            ("fix_names", json!({})),
            ("free_names", json!({})),
            ("slow_mode", json!({"seconds": 10})),
            ("mute", about("Ben")),
            ("unmute", about("Ben")),
            ("remove", about("Ben")),
            ("allow", about("Ben")),
            ("issue_reset", about("Mia")),
            ("delete_recent", json!({"username": "Ben", "minutes": 10})),
            ("free_name", about("Ben")),
            ("new_invite", json!({})),
            ("set_title", json!({"title": "Mine"})),
            ("pin", json!({"message_id": 1})),
            ("unpin", json!({})),
            ("clear", json!({})),
        ] {
            moderate_with(client, action, fields);
            client.expect_error("not_host");
        }
    }
    let mut late = server.connect();
    late.expect_message("still here");
    let room = late.expect_event("room");
    assert_eq!(
        room,
        json!({"event": "room", "title": "Chat", "locked": false, "door_closed": false, "slow_mode_seconds": 0,
               "names_fixed": false,
               "members_only": false})
    );
    late.join("Cleo");
    late.say_and_wait("free to speak");
    for client in [&ana, &member, &nobody, &late] {
        assert!(client.received("moderation").is_empty(), "what hosts know is theirs alone");
    }
}

#[test]
fn what_a_host_cannot_mean_is_told() {
    let server = TestServer::start();
    let (mut host, _other) = (host(&server, "Ms Keller"), host(&server, "Mr Brown"));
    for (action, fields, code) in [
        ("dance", json!({}), "bad_request"),
        ("slow_mode", json!({}), "bad_request"),
        ("slow_mode", json!({"seconds": 3601}), "bad_request"),
        ("slow_mode", json!({"seconds": -1}), "bad_request"),
        ("mute", json!({}), "bad_request"),
        ("mute", about(" "), "bad_username"),
        ("mute", about("Ms Keller"), "bad_request"),
        ("remove", about("ms keller"), "bad_request"),
        ("mute", about("Mr Brown"), "bad_request"),
        ("remove", about("Mr Brown"), "bad_request"),
        ("unmute", about("Ana"), "not_found"),
        ("allow", about("Ana"), "not_found"),
        ("delete_recent", about("Ana"), "bad_request"),
        ("delete_recent", json!({"minutes": 10}), "bad_request"),
        ("delete_recent", json!({"username": "Ana", "minutes": 0}), "bad_request"),
        ("delete_recent", json!({"username": "Ana", "minutes": 61}), "bad_request"),
        ("delete_recent", json!({"username": "Ana", "minutes": 10}), "not_found"),
        ("set_title", json!({"title": ""}), "bad_request"),
        ("set_title", json!({"title": "x".repeat(81)}), "bad_request"),
        ("issue_reset", about("Nobody"), "not_found"),
        ("free_name", about("Nobody"), "not_found"),
        ("free_name", json!({}), "bad_request"),
        ("free_name", about("Ms Keller"), "bad_request"),
        ("free_name", about("mr brown"), "bad_request"),
        ("new_invite", json!({}), "bad_request"),
        ("pin", json!({}), "bad_request"),
        ("pin", json!({"message_id": 9}), "not_found"),
    ] {
        moderate_with(&mut host, action, fields.clone());
        host.expect_error(code);
        assert!(host.received("moderation").len() <= 2, "{action} {fields} was recorded");
    }
    moderate(&mut host, "lock");
    host.expect("it goes on", |event| event["event"] == "room" && event["locked"] == true);
}
