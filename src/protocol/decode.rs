//! A client's text frame, read and checked as far as that needs no knowledge of the room.

use std::borrow::Cow;

use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::hand::{self, Lowered};
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
        "delete_message" => Ok(ClientEvent::DeleteMessage { message_id: message_id(text)? }),
        "raise_hand" => decode_raise_hand(text),
        "lower_hand" => decode_lower_hand(text),
        "react" => decode_react(text),
        "who_reacted" => message_id(text).map(ClientEvent::WhoReacted),
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
    reply_to: Option<Position>,
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
            let (message, reply_to) = (fields.message, fields.reply_to);
            Ok(ClientEvent::SendMessage { message, client_message_id: id, username, reply_to })
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
        before: Option<Position>,
        ids: Option<Vec<Position>>,
        limit: Option<u64>,
    }
    let Fields { before, ids, limit } = parse(text)?;
    let before = match (before, ids) {
        (Some(before), None) => before,
        (None, Some(mut ids)) if ids.len() <= limits::HISTORY_IDS => {
            ids.sort_unstable();
            ids.dedup();
            return Ok(ClientEvent::RequestMessages(ids));
        }
        _ => return Err(invalid(format!("it has `before`, or at most {} `ids`", limits::HISTORY_IDS))),
    };
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

/// An event that is about a message, and says nothing else.
fn message_id(text: &str) -> Result<Position, Refusal> {
    #[derive(Deserialize)]
    struct Fields {
        message_id: Position,
    }
    parse(text).map(|Fields { message_id }| message_id)
}

fn decode_raise_hand(text: &str) -> Result<ClientEvent, Refusal> {
    #[derive(Deserialize)]
    struct Fields {
        question: Option<String>,
    }
    let Fields { question } = parse(text)?;
    Ok(ClientEvent::RaiseHand { question: hand::question(&question.unwrap_or_default())? })
}

fn decode_lower_hand(text: &str) -> Result<ClientEvent, Refusal> {
    #[derive(Deserialize)]
    struct Fields {
        username: Option<String>,
        all: Option<bool>,
    }
    let Fields { username, all } = parse(text)?;
    Ok(ClientEvent::LowerHand(match username {
        _ if all == Some(true) => Lowered::All,
        Some(username) => Lowered::Named(name(&username)?),
        None => Lowered::Own,
    }))
}

fn decode_react(text: &str) -> Result<ClientEvent, Refusal> {
    #[derive(Deserialize)]
    struct Fields {
        message_id: Position,
        reaction: String,
        on: bool,
    }
    let Fields { message_id, reaction, on } = parse(text)?;
    match reaction.len() <= limits::SIGN_BYTES {
        true => Ok(ClientEvent::React { message_id, reaction, on }),
        false => Err(no_sign(&reaction).of_reaction(message_id, &reaction)),
    }
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
        "pin" => Moderate::Pin(message_id.ok_or_else(|| invalid("'pin' needs a `message_id`".to_owned()))?),
        "unpin" => Moderate::Unpin,
        "clear" => Moderate::Clear,
        other => return Err(Reason::ActionUnknown { action: quoted(other) }.into()),
    })
}

/// An event that has its form, and is none all the same.
fn invalid(error: String) -> Refusal {
    Reason::EventInvalid { error }.into()
}

/// A reaction that is none of the room's signs.
pub(crate) fn no_sign(reaction: &str) -> Refusal {
    invalid(format!("'{}' is no reaction of this room's", quoted(reaction)))
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
mod tests;
