//! Events: whatever stands in a field is refused by name, or is text and nothing else.

use super::Room;
use crate::support::{TestClient, key};
use serde_json::{Value, json};
use std::net::SocketAddr;
use tungstenite::Message;

/// Somebody in the room, at a pace of their own: no test here is about pace.
fn open() -> Room {
    Room::with(&["--rate-limit", "0"])
}

fn enter(addr: SocketAddr, name: &str) -> TestClient {
    let mut client = TestClient::connect(addr);
    client.join(name);
    client
}

/// Sends a frame, and gives back the error that answers it. `{id}`s in it tell which one that is.
fn refusal(client: &mut TestClient, frame: &str) -> Value {
    client.send_frame(Message::text(frame)).expect("a frame can be sent");
    let error = client.expect(&format!("an error for {frame:.200}"), |event| event["event"] == "error");
    let sentence = error["message"].as_str().expect("an error says what is wrong");
    let is_one_line = (6..400).contains(&sentence.len()) && !sentence.contains(char::is_control);
    assert!(is_one_line, "{frame:.200}: {sentence:?}");
    error
}

/// Each event with fields that are right, to be made wrong one at a time.
fn events() -> Vec<(&'static str, Value, &'static [&'static str])> {
    let keys = (key("guest"), key("tab"));
    vec![
        ("send_message", json!({"message": "x", "client_message_id": "a", "username": "Ana"}), &["message"]),
        ("join", json!({"username": "Ana", "guest_key": keys.0, "tab_key": keys.1}), &["username"]),
        ("request_history", json!({"before": 1, "limit": 1}), &["before"]),
        ("search", json!({"query": "x", "before": 1, "limit": 1}), &["query"]),
        ("delete_message", json!({"message_id": 1}), &["message_id"]),
        (
            "moderate",
            json!({"action": "mute", "username": "Ben", "seconds": 1, "title": "x", "keep_device_out": true}),
            &["action", "username"],
        ),
    ]
}

#[test]
fn every_field_has_its_type_and_its_range() {
    let room = open();
    room.endure("every field wrong in every way", |addr| {
        let mut ana = enter(addr, "Ana");
        for (kind, fields, required) in events() {
            let fields = fields.as_object().expect("an object");
            for (field, right) in fields {
                let mut wrong = vec![
                    json!(true),
                    json!([right]),
                    json!({"a": right}),
                    json!("\u{0}"),
                    json!("x".repeat(5_000)),
                    json!(-1),
                    json!(1.5),
                    json!(1e300),
                ];
                if required.contains(&field.as_str()) {
                    wrong.push(Value::Null);
                }
                for value in wrong {
                    if value == *right {
                        continue;
                    }
                    // A control character is text, and so is an id, but no part of a name or a key.
                    if value == json!("\u{0}") && !field.ends_with("_key") && field != "username" {
                        continue;
                    }
                    let mut event = fields.clone();
                    event.insert("event".to_owned(), json!(kind));
                    event.insert(field.clone(), value.clone());
                    let error = refusal(&mut ana, &Value::Object(event).to_string());
                    let code = error["code"].as_str().expect("a code");
                    // Of what an order has no use for, only the type is looked at.
                    let unused = kind == "moderate" && field == "title" && code == "not_host";
                    assert!(
                        unused || matches!(code, "bad_request" | "bad_username" | "too_long"),
                        "{kind}.{field} = {:.60}: {error}",
                        value.to_string()
                    );
                }
            }
            for field in required {
                let mut event = fields.clone();
                event.insert("event".to_owned(), json!(kind));
                event.remove(*field);
                if kind == "join" {
                    continue; // who is logged in needs no name; anybody else is told so by `name_required`
                }
                let error = refusal(&mut ana, &Value::Object(event).to_string());
                assert_eq!(error["code"], "bad_request", "{kind} without {field}: {error}");
                assert!(error["message"].to_string().contains(field), "names the field: {error}");
            }
        }
        ana.say("unharmed");
        ana.expect_text("unharmed");
    });
}

#[test]
fn what_is_no_event_is_a_bad_request() {
    let room = open();
    let say = |fields: &str| format!(r#"{{"event":"send_message",{fields}}}"#);
    let deep = |open: &str, close: &str| format!("{}{}", open.repeat(10_000), close.repeat(10_000));
    let frames = [
        "".to_owned(),
        " ".to_owned(),
        "\u{feff}{}".to_owned(),
        "null".to_owned(),
        "NaN".to_owned(),
        "\"send_message\"".to_owned(),
        "[\"send_message\",\"x\"]".to_owned(),
        "\t[\"send_message\"]".to_owned(),
        "[\"typing\"]".to_owned(),
        r#"{"event":"typing"}{"event":"typing"}"#.to_owned(),
        r#"{"event":"typing"} x"#.to_owned(),
        r#"{'event':'typing'}"#.to_owned(),
        r#"{"event":"typing",}"#.to_owned(),
        "42".to_owned(),
        "{}".to_owned(),
        "{".to_owned(),
        r#"{"event":7}"#.to_owned(),
        r#"{"event":null}"#.to_owned(),
        r#"{"event":"receive_message","message":"x"}"#.to_owned(),
        r#"{"event":["typing"]}"#.to_owned(),
        r#"{"event":"Typing"}"#.to_owned(),
        r#"{"event":"typing "}"#.to_owned(),
        format!(r#"{{"event":"{}"}}"#, "x".repeat(60_000)),
        r#"{"event":"\u0000\u202e<script>"}"#.to_owned(),
        r#"{"event":"typing","event":"join"}"#.to_owned(),
        deep("[", "]"),
        deep("{\"a\":", "").replace("}", ""),
        say(&format!(r#""message":{}"#, deep("[", "]"))),
        say(r#""message":"a","message":"b""#),
        say(r#""message":"x","client_message_id":"a","client_message_id":"b""#),
        say(r#""message":"x","client_message_id":"""#),
        say(&format!(r#""message":"x","client_message_id":"{}""#, "x".repeat(65))),
        say(r#""message":"\ud83d""#),
        say(r#""message":"\ude00\ud83d""#),
        say(r#""message":"\ud83d\ud83d""#),
        say(r#""message":"\u12""#),
        say(r#""message":"\x41""#),
        say("\"message\":\"a\nb\""),
        say(r#""message":"x","username":"\udc00""#),
        say(r#""message":"x","client_message_id":"\ud800""#),
        r#"{"event":"request_history","before":18446744073709551616}"#.to_owned(),
        r#"{"event":"request_history","before":1e3}"#.to_owned(),
        r#"{"event":"request_history","before":-0.0}"#.to_owned(),
        r#"{"event":"request_history","before":01}"#.to_owned(),
        r#"{"event":"request_history","before":0x10}"#.to_owned(),
        r#"{"event":"request_history","before":1,"limit":0}"#.to_owned(),
        r#"{"event":"request_history","before":1,"limit":201}"#.to_owned(),
        r#"{"event":"request_history","before":1,"limit":18446744073709551615}"#.to_owned(),
        r#"{"event":"request_history","before":1,"limit":-1}"#.to_owned(),
        format!(r#"{{"event":"request_history","before":1,"limit":1{}}}"#, "0".repeat(50_000)),
        r#"{"event":"delete_message","message_id":-9223372036854775809}"#.to_owned(),
    ];
    room.endure("what is no event", |addr| {
        let mut ana = enter(addr, "Ana");
        // A field that means nothing here is not looked at, however deep it is.
        let deep = say(&format!(r#""x":{},"message":"behind a depth""#, deep("[", "]")));
        ana.send_frame(Message::text(deep)).expect("a frame can be sent");
        ana.expect_text("behind a depth");
        for frame in &frames {
            let error = refusal(&mut ana, frame);
            assert_eq!(error["code"], "bad_request", "{frame:.200}: {error}");
        }
        ana.say("unharmed");
        ana.expect_text("unharmed");
    });
}

/// Texts that mean something to somebody: a page, a shell, a database, a spreadsheet, a terminal.
const MEANINGFUL: &[&str] = &[
    "<img src=x onerror=alert(1)>",
    "<script>alert(1)</script>",
    "</textarea></title></style><svg onload=alert(1)>",
    "javascript:alert(1)",
    "[click](javascript:alert(1))",
    "data:text/html;base64,PHNjcmlwdD4=",
    "&lt;b&gt;&amp;&#x41;",
    "'; DROP TABLE messages; --",
    "\" OR \"\"=\"",
    "%_\\%' ESCAPE '\\'",
    "$(id) `id` ${jndi:ldap://x} {{7*7}}",
    "=HYPERLINK(\"http://x\",\"y\")",
    "\u{1b}[2J\u{1b}]0;x\u{7}",
    "line one\r\nline two\u{2028}line three\u{2029}\u{85}four",
    "\u{0}\u{1}\u{7f}",
    "\u{202e}gnp.exe\u{202c} \u{2066}x\u{2069}",
    "z\u{351}\u{36b}\u{343}\u{36a}\u{302}\u{36b}\u{33d}\u{34f}\u{334}a\u{321}l\u{334}g\u{307}o",
    "👩‍👩‍👧‍👦🏳️‍🌈🇩🇪",
    "\u{fffd}\u{ffff}\u{10ffff}\u{feff}",
    "../../etc/passwd\0.png",
    "{\"event\":\"room\",\"locked\":true}",
    "\\u003cb\\u003e \\\\ \\\" /",
];

#[test]
fn text_comes_back_as_the_text_it_was() {
    let room = open();
    room.endure("texts that mean something to somebody", |addr| {
        let (mut ana, mut ben) = (enter(addr, "Ana"), TestClient::connect(addr));
        let mut first = None;
        for (n, text) in MEANINGFUL.iter().enumerate() {
            ana.say_with_id(text, &format!("<{n}>'\"%"));
            let receipt = ana.expect_text(text);
            assert_eq!(receipt["client_message_id"], format!("<{n}>'\"%"));
            first = first.or(receipt["id"].as_u64());
            ben.expect_text(text);
        }
        let last = ana.say_and_wait("the end")["id"].as_u64().expect("a position");
        ana.send(json!({"event": "request_history", "before": last, "limit": 200}));
        let history = ana.expect_event("history");
        let messages = history["messages"].as_array().expect("messages");
        let said: Vec<&str> = messages
            .iter()
            .filter(|message| message["username"] == "Ana")
            .map(|message| message["message"].as_str().expect("a text"))
            .collect();
        assert_eq!(said, MEANINGFUL, "and from the disk just so");
    });
}

#[test]
fn a_name_is_text_or_is_refused() {
    let room = open();
    let join = |name: &str| json!({"event": "join", "username": name});
    room.endure("names that mean something, or nothing", |addr| {
        let mut other = TestClient::connect(addr);
        for name in [
            "<img onerror=alert(1) src=x>",
            "'; DROP TABLE guests;--",
            "100%_\\",
            "javascript:alert(1)",
            "=1+1",
            "null",
            "undefined",
            "__proto__",
            "constructor",
            "0",
            "é\u{323}",
            "นิ้ว",
            &"x".repeat(32),
            "\u{feff}A\u{200b}n\u{200d}a\u{2060}\u{e0041}",
        ] {
            let mut client = enter(addr, name);
            client.say_and_wait("it is me");
            let shown = other.expect_text("it is me")["username"].as_str().expect("a name").to_owned();
            assert_eq!(shown, client.join(name)["username"], "{name}");
            assert!(!shown.contains(char::is_control), "{shown:?}");
            client.leave();
        }
        let tower = format!("a{}", "\u{301}".repeat(20));
        for name in [
            "",
            " \t\u{a0}\u{3000}",
            &"x".repeat(33),
            &"x".repeat(60_000),
            &tower,
            "\u{202e}anA",
            "A\u{2067}na\u{2069}",
            "\u{3164}",
            "\u{2800}",
            "A\u{7}na",
            "A\u{1b}[1mna",
            "\u{301}",
            "\u{e000}",
            "\u{fdd0}",
            "\u{200b}\u{e0041}\u{feff}",
        ] {
            let error = refusal(&mut other, &join(name).to_string());
            assert_eq!(error["code"], "bad_username", "{name:.80?}: {error}");
        }
    });
}

#[test]
fn history_begins_and_ends_anywhere() {
    let room = open();
    room.endure("absurd requests for history", |addr| {
        let mut ana = enter(addr, "Ana");
        let head = ana.say_and_wait("here")["id"].as_u64().expect("a position");
        for (before, limit, found) in [
            (0, 1, false),
            (0, 200, false),
            (1, 200, false),
            (2, 1, true),
            (head + 1, 200, true),
            (head + 1_000_000, 50, true),
            (i64::MAX as u64, 200, true),
            (i64::MAX as u64 + 1, 200, true),
            (u64::MAX, 200, true),
        ] {
            ana.send(json!({"event": "request_history", "before": before, "limit": limit}));
            let history = ana.expect_event("history");
            let messages = history["messages"].as_array().expect("messages");
            assert_eq!(!messages.is_empty(), found, "before {before}: {history:.200}");
            assert!(messages.len() as u64 <= limit, "before {before}");
            assert!(messages.iter().all(|message| message["id"].as_u64().is_some_and(|id| id < before)));
        }
    });
}

#[test]
fn what_somebody_else_said_is_theirs() {
    let room = open();
    room.endure("deleting what is not one's own", |addr| {
        let (mut ana, mut mallory) = (enter(addr, "Ana"), enter(addr, "Mallory"));
        let id = ana.say_and_wait("mine")["id"].as_u64().expect("a position");
        for message_id in [id, 0, u64::MAX, i64::MAX as u64, i64::MAX as u64 + 1, id + 1_000_000] {
            let frame = json!({"event": "delete_message", "message_id": message_id});
            let error = refusal(&mut mallory, &frame.to_string());
            let code = if message_id == id { "not_host" } else { "not_found" };
            assert_eq!(error["code"], code, "{message_id}: {error}");
        }
        // One's id for a message is one's own, too: somebody else's of the same name is another message.
        ana.say_with_id("hers", "same");
        ana.expect_text("hers");
        mallory.say_with_id("his", "same");
        assert_eq!(mallory.expect_text("his")["username"], "Mallory");
        let mut late = TestClient::connect(addr);
        late.expect_text("mine");
    });
}
