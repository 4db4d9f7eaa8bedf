//! A host deletes whatever was said, and it is on record.

use super::{expect_done, guest, host};
use crate::support::{TestServer, View};
use serde_json::json;

#[test]
fn a_host_deletes_what_others_have_said() {
    let mut server = TestServer::start();
    let (mut host, mut ana, mut ben) =
        (host(&server, "Ms Keller"), guest(&server, "Ana"), guest(&server, "Ben"));
    ana.say_with_id("what must not stay", "1");
    ben.expect_message("what must not stay");
    host.say("mine");
    ana.expect_text("mine");
    host.send(json!({"event": "delete_message", "message_id": 1}));
    for client in [&mut host, &mut ana, &mut ben] {
        assert_eq!(client.expect_event("message_deleted")["message_id"], 1);
    }
    let action = expect_done(&mut host, "delete")["actions"][0].clone();
    assert_eq!((&action["host"], &action["username"]), (&json!("Ms Keller"), &json!("Ana")));
    // One's own is no act of moderation.
    host.send(json!({"event": "delete_message", "message_id": 2}));
    host.expect_event("message_deleted");
    host.send(json!({"event": "delete_message", "message_id": 1}));
    host.expect_error("not_found");
    let told = host.received("moderation").last().expect("told")["actions"].as_array().map(Vec::len);
    assert_eq!(told, Some(1));
    ana.say_with_id("what must not stay", "1");
    assert_eq!(ana.expect_message("")["deleted"], true);
    let mut view = View::default();
    let mut late = view.connect(server.addr());
    view.follow_replay(&mut late).expect("a replay");
    assert!(view.texts().is_empty());
    server.stop();
    assert!(!server.has_on_disk("what must not stay"));
}

#[test]
fn of_many_hosts_who_delete_the_same_message_one_does() {
    let server = TestServer::start();
    let mut ana = guest(&server, "Ana");
    ana.say_and_wait("once");
    let mut hosts: Vec<_> = (0..5).map(|number| host(&server, &format!("Host {number}"))).collect();
    for host in &mut hosts {
        host.send(json!({"event": "delete_message", "message_id": 1}));
    }
    let mut refused = 0;
    for (number, host) in hosts.iter_mut().enumerate() {
        host.say_and_wait(&format!("{number} has its answer"));
        refused += host.received("error").len();
        assert_eq!(host.received("message_deleted").len(), 1);
    }
    assert_eq!(refused, 4);
    assert_eq!(ana.received("message_deleted").len(), 0);
    ana.expect_event("message_deleted");
    ana.expect_pong();
    assert_eq!(ana.received("message_deleted").len(), 1);
}
