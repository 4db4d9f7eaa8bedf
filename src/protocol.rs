//! The wire protocol: what a client may say, what the server says, and both as WebSocket text frames.
//!
//! One JSON object a frame, its kind in `event`. Pure: no I/O, no state. [`decode`] turns a frame's text into a
//! [`ClientEvent`] whose fields already keep every rule that needs no knowledge of the room; [`encode`] turns a
//! [`ServerEvent`] into a frame that is ready to be written to any number of sockets.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tungstenite::protocol::frame::coding::{Data, OpCode};
use tungstenite::protocol::frame::{Frame, FrameHeader};

use crate::config;
use crate::limits;
use crate::names::Name;
use crate::search::{Query, QueryError};

/// A place in the log: each change of it takes the next one, from 1 on. 0 is before the first.
pub type Position = u64;

/// SHA-256 of a `guest_key` or `tab_key`: the keys themselves are kept nowhere.
pub type KeyHash = [u8; 32];

/// What a person is in the room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Came with a name only.
    Guest,
    /// Has an account.
    Member,
    /// Runs the room.
    Host,
}

/// Why the server says no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// Not an event of this protocol, or a field of it is missing, of a wrong type or out of range.
    BadRequest,
    /// The message has more than [`limits::MESSAGE_CHARACTERS`].
    TooLong,
    /// The message has nothing to read in it.
    Empty,
    /// Somebody else has this name, or one that looks like it.
    NameTaken,
    /// The name breaks a rule of [`crate::names`].
    BadUsername,
    /// Only who has a name may do this.
    NameRequired,
    /// Only who has an account may read here.
    LoginRequired,
    /// Faster than the pace: told, not refused.
    RateLimited,
    /// The disk did not take the message: nobody was shown it.
    NotSaved,
    /// Only a host may do this.
    NotHost,
    /// There is no such message, person or account.
    NotFound,
    /// Only hosts may write at the moment.
    Locked,
    /// Nobody new gets a name at the moment.
    DoorClosed,
    /// A host has muted this person.
    Muted,
    /// This person has written less than slow mode's pause ago.
    SlowMode,
}

/// What one client asks of the room.
#[derive(Debug, PartialEq, Eq)]
pub enum ClientEvent {
    /// Takes a name, or another one.
    Join {
        /// The name to take. Who is logged in has one already.
        username: Option<Name>,
        /// Proves that a guest's names are theirs.
        guest_key: Option<KeyHash>,
        /// The scope of `client_message_id`.
        tab_key: Option<KeyHash>,
    },
    /// Says something.
    SendMessage {
        /// 1 to [`limits::MESSAGE_CHARACTERS`] scalar values.
        message: String,
        /// The sender's own id of it; a second message with the same is a retry.
        client_message_id: Option<String>,
        /// Joins with this name first, where it is not the connection's.
        username: Option<Name>,
    },
    /// Is writing.
    Typing,
    /// Takes back a message of its own.
    DeleteMessage {
        /// The message's position.
        message_id: Position,
    },
    /// Runs the room.
    Moderate(Moderate),
    /// Wants what came before a position.
    RequestHistory {
        /// Messages below this position.
        before: Position,
        /// At most so many, 1 to [`limits::HISTORY_MESSAGES`].
        limit: usize,
    },
    /// Looks for messages.
    Search {
        /// What they have to have.
        query: Query,
        /// Among those below this position.
        before: Position,
        /// At most so many, 1 to [`limits::SEARCH_MESSAGES`].
        limit: usize,
    },
}

/// What a host wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Moderate {
    /// Only hosts may write.
    Lock,
    /// Everybody may.
    Unlock,
    /// Nobody new gets a name.
    CloseDoor,
    /// Everybody does.
    OpenDoor,
    /// So many seconds between two messages of one person, at most [`limits::SLOW_MODE_SECONDS`]; 0 for none.
    SlowMode(u32),
    /// This person may not write.
    Mute(Name),
    /// They may.
    Unmute(Name),
    /// This person may not be here.
    Remove {
        /// Their name.
        name: Name,
        /// Nor anybody else from their address.
        keep_device_out: bool,
    },
    /// They may come back.
    Allow(Name),
    /// The owner of the account with this name needs a new password.
    IssueReset(Name),
    /// The room's title.
    SetTitle(String),
    /// Everything that was said goes.
    Clear,
}

/// What a host did, as the host's panel shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HostAction {
    /// When, in milliseconds since 1970, UTC.
    pub at: i64,
    /// The host's name in the room.
    pub host: std::sync::Arc<str>,
    /// What it was, as in `moderate`; or `delete`.
    pub action: Cow<'static, str>,
    /// Whom it was about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<std::sync::Arc<str>>,
    /// What else there is to say of it, such as the new title.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// Somebody who waits for a host to issue a reset link.
#[derive(Debug, Clone, Serialize)]
pub struct WireResetRequest<'a> {
    /// The account's name.
    pub username: &'a str,
    /// When they asked, in milliseconds since 1970, UTC.
    pub at: i64,
}

/// An `error` event: what was refused and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// For programs.
    pub code: ErrorCode,
    /// A sentence for people.
    pub message: Cow<'static, str>,
    /// The message that was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_message_id: Option<String>,
    /// When to try again, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    /// A name that is free.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suggestion: Option<String>,
}

impl Refusal {
    /// A refusal with a reason and nothing else.
    pub fn new(code: ErrorCode, message: impl Into<Cow<'static, str>>) -> Refusal {
        Refusal {
            code,
            message: message.into(),
            client_message_id: None,
            retry_after_ms: None,
            suggestion: None,
        }
    }

    /// The same, of the message with this id.
    #[must_use]
    pub fn of(self, client_message_id: Option<String>) -> Refusal {
        Refusal { client_message_id, ..self }
    }
}

/// A chat message as the wire has it, in `receive_message` and in `history`.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Message<'a> {
    /// Its position.
    pub id: Position,
    /// Milliseconds since 1970, UTC.
    pub at: i64,
    /// Who said it.
    pub username: &'a str,
    /// What they were then.
    pub role: Role,
    /// What they said.
    pub message: &'a str,
    /// The sender's own id of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_message_id: Option<&'a str>,
    /// True, with an empty text, in the answer to a retry of what was deleted since.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub deleted: bool,
}

/// A person as `presence` lists them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Person {
    /// The name as its owner writes it.
    pub username: std::sync::Arc<str>,
    /// What they are.
    pub role: Role,
}

/// Who a login cookie belongs to.
#[derive(Debug, Clone, Serialize)]
pub struct Session<'a> {
    /// The account's name; none where a host has come without an account.
    pub username: Option<&'a str>,
    /// Member or host.
    pub role: Role,
}

/// The bounds a page needs to know.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct WireLimits {
    message_characters: usize,
    username_characters: usize,
}

/// The bounds of this server.
pub const WIRE_LIMITS: WireLimits = WireLimits {
    message_characters: limits::MESSAGE_CHARACTERS,
    username_characters: limits::NAME_CHARACTERS,
};

/// What the server says.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum ServerEvent<'a> {
    /// The first event of every connection.
    Welcome {
        /// Names this log: positions of another are not ours.
        epoch: &'a str,
        /// The newest position now: what comes with an id up to it is backfill.
        position: Position,
        /// Drop what you show.
        reset: bool,
        /// There are older messages than those that follow.
        more: bool,
        /// Who the cookie belongs to.
        session: Option<Session<'a>>,
        /// The bounds of this server.
        limits: WireLimits,
    },
    /// The answer to `join`.
    Joined {
        /// The name as the room shows it.
        username: &'a str,
        /// What its owner is.
        role: Role,
        /// May not write.
        muted: bool,
    },
    /// Somebody said something.
    ReceiveMessage(Message<'a>),
    /// A message was taken back.
    MessageDeleted {
        /// The deletion's own position.
        id: Position,
        /// What was deleted.
        message_id: Position,
    },
    /// The answer to `request_history`.
    History {
        /// Oldest first.
        messages: &'a [Message<'a>],
        /// There are older ones.
        more: bool,
    },
    /// The answer to `search`.
    Results {
        /// As it was asked.
        query: &'a str,
        /// Newest first.
        messages: &'a [Message<'a>],
        /// There are older messages that were not looked at.
        more: bool,
        /// The `before` to go on with, where there are.
        #[serde(skip_serializing_if = "Option::is_none")]
        next: Option<Position>,
    },
    /// Who is here: whole with `users`, else what changed.
    Presence {
        /// Persons in all.
        online: usize,
        /// Everybody.
        #[serde(skip_serializing_if = "Option::is_none")]
        users: Option<&'a [Person]>,
        /// Who came.
        #[serde(skip_serializing_if = "<[_]>::is_empty")]
        joined: &'a [Person],
        /// Who went.
        #[serde(skip_serializing_if = "<[_]>::is_empty")]
        left: &'a [std::sync::Arc<str>],
    },
    /// Who is writing.
    Typing {
        /// At most [`limits::TYPING_NAMES`].
        usernames: &'a [&'a str],
        /// How many more.
        others: usize,
    },
    /// What holds for everybody.
    Room {
        /// The room's title.
        title: &'a str,
        /// Only hosts may write.
        locked: bool,
        /// Nobody new gets a name.
        door_closed: bool,
        /// Seconds between two messages of one person, 0 for none.
        slow_mode_seconds: u32,
        /// Reading needs an account.
        members_only: bool,
    },
    /// What hosts need to know, for them alone.
    Moderation {
        /// Who may not write, by name.
        muted: &'a [std::sync::Arc<str>],
        /// Who may not be here, by name.
        removed: &'a [std::sync::Arc<str>],
        /// Who forgot their password, the newest first.
        reset_requests: &'a [WireResetRequest<'a>],
        /// What signing up needs; null where anybody may.
        invite_code: Option<&'a str>,
        /// What hosts did, the newest first, at most [`limits::HOST_ACTIONS_SHOWN`].
        actions: &'a std::collections::VecDeque<HostAction>,
    },
    /// A link under which somebody chooses a new password, for the host who asked.
    ResetIssued {
        /// The account's name.
        username: &'a str,
        /// The link.
        link: &'a str,
        /// When it ends, in milliseconds since 1970, UTC.
        expires_at: i64,
        /// The link as a QR code.
        qr_svg: &'a str,
    },
    /// Something was refused.
    Error(&'a Refusal),
}

/// Why a connection ends, as its close code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloseCode {
    /// The server stops.
    Stopping = 1001,
    /// Broken framing.
    Protocol = 1002,
    /// A binary frame.
    Unsupported = 1003,
    /// Text that is not UTF-8.
    Invalid = 1007,
    /// A frame above [`limits::FRAME_BYTES`].
    TooBig = 1009,
    /// The room is full, or this address has too many connections.
    Full = 1013,
    /// Only who is logged in may be here; or was, until now.
    SessionEnded = 4401,
    /// A host has removed this person.
    Removed = 4403,
    /// Does not read what it is sent; it may resume from its position.
    TooSlow = 4408,
}

impl CloseCode {
    /// The sentence that goes with the code.
    pub fn reason(self) -> &'static str {
        match self {
            CloseCode::Stopping => "the server stops",
            CloseCode::Protocol => "broken WebSocket framing",
            CloseCode::Unsupported => "text frames only",
            CloseCode::Invalid => "text must be UTF-8",
            CloseCode::TooBig => "a frame may have 64 KiB",
            CloseCode::Full => "too many connections, try again later",
            CloseCode::SessionEnded => "log in",
            CloseCode::Removed => "removed by the host",
            CloseCode::TooSlow => "too slow, resume from your position",
        }
    }
}

/// Reads one text frame.
///
/// # Errors
/// The `error` event to answer with. It carries the frame's `client_message_id` wherever that could be read, so
/// that a sender knows which of its messages was refused.
pub fn decode(text: &str) -> Result<ClientEvent, Refusal> {
    #[derive(Deserialize)]
    struct Kind<'a> {
        #[serde(borrow)]
        event: Cow<'a, str>,
    }
    // The fields of an object would also be taken from a list, by their places.
    if !text.trim_start_matches([' ', '\t', '\r', '\n']).starts_with('{') {
        return Err(Refusal::new(ErrorCode::BadRequest, "Not a valid event: it must be a JSON object."));
    }
    // Nearly every frame says something: such a one is read once, any other twice.
    if let Ok(fields) = serde_json::from_str::<SendMessage>(text)
        && fields.event == SEND_MESSAGE
    {
        return check_send_message(fields);
    }
    let kind: Kind = parse(text)?;
    match &*kind.event {
        SEND_MESSAGE => check_send_message(parse(text)?),
        "join" => decode_join(text),
        "typing" => Ok(ClientEvent::Typing),
        "request_history" => decode_request_history(text),
        "search" => decode_search(text),
        "delete_message" => decode_delete_message(text),
        "moderate" => decode_moderate(text).map(ClientEvent::Moderate),
        other => {
            let known: String = other.chars().take(40).collect();
            let reason = format!("There is no event '{}' here.", known.escape_debug());
            Err(Refusal::new(ErrorCode::BadRequest, reason).of(client_message_id_of(text)))
        }
    }
}

const SEND_MESSAGE: &str = "send_message";

#[derive(Deserialize)]
struct SendMessage<'a> {
    #[serde(borrow)]
    event: Cow<'a, str>,
    message: String,
    #[serde(default)]
    client_message_id: Option<String>,
    #[serde(borrow, default)]
    username: Option<Cow<'a, str>>,
}

/// Whether a text has more scalar values than it may. Bytes first: only one that could have is counted.
fn is_longer(text: &str, characters: usize) -> bool {
    text.len() > characters && text.chars().count() > characters
}

fn check_send_message(fields: SendMessage) -> Result<ClientEvent, Refusal> {
    let id = fields.client_message_id;
    if id.as_ref().is_some_and(|id| id.is_empty() || is_longer(id, limits::CLIENT_MESSAGE_ID_CHARACTERS)) {
        return Err(Refusal::new(ErrorCode::BadRequest, "A client_message_id has 1 to 64 characters."));
    }
    if is_longer(&fields.message, limits::MESSAGE_CHARACTERS) {
        let reason = format!("A message may have {} characters.", limits::MESSAGE_CHARACTERS);
        return Err(Refusal::new(ErrorCode::TooLong, reason).of(id));
    }
    if fields.message.chars().all(char::is_whitespace) {
        return Err(Refusal::new(ErrorCode::Empty, "The message is empty.").of(id));
    }
    let username = match fields.username.map(|name| Name::parse(&name)).transpose() {
        Ok(username) => username,
        Err(error) => return Err(Refusal::new(ErrorCode::BadUsername, error.to_string()).of(id)),
    };
    Ok(ClientEvent::SendMessage { message: fields.message, client_message_id: id, username })
}

fn decode_join(text: &str) -> Result<ClientEvent, Refusal> {
    #[derive(Deserialize)]
    struct Fields<'a> {
        #[serde(borrow, default)]
        username: Option<Cow<'a, str>>,
        #[serde(borrow, default)]
        guest_key: Option<Cow<'a, str>>,
        #[serde(borrow, default)]
        tab_key: Option<Cow<'a, str>>,
    }
    let fields: Fields = parse(text)?;
    let username = fields.username.map(|name| Name::parse(&name)).transpose();
    Ok(ClientEvent::Join {
        username: username.map_err(|error| Refusal::new(ErrorCode::BadUsername, error.to_string()))?,
        guest_key: fields.guest_key.map(|key| hash_key("guest_key", &key)).transpose()?,
        tab_key: fields.tab_key.map(|key| hash_key("tab_key", &key)).transpose()?,
    })
}

fn decode_request_history(text: &str) -> Result<ClientEvent, Refusal> {
    #[derive(Deserialize)]
    struct Fields {
        before: Position,
        #[serde(default)]
        limit: Option<u64>,
    }
    let fields: Fields = parse(text)?;
    let limit = fields.limit.unwrap_or(limits::HISTORY_DEFAULT as u64);
    match usize::try_from(limit) {
        Ok(limit @ 1..=limits::HISTORY_MESSAGES) => {
            Ok(ClientEvent::RequestHistory { before: fields.before, limit })
        }
        _ => {
            let reason = format!("The limit of a history is 1 to {}.", limits::HISTORY_MESSAGES);
            Err(Refusal::new(ErrorCode::BadRequest, reason))
        }
    }
}

fn decode_search(text: &str) -> Result<ClientEvent, Refusal> {
    #[derive(Deserialize)]
    struct Fields<'a> {
        #[serde(borrow)]
        query: Cow<'a, str>,
        #[serde(default)]
        before: Option<Position>,
        #[serde(default)]
        limit: Option<u64>,
    }
    let fields: Fields = parse(text)?;
    let query = Query::parse(&fields.query).map_err(|error| {
        let code = match error {
            QueryError::Empty => ErrorCode::BadRequest,
            QueryError::TooLong => ErrorCode::TooLong,
        };
        Refusal::new(code, error.to_string())
    })?;
    match usize::try_from(fields.limit.unwrap_or(limits::SEARCH_DEFAULT as u64)) {
        Ok(limit @ 1..=limits::SEARCH_MESSAGES) => {
            Ok(ClientEvent::Search { query, before: fields.before.unwrap_or(Position::MAX), limit })
        }
        _ => {
            let reason = format!("The limit of a search is 1 to {}.", limits::SEARCH_MESSAGES);
            Err(Refusal::new(ErrorCode::BadRequest, reason))
        }
    }
}

fn decode_delete_message(text: &str) -> Result<ClientEvent, Refusal> {
    #[derive(Deserialize)]
    struct Fields {
        message_id: Position,
    }
    let fields: Fields = parse(text)?;
    Ok(ClientEvent::DeleteMessage { message_id: fields.message_id })
}

fn decode_moderate(text: &str) -> Result<Moderate, Refusal> {
    #[derive(Deserialize)]
    struct Fields<'a> {
        #[serde(borrow)]
        action: Cow<'a, str>,
        #[serde(borrow, default)]
        username: Option<Cow<'a, str>>,
        #[serde(default)]
        seconds: Option<u32>,
        #[serde(borrow, default)]
        title: Option<Cow<'a, str>>,
        #[serde(default)]
        keep_device_out: Option<bool>,
    }
    let fields: Fields = parse(text)?;
    let bad = |reason: String| Refusal::new(ErrorCode::BadRequest, reason);
    let name = || {
        let username = fields.username.as_deref();
        let username =
            username.ok_or_else(|| bad(format!("'{}' needs a `username`.", fields.action.escape_debug())))?;
        Name::parse(username).map_err(|error| Refusal::new(ErrorCode::BadUsername, error.to_string()))
    };
    Ok(match &*fields.action {
        "lock" => Moderate::Lock,
        "unlock" => Moderate::Unlock,
        "close_door" => Moderate::CloseDoor,
        "open_door" => Moderate::OpenDoor,
        "slow_mode" => {
            let seconds = fields.seconds.filter(|seconds| *seconds <= limits::SLOW_MODE_SECONDS);
            let expected = format!("'slow_mode' needs `seconds`, 0 to {}.", limits::SLOW_MODE_SECONDS);
            Moderate::SlowMode(seconds.ok_or_else(|| bad(expected))?)
        }
        "mute" => Moderate::Mute(name()?),
        "unmute" => Moderate::Unmute(name()?),
        "remove" => {
            Moderate::Remove { name: name()?, keep_device_out: fields.keep_device_out.unwrap_or(false) }
        }
        "allow" => Moderate::Allow(name()?),
        "issue_reset" => Moderate::IssueReset(name()?),
        "set_title" => {
            let title = fields.title.as_deref().and_then(config::title);
            let expected = format!(
                "'set_title' needs a `title` of 1 to {} characters in one line.",
                limits::TITLE_CHARACTERS
            );
            Moderate::SetTitle(title.ok_or_else(|| bad(expected))?)
        }
        "clear" => Moderate::Clear,
        other => {
            let known: String = other.chars().take(40).collect();
            return Err(bad(format!("There is no action '{}' here.", known.escape_debug())));
        }
    })
}

/// The hash of a browser's key, if it has the form of one.
///
/// # Errors
/// `bad_request`, naming the field.
pub fn hash_key(field: &str, key: &str) -> Result<KeyHash, Refusal> {
    let url_safe = key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    if !url_safe || !limits::KEY_CHARACTERS.contains(&key.len()) {
        let reason = format!("A {field} has 16 to 64 characters of A-Z, a-z, 0-9, '-' and '_'.");
        return Err(Refusal::new(ErrorCode::BadRequest, reason));
    }
    Ok(Sha256::digest(key.as_bytes()).into())
}

fn parse<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, Refusal> {
    serde_json::from_str(text).map_err(|error| {
        // It quotes what it did not expect, whole.
        let error = error.to_string();
        let end = error.char_indices().nth(limits::REFUSAL_CHARACTERS).map_or(error.len(), |(end, _)| end);
        let reason = format!("Not a valid event: {}.", &error[..end]);
        Refusal::new(ErrorCode::BadRequest, reason).of(client_message_id_of(text))
    })
}

/// The id in a frame that could not be taken: the slow way, since the frame may be anything.
fn client_message_id_of(text: &str) -> Option<String> {
    let value: serde_json::Value = serde_json::from_str(text).ok()?;
    let id = value.get("client_message_id")?.as_str()?;
    (!id.is_empty() && id.chars().nth(limits::CLIENT_MESSAGE_ID_CHARACTERS).is_none()).then(|| id.to_owned())
}

/// Room for the header of a frame up to 64 KiB, which is nearly every one: written around, not moved.
const HEADER_BYTES: usize = 4;
/// The header of a frame of any length that a server sends, which masks nothing.
const LONGEST_HEADER_BYTES: usize = 10;

/// Appends an event to `out` as one finished text frame.
pub fn encode(event: &ServerEvent, out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(&[0; HEADER_BYTES]);
    match event {
        ServerEvent::ReceiveMessage(message) => write_message(message, out),
        other => write_json(other, out),
    }
    let length = out.len() - start - HEADER_BYTES;
    let header = FrameHeader { opcode: OpCode::Data(Data::Text), ..FrameHeader::default() };
    let mut bytes = [0; LONGEST_HEADER_BYTES];
    header.format(length as u64, &mut &mut bytes[..]).expect("the longest header fits");
    let header = &bytes[..header.len(length as u64)];
    match out.get_mut(start..start + HEADER_BYTES) {
        Some(place) if place.len() == header.len() => place.copy_from_slice(header),
        _ => drop(out.splice(start..start + HEADER_BYTES, header.iter().copied())),
    }
}

fn write_json(value: &impl Serialize, out: &mut Vec<u8>) {
    serde_json::to_writer(out, value).expect("strings and numbers serialise, and a Vec takes every byte");
}

/// What [`write_json`] makes of a `receive_message`, in a third of the time: it is what the server says most.
fn write_message(message: &Message, out: &mut Vec<u8>) {
    out.extend_from_slice(br#"{"event":"receive_message","id":"#);
    write_json(&message.id, out);
    out.extend_from_slice(br#","at":"#);
    write_json(&message.at, out);
    out.extend_from_slice(br#","username":"#);
    write_text(message.username, out);
    out.extend_from_slice(br#","role":"#);
    write_json(&message.role, out);
    out.extend_from_slice(br#","message":"#);
    write_text(message.message, out);
    if let Some(id) = message.client_message_id {
        out.extend_from_slice(br#","client_message_id":"#);
        write_text(id, out);
    }
    if message.deleted {
        out.extend_from_slice(br#","deleted":true"#);
    }
    out.push(b'}');
}

/// A string, copied at once where nothing in it has to be escaped.
fn write_text(text: &str, out: &mut Vec<u8>) {
    if escaped_bytes(text) == text.len() {
        out.push(b'"');
        out.extend_from_slice(text.as_bytes());
        out.push(b'"');
    } else {
        write_json(&text, out);
    }
}

/// Bytes that a text takes at most between the quotes of a JSON string: a control character takes six, a quote or
/// backslash two, anything else what it is. Sums over all bytes, which the compiler does many bytes at a time.
fn escaped_bytes(text: &str) -> usize {
    text.len() + 5 * count(text, |byte| byte < 0x20) + count(text, |byte| byte == b'"' || byte == b'\\')
}

fn count(text: &str, is_it: impl Fn(u8) -> bool) -> usize {
    // In pieces whose count fits a byte.
    let pieces = text.as_bytes().chunks(usize::from(u8::MAX));
    pieces.map(|piece| usize::from(piece.iter().map(|byte| u8::from(is_it(*byte))).sum::<u8>())).sum()
}

/// Bytes that [`encode`] makes at most of a message whose text, name and id are given.
pub fn encoded_bytes(text: &str, username: &str, client_message_id: Option<&str>) -> usize {
    /// Braces, field names, two 20-digit numbers, the role, the header.
    const FIXED: usize = 192;
    FIXED + escaped_bytes(text) + escaped_bytes(username) + client_message_id.map_or(0, escaped_bytes)
}

/// A close frame.
pub fn encode_close(code: CloseCode) -> Vec<u8> {
    let frame = Frame::close(Some(tungstenite::protocol::CloseFrame {
        code: (code as u16).into(),
        reason: code.reason().into(),
    }));
    let mut out = Vec::with_capacity(frame.len());
    frame.format(&mut out).expect("a Vec takes every byte");
    out
}

/// A ping frame with nothing in it: final, opcode 9, length 0.
pub const PING: [u8; 2] = [0x89, 0];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn refused(text: &str) -> (ErrorCode, Option<String>) {
        let refusal = decode(text).expect_err(text);
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
        assert_eq!(decode(event), Ok(message));
        assert_eq!(decode(r#"{"event":"typing","message":5}"#), Ok(ClientEvent::Typing));
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
            let message = decode(&event).expect_err("no event").message;
            assert!(message.chars().count() <= limits::REFUSAL_CHARACTERS + 30, "{message:.100}");
        }
    }

    #[test]
    fn a_message_may_have_4000_characters_of_any_size() {
        let text = "🧊".repeat(limits::MESSAGE_CHARACTERS);
        let event = format!(r#"{{"event":"send_message","message":"{text}"}}"#);
        assert!(decode(&event).is_ok() && event.len() <= limits::FRAME_BYTES);
        assert_eq!(refused(&event.replacen('🧊', "🧊🧊", 1)).0, ErrorCode::TooLong);
    }

    #[test]
    fn a_history_has_a_limit() {
        for limit in [1, 50, limits::HISTORY_MESSAGES] {
            let event = format!(r#"{{"event":"request_history","before":9,"limit":{limit}}}"#);
            assert_eq!(decode(&event), Ok(ClientEvent::RequestHistory { before: 9, limit }));
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
        assert_eq!(decode(event), search(Position::MAX, limits::SEARCH_DEFAULT));
        let event = r#"{"event":"search","query":"Ana B","before":7,"limit":50}"#;
        assert_eq!(decode(event), search(7, limits::SEARCH_MESSAGES));
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

    /// The payload of the one frame in `bytes`, by the header's own account.
    fn payload(bytes: &[u8]) -> &[u8] {
        assert_eq!(bytes[0], 0x81, "final, text");
        let (length, header) = match bytes[1] {
            126 => (usize::from(u16::from_be_bytes([bytes[2], bytes[3]])), 4),
            127 => (bytes[2..10].iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), 10),
            short => (usize::from(short), 2),
        };
        assert_eq!(bytes.len(), header + length);
        &bytes[header..]
    }

    fn message(text: &str) -> Message<'_> {
        Message {
            id: u64::MAX,
            at: i64::MIN,
            username: "Ana",
            role: Role::Member,
            message: text,
            client_message_id: Some("7"),
            deleted: true,
        }
    }

    #[test]
    fn frames_of_every_length_carry_it_in_their_header() {
        for length in [0, 1, 20, 100, 65_300, 65_500, 65_536, 300_000] {
            let text = "x".repeat(length);
            let mut bytes = b"before".to_vec();
            encode(&ServerEvent::ReceiveMessage(message(&text)), &mut bytes);
            let json: serde_json::Value = serde_json::from_slice(payload(&bytes[6..])).expect("JSON");
            assert_eq!((&json["event"], &json["message"]), (&"receive_message".into(), &text.into()));
        }
    }

    proptest! {
        #[test]
        fn messages_are_written_as_everything_else_is(
            text in "[\\x00-\\x7f\u{80}-\u{ffff}]{0,300}",
            name in ".{0,9}",
            id in proptest::option::of("[ -~]{1,9}"),
            deleted in proptest::bool::ANY,
        ) {
            for role in [Role::Guest, Role::Member, Role::Host] {
                let message = Message {
                    username: &name, role, client_message_id: id.as_deref(), deleted, ..message(&text)
                };
                let (mut ours, mut serdes) = (Vec::new(), Vec::new());
                write_message(&message, &mut ours);
                write_json(&ServerEvent::ReceiveMessage(message), &mut serdes);
                prop_assert_eq!(String::from_utf8(ours), String::from_utf8(serdes));
            }
        }

        #[test]
        fn decode_answers_whatever_comes(text in ".{0,200}") {
            let _ = decode(&text);
            let _ = decode(&format!(r#"{{"event":"send_message","message":"{text}"}}"#));
        }

        #[test]
        fn no_message_is_larger_than_its_bound(text in "[\\x00-\\x7f\u{80}-\u{ffff}]{0,200}") {
            let mut bytes = Vec::new();
            encode(&ServerEvent::ReceiveMessage(message(&text)), &mut bytes);
            prop_assert!(bytes.len() <= encoded_bytes(&text, "Ana", Some("7")));
        }
    }
}
