//! What is read of a frame, and what is refused.

use proptest::prelude::*;

use super::*;
use crate::protocol::ErrorCode;

fn read(text: &str) -> Result<ClientEvent, Refusal> {
    decode(text, &mut LastName::default())
}

fn refused(text: &str) -> (ErrorCode, Option<String>) {
    let refusal = read(text).expect_err(text);
    assert!(refusal.message.ends_with('.'), "a sentence: {}", refusal.message);
    (refusal.code, refusal.client_message_id)
}

#[test]
fn unknown_fields_are_ignored_and_the_rest_is_checked() {
    let event = r#"{"x":[{}],"event":"send_message","message":"hi","client_message_id":"7","limit":"no"}"#;
    let message = ClientEvent::SendMessage {
        message: "hi".into(),
        client_message_id: Some("7".into()),
        username: None,
        reply_to: None,
    };
    assert_eq!(read(event), Ok(message));
    assert_eq!(read(r#"{"event":"typing","message":5}"#), Ok(ClientEvent::Typing));
}

#[test]
fn every_refusal_names_its_message() {
    use ErrorCode::{BadRequest, BadUsername, Empty, TooLong};
    let long = "x".repeat(limits::MESSAGE_CHARACTERS + 1);
    let deep = "[".repeat(10_000);
    for (code, event) in [
        (BadRequest, r#"{"event":"send_message","client_message_id":"7"}"#.to_owned()),
        (BadRequest, r#"{"event":"send_message","client_message_id":"7","message":null}"#.to_owned()),
        (BadRequest, r#"{"event":"sing","client_message_id":"7"}"#.to_owned()),
        (Empty, r#"{"event":"send_message","client_message_id":"7","message":" \n"}"#.to_owned()),
        (TooLong, format!(r#"{{"event":"send_message","client_message_id":"7","message":"{long}"}}"#)),
        (
            BadUsername,
            r#"{"event":"send_message","client_message_id":"7","message":"x","username":" "}"#.to_owned(),
        ),
    ] {
        assert_eq!(refused(&event), (code, Some("7".to_owned())), "{event}");
    }
    for event in [
        "",
        "7",
        "{}",
        r#"{"event":7}"#,
        r#"["typing"]"#,
        r#" ["send_message"]"#,
        r#"{"event":"join","username":7}"#,
        r#"{"event":"join","username":"Ana","guest_key":"short"}"#,
        r#"{"event":"join","username":"Ana","tab_key":"no spaces here, please"}"#,
        r#"{"event":"request_history"}"#,
        r#"{"event":"request_history","before":-1}"#,
        r#"{"event":"request_history","before":1e99}"#,
        r#"{"event":"send_message","message":"\ud800"}"#,
        r#"{"event":"send_message","message":"a","message":"b"}"#,
        r#"{"event":"send_message","message":"a","client_message_id":""}"#,
        r#"{"event":"send_message","message":"a","reply_to":-1}"#,
        r#"{"event":"send_message","message":"a","reply_to":"1"}"#,
        &deep,
    ] {
        assert_eq!(refused(event).0, BadRequest, "{event:.60}");
    }
}

#[test]
fn no_refusal_is_as_long_as_what_it_quotes() {
    for event in [
        format!(r#"{{"event":"request_history","before":"{}"}}"#, "ü".repeat(20_000)),
        format!(r#"{{"event":"{}"}}"#, "ü".repeat(20_000)),
    ] {
        let message = read(&event).expect_err("no event").message;
        assert!(message.chars().count() <= limits::REFUSAL_CHARACTERS + 30, "{message:.100}");
    }
}

#[test]
fn a_message_may_have_4000_characters_of_any_size() {
    let text = "🧊".repeat(limits::MESSAGE_CHARACTERS);
    let event = format!(r#"{{"event":"send_message","message":"{text}"}}"#);
    assert!(read(&event).is_ok() && event.len() <= limits::FRAME_BYTES);
    assert_eq!(refused(&event.replacen('🧊', "🧊🧊", 1)).0, ErrorCode::TooLong);
}

#[test]
fn a_history_has_a_limit() {
    for limit in [1, 50, limits::HISTORY_MESSAGES] {
        let event = format!(r#"{{"event":"request_history","before":9,"limit":{limit}}}"#);
        assert_eq!(read(&event), Ok(ClientEvent::RequestHistory { before: 9, limit }));
    }
    for limit in ["0", "201", "18446744073709551615"] {
        let event = format!(r#"{{"event":"request_history","before":9,"limit":{limit}}}"#);
        assert_eq!(refused(&event).0, ErrorCode::BadRequest);
    }
}

#[test]
fn a_history_is_of_what_is_before_a_place_or_of_some_messages() {
    let ids = |count: usize| {
        let ids: Vec<usize> = (1..=count).rev().collect();
        read(&format!(r#"{{"event":"request_history","ids":{ids:?}}}"#))
    };
    assert_eq!(ids(3), Ok(ClientEvent::RequestMessages(vec![1, 2, 3])), "in the log's order");
    assert!(ids(limits::HISTORY_IDS).is_ok());
    assert_eq!(ids(limits::HISTORY_IDS + 1).expect_err("too many").code, ErrorCode::BadRequest);
    let twice = r#"{"event":"request_history","ids":[7,7]}"#;
    assert_eq!(read(twice), Ok(ClientEvent::RequestMessages(vec![7])));
    for fields in [r#""ids":7"#, r#""ids":["7"]"#, r#""ids":[-1]"#, r#""ids":[7],"before":9"#] {
        assert_eq!(refused(&format!(r#"{{"event":"request_history",{fields}}}"#)).0, ErrorCode::BadRequest);
    }
}

#[test]
fn a_search_has_a_query_a_place_and_a_limit() {
    let query = || Query::parse("Ana B").expect("a query");
    let search = |before, limit| Ok(ClientEvent::Search { query: query(), before, limit });
    let event = r#"{"event":"search","query":"Ana B"}"#;
    assert_eq!(read(event), search(Position::MAX, limits::SEARCH_DEFAULT));
    let event = r#"{"event":"search","query":"Ana B","before":7,"limit":50}"#;
    assert_eq!(read(event), search(7, limits::SEARCH_MESSAGES));
    let long = format!(r#"{{"event":"search","query":"{}"}}"#, "x".repeat(limits::QUERY_CHARACTERS + 1));
    assert_eq!(refused(&long).0, ErrorCode::TooLong);
    for fields in [
        r#""q":"x""#,
        r#""query":7"#,
        r#""query":" ""#,
        r#""query":"x","limit":0"#,
        r#""query":"x","limit":51"#,
        r#""query":"x","limit":-1"#,
        r#""query":"x","limit":1e3"#,
        r#""query":"x","before":-1"#,
        r#""query":"x","before":"7""#,
        r#""query":"x","before":18446744073709551616"#,
    ] {
        let event = format!(r#"{{"event":"search",{fields}}}"#);
        assert_eq!(refused(&event).0, ErrorCode::BadRequest, "{event}");
    }
}

proptest! {
    #[test]
    fn decode_answers_whatever_comes(text in ".{0,200}") {
        let _ = read(&text);
        let _ = read(&format!(r#"{{"event":"send_message","message":"{text}"}}"#));
    }
}

/// The README is all that the author of another client has.
#[test]
fn the_readme_tells_of_every_event() {
    let (source, events) = (include_str!("../decode.rs"), include_str!("../event.rs"));
    let told = include_str!("../../../README.md");
    let asked = source
        .lines()
        .filter_map(|line| line.trim().strip_prefix('"')?.split_once("\" =>"))
        .map(|(name, _)| name);
    let sent = events.split_once("pub enum ServerEvent").expect("what is sent").1;
    let sent = sent.lines().take_while(|line| *line != "}").filter_map(|line| line.strip_prefix("    "));
    let sent = sent.filter(|line| line.starts_with(|c: char| c.is_ascii_uppercase()));
    let snake = |line: &str| {
        let name = line.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
        name.chars().enumerate().fold(String::new(), |mut snake, (at, c)| {
            if at > 0 && c.is_ascii_uppercase() {
                snake.push('_');
            }
            snake.push(c.to_ascii_lowercase());
            snake
        })
    };
    let names: Vec<String> = asked.map(str::to_owned).chain(sent.map(snake)).collect();
    assert!(names.len() > 20, "{names:?}");
    for name in names {
        assert!(told.contains(&format!("`{name}`")), "{name}");
    }
}
