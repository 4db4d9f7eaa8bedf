//! One person may not write: known by more than a name, here or not, until a host says otherwise.

use super::{about, expect_done, guest, host, moderate_with};
use crate::accounts::{Browser, refused};
use crate::support::{TestServer, key};
use serde_json::json;

#[test]
fn who_is_muted_is_told_and_reads_on() {
    let server = TestServer::start();
    let (mut host, mut ana, mut ben) =
        (host(&server, "Ms Keller"), guest(&server, "Ana"), guest(&server, "Ben"));
    ana.say_with_id("before", "1");
    ben.expect_message("before");
    moderate_with(&mut host, "mute", about("ANA"));
    ana.expect("the mute", |event| event["event"] == "joined" && event["muted"] == true);
    assert_eq!(expect_done(&mut host, "mute")["muted"], json!(["Ana"]));
    ana.say_with_id("muted", "2");
    assert_eq!(ana.expect_error("muted")["client_message_id"], "2");
    ana.send(json!({"event": "typing"}));
    ana.say_with_id("before", "1");
    ana.expect_text("before");
    ben.say("I am not");
    ana.expect_message("I am not");
    moderate_with(&mut host, "unmute", about("Ana"));
    ana.expect("its end", |event| event["event"] == "joined" && event["muted"] == false);
    ana.say_with_id("muted", "2");
    ben.expect_text("muted");
    assert!(ben.received("typing").is_empty(), "who may not write is not shown as writing");
}

#[test]
fn another_name_another_tab_and_a_reload_are_no_way_out() {
    let server = TestServer::start();
    let (mut host, mut ana) = (host(&server, "Ms Keller"), guest(&server, "Ana"));
    moderate_with(&mut host, "mute", about("Ana"));
    ana.expect("the mute", |event| event["event"] == "joined" && event["muted"] == true);
    // A name would be read by everybody.
    for name in ["Anabel", "ANA"] {
        ana.send(json!({"event": "join", "username": name}));
        // Whoever sits there next is told the name, too.
        let refused = ana.expect_error("muted");
        assert_eq!(refused["values"], json!({"username": "Ana"}), "{refused}");
        assert!(
            refused["message"].as_str().is_some_and(|it| it.contains("As Ana you are muted")),
            "{refused}"
        );
    }
    ana.send(json!({"event": "send_message", "username": "I say it all the same", "message": "hi"}));
    ana.expect_error("muted");
    ana.leave();
    let mut again = server.connect();
    again.send(json!({"event": "join", "username": "I am muted", "guest_key": key("Ana")}));
    again.expect_error("muted");
    assert_eq!(again.join_with_keys("Ana", &key("Ana"), &key("new tab"))["muted"], true);
    again.say("hi");
    again.expect_error("muted");
    let mut browser = Browser::new(server.addr());
    let wish = json!({"email": "ana@school.example", "username": "I am muted", "password": "what only Ana knows",
                      "guest_key": key("Ana")});
    assert_eq!(refused(&browser.post("/api/signup", wish)), (403, "muted".to_owned()));
    // Somebody else has done nothing.
    let mut other = server.connect();
    assert_eq!(other.join_with_keys("Anabel", &key("Another Ana"), &key("Another Ana"))["muted"], false);
    moderate_with(&mut host, "unmute", about("Ana"));
    again.expect("its end", |event| event["event"] == "joined" && event["muted"] == false);
    assert_eq!(again.join("Ana B")["username"], "Ana B");
}

#[test]
fn who_has_no_key_is_muted_by_name_and_tab() {
    let server = TestServer::start();
    let (mut host, mut ana) = (host(&server, "Ms Keller"), server.join("Ana"));
    moderate_with(&mut host, "mute", about("Ana"));
    ana.expect("the mute", |event| event["event"] == "joined" && event["muted"] == true);
    ana.send(json!({"event": "join", "username": "Anabel"}));
    ana.expect_error("muted");
    ana.leave();
    let mut again = server.connect();
    assert_eq!(again.join("Ana")["muted"], true, "the same name");
    again.send(json!({"event": "join", "username": "Anabel"}));
    again.expect_error("muted");
}

#[test]
fn a_member_is_muted_wherever_they_log_in_also_while_away() {
    let server = TestServer::start();
    let (mut host, mut mia) = (host(&server, "Ms Keller"), Browser::signed_up(&server, "Mia"));
    moderate_with(&mut host, "mute", about("mia"));
    expect_done(&mut host, "mute");
    let mut tab = mia.join();
    tab.say("hi");
    tab.expect_error("muted");
    let mut elsewhere = Browser::new(server.addr());
    assert_eq!(elsewhere.log_in("mia@school.example", "what only Mia knows").status, 200);
    let mut other = elsewhere.connect();
    other.send(json!({"event": "join"}));
    assert_eq!(other.expect_event("joined")["muted"], true);
    // A host is never muted: what was decided of the person before does not count any more.
    mia.open_host_link(&server.host_key());
    let mut as_host = mia.join();
    as_host.say_and_wait("I am a host now");
}

#[test]
fn muting_and_speaking_at_once_loses_and_doubles_nothing() {
    let server = TestServer::start();
    let (mut host, mut ana) = (host(&server, "Ms Keller"), guest(&server, "Ana"));
    let rounds = 100;
    for round in 0..rounds {
        let action = if round % 2 == 0 { "mute" } else { "unmute" };
        moderate_with(&mut host, action, about("Ana"));
        ana.say_with_id(&round.to_string(), &round.to_string());
    }
    let mut answered = 0;
    let mut stored = Vec::new();
    while answered < rounds {
        let event =
            ana.expect("an answer", |event| event["event"] == "receive_message" || event["event"] == "error");
        answered += 1;
        match event["code"].as_str() {
            Some(code) => assert_eq!(code, "muted"),
            None => stored.push(event["client_message_id"].as_str().expect("an id").to_owned()),
        }
    }
    let mut late = server.connect();
    late.expect_event("presence");
    late.send(json!({"event": "request_history", "before": 1_000_000, "limit": 200}));
    let history = late.expect_event("history");
    let kept: Vec<_> = history["messages"].as_array().expect("messages").iter().collect();
    let kept: Vec<_> =
        kept.iter().map(|message| message["client_message_id"].as_str().expect("an id")).collect();
    assert_eq!(kept, stored);
}

#[test]
fn a_new_account_is_no_way_out_behind_a_closed_door() {
    let mut server = TestServer::staying();
    let (mut host, mut ana) = (host(&server, "Ms Keller"), guest(&server, "Ana"));
    let mut removed = server.connect();
    removed.join_with_keys("Ben", &key("Ben"), &key("Ben"));
    removed.say_and_wait("both names are mine");
    assert_eq!(removed.join("Benno")["username"], "Benno");
    removed.say_and_wait("and stay so");
    moderate_with(&mut host, "close_door", json!({}));
    moderate_with(&mut host, "mute", about("Ana"));
    ana.expect("the mute", |event| event["event"] == "joined" && event["muted"] == true);
    moderate_with(&mut host, "remove", about("Benno"));
    removed.expect_close(4403);
    let sign_up = |name: &str| {
        let mut browser = Browser::new(server.addr());
        let wish = json!({"email": format!("{name}@school.example"), "username": name,
                          "password": "what only they know", "guest_key": key(name)});
        let answer = browser.post("/api/signup", wish);
        (browser, answer)
    };
    // Who is muted may keep their name by signing up, and is known all the same without the browser's key.
    let ((ana, answer), (_, refusal)) = (sign_up("Ana"), sign_up("Ben"));
    assert_eq!(answer.status, 201);
    assert_eq!(refused(&refusal), (403, "removed".to_owned()));
    for again in [false, true] {
        if again {
            server.stop();
            server.start_again();
        }
        let mut tab = ana.connect();
        tab.send(json!({"event": "join"}));
        assert_eq!(tab.expect_event("joined")["muted"], true);
        tab.say("as a member?");
        tab.expect_error("muted");
    }
}
