//! Whom a host means: by a message, or a name that is nobody's any more. Somebody is held, or the host is told why not.

use super::reading::{browser, expect_nothing_read, join};
use super::{about, expect_done, guest, host, moderate_with};
use crate::support::{TestServer, key};
use serde_json::json;

const NAMES: [&str; 7] = ["Rena", "Renb", "Renc", "Rend", "Rene", "Renf", "Reng"];

#[test]
fn whoever_is_called_otherwise_by_now_is_held_by_an_older_message_or_name() {
    let server = TestServer::start();
    let mut host = host(&server, "Ms Keller");
    let renas = browser(&server);
    let mut rena = join(&renas, NAMES[0]);
    let first = rena.say_and_wait("as Rena")["id"].clone();
    for name in &NAMES[1..] {
        rena.join(name);
        rena.say_and_wait(name);
    }
    for about in [json!({"username": "Rena", "message_id": first}), json!({"username": "Rena"})] {
        moderate_with(&mut host, "mute", about);
        rena.expect("the mute", |event| event["event"] == "joined" && event["muted"] == true);
        assert_eq!(expect_done(&mut host, "mute")["muted"], json!(["Reng"]), "as they are called now");
        moderate_with(&mut host, "unmute", json!({"username": "Reng"}));
        rena.expect("the end of it", |event| event["event"] == "joined" && event["muted"] == false);
    }
    moderate_with(&mut host, "remove", json!({"username": "Rena", "message_id": first}));
    rena.expect_close(4403);
    assert_eq!(expect_done(&mut host, "remove")["removed"], json!(["Reng"]));
    expect_nothing_read(renas.connect());
}

#[test]
fn a_guest_without_a_key_is_known_by_the_browser_after_they_left() {
    for by_message in [false, true] {
        let mut server = TestServer::staying();
        let otto = browser(&server);
        let mut tab = otto.connect();
        tab.join("Otto");
        let rude = tab.say_and_wait("rude")["id"].clone();
        tab.leave();
        server.stop();
        server.start_again();
        let mut host = host(&server, "Ms Keller");
        let message_id = if by_message { json!({"message_id": rude}) } else { json!({}) };
        let mut about = about("Otto");
        about.as_object_mut().expect("an object").extend(message_id.as_object().expect("an object").clone());
        moderate_with(&mut host, "remove", about);
        expect_done(&mut host, "remove");
        expect_nothing_read(otto.connect());
    }
}

#[test]
fn of_two_who_had_the_name_the_one_who_said_it_is_removed() {
    let server = TestServer::start();
    let mut host = host(&server, "Ms Keller");
    let mut mallory = guest(&server, "Max");
    let rude = mallory.say_and_wait("rude")["id"].clone();
    moderate_with(&mut host, "free_name", about("Max"));
    expect_done(&mut host, "free_name");
    let mut max = server.connect();
    max.join_with_keys("Max", &key("real Max"), &key("real Max"));
    moderate_with(&mut host, "remove", json!({"username": "Max", "message_id": rude}));
    mallory.expect_close(4403);
    assert_eq!(expect_done(&mut host, "remove")["removed"], json!(["Guest 1"]));
    max.say_and_wait("it was not me");
}

#[test]
fn a_host_who_hits_nobody_is_told() {
    let server = TestServer::start();
    let (mut host, mut ana) = (host(&server, "Ms Keller"), guest(&server, "Ana"));
    let of_host = host.say_and_wait("Good morning")["id"].clone();
    let of_ana = ana.say_and_wait("Good morning, Ms Keller")["id"].clone();
    for action in ["mute", "remove"] {
        for (about, reason) in [
            (json!({"username": "Ann"}), "name_nobodys"),
            (json!({"username": "Ben", "message_id": of_ana}), "message_not_found"),
            (json!({"username": "Ana", "message_id": 4_000}), "message_not_found"),
            (json!({"username": "Ms Keller", "message_id": of_host}), "action_on_host"),
        ] {
            moderate_with(&mut host, action, about);
            assert_eq!(host.expect_event("error")["reason"], reason, "{action}");
        }
    }
    ana.say_and_wait("still here");
}
