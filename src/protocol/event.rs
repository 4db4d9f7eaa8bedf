//! What both sides say: events with their fields as the wire names them.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::Arc;

use serde::{Serialize, Serializer};

use super::{KeyHash, Lowered, Person, Position, Question, Refusal, Renamed, Role};
use crate::limits;
use crate::protocol::names::Name;
use crate::protocol::search::Query;
use crate::protocol::signs::{Counts, Signs};

/// A client's request.
#[derive(Debug, PartialEq, Eq)]
pub enum ClientEvent {
    Join {
        /// A member has one already.
        username: Option<Name>,
        /// Proves that a guest's names are theirs.
        guest_key: Option<KeyHash>,
        /// The scope of `client_message_id`.
        tab_key: Option<KeyHash>,
    },
    SendMessage {
        /// 1 to [`limits::MESSAGE_CHARACTERS`] scalar values.
        message: String,
        /// The sender's own id of it; a second message with the same is a retry.
        client_message_id: Option<String>,
        /// Joins with this name first, where it is not the connection's.
        username: Option<Name>,
        /// The message that it answers.
        reply_to: Option<Position>,
    },
    Typing,
    DeleteMessage {
        message_id: Position,
    },
    React {
        message_id: Position,
        /// At most [`limits::SIGN_BYTES`].
        reaction: String,
        /// False takes one's own back.
        on: bool,
    },
    /// For hosts alone.
    WhoReacted(Position),
    Moderate(Moderate),
    /// Raises one's hand, or asks something else.
    RaiseHand {
        /// For hosts alone.
        question: Option<String>,
    },
    LowerHand(Lowered),
    RequestHistory {
        before: Position,
        /// 1 to [`limits::HISTORY_MESSAGES`].
        limit: usize,
    },
    /// `request_history` of these, at most [`limits::HISTORY_IDS`], in the log's order.
    RequestMessages(Vec<Position>),
    Search {
        query: Query,
        before: Position,
        /// 1 to [`limits::SEARCH_MESSAGES`].
        limit: usize,
    },
}

/// A host's request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Moderate {
    /// Only hosts may write.
    Lock,
    Unlock,
    /// Nobody new gets a name.
    CloseDoor,
    OpenDoor,
    FixNames,
    FreeNames,
    /// Seconds between two messages of one person, at most [`limits::SLOW_MODE_SECONDS`]; 0 for none.
    SlowMode(u32),
    /// By their name; or where that can be another's by now, whoever said this message under it.
    Mute {
        name: Name,
        message_id: Option<Position>,
    },
    Unmute(Name),
    Remove {
        name: Name,
        message_id: Option<Position>,
        /// Nor may anybody else come from their address.
        keep_device_out: bool,
    },
    /// They may come back.
    Allow(Name),
    /// The owner of the account with this name needs a new password.
    IssueReset(Name),
    /// Frees this name: its holder is called otherwise, and it is kept for nobody any more.
    FreeName(Name),
    /// Signing up needs another code from now on.
    NewInvite,
    SetTitle(String),
    /// Everything that this person has said lately is deleted; where several have had the name, whoever said this message.
    DeleteRecent {
        name: Name,
        minutes: u32,
        message_id: Option<Position>,
    },
    /// This message stands above all others, for whoever comes later too; in place of the one before.
    Pin(Position),
    Unpin,
    /// Everything that was said goes.
    Clear,
}

/// A host's deed, as the host's panel shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HostAction {
    /// Milliseconds since 1970, UTC.
    pub at: i64,
    /// The host's name in the room.
    pub host: Arc<str>,
    /// As in `moderate`; or `delete`.
    pub action: Cow<'static, str>,
    /// Whom it was about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<Arc<str>>,
    /// Anything else to say of it, such as the new title.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// Somebody has told that they forgot their password, and waits for a host to issue a link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ResetRequest {
    /// The account's name in the room.
    pub username: String,
    /// Milliseconds since 1970, UTC.
    #[serde(rename = "at")]
    pub at_ms: i64,
}

/// A message of the log, as `receive_message`, `history` and `results` have it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Message<'a> {
    /// Its position.
    pub id: Position,
    /// When the server took it, in milliseconds since 1970, UTC.
    pub at: i64,
    pub username: Cow<'a, str>,
    /// The sender's then; a guest's, once their account is deleted.
    pub role: Role,
    pub message: Cow<'a, str>,
    /// The sender's own id of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_message_id: Option<Cow<'a, str>>,
    /// The message that it answers, which may have been deleted since.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<Position>,
    /// In pages alone; live, they have an event of their own.
    #[serde(skip_serializing_if = "Counts::is_empty")]
    pub reactions: Counts,
    /// True, with an empty text, in the answer to a retry of what was deleted since.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub deleted: bool,
}

/// By sign, the names of those who have reacted with it: at most [`limits::REACTORS`] each, who came first.
#[derive(Debug, Default)]
pub struct Reactors(pub Vec<(String, Vec<Arc<str>>)>);

impl Serialize for Reactors {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(sign, names)| (sign, names)))
    }
}

/// The owner of the login cookie.
#[derive(Debug, Clone, Serialize)]
pub struct WelcomeSession<'a> {
    /// None where a host has come without an account.
    pub username: Option<&'a str>,
    pub role: Role,
    /// A host has taken the name that the account had: its owner may choose another.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub choose_name: bool,
}

/// The bounds that a page needs to know.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct WireLimits {
    message_characters: usize,
    username_characters: usize,
}

pub(crate) const WIRE_LIMITS: WireLimits = WireLimits {
    message_characters: limits::MESSAGE_CHARACTERS,
    username_characters: limits::NAME_CHARACTERS,
};

#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum ServerEvent<'a> {
    /// The first event of every connection.
    Welcome {
        epoch: &'a str,
        /// The newest position now: what comes with an id up to it is backfill.
        position: Position,
        /// Drop what you show.
        reset: bool,
        /// There are older messages than those that follow.
        more: bool,
        session: Option<WelcomeSession<'a>>,
        limits: WireLimits,
        reactions: &'a Signs,
    },
    Joined {
        /// The name as the room shows it.
        username: &'a str,
        role: Role,
        /// May not write.
        muted: bool,
    },
    ReceiveMessage(&'a Message<'a>),
    MessageDeleted {
        /// The deletion's own position.
        id: Position,
        message_id: Position,
    },
    Reactions {
        /// Their own position.
        id: Position,
        message_id: Position,
        /// All that the message has now.
        reactions: &'a Counts,
    },
    /// The answer to `react`: it is so now, if it was not before.
    Reacted {
        message_id: Position,
        reaction: &'a str,
        on: bool,
    },
    /// The answer to `who_reacted`.
    Reactors {
        message_id: Position,
        reactors: &'a Reactors,
    },
    /// The answer to `request_history`.
    History {
        /// Oldest first.
        messages: &'a [Message<'a>],
        /// There are older ones; or of those that were asked for, more than fit.
        more: bool,
        /// The newest position when they were read.
        position: Position,
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
        /// The newest position when they were read.
        position: Position,
    },
    /// Everybody in `users`, else the changes.
    Presence {
        online: usize,
        #[serde(skip_serializing_if = "Option::is_none")]
        users: Option<&'a [Person]>,
        #[serde(skip_serializing_if = "<[_]>::is_empty")]
        joined: &'a [Person],
        #[serde(skip_serializing_if = "<[_]>::is_empty")]
        left: &'a [Arc<str>],
        /// Who joined under a new name, and who among those who left that was.
        #[serde(skip_serializing_if = "<[_]>::is_empty")]
        renamed: &'a [Renamed],
    },
    Typing {
        /// At most [`limits::TYPING_NAMES`].
        usernames: &'a [&'a str],
        /// How many more.
        others: usize,
    },
    /// Whose hands are up: the first [`limits::HANDS_TOLD`], in order.
    Hands {
        hands: &'a [Arc<str>],
        more: bool,
    },
    /// What holds for everybody.
    Room {
        title: &'a str,
        /// Only hosts may write.
        locked: bool,
        /// Nobody new gets a name.
        door_closed: bool,
        /// Seconds between two messages of one person, 0 for none.
        slow_mode_seconds: u32,
        /// Guests keep the name that they have.
        names_fixed: bool,
        /// Reading needs an account.
        members_only: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        pinned: Option<&'a Message<'a>>,
    },
    /// For hosts alone.
    Moderation {
        muted: &'a [Arc<str>],
        removed: &'a [Arc<str>],
        /// The newest first.
        reset_requests: &'a [ResetRequest],
        /// Needed to sign up; null where anybody may.
        invite_code: Option<&'a str>,
        /// The newest first, at most [`limits::HOST_ACTIONS_SHOWN`].
        actions: &'a VecDeque<HostAction>,
        /// What is asked by those in `hands`.
        questions: &'a [Question],
        /// How full the history is, from [`limits::HISTORY_TOLD_PERCENT`] on; at 100 messages are refused.
        #[serde(skip_serializing_if = "Option::is_none")]
        history_percent: Option<u64>,
    },
    /// A link under which somebody chooses a new password, for the host who asked.
    ResetIssued {
        username: &'a str,
        link: &'a str,
        /// Milliseconds since 1970, UTC.
        expires_at: i64,
        /// The link as a QR code.
        qr_svg: &'a str,
    },
    Error(&'a Refusal),
}
