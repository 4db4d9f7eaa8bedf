//! The wire protocol: what a client may say, what the server says, and both as WebSocket text frames.
//!
//! One JSON object a frame, its kind in `event`. Pure: no I/O, no state. [`decode()`] turns a frame's text into a
//! [`ClientEvent`] whose fields already keep every rule that needs no knowledge of the room; [`encode()`] turns a
//! [`ServerEvent`] into a frame that is ready to be written to any number of sockets. What a frame's parts may be stands in [`names`], [`title`], [`origin`] and
//! [`search`].

mod decode;
mod encode;
pub(crate) mod names;
pub(crate) mod origin;
pub(crate) mod search;
pub(crate) mod title;

use std::borrow::Cow;

use serde::Serialize;

use crate::limits;
use crate::protocol::names::Name;
use crate::protocol::search::Query;

pub(crate) use decode::hash_key;
pub use decode::{LastName, decode};
pub(crate) use encode::{PING, encode_close, frame};
pub use encode::{encode, encoded_bytes};

/// A place in the log: each change of it takes the next one, from 1 on. 0 is before the first.
pub(crate) type Position = u64;

/// Names one account for ever.
pub(crate) type AccountId = i64;

/// SHA-256 of a `guest_key` or `tab_key`: the keys themselves are kept nowhere.
pub(crate) type KeyHash = [u8; 32];

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
    /// The name breaks a rule of [`crate::protocol::names`].
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

/// Somebody has told that they forgot their password, and waits for a host to issue a link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ResetRequest {
    /// The account's name in the room.
    pub username: String,
    /// When, in milliseconds since 1970, UTC.
    #[serde(rename = "at")]
    pub at_ms: i64,
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
pub struct WelcomeSession<'a> {
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
pub(crate) const WIRE_LIMITS: WireLimits = WireLimits {
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
        session: Option<WelcomeSession<'a>>,
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
        reset_requests: &'a [ResetRequest],
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
