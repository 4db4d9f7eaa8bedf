//! New names come by the class, and then one by one; whoever is known waits for nobody, and no name is pushed out by others.

use crate::accounts::{Browser, behind_a_proxy, refused};
use crate::pace::{from, paced};
use crate::support::{DEADLINE, TestClient, TestServer, key};
use chat_app::limits;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const AT_ONCE: usize = limits::NAMES_AT_ONCE as usize;

fn try_join(client: &mut TestClient, name: &str, guest_key: &str) -> Value {
    client.send(json!({"event": "join", "username": name, "guest_key": guest_key}));
    client.expect("an answer to join", |event| event["event"] == "joined" || event["event"] == "error")
}

/// Joins with a name and a key that nobody had; the connection stays.
fn newcomer(server: &TestServer, address: &str, name: &str) -> (TestClient, Value) {
    let mut client = from(server, address);
    let answer = try_join(&mut client, name, &key(name));
    (client, answer)
}

/// Comes until no more may; a busy machine takes so long for it that one or two more may by then. All who came, and the refusal
/// of the last.
fn class(mut come: impl FnMut(usize) -> (TestClient, Value)) -> (Vec<TestClient>, Value) {
    let (mut class, begin) = (Vec::new(), Instant::now());
    loop {
        let (client, answer) = come(class.len());
        if answer["event"] == "error" {
            let most = AT_ONCE + 1 + begin.elapsed().as_secs() as usize / 5;
            assert!((AT_ONCE..=most).contains(&class.len()), "{} came in {:?}", class.len(), begin.elapsed());
            return (class, answer);
        }
        class.push(client);
        assert!(class.len() < 3 * AT_ONCE, "nobody has to wait");
    }
}

/// Asks until it is refused: meanwhile one more may have become due.
fn expect_refusal(ask: impl FnMut(usize) -> Value) -> Value {
    let refusal = (0..3).map(ask).find(|answer| answer["event"] == "error").expect("too many came");
    expect_wait(&refusal, 5_000);
    refusal
}

fn expect_wait(answer: &Value, most_ms: u64) -> u64 {
    assert_eq!(answer["code"], "rate_limited", "{answer}");
    assert!(answer["message"].as_str().expect("a sentence").ends_with("seconds."), "{answer}");
    let wait_ms = answer["retry_after_ms"].as_u64().expect("a time");
    assert!((1..=most_ms).contains(&wait_ms), "{answer}");
    wait_ms
}

#[test]
fn after_a_class_new_names_come_one_by_one_and_whoever_is_known_waits_for_nobody() {
    let server = paced();
    let (begin, here) = (Instant::now(), "203.0.113.1");
    let (mut class, answer) = class(|number| newcomer(&server, here, &format!("Pupil {number}")));
    let wait_ms = expect_wait(&answer, 5_000);
    assert!(begin.elapsed() + Duration::from_millis(wait_ms) >= Duration::from_millis(4_900), "{wait_ms} ms");
    // Neither without a key, nor in a message.
    expect_refusal(|attempt| {
        let mut keyless = from(&server, here);
        let username = format!("Simple {attempt}");
        keyless.send(
            json!({"event": "send_message", "username": username, "message": "hi", "client_message_id": "1"}),
        );
        keyless.expect("an answer", |event| event["event"] == "error" || event["message"] == "hi")
    });
    // Who is known comes back, having spoken or not, in the same moment; and others from elsewhere.
    class[1].say_and_wait("I am here");
    for number in [1, 2] {
        class.remove(number).leave();
        let (client, answer) = newcomer(&server, here, &format!("Pupil {number}"));
        assert_eq!(answer["event"], "joined", "{answer}");
        class.insert(number, client);
    }
    assert_eq!(newcomer(&server, "203.0.113.2", "Elsewhere").1["event"], "joined");
    // The sentence says when.
    let mut late = from(&server, here);
    loop {
        let answer = try_join(&mut late, "Late", &key("Late"));
        if answer["event"] == "joined" {
            return;
        }
        assert!(begin.elapsed() < DEADLINE, "{answer}");
        std::thread::sleep(Duration::from_millis(expect_wait(&answer, 5_000)));
    }
}

/// A class of forty, some of whom mistype their names.
#[test]
fn who_corrects_their_name_waits_for_nobody_of_the_class() {
    let server = paced();
    let mut class: Vec<_> =
        (0..40).map(|number| newcomer(&server, "203.0.113.1", &format!("Pupli {number}"))).collect();
    for (number, (pupil, answer)) in class.iter_mut().enumerate() {
        assert_eq!(answer["event"], "joined", "{answer}");
        if number < 10 {
            let answer = try_join(pupil, &format!("Pupil {number}"), &key(&format!("Pupli {number}")));
            assert_eq!(answer["event"], "joined", "{answer}");
        }
    }
}

/// With as many new names as there may be, nobody could correct theirs.
#[test]
fn a_class_corrects_its_names_once_and_nobody_has_new_ones_without_end() {
    let server = paced();
    let (mut class, _) = class(|number| newcomer(&server, "203.0.113.1", &format!("Pupli {number}")));
    for (number, pupil) in class.iter_mut().take(AT_ONCE).enumerate() {
        let answer = try_join(pupil, &format!("Pupil {number}"), &key(&format!("Pupli {number}")));
        assert_eq!(answer["event"], "joined", "{answer}");
    }
    let mut next = 0;
    expect_refusal_soon(|| {
        next += 1;
        try_join(&mut class[next], &format!("Another {next}"), &key(&format!("Pupli {next}")))
    });
}

/// Asks until it is refused, which on a busy machine takes a few more.
fn expect_refusal_soon(mut ask: impl FnMut() -> Value) {
    let refusal = (0..20).map(|_| ask()).find(|answer| answer["event"] == "error").expect("too many names");
    expect_wait(&refusal, 5_000);
}

#[test]
fn of_ipv6_a_network_is_one_address() {
    let server = paced();
    class(|number| newcomer(&server, &format!("2001:db8::{number}"), &format!("Pupil {number}")));
    assert_eq!(newcomer(&server, "2001:db8:0:1::1", "Next door").1["event"], "joined");
}

#[test]
fn after_a_class_accounts_come_one_a_minute() {
    const AT_ONCE: usize = limits::ACCOUNTS_AT_ONCE as usize;
    let server = paced();
    let (begin, here) = (Instant::now(), "203.0.113.1");
    let sign_up = |number: usize| Browser::new(server.addr()).from(here).sign_up(&format!("Pupil {number}"));
    let (came, answer) = (0..2 * AT_ONCE)
        .map(|number| (number, sign_up(number)))
        .find(|it| it.1.status != 201)
        .expect("a last");
    let most = AT_ONCE + 1 + begin.elapsed().as_secs() as usize / 60;
    assert!((AT_ONCE..=most).contains(&came), "{came} in {:?}", begin.elapsed());
    assert_eq!(refused(&answer), (429, "rate_limited".to_owned()));
    let wait: u64 = answer.header("retry-after").and_then(|text| text.parse().ok()).expect("a time");
    assert!((6..=60).contains(&wait), "{wait}: longer than for a name");
    // A guest who is known waits as well: it is the account that is new.
    let (_guest, answer) = newcomer(&server, "203.0.113.2", "Ana");
    assert_eq!(answer["event"], "joined");
    let wish = json!({"email": "ana@school.example", "username": "Ana", "password": "what only Ana knows",
                      "guest_key": key("Ana")});
    let mut late = Browser::new(server.addr()).from(here);
    assert_eq!(late.post("/api/signup", wish.clone()).status, 429);
    let mut elsewhere = Browser::new(server.addr()).from("203.0.113.2");
    assert_eq!(elsewhere.post("/api/signup", wish).status, 201);
    assert_eq!(elsewhere.sign_up("Frau Meier").status, 201, "nobody has taken her name");
}

#[test]
fn without_a_pace_all_come_at_once() {
    let server = TestServer::start();
    let _crowd: Vec<_> = (0..AT_ONCE + 20).map(|number| server.join(&format!("Person {number}"))).collect();
}

#[test]
fn a_silent_guests_name_is_kept_for_the_browser_over_a_reload_and_a_restart() {
    let mut server = TestServer::start();
    let mut here = server.connect();
    here.join_with_keys("Here", &key("Here"), &key("Here"));
    let mut gone = server.connect();
    gone.join_with_keys("Gone", &key("Gone"), &key("Gone"));
    gone.leave();
    for again in [false, true] {
        if again {
            server.stop();
            server.start_again();
        }
        for name in ["Here", "Gone"] {
            let answer = try_join(&mut server.connect(), name, &key("somebody else"));
            assert_eq!(answer["code"], "name_taken", "{name}: {answer}");
        }
        let mut back = server.connect();
        assert_eq!(try_join(&mut back, "Gone", &key("Gone"))["event"], "joined");
        back.leave();
    }
    assert_eq!(try_join(&mut server.connect(), "Here", &key("Here"))["event"], "joined");
}

/// Three and a half thousand connections with five names each took all places that there were. Of IPv6 a network is one address.
#[test]
fn an_address_that_takes_name_after_name_pushes_out_nobody_and_has_its_share() {
    const PER_KEY: usize = limits::NAMES_PER_KEY;
    const KEYS: usize = limits::RESERVATIONS_PER_ADDRESS / PER_KEY + 3;
    let mut server = TestServer::with(behind_a_proxy);
    let (mut ana, _) = newcomer(&server, "203.0.113.1", "Ana");
    ana.say_and_wait("hi");
    ana.leave();
    for number in 0..KEYS {
        let mut client = from(&server, &format!("2001:db8::{number:x}"));
        for name in (0..PER_KEY).map(|of_key| format!("Taken {number} {of_key}")) {
            assert_eq!(try_join(&mut client, &name, &key(&format!("taker {number}")))["event"], "joined");
            client.say_and_wait(&name);
        }
        client.leave();
    }
    for again in [false, true] {
        if again {
            server.stop();
            server.start_again();
        }
        let is_kept = |name: &str| {
            let mut other = from(&server, "203.0.113.3");
            let kept = try_join(&mut other, name, &key("other"))["code"] == "name_taken";
            other.leave();
            kept
        };
        assert!(is_kept("Ana"), "hers");
        assert!(is_kept("Taken 0 0"), "nor do they push out their own");
        assert!(!is_kept(&format!("Taken {} 0", KEYS - 1)), "but they get no more than their share");
    }
    assert_eq!(newcomer(&server, "203.0.113.1", "Ana").1["event"], "joined");
}
