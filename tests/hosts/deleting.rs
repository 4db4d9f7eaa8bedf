//! A host deletes whatever was said, and it is on record.

use super::{about, expect_done, guest, host, host_browser, moderate_with};
use crate::support::{TestClient, TestServer, View, key};
use serde_json::{Value, json};

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

#[test]
fn all_that_somebody_has_said_lately_goes_at_once_in_whichever_name_and_tab() {
    let server = TestServer::start();
    let (mut host, mut ana, mut ben) =
        (host(&server, "Ms Keller"), guest(&server, "Ana"), guest(&server, "Ben"));
    let mut other_tab = server.connect();
    other_tab.join_with_keys("Ana", &key("Ana"), &key("other tab"));
    other_tab.say_and_wait("from another tab");
    ben.say_and_wait("stays");
    // More than one turn of the hub deletes.
    let flood: Vec<String> = (0..700).map(|number| format!("flood {number}")).collect();
    flood.iter().for_each(|text| ana.say(text));
    ana.join("Mia");
    ana.say_and_wait("under another name");
    moderate_with(&mut host, "delete_recent", json!({"username": "Ana", "minutes": 10}));
    let actions = expect_done(&mut host, "delete_recent")["actions"].clone();
    let action = (&actions[0]["username"], &actions[0]["detail"], actions.as_array().map(Vec::len));
    assert_eq!(action, (&json!("Ana"), &json!("702 of the last 10 min"), Some(1)));
    for client in [&mut host, &mut ben] {
        client.expect("the oldest goes last", |event| event["message_id"] == 1);
        assert_eq!(client.received("message_deleted").len(), 702);
    }
    let mut view = View::default();
    let mut late = view.connect(server.addr());
    view.follow_replay(&mut late).expect("a replay");
    assert_eq!(view.texts(), ["stays"]);
    moderate_with(&mut host, "delete_recent", json!({"username": "Ana", "minutes": 10}));
    assert_eq!(host.expect_error("not_found")["reason"], "nothing_recent");
}

/// What is left in the log once all that somebody has said lately is deleted.
fn left(server: &TestServer, host: &mut TestClient, mut about: Value) -> Vec<String> {
    about["minutes"] = json!(10);
    moderate_with(host, "delete_recent", about);
    expect_done(host, "delete_recent");
    host.say_and_wait("done");
    let mut view = View::default();
    let mut late = view.connect(server.addr());
    view.follow_replay(&mut late).expect("a replay");
    view.texts().into_iter().map(str::to_owned).collect()
}

/// The student is "Guest 1" by then, and what they said stands under the teacher's name.
#[test]
fn what_was_said_under_a_hosts_name_goes_and_nothing_of_the_hosts() {
    for (who, by_message) in [("Guest 1", false), ("Frau Meier", false), ("Frau Meier", true)] {
        let server = TestServer::start();
        let mut student = guest(&server, "Frau Meier");
        student.say_and_wait("no homework");
        let rude = student.say_and_wait("no school");
        let mut meier = host_browser(&server).connect();
        meier.join_with_keys("Frau Meier", &key("host"), &key("host"));
        student.expect("another name", |it| it["event"] == "joined" && it["username"] == "Guest 1");
        meier.say_and_wait("Good morning");
        let mut other = host(&server, "Herr Kurz");
        other.say_and_wait("Good morning to you");
        let mut about = about(who);
        if by_message {
            about["message_id"] = rude["id"].clone();
        }
        assert_eq!(
            left(&server, &mut meier, about),
            ["Good morning", "Good morning to you", "done"],
            "{who}"
        );
    }
}

#[test]
fn whoever_has_had_the_name_before_is_meant_by_their_message_and_the_other_is_not() {
    let server = TestServer::start();
    let mut host = host(&server, "Ms Keller");
    let mut ben = server.connect();
    ben.join("Tim");
    let rude = ben.say_and_wait("rude");
    ben.join("Ben");
    ben.say_and_wait("rude as well");
    let mut tim = guest(&server, "Tim");
    tim.say_and_wait("kind");
    let about = json!({"username": "Tim", "message_id": rude["id"]});
    assert_eq!(left(&server, &mut host, about), ["kind", "done"]);
    ben.say_and_wait("rude again");
    assert_eq!(left(&server, &mut host, json!({"username": "Tim"})), ["done", "rude again", "done"]);
}

/// Mallory's, who had the name first, and not the real Max's, though both have left.
#[test]
fn of_two_who_had_the_name_and_left_the_other_loses_nothing() {
    let server = TestServer::start();
    let mut host = host(&server, "Ms Keller");
    let mut mallory = guest(&server, "Max");
    let rude = mallory.say_and_wait("rude");
    moderate_with(&mut host, "free_name", about("Max"));
    expect_done(&mut host, "free_name");
    let mut max = server.connect();
    max.join_with_keys("Max", &key("real Max"), &key("real Max"));
    max.say_and_wait("kind");
    mallory.leave();
    max.leave();
    let about = json!({"username": "Max", "message_id": rude["id"]});
    assert_eq!(left(&server, &mut host, about), ["kind", "done"]);
}

#[test]
fn what_the_same_browser_said_goes_in_closed_tabs_and_under_other_names_too() {
    for by_message in [false, true] {
        let server = TestServer::start();
        let mut host = host(&server, "Ms Keller");
        let mut said = Vec::new();
        for name in ["Ana", "Bea", "Cleo"] {
            let mut tab = server.connect();
            tab.join_with_keys(name, &key("one browser"), &key(name));
            said.push(tab.say_and_wait(name)["id"].clone());
            tab.leave();
        }
        // A second connection of the tab, without a key, is no shield.
        let mut shield = server.connect();
        shield.send(json!({"event": "join", "username": "Zz", "tab_key": key("Bea")}));
        shield.expect_event("joined");
        let mut about = about("Bea");
        if by_message {
            about["message_id"] = said[1].clone();
        }
        assert_eq!(left(&server, &mut host, about), ["done"]);
    }
}

#[test]
fn a_message_of_another_name_than_the_one_named_is_nobodys() {
    let server = TestServer::start();
    let (mut host, mut otto, mut memo) =
        (host(&server, "Ms Keller"), guest(&server, "Otto"), guest(&server, "Memo"));
    memo.say_and_wait("mine");
    let ottos = otto.say_and_wait("his");
    let about = json!({"username": "Memo", "minutes": 10, "message_id": ottos["id"]});
    moderate_with(&mut host, "delete_recent", about);
    assert_eq!(host.expect_error("not_found")["reason"], "nothing_recent");
}
