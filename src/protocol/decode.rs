//! A client's text frame, read and checked as far as that needs no knowledge of the room.

use std::borrow::Cow;

use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::{ClientEvent, KeyHash, Moderate, Position, Reason, Refusal};
use crate::limits;
use crate::protocol::names::Name;
use crate::protocol::search::Query;
use crate::protocol::title;

/// The name that a connection has used last, and how it was written: the same text is the same name, and is not
/// normalised and folded again for each message.
#[derive(Debug, Default)]
pub struct LastName(Option<(Box<str>, Name)>);

impl LastName {
    fn read(&mut self, written: &str) -> Result<Name, Refusal> {
        match &self.0 {
            Some((last, name)) if **last == *written => Ok(name.clone()),
            _ => {
                let name = name(written)?;
                self.0 = Some((written.into(), name.clone()));
                Ok(name)
            }
        }
    }
}

/// Reads one text frame. `last_name` is the connection's own.
///
/// # Errors
/// The `error` event to answer with. It carries the frame's `client_message_id` wherever that could be read, so
/// that a sender knows which of its messages was refused.
pub fn decode(text: &str, last_name: &mut LastName) -> Result<ClientEvent, Refusal> {
    #[derive(Deserialize)]
    struct Kind<'a> {
        #[serde(borrow)]
        event: Cow<'a, str>,
    }
    // The fields of an object would also be taken from a list, by their places.
    if !text.trim_start_matches([' ', '\t', '\r', '\n']).starts_with('{') {
        return Err(Reason::EventNotAnObject.into());
    }
    // Nearly every frame says something: such a one is read once, any other twice.
    if let Ok(fields) = serde_json::from_str::<SendMessage>(text)
        && fields.event == SEND_MESSAGE
    {
        return check_send_message(fields, last_name);
    }
    let kind: Kind = parse(text)?;
    match &*kind.event {
        SEND_MESSAGE => check_send_message(parse(text)?, last_name),
        "join" => decode_join(text),
        "typing" => Ok(ClientEvent::Typing),
        "request_history" => decode_request_history(text),
        "search" => decode_search(text),
        "delete_message" => decode_delete_message(text),
        "moderate" => decode_moderate(text).map(ClientEvent::Moderate),
        other => {
            let unknown = Reason::EventUnknown { event: quoted(other) };
            Err(Refusal::from(unknown).of(client_message_id_of(text)))
        }
    }
}

const SEND_MESSAGE: &str = "send_message";

#[derive(Deserialize)]
struct SendMessage<'a> {
    #[serde(borrow)]
    event: Cow<'a, str>,
    message: String,
    client_message_id: Option<String>,
    #[serde(borrow)]
    username: Option<Borrowed<'a>>,
}

/// A text that is copied only where it has escapes. Without a type of its own, serde copies what is optional.
#[derive(Deserialize)]
struct Borrowed<'a>(#[serde(borrow)] Cow<'a, str>);

/// Whether a text has more scalar values than it may. Bytes first: only one that could have is counted.
fn is_longer(text: &str, characters: usize) -> bool {
    text.len() > characters && text.chars().count() > characters
}

fn check_send_message(fields: SendMessage, last_name: &mut LastName) -> Result<ClientEvent, Refusal> {
    let id = fields.client_message_id;
    if id.as_ref().is_some_and(|id| id.is_empty() || is_longer(id, limits::CLIENT_MESSAGE_ID_CHARACTERS)) {
        return Err(Reason::MessageIdLength { limit: limits::CLIENT_MESSAGE_ID_CHARACTERS }.into());
    }
    if is_longer(&fields.message, limits::MESSAGE_CHARACTERS) {
        return Err(Refusal::from(Reason::MessageTooLong { limit: limits::MESSAGE_CHARACTERS }).of(id));
    }
    if fields.message.chars().all(char::is_whitespace) {
        return Err(Refusal::from(Reason::MessageEmpty).of(id));
    }
    match fields.username.map(|name| last_name.read(&name.0)).transpose() {
        Ok(username) => {
            Ok(ClientEvent::SendMessage { message: fields.message, client_message_id: id, username })
        }
        Err(refusal) => Err(refusal.of(id)),
    }
}

fn decode_join(text: &str) -> Result<ClientEvent, Refusal> {
    #[derive(Deserialize)]
    struct Fields {
        username: Option<String>,
        guest_key: Option<String>,
        tab_key: Option<String>,
    }
    let fields: Fields = parse(text)?;
    let key = |field, key: Option<String>| key.map(|key| hash_key(field, &key)).transpose();
    Ok(ClientEvent::Join {
        username: fields.username.as_deref().map(name).transpose()?,
        guest_key: key("guest_key", fields.guest_key)?,
        tab_key: key("tab_key", fields.tab_key)?,
    })
}

fn decode_request_history(text: &str) -> Result<ClientEvent, Refusal> {
    #[derive(Deserialize)]
    struct Fields {
        before: Position,
        limit: Option<u64>,
    }
    let Fields { before, limit } = parse(text)?;
    let limit = check_limit(limit, limits::HISTORY_DEFAULT, limits::HISTORY_MESSAGES, "history")?;
    Ok(ClientEvent::RequestHistory { before, limit })
}

fn decode_search(text: &str) -> Result<ClientEvent, Refusal> {
    #[derive(Deserialize)]
    struct Fields {
        query: String,
        before: Option<Position>,
        limit: Option<u64>,
    }
    let Fields { query, before, limit } = parse(text)?;
    let query = Query::parse(&query)?;
    let limit = check_limit(limit, limits::SEARCH_DEFAULT, limits::SEARCH_MESSAGES, "search")?;
    Ok(ClientEvent::Search { query, before: before.unwrap_or(Position::MAX), limit })
}

fn decode_delete_message(text: &str) -> Result<ClientEvent, Refusal> {
    #[derive(Deserialize)]
    struct Fields {
        message_id: Position,
    }
    let Fields { message_id } = parse(text)?;
    Ok(ClientEvent::DeleteMessage { message_id })
}

fn decode_moderate(text: &str) -> Result<Moderate, Refusal> {
    #[derive(Deserialize)]
    struct Fields {
        action: String,
        username: Option<String>,
        seconds: Option<u32>,
        minutes: Option<u32>,
        title: Option<String>,
        keep_device_out: Option<bool>,
        message_id: Option<Position>,
    }
    let Fields { action, username, seconds, minutes, title, keep_device_out, message_id } = parse(text)?;
    let name = || {
        let needed = || Refusal::from(Reason::ActionNeedsUsername { action: action.clone() });
        username.as_deref().ok_or_else(needed).and_then(name)
    };
    Ok(match &*action {
        "lock" => Moderate::Lock,
        "unlock" => Moderate::Unlock,
        "close_door" => Moderate::CloseDoor,
        "open_door" => Moderate::OpenDoor,
        "fix_names" => Moderate::FixNames,
        "free_names" => Moderate::FreeNames,
        "slow_mode" => {
            let seconds = seconds.filter(|seconds| *seconds <= limits::SLOW_MODE_SECONDS);
            Moderate::SlowMode(
                seconds.ok_or(Reason::SlowModeOutOfRange { limit: limits::SLOW_MODE_SECONDS })?,
            )
        }
        "mute" => Moderate::Mute { name: name()?, message_id },
        "unmute" => Moderate::Unmute(name()?),
        "remove" => {
            Moderate::Remove { name: name()?, message_id, keep_device_out: keep_device_out.unwrap_or(false) }
        }
        "allow" => Moderate::Allow(name()?),
        "delete_recent" => {
            let limit = limits::DELETE_RECENT_MINUTES;
            let minutes = minutes.filter(|minutes| (1..=limit).contains(minutes));
            let minutes = minutes.ok_or(Reason::MinutesOutOfRange { limit })?;
            Moderate::DeleteRecent { name: name()?, minutes, message_id }
        }
        "issue_reset" => Moderate::IssueReset(name()?),
        "free_name" => Moderate::FreeName(name()?),
        "new_invite" => Moderate::NewInvite,
        "set_title" => {
            let title = title.as_deref().and_then(title::parse);
            Moderate::SetTitle(title.ok_or(Reason::TitleInvalid { limit: limits::TITLE_CHARACTERS })?)
        }
        "clear" => Moderate::Clear,
        other => return Err(Reason::ActionUnknown { action: quoted(other) }.into()),
    })
}

/// The beginning of something unknown, on one line.
fn quoted(unknown: &str) -> String {
    unknown.chars().take(40).collect::<String>().escape_debug().to_string()
}

fn name(text: &str) -> Result<Name, Refusal> {
    Ok(Name::parse(text)?)
}

fn check_limit(given: Option<u64>, default: usize, most: usize, of: &str) -> Result<usize, Refusal> {
    let limit = given.map_or(Some(default), |given| usize::try_from(given).ok());
    let expected = || Reason::LimitOutOfRange { of: of.to_owned(), limit: most };
    Ok(limit.filter(|limit| (1..=most).contains(limit)).ok_or_else(expected)?)
}

/// The hash of a browser's key, if it has the form of one.
///
/// # Errors
/// `bad_request`, naming the field.
pub(crate) fn hash_key(field: &str, key: &str) -> Result<KeyHash, Reason> {
    let url_safe = key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    if !url_safe || !limits::KEY_CHARACTERS.contains(&key.len()) {
        let (least, limit) = limits::KEY_CHARACTERS.into_inner();
        return Err(Reason::KeyInvalid { field: field.to_owned(), least, limit });
    }
    Ok(Sha256::digest(key.as_bytes()).into())
}

fn parse<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, Refusal> {
    serde_json::from_str(text).map_err(|error| {
        // It quotes what it did not expect, whole.
        let error = error.to_string();
        let end = error.char_indices().nth(limits::REFUSAL_CHARACTERS).map_or(error.len(), |(end, _)| end);
        let invalid = Reason::EventInvalid { error: error[..end].to_owned() };
        Refusal::from(invalid).of(client_message_id_of(text))
    })
}

/// The id in a frame that could not be taken: the slow way, since the frame may be anything.
fn client_message_id_of(text: &str) -> Option<String> {
    let value: serde_json::Value = serde_json::from_str(text).ok()?;
    let id = value.get("client_message_id")?.as_str()?;
    (!id.is_empty() && id.chars().nth(limits::CLIENT_MESSAGE_ID_CHARACTERS).is_none()).then(|| id.to_owned())
}

#[cfg(test)]
mod tests {
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
        let event =
            r#"{"x":[{}],"event":"send_message","message":"hi","client_message_id":"7","limit":"no"}"#;
        let message = ClientEvent::SendMessage {
            message: "hi".into(),
            client_message_id: Some("7".into()),
            username: None,
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
}
