//! Raised hands: everybody sees whose are up and in which order, hosts alone read what is asked.

use crate::hosts::{about, expect_done, guest, host, moderate, moderate_with};
use crate::support::{TestClient, TestServer, key};
use serde_json::{Value, json};
use std::time::Instant;

/// Characters of a question.
const QUESTION_CHARACTERS: usize = 200;
/// Hands in one event.
const HANDS_TOLD: usize = 50;

fn raise(client: &mut TestClient) {
    client.send(json!({"event": "raise_hand"}));
}

fn ask(client: &mut TestClient, question: &str) {
    client.send(json!({"event": "raise_hand", "question": question}));
}

fn lower(client: &mut TestClient, fields: &Value) {
    let mut event = json!({"event": "lower_hand"});
    event.as_object_mut().expect("an object").extend(fields.as_object().expect("fields").clone());
    client.send(event);
}

/// Waits until exactly these hands are up.
fn expect_hands(client: &mut TestClient, names: &[&str]) {
    client.expect(&format!("{names:?}"), |event| event["event"] == "hands" && event["hands"] == json!(names));
}

/// Waits until hosts are told exactly these questions.
fn expect_questions(host: &mut TestClient, questions: &[(&str, &str)]) {
    let each =
        questions.iter().map(|(username, question)| json!({"username": username, "question": question}));
    let questions = Value::Array(each.collect());
    host.expect(&questions.to_string(), |event| {
        event["event"] == "moderation" && event["questions"] == questions
    });
}

#[test]
fn everybody_sees_hands_in_their_order_and_newcomers_too() {
    let server = TestServer::start();
    let (mut ana, mut ben) = (guest(&server, "Ana"), guest(&server, "Ben"));
    assert_eq!(ana.received("hands")[0], &json!({"event": "hands", "hands": [], "more": false}));
    raise(&mut ben);
    expect_hands(&mut ana, &["Ben"]);
    raise(&mut ana);
    expect_hands(&mut ben, &["Ben", "Ana"]);
    let mut late = server.connect();
    expect_hands(&mut late, &["Ben", "Ana"]);
    raise(&mut ben);
    lower(&mut ana, &json!({}));
    expect_hands(&mut late, &["Ben"]);
    lower(&mut ana, &json!({}));
    lower(&mut ben, &json!({"username": "BEN"}));
    expect_hands(&mut late, &[]);
}

#[test]
fn what_is_asked_only_hosts_read() {
    let server = TestServer::start();
    let (mut host, mut ana) = (host(&server, "Ms Keller"), guest(&server, "Ana"));
    let mut ben = guest(&server, "Ben");
    ask(&mut ana, "  Why is\nthe sky\u{7} blue? ");
    expect_questions(&mut host, &[("Ana", "Why is the sky blue?")]);
    raise(&mut ben);
    expect_hands(&mut ben, &["Ana", "Ben"]);
    ask(&mut ana, "And at night?");
    expect_questions(&mut host, &[("Ana", "And at night?")]);
    let mut second = crate::hosts::host(&server, "Mr Brown");
    expect_questions(&mut second, &[("Ana", "And at night?")]);
    raise(&mut ana);
    expect_questions(&mut host, &[]);
    ask(&mut ben, " ");
    ben.expect_pong(); // it has been heard
    lower(&mut host, &about("Ben"));
    expect_hands(&mut ben, &["Ana"]);
    for told in [ana.received_so_far(), ben.received_so_far()] {
        let told = told.iter().map(Value::to_string).collect::<String>();
        assert!(!told.contains("sky") && !told.contains("night"), "{told}");
    }
}

#[test]
fn hosts_lower_any_and_all_and_nobody_else_does() {
    let server = TestServer::start();
    let mut host = host(&server, "Ms Keller");
    let (mut ana, mut ben) = (guest(&server, "Ana"), guest(&server, "Ben"));
    raise(&mut ana);
    expect_hands(&mut host, &["Ana"]);
    raise(&mut ben);
    expect_hands(&mut host, &["Ana", "Ben"]);
    for fields in [about("Ana"), json!({"all": true}), about("nobody")] {
        lower(&mut ben, &fields);
        ben.expect_error("not_host");
    }
    lower(&mut host, &about("ana"));
    expect_hands(&mut ben, &["Ben"]);
    lower(&mut host, &about("Ana"));
    assert_eq!(host.expect_error("not_found")["values"], json!({"username": "Ana"}));
    raise(&mut ana);
    expect_hands(&mut ben, &["Ben", "Ana"]);
    raise(&mut host);
    expect_hands(&mut ben, &["Ben", "Ana", "Ms Keller"]);
    lower(&mut host, &json!({"all": true}));
    expect_hands(&mut ben, &[]);
    assert!(host.received("moderation").iter().all(|told| told["actions"] == json!([])), "it is no deed");
}

#[test]
fn a_hand_goes_up_while_only_hosts_write() {
    let server = TestServer::start();
    let (mut host, mut ana) = (host(&server, "Ms Keller"), guest(&server, "Ana"));
    moderate(&mut host, "lock");
    ana.expect("the lock", |event| event["event"] == "room" && event["locked"] == true);
    ask(&mut ana, "May I?");
    expect_questions(&mut host, &[("Ana", "May I?")]);
    ana.say("I say it all the same");
    ana.expect_error("locked");
}

#[test]
fn a_mute_lowers_it_and_leaves_the_hand_without_words() {
    let server = TestServer::start();
    let (mut host, mut ana) = (host(&server, "Ms Keller"), guest(&server, "Ana"));
    ask(&mut ana, "something bad");
    expect_questions(&mut host, &[("Ana", "something bad")]);
    moderate_with(&mut host, "mute", about("Ana"));
    expect_questions(&mut host, &[]);
    expect_hands(&mut ana, &[]);
    ask(&mut ana, "something bad");
    ana.expect_error("muted");
    raise(&mut ana);
    expect_hands(&mut host, &["Ana"]);
    // Nor does another tab help.
    ana.leave();
    let mut again = server.connect();
    assert_eq!(again.join_with_keys("Ana", &key("Ana"), &key("another"))["muted"], true);
    ask(&mut again, "something bad");
    again.expect_error("muted");
}

#[test]
fn who_is_muted_or_removed_while_away_comes_back_to_none() {
    let server = TestServer::start();
    let mut host = host(&server, "Ms Keller");
    for action in ["mute", "remove"] {
        let mut ana = guest(&server, action);
        ask(&mut ana, "something bad");
        expect_questions(&mut host, &[(action, "something bad")]);
        ana.leave();
        moderate_with(&mut host, action, about(action));
        expect_questions(&mut host, &[]);
    }
}

/// A host mutes or removes the one who asked, whatever they are called by now.
#[test]
fn a_hand_that_was_left_under_another_name_goes_too() {
    let server = TestServer::start();
    let mut host = host(&server, "Ms Keller");
    for action in ["mute", "remove"] {
        let mut asking = guest(&server, action);
        ask(&mut asking, "something bad");
        expect_questions(&mut host, &[(action, "something bad")]);
        asking.leave();
        let mut again = server.connect();
        again.join_with_keys(&format!("Not {action}"), &key(action), &key(&format!("{action} 2")));
        moderate_with(&mut host, action, about(action));
        expect_questions(&mut host, &[]);
        if action == "remove" {
            again.expect_close(4403);
        }
    }
}

#[test]
fn a_removal_lowers_it() {
    let server = TestServer::start();
    let (mut host, mut ana) = (host(&server, "Ms Keller"), guest(&server, "Ana"));
    raise(&mut ana);
    expect_hands(&mut host, &["Ana"]);
    moderate_with(&mut host, "remove", about("Ana"));
    ana.expect_close(4403);
    expect_hands(&mut host, &[]);
}

#[test]
fn another_name_keeps_it_and_a_reload_too() {
    let server = TestServer::start();
    let (mut host, mut ana) = (host(&server, "Ms Keller"), guest(&server, "Ana"));
    ask(&mut ana, "why?");
    expect_questions(&mut host, &[("Ana", "why?")]);
    ana.join("Anabel");
    expect_questions(&mut host, &[("Anabel", "why?")]);
    expect_hands(&mut ana, &["Anabel"]);
    moderate_with(&mut host, "free_name", about("Anabel"));
    expect_done(&mut host, "free_name");
    expect_hands(&mut ana, &["Guest 1"]);
    ana.leave();
    let mut again = server.connect();
    again.join_with_keys("Guest 1", &key("Ana"), &key("another"));
    lower(&mut again, &json!({}));
    expect_hands(&mut host, &[]);
}

#[test]
fn bad_hands_are_refused_by_their_reasons() {
    let server = TestServer::start();
    let mut nobody = server.connect();
    for event in [json!({"event": "raise_hand"}), json!({"event": "lower_hand"})] {
        nobody.send(event);
        assert_eq!(nobody.expect_error("name_required")["reason"], "raise_without_name");
    }
    lower(&mut nobody, &json!({"all": true}));
    nobody.expect_error("not_host");
    let mut ana = guest(&server, "Ana");
    let long = "é".repeat(QUESTION_CHARACTERS);
    ask(&mut ana, &format!("{long}é"));
    assert_eq!(ana.expect_error("too_long")["values"], json!({"limit": QUESTION_CHARACTERS}));
    for event in [
        json!({"event": "raise_hand", "question": 7}),
        json!({"event": "lower_hand", "username": 7}),
        json!({"event": "lower_hand", "all": "yes"}),
    ] {
        ana.send(event);
        ana.expect_error("bad_request");
    }
    lower(&mut ana, &about(" "));
    ana.expect_error("bad_username");
    ask(&mut ana, &long);
    expect_hands(&mut ana, &["Ana"]);
}

#[test]
fn hands_are_told_twice_a_second_at_most_and_the_first_of_many() {
    let server = TestServer::start();
    let mut watcher = server.connect();
    expect_hands(&mut watcher, &[]);
    let begin = Instant::now();
    let mut crowd: Vec<TestClient> =
        (0..=HANDS_TOLD).map(|number| server.join(&format!("Guest {number}"))).collect();
    crowd.iter_mut().for_each(raise);
    let told = watcher.expect("all of them", |event| event["event"] == "hands" && event["more"] == true);
    assert_eq!(told["hands"].as_array().map(Vec::len), Some(HANDS_TOLD));
    let heard = watcher.received("hands").len() as u128;
    let allowed = 2 + begin.elapsed().as_millis() / 500;
    assert!(heard <= allowed, "{heard} times in {:?}", begin.elapsed());
}

#[test]
fn nothing_of_a_hand_is_in_the_log_and_a_restart_lowers_it() {
    let mut server = TestServer::start();
    let mut ana = guest(&server, "Ana");
    let before = ana.say_and_wait("hello")["id"].clone();
    ask(&mut ana, "why?");
    expect_hands(&mut ana, &["Ana"]);
    assert_eq!(ana.say_and_wait("again")["id"], before.as_u64().expect("a position") + 1);
    server.stop();
    server.start_again();
    let mut late = server.connect();
    expect_hands(&mut late, &[]);
}

#[test]
fn hands_are_paced_as_messages_are() {
    let server = TestServer::with(|config| config.rate_limit = 5);
    let mut ana = guest(&server, "Ana");
    for _ in 0..8 {
        raise(&mut ana);
        lower(&mut ana, &json!({}));
    }
    ana.expect_error("rate_limited");
    expect_hands(&mut ana, &[]);
}
