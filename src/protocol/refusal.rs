//! How the server says no: to one request, or by ending a connection.

use serde::Serialize;

use super::Position;
use super::reason::Reason;
use crate::limits;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// Not an event of this protocol, or a field of it is missing, of a wrong type or out of range.
    BadRequest,
    TooLong,
    /// The message has nothing to read in it.
    Empty,
    /// Somebody else has this name, or one that looks like it.
    NameTaken,
    /// The name breaks a rule of [`crate::protocol::names`].
    BadUsername,
    NameRequired,
    LoginRequired,
    /// Faster than the pace: told, not refused.
    RateLimited,
    /// The disk did not take it: nobody was shown it.
    NotSaved,
    NotHost,
    /// There is no such message, person or account.
    NotFound,
    /// Only hosts may write at the moment.
    Locked,
    /// Nobody new gets a name at the moment.
    DoorClosed,
    Muted,
    /// A host has removed this person: told over HTTP, a connection is closed.
    Removed,
    /// Every name stays with its holder at the moment.
    NamesFixed,
    /// This person has written less than slow mode's pause ago.
    SlowMode,
}

/// An `error` event: what was refused and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refusal {
    pub code: ErrorCode,
    /// A sentence for people.
    pub message: String,
    /// The same for a program that has words of its own.
    #[serde(flatten)]
    pub reason: Box<Reason>,
    /// The message that was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_message_id: Option<String>,
    #[serde(flatten)]
    pub reaction: Option<Box<RefusedReaction>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    /// A name that is free.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suggestion: Option<String>,
}

/// The reaction that was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RefusedReaction {
    pub message_id: Position,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reaction: Option<String>,
}

impl From<Reason> for Refusal {
    fn from(reason: Reason) -> Refusal {
        Refusal {
            code: reason.code(),
            message: reason.to_string(),
            reason: Box::new(reason),
            client_message_id: None,
            reaction: None,
            retry_after_ms: None,
            suggestion: None,
        }
    }
}

impl Refusal {
    /// The same, of the message with this id.
    #[must_use]
    pub fn of(self, client_message_id: Option<String>) -> Refusal {
        Refusal { client_message_id, ..self }
    }

    /// The same, of this reaction.
    #[must_use]
    pub fn of_reaction(self, message_id: Position, reaction: &str) -> Refusal {
        // What is longer is nobody's, and not echoed.
        let reaction = Some(reaction).filter(|it| it.len() <= limits::SIGN_BYTES).map(str::to_owned);
        Refusal { reaction: Some(Box::new(RefusedReaction { message_id, reaction })), ..self }
    }

    /// The same, to be tried again after so many milliseconds.
    #[must_use]
    pub fn after(self, ms: u64) -> Refusal {
        Refusal { retry_after_ms: Some(ms), ..self }
    }
}

/// Why a connection ends, as its close code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloseCode {
    Stopping = 1001,
    Protocol = 1002,
    Unsupported = 1003,
    Invalid = 1007,
    /// A frame above [`crate::limits::FRAME_BYTES`].
    TooBig = 1009,
    /// The room is full, or this address has too many connections.
    Full = 1013,
    /// Only who is logged in may be here; or was, until now.
    SessionEnded = 4401,
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
