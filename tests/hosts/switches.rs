//! Lock, door, slow mode, title: what holds for everybody, and who is told what.

use super::reading::{browser, join};
use super::{about, expect_done, guest, host, moderate, moderate_with};
use crate::accounts::{Browser, email_of, password_of, refused};
use crate::support::{TestClient, TestServer, key};
use rusqlite::Connection;
use serde_json::json;

#[test]
fn in_a_locked_room_only_hosts_speak() {
    let server = TestServer::start();
    let (mut host, mut ana) = (host(&server, "Ms Keller"), guest(&server, "Ana"));
    let mut member = Browser::signed_up(&server, "Mia").join();
    ana.say_with_id("before", "1");
    ana.expect_message("before");
    moderate(&mut host, "lock");
    for client in [&mut ana, &mut member] {
        client.expect("the lock", |event| event["event"] == "room" && event["locked"] == true);
        client.say_with_id("locked out", "2");
        assert_eq!(client.expect_error("locked")["client_message_id"], "2");
    }
    // A retry of what is stored is no new message: its sender has a right to the receipt.
    ana.say_with_id("before", "1");
    ana.expect_message("before");
    ana.say_with_id("another text", "1");
    ana.expect_error("bad_request");
    ana.send(json!({"event": "typing"}));
    host.say("only I speak");
    ana.expect_message("only I speak");
    moderate(&mut host, "unlock");
    ana.expect("the lock's end", |event| event["event"] == "room" && event["locked"] == false);
    ana.say_with_id("locked out", "2");
    ana.expect_message("locked out");
    assert!(host.received("typing").is_empty(), "who may not write is not shown as writing");
}

#[test]
fn while_only_hosts_write_no_guest_says_it_by_a_name() {
    let server = TestServer::start();
    let (mut host, mut ana) = (host(&server, "Ms Keller"), guest(&server, "Ana"));
    moderate(&mut host, "lock");
    ana.expect("the lock", |event| event["event"] == "room" && event["locked"] == true);
    for name in ["School is out at ten", "and nobody can stop me", "ANA"] {
        ana.send(json!({"event": "join", "username": name}));
        ana.expect_error("locked");
    }
    ana.leave();
    let mut again = server.connect();
    again.send(json!({"event": "join", "username": "School is out", "guest_key": key("Ana")}));
    again.expect_error("locked");
    assert_eq!(again.join_with_keys("Ana", &key("Ana"), &key("Ana"))["username"], "Ana");
    let mut new = guest(&server, "Ben");
    new.send(json!({"event": "join", "username": "Benjamin"}));
    new.expect_error("locked");
    assert_eq!(host.join("Mrs Keller")["username"], "Mrs Keller", "a host writes");
    moderate(&mut host, "unlock");
    again.expect("its end", |event| event["event"] == "room" && event["locked"] == false);
    assert_eq!(again.join("Anabel")["username"], "Anabel");
}

#[test]
fn in_slow_mode_new_keys_and_accounts_bring_no_message() {
    let server = TestServer::start();
    let (mut host, ana) = (host(&server, "Ms Keller"), guest(&server, "Ana"));
    moderate_with(&mut host, "slow_mode", json!({"seconds": 3600}));
    expect_done(&mut host, "slow_mode");
    let waits = |client: &mut TestClient| {
        client.say("my first");
        let refusal = client.expect_error("slow_mode");
        let wait = refusal["retry_after_ms"].as_u64().expect("a time");
        assert!((3_590_000..=3_600_000).contains(&wait), "{wait}");
        let values = json!({"pause": 3600, "seconds": wait.div_ceil(1000)});
        assert_eq!((&refusal["reason"], &refusal["values"]), (&json!("slow_mode"), &values));
    };
    for number in 0..3 {
        waits(&mut guest(&server, &format!("Somebody {number}")));
    }
    let mut keyless = server.connect();
    keyless.send(json!({"event": "send_message", "username": "Zoe", "message": "hi"}));
    keyless.expect_error("slow_mode");
    waits(&mut Browser::signed_up(&server, "Mia").join());
    // Nobody new: she only loads the page once more, and signs up.
    ana.leave();
    let mut again = guest(&server, "Ana");
    let wish = json!({"email": email_of("Ana"), "username": "Ana", "password": password_of("Ana"),
                      "guest_key": key("Ana")});
    assert_eq!(Browser::new(server.addr()).post("/api/signup", wish).status, 201);
    again.say_and_wait("my first");
}

#[test]
fn through_a_closed_door_nobody_new_comes_and_who_was_here_comes_back() {
    let server = TestServer::start();
    let (mut host, mut ana, ben) = (host(&server, "Ms Keller"), guest(&server, "Ana"), guest(&server, "Ben"));
    let mia = Browser::signed_up(&server, "Mia");
    moderate(&mut host, "close_door");
    ana.expect("the door", |event| event["event"] == "room" && event["door_closed"] == true);
    // Ben has never said anything: his name is kept all the same.
    ben.leave();
    drop(guest(&server, "Ben"));
    let mut stranger = server.connect();
    stranger.send(json!({"event": "join", "username": "Zoe", "guest_key": key("Zoe")}));
    stranger.expect_error("door_closed");
    stranger.send(json!({"event": "send_message", "username": "Zoe", "message": "let me in"}));
    stranger.expect_error("door_closed");
    // Not under another name either.
    ana.send(json!({"event": "join", "username": "Ana the Great"}));
    ana.expect_error("door_closed");
    ana.say_and_wait("still Ana");
    let mut tab = mia.join();
    tab.say_and_wait("members have their names");
    let answer = mia.from("198.51.100.7").sign_up("Late");
    assert_eq!(refused(&answer), (403, "door_closed".to_owned()));
    let mut late_host = super::host(&server, "Mr Brown");
    late_host.expect_pong();
    moderate(&mut host, "open_door");
    expect_done(&mut host, "open_door");
    guest(&server, "Zoe").say_and_wait("hello");
}

#[test]
fn where_names_are_fixed_everybody_keeps_theirs_and_newcomers_choose_one() {
    let server = TestServer::start();
    let (mut host, mut ana, ben) = (host(&server, "Ms Keller"), guest(&server, "Ana"), guest(&server, "Ben"));
    moderate(&mut host, "fix_names");
    ana.expect("the switch", |event| event["event"] == "room" && event["names_fixed"] == true);
    ana.send(json!({"event": "join", "username": "Zoe"}));
    assert_eq!(ana.expect_error("names_fixed")["reason"], "names_fixed");
    ana.send(
        json!({"event": "send_message", "username": "ANA", "message": "louder", "client_message_id": "1"}),
    );
    assert_eq!(ana.expect_error("names_fixed")["client_message_id"], "1");
    ana.say_and_wait("still Ana");
    // Nor on another connection of the browser whose name is kept, nor as an account.
    ben.leave();
    let mut back = server.connect();
    back.send(
        json!({"event": "join", "username": "Benno", "guest_key": key("Ben"), "tab_key": key("new tab")}),
    );
    back.expect_error("names_fixed");
    back.join("Ben");
    let wish = json!({"email": email_of("Ben"), "username": "Benno", "password": password_of("Ben"),
                      "guest_key": key("Ben")});
    let answer = Browser::new(server.addr()).post("/api/signup", wish);
    assert_eq!(refused(&answer), (403, "names_fixed".to_owned()));
    guest(&server, "Cleo").say_and_wait("I am new");
    // The browser that forgets its key is known by its cookie, here and away, and without ever having told a key.
    let (mut leas, noas) = (browser(&server), browser(&server));
    let lea = join(&leas, "Lea");
    let mut noa = noas.connect();
    noa.join("Noa");
    for (tab, other) in [(&leas, "Leo"), (&noas, "Noah")] {
        let mut forgetful = tab.connect();
        forgetful.send(
            json!({"event": "join", "username": other, "guest_key": key(other), "tab_key": key(other)}),
        );
        forgetful.expect_error("names_fixed");
    }
    lea.leave();
    assert_eq!(refused(&leas.sign_up("Leo")), (403, "names_fixed".to_owned()));
    host.join("Mr Brown");
    moderate(&mut host, "free_names");
    ana.expect("the switch", |event| event["event"] == "room" && event["names_fixed"] == false);
    ana.join("Zoe");
    expect_done(&mut host, "free_names");
}

#[test]
fn in_slow_mode_each_waits_for_their_turn_and_a_retry_does_not() {
    let server = TestServer::start();
    let (mut host, mut ana, mut ben) =
        (host(&server, "Ms Keller"), guest(&server, "Ana"), guest(&server, "Ben"));
    moderate_with(&mut host, "slow_mode", json!({"seconds": 3600}));
    ana.expect("slow mode", |event| event["event"] == "room" && event["slow_mode_seconds"] == 3600);
    ana.say_with_id("first", "1");
    ana.expect_message("first");
    ana.say_with_id("second", "2");
    let refusal = ana.expect_error("slow_mode");
    let wait = refusal["retry_after_ms"].as_u64().expect("a time");
    assert!((3_000_000..=3_600_000).contains(&wait) && refusal["client_message_id"] == "2");
    ana.say_with_id("first", "1");
    assert_eq!(ana.expect_message("first")["id"], 1);
    // Neither another tab nor another name is another person.
    let mut other_tab = server.connect();
    other_tab.join_with_keys("Ana B", &key("Ana"), &key("another tab"));
    other_tab.say("second");
    other_tab.expect_error("slow_mode");
    ben.say_and_wait("my first");
    for text in ["a", "b", "c"] {
        host.say(text);
        host.expect_text(text);
    }
    moderate_with(&mut host, "slow_mode", json!({"seconds": 0}));
    ana.expect("no slow mode", |event| event["event"] == "room" && event["slow_mode_seconds"] == 0);
    ana.say_with_id("second", "2");
    ana.expect_message("second");
}

#[test]
fn in_slow_mode_a_member_is_one_person_on_all_devices() {
    let server = TestServer::start();
    let mut host = host(&server, "Ms Keller");
    let mut mia = Browser::signed_up(&server, "Mia").join();
    moderate_with(&mut host, "slow_mode", json!({"seconds": 3600}));
    expect_done(&mut host, "slow_mode");
    mia.say_and_wait("first");
    let mut phone = Browser::new(server.addr());
    assert_eq!(phone.log_in(&email_of("Mia"), &password_of("Mia")).status, 200);
    let mut tab = phone.join();
    tab.say("second");
    tab.expect_error("slow_mode");
}

#[test]
fn neither_a_key_that_is_told_late_nor_an_account_is_a_way_around_slow_mode() {
    let server = TestServer::start();
    let (mut host, mut ana) = (host(&server, "Ms Keller"), server.join("Ana"));
    moderate_with(&mut host, "slow_mode", json!({"seconds": 3600}));
    expect_done(&mut host, "slow_mode");
    ana.say_and_wait("first");
    ana.join_with_keys("Ana", &key("Ana"), &key("Ana"));
    ana.say("second");
    ana.expect_error("slow_mode");
    let wish = json!({"email": email_of("Ana"), "username": "Ana", "password": password_of("Ana"),
                      "guest_key": key("Ana")});
    let mut browser = Browser::new(server.addr());
    assert_eq!(browser.post("/api/signup", wish).status, 201);
    let mut tab = browser.join();
    tab.say("as a member?");
    tab.expect_error("slow_mode");
}

#[test]
fn a_retry_in_slow_mode_does_not_make_the_time_run_anew() {
    let server = TestServer::start();
    let (mut host, mut ana) = (host(&server, "Ms Keller"), guest(&server, "Ana"));
    ana.say_with_id("before", "1");
    ana.expect_message("before");
    moderate_with(&mut host, "slow_mode", json!({"seconds": 3600}));
    expect_done(&mut host, "slow_mode");
    ana.say_with_id("before", "1");
    ana.say_with_id("the first in slow mode", "2");
    ana.expect_message("before");
    ana.expect_message("the first in slow mode");
}

#[test]
fn the_title_is_everybodys_at_once() {
    let server = TestServer::start();
    let (mut host, mut ana) = (host(&server, "Ms Keller"), guest(&server, "Ana"));
    moderate_with(&mut host, "set_title", json!({"title": " Physics 9b "}));
    ana.expect("the title", |event| event["event"] == "room" && event["title"] == "Physics 9b");
    assert_eq!(server.connect().expect_event("room")["title"], "Physics 9b");
    assert_eq!(server.get("/api/session").json()["room"]["title"], "Physics 9b");
}

#[test]
fn hosts_see_what_each_of_them_did_the_newest_first() {
    let server = TestServer::start();
    let (mut one, mut other) = (host(&server, "Ms Keller"), host(&server, "Mr Brown"));
    let _ana = guest(&server, "Ana");
    moderate(&mut one, "lock");
    expect_done(&mut other, "lock");
    moderate(&mut other, "lock");
    moderate_with(&mut other, "mute", about("Ana"));
    let record = expect_done(&mut one, "mute");
    let actions = record["actions"].as_array().expect("a record");
    let done: Vec<_> = actions.iter().map(|it| (it["host"].as_str(), it["action"].as_str())).collect();
    assert_eq!(
        done,
        [(Some("Mr Brown"), Some("mute")), (Some("Ms Keller"), Some("lock"))],
        "what changed nothing is not recorded"
    );
    assert_eq!((&actions[0]["username"], &record["muted"]), (&json!("Ana"), &json!(["Ana"])));
    assert!(actions[0]["at"].as_i64() >= actions[1]["at"].as_i64());
}

#[test]
fn another_key_on_the_same_connection_makes_nobody_somebody_new() {
    let server = TestServer::start();
    let (mut host, mut ana) = (host(&server, "Ms Keller"), guest(&server, "Ana"));
    moderate(&mut host, "close_door");
    moderate_with(&mut host, "slow_mode", json!({"seconds": 3600}));
    ana.expect("slow mode", |event| event["event"] == "room" && event["slow_mode_seconds"] == 3600);
    ana.say_and_wait("first");
    for (guest_key, tab_key) in [("other", "Ana"), ("Ana", "other"), ("other", "other")] {
        ana.send(
            json!({"event": "join", "username": "Ana", "guest_key": key(guest_key), "tab_key": key(tab_key)}),
        );
        ana.expect_error("bad_request");
        ana.say("second");
        ana.expect_error("slow_mode");
    }
    moderate_with(&mut host, "mute", about("Ana"));
    ana.expect("the mute", |event| event["event"] == "joined" && event["muted"] == true);
    ana.send(json!({"event": "join", "username": "Ana", "guest_key": key("other"), "tab_key": key("other")}));
    ana.expect_error("bad_request");
    // What is decided about others takes in nothing of it either.
    moderate_with(&mut host, "mute", about("Ben"));
    expect_done(&mut host, "mute");
    ana.say("not muted any more?");
    ana.expect_error("muted");
    assert_eq!(ana.join_with_keys("Ana", &key("Ana"), &key("Ana"))["muted"], true, "the same keys are fine");
}

#[test]
fn a_new_connection_for_each_message_is_no_way_around_slow_mode() {
    let server = TestServer::start();
    let (mut host, mut ana) = (host(&server, "Ms Keller"), server.join("Ana"));
    moderate_with(&mut host, "slow_mode", json!({"seconds": 3600}));
    expect_done(&mut host, "slow_mode");
    ana.say_and_wait("hi");
    ana.leave();
    for name in ["Ana", "ANA", "Ben"] {
        let mut client = server.connect();
        client.send(json!({"event": "send_message", "username": name, "message": "hi again"}));
        client.expect_error("slow_mode");
        client.leave();
    }
}

#[test]
fn what_the_disk_did_not_take_costs_no_turn_in_slow_mode() {
    let server = TestServer::start();
    let mut host = host(&server, "Ms Keller");
    let mut ana = guest(&server, "Ana");
    moderate_with(&mut host, "slow_mode", json!({"seconds": 600}));
    expect_done(&mut host, "slow_mode");
    let locked = Connection::open(server.database()).expect("the database");
    locked.execute_batch("BEGIN IMMEDIATE").expect("the lock");
    ana.say_with_id("one", "1");
    ana.expect_error("not_saved");
    drop(locked);
    ana.say_with_id("one", "1");
    ana.expect_message("one");
    ana.say_with_id("two", "2");
    ana.expect_error("slow_mode");
}
