//! What the hub is told, and what it answers.

use std::sync::Arc;

use bytes::Bytes;
use crossbeam_channel::Sender;

use super::{ChosenName, EndedSessions, HoldName, TakeName};
use crate::accounts::email::Email;
use crate::accounts::{HostNews, ResetLink, Session, Taken};
use crate::hub::clients::ClientId;
use crate::hub::sender::ClientSocket;
use crate::hub::visitor::Visitor;
use crate::protocol::AccountId;
use crate::protocol::names::Name;
use crate::protocol::{ClientEvent, CloseCode, KeyHash, Position, Refusal};
use crate::room::kept::AccountBrowser;
use crate::store::Recent;
use crate::sys::permits::Permit;

/// What the hub is told.
pub enum Command {
    /// A client wants to be live.
    Register(Registration),
    /// What one wake-up of a client's thread gave, in order, at most [`crate::limits::COMMAND_BYTES`].
    Batch(ClientId, Vec<Request>),
    /// The last word of a client's thread: its socket is nobody's any more.
    Unregister(ClientId),
    /// Somebody signs up, or chooses another name for their account: it is to be held for them.
    HoldName(HoldName),
    /// The name that was held for this claim is free again: nothing came of it.
    ReleaseName(Name, u64),
    /// Somebody has signed up, in a browser with this cookie. A guest here under the name is logged in from now on.
    AccountCreated(Arc<Session>, Option<KeyHash>),
    /// Somebody has logged in, and may read without ever joining.
    LoggedIn(AccountBrowser),
    /// Somebody who came so forgot the password of the account with this address, if there is one.
    PasswordForgotten(Email, Visitor),
    /// Somebody has chosen another name for their account.
    NameChosen(ChosenName),
    /// What became of [`Job::TakeName`].
    NameTaken(TakeName, Result<Taken, Refusal>),
    /// A name is to be freed, by `chat-app free-name`.
    FreeName(Name),
    /// What became of [`Job::NewInvite`]: the code that counts now.
    InviteMade(ClientId, Result<String, Refusal>),
    /// These sessions have ended: their connections close.
    EndSessions(EndedSessions),
    /// The account is deleted, and all its sessions with it.
    AccountDeleted(AccountId),
    /// What has changed outside of the room that hosts are to know.
    HostNews(HostNews),
    /// What became of [`Job::IssueReset`].
    ResetIssued(ClientId, Result<IssuedReset, Refusal>),
    /// What became of [`Job::FindRecent`].
    RecentFound(ClientId, Recent, Result<Vec<Position>, Refusal>),
    /// The server stops.
    Stop,
}

/// What a client's thread has to read in the log by itself.
pub struct LogPart {
    /// After this position; none means the newest [`crate::limits::FRESH_MESSAGES`].
    pub after: Option<Position>,
    /// The newest position now.
    pub head: Position,
    /// The log's name.
    pub epoch: String,
    /// A welcome comes first, with this `reset`.
    pub welcome: Option<bool>,
}

/// What is done aside, on the thread of [`crate::server::jobs`].
#[derive(Debug)]
pub enum Job {
    /// Somebody forgot the password of the account with this address, if there is one.
    Forgot(Email),
    /// A host wants a reset link for the account with this name.
    IssueReset(ClientId, Name),
    /// A host deletes what somebody has said lately.
    FindRecent(ClientId, Recent),
    /// A host wants the name of an account.
    TakeName(TakeName),
    /// A host wants another invite code.
    NewInvite(ClientId),
    /// The server stops.
    Stop,
}

/// A reset link for a host to show.
#[derive(Debug)]
pub struct IssuedReset {
    pub link: ResetLink,
    /// The same as a QR code.
    pub qr_svg: String,
}

/// One thing a client's thread hands over.
pub enum Request {
    /// What the client said.
    Event(ClientEvent),
    /// Finished frames: a ping, a pong, what the thread refused by itself or has to tell.
    Frames(Vec<u8>),
    /// An answer that was read in the log.
    Answer(LogAnswer),
    /// The connection is to be ended.
    Close(CloseCode),
    /// The client said goodbye; this is the answer.
    Goodbye(Vec<u8>),
}

/// A finished answer that was read in the log.
pub struct LogAnswer {
    pub frame: Vec<u8>,
    /// The same without any message: what is left of it if the log is cleared meanwhile.
    pub empty: Vec<u8>,
    /// Up to where the log was cleared when it was read.
    pub cleared: Position,
    /// Ends when the answer has been taken up, so that few of them exist at a time.
    pub taken: Permit,
    /// Ends when the client has it whole, so that each has one at a time.
    pub whole: Permit,
}

/// A client's thread asks to be registered after a position.
pub struct Registration {
    /// The client's socket. The thread wrote to it so far.
    pub socket: Arc<ClientSocket>,
    /// From where on.
    pub resume: Resume,
    pub visitor: Visitor,
    /// Takes one answer.
    pub answer: Sender<Registered>,
}

/// What a client has already.
#[derive(Debug, Clone)]
pub enum Resume {
    /// Nothing.
    Fresh,
    /// Everything up to this position of the log with this epoch, as the client says.
    After(Position, String),
    /// The welcome, and everything up to this position of the log with this epoch: it caught up by itself so far.
    Continue(Position, String),
}

/// The hub's answer to a registration, at once in every case.
pub enum Registered {
    /// The client is live; the hub writes from here on.
    Live(ClientId),
    /// A host has removed this person.
    Removed,
    /// Too much for the hub: write these, ask again from this position of the log with this epoch on.
    Frames(Vec<Bytes>, Position, String),
    /// Older than what the hub keeps: read the log, ask again.
    Log(LogPart),
}
