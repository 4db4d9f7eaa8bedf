//! Who writes too fast is slowed down, told so, and loses nothing; the others do not notice. The budget is the person's, and
//! a new connection is no way around it.

use crate::accounts::{Browser, behind_a_proxy, email_of, password_of};
use crate::hosts::host_from;
use crate::support::{TestClient, TestServer, crowd, key};
use chat_app::limits;
use serde_json::json;
use std::time::{Duration, Instant};

/// Messages that may be sent at once at five a second.
const AT_ONCE: usize = 10;

/// A server with the pace that a room has, whose visitors come from wherever they say.
pub fn paced() -> TestServer {
    TestServer::with(|config| {
        behind_a_proxy(config);
        config.rate_limit = 5;
    })
}

/// A connection from an address.
pub fn from(server: &TestServer, address: &str) -> TestClient {
    Browser::new(server.addr()).from(address).connect()
}

/// A guest from an address, whose browser has a key.
fn guest(server: &TestServer, address: &str, name: &str) -> TestClient {
    let mut guest = from(server, address);
    guest.join_with_keys(name, &key(name), &key(name));
    guest
}

/// Says as much as may be said at once, on a connection that comes for it and goes, three times over.
fn expect_one_budget(mut enter: impl FnMut() -> TestClient) {
    let begin = Instant::now();
    for round in 0..3 {
        let mut client = enter();
        (0..AT_ONCE).for_each(|n| client.say(&format!("{round}: {n}")));
        (0..AT_ONCE).for_each(|n| drop(client.expect_text(&format!("{round}: {n}"))));
        client.leave();
    }
    // Ten at once, the other twenty at five a second; a little less, since a clock's tick may fall between.
    let took = begin.elapsed();
    assert!(took > Duration::from_millis(3_700), "thirty messages in {took:?}");
}

#[test]
fn whoever_comes_back_finds_the_budget_as_it_was_left() {
    let server = paced();
    let mut count = 0;
    // Nor is another address, or a tab of its own, another person.
    expect_one_budget(|| {
        count += 1;
        let mut ana = from(&server, &format!("203.0.113.{count}"));
        ana.join_with_keys("Ana", &key("Ana"), &key(&format!("tab {count}")));
        ana
    });
}

/// One connection at a time, each with the same name and keys, ten messages in the same breath, and again.
#[test]
fn what_comes_with_the_join_is_paid_by_whoever_has_joined() {
    let server = paced();
    let begin = Instant::now();
    for round in 0..4 {
        let mut ana = from(&server, "203.0.113.1");
        ana.send(json!({"event": "join", "username": "Ana", "guest_key": key("Ana"), "tab_key": key("Ana")}));
        (0..AT_ONCE).for_each(|n| ana.say(&format!("{round}: {n}")));
        ana.expect_text(&format!("{round}: {}", AT_ONCE - 1));
        ana.leave();
    }
    // Ten at once, the other thirty at five a second; with the strangers' budget beside it, two seconds.
    let took = begin.elapsed();
    assert!(took > Duration::from_millis(5_500), "forty messages in {took:?}");
}

#[test]
fn an_account_has_one_budget_on_all_devices() {
    let server = paced();
    drop(Browser::signed_up(&server, "Mia"));
    let mut count = 0;
    expect_one_budget(|| {
        count += 1;
        let mut device = Browser::new(server.addr()).from(&format!("203.0.113.{count}"));
        assert_eq!(device.log_in(&email_of("Mia"), &password_of("Mia")).status, 200);
        device.join()
    });
}

#[test]
fn those_who_tell_neither_key_nor_account_share_their_addresss() {
    let server = paced();
    let mut count = 0;
    expect_one_budget(|| {
        count += 1;
        // Of IPv6 the network is the address.
        let mut client = from(&server, &format!("2001:db8::{count}"));
        client.join(&format!("Guest {count}"));
        client
    });
    let mut neighbour = from(&server, "2001:db8:0:1::1");
    neighbour.join("Neighbour");
    (0..AT_ONCE).for_each(|n| neighbour.say(&format!("next door {n}")));
    neighbour.expect_text("next door 9");
    assert!(neighbour.received("error").is_empty(), "another network has another");
}

/// Neither a key that has no name yet nor a connection of one's own is a way around it.
#[test]
fn all_strangers_at_an_address_ask_for_no_more_than_forty_people() {
    const STRANGERS: usize = 60;
    const EACH: usize = 20;
    let _alone = crowd();
    let server = paced();
    let _ana = guest(&server, "203.0.113.1", "Ana");
    let mut strangers: Vec<_> = (0..STRANGERS).map(|_| from(&server, "203.0.113.2")).collect();
    for (number, stranger) in strangers.iter_mut().enumerate() {
        let keys = key(&format!("stranger {number}"));
        stranger.send(json!({"event": "join", "username": "Ana", "guest_key": keys}));
        stranger.expect_error("name_taken");
    }
    let begin = Instant::now();
    for stranger in &mut strangers {
        (0..EACH).for_each(|_| stranger.send(json!({"event": "request_history", "before": 1})));
    }
    for stranger in &mut strangers {
        (0..EACH).for_each(|_| drop(stranger.expect_event("history")));
    }
    // Each by themselves would take two seconds; four hundred at once, and eight hundred at two hundred a second.
    let took = begin.elapsed();
    assert!(took > Duration::from_millis(3_700), "{} answers in {took:?}", STRANGERS * EACH);
}

/// Sixty connections that join a name which is somebody's: whoever came after them from there, and had no name yet, was to wait for
/// half a minute, a host too.
#[test]
fn nobody_waits_for_what_strangers_ask_for_and_hosts_wait_for_nobody() {
    const IN_VAIN: usize = limits::FREE_JOINS as usize + 2;
    let _alone = crowd();
    let server = paced();
    let _ana = guest(&server, "203.0.113.1", "Ana");
    let here = "203.0.113.2";
    let mut ben = guest(&server, here, "Ben");
    let mut host = host_from(&server, here);
    let mut hog: Vec<_> = (0..60).map(|_| from(&server, here)).collect();
    for stranger in &mut hog {
        (0..IN_VAIN).for_each(|_| stranger.send(json!({"event": "join", "username": "Ana"})));
    }
    hog.iter_mut().for_each(|stranger| (0..3).for_each(|_| drop(stranger.expect_error("name_taken"))));
    let mut reader = from(&server, here);
    reader.send(json!({"event": "request_history", "before": 1}));
    ben.say("I am known");
    host.send(json!({"event": "moderate", "action": "close_door"}));
    reader.expect_event("history");
    ben.expect_text("I am known");
    host.expect("it is closed", |event| event["event"] == "room" && event["door_closed"] == true);
    for somebody in [&reader, &ben, &host] {
        assert!(somebody.received("error").is_empty(), "{:?}", somebody.received("error"));
    }
}

#[test]
fn an_address_does_not_outdo_forty_people() {
    const PEOPLE: usize = 60;
    const EACH: usize = 20;
    let _alone = crowd();
    let server = paced();
    let name = |number: usize| format!("Person {number}");
    // They got their names elsewhere, and come together.
    for number in 0..PEOPLE {
        let mut person = guest(&server, &format!("203.0.113.{number}"), &name(number));
        person.say_and_wait("hi");
        person.leave();
    }
    let mut people: Vec<_> =
        (0..PEOPLE).map(|number| guest(&server, "198.51.100.1", &name(number))).collect();
    let begin = Instant::now();
    for (number, person) in people.iter_mut().enumerate() {
        (0..EACH).for_each(|n| person.say(&format!("{number}: {n}")));
    }
    for (number, person) in people.iter_mut().enumerate() {
        let last = format!("{number}: {}", EACH - 1);
        while person.take_next(crate::support::DEADLINE).expect("it is heard")["message"] != last {}
    }
    // Each by themselves would take two seconds; four hundred at once, and eight hundred at two hundred a second.
    let took = begin.elapsed();
    assert!(took > Duration::from_millis(3_700), "{} messages in {took:?}", PEOPLE * EACH);
}

#[test]
fn a_class_behind_one_address_joins_and_talks_and_is_never_told_to_wait() {
    const CLASS: usize = 40;
    let _alone = crowd();
    let server = paced();
    let mut class: Vec<TestClient> = (0..CLASS).map(|_| from(&server, "203.0.113.1")).collect();
    for (number, pupil) in class.iter_mut().enumerate() {
        let name = format!("Pupil {number}");
        pupil
            .send(json!({"event": "join", "username": name, "guest_key": key(&name), "tab_key": key(&name)}));
    }
    class.iter_mut().for_each(|pupil| drop(pupil.expect_event("joined")));
    for n in 0..AT_ONCE {
        class.iter_mut().enumerate().for_each(|(number, pupil)| pupil.say(&format!("{number}: {n}")));
    }
    for (number, pupil) in class.iter_mut().enumerate() {
        pupil.expect_text(&format!("{number}: {}", AT_ONCE - 1));
        assert!(pupil.received("error").is_empty(), "{:?}", pupil.received("error"));
    }
}

/// As a class does that makes accounts in its first lesson: the page, an account each, and then all talk.
#[test]
fn a_class_behind_one_address_signs_up_and_talks_and_is_never_told_to_wait() {
    const CLASS: usize = 40;
    let _alone = crowd();
    let server = paced();
    let mut class: Vec<TestClient> = (0..CLASS)
        .map(|number| {
            let mut pupil = Browser::new(server.addr()).from("2001:db8::1");
            assert_eq!(pupil.get("/").status, 200);
            assert_eq!(pupil.sign_up(&format!("Pupil {number}")).status, 201, "{number}");
            pupil.join()
        })
        .collect();
    class.iter_mut().enumerate().for_each(|(number, pupil)| pupil.say(&format!("{number}")));
    for (number, pupil) in class.iter_mut().enumerate() {
        pupil.expect_text(&format!("{number}"));
        assert!(pupil.received("error").is_empty(), "{:?}", pupil.received("error"));
    }
}

#[test]
fn an_eager_client_is_slowed_and_nothing_is_refused() {
    const MESSAGES: usize = 25;
    let server = paced();
    let mut eager = guest(&server, "203.0.113.1", "Eager");
    let mut ben = guest(&server, "203.0.113.1", "Ben");
    let begin = Instant::now();
    (0..MESSAGES).for_each(|n| eager.say(&n.to_string()));
    ben.say("meanwhile");
    (0..MESSAGES).for_each(|n| drop(eager.expect_text(&n.to_string())));
    let took = begin.elapsed();
    // Ten at once, the other fifteen at five a second; a little less, since a clock's tick may fall between.
    assert!(took > Duration::from_millis(2700), "{MESSAGES} messages in {took:?}");

    let said: Vec<_> =
        eager.received("receive_message").iter().map(|event| event["message"].clone()).collect();
    let own: Vec<_> = said.iter().filter(|text| *text != "meanwhile").collect();
    assert_eq!(own, (0..MESSAGES).map(|n| n.to_string()).collect::<Vec<_>>().iter().collect::<Vec<_>>());
    assert_ne!(said.last(), Some(&json!("meanwhile")), "others are not held up by an eager one");

    let errors = eager.received("error");
    assert!(errors.iter().all(|error| error["code"] == "rate_limited"), "{errors:?}");
    assert!(
        errors
            .iter()
            .all(|error| error["retry_after_ms"].as_u64().is_some_and(|ms| (1..=2000).contains(&ms)))
    );
    let allowed = took.as_secs() as usize + 1;
    assert!((1..=allowed).contains(&errors.len()), "told {} times in {took:?}", errors.len());
    ben.expect_text(&(MESSAGES - 1).to_string());
    assert!(ben.received("error").is_empty());
}

#[test]
fn history_counts_like_messages() {
    let server = paced();
    let mut client = server.connect();
    let begin = Instant::now();
    (0..18).for_each(|_| client.send(json!({"event": "request_history", "before": 1})));
    (0..18).for_each(|_| drop(client.expect_event("history")));
    assert!(begin.elapsed() > Duration::from_millis(1400), "{:?}", begin.elapsed());
    assert_eq!(
        client.received("error").first().map(|error| error["code"].clone()),
        Some(json!("rate_limited"))
    );
}

#[test]
fn joins_in_vain_are_slowed_and_each_is_answered() {
    const JOINS: usize = 12;
    let server = paced();
    let _ana = server.join("Ana");
    let mut eager = server.connect();
    let begin = Instant::now();
    (0..JOINS).for_each(|_| eager.send(json!({"event": "join", "username": "Ana"})));
    let mut refused = 0;
    while refused < JOINS {
        match eager.expect_event("error")["code"].as_str() {
            Some("name_taken") => refused += 1,
            Some("rate_limited") => assert!(refused >= 7, "told after {refused}"),
            code => panic!("{code:?}"),
        }
    }
    // Three are free and four are saved, the other five come at two a second.
    assert!(begin.elapsed() > Duration::from_millis(2200), "{:?}", begin.elapsed());
    assert_ne!(eager.received("error").len(), JOINS, "who is slowed is told so");
}

#[test]
fn a_calm_client_is_never_told_anything() {
    let server = paced();
    let mut ana = server.join("Ana");
    for n in 0..10 {
        ana.say_and_wait(&n.to_string());
    }
    assert!(ana.received("error").is_empty(), "ten at once are within the budget");
}

#[test]
fn zero_is_no_limit() {
    let server = TestServer::start();
    let mut ana = server.join("Ana");
    (0..500).for_each(|n| ana.say(&n.to_string()));
    (0..500).for_each(|n| drop(ana.expect_message(&n.to_string())));
    assert!(ana.received("error").is_empty());
}

#[test]
fn a_slowed_client_still_gets_its_pong_and_the_room() {
    let server = paced();
    let mut eager = guest(&server, "203.0.113.1", "Eager");
    let mut ben = guest(&server, "203.0.113.1", "Ben");
    (0..15).for_each(|n| eager.say(&n.to_string()));
    ben.say("hear me");
    // The ping stands behind the messages, and is answered when they have been read.
    eager.expect_pong();
    eager.expect_text("hear me");
}
