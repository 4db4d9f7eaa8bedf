//! What was ever said is found: newest first, page by page, whatever its case and accents; what is deleted is not.

use crate::accounts::{Browser, behind_a_proxy};
use crate::support::{TestClient, TestServer, Texts, crowd, key, long_log};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Messages that one search looks at.
const SEARCH_ROWS: u64 = 250_000;

fn server_with(texts: &[&str]) -> TestServer {
    let server = TestServer::start();
    let mut speaker = server.join("Speaker");
    texts.iter().for_each(|text| speaker.say(text));
    speaker.expect("the last", |event| event["id"] == texts.len());
    server
}

fn ask(client: &mut TestClient, request: Value) -> Value {
    client.send(request);
    client.expect_event("results")
}

fn search(client: &mut TestClient, query: &str) -> Value {
    ask(client, json!({"event": "search", "query": query}))
}

fn ids(results: &Value) -> Vec<u64> {
    let messages = results["messages"].as_array().expect("results have messages");
    messages.iter().filter_map(|message| message["id"].as_u64()).collect()
}

/// Follows `next` to the end; how many answers it took, and everything found.
fn search_all(client: &mut TestClient, query: &str, limit: usize) -> (usize, Vec<u64>) {
    let (mut answers, mut found) = (0, Vec::new());
    let mut request = json!({"event": "search", "query": query, "limit": limit});
    loop {
        let results = ask(client, request.clone());
        found.extend(ids(&results));
        answers += 1;
        assert_eq!(results["more"], !results["next"].is_null(), "{results}");
        if results["more"] == false {
            return (answers, found);
        }
        request["before"] = results["next"].clone();
    }
}

#[test]
fn words_are_found_whatever_their_case_and_accents() {
    let server = server_with(&[
        "José drinks a café",
        "jose and JOSÉ",
        "Straße nach Łódź",
        "nothing",
        "Ёлка, ΟΔΥΣΣΕΥΣ",
        "cafe for Jose",
    ]);
    let mut client = server.connect();
    for (query, expected) in [
        ("jose", &[6, 2, 1][..]),
        ("JOSÉ", &[6, 2, 1]),
        ("josé CAFE", &[6, 1]),
        ("lodz strasse", &[3]),
        ("елка", &[5]),
        ("Οδυσσεύς", &[5]),
        ("thing", &[4]),
        ("jose nothing", &[]),
    ] {
        let results = search(&mut client, query);
        assert_eq!(ids(&results), expected, "{query}");
        assert_eq!((&results["query"], &results["more"]), (&json!(query), &json!(false)));
    }
}

#[test]
fn an_authors_messages_are_found_by_the_name() {
    let server = TestServer::start();
    let (mut jose, mut ana) = (server.join("José 7"), server.join("Ana"));
    jose.say_and_wait("It floats");
    ana.say_and_wait("Says Jose?");
    jose.say_and_wait("Ice is lighter");
    ana.say_and_wait("Ice is cold");
    for (query, expected) in [
        ("jose", &[3, 2, 1][..]),
        ("JOSÉ ice", &[3]),
        ("ana", &[4, 2]),
        ("josé 7 floats", &[1]),
        ("7 cold", &[]),
    ] {
        assert_eq!(ids(&search(&mut ana, query)), expected, "{query}");
    }
}

#[test]
fn results_are_what_was_received() {
    let server = TestServer::start();
    let mut ana = server.join("Ana");
    ana.say_with_id("hi \"there\"\n😀", "7");
    let mut live = ana.expect_event("receive_message");
    live.as_object_mut().expect("an object").remove("event");
    assert_eq!(search(&mut ana, "THERE")["messages"], json!([live]));
}

#[test]
fn signs_of_query_languages_mean_themselves() {
    let server = server_with(&["50% off", "snake_case", "a*b", "it's", "\"quoted\"", "back\\slash", "plain"]);
    let mut client = server.connect();
    for (query, expected) in [
        ("%", &[1][..]),
        ("_", &[2]),
        ("*", &[3]),
        ("'", &[4]),
        ("\"", &[5]),
        ("\\", &[6]),
        ("p%n", &[]),
        ("plai_", &[]),
        ("' OR 1=1 --", &[]),
        ("plain* OR", &[]),
    ] {
        assert_eq!(ids(&search(&mut client, query)), expected, "{query}");
    }
}

#[test]
fn pages_hold_everything_once() {
    let texts: Vec<String> = (1..=130).map(|n| if n % 3 == 0 { "no" } else { "yes" }.to_owned()).collect();
    let server = server_with(&texts.iter().map(String::as_str).collect::<Vec<_>>());
    let mut client = server.connect();
    let expected: Vec<u64> = (1..=130).rev().filter(|n| n % 3 != 0).collect();
    for limit in [1, 7, 50] {
        assert_eq!(search_all(&mut client, "yes", limit).1, expected, "{limit} at a time");
    }
    let default = search(&mut client, "yes");
    assert_eq!(ids(&default), expected[..20], "without a limit");
    assert_eq!(default["next"], expected[19]);
    // What is said meanwhile does not shift the pages.
    server.join("Ben").say_and_wait("yes, too");
    let next = ask(&mut client, json!({"event": "search", "query": "yes", "before": default["next"]}));
    assert_eq!(ids(&next), expected[20..40]);
}

#[test]
fn a_page_of_long_messages_is_cut_and_goes_on() {
    let texts: Vec<String> = (0..60).map(|_| "\u{1}long".repeat(800)).collect();
    let server = server_with(&texts.iter().map(String::as_str).collect::<Vec<_>>());
    let mut client = server.connect();
    let first = ask(&mut client, json!({"event": "search", "query": "long", "limit": 50}));
    assert!(first.to_string().len() <= 256 * 1024 && ids(&first).len() < 50);
    assert_eq!(first["next"].as_u64(), ids(&first).last().copied());
    assert_eq!(search_all(&mut client, "long", 50).1, (1..=60).rev().collect::<Vec<_>>());
}

#[test]
fn what_makes_no_sense_is_refused_and_the_connection_lives_on() {
    let server = server_with(&["one"]);
    let mut client = server.connect();
    for (code, fields) in [
        ("bad_request", json!({})),
        ("bad_request", json!({"query": 7})),
        ("bad_request", json!({"query": " \n"})),
        ("bad_request", json!({"query": "\u{301}"})),
        ("too_long", json!({"query": "x".repeat(201)})),
        ("bad_request", json!({"query": "one", "limit": 0})),
        ("bad_request", json!({"query": "one", "limit": 51})),
        ("bad_request", json!({"query": "one", "limit": u64::MAX})),
        ("bad_request", json!({"query": "one", "before": -1})),
        ("bad_request", json!({"query": "one", "before": "1"})),
    ] {
        let mut request = fields;
        request["event"] = "search".into();
        client.send(request);
        client.expect_error(code);
    }
    for (before, expected) in [(0, &[][..]), (1, &[]), (2, &[1]), (u64::MAX, &[1])] {
        let results = ask(&mut client, json!({"event": "search", "query": "one", "before": before}));
        assert_eq!((ids(&results), &results["more"]), (expected.to_vec(), &json!(false)), "before {before}");
    }
}

#[test]
fn an_empty_log_has_nothing_to_find() {
    let server = TestServer::start();
    let expected = json!({"event": "results", "query": "x", "messages": [], "more": false, "position": 0});
    assert_eq!(search(&mut server.connect(), "x"), expected);
}

#[test]
fn deleted_messages_are_never_found() {
    let server = TestServer::start();
    let mut ana = server.connect();
    ana.join_with_keys("Ana", &key("Ana"), &key("Ana"));
    for n in 1..=40 {
        ana.say_with_id(&format!("secret {n}"), &n.to_string());
    }
    ana.expect_text("secret 40");
    let mut ben = server.join("Ben");
    // Searches and deletions race: whoever is told of a deletion before an answer drops it from that answer.
    for id in 1..=39_u64 {
        ana.send(json!({"event": "delete_message", "message_id": id}));
        ben.send(json!({"event": "search", "query": "secret", "limit": 50}));
    }
    ana.expect("the last deletion", |event| event["message_id"] == 39);
    let mut answers = 0;
    let mut shown = Vec::new();
    let mut gone = Vec::new();
    while answers < 39 || gone.len() < 39 {
        let event = ben.next().expect("an event");
        if event["event"] == "results" {
            answers += 1;
            shown = ids(&event);
            shown.retain(|id| !gone.contains(id));
        } else if event["event"] == "message_deleted" {
            let id = event["message_id"].as_u64().expect("an id");
            gone.push(id);
            shown.retain(|shown| *shown != id);
        }
    }
    assert_eq!(shown, [40], "what a page shows in the end");
    for mut client in [server.connect(), ana, ben] {
        assert_eq!(ids(&search(&mut client, "secret")), [40]);
    }
}

#[test]
fn searches_count_as_messages() {
    let server = TestServer::with(|config| config.rate_limit = 5);
    let mut client = server.connect();
    let begin = Instant::now();
    (0..18).for_each(|_| client.send(json!({"event": "search", "query": "x"})));
    (0..18).for_each(|_| drop(client.expect_event("results")));
    // Ten at once, the other eight at five a second; a little less, since a clock's tick may fall between.
    assert!(begin.elapsed() > Duration::from_millis(1400), "{:?}", begin.elapsed());
    let told = client.received("error");
    assert!(!told.is_empty(), "told, and answered all the same");
    assert!(told.iter().all(|error| error["code"] == "rate_limited"), "{told:?}");
}

#[test]
fn a_search_of_a_long_log_stops_in_between_and_goes_on_to_the_first_message() {
    let _alone = crowd();
    const MESSAGES: u64 = SEARCH_ROWS + 5_000;
    let mut server = TestServer::with_log(MESSAGES);
    let mut client = server.connect();
    let first = ask(&mut client, json!({"event": "search", "query": "message 97 7", "limit": 1}));
    assert_eq!(ids(&first), [MESSAGES - 3], "the newest");
    let none = search(&mut client, "not there");
    assert_eq!((ids(&none), &none["more"]), (vec![], &json!(true)), "as much as one search looks at");
    let (answers, found) = search_all(&mut client, "message 12 321", 50);
    let expected: Vec<u64> = (1..=MESSAGES)
        .rev()
        .filter(|n| n.to_string().contains("12") && n.to_string().contains("321"))
        .collect();
    assert!(answers >= 2, "it stopped in between");
    assert_eq!(found, expected);

    // Many search all of it at once; what others say and read passes them by.
    let mut searching: Vec<TestClient> = (0..8).map(|_| server.connect()).collect();
    for client in &mut searching {
        client.send(json!({"event": "search", "query": "not there"}));
    }
    let (mut ana, mut ben) = (server.join("Ana"), server.join("Ben"));
    for n in 0..10 {
        ana.say(&n.to_string());
        ben.expect_text(&n.to_string());
        ben.send(json!({"event": "request_history", "before": 1_000, "limit": 3}));
        assert_eq!(ids(&json!({"messages": ben.expect_event("history")["messages"]})), [997, 998, 999]);
    }
    for client in &mut searching {
        assert_eq!(ids(&client.expect_event("results")), [] as [u64; 0]);
    }
    server.stop();
}

/// Somebody who searches all the time on many connections waits for themselves: the others' searches come up in turn with all of
/// theirs together.
#[test]
fn an_address_that_searches_a_lot_waits_for_itself() {
    let _alone = crowd();
    const MESSAGES: u64 = 100_000;
    const CROWD: usize = 40;
    let server = TestServer::with(|config| {
        behind_a_proxy(config);
        long_log(&config.database, MESSAGES, Texts::Short);
    });
    let (over, looked_at) = (AtomicBool::new(false), AtomicU64::new(0));
    let down_to = |answer: &Value| answer["next"].as_u64().unwrap_or(0);
    std::thread::scope(|scope| {
        for number in 0..CROWD {
            // Of IPv6 the network is the address.
            let address = format!("2001:db8::{number:x}");
            let mut client = Browser::new(server.addr()).from(&address).connect();
            let (over, looked_at) = (&over, &looked_at);
            scope.spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    client.send(json!({"event": "search", "query": "not there"}));
                    // It may be refused: then it has waited too long for the others of its address.
                    let answer =
                        client.expect("an answer", |it| it["event"] == "results" || it["event"] == "error");
                    if answer["event"] == "results" {
                        looked_at.fetch_add(MESSAGES - down_to(&answer), Ordering::Relaxed);
                    }
                }
            });
        }
        let mut other = Browser::new(server.addr()).from("203.0.113.2").connect();
        let mut request = json!({"event": "search", "query": "not there either"});
        loop {
            let answer = ask(&mut other, request.clone());
            if answer["more"] == false {
                break;
            }
            request["before"] = answer["next"].clone();
        }
        let theirs = looked_at.load(Ordering::Relaxed);
        over.store(true, Ordering::Relaxed);
        assert!(theirs <= 8 * MESSAGES, "{theirs} messages looked at by {CROWD}, {MESSAGES} by one");
        assert!(other.received("error").is_empty(), "{:?}", other.received("error"));
    });
}
