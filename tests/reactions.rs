//! People react to messages: once for each sign, for everybody to see how many and for hosts to see who, and whoever comes back
//! has what a fresh load has.

use crate::accounts::Browser;
use crate::hosts::{about, expect_done, guest, host, moderate, moderate_with};
use crate::support::{Random, TestClient, TestServer, View, key};
use chat_app::config::Config;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const THUMB: &str = "👍";
const TICK: &str = "✅";

pub fn react(client: &mut TestClient, message_id: u64, reaction: &str, on: bool) {
    client.send(json!({"event": "react", "message_id": message_id, "reaction": reaction, "on": on}));
}

fn refused(client: &mut TestClient, code: &str, message_id: u64, reaction: &str) {
    let error = client.expect_error(code);
    assert_eq!((&error["message_id"], &error["reaction"]), (&json!(message_id), &json!(reaction)), "{error}");
}

fn expect_reactions(client: &mut TestClient, message_id: u64, reactions: &Value) -> u64 {
    let event = client.expect_event("reactions");
    assert_eq!((&event["message_id"], &event["reactions"]), (&json!(message_id), reactions));
    event["id"].as_u64().expect("a position")
}

#[test]
fn a_person_counts_once_for_each_sign_and_everybody_is_told() {
    let server = TestServer::start();
    let (mut ana, mut ben) = (guest(&server, "Ana"), guest(&server, "Ben"));
    ana.say_and_wait("Done?");
    react(&mut ana, 1, THUMB, true);
    for client in [&mut ana, &mut ben] {
        assert_eq!(
            client.expect_event("reactions"),
            json!({"event": "reactions", "id": 2, "message_id": 1, "reactions": {THUMB: 1}})
        );
    }
    let answer = json!({"event": "reacted", "message_id": 1, "reaction": THUMB, "on": true});
    assert_eq!(ana.expect_event("reacted"), answer);
    react(&mut ana, 1, THUMB, true);
    assert_eq!(ana.expect_event("reacted"), answer, "asking twice does it once");
    react(&mut ben, 1, THUMB, true);
    assert_eq!(expect_reactions(&mut ana, 1, &json!({THUMB: 2})), 3);
    react(&mut ben, 1, TICK, true);
    expect_reactions(&mut ana, 1, &json!({THUMB: 2, TICK: 1}));
    react(&mut ana, 1, THUMB, false);
    assert_eq!(ana.expect_event("reacted")["on"], false);
    react(&mut ben, 1, THUMB, false);
    react(&mut ben, 1, TICK, false);
    ben.expect("none is left", |event| event["event"] == "reactions" && event["reactions"] == json!({}));
    assert!(ana.received("reacted").len() == 3, "what is answered to one is told to nobody else");
}

#[test]
fn whoever_is_the_same_person_counts_as_one() {
    let server = TestServer::start();
    let mut ana = guest(&server, "Ana");
    ana.say_and_wait("Done?");
    react(&mut ana, 1, THUMB, true);
    expect_reactions(&mut ana, 1, &json!({THUMB: 1}));
    // Another tab of the same browser, under another name too.
    let mut second = server.connect();
    second.join_with_keys("Ana B", &key("Ana"), &key("another tab"));
    react(&mut second, 1, THUMB, true);
    second.expect_event("reacted");
    // An account, in two browsers.
    let browser = Browser::signed_up(&server, "Mia");
    for mut mia in [browser.join(), browser.join()] {
        react(&mut mia, 1, THUMB, true);
        mia.expect_event("reacted");
    }
    // Tabs that have told nothing but their key, and one that has told none.
    for tab in ["one", "one", "two"] {
        let mut client = server.connect();
        client.send(json!({"event": "join", "username": format!("Tab {tab}"), "tab_key": key(tab)}));
        client.expect_event("joined");
        react(&mut client, 1, THUMB, true);
        client.expect_event("reacted");
        client.leave();
    }
    let mut keyless = server.join("Keyless");
    react(&mut keyless, 1, THUMB, true);
    keyless.expect_event("reacted");
    let mut late = server.connect();
    late.expect_event("presence");
    let reactions = late.received("reactions");
    assert_eq!(reactions.len(), 1, "the newest, and no other");
    assert_eq!(reactions[0]["reactions"], json!({THUMB: 5}), "Ana, Mia, two tabs, somebody without a key");
}

#[test]
fn hundreds_who_react_at_once_are_few_events() {
    let server = TestServer::start();
    let mut ana = guest(&server, "Ana");
    ana.say_and_wait("Done?");
    let mut class: Vec<TestClient> = (0..100).map(|n| server.join(&format!("Pupil {n}"))).collect();
    for client in &mut class {
        react(client, 1, TICK, true);
    }
    ana.expect("all of them", |event| {
        event["event"] == "reactions" && event["reactions"] == json!({TICK: 100})
    });
    for client in &mut class {
        client.expect_event("reacted");
    }
    let told: Vec<String> = ana.received("reactions").iter().map(|event| event.to_string()).collect();
    class[0].expect("the last", |event| {
        event["event"] == "reactions" && event["reactions"] == json!({TICK: 100})
    });
    let same: Vec<String> = class[0].received("reactions").iter().map(|event| event.to_string()).collect();
    assert_eq!(told, same);
}

#[test]
fn what_cannot_be_reacted_to_or_with_is_told() {
    let server = TestServer::start();
    let mut ana = guest(&server, "Ana");
    ana.say_and_wait("one");
    let mut nobody = server.connect();
    react(&mut nobody, 1, THUMB, true);
    refused(&mut nobody, "name_required", 1, THUMB);
    for sign in ["🙈", "x", "", "👍 ", "<b>"] {
        for on in [true, false] {
            react(&mut ana, 1, sign, on);
            refused(&mut ana, "bad_request", 1, sign);
        }
    }
    react(&mut ana, 1, &"x".repeat(33), true);
    let error = ana.expect_error("bad_request");
    assert_eq!((&error["message_id"], error.get("reaction")), (&json!(1), None), "nothing long comes back");
    for nothing in [0, 2, 1_000, u64::MAX] {
        react(&mut ana, nothing, THUMB, true);
        refused(&mut ana, "not_found", nothing, THUMB);
    }
    for event in [
        json!({"event": "react", "message_id": 1, "reaction": THUMB}),
        json!({"event": "react", "message_id": 1, "on": true}),
        json!({"event": "react", "reaction": THUMB, "on": true}),
        json!({"event": "react", "message_id": -1, "reaction": THUMB, "on": true}),
        json!({"event": "react", "message_id": 1, "reaction": 7, "on": true}),
        json!({"event": "who_reacted"}),
    ] {
        ana.send(event);
        ana.expect_error("bad_request");
    }
    ana.send(json!({"event": "delete_message", "message_id": 1}));
    ana.expect_event("message_deleted");
    react(&mut ana, 1, THUMB, true);
    refused(&mut ana, "not_found", 1, THUMB);
    assert!(ana.received("reactions").is_empty());
}

#[test]
fn while_only_hosts_write_people_react_and_the_muted_do_not() {
    let server = TestServer::start();
    let (mut host, mut ana, mut ben) =
        (host(&server, "Ms Keller"), guest(&server, "Ana"), guest(&server, "Ben"));
    host.say_and_wait("Done?");
    moderate(&mut host, "lock");
    moderate_with(&mut host, "slow_mode", json!({"seconds": 600}));
    moderate_with(&mut host, "mute", about("Ben"));
    ben.expect("muted", |event| event["event"] == "joined" && event["muted"] == true);
    for sign in [THUMB, TICK] {
        react(&mut ana, 1, sign, true);
        ana.expect_event("reacted");
    }
    react(&mut ben, 1, THUMB, true);
    refused(&mut ben, "muted", 1, THUMB);
    react(&mut host, 1, THUMB, true);
    host.expect("two", |event| event["event"] == "reactions" && event["reactions"][THUMB] == 2);
}

#[test]
fn a_stranger_in_a_room_for_members_does_not_react() {
    let server = TestServer::with(|config| config.members_only = true);
    let mut stranger = server.connect();
    let _ = stranger.try_send(json!({"event": "react", "message_id": 1, "reaction": THUMB, "on": true}));
    stranger.expect_error("login_required");
    stranger.expect_close(4401);
}

#[test]
fn reacting_costs_what_a_message_does() {
    let server = TestServer::with(|config| config.rate_limit = 5);
    let mut ana = guest(&server, "Ana");
    ana.say_and_wait("Done?");
    let begin = Instant::now();
    (0..18).for_each(|n| react(&mut ana, 1, THUMB, n % 2 == 0));
    (0..18).for_each(|_| drop(ana.expect_event("reacted")));
    // Ten at once at most, the other eight at five a second; a little less, since a clock's tick may fall between.
    assert!(begin.elapsed() > Duration::from_millis(1400), "{:?}", begin.elapsed());
}

#[test]
fn a_host_alone_learns_who_has_reacted_by_the_names_of_now() {
    let server = TestServer::start();
    let (mut host, mut ana) = (host(&server, "Ms Keller"), guest(&server, "Ana"));
    let (mut ben, mut cleo) = (guest(&server, "Ben"), guest(&server, "Cleo"));
    host.say_and_wait("Done?");
    host.say_and_wait("Nobody reacts to this");
    react(&mut ana, 1, TICK, true);
    ana.expect_event("reacted");
    react(&mut ben, 1, TICK, true);
    ben.expect_event("reacted");
    react(&mut cleo, 1, THUMB, true);
    cleo.expect_event("reacted");
    ana.send(json!({"event": "join", "username": "Anna"}));
    ana.expect("renamed", |event| event["event"] == "joined" && event["username"] == "Anna");
    cleo.leave();
    for asking in [&mut ana, &mut server.connect()] {
        asking.send(json!({"event": "who_reacted", "message_id": 1}));
        asking.expect_error("not_host");
    }
    host.send(json!({"event": "who_reacted", "message_id": 1}));
    assert_eq!(
        host.expect_event("reactors"),
        json!({"event": "reactors", "message_id": 1, "reactors": {TICK: ["Anna", "Ben"], THUMB: ["Cleo"]}})
    );
    host.send(json!({"event": "who_reacted", "message_id": 2}));
    assert_eq!(host.expect_event("reactors")["reactors"], json!({}));
    host.send(json!({"event": "who_reacted", "message_id": 9}));
    host.expect_error("not_found");
    for other in [&ana, &ben] {
        let all = Value::from(other.received_so_far().to_vec()).to_string();
        assert!(other.received("reactors").is_empty() && !all.contains("reactors"));
    }
}

#[test]
fn an_operator_chooses_the_signs_and_what_is_dropped_can_be_taken_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let database = folder.path().join("chat.db");
    let with = |signs: &str| {
        let args = ["--reactions", signs].map(Into::into);
        let Ok(chat_app::config::Invocation::Serve(chosen)) = chat_app::config::parse(args) else {
            panic!("{signs}")
        };
        TestServer::with(|config: &mut Config| {
            (config.reactions, config.database) = (chosen.reactions, database.clone());
        })
    };
    let mut server = with("A B");
    let mut ana = server.connect();
    assert_eq!(ana.expect_event("welcome")["reactions"], json!(["A", "B"]));
    ana.join_with_keys("Ana", &key("Ana"), &key("Ana"));
    ana.say_and_wait("Which?");
    react(&mut ana, 1, "A", true);
    ana.expect_event("reacted");
    react(&mut ana, 1, THUMB, true);
    refused(&mut ana, "bad_request", 1, THUMB);
    server.stop();
    let server = with("none");
    let mut ana = server.connect();
    assert_eq!(ana.expect_event("welcome")["reactions"], json!([]));
    expect_reactions(&mut ana, 1, &json!({"A": 1}));
    ana.join_with_keys("Ana", &key("Ana"), &key("Ana"));
    for (sign, on) in [("A", true), ("B", false)] {
        react(&mut ana, 1, sign, on);
        refused(&mut ana, "bad_request", 1, sign);
    }
    react(&mut ana, 1, "A", false);
    ana.expect_event("reacted");
    let mut late = server.connect();
    expect_reactions(&mut late, 1, &json!({}));
    late.expect_event("presence");
}

#[test]
fn reactions_go_with_their_message_and_with_the_log() {
    let mut server = TestServer::start();
    let (mut host, mut zoe) = (host(&server, "Ms Keller"), guest(&server, "Zoe Zimmermann"));
    let epoch = zoe.epoch();
    host.say_with_id("one", "1");
    host.say_with_id("two", "2");
    host.expect_text("two");
    for message_id in [1, 2] {
        react(&mut zoe, message_id, THUMB, true);
        zoe.expect_event("reacted");
    }
    host.send(json!({"event": "delete_message", "message_id": 1}));
    zoe.expect_event("message_deleted");
    let mut late = server.connect();
    let mut back = TestClient::resume(server.addr(), 0, &epoch);
    for client in [&mut late, &mut back] {
        client.expect_event("presence");
        let reactions = client.received("reactions");
        assert_eq!(reactions.len(), 1);
        assert_eq!((&reactions[0]["message_id"], &reactions[0]["id"]), (&json!(2), &json!(4)));
    }
    moderate(&mut host, "clear");
    expect_done(&mut host, "clear");
    react(&mut zoe, 2, THUMB, true);
    zoe.expect_error("not_found");
    let mut late = server.connect();
    late.expect_event("presence");
    assert!(late.received("reactions").is_empty());
    server.stop();
    server.start_again();
    while server.has_on_disk("Zoe Zimmermann\u{0}") {
        std::thread::yield_now();
    }
    let mut late = server.connect();
    late.expect_event("presence");
    assert!(late.received("reactions").is_empty());
}

#[test]
fn pages_and_results_have_the_counts_of_their_moment() {
    let server = TestServer::start();
    let (mut ana, mut ben) = (guest(&server, "Ana"), guest(&server, "Ben"));
    ana.say_and_wait("one");
    ana.say_and_wait("two");
    react(&mut ben, 1, THUMB, true);
    ben.expect_event("reacted");
    react(&mut ben, 1, TICK, true);
    ben.expect_event("reacted");
    for request in [
        json!({"event": "request_history", "before": 9}),
        json!({"event": "request_history", "ids": [1, 2]}),
        json!({"event": "search", "query": "one"}),
        json!({"event": "search", "query": "two"}),
    ] {
        ana.send(request.clone());
        let answer =
            ana.expect("an answer", |event| event["event"] == "history" || event["event"] == "results");
        assert_eq!(answer["position"], 4, "{request}");
        for message in answer["messages"].as_array().expect("messages") {
            let expected = if message["id"] == 1 { Some(json!({THUMB: 1, TICK: 1})) } else { None };
            assert_eq!(message.get("reactions"), expected.as_ref(), "{request}");
        }
    }
    let mut late = server.connect();
    late.expect_event("presence");
    assert!(late.received("receive_message").iter().all(|message| message.get("reactions").is_none()));
}

/// A random log; whoever saw any part of it, from wherever, ends with the same view.
#[test]
fn resuming_anywhere_equals_a_fresh_load() {
    for seed in 0..3 {
        let mut server = TestServer::start();
        let mut onlooker = server.connect();
        let (mut ana, mut ben) = (guest(&server, "Ana"), guest(&server, "Ben"));
        let mut random = Random::new(seed);
        let mut own: Vec<u64> = Vec::new();
        for n in 0..120u64 {
            let at = if own.is_empty() { 0 } else { random.within(0..own.len() as u64) as usize };
            match random.within(0..8) {
                0 if !own.is_empty() => {
                    ana.send(json!({"event": "delete_message", "message_id": own.swap_remove(at)}));
                    ana.expect_event("message_deleted");
                }
                1..=5 if !own.is_empty() => {
                    let who = if random.within(0..2) == 0 { &mut ana } else { &mut ben };
                    let sign = [THUMB, TICK][random.within(0..2) as usize];
                    react(who, own[at], sign, random.within(0..4) > 0);
                    who.expect_event("reacted");
                }
                _ => {
                    ana.say_with_id(&format!("message {n}"), &format!("{n:04}"));
                    own.extend(ana.expect_event("receive_message")["id"].as_u64());
                }
            }
        }
        let head = server.connect().expect_event("welcome")["position"].as_u64().expect("a position");
        let mut live = View::with_reactions();
        live.follow_to(&mut onlooker, head).expect("all of it");
        let story: Vec<Value> = onlooker.received_so_far().to_vec();
        for restarted in [false, true] {
            if restarted {
                server.stop();
                server.start_again();
            }
            let mut fresh = View::with_reactions();
            let mut client = fresh.connect(server.addr());
            fresh.follow_replay(&mut client).expect("a replay");
            fresh.scroll_back(&mut client, 7).expect("history");
            assert_eq!(fresh.messages(), live.messages(), "seed {seed}");
            assert_eq!(fresh.reactions(), live.reactions(), "seed {seed}");
            for cut in 0..=head {
                let mut view = View::with_reactions();
                for event in &story {
                    if view.position() < cut || event["event"] == "welcome" {
                        view.apply(event);
                    }
                }
                view.follow_replay(&mut view.connect(server.addr())).expect("a replay");
                let context = format!("seed {seed}, cut at {cut}, restarted: {restarted}");
                assert_eq!(view.messages(), fresh.messages(), "{context}");
                assert_eq!(view.reactions(), fresh.reactions(), "{context}");
                assert_eq!(view.position(), head);
            }
        }
    }
}
