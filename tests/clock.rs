//! A computer's clock that is set back: nobody has to wait for it, and the order of what was said stays what it is.

use crate::accounts::Browser;
use crate::support::{Process, TestClient, View, armed, get, http, key};
use chat_app::inside::TRIGGER;
use chat_app::make_host_link_beside;
use serde_json::{Value, json};
use std::time::Duration;
use tempfile::TempDir;

const HOUR_MS: i64 = 60 * 60 * 1000;

/// A room whose clock goes back by so many seconds as a message says.
fn room() -> (Process, TempDir) {
    let folder = tempfile::tempdir().expect("a folder for the database");
    let mut command = Process::command(&folder.path().join("chat.db"));
    let process = Process::spawn(armed(command.args(["--port", "0"]), "clock"));
    process.addr(); // it is open, and its database is there
    (process, folder)
}

fn at(message: &Value) -> i64 {
    message["at"].as_i64().expect("a time")
}

/// Says it as soon as slow mode lets it, each time after the pause that was told.
fn say(client: &mut TestClient, text: &str) -> i64 {
    loop {
        client.say(text);
        let answer =
            client.expect("an answer", |event| event["code"] == "slow_mode" || event["message"] == text);
        let Some(wait_ms) = answer["retry_after_ms"].as_u64() else { return at(&answer) };
        assert!(wait_ms <= 1_000, "no longer than slow mode's pause: {answer}");
        while client.next_within(Duration::from_millis(wait_ms)).is_ok() {}
    }
}

#[test]
fn slow_mode_goes_on_and_times_hold_still_or_follow() {
    let (room, folder) = room();
    let database = folder.path().join("chat.db");
    let link = make_host_link_beside(&database, false).expect("a link");
    let browser = Browser::host(room.addr(), link.split_once("#host=").expect("a key").1);
    let mut host = browser.connect();
    host.join("Ms Keller");
    host.send(json!({"event": "moderate", "action": "slow_mode", "seconds": 1}));
    host.expect("slow mode", |event| event["slow_mode_seconds"] == 1);
    let mut ana = TestClient::connect(room.addr());
    ana.join_with_keys("Ana", &key("ana"), &key("ana"));

    let before = say(&mut ana, "before");
    let little = format!("{TRIGGER}40 seconds");
    let held = say(&mut ana, &little);
    assert!((before..before + HOUR_MS).contains(&held), "a little back, and the time holds still: {held}");
    let much = format!("{TRIGGER}7200 seconds");
    let jump = say(&mut ana, &much);
    assert!((held - 3 * HOUR_MS..held - HOUR_MS).contains(&jump), "by hours, and it is believed: {jump}");
    let after = say(&mut ana, "after");
    assert!((jump..jump + HOUR_MS).contains(&after), "and goes on from there: {after}");
    let log = room.stderr.text();
    assert_eq!(log.matches("clock was set back").count(), 1, "{log}");

    // For who comes now, who looks back, who searches, and in the record: the order is the positions'.
    let texts = ["before", &little, &much, "after"];
    let said = |events: &[Value]| -> Vec<String> {
        events.iter().filter_map(|event| Some(event["message"].as_str()?.to_owned())).collect()
    };
    let mut view = View::default();
    let mut late = view.connect(room.addr());
    view.follow_replay(&mut late).expect("a replay");
    let replayed: Vec<Value> = late.received("receive_message").into_iter().cloned().collect();
    assert_eq!(said(&replayed), texts);
    late.send(json!({"event": "request_history", "before": 1000}));
    assert_eq!(said(late.expect_event("history")["messages"].as_array().expect("a page")), texts);
    late.send(json!({"event": "search", "query": "seconds"}));
    let found = late.expect_event("results");
    assert_eq!(
        said(found["messages"].as_array().expect("a page")),
        [much.as_str(), little.as_str()],
        "newest first"
    );
    for ending in ["json", "txt", "csv"] {
        let request =
            format!("GET /transcript.{ending} HTTP/1.1\r\nConnection: close\r\n{}\r\n", browser.headers());
        let file = http(room.addr(), request).text().to_owned();
        let places: Vec<_> = texts.iter().map(|text| file.find(text).expect("all of it")).collect();
        assert!(places.is_sorted(), "{file}");
    }
    host.send(json!({"event": "moderate", "action": "lock"}));
    let record = host.expect("the record", |event| event["actions"][0]["action"] == "lock");
    assert_eq!(record["actions"][1]["action"], "slow_mode", "the newest first, whatever its time");
    assert!(at(&record["actions"][0]) < at(&record["actions"][1]));
}

#[test]
fn a_name_stays_kept_and_a_throttle_ends_though_the_clock_is_set_back() {
    let (room, _folder) = room();
    let mut ana = TestClient::connect(room.addr());
    ana.join_with_keys("Ana", &key("ana"), &key("ana"));
    say(&mut ana, &format!("{TRIGGER}7200 seconds"));
    ana.leave();
    let mut other = TestClient::connect(room.addr());
    other.send(json!({"event": "join", "username": "Ana", "guest_key": key("other")}));
    other.expect_error("name_taken");
    // Forward again: she left two hours ago, by this clock.
    other.join("Ben");
    say(&mut other, &format!("{TRIGGER}0 seconds"));
    other.send(json!({"event": "join", "username": "Ana", "guest_key": key("other")}));
    other.expect_error("name_taken");
    let mut ana = TestClient::connect(room.addr());
    assert_eq!(ana.join_with_keys("Ana", &key("ana"), &key("ana-2"))["username"], "Ana");
    assert_eq!(get(room.addr(), "/api/session").status, 200);
}

#[test]
fn a_restart_goes_on_where_the_log_is_and_says_that_the_clock_was_set_back() {
    let (mut first, folder) = room();
    let mut ana = TestClient::connect(first.addr());
    ana.join("Ana");
    let before = say(&mut ana, "before");
    first.kill();
    let database = folder.path().join("chat.db");
    let age = |ms: i64| {
        let db = rusqlite::Connection::open(&database).expect("opens");
        db.execute("UPDATE messages SET at = at + ?1", [ms]).expect("a clock that was ahead");
    };
    age(30_000);
    let second = Process::start(&database, &[]);
    let mut ben = TestClient::connect(second.addr());
    ben.join("Ben");
    assert_eq!(say(&mut ben, "a little"), before + 30_000, "the time holds still");
    assert!(!second.stderr.text().contains("clock was set back"));
    drop(second);
    age(2 * HOUR_MS);
    let third = Process::start(&database, &[]);
    let mut cem = TestClient::connect(third.addr());
    cem.join("Cem");
    let hours = say(&mut cem, "much");
    assert!((before..before + HOUR_MS).contains(&hours), "{hours}");
    assert_eq!(third.stderr.text().matches("clock was set back").count(), 1);
}
