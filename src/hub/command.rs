//! What the hub is told, and what it answers.

use std::sync::Arc;

use bytes::Bytes;
use crossbeam_channel::Sender;

use super::{Claim, Ended};
use crate::accounts::{AccountId, Login};
use crate::clients::{ClientId, Permit};
use crate::names::Name;
use crate::protocol::{ClientEvent, CloseCode, Position, Refusal};
use crate::sender::Link;

/// What the hub is told.
pub enum Command {
    /// A client wants to be live.
    Register(Registration),
    /// What one wake-up of a client's thread gave, in order, at most [`crate::limits::COMMAND_BYTES`].
    Batch(ClientId, Vec<Request>),
    /// The last word of a client's thread: its socket is nobody's any more.
    Left(ClientId),
    /// Somebody signs up.
    Claim(Claim),
    /// They did not: the name that was held for this claim is free again.
    Unclaim(Name, u64),
    /// They did. Who is here under the name is logged in from now on.
    Enrol(Arc<Login>),
    /// These sessions have ended: their connections close.
    End(Ended),
    /// The account is deleted, and all its sessions with it.
    Deleted(AccountId),
    /// The server stops.
    Stop,
}

/// One thing a client's thread hands over.
pub enum Request {
    /// What the client said.
    Event(ClientEvent),
    /// What the thread refused by itself, or has to tell.
    Refuse(Refusal),
    /// Finished frames: a ping, a pong.
    Frames(Vec<u8>),
    /// A finished `history` or `results`. The first permit ends when it has been taken up, so that few of them exist at a time; the
    /// second when the client has it whole, so that each has one at a time.
    Answer(Vec<u8>, Permit, Permit),
    /// The connection is to be ended.
    Close(CloseCode),
    /// The client said goodbye; this is the answer.
    Goodbye(Vec<u8>),
}

/// A client's thread asks to be registered after a position.
pub struct Registration {
    /// The client's socket. The thread wrote to it so far.
    pub link: Arc<Link>,
    /// From where on.
    pub resume: Resume,
    /// Who is logged in.
    pub login: Option<Arc<Login>>,
    /// Takes one answer.
    pub answer: Sender<Answer>,
}

/// What a client has already.
#[derive(Debug, Clone)]
pub enum Resume {
    /// Nothing.
    Fresh,
    /// Everything up to this position of the log with this epoch, as the client says.
    After(Position, String),
    /// The welcome, and everything up to this position: it caught up by itself so far.
    Continue(Position),
}

/// The hub's answer to a registration, at once in every case.
pub enum Answer {
    /// The client is live; the hub writes from here on.
    Live(ClientId),
    /// Too much for the hub: write these, ask again from this position on.
    Frames(Vec<Bytes>, Position),
    /// Older than what the hub keeps: read the log, ask again. No position means the newest
    /// [`crate::limits::FRESH_MESSAGES`], after a welcome with this head and this `reset`.
    Log(Option<Position>, Position, bool),
}
